"""The fake of SAP's tool as a program in a folder, started as a process of its own by a fork.

A fork of this process has everything imported already, so that hundreds of calls take seconds and not minutes. What is
started reads its switches from beside the program all the same, and answers by its output and its exit code only.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from pse_preflight.conformance import fake
from pse_preflight.sapgenpse import process
from tests.kit.pse_mutations import owner_key


def install(folder: Path, **switches: str) -> Path:
    """Write the program and its switches into a folder; return the program."""
    program = fake.install(folder)
    program.with_name("fake-sapgenpse.json").write_text(json.dumps(switches), encoding="utf-8")
    return program


class Forked:
    """What the driver needs of subprocess.Popen, for a fork of this process that is the fake."""

    def __init__(self, command: Sequence[str], *, stdin: int, stderr: int, env: Mapping[str, str], **_: Any) -> None:
        reading, writing = os.pipe()
        given = os.open(os.devnull, os.O_RDONLY) if stdin == subprocess.DEVNULL else os.pipe()[0]
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            errors = writing if stderr == subprocess.STDOUT else os.open(os.devnull, os.O_WRONLY)
            _become(command, env, (given, writing, errors))
        os.close(given)
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb", 0)

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("sapgenpse", timeout)
            else:
                time.sleep(0.001)
        return self.returncode

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, 9)


def _become(command: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int, int]) -> NoReturn:
    """Be the program until it ends; nothing of the tests' own process is left to it but what is imported."""
    code = 70
    try:
        gc.disable()  # it would copy all of the memory that is shared with the tests
        os.setsid()
        os.umask(0o077)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the process ends
        sys.argv = list(command)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        fake.make_key = owner_key
        code = fake.console()
    finally:
        os._exit(code & 0xFF)


@pytest.fixture
def fake_runs_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start programs by a fork."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork, nor start a script as a program")
    owner_key()
    needed = {name: getattr(subprocess, name) for name in ("DEVNULL", "PIPE", "STDOUT", "TimeoutExpired")}
    monkeypatch.setattr(process, "subprocess", SimpleNamespace(Popen=Forked, **needed))
