"""The client PSE of one or more systems: look at it, list it, make it where it is missing, repair it where asked."""

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.repair import repair
from pse_preflight.errors import NotForAccount, PreflightError
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.system import System
from pse_preflight.pse.create import NotReplaced, NotWritten, publish
from pse_preflight.pse.file import TrustedCertificate, is_ours
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from pse_preflight.sapgenpse.tool import PinRefused, Tool, ToolError, create_pse, list_certificates
from pse_preflight.settings import Settings
from pse_preflight.verdict.trust import Entry, holds

_NEIGHBOURS_NAMED = 5


@dataclass(frozen=True, slots=True)
class ClientPse:
    """What is known of a PSE at the end of the run.

    Attributes:
        condition: the file, as read directly.
        listing: the certificate list, as the tool prints it; None where it could not be asked.
        entries: the certificate list, each entry as far as tool and file together know it.
        created: it was made in this run.
        refusal: why the tool gave no list, where it was asked.
        tool: how people know the program that listed it.
        one_reader: the tool is the bundled implementation, so file and tool are one and the same reader.
        findings: what is to be said of the file, whichever system uses it.
    """

    condition: Condition
    listing: Listing | None = None
    entries: tuple[Entry, ...] = ()
    created: bool = False
    refusal: ToolError | None = field(default=None, compare=False)
    tool: str = ""
    one_reader: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def is_there(self) -> bool:
        """Tell whether anything stands at the path."""
        return self.condition.state is not State.MISSING

    @property
    def opens_without_pin(self) -> bool:
        """Tell whether it could be read, or listed, with no PIN given."""
        return self.listing is not None or self.condition.state is State.PLAIN


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one system has to say about a PSE that is missing or to be repaired.

    Attributes:
        system: the system.
        certificates: the root and intermediates of its verified path, root first; empty where none is verified.
        refusal: why this system does not let the PSE be made or changed, in words; empty where it does.
    """

    system: System
    certificates: tuple[Certificate, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes and lists PSEs with one tool.

    Attributes:
        tool: the program; or why there is none.
    """

    tool: Tool | ToolError
    settings: Settings
    moment: datetime

    @property
    def program(self) -> str:
        """Return the program as fixes show it."""
        if isinstance(self.tool, ToolError):
            return "sapgenpse"
        return "opengenpse" if self.tool.is_bundled else self.tool.label

    def look(self, system: System) -> ClientPse:
        """Look at the PSE as it is, and list it."""
        return self._described(pse_condition.look(system.pse), created=False)

    def make(self, contributions: Sequence[Contribution]) -> ClientPse:
        """Make the PSE that these systems miss, from the union of their verified paths, or say why not."""
        system = contributions[0].system
        willing = [each for each in contributions if not each.refusal]
        certificates = _union(willing)
        if not certificates:
            return ClientPse(pse_condition.look(system.pse), findings=(not_made(contributions),))
        if isinstance(self.tool, ToolError):
            return ClientPse(pse_condition.look(system.pse), findings=(tool_finding(self.tool),))
        try:
            made = self._publish(self.tool, willing, certificates)
        except ToolError as error:
            return ClientPse(pse_condition.look(system.pse), findings=(tool_finding(error),))
        except NotForAccount as error:
            return ClientPse(pse_condition.look(system.pse), findings=(_not_for_account(system, error),))
        except (OSError, PreflightError) as error:
            return ClientPse(pse_condition.look(system.pse), findings=(_not_possible(system, error),))
        return self._described(pse_condition.look(system.pse), created=made)

    def _publish(self, tool: Tool, willing: Sequence[Contribution], certificates: tuple[Certificate, ...]) -> bool:
        owner = next((each.system.dn for each in willing if each.system.dn), None) or default_owner()
        pse = willing[0].system.pse
        give = _hand_over([each.system for each in willing], pse)
        return publish(pse, lambda new: create_pse(tool, new, owner, certificates), hand_over=give).created

    def repair(self, before: ClientPse, contributions: Sequence[Contribution]) -> ClientPse:
        """Add what the PSE lacks of these systems' verified paths, or say why not; nothing is removed."""
        missing = tuple(each for each in _union(contributions) if not holds(before.entries, each))
        if not missing or before.condition.state is State.HAS_PIN:
            return before
        try:
            done = repair(self._repairing_tool(before), before.condition.path, missing)
        except (ToolError, NotWritten) as error:
            return replace(before, findings=(*before.findings, _not_repaired(before.condition.path, missing, error)))
        after = self._described(pse_condition.look(before.condition.path), created=False)
        return replace(after, findings=(_repaired(before.condition.path, missing, done.backup), *after.findings))

    def _repairing_tool(self, before: ClientPse) -> Tool:
        if before.condition.state is not State.PLAIN:
            raise NotReplaced(f"only a PSE that can be read here is changed, and it is {before.condition.state.value}")
        if isinstance(self.tool, ToolError):
            raise self.tool
        if before.listing is None:
            raise NotReplaced("its certificate list is not known")
        if self.tool.is_bundled and self.settings.engine != "bundled":
            raise NotReplaced(
                "SAP's tool is not installed here, and the bundled implementation changes a PSE only if"
                " --engine=bundled is said"
            )
        return self.tool

    @property
    def repair_options(self) -> str:
        """Return the options with which a run repairs a PSE here; empty where there is no tool for it."""
        if isinstance(self.tool, ToolError):
            return ""
        return "--repair --engine=bundled" if self.tool.is_bundled else "--repair"

    def _described(self, condition: Condition, *, created: bool) -> ClientPse:
        listing, refusal = self._listing(condition)
        held = condition.file.trusted if condition.file else ()
        described = ClientPse(
            condition=condition,
            listing=listing,
            entries=entries_of(listing, held),
            created=created,
            refusal=refusal,
            tool="" if isinstance(self.tool, ToolError) else self.tool.label,
            one_reader=not isinstance(self.tool, ToolError) and self.tool.is_bundled,
        )
        return replace(described, findings=(*([self._made(condition)] if created else []), *file_findings(described)))

    def _listing(self, condition: Condition) -> tuple[Listing | None, ToolError | None]:
        """Ask the tool for the list; the bundled one is not asked about a file that its own reader has refused."""
        if condition.state in {State.MISSING, State.UNREADABLE}:
            return None, None
        try:
            if isinstance(self.tool, ToolError):
                raise self.tool
            if self.tool.is_bundled and condition.file is None:
                return None, None
            listing = list_certificates(self.tool, condition.path)
        except ToolError as error:
            return None, error
        # A tool that opens it with the credentials of this account proves nothing for a client that has none.
        return (None if condition.state is State.HAS_PIN else listing), None

    def _made(self, condition: Condition) -> Finding:
        others = pse_condition.neighbours(condition.path)
        more = f"; other PSE files there: {', '.join(others[:_NEIGHBOURS_NAMED])}" if others else ""
        by = "" if isinstance(self.tool, ToolError) else f" by {self.tool.label}"
        return finding(
            Code.PSE_CREATED,
            f"{condition.path} was missing and has been made in this run{by}{more}",
            fix="name this file to the client as its PSE (TLS_CLIENT_PSE) and restart the client",
        )


def file_findings(pse: ClientPse) -> tuple[Finding, ...]:
    """Say whether the PSE can be read and listed without PIN, as the file and the tool tell together."""
    condition, refusal = pse.condition, pse.refusal
    told = f"; {refusal}" if refusal else ""
    if isinstance(refusal, PinRefused) or condition.state is State.HAS_PIN:
        return (pse_condition.has_pin(condition, _pin_told(pse)),)
    if condition.state is State.MACHINE_BOUND:
        return (pse_condition.machine_bound(condition, listed=pse.listing is not None, told=told),)
    if condition.state is State.NOT_UNDERSTOOD and pse.listing is not None:
        return (pse_condition.only_listed(condition, pse.tool),)
    if condition.state in {State.UNREADABLE, State.NOT_UNDERSTOOD}:
        return (pse_condition.unreadable(condition, told),)
    return (tool_finding(refusal),) if refusal else ()


def _pin_told(pse: ClientPse) -> str:
    """Return what the tool says of the PIN, beside the file's own word."""
    in_file = pse.condition.state is State.HAS_PIN
    if isinstance(pse.refusal, PinRefused):
        return f", as {pse.tool} says, too" if in_file else f", as {pse.tool} says; the file itself does not show it"
    return ""


def unconfirmed(pse: ClientPse, system: System, engine: str) -> Finding | None:
    """Say that SAP's tool has not yet listed a PSE that the bundled implementation wrote."""
    owner = pse.condition.file.owner if pse.condition.file else None
    if owner is None or not is_ours(owner) or not system.confirm:
        return None
    if pse.listing is not None and not pse.one_reader:
        return None
    return finding(
        Code.PSE_UNCONFIRMED,
        f"{pse.condition.path} was written by the bundled open implementation, and SAP's tool has not listed it here",
        fix="run once where sapgenpse is installed (--sapgenpse PATH), or say --engine=bundled to accept it",
        severity=Severity.MINOR if engine == "bundled" else None,
    )


def disagreement(pse: ClientPse) -> Finding | None:
    """Say where the tool's listing and the file differ."""
    if pse.listing is None or pse.condition.file is None or pse.one_reader:
        return None
    held = pse.condition.file.trusted
    unlisted = [each for each in held if not any(_same(entry, each) for entry in pse.listing.entries)]
    unheld = [entry for entry in pse.listing.entries if not any(_same(entry, each) for each in held)]
    if not unlisted and not unheld:
        return None
    parts = [f'the file holds "{each.subject}" and {pse.tool} does not list it' for each in unlisted[:2]]
    parts += [f'{pse.tool} lists "{entry.subject}" and the file does not hold it' for entry in unheld[:2]]
    return finding(
        Code.PK_LIST_DISAGREES,
        f"{pse.condition.path}: {'; '.join(parts)} ({len(unlisted)} and {len(unheld)} differences)",
        fix="trust neither until you know why; compare with sapgenpse maintain_pk -l -p by hand",
    )


def tool_finding(error: ToolError) -> Finding:
    """Turn a failure of the tool into a finding."""
    return finding(
        error.code, str(error), fix=error.fix or "repair it, name another by --sapgenpse, or say --engine=bundled"
    )


def _repaired(pse: Path, added: Sequence[Certificate], backup: Path) -> Finding:
    return finding(
        Code.PSE_REPAIRED,
        f"{pse} has been given {', '.join(each.label for each in added)}; what it was before is {backup}",
        fix="restart the client, which reads the PSE at its start only; then remove the backup, a private key is in it",
        certificates=[each.sha256 for each in added],
    )


def _not_repaired(pse: Path, missing: Sequence[Certificate], error: PreflightError) -> Finding:
    return finding(
        Code.PSE_NOT_REPAIRED,
        f"{pse} is as it was, and {missing[0].label} was not added: {error}",
        fix="mend the reason and run again with --repair, or add the certificates by hand",
        certificates=[each.sha256 for each in missing],
    )


def default_owner() -> str:
    """Return the owner of a new PSE where systems.yaml names none: this host's name."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:64].strip("-.")
    return f"CN={host or 'client'}"


def _union(contributions: Iterable[Contribution]) -> tuple[Certificate, ...]:
    return tuple(dict.fromkeys(each for one in contributions for each in one.certificates))


def not_made(contributions: Sequence[Contribution]) -> Finding:
    """Say why a PSE that is missing was not made."""
    system = contributions[0].system
    reasons = "; ".join(dict.fromkeys(each.refusal for each in contributions if each.refusal))
    return finding(
        Code.PSE_MISSING,
        f"there is no PSE at {system.pse}, and none was made: {reasons}",
        fix="correct `pse` or `secudir` in systems.yaml, or let the run create it",
    )


def _hand_over(systems: Sequence[System], pse: Path) -> Callable[[Path], None] | None:
    """Return what gives a new PSE to the client's account, where one is configured."""
    if not any(each.client for each in systems):
        return None
    from pse_preflight.client import look as client

    return client.hand_over(systems, pse)


def _not_for_account(system: System, error: NotForAccount) -> Finding:
    return finding(
        Code.PSE_MISSING,
        f"there is no PSE at {system.pse}, and none was made, for the client's account could not use it: {error}",
        fix="an administrator must run",
        commands=error.commands,
    )


def _not_possible(system: System, error: Exception) -> Finding:
    reason = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    return finding(
        Code.PSE_MISSING,
        f"there is no PSE at {system.pse}, and none could be made: {reason}",
        fix=f"run as an account that may write to {system.pse.parent}, or correct `pse`",
    )


def entries_of(listing: Listing | None, held: Sequence[TrustedCertificate]) -> tuple[Entry, ...]:
    """Return what the tool lists, each entry joined with the certificate that the file holds for it."""
    if listing is None:
        return ()
    return tuple(
        _entry(listed, next((each for each in held if _same(listed, each)), None)) for listed in listing.entries
    )


def _entry(listed: ListedCertificate, held: TrustedCertificate | None) -> Entry:
    return Entry(
        subject=listed.subject,
        not_after=listed.not_after,
        sha256=listed.sha256 or (held.sha256 if held else None),
        serial=listed.serial,
        certificate=held.certificate if held else None,
        issuer=listed.issuer,
    )


def _same(listed: ListedCertificate, held: TrustedCertificate) -> bool:
    """Tell whether an entry of the listing is a certificate of the file.

    Issuer and days count beside the serial number where there is no SHA-256: roots with the serial number 0 exist.
    """
    if held.certificate is not None:
        return listed.is_of(held.certificate)
    dates = (listed.not_before, listed.not_after) == (held.not_before, held.not_after)
    return listed.serial == held.serial_number and dates
