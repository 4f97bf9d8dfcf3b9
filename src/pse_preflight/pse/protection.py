"""PIN encryption: PKCS#12 password encryption with SHA-1 and 3DES (RFC 7292, appendix B; pse-format.md, section 4).

Old, but what SAP's files use. It runs only where a PIN is given; that a file has one is read without it.
"""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes
from cryptography.hazmat.primitives.padding import PKCS7, PaddingContext

from pse_preflight.once import LazyProperty
from pse_preflight.pse import asn1
from pse_preflight.pse.errors import DamagedPse, PseError, UnknownEncoding

SALT_BYTES = 8
_ITERATIONS = 10_000
_MOST_ITERATIONS = 50_000
"""Deriving a key takes well under 100 ms up to here; SAP writes 10,000."""

_SHA1_AND_3DES = x509.ObjectIdentifier("1.2.840.113549.1.12.1.3")
_SECUDE_3DES = asn1.encoded(x509.ObjectIdentifier("1.2.840.113549.3.7"))
_HASH_BLOCK = 64
_KEY_BYTES, _CIPHER_BLOCK = 24, 8
_KEY, _INITIAL_VECTOR = 1, 2
_BLOCKS_LOOKED_AT = 16


def algorithm(salt: bytes) -> bytes:
    """Write the AlgorithmIdentifier that SAP puts into every file, with a PIN or without.

    Raises:
        ValueError: where the salt is not 8 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a PSE has a salt of {SALT_BYTES} bytes, not {len(salt)}")
    parameters = asn1.PasswordEncryptionParameters(salt=salt, iterations=_ITERATIONS)
    return asn1.encoded(asn1.PasswordEncryption(algorithm=_SHA1_AND_3DES, parameters=parameters))


def is_legacy(algorithm_identifier: bytes) -> bool:
    """Tell whether this is SECUDE's own des-ede3-cbc (pse-format.md, section 6)."""
    return _SECUDE_3DES in algorithm_identifier


@dataclass(frozen=True)
class PinCipher:
    """The cipher that one PIN and one AlgorithmIdentifier make; both stay out of its repr."""

    parameters: asn1.PasswordEncryptionParameters
    pin: str

    def __repr__(self) -> str:
        """Show nothing of what it is made from."""
        return "<PinCipher>"

    @classmethod
    def of(cls, pin: str, algorithm_identifier: bytes) -> "PinCipher":
        """Make the cipher.

        Raises:
            UnknownEncoding: for any other algorithm, and for more iterations than are computed here.
        """
        try:
            read = asn1.decode(asn1.PasswordEncryption, algorithm_identifier, "the encryption algorithm")
        except DamagedPse as error:
            raise UnknownEncoding("encrypted with an algorithm whose form is not known here") from error
        if read.algorithm != _SHA1_AND_3DES:
            raise UnknownEncoding(f"encrypted with the unknown algorithm {read.algorithm.dotted_string}")
        if not 1 <= read.parameters.iterations <= _MOST_ITERATIONS:
            raise UnknownEncoding(f"its key needs more than {_MOST_ITERATIONS} iterations, or none")
        if len(read.parameters.salt) > _HASH_BLOCK:
            raise UnknownEncoding(f"its salt has more than {_HASH_BLOCK} bytes")
        return cls(read.parameters, pin)

    def encrypt(self, plain: bytes) -> bytes:
        """Pad and encrypt."""
        return _run(self._cipher.encryptor(), _run(PKCS7(_CIPHER_BLOCK * 8).padder(), plain))

    def decrypt(self, encrypted: bytes) -> bytes | None:
        """Decrypt and take the padding off, or return nothing where blocks or padding do not fit.

        That they fit proves nothing: one wrong PIN in 256 makes a padding that fits.
        """
        unpadder = PKCS7(_CIPHER_BLOCK * 8).unpadder()
        try:
            return _run(unpadder, _run(self._cipher.decryptor(), encrypted))
        except ValueError:
            return None

    def begins_with(self, encrypted: bytes, algorithm_identifier: bytes) -> bool:
        """Tell whether the PIN is right although the content turned out damaged.

        The content begins with a header of 2 to 5 bytes and its copy of the algorithm. One block that comes out as
        expected is proof, and one flaw in an encrypted file spoils two neighbouring blocks at most.
        """
        beginning = encrypted[: _BLOCKS_LOOKED_AT * _CIPHER_BLOCK]
        plain = _run(self._cipher.decryptor(), beginning[: len(beginning) // _CIPHER_BLOCK * _CIPHER_BLOCK])
        return any(
            plain[at : at + _CIPHER_BLOCK] == algorithm_identifier[at - header : at - header + _CIPHER_BLOCK]
            for header in range(2, 6)
            for at in range(_CIPHER_BLOCK, header + len(algorithm_identifier) - _CIPHER_BLOCK + 1, _CIPHER_BLOCK)
        )

    @LazyProperty
    def _cipher(self) -> Cipher[modes.CBC]:
        key, vector = self._derived(_KEY, _KEY_BYTES), self._derived(_INITIAL_VECTOR, _CIPHER_BLOCK)
        try:
            cipher = Cipher(TripleDES(key), modes.CBC(vector))
            cipher.decryptor()
        except UnsupportedAlgorithm as error:
            raise PseError("the cryptographic library of this machine does not allow 3DES, which PINs need") from error
        return cipher

    def _derived(self, purpose: int, size: int) -> bytes:
        """Derive key material; the steps are those of RFC 7292, B.2, and `mixed` is its I."""
        password = self.pin.encode("utf-16-be", "surrogatepass") + b"\0\0"
        mixed = _filled(self.parameters.salt) + _filled(password)
        result = b""
        while len(result) < size:
            digest = hashlib.sha1(bytes((purpose,)) * _HASH_BLOCK + mixed).digest()  # noqa: S324 - the format's
            for _ in range(self.parameters.iterations - 1):
                digest = hashlib.sha1(digest).digest()  # noqa: S324 - the format's
            result += digest
            mixed = _added(mixed, digest)
        return result[:size]


def pin_check(pin: str) -> bytes:
    """Return what version 2 encrypts to check a PIN: the PIN itself. SAP's encoding beyond ASCII is not known."""
    return pin.encode("utf-8", "surrogatepass")


def digest(plain: bytes) -> bytes:
    """Return the trailer of version 4: the SHA-1 of the plain content."""
    return hashlib.sha1(plain, usedforsecurity=False).digest()


def _run(context: CipherContext | PaddingContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()


def _filled(text: bytes) -> bytes:
    """Repeat a text until it fills whole blocks of the hash."""
    size = -(-len(text) // _HASH_BLOCK) * _HASH_BLOCK
    return (text * (size // len(text) + 1))[:size] if text else b""


def _added(mixed: bytes, digest: bytes) -> bytes:
    """Add the repeated digest plus one to every block, modulo its size."""
    addend = int.from_bytes((digest * _HASH_BLOCK)[:_HASH_BLOCK]) + 1
    blocks = (mixed[at : at + _HASH_BLOCK] for at in range(0, len(mixed), _HASH_BLOCK))
    return b"".join(
        ((int.from_bytes(block) + addend) % (1 << 8 * _HASH_BLOCK)).to_bytes(_HASH_BLOCK) for block in blocks
    )
