"""The file cred_v2, where SAP's tool keeps PINs: for whom and which PSE, never the PIN (pse-format.md, section 7)."""

from dataclasses import dataclass

from cryptography import x509

from pse_preflight.pse import asn1, name
from pse_preflight.pse.errors import DamagedPse, PseError, UnknownEncoding

FILE_NAME = "cred_v2"

_MOST_ENTRIES = 1_000
_MOST_FIELDS = 8
_IA5_STRING, _UTF8_STRING = 0x16, 0x0C
_PLAIN = bytes((_IA5_STRING, _IA5_STRING, _IA5_STRING, _IA5_STRING, asn1.BIT_STRING))
_MACHINE_BOUND = bytes((asn1.INTEGER, asn1.SEQUENCE, _UTF8_STRING, asn1.BIT_STRING))


@dataclass(frozen=True, slots=True)
class Credential:
    """One entry: that a PIN is kept there, and which one it is for.

    Attributes:
        owner: the distinguished name of the PSE's owner.
        pse: the path of the PSE, as it was given.
        machine_bound: whether Local Protection Storage (LPS) binds the entry to its machine.
    """

    owner: str
    pse: str
    machine_bound: bool


def read_credentials(data: bytes) -> tuple[Credential, ...]:
    """Read the entries of a cred_v2; what they hide is not looked at.

    Raises:
        DamagedPse: where the bytes are no SEQUENCE of entries, break off or go on after the end.
        UnknownEncoding: where an entry is of another form.
    """
    if data[:1] != bytes((asn1.SEQUENCE,)):
        raise DamagedPse(0, "no SEQUENCE of credentials")
    entries = asn1.parts(data, _MOST_ENTRIES)
    whole = asn1.tagged(asn1.SEQUENCE, *entries)
    if len(whole) != len(data):
        raise DamagedPse(len(whole), f"{len(data) - len(whole)} bytes too many")
    return tuple(map(_entry, entries))


def are_credentials(data: bytes) -> bool:
    """Tell whether the bytes are a whole cred_v2 with at least one entry."""
    try:
        return bool(read_credentials(data))
    except PseError:
        return False


def _entry(entry: bytes) -> Credential:
    fields = asn1.parts(entry, _MOST_FIELDS) if entry[0] == asn1.SEQUENCE else []
    shape = bytes(each[0] for each in fields)
    if shape == _PLAIN:
        return Credential(_text(fields[0]), _text(fields[2]), machine_bound=False)
    if shape == _MACHINE_BOUND:
        return Credential(_name(fields[1]), _text(fields[2]), machine_bound=True)
    raise UnknownEncoding(f"a credential of the unknown form {shape.hex()}")


def _text(field: bytes) -> str:
    content = asn1.content(field)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _name(field: bytes) -> str:
    """Write a distinguished name, or its bytes in hexadecimal digits where it cannot be read."""
    try:
        return name.text(x509.Name.from_bytes(field))
    except (ValueError, Warning):
        return f"#{field.hex()}"
