"""Who can read what, and which folder is whose: the rules alone, for POSIX and for Windows.

The security descriptors are made by hand from the documented grammar ([MS-DTYP], section 2.5.1); none was taken from a
machine.
"""

import pytest

from pse_preflight.client import account
from pse_preflight.client.account import PosixHandover, PosixWay
from pse_preflight.client.posix import (
    AccessListUnreadable,
    AclEntry,
    Node,
    PosixAccount,
    may_read,
    read_acl,
    rights,
    write_acl,
)
from pse_preflight.errors import NotForAccount
from pse_preflight.windows import descriptor as windows_rights
from pse_preflight.windows.descriptor import (
    ADMINISTRATORS,
    EVERYONE,
    SYSTEM,
    DescriptorUnreadable,
    WindowsAccount,
    read_descriptor,
    readers,
    well_known_sid,
)

USER, OWNING, GROUP, MASK = 0x02, 0x04, 0x08, 0x10
XTRACT = PosixAccount("xtract", 1001, 100, frozenset({100, 200}), "/home/xtract")


def _node(mode: int, owner: int = 0, group: int = 0, *acl: tuple[int, int, int]) -> Node:
    return Node("/sec/client.pse", mode, owner, group, tuple(AclEntry(*each) for each in acl))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (_node(0o600), 0),
        (_node(0o604), 4),
        (_node(0o640, 0, 200), 4),
        (_node(0o604, 0, 200), 0),
        (_node(0o440, 1001), 4),
        (_node(0o044, 1001, 200), 0),
        (_node(0o670, 0, 0, (USER, 4, 1001), (OWNING, 0, 0), (MASK, 7, 0)), 4),
        (_node(0o670, 0, 0, (USER, 7, 1001), (OWNING, 0, 0), (MASK, 1, 0)), 1),
        (_node(0o674, 0, 0, (USER, 0, 1001), (OWNING, 0, 0), (MASK, 7, 0)), 0),
        (_node(0o674, 0, 0, (USER, 7, 1002), (OWNING, 0, 0), (MASK, 7, 0)), 4),
        (_node(0o670, 0, 0, (OWNING, 7, 0), (GROUP, 4, 200), (MASK, 7, 0)), 4),
        (_node(0o674, 0, 0, (OWNING, 7, 0), (GROUP, 0, 200), (MASK, 7, 0)), 0),
        (_node(0o674, 0, 200, (OWNING, 1, 0), (GROUP, 4, 100), (MASK, 7, 0)), 5),
        (_node(0o670, 0, 200, (OWNING, 0, 0), (GROUP, 4, 300), (MASK, 7, 0)), 0),
    ],
)
def test_the_algorithm_of_access_lists(node: Node, expected: int) -> None:
    assert rights(node, XTRACT) == expected


def test_root_may_everything() -> None:
    assert may_read(_node(0o000, 1001), PosixAccount("root", 0, 0, frozenset({0})))


def test_an_access_list_survives_being_written_and_read() -> None:
    entries = (AclEntry(1, 6, 0xFFFFFFFF), AclEntry(USER, 4, 1001), AclEntry(0x20, 0, 0xFFFFFFFF))
    assert read_acl(write_acl(entries)) == entries


@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        (b"", "version"),
        (b"\x01\0\0\0", "version"),
        (b"\x02\0\0\0\x01\0", "cut"),
        (b"\x02\0\0\0\x40\0\x07\0\0\0\0\0", "kind"),
    ],
)
def test_an_unknown_access_list_is_an_error_and_no_guess(attribute: bytes, says: str) -> None:
    with pytest.raises(AccessListUnreadable, match=says):
        read_acl(attribute)


def test_the_first_closed_folder_is_named_before_the_file() -> None:
    folders = (Node("/", 0o755, 0, 0), Node("/sec", 0o700, 0, 0), Node("/sec/x", 0o700, 0, 0))
    reach = account.posix_reach(PosixWay(folders, _node(0o600)), XTRACT)
    assert reach.readable is False
    assert "/sec (mode 0700, user 0, group 0)" in reach.reason
    through = [("setfacl", "-m", "u:xtract:x", each) for each in ("/sec", "/sec/x")]
    read = [("chown", "xtract", _node(0o600).path), ("chmod", "600", _node(0o600).path)]
    assert reach.commands == (*through, *read)
    bare = account.posix_reach(PosixWay(folders, _node(0o600)), XTRACT, has_setfacl=False)
    assert bare.commands == (("chmod", "o+x", "/sec"), ("chmod", "o+x", "/sec/x"), *read)


def test_a_file_that_may_be_read_behind_a_closed_folder_stays_as_it_is() -> None:
    folders = (Node("/", 0o755, 0, 0), Node("/sec", 0o700, 0, 0))
    reach = account.posix_reach(PosixWay(folders, _node(0o604)), XTRACT)
    assert (reach.readable, reach.commands) == (False, (("setfacl", "-m", "u:xtract:x", "/sec"),))


@pytest.mark.parametrize(
    ("has_setfacl", "owner", "expected"),
    [
        (True, 0, ("setfacl", "-m", "u:xtract:r")),
        (False, 0, ("chmod", "a+r")),
        (True, XTRACT.number, ("chmod", "a+r")),
    ],
    ids=["one account", "no setfacl", "its own file"],
)
def test_a_library_is_opened_and_stays_whose_it_is(has_setfacl: bool, owner: int, expected: tuple[str, ...]) -> None:
    folders = (Node("/", 0o755, 0, 0), Node("/exe", 0o700, 0, 0))
    library = Node("/exe/libsapcrypto.so", 0o000, owner, 0)
    reach = account.posix_reach(PosixWay(folders, library), XTRACT, has_setfacl=has_setfacl, is_library=True)
    through = ("setfacl", "-m", "u:xtract:x", "/exe") if has_setfacl else ("chmod", "o+x", "/exe")
    assert (reach.readable, reach.commands) == (False, (through, (*expected, library.path)))


def test_an_access_list_is_mentioned() -> None:
    reach = account.posix_reach(PosixWay((), _node(0o670, 0, 0, (USER, 0, 1001), (MASK, 7, 0))), XTRACT)
    assert "access list" in reach.reason


ME = PosixAccount("basis", 500, 500, frozenset({500, 600}))
ROOT = PosixAccount("root", 0, 0, frozenset({0}))


@pytest.mark.parametrize(
    ("me", "client", "group", "expected"),
    [
        (ROOT, XTRACT, None, PosixHandover(1001, 100, for_group=False)),
        (ROOT, XTRACT, 600, PosixHandover(1001, 600, for_group=True)),
        (ROOT, None, 600, PosixHandover(0, 600, for_group=True)),
        (ME, ME, None, PosixHandover(500, 500, for_group=False)),
        (ME, None, 600, PosixHandover(500, 600, for_group=True)),
    ],
)
def test_to_whom_a_new_pse_is_handed(
    me: PosixAccount, client: PosixAccount | None, group: int | None, expected: PosixHandover
) -> None:
    assert account.posix_handover(me, client, group, ("run",)) == expected


@pytest.mark.parametrize(
    ("client", "group", "command"),
    [(XTRACT, None, ("sudo", "-u", "xtract", "run")), (ME, 700, ("sudo", "run")), (None, 700, ("sudo", "run"))],
)
def test_what_only_an_administrator_may_do_is_refused(
    client: PosixAccount | None, group: int | None, command: tuple[str, ...]
) -> None:
    with pytest.raises(NotForAccount) as caught:
        account.posix_handover(ME, client, group, ("run",))
    assert caught.value.commands == (command,)


@pytest.mark.parametrize(
    ("for_group", "file", "folder"), [(False, 0o600, 0o700), (True, 0o640, 0o750)], ids=["account", "group"]
)
def test_nobody_else_gets_a_right(for_group: bool, file: int, folder: int) -> None:
    to = PosixHandover(1, 1, for_group=for_group)
    assert (to.mode(folder=False), to.mode(folder=True)) == (file, folder)


# Windows

SVC = "S-1-5-21-1-2-3-1001"
GROUP_SID = "S-1-5-21-1-2-3-2000"
SERVICE_SID = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"


def _account(sid: str, *groups: str) -> WindowsAccount:
    return windows_rights.account("svc", sid, frozenset(groups))


@pytest.mark.parametrize(
    ("name", "sid"),
    [
        ("SYSTEM", SYSTEM),
        ("system", SYSTEM),
        ("LocalSystem", SYSTEM),
        (r".\LocalSystem", SYSTEM),
        (r"NT AUTHORITY\SYSTEM", SYSTEM),
        (r"NT-AUTORITÄT\SYSTEM", SYSTEM),
        (r"NT AUTHORITY\LOCAL SERVICE", "S-1-5-19"),
        (r"NT AUTHORITY\NetworkService", "S-1-5-20"),
        (r"NT SERVICE\TrustedInstaller", SERVICE_SID),
        (r"nt service\trustedinstaller", SERVICE_SID),
        (
            r"IIS APPPOOL\DefaultAppPool",
            "S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415",
        ),
        (r"DOMAIN\svc", None),
        (r"DOMAIN\SYSTEM", None),
        ("svc@example.com", None),
        ("xtract", None),
    ],
)
def test_names_from_which_a_sid_follows(name: str, sid: str | None) -> None:
    assert well_known_sid(name) == sid


@pytest.mark.parametrize(
    ("sddl", "who", "expected"),
    [
        ("O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)", _account(SYSTEM), True),
        ("O:BAG:SYD:(A;;FA;;;BA)", _account(SYSTEM), True),
        ("O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)", _account(SVC), False),
        ("O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)", _account(SVC, ADMINISTRATORS), True),
        (f"O:BAG:SYD:(A;;FR;;;{SVC})", _account(SVC), True),
        (f"O:BAG:SYD:(A;;FW;;;{SVC})", _account(SVC), False),
        (f"O:BAG:SYD:(A;;FR;;;{GROUP_SID})", _account(SVC, GROUP_SID), True),
        (f"O:BAG:SYD:(A;;FR;;;{GROUP_SID})", _account(SVC), False),
        ("O:BAD:(A;;FR;;;WD)", _account(SVC), True),
        ("O:BAD:(A;;FR;;;AU)", _account(SVC), True),
        ("O:BAD:(A;;FR;;;BU)", _account(SVC), True),
        ("O:BAD:(A;;FR;;;BU)", _account("S-1-5-19"), True),
        ("O:BAD:(A;;FR;;;BU)", _account(SYSTEM), False),
        ("O:BAD:(A;;FR;;;SU)", _account(SERVICE_SID), True),
        ("O:BAD:(A;;FR;;;SU)", _account(SVC), False),
        ("O:BAD:(A;;FR;;;S-1-5-80-0)", _account(SERVICE_SID), True),
        (f"O:BAD:(A;;FR;;;{SERVICE_SID})", _account(SERVICE_SID), True),
        (f"O:BAD:(A;;FR;;;{SERVICE_SID})", _account("S-1-5-80-1-2-3-4-5"), False),
        # the order counts: a denial stands only against what is not yet allowed
        (f"O:BAD:(D;;FR;;;{SVC})(A;;FA;;;WD)", _account(SVC), False),
        (f"O:BAD:(A;;FA;;;WD)(D;;FR;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(D;;0x2;;;{SVC})(A;;FA;;;WD)", _account(SVC), True),
        (f"O:BAD:(D;;FR;;;{GROUP_SID})(A;;FA;;;WD)", _account(SVC), True),
        # rights may come together from several entries
        (f"O:BAD:(A;;CC;;;{SVC})(A;;0x120088;;;WD)", _account(SVC), True),
        (f"O:BAD:(A;;CC;;;{SVC})", _account(SVC), False),
        # numbers, generic rights, pairs
        (f"O:BAD:(A;;0x1200a9;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(A;;0x80000000;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(A;;0x40000000;;;{SVC})", _account(SVC), False),
        (f"O:BAD:(A;;1179785;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(A;;04400211;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(A;;GR;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(A;;FRFX;;;{SVC})", _account(SVC), True),
        # an entry that only children inherit says nothing about the file
        (f"O:BAD:(A;OICIIO;FA;;;{SVC})", _account(SVC), False),
        (f"O:BAD:(A;OICI;FA;;;{SVC})", _account(SVC), True),
        (f"O:BAD:(D;OICIIO;FA;;;{SVC})(A;ID;FA;;;WD)", _account(SVC), True),
        # no list lets everybody, an empty one nobody
        ("O:BA", _account(SVC), True),
        ("O:BAD:NO_ACCESS_CONTROL", _account(SVC), True),
        ("O:BAD:", _account(SVC), False),
        ("O:BAG:SYD:PAI", _account(SVC), False),
        ("O:BAD:S:AI(AU;SAFA;FA;;;WD)", _account(SVC), False),
        # audit, labels and conditions give nothing; a conditional denial takes
        (f"O:BAD:(XA;;FA;;;WD;(Member_of {{SID(BA)}}))(A;;FR;;;{GROUP_SID})", _account(SVC), False),
        ("O:BAD:(XD;;FA;;;WD;(@User.x == 1))(A;;FR;;;WD)", _account(SVC), False),
        ("O:BAD:(A;;FR;;;WD)S:(ML;;NW;;;LW)", _account(SVC), True),
        # the owner, where its rights are named
        (f"O:{SVC}D:(A;;FR;;;OW)", _account(SVC), True),
        ("O:BAD:(A;;FR;;;OW)", _account(SVC), False),
        # an abbreviation of a domain names nobody who is known here
        ("O:BAD:(A;;FA;;;DA)", _account(SVC), False),
    ],
)
def test_descriptors_of_windows(sddl: str, who: WindowsAccount, expected: bool) -> None:
    assert windows_rights.may_read(read_descriptor(sddl), who) is expected
    assert account.windows_reach(r"C:\sec\client.pse", sddl, who).readable is expected


@pytest.mark.parametrize(
    "sddl",
    [
        "nonsense",
        "O:BAO:BA",
        "O:administratorD:(A;;FA;;;BA)",
        "D:(A;;FA;;;BA",
        "D:(A;;FA)",
        "D:(A;;QQ;;;BA)",
        "D:(A;;FA;;;who?)",
        "D:x(A;;FA;;;BA)",
        "D:(A;;FA;;;BA)x(A;;FA;;;SY)",
    ],
)
def test_a_descriptor_that_breaks_the_grammar_is_an_error_and_no_guess(sddl: str) -> None:
    with pytest.raises(DescriptorUnreadable):
        read_descriptor(sddl)
    assert account.windows_reach("x", sddl, _account(SVC)).readable is None


def test_who_reads_is_told_by_the_list() -> None:
    sddl = f"O:BAD:(A;;FA;;;BA)(A;;FR;;;{SVC})(A;OICIIO;FA;;;BU)(D;;FA;;;AN)(A;;FW;;;AU)"
    assert readers(read_descriptor(sddl)) == {ADMINISTRATORS, SVC}
    assert readers(read_descriptor("O:BA")) == {EVERYONE}


def test_the_command_of_windows_names_the_account_by_its_number() -> None:
    reach = account.windows_reach(r"C:\sec\client.pse", "O:BAD:", _account(SVC))
    assert reach.commands == (("icacls", r"C:\sec\client.pse", "/grant", f"*{SVC}:(R)"),)
    library = account.windows_reach(r"C:\sec\sapcrypto.dll", "O:BAD:", _account(SVC), is_library=True)
    assert library.commands == (("icacls", r"C:\sec\sapcrypto.dll", "/grant", f"*{SVC}:(RX)"),)


KEEPERS = (f"*{SYSTEM}:(F)", f"*{ADMINISTRATORS}:(F)")


@pytest.mark.parametrize(
    ("me", "others", "grants"),
    [
        (SVC, [], (*KEEPERS, f"*{SVC}:(F)")),
        (SVC, [SVC, SYSTEM], (*KEEPERS, f"*{SVC}:(F)")),
        (SYSTEM, [SVC], (*KEEPERS, f"*{SVC}:(R)")),
        ("S-1-5-21-9", [SVC, GROUP_SID], (*KEEPERS, "*S-1-5-21-9:(F)", f"*{SVC}:(R)", f"*{GROUP_SID}:(R)")),
    ],
)
def test_what_a_new_file_of_windows_grants(me: str, others: list[str], grants: tuple[str, ...]) -> None:
    assert account.windows_grants(me, others, folder=False) == grants
    for folder in (False, True):
        written = read_descriptor(windows_rights.private(me, others, folder=folder)).aces
        assert written is not None
        wanted = {each.partition(":")[0]: "(F)" in each for each in account.windows_grants(me, others, folder=folder)}
        assert {f"*{each.sid}": each.rights == windows_rights.FILE_ALL_ACCESS for each in written} == wanted
        assert not any(each.inherit_only for each in written)
    inherited = account.windows_grants(me, others, folder=True)
    assert all("(OI)(CI)" in each for each in inherited)


def test_a_new_list_takes_nothing_over_from_its_folder() -> None:
    assert windows_rights.private(SVC).startswith("D:P(")


@pytest.mark.parametrize(
    ("sddl", "groups", "deciding"),
    [
        (f"O:BAD:(A;;FR;;;{GROUP_SID})", (), GROUP_SID),
        ("O:BAD:(A;;FR;;;DU)", (), "DU"),
        (f"O:BAD:(A;;FR;;;{GROUP_SID})", (GROUP_SID,), ""),
        (f"O:BAD:(D;;FR;;;{GROUP_SID})(A;;FR;;;{SVC})", (), GROUP_SID),
        (f"O:BAD:(A;;FR;;;{SVC})(A;;FR;;;{GROUP_SID})", (), ""),
        (f"O:BAD:(A;OICIIO;FR;;;{GROUP_SID})", (), ""),
        (f"O:BAD:(A;;FW;;;{GROUP_SID})", (), ""),
        ("O:BAD:(A;;FA;;;BA)", (), ""),
        ("O:BA", (), ""),
    ],
)
def test_a_group_that_the_domain_hides_is_named_and_nothing_is_guessed(
    sddl: str, groups: tuple[str, ...], deciding: str
) -> None:
    hidden = windows_rights.account("DOM\\svc", SVC, frozenset(groups), "the domain cannot be asked")
    seen = windows_rights.account("DOM\\svc", SVC, frozenset(groups))
    assert windows_rights.undecided(read_descriptor(sddl), hidden) == deciding
    assert windows_rights.undecided(read_descriptor(sddl), seen) == ""
    reach = account.windows_reach("x.pse", sddl, hidden, lambda sid: f"DOM\\name of {sid}")
    assert (reach.readable is None) is bool(deciding)
    if deciding:
        assert reach.reason == (
            f"cannot be judged here: it depends on whether DOM\\svc is in the group DOM\\name of {deciding};"
            " the domain cannot be asked"
        )


@pytest.mark.parametrize(
    ("who", "bits", "folder"),
    [
        (XTRACT, 64, "/home/xtract/sec"),
        (_account(SYSTEM), 64, r"C:\Windows\System32\config\systemprofile\AppData\Local\sec"),
        (_account(SYSTEM), None, r"C:\Windows\System32\config\systemprofile\AppData\Local\sec"),
        (_account(SYSTEM), 32, r"C:\Windows\SysWOW64\config\systemprofile\AppData\Local\sec"),
        (_account("S-1-5-19"), 64, r"C:\Windows\ServiceProfiles\LocalService\AppData\Local\sec"),
        (_account("S-1-5-20"), 32, r"C:\Windows\ServiceProfiles\NetworkService\AppData\Local\sec"),
        (windows_rights.account(r"NT SERVICE\Xtract", SERVICE_SID), 64, r"C:\Users\Xtract\AppData\Local\sec"),
        (windows_rights.account(r"DOM\svc", SVC), 64, r"C:\Users\svc\AppData\Local\sec"),
        (windows_rights.account("svc@example.com", SVC), 64, r"C:\Users\svc\AppData\Local\sec"),
    ],
)
def test_the_folder_that_an_account_takes_for_its_own(
    who: PosixAccount | WindowsAccount, bits: int | None, folder: str
) -> None:
    assert account.personal_folder(who, bits=bits) == folder


@pytest.mark.parametrize(
    ("hosts", "name", "expected"),
    [
        (["SAPCLIENT01"], "sapclient01", True),
        (["sapclient01.example.com"], "SAPCLIENT01", True),
        (["sapclient01"], "sapclient01.example.com", True),
        (["a", "sapclient01.example.com."], "sapclient01.example.com", True),
        (["sapclient01.example.com"], "sapclient01.example.org", False),
        (["sapclient01"], "sapclient02", False),
        (["sapclient"], "sapclient01", False),
    ],
)
def test_names_of_machines(hosts: list[str], name: str, expected: bool) -> None:
    assert account.is_this_host(hosts, name) is expected
