"""`pse-preflight roots`: what is shown, what is written, and what is refused in one line."""

from pathlib import Path

import pytest

from pse_preflight.chain.sap_roots_file import read_table, sap_roots
from pse_preflight.command.program import run
from tests.kit.saps_lists import MADE, new_root, pse_bytes, public_roots

NEW = new_root()


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "required.pse"
    file.write_bytes(pse_bytes((*public_roots(), NEW)))
    return file


def test_the_list_that_comes_along_is_shown_with_the_days_of_each_root(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roots"]) == 0
    told = capsys.readouterr().out
    for each in read_table().roots:
        assert each.sha256 in told
    required, gone = told.split("No longer required:")
    assert "DigiCert Global Root G2: required by SAP since 2024-02-13 (1.0.0)" in required
    assert "in Mozilla's and Chrome's lists until 2029-04-15; ends 2038-01-15" in required
    assert "DigiCert Global Root CA: left SAP's list on 2026-06-03 (3.0.0)" in gone


def test_a_newer_list_becomes_a_table_and_what_changed_is_said(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roots", "--from", str(newer)]) == 0
    told = capsys.readouterr().out
    assert f"new: {NEW.name} (sha256 {NEW.sha256})" in told
    assert "gone: ISRG Root YR" in told
    assert "gone: DigiCert Global Root G2" not in told
    assert "the checks use it with --sap-roots sap-roots.yaml" in told
    known = sap_roots(Path("sap-roots.yaml").absolute())
    assert known.is_newer
    assert known.used.release is not None
    assert known.used.release.day == MADE.date()
    assert {each.sha256 for each in known.used.required} == {each.sha256 for each in (*public_roots(), NEW)}


def test_an_older_list_is_told_and_nothing_is_written(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer.write_bytes(pse_bytes((*public_roots(), NEW), MADE.replace(year=2025)))
    assert run(["roots", "--from", str(newer)]) == 0
    told = capsys.readouterr().out
    assert "is older than the list that comes along" in told
    assert "nothing to write" in told
    assert not Path("sap-roots.yaml").exists()


def test_no_file_is_overwritten(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("mine", encoding="utf-8")
    assert run(["roots", "--from", str(newer), "--output", "mine.yaml"]) == 4
    assert "mine.yaml is there already" in capsys.readouterr().err
    assert Path("mine.yaml").read_text(encoding="utf-8") == "mine"


def test_a_place_that_cannot_be_written_is_told(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roots", "--from", str(newer), "--output", "nowhere/table.yaml"]) == 4
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_what_is_no_list_ends_with_exit_code_4_in_one_line(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer.write_bytes(b"")
    assert run(["roots", "--from", str(newer)]) == 4
    told = capsys.readouterr()
    (line,) = told.err.splitlines()
    assert line.startswith(f"ERROR: {newer}: is empty; SAP's list is required.pse of github.com/sap-software")
    assert told.out == ""
