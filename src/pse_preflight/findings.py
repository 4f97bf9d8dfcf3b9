"""One thing that was found, and how it is told to people."""

import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pse_preflight.checklist import OWNERS, ROWS, Code, Severity, Who

Command = tuple[str, ...]
"""A program and its arguments, quoted only when it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or worth knowing, about one system.

    Attributes:
        code: what it is.
        severity: how bad it is here.
        observed: what was seen, on which certificate, file or host; the first 200 characters suffice alone.
        fix: the change that mends it, in words.
        commands: the programs that mend it, each with its arguments.
        certificates: SHA-256 fingerprints (hexadecimal, lower case) of the certificates it is about.
        who: who can mend it here, where that is somebody else than usual.
    """

    code: Code
    severity: Severity
    observed: str
    fix: str = ""
    commands: tuple[Command, ...] = ()
    certificates: tuple[str, ...] = ()
    who: Who | None = None

    @property
    def responsible(self) -> Who:
        """Return who can mend it."""
        return self.who or ROWS[self.code].who

    @property
    def check(self) -> str:
        """Return the name of the check that owns this finding; empty where any check may have it."""
        return OWNERS.get(self.code, "")

    @property
    def is_error(self) -> bool:
        """Tell whether the check could not be made, rather than failed."""
        return ROWS[self.code].is_error

    def milder(self, severity: Severity) -> "Finding":
        """Return this finding at the given severity."""
        return replace(self, severity=severity)


def finding(
    code: Code,
    observed: str,
    *,
    fix: str = "",
    commands: Iterable[Command] = (),
    severity: Severity | None = None,
    certificates: Iterable[str] = (),
) -> Finding:
    """Make a finding with the severity of its row in the table unless another one is given."""
    return Finding(
        code=code,
        severity=ROWS[code].severity if severity is None else severity,
        observed=observed,
        fix=fix,
        commands=tuple(commands),
        certificates=tuple(certificates),
    )


def of_saps_cloud(found: Finding) -> Finding:
    """Return a finding about a host in SAP's cloud: what its server sends, SAP itself mends; a case asks for it."""
    is_saps = ROWS[found.code].who is Who.SAP and found.code not in _OF_THE_ARRANGEMENT
    return replace(found, who=Who.SAP_ITSELF) if is_saps else found


_OF_THE_ARRANGEMENT = frozenset({Code.CLIENT_CERTIFICATE_WANTED, Code.WSRFC_NO_UPGRADE})
"""What the customer's own SAP admin decides in the cloud, too: the communication arrangement."""


def most_decisive_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings so that the one to mend first leads; equals keep their order."""
    return tuple(sorted(findings, key=lambda each: -each.severity))


def quoted(command: Command, *, windows: bool = sys.platform == "win32") -> str:
    """Quote a command so that it can be pasted into sh, or into cmd.exe on Windows."""
    return subprocess.list2cmdline(command) if windows else shlex.join(command)


def message(found: Finding, *, windows: bool = sys.platform == "win32") -> str:
    """Render a finding: the code and what was observed, then `later:`, `fix:` and `who:`, a line each."""
    row = ROWS[found.code]
    commands = " && ".join(quoted(command, windows=windows) for command in found.commands)
    fix = ": ".join(part for part in (found.fix, commands) if part)
    lines = [f"{found.code}: {one_line(found.observed)}"]
    lines += [f"later: {row.later}"] if row.later else []
    lines += [f"fix: {one_line(fix)}"] if fix else []
    return "\n".join([*lines, f"who: {found.responsible.value}"])


def one_line(text: str) -> str:
    """Show control characters, line ends included, as escapes, so that no peer can forge a line of ours."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
