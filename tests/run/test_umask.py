"""A umask that takes everything, even from the owner: a run makes what it can use, twice, and gives nobody more."""

import os
import stat
import sys
from pathlib import Path

import pytest

from tests.kit.runs import CHECKS, run_module

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a umask of POSIX")


@pytest.mark.long
@pytest.mark.parametrize("umask", [0o777, 0o400, 0o277])
@pytest.mark.parametrize("door", [("pse_preflight", "check"), ("pytest", CHECKS)], ids=["the program", "pytest"])
def test_two_runs_are_green_whatever_the_umask(tmp_path: Path, umask: int, door: tuple[str, str]) -> None:
    module, first = door
    before = os.umask(umask)
    try:
        for _ in range(2):
            options = ("--system=demo", "--engine=bundled", "--junitxml=r.xml", "--trust-report=p.html")
            ended = run_module(module, first, *options, folder=tmp_path)
            assert ended.returncode == 0, ended.stdout + ended.stderr
    finally:
        os.umask(before)
    kept = tmp_path / ".pse-preflight"
    for each in (kept, *kept.rglob("*")):
        mode = stat.S_IMODE(each.stat().st_mode)
        assert mode & 0o600 == 0o600, each
        assert not mode & umask & 0o077, each
