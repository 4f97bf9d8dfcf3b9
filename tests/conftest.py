"""What several test modules need, and how the whole suite is run: on all processors, without its long proofs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kit.places import SAMPLES

pytest_plugins = ["pytester"]

settings.register_profile("any machine", deadline=None)  # how fast a machine is decides no test
settings.load_profile("any machine")

MOST_WORKERS = 8
SLOWEST_ROOMS = ("outside", "run", "conformance", "sapgenpse", "report", "recording", "pse", "chain", "endpoint")
"""Rooms whose tests take most of the time; they come first, so that no worker is left with them at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Know the second tier of tests."""
    config.addinivalue_line(
        "markers", 'long: a proof that takes long; run by `pytest -m long`, or with all others by -m "long or not long"'
    )
    if os.environ.get("PREFLIGHT_NOTE_TESTS"):
        from tests.kit import contexts  # it needs coverage

        config.pluginmanager.register(contexts)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spread the whole suite over the processors; what is named on the command line stays in this process."""
    options = config.option
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not hasattr(config, "workerinput")
    if not is_whole or options.collectonly or options.usepdb or not hasattr(options, "numprocesses"):
        return
    # pytest-cov has begun already to measure one process; with --cov, say -n auto.
    if options.numprocesses is None and not config.pluginmanager.has_plugin("_cov"):
        options.numprocesses = min(config.hook.pytest_xdist_auto_num_workers(config=config), MOST_WORKERS)
    if options.numprocesses and options.dist == "no":
        options.dist = "loadfile"
        options.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long proofs unless they are asked for, and begin with the slowest rooms."""
    if "long" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    room = item.path.parent.name
    return SLOWEST_ROOMS.index(room) if room in SLOWEST_ROOMS else len(SLOWEST_ROOMS)


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of real samples; skip where it is not there."""
    if not SAMPLES.is_dir():
        pytest.skip(f"no samples at {SAMPLES}; name their folder in PREFLIGHT_SAMPLES")
    return SAMPLES


@pytest.fixture(autouse=True)
def no_surprises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own surroundings out of the tests."""
    for name in (
        "PYTEST_ADDOPTS",
        "SECUDIR",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "PSE_PREFLIGHT_SYSTEMS",
    ):
        monkeypatch.delenv(name, raising=False)
