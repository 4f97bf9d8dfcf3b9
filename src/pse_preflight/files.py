"""How a file of ours is written: whole, or not at all."""

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
    finally:
        temporary.unlink(missing_ok=True)
    return file
