"""What a run of many systems does otherwise than one of few: a process of its own asks them."""

import contextlib
import os
import sys
from collections.abc import Collection

import pytest

from pse_preflight.landscape.system import System, needs_nothing
from pse_preflight.run.own_process import OwnProcess

FEWEST = 48
"""With fewer systems, a process of its own takes longer to begin than it spares."""


def are_many(systems: Collection[System]) -> bool:
    """Tell whether a process of its own asks so many systems sooner, and can be had."""
    has_python = bool(sys.executable) and not getattr(sys, "frozen", False)  # the program of one file starts itself
    are_as_they_are = all(each.prepare is needs_nothing for each in systems)
    return len(systems) >= FEWEST and _processors() > 1 and has_python and are_as_they_are


class ManySystems:
    """Hooks of a run of many systems.

    Attributes:
        process: the process that asks; None until checks are collected, and where none can be started.
    """

    def __init__(self) -> None:
        """Have no process yet."""
        self.process: OwnProcess | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Let the process load what it needs while checks are collected."""
        if not session.config.option.collectonly:
            with contextlib.suppress(OSError):  # then threads of this process ask
                self.process = OwnProcess()

    def pytest_unconfigure(self) -> None:
        """Leave no process behind."""
        if self.process:
            self.process.end()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
