"""A file of ours is written whole, one in use is waited for, and where nobody may look, none is there."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pse_preflight import files
from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.command import invocation
from pse_preflight.errors import UsageProblem
from pse_preflight.files import patiently, write_whole
from pse_preflight.landscape import select
from pse_preflight.sapgenpse import tool

NOBODY = 65534
SHARING_VIOLATION, DISK_FULL = 32, 112


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Be an account for which access rights count."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Return a folder into which nobody may look, with everything in it that somebody might look for."""
    if sys.platform == "win32":
        pytest.skip("access rights of POSIX")
    folder = tmp_path / "closed"
    folder.mkdir()
    for name in ("sapgenpse", "systems.yaml", "roots.zip", "opengenpse"):
        (folder / name).write_bytes(b"x")
        (folder / name).chmod(0o755)
    (folder / "within").mkdir()
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        each.chmod(0o755)
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_what_may_not_be_looked_at_is_not_there(closed: Path) -> None:
    with as_somebody_else():
        assert not files.is_file(closed / "sapgenpse")
        assert not files.is_folder(closed / "within")


def test_what_may_be_looked_at_is(closed: Path) -> None:
    closed.chmod(0o755)
    with as_somebody_else():
        assert files.is_file(closed / "sapgenpse")
        assert files.is_folder(closed / "within")
        assert not files.is_file(closed / "within")
        assert not files.is_folder(closed / "sapgenpse")


LOOKS: dict[str, Callable[[Path], object]] = {
    "a program on PATH": lambda folder: tool.find_tool("auto", environ={"PATH": str(folder)}).is_bundled,
    "systems.yaml in the working folder": lambda folder: (
        select.find_file(None, select.Surroundings({}, folder, folder, folder)) is None
    ),
}


@pytest.mark.parametrize("what", LOOKS)
def test_nobody_crashes_for_a_folder_that_is_closed(closed: Path, what: str) -> None:
    with as_somebody_else():
        assert LOOKS[what](closed)


def test_a_program_that_is_named_there_is_told(closed: Path) -> None:
    with as_somebody_else(), pytest.raises(tool.ToolMissing, match="sapgenpse is not there"):
        tool.find_tool("sapgenpse", closed / "sapgenpse")


def test_a_list_of_roots_that_is_named_there_is_told(closed: Path) -> None:
    with as_somebody_else(), pytest.raises(UsageProblem, match="Permission denied"):
        sap_roots(closed / "roots.zip")


def test_a_command_is_named_without_it(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "_places", lambda program: iter([closed / program]))
    with as_somebody_else():
        assert invocation.invocation("opengenpse", "-h")[-1] == "-h"


def _refusing(times: int, number: int, calls: list[int]) -> None:
    calls.append(number)
    if len(calls) <= times:
        raise OSError(0, "refused", "file", number)


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_whole(tmp_path / "ü.json", "one")
    write_whole(tmp_path / "ü.json", "two\n")
    assert [each.name for each in tmp_path.iterdir()] == ["ü.json"]
    assert (tmp_path / "ü.json").read_bytes() == b"two\n"


def test_a_folder_in_its_place_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json") as caught:
        write_whole(tmp_path / "a.json", "x")
    assert caught.value.filename == str(tmp_path / "a.json")
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere a file that is open can be replaced")
class TestInUse:
    def test_who_lets_go_soon_is_waited_for(self) -> None:
        calls: list[int] = []
        patiently(lambda: _refusing(3, SHARING_VIOLATION, calls))
        assert len(calls) == 4

    def test_who_does_not_let_go_is_told(self) -> None:
        calls: list[int] = []
        with pytest.raises(OSError, match="refused"):
            patiently(lambda: _refusing(10**6, SHARING_VIOLATION, calls), seconds=0.05)
        assert len(calls) > 1

    def test_another_reason_is_told_at_once(self) -> None:
        calls: list[int] = []
        with pytest.raises(OSError, match="refused"):
            patiently(lambda: _refusing(1, DISK_FULL, calls))
        assert len(calls) == 1

    def test_a_reader_of_the_old_file_loses_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "evidence.json"
        write_whole(file, "old")
        reading, go = file.open("rb"), threading.Event()

        def read() -> None:
            go.wait()
            assert reading.read() == b"old"
            reading.close()

        reader = threading.Thread(target=read)
        reader.start()
        threading.Timer(0.1, go.set).start()
        write_whole(file, "new")
        reader.join()
        assert file.read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another rule")
def test_elsewhere_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", pytest.fail)
    calls: list[int] = []
    with pytest.raises(OSError, match="refused"):
        patiently(lambda: _refusing(1, SHARING_VIOLATION, calls))
