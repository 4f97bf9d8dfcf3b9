"""One pass over a system: name, port, TLS, presented chain, HTTP answer, Date."""

import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pse_preflight.endpoint.answer import date_offset, read_answer
from pse_preflight.endpoint.connection import Deadline, resolve
from pse_preflight.endpoint.model import Endpoint, Failure, HttpAnswer, KeyKind, Limits, StageFailed, Target
from pse_preflight.endpoint.opening import Way
from pse_preflight.endpoint.tls import TLS_1_2, TLS_1_3, TlsStream, looking_context, wants_client_certificate
from pse_preflight.url import authority

Clock = Callable[[], datetime]

# What a server answers that does not know the versions offered; many just hang up (RFC 8446, section 6.2).
_VERSION_ALERTS = frozenset({40, 70, 71})


def observe(
    target: Target,
    limits: Limits,
    clock: Clock,
    *,
    address: str | None = None,
    key_kind: KeyKind = KeyKind.ANY,
) -> Endpoint:
    """Ask a system once, with TLS 1.2, and write down what it shows; nothing is verified and no login is sent.

    Only where that fails are further connections made, to find out why: with TLS 1.3, then in plain HTTP.

    Args:
        address: the one address to ask; None for the first that answers.
        key_kind: ask as a client that can use this kind of server key only.
    """
    way = Way(target, limits, Deadline.after(limits.whole), only=address)
    first = _look(way, clock, TLS_1_2, key_kind)
    if first.failure is None:
        return replace(first, tls_12=True)
    if first.failure.details.get("closed") and _speaks_tls_itself(way):
        return replace(first, failure=Failure("PROXY_ANSWERS_ITSELF", {"speaks_tls": True}))
    if _may_be_a_matter_of_versions(first.failure):
        second = _look(way, clock, TLS_1_3, key_kind)
        if second.failure is None:
            return replace(second, tls_12=False)
    if _heard_nothing(first.failure) and way.speaks_plain_http():
        return replace(first, failure=Failure("NOT_TLS", {"first_bytes": "HTTP/"}))
    return first


def _speaks_tls_itself(way: Way) -> bool:
    """Ask a proxy in TLS that hangs up on plain HTTP."""
    with contextlib.suppress(StageFailed, OSError):
        host, port = way.target.peer
        stream = TlsStream(Way(Target(host, port), way.limits, way.deadline).open(), looking_context(TLS_1_2), host)
        with contextlib.closing(stream):
            stream.until(way.deadline.within(way.limits.tls))
            stream.handshake(way.limits)
            return True
    return False


def _may_be_a_matter_of_versions(failure: Failure) -> bool:
    details = failure.details
    if failure.code != "TLS_HANDSHAKE_FAILED" or details.get("hello_version"):
        return False
    return details.get("alert") in _VERSION_ALERTS or _heard_nothing(failure)


def _heard_nothing(failure: Failure) -> bool:
    return failure.code in {"TLS_HANDSHAKE_FAILED", "TLS_TIMEOUT"} and not failure.details.get("heard_bytes")


@dataclass(slots=True)
class _Look:
    """One connection, filled stage by stage, so that a later failure loses nothing that was seen before."""

    way: Way
    context: ssl.SSLContext
    stream: TlsStream | None = None
    presented: tuple[bytes, ...] = ()
    presented_cut: bool = False
    tls_version: str | None = None
    wants_client_certificate: bool | None = None
    failure: Failure | None = None
    http: HttpAnswer | None = None
    http_failure: Failure | None = None
    date_offset_seconds: float | None = None

    def open(self) -> TlsStream:
        """Open the connection up to the end of the handshake."""
        limits = self.way.limits
        self.stream = stream = TlsStream(self.way.open(), self.context, self.way.target.host)
        stream.until(self.way.deadline.within(limits.tls))
        try:
            stream.handshake(limits)
        finally:
            self._keep_what_the_server_showed(stream)
        stream.until(self.way.deadline.within(limits.http))
        return stream

    def _keep_what_the_server_showed(self, stream: TlsStream) -> None:
        self.presented, self.presented_cut = stream.presented(self.way.limits)
        flight = stream.flight(self.way.limits)
        self.tls_version = stream.version or ("TLSv1.2" if flight.is_tls_1_2 and flight.alert is not None else None)
        if flight.certificates:  # with TLS 1.3 this part is encrypted
            self.wants_client_certificate = flight.wants_client_certificate

    def ask(self, clock: Clock) -> None:
        """Send the request; whatever goes wrong is kept as a failure of its stage."""
        from pse_preflight.endpoint.asking import HTTP_FAILURES, ask, first_part

        host, port = self.way.target.host, self.way.target.port
        try:
            with ask(f"https://{authority(host, port)}/", host, port, self.open) as response:
                header = response.headers.get
                self.date_offset_seconds = date_offset(header, clock())
                is_page = "html" in (header("content-type") or "")
                body = first_part(response, self.way.limits.body) if is_page else b""
                self.http = read_answer(response.status_code, header, list(response.headers), body)
        except StageFailed as error:
            self._end_with(error.failure)
        except HTTP_FAILURES:
            self.http_failure = self._no_answer()
        finally:
            if self.stream:
                self.stream.close()

    def _end_with(self, failure: Failure) -> None:
        """Keep the failure; a server that only wants a client certificate has shown all that the chain's rules need."""
        self.http_failure = wants_client_certificate(failure)
        self.failure = None if self.http_failure else failure

    def _no_answer(self) -> Failure:
        ended = self.stream.ended if self.stream else None
        # With TLS 1.3 the request for a certificate is not visible, and its refusal comes after the handshake.
        if ended == "alert" or (self.wants_client_certificate and ended != "timeout"):
            return Failure("CLIENT_CERTIFICATE_WANTED", {"alert": None})
        return Failure("HTTP_NO_ANSWER", {"ended": ended, "seconds": self.way.limits.http})


def _look(way: Way, clock: Clock, version: ssl.TLSVersion, key_kind: KeyKind) -> Endpoint:
    look = _Look(way, looking_context(version, key_kind))
    asked_at = clock()
    look.ask(clock)
    return Endpoint(
        host=way.target.host,
        port=way.target.port,
        proxy=str(way.target.proxy) if way.target.proxy else None,
        asked_at=asked_at,
        addresses=tuple(each.ip for each in way.addresses),
        address=way.address.ip if way.address else None,
        key_kind=key_kind,
        failure=look.failure,
        presented=look.presented,
        presented_cut=look.presented_cut,
        tls_version=look.tls_version,
        wants_client_certificate=look.wants_client_certificate,
        http=look.http,
        http_failure=look.http_failure,
        date_offset_seconds=look.date_offset_seconds,
    )


def observe_every(target: Target, limits: Limits, clock: Clock) -> tuple[Endpoint, ...]:
    """Ask every address of the host, as a client with RSA keys only and as one with ECDSA keys only.

    Through a proxy the addresses are the proxy's choice, so it is asked as if it were one.
    """
    deadline = Deadline.after(limits.whole)
    try:
        addresses = [None] if target.proxy else [each.ip for each in resolve(*target.peer, limits, deadline)]
    except StageFailed:
        return (observe(target, limits, clock),)
    return tuple(
        observe(target, limits.at_most(deadline.moment - time.monotonic()), clock, address=address, key_kind=kind)
        for address in addresses
        for kind in (KeyKind.RSA, KeyKind.ECDSA)
    )
