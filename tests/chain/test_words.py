"""What is said of each kind of fault that a chain can have, word by word."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain.judge import Judgement, judge_chain
from tests.chain import test_root_matrix
from tests.kit.faulty_chains import KINDS, Built, Kind, built, shapes
from tests.kit.words import same_as_read, told

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden" / "words.txt"
CHAINS = {str(each): each for each in KINDS}
ROOTS = {" ".join(each[:4]): each[:4] for each in test_root_matrix.cases()}


@cache
def _built(kind: Kind) -> Built:
    """Build it with as many intermediates as it can be told with, and keys that are quickly made."""
    forms = sorted(shapes(kind), key=lambda each: (each[0] == "rsa", each[1] != 2, each))
    return built((kind,), NOW, *forms[0])


def _known(chain: Built, judgement: Judgement) -> Iterator[Certificate]:
    yield from readable((*chain.presented, *chain.fetched))
    yield from chain.roots
    yield from judgement.best


def _told(name: str) -> str:
    if name in ROOTS:
        judgement = test_root_matrix.judged(*ROOTS[name])
        return _words(judgement, judgement.best)
    chain = _built(CHAINS[name])
    judgement = judge_chain(chain.question())
    return _words(judgement, _known(chain, judgement))


def _words(judgement: Judgement, known: Iterable[Certificate]) -> str:
    parts = {
        "verified" if judgement.path else "not verified": [each.name for each in judgement.path or judgement.best],
        "wanted": judgement.wanted,
        "names another host": ["so"] if judgement.leaf and not judgement.names_host else [],
    }
    lines = [f"{part}: {' > '.join(values)}" for part, values in parts.items() if values]
    return "\n".join([*lines, told(judgement.findings, known)]).rstrip("\n")


@pytest.mark.parametrize("name", [*CHAINS, *ROOTS])
def test_whatever_is_said_is_what_was_read(name: str) -> None:
    same_as_read(GOLDEN, (*CHAINS, *ROOTS), name, _told)
