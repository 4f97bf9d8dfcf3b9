"""Files of certificates as people have them: PEM, DER, PKCS#7 or a PSE, told apart by what is in them.

One that cannot be read is named and does not keep the others from being read; everything is bounded.
"""

import base64
import binascii
import contextlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pse_preflight import pkcs7
from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.files import read_beginning

LARGEST_FILE = 16 << 20
MOST_CERTIFICATES = 5_000
"""More than any list of roots has: Mozilla's has about 150, Windows' about 500."""

_MOST_DAMAGED_NAMED = 3
_CERTIFICATE_BEGINNING = bytes((pkcs7.SEQUENCE,))
_PKCS12_BEGINNING = bytes.fromhex("020103")
_KEY_BEGINNING = bytes.fromhex("020100")

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 #]{1,64})-----(.*?)(-----END \1-----|(?=-----BEGIN )|\Z)", re.DOTALL)
_CERTIFICATE_LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"})
_BUNDLE_LABELS = frozenset({b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA"})
_LINE_END = re.compile(rb"\r\n?|\n")
_UNSEEN = re.compile(rb"\s|\\[rn]")
"""What may stand between the digits: line ends, blanks, and line ends as a JSON text writes them."""
_BARE_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{64,}={0,2}\s*")
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
_OTHER_FILES = (
    (re.compile(rb"\s*\Z"), "is empty"),
    (re.compile(rb"version https://git-lfs"), "is a pointer of Git LFS, not the file itself: get it with git lfs pull"),
    (re.compile(rb"\s*<(?:!doctype|html)", re.IGNORECASE), "is a web page, not a certificate"),
    (re.compile(rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce"), "is a Java key store; export its certificates with keytool"),
    (re.compile(rb"PK\x03\x04"), "is a zip archive; unpack it first"),
    (re.compile(rb"ssh-(?:rsa|ed25519) |ecdsa-"), "is an SSH key, not a certificate"),
)
_OTHER_LABELS = (
    (b"CERTIFICATE REQUEST", "a certificate request (what goes to the authority), not a certificate"),
    (b"PRIVATE KEY", "a private key and no certificate"),
    (b"CRL", "a revocation list and no certificate"),
    (b"PUBLIC KEY", "a public key and no certificate"),
)
_ACCEPTED = "PEM, DER, PKCS#7 or a PSE is needed"


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """What a file of certificates holds.

    Attributes:
        certificates: those that can be read, in their order, each once; at least one.
        damaged: for each of the others which one it is, and why it cannot be read.
        form: PEM, DER, PKCS#7 or PSE.
    """

    certificates: tuple[Certificate, ...]
    damaged: tuple[str, ...] = ()
    form: str = "PEM"


@dataclass(frozen=True, slots=True)
class _Piece:
    """One certificate of a file, as it lies there.

    Attributes:
        where: which one it is, in the words of messages.
        der: its bytes; nothing where not even they can be told.
        problem: why not.
    """

    where: str
    der: bytes = b""
    problem: str = ""


def read_certificate_file(path: Path) -> CertificateFile:
    """Read the certificates of a file.

    Raises:
        CertificateUnreadable: where it has none that can be read, or is no ordinary file; without its name.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CertificateUnreadable("is a folder" if path.is_dir() else "is no ordinary file")
        with path.open("rb") as stream:
            return read_certificates(read_beginning(stream, LARGEST_FILE + 1))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CertificateUnreadable(f"cannot be read: {reason}") from None


def read_certificates(data: bytes) -> CertificateFile:
    """Read the certificates in these bytes, whatever form they have.

    PEM may have other things around it and in it (keys, attributes, text), be UTF-16, or have any line ends.

    Raises:
        CertificateUnreadable: where there is none that can be read, with the reason.
    """
    if len(data) > LARGEST_FILE:
        raise CertificateUnreadable(f"is larger than {LARGEST_FILE >> 20} MiB")
    text = _as_text(data)
    if b"-----BEGIN " in text:
        return _collected(_pem_pieces(text), "PEM", _pem_without_certificate(text))
    if _BARE_BASE64.fullmatch(text):
        with contextlib.suppress(CertificateUnreadable):
            data = _decoded(text) or data
    return _of_binary(data)


def _as_text(data: bytes) -> bytes:
    """Return a text in ASCII, whatever its encoding; other bytes are left as they are."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding and data[1:2] == b"\0" and data[3:4] == b"\0":
        encoding = "utf-16-le"
    elif not encoding and data[:1] == b"\0" and data[2:3] == b"\0":
        encoding = "utf-16-be"
    return data.decode(encoding, "replace").encode("ascii", "replace") if encoding else data


def _collected(pieces: Iterator[_Piece], form: str, otherwise: str) -> CertificateFile:
    """Read every piece.

    Args:
        otherwise: what to say where there is no piece at all.
    """
    found: dict[Certificate, None] = {}
    damaged: list[str] = []
    for count, piece in enumerate(pieces, 1):
        if count > MOST_CERTIFICATES:
            raise CertificateUnreadable(f"has more than {MOST_CERTIFICATES} certificates")
        try:
            found[_read(piece)] = None
        except CertificateUnreadable as error:
            damaged.append(f"{piece.where}: {error}")
    if not found:
        more = f"; and {len(damaged) - _MOST_DAMAGED_NAMED} more" if len(damaged) > _MOST_DAMAGED_NAMED else ""
        raise CertificateUnreadable("; ".join(damaged[:_MOST_DAMAGED_NAMED]) + more or otherwise)
    return CertificateFile(tuple(found), tuple(damaged), form)


def _read(piece: _Piece) -> Certificate:
    """Read one certificate; where it is cut short, too long or something else, say so in plain words."""
    problem = piece.problem or _layout_problem(piece.der)
    if problem:
        raise CertificateUnreadable(problem)
    try:
        return Certificate.read(piece.der)
    except CertificateUnreadable as error:
        raise CertificateUnreadable(f"is damaged, or no certificate ({error})") from None


def _layout_problem(der: bytes) -> str:
    if not der.startswith(_CERTIFICATE_BEGINNING):
        return "is no certificate" if der else "is empty"
    try:
        spare = len(der) - len(pkcs7.first_element(der))
    except pkcs7.Malformed as error:
        return str(error)
    return f"has {spare} bytes too many at its end" if spare else ""


def _pem_pieces(text: bytes) -> Iterator[_Piece]:
    """Yield the certificates of a PEM text; a block may also hold a whole bundle, whatever its label says."""
    number = line = position = 0
    for block in _BLOCK.finditer(text):
        label, digits, ending = block.groups()
        line += len(_LINE_END.findall(text, position, block.start()))
        position = block.start()
        if label not in _CERTIFICATE_LABELS | _BUNDLE_LABELS:
            continue
        number += 1
        where = f"certificate {number} (line {line + 1})"
        try:
            content = _decoded(digits)
        except CertificateUnreadable as error:
            yield _Piece(where, problem=str(error) if ending else f"has no END line, and {error}")
            continue
        if pkcs7.is_bundle(content):
            yield from _bundle_pieces(content, f"{where}, in it ")
            continue
        if label == b"TRUSTED CERTIFICATE":  # OpenSSL puts something of its own behind it, X509_CERT_AUX
            with contextlib.suppress(pkcs7.Malformed):
                content = pkcs7.first_element(content)
        yield _Piece(where, content)


def _decoded(digits: bytes) -> bytes:
    joined = _UNSEEN.sub(b"", digits)
    try:
        return base64.b64decode(joined, validate=True)
    except binascii.Error:
        odd = re.search(rb"[^A-Za-z0-9+/=]", joined)
        reason = f"holds {chr(odd[0][0])!a}, which no certificate has" if odd else "some of its characters are missing"
        raise CertificateUnreadable(f"its text is damaged: {reason}") from None


def _pem_without_certificate(text: bytes) -> str:
    labels = [block[1] for block in _BLOCK.finditer(text)]
    for part, words in _OTHER_LABELS:
        if any(part in label for label in labels):
            return f"holds {words}"
    return "has no BEGIN CERTIFICATE line"


def _of_binary(data: bytes) -> CertificateFile:
    what = next((words for pattern, words in _OTHER_FILES if pattern.match(data)), "")
    if what:
        raise CertificateUnreadable(what)
    if pkcs7.is_bundle(data):
        return _collected(_bundle_pieces(data, ""), "PKCS#7", "is a PKCS#7 file without certificates")
    beginning = pkcs7.beginning(data)
    if beginning.startswith(_CERTIFICATE_BEGINNING):
        return _collected(iter([_Piece("the certificate", data)]), "DER", "")
    if beginning.startswith(_PKCS12_BEGINNING):
        raise CertificateUnreadable("is a PKCS#12 file (.p12, .pfx); export its certificates as PEM or PKCS#7")
    if beginning.startswith(_KEY_BEGINNING):
        raise CertificateUnreadable("is a private key, not a certificate")
    return _of_pse(data)


def _bundle_pieces(bundle: bytes, before: str) -> Iterator[_Piece]:
    """Yield the certificates of a PKCS#7 bundle.

    Args:
        before: what stands before the number of each in messages.
    """
    number = 0
    try:
        for number, each in enumerate(pkcs7.certificates_in(bundle), 1):
            yield _Piece(f"{before}certificate {number}", each)
    except pkcs7.Malformed as error:
        yield _Piece(f"{before}certificate {number + 1}", problem=str(error))


def _of_pse(data: bytes) -> CertificateFile:
    """Read the certificate list of a PSE."""
    from pse_preflight.pse import file

    try:
        found = file.read(data)
    except file.NotAPse:
        raise CertificateUnreadable(f"holds no certificate; {_ACCEPTED}") from None
    except file.PinNeeded:
        raise CertificateUnreadable("is a PSE with a PIN, so its certificate list cannot be read") from None
    except file.DamagedPse as error:
        raise CertificateUnreadable(f"is no certificate, and as a PSE it is {error}") from None
    except file.PseError as error:
        raise CertificateUnreadable(f"is a PSE that cannot be read here: {error}") from None
    pieces = [
        _Piece(f"entry {number} of its certificate list", each.der or b"", "" if each.der else "is not stored whole")
        for number, each in enumerate(found.trusted, 1)
    ]
    return _collected(iter(pieces), "PSE", "is a PSE whose certificate list is empty")
