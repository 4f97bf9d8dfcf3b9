"""Who may read a file on Windows: security descriptors in SDDL, security identifiers, service accounts. Pure.

The grammar is that of [MS-DTYP], section 2.5.1, the walk through the list that of section 2.5.3.2. Folders on the way
are not judged: Windows lets everybody pass through them (the right "bypass traverse checking") unless a policy says
otherwise.
"""

import hashlib
import re
import struct
from dataclasses import dataclass

from pse_preflight.errors import PreflightError

FILE_GENERIC_READ = 0x120089
FILE_ALL_ACCESS = 0x1F01FF

EVERYONE = "S-1-1-0"
SYSTEM = "S-1-5-18"
ADMINISTRATORS = "S-1-5-32-544"

_AUTHENTICATED, _USERS, _SERVICE, _LOCAL = "S-1-5-11", "S-1-5-32-545", "S-1-5-6", "S-1-2-0"
_ALL_SERVICES = "S-1-5-80-0"
_LOCAL_SERVICE, _NETWORK_SERVICE = "S-1-5-19", "S-1-5-20"
_OWNER_RIGHTS = "S-1-3-4"

_WELL_KNOWN_NAMES = {
    "system": SYSTEM,
    "localsystem": SYSTEM,
    "local service": _LOCAL_SERVICE,
    "localservice": _LOCAL_SERVICE,
    "network service": _NETWORK_SERVICE,
    "networkservice": _NETWORK_SERVICE,
}
_AUTHORITIES = frozenset({"", ".", "nt authority", "builtin", "nt-autorität"})

_SID_ALIASES = {
    "AC": "S-1-15-2-1",
    "AN": "S-1-5-7",
    "AO": "S-1-5-32-548",
    "AU": _AUTHENTICATED,
    "BA": ADMINISTRATORS,
    "BG": "S-1-5-32-546",
    "BO": "S-1-5-32-551",
    "BU": _USERS,
    "CG": "S-1-3-1",
    "CO": "S-1-3-0",
    "IU": "S-1-5-4",
    "LS": _LOCAL_SERVICE,
    "NS": _NETWORK_SERVICE,
    "NU": "S-1-5-2",
    "OW": _OWNER_RIGHTS,
    "PO": "S-1-5-32-550",
    "PS": "S-1-5-10",
    "PU": "S-1-5-32-547",
    "RC": "S-1-5-12",
    "RD": "S-1-5-32-555",
    "RU": "S-1-5-32-554",
    "SO": "S-1-5-32-549",
    "SU": _SERVICE,
    "SY": SYSTEM,
    "WD": EVERYONE,
}
"""Abbreviations that mean the same everywhere; those of a domain (DA, LA …) name nobody whom this module can know."""

_RIGHTS = {
    "CC": 0x1,
    "DC": 0x2,
    "LC": 0x4,
    "SW": 0x8,
    "RP": 0x10,
    "WP": 0x20,
    "DT": 0x40,
    "LO": 0x80,
    "CR": 0x100,
    "SD": 0x10000,
    "RC": 0x20000,
    "WD": 0x40000,
    "WO": 0x80000,
    "FA": FILE_ALL_ACCESS,
    "FR": FILE_GENERIC_READ,
    "FW": 0x120116,
    "FX": 0x1200A0,
    "GA": FILE_ALL_ACCESS,
    "GR": FILE_GENERIC_READ,
    "GW": 0x120116,
    "GX": 0x1200A0,
}
_GENERIC_BITS = {0x10000000: FILE_ALL_ACCESS, 0x20000000: 0x1200A0, 0x40000000: 0x120116, 0x80000000: FILE_GENERIC_READ}

_ALLOW, _DENY = frozenset({"A", "OA"}), frozenset({"D", "OD", "XD", "ZD"})
_PART = re.compile(r"([OGDS]):")
_LIST_FLAGS = re.compile(r"(?:P|AR|AI|NO_ACCESS_CONTROL)*")
_SID = re.compile(r"S-1-[0-9A-Fa-fx]+(-[0-9]+)*")
_SERVICE_ACCOUNT, _POOL_ACCOUNT = "nt service", "iis apppool"


class DescriptorUnreadable(PreflightError):
    """A security descriptor is in no form that is known here."""


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of the access list: whether it allows, to whom (SID), what, and whether for the file itself."""

    allows: bool
    sid: str
    rights: int
    inherit_only: bool = False


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A security descriptor; `aces` is None where there is no access list, which lets everybody do everything."""

    owner: str
    aces: tuple[Ace, ...] | None


@dataclass(frozen=True, slots=True)
class WindowsAccount:
    """An account: its name, its SID, and the SIDs of everything that its processes belong to."""

    name: str
    sid: str
    groups: frozenset[str]


def account(name: str, sid: str, groups: frozenset[str] = frozenset()) -> WindowsAccount:
    """Return an account with what the system adds to the groups that it is a member of."""
    return WindowsAccount(name, sid, groups | _given(sid))


def well_known_sid(name: str) -> str | None:
    r"""Return the SID that follows from a name alone: SYSTEM and its like, NT SERVICE\…, IIS APPPOOL\…; else None."""
    authority, _, rest = name.rpartition("\\")
    if authority.lower() == _SERVICE_ACCOUNT:
        return _hashed_sid(80, rest.upper())
    if authority.lower() == _POOL_ACCOUNT:
        return _hashed_sid(82, rest.lower())
    return _WELL_KNOWN_NAMES.get(rest.lower()) if authority.lower() in _AUTHORITIES else None


def read_descriptor(sddl: str) -> Descriptor:
    """Read a security descriptor; its audit list is not looked at.

    Raises:
        DescriptorUnreadable: where it breaks the grammar.
    """
    parts = _parts(sddl.strip())
    return Descriptor(_sid(parts["O"]) if "O" in parts else "", _aces(parts["D"]) if "D" in parts else None)


def may_read(descriptor: Descriptor, who: WindowsAccount) -> bool:
    """Tell whether an account can open the file for reading."""
    if descriptor.aces is None:
        return True
    sids = {who.sid, *who.groups, *([_OWNER_RIGHTS] if who.sid == descriptor.owner else [])}
    missing = FILE_GENERIC_READ
    for ace in descriptor.aces:
        if ace.inherit_only or ace.sid not in sids:
            continue
        if not ace.allows and ace.rights & missing:
            return False
        if ace.allows:
            missing &= ~ace.rights
    return not missing


def readers(descriptor: Descriptor) -> frozenset[str]:
    """Return the SIDs to which the list gives any part of reading the content."""
    if descriptor.aces is None:
        return frozenset({EVERYONE})
    return frozenset(each.sid for each in descriptor.aces if each.allows and each.rights & 1 and not each.inherit_only)


def _given(sid: str) -> frozenset[str]:
    always = frozenset({EVERYONE, _AUTHENTICATED})
    if sid == SYSTEM:
        return always | {ADMINISTRATORS}
    if sid.startswith("S-1-5-80-"):
        return always | {_USERS, _SERVICE, _ALL_SERVICES, _LOCAL}
    if sid in {_LOCAL_SERVICE, _NETWORK_SERVICE} or sid.startswith("S-1-5-82-"):
        return always | {_USERS, _SERVICE, _LOCAL}
    return always | {_USERS, _LOCAL}


def _hashed_sid(authority: int, name: str) -> str:
    """Return the SID of a virtual account: the SHA-1 of its name in UTF-16, as five numbers."""
    digest = hashlib.sha1(name.encode("utf-16-le"), usedforsecurity=False).digest()
    return "-".join(["S-1-5", str(authority), *map(str, struct.unpack("<5I", digest))])


def _parts(sddl: str) -> dict[str, str]:
    """Cut at O:, G:, D: and S: outside parentheses."""
    parts: dict[str, str] = {}
    position = 0
    while position < len(sddl):
        found = _PART.match(sddl, position)
        if not found or found[1] in parts:
            raise DescriptorUnreadable("the security descriptor does not consist of O:, G:, D: and S:, each once")
        end = _end_of_part(sddl, found.end())
        parts[found[1]] = sddl[found.end() : end]
        position = end
    return parts


def _end_of_part(sddl: str, start: int) -> int:
    depth = 0
    for position in range(start, len(sddl)):
        depth += {"(": 1, ")": -1}.get(sddl[position], 0)
        # A SID begins with S-, never with S:, so only the beginning of the next part looks like one.
        if depth == 0 and _PART.match(sddl, position):
            return position
    if depth:
        raise DescriptorUnreadable("a parenthesis of the security descriptor is not closed")
    return len(sddl)


def _aces(text: str) -> tuple[Ace, ...] | None:
    flags = _LIST_FLAGS.match(text)
    start = flags.end() if flags else 0
    if "NO_ACCESS_CONTROL" in text[:start]:
        return None
    entries = _entries(text[start:])
    return tuple(ace for ace in map(_ace, entries) if ace is not None)


def _entries(text: str) -> list[str]:
    """Return what stands in each outermost pair of parentheses; conditions have inner ones."""
    entries, depth, start = [], 0, 0
    for position, sign in enumerate(text):
        if sign == "(":
            start = position + 1 if depth == 0 else start
            depth += 1
        elif sign == ")":
            depth -= 1
            entries += [text[start:position]] if depth == 0 else []
        elif depth == 0:
            raise DescriptorUnreadable("between two entries of the access list stands something")
    return entries


def _ace(text: str) -> Ace | None:
    """Read one entry; None for kinds that give and take nothing, and for conditions, which are not trusted to allow."""
    fields = text.split(";", 6)
    if len(fields) < 6:  # noqa: PLR2004 - the grammar's number of fields
        raise DescriptorUnreadable("an entry of the access list has fewer than six fields")
    kind, flags, rights, _, _, sid = (each.strip() for each in fields[:6])
    if kind not in _ALLOW | _DENY:
        return None
    pairs = {flags[at : at + 2] for at in range(0, len(flags), 2)}
    return Ace(kind in _ALLOW, _sid(sid), _mask(rights), inherit_only="IO" in pairs)


def _mask(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9A-Fa-f]+|[0-9]+", text):
        number = int(text, 16) if text[:2].lower() == "0x" else int(text, 8 if text.startswith("0") else 10)
        return number | _of_generic(number)
    pairs = [text[at : at + 2] for at in range(0, len(text), 2)]
    unknown = [each for each in pairs if each not in _RIGHTS]
    if unknown:
        raise DescriptorUnreadable(f"the access list gives a right that is not known here: {unknown[0]}")
    mask = 0
    for each in pairs:
        mask |= _RIGHTS[each]
    return mask


def _of_generic(number: int) -> int:
    found = 0
    for bit, meaning in _GENERIC_BITS.items():
        found |= meaning if number & bit else 0
    return found


def _sid(text: str) -> str:
    if _SID.fullmatch(text):
        return text
    if re.fullmatch(r"[A-Z]{2}", text):
        return _SID_ALIASES.get(text, text)
    raise DescriptorUnreadable("the security descriptor names somebody in a form that is not known here")
