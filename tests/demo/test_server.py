"""A demo system answers for as long as somebody holds it, and leaves nothing behind."""

import gc
import socket
import threading
from pathlib import Path

import pytest

from pse_preflight.demo.server import describe

SECONDS = 30


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _answering() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "demo system"}


def test_it_answers_while_it_is_held_and_its_thread_ends_with_it(tmp_path: Path) -> None:
    before = _answering()
    held = describe("", tmp_path)
    held.start()
    held.start()
    port = _port(str(held.keys["url"]))
    (thread,) = _answering() - before
    gc.collect()
    socket.create_connection(("127.0.0.1", port), SECONDS).close()
    assert thread.is_alive()
    del held
    gc.collect()
    thread.join(SECONDS)
    assert not thread.is_alive()
    with pytest.raises(OSError):  # noqa: PT011 - refused, in the words of this system
        socket.create_connection(("127.0.0.1", port), SECONDS)


def test_one_that_is_never_started_keeps_no_port(tmp_path: Path) -> None:
    held = describe("", tmp_path)
    port = _port(str(held.keys["url"]))
    del held
    gc.collect()
    with socket.socket() as again:
        again.bind(("127.0.0.1", port))
