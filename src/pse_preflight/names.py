"""Distinguished names, compared as RFC 5280 (7.1) says: whatever the kind of string, the case and the blanks."""

import unicodedata
from collections.abc import Sequence

from cryptography import x509

Part = frozenset[tuple[str, str | bytes]]
"""One step of a name: its attributes, each the number of its kind and what it says, made alike."""


def parts(name: x509.Name) -> tuple[Part, ...]:
    """Return the steps of a name, so that equal names have equal ones."""
    return tuple(frozenset((each.oid.dotted_string, _alike(each.value)) for each in step) for step in name.rdns)


def alike(name: x509.Name) -> bytes:
    """Return a key that equal names share and others do not."""
    return repr([sorted(step, key=repr) for step in parts(name)]).encode()


def are_alike(one: x509.Name, other: x509.Name) -> bool:
    """Tell whether two names are the same name."""
    return one == other or (len(one.rdns) == len(other.rdns) and parts(one) == parts(other))


def begins_with(name: Sequence[Part], base: Sequence[Part]) -> bool:
    """Tell whether a name lies in the subtree of another one (RFC 5280, 4.2.1.10)."""
    return tuple(name[: len(base)]) == tuple(base)


def _alike(value: str | bytes) -> str | bytes:
    """Prepare a text for comparison (RFC 4518): normal form, no case, single blanks, none at the ends."""
    if isinstance(value, bytes):
        return value
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
