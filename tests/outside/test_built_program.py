"""The program of one file, built and started: the wheel's checks, codes and exit codes, however it is started.

It is built once for all processes of the tests, or taken from where PREFLIGHT_BUILT says that scripts/build_program.py
has put it.
"""

import hashlib
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from pse_preflight.certificate import now
from pse_preflight.demo.authority import root_authority
from pse_preflight.demo.server import SCENARIOS
from tests.kit.places import CHECKOUT
from tests.kit.runs import hearing_ctrl_c, run_module, surroundings
from tests.kit.servers import serve_tls

pytestmark = pytest.mark.long
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX' own; what is Windows' is in windows/program")

SCRIPT = CHECKOUT / "scripts" / "build_program.py"
NAME = "pse-preflight.exe" if sys.platform == "win32" else "pse-preflight"
SECONDS = 120


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what the script builds."""
    if built := os.environ.get("PREFLIGHT_BUILT"):
        return Path(built)
    pytest.importorskip("PyInstaller", reason="needs the extra `program`")
    pytest.importorskip("cyclonedx_py", reason="needs the extra `program`")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "built"
    with FileLock(f"{folder}.lock"):
        if not (folder / "SHA256SUMS").exists():
            _build(folder)
    return folder


def _build(folder: Path) -> str:
    command = [sys.executable, str(SCRIPT), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@dataclass(frozen=True)
class Built:
    """A program that needs no Python."""

    file: Path

    def __call__(self, *arguments: str, folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
        environment = {**kept, "PATH": os.defpath, **changed}
        command = [str(self.file), *arguments]
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            encoding="utf-8", timeout=SECONDS, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def file(dist: Path) -> Built:
    return Built(dist / NAME)


@pytest.fixture(scope="session")
def folder(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return the program that is a folder, unpacked from its zip."""
    (archive,) = dist.glob("*-folder.zip")
    place = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(place)
        for each in opened.infolist():
            (place / each.filename).chmod(each.external_attr >> 16)
    return Built(place / "pse-preflight" / NAME)


BOTH = pytest.mark.parametrize("form", ["file", "folder"])


@BOTH
def test_the_demo_is_green(form: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    program: Built = request.getfixturevalue(form)
    ran = program("check", "demo", "--engine=bundled", "--trust-report=t.html", "--pack=out.zip", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"({program.file}) on " in ran.stdout
    assert "OK (PSE created)" in ran.stdout
    assert (tmp_path / "t.html").exists()
    again = program("report", "table", "out.zip", folder=tmp_path)
    assert again.returncode == 0, again.stderr


@BOTH
def test_every_scenario_ends_with_the_codes_of_the_wheel(
    form: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    program: Built = request.getfixturevalue(form)
    same = runpy.run_path(str(CHECKOUT / "tests" / "outside" / "windows" / "same_ends.py"))
    asked = ["check", "--system=" + ",".join(f"demo:{each}" for each in SCENARIOS), "--engine=bundled"]
    one = run_module("pse_preflight", *asked, "--evidence=wheel", "--junitxml=wheel.xml", folder=tmp_path)
    other = program(*asked, "--evidence=file", "--junitxml=file.xml", folder=tmp_path)
    assert (one.returncode, other.returncode) == (1, 1), other.stdout + other.stderr
    names = ("wheel", "file", "wheel.xml", "file.xml")
    assert same["main"](*(tmp_path / each for each in names)) == 0
    assert len(same["ends"](tmp_path / "file")) > 30 * len(SCENARIOS)


def test_a_difference_would_be_found(file: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = runpy.run_path(str(CHECKOUT / "tests" / "outside" / "windows" / "same_ends.py"))
    for name, system in (("one", "demo:expired-leaf"), ("other", "demo:expired-leaf")):
        file("check", system, f"--evidence={name}", f"--junitxml={name}.xml", folder=tmp_path)
    files = [tmp_path / each for each in ("one", "other", "one.xml", "other.xml")]
    assert same["main"](*files) == 0
    result = tmp_path / "other" / "result.json"
    text = result.read_text(encoding="utf-8").replace("CERTIFICATE_EXPIRED", "CERTIFICATE_WEAK")
    result.write_text(text, encoding="utf-8")
    assert same["main"](*files) == 1
    assert "CERTIFICATE_WEAK" in capsys.readouterr().out


def test_nothing_of_the_place_has_a_say(file: Built, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -m 'not network' -p evil\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("raise SystemExit('loaded')\n", encoding="utf-8")
    for name in ("evil", "pytest", "sitecustomize", "requests", "pse_preflight"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('loaded {name}')\n", encoding="utf-8")
    ran = file(
        "check", "demo", "-q", folder=tmp_path, PYTEST_ADDOPTS="-k nothing", PYTEST_PLUGINS="evil",
        PYTHONPATH=str(tmp_path), PYTHONHOME=str(tmp_path), PYTHONSTARTUP=str(tmp_path / "evil.py"),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "demo: OK" in ran.stdout


def test_it_tells_what_is_inside(file: Built, dist: Path, tmp_path: Path) -> None:
    told = file("--version", "-v", folder=tmp_path).stdout
    (bill,) = dist.glob("*.cdx.json")
    parts = {
        each["name"].lower().replace("_", "-"): each["version"]
        for each in json.loads(bill.read_text(encoding="utf-8"))["components"]
        if each.get("purl", "").startswith("pkg:pypi/")
    }
    found = {
        name.lower().replace("_", "-"): version
        for name, version in re.findall(r"^  ([\w.-]+) (\d\S*)$", told, re.MULTILINE)
    }
    assert {"pytest", "cryptography", "requests", "certifi", "pydantic-core"} <= set(parts)
    assert not {"pip", "setuptools", "pyinstaller", "hypothesis"} & set(parts)
    assert found == {name: version for name, version in parts.items() if name != "pse-preflight"}
    assert re.search(r"^  commit: [0-9a-f]{40}|^  commit: unknown", told, re.MULTILINE)
    licences = file("--licenses", folder=tmp_path).stdout
    assert all(f"\n{name} " in f"\n{licences.lower().replace('_', '-')}" for name in parts)
    assert "Python Software Foundation" in licences
    assert "PyInstaller" in licences


def test_the_sums_are_those_of_the_files(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    named = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(named) | {"SHA256SUMS"} == {each.name for each in dist.iterdir()}
    for name, digest in named.items():
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest


def test_it_is_small(dist: Path) -> None:
    assert (dist / NAME).stat().st_size < 30_000_000


def test_under_the_name_of_opengenpse_it_is_that_program(file: Built, tmp_path: Path) -> None:
    copied = Built(tmp_path / ("opengenpse.exe" if sys.platform == "win32" else "opengenpse"))
    shutil.copy2(file.file, copied.file)
    pse = tmp_path / "x.pse"
    made = copied("gen_pse", "-p", str(pse), "-noreq", "-x", "", "CN=x", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "CN=x" in file("opengenpse", "get_my_name", "-p", str(pse), "-x", "", folder=tmp_path).stdout


@pytest.mark.parametrize("name", ["mein programm", "Prüf & Läufe (100%)", "a'b"])
def test_it_may_lie_anywhere_under_any_name(file: Built, tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.mkdir()
    moved = Built(place / f"{name}{file.file.suffix}")
    shutil.copy2(file.file, moved.file)
    ran = moved("check", "https://localhost:1", "-m", "pse", folder=place)
    assert ran.returncode == 1, ran.stderr
    assert str(moved.file) in " ".join(ran.stdout.split()).replace("\\", "") or str(moved.file) in ran.stdout
    assert moved("check", "demo", "-q", folder=place).returncode == 0


def test_two_at_once_do_not_meet(file: Built, tmp_path: Path) -> None:
    command = [str(file.file), "check", "demo", "-q", "--engine=bundled"]
    runs = [
        subprocess.Popen([*command, f"--evidence={tmp_path / name}"], stdout=subprocess.PIPE, cwd=tmp_path)
        for name in ("one", "two")
    ]
    for each in runs:
        out, _ = each.communicate(timeout=SECONDS)
        assert (each.returncode, b"demo: OK" in out) == (0, True)


@needs_posix
def test_nothing_stays_in_the_temporary_folder(file: Built, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    assert file("check", "demo", "-q", folder=tmp_path, TMPDIR=str(temporary)).returncode == 0
    assert list(temporary.iterdir()) == []


@needs_posix
@pytest.mark.parametrize("at", ["unpacking", "running"])
def test_what_is_left_of_a_killed_run_is_removed_by_the_next_start(file: Built, tmp_path: Path, at: str) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = surroundings(TMPDIR=str(temporary))
    command = [str(file.file), "check", "demo", f"--evidence={tmp_path / 'evidence'}"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )
    wanted: Callable[[], bool] = (tmp_path / "evidence").exists if at == "running" else lambda: any(temporary.iterdir())
    _wait_until(wanted)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)
    assert [each.name[:4] for each in temporary.iterdir()] == ["_MEI"]
    assert file("--version", folder=tmp_path, TMPDIR=str(temporary)).returncode == 0
    assert list(temporary.iterdir()) == []


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk that has room for nothing that is unpacked."""
    place = tmp_path / "full"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "none", str(place)], check=False, capture_output=True, timeout=30
    )
    if not made or made.returncode:
        pytest.skip("no small disk can be made here")
    yield place
    subprocess.run([str(shutil.which("umount")), str(place)], check=True, timeout=30)


@needs_posix
def test_a_full_disk_is_told(file: Built, tmp_path: Path, full: Path) -> None:
    ran = file("check", "demo", folder=tmp_path, TMPDIR=str(full))
    assert ran.returncode == 255
    assert "[PYI-" in ran.stderr
    assert "Traceback" not in ran.stderr
    more = [str(shutil.which("mount")), "-o", "remount,size=200m", str(full)]
    subprocess.run(more, check=True, timeout=30)
    assert file("--version", folder=tmp_path, TMPDIR=str(full)).returncode == 0
    assert list(full.iterdir()) == []  # what the first one has left is gone, too


@needs_posix
def test_a_temporary_folder_that_is_not_there_is_no_fault(file: Built, tmp_path: Path) -> None:
    """The bootloader then takes the system's own."""
    ran = file("--version", folder=tmp_path, TMPDIR=str(tmp_path / "nowhere"))
    assert ran.returncode == 0


@needs_posix
def test_who_closes_all_streams_gets_the_exit_code(file: Built, tmp_path: Path) -> None:
    line = f"'{file.file}' check demo:expired-leaf <&- >&- 2>&-"
    ended = subprocess.run(["sh", "-c", line], cwd=tmp_path, check=False, timeout=SECONDS)
    assert ended.returncode == 1
    assert (tmp_path / ".pse-preflight" / "result.json").exists()


@needs_posix
def test_programs_that_it_starts_do_not_get_its_libraries(file: Built, tmp_path: Path) -> None:
    tool = tmp_path / "sapgenpse"
    tool.write_text(f'#!/bin/sh\necho "[$LD_LIBRARY_PATH]" >> {tmp_path}/seen\nexit 1\n', encoding="utf-8")
    tool.chmod(0o755)
    file("check", "demo", f"--sapgenpse={tool}", folder=tmp_path)
    assert set((tmp_path / "seen").read_text(encoding="utf-8").split()) == {"[]"}


@needs_posix
def test_ctrl_c_ends_it_as_it_ends_the_wheel(file: Built, tmp_path: Path) -> None:
    with hearing_ctrl_c(), subprocess.Popen(
        [str(file.file), "check", "https://192.0.2.1", "--retry=60"], cwd=tmp_path, process_group=0,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdout
        for line in process.stdout:
            if line.startswith("collected"):
                break
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 2


def test_a_misuse_is_one_line(file: Built, tmp_path: Path) -> None:
    ran = file("check", "PRD", "--nonsense", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (4, "")
    assert len(ran.stderr.splitlines()) == 1
    assert "-n needs pytest-xdist" in file("check", "demo", "-n2", folder=tmp_path).stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["roots"], ["show", "--help"], ["init", "--help"], ["report", "--help"], ["opengenpse"]]
)
def test_every_command_is_there(file: Built, tmp_path: Path, arguments: list[str]) -> None:
    one, other = file(*arguments, folder=tmp_path), run_module("pse_preflight", *arguments, folder=tmp_path)
    assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr)


def test_the_same_commit_makes_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    if os.environ.get("PREFLIGHT_BUILT"):
        pytest.skip("what is at hand may be of another commit")
    _build(tmp_path / "again")
    assert (tmp_path / "again" / "SHA256SUMS").read_bytes() == (dist / "SHA256SUMS").read_bytes()


def test_mozillas_list_is_inside(file: Built, tmp_path: Path) -> None:
    root = root_authority("Company Root", now() - timedelta(days=1), 900)
    with serve_tls(root.issue_server(["localhost"], now() - timedelta(days=1), 90)) as server:
        nowhere = str(tmp_path / "nowhere.pem")
        told = file("show", f"https://localhost:{server.port}", folder=tmp_path, SSL_CERT_FILE=nowhere).stdout
    assert re.search(r"Mozilla's\s+list\s+\(certifi\s+20", told), told
