"""One X.509 certificate, read once, with what the reports say of it."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.der import Element, elements, fields_of, identifier, with_extensions
from pse_preflight.errors import PreflightError
from pse_preflight.names import are_alike

_SHORT = 12
_MOST_EXTENSIONS = 100
_MOST_KEPT = 1024
"""So many certificates are kept as they were read; those of hundreds of systems and their roots."""
_INTEGER, _TRUE = 0x02, b"\xff"
_KEY, _ISSUER, _SERIAL = 0x80, 0xA1, 0x82
_SHA256_HEX = 64
_OTHER_HASHES = {
    32: "an MD5 fingerprint",
    40: "a SHA-1 fingerprint",
    96: "a SHA-384 fingerprint",
    128: "a SHA-512 fingerprint",
}
"""What a fingerprint of another length is, by its hexadecimal digits."""
_FEWEST_PAIRS = 16
_PAIRS = re.compile(
    rf"(?<![0-9a-z])(?:0x)?([0-9a-f]{{2}}(?:[:\s-]{{0,2}}[0-9a-f]{{2}}){{{_FEWEST_PAIRS - 1},}})(?![0-9a-z])", re.ASCII
)
_NAME_OF_ANOTHER_HASH = re.compile(r"md5|sm3|blake|shake|sha-?(?:1(?![0-9])|224|3|512)", re.ASCII)
_LONGEST_FINGERPRINT, _LONGEST_SHOWN = 1000, 60

ExtensionKind = TypeVar("ExtensionKind", bound=x509.ExtensionType)
_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


Extension = x509.Extension[x509.ExtensionType]


class CertificateUnreadable(PreflightError):
    """The bytes are no certificate that a strict reader accepts.

    Attributes:
        detail: the reader's own words, where it said some.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class UnreadExtension:
    """An extension whose content the reader does not accept; others may."""

    oid: x509.ObjectIdentifier
    critical: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate; equal when its bytes are. What of it the reader does not accept is kept apart.

    Attributes:
        der: the bytes as sent or stored.
        parsed: the same certificate in the library's form.
        sha256: fingerprint of the bytes, 64 hexadecimal digits in lower case.
        subject, issuer: distinguished names as RFC 4514 writes them.
        not_before, not_after: first and last second of validity, in UTC.
        extensions: those that can be read.
        unread: those that cannot, or only in part.
        public_key: None where it is of a kind or a curve that the library does not know.
    """

    der: bytes = field(repr=False)
    parsed: x509.Certificate = field(repr=False, compare=False)
    sha256: str
    subject: str
    issuer: str
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)
    extensions: tuple[Extension, ...] = field(repr=False, compare=False)
    unread: tuple[UnreadExtension, ...] = field(repr=False, compare=False)
    public_key: CertificatePublicKeyTypes | None = field(repr=False, compare=False)

    def __hash__(self) -> int:
        """Hash by the bytes, as equality does."""
        return hash(self.der)

    def __reduce__(self) -> tuple[Callable[[bytes], "Certificate"], tuple[bytes]]:
        """Go from process to process as bytes; the library's form of it cannot."""
        return Certificate.read, (self.der,)

    @classmethod
    def read(cls, der: bytes) -> "Certificate":
        """Read a DER certificate; everything a later step touches is touched here.

        An extension that cannot be read, or a key of an unknown kind, spoils nothing else: others read it, perhaps.

        Raises:
            CertificateUnreadable: with the part that cannot be read.
        """
        return _read(der)

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
    def serial_number(self) -> int:
        """Return the serial number, which some roots have as zero."""
        return serial_number(self.parsed)

    @property
    def is_self_issued(self) -> bool:
        """Tell whether subject and issuer are the same name, in whatever form (RFC 5280, 7.1)."""
        return are_alike(self.parsed.subject, self.parsed.issuer)

    @property
    def oddity(self) -> str | None:
        """Return what of the certificate cannot be read, or nothing."""
        if self.public_key is None:
            return "its public key is of a kind that is not known here"
        return f"its extension {self.unread[0].oid.dotted_string} cannot be read" if self.unread else None

    @property
    def pem(self) -> str:
        """Return the certificate as one PEM block."""
        return self.parsed.public_bytes(Encoding.PEM).decode("ascii")

    def extension(self, kind: type[ExtensionKind]) -> ExtensionKind | None:
        """Return the content of the extension of this kind, or nothing where there is none that can be read."""
        return next((each.value for each in self.extensions if isinstance(each.value, kind)), None)

    def is_valid_at(self, moment: datetime) -> bool:
        """Tell whether the moment lies within the days of the certificate, both ends included (RFC 5280, 4.1.2.5)."""
        return self.not_before <= moment <= self.not_after


def without_warnings(function: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Return the function such that nothing is warned of that it sets off, in any thread and under any filter.

    The library warns of what people have among their roots (names longer than 64 characters, the serial number zero),
    and where warnings are errors that would decide a verdict. Filters belong to the whole process, so no thread can set
    them for itself. CPython drops a warning of a module without a name before it looks at any filter (warn_explicit in
    Python/_warnings.c; made for the end of the interpreter), and it takes the module's name from these globals.
    """
    nameless: Any = FunctionType(function.__code__, {**function.__globals__, "__name__": None}, function.__name__)
    silent: Callable[_Given, _Made] = nameless
    return silent


@without_warnings
def load(der: bytes) -> x509.Certificate:
    """Load a DER certificate in the library's form, of which the names at least can be read."""
    parsed = x509.load_der_x509_certificate(der)
    _ = (parsed.subject, parsed.issuer)
    return parsed


@without_warnings
def extensions(parsed: x509.Certificate) -> x509.Extensions:
    """Return the extensions of a certificate of which nothing but the names has been read."""
    return parsed.extensions


@without_warnings
def serial_number(parsed: x509.Certificate) -> int:
    """Return the serial number; the library warns each time somebody looks at one that is not positive."""
    return parsed.serial_number


@lru_cache(maxsize=_MOST_KEPT)
def _read(der: bytes) -> Certificate:
    """Read the bytes once: a chain is judged several times in a run, and hundreds of systems have the same issuers."""
    with _part("it is damaged, cut off, or no certificate at all"):
        parsed = _bare(der)
        _ = parsed.signature_algorithm_oid
    with _part("one of its names is none"):
        subject, issuer = _names(parsed)
    with _part("one of its extensions stands in it twice, or they are no list of extensions"):
        extensions, unread = _read_extensions(parsed, der)
    with _part("its public key is none"):
        key = _public_key(parsed)
    with _part("one of its dates is none"):
        not_before, not_after = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    return Certificate(
        der=der,
        parsed=parsed,
        sha256=hashlib.sha256(der).hexdigest(),
        subject=_printable(subject),
        issuer=_printable(issuer),
        not_before=not_before,
        not_after=not_after,
        extensions=extensions,
        unread=unread,
        public_key=key,
    )


@contextmanager
def _part(reason: str) -> Iterator[None]:
    """Say in our words which part cannot be read, whatever the reader raises for it."""
    try:
        yield
    except Exception as error:
        raise CertificateUnreadable(reason, f"{type(error).__name__}: {error}") from error


@without_warnings
def _names(parsed: x509.Certificate) -> tuple[str, str]:
    """Return subject and issuer; the library keeps what it has read once."""
    return parsed.subject.rfc4514_string(), parsed.issuer.rfc4514_string()


@without_warnings
def _bare(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


@without_warnings
def _all_extensions(parsed: x509.Certificate) -> tuple[Extension, ...]:
    return tuple(parsed.extensions)


@without_warnings
def _public_key(parsed: x509.Certificate) -> CertificatePublicKeyTypes | None:
    try:
        return parsed.public_key()
    except UnsupportedAlgorithm:
        return None


def _read_extensions(parsed: x509.Certificate, der: bytes) -> tuple[tuple[Extension, ...], tuple[UnreadExtension, ...]]:
    """Return the extensions that can be read, and those that cannot; the library reads all of them or none."""
    try:
        return _all_extensions(parsed), ()
    except x509.DuplicateExtension:
        raise
    except Exception:  # noqa: BLE001 - a value error, a key error, a type error: as the extension has it
        return _read_each_extension(der)


def _read_each_extension(der: bytes) -> tuple[tuple[Extension, ...], tuple[UnreadExtension, ...]]:
    fields = fields_of(der)
    if len(fields.extensions) > _MOST_EXTENSIONS:
        raise ValueError(f"{len(fields.extensions)} extensions, one of them wrong")
    read: list[Extension] = []
    unread: list[UnreadExtension] = []
    for each in fields.extensions:
        try:
            read += _all_extensions(_bare(with_extensions(fields, (each,))))
        except Exception:  # noqa: BLE001 - as above
            oid, *mark, value = elements(next(elements(each)).content)
            critical = any(part.content == _TRUE for part in mark)
            outline = UnreadExtension(x509.ObjectIdentifier(identifier(oid.content)), critical)
            unread.append(outline)
            read += _bent(outline, value.content)
    return tuple(read), tuple(unread)


def _bent(extension: UnreadExtension, value: bytes) -> Iterator[Extension]:
    """Yield what can be read of an extension that every client reads, though RFC 5280 forbids it and the library too.

    Basic constraints that give a path length to what is no authority (4.2.1.9), and an authority key identifier with
    only one of issuer and serial number (4.2.1.1).
    """
    parts = {each.tag: each.content for each in _inside(value)}
    if extension.oid == x509.BasicConstraints.oid and parts.keys() == {_INTEGER}:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        yield x509.Extension(extension.oid, extension.critical, constraints)
    if extension.oid == x509.AuthorityKeyIdentifier.oid and parts.keys() & {_ISSUER, _SERIAL} < {_ISSUER, _SERIAL}:
        key = x509.AuthorityKeyIdentifier(parts.get(_KEY), None, None)
        yield x509.Extension(extension.oid, extension.critical, key)


def _inside(value: bytes) -> tuple[Element, ...]:
    """Return the elements of the element that a value is; nothing where it is none."""
    try:
        return tuple(elements(next(elements(value)).content))
    except (ValueError, StopIteration):
        return ()


def common_name(name: x509.Name) -> str:
    """Return the last common name of a distinguished name, or nothing."""
    values = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return _printable(str(values[-1].value)) if values else ""


def read_pem(text: bytes) -> tuple[Certificate, ...]:
    """Read every certificate of a PEM text of our own, in its order; for other people's see certificate_file.

    Raises:
        CertificateUnreadable: where there is none, or one of them cannot be read.
    """
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", text, re.DOTALL)
    if not blocks:
        raise CertificateUnreadable("no BEGIN CERTIFICATE line in it")
    try:
        return tuple(Certificate.read(base64.b64decode(b"".join(block.split()), validate=True)) for block in blocks)
    except ValueError as error:
        raise CertificateUnreadable("it is damaged, cut off, or no PEM at all", str(error)) from error


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
    """Return a SHA-256 fingerprint as 64 lower-case digits, from any usual way of writing it.

    That is `sha256:AB…`, `SHA-256: AB:CD:…`, `sha256 Fingerprint=AB:CD:…` (openssl), digits with blanks or hyphens, and
    what comes along unseen when it is copied from a window (certmgr puts U+200E before it).

    Raises:
        ValueError: where the text is no SHA-256 fingerprint; one of another hash is named as that.
    """
    seen = "".join(char for char in text[:_LONGEST_FINGERPRINT] if unicodedata.category(char) != "Cf").lower()
    shown = repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
    found = _PAIRS.findall(" ".join(seen.split()))
    if len(found) != 1:
        raise ValueError(f"{shown} is no SHA-256 fingerprint (sha256: and 64 hexadecimal digits)")
    digits = re.sub(r"[^0-9a-f]", "", found[0])
    other = _NAME_OF_ANOTHER_HASH.search(seen)
    if len(digits) == _SHA256_HEX and not other:
        return digits
    said = f"a fingerprint called {other[0].upper()}" if other else f"a fingerprint of {len(digits)} hexadecimal digits"
    raise ValueError(
        f"{shown} is {_OTHER_HASHES.get(len(digits), said)}, no SHA-256 fingerprint: {_WHERE_THE_SHA256_STANDS}"
    )


_WHERE_THE_SHA256_STANDS = (
    "a browser shows it with the certificate, and so does openssl x509 -noout -fingerprint -sha256 -in FILE"
    " (what Windows calls the thumbprint is the SHA-1)"
)


def now() -> datetime:
    """Return the present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
