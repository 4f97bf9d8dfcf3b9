"""Entries of a certificate list, as the file of a PSE holds them."""

from pse_preflight.certificate import Certificate
from pse_preflight.client_pse.entries import Entry
from pse_preflight.pse.trusted import IN_LIST, TrustedCertificate


def whole(certificate: Certificate) -> TrustedCertificate:
    """Return what a file holds that holds the whole certificate."""
    return TrustedCertificate(certificate.parsed.tbs_certificate_bytes, certificate.der, IN_LIST)


def signed_part(certificate: Certificate) -> TrustedCertificate:
    """Return what a file holds that holds the signed part alone."""
    return TrustedCertificate(certificate.parsed.tbs_certificate_bytes, None, IN_LIST)


def entry_of(certificate: Certificate) -> Entry:
    """Return the entry of a whole certificate."""
    return Entry(certificate.subject, certificate.not_after, certificate.sha256, None, whole(certificate))
