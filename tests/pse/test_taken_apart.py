"""Certificates taken apart: every field in its place, whichever of the optional ones are there."""

from itertools import product

import pytest

from pse_preflight.pse import asn1
from pse_preflight.pse.errors import UnknownEncoding
from pse_preflight.pse.taken_apart import ToBeSigned, three_parts

SERIAL, PARTS = b"\x02\x01\x07", [asn1.tagged(0x30, bytes([4, 1, number])) for number in range(5)]
VERSION, EXTENSIONS = asn1.tagged(0xA0, b"\x02\x01\x02"), asn1.tagged(0xA3, b"\x05\x00")
IDENTIFIERS = [asn1.tagged(0x81, b"\0"), asn1.tagged(0x82, b"\0")]


def _written(*fields: bytes) -> bytes:
    return asn1.tagged(0x30, *fields)


@pytest.mark.parametrize(("version", "one", "two", "extensions"), list(product([False, True], repeat=4)))
def test_fields_are_told_whichever_are_there(*, version: bool, one: bool, two: bool, extensions: bool) -> None:
    read = ToBeSigned.split(
        _written(
            *[VERSION] * version,
            SERIAL,
            *PARTS,
            *IDENTIFIERS[:1] * one,
            *IDENTIFIERS[1:] * two,
            *[EXTENSIONS] * extensions,
        )
    )
    assert read.version == (VERSION if version else b"")
    assert read.extensions == (EXTENSIONS if extensions else b"")
    assert [read.serial, read.algorithm, read.issuer, read.validity, read.subject, read.key] == [SERIAL, *PARTS]
    assert read.serial_number == 7


@pytest.mark.parametrize(
    "fields",
    [
        (SERIAL, *PARTS[:4]),
        (*PARTS,),
        (VERSION, VERSION, SERIAL, *PARTS),
        (SERIAL, *PARTS, EXTENSIONS, EXTENSIONS),
        (SERIAL, *PARTS, *PARTS[:1]),
        (SERIAL, *PARTS, *IDENTIFIERS[::-1]),
    ],
)
def test_another_structure_is_none(fields: tuple[bytes, ...]) -> None:
    with pytest.raises(UnknownEncoding, match="is not the signed part of a certificate"):
        ToBeSigned.split(_written(*fields))


@pytest.mark.parametrize(
    ("digits", "number"),
    [("00", 0), ("7f", 127), ("80", -128), ("0080", 128), ("ff", -1), ("00" + "ff" * 20, 2**160 - 1)],
)
def test_serial_number_is_read_with_its_sign(digits: str, number: int) -> None:
    read = ToBeSigned.split(_written(asn1.tagged(2, bytes.fromhex(digits)), *PARTS))
    assert read.serial_number == number


def test_certificate_has_three_parts() -> None:
    parts = (_written(), _written(), asn1.tagged(3, b"\0"))
    assert three_parts(_written(*parts)) == parts
    assert three_parts(_written(*parts[:2])) is None
    assert three_parts(_written(parts[0], parts[2], parts[1])) is None
