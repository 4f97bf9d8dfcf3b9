"""The certificate list of a PSE: what the tool prints, each entry joined with what the file holds of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pse_preflight.certificate import Certificate
from pse_preflight.pse.file import TrustedCertificate
from pse_preflight.sapgenpse.output import ListedCertificate, Listing, names


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate of the PSE's list, as far as it is known.

    Attributes:
        subject: its owner as the list's reader writes it.
        not_after: the last second of its validity, where known.
        sha256: its fingerprint, where known.
        serial: its serial number, where known.
        certificate: the whole certificate, where it is at hand.
        issuer: who issued it, as the list's reader writes it; empty where not known.
    """

    subject: str
    not_after: datetime | None = None
    sha256: str | None = None
    serial: int | None = None
    certificate: Certificate | None = field(default=None, repr=False)
    issuer: str = ""

    def is_of(self, certificate: Certificate) -> bool:
        """Tell whether this entry is the given certificate: by fingerprint, else by serial number, issuer and end."""
        if self.certificate is not None:
            return self.certificate == certificate
        if self.sha256 is not None:
            return self.sha256 == certificate.sha256
        return (
            self.serial == certificate.parsed.serial_number
            and self.not_after == certificate.not_after
            and names(self.issuer, certificate.parsed.issuer)
        )


def holds(entries: Sequence[Entry], certificate: Certificate) -> bool:
    """Tell whether the list holds this very certificate."""
    return any(entry.is_of(certificate) for entry in entries)


def entries_of(listing: Listing | None, held: Sequence[TrustedCertificate]) -> tuple[Entry, ...]:
    """Return what the tool lists, each entry joined with the certificate that the file holds for it."""
    if listing is None:
        return ()
    return tuple(
        _entry(listed, next((each for each in held if is_same(listed, each)), None)) for listed in listing.entries
    )


def _entry(listed: ListedCertificate, held: TrustedCertificate | None) -> Entry:
    return Entry(
        subject=listed.subject,
        not_after=listed.not_after,
        sha256=listed.sha256 or (held.sha256 if held else None),
        serial=listed.serial,
        certificate=held.certificate if held else None,
        issuer=listed.issuer,
    )


def is_same(listed: ListedCertificate, held: TrustedCertificate) -> bool:
    """Tell whether an entry of the listing is a certificate of the file.

    Issuer and days count beside the serial number where there is no SHA-256: roots with the serial number 0 exist.
    """
    if held.certificate is not None:
        return listed.is_of(held.certificate)
    dates = (listed.not_before, listed.not_after) == (held.not_before, held.not_after)
    return listed.serial == held.serial_number and dates
