"""The network is cut at a byte of a connection: nothing hangs, nothing crashes, nothing is accepted too early."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.certificate import now
from pse_preflight.endpoint import live, observation, reading
from pse_preflight.endpoint.model import Limits
from tests.kit.cuts import Cut, Side, cutting
from tests.kit.patience import in_time
from tests.kit.servers import WINE, Server, serve, serve_tls
from tests.kit.systems import server

LIMITS = Limits(resolve=60, connect=60, tls=60, http=60, whole=60)
"""Nobody waits where a connection has ended."""
EVERY = 41
"""In the tests; the benchmark faults.py cuts after every byte."""
SIDES: tuple[Side, ...] = ("server", "client")


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


def cut_at_every_byte(good: Server, side: Side, every: int) -> tuple[int, int]:
    """Cut both connections after each so-manieth byte; return how many were cut, and the first that was accepted."""
    cut = Cut(side)
    ders = tuple(each.public_bytes(Encoding.DER) for each in server().chain)
    anchors = [each.public_bytes(Encoding.DER) for each in server().issuers[-1:]]
    accepted: list[tuple[int, bool]] = []
    with serve(cutting(good, cut)) as relay:
        observation.observe(relay.target, LIMITS, now)
        whole = cut.most
        for after in range(0, whole, every):
            cut.after, cut.reset = after, after % 2 == 1 and not WINE
            with in_time():
                seen = observation.observe(relay.target, LIMITS, now)
                shaken = live.handshake(relay.target, anchors, LIMITS, now, websocket=True)
            assert seen.presented == ders or seen.presented_cut or not seen.presented, after
            assert seen.failure or seen.http or seen.http_failure, after
            assert shaken.succeeded or shaken.failure, after
            assert not shaken.succeeded or shaken.accepted, after
            assert shaken.accepted is not False, after
            for found in (*reading.findings_of(seen), *reading.handshake_findings(shaken)):
                assert found.observed.isprintable(), after
            accepted.append((after, shaken.succeeded))
    order = [is_accepted for _, is_accepted in accepted]
    assert order == sorted(order)
    assert not order[0]
    return len(order), next((after for after, is_accepted in accepted if is_accepted), whole)


@pytest.mark.parametrize("side", SIDES)
def test_wherever_a_connection_is_cut_it_is_told_and_never_accepted_too_early(good: Server, side: Side) -> None:
    cuts, first = cut_at_every_byte(good, side, EVERY)
    assert cuts > 10
    certificates = sum(len(each.public_bytes(Encoding.DER)) for each in server().chain)
    assert first > (certificates if side == "server" else 100)
