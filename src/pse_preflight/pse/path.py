"""The path from a certificate to its root, found among certificates that are at hand."""

from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding

from pse_preflight.certificate import Certificate
from pse_preflight.pse import name
from pse_preflight.pse.errors import PseError

_LONGEST_PATH = 10


class PathIncomplete(PseError):
    """A certificate of the path to the root is not at hand.

    Attributes:
        missing: the name of the certificate that is needed next.
    """

    def __init__(self, missing: str) -> None:
        super().__init__(f"certificate chain is incomplete, need certificate of {missing}")
        self.missing = missing


def find_path(certificate: Certificate, at_hand: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """Return the issuers of a certificate, its root last; nothing for one that is signed with its own key.

    Names and signatures decide; days and constraints are not looked at, since a PSE holds what it is given.

    Raises:
        PathIncomplete: where no root is reached.
    """
    known = tuple(dict.fromkeys(at_hand))
    path = _path(certificate, known, ())
    if path is None:
        raise PathIncomplete(name.text(_last_reached(certificate, known).parsed.issuer))
    return path


def is_signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Tell whether the one has signed the other, by names and signature, be it with SHA-1 as old roots are."""
    try:
        certificate.parsed.verify_directly_issued_by(issuer.parsed)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return certificate.parsed.issuer == issuer.parsed.subject and _is_signed_with_rsa(certificate, issuer)
    return True


def _is_signed_with_rsa(certificate: Certificate, issuer: Certificate) -> bool:
    """Check a signature whose hash the library does not take for certificates any more."""
    signed = certificate.parsed
    try:
        key = issuer.parsed.public_key()
        scheme, used = signed.signature_algorithm_parameters, signed.signature_hash_algorithm
        if not isinstance(key, rsa.RSAPublicKey) or not isinstance(scheme, AsymmetricPadding) or used is None:
            return False
        key.verify(signed.signature, signed.tbs_certificate_bytes, scheme, used)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _path(
    certificate: Certificate, known: Sequence[Certificate], below: tuple[Certificate, ...]
) -> tuple[Certificate, ...] | None:
    if is_signed_by(certificate, certificate):
        return ()
    for issuer in _issuers(certificate, known, below):
        rest = _path(issuer, known, (*below, certificate))
        if rest is not None:
            return (issuer, *rest)
    return None


def _issuers(
    certificate: Certificate, known: Sequence[Certificate], below: tuple[Certificate, ...]
) -> list[Certificate]:
    if len(below) == _LONGEST_PATH:
        return []
    return [each for each in known if each not in below and is_signed_by(certificate, each)]


def _last_reached(certificate: Certificate, known: Sequence[Certificate]) -> Certificate:
    """Return the certificate at which the path breaks off, going by the first issuer each time."""
    below: tuple[Certificate, ...] = ()
    while issuers := _issuers(certificate, known, below):
        below, certificate = (*below, certificate), issuers[0]
    return certificate
