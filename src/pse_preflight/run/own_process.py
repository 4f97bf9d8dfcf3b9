"""A process of its own that asks many systems: what asks and judges has one processor, pytest another.

What is to be done goes there, and the evidence comes back, as pickles through two pipes that nothing else writes into.
"""

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Timer
from typing import IO, cast

from pse_preflight.endpoint.model import Limits
from pse_preflight.errors import PreflightError
from pse_preflight.landscape.system import System
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence

HELLO = "ready"
BUSY = "busy"
"""Said now and then by a process that has nothing else to say."""
PROTOCOL = 5
LONGEST_SILENCE = 60.0
"""Seconds after which a process that says nothing does not work any more."""

_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from pse_preflight.run.own_process_main import main; main()"
_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be asked.

    Attributes:
        systems: whom to ask.
        settings: the options.
        asked: aliases of the systems whose network may be asked.
        creating: aliases of the systems whose missing PSE may be made.
        limits: what a system may cost on the network.
    """

    systems: tuple[System, ...]
    settings: Settings
    asked: frozenset[str]
    creating: frozenset[str]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAnswer:
    """What became of one system.

    Attributes:
        alias: the system.
        seconds: how long it took.
        evidence: what is known of it; None where it could not be judged.
        problem: why not, for the user.
        crash: why not, where this is a fault of the program: its traceback.
    """

    alias: str
    seconds: float
    evidence: Evidence | None = None
    problem: str = ""
    crash: str = ""

    @property
    def error(self) -> Exception | None:
        """Return what is to be raised where the system is asked for; None where it was judged."""
        if self.crash:
            return RuntimeError(self.crash)
        return PreflightError(self.problem) if self.problem else None


class OwnProcess:
    """The process, seen from pytest's."""

    def __init__(self) -> None:
        """Start it; it loads what it needs while pytest collects, and waits for work.

        Raises:
            OSError: where it cannot be started.
        """
        # -I: neither the environment nor the working folder decides what is loaded before sys.path is this one's.
        flags = ["-I", *(["-B"] if sys.dont_write_bytecode else []), *(["-X", "utf8"] if sys.flags.utf8_mode else [])]
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._answers = pickle.Unpickler(_piped(self._process.stdout))  # noqa: S301 - from the process started above
        self._left = 0

    def takes(self, work: Work) -> bool:
        """Give it what is to be done; tell whether it has begun, so that this process must not."""
        try:
            if self._heard() == HELLO:
                stdin = _piped(self._process.stdin)
                pickle.dump(work, stdin, PROTOCOL)
                stdin.flush()
                self._left = len(work.systems)
                return True
        except Exception:  # noqa: BLE001, S110 - it has ended, or something else speaks in its place, in whatever form
            pass
        self.end()
        return False

    def answers(self) -> Iterator[SystemAnswer]:
        """Yield what became of each system, in the order in which they end; fewer where the process ends before."""
        try:
            while self._left:
                answer = self._heard()
                if answer != BUSY:
                    self._left -= 1
                    yield cast("SystemAnswer", answer)
        except (EOFError, pickle.UnpicklingError):
            return
        finally:
            self.end()

    def _heard(self) -> object:
        """Return what it says next; a process that is silent for too long is ended."""
        watch = Timer(LONGEST_SILENCE, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            return self._answers.load()
        finally:
            watch.cancel()

    def end(self) -> None:
        """End it where it has got no work, or is not done with it; it ends when nobody can hear it any more."""
        with contextlib.suppress(OSError):
            _piped(self._process.stdin).close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _piped(self._process.stdout).close()


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", stream)
