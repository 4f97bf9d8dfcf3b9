"""Fetching of certificates from the addresses that unverified certificates name."""

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.endpoint.connection import Address
from pse_preflight.endpoint.fetch import _is_public, fetch_certificates
from pse_preflight.endpoint.model import Endpoint, Limits
from tests.kit.patience import in_time
from tests.kit.servers import LOOPBACK, Connection, Server, Talk, answering, free_port, http_answer, serve, silent

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits()
SHORT = Limits(resolve=0.3, connect=0.3, http=0.3, whole=60.0)
OWN = LOOPBACK
"""The address that TLS was spoken with."""


@pytest.fixture(scope="module")
def issuing() -> Identity:
    return root_authority("Root", START, 3650).issue_authority("Issuing", START, 1825)


@pytest.fixture(scope="module")
def der(issuing: Identity) -> bytes:
    return issuing.certificate.public_bytes(Encoding.DER)


def giving(body: bytes, status: str = "200 OK", *headers: str) -> Talk:
    return answering(http_answer(status, *headers, body=body))


def fetch(server: Server, path: str = "/ca.crt", limits: Limits = LIMITS, host: str = LOOPBACK) -> tuple[bytes, ...]:
    return fetch_certificates([f"http://{host}:{server.port}{path}"], OWN, limits)


# what is fetched


def test_der(issuing: Identity, der: bytes) -> None:
    with serve(giving(der)) as server:
        assert fetch(server, "/a/ca.crt?x=1") == (der,)
    (request,) = server.requests
    assert request.startswith(b"GET /a/ca.crt?x=1 HTTP/1.1\r\n")
    assert f"Host: {LOOPBACK}:{server.port}".encode() in request
    assert b"User-Agent: pse-preflight/" in request
    assert b"authorization" not in request.lower()
    assert issuing.issuers


def test_pem_with_several(issuing: Identity, der: bytes) -> None:
    root = issuing.issuers[0]
    pem = issuing.certificate.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    with serve(giving(pem)) as server:
        assert fetch(server) == (der, root.public_bytes(Encoding.DER))


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_pkcs7(issuing: Identity, der: bytes, encoding: Encoding) -> None:
    root = issuing.issuers[0]
    bundle = pkcs7.serialize_certificates([issuing.certificate, root], encoding)
    with serve(giving(bundle)) as server:
        assert set(fetch(server)) == {der, root.public_bytes(Encoding.DER)}


def test_a_chunked_answer(der: bytes) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (der[:100], der[100:], b""))
    with serve(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)) as server:
        assert fetch(server) == (der,)


def test_an_answer_that_ends_with_the_connection(der: bytes) -> None:
    with serve(answering(b"HTTP/1.0 200 OK\r\n\r\n" + der)) as server:
        assert fetch(server) == (der,)


def test_two_addresses_and_no_more(der: bytes) -> None:
    with serve(giving(b"nothing")) as useless, serve(giving(der)) as good, serve(giving(der)) as third:
        addresses = [f"http://{LOOPBACK}:{server.port}/" for server in (useless, good, third)]
        assert fetch_certificates(addresses, OWN, LIMITS) == (der,)
        assert fetch_certificates(addresses[:1], OWN, LIMITS) == ()
        assert (useless.connections, good.connections, third.connections) == (2, 1, 0)


def test_the_same_certificate_twice_counts_once(der: bytes) -> None:
    with serve(giving(der)) as server:
        address = f"http://{LOOPBACK}:{server.port}/"
        assert fetch_certificates([address, address], OWN, LIMITS) == (der,)


def test_nothing_to_fetch_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_args: Any, **_options: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert fetch_certificates([], None, LIMITS) == ()
    assert fetch_certificates(["ldap://a.host/x"], None, LIMITS) == ()


# what comes to nothing


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(giving(b""), id="empty"),
        pytest.param(giving(b"<html>"), id="page"),
        pytest.param(giving(b"0\x82\x01\x00"), id="cut"),
        pytest.param(giving(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), id="bad-pem"),
        pytest.param(giving(b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"), id="bad-pkcs7"),
        pytest.param(answering(b""), id="nothing"),
        pytest.param(answering(b"SSH-2.0-x\r\n"), id="ssh"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"), id="many-headers"),
        pytest.param(silent, id="silent"),
    ],
)
def test_answers_without_a_certificate(talk: Talk) -> None:
    with serve(talk) as server:
        assert fetch(server, limits=SHORT) == ()
        assert server.connections == 1


@pytest.mark.parametrize("status", ["201 Created", "301 Moved Permanently", "302 Found", "404 Not Found", "500 x"])
def test_only_200_counts_and_redirects_are_not_followed(der: bytes, status: str) -> None:
    with serve(giving(der)) as elsewhere:
        location = f"Location: http://{LOOPBACK}:{elsewhere.port}/"
        with serve(giving(der, status, location)) as server:
            assert fetch(server) == ()
            assert (server.connections, elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(("more", "is_fetched"), [(0, True), (1, False)])
def test_an_answer_has_a_size(issuing: Identity, der: bytes, more: int, *, is_fetched: bool) -> None:
    pem = issuing.certificate.public_bytes(Encoding.PEM)
    body = pem.ljust(2048 + more, b"\n")
    with serve(giving(body)) as server:
        assert fetch(server, limits=replace(LIMITS, fetch_bytes=2048)) == ((der,) if is_fetched else ())


def drip(connection: Connection) -> None:
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.drip(iter(lambda: b"0", None), 0.005)


def flood(connection: Connection) -> None:
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.drip(iter(lambda: b"0" * 65536, None), 0.0001)


@pytest.mark.parametrize("talk", [drip, flood])
def test_an_endless_answer_ends(talk: Talk) -> None:
    with in_time(), serve(talk) as server:
        assert fetch(server, limits=SHORT) == ()


def test_no_more_certificates_than_are_kept(issuing: Identity, der: bytes) -> None:
    pem = issuing.certificate.public_bytes(Encoding.PEM) + issuing.issuers[0].public_bytes(Encoding.PEM)
    with serve(giving(pem)) as server:
        assert fetch(server, limits=replace(LIMITS, certificates=1)) == (der,)


# where it is fetched from


@pytest.mark.parametrize(
    "address",
    [
        "https://{}/ca.crt",
        "ldap://{}/ca.crt",
        "file:///etc/passwd",
        "http://user:pw@{}/ca.crt",
        "http:///ca.crt",
        "http://@{}/ca.crt",
        "http://[::1/ca.crt",
        "http://{}x/ca.crt",
        "http://{}/ca\u00fc.crt",
        "http://{}/ca crt",
        "http://{}/ca\x00.crt",
        "",
    ],
)
def test_only_plain_http_addresses_are_asked(der: bytes, address: str) -> None:
    with serve(giving(der)) as server:
        assert fetch_certificates([address.format(f"{LOOPBACK}:{server.port}")], OWN, LIMITS) == ()
        assert server.connections == 0


def test_a_refused_port_is_no_error() -> None:
    assert fetch_certificates([f"http://{LOOPBACK}:{free_port()}/"], OWN, LIMITS) == ()


def test_the_systems_own_address_is_allowed_on_any_port(der: bytes) -> None:
    with serve(giving(der)) as server:
        address = f"http://{LOOPBACK}:{server.port}/"
        assert fetch_certificates([address], LOOPBACK, LIMITS) == (der,)
        assert fetch_certificates([address], "192.0.2.1", LIMITS) == ()
        assert server.connections == 1


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that sets what each name resolves to, call by call; the last answer stays."""
    answers: dict[str, list[list[str]]] = {}

    def getaddrinfo(host: str, port: int, *_args: Any, **_options: Any) -> list[Any]:
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "x")
        ips = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    def resolves(host: str, *ips: list[str]) -> None:
        answers[host] = list(ips)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return resolves


def test_what_counts_is_the_address_and_not_the_name(der: bytes, names: Callable[..., None]) -> None:
    names("innocent.host", [LOOPBACK])
    names("also.innocent.host", ["192.0.2.1"], [LOOPBACK])
    with serve(giving(der)) as server:
        own = f"http://innocent.host:{server.port}/"
        assert fetch_certificates([own], "192.0.2.1", LIMITS) == ()
        assert server.connections == 0
        assert fetch_certificates([own], LOOPBACK, LIMITS) == (der,)
        assert b"Host: innocent.host:" in server.requests[0]


def test_a_name_that_changes_its_address_does_not_get_past(
    der: bytes, names: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name resolves to a public address first and to the loopback ever after: only the checked one is used."""
    connected: list[str] = []

    def connect(_self: Any, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("pse_preflight.endpoint.connection.TimedSocket.connect", connect)
    names("rebinding.host", ["8.8.8.8"], [LOOPBACK])
    assert der
    assert fetch_certificates(["http://rebinding.host/"], "192.0.2.1", LIMITS) == ()
    assert connected == ["8.8.8.8"]


def test_inner_addresses_among_public_ones_are_left_out(
    names: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    def connect(_self: Any, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("pse_preflight.endpoint.connection.TimedSocket.connect", connect)
    names("mixed.host", ["10.0.0.1", "8.8.8.8", "127.0.0.1"])
    fetch_certificates(["http://mixed.host/"], "192.0.2.1", LIMITS)
    assert connected == ["8.8.8.8"]


def test_where_no_address_is_known_none_is_the_systems_own(der: bytes, names: Callable[..., None]) -> None:
    names("inside.host", [LOOPBACK])
    with serve(giving(der)) as server:
        address = f"http://inside.host:{server.port}/"
        assert fetch_certificates([address], None, LIMITS) == ()
        assert server.connections == 0


@pytest.mark.parametrize("later", [[LOOPBACK], ["192.0.2.7", LOOPBACK], ["10.0.0.9"]], ids=str)
def test_what_the_systems_name_resolves_to_later_is_not_its_own(
    der: bytes, names: Callable[..., None], later: list[str]
) -> None:
    """Whoever answers for the name may lead it into the network of the client once TLS was spoken elsewhere."""
    names("system.host", later)
    with serve(giving(der)) as server:
        assert fetch_certificates([f"http://system.host:{server.port}/"], "192.0.2.1", SHORT) == ()
        assert server.connections == 0


def test_through_a_proxy_tls_is_spoken_with_no_address_that_is_known() -> None:
    seen = Endpoint(host="a.host", port=443, proxy=None, asked_at=START, address=LOOPBACK)
    assert seen.spoken_with == LOOPBACK
    assert replace(seen, proxy="http://proxy:3128").spoken_with is None


@pytest.mark.parametrize(
    ("ip", "port", "is_public"),
    [
        ("8.8.8.8", 80, True),
        ("8.8.8.8", 443, True),
        ("8.8.8.8", 8080, False),
        ("8.8.8.8", 22, False),
        ("2606:4700::1111", 80, True),
        ("127.0.0.1", 80, False),
        ("10.1.2.3", 80, False),
        ("172.16.0.1", 80, False),
        ("192.168.0.1", 80, False),
        ("169.254.169.254", 80, False),
        ("100.64.0.1", 80, False),
        ("240.0.0.1", 80, False),
        ("224.0.0.1", 80, False),
        ("255.255.255.255", 80, False),
        ("::1", 80, False),
        ("::", 80, False),
        ("fe80::1", 80, False),
        ("fd00::1", 80, False),
        ("ff0e::1", 80, False),
        ("::ffff:127.0.0.1", 80, False),
        ("::ffff:10.0.0.1", 80, False),
        ("2002:7f00:1::", 80, False),
        ("2002:a00:1::1", 80, False),
        ("2001:0:7f00:1::", 80, False),
        ("64:ff9b::7f00:1", 80, False),
        ("64:ff9b::a9fe:a9fe", 80, False),
        ("64:ff9b::808:808", 80, True),
    ],
)
def test_public_addresses(ip: str, port: int, *, is_public: bool) -> None:
    family = {4: socket.AF_INET, 6: socket.AF_INET6}[ipaddress.ip_address(ip).version]
    assert _is_public(Address(family, (ip, port)), port) is is_public


def test_a_proxy_is_never_used(der: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(giving(b"")) as proxy, serve(giving(der)) as server:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}:{proxy.port}")
        address = f"http://{LOOPBACK}:{server.port}/"
        assert fetch_certificates([address], OWN, LIMITS) == (der,)
        assert proxy.connections == 0
