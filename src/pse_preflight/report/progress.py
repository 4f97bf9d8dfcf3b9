"""What is said while systems are waited for: whom, and for how long; never into a failing check's captured output."""

import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

SCREEN_SECONDS = 1.0
"""On a terminal one line is kept up to date."""
LOG_SECONDS = 10.0
"""A pipeline's log gets a line of its own each time."""

_NAMED = 3
_LOOK_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Progress:
    """Tells whoever looks on which systems are still awaited; never under -q.

    Attributes:
        clock: seconds that only grow.
    """

    config: pytest.Config
    clock: Callable[[], float] = time.monotonic
    _begun: float | None = None
    _told: float = 0.0
    _is_on_screen: bool = False

    def __call__(self, awaited: Sequence[str], every: int) -> None:
        """Take note of which of so many systems are awaited just now."""
        terminal = self._terminal()
        if terminal is None or not awaited or self.config.get_verbosity() < 0:
            return
        now = self.clock()
        if self._begun is None:
            self._begun = self._told = now
        if now - self._told < (SCREEN_SECONDS if terminal.isatty else LOG_SECONDS):
            return
        self._told = now
        with _uncaptured(self.config):
            self._tell(terminal, _text(awaited, every, now - self._begun))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        """Make room for the dot of a check."""
        self._clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Make room for the end, which may be that of Ctrl-C."""
        self._clear()

    def _terminal(self) -> Any:
        """Return what writes on the terminal; a worker of pytest-xdist has none."""
        return self.config.pluginmanager.get_plugin("terminalreporter")

    def _tell(self, terminal: Any, text: str) -> None:
        if not self._is_on_screen:
            _begin_line(terminal)
        if terminal.isatty:
            self._is_on_screen = True
            terminal.rewrite(text[: terminal._tw.fullwidth - 1], erase=True)  # noqa: SLF001 - pytest has no other way
        else:
            terminal.write_line(text)
        terminal.flush()

    def _clear(self) -> None:
        if self._is_on_screen and (terminal := self._terminal()):
            terminal.rewrite("", erase=True)
            terminal.write("\r", flush=True)
        self._is_on_screen = False


@dataclass(slots=True, eq=False)
class OfWorkers:
    """Tells whom the workers of pytest-xdist are waiting for: they have no screen, and the controller asks nobody.

    Attributes:
        progress: what writes on the screen.
        systems: the systems of the run, by alias.
        heard: returns the systems of which a check has ended.
        clock: seconds that only grow.
    """

    progress: Progress
    systems: Collection[str]
    heard: Callable[[], Collection[str]]
    clock: Callable[[], float] = time.monotonic
    _last: float = 0.0
    _writing: threading.RLock = field(default_factory=threading.RLock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Begin to look where workers do the asking."""
        if session.config.pluginmanager.has_plugin("dsession"):
            self._last = self.clock()
            self._thread = threading.Thread(target=self._look_on, name="progress", daemon=True)
            self._thread.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None]:
        """Let nothing be written between the parts of what a report writes."""
        with self._writing:
            self._last = self.clock()
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None]:
        """Let nothing be written between the parts of what the end of a test writes."""
        with self._writing:
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def look(self) -> None:
        """Tell of the systems that are awaited, unless reports are coming in."""
        with self._writing:
            if self.clock() - self._last >= SCREEN_SECONDS:
                heard = self.heard()
                self.progress([each for each in self.systems if each not in heard], len(self.systems))

    def _look_on(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.look()


def _begin_line(terminal: Any) -> None:
    """Leave a line that dots stand on."""
    terminal.ensure_newline()
    if terminal._tw.width_of_current_line:  # noqa: SLF001 - as above
        terminal.write_line("")


def _text(awaited: Sequence[str], every: int, seconds: float) -> str:
    names = sorted(awaited)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    done = f" ({every - len(names)} of {every} done)" if every > 1 else ""
    return f"waiting for {', '.join(names[:_NAMED])}{more}{done}, for {seconds:.0f} s"


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    """Write past the capture that is on while a check is prepared; it would come back inside the check's failure."""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if capture is None:
        yield
        return
    with capture.global_and_fixture_disabled():
        yield
