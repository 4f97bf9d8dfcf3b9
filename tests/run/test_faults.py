"""Whole runs that are disturbed before a step of theirs; the benchmark faults.py does it before every one.

Whatever happens, a PSE is as it was, or whole; nobody reads half of the evidence; and the next run ends as it should.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.kit import faults
from tests.kit.faults import REFUSALS, SWAPS, Disturbed

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="needs fork, SIGKILL, and the names of open files"),
]

KILLS = 50


def disturbed(
    folder: Path, job: str, engine: str, how: str, every: int = 1, first: int = 1, *, seconds: float = 540
) -> list[Disturbed]:
    """Disturb a job before every so-manieth step, in a process of its own, which may take so long."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, faults.__file__, job, engine, how, str(every), str(first), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, env=environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    return [Disturbed(**json.loads(line, object_hook=_frozen)) for line in ended.stdout.splitlines()]


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def prove(runs: Sequence[Disturbed], job: str) -> None:
    """Hold what came of disturbed runs against what must never be."""
    before = {"creation": "absent", "repair": "old", "check": "old"}[job]
    for each in runs:
        assert each.after in {before, "new"}, each
        assert each.recorded, each
        assert each.said == "", each
        assert (each.again, each.red_again, each.left) == ("old" if job == "check" else "new", (), ()), each
        if each.red == ():
            assert each.after == ("old" if job == "check" else "new"), each


@pytest.mark.parametrize("engine", faults.ENGINES)
def test_a_run_that_is_killed_leaves_nothing_partial_and_nothing_blocked(tmp_path: Path, engine: str) -> None:
    """Fifty kills in all: creation and repair, by both engines."""
    every = {"bundled": 14, "sapgenpse": 7}[engine]
    killed = [(job, disturbed(tmp_path / job, job, engine, "kill", every, 3)) for job in ("creation", "repair")]
    for job, runs in killed:
        assert runs
        assert {each.code for each in runs} == {-9}
        assert {each.red for each in runs} == {None}
        prove(runs, job)
    assert {each.after for _, runs in killed for each in runs} >= {"new"}
    assert sum(len(runs) for _, runs in killed) >= KILLS // 2


@pytest.mark.parametrize("how", REFUSALS)
def test_whatever_is_refused_is_told_and_never_crashes(tmp_path: Path, how: str) -> None:
    for job, engine in (("creation", "bundled"), ("repair", "bundled"), ("creation", "sapgenpse")):
        runs = disturbed(tmp_path / job / engine, job, engine, how, 29, 2)
        assert {each.code for each in runs} == {0}
        prove(runs, job)


def test_a_pse_that_is_swapped_before_any_step_is_judged_as_it_stands(tmp_path: Path) -> None:
    """Only what is swapped after the last look at it, while the evidence is written, is not seen in this run."""
    runs = disturbed(tmp_path, "check", "bundled", SWAPS[0], 2)
    assert {(each.code, each.after, each.said) for each in runs} == {(0, "swapped", "")}
    seen = [bool(each.red) for each in runs]
    assert seen == sorted(seen, reverse=True)
    assert sum(seen) > len(seen) / 4
    assert all(each.red_again for each in runs)


def test_evidence_that_is_swapped_before_any_step_changes_no_verdict(tmp_path: Path) -> None:
    runs = disturbed(tmp_path, "check", "bundled", SWAPS[1], 5)
    assert {(each.code, each.red, each.after, each.said) for each in runs} == {(0, (), "old", "")}
    prove(runs, "check")
