"""Give the checks in this folder, and no other tests, their fixtures and one case per system."""

from pse_preflight.fixtures import (
    attempt,
    chain,
    client,
    endpoint,
    evidence,
    holds,
    live,
    period,
    pse,
    system,
    trust,
)
from pse_preflight.fixtures import hand_out as pytest_runtest_setup

from pse_preflight.plugin import claim as pytest_itemcollected
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
    "pytest_runtest_setup",
    "system",
    "trust",
]
