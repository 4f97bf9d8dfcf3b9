"""A file of ours is written whole, and a file that another program has open is waited for within a bound."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from pse_preflight.files import patiently, read_beginning, write_whole

SHARING_VIOLATION, DISK_FULL = 32, 112


def _refusing(times: int, number: int, calls: list[int]) -> None:
    calls.append(number)
    if len(calls) <= times:
        raise OSError(0, "refused", "file", number)


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_whole(tmp_path / "ü.json", "one")
    write_whole(tmp_path / "ü.json", "two\n")
    assert [each.name for each in tmp_path.iterdir()] == ["ü.json"]
    assert (tmp_path / "ü.json").read_bytes() == b"two\n"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200_000, 200_001, 300_000])
def test_of_a_file_so_much_is_read_and_no_more(size: int) -> None:
    content = bytes(each % 251 for each in range(size))
    asked: list[int] = []

    class Counting(io.BytesIO):
        def read(self, count: int | None = -1) -> bytes:
            asked.append(count or 0)
            return super().read(count)

    assert read_beginning(Counting(content), 200_000) == content[:200_000]
    assert all(0 < each <= 1 << 16 for each in asked)
    assert sum(asked) <= max(200_000, size + (1 << 16))


def test_what_a_killed_run_left_is_removed_and_nothing_of_a_users(tmp_path: Path) -> None:
    kept = {".a.html.20261101", ".a.html.1", ".a.html.2-3", ".a.html.2-3.preflight.bak", ".b.html.2-3.preflight"}
    young = ".a.html.4-5.preflight"
    for name in (*kept, young, ".a.html.2-3.preflight"):
        (tmp_path / name).write_text("mine")
        os.utime(tmp_path / name, None if name == young else (1e9, 1e9))
    write_whole(tmp_path / "a.html", "x")
    assert {each.name for each in tmp_path.iterdir()} == {*kept, young, "a.html"}


def test_a_link_under_the_name_for_the_half_of_it_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    try:
        (tmp_path / f".a.html.{os.getpid()}-{threading.get_ident()}.preflight").symlink_to(tmp_path / "precious")
    except OSError:
        pytest.skip("no symbolic links here")
    write_whole(tmp_path / "a.html", "x")
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "a.html").read_text() == "x"
    assert not (tmp_path / "a.html").is_symlink()


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
