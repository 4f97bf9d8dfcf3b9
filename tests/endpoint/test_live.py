"""The handshake that trusts given certificates alone, and the WebSocket upgrade over it."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.checklist import Code
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.endpoint.live import handshake
from pse_preflight.endpoint.model import Endpoint, Failure, Limits, LiveHandshake, Target, WebSocketReading
from pse_preflight.endpoint.observation import observe
from pse_preflight.endpoint.reading import handshake_findings, websocket_findings
from pse_preflight.findings import Finding
from tests.kit.patience import in_time
from tests.kit.servers import (
    LOOPBACK,
    PASSWORD_PAGE,
    SAP_REALM,
    Connection,
    Server,
    Talk,
    alerts,
    answering,
    answering_like_abap,
    endless,
    free_port,
    http_answer,
    only_tls_1_2,
    redirecting,
    replying,
    resets_after_request,
    resolver,
    serve,
    serve_tls,
    showing_page,
    silent,
    speaks_ssh,
    wanting_a_certificate,
    websocket_accept,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)  # OpenSSL judges validity by the real clock
LIMITS = Limits()
SHORT = Limits(resolve=0.3, connect=0.3, tls=0.3, http=0.3, whole=60.0)
HOST = "localhost"


def clock() -> datetime:
    return NOW


def der(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def root() -> Identity:
    return root_authority("Root", START, 3650)


@pytest.fixture(scope="module")
def issuing(root: Identity) -> Identity:
    return root.issue_authority("Issuing", START, 1825)


@pytest.fixture(scope="module")
def leaf(issuing: Identity) -> Identity:
    return issuing.issue_server([HOST, LOOPBACK, "::1"], START, 200)


@pytest.fixture(scope="module")
def abap(leaf: Identity) -> Iterator[Server]:
    with serve_tls(leaf, talk=answering_like_abap(clock)) as server:
        yield server


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in found]


def look(target: Target | Server, limits: Limits = LIMITS, **options: Any) -> Endpoint:
    return observe(target.target if isinstance(target, Server) else target, limits, clock, **options)


# the live handshake


def shake(server: Server, anchors: list[bytes], host: str = HOST, **options: Any) -> LiveHandshake:
    return handshake(
        Target(host, server.port), anchors, options.pop("limits", LIMITS), clock, **{"websocket": False, **options}
    )


def test_a_root_alone_is_enough(abap: Server, root: Identity) -> None:
    live = shake(abap, [der(root)])
    assert (live.succeeded, live.accepted, live.verify_code) == (True, True, None)
    assert live.tls_version == "TLSv1.3"
    assert live.websocket is None
    assert (handshake_findings(live), websocket_findings(live)) == ((), ())


@pytest.mark.parametrize("which", ["issuing", "leaf"])
def test_an_intermediate_or_the_server_certificate_anchors_too(
    abap: Server, which: str, request: pytest.FixtureRequest
) -> None:
    assert shake(abap, [der(request.getfixturevalue(which))]).succeeded


@pytest.mark.parametrize("which", ["issuing", "leaf"])
def test_only_a_root_anchors_where_the_path_is_to_be_proven_from_it(
    abap: Server, which: str, root: Identity, request: pytest.FixtureRequest
) -> None:
    beside = der(request.getfixturevalue(which))
    assert shake(abap, [beside, der(root)], partial=False).succeeded
    assert shake(abap, [beside], partial=False).verify_code in {20, 21, 2}
    other = root_authority("Root", START, 3650)
    assert not shake(abap, [beside, der(other)], partial=False).accepted


def test_nothing_but_the_anchors_is_trusted(abap: Server, root: Identity) -> None:
    other = root_authority("Root", START, 3650)
    for anchors in ([], [der(other)]):
        live = shake(abap, anchors)
        assert (live.succeeded, live.accepted, live.verify_code) == (False, False, 20)
        (found,) = handshake_findings(live)
        assert found.code == "HANDSHAKE_REFUSED"
        assert "OpenSSL code 20" in found.observed
    assert shake(abap, [der(other), der(root)]).succeeded


def test_the_certificates_of_this_machine_are_not_trusted(
    abap: Server, root: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(root.certificate.public_bytes(Encoding.PEM))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(roots))
    assert not shake(abap, []).succeeded


def test_an_unreadable_anchor_does_not_hide_the_others(abap: Server, root: Identity) -> None:
    assert shake(abap, [b"\x30\x03\x02\x01\x00", b"", der(root), b"junk"]).succeeded


def test_the_host_must_be_named(abap: Server, root: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver([LOOPBACK], [LOOPBACK]))
    live = shake(abap, [der(root)], host="other.host")
    assert live.verify_code == 62
    assert shake(abap, [der(root)], host=LOOPBACK).succeeded


def test_a_name_in_the_common_name_alone_is_not_enough(root: Identity) -> None:
    leaf = root.issue_server([], START, 200, common_name=HOST)
    with serve_tls(leaf) as server:
        assert shake(server, [der(root)]).verify_code == 62


def test_an_ended_certificate_is_refused(root: Identity) -> None:
    ended = root.issue_server([HOST], START, 1)
    with serve_tls(ended) as server:
        assert shake(server, [der(root)]).verify_code == 10
        assert look(server).presented == (der(ended),)


def test_the_same_address_can_be_asked_again(abap: Server, root: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert shake(abap, [der(root)], address=LOOPBACK).succeeded
    assert asked == [LOOPBACK]


def test_a_client_certificate_wanted_is_no_refusal_of_the_chain(leaf: Identity, root: Identity) -> None:
    with serve_tls(leaf, change=wanting_a_certificate(only_tls_1_2, root)) as server:
        live = shake(server, [der(root)])
    assert (live.succeeded, live.accepted) == (False, True)
    assert live.failure
    assert live.failure.code == "CLIENT_CERTIFICATE_WANTED"
    assert handshake_findings(live) == ()


def _record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(body).to_bytes(2) + body


def _message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3) + body


def _hello_of_1_2() -> bytes:
    """A ServerHello of TLS 1.2 that chooses ECDHE with AES-128 GCM (RFC 5289), without extensions."""
    return _message(2, b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f\x00")


REQUEST = _message(13, b"\x01\x01\x00\x02\x04\x01\x00\x00")


@pytest.mark.parametrize("with_certificate", [False, True], ids=["no certificate", "no proof of its key"])
def test_a_server_that_proves_nothing_and_wants_a_certificate_is_not_accepted(
    leaf: Identity, root: Identity, with_certificate: bool
) -> None:
    """It shows a CertificateRequest and breaks off; without, or with, a chain that anybody can copy."""
    ders = [each.public_bytes(Encoding.DER) for each in leaf.chain]
    listed = b"".join(len(each).to_bytes(3) + each for each in ders)
    chain = _message(11, len(listed).to_bytes(3) + listed) if with_certificate else b""
    flight = _record(22, _hello_of_1_2() + chain + REQUEST) + _record(21, b"\x02\x28")

    def talk(connection: Connection) -> None:
        connection.sock.recv(4096)
        connection.sock.sendall(flight)

    with serve(talk) as server:
        live = shake(server, [der(root)])
    assert (live.succeeded, live.accepted) == (False, None)
    assert [each.code for each in handshake_findings(live)] == ["HANDSHAKE_REFUSED"]


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        pytest.param(silent, "TLS_TIMEOUT", id="silent"),
        pytest.param(alerts(40), "TLS_HANDSHAKE_FAILED", id="alert"),
        pytest.param(speaks_ssh, "NOT_TLS", id="ssh"),
    ],
)
def test_a_live_handshake_that_does_not_get_to_the_chain(talk: Talk, code: str, root: Identity) -> None:
    with serve(talk) as server:
        live = shake(server, [der(root)], limits=SHORT)
    assert (live.succeeded, live.accepted) == (False, None)
    assert live.failure
    assert live.failure.code == code
    (found,) = handshake_findings(live)
    assert code in found.observed


def test_a_live_handshake_that_finds_no_server() -> None:
    live = handshake(Target(LOOPBACK, free_port()), [], LIMITS, clock, websocket=True)
    assert live.failure == Failure(Code.PORT_REFUSED, addresses=(LOOPBACK,), seconds=10.0)
    assert codes(handshake_findings(live)) == ["HANDSHAKE_REFUSED"]


# the WebSocket


def upgrading(*headers: str, accept: bytes | None = None) -> Talk:
    def talk(connection: Connection) -> None:
        answer = websocket_accept(connection.request(), *headers)
        if accept is not None:
            answer = answer.replace(answer.partition(b"Accept: ")[2].partition(b"\r\n")[0], accept)
        connection.send(answer)

    return talk


SAP_401 = http_answer("401 x", f'WWW-Authenticate: Basic realm="{SAP_REALM}"')


@pytest.mark.parametrize(
    ("talk", "reading", "expected"),
    [
        pytest.param(answering_like_abap(clock), "SPEAKS_RFC", [], id="101"),
        pytest.param(answering(SAP_401), "WANTS_LOGIN", [], id="401-sap-realm"),
        pytest.param(replying("401 x", "sap-system: PRD"), "WANTS_LOGIN", [], id="401-sap-header"),
        pytest.param(
            replying("401 x", 'WWW-Authenticate: Basic realm="Squid"'),
            "LOGIN_UNKNOWN",
            ["WSRFC_BLOCKED"],
            id="401-other",
        ),
        pytest.param(upgrading("Sec-WebSocket-Protocol: chat"), "OTHER_PROTOCOL", ["WSRFC_NO_UPGRADE"], id="101-chat"),
        pytest.param(upgrading("X: y"), "OTHER_PROTOCOL", ["WSRFC_NO_UPGRADE"], id="101-no-protocol"),
        pytest.param(
            upgrading(accept=b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="), "WRONG_ACCEPT", ["WSRFC_BLOCKED"], id="101-wrong-accept"
        ),
        pytest.param(replying("403 x"), "FORBIDDEN", ["WSRFC_BLOCKED"], id="403"),
        pytest.param(replying("403 x", "Server: SAP NetWeaver"), "FORBIDDEN", ["WSRFC_NO_UPGRADE"], id="403-sap"),
        pytest.param(replying("404 x"), "NOT_FOUND", ["WSRFC_NO_UPGRADE"], id="404"),
        pytest.param(replying("400 x"), "STRIPPED", ["WSRFC_BLOCKED"], id="400"),
        pytest.param(replying("426 x"), "STRIPPED", ["WSRFC_BLOCKED"], id="426"),
        pytest.param(replying("200 OK"), "STRIPPED", ["WSRFC_BLOCKED"], id="200"),
        pytest.param(replying("407 x"), "PROXY_LOGIN", ["WSRFC_BLOCKED"], id="407"),
        pytest.param(replying("429 x"), "RATE_LIMITED", ["WSRFC_NO_UPGRADE"], id="429"),
        pytest.param(replying("500 x"), "SERVER_ERROR", ["WSRFC_NO_UPGRADE"], id="500"),
        pytest.param(replying("418 x"), "OTHER_STATUS", ["WSRFC_NO_UPGRADE"], id="418"),
        pytest.param(
            redirecting("https://x.accounts.ondemand.com/saml2/idp"),
            "LOGIN_PAGE",
            ["WSRFC_NO_UPGRADE"],
            id="to-accounts",
        ),
        pytest.param(redirecting("/elsewhere"), "OTHER_STATUS", ["WSRFC_NO_UPGRADE"], id="elsewhere"),
        pytest.param(showing_page(PASSWORD_PAGE), "LOGIN_PAGE", ["WSRFC_NO_UPGRADE"], id="logon-page"),
        pytest.param(showing_page(b"<h1>Welcome</h1>"), "STRIPPED", ["WSRFC_BLOCKED"], id="other-page"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PASSWORD_PAGE),
            "LOGIN_PAGE",
            ["WSRFC_NO_UPGRADE"],
            id="logon-page-no-length",
        ),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + b"/* x */ " * 1500 + PASSWORD_PAGE),
            "LOGIN_PAGE",
            ["WSRFC_NO_UPGRADE"],
            id="logon-page-no-length-in-one-record",
        ),
        pytest.param(answering(b""), "NO_ANSWER", ["WSRFC_BLOCKED"], id="nothing"),
        pytest.param(answering(b"220 smtp\r\n"), "NO_ANSWER", ["WSRFC_BLOCKED"], id="smtp"),
        pytest.param(silent, "NO_ANSWER", ["WSRFC_BLOCKED"], id="silent"),
        pytest.param(endless(b"HTTP/1.1 101 x\r\n", b"X: y\r\n"), "NO_ANSWER", ["WSRFC_BLOCKED"], id="endless-headers"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999999999\r\n\r\n", b"x"),
            "STRIPPED",
            ["WSRFC_BLOCKED"],
            id="endless-page",
        ),
        pytest.param(resets_after_request, "NO_ANSWER", ["WSRFC_BLOCKED"], id="reset"),
    ],
)
def test_answers_to_the_upgrade(leaf: Identity, root: Identity, talk: Talk, reading: str, expected: list[str]) -> None:
    with in_time(), serve_tls(leaf, talk=talk) as server:
        live = shake(server, [der(root)], websocket=True, limits=replace(LIMITS, http=1.0))
    assert live.succeeded
    assert live.websocket
    assert live.websocket.reading is WebSocketReading[reading]
    assert codes(websocket_findings(live)) == expected
    assert handshake_findings(live) == ()


def test_the_upgrade_is_asked_for_as_documented_and_closed_with_1000(leaf: Identity, root: Identity) -> None:
    with serve_tls(leaf, talk=answering_like_abap(clock)) as server:
        shake(server, [der(root)], websocket=True)
    request, frame = server.requests
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /sap/bc/rfc?sap-apc-stateful=true HTTP/1.1"
    assert f"Host: {HOST}:{server.port}" in lines
    assert "Sec-WebSocket-Version: 13" in lines
    assert "Sec-WebSocket-Protocol: rfc.sap.com" in lines
    assert not any("auth" in line.lower() for line in lines)
    mask, masked = frame[2:6], frame[6:8]
    assert frame[:2] == b"\x88\x82"
    assert int.from_bytes(bytes(a ^ b for a, b in zip(mask, masked, strict=False))) == 1000


def test_http_2_is_not_offered(leaf: Identity, root: Identity) -> None:
    chosen: list[str | None] = []

    def talk(connection: Connection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        chosen.append(connection.sock.selected_alpn_protocol())
        answering_like_abap(clock)(connection)

    with serve_tls(leaf, talk=talk, change=lambda context: context.set_alpn_protocols(["h2", "http/1.1"])) as server:
        look(server)
        shake(server, [der(root)], websocket=True)
    assert chosen == ["http/1.1", "http/1.1"]


SAID_BY_OPENSSL = {
    2: "issuer's certificate is missing",
    7: "a signature in the chain is wrong",
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "ends in a root that is not in the list",
    20: "no issuer that the chain leads to",
    21: "its own certificate only",
    24: "is no certificate authority",
    25: "longer than an issuer allows",
    26: "not meant for servers",
    62: "does not name the host",
    64: "does not name the IP address",
}
"""The numbers are those of OpenSSL's x509_vfy.h."""


@pytest.mark.parametrize("number", SAID_BY_OPENSSL)
def test_each_refusal_of_openssl_is_told_in_words(number: int) -> None:
    refused = LiveHandshake("a.host", 443, NOW, succeeded=False, accepted=False, verify_code=number)
    (found,) = handshake_findings(refused)
    assert SAID_BY_OPENSSL[number] in found.observed


@pytest.mark.parametrize("number", [63, 65, 1, 0, 999])
def test_another_refusal_is_told_by_its_number(number: int) -> None:
    refused = LiveHandshake("a.host", 443, NOW, succeeded=False, accepted=False, verify_code=number)
    (found,) = handshake_findings(refused)
    assert not any(words in found.observed for words in SAID_BY_OPENSSL.values())
