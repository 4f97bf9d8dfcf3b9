"""The DER of a certificate taken apart, for what the library that reads certificates does not show."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_SEQUENCE = 0x30
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_LONG_LENGTH = 0x80


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, what is in it, and both with the length between."""

    tag: int
    content: bytes
    whole: bytes


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a certificate (RFC 5280, 4.1), each as a whole element.

    Attributes:
        before: everything that stands in the signed part before the extensions.
        algorithm, signed_with: the signature's algorithm, as it stands inside and outside the signed part.
        issuer, subject: the names.
        validity: both dates.
        public_key: algorithm and key.
        extensions: each alone, in their order.
    """

    before: bytes
    algorithm: bytes
    signed_with: bytes
    signature: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    public_key: bytes
    extensions: tuple[bytes, ...]


def elements(content: bytes) -> Iterator[Element]:
    """Yield the elements that follow each other; their tags are of one byte.

    Raises:
        ValueError: where one ends too early.
    """
    start = 0
    while start < len(content):
        length, data = _length(content, start + 1)
        end = data + length
        if end > len(content):
            raise ValueError("an element is cut off")
        yield Element(content[start], content[data:end], content[start:end])
        start = end


def element(tag: int, content: bytes) -> bytes:
    """Return an element of this tag and content."""
    size = len(content)
    if size < _LONG_LENGTH:
        return bytes([tag, size]) + content
    written = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_LENGTH | len(written)]) + written + content


@lru_cache(maxsize=1024)
def fields_of(der: bytes) -> Fields:
    """Take a certificate apart that the library has accepted."""
    certificate = next(elements(der))
    signed, signed_with, signature = elements(certificate.content)
    found = list(elements(signed.content))
    last = found.pop().content if found[-1].tag == _EXTENSIONS else b""
    extensions = tuple(each.whole for group in elements(last) for each in elements(group.content))
    shift = 1 if found[0].tag == _VERSION else 0
    _, algorithm, issuer, validity, subject, public_key = found[shift : shift + 6]
    return Fields(
        before=b"".join(each.whole for each in found),
        algorithm=algorithm.whole,
        signed_with=signed_with.whole,
        signature=signature.whole,
        issuer=issuer.whole,
        validity=validity.whole,
        subject=subject.whole,
        public_key=public_key.whole,
        extensions=extensions,
    )


def identifier(content: bytes) -> str:
    """Return the object identifier that the content of its element writes, with dots (X.690, 8.19)."""
    arcs, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def with_extensions(fields: Fields, extensions: tuple[bytes, ...]) -> bytes:
    """Return the certificate with these extensions only; its signature does not fit any more."""
    last = element(_EXTENSIONS, element(_SEQUENCE, b"".join(extensions)))
    return element(_SEQUENCE, element(_SEQUENCE, fields.before + last) + fields.signed_with + fields.signature)


def _length(content: bytes, position: int) -> tuple[int, int]:
    """Return how long an element's content is, and where it begins."""
    first = content[position] if position < len(content) else 0
    if first < _LONG_LENGTH:
        return first, position + 1
    data = position + 1 + (first & ~_LONG_LENGTH)
    return int.from_bytes(content[position + 1 : data], "big"), data
