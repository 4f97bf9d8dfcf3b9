"""Certificates drafted field by field and signed last, so that any one thing can be wrong with them.

A draft names its issuer by another draft; drafts make any graph. Nothing is checked: what the library's own builder
refuses can be written as well.
"""

import functools
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pse_preflight.der import element

Key = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)

_SEQUENCE, _SET, _OID, _BOOLEAN, _INTEGER, _BITS, _OCTETS, _NULL = 0x30, 0x31, 0x06, 0x01, 0x02, 0x03, 0x04, b"\x05\x00"
UTF8, PRINTABLE, T61, IA5 = 0x0C, 0x13, 0x14, 0x16
_TRUE = b"\xff"
_PSS_SALT = 32


@functools.cache
def key(kind: str, number: int = 0) -> Key:
    """Return a private key; the same for the same kind and number, since RSA keys take their time."""
    del number
    makers: dict[str, Callable[[], Key]] = {
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "p224": lambda: ec.generate_private_key(ec.SECP224R1()),
        "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ed448": ed448.Ed448PrivateKey.generate,
        "dsa": lambda: _dsa_parameters().generate_private_key(),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "rsa1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - what is weak is what is tested
        "rsa1536": lambda: rsa.generate_private_key(65537, 1536),  # noqa: S505 - as above
        "rsa2052": lambda: rsa.generate_private_key(65537, 2052),
    }
    return makers[kind]()


@functools.cache
def _dsa_parameters() -> dsa.DSAParameters:
    """Return small parameters for all DSA keys; large ones take seconds, and their size is nobody's question."""
    return dsa.generate_parameters(1024)


def oid(dotted: str) -> bytes:
    """Return an object identifier as DER."""
    first, second, *rest = (int(each) for each in dotted.split("."))
    return element(_OID, b"".join(_arc(each) for each in (40 * first + second, *rest)))


def _arc(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))


Attribute = tuple[x509.ObjectIdentifier, str, int]
"""A part of a name: its kind, its text, and the tag of the string."""


def name(*attributes: Attribute) -> bytes:
    """Return a distinguished name as DER."""
    steps = (encoded([oid(kind.dotted_string), element(tag, text.encode())]) for kind, text, tag in attributes)
    return encoded(element(_SET, each) for each in steps)


def plain_name(common_name: str, tag: int = UTF8) -> bytes:
    """Return the name that drafts have: an organisation and a common name."""
    return name((NameOID.ORGANIZATION_NAME, "Draft", tag), (NameOID.COMMON_NAME, common_name, tag))


@dataclass(frozen=True)
class Algorithm:
    """How a certificate is signed: what is written of it, and what is done."""

    identifier: bytes
    sign: Callable[[Key, bytes], bytes]


def _rsa(algorithm: hashes.HashAlgorithm) -> Callable[[Key, bytes], bytes]:
    def sign(with_key: Key, content: bytes) -> bytes:
        assert isinstance(with_key, rsa.RSAPrivateKey)
        return with_key.sign(content, padding.PKCS1v15(), algorithm)

    return sign


def _pss(salt: int) -> Callable[[Key, bytes], bytes]:
    def sign(with_key: Key, content: bytes) -> bytes:
        assert isinstance(with_key, rsa.RSAPrivateKey)
        return with_key.sign(content, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())

    return sign


def _ecdsa(algorithm: hashes.HashAlgorithm) -> Callable[[Key, bytes], bytes]:
    def sign(with_key: Key, content: bytes) -> bytes:
        assert isinstance(with_key, ec.EllipticCurvePrivateKey)
        return with_key.sign(content, ec.ECDSA(algorithm))

    return sign


def _dsa(with_key: Key, content: bytes) -> bytes:
    assert isinstance(with_key, dsa.DSAPrivateKey)
    return with_key.sign(content, hashes.SHA256())


def _edwards(with_key: Key, content: bytes) -> bytes:
    assert isinstance(with_key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return with_key.sign(content)


def _identifier(dotted: str, parameters: bytes = b"") -> bytes:
    return element(_SEQUENCE, oid(dotted) + parameters)


def _pss_identifier(salt: int) -> bytes:
    sha256 = _identifier("2.16.840.1.101.3.4.2.1", _NULL)
    mask = element(_SEQUENCE, oid("1.2.840.113549.1.1.8") + sha256)
    content = element(0xA0, sha256) + element(0xA1, mask) + element(0xA2, element(_INTEGER, bytes([salt])))
    return _identifier("1.2.840.113549.1.1.10", element(_SEQUENCE, content))


ALGORITHMS: dict[str, Algorithm] = {
    "rsa-sha256": Algorithm(_identifier("1.2.840.113549.1.1.11", _NULL), _rsa(hashes.SHA256())),
    "rsa-sha384": Algorithm(_identifier("1.2.840.113549.1.1.12", _NULL), _rsa(hashes.SHA384())),
    "rsa-sha1": Algorithm(_identifier("1.2.840.113549.1.1.5", _NULL), _rsa(hashes.SHA1())),  # noqa: S303 - as above
    "rsa-md5": Algorithm(_identifier("1.2.840.113549.1.1.4", _NULL), _rsa(hashes.MD5())),  # noqa: S303 - as above
    "rsa-sha256-without-null": Algorithm(_identifier("1.2.840.113549.1.1.11"), _rsa(hashes.SHA256())),
    "pss": Algorithm(_pss_identifier(_PSS_SALT), _pss(_PSS_SALT)),
    "pss-odd-salt": Algorithm(_pss_identifier(40), _pss(40)),
    "ecdsa-sha256": Algorithm(_identifier("1.2.840.10045.4.3.2"), _ecdsa(hashes.SHA256())),
    "ecdsa-sha384": Algorithm(_identifier("1.2.840.10045.4.3.3"), _ecdsa(hashes.SHA384())),
    "ecdsa-sha1": Algorithm(_identifier("1.2.840.10045.4.1"), _ecdsa(hashes.SHA1())),  # noqa: S303 - as above
    "ed25519": Algorithm(_identifier("1.3.101.112"), _edwards),
    "ed448": Algorithm(_identifier("1.3.101.113"), _edwards),
    "dsa": Algorithm(_identifier("2.16.840.1.101.3.4.3.2"), _dsa),
}


def usual_algorithm(of: Key) -> str:
    """Return how a key of this kind usually signs."""
    if isinstance(of, rsa.RSAPrivateKey):
        return "rsa-sha256"
    if isinstance(of, ec.EllipticCurvePrivateKey):
        return "ecdsa-sha384" if isinstance(of.curve, ec.SECP384R1) else "ecdsa-sha256"
    kinds = ((ed25519.Ed25519PrivateKey, "ed25519"), (ed448.Ed448PrivateKey, "ed448"), (dsa.DSAPrivateKey, "dsa"))
    return next(name for kind, name in kinds if isinstance(of, kind))


def public_bytes(of: Key) -> bytes:
    """Return algorithm and public key as certificates hold them."""
    return of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_identifier(of: Key) -> bytes:
    """Return the usual identifier of a key."""
    return x509.SubjectKeyIdentifier.from_public_key(of.public_key()).digest


Content = x509.ExtensionType | bytes
"""What an extension says, or the DER of it."""


@dataclass(eq=False)
class Draft:
    """A certificate to be. Change what you like; it is signed by `made`.

    Attributes:
        issuer: the draft that signs it; itself where none is said.
        extensions: by object identifier, critical or not and what they say.
        follows_issuer: the authority key identifier is the subject key identifier of the issuer, once that is known.
        written_issuer: the issuer's name where it is another than the issuer's subject.
        signer: the key that signs, where it is another than the issuer's.
        algorithm: how it is signed, where otherwise than usual; `written_algorithm` stands inside the signed part.
        spki: algorithm and key, where otherwise than usual.
        long_dates: dates are written with four digits of the year.
        finish: a last word on the bytes.
    """

    common_name: str
    key: Key
    start: datetime
    end: datetime
    issuer: "Draft | None" = None
    subject: bytes = b""
    serial: int = 0
    version: int = 3
    extensions: dict[str, tuple[bool, Content]] = field(default_factory=dict)
    follows_issuer: bool = True
    written_issuer: bytes | None = None
    signer: Key | None = None
    algorithm: str = ""
    written_algorithm: str = ""
    spki: bytes = b""
    long_dates: bool = False
    finish: Callable[[bytes], bytes] = bytes

    def __post_init__(self) -> None:
        self.subject = self.subject or plain_name(self.common_name)
        self.serial = self.serial or next(_serials)

    def says(self, content: x509.ExtensionType, *, critical: bool = False) -> None:
        """Put an extension in, in the place of another of its kind."""
        self.extensions[content.oid.dotted_string] = (critical, content)

    def lacks(self, kind: type[x509.ExtensionType]) -> None:
        """Take an extension out."""
        self.extensions.pop(kind.oid.dotted_string, None)

    def twin(self, **changes: object) -> "Draft":
        """Return a copy with extensions and a serial number of its own, changed as said."""
        copy = replace(self, serial=next(_serials), extensions=dict(self.extensions))
        if self.issuer is None:
            copy.issuer = None
        for attribute, value in changes.items():
            setattr(copy, attribute, value)
        if "key" in changes:
            copy.spki = b""
        if "key" in changes and x509.SubjectKeyIdentifier.oid.dotted_string in copy.extensions:
            copy.says(x509.SubjectKeyIdentifier(key_identifier(copy.key)))
        return copy

    def held_identifier(self) -> bytes | None:
        """Return its subject key identifier."""
        _, content = self.extensions.get(x509.SubjectKeyIdentifier.oid.dotted_string, (False, b""))
        return content.digest if isinstance(content, x509.SubjectKeyIdentifier) else None


_serials = itertools.count(0x1000_0000_0000)


class Press:
    """Signs drafts, each once."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Draft, bytes]] = {}

    def made(self, draft: Draft) -> bytes:
        """Return the certificate of a draft as DER."""
        if id(draft) not in self._made:
            self._made[id(draft)] = (draft, draft.finish(_signed(draft)))
        return self._made[id(draft)][1]


def _signed(draft: Draft) -> bytes:
    issuer = draft.issuer or draft
    signer = draft.signer or issuer.key
    outer = ALGORITHMS[draft.algorithm or usual_algorithm(signer)]
    inner = ALGORITHMS[draft.written_algorithm] if draft.written_algorithm else outer
    content = element(_SEQUENCE, _to_be_signed(draft, issuer, inner.identifier))
    return element(_SEQUENCE, content + outer.identifier + element(_BITS, b"\x00" + outer.sign(signer, content)))


def _to_be_signed(draft: Draft, issuer: Draft, algorithm: bytes) -> bytes:
    number = draft.serial.to_bytes(draft.serial.bit_length() // 8 + 1, "big", signed=True)
    fields = [
        element(0xA0, element(_INTEGER, bytes([draft.version - 1]))) if draft.version > 1 else b"",
        element(_INTEGER, number),
        algorithm,
        issuer.subject if draft.written_issuer is None else draft.written_issuer,
        element(_SEQUENCE, _moment(draft, draft.start) + _moment(draft, draft.end)),
        draft.subject,
        draft.spki or public_bytes(draft.key),
        _extensions(draft, issuer),
    ]
    return b"".join(fields)


def _moment(draft: Draft, when: datetime) -> bytes:
    if draft.long_dates or when.year >= 2050:
        return element(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())
    return element(0x17, when.strftime("%y%m%d%H%M%SZ").encode())


def _extensions(draft: Draft, issuer: Draft) -> bytes:
    if draft.version < 3:
        return b""
    said = dict(draft.extensions)
    identifier = issuer.held_identifier()
    if draft.follows_issuer and identifier and x509.AuthorityKeyIdentifier.oid.dotted_string not in said:
        said[x509.AuthorityKeyIdentifier.oid.dotted_string] = (
            False,
            x509.AuthorityKeyIdentifier(identifier, None, None),
        )
    written = b"".join(_extension(dotted, critical, content) for dotted, (critical, content) in said.items())
    return element(0xA3, element(_SEQUENCE, written)) if said else b""


def _extension(dotted: str, critical: bool, content: Content) -> bytes:
    value = content if isinstance(content, bytes) else content.public_bytes()
    mark = element(_BOOLEAN, _TRUE) if critical else b""
    return element(_SEQUENCE, oid(dotted) + mark + element(_OCTETS, value))


# What usual certificates say

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def usage(*allowed: str) -> x509.KeyUsage:
    """Return a key usage with these bits."""
    return x509.KeyUsage(**{each: each in allowed for each in _USAGES})


def authority(
    common_name: str, issuer: Draft | None, start: datetime, days: float, with_key: Key, *, length: int | None = None
) -> Draft:
    """Draft an authority as it should be; a root where it has no issuer."""
    draft = Draft(common_name, with_key, start, start + timedelta(days=days), issuer, follows_issuer=issuer is not None)
    draft.says(x509.BasicConstraints(ca=True, path_length=length), critical=True)
    draft.says(usage("key_cert_sign", "crl_sign"), critical=True)
    draft.says(x509.SubjectKeyIdentifier(key_identifier(with_key)))
    return draft


def server(host: str, issuer: Draft, start: datetime, days: float, with_key: Key) -> Draft:
    """Draft a server's certificate as it should be."""
    draft = Draft(host, with_key, start, start + timedelta(days=days), issuer)
    draft.says(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    allowed = ("digital_signature", "key_encipherment") if isinstance(with_key, rsa.RSAPrivateKey) else ()
    draft.says(usage("digital_signature", *allowed), critical=True)
    draft.says(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))
    draft.says(x509.SubjectAlternativeName([x509.DNSName(host)]))
    draft.says(x509.SubjectKeyIdentifier(key_identifier(with_key)))
    return draft


def directory_name(der: bytes) -> x509.DirectoryName:
    """Return a name that was drafted as a general name."""
    holder = Draft("holder", key("p256"), datetime(2026, 1, 1), datetime(2027, 1, 1), subject=der)  # noqa: DTZ001 - no moment
    return x509.DirectoryName(x509.load_der_x509_certificate(Press().made(holder)).subject)


def encoded(ders: Iterable[bytes]) -> bytes:
    """Return a SEQUENCE of elements."""
    return element(_SEQUENCE, b"".join(ders))
