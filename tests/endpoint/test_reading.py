"""What is said of a connection: every sentence that a person may read, and the borders between them."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code, Severity
from pse_preflight.demo.authority import root_authority
from pse_preflight.endpoint.model import (
    Endpoint,
    FailedTry,
    Failure,
    HttpAnswer,
    KeyKind,
    LiveHandshake,
    WebSocketAnswer,
    WebSocketReading,
)
from pse_preflight.endpoint.reading import differences_of, findings_of, handshake_findings, websocket_findings

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SEEN = Endpoint(host="erp.example.com", port=443, proxy=None, asked_at=NOW)
BEHIND_PROXY = replace(SEEN, proxy="proxy.example.com:3128")
LIVE = LiveHandshake(host="erp.example.com", port=443, asked_at=NOW, succeeded=False)


def _said(endpoint: Endpoint) -> tuple[str, str]:
    """Return what is observed and what mends it, where that is one thing."""
    (found,) = findings_of(endpoint)
    return found.observed, found.fix


@pytest.mark.parametrize(
    ("failure", "observed", "fix"),
    [
        (
            Failure(Code.HOST_UNKNOWN, name="erp.example.com"),
            "the DNS of this machine knows no address for erp.example.com",
            "check the",
        ),
        (
            Failure(Code.DNS_TIMEOUT, name="erp.example.com", seconds=10.0),
            "the DNS did not answer in 10 s when asked for erp.example.com",
            "check that this machine reaches its DNS server",
        ),
        (
            Failure(Code.DNS_TIMEOUT, name="erp.example.com"),
            "the DNS could not tell for the moment when asked for erp.example.com",
            "check that this machine reaches its DNS server",
        ),
        (
            Failure(Code.PORT_REFUSED, addresses=("192.0.2.1", "192.0.2.2")),
            "{peer} refuses the connection (192.0.2.1, 192.0.2.2)",
            "check the port",
        ),
        (
            Failure(Code.PORT_TIMEOUT, addresses=("192.0.2.1",), seconds=0.5),
            "{peer} did not answer in 0.5 s (192.0.2.1)",
            "ask the network people for an opening",
        ),
        (Failure(Code.PORT_TIMEOUT), "{peer} did not answer in time ()", "ask the network people for an opening"),
        (
            Failure(Code.PORT_UNREACHABLE, addresses=("2001:db8::1",)),
            "no way leads from this machine to {peer} (2001:db8::1)",
            "check network, routes",
        ),
        (
            Failure(Code.NOT_TLS, first_bytes="SSH-2.0"),
            "{where} does not speak TLS; it sent 'SSH-2.0'",
            "use the HTTPS port",
        ),
        (
            Failure(Code.TLS_TIMEOUT, heard_bytes=7),
            "{where} took the connection, but TLS did not get through in time (7 bytes came back)",
            "ask the network people whether a firewall",
        ),
        (
            Failure(Code.TLS_TIMEOUT),
            "{where} took the connection, but TLS did not get through in time (nothing came back)",
            "ask the network people whether a firewall",
        ),
        (
            Failure(Code.TLS_HANDSHAKE_FAILED, ended="reset"),
            "the TLS handshake with {where} failed because it reset the connection",
            "an IP allow list",
        ),
        (
            Failure(Code.TLS_HANDSHAKE_FAILED),
            "the TLS handshake with {where} failed because the answer is no proper TLS",
            "an IP allow list",
        ),
        (
            Failure(Code.TLS_TOO_OLD, hello_version=0x0302),
            "{where} speaks TLS 1.1 and nothing newer",
            "have TLS 1.2 switched on",
        ),
        (
            Failure(Code.TLS_TOO_OLD, hello_version=0x0301),
            "{where} speaks TLS 1.0 and nothing newer",
            "have TLS 1.2 switched on",
        ),
        (
            Failure(Code.TLS_TOO_OLD, hello_version=0x0300),
            "{where} speaks SSL 3.0 and nothing newer",
            "have TLS 1.2 switched on",
        ),
        (Failure(Code.TLS_TOO_OLD), "{where} speaks an older version and nothing newer", "have TLS 1.2 switched on"),
        (
            Failure(Code.HTTP_NO_ANSWER, ended="closed"),
            "{where} completed TLS but gave no HTTP answer: it closed the connection",
            "ask the system's administrator",
        ),
        (
            Failure(Code.HTTP_NO_ANSWER),
            "{where} completed TLS but gave no HTTP answer: what came is no HTTP answer",
            "ask the system's administrator",
        ),
        (
            Failure(Code.CLIENT_CERTIFICATE_WANTED, alert=116),
            "{where} breaks off when it gets no client certificate (TLS alert 116)",
            "use the API host",
        ),
        (
            Failure(Code.CLIENT_CERTIFICATE_WANTED),
            "{where} breaks off when it gets no client certificate",
            "use the API host",
        ),
    ],
)
def test_failure_is_told_with_what_was_seen(failure: Failure, observed: str, fix: str) -> None:
    direct, proxy = "erp.example.com:443", "the proxy proxy.example.com:3128"
    for seen, peer, where in ((SEEN, direct, direct), (BEHIND_PROXY, proxy, f"{direct} (through {proxy})")):
        for endpoint in (replace(seen, failure=failure), replace(seen, http_failure=failure)):
            (found,) = findings_of(endpoint)
            assert found.code is failure.code
            assert found.observed.startswith(observed.format(peer=peer, where=where))
            assert found.fix.startswith(fix)


def test_whose_name_is_unknown_is_told() -> None:
    unknown = Failure(Code.HOST_UNKNOWN, name="x")
    assert _said(replace(SEEN, failure=unknown))[1].startswith("check the name letter by letter")
    assert _said(replace(BEHIND_PROXY, failure=unknown))[1].startswith("check the proxy's name letter by letter")


@pytest.mark.parametrize(
    ("failure", "observed", "fix"),
    [
        (
            Failure(Code.PORT_TIMEOUT, proxy_is_silent=True),
            "the proxy proxy.example.com:3128 took the request for erp.example.com and did not answer it in time",
            "ask the network people whether the proxy reaches the host",
        ),
        (
            Failure(Code.PROXY_REFUSED, status=403),
            "the proxy proxy.example.com:3128 answers the CONNECT to erp.example.com:443 with HTTP 403",
            "ask the network people to allow CONNECT to erp.example.com:443",
        ),
        (
            Failure(Code.PROXY_REFUSED, closed=True),
            "the proxy proxy.example.com:3128 answers the CONNECT to erp.example.com:443 by closing the connection",
            "ask the network people to allow CONNECT to erp.example.com:443",
        ),
        (
            Failure(Code.PROXY_WANTS_LOGIN, schemes=("Negotiate", "Basic")),
            "the proxy proxy.example.com:3128 asks for a login (HTTP 407, schemes offered: Negotiate, Basic)",
            "give the login in systems.yaml: proxy: http://user:${PROXY_PASSWORD}@host:port",
        ),
        (
            Failure(Code.PROXY_WANTS_LOGIN, schemes=("NTLM",), sent_login=True),
            "the proxy proxy.example.com:3128 refuses the login it was given (HTTP 407, schemes offered: NTLM)",
            "ask the network people for a bypass: SAP's client logs on by Basic only, for erp.example.com",
        ),
        (
            Failure(Code.PROXY_WANTS_LOGIN),
            "the proxy proxy.example.com:3128 asks for a login (HTTP 407, schemes offered: no scheme)",
            "ask the network people for a bypass: SAP's client logs on by Basic only, for erp.example.com",
        ),
        (
            Failure(Code.PROXY_ANSWERS_ITSELF, speaks_tls=True),
            "the proxy proxy.example.com:3128 speaks TLS itself, not plain HTTP",
            "name the proxy's plain HTTP port",
        ),
        (
            Failure(Code.PROXY_ANSWERS_ITSELF, status=302, location="http://logon/"),
            "the proxy proxy.example.com:3128 answers the CONNECT with something of its own: HTTP 302, to http://logon/",
            "check that this is a proxy's host and port, and that no logon page stands before it",
        ),
        (
            Failure(Code.PROXY_ANSWERS_ITSELF, status=200),
            "the proxy proxy.example.com:3128 answers the CONNECT with something of its own: HTTP 200",
            "check that this is a proxy's host and port, and that no logon page stands before it",
        ),
        (
            Failure(Code.PROXY_ANSWERS_ITSELF, first_bytes="220 mail"),
            "the proxy proxy.example.com:3128 does not speak HTTP; it sent '220 mail'",
            "check that this is a proxy's host and port, and that no logon page stands before it",
        ),
    ],
)
def test_failure_of_a_proxy_is_told_with_what_was_seen(failure: Failure, observed: str, fix: str) -> None:
    assert _said(replace(BEHIND_PROXY, failure=failure)) == (observed, fix)


def test_failure_after_a_chain_that_cannot_be_read_is_told_as_that() -> None:
    broken = replace(SEEN, presented=(b"no certificate",), failure=Failure(Code.TLS_HANDSHAKE_FAILED))
    assert "cannot read what the server sent as its certificates" in _said(broken)[0]
    cut = replace(broken, failure=Failure(Code.TLS_HANDSHAKE_FAILED, ended="timeout"))
    assert "because nothing came in time" in _said(cut)[0]


def test_alerts_are_called_what_the_standard_library_calls_them() -> None:
    """What stands there at all is checked against Python's own table; an unknown one keeps its number."""
    named = {each.value: each.name.removeprefix("ALERT_DESCRIPTION_") for each in ssl.AlertDescription}
    named |= {86: "INAPPROPRIATE_FALLBACK", 116: "CERTIFICATE_REQUIRED", 120: "NO_APPLICATION_PROTOCOL"}
    told = {}
    for number in range(256):
        failure = Failure(Code.TLS_HANDSHAKE_FAILED, alert=number, ended="alert")
        observed, fix = _said(replace(SEEN, failure=failure))
        assert f"failed with TLS alert {number} (" in observed
        assert ("does not know this host name" in fix) is (
            number == ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        )
        told[number] = observed.rpartition("(")[2].rstrip(")")
    known = {number: words for number, words in told.items() if words != "unknown"}
    assert {number: words.upper().replace(" ", "_") for number, words in known.items()}.items() <= named.items()
    assert set(known) == {0, 10, 40, 42, 43, 46, 47, 48, 49, 50, 51, 70, 71, 80, 86, 112, 116, 120}


@pytest.mark.parametrize(
    ("code", "words"),
    [  # OpenSSL, x509_vfy.h, X509_V_ERR
        (2, "an issuer's certificate is missing"),
        (7, "a signature in the chain is wrong"),
        (9, "a certificate is not valid yet"),
        (10, "a certificate has expired"),
        (18, "the server's certificate is self-signed and not in the list"),
        (19, "the chain ends in a root that is not in the list"),
        (20, "the list holds no issuer that the chain leads to"),
        (21, "the server sent its own certificate only, and its issuer is not in the list"),
        (24, "an issuer is no certificate authority"),
        (25, "a path is longer than an issuer allows"),
        (26, "a certificate is not meant for servers"),
        (62, "the certificate does not name the host"),
        (64, "the certificate does not name the IP address"),
        (0, "see X509_V_ERR in OpenSSL's x509_vfy.h"),
        (1, "see X509_V_ERR in OpenSSL's x509_vfy.h"),
        (63, "see X509_V_ERR in OpenSSL's x509_vfy.h"),
    ],
)
def test_refused_chain_is_told_in_words(code: int, words: str) -> None:
    (found,) = handshake_findings(replace(LIVE, accepted=False, verify_code=code))
    assert found.code is Code.HANDSHAKE_REFUSED
    assert found.observed.endswith(
        f"does not connect to erp.example.com:443: the chain was not accepted: {words} (OpenSSL code {code})"
    )
    assert found.fix.startswith("add what the other checks name as missing")


def test_handshake_that_ended_before_the_chain_is_told_as_that() -> None:
    (found,) = handshake_findings(replace(LIVE, failure=Failure(Code.PORT_TIMEOUT)))
    assert found.observed.endswith(": the connection failed before that (PORT_TIMEOUT)")
    assert found.fix.startswith("run the check again")
    (found,) = handshake_findings(LIVE)
    assert found.observed.endswith(": the connection failed")
    assert handshake_findings(replace(LIVE, accepted=True)) == ()


@pytest.mark.parametrize(("tls_12", "told"), [(False, True), (True, False), (None, False)])
def test_tls_13_alone_is_told(*, tls_12: bool | None, told: bool) -> None:
    found = findings_of(replace(SEEN, tls_12=tls_12))
    assert [each.code for each in found] == [Code.TLS_13_ONLY] * told


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, None) for status in (200, 401, 428, 430, 499)),
        (429, Code.HTTP_TOO_MANY_REQUESTS),
        (500, Code.HTTP_SERVER_ERROR),
        (503, Code.HTTP_SERVER_ERROR),
    ],
)
def test_status_is_a_finding_or_not(status: int, code: Code | None) -> None:
    found = findings_of(replace(SEEN, http=HttpAnswer(status)))
    assert [each.code for each in found] == ([code] if code else [])
    assert all(each.observed == f"erp.example.com:443 answers with HTTP {status}" for each in found)
    for each in findings_of(replace(SEEN, http=HttpAnswer(status, retry_after="30"))):
        assert each.observed == f"erp.example.com:443 answers with HTTP {status} (Retry-After: 30)"


def test_logon_page_is_told_with_where_it_is() -> None:
    page = HttpAnswer(302, location="https://logon/", looks_like_login_page=True)
    assert _said(replace(SEEN, http=page))[0] == (
        "erp.example.com:443 answers with a logon page (HTTP 302, to https://logon/)"
    )
    bare = replace(page, status=200, location=None)
    assert _said(replace(SEEN, http=bare))[0] == "erp.example.com:443 answers with a logon page (HTTP 200)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, ""),
        (300.0, ""),
        (-300.0, ""),
        (301.0, "this machine's clock is 5 minutes behind the Date that erp.example.com:443 sends"),
        (-301.0, "this machine's clock is 5 minutes ahead of the Date that erp.example.com:443 sends"),
        (3600.0, "this machine's clock is 60 minutes behind the Date that erp.example.com:443 sends"),
        (-86400.0, "this machine's clock is 1440 minutes ahead of the Date that erp.example.com:443 sends"),
    ],
)
def test_clock_may_be_five_minutes_off(seconds: float | None, words: str) -> None:
    found = findings_of(replace(SEEN, date_offset_seconds=seconds))
    assert [each.observed for each in found] == ([words] if words else [])
    assert all(each.code is Code.CLOCK_SKEW for each in found)


def test_earlier_tries_are_told() -> None:
    tries = [FailedTry(NOW - timedelta(seconds=before), code) for before, code in _BEFORE]
    assert _said(replace(SEEN, earlier=tuple(tries)))[0] == (
        "erp.example.com:443 answers at try 4, 7 s after the first; before: PORT_TIMEOUT 2 times, PORT_REFUSED once"
    )
    failed = replace(SEEN, earlier=tuple(tries[:1]), failure=Failure(Code.PORT_REFUSED))
    assert findings_of(failed)[-1].observed == (
        "erp.example.com:443 still fails at try 2, 7 s after the first; before: PORT_TIMEOUT once"
    )
    busy = replace(SEEN, earlier=tuple(tries[:1]), http=HttpAnswer(429))
    assert "still fails at try 2" in findings_of(busy)[-1].observed


_BEFORE = ((7, Code.PORT_TIMEOUT), (6, Code.PORT_REFUSED), (4, Code.PORT_TIMEOUT))


@pytest.mark.parametrize(
    ("answer", "code", "how"),
    [
        (WebSocketAnswer(WebSocketReading.NO_ANSWER, ended="closed"), Code.WSRFC_BLOCKED, "it closed the connection"),
        (WebSocketAnswer(WebSocketReading.NO_ANSWER), Code.WSRFC_BLOCKED, "no HTTP came back"),
        (WebSocketAnswer(WebSocketReading.STRIPPED, HttpAnswer(200)), Code.WSRFC_BLOCKED, "HTTP 200"),
        (
            WebSocketAnswer(WebSocketReading.FORBIDDEN, HttpAnswer(403, server="block")),
            Code.WSRFC_BLOCKED,
            "HTTP 403 by 'block'",
        ),
        (
            WebSocketAnswer(WebSocketReading.FORBIDDEN, HttpAnswer(403, server="SAP NetWeaver")),
            Code.WSRFC_NO_UPGRADE,
            "HTTP 403 by 'SAP NetWeaver'",
        ),
        (WebSocketAnswer(WebSocketReading.FORBIDDEN), Code.WSRFC_BLOCKED, "no HTTP came back"),
        (WebSocketAnswer(WebSocketReading.NOT_FOUND, HttpAnswer(404)), Code.WSRFC_NO_UPGRADE, "HTTP 404"),
    ],
)
def test_websocket_that_was_not_opened_is_told(answer: WebSocketAnswer, code: Code, how: str) -> None:
    (found,) = websocket_findings(replace(LIVE, websocket=answer))
    assert found.code is code
    assert found.observed == f"erp.example.com:443 did not open a WebSocket for RFC: {answer.reading} ({how})"


def test_websocket_that_was_opened_is_no_finding() -> None:
    assert websocket_findings(LIVE) == ()
    for reading in (WebSocketReading.SPEAKS_RFC, WebSocketReading.WANTS_LOGIN):
        assert websocket_findings(replace(LIVE, websocket=WebSocketAnswer(reading))) == ()


def test_addresses_differ_in_what_is_sent_with_the_server_certificate() -> None:
    first, second = (Certificate.of(root_authority(name, NOW, 1000).certificate) for name in ("One", "Other"))
    one, other = first.der, second.der
    rsa = replace(SEEN, address="192.0.2.1", key_kind=KeyKind.RSA, presented=(b"server", one))
    again = replace(rsa, address="192.0.2.2", presented=(b"another server", one))
    assert differences_of([rsa, again]) == ()
    odd = replace(rsa, address="192.0.2.2", presented=(b"server", other))
    (found,) = differences_of([rsa, odd])
    assert (found.code, found.severity) == (Code.ADDRESSES_DIFFER, Severity.MAJOR)
    assert f"192.0.2.1 with RSA: {first.label}; 192.0.2.2 with RSA: {second.label}" in found.observed
    alone = replace(odd, presented=(b"server",))
    assert "192.0.2.2 with RSA: no intermediate" in differences_of([rsa, alone])[0].observed
    unreadable = replace(odd, presented=(b"server", b"x"))
    assert "192.0.2.2 with RSA: an unreadable certificate" in differences_of([rsa, unreadable])[0].observed
    failed = replace(odd, presented=(), failure=Failure(Code.PORT_REFUSED))
    assert "192.0.2.2 with RSA: PORT_REFUSED" in differences_of([rsa, failed])[0].observed
    assert differences_of([failed, replace(failed, failure=Failure(Code.PORT_TIMEOUT))]) == ()


def test_kinds_of_keys_with_different_issuers_are_a_minor_difference() -> None:
    first, second = (Certificate.of(root_authority(name, NOW, 1000).certificate) for name in ("One", "Other"))
    one, other = first.der, second.der
    rsa = replace(SEEN, address="192.0.2.1", key_kind=KeyKind.RSA, presented=(b"server", one))
    ecdsa = replace(rsa, key_kind=KeyKind.ECDSA, presented=(b"server", other))
    (found,) = differences_of([rsa, ecdsa])
    assert (found.code, found.severity) == (Code.ADDRESSES_DIFFER, Severity.MINOR)
    assert f"192.0.2.1 with RSA: {first.label}; 192.0.2.1 with ECDSA: {second.label}" in found.observed
    (found,) = differences_of([rsa, replace(rsa, address="192.0.2.2"), ecdsa, replace(ecdsa, address="192.0.2.2")])
    assert found.severity is Severity.MINOR
    assert "192.0.2.2" not in found.observed
    assert differences_of([rsa, replace(ecdsa, presented=(b"server", one))]) == ()
    no_such_key = replace(ecdsa, presented=(), failure=Failure(Code.TLS_HANDSHAKE_FAILED))
    assert differences_of([rsa, no_such_key]) == ()
    assert differences_of([]) == ()
