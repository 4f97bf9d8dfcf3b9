"""The client's own side of one system: its machine, its account, sapnwrfc.ini, SAP's TLS library; looked at once."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pse_preflight.checklist import Code
from pse_preflight.client import access, account
from pse_preflight.client import ini as client_ini
from pse_preflight.client import library as crypto_library
from pse_preflight.client.account import Reach
from pse_preflight.client.ini import Destination
from pse_preflight.client.library import Library
from pse_preflight.client.posix import PosixAccount
from pse_preflight.client.side import ClientSide
from pse_preflight.client.windows import WindowsAccount
from pse_preflight.errors import NotForAccount, PreflightError
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.system import Client, System

_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True, slots=True)
class _Seen:
    """The client's account, and whether it is the one that runs this process."""

    account: PosixAccount | WindowsAccount
    is_this: bool


def wrong_host(system: System, host: str | None = None) -> Finding | None:
    """Say that this machine is none of those whose client the system describes."""
    host = host or socket.gethostname()
    if system.client is None or not system.client.hosts or account.is_this_host(system.client.hosts, host):
        return None
    return finding(
        Code.WRONG_HOST,
        f"this is {host}, and the client of {system.alias} runs on {', '.join(system.client.hosts)}",
        fix="run the checks there; what holds on this machine proves nothing for that one",
    )


def look(system: System, *, pse_is_there: bool) -> ClientSide | None:
    """Look at the client's own side; None where systems.yaml says nothing about it."""
    if system.client is None:
        return None
    host = socket.gethostname()
    wrong, meant = wrong_host(system, host), _belongs_to_group(system.pse, system.client.group)
    if wrong:
        return ClientSide(host=host, is_its_host=False, group_may_read=meant, findings=(wrong,))
    seen, unknown = _account(system.client)
    destination, about_ini = _ini(system)
    reach = _reach(system.pse, seen.account) if seen and pse_is_there else None
    library = _library(system.client.library or _named_library(destination))
    return ClientSide(
        host=host,
        account=seen.account.name if seen else "",
        reach=reach,
        group_may_read=meant,
        destination=destination,
        library=library,
        findings=(
            *unknown,
            *_path_is_personal(system, seen),
            *_about_reach(Code.PSE_UNREADABLE_FOR_ACCOUNT, system.client.account, reach),
            *about_ini,
            *_about_library(system.client, library, seen),
        ),
    )


def hand_over(systems: Sequence[System], pse: Path) -> Callable[[Path], None] | None:
    """Return what hands a new PSE to the account of its client; None where it is to be this one's alone.

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


def _posix_handover(name: str | None, group: str | None, pse: Path, again: tuple[str, ...]) -> Callable[[Path], None]:
    client = access.posix_account(name) if name else None
    number = access.posix_group(group) if group else None
    to = account.posix_handover(access.posix_me(), client, number, again)
    account.open_folders(access.way_to(pse), client or access.posix_me())
    return lambda path: access.hand_over(path, to)


def _windows_handover(name: str | None, group: str | None) -> Callable[[Path], None]:
    client, me, group_sid = access.windows_account(name, group, access.run_program)

    def file_only(path: Path) -> None:
        if path.is_file():
            access.windows_hand_over(path, client.sid, me, group_sid or None, access.run_program)

    return file_only


def _account(client: Client) -> tuple[_Seen | None, tuple[Finding, ...]]:
    if client.account is None:
        return None, ()
    try:
        return _look_up(client.account), ()
    except PreflightError as error:
        observed = f"whether {client.account} can read the PSE is not known: {error}"
        fix = "correct `client.account` in systems.yaml, or run the checks on the client's own machine"
        return None, (finding(Code.CLIENT_ACCOUNT_UNKNOWN, observed, fix=fix),)


def _look_up(name: str) -> _Seen:
    if _WINDOWS:
        found, me, _ = access.windows_account(name, None, access.run_program)
        return _Seen(found, found.sid == me)
    known = access.posix_account(name)
    return _Seen(known, known.number == access.posix_me().number)


def _reach(path: Path, who: PosixAccount | WindowsAccount) -> Reach:
    if isinstance(who, PosixAccount):
        return account.posix_reach(access.way_to(path), who)
    try:
        return account.windows_reach(str(path), access.windows_descriptor(path, access.run_program), who)
    except PreflightError as error:
        return Reach(readable=None, reason=str(error))


def _about_reach(code: Code, name: str | None, reach: Reach | None) -> Iterator[Finding]:
    if reach is None or reach.readable:
        return
    if reach.readable is None:
        observed = f"whether {name} can read it is not known: {reach.reason}"
        yield finding(
            Code.CLIENT_ACCESS_UNKNOWN, observed, fix="run the checks as an account that may see it, or as root"
        )
        return
    observed = f"{name}, the client's account, cannot read it: {reach.reason}"
    yield finding(code, observed, fix=f"let {name} read it, and nobody else", commands=reach.commands)


def _path_is_personal(system: System, seen: _Seen | None) -> Iterator[Finding]:
    client = system.client
    if client is None or seen is None or seen.is_this or not client.path_is_personal:
        return
    drive = os.environ.get("SYSTEMDRIVE", "C:")
    folder = account.personal_folder(seen.account, bits=client.bits, system_drive=drive)
    yield finding(
        Code.PSE_PATH_IS_PERSONAL,
        f"{system.pse} follows from this account and this shell's SECUDIR; {seen.account.name} would look in {folder}",
        fix="write `pse` as an absolute path, or an absolute `secudir`, and name the same file to the client",
    )


def _ini(system: System) -> tuple[Destination | None, tuple[Finding, ...]]:
    client = system.client
    if client is None or client.ini is None:
        return None, ()
    try:
        destinations = read_ini(client.ini.file)
    except OSError as error:
        observed = f"{client.ini.file} cannot be read here: {error.strerror or type(error).__name__}"
        return None, (finding(Code.CLIENT_INI_UNREADABLE, observed, fix="correct `client_ini.file` in systems.yaml"),)
    expected = client_ini.Expected(
        system.url, str(system.pse), system.proxy, str(client.library) if client.library else None, _WINDOWS
    )
    found = client_ini.findings(str(client.ini.file), destinations, client.ini.dest, expected)
    return next((each for each in destinations if each.name == client.ini.dest), None), found


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


def _named_library(destination: Destination | None) -> Path | None:
    return Path(destination.library) if destination and destination.library else None


def _library(path: Path | None) -> Library | None:
    if path is None:
        return None
    if not path.is_absolute():
        return Library(str(path), absolute=False)
    try:
        with path.open("rb") as stream:
            header = stream.read(crypto_library.HEADER_BYTES)
    except PermissionError:
        return Library(str(path), unreadable=True)
    except OSError as error:
        problem = "it is a folder" if path.is_dir() else error.strerror or type(error).__name__
        return Library(str(path), problem=problem)
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


def _about_library(client: Client, library: Library | None, seen: _Seen | None) -> Iterator[Finding]:
    if library is None:
        return
    yield from crypto_library.findings(library, client.bits)
    if seen and library.absolute and not library.problem:
        reach = _reach(Path(library.path), seen.account)
        if reach.readable is False:
            yield from _about_reach(Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT, client.account, reach)
