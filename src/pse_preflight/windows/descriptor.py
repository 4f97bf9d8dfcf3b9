"""Who may read a file on Windows: security descriptors in SDDL, security identifiers, service accounts. Pure.

The grammar is that of [MS-DTYP], section 2.5.1, the walk through the list that of section 2.5.3.2. Folders on the way
are not judged: Windows lets everybody pass through them (the right "bypass traverse checking") unless a policy says
otherwise.
"""

import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from pse_preflight.errors import PreflightError

FILE_GENERIC_READ = 0x120089
FILE_ALL_ACCESS = 0x1F01FF

_READS_CONTENT = 0x1
_DELETE, _WRITE_LIST, _WRITE_OWNER = 0x10000, 0x40000, 0x80000
_CHANGES_FILE = 0x2 | 0x4 | _DELETE | _WRITE_LIST | _WRITE_OWNER
"""FILE_WRITE_DATA, FILE_APPEND_DATA, and what leads to them."""
_CHANGES_FOLDER = 0x40 | _DELETE | _WRITE_LIST | _WRITE_OWNER
"""FILE_DELETE_CHILD, and what leads to it; to add a file does not suffice to replace one."""
_FOLDER_READS = "0x1200a9"

EVERYONE = "S-1-1-0"
SYSTEM = "S-1-5-18"
ADMINISTRATORS = "S-1-5-32-544"

_AUTHENTICATED, _USERS, _SERVICE, _LOCAL = "S-1-5-11", "S-1-5-32-545", "S-1-5-6", "S-1-2-0"
_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
_ALL_SERVICES = "S-1-5-80-0"
_LOCAL_SERVICE, _NETWORK_SERVICE = "S-1-5-19", "S-1-5-20"
OWNER_RIGHTS = "S-1-3-4"

KEEPERS = frozenset({SYSTEM, ADMINISTRATORS, _INSTALLER})
"""Who can take every file of a machine anyhow: they are root there."""
_KEEPERS_OF_DOMAIN = ("-500", "-512", "-519")
"""The ends of the SIDs of the account Administrator, of Domain Admins and of Enterprise Admins."""
_ABBREVIATED_KEEPERS, _ABBREVIATED_CROWDS = frozenset({"LA", "DA", "EA"}), frozenset({"LG", "DU", "DG", "DC"})

CROWDS = frozenset(
    {
        EVERYONE,
        _AUTHENTICATED,
        _USERS,
        _SERVICE,
        _LOCAL,
        _ALL_SERVICES,
        "S-1-2-1",
        "S-1-5-2",
        "S-1-5-3",
        "S-1-5-4",
        "S-1-5-7",
        "S-1-5-14",
        "S-1-5-15",
        "S-1-5-32-546",
        "S-1-15-2-1",
        "S-1-15-2-2",
    }
)
"""Groups that whoever comes to a machine is in: Everyone, Users, Interactive, Network, Guests and their like."""
_CROWDS_OF_DOMAIN = ("-513", "-514", "-515")
"""The ends of the SIDs of Domain Users, Domain Guests and Domain Computers."""

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
    "OW": OWNER_RIGHTS,
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
    """An account.

    Attributes:
        name: as people write it.
        sid: its SID.
        groups: the SIDs of everything that its processes belong to.
        unseen: why it may belong to more than that, in words; empty where all its groups are known.
    """

    name: str
    sid: str
    groups: frozenset[str]
    unseen: str = ""


def account(name: str, sid: str, groups: frozenset[str] = frozenset(), unseen: str = "") -> WindowsAccount:
    """Return an account with what the system adds to the groups that it is a member of."""
    return WindowsAccount(name, sid, groups | _given(sid), unseen)


def well_known_sid(name: str) -> str | None:
    r"""Return the SID that follows from a name alone: SYSTEM and its like, NT SERVICE\…, IIS APPPOOL\…; else None."""
    authority, _, rest = name.rpartition("\\")
    if authority.lower() == _SERVICE_ACCOUNT:
        return _hashed_sid(80, rest.upper())
    if authority.lower() == _POOL_ACCOUNT:
        return _hashed_sid(82, rest.lower())
    return _WELL_KNOWN_NAMES.get(rest.lower()) if authority.lower() in _AUTHORITIES else None


def is_keeper(sid: str) -> bool:
    """Tell whether somebody is an administrator, or the system itself."""
    return sid in KEEPERS | _ABBREVIATED_KEEPERS or (_is_of_domain(sid) and sid.endswith(_KEEPERS_OF_DOMAIN))


def is_crowd(sid: str) -> bool:
    """Tell whether a group is one that about everybody is in."""
    return sid in CROWDS | _ABBREVIATED_CROWDS or (_is_of_domain(sid) and sid.endswith(_CROWDS_OF_DOMAIN))


def read_descriptor(sddl: str) -> Descriptor:
    """Read a security descriptor; its audit list is not looked at.

    Raises:
        DescriptorUnreadable: where it breaks the grammar.
    """
    parts = _parts(sddl.strip())
    return Descriptor(_sid(parts["O"]) if "O" in parts else "", _aces(parts["D"]) if "D" in parts else None)


def named(descriptor: Descriptor) -> frozenset[str]:
    """Return every SID that a descriptor names."""
    return frozenset(filter(None, (descriptor.owner, *(each.sid for each in descriptor.aces or ()))))


def may_read(descriptor: Descriptor, who: WindowsAccount) -> bool:
    """Tell whether an account can open the file for reading."""
    if descriptor.aces is None:
        return True
    sids = {who.sid, *who.groups, *([OWNER_RIGHTS] if who.sid == descriptor.owner else [])}
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
    return _granted(descriptor, _READS_CONTENT)


def may_change(file: Descriptor) -> frozenset[str]:
    """Return the SIDs that the list of a file lets change it, remove it, or let themselves do so."""
    return _granted(file, _CHANGES_FILE)


def may_replace_in(folder: Descriptor) -> frozenset[str]:
    """Return the SIDs that the list of a folder lets put another file in the place of one that is in it."""
    return _granted(folder, _CHANGES_FOLDER)


def undecided(descriptor: Descriptor, who: WindowsAccount) -> str:
    """Return the SID of a domain's group that decides whether an account can read, where that is not known here."""
    if descriptor.aces is None or not who.unseen:
        return ""
    readable = may_read(descriptor, who)
    for ace in descriptor.aces:
        if ace.sid not in {who.sid, *who.groups} and _is_of_domain(ace.sid) and not ace.inherit_only:
            can_turn_it = ace.allows != readable and ace.rights & _READS_CONTENT
            if can_turn_it:
                return ace.sid
    return ""


def private(maker: str, others: Iterable[str] = (), *, folder: bool = False) -> str:
    """Return the descriptor, in SDDL, of a new file or folder that is for few: its list takes nothing over.

    Args:
        maker: the SID of who makes it, who may do everything with it, as SYSTEM and the administrators may.
        others: the SIDs of who else may read it; the client's account and group.
    """
    full = dict.fromkeys((SYSTEM, ADMINISTRATORS, maker))
    flags, reads = ("OICI", _FOLDER_READS) if folder else ("", "FR")
    entries = [f"(A;{flags};FA;;;{sid})" for sid in full]
    entries += [f"(A;{flags};{reads};;;{sid})" for sid in dict.fromkeys(others) if sid not in full]
    return f"D:P{''.join(entries)}"


def _granted(descriptor: Descriptor, rights: int) -> frozenset[str]:
    """Return the SIDs to which a list gives any of these rights and does not deny it before."""
    if descriptor.aces is None:
        return frozenset({EVERYONE})
    allowed, denied = set(), dict.fromkeys((each.sid for each in descriptor.aces), 0)
    for ace in descriptor.aces:
        if ace.inherit_only:
            continue
        if not ace.allows:
            denied[ace.sid] |= ace.rights
        elif ace.rights & rights & ~denied[ace.sid]:
            allowed.add(ace.sid)
    return frozenset(allowed)


def _is_of_domain(sid: str) -> bool:
    return sid.startswith("S-1-5-21-") or not sid.startswith("S-")


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
