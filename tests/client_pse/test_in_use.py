"""A PSE that another program has open, or that is read-only: the cause is named, and no fix loses a good PSE."""

import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse.condition import Closed, Condition, State
from pse_preflight.client_pse.findings import attempt_findings, file_findings
from pse_preflight.client_pse.model import Attempt, ClientPse
from pse_preflight.findings import message
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.pse import create
from pse_preflight.pse.create import NotReplaced
from tests.kit.files import keep_private
from tests.kit.systems import issuers, server, write_pse

ROOT, _ = issuers(server())
PSE = Path("C:\\sec\\client.pse")
SYSTEM = System(alias="PRD", url=ApiUrl("host.example.com", 443), pse=PSE, secudir=PSE.parent)
ON_WINDOWS = pytest.mark.skipif(
    sys.platform != "win32", reason="elsewhere a file that is open can be read and replaced"
)


@pytest.mark.parametrize(
    ("closed", "fix"),
    [
        (Closed.IN_USE, "stop the program that has it open"),
        (Closed.NOT_PERMITTED, "run as an account that may read it"),
        (None, "move the file away"),
    ],
)
def test_only_a_file_that_is_no_good_is_moved_away(closed: Closed | None, fix: str) -> None:
    condition = Condition(PSE, State.UNREADABLE, "for a reason", closed=closed)
    (found,) = file_findings(ClientPse(condition))
    assert found.code == "PSE_UNREADABLE"
    assert found.fix.startswith(fix) or closed is None
    assert ("move the file away" in found.fix) is (closed is None)


def test_a_repair_that_could_not_be_made_tells_what_lets_it() -> None:
    seen = ClientPse(Condition(PSE, State.PLAIN))
    held = Attempt(
        wanted=(ROOT,), failure="it is read-only", fix="take it away", commands=(("attrib", "-R", str(PSE)),)
    )
    (found,) = attempt_findings(seen, held, SYSTEM)
    assert f"fix: take it away: attrib -R {PSE}" in message(found, windows=True)
    (found,) = attempt_findings(seen, Attempt(wanted=(ROOT,), failure="disk full"), SYSTEM)
    assert found.fix.startswith("mend the reason")


def test_a_file_that_may_not_be_read_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    pse = tmp_path / "client.pse"
    write_pse(pse)
    monkeypatch.setattr(Path, "open", refuse)
    assert pse_condition.look(pse).closed is Closed.NOT_PERMITTED


@contextmanager
def _held(pse: Path, *, shared: bool) -> Iterator[None]:
    """Have a file open as a service does, or so that nobody else can open it."""
    import win32con
    import win32file

    share = win32con.FILE_SHARE_READ | win32con.FILE_SHARE_WRITE if shared else 0
    handle = win32file.CreateFile(str(pse), win32con.GENERIC_READ, share, None, win32con.OPEN_EXISTING, 0, None)
    try:
        yield
    finally:
        handle.Close()


@ON_WINDOWS
def test_a_pse_that_a_service_holds_open_is_read_and_not_changed(tmp_path: Path) -> None:
    pse = tmp_path / "client.pse"
    content = write_pse(pse)
    with _held(pse, shared=True):
        assert pse_condition.look(pse).state is State.PLAIN
        with pytest.raises(NotReplaced, match="another program has it open") as caught:
            create.replace(pse, lambda path: path.write_bytes(b"new"))
        assert caught.value.fix.startswith("stop the program that has it open")
        assert pse.read_bytes() == content
    create.replace(pse, lambda path: path.write_bytes(b"new"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["client.pse", "client.pse.backup-1"]


@ON_WINDOWS
def test_a_pse_that_is_held_alone_is_told_as_that(tmp_path: Path) -> None:
    pse = tmp_path / "client.pse"
    content = write_pse(pse)
    with _held(pse, shared=False):
        seen = pse_condition.look(pse)
        assert (seen.state, seen.closed) == (State.UNREADABLE, Closed.IN_USE)
        with pytest.raises(NotReplaced, match="another program has it open"):
            create.replace(pse, lambda path: path.write_bytes(b"new"))
    assert pse_condition.look(pse).state is State.PLAIN
    assert pse.read_bytes() == content


@ON_WINDOWS
def test_a_read_only_pse_is_told_with_what_makes_it_writable(tmp_path: Path) -> None:
    pse = tmp_path / "client.pse"
    content = write_pse(pse)
    keep_private(pse)
    pse.chmod(stat.S_IREAD)
    with pytest.raises(NotReplaced, match="has the attribute read-only") as caught:
        create.replace(pse, lambda path: path.write_bytes(b"new"))
    assert caught.value.commands == (("attrib", "-R", str(pse)),)
    pse.chmod(stat.S_IREAD | stat.S_IWRITE)
    assert pse.read_bytes() == content
    create.replace(pse, lambda path: path.write_bytes(b"new"))
