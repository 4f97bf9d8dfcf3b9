"""The condition of a PSE on disk: there or not, readable, with or without PIN, and what it holds."""

import enum
import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pse_preflight.errors import PreflightError
from pse_preflight.files import read_beginning
from pse_preflight.json_types import Mode, WholeCertificate
from pse_preflight.pse.errors import DamagedPse, MachineBoundPse, NotAPse, PinNeeded, PseError
from pse_preflight.pse.file import LARGEST_FILE, TrustedCertificate, read
from pse_preflight.pse.kinds import FileKind, kind_of_file
from pse_preflight.windows import descriptor, system

CREDENTIALS = "cred_v2"
"""The file beside a PSE in which SAP's programs keep PINs."""


_STORES = frozenset({FileKind.PKCS12, FileKind.JAVA_KEY_STORE, FileKind.PEM})
"""Kinds of files by which other clients trust."""


class State(enum.Enum):
    """What stands at the path of a PSE."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_UNDERSTOOD = "of a kind that is not known here"
    HAS_PIN = "has a PIN"
    MACHINE_BOUND = "bound to a machine"
    PLAIN = "plain"


HOLDS_KEY = "it holds a private key without PIN"


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
        open_folders: those further up, or of a link, in which everybody may put another one in the place of what leads
            to the file.
    """

    owner: str
    folder_mode: Mode
    folder_owner: str
    seen_by: str
    open_folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """Who may do what with a file on Windows.

    Attributes:
        file, folder: owner and access list of the file, and of the folder that it lies in, in SDDL.
        seen_by: the SID of the account that looked.
        names: what the system calls the SIDs in them.
        problem: why they are not known, in words; then they are empty.
    """

    file: str = ""
    folder: str = ""
    seen_by: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class Closed(enum.Enum):
    """Why a PSE that is there cannot be opened."""

    IN_USE = "another program has it open"
    NOT_PERMITTED = "not permitted to this account"


@dataclass(frozen=True, slots=True)
class Condition:
    """A PSE as it was found.

    Attributes:
        path: where.
        state: what stands there.
        problem: why it cannot be read, or not understood, in words.
        remedy: how the file is got whole, or what is done with one of its kind, where that is known.
        content: what it holds, where it is plain.
        mode: its POSIX access rights; None on Windows.
        has_credentials: a file with PINs for SAP's own programs lies beside it.
        rights: who may change or replace it; None on Windows, and where nothing is there.
        access_list: the same on Windows; None elsewhere, and where nothing is there.
        closed: why it cannot be opened, where that is what is wrong.
        digest: SHA-256 of the whole file, which tells whether another one stands there later.
    """

    path: Path
    state: State
    problem: str = ""
    content: PseContent | None = field(default=None, repr=False)
    mode: Mode | None = None
    has_credentials: bool = False
    rights: Rights | None = None
    access_list: AccessList | None = None
    closed: Closed | None = None
    digest: str = ""
    remedy: str = ""

    @property
    def why_private(self) -> str:
        """Return why nobody else should read it: a PSE that only verifies others has no own key."""
        has_key = self.content is not None and self.content.owner is not None
        return HOLDS_KEY if has_key else "nobody but its account needs to"

    def is_unchanged(self, now: "Condition") -> bool:
        """Tell whether the same file still stands there, with the same access rights."""
        seen = (self.state, self.digest, self.mode, self.rights, self.access_list)
        return seen == (now.state, now.digest, now.mode, now.rights, now.access_list)


def look(path: Path) -> Condition:
    """Look at the PSE at a path without changing anything."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without an end
            return Condition(path, State.UNREADABLE, "it is a folder" if path.is_dir() else "it is no plain file")
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = read_beginning(stream, LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        if any(each.is_file() for each in path.parents):
            return Condition(path, State.UNREADABLE, f"a part of its folder is no folder: {path.parent}")
        return Condition(path, State.MISSING)
    except OSError as error:
        return _closed(path, error)
    mode = None if sys.platform == "win32" else stat.S_IMODE(status.st_mode)
    digest = hashlib.sha256(content).hexdigest()
    found = replace(_understood(path, content, mode), digest=digest)
    if sys.platform == "win32":
        return replace(found, access_list=access_list(path))
    return replace(found, rights=_rights(path, status))


def _closed(path: Path, error: OSError) -> Condition:
    """Tell why a PSE cannot be opened; Python does not say of Windows that another program has it open."""
    if not isinstance(error, PermissionError):
        return Condition(path, State.UNREADABLE, error.strerror or type(error).__name__)
    if sys.platform == "win32" and system.why_not_opened(path) in system.FILE_IN_USE:
        said = "another program has it open, and lets nobody else read it"
        return Condition(path, State.UNREADABLE, said, closed=Closed.IN_USE)
    return Condition(path, State.UNREADABLE, error.strerror or "not permitted", closed=Closed.NOT_PERMITTED)


def access_list(path: Path) -> AccessList:
    """Return who may do what with a file of Windows, and with its folder."""
    try:
        file, folder = (system.read_descriptor(each) for each in (path, _folder(path)))
        sids = {sid for text in (file, folder) for sid in descriptor.named(descriptor.read_descriptor(text))}
    except PreflightError as error:
        return AccessList(problem=str(error))
    names = {sid: system.name_of(sid) for sid in sorted(sids)}
    return AccessList(file=file, folder=folder, seen_by=system.me().sid, names=names)


def _folder(path: Path) -> Path:
    """Return the folder in which a file lies; Windows follows no link in a path of 260 characters and more."""
    try:
        return path.resolve().parent
    except OSError:
        return path.absolute().parent


def _rights(path: Path, status: os.stat_result) -> Rights:
    folder = _folder(path).stat()
    return Rights(
        owner=_account_name(status.st_uid),
        folder_mode=stat.S_IMODE(folder.st_mode),
        folder_owner=_account_name(folder.st_uid),
        seen_by=_account_name(os.geteuid()),
        open_folders=tuple(str(each) for each in _on_the_way(path) if _is_open(each)),
    )


def _on_the_way(path: Path) -> Iterable[Path]:
    """Yield the folders through which one comes to a file, as it is written and where links lead, but for its own."""
    own = _folder(path)
    written = (each for each in Path(os.path.abspath(path)).parents if each != own)  # noqa: PTH100 - follows no link
    return dict.fromkeys((*own.parents, *written))


def _is_open(folder: Path) -> bool:
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


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
        return replace(_not_understood(path, content, error), mode=mode, has_credentials=beside)


def _not_understood(path: Path, content: bytes, error: PseError) -> Condition:
    found = kind_of_file(content)
    if found.kind in {FileKind.UNKNOWN, FileKind.PSE_UNKNOWN}:
        is_none = isinstance(error, NotAPse | DamagedPse)  # whatever a program lists of it
        return Condition(path, State.UNREADABLE if is_none else State.NOT_UNDERSTOOD, str(error))
    other = "; a client that is not SAP's takes it as `truststore`" if found.kind in _STORES else ""
    return Condition(path, State.UNREADABLE, f"it is {found.what}", remedy=f"{found.remedy}{other}")


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
