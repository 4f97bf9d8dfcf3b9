"""The owner of a PSE: its certificate and key, and the objects that hold them (pse-format.md, sections 1 and 5)."""

import re
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat import asn1 as library_asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from pse_preflight.certificate import Certificate
from pse_preflight.pse import asn1
from pse_preflight.pse.errors import DamagedPse, UnknownEncoding, Unwritable
from pse_preflight.pse.taken_apart import ToBeSigned, three_parts

OwnerKey = rsa.RSAPrivateKey | dsa.DSAPrivateKey
SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

COMMENT = "written by the bundled open implementation of pse-preflight"

_NETSCAPE_COMMENT = x509.ObjectIdentifier("2.16.840.1.113730.1.13")
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
"""AlgorithmIdentifier rsaEncryption with NULL (RFC 3279, 2.3.1)."""
_DSA_ALGORITHMS = ("1.2.840.10040.4.1", "1.3.14.3.2.12")
_USUAL_EXPONENT = 65537
_MOST_ROOT_PARTS, _MOST_ROOT_KEY_PARTS = 4, 6
_ROOT = re.compile(rb"\x30\x30(?:\x30)?\xa0?")
"""The tags of PKRoot: name, key, an older key (SECUDE's), extensions."""
_ROOT_KEY = re.compile(rb"\xa0?\x02\x30\xa1\xa2\x03")
"""The tags of its key: version, serial number, key, validity, algorithm, signature."""
_MOST_KEY_BITS = 8192


def self_signed_owner(  # noqa: PLR0913 - each is one thing that the person who makes a PSE may choose
    name: x509.Name,
    key: rsa.RSAPrivateKey,
    *,
    start: datetime,
    end: datetime,
    serial_number: int,
    dns_names: Sequence[str] = (),
    addresses: Sequence[IPv4Address | IPv6Address] = (),
    algorithm: SignatureHash | None = None,
) -> Certificate:
    """Sign a certificate for the owner of a new PSE, with a comment that says which program wrote it.

    Args:
        start, end: first and last second of validity.
        serial_number: positive, of at most 20 bytes.
        dns_names, addresses: alternative names, if any.
        algorithm: the hash of the signature; SHA-256 unless said.

    Raises:
        Unwritable: where one of these cannot stand in a certificate.
    """
    try:
        others = [*map(x509.DNSName, dns_names), *map(x509.IPAddress, addresses)]
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(serial_number)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.UnrecognizedExtension(_NETSCAPE_COMMENT, _comment()), critical=False)
        )
        if others:
            builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
        return Certificate.of(builder.sign(key, algorithm or hashes.SHA256()))
    except ValueError as error:
        raise Unwritable(f"the owner's certificate cannot be made: {error}") from error


def is_ours(certificate: Certificate) -> bool:
    """Tell whether the owner certificate says that this package wrote it."""
    return any(
        isinstance(each.value, x509.UnrecognizedExtension) and each.value.value == _comment()
        for each in certificate.extensions
        if each.oid == _NETSCAPE_COMMENT
    )


def write_key(key: object) -> bytes:
    """Write the value of SKnew: of an RSA key the two primes, the larger one first as in SAP's file; of a DSA key x.

    Raises:
        Unwritable: for other kinds, whose form is not known; for another public exponent than 65537, since the file
            has no place for it; and for keys larger than are read.
    """
    if isinstance(key, dsa.DSAPrivateKey):
        return _written_dsa_key(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        raise Unwritable("how a PSE holds EC keys is not known; use an RSA key")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Unwritable("how a PSE holds other keys than RSA and DSA keys is not known; use an RSA key")
    if key.key_size > _MOST_KEY_BITS:
        raise Unwritable(f"a key of {key.key_size} bits is larger than is read here ({_MOST_KEY_BITS} bits)")
    numbers = key.private_numbers()
    if numbers.public_numbers.e != _USUAL_EXPONENT:
        raise Unwritable(f"a PSE holds RSA keys with the public exponent {_USUAL_EXPONENT} only")
    first, second = sorted((numbers.p, numbers.q), reverse=True)
    return _stored_key(_RSA_ALGORITHM, asn1.encoded(asn1.RsaPrimes(p=first, q=second)))


def _written_dsa_key(key: dsa.DSAPrivateKey) -> bytes:
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    algorithm = asn1.DsaAlgorithm(
        algorithm=x509.ObjectIdentifier(_DSA_ALGORITHMS[0]),
        parameters=asn1.DsaParameters(p=group.p, q=group.q, g=group.g),
    )
    return _stored_key(asn1.encoded(algorithm), asn1.encoded(numbers.x))


def _stored_key(algorithm: bytes, secret: bytes) -> bytes:
    return asn1.tagged(asn1.SEQUENCE, algorithm, asn1.encoded(library_asn1.BitString(secret, 0)))


def read_key(value: bytes, owner: Certificate | None, offset: int) -> OwnerKey:
    """Read the value of SKnew.

    Args:
        owner: the owner's certificate, which the key must fit and whose exponent an RSA key takes.
        offset: where the value lies.

    Raises:
        DamagedPse: where the parts make no key, or that of another certificate.
        UnknownEncoding: where it is neither RSA nor DSA.
    """
    stored = asn1.decode(asn1.StoredKey, value, "the private key", offset)
    algorithm = asn1.encoded(stored.algorithm)
    secret = stored.key.as_bytes()
    public = owner.public_key if owner else None
    try:
        if algorithm == _RSA_ALGORITHM:
            key: OwnerKey = _rsa_key(asn1.decode(asn1.RsaPrimes, secret, "the private key", offset), public)
        else:
            key = _dsa_key(algorithm, secret)
    except ValueError as error:
        raise DamagedPse(offset, "the numbers of the private key do not make a key") from error
    if public is not None and key.public_key() != public:
        raise DamagedPse(offset, "the private key is not that of the owner's certificate")
    return key


def write_root(root: bytes) -> bytes:
    """Write the value of PKRoot: a self-signed certificate taken apart.

    Raises:
        UnknownEncoding: where it has another structure than certificates have.
    """
    parts = three_parts(root)
    if parts is None:
        raise UnknownEncoding("the root is no certificate")
    tbs, algorithm, signature = parts
    fields = ToBeSigned.split(tbs)
    new_key = asn1.tagged(
        asn1.SEQUENCE,
        fields.version,
        fields.serial,
        fields.key,
        asn1.tagged(0xA1, fields.validity),
        asn1.tagged(0xA2, algorithm),
        signature,
    )
    extensions = asn1.retagged(fields.extensions, 0xA0) if fields.extensions else b""
    return asn1.tagged(asn1.SEQUENCE, fields.subject, new_key, extensions)


def read_root(value: bytes, offset: int) -> bytes:
    """Put the certificate together again that PKRoot holds taken apart.

    Args:
        offset: where the value lies.

    Raises:
        DamagedPse: where it cannot be split.
        UnknownEncoding: where it has another structure.
    """
    parts = asn1.parts(value, _MOST_ROOT_PARTS, offset)
    shape = bytes(each[0] for each in parts)
    if not _ROOT.fullmatch(shape):
        raise UnknownEncoding(f"PKRoot has the unknown structure {shape.hex()}")
    subject, new_key = parts[:2]
    fields = asn1.parts(new_key, _MOST_ROOT_KEY_PARTS, offset)
    if not _ROOT_KEY.fullmatch(bytes(each[0] for each in fields)):
        raise UnknownEncoding("the key of PKRoot has an unknown structure")
    *version, serial, key, validity, algorithm, signature = fields
    algorithm = asn1.content(algorithm)
    extensions = [asn1.retagged(each, 0xA3) for each in parts[2:] if each[0] == 0xA0]  # noqa: PLR2004 - tags
    signed = asn1.tagged(
        asn1.SEQUENCE,
        *(*version, serial, algorithm, subject, asn1.content(validity), subject, key, *extensions),
    )
    return asn1.tagged(asn1.SEQUENCE, signed, algorithm, signature)


def _comment() -> bytes:
    return asn1.encoded(library_asn1.IA5String(COMMENT))


def _rsa_key(primes: asn1.RsaPrimes, public: object) -> rsa.RSAPrivateKey:
    exponent = public.public_numbers().e if isinstance(public, rsa.RSAPublicKey) else _USUAL_EXPONENT
    p, q = primes.p, primes.q
    if not all(1 < prime.bit_length() <= _MOST_KEY_BITS // 2 for prime in (p, q)):
        raise ValueError("primes of another size")
    secret = rsa.rsa_recover_private_exponent(exponent, p, q)
    return rsa.RSAPrivateNumbers(
        p,
        q,
        secret,
        rsa.rsa_crt_dmp1(secret, p),
        rsa.rsa_crt_dmq1(secret, q),
        rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(exponent, p * q),
    ).private_key()


def _dsa_key(algorithm: bytes, secret: bytes) -> dsa.DSAPrivateKey:
    try:
        read = asn1.decode(asn1.DsaAlgorithm, algorithm, "the algorithm of the private key")
    except DamagedPse as error:
        raise UnknownEncoding("the private key is neither an RSA key nor a DSA key") from error
    if read.algorithm.dotted_string not in _DSA_ALGORITHMS:
        raise UnknownEncoding(f"the private key is of the unknown kind {read.algorithm.dotted_string}")
    group = read.parameters
    x = int.from_bytes(asn1.content(secret))
    if not all(1 < each.bit_length() <= _MOST_KEY_BITS for each in (group.p, group.q, group.g, x)):
        raise ValueError("numbers of another size")
    y = pow(group.g, x, group.p)
    parameters = dsa.DSAParameterNumbers(group.p, group.q, group.g)
    return dsa.DSAPrivateNumbers(x, dsa.DSAPublicNumbers(y, parameters)).private_key()
