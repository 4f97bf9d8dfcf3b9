"""The search for paths from a server certificate to an anchor, over real signatures and within bounds.

Names are compared as RFC 5280 (7.1) says, so that a path is found even where one writes its issuer's name in another
form. A certificate of the right name whose key cannot have signed is no issuer, and on no path.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import PublicKeyAlgorithmOID as KeyKind
from cryptography.x509.oid import SignatureAlgorithmOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.extensions import damaged
from pse_preflight.chain.verify import Path, Period
from pse_preflight.der import fields_of
from pse_preflight.names import alike

MOST_SIGNATURES = 1500
"""So many signatures are checked for one server at most; a hundred certificates of one name need them."""
MOST_ENDS = 128
"""So many ends of paths are looked at; cross-signed authorities multiply them."""


_KINDS_OF_KEYS: Mapping[x509.ObjectIdentifier, str] = {
    KeyKind.RSAES_PKCS1_v1_5: "RSA",
    KeyKind.RSASSA_PSS: "RSA",
    KeyKind.EC_PUBLIC_KEY: "ECDSA",
    KeyKind.DSA: "DSA",
    KeyKind.ED25519: "Ed25519",
    KeyKind.ED448: "Ed448",
}
_KINDS_OF_SIGNATURES: Mapping[x509.ObjectIdentifier, str] = {
    oid: kind
    for name, oid in vars(SignatureAlgorithmOID).items()
    for kind in _KINDS_OF_KEYS.values()
    if name.lstrip("_").startswith(kind.upper())
}
"""Which kind of key makes a signature: the library names its constants by it, `RSA_WITH_SHA256` for example."""


_KEYS_WITHOUT_CHOICE = (
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
    mldsa.MLDSA44PublicKey,
    mldsa.MLDSA65PublicKey,
    mldsa.MLDSA87PublicKey,
)
"""Kinds of keys that sign in one way only."""


class Link(enum.Enum):
    """What is known of a certificate and one whose name stands in it as its issuer's."""

    SIGNED = "signed"
    NOT_SIGNED = "not signed"
    UNKNOWN = "of an algorithm that cannot be checked"


class End(enum.Enum):
    """Why a path goes no further."""

    ANCHOR = "a trusted root"
    SELF_SIGNED = "a root that is not trusted"
    NO_ISSUER = "the issuer is not at hand"
    CIRCLE = "the issuers sign each other"
    TOO_LONG = "too many intermediates"


@dataclass(frozen=True, slots=True)
class Found:
    """A path and why it ends where it does."""

    path: Path
    end: End


@dataclass(frozen=True, slots=True)
class Pool:
    """What paths are made from.

    Attributes:
        given: certificates that prove nothing by themselves: sent, or fetched.
        roots: the trusted ones. Those that are self-signed anchor; the others only help to get there.
        partial: any of the roots anchors, an intermediate too.
        most_intermediates: so many certificates may stand between the server's and the anchor.
    """

    given: tuple[Certificate, ...]
    roots: tuple[Certificate, ...] = field(repr=False)
    partial: bool
    most_intermediates: int

    def named(self, name: bytes) -> tuple[Certificate, ...]:
        """Return every certificate with this subject, in whatever form, each once."""
        found = (*by_subject(self.roots).get(name, ()), *by_subject(self.given).get(name, ()))
        return tuple(dict.fromkeys(found))

    def trusts(self, certificate: Certificate) -> bool:
        """Tell whether the certificate is one of the roots."""
        return certificate in by_subject(self.roots).get(subject_of(certificate), ())


def search(leaf: Certificate, pool: Pool, period: Period, *, over_wrong_signatures: bool = False) -> Iterator[Found]:
    """Find paths from the certificate upwards, those first that look best; the order they were sent in has no say.

    Args:
        over_wrong_signatures: where no issuer's signature fits, go on with the one whose key should have signed.
    """
    wanted = _Search(pool, period, over_wrong_signatures=over_wrong_signatures)
    return islice(wanted.extend((leaf,)), MOST_ENDS)


class _Search:
    """One search, with the signatures that it may still check."""

    def __init__(self, pool: Pool, period: Period, *, over_wrong_signatures: bool) -> None:
        self._pool = pool
        self._period = period
        self._over_wrong_signatures = over_wrong_signatures
        self._signatures_left = MOST_SIGNATURES
        self._issuers: dict[Certificate, tuple[Certificate, ...]] = {}

    def extend(self, path: Path) -> Iterator[Found]:
        """Yield every end that the path can be led to; the longer way to a root comes before a nearer anchor."""
        last, trusted = path[-1], self._pool.trusts(path[-1])
        if trusted and is_self_signed(last):
            yield Found(path, End.ANCHOR)
            return
        issuers = self._issuers_of(last)
        onward = [each for each in issuers if not _is_on(each, path)]
        too_long = len(path) - 1 > self._pool.most_intermediates
        if onward and not too_long:
            for issuer in onward:
                yield from self.extend((*path, issuer))
        if trusted and self._pool.partial:
            yield Found(path, End.ANCHOR)
        elif too_long:
            yield Found(path, End.TOO_LONG)
        elif not onward and is_self_signed(last):
            yield Found(path, End.SELF_SIGNED)
        elif not onward:
            yield Found(path, End.CIRCLE if issuers else End.NO_ISSUER)

    def _issuers_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        if certificate not in self._issuers:
            named = sorted(self._pool.named(issuer_of(certificate)), key=lambda each: self._rank(certificate, each))
            able = [each for each in named if could_sign(certificate, each)]
            affordable = able[: self._signatures_left]
            self._signatures_left -= len(affordable)
            found = tuple(each for each in affordable if link(certificate, each) is not Link.NOT_SIGNED)
            if not found and self._over_wrong_signatures:
                found = tuple(each for each in named if should_have_signed(certificate, each))
            self._issuers[certificate] = found
        return self._issuers[certificate]

    def _rank(self, child: Certificate, issuer: Certificate) -> tuple[object, ...]:
        period = self._period
        in_time = issuer.not_before <= period.start and period.end <= issuer.not_after
        anchors = self._pool.trusts(issuer) and issuer.is_self_issued
        otherwise_named = not names_alike(child, issuer) or not keys_fit(child, issuer)
        return (not anchors, otherwise_named, not in_time, -issuer.not_after.timestamp(), issuer.sha256)


def _is_on(certificate: Certificate, path: Path) -> bool:
    """Tell whether the same authority, name and key, stands on the path already."""
    return any(
        subject_of(each) == subject_of(certificate) and public_key_of(each) == public_key_of(certificate)
        for each in path
    )


@lru_cache(maxsize=4096)
def link(child: Certificate, issuer: Certificate) -> Link:
    """Tell whether the issuer's key signed the child; where that cannot be checked, the key identifiers tell."""
    if subject_of(issuer) != issuer_of(child) or not could_sign(child, issuer):
        return Link.NOT_SIGNED
    try:
        _check_signature(child.parsed, issuer.public_key)
    except InvalidSignature:
        return Link.NOT_SIGNED
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return Link.UNKNOWN if keys_fit(child, issuer) else Link.NOT_SIGNED
    return Link.SIGNED


def _check_signature(child: x509.Certificate, key: CertificatePublicKeyTypes | None) -> None:
    """Check a signature, by weak algorithms as well: the library's own function for certificates refuses those.

    Raises:
        InvalidSignature: where another key made it, or what it signs was changed.
        UnsupportedAlgorithm, ValueError, TypeError: where it cannot be checked.
    """
    signature, signed = child.signature, child.tbs_certificate_bytes
    how, algorithm = child.signature_algorithm_parameters, child.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and algorithm:
        key.verify(signature, signed, how if isinstance(how, PSS) else PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
        key.verify(signature, signed, ec.ECDSA(algorithm))
    elif isinstance(key, dsa.DSAPublicKey) and algorithm:
        key.verify(signature, signed, algorithm)
    elif isinstance(key, _KEYS_WITHOUT_CHOICE):
        key.verify(signature, signed)
    else:
        raise UnsupportedAlgorithm("a key or a signature of an unknown kind")


def could_sign(child: Certificate, issuer: Certificate) -> bool:
    """Tell whether the issuer's key is of the kind that the child is signed with; unknown kinds may be."""
    kind = _KINDS_OF_KEYS.get(issuer.parsed.public_key_algorithm_oid)
    signed = kind_of_signature(child)
    return kind is None or signed is None or kind == signed


def kind_of_signature(certificate: Certificate) -> str | None:
    """Return which kind of key signed the certificate, as far as it is known."""
    return _KINDS_OF_SIGNATURES.get(certificate.parsed.signature_algorithm_oid)


def should_have_signed(child: Certificate, issuer: Certificate) -> bool:
    """Tell whether the child names this very key as the one that signed it, or one that it may well be.

    A child that is damaged is no witness against its issuer.
    """
    if damaged(child):
        return could_sign(child, issuer)
    wanted, held = authority_key(child), subject_key(issuer)
    if not held:  # most authorities give a key this one: RFC 5280, 4.2.1.2, first method
        held = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key).digest if issuer.public_key else None
    return could_sign(child, issuer) if wanted is None or held is None else wanted == held


def names_alike(child: Certificate, issuer: Certificate) -> bool:
    """Tell whether the child writes its issuer's name byte by byte as the issuer does."""
    return fields_of(child.der).issuer == fields_of(issuer.der).subject


def is_self_signed(certificate: Certificate) -> bool:
    """Tell whether the certificate's own key signed it."""
    return certificate.is_self_issued and link(certificate, certificate) is not Link.NOT_SIGNED


def keys_fit(child: Certificate, issuer: Certificate) -> bool:
    """Tell whether the key identifiers allow that one issued the other; where one is missing they do."""
    wanted, held = authority_key(child), subject_key(issuer)
    return wanted is None or held is None or wanted == held


def authority_key(certificate: Certificate) -> bytes | None:
    """Return the identifier of the key that signed the certificate, where it says so."""
    extension = certificate.extension(x509.AuthorityKeyIdentifier)
    return extension.key_identifier if extension else None


def subject_key(certificate: Certificate) -> bytes | None:
    """Return the identifier of the certificate's own key, where it says so."""
    extension = certificate.extension(x509.SubjectKeyIdentifier)
    return extension.digest if extension else None


@lru_cache(maxsize=4096)
def subject_of(certificate: Certificate) -> bytes:
    """Return a key of the subject's name, by which issuers are compared."""
    return alike(certificate.parsed.subject)


@lru_cache(maxsize=4096)
def issuer_of(certificate: Certificate) -> bytes:
    """Return a key of the issuer's name."""
    return alike(certificate.parsed.issuer)


@lru_cache(maxsize=4096)
def public_key_of(certificate: Certificate) -> bytes:
    """Return the public key as DER, its curve by name; as it is written where it is of an unknown kind."""
    if certificate.public_key is None:
        return fields_of(certificate.der).public_key
    return certificate.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=256)
def by_subject(certificates: tuple[Certificate, ...]) -> Mapping[bytes, tuple[Certificate, ...]]:
    """Index certificates by subject; a list of roots is indexed once and serves every system of a run."""
    index: dict[bytes, list[Certificate]] = {}
    for each in certificates:
        index.setdefault(subject_of(each), []).append(each)
    return {name: tuple(found) for name, found in index.items()}
