"""`pse-preflight report FORM FILE…`: what runs have found, in another form, made from their files."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pse_preflight.command.arguments import CommandParser, near
from pse_preflight.errors import UsageProblem
from pse_preflight.report import github
from pse_preflight.report.page import write_page
from pse_preflight.report.result import read
from pse_preflight.report.terminal import lines

PAGE = "trust.html"


def run(arguments: Sequence[str]) -> int:
    """Show or write the report; return 1 if a system in it is red, else 0.

    Raises:
        UsageProblem: where the form is not known.
        ResultUnreadable: where a file is no result of a run.
    """
    parser = CommandParser("report", "Show what runs have found, in another form.")
    parser.add_argument("form", metavar="FORM", help=", ".join(f"{name}: {told}" for name, (told, _) in FORMS.items()))
    parser.add_argument("file", nargs="+", metavar="FILE", help="result.json of a run; for github its JUnit report")
    parser.add_argument("--output", metavar=f"{PAGE}", default=PAGE, help=f"the page to write ({PAGE})")
    asked = parser.read(arguments)
    if asked.form not in FORMS:
        raise UsageProblem(f"{asked.form}: no such form{near(asked.form, FORMS)} (forms: {', '.join(FORMS)})")
    _, make = FORMS[asked.form]
    return make([Path(each) for each in asked.file], Path(asked.output))


def _table(files: Sequence[Path], _: Path) -> int:
    results = [read(each) for each in files]
    for number, result in enumerate(results):
        heading = f"{result.run.host}, {result.run.made[:16].replace('T', ' ')} UTC"
        print(*([""] if number else []), heading, *lines(result, verbose=False), sep="\n")
    return 1 if any(each.is_red for result in results for each in result.systems) else 0


def _page(files: Sequence[Path], output: Path) -> int:
    if len(files) > 1:
        raise UsageProblem("a page is made from one result.json; name one file")
    result = read(files[0])
    try:
        print(f"page: {write_page(result, output)}")
    except OSError as error:
        raise UsageProblem(f"{output} cannot be written: {error.strerror}") from None
    return 1 if any(each.is_red for each in result.systems) else 0


def _github(files: Sequence[Path], _: Path) -> int:
    return max(github.run([str(each)], os.environ, sys.stdout) for each in files)


FORMS: Mapping[str, tuple[str, Callable[[Sequence[Path], Path], int]]] = {
    "table": ("for the terminal", _table),
    "page": ("one self-contained page for people", _page),
    "github": ("annotations and summary for GitHub Actions", _github),
}
