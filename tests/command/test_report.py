"""pse-preflight report: what runs have found, in other forms, and its exit code for whoever joins them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pse_preflight.command import program
from pse_preflight.report import monitoring, terminal
from pse_preflight.report.facts import Result
from pse_preflight.report.page import render
from pse_preflight.report.result import FILE_NAME, ResultUnreadable, read, write
from tests.kit import report_facts as facts

NO_RESULT = "is no result.json of this version of pse-preflight"
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


XTRACT1 = facts.result(facts.good("PRD"), facts.good("QAS"), host="XTRACT1", account="SYSTEM")
XTRACT2 = facts.result(facts.bad("PRD"), host="XTRACT2", account="svc_xtract")
LATER = facts.result(facts.unjudged("QAS"), host="XTRACT2", account="SYSTEM", broken_off="the run was interrupted")


def test_the_results_of_many_machines_are_one_table_and_the_worst_counts(capsys: pytest.CaptureFixture[str]) -> None:
    files = [_written(name, each) for name, each in (("a", XTRACT1), ("b", XTRACT2), ("c", LATER))]
    assert program.run(["report", "table", *files]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "XTRACT1 (SYSTEM), 2026-11-23 12:00 UTC"
    assert said[2] == "XTRACT2 (SYSTEM), 2026-11-23 12:00 UTC: the run was interrupted"
    rows = [line.split() for line in said[3:7]]
    assert [row[:3] for row in rows[:2]] == [["XTRACT1", "(SYSTEM)", "PRD"], ["XTRACT1", "(SYSTEM)", "QAS"]]
    assert "NOT JUDGED" in said[5]
    assert rows[3][:4] == ["XTRACT2", "(svc_xtract)", "PRD", "FAILED"]
    assert said[6].endswith("ROOT_NOT_IN_PSE")
    assert said[-1] == "1 of 4 not ready, on 1 of 3 machines; 1 of 4 not judged, on 1 of 3 machines"
    assert max(map(len, said)) <= 80
    assert program.run(["report", "table", files[0], files[0]]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all 4 are ready, on 1 machine"


def test_a_machine_that_was_asked_nothing_spoils_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["report", "table", _written("a", facts.result()), _written("b", facts.result())]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all 0 are ready, on 1 machine"


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
        (["page", f"ok/{FILE_NAME}", "other.json"], "other.json: is no result.json"),
        (["page", f"ok/{FILE_NAME}", "--output", "list.json/page.html"], "cannot be written"),
        (["tabel", "a.json"], "tabel: no such form; did you mean table? (forms: table, page, github, nagios,"),
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


def _now(result: Result) -> Result:
    return replace(result, run=replace(result.run, made=datetime.now(UTC).isoformat()))


@pytest.mark.parametrize(("result", "code"), [(GOOD, 0), (RED, 2), (facts.result(facts.unjudged()), 1)])
def test_nagios_gets_one_of_its_exit_codes(result: Result, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["report", "nagios", _written("a", _now(result))]) == code
    assert capsys.readouterr().out.startswith(f"SAP TRUST {('OK', 'WARNING', 'CRITICAL')[code]} - ")


def test_an_old_result_is_unknown_and_its_age_can_be_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    file = _written("a", replace(GOOD, run=replace(GOOD.run, made="2020-01-01T00:00:00+00:00")))
    assert program.run(["report", "nagios", file]) == 3
    assert "hours old" in capsys.readouterr().out
    assert program.run(["report", "nagios", file, "--max-age=800000"]) == 0


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": 9}', "[" * 100000, "\x00"])
def test_a_result_that_cannot_be_read_is_one_line(content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        Path("r.json").write_text(content, encoding="utf-8")
    assert program.run(["report", "nagios", "r.json"]) == 3
    assert program.run(["report", "checkmk", "r.json"]) == 1
    nagios, checkmk = capsys.readouterr().out.splitlines()
    assert nagios.startswith("SAP TRUST UNKNOWN - r.json: ")
    assert checkmk.startswith('3 "SAP trust" - r.json: ')
    for form in ("prometheus", "sarif", "ctrf", "table"):
        assert program.run(["report", form, "r.json"]) == 4
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("age", ["nan", "inf", "-1", "0", "1e300", "a day"])
def test_an_age_that_cannot_be_meant_is_a_misuse(age: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["report", "nagios", _written("a", GOOD), f"--max-age={age}"]) == 4
    assert f"--max-age: {age!r} is no number of hours" in capsys.readouterr().err


def test_github_takes_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.xml").write_text(JUNIT, encoding="utf-8")
    assert program.run(["report", "github", "report.xml", "--output=x"]) == 4
    assert "leave --output out" in capsys.readouterr().err
    assert not Path("x").exists()


@pytest.mark.parametrize("made", ["yesterday", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
def test_a_result_with_a_moment_that_is_none_cannot_be_read(made: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = _written("a", replace(GOOD, run=replace(GOOD.run, made=made)))
    assert program.run(["report", "nagios", file]) == 3
    assert "is no result.json" in capsys.readouterr().out


Place = tuple[str | int, ...]
FOREIGN = asdict(
    facts.result(
        facts.good("PRD", origin="recorded on vm", changes=("a change",), findings=(facts.found(severity="minor"),)),
        facts.bad("DEV", extras=("an extra",), others=("another",), labels=(("x-ticket", "CHG"),), missing="Root"),
        facts.unjudged("QAS", trusted=None, trust_unknown="not read"),
        replace(facts.bad("OLD"), facts=None),
        at="2026-12-01",
        broken_off="the run was interrupted",
    )
)
"""Every text of a result, somewhere."""


def _texts(value: object, path: Place = ()) -> Iterator[Place]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list | tuple):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(each, (*path, key))


def _planted(text: str, where: Iterable[Place]) -> Path:
    planted = json.loads(json.dumps(FOREIGN))
    for *path, last in where:
        place = planted
        for key in path:
            place = place[key]
        place[last] += text
    file = Path("planted.json")
    file.write_text(json.dumps(planted), encoding="utf-8")
    return file


def _forms(result: Result) -> Iterator[str]:
    yield "\n".join(terminal.lines(result, verbose=True))
    yield "\n".join(terminal.lines(result, verbose=False))
    yield "\n".join(terminal.joined_lines([result, result]))
    yield render(result)
    watched = monitoring.watch([result], datetime(2026, 11, 23, 13, tzinfo=UTC), timedelta(hours=26))
    yield monitoring.nagios(watched)[1]
    yield monitoring.checkmk(watched)
    yield monitoring.prometheus(watched)


def _is_bound(path: Place) -> bool:
    """Tell whether a text has a form of its own, so that what is planted makes the file unreadable."""
    try:
        read(_planted(ORDERS, [path]))
    except ResultUnreadable:
        return True
    return False


ORDERS = "\x1b[31mX\n::error::y\r\x9b2J\u202e"


def test_no_text_of_another_machine_gives_orders_to_a_terminal_or_forges_a_line() -> None:
    free = [path for path in _texts(FOREIGN) if not _is_bound(path)]
    assert {each[-1] for each in free} >= {
        "alias",
        "remark",
        "host",
        "words",
        "origin",
        "code",
        "broken_off",
        "message",
    }
    result = read(_planted(ORDERS, free))
    for said in (*_forms(result), *(line for each in _forms(result) for line in each.splitlines())):
        assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(said)
        assert not said.startswith("::error::")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23", "0001-01-01T00:00:00+23:00"])
@pytest.mark.parametrize("key", ["made", "at", "judged", "trust_ends", "renewal", "not_before", "not_after"])
def test_a_moment_that_is_none_is_one_line_and_no_traceback(
    key: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = json.loads(json.dumps(FOREIGN))
    for *path, last in (each for each in _texts(FOREIGN) if each[-1] == key):
        place = planted
        for part in path:
            place = place[part]
        place[last] = text
    Path("planted.json").write_text(json.dumps(planted), encoding="utf-8")
    is_said = (key, text) in {("at", ""), ("at", "2026-11-23"), ("trust_ends", ""), ("renewal", "")}
    assert program.run(["report", "page", "planted.json"]) == (1 if is_said else program.MISUSE)
    assert capsys.readouterr().err == ("" if is_said else f"ERROR: planted.json: {NO_RESULT}\n")


@pytest.mark.parametrize("made", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_page_has_room_for_any_moment(made: str) -> None:
    assert "today " in render(replace(GOOD, run=replace(GOOD.run, made=made)))


@pytest.mark.parametrize("form", ["table", "nagios", "checkmk", "prometheus", "sarif", "ctrf"])
def test_each_form_can_be_written_to_a_file(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = _written("a", _now(RED))
    printed_code = program.run(["report", form, file])
    printed = capsys.readouterr().out
    assert program.run(["report", form, file, "--output", "new/out.txt"]) == printed_code
    assert capsys.readouterr().out == ""
    assert Path("new/out.txt").read_text(encoding="utf-8") == printed
    assert [each.name for each in Path("new").iterdir()] == ["out.txt"]


def test_where_nothing_can_be_written_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("", encoding="utf-8")
    assert program.run(["report", "prometheus", _written("a", _now(RED)), "--output", "file/out.prom"]) == 4
    assert capsys.readouterr().err.startswith("ERROR: file/out.prom cannot be written: ")
