"""The same checks made by pytest itself, with its fixtures, its reports and ours, over evidence that is prepared."""

import contextlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from pse_preflight.checklist import CHECKS, Code
from pse_preflight.plugin import RUN
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Verdict
from tests.checks.corpus import CORPUS
from tests.kit.check_runs import ends
from tests.kit.places import CHECKOUT

SHOWN = (
    "everything is right",
    "CLOCK_SKEW",
    "PORT_REFUSED",
    "TOOL_FAILED",
    "INTERMEDIATE_NOT_IN_PSE",
    "two weak keys",
    "WRONG_HOST",
    "replayed",
)
LOST = "lost"
"""A system about whose two weak keys nothing is said any more."""


@dataclass
class Prepared:
    """Hands out evidence in place of asking systems."""

    evidences: Mapping[str, Evidence]

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        run = config.stash[RUN]
        run.systems.clear()
        run.systems.update({alias: evidence.system for alias, evidence in self.evidences.items()})
        gathering: Any = SimpleNamespace(evidence=self.evidences.__getitem__, waited_for=lambda _: None)
        run._gatherings[0] = gathering


@dataclass(frozen=True)
class Told:
    """What one run told: the cases of JUnit by check and system, result.json, terminal and page."""

    cases: Mapping[tuple[str, str], ElementTree.Element]
    result: Mapping[str, Any]
    terminal: str
    page: str


def _aliased(evidence: Evidence, alias: str) -> Evidence:
    return replace(evidence, system=replace(evidence.system, alias=alias))


@pytest.fixture(scope="module")
def evidences() -> Mapping[str, Evidence]:
    by_name = {each.name: each for each in CORPUS}
    found = {name: by_name[name].evidence() for name in SHOWN}
    weak = found["two weak keys"]
    unsaid = tuple(each for each in weak.findings if each.code is not Code.CERTIFICATE_WEAK)
    named = {name.replace(" ", "-"): evidence for name, evidence in found.items()}
    return {alias: _aliased(each, alias) for alias, each in {**named, LOST: replace(weak, findings=unsaid)}.items()}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, evidences: Mapping[str, Evidence]) -> Told:
    return _told(tmp_path_factory.mktemp("prepared"), evidences)


def _told(folder: Path, evidences: Mapping[str, Evidence]) -> Told:
    """Make one run in this process."""
    terminal = io.StringIO()
    options = ["--system=demo", "--engine=bundled", "--junitxml=r.xml", "--trust-report=p.html"]
    plain = ["-s", "-p", "pse_preflight.plugin", "-p", "no:cacheprovider", "--rootdir=.", "--assert=plain", "-v"]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(terminal):
        patch.chdir(folder)
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        ended = pytest.main([str(CHECKOUT / "checks"), *options, *plain], plugins=[Prepared(evidences)])
    assert ended is pytest.ExitCode.TESTS_FAILED, terminal.getvalue()
    cases = {}
    for case in ElementTree.parse(folder / "r.xml").iter("testcase"):
        check, _, alias = case.attrib["name"].rstrip("]").partition("[")
        cases[check, alias] = case
    result = json.loads((folder / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    return Told(cases, result, terminal.getvalue(), (folder / "p.html").read_text(encoding="utf-8"))


def _end_in_junit(case: ElementTree.Element) -> tuple[Verdict, str]:
    """Return how a check ended for JUnit, and what it says; a skip begins with where it was said."""
    kinds = {"failure": Verdict.FAIL, "error": Verdict.ERROR, "skipped": Verdict.SKIP}
    found = [(kinds[part.tag], part) for part in case if part.tag in kinds]
    if not found:
        return Verdict.PASS, ""
    ((verdict, part),) = found
    return verdict, part.attrib["message"] if verdict is Verdict.SKIP else part.text or ""


def test_pytest_ends_every_check_as_a_call_of_it_does(told: Told, evidences: Mapping[str, Evidence]) -> None:
    idle = {
        (check, alias) for alias, each in evidences.items() for check, end in ends(each).items() if end.unconfigured
    }
    assert idle
    assert set(told.cases) == {(check, alias) for check in CHECKS for alias in evidences} - idle
    for alias, evidence in evidences.items():
        for check, end in ends(evidence).items():
            if end.unconfigured:
                continue
            verdict, said = _end_in_junit(told.cases[check, alias])
            assert verdict is end.verdict, (check, alias, said, end)
            assert said == (end.reason if verdict is Verdict.SKIP else end.text if end.is_red else "")


def test_the_fixtures_give_what_is_handed_out_at_once(
    told: Told, evidences: Mapping[str, Evidence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.conftest.hand_out", lambda _item: None)
    one_by_one = _told(tmp_path, evidences)
    assert {key: _end_in_junit(case) for key, case in one_by_one.cases.items()} == {
        key: _end_in_junit(case) for key, case in told.cases.items()
    }
    assert one_by_one.terminal.count("SKIPPED") == told.terminal.count("SKIPPED")


def test_a_check_without_proof_is_an_error_in_junit_with_its_code(told: Told) -> None:
    case = told.cases["test_chain_is_strong", LOST]
    assert [part.tag for part in case if part.tag in {"failure", "error"}] == ["error"]
    assert case.find("error") is not None
    properties = [(each.attrib["name"], each.attrib["value"]) for each in case.iter("property")]
    assert [value for name, value in properties if name == "code"] == ["NO_EVIDENCE"]
    assert [value for name, value in properties if name == "severity"] == ["blocker"]


def test_a_check_without_proof_is_an_error_in_result_json_with_whom_to_tell(told: Told) -> None:
    (system,) = (each for each in told.result["systems"] if each["alias"] == LOST)
    (check,) = (each for each in system["checks"] if each["name"] == "test_chain_is_strong")
    assert (check["ended"], check["codes"]) == ("error", ["NO_EVIDENCE"])
    assert system["verdict"] == "FAILED"
    (found,) = (each for each in system["facts"]["findings"] if each["code"] == "NO_EVIDENCE")
    assert (found["check"], found["severity"], found["later"]) == ("test_chain_is_strong", "blocker", "")
    assert found["who"] == "the makers of pse-preflight"
    assert system["decisive"] == found
    others = [each for each in told.result["systems"] if each["alias"] != LOST]
    assert "NO_EVIDENCE" not in json.dumps(others)


def test_a_check_without_proof_is_told_on_the_terminal_and_on_the_page(told: Told) -> None:
    summary = told.terminal[told.terminal.index(f"\n{LOST} (") :]
    assert summary.strip().startswith("lost (erp.company.de:443): FAILED; the PSE trusts it until 20")
    found = summary.partition("\n  NO_EVIDENCE: ")[2]
    assert found.startswith("test_chain_is_strong of lost: nothing that was seen rules out")
    assert "fix (the makers of pse-preflight): report it, with evidence.json" in found
    assert re.search(rf"^ERROR \S*test_chain.py::test_chain_is_strong\[{LOST}\]", told.terminal, re.MULTILINE)
    assert "Traceback" not in told.terminal
    assert "NO_EVIDENCE" in told.page
    assert "the makers of pse-preflight" in told.page
