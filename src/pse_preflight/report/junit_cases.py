"""The cases of every JUnit report: named alike wherever the checks lie, and each thing told once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from pse_preflight.report.facts import Carried, Result

SUITE = "pse-preflight"
CHECKS = "pse_preflight.checks"

_SUITE_OF_NOBODY = "pytest"


@dataclass(slots=True, eq=False)
class JUnitCases:
    """Names suite, class and file, which pytest would derive from where the checks lie, and completes the cases.

    Attributes:
        carried_by: returns what a report of ours carries; no other one is touched.
        result: returns what the run has found, by its exit code, once all checks have ended.
    """

    config: pytest.Config
    carried_by: "Callable[[pytest.TestReport], Carried | None]"
    result: "Callable[[int], Result]"
    _named: set[str] = field(default_factory=set)
    _unconfigured: set[tuple[str, str]] = field(default_factory=set)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a case of ours."""
        carried, xml = self.carried_by(report), self._xml()
        if not carried or xml is None:
            return
        self._named.add(report.nodeid)
        check = carried.check
        module = f"test_{check.question}"
        case = xml.node_reporter(report)
        case.add_attribute("classname", f"{CHECKS}.{module}")
        case.add_attribute("file", f"checks/{module}.py")
        if check.unconfigured:
            self._unconfigured.add((f"{CHECKS}.{module}", f"{check.name}[{check.alias}]"))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Complete what pytest is about to write, and name the suite unless it holds other people's tests."""
        xml = self._xml()
        if xml is None:
            return
        if xml.suite_name == _SUITE_OF_NOBODY and len(xml.node_reporters_ordered) == len(self._named):
            xml.suite_name = SUITE
        from pse_preflight.report.junit import complete

        cases = self._cases(xml)
        systems = {each.alias: each for each in self.result(exitstatus).systems} if cases else {}
        gone: set[tuple[str, str]] = set()
        for alias, every in cases.items():
            kept = [case for case in every if _key(case) not in self._unconfigured]
            complete(kept or every, systems[alias])
            gone |= {_key(case) for case in every if case not in kept} if kept else set()
        _leave_out(xml, gone)

    def _cases(self, xml: Any) -> dict[str, list[ET.Element]]:
        """Return our cases by the system's alias, each fixed as the element that will be written."""
        found: dict[str, list[ET.Element]] = {}
        for reporter in xml.node_reporters_ordered:
            case = reporter.to_xml()
            if case.get("classname", "").startswith(f"{CHECKS}."):
                reporter.to_xml = lambda case=case: case
                found.setdefault(case.get("name", "").partition("[")[2].removesuffix("]"), []).append(case)
        return found

    def _xml(self) -> Any:
        """Return pytest's own writer; the public fixture warns, and does nothing in workers of pytest-xdist."""
        from _pytest.junitxml import xml_key

        return self.config.stash.get(xml_key, None)


def _key(case: ET.Element) -> tuple[str, str]:
    return case.get("classname", ""), case.get("name", "")


def _leave_out(xml: Any, gone: Collection[tuple[str, str]]) -> None:
    """Leave out what had nothing to judge: a skip that nobody has to read is noise in every viewer."""
    kept = [each for each in xml.node_reporters_ordered if _key(each.to_xml()) not in gone]
    xml.stats["skipped"] -= len(xml.node_reporters_ordered) - len(kept)
    xml.node_reporters_ordered[:] = kept
