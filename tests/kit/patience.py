"""How long a test waits for what has to end, on a machine that is busy with something else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 25.0
"""Seconds: far more than a limit of a test takes anywhere, far less than its server, its tool or the next limit."""


@contextmanager
def in_time() -> Iterator[None]:
    """Fail where what is done within has waited for its peer instead of its own limit."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONGEST, "it ended, and not by its own limit"
