"""What is wrong with the certificates of one path: dates, rules for authorities, form, strength."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.host_names import forbidden_name, malformed_constraint
from pse_preflight.chain.search import is_self_signed
from pse_preflight.chain.verify import Path, Period
from pse_preflight.checklist import Code, Severity

_STRONG_HASHES = ("sha256", "sha384", "sha512")
_USUAL_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_SMALLEST_RSA = 2048
_LONGEST_SERIAL = 1 << 167
_MOST_NAME_CHECKS = 100_000
_KNOWN_EXTENSIONS = (
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
)
_NEVER_CRITICAL = (
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one certificate of a path.

    Attributes:
        code: a key of findings.CODES.
        certificate: the one that is wrong.
        words: what is wrong, as the rest of a sentence that begins with the certificate's label.
        severity: MINOR where the path is accepted all the same.
        others: other certificates that the words name.
    """

    code: Code
    certificate: Certificate
    words: str
    severity: Severity = Severity.BLOCKER
    others: Path = ()


def faults_of(path: Path, period: Period, *, public: bool) -> tuple[Fault, ...]:
    """Return everything that is wrong with the certificates of a path, whether or not it reaches an anchor.

    Args:
        public: by the rules for the web's public authorities; private ones may depart from some of them.
    """
    return (
        *(fault for each in path for fault in _date_faults(each, period)),
        *_authority_faults(path),
        *_server_faults(path),
        *(fault for each in path for fault in _form_faults(each, path, public=public)),
        *strength_faults(path),
    )


def remarks(path: Path) -> tuple[Fault, ...]:
    """Return what is odd about an accepted path."""
    form = (fault for each in path for fault in _form_faults(each, path, public=False))
    return (*(each for each in form if each.severity is Severity.MINOR), *strength_faults(path))


def is_authority(certificate: Certificate) -> bool:
    """Tell whether the certificate says that it is an authority's."""
    constraints = certificate.extension(x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _date_faults(certificate: Certificate, period: Period) -> Iterator[Fault]:
    if certificate.not_after < period.end:
        words = f"ended on {certificate.not_after:%Y-%m-%d %H:%M} UTC"
        yield Fault(Code.CERTIFICATE_EXPIRED, certificate, f"{words}; judged for {period.end:%Y-%m-%d %H:%M}")
    if certificate.not_before > period.start:
        words = f"is valid only from {certificate.not_before:%Y-%m-%d %H:%M} UTC"
        yield Fault(Code.CERTIFICATE_NOT_YET_VALID, certificate, f"{words}; judged for {period.start:%Y-%m-%d %H:%M}")


def _authority_faults(path: Path) -> Iterator[Fault]:
    """Check every issuer of the path: that it is an authority, for servers, of this depth, for these names."""
    for position, issuer in enumerate(path[1:], start=1):
        if not _is_of_version_3(issuer):
            continue
        child, usage = path[position - 1], issuer.extension(x509.KeyUsage)
        if not is_authority(issuer):
            yield _broken(issuer, f"is not an authority, but signed {child.label}", child)
        elif usage is not None and not usage.key_cert_sign:
            yield _broken(issuer, f"may not sign certificates (key usage), but signed {child.label}", child)
        if not _serves(issuer, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE):
            yield _broken(issuer, "may not issue certificates for servers (extended key usage)")
        yield from _length_faults(path, position)
        yield from _name_faults(path, position)


def _length_faults(path: Path, position: int) -> Iterator[Fault]:
    constraints = path[position].extension(x509.BasicConstraints)
    limit = constraints.path_length if constraints else None
    if limit is not None and position - 1 > limit:
        breaker = path[position - 1 - limit]
        words = f"allows {limit} intermediates below it (path length), and {breaker.label} is one too many"
        yield _broken(path[position], words, breaker)


def _name_faults(path: Path, position: int) -> Iterator[Fault]:
    issuer = path[position]
    constraints = issuer.extension(x509.NameConstraints)
    if constraints is None:
        return
    malformed = malformed_constraint(constraints)
    if malformed:
        yield _broken(issuer, f"has name constraints that cannot be applied: {malformed}")
        return
    subtrees = len(constraints.permitted_subtrees or ()) + len(constraints.excluded_subtrees or ())
    for below, child in enumerate(path[:position]):
        names = child.extension(x509.SubjectAlternativeName)
        if names is None or (below and child.is_self_issued):
            continue  # a renewed key of the same authority is not bound (RFC 5280, 4.2.1.10)
        if len(names) * subtrees > _MOST_NAME_CHECKS:
            yield _broken(issuer, f"has more name constraints than can be checked for {child.label}", child)
        elif word := forbidden_name(constraints, names):
            yield _broken(issuer, f"does not allow a name of {child.label} (name constraints): {word}", child)


def _server_faults(path: Path) -> Iterator[Fault]:
    leaf, usage = path[0], path[0].extension(x509.KeyUsage)
    if len(path) == 1 and leaf.is_self_issued:
        return  # it is its own authority
    if is_authority(leaf):
        yield _broken(leaf, "is an authority's certificate, not a server's")
    elif usage is not None and usage.key_cert_sign:
        yield _broken(leaf, "may sign certificates (key usage), which a server's must not")
    if not _serves(leaf, ExtendedKeyUsageOID.SERVER_AUTH):
        yield _broken(leaf, "is not for servers (extended key usage)")


def _serves(certificate: Certificate, *wanted: x509.ObjectIdentifier) -> bool:
    purposes = certificate.extension(x509.ExtendedKeyUsage)
    return purposes is None or any(each in wanted for each in purposes)


def _broken(certificate: Certificate, words: str, *others: Certificate) -> Fault:
    return Fault(Code.CA_CONSTRAINT_BROKEN, certificate, words, others=others)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of form that a certificate can break.

    Attributes:
        broken: tells whether it is broken.
        words: what is wrong then.
        whose: authorities', servers', or both.
        is_bent: private authorities depart from it, and clients put up with it.
    """

    broken: Callable[[Certificate], bool]
    words: str
    whose: tuple[bool, ...] = (True, False)
    is_bent: bool = False


def _is_of_version_3(certificate: Certificate) -> bool:
    return certificate.parsed.version is x509.Version.v3


def _criticality(certificate: Certificate, oid: x509.ObjectIdentifier) -> bool | None:
    found = (each.critical for each in certificate.parsed.extensions if each.oid == oid)
    return next(found, None)


def _has_long_serial(certificate: Certificate) -> bool:
    return not 0 <= certificate.serial_number < _LONGEST_SERIAL


def _has_unknown_critical(certificate: Certificate) -> bool:
    return any(each.critical and each.oid not in _KNOWN_EXTENSIONS for each in certificate.parsed.extensions)


def _has_wrongly_critical(certificate: Certificate) -> bool:
    return any(_criticality(certificate, oid) for oid in _NEVER_CRITICAL)


def _has_critical_key_identifier(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER) is True


def _has_critical_purpose(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.EXTENDED_KEY_USAGE) is True


def _has_optional_constraints(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.BASIC_CONSTRAINTS) is False


def _has_no_usage(certificate: Certificate) -> bool:
    return certificate.extension(x509.KeyUsage) is None


def _has_no_authority_key(certificate: Certificate) -> bool:
    return certificate.extension(x509.AuthorityKeyIdentifier) is None


def _has_empty_authority_key(certificate: Certificate) -> bool:
    extension = certificate.extension(x509.AuthorityKeyIdentifier)
    return extension is not None and extension.key_identifier is None


def _has_odd_names(certificate: Certificate) -> bool:
    """Tell whether the names are critical beside a subject, or are not without one (RFC 5280, 4.2.1.6)."""
    critical = _criticality(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    return critical is not None and critical is bool(list(certificate.parsed.subject))


def _has_name_constraints(certificate: Certificate) -> bool:
    return certificate.extension(x509.NameConstraints) is not None


def _has_no_issuer(certificate: Certificate) -> bool:
    return not list(certificate.parsed.issuer)


_AUTHORITY, _SERVER = (True,), (False,)
_RULES = (
    _Rule(lambda each: not _is_of_version_3(each), "is of version 1, without extensions"),
    _Rule(_has_long_serial, "has a serial number that is negative or longer than 20 bytes"),
    _Rule(_has_no_issuer, "does not name its issuer"),
    _Rule(_has_unknown_critical, "has a critical extension that no client of this kind knows"),
    _Rule(_has_wrongly_critical, "marks as critical what must not be (authority key or information access)"),
    _Rule(_has_critical_key_identifier, "marks its key identifier as critical", _AUTHORITY),
    _Rule(_has_name_constraints, "has name constraints, which only an authority may", _SERVER),
    _Rule(_has_no_usage, "is an authority's without key usage", _AUTHORITY, is_bent=True),
    _Rule(_has_optional_constraints, "is an authority's with optional basic constraints", _AUTHORITY, is_bent=True),
    _Rule(_has_empty_authority_key, "names its issuer's key without a key identifier", _AUTHORITY, is_bent=True),
    _Rule(_has_no_authority_key, "has no authority key identifier", _SERVER, is_bent=True),
    _Rule(_has_odd_names, "has critical names beside a subject, or optional ones without", _SERVER, is_bent=True),
    _Rule(_has_critical_purpose, "has a critical extended key usage", is_bent=True),
)


def _form_faults(certificate: Certificate, path: Path, *, public: bool) -> Iterator[Fault]:
    """Yield the broken rules of form; a certificate that cannot have extensions is not asked for them."""
    role = certificate != path[0]
    if len(path) == 1 and is_self_signed(certificate):
        return  # who pins a server's self-signed certificate has judged its form
    for rule in _RULES:
        if role in rule.whose and rule.broken(certificate):
            severity = Severity.MINOR if rule.is_bent and not public else Severity.BLOCKER
            yield Fault(Code.CERTIFICATE_IRREGULAR, certificate, rule.words, severity)
        if not _is_of_version_3(certificate):
            return


def strength_faults(path: Path) -> tuple[Fault, ...]:
    """Return weak keys and signatures; MAJOR where the verifier refuses a path for them.

    The signature of a root is no part of a path: a root is trusted for being listed.
    """
    keys = [
        _weak(each, f"has {words}", refused=refused and position > 0)
        for position, each in enumerate(path)
        for words, refused in _key_weaknesses(each)
    ]
    signed = path[:-1] if path[-1].is_self_issued else path
    signatures = [
        _weak(each, f"is signed with {words}", refused=True) for each in signed if (words := _signature_weakness(each))
    ]
    return (*signatures, *keys)


def _weak(certificate: Certificate, words: str, *, refused: bool) -> Fault:
    if refused:
        return Fault(Code.CERTIFICATE_WEAK, certificate, f"{words}, which verification refuses", Severity.MAJOR)
    return Fault(Code.CERTIFICATE_WEAK, certificate, words, Severity.MINOR)


def _key_weaknesses(certificate: Certificate) -> Iterator[tuple[str, bool]]:
    """Yield what is weak about the key, and whether an authority with such a key is refused."""
    key = certificate.parsed.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SMALLEST_RSA:
            yield f"an RSA key of {key.key_size} bits, less than {_SMALLEST_RSA}", True
        elif key.key_size % 8:
            yield f"an RSA key of {key.key_size} bits, no whole number of bytes", False
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _USUAL_CURVES:
            yield f"a key on the unusual curve {key.curve.name}", True
    else:
        yield f"a key of an unusual kind ({type(key).__name__.removesuffix('PublicKey')})", True


def _signature_weakness(certificate: Certificate) -> str:
    try:
        algorithm = certificate.parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return f"an unknown algorithm ({certificate.parsed.signature_algorithm_oid.dotted_string})"
    if algorithm is None:
        return "an unusual algorithm without a hash of its own"
    return "" if algorithm.name in _STRONG_HASHES else algorithm.name.upper().replace("SHA1", "SHA-1")
