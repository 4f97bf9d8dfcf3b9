"""What a run of `pse-preflight check` shows otherwise than pytest: no names of files, no settings, nothing twice."""

from collections.abc import Generator
from typing import Any

import pytest

QUIET = -1
"""The verbosity of -q."""

TestStatus = tuple[str, str, str | tuple[str, Any]]
"""How pytest counts and shows the end of a check: category, letter and word."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Show dots without the file that a check stands in; with -q no dots, and nothing but the verdicts."""
    if terminal := config.pluginmanager.get_plugin("terminalreporter"):
        terminal.showfspath = False
        if config.get_verbosity() == QUIET and not config.option.collectonly:
            config.option.verbose -= 1  # pytest's own summary goes, too
            _swallow_first_empty_line(terminal._tw)  # noqa: SLF001 - pytest has no other way


def _swallow_first_empty_line(writer: Any) -> None:
    """Leave out the line by which pytest ends a row of dots, though there is none."""
    write = writer.line

    def line(text: str = "", **markup: bool) -> None:
        writer.line = write
        if text:
            write(text, **markup)

    writer.line = line


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_report_teststatus(config: pytest.Config) -> Generator[None, TestStatus, TestStatus]:
    """Show no dots with -q; what is counted stays."""
    status = yield
    return (status[0], "", "") if config.get_verbosity() <= QUIET else status


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Show our own lines of the header, which pytest has been told to leave out, below its first line."""
    yield
    plugins = session.config.pluginmanager
    terminal, reporting = plugins.get_plugin("terminalreporter"), plugins.get_plugin("pse_preflight.report")
    if terminal and reporting and session.config.get_verbosity() >= 0:
        for line in reporting.pytest_report_header():
            terminal.write_line(line)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Generator[None]:
    """Leave out pytest's list of failures where the closing lines tell each of them with its fix.

    After Ctrl-C pytest would also say in which line of our code the run was; nobody has to know that.
    """
    interrupted = getattr(terminalreporter, "_keyboardinterrupt_memo", None)
    if interrupted is not None and interrupted.reprcrash is not None and not config.option.fulltrace:
        interrupted.reprcrash.message = "interrupted"
    reporting = config.pluginmanager.get_plugin("pse_preflight.report")
    red = sum(len(terminalreporter.stats.get(each, ())) for each in ("failed", "error"))
    if config.option.tbstyle == "auto" and reporting and reporting.tells_all(red, config.get_verbosity()):
        config.option.tbstyle = "no"
    yield
