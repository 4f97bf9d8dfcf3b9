"""Chains with one known fault, each served by a real server and judged by the whole toolkit in one run."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pse_preflight.certificate import now
from pse_preflight.checklist import OWNERS, Code, Severity
from tests.kit.faulty_chains import KINDS, LOOPBACK, Built, Kind, built, shapes
from tests.kit.shop import Offer, Red, Shop

SERVED = [each for each in KINDS if each.on_loopback]
LONGEST_ALIAS = 64
EVERY = 48
"""One in so many is served in the first tier."""

each_kind = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=str(kind), marks=[pytest.mark.long] * (number % EVERY > 0))
        for number, kind in enumerate(SERVED)
    ],
)

Told = dict[str, tuple[Built, dict[str, Red]]]


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Serve the kinds of the selected tests, and run the toolkit over them; return the red checks of each."""
    chosen = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    wanted = {each.params.get("kind") for each in chosen if each}
    with contextlib.ExitStack() as stack:
        shop = Shop(tmp_path_factory.mktemp("faults"), stack)
        chains = {kind: _serve(shop, kind) for kind in SERVED if kind in wanted}
        red = shop.run(seconds=550)
        yield {str(kind): (chain, red[_alias(kind)]) for kind, chain in chains.items()}


def _alias(kind: Kind) -> str:
    return f"{SERVED.index(kind):03}-{kind}"[:LONGEST_ALIAS]


def _serve(shop: Shop, kind: Kind) -> Built:
    chains: list[Built] = []

    def offer(aia: str) -> Offer:
        keys, intermediates = list(shapes(kind))[len(kind.name) % 4]
        chain = built((kind,), now(), keys, intermediates, replace(LOOPBACK, aia=aia))
        chains.append(chain)
        fetched = {"/issuer": chain.fetched[0]} if chain.fetched else {}
        return Offer(chain.presented, chain.key, chain.roots, fetched, host=chain.host)

    shop.add(_alias(kind), offer)
    return chains[0]


@each_kind
def test_first_red_is_the_cause_and_nothing_else_is_red(told: Told, kind: Kind) -> None:
    chain, red = told[str(kind)]
    assert all(each.kind == "failure" for each in red.values()), red
    if kind.severity is None or kind.severity < Severity.MAJOR:
        assert red == {}
        return
    possible = {OWNERS[Code(code)] for code in kind.codes}
    assert set(red) <= possible, red
    assert red
    message = next(iter(red.values())).message
    assert message.startswith(tuple(f"{code}: " for code in kind.codes))
    assert "\nfix: " in message
    blamed = chain.wrong[0].blamed
    assert blamed is None or blamed.name in message[:200]


def test_enough_of_them_are_served() -> None:
    assert len(SERVED) >= 170
