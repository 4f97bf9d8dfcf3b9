"""The client's own side looked at as a whole, and through pytest itself."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from pse_preflight.checklist import Severity
from pse_preflight.client import access
from pse_preflight.client import look as client
from pse_preflight.client.side import ClientSide
from pse_preflight.errors import NotForAccount, PreflightError
from pse_preflight.findings import message
from pse_preflight.landscape.file import read_landscape
from pse_preflight.landscape.select import Surroundings, select
from pse_preflight.landscape.system import Client, ClientIni, Product, System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.verdict.policy import inapplicable
from tests.kit.places import CHECKOUT
from tests.kit.runs import run_checks, run_result
from tests.kit.windows_answers import ME, SERVICE, Windows, error, in_a_domain

ROOT = "C:/" if sys.platform == "win32" else "/"
posix = pytest.mark.skipif(sys.platform == "win32", reason="users and modes of POSIX")


def _system(tmp_path: Path, side: Client | None) -> System:
    pse = tmp_path / "client.pse"
    return System(alias="PRD", url=ApiUrl("a.example.com", 443), pse=pse, secudir=tmp_path, client=side)


def _codes(system: System, *, there: bool = True) -> list[str]:
    seen = client.look(system, pse_is_there=there)
    assert seen is not None
    return [each.code for each in seen.findings]


def _me() -> str:
    return access.posix_me().name


def test_where_nothing_is_said_nothing_is_looked_at(tmp_path: Path) -> None:
    assert client.look(_system(tmp_path, None), pse_is_there=True) is None
    assert client.is_its_host(_system(tmp_path, None))


def test_another_machine_is_told_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    side = Client(hosts=("no-such-host",), account="no-such-user", library=tmp_path / "none.so")
    seen = client.look(_system(tmp_path, side), pse_is_there=True)
    assert seen is not None
    assert not seen.is_its_host
    (found,) = seen.findings
    assert (found.code, found.severity) == ("WRONG_HOST", Severity.MAJOR)
    assert found.observed == f"this is {socket.gethostname()}, and the client of PRD runs on no-such-host"
    right = Client(hosts=("no-such-host", socket.gethostname()))
    assert _codes(_system(tmp_path, right)) == []


@posix
def test_this_account_can_read_what_it_has_made(tmp_path: Path) -> None:
    system = _system(tmp_path, Client(account=_me()))
    system.pse.write_bytes(b"")
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    assert seen.reach is not None
    assert (seen.account, seen.reach.readable, seen.findings) == (_me(), True, ())
    missing = client.look(system, pse_is_there=False)
    assert missing is not None
    assert missing.reach is None


@posix
def test_an_account_that_is_not_there_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    seen = client.look(_system(tmp_path, Client(account="no-such-user")), pse_is_there=True)
    assert seen is not None
    assert [each.code for each in seen.findings] == ["CLIENT_ACCOUNT_UNKNOWN"]
    assert seen.findings[0].is_error
    assert seen.account == ""


@posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="another account than root")
def test_a_path_that_follows_from_this_shell_is_told_for_another_account(tmp_path: Path) -> None:
    system = _system(tmp_path, Client(account="nobody", path_is_personal=True))
    seen = client.look(system, pse_is_there=False)
    assert seen is not None
    (found,) = seen.findings
    assert (found.code, found.severity) == ("PSE_PATH_IS_PERSONAL", Severity.MAJOR)
    assert found.observed.endswith(f"nobody would look in {access.posix_account('nobody').home}/sec")
    assert _codes(_system(tmp_path, Client(account="nobody")), there=False) == []
    assert _codes(_system(tmp_path, Client(account=_me(), path_is_personal=True)), there=False) == []


@posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="another account than root")
def test_a_file_that_the_account_cannot_read_is_told_with_its_reason(tmp_path: Path) -> None:
    system = _system(tmp_path, Client(account="nobody"))
    system.pse.write_bytes(b"")
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    (found,) = seen.findings
    assert (found.code, found.severity) == ("PSE_UNREADABLE_FOR_ACCOUNT", Severity.BLOCKER)
    assert "does not let nobody through" in found.observed
    assert found.commands


def test_what_cannot_be_seen_is_an_error(tmp_path: Path) -> None:
    system = _system(tmp_path, Client(account=_me() if sys.platform != "win32" else "SYSTEM"))
    assert _codes(system) == ["CLIENT_ACCESS_UNKNOWN"]


def _ini(tmp_path: Path, text: str) -> ClientIni:
    (tmp_path / "sapnwrfc.ini").write_text(text, encoding="utf-8")
    return ClientIni(tmp_path / "sapnwrfc.ini", "PRD")


def test_the_destination_is_read_and_compared(tmp_path: Path) -> None:
    text = f"DEST=PRD\nWSHOST=a.example.com\nWSPORT=443\nPASSWD=Gehe1m!\nTLS_CLIENT_PSE={tmp_path / 'client.pse'}\n"
    seen = client.look(_system(tmp_path, Client(ini=_ini(tmp_path, text))), pse_is_there=True)
    assert seen is not None
    assert seen.destination is not None
    assert seen.findings == ()
    assert "Gehe1m!" not in repr(seen)
    other = Client(ini=_ini(tmp_path, text.replace("a.example", "b.example")))
    assert _codes(_system(tmp_path, other)) == ["CLIENT_INI_DIFFERS"]
    absent = Client(ini=_ini(tmp_path, text.replace("DEST=PRD", "DEST=QAS")))
    assert _codes(_system(tmp_path, absent)) == ["CLIENT_INI_NO_DEST"]


def test_the_app_config_of_a_dotnet_program_is_read_and_compared(tmp_path: Path) -> None:
    pse, config = tmp_path / "client.pse", tmp_path / "App.config"
    said = f'<add NAME="PRD" WSHOST="a.example.com" WSPORT="443" TLS_CLIENT_PSE="{pse}" PASSWD="Gehe1m!"/>'
    config.write_text(f"<configuration>{said}</configuration>", encoding="utf-8")
    system = _system(tmp_path, Client(ini=ClientIni(config, "PRD")))
    assert _codes(system) == []
    config.write_text(f"<configuration>{said.replace('443', '80')}</configuration>", encoding="utf-8")
    assert _codes(system) == ["CLIENT_INI_DIFFERS"]
    config.write_text(f"<configuration>{said}", encoding="utf-8")
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    assert [each.code for each in seen.findings] == ["CLIENT_INI_UNREADABLE"]
    assert seen.findings[0].observed.endswith("cannot be read here: it is no well-formed XML (line 1)")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    ini = ClientIni(tmp_path / "none.ini", "PRD")
    assert _codes(_system(tmp_path, Client(ini=ini))) == ["CLIENT_INI_UNREADABLE"]
    (tmp_path / "none.ini").write_bytes(b"#" * ((1 << 20) + 1))
    seen = client.look(_system(tmp_path, Client(ini=ini)), pse_is_there=True)
    assert seen is not None
    assert "larger than 1 MiB" in seen.findings[0].observed


ELF = {64: b"\x7fELF\x02", 32: b"\x7fELF\x01"}


def test_the_library_is_judged_where_it_is_named(tmp_path: Path) -> None:
    library = tmp_path / "libsapcrypto.so"
    library.write_bytes(ELF[64])
    assert _codes(_system(tmp_path, Client(library=library, bits=64))) == []
    assert _codes(_system(tmp_path, Client(library=library, bits=32))) == ["CRYPTO_LIBRARY_BITS"]
    assert _codes(_system(tmp_path, Client(library=tmp_path / "none.so"))) == ["CRYPTO_LIBRARY_MISSING"]
    assert _codes(_system(tmp_path, Client(library=tmp_path))) == ["CRYPTO_LIBRARY_MISSING"]
    assert _codes(_system(tmp_path, Client(library=Path("libsapcrypto.so")))) == ["CRYPTO_LIBRARY_PATH_RELATIVE"]


def test_the_library_of_the_destination_is_judged_where_no_other_is_named(tmp_path: Path) -> None:
    library = tmp_path / "libsapcrypto.so"
    library.write_bytes(ELF[32])
    text = (
        f"DEFAULT\nTLS_SAPCRYPTOLIB={library}\n\n"
        f"DEST=PRD\nWSHOST=a.example.com\nWSPORT=443\nTLS_CLIENT_PSE={tmp_path / 'client.pse'}\n"
    )
    assert _codes(_system(tmp_path, Client(bits=64, ini=_ini(tmp_path, text)))) == ["CRYPTO_LIBRARY_BITS"]


def test_a_library_that_may_not_be_read_here_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libsapcrypto.so"
    library.write_bytes(ELF[64])
    opened: Any = Path.open

    def refuse(path: Path, *arguments: Any, **more: Any) -> Any:
        if path == library:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    assert _codes(_system(tmp_path, Client(library=library))) == ["CRYPTO_LIBRARY_NOT_JUDGED"]


@posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="another account than root")
def test_a_library_that_the_account_cannot_read_is_told(tmp_path: Path) -> None:
    library = tmp_path / "libsapcrypto.so"
    library.write_bytes(ELF[64])
    side = Client(library=library, account="nobody")
    seen = client.look(_system(tmp_path, side), pse_is_there=False)
    assert seen
    (found,) = seen.findings
    assert (found.code, found.fix) == ("CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT", "let nobody read it")
    assert {command[0] for command in found.commands} <= {"setfacl", "chmod"}
    assert all(command[1] in {"-m", "o+x", "a+r"} for command in found.commands)
    assert _codes(_system(tmp_path, replace(side, account=_me())), there=False) == []


@posix
@pytest.mark.parametrize(
    ("says", "codes"),
    [
        ("echo 'CommonCryptoLib Version 8.4.35 pl40'", ["CRYPTO_LIBRARY_OLD"]),
        ("echo 'CommonCryptoLib Version 8.5.57 pl1'", []),
        ("echo nothing", []),
        ("exit 1", []),
    ],
)
def test_the_program_beside_the_library_tells_its_version(tmp_path: Path, says: str, codes: list[str]) -> None:
    library, program = tmp_path / "libsapcrypto.so", tmp_path / "sapgenpse"
    library.write_bytes(ELF[64])
    program.write_text(f"#!/bin/sh\n{says}\n", encoding="ascii")
    program.chmod(0o755)
    assert _codes(_system(tmp_path, Client(library=library))) == codes


def test_a_program_that_cannot_be_run_tells_nothing(tmp_path: Path) -> None:
    library = tmp_path / "libsapcrypto.so"
    library.write_bytes(ELF[64])
    (tmp_path / "sapgenpse").write_bytes(b"\0")
    assert _codes(_system(tmp_path, Client(library=library))) == []


# Windows: what it tells is written from Microsoft's documentation (tests.kit.windows_answers).


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Windows]:
    def answer(*, me: str = ME, descriptor: str | None = None) -> Windows:
        monkeypatch.setattr(client, "_WINDOWS", True)
        told = in_a_domain()
        told.me = me
        told.accounts["sap"] = ("S-1-5-21-1-2-3-1003", "CLIENT01", 4)
        if descriptor is not None:
            told.descriptors[""] = descriptor
        return told.install(monkeypatch)

    return answer


@pytest.mark.parametrize(
    ("descriptor", "codes"),
    [
        (f"O:BAD:(A;;FR;;;{SERVICE})", []),
        ("O:BAD:(A;;FA;;;BA)", ["PSE_UNREADABLE_FOR_ACCOUNT"]),
        ("nonsense", ["CLIENT_ACCESS_UNKNOWN"]),
    ],
)
def test_an_account_of_windows_is_judged_by_the_descriptor(
    windows: Callable[..., Windows], tmp_path: Path, descriptor: str, codes: list[str]
) -> None:
    windows(descriptor=descriptor)
    assert _codes(_system(tmp_path, Client(account=r"DOM\svc"))) == codes


def test_a_group_of_windows_is_not_looked_up_as_one_of_posix(
    windows: Callable[..., Windows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "client.pse").touch()
    monkeypatch.setitem(sys.modules, "grp", None)
    windows(descriptor=f"O:BAD:(A;;FR;;;{SERVICE})")
    seen = client.look(_system(tmp_path, Client(account=r"DOM\svc", group="sap")), pse_is_there=True)
    assert seen is not None
    assert (seen.group_may_read, seen.findings) == (False, ())


def test_a_descriptor_that_is_not_told_is_an_error(windows: Callable[..., Windows], tmp_path: Path) -> None:
    windows()
    assert _codes(_system(tmp_path, Client(account=r"DOM\svc"))) == ["CLIENT_ACCESS_UNKNOWN"]


def test_the_folder_of_system_is_named(
    windows: Callable[..., Windows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows()
    monkeypatch.setenv("SYSTEMDRIVE", "D:")
    side = Client(account="SYSTEM", bits=32, path_is_personal=True)
    seen = client.look(_system(tmp_path, side), pse_is_there=False)
    assert seen is not None
    assert seen.findings[0].observed.endswith(
        r"SYSTEM would look in D:\Windows\SysWOW64\config\systemprofile\AppData\Local\sec"
    )
    windows(me="S-1-5-18")
    assert _codes(_system(tmp_path, side), there=False) == []


def test_a_new_file_of_windows_is_handed_over_and_a_lock_is_left(
    windows: Callable[..., Windows], tmp_path: Path
) -> None:
    system = _system(tmp_path, Client(account=r"DOM\svc", group="sap"))
    windows(descriptor=f"O:BAD:PAI(A;;FA;;;BA)(A;;FR;;;{SERVICE})(A;;FR;;;S-1-5-21-1-2-3-1003)")
    to = client.hand_over([system], system.pse)
    assert to is not None
    assert to.readers == (SERVICE, "S-1-5-21-1-2-3-1003")
    to.give(tmp_path)
    to.give(system.pse)
    windows(descriptor="O:BAD:PAI(A;;FA;;;WD)")
    to = client.hand_over([system], system.pse)
    assert to is not None
    to.give(tmp_path / ".client.pse.lock")
    with pytest.raises(NotForAccount):
        to.give(system.pse)


def test_the_account_of_a_domain_that_cannot_be_reached_lets_nobody_in(
    windows: Callable[..., Windows], tmp_path: Path
) -> None:
    told = windows(descriptor="O:BAD:(A;;FA;;;BA)")
    told.accounts[r"dom\svc"] = error(1789)
    system = _system(tmp_path, Client(account=r"DOM\svc"))
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    (found,) = seen.findings
    assert found.code == "CLIENT_ACCOUNT_UNKNOWN"
    assert "DOM\\svc cannot be looked up here: The trust relationship" in found.observed
    with pytest.raises(PreflightError, match="cannot be looked up here"):
        client.hand_over([system], system.pse)


def test_a_group_that_nobody_knows_is_told(windows: Callable[..., Windows], tmp_path: Path) -> None:
    windows(descriptor="O:BAD:(A;;FA;;;BA)")
    assert _codes(_system(tmp_path, Client(account=r"DOM\svc", group="none"))) == ["CLIENT_ACCOUNT_UNKNOWN"]


def test_the_accounts_that_are_meant_are_known_by_number(windows: Callable[..., Windows], tmp_path: Path) -> None:
    windows(descriptor=f"O:BAD:(A;;FR;;;{SERVICE})")
    seen = client.look(_system(tmp_path, Client(account=r"DOM\svc", group="sap")), pse_is_there=True)
    assert seen is not None
    assert seen.sids == {SERVICE, "S-1-5-21-1-2-3-1003"}


# a product of Theobald's


def _product(tmp_path: Path, pse: Path, **said: str) -> Product:
    told = {"Host": "a.example.com", "Port": "443", "Client PSE": str(pse)} | said
    file = tmp_path / "xtract" / "config" / "connections" / "PRD.ini"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key} = {value}\n" for key, value in told.items()), encoding="utf-8")
    return Product("xtract", tmp_path / "xtract")


def test_the_connection_of_a_product_is_read_and_compared(tmp_path: Path) -> None:
    library = tmp_path / "sapcrypto.dll"
    library.write_bytes(ELF[32])
    product = _product(tmp_path, tmp_path / "client.pse")
    side = Client(product=product, account=getpass.getuser())  # no service says here which it is
    (tmp_path / "client.pse").touch()
    assert _codes(_system(tmp_path, side)) == []
    _product(tmp_path, tmp_path / "other.pse")
    assert _codes(_system(tmp_path, side)) == ["CONNECTION_DIFFERS"]
    _product(tmp_path, tmp_path / "client.pse", Library=str(library))
    assert _codes(_system(tmp_path, replace(side, bits=64))) == ["CRYPTO_LIBRARY_BITS"]
    nothing = Product("xtract", tmp_path)
    assert _codes(_system(tmp_path, replace(side, product=nothing))) == ["CONNECTIONS_UNREADABLE"]


def test_the_program_is_looked_for_beside_what_the_clients_use(tmp_path: Path) -> None:
    product = _product(tmp_path, tmp_path / "client.pse", Library=str(tmp_path / "b" / "sapcrypto.dll"))
    ini = _ini(tmp_path, f"DEFAULT\nTLS_SAPCRYPTOLIB={tmp_path / 'c' / 'libsapcrypto.so'}\n\nDEST=PRD\nWSHOST=x\n")
    sides = (
        Client(library=tmp_path / "a" / "libsapcrypto.so"),
        Client(product=product),
        Client(ini=ini),
        Client(ini=replace(ini, file=tmp_path / "none.ini")),
        Client(hosts=("no-such-host",), library=tmp_path / "d" / "libsapcrypto.so"),
        Client(library=Path("relative.so")),
        None,
    )
    found = client.tool_folders([_system(tmp_path, each) for each in sides])
    assert found == (tmp_path / "a", tmp_path / "b", product.folder, tmp_path / "c")


# systems.yaml


def _read(tmp_path: Path, text: str, *, windows: bool = False) -> System:
    file = tmp_path / "systems.yaml"
    file.write_text(f"systems:\n  PRD:\n    url: a.example.com\n{text}", encoding="utf-8")
    home = {"HOME": "/home/x"} if sys.platform != "win32" else {"LOCALAPPDATA": "C:\\x", "USERPROFILE": "C:\\x"}
    around = Surroundings(home, tmp_path, tmp_path, tmp_path, windows=windows or sys.platform == "win32")
    (system,) = select(["PRD"], read_landscape(file, around.environment, windows=around.windows), around)
    return system


def test_the_keys_arrive(tmp_path: Path) -> None:
    system = _read(
        tmp_path,
        "    client: {hosts: [a, b], account: xtract, group: sap, bits: 32}\n"
        "    client_ini: {file: x/sapnwrfc.ini, dest: PRD}\n"
        f"    crypto_library: '{tmp_path / 'libsapcrypto.so'}'\n",
    )
    assert system.client == Client(
        hosts=("a", "b"),
        account="xtract",
        group="sap",
        bits=32,
        path_is_personal=True,
        ini=ClientIni(tmp_path / "x/sapnwrfc.ini", "PRD"),
        library=tmp_path / "libsapcrypto.so",
    )


def test_the_product_arrives_with_its_folder(tmp_path: Path) -> None:
    keys = r"    client: {product: board-connector, folder: 'C:\Program Files\BoardConnector'}"
    system = _read(tmp_path, keys, windows=True)
    assert system.client is not None
    assert system.client.product == Product("board-connector", Path(r"C:\Program Files\BoardConnector"))


def test_the_connection_stands_in_one_place(tmp_path: Path) -> None:
    keys = "    client: {product: xtract, folder: /x}\n    client_ini: {file: x, dest: y}\n"
    with pytest.raises(PreflightError, match="both say what the client uses; keep the one that is right"):
        _read(tmp_path, keys)


def test_where_the_keys_are_silent_there_is_no_client_side(tmp_path: Path) -> None:
    assert _read(tmp_path, "").client is None


@pytest.mark.parametrize(
    ("keys", "windows", "personal"),
    [
        ("", False, True),
        ("    pse: client.pse\n", False, True),
        (f"    pse: '{ROOT}sec/client.pse'\n", False, False),
        (f"    pse: client.pse\n    secudir: '{ROOT}sec'\n", False, False),
        ("    secudir: ~/sec\n", False, True),
        ("    pse: 'C:\\sec\\client.pse'\n", True, False),
        ("    pse: 'sec\\client.pse'\n", True, True),
        ("    pse: '\\\\server\\sec\\client.pse'\n", True, False),
    ],
)
def test_a_path_is_personal_unless_something_is_absolute(
    tmp_path: Path, keys: str, windows: bool, personal: bool
) -> None:
    system = _read(tmp_path, f"    client: {{account: xtract}}\n{keys}", windows=windows)
    assert system.client is not None
    assert system.client.path_is_personal is personal


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("    client: {host: [a]}\n", "unknown key; did you mean hosts?"),
        ("    client: {bits: 16}\n", "32 or 64"),
        ("    client: xtract\n", "client"),
        ("    client: {product: xtract}\n", "`folder` is missing; such as {product: xtract, folder: 'C:"),
        ("    client: {folder: /x}\n", "`product` is missing"),
        ("    client: {product: xtrac, folder: /x}\n", "xtract or board-connector"),
        (
            "    client: {product: xtract, folder: 'C:x'}\n",
            "has no backslash" if sys.platform == "win32" else "is a path of Windows",
        ),
        ("    client_ini: {file: x}\n", "dest"),
        ("    client_ini: {file: x, des: y}\n", "dest"),
    ],
)
def test_what_is_wrong_in_the_blocks_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PreflightError) as caught:
        _read(tmp_path, text)
    assert "systems.yaml:4: " in str(caught.value)
    assert says in str(caught.value)


# through pytest itself


@pytest.fixture
def checks(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """Return what runs the client's checks for a system that nobody serves, and tells how each ended."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("HOME", str(pytester.path))
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT / "src"))

    def run(keys: str, *options: str) -> dict[str, str]:
        text = f"systems:\n  PRD:\n    url: https://localhost:1\n    secudir: {pytester.path}/sec\n{keys}"
        (pytester.path / "systems.yaml").write_text(text, encoding="utf-8")
        run_checks(pytester.path, "--engine=bundled", "--system=PRD", "--junitxml=r.xml", *options)
        cases = ElementTree.parse(pytester.path / "r.xml").findall(".//testcase")
        return {
            case.attrib["name"].partition("[")[0]: next(
                (part.attrib.get("message", "") for part in case if part.tag in {"failure", "error", "skipped"}),
                "passed",
            )
            for case in cases
        }

    return run


CLIENT_CHECKS = [
    "test_client_account_can_read_the_pse",
    "test_this_is_the_clients_host",
    "test_pse_path_is_the_same_for_the_client_account",
    "test_client_ini_names_what_is_checked",
    "test_client_ini_verifies_the_server",
    "test_client_ini_logs_on_with_an_alias",
    "test_crypto_library_fits_the_client",
]


def test_what_is_not_configured_is_no_skip_that_people_have_to_read(checks: Callable[..., dict[str, str]]) -> None:
    ended = checks("", "-m", "client or pse")
    assert "test_pse_exists" in ended
    assert not set(CLIENT_CHECKS) & set(ended)


@posix
def test_a_client_as_it_should_be_is_green(checks: Callable[..., dict[str, str]], pytester: pytest.Pytester) -> None:
    (pytester.path / "sec").mkdir()
    pse = pytester.path / "sec" / "PRD.pse"
    pse.write_bytes(b"no PSE, but readable")
    library = pytester.path / "libsapcrypto.so"
    library.write_bytes(ELF[64])
    (pytester.path / "sapnwrfc.ini").write_text(
        f"DEFAULT\nTLS_SAPCRYPTOLIB={library}\n\nDEST=PRD\nWSHOST=localhost\nWSPORT=1\nTLS_CLIENT_PSE={pse}\nALIAS_USER=X\n"
    )
    keys = (
        f"    client: {{hosts: [{socket.gethostname()}], account: {_me()}, bits: 64}}\n"
        f"    client_ini: {{file: sapnwrfc.ini, dest: PRD}}\n"
    )
    ended = checks(keys, "-m", "client or pse")
    assert {each: ended[each] for each in CLIENT_CHECKS} == dict.fromkeys(CLIENT_CHECKS, "passed")


def test_on_another_machine_one_check_is_red_and_the_others_wait_for_it(
    checks: Callable[..., dict[str, str]], pytester: pytest.Pytester
) -> None:
    ended = checks(f"    client: {{hosts: [no-such-host], account: x}}\n    crypto_library: {ROOT}none.so\n")
    blocked = "blocked by WRONG_HOST, see test_this_is_the_clients_host"
    assert ended["test_this_is_the_clients_host"].startswith("WRONG_HOST: ")
    assert ended["test_pse_exists"] == blocked
    not_configured = {each for each in CLIENT_CHECKS if "client_ini" in each}
    waiting = {*CLIENT_CHECKS} - {"test_this_is_the_clients_host"} - not_configured
    assert {ended[each] for each in waiting} == {blocked}
    assert not not_configured & set(ended)
    assert not (pytester.path / "sec").exists()


def test_a_cause_is_told_once(checks: Callable[..., dict[str, str]]) -> None:
    ended = checks("    client_ini: {file: none.ini, dest: PRD}\n", "-m", "client")
    assert ended["test_client_ini_names_what_is_checked"].startswith("CLIENT_INI_UNREADABLE: ")
    blocked = "blocked by CLIENT_INI_UNREADABLE, see test_client_ini_names_what_is_checked"
    assert ended["test_client_ini_verifies_the_server"] == ended["test_client_ini_logs_on_with_an_alias"] == blocked


@posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="another account than root")
def test_a_pse_is_made_for_the_account_or_not_at_all(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT / "src"))
    code = (
        "import sys, pathlib; from pse_preflight.demo import server as demo;"
        "described = demo.describe('', pathlib.Path('served').absolute()); described.start();"
        "print(described.keys['url'], flush=True); sys.stdin.read()"
    )
    with (
        subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True, cwd=pytester.path) as server,
        tempfile.TemporaryDirectory() as open_folder,
    ):
        assert server.stdout
        url = server.stdout.readline().strip()
        Path(open_folder).chmod(0o755)
        keys = f"url: {url}, roots: served/demo-authority/root.pem, client: {{account: nobody}}"
        closed = pytester.path / "closed"
        closed.mkdir(mode=0o700)
        (pytester.path / "systems.yaml").write_text(
            f"systems:\n"
            f"  GOOD: {{{keys}, pse: {open_folder}/sec/client.pse}}\n"
            f"  BAD: {{{keys}, pse: {closed}/client.pse}}\n"
        )
        ended = run_checks(pytester.path, "--engine=bundled", "--system=all", "--fail-on=blocker")
        made = Path(open_folder) / "sec" / "client.pse"
        assert made.stat().st_uid == access.posix_account("nobody").number
        assert made.stat().st_mode & 0o777 == 0o600
        assert not (closed / "client.pse").exists()
        server.communicate("")
    result = run_result(ended)
    result.stdout.fnmatch_lines(
        ["*PSE_MISSING: *none was made, for the client's account could not use it: the folder *"]
    )
    opens = "setfacl -m u:nobody:x" if shutil.which("setfacl") else "chmod o+x"
    result.stdout.fnmatch_lines([f"*an administrator must run: {opens} *"])


@pytest.mark.parametrize("check", [each for each in CLIENT_CHECKS if each != "test_crypto_library_fits_the_client"])
def test_a_recording_judges_nothing_of_the_clients_own_side(check: str, tmp_path: Path) -> None:
    side = Client(hosts=("a",), account="x", ini=ClientIni(tmp_path, "PRD"), library=tmp_path)
    recorded: Any = SimpleNamespace(endpoint=None, system=_system(tmp_path, side), client=None)
    assert inapplicable(check, recorded) == "the client's own side is not part of a recording"
    assert inapplicable("test_crypto_library_fits_the_client", recorded) == inapplicable(check, recorded)
    live: Any = SimpleNamespace(endpoint=None, system=_system(tmp_path, side), client=ClientSide(host="a"))
    assert inapplicable(check, live) == ""


@pytest.mark.long
def test_nobody_looks_where_nothing_is_configured(pytester: pytest.Pytester) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT / 'src')!r})\n"
        "import pytest\n"
        "pytest.main(['-p', 'pse_preflight.plugin', '--pyargs', 'pse_preflight.checks', '--system=demo', '-q'])\n"
        "assert 'pse_preflight.client_pse.maker' in sys.modules\n"
        "looking = {each for each in sys.modules if each.startswith('pse_preflight.client.')}\n"
        "assert looking <= {'pse_preflight.client.side'}, looking\n"
        "assert 'pse_preflight.command.init' not in sys.modules\n"
    )
    assert pytester.run(sys.executable, "-c", code, timeout=120).ret == 0


def test_the_messages_begin_with_their_code(tmp_path: Path) -> None:
    seen = client.look(_system(tmp_path, Client(hosts=("no-such-host",))), pse_is_there=False)
    assert seen
    assert message(seen.findings[0]).startswith("WRONG_HOST: ")
