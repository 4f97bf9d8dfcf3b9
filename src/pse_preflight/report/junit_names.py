"""The names that a check has in every JUnit report, wherever it is installed, so that histories outlive a move."""

from dataclasses import dataclass, field
from typing import Any

import pytest

SUITE = "pse-preflight"
CHECKS = "pse_preflight.checks"

_SUITE_OF_NOBODY = "pytest"


@dataclass(slots=True, eq=False)
class JUnitNames:
    """Names suite, class and file, which pytest would derive from where the checks lie.

    Attributes:
        attribute: where a report of ours carries its facts; no other one is renamed.
    """

    config: pytest.Config
    attribute: str
    _named: set[str] = field(default_factory=set)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a case of ours."""
        carried, xml = getattr(report, self.attribute, None), self._xml()
        if not carried or xml is None:
            return
        self._named.add(report.nodeid)
        module = f"test_{carried['check']['question']}"
        case = xml.node_reporter(report)
        case.add_attribute("classname", f"{CHECKS}.{module}")
        case.add_attribute("file", f"checks/{module}.py")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Name the suite, unless it holds other people's tests, or has been named already."""
        xml = self._xml()
        if xml is None or xml.suite_name != _SUITE_OF_NOBODY:
            return
        if len(xml.node_reporters_ordered) == len(self._named):
            xml.suite_name = SUITE

    def _xml(self) -> Any:
        """Return pytest's own writer; the public fixture warns, and does nothing in workers of pytest-xdist."""
        from _pytest.junitxml import xml_key

        return self.config.stash.get(xml_key, None)
