"""Many systems are asked by a process of its own: with the same verdicts, and nobody waits for what has ended."""

import json
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from pse_preflight import plugin
from pse_preflight.certificate import now
from pse_preflight.endpoint.model import Limits
from pse_preflight.errors import PreflightError
from pse_preflight.landscape.system import System
from pse_preflight.run import many_systems, own_process, own_process_main
from pse_preflight.run.all_systems import Gathering
from pse_preflight.run.many_systems import FEWEST, ManySystems, are_many
from pse_preflight.run.own_process import BUSY, HELLO, PROTOCOL, OwnProcess, SystemAnswer, Work
from pse_preflight.run.own_process_main import Sender
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence
from tests.checks.corpus import CORPUS, Scenario, good
from tests.kit.runs import (
    hearing_ctrl_c,
    run_checks,
    surroundings,
)
from tests.kit.servers import serve_tls
from tests.kit.systems import issuers, roots_file, server, system, write_pse
from tests.kit.tiers import first

STRANGE = "STRANGE"


@pytest.mark.parametrize("scenario", first(40, CORPUS), ids=str)
def test_whatever_is_known_comes_from_another_process_as_it_is(scenario: Scenario) -> None:
    evidence = scenario.evidence()
    told = pickle.loads(pickle.dumps(evidence))  # noqa: S301 - made in this line
    assert repr(told) == repr(evidence)
    assert told.findings == evidence.findings


def _systems(folder: Path, port: int, count: int = 2) -> list[System]:
    roots = roots_file(folder, server().issuers[-1])
    pse = folder / "sec" / "one.pse"
    return [system(f"S{number:02}", port, pse, roots=roots, folder=folder / f"S{number:02}") for number in range(count)]


def _gathering(
    folder: Path, systems: list[System], process: Any = None, kind: type[Gathering] = Gathering
) -> Gathering:
    aliases = [each.alias for each in systems]
    settings = Settings(evidence=folder, engine="bundled")
    made = kind(systems, settings, clock=now, asked=aliases, creating=aliases)
    made.process = cast("OwnProcess", process)
    return made


def test_a_process_of_its_own_finds_what_this_one_finds(tmp_path: Path) -> None:
    with serve_tls(server()) as good_server:
        systems = _systems(tmp_path, good_server.port)
        write_pse(systems[0].pse, issuers(server()))
        asking = OwnProcess()
        there, here = _gathering(tmp_path, systems, asking), _gathering(tmp_path, systems)
        for each in systems:
            told, known = there.evidence(each.alias), here.evidence(each.alias)
            assert told.system == each
            assert (told.findings, told.trust, told.judgement) == (known.findings, known.trust, known.judgement)
            assert there.waited_for(each.alias) is not None
        assert good_server.connections == 2 * 2 * len(systems)
    assert asking._process.wait(30) == 0


class Broken:
    """A process that answers for some systems and ends, or takes nothing at all."""

    def __init__(self, *answers: SystemAnswer, takes: bool = True, error: Exception | None = None) -> None:
        self._answers, self._takes, self._error = answers, takes, error

    def takes(self, _: Work) -> bool:
        return self._takes

    def answers(self) -> Iterator[SystemAnswer]:
        yield from self._answers
        if self._error:
            raise self._error


def _known_of(asked: System) -> Evidence:
    """Return what is known of a system where all is well."""
    return replace(good().evidence(), system=asked)


def _told_of(made: Gathering, alias: str) -> Any:
    """Return what a run says of a system: its evidence, or why there is none; whoever waits for ever fails."""
    told: list[Any] = []

    def ask() -> None:
        try:
            told.append(made.evidence(alias))
        except (PreflightError, RuntimeError, MemoryError) as error:
            told.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(30)
    assert told, f"{alias} is waited for"
    return told[0]


def test_a_process_that_answers_with_the_evidence_of_another_system_is_not_believed(tmp_path: Path) -> None:
    """Every part of an answer that names a system is lied about, in every combination."""
    first_one, second = _systems(tmp_path, 1)
    known = {each.alias: _known_of(each) for each in (first_one, second)}
    for alias, of in ((first_one.alias, second), (second.alias, first_one), (STRANGE, first_one)):
        lie = SystemAnswer(alias=alias, seconds=1, evidence=known[of.alias])
        made = _gathering(tmp_path, [first_one, second], Broken(lie))
        for each in (first_one, second):
            assert "what is not known of it" in str(_told_of(made, each.alias))


def test_a_system_of_the_same_name_that_is_asked_otherwise_is_another_one(tmp_path: Path) -> None:
    (asked, _) = _systems(tmp_path, 1)
    others = (
        replace(asked, url=replace(asked.url, port=2)),
        replace(asked, pse=tmp_path / "other.pse"),
        replace(asked, roots="mozilla"),
        replace(asked, required_roots=("cd" * 32,)),
    )
    for other in others:
        lie = SystemAnswer(alias=asked.alias, seconds=1, evidence=_known_of(other))
        assert isinstance(_told_of(_gathering(tmp_path, [asked], Broken(lie)), asked.alias), RuntimeError)


def test_what_is_said_of_a_system_first_is_not_taken_back(tmp_path: Path) -> None:
    first_one, second = _systems(tmp_path, 1)
    answer = SystemAnswer(alias=first_one.alias, seconds=1, problem="no roots")
    well = SystemAnswer(alias=first_one.alias, seconds=1, evidence=_known_of(first_one))
    made = _gathering(tmp_path, [first_one, second], Broken(answer, well))
    assert "what is not known of it" in str(_told_of(made, second.alias))
    assert str(_told_of(made, first_one.alias)) == "no roots"


class Hindered(Gathering):
    """Something that cannot begin."""

    def _shared_pses(self, *_: object) -> Any:
        raise MemoryError("too little")


@pytest.mark.parametrize("takes", [None, False], ids=["here", "given back"])
def test_whatever_hinders_the_begin_is_told_of_every_system(tmp_path: Path, takes: bool | None) -> None:
    systems = _systems(tmp_path, 1)
    made = _gathering(tmp_path, systems, None if takes is None else Broken(takes=takes), Hindered)
    assert [str(_told_of(made, each.alias)) for each in systems] == ["too little"] * len(systems)


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        (None, PreflightError, "S01 was not judged: the process that asks ended before; run it again"),
        (MemoryError("too much"), MemoryError, "too much"),
    ],
    ids=["ended", "failed"],
)
def test_a_system_for_which_the_process_did_not_answer_is_not_judged(
    tmp_path: Path, error: Exception | None, raised: type[Exception], words: str
) -> None:
    first_one, second = _systems(tmp_path, 1)
    answer = SystemAnswer(alias=first_one.alias, seconds=1.5, evidence=_known_of(first_one))
    made = _gathering(tmp_path, [first_one, second], Broken(answer, error=error))
    assert made.evidence(first_one.alias) == answer.evidence
    with pytest.raises(raised, match=words):
        made.evidence(second.alias)
    assert made.waited_for(second.alias) is None


def test_what_the_process_could_not_judge_is_told_as_here(tmp_path: Path) -> None:
    ours, crashed = _systems(tmp_path, 1)
    answers = (
        SystemAnswer(alias="S00", seconds=0, problem="no roots"),
        SystemAnswer(alias="S01", seconds=0, crash="Traceback …"),
    )
    made = _gathering(tmp_path, [ours, crashed], Broken(*answers))
    with pytest.raises(PreflightError, match="no roots"):
        made.evidence("S00")
    with pytest.raises(RuntimeError, match="Traceback …"):
        made.evidence("S01")


def test_where_no_process_can_begin_this_one_asks(tmp_path: Path) -> None:
    with serve_tls(server()) as good_server:
        systems = _systems(tmp_path, good_server.port)
        made = _gathering(tmp_path, systems, Broken(takes=False))
        assert [bool(made.evidence(each.alias).judgement.path) for each in systems] == [True, True]
        assert good_server.connections == 2 * len(systems)


ENDS_AT_ONCE = r"C:\Windows\System32\hostname.exe" if sys.platform == "win32" else "/bin/true"


@pytest.mark.parametrize("program", [ENDS_AT_ONCE, sys.executable], ids=["ends at once", "has no module"])
def test_a_python_that_does_not_run_this_program_takes_no_work(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(sys, "path", [])
    process = OwnProcess()
    assert process.takes(Work((), Settings(evidence=Path()), frozenset(), frozenset(), Limits())) is False
    assert process._process.returncode is not None


STOPS = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@STOPS
def test_where_the_process_stands_still_at_its_begin_this_one_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_process, "LONGEST_SILENCE", 0.2)
    with serve_tls(server()) as good_server:
        systems = _systems(tmp_path, good_server.port)
        asking = OwnProcess()
        asking._process.send_signal(signal.SIGSTOP)
        made = _gathering(tmp_path, systems, asking)
        assert all(isinstance(_told_of(made, each.alias), Evidence) for each in systems)
    assert asking._process.returncode == -signal.SIGKILL


@STOPS
@pytest.mark.parametrize("how", first(1, ["SIGSTOP", "SIGKILL", "SIGABRT"]))
def test_nobody_waits_for_a_process_that_stands_still_or_dies_at_its_work(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    class Watch(threading.Timer):
        """Runs out as soon as the process has been sent the signal."""

        def run(self) -> None:
            done.wait(60)
            self.interval = 0.5
            super().run()

    monkeypatch.setattr(own_process, "Timer", Watch)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        systems = _systems(tmp_path, silent.getsockname()[1])
        asking = OwnProcess()
        made = _gathering(tmp_path, systems, asking)
        made.start()
        silent.settimeout(60)
        connection, _ = silent.accept()
        asking._process.send_signal(signal.Signals[how])
        done.set()
        told = {str(_told_of(made, each.alias)) for each in systems}
        connection.close()
    assert told == {
        f"{each.alias} was not judged: the process that asks ended before; run it again" for each in systems
    }
    assert asking._process.wait(30) < 0


def test_a_process_at_long_work_says_that_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_process_main, "BEAT", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = _systems(tmp_path, silent.getsockname()[1], 1)
        aliases = frozenset(each.alias for each in asked)
        work = Work(tuple(asked), Settings(evidence=tmp_path), aliases, frozenset(), Limits(whole=2))
        with _answers(work) as came:
            said = [next(came) for _ in range(3)]
            answer = next(each for each in came if each != BUSY)
    assert said == [HELLO, BUSY, BUSY]
    assert answer.alias == asked[0].alias


GARBAGE = [
    "import pickle, os; os.write(1, pickle.dumps('hello'))",  # another greeting
    "print('hello')",
    "import os; os.write(1, b'h' * 70000)",
    "import os; os.write(1, bytes(range(256)))",
]


@pytest.mark.parametrize("said", first(1, GARBAGE))
def test_where_something_else_speaks_in_place_of_the_process_this_one_asks(
    tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a .pth file of this Python may, which greets whoever starts it."""
    monkeypatch.setattr(own_process, "_PROGRAM", f"{said}; {own_process._PROGRAM}")
    with serve_tls(server()) as good_server:
        systems = _systems(tmp_path, good_server.port)
        made = _gathering(tmp_path, systems, OwnProcess())
        assert all(isinstance(_told_of(made, each.alias), Evidence) for each in systems)


@pytest.mark.parametrize("cut", [0.001, 0.5, 0.999])
def test_half_an_answer_is_none(tmp_path: Path, cut: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process says whose memory ends, or that is killed while it speaks."""
    asked = _systems(tmp_path, 1)
    answer = pickle.dumps(SystemAnswer(alias=asked[0].alias, seconds=1, evidence=_known_of(asked[0])), PROTOCOL)
    said = tmp_path / "said"
    said.write_bytes(pickle.dumps(HELLO, PROTOCOL) + answer[: int(cut * len(answer))])
    program = f"import os, sys; os.write(1, open({str(said)!r}, 'rb').read()); sys.stdin.buffer.read(1)"
    monkeypatch.setattr(own_process, "_PROGRAM", program)
    made = _gathering(tmp_path, asked, OwnProcess())
    for each in asked:
        assert "the process that asks ended before; run it again" in str(_told_of(made, each.alias))


def test_a_process_that_gets_no_work_ends() -> None:
    process = OwnProcess()
    assert process._answers.load() == HELLO  # however long it takes here until it waits for work
    process.end()
    assert process._process.returncode == 0


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pse_preflight.run.own_process._GRACE", 0.0)
    process = OwnProcess()
    process.end()
    assert process._process.wait(30) != 0


@contextmanager
def _answers(work: Work) -> Iterator[Iterator[Any]]:
    """Let a thread do the work as the process does; give what comes back, one after the other."""
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as answers, os.fdopen(sink, "wb") as answering:
        doing = threading.Thread(target=lambda: Sender(answering).do(work))
        doing.start()
        yield iter(pickle.Unpickler(answers).load, None)  # noqa: S301 - made in the thread above
        doing.join()


def test_what_systems_have_in_common_is_sent_once(tmp_path: Path) -> None:
    with serve_tls(server()) as good_server:
        systems = _systems(tmp_path, good_server.port)
        aliases = frozenset(each.alias for each in systems)
        work = Work(tuple(systems), Settings(evidence=tmp_path, engine="bundled"), aliases, aliases, Limits())
        with _answers(work) as came:
            assert next(came) == "ready"
            one, other = next(came), next(came)
    assert {one.alias, other.alias} == aliases
    assert one.evidence.observations.known.mozilla is other.evidence.observations.known.mozilla
    assert (one.error, other.error) == (None, None)
    assert one.evidence.judgement.path


def test_a_fault_of_ours_in_the_process_is_told_with_its_traceback(tmp_path: Path) -> None:
    wrong = replace(_systems(tmp_path, 1)[0], url=cast("Any", None))
    unreadable = replace(_systems(tmp_path, 1)[1], roots=str(tmp_path / "none.pem"))
    aliases = frozenset({wrong.alias, unreadable.alias})
    work = Work((wrong, unreadable), Settings(evidence=tmp_path, engine="bundled"), aliases, frozenset(), Limits())
    with _answers(work) as came:
        next(came)
        told = {each.alias: each for each in (next(came), next(came))}
    assert isinstance(told[wrong.alias].error, RuntimeError)
    assert "AttributeError" in told[wrong.alias].crash
    assert isinstance(told[unreadable.alias].error, PreflightError)
    assert "none.pem" in told[unreadable.alias].problem


MANY = [system(f"S{number}", 1, Path("/s/c.pse")) for number in range(FEWEST)]


def test_many_systems_are_asked_by_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_systems, "_processors", lambda: 2)
    assert are_many(MANY)


@pytest.mark.parametrize(
    ("systems", "processors", "frozen", "executable"),
    [
        pytest.param(MANY[1:], 2, False, sys.executable, id="few"),
        pytest.param(MANY, 1, False, sys.executable, id="one processor"),
        pytest.param(MANY, 2, True, sys.executable, id="the program of one file"),
        pytest.param(MANY, 2, False, "", id="no Python"),
        pytest.param(
            [*MANY, replace(MANY[0], prepare=lambda: None)], 2, False, sys.executable, id="one that begins here"
        ),
    ],
)
def test_others_are_asked_here(
    systems: list[System], processors: int, *, frozen: bool, executable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_systems, "_processors", lambda: processors)
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    monkeypatch.setattr(sys, "executable", executable)
    assert not are_many(systems)


def test_a_process_that_cannot_be_started_is_none(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    many = ManySystems()
    many.pytest_collection(cast("Any", type("Session", (), {"config": pytestconfig})))
    assert many.process is None
    many.pytest_unconfigure()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Describe as many systems as a process of its own takes; one of them at the same port is judged by other roots."""
    with serve_tls(server()) as asked:
        roots, strangers = roots_file(tmp_path, server().issuers[-1]), tmp_path / "others"
        strangers.mkdir()
        others = roots_file(strangers, server("Root of strangers").issuers[-1])
        url = f"url: 'https://127.0.0.1:{asked.port}'"
        lines = [f"  S{number:02}: {{{url}, roots: {roots}, pse: c.pse}}" for number in range(FEWEST - 1)]
        lines.append(f"  {STRANGE}: {{{url}, roots: {others}, pse: other.pse}}")
        text = "\n".join([f"defaults: {{secudir: {tmp_path}/sec}}", "systems:", *lines, ""])
        (tmp_path / "systems.yaml").write_text(text, encoding="utf-8")
        yield tmp_path, asked.port


def test_systems_on_one_port_are_judged_each_by_its_own_roots(street: tuple[Path, int]) -> None:
    folder, _ = street
    ended = run_checks(folder, "--system=all", "--engine=bundled")
    assert ended.returncode == 1, ended.stdout
    told = json.loads((folder / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    verdicts = {each["alias"]: each["verdict"] for each in told["systems"]}
    assert verdicts.pop(STRANGE) == "FAILED"
    assert set(verdicts.values()) == {"OK"}
    assert (folder / "sec" / "c.pse").exists()
    assert not (folder / "sec" / "other.pse").exists()


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="a umask of POSIX")
def test_the_process_makes_what_it_can_use_whatever_the_umask(street: tuple[Path, int]) -> None:
    folder, _ = street
    before = os.umask(0o777)
    try:
        run_checks(folder, "--system=all", "--engine=bundled")
    finally:
        os.umask(before)
    assert (folder / "sec" / "c.pse").stat().st_mode & 0o777 == 0o600
    made = list((folder / ".pse-preflight").rglob("*"))
    assert [each for each in made if each.stat().st_mode & 0o600 != 0o600] == []


def _told(folder: Path, systems: str) -> dict[str, Any]:
    run_checks(folder, f"--system={systems}", "--engine=bundled", "--read-only")
    told = json.loads((folder / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    return {each["alias"]: each for each in told["systems"]}


@pytest.mark.long
def test_many_systems_get_the_verdicts_of_few(street: tuple[Path, int]) -> None:
    folder, _ = street
    run_checks(folder, "--system=S00", "--engine=bundled")
    together, few = _told(folder, "all"), _told(folder, f"S00,S01,{STRANGE}")
    assert few[STRANGE]["verdict"] == "FAILED"
    for alias, told in few.items():
        assert together[alias]["checks"] == told["checks"]
        assert together[alias]["facts"]["chain"] == told["facts"]["chain"]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_the_process_ends_with_the_run(tmp_path: Path, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"url: 'https://127.0.0.1:{silent.getsockname()[1]}'"
        lines = "".join(f"  S{number:02}: {{{url}, pse: c.pse, secudir: {tmp_path}}}\n" for number in range(FEWEST))
        (tmp_path / "systems.yaml").write_text(f"systems:\n{lines}", encoding="utf-8")
        command = [sys.executable, "-P", "-m", "pse_preflight", "check", "all"]
        with (
            hearing_ctrl_c(),
            subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env=surroundings()) as running,
        ):
            silent.settimeout(60)
            connection, _ = silent.accept()
            asking = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text(encoding="ascii").split()
            assert len(asking) == 1
            running.send_signal(signal.Signals[how])
            running.communicate(timeout=60)
            connection.close()
    assert running.returncode == (2 if how == "SIGINT" else -signal.Signals[how])
    with pytest.raises(ProcessLookupError):
        _wait_until_gone(int(asking[0]))


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_a_run_whose_process_is_killed_is_red_and_says_ok_of_nothing_that_was_not_judged(tmp_path: Path) -> None:
    roots = roots_file(tmp_path, server().issuers[-1])
    with socket.create_server(("127.0.0.1", 0)) as silent, serve_tls(server()) as good_server:
        ports = [good_server.port, *[silent.getsockname()[1]] * (FEWEST - 1)]
        lines = "".join(
            f"  S{number:02}: {{url: 'https://127.0.0.1:{port}', pse: {number}.pse, roots: {roots}}}\n"
            for number, port in enumerate(ports)
        )
        (tmp_path / "systems.yaml").write_text(
            f"defaults: {{secudir: {tmp_path}}}\nsystems:\n{lines}", encoding="utf-8"
        )
        command = [sys.executable, "-P", "-m", "pse_preflight", "check", "all", "--engine=bundled"]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, env=surroundings(), encoding="utf-8"
        ) as running:
            silent.settimeout(60)
            connection, _ = silent.accept()
            (asking,) = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text(encoding="ascii").split()
            os.kill(int(asking), signal.SIGKILL)
            out, _ = running.communicate(timeout=60)
            connection.close()
    assert running.returncode == 1
    assert f"S{FEWEST - 1} was not judged" in out
    told = json.loads((tmp_path / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    verdicts = {each["alias"]: each["verdict"] for each in told["systems"]}
    assert {verdicts[f"S{number:02}"] for number in range(1, FEWEST)}.isdisjoint({"OK", "OK (PSE created)"})


def _wait_until_gone(pid: int) -> None:
    """Wait for a process that is no child of this one; its end is what the caller expects to hear of."""
    handle = os.pidfd_open(pid)
    try:
        assert select.select([handle], [], [], 30)[0]
    finally:
        os.close(handle)
    raise ProcessLookupError


def test_python_looks_for_garbage_as_before_when_a_run_has_ended(tmp_path: Path) -> None:
    said = (
        "import gc, pytest\n"
        "before = gc.get_threshold()\n"
        "class Look:\n"
        "    def pytest_runtest_call(self): print('during', gc.get_threshold()[0])\n"
        "pytest.main(['-p', 'pse_preflight.plugin', '--pyargs', 'pse_preflight.checks', '--system=demo', '-qs',"
        " '-k', 'test_url_names_the_api_host'], plugins=[Look()])\n"
        "print('same', before == gc.get_threshold(), 'frozen', gc.get_freeze_count() > 0)\n"
    )
    command = [sys.executable, "-c", said]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True, env=surroundings()
    )
    assert f"during {plugin._ALLOCATIONS}" in ended.stdout
    assert "same True frozen True" in ended.stdout
