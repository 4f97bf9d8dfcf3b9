"""The condition of a PSE on disk: there or not, readable, with or without PIN, and what it holds."""

import enum
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from pse_preflight.json_types import Mode, WholeCertificate
from pse_preflight.pse.file import LARGEST_FILE, MachineBoundPse, PinNeeded, PseError, TrustedCertificate, read

CREDENTIALS = "cred_v2"
"""The file beside a PSE in which SAP's programs keep PINs."""


class State(enum.Enum):
    """What stands at the path of a PSE."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_UNDERSTOOD = "of a kind that is not known here"
    HAS_PIN = "has a PIN"
    MACHINE_BOUND = "bound to a machine"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Content:
    """What a PSE holds, but for its private key.

    Attributes:
        owner: the owner's certificate, where it can be read.
        trusted: the certificate list.
    """

    owner: WholeCertificate | None
    trusted: tuple[TrustedCertificate, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A PSE as it was found.

    Attributes:
        path: where.
        state: what stands there.
        problem: why it cannot be read, or not understood, in words.
        content: what it holds, where it is plain.
        mode: its POSIX access rights; None on Windows.
        has_credentials: a file with PINs for SAP's own programs lies beside it.
    """

    path: Path
    state: State
    problem: str = ""
    content: Content | None = field(default=None, repr=False)
    mode: Mode | None = None
    has_credentials: bool = False


def look(path: Path) -> Condition:
    """Look at the PSE at a path without changing anything."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without an end
            return Condition(path, State.UNREADABLE, "it is a folder" if path.is_dir() else "it is no plain file")
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return Condition(path, State.MISSING)
    except NotADirectoryError:
        return Condition(path, State.UNREADABLE, f"a part of its folder is no folder: {path.parent}")
    except OSError as error:
        return Condition(path, State.UNREADABLE, error.strerror or type(error).__name__)
    mode = None if sys.platform == "win32" else stat.S_IMODE(status.st_mode)
    return _understood(path, content, mode)


def _understood(path: Path, content: bytes, mode: int | None) -> Condition:
    beside = path.with_name(CREDENTIALS).is_file()
    try:
        file = read(content)
        return Condition(path, State.PLAIN, "", Content(file.owner, file.trusted), mode, beside)
    except PinNeeded as error:
        return Condition(path, State.HAS_PIN, str(error), None, mode, beside)
    except MachineBoundPse as error:
        return Condition(path, State.MACHINE_BOUND, str(error), None, mode, beside)
    except PseError as error:
        return Condition(path, State.NOT_UNDERSTOOD, str(error), None, mode, beside)


def neighbours(path: Path) -> tuple[str, ...]:
    """Return the names of the other PSE files in the folder, sorted."""
    try:
        return tuple(sorted(each.name for each in path.parent.glob("*.pse") if each.name != path.name))
    except OSError:
        return ()
