"""What is said of each scenario of the corpus, word by word."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, readable
from pse_preflight.verdict.evidence import Evidence
from tests.checks.corpus import CORPUS, Scenario
from tests.kit.check_runs import End, ends, ends_alone
from tests.kit.words import same_as_read, told

GOLDEN = Path(__file__).parent / "golden" / "words.txt"
SCENARIOS = {each.name: each for each in CORPUS}
RIGHT = "everything is right"
MANY = 20
"""So many roots are Mozilla's list, of which none is told by its number."""


@cache
def _evidence(scenario: Scenario) -> Evidence:
    return scenario.evidence()


def _known(evidence: Evidence) -> Iterator[Certificate]:
    seen = evidence.observations
    sent = (*seen.presented, *(der for each in seen.addresses for der in each.presented), *seen.fetched)
    yield from readable(sent)
    yield from evidence.roots.certificates if len(evidence.roots.certificates) < MANY else ()
    yield from (each.certificate for each in evidence.pse.entries if each.certificate)
    yield from (*evidence.successors, *evidence.required)


@cache
def _verdict(name: str) -> dict[str, str]:
    evidence = _evidence(SCENARIOS[name])
    trust, cause, clock = evidence.trust, evidence.not_created_for, evidence.root_clock
    found = {
        "roots": [evidence.roots.name],
        "verified": [each.name for each in evidence.judgement.path],
        "of which is told": [each.name for each in evidence.judgement.best],
        "trusted": [each.name for each in trust.path],
        "relied on": [each.name for each in trust.relied],
        "trust ends": [f"{trust.ends:%Y-%m-%d %H:%M}"] if trust.ends else [],
        "to be renewed": [f"{trust.renewal:%Y-%m-%d %H:%M}"] if trust.renewal else [],
        "not created for": [str(cause.code)] if cause else [],
        "added by a run": [each.name for each in evidence.added_by_run],
        "kept until": list(map(str, (clock.ends, clock.mozilla, clock.chrome, clock.left))) if clock else [],
    }
    return {name: " > ".join(values) for name, values in found.items()}


def _ends(evidence: Evidence) -> Iterator[str]:
    """Yield how the checks end that do not pass without a word, in one run and each in a run of its own."""
    checks: dict[str, list[str]] = defaultdict(list)
    alone = ends_alone(evidence)
    for check, end in ends(evidence).items():
        checks[_ended(end)].append(check)
        if alone[check] != end:
            checks[f"{_ended(alone[check])} (alone)"].append(check)
    yield from (f"{end}: {', '.join(names)}" for end, names in checks.items() if end != "PASS")


def _ended(end: End) -> str:
    return " ".join(filter(None, [end.verdict.value.upper(), *end.codes, end.reason]))


def _told(name: str) -> str:
    """Return findings and verdict, of which only that counts that is otherwise than where everything is right."""
    evidence, usual = _evidence(SCENARIOS[name]), {} if name == RIGHT else _verdict(RIGHT)
    lines = [f"{part}: {value}" for part, value in _verdict(name).items() if value != usual.get(part, "")]
    return "\n".join([*lines, *_ends(evidence), told(evidence.findings, tuple(_known(evidence)))]).rstrip("\n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_is_said_is_what_was_read(name: str) -> None:
    same_as_read(GOLDEN, SCENARIOS, name, _told)
