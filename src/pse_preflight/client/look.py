"""The client's own side of one system: its machine, its account, sapnwrfc.ini, SAP's TLS library; looked at once."""

import os
import shutil
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pse_preflight.client import access, account, dotnet, installed
from pse_preflight.client import ini as client_ini
from pse_preflight.client import library as crypto_library
from pse_preflight.client.account import Reach
from pse_preflight.client.findings import findings_of
from pse_preflight.client.ini import Destination
from pse_preflight.client.installed import RunsAs
from pse_preflight.client.library import Library
from pse_preflight.client.own_certificate import read_own_certificate
from pse_preflight.client.posix import PosixAccount
from pse_preflight.client.settings_tree import SettingsUnreadable
from pse_preflight.client.side import ClientSide
from pse_preflight.errors import NotForAccount, PreflightError
from pse_preflight.files import is_file, is_folder, read_beginning
from pse_preflight.findings import Command
from pse_preflight.landscape.system import Client, System
from pse_preflight.options import EVIDENCE
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
    runs_as = _runs_as(client)
    client = replace(client, account=runs_as.account)
    side = ClientSide(
        host=host,
        windows=_WINDOWS,
        is_its_host=is_its_host(system, host),
        group_may_read=_belongs_to_group(system.pse, client.group),
        dest=client.ini.dest if client.ini else "",
        runs_as=client.account or "",
        account_is_assumed=bool(runs_as.account) and not runs_as.source,
        account_problem="" if runs_as.account else runs_as.source,
    )
    if side.is_its_host:
        side = _with_ini(side, client)
        side = replace(side, connections=installed.read_of(client.product, system) if client.product else None)
        side = replace(side, library=_library(client.library or _named_library(side)))
        side = _with_account(side, system, client, pse_is_there=pse_is_there)
        side = _with_own_certificate(side, system, client)
    return replace(side, findings=tuple(findings_of(side, system)))


def hand_over(systems: Sequence[System], pse: Path, program: Command = ("pse-preflight",)) -> HandOver | None:
    """Return who is to have a new PSE, the account of its client; None where it is to be this one's alone.

    Args:
        program: the words that start this program in a plain shell of this machine.

    Raises:
        NotForAccount: where it could not be read by that account, or by others too; with an administrator's command.
    """
    wanted = {(_runs_as(each.client).account, each.client.group) for each in systems if each.client}
    wanted.discard((None, None))
    if not wanted:
        return None
    if len(wanted) > 1:
        raise NotForAccount("the systems that share it name different accounts or groups as `client`")
    ((name, group),) = wanted
    again = (*program, "check", *_options(systems, pse))
    return _windows_handover(name, group) if _WINDOWS else _posix_handover(name, group, pse, again)


def _options(systems: Sequence[System], pse: Path) -> Command:
    """Return what an account that has this one's settings and folders no more must be told, to do this run again.

    Whoever makes a PSE may write to its folder, so that what is seen can be written there, too.
    """
    files = dict.fromkeys(each.file.absolute() for each in systems if each.file)
    named = (*(f"--system={each.alias}" for each in systems), *(f"--systems-file={each}" for each in files))
    return (*named, f"--evidence={pse.parent / EVIDENCE}")


def tool_folders(systems: Iterable[System]) -> tuple[Path, ...]:
    """Return where SAP's program may lie beside what the clients use: their TLS libraries, and the product's folder."""
    found: dict[Path, None] = {}
    for system in systems:
        client = system.client
        if client is None or not is_its_host(system):
            continue
        side = _with_ini(ClientSide(host="", dest=client.ini.dest if client.ini else ""), client)
        side = replace(side, connections=installed.read_of(client.product, system) if client.product else None)
        library = client.library or _named_library(side)
        found |= dict.fromkeys(
            [*([library.parent] if library else []), *([client.product.folder] if client.product else [])]
        )
    return tuple(each for each in found if each.is_absolute())


def _runs_as(client: Client) -> RunsAs:
    """Return whom the client runs as: as systems.yaml says, else as the product's service does on Windows."""
    if client.account or client.product is None or not _WINDOWS:
        return RunsAs(client.account, "systems.yaml" if client.account else "")
    return installed.runs_as(client.product)


def _named_library(side: ClientSide) -> Path | None:
    """Return SAP's TLS library as the client's own settings name it."""
    of_product = [each.library for each in side.connections.of_this] if side.connections else []
    named = next((each for each in of_product if each), side.destination.library if side.destination else "")
    return Path(named) if named else None


def _belongs_to_group(pse: Path, group: str | None) -> bool:
    if group is None or _WINDOWS:
        return False
    try:
        return pse.stat().st_gid == access.posix_group(group)
    except (OSError, PreflightError):
        return False


def _posix_handover(name: str | None, group: str | None, pse: Path, again: Command) -> HandOver:
    client = access.posix_account(name) if name else None
    number = access.posix_group(group) if group else None
    to = account.posix_handover(access.posix_me(), client, number, again)
    account.open_folders(access.way_to(pse), client or access.posix_me(), has_setfacl=_has_setfacl())
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
        sids: frozenset[str] = frozenset()
        if not isinstance(seen.account, PosixAccount):
            sids = frozenset({seen.account.sid, *([windows.sid_of(client.group)] if client.group else [])})
    except PreflightError as error:
        return replace(side, account_problem=str(error))
    library = side.library
    reads_library = library is not None and library.absolute and not library.problem
    folder = ""
    if client.path_is_personal:
        drive = os.environ.get("SYSTEMDRIVE", "C:")
        folder = account.personal_folder(seen.account, bits=client.bits, system_drive=drive)
    return replace(
        side,
        account=seen.account.name,
        is_this_account=seen.is_this,
        sids=sids,
        own_folder=folder,
        reach=_reach(system.pse, seen.account) if pse_is_there else None,
        library_reach=_reach(Path(library.path), seen.account, is_library=True) if library and reads_library else None,
    )


def _with_own_certificate(side: ClientSide, system: System, client: Client) -> ClientSide:
    """Add the certificate of the PSE, where the client logs on with it."""
    logs_on = client.certificate_logon or (side.destination is not None and side.destination.certificate_logon)
    if not logs_on or system.truststore:
        return side
    return replace(side, own_certificate=read_own_certificate(system.pse))


def _look_up(name: str) -> _Seen:
    if _WINDOWS:
        found = windows.account(name)
        return _Seen(found, found.sid == windows.me().sid)
    known = access.posix_account(name)
    return _Seen(known, known.number == access.posix_me().number)


def _reach(path: Path, who: PosixAccount | WindowsAccount, *, is_library: bool = False) -> Reach:
    if isinstance(who, PosixAccount):
        return account.posix_reach(access.way_to(path), who, has_setfacl=_has_setfacl(), is_library=is_library)
    try:
        sddl = windows.read_descriptor(path)
        return account.windows_reach(str(path), sddl, who, windows.name_of, is_library=is_library)
    except PreflightError as error:
        return Reach(readable=None, reason=str(error))


def _has_setfacl() -> bool:
    return shutil.which("setfacl") is not None


def _with_ini(side: ClientSide, client: Client) -> ClientSide:
    """Add what sapnwrfc.ini says, or why it cannot be read."""
    if client.ini is None:
        return side
    try:
        return replace(side, destinations=read_ini(client.ini.file))
    except OSError as error:
        return replace(side, ini_problem=error.strerror or type(error).__name__)
    except SettingsUnreadable as error:
        return replace(side, ini_problem=str(error))


def read_ini(file: Path) -> tuple[Destination, ...]:
    """Read a sapnwrfc.ini, or the App.config of a .NET program; no password in it outlives this call.

    Raises:
        OSError: where it cannot be read, or is larger than 1 MiB.
        SettingsUnreadable: where it is XML, and none that is read.
    """
    with file.open("rb") as stream:
        content = read_beginning(stream, client_ini.LARGEST_FILE + 1)
    if len(content) > client_ini.LARGEST_FILE:
        raise OSError(0, "it is larger than 1 MiB", str(file))
    if dotnet.is_dotnet(content):
        return dotnet.parse(content)
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
        problem = "it is a folder" if is_folder(path) else error.strerror or type(error).__name__
        return Library(str(path), problem=problem)
    return Library(str(path), bits=crypto_library.read_bits(header), version=_version_beside(path))


def _version_beside(path: Path) -> str:
    """Ask the program beside the library, which loads that very library."""
    from pse_preflight.sapgenpse import tool

    program = path.with_name("sapgenpse.exe" if _WINDOWS else "sapgenpse")
    if not is_file(program):
        return ""
    try:
        return tool.version(tool.InstalledTool(program), path.parent).library or ""
    except tool.ToolError:
        return ""
