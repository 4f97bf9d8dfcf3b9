"""Run a program: no shell, nothing to read, one stream of output, a bound on its time and on what it prints."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

_CHUNK = 1 << 16
_GRACE = 5.0
_LAST_WORDS = 0.5
_LOOK_EVERY = 0.05
_KILLED = -9


@dataclass(frozen=True, slots=True)
class ProcessEnded:
    """How a program ended.

    Attributes:
        code: its exit code; negative where a signal ended it (POSIX).
        output: everything it printed, on stdout and on stderr, in the order it was written.
        overtime: it was ended because its time was over.
        overflow: it was ended because it printed more than was allowed.
    """

    code: int
    output: bytes
    overtime: bool = False
    overflow: bool = False


@dataclass(slots=True)
class _OutputReader:
    """Collect what a program prints, up to a bound."""

    stream: IO[bytes]
    largest: int
    output: bytearray = field(default_factory=bytearray)
    overflow: bool = False

    def read(self) -> None:
        """Read until the end; the stream belongs to this thread alone, since a grandchild may hold it open for ever."""
        with self.stream:
            while chunk := self.stream.read(_CHUNK):
                if len(self.output) + len(chunk) > self.largest:
                    self.overflow = True
                    return
                self.output += chunk


def run(command: Sequence[str], environment: Mapping[str, str], *, seconds: float, largest: int) -> ProcessEnded:
    """Run a program to its end, or end it together with all it has started.

    Files that it makes can be read by this user only, where the system knows a umask.

    Args:
        seconds: how long it may take.
        largest: how many bytes it may print.

    Raises:
        OSError: where it cannot be started.
    """
    deadline = time.monotonic() + seconds
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        env=dict(environment),
        **_own_group(),
    )
    try:
        return _watch(process, deadline, largest)
    finally:
        if process.returncode is None:
            _end(process)


def _watch(process: subprocess.Popen[bytes], deadline: float, largest: int) -> ProcessEnded:
    reader = _OutputReader(cast(IO[bytes], process.stdout), largest)
    thread = threading.Thread(target=reader.read, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the machine has no thread left for it
        reader.stream.close()
        raise OSError(errno.EAGAIN, str(error)) from None
    overtime = not _comes_to_its_end(process, reader, thread, deadline)
    if process.returncode is None:
        _end(process)
    thread.join(_GRACE if overtime or reader.overflow else _LAST_WORDS)
    code = _KILLED if process.returncode is None else process.returncode
    return ProcessEnded(code, bytes(reader.output), overtime, reader.overflow)


def _comes_to_its_end(
    process: subprocess.Popen[bytes], reader: _OutputReader, thread: threading.Thread, deadline: float
) -> bool:
    """Wait until a program has printed too much, or has ended and what it printed is read.

    What it has started is not waited for: a child that outlives it may keep its output open for ever.
    """
    while (left := deadline - time.monotonic()) > 0:
        thread.join(min(left, _LOOK_EVERY))
        if not thread.is_alive():
            return reader.overflow or _has_ended(process, deadline)
        if _left_only_children(process):
            thread.join(min(left, _LAST_WORDS))
            return True
    return False


def _has_ended(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _left_only_children(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a program has ended; where the system allows, its number stays its own until it is waited for."""
    if sys.platform == "linux":
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    return process.poll() is not None


def _own_group() -> dict[str, Any]:
    """Return what puts a program into a group of its own, so that it can be ended with its children."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    else:  # noqa: RET505 - type checkers follow the platform by branches
        return {"start_new_session": True, "umask": 0o077}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that has not been waited for, so that its number is still its own, and its group."""
    if sys.platform == "win32":
        taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            # What it says goes nowhere: to read it would need a thread, which there may be none left for.
            subprocess.run(
                [taskkill, "/T", "/F", "/PID", str(process.pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=_GRACE,
            )
    else:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
