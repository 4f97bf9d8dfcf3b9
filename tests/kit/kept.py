"""A process that has imported other people's modules and does one run after the other, where none can be forked.

On Windows to start Python and to import takes most of the time of a small run. Each run has a working folder,
arguments, an environment and streams of its own, and imports this project anew; what is installed stays, and so do the
rooms below that only judge, read and write: whatever a run has changed or remembered in them is undone. A thread that
goes on after it ends the process, and the next run gets a new one.

As a program, `python kept.py` does what it is told on standard input, a line of JSON for each run.
"""

import functools
import gc
import json
import os
import queue
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

PRELOADED = (
    "runpy",
    "pytest",
    "_pytest.junitxml",
    "cryptography.x509",
    "cryptography.hazmat.primitives.serialization.pkcs12",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "pydantic",
    "requests",
    "yaml",
    "jinja2",
    "certifi",
    "filelock",
    "idna",
    "win32security",
    "win32file",
    "win32net",
)
PROJECT = "pse_preflight"
ROOMS = ("chain", "client_pse", "demo", "endpoint", "key_stores", "landscape", "pse", "sapgenpse", "verdict")
MOST_RUNS = 40
_SECONDS_TO_END = 3
_CACHE = functools._lru_cache_wrapper
_SOURCES = Path(__file__).resolve().parents[2] / "src"
_INSTALLED = tuple({Path(sysconfig.get_path(each)) for each in ("stdlib", "purelib", "platlib")})


class Kept:
    """Such a process, started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._replies: queue.Queue[bytes] = queue.Queue()

    def run(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        seconds: float,
    ) -> int:
        """Run a module as `python -m` does, with what it prints in two files, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: where it did not end in time; it is killed.
        """
        process = self._alive()
        streams = {"out": str(out), "err": str(err)}
        request = {"module": module, "arguments": list(arguments), "folder": str(folder), **streams}
        self._stdin(process).write(json.dumps({**request, "environment": dict(environment)}).encode() + b"\n")
        self._stdin(process).flush()
        try:
            reply = self._replies.get(timeout=seconds)
        except queue.Empty:
            self.end()
            raise subprocess.TimeoutExpired([module, *arguments], seconds) from None
        if not reply:  # it has ended by itself, as a run that crashes does
            code = process.wait()
            self.end()
            return code
        told = json.loads(reply)
        if told["ends"]:
            self.end()
        return int(told["code"])

    def end(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.wait()
            with suppress(OSError):
                self._stdin(self._process).close()
            self._process = None

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._replies = queue.Queue()
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(_SOURCES)},
            )
            threading.Thread(target=_read, args=(self._process.stdout, self._replies), daemon=True).start()
        return self._process

    @staticmethod
    def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
        if process.stdin is None:
            raise AssertionError
        return process.stdin


def may_serve(environment: Mapping[str, str]) -> bool:
    """Tell whether a run with this environment needs no Python of its own: what steers Python itself does."""
    steers = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUNBUFFERED"}
    return not any(name.startswith("PYTHON") and name not in steers for name in environment)


def _read(stream: IO[bytes], replies: "queue.Queue[bytes]") -> None:
    with stream:
        for line in stream:
            replies.put(line)
    replies.put(b"")


def _serve() -> None:
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    own = [each for each in sys.path if each != str(Path(__file__).parent)]
    for name in (*PRELOADED, *_modules_of_rooms()):
        with suppress(ImportError):  # what is for another operating system
            __import__(name)
    undo = _what_undoes()
    preloaded, threads, home = set(sys.modules), threading.active_count(), os.getcwd()  # noqa: PTH109 - as it is
    for number, line in enumerate(asked, 1):
        code = _run(json.loads(line), own)
        os.chdir(home)  # so that the folder of the run can be removed
        _end_as_a_process_does(threads)
        for name in set(sys.modules) - preloaded:
            if not _is_others(name):
                del sys.modules[name]
        undo()
        ends = threading.active_count() > threads or number >= MOST_RUNS
        answers.write(json.dumps({"code": code, "ends": ends}).encode() + b"\n")
        answers.flush()


def _end_as_a_process_does(threads: int) -> None:
    """Do what is left to the end of the process, and give threads that end by that some time."""
    for each in list(weakref.finalize._registry):  # type: ignore[attr-defined]  # it has no public name
        each()
    deadline = time.monotonic() + _SECONDS_TO_END
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)


def _modules_of_rooms() -> list[str]:
    files = (file for room in ROOMS for file in sorted((_SOURCES / PROJECT / room).rglob("*.py")))
    return [
        ".".join(file.relative_to(_SOURCES).with_suffix("").parts) for file in files if not file.name.startswith("__")
    ]


def _what_undoes() -> Callable[[], None]:
    """Return what makes the modules of this project that are loaded as they are now."""
    modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == PROJECT}
    names = {name: dict(vars(module)) for name, module in modules.items()}
    caches = [each for each in gc.get_objects() if _is_cache(each)]

    def undo() -> None:
        sys.modules.update(modules)
        for name, module in modules.items():
            vars(module).clear()
            vars(module).update(names[name])
        for each in caches:
            each.cache_clear()

    return undo


def _is_cache(thing: object) -> bool:
    return isinstance(thing, _CACHE) and thing.__module__.partition(".")[0] == PROJECT


def _is_others(name: str) -> bool:
    """Tell whether a module is installed and none of this project, so that nothing loads parts of its own twice."""
    file = getattr(sys.modules[name], "__file__", None)
    is_ours = name.partition(".")[0] == PROJECT
    return bool(file) and not is_ours and any(each in Path(str(file)).parents for each in _INSTALLED)


def _run(request: dict[str, Any], own: list[str]) -> int:
    """Be `python -m MODULE ARGUMENTS…` to its end."""
    import runpy
    import traceback

    encoding = "utf-8" if sys.flags.utf8_mode else __import__("locale").getencoding()
    kept = [os.dup(number) for number in (1, 2)]
    for number, name in ((1, "out"), (2, "err")):
        opened = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0))
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115 - until the run ends
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None  # where the environment of this run says
    given = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [os.getcwd(), *given, *own]  # noqa: PTH109 - as Python itself puts it there
    sys.argv = [request["module"], *request["arguments"]]
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 - as Python does at its end
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    for number, old in zip((1, 2), kept, strict=True):
        os.dup2(old, number)
        os.close(old)
    return code


if __name__ == "__main__":
    _serve()
