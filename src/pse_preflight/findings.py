"""One thing that was found, and how it is told to people."""

import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pse_preflight.checklist import OWNERS, ROWS, Code, Severity

Command = tuple[str, ...]
"""A program and its arguments, quoted only when it is shown."""

_PLAIN_WORD = re.compile(r"[\w.:/\\+-]+")


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
    """

    code: Code
    severity: Severity
    observed: str
    fix: str = ""
    commands: tuple[Command, ...] = ()
    certificates: tuple[str, ...] = ()

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


def most_decisive_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings so that the one to mend first leads; equals keep their order."""
    return tuple(sorted(findings, key=lambda each: -each.severity))


def quoted(command: Command, *, windows: bool = sys.platform == "win32") -> str:
    """Quote a command so that it can be pasted into sh, or into cmd.exe on Windows."""
    return " ".join(map(_quoted_for_cmd, command)) if windows else shlex.join(command)


def _quoted_for_cmd(word: str) -> str:
    """Quote a word as Microsoft's C library takes it apart; what is plain to cmd.exe and PowerShell stays as it is."""
    if _PLAIN_WORD.fullmatch(word):
        return word
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", escaped) + '"'


def message(found: Finding, *, windows: bool = sys.platform == "win32") -> str:
    """Render a finding: the code and what was observed, then `later:`, `fix:` and `who:`, a line each."""
    row = ROWS[found.code]
    commands = " && ".join(quoted(command, windows=windows) for command in found.commands)
    fix = ": ".join(part for part in (found.fix, commands) if part)
    lines = [f"{found.code}: {one_line(found.observed)}"]
    lines += [f"later: {row.later}"] if row.later else []
    lines += [f"fix: {one_line(fix)}"] if fix else []
    return "\n".join([*lines, f"who: {row.who.value}"])


def one_line(text: str) -> str:
    """Show control characters, line ends included, as escapes, so that no peer can forge a line of ours."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
