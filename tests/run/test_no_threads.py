"""A machine that has no thread left: whoever needed it says so, and nobody waits for what never began."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.endpoint.connection import Deadline, resolve
from pse_preflight.endpoint.model import Limits
from pse_preflight.errors import PreflightError
from pse_preflight.sapgenpse import process
from tests.kit.servers import serve_tls
from tests.kit.systems import codes, gather, issuers, roots_file, server, system, write_pse


def _only(threads: int, monkeypatch: pytest.MonkeyPatch, *, of: str = "") -> None:
    """Let so many threads start whose name begins so, and no more."""
    real, left = threading.Thread.start, [threads]

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith(of):
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_systems_that_share_a_pse_do_not_wait_for_one_without_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    aliases = ("SYS-A", "SYS-B", "SYS-C")
    with serve_tls(server()) as good:
        roots = roots_file(tmp_path, server().issuers[-1])
        systems = [system(each, good.port, tmp_path / "sec" / "one.pse", roots=roots) for each in aliases]
        _only(threads, monkeypatch, of="SYS-")
        with pytest.raises(PreflightError, match=r"SYS-. could not be asked: .*; run fewer systems at once"):
            gather(*systems, folder=tmp_path)


def test_a_name_that_cannot_be_resolved_for_want_of_a_thread_is_not_called_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _only(0, monkeypatch)
    with pytest.raises(PreflightError, match="no name can be resolved: can't start new thread"):
        resolve("localhost", 443, Limits(), Deadline.after(5))


def test_a_program_whose_output_nobody_can_read_is_ended_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **more: Any) -> None:
            started.append(self)
            super().__init__(*given, **more)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    _only(0, monkeypatch)
    with pytest.raises(OSError, match="can't start new thread"):
        process.run([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, seconds=30, largest=100)
    assert started[0].returncode is not None


def test_with_threads_everything_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pse = tmp_path / "sec" / "one.pse"
    write_pse(pse, issuers(server()))
    pse.parent.chmod(0o700)
    with serve_tls(server()) as good:
        _only(1, monkeypatch, of="SYS-")
        (evidence,) = gather(system("SYS-A", good.port, pse), folder=tmp_path)
    assert "SERVER_NOT_TRUSTED" not in codes(evidence)
