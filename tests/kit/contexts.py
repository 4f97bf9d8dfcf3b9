"""Has coverage note which test of the rooms that judge reaches what: `PREFLIGHT_NOTE_TESTS=1 pytest -n auto --cov`.

It is what `--cov-context=test` does, for those tests alone that benchmarks/mutants.py chooses from first; writing it
down takes as long as many a test.
"""

from collections.abc import Generator

import pytest
from coverage import Coverage

ROOMS = tuple(
    f"tests/{room}/" for room in ("chain", "verdict", "client_pse", "pse", "sapgenpse", "landscape", "endpoint")
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note what one test reaches."""
    measured = Coverage.current()
    if measured is None or not item.nodeid.startswith(ROOMS):
        return (yield)
    measured.switch_context(f"{item.nodeid}|run")
    try:
        return (yield)
    finally:
        measured.switch_context("")
