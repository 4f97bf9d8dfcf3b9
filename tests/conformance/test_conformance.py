"""The round trips for users' own machines, here with the fake: green with a sound one, red with every harmful one."""

import json
import socket
import sys
from pathlib import Path

import pytest

from pse_preflight.conformance.fake import HARMFUL, SWITCHES
from pse_preflight.conformance.record import PIN
from pse_preflight.sapgenpse import tool
from tests.kit.fake_program import fake_runs_quickly as fake_runs_quickly  # noqa: PLC0414 - a fixture
from tests.kit.fake_program import install

SCRIPTS = pytest.mark.skipif(sys.platform == "win32", reason="there it is a batch file, which no driver starts")
HARMS = [(switch, value) for switch in sorted(HARMFUL) for value in SWITCHES[switch][1:]]
KINDS = {
    "usual": {},
    "old": {
        "stream": "stderr",
        "prompts": "pin",
        "not_after": "without_blank",
        "sha256": "absent",
        "numbering": "from_0",
        "version": "5.5.5",
        "exit_codes": "always_0",
        "existing_file": "overwritten",
        "several_in_a_file": "all",
        "wrong_pin": "exit_0",
    },
    "odd": {
        "stream": "split",
        "line_ends": "crlf",
        "encoding": "latin-1",
        "empty_list": "message",
        "extensions": "several_lines",
        "indentation": "3",
        "weak_pin": "warning_everywhere",
        "banner": "wrapper",
        "several_in_a_file": "error",
        "exit_codes": "nonzero",
        "m_without_y": "silent",
    },
}


def run(pytester: pytest.Pytester, program: Path, *options: str) -> pytest.RunResult:
    """Run the round trips within this process."""
    arguments = ("--pyargs", "pse_preflight.conformance", f"--sapgenpse={program}", "-p", "pse_preflight.plugin")
    return pytester.runpytest_inprocess(*arguments, "-q", "--tb=short", *options)


def record(pytester: pytest.Pytester) -> str:
    return (pytester.path / ".pse-preflight" / "sapgenpse-conformance.txt").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.usefixtures("fake_runs_quickly")
@pytest.mark.parametrize("kind", ["usual", "old", "odd"])
def test_a_program_that_does_its_work_passes(pytester: pytest.Pytester, kind: str) -> None:
    result = run(pytester, install(pytester.path / "exe", **KINDS[kind]))
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["what the program said is in *sapgenpse-conformance.txt"])


@pytest.mark.long
@pytest.mark.usefixtures("fake_runs_quickly")
@pytest.mark.parametrize(("switch", "value"), HARMS)
def test_a_program_that_does_not_is_found_out(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, switch: str, value: str
) -> None:
    if switch == "hang":
        monkeypatch.setattr("pse_preflight.conformance.record.SECONDS", 0.4)
    result = run(pytester, install(pytester.path / "exe", **{switch: value}), "--maxfail=1")
    assert result.ret == 1, result.stdout.str()
    assert record(pytester).startswith("pse-preflight ")


@pytest.mark.long
@pytest.mark.usefixtures("fake_runs_quickly")
def test_the_record_holds_what_was_said_and_nothing_that_is_private(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(pytester.path))
    monkeypatch.setenv("LOGNAME", "schmidt")
    monkeypatch.setenv("USER", "schmidt")
    # A machine's own name may be of two letters, which stand in any base64.
    monkeypatch.setattr(socket, "gethostname", lambda: "pc-of-schmidt.example")
    run(pytester, install(pytester.path / "exe", line_ends="crlf", several_in_a_file="all", stream="split"))
    said = record(pytester)
    for fact in ("-a with two certificates in one file adds 2", "a duplicate ends with exit code 0", "on stderr"):
        assert fact in said
    for answer in ("| PKList:\\r", "(Wrong PIN/Passphrase)", "Please enter PSE PIN/Passphrase: ", "Duplicate", "<pin>"):
        assert answer in said
    for private in (str(pytester.path), PIN, "PRIVATE KEY", "schmidt"):
        assert private not in said
    assert len(said) < 100_000


def test_without_the_program_it_says_so(pytester: pytest.Pytester) -> None:
    result = run(pytester, pytester.path / "missing")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*missing is not there*"])


@SCRIPTS
def test_switches_are_read_anew_at_each_call(tmp_path: Path) -> None:
    program = install(tmp_path)
    assert tool.version(tool.InstalledTool(program), tmp_path).program == "8.5.50"
    program.with_name("fake-sapgenpse.json").write_text(json.dumps({"version": "unknown"}), encoding="utf-8")
    assert tool.version(tool.InstalledTool(program), tmp_path).program is None
