"""From a URL one command goes on: it is right for what stands in systems.yaml, and a red check says it."""

import re
from pathlib import Path

import pytest

from pse_preflight.command.going_on import going_on, place
from pse_preflight.command.invocation import invocation, pasteable
from pse_preflight.demo import server as demo
from pse_preflight.landscape.describe import Surroundings
from pse_preflight.landscape.url import ApiUrl
from tests.kit.runs import run_module

URL = ApiUrl("prd.example.com", 443)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings({}, tmp_path, tmp_path, tmp_path)


def _systems(around: Surroundings, text: str) -> None:
    (around.folder / "systems.yaml").write_text(text, encoding="utf-8")


def test_without_a_systems_yaml_one_is_begun(around: Surroundings) -> None:
    assert going_on(URL, around) == invocation("pse-preflight", "init", "https://prd.example.com")


def test_a_system_that_is_not_there_is_added(around: Surroundings) -> None:
    _systems(around, "systems:\n  QAS: {url: qas.example.com}\n  DEV: {url: 'https://prd.example.com:44300'}\n")
    assert going_on(URL, around) == invocation("pse-preflight", "init", "--append", "https://prd.example.com")


def test_a_system_that_is_there_is_checked(around: Surroundings) -> None:
    _systems(around, "systems:\n  PRD: {url: 'https://PRD.example.com:443/sap'}\n")
    assert going_on(URL, around) == invocation("pse-preflight", "check", "PRD")


def test_a_file_that_cannot_be_read_says_nothing_of_systems(around: Surroundings) -> None:
    _systems(around, "systems: [")
    assert going_on(URL, around) == invocation("pse-preflight", "init", "--append", "https://prd.example.com")


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [("a.example.com", 443, "a.example.com"), ("a.example.com", 8443, "a.example.com:8443"), ("::1", 443, "[::1]:443")],
)
def test_a_place_is_one_that_can_be_asked(host: str, port: int, shown: str) -> None:
    assert place(ApiUrl(host, port)) == shown


@pytest.mark.parametrize("option", [[], ["--read-only"]])
def test_a_url_without_a_pse_stays_red_and_says_that_command(tmp_path: Path, option: list[str]) -> None:
    described = demo.describe("root-sent", tmp_path / "served")
    described.start()
    url = str(described.keys["url"])
    ran = run_module("pse_preflight", "check", url, *option, folder=tmp_path)
    assert ran.returncode == 1
    (command,) = [line.strip() for line in ran.stdout.splitlines() if f" init {url}" in line]
    assert command == pasteable("init", url)
    (fix,) = re.findall(
        rf"^  fix \(client admin\): (.*?)^    {re.escape(command)}$", ran.stdout, re.MULTILINE | re.DOTALL
    )
    assert "--read-only" not in fix
