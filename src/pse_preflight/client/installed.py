"""Xtract Universal and Board Connector as they are installed here: the files of their connections, their service."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path, PureWindowsPath

from pse_preflight.client import connections
from pse_preflight.client.connections import Connections, ProductConnection
from pse_preflight.client.settings_tree import SettingsUnreadable
from pse_preflight.files import read_beginning
from pse_preflight.landscape.system import Product, System

TITLES = {"xtract": "Xtract Universal", "board-connector": "Board Connector"}
FOLDERS = {"xtract": "XtractUniversal", "board-connector": "BoardConnector"}
"""Their usual folders below that of all programs."""
USUAL_ACCOUNT = "SYSTEM"
"""Whom the products' service runs as unless somebody has changed it (the vendor's help)."""

_BELOW = (("config", "connections"), ("config", "sources"))
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What the service manager keeps of a service.

    Attributes:
        name: of the service.
        command: its program, with arguments.
        account: whom it runs as.
    """

    name: str
    command: str
    account: str


@dataclass(frozen=True, slots=True)
class RunsAs:
    """Whom the product's service runs as.

    Attributes:
        account: the account; None where it is not known.
        source: how that is known, in words; empty where it is only taken to be so.
    """

    account: str | None
    source: str = ""


def read_all(product: Product) -> tuple[list[ProductConnection], list[tuple[str, str]], str]:
    """Return the connections below the product's folder, the files that are not understood, and why none is read."""
    try:
        folders = [folder for parts in _BELOW if (folder := product.folder.joinpath(*parts)).is_dir()]
        if not folders:
            usual = " nor ".join(str(Path(*parts)) for parts in _BELOW)
            lacks = f"has neither {usual}" if product.folder.is_dir() else "is no folder that can be seen here"
            return [], [], f"{product.folder} {lacks}"
        every = (file for folder in folders for file in _files(folder, 1))
        files = list(islice(every, connections.MOST_FILES + 1))
    except OSError as error:
        return [], [], f"{error.filename}: {error.strerror or type(error).__name__}"
    found: list[ProductConnection] = []
    not_understood: list[tuple[str, str]] = []
    for file in files[: connections.MOST_FILES]:
        name = str(file.relative_to(product.folder))
        try:
            status = file.stat()
            found += _connections(file, name, (status.st_mtime_ns, status.st_size))
        except SettingsUnreadable as error:
            not_understood.append((name, str(error)))
        except OSError as error:
            not_understood.append((name, error.strerror or type(error).__name__))
    if len(files) > connections.MOST_FILES:
        not_understood.append(("all others", f"no more than {connections.MOST_FILES} files are read"))
    return found, not_understood, ""


def read_of(product: Product, system: System) -> Connections:
    """Return what the product's connections say of one system."""
    found, not_understood, problem = read_all(product)
    mine = [each for each in found if connections.leads_to(each, system.url)]
    return Connections(
        folder=str(product.folder),
        problem=problem,
        of_this=tuple(replace(each, pse_is_this=_is_same_file(each.pse, system.pse)) for each in mine),
        other_hosts=connections.hosts_of([each for each in found if each not in mine]),
        not_understood=tuple(not_understood),
    )


def runs_as(product: Product, entries: Sequence[ServiceEntry] | None = None) -> RunsAs:
    """Return whom the product's service runs as: by the service manager's entry, else as the vendor installs it.

    Args:
        entries: what the service manager keeps; None to ask it.
    """
    told = service_entries() if entries is None else entries
    mine = [each for each in told if _lies_below(each.command, product.folder)]
    accounts = list(dict.fromkeys(each.account for each in mine))
    names = ", ".join(each.name for each in mine)
    if len(accounts) == 1:
        return RunsAs(accounts[0], f"the entry of the service {names}")
    if accounts:
        return RunsAs(None, f"the services {names} run as different accounts: {', '.join(accounts)}")
    return RunsAs(USUAL_ACCOUNT)


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the files of a folder and of those within it, links left aside."""
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        if entry.is_dir(follow_symlinks=False):
            if depth < _DEEPEST:
                yield from _files(Path(entry.path), depth + 1)
        elif entry.is_file():
            yield Path(entry.path)


@lru_cache(connections.MOST_FILES)
def _connections(file: Path, name: str, _state: tuple[int, int]) -> tuple[ProductConnection, ...]:
    """Read a file of connections; for many systems it is read once, unless it changes meanwhile."""
    return connections.parse(_content(file), name)


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        content = read_beginning(stream, connections.LARGEST_FILE + 1)
    if len(content) > connections.LARGEST_FILE:
        raise SettingsUnreadable("it is larger than 1 MiB")
    return content


def _is_same_file(one: str, other: Path) -> bool | None:
    try:
        return Path(one).samefile(other) if one and Path(one).is_absolute() else None
    except OSError:
        return None


def _lies_below(command: str, folder: Path) -> bool:
    r"""Tell whether a service's program lies in a folder; the command may be quoted, or begin with \??\."""
    program = command.strip().removeprefix("\\??\\").lstrip('"').lower().replace("/", "\\")
    place = str(PureWindowsPath(folder)).lower().rstrip("\\")
    return program.startswith(f"{place}\\")


if sys.platform == "win32":
    import winreg

    _SERVICES = r"SYSTEM\CurrentControlSet\Services"

    @cache
    def service_entries() -> list[ServiceEntry]:
        """Return the entries of the service manager: it keeps them in the registry, as Microsoft documents."""
        found: list[ServiceEntry] = []
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _SERVICES) as services:
                for name in _subkeys(services):
                    found += _entry(services, name)
        except OSError:
            return found
        return found

    def _subkeys(key: winreg.HKEYType) -> Iterable[str]:
        return [winreg.EnumKey(key, number) for number in range(winreg.QueryInfoKey(key)[0])]

    def _entry(services: winreg.HKEYType, name: str) -> list[ServiceEntry]:
        try:
            with winreg.OpenKey(services, name) as service:
                command = winreg.ExpandEnvironmentStrings(str(winreg.QueryValueEx(service, "ImagePath")[0]))
                account = str(winreg.QueryValueEx(service, "ObjectName")[0])
        except OSError:  # a driver has neither
            return []
        return [ServiceEntry(name, command, account)]

else:

    def service_entries() -> list[ServiceEntry]:
        """Return nothing: the products run on Windows only."""
        return []
