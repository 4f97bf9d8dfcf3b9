"""What a check asks for: its own proof, or a finding that tells why there is none."""

from dataclasses import dataclass
from typing import NoReturn

import pytest

from pse_preflight.checklist import ROWS, Code, Severity, Who
from pse_preflight.findings import Finding, finding, message
from pse_preflight.verdict.policy import Outcome, Verdict
from pse_preflight.verdict.proof import Holds

WEAK, SOON = Code.CERTIFICATE_WEAK, Code.RENEWAL_DUE
ABOUT = "test_chain_is_strong of PRD"
FIRST, SECOND = "ab" * 32, "cd" * 32


class Ended(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@dataclass(frozen=True)
class Subject:
    sha256: str | None


def _end(outcome: Outcome) -> NoReturn:
    raise Ended(outcome)


def _holds(*findings: Finding, verdict: Verdict = Verdict.PASS) -> Holds:
    return Holds(ABOUT, Outcome(verdict, findings), _end)


def _found(code: Code = WEAK, *certificates: str) -> Finding:
    return finding(code, "something was seen", severity=Severity.MINOR, certificates=certificates)


def _codes(ended: "pytest.ExceptionInfo[Ended]") -> tuple[Verdict, list[Code]]:
    return ended.value.outcome.verdict, [each.code for each in ended.value.outcome.findings]


def test_what_is_proven_passes_whatever_was_found() -> None:
    _holds()(proof=True)
    _holds(_found())("evidence", unless=WEAK)
    _holds().of_each([Subject(FIRST), Subject(SECOND)], lambda _: True)


@pytest.mark.parametrize("nothing", [False, None, 0, "", ()])
def test_what_is_neither_proven_nor_told_is_an_error_of_the_toolkit(nothing: object) -> None:
    with pytest.raises(Ended) as ended:
        _holds()(nothing, unless=WEAK)
    assert _codes(ended) == (Verdict.ERROR, [Code.NO_EVIDENCE])
    told = str(ended.value)
    first, *others = told.splitlines()
    assert (
        first == f"NO_EVIDENCE: {ABOUT}: nothing that was seen rules out CERTIFICATE_WEAK, and no finding tells of it"
    )
    assert others == [
        "fix: report it, with evidence.json: this is a fault of the toolkit, and says nothing of the system",
        "who: the makers of pse-preflight",
    ]


def test_a_finding_of_its_code_tells_why_a_property_does_not_hold() -> None:
    _holds(_found())(None, unless=WEAK)
    _holds(_found(SOON))(None, unless=(WEAK, SOON))


def test_a_finding_of_another_code_tells_nothing_and_is_kept() -> None:
    with pytest.raises(Ended) as ended:
        _holds(_found(SOON))(None, unless=WEAK)
    assert _codes(ended) == (Verdict.ERROR, [Code.NO_EVIDENCE, SOON])
    assert "RENEWAL_DUE: something was seen" in str(ended.value)
    with pytest.raises(Ended):
        _holds(_found())(None)


def test_what_is_red_ends_the_check_whatever_is_proven() -> None:
    red = _found(WEAK)
    with pytest.raises(Ended) as ended:
        _holds(red, verdict=Verdict.FAIL)(proof=True)
    assert _codes(ended) == (Verdict.FAIL, [WEAK])
    with pytest.raises(Ended) as ended:
        _holds(red, verdict=Verdict.FAIL).of_each([FIRST], bool)
    assert _codes(ended) == (Verdict.FAIL, [WEAK])


def test_a_finding_speaks_of_the_certificates_that_it_names_and_of_no_others() -> None:
    subjects = [Subject(FIRST), Subject(SECOND)]
    _holds(_found(WEAK, FIRST), _found(WEAK, SECOND)).of_each(subjects, lambda _: False, unless=WEAK)
    _holds(_found(WEAK, FIRST, SECOND)).of_each(subjects, lambda _: False, unless=WEAK)
    _holds(_found(WEAK, FIRST)).of_each(subjects, lambda each: each.sha256 == SECOND, unless=WEAK)
    with pytest.raises(Ended) as ended:
        _holds(_found(WEAK, FIRST)).of_each(subjects, lambda _: False, unless=WEAK)
    assert _codes(ended) == (Verdict.ERROR, [Code.NO_EVIDENCE, WEAK])
    assert ended.value.outcome.findings[0].certificates == (SECOND,)
    assert f"for sha256 {SECOND[:12]}, " in str(ended.value).partition("\n")[0]


def test_a_fingerprint_stands_for_a_certificate() -> None:
    _holds(_found(WEAK, FIRST)).of_each([FIRST], lambda _: False, unless=WEAK)
    with pytest.raises(Ended):
        _holds(_found(WEAK, SECOND)).of_each([FIRST], lambda _: False, unless=WEAK)


def test_of_what_has_no_fingerprint_any_finding_of_the_code_speaks() -> None:
    _holds(_found(WEAK)).of_each([Subject(None)], lambda _: False, unless=WEAK)
    with pytest.raises(Ended):
        _holds(_found(SOON)).of_each([Subject(None)], lambda _: False, unless=WEAK)


def test_of_nothing_nothing_is_proven_unless_it_may_be_nothing() -> None:
    _holds().of_each([], bool, at_least=0)
    with pytest.raises(Ended) as ended:
        _holds().of_each([], bool)
    assert str(ended.value).startswith(
        f"NO_EVIDENCE: {ABOUT}: nothing that was seen proves it, and no finding tells of it\n"
    )


def test_the_code_belongs_to_no_check_and_says_so() -> None:
    found = finding(Code.NO_EVIDENCE, "nothing was seen")
    assert (found.check, found.is_error, found.severity) == ("", True, Severity.BLOCKER)
    assert ROWS[found.code].who is Who.TOOLKIT
    assert "later:" not in message(found)
