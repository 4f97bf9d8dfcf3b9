"""Read from the operating system who may read a file, and hand a new file to the client's account."""

import errno
import os
import stat
import sys
from collections.abc import Collection
from pathlib import Path

from pse_preflight.client.account import PosixHandover, PosixWay, windows_grants
from pse_preflight.client.posix import AccessListUnreadable, AclEntry, Node, PosixAccount, read_acl
from pse_preflight.errors import NotForAccount, NotSeen, PreflightError
from pse_preflight.windows import descriptor, system

_ACL_ATTRIBUTE = "system.posix_acl_access"
_MOST_LINKS = 40
_NO_ACL = frozenset({errno.ENODATA, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


def posix_account(name: str) -> PosixAccount:
    """Return a user of this machine, with all groups.

    Raises:
        NotSeen: where there is no such user.
    """
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise NotSeen(f"there is no user {name} on this machine") from None
    groups = frozenset(os.getgrouplist(found.pw_name, found.pw_gid))
    return PosixAccount(found.pw_name, found.pw_uid, found.pw_gid, groups, found.pw_dir)


def posix_group(name: str) -> int:
    """Return the number of a group of this machine.

    Raises:
        NotSeen: where there is no such group.
    """
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise NotSeen(f"there is no group {name} on this machine") from None


def posix_me() -> PosixAccount:
    """Return who runs this process, as the process itself is, whatever the list of users says."""
    import pwd

    number = os.geteuid()
    try:
        found = pwd.getpwuid(number)
        name, home = found.pw_name, found.pw_dir
    except KeyError:
        name, home = str(number), os.environ.get("HOME", "/")
    return PosixAccount(name, number, os.getegid(), frozenset({os.getegid(), *os.getgroups()}), home)


def way_to(path: Path) -> PosixWay:
    """Walk to a file as the kernel does, folder by folder and through symbolic links."""
    folders: list[Node] = []
    current, ahead, links = Path(path.anchor), list(path.parts[1:]), 0
    try:
        folders.append(_node(current))
        while ahead:
            step = current / ahead.pop(0)
            if step.is_symlink():
                links += 1
                if links > _MOST_LINKS:
                    return PosixWay(tuple(folders), problem=f"{path} leads through too many symbolic links")
                target = step.parent / os.readlink(step)  # noqa: PTH115 - Path.readlink drops what `..` needs
                current, ahead = Path(target.anchor), [*target.parts[1:], *ahead]
                folders.append(_node(current))
                continue
            current = current.parent if step.name == ".." else step
            node = _node(current)
            if not ahead:
                return PosixWay(tuple(folders), node)
            folders.append(node)
    except OSError as error:
        return PosixWay(tuple(folders), problem=f"{error.filename or path}: {error.strerror or type(error).__name__}")
    except AccessListUnreadable as error:
        return PosixWay(tuple(folders), problem=f"{path}: {error}")
    return PosixWay(tuple(folders), problem=f"{path} is no file")


def _node(path: Path) -> Node:
    status = path.stat()
    return Node(str(path), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, _acl(path))


if sys.platform == "linux":

    def _acl(path: Path) -> tuple[AclEntry, ...]:
        try:
            return read_acl(os.getxattr(path, _ACL_ATTRIBUTE))
        except OSError as error:
            if error.errno in _NO_ACL:
                return ()
            raise

    def _remove_acl(handle: int) -> None:
        try:
            os.removexattr(handle, _ACL_ATTRIBUTE)
        except OSError as error:
            if error.errno not in _NO_ACL:
                raise

else:

    def _acl(path: Path) -> tuple[AclEntry, ...]:  # noqa: ARG001 - the same form as on Linux
        """Return nothing: elsewhere Python cannot read them."""
        return ()

    def _remove_acl(handle: int) -> None:
        """Do nothing, for the same reason."""


def hand_over(path: Path, to: PosixHandover) -> None:
    """Give a new file or folder to its user and group, with the mode that is meant for it."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        status = os.fstat(handle)
        if (status.st_uid, status.st_gid) != (to.owner, to.group):
            os.fchown(handle, to.owner, to.group)
        _remove_acl(handle)  # a folder may hand one down, and a mode for the group would put it into force
        os.fchmod(handle, to.mode(folder=stat.S_ISDIR(status.st_mode)))
    finally:
        os.close(handle)


def windows_prove(path: Path, readers: Collection[str], me: str) -> None:
    """Prove that the client's account and group can read a new file or folder, and nobody but those who may.

    Args:
        readers: the SIDs of the client's account and group.
        me: the SID of who runs this process.

    Raises:
        NotForAccount: where its access list says another thing.
    """
    grants = windows_grants(me, readers, folder=path.is_dir())
    command = ("icacls", str(path), "/inheritance:r", "/grant:r", *grants)
    try:
        found = descriptor.readers(descriptor.read_descriptor(system.read_descriptor(path)))
    except PreflightError as error:
        raise NotForAccount(str(error), [command]) from error
    others = [sid for sid in found - {*readers, me} if not descriptor.is_keeper(sid)]
    if others:
        raise NotForAccount(f"its access list lets others read: {', '.join(map(system.name_of, others))}", [command])
    absent = [sid for sid in readers if sid not in found]
    if absent:
        raise NotForAccount(
            f"its access list does not let {', '.join(map(system.name_of, absent))} read, though it was told to",
            [command],
        )
