"""A JUnit report the way GitHub Actions shows it: `python -m pse_preflight.report.github report.xml`.

Annotations go to standard output, a page for the run's summary is added to the file that GITHUB_STEP_SUMMARY names.
"""

import html
import io
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree as ET

from pse_preflight.errors import PreflightError
from pse_preflight.recording import pack

LARGEST_FILE = 64 << 20

PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"

_STATES = {"failure": FAILED, "error": ERROR, "skipped": SKIPPED}
_RED = (FAILED, ERROR)


class ReportUnreadable(PreflightError):
    """There is no JUnit report, or what is there is none."""


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One check of one system.

    Attributes:
        name: the check and its system, as in `test_chain_is_valid[PRD]`.
        state: passed, failed, error or skipped.
        text: what the check said, complete; its first line begins with the code.
        verdict: what the run says of the system; told with one of its cases.
    """

    name: str
    state: str
    text: str
    verdict: str = ""

    @property
    def system(self) -> str:
        """Return the system's alias."""
        return self.name.partition("[")[2].removesuffix("]")

    @property
    def code(self) -> str:
        """Return the code that the text begins with, or the state where it has none."""
        code, colon, _ = self.text.partition(":")
        return code if colon and code.isupper() and " " not in code else self.state


def read(report: Path) -> tuple[JUnitCase, ...]:
    """Read the checks of a JUnit report in their order.

    Raises:
        ReportUnreadable: where there is none.
    """
    try:
        if pack.is_pack(report):
            text = pack.content(report, pack.JUNIT, LARGEST_FILE)
            root = ET.fromstring(text)  # noqa: S314 - as below; expat lets no entity grow
        else:
            root = ET.parse(report).getroot()  # noqa: S314 - pytest wrote it in this very job
    except (OSError, ET.ParseError, pack.PackUnreadable) as error:
        raise ReportUnreadable(
            f"{report} cannot be read ({error}); see what the checks said in their own step"
        ) from None
    return tuple(_case(each) for each in root.iter("testcase"))


def _case(element: ET.Element) -> JUnitCase:
    ended = next((part for part in element if part.tag in _STATES), None)
    name = " ".join(element.get("name", "").split())
    told = {each.get("name"): each.get("value", "") for each in element.iter("property")}
    verdict = " ".join(told.get("verdict", "").split())
    if ended is None:
        return JUnitCase(name, PASSED, "", verdict)
    return JUnitCase(name, _STATES[ended.tag], (ended.text or ended.get("message") or "").strip(), verdict)


def annotations(cases: Iterable[JUnitCase]) -> Iterator[str]:
    """Return a workflow command for each red check; GitHub shows the first ten of a step."""
    for case in cases:
        if case.state in _RED:
            title = f"{case.system}: {case.code}" if case.system else case.code
            told = f"{case.name}\n{case.text}"
            shown = _data(title).replace(":", "%3A").replace(",", "%2C")  # a property ends at either
            yield f"::error title={shown}::{_data(told)}"


def _data(text: str) -> str:
    """Escape as GitHub's runner unescapes, so that no text ends the command or begins another one."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def page(cases: Sequence[JUnitCase]) -> str:
    """Return the page for the summary: a line per system, then what each red check said. Markdown with HTML."""
    lines = ["## SAP trust", "", "| system | verdict | passed | red | skipped |", "|---|---|---|---|---|"]
    lines += [_row(system, cases) for system in sorted({case.system for case in cases})]
    for case in cases:
        if case.state in _RED:
            lines += ["", f"<h3>{_inert(case.name)}</h3>", "", f"<pre>{_inert(case.text)}</pre>"]
    return "\n".join([*lines, ""])


def _row(system: str, cases: Sequence[JUnitCase]) -> str:
    states = Counter(case.state for case in cases if case.system == system)
    red = sum(states[state] for state in _RED)
    told = next((case.verdict for case in cases if case.system == system and case.verdict), "nothing is red")
    verdict = "**FAILED**" if red else _inert(told)
    return f"| <code>{_inert(system)}</code> | {verdict} | {states[PASSED]} | {red} | {states[SKIPPED]} |"


def _inert(text: str) -> str:
    """Escape for HTML inside Markdown; a bar would end the cell of a table."""
    return html.escape(text).replace("|", "&#124;")


def run(arguments: Sequence[str], environ: Mapping[str, str], stdout: TextIO) -> int:
    """Show the report that is named; return 1 only if it cannot be read: whether checks are red, pytest has said.

    GitHub reads UTF-8, whatever the code page of the machine.
    """
    if isinstance(stdout, io.TextIOWrapper):
        stdout.reconfigure(encoding="utf-8")
    try:
        cases = read(Path(arguments[0] if arguments else "report.xml"))
    except ReportUnreadable as error:
        print(f"::error::{_data(str(error))}", file=stdout)
        return 1
    for line in annotations(cases):
        print(line, file=stdout)
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(page(cases))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ, sys.stdout))
