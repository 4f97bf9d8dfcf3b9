"""Every chain of the catalogue, served by a real server and judged by the whole toolkit in one pytest run."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pse_preflight.certificate import now
from pse_preflight.checklist import OWNERS, Code, Severity
from tests.kit.chains import CATALOGUE, Case, Chain, World, numbered_words, random_names
from tests.kit.places import CHECKOUT
from tests.kit.shop import Offer, Red, Shop

PUBLIC = {"critical-names-from-a-public-root"}  # no root of ours is in Mozilla's list
SHOWN = tuple(case for case in CATALOGUE if case.on_loopback and case.name not in PUBLIC)


class CatalogueShop(Shop):
    """Serves the catalogue."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, *, random: bool) -> None:
        super().__init__(folder, stack)
        naming = random_names(numbered_words("Word")) if random else str
        self.world = World(now(), host="localhost", aia=self.aia, name=naming)
        self.chains: dict[str, Chain] = {}
        for case in SHOWN:
            self._show(case)

    def _show(self, case: Case) -> None:
        def offer(aia: str) -> Offer:
            chain = case.build(replace(self.world, aia=aia))
            self.chains[case.name] = chain
            return Offer(chain.presented, chain.key, chain.roots, chain.fetched, chain.partial)

        self.add(case.name, offer)


@pytest.fixture(scope="module", params=["plain names", "random names"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[CatalogueShop, dict[str, dict[str, Red]]]]:
    """Run the toolkit once over all servers; return the red checks of each case."""
    with contextlib.ExitStack() as stack:
        shop = CatalogueShop(tmp_path_factory.mktemp("catalogue"), stack, random=request.param == "random names")
        yield shop, shop.run()


@pytest.mark.long
@pytest.mark.parametrize("case", SHOWN, ids=str)
def test_the_toolkit_names_the_cause_and_nothing_else_is_red(
    told: tuple[CatalogueShop, dict[str, dict[str, Red]]], case: Case
) -> None:
    shop, red_checks = told
    red = red_checks[case.name]
    possible = {OWNERS[Code(code)] for code in (case.code, *case.others) if code}
    assert set(red) <= possible, red
    assert all(each.kind == "failure" for each in red.values())
    if case.severity is None or case.severity < Severity.MAJOR:
        assert not red
        return
    message = red[OWNERS[Code(case.code)]].message
    assert message.startswith(f"{case.code}: ")
    assert "\nfix: " in message
    named = shop.chains[case.name].named
    assert named is None or named.sha256[:12] in message[:400]


def test_the_page_of_diagnoses_shows_every_case() -> None:
    """Rewrite it with: python benchmarks/diagnosis.py --sslyze PYTHON."""
    page = (CHECKOUT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| ")][1:]
    assert [drawing.removeprefix("| ") for drawing, _ in rows] == [" ".join(case.drawing.split()) for case in SHOWN]
    assert [ours.partition("<br>")[0] for _, ours in rows] == [case.code or "(no finding)" for case in SHOWN]
