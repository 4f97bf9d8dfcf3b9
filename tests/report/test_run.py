from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pse_preflight.report.hooks import Progress
from pse_preflight.report.run import engine_text
from pse_preflight.settings import Settings


@dataclass
class _Terminal:
    """Stands for pytest's terminal, its configuration and its plugins."""

    verbosity: int = 0
    told: list[str] = field(default_factory=list)

    def get_plugin(self, _: str) -> "_Terminal":
        return self

    def get_verbosity(self) -> int:
        return self.verbosity

    def ensure_newline(self) -> None:
        self.told.append("")

    def write_line(self, line: str) -> None:
        self.told.append(line)

    @property
    def pluginmanager(self) -> "_Terminal":
        return self


def _progress(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch, now: float) -> list[str]:
    """Tell a progress that has last said something at second 0 that it is now a later second."""
    monkeypatch.setattr("time.monotonic", lambda: now)
    Progress(terminal, _said=0.0)(1, 200)  # type: ignore[arg-type]
    return terminal.told


def test_a_long_wait_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pse-preflight: 1 of 200 systems asked" in _progress(_Terminal(), monkeypatch, 6.0)


def test_a_short_wait_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _progress(_Terminal(), monkeypatch, 1.0) == []


def test_quiet_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _progress(_Terminal(verbosity=-1), monkeypatch, 6.0) == []


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
