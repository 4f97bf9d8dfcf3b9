"""No finder can be lost without a check turning red: each check has a second opinion of its own.

All of them, with what turns red: python benchmarks/finders.py.
"""

import random
from collections.abc import Mapping, Sequence

import pytest

from tests.checks.corpus import CORPUS
from tests.kit.finders import Finder, Trial, finders

FINDERS = finders()


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial({each.name: each.evidence for each in CORPUS})


@pytest.fixture(scope="module")
def places(trial: Trial) -> Mapping[Finder, Sequence[str]]:
    return trial.places(FINDERS)


@pytest.mark.parametrize("finder", random.Random(11).sample(FINDERS, 12), ids=str)  # noqa: S311 - any dozen will do
def test_the_loss_of_a_finder_turns_a_check_red(
    trial: Trial, places: Mapping[Finder, Sequence[str]], finder: Finder
) -> None:
    assert trial.noticed(finder, places[finder])


@pytest.mark.long
@pytest.mark.parametrize("finder", FINDERS, ids=str)
def test_the_loss_of_any_finder_turns_a_check_red(
    trial: Trial, places: Mapping[Finder, Sequence[str]], finder: Finder
) -> None:
    assert trial.noticed(finder, places[finder])


def test_the_finders_are_found() -> None:
    names = {str(each) for each in FINDERS}
    some = {"chain.causes.circle", "chain.judge._Case._order", "verdict.trust._soon", "landscape.url.read_url"}
    assert some <= names
    assert len(names) == len(FINDERS) > 100


def test_nothing_is_noticed_where_nothing_is_lost(trial: Trial) -> None:
    """The twin: a finder that has nothing to find in a scenario is not missed there."""
    finder = next(each for each in FINDERS if str(each) == "chain.causes.circle")
    assert trial.noticed(finder, ["everything is right", "CLOCK_SKEW"]) == ""
    assert (
        trial.noticed(finder, ["circle"]) == "test_chain_is_valid: NO_EVIDENCE in place of ROOT_UNTRUSTED, in 'circle'"
    )
    assert trial.usual("circle")["test_chain_is_valid"].codes[0] == "ROOT_UNTRUSTED"
