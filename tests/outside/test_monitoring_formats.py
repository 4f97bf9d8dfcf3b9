"""Each form for monitoring is read by a parser of its own system, or held against its published schema."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pse_preflight.report import exchange, monitoring
from pse_preflight.report.facts import Result
from tests.kit import report_facts as facts
from tests.kit.places import CHECKOUT
from tests.report.test_monitoring import HOSTILE, hostile

pytestmark = pytest.mark.long

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
LINTERS = CHECKOUT / "tests" / "outside" / "linters" / "node_modules"
EXAMPLES = CHECKOUT / "docs" / "monitoring"
RESULTS = [facts.result(facts.good("DEV"), facts.bad("PRD"), facts.unjudged("QAS"), made="2026-11-24T05:30:00+00:00")]
GIVEN = [RESULTS, *([hostile(each)] for each in HOSTILE)]


def _needs(there: object, what: str) -> None:
    if not there and "PREFLIGHT_MUST_NOT_SKIP" in os.environ:
        pytest.fail(f"{what} is missing")
    if not there:
        pytest.skip(f"{what} is missing")


def _promtool(*arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    _needs(program, "promtool (package prometheus)")
    return subprocess.run(
        [str(program), *map(str, arguments)],
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def _series(results: list[Result]) -> str:
    return monitoring.prometheus(monitoring.watch(results, NOW, timedelta(hours=26)))


@pytest.mark.parametrize("results", GIVEN)
def test_promtool_finds_nothing_to_say_of_the_series(results: list[Result]) -> None:
    ran = _promtool("check", "metrics", typed=_series(results))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "wrong", ['pse_preflight_x{a="b} 1\n', "# TYPE x gauge\nx 1\n# TYPE x gauge\nx 1\n", "x{a=1} 1\n"]
)
def test_promtool_refuses_what_is_wrong(wrong: str) -> None:
    assert _promtool("check", "metrics", typed=wrong).returncode != 0


@pytest.mark.parametrize("results", GIVEN)
def test_no_series_stands_twice_and_labels_come_back_as_they_were(results: list[Result]) -> None:
    from prometheus_client import parser

    found = [each for family in parser.text_string_to_metric_families(_series(results)) for each in family.samples]
    keys = [(each.name, tuple(sorted(each.labels.items()))) for each in found]
    assert len(keys) == len(set(keys))
    machine = monitoring.watch(results, NOW, timedelta(hours=26))[0].machine
    assert {each.labels["machine"] for each in found} == {machine}


def test_the_rules_for_alerts_are_accepted_and_fire_when_they_should() -> None:
    assert _promtool("check", "rules", EXAMPLES / "prometheus-rules.yml").returncode == 0
    ran = _promtool("test", "rules", EXAMPLES / "prometheus-rules-test.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_rule_with_another_bound_is_noticed(tmp_path: Path) -> None:
    rules = (EXAMPLES / "prometheus-rules.yml").read_text(encoding="utf-8")
    assert rules.count("26 * 3600") == 1
    (tmp_path / "prometheus-rules.yml").write_text(rules.replace("26 * 3600", "260 * 3600"), encoding="utf-8")
    shutil.copy(EXAMPLES / "prometheus-rules-test.yml", tmp_path)
    assert _promtool("test", "rules", tmp_path / "prometheus-rules-test.yml").returncode != 0


def _sarif_is_valid(file: Path) -> bool:
    """Ask SARIF's own validator."""
    program = LINTERS / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"
    _needs(program.exists() and sys.platform == "linux", "sarif-multitool (npm ci)")
    report = file.with_suffix(".report.sarif")
    subprocess.run(
        [str(program), "validate", str(file), "--output", str(report), "--log", "ForceOverwrite", "--level", "Error"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        stdout=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    told = json.loads(report.read_text(encoding="utf-8-sig"))
    return not [each for run in told["runs"] for each in run.get("results", ()) if each["level"] == "error"]


@pytest.mark.parametrize("results", [RESULTS, [hostile(HOSTILE[3])], [hostile(HOSTILE[2])]])
def test_sarifs_own_validator_accepts_the_log(results: list[Result], tmp_path: Path) -> None:
    file = tmp_path / "log.sarif"
    file.write_text(json.dumps(exchange.sarif(results)), encoding="utf-8")
    assert _sarif_is_valid(file)


@pytest.mark.parametrize("key", ["tool", "version"])
def test_sarifs_own_validator_refuses_one_that_lacks_something(key: str, tmp_path: Path) -> None:
    log = exchange.sarif(RESULTS)
    del (log if key == "version" else log["runs"][0])[key]
    file = tmp_path / "log.sarif"
    file.write_text(json.dumps(log), encoding="utf-8")
    assert not _sarif_is_valid(file)


def test_the_published_schema_of_ctrf_accepts_the_report() -> None:
    schema = LINTERS / "ctrf" / "dist" / "ctrf-schema-0.0.json"
    _needs(schema.exists(), "the schema of CTRF (npm ci)")
    jsonschema = importlib.import_module("jsonschema")
    validator = jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))
    for results in GIVEN:
        assert list(validator.iter_errors(exchange.ctrf(results))) == []
    wrong = exchange.ctrf(RESULTS)
    wrong["results"]["tests"][0]["status"] = "error"
    assert list(validator.iter_errors(wrong))
