"""Chains with one thing wrong, or only odd, against the truth they were built with."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pse_preflight.chain.host_names import named_hosts
from pse_preflight.chain.judge import Judgement, judge_chain
from pse_preflight.checklist import Severity
from tests.kit.drafts import Press
from tests.kit.faulty_chains import ELSEWHERE, KEY_KINDS, KINDS, Built, Kind, Plan, built, shapes

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SHAPES = 4

LIBRARYS_WORDS = ("Error", "validation failed", "AlgorithmIdentifier", "verifier's own words")
LONGEST = 400


def _problems(kind: Kind, shape: int) -> list[str]:
    """Return what is wrong with what is told of a chain of this kind, in one of its four shapes."""
    keys, intermediates = list(shapes(kind))[shape]
    chain = built((kind,), NOW, keys, intermediates)
    judgement = judge_chain(chain.question())
    told = [f"{each.code} ({each.severity.name}): {each.observed}" for each in judgement.findings]
    return [f"{kind}, {keys}, {intermediates}: {rule.__name__}: {told}" for rule in RULES if not rule(chain, judgement)]


def _cause_is_named_and_nothing_else(chain: Built, judgement: Judgement) -> bool:
    kind = chain.wrong[0].kind
    told = [
        (each.code.value, each.severity)
        for each in judgement.findings
        if each.severity > Severity.MINOR or each.code.value not in kind.also
    ]
    return told in [[(code, kind.severity)] for code in kind.codes] if kind.codes else not told


def _path_is_verified_or_not(chain: Built, judgement: Judgement) -> bool:
    kind = chain.wrong[0].kind
    has_names = judgement.leaf is not None and bool(named_hosts(judgement.leaf))
    names_host = has_names and "HOST_NOT_IN_CERTIFICATE" not in kind.codes
    return bool(judgement.path) is kind.verified and judgement.names_host is names_host


def _certificate_to_blame_is_named_first(chain: Built, judgement: Judgement) -> bool:
    """Its name stands in the first 200 characters of the message, and its fingerprint after what was observed."""
    blamed = chain.wrong[0].blamed
    if not chain.wrong[0].kind.codes or blamed is None:
        return True
    if not judgement.findings:
        return False
    found = judgement.findings[0]
    before, mark, _ = found.observed.partition(f"(sha256 {blamed.sha256[:12]}")
    is_named = blamed.name in f"{found.code}: {found.observed}"[:200] and blamed.sha256 in found.certificates
    is_marked = blamed.sha256[:12] in found.observed + found.detail
    return is_named and is_marked and (not mark or len(before.split()) > 3)


def _words_are_plain(_: Built, judgement: Judgement) -> bool:
    """What the reader or the verifier says in its own words stands in the detail, and never for want of ours."""
    observed = [each.observed for each in judgement.findings]
    details = [each.detail for each in judgement.findings]
    plain = all(each.isprintable() and len(each) < LONGEST for each in observed)
    own = all(odd not in each for each in observed for odd in LIBRARYS_WORDS)
    return plain and own and not any("verifier's own words" in each for each in details)


RULES: tuple[Callable[[Built, Judgement], bool], ...] = (
    _cause_is_named_and_nothing_else,
    _path_is_verified_or_not,
    _certificate_to_blame_is_named_first,
    _words_are_plain,
)


@pytest.mark.parametrize("kind", KINDS[::2], ids=str)
def test_cause_is_named_and_nothing_else(kind: Kind) -> None:
    """Every second kind in one of its shapes, all of them by turns."""
    assert _problems(kind, KINDS.index(kind) % SHAPES) == []


@pytest.mark.long
@pytest.mark.parametrize("turn", range(SHAPES))
def test_cause_is_named_in_every_shape(turn: int) -> None:
    problems = (_problems(kind, (number + turn) % SHAPES) for number, kind in enumerate(KINDS))
    assert [problem for each in problems for problem in each] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_rules_can_be_broken(rule: Callable[[Built, Judgement], bool]) -> None:
    """What is told of one chain is not true of another, and a library's words are seen."""
    assert any(not rule(chain, judgement) for chain, judgement in _mixed_up())


def _mixed_up() -> Iterator[tuple[Built, Judgement]]:
    chains = [built((kind,), NOW, kind.kinds[0], kind.least) for kind in KINDS[::20]]
    judgements = [judge_chain(each.question()) for each in chains]
    yield from zip(chains, judgements[1:], strict=False)
    for chain, judgement in zip(chains, judgements, strict=True):
        raw = tuple(replace(each, observed=f"{each.observed}: ValueError") for each in judgement.findings)
        yield chain, replace(judgement, findings=raw)


@pytest.mark.parametrize("keys", KEY_KINDS)
@pytest.mark.parametrize("intermediates", [1, 2, 3])
def test_chain_in_which_nothing_is_wrong_has_no_finding(keys: str, intermediates: int) -> None:
    """The negative twin of all of them."""
    judgement = judge_chain(built((), NOW, keys, intermediates).question())
    assert judgement.findings == ()
    assert len(judgement.path) == intermediates + 2
    assert judgement.names_host


def test_there_are_enough_of_them() -> None:
    grave = [each for each in KINDS if each.severity and each.severity > Severity.MINOR]
    assert len(grave) >= 119
    assert len({str(each) for each in KINDS}) == len(KINDS)
    assert all(len(list(shapes(each))) == SHAPES for each in KINDS)


def test_drafts_are_signed_once() -> None:
    plan, press = Plan(NOW, "p256", 1, ELSEWHERE), Press()
    assert press.made(plan.leaf) is press.made(plan.leaf)
    assert press.made(plan.leaf) != Press().made(plan.leaf)
