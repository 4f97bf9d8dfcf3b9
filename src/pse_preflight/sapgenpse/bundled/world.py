"""Everything outside of the program: what it is told by, what it says, clock, dice; and how it refuses."""

import getpass
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TextIO

from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight import __version__
from pse_preflight.errors import PreflightError
from pse_preflight.sapgenpse import paths

PROGRAM = "opengenpse"
NOT_SAPS = f"{PROGRAM} {__version__} (pse-preflight), an open implementation; this is not SAP's sapgenpse"

_NOBODY = "no answer, the input has ended"

OK, FAILED, MISUSED, NO_CREDENTIALS = 0, 1, 2, 21


class Refused(PreflightError):
    """A command cannot do what it was asked.

    Attributes:
        exit_code: what the program ends with.
    """

    exit_code = FAILED


class Misused(Refused):
    """The arguments cannot be understood."""

    exit_code = MISUSED


class NoCredentials(Refused):
    """Nothing is kept in cred_v2; the exit code is that of SAP's tool."""

    exit_code = NO_CREDENTIALS


@dataclass(frozen=True, slots=True)
class World:
    """What the program is told by, what it says, its clock, its dice and the rules of paths."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    make_key: Callable[[int], rsa.RSAPrivateKey]
    windows: bool

    @property
    def zone(self) -> tzinfo | None:
        """Return the time zone of printed dates; None is this machine's."""
        return UTC if self.environ.get("TZ") in {"UTC", "UTC0", "GMT"} else None

    @property
    def secudir(self) -> Path:
        """Return the folder of the PSEs."""
        return paths.secudir(self.environ, windows=self.windows).absolute()

    @property
    def user(self) -> str:
        """Return the name of the account."""
        return self.environ.get("USERNAME") or self.environ.get("USER") or self.environ.get("LOGNAME", "")

    def say(self, *lines: str) -> None:
        """Print lines of normal output."""
        self.stdout.writelines(f"{line}\n" for line in lines)

    def ask(self, prompt: str, instead: str = "") -> str:
        """Ask a question on stderr and return the line that is typed.

        Args:
            instead: the option that gives the answer where nobody can be asked.
        """
        self.stderr.write(prompt)
        self.stderr.flush()
        line = self.stdin.readline()
        if not line:
            raise _nobody(instead)
        return as_typed(line.rstrip("\r\n"))

    def ask_secret(self, prompt: str, instead: str) -> str:
        """Ask a question whose answer is not shown.

        Args:
            instead: the option that gives the answer where nobody can be asked.
        """
        try:
            if _is_typed_at(self.stdin):
                return as_typed(getpass.getpass(prompt, self.stderr))
            return self.ask(prompt, instead)
        except EOFError:
            raise _nobody(instead) from None
        except UnicodeDecodeError:
            raise Refused(
                "the answer has a character that cannot be read; check the encoding of the terminal"
            ) from None

    def ask_new_secret(self, what: str, both: str, instead: str) -> str:
        """Ask twice for a secret that is to be set.

        Args:
            both: what two of them are called.
            instead: the option that gives it where nobody can be asked.
        """
        given = self.ask_secret(f"Please enter {what}: ", instead)
        if given != self.ask_secret(f"Please reenter {what}: ", instead):
            raise Refused(f"the two {both} are not the same")
        return given


def _nobody(instead: str) -> Refused:
    return Refused(f"{_NOBODY}; where nobody can be asked, give it with {instead}" if instead else _NOBODY)


if sys.platform == "win32":

    def _is_typed_at(stdin: TextIO) -> bool:
        """Tell whether somebody can type there; a device such as NUL is a terminal for Python, and no console."""
        import ctypes
        import msvcrt

        if not stdin.isatty():
            return False
        try:
            handle = ctypes.c_void_p(msvcrt.get_osfhandle(stdin.fileno()))
        except OSError:  # no file of the system's
            return True
        return bool(ctypes.windll.kernel32.GetConsoleMode(handle, ctypes.byref(ctypes.c_ulong())))

else:

    def _is_typed_at(stdin: TextIO) -> bool:
        """Tell whether somebody can type there."""
        return stdin.isatty()


def as_typed(text: str) -> str:
    """Return what was typed where the locale, such as C, knows no such letters: they are UTF-8 then, as a rule."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text
