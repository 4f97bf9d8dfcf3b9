"""One thing that was found, and how it is told to people."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pse_preflight.checklist import LATER_OF_HANA, OWNERS, ROWS, Code, Severity, Who

Command = tuple[str, ...]
"""A program and its arguments, quoted only when it is shown."""

_PLAIN_WORD = re.compile(r"[\w.:/\\+-]+")
_SIGNS_OF_CMD = re.compile(r'[&|<>^()"!,;=]')
_BACKSLASHES_AT_END = re.compile(r"(\\+)\Z")


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
        detail: what helps who wants to know it all: identifiers, another reading, a library's own words.
        said_instead: what this client would say of it later, where that is not what an SAP client says.
        for_hana: the client is one of SAP HANA, which has words of its own for what it cannot do.
        who: who can mend it here, where that is somebody else than usual.
    """

    code: Code
    severity: Severity
    observed: str
    fix: str = ""
    commands: tuple[Command, ...] = ()
    certificates: tuple[str, ...] = ()
    detail: str = ""
    said_instead: str | None = None
    for_hana: bool = False
    who: Who | None = None

    @property
    def later(self) -> str:
        """Return what the client would say if nobody mended it; empty where that is not known."""
        if self.said_instead is not None:
            return self.said_instead
        return LATER_OF_HANA.get(self.code, "") if self.for_hana else ROWS[self.code].later

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
    detail: str = "",
) -> Finding:
    """Make a finding with the severity of its row in the table unless another one is given."""
    return Finding(
        code=code,
        severity=ROWS[code].severity if severity is None else severity,
        observed=observed,
        fix=fix,
        commands=tuple(commands),
        certificates=tuple(certificates),
        detail=detail,
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
    return " ".join(map(_quoted_for_cmd, command)) if windows else shlex.join(command)


def _quoted_for_cmd(argument: str) -> str:
    """Quote an argument for cmd.exe, and for the program that it starts; what is plain to PowerShell too stays.

    Between quotes cmd.exe takes its signs for what they are; a quote within the argument ends that, so then each of
    them gets a caret of its own (Microsoft: "cmd", and "Everyone quotes command line arguments the wrong way").
    """
    if _PLAIN_WORD.fullmatch(argument):
        return argument
    if '"' in argument:
        return _SIGNS_OF_CMD.sub(r"^\g<0>", subprocess.list2cmdline([argument]))
    return f'"{_BACKSLASHES_AT_END.sub(lambda found: found[0] * 2, argument)}"'


def message(found: Finding, *, windows: bool = sys.platform == "win32") -> str:
    """Render a finding: the code and what was observed, then `detail:`, `later:`, `fix:` and `who:`, a line each."""
    commands = " && ".join(quoted(command, windows=windows) for command in found.commands)
    fix = ": ".join(part for part in (found.fix, commands) if part)
    lines = [f"{found.code}: {one_line(found.observed)}"]
    lines += [f"detail: {one_line(found.detail)}"] if found.detail else []
    lines += [f"later: {found.later}"] if found.later else []
    lines += [f"fix: {one_line(fix)}"] if fix else []
    return "\n".join([*lines, f"who: {found.responsible.value}"])


def one_line(text: str) -> str:
    """Show control characters, line ends included, as escapes, so that no peer can forge a line of ours."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
