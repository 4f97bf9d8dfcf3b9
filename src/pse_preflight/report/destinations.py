"""Where a run writes: tried before anything is asked."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from pse_preflight.errors import UsageProblem


def refuse_folder(evidence: Path, aliases: Iterable[str]) -> None:
    """Make the evidence folder, and refuse it where nothing can be written there.

    Args:
        aliases: the systems whose own folders must be writable, too, where they exist.

    Raises:
        UsageProblem: naming the folder and --evidence.
    """
    folder = evidence
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (evidence, *(evidence / each for each in aliases)):
            if folder.exists():
                _make_and_remove(folder / f".pse-preflight.{os.getpid()}")
    except OSError as error:
        reason = "it is a file" if os.path.isfile(folder) else _reason(error, folder)  # noqa: PTH113 - never fails
        raise UsageProblem(
            f"what is seen cannot be written to {folder}: {reason}; name a folder of your own with --evidence=DIR"
        ) from None


def refuse_file(option: str, named: str) -> None:
    """Refuse a file that a run could not write at its end; a missing folder is made for it.

    Args:
        option: which one names it.
        named: the file as it was named.

    Raises:
        UsageProblem: naming the file that was asked for.
    """
    file = Path.cwd() / named
    try:
        if file.is_dir():
            example = Path(named) / _EXAMPLES[option]
            raise UsageProblem(f"{option}={named}: is a folder; name a file in it, such as {example}")
        file.parent.mkdir(parents=True, exist_ok=True)
        if option == "--junitxml" and file.exists() and not os.access(file, os.W_OK):  # pytest writes into it
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _try_to_make(file)
    except OSError as error:
        raise UsageProblem(f"{option}={named}: cannot be written: {_reason(error, file)}") from None


_LONGEST_PATH = 259
_EXAMPLES: Mapping[str, str] = {"--trust-report": "trust.html", "--junitxml": "report.xml", "--pack": "run.zip"}


def _try_to_make(file: Path) -> None:
    """Make the file if it is not there, and the one that will take its place, and remove them again."""
    with contextlib.suppress(FileExistsError):
        file.open("xb").close()
        file.unlink()
    _make_and_remove(file.with_name(f".{file.name}.{os.getpid()}"))


def _make_and_remove(file: Path) -> None:
    file.open("wb").close()
    file.unlink()


def _reason(error: OSError, path: Path) -> str:
    if sys.platform == "win32" and len(os.path.abspath(path)) > _LONGEST_PATH:  # noqa: PTH100 - it need not be there
        return f"this Windows takes no path of more than {_LONGEST_PATH} characters here"
    return error.strerror or type(error).__name__
