"""Who else may change or replace a PSE: each right alone, and its twin without it."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse.condition import Condition, PseContent, Rights, State
from pse_preflight.client_pse.findings import condition_findings
from pse_preflight.findings import Finding, quoted
from pse_preflight.landscape.system import Client, System
from pse_preflight.landscape.url import ApiUrl
from tests.kit.systems import NOW, server, write_pse

SERVER = Certificate.of(server().certificate)
GOOD = Rights(owner="xtract", folder_mode=0o700, folder_owner="xtract", seen_by="xtract")
SYSTEM = System(alias="PRD", url=ApiUrl("host.example.com", 443), pse=Path("/sec/client.pse"), secudir=Path("/sec"))


def _judged(mode: int, rights: Rights | None, account: str | None = None) -> list[Finding]:
    condition = Condition(Path("/sec/client.pse"), State.PLAIN, mode=mode, rights=rights)
    system = replace(SYSTEM, client=Client(account=account)) if account else SYSTEM
    found = condition_findings(condition, system, NOW)
    return [each for each in found if each.code is Code.PSE_WRITABLE_BY_OTHERS]


def test_a_private_file_in_a_private_folder_is_nobody_elses_to_change() -> None:
    assert _judged(0o600, GOOD) == []
    assert _judged(0o640, GOOD) == []
    assert _judged(0o600, None) == []


@pytest.mark.parametrize(
    ("mode", "changed", "whom", "severity"),
    [
        (0o602, {}, "everybody on this machine", Severity.MAJOR),
        (0o620, {}, "the file's group", Severity.MAJOR),
        (0o600, {"folder_mode": 0o777}, "everybody, in /sec", Severity.MAJOR),
        (0o600, {"folder_mode": 0o703}, "everybody, in /sec", Severity.MAJOR),
        (0o600, {"folder_mode": 0o770}, "the group of /sec", Severity.MINOR),
        (0o600, {"open_folders": ("/srv",)}, "everybody, in /srv", Severity.MAJOR),
        (0o600, {"owner": "mallory"}, "its owner mallory", Severity.MAJOR),
        (0o600, {"folder_owner": "mallory"}, "mallory, in /sec", Severity.MAJOR),
    ],
)
def test_each_way_to_change_it_is_told(mode: int, changed: dict[str, Any], whom: str, severity: Severity) -> None:
    (found,) = _judged(mode, replace(GOOD, **changed), "xtract")
    assert whom in found.observed.replace("\\", "/")
    assert found.severity is severity
    assert found.commands


@pytest.mark.parametrize(
    "changed", [{"owner": "svc"}, {"folder_owner": "svc"}, {"owner": "svc", "folder_owner": "svc"}]
)
def test_nobody_pastes_away_what_may_be_the_clients_own(changed: dict[str, Any]) -> None:
    """Nobody has said whom the client runs as."""
    (found,) = _judged(0o620, replace(GOOD, **changed))
    assert found.commands == ()
    assert found.fix.startswith("if svc is the client's account, say so (client.account) and run again; else let its ")
    assert ": chmod 600 " in found.fix
    (known,) = _judged(0o620, replace(GOOD, **changed), "xtract")
    assert known.commands
    assert "client.account" not in known.fix


@pytest.mark.parametrize(("changed", "what"), [("owner", "/sec/client.pse"), ("folder_owner", "/sec")])
def test_what_is_another_accounts_is_given_to_the_clients_or_to_root(changed: str, what: str) -> None:
    others: dict[str, Any] = {changed: "mallory"}
    rights, what = replace(GOOD, **others), str(Path(what))
    (known,) = _judged(0o600, rights, "xtract")
    assert known.commands == (("chown", "xtract", what),)
    (unknown,) = _judged(0o600, rights)
    assert unknown.fix.endswith(quoted(("chown", "root", what), windows=False))


def test_a_sticky_folder_lets_nobody_replace_the_files_of_others() -> None:
    sticky = Rights(owner="xtract", folder_mode=0o1777, folder_owner="root", seen_by="xtract")
    assert _judged(0o600, sticky) == []


@pytest.mark.parametrize("account", ["xtract", "another"])
def test_the_clients_own_account_is_meant(account: str) -> None:
    """An administrator looks at the PSE of a service."""
    seen = Rights(owner="xtract", folder_mode=0o700, folder_owner="xtract", seen_by="root")
    assert bool(_judged(0o600, seen, account)) is (account != "xtract")
    (found,) = _judged(0o600, seen)
    assert "client.account" in found.fix


@pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX; those of Windows have tests of their own")
@pytest.mark.parametrize(("file", "folder"), [(0o602, 0o700), (0o620, 0o700), (0o600, 0o777)])
def test_a_real_file_is_looked_at_with_its_folder(tmp_path: Path, file: int, folder: int) -> None:
    pse = tmp_path / "sec" / "client.pse"
    write_pse(pse)
    pse.parent.chmod(0o700)
    assert condition_findings(pse_condition.look(pse), SYSTEM, NOW) == ()
    pse.chmod(file)
    pse.parent.chmod(folder)
    seen = pse_condition.look(pse)
    assert seen.rights is not None
    assert (seen.mode, seen.rights.folder_mode) == (file, folder)
    assert Code.PSE_WRITABLE_BY_OTHERS in {each.code for each in condition_findings(seen, SYSTEM, NOW)}
    assert not seen.is_unchanged(pse_condition.look(pse.parent / "another.pse"))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_an_account_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    pse = tmp_path / "client.pse"
    write_pse(pse)
    os.chown(pse, 54321, 54321)
    (found,) = (
        each
        for each in condition_findings(pse_condition.look(pse), SYSTEM, NOW)
        if each.code is Code.PSE_WRITABLE_BY_OTHERS
    )
    assert "its owner 54321" in found.observed


WAYS = {
    "the folder above": ("a", "a/b/c/client.pse"),
    "two folders above": ("a/b", "a/b/c/client.pse"),
    "the folder of a link to the file": ("links", "links/file.pse"),
    "the folder of a link to its folder": ("links", "links/folder/client.pse"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")
@pytest.mark.parametrize(("opened", "written"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("mode", "is_open"), [(0o777, True), (0o703, True), (0o1777, False), (0o770, False)])
def test_whoever_may_replace_what_leads_to_it_may_replace_it(
    tmp_path: Path, opened: str, written: str, mode: int, *, is_open: bool
) -> None:
    folder = tmp_path / "a" / "b" / "c"
    write_pse(folder / "client.pse")
    (tmp_path / "links").mkdir(mode=0o700)
    (tmp_path / "links" / "file.pse").symlink_to(folder / "client.pse")
    (tmp_path / "links" / "folder").symlink_to(folder)
    for each in (folder, *list(folder.parents)[:2]):
        each.chmod(0o700)
    (tmp_path / opened).chmod(mode)
    rights = pse_condition.look(tmp_path / written).rights
    assert rights is not None
    assert rights.open_folders == ((str(tmp_path / opened),) if is_open else ())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PseContent(SERVER, ()), "can be read by everybody on this machine, and it holds a private key without PIN"),
        (PseContent(None, ()), "can be read by everybody on this machine, and nobody but its account needs to"),
        (None, "can be read by everybody on this machine, and nobody but its account needs to"),
    ],
    ids=["its own", "only verifies others", "not opened"],
)
def test_a_private_key_is_told_where_one_was_seen(content: PseContent | None, why: str) -> None:
    condition = Condition(Path("/sec/client.pse"), State.PLAIN, mode=0o604, rights=GOOD, content=content)
    (found,) = (each for each in condition_findings(condition, SYSTEM, NOW) if "READABLE" in each.code)
    assert why in found.observed
