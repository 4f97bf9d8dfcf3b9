"""Runs in SARIF and CTRF: what is said, and what is not."""

from dataclasses import replace

import pytest

from pse_preflight.report import exchange
from pse_preflight.report.facts import FindingFacts, SystemResult
from tests.kit import report_facts as facts

MINOR = facts.found("URL_UNUSUAL", severity="minor", message="URL_UNUSUAL: odd\nfix: x", check="test_url_is_api_host")
MAJOR = facts.found("CERTIFICATE_WEAK", severity="major", message="CERTIFICATE_WEAK: weak\nfix: x")


def _levels(system: SystemResult) -> dict[str, str]:
    (run,) = exchange.sarif([facts.result(system)])["runs"]
    return {each["ruleId"]: each["level"] for each in run["results"]}


@pytest.mark.parametrize(
    ("finding", "red", "level"),
    [(facts.found(), True, "error"), (MAJOR, True, "error"), (MAJOR, False, "warning"), (MINOR, False, "note")],
)
def test_the_level_is_what_the_finding_has_done(finding: FindingFacts, red: bool, level: str) -> None:
    system = facts.bad("PRD", finding)
    checks = system.checks if red else tuple(replace(each, ended="passed", codes=()) for each in system.checks)
    assert _levels(replace(system, checks=checks)) == {finding.code: level}


def test_a_minor_finding_beside_what_turned_its_check_red_is_no_error() -> None:
    grave, minor = facts.found(), replace(MINOR, check=facts.found().check)
    red = facts.check("PRD", grave.check, ended="failed", codes=(grave.code, minor.code))
    system = replace(facts.bad("PRD", grave, findings=(grave, minor)), checks=(red,))
    assert _levels(system) == {grave.code: "error", minor.code: "note"}


def test_a_finding_names_its_system_and_its_rule() -> None:
    (run,) = exchange.sarif([facts.result(facts.bad("PRD"), facts.bad("QAS", MAJOR))])["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == ["CERTIFICATE_WEAK", "ROOT_NOT_IN_PSE"]
    assert all(each["shortDescription"]["text"] and each["help"]["text"] for each in rules)
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [each["ruleId"] for each in run["results"]]
    places = [each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for each in run["results"]]
    assert places == ["PRD/host.example.com:443", "QAS/host.example.com:443"]


def test_a_code_of_another_version_is_a_rule_without_words() -> None:
    (run,) = exchange.sarif([facts.result(facts.bad("PRD", facts.found("CODE_TO_COME")))])["runs"]
    assert run["tool"]["driver"]["rules"] == [{"id": "CODE_TO_COME"}]


def test_what_was_not_judged_is_no_silence() -> None:
    (run,) = exchange.sarif([facts.result(facts.unjudged("PRD"), facts.good("QAS"))])["runs"]
    told = [each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]]
    assert told == ["PRD: NOT JUDGED (6 of 32 checks): the trust checks did not run"]


@pytest.mark.parametrize("broken_off", ["", "interrupted"])
def test_a_run_that_was_broken_off_was_not_successful(broken_off: str) -> None:
    (run,) = exchange.sarif([facts.result(facts.good(), broken_off=broken_off)])["runs"]
    assert run["invocations"][0]["executionSuccessful"] == (broken_off == "")


def test_each_check_is_a_test_of_ctrf() -> None:
    skipped = facts.check("QAS", ended="skipped", reason="blocked by URL_UNREADABLE")
    error = facts.check("QAS", "test_pse_exists", ended="error", reason="no thread")
    others = replace(facts.good("QAS"), checks=(skipped, error))
    report = exchange.ctrf([facts.result(facts.bad("PRD"), others)])["results"]
    assert {each["name"]: each["status"] for each in report["tests"]} == {
        "test_chain_is_valid[PRD]": "failed",
        "test_chain_is_strong[PRD]": "passed",
        "test_chain_is_valid[QAS]": "skipped",
        "test_pse_exists[QAS]": "other",
    }
    summary = {key: report["summary"][key] for key in ("tests", "passed", "failed", "skipped", "pending", "other")}
    assert summary == {"tests": 4, "passed": 1, "failed": 1, "skipped": 1, "pending": 0, "other": 1}
    failed = report["tests"][0]
    assert failed["message"] == "ROOT_NOT_IN_PSE: the root is not in the certificate list"
    assert failed["trace"].startswith("ROOT_NOT_IN_PSE: ")
    assert report["tests"][2]["message"] == "blocked by URL_UNREADABLE"


def test_several_runs_are_one_report_of_ctrf() -> None:
    report = exchange.ctrf(
        [
            facts.result(facts.good("PRD"), host="a", made="2026-11-23T12:00:00"),
            facts.result(facts.good("PRD"), host="b", made="2026-11-23T14:00:00+01:00"),
        ]
    )["results"]
    assert [each["extra"]["machine"] for each in report["tests"]] == ["a", "b"]
    assert report["summary"]["stop"] - report["summary"]["start"] == 3600 * 1000
