"""Who may do what with a file on POSIX: modes, groups and access lists, folder by folder. Pure."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pse_preflight.errors import PreflightError

READ, EXECUTE = 4, 1

_ALL = 7
_OWNER_SHIFT, _GROUP_SHIFT = 6, 3
_ACL_VERSION = 2
_ACL_HEADER = struct.Struct("<I")
_ACL_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_TAGS = frozenset({_OWNER, _USER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS})


class AccessListUnreadable(PreflightError):
    """An access list is in no form that is known here."""


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One entry of a POSIX access list: for whom, which user or group number, and which of rwx as a number."""

    tag: int
    rights: int
    number: int


@dataclass(frozen=True, slots=True)
class Node:
    """A file or a folder as it was found.

    Attributes:
        path: where.
        mode: its nine permission bits.
        owner: the number of its user.
        group: the number of its group.
        acl: its access list; empty where it has none beyond its mode.
    """

    path: str
    mode: int
    owner: int
    group: int
    acl: tuple[AclEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PosixAccount:
    """A user of this machine: name, number, main group, the numbers of all its groups, its home folder."""

    name: str
    number: int
    main_group: int
    groups: frozenset[int]
    home: str = ""


def read_acl(attribute: bytes) -> tuple[AclEntry, ...]:
    """Read the extended attribute system.posix_acl_access (linux/posix_acl_xattr.h: version 2, then 8 bytes each).

    Raises:
        AccessListUnreadable: where it is another version or cut.
    """
    body = attribute[_ACL_HEADER.size :]
    if len(attribute) < _ACL_HEADER.size or _ACL_HEADER.unpack_from(attribute)[0] != _ACL_VERSION:
        raise AccessListUnreadable("the access list is of a version that is not known here")
    if len(body) % _ACL_ENTRY.size:
        raise AccessListUnreadable("the access list is cut")
    entries = tuple(AclEntry(*each) for each in _ACL_ENTRY.iter_unpack(body))
    if not {each.tag for each in entries} <= _TAGS:
        raise AccessListUnreadable("the access list has an entry of a kind that is not known here")
    return entries


def write_acl(entries: Sequence[AclEntry]) -> bytes:
    """Write an access list as the extended attribute that holds it."""
    return _ACL_HEADER.pack(_ACL_VERSION) + b"".join(
        _ACL_ENTRY.pack(each.tag, each.rights, each.number) for each in entries
    )


def rights(node: Node, account: PosixAccount) -> int:
    """Return what an account may do with a file or folder, as rwx in one number (the algorithm of acl(5))."""
    if account.number == 0:
        return _ALL
    if account.number == node.owner:
        return node.mode >> _OWNER_SHIFT & _ALL
    mask = next((each.rights for each in node.acl if each.tag == _MASK), _ALL)
    named = [each.rights for each in node.acl if each.tag == _USER and each.number == account.number]
    if named:
        return named[0] & mask
    owning = [each.rights for each in node.acl if each.tag == _OWNING_GROUP] or [node.mode >> _GROUP_SHIFT & _ALL]
    named = [each.rights for each in node.acl if each.tag == _GROUP and each.number in account.groups]
    groups = [each & mask for each in (*(owning if node.group in account.groups else ()), *named)]
    return _united(groups) if groups else node.mode & _ALL


def closed_folders(folders: Sequence[Node], account: PosixAccount) -> tuple[Node, ...]:
    """Return the folders that an account cannot go through."""
    return tuple(folder for folder in folders if not rights(folder, account) & EXECUTE)


def may_read(file: Node, account: PosixAccount) -> bool:
    """Tell whether an account may read a file, once it has come there."""
    return bool(rights(file, account) & READ)


def _united(each_rights: Sequence[int]) -> int:
    """Unite rights: reading through one group and passing through another is enough for what is asked here."""
    united = 0
    for each in each_rights:
        united |= each
    return united
