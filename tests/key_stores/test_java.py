"""Java's own key stores: what is in them is read without their password, and nothing in them goes unbounded."""

import struct

import pytest

from pse_preflight.errors import PreflightError
from pse_preflight.key_stores import java
from pse_preflight.key_stores.java import read_java_key_store
from pse_preflight.key_stores.model import KeyStoreUnreadable, PasswordNeeded
from tests.kit import java_stores as stores
from tests.kit.pse_mutations import authorities

FIRST, SECOND = authorities(2)


@pytest.mark.parametrize(("magic", "form"), [(stores.JKS, "JKS"), (stores.JCEKS, "JCEKS")])
@pytest.mark.parametrize("version", [1, 2])
def test_trusted_certificates_are_read_with_their_names(magic: int, form: str, version: int) -> None:
    entries = [stores.trusted(name, each.der, version) for name, each in (("größe", FIRST), ("b", SECOND))]
    found = read_java_key_store(stores.jks(*entries, magic=magic, version=version))
    assert (found.form, [each.name for each in found.entries]) == (form, ["größe", "b"])
    assert found.trusted == (FIRST, SECOND)
    assert not found.is_proven


def test_a_password_proves_that_nobody_has_changed_it() -> None:
    data = stores.jks(stores.trusted("a", FIRST.der), password="Größe 1")
    assert read_java_key_store(data, "Größe 1").is_proven
    with pytest.raises(PasswordNeeded, match="another one, or somebody has changed"):
        read_java_key_store(data, "changeit")
    with pytest.raises(PasswordNeeded):
        read_java_key_store(data[:-1] + bytes([data[-1] ^ 1]), "Größe 1")


def test_the_path_of_a_private_key_is_not_trusted() -> None:
    found = read_java_key_store(stores.jks(stores.private_key("own", [FIRST]), stores.trusted("ca", SECOND.der)))
    assert [each.has_key for each in found.entries] == [True, False]
    assert found.trusted == (SECOND,)


def test_a_damaged_certificate_is_named_and_spoils_no_other() -> None:
    odd = struct.pack(">I", 2) + stores.text("odd") + bytes(8) + stores.certificate(b"x", kind="PGP")
    found = read_java_key_store(
        stores.jks(stores.trusted("bad", FIRST.der[:-9]), odd, stores.trusted("good", SECOND.der))
    )
    assert found.trusted == (SECOND,)
    assert ['"bad" is damaged' in found.damaged[0], "unknown kind 'PGP'" in found.damaged[1]] == [True, True]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no Java key store"),
        (b"\xfe\xed\xfe\xed", "breaks off"),
        (stores.jks(version=3), "unknown version 3"),
        (stores.jks(count=1), "breaks off"),
        (stores.jks(count=0xFFFFFFFF), "more than 5000"),
        (stores.jks(stores.trusted("a", FIRST.der), count=0), "behind its last entry"),
        (stores.jks(struct.pack(">I", 3) + stores.text("s") + bytes(8)), 'a secret key ("s")'),
        (stores.jks(struct.pack(">I", 9) + stores.text("s") + bytes(8)), "unknown kind 9"),
    ],
)
def test_what_is_none_or_broken_is_told(data: bytes, says: str) -> None:
    with pytest.raises(KeyStoreUnreadable) as told:
        read_java_key_store(data)
    assert says in str(told.value)


def test_the_certificates_of_one_key_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "MOST_CERTIFICATES", 3)
    with pytest.raises(KeyStoreUnreadable, match="more than 3 certificates"):
        read_java_key_store(stores.jks(stores.private_key("own", [FIRST] * 4)))


def test_no_cut_and_no_flipped_byte_ends_in_a_foreign_error() -> None:
    data = stores.jks(stores.private_key("own", [FIRST]), stores.trusted("ca", SECOND.der))
    for at in range(0, len(data), 7):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            with pytest.raises(PreflightError):
                read_java_key_store(broken, stores.PASSWORD)
