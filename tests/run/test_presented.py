"""A chain judged before it is deployed: read from a file of any kind, judged as if it were sent, and nothing asked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.checklist import Severity
from pse_preflight.demo.authority import root_authority
from pse_preflight.endpoint import fetch, live, observation
from pse_preflight.errors import UsageProblem
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name
from pse_preflight.recording.folder import read
from pse_preflight.run.presented import presented_chain
from pse_preflight.sapgenpse.bundled import make_rsa_key
from pse_preflight.settings import PresentedChain
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import inapplicable
from tests.kit.check_runs import ends
from tests.kit.pse_mutations import SALT, START
from tests.kit.runs import run_module
from tests.kit.systems import gather, issuers, path, roots_file, server, system, write_pse

LEAF, ISSUING, ROOT = path(server())
SENT = (LEAF.der, ISSUING.der)


def _bundle() -> bytes:
    return pkcs7.serialize_certificates([LEAF.parsed, ISSUING.parsed], Encoding.DER)


FILES: dict[str, tuple[Callable[[], bytes], set[bytes]]] = {
    "PEM": (lambda: write_pem([LEAF, ISSUING]).encode(), set(SENT)),
    "PEM in UTF-16": (lambda: write_pem([LEAF, ISSUING]).encode("utf-16"), set(SENT)),
    "DER": (lambda: LEAF.der, {LEAF.der}),
    "PKCS#7": (_bundle, set(SENT)),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_certificates_of_every_kind_is_taken(tmp_path: Path, kind: str) -> None:
    make, sent = FILES[kind]
    (tmp_path / "chain").write_bytes(make())
    found = presented_chain(tmp_path / "chain")
    assert (found.file, set(found.certificates)) == (str(tmp_path / "chain"), sent)
    if kind.startswith("PEM"):
        assert found.certificates == SENT


def test_of_a_server_s_pse_its_own_chain_is_taken_and_not_its_list(tmp_path: Path) -> None:
    issuing = root_authority("Root of servers", START, 4000).issue_authority("CA of servers", START, 3000)
    key = make_rsa_key(2048)
    owned = issuing.issue(name.parse("CN=server"), START, 100, [], key=key)
    owner, *above = (Certificate.of(each) for each in (owned.certificate, *owned.issuers))
    made = pse_file.new(owner, key, [ROOT], path=above, time=START, salt=SALT)
    (tmp_path / "SAPSSLS.pse").write_bytes(made.encode())
    assert presented_chain(tmp_path / "SAPSSLS.pse").certificates == (owner.der, above[0].der)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"<html>", "is a web page"),
        (
            write_pem([LEAF]).encode() + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "certificate 2",
        ),
    ],
)
def test_one_that_no_server_could_send_is_refused(tmp_path: Path, data: bytes | None, says: str) -> None:
    if data is not None:
        (tmp_path / "chain").write_bytes(data)
    with pytest.raises(UsageProblem) as told:
        presented_chain(tmp_path / "chain")
    assert (says in str(told.value), str(told.value).startswith("--presented: ")) == (True, True), told.value


# --- judged -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every socket fail."""
    monkeypatch.setattr(observation, "observe", None)
    monkeypatch.setattr(live, "handshake", None)
    monkeypatch.setattr(fetch, "fetch_certificates", None)


def _judged(folder: Path, *sent: bytes, pse: bool = True, **keys: object) -> Evidence:
    store = folder / "sec" / "client.pse"
    if pse:
        write_pse(store, issuers(server()))
    roots = roots_file(folder, server().issuers[-1])
    described = system("PRD", 1, store, **{"roots": roots, "url_as_written": "https://127.0.0.1:1", **keys})
    (evidence,) = gather(described, folder=folder, presented=PresentedChain("/new/chain.pem", sent), engine="bundled")
    assert (store.exists(), evidence.live) == (pse, None)
    return evidence


def _red(evidence: Evidence) -> set[str]:
    return {code for end in ends(evidence).values() for code in end.codes if _grade(evidence, code) > Severity.MINOR}


def _grade(evidence: Evidence, code: str) -> Severity:
    return max((each.severity for each in evidence.findings if each.code == code), default=Severity.MINOR)


def test_a_good_chain_is_judged_with_the_pse_and_nothing_is_asked(tmp_path: Path) -> None:
    evidence = _judged(tmp_path, *SENT)
    assert (_red(evidence), evidence.judgement.path) == (set(), (LEAF, ISSUING, ROOT))
    assert evidence.trust.anchor == ROOT
    assert inapplicable("test_handshake_with_the_pse_alone", evidence).endswith("and no server was asked")
    assert read(tmp_path / "evidence" / "PRD").recording.endpoint is not None
    assert read(tmp_path / "evidence" / "PRD").recording.changes == ()


def test_without_a_pse_the_chain_is_judged_alone_and_none_is_made(tmp_path: Path) -> None:
    evidence = _judged(tmp_path, *SENT, pse=False)
    assert _red(evidence) == set()
    assert "there is no PSE here" in inapplicable("test_pse_exists", evidence)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ((LEAF.der,), "SERVER_OMITS_INTERMEDIATE"),
        ((path(server("Another"))[0].der, path(server("Another"))[1].der), "ROOT_UNTRUSTED"),
        ((ISSUING.der,), "CA_CONSTRAINT_BROKEN"),
    ],
)
def test_a_chain_that_is_not_good_is_red(tmp_path: Path, sent: tuple[bytes, ...], code: str) -> None:
    evidence = _judged(tmp_path, *sent, pse=False)
    assert code in _red(evidence)


def test_the_program_says_not_judged_and_that_the_chain_is_good(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text(write_pem([LEAF, ISSUING]))
    roots_file(tmp_path, server().issuers[-1])
    (tmp_path / "systems.yaml").write_text(
        f"systems:\n  PRD: {{url: 'https://127.0.0.1:1', roots: roots.pem, secudir: '{tmp_path}'}}\n"
    )
    ended = run_module("pse_preflight", "check", "PRD", "--presented=chain.pem", folder=tmp_path)
    words = " ".join(ended.stdout.split())
    assert ended.returncode == 0, ended.stdout
    assert "PRD (127.0.0.1:1): NOT JUDGED (" in words
    assert f"no server was asked (--presented); the chain in {tmp_path / 'chain.pem'} is good" in words
    assert "trusts it" not in words
    assert (tmp_path / ".pse-preflight-presented" / "result.json").exists()
    assert not (tmp_path / ".pse-preflight").exists()
    again = run_module("pse_preflight", "check", "--replay=.pse-preflight-presented", folder=tmp_path)
    assert "PRD (127.0.0.1:1): NOT JUDGED (" in " ".join(again.stdout.split()), again.stdout


def test_a_subset_of_the_checks_calls_no_chain_good(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text(write_pem([LEAF, ISSUING]))
    roots_file(tmp_path, server().issuers[-1])
    (tmp_path / "systems.yaml").write_text("systems:\n  PRD: {url: 'https://127.0.0.1:1', roots: roots.pem}\n")
    ended = run_module("pse_preflight", "check", "PRD", "--presented=chain.pem", "-m", "url", folder=tmp_path)
    assert "NOT JUDGED" in ended.stdout
    assert "is good" not in ended.stdout
