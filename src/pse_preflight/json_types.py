"""Values that JSON has no form for, each with the one form in which a recording writes it."""

import base64
import binascii
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from pse_preflight.certificate import Certificate, CertificateUnreadable

Moment = AwareDatetime
"""A moment with its time zone; one without is refused when it is read."""


def _from_base64(text: object) -> object:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else text
    except binascii.Error:
        raise ValueError("is no base64") from None


def _base64(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


_BASE64_SCHEMA = WithJsonSchema({"type": "string", "contentEncoding": "base64"})

Der = Annotated[bytes, BeforeValidator(_from_base64), PlainSerializer(_base64, when_used="json"), _BASE64_SCHEMA]
"""An ASN.1 value in DER, in JSON as base64."""


def _certificate(value: object) -> Certificate:
    if isinstance(value, Certificate):
        return value
    der = _from_base64(value)
    try:
        return Certificate.read(der if isinstance(der, bytes) else b"")
    except CertificateUnreadable as error:
        raise ValueError(f"is no certificate: {error}") from None


WholeCertificate = Annotated[
    Certificate,
    PlainValidator(_certificate),
    PlainSerializer(lambda certificate: _base64(certificate.der), when_used="json"),
    _BASE64_SCHEMA,
]
"""A certificate, in JSON as its DER in base64."""


def _from_octal(text: object) -> object:
    if not isinstance(text, str):
        return text
    if len(text) not in {3, 4} or not set(text) <= set("01234567"):
        raise ValueError("is no access rights in octal digits")
    return int(text, 8)


Mode = Annotated[
    int,
    BeforeValidator(_from_octal),
    PlainSerializer(lambda mode: f"{mode:04o}", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[0-7]{3,4}$"}),
]
"""Access rights of POSIX, in JSON as octal digits."""
