"""Certificates and fingerprints, read whatever the library warns of and however people write them."""

import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate, fingerprint, load
from tests.kit.odd_certificates import LONG_NAME, PRIVATE_LINK, long_name, odd_root

START = datetime(2026, 1, 1, tzinfo=UTC)
HEX = "0a" * 16 + "BC" * 16
DIGITS = HEX.lower()
COLONS = ":".join(HEX[at : at + 2] for at in range(0, 64, 2))
BLANKS = COLONS.replace(":", " ")
SHA1 = "a1" * 20

ODD: dict[str, Callable[[], Certificate]] = {
    "long name": lambda: odd_root(long_name(), START),
    "long name of a private link": lambda: odd_root(long_name(PRIVATE_LINK), START),
    "empty common name": lambda: odd_root(long_name(""), START),
    "three letters for a country": lambda: odd_root(long_name("Root", "DEU"), START),
    "serial number zero": lambda: odd_root(long_name("Root"), START, serial=0),
    "long name of the issuer in the key identifier": lambda: odd_root(
        long_name("Root"),
        START,
        extensions=[x509.AuthorityKeyIdentifier(b"k" * 20, [x509.DirectoryName(long_name())], 1)],
    ),
}


@pytest.fixture
def strict() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_the_library_warns_of_is_read_all_the_same(make: Callable[[], Certificate]) -> None:
    der = make().der
    with pytest.raises(Warning):
        _ = _touched(x509.load_der_x509_certificate(der))
    read = Certificate.read(der)
    assert read.subject == read.issuer
    assert _touched(read.parsed)
    assert load(der).subject == read.parsed.subject


def _touched(parsed: x509.Certificate) -> object:
    """Touch what later steps touch, as they do, with the filters in force."""
    return (parsed.subject, parsed.issuer, parsed.extensions, parsed.signature_hash_algorithm)


def test_filters_that_change_all_the_time_do_not_matter() -> None:
    """Test runners set filters for each test and back, while other threads read certificates."""
    odd = [make().der for make in ODD.values()]
    before = list(warnings.filters)
    problems: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            for der in odd:
                try:
                    Certificate.read(der)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is the failure that is looked for
                    problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for each in threads:
        each.start()
    for _ in range(300):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Certificate.read(odd[0])
    stop.set()
    for each in threads:
        each.join()
    assert not problems
    assert list(warnings.filters) == before


def test_reading_says_nothing_either() -> None:
    der = odd_root(long_name(), START, serial=0).der
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert Certificate.read(der).name == LONG_NAME
    assert not said


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        f"sha256:{HEX}",
        f"SHA256:{COLONS}",
        COLONS,
        BLANKS,
        COLONS.replace(":", "-"),
        f"sha256 Fingerprint={COLONS}",
        f"SHA256 Fingerprint={COLONS}\n",
        f"SHA-256: {COLONS}",
        f"SHA-256 Fingerprint: {COLONS.lower()}",
        f"\u200e{BLANKS}",
        f"\u200e SHA-256: \u202a{COLONS}\u202c",
        f"SHA-256-Fingerabdruck: {COLONS}",
        f"SHA2-256(root.der)= {HEX}",
        f"{COLONS[:48]}\n  {COLONS[48:]}",
        f"\ufeff{HEX}\u00a0",
    ],
)
def test_fingerprints_are_taken_as_people_have_them(text: str) -> None:
    assert fingerprint(text) == DIGITS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SHA1, "is a SHA-1 fingerprint"),
        (f"sha1 Fingerprint={':'.join([SHA1[:2]] * 20)}", "is a SHA-1 fingerprint"),
        (f"\u200e{' '.join([SHA1[:2]] * 20)}", "is a SHA-1 fingerprint"),
        (f"Thumbprint: {SHA1.upper()}", "is a SHA-1 fingerprint"),
        ("md5:" + "AB" * 16, "is an MD5 fingerprint"),
        ("AB" * 64, "is a SHA-512 fingerprint"),
        (f"sha1:{HEX}", "called SHA1"),
        (f"SHA3-256 Fingerprint={COLONS}", "called SHA3"),
        ("ab" * 31, "of 62 hexadecimal digits"),
        (f"{HEX} {SHA1}", "of 104 hexadecimal digits"),
        (f"{HEX}, {HEX}", "(sha256: and 64 hexadecimal digits)"),
        ("sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "(sha256: and 64 hexadecimal digits)"),
        ("sha256:…", "(sha256: and 64 hexadecimal digits)"),
        ("", "(sha256: and 64 hexadecimal digits)"),
    ],
)
def test_others_are_named_for_what_they_are(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256 fingerprint") as caught:
        fingerprint(text)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()
