"""The condition of a PSE on disk: there or not, readable, with or without PIN, and what it holds."""

import enum
import hashlib
import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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
class PseContent:
    """What a PSE holds, but for its private key.

    Attributes:
        owner: the owner's certificate, where it can be read.
        trusted: the certificate list.
    """

    owner: WholeCertificate | None
    trusted: tuple[TrustedCertificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Who may do what with a file on POSIX.

    Attributes:
        owner: the name of its owner, or the number of one without a name.
        folder_mode, folder_owner: of the folder that it lies in: whoever may write there may replace the file.
        seen_by: the account that looked.
    """

    owner: str
    folder_mode: Mode
    folder_owner: str
    seen_by: str


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
        rights: who may change or replace it; None on Windows, and where nothing is there.
        digest: SHA-256 of the whole file, which tells whether another one stands there later.
    """

    path: Path
    state: State
    problem: str = ""
    content: PseContent | None = field(default=None, repr=False)
    mode: Mode | None = None
    has_credentials: bool = False
    rights: Rights | None = None
    digest: str = ""

    def is_unchanged(self, now: "Condition") -> bool:
        """Tell whether the same file still stands there, with the same access rights."""
        seen = (self.state, self.digest, self.mode, self.rights)
        return seen == (now.state, now.digest, now.mode, now.rights)


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
    digest = hashlib.sha256(content).hexdigest()
    return replace(_understood(path, content, mode), digest=digest, rights=_rights(path, status))


def _rights(path: Path, status: os.stat_result) -> Rights | None:
    if sys.platform == "win32":
        return None
    folder = path.resolve().parent.stat()
    return Rights(
        owner=_account_name(status.st_uid),
        folder_mode=stat.S_IMODE(folder.st_mode),
        folder_owner=_account_name(folder.st_uid),
        seen_by=_account_name(os.geteuid()),
    )


def _account_name(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _understood(path: Path, content: bytes, mode: int | None) -> Condition:
    beside = path.with_name(CREDENTIALS).is_file()
    try:
        file = read(content)
        return Condition(path, State.PLAIN, "", PseContent(file.owner, file.trusted), mode, beside)
    except PinNeeded as error:
        return Condition(path, State.HAS_PIN, str(error), None, mode, beside)
    except MachineBoundPse as error:
        return Condition(path, State.MACHINE_BOUND, str(error), None, mode, beside)
    except PseError as error:
        return Condition(path, State.NOT_UNDERSTOOD, str(error), None, mode, beside)


def neighbours(path: Path, places: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return the other PSE files: those in its folder by their names, and those in other places by their paths.

    What is hidden is left out: a run that goes on beside this one has files of its own there.
    """
    beside = [each.name for each in _pses_in(path.parent) if each.name != path.name]
    others = dict.fromkeys(each for each in places if each != path.parent)
    return (*beside, *(str(each) for folder in others for each in _pses_in(folder)))


def _pses_in(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.glob("*.pse") if not each.name.startswith("."))
    except OSError:
        return []
