"""The extensions of certificates by name, and what clients do with them where they are critical or damaged."""

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pse_preflight.certificate import Certificate, UnreadExtension


class PolicyMappings(x509.ExtensionType):
    """Policies of one authority that count as another's (RFC 5280, 4.2.1.5); the library does not read it."""

    oid = ExtensionOID.POLICY_MAPPINGS


class NetscapeType(x509.ExtensionType):
    """What a certificate is for, in the way of the nineties; OpenSSL still obeys it."""

    oid = x509.ObjectIdentifier("2.16.840.1.113730.1.1")


_NAMES = {
    "1.3.6.1.4.1.11129.2.4.2": "transparency timestamps",
    "1.3.6.1.4.1.11129.2.4.3": "precertificate poison",
    "1.3.6.1.5.5.7.1.1": "authority information access",
    "1.3.6.1.5.5.7.1.3": "statements of qualified certificates",
    "1.3.6.1.5.5.7.1.11": "subject information access",
    "1.3.6.1.5.5.7.1.14": "proxy certificate",
    "1.3.6.1.5.5.7.1.24": "TLS feature",
    "1.3.6.1.5.5.7.48.1.5": "no OCSP check",
    "2.16.840.1.113730.1.1": "Netscape certificate type",
    "2.5.29.9": "subject directory attributes",
    "2.5.29.14": "subject key identifier",
    "2.5.29.15": "key usage",
    "2.5.29.16": "private key usage period",
    "2.5.29.17": "subject alternative name",
    "2.5.29.18": "issuer alternative name",
    "2.5.29.19": "basic constraints",
    "2.5.29.28": "issuing distribution point",
    "2.5.29.30": "name constraints",
    "2.5.29.31": "CRL distribution points",
    "2.5.29.32": "certificate policies",
    "2.5.29.33": "policy mappings",
    "2.5.29.35": "authority key identifier",
    "2.5.29.36": "policy constraints",
    "2.5.29.37": "extended key usage",
    "2.5.29.46": "freshest CRL",
    "2.5.29.54": "inhibit any policy",
}

JUDGED = (
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
)
"""What the verifier looks into by itself."""

ADMITTED: tuple[type[x509.ExtensionType], ...] = (
    x509.CertificatePolicies,
    PolicyMappings,
    x509.PolicyConstraints,
    x509.InhibitAnyPolicy,
    x509.CRLDistributionPoints,
    x509.OCSPNoCheck,
    NetscapeType,
)
"""What may be critical besides: OpenSSL takes each (crypto/x509/v3_purp.c), and what it forbids is judged here."""

_ADMITTED = tuple(each.oid for each in ADMITTED)

_DECISIVE = (
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
)
_READ_BY_OPENSSL = (
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
)


def named(oid: x509.ObjectIdentifier) -> str:
    """Return an extension's name with its number, the number alone where it has no name."""
    number = oid.dotted_string
    return f"{_NAMES[number]} ({number})" if number in _NAMES else number


def unknown_critical(certificate: Certificate) -> tuple[x509.ObjectIdentifier, ...]:
    """Return the critical extensions for which clients refuse a certificate (RFC 5280, 4.2)."""
    known = (*JUDGED, *_ADMITTED)
    return tuple(each.oid for each in all_of(certificate) if each.critical and each.oid not in known)


def admitted_critical(certificate: Certificate) -> tuple[x509.ObjectIdentifier, ...]:
    """Return the critical extensions that OpenSSL takes; what SAP's library does with them is not known."""
    return tuple(each.oid for each in all_of(certificate) if each.critical and each.oid in _ADMITTED)


def damaged(certificate: Certificate) -> tuple[UnreadExtension, ...]:
    """Return the extensions that cannot be read and without which no verifier judges the certificate."""
    read = {each.oid for each in certificate.extensions}
    return tuple(each for each in certificate.unread if each.oid in _DECISIVE and each.oid not in read)


def odd(certificate: Certificate) -> tuple[UnreadExtension, ...]:
    """Return the other extensions that cannot be read, or in part only."""
    without = damaged(certificate)
    return tuple(each for each in certificate.unread if each not in without)


def is_read_by_openssl(certificate: Certificate, extension: UnreadExtension) -> bool:
    """Tell whether OpenSSL reads this extension, and refuses a certificate where it cannot."""
    return extension.oid in _READ_BY_OPENSSL and extension.oid not in {each.oid for each in certificate.extensions}


def all_of(certificate: Certificate) -> tuple[x509.Extension[x509.ExtensionType] | UnreadExtension, ...]:
    """Return every extension, read or not."""
    return (*certificate.extensions, *certificate.unread)
