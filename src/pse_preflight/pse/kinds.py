"""What a file is that should be a PSE, and what has happened to it: bytes in, words out.

People are mailed PSE files, download them, keep them in text systems. What comes out then is told apart here, with the
way to get the file whole again. Nothing is guessed: a file is called whole only where it can be read.
"""

import base64
import binascii
import enum
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pse_preflight.pse import file
from pse_preflight.pse.credentials import are_credentials
from pse_preflight.pse.errors import (
    DamagedPse,
    LegacyPse,
    MachineBoundPse,
    NotAPse,
    PinNeeded,
    PseError,
    UnknownEncoding,
)


class FileKind(enum.StrEnum):
    """What a file is, or what has happened to it."""

    PSE = "pse"
    PSE_WITH_PIN = "pse_with_pin"
    PSE_MACHINE_BOUND = "pse_machine_bound"
    PSE_UNKNOWN = "pse_of_an_unknown_form"
    CREDENTIALS = "cred_v2"
    PKCS12 = "pkcs12"
    JAVA_KEY_STORE = "java_key_store"
    PEM = "pem"
    CERTIFICATE = "certificate"
    PKCS7 = "pkcs7"
    PRIVATE_KEY = "private_key"
    ARCHIVE = "archive"
    BASE64 = "base64"
    HEX = "hex"
    LINE_ENDS = "line_ends_converted"
    RECODED = "recoded_as_text"
    TRUNCATED = "truncated"
    GOES_ON = "goes_on"
    DAMAGED = "damaged"
    LFS_POINTER = "lfs_pointer"
    WEB_PAGE = "web_page"
    EMPTY = "empty"
    ZEROS = "zeros"
    TOO_LARGE = "too_large"
    TEXT = "text"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FileFound:
    """What was found out about the bytes of a file.

    Attributes:
        kind: what they are, or what has happened to them.
        what: the same in words, such as "base64 of a PSE".
        remedy: how to get the file whole, or what to do with a file of this kind; empty where nothing is to be done.
        whole: the file as it was before, where all of it is there; never in a repr, for it may hold a key.
        inside: what the bytes hold once they are decoded, where that can be told.
    """

    kind: FileKind
    what: str
    remedy: str = ""
    whole: bytes | None = field(default=None, repr=False)
    inside: "FileFound | None" = None

    @property
    def is_pse(self) -> bool:
        """Tell whether it is a PSE that is whole as it stands, whether it can be read here or not."""
        return self.kind in _PSES


def kind_of_file(data: bytes) -> FileFound:
    """Tell what a file is, and where it is damaged what has happened to it and how to get it whole."""
    return _recognised(data, 0)


_PSES = frozenset({FileKind.PSE, FileKind.PSE_WITH_PIN, FileKind.PSE_MACHINE_BOUND, FileKind.PSE_UNKNOWN})
_SOUND = _PSES | {FileKind.CREDENTIALS, FileKind.PKCS12, FileKind.CERTIFICATE, FileKind.PKCS7, FileKind.PRIVATE_KEY}

_DEEPEST = 3
"""So often is a text within a text decoded, such as base64 of base64."""
_MOST_VALUES = 20_000
_FEW = 16
_BINARY = "copy it again from where it is whole, in binary mode (FTP: binary; never through an editor or a text field)"
_AGAIN = "copy or download it again, to its end; compare the sizes"
_LENGTH = rb"(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)"
_PKCS7_OID = bytes.fromhex("06092a864886f70d010702")

_BEGINNINGS: tuple[tuple[re.Pattern[bytes], FileKind, str, str], ...] = (
    (
        re.compile(rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce"),
        FileKind.JAVA_KEY_STORE,
        "a Java key store (JKS)",
        "keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12 makes PKCS#12 of it",
    ),
    (
        re.compile(rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|CAR 2"),
        FileKind.ARCHIVE,
        "an archive (zip, gz, 7z or SAR)",
        "unpack it first",
    ),
    (
        re.compile(rb"version https://git-lfs"),
        FileKind.LFS_POINTER,
        "a pointer of Git LFS, not the file itself",
        "get the file with git lfs pull, or download it from the page of the repository",
    ),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|\?xml)", re.IGNORECASE),
        FileKind.WEB_PAGE,
        "a web page in place of a download",
        "open the address in a browser: it may want a logon; then download the file itself (the raw file)",
    ),
)
_DER_BEGINNINGS: tuple[tuple[re.Pattern[bytes], FileKind, str], ...] = (
    (re.compile(rb"\x30" + _LENGTH + rb"\x02\x01\x03\x30", re.DOTALL), FileKind.PKCS12, "a PKCS#12 file (.p12, .pfx)"),
    (re.compile(rb"\x30" + _LENGTH + re.escape(_PKCS7_OID), re.DOTALL), FileKind.PKCS7, "a PKCS#7 file (.p7b)"),
    (
        re.compile(rb"\x30" + _LENGTH + rb"(?:\x02\x01\x00[\x02\x30]|\x30" + _LENGTH + rb"\x06)", re.DOTALL),
        FileKind.PRIVATE_KEY,
        "a private key",
    ),
    (
        re.compile(rb"\x30" + _LENGTH + rb"\x30" + _LENGTH + rb"\x16", re.DOTALL),
        FileKind.CREDENTIALS,
        "the credentials file cred_v2",
    ),
    (
        re.compile(rb"\x30" + _LENGTH + rb"\x30" + _LENGTH + rb"(?:\xa0\x03)?\x02", re.DOTALL),
        FileKind.CERTIFICATE,
        "a certificate (DER)",
    ),
    (
        re.compile(rb"\x30" + _LENGTH + rb"\x02(?:\x01[\x02\x04]|\x02\x01\x00)", re.DOTALL),
        FileKind.PSE,
        "a PSE",
    ),
)
_WHAT_TO_DO = {
    FileKind.PKCS12: "opengenpse import_p12 makes a PSE of it, where it holds a private key",
    FileKind.PKCS7: "it holds certificates; opengenpse maintain_pk -a adds them to a PSE",
    FileKind.PRIVATE_KEY: "opengenpse import_p8 makes a PSE of it, with its certificate",
    FileKind.CREDENTIALS: "the PSE itself is another file; seclogin -l names it",
    FileKind.CERTIFICATE: "opengenpse maintain_pk -a adds it to a PSE",
}
_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 #]{1,64})-----(.*?)(-----END \1-----|(?=-----BEGIN )|\Z)", re.DOTALL)
_PEM_HOLDS = (
    (b"PRIVATE KEY", "a private key in PEM", "opengenpse import_p8 makes a PSE of it, with its certificate"),
    (b"REQUEST", "a certificate request in PEM", "the authority's answer to it is what import_own_cert takes"),
    (b"", "certificates in PEM", "opengenpse maintain_pk -a adds them to a PSE"),
)
_HEX = re.compile(rb"(?:0[xX])?(?:[0-9A-Fa-f]{2}[\s:,]*(?:0[xX])?)+")
_HEX_DUMP = re.compile(rb"\s*[0-9A-Fa-f]{4,8}:?[ \t]+[0-9A-Fa-f]{2} ?[0-9A-Fa-f]{2}[ \t]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_QUOTES = b"\"'` \t\r\n;,"
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def _recognised(data: bytes, depth: int) -> FileFound:
    found = _sound_pse(data) or _nothing_in_it(data)
    if found:
        return found
    for look in (_by_beginning, _converted, _recoded, _written_as_text, _binary):
        found = look(data, depth)
        if found:
            return found
    text = _text(data)
    if text is not None and all(char.isprintable() or char in "\r\n\t\f" for char in text):
        return FileFound(FileKind.TEXT, "a text", "name the file itself, not one that describes it")
    return FileFound(FileKind.UNKNOWN, "a file of an unknown kind", _BINARY)


def _sound_pse(data: bytes) -> FileFound | None:
    try:
        file.read(data)
    except (NotAPse, DamagedPse):
        return None
    except PinNeeded:
        return FileFound(FileKind.PSE_WITH_PIN, "a PSE with a PIN", whole=data)
    except MachineBoundPse:
        what = "a PSE that is bound to the machine that made it (LPS)"
        return FileFound(FileKind.PSE_MACHINE_BOUND, what, "only SAP's tool on that machine opens it", data)
    except LegacyPse as error:
        return FileFound(FileKind.PSE_UNKNOWN, f"{error}", "make a new PSE", data)
    except (UnknownEncoding, PseError) as error:
        return FileFound(FileKind.PSE_UNKNOWN, f"a PSE of a form that is not known here: {error}", "", data)
    return FileFound(FileKind.PSE, "a PSE", whole=data)


def _nothing_in_it(data: bytes) -> FileFound | None:
    if len(data) > file.LARGEST_FILE:
        size = file.LARGEST_FILE >> 20
        return FileFound(FileKind.TOO_LARGE, f"larger than {size} MiB, and no PSE is", "name the file itself")
    if not data.strip():
        return FileFound(FileKind.EMPTY, "an empty file", _AGAIN)
    if not data.strip(b"\0"):
        what = f"nothing but zero bytes ({len(data)} of them)"
        return FileFound(
            FileKind.ZEROS, what, f"the disk was full, or the machine stopped while it was written; {_AGAIN}"
        )
    return None


def _by_beginning(data: bytes, _: int) -> FileFound | None:
    for pattern, kind, what, remedy in _BEGINNINGS:
        if pattern.match(data):
            return FileFound(kind, what, remedy, data if kind is FileKind.JAVA_KEY_STORE else None)
    return None


def _converted(data: bytes, depth: int) -> FileFound | None:
    """Find a binary file whose line ends were made longer on its way, or that has got something before it."""
    if data[:1] == b"\x30" and b"\r\n" in data[:-1]:
        inside = _whole(data.replace(b"\r\n", b"\n"), depth)
        if inside:
            what = f"{inside.what}, whose line feeds were turned into Windows' line ends"
            return FileFound(FileKind.LINE_ENDS, what, _BINARY, inside.whole, inside)
    before = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n\t ")
    if before[:1] == b"\x30" and len(before) < len(data):
        inside = _whole(before, depth)
        if inside:
            what = f"{inside.what}, with {len(data) - len(before)} bytes before it"
            return FileFound(FileKind.GOES_ON, what, _BINARY, inside.whole, inside)
    return None


def _whole(data: bytes, depth: int) -> FileFound | None:
    """Return what the bytes are, where they are a sound binary file."""
    if depth == _DEEPEST:
        return None
    found = _sound_pse(data) or _binary(data, depth)
    return found if found and found.kind in _SOUND else None


def _recoded(data: bytes, depth: int) -> FileFound | None:
    """Find a binary file that some program has read as text and written as another one."""
    if data.startswith(b"0\xef\xbf\xbd"):
        what = "a binary file that was saved as text: what its bytes were is lost"
        return FileFound(FileKind.RECODED, what, _BINARY)
    text = _text(data)
    if text is None or text[:1] != "0" or text.isascii():
        return None
    for encoding in ("latin-1", "cp1252"):
        try:
            inside = _whole(text.encode(encoding), depth)
        except UnicodeEncodeError:
            continue
        if inside:
            return FileFound(FileKind.RECODED, f"{inside.what}, saved as text", _BINARY, inside.whole, inside)
    return None


def _text(data: bytes) -> str | None:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _written_as_text(data: bytes, depth: int) -> FileFound | None:
    """Find what is written in PEM, base64 or hexadecimal digits, in whatever encoding of text."""
    text = _text(data)
    if text is None or depth == _DEEPEST:
        return None
    plain = text.encode("ascii", "replace")
    return _pem(plain, depth) or _dumped(plain) or _encoded(plain, depth)


def _pem(text: bytes, depth: int) -> FileFound | None:
    """Find PEM; a block may hold another file altogether, as certutil -encode writes any file as a certificate."""
    block = next((each for each in _PEM_BLOCK.finditer(text) if each[3]), None)
    if block is None and b"-----BEGIN " in text:
        return FileFound(FileKind.TRUNCATED, "PEM that breaks off before its END line", _AGAIN)
    if block is None:
        return None
    inside = next(_decoded(block[2], depth), None)
    if inside and (inside.is_pse or inside.kind is FileKind.PKCS12):
        return _decodable(FileKind.BASE64, "base64", inside)
    what, remedy = next((what, remedy) for part, what, remedy in _PEM_HOLDS if part in block[1])
    return FileFound(FileKind.PEM, what, remedy, text)


def _dumped(text: bytes) -> FileFound | None:
    if _HEX_DUMP.match(text):
        what = "a hexadecimal dump with offsets"
        return FileFound(FileKind.HEX, what, "xxd -r IN OUT (Linux) or certutil -decodehex IN OUT (Windows) undoes it")
    return None


def _encoded(text: bytes, depth: int) -> FileFound | None:
    stripped = text.strip(_QUOTES)
    if _HEX.fullmatch(stripped):
        digits = re.sub(rb"0[xX]|[\s:,]", b"", stripped)
        inside = _recognised(bytes.fromhex(digits.decode("ascii")), depth + 1)
        if inside.kind not in {FileKind.UNKNOWN, FileKind.TEXT}:
            return _decodable(FileKind.HEX, "hexadecimal digits", inside)
    inside_base64 = next(_decoded(stripped, depth), None)
    return _decodable(FileKind.BASE64, "base64", inside_base64) if inside_base64 else None


def _decoded(text: bytes, depth: int) -> Iterator[FileFound]:
    """Yield what base64 holds, if it is base64 and holds something that is known."""
    joined = b"".join(text.replace(b"\\n", b"").split())
    if not _BASE64.fullmatch(joined):
        return
    padded = joined.rstrip(b"=")
    padded += b"=" * (-len(padded) % 4)
    try:
        content = base64.b64decode(padded.replace(b"-", b"+").replace(b"_", b"/"), validate=True)
    except binascii.Error:
        return
    found = _recognised(content, depth + 1)
    if found.kind not in {FileKind.UNKNOWN, FileKind.TEXT}:
        yield found


_DECODE = {
    FileKind.BASE64: "decode it: base64 -d IN > OUT (Linux), certutil -decode IN OUT (Windows)",
    FileKind.HEX: "decode it: xxd -r -p IN OUT (Linux), certutil -decodehex IN OUT (Windows)",
}


def _decodable(kind: FileKind, form: str, inside: FileFound) -> FileFound:
    more = "" if inside.kind in _SOUND or not inside.remedy else f"; what comes out is {inside.what}: {inside.remedy}"
    return FileFound(kind, f"{form} of {inside.what}", _DECODE[kind] + more, inside.whole, inside)


def _binary(data: bytes, _: int) -> FileFound | None:
    """Find a binary file by its beginning, and see whether it has its whole length."""
    if data[:1] != b"\x30":
        return None
    kind, what = next(
        ((kind, what) for pattern, kind, what in _DER_BEGINNINGS if pattern.match(data)),
        (FileKind.UNKNOWN, "a binary file"),
    )
    if are_credentials(data):
        kind, what = FileKind.CREDENTIALS, "the credentials file cred_v2"
    size = _declared_size(data)
    if size is None and kind in {FileKind.PKCS12, FileKind.PKCS7} and data[1:2] == b"\x80" and data.endswith(b"\0\0"):
        size = len(data)  # it is whole, and its length was not known when it was written (X.690, 8.1.3.6)
    if size is None or size > len(data):
        return _too_short(data, size, what)
    if size < len(data):
        return _too_long(data, size, what)
    if kind is FileKind.UNKNOWN:
        return None
    if kind is FileKind.PSE:
        return FileFound(FileKind.DAMAGED, f"a PSE that is {_flaw(data)}", _BINARY)
    return FileFound(kind, what, _WHAT_TO_DO[kind], data)


def _declared_size(data: bytes) -> int | None:
    """Return how long the file must be by its first header; nothing where that is not whole, or none."""
    header = data[1:6]
    if not header:
        return None
    if header[0] < 0x80:  # noqa: PLR2004 - X.690, 8.1.3
        return 2 + header[0]
    count = header[0] - 0x80
    digits = header[1 : 1 + count]
    return 2 + count + int.from_bytes(digits) if 0 < count == len(digits) else None


def _too_short(data: bytes, size: int | None, what: str) -> FileFound:
    there = f"{len(data)} bytes are there" if size is None else f"{len(data)} of its {size} bytes are there"
    if size is not None and not _breaks_off_cleanly(data):
        lost = size - len(data)
        if b"\r\n" not in data and lost <= max(_FEW, len(data) >> 12):
            told = f"{what} that is damaged: {lost} bytes are lost within it, as where line ends are converted"
            return FileFound(FileKind.LINE_ENDS, told, _BINARY)
        return FileFound(FileKind.DAMAGED, f"{what} that is damaged: {there}, and its parts do not fit", _BINARY)
    return FileFound(FileKind.TRUNCATED, f"{what} that breaks off: {there}", _AGAIN)


def _too_long(data: bytes, size: int, what: str) -> FileFound:
    inside = _whole(data[:size], 0)
    spare = data[size:]
    ends = "a line end" if not spare.strip() else f"{len(spare)} bytes that do not belong to it"
    told = f"{inside.what if inside else what}, with {ends} behind it"
    remedy = _BINARY if not spare.strip() else "see what stands behind it: two files may have been joined"
    return FileFound(FileKind.GOES_ON, told, remedy, inside.whole if inside else None, inside)


def _breaks_off_cleanly(data: bytes) -> bool:
    """Tell whether every value fits into the one around it as far as the bytes go."""
    ends: list[float] = [math.inf]
    position = 0
    for _ in range(_MOST_VALUES):
        while position >= ends[-1]:
            ends.pop()
        try:
            inner, after = _span(data, position)
        except DamagedPse:
            return False
        except IndexError:
            return True
        if after > ends[-1]:
            return False
        is_constructed = bool(data[position] & 0x20)
        if is_constructed:
            ends.append(after)
        position = inner if is_constructed else after
    return True


def _span(data: bytes, start: int) -> tuple[int, int]:
    """Return where the content of a value begins and ends.

    Raises:
        DamagedPse: where it is no value.
        IndexError: where the bytes end within its header.
    """
    length, inner = data[start + 1], start + 2
    if length < 0x80:  # noqa: PLR2004 - X.690, 8.1.3
        return inner, inner + length
    count = length - 0x80
    if not 0 < count <= 4:  # noqa: PLR2004 - longer than any file
        raise DamagedPse(start, "a length that DER does not know")
    if inner + count > len(data):
        raise IndexError
    return inner + count, inner + count + int.from_bytes(data[inner : inner + count])


def _flaw(data: bytes) -> str:
    try:
        file.read(data)
    except PseError as error:
        return str(error).removeprefix("not a PSE: ")
    return "sound"
