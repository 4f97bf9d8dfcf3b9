"""One X.509 certificate, read once, with what the reports say of it."""

import hashlib
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from pse_preflight.errors import PreflightError

_SHORT = 12
_SHA256_HEX = 64

ExtensionKind = TypeVar("ExtensionKind", bound=x509.ExtensionType)


class CertificateUnreadable(PreflightError):
    """The bytes are no certificate that a strict reader accepts."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that could be read completely; equal when its bytes are.

    Attributes:
        der: the bytes as sent or stored.
        parsed: the same certificate in the library's form.
        sha256: fingerprint of the bytes, 64 hexadecimal digits in lower case.
        subject, issuer: distinguished names as RFC 4514 writes them.
        not_before, not_after: first and last second of validity, in UTC.
    """

    der: bytes = field(repr=False)
    parsed: x509.Certificate = field(repr=False, compare=False)
    sha256: str
    subject: str
    issuer: str
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)

    def __hash__(self) -> int:
        """Hash by the bytes, as equality does."""
        return hash(self.der)

    @classmethod
    def read(cls, der: bytes) -> "Certificate":
        """Read a DER certificate; everything a later step touches is touched here.

        Raises:
            CertificateUnreadable: with the reader's reason. Strict readers refuse about one in a hundred odd
                certificates only when extensions or key are asked for (reference: x509-limbo).
        """
        try:
            parsed = load(der)
            parsed.extensions, parsed.public_key(), parsed.signature_algorithm_oid
            return cls(
                der=der,
                parsed=parsed,
                sha256=hashlib.sha256(der).hexdigest(),
                subject=_printable(parsed.subject.rfc4514_string()),
                issuer=_printable(parsed.issuer.rfc4514_string()),
                not_before=parsed.not_valid_before_utc,
                not_after=parsed.not_valid_after_utc,
            )
        except Exception as error:
            raise CertificateUnreadable(f"{type(error).__name__}: {error}") from error

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "Certificate":
        """Wrap a certificate of the library's."""
        return cls.read(certificate.public_bytes(Encoding.DER))

    @property
    def name(self) -> str:
        """Return the shortest name that people know it by: the common name, else the whole subject."""
        return common_name(self.parsed.subject) or self.subject or "(no subject)"

    @property
    def issuer_name(self) -> str:
        """Return the issuer's common name, else its whole name."""
        return common_name(self.parsed.issuer) or self.issuer or "(no issuer)"

    @property
    def label(self) -> str:
        """Return name, fingerprint prefix and last day, as every message names a certificate."""
        return f'"{self.name}" (sha256 {self.sha256[:_SHORT]}, until {self.not_after:%Y-%m-%d})'

    @property
    def is_self_issued(self) -> bool:
        """Tell whether subject and issuer are the same name."""
        return self.parsed.subject == self.parsed.issuer

    @property
    def pem(self) -> str:
        """Return the certificate as one PEM block."""
        return self.parsed.public_bytes(Encoding.PEM).decode("ascii")

    def extension(self, kind: type[ExtensionKind]) -> ExtensionKind | None:
        """Return the content of the extension of this kind, or nothing where there is none."""
        try:
            return self.parsed.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None

    def is_valid_at(self, moment: datetime) -> bool:
        """Tell whether the moment lies within the days of the certificate, both ends included (RFC 5280, 4.1.2.5)."""
        return self.not_before <= moment <= self.not_after


def load(der: bytes) -> x509.Certificate:
    """Load a DER certificate in the library's form, without its warning about serial numbers that are not positive."""
    _accept_odd_serial_numbers()
    return x509.load_der_x509_certificate(der)


def common_name(name: x509.Name) -> str:
    """Return the last common name of a distinguished name, or nothing."""
    values = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return _printable(str(values[-1].value)) if values else ""


def read_pem(text: bytes) -> tuple[Certificate, ...]:
    """Read every certificate of a PEM file, in its order.

    Raises:
        CertificateUnreadable: where there is none, or one of them cannot be read.
    """
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    if not blocks:
        raise CertificateUnreadable("no BEGIN CERTIFICATE line in it")
    try:
        _accept_odd_serial_numbers()
        return tuple(Certificate.of(x509.load_pem_x509_certificate(block)) for block in blocks)
    except ValueError as error:
        raise CertificateUnreadable(f"{type(error).__name__}: {error}") from error


def readable(ders: Iterable[bytes]) -> tuple[Certificate, ...]:
    """Return the certificates that a strict reader accepts; the others are reported where the chain is judged."""
    found = []
    for der in ders:
        try:
            found.append(Certificate.read(der))
        except CertificateUnreadable:
            continue
    return tuple(found)


def write_pem(certificates: Iterable[Certificate]) -> str:
    """Write certificates as PEM, a comment with its subject before each."""
    return "".join(f"# {each.subject}\n# sha256 {each.sha256}\n{each.pem}" for each in certificates)


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 lower-case digits, from `sha256:AB…`, `AB:CD:…` or plain digits.

    Raises:
        ValueError: where the text is no SHA-256 fingerprint.
    """
    digits = re.sub(r"[:\s]", "", text.strip().lower().removeprefix("sha256:"))
    if len(digits) != _SHA256_HEX or not re.fullmatch(r"[0-9a-f]+", digits):
        raise ValueError(f"{text!r} is no SHA-256 fingerprint (sha256: and 64 hexadecimal digits)")
    return digits


def now() -> datetime:
    """Return the present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _accept_odd_serial_numbers() -> None:
    """Silence one warning: some roots have the serial number zero, and nobody who runs this can change that.

    Said anew each time, since test runners set the filters back; a context that restores them is not safe in threads.
    """
    warnings.filterwarnings("ignore", "Parsed a serial number which wasn't positive", CryptographyDeprecationWarning)
