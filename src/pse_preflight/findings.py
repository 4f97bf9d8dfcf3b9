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
        fix: what mends it in general, for the documentation; a finding says it for its own case.
    """

    check: str
    severity: Severity
    later: str
    who: Who
    meaning: str
    error: bool = False
    fix: str = ""


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
    lines = [f"{found.code}: {one_line(found.observed)}"]
    lines += [f"later: {row.later}"] if row.later else []
    lines += [f"fix: {one_line(fix)}"] if fix else []
    return "\n".join([*lines, f"who: {row.who.value}"])


def one_line(text: str) -> str:
    """Show control characters, line ends included, as escapes, so that no peer can forge a line of ours."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


_B, _M, _m = Severity.BLOCKER, Severity.MAJOR, Severity.MINOR
_CLIENT, _NETWORK, _SAP = Who.CLIENT, Who.NETWORK, Who.SAP

_UNTRUSTED = "SSSLERR_PEER_CERT_UNTRUSTED (-102)"
_HANDSHAKE = "SSSLERR_SSL_CONNECT (-57)"
_COMMUNICATION = "RFC_COMMUNICATION_FAILURE"
_PSE_ERROR = "SSSLERR_PSE_ERROR (-40), RFC_CRYPTOLIB_FAILURE"
_NO_CREDENTIALS = "SSSLERR_CRED_NOT_FOUND (-42), RFC_CRYPTOLIB_FAILURE"
_LIBRARY = "SSSLERR_LIB_NOT_FOUND (-1), RFC_CRYPTOLIB_FAILURE"
_WRONG_HOST = "SSSLERR_SERVER_CERT_MISMATCH (-30)"

CODES: dict[str, Code] = {
    # the URL
    "URL_NOT_HTTPS": Code(
        "test_url_names_the_api_host",
        _B,
        "SSSLERR_CONN_CLOSED (-10)",
        _CLIENT,
        "The URL says http or port 80; WebSocket RFC needs TLS.",
        fix="Write the API URL with https and without port 80.",
    ),
    "URL_UI_HOST": Code(
        "test_url_names_the_api_host",
        _B,
        "RFC_COMMUNICATION_FAILURE, or a redirect to a login page",
        _CLIENT,
        "The URL names the host for people (browser), not the API host.",
        fix="Take the API URL from the communication arrangement; its host has `-api` in its name.",
    ),
    "URL_HAS_CREDENTIALS": Code(
        "test_url_names_the_api_host",
        _B,
        "RFC_LOGON_FAILURE, and a password in every log",
        _CLIENT,
        "The URL carries a user or a password.",
        fix="Take user and password out of the URL; they belong into the client's own settings.",
    ),
    "URL_PLACEHOLDER": Code(
        "test_url_names_the_api_host",
        _m,
        "NIEHOST_UNKNOWN",
        _CLIENT,
        "The URL is an example from documentation.",
        fix="Put your own system's API URL in its place.",
    ),
    "URL_UNUSUAL": Code(
        "test_url_names_the_api_host",
        _m,
        "a connection test that fails",
        _CLIENT,
        "A path, scheme, port, IP address or domain that is out of the ordinary.",
        fix="Compare it with the communication arrangement; if it is meant so, leave it.",
    ),
    "HOST_UNKNOWN": Code(
        "test_host_name_resolves",
        _B,
        "NIEHOST_UNKNOWN, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "The name has no address in the DNS that this machine asks.",
        fix="Correct the host name, or have it made known to this machine's DNS; behind a proxy, set `proxy`.",
    ),
    "DNS_TIMEOUT": Code(
        "test_host_name_resolves",
        _B,
        "NIEHOST_UNKNOWN, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "The DNS did not answer in time.",
        fix="Ask the network people why this machine's DNS does not answer, and run the check again.",
    ),
    "PORT_REFUSED": Code(
        "test_port_accepts_connections",
        _B,
        "NIECONN_REFUSED, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "Nothing listens there, or a firewall refuses.",
        fix="Correct the port, or have the firewall opened for this machine to that host and port.",
    ),
    "PORT_TIMEOUT": Code(
        "test_port_accepts_connections",
        _B,
        "NIECONN_TIMEOUT, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "No answer to the connection request: usually a firewall that drops it.",
        fix="Have the firewall opened for this machine to that host and port, or set `proxy`.",
    ),
    "PORT_UNREACHABLE": Code(
        "test_port_accepts_connections",
        _B,
        "NIEHOST_UNREACHABLE, RFC_COMMUNICATION_FAILURE",
        _NETWORK,
        "No way leads to the address: no route, no network, or this machine's own firewall forbids it.",
        fix="Ask the network people for a route from this machine to the host, or name the proxy in systems.yaml.",
    ),
    "PROXY_REFUSED": Code(
        "test_port_accepts_connections",
        _B,
        _COMMUNICATION,
        _NETWORK,
        "The proxy does not open a tunnel to this host.",
        fix="Have the proxy allow CONNECT to the host and port that the message names.",
    ),
    "PROXY_WANTS_LOGIN": Code(
        "test_port_accepts_connections",
        _B,
        _COMMUNICATION,
        _NETWORK,
        "The proxy asks for a login (407).",
        fix="Give user and password in `proxy`; where it wants NTLM or Negotiate, ask for a way past it.",
    ),
    "PROXY_ANSWERS_ITSELF": Code(
        "test_port_accepts_connections",
        _B,
        _COMMUNICATION,
        _NETWORK,
        "The proxy answered with something other than a tunnel, a page of its own for example.",
        fix="Correct host and port of the proxy, and have it allow the host.",
    ),
    "HTTP_NO_ANSWER": Code(
        "test_url_answers_https",
        _M,
        "SSSLERR_SSL_READ (-58), RFC_COMMUNICATION_FAILURE",
        _SAP,
        "TLS works, but no HTTP answer came.",
        fix="Try again; if it lasts, ask the SAP admin whether the system is up.",
    ),
    "HTTP_SERVER_ERROR": Code(
        "test_url_answers_https",
        _M,
        _COMMUNICATION,
        _SAP,
        "The server answers with 5xx, in maintenance perhaps; the trust verdict stands.",
        fix="Look whether the system is in maintenance, and run the check again afterwards.",
    ),
    "CLIENT_CERTIFICATE_WANTED": Code(
        "test_url_answers_https",
        _M,
        "SSSLERR_SSL_CONNECT (-57), or a logon that fails",
        _SAP,
        "The server lets nobody in without a client certificate; its own certificates could be seen all the same.",
        fix="Ask the SAP admin which kind of logon the communication arrangement wants.",
    ),
    "HTTP_LOGIN_PAGE": Code(
        "test_url_answers_https",
        _m,
        "a redirect instead of the RFC service",
        _CLIENT,
        "A login page answers where an API should.",
        fix="Take the API URL from the communication arrangement, not the one from the browser.",
    ),
    "HTTP_TOO_MANY_REQUESTS": Code(
        "test_url_answers_https",
        _m,
        "429",
        _SAP,
        "The server limits the rate of unauthenticated calls.",
        fix="Wait and run the check again, less often.",
    ),
    "CLOCK_SKEW": Code(
        "test_clock_agrees_with_the_server",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "This machine's clock differs from the server's Date header by over five minutes.",
        fix="Set this machine's clock, best by NTP.",
    ),
    # TLS and the chain
    "NOT_TLS": Code(
        "test_tls_handshake_succeeds",
        _B,
        "SSSLERR_SSL_CONNECT (-57)",
        _NETWORK,
        "The port speaks something other than TLS.",
        fix="Correct host and port; if they are right, something in the network answers in the server's place.",
    ),
    "TLS_HANDSHAKE_FAILED": Code(
        "test_tls_handshake_succeeds",
        _B,
        _HANDSHAKE,
        _NETWORK,
        "The TLS handshake was refused or cut.",
        fix="Ask the network people whether a firewall or proxy cuts TLS to this host.",
    ),
    "TLS_TIMEOUT": Code(
        "test_tls_handshake_succeeds",
        _B,
        _HANDSHAKE,
        _NETWORK,
        "The TLS handshake did not end in time.",
        fix="Ask the network people whether a firewall or proxy holds TLS to this host back.",
    ),
    "TLS_TOO_OLD": Code(
        "test_tls_handshake_succeeds",
        _B,
        _HANDSHAKE,
        _SAP,
        "The server speaks nothing newer than TLS 1.1.",
        fix="Have the server, or what stands before it, speak TLS 1.2.",
    ),
    "TLS_13_ONLY": Code(
        "test_tls_handshake_succeeds",
        _M,
        "SSSLERR_SSL_CONNECT (-57) with CommonCryptoLib before 8.5.48",
        _SAP,
        "The server refuses TLS 1.2; CommonCryptoLib speaks 1.3 only from 8.5.48.",
        fix="Update SAP's CommonCryptoLib on this machine to 8.5.48 or newer, or have the server allow TLS 1.2.",
    ),
    "ADDRESSES_DIFFER": Code(
        "test_tls_handshake_succeeds",
        _M,
        "connections that work today and fail tomorrow",
        _SAP,
        "The addresses of the host, or its kinds of key, do not show chains of the same issuers.",
        fix="Have all addresses send chains of the same issuers; until then keep all their roots in the PSE.",
    ),
    "EVIDENCE_INCONSISTENT": Code(
        "test_tls_handshake_succeeds",
        _B,
        "",
        _CLIENT,
        "The files of a recording contradict each other, so one of them was changed after it was made.",
        fix="Ask the system again, and do not rely on this recording.",
    ),
    "HOST_NOT_IN_CERTIFICATE": Code(
        "test_certificate_names_the_host",
        _B,
        _WRONG_HOST,
        _SAP,
        "The server certificate does not name the host.",
        fix="Correct the host in `url`, or have a certificate issued that names it.",
    ),
    "SERVER_OMITS_INTERMEDIATE": Code(
        "test_chain_is_complete",
        _M,
        _UNTRUSTED,
        _SAP,
        "The server does not send an intermediate that is needed to reach the root.",
        fix="Have the server send the intermediate that the message names after its own certificate.",
    ),
    "SERVER_SENDS_WRONG_INTERMEDIATE": Code(
        "test_chain_is_complete",
        _M,
        _UNTRUSTED,
        _SAP,
        "The server sends another intermediate than the one that is needed.",
        fix="Have the server send the intermediate that the message names in place of the wrong one.",
    ),
    "CHAIN_OUT_OF_ORDER": Code(
        "test_chain_is_complete",
        _m,
        "some TLS libraries refuse it",
        _SAP,
        "The certificates are not sent from the server's to the root's.",
        fix="Have the server send its own certificate first, and after each certificate the one that signed it.",
    ),
    "CHAIN_HAS_EXTRAS": Code(
        "test_chain_is_complete",
        _m,
        "",
        _SAP,
        "The server sends certificates that the path does not need.",
        fix="Have the server send its own certificate and its intermediates only, each once.",
    ),
    "CERTIFICATE_EXPIRED": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate of the path has ended.",
        fix="Have the certificate renewed and the new one sent; if this machine's clock is fast, set it.",
    ),
    "CERTIFICATE_NOT_YET_VALID": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate of the path is not valid yet, or this machine's clock is slow.",
        fix="Set this machine's clock if it is slow; else have the older certificate sent until then.",
    ),
    "CERTIFICATE_SELF_SIGNED": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "The server certificate is signed by itself, so nothing vouches for it.",
        fix="Have one issued by an authority; for a test system, put the compared fingerprint into `pinned`.",
    ),
    "SIGNATURE_WRONG": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate was not signed by the key of the one that is named as its issuer.",
        fix="Have the genuine chain sent: a certificate was changed, or signed by another key of the same name.",
    ),
    "CA_CONSTRAINT_BROKEN": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate is used for what it does not allow: signing, the path length, the name, the purpose.",
        fix="Have the certificate issued by an authority that may do so.",
    ),
    "CERTIFICATE_IRREGULAR": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate breaks a rule of form (RFC 5280); a minor finding where clients put up with it.",
        fix="Have the certificate issued anew in the form that RFC 5280 wants.",
    ),
    "CERTIFICATE_UNREADABLE": Code(
        "test_chain_is_valid",
        _B,
        _UNTRUSTED,
        _SAP,
        "A certificate cannot be read.",
        fix="Have the server send its certificates again from the authority's original files.",
    ),
    "ROOT_UNTRUSTED": Code(
        "test_chain_is_valid",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "The chain is sound, but its root is not among the roots it is judged by.",
        fix="If the root is your company's own, compare its fingerprint and name it in `roots` or `pinned`.",
    ),
    "ROOTS_FROM_PSE": Code(
        "test_chain_is_valid",
        _m,
        "",
        _CLIENT,
        "Nobody has named the roots of a host outside SAP's cloud, so its chain is judged by the PSE's own list.",
        fix="Name in systems.yaml by which roots it is to be judged: `roots` or `pinned`.",
    ),
    "TLS_INSPECTED": Code(
        "test_chain_is_not_inspected",
        _M,
        _UNTRUSTED,
        _NETWORK,
        "A TLS-inspecting proxy re-signed the connection.",
        fix="Have the host excluded from TLS inspection; SAP's clients do not work through it.",
    ),
    "CERTIFICATE_EXPIRES_SOON": Code(
        "test_chain_outlasts_the_next_weeks",
        _M,
        _UNTRUSTED,
        _SAP,
        "A certificate that trust relies on ends soon.",
        fix="Have it renewed, or put its successor into the PSE, before the day that the message names.",
    ),
    "RENEWAL_DUE": Code(
        "test_chain_outlasts_the_next_weeks",
        _m,
        "",
        _SAP,
        "A certificate that the server renews by itself is due for renewal.",
        fix="Nothing in the PSE; ask the SAP admin if it has not been renewed by the day that the message names.",
    ),
    "CERTIFICATE_WEAK": Code(
        "test_chain_is_strong",
        _m,
        "a later CommonCryptoLib may refuse it",
        _SAP,
        "SHA-1, MD5, RSA below 2048 bits or an unusual curve.",
        fix="Have one issued with SHA-256 and RSA of at least 2048 bits, or a P-256 or P-384 key.",
    ),
    # the PSE
    "PSE_MISSING": Code(
        "test_pse_exists",
        _B,
        "RFC_INVALID_PARAMETER: Unable to use TLS with client PSE missing",
        _CLIENT,
        "There is no PSE at the configured path.",
        fix="Correct `pse` or `secudir`, or run once without `--read-only`, which makes it.",
    ),
    "PSE_UNREADABLE": Code(
        "test_pse_exists",
        _B,
        _PSE_ERROR,
        _CLIENT,
        "The PSE is a folder, no PSE, damaged, or not permitted to read.",
        fix="Correct the path or the rights; a damaged PSE comes back from a backup, or is moved away and made anew.",
    ),
    "PSE_CREATED": Code(
        "test_pse_exists",
        _m,
        "",
        _CLIENT,
        "The PSE was missing and has been made in this run.",
        fix="Name this file to the client as its PSE, and restart the client.",
    ),
    "PSE_REPAIRED": Code(
        "test_pse_exists",
        _m,
        "",
        _CLIENT,
        "Missing certificates were added to the PSE in this run (--repair).",
        fix="Restart the client, then remove the backup: it holds the private key, too.",
    ),
    "PSE_UNCONFIRMED": Code(
        "test_pse_exists",
        _M,
        _PSE_ERROR,
        _CLIENT,
        "The PSE was written by the bundled implementation and not yet listed by SAP's tool.",
        fix="Run the checks once where SAP's sapgenpse is installed, or say `--engine=bundled` to accept it.",
    ),
    "TOOL_MISSING": Code(
        "test_pse_exists",
        _B,
        "",
        _CLIENT,
        "The program that was asked for is not there.",
        error=True,
        fix="Correct `--sapgenpse`, install SAP's program, or say `--engine=bundled`.",
    ),
    "TOOL_FAILED": Code(
        "test_pse_exists",
        _B,
        "",
        _CLIENT,
        "The program failed or said something unknown.",
        error=True,
        fix="Mend what the program says, name another one by `--sapgenpse`, or say `--engine=bundled`.",
    ),
    "TOOL_TIMEOUT": Code(
        "test_pse_exists",
        _B,
        "",
        _CLIENT,
        "The program did not end in time.",
        error=True,
        fix="Look what holds the program up (a network drive?) and run the check again.",
    ),
    "PSE_HAS_PIN": Code(
        "test_pse_needs_no_pin",
        _B,
        _NO_CREDENTIALS,
        _CLIENT,
        "The PSE is protected by a PIN, and the client cannot give one.",
        fix='Take the PIN off, or make the PSE anew without one: `-x ""`.',
    ),
    "PSE_MACHINE_BOUND": Code(
        "test_pse_needs_no_pin",
        _m,
        _PSE_ERROR,
        _CLIENT,
        "The PSE is bound to a machine by Local Protection Storage (LPS).",
        fix="Nothing while it stays on its machine; for another machine make another PSE.",
    ),
    "PSE_READABLE_BY_OTHERS": Code(
        "test_pse_is_private",
        _M,
        "",
        _CLIENT,
        "Everybody on this machine can read the private key in the PSE.",
        fix="Let nobody but the client's account read the file: `chmod 600`, or `icacls` on Windows.",
    ),
    "PSE_READABLE_BY_GROUP": Code(
        "test_pse_is_private",
        _m,
        "",
        _CLIENT,
        "The file's group can read the private key in the PSE.",
        fix="Let nobody but the client's account read the file, unless the group is meant to.",
    ),
    "PSE_OWNER_EXPIRED": Code(
        "test_pse_owner_is_as_configured",
        _m,
        "",
        _CLIENT,
        "The PSE's own certificate has ended; it matters for client-certificate logon only.",
        fix="Nothing for logon with user and password; make the PSE anew before you use client certificates.",
    ),
    "PSE_OWNER_DIFFERS": Code(
        "test_pse_owner_is_as_configured",
        _m,
        "",
        _CLIENT,
        "The PSE's own certificate names somebody else than `dn`.",
        fix="Correct `dn` in systems.yaml, or name the right PSE.",
    ),
    "PSE_UNREADABLE_FOR_ACCOUNT": Code(
        "test_client_account_can_read_the_pse",
        _B,
        _PSE_ERROR,
        _CLIENT,
        "The account that the client runs as cannot read the PSE.",
        fix="Let the client's account read the PSE and enter the folders above it; the message names the commands.",
    ),
    "CLIENT_ACCOUNT_UNKNOWN": Code(
        "test_client_account_can_read_the_pse",
        _B,
        "",
        _CLIENT,
        "This machine knows no such account as systems.yaml names.",
        error=True,
        fix="Correct `account` in systems.yaml.",
    ),
    "CLIENT_ACCESS_UNKNOWN": Code(
        "test_client_account_can_read_the_pse",
        _B,
        "",
        _CLIENT,
        "The access rights of the PSE, or of a folder on its way, cannot be seen by whoever runs this.",
        error=True,
        fix="Run the checks as the client's account, or as an account that may see the rights.",
    ),
    # its certificate list
    "PK_LIST_EMPTY": Code(
        "test_maintain_pk_lists_the_chain",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "The certificate list of the PSE is empty.",
        fix="Add the root and the intermediates; the message names the commands, or say `--repair`.",
    ),
    "ROOT_NOT_IN_PSE": Code(
        "test_maintain_pk_lists_the_chain",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "The root of the server's chain is not in the certificate list.",
        fix="Add the root; the message names the commands, or say `--repair`.",
    ),
    "INTERMEDIATE_NOT_IN_PSE": Code(
        "test_maintain_pk_lists_the_chain",
        _m,
        _UNTRUSTED,
        _CLIENT,
        "An intermediate of the server's chain is not in the certificate list.",
        fix="Add the intermediate; the message names the commands, or say `--repair`.",
    ),
    "LEAF_NOT_IN_PSE": Code(
        "test_maintain_pk_lists_the_chain",
        _m,
        "",
        _CLIENT,
        "The server certificate is wanted in the certificate list (include_leaf) and is not there.",
        fix="Add the server certificate, and again after each renewal, or set `include_leaf: false`.",
    ),
    "PSE_NOT_REPAIRED": Code(
        "test_maintain_pk_lists_the_chain",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "--repair was asked for, and the PSE could not be changed; it is as it was.",
        fix="Mend the reason that the message names and run again, or add the certificates by hand.",
    ),
    "PK_LIST_DISAGREES": Code(
        "test_file_and_tool_agree",
        _M,
        _UNTRUSTED,
        _CLIENT,
        "The tool lists other certificates than the file holds.",
        fix="Trust neither until you know why: list the PSE by hand with SAP's sapgenpse and compare.",
    ),
    "PK_LIST_EXPIRED": Code(
        "test_pk_list_is_current",
        _m,
        "",
        _CLIENT,
        "The certificate list holds certificates that have ended.",
        fix="Harmless; leave them out when the PSE is made anew.",
    ),
    "REQUIRED_ROOT_NOT_IN_PSE": Code(
        "test_pk_list_holds_the_required_roots",
        _M,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next root change",
        _CLIENT,
        "A root that systems.yaml requires is not in the certificate list.",
        fix="Add this root; the message says where it is to be had.",
    ),
    "ROOT_CHANGE_AHEAD": Code(
        "test_pk_list_holds_the_required_roots",
        _m,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next root change",
        _CLIENT,
        "A successor of the server's root is announced and not in the certificate list; major near the announced day.",
        fix="Add the successor before the day that the message names.",
    ),
    "PSE_TRUSTS_INSPECTION": Code(
        "test_pk_list_trusts_no_inspection",
        _M,
        "",
        _CLIENT,
        "The certificate list trusts a TLS-inspecting proxy for everything.",
        fix="Bypass the proxy for this host and remove its root, or name it in `roots` or `pinned`.",
    ),
    # trust
    "SERVER_NOT_TRUSTED": Code(
        "test_pse_trusts_the_server",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "Nothing in the certificate list anchors the server's chain.",
        fix="Add the certificates that the message names, the root above all, or say `--repair`.",
    ),
    "PSE_HOLDS_SERVER_CERT_ONLY": Code(
        "test_trust_survives_renewal",
        _M,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next renewal",
        _CLIENT,
        "Only the server certificate is trusted; trust ends with it.",
        fix="Add the root and the intermediates, or say `--repair`.",
    ),
    "PSE_HOLDS_INTERMEDIATE_ONLY": Code(
        "test_trust_survives_renewal",
        _M,
        "SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next change of the intermediate",
        _CLIENT,
        "Only an intermediate is trusted, not its root; SAP's library may refuse that, and trust ends with it.",
        fix="Add the root, or say `--repair`.",
    ),
    "HANDSHAKE_REFUSED": Code(
        "test_handshake_with_the_pse_alone",
        _B,
        _UNTRUSTED,
        _CLIENT,
        "A live TLS handshake that trusts the PSE's list and nothing else failed.",
        fix="Mend the other red checks first; if there is none, compare the chain with what the message says.",
    ),
    "WSRFC_NO_UPGRADE": Code(
        "test_websocket_rfc_answers",
        _m,
        _COMMUNICATION,
        _SAP,
        "The server did not open a WebSocket for RFC.",
        fix="Ask the SAP admin whether the communication arrangement SAP_COM_0636 is there and WebSocket RFC is on.",
    ),
    "WSRFC_BLOCKED": Code(
        "test_websocket_rfc_answers",
        _m,
        _COMMUNICATION,
        _NETWORK,
        "Something between client and server does not let the WebSocket upgrade through.",
        fix="Have proxies and firewalls let `Upgrade: websocket` through to this host.",
    ),
    # the client's own side
    "WRONG_HOST": Code(
        "test_this_is_the_clients_host",
        _M,
        "",
        _CLIENT,
        "This machine is none of those that the client runs on, so nothing is created here.",
        fix="Run the checks on a machine that the client runs on, or correct `hosts` in systems.yaml.",
    ),
    "PSE_PATH_IS_PERSONAL": Code(
        "test_pse_path_is_the_same_for_the_client_account",
        _M,
        _PSE_ERROR,
        _CLIENT,
        "The path of the PSE follows from the account and the SECUDIR of whoever runs this, and the client's differ.",
        fix="Write `pse` as an absolute path, or an absolute `secudir`, and name the same file to the client.",
    ),
    "CLIENT_INI_UNREADABLE": Code(
        "test_client_ini_names_what_is_checked",
        _B,
        "",
        _CLIENT,
        "sapnwrfc.ini cannot be read here.",
        error=True,
        fix="Correct `client_ini.file` in systems.yaml, or the rights of the file.",
    ),
    "CLIENT_INI_NO_DEST": Code(
        "test_client_ini_names_what_is_checked",
        _B,
        "RFC_INVALID_PARAMETER",
        _CLIENT,
        "sapnwrfc.ini has no such destination.",
        fix="Correct `client_ini.dest` in systems.yaml, or add the destination to sapnwrfc.ini.",
    ),
    "CLIENT_INI_HOST_HAS_SCHEME": Code(
        "test_client_ini_names_what_is_checked",
        _B,
        _COMMUNICATION,
        _CLIENT,
        "WSHOST in sapnwrfc.ini has a scheme; the SDK takes a host alone.",
        fix="Write the host alone in WSHOST: no https://, no port, no path.",
    ),
    "CLIENT_INI_DIFFERS": Code(
        "test_client_ini_names_what_is_checked",
        _M,
        "whatever is wrong with what the client really uses",
        _CLIENT,
        "Host, port, PSE, library or proxy in sapnwrfc.ini are not what is being checked.",
        fix="Correct sapnwrfc.ini or systems.yaml, whichever is wrong.",
    ),
    "CLIENT_INI_DEST_TWICE": Code(
        "test_client_ini_names_what_is_checked",
        _M,
        "",
        _CLIENT,
        "The destination stands more than once in sapnwrfc.ini.",
        fix="Keep one of them.",
    ),
    "CLIENT_INI_TRUSTS_ALL": Code(
        "test_client_ini_verifies_the_server",
        _M,
        "",
        _CLIENT,
        "TLS_TRUST_ALL=1: the client verifies no server at all.",
        fix="Remove the line TLS_TRUST_ALL from sapnwrfc.ini.",
    ),
    "CLIENT_INI_USER_NOT_ALIAS": Code(
        "test_client_ini_logs_on_with_an_alias",
        _B,
        "RFC_LOGON_FAILURE",
        _CLIENT,
        "USER is given where a communication user of SAP's cloud logs on with ALIAS_USER.",
        fix="Write the name of the communication user as ALIAS_USER, and remove USER.",
    ),
    "CLIENT_INI_ALIAS_ODD": Code(
        "test_client_ini_logs_on_with_an_alias",
        _m,
        "RFC_LOGON_FAILURE",
        _CLIENT,
        "ALIAS_USER is longer than 40 characters, or has blanks at its ends.",
        fix="Copy the name of the communication user again; upper and lower case matter.",
    ),
    "CRYPTO_LIBRARY_MISSING": Code(
        "test_crypto_library_fits_the_client",
        _B,
        _LIBRARY,
        _CLIENT,
        "There is no file at the path of SAP's TLS library.",
        fix="Correct the path, or install SAP's CommonCryptoLib there.",
    ),
    "CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT": Code(
        "test_crypto_library_fits_the_client",
        _B,
        _LIBRARY,
        _CLIENT,
        "The account that the client runs as cannot read SAP's TLS library.",
        fix="Let the client's account read the library and enter the folders above it.",
    ),
    "CRYPTO_LIBRARY_NO_LIBRARY": Code(
        "test_crypto_library_fits_the_client",
        _B,
        _LIBRARY,
        _CLIENT,
        "The file that is named as SAP's TLS library is no library.",
        fix="Unpack SAP's archive (`SAPCAR -xvf`) and name the library in it.",
    ),
    "CRYPTO_LIBRARY_BITS": Code(
        "test_crypto_library_fits_the_client",
        _B,
        "SSSLERR_INCOMPATIBLE_LIB (-2), RFC_CRYPTOLIB_FAILURE",
        _CLIENT,
        "SAP's TLS library and the client are built for different numbers of bits.",
        fix="Install SAP's CommonCryptoLib for the client's number of bits.",
    ),
    "CRYPTO_LIBRARY_NOT_JUDGED": Code(
        "test_crypto_library_fits_the_client",
        _B,
        "",
        _CLIENT,
        "SAP's TLS library is there, and whoever runs this may not read it.",
        error=True,
        fix="Run the checks as the client's account, or as an account that may read the library.",
    ),
    "CRYPTO_LIBRARY_PATH_RELATIVE": Code(
        "test_crypto_library_fits_the_client",
        _M,
        _LIBRARY,
        _CLIENT,
        "The path of SAP's TLS library is not absolute, as the SDK wants it.",
        fix="Write the path in full.",
    ),
    "CRYPTO_LIBRARY_OLD": Code(
        "test_crypto_library_fits_the_client",
        _m,
        _UNTRUSTED,
        _CLIENT,
        "SAP's TLS library is older than 8.5.",
        fix="Install a current CommonCryptoLib.",
    ),
}
"""Every code there is; the order is that of the checks."""
