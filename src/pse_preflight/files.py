"""How a file of ours is written: whole, or not at all."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_LONGEST_WAIT = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
IN_USE = frozenset({5, 32, 33})
"""ERROR_ACCESS_DENIED, _SHARING_VIOLATION, _LOCK_VIOLATION: another program has the file open."""


def write_whole(file: Path, text: str) -> Path:
    """Write a file so that nobody ever reads half of it.

    Raises:
        OSError: where that is not possible.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        patiently(lambda: temporary.replace(file))
    except OSError as error:
        error.filename = str(file)  # nobody has asked for the temporary one
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return file


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
