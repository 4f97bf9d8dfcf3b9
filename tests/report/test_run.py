import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pse_preflight.report.facts import Result, in_json, unpacked
from pse_preflight.report.run import engine_text
from pse_preflight.settings import Settings
from tests.kit import report_facts as facts


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
