"""What a file is that should be a PSE, and what has happened to it: each damage by its name, and the way back."""

import base64
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from pse_preflight.certificate import write_pem
from pse_preflight.pse.kinds import FileFound, FileKind, kind_of_file
from tests.kit import pse_mutations as pses


def _pse() -> bytes:
    return pses.made(2).encode()


def _p12() -> bytes:
    return pkcs12.serialize_key_and_certificates(b"a", pses.owner_key(), pses.owner().parsed, None, NoEncryption())


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("client.pse", _pse())
    return packed.getvalue()


def _dump() -> bytes:
    rows = [_pse()[at : at + 16] for at in range(0, len(_pse()), 16)]
    return b"".join(b"%08x: %s  ....\n" % (at * 16, row.hex(" ", 2).encode()) for at, row in enumerate(rows))


PEM = "-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n"
WHOLE_AGAIN: dict[str, tuple[Callable[[bytes], bytes], FileKind, str]] = {
    "base64": (base64.encodebytes, FileKind.BASE64, "certutil -decode"),
    "base64 in one line": (base64.b64encode, FileKind.BASE64, "base64 -d"),
    "base64 in quotes": (lambda data: b'"' + base64.b64encode(data) + b'",', FileKind.BASE64, "decode it"),
    "base64 for URLs": (base64.urlsafe_b64encode, FileKind.BASE64, "decode it"),
    "base64 in UTF-16": (lambda data: base64.b64encode(data).decode().encode("utf-16"), FileKind.BASE64, "decode it"),
    "base64 of base64": (lambda data: base64.b64encode(base64.b64encode(data)), FileKind.BASE64, "decode it"),
    "certutil -encode": (
        lambda data: PEM.format(base64.encodebytes(data).decode()).encode(),
        FileKind.BASE64,
        "decode it",
    ),
    "hexadecimal": (lambda data: data.hex().encode(), FileKind.HEX, "xxd -r -p"),
    "hexadecimal with colons": (lambda data: data.hex(":").upper().encode(), FileKind.HEX, "certutil -decodehex"),
    "line feeds became CRLF": (lambda data: data.replace(b"\n", b"\r\n"), FileKind.LINE_ENDS, "in binary mode"),
    "a line feed behind it": (lambda data: data + b"\n", FileKind.GOES_ON, "in binary mode"),
    "a mark before it": (lambda data: b"\xef\xbb\xbf" + data, FileKind.GOES_ON, "in binary mode"),
    "saved as UTF-8": (lambda data: data.decode("latin-1").encode(), FileKind.RECODED, "in binary mode"),
    "saved as UTF-16": (lambda data: data.decode("latin-1").encode("utf-16"), FileKind.RECODED, "in binary mode"),
}


@pytest.mark.parametrize("damage", WHOLE_AGAIN)
def test_damage_that_loses_nothing_is_undone_and_named(damage: str) -> None:
    change, kind, remedy = WHOLE_AGAIN[damage]
    found = kind_of_file(change(_pse()))
    assert (found.kind, found.whole) == (kind, _pse())
    assert "a PSE" in found.what
    assert remedy in found.remedy
    assert "new PSE" not in found.remedy
    assert not found.is_pse


LOST: dict[str, tuple[Callable[[], bytes], FileKind, str, str]] = {
    "cut": (lambda: _pse()[:1000], FileKind.TRUNCATED, f"1000 of its {len(_pse())} bytes", "to its end"),
    "some bytes are gone": (
        lambda: _pse()[:700] + _pse()[703:],
        FileKind.LINE_ENDS,
        "bytes are lost within it",
        "in binary mode",
    ),
    "saved as text that lost letters": (
        lambda: _pse().decode("utf-8", "replace").encode(),
        FileKind.RECODED,
        "is lost",
        "in binary mode",
    ),
    "a byte is another": (
        lambda: _pse().replace(b"\x31\x82", b"\x33\x82", 1),
        FileKind.DAMAGED,
        "damaged at offset",
        "in binary mode",
    ),
    "empty": (lambda: b"", FileKind.EMPTY, "empty", "to its end"),
    "blanks": (lambda: b" \r\n", FileKind.EMPTY, "empty", "to its end"),
    "zeros": (lambda: bytes(500), FileKind.ZEROS, "500 of them", "the disk was full"),
    "a pointer of Git LFS": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2766\n",
        FileKind.LFS_POINTER,
        "Git LFS",
        "git lfs pull",
    ),
    "a web page": (lambda: b"\r\n<!DOCTYPE html>\n<html>", FileKind.WEB_PAGE, "a web page", "logon"),
    "a dump": (_dump, FileKind.HEX, "dump", "xxd -r IN OUT"),
    "an archive": (_zip, FileKind.ARCHIVE, "an archive", "unpack"),
    "PEM": (lambda: write_pem(pses.authorities(2)).encode(), FileKind.PEM, "certificates in PEM", "maintain_pk -a"),
    "half of PEM": (lambda: write_pem(pses.authorities(1)).encode()[:400], FileKind.TRUNCATED, "END line", "again"),
    "a certificate": (lambda: pses.authorities(1)[0].der, FileKind.CERTIFICATE, "a certificate", "maintain_pk -a"),
    "PKCS#12": (_p12, FileKind.PKCS12, "PKCS#12", "import_p12"),
    "JKS": (lambda: b"\xfe\xed\xfe\xed" + bytes(40), FileKind.JAVA_KEY_STORE, "Java", "keytool"),
    "too large": (lambda: bytes((16 << 20) + 1), FileKind.TOO_LARGE, "16 MiB", "the file itself"),
    "a text": (lambda: b"the PSE is in the safe", FileKind.TEXT, "a text", "the file itself"),
    "anything": (lambda: bytes(range(1, 255)), FileKind.UNKNOWN, "unknown kind", "in binary mode"),
}


@pytest.mark.parametrize("case", LOST)
def test_everything_else_is_named_with_what_to_do(case: str) -> None:
    make, kind, what, remedy = LOST[case]
    found = kind_of_file(make())
    assert found.kind is kind, found
    assert what in found.what
    assert remedy in found.remedy
    assert "new PSE" not in found.remedy


@pytest.mark.parametrize("kind", pses.variants())
def test_a_sound_pse_is_one_whatever_its_kind(kind: str) -> None:
    variant = pses.variants()[kind]
    found = kind_of_file(variant.file)
    assert found.is_pse
    assert found.kind is (FileKind.PSE_WITH_PIN if variant.pin else FileKind.PSE)


def test_a_pse_that_nobody_here_can_open_is_one_all_the_same() -> None:
    kinds = {name: kind_of_file(closed.file) for name, closed in pses.closed_files().items()}
    assert (kinds["machine-bound"].kind, kinds["legacy"].kind) == (FileKind.PSE_MACHINE_BOUND, FileKind.PSE_UNKNOWN)
    assert all(each.is_pse for each in kinds.values())


def test_what_was_found_never_shows_the_bytes() -> None:
    assert "whole" not in repr(kind_of_file(base64.b64encode(_pse())))


def _cut(data: bytes, size: int) -> None:
    found = kind_of_file(data[:size])
    assert found.whole is None, size
    assert found.kind in {FileKind.TRUNCATED, FileKind.EMPTY, FileKind.DAMAGED}, (size, found)


def _flipped(data: bytes, at: int, mask: int) -> None:
    changed = bytes([*data[:at], data[at] ^ mask, *data[at + 1 :]])
    found = kind_of_file(changed)
    assert isinstance(found, FileFound)
    assert found.whole is None or found.whole == changed or found.inside, (at, found)


def _samples(samples: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted((samples / "pse").rglob("*.*")) if each.suffix in {".pse", ".der"}]


def _each(samples: Path, at_most: int) -> None:
    for data in _samples(samples):
        for at in range(0, len(data), max(1, len(data) // at_most)):
            _cut(data, at)
            _flipped(data, at, 1 << at % 8)


def test_no_cut_and_no_flipped_byte_is_taken_for_whole(samples: Path) -> None:
    _each(samples, 25)


@pytest.mark.long
def test_every_cut_and_every_flipped_byte(samples: Path) -> None:
    _each(samples, 3000)


def test_key_files_and_bundles_without_a_length_are_whole() -> None:
    """Old programs write them so (BER)."""
    sound = _p12()
    header = 2 + (sound[1] & 0x7F)
    without = b"\x30\x80" + sound[header:] + b"\0\0"
    assert (kind_of_file(without).kind, kind_of_file(without).whole) == (FileKind.PKCS12, without)
    assert kind_of_file(without[:-2]).kind is FileKind.TRUNCATED


def test_a_text_that_begins_again_and_again_is_looked_at_once() -> None:
    began = time.process_time()
    assert kind_of_file(b"-----BEGIN A-----\n" * 60_000).kind is FileKind.TRUNCATED
    block = PEM.format(base64.encodebytes(_pse()).decode()).encode()
    assert kind_of_file(b"-----BEGIN A-----\n" + block).whole == _pse()
    assert time.process_time() - began < 2


@pytest.mark.parametrize("end", [b"\n", b"\n\n", b"\r\n"])
def test_a_line_end_behind_a_file_that_ends_in_half_of_one_is_none_of_its_own(end: bytes) -> None:
    """One file in 256 ends in a carriage return; a line feed behind it turned nothing within into line ends."""
    file = _pse()[:-1] + b"\r"
    found = kind_of_file(file + end)
    assert (found.kind, found.whole) == (FileKind.GOES_ON, file)
