"""The client's own side of one system: its machine, its account, sapnwrfc.ini, SAP's TLS library; looked at once."""

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pse_preflight.client import access, account
from pse_preflight.client import ini as client_ini
from pse_preflight.client import library as crypto_library
from pse_preflight.client.account import Reach
from pse_preflight.client.findings import findings_of
from pse_preflight.client.ini import Destination
from pse_preflight.client.library import Library
from pse_preflight.client.posix import PosixAccount
from pse_preflight.client.side import ClientSide
from pse_preflight.errors import NotForAccount, PreflightError
from pse_preflight.landscape.system import Client, System
from pse_preflight.pse.create import HandOver
from pse_preflight.windows import system as windows
from pse_preflight.windows.descriptor import WindowsAccount

_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True, slots=True)
class _Seen:
    """The client's account, and whether it is the one that runs this process."""

    account: PosixAccount | WindowsAccount
    is_this: bool


def is_its_host(system: System, host: str | None = None) -> bool:
    """Tell whether the client runs on this machine, as far as systems.yaml says where it runs."""
    hosts = system.client.hosts if system.client else ()
    return not hosts or account.is_this_host(hosts, host or socket.gethostname())


def look(system: System, *, pse_is_there: bool) -> ClientSide | None:
    """Look at the client's own side; None where systems.yaml says nothing about it."""
    if system.client is None:
        return None
    host, client = socket.gethostname(), system.client
    side = ClientSide(
        host=host,
        windows=_WINDOWS,
        is_its_host=is_its_host(system, host),
        group_may_read=_belongs_to_group(system.pse, client.group),
        dest=client.ini.dest if client.ini else "",
    )
    if side.is_its_host:
        side = _with_ini(side, client)
        named = Path(side.destination.library) if side.destination and side.destination.library else None
        side = replace(side, library=_library(client.library or named))
        side = _with_account(side, system, client, pse_is_there=pse_is_there)
    return replace(side, findings=tuple(findings_of(side, system)))


def hand_over(systems: Sequence[System], pse: Path) -> HandOver | None:
    """Return who is to have a new PSE, the account of its client; None where it is to be this one's alone.

    Raises:
        NotForAccount: where it could not be read by that account, or by others too; with an administrator's command.
    """
    wanted = {(each.client.account, each.client.group) for each in systems if each.client}
    wanted.discard((None, None))
    if not wanted:
        return None
    if len(wanted) > 1:
        raise NotForAccount("the systems that share it name different accounts or groups as `client`")
    ((name, group),) = wanted
    again = (sys.executable, "-m", "pse_preflight", *(f"--system={each.alias}" for each in systems))
    return _windows_handover(name, group) if _WINDOWS else _posix_handover(name, group, pse, again)


def _belongs_to_group(pse: Path, group: str | None) -> bool:
    if group is None or _WINDOWS:
        return False
    try:
        return pse.stat().st_gid == access.posix_group(group)
    except (OSError, PreflightError):
        return False


def _posix_handover(name: str | None, group: str | None, pse: Path, again: tuple[str, ...]) -> HandOver:
    client = access.posix_account(name) if name else None
    number = access.posix_group(group) if group else None
    to = account.posix_handover(access.posix_me(), client, number, again)
    account.open_folders(access.way_to(pse), client or access.posix_me())
    return HandOver(lambda path: access.hand_over(path, to))


def _windows_handover(name: str | None, group: str | None) -> HandOver:
    me = windows.me().sid
    readers = tuple(windows.sid_of(each) for each in (name, group) if each)
    return HandOver(lambda path: None if path.suffix == ".lock" else access.windows_prove(path, readers, me), readers)


def _with_account(side: ClientSide, system: System, client: Client, *, pse_is_there: bool) -> ClientSide:
    """Add what is known of the client's account, and what it can read."""
    if client.account is None:
        return side
    try:
        seen = _look_up(client.account)
        sids = _sids(seen.account, client.group)
    except PreflightError as error:
        return replace(side, account_problem=str(error))
    library = side.library
    reads_library = library is not None and library.absolute and not library.problem
    return replace(
        side,
        account=seen.account.name,
        is_this_account=seen.is_this,
        sids=sids,
        own_folder=_own_folder(seen.account, client) if client.path_is_personal else "",
        reach=_reach(system.pse, seen.account) if pse_is_there else None,
        library_reach=_reach(Path(library.path), seen.account) if library and reads_library else None,
    )


def _look_up(name: str) -> _Seen:
    if _WINDOWS:
        found = windows.account(name)
        return _Seen(found, found.sid == windows.me().sid)
    known = access.posix_account(name)
    return _Seen(known, known.number == access.posix_me().number)


def _sids(who: PosixAccount | WindowsAccount, group: str | None) -> frozenset[str]:
    if isinstance(who, PosixAccount):
        return frozenset()
    return frozenset({who.sid, *([windows.sid_of(group)] if group else [])})


def _reach(path: Path, who: PosixAccount | WindowsAccount) -> Reach:
    if isinstance(who, PosixAccount):
        return account.posix_reach(access.way_to(path), who)
    try:
        return account.windows_reach(str(path), windows.read_descriptor(path), who, windows.name_of)
    except PreflightError as error:
        return Reach(readable=None, reason=str(error))


def _own_folder(who: PosixAccount | WindowsAccount, client: Client) -> str:
    drive = os.environ.get("SYSTEMDRIVE", "C:")
    return account.personal_folder(who, bits=client.bits, system_drive=drive)


def _with_ini(side: ClientSide, client: Client) -> ClientSide:
    """Add what sapnwrfc.ini says, or why it cannot be read."""
    if client.ini is None:
        return side
    try:
        return replace(side, destinations=read_ini(client.ini.file))
    except OSError as error:
        return replace(side, ini_problem=error.strerror or type(error).__name__)


def read_ini(file: Path) -> tuple[Destination, ...]:
    """Read a sapnwrfc.ini; no password in it outlives this call.

    Raises:
        OSError: where it cannot be read, or is larger than 1 MiB.
    """
    with file.open("rb") as stream:
        content = stream.read(client_ini.LARGEST_FILE + 1)
    if len(content) > client_ini.LARGEST_FILE:
        raise OSError(0, "it is larger than 1 MiB", str(file))
    return client_ini.parse(client_ini.decode(content))


def _library(path: Path | None) -> Library | None:
    if path is None:
        return None
    if not path.is_absolute():
        return Library(str(path), absolute=False)
    if path.is_dir():  # which Windows tells as a file that must not be read
        return Library(str(path), problem="it is a folder")
    try:
        with path.open("rb") as stream:
            header = stream.read(crypto_library.HEADER_BYTES)
    except PermissionError:
        return Library(str(path), unreadable=True)
    except OSError as error:
        return Library(str(path), problem=error.strerror or type(error).__name__)
    return Library(str(path), bits=crypto_library.read_bits(header), version=_version_beside(path))


def _version_beside(path: Path) -> str:
    """Ask the program beside the library, which loads that very library."""
    from pse_preflight.sapgenpse import tool

    program = path.with_name("sapgenpse.exe" if _WINDOWS else "sapgenpse")
    if not program.is_file():
        return ""
    try:
        return tool.version(tool.InstalledTool(program), path.parent).library or ""
    except tool.ToolError:
        return ""
