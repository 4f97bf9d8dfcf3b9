"""Waivers: what systems.yaml accepts as one, what one hides, and that nothing hides behind one unseen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pse_preflight.chain.judge import Judgement, Period
from pse_preflight.chain.roots import Roots
from pse_preflight.checklist import CHECKS, CODES, OWNERS, Code, Severity
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.errors import UsageProblem
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.file import read_landscape
from pse_preflight.landscape.select import Surroundings, select
from pse_preflight.landscape.system import System, Waiver
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.sapgenpse.output import Listing
from pse_preflight.verdict.evidence import Evidence, Observations
from pse_preflight.verdict.policy import Outcome, Policy, Verdict, decide
from pse_preflight.verdict.trust import Trust
from tests.kit.systems import NOTHING_KNOWN

DAY = date(2026, 11, 23)
STRONG, EXISTS, VALID = "test_chain_is_strong", "test_pse_exists", "test_chain_is_valid"
USUAL = Policy(Severity.MAJOR, frozenset(CHECKS))

SYSTEM = """systems:
  PRD:
    url: https://my401122-api.s4hana.cloud.sap
    waivers:
      - {waiver}
"""
GOOD = 'check: test_chain_is_strong, code: CERTIFICATE_WEAK, until: 2027-01-31, reason: "legacy proxy, gone in Q1"'

Read = Callable[[str], System]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def system_with(waiver: str) -> System:
        file = tmp_path / "systems.yaml"
        file.write_text(SYSTEM.replace("{waiver}", f"{{{waiver}}}"), encoding="utf-8")
        around = Surroundings({}, tmp_path, tmp_path, tmp_path)
        (system,) = select(["PRD"], read_landscape(file, {}), around)
        return system

    return system_with


def test_a_waiver_arrives_as_it_was_written(read: Read) -> None:
    (waiver,) = read(GOOD).waivers
    assert (waiver.check, waiver.code, waiver.until) == (STRONG, "CERTIFICATE_WEAK", date(2027, 1, 31))
    assert waiver.reason == "legacy proxy, gone in Q1"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (', reason: "legacy proxy, gone in Q1"', "", "waivers.0.reason: is missing"),
        ('"legacy proxy, gone in Q1"', '" "', "waivers.0.reason: is empty"),
        ("until: 2027-01-31, ", "", "waivers.0.until: is missing"),
        ("2027-01-31", "2027-02-31", "'2027-02-31' is a day that the calendar does not have"),
        ("2027-01-31", "soon", "waivers.0.until"),
        ("test_chain_is_strong", "test_chain_is_stronk", "is no check; did you mean test_chain_is_strong?"),
        ("check: test_chain_is_strong, ", "", "waivers.0.check: is missing"),
        ("CERTIFICATE_WEAK", "CERTIFICATE_WEEK", "is no code; did you mean CERTIFICATE_WEAK?"),
        ("until", "untill", "unknown key; did you mean until?"),
        ("2027-01-31", "yes", "waivers.0.until: needs a day, such as 2027-01-31"),
        ("CERTIFICATE_WEAK", "TLS_INSPECTED", "is no code of test_chain_is_strong but of test_chain_is_not_inspected"),
        ("test_chain_is_strong", "test_pse_exists", "CERTIFICATE_WEAK is no code of test_pse_exists"),
        (
            "check: test_chain_is_strong, code: CERTIFICATE_WEAK",
            "check: test_host_name_resolves",
            "the gravest findings are waived by code only; test_host_name_resolves has HOST_UNKNOWN, DNS_TIMEOUT",
        ),
    ],
)
def test_a_waiver_that_lacks_something_is_refused_with_its_line(read: Read, old: str, new: str, says: str) -> None:
    assert read(GOOD).waivers
    with pytest.raises(UsageProblem) as caught:
        read(GOOD.replace(old, new))
    assert "systems.yaml:5: " in str(caught.value)
    assert says in str(caught.value)


def test_a_waiver_of_what_is_no_blocker_needs_no_code(read: Read) -> None:
    assert read(GOOD.replace("code: CERTIFICATE_WEAK, ", "")).waivers[0].code is None


def _evidence(*findings: Finding, day: date = DAY, waivers: tuple[Waiver, ...] = ()) -> Evidence:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    pse = ClientPse(Condition(Path("c.pse"), State.PLAIN, mode=0o600), listing=Listing(()))
    return Evidence(
        system=System(
            alias="PRD", url=ApiUrl("host.example.com", 443), pse=Path("c.pse"), secudir=Path(), waivers=waivers
        ),
        period=Period(moment, moment),
        observations=Observations(endpoint=None, pse=pse, known=NOTHING_KNOWN),
        roots=Roots((), "nothing"),
        judgement=Judgement(leaf=None, path=(), best=(), findings=(), wanted=(), names_host=True),
        trust=Trust((), (), (), None, None),
        findings=findings,
        not_created_for=None,
    )


def _found(code: str, severity: Severity | None = None) -> Finding:
    return finding(Code(code), "something was seen", severity=severity)


def _waiver(check: str = STRONG, code: str | None = "CERTIFICATE_WEAK", until: date = DAY) -> Waiver:
    return Waiver(check=check, code=code, until=until, reason="legacy proxy")


def _strong(waiver: Waiver, severity: Severity = Severity.MAJOR, day: date = DAY) -> Outcome:
    return decide(STRONG, _evidence(_found("CERTIFICATE_WEAK", severity), day=day, waivers=(waiver,)), USUAL)


def test_a_waived_check_skips_with_the_reason_and_still_shows_its_finding() -> None:
    outcome = _strong(_waiver())
    assert (outcome.verdict, outcome.reason) == (
        Verdict.SKIP,
        "waived: CERTIFICATE_WEAK until 2026-11-23: legacy proxy",
    )
    assert [each.code for each in outcome.findings] == ["CERTIFICATE_WEAK"]


def test_an_ended_waiver_hides_nothing_and_is_named_in_the_failure() -> None:
    """The twin: the day after the last one, and nothing else is different."""
    outcome = _strong(_waiver(), day=date(2026, 11, 24))
    assert outcome.verdict is Verdict.FAIL
    assert outcome.text.startswith("CERTIFICATE_WEAK: something was seen")
    assert "waiver: ended on 2026-11-23, so it no longer hides CERTIFICATE_WEAK: legacy proxy" in outcome.text


def test_an_ended_waiver_is_not_named_where_nothing_is_wrong() -> None:
    outcome = decide(STRONG, _evidence(waivers=(_waiver(until=date(2020, 1, 1)),)), USUAL)
    assert (outcome.verdict, outcome.notes) == (Verdict.PASS, ())


@pytest.mark.parametrize(
    "waiver",
    [_waiver(check=VALID, code="CERTIFICATE_WEAK"), _waiver(code="RENEWAL_DUE")],
    ids=["another check", "another code"],
)
def test_a_waiver_of_something_else_hides_nothing(waiver: Waiver) -> None:
    outcome = _strong(waiver)
    assert (outcome.verdict, outcome.notes) == (Verdict.FAIL, ())


def test_a_waiver_without_a_code_hides_what_is_no_blocker() -> None:
    assert _strong(_waiver(code=None)).verdict is Verdict.SKIP


def test_a_waiver_without_a_code_does_not_hide_a_blocker_and_says_so() -> None:
    outcome = _strong(_waiver(code=None), Severity.BLOCKER)
    assert outcome.verdict is Verdict.FAIL
    assert (
        "waiver: names no code, so it does not hide CERTIFICATE_WEAK, which is too grave: legacy proxy" in outcome.text
    )


def test_a_blocker_is_waived_by_its_code() -> None:
    assert _strong(_waiver(), Severity.BLOCKER).verdict is Verdict.SKIP


def test_what_is_not_waived_still_fails_and_leads() -> None:
    findings = _found("PSE_UNREADABLE"), _found("PSE_UNCONFIRMED", Severity.MAJOR)
    evidence = _evidence(*findings, waivers=(_waiver(EXISTS, "PSE_UNREADABLE"),))
    outcome = decide(EXISTS, evidence, USUAL)
    assert outcome.verdict is Verdict.FAIL
    assert [each.code for each in outcome.findings] == ["PSE_UNCONFIRMED", "PSE_UNREADABLE"]
    both = replace(evidence.system, waivers=(_waiver(EXISTS, "PSE_UNREADABLE"), _waiver(EXISTS, "PSE_UNCONFIRMED")))
    assert decide(EXISTS, replace(evidence, system=both), USUAL).verdict is Verdict.SKIP


def test_a_waived_error_is_skipped_and_an_error_without_a_waiver_is_not() -> None:
    evidence = _evidence(_found("TOOL_FAILED"))
    waived = replace(evidence, system=replace(evidence.system, waivers=(_waiver(EXISTS, "TOOL_FAILED"),)))
    assert decide(EXISTS, evidence, USUAL).verdict is Verdict.ERROR
    assert decide(EXISTS, waived, USUAL).verdict is Verdict.SKIP


def test_what_lies_below_fail_on_needs_no_waiver() -> None:
    assert _strong(_waiver(), Severity.MINOR).verdict is Verdict.PASS


def test_a_waived_cause_makes_the_checks_red_that_depend_on_it() -> None:
    evidence = _evidence(_found("ROOT_UNTRUSTED"), waivers=(_waiver(VALID, "ROOT_UNTRUSTED"),))
    listed = decide("test_maintain_pk_lists_the_chain", evidence, USUAL)
    assert decide(VALID, evidence, USUAL).verdict is Verdict.SKIP
    assert (listed.verdict, listed.text.partition(":")[0]) == (Verdict.FAIL, "ROOT_UNTRUSTED")


def test_a_check_that_is_red_for_a_waived_cause_can_be_waived_for_it_too() -> None:
    dependent = "test_maintain_pk_lists_the_chain"
    waivers = _waiver(VALID, "ROOT_UNTRUSTED"), _waiver(dependent, "ROOT_UNTRUSTED")
    assert decide(dependent, _evidence(_found("ROOT_UNTRUSTED"), waivers=waivers), USUAL).verdict is Verdict.SKIP


def test_the_day_that_is_judged_counts_for_waivers() -> None:
    """With --at the whole of that day is judged."""
    day = Period(datetime(2027, 1, 31, tzinfo=UTC), datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC))
    evidence = _evidence(_found("CERTIFICATE_WEAK", Severity.MAJOR), waivers=(_waiver(until=date(2027, 1, 31)),))
    assert decide(STRONG, replace(evidence, period=day), USUAL).verdict is Verdict.SKIP
    next_day = Period(datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 2, 1, 23, 59, 59, tzinfo=UTC))
    assert decide(STRONG, replace(evidence, period=next_day), USUAL).verdict is Verdict.FAIL


@pytest.mark.parametrize("code", [code for code, row in CODES.items() if row.severity is Severity.BLOCKER])
def test_every_blocker_can_be_waived_by_its_code_until_its_day(code: str) -> None:
    check = OWNERS[Code(code)]
    for until, verdicts in ((DAY, {Verdict.SKIP}), (date(2026, 11, 22), {Verdict.FAIL, Verdict.ERROR})):
        assert decide(check, _evidence(_found(code), waivers=(_waiver(check, code, until),)), USUAL).verdict in verdicts
