"""Which cases of a test stand in which tier: a few in the first, all of them in the second."""

from collections.abc import Iterable
from typing import Any

import pytest


def first(count: int, cases: Iterable[Any]) -> list[Any]:
    """Return the cases as they are, all but the first few marked as long; a tuple is one of several arguments."""
    values = [each if isinstance(each, tuple) else (each,) for each in cases]
    return [pytest.param(*each, marks=() if at < count else pytest.mark.long) for at, each in enumerate(values)]
