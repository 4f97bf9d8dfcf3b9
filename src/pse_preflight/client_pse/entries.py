"""The certificate list of a PSE: what the tool prints, each entry joined with what the file holds of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pse_preflight.certificate import Certificate
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse.output import ListedCertificate, Listing, names


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate of the PSE's list, as far as it is known.

    Attributes:
        subject: its owner as the list's reader writes it.
        not_after: the last second of its validity, where known.
        sha256: its fingerprint, where known.
        serial: its serial number, where known.
        held: what the file itself holds of it; None where nothing.
        issuer: who issued it, as the list's reader writes it; empty where not known.
        only_listed: the file can be opened by the tool alone, so what the tool lists is all there is.
    """

    subject: str
    not_after: datetime | None = None
    sha256: str | None = None
    serial: int | None = None
    held: TrustedCertificate | None = field(default=None, repr=False)
    issuer: str = ""
    only_listed: bool = False

    @property
    def certificate(self) -> Certificate | None:
        """Return the whole certificate, where the file holds it."""
        return self.held.certificate if self.held else None

    @property
    def tbs(self) -> bytes | None:
        """Return its signed part, where the file holds that much."""
        return self.held.tbs if self.held else None

    def is_of(self, certificate: Certificate) -> bool:
        """Tell whether this entry is the given certificate: by its bytes, by its signed part, else by its SHA-256."""
        if self.certificate is not None:
            return self.certificate == certificate
        if self.tbs is not None:
            return self.tbs == certificate.parsed.tbs_certificate_bytes
        return self.sha256 is not None and self.sha256 == certificate.sha256

    def is_described_as(self, certificate: Certificate) -> bool:
        """Tell whether serial number, end and issuer are the certificate's; another key may bear them just as well."""
        return (
            self.serial == certificate.serial_number
            and self.not_after == certificate.not_after
            and names(self.issuer, certificate.parsed.issuer)
        )

    @property
    def is_comparable(self) -> bool:
        """Tell whether more than a description is known of it."""
        return self.held is not None or self.sha256 is not None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A certificate that the list lets trust begin with; what the server sent is none unless the list holds it.

    It is made of an entry alone, and an entry of what the file or the tool says: of nothing that a server has sent.

    Attributes:
        entry: the entry that it comes from: whole, by its signed part, or, in a file that only the tool can open, by
            the SHA-256 that the tool lists.
        certificate: it.
    """

    entry: Entry
    certificate: Certificate

    def __post_init__(self) -> None:
        """Refuse a certificate that the entry does not hold."""
        if not (self.entry.held or self.entry.only_listed) or not self.entry.is_of(self.certificate):
            raise ValueError(f"{self.certificate.label} is not what the list holds as {self.entry.subject!r}")

    @classmethod
    def of(cls, entry: Entry, known: Iterable[Certificate]) -> "Anchor | None":
        """Return the anchor that an entry is.

        Args:
            known: whole certificates, among which one is looked for whose signed part, or SHA-256, the entry has.
        """
        if entry.certificate is not None:
            return cls(entry, entry.certificate)
        if entry.held is None and not entry.only_listed:
            return None
        return next((cls(entry, each) for each in known if entry.is_of(each)), None)


def holds(entries: Sequence[Entry], certificate: Certificate) -> bool:
    """Tell whether the list holds this very certificate."""
    return any(entry.is_of(certificate) for entry in entries)


def entries_of(listing: Listing | None, held: Sequence[TrustedCertificate] | None) -> tuple[Entry, ...]:
    """Return what the tool lists, each entry joined with the certificate that the file holds for it.

    Args:
        held: what the file holds; None where it can be opened by the tool alone.
    """
    if listing is None:
        return ()
    if held is None:
        return tuple(replace(_entry(each, None), only_listed=True) for each in listing.entries)
    return tuple(
        _entry(listed, next((each for each in held if is_same(listed, each)), None)) for listed in listing.entries
    )


def _entry(listed: ListedCertificate, held: TrustedCertificate | None) -> Entry:
    return Entry(
        subject=listed.subject,
        not_after=listed.not_after or (held.not_after if held else None),
        sha256=listed.sha256 or (held.sha256 if held else None),
        serial=listed.serial,
        held=held,
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
