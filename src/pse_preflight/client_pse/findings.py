"""What is to be said of a client PSE: of its file, its PIN, its owner, and of what a run has done about it. Pure."""

import fnmatch
import stat
from collections.abc import Iterable
from datetime import datetime

from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse import access_list
from pse_preflight.client_pse.condition import CREDENTIALS, Closed, Condition, State
from pse_preflight.client_pse.entries import is_same
from pse_preflight.client_pse.model import Attempt, ClientPse, Refusal
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Command, Finding, finding
from pse_preflight.landscape.system import System
from pse_preflight.pse import name as distinguished_name
from pse_preflight.pse.file import is_ours

_NEIGHBOURS_NAMED = 5
_KINDS = {
    "theo-*.pse": "; by its name it is a PSE that Theobald's products keep for SNC",
    "*sncs*.pse": "; by its name it is a PSE for SNC logon (Secure Network Communications)",
}
"""What file names tell of PSEs that have a PIN for a good reason; letters' case has no say."""


def file_findings(pse: ClientPse) -> tuple[Finding, ...]:
    """Say whether the PSE can be read and listed without PIN, as the file and the tool tell together."""
    condition, refusal = pse.condition, pse.refusal
    told = f"; {refusal.text}" if refusal else ""
    if (refusal is not None and refusal.code is Code.PSE_HAS_PIN) or condition.state is State.HAS_PIN:
        return (_has_pin(condition, _pin_told(pse)),)
    if condition.state is State.MACHINE_BOUND:
        return (_machine_bound(condition, listed=pse.listing is not None, told=told),)
    if condition.state is State.NOT_UNDERSTOOD and pse.listing is not None:
        return (_only_listed(condition, pse.tool),)
    if condition.state in {State.UNREADABLE, State.NOT_UNDERSTOOD}:
        return (_unreadable(condition, told),)
    return (_tool_failed(refusal),) if refusal else ()


def _pin_told(pse: ClientPse) -> str:
    """Return what the tool says of the PIN, beside the file's own word."""
    in_file = pse.condition.state is State.HAS_PIN
    if pse.refusal is not None and pse.refusal.code is Code.PSE_HAS_PIN:
        return f", as {pse.tool} says, too" if in_file else f", as {pse.tool} says; the file itself does not show it"
    return ""


def tool_needs(pse: ClientPse) -> Finding | None:
    """Say that the tool starts with an environment variable only, which a command by hand needs too."""
    if not pse.tool_needs:
        return None
    return finding(
        Code.TOOL_NEEDS_LIBRARY_PATH,
        f"{pse.tool} does not find its library, which lies beside it; it was run with {pse.tool_needs}",
        fix=f"set {pse.tool_needs} before you call it by hand",
    )


def unconfirmed(pse: ClientPse, system: System, changed_by_us: str = "") -> Finding | None:
    """Say that SAP's tool has not yet listed a PSE that the bundled implementation wrote or changed.

    Args:
        changed_by_us: the digest of the file as the bundled implementation last changed it.
    """
    owner = pse.condition.content.owner if pse.condition.content else None
    written, changed = owner is not None and is_ours(owner), pse.condition.digest == changed_by_us != ""
    listed_by_saps = pse.listing is not None and not pse.one_reader
    if not (written or changed) or listed_by_saps or not system.confirm:
        return None
    done = "changed" if owner is not None and not written else "written"
    return finding(
        Code.PSE_UNCONFIRMED,
        f"{pse.condition.path} was {done} by the bundled open implementation, and SAP's tool has not listed it here",
        fix="run once where sapgenpse is installed (--sapgenpse PATH)",
    )


def disagreement(pse: ClientPse) -> Finding | None:
    """Say where the tool's listing and the file differ."""
    if pse.listing is None or pse.condition.content is None or pse.one_reader:
        return None
    held = pse.condition.content.trusted
    unlisted = [each for each in held if not any(is_same(entry, each) for entry in pse.listing.entries)]
    unheld = [entry for entry in pse.listing.entries if not any(is_same(entry, each) for each in held)]
    if not unlisted and not unheld:
        return None
    parts = [f'the file holds "{each.subject}" and {pse.tool} does not list it' for each in unlisted[:2]]
    parts += [f'{pse.tool} lists "{entry.subject}" and the file does not hold it' for entry in unheld[:2]]
    return finding(
        Code.PK_LIST_DISAGREES,
        f"{pse.condition.path}: {'; '.join(parts)} ({len(unlisted)} and {len(unheld)} differences)",
        fix="trust neither until you know why; compare with sapgenpse maintain_pk -l -p by hand",
    )


def attempt_findings(pse: ClientPse, attempt: Attempt, system: System) -> tuple[Finding, ...]:
    """Say what the run has done about a PSE that was missing or lacked certificates, or why it has not."""
    if attempt.created:
        return (_created(pse, attempt, system),)
    if attempt.wanted:
        return (_not_repaired(pse, attempt),)
    if attempt.added:
        return (_repaired(pse, attempt),)
    return () if pse.is_there else (_missing(system, attempt),)


def _created(pse: ClientPse, attempt: Attempt, system: System) -> Finding:
    others = ", ".join(attempt.neighbours[:_NEIGHBOURS_NAMED])
    left = len(attempt.neighbours) - _NEIGHBOURS_NAMED
    others += f" and {left} more" if left > 0 else ""
    more = f"; other PSE files here: {others}" if others else ""
    by = f" by {pse.tool}" if pse.tool else ""
    folder = pse.condition.path.parent
    hana = f"let the client run with SECUDIR={folder} and sslCryptoProvider=commoncrypto, and restart it"
    return finding(
        Code.PSE_CREATED,
        f"{pse.condition.path} was missing and has been made in this run{by}{more}",
        fix=hana if system.serves_sql else _NAMED_TO_THE_SDK,
    )


_NAMED_TO_THE_SDK = "name this file to the client as its PSE (TLS_CLIENT_PSE) and restart the client"


def _missing(system: System, attempt: Attempt) -> Finding:
    """Say why there is no PSE; where the tool failed, that is what is to be mended."""
    if attempt.tool:
        return _tool_failed(attempt.tool)
    if attempt.commands:
        return finding(
            Code.PSE_MISSING,
            f"there is no PSE at {system.pse}, and none was made, for the client's account could not use it:"
            f" {attempt.failure}",
            fix="an administrator must run",
            commands=attempt.commands,
        )
    if attempt.failure:
        return finding(
            Code.PSE_MISSING,
            f"there is no PSE at {system.pse}, and none could be made: {attempt.failure}",
            fix=attempt.fix or f"run as an account that may write to {system.pse.parent}, or correct `pse`",
        )
    reasons = "; ".join(each.text for each in attempt.refusals)
    fixes = "; ".join(dict.fromkeys(each.fix for each in attempt.refusals))
    commands = tuple(dict.fromkeys(each.command for each in attempt.refusals if each.command))
    elsewhere = "where there is one elsewhere, correct `pse` or `secudir` in systems.yaml"
    return finding(
        Code.PSE_MISSING,
        f"there is no PSE at {system.pse}, and none was made: {reasons}",
        fix=fixes if commands else f"{fixes}; or, {elsewhere}",
        commands=commands,
    )


def _repaired(pse: ClientPse, attempt: Attempt) -> Finding:
    added = ", ".join(each.label for each in attempt.added)
    return finding(
        Code.PSE_REPAIRED,
        f"{pse.condition.path} has been given {added}; what it was before is {attempt.backup}",
        fix="restart the client, which reads the PSE at its start only; then remove the backup, a private key is in it",
        certificates=[each.sha256 for each in attempt.added],
    )


def _not_repaired(pse: ClientPse, attempt: Attempt) -> Finding:
    return finding(
        Code.PSE_NOT_REPAIRED,
        f"{pse.condition.path} is as it was, and {attempt.wanted[0].label} was not added: {attempt.failure}",
        fix=attempt.fix or "mend the reason and run again with --repair, or add the certificates by hand",
        commands=attempt.commands,
        certificates=[each.sha256 for each in attempt.wanted],
    )


def _tool_failed(refusal: Refusal) -> Finding:
    fix = refusal.fix or "repair it, name another by --sapgenpse, or say --engine=bundled"
    return finding(refusal.code, refusal.text, fix=fix)


def condition_findings(
    condition: Condition, system: System, moment: datetime, meant: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Say what is wrong with who can read or change a PSE that is there, and with whose it is.

    Args:
        meant: on Windows, the SIDs of the client's account and group.
    """
    account = system.client.account if system.client else None
    judged = (_privacy(condition), _writers(condition, account), *_owner(condition, system.dn, moment))
    seen, why = condition.access_list, condition.why_private
    by_list = access_list.findings(condition.path, seen, meant, why=why) if seen else ()
    return (*by_list, *(each for each in judged if each is not None))


def _unreadable(condition: Condition, told: str = "") -> Finding:
    """Say that a PSE cannot be read.

    Args:
        told: what the tool says of it, where it was asked.
    """
    otherwise = "correct `pse` in systems.yaml"
    if condition.closed is Closed.IN_USE:
        fix = "stop the program that has it open (the client's service reads it at its start), and run again"
    elif condition.closed is Closed.NOT_PERMITTED:
        fix = "run as an account that may read it, or let this one read it; the PSE itself may be good"
    elif condition.remedy:
        fix = f"{condition.remedy}; or, where another file is meant, {otherwise}"
    else:
        fix = f"{otherwise}, or move the file away and let a new PSE be created"
    return finding(Code.PSE_UNREADABLE, f"{condition.path} cannot be read as a PSE: {condition.problem}{told}", fix=fix)


def _only_listed(condition: Condition, tool: str) -> Finding:
    """Say that a PSE is known by what the tool lists and by nothing else."""
    return finding(
        Code.PSE_UNREADABLE,
        f"{condition.path} is not understood here ({condition.problem}), but {tool} lists it; it is judged by that list"
        " alone",
        fix="nothing, if the client works with it; its owner and its certificates could not be compared",
        severity=Severity.MINOR,
    )


def _has_pin(condition: Condition, told: str = "") -> Finding:
    """Say that a PSE has a PIN, and what is known to use such a PSE.

    Args:
        told: what the tool says of it, where it was asked.
    """
    name = condition.path.name.lower()
    kind = next((what for pattern, what in _KINDS.items() if fnmatch.fnmatch(name, pattern)), "")
    credentials = ""
    if condition.has_credentials:
        credentials = f"; the {CREDENTIALS} beside it keeps PINs for SAP's own programs and does not help this client"
    return finding(
        Code.PSE_HAS_PIN,
        f"{condition.path} is protected by a PIN{told}, and the client has no way to give one{kind}{credentials}",
        fix="leave it, and name another file as `pse`: a separate client PSE without PIN is then created there",
    )


def _machine_bound(condition: Condition, *, listed: bool, told: str = "") -> Finding:
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
        f"{condition.path} (mode {mode:04o}) can be read by {whom}, and {condition.why_private}",
        fix="let its account alone read it",
        commands=[("chmod", "600", str(condition.path))],
    )


def _writers(condition: Condition, account: str | None) -> Finding | None:
    """Name who else can change or replace the PSE: whoever can, decides whom the client trusts.

    Args:
        account: the client's account, where it is configured.
    """
    mode, rights = condition.mode, condition.rights
    if mode is None or rights is None:
        return None
    meant = {"root", rights.seen_by, account}
    loose = not rights.folder_mode & stat.S_ISVTX
    file, folder = str(condition.path), str(condition.path.parent)
    grave: list[tuple[bool, str, Command]] = [
        (bool(mode & stat.S_IWOTH), "everybody on this machine", ("chmod", "600", file)),
        (bool(mode & stat.S_IWGRP), "the file's group", ("chmod", "600", file)),
        (rights.owner not in meant, f"its owner {rights.owner}", ("chown", account or "root", file)),
        (loose and bool(rights.folder_mode & stat.S_IWOTH), f"everybody, in {folder}", ("chmod", "go-w", folder)),
        (rights.folder_owner not in meant, f"{rights.folder_owner}, in {folder}", ("chown", account or "root", folder)),
        *((True, f"everybody, in {each}", ("chmod", "go-w", each)) for each in rights.open_folders),
    ]
    minor = (loose and bool(rights.folder_mode & stat.S_IWGRP), f"the group of {folder}", ("chmod", "g-w", folder))
    found = [(whom, command) for holds, whom, command in (*grave, minor) if holds]
    if not found:
        return None
    maybe = [] if account else sorted({rights.owner, rights.folder_owner} - meant)
    told = finding(
        Code.PSE_WRITABLE_BY_OTHERS,
        f"{file} can be changed or replaced by {', '.join(whom for whom, _ in found)}, who so decide whom the client"
        " trusts",
        fix="let its account alone write to it and to its folder",
        commands=dict.fromkeys(command for _, command in found),
        severity=None if any(holds for holds, _, _ in grave) else Severity.MINOR,
    )
    return access_list.unless_the_client(told, maybe, windows=False)


def _owner(condition: Condition, dn: str | None, moment: datetime) -> Iterable[Finding | None]:
    if condition.content is None:
        return
    owner = condition.content.owner
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
