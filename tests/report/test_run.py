from pathlib import Path

from pse_preflight.report.run import engine_text
from pse_preflight.settings import Settings


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
