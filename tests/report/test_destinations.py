"""Where a run writes is tried before anything is asked, and nothing but reports of ours is ever taken away."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pse_preflight.errors import UsageProblem
from pse_preflight.files import write_whole
from pse_preflight.report.destinations import refuse_file, refuse_folder
from pse_preflight.report.result import remove_older
from tests.kit.places import SOURCES
from tests.kit.runs import PARALLEL, run_checks, run_module
from tests.kit.tiers import first

DEAD = "https://127.0.0.1:1"
NOBODY = 65534
TOO_LONG = "this Windows takes no path of more" if sys.platform == "win32" else "File name too long"


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path: Path) -> None:
    refuse_folder(tmp_path / "a" / "b", ["PRD"])
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("below", [Path("proof"), Path("proof/deeper")])
def test_a_folder_below_a_file_is_refused_with_the_way_out(tmp_path: Path, below: Path) -> None:
    (tmp_path / "proof").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"name a folder of your own with --evidence=DIR$") as caught:
        refuse_folder(tmp_path / below, [])
    assert str(tmp_path / below) in str(caught.value)
    assert (tmp_path / "proof").read_text(encoding="utf-8") == "mine"


def test_the_folder_of_one_system_is_tried_too(tmp_path: Path) -> None:
    folder = tmp_path / "proof"
    (folder / "QAS").mkdir(parents=True)
    (folder / "PRD").write_text("no folder", encoding="utf-8")
    refuse_folder(folder, ["QAS"])
    with pytest.raises(UsageProblem) as caught:
        refuse_folder(folder, ["PRD", "QAS"])
    assert f"what is seen cannot be written to {folder / 'PRD'}: it is a file" in str(caught.value)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a folder that every account may enter, and none but its owner may write to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


AS_NOBODY = f"""
import os, sys
from pathlib import Path
from pse_preflight.report.destinations import refuse_folder
os.setgid({NOBODY})
os.setuid({NOBODY})
try:
    refuse_folder(Path(sys.argv[1]), ["PRD"])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can be another account")
@pytest.mark.parametrize("whose", ["the folder", "the folder of a system", "the folder above"])
def test_a_folder_of_another_account_is_refused(reachable: Path, whose: str) -> None:
    folder = reachable / "proof"
    if whose != "the folder above":
        (folder / "PRD").mkdir(parents=True, mode=0o700)
    if whose == "the folder of a system":
        folder.chmod(0o777)
    ran = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(folder)],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    refused = folder / "PRD" if whose == "the folder of a system" else folder
    assert ran.stdout.startswith(f"UsageProblem what is seen cannot be written to {refused}: Permission denied; name")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can be another account")
@pytest.mark.parametrize(("option", "refused"), [("--junitxml", True), ("--trust-report", False)])
def test_a_report_that_is_there_is_refused_where_it_cannot_be_written_anew(
    reachable: Path, option: str, refused: bool
) -> None:
    """pytest writes into the file that is there; the page takes the place of it."""
    reachable.chmod(0o777)
    file = reachable / "report.xml"
    file.write_text("root's", encoding="ascii")
    call = f"refuse_file({option!r}, sys.argv[1])"
    script = AS_NOBODY.replace('refuse_folder(Path(sys.argv[1]), ["PRD"])', call).replace(
        "refuse_folder", "refuse_file"
    )
    command = [sys.executable, "-c", script, str(file)]
    ran = subprocess.run(
        command, env={"PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, timeout=60, check=True
    )
    assert ("Permission denied" in ran.stdout) is refused
    assert file.read_text(encoding="ascii") == "root's"


@pytest.mark.parametrize("parallel", first(1, [False, True]))
def test_a_run_ends_before_anything_is_asked(tmp_path: Path, *, parallel: bool) -> None:
    (tmp_path / "proof").write_text("mine", encoding="utf-8")
    options = (f"--system={DEAD}", "--evidence=proof", *(PARALLEL if parallel else []))
    ran = run_checks(tmp_path, *options)
    said = f"{ran.stdout}\n{ran.stderr}"
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = [each for each in said.splitlines() if each.startswith("ERROR: ")]
    assert "--evidence" in line
    assert "PORT_REFUSED" not in said
    assert "Traceback" not in said


def test_collecting_needs_no_folder(tmp_path: Path) -> None:
    (tmp_path / "proof").write_text("mine", encoding="utf-8")
    assert run_checks(tmp_path, f"--system={DEAD}", "--evidence=proof", "--collect-only").returncode == 0


def test_other_peoples_tests_need_no_folder(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\npreflight_system = demo\n", encoding="utf-8")
    ran = run_module("pytest", "-p", "pse_preflight.plugin", "-p", "no:cacheprovider", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not (tmp_path / ".pse-preflight").exists()


def test_a_page_can_be_where_nothing_is_and_where_a_file_is(tmp_path: Path) -> None:
    refuse_file("--trust-report", "trust.html")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "trust.html").write_text("older", encoding="utf-8")
    refuse_file("--trust-report", "trust.html")
    assert (tmp_path / "trust.html").read_text(encoding="utf-8") == "older"


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (".", "--trust-report=.: is a folder; name a file in it, such as trust.html"),
        ("mine.txt/trust.html", "--trust-report=mine.txt/trust.html: cannot be written: "),
        ("a" * 300, f"--trust-report={'a' * 300}: cannot be written: {TOO_LONG}"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_by_the_name_that_was_given(named: str, says: str) -> None:
    Path("mine.txt").touch()
    with pytest.raises(UsageProblem) as caught:
        refuse_file("--trust-report", named)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("option", ["--trust-report", "--junitxml"])
def test_a_missing_folder_is_made(tmp_path: Path, option: str) -> None:
    refuse_file(option, "a/b/report.xml")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("option", ["--trust-report=.", "--trust-report=mine.txt/trust.html", "--junitxml=."])
def test_a_run_refuses_a_report_before_anything_is_asked(tmp_path: Path, option: str) -> None:
    (tmp_path / "mine.txt").touch()
    ran = run_checks(tmp_path, f"--system={DEAD}", option)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert option.partition("=")[0] in ran.stderr
    assert "PORT_REFUSED" not in ran.stdout


def test_what_fails_later_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        write_whole(tmp_path / "none" / "trust.html", "x")
    assert caught.value.filename == str(tmp_path / "none" / "trust.html")


def test_older_reports_of_ours_are_removed_and_other_files_stay(tmp_path: Path) -> None:
    texts = {
        "proof/result.json": '{\n  "format": 2,\n  "run": {}}',
        "proof/other.json": "{}",
        "trust.html": "<!DOCTYPE html><title>SAP trust report: OK</title>",
        "report.xml": '<?xml?><testsuite name="pse-preflight"/>',
        "foreign.xml": "<?xml?><testsuite name='pytest'/>",
        "systems.yaml": "# written by pse-preflight init",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    remove_older(tmp_path / "proof", "trust.html", "report.xml")
    remove_older(None, "foreign.xml", "systems.yaml", "none.html", None)
    left = {name for name in texts if (tmp_path / name).exists()}
    assert left == {"proof/other.json", "foreign.xml", "systems.yaml"}


@pytest.mark.parametrize("content", ["{}", '{"format": "x"}', '{"run": {"format": 2}}', '[{"format": 2, "run": 1}]'])
def test_a_result_of_somebody_elses_stays(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content, encoding="utf-8")
    remove_older(tmp_path)
    assert (tmp_path / "result.json").read_text(encoding="utf-8") == content


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--pack=client.pse"], "client.pse"),
        (["--pack=other.zip"], "other.zip"),
        (["--pack=run.zip", "--evidence=reports"], "reports/report.xml"),
        (["--trust-report=notes.html"], "notes.html"),
        (["--evidence=proof"], "proof/result.json"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_no_run_has_written_is_not_replaced(tmp_path: Path, options: list[str], kept: str) -> None:
    file = tmp_path / kept
    file.parent.mkdir(exist_ok=True)
    content = b"PK\x05\x06" + bytes(18) if kept.endswith(".zip") else b"# mine"
    file.write_bytes(content)
    ran = run_checks(tmp_path, f"--system={DEAD}", *options)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = (line for line in ran.stderr.splitlines() if line.startswith("ERROR: "))
    assert f"{file} is there, and pse-preflight has not written it; name another place with --" in line
    assert file.read_bytes() == content


def test_an_empty_file_is_nobodys_loss(tmp_path: Path) -> None:
    (tmp_path / "trust.html").touch()
    assert run_checks(tmp_path, f"--system={DEAD}", "--trust-report=trust.html").returncode == 1
    assert (tmp_path / "trust.html").stat().st_size
