"""The program pse-preflight: which command is meant, what a wrong one is told, and how the program names itself."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

from pse_preflight import __version__
from pse_preflight.command import check, init, program
from pse_preflight.command.invocation import invocation, pasteable
from pse_preflight.command.versions import versions
from pse_preflight.options import OPTIONS
from tests.kit.places import CHECKOUT
from tests.kit.runs import AS_ANOTHER_ACCOUNT, lacking_for_another_account, run_module
from tests.kit.shell import paste
from tests.kit.tiers import first

SCREEN_LINES, SCREEN_COLUMNS = 30, 80


def test_the_help_is_one_screen_about_our_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= SCREEN_LINES
    assert max(map(len, lines)) <= SCREEN_COLUMNS
    text = "\n".join(lines)
    for each in (*(f" {each.name} " for each in OPTIONS if not each.repeatable), "-k WORD", "--junitxml FILE"):
        assert each in f"{text} "
    assert not [word for word in ("--rootdir", "--pdb", "--cov", "pytest.ini") if word in text]


@pytest.mark.parametrize("arguments", [["help"], ["-h"], ["check", "--help"], ["check", "demo", "-h"]])
def test_the_help_is_had_in_every_usual_way(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(arguments) == 0
    assert capsys.readouterr().out.startswith("usage: pse-preflight check SYSTEM...")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version"]) == 0
    assert capsys.readouterr().out == f"pse-preflight {__version__}\n"


def test_without_a_word_the_help_is_shown_as_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([]) == program.MISUSE
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()[0][:5]) == ("", "usage")
    assert told.err.splitlines()[-1].startswith("ERROR: no --system given")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("chek", "did you mean check?"),
        ("Show", "did you mean show?"),
        ("PRD", "did you mean pse-preflight check PRD?"),
        ("https://a.example.com", "did you mean pse-preflight show https://a.example.com?"),
    ],
)
def test_an_unknown_command_is_told_what_was_meant(word: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([word]) == program.MISUSE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ERROR: {word}: no such command; {says} (commands: check, show, init, report,")


def test_each_command_is_a_module_that_runs() -> None:
    folder = Path(program.__file__).parent
    for name in program.COMMANDS:
        assert "def run(arguments: Sequence[str]" in (folder / f"{name}.py").read_text(encoding="utf-8")


def test_a_first_option_means_check(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(arguments: Sequence[str]) -> int:
        asked.append(list(arguments))
        return 5

    monkeypatch.setattr(check, "run", run)
    assert program.run(["--system=demo", "-q"]) == 5
    assert program.run(["check", "demo", "-q"]) == 5
    assert asked == [["--system=demo", "-q"], ["demo", "-q"]]


def test_opengenpse_is_had_under_this_name_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert program.run(["opengenpse", "get_my_name", "-p", str(tmp_path / "none.pse")]) != 0
    assert "none.pse" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="the line is one for sh")
@pytest.mark.parametrize("words", first(1, [(("--help",),), (("check", "demo", "demo:root-sent"),), (("roots",),)]))
def test_whoever_reads_may_have_seen_enough(tmp_path: Path, words: tuple[str, ...]) -> None:
    line = '"$0" "$@" | head -1; "$0" "$@" | true'
    command = ["/bin/sh", "-c", line, sys.executable, "-P", "-m", "pse_preflight", *words]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that is in use stays there")
@pytest.mark.parametrize(
    "words",
    first(1, [(("check", "demo"),), (("init", "https://localhost:1"),), (("show", "x.pem"),), (("roots",),)]),
)
def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A folder that is gone, or closed to this account as root's home is after `sudo -u`: nothing works in it."""
    told = _told_in(tmp_path / "gone", 'rmdir "$PWD"', *words)
    assert (told.returncode, told.stdout) == (program.MISUSE, "")
    (line,) = told.stderr.splitlines()
    assert line.startswith("ERROR: this account cannot enter the folder in which it is started: ")
    assert _told_in(tmp_path / "there", ":", "roots").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="rights are those of POSIX")
def test_a_folder_that_is_closed_is_told_in_one_line(tmp_path: Path) -> None:
    if lacking := lacking_for_another_account():
        pytest.skip(lacking)
    shut = f'chmod 700 .; exec {" ".join(AS_ANOTHER_ACCOUNT)} "$0" "$@"'
    told = _told_in(tmp_path / "closed", shut, "check", "demo")
    assert (told.returncode, told.stdout) == (program.MISUSE, "")
    assert "Permission denied" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def _told_in(folder: Path, first: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder to which something is done first, when it is the current one."""
    folder.mkdir()
    line = f'{first}; exec "$0" "$@"' if "exec" not in first else first
    command = ["/bin/sh", "-c", line, sys.executable, "-P", "-m", "pse_preflight", *words]
    # What measures coverage would write a file into the folder, and tell that it cannot.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )


def test_an_interruption_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(init, "run", interrupted)
    monkeypatch.setattr(sys, "argv", ["pse-preflight", "init", "x"])
    assert program.console() == program.INTERRUPTED
    assert capsys.readouterr().err == "pse-preflight: interrupted\n"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where this Python would install console scripts; it is empty."""
    folder = tmp_path / "with blank" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(folder))
    monkeypatch.setattr(sys, "argv", ["/somewhere/pytest"])
    return folder


def _name(program: str) -> str:
    return f"{program}.exe" if sys.platform == "win32" else program


def test_a_command_to_paste_names_the_console_script_by_its_whole_path(scripts: Path) -> None:
    script = scripts / _name("opengenpse")
    script.touch()
    assert invocation("opengenpse", "get_my_name") == (str(script), "get_my_name")
    quoted = f'"{script}"' if sys.platform == "win32" else f"'{script}'"
    assert pasteable("-p", program="opengenpse") == f"{quoted} -p"


def test_the_console_script_that_runs_comes_first(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "pipx" / _name("pse-preflight")
    elsewhere.parent.mkdir()
    for each in (elsewhere, elsewhere.with_name(_name("opengenpse")), scripts / _name("opengenpse")):
        each.touch()
    monkeypatch.setattr(sys, "argv", [str(elsewhere)])
    assert invocation("pse-preflight", "check") == (str(elsewhere), "check")
    assert invocation("opengenpse") == (str(elsewhere.with_name(_name("opengenpse"))),)


@pytest.mark.usefixtures("scripts")
def test_what_is_not_installed_is_started_by_its_python() -> None:
    package = str(CHECKOUT / "src" / "pse_preflight")
    assert invocation("pse-preflight", "check", "demo") == (sys.executable, package, "check", "demo")
    assert invocation("opengenpse", "-h") == (sys.executable, package, "opengenpse", "-h")


@pytest.mark.usefixtures("scripts")
def test_a_program_of_one_file_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    program = str(Path("/srv/pse-preflight").absolute())
    monkeypatch.setattr(sys, "executable", program)
    assert invocation("pse-preflight", "check") == (program, "check")
    assert invocation("opengenpse", "-h") == (program, "opengenpse", "-h")


@pytest.mark.usefixtures("scripts")
def test_the_command_of_a_checkout_runs_in_a_plain_shell(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text("raise SystemExit('the wrong module')", encoding="utf-8")
    ran = paste(pasteable("--version"), tmp_path)
    assert (ran.returncode, ran.stdout) == (0, f"pse-preflight {__version__}\n")


def test_no_module_of_the_folder_where_it_is_started_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit('the wrong module')", encoding="utf-8")
    ran = run_module("pse_preflight", "show", "http://127.0.0.1:1", folder=tmp_path)
    assert "the wrong module" not in ran.stderr
    assert ran.returncode == program.MISUSE


def test_the_version_of_every_part_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version", "-v"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"pse-preflight {__version__}"
    assert f"  pytest {pytest.__version__}" in lines
    assert [each for each in lines if "OpenSSL" in each]
    assert not [each for each in lines if "hypothesis" in each]


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ('{"url": "", "vcs_info": {"vcs": "git", "commit_id": "0123abc-dirty"}}', "0123abc-dirty"),
        ('{"url": "file:///x", "dir_info": {"editable": true}}', "not known"),
        ("{", "not known"),
        ("[]", "not known"),
        (None, "not known"),
    ],
)
def test_the_commit_is_told_where_the_installer_has_noted_it(
    noted: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata.PathDistribution, "read_text", lambda _self, name: noted if "url" in name else None)
    assert list(versions())[2] == f"  commit: {told}"
