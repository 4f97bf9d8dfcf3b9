"""Certificates taken apart without judging them, as PKList and PKRoot hold them (RFC 5280, 4.1)."""

import re
from dataclasses import dataclass

from pse_preflight.pse import asn1
from pse_preflight.pse.errors import DamagedPse, UnknownEncoding

_MOST_FIELDS = 10
_MOST_SERIAL_BYTES = 64
_SEQUENCE = bytes((asn1.SEQUENCE,))
_CERTIFICATE = bytes((asn1.SEQUENCE, asn1.SEQUENCE, asn1.BIT_STRING))
_TO_BE_SIGNED = re.compile(rb"(\xa0?)\x02\x30{5}[\x81\xa1]?[\x82\xa2]?(\xa3?)")
"""The tags of version, serial, algorithm, issuer, validity, subject, key, two identifiers, extensions."""


@dataclass(frozen=True, slots=True)
class ToBeSigned:
    """The fields of a TBSCertificate, each as it stands there with its header; empty where it is absent."""

    version: bytes
    serial: bytes
    algorithm: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    key: bytes
    extensions: bytes

    @classmethod
    def split(cls, tbs: bytes) -> "ToBeSigned":
        """Split a TBSCertificate.

        Raises:
            UnknownEncoding: where the value has another structure.
        """
        fields = _parts(tbs, _MOST_FIELDS)
        shape = _TO_BE_SIGNED.fullmatch(bytes(each[0] for each in fields))
        if shape is None:
            raise UnknownEncoding(f"{tbs[:8].hex()}… is not the signed part of a certificate")
        version = fields.pop(0) if shape[1] else b""
        extensions = fields.pop() if shape[2] else b""
        serial, algorithm, issuer, validity, subject, key = fields[:6]
        return cls(version, serial, algorithm, issuer, validity, subject, key, extensions)

    @property
    def serial_number(self) -> int:
        """Return the serial number, cut where it is absurdly long."""
        return int.from_bytes(asn1.content(self.serial)[:_MOST_SERIAL_BYTES], signed=True)


def three_parts(certificate: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return signed part, algorithm and signature of a certificate, or nothing where the value is none."""
    parts = _parts(certificate, len(_CERTIFICATE))
    if bytes(each[0] for each in parts) != _CERTIFICATE:
        return None
    tbs, algorithm, signature = parts
    return tbs, algorithm, signature


def _parts(value: bytes, most: int) -> list[bytes]:
    """Split a SEQUENCE, or return nothing where the value is none."""
    try:
        return asn1.parts(value, most) if value[:1] == _SEQUENCE else []
    except DamagedPse:
        return []
