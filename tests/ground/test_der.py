"""The DER of certificates taken apart and put together again."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.der import element, elements, fields_of, identifier, with_extensions
from tests.kit.systems import server


def _der() -> bytes:
    return server().certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 70_000])
def test_element_is_read_as_it_was_written(size: int) -> None:
    (read,) = elements(element(0x04, bytes(size)))
    assert (read.tag, read.content) == (0x04, bytes(size))
    assert read.whole == element(0x04, bytes(size))


@pytest.mark.parametrize("cut", [b"\x04\x02\x00", b"\x04\x82\x01\x00", b"\x04\x85\x00\x00\x00\x00"])
def test_element_that_is_cut_off_is_told(cut: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(elements(cut))


def test_elements_follow_each_other() -> None:
    content = element(0x02, b"\x01") + element(0x05, b"") + element(0x04, b"ab")
    assert [(each.tag, each.content) for each in elements(content)] == [(2, b"\x01"), (5, b""), (4, b"ab")]
    assert list(elements(b"")) == []


def test_fields_are_the_librarys() -> None:
    parsed, fields = server().certificate, fields_of(_der())
    assert fields.issuer == parsed.issuer.public_bytes()
    assert fields.subject == parsed.subject.public_bytes()
    assert fields.algorithm == fields.signed_with
    assert len(fields.extensions) == len(parsed.extensions)
    assert fields.public_key in parsed.tbs_certificate_bytes


def test_extensions_can_be_taken_out_one_by_one() -> None:
    fields = fields_of(_der())
    assert with_extensions(fields, fields.extensions) == _der()
    for each in fields.extensions:
        (left,) = x509.load_der_x509_certificate(with_extensions(fields, (each,))).extensions
        assert left in list(server().certificate.extensions)


@pytest.mark.parametrize("dotted", ["2.5.29.19", "1.3.6.1.4.1.99999.1", "0.9.2342.19200300.100.1.25", "2.999.1"])
def test_object_identifier_is_read(dotted: str) -> None:
    purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier(dotted)]).public_bytes()
    (sequence,) = elements(purposes)
    (inner,) = elements(sequence.content)
    assert identifier(inner.content) == dotted
