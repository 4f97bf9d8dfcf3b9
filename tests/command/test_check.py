"""pse-preflight check: the same run as pytest's, under settings of its own, whatever stands around it."""

import importlib.util
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pse_preflight.checklist import CHECKS
from pse_preflight.command import check, program
from pse_preflight.demo import server as demo
from pse_preflight.errors import UsageProblem
from pse_preflight.options import OPTIONS
from pse_preflight.report import result
from tests.kit import report_facts
from tests.kit.places import SOURCES
from tests.kit.runs import PARALLEL, hearing_ctrl_c, run_checks, run_module, surroundings

DEAD = "https://127.0.0.1:1"


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what pytest was given, our own settings left out; nothing is run."""
    given: list[str] = []

    def main(arguments: Sequence[str]) -> int:
        given.extend(arguments[list(arguments).index(_folder(arguments)) + 1 :])
        return 0

    monkeypatch.setattr(pytest, "main", main)
    return given


def _folder(arguments: Sequence[str]) -> str:
    return next(each for each in arguments if not each.startswith("-") and Path(each).is_dir())


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        (["PRD", "QAS"], ["--system=PRD", "--system=QAS"]),
        (["PRD", "--read-only", "QAS", "--at", "2030-01-01"],
         ["--system=PRD", "--system=QAS", "--read-only", "--at=2030-01-01"]),
        (["--system=PRD"], ["--system=PRD"]),
        (["demo", "-m", "not network"], ["--system=demo", "-m", "not network"]),
        (["demo", "-vv", "-x", "-rs"], ["--system=demo", "--verbose", "--verbose", "--exitfirst", "-r", "s"]),
        (["demo", "-n2", "--co"], ["--system=demo", "--numprocesses=2", "--collect-only"]),
        (["demo", "--junit-xml", "a b.xml"], ["--system=demo", "--junitxml=a b.xml"]),
        (["--replay=x"], ["--replay=x"]),
        (["--", "PRD"], ["--system=PRD"]),
        (["demo", "-m", "chain and not (network or creates)"],
         ["--system=demo", "-m", "chain and not (network or creates)"]),
        (["demo", "-k", "is_valid[demo] or test_pse.py"], ["--system=demo", "-k", "is_valid[demo] or test_pse.py"]),
        (["demo", "-m", ""], ["--system=demo", "-m", ""]),
        (["demo", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"],
         ["--system=demo", "-p", "no:cacheprovider", "--override-ini=junit_family=xunit1"]),
    ],
)  # fmt: skip
def test_the_command_line_becomes_pytests(given: list[str], becomes: list[str], handed_on: list[str]) -> None:
    assert check.run(given) == 0
    assert handed_on == becomes


def test_every_option_of_a_run_is_an_option_of_the_program(handed_on: list[str]) -> None:
    for each in OPTIONS:
        value = [each.choices[0] if each.choices else "x"] if each.value else []
        check.run(["demo", each.name, *value])
        assert handed_on[-1] == (f"{each.name}={value[0]}" if value else each.name)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["demo", "--read-olny"], "--read-olny: no such option; did you mean --read-only?"),
        (["demo", "--rep"], "--rep: no such option; did you mean --repair?"),
        (["demo", "--sytem", "PRD"], "did you mean --system?"),
        (["demo", "--zzzz"], "--zzzz: no such option (pse-preflight --help shows all)"),
        (["-system=PRD"], "-system: no such option; did you mean --system?"),
        (["demo", "\N{EM DASH}read-only"], "word processors; write --read-only"),
        (["demo", "\N{EN DASH}\N{EN DASH}at=2030-01-01"], "word processors; write --at=2030-01-01"),
        (["demo", "\N{EN DASH}k", "x"], "word processors; write -k"),
        (["demo", "--engine=sapgenpe"], "did you mean sapgenpse? (allowed: auto, sapgenpse, bundled)"),
        (["demo", "--fail-on="], "--fail-on: '' is not possible (allowed: blocker, major, minor)"),
        (["demo", "-n", "many"], "--numprocesses: 'many' is not possible"),
        (["demo", "--at"], "--at: needs a value"),
        (["demo", "--read-only=yes"], "--read-only: takes no value"),
        (["demo", "-p", "pytest_cov"], "-p: 'pytest_cov' is not possible"),
        (["demo", "--rootdir=/"], "--rootdir: no such option"),
        (["demo", "--confcutdir=/"], "no such option"),
        (["demo", "-m", "chian"], "-m chian: no checks are called so; did you mean chain? (allowed: url, chain, pse,"),
        (["demo", "-m", "chain and not slow"], "-m slow: no checks are called so (allowed: "),
        (["demo", "-m", "chain and"], "-m 'chain and': is no choice of checks; join words by and, or, not"),
        (["demo", "-k", "chain pse"], "-k 'chain pse': is no choice of checks"),
        (["demo", "-k", "not " * 30_000 + "x"], "-k: is no choice of checks; it has and, or, not more than 200 times"),
        (["demo", "-m", " or ".join(["chain"] * 202)], "-m: is no choice of checks; it has and, or, not more than 200"),
        (["demo", "-k", "(" * 250 + "x" + ")" * 250], ": is no choice of checks"),
        ([], "no --system given, and no name of one; write pse-preflight check SYSTEM"),
        (["-q"], "no --system given"),
    ],
)
def test_a_wrong_command_line_is_told_and_nothing_is_run(given: list[str], says: str, handed_on: list[str]) -> None:
    with pytest.raises(UsageProblem) as caught:
        check.run(given)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert handed_on == []


def test_processes_need_a_plugin_that_may_be_absent(monkeypatch: pytest.MonkeyPatch, handed_on: list[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageProblem, match="-n needs pytest-xdist"):
        check.run(["demo", "-n2"])
    assert handed_on == []


def test_what_steers_pytest_is_kept_away_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-m url")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    seen: dict[str, str | None] = {}

    def main(_: object) -> int:
        seen.update({name: os.environ.get(name) for name in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")})
        return 0

    monkeypatch.setattr(pytest, "main", main)
    check.run(["demo"])
    assert seen == {"PYTEST_ADDOPTS": None, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    assert os.environ["PYTEST_ADDOPTS"] == "-m url"
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ


HOSTILE = {
    "pytest.ini": "[pytest]\naddopts = -m 'not network' --cov=src\npython_functions = check_*\npython_files = x_*.py\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = \"-m 'not network'\"\njunit_suite_name = 'other'\n",
    "tox.ini": "[pytest]\naddopts = -k nothing\n",
    "conftest.py": "def pytest_collection_modifyitems(items):\n    items[:] = [each for each in items if 0]\n",
    "requests.py": "raise ImportError('the wrong requests')\n",
    "systems.yaml": f"systems:\n  DEAD: {{url: '{DEAD}'}}\n",
}
STEERING = {"PYTEST_ADDOPTS": "-m 'not network' -p no:junitxml", "PYTEST_PLUGINS": "no_such_plugin"}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a folder in which nothing of pytest's configuration is as it should be, nor above it."""
    below = tmp_path / "project" / "deploy"
    below.mkdir(parents=True)
    for folder in (below, below.parent):
        for name, text in HOSTILE.items():
            (folder / name).write_text(text, encoding="utf-8")
    return below


def _outcomes(report: Path) -> dict[str, str]:
    cases = ElementTree.parse(report).findall(".//testcase")
    return {
        f"{case.attrib['classname']}.{case.attrib['name']}": next(
            (part.tag for part in case if part.tag in {"failure", "error", "skipped"}), "passed"
        )
        for case in cases
    }


@pytest.mark.long
@pytest.mark.parametrize("parallel", [False, True])
def test_nothing_around_it_has_a_say(hostile: Path, tmp_path: Path, *, parallel: bool) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "systems.yaml").write_text(HOSTILE["systems.yaml"], encoding="utf-8")
    options = ["check", "DEAD", "--junitxml=report.xml", *(["-n2"] if parallel else [])]
    expected = run_module("pse_preflight", *options, folder=plain)
    environment = surroundings(**STEERING, PYTEST_DISABLE_PLUGIN_AUTOLOAD="")
    ran = run_module("pse_preflight", *options, folder=hostile, environment=environment)
    assert (ran.returncode, expected.returncode) == (1, 1), ran.stdout + ran.stderr
    assert _outcomes(hostile / "report.xml") == _outcomes(plain / "report.xml")
    assert "failure" in _outcomes(hostile / "report.xml").values()


@pytest.mark.long
def test_pytest_itself_obeys_what_is_around_it(hostile: Path) -> None:
    """The twin of the test before: what stands around is heard where it may be."""
    options = ("--system=DEAD", "--systems-file=systems.yaml", "-p", "pse_preflight.plugin")
    environment = surroundings(PYTEST_ADDOPTS="-m 'not network'")
    assert "PORT_REFUSED" in run_checks(hostile, *options).stdout
    assert "PORT_REFUSED" not in run_checks(hostile, *options, environment=environment).stdout


def test_nothing_is_written_but_evidence_and_nothing_of_pytest_is_shown(tmp_path: Path) -> None:
    ran = run_module("pse_preflight", "check", "demo", folder=tmp_path)
    assert ran.returncode == 0
    assert [each.name for each in tmp_path.iterdir()] == [".pse-preflight"]
    first, second, *_ = ran.stdout.splitlines()
    assert "test session starts" in first
    assert second.startswith("pse-preflight: ")
    of_pytest = ("rootdir", "configfile", "plugins:", "platform ", "cachedir", "test_chain.py", "SKIPPED")
    assert not [word for word in of_pytest if word in ran.stdout]


def test_with_q_it_prints_the_verdicts_alone(tmp_path: Path) -> None:
    ran = run_module("pse_preflight", "check", "demo", "demo:expired-leaf", "-q", folder=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == ["demo: OK (PSE created)", "demo-expired-leaf: FAILED"]
    assert not [each for each in tmp_path.rglob("*") if "lock" in each.name]
    named = run_module("pse_preflight", "check", "demo", "-q", "--collect-only", folder=tmp_path)
    assert "::test_chain_is_valid[demo]" in named.stdout


def test_the_verdict_of_one_system_is_on_a_screen_of_24_lines(tmp_path: Path) -> None:
    for system in ("demo", "demo:missing-intermediate", "demo:wrong-host"):
        lines = run_module("pse_preflight", "check", system, folder=tmp_path).stdout.splitlines()
        (verdict,) = [number for number, line in enumerate(lines) if line.startswith(f"{system.replace(':', '-')} (")]
        assert len(lines) - verdict < 24
        assert "= FAILURES =" not in "\n".join(lines)


def test_a_red_check_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    told = run_module("pse_preflight", "check", "demo:expired-leaf", folder=tmp_path).stdout
    assert told.count("CERTIFICATE_EXPIRED: ") == 1
    assert "later: SSSLERR_PEER_CERT_UNTRUSTED (-102)" in told
    assert "fix (SAP admin): have it renewed" in told
    everything = run_module("pse_preflight", "check", "demo:expired-leaf", "-v", folder=tmp_path).stdout
    assert "= FAILURES =" in everything
    assert "NOT CONFIGURED" in everything


@pytest.mark.long
def test_a_verdict_has_its_colour(tmp_path: Path) -> None:
    many = run_module("pse_preflight", "check", "demo", "demo:expired-leaf", "--color=yes", folder=tmp_path).stdout
    rows = [line for line in many.splitlines() if "sent" not in line and ("OK  " in line or "FAILED  " in line)]
    assert [line[:5] for line in rows] == ["\x1b[32m", "\x1b[31m"]
    one = run_module("pse_preflight", "check", "demo:expired-leaf", "--color=yes", folder=tmp_path).stdout
    assert "\x1b[31mdemo-expired-leaf (" in one
    part = run_module("pse_preflight", "check", "demo", "-m", "url", "--color=yes", folder=tmp_path).stdout
    assert "\x1b[33mdemo (" in part


def test_what_has_no_room_on_the_screen_is_told_above_it(tmp_path: Path) -> None:
    """A red finding has its fix on the terminal, whatever a screen of 24 lines holds."""
    described = demo.describe("missing-intermediate", tmp_path / "served")
    described.start()
    keys = {**described.keys, "crypto_library": str(tmp_path / "nowhere" / "libsapcrypto.so")}
    keys["client_ini"] = {"file": str(tmp_path / "none.ini"), "dest": "PRD"}
    keys["secudir"] = str(tmp_path)
    (tmp_path / "systems.yaml").write_text(json.dumps({"systems": {"PRD": keys}}), encoding="utf-8")
    told = run_module("pse_preflight", "check", "PRD", "--read-only", folder=tmp_path).stdout
    above, _, screen = told.partition("= pse-preflight =")
    red = ["SERVER_OMITS_INTERMEDIATE", "CLIENT_INI_UNREADABLE", "CRYPTO_LIBRARY_MISSING", "PSE_MISSING"]
    assert "also red (-v tells them): " in screen
    assert [code for code in red if f"{code}: " not in above] == []
    assert above.count("\nfix: ") >= len(red)
    assert len(screen.splitlines()) <= 24


def test_a_system_to_which_a_run_did_not_come_is_not_left_out(tmp_path: Path) -> None:
    ran = run_module("pse_preflight", "check", "demo:expired-leaf", "demo:root-sent", "-x", folder=tmp_path)
    assert ran.returncode == 1
    assert "demo-root-sent     NOT JUDGED  not known      no check of it ran" in ran.stdout
    assert "1 of 2 systems not ready, 1 of 2 not judged" in ran.stdout
    quiet = run_module("pse_preflight", "check", "demo:good", "demo:root-sent", "-qk", "root-sent", folder=tmp_path)
    assert quiet.returncode == 0
    assert quiet.stdout.splitlines()[0] == f"demo-good: NOT JUDGED (0 of {len(CHECKS)} checks): no check of it ran"
    told = json.loads((tmp_path / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    assert [each["verdict"] for each in told["systems"]] == ["NOT JUDGED", "OK"]


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="a signal that only POSIX has")
def test_after_an_interruption_every_system_has_its_verdict_and_nothing_of_our_code_is_shown(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}"
        command = [sys.executable, "-P", "-m", "pse_preflight", "check", "demo", url]
        with (
            hearing_ctrl_c(),
            subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8") as running,
        ):
            silent.settimeout(60)
            connection, _ = silent.accept()
            lines = iter(running.stdout or ())
            before = "".join(itertools.takewhile(lambda line: "waiting for localhost" not in line, lines))
            running.send_signal(signal.SIGINT)
            told = before + "".join(lines)
            connection.close()
    assert running.returncode == pytest.ExitCode.INTERRUPTED
    assert "2 of 2 not judged" in told
    assert "! interrupted !" in told
    assert ".py" not in told.partition("= pse-preflight =")[2]


def test_that_nothing_was_selected_is_said_and_no_older_verdict_is_left(tmp_path: Path) -> None:
    assert run_module("pse_preflight", "check", "demo", folder=tmp_path).returncode == 0
    ran = run_module("pse_preflight", "check", "demo", "-k", "nothing_of_this_name", folder=tmp_path)
    assert ran.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no check was selected, so nothing was asked, and nothing is known" in ran.stdout
    assert not (tmp_path / ".pse-preflight" / "result.json").exists()


def test_a_folder_that_cannot_be_written_is_one_line_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = run_module("pse_preflight", "check", "demo", "--evidence=file/below", folder=tmp_path)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "warning" not in ran.stdout
    assert len(ran.stderr.strip().splitlines()) == 1


def test_of_many_systems_every_red_check_is_told_before_the_table(tmp_path: Path) -> None:
    told = run_module("pse_preflight", "check", "demo", "demo:expired-leaf", folder=tmp_path).stdout
    failures, _, table = told.partition("= pse-preflight =")
    assert "CERTIFICATE_EXPIRED: " in failures
    assert "fix: have it renewed" in failures
    assert "1 of 2 systems not ready" in table
    assert "root of 1: Demo Root CA: " in table
    (row,) = [line for line in table.splitlines() if line.startswith("demo ")]
    assert row.endswith(" PSE_CREATED")
    assert "also: PSE_CREATED (1), URL_UNUSUAL (2)" in table


def test_what_no_finding_tells_is_never_left_out(tmp_path: Path) -> None:
    """A crash of a check has pytest's own report, whatever the closing lines say."""
    (tmp_path / "breaks.py").write_text(
        "from pse_preflight.verdict import policy\n\n"
        "def broken(*_):\n    raise RuntimeError('a fault of the toolkit')\n\n"
        "def pytest_collection_finish():\n"
        "    import pse_preflight.fixtures\n    pse_preflight.fixtures.decide = broken\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join((str(tmp_path), str(SOURCES)))
    command = (
        "import pytest, sys; from pse_preflight.command import check;"
        "check._settings = (lambda given: lambda asked: ['-p', 'breaks', *given(asked)])(check._settings);"
        "sys.exit(check.run(['demo', '-k', 'chain_is_strong']))"
    )
    ran = run_module("-c", command, folder=tmp_path, environment=surroundings(PYTHONPATH=paths))
    assert ran.returncode == 1
    assert "a fault of the toolkit" in ran.stdout
    assert "= ERRORS =" in ran.stdout


@pytest.mark.long
def test_what_was_red_can_be_asked_again(tmp_path: Path) -> None:
    options = ("--system=demo:expired-leaf", "--evidence=proof", "--junitxml=report.xml")
    assert run_module("pse_preflight", *options, folder=tmp_path).returncode == 1
    assert run_module("pse_preflight", *options, "--lf", folder=tmp_path).returncode == 1
    assert _outcomes(tmp_path / "report.xml") == {
        "pse_preflight.checks.test_chain.test_chain_is_valid[demo-expired-leaf]": "failure"
    }
    assert sorted(each.name for each in tmp_path.iterdir()) == ["proof", "report.xml"]


@pytest.mark.long
def test_the_names_in_junit_are_those_of_every_installation(tmp_path: Path) -> None:
    run_module("pse_preflight", "check", "demo", "--junitxml=report.xml", folder=tmp_path)
    by_program = ElementTree.parse(tmp_path / "report.xml")
    run_checks(tmp_path, "--system=demo", "--junitxml=report.xml", "-p", "pse_preflight.plugin")
    by_pytest = ElementTree.parse(tmp_path / "report.xml")
    run_checks(tmp_path, "--system=demo", "--junitxml=report.xml", "-p", "pse_preflight.plugin", *PARALLEL)
    in_parallel = ElementTree.parse(tmp_path / "report.xml")
    for report in (by_program, by_pytest, in_parallel):
        assert [each.attrib["name"] for each in report.findall(".//testsuite")] == ["pse-preflight"]
        names = {each.attrib["classname"] for each in report.findall(".//testcase")}
        assert names == {
            f"pse_preflight.checks.test_{each}" for each in ("chain", "pk_list", "pse", "trust", "url", "websocket_rfc")
        }


def test_the_older_family_of_junit_names_no_place_of_this_machine(tmp_path: Path) -> None:
    options = ("demo", "--junitxml=report.xml", "-o", "junit_family=xunit1")
    run_module("pse_preflight", "check", *options, folder=tmp_path)
    files = {each.attrib["file"] for each in ElementTree.parse(tmp_path / "report.xml").findall(".//testcase")}
    assert "checks/test_chain.py" in files
    assert not [each for each in files if not each.startswith("checks/")]


@pytest.mark.long
@pytest.mark.parametrize(("beside", "suite"), [([], "pse-preflight"), (["test_stranger.py"], "pytest")])
def test_other_peoples_tests_keep_their_names(tmp_path: Path, beside: list[str], suite: str) -> None:
    (tmp_path / "test_stranger.py").write_text("def test_mine(): pass\n", encoding="utf-8")
    (tmp_path / "mine.ini").write_text("[pytest]\n", encoding="utf-8")
    options = ("-c", "mine.ini", "--system=demo", "--junitxml=report.xml", "-p", "pse_preflight.plugin")
    run_checks(tmp_path, *beside, *options)
    report = ElementTree.parse(tmp_path / "report.xml")
    assert [each.attrib["name"] for each in report.findall(".//testsuite")] == [suite]
    classes = {each.attrib["classname"] for each in report.findall(".//testcase")}
    assert {each for each in classes if not each.startswith("pse_preflight.checks.")} == {
        each.removesuffix(".py") for each in beside
    }


def _older_results(folder: Path) -> list[Path]:
    assert (
        run_module(
            "pse_preflight", "check", "demo", "--junitxml=report.xml", "--trust-report=trust.html", folder=folder
        ).returncode
        == 0
    )
    older = [folder / "report.xml", folder / "trust.html", folder / ".pse-preflight" / "result.json"]
    assert json.loads(older[-1].read_text(encoding="utf-8"))["verdict"].startswith("OK")
    return older


@pytest.mark.long
@pytest.mark.parametrize(
    "misuse", [["demo", "--read-olny"], ["PRD"], ["demo", "--at=soon"], ["demo", "--systems-file=none.yaml"]]
)
def test_after_a_misuse_no_older_verdict_is_left(tmp_path: Path, misuse: list[str]) -> None:
    older = _older_results(tmp_path)
    (tmp_path / "notes.html").write_text("<p>mine, about pse-preflight</p>", encoding="utf-8")
    reports = ("--junitxml=report.xml", "--trust-report=trust.html")
    ran = run_module("pse_preflight", "check", *reports, *misuse, folder=tmp_path)
    assert ran.returncode == program.MISUSE
    assert len(ran.stderr.strip().splitlines()) == 1
    assert [each for each in older if each.exists()] == []
    assert (tmp_path / "notes.html").exists()


def test_a_file_that_was_named_by_mistake_stays(tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text("# checked by pse-preflight\n", encoding="utf-8")
    ran = run_module("pse_preflight", "check", "PRD", "--trust-report=systems.yaml", folder=tmp_path)
    assert ran.returncode == program.MISUSE
    assert (tmp_path / "systems.yaml").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (["demo"], 0, "SAP TRUST OK - demo: OK (PSE created), trusted until "),
        (["demo:expired-leaf"], 2, "SAP TRUST CRITICAL - demo-expired-leaf: CERTIFICATE_EXPIRED: "),
        (["demo", "-m", "chain"], 1, "SAP TRUST WARNING - demo: NOT JUDGED "),
        (["nobody"], 3, "SAP TRUST UNKNOWN - --system=nobody: no such system"),
        (["demo", "--nagois"], 3, "SAP TRUST UNKNOWN - --nagois: no such option; did you mean --nagios?"),
        ([], 3, "SAP TRUST UNKNOWN - no --system given"),
    ],
)
def test_as_a_plugin_it_is_one_line_and_one_of_four_codes(
    given: list[str], code: int, says: str, tmp_path: Path
) -> None:
    ran = run_module("pse_preflight", "check", *given, "--nagios", folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (code, "")
    assert ran.stdout.startswith(says)
    assert ran.stdout.count("\n") == 1


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_as_a_plugin_no_older_result_is_taken_for_that_of_a_run_that_did_not_end(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made = datetime.now(UTC).isoformat()
    result.write(report_facts.result(report_facts.good("PRD"), made=made), Path(".pse-preflight"))
    monkeypatch.setattr(pytest, "main", lambda _: code)
    assert check.run(["PRD", "--nagios"]) == 3
    assert capsys.readouterr().out.startswith("SAP TRUST UNKNOWN - ")


def test_as_a_plugin_it_takes_a_result_that_is_older_than_the_run_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pytest, "main", lambda _: 0)
    for minutes, state in ((1, 0), (-5, 3)):
        made = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
        result.write(report_facts.result(report_facts.good("PRD"), made=made), Path(".pse-preflight"))
        assert check.run(["PRD", "--nagios"]) == state
    assert "SAP TRUST OK - PRD" in capsys.readouterr().out
