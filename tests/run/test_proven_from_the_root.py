"""Where the verdict says that a root is trusted, the live handshake has proven the path from that root."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.verdict.evidence import Evidence
from tests.kit.faulty_chains import KINDS, LOOPBACK, Built, Kind, built
from tests.kit.servers import answering_like_abap, over_tls, serve
from tests.kit.shop import Offer, context_of
from tests.kit.systems import NOW, gather, roots_file, system, write_pse

TWO_INTERMEDIATES = 2

MISNAMED = [each for each in KINDS if each.codes == ("KEY_IDENTIFIERS_DIFFER",) and each.place == "issuing"]
"""An intermediate that names another key than the one of the authority above it, or is named so by the server's."""


def _run(
    folder: Path,
    kinds: tuple[Kind, ...],
    listed: Callable[[list[Certificate]], list[Certificate]],
    omitted: int | None = None,
) -> Evidence:
    """Ask a server whose PSE holds some of the authorities above it; they are given from the root down.

    Args:
        omitted: the place of what the server does not send.
    """
    made: Built = built(kinds, NOW, "p256", TWO_INTERMEDIATES, LOOPBACK)
    authorities = [*made.roots, *(Certificate.read(der) for der in reversed(made.presented[1:]))]
    pse = folder / "sec" / "client.pse"
    write_pse(pse, listed(authorities))
    sent = tuple(der for place, der in enumerate(made.presented) if place != omitted)
    context = context_of(Offer(sent, made.key, made.roots), folder)
    with serve(over_tls(context, answering_like_abap())) as server:
        described = system("PRD", server.port, pse, roots=roots_file(folder, *(each.parsed for each in made.roots)))
        named = replace(described, url=ApiUrl(made.host, server.port))
        (evidence,) = gather(named, folder=folder)
    return evidence


@pytest.mark.parametrize("held", [1, 2, 3])
def test_chain_as_it_should_be_is_proven_whatever_stands_beside_the_root(tmp_path: Path, held: int) -> None:
    evidence = _run(tmp_path, (), lambda authorities: authorities[:held])
    assert evidence.live is not None
    assert evidence.live.accepted
    assert evidence.trust.rests_on_a_root
    assert evidence.trust.relied == evidence.trust.path[-1:]


@pytest.mark.parametrize("omitted", [1, 2])
def test_chain_is_proven_from_the_root_though_the_list_completes_it(tmp_path: Path, omitted: int) -> None:
    evidence = _run(tmp_path, (), lambda authorities: authorities, omitted)
    assert evidence.live is not None
    assert evidence.live.accepted
    assert evidence.trust.rests_on_a_root
    assert len(evidence.trust.relied) == 2


@pytest.mark.parametrize("kind", MISNAMED, ids=str)
def test_intermediate_that_completes_the_chain_proves_nothing_for_the_root(tmp_path: Path, kind: Kind) -> None:
    evidence = _run(tmp_path, (kind,), lambda authorities: authorities, 1)
    assert evidence.trust.rests_on_a_root
    assert evidence.live is not None
    assert evidence.live.accepted is False


def test_root_that_names_another_key_as_its_own_is_an_anchor_all_the_same(tmp_path: Path) -> None:
    (odd,) = (each for each in KINDS if each.name == "root-with-the-key-of-another")
    evidence = _run(tmp_path, (odd,), lambda authorities: authorities)
    assert evidence.live is not None
    assert evidence.live.accepted


@pytest.mark.parametrize("kind", MISNAMED, ids=str)
def test_intermediate_beside_the_root_proves_nothing_for_it(tmp_path: Path, kind: Kind) -> None:
    """OpenSSL accepts the chain from the intermediate, and refuses it from the root, of which the verdict speaks."""
    evidence = _run(tmp_path, (kind,), lambda authorities: authorities)
    assert evidence.trust.rests_on_a_root
    assert evidence.live is not None
    assert evidence.live.accepted is False
    assert Code.KEY_IDENTIFIERS_DIFFER in [each.code for each in evidence.findings]


def test_intermediate_alone_is_proven_as_that(tmp_path: Path) -> None:
    (kind,) = (each for each in MISNAMED if each.name == "authority-key-of-another")
    evidence = _run(tmp_path, (kind,), lambda authorities: authorities[-1:])
    assert not evidence.trust.rests_on_a_root
    assert evidence.live is not None
    assert evidence.live.accepted
    assert Code.PSE_HOLDS_INTERMEDIATE_ONLY in [each.code for each in evidence.findings]
