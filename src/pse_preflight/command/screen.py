"""What a run of `pse-preflight check` shows otherwise than pytest: no names of files, and no settings of pytest's."""

from collections.abc import Generator

import pytest


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Show dots without the file that a check stands in."""
    if terminal := config.pluginmanager.get_plugin("terminalreporter"):
        terminal.showfspath = False


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Show our own lines of the header, which pytest has been told to leave out, below its first line."""
    yield
    plugins = session.config.pluginmanager
    terminal, reporting = plugins.get_plugin("terminalreporter"), plugins.get_plugin("pse_preflight.report")
    if terminal and reporting and session.config.get_verbosity() >= 0:
        for line in reporting.pytest_report_header():
            terminal.write_line(line)
