"""How a file of ours is written, whole or not at all, and whether one is there."""

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


def is_file(path: Path) -> bool:
    """Tell whether a file is seen there; where this account may not look, it sees none."""
    return os.path.isfile(path)  # noqa: PTH113 - never fails


def is_folder(path: Path) -> bool:
    """Tell whether a folder is seen there; where this account may not look, it sees none."""
    return os.path.isdir(path)  # noqa: PTH112 - never fails


def leave_owner_rights() -> None:
    """Let this process keep its own rights to what it makes, whatever umask it was started with."""
    os.umask(os.umask(0o077) & 0o077)
