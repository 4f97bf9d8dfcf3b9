"""What lies beside a PSE."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import Condition, State, look, neighbours
from pse_preflight.client_pse.findings import file_findings
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.pse.file import LARGEST_FILE
from tests.kit import pse_mutations
from tests.kit.files import keep_private


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


@pytest.mark.parametrize(("more", "told"), [(0, False), (1, True)])
def test_what_is_too_large_for_a_pse_is_told_from_one_byte_on(tmp_path: Path, more: int, *, told: bool) -> None:
    file = tmp_path / "client.pse"
    with file.open("wb") as stream:
        stream.truncate(LARGEST_FILE + more)
    assert look(file).state is State.UNREADABLE
    assert ("larger than 16 MiB" in look(file).problem) is told


def test_folder_that_cannot_be_read_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_folder: Path, _pattern: str) -> Iterator[Path]:
        raise PermissionError

    (tmp_path / "b.pse").touch()
    monkeypatch.setattr(Path, "glob", refused)
    assert neighbours(tmp_path / "a.pse") == ()


def test_links_that_cannot_be_followed_leave_the_folder_as_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows follows none in a path of 260 characters and more."""

    def refused(path: Path) -> Path:
        raise OSError(0, "More data available", str(path))

    pse = tmp_path / "a.pse"
    pse.write_bytes(pse_mutations.made().encode())
    keep_private(pse)
    expected = look(pse)
    monkeypatch.setattr(Path, "resolve", refused)
    assert look(pse) == expected


def test_credentials_are_told_of_where_they_lie_beside_a_pse_with_a_pin() -> None:
    usual = Condition(Path("/sec/client.pse"), State.HAS_PIN)
    for condition, told in ((usual, False), (replace(usual, has_credentials=True), True)):
        (found,) = file_findings(ClientPse(condition))
        assert found.code is Code.PSE_HAS_PIN
        assert ("; the cred_v2 beside it keeps PINs for SAP's own programs" in found.observed) is told
