"""Distinguished names, read as people type them and written as SAP's tool prints them (sapgenpse.md, section 8)."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import starmap

from cryptography import x509
from cryptography.x509.oid import NameOID

from pse_preflight.errors import PreflightError


class NameUnreadable(PreflightError):
    """The text is no distinguished name."""


Literal = bool
"""Whether a character was quoted or escaped, so that it separates nothing."""

_SHOWN_AS = {
    NameOID.EMAIL_ADDRESS: "EMAIL",
    NameOID.USER_ID: "UID",
    NameOID.COMMON_NAME: "CN",
    NameOID.TITLE: "T",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "G",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "SP",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DOMAIN_COMPONENT: "DC",
}
"""The key of each type, in the order in which SAP's tool prints the usual ones: CN, OU, O, L, SP, C."""

_READ_AS = {
    **{key: oid for oid, key in _SHOWN_AS.items()},
    "E": NameOID.EMAIL_ADDRESS,
    "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
    "S": NameOID.STATE_OR_PROVINCE_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "GN": NameOID.GIVEN_NAME,
}
_RANK = {oid: rank for rank, oid in enumerate(reversed(_SHOWN_AS))}
_OTHERS_RANK = _RANK[NameOID.ORGANIZATIONAL_UNIT_NAME]

_MOST_COMMON_NAME_BYTES = 64

_PRINTABLE = (re.compile(r"[A-Za-z0-9 '()+,./:=?-]+"), "holds a character that this type does not allow")
_ASCII = (re.compile(r"[\x00-\x7f]+"), "holds a character outside ASCII")
_ALLOWED = {
    NameOID.COUNTRY_NAME: (re.compile(r"[A-Za-z]{2}"), "is not a country code of two letters"),
    NameOID.SERIAL_NUMBER: _PRINTABLE,
    NameOID.DN_QUALIFIER: _PRINTABLE,
    NameOID.EMAIL_ADDRESS: _ASCII,
    NameOID.DOMAIN_COMPONENT: _ASCII,
}

_TOKEN = re.compile(
    r"""(?P<octets>(?:\\[0-9A-Fa-f]{2})+)      # UTF-8 bytes, RFC 4514
      | \\(?P<escaped>[ "\#+,;<=>\\])
      | "(?P<quoted>(?:[^"\\]|\\.)*)"            # RFC 2253, section 4
      | (?P<plain>[^"\\])""",
    re.DOTALL | re.VERBOSE,
)
_BLANKS = dict.fromkeys(map(ord, "\u00a0\u2007\u202f\u2009\u200a\u3000"), " ")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_BLANK_AROUND = re.compile(r"^\s+|(?<!\\)\s+$")
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"
_QUOTES = _DOUBLE_QUOTES + "\u2018\u2019\u201a\u201b\u2039\u203a"
_STRAIGHT = dict.fromkeys(map(ord, _DOUBLE_QUOTES), '"')
_DOTTED = re.compile(r"(?:OID\.)?(\d+(?:\.\d+)+)")
_SNC_PREFIX = re.compile(r"\s*p:", re.IGNORECASE)
_NEEDS_ESCAPES = re.compile(r'["+,;<>\\]|^[# ]| $')
_ESCAPED_ANYWHERE = frozenset('"+,;<>\\')
_COMMA_HINT = "a comma, plus or semicolon inside a value needs a backslash before it"


def parse(text: str) -> x509.Name:
    r"""Read a distinguished name such as "CN=host, OU=IT, O=Company, SP=BW, C=DE".

    Keys in any case; S, ST and SP all mean the state; values may be quoted or escaped (RFC 4514), parts joined by a
    plus sign stand on one level, and the prefix `p:` of SNC names is dropped. As RFC 4514 has it, the first part of
    the text is the last of the name.

    Raises:
        NameUnreadable: with the part that cannot be read.
    """
    levels = _levels(text[match.end() :] if (match := _SNC_PREFIX.match(text)) else text)
    try:
        return x509.Name([x509.RelativeDistinguishedName(starmap(_attribute, parts)) for parts in reversed(levels)])
    except ValueError as error:
        raise NameUnreadable(f"{text!r} has the same key and value twice on one level") from error


def as_pasted(text: str) -> str:
    """Return a distinguished name, or another text, as it was meant before a guide, a wiki or a mail set it.

    Blanks that do not break become blanks, characters without a width go. Typographic and German quotes around the
    whole go, also where only one of them is left; those around a value become straight ones. Single quotes within a
    value (L'Oréal) and everything that is escaped stay.
    """
    plain = _BLANK_AROUND.sub("", _UNSEEN.sub("", text.translate(_BLANKS)))
    if plain[:1] in _QUOTES:
        plain = plain[1 : -1 if plain[-1:] in _QUOTES else None]
    elif plain[-1:] in _DOUBLE_QUOTES and sum(map(plain.count, _DOUBLE_QUOTES)) % 2:
        plain = plain[:-1]
    return _BLANK_AROUND.sub("", plain.translate(_STRAIGHT))


def text(name: x509.Name) -> str:
    """Write a distinguished name in SAP's style, escaped as in RFC 4514 so that it stays on one line.

    A value that is no text is shown as # and its bytes in hexadecimal digits.
    """
    return ", ".join("+".join(_part(attribute) for attribute in level) for level in reversed(name.rdns))


def ordered(name: x509.Name) -> x509.Name:
    """Return the name with its parts where SAP's tool puts them, whatever the order they were typed in."""
    return x509.Name(sorted(name.rdns, key=lambda level: _RANK.get(next(iter(level)).oid, _OTHERS_RANK)))


def same(first: x509.Name, second: x509.Name) -> bool:
    """Tell whether two names have the same parts, whatever their order, case and blanks (RFC 5280, 7.1)."""
    return Counter(map(_comparable, first.rdns)) == Counter(map(_comparable, second.rdns))


def _levels(text: str) -> list[list[tuple[str, str]]]:
    """Split a text into levels, and each level into keys and values."""
    levels: list[list[tuple[str, str]]] = [[]]
    part: list[tuple[str, Literal]] = []
    for token in [*_tokens(text), (",", False)]:
        if token not in ((",", False), (";", False), ("+", False)):
            part.append(token)
            continue
        levels[-1].append(_key_and_value(part))
        part = []
        if token[0] != "+":
            levels.append([])
    return levels[:-1]


def _tokens(text: str) -> Iterator[tuple[str, Literal]]:
    """Read escapes and quotes away."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NameUnreadable(f"{text!r} has a quote without its end, or a backslash that escapes nothing")
        position = match.end()
        if match["plain"]:
            yield match["plain"], False
        elif match["quoted"] is not None:
            yield "".join(char for char, _ in _tokens(match["quoted"])), True
        else:
            yield match["escaped"] or _utf8(match["octets"]), True


def _utf8(octets: str) -> str:
    try:
        return bytes.fromhex(octets.replace("\\", "")).decode()
    except UnicodeDecodeError as error:
        raise NameUnreadable(f"{octets} is no UTF-8") from error


def _key_and_value(part: list[tuple[str, Literal]]) -> tuple[str, str]:
    equals = part.index(("=", False)) if ("=", False) in part else None
    written = "".join(chars for chars, _ in part)
    if equals is None:
        raise NameUnreadable(f"{written.strip()!r} is no KEY=value; {_COMMA_HINT}")
    value = part[equals + 1 :]
    while value and not value[0][1] and value[0][0].isspace():
        del value[0]
    while value and not value[-1][1] and value[-1][0].isspace():
        del value[-1]
    if value and value[0] == ("#", False):
        raise NameUnreadable(f"{written.strip()!r} gives a value in hexadecimal digits; give it as text")
    return "".join(chars for chars, _ in part[:equals]).strip(), "".join(chars for chars, _ in value)


def _attribute(key: str, value: str) -> x509.NameAttribute[str]:
    oid = _oid(key)
    pattern, problem = _ALLOWED.get(oid, (None, ""))
    if not value:
        raise NameUnreadable(f"{key}= has no value")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise NameUnreadable(f"{key}= has a character that was not read correctly; check the encoding of the terminal")
    if pattern and not pattern.fullmatch(value):
        raise NameUnreadable(f"{key}={value} {problem}")
    if oid == NameOID.COMMON_NAME and len(value.encode()) > _MOST_COMMON_NAME_BYTES:
        raise NameUnreadable(f"{key}={value} is longer than {_MOST_COMMON_NAME_BYTES} bytes")
    return x509.NameAttribute(oid, value)


def _oid(key: str) -> x509.ObjectIdentifier:
    if dotted := _DOTTED.fullmatch(key.upper()):
        try:
            return x509.ObjectIdentifier(dotted[1])
        except ValueError as error:
            raise NameUnreadable(f"{key} is no object identifier") from error
    if key.upper() not in _READ_AS:
        raise NameUnreadable(f"{key!r} is no key of a distinguished name (CN, OU, O, L, SP, C and a few more are)")
    return _READ_AS[key.upper()]


def _part(attribute: x509.NameAttribute[str | bytes]) -> str:
    key = _SHOWN_AS.get(attribute.oid, attribute.oid.dotted_string)
    value = attribute.value
    return f"{key}=#{value.hex()}" if isinstance(value, bytes) else f"{key}={_escaped(value)}"


def _escaped(value: str) -> str:
    if value.isprintable() and not _NEEDS_ESCAPES.search(value):
        return value
    last = len(value) - 1
    return "".join(
        f"\\{char}" if _needs_backslash(char, at, last) else char if char.isprintable() else _octets(char)
        for at, char in enumerate(value)
    )


def _needs_backslash(char: str, at: int, last: int) -> bool:
    return char in _ESCAPED_ANYWHERE or (char == "#" and at == 0) or (char == " " and at in (0, last))


def _octets(char: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in char.encode("utf-8", "surrogatepass"))


def _comparable(level: x509.RelativeDistinguishedName) -> frozenset[tuple[x509.ObjectIdentifier, str | bytes]]:
    return frozenset(
        (each.oid, " ".join(each.value.casefold().split()) if isinstance(each.value, str) else each.value)
        for each in level
    )
