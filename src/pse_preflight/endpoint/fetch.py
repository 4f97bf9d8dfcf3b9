"""Fetching of certificates from the addresses that other certificates name (AIA caIssuers, RFC 5280 section 4.2.2.1).

The addresses come from certificates that nobody has verified yet. So none of them may make this machine talk to its own
network: what counts is the IP address that the connection is made to, judged after the name was resolved.
"""

import contextlib
import http.client
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pse_preflight.certificate import CertificateUnreadable
from pse_preflight.certificate_file import read_certificates
from pse_preflight.endpoint.connection import Address, Deadline, connect, resolve
from pse_preflight.endpoint.model import Limits, StageFailed
from pse_preflight.endpoint.tunnel import USER_AGENT
from pse_preflight.landscape.url import authority

_PUBLIC_PORTS = frozenset({80, 443})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OK = 200
_PATH = re.compile(r"[!-~]+")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a certificate is said to be."""

    host: str
    port: int
    path: str


def fetch_certificates(addresses: Sequence[str], own: str | None, limits: Limits) -> tuple[bytes, ...]:
    """Fetch DER certificates; what cannot or must not be fetched gives nothing.

    Only the first two addresses are asked (`limits.fetches`): plain http, directly, without following redirects;
    hosts with a public address on port 80 or 443, or the system's own address on any port.

    Args:
        own: the address that TLS was spoken with; None where a proxy led there. What the system's name resolves to
            besides may be anybody's.
    """
    deadline = Deadline.after(limits.whole)
    places = [place for each in addresses[: limits.fetches] if (place := _read_address(each))]
    found: list[bytes] = []
    for place in places:
        with contextlib.suppress(StageFailed, OSError, http.client.HTTPException, CertificateUnreadable):
            # RFC 5280 allows DER and PKCS#7; PEM is seen in practice.
            found += [each.der for each in read_certificates(_fetch(place, own, limits, deadline)).certificates]
    return tuple(dict.fromkeys(found))[: limits.certificates]


def _read_address(text: str) -> _Place | None:
    try:
        parts = urlsplit(text)
        port = parts.port or http.client.HTTP_PORT
    except ValueError:
        return None
    path = parts.path or "/"
    path += f"?{parts.query}" if parts.query else ""
    if parts.scheme != "http" or not parts.hostname or parts.username is not None or not _PATH.fullmatch(path):
        return None
    return _Place(parts.hostname, port, path)


def _fetch(place: _Place, own: str | None, limits: Limits, deadline: Deadline) -> bytes:
    resolved = resolve(place.host, place.port, limits, deadline)
    allowed = [each for each in resolved if each.ip == own or _is_public(each, place.port)]
    if not allowed:
        return b""
    sock, _address = connect(allowed, limits, deadline)
    with contextlib.closing(http.client.HTTPConnection(place.host, place.port)) as connection:
        connection.sock = sock
        sock.deadline = deadline.within(limits.http)
        host = place.host if place.port == http.client.HTTP_PORT else authority(place.host, place.port)
        headers = {"Host": host, "User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
        connection.request("GET", place.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(limits.fetch_bytes + 1) if answer.status == _OK else b""
    return body if len(body) <= limits.fetch_bytes else b""


def _is_public(address: Address, port: int) -> bool:
    return port in _PUBLIC_PORTS and all(
        each.is_global and not each.is_multicast for each in _meant(ipaddress.ip_address(address.ip))
    )


def _meant(address: IpAddress) -> Iterable[IpAddress]:
    """Return an address and the IPv4 address that hides in it, for a gateway may lead there.

    Mapped and Teredo addresses need no such care: the library does not call them global, or judges what hides in them.
    """
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour:
            yield address.sixtofour
        if address in _NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
