"""Certificates that the library reads with a warning: names longer than X.520 allows, the serial number zero."""

import warnings
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import Identity
from pse_preflight.pse import asn1

LONG_NAME = "Example Corporate Root Certification Authority of the Whole Group and All of It"
PRIVATE_LINK = f"{'0' * 8}-0000-0000-0000-{'0' * 12}.{'a' * 56}.p6.pls.sap.internal"
"""A common name of 113 characters, as a private link to SAP's cloud has it."""


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """Return the key of all of them."""
    return ec.generate_private_key(ec.SECP256R1())


def long_name(text: str = LONG_NAME, country: str = "") -> x509.Name:
    """Make a name of any length; a country may have any, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False)]
        if country:
            parts.append(x509.NameAttribute(NameOID.COUNTRY_NAME, country, _validate=False))
        return x509.Name(parts)


def odd_root(
    name: x509.Name,
    start: datetime,
    *,
    serial: int = 1,
    extensions: Iterable[x509.ExtensionType] = (),
) -> Certificate:
    """Make a root of this name; the serial number zero is written where the library would not."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key().public_key())
        .serial_number(serial or 1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key().public_key()), critical=False)
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = builder.sign(key(), hashes.SHA256())
        return Certificate.read(made.public_bytes(Encoding.DER) if serial else _with_serial_zero(made))


def odd_server(common_name: str, address: str, start: datetime, days: int = 300) -> Identity:
    """Make a server certificate that its own key signed, under a name of any length."""
    name, own = long_name(common_name), key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(77)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = builder.sign(own, hashes.SHA256())
        _ = made.subject  # the library keeps what it has read once, and warns no more
        return Identity(made, own)


def _with_serial_zero(made: x509.Certificate) -> bytes:
    one, zero = bytes.fromhex("a003020102020101"), bytes.fromhex("a003020102020100")
    tbs = made.tbs_certificate_bytes.replace(one, zero, 1)
    signature = key().sign(tbs, ec.ECDSA(hashes.SHA256()))
    _, algorithm, _ = asn1.parts(made.public_bytes(Encoding.DER), 3)
    return asn1.tagged(asn1.SEQUENCE, tbs, algorithm, asn1.tagged(asn1.BIT_STRING, b"\0", signature))
