"""The hooks of pytest that report: header, what JUnit gets, summary, result.json and the page."""

import io
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pse_preflight.checklist import CHECKS
from pse_preflight.settings import Settings

if TYPE_CHECKING:
    from pse_preflight.landscape.system import System
    from pse_preflight.report.facts import Carried, CheckFacts, Ended, FindingFacts, Result, SystemFacts
    from pse_preflight.verdict.policy import Outcome

ATTRIBUTE = "pse_preflight_facts"
"""Where a report carries its facts; from a worker of pytest-xdist to its controller, too."""

LONGEST_REASON = 500
_BROKEN_OFF: Mapping[int, str] = {
    pytest.ExitCode.INTERRUPTED: "the run was interrupted",
    pytest.ExitCode.INTERNAL_ERROR: "the run ended with an internal error",
    pytest.ExitCode.USAGE_ERROR: "the run could not be made as it was asked for",
}
_ENDED = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED})


def reports_end(report: pytest.TestReport) -> bool:
    """Tell whether this is the report that says how the check ended."""
    return report.when == "call" or (report.when == "setup" and not report.passed)


def call_errors_by_their_name(report: pytest.TestReport, outcome: "Outcome | None") -> None:
    """Let a check that could not be made be an error, and no failure, wherever it was found out.

    To pytest and to JUnit whatever goes wrong in a test's own body is a failure, and an error lies in its set-up. That
    a check has no proof shows in its body only.
    """
    from pse_preflight.verdict.policy import Verdict

    if report.when == "call" and report.failed and outcome is not None and outcome.verdict is Verdict.ERROR:
        report.when = "setup"


def ended(report: pytest.TestReport) -> "Ended":
    """Return how a check ended; one that could not be made fails in its set-up."""
    if report.skipped:
        return "skipped"
    if report.passed:
        return "passed"
    return "error" if report.when == "setup" else "failed"


def attach(report: pytest.TestReport, carried: "Carried", *, is_worker: bool) -> None:
    """Let a report carry what is known of its check; out of a worker of pytest-xdist as plain values."""
    from pse_preflight.report.facts import packed

    setattr(report, ATTRIBUTE, packed(carried) if is_worker else carried)


def carried_by(report: pytest.TestReport) -> "Carried | None":
    """Return what a report of ours carries, from this process or from a worker."""
    carried = getattr(report, ATTRIBUTE, None)
    if isinstance(carried, dict):
        from pse_preflight.report.facts import Carried, unpacked

        carried = unpacked(Carried, carried)
        setattr(report, ATTRIBUTE, carried)
    return cast("Carried | None", carried)


@dataclass(slots=True, eq=False)
class Reporting:
    """Collects what the checks say in this process and in workers, and tells it in every form.

    Attributes:
        settings: the options.
        systems: the systems that are asked about, by alias.
        page: where the HTML page goes; None where none is wanted.
        notes: what the summary says of the files that were written.
    """

    settings: Settings
    systems: "Mapping[str, System]"
    page: Path | None
    notes: list[str] = field(default_factory=list)
    _checks: "dict[str, CheckFacts]" = field(default_factory=dict)
    _facts: "dict[str, SystemFacts]" = field(default_factory=dict)
    _faults: "dict[str, tuple[FindingFacts, ...]]" = field(default_factory=dict)
    _result: "Result | None" = None
    _is_interrupted: bool = False

    def pytest_keyboard_interrupt(self) -> None:
        """Know that the run was broken off, by Ctrl-C or by a test or plugin, whatever exit code that one gives it."""
        self._is_interrupted = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what the report carries."""
        if carried := carried_by(report):
            self._take(report.nodeid, carried)
        elif report.failed:
            self._take_crash(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show no dot, and count no skip, where systems.yaml gives a check nothing to judge."""
        carried = carried_by(report)
        return ("", "", "NOT CONFIGURED") if carried and carried.check.unconfigured else None

    def pytest_report_header(self) -> list[str]:
        """Say what is in use and what is asked."""
        if not self.systems:
            return []
        from pse_preflight.certificate import now
        from pse_preflight.report.run import run_facts
        from pse_preflight.report.terminal import header

        run = run_facts(self.settings, now())
        first = f"pse-preflight: {run.toolkit} ({run.where}) on {run.host}"
        return [first, *header(list(self.systems.values()), self.settings, run.engine)]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write result.json and the page; a run that did not end says so in both."""
        if not self._checks:
            return
        try:
            self.notes += self._written(self.result(exitstatus))
        except OSError as error:
            self.notes.append(f"ERROR: {error.filename or 'a report'} cannot be written: {error.strerror}")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int, config: pytest.Config) -> Generator[None]:
        """Close with one verdict per system, below whatever else is summed up."""
        yield
        errors = [each for each in self.notes if each.startswith("ERROR")]
        if self._result is None:
            if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
                errors.append("no check was selected, so nothing was asked, and nothing is known")
            for each in errors:
                terminalreporter.write_line(each, red=True)
            return
        from pse_preflight.report.terminal import lines, printable, verdict_lines

        encoding = getattr(terminalreporter._tw._file, "encoding", None)  # noqa: SLF001 - pytest has no other way
        if config.get_verbosity() < 0:
            told = [*verdict_lines(self._result), *errors]
        else:
            terminalreporter.section("pse-preflight")
            told = [*lines(self._result, verbose=config.get_verbosity() > 0, below=len(self.notes)), *self.notes]
        for line in told:
            terminalreporter.write_line(printable(line, encoding), **_colour(line, self._result))

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Let a console that lacks a letter show an escape for it; pytest would escape the whole message."""
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        stream = terminal._tw._file if terminal and self.systems else None  # noqa: SLF001 - pytest has no other way
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")

    def tells_all(self, red: int, verbosity: int) -> bool:
        """Tell whether the closing lines will say as much of so many red reports as is wanted."""
        told = [each for each in self._checks.values() if each.ended in {"failed", "error"} and each.codes]
        if len(told) != red or verbosity > 0 or self._result is None:
            return False
        from pse_preflight.report.terminal import leaves_out

        return verbosity < 0 or (len(self.systems) == 1 and not leaves_out(self._result, len(self.notes)))

    def heard(self) -> set[str]:
        """Return the systems of which a check has ended."""
        return {each.alias for each in self._checks.values()}

    @property
    def made(self) -> "Result | None":
        """Return what the run has found, once that is known."""
        return self._result

    def result(self, exitstatus: int) -> "Result":
        """Return what the run has found; it is put together once, when all checks have ended."""
        if self._result is None:
            self._result = self._made(self._broken_off(exitstatus))
        return self._result

    def _broken_off(self, exitstatus: int) -> str:
        if self._is_interrupted:
            return _BROKEN_OFF[pytest.ExitCode.INTERRUPTED]
        return _BROKEN_OFF.get(exitstatus, "" if exitstatus in _ENDED else f"the run ended with exit code {exitstatus}")

    def _take(self, nodeid: str, carried: "Carried") -> None:
        self._checks[nodeid], self._faults[nodeid] = carried.check, carried.faults
        if carried.system:
            self._facts[carried.system.alias] = carried.system

    def _take_crash(self, report: pytest.TestReport) -> None:
        """Keep that a check did not end well: its process of pytest-xdist ended in the middle of it, or just after."""
        from pse_preflight.report.facts import CheckFacts

        name, _, rest = report.nodeid.rpartition("::")[2].partition("[")
        alias = rest.removesuffix("]")
        known = self._checks.get(report.nodeid)
        is_red = known is not None and known.ended in {"failed", "error"}
        if alias in self.systems and name in CHECKS and not is_red:
            self._checks[report.nodeid] = CheckFacts(
                alias=alias,
                name=name,
                question=CHECKS[name].question.value,
                ended="error",
                codes=(),
                reason=str(report.longrepr)[:LONGEST_REASON],
            )

    def _made(self, broken_off: str) -> "Result":
        from pse_preflight.certificate import now
        from pse_preflight.report.facts import SystemFacts, result
        from pse_preflight.report.run import run_facts

        facts: dict[str, SystemFacts | None] = {alias: self._facts.get(alias) for alias in self.systems}
        for nodeid, check in self._checks.items():
            known = facts.get(check.alias)
            if known and self._faults.get(nodeid):
                facts[check.alias] = known.with_faults(self._faults[nodeid])
        run = replace(run_facts(self.settings, now()), broken_off=broken_off)
        return result(run, self._checks.values(), facts)

    def _written(self, result: "Result") -> list[str]:
        from pse_preflight.report.result import write

        notes = [f"result: {write(result, self.settings.evidence)}"]
        if self.page:
            from pse_preflight.report.page import write_page

            notes.append(f"page: {write_page([result], self.page)}")
        return notes


def _colour(line: str, result: "Result") -> dict[str, bool]:
    """Return how a verdict's own line is coloured; other lines are left as they are."""
    for each in result.systems:
        if line.startswith((f"{each.alias} ", f"{each.alias}:")):
            return {"OK": {"green": True}, "FAILED": {"red": True}}.get(each.verdict, {"yellow": True})
    return {}
