"""--repair: a copy is changed, proven and put into place; nothing is lost, and a refusal says why."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import CHECKS, Severity
from pse_preflight.client_pse.repair import repair
from pse_preflight.demo.authority import root_authority
from pse_preflight.findings import Finding
from pse_preflight.pse import create
from pse_preflight.pse import file as pse_file
from pse_preflight.pse.create import NotReplaced
from pse_preflight.sapgenpse.tool import Answer, BundledTool, ToolFailed
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Policy, Verdict, decide
from tests.kit.files import keep_private
from tests.kit.pse_mutations import PIN, SALT, START, closed_files, owner_key
from tests.kit.servers import Server, serve_tls
from tests.kit.systems import SapsTool, codes, gather, issuers, listed, path, roots_file, server, system, write_pse

LEAF, ISSUING, ROOT = path(server())
OTHERS = issuers(server("Second Root"))
NOT_ON_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="POSIX access rights and links")


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


@pytest.fixture
def pse(tmp_path: Path) -> Path:
    return tmp_path / "sec" / "client.pse"


Run = Callable[..., Evidence]


@pytest.fixture
def run(good: Server, pse: Path, tmp_path: Path) -> Run:
    """Return a run over one sound system with --repair."""
    roots = roots_file(tmp_path, server().issuers[-1])

    def run_once(tool: Any = None, *, keys: dict[str, Any] | None = None, **settings: Any) -> Evidence:
        described = system("PRD", good.port, pse, **{"roots": roots, **(keys or {})})
        (evidence,) = gather(described, folder=tmp_path, tool=tool, **{"repair": True, **settings})
        return evidence

    return run_once


def _red(evidence: Evidence) -> dict[str, list[str]]:
    policy = Policy(Severity.MAJOR, frozenset(CHECKS))
    outcomes = {check: decide(check, evidence, policy) for check in CHECKS}
    red = {Verdict.FAIL, Verdict.ERROR}
    return {check: [each.code for each in one.findings] for check, one in outcomes.items() if one.verdict in red}


def _finding(evidence: Evidence, code: str) -> Finding:
    (found,) = (each for each in evidence.findings if each.code == code)
    return found


def _names(pse: Path) -> set[str]:
    return {each.name for each in pse.parent.iterdir() if not each.name.endswith(".lock")}


@pytest.mark.parametrize(
    "held", [(), OTHERS, (LEAF,), (ISSUING,), (ROOT,)], ids=["none", "other", "leaf", "ca", "root"]
)
def test_what_is_missing_of_the_verified_path_is_added_and_nothing_removed(run: Run, pse: Path, held: Any) -> None:
    before = write_pse(pse, held)
    evidence = run()
    assert _red(evidence) == {}
    assert listed(pse) == {each.sha256 for each in (*held, ROOT, ISSUING)}
    assert pse_file.read(pse.read_bytes()).owner == pse_file.read(before).owner
    assert (pse.parent / "client.pse.backup-1").read_bytes() == before
    assert _names(pse) == {"client.pse", "client.pse.backup-1"}
    told = _finding(evidence, "PSE_REPAIRED")
    assert (told.severity, "client.pse.backup-1" in told.observed) == (Severity.MINOR, True)
    assert evidence.live is not None
    assert evidence.live.succeeded


def test_a_second_run_finds_nothing_to_do(run: Run, pse: Path) -> None:
    write_pse(pse)
    run()
    once = pse.read_bytes(), pse.stat().st_mtime_ns
    assert "PSE_REPAIRED" not in codes(run())
    assert (pse.read_bytes(), pse.stat().st_mtime_ns) == once
    assert _names(pse) == {"client.pse", "client.pse.backup-1"}


def _write_anothers(pse: Path, held: Sequence[Certificate]) -> None:
    """Write a PSE whose owner certificate does not say that the bundled implementation made it."""
    own = root_authority("client", START, 4000, key=owner_key())
    pse.parent.mkdir(parents=True, exist_ok=True)
    made = pse_file.new(Certificate.of(own.certificate), owner_key(), held, time=START, salt=SALT)
    pse.write_bytes(made.encode(None))
    keep_private(pse)


def test_what_the_bundled_implementation_changed_is_unconfirmed_until_saps_tool_lists_it(run: Run, pse: Path) -> None:
    """The PSE itself was not made by the bundled implementation, so nothing in the file tells of it."""

    def said(evidence: Evidence) -> list[str]:
        return [str(each.severity) for each in evidence.findings if each.code == "PSE_UNCONFIRMED"]

    _write_anothers(pse, [ISSUING])
    assert said(run(repair=False)) == []
    assert said(run()) == ["minor"]
    assert said(run(repair=False)) == ["minor"]
    assert said(run(SapsTool(), repair=False)) == []
    _write_anothers(pse, [ROOT])
    assert said(run(repair=False)) == []


def test_what_saps_tool_changed_is_confirmed(run: Run, pse: Path) -> None:
    _write_anothers(pse, [ISSUING])
    assert not [each for each in run(SapsTool()).findings if each.code == "PSE_UNCONFIRMED"]
    assert not [each for each in run(repair=False).findings if each.code == "PSE_UNCONFIRMED"]


def test_sixteen_runs_at_once_make_one_backup_and_each_gets_the_list(pse: Path) -> None:
    before = write_pse(pse, OTHERS)
    with ThreadPoolExecutor(16) as pool:
        done = [pool.submit(repair, BundledTool({}), pse, (ROOT, ISSUING)) for _ in range(16)]
    backups = [each.result().backup for each in done]
    assert [each for each in backups if each] == [pse.with_name("client.pse.backup-1")]
    assert {each.name for each in pse.parent.iterdir()} == {"client.pse", "client.pse.backup-1"}
    assert pse.with_name("client.pse.backup-1").read_bytes() == before
    for each in done:
        assert {entry.sha256 for entry in each.result().result.entries} == listed(pse)


def test_a_rival_s_repair_is_no_second_one(run: Run, pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing when the run looks is there when it gets the lock."""
    write_pse(pse)
    repaired = create.replace

    def after_the_rival(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr("pse_preflight.client_pse.repair.replace", repaired)
        repair(BundledTool({}), pse, (ROOT, ISSUING))
        return repaired(*arguments, **options)

    monkeypatch.setattr("pse_preflight.client_pse.repair.replace", after_the_rival)
    evidence = run()
    assert "PSE_REPAIRED" not in codes(evidence)
    assert _red(evidence) == {}
    assert _names(pse) == {"client.pse", "client.pse.backup-1"}


def test_the_leaf_is_added_only_where_it_is_asked_for(run: Run, pse: Path) -> None:
    write_pse(pse, [ROOT, ISSUING])
    assert "PSE_REPAIRED" not in codes(run())
    run(keys={"include_leaf": True})
    assert listed(pse) == {each.sha256 for each in (ROOT, ISSUING, LEAF)}


def test_a_missing_pse_is_made_not_repaired(run: Run, pse: Path) -> None:
    assert {"PSE_CREATED"} <= codes(run())
    assert _names(pse) == {"client.pse"}


def test_a_shared_pse_is_repaired_once_with_what_all_verified_paths_miss(
    good: Server, pse: Path, tmp_path: Path
) -> None:
    roots = roots_file(tmp_path, server().issuers[-1], server("Second Root").issuers[-1])
    write_pse(pse)
    with serve_tls(server("Second Root")) as second, serve_tls(server("Root nobody knows")) as unknown:
        ports = {"A": good.port, "B": second.port, "C": unknown.port}
        gather(*(system(alias, port, pse, roots=roots) for alias, port in ports.items()), folder=tmp_path, repair=True)
    assert listed(pse) == {each.sha256 for each in (ROOT, ISSUING, *OTHERS)}
    assert _names(pse) == {"client.pse", "client.pse.backup-1"}


# refusals


@pytest.mark.parametrize("keys", [{"roots": "auto"}, {"create": False}], ids=["roots: auto", "create: false"])
def test_nothing_is_added_of_a_path_that_nobody_verified_or_where_it_is_forbidden(
    run: Run, pse: Path, keys: dict[str, Any]
) -> None:
    before = write_pse(pse, OTHERS)
    run(keys=keys)
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


def test_a_chain_that_is_not_verified_adds_nothing(pse: Path, tmp_path: Path) -> None:
    before = write_pse(pse)
    roots = roots_file(tmp_path, server().issuers[-1])
    with serve_tls(server("Root nobody knows")) as unknown:
        gather(system("PRD", unknown.port, pse, roots=roots), folder=tmp_path, repair=True)
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


def test_a_pse_with_a_pin_is_left_alone(run: Run, pse: Path) -> None:
    before = write_pse(pse, pin=PIN)
    assert _red(run()) == {"test_pse_needs_no_pin": ["PSE_HAS_PIN"]}
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


def test_the_bundled_implementation_repairs_only_if_it_was_asked_for(run: Run, pse: Path) -> None:
    before = write_pse(pse)
    evidence = run(BundledTool({}), engine="auto")
    refused = _finding(evidence, "PSE_NOT_REPAIRED")
    assert "only if --engine=bundled is said" in refused.observed
    assert "run again with --repair --engine=bundled" in _finding(evidence, "PK_LIST_EMPTY").fix
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})
    assert "PSE_REPAIRED" in codes(run(BundledTool({}), engine="bundled"))


def test_saps_tool_repairs_without_being_asked_for(run: Run, pse: Path) -> None:
    write_pse(pse)
    tool = SapsTool()
    assert "PSE_REPAIRED" in codes(run(tool, engine="auto"))
    assert [call[0] for call in tool.calls].count("gen_pse") == 0


def test_a_machine_bound_pse_is_not_changed_though_the_tool_lists_it(run: Run, pse: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.pse"
    write_pse(known, OTHERS)
    pse.parent.mkdir()
    pse.write_bytes(closed_files()["machine-bound"].file)
    keep_private(pse)
    listing = BundledTool({}).run(("maintain_pk", "-p", str(known), "-x", "", "-l"), known.parent)
    evidence = run(SapsTool(lambda _arguments, _answer: listing))
    assert "it is bound to a machine" in _finding(evidence, "PSE_NOT_REPAIRED").observed
    assert _names(pse) == {"client.pse"}


@NOT_ON_WINDOWS
def test_a_symbolic_link_is_not_followed(run: Run, pse: Path) -> None:
    before = write_pse(pse.with_name("real.pse"))
    pse.symlink_to("real.pse")
    evidence = run()
    assert "link" in _finding(evidence, "PSE_NOT_REPAIRED").observed
    assert _red(evidence)["test_maintain_pk_lists_the_chain"] == ["PK_LIST_EMPTY", "PSE_NOT_REPAIRED"]
    assert pse.is_symlink()
    assert pse.with_name("real.pse").read_bytes() == before
    assert _names(pse) == {"client.pse", "real.pse"}


@NOT_ON_WINDOWS
def test_owner_and_mode_are_kept_for_the_pse_and_its_backup(run: Run, pse: Path) -> None:
    write_pse(pse)
    pse.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(pse, 4242, 4343)
    before = pse.stat()
    run()
    for each in (pse, pse.with_name("client.pse.backup-1")):
        after = each.stat()
        assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


@NOT_ON_WINDOWS
def test_where_the_owner_cannot_be_kept_it_is_refused_with_the_reason(
    run: Run, pse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_pse(pse)

    def forbid(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(create, "_set_access", forbid)
    evidence = run()
    assert "run this as its owner" in _finding(evidence, "PSE_NOT_REPAIRED").observed
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


# proof


def _while_adding(answer: Callable[[Path], object]) -> SapsTool:
    """Make a tool that does something to the copy after each certificate it adds."""

    def said(arguments: Sequence[str], given: Answer) -> Answer:
        if "-a" in arguments:
            answer(Path(arguments[arguments.index("-p") + 1]))
        return given

    return SapsTool(said)


def test_a_tool_that_says_it_added_and_did_not_is_found_out(pse: Path) -> None:
    before = write_pse(pse, OTHERS)
    tool = _while_adding(lambda copy: write_pse(copy, OTHERS))
    with pytest.raises(ToolFailed, match="does not list"):
        repair(tool, pse, [ROOT])
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


def test_a_tool_that_loses_an_entry_is_found_out(pse: Path) -> None:
    before = write_pse(pse, OTHERS)
    tool = _while_adding(lambda copy: write_pse(copy, [OTHERS[0], ROOT]))
    with pytest.raises(NotReplaced, match="no longer lists"):
        repair(tool, pse, [ROOT])
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


def test_a_tool_that_loses_the_owner_is_found_out(pse: Path) -> None:
    before = write_pse(pse, OTHERS)

    def without_owner(copy: Path) -> None:
        found = pse_file.read(copy.read_bytes())
        kept = tuple(each for each in found.objects if each.name != "Cert")
        copy.write_bytes(replace(found, objects=kept).encode())

    with pytest.raises(NotReplaced, match="changed more"):
        repair(_while_adding(without_owner), pse, [ROOT])
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


@pytest.mark.parametrize(
    ("held", "says"),
    [(None, "cannot be read"), ([OTHERS[0], ROOT], "changed more"), ([OTHERS[0]], "changed more")],
    ids=["broken", "one in place of another", "one less"],
)
def test_a_tool_that_lists_what_it_has_not_written_is_found_out(
    pse: Path, held: list[Certificate] | None, says: str
) -> None:
    before = write_pse(pse, OTHERS)
    good, bad = pse.with_name("good.pse"), pse.with_name("bad.pse")
    write_pse(good, [*OTHERS, ROOT])
    written = b"broken" if held is None else write_pse(bad, held)

    def said(arguments: Sequence[str], given: Answer) -> Answer:
        copy = Path(arguments[arguments.index("-p") + 1])
        if "-a" in arguments:
            copy.write_bytes(written)
        elif copy.read_bytes() == written:
            return BundledTool({}).run(("maintain_pk", "-p", str(good), "-x", "", "-l"), pse.parent)
        return given

    with pytest.raises(NotReplaced, match=says):
        repair(SapsTool(said), pse, [ROOT])
    assert pse.read_bytes() == before


def test_a_failing_tool_leaves_the_pse_as_it_was_and_says_so(run: Run, pse: Path) -> None:
    before = write_pse(pse)

    def said(arguments: Sequence[str], given: Answer) -> Answer:
        if "-a" not in arguments:
            return given
        write_pse(Path(arguments[arguments.index("-p") + 1]))
        return replace(given, code=1, text="disk full")

    evidence = run(SapsTool(said))
    assert "disk full" in _finding(evidence, "PSE_NOT_REPAIRED").observed
    assert (pse.read_bytes(), _names(pse)) == (before, {"client.pse"})


# killed at any moment

KILLED = """
import json, os, pathlib, signal, sys
from pse_preflight.certificate import read_pem
from pse_preflight.pse import file
from pse_preflight.client_pse.repair import repair
from pse_preflight.sapgenpse.tool import BundledTool
import filelock

folder = pathlib.Path(sys.argv[1])
pse, tool = folder / "sec" / "client.pse", BundledTool({})
missing = read_pem((folder / "missing.pem").read_bytes())
old = pse.read_bytes()
EVENTS = {
    "open", "os.link", "os.rename", "os.remove", "os.chmod", "os.chown", "os.scandir", "os.listdir", "os.setxattr",
}

def kill_before(last):
    left = [last]
    def hook(event, arguments):
        if event in EVENTS and any(str(folder) in str(each) for each in arguments):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def child(last):
    pid = os.fork()
    if pid == 0:
        if last:
            kill_before(last)
        repair(tool, pse, missing)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

last = 0
while True:
    last += 1
    code = child(last)
    data, mode = pse.read_bytes(), pse.stat().st_mode & 0o777
    backups = [each for each in pse.parent.glob("client.pse.backup-*")]
    listed = sorted(each.sha256 for each in file.read(data).trusted)
    again = child(None) if code else 0
    after = sorted(each.sha256 for each in file.read(pse.read_bytes()).trusted)
    left = sorted(each.name for each in pse.parent.iterdir() if each.suffix != ".lock")
    print(json.dumps({
        "code": code, "old": data == old, "listed": listed, "mode": mode, "again": again, "after": after, "left": left,
        "backup": [each.read_bytes() == old for each in backups],
    }))
    if not code:
        break
    for each in pse.parent.iterdir():
        each.unlink()
    pse.write_bytes(old)
    pse.chmod(0o640)
"""


@pytest.mark.long
@NOT_ON_WINDOWS
def test_a_repair_killed_at_any_moment_leaves_the_old_pse_or_the_new_one_and_the_backup(
    pse: Path, tmp_path: Path
) -> None:
    write_pse(pse, OTHERS)
    pse.chmod(0o640)
    (tmp_path / "missing.pem").write_text(ROOT.pem + ISSUING.pem, encoding="ascii")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    *killed, last = [json.loads(line) for line in ended.stdout.splitlines()]
    new = sorted(each.sha256 for each in (*OTHERS, ROOT, ISSUING))
    assert len(killed) > 20
    assert {each["old"] for each in killed} == {True, False}
    for each in killed:
        assert each["code"] == -9
        assert each["mode"] == 0o640
        assert each["old"] or (each["listed"] == new and each["backup"] == [True])
        assert (each["again"], each["after"]) == (0, new)
        assert all(name.startswith("client.pse") for name in each["left"])
    assert (last["code"], last["listed"], last["backup"]) == (0, new, [True])
