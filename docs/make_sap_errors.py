"""Write docs/sap-errors.md from the one table of codes: python docs/make_sap_errors.py."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pse_preflight.checklist import CODES, Code

HEAD = """# SAP's error texts

A client that does not reach its system shows a text of SAP's. Search for it here: the codes beside it are the causes
that the checks tell apart, each with its fix. The full text often stands in the trace only: `dev_rfc*.trc` beside the
client for the RFC SDK, `dev_icm` for ABAP. Where many causes have one text, run the checks; they say which one it is.

This page is made from the table in the code by `python docs/make_sap_errors.py`.
"""

NAME = re.compile(r"\b(?:SSSLERR|SSSLRC|ICM|RFC|NIE)[A-Z]*_[A-Z0-9_]+\b")
"""How SAP's texts look."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of SAP's.

    Attributes:
        name: what people search for.
        number: as it is shown beside the name; empty where none is known.
        meaning: in one phrase.
        like: the texts of other layers for the same: what leads to those leads to this one.
        codes: the causes that are not named beside it in the table of codes.
        unchecked: why no check tells anything of it.
    """

    name: str
    number: str
    meaning: str
    like: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    unchecked: str = ""


TLS_LIBRARY = (
    Text("SSSLERR_LIB_NOT_FOUND", "-1", "SAP's TLS library is not found"),
    Text("SSSLERR_INCOMPATIBLE_LIB", "-2", "SAP's TLS library does not fit the client"),
    Text("SSSLERR_LIBINIT_FAILED", "-3", "SAP's TLS library does not start", like=("SSSLERR_INCOMPATIBLE_LIB",)),
    Text("SSSLERR_CONN_CLOSED", "-10", "closed during the handshake", like=("SSSLERR_SSL_CONNECT",)),
    Text(
        "SSSLRC_CONN_CLOSED",
        "-10",
        "the same, and all that many releases show of a handshake that failed",
        like=("SSSLERR_CONN_CLOSED", "SSSLERR_SSL_CONNECT", "SSSLERR_PEER_CERT_UNTRUSTED"),
    ),
    Text(
        "SSSLERR_NO_CLIENT_CERT",
        "-20",
        "the server wants a client certificate",
        codes=(Code.CLIENT_CERTIFICATE_WANTED,),
    ),
    Text("SSSLERR_NO_SERVER_CERT", "-21", "the server sent no certificate", codes=(Code.CERTIFICATE_UNREADABLE,)),
    Text("SSSLERR_NO_SSL_REQUEST", "-25", "the port speaks no TLS", codes=(Code.NOT_TLS, Code.URL_NOT_HTTPS)),
    Text("SSSLERR_HTTP_REQUEST", "-26", "plain HTTP on a TLS port", codes=(Code.URL_NOT_HTTPS, Code.NOT_TLS)),
    Text(
        "SSSLERR_HTTPS_PROXY_REQUEST",
        "-27",
        "a proxy request on a TLS port",
        codes=(Code.PROXY_ANSWERS_ITSELF, Code.CLIENT_INI_DIFFERS),
    ),
    Text("SSSLERR_MISSING_TARGET_HOSTNAME", "-28", "the client named no host", codes=(Code.CLIENT_INI_DIFFERS,)),
    Text("SSSLERR_SERVER_CERT_MISMATCH", "-30", "the server certificate is for another host"),
    Text("SSSLERR_PSE_ERROR", "-40", "the PSE is missing, damaged, not readable, or has a PIN"),
    Text(
        "SSSLERR_FILENAME_TRUNCATED",
        "-41",
        "the path of the PSE is too long",
        codes=(Code.PSE_UNREADABLE, Code.PSE_PATH_IS_PERSONAL),
    ),
    Text("SSSLERR_CRED_NOT_FOUND", "-42", "the PSE has a PIN, and this account has no credentials for it"),
    Text("SSSLERR_CERT_FILE", "-50", "the own certificate in the PSE is damaged", codes=(Code.PSE_UNREADABLE,)),
    Text("SSSLERR_PRIVKEY_FILE", "-51", "the private key in the PSE is damaged", codes=(Code.PSE_UNREADABLE,)),
    Text("SSSLERR_CERT_PRIVKEY_MISMATCH", "-52", "key and certificate do not fit", codes=(Code.PSE_UNREADABLE,)),
    Text("SSSLERR_SSL_CONNECT", "-57", "the handshake failed"),
    Text("SSSLERR_SSL_READ", "-58", "reading failed, often for a fatal alert", like=("SSSLERR_SSL_CONNECT",)),
    Text("SSSLERR_SSL_WRITE", "-59", "writing failed", like=("SSSLERR_SSL_READ",)),
    Text("SSSLERR_PEER_CERT_UNTRUSTED", "-102", "the server's certificate is not trusted"),
    Text("SSSLERR_PEER_CERT_EXPIRED", "", "the server's certificate has ended (SAP KBA 3391859)"),
)
SDK = (
    Text("RFC_COMMUNICATION_FAILURE", "1", "network, TLS or WebSocket failed; the trace names the SSSLERR"),
    Text("RFC_LOGON_FAILURE", "2", "password, user in place of the alias, or a locked user"),
    Text("RFC_INVALID_PARAMETER", "20", '"Unable to use TLS with client PSE missing": no TLS_CLIENT_PSE'),
    Text("RFC_CRYPTOLIB_FAILURE", "31", "SAP's TLS library or the PSE cannot be used"),
    Text(
        "RFC_ABAP_MESSAGE",
        "",
        '"UCON RFC Rejected": the function is in no communication arrangement',
        unchecked="not checked: arrangements and UCON cannot be seen from outside; is SAP_COM_0636 missing?",
    ),
)
ICM = (
    Text(
        "ICM_HTTP_SSL_PEER_CERT_UNTRUSTED",
        "HTTP 421",
        "as SSSLERR_PEER_CERT_UNTRUSTED",
        like=("SSSLERR_PEER_CERT_UNTRUSTED",),
    ),
    Text(
        "ICM_HTTP_SSL_CERT_MISMATCH",
        "HTTP 415",
        "as SSSLERR_SERVER_CERT_MISMATCH",
        like=("SSSLERR_SERVER_CERT_MISMATCH",),
    ),
    Text("ICM_HTTP_SSL_CRED_NOT_FOUND", "HTTP 414", "as SSSLERR_CRED_NOT_FOUND", like=("SSSLERR_CRED_NOT_FOUND",)),
    Text(
        "ICM_HTTP_SSL_ERROR",
        "HTTP 407",
        "any failure of TLS; dev_icm names the SSSLERR",
        like=("SSSLERR_SSL_CONNECT", "SSSLERR_PEER_CERT_UNTRUSTED", "SSSLERR_PSE_ERROR"),
    ),
)
NETWORK = (
    Text("NIEHOST_UNKNOWN", "", "the name has no address"),
    Text("NIEHOST_UNREACHABLE", "", "no way leads to the address"),
    Text("NIECONN_REFUSED", "", "nothing listens there"),
    Text("NIECONN_TIMEOUT", "", "no answer: usually a firewall"),
)
LAYERS = {
    "SAP's TLS library": TLS_LIBRARY,
    "The RFC SDK": SDK,
    "ABAP and ICM": ICM,
    "The network": NETWORK,
}


def page() -> str:
    """Return the page: per layer a row for each text."""
    parts = [HEAD]
    for layer, texts in LAYERS.items():
        parts.append(f"\n## {layer}\n\n| text | number | what it says | causes |\n|---|---|---|---|\n")
        parts += [_row(each) for each in texts]
    return "".join(parts)


def _row(text: Text) -> str:
    causes = ", ".join(f"[{code}](codes.md#{code.lower()})" for code in codes_of(text)) or text.unchecked
    return f"| `{text.name}` | {text.number} | {text.meaning} | {causes} |\n"


def codes_of(text: Text) -> tuple[Code, ...]:
    """Return the causes of a text, in the order of the checks."""
    found = {*text.codes, *_named_beside(text.name)}
    for name in text.like:
        found.update(codes_of(next(each for texts in LAYERS.values() for each in texts if each.name == name)))
    return tuple(code for code in CODES if code in found)


def _named_beside(name: str) -> Iterator[Code]:
    return (code for code, row in CODES.items() if name in NAME.findall(row.later))


if __name__ == "__main__":
    Path(__file__).with_name("sap-errors.md").write_text(page(), encoding="utf-8")
