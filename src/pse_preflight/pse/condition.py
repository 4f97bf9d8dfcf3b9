"""The condition of a PSE on disk: there or not, readable, with or without PIN, private, whose."""

import enum
import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pse_preflight.errors import PreflightError
from pse_preflight.findings import Finding, finding
from pse_preflight.pse import name as distinguished_name
from pse_preflight.pse.file import LARGEST_FILE, MachineBoundPse, PinNeeded, PseError, PseFile, read


class State(enum.Enum):
    """What stands at the path of a PSE."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    HAS_PIN = "has a PIN"
    MACHINE_BOUND = "bound to a machine"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Condition:
    """A PSE as it was found.

    Attributes:
        path: where.
        state: what stands there.
        problem: why it cannot be read, in words.
        file: its content, where it is plain.
        mode: its POSIX access rights; None on Windows.
    """

    path: Path
    state: State
    problem: str = ""
    file: PseFile | None = field(default=None, repr=False)
    mode: int | None = None


def look(path: Path) -> Condition:
    """Look at the PSE at a path without changing anything."""
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return Condition(path, State.MISSING)
    except NotADirectoryError:
        return Condition(path, State.UNREADABLE, f"a part of its folder is no folder: {path.parent}")
    except OSError as error:
        return Condition(path, State.UNREADABLE, _problem(path, error))
    mode = None if sys.platform == "win32" else stat.S_IMODE(status.st_mode)
    return _understood(path, content, mode)


def _problem(path: Path, error: OSError) -> str:
    return "it is a folder" if path.is_dir() else error.strerror or type(error).__name__


def _understood(path: Path, content: bytes, mode: int | None) -> Condition:
    try:
        return Condition(path, State.PLAIN, "", read(content), mode)
    except PinNeeded as error:
        return Condition(path, State.HAS_PIN, str(error), None, mode)
    except MachineBoundPse as error:
        return Condition(path, State.MACHINE_BOUND, str(error), None, mode)
    except PseError as error:
        return Condition(path, State.UNREADABLE, str(error), None, mode)


def findings(condition: Condition, dn: str | None, moment: datetime) -> tuple[Finding, ...]:
    """Say what is wrong with a PSE that is there: readability, PIN, privacy, owner."""
    judged = (
        _readability(condition),
        _protection(condition),
        _privacy(condition),
        *_owner(condition, dn, moment),
    )
    return tuple(each for each in judged if each is not None)


def neighbours(path: Path) -> tuple[str, ...]:
    """Return the names of the other PSE files in the folder, sorted."""
    try:
        return tuple(sorted(each.name for each in path.parent.glob("*.pse") if each.name != path.name))
    except OSError:
        return ()


def _readability(condition: Condition) -> Finding | None:
    if condition.state is not State.UNREADABLE:
        return None
    return finding(
        "PSE_UNREADABLE",
        f"{condition.path} cannot be read as a PSE: {condition.problem}",
        fix="correct `pse` in systems.yaml, or move the file away and let a new PSE be created",
    )


def _protection(condition: Condition) -> Finding | None:
    if condition.state is State.HAS_PIN:
        return finding(
            "PSE_HAS_PIN",
            f"{condition.path} is protected by a PIN, and the client has no way to give one (cred_v2 does not help here)",
            fix="leave it, and name another file as `pse`: a client PSE without PIN is then created there",
        )
    if condition.state is State.MACHINE_BOUND:
        return finding(
            "PSE_MACHINE_BOUND",
            f"{condition.path} is bound to the machine that made it (LPS)",
            fix="where it does not work here, name another file as `pse`",
        )
    return None


def _privacy(condition: Condition) -> Finding | None:
    mode = condition.mode or 0
    code, whom = (
        ("PSE_READABLE_BY_OTHERS", "everybody on this machine")
        if mode & stat.S_IROTH
        else ("PSE_READABLE_BY_GROUP", "the file's group")
        if mode & stat.S_IRGRP
        else ("", "")
    )
    if not code:
        return None
    return finding(
        code,
        f"{condition.path} (mode {mode:04o}) can be read by {whom}, and it holds a private key without PIN",
        fix="let its account alone read it",
        commands=[("chmod", "600", str(condition.path))],
    )


def _owner(condition: Condition, dn: str | None, moment: datetime) -> Iterable[Finding | None]:
    owner = condition.file.owner if condition.file else None
    if owner is None:
        return
    if owner.not_after < moment:
        yield finding(
            "PSE_OWNER_EXPIRED",
            f"the own certificate of {condition.path}, {owner.label}, has ended",
            fix="nothing, unless the client logs on with this certificate",
            certificates=[owner.sha256],
        )
    if dn is not None and not _is_named(dn, owner.parsed.subject):
        yield finding(
            "PSE_OWNER_DIFFERS",
            f"{condition.path} belongs to {distinguished_name.text(owner.parsed.subject)}, and `dn` says {dn}",
            fix="correct `dn`, or name another file as `pse`",
            certificates=[owner.sha256],
        )


def _is_named(dn: str, subject: object) -> bool:
    try:
        wanted = distinguished_name.parse(dn)
    except PreflightError:
        return False
    return distinguished_name.same(wanted, subject)  # type: ignore[arg-type]
