"""One pass over a system: name, port, TLS, presented chain, HTTP answer, Date."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pse_preflight.checklist import Code
from pse_preflight.endpoint.answer import date_offset, read_answer
from pse_preflight.endpoint.connection import Deadline
from pse_preflight.endpoint.model import Endpoint, Failure, KeyKind, Limits, StageFailed, Target
from pse_preflight.endpoint.opening import Route
from pse_preflight.endpoint.probe import proxy_speaks_tls, speaks_plain_http
from pse_preflight.endpoint.tls import TLS_1_2, TLS_1_3, TlsStream, looking_context, wants_client_certificate
from pse_preflight.landscape.url import authority

Clock = Callable[[], datetime]

TLS_1_2_NAME = "TLSv1.2"
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
    way = Route(target, limits, Deadline.after(limits.whole), only=address)
    first = _look(way, clock, TLS_1_2, key_kind)
    if first.failure is None:
        return replace(first, tls_12=True)
    if first.failure.closed and proxy_speaks_tls(way):
        return replace(first, failure=Failure(Code.PROXY_ANSWERS_ITSELF, speaks_tls=True))
    if key_kind is KeyKind.ANY and _may_be_a_matter_of_versions(first.failure):
        newer = _look(way, clock, TLS_1_3, key_kind)
        if newer.failure is None:
            # A connection may be cut by chance. Only an alert says that it was for the version.
            again = _look(way, clock, TLS_1_2, key_kind) if _heard_nothing(first.failure) else first
            return replace(newer, tls_12=False) if again.failure else replace(again, tls_12=True)
    if target.speaks_http and _heard_nothing(first.failure) and speaks_plain_http(way):
        return replace(first, failure=Failure(Code.NOT_TLS, first_bytes="HTTP/"))
    return first


def _may_be_a_matter_of_versions(failure: Failure) -> bool:
    if failure.code != Code.TLS_HANDSHAKE_FAILED or failure.hello_version:
        return False
    return failure.alert in _VERSION_ALERTS or _heard_nothing(failure)


def _heard_nothing(failure: Failure) -> bool:
    return failure.code in {Code.TLS_HANDSHAKE_FAILED, Code.TLS_TIMEOUT} and not failure.heard_bytes


@dataclass(slots=True)
class _Look:
    """One connection; what it shows is kept stage by stage, so that a later failure loses nothing seen before."""

    way: Route
    context: ssl.SSLContext
    seen: Endpoint
    stream: TlsStream | None = None

    def ask(self, clock: Clock) -> None:
        """Shake hands, and send the request where HTTP is spoken; what goes wrong is kept as a failure of its stage."""
        try:
            if self.way.target.speaks_http:
                self._ask_in_http(clock)
            else:
                self._open()
        except StageFailed as error:
            self._end_with(error.failure)
        finally:
            if self.stream:
                self.stream.close()
            self._keep(addresses=tuple(each.ip for each in self.way.addresses))

    def _ask_in_http(self, clock: Clock) -> None:
        from pse_preflight.endpoint.asking import HTTP_FAILURES, ask, first_part

        host, port = self.way.target.host, self.way.target.port
        try:
            with ask(f"https://{authority(host, port)}/", host, port, self._open) as response:
                header = response.headers.get
                self._keep(date_offset_seconds=date_offset(header, clock()))
                is_page = "html" in (header("content-type") or "")
                body = first_part(response, self.way.limits.body) if is_page else b""
                self._keep(http=read_answer(response.status_code, header, list(response.headers), body))
        except StageFailed:
            raise
        except HTTP_FAILURES:
            self._keep(http_failure=self._no_answer())

    def _keep(self, **seen: Any) -> None:
        self.seen = replace(self.seen, **seen)

    def _open(self) -> TlsStream:
        """Open the connection up to the end of the handshake."""
        limits = self.way.limits
        tcp = self.way.open()
        self._keep(address=self.way.address.ip if self.way.address else None)
        self.stream = stream = TlsStream(tcp, self.context, self.way.target.host)
        stream.until(self.way.deadline.within(limits.tls))
        try:
            stream.handshake(limits)
        finally:
            presented, cut = stream.presented(limits)
            self._keep(presented=presented, presented_cut=cut, tls_version=stream.version)
        if stream.version == TLS_1_2_NAME:  # with TLS 1.3 it cannot be seen whether the server asked for one
            self._keep(wants_client_certificate=stream.flight(limits).wants_client_certificate)
        stream.until(self.way.deadline.within(limits.http))
        return stream

    def _end_with(self, failure: Failure) -> None:
        """Keep the failure; a server that only wants a client certificate has shown all that the chain's rules need."""
        if wanted := wants_client_certificate(failure):
            self._keep(http_failure=wanted, wants_client_certificate=True, tls_version=TLS_1_2_NAME)
        else:
            self._keep(failure=failure)

    def _no_answer(self) -> Failure:
        ended = self.stream.ended if self.stream else None
        # With TLS 1.3 the refusal for want of a certificate comes after the handshake.
        if ended == "alert" or (self.seen.wants_client_certificate and ended != "timeout"):
            return Failure(Code.CLIENT_CERTIFICATE_WANTED)
        return Failure(Code.HTTP_NO_ANSWER, ended=ended)


def _look(way: Route, clock: Clock, version: ssl.TLSVersion, key_kind: KeyKind) -> Endpoint:
    proxy = str(way.target.proxy) if way.target.proxy else None
    seen = Endpoint(host=way.target.host, port=way.target.port, proxy=proxy, asked_at=clock(), key_kind=key_kind)
    look = _Look(way, looking_context(version, key_kind), seen)
    look.ask(clock)
    return look.seen
