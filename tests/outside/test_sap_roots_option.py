"""--sap-roots on the command line: found out before anything is asked, told in the header, under both names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pse_preflight.certificate import now, read_pem
from tests.kit.runs import PARALLEL, Ended, run_checks
from tests.kit.saps_lists import MADE, new_root, pse_bytes, public_roots


def _run(folder: Path, *arguments: str) -> Ended:
    return run_checks(folder, "--engine=bundled", "--system=demo", "-m", "pk_list", *arguments)


@pytest.fixture
def required(tmp_path: Path) -> Path:
    file = tmp_path / "required.pse"
    file.write_bytes(pse_bytes((*public_roots(), new_root())))
    return file


def _header(ran: Ended) -> str:
    """Return what stands before the checks, in one line."""
    return " ".join(ran.stdout.partition("collected")[0].split())


@pytest.mark.long
@pytest.mark.parametrize("parallel", [(), PARALLEL], ids=["alone", "parallel"])
@pytest.mark.parametrize("content", [b"", b"hello", pse_bytes(public_roots())[:-9]], ids=["empty", "other", "damaged"])
def test_what_is_no_list_ends_the_run_before_anything_is_asked(
    required: Path, content: bytes, parallel: tuple[str, ...]
) -> None:
    required.write_bytes(content)
    ran = _run(required.parent, f"--sap-roots={required}", *parallel)
    assert ran.returncode == 4
    (line,) = (line for line in f"{ran.stdout}\n{ran.stderr}".splitlines() if line.startswith("ERROR: "))
    assert line.startswith(f"ERROR: {required}: ")
    assert "Traceback" not in f"{ran.stdout}{ran.stderr}"
    assert not (required.parent / ".pse-preflight").exists()


@pytest.mark.long
@pytest.mark.parametrize("option", ["--sap-roots=required.pse", "--roots-in-use=required.pse"])
def test_a_newer_list_is_told_under_either_name(required: Path, option: str) -> None:
    ran = _run(required.parent, option)
    assert ran.returncode == 0
    assert f"({MADE:%Y-%m-%d}) is newer than the list that comes along (3.0.0, 2026-06-03), and used" in _header(ran)


@pytest.mark.long
@pytest.mark.parametrize("name", ["preflight_sap_roots", "preflight_roots_in_use"])
def test_the_settings_of_pytest_may_name_it(required: Path, name: str) -> None:
    ran = _run(required.parent, "-o", f"{name}=required.pse")
    assert "is newer than the list that comes along" in _header(ran)


def test_an_older_list_is_told_and_the_run_goes_on(required: Path) -> None:
    required.write_bytes(pse_bytes((*public_roots(), new_root()), datetime(2025, 1, 1, tzinfo=UTC)))
    ran = _run(required.parent, "--sap-roots=required.pse")
    assert ran.returncode == 0
    assert "(2025-01-01) is older than the list that comes along" in _header(ran)


def test_without_it_nothing_is_told_of_lists(required: Path) -> None:
    assert "SAP's list of roots" not in _header(_run(required.parent))


@pytest.mark.long
def test_a_table_of_ones_own_hosts_turns_the_check_red_within_60_days(required: Path) -> None:
    assert _run(required.parent).returncode == 0
    (root,) = read_pem((required.parent / ".pse-preflight" / "demo" / "root.pem").read_bytes())
    (required.parent / "own.yaml").write_text(
        f"""
dated: 2026-11-01
roots:
  - {{name: Demo Root CA, sha256: {root.sha256}}}
  - {{name: Next, sha256: {"cd" * 32}}}
changes:
  - {{hosts: [localhost], root: Demo Root CA, successors: [Next], date: {now().date() + timedelta(days=6)}, source: us}}
""",
        encoding="utf-8",
    )
    ran = _run(required.parent, "--sap-roots=own.yaml")
    assert ran.returncode == 1
    assert "ROOT_CHANGE_AHEAD: " in ran.stdout
    assert "own.yaml announces 1 change of roots" in _header(ran)
