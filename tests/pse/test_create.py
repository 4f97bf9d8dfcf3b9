"""Whatever happens, and whenever: at the path of a PSE stands nothing, the old file or the new one."""

import errno
import importlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.pse import create
from pse_preflight.pse.create import NotPublished, NotReplaced, publish, replace, rewrite, write_private
from tests.kit.files import LINKS, NO_SUCH_FILE, is_private, keep_private, open_to_all

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="POSIX access rights")
AS_ROOT_ONLY = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that other accounts may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def make(content: bytes = b"new") -> Callable[[Path], str]:
    """Return a maker that writes the content."""

    def maker(path: Path) -> str:
        write_private(path, content)
        return "made"

    return maker


def change(path: Path) -> str:
    """Change a file as a tool does that writes another one and renames it."""
    other = path.with_name(f"{path.name}.other")
    write_private(other, path.read_bytes() + b" and new")
    other.replace(path)
    return "changed"


def backup_of(replaced: create.Replaced[Any]) -> Path:
    assert replaced.backup is not None
    return replaced.backup


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def pse(tmp_path: Path) -> Path:
    return tmp_path / "client.pse"


class TestPublish:
    def test_a_new_file_is_put_into_its_place(self, pse: Path) -> None:
        published = publish(pse, make())
        assert (published.created, published.result) == (True, "made")
        assert pse.read_bytes() == b"new"
        assert names(pse.parent) == {"client.pse"}

    def test_only_this_user_can_read_it_and_the_folders_it_needed(self, tmp_path: Path) -> None:
        pse = tmp_path / "sec" / "sub" / "client.pse"
        umask = os.umask(0)
        try:
            publish(pse, make())
        finally:
            os.umask(umask)
        assert all(map(is_private, (pse, pse.parent, pse.parent.parent)))

    def test_a_maker_that_is_too_generous_is_corrected_before_publishing(self, pse: Path) -> None:
        def generous(path: Path) -> None:
            path.write_bytes(b"new")
            open_to_all(path)
            assert not is_private(path)

        publish(pse, generous)
        assert is_private(pse)

    def test_the_temporary_file_is_private_beside_the_pse_and_named_like_one(self, pse: Path) -> None:
        seen: list[Path] = []

        def seeing(path: Path) -> str:
            seen.append(path)
            return make()(path)

        publish(pse, seeing)
        (temporary,) = seen[0].relative_to(pse.parent).parents[-2:-1] or [Path(seen[0].name)]
        assert temporary.name.startswith(".client.pse.preflight-")
        assert seen[0].suffix == ".pse"

    def test_a_file_that_is_there_is_not_touched_and_the_maker_not_called(self, pse: Path) -> None:
        pse.write_bytes(b"old")
        published = publish(pse, make())
        assert (published.created, published.result) == (False, None)
        assert pse.read_bytes() == b"old"

    def test_a_file_that_appears_meanwhile_wins(self, pse: Path) -> None:
        def slow(path: Path) -> str:
            pse.write_bytes(b"rival")
            return make()(path)

        published = publish(pse, slow)
        assert (published.created, published.result) == (False, "made")
        assert pse.read_bytes() == b"rival"
        assert names(pse.parent) == {"client.pse"}

    def test_a_folder_at_the_path_is_not_touched(self, pse: Path) -> None:
        pse.mkdir()
        assert not publish(pse, make()).created

    @LINKS
    @pytest.mark.parametrize("target_exists", [True, False])
    def test_a_symbolic_link_is_not_followed(self, pse: Path, tmp_path: Path, target_exists: bool) -> None:
        target = tmp_path / "elsewhere"
        if target_exists:
            target.write_bytes(b"old")
        pse.symlink_to(target)
        with pytest.raises(NotPublished, match="symbolic link"):
            publish(pse, make())
        assert target.exists() == target_exists

    @LINKS
    def test_a_symbolic_link_instead_of_the_lock_is_not_followed(self, pse: Path, tmp_path: Path) -> None:
        target = tmp_path / "precious"
        target.write_bytes(b"old")
        (tmp_path / ".client.pse.lock").symlink_to(target)
        with pytest.raises(NotPublished):
            publish(pse, make())
        assert target.read_bytes() == b"old"

    @LINKS
    def test_a_maker_that_leaves_a_link_is_refused(self, pse: Path, tmp_path: Path) -> None:
        (tmp_path / "other").write_bytes(b"other")
        with pytest.raises(NotPublished):
            publish(pse, lambda path: path.symlink_to(tmp_path / "other"))
        assert names(tmp_path) == {"other"}

    @POSIX_ONLY
    def test_a_maker_that_leaves_no_plain_file_is_refused(self, pse: Path) -> None:
        with pytest.raises(NotPublished, match="no plain file"):
            publish(pse, os.mkfifo)
        assert names(pse.parent) == set()

    def test_a_maker_that_leaves_nothing_is_refused(self, pse: Path) -> None:
        with pytest.raises(NotPublished, match=r"client\.pse"):
            publish(pse, lambda _: None)
        assert names(pse.parent) == set()

    @pytest.mark.parametrize("error", [ValueError("half made"), KeyboardInterrupt()])
    def test_what_a_failing_maker_leaves_is_removed(self, pse: Path, error: BaseException) -> None:
        def failing(path: Path) -> None:
            make()(path)
            path.with_name(f"{path.name}.1.pem").write_bytes(b"certificate")
            raise error

        with pytest.raises(type(error)):
            publish(pse, failing)
        assert names(pse.parent) == set()

    def test_what_the_system_refuses_is_told_in_one_line(self, pse: Path) -> None:
        def full(_: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.raises(NotPublished, match=r"client\.pse: No space left on device"):
            publish(pse, full)

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "sec").write_bytes(b"a file")
        with pytest.raises(NotPublished, match="sec"):
            publish(tmp_path / "sec" / "client.pse", make())

    def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(self, pse: Path) -> None:
        ours = [".client.pse.preflight-0123456789abcdef.pse", ".client.pse.preflight-0123456789abcdef.pse.x.pem"]
        others = [".other.pse.preflight-0123456789abcdef.pse", ".client.pse.preflight-notes", "client.pse.backup-1"]
        for name in ours + others:
            (pse.parent / name).write_bytes(b"")
        publish(pse, make())
        assert names(pse.parent) == {"client.pse", *others}

    def test_another_run_is_waited_for(self, pse: Path) -> None:
        inside, outside, ended = threading.Event(), threading.Event(), []

        def first(path: Path) -> None:
            inside.set()
            outside.wait(30)
            make(b"first")(path)

        def second() -> None:
            ended.append(publish(pse, make(b"second")))

        threads = [threading.Thread(target=publish, args=(pse, first)), threading.Thread(target=second)]
        threads[0].start()
        inside.wait(30)
        threads[1].start()
        outside.set()
        for thread in threads:
            thread.join(30)
        assert pse.read_bytes() == b"first"
        assert [published.created for published in ended] == [False]

    def test_another_run_is_not_waited_for_for_ever(self, pse: Path) -> None:
        def inner(_: Path) -> None:
            publish(pse, make(), lock_timeout=0.05)

        with pytest.raises(NotPublished, match="another run"):
            publish(pse, inner)

    @POSIX_ONLY
    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (OSError(errno.EIO, "Input/output error", "/dev/x"), "{pse}: Input/output error (/dev/x)"),
            (OSError(errno.EIO, "Input/output error"), "{pse}: Input/output error ({folder})"),
            (OSError("of no number"), "{pse}: of no number ({folder})"),
        ],
    )
    def test_what_the_system_refuses_is_told_with_the_file(
        self, pse: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(NotPublished) as refused:
            publish(pse, make())
        assert str(refused.value) == told.format(pse=pse, folder=pse.parent)

    @POSIX_ONLY
    def test_a_file_system_without_hard_links_is_told(self, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(NotPublished, match="without hard links"):
            publish(pse, make())
        assert names(pse.parent) == set()

    @POSIX_ONLY
    def test_another_refusal_to_link_is_told_as_it_is(self, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(NotPublished, match="Disk quota exceeded"):
            publish(pse, make())


class TestTidy:
    def test_what_a_killed_run_has_left_is_removed_and_nothing_else(self, pse: Path) -> None:
        others = {"client.pse", ".client.pse.preflight-notes", ".other.pse.lock", ".client.pse.lock.mine"}
        for name in {*others, ".client.pse.lock", ".client.pse.preflight-0123456789abcdef.pse"}:
            (pse.parent / name).write_bytes(b"")
        create.tidy(pse)
        assert names(pse.parent) == others

    def test_where_nothing_is_left_nothing_is_done(self, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(create, "_locked", None)
        write_private(pse, b"old")
        create.tidy(pse)
        create.tidy(pse.parent / "missing" / "client.pse")
        assert names(pse.parent) == {"client.pse"}

    def test_a_run_that_is_at_work_is_not_disturbed(self, pse: Path) -> None:
        def disturbed(path: Path) -> str:
            made = make()(path)
            create.tidy(pse)
            return made

        assert publish(pse, disturbed).created
        assert names(pse.parent) == {"client.pse"}


class TestReplace:
    @pytest.fixture(autouse=True)
    def old(self, pse: Path) -> None:
        write_private(pse, b"old")

    def test_the_new_file_takes_the_place_and_the_old_one_stays_as_a_backup(self, pse: Path) -> None:
        replaced = replace(pse, change)
        assert replaced.result == "changed"
        assert pse.read_bytes() == b"old and new"
        assert backup_of(replaced).read_bytes() == b"old"
        assert names(pse.parent) == {"client.pse", "client.pse.backup-1"} == {pse.name, backup_of(replaced).name}

    def test_no_backup_replaces_another(self, pse: Path) -> None:
        (pse.parent / "client.pse.backup-2").write_bytes(b"mine")
        backups = [backup_of(replace(pse, change)).name for _ in range(2)]
        assert backups == ["client.pse.backup-1", "client.pse.backup-3"]
        assert (pse.parent / "client.pse.backup-2").read_bytes() == b"mine"

    def test_where_nothing_is_changed_nothing_is_replaced(self, pse: Path) -> None:
        before = pse.stat()
        replaced = replace(pse, lambda path: path.write_bytes(b"old"))
        assert (replaced.backup, replaced.result) == (None, 3)
        after = pse.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert names(pse.parent) == {"client.pse"}

    @pytest.mark.parametrize("for_all", [False, True])
    def test_who_may_read_it_stays_for_both(self, pse: Path, for_all: bool) -> None:
        (open_to_all if for_all else keep_private)(pse)
        backup = backup_of(replace(pse, change))
        assert [is_private(path) for path in (pse, backup)] == [not for_all] * 2

    @POSIX_ONLY
    @pytest.mark.parametrize("rights", [0o600, 0o640, 0o644, 0o400])
    def test_the_mode_is_kept_for_both(self, pse: Path, rights: int) -> None:
        pse.chmod(rights)
        backup = backup_of(replace(pse, change))
        assert (mode(pse), mode(backup)) == (rights, rights)

    @AS_ROOT_ONLY
    def test_the_owner_is_kept_for_both(self, pse: Path) -> None:
        os.chown(pse, 12345, 23456)
        backup = backup_of(replace(pse, change))
        assert [(path.stat().st_uid, path.stat().st_gid) for path in (pse, backup)] == [(12345, 23456)] * 2

    @pytest.mark.skipif(sys.platform != "linux", reason="extended attributes of Linux")
    def test_extended_attributes_are_kept_and_no_others_come(self, pse: Path) -> None:
        try:
            os.setxattr(pse, "user.note", b"mine")
        except OSError:
            pytest.skip("this file system has no extended attributes")

        def marking(path: Path) -> None:
            change(path)
            os.setxattr(path, "user.other", b"another")

        backup = backup_of(replace(pse, marking))
        assert [os.listxattr(path) for path in (pse, backup)] == [["user.note"]] * 2
        assert os.getxattr(pse, "user.note") == b"mine"

    @POSIX_ONLY
    def test_an_owner_that_cannot_be_kept_is_a_refusal(self, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "chmod", refuse)
        monkeypatch.setattr(Path, "chmod", refuse)
        with pytest.raises(NotReplaced, match="run this as its owner"):
            replace(pse, change)
        assert (pse.read_bytes(), names(pse.parent)) == (b"old", {"client.pse"})

    @POSIX_ONLY
    def test_a_mode_that_does_not_stay_is_a_refusal(self, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pse.chmod(0o640)
        monkeypatch.setattr(Path, "chmod", lambda *_: None)
        with pytest.raises(NotReplaced, match="mode 640"):
            replace(pse, change)

    def test_a_failing_change_leaves_all_as_it_was(self, pse: Path) -> None:
        def failing(path: Path) -> None:
            change(path)
            raise ValueError("not proven")

        with pytest.raises(ValueError, match="not proven"):
            replace(pse, failing)
        assert (pse.read_bytes(), names(pse.parent)) == (b"old", {"client.pse"})

    @pytest.mark.parametrize("content", [b"rival", b"riv"])
    def test_a_change_by_another_program_is_not_lost(self, pse: Path, content: bytes) -> None:
        def disturbed(path: Path) -> None:
            change(path)
            pse.with_name("rival").write_bytes(content)
            pse.with_name("rival").replace(pse)

        with pytest.raises(NotReplaced, match="changed by another program"):
            replace(pse, disturbed)
        assert (pse.read_bytes(), names(pse.parent)) == (content, {"client.pse"})

    def test_a_missing_file_is_told(self, pse: Path) -> None:
        pse.unlink()
        with pytest.raises(NotReplaced, match=NO_SUCH_FILE):
            replace(pse, change)

    @LINKS
    def test_a_symbolic_link_is_refused(self, pse: Path) -> None:
        link = pse.with_name("link.pse")
        link.symlink_to(pse)
        with pytest.raises(NotReplaced, match="no plain file"):
            replace(link, change)

    def test_a_second_name_is_refused(self, pse: Path) -> None:
        os.link(pse, pse.with_name("other.pse"))
        with pytest.raises(NotReplaced, match="hard links"):
            replace(pse, change)

    @POSIX_ONLY
    def test_a_backup_of_a_killed_run_is_no_second_name(self, pse: Path) -> None:
        os.link(pse, pse.with_name("client.pse.backup-1"))
        os.link(pse, pse.with_name(".client.pse.preflight-0123456789abcdef.pse"))
        assert backup_of(replace(pse, change)).name == "client.pse.backup-1"
        assert names(pse.parent) == {"client.pse", "client.pse.backup-1"}

    @POSIX_ONLY
    def test_a_backup_that_appears_meanwhile_is_not_replaced(self, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        link = os.link

        def rival(source: Path, target: Path) -> None:
            monkeypatch.setattr(os, "link", link)
            Path(target).write_bytes(b"rival")
            link(source, target)

        monkeypatch.setattr(os, "link", rival)
        assert backup_of(replace(pse, change)).name == "client.pse.backup-2"
        assert (pse.parent / "client.pse.backup-1").read_bytes() == b"rival"

    def test_bytes_are_rewritten_without_a_backup(self, pse: Path) -> None:
        rewrite(pse, lambda old: old + b" and more")
        assert (pse.read_bytes(), names(pse.parent)) == (b"old and more", {"client.pse"})

    def test_a_refused_rewriting_changes_nothing(self, pse: Path) -> None:
        def refuse(_: bytes) -> bytes:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            rewrite(pse, refuse)
        assert (pse.read_bytes(), names(pse.parent)) == (b"old", {"client.pse"})


@pytest.mark.skipif(sys.platform != "linux", reason="extended attributes of Linux")
@pytest.mark.parametrize(("number", "kept"), [(errno.EOPNOTSUPP, True), (errno.EIO, False)])
def test_a_file_system_without_attributes_has_none(
    pse: Path, monkeypatch: pytest.MonkeyPatch, number: int, kept: bool
) -> None:
    def refuse(*_: object, **__: object) -> list[str]:
        raise OSError(number, os.strerror(number))

    write_private(pse, b"old")
    monkeypatch.setattr(os, "listxattr", refuse)
    if kept:
        assert backup_of(replace(pse, change)).exists()
    else:
        with pytest.raises(NotReplaced, match="Input/output error"):
            replace(pse, change)


@AS_ROOT_ONLY
@pytest.mark.parametrize("place", ["folder", "file"])
def test_a_lock_of_root_s_that_a_kill_has_left_does_not_shut_the_owner_out(open_folder: Path, place: str) -> None:
    folder = open_folder / "sec"
    folder.mkdir()
    pse = folder / "client.pse"
    if place == "file":
        folder.chmod(0o777)
        write_private(pse, b"old")
    os.chown(folder if place == "folder" else pse, NOBODY, NOBODY)

    def killed(_: Path) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def as_the_owner() -> None:
        publish(pse, make(), lock_timeout=0) if place == "folder" else replace(pse, change, lock_timeout=0)

    assert _as_account(0, lambda: publish(pse, killed) if place == "folder" else replace(pse, killed)) == -9
    assert names(folder) >= {".client.pse.lock"}
    assert _as_account(NOBODY, as_the_owner) == 0
    assert pse.read_bytes() == (b"new" if place == "folder" else b"old and new")


@AS_ROOT_ONLY
def test_a_lock_with_another_name_is_not_given_away(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"")
    folder = tmp_path / "sec"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    os.link(precious, folder / ".client.pse.lock")
    publish(folder / "client.pse", make())
    assert precious.stat().st_uid == 0


@AS_ROOT_ONLY
@pytest.mark.parametrize("umask", [0o777, 0o277, 0o077, 0])
def test_every_umask_leaves_what_its_owner_can_use_and_nobody_else(open_folder: Path, umask: int) -> None:
    pse = open_folder / "sec" / "sub" / "client.pse"
    os.chown(open_folder, NOBODY, NOBODY)

    def work() -> None:
        os.umask(umask)
        publish(pse, make())
        replace(pse, change)
        rewrite(pse, lambda old: old + b", again")

    assert _as_account(NOBODY, work) == 0
    assert pse.read_bytes() == b"new and new, again"
    modes = [mode(each) for each in (pse.parent.parent, pse.parent, pse, pse.with_name("client.pse.backup-1"))]
    assert modes == [0o700, 0o700, 0o600, 0o600]


def _as_account(number: int, work: Callable[[], object]) -> int:
    """Do something in a process of its own as another account, and tell how it ended."""
    importlib.import_module("filelock")  # the account may not be able to read where it lies
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgid(number)
            os.setuid(number)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - told, and this process must not go on as the tests
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_private_file_is_private_from_its_first_byte(pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    write = os.write

    def watched(handle: int, data: bytes) -> int:
        seen.append(is_private(pse))
        return write(handle, data)

    monkeypatch.setattr(os, "write", watched)
    umask = os.umask(0)
    try:
        write_private(pse, b"secret")
    finally:
        os.umask(umask)
    assert all([*seen, is_private(pse)])
    assert seen


def test_a_private_file_is_never_written_over(pse: Path) -> None:
    write_private(pse, b"old")
    with pytest.raises(FileExistsError):
        write_private(pse, b"new")
    assert pse.read_bytes() == b"old"


def test_a_file_is_written_to_its_end_however_small_the_steps_are(pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:3])))
    write_private(pse, b"0123456789")
    assert pse.read_bytes() == b"0123456789"


# A process of its own forks a child for every step: before its n-th call into the file system, the child is killed,
# or a rival puts a file at the path of the PSE. What is called is seen by an audit hook, which sees opening, linking,
# renaming, removing, listing and changing rights wherever they happen, and by counting what has no audit event.
STEPS = """
import json, os, pathlib, shutil, signal, sys, traceback
from datetime import UTC, datetime
from pse_preflight.demo.authority import root_authority
from pse_preflight.certificate import Certificate
from pse_preflight.pse import create, file, name
from pse_preflight.sapgenpse import bundled, tool
import filelock

what, how, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
START = datetime(2026, 1, 1, tzinfo=UTC)
ROOTS = [Certificate.of(root_authority(each, START, 3650).certificate) for each in ("Old Root", "New Root")]
KEY = bundled.make_rsa_key(2048)
bundled.run.__kwdefaults__["make_key"] = lambda bits: KEY
TOOL = tool.BundledTool()
pse = folder / "sec" / "client.pse"
EVENTS = {
    "open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.chown", "os.listdir", "os.scandir",
    "os.getxattr", "os.listxattr", "os.setxattr", "fcntl.flock", "tempfile.mkstemp",
}
COUNTED = ("write", "fsync", "close", "stat", "lstat", "fchmod")

def work():
    if what == "publish":
        create.publish(pse, lambda path: tool.create_pse(TOOL, path, "CN=client", ROOTS))
    elif what == "replace":
        create.replace(pse, lambda path: tool.add_certificates(TOOL, path, ROOTS[1:]))
    else:
        path = folder / "new.pem"
        answer = TOOL.run(["maintain_pk", "-p", str(pse), "-x", "", "-a", str(path)], pse.parent)
        if answer.code:
            raise create.NotReplaced(answer.text)

def set_up():
    shutil.rmtree(pse.parent, ignore_errors=True)
    (folder / "new.pem").write_text(ROOTS[1].pem)
    if what != "publish":
        pse.parent.mkdir()
        pse.write_bytes(OLD)
        pse.chmod(0o640)

def rival():
    other = folder / "rival"
    other.write_bytes(RIVAL)
    if what == "publish":
        try:
            os.link(other, pse)
        except OSError:
            pass
        other.unlink()
    else:
        os.replace(other, pse)

class Steps:
    def __init__(self, last):
        self.left, self.happened, self.busy = last, "", False
    def step(self, name, arguments=()):
        if self.busy or self.left is None or not self.concerns(arguments):
            return
        self.left -= 1
        if self.left:
            return
        self.left, self.busy = None, True
        os.write(REPORT, name.encode())
        os.kill(os.getpid(), signal.SIGKILL) if how == "kill" else rival()
        self.busy = False
    def concerns(self, arguments):
        return not arguments or any(isinstance(each, int) or str(folder) in str(each) for each in arguments)
    def start(self):
        sys.addaudithook(lambda event, arguments: self.step(event, arguments) if event in EVENTS else None)
        for name in COUNTED:
            setattr(os, name, self.counting(name, getattr(os, name)))
    def counting(self, name, function):
        def counted(*arguments, **options):
            self.step("os." + name, arguments)
            if name == "write" and len(arguments[1]) > 1 and not self.busy:
                arguments = (arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2 + 1])
            return function(*arguments, **options)
        return counted

def child(steps):
    try:
        if steps:
            Steps(steps).start()
        work()
    except create.NotWritten as error:
        os._exit(3)
    except BaseException:
        traceback.print_exc()
        os._exit(4)
    os._exit(0)

def run(steps):
    global REPORT
    reading, REPORT = os.pipe()
    pid = os.fork()
    if not pid:
        child(steps)
    os.close(REPORT)
    status = os.waitpid(pid, 0)[1]
    with os.fdopen(reading) as stream:
        return os.waitstatus_to_exitcode(status), stream.read()

def state():
    if not pse.exists():
        return "absent"
    data = pse.read_bytes()
    if data == OLD or data == RIVAL:
        return "old" if data == OLD else "rival"
    listed = {each.sha256 for each in file.read(data).trusted}
    return "new" if listed == {each.sha256 for each in ROOTS} else "partial"

OLD = file.new(
    file.self_signed_owner(name.parse("CN=me"), KEY, start=START, end=START.replace(year=2030), serial_number=1), KEY,
    ROOTS[:1], time=START, salt=bytes(8),
).encode()
RIVAL = file.new(None, None, ROOTS[:1], time=START, salt=bytes(8)).encode()

steps = 0
while True:
    steps += 1
    set_up()
    code, event = run(steps)
    if not event:
        break
    after, rights = state(), pse.stat().st_mode & 0o777 if pse.exists() else None
    code_again, _ = run(None)
    print(json.dumps({
        "step": steps, "event": event, "code": code, "after": after, "mode": rights, "code_again": code_again,
        "again": state(), "left": sorted(each.name for each in pse.parent.iterdir()),
    }))
print(json.dumps({"step": steps, "code": code, "after": state()}))
"""


@dataclass(frozen=True)
class Step:
    """What came of one disturbed run: before which call, how it ended, what stood there, then and after another run."""

    step: int
    code: int
    after: str
    event: str = ""
    mode: int | None = None
    code_again: int = 0
    again: str = ""
    left: tuple[str, ...] = ()


def steps_of(what: str, how: str, folder: Path) -> tuple[list[Step], Step]:
    """Run a piece of work once for every step, disturbed there, and once to its end."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", STEPS, what, how, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    *steps, last = [Step(**json.loads(line, object_hook=_frozen)) for line in ended.stdout.splitlines()]
    return steps, last


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
class TestEveryStep:
    def test_a_creation_that_is_killed_leaves_nothing_or_a_whole_pse(self, tmp_path: Path) -> None:
        steps, last = steps_of("publish", "kill", tmp_path)
        assert (last.code, last.after) == (0, "new")
        assert {"os.mkdir", "open", "os.write", "os.fsync", "os.link", "os.remove"} <= {each.event for each in steps}
        for each in steps:
            assert each.code == -9, each
            assert (each.after, each.mode) in {("absent", None), ("new", 0o600)}, each
            assert (each.code_again, each.again) == (0, "new"), each
            assert each.left == ("client.pse",), each
        assert {each.after for each in steps} == {"absent", "new"}

    def test_a_rival_that_creates_the_file_at_any_step_wins_or_comes_too_late(self, tmp_path: Path) -> None:
        steps, _ = steps_of("publish", "rival", tmp_path)
        for each in steps:
            assert each.code == 0, each
            assert each.after in {"rival", "new"}, each
            assert each.again == each.after, each
            assert each.left == ("client.pse",), each
        folder_made = next(each.step for each in steps if each.after == "rival")
        order = [each.after for each in steps[folder_made:]]
        assert order == sorted(order, reverse=True)
        assert set(order) == {"rival", "new"}

    def test_a_replacement_that_is_killed_leaves_the_old_or_the_new_file(self, tmp_path: Path) -> None:
        steps, last = steps_of("replace", "kill", tmp_path)
        assert (last.code, last.after) == (0, "new")
        assert {"os.link", "os.rename", "os.chmod"} <= {each.event for each in steps}
        for each in steps:
            assert each.code == -9, each
            assert (each.after, each.mode) in {("old", 0o640), ("new", 0o640)}, each
            assert (each.code_again, each.again) == (0, "new"), each
            assert not [name for name in each.left if "preflight" in name], each
        assert {each.after for each in steps} == {"old", "new"}

    def test_a_rival_that_changes_the_file_at_any_step_leaves_a_whole_file(self, tmp_path: Path) -> None:
        steps, _ = steps_of("replace", "rival", tmp_path)
        for each in steps:
            assert (each.code, each.after) in {(0, "new"), (0, "rival"), (3, "rival")}, each
            assert not [name for name in each.left if "preflight" in name], each
        assert {"rival", "new"} <= {each.after for each in steps}

    def test_an_addition_by_the_bundled_program_that_is_killed_leaves_the_old_or_the_new_file(
        self, tmp_path: Path
    ) -> None:
        steps, last = steps_of("maintain_pk", "kill", tmp_path)
        assert (last.code, last.after) == (0, "new")
        for each in steps:
            assert (each.after, each.mode) in {("old", 0o640), ("new", 0o640)}, each
            assert (each.code_again, each.again) == (0, "new"), each
            assert each.left == ("client.pse",), each
        assert {each.after for each in steps} == {"old", "new"}


def test_the_errors_of_this_module_are_of_one_kind() -> None:
    assert issubclass(NotPublished, create.NotWritten)
    assert issubclass(NotReplaced, create.NotWritten)
