"""What can be found, the one table of codes, and how a finding is told to people."""

import enum
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

Command = tuple[str, ...]
"""A program and its arguments, quoted only when it is shown."""


class Severity(enum.IntEnum):
    """How bad a finding is; a higher one is worse."""

    MINOR = 1
    MAJOR = 2
    BLOCKER = 3

    def __str__(self) -> str:
        """Return the word that --fail-on and the reports use."""
        return self.name.lower()


class Who(enum.Enum):
    """Who can mend a finding."""

    CLIENT = "client admin"
    NETWORK = "network"
    SAP = "SAP admin"


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table of codes.

    Attributes:
        check: the check that owns the code.
        severity: the usual severity; single findings may be milder or harsher where the contract says so.
        later: what the SAP client would say if nobody mended it.
        who: who can mend it.
        meaning: the cause in one sentence, for the documentation.
        error: the check could not be made at all, so it ends as an error and not as a failure.
    """

    check: str
    severity: Severity
    later: str
    who: Who
    meaning: str
    error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or worth knowing, about one system.

    Attributes:
        code: a key of CODES.
        severity: how bad it is here.
        observed: what was seen, on which certificate, file or host; the first 200 characters suffice alone.
        fix: the change that mends it, in words.
        commands: the programs that mend it, each with its arguments.
        certificates: SHA-256 fingerprints (hexadecimal, lower case) of the certificates it is about.
    """

    code: str
    severity: Severity
    observed: str
    fix: str = ""
    commands: tuple[Command, ...] = ()
    certificates: tuple[str, ...] = ()

    @property
    def check(self) -> str:
        """Return the name of the check that owns this finding."""
        return CODES[self.code].check

    @property
    def is_error(self) -> bool:
        """Tell whether the check could not be made, rather than failed."""
        return CODES[self.code].error

    def milder(self, severity: Severity) -> "Finding":
        """Return this finding at the given severity."""
        return replace(self, severity=severity)


def finding(
    code: str,
    observed: str,
    *,
    fix: str = "",
    commands: Iterable[Command] = (),
    severity: Severity | None = None,
    certificates: Iterable[str] = (),
) -> Finding:
    """Make a finding with the severity of its row in the table unless another one is given."""
    return Finding(
        code=code,
        severity=CODES[code].severity if severity is None else severity,
        observed=observed,
        fix=fix,
        commands=tuple(commands),
        certificates=tuple(certificates),
    )


def most_decisive_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings so that the one to mend first leads; equals keep their order."""
    return tuple(sorted(findings, key=lambda each: -each.severity))


def quoted(command: Command, *, windows: bool = sys.platform == "win32") -> str:
    """Quote a command so that it can be pasted into sh, or into cmd.exe on Windows."""
    return subprocess.list2cmdline(command) if windows else shlex.join(command)


def message(found: Finding, *, windows: bool = sys.platform == "win32") -> str:
    """Render a finding: the code and what was observed, then `later:`, `fix:` and `who:`, a line each."""
    row = CODES[found.code]
    commands = " && ".join(quoted(command, windows=windows) for command in found.commands)
    fix = ": ".join(part for part in (found.fix, commands) if part)
    lines = [f"{found.code}: {_one_line(found.observed)}"]
    lines += [f"later: {row.later}"] if row.later else []
    lines += [f"fix: {_one_line(fix)}"] if fix else []
    return "\n".join([*lines, f"who: {row.who.value}"])


def _one_line(text: str) -> str:
    """Show control characters, line ends included, as escapes, so that no peer can forge a line of ours."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


_B, _M, _m = Severity.BLOCKER, Severity.MAJOR, Severity.MINOR
_CLIENT, _NETWORK, _SAP = Who.CLIENT, Who.NETWORK, Who.SAP

_UNTRUSTED = "SSSLERR_PEER_CERT_UNTRUSTED (-102)"
_HANDSHAKE = "SSSLERR_SSL_CONNECT (-57)"
_COMMUNICATION = "RFC_COMMUNICATION_FAILURE"
_PSE_ERROR = "SSSLERR_PSE_ERROR (-40), RFC_CRYPTOLIB_FAILURE"
_NO_CREDENTIALS = "SSSLERR_CRED_NOT_FOUND (-42), RFC_CRYPTOLIB_FAILURE"
_WRONG_HOST = "SSSLERR_SERVER_CERT_MISMATCH (-30)"

CODES: dict[str, Code] = {
    # the URL
    "URL_NOT_HTTPS": Code(
        "test_url_names_the_api_host",
        _B,
        "SSSLERR_CONN_CLOSED (-10)",
        _CLIENT,
        "The URL says http or port 80; WebSocket RFC needs TLS.",
    ),
    "URL_UI_HOST": Code(
        "test_url_names_the_api_host",
        _B,
        "RFC_COMMUNICATION_FAILURE, or a redirect to a login page",
        _CLIENT,
        "The URL names the host for people (browser), not the API host.",
    ),
    "URL_HAS_CREDENTIALS": Code(
        "test_url_names_the_api_host",
        _B,
        "RFC_LOGON_FAILURE, and a password in every log",
        _CLIENT,
        "The URL carries a user or a password.",
    ),
    "URL_PLACEHOLDER": Code(
        "test_url_names_the_api_host",
        _m,
        "NIEHOST_UNKNOWN",
        _CLIENT,
        "The URL is an example from documentation.",
    ),
    "URL_UNUSUAL": Code(
        "test_url_names_the_api_host",
        _m,
        "a connection test that fails",
        _CLIENT,
        "A path, scheme, port, IP address or domain that is out of the ordinary.",
    ),
    "HOST_UNKNOWN": Code(
        "test_host_name_resolves",
        _B,
        "NIEHOST_UNKNOWN, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "The name has no address in the DNS that this machine asks.",
    ),
    "DNS_TIMEOUT": Code(
        "test_host_name_resolves",
        _B,
        "NIEHOST_UNKNOWN, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "The DNS did not answer in time.",
    ),
    "PORT_REFUSED": Code(
        "test_port_accepts_connections",
        _B,
        "NIECONN_REFUSED, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "Nothing listens there, or a firewall refuses.",
    ),
    "PORT_TIMEOUT": Code(
        "test_port_accepts_connections",
        _B,
        "NIECONN_TIMEOUT, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "No answer to the connection request: usually a firewall that drops it.",
    ),
    "PORT_UNREACHABLE": Code(
        "test_port_accepts_connections",
        _B,
        "NIEHOST_UNREACHABLE, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "No way leads to the address: no route, no network, or this machine's own firewall forbids it.",
    ),
    "PROXY_REFUSED": Code(
        "test_port_accepts_connections",
        _B,
        _COMMUNICATION,
        _NETWORK,
        "The proxy does not open a tunnel to this host.",
    ),
    "PROXY_WANTS_LOGIN": Code(
        "test_port_accepts_connections", _B, _COMMUNICATION, _NETWORK, "The proxy asks for a login (407)."
    ),
    "PROXY_ANSWERS_ITSELF": Code(
        "test_port_accepts_connections",
        _B,
        _COMMUNICATION,
        _NETWORK,
        "The proxy answered with something other than a tunnel, a page of its own for example.",
    ),
    "HTTP_NO_ANSWER": Code(
        "test_url_answers_https",
        _M,
        "SSSLERR_SSL_READ (-58), RFC_COMMUNICATION_FAILURE",
        _SAP,
        "TLS works, but no HTTP answer came.",
    ),
    "HTTP_SERVER_ERROR": Code(
        "test_url_answers_https",
        _M,
        _COMMUNICATION,
        _SAP,
        "The server answers with 5xx, in maintenance perhaps; the trust verdict stands.",
    ),
    "CLIENT_CERTIFICATE_WANTED": Code(
        "test_url_answers_https",
        _M,
        "SSSLERR_SSL_CONNECT (-57), or a logon that fails",
        _SAP,
        "The server lets nobody in without a client certificate; its own certificates could be seen all the same.",
    ),
    "HTTP_LOGIN_PAGE": Code(
        "test_url_answers_https",
        _m,
        "a redirect instead of the RFC service",
        _CLIENT,
        "A login page answers where an API should.",
    ),
    "HTTP_TOO_MANY_REQUESTS": Code(
        "test_url_answers_https", _m, "429", _SAP, "The server limits the rate of unauthenticated calls."
    ),
    "CLOCK_SKEW": Code(
        "test_clock_agrees_with_the_server",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "This machine's clock differs from the server's Date header by over five minutes.",
    ),
    # TLS and the chain
    "NOT_TLS": Code(
        "test_tls_handshake_succeeds",
        _B,
        "SSSLERR_SSL_CONNECT (-57)",
        _NETWORK,
        "The port speaks something other than TLS.",
    ),
    "TLS_HANDSHAKE_FAILED": Code(
        "test_tls_handshake_succeeds", _B, _HANDSHAKE, _NETWORK, "The TLS handshake was refused or cut."
    ),
    "TLS_TIMEOUT": Code(
        "test_tls_handshake_succeeds", _B, _HANDSHAKE, _NETWORK, "The TLS handshake did not end in time."
    ),
    "TLS_TOO_OLD": Code(
        "test_tls_handshake_succeeds", _B, _HANDSHAKE, _SAP, "The server speaks nothing newer than TLS 1.1."
    ),
    "TLS_13_ONLY": Code(
        "test_tls_handshake_succeeds",
        _M,
        "SSSLERR_SSL_CONNECT (-57) with CommonCryptoLib before 8.5.48",
        _SAP,
        "The server refuses TLS 1.2; CommonCryptoLib speaks 1.3 only from 8.5.48.",
    ),
    "ADDRESSES_DIFFER": Code(
        "test_tls_handshake_succeeds",
        _M,
        "connections that work today and fail tomorrow",
        _SAP,
        "The addresses of the host, or its kinds of key, do not show chains of the same issuers.",
    ),
    "HOST_NOT_IN_CERTIFICATE": Code(
        "test_certificate_names_the_host",
        _B,
        _WRONG_HOST,
        _SAP,
        "The server certificate does not name the host.",
    ),
    "SERVER_OMITS_INTERMEDIATE": Code(
        "test_chain_is_complete",
        _M,
        _UNTRUSTED,
        _SAP,
        "The server does not send an intermediate that is needed to reach the root.",
    ),
    "SERVER_SENDS_WRONG_INTERMEDIATE": Code(
        "test_chain_is_complete",
        _M,
        _UNTRUSTED,
        _SAP,
        "The server sends another intermediate than the one that is needed.",
    ),
    "CHAIN_OUT_OF_ORDER": Code(
        "test_chain_is_complete",
        _m,
        "some TLS libraries refuse it",
        _SAP,
        "The certificates are not sent from the server's to the root's.",
    ),
    "CHAIN_HAS_EXTRAS": Code(
        "test_chain_is_complete", _m, "", _SAP, "The server sends certificates that the path does not need."
    ),
    "CERTIFICATE_EXPIRED": Code("test_chain_is_valid", _B, _UNTRUSTED, _SAP, "A certificate of the path has ended."),
    "CERTIFICATE_NOT_YET_VALID": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate of the path is not valid yet, or this machine's clock is slow.",
    ),
    "CERTIFICATE_SELF_SIGNED": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "The server certificate is signed by itself, so nothing vouches for it.",
    ),
    "SIGNATURE_WRONG": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate was not signed by the key of the one that is named as its issuer.",
    ),
    "CA_CONSTRAINT_BROKEN": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate is used for what it does not allow: signing, the path length, the name, the purpose.",
    ),
    "CERTIFICATE_IRREGULAR": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate breaks a rule of form (RFC 5280); a minor finding where clients put up with it.",
    ),
    "CERTIFICATE_UNREADABLE": Code("test_chain_is_valid", _B, _UNTRUSTED, _SAP, "A certificate cannot be read."),
    "ROOT_UNTRUSTED": Code(
        "test_chain_is_valid",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "The chain is sound, but its root is not among the roots it is judged by.",
    ),
    "TLS_INSPECTED": Code(
        "test_chain_is_not_inspected",
        _M,
        _UNTRUSTED,
        _NETWORK,
        "A TLS-inspecting proxy re-signed the connection.",
    ),
    "CERTIFICATE_EXPIRES_SOON": Code(
        "test_chain_outlasts_the_next_weeks",
        _M,
        _UNTRUSTED,
        _SAP,
        "A certificate that trust relies on ends soon.",
    ),
    "RENEWAL_DUE": Code(
        "test_chain_outlasts_the_next_weeks",
        _m,
        "",
        _SAP,
        "A certificate that the server renews by itself is due for renewal.",
    ),
    "CERTIFICATE_WEAK": Code(
        "test_chain_is_strong",
        _m,
        "a later CommonCryptoLib may refuse it",
        _SAP,
        "SHA-1, MD5, RSA below 2048 bits or an unusual curve.",
    ),
    # the PSE
    "PSE_MISSING": Code(
        "test_pse_exists",
        _B,
        "RFC_INVALID_PARAMETER: Unable to use TLS with client PSE missing",
        _CLIENT,
        "There is no PSE at the configured path.",
    ),
    "PSE_UNREADABLE": Code(
        "test_pse_exists",
        _B,
        _PSE_ERROR,
        _CLIENT,
        "The PSE is a folder, no PSE, damaged, or not permitted to read.",
    ),
    "PSE_CREATED": Code("test_pse_exists", _m, "", _CLIENT, "The PSE was missing and has been made in this run."),
    "PSE_UNCONFIRMED": Code(
        "test_pse_exists",
        _M,
        _PSE_ERROR,
        _CLIENT,
        "The PSE was written by the bundled implementation and not yet listed by SAP's tool.",
    ),
    "TOOL_MISSING": Code(
        "test_pse_exists", _B, "", _CLIENT, "The program that was asked for is not there.", error=True
    ),
    "TOOL_FAILED": Code(
        "test_pse_exists", _B, "", _CLIENT, "The program failed or said something unknown.", error=True
    ),
    "TOOL_TIMEOUT": Code("test_pse_exists", _B, "", _CLIENT, "The program did not end in time.", error=True),
    "PSE_HAS_PIN": Code(
        "test_pse_needs_no_pin",
        _B,
        _NO_CREDENTIALS,
        _CLIENT,
        "The PSE is protected by a PIN, and the client cannot give one.",
    ),
    "PSE_MACHINE_BOUND": Code(
        "test_pse_needs_no_pin",
        _m,
        _PSE_ERROR,
        _CLIENT,
        "The PSE is bound to a machine by Local Protection Storage (LPS).",
    ),
    "PSE_READABLE_BY_OTHERS": Code(
        "test_pse_is_private",
        _M,
        "",
        _CLIENT,
        "Everybody on this machine can read the private key in the PSE.",
    ),
    "PSE_READABLE_BY_GROUP": Code(
        "test_pse_is_private", _m, "", _CLIENT, "The file's group can read the private key in the PSE."
    ),
    "PSE_OWNER_EXPIRED": Code(
        "test_pse_owner_is_as_configured",
        _m,
        "",
        _CLIENT,
        "The PSE's own certificate has ended; it matters for client-certificate logon only.",
    ),
    "PSE_OWNER_DIFFERS": Code(
        "test_pse_owner_is_as_configured",
        _m,
        "",
        _CLIENT,
        "The PSE's own certificate names somebody else than `dn`.",
    ),
    # its certificate list
    "PK_LIST_EMPTY": Code(
        "test_maintain_pk_lists_the_chain",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "The certificate list of the PSE is empty.",
    ),
    "ROOT_NOT_IN_PSE": Code(
        "test_maintain_pk_lists_the_chain",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "The root of the server's chain is not in the certificate list.",
    ),
    "INTERMEDIATE_NOT_IN_PSE": Code(
        "test_maintain_pk_lists_the_chain",
        _m,
        _UNTRUSTED,
        _CLIENT,
        "An intermediate of the server's chain is not in the certificate list.",
    ),
    "LEAF_NOT_IN_PSE": Code(
        "test_maintain_pk_lists_the_chain",
        _m,
        "",
        _CLIENT,
        "The server certificate is wanted in the certificate list (include_leaf) and is not there.",
    ),
    "PK_LIST_DISAGREES": Code(
        "test_file_and_tool_agree",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "The tool lists other certificates than the file holds.",
    ),
    "PK_LIST_EXPIRED": Code(
        "test_pk_list_is_current", _m, "", _CLIENT, "The certificate list holds certificates that have ended."
    ),
    "REQUIRED_ROOT_NOT_IN_PSE": Code(
        "test_pk_list_holds_the_required_roots",
        _M,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next root change",
        _CLIENT,
        "A root that systems.yaml requires is not in the certificate list.",
    ),
    "PSE_TRUSTS_INSPECTION": Code(
        "test_pk_list_trusts_no_inspection",
        _M,
        "",
        _CLIENT,
        "The certificate list trusts a TLS-inspecting proxy for everything.",
    ),
    # trust
    "SERVER_NOT_TRUSTED": Code(
        "test_pse_trusts_the_server",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "Nothing in the certificate list anchors the server's chain.",
    ),
    "PSE_HOLDS_SERVER_CERT_ONLY": Code(
        "test_trust_survives_renewal",
        _M,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next renewal",
        _CLIENT,
        "Only the server certificate is trusted; trust ends with it.",
    ),
    "PSE_HOLDS_INTERMEDIATE_ONLY": Code(
        "test_trust_survives_renewal",
        _M,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next change of the intermediate",
        _CLIENT,
        "Only an intermediate is trusted, not its root; SAP's library may refuse that, and trust ends with it.",
    ),
    "HANDSHAKE_REFUSED": Code(
        "test_handshake_with_the_pse_alone",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "A live TLS handshake that trusts the PSE's list and nothing else failed.",
    ),
    "WSRFC_NO_UPGRADE": Code(
        "test_websocket_rfc_answers", _m, _COMMUNICATION, _SAP, "The server did not open a WebSocket for RFC."
    ),
    "WSRFC_BLOCKED": Code(
        "test_websocket_rfc_answers",
        _m,
        _COMMUNICATION,
        _NETWORK,
        "Something between client and server does not let the WebSocket upgrade through.",
    ),
}
"""Every code there is; the order is that of the checks."""
