"""Recordings judged again: by what was seen alone, with nothing asked."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pse_preflight.certificate import now
from pse_preflight.checklist import CHECKS, Severity
from pse_preflight.recording.folder import read
from pse_preflight.recording.format import EvidenceUnreadable, system_of
from pse_preflight.recording.replay import chosen
from pse_preflight.run.all_systems import Gathering
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Outcome, Policy, Verdict, decide
from tests.kit.places import CHECKOUT
from tests.kit.runs import PARALLEL, Ended, run_checks

Edit = Callable[[Path], object]

RED = "demo-expired-leaf"


def _pytest(folder: Path, *arguments: str) -> Ended:
    return run_checks(folder, "-p", "no:cacheprovider", *arguments)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the evidence of a good demo system and of one whose server certificate has ended."""
    folder = tmp_path_factory.mktemp("recorded")
    first = _pytest(folder, "--system=demo,demo:expired-leaf", "--engine=bundled", "-q")
    assert first.returncode == 1, first.stdout
    return folder / ".pse-preflight"


@pytest.fixture
def recorded(recordings: Path, tmp_path: Path) -> Path:
    """Return a copy that the test may change; neither a PSE nor a root is in it."""
    kept = shutil.ignore_patterns("*.pse", "*.key", "demo-authority", "result.json", "*.lock")
    return Path(shutil.copytree(recordings, tmp_path / "recorded", ignore=kept))


def _run(recorded: Path, *arguments: str) -> tuple[Ended, dict[str, str]]:
    """Judge the recordings as a user does; return how each check ended, by its name."""
    run = _pytest(recorded.parent, f"--replay={recorded}", "--junitxml=replay.xml", *arguments)
    cases = ET.parse(recorded.parent / "replay.xml").iter("testcase")
    tags = {"failure", "error", "skipped"}
    return run, {case.attrib["name"]: next((part.tag for part in case if part.tag in tags), "passed") for case in cases}


def _judged(recorded: Path, at: date | None = None) -> tuple[dict[str, Outcome], dict[str, Evidence]]:
    """Judge the recordings in this process; return how each check ends, and the evidence of each system."""
    settings = Settings(evidence=recorded.parent / "again", replay=recorded, at=at)
    found = chosen(recorded, [], settings.evidence)
    systems = [system for system, _ in found.values()]
    replays = {alias: replay for alias, (_, replay) in found.items()}
    gathering = Gathering(systems, settings, clock=now, asked=found, creating=found, replays=replays)
    known = {alias: gathering.evidence(alias) for alias in found}
    policy = Policy(Severity.MAJOR, frozenset(CHECKS))
    ends = {f"{check}[{alias}]": decide(check, known[alias], policy) for alias in known for check in CHECKS}
    return ends, known


def _red(ends: Mapping[str, str | Outcome]) -> set[str]:
    bad = {"failure", "error", Verdict.FAIL, Verdict.ERROR}
    return {name for name, end in ends.items() if (end.verdict if isinstance(end, Outcome) else end) in bad}


def _codes(ends: Mapping[str, Outcome]) -> set[str]:
    return {each.code for name in _red(ends) for each in ends[name].findings}


def test_a_replay_elsewhere_judges_as_the_run_did(recorded: Path) -> None:
    run, ends = _run(recorded)
    assert _red(ends) == {"test_chain_is_valid[demo-expired-leaf]"}
    live = {"test_handshake_with_the_pse_alone[demo]", "test_websocket_rfc_answers[demo]"}
    assert {ends[name] for name in live} == {"skipped"}
    assert ends["test_pse_trusts_the_server[demo]"] == "passed"
    assert re.search(r"recorded on \S+ as \S+ at [-\d]+ [:\d]+ UTC, unauthenticated", " ".join(run.stdout.split()))
    assert "when this was recorded, it succeeded" in run.stdout


def test_a_replay_leaves_the_recording_as_it_was(recorded: Path) -> None:
    before = {file: file.read_bytes() for file in recorded.rglob("*") if file.is_file()}
    _run(recorded)
    assert {file: file.read_bytes() for file in recorded.rglob("*") if file.is_file()} == before
    assert not list(recorded.parent.rglob("*.pse"))
    assert not (recorded.parent / ".pse-preflight").exists()


NO_WAY_OUT = """
import os, socket, subprocess

def refuse(*_, **__):
    raise AssertionError("a replay has opened a socket, or started a program")

socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = refuse
socket.getaddrinfo = socket.create_connection = refuse
subprocess.Popen.__init__ = os.posix_spawn = os.fork = refuse
"""


@pytest.mark.long
def test_a_replay_opens_no_socket_and_starts_no_program(recorded: Path) -> None:
    (recorded.parent / "no_way_out.py").write_text(NO_WAY_OUT)
    command = [sys.executable, "-m", "pytest", str(CHECKOUT / "checks"), "-p", "no_way_out", f"--replay={recorded}"]
    run = subprocess.run(
        command,
        cwd=recorded.parent,
        env={"PYTHONPATH": str(recorded.parent), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "has opened a socket" not in run.stdout
    assert "demo (localhost:" in run.stdout


def test_the_refusal_of_sockets_works() -> None:
    code = f"{NO_WAY_OUT}\nsocket.create_connection(('127.0.0.1', 9))"
    assert (
        "AssertionError"
        in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30).stderr
    )


def test_a_later_day_turns_it_red(recorded: Path) -> None:
    shutil.rmtree(recorded / RED)
    assert not _red(_judged(recorded, date(2030, 1, 1))[0])
    run, ends = _run(recorded, "--at=2100-01-01")
    assert "test_chain_is_valid[demo]" in _red(ends)
    assert "CERTIFICATE_EXPIRED" in run.stdout


def _swap(recorded: Path) -> None:
    shutil.copy(recorded / "demo-expired-leaf" / "presented.pem", recorded / "demo" / "presented.pem")


def test_a_swapped_pem_turns_it_red_and_is_named(recorded: Path) -> None:
    _swap(recorded)
    run, ends = _run(recorded, "--system=demo")
    assert _red(ends) >= {"test_tls_handshake_succeeds[demo]", "test_chain_is_valid[demo]"}
    assert "EVIDENCE_INCONSISTENT" in run.stdout
    assert "CERTIFICATE_EXPIRED" in run.stdout


def _json(name: str, edit: Callable[[dict[str, Any]], object]) -> Edit:
    def change(recorded: Path) -> None:
        file = recorded / name / "evidence.json"
        told = json.loads(file.read_text(encoding="utf-8"))
        edit(told)
        file.write_text(json.dumps(told), encoding="utf-8")

    return change


def _write(name: str, text: str) -> Edit:
    return lambda recorded: (recorded / name).write_text(text)


HAND_EDITS = {
    "a verdict": _json(RED, lambda told: told.update(verdict="OK", outcome="passed", findings=[])),
    "a path": lambda recorded: shutil.copy(recorded / "demo" / "path.pem", recorded / RED / "path.pem"),
    "a fix": _write(f"{RED}/fix-{RED}.sh", "#!/bin/sh\ntrue\n"),
    "a live handshake": _json(RED, lambda told: told.update(live=None)),
    "the result": _write("result.json", '{"verdict": "OK"}'),
    "changes": _json(RED, lambda told: told.update(changes=[])),
    "created": _json(RED, lambda told: told["pse"].update(created=True)),
}


@pytest.mark.parametrize("edit", HAND_EDITS.values(), ids=HAND_EDITS)
def test_what_is_no_observation_changes_no_verdict(recorded: Path, edit: Edit) -> None:
    before, _ = _judged(recorded)
    edit(recorded)
    after, _ = _judged(recorded)
    assert {name: each.verdict for name, each in after.items()} == {name: each.verdict for name, each in before.items()}


OBSERVATIONS = {
    "a certificate that the PSE does not hold": _json(
        "demo",
        lambda told: (told["pse"]["listing"]["entries"].pop(0), told["pse"]["condition"]["content"]["trusted"].pop(0)),
    ),
    "a PSE that is not there": _json(
        "demo",
        lambda told: (told["pse"].update(listing=None), told["pse"]["condition"].update(state="missing", content=None)),
    ),
    "a PSE with a PIN": _json(
        "demo",
        lambda told: (
            told["pse"].update(listing=None),
            told["pse"]["condition"].update(state="has a PIN", content=None),
        ),
    ),
    "a PSE for everybody": _json("demo", lambda told: told["pse"]["condition"].update(mode="0644")),
    "no HTTP answer": _json(
        "demo",
        lambda told: told["endpoint"].update(http=None, http_failure={"code": "HTTP_NO_ANSWER", "ended": "reset"}),
    ),
    "an unknown host": _json(
        "demo",
        lambda told: (
            told["endpoint"].update(failure={"code": "HOST_UNKNOWN"}, http=None, tls_version=None),
            told.update(presented=[]),
        ),
    ),
    "a wrong clock": _json("demo", lambda told: told["endpoint"].update(date_offset_seconds=4000.0)),
    "a required root": _json("demo", lambda told: told["asked"].update(required_roots=["ab" * 32])),
}


@pytest.mark.parametrize("edit", OBSERVATIONS.values(), ids=OBSERVATIONS)
def test_every_observation_counts(recorded: Path, edit: Edit) -> None:
    assert not {name for name in _red(_judged(recorded)[0]) if name.endswith("[demo]")}
    edit(recorded)
    assert {name for name in _red(_judged(recorded)[0]) if name.endswith("[demo]")}


def test_each_cause_has_its_code(recorded: Path) -> None:
    OBSERVATIONS["a wrong clock"](recorded)
    assert _codes(_judged(recorded)[0]) == {"CLOCK_SKEW", "CERTIFICATE_EXPIRED"}


def test_fixes_are_made_anew_from_observations(recorded: Path) -> None:
    OBSERVATIONS["a certificate that the PSE does not hold"](recorded)
    _json("demo", lambda told: told["pse"].update(tool="rm -rf / #", fixes=["rm -rf /"]))(recorded)
    _, known = _judged(recorded)
    commands = [command for each in known["demo"].findings for command in each.commands]
    assert any("maintain_pk" in command for command in commands)
    assert {command[0] for command in commands} == {"opengenpse"}
    assert "rm -rf" not in (recorded.parent / "again" / "demo" / "path.pem").read_text()


def _recorded_on(host: str, pse: str) -> Edit:
    def edit(told: dict[str, Any]) -> None:
        told["recorded"]["host"] = host
        told["asked"].update(pse=pse, secudir=pse.removesuffix("client.pse").rstrip("/\\"))
        told["pse"]["condition"]["path"] = pse

    return _json("demo", edit)


@pytest.mark.parametrize(
    ("pse", "word"),
    [
        (r"C:\sec\client.pse", r"-p C:\sec\client.pse"),
        (r"C:\Übung sec\client.pse", r'-p "C:\Übung sec\client.pse"'),
        (r"\\server\share\client.pse", r"-p \\server\share\client.pse"),
        ("/opt/sec/client.pse", "-p /opt/sec/client.pse"),
        ("/opt/Übung sec/client.pse", "-p '/opt/Übung sec/client.pse'"),
    ],
    ids=["drive", "quoted for cmd", "share", "POSIX", "quoted for sh"],
)
def test_a_fix_of_another_machine_is_told_in_its_own_words_and_not_to_be_pasted_here(
    recorded: Path, pse: str, word: str
) -> None:
    OBSERVATIONS["a certificate that the PSE does not hold"](recorded)
    _recorded_on("elsewhere", pse)(recorded)
    evidence = _judged(recorded)[1]["demo"]
    found = next(each for each in evidence.findings if "maintain_pk" in each.fix)
    assert str(evidence.system.pse) == str(evidence.observations.pse.condition.path) == pse
    assert "on elsewhere, in a folder to which the files of this replay have been copied: opengenpse" in found.fix
    assert word in found.fix
    assert str(recorded.parent) not in found.fix
    assert not [each for each in evidence.findings if each.commands]
    assert not list((recorded.parent / "again" / "demo").glob("fix-*"))


def test_a_fix_of_this_machine_can_be_pasted_here(recorded: Path) -> None:
    OBSERVATIONS["a certificate that the PSE does not hold"](recorded)
    evidence = _judged(recorded)[1]["demo"]
    found = next(each for each in evidence.findings if each.commands)
    files = [command[command.index("-a") + 1] for command in found.commands]
    assert files
    assert all(Path(each).is_file() for each in files)
    assert "copied" not in found.fix


def test_aliases_tags_scenarios_and_urls_choose_among_the_recordings(recorded: Path) -> None:
    url = json.loads((recorded / "demo" / "evidence.json").read_text())["asked"]["url"]
    chosen_by = {
        name: list(chosen(recorded, [name], recorded)) for name in ("all", "tag:demo", "demo:expired-leaf", "demo", url)
    }
    assert chosen_by == {
        "all": ["demo", RED],
        "tag:demo": ["demo", RED],
        "demo:expired-leaf": [RED],
        "demo": ["demo"],
        url: ["demo"],
    }


MISUSES = {
    "no such folder": (["--replay=nowhere"], "nowhere cannot be read"),
    "no recordings": (["--replay=."], "holds no recording"),
    "another system": (["--replay=recorded", "--system=PRD"], "PRD is not recorded in"),
    "no url": (["--replay=recorded", "--system=https://"], "is not recorded in"),
    "repair": (["--replay=recorded", "--repair"], "--replay and --repair contradict each other"),
    "tool": (["--replay=recorded", "--sapgenpse=/x"], "--replay and --sapgenpse contradict each other"),
    "file": (["--replay=recorded", "--systems-file=x"], "--replay and --systems-file contradict each other"),
    "evidence": (["--replay=recorded", "--evidence=recorded"], "name the same folder"),
    "page": (["--replay=recorded", "--trust-report=recorded"], "is a folder"),
}


@pytest.mark.parametrize(("arguments", "says"), MISUSES.values(), ids=MISUSES)
def test_a_misuse_is_one_line_and_exit_code_4(recorded: Path, arguments: list[str], says: str) -> None:
    run = _pytest(recorded.parent, *arguments)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = (line for line in run.stderr.splitlines() if line.startswith("ERROR: "))
    assert says in line
    assert "Traceback" not in run.stdout + run.stderr


BROKEN = {
    "no json": (_write("demo/evidence.json", "{"), "evidence.json"),
    "another alias": (_json("demo", lambda told: told["asked"].update(alias="PRD")), "the folder has another name"),
    "no url": (_json("demo", lambda told: told["asked"].update(url="https://")), "there is no host"),
    "no pem": (lambda recorded: (recorded / "demo" / "presented.pem").unlink(), "presented.pem: cannot be read"),
}


@pytest.mark.parametrize(("edit", "says"), BROKEN.values(), ids=BROKEN)
def test_a_recording_that_cannot_be_read_is_told(recorded: Path, edit: Edit, says: str) -> None:
    edit(recorded)
    with pytest.raises(EvidenceUnreadable, match=re.escape(says)):
        chosen(recorded, [], recorded.parent / "again")


@pytest.mark.parametrize("alias", ["PRD\nOK", "x\ny\x1b[31m", "\u2028", "\x00"])
def test_what_a_recording_calls_itself_forges_no_line(recorded: Path, alias: str) -> None:
    recording = read(recorded / "demo").recording
    forged = replace(recording, asked=replace(recording.asked, alias=alias, url="https://"))
    with pytest.raises(EvidenceUnreadable) as refused:
        system_of(forged)
    assert str(refused.value).isprintable()
    assert str(refused.value).startswith("the recording of ")


@pytest.mark.long
def test_a_replay_in_parallel_ends_the_same(recorded: Path) -> None:
    assert _run(recorded)[1] == _run(recorded, *PARALLEL)[1]


def test_the_next_run_says_what_changed(tmp_path: Path) -> None:
    """The demo system gets a new server certificate in each run."""
    for _ in range(2):
        run = _pytest(tmp_path, "--system=demo", "--engine=bundled")
    assert "changed: the server certificate was replaced on" in run.stdout
    assert "changed: the intermediate" not in run.stdout
    again = _pytest(tmp_path, "--replay=.pse-preflight")
    assert "changed: the server certificate was replaced on" in again.stdout


def test_sockets_are_not_refused_here() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
