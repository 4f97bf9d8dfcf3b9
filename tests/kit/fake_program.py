"""The fake of SAP's tool as a program in a folder, started by a fork, or where there is none, within this process.

A fork of this process has everything imported already, so that hundreds of calls take seconds and not minutes. What is
started reads its switches from beside the program all the same, and answers by its output and its exit code only.
"""

import gc
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
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


class Within:
    """What the driver needs of subprocess.Popen, for the fake run to its end before anything is asked of it."""

    pid = 0

    def __init__(self, command: Sequence[str], *, stderr: int, env: Mapping[str, str], **_: Any) -> None:
        said = io.BytesIO()

        def write(stream: int, data: bytes) -> int:
            if said.tell() > MOST_BYTES:
                raise _HangsError
            return said.write(data) if stream == 1 or stderr == subprocess.STDOUT else len(data)

        def wait_for_ever(seconds: float) -> None:
            if seconds > LONGEST_PAUSE:
                raise _HangsError

        surroundings = {
            "os": _Instead(os, write=write, environ=dict(env), _exit=sys.exit),
            "sys": _Instead(sys, argv=list(command), stdin=io.StringIO()),
            "time": _Instead(time, sleep=wait_for_ever),
            "make_key": owner_key,
        }
        self.returncode: int | None = None
        self._killed = threading.Event()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in surroundings.items():
                patch.setattr(fake, name, value)
            with suppress(_HangsError):
                self.returncode = _ended(fake.console)
        self.stdout = _Said(said.getvalue(), self._killed if self.returncode is None else None)

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        if self.returncode is None:
            if not self._killed.wait(timeout):
                raise subprocess.TimeoutExpired("sapgenpse", timeout)
            self.returncode = 1
        return self.returncode

    def kill(self) -> None:
        self._killed.set()


LONGEST_PAUSE = 1
MOST_BYTES = 1 << 26


class _HangsError(Exception):
    """The fake waits for ever."""


class _Instead:
    """A module of which some names are others."""

    def __init__(self, module: ModuleType, **others: Any) -> None:
        self._module = module
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _Said(io.BytesIO):
    """What a program has said; where it hangs, its end comes when it is killed."""

    def __init__(self, said: bytes, until: threading.Event | None) -> None:
        super().__init__(said)
        self._until = until

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data and self._until:
            self._until.wait()
        return data


def _ended(program: Callable[[], int]) -> int:
    try:
        return program()
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.fixture
def fake_runs_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start programs by a fork, or within this process."""
    owner_key()
    needed = {name: getattr(subprocess, name) for name in ("DEVNULL", "PIPE", "STDOUT", "TimeoutExpired", "run")}
    if hasattr(os, "fork"):
        started: dict[str, Any] = {"Popen": Forked, **needed}
    else:
        flags = dict.fromkeys(("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW"), 0)
        started = {"Popen": Within, **needed, **flags, "run": lambda *_, **__: None}  # taskkill finds no process
    monkeypatch.setattr(process, "subprocess", SimpleNamespace(**started))
