"""What lies beside a PSE."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pse_preflight.client_pse.condition import neighbours


def test_other_pses_are_named_and_those_of_a_run_beside_this_one_are_not(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        for name in ("b.pse", "a.pse", ".hidden.pse", "a.txt"):
            (folder / name).touch()
    assert neighbours(here / "a.pse") == ("b.pse",)
    assert neighbours(here / "new.pse") == ("a.pse", "b.pse")
    others = tuple(str(there / name) for name in ("a.pse", "b.pse"))
    assert neighbours(here / "a.pse", [here, there, there]) == ("b.pse", *others)
    assert neighbours(tmp_path / "nowhere" / "a.pse") == ()


def test_folder_that_cannot_be_read_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_folder: Path, _pattern: str) -> Iterator[Path]:
        raise PermissionError

    (tmp_path / "b.pse").touch()
    monkeypatch.setattr(Path, "glob", refused)
    assert neighbours(tmp_path / "a.pse") == ()
