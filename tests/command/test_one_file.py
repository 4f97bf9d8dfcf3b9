"""The program of one file, as far as it shows without being built: its names, its streams, and what it left behind."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from pse_preflight.command import leftovers, one_file, program
from pse_preflight.command.invocation import OPENGENPSE, PROGRAM, invocation, place
from pse_preflight.command.versions import versions
from tests.kit.places import CHECKOUT

PYTHON = sys.executable
FILE = str(Path("C:/Program Files/prüf & co/pse-preflight.exe"))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let this process be the program of one file, unpacked into a folder; return the folder."""
    if sys.platform == "win32":
        import_module("pywintypes")  # it looks elsewhere in a program of one file
    folder = tmp_path / "_MEI0000000abcdef"
    folder.mkdir()
    (folder / leftovers.MARK).touch()
    (folder / "LICENSES.txt").write_text("all licences", encoding="utf-8")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(folder), raising=False)
    monkeypatch.setattr(sys, "executable", FILE)
    monkeypatch.setattr(sys, "argv", ["pse-preflight"])
    return folder


@pytest.mark.usefixtures("built")
def test_fixes_name_the_file_by_its_absolute_path() -> None:
    assert invocation(PROGRAM, "check", "PRD") == (FILE, "check", "PRD")
    assert invocation(OPENGENPSE, "maintain_pk") == (FILE, "opengenpse", "maintain_pk")
    assert place() == FILE
    assert list(versions())[1] == f"  place: {FILE}"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["opengenpse", "opengenpse.exe", "OPENGENPSE.EXE"])
def test_under_the_name_of_opengenpse_it_is_that_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(Path("/opt", name))
    assert not one_file.is_opengenpse()
    monkeypatch.setattr(sys, "executable", file)
    assert one_file.is_opengenpse()
    assert invocation(OPENGENPSE, "maintain_pk") == (file, "maintain_pk")


@pytest.mark.usefixtures("built")
def test_a_link_of_that_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/opengenpse"])
    assert one_file.is_opengenpse()


def test_a_python_is_no_program_of_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/opengenpse"])
    assert one_file.path() is None
    assert not one_file.is_opengenpse()
    assert place() == str(CHECKOUT / "src" / "pse_preflight")


@pytest.mark.usefixtures("built")
def test_the_licences_of_all_parts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--licenses"]) == 0
    assert capsys.readouterr().out == "all licences\n"


def test_an_installed_program_has_no_licences_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--licenses"]) == program.MISUSE
    assert "--licenses: no such option" in capsys.readouterr().err


def test_who_has_no_console_is_spoken_to_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    one_file.begin()
    assert sys.stdout.write("nobody hears it")
    assert sys.stderr.write("nobody hears it")
    assert sys.stdin.read() == ""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


@pytest.mark.parametrize("before", [None, "/opt/sap/lib"])
def test_programs_that_it_starts_find_their_own_libraries(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/unpacked/_MEI0000000abcdef")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    if before:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", before)
    one_file.begin()
    assert os.environ.get("LD_LIBRARY_PATH") == before
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def _ended() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([PYTHON, "-c", ""]) as process:
        process.wait(60)
        return process.pid


def _left(beside: Path, number: int, name: str = "_MEI{:08x}x1", *, mark: bool = True, filled: bool = True) -> Path:
    folder = beside.with_name(name.format(number))
    (folder / "cryptography").mkdir(parents=True)
    if mark:
        (folder / leftovers.MARK).touch()
    if filled:
        (folder / "libpython.so").write_bytes(b"x" * 100)
    else:
        (folder / "cryptography").rmdir()
    return folder


def test_what_a_killed_run_left_is_removed_by_the_next(built: Path) -> None:
    number = _ended()
    gone = [_left(built, number), _left(built, number, "_MEI{:08x}x2", filled=False)]
    gone.append(_left(built, number, "removed-_MEI{:08x}x3"))
    leftovers.remove(built)
    assert not [each for each in gone if each.exists()]
    assert [each.name for each in built.parent.iterdir()] == [built.name]


def test_a_number_that_no_process_can_have_stops_nobody(built: Path) -> None:
    strange = built.with_name("_MEIffffffffx")
    strange.mkdir()
    (strange / "another's").touch()
    gone = [_left(built, 0xFFFFFFFE), _left(built, _ended())]
    leftovers.remove(built)
    assert strange.exists()
    assert not [each for each in gone if each.exists()]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells by itself what is in use")
def test_a_run_whose_number_another_container_hides_is_left_alone(built: Path) -> None:
    """It holds its mark; its number is one that is not seen here."""
    alive = _left(built, _ended())
    code = (
        "import sys; from pathlib import Path; from pse_preflight.command import leftovers;"
        " leftovers.remove(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([PYTHON, "-c", code, alive], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        leftovers.remove(built)
        assert (alive / "libpython.so").exists()
        process.stdin.close()
        process.wait(60)
    leftovers.remove(built)
    assert not alive.exists()


def test_one_that_was_killed_before_it_unpacked_anything_leaves_nothing_either(built: Path) -> None:
    empty = _left(built, _ended(), mark=False, filled=False)
    leftovers.remove(built)
    assert not empty.exists()


def test_what_is_not_ours_or_not_left_stays(built: Path) -> None:
    number = _ended()
    stays = [
        _left(built, os.getpid()),  # it runs
        _left(built, number, mark=False),  # another program's
        _left(built, number, "_MEIabc"),  # an older PyInstaller's, which tells no process
        _left(built, number, "MEI{:08x}x1"),
    ]
    leftovers.remove(built)
    assert all((each / "libpython.so").exists() for each in stays)
    assert (built / leftovers.MARK).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which files a process has loaded")
def test_a_folder_that_a_process_still_uses_stays(built: Path) -> None:
    folder = _left(built, _ended())
    code = (
        "import mmap, sys; file = open(sys.argv[1], 'rb'); kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ);"
        "print('loaded', flush=True); sys.stdin.read()"
    )
    command = [PYTHON, "-c", code, str(folder / "libpython.so")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        leftovers.remove(built)
        assert (folder / "libpython.so").exists()
        process.stdin.close()
        process.wait(60)
    leftovers.remove(built)
    assert not folder.exists()


def test_a_folder_of_a_zip_looks_for_nothing(built: Path) -> None:
    left = _left(built, _ended())
    (built / leftovers.MARK).unlink()
    leftovers.remove(built)
    leftovers.remove(built.with_name("_internal"))
    leftovers.remove(Path())
    assert left.exists()


def test_a_link_in_place_of_a_folder_is_left_alone(built: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target, link = tmp_path_factory.mktemp("target"), built.with_name(f"_MEI{_ended():08x}x1")
    (target / leftovers.MARK).touch()
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no symbolic links here")
    if not link.is_symlink():
        pytest.skip("Wine makes symbolic links and does not tell them from what they lead to")
    leftovers.remove(built)
    assert link.is_symlink()
    assert (target / leftovers.MARK).exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_account_stays(built: Path) -> None:
    folder = _left(built, _ended())
    os.chown(folder, 65534, 65534)
    leftovers.remove(built)
    assert (folder / "libpython.so").exists()


def test_what_cannot_be_removed_stays_and_stops_nobody(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _left(built, _ended())

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "rename", refuse)
    leftovers.remove(built)
    assert folder.exists()


def test_its_own_folder_stays_whatever_its_number(built: Path) -> None:
    own = built.rename(built.with_name(f"_MEI{_ended():08x}own"))
    leftovers.remove(own)
    assert (own / leftovers.MARK).exists()


def test_a_missing_folder_is_no_fault(built: Path) -> None:
    left = _left(built, _ended())
    leftovers.remove(built.with_name("_MEI00000001zz"))
    assert left.exists()


@pytest.mark.parametrize(
    ("arguments", "is_own", "waits"), [([], True, True), ([], False, False), (["check", "PRD"], True, False)]
)
def test_a_window_that_a_double_click_has_opened_stays_until_it_was_read(
    arguments: list[str], is_own: bool, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task or a shell gives arguments, and would wait for ever."""
    asked: list[str] = []
    monkeypatch.setattr(sys, "argv", ["pse-preflight.exe", *arguments])
    monkeypatch.setattr(one_file, "_has_a_console_of_its_own", lambda: is_own)
    monkeypatch.setattr("builtins.input", asked.append)
    one_file.end()
    assert bool(asked) is waits


@pytest.mark.parametrize(("processes", "is_own"), [((1,), True), ((1, 2), True), ((1, 2, 3), False)])
def test_a_console_that_a_shell_shares_is_not_its_own(
    processes: tuple[int, ...], is_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = SimpleNamespace(GetConsoleProcessList=lambda: processes)
    monkeypatch.setitem(sys.modules, "win32console", console)
    monkeypatch.setattr(one_file, "_WINDOWS", True)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert one_file._has_a_console_of_its_own() is is_own
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert not one_file._has_a_console_of_its_own()
