"""A whole run that is disturbed before each of its steps: killed, refused something, or its files are swapped.

A step is whatever the operating system is asked about the folder of the run: a file is opened, written, synced, named,
locked, removed. `python tests/kit/faults.py JOB ENGINE HOW EVERY FIRST FOLDER` runs a job once for every so-manieth
step, and prints a line of JSON about each. It is a process of its own, so that what is killed is no test.
"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "src")]

from pse_preflight.landscape.url import authority
from pse_preflight.pse import file as pse_file
from pse_preflight.recording.folder import read
from pse_preflight.recording.format import EvidenceUnreadable
from pse_preflight.sapgenpse import process
from pse_preflight.sapgenpse.tool import BundledTool, InstalledTool
from tests.kit.check_runs import ends
from tests.kit.fake_program import Forked, install
from tests.kit.pse_mutations import owner_key
from tests.kit.servers import LOOPBACK, serve_tls
from tests.kit.systems import _as_written, gather, issuers, listed, roots_file, server, system, write_pse

EVENTS = frozenset(
    [
        "open",
        "os.mkdir",
        "os.link",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.chmod",
        "os.chown",
        "os.truncate",
        "os.listdir",
        "os.scandir",
        "os.setxattr",
        "os.getxattr",
        "os.listxattr",
        "fcntl.flock",
        "fcntl.lockf",
        "subprocess.Popen",
    ]
)
COUNTED = ("write", "fsync", "fchmod", "fchown", "unlink", "replace")
JOBS = ("creation", "repair", "check")
ENGINES = ("bundled", "sapgenpse")
REFUSALS: Mapping[str, int] = {
    "full": errno.ENOSPC,
    "closed": errno.EACCES,
    "broken": errno.EIO,
    "without-locks": errno.ENOLCK,
}
"""What the operating system says in place of doing it."""
SWAPS = ("swap-pse", "swap-evidence")
SECONDS = 60
_CRASHED, _HUNG = 70, -14


@dataclass(frozen=True)
class Disturbed:
    """What came of one disturbed run.

    Attributes:
        step, event: before which step, and what that was.
        code: how the run ended: 0, or the signal.
        red: the checks that were red, where it came to its end; None where it did not.
        after: what stood at the path of the PSE then: absent, old, new, swapped, or partial.
        recorded: whether the evidence was whole, or none.
        again, red_again: the same after another run that nobody disturbed; what is red there.
        left: what stood in the folders then that is none of the run's files.
        said: what a crash said.
    """

    step: int
    event: str
    code: int
    red: tuple[str, ...] | None
    after: str
    recorded: bool
    again: str
    red_again: tuple[str, ...]
    left: tuple[str, ...]
    said: str


class Job:
    """One kind of run in a folder, which can be begun anew as often as one likes."""

    def __init__(self, name: str, engine: str, folder: Path, port: int) -> None:
        self._name, self._folder = name, folder
        self._pse = folder / "sec" / "client.pse"
        self._evidence = folder / "evidence"
        self._engine = engine
        self._tool: Any = BundledTool({})
        if engine == "sapgenpse":
            program = install(folder.parent / "exe")
            owner_key()
            kept = {each: getattr(subprocess, each) for each in ("DEVNULL", "PIPE", "STDOUT", "TimeoutExpired")}
            vars(process)["subprocess"] = SimpleNamespace(Popen=Forked, **kept)
            self._tool = InstalledTool(program)
        url = f"https://{authority(LOOPBACK, port)}"
        roots = roots_file(folder.parent, server().issuers[-1])
        self._system = system("PRD", port, self._pse, roots=roots, url_as_written=url)
        folder.mkdir(parents=True, exist_ok=True)
        self._kept: dict[str, bytes] = {"swapped": _foreign(folder)}

    def begin(self) -> None:
        """Lay everything as it is before the run."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        if self._name == "creation":
            return
        self._pse.parent.mkdir(mode=0o700)
        self._write("old", () if self._name == "repair" else issuers(server()))

    def _write(self, what: str, held: Sequence[Any]) -> None:
        if what not in self._kept:
            self._kept[what] = write_pse(self._pse, held)
        self._pse.write_bytes(self._kept[what])
        self._pse.chmod(0o600)

    def run(self) -> tuple[str, ...]:
        """Run it; return what is red."""
        (evidence,) = gather(
            self._system,
            folder=self._folder,
            tool=self._tool,
            evidence=self._evidence,
            repair=self._name == "repair",
            engine="bundled" if self._engine == "bundled" else "auto",
        )
        return tuple(sorted(each for each, end in ends(_as_written(evidence)).items() if end.is_red))

    def swap(self, what: str) -> None:
        """Put something else in the place of the PSE, or of the evidence."""
        if what == "swap-pse":
            other = self._folder / "other.pse"
            other.write_bytes(self._kept["swapped"])
            other.chmod(0o600)
            self._pse.parent.mkdir(mode=0o700, exist_ok=True)
            other.replace(self._pse)
            return
        for name in ("evidence.json", "presented.pem", "path.pem"):
            file = self._evidence / "PRD" / name
            if file.exists():
                file.write_bytes(b"{}")

    @property
    def state(self) -> str:
        """Return what stands at the path of the PSE."""
        if not self._pse.exists():
            return "absent"
        data = self._pse.read_bytes()
        kinds = {content: kind for kind, content in self._kept.items()}
        if data in kinds:
            return kinds[data]
        try:
            return "new" if listed(self._pse) >= {each.sha256 for each in issuers(server())} else "partial"
        except pse_file.PseError:
            return "partial"

    @property
    def is_recorded_whole(self) -> bool:
        """Tell whether evidence.json is whole, or not there."""
        if not (self._evidence / "PRD" / "evidence.json").exists():
            return True
        try:
            read(self._evidence / "PRD")
        except EvidenceUnreadable:
            return False
        return True

    @property
    def left(self) -> tuple[str, ...]:
        """Return what is no file that a run leaves."""
        ours = {"client.pse", "client.pse.backup-1"}
        beside = [each.name for each in self._pse.parent.iterdir()] if self._pse.parent.exists() else []
        kept = [each.name for each in (self._evidence / "PRD").iterdir()]
        # What a kill has left stays for an hour.
        young = re.compile(r"\.files|\.[a-z0-9.-]+\.[0-9]+(-[0-9]+)?(\.preflight)?")
        return tuple(
            sorted({*beside} - ours) + sorted(each for each in kept if each[0] == "." and not young.fullmatch(each))
        )


def _foreign(folder: Path) -> bytes:
    file = folder / "made.pse"
    content = write_pse(file, issuers(server("Second Root")))
    file.unlink()
    return content


class Steps:
    """Counts the steps of a run, and disturbs it before one of them."""

    def __init__(self, last: int, folder: Path, disturb: Callable[[], None], report: int) -> None:
        self._left, self._folder, self._disturb, self._report, self._busy = last, str(folder), disturb, report, False

    def start(self) -> None:
        sys.addaudithook(lambda event, given: self.step(event, given) if event in EVENTS else None)
        for name in COUNTED:
            setattr(os, name, self._counting(name, getattr(os, name)))

    def step(self, name: str, given: Sequence[Any]) -> None:
        if self._busy or self._left <= 0 or not self._concerns(name, given):
            return
        self._left -= 1
        if self._left:
            return
        self._busy = True
        os.write(self._report, name.encode())
        try:
            self._disturb()
        finally:
            self._busy = False

    def _concerns(self, name: str, given: Sequence[Any]) -> bool:
        if name.startswith("fcntl.") or name in {"os.write", "os.fsync", "os.fchmod", "os.fchown"}:
            return bool(given) and self._folder in _name_of(given[0])
        return any(self._folder in str(each) for each in given)

    def _counting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **more: Any) -> Any:
            if name in {"write", "fsync", "fchmod", "fchown"}:
                self.step(f"os.{name}", given)
                if name == "write" and len(given[1]) > 1 and not self._busy:  # as little as the system may take at once
                    given = (given[0], bytes(given[1])[: len(given[1]) // 2 + 1])
            return function(*given, **more)

        return counted


def _name_of(handle: Any) -> str:
    try:
        return str(Path(f"/proc/self/fd/{int(handle)}").readlink())
    except (OSError, TypeError, ValueError):
        return ""


def disturbed(job: Job, how: str, every: int, first: int, folder: Path) -> Iterator[Disturbed]:
    """Run the job once for each of these steps, until it comes to its end without having reached one."""
    step = first
    while True:
        job.begin()
        code, event, red, said = _ended(job, partial(_steps, job, how, step, folder))
        if not event:
            return
        after, whole = job.state, job.is_recorded_whole or how == "swap-evidence"
        code_again, _, red_again, said_again = _ended(job, None)
        yield Disturbed(
            step,
            event,
            code,
            red,
            after,
            whole,
            job.state,
            ("crash",) if code_again else red_again or (),
            job.left,
            said + said_again,
        )
        step += every


def _steps(job: Job, how: str, step: int, folder: Path, report: int) -> None:
    def disturb() -> None:
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif how in REFUSALS:
            raise OSError(REFUSALS[how], os.strerror(REFUSALS[how]))
        else:
            job.swap(how)

    Steps(step, folder, disturb, report).start()


def _ended(job: Job, prepare: Callable[[int], None] | None) -> tuple[int, str, tuple[str, ...] | None, str]:
    """Run the job in a fork; return its exit code, the step that was reached, what is red, and what a crash said."""
    event, told = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        _be(job, prepare, event[1], told[1])
    os.close(event[1])
    os.close(told[1])
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGALRM))
    signal.alarm(SECONDS)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    signal.alarm(0)
    with os.fdopen(event[0]) as reached, os.fdopen(told[0]) as answer:
        text = answer.read()
        answered = json.loads(text) if text.startswith("[") else None
        return code, reached.read(), None if answered is None else tuple(answered), "" if answered is not None else text


def _be(job: Job, prepare: Callable[[int], None] | None, event: int, told: int) -> NoReturn:
    code = _CRASHED
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        if prepare:
            prepare(event)
        text = json.dumps(job.run())
        code = 0
    except BaseException:  # noqa: BLE001 - told to whoever started it
        text = traceback.format_exc()
    os.writev(told, [text.encode()[-60_000:]])
    os._exit(code)


def main() -> None:
    """Disturb one job; the server is a process of its own, so that no thread is forked."""
    name, engine, how, every, first, place = sys.argv[1:]
    reading, writing = os.pipe()
    alive, living = os.pipe()
    server()
    pid = os.fork()
    if pid == 0:
        os.close(living)
        with serve_tls(server()) as running:
            os.write(writing, f"{running.port}\n".encode())
            os.read(alive, 1)  # until whoever started it is no more, however that ended
        os._exit(0)
    with os.fdopen(reading) as stream:
        port = int(stream.readline())
    try:
        folder = Path(place).resolve() / "run"
        folder.parent.mkdir(parents=True, exist_ok=True)
        job = Job(name, engine, folder, port)
        job.begin()
        for each in disturbed(job, how, int(every), int(first), folder):
            sys.stdout.write(f"{json.dumps(each.__dict__)}\n")
            sys.stdout.flush()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
