"""One thing that is wrong with one certificate of a path."""

from dataclasses import dataclass

from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity

UNKNOWN_FOR_SAP = "what SAP's library does is not known"
OPENSSL_REFUSES = f"OpenSSL refuses it for that; {UNKNOWN_FOR_SAP}"
OPENSSL_TAKES = f"OpenSSL takes it; this toolkit's verifier does not, and {UNKNOWN_FOR_SAP}"
BOTH_REFUSE = f"OpenSSL refuses it, and so does this toolkit's verifier; {UNKNOWN_FOR_SAP}"
BOTH_TAKE = f"OpenSSL and this toolkit's verifier take it; {UNKNOWN_FOR_SAP}"
VERIFIER_REFUSES = f"this toolkit's verifier refuses it; {UNKNOWN_FOR_SAP}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one certificate of a path.

    Attributes:
        code: a key of checklist.CODES.
        certificate: the one that is wrong.
        words: what is wrong, as the rest of a sentence that begins with what the certificate is called.
        severity: MINOR where clients put up with it.
        stops: the path is not accepted for it.
        others: other certificates that the words name.
        more: what follows the fingerprint in the same line.
        detail: what stands in a line of its own: identifiers, and what helps a reader who wants to know it all.
    """

    code: Code
    certificate: Certificate
    words: str
    severity: Severity = Severity.BLOCKER
    others: Path = ()
    more: str = ""
    detail: str = ""
    stops: bool = True


def broken(certificate: Certificate, words: str, *others: Certificate, detail: str = "") -> Fault:
    """Return that a certificate is used for what it does not allow."""
    return Fault(Code.CA_CONSTRAINT_BROKEN, certificate, words, others=others, detail=detail)


def called(certificate: Certificate) -> str:
    """Return what another certificate is called in a sentence: its name alone."""
    return f'"{certificate.name}"'


def is_authority(certificate: Certificate) -> bool:
    """Tell whether the certificate says that it is an authority's."""
    constraints = certificate.extension(x509.BasicConstraints)
    return constraints is not None and constraints.ca


def is_of_version_3(certificate: Certificate) -> bool:
    """Tell whether the certificate can have extensions."""
    return certificate.parsed.version is x509.Version.v3
