"""Give the round trips the program, a folder and the record."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from pse_preflight.certificate import Certificate, now
from pse_preflight.conformance import record
from pse_preflight.conformance.record import Recorded
from pse_preflight.demo.authority import root_authority
from pse_preflight.plugin import RUN
from pse_preflight.sapgenpse.tool import InstalledTool, ToolMissing, find_tool

RECORD = "sapgenpse-conformance.txt"


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Return the program; at the end the record of all answers is written into the folder for evidence."""
    settings = pytestconfig.stash[RUN].settings
    try:
        tool = cast("InstalledTool", find_tool("sapgenpse", settings.sapgenpse))
    except ToolMissing as error:
        pytest.fail(f"{error}; {error.fix}", pytrace=False)
    recorded = Recorded(replace(tool, seconds=record.SECONDS), tmp_path_factory.mktemp("conformance"))
    yield recorded
    settings.evidence.mkdir(parents=True, exist_ok=True)
    path = settings.evidence / RECORD
    path.write_text(recorded.text(), encoding="utf-8")
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\nwhat the program said is in {path}")


@pytest.fixture
def talk(program: Recorded, request: pytest.FixtureRequest) -> Recorded:
    """Return the program; its answers are kept under the name of the test."""
    program.title = str(request.node.name).removeprefix("test_").replace("_", " ")
    return program


@pytest.fixture(scope="session")
def authorities() -> tuple[Certificate, ...]:
    """Return a root and an intermediate of this run."""
    root = root_authority("Conformance Root", now() - timedelta(days=1), 1000)
    issuing = root.issue_authority("Conformance Issuing CA", now() - timedelta(days=1), 500)
    return Certificate.of(root.certificate), Certificate.of(issuing.certificate)


@pytest.fixture
def pse(program: Recorded, request: pytest.FixtureRequest) -> Path:
    """Return a path where no PSE stands."""
    return program.folder / f"{request.node.name}.pse"
