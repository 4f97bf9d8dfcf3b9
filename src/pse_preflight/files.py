"""How a file of ours is written: whole, or not at all."""

import contextlib
import os
from pathlib import Path


def write_whole(file: Path, text: str) -> Path:
    """Write a file so that nobody ever reads half of it.

    Raises:
        OSError: where that is not possible.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        temporary.replace(file)
    except OSError as error:
        error.filename = str(file)  # nobody has asked for the temporary one
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return file
