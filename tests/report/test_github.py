"""What GitHub's runner and its Markdown make of a report, and that no text in it is more than text."""

import io
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from pse_preflight.report import github
from tests.kit.places import SOURCES
from tests.kit.runs import surroundings

CASE = '<testcase classname="test_chain" name={name}>{inside}</testcase>'


def _report(folder: Path, *cases: tuple[str, str]) -> Path:
    file = folder / "report.xml"
    inside = "".join(CASE.format(name=quoteattr(name), inside=inside) for name, inside in cases)
    file.write_text(f"<testsuites><testsuite>{inside}</testsuite></testsuites>", encoding="utf-8")
    return file


def _failure(text: str, tag: str = "failure") -> str:
    return f"<{tag} message={quoteattr(text[:9])}>{escape(text)}</{tag}>"


def test_each_outcome_is_read_with_its_complete_text(tmp_path: Path) -> None:
    report = _report(
        tmp_path,
        ("test_a[PRD]", "<properties/>"),
        ("test_b[PRD]", _failure("PSE_MISSING: there is no PSE\nfix: make it")),
        ("test_c[QAS]", _failure("failed on setup", "error")),
        ("test_d[QAS]", '<skipped message="one reader only"/>'),
    )
    cases = github.read(report)
    assert [(case.system, case.state, case.code) for case in cases] == [
        ("PRD", "passed", "passed"),
        ("PRD", "failed", "PSE_MISSING"),
        ("QAS", "error", "error"),
        ("QAS", "skipped", "skipped"),
    ]
    assert cases[1].text == "PSE_MISSING: there is no PSE\nfix: make it"


def test_what_is_red_is_annotated_and_nothing_else(tmp_path: Path) -> None:
    report = _report(
        tmp_path,
        ("test_a[PRD]", ""),
        ("test_b[PRD]", _failure("PSE_MISSING: 100 % absent\nfix: make it")),
        ("test_c", _failure("no system", "error")),
        ("test_d[QAS]", "<skipped/>"),
    )
    assert list(github.annotations(github.read(report))) == [
        "::error title=PRD%3A PSE_MISSING::test_b[PRD]%0APSE_MISSING: 100 %25 absent%0Afix: make it",
        "::error title=error::test_c%0Ano system",
    ]


@pytest.mark.parametrize("hostile", ["x\n::set-env name=A::b", "x\r::error::b", "a,line=1::x", "%0A::error::x"])
def test_no_text_becomes_a_command_of_its_own(hostile: str) -> None:
    (line,) = github.annotations([github.JUnitCase(f"test_a[{hostile}]", "failed", f"X: {hostile}")])
    assert len(line.splitlines()) == 1
    properties = line.removeprefix("::error title=").partition("::")[0]
    assert "," not in properties
    assert ":" not in properties


def test_the_page_has_a_line_per_system_and_what_was_red(tmp_path: Path) -> None:
    told = '<property name="system" value="DEV"/><property name="verdict" value="NOT JUDGED (1 of 32 checks)"/>'
    unjudged = ("test_a[DEV]", f"<properties>{told}</properties>"), ("test_b[DEV]", "")
    red = ("test_b[PRD]", _failure("PSE_MISSING: gone")), ("test_a[PRD]", "")
    report = _report(tmp_path, ("test_a[QAS]", ""), *red, *unjudged)
    page = github.page(github.read(report)).splitlines()
    assert "| <code>PRD</code> | **FAILED** | 1 | 1 | 0 |" in page
    assert "| <code>QAS</code> | nothing is red | 1 | 0 | 0 |" in page
    assert "| <code>DEV</code> | NOT JUDGED (1 of 32 checks) | 2 | 0 | 0 |" in page
    assert "<pre>PSE_MISSING: gone</pre>" in page
    assert "<h3>test_b[PRD]</h3>" in page
    assert "<h3>test_a[PRD]</h3>" not in page


@pytest.mark.parametrize("hostile", ["<script>x</script>", "</pre><img src=x>", "a|b", "one\n\n\n# two"])
def test_no_text_becomes_markup(tmp_path: Path, hostile: str) -> None:
    page = github.page(github.read(_report(tmp_path, (f"test_a[{hostile}]", _failure(f"X: {hostile}")))))
    assert "<script" not in page
    assert "<img" not in page
    (row,) = (line for line in page.splitlines() if line.startswith("| <code>"))
    assert row.count("|") == 6
    assert page.count("</pre>") == 1  # which is what ends the block for Markdown, and nothing else does


def test_a_run_adds_to_the_summary_and_leaves_the_exit_code_to_pytest(tmp_path: Path) -> None:
    report = _report(tmp_path, ("test_b[PRD]", _failure("PSE_MISSING: gone")))
    summary, output = tmp_path / "summary.md", io.StringIO()
    summary.write_text("before\n", encoding="utf-8")
    assert github.run([str(report)], {"GITHUB_STEP_SUMMARY": str(summary)}, output) == 0
    assert output.getvalue().startswith("::error title=PRD%3A PSE_MISSING::")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## SAP trust")


def test_without_a_summary_there_are_annotations_all_the_same(tmp_path: Path) -> None:
    output = io.StringIO()
    assert github.run([str(_report(tmp_path, ("test_b[PRD]", _failure("X: y"))))], {}, output) == 0
    assert output.getvalue().count("::error ") == 1


@pytest.mark.parametrize("content", [None, "no XML"])
def test_a_missing_report_is_told_as_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    if content:
        Path("report.xml").write_text(content, encoding="utf-8")
    output = io.StringIO()
    assert github.run([], {}, output) == 1
    (line,) = output.getvalue().splitlines()
    assert line.startswith("::error::report.xml cannot be read (")


def test_github_gets_utf_8_whatever_the_code_page_is(tmp_path: Path) -> None:
    report = _report(tmp_path, ("test_b[PRD]", _failure("X: Ж")))
    environment = {**surroundings(), "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-m", "pse_preflight.report.github", str(report)]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert "X: Ж" in ended.stdout.decode("utf-8")
