"""What a JUnit report tells of a check beside its message: properties for machines, what was seen for people."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from pse_preflight.findings import Finding
from pse_preflight.report.facts import SystemFacts, SystemResult
from pse_preflight.report.terminal import drawing, printable
from pse_preflight.verdict.policy import Outcome

_TWO_BRACKETS = re.compile(r"\[(?=\[)")
"""They begin what GitLab and Jenkins take for the name of a file to attach; no name of a peer's says that."""

_RED = ("failure", "error")
_IN_SETUP = 'failed on setup with "'
_DAY = 10


def properties(alias: str, outcome: Outcome) -> list[tuple[str, str]]:
    """Return the properties of one check; what all checks of its system share stands with the first of them."""
    return [("system", alias), *(pair for each in outcome.findings for pair in properties_of(each))]


def properties_of(found: Finding) -> list[tuple[str, str]]:
    """Return the properties that a finding adds to those of its check."""
    return [("code", found.code.value), ("severity", str(found.severity))]


def system_properties(facts: SystemFacts) -> list[tuple[str, str]]:
    """Return what all checks of a system share."""
    leaf = facts.chain[0] if facts.chain else None
    told: Mapping[str, str] = {
        "host": facts.host,
        "port": str(facts.port),
        "engine": facts.engine,
        "pse": facts.pse,
        "server_sha256": leaf.sha256 if leaf else "",
        "server_not_after": leaf.not_after[:_DAY] if leaf else "",
        "trust_ends": (facts.trust_ends or "")[:_DAY],
        "recorded": facts.origin,
    }
    path = [(f"chain_{number}_sha256", each.sha256) for number, each in enumerate(facts.chain)]
    return [*((name, value) for name, value in told.items() if value), *path, *facts.labels]


def complete(cases: Sequence[ET.Element], system: SystemResult) -> None:
    """Let the cases of one system say what their checks say, and once what was seen of it and what that means.

    Args:
        cases: as pytest has written them.
    """
    for case in cases:
        _tell_message(case)
        for output in case.findall("system-out"):
            if _is_empty(output):
                case.remove(output)
    verdict, facts = ("verdict", system.words), system.facts
    _add_properties(cases[0], [verdict, *(system_properties(facts) if facts else ())])
    if facts is None:
        return
    red = (case for case in cases if any(part.tag in _RED for part in case))
    output = ET.SubElement(next(red, cases[0]), "system-out")
    output.text = evidence_text(facts, system.unconfigured)


def _tell_message(case: ET.Element) -> None:
    """Let the message be the first line of the text, and a skip name no place in our own files."""
    for part in case:
        text = part.text or ""
        if part.tag == "skipped":
            part.text = None
        elif part.tag in _RED and part.get("message", "").removeprefix(_IN_SETUP).startswith("Failed: "):
            part.set("message", text.partition("\n")[0])


def _is_empty(output: ET.Element) -> bool:
    """Tell whether nothing was captured, below the heading that pytest puts there all the same."""
    return all(not line or line.strip("- ").startswith("Captured ") for line in (output.text or "").splitlines())


def _add_properties(case: ET.Element, told: Sequence[tuple[str, str]]) -> None:
    found = case.find("properties")
    if found is None:
        found = ET.Element("properties")
        case.insert(0, found)
    own = list(found)
    for number, (name, value) in enumerate(told, 1 if own else 0):  # behind the system's name
        found.insert(number, ET.Element("property", name=name, value=value))


def evidence_text(facts: SystemFacts, unconfigured: Collection[str] = ()) -> str:
    """Return what stands in system-out: what was seen, and the files for whoever wants to see for himself.

    GitLab takes a file's path from the project's folder, where the job runs; so does this, where the file is below it.
    """
    told = [*_seen(facts), *([f"not configured: {', '.join(unconfigured)}"] if unconfigured else [])]
    lines = [_TWO_BRACKETS.sub("[ ", printable(line, "ascii")) for line in told]
    attached = [f"[[ATTACHMENT|{_from_here(Path(each))}]]" for each in facts.files]
    return "".join(f"{line}\n" for line in (*lines, *attached))


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
