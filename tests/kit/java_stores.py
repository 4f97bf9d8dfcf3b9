"""Java's key stores, written without Java: by the format's own description, not by the code under test."""

import hashlib
import struct
from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12

from pse_preflight.certificate import Certificate

JKS, JCEKS = 0xFEEDFEED, 0xCECECECE
PASSWORD = "changeit"


def text(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def certificate(der: bytes, version: int = 2, kind: str = "X.509") -> bytes:
    return (text(kind) if version > 1 else b"") + struct.pack(">I", len(der)) + der


def trusted(name: str, der: bytes, version: int = 2) -> bytes:
    return struct.pack(">I", 2) + text(name) + bytes(8) + certificate(der, version)


def private_key(name: str, chain: Sequence[Certificate], key: bytes = b"closed") -> bytes:
    head = struct.pack(">I", 1) + text(name) + bytes(8) + struct.pack(">I", len(key)) + key
    return head + struct.pack(">I", len(chain)) + b"".join(certificate(each.der) for each in chain)


def jks(
    *entries: bytes, magic: int = JKS, version: int = 2, count: int | None = None, password: str = PASSWORD
) -> bytes:
    content = struct.pack(">III", magic, version, len(entries) if count is None else count) + b"".join(entries)
    secret = password.encode("utf-16-be") + b"Mighty Aphrodite"
    return content + hashlib.sha1(secret + content).digest()  # noqa: S324 - the format's


def java_pkcs12(certificates: Sequence[tuple[str, Certificate]], password: str = PASSWORD) -> bytes:
    """Write a trust store as Java does, each certificate with Java's mark."""
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    marked = [pkcs12.PKCS12Certificate(each.parsed, name.encode()) for name, each in certificates]
    return pkcs12.serialize_java_truststore(marked, protection)


def plain_pkcs12(certificates: Sequence[Certificate], password: str = PASSWORD) -> bytes:
    """Write certificates as OpenSSL does: nobody but people can tell that they are meant to be trusted."""
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(None, None, None, [each.parsed for each in certificates], protection)
