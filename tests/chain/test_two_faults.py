"""Chains with two things wrong: the first that is told is one of them, and both are told where both can be seen."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import islice

import pytest

from pse_preflight.chain.judge import judge_chain
from pse_preflight.checklist import Severity
from tests.kit.faulty_chains import MOST_INTERMEDIATES, Built, Footprint, Kind, built, footprint, pairs

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FEW, MANY = 40, 1500

HIDES_OTHERS = (
    "version-1",  # has no extensions at all
    "names-or-constraints-damaged",  # what cannot be read is not judged
    "signed-by-itself",  # is its own authority, so its form and signature are nobody else's business
    "authority-in-the-servers-place",  # the server's own certificate is not seen
    "too-many-intermediates",  # what is above is not looked at
)
"""Faults for which another one cannot be told."""


@cache
def _changed(kind: Kind, keys: str, intermediates: int) -> Footprint:
    return footprint(kind, NOW, keys, intermediates)


def _chains(wanted: int) -> Iterator[Built]:
    """Yield chains with two faults that do not undo each other, the same in every run."""
    chance = random.Random(20)  # noqa: S311 - the same pairs in every run
    kinds = list(pairs())
    chance.shuffle(kinds)
    for one, other in islice(kinds, 2 * wanted):
        keys = chance.choice([each for each in one.kinds if each in other.kinds])
        length = max(one.least, other.least, chance.randint(1, MOST_INTERMEDIATES))
        if not _changed(one, keys, length) & _changed(other, keys, length) and _can_be_signed(one, other):
            yield built((one, other) if chance.random() < 0.5 else (other, one), NOW, keys, length)


def _can_be_signed(one: Kind, other: Kind) -> bool:
    """Tell whether no certificate is to be signed by an algorithm that its authority's key does not do."""
    names = (one.name, other.name)
    signed = any("signed-with" in each or "algorithm" in each for each in names)
    return not (signed and any(word in each for each in names for word in ("curve", "ed25519", "ed448", "dsa")))


def _names(chain: Built) -> frozenset[str]:
    return frozenset(str(each.kind) for each in chain.wrong)


def _looks_like_another_fault(chain: Built) -> bool:
    """Tell whether nobody can tell the two from a third fault.

    What is sent and leads to no root at hand may belong to the path or not. Where neither a signature nor the key's
    identifier fits, the issuer looks like another authority of the same name.
    """
    one, other = (each.kind for each in chain.wrong)
    untrusted = any("ROOT_UNTRUSTED" in each.codes for each in (one, other))
    forgotten = any("forgotten" in each.name for each in (one, other))
    forged = any("SIGNATURE_WRONG" in each.codes for each in (one, other))
    renamed = any("KEY_IDENTIFIERS_DIFFER" in each.codes for each in (one, other))
    return (untrusted and forgotten) or (forged and renamed)


def _hides(chain: Built) -> bool:
    """Tell whether one of the two cannot be seen for the other."""
    one, other = (each.kind for each in chain.wrong)
    constrained = [each for each in (one, other) if "permitted" in each.name or "excluded" in each.name]
    renamed = any("HOST_NOT_IN_CERTIFICATE" in each.codes for each in (one, other)) or len(constrained) > 1
    policies = any("policy" in each.name for each in (one, other))
    forgotten = any("forgotten" in each.name for each in (one, other))
    hiding = any(each.name.startswith(HIDES_OTHERS) for each in (one, other))
    return hiding or (bool(constrained) and renamed) or (policies and forgotten)


def _check(chain: Built) -> list[str]:
    """Return what is wrong with what is told of a chain."""
    judgement = judge_chain(chain.question())
    codes = [each.code.value for each in judgement.findings]
    grave = [each for each in judgement.findings if each.severity > Severity.MINOR]
    true = {code for each in chain.wrong for code in each.kind.codes}
    told = f"{' + '.join(sorted(_names(chain)))}: {codes}"
    problems = []
    if judgement.path and judgement.names_host and not all(each.kind.verified for each in chain.wrong):
        problems.append(f"accepted: {told}")
    if _looks_like_another_fault(chain):
        return problems
    if not grave or grave[0].code.value not in true:
        problems.append(f"the first is none of them: {told}")
    if not _hides(chain):
        seen = [each for each in chain.wrong if each.is_in_sight]
        problems += [f"{each.kind} is not told: {told}" for each in seen if not set(each.kind.codes) & set(codes)]
    return problems


def test_two_faults_are_told_apart() -> None:
    chains = list(islice(_chains(FEW), FEW))
    assert len(chains) == FEW
    assert [problem for chain in chains for problem in _check(chain)] == []


@pytest.mark.long
def test_many_pairs_of_faults_are_told_apart() -> None:
    chains = list(islice(_chains(MANY), MANY))
    assert len(chains) == MANY
    assert [problem for chain in chains for problem in _check(chain)] == []
