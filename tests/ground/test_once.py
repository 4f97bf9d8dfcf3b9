"""A value that many threads ask for together is made once; what fails is tried again."""

import threading

import pytest

from pse_preflight.once import once


def test_threads_that_ask_together_get_the_one_that_is_made() -> None:
    made: list[str] = []
    all_there = threading.Barrier(8, timeout=30)

    @once
    def value(name: str) -> object:
        made.append(name)
        return object()

    got: list[object] = []

    def ask() -> None:
        all_there.wait()
        got.append(value("a"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert made == ["a"]
    assert len(set(map(id, got))) == 1
    assert len(got) == 8
    assert value("b") is not got[0]
    assert value("a") is got[0]


def test_what_failed_is_not_kept() -> None:
    answers = iter([ValueError("not yet"), None])

    @once
    def value() -> int:
        if error := next(answers):
            raise error
        return 7

    with pytest.raises(ValueError, match="not yet"):
        value()
    assert value() == value() == 7
