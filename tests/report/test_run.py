import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pse_preflight.report.facts import Result, in_json, unpacked
from pse_preflight.report.hooks import Reporting
from pse_preflight.report.run import engine_text
from pse_preflight.settings import Settings
from tests.kit import report_facts as facts
from tests.kit.runs import PARALLEL, run_checks, surroundings
from tests.kit.tiers import first


def _tool(folder: Path, script: str) -> Settings:
    tool = folder / "sapgenpse"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return Settings(evidence=folder, sapgenpse=tool)


def test_the_engine_is_told_with_its_version(tmp_path: Path) -> None:
    settings = _tool(tmp_path, "exit 1")
    assert engine_text(settings).startswith(str(tmp_path / "sapgenpse"))


def test_an_engine_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "is not there" in engine_text(Settings(evidence=tmp_path, sapgenpse=tmp_path / "none"))


def test_a_replay_has_no_engine(tmp_path: Path) -> None:
    assert engine_text(Settings(evidence=tmp_path, replay=tmp_path)) == "none, what was recorded is judged"


@pytest.mark.parametrize("where", ["/opt/größe", "/opt/\udcff"], ids=["text", "a path that is no text"])
def test_result_json_holds_the_facts_as_they_are(where: str) -> None:
    told = facts.result(facts.bad("PRD"), facts.good("QAS"), facts.unjudged("DEV"))
    told = replace(told, run=replace(told.run, where=where))
    written = in_json(told)
    assert written == json.dumps(asdict(told), indent=2, ensure_ascii=False)
    assert unpacked(Result, json.loads(written)) == told


ENDS = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if report.nodeid.endswith("::{check}[demo]") and report.when == "{when}":
        {how}
"""
BROKEN_OFF = {
    "with exit code 0, after the last check": ("test_websocket_rfc_answers", "teardown", "pytest.exit('x', 0)"),
    "with exit code 0, in the middle": ("test_chain_is_valid", "teardown", "pytest.exit('x', returncode=0)"),
    "with an exit code of its own": ("test_websocket_rfc_answers", "call", "pytest.exit('x', 77)"),
    "by Ctrl-C": ("test_websocket_rfc_answers", "teardown", "raise KeyboardInterrupt"),
}


@pytest.mark.parametrize(("check", "when", "how"), first(1, BROKEN_OFF.values()))
def test_a_run_that_somebody_ends_is_not_judged_whatever_its_exit_code(
    tmp_path: Path, check: str, when: str, how: str
) -> None:
    (tmp_path / "ends.py").write_text(ENDS.format(check=check, when=when, how=how), encoding="utf-8")
    run_checks(tmp_path, "--system=demo", "-p", "ends", environment=surroundings(PYTHONPATH=str(tmp_path)))
    told = json.loads((tmp_path / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    (system,) = told["systems"]
    assert (system["verdict"], system["remark"]) == ("NOT JUDGED", "the run was interrupted")


@pytest.mark.parametrize(("status", "has_ended"), [(0, True), (1, True), (5, True), (2, False), (77, False)])
def test_an_exit_code_that_no_run_has_which_ended_is_told(tmp_path: Path, status: int, *, has_ended: bool) -> None:
    reporting = Reporting(Settings(evidence=tmp_path), {}, None)
    assert bool(reporting.result(status).run.broken_off) is not has_ended


DIES = """
import os, pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    if hasattr(item.config, "workerinput") and item.name.startswith("{check}["):
        {how}
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("check", "how"),
    [
        ("test_handshake_with_the_pse_alone", "os._exit(9)"),
        ("test_websocket_rfc_answers", "os._exit(0)"),
        ("test_websocket_rfc_answers", "raise RuntimeError"),
    ],
)
def test_a_system_whose_worker_died_is_not_ok(tmp_path: Path, check: str, how: str) -> None:
    """Though the check itself had passed before."""
    (tmp_path / "dies.py").write_text(DIES.format(check=check, how=how), encoding="utf-8")
    environment = surroundings(PYTHONPATH=str(tmp_path))
    ended = run_checks(tmp_path, "--system=demo", "-p", "dies", *PARALLEL, environment=environment)
    told = json.loads((tmp_path / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    assert ended.returncode == 1
    assert told["systems"][0]["verdict"] in {"FAILED", "NOT JUDGED"}
