"""Runs of the toolkit in a process of their own, each with its folder, its environment, its output and its exit code.

Of pytest's plugins ours is loaded, and those that a test names: a run is then what it is on a client's machine,
whatever else this environment holds.
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

from tests.kit import prepared
from tests.kit.kept import Kept, may_serve
from tests.kit.places import CHECKOUT, SOURCES

CHECKS = str(CHECKOUT / "checks")
PARALLEL = ("-p", "xdist.plugin", "-n2")
SECONDS = 120

Ended = subprocess.CompletedProcess[str]

OTHER_ACCOUNT = "nobody"
AS_ANOTHER_ACCOUNT = ("setpriv", f"--reuid={OTHER_ACCOUNT}", "--clear-groups")


@cache
def lacking_for_another_account() -> str:
    """Return why no other account can run the toolkit here; nothing where one can."""
    if sys.platform == "win32" or os.geteuid() != 0 or not shutil.which("setpriv"):
        return "it takes two accounts, and so root"
    may_read = "import os, sys; sys.exit(not all(os.access(each, os.R_OK) for each in sys.argv[1:]))"
    files = (prepared.__file__, pytest.__file__)  # of the project, and of this environment
    command = [*AS_ANOTHER_ACCOUNT, sys.executable, "-P", "-c", may_read, *files]
    ended = subprocess.run(command, cwd="/", capture_output=True, timeout=60, check=False)
    return "this Python, or the project, is closed to other accounts" if ended.returncode else ""


def needed() -> dict[str, str]:
    """Return what no program of this system starts without: on Windows where that is, and where Wine finds its own."""
    return {name: value for name, value in os.environ.items() if sys.platform == "win32" and name.startswith(_NEEDED)}


_NEEDED = ("SYSTEMROOT", "WINDIR", "WINE", "WINSYS")


def surroundings(**changed: str) -> dict[str, str]:
    """Return the environment for a run: this process's, without what its own pytest and its pipeline have set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GITHUB_"))}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **changed}


@contextmanager
def hearing_ctrl_c() -> Iterator[None]:
    """Let programs that are started meanwhile hear Ctrl-C; those of a job in the background, as CI may be, do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_module(
    module: str, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> Ended:
    """Run `python -m MODULE ARGUMENTS…` in a folder; without an environment, in this process's surroundings."""
    given = (
        surroundings() if environment is None else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **needed(), **environment}
    )
    if not hasattr(os, "fork") and may_serve(given) and module != "-c":
        return _by_a_kept_process(module, arguments, folder, given, seconds)
    if not hasattr(os, "fork"):
        command = [sys.executable, *(("-c",) if module == "-c" else ("-m", module)), *arguments]
        return subprocess.run(  # in the code page of this Windows
            command, cwd=folder, env=given, capture_output=True, text=True, timeout=seconds, check=False
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open("rb") as nothing:
        code = prepared.ask(
            prepared_process(),
            module,
            arguments,
            folder=str(folder),
            environment=given,
            streams=[each.fileno() for each in (nothing, out, err)],
            seconds=seconds,
        )
        said = [(stream.seek(0), stream.read().decode("utf-8"))[1] for stream in (out, err)]
        return subprocess.CompletedProcess(arguments, code, *said)


def _by_a_kept_process(
    module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> Ended:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        out, err = Path(place, "out"), Path(place, "err")
        code = kept_process().run(
            module, arguments, folder=folder, environment=environment, out=out, err=err, seconds=seconds
        )
        said = [each.read_bytes().decode("utf-8", "replace") if each.exists() else "" for each in (out, err)]
    return subprocess.CompletedProcess(arguments, code, *(each.replace("\r\n", "\n") for each in said))


@cache
def kept_process() -> Kept:
    """Return the process that does the runs one after the other, where none can be forked."""
    kept = Kept()
    atexit.register(kept.end)
    return kept


def run_checks(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> Ended:
    """Run the checks of this checkout in a folder."""
    return run_module("pytest", CHECKS, *arguments, folder=folder, environment=environment, seconds=seconds)


def run_result(ended: Ended) -> pytest.RunResult:
    """Return what has ended as pytest's own tests look at it."""
    return pytest.RunResult(ended.returncode, ended.stdout.splitlines(), ended.stderr.splitlines(), duration=0)


def python_program(file: Path) -> None:
    """Write a program that stands for this Python, and lets modules run in the prepared process."""
    shutil.copy(Path(prepared_process()).with_name("python"), file)


def prepared_process() -> str:
    """Return the socket of the prepared process, which is started once for each process of the tests."""
    return _started(os.getpid())


@cache
def _started(_process: int) -> str:
    folder = Path(tempfile.mkdtemp(prefix="pse-preflight-tests-"))
    path, python = folder / "socket", folder / "python"
    text = (
        f"#!{sys.executable} -IS\n"
        f"import sys\n"
        f"sys.path.append({str(Path(prepared.__file__).parent)!r})\n"
        f"import prepared\n"
        f"sys.exit(prepared.be({str(path)!r}, sys.argv[1:]))\n"
    )
    python.write_text(text, encoding="utf-8")
    python.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, prepared.__file__, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )

    def end() -> None:
        if process.stdin:
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, "the prepared process has ended"
        assert time.monotonic() < deadline, "the prepared process does not start"
        time.sleep(0.01)
    return str(path)
