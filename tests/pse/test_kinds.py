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
    found = kind_of_file(base64.b64encode(_pse()))
    assert found.whole
    assert "b'" not in repr(found)


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


def _base64(times: int, data: bytes) -> bytes:
    for _ in range(times):
        data = base64.b64encode(data)
    return data


def _pem_of(what: str) -> bytes:
    return f"-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n".encode()


KEY = "a private key in PEM"
TOLD: dict[str, tuple[Callable[[], bytes], FileKind, str]] = {
    "base64 of base64 of base64": (
        lambda: _base64(3, _pse()),
        FileKind.BASE64,
        "base64 of base64 of base64 of a PSE",
    ),
    "base64 too often": (lambda: _base64(4, _pse()), FileKind.TEXT, "a text"),
    "base64 of a text": (lambda: _base64(1, b"hello you all"), FileKind.TEXT, "a text"),
    "base64 of hexadecimal": (
        lambda: _base64(1, _pse().hex().encode()),
        FileKind.BASE64,
        "base64 of hexadecimal digits of a PSE",
    ),
    "hexadecimal of base64": (
        lambda: _base64(1, _pse()).hex().encode(),
        FileKind.HEX,
        "hexadecimal digits of base64 of a PSE",
    ),
    "hexadecimal of a text": (lambda: b"hello you".hex().encode(), FileKind.TEXT, "a text"),
    "C array": (
        lambda: b", ".join(b"0x%02x" % each for each in _pse()),
        FileKind.HEX,
        "hexadecimal digits of a PSE",
    ),
    "sixteen bytes lost": (
        lambda: _pse()[:700] + _pse()[716:],
        FileKind.LINE_ENDS,
        "a PSE that is damaged: 16 bytes are lost within it, as where line ends are converted",
    ),
    "seventeen bytes lost": (
        lambda: _pse()[:700] + _pse()[717:],
        FileKind.DAMAGED,
        f"a PSE that is damaged: {len(_pse()) - 17} of its {len(_pse())} bytes are there, and its parts do not fit",
    ),
    "one byte": (lambda: b"\x30", FileKind.TRUNCATED, "a binary file that breaks off: 1 bytes are there"),
    "a short header": (
        lambda: b"\x30\x05",
        FileKind.TRUNCATED,
        "a binary file that breaks off: 2 of its 7 bytes are there",
    ),
    "half of a header": (lambda: b"\x30\x82\1", FileKind.TRUNCATED, "a binary file that breaks off: 3 bytes are there"),
    "the longest short form": (
        lambda: b"\x30\x7f\x04\x7d" + bytes(124),
        FileKind.TRUNCATED,
        "a binary file that breaks off: 128 of its 129 bytes are there",
    ),
    "another value": (lambda: b"\x30\x03\x02\x01\x05", FileKind.UNKNOWN, "a file of an unknown kind"),
    "another value that goes on": (
        lambda: b"\x30\x03\x02\x01\x05abc",
        FileKind.GOES_ON,
        "a binary file, with 3 bytes that do not belong to it behind it",
    ),
    "two files": (lambda: _pse() + b"abc", FileKind.GOES_ON, "a PSE, with 3 bytes that do not belong to it behind it"),
    "a line end behind it": (lambda: _pse() + b"\n", FileKind.GOES_ON, "a PSE, with a line end behind it"),
    "a line before it": (lambda: b"\r\n " + _pse(), FileKind.GOES_ON, "a PSE, with 3 bytes before it"),
    "PKCS#12 that goes on": (
        lambda: _p12() + b"x",
        FileKind.GOES_ON,
        "a PKCS#12 file (.p12, .pfx), with 1 bytes that do not belong to it behind it",
    ),
    "PKCS#12 that is cut": (
        lambda: _p12()[:50],
        FileKind.TRUNCATED,
        f"a PKCS#12 file (.p12, .pfx) that breaks off: 50 of its {len(_p12())} bytes are there",
    ),
    "base64 of PKCS#12": (lambda: _base64(1, _p12()), FileKind.BASE64, "base64 of a PKCS#12 file (.p12, .pfx)"),
    "base64 of half": (
        lambda: _base64(1, _pse()[:1000]),
        FileKind.BASE64,
        f"base64 of a PSE that breaks off: 1000 of its {len(_pse())} bytes are there",
    ),
    "key": (lambda: _pem_of("RSA PRIVATE KEY"), FileKind.PEM, KEY),
    "key with a PIN": (lambda: _pem_of("ENCRYPTED PRIVATE KEY"), FileKind.PEM, KEY),
    "request": (lambda: _pem_of("NEW CERTIFICATE REQUEST"), FileKind.PEM, "a certificate request in PEM"),
    "PKCS#7": (lambda: _pem_of("PKCS7"), FileKind.PEM, "certificates in PEM"),
    "text with line ends": (lambda: b"a\tb\r\n\f", FileKind.TEXT, "a text"),
    "text with a control character": (lambda: b"a\x01b", FileKind.UNKNOWN, "a file of an unknown kind"),
    "text in UTF-16": (lambda: "plain".encode("utf-16"), FileKind.TEXT, "a text"),
    "text in the other UTF-16": (lambda: b"\xfe\xff" + "plain".encode("utf-16-be"), FileKind.TEXT, "a text"),
    "as many zeros as may be": (
        lambda: bytes(16 << 20),
        FileKind.ZEROS,
        f"nothing but zero bytes ({16 << 20} of them)",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_it_is_is_told_in_these_words(case: str) -> None:
    make, kind, what = TOLD[case]
    found = kind_of_file(make())
    assert (found.kind, found.what) == (kind, what)


@pytest.mark.parametrize(
    ("make", "is_kept"),
    [
        (_p12, True),
        (lambda: b"\xce\xce\xce\xce" + bytes(40), True),
        (lambda: pses.authorities(1)[0].der, True),
        (lambda: _pem_of("CERTIFICATE"), True),
        (_zip, False),
        (lambda: b"<html>", False),
        (lambda: b"a text", False),
    ],
    ids=["PKCS#12", "JCEKS", "certificate", "PEM", "zip", "web page", "text"],
)
def test_whole_file_is_kept_where_a_program_takes_it(make: Callable[[], bytes], *, is_kept: bool) -> None:
    data = make()
    assert kind_of_file(data).whole == (data if is_kept else None)


def test_what_to_do_with_what_comes_out_is_told_where_it_is_no_file_for_a_client() -> None:
    assert "what comes out is" not in kind_of_file(_base64(1, _pse())).remedy
    cut = kind_of_file(_base64(1, _pse()[:1000])).remedy
    assert f"; what comes out is a PSE that breaks off: 1000 of its {len(_pse())} bytes are there: copy or" in cut


def test_a_line_end_next_to_the_last_byte_was_converted_too() -> None:
    whole = pses.tlv(0x30, pses.tlv(0x30, *[pses.tlv(0x16, b"x")] * 4, pses.tlv(0x03, b"\0\nx")))
    assert whole.count(b"\n") == 1
    found = kind_of_file(whole.replace(b"\n", b"\r\n"))
    assert (found.kind, found.whole) == (FileKind.LINE_ENDS, whole)


@pytest.mark.parametrize("most", [3, 20_000])
def test_a_file_of_very_many_values_breaks_off_like_another(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("pse_preflight.pse.kinds._MOST_VALUES", most)
    assert kind_of_file(_pse()[:1000]).kind is FileKind.TRUNCATED
