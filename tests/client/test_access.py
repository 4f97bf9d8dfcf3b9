"""Who can read a file, decided by the rules and tried out for real with two throw-away users of this machine."""

import contextlib
import dataclasses
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.client import access, account
from pse_preflight.client.account import PosixHandover, PosixWay
from pse_preflight.client.look import hand_over, look
from pse_preflight.client.posix import AclEntry, PosixAccount, write_acl
from pse_preflight.client_pse import condition
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.errors import NotForAccount, NotSeen
from pse_preflight.landscape.system import Client, System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.pse.create import publish, replace
from pse_preflight.verdict.evidence import Observations, judge
from pse_preflight.windows.descriptor import ADMINISTRATORS
from tests.kit.files import LINKS, NO_SUCH_FILE
from tests.kit.systems import NOTHING_KNOWN, NOW
from tests.kit.windows_answers import ME, READERS, SERVICE, in_a_domain

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="users and groups of POSIX")
NOBODY = 0xFFFFFFFF
CONTENT = b"a PSE"
CHANGED = CONTENT[::-1]


@dataclass(frozen=True)
class Users:
    """Two users of this machine that exist during the test run only, and a group that the second is in."""

    service: PosixAccount
    other: PosixAccount
    group: str
    number: int


@pytest.fixture(scope="session")
def users() -> Iterator[Users]:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("useradd"):
        pytest.skip("making throw-away users needs root and useradd on Linux")
    mark = secrets.token_hex(4)
    names, group = [f"pfa{mark}", f"pfb{mark}"], f"pfg{mark}"
    with contextlib.ExitStack() as undo:
        _system("groupadd", group)
        undo.callback(_system, "groupdel", group)
        for name, groups in zip(names, ([], ["--groups", group]), strict=True):
            _system("useradd", "--no-create-home", "--user-group", "--home-dir", f"/home/{name}", *groups, name)
            undo.callback(_system, "userdel", name)
        service, other = map(access.posix_account, names)
        yield Users(service, other, group, access.posix_group(group))


def _system(*command: str) -> None:
    subprocess.run(command, check=True, timeout=60, capture_output=True)


@pytest.fixture
def folder(users: Users) -> Iterator[Path]:  # noqa: ARG001 - users come first: without them there is nothing to try
    """Return a folder that everybody may go through; pytest's own lets nobody but this user."""
    path = Path(tempfile.mkdtemp(prefix="preflight-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def acting_as(who: PosixAccount) -> Iterator[None]:
    before = os.getgroups()
    os.setgroups(sorted(who.groups))
    os.setegid(who.main_group)
    os.seteuid(who.number)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def can_read(path: Path, who: PosixAccount) -> bool:
    with acting_as(who):
        try:
            return path.read_bytes() in {CONTENT, CHANGED}
        except PermissionError:
            return False


def judged(path: Path, who: PosixAccount) -> bool | None:
    return account.posix_reach(access.way_to(path), who).readable


@dataclass(frozen=True)
class Case:
    """A file, and what the two users may do with it; owner and group are `root`, `service`, `other` or `group`."""

    service: bool
    other: bool
    mode: int = 0o600
    owner: str = "root"
    group: str = "root"
    acl: Mapping[str, int] | None = None
    folder: int = 0o755
    folder_acl: Mapping[str, int] | None = None


CASES = {
    "nobody": Case(service=False, other=False),
    "everybody": Case(service=True, other=True, mode=0o604),
    "its owner": Case(service=True, other=False, owner="service"),
    "an owner without the right, whatever others may": Case(service=False, other=True, owner="service", mode=0o004),
    "its group": Case(service=False, other=True, group="group", mode=0o640),
    "a group without the right": Case(service=False, other=False, group="group", mode=0o600),
    "a group without the right, whatever others may": Case(service=True, other=False, group="group", mode=0o604),
    "its access list names the user": Case(service=True, other=False, acl={"service": 4}),
    "its access list names the group": Case(service=False, other=True, acl={"group": 4}),
    "the mask takes it away": Case(service=False, other=False, acl={"service": 4, "mask": 0}),
    "the list denies one of those that everybody is": Case(service=False, other=True, mode=0o604, acl={"service": 0}),
    "the list denies the group": Case(service=True, other=False, mode=0o604, acl={"group": 0}),
    "a closed folder": Case(service=False, other=False, mode=0o644, folder=0o700),
    "a folder without the right to go through": Case(service=False, other=False, mode=0o644, folder=0o744),
    "a folder that its list opens": Case(
        service=True, other=False, mode=0o644, folder=0o700, folder_acl={"service": 1}
    ),
    "a folder that can be gone through and not be listed": Case(service=True, other=True, mode=0o644, folder=0o711),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_rules_say_what_the_kernel_does(users: Users, folder: Path, case: Case) -> None:
    numbers = {"root": 0, "service": users.service.number, "other": users.other.number, "group": users.number}
    inner = folder / "sec"
    inner.mkdir()
    file = inner / "client.pse"
    file.write_bytes(CONTENT)
    os.chown(file, numbers[case.owner], numbers[case.group])
    _protect(file, case.mode, case.acl, numbers)
    _protect(inner, case.folder, case.folder_acl, numbers)
    assert (can_read(file, users.service), can_read(file, users.other)) == (case.service, case.other)
    assert (judged(file, users.service), judged(file, users.other)) == (case.service, case.other)


def _protect(path: Path, mode: int, acl: Mapping[str, int] | None, numbers: Mapping[str, int]) -> None:
    path.chmod(mode)
    if acl is None:
        return
    named = [
        AclEntry(0x08 if name == "group" else 0x02, rights, numbers[name])
        for name, rights in acl.items()
        if name != "mask"
    ]
    entries = [
        AclEntry(0x01, mode >> 6, NOBODY),
        *(each for each in named if each.tag == 0x02),
        AclEntry(0x04, mode >> 3 & 7, NOBODY),
        *(each for each in named if each.tag == 0x08),
        AclEntry(0x10, acl.get("mask", 7), NOBODY),
        AclEntry(0x20, mode & 7, NOBODY),
    ]
    try:
        os.setxattr(path, "system.posix_acl_access", write_acl(entries))
    except OSError as error:
        pytest.skip(f"the file system of {path} has no access lists: {error}")


def test_a_link_leads_through_the_folders_of_its_target(users: Users, folder: Path) -> None:
    for name, mode in (("closed", 0o700), ("open", 0o755)):
        (folder / name).mkdir()
        (folder / name / "client.pse").write_bytes(CONTENT)
        (folder / name / "client.pse").chmod(0o644)
        (folder / name).chmod(mode)
        (folder / f"to-{name}.pse").symlink_to(f"../{folder.name}/{name}/client.pse")
        (folder / f"far-{name}.pse").symlink_to(folder / name / "client.pse")
    for link, readable in (("to-closed", False), ("to-open", True), ("far-closed", False), ("far-open", True)):
        assert can_read(folder / f"{link}.pse", users.service) is readable
        assert judged(folder / f"{link}.pse", users.service) is readable


def test_the_commands_of_the_finding_mend_it(users: Users, folder: Path) -> None:
    file = folder / "client.pse"
    file.write_bytes(CONTENT)
    file.chmod(0o600)
    reach = account.posix_reach(access.way_to(file), users.service)
    assert reach.readable is False
    for command in reach.commands:
        _system(*command)
    assert can_read(file, users.service)
    assert not can_read(file, users.other)


def test_what_cannot_be_seen_is_not_decided(users: Users, folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    os.chown(folder / "closed", users.other.number, 0)
    file = folder / "closed" / "client.pse"
    file.write_bytes(CONTENT)
    with acting_as(users.service):
        way = access.way_to(file)
    assert account.posix_reach(way, users.other).readable is None
    assert "Permission denied" in way.problem
    assert account.posix_reach(way, users.service).readable is False


@LINKS
def test_links_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "a")
    assert "too many symbolic links" in access.way_to(tmp_path / "a").problem


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    way = access.way_to(tmp_path / "none.pse")
    assert way.file is None
    assert re.search(NO_SUCH_FILE, way.problem)
    root = Path(tmp_path.anchor)
    assert access.way_to(root).problem == f"{root} is no file"


def test_a_way_that_goes_back_is_walked_as_written(users: Users, folder: Path) -> None:
    for name, mode in (("closed", 0o700), ("open", 0o755)):
        (folder / name).mkdir(mode=mode)
        (folder / name).chmod(mode)
    file = folder / "client.pse"
    file.write_bytes(CONTENT)
    file.chmod(0o644)
    for name, readable in (("closed", False), ("open", True)):
        around = folder / name / ".." / "client.pse"
        assert can_read(around, users.service) is readable
        assert judged(around, users.service) is readable


def test_an_account_without_an_entry_in_the_list_of_users_is_its_number(users: Users) -> None:
    stranger = PosixAccount("54321", 54321, 54322, frozenset({54322, users.number}))
    with acting_as(stranger):
        me = access.posix_me()
    assert (me.name, me.number, me.main_group, me.groups) == ("54321", 54321, 54322, stranger.groups)


@pytest.mark.skipif(sys.platform != "linux", reason="access lists are read on Linux only")
def test_an_access_list_that_cannot_be_read_is_told_and_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "client.pse").write_bytes(CONTENT)
    monkeypatch.setattr(os, "getxattr", lambda *_: b"another version")
    assert "version" in access.way_to(tmp_path / "client.pse").problem

    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "getxattr", broken)
    assert "Input/output error" in access.way_to(tmp_path / "client.pse").problem


@POSIX
def test_a_user_or_group_that_is_not_there_is_told() -> None:
    with pytest.raises(NotSeen, match="no user no-such-user"):
        access.posix_account("no-such-user")
    with pytest.raises(NotSeen, match="no group no-such-group"):
        access.posix_group("no-such-group")


def _system_of(pse: Path, name: str | None, group: str | None = None, alias: str = "PRD") -> System:
    client = Client(account=name, group=group)
    return System(alias=alias, url=ApiUrl("a.example.com", 443), pse=pse, secudir=pse.parent, client=client)


PROGRAM = ("/opt/programs/pse-preflight",)


def _publish(pse: Path, systems: Sequence[System]) -> None:
    def make(path: Path) -> None:
        path.write_bytes(CONTENT)

    publish(pse, make, hand_over=hand_over(systems, pse, PROGRAM))


def test_a_new_pse_is_readable_for_the_account_and_for_nobody_else(users: Users, folder: Path) -> None:
    pse = folder / "new" / "sec" / "client.pse"
    _publish(pse, [_system_of(pse, users.service.name)])
    assert can_read(pse, users.service)
    assert not can_read(pse, users.other)
    assert pse.stat().st_mode & 0o777 == 0o600


def test_a_new_pse_is_readable_for_the_group_too_where_one_is_named(users: Users, folder: Path) -> None:
    pse = folder / "new" / "client.pse"
    _publish(pse, [_system_of(pse, users.service.name, users.group)])
    assert can_read(pse, users.service)
    assert can_read(pse, users.other)
    stranger = PosixAccount("stranger", 54321, 54321, frozenset({54321}))
    assert not can_read(pse, stranger)


def test_what_a_folder_hands_down_gives_nobody_else_a_right(users: Users, folder: Path) -> None:
    """The folder's default list names the second user; with a mode for a group that would come into force."""
    rights = {"root": 0, "service": users.service.number, "other": users.other.number, "group": users.number}
    _protect(folder, 0o755, {"other": 7}, rights)
    inherited = os.getxattr(folder, "system.posix_acl_access")
    os.setxattr(folder, "system.posix_acl_default", inherited)
    plain = folder / "plain.pse"
    plain.write_bytes(CONTENT)
    plain.chmod(0o640)
    assert can_read(plain, users.other)
    pse = folder / "new" / "client.pse"
    own_group = users.service.name  # useradd --user-group calls it like the user
    _publish(pse, [_system_of(pse, users.service.name, own_group)])
    assert pse.stat().st_mode & 0o777 == 0o640
    assert can_read(pse, users.service)
    assert not can_read(pse, users.other)


def test_the_account_itself_makes_it_for_itself(users: Users, folder: Path) -> None:
    os.chown(folder, users.service.number, users.service.main_group)
    pse = folder / "client.pse"
    with acting_as(users.service):
        _publish(pse, [_system_of(pse, users.service.name)])
    assert can_read(pse, users.service)
    assert not can_read(pse, users.other)


def test_another_account_is_refused_and_told_what_an_administrator_must_run(users: Users, folder: Path) -> None:
    os.chown(folder, users.other.number, users.other.main_group)
    pse = folder / "client.pse"
    system = dataclasses.replace(_system_of(pse, users.service.name), file=Path("my systems.yaml"))
    with acting_as(users.other), pytest.raises(NotForAccount, match="cannot make a file that belongs to") as caught:
        _publish(pse, [system])
    own = (f"--systems-file={Path.cwd() / 'my systems.yaml'}", f"--evidence={folder / '.pse-preflight'}")
    command = ("sudo", "-u", users.service.name, *PROGRAM, "check", "--system=PRD", *own)
    assert caught.value.commands == (command,)
    assert not pse.exists()


def test_a_closed_folder_on_the_way_refuses_before_anything_is_made(users: Users, folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    pse = folder / "closed" / "sec" / "client.pse"
    with pytest.raises(NotForAccount, match=r"does not let .* through") as caught:
        _publish(pse, [_system_of(pse, users.service.name)])
    opening = ("setfacl", "-m", f"u:{users.service.name}:x") if shutil.which("setfacl") else ("chmod", "o+x")
    assert caught.value.commands == ((*opening, str(folder / "closed")),)
    assert not pse.parent.exists()


def test_systems_that_share_a_pse_must_mean_the_same_account(users: Users, folder: Path) -> None:
    pse = folder / "client.pse"
    systems = [_system_of(pse, users.service.name), _system_of(pse, users.other.name, alias="QAS")]
    with pytest.raises(NotForAccount, match="different accounts"):
        _publish(pse, systems)


def test_without_an_account_nothing_is_handed_over(tmp_path: Path) -> None:
    assert hand_over([_system_of(tmp_path / "client.pse", None)], tmp_path / "client.pse") is None


def test_the_account_can_change_later_what_root_has_made_for_it(users: Users, folder: Path) -> None:
    pse = folder / "new" / "client.pse"
    _publish(pse, [_system_of(pse, users.service.name)])
    with acting_as(users.service):
        replace(pse, lambda path: path.write_bytes(CHANGED))
    assert can_read(pse, users.service)
    assert not can_read(pse, users.other)


def test_a_changed_pse_stays_readable_for_exactly_those_who_could(users: Users, folder: Path) -> None:
    pse = folder / "client.pse"
    _publish(pse, [_system_of(pse, users.service.name)])
    done = replace(pse, lambda path: path.write_bytes(CHANGED))
    assert done.backup is not None
    for path in (pse, done.backup):
        assert can_read(path, users.service)
        assert not can_read(path, users.other)


def test_a_group_that_is_meant_to_read_is_no_finding(users: Users, folder: Path) -> None:
    pse = folder / "client.pse"
    pse.write_bytes(CONTENT)
    pse.chmod(0o640)
    meant = _system_of(pse, users.service.name, users.group)
    assert _is_readable_by_group(meant)
    os.chown(pse, 0, users.number)
    assert not _is_readable_by_group(meant)
    assert _is_readable_by_group(_system_of(pse, users.service.name))
    none = look(_system_of(folder / "none.pse", None, users.group), pse_is_there=False)
    assert none is not None
    assert not none.group_may_read


def _is_readable_by_group(system: System) -> bool:
    """Tell whether it is a finding that the group can read the PSE."""
    pse, side = ClientPse(condition.look(system.pse)), look(system, pse_is_there=True)
    assert pse.condition.mode == 0o640
    seen = Observations(endpoint=None, pse=pse, client=side, known=NOTHING_KNOWN)
    return any(each.code is Code.PSE_READABLE_BY_GROUP for each in judge(system, seen, Period(NOW, NOW)).findings)


@POSIX
def test_a_link_is_not_handed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    (tmp_path / "link").symlink_to("file")
    me = access.posix_me()
    with pytest.raises(OSError, match=r"symbolic links|Too many levels"):
        access.hand_over(tmp_path / "link", PosixHandover(me.number, me.main_group, for_group=False))


# Windows: what it tells is written from Microsoft's documentation (tests.kit.windows_answers).


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (f"(A;;FA;;;BA)(A;;FR;;;{SERVICE})", ""),
        (f"(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;{ME})(A;;FR;;;{SERVICE})", ""),
        (f"(A;;FA;;;BA)(A;;FR;;;{SERVICE})(A;ID;FR;;;BU)", "lets others read: BUILTIN\\users"),
        (f"(A;;FA;;;BA)(A;;FR;;;{SERVICE})(A;;FR;;;{READERS})", "lets others read: DOM\\sap-readers"),
        ("(A;;FA;;;BA)", "does not let DOM\\svc read"),
    ],
)
def test_a_new_file_of_windows_is_proven_by_reading_its_list_back(
    monkeypatch: pytest.MonkeyPatch, entries: str, told: str
) -> None:
    windows = in_a_domain().install(monkeypatch)
    windows.descriptors["new.pse"] = f"O:{ME}D:PAI{entries}"
    if not told:
        access.windows_prove(Path("new.pse"), [SERVICE], ME)
        return
    with pytest.raises(NotForAccount) as caught:
        access.windows_prove(Path("new.pse"), [SERVICE], ME)
    assert told in str(caught.value)
    (command,) = caught.value.commands
    assert command[:4] == ("icacls", "new.pse", "/inheritance:r", "/grant:r")
    assert set(command[4:]) == {f"*{ADMINISTRATORS}:(F)", "*S-1-5-18:(F)", f"*{ME}:(F)", f"*{SERVICE}:(R)"}


def test_a_list_that_cannot_be_read_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_domain().install(monkeypatch)
    with pytest.raises(NotForAccount, match="Access is denied"):
        access.windows_prove(Path("new.pse"), [SERVICE], ME)


def test_an_empty_way_is_decided_by_its_problem() -> None:
    me = PosixAccount("me", 1, 1, frozenset({1}))
    assert account.posix_reach(PosixWay((), problem="gone"), me).reason == "gone"
