"""A live TLS handshake that trusts the given certificates alone, and the WebSocket upgrade over it."""

import base64
import contextlib
import hashlib
import io
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from pse_preflight.endpoint.answer import read_answer
from pse_preflight.endpoint.connection import Deadline
from pse_preflight.endpoint.head import HeadUnreadable, HttpHead, read_head
from pse_preflight.endpoint.model import (
    HttpAnswer,
    Limits,
    LiveHandshake,
    StageFailed,
    Target,
    WebSocketAnswer,
    WebSocketReading,
)
from pse_preflight.endpoint.opening import Route
from pse_preflight.endpoint.tls import TlsStream, trusting_context, wants_client_certificate
from pse_preflight.endpoint.tunnel import USER_AGENT
from pse_preflight.landscape.url import HTTPS_PORT, authority

_PROTOCOL = "rfc.sap.com"
_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_NORMAL_CLOSURE = (1000).to_bytes(2)
_BY_STATUS = {
    403: WebSocketReading.FORBIDDEN,
    404: WebSocketReading.NOT_FOUND,
    400: WebSocketReading.STRIPPED,
    426: WebSocketReading.STRIPPED,
    200: WebSocketReading.STRIPPED,
    407: WebSocketReading.PROXY_LOGIN,
    429: WebSocketReading.RATE_LIMITED,
}
_SWITCHING, _UNAUTHORIZED, _OK, _SERVER_ERRORS = 101, 401, 200, 500


def handshake(
    target: Target,
    anchors: Sequence[bytes],
    limits: Limits,
    clock: Callable[[], datetime],
    *,
    websocket: bool,
    address: str | None = None,
    partial: bool = True,
) -> LiveHandshake:
    """Connect as a client that trusts the anchors and nothing else; then ask for a WebSocket, without a login.

    Args:
        anchors: DER certificates.
        websocket: whether to ask for the upgrade.
        address: the address that an earlier connection went to, so that both meet the same server.
        partial: each of the anchors may anchor a chain, whether it is a root or not; else the roots among them.
    """
    way = Route(target, limits, Deadline.after(limits.whole), only=None if target.proxy else address)
    seen = LiveHandshake(host=target.host, port=target.port, asked_at=clock(), succeeded=False)
    try:
        stream = TlsStream(way.open(), trusting_context(anchors, partial=partial), target.host)
    except StageFailed as error:
        return replace(seen, failure=error.failure)
    with contextlib.closing(stream):
        seen = _shake_hands(stream, way, seen)
        if seen.succeeded and websocket:
            stream.until(way.deadline.within(limits.http))
            seen = replace(seen, websocket=_upgrade(stream, target, limits))
    return seen


def _shake_hands(stream: TlsStream, way: Route, seen: LiveHandshake) -> LiveHandshake:
    stream.until(way.deadline.within(way.limits.tls))
    try:
        stream.handshake(way.limits)
    except ssl.SSLCertVerificationError as error:
        return replace(seen, accepted=False, verify_code=error.verify_code)
    except StageFailed as error:
        wanted = wants_client_certificate(error.failure) if stream.has_proof(way.limits) else None
        return replace(seen, accepted=True if wanted else None, failure=wanted or error.failure)
    return replace(seen, succeeded=True, accepted=True, tls_version=stream.version)


def _upgrade(stream: TlsStream, target: Target, limits: Limits) -> WebSocketAnswer:
    key = base64.b64encode(secrets.token_bytes(16)).decode("ascii")
    try:
        stream.sendall(_upgrade_request(target, key))
        answer = io.BufferedReader(stream, limits.body)  # a whole record of TLS and more
        head = read_head(lambda: answer.read(1), limits.body)
    except (OSError, HeadUnreadable):
        return WebSocketAnswer(WebSocketReading.NO_ANSWER, ended=stream.ended)
    http = read_answer(head.status, head.first, [name for name, _ in head.headers], _page(answer, head, limits.body))
    protocol = head.first("sec-websocket-protocol") or None
    if head.status == _SWITCHING:
        with contextlib.suppress(OSError):
            stream.sendall(_close_frame())
        return WebSocketAnswer(_read_switch(head, key, protocol), http, protocol)
    return WebSocketAnswer(_read_refusal(http), http)


def _upgrade_request(target: Target, key: str) -> bytes:
    """Return the request of reference "Trust ...", section 8; the logon would follow inside the RFC protocol."""
    host = target.host if target.port == HTTPS_PORT else authority(target.host, target.port)
    lines = (
        "GET /sap/bc/rfc?sap-apc-stateful=true HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {USER_AGENT}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {_PROTOCOL}",
    )
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _page(answer: "io.BufferedReader[TlsStream]", head: HttpHead, most: int) -> bytes:
    """Return the first part of an HTML page, to see whether it is a logon page."""
    if head.status != _OK or "html" not in head.first("content-type"):
        return b""
    length = head.first("content-length")
    wanted = min(int(length[:9]), most) if length.isdecimal() else 1
    body = b""
    with contextlib.suppress(OSError):
        while len(body) < wanted and (piece := answer.read1(most)):
            body += piece
    return body


def _close_frame() -> bytes:
    """Return a masked close frame with code 1000 (RFC 6455, sections 5.5.1 and 7.4.1)."""
    mask = secrets.token_bytes(4)
    masked = bytes(byte ^ key for byte, key in zip(_NORMAL_CLOSURE, mask, strict=False))
    return bytes([0x88, 0x80 | len(masked)]) + mask + masked


def _read_switch(head: HttpHead, key: str, protocol: str | None) -> WebSocketReading:
    digest = hashlib.sha1(key.encode("ascii") + _ACCEPT_SUFFIX, usedforsecurity=False).digest()
    if head.first("sec-websocket-accept") != base64.b64encode(digest).decode("ascii"):
        return WebSocketReading.WRONG_ACCEPT
    return WebSocketReading.SPEAKS_RFC if protocol == _PROTOCOL else WebSocketReading.OTHER_PROTOCOL


def _read_refusal(http: HttpAnswer) -> WebSocketReading:
    if http.looks_like_login_page:
        return WebSocketReading.LOGIN_PAGE
    if http.status == _UNAUTHORIZED:
        return WebSocketReading.WANTS_LOGIN if http.is_sap else WebSocketReading.LOGIN_UNKNOWN
    if http.status >= _SERVER_ERRORS:
        return WebSocketReading.SERVER_ERROR
    return _BY_STATUS.get(http.status, WebSocketReading.OTHER_STATUS)
