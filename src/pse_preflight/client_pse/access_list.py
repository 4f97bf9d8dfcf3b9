"""Who else may read or replace a PSE on Windows, by the access lists of the file and of its folder. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse.condition import HOLDS_KEY, AccessList
from pse_preflight.findings import Command, Finding, finding, quoted
from pse_preflight.windows.descriptor import (
    ADMINISTRATORS,
    EVERYONE,
    OWNER_RIGHTS,
    SYSTEM,
    DescriptorUnreadable,
    is_crowd,
    is_keeper,
    may_change,
    may_replace_in,
    read_descriptor,
    readers,
)

_CREATOR = "S-1-3-0"


@dataclass(frozen=True, slots=True)
class Others:
    """Whoever a PSE is not for, by what they may do.

    Attributes:
        read: the SIDs that may read the private key.
        change: those that may change the file, by its own list.
        replace: those that may put another in its place, by the list of the folder.
        owner: the SID of its owner, or of its folder's, who may change the list; empty where it is one who is meant.
    """

    read: frozenset[str]
    change: frozenset[str]
    replace: frozenset[str]
    owner: str = ""


def others(seen: AccessList, meant: frozenset[str]) -> Others | None:
    """Return who else may do what; None where the lists are not known, or in no form that is known here.

    Args:
        meant: the SIDs of the client's account and group; whoever looked and the administrators are meant, too.
    """
    try:
        file, folder = read_descriptor(seen.file), read_descriptor(seen.folder)
    except DescriptorUnreadable:
        return None
    if seen.problem:
        return None
    own = meant | {seen.seen_by, _CREATOR, OWNER_RIGHTS}

    def strangers(sids: Iterable[str]) -> frozenset[str]:
        return frozenset(sid for sid in sids if sid not in own and not is_keeper(sid))

    owner = next(iter(strangers(filter(None, (file.owner, folder.owner)))), "")
    return Others(strangers(readers(file)), strangers(may_change(file)), strangers(may_replace_in(folder)), owner)


def findings(
    path: Path, seen: AccessList, meant: frozenset[str] = frozenset(), *, why: str = HOLDS_KEY
) -> Iterator[Finding]:
    """Name who else may read the PSE, and who may decide whom the client trusts, with what mends it.

    Args:
        meant: the SIDs of the client's account and group.
        why: why nobody else should read it.
    """
    found = others(seen, meant)
    if found is None:
        return
    keep = tuple(dict.fromkeys((SYSTEM, ADMINISTRATORS, seen.seen_by)))
    grants = (*(f"*{sid}:(F)" for sid in keep), *(f"*{sid}:(R)" for sid in sorted(meant - {*keep})))
    closed = found.read | found.change
    out = ("/remove:g", *(f"*{sid}" for sid in sorted(closed))) if closed else ()
    close = ("icacls", str(path), "/inheritance:r", "/grant:r", *grants, *out)
    if found.read:
        told = finding(
            Code.PSE_READABLE_BY_OTHERS if any(map(is_crowd, found.read)) else Code.PSE_READABLE_BY_GROUP,
            f"{path} can be read by {_names(found.read, seen)}, and {why}",
            fix="let its account, SYSTEM and the administrators alone read it",
            commands=[close],
        )
        yield told if meant else _unless_the_client(told, closed, seen)
    for told in _writable(path, seen, found, close):
        strangers = found.replace | ({found.owner} if found.owner else set()) | (closed if found.change else set())
        yield told if meant else _unless_the_client(told, strangers, seen)


def _unless_the_client(told: Finding, strangers: Iterable[str], seen: AccessList) -> Finding:
    maybe = sorted(seen.names.get(sid, sid) for sid in strangers if not is_crowd(sid))
    return unless_the_client(told, maybe, windows=True)


def unless_the_client(told: Finding, maybe: Sequence[str], *, windows: bool) -> Finding:
    """Ask first whether one of those who would lose a right is the client, where nobody has said who that is.

    Args:
        maybe: the accounts, by their names.
        windows: they are of Windows.
    """
    if not maybe:
        return told
    commands = " && ".join(quoted(command, windows=windows) for command in told.commands)
    mends = ": ".join(part for part in (told.fix, commands) if part)
    one_of = "one of " if len(maybe) > 1 else ""
    ask = f"if {one_of}{', '.join(maybe)} is the client's account, say so (client.account) and run again"
    return replace(told, fix=f"{ask}; else {mends}", commands=())


def _writable(path: Path, seen: AccessList, found: Others, close: Command) -> Iterator[Finding]:
    folder = PureWindowsPath(path).parent
    reading = (f"*{sid}:(OI)(CI)(RX)" for sid in sorted(found.replace))  # other files there may be theirs to read
    read_only = ("icacls", str(folder), "/inheritance:d", "/grant:r", *reading)
    to_administrators = ("icacls", str(path), "/setowner", f"*{ADMINISTRATORS}")
    ways = [
        (found.change, _names(found.change, seen), close),
        (found.replace, f"{_names(found.replace, seen)}, in {folder}", read_only),
        (found.owner, f"its owner {_names([found.owner], seen)}", to_administrators),
    ]
    ways = [each for each in ways if each[0]]
    if not ways:
        return
    is_root = found.replace and folder == folder.parent
    move = f"; {folder} is open to all by its nature, so move the PSE into a folder of its own" if is_root else ""
    yield finding(
        Code.PSE_WRITABLE_BY_OTHERS,
        f"{path} can be changed or replaced by {'; '.join(whom for _, whom, _ in ways)}, who so decide whom the client"
        " trusts",
        fix=f"let its account, SYSTEM and the administrators alone write to it and to its folder{move}",
        commands=dict.fromkeys(command for _, _, command in ways if not (is_root and command[1] == str(folder))),
        severity=None if found.change or found.owner or any(map(is_crowd, found.replace)) else Severity.MINOR,
    )


def _names(sids: Iterable[str], seen: AccessList) -> str:
    names = {EVERYONE: "Everyone", **seen.names}
    return ", ".join(sorted(names.get(sid, sid) for sid in sids))
