"""Understand what sapgenpse prints: one tolerant grammar for all its commands, and nothing is ever guessed.

Lines may be indented as they like, stand among prompts, warnings and a wrapper's banner, and end in LF or CR LF. What
is known of the formats, and what is not, is told in the reference of the tool (sections 3 to 6).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.errors import PreflightError
from pse_preflight.findings import one_line
from pse_preflight.json_types import Moment
from pse_preflight.pse.trusted import TrustedCertificate

_Value = TypeVar("_Value")

MOST_LINES = 100_000
"""What a program may print; a list of 3,000 certificates is shorter."""
_SHOWN_LINES = 5
_SHOWN_CHARACTERS = 160

_PROMPT = re.compile(
    r"Please (?:re)?enter (?:PSE )?PIN(?:/Passphrase)?:[ ]?\**|\b[a-z_]{1,30}: Distinguished name of PSE owner:",
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"[ \t]*Element #([0-9]{1,9}):?[ \t]*", re.IGNORECASE)
_UTC_IN_PARENTHESES = re.compile(r"\(([0-9]{2}|[0-9]{4})([0-9]{10})Z\)")
_HEX_BYTES = re.compile(r"[0-9A-F]{2}(?::?[0-9A-F]{2})*", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")

_FIELDS = {
    "subject": "subject",
    "issuer": "issuer",
    "serial number": "serial",
    "serialno": "serial",
    "validity not before": "not_before",
    "notbefore": "not_before",
    "validity not after": "not_after",
    "notafter": "not_after",
    "extensions": "extensions",
    "certificate fingerprint (md5)": "md5",
    "certificate fingerprint (sha1)": "sha1",
    "certificate fingerprint (sha256)": "sha256",
}
_WANTED = ("subject", "issuer", "serial", "not_before", "not_after")

_UPDATED = re.compile(r"PKList updated \(([0-9]{1,9}) entries total, ([0-9]{1,9}) newly added\)", re.IGNORECASE)
_DUPLICATE = re.compile(r"duplicate", re.IGNORECASE)
_WRONG_PIN = re.compile(r"wrong\W{0,3}(?:pin|passphrase|password)\b", re.IGNORECASE)

_WORD = re.compile(r"[a-z0-9]+")
_KEY_OF_A_NAME = re.compile(r"(?:^|[,;+/])[ ]?[a-z0-9.]{1,64}[ ]?=")
_ESCAPED_BYTE = re.compile(r"\\[0-9a-f]{2}")

_HEADING = re.compile(r"\bmaintain_pk for PSE\b|^[ \t]*PKList\b", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_BEGINNING_OF_A_NAME = r"\b(?:CN|OU|O|L|SP|ST|S|C|DC|UID|E|EMAIL|EMAILADDRESS|SERIALNUMBER|STREET|T|SN|G)[ ]?="
_NAME = re.compile(_BEGINNING_OF_A_NAME + r"[^:]*", re.IGNORECASE)
_TRACE_OF_A_CERTIFICATE = re.compile(
    _BEGINNING_OF_A_NAME + r"|(?:[0-9A-F]{2}:){4}|\([0-9]{12,14}Z\)|-BEGIN |[0-9A-F]{32}", re.IGNORECASE
)
_SAYS_EMPTY = re.compile(
    r"\b(?:empty|nothing|none)\b"
    r"|\b(?:no|0|any) (?:\w{1,30} ){0,2}(?:certificates?|entr(?:y|ies)|elements?|keys?|PKList)\b"
    r"|\bPKList\b.*\bnot (?:found|exist|present)\b",
    re.IGNORECASE,
)
_SAYS_FAILED = re.compile(
    r"\b(?:couldn't|could not|can't|cannot|errors?|failed|failure|wrong|denied|unrecognized|invalid|duplicate)\b",
    re.IGNORECASE,
)


class OutputUnreadable(PreflightError):
    """The program printed something that cannot be understood.

    Attributes:
        lines: the offending lines.
    """

    def __init__(self, reason: str, lines: Iterable[str]) -> None:
        """Say what is wrong with which lines; a few of them are shown, shortened."""
        self.lines = tuple(lines)
        shown = [one_line(line.strip(" \t")[:_SHOWN_CHARACTERS]) for line in self.lines if line.strip(" \t")]
        more = [f"({len(shown) - _SHOWN_LINES} more lines)"] if len(shown) > _SHOWN_LINES else []
        super().__init__(": ".join([reason, " | ".join(shown[:_SHOWN_LINES] + more)]) if shown else reason)


@dataclass(frozen=True, slots=True)
class ListedCertificate:
    """One entry of the certificate list of a PSE, as printed.

    Attributes:
        sha256: fingerprint, 64 hexadecimal digits in lower case; None where the program prints none.
        subject, issuer: distinguished names in the program's own spelling.
        serial: serial number.
        not_before, not_after: validity in UTC.

    Without a fingerprint all others are there; with one, what the program does not print is empty or None.
    """

    sha256: str | None
    subject: str
    issuer: str
    serial: int | None
    not_before: Moment | None
    not_after: Moment | None

    def is_of(self, certificate: Certificate) -> bool:
        """Tell whether this entry is the given certificate: by fingerprint, or without one by serial number and issuer.

        The spelling of a name is the program's own, so that every attribute value of the issuer is looked for in what
        is printed; the validity must be equal too.
        """
        if self.sha256 is not None:
            return self.sha256 == certificate.sha256
        return (
            self.serial == certificate.serial_number
            and self.not_before == certificate.not_before
            and self.not_after == certificate.not_after
            and names(self.issuer, certificate.parsed.issuer)
        )

    def is_stored_as(self, held: TrustedCertificate) -> bool:
        """Tell whether this entry is one of the file's; where a fingerprint is unknown, by serial number and days."""
        if held.certificate is not None:
            return self.is_of(held.certificate)
        if self.sha256 is not None and held.sha256 is not None:
            return self.sha256 == held.sha256
        return (self.serial, self.not_before, self.not_after) == (held.serial_number, held.not_before, held.not_after)


@dataclass(frozen=True, slots=True)
class Listing:
    """The certificate list of a PSE, as `maintain_pk -l` prints it."""

    entries: tuple[ListedCertificate, ...]

    @property
    def has_fingerprints(self) -> bool:
        """Tell whether every entry can be matched by its SHA-256 fingerprint."""
        return all(entry.sha256 is not None for entry in self.entries)

    def find(self, certificate: Certificate) -> ListedCertificate | None:
        """Return the entry that is the given certificate."""
        return next((entry for entry in self.entries if entry.is_of(certificate)), None)


@dataclass(frozen=True, slots=True)
class Added:
    """What `maintain_pk -a` says it did; only a listing proves it.

    Attributes:
        total: number of entries in the list afterwards; None where the certificate was already there.
        newly: how many of them are new.
    """

    total: int | None
    newly: int


@dataclass(frozen=True, slots=True)
class Owner:
    """What `get_my_name` says of the PSE's own certificate; None for what it was not asked.

    Attributes:
        subject, issuer: distinguished names in the program's own spelling.
        not_before, not_after: validity in UTC.
    """

    subject: str | None
    issuer: str | None
    not_before: datetime | None
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """What `cryptinfo` says: the version of the program and of SAP's library; None where it does not tell."""

    program: str | None
    library: str | None


@dataclass(frozen=True, slots=True)
class _Line:
    """A printed line; `name` is the field it tells, if it is one that matters."""

    text: str
    indentation: int
    name: str | None
    value: str


@dataclass(slots=True)
class _ListedBlock:
    """The lines that describe one certificate."""

    number: int | None
    lines: list[_Line] = field(default_factory=list)
    fields: dict[str, _Line] = field(default_factory=dict)

    def take(self, line: _Line) -> None:
        """Add a line; the same field twice would make it a matter of luck which one counts."""
        self.lines.append(line)
        if line.name is None:
            return
        if line.name in self.fields:
            raise OutputUnreadable("the same field twice in one entry", (self.fields[line.name].text, line.text))
        self.fields[line.name] = line


def parse_listing(text: str) -> Listing:
    """Read the output of `maintain_pk -l`.

    Raises:
        OutputUnreadable: where an entry is incomplete or contradictory, or where no entry is recognised and it is not
            certain that the list is empty.
    """
    blocks = list(_blocks(text))
    if not any(block.fields for block in blocks):
        return _empty_listing(text)
    _check_numbers(blocks)
    return Listing(tuple(_entry(block) for block in blocks))


def parse_added(text: str) -> Added:
    """Read the output of `maintain_pk -a`.

    Raises:
        OutputUnreadable: where it says neither that the list was updated nor that the certificate was there already.
    """
    words = "\n".join(_NAME.sub("", line) for line in _outside_fields(text))
    updated = _UPDATED.search(words)
    if updated:
        return Added(int(updated[1]), int(updated[2]))
    if _DUPLICATE.search(words):
        return Added(None, 0)
    raise OutputUnreadable("it does not say that the certificate list was updated", _lines(text))


def parse_my_name(text: str) -> Owner:
    """Read the output of `get_my_name`, whatever it was asked for; certificates of issuers that follow are left out.

    Raises:
        OutputUnreadable: where it names neither an owner nor a validity.
    """
    found: dict[str, _Line] = {}
    for line in _own_certificate(text):
        if line.name is not None:
            found.setdefault(line.name, line)
    if not found.keys() & set(_WANTED):
        raise OutputUnreadable("it does not name the owner", _lines(text))
    return Owner(
        subject=_read(found, "subject", _name),
        issuer=_read(found, "issuer", _name),
        not_before=_read(found, "not_before", _moment),
        not_after=_read(found, "not_after", _moment),
    )


def parse_version(text: str) -> Version:
    """Read the output of `cryptinfo`."""
    program = re.search(r"\bSAPGENPSE[ \t]+(?:Version[ \t]+)?([0-9][\w.]*)", text)
    library = re.search(r"\bVersion[ \t]+([0-9][\w.]*(?:[ \t]+pl[0-9]+)?)", text)
    return Version(program[1] if program else None, library[1] if library else None)


def says_wrong_pin(text: str, names: Iterable[x509.Name] = ()) -> bool:
    """Tell whether the program could not open the PSE because of its PIN.

    A program that shows a certificate of the PSE has opened it, whatever the certificate is called.

    Args:
        names: the names of the certificates that it was given.
    """
    if any(line.name for line, _ in _outside_extensions(_without(names, text))):
        return False
    return _WRONG_PIN.search(own_words(text, names)) is not None


def own_words(text: str, names: Iterable[x509.Name] = ()) -> str:
    """Return what the program says itself: nothing quoted, and no line that tells of a certificate.

    Args:
        names: the names of the certificates that it was given.
    """
    lines = _outside_fields(_without(names, text))
    return "\n".join(line for line in lines if not _TRACE_OF_A_CERTIFICATE.search(line))


def _without(names: Iterable[x509.Name], text: str) -> str:
    """Take the values of these names out of a text."""
    values = {str(attribute.value) for name in names for attribute in name if isinstance(attribute.value, str)}
    for value in sorted(filter(None, values), key=len, reverse=True):
        text = text.replace(value, "")
    return text


def _outside_fields(text: str) -> Iterator[str]:
    """Yield the lines that are no field of a certificate, without what is quoted in them."""
    return (_QUOTED.sub("", line.text) for line, _ in _outside_extensions(text) if not line.name)


def names(printed: str, name: x509.Name) -> bool:
    """Tell whether a printed distinguished name is this one, whatever order, keys and escapes a build prints.

    The words of all values must be the same. Where some are not in ASCII, how a build prints them is not known, so that
    their plain parts must be found in what is printed; others may then be there too.
    """
    values = [attribute.value for attribute in name]
    texts = [value.lower() for value in values if isinstance(value, str)]
    if len(texts) < len(values) or not all(text.isascii() for text in texts):
        return all(_holds(printed.lower(), text) for text in texts)
    said = _KEY_OF_A_NAME.sub(" ", _ESCAPED_BYTE.sub(" ", printed.lower()))
    return sorted(_WORD.findall(said)) == sorted(_WORD.findall(" ".join(texts)))


def _holds(printed: str, value: str) -> bool:
    position = 0
    for part in _WORD.findall(value):
        position = printed.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True


def _lines(text: str) -> list[str]:
    # Only LF ends a line: a name may hold characters (U+0085, U+2028) at which str.splitlines would cut it.
    return [_PROMPT.sub("", line.rstrip(" \t\r")) for line in text.split("\n")]


def _read_line(text: str) -> _Line:
    key, colon, value = text.partition(":")
    key = " ".join(key.lower().split()).removeprefix("validity - ")
    indentation = len(text) - len(text.lstrip(" \t"))
    return _Line(text, indentation, _FIELDS.get(key) if colon else None, value.strip(" \t"))


def _blocks(text: str) -> Iterator[_ListedBlock]:
    """Cut a listing into its entries; what stands before the first field belongs to no entry."""
    block = _ListedBlock(None)
    for line, number in _outside_extensions(text):
        if number is None:
            block.take(line)
            continue
        if block.fields or block.number is not None:
            yield block
        block = _ListedBlock(number, [line])
    yield block


def _outside_extensions(text: str) -> Iterator[tuple[_Line, int | None]]:
    """Return every line with its `Element #` number, but what is nested below `Extensions:`, which may say anything.

    Nested is what stands deeper than every field of the entry so far.
    """
    deepest, within = 0, False
    for line in map(_read_line, _lines(text)):
        element = _ELEMENT.fullmatch(line.text)
        if within and (line.indentation > deepest or not (element or line.name)):
            continue
        if element:
            deepest = 0
        elif line.name:
            deepest = max(deepest, line.indentation)
        within = line.name == "extensions"
        yield line, int(element[1]) if element else None


def _check_numbers(blocks: list[_ListedBlock]) -> None:
    """Refuse a listing that lost or repeated an entry; whether the tool counts from 0 or from 1 is not known."""
    numbers = [block.number for block in blocks]
    if numbers == [None] or numbers in (list(range(len(blocks))), list(range(1, len(blocks) + 1))):
        return
    raise OutputUnreadable(
        "the entries are not numbered one after the other", (block.lines[0].text for block in blocks)
    )


def _entry(block: _ListedBlock) -> ListedCertificate:
    """Read an entry; what its fingerprint identifies may lack the rest, as where a program cannot read a field."""
    missing = [name for name in _WANTED if name not in block.fields and "sha256" not in block.fields]
    if missing:
        what = " and ".join(missing).replace("_", " ")
        raise OutputUnreadable(f"an entry without {what}", (line.text for line in block.lines))
    return ListedCertificate(
        sha256=_read(block.fields, "sha256", _sha256),
        subject=_read(block.fields, "subject", _name) or "",
        issuer=_read(block.fields, "issuer", _name) or "",
        serial=_read(block.fields, "serial", _serial),
        not_before=_read(block.fields, "not_before", _moment),
        not_after=_read(block.fields, "not_after", _moment),
    )


def _read(fields: Mapping[str, _Line], name: str, read: Callable[[_Line], _Value]) -> _Value | None:
    return read(fields[name]) if name in fields else None


def _name(line: _Line) -> str:
    value = line.value
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _serial(line: _Line) -> int:
    if not _HEX_BYTES.fullmatch(line.value):
        raise OutputUnreadable("a serial number that is none", (line.text,))
    return int(line.value.replace(":", ""), 16)


def _sha256(line: _Line) -> str:
    digits = line.value.replace(":", "").lower()
    if not _SHA256.fullmatch(digits):
        raise OutputUnreadable("a SHA-256 fingerprint that is none", (line.text,))
    return digits


def _moment(line: _Line) -> datetime:
    """Read the UTC time in parentheses; two digits of a year mean 1950 to 2049 (RFC 5280). The rest is local time."""
    stamp = _UTC_IN_PARENTHESES.search(line.value)
    if stamp is None:
        raise OutputUnreadable("a date without its UTC time in parentheses", (line.text,))
    year = stamp[1] if len(stamp[1]) > 2 else f"{'20' if stamp[1] < '50' else '19'}{stamp[1]}"  # noqa: PLR2004
    try:
        return datetime.strptime(year + stamp[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise OutputUnreadable("a date that is none", (line.text,)) from error


def _own_certificate(text: str) -> Iterator[_Line]:
    for line, _ in _outside_extensions(text):
        if re.match(r"[ \t]*FCPath\b", line.text):
            return
        yield line


def _empty_listing(text: str) -> Listing:
    """Return the empty list, provided that the output announces a list, or says so, and holds nothing else."""
    lines = [line for line in _lines(text) if line.strip(" \t") and not line.lstrip(" \t").startswith("!!!")]
    announced = _first(lines, _HEADING.search)
    if announced is None:
        announced = _first(lines, lambda line: _SAYS_EMPTY.search(_QUOTED.sub("", line)))
    if announced is None:
        raise OutputUnreadable("no certificate list in it", lines)
    body = lines[announced + 1 :]
    doubtful = [line for line in lines if _is_doubtful(line)] or [line for line in body if _is_unknown_field(line)]
    if doubtful:
        raise OutputUnreadable("neither a certificate list nor an empty one", doubtful)
    return Listing(())


def _first(lines: list[str], answers: Callable[[str], object]) -> int | None:
    return next((index for index, line in enumerate(lines) if answers(line)), None)


def _is_doubtful(line: str) -> bool:
    plain = _QUOTED.sub("", line)
    return bool(_SAYS_FAILED.search(plain) or _TRACE_OF_A_CERTIFICATE.search(plain))


def _is_unknown_field(line: str) -> bool:
    plain = _QUOTED.sub("", line)
    _, colon, value = plain.partition(":")
    return bool(colon and value.strip(" \t") and not _SAYS_EMPTY.search(plain))
