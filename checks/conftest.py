"""Give the checks in this folder, and no other tests, their fixtures and one case per system."""

import pytest
from pse_preflight.fixtures import (
    attempt,
    chain,
    client,
    endpoint,
    evidence,
    hand_out,
    holds,
    live,
    period,
    pse,
    system,
    trust,
)

from pse_preflight.plugin import claim
from pse_preflight.plugin import parametrise as pytest_generate_tests

__all__ = [
    "attempt",
    "chain",
    "client",
    "endpoint",
    "evidence",
    "holds",
    "live",
    "period",
    "pse",
    "pytest_generate_tests",
    "pytest_itemcollected",
    "system",
    "trust",
]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Take a check for ours, and see to what it is given."""
    claim(item)
    if isinstance(item, pytest.Function):
        hand_out(item)
