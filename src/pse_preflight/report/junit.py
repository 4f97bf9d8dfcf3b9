"""What a JUnit report tells of a check beside its message: properties for machines, evidence for people."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pse_preflight.findings import Finding, one_line
from pse_preflight.report.facts import SystemFacts
from pse_preflight.report.terminal import drawing, printable
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Outcome

_TWO_BRACKETS = re.compile(r"\[(?=\[)")
"""They begin what GitLab and Jenkins take for the name of a file to attach; no name of a peer's says that."""


def properties(outcome: Outcome, evidence: Evidence) -> list[tuple[str, str]]:
    """Return the properties of one check."""
    leaf, ends = evidence.judgement.leaf, evidence.trust.ends
    facts: Mapping[str, str] = {
        "system": evidence.system.alias,
        "host": evidence.system.url.host,
        "port": str(evidence.system.url.port),
        "engine": evidence.pse.tool,
        "pse": str(evidence.system.pse),
        "server_sha256": leaf.sha256 if leaf else "",
        "server_not_after": f"{leaf.not_after:%Y-%m-%d}" if leaf else "",
        "trust_ends": f"{ends:%Y-%m-%d}" if ends else "",
        "recorded": str(evidence.observations.recorded or ""),
    }
    path = [(f"chain_{number}_sha256", each.sha256) for number, each in enumerate(evidence.judgement.best)]
    told = [pair for each in outcome.findings for pair in properties_of(each)]
    known = [(name, one_line(value)) for name, value in facts.items() if value]
    return [*known, *path, *told, *((key, one_line(value)) for key, value in evidence.system.extras)]


def properties_of(found: Finding) -> list[tuple[str, str]]:
    """Return the properties that a finding adds to those of its check."""
    return [("code", found.code.value), ("severity", str(found.severity))]


def evidence_text(facts: SystemFacts) -> str:
    """Return what stands in system-out: what was seen, and the files for whoever wants to see for himself.

    GitLab takes a file's path from the project's folder, where the job runs; so does this, where the file is below it.
    """
    told = [_TWO_BRACKETS.sub("[ ", printable(line, "ascii")) for line in _seen(facts)]
    attached = [f"[[ATTACHMENT|{_from_here(Path(each))}]]" for each in facts.files]
    return "".join(f"{line}\n" for line in (*told, *attached))


def _seen(facts: SystemFacts) -> Iterator[str]:
    yield f"system {facts.alias}, {facts.place}{f' through the proxy {facts.proxy}' if facts.proxy else ''}"
    if facts.origin:
        yield facts.origin
    if facts.address:
        yield f"address {facts.address}, {facts.tls or 'no TLS'}"
    program = facts.engine if facts.listed is not None else ""
    by = "" if facts.holder != "PSE" else f", listed by {program or 'no program'}"
    yield f"{facts.holder} {facts.pse}: {facts.pse_state}{by}"
    yield from drawing(facts)
    yield from (f"changed: {each}" for each in facts.changes)


def _from_here(file: Path) -> str:
    here = Path.cwd()
    return file.relative_to(here).as_posix() if file.is_relative_to(here) else str(file)
