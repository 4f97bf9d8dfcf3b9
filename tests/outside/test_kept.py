"""A process that does one run after the other gives each what a process of its own would have."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.kept import Kept

LITTLE = "from pydantic import field_validator"
MORE = """
from pydantic import BaseModel, PrivateAttr, field_validator
class More(BaseModel):
    a: int
    _b: int = PrivateAttr(2)
    @field_validator("a")
    @classmethod
    def _whole(cls, value):
        return value
assert (More(a=1).a, More(a=1)._b) == (1, 2)
"""
ONE, OTHER = "import own\nassert own.NAME == 'one'", "import own\nassert own.NAME == 'other'"


@pytest.fixture
def kept() -> Iterator[Kept]:
    process = Kept()
    yield process
    process.end()


def _run(kept: Kept, folder: Path, text: str, own: str = "") -> tuple[int, str]:
    folder.mkdir()
    (folder / "script.py").write_text(text, encoding="utf-8")
    (folder / "own.py").write_text(f"NAME = {own!r}", encoding="utf-8")
    out, err = folder / "out", folder / "err"
    code = kept.run("script", [], folder=folder, environment=dict(os.environ), out=out, err=err, seconds=60)
    return code, err.read_text(encoding="utf-8")


def test_what_loads_its_parts_when_they_are_needed_has_each_once(kept: Kept, tmp_path: Path) -> None:
    assert _run(kept, tmp_path / "one", LITTLE) == (0, "")
    assert _run(kept, tmp_path / "two", MORE) == (0, "")


def test_what_a_run_brings_itself_is_loaded_anew(kept: Kept, tmp_path: Path) -> None:
    assert _run(kept, tmp_path / "one", ONE, "one") == (0, "")
    assert _run(kept, tmp_path / "two", OTHER, "other") == (0, "")


CHANGES = """
import sys
assert "pse_preflight.chain.search" in sys.modules
from pse_preflight import certificate
from pse_preflight.chain import search
from pse_preflight.demo.authority import root_authority
for name in ("pse_preflight.run", "pse_preflight.plugin"):
    assert name not in sys.modules
assert not any(each.cache_info().currsize for each in vars(certificate).values() if hasattr(each, "cache_info"))
assert (search.__name__, hasattr(search, "more")) == ("pse_preflight.chain.search", False)
certificate.Certificate.of(root_authority("Root", certificate.now(), 9).certificate)
assert any(each.cache_info().currsize for each in vars(certificate).values() if hasattr(each, "cache_info"))
search.__name__, search.more = "other", 1
import pse_preflight.run
del sys.modules["pse_preflight.chain.search"]
"""


def test_what_a_run_has_changed_or_remembered_in_this_project_is_undone(kept: Kept, tmp_path: Path) -> None:
    assert _run(kept, tmp_path / "one", CHANGES) == (0, "")
    assert _run(kept, tmp_path / "two", CHANGES) == (0, "")


GOES_ON = """
import builtins, os, threading, weakref
class Server:
    pass
builtins.server, ended = Server(), threading.Event()
{when}
threading.Thread(target=ended.wait, daemon=True).start()
print(os.getpid())
"""


@pytest.mark.parametrize(
    ("when", "stays"),
    [("weakref.finalize(builtins.server, ended.set)", True), pytest.param("", False, marks=pytest.mark.long)],
)
def test_only_a_thread_that_outlives_what_a_process_ends_costs_a_new_process(
    kept: Kept, tmp_path: Path, when: str, *, stays: bool
) -> None:
    for name in ("one", "two"):
        assert _run(kept, tmp_path / name, GOES_ON.format(when=when)) == (0, "")
    one, two = ((tmp_path / name / "out").read_text() for name in ("one", "two"))
    assert (one == two) is stays
