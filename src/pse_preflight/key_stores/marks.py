"""The mark by which Java tells a trusted certificate in a PKCS#12 file from any other; it passes over the unmarked.

keytool -importcert sets it (Oracle's trustedKeyUsage), openssl pkcs12 -export does not, and what a trust store holds
without it a Java client does not trust. The library shows no attributes, so the certificates' part is opened here too.
"""

from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from pse_preflight.pse import asn1
from pse_preflight.pse.errors import PseError
from pse_preflight.pse.protection import PinCipher

_MOST_PARTS = 10_000
_JAVAS_MARK = bytes.fromhex("060c6086480186f966adca7b0101")
_ENCRYPTED = bytes.fromhex("06092a864886f70d010706")
_CERTIFICATE_BAG = bytes.fromhex("060b2a864886f70d010c0a0103")
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")


class _NotOpened(Exception):
    """The certificates' part is encrypted in a way that is not opened here."""


_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.113549.2.7": hashes.SHA1(),  # noqa: S303 - the default of the format
    "1.2.840.113549.2.9": hashes.SHA256(),
    "1.2.840.113549.2.10": hashes.SHA384(),
    "1.2.840.113549.2.11": hashes.SHA512(),
}
_KEY_BYTES = {
    "2.16.840.1.101.3.4.1.2": 16,
    "2.16.840.1.101.3.4.1.22": 24,
    "2.16.840.1.101.3.4.1.42": 32,
    "1.2.840.113549.3.7": 24,
}
_TRIPLE_DES = "1.2.840.113549.3.7"


def marked_for_java(data: bytes, password: str) -> frozenset[bytes] | None:
    """Return the certificates (DER) that bear the mark.

    Args:
        data: a PKCS#12 file that the password opens.

    Returns:
        None where it cannot be seen, as with the RC2 of old programs, or where the file is not in DER.
    """
    try:
        return frozenset(
            certificate for bag in _bags(data, password) for certificate, is_marked in _certificate(bag) if is_marked
        )
    except (PseError, _NotOpened, ValueError, IndexError, UnsupportedAlgorithm):
        return None


def _parts(value: bytes) -> list[bytes]:
    return asn1.parts(value, _MOST_PARTS)


def _bags(data: bytes, password: str) -> Iterator[bytes]:
    """Yield the SafeBags of all parts that may hold certificates."""
    _, safe, *_ = _parts(data)
    for part in _parts(_octets(_parts(safe)[1])):
        kind, content = _parts(part)[:2]
        contents = _decrypted(_parts(content)[0], password) if kind == _ENCRYPTED else _octets(content)
        yield from _parts(contents)


def _octets(tagged: bytes) -> bytes:
    """Return what an octet string inside [0] holds."""
    return asn1.content(_parts(tagged)[0])


def _certificate(bag: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the certificate of a bag, where it is one of certificates, and whether it bears the mark."""
    kind, value, *attributes = _parts(bag)
    if kind == _CERTIFICATE_BAG:
        certificate = _octets(_parts(_parts(value)[0])[1])
        yield certificate, any(_JAVAS_MARK in each for each in attributes)


def _decrypted(encrypted_data: bytes, password: str) -> bytes:
    _, algorithm, content = _parts(_parts(encrypted_data)[1])
    encrypted = asn1.content(content)
    if _parts(algorithm)[0] == _PBES2:
        return _decrypted_by_pbes2(_parts(algorithm)[1], encrypted, password)
    plain = PinCipher.of(password, algorithm).decrypt(encrypted)
    if plain is None:
        raise _NotOpened
    return plain


def _decrypted_by_pbes2(parameters: bytes, encrypted: bytes, password: str) -> bytes:
    """Decrypt as RFC 8018, 6.2, has it."""
    derivation, scheme = (_parts(each) for each in _parts(parameters))
    cipher, vector = _oid(scheme[0]), asn1.content(scheme[1])
    if derivation[0] != _PBKDF2 or cipher not in _KEY_BYTES:
        raise _NotOpened
    salt, rounds, *others = _parts(derivation[1])
    named = [_oid(_parts(each)[0]) for each in others if each[0] == asn1.SEQUENCE]
    used = _HASHES.get(named[0] if named else "1.2.840.113549.2.7")
    if used is None:
        raise _NotOpened
    made = PBKDF2HMAC(used, _KEY_BYTES[cipher], asn1.content(salt), int.from_bytes(asn1.content(rounds)))
    key = made.derive(password.encode("utf-8", "surrogatepass"))
    algorithm = TripleDES(key) if cipher == _TRIPLE_DES else AES(key)
    decryptor = Cipher(algorithm, modes.CBC(vector)).decryptor()
    unpadder = PKCS7(algorithm.block_size).unpadder()
    return unpadder.update(decryptor.update(encrypted) + decryptor.finalize()) + unpadder.finalize()


def _oid(value: bytes) -> str:
    return asn1.decode(x509.ObjectIdentifier, value, "an object identifier").dotted_string
