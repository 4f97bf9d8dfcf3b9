"""One run over one or more systems: what is asked, made, shared, trusted live, and what never hangs."""

import json
import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.roots import Roots, named_roots
from pse_preflight.checklist import CHECKS, OWNERS, Code, Severity
from pse_preflight.demo.authority import root_authority
from pse_preflight.endpoint import live as live_handshake
from pse_preflight.errors import PreflightError
from pse_preflight.findings import message
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.recording.folder import read
from pse_preflight.run import one_system
from pse_preflight.run.all_systems import Gathering
from pse_preflight.sapgenpse.tool import Answer, BundledTool
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Policy, Verdict, decide
from tests.kit.pse_mutations import closed_files
from tests.kit.servers import Server, answering, free_port, http_answer, serve, serve_tls, tunnelling
from tests.kit.systems import (
    NOW,
    SapsTool,
    codes,
    gather,
    issuers,
    listed,
    path,
    roots_file,
    server,
    system,
    write_pse,
)

USUAL = Policy(Severity.MAJOR, frozenset(CHECKS))
LEAF, ISSUING, ROOT = path(server())


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


@pytest.fixture
def pse(tmp_path: Path) -> Path:
    return tmp_path / "sec" / "client.pse"


@pytest.fixture
def roots(tmp_path: Path) -> str:
    return roots_file(tmp_path, server().issuers[-1], server("Second Root").issuers[-1])


def _red(evidence: Evidence) -> dict[str, str]:
    """Return the red checks of a system, each with the code that leads."""
    outcomes = {check: decide(check, evidence, USUAL) for check in CHECKS}
    return {
        check: each.findings[0].code
        for check, each in outcomes.items()
        if each.verdict in {Verdict.FAIL, Verdict.ERROR}
    }


def _untouched(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}


def test_a_missing_pse_is_made_and_everything_holds(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path)
    assert (_red(evidence), evidence.created) == ({}, True)
    assert "ROOTS_FROM_PSE" not in codes(evidence)
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256}
    assert evidence.live is not None
    assert evidence.live.succeeded
    assert evidence.trust.ends == ROOT.not_after
    if sys.platform != "win32":
        assert pse.parent.stat().st_mode & 0o777 == 0o700


def test_include_leaf_fills_and_requires_the_server_certificate(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    gather(system("PRD", good.port, pse, roots=roots, include_leaf=True), folder=tmp_path)
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256, LEAF.sha256}


# refusals to make one


@pytest.mark.parametrize(
    ("keys", "settings", "says"),
    [
        ({}, {"read_only": True}, "--read-only"),
        ({}, {"creating": ()}, "no check is selected that may create one"),
        ({}, {"at": date(2026, 12, 1)}, "--at judges another day"),
        ({"create": False}, {}, "is not to create one (create: false"),
        ({"roots": "auto"}, {}, "`roots` or `pinned` must first say"),
    ],
)
def test_a_pse_is_not_made_and_the_reason_is_told(
    good: Server, pse: Path, roots: str, tmp_path: Path, keys: dict[str, Any], settings: dict[str, Any], says: str
) -> None:
    (evidence,) = gather(system("PRD", good.port, pse, **{"roots": roots, **keys}), folder=tmp_path, **settings)
    (missing,) = (each for each in evidence.findings if each.code == "PSE_MISSING")
    assert says in missing.observed
    assert not pse.parent.exists()


@pytest.mark.parametrize(
    ("name", "presented", "code"),
    [("Root nobody knows", None, "ROOT_UNTRUSTED"), ("Root", 1, "SERVER_OMITS_INTERMEDIATE")],
)
def test_an_unverified_chain_makes_no_pse_and_is_the_one_red_check(
    pse: Path, roots: str, tmp_path: Path, name: str, presented: int | None, code: str
) -> None:
    identity = server(name)
    with serve_tls(identity, chain=identity.chain[:presented]) as running:
        (evidence,) = gather(system("PRD", running.port, pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {OWNERS[Code(code)]: code}
    assert not pse.parent.exists()


def test_a_chain_for_another_host_makes_no_pse(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    other = replace(system("PRD", good.port, pse, roots=roots), url=ApiUrl("localhost", good.port))
    (evidence,) = gather(other, folder=tmp_path)
    assert _red(evidence) == {"test_certificate_names_the_host": "HOST_NOT_IN_CERTIFICATE"}
    assert not pse.parent.exists()


def test_a_dead_host_makes_no_pse(pse: Path, roots: str, tmp_path: Path) -> None:
    (evidence,) = gather(system("PRD", free_port(), pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {"test_port_accepts_connections": "PORT_REFUSED"}
    assert not pse.parent.exists()


INSPECTING = "Zscaler Root CA"
"""The root of a TLS-inspecting product, which re-signs what servers send."""


@pytest.mark.parametrize("named_by", ["roots", "pinned"])
def test_an_inspecting_proxy_that_the_user_has_named_lets_a_pse_be_made(
    pse: Path, tmp_path: Path, named_by: str
) -> None:
    proxys = server(INSPECTING)
    named: dict[str, Any] = {
        "roots": roots_file(tmp_path, proxys.issuers[-1]),
        "pinned": (path(proxys)[-1].sha256,),
    }
    with serve_tls(proxys, chain=(proxys.certificate, *proxys.issuers)) as running:
        (evidence,) = gather(system("PRD", running.port, pse, **{named_by: named[named_by]}), folder=tmp_path)
    assert (_red(evidence), evidence.created) == ({}, True)
    assert listed(pse) == {each.sha256 for each in issuers(proxys)}
    assert [each.severity for each in evidence.findings if each.code == "TLS_INSPECTED"] == [Severity.MINOR]
    assert "PSE_TRUSTS_INSPECTION" not in codes(evidence)


def test_an_inspecting_proxy_that_nobody_has_named_makes_no_pse(pse: Path, roots: str, tmp_path: Path) -> None:
    """The twin: the same server, and `roots` names other roots."""
    proxys = server(INSPECTING)
    with serve_tls(proxys, chain=(proxys.certificate, *proxys.issuers)) as running:
        (evidence,) = gather(system("PRD", running.port, pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {"test_chain_is_not_inspected": "TLS_INSPECTED"}
    assert [each.severity for each in evidence.findings if each.code == "TLS_INSPECTED"] == [Severity.MAJOR]
    assert not pse.parent.exists()


def test_an_inspecting_proxy_that_only_the_operating_system_trusts_makes_no_pse(
    pse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the chain verifies, and it was not the user who named the root."""
    proxys = server(INSPECTING)
    store = Roots((path(proxys)[-1],), "this system's own roots")
    monkeypatch.setattr(one_system, "named_roots", lambda text: store if text == "system" else named_roots(text))
    with serve_tls(proxys) as running:
        (evidence,) = gather(system("PRD", running.port, pse, roots="system"), folder=tmp_path)
    assert evidence.judgement.path
    assert _red(evidence) == {"test_chain_is_not_inspected": "TLS_INSPECTED"}
    assert not pse.parent.exists()


def test_a_tool_that_is_not_there_is_the_one_red_check(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"engine": "sapgenpse", "sapgenpse": tmp_path / "nowhere"}
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path, **settings)
    assert _red(evidence) == {"test_pse_exists": "TOOL_MISSING"}


# shared PSEs


def test_a_shared_pse_is_made_once_from_all_verified_paths(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    tool = SapsTool()
    stranger = server("Root nobody knows")
    with serve_tls(server("Second Root")) as second, serve_tls(stranger) as unknown:
        evidence = gather(
            system("A", good.port, pse, roots=roots),
            system("B", second.port, pse, roots=roots),
            system("C", unknown.port, pse, roots=roots),
            folder=tmp_path,
            tool=tool,
        )
    assert [call[0] for call in tool.calls].count("gen_pse") == 1
    assert listed(pse) == {each.sha256 for each in (*issuers(server()), *issuers(server("Second Root")))}
    assert [each.created for each in evidence] == [True, True, True]
    assert [_red(each) for each in evidence[:2]] == [{}, {}]
    assert "ROOT_UNTRUSTED" in codes(evidence[2])
    assert not set(map(Certificate.of, stranger.issuers)) & {each.certificate for each in evidence[2].trust.anchors}


def test_a_member_that_may_not_create_does_not_keep_the_others_from_it(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    with serve_tls(server("Second Root")) as second:
        gather(
            system("A", good.port, pse, roots=roots),
            system("B", second.port, pse, roots=roots, create=False),
            folder=tmp_path,
        )
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256}


def test_a_system_that_cannot_be_judged_does_not_hang_those_it_shares_with(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    broken = system("B", good.port, pse, roots=str(tmp_path / "no such roots.pem"))
    with pytest.raises(PreflightError, match="no such roots"):
        gather(broken, folder=tmp_path)
    sound = system("A", good.port, pse, roots=roots)
    with pytest.raises(PreflightError, match="no such roots"):
        gather(sound, broken, folder=tmp_path)
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256}


def test_a_thread_that_crashes_hangs_nobody(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    def crash() -> None:
        raise RuntimeError("a defect of ours")

    folder = tmp_path / "evidence"
    crashing = system("B", good.port, pse, roots=roots, folder=folder / "B", prepare=crash)
    run = Gathering(
        [system("A", good.port, pse, roots=roots, folder=folder / "A"), crashing],
        Settings(evidence=folder, engine="bundled"),
        clock=lambda: NOW,
        asked=["A", "B"],
        creating=["A", "B"],
    )
    assert run.evidence("A").created
    with pytest.raises(RuntimeError, match="a defect of ours"):
        run.evidence("B")


# what is there already


def test_the_live_handshake_trusts_the_pse_and_nothing_else(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    """Only the list of the PSE is another; the server, the roots and the rest are the same."""
    described = system("PRD", good.port, pse, roots=roots)
    write_pse(pse, issuers(server()))
    (trusting,) = gather(described, folder=tmp_path)
    write_pse(pse, issuers(server("Second Root")))
    (mistrusting,) = gather(described, folder=tmp_path)
    assert _red(trusting) == {}
    assert {each.certificate for each in trusting.trust.anchors} == set(issuers(server()))
    assert _red(mistrusting) == {"test_maintain_pk_lists_the_chain": "ROOT_NOT_IN_PSE"}
    assert {"SERVER_NOT_TRUSTED"} <= codes(mistrusting)
    assert mistrusting.live is None


def test_a_list_that_openssl_refuses_turns_the_live_check_red(
    good: Server, pse: Path, roots: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline all is well; only the anchors that reach the handshake are others."""
    described = system("PRD", good.port, pse, roots=roots)
    write_pse(pse, issuers(server()))
    real = live_handshake.handshake
    strangers = [each.der for each in issuers(server("Second Root"))]
    monkeypatch.setattr(
        live_handshake,
        "handshake",
        lambda target, _anchors, *rest, **options: real(target, strangers, *rest, **options),
    )
    (evidence,) = gather(described, folder=tmp_path)
    assert _red(evidence) == {"test_handshake_with_the_pse_alone": "HANDSHAKE_REFUSED"}


def test_entries_known_by_fingerprint_only_come_from_the_verified_path(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    """Our reader does not know the file; SAP's tool lists fingerprints."""
    known = tmp_path / "known.pse"
    write_pse(known, issuers(server()))
    pse.parent.mkdir()
    pse.write_bytes(closed_files()["legacy"].file)  # a form of a PSE that nobody here knows
    tool = SapsTool(lambda arguments, _answer: _listing_of(arguments, known))
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path, tool=tool)
    assert {each.certificate for each in evidence.pse.entries} == {None}
    assert {each.certificate for each in evidence.trust.anchors} == set(issuers(server()))
    assert _red(evidence) in ({}, {"test_pse_is_private": "PSE_READABLE_BY_OTHERS"})
    assert evidence.live is not None
    assert evidence.live.succeeded
    assert ("PSE_UNREADABLE", Severity.MINOR) in {(each.code, each.severity) for each in evidence.findings}
    assert decide("test_file_and_tool_agree", evidence, USUAL).reason.startswith("one reader only")


@pytest.mark.parametrize(("settings", "stays"), [({}, False), ({"read_only": True}, True)])
def test_what_a_killed_run_has_left_beside_a_pse_goes_with_the_next_that_may_write(
    good: Server, pse: Path, roots: str, tmp_path: Path, settings: dict[str, Any], *, stays: bool
) -> None:
    """It may hold a private key; the PSE itself is not touched."""
    write_pse(pse, issuers(server()))
    before = pse.read_bytes()
    left = pse.with_name(f".{pse.name}.preflight-0123456789abcdef.pse")
    strange = pse.with_name(f".{pse.name}.preflight-mine")
    for each in (left, strange):
        each.write_bytes(before)
    gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path, **settings)
    assert (left.exists(), strange.exists()) == (stays, True)
    assert pse.read_bytes() == before


def _listing_of(arguments: Sequence[str], known: Path) -> Answer:
    assert "-l" in arguments
    return BundledTool({}).run(("maintain_pk", "-p", str(known), "-x", "", "-l"), known.parent)


@pytest.mark.parametrize(
    "held",
    [(), (ISSUING,), (LEAF,), (ROOT,), issuers(server("Second Root"))],
    ids=["none", "intermediate", "leaf", "root", "other"],
)
def test_without_repair_nothing_is_ever_changed(
    good: Server, pse: Path, roots: str, tmp_path: Path, held: tuple[Certificate, ...]
) -> None:
    write_pse(pse, held)
    before = _untouched(pse.parent)
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path)
    assert _untouched(pse.parent) == before
    assert not evidence.created


def test_a_root_alone_is_green(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    write_pse(pse, [ROOT])
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {}
    assert [each.severity for each in evidence.findings if each.code == "INTERMEDIATE_NOT_IN_PSE"] == [Severity.MINOR]


@pytest.mark.parametrize(
    ("held", "check", "code"),
    [
        ((LEAF,), "test_trust_survives_renewal", "PSE_HOLDS_SERVER_CERT_ONLY"),
        ((ISSUING,), "test_trust_survives_renewal", "PSE_HOLDS_INTERMEDIATE_ONLY"),
    ],
)
def test_two_true_answers_may_be_red_together(
    good: Server, pse: Path, roots: str, tmp_path: Path, held: tuple[Certificate, ...], check: str, code: str
) -> None:
    write_pse(pse, held)
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {"test_maintain_pk_lists_the_chain": "ROOT_NOT_IN_PSE", check: code}


def test_without_roots_the_list_is_what_the_chain_is_judged_by_and_that_is_said(
    good: Server, pse: Path, tmp_path: Path
) -> None:
    write_pse(pse, issuers(server()))
    (trusting,) = gather(system("PRD", good.port, pse), folder=tmp_path)
    assert _red(trusting) == {}
    assert trusting.roots.from_pse
    (said,) = (each for each in trusting.findings if each.code == "ROOTS_FROM_PSE")
    assert f"is judged by the certificate list of {pse}" in said.observed
    assert said.severity is Severity.MINOR
    write_pse(pse, issuers(server("Second Root")))
    (mistrusting,) = gather(system("PRD", good.port, pse), folder=tmp_path)
    assert f"the certificate list of {pse}" in "".join(map(message, mistrusting.findings))
    assert "ROOT_UNTRUSTED" in codes(mistrusting)


def test_the_exact_command_names_a_file_that_is_already_written(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    write_pse(pse, [ISSUING])
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path, tool=SapsTool())
    (found,) = (each for each in evidence.findings if each.code == "ROOT_NOT_IN_PSE")
    ((program, verb, add, file, of, target),) = found.commands
    assert (program, verb, add, of, target) == ("/opt/sap/sapgenpse", "maintain_pk", "-a", "-p", str(pse))
    assert ROOT.pem in Path(file).read_text(encoding="ascii")
    assert found.fix.startswith("run again with --repair, or ")


def test_a_system_that_is_not_to_be_changed_is_not_told_to_repair(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    write_pse(pse, [ISSUING])
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots, create=False), folder=tmp_path)
    assert "--repair" not in "".join(map(message, evidence.findings))


# --at


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (NOW.date() + timedelta(days=10), {}),
        (NOW.date() + timedelta(days=400), {}),  # the server has renewed by then
        (NOW.date() + timedelta(days=3700), {"test_chain_is_valid": "CERTIFICATE_EXPIRED"}),  # the root has ended
        (NOW.date() - timedelta(days=100), {"test_chain_is_valid": "CERTIFICATE_NOT_YET_VALID"}),
    ],
    ids=["soon", "after renewals", "after the root", "before the chain"],
)
def test_another_day_is_judged_and_nothing_is_live_or_changed(
    good: Server, pse: Path, roots: str, tmp_path: Path, day: date, expected: dict[str, str]
) -> None:
    write_pse(pse, [ROOT, ISSUING])
    before = _untouched(pse.parent)
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path, at=day)
    assert _red(evidence) == expected
    assert evidence.live is None
    assert evidence.period.start.date() == evidence.period.end.date() == day
    assert _untouched(pse.parent) == before


def test_on_a_day_after_renewals_a_leaf_in_the_pse_is_worth_nothing(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    write_pse(pse, [LEAF])
    (evidence,) = gather(
        system("PRD", good.port, pse, roots=roots), folder=tmp_path, at=NOW.date() + timedelta(days=400)
    )
    assert _red(evidence)["test_chain_is_valid"] == "CERTIFICATE_EXPIRED"


# recorded


def test_the_day_on_which_trust_ends_follows_from_the_evidence(
    good: Server, pse: Path, roots: str, tmp_path: Path
) -> None:
    write_pse(pse, [ISSUING])
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path)
    assert evidence.trust.ends == ISSUING.not_after
    assert evidence.trust.renewal == LEAF.not_after
    assert json.loads((evidence.system.folder / "evidence.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", [{"roots": "auto"}, {"roots": "mozilla"}, {"pinned": (ROOT.sha256,)}, {}])
def test_only_roots_that_no_other_machine_has_are_recorded(
    good: Server, pse: Path, roots: str, tmp_path: Path, key: dict[str, Any]
) -> None:
    write_pse(pse, issuers(server()))
    (evidence,) = gather(system("PRD", good.port, pse, **(key or {"roots": roots})), folder=tmp_path)
    kept = read(evidence.system.folder).recording.roots
    assert kept == (None if key else Roots((ROOT,), roots, explicit=True))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden to this account")
def test_a_pse_that_this_account_may_not_read_is_told(good: Server, pse: Path, roots: str, tmp_path: Path) -> None:
    write_pse(pse, [ROOT])
    pse.chmod(0)
    (evidence,) = gather(system("PRD", good.port, pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {"test_pse_exists": "PSE_UNREADABLE"}


# the next change of the root

SAP_HOST = "my401122-api.s4hana.cloud.sap"
TABLE = """
dated: 2026-11-01
roots:
  - {{name: Root, sha256: {root}}}
  - {{name: DigiCert TLS RSA4096 Root G5, sha256: 371a00dc0533b3721a7eeb40e8419e70799d2b0a0f2c1d80693165f7cec4ad75}}
changes:
  - {{hosts: [{host}], root: Root, successors: [DigiCert TLS RSA4096 Root G5], source: a note}}
"""


@pytest.mark.parametrize(("host", "told"), [(".s4hana.cloud.sap", True), (".example.com", False)])
def test_an_announced_root_is_named_with_its_command_and_its_file(
    pse: Path, tmp_path: Path, host: str, told: bool
) -> None:
    issuing = root_authority("Root", NOW - timedelta(days=400), 4000).issue_authority("CA", NOW, 1000)
    identity = issuing.issue_server([SAP_HOST], NOW - timedelta(days=1), 90)
    root = identity.issuers[-1]
    table = tmp_path / "table.yaml"
    table.write_text(TABLE.format(root=Certificate.of(root).sha256, host=host), encoding="utf-8")
    with serve_tls(identity) as running, serve(tunnelling(running)) as proxy:
        described = replace(
            system("PRD", 443, pse, roots=roots_file(tmp_path, root), proxy=proxy.proxy), url=ApiUrl(SAP_HOST, 443)
        )
        write_pse(pse, issuers(identity))
        (evidence,) = gather(described, folder=tmp_path, sap_roots=table)
    found = [each for each in evidence.findings if each.code == "ROOT_CHANGE_AHEAD"]
    assert bool(found) == told
    outcome = decide("test_pk_list_holds_the_required_roots", evidence, USUAL)
    assert outcome.verdict is (Verdict.PASS if told else Verdict.SKIP)
    if told:
        ((*_, file, _of, _pse),) = found[0].commands
        assert Path(file).name == "successor-1.pem"
        assert "DigiCert TLS RSA4096 Root G5" in Path(file).read_text(encoding="ascii")


# what the server forgets, and what it asks for


def test_an_intermediate_that_nobody_but_the_internet_has_is_told_and_repaired(pse: Path, tmp_path: Path) -> None:
    """The chain is completed by what its own address offers; SAP's client does not fetch, so the PSE must hold it."""
    root = root_authority("Root", NOW - timedelta(days=400), 4000)
    issuing = root.issue_authority("CA", NOW - timedelta(days=300), 1000)
    with serve(answering(http_answer("200 OK", body=Certificate.of(issuing.certificate).der))) as shelf:
        address = f"http://{shelf.host}:{shelf.port}/ca.cer"
        identity = issuing.issue_server([shelf.host], NOW - timedelta(days=1), 90, issuer_addresses=[address])
        with serve_tls(identity, chain=identity.chain[:1]) as running:
            described = system("PRD", running.port, pse, roots=roots_file(tmp_path, root.certificate))
            write_pse(pse, [Certificate.of(root.certificate)])
            (before,) = gather(described, folder=tmp_path)
            (after,) = gather(described, folder=tmp_path, repair=True)
    assert _red(before) == {
        "test_chain_is_complete": "SERVER_OMITS_INTERMEDIATE",
        "test_maintain_pk_lists_the_chain": "INTERMEDIATE_NOT_IN_PSE",
    }
    assert decide("test_pse_trusts_the_server", before, USUAL).reason.startswith("blocked by INTERMEDIATE_NOT_IN_PSE")
    assert "run again with --repair" in "".join(map(message, before.findings))
    assert _red(after) == {"test_chain_is_complete": "SERVER_OMITS_INTERMEDIATE"}
    assert after.live is not None
    assert after.live.succeeded
    assert after.trust.ends == Certificate.of(issuing.certificate).not_after


def test_a_server_that_wants_a_client_certificate_is_trusted_all_the_same(
    pse: Path, roots: str, tmp_path: Path
) -> None:
    def want(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED

    write_pse(pse, issuers(server()))
    with serve_tls(server(), change=want) as running:
        (evidence,) = gather(system("PRD", running.port, pse, roots=roots), folder=tmp_path)
    assert _red(evidence) == {"test_url_answers_https": "CLIENT_CERTIFICATE_WANTED"}
    assert decide("test_handshake_with_the_pse_alone", evidence, USUAL).verdict is Verdict.PASS
    assert decide("test_websocket_rfc_answers", evidence, USUAL).verdict is Verdict.SKIP
