"""What people install: an sdist, and a wheel built from it, in an environment that holds nothing else."""

import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from trove_classifiers import classifiers

from tests.kit.places import CHECKOUT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program of this environment."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an sdist and of the wheel that is built from this sdist."""
    folder = tmp_path_factory.mktemp("dist")
    built = _tool("build", "--no-isolation", "--outdir", str(folder), str(CHECKOUT))
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    (sdist,) = dist.glob("*.tar.gz")
    return sdist


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def _sources(folder: str) -> set[str]:
    """Return the modules below a folder of the checkout, relative to it."""
    top = CHECKOUT / folder
    return {file.relative_to(top).as_posix() for file in top.rglob("*") if file.is_file() and file.suffix != ".pyc"}


@pytest.mark.long
def test_the_wheel_holds_the_package_its_checks_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {f"pse_preflight/{name}" for name in _sources("src/pse_preflight")}
    expected |= {f"pse_preflight/{top}/{name}" for top in ("checks", "fixtures") for name in _sources(top)}
    assert names == expected
    assert "pse_preflight/py.typed" in names


@pytest.mark.long
def test_the_wheel_brings_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if "/licenses/" in name)
        assert archive.read(name) == (CHECKOUT / "LICENSE").read_bytes()
    assert _metadata(wheel)["License-Expression"] == "Apache-2.0"


def test_the_sdist_holds_what_its_own_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in (
        "tests/outside/test_package.py",
        "docs/make_codes.py",
        "constraints.txt",
        "systems.example.yaml",
        "LICENSE",
    ):
        assert needed in names
    assert not [name for name in names if name.endswith((".pyc", ".pse", ".key")) or ".venv" in name]


@pytest.mark.long
def test_the_package_indexes_can_render_the_description(dist: Path) -> None:
    checked = _tool("twine", "check", "--strict", *map(str, dist.iterdir()))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.long
def test_the_wheel_is_made_as_wheels_should_be(wheel: Path) -> None:
    checked = _tool("check_wheel_contents", str(wheel))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.long
def test_a_wheel_with_a_stray_file_is_told_from_a_good_one(wheel: Path, tmp_path: Path) -> None:
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(broken, "w") as archive:
        for name in good.namelist():
            stray = b"pse_preflight/stray.pyc,,\n" if name.endswith("/RECORD") else b""
            archive.writestr(name, good.read(name) + stray)
        archive.writestr("pse_preflight/stray.pyc", b"")
    assert "stray.pyc" in _tool("check_wheel_contents", str(broken)).stdout


def test_the_metadata_says_for_whom_and_for_what_it_is(wheel: Path) -> None:
    told = _metadata(wheel)
    assert told["Requires-Python"] == ">=3.11"
    assert set(told.get_all("Classifier", [])) <= classifiers
    assert {"Framework :: Pytest", "Typing :: Typed"} <= set(told.get_all("Classifier", []))
    assert told["Description-Content-Type"] == "text/markdown"


class Environment:
    """A virtual environment that holds the wheel and what the wheel declares to need."""

    def __init__(self, home: Path, wheel: Path) -> None:
        venv.create(home, with_pip=False, symlinks=os.name != "nt")
        self.home = home
        self.programs = home / ("Scripts" if os.name == "nt" else "bin")
        (site,) = [*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")]
        for name in _closure(_metadata(wheel).get_all("Requires-Dist", [])):
            _lend(metadata.distribution(name), site)
        installed = _tool("pip", "--python", str(self.python), "install", "--no-index", "--no-deps", str(wheel))
        assert installed.returncode == 0, installed.stdout + installed.stderr

    @property
    def python(self) -> Path:
        return self.programs / "python"

    def run(self, program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "HOME": str(folder), "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
        return subprocess.run(
            [str(self.programs / program), *arguments],
            capture_output=True, text=True, encoding="utf-8", cwd=folder, env=environment, timeout=120, check=False,
        )  # fmt: skip


def _closure(requirements: Iterable[str]) -> set[str]:
    """Return the names of everything that the requirements need here, extras left out."""
    wanted = {canonicalize_name(each.name) for each in map(Requirement, requirements) if _applies(each)}
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        needed = [each for each in map(Requirement, metadata.requires(name) or []) if _applies(each)]
        wanted |= {canonicalize_name(each.name) for each in needed} - found
    return found


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _lend(distribution: metadata.Distribution, site: Path) -> None:
    """Let another environment see an installed distribution, and no other one."""
    tops = {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        (site / top).symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment") / "home", wheel)


@pytest.mark.long
def test_the_environment_is_otherwise_empty(environment: Environment, tmp_path: Path) -> None:
    assert environment.run("python", "-c", "import hypothesis", folder=tmp_path).returncode == 1
    assert environment.run("python", "-c", "import pse_preflight", folder=tmp_path).returncode == 0


COMMANDS = {
    "pytest --pyargs": ["-m", "pytest", "--pyargs", "pse_preflight.checks"],
    "the short form": ["-m", "pse_preflight"],
}


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_folder_is_enough(environment: Environment, tmp_path: Path, command: str) -> None:
    ran = environment.run("python", *COMMANDS[command], "--system=demo", "--engine=bundled", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"({environment.home}" in ran.stdout  # the installed toolkit, not the one of this checkout
    assert "OK (PSE created)" in ran.stdout
    assert "warning" not in ran.stdout


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_system_fails_by_the_exit_code(environment: Environment, tmp_path: Path, command: str) -> None:
    ran = environment.run("python", *COMMANDS[command], "--system=demo:expired-leaf", folder=tmp_path)
    assert ran.returncode == 1
    assert "CERTIFICATE_EXPIRED: " in ran.stdout


@pytest.mark.long
def test_the_short_form_takes_the_options_of_pytest(environment: Environment, tmp_path: Path) -> None:
    asked = ["-m", "pse_preflight", "--system=demo", "-k", "chain_is_valid", "--junitxml=report.xml", "-q"]
    ran = environment.run("python", *asked, folder=tmp_path)
    assert ran.returncode == 0
    assert "demo: NOT JUDGED (1 of" in ran.stdout
    assert (tmp_path / "report.xml").exists()


@pytest.mark.long
def test_the_short_form_without_a_system_is_a_misuse(environment: Environment, tmp_path: Path) -> None:
    ran = environment.run("python", "-m", "pse_preflight", folder=tmp_path)
    assert ran.returncode == 4
    assert "ERROR: no --system given" in ran.stderr


@pytest.mark.long
def test_the_program_alone_can_check(environment: Environment, tmp_path: Path) -> None:
    """What pipx puts on the PATH is enough, wherever it is started."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -m 'not network'\n", encoding="utf-8")
    ran = environment.run("pse-preflight", "check", "demo", "--engine=bundled", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"({environment.home}" in ran.stdout
    assert "OK (PSE created" in ran.stdout
    assert environment.run("pse-preflight", "check", "demo:expired-leaf", folder=tmp_path).returncode == 1
    missing = environment.run("pse-preflight", "check", "https://localhost:1", "-m", "pse", folder=tmp_path)
    assert f"{environment.programs / 'pse-preflight'}" in missing.stdout


@pytest.mark.long
def test_the_program_for_pse_files_is_installed(environment: Environment, tmp_path: Path) -> None:
    made = environment.run("opengenpse", "gen_pse", "-p", "x.pse", "-noreq", "-x", "", "CN=x", folder=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    assert environment.run("opengenpse", "get_my_name", "-p", "x.pse", "-x", "", folder=tmp_path).returncode == 0
    assert environment.run("opengenpse", "get_my_name", "-p", "y.pse", "-x", "", folder=tmp_path).returncode != 0


@pytest.mark.long
def test_the_program_that_writes_a_first_systems_yaml_is_installed(environment: Environment, tmp_path: Path) -> None:
    assert environment.run("pse-preflight", "init", "--help", folder=tmp_path).returncode == 0
    wrong = environment.run("pse-preflight", "init", "http://", folder=tmp_path)
    assert wrong.returncode != 0
    assert "Traceback" not in wrong.stderr


def _pins() -> dict[str, str]:
    text = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def test_everything_that_is_needed_is_pinned_to_a_version_that_fits() -> None:
    pins = _pins()
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    for requirement in map(Requirement, [*PROJECT["dependencies"], *extras]):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize(
    "extra", ["test", *(pytest.param(each, marks=pytest.mark.long) for each in ("long", "program", "lint"))]
)
def test_what_is_needed_indirectly_is_pinned_too(extra: str) -> None:
    """What an extra needs is known where it is installed: the one of this tier, or those of the long proofs."""
    needed = _closure([*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]])
    assert len(needed) > len(PROJECT["dependencies"])
    assert needed <= _pins().keys()


def test_every_extra_is_looked_at() -> None:
    assert set(PROJECT["optional-dependencies"]) == {"test", "long", "program", "lint"}
