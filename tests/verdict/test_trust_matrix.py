"""What a PSE holds against what a server sends: every cell written by hand, judged offline, and tried live.

One client serves all live cells: TLS 1.2 and newer, partial chains allowed (X509_V_FLAG_PARTIAL_CHAIN), the host name
checked, nothing trusted but the list. OpenSSL stands in for SAP's library, about which some cells prove nothing; those
are named in UNKNOWN_FOR_SAP.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate, now
from pse_preflight.chain.judge import ChainQuestion, Judgement, Period, judge_chain
from pse_preflight.demo.authority import Identity, ec_key, root_authority
from pse_preflight.endpoint.live import handshake
from pse_preflight.endpoint.model import Limits
from pse_preflight.endpoint.tls import trusting_context
from pse_preflight.verdict.trust import Remedy, Trust, TrustCase, judge_trust
from tests.kit.entries import entry_of
from tests.kit.servers import LOOPBACK, Server, serve_tls

NOW = now()
PERIOD = Period(NOW, NOW)

SERVERS = (
    "complete",
    "root sent",
    "missing intermediate",
    "reordered",
    "renewed leaf",
    "renewed intermediate",
    "new root",
)

CODES = {
    "R": "ROOT_NOT_IN_PSE",
    "I": "INTERMEDIATE_NOT_IN_PSE",
    "E": "PK_LIST_EMPTY",
    "X": "PK_LIST_EXPIRED",
    "N": "SERVER_NOT_TRUSTED",
    "L": "PSE_HOLDS_SERVER_CERT_ONLY",
    "P": "PSE_HOLDS_INTERMEDIATE_ONLY",
}
SEVERITIES = {"B": "blocker", "M": "major", "m": "minor"}

# A cell: the findings about list and trust (code, severity; twice where two certificates are meant), and after the
# slash what the live handshake comes to.
MATRIX = {
    "root": (
        "Im Im / accepted",  # complete: green, the server sends its intermediates
        "Im Im / accepted",  # root sent
        "NB / refused",  # missing intermediate: nobody has it
        "Im Im / accepted",  # reordered
        "Im Im / accepted",  # renewed leaf
        "Im Im / accepted",  # renewed intermediate
        "RB Im Im NB / refused",  # new root
    ),
    "intermediate": (
        "RM Im PM / accepted",
        "RM Im PM / accepted",
        "PM / accepted",
        "RM Im PM / accepted",
        "RM Im PM / accepted",
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
    ),
    "leaf": (
        "RM Im Im LM / accepted",
        "RM Im Im LM / accepted",
        "LM / accepted",
        "RM Im Im LM / accepted",
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
    ),
    "all": (
        " / accepted",
        " / accepted",
        " / accepted",
        " / accepted",
        " / accepted",
        "Im / accepted",
        "RB Im Im NB / refused",
    ),
    "none": ("EB NB / refused",) * 7,
    "other root": (
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
        "NB / refused",
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
        "RB Im Im NB / refused",
    ),
    "expired root": (
        "Xm RB Im Im NB / refused",
        "Xm RB Im Im NB / refused",
        "Xm NB / refused",
        "Xm RB Im Im NB / refused",
        "Xm RB Im Im NB / refused",
        "Xm RB Im Im NB / refused",
        "Xm RB Im Im NB / refused",
    ),
    "cross-signed root": (
        "RM Im Im PM / accepted",
        "RM Im Im PM / accepted",
        "NB / refused",
        "RM Im Im PM / accepted",
        "RM Im Im PM / accepted",
        "RM Im Im PM / accepted",
        "RB Im Im NB / refused",
    ),
    "renewed root with the same key": (
        "Im Im / accepted",
        "Im Im / accepted",
        "NB / refused",
        "Im Im / accepted",
        "Im Im / accepted",
        "Im Im / accepted",
        "RB Im Im NB / refused",
    ),
}

# What is said of the chain alone, whatever the PSE holds.
CHAIN = {
    "complete": [],
    "root sent": [],
    "missing intermediate": [("SERVER_OMITS_INTERMEDIATE", "major")],
    "reordered": [("CHAIN_OUT_OF_ORDER", "minor")],
    "renewed leaf": [],
    "renewed intermediate": [],
    "new root": [],
}

DIFFERENT: dict[tuple[str, str], str] = {}
"""Cells where the live handshake and the offline verdict differ, with the reason."""

_PARTIAL = "whether SAP's library takes an anchor that no root's signature ends in is not known"
_FILLED = "whether SAP's library takes an intermediate from the list that the server does not send is not known"
UNKNOWN_FOR_SAP = {
    **dict.fromkeys(
        [("intermediate", each) for each in SERVERS if each not in {"renewed intermediate", "new root"}]
        + [("leaf", each) for each in SERVERS[:4]]
        + [("cross-signed root", each) for each in SERVERS if each not in {"missing intermediate", "new root"}],
        _PARTIAL,
    ),
    ("all", "missing intermediate"): _FILLED,
}


@dataclass(frozen=True)
class World:
    """Every authority and server certificate of the matrix; all are sound but for the one root that has ended."""

    root: Identity
    policy: Identity
    issuing: Identity
    leaf: Identity
    renewed_leaf: Identity
    leaf_of_renewed_intermediate: Identity
    leaf_of_new_root: Identity
    lists: dict[str, tuple[x509.Certificate, ...]]

    def sent(self, server: str) -> tuple[Identity, tuple[x509.Certificate, ...]]:
        """Return who holds the server's key, and what the server sends."""
        leaf, issuing, policy, root = self.leaf.certificate, *self.leaf.issuers
        return {
            "complete": (self.leaf, (leaf, issuing, policy)),
            "root sent": (self.leaf, (leaf, issuing, policy, root)),
            "missing intermediate": (self.leaf, (leaf,)),
            "reordered": (self.leaf, (leaf, policy, issuing)),
            "renewed leaf": (self.renewed_leaf, self.renewed_leaf.chain),
            "renewed intermediate": (self.leaf_of_renewed_intermediate, self.leaf_of_renewed_intermediate.chain),
            "new root": (self.leaf_of_new_root, self.leaf_of_new_root.chain),
        }[server]


@cache
def world() -> World:
    root_key = ec_key()
    root = root_authority("Root", NOW - timedelta(days=400), 4000, key=root_key)
    policy = _authority(root, "Policy CA")
    issuing = _authority(policy, "Issuing CA")
    leaf = _leaf(issuing)
    new_root = root_authority("New Root", NOW - timedelta(days=40), 4000)
    other = root_authority("Other Root", NOW - timedelta(days=400), 4000)
    cross_signed = other.issue_authority("Root", NOW - timedelta(days=300), 3000, key=root_key)
    ended = root_authority("Root", NOW - timedelta(days=4000), 3999, key=root_key)
    renewed = root_authority("Root", NOW - timedelta(days=5), 8000, key=root_key)
    return World(
        root,
        policy,
        issuing,
        leaf,
        renewed_leaf=_leaf(issuing),
        leaf_of_renewed_intermediate=_leaf(_authority(policy, "Issuing CA")),
        leaf_of_new_root=_leaf(_authority(_authority(new_root, "New Policy CA"), "New Issuing CA")),
        lists={
            "root": (root.certificate,),
            "intermediate": (issuing.certificate,),
            "leaf": (leaf.certificate,),
            "all": (leaf.certificate, *leaf.issuers),
            "none": (),
            "other root": (other.certificate,),
            "expired root": (ended.certificate,),
            "cross-signed root": (cross_signed.certificate,),
            "renewed root with the same key": (renewed.certificate,),
        },
    )


def _authority(issuer: Identity, name: str) -> Identity:
    return issuer.issue_authority(name, NOW - timedelta(days=300), 3000)


def _leaf(issuer: Identity) -> Identity:
    return issuer.issue_server([LOOPBACK], NOW - timedelta(days=10), 190)


def _listed(name: str) -> tuple[Certificate, ...]:
    return tuple(map(Certificate.of, world().lists[name]))


def _judged_chain(server: str, host: str = LOOPBACK) -> Judgement:
    roots = (world().root.certificate, world().leaf_of_new_root.issuers[-1])
    sent = world().sent(server)[1]
    question = ChainQuestion(
        host=host,
        presented=tuple(Certificate.of(each).der for each in sent),
        roots=tuple(map(Certificate.of, roots)),
        roots_name="the roots of the test",
        period=PERIOD,
    )
    return judge_chain(question)


def _verdict(held: str, server: str) -> Trust:
    entries = (entry_of(each) for each in _listed(held))
    return judge_trust(
        TrustCase(
            entries=tuple(entries),
            judgement=_judged_chain(server),
            presented=tuple(map(Certificate.of, world().sent(server)[1])),
            host=LOOPBACK,
            period=PERIOD,
            include_leaf=False,
            required_roots=(),
            accepted=frozenset(),
            remedy=Remedy(("sapgenpse",), Path("client.pse")),
        )
    )


def _cell(held: str, server: str) -> tuple[list[tuple[str, str]], bool]:
    """Read a cell: its findings, and whether the live handshake succeeds."""
    findings, _, live = MATRIX[held][SERVERS.index(server)].partition(" / ")
    return sorted((CODES[each[0]], SEVERITIES[each[1]]) for each in findings.split()), live == "accepted"


CELLS = [(held, server) for held in MATRIX for server in SERVERS]


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Server]]:
    """Run a server of every kind on this machine."""
    with contextlib.ExitStack() as stack:
        kinds = {server: world().sent(server) for server in SERVERS}
        yield {name: stack.enter_context(serve_tls(holder, chain=sent)) for name, (holder, sent) in kinds.items()}


def test_the_matrix_is_whole() -> None:
    assert set(MATRIX) == set(world().lists)
    assert [len(row) for row in MATRIX.values()] == [len(SERVERS)] * 9


@pytest.mark.parametrize("server", SERVERS)
def test_the_chain_alone_is_judged_as_written(server: str) -> None:
    found = [(each.code, str(each.severity)) for each in _judged_chain(server).findings]
    assert found == CHAIN[server]


@pytest.mark.parametrize(("held", "server"), CELLS)
def test_each_cell_is_judged_as_written(held: str, server: str) -> None:
    expected, accepted = _cell(held, server)
    verdict = _verdict(held, server)
    assert sorted((each.code, str(each.severity)) for each in verdict.findings) == expected
    assert bool(verdict.path) == (accepted if (held, server) not in DIFFERENT else not accepted)


@pytest.mark.parametrize(("held", "server"), CELLS)
def test_each_cell_is_true_of_a_live_handshake(held: str, server: str, running: dict[str, Server]) -> None:
    _, accepted = _cell(held, server)
    anchors = [each.certificate.der for each in _verdict(held, server).anchors]
    live = handshake(running[server].target, anchors, Limits(), now, websocket=False)
    assert (live.succeeded, live.accepted, live.failure) == (accepted, accepted, None)


@pytest.mark.parametrize(("held", "server"), CELLS)
def test_each_cell_is_true_of_a_handshake_that_trusts_what_the_verdict_relies_on(
    held: str, server: str, running: dict[str, Server]
) -> None:
    """As a run asks: from the root where the verdict says root, from nothing where it says nothing."""
    verdict, (_, accepted) = _verdict(held, server), _cell(held, server)
    trusted, partial = verdict.trusted_live.certificates, verdict.trusted_live.any_may_anchor
    live = handshake(running[server].target, trusted, Limits(), now, websocket=False, partial=partial)
    assert (live.succeeded, live.accepted, live.failure) == (accepted, accepted, None)


@pytest.mark.parametrize(("held", "server"), CELLS)
def test_the_live_handshake_trusts_what_the_list_holds_and_nothing_else(held: str, server: str) -> None:
    assert {each.certificate for each in _verdict(held, server).anchors} == set(_listed(held))


def test_one_set_of_flags_serves_all_cells() -> None:
    flags = {trusting_context([each.der for each in _listed(held)]).verify_flags for held in MATRIX}
    assert len(flags) == 1


@pytest.mark.parametrize(("held", "server"), CELLS)
def test_where_saps_library_is_not_known_to_agree_the_cell_is_named(held: str, server: str) -> None:
    """Known is: a root of the list that the server's own certificates lead to is accepted; without any, it is not."""
    verdict = _verdict(held, server)
    _, accepted = _cell(held, server)
    plain = not accepted or (verdict.rests_on_a_root and verdict.relied == verdict.path[-1:])
    assert plain == ((held, server) not in UNKNOWN_FOR_SAP)


@pytest.mark.parametrize("held", [held for held in MATRIX if held != "none"])
def test_another_host_is_trusted_by_no_list(held: str, running: dict[str, Server]) -> None:
    """The twin of every accepted cell: the same server asked for by another name."""
    server = running["complete"]
    target = type(server.target)("localhost", server.port)
    anchors = [each.der for each in _listed(held)]
    assert not handshake(target, anchors, Limits(), now, websocket=False).succeeded
    assert not _judged_chain("complete", "localhost").names_host
