"""What the process of its own does that asks many systems; `own_process` is pytest's end of it."""

import contextlib
import os
import pickle
import signal
import sys
import threading
import traceback
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import IO, NoReturn

from pse_preflight.certificate import now
from pse_preflight.chain.roots import named_roots
from pse_preflight.errors import PreflightError
from pse_preflight.files import leave_owner_rights
from pse_preflight.run.all_systems import AskedSystem, Gathering
from pse_preflight.run.own_process import BUSY, HELLO, PROTOCOL, SystemAnswer, Work

PACE = 0.015
"""Seconds between two systems, so that the first is judged while the last is not asked yet."""
BEAT = 5.0
"""Seconds after which this process says that it is still there."""


def main() -> NoReturn:
    """Ask whom the standard input names, and answer on the standard output; end as soon as nobody listens."""
    signal.signal(signal.SIGINT, lambda *_: None)  # pytest hears Ctrl-C, too, and decides what becomes of the run
    given, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    leave_owner_rights()
    with contextlib.suppress(EOFError, OSError):
        sender = Sender(answers)
        work: Work = pickle.load(given)  # noqa: S301 - from the process that has started this one
        threading.Thread(target=_end_with, args=(given,), daemon=True).start()
        sender.do(work)
    os._exit(0)  # threads that still wait for a network are not waited for


class Sender:
    """Does the work, and sends the answers: what systems have in common, Mozilla's list for example, is sent once."""

    def __init__(self, answers: IO[bytes]) -> None:
        """Load what most systems need, since pytest is still collecting, and say that work may come."""
        self._answers = answers
        self._pickler = pickle.Pickler(answers, PROTOCOL)
        named_roots("mozilla")
        self._send(HELLO)

    def do(self, work: Work) -> None:
        """Ask the systems, and answer in the order in which they end.

        Raises:
            OSError: where nobody hears the answers.
        """
        ended: SimpleQueue[AskedSystem] = SimpleQueue()
        gathering = Gathering(
            work.systems, work.settings, clock=now, asked=work.asked, creating=work.creating, limits=work.limits
        )
        gathering.ended = ended.put
        threading.Thread(target=gathering.start, args=(PACE,), daemon=True).start()
        for _ in work.systems:
            self._send(_answer(self._next(ended)))

    def _next(self, ended: "SimpleQueue[AskedSystem]") -> AskedSystem:
        while True:
            try:
                return ended.get(timeout=BEAT)
            except Empty:
                self._send(BUSY)

    def _send(self, value: object) -> None:
        self._pickler.dump(value)
        self._answers.flush()


def _end_with(given: IO[bytes]) -> None:
    """End this process when pytest's has ended: then nothing comes any more."""
    given.read(1)
    os._exit(0)


def _answer(asked: AskedSystem) -> SystemAnswer:
    """Return what became of a system; what its judgement kept to spare asking twice does not go along."""
    error = asked.error
    is_ours = isinstance(error, PreflightError)
    return SystemAnswer(
        alias=asked.system.alias,
        seconds=asked.seconds,
        evidence=replace(asked.evidence, question=None, case=None) if asked.evidence else None,
        problem=str(error) if is_ours else "",
        crash="".join(traceback.format_exception(error)) if error and not is_ours else "",
    )
