"""pse-preflight report: what runs have found, in other forms, and its exit code for whoever joins them."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pse_preflight.command import program
from pse_preflight.report.facts import Result
from pse_preflight.report.result import FILE_NAME, read, write
from tests.kit import report_facts as facts

JUNIT = """<testsuite name="pse-preflight"><testcase classname="a" name="test_chain_is_valid[PRD]">
<failure message="CERTIFICATE_EXPIRED: it has ended">CERTIFICATE_EXPIRED: it has ended</failure>
</testcase></testsuite>"""


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def _written(folder: str, result: Result) -> str:
    return str(write(result, Path(folder)))


GOOD, RED = facts.result(facts.good("PRD")), facts.result(facts.good("QAS"), facts.bad("DEV"))


def test_what_was_written_is_read_back() -> None:
    assert read(Path(_written("a", RED))) == RED


@pytest.mark.parametrize(("result", "code"), [(GOOD, 0), (RED, 1)])
def test_a_table_says_what_the_run_said(result: Result, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["report", "table", _written("a", result)]) == code
    said = capsys.readouterr().out
    assert said.startswith(f"{result.run.host}, 2026-11-23 12:00 UTC\n")
    assert all(each.alias in said for each in result.systems)
    assert ("1 of 2 systems not ready" in said) == (code == 1)


def test_several_runs_are_shown_one_below_the_other_and_the_worst_counts(capsys: pytest.CaptureFixture[str]) -> None:
    files = [_written("a", GOOD), _written("b", RED), _written("c", GOOD)]
    assert program.run(["report", "table", *files]) == 1
    assert capsys.readouterr().out.count(f"{GOOD.run.host}, 2026-11-23") == 3


def test_a_page_is_written_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["report", "page", _written("a", RED), "--output", "new/page.html"]) == 1
    assert capsys.readouterr().out == f"page: {Path('new/page.html')}\n"
    assert Path("new/page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert program.run(["report", "page", _written("b", GOOD)]) == 0
    assert Path("trust.html").exists()


def test_a_junit_report_is_shown_as_github_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.xml").write_text(JUNIT, encoding="utf-8")
    assert program.run(["report", "github", "report.xml"]) == 0
    assert "::error title=PRD%3A CERTIFICATE_EXPIRED::" in capsys.readouterr().out


def _other_version() -> str:
    return json.dumps({**asdict(GOOD), "format": 99}, default=str)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["table", "none.json"], "none.json: cannot be read: No such file or directory"),
        (["table", "empty.json"], "empty.json: is no result.json of this version"),
        (["table", "other.json"], "other.json: is no result.json of this version"),
        (["table", "list.json"], "list.json: is no result.json of this version"),
        (["table", "deep.json"], "deep.json: is no result.json of this version"),
        (["page", "other.json"], "other.json: is no result.json"),
        (["page", "a.json", "b.json"], "a page is made from one result.json"),
        (["page", f"ok/{FILE_NAME}", "--output", "list.json/page.html"], "cannot be written"),
        (["tabel", "a.json"], "tabel: no such form; did you mean table? (forms: table, page, github)"),
        (["table"], "say what: FILE"),
        ([], "say what: FORM, FILE"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _written("ok", GOOD)
    texts = {"empty": "", "other": _other_version(), "list": "[]", "deep": "[" * 100_000}
    for name, text in texts.items():
        Path(f"{name}.json").write_text(text, encoding="utf-8")
    assert program.run(["report", *arguments]) == program.MISUSE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ERROR: ")
    assert says in line
