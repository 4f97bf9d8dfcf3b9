"""How a file of ours is written, whole or not at all, how any is read, and whether one is there."""

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

Result = TypeVar("Result")

_LONGEST_WAIT = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
IN_USE = frozenset({5, 32, 33})
"""ERROR_ACCESS_DENIED, _SHARING_VIOLATION, _LOCK_VIOLATION: another program has the file open."""

_PIECE = 1 << 16
_HOUR = 3600.0
_MARK = ".preflight"
_LEFTOVER = re.compile(rf"[0-9]+-[0-9]+{re.escape(_MARK)}")


def write_whole(file: Path, text: str) -> Path:
    """Write a file so that nobody ever reads half of it.

    What a run that was killed has left of the same file is removed, once it is an hour old.

    Raises:
        OSError: where that is not possible.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}{_MARK}")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("x", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            stream.write(text)
        patiently(lambda: temporary.replace(file))
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(file)  # nobody has asked for the temporary one
        raise
    with contextlib.suppress(OSError):
        _remove_leftovers(file)
    return file


def _remove_leftovers(file: Path) -> None:
    begin = f".{file.name}."
    for each in os.scandir(file.parent):
        is_ours = each.name.startswith(begin) and _LEFTOVER.fullmatch(each.name.removeprefix(begin))
        if is_ours and each.stat(follow_symlinks=False).st_mtime < time.time() - _HOUR:
            Path(each.path).unlink()


def read_beginning(stream: IO[bytes], count: int) -> bytes:
    """Read so many bytes at most, in pieces: reading them at once takes memory for all, however few there are."""
    found = bytearray()
    while len(found) < count and (piece := stream.read(min(_PIECE, count - len(found)))):
        found += piece
    return bytes(found)


def is_file(path: Path) -> bool:
    """Tell whether a file is seen there; where this account may not look, it sees none."""
    return os.path.isfile(path)  # noqa: PTH113 - never fails


def is_folder(path: Path) -> bool:
    """Tell whether a folder is seen there; where this account may not look, it sees none."""
    return os.path.isdir(path)  # noqa: PTH112 - never fails


def leave_owner_rights() -> None:
    """Let this process keep its own rights to what it makes, whatever umask it was started with."""
    os.umask(os.umask(0o077) & 0o077)


def patiently(act: Callable[[], Result], *, in_use: frozenset[int] = IN_USE, seconds: float = _LONGEST_WAIT) -> Result:
    """Do something with a file; on Windows again, with growing pauses, while another program has it open.

    Elsewhere a file that is open can be replaced. A virus scanner or another worker of this run lets go of it soon.

    Args:
        in_use: the numbers of Windows' errors that are waited for.
        seconds: how long, at most.

    Raises:
        OSError: what the last try raised.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return act()
        except OSError as error:
            number = getattr(error, "winerror", None)  # Windows' own
            if number not in in_use or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
