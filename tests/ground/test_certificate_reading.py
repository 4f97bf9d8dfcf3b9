"""A certificate is read with what is readable: what the library does not take is kept apart and named."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate, CertificateUnreadable
from tests.kit.drafts import Draft, Press, key, oid, server
from tests.kit.faulty_chains import ELSEWHERE, Plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _leaf() -> Draft:
    return Plan(NOW, "p256", 1, ELSEWHERE).leaf


def _read(draft: Draft) -> Certificate:
    return Certificate.read(Press().made(draft))


def _with(number: str, content: str, *, critical: bool = False) -> Certificate:
    leaf = _leaf()
    leaf.extensions[number] = (critical, bytes.fromhex(content))
    return _read(leaf)


def _unread(certificate: Certificate) -> list[tuple[str, bool]]:
    return [(each.oid.dotted_string, each.critical) for each in certificate.unread]


def test_good_certificate_is_read_whole() -> None:
    certificate = _read(_leaf())
    assert certificate.unread == ()
    assert certificate.oddity is None
    assert [each.oid for each in certificate.extensions] == [each.oid for each in certificate.parsed.extensions]
    assert certificate.public_key == certificate.parsed.public_key()


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize(
    ("number", "content"),
    [
        ("1.3.6.1.5.5.7.1.24", "3003020104"),  # a TLS feature that has no name
        ("2.5.29.32", "0500"),  # policies that are none
        ("2.5.29.17", "0500"),  # names that are none
        ("2.5.29.15", "0500"),  # a usage that is none
        ("1.3.6.1.4.1.11129.2.4.2", "0400"),  # an empty list of timestamps
    ],
)
def test_extension_that_the_library_refuses_spoils_no_other(number: str, content: str, *, critical: bool) -> None:
    certificate = _with(number, content, critical=critical)
    assert _unread(certificate) == [(number, critical)]
    assert certificate.oddity == f"its extension {number} cannot be read"
    left = {each.oid.dotted_string for each in certificate.extensions}
    assert left == {"2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17", "2.5.29.14", "2.5.29.35"} - {number}


def test_path_length_of_what_is_no_authority_is_passed_over() -> None:
    certificate = _with("2.5.29.19", "3003020100", critical=True)
    assert certificate.extension(x509.BasicConstraints) == x509.BasicConstraints(ca=False, path_length=None)
    assert _unread(certificate) == [("2.5.29.19", True)]


@pytest.mark.parametrize("content", ["0500", "30060101ff0201ff", "3003010100"])
def test_other_basic_constraints_that_are_none_are_not_made_up(content: str) -> None:
    assert _with("2.5.29.19", content).extension(x509.BasicConstraints) is None


@pytest.mark.parametrize(
    ("content", "held"),
    [
        ("300480026162", b"ab"),
        ("300780026162820101", b"ab"),  # a serial number without an issuer
        ("3003820101", None),
    ],
)
def test_authority_key_is_read_where_only_one_of_issuer_and_serial_number_is_there(
    content: str, held: bytes | None
) -> None:
    read = _with("2.5.29.35", content).extension(x509.AuthorityKeyIdentifier)
    assert read is not None
    assert (read.key_identifier, read.authority_cert_issuer, read.authority_cert_serial_number) == (held, None, None)


def test_key_of_an_unknown_kind_spoils_nothing() -> None:
    leaf = _leaf()
    curve = oid("1.2.840.10045.2.1") + oid("1.3.132.0.16")
    leaf.spki = b"\x30" + bytes([len(curve) + 2 + 5]) + b"\x30" + bytes([len(curve)]) + curve + b"\x03\x03\x00\x04\x00"
    certificate = _read(leaf)
    assert certificate.public_key is None
    assert certificate.oddity == "its public key is of a kind that is not known here"
    assert certificate.extension(x509.SubjectAlternativeName) is not None


def test_damage_is_told_in_plain_words_and_the_readers_own_are_kept_apart() -> None:
    der = Press().made(_leaf())
    for damaged in (b"", b"<html>", der[:-20], der[: len(der) // 2]):
        with pytest.raises(CertificateUnreadable, match=r"^it is damaged, cut off, or no certificate at all$") as told:
            Certificate.read(damaged)
        assert "Error" in told.value.detail


def test_extension_that_stands_in_it_twice_is_told() -> None:
    leaf = _leaf()
    twice = server("x.example.com", leaf, NOW, 1, key("p256"))
    der = Press().made(twice)
    once = bytes.fromhex("0603551d25")  # extended key usage, written over the subject key identifier's number
    assert once in der
    with pytest.raises(CertificateUnreadable, match="stands in it twice"):
        Certificate.read(der.replace(bytes.fromhex("0603551d0e"), once))


def test_odd_certificate_with_very_many_extensions_is_not_read_one_by_one() -> None:
    leaf = _leaf()
    leaf.extensions |= {f"1.3.6.1.4.1.99999.{number}": (False, b"\x05\x00") for number in range(200)}
    assert len(_read(leaf).extensions) == 206
    leaf.extensions["2.5.29.32"] = (False, b"\x05\x00")
    with pytest.raises(CertificateUnreadable):
        _read(leaf)
