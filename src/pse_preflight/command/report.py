"""`pse-preflight report FORM FILE…`: what runs have found, in another form, made from their files."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pse_preflight.command.arguments import CommandParser, near
from pse_preflight.errors import UsageProblem
from pse_preflight.files import write_whole
from pse_preflight.report import exchange, github, monitoring
from pse_preflight.report.facts import Result
from pse_preflight.report.page import write_page
from pse_preflight.report.result import ResultUnreadable, read
from pse_preflight.report.terminal import joined_lines, lines

PAGE = "trust.html"
_MOST_HOURS = 100 * 366 * 24


def run(arguments: Sequence[str]) -> int:
    """Show or write the report; return 1 if a system in it is red, else 0.

    Raises:
        UsageProblem: where the form is not known.
        ResultUnreadable: where a file is no result of a run.
    """
    parser = CommandParser("report", "Show what runs have found, in another form.")
    parser.add_argument("form", metavar="FORM", help=", ".join(f"{name}: {told}" for name, (told, _) in FORMS.items()))
    parser.add_argument(
        "file", nargs="+", metavar="FILE", help="result.json of a run, or its pack; for github its JUnit report"
    )
    parser.add_argument("--output", metavar="FILE", help=f"write it there, whole or not at all (page: {PAGE})")
    parser.add_argument(
        "--max-age",
        metavar="HOURS",
        type=_hours,
        default=timedelta(hours=monitoring.MAX_AGE_HOURS),
        help=f"for nagios and checkmk: a result that is older is no answer ({monitoring.MAX_AGE_HOURS})",
    )
    asked = parser.read(arguments)
    if asked.form not in FORMS:
        raise UsageProblem(f"{asked.form}: no such form{near(asked.form, FORMS)} (forms: {', '.join(FORMS)})")
    _, make = FORMS[asked.form]
    return make([Path(each) for each in asked.file], asked)


def _table(files: Sequence[Path], asked: argparse.Namespace) -> int:
    results = [read(each) for each in files]
    (first, *others) = results
    alone = [f"{first.run.machine}, {first.run.minute}", *lines(first, verbose=False)]
    _put("\n".join(joined_lines(results) if others else alone), asked.output)
    return _exit_code(results)


def _page(files: Sequence[Path], asked: argparse.Namespace) -> int:
    results, output = [read(each) for each in files], Path(asked.output or PAGE)
    try:
        print(f"page: {write_page(results, output)}")
    except OSError as error:
        raise UsageProblem(f"{output} cannot be written: {error.strerror}") from None
    return _exit_code(results)


def _github(files: Sequence[Path], asked: argparse.Namespace) -> int:
    if asked.output:
        raise UsageProblem("github writes to standard output and to $GITHUB_STEP_SUMMARY; leave --output out")
    return max(github.run([str(each)], os.environ, sys.stdout) for each in files)


def _nagios(files: Sequence[Path], asked: argparse.Namespace) -> int:
    """Be a plugin: whatever happens is one line and one of its four exit codes."""
    try:
        state, told = monitoring.nagios(_watch([read(each) for each in files], asked))
    except ResultUnreadable as error:
        state, told = monitoring.PluginState.UNKNOWN, monitoring.unknown(str(error))
    _put(told, asked.output)
    return state.value


def _checkmk(files: Sequence[Path], asked: argparse.Namespace) -> int:
    try:
        results = [read(each) for each in files]
    except ResultUnreadable as error:
        _put(monitoring.checkmk_unknown(str(error)), asked.output)
        return 1
    _put(monitoring.checkmk(_watch(results, asked)), asked.output)
    return _exit_code(results)


def _prometheus(files: Sequence[Path], asked: argparse.Namespace) -> int:
    results = [read(each) for each in files]
    _put(monitoring.prometheus(_watch(results, asked)).rstrip("\n"), asked.output)
    return _exit_code(results)


def _sarif(files: Sequence[Path], asked: argparse.Namespace) -> int:
    return _json(exchange.sarif, files, asked)


def _ctrf(files: Sequence[Path], asked: argparse.Namespace) -> int:
    return _json(exchange.ctrf, files, asked)


def _json(make: Callable[[Sequence[Result]], dict[str, Any]], files: Sequence[Path], asked: argparse.Namespace) -> int:
    results = [read(each) for each in files]
    _put(json.dumps(make(results), indent=2, ensure_ascii=False), asked.output)
    return _exit_code(results)


def _hours(text: str) -> timedelta:
    """Read a number of hours, up to a hundred years."""
    try:
        hours = float(text)
    except ValueError:
        hours = 0
    if not 0 < hours <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours that can be meant")
    return timedelta(hours=hours)


def _watch(results: Sequence[Result], asked: argparse.Namespace) -> tuple[monitoring.Watched, ...]:
    return monitoring.watch(results, datetime.now(UTC), asked.max_age)


def _put(text: str, output: str | None) -> None:
    """Print a report, or write it whole.

    Raises:
        UsageProblem: where it cannot be written.
    """
    if output is None:
        print(text)
        return
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        write_whole(Path(output), f"{text}\n")
    except OSError as error:
        raise UsageProblem(f"{output} cannot be written: {error.strerror}") from None


def _exit_code(results: Sequence[Result]) -> int:
    return 1 if any(each.is_red for result in results for each in result.systems) else 0


FORMS: Mapping[str, tuple[str, Callable[[Sequence[Path], argparse.Namespace], int]]] = {
    "table": ("for the terminal", _table),
    "page": ("one self-contained page for people", _page),
    "github": ("annotations and summary for GitHub Actions", _github),
    "nagios": ("a plugin's output and exit code, for Nagios, Icinga and NRPE", _nagios),
    "checkmk": ("a line per system, for Checkmk's local checks", _checkmk),
    "prometheus": ("series, for the textfile collector of node_exporter", _prometheus),
    "sarif": ("findings in SARIF 2.1.0", _sarif),
    "ctrf": ("checks in the Common Test Report Format", _ctrf),
}
