"""What is said while systems are waited for: the names, how long, where, and never into a check's failure."""

import io
import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

from pse_preflight.certificate import now
from pse_preflight.report.progress import LOG_SECONDS, SCREEN_SECONDS, OfWorkers, Progress
from pse_preflight.run import all_systems
from pse_preflight.run.all_systems import Gathering
from pse_preflight.settings import Settings
from tests.kit.places import SOURCES
from tests.kit.runs import PARALLEL, run_checks, run_module, surroundings
from tests.kit.servers import Connection, answering_like_abap, serve, serve_tls, silent
from tests.kit.systems import server, system

WIDTH = 80


class _Screen(io.StringIO):
    """A terminal, or a file, that output goes to."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def visible(self) -> list[str]:
        """Return the lines as they stand on the screen, whatever was overwritten."""
        return [_overwritten(line).rstrip() for line in self.getvalue().split("\n")]


def _overwritten(line: str) -> str:
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


@dataclass
class Wait:
    """A run that waits, seen from outside; the clock is the test's."""

    config: pytest.Config
    is_terminal: bool
    verbosity: int = 0
    now: float = 0.0
    screen: _Screen = field(init=False)
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.screen = _Screen(is_terminal=self.is_terminal)
        self._terminal = TerminalReporter(self.config, self.screen)
        self._terminal._tw.fullwidth = WIDTH
        self.progress = Progress(self, lambda: self.now)  # type: ignore[arg-type] # all of a Config that it asks for

    @property
    def pluginmanager(self) -> "Wait":
        return self

    def get_plugin(self, name: str) -> Any:
        return self._terminal if name == "terminalreporter" else None

    def get_verbosity(self) -> int:
        return self.verbosity

    def dot(self) -> None:
        """A check has ended."""
        self.progress.pytest_runtest_logreport()
        self._terminal.write(".")

    def at(self, second: float, *awaited: str, every: int = 5) -> list[str]:
        """Wait at this second; return what then stands on the screen."""
        self.now = second
        self.progress(awaited, every)
        return [line for line in self.screen.visible if line]


def test_on_a_terminal_one_line_is_kept_up_to_date(pytestconfig: pytest.Config) -> None:
    wait = Wait(pytestconfig, is_terminal=True)
    wait.dot()
    assert wait.at(0, "PRD", "QAS") == ["."]
    assert wait.at(SCREEN_SECONDS - 0.1, "PRD", "QAS") == ["."]
    assert wait.at(12, "QAS", "PRD") == [".", "waiting for PRD, QAS (3 of 5 done), for 12 s"]
    assert wait.at(13.4, "QAS") == [".", "waiting for QAS (4 of 5 done), for 13 s"]
    wait.dot()
    assert [line for line in wait.screen.visible if line] == [".", "."]


def test_in_a_log_a_line_is_written_now_and_then(pytestconfig: pytest.Config) -> None:
    wait = Wait(pytestconfig, is_terminal=False)
    for second in range(int(LOG_SECONDS) * 3):
        wait.at(second, "PRD", every=1)
    assert wait.at(LOG_SECONDS * 3, "PRD", every=1) == [
        "waiting for PRD, for 10 s",
        "waiting for PRD, for 20 s",
        "waiting for PRD, for 30 s",
    ]
    assert "\r" not in wait.screen.getvalue()
    wait.dot()
    assert wait.screen.visible[-1] == "."


def test_of_many_the_first_are_named_and_the_line_is_not_longer_than_the_screen(pytestconfig: pytest.Config) -> None:
    wait = Wait(pytestconfig, is_terminal=True)
    wait.at(0, "a")
    assert wait.at(9, *"gfedcba", every=200) == ["waiting for a, b, c and 4 more (193 of 200 done), for 9 s"]
    (line,) = wait.at(10, "x" * 300)
    assert len(line) < WIDTH


@pytest.mark.parametrize("is_terminal", [False, True])
def test_nothing_is_said_in_a_short_wait_under_q_or_when_all_are_done(
    pytestconfig: pytest.Config, *, is_terminal: bool
) -> None:
    assert Wait(pytestconfig, is_terminal=is_terminal).at(999, "PRD") == []
    quiet = Wait(pytestconfig, is_terminal=is_terminal, verbosity=-1)
    assert quiet.at(0, "PRD") == quiet.at(99, "PRD") == []
    done = Wait(pytestconfig, is_terminal=is_terminal)
    assert done.at(0, "PRD") == done.at(99) == []


def test_a_worker_has_no_screen(pytestconfig: pytest.Config) -> None:
    wait = Wait(pytestconfig, is_terminal=False)
    wait._terminal = None  # type: ignore[assignment]
    assert wait.at(0, "PRD") == wait.at(99, "PRD") == []


def _of_workers(wait: Wait, heard: list[str]) -> OfWorkers:
    return OfWorkers(wait.progress, ["DEV", "PRD", "QAS"], lambda: heard, lambda: wait.now)


def test_while_workers_wait_the_controller_says_for_whom(pytestconfig: pytest.Config) -> None:
    wait, heard = Wait(pytestconfig, is_terminal=False), ["QAS"]
    workers = _of_workers(wait, heard)
    for second in range(int(LOG_SECONDS) * 2 + 2):
        wait.now = second
        workers.look()
    told = [line for line in wait.screen.visible if line]
    assert told == [f"waiting for DEV, PRD (1 of 3 done), for {seconds} s" for seconds in (10, 20)]
    heard += ["DEV", "PRD"]
    wait.now += LOG_SECONDS
    workers.look()
    assert [line for line in wait.screen.visible if line] == told


def test_while_reports_come_in_nothing_is_said_between_them(pytestconfig: pytest.Config) -> None:
    wait = Wait(pytestconfig, is_terminal=True)
    workers = _of_workers(wait, [])
    for second in range(9):
        wait.now = second
        hook = workers.pytest_runtest_logreport()
        next(hook)
        with pytest.raises(StopIteration):
            hook.send(None)
        wait.now += SCREEN_SECONDS / 2
        workers.look()
    assert not [line for line in wait.screen.visible if line]
    wait.now += SCREEN_SECONDS
    workers.look()
    wait.now += SCREEN_SECONDS
    workers.look()
    assert [line for line in wait.screen.visible if line] == ["waiting for DEV, PRD, QAS (0 of 3 done), for 1 s"]


@pytest.mark.long
def test_a_run_of_workers_tells_whom_it_awaits(tmp_path: Path) -> None:
    with serve(silent) as server:
        options = (f"--system=https://127.0.0.1:{server.port}", "-m", "chain", "-p", "quick", *PARALLEL)
        (tmp_path / "quick.py").write_text(QUICK, encoding="utf-8")
        paths = os.pathsep.join((str(tmp_path), str(SOURCES)))
        ran = run_checks(tmp_path, *options, environment=surroundings(PYTHONPATH=paths))
    assert ran.returncode == 1
    before, _, failures = ran.stdout.partition("= FAILURES =")
    assert re.search(r"^waiting for 127.0.0.1_\d+, for \d+ s$", before, re.MULTILINE), ran.stdout
    assert "waiting for" not in failures


QUICK = """
from pse_preflight.endpoint.model import Limits
from pse_preflight.report import progress
from pse_preflight.run import all_systems

progress.SCREEN_SECONDS = progress.LOG_SECONDS = progress._LOOK_SECONDS = 0.05
all_systems.Limits = lambda: Limits(tls=0.3)
"""

WAITS = """
import pytest
from pse_preflight.report.progress import Progress

@pytest.fixture
def slow(request):
    print("the check's own words")
    seconds = iter(range(0, 100, 11))
    progress = Progress(request.config, lambda: next(seconds))
    progress(["PRD"], 2)
    progress(["PRD"], 2)

def test_waits(slow):
    assert False
"""


@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_the_captured_output_of_a_failing_check_does_not_hold_it(tmp_path: Path, capture: str) -> None:
    (tmp_path / "test_waits.py").write_text(WAITS, encoding="utf-8")
    ran = run_module("pytest", f"--capture={capture}", "-p", "no:cacheprovider", "test_waits.py", folder=tmp_path)
    before, _, failures = ran.stdout.partition("= FAILURES =")
    assert "\nwaiting for PRD (1 of 2 done), for 11 s\n" in before
    assert "waiting for" not in failures
    assert ("the check's own words" in failures) == (capture != "no")


def test_a_run_tells_which_systems_it_awaits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_systems, "_INTERRUPTIBLE_SECONDS", 0.01)
    released, identity, told = threading.Event(), server(), []

    def hesitates(connection: Connection) -> None:
        released.wait(20)
        answering_like_abap()(connection)

    def look_on(awaited: list[str], every: int) -> None:
        told.append((awaited, every))
        if awaited == ["SLOW"]:
            released.set()

    with serve_tls(identity) as quick, serve_tls(identity, talk=hesitates) as slow:
        systems = [
            system(alias, served.port, tmp_path / f"{alias}.pse", folder=tmp_path / alias)
            for alias, served in (("QUICK", quick), ("SLOW", slow))
        ]
        settings = Settings(evidence=tmp_path, engine="bundled")
        run = Gathering(systems, settings, clock=now, asked=["QUICK", "SLOW"], creating=[])
        run.progress = look_on  # type: ignore[assignment] # a list is what it is given
        evidence = run.evidence("SLOW")
    assert (["SLOW"], 2) in told
    assert evidence.endpoint is not None
    assert evidence.endpoint.http is not None
