"""PSE files: read, written, changed; against SAP-made files, a second reader and OpenSSL."""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pse_preflight.certificate import Certificate, CertificateUnreadable, read_pem
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import asn1, name, protection
from pse_preflight.pse import file as pse_file
from pse_preflight.pse.file import PseFile, TrustedCertificate
from pse_preflight.pse.objects import PseObject
from pse_preflight.pse.owner import read_root, write_root
from tests.kit import openssl
from tests.kit import pse_mutations as pses
from tests.kit import pse_second_reader as second
from tests.kit.pse_mutations import (
    LIST_OID,
    PIN,
    QUICK_ALGORITHM,
    SALT,
    SET,
    START,
    authorities,
    integer,
    made,
    quick,
    tbs,
    tlv,
)
from tests.kit.tiers import first
from tests.pse.test_name import NAMES

LATER = START + timedelta(days=30)
SAP_PIN = "1234567980"
SAP_FILES = {
    "plain version 2": "pse_v2_lps_off_pbes1_3des_sha1_plain.pse",
    "version 2 with PIN": "pse_v2_lps_off_pbes1_3des_sha1.pse",
    "plain version 4": "pse_v4_lps_off_pbes1_3des_sha1_plain.pse",
}

PINS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=40)
"""Without the null character, which nobody can type: "x" and "x", null, "x" make the same key in PKCS#12."""


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def with_list(*entries: bytes, value: bytes | None = None, rest: tuple[bytes, ...] = ()) -> bytes:
    """Write a file with nothing but a certificate list, and perhaps other objects."""
    return pses.plain_file(pses.stored_object("PKList", LIST_OID, value or tlv(SET, *entries)), *rest)


def names(file: PseFile) -> list[str]:
    return [each.name for each in file.objects]


def subjects(file: PseFile) -> list[str]:
    return sorted(each.subject for each in file.trusted)


# --- files that SAP made ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """What a SAP-made file consists of; nothing else of it goes into its twin."""

    version: int
    pin: str | None
    salt: str
    created: str
    written: str


SAP_PARTS = {
    "plain version 2": Parts(2, None, "77cb6908be860865", "20180218185308Z", "20260807213229Z"),
    "version 2 with PIN": Parts(2, SAP_PIN, "77cb6908be860865", "20180218185308Z", "20180218185308Z"),
    "plain version 4": Parts(4, None, "a4e5d94c81aea2fa", "20180218185442Z", "20260807213229Z"),
}


@pytest.fixture(scope="session")
def sap_files(samples: Path) -> dict[str, bytes]:
    return {kind: (samples / "pse" / file).read_bytes() for kind, file in SAP_FILES.items()}


@pytest.fixture(scope="session")
def sap_owner(samples: Path) -> Certificate:
    return Certificate.read((samples / "pse" / "pse_v2_lps_off_pbes1_3des_sha1_cert.der").read_bytes())


@pytest.fixture(scope="session")
def sap_key(sap_files: dict[str, bytes]) -> rsa.RSAPrivateKey:
    """Compute the key from its two primes, which the second reader finds."""
    p, q = second.primes(second.dissect(sap_files["plain version 2"]).of("SKnew").value)
    d = rsa.rsa_recover_private_exponent(65537, p, q)
    rest = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    return rsa.RSAPrivateNumbers(p, q, d, *rest, rsa.RSAPublicNumbers(65537, p * q)).private_key()


@pytest.mark.parametrize("kind", SAP_FILES)
def test_a_file_of_sap_is_regenerated_byte_for_byte_from_its_parts(
    kind: str, sap_files: dict[str, bytes], sap_owner: Certificate, sap_key: rsa.RSAPrivateKey
) -> None:
    parts = SAP_PARTS[kind]
    twin = pse_file.new(
        sap_owner,
        sap_key,
        time=moment(parts.created),
        written=moment(parts.written),
        salt=bytes.fromhex(parts.salt),
        version=parts.version,
    )
    assert twin.encode(parts.pin) == sap_files[kind]


@pytest.mark.parametrize("kind", SAP_FILES)
def test_a_file_of_sap_is_read(kind: str, sap_files: dict[str, bytes], sap_owner: Certificate) -> None:
    parts = SAP_PARTS[kind]
    assert pse_file.inspect(sap_files[kind]) == pse_file.PseHead(parts.version, has_pin=bool(parts.pin))
    file = pse_file.read(sap_files[kind], parts.pin)
    assert (file.version, file.has_pin, file.created) == (parts.version, bool(parts.pin), moment(parts.created))
    assert names(file) == ["SKnew", "PKRoot", "Cert", "CertList"]
    assert {each.time for each in file.objects} == {moment(parts.written)}
    assert file.owner == sap_owner
    assert file.private_key().public_key() == sap_owner.parsed.public_key()  # type: ignore[union-attr]
    assert file.trusted == ()
    assert file.encode(parts.pin) == sap_files[kind]


def test_a_file_of_sap_keeps_its_objects_when_certificates_come_and_go(sap_files: dict[str, bytes]) -> None:
    original = sap_files["plain version 4"]
    file = pse_file.read(original)
    grown = file.with_trusted(authorities(5), LATER)
    before, after = second.dissect(original), second.dissect(grown.encode())
    for kept in ("SKnew", "PKRoot", "Cert"):
        assert after.of(kept).raw == before.of(kept).raw
    assert len(second.elements(after.of("PKList").value)) == 5
    shrunk = second.dissect(grown.without_trusted(lambda _: True, LATER).encode())
    assert shrunk.names == before.names
    assert [each.value for each in shrunk.objects] == [each.value for each in before.objects]


SAP_LISTS = ("required-2024-02-13", "required-2024-05-03", "optional-2024-02-13")


@pytest.mark.parametrize("kind", SAP_LISTS)
def test_a_list_of_sap_is_regenerated_byte_for_byte_from_its_parts(kind: str, samples: Path) -> None:
    original = (samples / "pse" / "sap-trust-list" / f"{kind}.pse").read_bytes()
    parts = second.dissect(original)
    assert (parts.version, parts.status, parts.names) == (2, 0, ["PKList"])
    (entry,) = parts.objects
    twin = pse_file.new(
        None,
        None,
        [Certificate.read(each) for each in reversed(second.elements(entry.value))],
        time=moment(parts.created),
        written=moment(entry.time or ""),
        salt=bytes.fromhex(parts.salt),
    )
    assert twin.encode() == original
    read = pse_file.read(original)
    assert [each.der for each in read.trusted] == second.elements(entry.value)
    assert (read.owner, read.has_pin, read.encode()) == (None, False, original)


@pytest.mark.parametrize("kind", SAP_LISTS)
def test_a_list_of_sap_grows_to_itself_again(kind: str, samples: Path) -> None:
    """One certificate is taken out and added again, one second later."""
    file = pse_file.read((samples / "pse" / "sap-trust-list" / f"{kind}.pse").read_bytes())
    written = file.objects[0].time
    assert written is not None
    middle = file.trusted[len(file.trusted) // 2]
    assert middle.certificate is not None
    without = file.without_trusted(lambda each: each.der == middle.der, LATER)
    assert len(without.trusted) == len(file.trusted) - 1
    assert without.with_trusted([middle.certificate], written).encode() == file.encode()


# --- written, and read by others -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 4])
def test_the_second_reader_finds_what_was_written(version: int) -> None:
    file = made(3, version)
    read = second.dissect(file.encode())
    assert (read.version, read.salt, read.iterations, read.status) == (version, SALT.hex(), 10_000, 1)
    assert read.created == "20260102030405Z"
    assert sorted(read.names) == ["Cert", "CertList", "PKList", "PKRoot", "SKnew"]
    assert {each.time for each in read.objects} == {"20260102030405Z"}
    assert read.of("Cert").value == pses.owner().der
    assert read.of("PKList").oid == "1.3.36.2.6.1"
    assert set(second.elements(read.of("PKList").value)) == {each.der for each in authorities(3)}
    assert second.elements(read.of("CertList").value) == [pses.owner().der]
    numbers = pses.owner_key().private_numbers()
    assert second.primes(read.of("SKnew").value) == tuple(sorted((numbers.p, numbers.q), reverse=True))
    content = pses.content(file)
    assert read.digest == (hashlib.sha1(content).digest() if version == 4 else None)  # noqa: S324 - the format's


def test_a_root_with_the_serial_number_zero_is_listed_without_a_warning(many: tuple[Certificate, ...]) -> None:
    """Warnings are errors here, and nothing but the listing has silenced this one."""
    odd = next(each for each in many if each.serial_number == 0)
    data = made().with_trusted([odd], LATER).encode()
    warnings.resetwarnings()
    warnings.simplefilter("error")
    (entry,) = pse_file.read(data).trusted
    assert (entry.serial_number, entry.subject) == (0, name.text(odd.parsed.subject))
    assert entry.parsed == odd.parsed


@pytest.mark.parametrize("version", [2, 4])
def test_sets_are_written_in_the_order_of_der(version: int) -> None:
    read = second.dissect(made(9, version).encode())
    for raw in (
        [each.raw for each in read.objects],
        second.elements(read.of("PKList").value),
        second.elements(read.of("CertList").value),
    ):
        assert raw == sorted(raw)


@openssl.NEEDED
@pytest.mark.parametrize("pin", [None, PIN])
@pytest.mark.parametrize("version", [2, 4])
def test_openssl_accepts_every_byte(tmp_path: Path, version: int, pin: str | None) -> None:
    data = made(4, version).encode(pin)
    accepted = openssl.parts(data, tmp_path)
    assert accepted
    assert f"l={len(data) - 4:4} cons: SEQUENCE" in accepted.splitlines()[0]
    assert openssl.parts(data[:-1], tmp_path) is None


@openssl.NEEDED
def test_openssl_accepts_the_content_inside_version_4(tmp_path: Path) -> None:
    data = made(4, 4).encode()
    assert data[44:46] == b"\x04\x82"  # an octet string, whose length takes two bytes
    inside = openssl.parts(data[48 : 48 + int.from_bytes(data[46:48])], tmp_path)
    assert inside
    assert "PKList" in inside


# --- round trips -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def many() -> tuple[Certificate, ...]:
    """Mozilla's roots and as many of our own as make 300."""
    roots = read_pem(Path(certifi.where()).read_bytes())
    return (*roots, *authorities(300 - len(roots)))


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 300), version=st.sampled_from([2, 4]), dice=st.randoms(use_true_random=False))
def test_every_list_is_read_back(many: tuple[Certificate, ...], count: int, version: int, dice: object) -> None:
    chosen = dice.sample(many, count)  # type: ignore[attr-defined]
    file = pse_file.read(made(0, version).with_trusted(chosen, LATER).encode())
    assert {each.sha256 for each in file.trusted} == {each.sha256 for each in chosen}
    assert len(file.trusted) == count
    assert {each.found for each in file.trusted} <= {"PKList"}
    half = {each.sha256 for each in chosen[: count // 2]}
    rest = pse_file.read(file.without_trusted(lambda each: each.sha256 in half, LATER).encode())
    assert {each.sha256 for each in rest.trusted} == {each.sha256 for each in chosen} - half


def test_all_300_are_read_back(many: tuple[Certificate, ...]) -> None:
    file = pse_file.read(made().with_trusted(many, LATER).encode())
    assert {each.certificate for each in file.trusted} == set(many)
    assert all(each.unreadable is None for each in file.trusted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pin=PINS, other=PINS, version=st.sampled_from([2, 4]))
def test_every_pin_opens_and_no_other(pin: str, other: str, version: int) -> None:
    written = quick(made(1, version)).encode(pin)
    opened = pse_file.read(written, pin)
    assert opened.encode(pin) == written
    if other != pin:
        with pytest.raises(pse_file.WrongPin):
            pse_file.read(written, other)


@pytest.mark.parametrize("pin", ["Größe", "密码", "🔑", "\udcff", " ", "1" * 200])
@pytest.mark.parametrize("version", [2, 4])
def test_a_pin_beyond_ascii(pin: str, version: int) -> None:
    written = made(0, version).encode(pin)
    assert pse_file.read(written, pin).encode(pin) == written


@pytest.mark.parametrize("bits", first(2, [1024, 2048, 3072, 4096]))
def test_key_sizes(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    owner = pse_file.self_signed_owner(name.parse("CN=x"), key, start=START, end=LATER, serial_number=1)
    file = pse_file.read(pse_file.new(owner, key, time=START, salt=SALT).encode())
    assert isinstance(found := file.private_key(), rsa.RSAPrivateKey)
    assert found.private_numbers().d == key.private_numbers().d or found.public_key() == key.public_key()
    assert found.key_size == bits


# --- PIN -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", [None, ""])
@pytest.mark.parametrize("version", [2, 4])
def test_a_pin_is_seen_without_it(version: int, pin: str | None) -> None:
    written = made(0, version).encode(PIN)
    assert pse_file.inspect(written).has_pin is True
    with pytest.raises(pse_file.PinNeeded):
        pse_file.read(written, pin)
    assert pse_file.inspect(made(0, version).encode("")).has_pin is False


@pytest.mark.parametrize("version", [2, 4])
def test_a_file_with_pin_is_never_written_without(version: int) -> None:
    file = pse_file.read(made(0, version).encode(PIN), PIN)
    with pytest.raises(pse_file.PinNeeded):
        file.encode()


def test_a_plain_file_opens_whatever_the_pin() -> None:
    assert pse_file.read(made().encode(), PIN).has_pin is False


def test_the_key_derivation_of_rfc_7292() -> None:
    """PKCS#12 derivation with SHA-1, checked against OpenSSL's values for the password "smeg"."""
    parameters = asn1.PasswordEncryptionParameters(salt=bytes.fromhex("0a58cf64530d823f"), iterations=1)
    cipher = protection.PinCipher(parameters, "smeg")
    assert cipher._derived(1, 24).hex() == "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"
    assert cipher._derived(2, 8).hex() == "79993dfe048d3b76"


def _opens(is_right: Callable[[protection.PinCipher], bytes | None]) -> str:
    """Find a wrong PIN for which something decrypts to a right padding."""
    for number in range(1_000_000):
        if is_right(protection.PinCipher.of(f"wrong {number}", QUICK_ALGORITHM)) is not None:
            return f"wrong {number}"
    raise AssertionError("no such PIN")


def _body(file: PseFile) -> tuple[bytes, bytes]:
    """Return the encrypted PIN, if any, and the encrypted content."""
    written = asn1.last_part(file.encode(PIN))
    parts = asn1.parts(written, 4)
    stored = parts[-2] if file.sealed else parts[-1]
    return asn1.content(parts[0]), asn1.content(stored)


@pytest.mark.parametrize("version", [2, 4])
def test_a_right_padding_does_not_make_a_wrong_pin_right(version: int) -> None:
    file = quick(made(1, version))
    _, stored = _body(file)
    lucky = _opens(lambda cipher: cipher.decrypt(stored))
    with pytest.raises(pse_file.WrongPin):
        pse_file.read(file.encode(PIN), lucky)


def test_a_right_padding_of_the_encrypted_pin_does_not_make_a_wrong_pin_right() -> None:
    file = quick(made(1))
    check, _ = _body(file)
    lucky = _opens(lambda cipher: cipher.decrypt(check))
    with pytest.raises(pse_file.WrongPin):
        pse_file.read(file.encode(PIN), lucky)


@pytest.mark.parametrize("version", first(1, [2, 4]))
def test_damage_is_told_apart_from_a_wrong_pin_wherever_it_lies(version: int) -> None:
    """One bit is flipped in every block of the encrypted content."""
    file = quick(made(0, version))
    written = file.encode(PIN)
    start = written.index(_body(file)[1])
    for at in range(start, start + len(_body(file)[1]), protection._CIPHER_BLOCK):
        damaged = bytearray(written)
        damaged[at] ^= 1
        with pytest.raises(pse_file.WrongPin):
            pse_file.read(bytes(damaged), "another")
        if version == 4:
            with pytest.raises(pse_file.DamagedPse, match="the PIN is right"):
                pse_file.read(bytes(damaged), PIN)
        else:
            assert pses.exercise(bytes(damaged), PIN) != "WrongPin"


def test_damage_of_the_padding_is_told_apart_from_a_wrong_pin() -> None:
    """A bit of the block before the last one is the same bit of the last one, here of its padding."""
    damaged = bytearray(quick(made()).encode(PIN))
    damaged[-9] ^= 1
    with pytest.raises(pse_file.DamagedPse, match="the PIN is right"):
        pse_file.read(bytes(damaged), PIN)


@pytest.mark.parametrize("version", [2, 4])
def test_a_damaged_check_does_not_make_a_right_pin_wrong(version: int) -> None:
    written = bytearray(quick(made(0, version)).encode(PIN))
    written[-1 if version == 4 else 15] ^= 1
    with pytest.raises(pse_file.DamagedPse, match="the PIN is right"):
        pse_file.read(bytes(written), PIN)
    with pytest.raises(pse_file.WrongPin):
        pse_file.read(bytes(written), "another")


def test_the_sha_1_of_a_plain_version_4_is_checked() -> None:
    written = bytearray(made(0, 4).encode())
    written[100] ^= 1
    with pytest.raises(pse_file.DamagedPse, match="SHA-1"):
        pse_file.read(bytes(written))


@pytest.mark.parametrize(
    ("algorithm", "why"),
    [
        ("300d06092a864886f70d01050d0500", "form is not known"),
        ("301b060a2a864886f70d010c0104300d04080123456789abcdef020105", "1.2.840.113549.1.12.1.4"),
        ("301d060a2a864886f70d010c0103300f04080123456789abcdef0203010000", "iterations"),
        ("301b060a2a864886f70d010c0103300d04080123456789abcdef020100", "iterations"),
        ("3054060a2a864886f70d010c010330460441" + 65 * "00" + "020105", "salt"),
    ],
)
def test_other_encryption_is_named(algorithm: str, why: str) -> None:
    body = tlv(0xA0, tlv(4, bytes(16)), bytes.fromhex(algorithm), tlv(4, bytes(64)))
    data = tlv(0x30, bytes.fromhex("020102"), body)
    assert pse_file.inspect(data) == pse_file.PseHead(2, has_pin=True)
    with pytest.raises(pse_file.UnknownEncoding, match=why):
        pse_file.read(data, PIN)


@pytest.mark.parametrize(("iterations", "taken"), [(1, True), (50_000, True), (50_001, False), (0, False)])
def test_key_is_derived_where_it_takes_a_moment(iterations: int, *, taken: bool) -> None:
    parameters = asn1.PasswordEncryptionParameters(salt=bytes(64), iterations=iterations)
    kind = x509.ObjectIdentifier("1.2.840.113549.1.12.1.3")
    identifier = asn1.encoded(asn1.PasswordEncryption(algorithm=kind, parameters=parameters))
    if taken:
        assert protection.PinCipher.of(PIN, identifier).parameters.iterations == iterations
    else:
        with pytest.raises(pse_file.UnknownEncoding, match="its key needs more than 50000 iterations, or none"):
            protection.PinCipher.of(PIN, identifier)


@pytest.mark.parametrize("size", [0, 7, 16])
def test_an_encrypted_content_too_short_for_anything_does_not_prove_a_pin(size: int) -> None:
    check = protection.PinCipher.of(PIN, QUICK_ALGORITHM).encrypt(PIN.encode())
    body = tlv(0xA0, tlv(4, check), QUICK_ALGORITHM, tlv(4, bytes(size)))
    data = tlv(0x30, bytes.fromhex("020102"), body)
    with pytest.raises(pse_file.DamagedPse) as damage:
        pse_file.read(data, PIN)
    assert damage.value.offset == len(data) - size
    with pytest.raises(pse_file.WrongPin):
        pse_file.read(data, "another")


def test_a_library_without_3des_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise UnsupportedAlgorithm("3DES")

    written = made().encode(PIN)
    monkeypatch.setattr(protection, "TripleDES", refuse)
    with pytest.raises(pse_file.PseError, match="does not allow 3DES"):
        pse_file.read(written, PIN)


# --- nothing secret shows --------------------------------------------------------------------------------------------


def test_neither_key_nor_pin_show() -> None:
    file = pse_file.read(made(2).encode("topsecret"), "topsecret")
    numbers = pses.owner_key().private_numbers()
    secrets = ["topsecret", str(numbers.p), f"{numbers.p:x}", repr(numbers.p.to_bytes(64))[2:-1]]
    shown = [repr(file), str(file), repr(file.objects), repr(file.trusted), repr(file.owner)]
    with pytest.raises(pse_file.WrongPin) as wrong:
        pse_file.read(made().encode("topsecret"), "other secret")
    shown += [str(wrong.value), repr(wrong.value), repr(protection.PinCipher.of("topsecret", QUICK_ALGORITHM))]
    for secret in (*secrets, "other secret"):
        assert not any(secret in text for text in shown)
    assert not any("b'" in text or 'b"' in text for text in shown)


def test_an_object_is_the_same_wherever_it_lies() -> None:
    der = pse_file.read(made().encode()).objects[0].der
    here, there = PseObject.read(der, 0), PseObject.read(der, 7)
    assert here == there
    assert there.offset == here.offset + 7


# --- the certificate list --------------------------------------------------------------------------------------------


def test_an_entry_tells_what_is_known_of_it() -> None:
    (one,) = authorities(1)
    (entry,) = pse_file.read(made(1).encode()).trusted
    assert entry.certificate == one
    assert (entry.tbs, entry.der, entry.sha256) == (tbs(one), one.der, one.sha256)
    assert (entry.subject, entry.issuer) == ("CN=root 0, O=pse-preflight",) * 2
    assert entry.serial_number == one.parsed.serial_number
    assert (entry.not_before, entry.not_after) == (one.not_before, one.not_after)
    assert (entry.found, entry.unreadable, entry.is_stored_whole) == ("PKList", None, True)
    assert entry.label == f'"CN=root 0, O=pse-preflight" (sha256 {one.sha256[:12]}, until 2036-12-15)'


def test_an_entry_without_its_whole_certificate_is_listed_without_a_fingerprint() -> None:
    (one,) = authorities(1)
    (entry,) = pse_file.read(with_list(tbs(one))).trusted
    assert (entry.tbs, entry.der, entry.sha256, entry.certificate) == (tbs(one), None, None, None)
    assert (entry.found, entry.unreadable, entry.is_stored_whole) == ("PKList", None, False)
    assert (entry.subject, entry.not_after) == ("CN=root 0, O=pse-preflight", one.not_after)
    assert entry.serial_number == one.parsed.serial_number
    assert entry.parsed is not None
    assert entry.parsed.public_key() == one.parsed.public_key()
    assert "fingerprint unknown" in entry.label


def test_both_encodings_and_their_mixture_are_read_in_any_order() -> None:
    one, two, three = authorities(3)
    pool = pses.stored_object("CertList", bytes.fromhex("06042b240200"), tlv(SET, three.der, pses.owner().der))
    file = pse_file.read(with_list(three.der, tbs(one), tbs(three), two.der, tbs(one), rest=(pool,)))
    assert [(each.tbs, each.found) for each in file.trusted] == [
        (tbs(three), "PKList"),
        (tbs(one), "PKList"),
        (tbs(three), "PKList + CertList"),
        (tbs(two), "PKList"),
        (tbs(one), "PKList"),
    ]
    assert [each.sha256 for each in file.trusted] == [three.sha256, None, three.sha256, two.sha256, None]


def test_what_lies_only_in_the_pool_is_not_listed() -> None:
    whole = tlv(SET, *(each.der for each in authorities(3)))
    pool = pses.stored_object("CertList", bytes.fromhex("06042b240200"), whole)
    assert pse_file.read(pses.plain_file(pool)).trusted == ()
    assert len(pse_file.read(with_list(tbs(authorities(1)[0]), rest=(pool,))).trusted) == 1


def test_what_is_no_certificate_in_the_pool_is_passed_over() -> None:
    (one,) = authorities(1)
    pool = pses.stored_object("CertList", bytes.fromhex("06042b240200"), tlv(SET, b"\x05\x00", b"\x30\x00", one.der))
    assert [each.sha256 for each in pse_file.read(with_list(tbs(one), rest=(pool,))).trusted] == [one.sha256]


def test_an_empty_list_is_empty() -> None:
    assert pse_file.read(with_list()).trusted == ()


KEY_INFO = bytes.fromhex("300506032b6570")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(tlv(0x30, b""), id="a SEQUENCE instead of a SET"),
        pytest.param(tlv(0x04, tlv(SET)), id="a SET in an OCTET STRING"),
        pytest.param(tlv(0xA0, tlv(SET)), id="a SET in a tag"),
        pytest.param(tlv(SET, tlv(0x04, tbs(authorities(1)[0]))), id="entries in OCTET STRINGs"),
        pytest.param(tlv(SET, tlv(0xA0, tbs(authorities(1)[0]))), id="entries in tags"),
        pytest.param(tlv(SET, b"\x05\x00"), id="a null"),
        pytest.param(tlv(SET, tlv(0x30)), id="an empty entry"),
        pytest.param(tlv(SET, tlv(0x30, KEY_INFO, tlv(3, b"\0"))), id="public keys"),
        pytest.param(tlv(SET, tlv(0x30, tbs(authorities(1)[0]), KEY_INFO)), id="a certificate without signature"),
        pytest.param(tlv(SET, tlv(0x30, KEY_INFO, KEY_INFO, tlv(3, b"\0"))), id="a certificate with nothing signed"),
        pytest.param(
            tlv(SET, tlv(0x30, tbs(authorities(1)[0]), KEY_INFO, tlv(3, b"\0"), b"\x05\x00")), id="a fourth part"
        ),
    ],
)
def test_an_unknown_encoding_is_an_error_and_no_empty_list(value: bytes) -> None:
    with pytest.raises(pse_file.UnknownEncoding):
        pse_file.read(with_list(value=value))


def test_a_list_that_breaks_off_is_damaged_at_its_place() -> None:
    """The last length inside is one too large, and everything around it fits."""
    (one,) = authorities(1)
    data = with_list(value=tlv(SET, one.der, b"\x30\x05"))
    with pytest.raises(pse_file.DamagedPse) as damage:
        pse_file.read(data)
    assert damage.value.offset == len(data) - 2


def test_a_list_longer_than_any_is_refused_before_it_is_read() -> None:
    with pytest.raises(pse_file.DamagedPse, match="more than 10000 values"):
        pse_file.read(with_list(b"\x05\x00" * 10_001))


def test_a_list_cannot_hide_under_another_name() -> None:
    hidden = pses.stored_object("TrustList", LIST_OID, tlv(SET, tbs(authorities(1)[0])))
    assert len(pse_file.read(pses.plain_file(hidden)).trusted) == 1
    with pytest.raises(pse_file.DamagedPse, match="a second PKList"):
        pse_file.read(with_list(rest=(hidden,)))


def _odd(change: Callable[[bytes], bytes]) -> bytes:
    (one,) = authorities(1)
    changed = change(one.der)
    assert len(changed) == len(one.der)
    assert changed != one.der
    return changed


ODD_ONES = {
    "an extension twice": (
        _odd(lambda der: der.replace(bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d13"))),
        True,
    ),
    "an unknown version": (
        _odd(lambda der: der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020109"))),
        True,
    ),
    "a name that is no text": (_odd(lambda der: der.replace(b"root 0", b"root \xff")), False),
    "a name that is a row of bits": (
        _odd(lambda der: der.replace(b"\x0c\x06root 0", b"\x03\x06\x00oot 0")),
        False,
    ),
    "a day that never was": (_odd(lambda der: der.replace(b"260102030405Z", b"269902030405Z")), False),
}


@pytest.mark.parametrize("odd", ODD_ONES)
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_certificate_that_a_strict_reader_refuses_stays_listed(odd: str, is_whole: bool) -> None:
    der, has_names = ODD_ONES[odd]
    signed = asn1.parts(der, 3)[0]
    (entry,) = pse_file.read(with_list(der if is_whole else signed)).trusted
    assert entry.unreadable
    assert entry.certificate is None
    assert entry.tbs == signed
    assert entry.sha256 == (hashlib.sha256(der).hexdigest() if is_whole else None)
    assert entry.serial_number == authorities(1)[0].parsed.serial_number
    assert entry.subject == entry.issuer == ("CN=root 0, O=pse-preflight" if has_names else "")
    assert (entry.not_before is None) is (entry.not_after is None) is not has_names
    assert ("unreadable name" in entry.label) is not has_names


# --- changes ---------------------------------------------------------------------------------------------------------


def unusual() -> PseFile:
    """A file with everything that a change must leave alone: a path, unknown objects, no order, no times."""
    one, two, _ = authorities(3)
    own = [each.der for each in made().objects]
    path = pses.stored_object("FCPath", pses.PATH_OID, tlv(0x30, tlv(SET, one.der), tlv(SET, two.der)))
    odd = pses.stored_object("Odd_one", pses.UNKNOWN_OID, tlv(4, b"kept"), None)
    return pse_file.read(pses.plain_file(path, odd, *reversed(own), odd))


@pytest.mark.parametrize("pin", [None, PIN])
@pytest.mark.parametrize("kind", [*pses.variants()])
def test_nothing_changed_is_nothing_written_otherwise(kind: str, pin: str | None) -> None:
    variant = pses.variants()[kind]
    file = pse_file.read(variant.file, variant.pin)
    present = [each.certificate for each in file.trusted if each.certificate]
    assert file.with_trusted(present, LATER) is file
    assert file.without_trusted(lambda _: False, LATER) is file
    if variant.pin or pin is None:
        assert file.encode(variant.pin) == variant.file


def test_adding_touches_the_list_only() -> None:
    file = unusual()
    grown = file.with_trusted(authorities(3), LATER)
    before, after = second.dissect(file.encode()), second.dissect(grown.encode())
    assert after.names == [*before.names, "PKList"]
    for old, new in zip(before.objects, after.objects, strict=False):
        assert old.raw == new.raw
    assert after.of("PKList").time == "20260201030405Z"
    assert (after.created, after.salt, after.status) == (before.created, before.salt, before.status)


def test_removing_again_leaves_every_byte_as_it_was() -> None:
    file = unusual()
    back = file.with_trusted(authorities(3), LATER).without_trusted(lambda _: True, START)
    assert back.encode() == file.encode()


def old_form(*certificates: Certificate, own: tuple[bytes, ...] | None = None) -> PseFile:
    """A PSE as SAP's ancestors wrote it: signed parts in the list, the whole certificates in the pool."""
    kept = own or tuple(each.der for each in made().objects if each.name != "CertList")
    signed = pses.stored_object("PKList", LIST_OID, tlv(SET, *sorted(map(tbs, certificates))))
    whole = sorted({each.der for each in (*certificates, pses.owner())})
    pool = pses.stored_object("CertList", bytes.fromhex("06042b240200"), tlv(SET, *whole))
    return pse_file.read(pses.plain_file(*kept, pool, signed))


def test_an_old_list_keeps_its_form_for_what_is_there_and_gets_whole_certificates() -> None:
    one, two, three = authorities(3)
    file = old_form(one, two)
    grown = pse_file.read(file.with_trusted([three, one], LATER).encode())
    before, after = second.dissect(file.encode()), second.dissect(grown.encode())
    assert second.elements(after.of("PKList").value) == sorted([tbs(one), tbs(two), three.der])
    assert after.of("CertList").raw == before.of("CertList").raw
    assert {each.sha256: each.found for each in grown.trusted} == {
        one.sha256: "PKList + CertList",
        two.sha256: "PKList + CertList",
        three.sha256: "PKList",
    }


def test_what_leaves_an_old_list_leaves_the_pool_too() -> None:
    one, two = authorities(2)
    rest = old_form(one, two).without_trusted(lambda each: each.sha256 == one.sha256, LATER)
    after = second.dissect(rest.encode())
    assert second.elements(after.of("PKList").value) == [tbs(two)]
    assert set(second.elements(after.of("CertList").value)) == {two.der, pses.owner().der}
    assert after.of("CertList").time == after.of("PKList").time == "20260201030405Z"


def test_what_leaves_an_old_list_stays_in_the_pool_where_the_path_needs_it() -> None:
    one, two, three = authorities(3)
    path = pses.stored_object("FCPath", pses.PATH_OID, tlv(0x30, tlv(SET, one.der), tlv(SET, two.der)))
    own = (path, *(each.der for each in made().objects if each.name != "CertList"))
    back = old_form(one, two, three, own=own).without_trusted(lambda _: True, LATER)
    assert set(second.elements(second.dissect(back.encode()).of("CertList").value)) == {
        pses.owner().der,
        one.der,
        two.der,
    }


def test_an_added_certificate_leaves_a_plain_pse_byte_for_byte_when_it_is_removed() -> None:
    file = made()
    assert file.with_trusted(authorities(2), START).without_trusted(lambda _: True, START).encode() == file.encode()


def test_the_owner_stays_in_the_pool_when_it_is_no_longer_trusted() -> None:
    for file in (made().with_trusted([pses.owner()], LATER), old_form(pses.owner())):
        assert subjects(file) == ["CN=client, O=Firma"]
        back = file.without_trusted(lambda _: True, LATER)
        assert back.trusted == ()
        assert second.elements(second.dissect(back.encode()).of("CertList").value) == [pses.owner().der]


def test_a_root_taken_apart_keeps_its_whole_certificate_in_the_pool() -> None:
    """A PSE whose PKRoot is not its owner: the whole root is needed although no object holds its bytes."""
    root, _ = authorities(2)
    own = [each.der for each in made().objects if each.name in ("SKnew", "Cert")]
    value = pses.stored_object("PKRoot", bytes.fromhex("06052b24020501"), write_root(root.der))
    back = old_form(*authorities(2), own=(*own, value)).without_trusted(lambda _: True, LATER)
    assert set(second.elements(second.dissect(back.encode()).of("CertList").value)) == {pses.owner().der, root.der}


def test_removing_some_keeps_the_others() -> None:
    file = made(4)
    gone = authorities(4)[1].sha256
    rest = pse_file.read(file.without_trusted(lambda each: each.sha256 == gone, LATER).encode())
    assert subjects(rest) == [f"CN=root {at}, O=pse-preflight" for at in (0, 2, 3)]
    assert all(each.certificate for each in rest.trusted)
    assert authorities(4)[1].der not in rest.encode()


def test_a_certificate_given_twice_is_added_once() -> None:
    (one,) = authorities(1)
    assert len(made().with_trusted([one, one], LATER).trusted) == 1
    assert len(made(1).with_trusted([one, *authorities(2)], LATER).trusted) == 2


def test_a_list_of_whole_certificates_gets_whole_ones_and_the_pool_nothing() -> None:
    one, two = authorities(2)
    file = pse_file.read(with_list(one.der))
    grown = second.dissect(file.with_trusted([two], LATER).encode())
    assert grown.names == ["PKList"]
    assert set(second.elements(grown.of("PKList").value)) == {one.der, two.der}
    rest = pse_file.read(
        file.with_trusted([two], LATER).without_trusted(lambda each: each.der == one.der, LATER).encode()
    )
    assert [each.sha256 for each in rest.trusted] == [two.sha256]


def test_what_is_listed_by_its_signed_part_is_not_added_again() -> None:
    (one,) = authorities(1)
    file = pse_file.read(with_list(tbs(one)))
    assert file.with_trusted([one], LATER) is file


def test_a_list_without_order_is_not_sorted() -> None:
    ordered = sorted(tbs(each) for each in authorities(3))
    file = pse_file.read(with_list(*reversed(ordered)))
    new = Certificate.of(root_authority("one more", START, 10).certificate)
    grown = second.dissect(file.with_trusted([new], LATER).encode())
    assert second.elements(grown.of("PKList").value) == [*reversed(ordered), new.der]


def test_a_list_never_becomes_longer_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pse_file, "MOST_CERTIFICATES", 3)
    assert len(made(2).with_trusted(authorities(3), LATER).trusted) == 3
    assert len(made(0).with_trusted(authorities(3), LATER).trusted) == 3
    for held in (1, 2, 3):
        with pytest.raises(pse_file.Unwritable, match="more than 3"):
            made(held).with_trusted(authorities(4), LATER)


# --- owners ----------------------------------------------------------------------------------------------------------


def test_the_owner_certificate_says_who_wrote_it() -> None:
    assert pse_file.is_ours(pses.owner())
    assert not pse_file.is_ours(authorities(1)[0])
    comment = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.13"), bytes.fromhex("16026869"))
    root = root_authority("root", START, 10)
    other = root.issue(name.parse("CN=x"), START, 5, [(comment, False)])
    assert not pse_file.is_ours(Certificate.of(other.certificate))


def test_a_pse_shows_whether_it_was_written_here() -> None:
    one, two = authorities(2)

    def shows(file: PseFile) -> bool:
        return pse_file.is_written_here(file.owner, file.trusted)

    assert shows(made(2))
    assert shows(made())
    foreign = pse_file.read(with_list(tbs(one)))
    assert not shows(foreign)
    assert shows(foreign.with_trusted([two], LATER)), "a form that no file of SAP's has"
    assert not shows(foreign.with_trusted([two], LATER).without_trusted(lambda each: each.der is None, LATER))
    assert not shows(pse_file.read(with_list(one.der)).with_trusted([two], LATER)), "nothing in it shows"
    assert not shows(pse_file.new(None, None, [one], time=START, salt=SALT))
    assert not shows(old_form(one, own=(made().objects[0].der,)))


def test_the_owner_certificate_is_as_asked() -> None:
    owner = pse_file.self_signed_owner(
        name.parse("CN=host, O=Firma"),
        pses.owner_key(),
        start=START,
        end=LATER,
        serial_number=77,
        dns_names=["host.example", "alias.example"],
        addresses=[ip_address("192.0.2.1")],
        algorithm=hashes.SHA512(),
    )
    others = owner.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert others.get_values_for_type(x509.DNSName) == ["host.example", "alias.example"]
    assert others.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.1")]
    assert (owner.not_before, owner.not_after, owner.parsed.serial_number) == (START, LATER, 77)
    assert isinstance(owner.parsed.signature_hash_algorithm, hashes.SHA512)
    assert owner.is_self_issued
    owner.parsed.verify_directly_issued_by(owner.parsed)
    plain = pses.owner().parsed
    assert isinstance(plain.signature_hash_algorithm, hashes.SHA256)
    with pytest.raises(x509.ExtensionNotFound):
        plain.extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize(
    "wrong",
    [{"dns_names": ["größe.example"]}, {"end": START - timedelta(days=1)}, {"serial_number": -1}],
    ids=["a name beyond ASCII", "an end before the start", "a negative serial number"],
)
def test_an_owner_certificate_that_cannot_be(wrong: dict[str, object]) -> None:
    usual: dict[str, object] = {"start": START, "end": LATER, "serial_number": 1}
    with pytest.raises(pse_file.Unwritable, match="cannot be made"):
        pse_file.self_signed_owner(name.parse("CN=x"), pses.owner_key(), **{**usual, **wrong})  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(NAMES)
def test_every_name_of_an_owner_is_read_back(original: x509.Name) -> None:
    owner = pse_file.self_signed_owner(original, pses.owner_key(), start=START, end=LATER, serial_number=1)
    file = pse_file.new(owner, pses.owner_key(), [owner], time=START, salt=SALT)
    read = pse_file.read(file.encode())
    assert read.owner is not None
    assert read.owner.parsed.subject == original
    assert [name.parse(each.subject) for each in read.trusted] == [original]


def test_a_pse_without_owner_verifies_others() -> None:
    file = pse_file.new(None, None, authorities(2), time=START, salt=SALT)
    read = pse_file.read(file.encode())
    assert names(read) == ["PKList"]
    assert second.dissect(file.encode()).status == 0
    assert (read.owner, read.owner_der, read.private_key(), read.owner_path) == (None, None, None, ())
    assert len(read.trusted) == 2
    assert names(pse_file.read(pse_file.new(None, None, time=START, salt=SALT).encode())) == []


def issued(*, levels: int, key: rsa.RSAPrivateKey | None = None) -> tuple[Certificate, ...]:
    """Make an owner's certificate and its issuers, the root last, with so many authorities between."""
    identity = root_authority("root of the owner", START, 1000)
    for level in range(levels):
        identity = identity.issue_authority(f"authority {level}", START, 900)
    owner = identity.issue(name.parse("CN=client, O=Firma"), START, 800, [], key=key or pses.owner_key())
    return tuple(Certificate.of(each) for each in (owner.certificate, *owner.issuers))


@pytest.mark.parametrize("levels", [0, 1, 3])
@pytest.mark.parametrize("version", [2, 4])
def test_an_owner_that_an_authority_has_signed_is_written_with_its_path(levels: int, version: int) -> None:
    owner, *path = issued(levels=levels)
    file = pse_file.new(owner, pses.owner_key(), authorities(1), path=path, time=START, salt=SALT, version=version)
    written = second.dissect(file.encode())
    assert sorted(written.names) == sorted(
        ["SKnew", "PKRoot", "Cert", "CertList", "PKList", *(["FCPath"] if levels else [])]
    )
    assert written.of("Cert").value == owner.der
    assert written.of("PKRoot").value == write_root(path[-1].der)
    assert second.elements(written.of("CertList").value) == sorted(each.der for each in (owner, *path))
    assert second.elements(written.of("PKList").value) == [authorities(1)[0].der], "an issuer is not trusted for that"
    if levels:
        assert written.of("FCPath").oid == "1.3.36.2.4.1"
        assert written.of("FCPath").value == tlv(0x30, *(tlv(SET, each.der) for each in path[:-1]))
    read = pse_file.read(file.encode())
    assert (read.owner, read.owner_path, read.owner_root) == (owner, tuple(path[:-1]), path[-1])
    assert read.private_key() is not None


def test_an_owner_gets_another_certificate_for_its_key() -> None:
    owner, *path = issued(levels=1)
    before = made(2)
    after = before.with_owner(owner, path, LATER)
    assert (after.owner, after.owner_path, after.owner_root) == (owner, (path[0],), path[1])
    assert after.trusted == before.trusted
    old, new = second.dissect(before.encode()), second.dissect(after.encode())
    for kept in ("SKnew", "PKList"):
        assert old.of(kept).raw == new.of(kept).raw
    assert {new.of(each).time for each in ("Cert", "PKRoot", "FCPath", "CertList")} == {"20260201030405Z"}
    assert second.elements(new.of("CertList").value) == sorted(each.der for each in (owner, *path))
    assert [each.raw for each in new.objects] == sorted(each.raw for each in new.objects)
    back = after.with_owner(pses.owner(), [], START)
    assert back.encode() == before.encode(), "no path stays"


def test_another_certificate_does_not_take_from_an_old_list_what_completes_it() -> None:
    owner, *path = issued(levels=1)
    after = old_form(pses.owner()).with_owner(owner, path, LATER)
    assert [each.sha256 for each in after.trusted] == [pses.owner().sha256]


@pytest.mark.parametrize(
    ("file", "given", "why"),
    [
        (lambda: pse_file.new(None, None, time=START, salt=SALT), lambda: issued(levels=0), "no key"),
        (made, lambda: issued(levels=0, key=_other_key()), "not that of the owner"),
        (made, lambda: issued(levels=1)[:2], "do not lead from"),
    ],
)
def test_a_certificate_that_does_not_fit_is_not_given(
    file: Callable[[], PseFile], given: Callable[[], tuple[Certificate, ...]], why: str
) -> None:
    owner, *path = given()
    with pytest.raises(pse_file.Unwritable, match=why):
        file().with_owner(owner, path, LATER)


def test_the_root_is_put_together_again_from_its_parts() -> None:
    for root in (pses.owner(), *authorities(2), *read_pem(Path(certifi.where()).read_bytes())):
        assert read_root(write_root(root.der), 0) == root.der
    assert made().owner_root == pses.owner()
    assert pse_file.new(None, None, time=START, salt=SALT).owner_root is None


@pytest.mark.parametrize("value", [tlv(0x30), tlv(0x30, b"\x05\x00", tlv(0x30)), tlv(0x30, tlv(0x30), tlv(0x30))])
def test_a_root_of_another_structure_is_not_guessed(value: bytes) -> None:
    with pytest.raises(pse_file.UnknownEncoding, match="PKRoot"):
        read_root(value, 0)


def test_an_older_key_of_a_root_is_passed_over() -> None:
    parts = asn1.parts(write_root(pses.owner().der), 4)
    assert read_root(tlv(0x30, *parts[:2], tlv(0x30), *parts[2:]), 0) == pses.owner().der


def test_the_path_of_an_owner_is_read() -> None:
    assert unusual().owner_path == authorities(3)[:2]
    assert made().owner_path == ()
    odd = pses.stored_object("FCPath", pses.PATH_OID, tlv(0x30, tlv(SET, b"\x05\x00")))
    with pytest.raises(CertificateUnreadable):
        _ = pse_file.read(pses.plain_file(odd)).owner_path
    odd = pses.stored_object("FCPath", pses.PATH_OID, tlv(0x30, b"\x05\x00"))
    with pytest.raises(pse_file.UnknownEncoding):
        _ = pse_file.read(pses.plain_file(odd)).owner_path


def test_an_owner_that_a_strict_reader_refuses_hides_nothing_else() -> None:
    odd = pses.stored_object("Cert", bytes.fromhex("06052b24020103"), ODD_ONES["an extension twice"][0])
    file = pse_file.read(with_list(tbs(authorities(1)[0]), rest=(odd,)))
    assert file.owner is None
    assert file.owner_der == ODD_ONES["an extension twice"][0]
    assert len(file.trusted) == 1


def _other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - quick, and never used


def _issued() -> Certificate:
    root = root_authority("root", START, 10)
    return Certificate.of(root.issue(name.parse("CN=x"), START, 5, [], key=pses.owner_key()).certificate)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (lambda: {"owner": pses.owner(), "key": None}, "or neither"),
        (lambda: {"owner": None, "key": pses.owner_key()}, "both an owner's certificate and its key"),
        (lambda: {"owner": pses.owner(), "key": _other_key()}, "not that of the owner"),
        (lambda: {"owner": pses.owner(), "key": ec.generate_private_key(ec.SECP256R1())}, "EC keys is not known"),
        (lambda: {"owner": pses.owner(), "key": ed25519.Ed25519PrivateKey.generate()}, "other keys than RSA and DSA"),
        (lambda: {"owner": _issued(), "key": pses.owner_key()}, "do not lead"),
        (lambda: {"owner": _issued(), "key": pses.owner_key(), "path": authorities(1)}, "do not lead from the owner"),
        (lambda: {"owner": pses.owner(), "key": pses.owner_key(), "path": [_issued()]}, "certificate to a root"),
        (lambda: {"owner": None, "key": None, "version": 3}, "version 3"),
    ],
)
def test_what_is_not_known_to_be_right_is_not_written(arguments: Callable[[], dict[str, object]], why: str) -> None:
    with pytest.raises(pse_file.Unwritable, match=why):
        pse_file.new(**{"time": START, "salt": SALT, **arguments()})  # type: ignore[arg-type]


def test_another_exponent_has_no_place_in_the_file() -> None:
    key = rsa.generate_private_key(3, 1024)  # noqa: S505 - quick, and never used
    owner = pse_file.self_signed_owner(name.parse("CN=x"), key, start=START, end=LATER, serial_number=1)
    with pytest.raises(pse_file.Unwritable, match="65537"):
        pse_file.new(owner, key, time=START, salt=SALT)


def test_a_key_larger_than_is_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pse_preflight.pse.owner._MOST_KEY_BITS", 1023)
    with pytest.raises(pse_file.Unwritable, match="1024 bits is larger"):
        made()


def test_a_dsa_key_is_written_as_it_is_read() -> None:
    key = dsa.generate_private_key(1024)  # noqa: S505 - what old PSEs hold
    builder = x509.CertificateBuilder(name.parse("CN=x"), name.parse("CN=x"), key.public_key(), 1, START, LATER)
    owner = Certificate.of(builder.sign(key, hashes.SHA256()))
    file = pse_file.read(pse_file.new(owner, key, time=START, salt=SALT).encode())
    found = file.private_key()
    assert isinstance(found, dsa.DSAPrivateKey)
    assert found.private_numbers() == key.private_numbers()
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    parameters = tlv(0x30, integer(group.p), integer(group.q), integer(group.g))
    algorithm = tlv(0x30, bytes.fromhex("06072a8648ce380401"), parameters)
    expected = tlv(0x30, algorithm, tlv(3, b"\0", integer(numbers.x)))
    assert second.dissect(file.encode()).of("SKnew").value == expected


def test_a_root_that_is_no_certificate_is_not_taken_apart() -> None:
    with pytest.raises(pse_file.UnknownEncoding, match="no certificate"):
        write_root(b"\x30\x00")


def test_a_salt_has_8_bytes() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        pse_file.new(None, None, time=START, salt=bytes(7))


# --- private keys ----------------------------------------------------------------------------------------------------

RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")


def stored_key(algorithm: bytes, key: bytes) -> bytes:
    return pses.stored_object("SKnew", pses.KEY_OID, tlv(0x30, algorithm, tlv(3, b"\0", key)))


def test_a_dsa_key_is_read() -> None:
    key = dsa.generate_private_key(1024)  # noqa: S505 - what old PSEs hold
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    algorithm = tlv(
        0x30, bytes.fromhex("06072a8648ce380401"), tlv(0x30, integer(group.p), integer(group.q), integer(group.g))
    )
    found = pse_file.read(pses.plain_file(stored_key(algorithm, integer(numbers.x)))).private_key()
    assert isinstance(found, dsa.DSAPrivateKey)
    assert found.private_numbers() == numbers


def test_an_rsa_key_without_certificate_is_read_with_the_usual_exponent() -> None:
    numbers = pses.owner_key().private_numbers()
    primes = tlv(0x30, integer(numbers.q), integer(numbers.p))
    found = pse_file.read(pses.plain_file(stored_key(RSA_ALGORITHM, primes))).private_key()
    assert found is not None
    assert found.public_key() == pses.owner_key().public_key()


def test_an_rsa_key_takes_the_exponent_of_its_certificate() -> None:
    key = rsa.generate_private_key(3, 1024)  # noqa: S505 - quick, and never used
    owner = pse_file.self_signed_owner(name.parse("CN=x"), key, start=START, end=LATER, serial_number=1)
    numbers = key.private_numbers()
    cert = pses.stored_object("Cert", bytes.fromhex("06052b24020103"), owner.der)
    primes = tlv(0x30, integer(numbers.p), integer(numbers.q))
    found = pse_file.read(pses.plain_file(cert, stored_key(RSA_ALGORITHM, primes))).private_key()
    assert found is not None
    assert found.public_key() == key.public_key()


EC_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
SMALL_DSA = bytes.fromhex("301406072a8648ce3804013009020103020103020103")
OTHER_DSA = bytes.fromhex("301406072a8648ce3804093009020103020103020103")


@pytest.mark.parametrize(
    ("algorithm", "key", "error", "why"),
    [
        (EC_ALGORITHM, integer(5), pse_file.UnknownEncoding, "neither an RSA key nor a DSA key"),
        (OTHER_DSA, integer(5), pse_file.UnknownEncoding, "1.2.840.10040.4.9"),
        (SMALL_DSA, integer(5), pse_file.DamagedPse, "do not make a key"),
        (SMALL_DSA, tlv(2, b"\x7f" * 5000), pse_file.DamagedPse, "do not make a key"),
        (RSA_ALGORITHM, integer(5), pse_file.DamagedPse, "structure"),
        (RSA_ALGORITHM, tlv(0x30, integer(1), integer(5)), pse_file.DamagedPse, "do not make a key"),
        (RSA_ALGORITHM, tlv(0x30, tlv(2, b"\x7f" * 5000), integer(5)), pse_file.DamagedPse, "do not make a key"),
        (RSA_ALGORITHM, tlv(0x30, integer(15), integer(21)), pse_file.DamagedPse, "do not make a key"),
    ],
)
def test_a_key_that_cannot_be_read(algorithm: bytes, key: bytes, error: type[Exception], why: str) -> None:
    file = pse_file.read(pses.plain_file(stored_key(algorithm, key)))
    with pytest.raises(error, match=why):
        file.private_key()


@pytest.mark.parametrize("kind", ["RSA", "DSA"])
def test_a_key_of_another_certificate_is_not_handed_out(kind: str) -> None:
    if kind == "RSA":
        numbers = _other_key().private_numbers()
        stored = stored_key(RSA_ALGORITHM, tlv(0x30, integer(numbers.p), integer(numbers.q)))
    else:
        secret = dsa.generate_private_key(1024).private_numbers()  # noqa: S505 - what old PSEs hold
        group = secret.public_numbers.parameter_numbers
        parameters = tlv(0x30, integer(group.p), integer(group.q), integer(group.g))
        stored = stored_key(tlv(0x30, bytes.fromhex("06072a8648ce380401"), parameters), integer(secret.x))
    cert = pses.stored_object("Cert", bytes.fromhex("06052b24020103"), pses.owner().der)
    with pytest.raises(pse_file.DamagedPse):
        pse_file.read(pses.plain_file(cert, stored)).private_key()


# --- other kinds of files --------------------------------------------------------------------------------------------


def test_a_machine_bound_file_is_named() -> None:
    data = pses.closed_files()["machine-bound"].file
    assert pse_file.inspect(data) == pse_file.PseHead(256, has_pin=None, machine_bound=True)
    with pytest.raises(pse_file.MachineBoundPse):
        pse_file.read(data, PIN)


def test_a_legacy_file_is_named() -> None:
    data = pses.closed_files()["legacy"].file
    assert pse_file.inspect(data) == pse_file.PseHead(2, has_pin=True, legacy=True)
    with pytest.raises(pse_file.LegacyPse):
        pse_file.read(data, PIN)


def test_a_plain_file_of_secude_is_read() -> None:
    file = pse_file.read(pses.variants()["SECUDE's, plain"].file)
    assert file.created == datetime(2005, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert names(file) == ["CertList", "Cert", "PKRoot", "SKnew"]


def test_an_unknown_version_of_a_known_form_is_read_and_kept() -> None:
    data = tlv(0x30, b"\x02\x01\x07", pses.content(made(1)))
    file = pse_file.read(data)
    assert (file.version, len(file.trusted), file.encode()) == (7, 1, data)
    assert pse_file.inspect(data).version == 7


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (tlv(0xA4, b"\x05\x00"), "version 5 with content of the unknown tag a4"),
        (tlv(0xA3, b"\x02\x01\x02", QUICK_ALGORITHM, tlv(4, b"x"), tlv(4, bytes(20))), "unknown mode 02$"),
        (
            tlv(0xA3, tlv(2, bytes(range(1, 13))), QUICK_ALGORITHM, tlv(4, b"x"), tlv(4, bytes(20))),
            "unknown mode 0102030405060708$",
        ),
    ],
)
def test_an_unknown_form_is_named(body: bytes, why: str) -> None:
    data = tlv(0x30, b"\x02\x01\x05", body)
    for look in (pse_file.inspect, pse_file.read):
        with pytest.raises(pse_file.UnknownEncoding, match=why):
            look(data)


def test_unknown_objects_are_kept_and_told_by_their_oid() -> None:
    file = pse_file.read(pses.variants()["unknown object"].file)
    assert ("Odd_one", "1.2.3.4", None) in [(each.name, each.oid, each.time) for each in file.objects]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "an empty file"),
        (b"-----BEGIN CERTIFICATE-----\n", "PEM"),
        (b"\n-----BEGIN PRIVATE KEY-----\n", "PEM"),
        (bytes.fromhex("308209c10201033082098706092a864886f70d010701a0"), "PKCS#12"),
        (bytes.fromhex("308201963082013ca003020102"), "a certificate"),
        (bytes.fromhex("feedfeed0000000200000001"), "Java"),
        (bytes.fromhex("308204bd020100300d06092a864886f70d0101010500"), "begins otherwise"),
        (bytes.fromhex("308204a30201000282010100"), "begins otherwise"),
        (bytes.fromhex("3077020101042000"), "begins otherwise"),
        (b"MZ\x90\x00", "begins otherwise"),
        (b"0123456789", "begins otherwise"),
        (b"\x30", "begins otherwise"),
        (b"\0" * (pse_file.LARGEST_FILE + 1), "16 MiB"),
    ],
)
def test_what_is_no_pse(data: bytes, why: str) -> None:
    for look in (pse_file.inspect, pse_file.read):
        with pytest.raises(pse_file.NotAPse, match=why):
            look(data)


@pytest.mark.parametrize("kind", ["version 2", "version 2 with PIN", "version 4", "version 4 with PIN"])
def test_a_file_that_breaks_off_anywhere_is_no_pse_or_damaged(kind: str) -> None:
    data = pses.variants()[kind].file
    for length in range(len(data)):
        with pytest.raises((pse_file.NotAPse, pse_file.DamagedPse)):
            pse_file.read(data[:length], PIN)
        with pytest.raises((pse_file.NotAPse, pse_file.DamagedPse)):
            pse_file.inspect(data[:length])


@pytest.mark.parametrize("kind", ["version 2", "version 2 with PIN", "version 4", "version 4 with PIN"])
def test_bytes_after_the_end_are_told(kind: str) -> None:
    data = pses.variants()[kind].file
    with pytest.raises(pse_file.DamagedPse, match=f"offset {len(data)}: 2 bytes too many") as damage:
        pse_file.read(data + b"\r\n", PIN)
    assert damage.value.offset == len(data)


@pytest.mark.parametrize(
    ("objects", "what"),
    [
        (tlv(SET, tlv(0x30, b"\x05\x00", pses.UNKNOWN_OID, b"\x05\x00")), "name is no text"),
        (tlv(SET, b"\x05\x00"), "an object has another structure"),
        (tlv(0x30), "no SET"),
        (tlv(SET, b"\x30\x80\x00\x00"), "a length that DER does not know"),
        (tlv(SET, b"\x30\x81\x01\x00"), "shortest way"),
        (tlv(SET, b"\x3f\x01\x00"), "a tag of several bytes"),
        (tlv(SET, b"\x05\x00" * 1001), "more than 1000 values"),
    ],
)
def test_damage_inside_is_told_with_its_place(objects: bytes, what: str) -> None:
    content = tlv(0x30, QUICK_ALGORITHM, tlv(0x18, b"20260102030405Z"), b"\x02\x01\x01", objects)
    plain = tlv(0x30, b"\x02\x01\x02", content)
    sealed = tlv(
        0x30,
        b"\x02\x01\x04",
        tlv(0xA3, b"\x02\x01\x00", QUICK_ALGORITHM, tlv(4, content), tlv(4, protection.digest(content))),
    )
    for data in (plain, sealed):
        with pytest.raises(pse_file.DamagedPse, match=what) as damage:
            pse_file.read(data)
        inside = asn1.content(objects)[:2]
        assert data[damage.value.offset :].startswith((objects, inside) if inside else objects)


def test_an_object_that_is_in_no_file_yet_begins_at_nought() -> None:
    for each in made().objects:
        assert each.rewritten(START, b"\x05\x00").begin == 0
    assert PseObject.make("PKList", START, b"\x05\x00").begin == 0


def test_a_second_key_object_is_damage() -> None:
    key = made().objects[0].der
    file = pse_file.read(pses.plain_file(key, key))
    with pytest.raises(pse_file.DamagedPse, match="a second SKnew"):
        file.private_key()


def test_files_are_values() -> None:
    data = made(2).encode()
    assert pse_file.read(data) == pse_file.read(data)
    assert pse_file.read(data) != replace(pse_file.read(data), version=3)
    assert isinstance(pse_file.read(data).trusted[0], TrustedCertificate)


@pytest.mark.parametrize("fraction", [0, 1, 999_999])
def test_moment_of_making_has_no_fraction_before_it_is_written_either(fraction: int) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, fraction, tzinfo=UTC)
    made_now = pse_file.new(None, None, (), time=moment, salt=bytes(8))
    assert made_now.created == moment.replace(microsecond=0)
    assert pse_file.read(made_now.encode(None)).created == made_now.created
