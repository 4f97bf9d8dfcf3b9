"""PSE files of every kind, and the many ways to break them; shared by the tests and the long run in benchmarks/."""

import random
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import root_authority
from pse_preflight.errors import PreflightError
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name
from pse_preflight.pse.envelope import Envelope

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SALT = bytes.fromhex("0123456789abcdef")
PIN = "1234"

SEQUENCE, SET, INTEGER, OCTET_STRING, PRINTABLE_STRING = 0x30, 0x31, 0x02, 0x04, 0x13
LIST_OID = bytes.fromhex("06052b24020601")
KEY_OID = bytes.fromhex("06052b24020304")
PATH_OID = bytes.fromhex("06052b24020401")
UNKNOWN_OID = bytes.fromhex("06032a0304")
QUICK_ALGORITHM = bytes.fromhex("301b060a2a864886f70d010c0103300d0408") + SALT + bytes.fromhex("020105")
"""The usual encryption with 5 instead of 10,000 iterations."""


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write one ASN.1 value; shares nothing with the code under test."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    digits = f"{len(content):x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return bytes([tag, 0x80 + len(digits) // 2]) + bytes.fromhex(digits) + content


def stored_object(name: str, oid: bytes, value: bytes, time: str | None = "20260102030405Z") -> bytes:
    written = tlv(0x18, time.encode()) if time else b""
    return tlv(SEQUENCE, tlv(PRINTABLE_STRING, name.encode()), written, oid, value)


def content_of(*objects: bytes, algorithm: bytes = QUICK_ALGORITHM, middle: bytes | None = None) -> bytes:
    """Write a PSECont; `middle` stands between algorithm and objects."""
    usual = tlv(0x18, b"20260102030405Z") + bytes.fromhex("020101")
    return tlv(SEQUENCE, algorithm, usual if middle is None else middle, tlv(SET, *objects))


def plain_file(*objects: bytes) -> bytes:
    return tlv(SEQUENCE, bytes.fromhex("020102"), content_of(*objects))


@cache
def owner_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - thousands are read, none is used


@cache
def owner() -> Certificate:
    return pse_file.self_signed_owner(
        name.parse("CN=client, O=Firma"),
        owner_key(),
        start=START,
        end=START + timedelta(days=4000),
        serial_number=0x7F00,
    )


@cache
def _authority(at: int) -> Certificate:
    return Certificate.of(root_authority(f"root {at}", START, 4000).certificate)


def authorities(count: int) -> tuple[Certificate, ...]:
    """Return the first so many of one row of certificates."""
    return tuple(map(_authority, range(count)))


def made(count: int = 0, version: int = 2) -> pse_file.PseFile:
    return pse_file.new(owner(), owner_key(), authorities(count), time=START, salt=SALT, version=version)


def quick(file: pse_file.PseFile) -> pse_file.PseFile:
    """Return the same file with few iterations, so that thousands of them can be read with a PIN."""
    return replace(file, algorithm=QUICK_ALGORITHM, preamble=QUICK_ALGORITHM + file.preamble[30:])


def tbs(certificate: Certificate) -> bytes:
    return certificate.parsed.tbs_certificate_bytes


def content(file: pse_file.PseFile) -> bytes:
    """Write the content of a PSE without anything around it."""
    return tlv(SEQUENCE, file.preamble, tlv(SET, *(each.der for each in file.objects)))


class Variant(NamedTuple):
    """One kind of PSE: a content, and what is wrapped around it."""

    content: bytes
    version: int = 2
    sealed: bool = False
    pin: str | None = None

    def wrapped(self, content: bytes) -> bytes:
        return Envelope(self.version, bool(self.pin), self.sealed, QUICK_ALGORITHM).wrap(content, self.pin)

    @property
    def file(self) -> bytes:
        return self.wrapped(self.content)


class Sealed(NamedTuple):
    """A file that is recognised but never opened, so only its bytes can be changed."""

    file: bytes
    pin: str | None = PIN


@cache
def variants() -> dict[str, Variant]:
    """Make one PSE of every kind that can be read."""
    usual = content(quick(made(3)))
    whole = [each.der for each in authorities(3)]
    signed = [tbs(each) for each in authorities(3)]
    own = [each.der for each in made().objects]
    own_without_pool = [each.der for each in made().objects if each.name != "CertList"]
    pool = stored_object("CertList", bytes.fromhex("06042b240200"), tlv(SET, *whole))
    list_of_signed_parts = stored_object("PKList", LIST_OID, tlv(SET, *signed))
    path = stored_object("FCPath", PATH_OID, tlv(SEQUENCE, tlv(SET, whole[0]), tlv(SET, whole[1], whole[2])))
    odd = stored_object("Odd_one", UNKNOWN_OID, tlv(OCTET_STRING, b"kept as it is"), None)
    secude = tlv(PRINTABLE_STRING, b"mueller") + tlv(0x17, b"050102030405Z")
    return {
        "version 2": Variant(usual),
        "version 2 with PIN": Variant(usual, pin=PIN),
        "version 4": Variant(usual, version=4, sealed=True),
        "version 4 with PIN": Variant(usual, version=4, sealed=True, pin=PIN),
        "no owner": Variant(content(quick(pse_file.new(None, None, authorities(2), time=START, salt=SALT)))),
        "list of whole certificates": Variant(content_of(*own, stored_object("PKList", LIST_OID, tlv(SET, *whole)))),
        "list without the whole ones": Variant(content_of(*own, list_of_signed_parts)),
        "list with the whole ones in the pool": Variant(content_of(*own_without_pool, pool, list_of_signed_parts)),
        "path": Variant(content_of(*own, path)),
        "unknown object": Variant(content_of(odd, *own)),
        "DSA key": Variant(content_of(_dsa_key(), own[1])),
        "SECUDE's, plain": Variant(content_of(*reversed(own), middle=secude)),
    }


def _dsa_key() -> bytes:
    numbers = dsa.generate_private_key(1024).private_numbers()  # noqa: S505 - what old PSEs hold
    group = numbers.public_numbers.parameter_numbers
    parameters = tlv(SEQUENCE, *map(integer, (group.p, group.q, group.g)))
    algorithm = tlv(SEQUENCE, bytes.fromhex("06072a8648ce380401"), parameters)
    return stored_object("SKnew", KEY_OID, tlv(SEQUENCE, algorithm, tlv(3, b"\0", integer(numbers.x))))


def integer(number: int) -> bytes:
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


@cache
def closed_files() -> dict[str, Sealed]:
    """Make the kinds that are only recognised."""
    legacy = tlv(0xA0, tlv(4, bytes(16)), bytes.fromhex("301406082a864886f70d03070408") + bytes(8), tlv(4, bytes(64)))
    return {
        "legacy": Sealed(tlv(SEQUENCE, bytes.fromhex("020102"), legacy)),
        "machine-bound": Sealed(tlv(SEQUENCE, bytes.fromhex("02020100"), tlv(OCTET_STRING, bytes(200)))),
    }


def exercise(data: bytes, pin: str | None) -> str:
    """Do everything with a file that a program may do with it, and tell how it ended.

    Every error but our own goes through. What can be read must be written back byte for byte.
    """
    try:
        pse_file.inspect(data)
        file = pse_file.read(data, pin)
    except PreflightError as error:
        return type(error).__name__ if str(error) else "an error without a text"
    _look_at(file)
    if file.encode(pin if file.has_pin else None) != data:
        return "written back otherwise"
    return "read"


def _look_at(file: pse_file.PseFile) -> None:
    for entry in file.trusted:
        _ = (entry.subject, entry.issuer, entry.serial_number, entry.not_before, entry.not_after, entry.sha256)
        _ = (entry.certificate, entry.unreadable, entry.label, repr(entry))
    looks: list[Callable[[], object]] = [
        lambda: repr(file),
        lambda: file.owner,
        lambda: file.owner_path,
        lambda: file.with_trusted(authorities(1), START).encode(PIN if file.has_pin else None),
        lambda: file.without_trusted(lambda entry: entry.tbs[-1] < 0x80, START),
    ]
    if not set(_sound_owner()) <= {each.der for each in file.objects}:
        looks.append(file.private_key)  # Proving a sound key takes longer than all the rest together.
    for look in looks:
        with suppress(PreflightError):
            look()


@cache
def _sound_owner() -> tuple[bytes, ...]:
    return tuple(each.der for each in made().objects if each.name in ("SKnew", "Cert"))


# --- the many ways to break a file -----------------------------------------------------------------------------------


class Tree(NamedTuple):
    """An ASN.1 value that may be changed: its tag, and its content as values or as bytes."""

    tag: int
    inner: "list[Tree] | bytes"

    def written(self) -> bytes:
        if isinstance(self.inner, bytes):
            return tlv(self.tag, self.inner)
        return tlv(self.tag, *(each.written() for each in self.inner))


def tree(data: bytes) -> list[Tree]:
    """Take sound DER apart, as deep as it goes."""
    found = []
    while data:
        size, header = data[1], 2
        if size > 0x80:
            header += size - 0x80
            size = int.from_bytes(data[2:header])
        inner = data[header : header + size]
        found.append(Tree(data[0], tree(inner) if data[0] & 0x20 else inner))
        data = data[header + size :]
    return found


def _lists(node: Tree) -> list[list[Tree]]:
    if isinstance(node.inner, bytes):
        return []
    return [node.inner, *(each for child in node.inner for each in _lists(child))]


def _flip_bits(dice: random.Random, data: bytearray) -> None:
    for _ in range(dice.choice((1, 1, 2, 8))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _truncate(dice: random.Random, data: bytearray) -> None:
    del data[dice.randrange(len(data)) :]


def _append(dice: random.Random, data: bytearray) -> None:
    data += dice.randbytes(dice.choice((1, 2, 100)))


def _cut_out(dice: random.Random, data: bytearray) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 2, 30))]


def _length_bomb(dice: random.Random, data: bytearray) -> None:
    start = dice.randrange(len(data))
    bombs = (b"\x80", b"\x84\xff\xff\xff\xff", b"\x84\x7f\xff\xff\xff", b"\x88" + b"\xff" * 8, b"\xff", b"\x81\x01")
    bomb = dice.choice(bombs)
    data[start : start + len(bomb)] = bomb


def _nest_bytes(dice: random.Random, data: bytearray) -> None:
    start = dice.randrange(len(data))
    data[start:start] = dice.choice((b"\x30\x80", b"\x31\x82\xff\xff", b"\xa0\x03")) * dice.choice((3, 500, 5000))


_ON_BYTES = (_flip_bits, _flip_bits, _flip_bits, _truncate, _append, _cut_out, _length_bomb, _nest_bytes)


def _deep(dice: random.Random) -> bytes:
    value = b"\x05\x00"
    for _ in range(dice.choice((10, 300))):
        value = tlv(dice.choice((0x30, 0x31, 0xA0)), value)
    return value


def _other_value(dice: random.Random, old: Tree) -> Tree:
    kinds: tuple[Callable[[], Tree], ...] = (
        lambda: Tree(dice.randrange(256), old.inner),
        lambda: Tree(INTEGER, dice.randbytes(dice.choice((1, 9, 3000)))),
        lambda: Tree(dice.choice((2, 3, 4, 6, 12, 19, 23, 24)), dice.randbytes(dice.randrange(20))),
        lambda: Tree(SEQUENCE, _deep(dice)),
        lambda: Tree(SET, b"\x05\x00" * dice.choice((1, 2000))),
        lambda: Tree(SEQUENCE, [old]),
        lambda: Tree(old.tag, b""),
    )
    return dice.choice(kinds)()


def _change_values(dice: random.Random, content: bytes) -> bytes:
    """Change values of a content and keep all lengths right, so that the change is met deep inside."""
    (root,) = tree(content)
    for _ in range(dice.choice((1, 1, 2, 3))):
        inside = dice.choice([each for each in _lists(root) if each])
        at = dice.randrange(len(inside))
        match dice.randrange(5):
            case 0:
                inside.insert(dice.randrange(len(inside) + 1), inside[at])
            case 1 if len(inside) > 1:
                del inside[at]
            case 2:
                other = dice.randrange(len(inside))
                inside[at], inside[other] = inside[other], inside[at]
            case 3:
                inside[at] = deepcopy(dice.choice(dice.choice([each for each in _lists(root) if each])))
            case _:
                inside[at] = _other_value(dice, inside[at])
    return root.written()


def broken(number: int) -> tuple[str, bytes, str | None]:
    """Make the broken file of this number: the kind it was made from, its bytes, and the PIN to try."""
    dice = random.Random(number)  # noqa: S311 - not a secret, and it must come out the same again
    kind = dice.choice((*variants(), *closed_files()))
    if kind in closed_files():
        closed = closed_files()[kind]
        return kind, _changed_bytes(dice, closed.file), closed.pin
    variant = variants()[kind]
    pin = dice.choice((None, "4321")) if variant.pin and not dice.randrange(20) else variant.pin
    match dice.randrange(4):
        case 0:
            return kind, _changed_bytes(dice, variant.file), pin
        case 1:
            return kind, variant.wrapped(_changed_bytes(dice, variant.content)), pin
        case _:
            return kind, variant.wrapped(_change_values(dice, variant.content)), pin


def _changed_bytes(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    dice.choice(_ON_BYTES)(dice, changed)
    return bytes(changed)
