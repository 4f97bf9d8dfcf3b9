"""The road of a newcomer: from the README to the first green verdict about an own system, with one red run at most."""

import re
from pathlib import Path

import pytest

from pse_preflight.demo import server as demo
from tests.kit.places import CHECKOUT
from tests.kit.runs import Ended, run_module, surroundings

MOST_LINES = 60


def test_the_readme_leads_to_the_own_system_in_few_lines() -> None:
    lines = (CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()
    last = lines.index("pse-preflight check my401122")
    assert last < MOST_LINES
    words = re.findall(r"^pse-preflight (\w+) https:", "\n".join(lines[:last]), re.MULTILINE)
    assert words == ["show", "init"]
    assert "tests" not in " ".join(lines[:last])


class Newcomer:
    """Somebody with an own system whose root is the company's, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.described = demo.describe("root-sent", folder / "server")
        self.described.start()
        self.url = str(self.described.keys["url"])

    def types(self, *words: str) -> Ended:
        home = surroundings(HOME=str(self.folder), USERPROFILE=str(self.folder), LOCALAPPDATA=str(self.folder))
        return run_module("pse_preflight", *words, folder=self.folder, environment=home)

    @property
    def file(self) -> Path:
        return self.folder / "systems.yaml"


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


@pytest.mark.long
def test_the_road_of_the_readme_is_green_after_one_red_run(newcomer: Newcomer) -> None:
    shown = newcomer.types("show", newcomer.url)
    assert shown.returncode == 1
    assert "ROOT_UNTRUSTED" in shown.stdout
    written = newcomer.types("init", newcomer.url)
    assert written.returncode == 0
    (alias,) = re.findall(r"^next: .* check (\S+)$", written.stdout, re.MULTILINE)
    red = newcomer.types("check", alias)
    assert red.returncode == 1
    assert not list(newcomer.folder.rglob("localhost.pse"))
    # The file says what to do once the fingerprint has been compared: take the mark of a comment away.
    text = newcomer.file.read_text(encoding="utf-8")
    newcomer.file.write_text(text.replace("# pinned:", "pinned:"), encoding="utf-8")
    green = newcomer.types("check", alias)
    assert green.returncode == 0, green.stdout
    assert "OK (PSE created" in green.stdout
    assert newcomer.types("check", alias, "--read-only").returncode == 0


@pytest.mark.long
def test_without_the_comparison_no_second_run_is_green(newcomer: Newcomer) -> None:
    newcomer.types("init", newcomer.url)
    assert [newcomer.types("check", "localhost").returncode for _ in range(2)] == [1, 1]
