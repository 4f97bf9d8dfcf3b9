"""Connections of Xtract Universal and Board Connector, in every form that their files may have."""

import json
import os
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.client import connections, installed
from pse_preflight.client.connections import Connections, ProductConnection, findings, leads_to, parse
from pse_preflight.client.installed import RunsAs, ServiceEntry, runs_as
from pse_preflight.client.settings_tree import SettingsUnreadable
from pse_preflight.findings import Finding, message
from pse_preflight.landscape.system import Client, Product, System
from pse_preflight.landscape.url import ApiUrl

SECRET, LOGIN = "Gehe1m!", "XTRACT_ALIAS"
HOST, PSE, LIBRARY = "my401122-api.s4hana.cloud.sap", r"C:\PSE\client.pse", r"C:\sap\libs\sapcryptolib\sapcrypto.dll"
URL = ApiUrl(HOST, 443)

ELEMENTS = f"""<?xml version="1.0" encoding="utf-8"?>
<SAPConnection xmlns="urn:x"><Name>PRD</Name><Host>{HOST}</Host><Port>443</Port>
  <Tls><Library>{LIBRARY}</Library><ClientPSE>{PSE}</ClientPSE></Tls>
  <User>{LOGIN}</User><Password>{SECRET}</Password><UserNameIsAlias>true</UserNameIsAlias>
</SAPConnection>"""
ATTRIBUTES = (
    f'<c:connection xmlns:c="urn:x" name="PRD" host="{HOST}" port="443" library="{LIBRARY}" client-pse="{PSE}"'
    f' user="{LOGIN}" password="{SECRET}" user_is_alias="1"/>'
)
PROPERTIES = (
    f'<settings><add key="Name" value="PRD"/><add key="Host" value="{HOST}"/><property name="Port">443</property>'
    f'<add key="Library" value="{LIBRARY}"/><add key="Client PSE" value="{PSE}"/>'
    f'<add key="Password" value="{SECRET}"/><add key="User name is alias" value="True"/></settings>'
)
OBJECT = {
    "name": "PRD",
    "webSocket": {"host": HOST, "port": 443, "library": LIBRARY, "clientPse": PSE},
    "proxy": {"host": "proxy.example.com", "port": 3128, "password": SECRET},
    "logon": {"user": LOGIN, "password": SECRET, "userNameIsAlias": True},
    "language": None,
}
INI = f"""[Connection]
Name = PRD
Host = {HOST}
Port = 443
Library = {LIBRARY}
Client PSE = {PSE}
User = {LOGIN}
Password = {SECRET}
User name is alias = yes
"""
FORMS = {
    "elements": ELEMENTS,
    "attributes": ATTRIBUTES,
    "properties": PROPERTIES,
    "JSON": json.dumps(OBJECT),
    "ini": INI,
}
GOOD = ProductConnection("PRD.x", "PRD", HOST, "443", LIBRARY, PSE, user_is_alias=True)


def _judged(*found: ProductConnection, library: str = LIBRARY, url: ApiUrl = URL, **said: Any) -> tuple[Finding, ...]:
    seen = Connections(folder=r"C:\Xtract", of_this=found, **said)
    return tuple(findings(seen, "Xtract Universal", url, PSE, library, windows=True))


def _codes(*found: ProductConnection, **said: Any) -> list[str]:
    return [each.code for each in _judged(*found, **said)]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_form_is_understood_and_no_secret_is_kept(form: str, encoding: str) -> None:
    content = form.replace('encoding="utf-8"', f'encoding="{encoding[:6].strip("-")}"').encode(encoding)
    assert parse(content, "PRD.x") == (GOOD,)
    shown = repr(parse(form.replace(HOST, f"{LOGIN}:{SECRET}@{HOST}").encode(), "PRD.x"))
    assert SECRET not in shown
    assert LOGIN not in shown


@pytest.mark.parametrize(
    ("value", "alias"), [("true", True), ("0", False), ("No", False), ("on", True), ("perhaps", None), ("", None)]
)
def test_the_tick_of_the_alias_is_read_where_it_can_be(value: str, alias: bool | None) -> None:
    (found,) = parse(INI.replace("alias = yes", f"alias = {value}").encode(), "x")
    assert found.user_is_alias is alias


def test_what_is_not_there_is_not_made_up() -> None:
    (found,) = parse(f"Host={HOST}\n".encode(), "x")
    assert found == ProductConnection("x", "", HOST)
    (found,) = parse(json.dumps([{"host": HOST}]).encode(), "x")
    assert found == ProductConnection("x", "", HOST)


def test_several_connections_in_one_file_are_told_apart() -> None:
    both = {"library": LIBRARY, "connections": [OBJECT, {"name": "QAS", "host": "other.example.com", "clientPse": "x"}]}
    one, other = parse(json.dumps(both).encode(), "all.json")
    assert one == replace(GOOD, file="all.json")
    assert other == ProductConnection("all.json", "QAS", "other.example.com", "", LIBRARY, "x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf \r\n", "it is empty"),
        (b"MZ\x90\0\x03\0\0\0", "it is binary"),
        (b"\x80\x04\x95nothing at all", "neither XML nor JSON nor key=value"),
        (b"just words\n", "neither XML nor JSON nor key=value"),
        (b"Port=443\nUser=x\n", "it names no host"),
        (b'{"port": 443}', "it names no host"),
        (b"<connection><port>443</port></connection>", "it names no host"),
        (b'{"proxy": {"host": "proxy"}}', "it names no host"),
        (b"{", "it is no JSON"),
        (b"<a><b></a>", "it is no well-formed XML"),
        (b"<!DOCTYPE a><a/>", "DOCTYPE"),
        (b"x=1\n" * 30_000, "larger than such a file is"),
    ],
)
def test_what_is_not_understood_is_told(content: bytes, says: str) -> None:
    with pytest.raises(SettingsUnreadable, match=says):
        parse(content, "x")


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        (HOST, True),
        (HOST.upper(), True),
        (f"https://{HOST}/", True),
        ("my401122.s4hana.cloud.sap", True),
        ("my999999-api.s4hana.cloud.sap", False),
        ("no host", False),
        ("", False),
    ],
)
def test_which_connection_leads_to_a_system(host: str, is_it: bool) -> None:
    assert leads_to(ProductConnection("x", "", host), URL) is is_it


def test_a_right_connection_has_nothing_to_be_told() -> None:
    assert _codes(GOOD) == []
    assert _codes(replace(GOOD, pse=PSE.upper().replace("\\", "/"))) == []
    assert _codes(replace(GOOD, pse=r"X:\link.pse", pse_is_this=True)) == []
    assert _codes(replace(GOOD, library=r"D:\other.dll"), library="") == []
    assert _codes(replace(GOOD, port="", library="", user_is_alias=None)) == []
    assert _codes(replace(GOOD, host="a.example.com", user_is_alias=False), url=ApiUrl("a.example.com", 443)) == []


@pytest.mark.parametrize(
    ("said", "code", "says"),
    [
        ({"host": f"https://{HOST}"}, "CONNECTION_HOST_NOT_ALONE", "has a scheme in its host"),
        ({"host": f"{HOST}:443"}, "CONNECTION_HOST_NOT_ALONE", "has a port in its host"),
        ({"host": f"@{HOST}"}, "CONNECTION_HOST_NOT_ALONE", "has a user before it in its host"),
        ({"host": "my401122.s4hana.cloud.sap"}, "CONNECTION_DIFFERS", "the one for people, checked is the API host"),
        ({"port": "8443"}, "CONNECTION_DIFFERS", "its port is 8443, checked is 443"),
        ({"port": SECRET}, "CONNECTION_DIFFERS", "its port is no number"),
        ({"pse": r"C:\PSE\other.pse"}, "CONNECTION_DIFFERS", r"its client PSE is C:\PSE\other.pse, checked is C:\PSE"),
        ({"pse": r"C:\PSE\x.pse", "pse_is_this": False}, "CONNECTION_DIFFERS", r"its client PSE is C:\PSE\x.pse"),
        ({"library": r"C:\x.dll"}, "CONNECTION_DIFFERS", r"its library is C:\x.dll"),
        ({"user_is_alias": False}, "CONNECTION_USER_NOT_ALIAS", '"User name is alias" is not ticked'),
        ({"pse": ""}, "CONNECTION_NOT_UNDERSTOOD", "PRD.x (PRD) names no client PSE"),
    ],
)
def test_what_is_wrong_is_told_by_its_own_code(said: dict[str, Any], code: str, says: str) -> None:
    (found,) = _judged(replace(GOOD, **said))
    assert found.code == code
    assert says in found.observed
    assert SECRET not in message(found)


def test_two_connections_that_differ_are_told_one_by_one() -> None:
    found = _judged(GOOD, replace(GOOD, file="copy.x", pse=r"C:\old.pse"), replace(GOOD, file="old.x", port="80"))
    assert [each.code for each in found] == ["CONNECTION_DIFFERS", "CONNECTION_DIFFERS"]
    assert "copy.x (PRD)" in found[0].observed
    assert "old.x (PRD)" in found[1].observed


def test_files_that_are_not_understood_are_one_note_and_no_red() -> None:
    unread = tuple((f"{number}.x", "it is binary") for number in range(5))
    (found,) = _judged(GOOD, not_understood=unread)
    assert (found.code, found.severity.word) == ("CONNECTION_NOT_UNDERSTOOD", "minor")
    assert "0.x (it is binary), 1.x (it is binary), 2.x (it is binary), 2 more" in found.observed


def test_no_connection_to_the_host_is_told_with_the_others() -> None:
    (found,) = _judged(other_hosts=("a.example.com",))
    assert (found.code, found.severity.word) == ("CONNECTION_NOT_FOUND", "minor")
    assert found.observed.endswith("lead to a.example.com")


# as it is installed


def _install(folder: Path, **files: str | bytes) -> Product:
    place = folder / "config" / "connections"
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return Product("xtract", folder)


def _system(pse: Path, product: Product) -> System:
    return System(alias="PRD", url=URL, pse=pse, secudir=pse.parent, client=Client(product=product))


def test_the_files_below_the_folder_are_read_and_the_odd_ones_told(tmp_path: Path) -> None:
    pse = tmp_path / "client.pse"
    pse.touch()
    link = tmp_path / "link.pse"
    link.hardlink_to(pse)
    product = _install(
        tmp_path / "x", a_good=INI.replace(PSE, str(link)), b_big="Host=b\n", c_binary=b"\0\1", d_other="Host=b\n"
    )
    os.truncate(product.folder / "config" / "connections" / "b_big", 50 << 20)
    inner = product.folder / "config" / "connections" / "sap"
    inner.mkdir()
    (inner / "PRD.json").write_text(json.dumps(OBJECT), encoding="utf-8")
    old = product.folder / "config" / "sources"
    old.mkdir()
    (old / "old.xml").write_text(ELEMENTS, encoding="utf-8")
    seen = installed.read_of(product, _system(pse, product))
    below = Path("config", "connections")
    assert [each.file for each in seen.of_this] == [
        str(below / "a_good"),
        str(below / "sap" / "PRD.json"),
        str(Path("config", "sources", "old.xml")),
    ]
    assert seen.of_this[0].pse_is_this is True
    assert seen.other_hosts == ("b",)
    assert seen.not_understood == (
        (str(below / "b_big"), "it is larger than 1 MiB"),
        (str(below / "c_binary"), "it is binary"),
    )
    assert seen.problem == ""


def test_a_folder_that_is_none_of_the_product_is_told(tmp_path: Path) -> None:
    product = Product("xtract", tmp_path / "none")
    assert "is no folder that can be seen here" in installed.read_of(product, _system(tmp_path, product)).problem
    product = Product("xtract", tmp_path)
    assert "has neither config" in installed.read_of(product, _system(tmp_path, product)).problem
    empty = _install(tmp_path / "x")
    assert installed.read_of(empty, _system(tmp_path, empty)).problem == ""


def test_a_folder_that_may_not_be_seen_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = _install(tmp_path / "x")

    def refuse(path: Path, **_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    for place, name in ((Path, "is_dir"), (os, "scandir")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, refuse)
            problem = installed.read_of(product, _system(tmp_path, product)).problem
        assert problem == f"{product.folder / 'config' / 'connections'}: Permission denied"


def test_more_files_than_any_installation_has_are_told_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_FILES", 2)
    product = _install(tmp_path / "x", a="Host=a\n", b="Host=b\n", c="Host=c\n", d="Host=d\n")
    seen = installed.read_of(product, _system(tmp_path, product))
    assert seen.other_hosts == ("a", "b")
    assert seen.not_understood == (("all others", "no more than 2 files are read"),)


FOLDER = Product("xtract", Path(r"C:\Program Files\XtractUniversal"))
PROGRAM = r"C:\Program Files\XtractUniversal\bin\XtractUniversalServer.exe"


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([(f'"{PROGRAM}" -service', "LocalSystem")], RunsAs("LocalSystem", "the entry of the service s0")),
        ([(PROGRAM.lower(), r".\xtract")], RunsAs(r".\xtract", "the entry of the service s0")),
        ([(f"\\??\\{PROGRAM}", r"DOM\svc")], RunsAs(r"DOM\svc", "the entry of the service s0")),
        ([(PROGRAM.replace("\\", "/"), "NT AUTHORITY\\LocalService")] * 2, None),
        ([(r"C:\Program Files\XtractUniversal2\x.exe", "a"), (r"C:\Windows\x.exe", "b")], RunsAs("SYSTEM")),
        ([], RunsAs("SYSTEM")),
    ],
)
def test_the_account_is_that_of_the_service_in_the_folder(entries: list[tuple[str, str]], told: RunsAs | None) -> None:
    found = runs_as(FOLDER, [ServiceEntry(f"s{number}", *each) for number, each in enumerate(entries)])
    assert found == (told or RunsAs("NT AUTHORITY\\LocalService", "the entry of the service s0, s1"))


def test_services_with_different_accounts_are_not_decided() -> None:
    found = runs_as(FOLDER, [ServiceEntry("a", PROGRAM, "LocalSystem"), ServiceEntry("b", PROGRAM, r"DOM\svc")])
    assert found.account is None
    assert found.source == r"the services a, b run as different accounts: LocalSystem, DOM\svc"


def test_whatever_somebody_has_made_of_a_file_is_read_or_told() -> None:
    chance = random.Random(17)  # noqa: S311 - the same damage in every run
    seeds = [form.encode(encoding) for form in FORMS.values() for encoding in ("utf-8", "utf-16")]
    for _ in range(1000):
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(content))
            content[place : place + chance.randint(0, 9)] = chance.choice(
                [b"\0", b'"', b"<", b"{", b"[[", b"\xff\xfe", b"@"]
            )
        with suppress(SettingsUnreadable):
            assert not [each for each in parse(bytes(content), "x") if leads_to(each, URL) and not each.host]
