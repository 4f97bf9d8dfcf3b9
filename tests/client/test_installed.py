"""Whom a product's service runs as, and what follows for its PSE; the service manager's answers are made by hand."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.client import installed
from pse_preflight.client import look as client
from pse_preflight.client.account import Reach
from pse_preflight.client.installed import ServiceEntry
from pse_preflight.landscape.system import Client, Product, System
from pse_preflight.landscape.url import ApiUrl

SYSTEM_SID, SERVICE_SID = "S-1-5-18", "S-1-5-21-1-2-3-1001"

Manages = Callable[..., None]
"""Lets the service manager have these services: names and accounts, their programs in the product's folder."""


@pytest.fixture
def product(tmp_path: Path) -> Product:
    file = tmp_path / "xtract" / "config" / "connections" / "PRD.ini"
    file.parent.mkdir(parents=True)
    file.write_text(f"Host=a.example.com\nPort=443\nClient PSE={tmp_path / 'client.pse'}\n", encoding="utf-8")
    return Product("xtract", tmp_path / "xtract")


@pytest.fixture
def manages(monkeypatch: pytest.MonkeyPatch, product: Product) -> Manages:
    def install(*services: tuple[str, str]) -> None:
        told = [ServiceEntry(name, str(product.folder / "x.exe"), whose) for name, whose in services]
        monkeypatch.setattr(installed, "service_entries", lambda: told)
        monkeypatch.setattr(client, "_WINDOWS", True)
        monkeypatch.setattr(client, "_look_up", lambda name: client._Seen(_account(name), is_this=False))
        monkeypatch.setattr(client, "_reach", lambda _path, _who: Reach(readable=True))
        monkeypatch.setattr(client, "_windows_handover", lambda name, group: (name, group))

    return install


def _account(name: str) -> Any:
    sid = SYSTEM_SID if name.lower().endswith("system") else SERVICE_SID
    return vars(client)["WindowsAccount"](name, sid, frozenset())


def _handed_over(system: System) -> Any:
    return client.hand_over([system], system.pse)


def _system(tmp_path: Path, side: Client) -> System:
    pse = tmp_path / "client.pse"
    return System(alias="PRD", url=ApiUrl("a.example.com", 443), pse=pse, secudir=tmp_path, client=side)


@pytest.mark.parametrize(
    ("services", "account", "codes"),
    [
        ([], "SYSTEM", ["CLIENT_ACCOUNT_ASSUMED"]),
        ([("Xtract", "LocalSystem")], "LocalSystem", []),
        ([("Xtract", r"DOM\svc"), ("Xtract Web", r"DOM\svc")], r"DOM\svc", []),
        ([("Xtract", r"DOM\svc"), ("Other", "LocalSystem")], "", ["CLIENT_ACCOUNT_UNKNOWN"]),
    ],
)
def test_the_account_of_a_product_is_that_of_its_service(
    manages: Manages,
    product: Product,
    tmp_path: Path,
    services: list[tuple[str, str]],
    account: str,
    codes: list[str],
) -> None:
    manages(*services)
    system = _system(tmp_path, Client(product=product))
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    assert (seen.runs_as, seen.account) == (account, account)
    assert [each.code for each in seen.findings] == codes
    assert _handed_over(system) == ((account, None) if account else None)


def test_systems_yaml_overrules_the_service(manages: Manages, product: Product, tmp_path: Path) -> None:
    manages(("Xtract", "LocalSystem"))
    system = _system(tmp_path, Client(product=product, account="a"))
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    assert (seen.runs_as, seen.account_is_assumed) == ("a", False)
    assert _handed_over(system) == ("a", None)


def test_the_secudir_of_a_product_is_its_services(manages: Manages, product: Product, tmp_path: Path) -> None:
    manages()
    system = _system(tmp_path, Client(product=product, path_is_personal=True))
    seen = client.look(system, pse_is_there=False)
    assert seen is not None
    assert [each.code for each in seen.findings] == ["CLIENT_ACCOUNT_ASSUMED", "PSE_PATH_IS_PERSONAL"]
    assert "SYSTEM would look in" in seen.findings[1].observed
    assert seen.findings[1].observed.endswith(r"\Windows\System32\config\systemprofile\AppData\Local\sec")


def test_elsewhere_nobody_knows_whom_a_product_runs_as(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_WINDOWS", False)
    system = _system(tmp_path, Client(product=product))
    seen = client.look(system, pse_is_there=True)
    assert seen is not None
    assert (seen.runs_as, seen.account, seen.findings) == ("", "", ())
    assert _handed_over(system) is None


@pytest.mark.skipif(sys.platform != "win32", reason="there is no service manager elsewhere")
def test_the_service_managers_own_entries_are_read() -> None:
    found = {each.name.lower(): each for each in installed.service_entries()}
    assert found["rpcss"].command
    assert found["rpcss"].account
    assert "%" not in found["rpcss"].command
