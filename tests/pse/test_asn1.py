"""DER, value by value: lengths in the shortest way and no other, and the place of what is wrong."""

from datetime import UTC, datetime

import pytest

from pse_preflight.pse import asn1, trusted
from pse_preflight.pse.errors import DamagedPse

SIZES = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1 << 24]


@pytest.mark.parametrize("size", SIZES)
def test_length_is_written_in_the_shortest_way_and_read_again(size: int) -> None:
    written = asn1.tagged(4, bytes(size))
    digits = size.to_bytes(4).lstrip(b"\0")
    header = bytes([4, size]) if size < 128 else bytes([4, 0x80 + len(digits), *digits])
    assert written == header + bytes(size)
    assert asn1.content(written) == bytes(size)
    assert asn1.parts(asn1.tagged(0x30, written, b"\x05\x00"), 2) == [written, b"\x05\x00"]


@pytest.mark.parametrize(
    ("inner", "at", "why"),
    [
        ("04", 0, "the value breaks off"),
        ("0500 04", 2, "the value breaks off"),
        ("0402 00", 0, "a value of 2 bytes where 1 are left"),
        ("0500 0403 0000", 2, "a value of 3 bytes where 2 are left"),
        ("0480 0000", 0, "a length that DER does not know"),
        ("0485 0000000001 00", 0, "a length that DER does not know"),
        ("0482 01", 0, "a length that DER does not know"),
        ("04817f" + "00" * 127, 0, "not written in the shortest way"),
        ("04820080" + "00" * 128, 0, "not written in the shortest way"),
        ("1f01 00", 0, "a tag of several bytes"),
        ("0500 3f8101 00", 2, "a tag of several bytes"),
    ],
)
@pytest.mark.parametrize("offset", [0, 7, 1000])
def test_place_of_what_is_wrong_is_told(inner: str, at: int, why: str, offset: int) -> None:
    value = asn1.tagged(0x30, bytes.fromhex(inner))
    header = len(value) - len(bytes.fromhex(inner))
    with pytest.raises(DamagedPse, match=why) as caught:
        asn1.parts(value, 9, offset)
    assert caught.value.offset == offset + header + at


@pytest.mark.parametrize("inner", ["1e0100", "5e00", "048180" + "00" * 128, "040100"])
def test_what_is_nearly_wrong_is_right(inner: str) -> None:
    assert asn1.parts(asn1.tagged(0x30, bytes.fromhex(inner)), 1) == [bytes.fromhex(inner)]


def test_one_part_too_many_is_told_with_its_place() -> None:
    value = asn1.tagged(0x30, b"\x05\x00" * 4)
    assert len(asn1.parts(value, 4)) == 4
    with pytest.raises(DamagedPse, match="more than 3 values in a row") as caught:
        asn1.parts(value, 3, 100)
    assert caught.value.offset == 100 + 2 + 3 * 2


@pytest.mark.parametrize(
    ("der", "at", "why"),
    [
        ("3007 0201 01 0203 0000", 105, "a value of 3 bytes where 2 are left"),
        ("3006 0201 01 0201 01 00", 108, "1 bytes too many"),
        ("3006 0401 01 0201 01", 100, "the primes has another structure"),
        ("3008 3003 0203 00 0201 01", 104, "a value of 3 bytes where 1 are left"),
    ],
)
def test_first_wrong_header_at_any_depth_is_told(der: str, at: int, why: str) -> None:
    with pytest.raises(DamagedPse) as caught:
        asn1.decode(asn1.RsaPrimes, bytes.fromhex(der), "the primes", 100)
    assert (caught.value.offset, why in str(caught.value)) == (at, True)


def test_moment_is_written_without_a_fraction() -> None:
    moment = datetime(2026, 11, 1, 12, 30, 59, 999_999, tzinfo=UTC)
    assert asn1.generalized_time(moment) == b"\x18\x0f20261101123059Z"


def test_set_stays_sorted_or_unsorted_as_it_was() -> None:
    a, b, c = b"a", b"b", b"c"
    assert asn1.in_the_order_of([a, b], [c, a]) == [a, c]
    assert asn1.in_the_order_of([b, a], [c, a]) == [c, a]
    assert asn1.in_the_order_of([], [c, a]) == [a, c]


@pytest.mark.parametrize("offset", [None, 0, 7])
def test_place_within_a_set_counts_from_where_it_lies_else_from_its_beginning(offset: int | None) -> None:
    where = () if offset is None else (offset,)
    with pytest.raises(DamagedPse) as caught:
        trusted.set_elements(asn1.tagged(asn1.SET, b"\x05\x00", b"\x04"), "a set", *where)
    assert caught.value.offset == (offset or 0) + 4


def test_place_within_a_value_counts_from_its_beginning() -> None:
    with pytest.raises(DamagedPse) as within:
        list(asn1.values(asn1.tagged(0x30, b"\x05\x00", b"\x04")))
    with pytest.raises(DamagedPse) as itself:
        asn1.content(b"\x04\x05\x00")
    assert (within.value.offset, itself.value.offset) == (4, 0)
