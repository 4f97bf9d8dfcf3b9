"""A process that makes or changes a PSE is killed before one line after the other: the old file or the new one stays.

This is how it is proven on Windows, where no process can be forked; `test_create.py` counts the calls into the file
system instead, elsewhere.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pse_preflight.pse import create
from tests.kit.files import keep_private
from tests.kit.places import SOURCES

KILLS = 30
OLD, NEW = b"old" * 1000, b"new" * 1000
PROGRAM = """
import os, sys
from pathlib import Path
import filelock
from pse_preflight.pse import create

how, pse, last, old, new = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), b"old" * 1000, b"new" * 1000
lines = 0

def trace(frame, event, _):
    global lines
    if not frame.f_code.co_filename.endswith(("create.py", "system.py", "files.py")):
        return None
    if event == "line":
        lines += 1
        if lines == last:
            kill()
    return trace

def kill():
    if sys.platform == "win32":
        import ctypes
        ctypes.windll.kernel32.TerminateProcess(ctypes.c_void_p(-1), 9)
    os.kill(os.getpid(), 9)

sys.settrace(trace)
if how == "publish":
    create.publish(pse, lambda path: create.write_private(path, new))
else:
    create.replace(pse, lambda path: path.write_bytes(new))
sys.settrace(None)
print(lines)
"""


def _run(how: str, pse: Path, last: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, how, str(pse), str(last)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _prepared(how: str, folder: Path) -> Path:
    pse = folder / "sec" / "client.pse"
    if how == "replace":
        pse.parent.mkdir(parents=True)
        pse.write_bytes(OLD)
        keep_private(pse)
    else:
        folder.mkdir()
    return pse


@pytest.mark.long
@pytest.mark.parametrize("how", ["publish", "replace"])
def test_a_kill_before_any_line_loses_nothing(tmp_path: Path, how: str) -> None:
    whole = _run(how, _prepared(how, tmp_path / "whole"), 0)
    assert whole.returncode == 0, whole.stderr
    count = int(whole.stdout)
    seen = set()
    for number in range(1, count + 1, max(1, count // KILLS)):
        pse = _prepared(how, tmp_path / str(number))
        assert _run(how, pse, number).returncode != 0
        seen.add(pse.read_bytes() if pse.exists() else None)
        if how == "publish":
            create.publish(pse, lambda path: create.write_private(path, NEW))
        else:
            create.replace(pse, lambda path: path.write_bytes(NEW))
        assert pse.read_bytes() == NEW
        backups = {"client.pse.backup-1"} if how == "replace" else set()
        left = {each.name for each in pse.parent.iterdir()}
        assert left - backups == {"client.pse"}
        assert all((pse.parent / each).read_bytes() == OLD for each in backups)
    assert seen == ({None, NEW} if how == "publish" else {OLD, NEW})
