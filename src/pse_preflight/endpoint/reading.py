"""What the observations of a connection mean: findings, in the words of people who know SAP and not TLS."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.checklist import Code, Severity
from pse_preflight.endpoint.model import (
    Endpoint,
    Failure,
    HttpAnswer,
    KeyKind,
    LiveHandshake,
    WebSocketReading,
)
from pse_preflight.endpoint.retry import passing_failure
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.url import authority

_MOST_SKEW_SECONDS = 300
_KEY_KINDS = (KeyKind.RSA, KeyKind.ECDSA)
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_UNAUTHORIZED_NAME = 112
_BASIC = "basic"
_MINUTE = 60

# RFC 8446, section 6.2, and RFC 5246, section 7.2.2.
_ALERTS = {
    0: "close notify",
    10: "unexpected message",
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown CA",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    112: "unrecognized name",
    116: "certificate required",
    120: "no application protocol",
}
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1"}
_ENDINGS = {
    "reset": "it reset the connection",
    "closed": "it closed the connection",
    "timeout": "nothing came in time",
    "alert": "it broke off with a TLS alert",
}
# The X509_V_ERR numbers of OpenSSL (x509_vfy.h) that a client meets.
_VERIFY_CODES = {
    2: "an issuer's certificate is missing",
    7: "a signature in the chain is wrong",
    9: "a certificate is not valid yet",
    10: "a certificate has expired",
    18: "the server's certificate is self-signed and not in the list",
    19: "the chain ends in a root that is not in the list",
    20: "the list holds no issuer that the chain leads to",
    21: "the server sent its own certificate only, and its issuer is not in the list",
    24: "an issuer is no certificate authority",
    25: "a path is longer than an issuer allows",
    26: "a certificate is not meant for servers",
    62: "the certificate does not name the host",
    64: "the certificate does not name the IP address",
}
# Where the answer itself came from SAP, the upgrade is SAP's matter; else something on the way is in doubt.
_BLOCKED = frozenset(
    {
        WebSocketReading.STRIPPED,
        WebSocketReading.PROXY_LOGIN,
        WebSocketReading.WRONG_ACCEPT,
        WebSocketReading.LOGIN_UNKNOWN,
        WebSocketReading.NO_ANSWER,
    }
)
_GOOD_ANSWERS = frozenset({WebSocketReading.SPEAKS_RFC, WebSocketReading.WANTS_LOGIN})

Text = tuple[str, str]
"""What was observed, and what mends it."""


def findings_of(endpoint: Endpoint) -> tuple[Finding, ...]:
    """Judge one pass over a system; the presented chain has its own rules elsewhere."""
    found = [_failure_finding(endpoint, endpoint.failure)] if endpoint.failure else []
    if endpoint.tls_12 is False:
        observed = f"{_where(endpoint)} refuses TLS 1.2 and speaks TLS 1.3 only"
        fix = "have TLS 1.2 switched on, or make sure that CommonCryptoLib is 8.5.48 or newer"
        found.append(finding(Code.TLS_13_ONLY, observed, fix=fix))
    if endpoint.http_failure:
        found.append(_failure_finding(endpoint, endpoint.http_failure))
    if endpoint.http:
        found += _http_findings(endpoint, endpoint.http)
    return (*found, *_clock_findings(endpoint), *_earlier_findings(endpoint))


def handshake_findings(live: LiveHandshake) -> tuple[Finding, ...]:
    """Judge the handshake that trusted the PSE's list alone; what failed before the chain is judged elsewhere too."""
    if live.accepted:
        return ()
    where = authority(live.host, live.port)
    if live.verify_code is not None:
        meaning = _VERIFY_CODES.get(live.verify_code, "see X509_V_ERR in OpenSSL's x509_vfy.h")
        why = f"the chain was not accepted: {meaning} (OpenSSL code {live.verify_code})"
    else:
        why = f"the connection failed before that ({live.failure.code})" if live.failure else "the connection failed"
    observed = f"a TLS client that trusts the certificates of the PSE alone does not connect to {where}: {why}"
    fix = (
        "add what the other checks name as missing; OpenSSL stands in for SAP's library here"
        if live.verify_code is not None
        else "run the check again: the connection before this one got through; if it lasts, ask the network people"
    )
    return (finding(Code.HANDSHAKE_REFUSED, observed, fix=fix),)


def websocket_findings(live: LiveHandshake) -> tuple[Finding, ...]:
    """Judge the answer to the WebSocket upgrade (reference "Trust ...", section 8), where one was asked for."""
    answer = live.websocket
    if answer is None or answer.reading in _GOOD_ANSWERS:
        return ()
    is_forbidden_on_the_way = answer.reading is WebSocketReading.FORBIDDEN and not (answer.http and answer.http.is_sap)
    blocked = answer.reading in _BLOCKED or is_forbidden_on_the_way
    status = f"HTTP {answer.http.status}" if answer.http else _ENDINGS.get(answer.ended or "", "no HTTP came back")
    by = f" by {answer.http.server!r}" if answer.http and answer.http.server else ""
    where = authority(live.host, live.port)
    observed = f"{where} did not open a WebSocket for RFC: {answer.reading} ({status}{by})"
    code = Code.WSRFC_BLOCKED if blocked else Code.WSRFC_NO_UPGRADE
    return (finding(code, observed, fix=_WEBSOCKET_FIXES[answer.reading]),)


_NO_FIX = "ask the system's administrator whether /sap/bc/rfc is active; user and password are not at fault"
_NETWORK_FIX = "ask the network people to let WebSocket upgrades (HTTP/1.1) to this host through"
_WEBSOCKET_FIXES = dict.fromkeys(WebSocketReading, _NO_FIX) | {
    WebSocketReading.STRIPPED: _NETWORK_FIX,
    WebSocketReading.WRONG_ACCEPT: _NETWORK_FIX,
    WebSocketReading.NO_ANSWER: _NETWORK_FIX,
    WebSocketReading.LOGIN_UNKNOWN: _NETWORK_FIX,
    WebSocketReading.PROXY_LOGIN: "give the proxy's login, or ask for a bypass for this host",
    WebSocketReading.FORBIDDEN: "look for an IP allow list, a block page of a proxy, or an inactive service",
    WebSocketReading.LOGIN_PAGE: "use the API host, not the host for people",
    WebSocketReading.RATE_LIMITED: "try again later",
}


def _failure_finding(endpoint: Endpoint, failure: Failure) -> Finding:
    observed, fix = _TEXTS[failure.code](endpoint, failure)
    return finding(failure.code, observed, fix=fix)


def _peer(endpoint: Endpoint) -> str:
    return f"the proxy {endpoint.proxy}" if endpoint.proxy else authority(endpoint.host, endpoint.port)


def _where(endpoint: Endpoint) -> str:
    direct = authority(endpoint.host, endpoint.port)
    return f"{direct} (through the proxy {endpoint.proxy})" if endpoint.proxy else direct


def _listed(value: object) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else ""


def _seconds(failure: Failure) -> str:
    return "" if failure.seconds is None else f"{failure.seconds:g} s"


def _host_unknown(endpoint: Endpoint, failure: Failure) -> Text:
    whose = "the proxy's name" if endpoint.proxy else "the name"
    observed = f"the DNS of this machine knows no address for {failure.name}"
    return observed, f"check {whose} letter by letter; if it is right, ask the network people for a DNS entry"


def _dns_timeout(_endpoint: Endpoint, failure: Failure) -> Text:
    seconds = _seconds(failure)
    how = f"did not answer in {seconds}" if seconds else "could not tell for the moment"
    return (
        f"the DNS {how} when asked for {failure.name}",
        "check that this machine reaches its DNS server, then run again",
    )


def _port_refused(endpoint: Endpoint, failure: Failure) -> Text:
    observed = f"{_peer(endpoint)} refuses the connection ({_listed(failure.addresses)})"
    return observed, "check the port; if it is right, ask the network people which firewall refuses it"


def _port_timeout(endpoint: Endpoint, failure: Failure) -> Text:
    if failure.proxy_is_silent:
        observed = f"the proxy {endpoint.proxy} took the request for {endpoint.host} and did not answer it in time"
        return observed, "ask the network people whether the proxy reaches the host"
    tried = _listed(failure.addresses)
    observed = f"{_peer(endpoint)} did not answer in {_seconds(failure) or 'time'} ({tried})"
    return observed, "ask the network people for an opening to this host and port; a proxy may be the way (key proxy)"


def _port_unreachable(endpoint: Endpoint, failure: Failure) -> Text:
    observed = f"no way leads from this machine to {_peer(endpoint)} ({_listed(failure.addresses)})"
    return observed, "check network, routes and this machine's own firewall"


def _proxy_refused(endpoint: Endpoint, failure: Failure) -> Text:
    how = f"with HTTP {failure.status}" if failure.status else "by closing the connection"
    observed = f"the proxy {endpoint.proxy} answers the CONNECT to {authority(endpoint.host, endpoint.port)} {how}"
    return observed, f"ask the network people to allow CONNECT to {authority(endpoint.host, endpoint.port)}"


def _proxy_wants_login(endpoint: Endpoint, failure: Failure) -> Text:
    offered = _listed(failure.schemes) or "no scheme"
    sent = "refuses the login it was given" if failure.sent_login else "asks for a login"
    observed = f"the proxy {endpoint.proxy} {sent} (HTTP 407, schemes offered: {offered})"
    if _BASIC in offered.lower().split(", "):
        return observed, "give the login in systems.yaml: proxy: http://user:${PROXY_PASSWORD}@host:port"
    return observed, f"ask the network people for a bypass: SAP's client logs on by Basic only, for {endpoint.host}"


def _proxy_answers_itself(endpoint: Endpoint, failure: Failure) -> Text:
    if failure.speaks_tls:
        return f"{_peer(endpoint)} speaks TLS itself, not plain HTTP", "name the proxy's plain HTTP port"
    if failure.status:
        to = f", to {failure.location}" if failure.location else ""
        observed = f"{_peer(endpoint)} answers the CONNECT with something of its own: HTTP {failure.status}{to}"
    else:
        observed = f"{_peer(endpoint)} does not speak HTTP; it sent {failure.first_bytes!r}"
    return observed, "check that this is a proxy's host and port, and that no logon page stands before it"


def _not_tls(endpoint: Endpoint, failure: Failure) -> Text:
    observed = f"{_where(endpoint)} does not speak TLS; it sent {failure.first_bytes!r}"
    return observed, "use the HTTPS port of the system; for SAP's cloud that is 443"


def _tls_timeout(endpoint: Endpoint, failure: Failure) -> Text:
    heard = failure.heard_bytes or "nothing"
    observed = f"{_where(endpoint)} took the connection, but TLS did not get through in time ({heard} bytes came back)"
    return observed.replace("nothing bytes", "nothing"), "ask the network people whether a firewall holds TLS back"


def _tls_handshake_failed(endpoint: Endpoint, failure: Failure) -> Text:
    alert = failure.alert
    if alert is not None:
        how = f"with TLS alert {alert} ({_ALERTS.get(alert, 'unknown')})"
    elif endpoint.presented and failure.ended is None:
        how = "because OpenSSL here cannot read what the server sent as its certificates"
    else:
        how = f"because {_ENDINGS.get(str(failure.ended), 'the answer is no proper TLS')}"
    fix = "an IP allow list, a firewall or a TLS-inspecting proxy may cut it: ask with time, host and this machine's IP"
    if alert == _UNAUTHORIZED_NAME:
        fix = "the server does not know this host name: check the URL"
    return f"the TLS handshake with {_where(endpoint)} failed {how}", fix


def _tls_too_old(endpoint: Endpoint, failure: Failure) -> Text:
    name = _VERSIONS.get(failure.hello_version or 0, "an older version")
    observed = f"{_where(endpoint)} speaks {name} and nothing newer; SAP's cloud and every current client want TLS 1.2"
    return observed, "have TLS 1.2 switched on at the server, or at the proxy in front of it"


def _http_no_answer(endpoint: Endpoint, failure: Failure) -> Text:
    how = _ENDINGS.get(str(failure.ended), "what came is no HTTP answer")
    observed = f"{_where(endpoint)} completed TLS but gave no HTTP answer: {how}"
    return observed, "ask the system's administrator, or whoever runs the proxy in between"


def _client_certificate_wanted(endpoint: Endpoint, failure: Failure) -> Text:
    number = "" if failure.alert is None else f" (TLS alert {failure.alert})"
    observed = f"{_where(endpoint)} breaks off when it gets no client certificate{number}"
    return observed, "use the API host of a communication arrangement with user and password, or a client certificate"


_TEXTS: dict[str, Callable[[Endpoint, Failure], Text]] = {
    Code.HOST_UNKNOWN: _host_unknown,
    Code.DNS_TIMEOUT: _dns_timeout,
    Code.PORT_REFUSED: _port_refused,
    Code.PORT_TIMEOUT: _port_timeout,
    Code.PORT_UNREACHABLE: _port_unreachable,
    Code.PROXY_REFUSED: _proxy_refused,
    Code.PROXY_WANTS_LOGIN: _proxy_wants_login,
    Code.PROXY_ANSWERS_ITSELF: _proxy_answers_itself,
    Code.NOT_TLS: _not_tls,
    Code.TLS_TIMEOUT: _tls_timeout,
    Code.TLS_HANDSHAKE_FAILED: _tls_handshake_failed,
    Code.TLS_TOO_OLD: _tls_too_old,
    Code.HTTP_NO_ANSWER: _http_no_answer,
    Code.CLIENT_CERTIFICATE_WANTED: _client_certificate_wanted,
}


def _http_findings(endpoint: Endpoint, http: HttpAnswer) -> Iterator[Finding]:
    where = _where(endpoint)
    pause = f" (Retry-After: {http.retry_after})" if http.retry_after else ""
    if http.status >= _SERVER_ERRORS:
        fix = "is it in maintenance? The verdict about trust stands; run again later"
        yield finding(Code.HTTP_SERVER_ERROR, f"{where} answers with HTTP {http.status}{pause}", fix=fix)
    if http.status == _TOO_MANY_REQUESTS:
        observed = f"{where} answers with HTTP {http.status}{pause}"
        yield finding(Code.HTTP_TOO_MANY_REQUESTS, observed, fix="try again later")
    if http.looks_like_login_page:
        to = f", to {http.location}" if http.location else ""
        fix = "check that this is the API host; the host for people shows a logon page"
        yield finding(Code.HTTP_LOGIN_PAGE, f"{where} answers with a logon page (HTTP {http.status}{to})", fix=fix)


def _earlier_findings(endpoint: Endpoint) -> Iterator[Finding]:
    """Say what was seen on the way, where a system was asked again."""
    if not endpoint.earlier:
        return
    counted = Counter(each.code for each in endpoint.earlier)
    codes = ", ".join(f"{code} {f'{count} times' if count > 1 else 'once'}" for code, count in counted.items())
    seconds = (endpoint.asked_at - endpoint.earlier[0].asked_at).total_seconds()
    ends = "still fails" if endpoint.failure or passing_failure(endpoint) else "answers"
    when = f"at try {len(endpoint.earlier) + 1}, {seconds:.0f} s after the first"
    fix = "if it happens often, ask whoever runs the network or the system why"
    yield finding(Code.ASKED_AGAIN, f"{_where(endpoint)} {ends} {when}; before: {codes}", fix=fix)


def _clock_findings(endpoint: Endpoint) -> Iterator[Finding]:
    offset = endpoint.date_offset_seconds
    if offset is None or abs(offset) <= _MOST_SKEW_SECONDS:
        return
    which = "behind" if offset > 0 else "ahead of"
    minutes = abs(offset) / _MINUTE
    observed = f"this machine's clock is {minutes:.0f} minutes {which} the Date that {_where(endpoint)} sends"
    yield finding(Code.CLOCK_SKEW, observed, fix="set the clock of this machine (NTP); certificates are judged by it")


_Face = tuple[str, ...]
"""What the trust in a server depends on: its intermediates by fingerprint, or the code of a failure."""


def differences_of(endpoints: Sequence[Endpoint]) -> tuple[Finding, ...]:
    """Say where the addresses of one host differ in what the trust in them depends on.

    That a server has one kind of key only is no difference. That its two kinds of keys have different issuers is a
    minor one: which of them a client meets is the client's choice.
    """
    by_kind = {kind: [each for each in endpoints if each.key_kind is kind] for kind in _KEY_KINDS}
    offered = [group for group in by_kind.values() if any(each.presented for each in group)]
    if not offered:
        return ()
    if any(len({_face(each) for each in group}) > 1 for group in offered):
        return (_difference([each for group in offered for each in group], Severity.MAJOR),)
    if len({_face(group[0]) for group in offered}) > 1:
        return (_difference([group[0] for group in offered], Severity.MINOR),)
    return ()


def _face(endpoint: Endpoint) -> _Face:
    if endpoint.failure:
        return (endpoint.failure.code,)
    return tuple(_described(each) for each in endpoint.presented[1:])


def _described(der: bytes) -> str:
    try:
        return Certificate.read(der).label
    except CertificateUnreadable:
        return "an unreadable certificate"


def _difference(endpoints: Sequence[Endpoint], severity: Severity) -> Finding:
    where = authority(endpoints[0].host, endpoints[0].port)
    seen = dict.fromkeys(
        f"{each.address or each.host} with {each.key_kind.upper()}: {' + '.join(_face(each)) or 'no intermediate'}"
        for each in endpoints
    )
    observed = f"{where} is not the same at every address or with every kind of key: {'; '.join(seen)}"
    fix = "the PSE needs the roots of all of them; a server that lags behind is the system administrator's to mend"
    return finding(Code.ADDRESSES_DIFFER, observed, fix=fix, severity=severity)
