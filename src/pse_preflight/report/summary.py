"""The verdict per system, for the terminal and for JUnit properties."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from pse_preflight.findings import Finding, message
from pse_preflight.gather import Evidence
from pse_preflight.inventory import System
from pse_preflight.policy import Outcome
from pse_preflight.settings import Settings

NOT_CHECKED = (
    "Not checked: alias user and password, communication arrangements (SAP_COM_0636), UCON, SAP's own TLS library."
)


class Told(TypedDict):
    """A finding as a report carries it."""

    code: str
    severity: int
    text: str


class Record(TypedDict):
    """How one check ended for one system, in types that travel between processes."""

    alias: str
    host: str
    check: str
    outcome: str
    findings: list[Told]
    created: bool
    renewal: str
    ends: str
    folder: str


def record(check: str, ended: str, outcome: Outcome, evidence: Evidence) -> Record:
    """Return what the summary needs of one check."""
    return Record(
        alias=evidence.system.alias,
        host=f"{evidence.system.url.host}:{evidence.system.url.port}",
        check=check,
        outcome=ended,
        findings=[_told(each) for each in outcome.findings],
        created=evidence.pse.created,
        renewal=_day(evidence.trust.renewal),
        ends=_day(evidence.trust.ends),
        folder=str(evidence.folder),
    )


def properties(outcome: Outcome, evidence: Evidence) -> list[tuple[str, str]]:
    """Return the JUnit properties of one check."""
    leaf = evidence.judgement.leaf
    facts: Mapping[str, str] = {
        "system": evidence.system.alias,
        "host": evidence.system.url.host,
        "engine": evidence.pse.tool,
        "server_sha256": leaf.sha256 if leaf else "",
        "server_not_after": _day(leaf.not_after) if leaf else "",
        "trust_ends": _day(evidence.trust.ends),
    }
    told = [(name, value) for each in outcome.findings for name, value in _code_and_severity(each)]
    return [*((name, value) for name, value in facts.items() if value), *told, *evidence.system.extras]


def header(systems: Iterable[System], settings: Settings) -> list[str]:
    """Return the lines of the header about what is asked."""
    chosen = list(systems)
    lines = [f"systems: {', '.join(f'{each.alias} ({each.url.host}:{each.url.port})' for each in chosen)}"]
    lines.append(f"engine: {settings.engine}; evidence: {settings.evidence}")
    if settings.at:
        lines.append(f"judged for {settings.at} (UTC), read-only")
    if ignored := [each.alias for each in chosen if each.ignored_proxy]:
        lines.append(f"proxy variables of this shell are ignored for {', '.join(ignored)} (say proxy: env to use them)")
    return lines


def lines(records: Sequence[Record]) -> Iterator[str]:
    """Return the closing lines: per system the verdict, two days, and the finding to mend first."""
    for alias in sorted({each["alias"] for each in records}):
        yield from _system_lines([each for each in records if each["alias"] == alias])
    yield NOT_CHECKED


def _system_lines(records: Sequence[Record]) -> Iterator[str]:
    first = records[0]
    red = [each for each in records if each["outcome"] == "failed"]
    created = any(each["created"] for each in records)
    verdict = "FAILED" if red else "OK (PSE created)" if created else "OK"
    yield f"{first['alias']} ({first['host']}): {verdict}"
    if first["renewal"]:
        yield f"  the server must renew by {first['renewal']}"
    if first["ends"]:
        yield f"  the PSE trusts it until {first['ends']}"
    told = sorted((one for each in records for one in each["findings"]), key=lambda one: -one["severity"])
    if red and told:
        yield from (f"  {line}" for line in told[0]["text"].splitlines())
    rest = dict.fromkeys(one["text"].splitlines()[0] for one in told[1 if red else 0 :])
    yield from (f"  also: {line}" for line in rest)
    yield f"  evidence: {first['folder']}"


def _told(found: Finding) -> Told:
    return Told(code=found.code, severity=int(found.severity), text=message(found))


def _code_and_severity(found: Finding) -> list[tuple[str, str]]:
    return [("code", found.code), ("severity", str(found.severity))]


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""
