"""What is wrong with a server, its chain or the way to it, and what somebody there does about it."""

import base64
import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.certificate import now
from pse_preflight.checklist import Code
from pse_preflight.demo.authority import Identity, root_authority
from tests.kit.faulty_chains import KINDS, LOOPBACK, built, shapes
from tests.kit.mending import HOST, Done, Fix, Fixes, Place, both, right_server, say
from tests.kit.servers import (
    Connection,
    Talk,
    add_identity,
    answering,
    answering_like_abap,
    closes_without_goodbye,
    http_answer,
    only_tls_1_3,
    over_tls,
    replying,
    resets_after_hello,
    sends_flight,
    serve,
    server_context,
    silent,
    speaks_plain_http,
    tunnelling,
    unanswered_port,
    wanting_a_certificate,
)

PLAIN_HOST, API_HOST = "my401122.s4hana.cloud.sap", "my401122-api.s4hana.cloud.sap"
"""The host for people and the host for programs of one system."""
UNREACHABLE = "255.255.255.255"
"""No TCP connection leads to everybody."""
NOWHERE = "erp.company.test"
"""A name that only this machine's own file of hosts may know (RFC 6761)."""


def lead_through_a_proxy(place: Place, host: str, port: int = 443) -> None:
    """Name a host that only a proxy of this machine leads to, whatever it is."""
    proxy = place.stack.enter_context(serve(tunnelling(place.server)))
    named = place.issuing.issue_server([host, PLAIN_HOST, API_HOST], now() - timedelta(days=40), 190)
    place.show(named)
    place.lead_to(port, host)
    place.keys["proxy"] = f"http://127.0.0.1:{proxy.port}"


def _through_a_proxy(host: str) -> Done:
    return lambda place: lead_through_a_proxy(place, host)


def _talks(talk: Talk) -> Done:
    """Let the server show its good chain and then talk so."""
    return lambda place: place.show(place.good, talk=talk)


def _speaks(talk: Talk) -> Done:
    return lambda place: place.speak(talk)


def _catalogue(name: str) -> Done:
    """Let the server show a chain with this one fault, below a root that the PSE holds beside the company's."""

    def spoil(place: Place) -> None:
        (kind,) = (each for each in KINDS if str(each) == name)
        keys, intermediates = next(shapes(kind))
        chain = built((kind,), now(), keys, intermediates, LOOPBACK)
        place.trust(*chain.roots)
        place.hold(place.path[2], place.path[1], *chain.roots)
        assert isinstance(chain.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        place.show(Identity(place.good.certificate, chain.key), chain.presented)

    return spoil


def _sent(choose: Callable[[Identity], list[bytes]]) -> Done:
    return lambda place: place.show(place.good, choose(place.good))


def _upgrade_ends_in(answer: bytes) -> Done:
    """Let the server be like SAP's but for a WebSocket."""
    like_abap = answering_like_abap()

    def talk(connection: Connection) -> None:
        first = connection.sock.recv(4096)
        if b"websocket" in first:
            connection.send(answer)
        else:
            like_abap(replace_first(connection, first))

    return _talks(talk)


def replace_first(connection: Connection, first: bytes) -> Connection:
    """Return a connection on which what was already read comes again."""

    class _Again:
        def __init__(self) -> None:
            self._left = first

        def recv(self, size: int) -> bytes:
            left, self._left = self._left, b""
            return left or connection.sock.recv(size)

        def __getattr__(self, name: str) -> object:
            return getattr(connection.sock, name)

    return replace(connection, sock=_Again())  # type: ignore[arg-type]


def _speaks_in_turn(place: Place, talks: Iterator[Talk]) -> None:
    def talk(connection: Connection) -> None:
        next(talks)(connection)

    place.speak(talk)


def _busy_once(place: Place) -> None:
    """Let the first question of each run meet a system in maintenance."""
    busy = over_tls(server_context(place.good), replying("503 Service Unavailable"))
    good = over_tls(server_context(place.good), answering_like_abap())
    _speaks_in_turn(place, itertools.chain([busy], itertools.repeat(good)))


def _another_chain_at_the_second_look(place: Place) -> None:
    """Let every second connection show the chain of a root that nobody trusts."""
    alien = root_authority("Alien Root", now() - timedelta(days=9), 900).issue_server([HOST], now(), 90)
    talks = [over_tls(server_context(each), answering_like_abap()) for each in (place.good, alien)]
    _speaks_in_turn(place, itertools.cycle(talks))


def _two_issuers(place: Place) -> None:
    other = place.root.issue_authority("Company Issuing for RSA", now() - timedelta(days=10), 3000)
    key = rsa.generate_private_key(65537, 2048)
    second = other.issue_server([HOST], now() - timedelta(days=1), 200, key=key)
    place.show(place.good, change=lambda context: add_identity(context, second))
    place.options[:] = ["--thorough", "--fail-on=minor", "-k", "handshake"]


def _wants_login(place: Place) -> None:
    """Let a proxy lead on only whoever gives its login."""
    tunnel = tunnelling(place.server)
    expected = b"Basic " + base64.b64encode(b"me:secret")

    def talk(connection: Connection) -> None:
        head = connection.sock.recv(4096)
        if expected in head:
            tunnel(replace_first(connection, head))
        else:
            connection.send(http_answer("407 Login", "Proxy-Authenticate: Basic realm=x"))

    proxy = place.stack.enter_context(serve(talk))
    place.keys["proxy"] = f"http://127.0.0.1:{proxy.port}"


def _gives_login(place: Place) -> None:
    place.keys["proxy"] = place.keys["proxy"].replace("http://", "http://me:secret@")


def _wrong_port_of_the_proxy(place: Place) -> None:
    mail = place.stack.enter_context(serve(answering(b"220 mail.example.com ESMTP\r\n")))
    place.keys["proxy"] = f"http://127.0.0.1:{mail.port}"


def _through_the_right_proxy(place: Place) -> None:
    proxy = place.stack.enter_context(serve(tunnelling(place.server)))
    place.keys["proxy"] = f"http://127.0.0.1:{proxy.port}"


def _unanswered(place: Place) -> None:
    place.lead_to(place.stack.enter_context(unanswered_port()))


def _shown_as(host: str) -> Done:
    """Let the server be the one of that name, wherever it is looked for."""
    return lambda place: place.show(place.issuing.issue_server([host], now() - timedelta(days=40), 190))


@cache
def has_files_of_its_own() -> bool:
    """Tell whether a process can be given files of this machine's that are its own (Linux, user namespaces)."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, timeout=60, check=False).returncode == 0


def _names(place: Place, *known: str, dns: str = "") -> None:
    """Start the run where the file of hosts knows these names, and a DNS, if there is one, does not answer."""
    contents = {
        "resolv.conf": "nameserver 127.0.0.77\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": f"hosts: files {dns}\n",
        "hosts": f"127.0.0.1 localhost {' '.join(known)}\n",
    }
    lines = ["#!/bin/sh -e"]
    for name, content in contents.items():
        (place.folder / name).write_text(content, encoding="ascii")
        lines.append(f"mount --bind {place.folder / name} /etc/{name}")
    script = place.folder / "within"
    script.write_text("\n".join([*lines, 'exec "$@"', ""]), encoding="ascii")
    script.chmod(0o755)
    place.within[:] = ["unshare", "-rm", str(script)]


def _entered(place: Place) -> None:
    """Enter the name where this machine looks for it."""
    _names(place, NOWHERE)


def _nowhere(dns: str) -> Done:
    """Name a host that nothing here knows."""

    def spoil(place: Place) -> None:
        place.show(place.issuing.issue_server([NOWHERE, HOST], now() - timedelta(days=40), 190))
        place.lead_to(place.port, NOWHERE)
        _names(place, dns=dns)

    return spoil


def _long_ago(place: Place) -> None:
    """Let the two clocks differ by years; which of them is wrong makes no difference to the check."""
    place.show(place.good, talk=answering_like_abap(lambda: datetime(2020, 1, 1, tzinfo=UTC)))


def _nearly_ended(place: Place) -> None:
    place.show(place.issuing.issue_server([HOST], now() - timedelta(days=80), 100))


FIXES: Fixes = {
    # the URL of a system in SAP's cloud, which a proxy of this machine stands in for
    (Code.URL_UI_HOST, ""): Fix(_through_a_proxy(PLAIN_HOST), _through_a_proxy(API_HOST)),
    (Code.URL_PLACEHOLDER, ""): Fix(
        _through_a_proxy("my123456-api.s4hana.cloud.sap"), _through_a_proxy(API_HOST), is_red=False
    ),
    (Code.URL_UNUSUAL, "a path"): Fix(
        both(_through_a_proxy(API_HOST), lambda place: place.keys.update(url=f"{place.keys['url']}/sap/bc/rfc")),
        _through_a_proxy(API_HOST),
        is_red=False,
    ),
    # the network
    (Code.HOST_UNKNOWN, "the name"): Fix(_nowhere(""), right_server),
    (Code.HOST_UNKNOWN, "an entry"): Fix(_nowhere(""), _entered),
    (Code.HOST_UNKNOWN, "a proxy"): Fix(_nowhere(""), _through_the_right_proxy),
    (Code.DNS_TIMEOUT, ""): Fix(_nowhere("dns"), _entered),
    (Code.PORT_TIMEOUT, "a proxy"): Fix(_unanswered, _through_the_right_proxy),
    (Code.PORT_UNREACHABLE, "a proxy"): Fix(
        both(_shown_as(UNREACHABLE), lambda place: place.lead_to(443, UNREACHABLE)), _through_the_right_proxy
    ),
    (Code.PROXY_REFUSED, "it lets us through"): Fix(
        lambda place: place.keys.update(
            proxy=f"http://127.0.0.1:{place.stack.enter_context(serve(replying('403 Forbidden'))).port}"
        ),
        _through_the_right_proxy,
    ),
    (Code.PROXY_WANTS_LOGIN, ""): Fix(_wants_login, _gives_login),
    (Code.PROXY_ANSWERS_ITSELF, ""): Fix(_wrong_port_of_the_proxy, _through_the_right_proxy),
    (Code.TLS_HANDSHAKE_FAILED, ""): Fix(_speaks(resets_after_hello), right_server),
    (Code.TLS_TIMEOUT, ""): Fix(_speaks(silent), right_server),
    (Code.NOT_TLS, "the server"): Fix(_speaks(speaks_plain_http), right_server),
    (Code.WSRFC_BLOCKED, ""): Fix(_upgrade_ends_in(http_answer("400 Bad Request")), right_server, is_red=False),
    (Code.ASKED_AGAIN, ""): Fix(both(_busy_once, say("--retry=30")), right_server, is_red=False),
    # the server
    (Code.HTTP_NO_ANSWER, ""): Fix(_talks(closes_without_goodbye), right_server),
    (Code.HTTP_LOGIN_PAGE, ""): Fix(
        _talks(replying("302 Found", "Location: https://tenant.accounts.ondemand.com/saml2")),
        right_server,
        is_red=False,
    ),
    (Code.HTTP_TOO_MANY_REQUESTS, ""): Fix(_talks(replying("429 Too Many Requests")), right_server, is_red=False),
    (Code.CLIENT_CERTIFICATE_WANTED, ""): Fix(
        lambda place: place.show(place.good, change=wanting_a_certificate(lambda _context: None, place.root)),
        right_server,
    ),
    (Code.CLOCK_SKEW, ""): Fix(_long_ago, right_server),
    (Code.TLS_TOO_OLD, ""): Fix(_speaks(sends_flight(b"x", version=0x0302)), right_server),
    (Code.TLS_13_ONLY, ""): Fix(lambda place: place.show(place.good, change=only_tls_1_3), right_server),
    (Code.ADDRESSES_DIFFER, ""): Fix(_two_issuers, lambda place: place.show(place.good)),
    (Code.WSRFC_NO_UPGRADE, ""): Fix(_upgrade_ends_in(http_answer("404 Not Found")), right_server, is_red=False),
    (Code.HANDSHAKE_REFUSED, ""): Fix(_another_chain_at_the_second_look, right_server),
    # its chain
    (Code.SERVER_SENDS_WRONG_INTERMEDIATE, ""): Fix(_catalogue("another-issuing-authority-of-the-root"), right_server),
    (Code.CHAIN_HAS_EXTRAS, ""): Fix(
        _sent(lambda good: [each.public_bytes(Encoding.DER) for each in (*good.chain, good.chain[1])]),
        right_server,
        is_red=False,
    ),
    (Code.CHAIN_OUT_OF_ORDER, ""): Fix(_catalogue("shuffled"), right_server, is_red=False),
    (Code.SIGNATURE_WRONG, "changed"): Fix(_catalogue("signature-changed-leaf"), right_server),
    (Code.SIGNATURE_WRONG, "another key"): Fix(_catalogue("signed-by-another-key-issuing"), right_server),
    (Code.CA_CONSTRAINT_BROKEN, "no authority"): Fix(_catalogue("no-authority-issuing"), right_server),
    (Code.CA_CONSTRAINT_BROKEN, "the path is too long"): Fix(
        _catalogue("root-allows-no-intermediate-root"), right_server
    ),
    (Code.CONSTRAINT_NOT_JUDGED, ""): Fix(_catalogue("directory-name-permitted-issuing"), right_server),
    (Code.CERTIFICATE_IRREGULAR, ""): Fix(_catalogue("serial-number-negative-leaf"), right_server),
    (Code.CERTIFICATE_UNREADABLE, ""): Fix(_speaks(sends_flight(b"no certificate")), right_server),
    (Code.KEY_IDENTIFIERS_DIFFER, ""): Fix(_catalogue("authority-key-of-another-leaf"), right_server),
    (Code.NAME_FORM_DIFFERS, ""): Fix(_catalogue("issuer-in-capitals-leaf"), right_server),
    (Code.RENEWAL_DUE, ""): Fix(_nearly_ended, right_server, is_red=False),
}
"""Every fix of somebody at the server, at its authority, or at the network."""
