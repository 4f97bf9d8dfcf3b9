"""How this program is started again: the words of a command that runs in a plain shell of this machine."""

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from pse_preflight.command import one_file
from pse_preflight.files import is_file
from pse_preflight.findings import Command, quoted

PROGRAM = "pse-preflight"
OPENGENPSE = "opengenpse"

_PACKAGE = Path(__file__).resolve().parents[1]


def invocation(program: str = PROGRAM, *arguments: str) -> Command:
    """Return the words that start this program, or opengenpse, whatever PATH and environment are.

    The console script is named by its absolute path where it is installed; a checkout that nobody has installed is
    started by its Python; the program of one file starts itself.

    Args:
        program: `pse-preflight` or `opengenpse`.
    """
    as_subcommand = () if program == PROGRAM else (program,)
    if file := one_file.path():
        return (str(file), *(() if one_file.is_opengenpse() else as_subcommand), *arguments)
    script = next((each for each in _places(program) if is_file(each)), None)
    if script:
        return (str(script), *arguments)
    return (sys.executable, str(_PACKAGE), *as_subcommand, *arguments)


def place() -> str:
    """Return where this program lies: its file, or the folder of its modules."""
    return str(one_file.path() or _PACKAGE)


def pasteable(*arguments: str, program: str = PROGRAM) -> str:
    """Return such a command as one line for the shell of this machine."""
    return quoted(invocation(program, *arguments))


def _places(program: str) -> Iterator[Path]:
    """Yield where the console script may be: beside the one that runs now, or where this Python installs them."""
    name = f"{program}.exe" if sys.platform == "win32" else program
    running = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path()
    if running.is_absolute() and running.stem in {PROGRAM, OPENGENPSE}:
        yield running.with_name(name)
    for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")):
        yield Path(sysconfig.get_path("scripts", scheme)) / name
