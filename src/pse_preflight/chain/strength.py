"""Weak and unusual keys and signatures, and who refuses them."""

from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID, SignatureAlgorithmOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.fault import UNKNOWN_FOR_SAP, VERIFIER_REFUSES, Fault
from pse_preflight.chain.search import kind_of_signature
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity
from pse_preflight.der import elements, fields_of

_SMALLEST_RSA = 2048
_WHOLE_BYTE = 8
_USUAL_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_STRONG_HASHES = ("sha256", "sha384", "sha512")
_SEQUENCE = 0x30
_USUAL_SIGNATURES = tuple(
    bytes.fromhex(each)
    for each in (
        *(f"300d06092a864886f70d0101{last}0500" for last in ("0b", "0c", "0d")),  # RSA with SHA-256, -384, -512
        *(f"300a06082a8648ce3d0403{last}" for last in ("02", "03", "04")),  # ECDSA with them
        *(f"300b06096086480165030403{last}" for last in ("11", "12", "13")),  # ML-DSA
    )
)
_USUAL_PSS = tuple(
    bytes.fromhex(
        f"304106092a864886f70d01010a3034a00f300d06096086480165030402{each}0500"
        f"a11c301a06092a864886f70d010108300d06096086480165030402{each}0500a2030201{salt}"
    )
    for each, salt in (("01", "20"), ("02", "30"), ("03", "40"))
)
_KINDS: tuple[tuple[type, str], ...] = (
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
    (dsa.DSAPublicKey, "DSA"),
)
_KINDS_OF_ALL_CLIENTS = ("RSA", "ECDSA")
_ML_DSA = (PublicKeyAlgorithmOID.ML_DSA_44, PublicKeyAlgorithmOID.ML_DSA_65, PublicKeyAlgorithmOID.ML_DSA_87)
_REFUSED = ", which verification refuses"


def strength_faults(path: Path) -> tuple[Fault, ...]:
    """Return weak keys and signatures; MAJOR where common clients refuse a path for them.

    The signature of a root is no part of a path: a root is trusted for being listed. Where an authority's kind of key
    is refused, what it signs is not blamed besides.
    """
    keys = [
        _weak(each, words, severity, stops=place > 0 and severity > Severity.MINOR)
        for place, each in enumerate(path)
        for words, severity in _keys(each, is_authority=place > 0)
    ]
    refused = {each.certificate for each in keys if each.stops}
    signed = path[:-1] if path[-1].is_self_issued else path
    signers = (*path[1:], None)
    signatures = [
        _weak(each, f"is signed with {words}{_REFUSED}", Severity.MAJOR, stops=True)
        for each, signer in zip(signed, signers, strict=False)
        for words, follows_from_the_key in _signature(each)
        if not (follows_from_the_key and signer in refused)
    ]
    return (*signatures, *keys)


def _weak(certificate: Certificate, words: str, severity: Severity, *, stops: bool) -> Fault:
    detail = VERIFIER_REFUSES if stops else f"this toolkit's verifier takes it; {UNKNOWN_FOR_SAP}"
    return Fault(Code.CERTIFICATE_WEAK, certificate, words, severity, detail=detail, stops=stops)


def _keys(certificate: Certificate, *, is_authority: bool) -> Iterator[tuple[str, Severity]]:
    """Yield what is weak or unusual about the key, and how bad that is: the verifier looks at authorities' alone."""
    refused, severity = (_REFUSED, Severity.MAJOR) if is_authority else ("", Severity.MINOR)
    key, kind = certificate.public_key, certificate.parsed.public_key_algorithm_oid
    if isinstance(key, rsa.RSAPublicKey):
        yield from _sizes(key, is_authority=is_authority)
        if kind == PublicKeyAlgorithmOID.RSASSA_PSS:
            yield f"has an RSA key for PSS alone{refused}", severity
    elif isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = next(elements(next(elements(fields_of(certificate.der).public_key)).content))
        # RFC 5480, 2.1.1 forbids numbers in place of the name of a curve.
        if [each.tag for each in elements(algorithm.content)][1:] == [_SEQUENCE]:
            yield "writes its curve out in place of its name, which OpenSSL and Go refuse", Severity.MAJOR
        elif key.curve.name not in _USUAL_CURVES:
            yield f"has a key on the unusual curve {key.curve.name}{refused}", severity
    elif key is None:
        told = kind.dotted_string
        yield f"has a key of a kind or on a curve that is not known here ({told}){refused}", Severity.MAJOR
    elif kind not in _ML_DSA:
        told = next((name for each, name in _KINDS if isinstance(key, each)), type(key).__name__)
        yield f"has a key of an unusual kind ({told}){refused}", severity


def _sizes(key: rsa.RSAPublicKey, *, is_authority: bool) -> Iterator[tuple[str, Severity]]:
    if key.key_size < _SMALLEST_RSA:
        who = _REFUSED if is_authority else ", which OpenSSL from 3.2 on and public authorities' rules refuse"
        yield f"has an RSA key of {key.key_size} bits, less than {_SMALLEST_RSA}{who}", Severity.MAJOR
    elif key.key_size % _WHOLE_BYTE:
        yield f"has an RSA key of {key.key_size} bits, no whole number of bytes", Severity.MINOR


def _signature(certificate: Certificate) -> Iterator[tuple[str, bool]]:
    """Yield what is unusual about the signature, and whether that only follows from the issuer's kind of key."""
    if fields_of(certificate.der).signed_with in (*_USUAL_SIGNATURES, *_USUAL_PSS):
        return
    oid, kind = certificate.parsed.signature_algorithm_oid, kind_of_signature(certificate)
    if kind not in _KINDS_OF_ALL_CLIENTS:
        yield f"an algorithm of an unusual kind ({kind or oid.dotted_string})", True
        return
    try:
        algorithm = certificate.parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None:
        yield f"an algorithm that is not known here ({oid.dotted_string})", False
    elif algorithm.name not in _STRONG_HASHES:
        yield algorithm.name.upper().replace("SHA1", "SHA-1"), False
    elif oid == SignatureAlgorithmOID.RSASSA_PSS:
        yield "RSA-PSS and unusual parameters", False
