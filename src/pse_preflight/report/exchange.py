"""Runs in formats that many programs read: SARIF 2.1.0 (OASIS) for findings, CTRF for tests. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pse_preflight.checklist import ROWS, Severity
from pse_preflight.findings import one_line
from pse_preflight.report.facts import CheckFacts, FindingFacts, Result, SystemResult

_TOOL = "pse-preflight"
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_CTRF_VERSION = "0.0.0"
_CTRF_STATUS = {"passed": "passed", "failed": "failed", "error": "other", "skipped": "skipped"}


def sarif(results: Sequence[Result]) -> dict[str, Any]:
    """Return a SARIF log with a run for each result.

    A finding that turned a check red is an error, any other minor one a note, and what is left a warning. Nothing is
    said of a file or a line: a finding is about a system.
    """
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [_sarif_run(each) for each in results]}


def _sarif_run(result: Result) -> dict[str, Any]:
    found = [(system, each) for system in result.systems for each in (system.facts.findings if system.facts else ())]
    codes = sorted({each.code for _, each in found})
    return {
        "tool": {
            "driver": {
                "name": _TOOL,
                "version": one_line(result.run.toolkit),
                "rules": [_rule(each) for each in codes],
            }
        },
        "automationDetails": {"id": f"{_TOOL}/{one_line(result.run.host)}/"},
        "invocations": [
            {
                "executionSuccessful": not result.run.broken_off,
                "endTimeUtc": f"{_utc(result.run.made):%Y-%m-%dT%H:%M:%SZ}",
                "toolExecutionNotifications": list(_notifications(result.systems)),
            }
        ],
        "results": [_sarif_result(result, system, each, codes) for system, each in found],
    }


def _rule(code: str) -> dict[str, Any]:
    row = {each.value: row for each, row in ROWS.items()}.get(code)
    told = {"shortDescription": {"text": row.cause}, "help": {"text": row.fix}} if row else {}
    return {"id": code, **told}


def _sarif_result(result: Result, system: SystemResult, found: FindingFacts, codes: Sequence[str]) -> dict[str, Any]:
    red = {code for each in system.checks if each.ended in ("failed", "error") for code in each.codes}
    is_red = found.code in red and found.grade >= Severity[result.run.fail_on.upper()]
    level = "error" if is_red else "note" if found.severity == "minor" else "warning"
    place = system.facts.place if system.facts else ""
    return {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": level,
        "message": {"text": found.message},
        "locations": [
            {
                "logicalLocations": [
                    {
                        "name": one_line(system.alias),
                        "fullyQualifiedName": one_line(f"{system.alias}/{place}"),
                        "kind": "resource",
                    }
                ]
            }
        ],
        "partialFingerprints": {"systemAndCode/v1": one_line(f"{system.alias}/{found.check}/{found.code}")},
    }


def _notifications(systems: Iterable[SystemResult]) -> Iterator[dict[str, Any]]:
    """Yield a warning for each system that was not judged, so that no finding is not taken for no fault."""
    for each in systems:
        if each.verdict == "NOT JUDGED" or each.facts is None:
            yield {"level": "warning", "message": {"text": one_line(f"{each.alias}: {each.words}")}}


def ctrf(results: Sequence[Result]) -> dict[str, Any]:
    """Return a report in the Common Test Report Format; how long a check took, a result does not tell, and 0 stands."""
    tests = [_test(result, system, each) for result in results for system in result.systems for each in system.checks]
    made = [_utc(each.run.made) for each in results]
    ended = [each["status"] for each in tests]
    summary = {each: ended.count(each) for each in ("passed", "failed", "skipped", "pending", "other")}
    return {
        "reportFormat": "CTRF",
        "specVersion": _CTRF_VERSION,
        "timestamp": max(made).isoformat(),
        "generatedBy": _TOOL,
        "results": {
            "tool": {"name": _TOOL, "version": one_line(results[0].run.toolkit)},
            "summary": {
                "tests": len(tests),
                **summary,
                "start": _milliseconds(min(made)),
                "stop": _milliseconds(max(made)),
            },
            "tests": tests,
        },
    }


def _test(result: Result, system: SystemResult, check: CheckFacts) -> dict[str, Any]:
    found = [each for each in (system.facts.findings if system.facts else ()) if each.code in check.codes]
    told = check.reason or (found[0].headline if found else "")
    return {
        "name": one_line(f"{check.name}[{check.alias}]"),
        "status": _CTRF_STATUS[check.ended],
        "duration": 0,
        "suite": [_TOOL, check.question or "checks"],
        **({"message": one_line(told)} if told else {}),
        **({"trace": "\n\n".join(each.message for each in found)} if found else {}),
        "extra": {"machine": one_line(result.run.host), "verdict": system.verdict},
    }


def _utc(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return (read.replace(tzinfo=read.tzinfo or UTC)).astimezone(UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
