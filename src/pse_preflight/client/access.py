"""Read from the operating system who may read a file, and hand a new file to the client's account."""

import errno
import json
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pse_preflight.client.account import PosixHandover, PosixWay, windows_grants
from pse_preflight.client.posix import AccessListUnreadable, AclEntry, Node, PosixAccount, read_acl
from pse_preflight.client.windows import (
    ADMINISTRATORS,
    SYSTEM,
    WindowsAccount,
    account,
    read_descriptor,
    readers,
    well_known_sid,
)
from pse_preflight.errors import NotForAccount, PreflightError

RunProgram = Callable[[Sequence[str], Mapping[str, str]], str]
"""Runs a program with more environment variables and returns what it printed."""

_ACL_ATTRIBUTE = "system.posix_acl_access"
_MOST_LINKS = 40
_SECONDS = 30.0
_LARGEST_OUTPUT = 1 << 20
_NO_ACL = frozenset({errno.ENODATA, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})

# Values come in by environment variables, so that nothing in a name is ever read as a part of the script. The groups
# of an account of a domain come from its own identity (S4U), those of a local account from the machine's own list.
_ACCOUNT_SCRIPT = """
$ErrorActionPreference = 'Stop'
$me = [Security.Principal.WindowsIdentity]::GetCurrent()
function Sid($name) {
  ([Security.Principal.NTAccount]$name).Translate([Security.Principal.SecurityIdentifier]).Value
}
$groups = @()
$sid = $env:PREFLIGHT_SID
if ($env:PREFLIGHT_ACCOUNT -and -not $sid) { $sid = Sid $env:PREFLIGHT_ACCOUNT }
if (-not $sid -or $sid -eq $me.User.Value) {
  $sid = $me.User.Value
  $groups = @($me.Groups | ForEach-Object { $_.Value })
} elseif ($env:PREFLIGHT_ACCOUNT) {
  try {
    $identity = New-Object Security.Principal.WindowsIdentity($env:PREFLIGHT_ACCOUNT)
    $groups = @($identity.Groups | ForEach-Object { $_.Value })
  } catch {
    $groups = @(Get-LocalGroup | Where-Object {
      (Get-LocalGroupMember $_ -ErrorAction SilentlyContinue).SID.Value -contains $sid
    } | ForEach-Object { $_.SID.Value })
  }
}
$group = ''
if ($env:PREFLIGHT_GROUP) { $group = Sid $env:PREFLIGHT_GROUP }
ConvertTo-Json -Compress @{ me = $me.User.Value; sid = $sid; groups = $groups; group = $group }
"""
_DESCRIPTOR_SCRIPT = """
$ErrorActionPreference = 'Stop'
(Get-Acl -LiteralPath $env:PREFLIGHT_PATH).Sddl
"""


class NotSeen(PreflightError):
    """The operating system does not tell."""


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
    except (OSError, AccessListUnreadable) as error:
        return PosixWay(tuple(folders), problem=_told(error, path))
    return PosixWay(tuple(folders), problem=f"{path} is no file")


def _told(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or path}: {error.strerror or type(error).__name__}"
    return f"{path}: {error}"


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


def windows_account(name: str | None, group: str | None, run: RunProgram) -> tuple[WindowsAccount, str, str]:
    """Return an account of Windows, the SID of who runs this process, and that of a group (empty without one).

    Args:
        name: the account; None for who runs this process.

    Raises:
        NotSeen: where the system knows no such account or group.
    """
    known = well_known_sid(name) if name else None
    answer = run(
        powershell(_ACCOUNT_SCRIPT),
        {"PREFLIGHT_ACCOUNT": name or "", "PREFLIGHT_SID": known or "", "PREFLIGHT_GROUP": group or ""},
    )
    try:
        told = json.loads(answer)
        sid, me, groups = str(told["sid"]), str(told["me"]), frozenset(map(str, told["groups"] or []))
        return account(name or me, sid, groups), me, str(told["group"])
    except (ValueError, KeyError, TypeError):
        raise NotSeen(f"the account {name or 'of this process'} or the group {group or ''} is not known here") from None


def windows_descriptor(path: Path, run: RunProgram) -> str:
    """Return the security descriptor of a file in SDDL.

    Raises:
        NotSeen: where the system does not tell it.
    """
    return run(powershell(_DESCRIPTOR_SCRIPT), {"PREFLIGHT_PATH": str(path)}).strip()


def windows_hand_over(path: Path, client: str, me: str, group: str | None, run: RunProgram) -> None:
    """Let the client's account and group read a new file, and nobody else; prove it by reading the list back.

    Args:
        client: the SID of the client's account.
        me: the SID of who runs this process.
        group: the SID of the group, if any.

    Raises:
        NotForAccount: where the access list is not as it should be afterwards.
    """
    command = ("icacls", str(path), "/inheritance:r", "/grant:r", *windows_grants(me, client, group))
    try:
        run(command, {})
        found = readers(read_descriptor(windows_descriptor(path, run)))
    except PreflightError as error:
        raise NotForAccount(str(error), [command]) from error
    wanted = {client, *([group] if group else [])}
    if not wanted <= found <= {*wanted, me, ADMINISTRATORS, SYSTEM}:
        raise NotForAccount(f"its access list lets others read: {', '.join(sorted(found - wanted))}", [command])


def powershell(script: str) -> tuple[str, ...]:
    """Return the command that runs a script of ours in Windows' own PowerShell."""
    root = os.environ.get("SYSTEMROOT", r"C:\Windows")
    program = rf"{root}\System32\WindowsPowerShell\v1.0\powershell.exe"
    return (program, "-NoProfile", "-NonInteractive", "-Command", script)


def run_program(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Run one of the operating system's own programs.

    Raises:
        NotSeen: where it cannot be started, fails, or does not end in time.
    """
    from pse_preflight.sapgenpse import process

    try:
        ended = process.run(command, {**os.environ, **variables}, seconds=_SECONDS, largest=_LARGEST_OUTPUT)
    except OSError as error:
        raise NotSeen(f"{command[0]} cannot be started: {error.strerror}") from error
    text = ended.output.decode("utf-8", "replace")
    if ended.code != 0 or ended.overtime or ended.overflow:
        raise NotSeen(f"{Path(command[0]).name} failed: {' '.join(text.split())[:200] or 'it said nothing'}")
    return text
