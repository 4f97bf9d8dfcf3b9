import struct
import sys
from pathlib import Path

import pytest

from pse_preflight.client.library import Library, findings, read_bits


def _elf(kind: int) -> bytes:
    return b"\x7fELF" + bytes((kind, 1, 1)) + bytes(57)


def _pe(machine: int, start: int = 0x80) -> bytes:
    return b"MZ" + bytes(0x3A) + struct.pack("<I", start) + bytes(start - 0x40) + b"PE\0\0" + struct.pack("<H", machine)


def _fat(*kinds: int) -> bytes:
    return struct.pack(">II", 0xCAFEBABE, len(kinds)) + b"".join(struct.pack(">5I", kind, 0, 0, 0, 0) for kind in kinds)


HEADERS = {
    "ELF 64": (_elf(2), {64}),
    "ELF 32": (_elf(1), {32}),
    "ELF of neither": (_elf(3), set()),
    "ELF cut": (b"\x7fELF", set()),
    "PE x64": (_pe(0x8664), {64}),
    "PE ARM64": (_pe(0xAA64, 0x100), {64}),
    "PE x86": (_pe(0x014C), {32}),
    "PE of another machine": (_pe(0x0200), set()),
    "MZ without PE": (b"MZ" + bytes(200), set()),
    "MZ cut": (b"MZ", set()),
    "PE that points behind its end": (b"MZ" + bytes(0x3A) + struct.pack("<I", 0xFFFFFFFF), set()),
    "Mach-O 64": (struct.pack("<I", 0xFEEDFACF) + bytes(28), {64}),
    "Mach-O 64, big endian": (struct.pack(">I", 0xFEEDFACF) + bytes(28), {64}),
    "Mach-O 32": (struct.pack("<I", 0xFEEDFACE) + bytes(28), {32}),
    "universal": (_fat(0x01000007, 0x0100000C), {64}),
    "universal with 32": (_fat(7, 0x01000007), {32, 64}),
    "universal cut": (_fat(7, 0x01000007)[:20], {32}),
    "universal without anything": (struct.pack(">II", 0xCAFEBABE, 0xFFFFFFFF), set()),
    "an archive": (b"CAR 2.01", set()),
    "text": (b"not a library", set()),
    "nothing": (b"", set()),
}


@pytest.mark.parametrize(("header", "bits"), HEADERS.values(), ids=HEADERS.keys())
def test_headers_tell_for_how_many_bits(header: bytes, bits: set[int]) -> None:
    assert read_bits(header) == bits


@pytest.mark.parametrize(("header", "bits"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_is_cut_anywhere_is_no_surprise(header: bytes, bits: set[int]) -> None:
    for end in range(len(header)):
        assert read_bits(header[:end]) <= bits


def test_this_very_python_is_built_as_it_says() -> None:
    with Path(sys.executable).resolve().open("rb") as stream:
        assert (64 if sys.maxsize > 2**32 else 32) in read_bits(stream.read(1 << 16))


SOUND = Library("/sap/libsapcrypto.so", bits=frozenset({64}), version="8.5.57 pl1")


@pytest.mark.parametrize(
    ("library", "wanted", "codes"),
    [
        (SOUND, 64, []),
        (SOUND, None, []),
        (SOUND, 32, ["CRYPTO_LIBRARY_BITS"]),
        (Library("/x", bits=frozenset({32, 64})), 32, []),
        (Library("/x", bits=frozenset({64}), version="8.4.35"), 64, ["CRYPTO_LIBRARY_OLD"]),
        (Library("/x", bits=frozenset({64}), version="5.5.5C"), 64, ["CRYPTO_LIBRARY_OLD"]),
        (Library("/x", bits=frozenset({64}), version="8.10.1"), 64, []),
        (Library("/x", bits=frozenset({64}), version="unknown"), 64, []),
        (Library("/x", bits=frozenset({32}), version="8.4.35"), 64, ["CRYPTO_LIBRARY_BITS", "CRYPTO_LIBRARY_OLD"]),
        (Library("/x"), 64, ["CRYPTO_LIBRARY_NO_LIBRARY"]),
        (Library("/x", problem="it is a folder"), 64, ["CRYPTO_LIBRARY_MISSING"]),
        (Library("/x", unreadable=True), 64, ["CRYPTO_LIBRARY_NOT_JUDGED"]),
        (Library("x.so", absolute=False), 64, ["CRYPTO_LIBRARY_PATH_RELATIVE"]),
    ],
)
def test_what_is_wrong_with_a_library(library: Library, wanted: int | None, codes: list[str]) -> None:
    assert [each.code for each in findings(library, wanted)] == codes
