"""The checks of checks/ made over prepared evidence: each is called with what its fixtures would hand out."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from pse_preflight.checklist import CHECKLIST, CHECKS, Code, Severity
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Outcome, Policy, Verdict, decide
from pse_preflight.verdict.proof import Holds

EVERY_CHECK = frozenset(CHECKS)


@dataclass(frozen=True)
class End:
    """How a check ended, as pytest would have told it.

    Attributes:
        codes: of its findings, the decisive first; nothing where it was skipped.
        reason: why it was skipped.
        text: what it said.
        unconfigured: the key of systems.yaml without which there was nothing to judge.
    """

    verdict: Verdict
    codes: tuple[Code, ...] = ()
    reason: str = ""
    text: str = ""
    unconfigured: str = ""

    @property
    def is_red(self) -> bool:
        return self.verdict in {Verdict.FAIL, Verdict.ERROR}

    @property
    def has_no_proof(self) -> bool:
        return Code.NO_EVIDENCE in self.codes


class Ended(Exception):
    """What a check raises in place of pytest's own failure."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


def end_of(check: str, evidence: Evidence, policy: Policy) -> End:
    """Make one check."""
    outcome = decide(check, evidence, policy)
    if outcome.verdict in {Verdict.PASS, Verdict.FAIL}:
        try:
            function, wanted = _function(check)
            function(**_values(wanted, evidence, Holds(f"{check} of {evidence.system.alias}", outcome, _end)))
        except Ended as ended:
            outcome = ended.outcome
        else:
            assert outcome.verdict is Verdict.PASS, f"{check} passes whatever was found"
    codes = () if outcome.verdict is Verdict.SKIP else tuple(each.code for each in outcome.findings)
    return End(outcome.verdict, codes, outcome.reason, outcome.text, outcome.unconfigured)


def ends(evidence: Evidence, fail_on: Severity = Severity.MAJOR) -> Mapping[str, End]:
    """Make all checks, as one run does."""
    policy = Policy(fail_on, EVERY_CHECK)
    return {check: end_of(check, evidence, policy) for check in CHECKS}


def ends_alone(evidence: Evidence, fail_on: Severity = Severity.MAJOR) -> Mapping[str, End]:
    """Make each check in a run of its own, as `-k` does."""
    return {check: end_of(check, evidence, Policy(fail_on, frozenset({check}))) for check in CHECKS}


def without_proof(evidence: Evidence) -> list[str]:
    """Return what those checks say that have neither a proof nor a finding; nothing is right.

    With --fail-on=blocker most of them are asked for their proof: whatever passes otherwise passes then, too.
    """
    return [end.text for end in ends(evidence, Severity.BLOCKER).values() if end.has_no_proof]


def _end(outcome: Outcome) -> NoReturn:
    raise Ended(outcome)


@cache
def _function(check: str) -> tuple[Callable[..., None], tuple[str, ...]]:
    question = next(each.question for each in CHECKLIST if each.name == check)
    found = getattr(importlib.import_module(f"pse_preflight.checks.test_{question}"), check)
    return found, tuple(inspect.signature(found).parameters)


def _values(wanted: Iterable[str], evidence: Evidence, holds: Holds) -> dict[str, Any]:
    own = {"evidence": evidence, "system": evidence.system, "holds": holds}
    return {name: own[name] if name in own else _fixture(name)(evidence) for name in wanted}


@cache
def _fixture(name: str) -> Callable[[Evidence], object]:
    """Return what a fixture does; each hands out a part of the evidence."""
    fixtures = importlib.import_module("pse_preflight.fixtures")
    found: Callable[[Evidence], object] = inspect.unwrap(getattr(fixtures, name))
    return found
