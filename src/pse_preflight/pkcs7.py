"""The certificates of a PKCS#7 bundle (.p7b, .p7c; RFC 5652 calls it SignedData), each by itself.

The library reads all of a bundle or nothing; here one damaged certificate does not keep the others from being found.
"""

from collections.abc import Iterator

from pse_preflight.errors import PreflightError

SEQUENCE = 0x30
_FIELD_0 = 0xA0
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_END_OF_CONTENTS = b"\0\0"
_LONG_LENGTH = 0x80
_MOST_LENGTH_BYTES = 4
_CONSTRUCTED = 0x20
_DEEPEST = 16


class Malformed(PreflightError):
    """The bytes are not laid out as BER (X.690) wants it."""


def beginning(data: bytes) -> bytes:
    """Return the first bytes inside the outermost sequence, which tell what a binary file is; empty without one."""
    if data[:1] != bytes((SEQUENCE,)) or len(data) < len(_END_OF_CONTENTS):
        return b""
    length_bytes = max(data[1] - _LONG_LENGTH, 0)
    return data[2 + length_bytes :][: len(_SIGNED_DATA)]


def is_bundle(data: bytes) -> bool:
    """Tell whether the bytes begin like a bundle."""
    return beginning(data) == _SIGNED_DATA


def certificates_in(bundle: bytes) -> Iterator[bytes]:
    """Yield the certificates of a bundle, unread, in their order.

    Raises:
        Malformed: behind the last whole one, where the bundle breaks off.
    """
    signed_data = _inside(_inside(_field_0(_inside(bundle))))
    # Attribute certificates and the like have other tags, and are none that anybody could trust.
    yield from (each for each in _elements(_inside(_field_0(signed_data))) if each[0] == SEQUENCE)


def first_element(data: bytes) -> bytes:
    """Return the first element with its header, without what follows it.

    Raises:
        Malformed: where it breaks off, or is no element.
    """
    return data[: _end(data, 0)]


def _field_0(content: bytes) -> bytes:
    """Return everything from the first element with the tag [0] on; it may be cut short."""
    start = 0
    while start < len(content) and content[start] != _FIELD_0:
        start = _end(content, start)
    return content[start:]


def _inside(element: bytes) -> bytes:
    """Return the content of an element, as far as it is there; where its length is left open, everything behind it."""
    if not element:
        return b""
    inner, length = _header(element, 0)
    return element[inner:] if length is None else element[inner : inner + length]


def _elements(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data) and data[start : start + 2] != _END_OF_CONTENTS:
        after = _end(data, start)
        yield data[start:after]
        start = after


def _end(data: bytes, start: int, depth: int = 0) -> int:
    """Return where the element at `start` ends."""
    inner, length = _header(data, start)
    if length is None:
        if depth == _DEEPEST:
            raise Malformed("is nested too deeply")
        while data[inner : inner + 2] != _END_OF_CONTENTS:
            inner = _end(data, inner, depth + 1)
        return inner + len(_END_OF_CONTENTS)
    if inner + length > len(data):
        raise Malformed(f"breaks off: {inner + length - len(data)} of its {inner + length - start} bytes are missing")
    return inner + length


def _header(data: bytes, start: int) -> tuple[int, int | None]:
    """Return where the content begins and how long it is; None where that is left open.

    Streaming programs leave the lengths of a bundle open (X.690, 8.1.3.6); a certificate never has that.
    """
    header = data[start : start + 2]
    if len(header) < len(_END_OF_CONTENTS):
        raise Malformed("breaks off")
    inner, length = start + 2, header[1]
    if length < _LONG_LENGTH:
        return inner, length
    if length == _LONG_LENGTH and header[0] & _CONSTRUCTED:
        return inner, None
    digits = data[inner : inner + length - _LONG_LENGTH]
    if not 0 < len(digits) <= _MOST_LENGTH_BYTES:
        raise Malformed("is no certificate")
    return inner + length - _LONG_LENGTH, int.from_bytes(digits)
