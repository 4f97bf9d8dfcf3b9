"""The search for paths from a server certificate to an anchor, over real signatures and within bounds."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pse_preflight.certificate import Certificate
from pse_preflight.chain.verify import Path, Period

MOST_SIGNATURES = 1500
"""So many signatures are checked for one server at most; a hundred certificates of one name need them."""
MOST_ENDS = 128
"""So many ends of paths are looked at; cross-signed authorities multiply them."""


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
        """Return every certificate with this subject, each once."""
        found = (*by_subject(self.roots).get(name, ()), *by_subject(self.given).get(name, ()))
        return tuple(dict.fromkeys(found))

    def trusts(self, certificate: Certificate) -> bool:
        """Tell whether the certificate is one of the roots."""
        return certificate in by_subject(self.roots).get(subject_of(certificate), ())


def search(leaf: Certificate, pool: Pool, period: Period) -> Iterator[Found]:
    """Find paths from the certificate upwards, those first that look best; the order they were sent in has no say."""
    return islice(_Search(pool, period).extend((leaf,)), MOST_ENDS)


class _Search:
    """One search, with the signatures that it may still check."""

    def __init__(self, pool: Pool, period: Period) -> None:
        self._pool = pool
        self._period = period
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
        elif not onward:
            yield Found(path, _dead_end(last, issuers))

    def _issuers_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        if certificate not in self._issuers:
            named = sorted(self._pool.named(issuer_of(certificate)), key=self._rank)
            affordable = named[: self._signatures_left]
            self._signatures_left -= len(affordable)
            self._issuers[certificate] = tuple(
                each for each in affordable if link(certificate, each) is not Link.NOT_SIGNED
            )
        return self._issuers[certificate]

    def _rank(self, issuer: Certificate) -> tuple[object, ...]:
        period = self._period
        in_time = issuer.not_before <= period.start and period.end <= issuer.not_after
        anchors = self._pool.trusts(issuer) and issuer.is_self_issued
        return (not anchors, not in_time, -issuer.not_after.timestamp(), issuer.sha256)


def _is_on(certificate: Certificate, path: Path) -> bool:
    """Tell whether the same authority, name and key, stands on the path already."""
    return any(
        subject_of(each) == subject_of(certificate) and public_key_of(each) == public_key_of(certificate)
        for each in path
    )


def _dead_end(last: Certificate, issuers: Iterable[Certificate]) -> End:
    if is_self_signed(last):
        return End.SELF_SIGNED
    return End.CIRCLE if any(issuers) else End.NO_ISSUER


@lru_cache(maxsize=4096)
def link(child: Certificate, issuer: Certificate) -> Link:
    """Tell whether the issuer's key signed the child; names must be equal beforehand."""
    try:
        child.parsed.verify_directly_issued_by(issuer.parsed)
    except InvalidSignature:
        return Link.NOT_SIGNED
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return Link.NOT_SIGNED if subject_of(issuer) != issuer_of(child) else Link.UNKNOWN
    return Link.SIGNED


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
    """Return the subject as DER, as issuers are compared."""
    return certificate.parsed.subject.public_bytes()


@lru_cache(maxsize=4096)
def issuer_of(certificate: Certificate) -> bytes:
    """Return the issuer's name as DER."""
    return certificate.parsed.issuer.public_bytes()


@lru_cache(maxsize=4096)
def public_key_of(certificate: Certificate) -> bytes:
    """Return the public key as DER."""
    return certificate.parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=256)
def by_subject(certificates: tuple[Certificate, ...]) -> Mapping[bytes, tuple[Certificate, ...]]:
    """Index certificates by subject; a list of roots is indexed once and serves every system of a run."""
    index: dict[bytes, list[Certificate]] = {}
    for each in certificates:
        index.setdefault(subject_of(each), []).append(each)
    return {name: tuple(found) for name, found in index.items()}
