"""The outermost layer of a PSE file: version, PIN, and the SHA-1 of version 4 (pse-format.md, sections 1, 2 and 4)."""

import re
from dataclasses import dataclass, field

from pse_preflight.pse import asn1, protection
from pse_preflight.pse.errors import (
    DamagedPse,
    LegacyPse,
    MachineBoundPse,
    NotAPse,
    PinNeeded,
    UnknownEncoding,
    WrongPin,
)
from pse_preflight.pse.protection import PinCipher

LARGEST_FILE = 16 << 20
"""Bytes; a PSE that trusts all of Mozilla's roots has about 300,000."""

_MACHINE_BOUND = 256
_PLAIN, _ENCRYPTED = 0, 1
_PIN_TAG, _SEALED_TAG = 0xA0, 0xA3
_DIGEST_BYTES = 22
"""The trailer of version 4 with its header."""
_LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)"
_BEGINNING = re.compile(
    rb"\x30" + _LENGTH + rb"\x02(?:\x01.|\x02..)(?:\x30" + _LENGTH + rb"\x30|[\xa0-\xbf])", re.DOTALL
)
_BEGINNING_WHEN_MACHINE_BOUND = re.compile(rb"\x30" + _LENGTH + rb"\x02\x02\x01\x00", re.DOTALL)
_OTHER_FILES = (
    (re.compile(rb"\s*-----BEGIN"), "a PEM text file"),
    (re.compile(rb"\x30" + _LENGTH + rb"\x02\x01\x03\x30", re.DOTALL), "a PKCS#12 file (.p12, .pfx)"),
    (re.compile(rb"\x30" + _LENGTH + rb"\x30", re.DOTALL), "a certificate, or the credentials file cred_v2"),
    (re.compile(rb"\xfe\xed\xfe\xed"), "a Java key store"),
    (re.compile(rb"\Z"), "an empty file"),
)


@dataclass(frozen=True, slots=True)
class PseHead:
    """What the first bytes tell without any decryption.

    Attributes:
        version: 2 and 4 are known, 256 means bound to a machine.
        has_pin: whether the content is encrypted; nothing where the version hides it.
        machine_bound: whether Local Protection Storage (LPS) binds the file to its machine.
        legacy: whether it is encrypted the way SECUDE did before SAP's library.
    """

    version: int
    has_pin: bool | None
    machine_bound: bool = False
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """What lies around the content of a PSE.

    Attributes:
        version: as it stands in the file; the form decides, not this number.
        has_pin: whether the content is encrypted.
        sealed: whether it has the form of version 4, which ends with the SHA-1 of its content.
        algorithm: the AlgorithmIdentifier that stands beside a content encrypted or sealed; else empty.
    """

    version: int
    has_pin: bool
    sealed: bool
    algorithm: bytes = field(repr=False)

    def wrap(self, content: bytes, pin: str | None) -> bytes:
        """Write the file, encrypted where a PIN is given."""
        body = self._sealed(content, pin) if self.sealed else self._bare(content, pin)
        return asn1.tagged(asn1.SEQUENCE, asn1.encoded(self.version), body)

    def _bare(self, content: bytes, pin: str | None) -> bytes:
        if not pin:
            return content
        cipher = PinCipher.of(pin, self.algorithm)
        check, encrypted = cipher.encrypt(protection.pin_check(pin)), cipher.encrypt(content)
        return asn1.tagged(_PIN_TAG, asn1.encoded(check), self.algorithm, asn1.encoded(encrypted))

    def _sealed(self, content: bytes, pin: str | None) -> bytes:
        stored = PinCipher.of(pin, self.algorithm).encrypt(content) if pin else content
        digest = asn1.encoded(protection.digest(content))
        mode = asn1.encoded(_ENCRYPTED if pin else _PLAIN)
        return asn1.tagged(_SEALED_TAG, mode, self.algorithm, asn1.encoded(stored), digest)


@dataclass(frozen=True, slots=True)
class _Body:
    """What an envelope holds.

    Attributes:
        stored: the content, encrypted or not.
        offset: where it lies in the file.
        check: the encrypted PIN in version 2, the SHA-1 of the plain content in version 4.
    """

    envelope: Envelope
    stored: bytes
    offset: int
    check: bytes = b""


def inspect(data: bytes) -> PseHead:
    """Tell version and protection of a PSE without decrypting anything.

    Raises:
        NotAPse: where the bytes are something else, or more than 16 MiB.
        DamagedPse: where they break off, or go on after the end.
        UnknownEncoding: where the protection is of an unknown form.
    """
    _refuse_other_files(data)
    if _BEGINNING_WHEN_MACHINE_BOUND.match(data):
        return PseHead(_MACHINE_BOUND, has_pin=None, machine_bound=True)
    envelope = _body(data).envelope
    return PseHead(envelope.version, envelope.has_pin, legacy=protection.is_legacy(envelope.algorithm))


def unwrap(data: bytes, pin: str | None) -> tuple[Envelope, bytes, int]:
    """Open the envelope and return it with the plain content and the offset that errors about the content count from.

    Raises:
        PseError: as `pse_preflight.pse.file.read` tells.
    """
    head = inspect(data)
    if head.machine_bound:
        raise MachineBoundPse("Local Protection Storage (LPS) binds this PSE to its machine; only SAP's tool reads it")
    if head.legacy:
        raise LegacyPse("a PSE with SECUDE's own PIN encryption, older than SAP's library; make a new one")
    body = _body(data)
    if body.envelope.has_pin:
        return body.envelope, _decrypted(body, pin), 0
    if body.envelope.sealed and protection.digest(body.stored) != body.check:
        raise DamagedPse(body.offset, "the content does not have the SHA-1 that stands behind it")
    return body.envelope, body.stored, body.offset


def _refuse_other_files(data: bytes) -> None:
    if len(data) > LARGEST_FILE:
        raise NotAPse(f"not a PSE: larger than {LARGEST_FILE >> 20} MiB")
    kind = next((kind for pattern, kind in _OTHER_FILES if pattern.match(data)), None)
    begins_right = _BEGINNING.match(data) or _BEGINNING_WHEN_MACHINE_BOUND.match(data)
    if kind or not begins_right:
        raise NotAPse(f"not a PSE: {kind or 'it begins otherwise'}")


def _body(data: bytes) -> _Body:
    read = asn1.decode(asn1.EncodedEnvelope, data, "the file")
    raw = asn1.last_part(data)
    start = len(data) - len(raw)
    if raw[0] == asn1.SEQUENCE:
        return _Body(Envelope(read.version, has_pin=False, sealed=False, algorithm=b""), raw, start)
    if raw[0] == _PIN_TAG:
        return _encrypted_body(read.version, raw, start)
    if raw[0] == _SEALED_TAG:
        return _sealed_body(read.version, raw, start)
    raise UnknownEncoding(f"version {read.version} with content of the unknown tag {raw[0]:02x}")


def _encrypted_body(version: int, raw: bytes, start: int) -> _Body:
    read = asn1.decode(asn1.EncryptedContent, asn1.retagged(raw), "the encrypted content", start)
    envelope = Envelope(version, has_pin=True, sealed=False, algorithm=asn1.encoded(read.algorithm))
    return _Body(envelope, read.content, start + len(raw) - len(read.content), read.encrypted_pin)


def _sealed_body(version: int, raw: bytes, start: int) -> _Body:
    read = asn1.decode(asn1.SealedContent, asn1.retagged(raw), "the sealed content", start)
    if read.mode not in (_PLAIN, _ENCRYPTED):
        raise UnknownEncoding(f"encryption of the unknown mode {asn1.encoded(read.mode)[2:10].hex()}")
    envelope = Envelope(version, read.mode == _ENCRYPTED, sealed=True, algorithm=asn1.encoded(read.algorithm))
    return _Body(envelope, read.content, start + len(raw) - _DIGEST_BYTES - len(read.content), read.digest)


def _decrypted(body: _Body, pin: str | None) -> bytes:
    """Decrypt the content; the PIN's own check or the SHA-1 prove the PIN, the padding never does."""
    if not pin:
        raise PinNeeded("the PSE has a PIN")
    cipher = PinCipher.of(pin, body.envelope.algorithm)
    plain = cipher.decrypt(body.stored)
    if body.envelope.sealed:
        is_proven = plain is not None and protection.digest(plain) == body.check
    else:
        is_proven = cipher.decrypt(body.check) == protection.pin_check(pin)
    if is_proven and plain is not None:
        return plain
    if is_proven or cipher.begins_with(body.stored, body.envelope.algorithm):
        raise DamagedPse(body.offset, "the PIN is right, but the encrypted content is damaged")
    raise WrongPin("the PSE has another PIN")
