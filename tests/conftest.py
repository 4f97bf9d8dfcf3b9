"""What several test modules need."""

import os
from pathlib import Path

import pytest

from tests.kit.places import SAMPLES

pytest_plugins = ["pytester"]

# It has done its work in this process; the runs that the tests start are to look the same without it.
os.environ.pop("PYTEST_ADDOPTS", None)


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of real samples; skip where it is not there."""
    if not SAMPLES.is_dir():
        pytest.skip(f"no samples at {SAMPLES}; name their folder in PREFLIGHT_SAMPLES")
    return SAMPLES


@pytest.fixture(autouse=True)
def no_surprises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own surroundings out of the tests."""
    for name in ("SECUDIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "PSE_PREFLIGHT_SYSTEMS"):
        monkeypatch.delenv(name, raising=False)
