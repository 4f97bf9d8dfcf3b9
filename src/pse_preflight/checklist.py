"""The checklist: a row per check with its question, its needs and its codes; a row per code with cause and fix.

This is the one table. What blocks what, the documentation of the codes, the order of every report and the counts in it
follow from here.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from enum import auto

from pse_preflight.options import SeverityWord


class Severity(enum.IntEnum):
    """How bad a finding is; a higher one is worse."""

    MINOR = 1
    MAJOR = 2
    BLOCKER = 3

    @property
    def word(self) -> SeverityWord:
        """Return the word that --fail-on and the reports use."""
        words: Mapping[Severity, SeverityWord] = {Severity.MINOR: "minor", Severity.MAJOR: "major"}
        return words.get(self, "blocker")

    def __str__(self) -> str:
        """Return its word."""
        return self.word


class Who(enum.Enum):
    """Who can mend a finding."""

    CLIENT = "client admin"
    NETWORK = "network"
    SAP = "SAP admin"
    SAP_ITSELF = "SAP"
    TOOLKIT = "the makers of pse-preflight"


class Question(enum.StrEnum):
    """What a module of checks asks; its name is the module's, and the marker's."""

    URL = auto()
    CHAIN = auto()
    PSE = auto()
    PK_LIST = auto()
    TRUST = auto()
    WEBSOCKET_RFC = auto()
    CLIENT = auto()


class Code(enum.StrEnum):
    """What can be found, check by check; a code is written as it is named."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name

    # test_url_names_the_api_host
    URL_NOT_HTTPS = auto()
    URL_UI_HOST = auto()
    URL_HAS_CREDENTIALS = auto()
    URL_PLACEHOLDER = auto()
    URL_UNUSUAL = auto()
    # test_host_name_resolves
    HOST_UNKNOWN = auto()
    DNS_TIMEOUT = auto()
    # test_port_accepts_connections
    PORT_REFUSED = auto()
    PORT_TIMEOUT = auto()
    PORT_UNREACHABLE = auto()
    PROXY_REFUSED = auto()
    PROXY_WANTS_LOGIN = auto()
    PROXY_ANSWERS_ITSELF = auto()
    # test_url_answers_https
    HTTP_NO_ANSWER = auto()
    HTTP_SERVER_ERROR = auto()
    CLIENT_CERTIFICATE_WANTED = auto()
    HTTP_LOGIN_PAGE = auto()
    HTTP_TOO_MANY_REQUESTS = auto()
    ASKED_AGAIN = auto()
    # test_clock_agrees_with_the_server
    CLOCK_SKEW = auto()
    # test_tls_handshake_succeeds
    NOT_TLS = auto()
    TLS_HANDSHAKE_FAILED = auto()
    TLS_TIMEOUT = auto()
    TLS_TOO_OLD = auto()
    TLS_13_ONLY = auto()
    ADDRESSES_DIFFER = auto()
    EVIDENCE_INCONSISTENT = auto()
    # test_certificate_names_the_host
    HOST_NOT_IN_CERTIFICATE = auto()
    # test_chain_is_complete
    SERVER_OMITS_INTERMEDIATE = auto()
    SERVER_SENDS_WRONG_INTERMEDIATE = auto()
    CHAIN_OUT_OF_ORDER = auto()
    CHAIN_HAS_EXTRAS = auto()
    # test_chain_is_valid
    CERTIFICATE_EXPIRED = auto()
    CERTIFICATE_NOT_YET_VALID = auto()
    CERTIFICATE_SELF_SIGNED = auto()
    SIGNATURE_WRONG = auto()
    CA_CONSTRAINT_BROKEN = auto()
    CONSTRAINT_NOT_JUDGED = auto()
    CERTIFICATE_IRREGULAR = auto()
    CERTIFICATE_UNREADABLE = auto()
    KEY_IDENTIFIERS_DIFFER = auto()
    NAME_FORM_DIFFERS = auto()
    ROOT_UNTRUSTED = auto()
    ROOTS_FROM_PSE = auto()
    ROOTS_FILE_DAMAGED = auto()
    # test_chain_is_not_inspected
    TLS_INSPECTED = auto()
    # test_chain_outlasts_the_next_weeks
    CERTIFICATE_EXPIRES_SOON = auto()
    RENEWAL_DUE = auto()
    # test_chain_is_strong
    CERTIFICATE_WEAK = auto()
    # test_pse_exists
    PSE_MISSING = auto()
    PSE_UNREADABLE = auto()
    EVIDENCE_NOT_WRITTEN = auto()
    PSE_CREATED = auto()
    PSE_REPAIRED = auto()
    PSE_UNCONFIRMED = auto()
    TOOL_MISSING = auto()
    TOOL_FAILED = auto()
    TOOL_TIMEOUT = auto()
    TOOL_NEEDS_LIBRARY_PATH = auto()
    # test_pse_needs_no_pin
    PSE_HAS_PIN = auto()
    PSE_MACHINE_BOUND = auto()
    # test_pse_is_private
    PSE_READABLE_BY_OTHERS = auto()
    PSE_READABLE_BY_GROUP = auto()
    PSE_WRITABLE_BY_OTHERS = auto()
    # test_pse_owner_is_as_configured
    PSE_OWNER_EXPIRED = auto()
    PSE_OWNER_DIFFERS = auto()
    CLIENT_CERTIFICATE_MISSING = auto()
    CLIENT_CERTIFICATE_ENDED = auto()
    CLIENT_CERTIFICATE_ENDS_SOON = auto()
    CLIENT_CERTIFICATE_SELF_SIGNED = auto()
    CLIENT_CERTIFICATE_INCOMPLETE = auto()
    CLIENT_CERTIFICATE_UNSUITABLE = auto()
    # test_client_account_can_read_the_pse
    PSE_UNREADABLE_FOR_ACCOUNT = auto()
    CLIENT_ACCOUNT_UNKNOWN = auto()
    CLIENT_ACCESS_UNKNOWN = auto()
    CLIENT_ACCOUNT_ASSUMED = auto()
    # test_maintain_pk_lists_the_chain
    PK_LIST_EMPTY = auto()
    ROOT_NOT_IN_PSE = auto()
    PK_LIST_NOT_COMPARABLE = auto()
    INTERMEDIATE_NOT_IN_PSE = auto()
    LEAF_NOT_IN_PSE = auto()
    PSE_NOT_REPAIRED = auto()
    TRUST_STORE_ENTRIES_LEFT_OUT = auto()
    # test_file_and_tool_agree
    PK_LIST_DISAGREES = auto()
    # test_pk_list_is_current
    PK_LIST_EXPIRED = auto()
    # test_pk_list_holds_the_required_roots
    REQUIRED_ROOT_NOT_IN_PSE = auto()
    ROOT_CHANGE_AHEAD = auto()
    # test_pk_list_trusts_no_inspection
    PSE_TRUSTS_INSPECTION = auto()
    # test_pse_trusts_the_server
    SERVER_NOT_TRUSTED = auto()
    # test_trust_survives_renewal
    PSE_HOLDS_SERVER_CERT_ONLY = auto()
    PSE_HOLDS_INTERMEDIATE_ONLY = auto()
    # test_handshake_with_the_pse_alone
    HANDSHAKE_REFUSED = auto()
    # test_websocket_rfc_answers
    WSRFC_NO_UPGRADE = auto()
    WSRFC_BLOCKED = auto()
    # test_this_is_the_clients_host
    WRONG_HOST = auto()
    # test_pse_path_is_the_same_for_the_client_account
    PSE_PATH_IS_PERSONAL = auto()
    # test_client_ini_names_what_is_checked
    CLIENT_INI_UNREADABLE = auto()
    CLIENT_INI_NO_DEST = auto()
    CLIENT_INI_HOST_HAS_SCHEME = auto()
    CLIENT_INI_HOST_NOT_ALONE = auto()
    CLIENT_INI_DIFFERS = auto()
    CLIENT_INI_DEST_TWICE = auto()
    # test_client_ini_verifies_the_server
    CLIENT_INI_TRUSTS_ALL = auto()
    # test_client_ini_logs_on_with_an_alias
    CLIENT_INI_USER_NOT_ALIAS = auto()
    CLIENT_INI_ALIAS_ODD = auto()
    # test_connection_names_what_is_checked
    CONNECTIONS_UNREADABLE = auto()
    CONNECTION_HOST_NOT_ALONE = auto()
    CONNECTION_DIFFERS = auto()
    CONNECTION_NOT_FOUND = auto()
    CONNECTION_NOT_UNDERSTOOD = auto()
    # test_connection_logs_on_with_an_alias
    CONNECTION_USER_NOT_ALIAS = auto()
    # test_crypto_library_fits_the_client
    CRYPTO_LIBRARY_MISSING = auto()
    CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT = auto()
    CRYPTO_LIBRARY_NO_LIBRARY = auto()
    CRYPTO_LIBRARY_BITS = auto()
    CRYPTO_LIBRARY_NOT_JUDGED = auto()
    CRYPTO_LIBRARY_PATH_RELATIVE = auto()
    CRYPTO_LIBRARY_OLD = auto()
    # any check
    NO_EVIDENCE = auto()


class Need(enum.Enum):
    """What a check must have before it can be made."""

    URL = "an URL that may be asked"
    ADDRESS = "an address of the host"
    CONNECTION = "a connection to the port"
    TLS = "a TLS handshake"
    SERVER_CERTIFICATE = "a server certificate that can be read"
    COMPLETE_CHAIN = "a chain that reaches a root"
    COMPLETABLE_CHAIN = "a chain that reaches a root, or that the PSE completes"
    GENUINE_CHAIN = "a chain that nobody re-signed"
    TRUSTABLE_CHAIN = "a chain that nobody re-signed, or that the PSE trusts all the same"
    VERIFIABLE_CHAIN = "a chain that the verifier can judge"
    SOUND_CHAIN = "a chain without a grave fault"
    VERIFIED_PATH = "a verified path"
    NAMED_HOST = "a certificate that names the host"
    SERVERS_OWN = "a certificate that can be a server's"
    COMMON_CHAIN = "a chain that OpenSSL follows"
    PSE_MADE = "a PSE, or a chain from which it can be made"
    PSE = "a PSE that can be read"
    LIST = "the certificate list of the PSE"
    ROOT_LISTED = "the chain in the certificate list"
    TRUST = "a PSE that trusts the server"
    LIVE = "a live handshake"
    CLIENT_HOST = "the client's own machine"
    CLIENT_ACCOUNT = "the client's account"
    CLIENT_INI = "the destination in sapnwrfc.ini"
    CONNECTIONS = "the connections of the client's product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is said of a code, wherever it is found.

    Attributes:
        severity: the usual one; single findings may be milder or harsher where the contract says so.
        later: what the SAP client would say if nobody mended it.
        who: who can mend it.
        cause: in one sentence, for the documentation.
        fix: what mends it in general, for the documentation; a finding says it for its own case.
        is_error: the check could not be made at all, so it ends as an error and not as a failure.
    """

    severity: Severity
    later: str
    who: Who
    cause: str
    fix: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the checklist.

    Attributes:
        name: of its function in checks/, without the system.
        question: the module that it stands in.
        needs: what it must have; the first need that is broken blocks it.
        codes: the findings that it owns.
    """

    name: str
    question: Question
    needs: tuple[Need, ...]
    codes: Mapping[Code, Row]


_B, _M, _m = Severity.BLOCKER, Severity.MAJOR, Severity.MINOR
_UNTRUSTED = "SSSLERR_PEER_CERT_UNTRUSTED (-102)"
_PERHAPS_UNTRUSTED = f"{_UNTRUSTED}, if SAP's library refuses it; whether it does is not known"
_ENDED = f"{_UNTRUSTED}, or SSSLERR_PEER_CERT_EXPIRED"
_HANDSHAKE = "SSSLERR_SSL_CONNECT (-57)"
_COMMUNICATION = "RFC_COMMUNICATION_FAILURE"
_PSE_ERROR = "SSSLERR_PSE_ERROR (-40), RFC_CRYPTOLIB_FAILURE"
_NO_CREDENTIALS = "SSSLERR_CRED_NOT_FOUND (-42), RFC_CRYPTOLIB_FAILURE"
_LOGON = "RFC_LOGON_FAILURE, or HTTP 401"
_LIBRARY = "SSSLERR_LIB_NOT_FOUND (-1), RFC_CRYPTOLIB_FAILURE"
_WRONG_HOST = "SSSLERR_SERVER_CERT_MISMATCH (-30)"

_NETWORK = (Need.URL, Need.ADDRESS, Need.CONNECTION, Need.TLS)
_CERTIFICATE = (*_NETWORK, Need.SERVER_CERTIFICATE)
_PSE = (Need.PSE_MADE, Need.PSE)
_LIST = (*_PSE, Need.LIST)
_CLIENT = (Need.CLIENT_HOST,)
_TRUST = (*_NETWORK, *_LIST, Need.TRUSTABLE_CHAIN, Need.COMPLETABLE_CHAIN, Need.SOUND_CHAIN, Need.ROOT_LISTED)

CHECKLIST: tuple[Check, ...] = (
    Check(
        "test_url_names_the_api_host",
        Question.URL,
        needs=(),
        codes={
            Code.URL_NOT_HTTPS: Row(
                severity=_B,
                later="SSSLERR_CONN_CLOSED (-10)",
                who=Who.CLIENT,
                cause="The URL says http or port 80; WebSocket RFC needs TLS.",
                fix="Write the API URL with https and without port 80.",
            ),
            Code.URL_UI_HOST: Row(
                severity=_B,
                later="RFC_COMMUNICATION_FAILURE, or a redirect to a login page",
                who=Who.CLIENT,
                cause="The URL names the host for people (browser), not the API host.",
                fix="Take the API URL from the communication arrangement; its host has `-api` in its name.",
            ),
            Code.URL_HAS_CREDENTIALS: Row(
                severity=_B,
                later="RFC_LOGON_FAILURE, and a password in every log",
                who=Who.CLIENT,
                cause="The URL carries a user or a password.",
                fix="Take user and password out of the URL; they belong into the client's own settings.",
            ),
            Code.URL_PLACEHOLDER: Row(
                severity=_m,
                later="NIEHOST_UNKNOWN",
                who=Who.CLIENT,
                cause="The URL is an example from documentation.",
                fix="Put your own system's API URL in its place.",
            ),
            Code.URL_UNUSUAL: Row(
                severity=_m,
                later="a connection test that fails",
                who=Who.CLIENT,
                cause="A path, scheme, port, IP address or domain that is out of the ordinary.",
                fix="Compare it with the communication arrangement; if it is meant so, leave it.",
            ),
        },
    ),
    Check(
        "test_host_name_resolves",
        Question.URL,
        needs=(Need.URL,),
        codes={
            Code.HOST_UNKNOWN: Row(
                severity=_B,
                later="NIEHOST_UNKNOWN, RFC_COMMUNICATION_FAILURE",
                who=Who.NETWORK,
                cause="The name has no address in the DNS that this machine asks.",
                fix="Correct the host name, or have it made known to this machine's DNS; behind a proxy, set `proxy`.",
            ),
            Code.DNS_TIMEOUT: Row(
                severity=_B,
                later="NIEHOST_UNKNOWN, RFC_COMMUNICATION_FAILURE",
                who=Who.NETWORK,
                cause="The DNS did not answer in time.",
                fix="Ask the network people why this machine's DNS does not answer, and run the check again.",
            ),
        },
    ),
    Check(
        "test_port_accepts_connections",
        Question.URL,
        needs=_NETWORK[:2],
        codes={
            Code.PORT_REFUSED: Row(
                severity=_B,
                later="NIECONN_REFUSED, RFC_COMMUNICATION_FAILURE",
                who=Who.NETWORK,
                cause="Nothing listens there, or a firewall refuses.",
                fix="Correct the port, or have the firewall opened for this machine to that host and port.",
            ),
            Code.PORT_TIMEOUT: Row(
                severity=_B,
                later="NIECONN_TIMEOUT, RFC_COMMUNICATION_FAILURE",
                who=Who.NETWORK,
                cause="No answer to the connection request: usually a firewall that drops it.",
                fix="Have the firewall opened for this machine to that host and port, or set `proxy`.",
            ),
            Code.PORT_UNREACHABLE: Row(
                severity=_B,
                later="NIEHOST_UNREACHABLE, RFC_COMMUNICATION_FAILURE",
                who=Who.NETWORK,
                cause="No way leads to the address: no route, no network, or this machine's own firewall forbids it.",
                fix="Ask the network people for a route from this machine to the host, or name the proxy in systems.yaml.",
            ),
            Code.PROXY_REFUSED: Row(
                severity=_B,
                later=_COMMUNICATION,
                who=Who.NETWORK,
                cause="The proxy does not open a tunnel to this host.",
                fix="Have the proxy allow CONNECT to the host and port that the message names.",
            ),
            Code.PROXY_WANTS_LOGIN: Row(
                severity=_B,
                later=_COMMUNICATION,
                who=Who.NETWORK,
                cause="The proxy asks for a login (407).",
                fix="Give user and password in `proxy`; where it wants NTLM or Negotiate, ask for a way past it.",
            ),
            Code.PROXY_ANSWERS_ITSELF: Row(
                severity=_B,
                later=_COMMUNICATION,
                who=Who.NETWORK,
                cause="The proxy answered with something other than a tunnel, a page of its own for example.",
                fix="Correct host and port of the proxy, and have it allow the host.",
            ),
        },
    ),
    Check(
        "test_url_answers_https",
        Question.URL,
        needs=_NETWORK,
        codes={
            Code.HTTP_NO_ANSWER: Row(
                severity=_M,
                later="SSSLERR_SSL_READ (-58), RFC_COMMUNICATION_FAILURE",
                who=Who.SAP,
                cause="TLS works, but no HTTP answer came.",
                fix="Try again; if it lasts, ask the SAP admin whether the system is up.",
            ),
            Code.HTTP_SERVER_ERROR: Row(
                severity=_M,
                later=_COMMUNICATION,
                who=Who.SAP,
                cause="The server answers with 5xx, in maintenance perhaps; the trust verdict stands.",
                fix="Look whether the system is in maintenance, and run the check again afterwards.",
            ),
            Code.CLIENT_CERTIFICATE_WANTED: Row(
                severity=_M,
                later="SSSLERR_SSL_CONNECT (-57), or a logon that fails",
                who=Who.SAP,
                cause="The server lets nobody in without a client certificate; its own certificates could be seen all the same.",
                fix="Ask the SAP admin which kind of logon the communication arrangement wants.",
            ),
            Code.HTTP_LOGIN_PAGE: Row(
                severity=_m,
                later="a redirect instead of the RFC service",
                who=Who.CLIENT,
                cause="A login page answers where an API should.",
                fix="Take the API URL from the communication arrangement, not the one from the browser.",
            ),
            Code.HTTP_TOO_MANY_REQUESTS: Row(
                severity=_m,
                later="429",
                who=Who.SAP,
                cause="The server limits the rate of unauthenticated calls.",
                fix="Wait and run the check again, less often.",
            ),
            Code.ASKED_AGAIN: Row(
                severity=_m,
                later=_COMMUNICATION,
                who=Who.NETWORK,
                cause="With `--retry` the system was asked again, because the network did not let the first question through.",
                fix="None, if it was in maintenance. If it happens often, ask whoever runs the network or the system why.",
            ),
        },
    ),
    Check(
        "test_clock_agrees_with_the_server",
        Question.URL,
        needs=_NETWORK,
        codes={
            Code.CLOCK_SKEW: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="This machine's clock differs from the server's Date header by over five minutes.",
                fix="Set this machine's clock, best by NTP.",
            ),
        },
    ),
    Check(
        "test_tls_handshake_succeeds",
        Question.CHAIN,
        needs=_NETWORK[:3],
        codes={
            Code.NOT_TLS: Row(
                severity=_B,
                later="SSSLERR_SSL_CONNECT (-57)",
                who=Who.NETWORK,
                cause="The port speaks something other than TLS.",
                fix="Correct host and port; if they are right, something in the network answers in the server's place.",
            ),
            Code.TLS_HANDSHAKE_FAILED: Row(
                severity=_B,
                later=_HANDSHAKE,
                who=Who.NETWORK,
                cause="The TLS handshake was refused or cut.",
                fix="Ask the network people whether a firewall or proxy cuts TLS to this host.",
            ),
            Code.TLS_TIMEOUT: Row(
                severity=_B,
                later=_HANDSHAKE,
                who=Who.NETWORK,
                cause="The TLS handshake did not end in time.",
                fix="Ask the network people whether a firewall or proxy holds TLS to this host back.",
            ),
            Code.TLS_TOO_OLD: Row(
                severity=_B,
                later=_HANDSHAKE,
                who=Who.SAP,
                cause="The server speaks nothing newer than TLS 1.1.",
                fix="Have the server, or what stands before it, speak TLS 1.2.",
            ),
            Code.TLS_13_ONLY: Row(
                severity=_M,
                later="SSSLERR_SSL_CONNECT (-57) with CommonCryptoLib before 8.5.48",
                who=Who.SAP,
                cause="The server refuses TLS 1.2; CommonCryptoLib speaks 1.3 only from 8.5.48.",
                fix="Update SAP's CommonCryptoLib on this machine to 8.5.48 or newer, or have the server allow TLS 1.2.",
            ),
            Code.ADDRESSES_DIFFER: Row(
                severity=_M,
                later="connections that work today and fail tomorrow",
                who=Who.SAP,
                cause="The addresses of the host, or its kinds of key, do not show chains of the same issuers.",
                fix="Have all addresses send chains of the same issuers; until then keep all their roots in the PSE.",
            ),
            Code.EVIDENCE_INCONSISTENT: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="The files of a recording contradict each other, so one of them was changed after it was made.",
                fix="Ask the system again, and do not rely on this recording.",
            ),
        },
    ),
    Check(
        "test_certificate_names_the_host",
        Question.CHAIN,
        needs=(*_CERTIFICATE, Need.SERVERS_OWN),
        codes={
            Code.HOST_NOT_IN_CERTIFICATE: Row(
                severity=_B,
                later=_WRONG_HOST,
                who=Who.SAP,
                cause="The server certificate does not name the host.",
                fix="Correct the host in `url`, or have a certificate issued that names it.",
            ),
        },
    ),
    Check(
        "test_chain_is_complete",
        Question.CHAIN,
        needs=(*_CERTIFICATE, Need.GENUINE_CHAIN),
        codes={
            Code.SERVER_OMITS_INTERMEDIATE: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="The server does not send an intermediate that is needed to reach the root.",
                fix="Have the server send the intermediate that the message names after its own certificate.",
            ),
            Code.SERVER_SENDS_WRONG_INTERMEDIATE: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="The server sends another intermediate than the one that is needed.",
                fix="Have the server send the intermediate that the message names in place of the wrong one.",
            ),
            Code.CHAIN_OUT_OF_ORDER: Row(
                severity=_m,
                later="some TLS libraries refuse it",
                who=Who.SAP,
                cause="The certificates are not sent from the server's to the root's.",
                fix="Have the server send its own certificate first, and after each certificate the one that signed it.",
            ),
            Code.CHAIN_HAS_EXTRAS: Row(
                severity=_m,
                later="",
                who=Who.SAP,
                cause="The server sends certificates that the path does not need.",
                fix="Have the server send its own certificate and its intermediates only, each once.",
            ),
        },
    ),
    Check(
        "test_chain_is_valid",
        Question.CHAIN,
        needs=(*_NETWORK, Need.GENUINE_CHAIN, Need.COMPLETE_CHAIN, Need.VERIFIABLE_CHAIN),
        codes={
            Code.CERTIFICATE_EXPIRED: Row(
                severity=_B,
                later=_ENDED,
                who=Who.SAP,
                cause="A certificate of the path has ended.",
                fix="Have the certificate renewed and the new one sent; if this machine's clock is fast, set it.",
            ),
            Code.CERTIFICATE_NOT_YET_VALID: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate of the path is not valid yet, or this machine's clock is slow.",
                fix="Set this machine's clock if it is slow; else have the older certificate sent until then.",
            ),
            Code.CERTIFICATE_SELF_SIGNED: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="The server certificate is signed by itself, so nothing vouches for it.",
                fix="Have one issued by an authority; for a test system, put the compared fingerprint into `pinned`.",
            ),
            Code.SIGNATURE_WRONG: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate was not signed by the key of the one that is named as its issuer.",
                fix="Have the genuine chain sent: a certificate was changed, or signed by another key of the same name.",
            ),
            Code.CA_CONSTRAINT_BROKEN: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate is used for what it does not allow: signing, the path length, the name, the purpose.",
                fix="Have the certificate issued by an authority that may do so.",
            ),
            Code.CONSTRAINT_NOT_JUDGED: Row(
                severity=_M,
                later=_PERHAPS_UNTRUSTED,
                who=Who.SAP,
                cause="An authority limits what may stand below it in a way that cannot be judged here, so it is not accepted.",
                fix="Try the connection with SAP's client; to have it judged here, use an authority without such constraints.",
            ),
            Code.CERTIFICATE_IRREGULAR: Row(
                severity=_B,
                later=_PERHAPS_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate breaks a rule of form (RFC 5280); a minor finding where clients put up with it.",
                fix="Have the certificate issued anew in the form that RFC 5280 wants.",
            ),
            Code.CERTIFICATE_UNREADABLE: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate cannot be read.",
                fix="Have the server send its certificates again from the authority's original files.",
            ),
            Code.KEY_IDENTIFIERS_DIFFER: Row(
                severity=_m,
                later=_PERHAPS_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate names another key than its issuer's as the one that signed it; major where OpenSSL refuses the path for it.",
                fix="Have the certificate issued anew by the authority's present certificate.",
            ),
            Code.NAME_FORM_DIFFERS: Row(
                severity=_m,
                later=_PERHAPS_UNTRUSTED,
                who=Who.SAP,
                cause="A certificate writes its issuer's name in another form (kind of string, case, blanks) than the issuer; major where the path depends on it.",
                fix="Have the certificate issued anew by an authority that writes its name the same way everywhere.",
            ),
            Code.ROOT_UNTRUSTED: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="The chain is sound, but its root is not among the roots it is judged by.",
                fix="If the root is your company's own, compare its fingerprint and name it in `roots` or `pinned`.",
            ),
            Code.ROOTS_FROM_PSE: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="Nobody has named the roots of a host outside SAP's cloud, so its chain is judged by the PSE's own list.",
                fix="Name in systems.yaml by which roots it is to be judged: `roots` or `pinned`.",
            ),
            Code.ROOTS_FILE_DAMAGED: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="A certificate in the file that `roots` names cannot be read; the others in it are used.",
                fix="Get the file anew, or take what is damaged out of it.",
            ),
        },
    ),
    Check(
        "test_chain_is_not_inspected",
        Question.CHAIN,
        needs=_CERTIFICATE,
        codes={
            Code.TLS_INSPECTED: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.NETWORK,
                cause="A TLS-inspecting proxy re-signed the connection: known by name, or by a root on SAP's domains that neither Mozilla nor SAP knows.",
                fix="Have the host excluded from TLS inspection; or name the root in `roots` or `pinned`, if it is meant.",
            ),
        },
    ),
    Check(
        "test_chain_outlasts_the_next_weeks",
        Question.CHAIN,
        needs=(*_NETWORK, Need.GENUINE_CHAIN, Need.COMPLETABLE_CHAIN, Need.VERIFIED_PATH),
        codes={
            Code.CERTIFICATE_EXPIRES_SOON: Row(
                severity=_M,
                later=_ENDED,
                who=Who.SAP,
                cause="A certificate that trust relies on ends soon.",
                fix="Have it renewed, or put its successor into the PSE, before the day that the message names.",
            ),
            Code.RENEWAL_DUE: Row(
                severity=_m,
                later="",
                who=Who.SAP,
                cause="A certificate that the server renews by itself is due for renewal.",
                fix="Nothing in the PSE; ask the SAP admin if it has not been renewed by the day that the message names.",
            ),
        },
    ),
    Check(
        "test_chain_is_strong",
        Question.CHAIN,
        needs=_CERTIFICATE,
        codes={
            Code.CERTIFICATE_WEAK: Row(
                severity=_m,
                later="a later CommonCryptoLib may refuse it",
                who=Who.SAP,
                cause="SHA-1, MD5, RSA below 2048 bits, or an unusual or written-out curve; major where common clients refuse it.",
                fix="Have one issued with SHA-256 and RSA of at least 2048 bits, or a P-256 or P-384 key.",
            ),
        },
    ),
    Check(
        "test_pse_exists",
        Question.PSE,
        needs=(Need.PSE_MADE,),
        codes={
            Code.PSE_MISSING: Row(
                severity=_B,
                later="RFC_INVALID_PARAMETER: Unable to use TLS with client PSE missing",
                who=Who.CLIENT,
                cause="There is no PSE at the configured path.",
                fix="Correct `pse` or `secudir`, or run once without `--read-only`, which makes it.",
            ),
            Code.PSE_UNREADABLE: Row(
                severity=_B,
                later=_PSE_ERROR,
                who=Who.CLIENT,
                cause="The PSE is a folder, no PSE, damaged, not permitted to read, or held by another program.",
                fix="Correct the path or the rights, or stop the program that holds it; a damaged PSE comes back from a backup, or is moved away and made anew.",
            ),
            Code.EVIDENCE_NOT_WRITTEN: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="The files about the system, which fixes name, could not be written.",
                fix="Name a folder with `--evidence` that the account may write to and that has room.",
            ),
            Code.PSE_CREATED: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="The PSE was missing and has been made in this run.",
                fix="Name this file to the client as its PSE, and restart the client.",
            ),
            Code.PSE_REPAIRED: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="Missing certificates were added to the PSE in this run (--repair).",
                fix="Restart the client, then remove the backup: it holds the private key, too.",
            ),
            Code.PSE_UNCONFIRMED: Row(
                severity=_m,
                later=_PSE_ERROR,
                who=Who.CLIENT,
                cause="The PSE was written by the bundled implementation and not yet listed by SAP's tool.",
                fix="Run the checks once where SAP's sapgenpse is installed.",
            ),
            Code.TOOL_MISSING: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="The program that was asked for is not there.",
                fix="Correct `--sapgenpse`, install SAP's program, or say `--engine=bundled`.",
                is_error=True,
            ),
            Code.TOOL_FAILED: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="The program failed or said something unknown.",
                fix="Mend what the program says, name another one by `--sapgenpse`, or say `--engine=bundled`.",
                is_error=True,
            ),
            Code.TOOL_TIMEOUT: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="The program did not end in time.",
                fix="Look what holds the program up (a network drive?) and run the check again.",
                is_error=True,
            ),
            Code.TOOL_NEEDS_LIBRARY_PATH: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="SAP's program does not find its library although that lies beside it; it was run with its own folder in the path of libraries.",
                fix="Set the variable that the message names before you call the program by hand.",
            ),
        },
    ),
    Check(
        "test_pse_needs_no_pin",
        Question.PSE,
        needs=_PSE,
        codes={
            Code.PSE_HAS_PIN: Row(
                severity=_B,
                later=_NO_CREDENTIALS,
                who=Who.CLIENT,
                cause="The PSE is protected by a PIN, and the client cannot give one.",
                fix='Take the PIN off, or make the PSE anew without one: `-x ""`.',
            ),
            Code.PSE_MACHINE_BOUND: Row(
                severity=_m,
                later=_PSE_ERROR,
                who=Who.CLIENT,
                cause="The PSE is bound to a machine by Local Protection Storage (LPS).",
                fix="Nothing while it stays on its machine; for another machine make another PSE.",
            ),
        },
    ),
    Check(
        "test_pse_is_private",
        Question.PSE,
        needs=_PSE,
        codes={
            Code.PSE_READABLE_BY_OTHERS: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="Everybody on this machine can read the private key in the PSE.",
                fix="Let nobody but the client's account read the file: `chmod 600`, or `icacls` on Windows.",
            ),
            Code.PSE_READABLE_BY_GROUP: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="The file's group, or on Windows somebody by name, can read the private key in the PSE.",
                fix="Let nobody but the client's account read the file, unless the group is meant to.",
            ),
            Code.PSE_WRITABLE_BY_OTHERS: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="Somebody else can change the PSE or put another in its place, and so decide whom the client trusts.",
                fix="Let nobody but the client's account and administrators write to the file and to its folder.",
            ),
        },
    ),
    Check(
        "test_pse_owner_is_as_configured",
        Question.PSE,
        needs=_PSE,
        codes={
            Code.PSE_OWNER_EXPIRED: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="The PSE's own certificate has ended; it matters for client-certificate logon only.",
                fix="Nothing for logon with user and password; make the PSE anew before you use client certificates.",
            ),
            Code.PSE_OWNER_DIFFERS: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="The PSE's own certificate names somebody else than `dn`.",
                fix="Correct `dn` in systems.yaml, or name the right PSE.",
            ),
            Code.CLIENT_CERTIFICATE_MISSING: Row(
                severity=_B,
                later=_LOGON,
                who=Who.CLIENT,
                cause="The client logs on with the certificate of its PSE, which has none, or no key that fits it.",
                fix="Import key and certificate into the PSE, or log on with user and password.",
            ),
            Code.CLIENT_CERTIFICATE_ENDED: Row(
                severity=_B,
                later=_LOGON,
                who=Who.CLIENT,
                cause="The client logs on with a certificate that has ended or has not begun, or whose issuer has.",
                fix="Have a new certificate issued for the key of the PSE, and import it with `import_own_cert`.",
            ),
            Code.CLIENT_CERTIFICATE_ENDS_SOON: Row(
                severity=_m,
                later=_LOGON,
                who=Who.CLIENT,
                cause="The certificate with which the client logs on ends soon, and nobody but people renews it.",
                fix="Have a new certificate issued for the key of the PSE, and import it with `import_own_cert`.",
            ),
            Code.CLIENT_CERTIFICATE_SELF_SIGNED: Row(
                severity=_M,
                later=_LOGON,
                who=Who.CLIENT,
                cause="The client logs on with a certificate that no authority has signed.",
                fix="Have an authority that SAP trusts sign a request of the PSE, and import its answer.",
            ),
            Code.CLIENT_CERTIFICATE_INCOMPLETE: Row(
                severity=_M,
                later=_LOGON,
                who=Who.CLIENT,
                cause="The PSE lacks an issuer of the certificate with which the client logs on, so it cannot send it.",
                fix="Import the certificate again, together with those of its issuers.",
            ),
            Code.CLIENT_CERTIFICATE_UNSUITABLE: Row(
                severity=_M,
                later=_LOGON,
                who=Who.CLIENT,
                cause="The certificate with which the client logs on is not meant for that, or its key is too weak.",
                fix="Have a certificate for client authentication issued, for an RSA key of 2048 bits or more.",
            ),
        },
    ),
    Check(
        "test_client_account_can_read_the_pse",
        Question.PSE,
        needs=(*_CLIENT, Need.PSE_MADE),
        codes={
            Code.PSE_UNREADABLE_FOR_ACCOUNT: Row(
                severity=_B,
                later=_PSE_ERROR,
                who=Who.CLIENT,
                cause="The account that the client runs as cannot read the PSE.",
                fix="Let the client's account read the PSE and enter the folders above it; the message names the commands.",
            ),
            Code.CLIENT_ACCOUNT_UNKNOWN: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="This machine knows no such account as systems.yaml names.",
                fix="Correct `account` in systems.yaml.",
                is_error=True,
            ),
            Code.CLIENT_ACCESS_UNKNOWN: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="The access rights of the PSE, or of a folder on its way, cannot be seen by whoever runs this.",
                fix="Run the checks as the client's account, or as an account that may see the rights.",
                is_error=True,
            ),
            Code.CLIENT_ACCOUNT_ASSUMED: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="No service of the product is found here, so the account is taken with which the product is installed.",
                fix="Write `client.account` in systems.yaml, as the service's properties show it (services.msc, Log On).",
            ),
        },
    ),
    Check(
        "test_maintain_pk_lists_the_chain",
        Question.PK_LIST,
        needs=(*_LIST, *_NETWORK, Need.VERIFIED_PATH),
        codes={
            Code.PK_LIST_EMPTY: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="The certificate list of the PSE is empty.",
                fix="Add the root and the intermediates; the message names the commands, or say `--repair`.",
            ),
            Code.ROOT_NOT_IN_PSE: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="The root of the server's chain is not in the certificate list.",
                fix="Add the root; the message names the commands, or say `--repair`.",
            ),
            Code.PK_LIST_NOT_COMPARABLE: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="The list names a certificate like the root, but nothing proves that it is the root: there is no SHA-256, and the file cannot be opened here.",
                fix="Update SAP's sapgenpse, so that it prints SHA-256 fingerprints, or use a PSE that can be read.",
            ),
            Code.INTERMEDIATE_NOT_IN_PSE: Row(
                severity=_m,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="An intermediate of the server's chain is not in the certificate list.",
                fix="Add the intermediate; the message names the commands, or say `--repair`.",
            ),
            Code.LEAF_NOT_IN_PSE: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="The server certificate is wanted in the certificate list (include_leaf) and is not there.",
                fix="Add the server certificate, and again after each renewal, or set `include_leaf: false`.",
            ),
            Code.PSE_NOT_REPAIRED: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="--repair was asked for, and the PSE could not be changed; it is as it was.",
                fix="Mend the reason that the message names and run again, or add the certificates by hand.",
            ),
            Code.TRUST_STORE_ENTRIES_LEFT_OUT: Row(
                severity=_m,
                later="unable to find valid certification path to requested target (Java)",
                who=Who.CLIENT,
                cause="A trust store holds certificates that its client does not trust: they are damaged, or a PKCS#12 file"
                " lacks the mark by which Java knows trusted ones, as those that openssl makes do.",
                fix="Import what the client needs again, with `keytool -importcert`.",
            ),
        },
    ),
    Check(
        "test_file_and_tool_agree",
        Question.PK_LIST,
        needs=_LIST,
        codes={
            Code.PK_LIST_DISAGREES: Row(
                severity=_M,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="The tool lists other certificates than the file holds.",
                fix="Trust neither until you know why: list the PSE by hand with SAP's sapgenpse and compare.",
            ),
        },
    ),
    Check(
        "test_pk_list_is_current",
        Question.PK_LIST,
        needs=_LIST,
        codes={
            Code.PK_LIST_EXPIRED: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="The certificate list holds certificates that have ended.",
                fix="Harmless; leave them out when the PSE is made anew.",
            ),
        },
    ),
    Check(
        "test_pk_list_holds_the_required_roots",
        Question.PK_LIST,
        needs=_LIST,
        codes={
            Code.REQUIRED_ROOT_NOT_IN_PSE: Row(
                severity=_M,
                later="SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next root change",
                who=Who.CLIENT,
                cause="A root that systems.yaml requires, or SAP's own list (then minor), is not in the certificate list.",
                fix="Add this root; the message says where it is to be had. `required_roots: sap` lets a run add SAP's.",
            ),
            Code.ROOT_CHANGE_AHEAD: Row(
                severity=_m,
                later="SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next root change",
                who=Who.CLIENT,
                cause="What follows the server's root is known and not in the certificate list, or the root is given up by SAP or browsers; major near a known day.",
                fix="Add the successor before the day that the message names, and keep the old root until then.",
            ),
        },
    ),
    Check(
        "test_pk_list_trusts_no_inspection",
        Question.PK_LIST,
        needs=_LIST,
        codes={
            Code.PSE_TRUSTS_INSPECTION: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="The certificate list trusts a TLS-inspecting proxy for everything, or a root that only bears the name of one of SAP's.",
                fix="Bypass the proxy for this host and remove its root, or name it in `roots` or `pinned`.",
            ),
        },
    ),
    Check(
        "test_pse_trusts_the_server",
        Question.TRUST,
        needs=_TRUST,
        codes={
            Code.SERVER_NOT_TRUSTED: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="Nothing in the certificate list vouches for the server's chain.",
                fix="Add the certificates that the message names, the root above all, or say `--repair`.",
            ),
        },
    ),
    Check(
        "test_trust_survives_renewal",
        Question.TRUST,
        needs=(*_TRUST, Need.TRUST),
        codes={
            Code.PSE_HOLDS_SERVER_CERT_ONLY: Row(
                severity=_M,
                later="SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next renewal",
                who=Who.CLIENT,
                cause="Only the server certificate is trusted; trust ends with it.",
                fix="Add the root and the intermediates, or say `--repair`.",
            ),
            Code.PSE_HOLDS_INTERMEDIATE_ONLY: Row(
                severity=_M,
                later="SSSLERR_PEER_CERT_UNTRUSTED (-102) after the next change of the intermediate",
                who=Who.CLIENT,
                cause="Only an intermediate is trusted, not its root; SAP's library may refuse that, and trust ends with it.",
                fix="Add the root, or say `--repair`.",
            ),
        },
    ),
    Check(
        "test_handshake_with_the_pse_alone",
        Question.TRUST,
        needs=(*_TRUST, Need.TRUST, Need.NAMED_HOST, Need.COMMON_CHAIN),
        codes={
            Code.HANDSHAKE_REFUSED: Row(
                severity=_B,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="A live TLS handshake that trusts the PSE's list and nothing else failed.",
                fix="Mend the other red checks first; if there is none, compare the chain with what the message says.",
            ),
        },
    ),
    Check(
        "test_websocket_rfc_answers",
        Question.WEBSOCKET_RFC,
        needs=(*_TRUST, Need.TRUST, Need.NAMED_HOST, Need.LIVE),
        codes={
            Code.WSRFC_NO_UPGRADE: Row(
                severity=_m,
                later=_COMMUNICATION,
                who=Who.SAP,
                cause="The server did not open a WebSocket for RFC.",
                fix="Ask the SAP admin whether the communication arrangement SAP_COM_0636 is there and WebSocket RFC is on.",
            ),
            Code.WSRFC_BLOCKED: Row(
                severity=_m,
                later=_COMMUNICATION,
                who=Who.NETWORK,
                cause="Something between client and server does not let the WebSocket upgrade through.",
                fix="Have proxies and firewalls let `Upgrade: websocket` through to this host.",
            ),
        },
    ),
    Check(
        "test_this_is_the_clients_host",
        Question.CLIENT,
        needs=(),
        codes={
            Code.WRONG_HOST: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="This machine is none of those that the client runs on, so nothing is created here.",
                fix="Run the checks on a machine that the client runs on, or correct `hosts` in systems.yaml.",
            ),
        },
    ),
    Check(
        "test_pse_path_is_the_same_for_the_client_account",
        Question.CLIENT,
        needs=(*_CLIENT, Need.CLIENT_ACCOUNT),
        codes={
            Code.PSE_PATH_IS_PERSONAL: Row(
                severity=_M,
                later=_PSE_ERROR,
                who=Who.CLIENT,
                cause="The path of the PSE follows from the account and the SECUDIR of whoever runs this, and the client's differ.",
                fix="Write `pse` as an absolute path, or an absolute `secudir`, and name the same file to the client.",
            ),
        },
    ),
    Check(
        "test_client_ini_names_what_is_checked",
        Question.CLIENT,
        needs=_CLIENT,
        codes={
            Code.CLIENT_INI_UNREADABLE: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="sapnwrfc.ini cannot be read here.",
                fix="Correct `client_ini.file` in systems.yaml, or the rights of the file.",
                is_error=True,
            ),
            Code.CLIENT_INI_NO_DEST: Row(
                severity=_B,
                later="RFC_INVALID_PARAMETER",
                who=Who.CLIENT,
                cause="sapnwrfc.ini has no such destination.",
                fix="Correct `client_ini.dest` in systems.yaml, or add the destination to sapnwrfc.ini.",
            ),
            Code.CLIENT_INI_HOST_HAS_SCHEME: Row(
                severity=_B,
                later=_COMMUNICATION,
                who=Who.CLIENT,
                cause="WSHOST in sapnwrfc.ini has a scheme such as https://; the SDK takes a host alone.",
                fix="Write the host alone in WSHOST, without https://.",
            ),
            Code.CLIENT_INI_HOST_NOT_ALONE: Row(
                severity=_B,
                later=_COMMUNICATION,
                who=Who.CLIENT,
                cause="WSHOST in sapnwrfc.ini has a port, a path, a user, quotes or a comment beside the host; the SDK takes a host alone.",
                fix="Write the host alone in WSHOST; the port stands in WSPORT, a comment on a line of its own.",
            ),
            Code.CLIENT_INI_DIFFERS: Row(
                severity=_M,
                later="whatever is wrong with what the client really uses",
                who=Who.CLIENT,
                cause="Host, port, PSE, library or proxy in sapnwrfc.ini are not what is being checked.",
                fix="Correct sapnwrfc.ini or systems.yaml, whichever is wrong.",
            ),
            Code.CLIENT_INI_DEST_TWICE: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="The destination stands more than once in sapnwrfc.ini.",
                fix="Keep one of them.",
            ),
        },
    ),
    Check(
        "test_client_ini_verifies_the_server",
        Question.CLIENT,
        needs=(*_CLIENT, Need.CLIENT_INI),
        codes={
            Code.CLIENT_INI_TRUSTS_ALL: Row(
                severity=_M,
                later="",
                who=Who.CLIENT,
                cause="TLS_TRUST_ALL is set, and not to 0: the client may verify no server at all.",
                fix="Remove the line TLS_TRUST_ALL from sapnwrfc.ini.",
            ),
        },
    ),
    Check(
        "test_client_ini_logs_on_with_an_alias",
        Question.CLIENT,
        needs=(*_CLIENT, Need.CLIENT_INI),
        codes={
            Code.CLIENT_INI_USER_NOT_ALIAS: Row(
                severity=_B,
                later="RFC_LOGON_FAILURE",
                who=Who.CLIENT,
                cause="USER is given where a communication user of SAP's cloud logs on with ALIAS_USER.",
                fix="Write the name of the communication user as ALIAS_USER, and remove USER.",
            ),
            Code.CLIENT_INI_ALIAS_ODD: Row(
                severity=_m,
                later="RFC_LOGON_FAILURE",
                who=Who.CLIENT,
                cause="ALIAS_USER is longer than 40 characters, or has blanks at its ends.",
                fix="Copy the name of the communication user again; upper and lower case matter.",
            ),
        },
    ),
    Check(
        "test_connection_names_what_is_checked",
        Question.CLIENT,
        needs=_CLIENT,
        codes={
            Code.CONNECTIONS_UNREADABLE: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="The folder of the product, or that of its connections, is not there or cannot be read here.",
                fix="Correct `client.folder` in systems.yaml, or run the checks as an account that may read it.",
                is_error=True,
            ),
            Code.CONNECTION_HOST_NOT_ALONE: Row(
                severity=_B,
                later=_COMMUNICATION,
                who=Who.CLIENT,
                cause="The host in the product's connection has a scheme, a port, a path or a user beside it.",
                fix="Write the host alone in the connection: no https://, no port, no path.",
            ),
            Code.CONNECTION_DIFFERS: Row(
                severity=_M,
                later="whatever is wrong with what the client really uses",
                who=Who.CLIENT,
                cause="Host, port, client PSE or library of the product's connection are not what is being checked.",
                fix="Correct the connection in the product or systems.yaml, whichever is wrong.",
            ),
            Code.CONNECTION_NOT_FOUND: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="None of the product's connections that are understood here leads to this host.",
                fix="Make the connection in the product, or compare it there by hand.",
            ),
            Code.CONNECTION_NOT_UNDERSTOOD: Row(
                severity=_m,
                later="",
                who=Who.CLIENT,
                cause="A connection file of the product has a form that is not known here, or lacks what is compared.",
                fix="Compare host, port, library, client PSE and alias in the product by hand.",
            ),
        },
    ),
    Check(
        "test_connection_logs_on_with_an_alias",
        Question.CLIENT,
        needs=(*_CLIENT, Need.CONNECTIONS),
        codes={
            Code.CONNECTION_USER_NOT_ALIAS: Row(
                severity=_B,
                later="RFC_LOGON_FAILURE",
                who=Who.CLIENT,
                cause="\"User name is alias\" is not ticked in the product's connection to a system of SAP's cloud.",
                fix='Tick "User name is alias" and give the name of the communication user.',
            ),
        },
    ),
    Check(
        "test_crypto_library_fits_the_client",
        Question.CLIENT,
        needs=_CLIENT,
        codes={
            Code.CRYPTO_LIBRARY_MISSING: Row(
                severity=_B,
                later=_LIBRARY,
                who=Who.CLIENT,
                cause="There is no file at the path of SAP's TLS library.",
                fix="Correct the path, or install SAP's CommonCryptoLib there.",
            ),
            Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT: Row(
                severity=_B,
                later=_LIBRARY,
                who=Who.CLIENT,
                cause="The account that the client runs as cannot read SAP's TLS library.",
                fix="Let the client's account read the library and enter the folders above it.",
            ),
            Code.CRYPTO_LIBRARY_NO_LIBRARY: Row(
                severity=_B,
                later=_LIBRARY,
                who=Who.CLIENT,
                cause="The file that is named as SAP's TLS library is no library.",
                fix="Unpack SAP's archive (`SAPCAR -xvf`) and name the library in it.",
            ),
            Code.CRYPTO_LIBRARY_BITS: Row(
                severity=_B,
                later="SSSLERR_INCOMPATIBLE_LIB (-2), RFC_CRYPTOLIB_FAILURE",
                who=Who.CLIENT,
                cause="SAP's TLS library and the client are built for different numbers of bits.",
                fix="Install SAP's CommonCryptoLib for the client's number of bits.",
            ),
            Code.CRYPTO_LIBRARY_NOT_JUDGED: Row(
                severity=_B,
                later="",
                who=Who.CLIENT,
                cause="SAP's TLS library is there, and whoever runs this may not read it.",
                fix="Run the checks as the client's account, or as an account that may read the library.",
                is_error=True,
            ),
            Code.CRYPTO_LIBRARY_PATH_RELATIVE: Row(
                severity=_M,
                later=_LIBRARY,
                who=Who.CLIENT,
                cause="The path of SAP's TLS library is not absolute, as the SDK wants it.",
                fix="Write the path in full.",
            ),
            Code.CRYPTO_LIBRARY_OLD: Row(
                severity=_m,
                later=_UNTRUSTED,
                who=Who.CLIENT,
                cause="SAP's TLS library is older than 8.5.",
                fix="Install a current CommonCryptoLib.",
            ),
        },
    ),
)
"""Every check, in the order in which a connection comes about."""

OF_ANY_CHECK: Mapping[Code, Row] = {
    Code.NO_EVIDENCE: Row(
        severity=_B,
        later="",
        who=Who.TOOLKIT,
        cause="The check found nothing wrong, and saw nothing that proves it right: a fault of the toolkit, not of the system.",
        fix="Report it to the makers of pse-preflight, with the `evidence.json` of the run.",
        is_error=True,
    ),
}
"""What may befall every check, and so belongs to none."""

_HANA_FAILED = "-10709: Connection failed"
_HANA_UNTRUSTED = f"{_HANA_FAILED} (RTE:[300015] SSL certificate validation failed)"
_HANA_CONTEXT = f"{_HANA_FAILED} (RTE:[300010] Cannot create SSL context)"
_HANA_ENGINE = f"{_HANA_FAILED} (RTE:[300012] Cannot create SSL engine)"
_HANA_CLOSED = f"{_HANA_FAILED} (RTE:[89013] Socket closed by peer)"
_HANA_CONNECT = f"{_HANA_FAILED} (RTE:[89006] System call 'connect' failed)"
_HANA_NAME = f"{_HANA_FAILED} (RTE:[89001] Cannot resolve host name)"

LATER_OF_HANA: Mapping[Code, str] = {
    **dict.fromkeys((Code.HOST_UNKNOWN, Code.DNS_TIMEOUT, Code.URL_PLACEHOLDER), _HANA_NAME),
    **dict.fromkeys((Code.PORT_REFUSED, Code.PORT_TIMEOUT, Code.PORT_UNREACHABLE), _HANA_CONNECT),
    **dict.fromkeys((Code.PROXY_REFUSED, Code.PROXY_WANTS_LOGIN, Code.PROXY_ANSWERS_ITSELF), _HANA_FAILED),
    **dict.fromkeys((Code.URL_NOT_HTTPS, Code.URL_UNUSUAL, Code.TLS_TIMEOUT), _HANA_FAILED),
    **dict.fromkeys((Code.NOT_TLS, Code.TLS_TOO_OLD, Code.TLS_13_ONLY), _HANA_ENGINE),
    Code.TLS_HANDSHAKE_FAILED: _HANA_CLOSED,
    **dict.fromkeys(
        (
            Code.HOST_NOT_IN_CERTIFICATE,
            Code.SERVER_OMITS_INTERMEDIATE,
            Code.SERVER_SENDS_WRONG_INTERMEDIATE,
            Code.CERTIFICATE_EXPIRED,
            Code.CERTIFICATE_NOT_YET_VALID,
            Code.CERTIFICATE_SELF_SIGNED,
            Code.SIGNATURE_WRONG,
            Code.CA_CONSTRAINT_BROKEN,
            Code.CERTIFICATE_IRREGULAR,
            Code.CERTIFICATE_UNREADABLE,
            Code.ROOT_UNTRUSTED,
            Code.TLS_INSPECTED,
            Code.PK_LIST_EMPTY,
            Code.ROOT_NOT_IN_PSE,
            Code.INTERMEDIATE_NOT_IN_PSE,
            Code.PSE_NOT_REPAIRED,
            Code.SERVER_NOT_TRUSTED,
            Code.HANDSHAKE_REFUSED,
        ),
        _HANA_UNTRUSTED,
    ),
    **dict.fromkeys(
        (Code.REQUIRED_ROOT_NOT_IN_PSE, Code.ROOT_CHANGE_AHEAD), f"{_HANA_UNTRUSTED}, after the next root change"
    ),
    **dict.fromkeys(
        (Code.PSE_HOLDS_SERVER_CERT_ONLY, Code.CERTIFICATE_EXPIRES_SOON), f"{_HANA_UNTRUSTED}, after the next renewal"
    ),
    Code.PSE_HOLDS_INTERMEDIATE_ONLY: f"{_HANA_UNTRUSTED}, after the next change of the intermediate",
    **dict.fromkeys(
        (
            Code.PSE_MISSING,
            Code.PSE_UNREADABLE,
            Code.PSE_HAS_PIN,
            Code.PSE_MACHINE_BOUND,
            Code.PSE_UNREADABLE_FOR_ACCOUNT,
            Code.PSE_PATH_IS_PERSONAL,
            Code.CRYPTO_LIBRARY_MISSING,
            Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT,
            Code.CRYPTO_LIBRARY_NO_LIBRARY,
            Code.CRYPTO_LIBRARY_BITS,
        ),
        _HANA_CONTEXT,
    ),
}
"""What a client of SAP HANA says later: the texts of SAP's tutorials and guides, as far as they are published."""

CHECKS: Mapping[str, Check] = {each.name: each for each in CHECKLIST}
"""Every check, by its name."""
CODES: Mapping[Code, Row] = {code: row for each in CHECKLIST for code, row in each.codes.items()}
"""Every code that a check owns, in the order of the checks."""
ROWS: Mapping[Code, Row] = {**CODES, **OF_ANY_CHECK}
"""What is said of every code."""
OWNERS: Mapping[Code, str] = {code: each.name for each in CHECKLIST for code in each.codes}
"""The name of the check that owns each code."""

GRAVE_CHAIN = (
    Code.CERTIFICATE_EXPIRED,
    Code.CERTIFICATE_NOT_YET_VALID,
    Code.CERTIFICATE_SELF_SIGNED,
    Code.SIGNATURE_WRONG,
    Code.CA_CONSTRAINT_BROKEN,
    Code.CONSTRAINT_NOT_JUDGED,
    Code.CERTIFICATE_IRREGULAR,
    Code.CERTIFICATE_UNREADABLE,
    Code.NAME_FORM_DIFFERS,
)
_UNVERIFIABLE = (Code.HOST_NOT_IN_CERTIFICATE, Code.CERTIFICATE_WEAK)
"""Without any host name, or with too weak a signature, no verifier accepts a chain; only then do they stop others."""
_REFUSED_BY_OPENSSL = (
    Code.KEY_IDENTIFIERS_DIFFER,
    Code.CA_CONSTRAINT_BROKEN,
    Code.CERTIFICATE_IRREGULAR,
    Code.CERTIFICATE_WEAK,
)
"""What a verified chain may have that OpenSSL refuses, which makes the live handshake; SAP's library may take it."""
_INCOMPLETE = (Code.SERVER_OMITS_INTERMEDIATE, Code.SERVER_SENDS_WRONG_INTERMEDIATE)

BREAKING: Mapping[Need, tuple[Code, ...]] = {
    Need.URL: (Code.URL_NOT_HTTPS,),
    Need.ADDRESS: (Code.HOST_UNKNOWN, Code.DNS_TIMEOUT),
    Need.CONNECTION: (
        Code.PORT_REFUSED,
        Code.PORT_TIMEOUT,
        Code.PORT_UNREACHABLE,
        Code.PROXY_REFUSED,
        Code.PROXY_WANTS_LOGIN,
        Code.PROXY_ANSWERS_ITSELF,
    ),
    Need.TLS: (Code.NOT_TLS, Code.TLS_HANDSHAKE_FAILED, Code.TLS_TIMEOUT, Code.TLS_TOO_OLD),
    Need.SERVER_CERTIFICATE: (Code.CERTIFICATE_UNREADABLE,),
    Need.GENUINE_CHAIN: (Code.TLS_INSPECTED,),
    Need.TRUSTABLE_CHAIN: (Code.TLS_INSPECTED,),
    Need.COMPLETE_CHAIN: _INCOMPLETE,
    Need.COMPLETABLE_CHAIN: _INCOMPLETE,
    Need.VERIFIABLE_CHAIN: _UNVERIFIABLE,
    Need.SOUND_CHAIN: (*GRAVE_CHAIN, *_UNVERIFIABLE),
    Need.VERIFIED_PATH: (Code.TLS_INSPECTED, *_INCOMPLETE, *GRAVE_CHAIN, Code.ROOT_UNTRUSTED, *_UNVERIFIABLE),
    Need.NAMED_HOST: (Code.HOST_NOT_IN_CERTIFICATE,),
    Need.SERVERS_OWN: (Code.CA_CONSTRAINT_BROKEN, Code.CERTIFICATE_IRREGULAR, Code.CERTIFICATE_UNREADABLE),
    Need.COMMON_CHAIN: _REFUSED_BY_OPENSSL,
    Need.PSE_MADE: (Code.PSE_MISSING,),
    Need.PSE: (Code.PSE_UNREADABLE,),
    Need.LIST: (Code.PSE_HAS_PIN, Code.PSE_MACHINE_BOUND, Code.TOOL_MISSING, Code.TOOL_FAILED, Code.TOOL_TIMEOUT),
    Need.ROOT_LISTED: (
        Code.PK_LIST_EMPTY,
        Code.ROOT_NOT_IN_PSE,
        Code.PK_LIST_NOT_COMPARABLE,
        Code.INTERMEDIATE_NOT_IN_PSE,
    ),
    Need.TRUST: (Code.SERVER_NOT_TRUSTED,),
    Need.LIVE: (Code.HANDSHAKE_REFUSED, Code.CLIENT_CERTIFICATE_WANTED),
    Need.CLIENT_HOST: (Code.WRONG_HOST,),
    Need.CLIENT_ACCOUNT: (Code.CLIENT_ACCOUNT_UNKNOWN,),
    Need.CLIENT_INI: (Code.CLIENT_INI_UNREADABLE, Code.CLIENT_INI_NO_DEST),
    Need.CONNECTIONS: (Code.CONNECTIONS_UNREADABLE,),
}
"""The codes, each another check's, for which a need is not met."""
