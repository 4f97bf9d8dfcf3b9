"""The checks alone, over observations made by hand: each tells its own fault, and none passes without a proof."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from pse_preflight.checklist import CHECKS, CODES, OWNERS, Code, Severity
from pse_preflight.landscape.system import Waiver
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Policy, Verdict
from tests.checks.corpus import CORPUS, Scenario, good
from tests.kit.check_runs import EVERY_CHECK, End, end_of, ends, ends_alone, without_proof

WITH_A_CODE = [each for each in CORPUS if each.code]
EVERYTHING = Policy(Severity.MAJOR, EVERY_CHECK)


@cache
def evidence_of(scenario: Scenario) -> Evidence:
    return scenario.evidence()


@cache
def ends_of(scenario: Scenario) -> Mapping[str, End]:
    return ends(evidence_of(scenario))


def test_every_code_has_its_scenario() -> None:
    assert {each.code for each in WITH_A_CODE} == set(CODES)
    assert [name for name, count in Counter(each.name for each in CORPUS).items() if count > 1] == []


def test_where_everything_is_right_every_check_passes_and_nothing_is_said() -> None:
    evidence = good().evidence()
    assert evidence.findings == ()
    assert {check: end.verdict for check, end in ends(evidence).items()} == dict.fromkeys(CHECKS, Verdict.PASS)
    assert {check: end.verdict for check, end in ends_alone(evidence).items()} == dict.fromkeys(CHECKS, Verdict.PASS)


@pytest.mark.parametrize("scenario", CORPUS, ids=str)
def test_the_check_that_owns_the_code_tells_it_and_no_check_is_without_a_proof(scenario: Scenario) -> None:
    assert without_proof(evidence_of(scenario)) == []
    if scenario.code:
        end = ends_of(scenario)[OWNERS[scenario.code]]
        assert end.verdict is scenario.verdict, (end, evidence_of(scenario).findings)
        assert end.verdict is Verdict.SKIP or scenario.code in end.codes, end


@pytest.mark.parametrize("scenario", CORPUS, ids=str)
def test_a_check_that_is_red_begins_with_its_code_whatever_else_is_selected(scenario: Scenario) -> None:
    for made in (ends_of(scenario), ends_alone(evidence_of(scenario))):
        assert [end for end in made.values() if end.is_red and not end.text.startswith(f"{end.codes[0]}: ")] == []


@pytest.mark.parametrize("scenario", WITH_A_CODE, ids=str)
def test_what_is_waived_leaves_no_check_without_a_proof(scenario: Scenario) -> None:
    evidence, until = evidence_of(scenario), evidence_of(scenario).period.end.date()
    waivers = tuple(
        Waiver(check=check, code=each.code, until=until, reason="known")
        for each in evidence.findings
        for check in (each.check, "test_pse_trusts_the_server")
    )
    assert without_proof(replace(evidence, system=replace(evidence.system, waivers=waivers))) == []


def _unsaid(evidence: Evidence, code: Code) -> Evidence:
    """Return the same evidence as if nobody had found this."""
    cause = evidence.not_created_for
    return replace(
        evidence,
        findings=tuple(each for each in evidence.findings if each.code is not code),
        not_created_for=None if cause is not None and cause.code is code else cause,
    )


@pytest.mark.parametrize("code", CODES)
def test_what_nobody_finds_the_check_itself_does_not_pass(code: Code) -> None:
    """The twin: the same observations, and the finding is lost."""
    lost = (_unsaid(evidence_of(each), code) for each in WITH_A_CODE if each.code is code)
    assert any(end_of(OWNERS[code], each, EVERYTHING).is_red for each in lost)


@pytest.mark.parametrize("scenario", [each for each in WITH_A_CODE if each.verdict is not Verdict.SKIP], ids=str)
def test_what_nobody_finds_some_check_does_not_pass(scenario: Scenario) -> None:
    assert scenario.code
    before, after = ends_of(scenario), ends(_unsaid(evidence_of(scenario), scenario.code))
    assert [check for check, end in after.items() if end.is_red and end.codes[:1] != before[check].codes[:1]]


def test_a_certificate_that_is_told_does_not_hide_another_one_that_is_not() -> None:
    """Both are weak, and the finding about one of them is lost."""
    strong = "test_chain_is_strong"
    evidence = evidence_of(next(each for each in CORPUS if each.name == "two weak keys"))
    first, second = (each for each in evidence.findings if each.code is Code.CERTIFICATE_WEAK)
    assert first.certificates != second.certificates
    assert (ends(evidence)[strong].verdict, len(ends(evidence)[strong].codes)) == (Verdict.PASS, 2)
    for lost in (first, second):
        told = replace(evidence, findings=tuple(each for each in evidence.findings if each != lost))
        end = ends(told)[strong]
        assert (end.verdict, end.codes) == (Verdict.ERROR, (Code.NO_EVIDENCE, Code.CERTIFICATE_WEAK))
        assert lost.certificates[0][:12] in end.text.partition("\n")[0]
