"""Reading of what a TLS server sends in the clear: RFC 5246 (TLS 1.2), RFC 8446 (TLS 1.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _CERTIFICATE_REQUEST = 2, 11, 12, 13
_MAJOR_VERSION = 3
_FIRST_BYTES = frozenset({bytes([_ALERT]), bytes([_HANDSHAKE])})
_HEADER = 5
_MESSAGE_HEADER = 4
_LENGTH = 3
_FATAL = 2
_TLS_1_2 = 0x0303


@dataclass(frozen=True, slots=True)
class ServerFlight:
    """What can be read of the server's side of a handshake before it is encrypted.

    Attributes:
        hello_version: protocol number of the ServerHello, for example 0x0302 for TLS 1.1.
        certificates: DER bytes as sent; those of an unfinished message too. None are visible with TLS 1.3.
        cut: there were more certificates than were to be kept, or the message that holds them is unfinished.
        wants_client_certificate: a CertificateRequest was among the messages.
        signs: a ServerKeyExchange was among the messages, which the server signs with its key (RFC 5246, 7.4.3).
        alert: number of the last fatal alert in the clear (RFC 8446, section 6).
    """

    hello_version: int | None = None
    certificates: tuple[bytes, ...] = ()
    cut: bool = False
    wants_client_certificate: bool = False
    signs: bool = False
    alert: int | None = None

    @property
    def is_too_old(self) -> bool:
        """Tell whether the server chose a version before TLS 1.2."""
        return self.hello_version is not None and self.hello_version < _TLS_1_2


def starts_like_tls(first: bytes | bytearray) -> bool:
    """Tell whether the first bytes can be a TLS record of a handshake or an alert."""
    return bytes(first[:1]) in _FIRST_BYTES and bytes(first[1:2]) in {b"", bytes([_MAJOR_VERSION])}


def shown(data: bytes | bytearray) -> str:
    """Return the start of a peer's bytes as text that is safe to show."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in data[:60])  # noqa: PLR2004 - ASCII


def read_flight(data: bytes, most_certificates: int, most_bytes: int) -> ServerFlight:
    """Read the server's bytes as far as they go; nothing in them is an error."""
    records = list(_records_in_the_clear(data))
    alerts = [body[1] for kind, body in records if kind == _ALERT and len(body) > 1 and body[0] == _FATAL]
    messages = list(_messages(b"".join(body for kind, body in records if kind == _HANDSHAKE)))
    certificates = [each for kind, body in messages if kind == _CERTIFICATE for each in _certificates(body)]
    hello = next((body for kind, body in messages if kind == _SERVER_HELLO), b"")
    kept = within_limits(certificates, most_certificates, most_bytes)
    return ServerFlight(
        hello_version=int.from_bytes(hello[:2]) if len(hello) > 1 and hello[0] == _MAJOR_VERSION else None,
        certificates=kept,
        cut=len(kept) < len(certificates)
        or any(
            kind == _CERTIFICATE and len(body) < _LENGTH + int.from_bytes(body[:_LENGTH]) for kind, body in messages
        ),
        wants_client_certificate=any(kind == _CERTIFICATE_REQUEST for kind, _body in messages),
        signs=any(kind == _KEY_EXCHANGE for kind, _body in messages),
        alert=alerts[-1] if alerts else None,
    )


def within_limits(chain: Iterable[bytes], most_certificates: int, most_bytes: int) -> tuple[bytes, ...]:
    """Return as many certificates from the start of a chain as the limits let through."""
    kept: list[bytes] = []
    for der in islice(chain, most_certificates):
        most_bytes -= len(der)
        if most_bytes < 0:
            break
        kept.append(der)
    return tuple(kept)


def _records_in_the_clear(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split into records up to the first that is neither handshake nor alert; the last one may be unfinished."""
    at = 0
    while len(data) - at >= _HEADER and data[at] in {_ALERT, _HANDSHAKE} and data[at + 1] == _MAJOR_VERSION:
        end = at + _HEADER + int.from_bytes(data[at + 3 : at + _HEADER])
        yield data[at], data[at + _HEADER : end]
        at = end


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(data) - at >= _MESSAGE_HEADER:
        end = at + _MESSAGE_HEADER + int.from_bytes(data[at + 1 : at + _MESSAGE_HEADER])
        yield data[at], data[at + _MESSAGE_HEADER : end]
        at = end


def _certificates(body: bytes) -> Iterator[bytes]:
    """Split the list of a Certificate message (RFC 5246, 7.4.2); lengths have three bytes, the list's comes first."""
    at = _LENGTH
    while len(body) - at > _LENGTH:
        end = at + _LENGTH + int.from_bytes(body[at : at + _LENGTH])
        if end > len(body):
            return
        yield body[at + _LENGTH : end]
        at = end
