"""Logon with a client certificate: where it is set, the PSE's own certificate is judged, and only there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pse_preflight.certificate import Certificate
from pse_preflight.client.ini import parse
from pse_preflight.client.look import look
from pse_preflight.client.own_certificate import OwnCertificate, findings, read_own_certificate
from pse_preflight.demo.authority import Extension, Identity, root_authority
from pse_preflight.landscape.system import Client, ClientIni, ExpiryDays
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name
from tests.kit.check_runs import ends
from tests.kit.pse_mutations import SALT, owner_key, plain_file
from tests.kit.servers import LOOPBACK, Server, serve_tls
from tests.kit.systems import NOW, gather, issuers, roots_file, server, system, write_pse

CLIENTS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
SERVERS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
ANY = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _issuing() -> Identity:
    root = root_authority("Root of clients", NOW - timedelta(days=100), 4000)
    return root.issue_authority("Issuing CA of clients", NOW - timedelta(days=90), 3000)


def _issued(
    *extensions: Extension, days: float = 800, start: datetime = NOW - timedelta(days=10), key: object = None
) -> tuple[Certificate, ...]:
    owned = _issuing().issue(name.parse("CN=client"), start, days, extensions, key=key or _key())  # type: ignore[arg-type]
    return tuple(map(Certificate.of, (owned.certificate, *owned.issuers)))


def _pse(file: Path, chain: Sequence[Certificate], key: rsa.RSAPrivateKey | None = None) -> Path:
    owner, *above = chain
    file.write_bytes(pse_file.new(owner, key or _key(), path=above, time=NOW, salt=SALT).encode())
    return file


def _codes(own: OwnCertificate | None, moment: datetime = NOW) -> list[tuple[str, str]]:
    assert own is not None
    return [(each.code, str(each.severity)) for each in findings(own, moment, moment, ExpiryDays())]


def test_a_good_one_is_read_with_its_issuers_and_nothing_is_said(tmp_path: Path) -> None:
    chain = _issued(CLIENTS)
    own = read_own_certificate(_pse(tmp_path / "a.pse", chain))
    assert (own and own.chain, _codes(own)) == (chain, [])


def test_one_that_the_root_has_issued_itself_is_complete(tmp_path: Path) -> None:
    root = root_authority("Root", NOW - timedelta(days=9), 4000)
    owned = root.issue(name.parse("CN=client"), NOW - timedelta(days=8), 900, [], key=_key())
    chain = [Certificate.of(each) for each in (owned.certificate, *owned.issuers)]
    assert _codes(read_own_certificate(_pse(tmp_path / "a.pse", chain))) == []


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (timedelta(days=-11), [("CLIENT_CERTIFICATE_ENDED", "blocker")]),
        (timedelta(days=789), [("CLIENT_CERTIFICATE_ENDS_SOON", "major")]),
        (timedelta(days=720), [("CLIENT_CERTIFICATE_ENDS_SOON", "minor")]),
        (timedelta(days=690), []),
        (timedelta(days=791), [("CLIENT_CERTIFICATE_ENDED", "blocker")]),
    ],
)
def test_its_days_are_judged(tmp_path: Path, moment: timedelta, said: list[tuple[str, str]]) -> None:
    assert _codes(read_own_certificate(_pse(tmp_path / "a.pse", _issued())), NOW + moment) == said


def test_an_issuer_that_has_ended_is_named() -> None:
    later = NOW + timedelta(days=3500)
    (found, *_) = findings(OwnCertificate(Path("a.pse"), _issued(days=5000)), later, later, ExpiryDays())
    assert found.code == "CLIENT_CERTIFICATE_ENDED"
    assert '"Issuing CA of clients"' in found.observed


def test_one_that_is_signed_by_itself_is_told(tmp_path: Path) -> None:
    own = pse_file.self_signed_owner(
        name.parse("CN=client"), _key(), start=NOW, end=NOW + timedelta(days=4000), serial_number=1
    )
    assert _codes(read_own_certificate(_pse(tmp_path / "a.pse", [own]))) == [
        ("CLIENT_CERTIFICATE_SELF_SIGNED", "major")
    ]


def test_a_path_with_a_gap_is_told() -> None:
    chain = _issued()
    for held in (chain[:1], chain[:2], (chain[0], chain[2])):
        assert _codes(OwnCertificate(Path("a.pse"), held)) == [("CLIENT_CERTIFICATE_INCOMPLETE", "major")]


@pytest.mark.parametrize(
    ("extensions", "key", "said"),
    [
        ([CLIENTS], None, ""),
        ([ANY], None, ""),
        ([SERVERS], None, "not meant for clients"),
        ([], owner_key(), "1024 bits"),
        ([], root_authority("any", NOW, 1).key, "no RSA key"),
    ],
)
def test_a_key_and_a_purpose_that_no_server_takes_are_told(extensions: list[Extension], key: object, said: str) -> None:
    own = OwnCertificate(Path("a.pse"), _issued(*extensions, key=key))
    assert (said in own.unsuitable, bool(own.unsuitable)) == (True, bool(said))
    assert [code for code, _ in _codes(own)] == (["CLIENT_CERTIFICATE_UNSUITABLE"] if said else [])


def test_a_pse_without_certificate_or_key_is_told(tmp_path: Path) -> None:
    verify = tmp_path / "verify.pse"
    verify.write_bytes(pse_file.new(None, None, time=NOW, salt=SALT).encode())
    assert _codes(read_own_certificate(verify)) == [("CLIENT_CERTIFICATE_MISSING", "blocker")]
    whole = pse_file.read(_pse(tmp_path / "a.pse", _issued()).read_bytes())
    without = [each.der for each in whole.objects if each.name != "SKnew"]
    (tmp_path / "b.pse").write_bytes(plain_file(*without))
    assert _codes(read_own_certificate(tmp_path / "b.pse")) == [("CLIENT_CERTIFICATE_MISSING", "blocker")]


def test_one_that_cannot_be_opened_is_told_elsewhere(tmp_path: Path) -> None:
    write_pse(tmp_path / "a.pse", pin="1234")
    assert read_own_certificate(tmp_path / "a.pse") is None
    assert read_own_certificate(tmp_path / "no.pse") is None


# --- where it matters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "logs_on"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_ini_says_so(tmp_path: Path, value: str, logs_on: bool) -> None:
    text = f"DEST=PRD\nWSHOST=a\nTLS_CLIENT_CERTIFICATE_LOGON={value}\n"
    (destination,) = parse(text)
    assert destination.certificate_logon is logs_on
    (tmp_path / "sapnwrfc.ini").write_text(text)
    client = Client(ini=ClientIni(tmp_path / "sapnwrfc.ini", "PRD"))
    side = look(system("PRD", 1, _pse(tmp_path / "a.pse", _issued()), client=client), pse_is_there=True)
    assert side is not None
    assert (side.own_certificate is not None) is logs_on


def test_systems_yaml_says_so(tmp_path: Path) -> None:
    pse = _pse(tmp_path / "a.pse", _issued())
    for logs_on in (True, False):
        side = look(system("PRD", 1, pse, client=Client(certificate_logon=logs_on)), pse_is_there=True)
        assert side is not None
        assert (side.own_certificate is not None) is logs_on


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


@pytest.mark.parametrize(
    ("logs_on", "ended"), [(True, True), (True, False), (False, True)], ids=["ended", "current", "no logon"]
)
def test_an_ended_one_is_red_where_the_ini_logs_on_with_it(
    good: Server, tmp_path: Path, logs_on: bool, ended: bool
) -> None:
    start, days = (NOW - timedelta(days=60), 30) if ended else (NOW - timedelta(days=10), 800)
    chain = _issued(start=start, days=days)
    pse, ini = tmp_path / "a.pse", tmp_path / "sapnwrfc.ini"
    made = pse_file.new(chain[0], _key(), issuers(server()), path=chain[1:], time=NOW, salt=SALT)
    pse.write_bytes(made.encode())
    pse.chmod(0o600)
    ini.write_text(
        f"DEST=PRD\nWSHOST={LOOPBACK}\nWSPORT={good.port}\nTLS_CLIENT_PSE={pse}\nALIAS_USER=A\n"
        f"TLS_CLIENT_CERTIFICATE_LOGON={int(logs_on)}\n"
    )
    client = Client(ini=ClientIni(ini, "PRD"))
    roots = roots_file(tmp_path, server().issuers[-1])
    described = replace(system("PRD", good.port, pse, client=client, roots=roots), dn=None)
    (evidence,) = gather(described, folder=tmp_path)
    end = ends(evidence)["test_pse_owner_is_as_configured"]
    expected = "CLIENT_CERTIFICATE_ENDED" if logs_on else "PSE_OWNER_EXPIRED"
    assert end.codes == ((expected,) if ended else ())
    assert end.is_red is (ended and logs_on)
