"""Who else may read or replace a PSE on Windows: each right alone, and its twin without it.

The descriptors are written from [MS-DTYP]; no Windows was asked, but where a test says so.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pse_preflight.checklist import Severity
from pse_preflight.client_pse import access_list
from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse.condition import AccessList
from pse_preflight.client_pse.findings import condition_findings
from pse_preflight.findings import Finding, message
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.windows import descriptor, system
from tests.kit.files import is_private, open_to_all
from tests.kit.systems import NOW, write_pse
from tests.kit.windows_answers import ME, READERS, SERVICE, in_a_domain

PSE = Path("C:\\sec\\client.pse")
FILE = f"O:{ME}D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{ME})"
FOLDER = f"O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{ME})"
NAMES = {
    "S-1-5-32-545": "BUILTIN\\Users",
    "S-1-5-11": "NT AUTHORITY\\Authenticated Users",
    SERVICE: "DOM\\svc",
    READERS: "DOM\\SAP-Readers",
}
GOOD = AccessList(file=FILE, folder=FOLDER, seen_by=ME, names=NAMES)
CLIENT = "S-1-5-21-1-2-3-4711"
KEEP = ("*S-1-5-18:(F)", "*S-1-5-32-544:(F)", f"*{ME}:(F)")


def _found(*, file: str = "", folder: str = "", meant: frozenset[str] = frozenset()) -> list[Finding]:
    return list(access_list.findings(PSE, replace(GOOD, file=FILE + file, folder=FOLDER + folder), meant))


def _said(found: list[Finding]) -> list[tuple[str, Severity]]:
    return [(each.code, each.severity) for each in found]


def test_what_is_for_few_is_no_finding() -> None:
    assert _found() == []


@pytest.mark.parametrize(
    ("entry", "code", "severity", "whom"),
    [
        ("(A;;FR;;;BU)", "PSE_READABLE_BY_OTHERS", Severity.MAJOR, "BUILTIN\\Users"),
        ("(A;ID;0x1200a9;;;BU)", "PSE_READABLE_BY_OTHERS", Severity.MAJOR, "BUILTIN\\Users"),
        ("(A;;FR;;;WD)", "PSE_READABLE_BY_OTHERS", Severity.MAJOR, "Everyone"),
        ("(A;;FR;;;IU)", "PSE_READABLE_BY_OTHERS", Severity.MAJOR, "S-1-5-4"),
        ("(A;;FR;;;S-1-5-21-7-8-9-513)", "PSE_READABLE_BY_OTHERS", Severity.MAJOR, "S-1-5-21-7-8-9-513"),
        ("(A;;FR;;;DU)", "PSE_READABLE_BY_OTHERS", Severity.MAJOR, "DU"),
        (f"(A;;FR;;;{READERS})", "PSE_READABLE_BY_GROUP", Severity.MINOR, "DOM\\SAP-Readers"),
        (f"(A;;CC;;;{SERVICE})", "PSE_READABLE_BY_GROUP", Severity.MINOR, "DOM\\svc"),
    ],
)
def test_whoever_else_reads_the_key_is_named(entry: str, code: str, severity: Severity, whom: str) -> None:
    (found,) = _found(file=entry)
    assert (found.code, found.severity) == (code, severity)
    assert found.observed == f"{PSE} can be read by {whom}, and it holds a private key without PIN"
    if severity is Severity.MINOR:
        assert found.commands == ()
        assert found.fix.startswith(f"if {whom} is the client's account, say so (client.account) and run again; else ")
    (known,) = _found(file=entry, meant=frozenset({CLIENT}))
    ((program, path, *rest),) = known.commands
    assert (program, path) == ("icacls", str(PSE))
    assert rest[:6] == ["/inheritance:r", "/grant:r", *KEEP, f"*{CLIENT}:(R)"]
    assert rest[6] == "/remove:g"
    assert known.fix == "let its account, SYSTEM and the administrators alone read it"


@pytest.mark.parametrize(
    "entry",
    [
        "(A;OICIIO;FA;;;WD)",  # for what comes to lie below
        "(A;;RC;;;WD)",  # the list, and not the key
        "(D;;FA;;;BU)",
        "(D;;FA;;;BU)(A;;FA;;;BU)",
        "(AU;SAFA;FA;;;WD)",
        "(A;;FA;;;OW)",
        "(A;;FA;;;DA)",
        "(A;;FA;;;S-1-5-21-7-8-9-512)",
        "(A;;FA;;;S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464)",
    ],
)
def test_what_lets_nobody_else_in_is_no_finding(entry: str) -> None:
    assert _found(file=entry) == []


@pytest.mark.parametrize(
    "rights", ["0x2", "0x4", "SD", "WD", "WO", "GW"], ids=["write", "append", "delete", "list", "owner", "generic"]
)
def test_whoever_else_can_change_the_file_is_named(rights: str) -> None:
    (found,) = _found(file=f"(A;;{rights};;;{SERVICE})")
    assert (found.code, found.severity) == ("PSE_WRITABLE_BY_OTHERS", Severity.MAJOR)
    assert "can be changed or replaced by DOM\\svc, who so decide whom the client trusts" in found.observed
    assert found.commands == ()
    (known,) = _found(file=f"(A;;{rights};;;{SERVICE})", meant=frozenset({CLIENT}))
    closing = ("icacls", str(PSE), "/inheritance:r", "/grant:r", *KEEP, f"*{CLIENT}:(R)", "/remove:g", f"*{SERVICE}")
    assert known.commands == (closing,)


@pytest.mark.parametrize(
    ("entry", "severity"),
    [
        ("(A;OICI;0x1301bf;;;AU)", Severity.MAJOR),
        ("(A;;DT;;;AU)", None),
        ("(A;;0x40;;;AU)", Severity.MAJOR),
        (f"(A;;0x40;;;{SERVICE})", Severity.MINOR),
        ("(A;OICIIO;0x1301bf;;;AU)", None),
        ("(A;OICI;0x1200a9;;;BU)", None),
        ("(A;CI;LC;;;BU)(A;CI;DC;;;BU)", None),  # to add files and folders, as below C:\
    ],
)
def test_whoever_else_can_put_another_in_its_place_is_named(entry: str, severity: Severity | None) -> None:
    found = _found(folder=entry)
    if severity is None and "DT" not in entry:
        assert found == []
        return
    (told,) = found
    assert told.code == "PSE_WRITABLE_BY_OTHERS"
    assert told.severity == (severity or Severity.MAJOR)
    assert "in C:\\sec" in told.observed
    ((*command, grant),) = _found(folder=entry, meant=frozenset({CLIENT}))[0].commands
    assert command == ["icacls", "C:\\sec", "/inheritance:d", "/grant:r"]
    assert grant.endswith(":(OI)(CI)(RX)")


def test_a_drive_is_not_closed_for_one_file() -> None:
    seen = replace(GOOD, folder=f"{FOLDER}(A;OICI;0x1301bf;;;AU)")
    (found,) = access_list.findings(Path("C:\\client.pse"), seen)
    assert found.commands == ()
    assert "move the PSE into a folder of its own" in found.fix


@pytest.mark.parametrize("part", ["file", "folder"])
def test_an_owner_who_is_not_meant_is_named(part: str) -> None:
    owned = f"O:{SERVICE}D:PAI(A;;FA;;;SY)(A;;FA;;;BA)"
    seen = replace(GOOD, file=owned) if part == "file" else replace(GOOD, folder=owned)
    (found,) = access_list.findings(PSE, seen)
    assert found.severity is Severity.MAJOR
    assert "its owner DOM\\svc" in found.observed
    assert found.fix.startswith("if DOM\\svc is the client's account, say so (client.account) and run again; else ")
    assert found.commands == ()
    (known,) = access_list.findings(PSE, seen, frozenset({CLIENT}))
    assert known.commands == (("icacls", str(PSE), "/setowner", "*S-1-5-32-544"),)
    assert list(access_list.findings(PSE, seen, frozenset({SERVICE}))) == []


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        (f"(A;;FR;;;{SERVICE})", ""),
        (f"(A;;FA;;;{SERVICE})", ""),
        (f"(A;;FR;;;{SERVICE})(A;;0x116;;;BU)", ""),
        ("", f"(A;OICI;0x1301bf;;;{SERVICE})"),
    ],
    ids=["reads", "changes", "reads what a crowd changes", "replaces"],
)
def test_nobody_pastes_away_what_may_be_the_clients_own_access(file: str, folder: str) -> None:
    found = _found(file=file, folder=folder)
    assert found
    assert all(each.commands == () and "if DOM\\svc is the client's account" in each.fix for each in found)
    assert all("else let its account" in each.fix and ": icacls C:\\sec" in each.fix for each in found)
    known = _found(file=file, folder=folder, meant=frozenset({CLIENT}))
    assert all(each.commands and "client's account" not in each.fix for each in known)


def test_what_a_crowd_may_do_is_closed_at_once() -> None:
    found = _found(file="(A;;FA;;;BU)", folder="(A;OICI;FA;;;WD)")
    assert all(each.commands and "client.account" not in each.fix for each in found)


def test_who_is_meant_may_read_and_is_kept_in_the_command() -> None:
    meant = frozenset({SERVICE, READERS})
    assert _found(file=f"(A;;FR;;;{SERVICE})(A;;FR;;;{READERS})", meant=meant) == []
    (found,) = _found(file="(A;;FR;;;WD)", meant=meant)
    assert set(found.commands[0]) >= {*KEEP, f"*{SERVICE}:(R)", f"*{READERS}:(R)"}


def test_no_list_at_all_lets_everybody_do_everything() -> None:
    seen = AccessList(file="O:BAD:NO_ACCESS_CONTROL", folder="O:BA", seen_by=ME)
    found = list(access_list.findings(PSE, seen))
    assert _said(found) == [
        ("PSE_READABLE_BY_OTHERS", Severity.MAJOR),
        ("PSE_WRITABLE_BY_OTHERS", Severity.MAJOR),
    ]
    assert all("Everyone" in each.observed for each in found)


def test_a_command_of_cmd_is_shown_that_can_be_pasted() -> None:
    (found,) = _found(file="(A;;FR;;;WD)")
    told = message(found, windows=True)
    assert f"icacls {PSE} /inheritance:r /grant:r" in told
    assert '"*S-1-5-18:(F)"' in told


@pytest.mark.parametrize(
    "seen",
    [AccessList(problem="Access is denied"), replace(GOOD, file="?"), replace(GOOD, folder="O:BAD:(A;;QQ;;;BA)")],
)
def test_what_is_not_known_is_not_judged(seen: AccessList) -> None:
    assert access_list.others(seen, frozenset()) is None
    assert list(access_list.findings(PSE, seen)) == []


def test_the_lists_of_file_and_folder_are_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    windows = in_a_domain().install(monkeypatch)
    pse = tmp_path / "client.pse"
    windows.descriptors = {str(pse): f"O:BAD:(A;;FA;;;{SERVICE})", str(tmp_path.resolve()): "O:SYD:(A;;FA;;;BU)"}
    seen = pse_condition.access_list(pse)
    assert (seen.file, seen.folder, seen.seen_by) == (f"O:BAD:(A;;FA;;;{SERVICE})", "O:SYD:(A;;FA;;;BU)", ME)
    assert (seen.names[SERVICE], seen.names["S-1-5-32-545"]) == ("DOM\\svc", "BUILTIN\\users")
    windows.descriptors = {}
    assert pse_condition.access_list(pse).problem == f"the access list of {pse} is not told: Access is denied"


@pytest.mark.skipif(sys.platform != "win32", reason="access lists of Windows are real there only")
def test_a_real_file_is_looked_at_with_its_folder(tmp_path: Path) -> None:
    pse = tmp_path / "sec" / "client.pse"
    system.make_folder(pse.parent, descriptor.private(system.me().sid, folder=True))
    write_pse(pse)
    assert is_private(pse)
    own = System(alias="PRD", url=ApiUrl("host.example.com", 443), pse=pse, secudir=pse.parent)
    before = pse_condition.look(pse)
    assert condition_findings(before, own, NOW) == ()
    open_to_all(pse)
    after = pse_condition.look(pse)
    assert [each.code for each in condition_findings(after, own, NOW)] == ["PSE_READABLE_BY_OTHERS"]
    assert not after.is_unchanged(before)
    system.set_access_list(pse.parent, f"D:P(A;OICI;FA;;;{system.me().sid})(A;OICI;FA;;;WD)")
    codes = [each.code for each in condition_findings(pse_condition.look(pse), own, NOW)]
    assert codes == ["PSE_READABLE_BY_OTHERS", "PSE_WRITABLE_BY_OTHERS"]
