"""A value that many threads ask for together is made once; what fails is tried again."""

import threading

import pytest

from pse_preflight.once import LazyProperty, once


def test_threads_that_ask_together_get_the_one_that_is_made() -> None:
    made: list[str] = []
    all_there, another = threading.Barrier(8, timeout=30), threading.Event()

    @once
    def value(name: str) -> object:
        made.append(name)
        if len(made) > 1:
            another.set()
        another.wait(0.2)  # for one that makes it, too, where nothing keeps it from that
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


def test_a_lazy_property_is_made_when_it_is_asked_for_and_once_in_each_object() -> None:
    made: list[str] = []

    class Thing:
        def __init__(self, name: str) -> None:
            self.name = name

        @LazyProperty
        def length(self) -> int:
            """Count the letters."""
            made.append(self.name)
            return len(self.name)

    one, other = Thing("one"), Thing("other")
    assert made == []
    assert (one.length, one.length, other.length) == (3, 3, 5)
    assert made == ["one", "other"]
    assert Thing.length.__doc__ == "Count the letters."


def test_threads_make_lazy_properties_of_two_objects_at_the_same_time() -> None:
    """Each waits for the other within its property; with one lock for both, neither would ever come."""
    both = threading.Barrier(2, timeout=30)

    class Thing:
        @LazyProperty
        def met(self) -> bool:
            both.wait()
            return True

    things = [Thing(), Thing()]
    threads = [threading.Thread(target=lambda each=each: each.met) for each in things]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert [each.__dict__ for each in things] == [{"met": True}] * 2
