"""PKCS#12: which certificates a Java client trusts by it, and which it passes over."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, pkcs12

from pse_preflight.errors import PreflightError
from pse_preflight.key_stores.java import read_java_key_store
from pse_preflight.key_stores.model import KeyStoreUnreadable, PasswordNeeded
from pse_preflight.key_stores.pkcs12 import read_pkcs12_store
from tests.kit import java_stores as stores
from tests.kit.pse_mutations import authorities, owner, owner_key

FIRST, SECOND = authorities(2)
USUAL = ("", "changeit")


@pytest.mark.parametrize("password", ["changeit", ""])
def test_javas_trust_store_is_trusted(password: str) -> None:
    found = read_pkcs12_store(stores.java_pkcs12([("größe", FIRST), ("b", SECOND)], password), USUAL)
    assert [(each.name, each.is_trusted) for each in found.entries] == [("größe", True), ("b", True)]
    assert found.trusted == (FIRST, SECOND)


@pytest.mark.parametrize("password", ["changeit", ""])
def test_what_openssl_writes_is_passed_over_by_java(password: str) -> None:
    found = read_pkcs12_store(stores.plain_pkcs12([FIRST], password), USUAL)
    assert [each.is_trusted for each in found.entries] == [False]
    assert found.trusted == ()


@pytest.mark.parametrize(
    "algorithm",
    [
        pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC,
        pkcs12.PBES.PBESv2SHA256AndAES256CBC,
    ],
)
def test_the_mark_is_seen_whatever_the_encryption(algorithm: pkcs12.PBES) -> None:
    protection = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(algorithm)
        .hmac_hash(hashes.SHA256())
        .build(b"changeit")
    )
    marked = [pkcs12.PKCS12Certificate(FIRST.parsed, b"a")]
    data = pkcs12.serialize_java_truststore(marked, protection)
    assert read_pkcs12_store(data, USUAL).trusted == (FIRST,)
    unmarked = pkcs12.serialize_key_and_certificates(None, None, None, [FIRST.parsed], protection)
    assert [each.is_trusted for each in read_pkcs12_store(unmarked, USUAL).entries] == [False]


def test_the_path_of_a_key_is_not_trusted() -> None:
    data = pkcs12.serialize_key_and_certificates(b"own", owner_key(), owner().parsed, [FIRST.parsed], NoEncryption())
    found = read_pkcs12_store(data, USUAL)
    assert [(each.name, each.has_key) for each in found.entries] == [("own", True), ("", False)]
    assert found.trusted == ()


def test_another_password_is_told_and_nothing_of_it_is_shown() -> None:
    data = stores.java_pkcs12([("a", FIRST)], "Gehe1m!")
    with pytest.raises(PasswordNeeded) as told:
        read_pkcs12_store(data, (*USUAL, "Gehe1m?"))
    assert "Gehe1m" not in str(told.value)
    assert read_pkcs12_store(data, (*USUAL, "Gehe1m!")).trusted == (FIRST,)


def test_what_old_programs_write_without_a_length_is_read_without_a_warning() -> None:
    sound = stores.java_pkcs12([("a", FIRST)], "")
    header = 2 + (sound[1] & 0x7F)
    found = read_pkcs12_store(b"\x30\x80" + sound[header:] + b"\0\0", USUAL)
    assert [(each.certificates, each.is_trusted) for each in found.entries] == [((FIRST,), None)]


def test_what_is_none_is_told() -> None:
    with pytest.raises(KeyStoreUnreadable, match="no PKCS#12"):
        read_pkcs12_store(FIRST.der, USUAL)


def test_no_cut_and_no_flipped_byte_ends_in_a_foreign_error() -> None:
    data = stores.java_pkcs12([("a", FIRST)], "")
    sound = read_pkcs12_store(data, [""])
    for at in range(0, len(data), 11):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            try:
                found = read_pkcs12_store(broken, [""])
            except PreflightError:
                continue
            assert broken != data
            assert found.form == sound.form


@pytest.mark.long
def test_keytools_own_stores_are_read(tmp_path: Path) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("no keytool on this machine")
    (tmp_path / "ca.pem").write_text(FIRST.pem)
    for kind, more in (("JKS", ()), ("PKCS12", ()), ("PKCS12", ("-J-Dkeystore.pkcs12.legacy",)), ("JCEKS", ())):
        store = tmp_path / f"{kind}{len(more)}"
        command = [keytool, "-importcert", "-noprompt", "-alias", "ca", "-file", str(tmp_path / "ca.pem"), *more]
        command += ["-keystore", str(store), "-storetype", kind, "-storepass", "changeit"]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        data = store.read_bytes()
        found = read_pkcs12_store(data, USUAL) if kind == "PKCS12" else read_java_key_store(data, "changeit")
        assert found.trusted == (FIRST,)
        assert [each.is_trusted for each in found.entries] == [None if more else True]
