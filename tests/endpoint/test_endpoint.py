"""One pass over servers of every kind, most of them broken in one way."""

import contextlib
import errno
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code, Severity
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.endpoint.live import handshake
from pse_preflight.endpoint.model import Endpoint, Failure, KeyKind, Limits, Target, WebSocketReading
from pse_preflight.endpoint.observation import observe
from pse_preflight.endpoint.reading import _TEXTS, differences_of, findings_of
from pse_preflight.endpoint.records import read_flight, starts_like_tls
from pse_preflight.endpoint.thorough import observe_every
from pse_preflight.findings import Finding, message
from pse_preflight.landscape.url import Proxy
from tests.kit.files import IS_WINE
from tests.kit.patience import in_time
from tests.kit.places import SOURCES
from tests.kit.servers import (
    LOOPBACK,
    PASSWORD_PAGE,
    RESET,
    SAP_REALM,
    Connection,
    Server,
    Talk,
    add_identity,
    alerts,
    answering,
    answering_like_abap,
    closes_after_hello,
    closes_without_goodbye,
    endless,
    floods_the_handshake,
    free_port,
    handmade_flight,
    has_ipv6_loopback,
    http_answer,
    only_tls_1_2,
    only_tls_1_3,
    over_tls,
    real_proxy,
    redirecting,
    replying,
    resets_after_hello,
    resets_after_request,
    resolver,
    says,
    sends_flight,
    serve,
    serve_tls,
    server_context,
    showing_page,
    silent,
    speaks_plain_http,
    speaks_ssh,
    tunnelling,
    unanswered_port,
    waits_for_a_line,
    wanting_a_certificate,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)  # OpenSSL judges validity by the real clock
LIMITS = Limits()
SHORT = Limits(resolve=0.3, connect=0.3, tls=0.3, http=0.3, whole=60.0)
HOST = "localhost"
NO_DATA = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)  # not known on every system


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


def only_finding(endpoint: Endpoint) -> Finding:
    (found,) = findings_of(endpoint)
    return found


# a good system


def test_a_healthy_system_shows_everything(abap: Server, leaf: Identity, issuing: Identity) -> None:
    seen = look(Target(HOST, abap.port))
    assert seen.failure is None
    assert seen.presented == (der(leaf), der(issuing))
    assert not seen.presented_cut
    assert (seen.tls_version, seen.tls_12) == ("TLSv1.2", True)
    assert seen.wants_client_certificate is False
    assert seen.address == LOOPBACK
    assert LOOPBACK in seen.addresses
    assert seen.http is not None
    assert (seen.http.status, seen.http.realm) == (401, SAP_REALM)
    assert seen.http.is_sap
    assert seen.date_offset_seconds == 0.0
    assert seen.asked_at == NOW
    assert findings_of(seen) == ()


def test_one_connection_is_enough_for_a_healthy_system(leaf: Identity) -> None:
    with serve_tls(leaf) as server:
        look(server)
        assert server.connections == 1
        assert len(server.requests) == 1


def test_an_observation_is_plain_data(abap: Server) -> None:
    def plain(value: object) -> str:
        assert isinstance(value, bytes | datetime)
        return str(value)

    assert json.loads(json.dumps(asdict(look(abap)), default=plain))["http"]["status"] == 401


def test_the_root_is_kept_when_it_is_sent(leaf: Identity, issuing: Identity, root: Identity) -> None:
    with serve_tls(leaf, chain=[*leaf.chain, root.certificate]) as server:
        assert look(server).presented == (der(leaf), der(issuing), der(root))


def test_the_order_is_kept_as_sent(leaf: Identity, issuing: Identity, root: Identity) -> None:
    chain = [leaf.certificate, root.certificate, issuing.certificate, root.certificate]
    with serve_tls(leaf, chain=chain) as server:
        assert look(server).presented == (der(leaf), der(root), der(issuing), der(root))


def test_an_ipv6_address_is_asked(leaf: Identity) -> None:
    if not has_ipv6_loopback():
        pytest.skip("this machine has no IPv6 loopback address")
    with serve_tls(leaf, family=socket.AF_INET6) as server:
        seen = look(Target("::1", server.port))
        assert seen.address == "::1"
        assert seen.http
        assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


def test_the_host_is_named_to_the_server(leaf: Identity) -> None:
    named: list[str | None] = []

    def remember(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda _sock, name, _context: named.append(name)

    with serve_tls(leaf, change=remember) as server:
        look(Target(HOST, server.port))
        look(server)
    assert named == [HOST, None]


def test_the_request_names_the_tool_and_sends_no_secret(
    leaf: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login COMM_USER password S3cret\nmachine {LOOPBACK} login COMM_USER password x\n")
    monkeypatch.setenv("NETRC", str(netrc))
    cookie = replying("200 OK", "Set-Cookie: a=b")
    with serve_tls(leaf, talk=cookie) as server:
        look(Target(HOST, server.port))
        look(Target(HOST, server.port))
        handshake(Target(HOST, server.port), [der(leaf)], LIMITS, clock, websocket=True)
    assert len(server.requests) == 3
    for request in server.requests:
        assert request.startswith(b"GET /")
        assert b"User-Agent: pse-preflight/" in request
        assert not any(
            word in request.lower() for word in (b"authorization", b"cookie", b"s3cret", b"accept-encoding: g")
        )


def test_a_netrc_would_be_sent_by_an_ordinary_session(
    leaf: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above: what it guards against is real."""
    import requests

    netrc, roots = tmp_path / "netrc", tmp_path / "roots.pem"
    netrc.write_text(f"machine {HOST} login COMM_USER password S3cret\n")
    roots.write_bytes(leaf.issuers[-1].public_bytes(Encoding.PEM))
    monkeypatch.setenv("NETRC", str(netrc))
    with serve_tls(leaf, talk=replying("200 OK")) as server:
        requests.get(f"https://{HOST}:{server.port}/", verify=str(roots), timeout=10)
    assert b"authorization" in server.requests[0].lower()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_environments_proxy_is_ignored(abap: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"http://u:p@{LOOPBACK}:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert look(abap).http


def test_the_environments_exceptions_do_not_hide_the_proxy(abap: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with serve(tunnelling(abap)) as proxy:
        assert look(replace(abap.target, proxy=proxy.proxy)).http
        assert proxy.connections == 1


# names and ports


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(socket.gaierror(socket.EAI_NONAME, "x"), "HOST_UNKNOWN", id="noname"),
        pytest.param(socket.gaierror(NO_DATA, "x"), "HOST_UNKNOWN", id="nodata"),
        pytest.param(socket.gaierror(socket.EAI_FAIL, "x"), "HOST_UNKNOWN", id="fail"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "x"), "DNS_TIMEOUT", id="again"),
        pytest.param(socket.gaierror(socket.EAI_MEMORY, "x"), "DNS_TIMEOUT", id="memory"),
        pytest.param(UnicodeError("label too long"), "HOST_UNKNOWN", id="unicode"),
        pytest.param(OSError("x"), "HOST_UNKNOWN", id="oserror"),
        pytest.param([], "HOST_UNKNOWN", id="none"),
    ],
)
def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, answer: Any, code: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(answer))
    seen = look(Target("no.such.host", 443))
    assert only_finding(seen).code == code
    assert "no.such.host" in only_finding(seen).observed
    assert seen.addresses == ()
    assert seen.presented == ()


def test_a_dns_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: never.wait())
    try:
        with in_time():
            seen = look(Target("slow.host", 443), SHORT)
    finally:
        never.set()
    assert only_finding(seen).code == "DNS_TIMEOUT"


def test_the_proxys_name_is_what_must_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, *_args: Any, **_options: Any) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "x")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found = only_finding(look(Target("inside.host", 443, Proxy("proxy.host", 3128))))
    assert asked == ["proxy.host"]
    assert "proxy.host" in found.observed
    assert "proxy's name" in found.fix


def test_a_refused_port() -> None:
    seen = look(Target(LOOPBACK, free_port()))
    assert only_finding(seen).code == "PORT_REFUSED"
    assert seen.addresses == (LOOPBACK,)
    assert seen.address is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux leaves requests to a full queue unanswered")
def test_a_port_that_does_not_answer() -> None:
    with unanswered_port() as port, in_time():
        assert only_finding(look(Target(LOOPBACK, port), SHORT)).code == "PORT_TIMEOUT"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(OSError(errno.ENETUNREACH, "x"), "PORT_UNREACHABLE", id="enetunreach"),
        pytest.param(OSError(errno.EHOSTUNREACH, "x"), "PORT_UNREACHABLE", id="ehostunreach"),
        pytest.param(PermissionError(errno.EPERM, "x"), "PORT_UNREACHABLE", id="eperm"),
        pytest.param(OSError(errno.ETIMEDOUT, "x"), "PORT_TIMEOUT", id="etimedout"),
        pytest.param(TimeoutError(), "PORT_TIMEOUT", id="timeout"),
        pytest.param(ConnectionRefusedError(errno.ECONNREFUSED, "x"), "PORT_REFUSED", id="refused"),
        pytest.param(ConnectionResetError(errno.ECONNRESET, "x"), "PORT_REFUSED", id="reset"),
    ],
)
def test_connection_errors_are_told_apart_by_number(monkeypatch: pytest.MonkeyPatch, error: OSError, code: str) -> None:
    def connect(_self: Any, _address: Any) -> None:
        raise error

    monkeypatch.setattr("pse_preflight.endpoint.connection.TimedSocket.connect", connect)
    assert only_finding(look(Target(LOOPBACK, 443))).code == code


def test_the_clearest_answer_of_several_addresses_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = {"10.0.0.1": TimeoutError(), "10.0.0.2": ConnectionRefusedError(errno.ECONNREFUSED, "x")}

    def connect(_self: Any, address: Any) -> None:
        raise errors.get(address[0], OSError(errno.ENETUNREACH, "x"))

    monkeypatch.setattr("pse_preflight.endpoint.connection.TimedSocket.connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["::2", "10.0.0.1", "10.0.0.2"], ["::2", "10.0.0.1"]))
    refused, timed_out = look(Target("a.host", 443)), look(Target("a.host", 443))
    assert only_finding(refused).code == "PORT_REFUSED"
    assert all(ip in only_finding(refused).observed for ip in ("::2", "10.0.0.1", "10.0.0.2"))
    assert only_finding(timed_out).code == "PORT_TIMEOUT"


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch, abap: Server) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["::1", LOOPBACK, LOOPBACK]))
    seen = look(Target("two.addresses", abap.port))
    assert seen.addresses == ("::1", LOOPBACK)
    assert seen.address == LOOPBACK
    assert seen.failure is None


def test_no_address_takes_the_time_of_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    def connect(self: Any, _address: Any) -> None:
        shares.append(self.deadline.left())
        raise TimeoutError

    monkeypatch.setattr("pse_preflight.endpoint.connection.TimedSocket.connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["10.0.0.1", "10.0.0.2"]))
    look(Target("a.host", 443))
    assert 4 < shares[0] <= LIMITS.connect / 2
    assert 9 < shares[1] <= LIMITS.connect


# proxies


INSIDE = Target("inside.host", 443)


def through(proxy: Server | Proxy, target: Target = INSIDE, **changes: Any) -> Target:
    return replace(target, proxy=replace(proxy.proxy if isinstance(proxy, Server) else proxy, **changes))


@pytest.fixture(scope="module")
def proxy_program() -> Iterator[Proxy]:
    with real_proxy() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxy_program_with_login() -> Iterator[Proxy]:
    with real_proxy("--basic-auth", "alice:S3cret") as proxy:
        yield proxy


def test_a_real_proxy_opens_a_tunnel(abap: Server, proxy_program: Proxy, leaf: Identity) -> None:
    seen = look(through(proxy_program, abap.target))
    assert seen.presented[0] == der(leaf)
    assert seen.http
    assert seen.proxy == str(proxy_program)
    assert findings_of(seen) == ()


def test_a_real_proxy_carries_the_live_handshake_too(abap: Server, proxy_program: Proxy, root: Identity) -> None:
    live = handshake(through(proxy_program, abap.target), [der(root)], LIMITS, clock, websocket=True)
    assert live.succeeded
    assert live.websocket
    assert live.websocket.reading is WebSocketReading.SPEAKS_RFC


def test_a_real_proxy_gets_its_login(abap: Server, proxy_program_with_login: Proxy) -> None:
    seen = look(through(proxy_program_with_login, abap.target, user="alice", password="S3cret"))
    assert seen.http
    assert "S3cret" not in f"{seen}"


@pytest.mark.parametrize(("login", "verb"), [({}, "asks for"), ({"user": "alice", "password": "S3"}, "refuses")])
def test_a_real_proxy_wants_a_login(
    abap: Server, proxy_program_with_login: Proxy, login: dict[str, str], verb: str
) -> None:
    found = only_finding(look(through(proxy_program_with_login, abap.target, **login)))
    assert found.code == "PROXY_WANTS_LOGIN"
    assert f"{verb}" in found.observed
    assert "Basic" in found.observed


def test_a_real_proxy_that_cannot_reach_the_system(proxy_program: Proxy) -> None:
    found = only_finding(look(through(proxy_program, Target(LOOPBACK, free_port()))))
    assert found.code in {"PROXY_REFUSED", "PROXY_ANSWERS_ITSELF"}


def test_the_login_goes_to_the_proxy_and_no_further(leaf: Identity) -> None:
    with serve_tls(leaf) as server, serve(tunnelling(server)) as proxy:
        look(through(proxy, server.target, user="alice", password="S3cret"))
    assert b"Proxy-Authorization: Basic YWxpY2U6UzNjcmV0" in proxy.requests[0]
    assert proxy.requests[0].startswith(f"CONNECT {LOOPBACK}:{server.port} HTTP/1.1\r\n".encode())
    assert b"authorization" not in server.requests[0].lower()


def test_no_login_is_sent_where_none_is_given(abap: Server) -> None:
    with serve(tunnelling(abap)) as proxy:
        look(through(proxy, abap.target))
    assert b"authorization" not in proxy.requests[0].lower()


def test_basic_among_the_schemes_means_that_a_login_helps() -> None:
    refusal = http_answer("407 x", "Proxy-Authenticate: Negotiate", "Proxy-Authenticate: Basic realm=x")
    with serve(answering(refusal)) as proxy:
        found = only_finding(look(through(proxy)))
    assert "Negotiate, Basic" in found.observed
    assert "systems.yaml" in found.fix


def test_ntlm_alone_means_that_a_bypass_is_needed() -> None:
    refusal = http_answer("407 x", "Proxy-Authenticate: Negotiate", "Proxy-Authenticate: NTLM")
    with serve(answering(refusal)) as proxy:
        found = only_finding(look(through(proxy)))
    assert found.code == "PROXY_WANTS_LOGIN"
    assert "Negotiate, NTLM" in found.observed
    assert "bypass" in found.fix


BLOCK_PAGE = http_answer("200 OK", "Content-Type: text/html", body=b"<h1>Blocked</h1>")


@pytest.mark.parametrize(
    ("talk", "code", "words"),
    [
        pytest.param(replying("403 Forbidden"), "PROXY_REFUSED", "HTTP 403", id="403"),
        pytest.param(replying("502 Bad Gateway"), "PROXY_REFUSED", "HTTP 502", id="502"),
        pytest.param(
            replying("503 x", "Content-Type: text/html", body=b"<h1>x</h1>"), "PROXY_REFUSED", "HTTP 503", id="503-page"
        ),
        pytest.param(closes_after_hello, "PROXY_REFUSED", "closing", id="closes"),
        pytest.param(resets_after_hello, "PROXY_REFUSED", "closing", id="resets"),
        pytest.param(answering(BLOCK_PAGE), "PROXY_ANSWERS_ITSELF", "HTTP 200", id="200-page"),
        pytest.param(
            replying("302 x", "Location: https://u:p@login.corp/a?S3cret#S3cret"),
            "PROXY_ANSWERS_ITSELF",
            "https://login.corp/a",
            id="redirect",
        ),
        pytest.param(replying("405 Method Not Allowed"), "PROXY_ANSWERS_ITSELF", "HTTP 405", id="405"),
        pytest.param(replying("511 x"), "PROXY_ANSWERS_ITSELF", "HTTP 511", id="511"),
        pytest.param(answering(b"SSH-2.0-x\r\n"), "PROXY_ANSWERS_ITSELF", "SSH-2.0-x"[:1], id="ssh"),
        pytest.param(answering(b"HTTP/1.1 abc\r\n\r\n"), "PROXY_ANSWERS_ITSELF", "HTTP/1.1 abc", id="no-status"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9999),
            "PROXY_ANSWERS_ITSELF",
            "HTTP/1.1 200",
            id="endless-head",
            marks=pytest.mark.skipif(IS_WINE, reason="Wine may tell of a closed connection when the time is over only"),
        ),
        pytest.param(alerts(70), "PROXY_ANSWERS_ITSELF", "speaks TLS itself", id="tls-alert"),
    ],
)
def test_proxies_that_open_no_tunnel(talk: Talk, code: str, words: str) -> None:
    with serve(talk) as proxy:
        found = only_finding(look(through(proxy)))
    assert found.code == code
    assert words in found.observed
    assert str(proxy.port) in found.observed
    assert "S3cret" not in message(found)


def test_a_proxy_that_speaks_tls_itself(leaf: Identity) -> None:
    with serve_tls(leaf) as proxy:
        found = only_finding(look(through(proxy)))
    assert (found.code, "speaks TLS itself" in found.observed) == ("PROXY_ANSWERS_ITSELF", True)


def test_a_proxy_that_stays_silent() -> None:
    with serve(silent) as proxy:
        found = only_finding(look(through(proxy), SHORT))
    assert found.code == "PORT_TIMEOUT"
    assert "proxy" in found.observed


def test_a_proxy_that_drips_its_answer_ends_in_time() -> None:
    def drip(connection: Connection) -> None:
        connection.drip(b"HTTP/1.1 200 OK\r\nX: " + bytes([each]) for each in b"x" * 9999)

    with in_time(), serve(drip) as proxy:
        found = only_finding(look(through(proxy), SHORT))
    assert found.code in {"PORT_TIMEOUT", "PROXY_ANSWERS_ITSELF"}


def test_a_refused_proxy() -> None:
    found = only_finding(look(through(Proxy(LOOPBACK, free_port()))))
    assert found.code == "PORT_REFUSED"
    assert "the proxy" in found.observed


# TLS


@pytest.mark.parametrize(
    ("talk", "code", "words"),
    [
        pytest.param(resets_after_hello, "TLS_HANDSHAKE_FAILED", RESET, id="reset"),
        pytest.param(closes_after_hello, "TLS_HANDSHAKE_FAILED", "closed", id="closed"),
        pytest.param(alerts(40), "TLS_HANDSHAKE_FAILED", "alert 40 (handshake failure)", id="alert-40"),
        pytest.param(alerts(80), "TLS_HANDSHAKE_FAILED", "alert 80 (internal error)", id="alert-80"),
        pytest.param(says(bytes([21, 3, 3, 0, 2, 1, 112])), "TLS_HANDSHAKE_FAILED", "closed", id="only-a-warning"),
        pytest.param(alerts(255), "TLS_HANDSHAKE_FAILED", "alert 255 (unknown)", id="alert-255"),
        pytest.param(
            says(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"), "TLS_HANDSHAKE_FAILED", "no proper TLS", id="garbage"
        ),
        pytest.param(speaks_plain_http, "NOT_TLS", "HTTP/1.1 400", id="plain-http"),
        pytest.param(speaks_ssh, "NOT_TLS", "SSH-2.0-OpenSSH_9.6", id="ssh"),
        pytest.param(sends_flight(b"x", version=0x0302), "TLS_TOO_OLD", "TLS 1.1", id="tls-1.1"),
        pytest.param(sends_flight(b"x", version=0x0301), "TLS_TOO_OLD", "TLS 1.0", id="tls-1.0"),
        pytest.param(sends_flight(b"x", version=0x0300), "TLS_TOO_OLD", "SSL 3.0", id="ssl-3.0"),
    ],
)
def test_servers_that_make_no_handshake(talk: Talk, code: str, words: str) -> None:
    with serve(talk) as server:
        found = only_finding(look(server))
    assert found.code == code
    assert words in found.observed
    assert f"{LOOPBACK}:{server.port}" in found.observed


def test_an_unknown_name_is_told() -> None:
    with serve(alerts(112)) as server:
        found = only_finding(look(server))
        assert server.connections == 1
    assert "check the URL" in found.fix


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        pytest.param(silent, "TLS_TIMEOUT", id="silent"),
        pytest.param(waits_for_a_line, "NOT_TLS", id="waits-for-a-line"),
    ],
)
def test_silence_is_told_from_plain_http_that_waits(talk: Talk, code: str) -> None:
    with in_time(), serve(talk) as server:
        assert only_finding(look(server, SHORT)).code == code


def test_a_server_that_drips_its_handshake_ends_in_time(leaf: Identity) -> None:
    flight = handmade_flight(der(leaf))
    record = b"\x16\x03\x03" + len(flight).to_bytes(2) + flight

    def drip(connection: Connection) -> None:
        connection.drip((bytes([each]) for each in record), 0.1)

    with in_time(), serve(drip) as server:
        assert only_finding(look(server, SHORT)).code == "TLS_TIMEOUT"


def test_a_handshake_without_end_ends_in_time() -> None:
    with in_time(), serve(floods_the_handshake) as server:
        assert only_finding(look(server, SHORT)).code == "TLS_TIMEOUT"


def test_what_is_kept_of_a_handshake_is_bounded() -> None:
    with serve(floods_the_handshake) as server:
        found = look(server, replace(SHORT, tls=1.0)).failure
    assert found
    assert 256 * 1024 <= found.heard_bytes <= 256 * 1024 + 16 * 1024


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        pytest.param(answering(b""), "closed", id="goodbye"),
        pytest.param(closes_without_goodbye, "closed", id="no-goodbye"),
        pytest.param(resets_after_request, RESET, id="reset"),
        pytest.param(answering(b"220 smtp\r\n"), "no HTTP answer", id="smtp"),
    ],
)
def test_how_an_answer_stayed_away_is_told(leaf: Identity, talk: Talk, words: str) -> None:
    with serve_tls(leaf, talk=talk) as server:
        found = only_finding(look(server))
    assert found.code == "HTTP_NO_ANSWER"
    assert words in found.observed


def test_a_real_server_of_tls_1_1_is_too_old(leaf: Identity) -> None:
    context = server_context(leaf)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serve(over_tls(context, answering_like_abap(clock))) as server:
        seen = look(server)
    if seen.failure and seen.failure.alert:
        pytest.skip("the local OpenSSL serves no TLS 1.1")
    assert only_finding(seen).code == "TLS_TOO_OLD"
    assert "TLS 1.1" in only_finding(seen).observed


def test_a_server_of_tls_1_3_alone_shows_its_chain(leaf: Identity, issuing: Identity) -> None:
    with serve_tls(leaf, change=only_tls_1_3, talk=answering_like_abap(clock)) as server:
        seen = look(server)
        assert server.connections == 2
    assert codes(findings_of(seen)) == ["TLS_13_ONLY"]
    assert seen.presented == (der(leaf), der(issuing))
    assert (seen.tls_version, seen.tls_12, seen.wants_client_certificate) == ("TLSv1.3", False, None)
    assert seen.http


def cutting(*numbers: int, then: Talk) -> Talk:
    """Reset the connections with these numbers, counted from 1."""

    def talk(connection: Connection) -> None:
        if connection.server.connections in numbers:
            resets_after_hello(connection)
        else:
            then(connection)

    return talk


def test_a_connection_cut_by_chance_says_nothing_about_versions(leaf: Identity) -> None:
    healthy = over_tls(server_context(leaf), answering_like_abap(clock))
    with serve(cutting(1, then=healthy)) as server:
        seen = look(server)
        assert server.connections == 3
    assert (seen.tls_version, seen.tls_12) == ("TLSv1.2", True)
    assert findings_of(seen) == ()


def test_a_server_that_cuts_tls_1_2_each_time_speaks_1_3_only(leaf: Identity) -> None:
    healthy = over_tls(server_context(leaf), answering_like_abap(clock))
    with serve(cutting(1, 3, then=healthy)) as server:
        seen = look(server)
    assert (seen.tls_version, seen.tls_12) == ("TLSv1.3", False)
    assert codes(findings_of(seen)) == ["TLS_13_ONLY"]


def test_a_server_of_tls_1_2_alone_is_good(leaf: Identity) -> None:
    with serve_tls(leaf, change=only_tls_1_2, talk=answering_like_abap(clock)) as server:
        assert findings_of(look(server)) == ()


@pytest.mark.parametrize("version", [only_tls_1_2, only_tls_1_3])
def test_a_server_that_wants_a_client_certificate_shows_its_chain(
    leaf: Identity, issuing: Identity, root: Identity, version: Callable[[ssl.SSLContext], None]
) -> None:
    with serve_tls(leaf, change=wanting_a_certificate(version, root)) as server:
        seen = look(server)
    assert seen.failure is None
    assert seen.presented == (der(leaf), der(issuing))
    assert "CLIENT_CERTIFICATE_WANTED" in codes(findings_of(seen))
    assert "HTTP_NO_ANSWER" not in codes(findings_of(seen))
    assert seen.tls_version == ("TLSv1.2" if version is only_tls_1_2 else "TLSv1.3")


def test_a_server_that_only_asks_for_a_client_certificate_is_good(leaf: Identity, root: Identity) -> None:
    def change(context: ssl.SSLContext) -> None:
        wanting_a_certificate(only_tls_1_2, root)(context)
        context.verify_mode = ssl.CERT_OPTIONAL

    with serve_tls(leaf, change=change, talk=answering_like_abap(clock)) as server:
        seen = look(server)
    assert seen.wants_client_certificate is True
    assert findings_of(seen) == ()


# chains that are hard to see


def test_a_weak_key_is_seen(root: Identity) -> None:
    weak = root.issue_server([HOST], START, 200, key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - weak on purpose
    with serve_tls(weak) as server:
        assert look(server).presented == (der(weak),)


@contextlib.contextmanager
def openssl_server(folder: Path, *options: str) -> Iterator[tuple[int, bytes]]:
    """Run openssl as an HTTPS server with a self-signed RSA certificate; give its port and the certificate."""
    program = shutil.which("openssl") or pytest.skip("openssl is not installed")
    request = [program, "req", "-x509", "-sha1", "-newkey", "rsa:1024", "-nodes", "-keyout", "k", "-out", "c"]
    subprocess.run([*request, "-subj", "/CN=localhost"], cwd=folder, check=True, capture_output=True, timeout=60)
    serving = [program, "s_server", "-accept", f"{LOOPBACK}:0", "-www", "-cert", "c", "-key", "k", *options]
    with subprocess.Popen(serving, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout
            line = next(line for line in process.stdout if line.startswith(b"ACCEPT"))
            certificate = load_pem_x509_certificate((folder / "c").read_bytes())
            yield int(line.rpartition(b":")[2]), certificate.public_bytes(Encoding.DER)
        finally:
            process.terminate()


@pytest.mark.parametrize("signature", ["RSA+SHA1", "RSA+SHA256"])
def test_a_chain_signed_with_sha_1_is_seen(tmp_path: Path, signature: str) -> None:
    """Self-signed leaf (SHA-1, RSA 1024), made by openssl; an old server signs the handshake itself with SHA-1 too."""
    options = ("-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0", "-sigalgs", signature)
    with openssl_server(tmp_path, *options) as (port, certificate):
        seen = look(Target(LOOPBACK, port))
    assert seen.failure is None
    assert seen.presented == (certificate,)
    hashed = Certificate.read(certificate).parsed.signature_hash_algorithm
    assert hashed
    assert hashed.name == "sha1"


def test_a_chain_of_too_many_certificates_is_cut(leaf: Identity, issuing: Identity) -> None:
    with serve_tls(leaf, chain=[leaf.certificate, *[issuing.certificate] * 150]) as server:
        seen = look(server)
    assert seen.presented == (der(leaf), *[der(issuing)] * 99)
    assert seen.presented_cut
    assert seen.http


def test_a_chain_of_too_many_bytes_is_cut(leaf: Identity) -> None:
    with serve_tls(leaf) as server:
        seen = look(server, replace(LIMITS, chain_bytes=len(der(leaf)) + 5))
    assert seen.presented == (der(leaf),)
    assert seen.presented_cut


def test_a_certificate_that_openssl_cannot_read_is_still_shown(leaf: Identity) -> None:
    broken = b"\x30\x03\x02\x01\x00"
    with serve(sends_flight(der(leaf), broken)) as server:
        seen = look(server)
    assert seen.presented == (der(leaf), broken)
    assert codes(findings_of(seen)) == ["TLS_HANDSHAKE_FAILED"]
    assert "cannot read" in only_finding(seen).observed


def test_a_chain_longer_than_openssl_takes_is_shown_as_far_as_it_came(leaf: Identity) -> None:
    with serve(sends_flight(*[der(leaf)] * 400)) as server:
        seen = look(server)
    assert seen.failure
    assert seen.presented
    assert set(seen.presented) == {der(leaf)}


# HTTP


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        pytest.param(replying("200 OK", date=NOW), [], id="200"),
        pytest.param(replying("401 Unauthorized", date=NOW), [], id="401"),
        pytest.param(replying("403 Forbidden", date=NOW), [], id="403"),
        pytest.param(replying("404 Not Found", date=NOW), [], id="404"),
        pytest.param(replying("429 Too Many Requests", date=NOW), ["HTTP_TOO_MANY_REQUESTS"], id="429"),
        pytest.param(replying("500 Internal Server Error", date=NOW), ["HTTP_SERVER_ERROR"], id="500"),
        pytest.param(replying("503 Service Unavailable", date=NOW), ["HTTP_SERVER_ERROR"], id="503"),
        pytest.param(
            redirecting("https://tenant.accounts.ondemand.com/saml2/idp/sso?SAMLRequest=S3cret"),
            ["HTTP_LOGIN_PAGE"],
            id="to-accounts",
        ),
        pytest.param(redirecting("https://tenant.accounts.cloud.sap/"), ["HTTP_LOGIN_PAGE"], id="to-accounts-root"),
        pytest.param(redirecting("/saml2/login"), ["HTTP_LOGIN_PAGE"], id="to-saml2"),
        pytest.param(redirecting("https://login.corp/x"), ["HTTP_LOGIN_PAGE"], id="to-login-host"),
        pytest.param(redirecting("/ui"), [], id="to-ui"),
        pytest.param(redirecting("https://[bad"), [], id="to-unreadable"),
        pytest.param(showing_page(PASSWORD_PAGE), ["HTTP_LOGIN_PAGE"], id="logon-page"),
        pytest.param(showing_page(PASSWORD_PAGE, "401 Unauthorized"), [], id="401-page"),
        pytest.param(showing_page(b"<h1>Welcome</h1>"), [], id="other-page"),
        pytest.param(replying("200 OK", "Content-Type: text/plain", body=PASSWORD_PAGE, date=NOW), [], id="text"),
        pytest.param(answering(b""), ["HTTP_NO_ANSWER"], id="nothing"),
        pytest.param(answering(b"220 smtp.corp ESMTP\r\n"), ["HTTP_NO_ANSWER"], id="smtp"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000), ["HTTP_NO_ANSWER"], id="many-headers"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000), ["HTTP_NO_ANSWER"], id="long-header"),
        pytest.param(resets_after_request, ["HTTP_NO_ANSWER"], id="reset"),
        pytest.param(closes_without_goodbye, ["HTTP_NO_ANSWER"], id="rude"),
    ],
)
def test_http_answers(leaf: Identity, talk: Talk, expected: list[str]) -> None:
    with serve_tls(leaf, talk=talk) as server:
        seen = look(server)
        assert server.connections == 1
    assert codes(findings_of(seen)) == expected
    assert seen.presented[0] == der(leaf)
    assert seen.failure is None
    assert "S3cret" not in f"{seen}"


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        pytest.param(silent, "HTTP_NO_ANSWER", id="silent"),
        pytest.param(endless(b"", b"H"), "HTTP_NO_ANSWER", id="no-status-line"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"x"), "HTTP_NO_ANSWER", id="header-drip"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "HTTP_NO_ANSWER", id="endless-headers"),
        pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "HTTP_NO_ANSWER", id="endless-continue"),
        pytest.param(
            endless(b"HTTP/1.1 503 x\r\nContent-Type: text/html\r\n\r\n", b"x"), "HTTP_SERVER_ERROR", id="body-drip"
        ),
        pytest.param(
            endless(b"HTTP/1.1 503 x\r\nContent-Type: text/html\r\n\r\n", b"x" * 99999),
            "HTTP_SERVER_ERROR",
            id="body-flood",
        ),
        pytest.param(
            endless(b"HTTP/1.1 503 x\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            "HTTP_SERVER_ERROR",
            id="chunk-drip",
        ),
        pytest.param(
            endless(b"HTTP/1.1 503 x\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz", b"zz"),
            "HTTP_SERVER_ERROR",
            id="chunk-garbage",
        ),
    ],
)
def test_slow_and_endless_answers_end_in_time(leaf: Identity, talk: Talk, expected: str) -> None:
    with in_time(), serve_tls(leaf, talk=talk) as server:
        seen = look(server, replace(LIMITS, http=1.0))
    assert only_finding(seen).code == expected
    assert seen.presented[0] == der(leaf)


def test_the_whole_has_a_deadline_of_its_own(leaf: Identity) -> None:
    with in_time(), serve_tls(leaf, talk=endless(b"", b"H")) as server:
        seen = look(server, replace(LIMITS, http=60.0).at_most(1.0))
    assert only_finding(seen).code == "HTTP_NO_ANSWER"


def test_no_time_left_is_a_finding_too(abap: Server) -> None:
    seen = look(abap, LIMITS.at_most(-1))
    assert only_finding(seen).code == "PORT_TIMEOUT"


def test_headers_are_bounded(leaf: Identity) -> None:
    long = "x" * 5000
    talk = answering(
        http_answer("401 x", f"Server: {long}", f'WWW-Authenticate: Basic realm="{long}"', f"Location: /{long}")
    )
    with serve_tls(leaf, talk=talk) as server:
        http = look(server).http
    assert http
    assert http.server == "x" * 200
    assert http.realm == "x" * 200
    assert len(http.location or "") == 200


# the clock


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, ""),
        (300, ""),
        (-300, ""),
        (301, "5 minutes behind"),
        (-301, "5 minutes ahead of"),
        (7200, "120 minutes behind"),
    ],
)
def test_the_clock_is_compared_with_the_servers(leaf: Identity, seconds: int, words: str) -> None:
    talk = replying("401 x", date=NOW + timedelta(seconds=seconds))
    with serve_tls(leaf, talk=talk) as server:
        seen = look(server)
    assert seen.date_offset_seconds == seconds
    assert codes(findings_of(seen)) == (["CLOCK_SKEW"] if words else [])
    assert words in "".join(each.observed for each in findings_of(seen))


@pytest.mark.parametrize(
    "header", ["X: y", "Date: yesterday", "Date: Mon, 99 Nov 2026 00:00:00 GMT", "Date:", "Date: 0"]
)
def test_without_a_readable_date_nothing_is_said(leaf: Identity, header: str) -> None:
    with serve_tls(leaf, talk=replying("401 x", header)) as server:
        seen = look(server)
    assert seen.date_offset_seconds is None
    assert findings_of(seen) == ()


def test_the_age_of_a_cached_answer_counts(leaf: Identity) -> None:
    talk = replying("404 x", "Age: 900", date=NOW - timedelta(seconds=900))
    with serve_tls(leaf, talk=talk) as server:
        assert look(server).date_offset_seconds == 0


# many systems


def test_many_systems_are_asked_in_parallel(leaf: Identity) -> None:
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(50) as threads:
        servers = [stack.enter_context(serve_tls(leaf, talk=replying(f"{400 + n} x"))) for n in range(25)]
        seen = list(threads.map(look, [*servers, *servers]))
    assert [each.http.status for each in seen if each.http] == [400 + n for n in range(25)] * 2
    assert all(each.presented[0] == der(leaf) for each in seen)


def test_nothing_is_left_open(leaf: Identity) -> None:
    if sys.platform != "linux":
        pytest.skip("open files are counted on Linux only")
    talks: list[Talk] = [answering_like_abap(clock), answering(b""), resets_after_request]
    with serve_tls(leaf) as warm_up:
        look(warm_up)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for talk in talks * 3:
        with serve_tls(leaf, talk=talk) as server:
            look(server)
            handshake(server.target, [der(leaf)], LIMITS, clock, websocket=True)
            handshake(server.target, [], LIMITS, clock, websocket=True)
    for talk in [alerts(40), speaks_ssh, closes_after_hello] * 3:
        with serve(talk) as server:
            look(server)
            look(through(server))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before  # servers of other tests may be gone by now


# every address, every kind of key


def test_every_address_is_asked_with_both_kinds_of_key(monkeypatch: pytest.MonkeyPatch, root: Identity) -> None:
    rsa_leaf = root.issue_server([HOST], START, 200, key=rsa.generate_private_key(65537, 2048))
    ec_leaf = root.issue_server([HOST], START, 200)

    with serve_tls(rsa_leaf, change=lambda context: add_identity(context, ec_leaf)) as server:
        monkeypatch.setattr(
            socket, "getaddrinfo", resolver([LOOPBACK, "127.0.0.2"], *[[LOOPBACK]] * 2, *[["127.0.0.2"]] * 2)
        )
        seen = observe_every(Target("two.addresses", server.port), LIMITS, clock)
    assert [(each.address, each.key_kind) for each in seen][:2] == [(LOOPBACK, KeyKind.RSA), (LOOPBACK, KeyKind.ECDSA)]
    assert [each.presented for each in seen[:2]] == [(der(rsa_leaf),), (der(ec_leaf),)]
    assert [each.failure.code for each in seen[2:] if each.failure] == ["PORT_REFUSED"] * 2


@pytest.fixture(scope="module")
def other_leaf(root: Identity) -> Identity:
    return root.issue_authority("Other issuing", START, 1825).issue_server([HOST], START, 200)


def faces(*shown: tuple[str, KeyKind, Identity | str]) -> list[Endpoint]:
    """Make endpoints by hand: address, kind of key, and the identity shown or the code of a failure."""
    plain = Endpoint(HOST, 443, None, NOW)
    return [
        replace(plain, address=ip, key_kind=kind, failure=Failure(Code(what)))
        if isinstance(what, str)
        else replace(
            plain, address=ip, key_kind=kind, presented=tuple(each.public_bytes(Encoding.DER) for each in what.chain)
        )
        for ip, kind, what in shown
    ]


@pytest.mark.parametrize("other", ["same", "other leaf"])
def test_equal_addresses_differ_in_nothing(leaf: Identity, issuing: Identity, other: str) -> None:
    second = leaf if other == "same" else issuing.issue_server([HOST], START, 100)
    kinds = KeyKind.RSA, KeyKind.ECDSA
    shown = faces(*[("10.0.0.1", kind, leaf) for kind in kinds], *[("10.0.0.2", kind, second) for kind in kinds])
    assert differences_of(shown) == ()


def test_one_kind_of_key_is_no_difference(leaf: Identity) -> None:
    no = "TLS_HANDSHAKE_FAILED"
    shown = faces(("10.0.0.1", KeyKind.RSA, no), ("10.0.0.1", KeyKind.ECDSA, leaf))
    assert differences_of(shown) == ()
    assert differences_of(faces(("10.0.0.1", KeyKind.RSA, no), ("10.0.0.1", KeyKind.ECDSA, no))) == ()
    assert differences_of(()) == ()


def test_an_address_with_other_issuers_is_told(leaf: Identity, other_leaf: Identity) -> None:
    (found,) = differences_of(faces(("10.0.0.1", KeyKind.ECDSA, leaf), ("10.0.0.2", KeyKind.ECDSA, other_leaf)))
    assert (found.code, found.severity) == ("ADDRESSES_DIFFER", Severity.MAJOR)
    assert '10.0.0.1 with ECDSA: "Issuing"' in found.observed
    assert '10.0.0.2 with ECDSA: "Other issuing"' in found.observed


def test_an_address_that_fails_is_told(leaf: Identity) -> None:
    (found,) = differences_of(faces(("10.0.0.1", KeyKind.RSA, leaf), ("10.0.0.2", KeyKind.RSA, "PORT_REFUSED")))
    assert found.severity is Severity.MAJOR
    assert "10.0.0.2 with RSA: PORT_REFUSED" in found.observed


def test_other_issuers_for_the_other_kind_of_key_are_minor(leaf: Identity, other_leaf: Identity) -> None:
    (found,) = differences_of(faces(("10.0.0.1", KeyKind.RSA, leaf), ("10.0.0.1", KeyKind.ECDSA, other_leaf)))
    assert found.severity is Severity.MINOR


def test_differences_are_told_without_intermediates_too(leaf: Identity, root: Identity) -> None:
    bare = root.issue_server([HOST], START, 200)
    first, second = faces(("10.0.0.1", KeyKind.RSA, leaf), ("10.0.0.2", KeyKind.RSA, bare))
    (found,) = differences_of((first, second))
    assert "10.0.0.2 with RSA: no intermediate" in found.observed
    (found,) = differences_of((first, replace(second, presented=(*second.presented, b"junk"))))
    assert "an unreadable certificate" in found.observed


def test_a_name_that_does_not_resolve_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    error = socket.gaierror(socket.EAI_NONAME, "x")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(error, error))
    (seen,) = observe_every(Target("no.such.host", 443), LIMITS, clock)
    assert only_finding(seen).code == "HOST_UNKNOWN"


def test_through_a_proxy_there_is_one_address(abap: Server) -> None:
    with serve(tunnelling(abap)) as proxy:
        seen = observe_every(through(proxy, abap.target), LIMITS, clock)
    assert [each.key_kind for each in seen] == [KeyKind.RSA, KeyKind.ECDSA]
    assert [bool(each.presented) for each in seen] == [False, True]


def test_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch, abap: Server) -> None:
    many = [f"127.0.0.{n}" for n in range(2, 40)]
    monkeypatch.setattr(socket, "getaddrinfo", resolver(many, *[[many[0]]] * 2, *[[many[1]]] * 2))
    assert len(observe_every(Target("many.addresses", abap.port), replace(LIMITS, addresses=2), clock)) == 4


# reading of what was recorded

SEEN = {name: st.from_type(kind) for name, kind in get_type_hints(Failure).items() if name not in {"code", "_"}}
"""Every field of a failure but its code, with any value that it may have."""


@given(st.sampled_from(sorted(_TEXTS)), st.fixed_dictionaries({}, optional=SEEN), st.booleans())
def test_whatever_was_recorded_of_a_failure_can_be_told(code: str, seen: dict[str, Any], proxied: bool) -> None:
    proxy = "proxy:3128" if proxied else None
    found = only_finding(Endpoint(HOST, 443, proxy, NOW, failure=Failure(Code(code), **seen)))
    assert found.code == code
    assert "proxy" in found.observed or HOST in found.observed or "DNS" in found.observed
    assert message(found)


# reading of bytes


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read_as_a_flight(data: bytes) -> None:
    flight = read_flight(data, 100, 1000)
    assert sum(map(len, flight.certificates)) <= len(data)
    assert starts_like_tls(data) or flight.hello_version is None


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 60), st.data())
def test_a_flight_is_read_however_it_is_cut_into_records(chain: list[bytes], size: int, data: st.DataObject) -> None:
    flight = handmade_flight(*chain)
    pieces = [flight[start : start + size] for start in range(0, len(flight), size)]
    sent = b"".join(b"\x16\x03\x03" + len(each).to_bytes(2) + each for each in pieces)
    assert read_flight(sent, 100, 1000).certificates == tuple(chain)
    part = read_flight(sent[: data.draw(st.integers(0, len(sent)))], 100, 1000)
    assert part.certificates == tuple(chain)[: len(part.certificates)]


def test_reading_a_flight_of_many_small_records_is_quick() -> None:
    with in_time():
        read_flight(b"\x16\x03\x03\x00\x00" * 500_000, 100, 1000)


def test_importing_the_endpoint_does_not_import_requests() -> None:
    code = "import sys, pse_preflight.endpoint; print('requests' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
