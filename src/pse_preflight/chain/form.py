"""The rules of form that a certificate can break (RFC 5280), and who refuses it then."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, PublicKeyAlgorithmOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.extensions import (
    admitted_critical,
    all_of,
    damaged,
    is_read_by_openssl,
    named,
    odd,
    unknown_critical,
)
from pse_preflight.chain.fault import BOTH_REFUSE, BOTH_TAKE, OPENSSL_TAKES, VERIFIER_REFUSES, Fault, is_of_version_3
from pse_preflight.chain.search import is_self_signed
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity
from pse_preflight.der import elements, fields_of

_LONGEST_SERIAL = 1 << 167
_UTC_TIME_ENDS = 2050
_LONG_DATE = 0x18
_RSA_WITH_ITS_PARAMETER = bytes.fromhex("300d06092a864886f70d0101010500")
_RSA_SIGNATURES_WITHOUT_THEIRS = tuple(bytes.fromhex(f"300b06092a864886f70d0101{last}") for last in ("0b", "0c", "0d"))
_NEVER_CRITICAL = (ExtensionOID.AUTHORITY_INFORMATION_ACCESS, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)

_AUTHORITY, _SERVER = (True,), (False,)
_BOTH = (True, False)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of form that a certificate can break.

    Attributes:
        broken: tells whether it is broken.
        words: what is wrong then.
        source: where the rule stands, in RFC 5280 unless said otherwise.
        opinion: who refuses it.
        whose: authorities', servers', or both.
        is_bent: private authorities depart from it, and clients put up with it.
    """

    broken: Callable[[Certificate], bool]
    words: str
    source: str
    opinion: str
    whose: tuple[bool, ...] = _BOTH
    is_bent: bool = False


def form_faults(certificate: Certificate, path: Path, *, public: bool) -> Iterator[Fault]:
    """Yield the broken rules of form; a certificate that cannot have extensions is not asked for them.

    Args:
        public: by the rules for the web's public authorities; private ones may depart from some of them.
    """
    if len(path) == 1 and is_self_signed(certificate):
        return  # who pins a server's self-signed certificate has judged its form
    role = certificate != path[0]
    rules = _RULES if is_of_version_3(certificate) else _VERSION
    for rule in rules:
        if role in rule.whose and rule.broken(certificate):
            severity = Severity.MINOR if rule.is_bent and not public else Severity.BLOCKER
            opinion = BOTH_TAKE if severity is Severity.MINOR else rule.opinion
            yield _irregular(certificate, rule.words, severity, f"{rule.source}; {opinion}")
    if is_of_version_3(certificate):
        yield from _critical_faults(certificate)
        yield from _unread_faults(certificate)


def _critical_faults(certificate: Certificate) -> Iterator[Fault]:
    for oid in unknown_critical(certificate):
        words = f"has a critical extension that no client of this kind knows: {named(oid)}"
        yield _irregular(certificate, words, Severity.BLOCKER, f"RFC 5280, 4.2; {BOTH_REFUSE}")
    for oid in admitted_critical(certificate):
        words = f"has a critical extension that some clients do not know: {named(oid)}"
        yield _irregular(certificate, words, Severity.MINOR, f"RFC 5280, 4.2; {BOTH_TAKE}")


def _unread_faults(certificate: Certificate) -> Iterator[Fault]:
    for extension in damaged(certificate):
        words = f"has an extension that no strict reader takes: {named(extension.oid)}"
        yield Fault(Code.CERTIFICATE_UNREADABLE, certificate, words, detail=VERIFIER_REFUSES)
    for extension in odd(certificate):
        grave = is_read_by_openssl(certificate, extension)
        words = f"has an extension that cannot be read in full here: {named(extension.oid)}"
        opinion = "OpenSSL refuses a certificate where it cannot read it, either" if grave else BOTH_TAKE
        yield _irregular(certificate, words, Severity.MAJOR if grave else Severity.MINOR, opinion)


def _irregular(certificate: Certificate, words: str, severity: Severity, detail: str) -> Fault:
    stops = severity is Severity.BLOCKER
    return Fault(Code.CERTIFICATE_IRREGULAR, certificate, words, severity, detail=detail, stops=stops)


def _criticality(certificate: Certificate, oid: x509.ObjectIdentifier) -> bool | None:
    return next((each.critical for each in all_of(certificate) if each.oid == oid), None)


def _has_long_serial(certificate: Certificate) -> bool:
    return not 0 <= certificate.serial_number < _LONGEST_SERIAL


def _has_long_date(certificate: Certificate) -> bool:
    """Tell whether a date before 2050 is written with four digits of the year."""
    written = elements(next(elements(fields_of(certificate.der).validity)).content)
    dates = zip(written, (certificate.not_before, certificate.not_after), strict=True)
    return any(each.tag == _LONG_DATE and moment.year < _UTC_TIME_ENDS for each, moment in dates)


def _has_two_algorithms(certificate: Certificate) -> bool:
    fields = fields_of(certificate.der)
    return fields.algorithm != fields.signed_with


def _lacks_parameter(certificate: Certificate) -> bool:
    return fields_of(certificate.der).signed_with in _RSA_SIGNATURES_WITHOUT_THEIRS


def _has_odd_rsa_key(certificate: Certificate) -> bool:
    if certificate.parsed.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5:
        return False
    algorithm = next(elements(next(elements(fields_of(certificate.der).public_key)).content))
    return algorithm.whole != _RSA_WITH_ITS_PARAMETER


def _has_wrongly_critical(certificate: Certificate) -> bool:
    return any(_criticality(certificate, oid) for oid in _NEVER_CRITICAL)


def _has_critical_key_identifier(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER) is True


def _has_critical_purpose(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.EXTENDED_KEY_USAGE) is True


def _has_optional_constraints(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.BASIC_CONSTRAINTS) is False


def _has_no_usage(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.KEY_USAGE) is None


def _has_no_authority_key(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.AUTHORITY_KEY_IDENTIFIER) is None


def _has_empty_authority_key(certificate: Certificate) -> bool:
    extension = certificate.extension(x509.AuthorityKeyIdentifier)
    return extension is not None and extension.key_identifier is None


def _has_odd_names(certificate: Certificate) -> bool:
    """Tell whether the names are critical beside a subject, or are not without one."""
    critical = _criticality(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    return critical is not None and critical is bool(list(certificate.parsed.subject))


def _has_name_constraints(certificate: Certificate) -> bool:
    return _criticality(certificate, ExtensionOID.NAME_CONSTRAINTS) is not None


def _has_no_issuer(certificate: Certificate) -> bool:
    return not list(certificate.parsed.issuer)


_VERSION = tuple(
    _Rule(broken, "is of version 1, without extensions", "RFC 5280, 4.1.2.1 and 6.1.4 (k)", opinion, whose)
    for broken, opinion, whose in (
        (lambda _: True, OPENSSL_TAKES, _SERVER),
        (lambda each: each.is_self_issued, OPENSSL_TAKES, _AUTHORITY),
        (lambda each: not each.is_self_issued, BOTH_REFUSE, _AUTHORITY),
    )
)
_RULES = (
    _Rule(
        _has_long_serial,
        "has a serial number that is negative or longer than 20 bytes",
        "RFC 5280, 4.1.2.2",
        OPENSSL_TAKES,
    ),
    _Rule(_has_no_issuer, "does not name its issuer", "RFC 5280, 4.1.2.4", OPENSSL_TAKES),
    _Rule(
        _has_long_date,
        "writes a date before 2050 with four digits of the year",
        "RFC 5280, 4.1.2.5",
        OPENSSL_TAKES,
    ),
    _Rule(
        _has_two_algorithms,
        "names two different algorithms for its signature",
        "RFC 5280, 4.1.1.2",
        BOTH_REFUSE,
    ),
    _Rule(
        _lacks_parameter,
        "names its signature's algorithm without the parameter that belongs to it",
        "RFC 4055, 5",
        OPENSSL_TAKES,
    ),
    _Rule(
        _has_odd_rsa_key,
        "names its key's algorithm without the parameter that belongs to it",
        "RFC 3279, 2.3.1",
        OPENSSL_TAKES,
        _AUTHORITY,
    ),
    _Rule(
        _has_wrongly_critical,
        "marks as critical what must not be (authority key or information access)",
        "RFC 5280, 4.2.1.1 and 4.2.2.1",
        BOTH_REFUSE,
    ),
    _Rule(
        _has_critical_key_identifier,
        "marks its key identifier as critical",
        "RFC 5280, 4.2.1.2",
        BOTH_REFUSE,
        _AUTHORITY,
    ),
    _Rule(
        _has_name_constraints,
        "has name constraints, which only an authority may",
        "RFC 5280, 4.2.1.10",
        OPENSSL_TAKES,
        _SERVER,
    ),
    _Rule(
        _has_no_usage,
        "is an authority's without key usage",
        "RFC 5280, 4.2.1.3",
        OPENSSL_TAKES,
        _AUTHORITY,
        is_bent=True,
    ),
    _Rule(
        _has_optional_constraints,
        "is an authority's with optional basic constraints",
        "RFC 5280, 4.2.1.9",
        OPENSSL_TAKES,
        _AUTHORITY,
        is_bent=True,
    ),
    _Rule(
        _has_empty_authority_key,
        "names its issuer's key without a key identifier",
        "RFC 5280, 4.2.1.1",
        OPENSSL_TAKES,
        _AUTHORITY,
        is_bent=True,
    ),
    _Rule(
        _has_no_authority_key,
        "has no authority key identifier",
        "RFC 5280, 4.2.1.1",
        OPENSSL_TAKES,
        _SERVER,
        is_bent=True,
    ),
    _Rule(
        _has_odd_names,
        "has critical names beside a subject, or optional ones without",
        "RFC 5280, 4.2.1.6",
        OPENSSL_TAKES,
        _SERVER,
        is_bent=True,
    ),
    _Rule(
        _has_critical_purpose,
        "has a critical extended key usage",
        "CA/Browser Forum, baseline requirements, 7.1.2",
        OPENSSL_TAKES,
        is_bent=True,
    ),
)
