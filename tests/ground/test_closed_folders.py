"""Whether a file is there, where nobody may look."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pse_preflight import files
from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.command import invocation
from pse_preflight.errors import UsageProblem
from pse_preflight.landscape import select
from pse_preflight.sapgenpse import tool

NOBODY = 65534

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Be an account for which access rights count."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Return a folder into which nobody may look, with everything in it that somebody might look for."""
    folder = tmp_path / "closed"
    folder.mkdir()
    for name in ("sapgenpse", "systems.yaml", "roots.zip", "opengenpse"):
        (folder / name).write_bytes(b"x")
        (folder / name).chmod(0o755)
    (folder / "within").mkdir()
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        each.chmod(0o755)
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_what_may_not_be_looked_at_is_not_there(closed: Path) -> None:
    with as_somebody_else():
        assert not files.is_file(closed / "sapgenpse")
        assert not files.is_folder(closed / "within")


def test_what_may_be_looked_at_is(closed: Path) -> None:
    closed.chmod(0o755)
    with as_somebody_else():
        assert files.is_file(closed / "sapgenpse")
        assert files.is_folder(closed / "within")
        assert not files.is_file(closed / "within")
        assert not files.is_folder(closed / "sapgenpse")


LOOKS: dict[str, Callable[[Path], object]] = {
    "a program on PATH": lambda folder: tool.find_tool("auto", environ={"PATH": str(folder)}).is_bundled,
    "systems.yaml in the working folder": lambda folder: (
        select.find_file(None, select.Surroundings({}, folder, folder, folder)) is None
    ),
}


@pytest.mark.parametrize("what", LOOKS)
def test_nobody_crashes_for_a_folder_that_is_closed(closed: Path, what: str) -> None:
    with as_somebody_else():
        assert LOOKS[what](closed)


def test_a_program_that_is_named_there_is_told(closed: Path) -> None:
    with as_somebody_else(), pytest.raises(tool.ToolMissing, match="sapgenpse is not there"):
        tool.find_tool("sapgenpse", closed / "sapgenpse")


def test_a_list_of_roots_that_is_named_there_is_told(closed: Path) -> None:
    with as_somebody_else(), pytest.raises(UsageProblem, match="Permission denied"):
        sap_roots(closed / "roots.zip")


def test_a_command_is_named_without_it(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "_places", lambda program: iter([closed / program]))
    with as_somebody_else():
        assert invocation.invocation("opengenpse", "-h")[-1] == "-h"
