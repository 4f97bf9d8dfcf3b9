"""TLS over a socket, with every byte of the server's side of the handshake kept for reading."""

import contextlib
import functools
import io
import ssl
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pse_preflight.checklist import Code
from pse_preflight.endpoint.connection import Deadline, TimedSocket
from pse_preflight.endpoint.model import Failure, KeyKind, Limits, StageFailed
from pse_preflight.endpoint.records import ServerFlight, read_flight, shown, starts_like_tls, within_limits

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

_PIECE = 16 * 1024
_MOST_KEPT = 256 * 1024
# Weak chains are to be seen, not refused: the lowest level of security. How strong a chain is has its own check.
_CIPHERS = {
    KeyKind.ANY: "DEFAULT:@SECLEVEL=0",
    KeyKind.RSA: "DEFAULT:!aECDSA:!aDSS:@SECLEVEL=0",
    KeyKind.ECDSA: "DEFAULT:!aRSA:!aDSS:@SECLEVEL=0",
}
_Result = TypeVar("_Result")


def _chain_of(tls: ssl.SSLObject) -> list[bytes] | None:
    """Return the presented chain as DER, or None where the library has read none."""
    if sys.version_info >= (3, 13):
        return tls.get_unverified_chain() or None
    # Before 3.13 only the inner object knows the chain, as certificates of the library's own.
    inner: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
    encoding_der = 2
    return [each.public_bytes(encoding_der) for each in inner.get_unverified_chain() or ()] or None


@functools.cache
def looking_context(version: ssl.TLSVersion, key_kind: KeyKind = KeyKind.ANY) -> ssl.SSLContext:
    """Return the context of a client that only looks: it verifies nothing, and nothing secret is ever sent by it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(_CIPHERS[key_kind])
    return _for_http(context)


def trusting_context(anchors: Sequence[bytes], *, partial: bool = True) -> ssl.SSLContext:
    """Return the context of a client that trusts the given DER certificates and nothing else.

    Args:
        partial: each of them anchors a chain; else the self-signed ones do, and the others only help to get there.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = TLS_1_2
    context.hostname_checks_common_name = False
    if partial:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_ciphers(_CIPHERS[KeyKind.ANY])
    for anchor in anchors:
        # What the library cannot read cannot anchor anything; the other anchors still count.
        with contextlib.suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=anchor)
    return _for_http(context)


def _for_http(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_TICKET  # a resumed session would hide the chain
    return context


def wants_client_certificate(failure: Failure) -> Failure | None:
    """Return the failure under its true name where the server only broke off for want of a client certificate."""
    if not failure.wants_client_certificate or failure.ended not in {"alert", "reset", "closed"}:
        return None
    return Failure(Code.CLIENT_CERTIFICATE_WANTED, alert=failure.alert)


class TlsStream(io.RawIOBase):
    """The client's side of one TLS connection, readable as a file; takes the socket over.

    Attributes:
        ended: how the peer ended the connection, where it did: "alert", "reset", "closed" or "timeout".
    """

    def __init__(self, tcp: TimedSocket, context: ssl.SSLContext, host: str) -> None:
        super().__init__()
        self._tcp = tcp
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._kept = bytearray()
        self._in_handshake = True
        self._answers = 0
        self.ended: str | None = None

    @property
    def version(self) -> str | None:
        """Return the protocol version once it is agreed, such as `TLSv1.2`."""
        return self._tls.version()

    def until(self, deadline: Deadline) -> None:
        """Set the moment after which nothing waits any more."""
        self._tcp.deadline = deadline

    def has_proof(self, limits: Limits) -> bool:
        """Tell whether a handshake that did not end has come as far as the chain verified and the key proven.

        With TLS 1.2 that is so once this side has answered the server's signed key exchange, which it does only after
        the chain and the signature are accepted (RFC 5246, 7.4.2 and 7.4.3). With any other key exchange, and with
        TLS 1.3, only the end of the handshake proves the key.
        """
        return self._answers > 1 and self.flight(limits).signs

    def flight(self, limits: Limits) -> ServerFlight:
        """Read what the server has sent in the clear."""
        return read_flight(bytes(self._kept), limits.certificates, limits.chain_bytes)

    def presented(self, limits: Limits) -> tuple[tuple[bytes, ...], bool]:
        """Return the presented chain within the limits, and whether it was cut; also after a failed handshake."""
        chain = _chain_of(self._tls)
        if chain is None:
            flight = self.flight(limits)  # a certificate that the library refuses can still be shown
            return flight.certificates, flight.cut
        kept = within_limits(chain, limits.certificates, limits.chain_bytes)
        return kept, len(kept) < len(chain)

    def handshake(self, limits: Limits) -> None:
        """Make the handshake.

        Raises:
            StageFailed: NOT_TLS, TLS_TIMEOUT, TLS_TOO_OLD or TLS_HANDSHAKE_FAILED.
            ssl.SSLCertVerificationError: where the context verifies and the chain is not accepted.
        """
        try:
            self._drive(self._tls.do_handshake)
        except ssl.SSLCertVerificationError:
            raise
        except TimeoutError as error:
            raise StageFailed(Code.TLS_TIMEOUT, seconds=limits.tls, heard_bytes=len(self._kept)) from error
        except OSError as error:
            raise self._failed(limits) from error
        self._in_handshake = False

    def _failed(self, limits: Limits) -> StageFailed:
        if self._kept and not starts_like_tls(self._kept):
            return StageFailed(Code.NOT_TLS, first_bytes=shown(self._kept))
        flight = self.flight(limits)
        if flight.is_too_old:
            return StageFailed(Code.TLS_TOO_OLD, hello_version=flight.hello_version)
        return StageFailed(
            Code.TLS_HANDSHAKE_FAILED,
            alert=flight.alert,
            ended="alert" if flight.alert is not None else self.ended,
            heard_bytes=len(self._kept),
            hello_version=flight.hello_version,
            wants_client_certificate=flight.wants_client_certificate,
        )

    def readable(self) -> bool:
        """Say that this file can be read."""
        return True

    def receive(self, most: int) -> bytes:
        """Return what has arrived; nothing at the end, with or without a goodbye."""
        try:
            data = self._drive(lambda: self._tls.read(most))
        except ssl.SSLError:
            if self.ended != "closed":
                self.ended = "alert"
                raise
            data = b""
        self.ended = self.ended if data else "closed"
        return data

    def readinto(self, buffer: Any) -> int:
        """Read what has arrived into a buffer, as a file does."""
        data = self.receive(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send; that the peer has gone shows when its answer is read."""
        rest = memoryview(data)
        while rest:
            written = self._drive(functools.partial(self._tls.write, rest))
            rest = rest[written:]

    def close(self) -> None:
        """Say goodbye as far as that needs no waiting, and close the connection."""
        if not self.closed:
            with contextlib.suppress(ssl.SSLError, OSError):
                self._tls.unwrap()
            with contextlib.suppress(OSError):
                self._flush()
            self._tcp.close()
        super().close()

    def _drive(self, step: Callable[[], _Result]) -> _Result:
        """Repeat one step of the TLS machine, carrying bytes to and from the socket, until it is done."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._answers += bool(self._outgoing.pending)
                self._flush()
                self._feed()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()  # our alert, so that the server's log tells the same story
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        """Send what the TLS machine has written."""
        data = self._outgoing.read()
        if data:
            # A peer that has gone may have said why before; that is read next.
            with contextlib.suppress(ConnectionError):
                self._tcp.sendall(data)

    def _feed(self) -> None:
        """Give the TLS machine what the peer sends next."""
        try:
            data = self._tcp.recv(_PIECE)
        except TimeoutError:
            self.ended = "timeout"
            raise
        except OSError:
            self.ended = "reset"
            raise
        if not data:
            self.ended = "closed"
            self._incoming.write_eof()
        elif self._in_handshake:
            self._keep(data)
        self._incoming.write(data)

    def _keep(self, data: bytes) -> None:
        if len(self._kept) < _MOST_KEPT:
            self._kept += data
        if not starts_like_tls(self._kept):
            raise ConnectionAbortedError
