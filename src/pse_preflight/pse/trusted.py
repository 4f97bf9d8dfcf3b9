"""The certificate list of a PSE: what PKList trusts, completed from CertList (pse-format.md, section 3)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from pse_preflight.certificate import Certificate, CertificateUnreadable, load
from pse_preflight.json_types import Der
from pse_preflight.once import LazyProperty
from pse_preflight.pse import asn1, name
from pse_preflight.pse.errors import UnknownEncoding
from pse_preflight.pse.taken_apart import ToBeSigned, three_parts

IN_LIST = "PKList"
IN_LIST_AND_POOL = "PKList + CertList"

MOST_CERTIFICATES = 10_000
_SHORT = 12
_SEQUENCE = bytes((asn1.SEQUENCE,))
_ANY_SERIAL = bytes.fromhex("020101")
_ANY_ALGORITHM = bytes.fromhex("300506032b6570")
_ANY_SIGNATURE = bytes.fromhex("03020000")
_ANY_KEY = asn1.tagged(asn1.SEQUENCE, _ANY_ALGORITHM, asn1.tagged(asn1.BIT_STRING, bytes(33)))


@dataclass(frozen=True)
class TrustedCertificate:
    """One entry of the certificate list.

    Attributes:
        tbs: the part of the certificate that is signed, which every kind of entry has.
        der: the whole certificate; nothing where the file has its signed part only. Then no fingerprint can be told.
        found: where it was found, "PKList" or "PKList + CertList".
    """

    tbs: Der
    der: Der | None
    found: str

    def __repr__(self) -> str:
        """Name the entry as messages do."""
        return f"<TrustedCertificate {self.label} in {self.found}>"

    @property
    def stored(self) -> bytes:
        """Return the entry as it stands in PKList."""
        return self.der if self.der and self.found == IN_LIST else self.tbs

    @property
    def is_stored_whole(self) -> bool:
        """Tell whether PKList holds the whole certificate, and not its signed part."""
        return self.stored is self.der

    @property
    def certificate(self) -> Certificate | None:
        """Return the certificate, where it is whole and a strict reader accepts it."""
        return self._strictly_read[0] if self.der else None

    @property
    def unreadable(self) -> str | None:
        """Return what of the entry a strict reader refuses, or nothing; the rest of it counts all the same."""
        return self._strictly_read[1]

    @LazyProperty
    def sha256(self) -> str | None:
        """Return the fingerprint of the whole certificate in lower case, or nothing where it is not whole."""
        return hashlib.sha256(self.der).hexdigest() if self.der else None

    @LazyProperty
    def parsed(self) -> x509.Certificate | None:
        """Return what can be read of the entry in the library's form, for its names, days and key.

        Where `certificate` is nothing, parts of this may be made up: never fingerprint it or pass it on.
        """
        return _loaded(self._whole) or _loaded(_names_only(self.tbs))

    @LazyProperty
    def subject(self) -> str:
        """Return the subject as SAP writes it; empty where it cannot be read."""
        return name.text(self.parsed.subject) if self.parsed else ""

    @LazyProperty
    def issuer(self) -> str:
        """Return the issuer as SAP writes it; empty where it cannot be read."""
        return name.text(self.parsed.issuer) if self.parsed else ""

    @property
    def serial_number(self) -> int:
        """Return the serial number."""
        return ToBeSigned.split(self.tbs).serial_number

    @property
    def not_before(self) -> datetime | None:
        """Return the first second of validity, or nothing where it cannot be read."""
        return self.parsed.not_valid_before_utc if self.parsed else None

    @property
    def not_after(self) -> datetime | None:
        """Return the last second of validity, or nothing where it cannot be read."""
        return self.parsed.not_valid_after_utc if self.parsed else None

    @property
    def label(self) -> str:
        """Return what messages call it: subject, fingerprint prefix and last day, as far as they are known."""
        fingerprint = f"sha256 {self.sha256[:_SHORT]}" if self.sha256 else "fingerprint unknown"
        until = f", until {self.not_after:%Y-%m-%d}" if self.not_after else ""
        return f'"{self.subject or "(unreadable name)"}" ({fingerprint}{until})'

    @property
    def _whole(self) -> bytes:
        return self.der or asn1.tagged(asn1.SEQUENCE, self.tbs, ToBeSigned.split(self.tbs).algorithm, _ANY_SIGNATURE)

    @LazyProperty
    def _strictly_read(self) -> tuple[Certificate | None, str | None]:
        try:
            certificate = Certificate.read(self._whole)
        except CertificateUnreadable as error:
            return None, str(error)
        return certificate, certificate.oddity


def read_list(value: bytes, pool: Mapping[bytes, bytes], offset: int) -> tuple[TrustedCertificate, ...]:
    """Read the value of PKList in either encoding, whatever the order.

    Args:
        pool: whole certificates by their signed part.
        offset: where the value lies.

    Raises:
        UnknownEncoding: where the value is no SET, or an entry neither a certificate nor the signed part of one.
        DamagedPse: where the value cannot be split.
    """
    return tuple(_entry(each, pool) for each in set_elements(value, IN_LIST, offset))


def read_pool(value: bytes, offset: int) -> dict[bytes, bytes]:
    """Read the value of CertList: whole certificates by their signed part. What is no certificate is passed over."""
    found = ((three_parts(each), each) for each in set_elements(value, "CertList", offset))
    return {parts[0]: whole for parts, whole in found if parts}


def set_elements(value: bytes, what: str, offset: int = 0) -> list[bytes]:
    """Split a SET of certificates.

    Raises:
        UnknownEncoding: where the value is no SET.
        DamagedPse: where it cannot be split.
    """
    if value[0] != asn1.SET:
        raise UnknownEncoding(f"{what} begins with tag {value[0]:02x} instead of the 31 of a SET")
    return asn1.parts(value, MOST_CERTIFICATES, offset)


def _entry(value: bytes, pool: Mapping[bytes, bytes]) -> TrustedCertificate:
    """Tell the two encodings apart by the first value inside, then look whether the rest is as it should be."""
    begins_like_a_certificate = asn1.content(value)[:1] == _SEQUENCE
    parts = three_parts(value) if begins_like_a_certificate else None
    tbs = parts[0] if parts else value
    try:
        ToBeSigned.split(tbs)
    except UnknownEncoding as error:
        raise UnknownEncoding(
            f"an entry of PKList is neither a certificate nor the signed part of one: {error}"
        ) from error
    if parts:
        return TrustedCertificate(tbs, value, IN_LIST)
    whole = pool.get(tbs)
    return TrustedCertificate(tbs, whole, IN_LIST_AND_POOL if whole else IN_LIST)


def _loaded(certificate: bytes) -> x509.Certificate | None:
    """Load a certificate whose names and days, at least, can be read."""
    try:
        parsed = load(certificate)
        _ = (parsed.subject, parsed.issuer, parsed.not_valid_before_utc, parsed.not_valid_after_utc)
    except Exception:  # noqa: BLE001 - odd bytes end in ValueError, TypeError, AssertionError, InvalidVersion
        return None
    return parsed


def _names_only(tbs: bytes) -> bytes:
    """Put names and days into a certificate that has nothing else from the entry."""
    fields = ToBeSigned.split(tbs)
    made_up = asn1.tagged(
        asn1.SEQUENCE, _ANY_SERIAL, _ANY_ALGORITHM, fields.issuer, fields.validity, fields.subject, _ANY_KEY
    )
    return asn1.tagged(asn1.SEQUENCE, made_up, _ANY_ALGORITHM, _ANY_SIGNATURE)
