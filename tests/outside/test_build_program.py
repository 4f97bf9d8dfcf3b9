"""What builds the program of one file, as far as it shows without building it."""

import json
import os
import re
import runpy
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pse_preflight.command import leftovers
from tests.kit.places import CHECKOUT

PROGRAM = CHECKOUT / "scripts" / "program"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(CHECKOUT / "scripts" / "build_program.py"))


@pytest.fixture(scope="module")
def parts() -> Any:
    found = SimpleNamespace(__name__="parts")
    sys.modules["parts"] = found  # type: ignore[assignment] # dataclasses look their module up
    try:
        found.__dict__.update(runpy.run_path(str(PROGRAM / "parts.py"), run_name="parts"))
    finally:
        del sys.modules["parts"]
    return found


def test_the_same_files_make_the_same_zip(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    made = []
    for name, order in (("a", ("x.txt", "pse-preflight")), ("b", ("pse-preflight", "x.txt"))):
        folder = tmp_path / name
        for each in order:
            (folder / "_internal").mkdir(parents=True, exist_ok=True)
            (folder / each).write_text(each, encoding="utf-8")
            (folder / "_internal" / "y.so.1").write_text("y", encoding="utf-8")
        script["pack_folder"](folder, "pse-preflight", tmp_path / f"{name}.zip")
        made.append((tmp_path / f"{name}.zip").read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        modes = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
        assert archive.infolist()[0].date_time == (2027, 1, 15, 8, 0, 0)
    assert modes == {
        "pse-preflight/_internal/y.so.1": 0o755,
        "pse-preflight/pse-preflight": 0o755,
        "pse-preflight/x.txt": 0o644,
    }


def test_what_goes_in_has_the_versions_with_which_it_is_tested(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = script["needed_by"]("pse-preflight") - {"pse-preflight"}
    assert {"pytest", "cryptography", "pydantic-core", "urllib3"} <= needed
    assert not {"hypothesis", "ruff", "pyinstaller", "pip"} & needed
    pinned = re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", (CHECKOUT / "constraints.txt").read_text(encoding="utf-8"))
    versions = {script["canonical"](name): version for name, version in pinned}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)  # whatever is installed today
    script["refuse_other_versions"](sorted(needed))
    monkeypatch.setattr(metadata, "version", lambda _name: "0.0.1")
    with pytest.raises(script["NotBuilt"], match=r"pytest 0\.0\.1 is installed, and constraints.txt says "):
        script["refuse_other_versions"](["pytest"])


def test_a_program_that_fails_is_told_with_what_it_said(script: dict[str, Any]) -> None:
    with pytest.raises(script["NotBuilt"], match=r"ended with 3:\nwhy"):
        script["run"]([sys.executable, "-c", "print('why'); raise SystemExit(3)"])


def test_the_sums_are_as_sha256sum_writes_them(script: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # pragma: allowlist secret
    assert script["sums"]([tmp_path / "b"]) == f"{empty}  b\n"


def test_the_mark_is_the_one_that_the_program_looks_for(parts: Any) -> None:
    assert parts.MARK == leftovers.MARK
    assert parts.MARK < "A"  # what can be run is unpacked in the order of its names


def test_no_module_of_ours_is_left_out_but_what_is_for_developers(parts: Any) -> None:
    package = CHECKOUT / "src" / "pse_preflight"
    names = {
        ".".join(("pse_preflight", *each.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        for each in package.rglob("*.py")
    }
    left = {each for each in names if not parts.is_needed_of_ours(each)}
    assert left
    assert {each.split(".")[1] for each in left} == {"conformance"}


def test_what_is_left_out_is_loaded_by_nothing(parts: Any) -> None:
    """What a run imports, here in a process of its own, is what would be missing."""
    code = (
        "import sys, pytest, pdb, requests, jinja2, yaml, pydantic, cryptography.x509.verification, filelock, certifi\n"
        "import pse_preflight.plugin, pse_preflight.report.page, pse_preflight.endpoint.asking\n"
        "print(*sys.modules)"
    )
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, env=unmeasured, capture_output=True, text=True, check=True, timeout=60)
    optional = {"readline", "bz2", "_bz2", "lzma", "_lzma", "_distutils_hack", "sqlite3"}  # used where they are
    names = set(loaded.stdout.split()) - optional
    assert "urllib3.http2" in names
    missing = {name for name in names if any(f"{name}.".startswith(f"{each}.") for each in parts.LEFT_OUT)}
    assert {each for each in missing if not each.startswith("urllib3.contrib")} == set()
    assert [name for name in names if not parts.is_needed(name)] == []


def test_metadata_is_kept_without_the_description(parts: Any) -> None:
    told = parts.short_metadata(metadata.distribution("pytest"))
    assert f"Name: pytest\nVersion: {metadata.version('pytest')}\n" in told
    assert "Requires-Dist: pluggy" in told
    assert len(told) < 3000


@pytest.mark.long  # the environment of the second tier has the extra `program`
def test_the_licences_are_those_of_every_part(parts: Any) -> None:
    if "PREFLIGHT_MUST_NOT_SKIP" not in os.environ:
        pytest.importorskip("PyInstaller", reason="needs the extra `program`")
    inside = [metadata.distribution(each) for each in ("pytest", "certifi")]
    told = parts.licences(inside, [parts.Library("libssl3 3.0", ("libssl.so.3",), "OpenSSL's own")])
    for each in ("pytest ", "certifi ", "pyinstaller ", "Python 3.", "libssl.so.3 of libssl3 3.0", "OpenSSL's own"):
        assert f"\n{each}" in told
    assert "Mozilla Public License" in told
    assert "Bootloader Exception" in told


def test_the_order_is_read_as_it_was_written(parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = {"name": "pse-preflight", "version": "1.2.3", "commit": "c", "folder": str(tmp_path), "icon": "i"}
    (tmp_path / "order.json").write_text(json.dumps(order), encoding="utf-8")
    monkeypatch.setenv(parts.ORDER, str(tmp_path / "order.json"))
    assert parts.read_order() == parts.Order(**order)


def test_a_distribution_is_lent_with_all_that_it_tells_and_without_its_tests(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ["x/__init__.py", "x-1.dist-info/METADATA", "x-1.dist-info/licenses/win32com/License.txt"]
    left = ["x/tests/test_x.py", "x/__init__.pyc", "win32com/client.py"]
    for each in (*kept, *left):
        (tmp_path / "site" / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / each).touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "x").touch()
    record = "".join(f"{each},,\n" for each in (*kept, *left, "../bin/x"))
    (tmp_path / "site" / "x-1.dist-info" / "RECORD").write_text(record, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    script["lend"](["x"], tmp_path / "lent")
    lent = {each.relative_to(tmp_path / "lent").as_posix() for each in (tmp_path / "lent").rglob("*") if each.is_file()}
    assert lent == set(kept)
