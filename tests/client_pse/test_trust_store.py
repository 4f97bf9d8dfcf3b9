"""A trust store in place of a PSE: every kind of file is read, judged as a PSE is, and never changed."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.client_pse.condition import State
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.client_pse.trust_store import TrustStores
from pse_preflight.client_pse.trust_store_findings import trust_store_findings
from pse_preflight.findings import message
from pse_preflight.landscape.system import TrustStore
from pse_preflight.recording.folder import read
from pse_preflight.recording.format import system_of
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import inapplicable
from tests.kit import java_stores as stores
from tests.kit.runs import run_module
from tests.kit.servers import LOOPBACK, Server, serve_tls
from tests.kit.systems import gather, path, roots_file, server, system
from tests.run.test_one_system import _red

LEAF, ISSUING, ROOT = path(server())
STRANGER = path(server("Another"))[-1]
PASSWORD = "Gehe1m-"
ONLY_PSES_HAVE = (
    "test_pse_needs_no_pin",
    "test_pse_is_private",
    "test_pse_owner_is_as_configured",
    "test_file_and_tool_agree",
)

Write = Callable[[list[Certificate]], bytes]
KINDS: dict[str, tuple[Write, str]] = {
    "JKS": (lambda held: stores.jks(*(stores.trusted(each.name, each.der) for each in held)), "JKS"),
    "JCEKS": (lambda held: stores.jks(*(stores.trusted("a", each.der) for each in held), magic=stores.JCEKS), "JCEKS"),
    "PKCS#12": (lambda held: stores.java_pkcs12([(each.name, each) for each in held]), "PKCS#12"),
    "PKCS#12 without a password": (
        lambda held: stores.java_pkcs12([(each.name, each) for each in held], ""),
        "PKCS#12",
    ),
    "PEM": (lambda held: write_pem(held).encode(), "PEM"),
    "DER": (lambda held: held[0].der, "DER"),
}


def _look(store: Path, password: str | None = None) -> ClientPse:
    return TrustStores(TrustStore(password=password)).look(store)


def _said(seen: ClientPse) -> list[tuple[str, str]]:
    return [(each.code, each.observed) for each in trust_store_findings(seen)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trust_store_of_every_kind_is_read(tmp_path: Path, kind: str) -> None:
    write, form = KINDS[kind]
    held = [ROOT] if kind == "DER" else [ROOT, STRANGER]
    (tmp_path / "store").write_bytes(write(held))
    seen = _look(tmp_path / "store")
    assert (seen.store, seen.condition.state, _said(seen)) == (form, State.PLAIN, [])
    assert [each.certificate for each in seen.entries] == held
    assert (seen.tool, seen.one_reader) == ("", True)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError(), "OSError"),
        (BlockingIOError(), "BlockingIOError"),
    ],
)
def test_what_the_system_says_of_a_store_is_told_or_what_kind_of_error_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, problem: str
) -> None:
    def refuse(_: Path) -> bytes:
        raise error

    monkeypatch.setattr("pse_preflight.client_pse.trust_store._content", refuse)
    condition = _look(tmp_path / "store").condition
    assert (condition.state, condition.problem) == (State.UNREADABLE, problem)


def test_a_password_opens_and_proves_it_and_is_never_shown(tmp_path: Path) -> None:
    pkcs12 = stores.java_pkcs12([("a", ROOT)], PASSWORD)
    jks = stores.jks(stores.trusted("a", ROOT.der), password=PASSWORD)
    for data in (pkcs12, jks):
        (tmp_path / "store").write_bytes(data)
        assert _look(tmp_path / "store", PASSWORD).entries
        wrong = _look(tmp_path / "store", "another")
        assert wrong.condition.state is State.UNREADABLE
        assert [code for code, _ in _said(wrong)] == ["PSE_UNREADABLE"]
        assert PASSWORD not in repr((wrong, TrustStore(password=PASSWORD)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"<html>", "it is a web page"),
        (stores.jks(count=3), "breaks off"),
        (stores.java_pkcs12([("a", ROOT)])[:-20], "none of the passwords"),
        (bytes((16 << 20) + 1), "larger than 16 MiB"),
    ],
)
def test_one_that_cannot_be_read_is_told(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "store").write_bytes(data)
    ((code, observed),) = _said(_look(tmp_path / "store"))
    assert (code, says in observed) == ("PSE_UNREADABLE", True), observed


def test_one_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert [code for code, _ in _said(_look(tmp_path / "no" / "store"))] == ["PSE_MISSING"]
    ((code, observed),) = _said(_look(tmp_path))
    assert (code, "it is a folder" in observed) == ("PSE_UNREADABLE", True)


def test_what_java_passes_over_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(stores.plain_pkcs12([ROOT]))
    seen = _look(tmp_path / "store")
    ((code, observed),) = _said(seen)
    assert (code, "Java passes over 1" in observed, seen.entries) == ("TRUST_STORE_ENTRIES_LEFT_OUT", True, ())


@pytest.mark.parametrize("count", [2, 3, 4])
def test_of_many_that_java_passes_over_three_are_named(tmp_path: Path, count: int) -> None:
    roots = [path(server(f"Authority {number}"))[-1] for number in range(count)]
    (tmp_path / "store").write_bytes(stores.plain_pkcs12(roots))
    ((_, observed),) = _said(_look(tmp_path / "store"))
    assert f"Java passes over {count} of its certificates" in observed
    assert [each.label in observed for each in roots] == [number < 3 for number in range(count)]


def test_a_damaged_certificate_is_told_and_the_others_count(tmp_path: Path) -> None:
    data = stores.jks(stores.trusted("bad", ROOT.der[:-5]), stores.trusted("good", STRANGER.der))
    (tmp_path / "store").write_bytes(data)
    seen = _look(tmp_path / "store")
    ((code, observed),) = _said(seen)
    assert (code, '"bad" is damaged' in observed) == ("TRUST_STORE_ENTRIES_LEFT_OUT", True)
    assert [each.certificate for each in seen.entries] == [STRANGER]


def test_one_that_changes_meanwhile_is_seen(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(KINDS["PEM"][0]([ROOT]))
    looks = TrustStores(TrustStore())
    before = looks.look(tmp_path / "store")
    assert looks.look_again(before) is before
    (tmp_path / "store").write_bytes(KINDS["PEM"][0]([STRANGER]))
    assert [each.certificate for each in looks.look_again(before).entries] == [STRANGER]


@pytest.mark.skipif(sys.platform == "win32", reason="there it is one")
def test_a_store_of_windows_is_none_elsewhere() -> None:
    seen = TrustStores(TrustStore(windows="ROOT")).look(Path("windows:ROOT"))
    assert _said(seen)[0][0] == "PSE_UNREADABLE"


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' own store")
def test_the_store_of_windows_is_read() -> None:
    seen = TrustStores(TrustStore(windows="ROOT")).look(Path("windows:ROOT"))
    assert (seen.store, seen.condition.state) == ("Windows ROOT", State.PLAIN)


# --- one judgement ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


def _judged(good: Server, folder: Path, data: bytes, **settings: Any) -> Evidence:
    store = folder / "store"
    store.write_bytes(data)
    roots = roots_file(folder, server().issuers[-1])
    url = f"https://{LOOPBACK}:{good.port}"
    described = system("JCO", good.port, store, roots=roots, truststore=TrustStore(), url_as_written=url)
    (evidence,) = gather(described, folder=folder, **settings)
    assert store.read_bytes() == data
    assert not list(folder.rglob("*.pse"))
    return evidence


@pytest.mark.parametrize("kind", ["JKS", "PKCS#12", "PEM"])
def test_one_that_holds_the_root_is_trusted_live(good: Server, tmp_path: Path, kind: str) -> None:
    evidence = _judged(good, tmp_path, KINDS[kind][0]([ROOT, ISSUING]), repair=True)
    assert (_red(evidence), evidence.trust.anchor) == ({}, ROOT)
    assert evidence.live is not None
    assert evidence.live.succeeded
    for check in ONLY_PSES_HAVE:
        assert inapplicable(check, evidence).startswith("not configured: the client has a trust store")


@pytest.mark.parametrize(
    ("held", "red"),
    [
        ([], {"test_maintain_pk_lists_the_chain": "PK_LIST_EMPTY"}),
        (
            [STRANGER],
            {
                "test_maintain_pk_lists_the_chain": "ROOT_NOT_IN_PSE",
            },
        ),
        (
            [ISSUING],
            {
                "test_maintain_pk_lists_the_chain": "ROOT_NOT_IN_PSE",
                "test_trust_survives_renewal": "PSE_HOLDS_INTERMEDIATE_ONLY",
            },
        ),
        (
            [LEAF],
            {
                "test_maintain_pk_lists_the_chain": "ROOT_NOT_IN_PSE",
                "test_trust_survives_renewal": "PSE_HOLDS_SERVER_CERT_ONLY",
            },
        ),
    ],
)
def test_it_is_judged_as_a_pse_is(good: Server, tmp_path: Path, held: list[Certificate], red: dict[str, str]) -> None:
    evidence = _judged(good, tmp_path, KINDS["JKS"][0](held))
    assert _red(evidence) == red
    first = next(each for each in evidence.findings if each.code == red["test_maintain_pk_lists_the_chain"])
    assert "unable to find valid certification path" in message(first)
    assert "SSSLERR" not in " ".join(message(each) for each in evidence.findings)
    assert first.commands[0][:2] == ("keytool", "-importcert")
    assert first.commands[0][-2:] == ("-keystore", str(tmp_path / "store"))


def test_a_pem_bundle_is_completed_by_hand(good: Server, tmp_path: Path) -> None:
    evidence = _judged(good, tmp_path, write_pem([STRANGER]).encode())
    (found,) = (each for each in evidence.findings if each.code == "ROOT_NOT_IN_PSE")
    assert f"append to {tmp_path / 'store'} what stands in" in found.fix
    assert found.commands == ()


def test_its_password_stands_nowhere_but_in_systems_yaml(tmp_path: Path) -> None:
    (tmp_path / "store.p12").write_bytes(stores.java_pkcs12([("a", ROOT)], PASSWORD))
    (tmp_path / "systems.yaml").write_text(
        f"systems:\n  A: {{url: 'https://127.0.0.1:1', truststore: store.p12, truststore_password: {PASSWORD}}}\n"
        f"  B: {{url: 'https://127.0.0.1:1', truststore: store.p12, truststore_password: {PASSWORD}wrong}}\n"
    )
    files = ("--junitxml=junit.xml", "--trust-report=page.html")
    ended = run_module("pse_preflight", "check", "all", *files, "-v", folder=tmp_path)
    assert ended.returncode == 1
    assert PASSWORD not in ended.stdout + ended.stderr
    written = [each for each in tmp_path.rglob("*") if each.is_file() and each.name != "systems.yaml"]
    assert len(written) > len(files)
    assert [each for each in written if PASSWORD.encode() in each.read_bytes()] == []


def test_a_recording_of_it_is_judged_as_one(good: Server, tmp_path: Path) -> None:
    _judged(good, tmp_path, KINDS["JKS"][0]([ROOT]))
    recording = read(tmp_path / "evidence" / "JCO").recording
    assert system_of(recording).truststore == TrustStore()
    assert recording.pse.store == "JKS"
