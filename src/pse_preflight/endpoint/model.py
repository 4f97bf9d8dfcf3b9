"""What is asked of a system, and what was seen: plain data that can be recorded and replayed."""

from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pse_preflight.checklist import Code
from pse_preflight.errors import PreflightError
from pse_preflight.json_types import Der, Moment
from pse_preflight.landscape.url import Proxy

KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """A system to ask, directly or through a proxy.

    Attributes:
        speaks_http: what comes after the handshake is HTTP; else nothing is sent after it.
    """

    host: str
    port: int
    proxy: Proxy | None = None
    speaks_http: bool = True

    @property
    def peer(self) -> tuple[str, int]:
        """Return host and port that the TCP connection goes to: the proxy's where there is one."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may cost: seconds, bytes and counts.

    Attributes:
        resolve, connect, tls, http: seconds for each stage; `connect` counts again for a proxy's CONNECT.
        whole: seconds for one function of this package, whatever its stages are doing.
        chain_bytes, certificates: how much of a presented chain is kept.
        body: bytes of an HTTP answer that are read.
        fetch_bytes, fetches: size of an answer from an AIA address, and how many addresses are asked.
        addresses: how many addresses of one host are asked when every one is to be.
    """

    resolve: float = 10.0
    connect: float = 10.0
    tls: float = 15.0
    http: float = 10.0
    whole: float = 30.0
    chain_bytes: int = 100 * KIBIBYTE
    certificates: int = 100
    body: int = 64 * KIBIBYTE
    fetch_bytes: int = 1024 * KIBIBYTE
    fetches: int = 2
    addresses: int = 16

    def at_most(self, seconds: float) -> "Limits":
        """Return the same limits for what is left of a system's time."""
        return replace(self, whole=max(0.0, min(self.whole, seconds)))


class KeyKind(StrEnum):
    """Which kind of server key the client says it can use; a server may hold a chain for each."""

    ANY = "any"
    RSA = "rsa"
    ECDSA = "ecdsa"


@dataclass(frozen=True, slots=True)
class Failure:
    """The stage that ended a pass, and what was seen of it; what does not belong to its kind is empty or None.

    Attributes:
        code: a code of the checklist.
        name: the name that was looked up.
        resolver_error: the number of the resolver's error.
        seconds: how long was waited.
        addresses: the addresses that were tried, each with what it answered.
        proxy_is_silent: the proxy accepted the connection and said nothing.
        closed: the proxy closed the connection in place of an answer.
        status, location: of an HTTP answer in place of a tunnel.
        schemes, sent_login: the login schemes that the proxy offers, and whether it has been given a login.
        first_bytes, heard_bytes: what came, shown, and how much of it.
        speaks_tls: TLS is spoken where plain HTTP was expected.
        hello_version: the version of TLS that the server chose.
        alert: the number of the TLS alert (RFC 8446, section 6.2).
        ended: how the connection ended: "alert", "reset", "closed" or "timeout".
        wants_client_certificate: the server had asked for one.
    """

    code: Code
    _: KW_ONLY
    name: str = ""
    resolver_error: int | None = None
    seconds: float | None = None
    addresses: tuple[str, ...] = ()
    proxy_is_silent: bool = False
    closed: bool = False
    status: int | None = None
    location: str | None = None
    schemes: tuple[str, ...] = ()
    sent_login: bool = False
    first_bytes: str = ""
    heard_bytes: int = 0
    speaks_tls: bool = False
    hello_version: int | None = None
    alert: int | None = None
    ended: str | None = None
    wants_client_certificate: bool = False


class StageFailed(PreflightError):
    """A stage of a connection failed in a way that has a code; never leaves this package."""

    def __init__(self, code: Code, **seen: Any) -> None:
        """Say which code, and what was seen as the fields of Failure name it."""
        super().__init__(code)
        self.failure = Failure(code, **seen)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer, each text bounded; nothing of it is judged here.

    Attributes:
        realm: of the first login scheme offered.
        location: target of a redirect, without its query.
        date: the Date header as sent.
        sap_headers: names of the headers that begin with `sap-`.
        looks_like_login_page: a redirect to a login host, or a page with a password field.
        retry_after: the header Retry-After as sent.
    """

    status: int
    server: str | None = None
    realm: str | None = None
    location: str | None = None
    date: str | None = None
    content_type: str | None = None
    sap_headers: tuple[str, ...] = ()
    looks_like_login_page: bool = False
    retry_after: str | None = None

    @property
    def is_sap(self) -> bool:
        """Tell whether an SAP system can be recognised as the author of the answer."""
        return bool(self.sap_headers) or "SAP" in (self.server or "") or "SAP" in (self.realm or "")


@dataclass(frozen=True, slots=True)
class FailedTry:
    """An earlier try to ask, which the network did not let through."""

    asked_at: Moment
    code: Code


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one connection to a system showed; judged by `findings_of` and by the chain's rules.

    Attributes:
        proxy: host and port of the proxy, never its login.
        addresses: every address that the peer's name resolved to, in the resolver's order.
        address: the address that the connection went to.
        failure: the stage that ended the pass; what had been seen before is kept.
        presented: DER certificates in the order sent; may be cut, at the limits or by the network, see `presented_cut`.
        tls_12: whether TLS 1.2 works; None where that could not be told.
        wants_client_certificate: whether the server asked for one (visible with TLS 1.2 only, else None).
        http_failure: why there is no HTTP answer though TLS works.
        date_offset_seconds: the server's Date minus our clock; None without a readable Date.
        from_file: the file whose chain stands in place of what would have been sent; empty where a server was asked.
        earlier: the tries before this one, where it was asked again.
    """

    host: str
    port: int
    proxy: str | None
    asked_at: Moment
    addresses: tuple[str, ...] = ()
    address: str | None = None
    key_kind: KeyKind = KeyKind.ANY
    failure: Failure | None = None
    presented: tuple[Der, ...] = field(default=(), repr=False)
    presented_cut: bool = False
    tls_version: str | None = None
    tls_12: bool | None = None
    wants_client_certificate: bool | None = None
    http: HttpAnswer | None = None
    http_failure: Failure | None = None
    date_offset_seconds: float | None = None
    from_file: str = ""
    earlier: tuple[FailedTry, ...] = ()

    @property
    def spoken_with(self) -> str | None:
        """Return the system's own address; None where a proxy led there, which keeps it to itself."""
        return None if self.proxy else self.address


NOT_ASKED = Endpoint(host="", port=0, proxy=None, asked_at=datetime.min.replace(tzinfo=UTC))
"""What stands where no connection was made: it has shown nothing."""


class WebSocketReading(StrEnum):
    """How an answer to the WebSocket upgrade is read (reference "Trust …", section 8)."""

    SPEAKS_RFC = "speaks WebSocket RFC"
    OTHER_PROTOCOL = "upgraded to something else"
    WRONG_ACCEPT = "upgraded with a wrong Sec-WebSocket-Accept"
    WANTS_LOGIN = "SAP answered and wants credentials first"
    LOGIN_UNKNOWN = "something wants credentials, not visibly SAP"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "path unknown"
    LOGIN_PAGE = "a login page"
    STRIPPED = "the upgrade did not arrive"
    PROXY_LOGIN = "a proxy wants a login"
    RATE_LIMITED = "too many requests"
    SERVER_ERROR = "server error"
    OTHER_STATUS = "an unexpected status"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class WebSocketAnswer:
    """The answer to an upgrade without credentials.

    Attributes:
        protocol: the subprotocol that the server chose.
        ended: how the connection ended where no answer came: "alert", "reset", "closed" or "timeout".
    """

    reading: WebSocketReading
    http: HttpAnswer | None = None
    protocol: str | None = None
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class LiveHandshake:
    """What a TLS client saw that trusts the given anchors and nothing else.

    Attributes:
        succeeded: the chain was accepted and the handshake came to its end.
        accepted: the chain was accepted; None where the handshake did not come that far.
        verify_code: OpenSSL's X509_V_ERR number where it was not accepted.
        failure: what ended the connection before that, or why the server broke off after it.
    """

    host: str
    port: int
    asked_at: Moment
    succeeded: bool
    accepted: bool | None = None
    verify_code: int | None = None
    failure: Failure | None = None
    tls_version: str | None = None
    websocket: WebSocketAnswer | None = None


NO_HANDSHAKE = LiveHandshake(host="", port=0, asked_at=datetime.min.replace(tzinfo=UTC), succeeded=False)
"""What stands where there was no second connection: nothing was accepted."""
