"""The condition of a PSE on disk: there or not, readable, with or without PIN, private, whose."""

import enum
import fnmatch
import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code, Severity
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Finding, finding
from pse_preflight.pse import name as distinguished_name
from pse_preflight.pse.file import LARGEST_FILE, MachineBoundPse, PinNeeded, PseError, TrustedCertificate, read

_CREDENTIALS = "cred_v2"
_KINDS = {
    "theo-*.pse": "; by its name it is a PSE that Theobald's products keep for SNC",
    "*sncs*.pse": "; by its name it is a PSE for SNC logon (Secure Network Communications)",
}
"""What file names tell of PSEs that have a PIN for a good reason; letters' case has no say."""


class State(enum.Enum):
    """What stands at the path of a PSE."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_UNDERSTOOD = "of a kind that is not known here"
    HAS_PIN = "has a PIN"
    MACHINE_BOUND = "bound to a machine"
    PLAIN = "plain"


class Content(Protocol):
    """What is judged of a PSE's content; its private key is no part of it."""

    @property
    def owner(self) -> Certificate | None:
        """Return the owner's certificate, where it can be read."""

    @property
    def trusted(self) -> tuple[TrustedCertificate, ...]:
        """Return the certificate list."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A PSE as it was found.

    Attributes:
        path: where.
        state: what stands there.
        problem: why it cannot be read, or not understood, in words.
        file: its content, where it is plain.
        mode: its POSIX access rights; None on Windows.
    """

    path: Path
    state: State
    problem: str = ""
    file: Content | None = field(default=None, repr=False)
    mode: int | None = None


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
    try:
        return Condition(path, State.PLAIN, "", read(content), mode)
    except PinNeeded as error:
        return Condition(path, State.HAS_PIN, str(error), None, mode)
    except MachineBoundPse as error:
        return Condition(path, State.MACHINE_BOUND, str(error), None, mode)
    except PseError as error:
        return Condition(path, State.NOT_UNDERSTOOD, str(error), None, mode)


def findings(condition: Condition, dn: str | None, moment: datetime) -> tuple[Finding, ...]:
    """Say what is wrong with who can read a PSE that is there, and with whose it is."""
    judged = (_privacy(condition), *_owner(condition, dn, moment))
    return tuple(each for each in judged if each is not None)


def unreadable(condition: Condition, told: str = "") -> Finding:
    """Say that a PSE cannot be read.

    Args:
        told: what the tool says of it, where it was asked.
    """
    return finding(
        Code.PSE_UNREADABLE,
        f"{condition.path} cannot be read as a PSE: {condition.problem}{told}",
        fix="correct `pse` in systems.yaml, or move the file away and let a new PSE be created",
    )


def only_listed(condition: Condition, tool: str) -> Finding:
    """Say that a PSE is known by what the tool lists and by nothing else."""
    return finding(
        Code.PSE_UNREADABLE,
        f"{condition.path} is not understood here ({condition.problem}), but {tool} lists it; it is judged by that list"
        " alone",
        fix="nothing, if the client works with it; its owner and its certificates could not be compared",
        severity=Severity.MINOR,
    )


def has_pin(condition: Condition, told: str = "") -> Finding:
    """Say that a PSE has a PIN, and what is known to use such a PSE.

    Args:
        told: what the tool says of it, where it was asked.
    """
    kind = _kind_by_name(condition.path.name)
    credentials = ""
    if condition.path.with_name(_CREDENTIALS).is_file():
        credentials = f"; the {_CREDENTIALS} beside it keeps PINs for SAP's own programs and does not help this client"
    return finding(
        Code.PSE_HAS_PIN,
        f"{condition.path} is protected by a PIN{told}, and the client has no way to give one{kind}{credentials}",
        fix="leave it, and name another file as `pse`: a separate client PSE without PIN is then created there",
    )


def machine_bound(condition: Condition, *, listed: bool, told: str = "") -> Finding:
    """Say that a PSE is bound to one machine; it is no obstacle where the tool can list it here.

    Args:
        told: what the tool says of it, where it was asked.
    """
    where = ", and it can be listed on this one" if listed else f", and its list cannot be had on this one{told}"
    return finding(
        Code.PSE_MACHINE_BOUND,
        f"{condition.path} is bound to the machine that made it (LPS){where}",
        fix="where it does not work, name another file as `pse`",
        severity=None if listed else Severity.BLOCKER,
    )


def neighbours(path: Path) -> tuple[str, ...]:
    """Return the names of the other PSE files in the folder, sorted."""
    try:
        return tuple(sorted(each.name for each in path.parent.glob("*.pse") if each.name != path.name))
    except OSError:
        return ()


def _kind_by_name(name: str) -> str:
    return next((what for pattern, what in _KINDS.items() if fnmatch.fnmatch(name.lower(), pattern)), "")


def _privacy(condition: Condition) -> Finding | None:
    mode = condition.mode or 0
    if mode & stat.S_IROTH:
        code, whom = Code.PSE_READABLE_BY_OTHERS, "everybody on this machine"
    elif mode & stat.S_IRGRP:
        code, whom = Code.PSE_READABLE_BY_GROUP, "the file's group"
    else:
        return None
    return finding(
        code,
        f"{condition.path} (mode {mode:04o}) can be read by {whom}, and it holds a private key without PIN",
        fix="let its account alone read it",
        commands=[("chmod", "600", str(condition.path))],
    )


def _owner(condition: Condition, dn: str | None, moment: datetime) -> Iterable[Finding | None]:
    if condition.file is None:
        return
    owner = condition.file.owner
    if owner is None:
        if dn is not None:
            yield _no_owner(condition, dn)
        return
    if owner.not_after < moment:
        yield finding(
            Code.PSE_OWNER_EXPIRED,
            f"the own certificate of {condition.path}, {owner.label}, has ended",
            fix="nothing, unless the client logs on with this certificate",
            certificates=[owner.sha256],
        )
    if dn is not None and not _is_named(dn, owner.parsed.subject):
        yield finding(
            Code.PSE_OWNER_DIFFERS,
            f"{condition.path} belongs to {distinguished_name.text(owner.parsed.subject)}, and `dn` says {dn}",
            fix="correct `dn`, or name another file as `pse`",
            certificates=[owner.sha256],
        )


def _no_owner(condition: Condition, dn: str) -> Finding:
    return finding(
        Code.PSE_OWNER_DIFFERS,
        f"{condition.path} has no own certificate that can be read, and `dn` says {dn}",
        fix="take `dn` out of systems.yaml, or name another file as `pse`",
    )


def _is_named(dn: str, subject: object) -> bool:
    try:
        wanted = distinguished_name.parse(dn)
    except PreflightError:
        return False
    return distinguished_name.same(wanted, subject)  # type: ignore[arg-type]
