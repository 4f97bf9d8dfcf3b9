"""How the bundled implementation prints: certificates, dates and names as people with SAP's tool know them.

Nothing here knows how such text is read again.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pse_preflight.certificate import Certificate, extensions
from pse_preflight.pse import asn1, name
from pse_preflight.pse.trusted import TrustedCertificate

RULE = "-" * 76

_VALUES_BEGIN = 39
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST_YEAR_OF_TWO_DIGITS = 2049
_FIRST_YEAR_OF_TWO_DIGITS = 1950

_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRsaEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRsaEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRsaEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRsaEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRsaEncryption",
    "1.2.840.10040.4.3": "dsaWithSHA1",
    "1.2.840.10045.4.3.2": "ecdsaWithSHA256",
    "1.2.840.10045.4.3.3": "ecdsaWithSHA384",
    "1.2.840.10045.4.3.4": "ecdsaWithSHA512",
}
_USAGES = (
    ("digital_signature", "digitalSignature"),
    ("content_commitment", "nonRepudiation"),
    ("key_encipherment", "keyEncipherment"),
    ("data_encipherment", "dataEncipherment"),
    ("key_agreement", "keyAgreement"),
    ("key_cert_sign", "keyCertSign"),
    ("crl_sign", "cRLSign"),
)


def listing(pse: Path, entries: Sequence[TrustedCertificate], zone: tzinfo | None) -> list[str]:
    """Return the lines of `maintain_pk -l`; one certificate stands alone, several are numbered from 1."""
    lines = [heading(pse), "PKList:"]
    if not entries:
        return [*lines, " (no entries)"]
    for number, entry in enumerate(entries, 1):
        lines += [f" Element #{number}:"] if len(entries) > 1 else []
        lines += described(entry, zone)
    return lines


def heading(pse: Path) -> str:
    """Return the first line of every answer of maintain_pk."""
    return f' maintain_pk for PSE "{pse}"'


def updated(pse: Path, subjects: Iterable[str], total: int, changed: int, how: str) -> list[str]:
    """Return the lines of `maintain_pk -a` and of `-d`."""
    named = [f"Subject               :   {subject}" for subject in subjects]
    return [heading(pse), RULE, *named, "", f" PKList updated ({total} entries total, {changed} {how})", ""]


def described(entry: TrustedCertificate, zone: tzinfo | None) -> list[str]:
    """Return the lines that describe one certificate, as far as it can be read.

    Of an entry that is no whole certificate no fingerprint can be told.
    """
    lines = [_line("Subject", entry.subject), _line("Issuer", entry.issuer)]
    lines.append(_line("Serial Number", serial(entry.serial_number)))
    if entry.not_before and entry.not_after:
        lines.append(_line("Validity not before", moment(entry.not_before, zone)))
        lines.append(_line("Validity not after", moment(entry.not_after, zone)))
    if entry.parsed and not entry.unreadable:
        lines = [_line("Version", str(entry.parsed.version.value + 1)), *lines, *_key_and_extensions(entry.parsed)]
    return lines + (_fingerprints(entry.der) if entry.der else [])


def owner(certificate: Certificate, zone: tzinfo | None) -> list[str]:
    """Return the lines of `get_my_name` about the own certificate."""
    return [
        f"Subject : {name.text(certificate.parsed.subject)}",
        f"Issuer  : {name.text(certificate.parsed.issuer)}",
        f"Serialno: {serial(certificate.serial_number)}",
        f"KeyInfo : {key_information(certificate)}",
        *validity(certificate, zone),
    ]


def validity(certificate: Certificate, zone: tzinfo | None) -> list[str]:
    """Return the lines of `get_my_name -n validity`."""
    return [
        f"Validity  -  NotBefore:   {moment(certificate.not_before, zone)}",
        f"             NotAfter :   {moment(certificate.not_after, zone)}",
    ]


def alternative_names(certificate: Certificate) -> list[str]:
    """Return the line of `get_my_name -n SubjectAltName`; how SAP's tool writes it is not known."""
    found = certificate.extension(x509.SubjectAlternativeName)
    return [f"SubjectAltName: {_alternatives(found) if found else '(none)'}"]


def credentials(kept: Sequence[tuple[str, str, bool]]) -> list[str]:
    """Return the lines of `seclogin -l`: its last line and the beginning of each entry are as SAP's tool has them.

    None is called readable, since none is opened here.

    Args:
        kept: for each its owner, the path of its PSE, and whether it is bound to the machine (LPS).
    """
    lines = []
    for number, (owner, pse, is_bound) in enumerate(kept):
        lines += [f" {number} (LPS:{'ON' if is_bound else 'OFF'}): {_one_line(owner)}", f"     {_one_line(pse)}"]
    count = len(kept)
    return [*lines, "", f"NO readable (of {count} matching) SSO-Credentials available (total {count})"]


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def key_information(certificate: Certificate) -> str:
    """Return kind and size of a certificate's key, such as `RSA, 2048-bit`."""
    key = certificate.public_key
    if key is None:
        return "unknown"
    kind = {"rsaEncryption": "RSA", "dsaEncryption": "DSA", "ecPublicKey": "ECDSA"}.get(_key_kind(key), _key_kind(key))
    size = getattr(key, "key_size", None)
    return f"{kind}, {size}-bit" if size else kind


def moment(when: datetime, zone: tzinfo | None) -> str:
    """Return a time as SAP's tool writes it: in the given zone (None: this machine's), then in UTC in parentheses."""
    local = _local(when, zone)
    day, month = _DAYS[local.weekday()], _MONTHS[local.month - 1]
    short = _FIRST_YEAR_OF_TWO_DIGITS <= when.year <= _LAST_YEAR_OF_TWO_DIGITS
    year = f"{when.year % 100:02}" if short else f"{when.year:04}"
    stamp = f"{year}{when.month:02}{when.day:02}{when.hour:02}{when.minute:02}{when.second:02}Z"
    clock = f"{local.hour:02}:{local.minute:02}:{local.second:02}"
    return f"{day} {month} {local.day:2} {clock} {local.year} ({stamp})"


def serial(number: int) -> str:
    """Return a serial number as bytes with colons between them."""
    length = max(1, (number.bit_length() + 7) // 8) if number >= 0 else number.bit_length() // 8 + 1
    return _colons(number.to_bytes(length, signed=number < 0))


def _line(key: str, value: str, *, nested: bool = False) -> str:
    return f"{'  ' if nested else ' '}{key}:".ljust(_VALUES_BEGIN) + value


def _local(when: datetime, zone: tzinfo | None) -> datetime:
    try:
        return when.astimezone(zone)
    except (OverflowError, OSError):  # the ends of the calendar, and times before 1970 on Windows
        return when.astimezone(UTC)


def _colons(data: bytes) -> str:
    return data.hex(":").upper()


def _fingerprints(der: bytes) -> list[str]:
    return [
        _line("Certificate fingerprint (MD5)", _colons(hashlib.md5(der, usedforsecurity=False).digest())),
        _line("Certificate fingerprint (SHA1)", _colons(hashlib.sha1(der, usedforsecurity=False).digest())),
        _line("Certificate fingerprint (SHA256)", _colons(hashlib.sha256(der).digest())),
    ]


def _key_and_extensions(certificate: x509.Certificate) -> list[str]:
    key = certificate.public_key()
    kind = _key_kind(key)
    size = f" ({size} bits)" if (size := getattr(key, "key_size", None)) else ""
    whole = asn1.decode(asn1.StoredKey, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "the key")
    algorithm = certificate.signature_algorithm_oid.dotted_string
    described_extensions = [_extension(each) for each in extensions(certificate)]
    return [
        _line("Public key", kind + size),
        _line(
            "Public key fingerprint (MD5)", _colons(hashlib.md5(whole.key.as_bytes(), usedforsecurity=False).digest())
        ),
        _line("Signature algorithm", f"{_SIGNATURES.get(algorithm, 'unknown')} ({algorithm})"),
        *([" Extensions:"] if described_extensions else []),
        *described_extensions,
    ]


def _key_kind(key: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (rsa.RSAPublicKey, "rsaEncryption"),
        (ec.EllipticCurvePublicKey, "ecPublicKey"),
        (dsa.DSAPublicKey, "dsaEncryption"),
    )
    return next((text for kind, text in kinds if isinstance(key, kind)), type(key).__name__.removesuffix("PublicKey"))


def _extension(extension: x509.Extension[x509.ExtensionType]) -> str:
    """Return an extension's line: the ones that people look at in words, any other by its number only."""
    key, tell = _EXTENSIONS.get(type(extension.value), (extension.oid.dotted_string, _untold))
    return _line(key, ("Critical: " if extension.critical else "") + tell(extension.value), nested=True)


def _untold(_: x509.ExtensionType) -> str:
    return "..."


def _authority(value: x509.ExtensionType) -> str:
    identifier = value.key_identifier if isinstance(value, x509.AuthorityKeyIdentifier) else None
    return _colons(identifier) if identifier else "..."


def _subject(value: x509.ExtensionType) -> str:
    return _colons(value.key_identifier) if isinstance(value, x509.SubjectKeyIdentifier) else "..."


def _usage(value: x509.ExtensionType) -> str:
    return " ".join(text for attribute, text in _USAGES if getattr(value, attribute))


def _constraints(value: x509.ExtensionType) -> str:
    if not isinstance(value, x509.BasicConstraints) or not value.ca:
        return "no CA"
    return "CA" if value.path_length is None else f"CA (path length {value.path_length})"


def _alternatives(value: x509.ExtensionType) -> str:
    names = list(value) if isinstance(value, x509.SubjectAlternativeName) else []
    plain = [str(each.value) for each in names if isinstance(each, x509.DNSName | x509.IPAddress)]
    return " ".join(text for text in plain if text.isprintable()) or "..."


_EXTENSIONS: dict[type, tuple[str, Callable[[x509.ExtensionType], str]]] = {
    x509.AuthorityKeyIdentifier: ("Authority Key Identifier", _authority),
    x509.SubjectKeyIdentifier: ("Subject Key Identifier", _subject),
    x509.KeyUsage: ("Key Usage", _usage),
    x509.BasicConstraints: ("Basic Constraints", _constraints),
    x509.SubjectAlternativeName: ("Subject Alternative Name", _alternatives),
}
