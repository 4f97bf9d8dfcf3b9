"""Accounts, groups and access lists, asked of Windows by pywin32.

What a domain, other accounts and their groups answer is written from Microsoft's documentation
(tests.kit.windows_answers); what this machine answers is asked where it is a Windows.
"""

import os
import sys
from pathlib import Path

import pytest

from pse_preflight.errors import NotSeen
from pse_preflight.windows import descriptor, system
from tests.kit.windows_answers import ME, READERS, SERVICE, Windows, error, in_a_domain

ON_WINDOWS = pytest.mark.skipif(sys.platform != "win32", reason="pywin32 is installed on Windows only")
SYSTEM, ADMINISTRATORS, USERS, EVERYONE = "S-1-5-18", "S-1-5-32-544", "S-1-5-32-545", "S-1-1-0"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    return in_a_domain().install(monkeypatch)


def test_this_process_has_the_groups_that_its_token_enables(windows: Windows) -> None:
    """An administrator without elevation has the group for denials only."""
    me = system.me()
    assert (me.name, me.sid) == ("CLIENT01\\admin", ME)
    assert me.groups == {EVERYONE}
    windows.groups = ((EVERYONE, 7), (ADMINISTRATORS, 7))
    assert ADMINISTRATORS in system.me().groups


def test_an_account_of_the_domain_has_the_groups_that_can_be_asked_for(windows: Windows) -> None:
    found = system.account("DOM\\svc")
    assert found.sid == SERVICE
    assert {USERS, READERS} <= found.groups
    assert "DOM" in found.unseen
    assert ("NetUserGetLocalGroups", "DOM\\svc", 1) in windows.asked
    assert ("NetUserGetGroups", "\\\\DC01", "svc") in windows.asked


@pytest.mark.parametrize("name", ["CLIENT01\\local", ".\\local"])
def test_a_local_account_has_all_its_groups(windows: Windows, name: str) -> None:
    found = system.account(name)
    assert (found.sid, found.unseen) == ("S-1-5-21-1-2-3-1001", "")
    assert "S-1-5-21-1-2-3-1002" in found.groups
    assert not [each for each in windows.asked if each[0] == "NetUserGetGroups"]


@pytest.mark.parametrize("number", [1355, 2453, 5, 1722])
def test_a_domain_that_cannot_be_reached_hides_groups_and_is_named(windows: Windows, number: int) -> None:
    windows.controller = error(number)
    found = system.account("DOM\\svc")
    assert USERS in found.groups
    assert READERS not in found.groups
    assert found.unseen.startswith("the groups of DOM\\svc cannot be had here: ")
    windows.local_groups["DOM\\svc"] = error(number)
    assert USERS in system.account("DOM\\svc").groups  # what everybody is in


def test_this_account_is_known_by_its_token(windows: Windows) -> None:
    assert system.account("CLIENT01\\admin").groups == {EVERYONE}
    assert not [each for each in windows.asked if each[0].startswith("Net")]


@pytest.mark.parametrize("name", ["SYSTEM", "NT AUTHORITY\\SYSTEM", "LocalSystem"])
def test_a_well_known_account_is_not_asked_for(windows: Windows, name: str) -> None:
    """Its name is another one in other languages."""
    assert system.account(name).sid == system.sid_of(name) == SYSTEM
    assert windows.asked == []


def test_a_name_is_never_a_part_of_a_command(windows: Windows) -> None:
    with pytest.raises(NotSeen, match="is known on this machine"):
        system.account("DOM\\svc'; evil")
    assert windows.asked == [("LookupAccountName", "DOM\\svc'; evil")]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1332, "no account or group DOM\\svc is known on this machine, nor in a domain that it can ask"),
        (
            1789,
            "DOM\\svc cannot be looked up here: The trust relationship between this workstation and the primary domain",
        ),
        (1722, "DOM\\svc cannot be looked up here: The RPC server is unavailable (error 1722 of Windows)"),
    ],
)
def test_an_account_that_nobody_knows_is_told_with_its_name(windows: Windows, number: int, told: str) -> None:
    windows.accounts["dom\\svc"] = error(number)
    for ask in (system.account, system.sid_of):
        with pytest.raises(NotSeen) as caught:
            ask("DOM\\svc")
        assert str(caught.value).startswith(told)


@pytest.mark.usefixtures("windows")
def test_a_domain_is_no_account() -> None:
    with pytest.raises(NotSeen, match="no account or group DOM is known"):
        system.account("DOM")


@pytest.mark.usefixtures("windows")
def test_what_has_no_name_keeps_its_number() -> None:
    assert system.name_of(READERS) == "DOM\\sap-readers"
    assert system.name_of("S-1-5-21-7-8-9-4711") == "S-1-5-21-7-8-9-4711"


def test_a_descriptor_that_is_not_told_is_told(windows: Windows) -> None:
    windows.descriptors["good"] = "O:BAD:(A;;FA;;;BA)"
    assert system.read_descriptor(Path("good")) == "O:BAD:(A;;FA;;;BA)"
    with pytest.raises(NotSeen, match=r"the access list of x\.pse is not told: Access is denied$"):
        system.read_descriptor(Path("x.pse"))


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("C:\\sec\\client.pse", "C:\\sec\\client.pse"),
        ("C:\\" + "x" * 260, "\\\\?\\C:\\" + "x" * 260),
        ("\\\\server\\share\\" + "x" * 260, "\\\\?\\UNC\\server\\share\\" + "x" * 260),
        ("\\\\?\\C:\\" + "x" * 260, "\\\\?\\C:\\" + "x" * 260),
    ],
)
def test_a_long_path_is_asked_for_as_windows_takes_it(windows: Windows, path: str, asked: str) -> None:
    windows.descriptors[asked] = "D:"
    assert system.read_descriptor(Path(path)) == "D:"


# What a Windows hands out and takes.


@ON_WINDOWS
@pytest.mark.parametrize(
    "sddl",
    [
        descriptor.private(SERVICE),
        descriptor.private(SERVICE, [READERS, "S-1-5-19"]),
        descriptor.private(SERVICE, [READERS], folder=True),
        "O:BAD:AI(A;OICIIO;0x1301bf;;;AU)(D;;FW;;;BG)(A;ID;FA;;;SY)",
    ],
)
def test_windows_reads_our_lists_as_we_do(sddl: str) -> None:
    import win32security

    handed = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(sddl, 1)
    told = win32security.ConvertSecurityDescriptorToStringSecurityDescriptor(handed, 1, 5)
    assert descriptor.read_descriptor(told) == descriptor.read_descriptor(sddl)


@ON_WINDOWS
def test_a_new_file_and_folder_are_private_from_the_beginning(tmp_path: Path) -> None:
    me = system.me().sid
    folder = tmp_path / "ö & ^"
    system.make_folder(folder, descriptor.private(me, folder=True))
    handle = system.open_new_file(folder / "new.pse", descriptor.private(me))
    os.write(handle, b"one")
    os.close(handle)
    for path in (folder, folder / "new.pse"):
        assert descriptor.readers(descriptor.read_descriptor(system.read_descriptor(path))) <= {
            me,
            SYSTEM,
            ADMINISTRATORS,
        }
    assert (folder / "new.pse").read_bytes() == b"one"
    with pytest.raises(FileExistsError):
        system.open_new_file(folder / "new.pse", descriptor.private(me))
    with pytest.raises(FileExistsError):
        system.make_folder(folder, descriptor.private(me))
    with pytest.raises(FileNotFoundError):
        system.open_new_file(folder / "none" / "new.pse", descriptor.private(me))


@ON_WINDOWS
def test_a_list_is_set_and_told(tmp_path: Path) -> None:
    file = tmp_path / "open.pse"
    file.touch()
    me = system.me().sid
    system.set_access_list(file, f"D:P(A;;FA;;;{me})(A;;FR;;;WD)")
    assert EVERYONE in descriptor.readers(descriptor.read_descriptor(system.read_descriptor(file)))
    system.set_access_list(file, descriptor.private(me))
    assert EVERYONE not in descriptor.readers(descriptor.read_descriptor(system.read_descriptor(file)))
    with pytest.raises(FileNotFoundError):
        system.set_access_list(tmp_path / "none.pse", descriptor.private(me))


@ON_WINDOWS
def test_a_file_that_another_has_open_alone_says_so(tmp_path: Path) -> None:
    import win32con
    import win32file

    file = tmp_path / "held.pse"
    file.touch()
    assert system.why_not_opened(file) == 0
    held = win32file.CreateFile(str(file), win32con.GENERIC_READ, 0, None, win32con.OPEN_EXISTING, 0, None)
    assert system.why_not_opened(file) in system.FILE_IN_USE
    held.Close()
    assert system.why_not_opened(tmp_path / "none.pse") not in {0, *system.FILE_IN_USE}


@ON_WINDOWS
def test_this_machine_knows_who_runs_this() -> None:
    me = system.me()
    assert me.sid.startswith("S-1-5-")
    assert system.account(me.name) == me
    assert system.name_of(SYSTEM) != SYSTEM
    assert system.sid_of(system.name_of(USERS)) == USERS


def test_pywin32_is_not_loaded_elsewhere() -> None:
    assert sys.platform == "win32" or not {"win32security", "win32api", "pywintypes"} & set(sys.modules)
