"""The account that the client runs as: which files it can read, and which folder it takes for its own. Pure."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pse_preflight.client import posix as posix_rights
from pse_preflight.client.posix import Node, PosixAccount
from pse_preflight.errors import NotForAccount
from pse_preflight.findings import Command
from pse_preflight.windows import descriptor as windows_rights
from pse_preflight.windows.descriptor import WindowsAccount

_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700
_GROUP_FILE, _GROUP_FOLDER = 0o640, 0o750


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether an account can read a file.

    Attributes:
        readable: yes, no, or None where it could not be decided.
        reason: why not, in words.
        commands: what an administrator must run.
    """

    readable: bool | None
    reason: str = ""
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class PosixWay:
    """The way to a file on POSIX, as far as it could be seen.

    Attributes:
        folders: the folders on it, in order; those that symbolic links lead through, too.
        file: the file at its end.
        problem: why the rest could not be seen, in words.
    """

    folders: tuple[Node, ...]
    file: Node | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PosixHandover:
    """To whom a new file is handed: the number of its user and of its group; the group may read where it is named."""

    owner: int
    group: int
    for_group: bool

    def mode(self, *, folder: bool) -> int:
        """Return the permission bits of a file or a folder."""
        if self.for_group:
            return _GROUP_FOLDER if folder else _GROUP_FILE
        return _PRIVATE_FOLDER if folder else _PRIVATE_FILE


def posix_reach(way: PosixWay, account: PosixAccount, *, has_setfacl: bool = True, is_library: bool = False) -> Reach:
    """Decide whether an account of POSIX can read the file at the end of a way.

    Args:
        has_setfacl: this machine has the program that opens a folder, or a file, for one account alone.
        is_library: others use the file, too, so that it stays theirs; else it is to be this account's alone.
    """
    closed = posix_rights.closed_folders(way.folders, account)
    shut = way.file if way.file and not posix_rights.may_read(way.file, account) else None
    if not closed and way.file is None:
        return Reach(readable=None, reason=way.problem)
    if closed:
        reason = f"the folder {closed[0].path} ({_shown(closed[0])}) does not let {account.name} through"
    elif shut:
        reason = f"{shut.path} ({_shown(shut)}) does not let {account.name} read"
    else:
        return Reach(readable=True)
    opening = ("setfacl", "-m", f"u:{account.name}:x") if has_setfacl else ("chmod", "o+x")
    commands: list[Command] = [(*opening, each.path) for each in closed]
    if shut and is_library:
        commands.append(_let_read(shut, account, has_setfacl=has_setfacl))
    elif shut:
        commands += [("chown", account.name, shut.path), ("chmod", "600", shut.path)]
    return Reach(readable=False, reason=reason, commands=tuple(commands))


def _let_read(file: Node, account: PosixAccount, *, has_setfacl: bool) -> Command:
    """Return what lets an account read a file and takes nothing from anybody; an owner's rights are in no list."""
    if has_setfacl and file.owner != account.number:
        return ("setfacl", "-m", f"u:{account.name}:r", file.path)
    return ("chmod", "a+r", file.path)


def windows_reach(
    path: str,
    sddl: str,
    account: WindowsAccount,
    name_of: Callable[[str], str] = lambda sid: sid,
    *,
    is_library: bool = False,
) -> Reach:
    """Decide whether an account of Windows can read a file, from its security descriptor.

    Args:
        name_of: returns the name of a SID.
        is_library: it is to be loaded, too, for which Windows wants the right to execute.
    """
    try:
        descriptor = windows_rights.read_descriptor(sddl)
    except windows_rights.DescriptorUnreadable as error:
        return Reach(readable=None, reason=str(error))
    deciding = windows_rights.undecided(descriptor, account)
    if deciding:
        reason = f"it depends on whether {account.name} is in the group {name_of(deciding)}; {account.unseen}"
        return Reach(readable=None, reason=f"cannot be judged here: {reason}")
    if windows_rights.may_read(descriptor, account):
        return Reach(readable=True)
    reason = f"the access list of {path} does not let {account.name} ({account.sid}) read"
    right = "(RX)" if is_library else "(R)"
    return Reach(readable=False, reason=reason, commands=(("icacls", path, "/grant", f"*{account.sid}:{right}"),))


def posix_handover(
    me: PosixAccount, client: PosixAccount | None, group: int | None, run_again: Command
) -> PosixHandover:
    """Return to whom a PSE is handed that this process makes.

    Args:
        me: who runs this process.
        client: the client's account; None where it is not configured, which means this one.
        group: the group that may read it, too.
        run_again: the command that does this run once more.

    Raises:
        NotForAccount: where this process may not do so, with the command that may.
    """
    owner = client or me
    if me.number not in {0, owner.number}:
        raise NotForAccount(
            f"{me.name} cannot make a file that belongs to {owner.name}", [("sudo", "-u", owner.name, *run_again)]
        )
    if group is not None and me.number != 0 and group not in me.groups:
        raise NotForAccount(f"{me.name} is not in the group {group} that may read it, too", [("sudo", *run_again)])
    return PosixHandover(owner.number, owner.main_group if group is None else group, group is not None)


def open_folders(way: PosixWay, account: PosixAccount, *, has_setfacl: bool = True) -> None:
    """Make sure that an account can come to where a file is to be made.

    Raises:
        NotForAccount: where a folder on the way is closed, with the commands that open it.
    """
    reach = posix_reach(way, account, has_setfacl=has_setfacl)
    if reach.readable is False:
        raise NotForAccount(reach.reason, reach.commands)


def windows_grants(me: str, readers: Collection[str], *, folder: bool) -> tuple[str, ...]:
    """Return the entries, as icacls takes them, of what this account makes for those who may read it, too.

    SYSTEM and the administrators keep it, as root does elsewhere; `windows.descriptor.private` says the same.
    """
    full = dict.fromkeys((windows_rights.SYSTEM, windows_rights.ADMINISTRATORS, me))
    inherited, reads = ("(OI)(CI)", "(RX)") if folder else ("", "(R)")
    others = [sid for sid in dict.fromkeys(readers) if sid not in full]
    return (*(f"*{sid}:{inherited}(F)" for sid in full), *(f"*{sid}:{inherited}{reads}" for sid in others))


def personal_folder(account: PosixAccount | WindowsAccount, *, bits: int | None, system_drive: str = "C:") -> str:
    r"""Return the folder that an account uses where neither a full path nor SECUDIR says another.

    On Windows a process of 32 bits finds SYSTEM's profile below SysWOW64, since System32 is redirected for it.
    """
    if isinstance(account, PosixAccount):
        return f"{account.home.rstrip('/')}/sec"
    return f"{system_drive}\\{_windows_profile(account, bits)}\\AppData\\Local\\sec"


def _windows_profile(account: WindowsAccount, bits: int | None) -> str:
    if account.sid == windows_rights.SYSTEM:
        return rf"Windows\{'SysWOW64' if bits == 32 else 'System32'}\config\systemprofile"  # noqa: PLR2004 - bits
    services = {"S-1-5-19": "LocalService", "S-1-5-20": "NetworkService"}
    if account.sid in services:
        return rf"Windows\ServiceProfiles\{services[account.sid]}"
    return rf"Users\{account.name.rpartition(chr(92))[2].partition('@')[0]}"


def is_this_host(hosts: Sequence[str], name: str) -> bool:
    """Tell whether a machine is one of those named; one name without a domain fits the other with any."""
    own = name.lower().rstrip(".")
    return any(_is_same_host(each.lower().rstrip("."), own) for each in hosts)


def _is_same_host(one: str, other: str) -> bool:
    if "." in one and "." in other:
        return one == other
    return one.partition(".")[0] == other.partition(".")[0]


def _shown(node: Node) -> str:
    more = ", access list" if node.acl else ""
    return f"mode {node.mode:04o}, user {node.owner}, group {node.group}{more}"
