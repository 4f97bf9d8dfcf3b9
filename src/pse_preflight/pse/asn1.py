"""The ASN.1 of a PSE file (reference: pse-format.md, section 1), and the few steps that declarations cannot take.

The declarations read strict DER. Three things stay outside them, because `cryptography.hazmat.asn1` refuses them:
a SET OF whose elements are not sorted, an optional field of any type, and a PrintableString with an underscore.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1

from pse_preflight.pse.errors import DamagedPse

T = TypeVar("T")

INTEGER, BIT_STRING, OCTET_STRING, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x30, 0x31
STRINGS = (0x0C, 0x13, 0x14, 0x16)
"""UTF8String, PrintableString, T61String, IA5String."""

_MULTI_BYTE_TAG = 0x1F
_CONSTRUCTED = 0x20
_LONG_LENGTH = 0x80
_MOST_LENGTH_BYTES = 4
_MOST_FIELDS = 5
_MOST_VALUES_SEARCHED = 20_000


@asn1.sequence
class EncodedEnvelope:
    """The whole file: plain content, [0] with a PIN, or [3] in version 4."""

    version: int
    content: asn1.TLV


@asn1.sequence
class EncryptedContent:
    """Version 2 with a PIN."""

    encrypted_pin: bytes
    algorithm: asn1.TLV
    content: bytes


@asn1.sequence
class SealedContent:
    """Version 4: plain (mode 0) or encrypted (mode 1), with the SHA-1 of the plain content."""

    mode: int
    algorithm: asn1.TLV
    content: bytes
    digest: Annotated[bytes, asn1.Size.exact(20)]


@asn1.sequence
class PasswordEncryptionParameters:
    """Salt and iteration count."""

    salt: bytes
    iterations: int


@asn1.sequence
class PasswordEncryption:
    """AlgorithmIdentifier of pbeWithSHA1And3-KeyTripleDES-CBC (RFC 7292, appendix C)."""

    algorithm: x509.ObjectIdentifier
    parameters: PasswordEncryptionParameters


@asn1.sequence
class EncodedContent:
    """PSECont. The user name is SECUDE's; SAP writes none."""

    algorithm: asn1.TLV
    user: asn1.PrintableString | None
    created: asn1.UTCTime | asn1.GeneralizedTime
    status: int | None
    objects: asn1.TLV


@asn1.sequence
class StoredObject:
    """PSEObj. SECUDE wrote no time."""

    name: asn1.TLV
    time: asn1.GeneralizedTime | None
    type: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class StoredKey:
    """SKnew: the parts of a private key that its public key does not tell."""

    algorithm: asn1.TLV
    key: asn1.BitString


@asn1.sequence
class RsaPrimes:
    """What SKnew keeps of an RSA key."""

    p: int
    q: int


@asn1.sequence
class DsaParameters:
    """The group of a DSA key."""

    p: int
    q: int
    g: int


@asn1.sequence
class DsaAlgorithm:
    """AlgorithmIdentifier of a DSA key (RFC 3279, 2.3.2)."""

    algorithm: x509.ObjectIdentifier
    parameters: DsaParameters


def decode(declaration: type[T], data: bytes, what: str, offset: int = 0) -> T:
    """Read the bytes as one declared value.

    Args:
        what: what the value is, for the error.
        offset: how many bytes lie before it in what an error counts by.

    Raises:
        DamagedPse: with the place of the first header that is wrong, else with the beginning of the value.
    """
    try:
        return asn1.decode_der(declaration, data)
    except (ValueError, OverflowError) as error:
        raise _flaw(data, offset) or DamagedPse(offset, f"{what} has another structure") from error


def parts(value: bytes, most: int, offset: int = 0) -> list[bytes]:
    """Split a constructed value into at most so many parts, each with its header; tags are not looked at.

    Raises:
        DamagedPse: for lengths that are indefinite, not minimal, over 4 bytes or too long, and for tags of several
            bytes, which no part of a PSE has.
    """
    found: list[bytes] = []
    for begin, end in _spans_inside(value, offset):
        if len(found) == most:
            raise DamagedPse(offset + begin, f"more than {most} values in a row")
        found.append(value[begin:end])
    return found


def values(value: bytes) -> Iterator[bytes]:
    """Yield the parts of a constructed value, each with its header, until one cannot be split off.

    Raises:
        DamagedPse: then.
    """
    return (value[begin:end] for begin, end in _spans_inside(value, 0))


def last_part(value: bytes) -> bytes:
    """Return the last of the parts of a sequence that was decoded: a plain slice, however large it is."""
    return parts(value, _MOST_FIELDS)[-1]


def content(value: bytes) -> bytes:
    """Return a value without its header."""
    return value[_span(value, 0, len(value), 0)[0] :]


def _spans_inside(value: bytes, offset: int) -> Iterator[tuple[int, int]]:
    start, end = _span(value, 0, len(value), offset)
    while start < end:
        _, after = _span(value, start, end, offset)
        yield start, after
        start = after


def _span(data: bytes, start: int, end: int, offset: int) -> tuple[int, int]:
    """Return where the content of the value at `start` begins and ends; it must not pass `end`."""
    if start + 2 > end:
        raise DamagedPse(offset + start, "the value breaks off")
    length, inner = data[start + 1], start + 2
    if data[start] & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
        raise DamagedPse(offset + start, "a tag of several bytes")
    if length >= _LONG_LENGTH:
        inner += length - _LONG_LENGTH
        length = _long_length(data[start + 2 : min(inner, end)], inner - start - 2, offset + start)
    if inner + length > end:
        raise DamagedPse(offset + start, f"a value of {length} bytes where {end - inner} are left")
    return inner, inner + length


def _long_length(digits: bytes, expected: int, position: int) -> int:
    if not 1 <= expected <= _MOST_LENGTH_BYTES or len(digits) != expected:
        raise DamagedPse(position, "a length that DER does not know")
    length = int.from_bytes(digits)
    if length < _LONG_LENGTH or digits[0] == 0:
        raise DamagedPse(position, "a length that is not written in the shortest way")
    return length


def _flaw(data: bytes, offset: int) -> DamagedPse | None:
    """Find the first value, at any depth, whose header is wrong, by looking at a bounded number of them."""
    try:
        _, end = _span(data, 0, len(data), offset)
        if end < len(data):
            return DamagedPse(offset + end, f"{len(data) - end} bytes too many")
        for _ in islice(_all_spans(data, offset), _MOST_VALUES_SEARCHED):
            pass
    except DamagedPse as flaw:
        return flaw
    return None


def _all_spans(data: bytes, offset: int) -> Iterator[tuple[int, int]]:
    ranges = [(0, len(data))]
    while ranges:
        start, end = ranges.pop()
        if start == end:
            continue
        span = inner, after = _span(data, start, end, offset)
        yield span
        ranges.append((after, end))
        if data[start] & _CONSTRUCTED:
            ranges.append((inner, after))


def encoded(value: Any) -> bytes:
    """Write a declared value, or one of the library's ASN.1 types, as DER."""
    return asn1.encode_der(value)


def tagged(tag: int, *parts: bytes) -> bytes:
    """Write a value from its tag and the pieces of its content."""
    content = b"".join(parts)
    length = len(content)
    if length < _LONG_LENGTH:
        return bytes((tag, length)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, _LONG_LENGTH + len(digits))) + digits + content


def retagged(value: bytes, tag: int = SEQUENCE) -> bytes:
    """Give a value another tag, as IMPLICIT tagging takes it away."""
    return bytes((tag,)) + value[1:]


def generalized_time(moment: datetime) -> bytes:
    """Write a moment as SAP does: YYYYMMDDhhmmssZ, without a fraction."""
    return encoded(asn1.GeneralizedTime(moment.replace(microsecond=0)))


def in_the_order_of(before: Sequence[bytes], after: Sequence[bytes]) -> list[bytes]:
    """Sort the elements of a changed SET OF as DER wants it, unless they were not sorted before the change."""
    return sorted(after) if list(before) == sorted(before) else list(after)
