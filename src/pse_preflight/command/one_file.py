"""The program of one file, which needs no Python: the one place that knows that this may be it.

`scripts/build_program.py` makes it. As one file it unpacks itself into a folder of its own each time it is started; as
a folder in a zip it lies beside its parts. The rest of the package is the wheel's, and runs the same.
"""

import contextlib
import os
import sys
from pathlib import Path

from pse_preflight.command import leftovers

OPENGENPSE = "opengenpse"

_LICENCES = "LICENSES.txt"
_WINDOWS = sys.platform == "win32"
_LIBRARY_PATH = "LD_LIBRARY_PATH"
_OF_A_DOUBLE_CLICK = 2
"""How many processes, at most, have a console that a double click opened: the one that unpacks, and this one."""


def path() -> Path | None:
    """Return the file that this program is; None where a Python runs its modules."""
    return Path(sys.executable) if getattr(sys, "frozen", False) else None


def is_opengenpse() -> bool:
    """Tell whether this is the program of one file under the name of opengenpse."""
    file = path()
    return file is not None and OPENGENPSE in {file.stem.lower(), Path(sys.argv[0]).stem.lower()}


def begin() -> None:
    """Make this process what a Python would have made it, and remove what a run that was killed has left."""
    _have_streams()
    _leave_libraries_to_others()
    leftovers.remove(Path(_unpacked()))


def end() -> None:
    """Let who has started the program by a double click read what it says."""
    if len(sys.argv) == 1 and _has_a_console_of_its_own():
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            input("\nPress Enter to close this window. ")


def licences() -> str | None:
    """Return the licences of all parts; None where they are with each part, as a Python has installed it."""
    return None if path() is None else Path(_unpacked(), _LICENCES).read_text(encoding="utf-8")


def _unpacked() -> str:
    """Return the folder of all parts, as PyInstaller tells it."""
    return str(getattr(sys, "_MEIPASS", ""))


def _have_streams() -> None:
    """Let a program that nobody gave a console speak into the void instead of failing for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _leave_libraries_to_others() -> None:
    """Let the programs that this one starts, such as SAP's, load their own libraries, and not the ones in here."""
    before = os.environ.pop(f"{_LIBRARY_PATH}_ORIG", None)
    os.environ.pop(_LIBRARY_PATH, None)
    if before is not None:
        os.environ[_LIBRARY_PATH] = before


def _has_a_console_of_its_own() -> bool:
    """Tell whether the window closes with this program, as after a double click."""
    if not _WINDOWS or not sys.stdin.isatty():
        return False
    import win32console

    return len(win32console.GetConsoleProcessList()) <= _OF_A_DOUBLE_CLICK
