"""Files of certificates as people have them: every form, what is damaged in them, and what is none."""

import base64
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from pse_preflight import certificate_file
from pse_preflight.certificate import Certificate, CertificateUnreadable, write_pem
from pse_preflight.certificate_file import CertificateFile, read_certificate_file, read_certificates
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import asn1
from pse_preflight.pse import file as pse_file
from tests.kit.odd_certificates import long_name, odd_root
from tests.kit.pse_mutations import SALT, owner, owner_key
from tests.kit.pse_mutations import START as WRITTEN

START = datetime(2026, 1, 1, tzinfo=UTC)


def _root(name: str) -> Certificate:
    return Certificate.of(root_authority(name, START, 100).certificate)


ONE, TWO, THREE = _root("One"), _root("Two"), _root("Three")
PEM = write_pem([ONE, TWO])
BARE = "".join(each.pem for each in (ONE, TWO))
KEY = ec.generate_private_key(ec.SECP256R1())
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _bundle(encoding: Encoding, *certificates: Certificate) -> bytes:
    return pkcs7.serialize_certificates([each.parsed for each in certificates], encoding)


def _indefinite(bundle: bytes) -> bytes:
    """Write the outer lengths of a bundle open, as programs do that stream."""
    kind, wrapped = asn1.parts(bundle, 2)
    signed = asn1.content(wrapped)
    inner = b"\x30\x80" + asn1.content(signed) + b"\0\0"
    return b"\x30\x80" + kind + b"\xa0\x80" + inner + b"\0\0" + b"\0\0"


def _labelled(label: str, content: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n".encode()


def _trusted(certificate: Certificate) -> bytes:
    """Write what `openssl x509 -trustout` writes: the certificate, and behind it for what it is trusted."""
    server_auth = bytes.fromhex("300c300a06082b06010505070301")
    return _labelled("TRUSTED CERTIFICATE", certificate.der + server_auth)


def _pse(*certificates: Certificate, pin: str | None = None) -> bytes:
    made = pse_file.new(owner(), owner_key(), certificates, time=WRITTEN, salt=SALT)
    return made.encode(pin)


def _bag_attributes(*certificates: Certificate) -> bytes:
    """Write what `openssl pkcs12 -nokeys` writes."""
    head = "Bag Attributes\n    friendlyName: größe\n    localKeyID: 01 02\nsubject=CN = x\n\nissuer=CN = x\n\n"
    return "".join(head + each.pem for each in certificates).encode("latin-1")


FORMS: dict[str, tuple[bytes, str]] = {
    "PEM": (PEM.encode(), "PEM"),
    "CRLF": (PEM.replace("\n", "\r\n").encode(), "PEM"),
    "line ends of old Macs": (PEM.replace("\n", "\r").encode(), "PEM"),
    "byte order mark": (PEM.encode("utf-8-sig"), "PEM"),
    "UTF-16": (PEM.encode("utf-16"), "PEM"),
    "UTF-16, big end first": (b"\xfe\xff" + PEM.encode("utf-16-be"), "PEM"),
    "UTF-16 without a mark": (BARE.encode("utf-16-le"), "PEM"),
    "UTF-16, big end first, without a mark": (BARE.encode("utf-16-be"), "PEM"),
    "UTF-32": (PEM.encode("utf-32"), "PEM"),
    "Bag Attributes": (_bag_attributes(ONE, TWO), "PEM"),
    "TRUSTED CERTIFICATE": (_trusted(ONE) + _trusted(TWO), "PEM"),
    "X509 CERTIFICATE": (PEM.replace("CERTIFICATE", "X509 CERTIFICATE").encode(), "PEM"),
    "a key beside them": (KEY_PEM + PEM.encode(), "PEM"),
    "indented": (re.sub("^", "    ", PEM, flags=re.MULTILINE).encode(), "PEM"),
    "blanks at the line ends": (PEM.replace("\n", " \t\n").encode(), "PEM"),
    "no line ends at all": (BARE.replace("\n", "").encode(), "PEM"),
    "as JSON writes it": (json.dumps({"ca": BARE}).encode(), "PEM"),
    "without the last line end": (PEM.rstrip().encode(), "PEM"),
    "each twice": ((PEM + PEM).encode(), "PEM"),
    "PKCS#7, DER": (_bundle(Encoding.DER, ONE, TWO), "PKCS#7"),
    "PKCS#7, PEM": (_bundle(Encoding.PEM, ONE, TWO), "PEM"),
    "PKCS#7, labelled as a certificate": (_labelled("CERTIFICATE", _bundle(Encoding.DER, ONE, TWO)), "PEM"),
    "PKCS#7, labelled CMS": (_labelled("CMS", _bundle(Encoding.DER, ONE, TWO)), "PEM"),
    "PKCS#7 with open lengths": (_indefinite(_bundle(Encoding.DER, ONE, TWO)), "PKCS#7"),
    "PKCS#7 as base64": (base64.encodebytes(_bundle(Encoding.DER, ONE, TWO)), "PKCS#7"),
    "PSE": (_pse(ONE, TWO), "PSE"),
}


@pytest.mark.parametrize(("content", "form"), FORMS.values(), ids=FORMS)
def test_every_form_is_read(content: bytes, form: str) -> None:
    found = read_certificates(content)
    assert set(found.certificates) == {ONE, TWO}
    assert (found.damaged, found.form) == ((), form)


@pytest.mark.parametrize("content", [ONE.der, base64.b64encode(ONE.der), base64.encodebytes(ONE.der)])
def test_a_single_certificate_is_read(content: bytes) -> None:
    assert read_certificates(content) == CertificateFile((ONE,), form="DER")


def test_odd_roots_are_read() -> None:
    odd = [odd_root(long_name(), START), odd_root(long_name("Zero"), START, serial=0)]
    assert read_certificates(write_pem(odd).encode()).certificates == tuple(odd)


def test_a_pse_gives_its_list_and_not_its_own_certificate() -> None:
    assert owner() not in read_certificates(_pse(ONE)).certificates


def _damaged(pem: str, change: Callable[[str], str]) -> str:
    lines = pem.splitlines()
    lines[3] = change(lines[3])
    return "\n".join([*lines, ""])


MIDDLE = {
    "another character": (_damaged(TWO.pem, lambda line: "*" + line[1:]), "holds '*'"),
    "a character less": (_damaged(TWO.pem, lambda line: line[1:]), "are missing"),
    "a line less": ("\n".join(TWO.pem.splitlines()[:3] + TWO.pem.splitlines()[4:]) + "\n", "bytes are missing"),
    "no END line": ("\n".join(TWO.pem.splitlines()[:5]) + "\n", "bytes are missing"),
    "another END line": (TWO.pem.replace("END CERTIFICATE", "END"), "has no END line"),
    "nothing in it": ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "is empty"),
    "three bytes": ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate"),
    "a key under this label": (KEY_PEM.decode().replace("PRIVATE KEY", "CERTIFICATE"), "is damaged, or no certificate"),
    "bytes behind it": (_labelled("CERTIFICATE", TWO.der + b"\0\0\0").decode(), "has 3 bytes too many"),
    "a field changed": (
        _labelled("CERTIFICATE", TWO.der.replace(b"\x17\x0d", b"\x17\x0c", 1)).decode(),
        "is damaged, or no certificate",
    ),
}


@pytest.mark.parametrize(("middle", "says"), MIDDLE.values(), ids=MIDDLE)
def test_one_damaged_block_is_named_and_spoils_nothing(middle: str, says: str) -> None:
    found = read_certificates(f"# one\n{ONE.pem}{middle}{THREE.pem}".encode())
    assert found.certificates == (ONE, THREE)
    (damage,) = found.damaged
    line = 2 + len(ONE.pem.splitlines())
    assert damage.startswith(f"certificate 2 (line {line}): ")
    assert says in damage


def test_a_damaged_certificate_of_a_bundle_is_named() -> None:
    flipped = TWO.der.replace(b"\x17\x0d", b"\x17\x0c", 1)
    bundle = _bundle(Encoding.DER, ONE, TWO, THREE).replace(TWO.der, flipped)
    found = read_certificates(bundle)
    assert set(found.certificates) == {ONE, THREE}
    (damage,) = found.damaged
    assert re.match(r"certificate [123]: is damaged", damage)


def test_a_bundle_that_breaks_off_gives_what_is_whole() -> None:
    whole = _bundle(Encoding.PEM, ONE, TWO, THREE)
    content = base64.b64decode(b"".join(whole.splitlines()[1:-1]))
    found = read_certificates(_labelled("PKCS7", _indefinite(content)[:-500]))
    assert 0 < len(found.certificates) < 3
    assert "breaks off" in found.damaged[0]
    assert found.damaged[0].startswith("certificate 1 (line 1), in it certificate ")


def test_an_entry_of_a_pse_that_is_not_whole_is_named() -> None:
    made = pse_file.read(_pse(ONE, TWO))
    without = pse_file.PseFile.without_trusted
    assert without(made, lambda each: each.sha256 == TWO.sha256, WRITTEN).trusted
    parts_only = _pse_with_signed_part(TWO)
    found = read_certificates(parts_only)
    assert found.certificates == (ONE,)
    assert "is not stored whole" in found.damaged[0]
    assert re.match(r"entry [12] of its certificate list: ", found.damaged[0])


def _pse_with_signed_part(certificate: Certificate) -> bytes:
    """Write a list as the ancestors of SAP's library do, in which one has its signed part only."""
    made = pse_file.read(_pse(ONE))
    elements = sorted([ONE.parsed.tbs_certificate_bytes, certificate.parsed.tbs_certificate_bytes])
    return made._with_sets({"PKList": elements, "CertList": [ONE.der]}, WRITTEN).encode()


NONE = {
    "empty": (b"", "is empty"),
    "blank": (b" \r\n\t", "is empty"),
    "text": (b"the root is in the other file", "holds no certificate"),
    "letters": (b"therootisintheotherfile" * 9, "holds no certificate"),
    "web page": (b"\r\n<!DOCTYPE html><html></html>", "is a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
    "key": (KEY_PEM, "holds a private key"),
    "key in DER": (KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "is a private key"),
    "request": (_labelled("CERTIFICATE REQUEST", b"\x30\x03\x02\x01\x00"), "certificate request"),
    "revocation list": (_labelled("X509 CRL", b"\x30\x00"), "revocation list"),
    "PKCS#12": (
        pkcs12.serialize_key_and_certificates(b"x", None, ONE.parsed, None, BestAvailableEncryption(b"x")),
        "is a PKCS#12 file",
    ),
    "Java key store": (b"\xfe\xed\xfe\xed\0\0\0\2", "Java key store"),
    "zip archive": (b"PK\x03\x04", "zip archive"),
    "SSH key": (b"ssh-ed25519 AAAA x", "SSH key"),
    "PSE with a PIN": (_pse(ONE, pin="1234"), "PSE with a PIN"),
    "PSE with an empty list": (_pse(), "certificate list is empty"),
    "PSE that breaks off": (_pse(ONE)[:-9], "as a PSE it is damaged"),
    "DER that breaks off": (ONE.der[:-9], "breaks off: 9 of its"),
    "DER with a line end": (ONE.der + b"\r\n", "has 2 bytes too many"),
    "bundle without certificates": (
        _bundle(Encoding.DER, ONE)[:0]
        + bytes.fromhex("302306092a864886f70d010702a01630140201013100300b06092a864886f70d010701a0003100"),
        "PKCS#7 file without certificates",
    ),
    "only damage": (MIDDLE["another character"][0].encode(), "certificate 1 (line 1): its text is damaged"),
    "random bytes": (bytes(range(7, 200)), "holds no certificate"),
}


@pytest.mark.parametrize(("content", "says"), NONE.values(), ids=NONE)
def test_what_holds_none_is_named(content: bytes, says: str) -> None:
    with pytest.raises(CertificateUnreadable) as caught:
        read_certificates(content)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


def test_many_damaged_ones_do_not_fill_the_screen() -> None:
    with pytest.raises(CertificateUnreadable, match="and 17 more") as caught:
        read_certificates(MIDDLE["nothing in it"][0].encode() * 20)
    assert len(str(caught.value)) < 300


def test_everything_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_file, "MOST_CERTIFICATES", 3)
    with pytest.raises(CertificateUnreadable, match="more than 3 certificates"):
        read_certificates(PEM.encode() * 2)
    monkeypatch.setattr(certificate_file, "LARGEST_FILE", 1 << 20)
    with pytest.raises(CertificateUnreadable, match="larger than 1 MiB"):
        read_certificates(bytes((1 << 20) + 1))


@pytest.mark.long
@given(st.binary(max_size=400), st.sampled_from(list(FORMS.values())), st.integers(0), st.integers(0, 400))
def test_no_bytes_do_anything_else_than_be_read_or_refused(
    junk: bytes, form: tuple[bytes, str], place: int, length: int
) -> None:
    content = form[0]
    at = place % len(content)
    for data in (junk, content[:at] + junk + content[at + length :], content[:at]):
        assert _said_of(data).isprintable()


def _said_of(data: bytes) -> str:
    try:
        return " ".join(each.label for each in read_certificates(data).certificates)
    except CertificateUnreadable as error:
        return str(error)


def test_a_file_is_read_with_its_name_left_to_who_asks(tmp_path: Path) -> None:
    file = tmp_path / "größe root.cer"
    file.write_bytes(ONE.der)
    assert read_certificate_file(file).certificates == (ONE,)
    with pytest.raises(CertificateUnreadable, match="cannot be read: "):
        read_certificate_file(tmp_path / "none.pem")
    with pytest.raises(CertificateUnreadable, match="is a folder"):
        read_certificate_file(tmp_path)
    with pytest.raises(CertificateUnreadable, match="cannot be read"):
        read_certificate_file(Path("a\0b"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_nothing_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CertificateUnreadable, match="is no ordinary file"):
        read_certificate_file(pipe)
    with pytest.raises(CertificateUnreadable, match="is no ordinary file"):
        read_certificate_file(Path("/dev/zero"))


def test_saps_own_list_of_roots_is_read(samples: Path) -> None:
    found = read_certificate_file(samples / "pse" / "sap-trust-list" / "required-2024-05-03.pse")
    assert (len(found.certificates), found.damaged, found.form) == (11, (), "PSE")
