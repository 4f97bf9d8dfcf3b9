"""How long systems were waited for, apart from what the checks themselves take: each is booked where it belongs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Waiting:
    """The seconds for which somebody has waited, each handed out once.

    Attributes:
        clock: seconds that only grow.
    """

    clock: Callable[[], float] = time.perf_counter
    _passed: float = 0.0
    _booked: set[str] = field(default_factory=set)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Count the time inside as waiting."""
        begun = self.clock()
        try:
            yield
        finally:
            self._passed += self.clock() - begun

    def taken(self) -> float:
        """Return the seconds waited since this was last asked."""
        seconds, self._passed = self._passed, 0.0
        return seconds

    def is_booked(self, system: str) -> bool:
        """Tell whether the time of a system has been booked."""
        return system in self._booked

    def owed(self, system: str, seconds: float) -> float:
        """Return the seconds that a system took; they are booked now."""
        self._booked.add(system)
        return seconds
