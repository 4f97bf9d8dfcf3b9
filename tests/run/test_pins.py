"""Fingerprints that are pinned: of roots sent and not sent, of intermediates, and of servers that sign themselves."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.checklist import CHECKS, Severity
from pse_preflight.demo.authority import root_authority
from pse_preflight.findings import Finding
from pse_preflight.recording.folder import read
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Policy, Verdict, decide
from tests.kit.odd_certificates import PRIVATE_LINK, odd_server
from tests.kit.servers import LOOPBACK, Server, serve_tls
from tests.kit.systems import NOW, codes, gather, issuers, listed, path, server, system, write_pse

LEAF, ISSUING, ROOT = path(server())
LONE = odd_server(PRIVATE_LINK, LOOPBACK, NOW - timedelta(days=9))
LONE_CERTIFICATE = Certificate.of(LONE.certificate)
USUAL = Policy(Severity.MAJOR, frozenset(CHECKS))
UNKNOWN = "ab" * 32


@pytest.fixture(scope="module")
def without_root() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


@pytest.fixture(scope="module")
def with_root() -> Iterator[Server]:
    identity = server()
    with serve_tls(identity, chain=(identity.certificate, *identity.issuers)) as running:
        yield running


@pytest.fixture(scope="module")
def lone() -> Iterator[Server]:
    with serve_tls(LONE) as running:
        yield running


@pytest.fixture
def pse(tmp_path: Path) -> Path:
    return tmp_path / "sec" / "client.pse"


def _asked(server: Server, pse: Path, pinned: Sequence[str], folder: Path, **keys: Any) -> Evidence:
    settings = {name: keys.pop(name) for name in ("repair",) if name in keys}
    (evidence,) = gather(system("S", server.port, pse, pinned=tuple(pinned), **keys), folder=folder, **settings)
    return evidence


def _red(evidence: Evidence) -> dict[str, str]:
    outcomes = {check: decide(check, evidence, USUAL) for check in CHECKS}
    ended = {Verdict.FAIL, Verdict.ERROR}
    return {check: each.findings[0].code for check, each in outcomes.items() if each.verdict in ended}


def _found(evidence: Evidence, code: str) -> Finding:
    (found,) = (each for each in evidence.findings if each.code == code)
    return found


def test_a_root_that_is_sent_is_compared(with_root: Server, pse: Path, tmp_path: Path) -> None:
    assert _red(_asked(with_root, pse, [ROOT.sha256], tmp_path)) == {}
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256}


def test_a_root_that_is_not_sent_cannot_be_compared_and_its_file_leads_to_green(
    without_root: Server, pse: Path, tmp_path: Path
) -> None:
    evidence = _asked(without_root, pse, [ROOT.sha256], tmp_path)
    found = _found(evidence, "ROOT_UNTRUSTED")
    assert f'"{ROOT.name}", which signed "{ISSUING.name}"' in found.observed
    assert "cannot be compared with `pinned`: the server does not send it" in found.observed
    assert "is not in" not in found.observed
    assert f'get the file of "{ROOT.name}"' in found.fix
    assert f"compare its fingerprint with sha256:{ROOT.sha256}, and name the file under `roots:`" in found.fix
    assert not pse.exists()
    file = tmp_path / "root.pem"
    file.write_text(write_pem([ROOT]), encoding="utf-8")
    assert _red(_asked(without_root, pse, [], tmp_path, roots=str(file))) == {}


def test_a_file_beside_what_is_pinned_gives_the_bytes_and_no_more(
    without_root: Server, pse: Path, tmp_path: Path
) -> None:
    file = tmp_path / "roots.pem"
    file.write_text(write_pem([ROOT]), encoding="utf-8")
    assert "ROOT_UNTRUSTED" in codes(_asked(without_root, pse, [UNKNOWN], tmp_path, roots=str(file)))
    assert not pse.exists()
    evidence = _asked(without_root, pse, [ROOT.sha256], tmp_path, roots=str(file))
    assert _red(evidence) == {}
    assert read(evidence.system.folder).recording.roots is not None


def test_a_root_that_the_pse_holds_is_compared(without_root: Server, pse: Path, tmp_path: Path) -> None:
    write_pse(pse, issuers(server()))
    assert _red(_asked(without_root, pse, [ROOT.sha256], tmp_path)) == {}


def test_another_root_that_is_sent_is_named_as_not_pinned(with_root: Server, pse: Path, tmp_path: Path) -> None:
    found = _found(_asked(with_root, pse, [UNKNOWN], tmp_path), "ROOT_UNTRUSTED")
    assert f'root "{ROOT.name}"' in found.observed
    assert "is not in the fingerprints in `pinned`" in found.observed
    assert "cannot be compared" not in found.observed


def test_a_root_above_a_lone_server_certificate_is_not_called_unpinned(pse: Path, tmp_path: Path) -> None:
    root = root_authority("Lonely Root", NOW - timedelta(days=9), 900)
    identity = root.issue_server([LOOPBACK], NOW - timedelta(days=9), 90)
    pinned = Certificate.of(root.certificate).sha256
    with serve_tls(identity) as running:
        evidence = _asked(running, pse, [pinned, UNKNOWN], tmp_path)
    found = _found(evidence, "SERVER_OMITS_INTERMEDIATE")
    assert "is not in the fingerprints" not in found.observed + found.detail
    assert "cannot be compared with `pinned`, since it is not sent" in found.observed
    assert 'or, if "Lonely Root" is the root that is pinned, get the file of "Lonely Root"' in found.fix
    assert f"sha256:{pinned} (or one of 1 more)" in found.fix


@pytest.mark.parametrize("sent", ["without_root", "with_root"])
def test_an_intermediate_is_an_anchor_and_the_day_is_told(
    request: pytest.FixtureRequest, sent: str, pse: Path, tmp_path: Path
) -> None:
    running = request.getfixturevalue(sent)
    for _ in range(2):  # made, and found again
        evidence = _asked(running, pse, [ISSUING.sha256], tmp_path)
        assert _red(evidence) == {}
        assert evidence.trust.ends == ISSUING.not_after
        found = _found(evidence, "PSE_HOLDS_INTERMEDIATE_ONLY")
        assert (found.severity, found.commands) == (Severity.MINOR, ())
        assert f"trust ends on {ISSUING.not_after:%Y-%m-%d}" in found.observed
        assert f'get the file of its root, "{ROOT.name}"' in found.fix
    assert listed(pse) == {ISSUING.sha256}
    assert evidence.live is not None
    assert evidence.live.accepted


def test_an_intermediate_that_nobody_pinned_stays_a_finding(without_root: Server, pse: Path, tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.write_text(write_pem([ROOT]), encoding="utf-8")
    write_pse(pse, [ISSUING])
    evidence = _asked(without_root, pse, [], tmp_path, roots=str(file))
    assert _found(evidence, "PSE_HOLDS_INTERMEDIATE_ONLY").severity is Severity.MAJOR


def test_a_server_that_signs_itself_is_its_own_root(lone: Server, pse: Path, tmp_path: Path) -> None:
    for _ in range(2):  # made, and found again
        evidence = _asked(lone, pse, [LONE_CERTIFICATE.sha256], tmp_path)
        assert _red(evidence) == {}
        assert evidence.trust.ends == LONE_CERTIFICATE.not_after
        found = _found(evidence, "PSE_HOLDS_SERVER_CERT_ONLY")
        assert found.severity is Severity.MINOR
        assert f"trust ends on {LONE_CERTIFICATE.not_after:%Y-%m-%d}" in found.observed
        assert "add the root" not in "".join(each.fix for each in evidence.findings)
    assert listed(pse) == {LONE_CERTIFICATE.sha256}
    assert LONE_CERTIFICATE.name == PRIVATE_LINK
    assert evidence.live is not None
    assert evidence.live.accepted


def test_its_end_is_told_before_it_comes(pse: Path, tmp_path: Path) -> None:
    ending = odd_server(PRIVATE_LINK, LOOPBACK, NOW - timedelta(days=300), 340)
    with serve_tls(ending) as running:
        evidence = _asked(running, pse, [Certificate.of(ending.certificate).sha256], tmp_path)
    assert _red(evidence) == {"test_chain_outlasts_the_next_weeks": "CERTIFICATE_EXPIRES_SOON"}


def test_a_pse_that_lacks_it_gets_it_by_the_fix(lone: Server, pse: Path, tmp_path: Path) -> None:
    write_pse(pse, issuers(server()))
    evidence = _asked(lone, pse, [LONE_CERTIFICATE.sha256], tmp_path)
    found = _found(evidence, "SERVER_NOT_TRUSTED")
    assert "run again with --repair" in found.fix
    assert found.commands
    absent = _found(evidence, "ROOT_NOT_IN_PSE")
    assert absent.observed.startswith(f'the server certificate "{PRIVATE_LINK}"')
    assert _red(_asked(lone, pse, [LONE_CERTIFICATE.sha256], tmp_path, repair=True)) == {}
    assert LONE_CERTIFICATE.sha256 in listed(pse)


def test_without_its_pin_it_is_not_trusted(lone: Server, pse: Path, tmp_path: Path) -> None:
    evidence = _asked(lone, pse, [UNKNOWN], tmp_path)
    assert _red(evidence)["test_chain_is_valid"] == "CERTIFICATE_SELF_SIGNED"
    assert not pse.exists()


def test_a_pinned_server_certificate_of_an_authority_is_told_to_end_with_its_next(
    without_root: Server, pse: Path, tmp_path: Path
) -> None:
    evidence = _asked(without_root, pse, [LEAF.sha256], tmp_path)
    assert _red(evidence) == {"test_trust_survives_renewal": "PSE_HOLDS_SERVER_CERT_ONLY"}


def test_systems_that_spell_one_pse_in_two_ways_share_it_and_keep_their_spelling(
    without_root: Server, with_root: Server, pse: Path, tmp_path: Path
) -> None:
    file = tmp_path / "root.pem"
    file.write_text(write_pem([ROOT]), encoding="utf-8")
    other = pse.parent / ".." / "sec" / "client.pse"
    one = system("A", without_root.port, pse, roots=str(file), pse_identity="same")
    two = system("B", with_root.port, other, roots=str(file), pse_identity="same")
    for _ in range(2):
        first, second = gather(one, two, folder=tmp_path)
        assert _red(first) == _red(second) == {}
        assert (first.pse.condition.path, second.pse.condition.path) == (pse, other)
    write_pse(pse)
    first, second = gather(one, two, folder=tmp_path)
    for evidence, spelled in ((first, pse), (second, other)):
        assert f"the certificate list of {spelled} is empty" in _found(evidence, "PK_LIST_EMPTY").observed
