"""A second reader of PSE files, made of pyasn1 and the grammar alone; it shares no code with the one it checks."""

from typing import Any, NamedTuple

from pyasn1.codec.der import decoder
from pyasn1.type import char, namedtype, tag, univ, useful


class SecondObject(NamedTuple):
    name: str
    time: str | None
    oid: str
    value: bytes
    raw: bytes


class SecondFile(NamedTuple):
    version: int
    salt: str
    iterations: int
    created: str
    status: int
    objects: tuple[SecondObject, ...]
    digest: bytes | None

    def of(self, name: str) -> SecondObject:
        (found,) = (each for each in self.objects if each.name == name)
        return found

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.objects]


def _sequence(*fields: namedtype.NamedType) -> univ.Sequence:
    return univ.Sequence(componentType=namedtype.NamedTypes(*fields))


_FIELD, _OPTIONAL = namedtype.NamedType, namedtype.OptionalNamedType
_SET_OF_ANY = univ.SetOf(componentType=univ.Any())
_PARAMETERS = _sequence(_FIELD("salt", univ.OctetString()), _FIELD("iterations", univ.Integer()))
_ALGORITHM = _sequence(_FIELD("oid", univ.ObjectIdentifier()), _FIELD("parameters", _PARAMETERS))
_TIMES = namedtype.NamedTypes(_FIELD("utc", useful.UTCTime()), _FIELD("generalized", useful.GeneralizedTime()))
_CONTENT = _sequence(
    _FIELD("algorithm", _ALGORITHM),
    _OPTIONAL("owner", char.PrintableString()),
    _FIELD("created", univ.Choice(componentType=_TIMES)),
    namedtype.DefaultedNamedType("status", univ.Integer(0)),
    _FIELD("objects", _SET_OF_ANY),
)
_OBJECT = _sequence(
    _FIELD("name", char.PrintableString()),
    _OPTIONAL("time", useful.GeneralizedTime()),
    _FIELD("type", univ.ObjectIdentifier()),
    _FIELD("value", univ.Any()),
)
_SEALED = _sequence(
    _FIELD("mode", univ.Integer()),
    _FIELD("algorithm", _ALGORITHM),
    _FIELD("content", univ.OctetString()),
    _FIELD("digest", univ.OctetString()),
).subtype(  # type: ignore[no-untyped-call]  # pyasn1's stubs leave it out
    implicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, 3)
)
_FILE = _sequence(_FIELD("version", univ.Integer()), _FIELD("content", univ.Any()))
_PRIMES = _sequence(_FIELD("p", univ.Integer()), _FIELD("q", univ.Integer()))
_KEY = _sequence(_FIELD("algorithm", univ.Any()), _FIELD("key", univ.BitString()))


def _decoded(data: bytes, kind: object) -> Any:
    value, rest = decoder.decode(data, asn1Spec=kind)
    assert not rest, "bytes after the end"
    return value


def dissect(data: bytes) -> SecondFile:
    """Take a PSE without PIN apart."""
    outer = _decoded(data, _FILE)
    content, digest = bytes(outer["content"]), None
    if content[0] == 0xA3:
        sealed = _decoded(content, _SEALED)
        assert int(sealed["mode"]) == 0
        content, digest = bytes(sealed["content"]), bytes(sealed["digest"])
    inner = _decoded(content, _CONTENT)
    parameters = inner["algorithm"]["parameters"]
    return SecondFile(
        int(outer["version"]),
        bytes(parameters["salt"]).hex(),
        int(parameters["iterations"]),
        str(inner["created"].getComponent()),
        int(inner["status"]),
        tuple(_object(bytes(each)) for each in inner["objects"]),
        digest,
    )


def elements(value: bytes) -> list[bytes]:
    """Split a SET."""
    return [bytes(each) for each in _decoded(value, _SET_OF_ANY)]


def primes(value: bytes) -> tuple[int, int]:
    """Read the value of SKnew."""
    key = _decoded(value, _KEY)
    both = _decoded(key["key"].asOctets(), _PRIMES)
    return int(both["p"]), int(both["q"])


def _object(raw: bytes) -> SecondObject:
    read = _decoded(raw, _OBJECT)
    time = str(read["time"]) if read["time"].hasValue() else None
    return SecondObject(str(read["name"]), time, str(read["type"]), bytes(read["value"]), raw)
