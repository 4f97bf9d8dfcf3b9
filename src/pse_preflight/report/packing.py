"""Packs a run: what it has found, as result, page and JUnit report, and what it has seen of each system."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pse_preflight.checklist import Code
from pse_preflight.recording import pack
from pse_preflight.recording.folder import packed_files
from pse_preflight.recording.format import EvidenceUnreadable
from pse_preflight.report.facts import Result, SystemResult
from pse_preflight.report.hooks import Reporting
from pse_preflight.report.page import render

_A_KEY = b"PRIVATE KEY"


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """Makes the pack once everything of the run is written.

    Attributes:
        file: the pack.
        junit: the JUnit report that pytest writes.
        reporting: knows the result, and tells where the pack is.
    """

    file: Path
    junit: Path
    reporting: Reporting

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write the pack before the closing lines are told."""
        told = yield
        if result := self.reporting.made:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self.reporting.notes.append(f"pack: {pack.write(self.file, self._contents(result))}")
            except OSError as error:
                self.reporting.notes.append(f"ERROR: {error.filename or self.file} cannot be written: {error.strerror}")
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
            except EvidenceUnreadable as error:
                self.reporting.notes.append(f"ERROR: {self.file} cannot be written: {error}")
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        return told

    def _contents(self, result: Result) -> dict[str, bytes]:
        """Return what goes in; a file in which somebody has put a private key meanwhile does not."""
        evidence = self.reporting.settings.evidence
        found = {pack.RESULT: (evidence / pack.RESULT).read_bytes(), pack.PAGE: render(result).encode()}
        found[pack.JUNIT] = self.junit.read_bytes()
        for alias in sorted(each.alias for each in result.systems if _was_recorded(each)):
            for name, content in packed_files(evidence / alias, alias).items():
                if _A_KEY not in content:
                    found[f"{alias}/{name}"] = content
        return found


def _was_recorded(system: SystemResult) -> bool:
    """Tell whether what this run has seen of a system stands in its folder, and not what an earlier one has."""
    return system.facts is not None and all(each.code != Code.EVIDENCE_NOT_WRITTEN for each in system.facts.findings)
