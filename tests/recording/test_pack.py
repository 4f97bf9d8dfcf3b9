"""A run in one file: carried away, judged again and reported, and never unpacked to a disk."""

import io
import json
import os
import stat
import struct
import sys
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pse_preflight.command import program
from pse_preflight.recording import pack
from pse_preflight.recording.format import EvidenceUnreadable
from pse_preflight.recording.replay import chosen
from pse_preflight.report.result import ResultUnreadable, read
from tests.kit.runs import Ended, run_checks, run_module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """Return the folder of a run that was packed, and how it ended."""
    folder = tmp_path_factory.mktemp("run")
    systems = "--system=demo,demo:missing-intermediate"
    return folder, run_checks(folder, systems, "--engine=bundled", "--pack=out.zip", "-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def packed(run: tuple[Path, Ended]) -> Path:
    return run[0] / "out.zip"


@pytest.fixture
def contents(packed: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_pack_holds_result_page_junit_and_what_was_seen(run: tuple[Path, Ended], contents: dict[str, bytes]) -> None:
    folder, ended = run
    assert f"pack: {folder / 'out.zip'}" in ended.stdout
    assert ended.returncode == 1
    assert {
        "result.json",
        "trust.html",
        "report.xml",
        "demo/evidence.json",
        "demo/presented.pem",
        "demo/path.pem",
    } <= set(contents)
    assert "demo-missing-intermediate/evidence.json" in contents
    assert contents["result.json"] == (folder / ".pse-preflight" / "result.json").read_bytes()
    assert b"<title>SAP trust report" in contents["trust.html"]
    assert b'name="test_chain_is_valid[demo]"' in contents["report.xml"]


def test_what_an_earlier_run_has_seen_is_not_packed(tmp_path: Path) -> None:
    """Where the present run could write nothing down, its pack has nothing that could be replayed as green."""
    options = ("--system=demo", "--engine=bundled", "-p", "no:cacheprovider")
    assert run_checks(tmp_path, *options).returncode == 0
    hindrance = tmp_path / ".pse-preflight" / "demo" / "server.pem"
    hindrance.unlink()
    hindrance.mkdir()
    ended = run_checks(tmp_path, *options, "--pack=out.zip")
    assert "EVIDENCE_NOT_WRITTEN" in ended.stdout
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert set(archive.namelist()) == {"result.json", "trust.html", "report.xml"}


def test_a_replay_of_all_that_was_recorded_is_packed_again(packed: Path, tmp_path: Path) -> None:
    """A replay need not name its systems."""
    ended = run_checks(tmp_path, f"--replay={packed}", "--pack=again.zip", "-p", "no:cacheprovider")
    assert f"pack: {tmp_path / 'again.zip'}" in ended.stdout
    assert ended.returncode == 1, ended.stdout  # as the run was
    assert pack.content(tmp_path / "again.zip", pack.JUNIT, 1 << 20)


def test_the_report_for_a_pack_may_stand_where_pytest_puts_it(tmp_path: Path) -> None:
    """pytest itself puts in `~` and variables, which no shell does behind an equals sign."""
    home = tmp_path / "home"
    home.mkdir()
    options = ("--system=demo", "--engine=bundled", "-p", "no:cacheprovider", "--pack=out.zip", "--junitxml=~/r.xml")
    ended = run_checks(tmp_path, *options, environment={**os.environ, "HOME": str(home), "USERPROFILE": str(home)})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (home / "r.xml").exists()
    assert not (tmp_path / "~").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe is one of POSIX")
def test_a_result_is_read_from_a_pipe_once(packed: Path, tmp_path: Path) -> None:
    pipe, result = tmp_path / "result", pack.content(packed, pack.RESULT, 1 << 20)
    os.mkfifo(pipe)
    assert not pack.is_pack(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(result,))
    writer.start()
    assert [each.alias for each in read(pipe).systems] == ["demo", "demo-missing-intermediate"]
    writer.join()


def test_the_key_of_the_pse_stays_where_it_is(run: tuple[Path, Ended], contents: dict[str, bytes]) -> None:
    assert (run[0] / ".pse-preflight" / "demo" / "client.pse").exists()
    assert not [name for name in contents if name.endswith(".pse")]


@pytest.mark.skipif(sys.platform == "win32", reason="a mode is of POSIX")
def test_nobody_else_reads_it(packed: Path) -> None:
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600


@pytest.mark.long
def test_what_lies_in_the_folder_and_no_run_wrote_is_not_packed(tmp_path: Path) -> None:
    again = ["--system=demo", "--engine=bundled", "--pack=out.zip", "-p", "no:cacheprovider"]
    run_checks(tmp_path, *again[:2])
    demo = tmp_path / ".pse-preflight" / "demo"
    (demo / "notes.txt").write_text("mine", encoding="utf-8")
    (demo / "intermediate-7.pem").write_text("-----BEGIN PRIVATE KEY-----", encoding="utf-8")
    assert run_checks(tmp_path, *again).returncode == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
    assert "demo/path.pem" in names
    assert not {"demo/notes.txt", "demo/intermediate-7.pem"} & set(names)


def test_a_pack_is_judged_again_where_nothing_of_the_run_is(packed: Path, tmp_path: Path) -> None:
    ended = run_checks(tmp_path, f"--replay={packed}", "-p", "no:cacheprovider")
    assert ended.returncode == 1
    assert "recorded on" in ended.stdout
    assert "SERVER_OMITS_INTERMEDIATE" in ended.stdout
    one = run_checks(tmp_path, f"--replay={packed}", "--system=demo", "-p", "no:cacheprovider")
    assert one.returncode == 0
    assert "OK as recorded" in one.stdout
    assert {each.name for each in tmp_path.iterdir()} == {".pse-preflight-replay"}


@pytest.mark.parametrize(
    ("form", "says", "code"),
    [
        ("table", "demo-missing-intermediate", 1),
        ("nagios", "demo-missing-intermediate", 2),
        ("checkmk", "demo-missing-intermediate", 1),
        ("prometheus", "pse_preflight_success", 1),
        ("sarif", "SERVER_OMITS_INTERMEDIATE", 1),
        ("ctrf", "test_chain_is_complete", 1),
        ("github", "SERVER_OMITS_INTERMEDIATE", 0),
    ],
)
def test_every_report_is_made_of_a_pack(
    packed: Path, form: str, says: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert program.run(["report", form, str(packed)]) == code
    assert says in capsys.readouterr().out


def test_packs_of_many_hosts_are_one_table(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = packed.parent / ".pse-preflight" / "result.json"
    assert program.run(["report", "table", str(packed), str(result)]) == 1
    assert capsys.readouterr().out.count("demo-missing-intermediate  FAILED") == 2


def _zip(file: Path, contents: Mapping[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file


def _bomb(file: Path, contents: dict[str, bytes]) -> Path:
    return _zip(file, {**contents, "demo/presented.pem": bytes(pack.LARGEST)})


_LIE = (1 << 20) + 77_777


def _lying_bomb(file: Path, contents: dict[str, bytes]) -> Path:
    """Return a zip with an entry that unpacks to more than it says."""
    _zip(file, {**contents, "result.json": bytes(_LIE)})
    data = bytearray(file.read_bytes())
    small = struct.pack("<L", 1000)
    for at in [each for each in range(len(data) - 4) if data[each : each + 4] == struct.pack("<L", _LIE)]:
        data[at : at + 4] = small
    file.write_bytes(data)
    return file


def _many(file: Path, contents: dict[str, bytes]) -> Path:
    return _zip(file, {**contents, **{f"a{number}/x": b"" for number in range(pack.MOST_ENTRIES)}})


def _named(name: str) -> Callable[[Path, dict[str, bytes]], Path]:
    return lambda file, contents: _zip(file, {**contents, name: b"x"})


def _encrypted(file: Path, contents: dict[str, bytes]) -> Path:
    data = bytearray(_zip(file, contents).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    file.write_bytes(data)
    return file


def _cut(file: Path, contents: dict[str, bytes]) -> Path:
    data = _zip(file, contents).read_bytes()
    file.write_bytes(data[: len(data) // 2])
    return file


def _changed(file: Path, contents: dict[str, bytes]) -> Path:
    data = bytearray(_zip(file, contents, zipfile.ZIP_STORED).read_bytes())
    at = data.index(b'"systems"')
    data[at : at + 9] = b'"sYstems"'
    file.write_bytes(data)
    return file


def _without_result(file: Path, contents: dict[str, bytes]) -> Path:
    return _zip(file, {name: content for name, content in contents.items() if name != "result.json"})


def _twice(file: Path, contents: dict[str, bytes]) -> Path:
    _zip(file, contents)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("demo/PATH.pem", b"x")
    return file


REFUSED: Mapping[str, tuple[Callable[[Path, dict[str, bytes]], Path], str]] = {
    "a bomb": (_bomb, "would unpack to more than"),
    "a bomb that lies": (_lying_bomb, "is no zip that can be read here, or a damaged one|is larger than"),
    "too many files": (_many, "would unpack to more than"),
    "a way out of the folder": (_named("../evil.pem"), r"'\.\./evil.pem', which no pack"),
    "a deeper way out": (_named("demo/../../evil.pem"), "which no pack"),
    "an absolute path": (_named("/etc/evil.pem"), "which no pack"),
    "a drive": (_named("C:/evil.pem"), "which no pack"),
    "a backslash": (_named("demo\\..\\evil.pem"), "which no pack"),
    "what only looks like a folder": (_named("demo/"), "which no pack"),
    "an executable beside it": (_named("setup.exe"), "which no pack"),
    "a password": (_encrypted, "is encrypted"),
    "another way to pack": (lambda file, contents: _zip(file, contents, zipfile.ZIP_LZMA), "packed in a way"),
    "cut off": (_cut, "is no zip that can be read here, or a damaged one; copy it again"),
    "one byte changed": (_changed, "a damaged one"),
    "one name twice": (_twice, "twice"),
    "no result": (_without_result, "holds no result.json"),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bounds be small, so that a bomb is made quickly."""
    monkeypatch.setattr(pack, "LARGEST", 1 << 20)
    monkeypatch.setattr(pack, "MOST_ENTRIES", 40)
    monkeypatch.setattr("pse_preflight.report.result.LARGEST_FILE", 1 << 19)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_pack_is_refused_in_one_line(kind: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    make, says = REFUSED[kind]
    file = make(tmp_path / "in.zip", contents)
    with pytest.raises(ResultUnreadable, match=says) as caught:
        read(file)
    assert len(str(caught.value).splitlines()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["in.zip"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "kind", [each for each in REFUSED if each not in {"no result", "a bomb that lies", "one byte changed"}]
)
def test_nor_is_it_replayed(kind: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    make, says = REFUSED[kind]
    with pytest.raises(EvidenceUnreadable, match=says):
        chosen(make(tmp_path / "in.zip", contents), [], tmp_path / "evidence")


def test_the_same_contents_are_read(contents: dict[str, bytes], tmp_path: Path) -> None:
    """The twin of what is refused: nothing but the one thing was otherwise."""
    file = _zip(tmp_path / "in.zip", contents)
    assert [each.alias for each in read(file).systems] == ["demo", "demo-missing-intermediate"]
    assert set(chosen(file, [], tmp_path / "evidence")) == {"demo", "demo-missing-intermediate"}


def test_a_damaged_recording_in_a_pack_is_told_by_its_name(contents: dict[str, bytes], tmp_path: Path) -> None:
    file = _zip(tmp_path / "in.zip", {**contents, "demo/evidence.json": b"{"})
    with pytest.raises(EvidenceUnreadable, match=r"in.zip.demo.evidence.json: is no JSON of a recording"):
        chosen(file, [], tmp_path / "evidence")


def test_a_changed_chain_in_a_pack_is_a_doubt(contents: dict[str, bytes], tmp_path: Path) -> None:
    file = _zip(tmp_path / "in.zip", {**contents, "demo/presented.pem": contents["demo/root.pem"]})
    ended = run_checks(tmp_path, f"--replay={file}", "--system=demo", "-p", "no:cacheprovider")
    assert "EVIDENCE_INCONSISTENT" in ended.stdout


def test_an_empty_zip_holds_no_recording(tmp_path: Path) -> None:
    file = _zip(tmp_path / "in.zip", {})
    with pytest.raises(EvidenceUnreadable, match="holds no recording"):
        chosen(file, [], tmp_path / "evidence")


@pytest.mark.parametrize("option", ["--replay", "--trust-report", "--junitxml", "--presented"])
def test_a_pack_takes_the_place_of_nothing_that_is_named_beside_it(packed: Path, tmp_path: Path, option: str) -> None:
    file = tmp_path / "same.zip"
    file.write_bytes(packed.read_bytes())
    ended = run_checks(tmp_path, "--system=demo", f"--pack={file}", f"{option}={tmp_path / '.' / 'same.zip'}")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --pack and {option} name the same file" in ended.stderr
    assert file.read_bytes() == packed.read_bytes()


def test_a_run_that_does_not_begin_leaves_no_older_pack(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_bytes(packed.read_bytes())
    (tmp_path / "other.zip").write_bytes(_zip(tmp_path / "made.zip", {"a.txt": b""}).read_bytes())
    for name, stays in (("out.zip", False), ("other.zip", True)):
        ended = run_module("pse_preflight", "check", "demo", "--nonsense", f"--pack={name}", folder=tmp_path)
        assert ended.returncode == program.MISUSE
        assert (tmp_path / name).exists() is stays


def test_a_pack_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    ended = run_checks(tmp_path, "--system=demo", "--pack=folder")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --pack=folder: is a folder; name a file in it, such as folder" in ended.stderr


def test_a_junit_report_that_is_asked_for_is_the_one_that_is_packed(tmp_path: Path) -> None:
    run_checks(tmp_path, "--system=demo", "--engine=bundled", "--pack=new/out.zip", "--junitxml=own.xml", "-k", "valid")
    with zipfile.ZipFile(tmp_path / "new" / "out.zip") as archive:
        assert archive.read("report.xml") == (tmp_path / "own.xml").read_bytes()
    assert not (tmp_path / ".pse-preflight" / "report.xml").exists()


def test_a_zip_that_is_written_is_the_same_for_the_same_run(tmp_path: Path) -> None:
    made = [pack.write(tmp_path / name, {"result.json": b"{}"}).read_bytes() for name in ("a.zip", "b.zip")]
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)  # two runs are within a second here
        assert json.loads(archive.read("result.json")) == {}
