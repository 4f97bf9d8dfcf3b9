"""The files about one system: written, read back, and doubted where they contradict each other."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.certificate import Certificate, read_pem
from pse_preflight.chain.roots import Roots
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import Condition, PseContent, State
from pse_preflight.client_pse.findings import file_findings
from pse_preflight.client_pse.model import ClientPse, Refusal
from pse_preflight.demo.authority import root_authority
from pse_preflight.endpoint.model import Endpoint, Failure, HttpAnswer, LiveHandshake, WebSocketAnswer, WebSocketReading
from pse_preflight.findings import finding
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl, Proxy
from pse_preflight.pse.file import TrustedCertificate
from pse_preflight.recording import folder as evidence
from pse_preflight.recording.folder import EvidenceUnwritable, Folder, batch_file, read, shell_script
from pse_preflight.recording.format import (
    EvidenceUnreadable,
    Recording,
    changes_between,
    recorded,
    schema,
    system_of,
)
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from pse_preflight.sapgenpse.tool import PinRefused, ToolTimeout
from pse_preflight.verdict.changes import Change, Known
from pse_preflight.verdict.evidence import Evidence, Observations, file_names, judge
from tests.kit.files import NOT_WINE
from tests.kit.places import CHECKOUT
from tests.kit.systems import NOTHING_KNOWN

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
START = datetime(2026, 1, 1, tzinfo=UTC)

SCRIPT = "fix-PRD.cmd" if sys.platform == "win32" else "fix-PRD.sh"


@pytest.fixture(scope="module")
def path() -> tuple[Certificate, ...]:
    root = root_authority("Root", START, 100)
    server = root.issue_authority("Issuing", START, 100).issue_server(["host.example.com"], START, 10)
    return tuple(map(Certificate.of, (server.certificate, *server.issuers)))


SYSTEM = System(
    alias="PRD",
    url=ApiUrl("host.example.com", 8443),
    url_as_written="https://hidden@host.example.com:8443/hidden",
    pse=Path("/sec/client.pse"),
    secudir=Path("/sec"),
    dn="CN=me",
    roots="/etc/roots.pem",
    proxy=Proxy("proxy", 3128, "user", "pr0xyPa55"),
    tags=("prod",),
    extras=(("x-ticket", "CHG0042"),),
)


@pytest.fixture
def seen(path: tuple[Certificate, ...]) -> Evidence:
    root = path[-1]
    listed = ListedCertificate(root.sha256, root.subject, root.issuer, 7, START, root.not_after)
    content = PseContent(path[0], (TrustedCertificate(root.parsed.tbs_certificate_bytes, root.der, "PKList"),))
    observations = Observations(
        endpoint=Endpoint(
            host="host.example.com",
            port=8443,
            proxy="proxy:3128",
            asked_at=START,
            addresses=("10.0.0.1",),
            address="10.0.0.1",
            failure=None,
            presented=tuple(each.der for each in path[:2]),
            tls_version="TLSv1.2",
            tls_12=True,
            http=HttpAnswer(401, server="SAP", sap_headers=("sap-system",)),
            http_failure=Failure(Code.HTTP_NO_ANSWER, ended="reset", schemes=("basic",)),
            date_offset_seconds=-1.5,
        ),
        fetched=(path[1].der,),
        roots=Roots((root,), "/etc/roots.pem", explicit=True),
        pse=ClientPse(
            Condition(Path("/sec/client.pse"), State.PLAIN, "", content, 0o640),
            listing=Listing((listed,)),
            tool="/opt/sapgenpse",
        ),
        live=LiveHandshake(
            host="host.example.com",
            port=8443,
            asked_at=START,
            succeeded=True,
            accepted=True,
            websocket=WebSocketAnswer(WebSocketReading.WANTS_LOGIN, HttpAnswer(401)),
        ),
        known=NOTHING_KNOWN,
    )
    return judge(replace(SYSTEM, required_roots=(root.sha256,)), observations, Period(START, START))


def _with(seen: Evidence, **changed: Any) -> Evidence:
    """Judge the same system where something else was seen."""
    return judge(seen.system, replace(seen.observations, **changed), seen.period)


def _recorded(seen: Evidence) -> Recording:
    return recorded(seen, "bundled", START)


def _written(folder: Path, seen: Evidence) -> Path:
    place = Folder(folder / seen.system.alias)
    place.begin(seen)
    place.record(_recorded(seen))
    return place.path


def _edited(place: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads((place / "evidence.json").read_text(encoding="utf-8"))
    edit(told)
    (place / "evidence.json").write_text(json.dumps(told), encoding="utf-8")


def test_what_is_read_back_is_what_was_seen(tmp_path: Path, seen: Evidence) -> None:
    replay = read(_written(tmp_path, seen))
    assert replay.doubts == ()
    assert replay.recording == _recorded(seen)
    assert replay.recording.endpoint == seen.endpoint
    assert replay.recording.live == seen.observations.live
    assert str(replay.recording.recorded).endswith("at 2026-01-01 00:00 UTC, unauthenticated")


def test_the_system_comes_back_without_the_login_of_its_proxy(tmp_path: Path, seen: Evidence) -> None:
    system = system_of(read(_written(tmp_path, seen)).recording)
    same = ("alias", "url", "pse", "secudir", "dn", "roots", "required_roots", "tags", "extras", "confirm")
    assert all(getattr(system, name) == getattr(seen.system, name) for name in same)
    assert {each.code for each in system.url_findings} == {"URL_HAS_CREDENTIALS", "URL_PLACEHOLDER", "URL_UNUSUAL"}
    assert system.proxy is None
    assert not system.create
    assert "pr0xyPa55" not in "".join(each.read_text() for each in (tmp_path / "PRD").iterdir())


def test_the_pse_comes_back_as_it_was_listed(tmp_path: Path, seen: Evidence, path: tuple[Certificate, ...]) -> None:
    pse = read(_written(tmp_path, seen)).recording.observations(NOTHING_KNOWN).pse
    assert (pse.listing, pse.entries, pse.tool, pse.one_reader) == (
        seen.pse.listing,
        seen.pse.entries,
        "/opt/sapgenpse",
        False,
    )
    assert (pse.condition.state, pse.condition.mode) == (State.PLAIN, 0o640)
    assert pse.condition.content
    assert (pse.condition.content.owner, pse.condition.content.trusted[0].certificate) == (path[0], path[-1])
    assert pse.program == ("sapgenpse",)


@pytest.mark.parametrize(
    ("refusal", "code"), [(PinRefused("a PIN"), "PSE_HAS_PIN"), (ToolTimeout("slow"), "TOOL_TIMEOUT")]
)
def test_what_the_tool_said_instead_of_a_list_comes_back_as_a_finding(
    tmp_path: Path, seen: Evidence, refusal: PinRefused | ToolTimeout, code: str
) -> None:
    refusal.fix = "what helps on the machine that recorded it"
    pse = replace(seen.pse, listing=None, refusal=Refusal.of(refusal))
    place = _written(tmp_path, _with(seen, pse=pse))
    assert "what helps" not in (place / "evidence.json").read_text(encoding="utf-8")
    back = read(place).recording.observations(NOTHING_KNOWN).pse
    assert [each.code for each in file_findings(back)] == [code]
    assert back.listing is None
    assert back.refusal
    assert back.refusal.fix.startswith("ask again where the program works")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
def test_a_path_that_is_no_text_comes_back(tmp_path: Path, seen: Evidence) -> None:
    odd = Path(os.fsdecode(b"/sec/\xff.pse"))
    pse = replace(seen.pse, condition=replace(seen.pse.condition, path=odd))
    assert read(_written(tmp_path, _with(seen, pse=pse))).recording.pse.condition.path == odd


def test_only_roots_that_play_a_part_are_kept(tmp_path: Path, seen: Evidence, path: tuple[Certificate, ...]) -> None:
    stranger = Certificate.of(root_authority("Stranger", START, 100).certificate)
    roots = seen.observations.roots
    assert roots
    many = _with(seen, roots=replace(roots, certificates=(stranger, path[-1])))
    assert read(_written(tmp_path, many)).recording.roots == roots


def test_roots_that_every_machine_has_are_not_kept(tmp_path: Path, seen: Evidence) -> None:
    assert read(_written(tmp_path, _with(seen, roots=None))).recording.roots is None


def test_nothing_asked_can_be_recorded_too(tmp_path: Path, seen: Evidence) -> None:
    blind = _with(seen, endpoint=None, fetched=(), live=None)
    replay = read(_written(tmp_path, blind))
    assert (replay.recording.endpoint, replay.doubts) == (None, ())


def test_an_exchanged_certificate_in_presented_pem_counts_and_is_doubted(
    tmp_path: Path, seen: Evidence, path: tuple[Certificate, ...]
) -> None:
    place = _written(tmp_path, seen)
    (place / "presented.pem").write_text(path[0].pem + path[-1].pem)
    replay = read(place)
    (doubt,) = replay.doubts
    assert doubt.code == "EVIDENCE_INCONSISTENT"
    assert f"it holds {path[-1].label} and it lacks sha256 {path[1].sha256[:12]}" in doubt.observed
    assert replay.recording.endpoint
    assert replay.recording.endpoint.presented == (path[0].der, path[-1].der)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda _: "", "it lacks sha256", id="empty"),
        pytest.param(lambda text: text.replace("MII", "!!!", 1), "it lacks sha256", id="no base64"),
        pytest.param(lambda text: f"{_BEGIN}\nAAA\n{_END}\n{text}", None, id="an unreadable block beside them"),
        pytest.param(lambda text: f"{_BEGIN}\nAAAA\n{_END}\n{text}", "what is no certificate", id="no certificate"),
        pytest.param(
            lambda text: "".join(f"{each}{_END}\n" for each in text.split(f"{_END}\n")[1::-1]),
            "its order differs",
            id="another order",
        ),
    ],
)
def test_every_other_presented_pem_is_doubted(
    tmp_path: Path, seen: Evidence, change: Callable[[str], str], says: str | None
) -> None:
    place = _written(tmp_path, seen)
    pem = (place / "presented.pem").read_text()
    (place / "presented.pem").write_text(change(pem))
    assert [says is not None and says in each.observed for each in read(place).doubts] == ([True] if says else [])


def test_a_verdict_written_into_it_is_passed_over(tmp_path: Path, seen: Evidence) -> None:
    place = _written(tmp_path, seen)
    before = read(place)
    _edited(place, lambda told: told.update(verdict="OK", path=["x"], findings=[], fixes=["rm -rf /"]))
    _edited(place, lambda told: told["endpoint"].update(presented=["AAAA"]))
    assert read(place) == before


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda told: told.update(format=3), "format"),
        (lambda told: told.pop("pse"), "pse"),
        (lambda told: told["pse"]["condition"].update(state="fine"), "pse.condition.state"),
        (lambda told: told["pse"]["condition"].update(mode="rw"), "pse.condition.mode"),
        (lambda told: told["pse"]["condition"]["content"].update(owner="AAAA"), "pse.condition.content.owner"),
        (lambda told: told["roots"].update(certificates=["&"]), "roots.certificates.0"),
        (lambda told: told["endpoint"]["http_failure"].update(code="BAD_DAY"), "endpoint.http_failure.code"),
        (lambda told: told["endpoint"]["http_failure"].update(ended=["reset"]), "endpoint.http_failure.ended"),
        (lambda told: told.update(fetched=["&"]), "fetched.0"),
        (lambda told: told["recorded"].update(at="2026-01-01T00:00:00"), "recorded.at"),
        (lambda told: told["asked"].update(engine="mine"), "asked.engine"),
    ],
)
def test_what_has_not_the_form_is_refused_with_its_place(
    tmp_path: Path, seen: Evidence, edit: Callable[[dict[str, Any]], object], says: str
) -> None:
    place = _written(tmp_path, seen)
    _edited(place, edit)
    with pytest.raises(EvidenceUnreadable, match=rf"evidence\.json: {says}"):
        read(place)


def test_an_url_without_a_host_is_refused(tmp_path: Path, seen: Evidence) -> None:
    place = _written(tmp_path, seen)
    _edited(place, lambda told: told["asked"].update(url="https://"))
    with pytest.raises(EvidenceUnreadable, match=r"asked\.url: there is no host"):
        system_of(read(place).recording)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "evidence.json").write_bytes(content)
    with pytest.raises(EvidenceUnreadable, match=r"evidence\.json"):
        read(tmp_path)


def test_a_file_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "LARGEST_FILE", 10)
    (tmp_path / "evidence.json").write_text("{          }")
    with pytest.raises(EvidenceUnreadable, match="is larger than"):
        read(tmp_path)


def test_an_earlier_recording_that_cannot_be_read_is_none(tmp_path: Path, seen: Evidence) -> None:
    assert Folder(tmp_path).last() is None
    place = _written(tmp_path, seen)
    assert Folder(place).last() == _recorded(seen)
    (place / "evidence.json").write_text("{}")
    assert Folder(place).last() is None


def test_another_host_under_the_same_name_is_not_compared(seen: Evidence, path: tuple[Certificate, ...]) -> None:
    assert seen.endpoint
    renewed = replace(seen.endpoint, presented=(path[-1].der,))
    moved = replace(renewed, host="other.example.com")
    before = _recorded(seen)
    assert changes_between(before, _recorded(_with(seen, endpoint=renewed)))
    assert changes_between(before, _recorded(_with(seen, endpoint=moved))) == ()


def test_changes_are_kept(tmp_path: Path, seen: Evidence, path: tuple[Certificate, ...]) -> None:
    change = Change(what="the intermediate", before=Known.of(path[0]), after=None, since=START, seen=START)
    place = Folder(tmp_path / "PRD")
    place.begin(seen)
    place.record(replace(_recorded(seen), changes=(change,)))
    assert read(place.path).recording.changes == (change,)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = json.loads((CHECKOUT / "docs" / "evidence.schema.json").read_text(encoding="utf-8"))
    assert published == schema()


@pytest.mark.long
def test_a_recording_keeps_to_the_published_schema(tmp_path: Path, seen: Evidence) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    published = json.loads((CHECKOUT / "docs" / "evidence.schema.json").read_text(encoding="utf-8"))
    told = json.loads((_written(tmp_path, seen) / "evidence.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(published).validate(told)
    assert not jsonschema.Draft202012Validator(published).is_valid({**told, "format": 3})


def test_the_verified_path_is_written_whole_and_singly(
    tmp_path: Path, seen: Evidence, path: tuple[Certificate, ...]
) -> None:
    Folder(tmp_path / "PRD").begin(seen)
    files = file_names(seen.judgement.path)
    assert files == dict(
        zip((each.sha256 for each in path), ["server.pem", "intermediate-1.pem", "root.pem"], strict=True)
    )
    assert all(read_pem((tmp_path / "PRD" / name).read_bytes())[0].sha256 == digest for digest, name in files.items())
    assert read_pem((tmp_path / "PRD" / "path.pem").read_bytes()) == path
    assert read_pem((tmp_path / "PRD" / "presented.pem").read_bytes()) == path[:2]


def test_nothing_of_an_earlier_run_is_left_where_the_path_is_not_verified(tmp_path: Path, seen: Evidence) -> None:
    folder = Folder(tmp_path)
    folder.begin(seen)
    folder.write_fixes("PRD", [finding(Code.PK_LIST_EMPTY, "x", commands=[("a",), ("b",)])])
    assert {"path.pem", "root.pem", SCRIPT} < {each.name for each in tmp_path.iterdir()}
    assert len(list(tmp_path.glob("fix-*"))) == 1
    unverified = _with(seen, roots=Roots((), "nothing"))
    assert not unverified.judgement.path
    folder.begin(unverified)
    assert {each.name for each in tmp_path.iterdir()} == {"presented.pem", ".files"}


@pytest.mark.parametrize("name", ["mine.pem", "fix-it-later.txt", "fix-QAS.cmd", "root.pem.old", "intermediate-9.pem"])
def test_a_file_of_the_users_stays_whatever_it_is_called(tmp_path: Path, seen: Evidence, name: str) -> None:
    (tmp_path / name).write_text("mine")
    for _ in range(2):
        Folder(tmp_path).begin(seen)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["root.pem", "presented.pem", "evidence.json", SCRIPT])
def test_a_file_of_the_users_that_stands_in_the_way_is_told_and_stays(
    tmp_path: Path, seen: Evidence, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(EvidenceUnwritable, match=f"{name} is there, and no earlier run says that it wrote it"):
        Folder(tmp_path).begin(seen)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {name: "mine"}


@pytest.mark.parametrize("listed", ["../outside.txt\n", "/etc/passwd\n", "mine.txt\n", "\x00\n"])
def test_a_list_of_files_that_was_written_by_hand_removes_nothing_else(
    tmp_path: Path, seen: Evidence, listed: str
) -> None:
    place = tmp_path / "PRD"
    Folder(place).begin(seen)
    for file in (tmp_path / "outside.txt", place / "mine.txt"):
        file.write_text("mine")
    with (place / ".files").open("a") as stream:
        stream.write(listed)
    Folder(place).begin(seen)
    assert [file.read_text() for file in (tmp_path / "outside.txt", place / "mine.txt")] == ["mine", "mine"]


def test_a_run_that_was_killed_leaves_files_that_the_next_run_takes_for_ours(tmp_path: Path, seen: Evidence) -> None:
    """Between the list of the files and the recording anything may end a run."""
    Folder(tmp_path).begin(seen)
    assert not (tmp_path / "evidence.json").exists()
    Folder(tmp_path).begin(_with(seen, roots=Roots((), "nothing")))
    assert not (tmp_path / "root.pem").exists()


def test_what_a_version_without_a_list_of_its_files_wrote_is_ours(tmp_path: Path, seen: Evidence) -> None:
    place = _written(tmp_path, seen)
    (place / ".files").unlink()
    (place / "mine.txt").write_text("mine")
    Folder(place).begin(_with(seen, roots=Roots((), "nothing")))
    assert not (place / "path.pem").exists()
    assert (place / "mine.txt").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_a_pipe_in_place_of_a_recording_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "evidence.json")
    with pytest.raises(EvidenceUnreadable, match="is no plain file"):
        read(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")
def test_the_folder_is_private(tmp_path: Path, seen: Evidence) -> None:
    Folder(tmp_path / "a" / "PRD").begin(_with(seen, endpoint=None))
    assert (tmp_path / "a" / "PRD").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, seen: Evidence) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvidenceUnwritable, match="what was seen cannot be written"):
        Folder(tmp_path / "file" / "PRD").begin(_with(seen, endpoint=None))


def test_one_command_needs_no_script(tmp_path: Path) -> None:
    Folder(tmp_path).write_fixes("PRD", [finding(Code.PK_LIST_EMPTY, "x", commands=[("a",)])])
    assert not list(tmp_path.iterdir())


ODD = [("echo", "a b"), ("echo", 'quote"d'), ("echo", "per%cent%PATH%"), ("echo", "$HOME `id` 'x'")]


needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")


@needs_sh
def test_a_shell_script_says_what_its_commands_say(tmp_path: Path) -> None:
    script = tmp_path / "fix.sh"
    script.write_text(shell_script(ODD))
    told = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True, timeout=10).stdout
    assert told.splitlines() == [
        *(arguments[1] for arguments in ODD),
        "restart the service; the PSE is read only at start",
    ]


@needs_sh
def test_a_shell_script_stops_at_the_first_failure(tmp_path: Path) -> None:
    script = tmp_path / "fix.sh"
    script.write_text(shell_script([("false",), ("touch", str(tmp_path / "done"))]))
    assert subprocess.run(["sh", str(script)], check=False, timeout=10).returncode != 0
    assert not (tmp_path / "done").exists()


def test_a_batch_file_keeps_empty_arguments_and_percent_signs() -> None:
    lines = batch_file([("C:\\x\\sapgenpse.exe", "-x", "", "100%")]).split("\r\n")
    assert lines[:2] == ["@echo off", "setlocal DisableDelayedExpansion"]
    assert lines[3:8] == [
        "chcp 65001 >nul",
        'C:\\x\\sapgenpse.exe -x "" "100%%"',
        "if errorlevel 1 goto :failed",
        "if not errorlevel 0 goto :failed",
        "echo restart the service; the PSE is read only at start",
    ]


def test_a_batch_file_that_was_started_by_a_double_click_waits_until_it_is_read() -> None:
    """Only Explorer's command line ends with a quote, a blank and a quote; its window would close at once."""
    end = batch_file([("C:\\x\\sapgenpse.exe",)]).split("\r\n")[8:]
    assert end == [
        'set "code=0"',
        "goto :end",
        ":failed",
        'set "code=1"',
        ":end",
        "setlocal EnableDelayedExpansion",
        """set "line=!cmdcmdline:"='!\"""",
        """if "!line:~-3!"=="' '" pause""",
        "exit /b %code%",
        "",
    ]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("C:\\sec\\client.pse", "C:\\sec\\client.pse"),
        ("C:\\my sec\\client.pse", '"C:\\my sec\\client.pse"'),
        ("C:\\a^b\\c.pse", '"C:\\a^b\\c.pse"'),
        ("C:\\a&b\\c.pse", '"C:\\a&b\\c.pse"'),
        ("C:\\a!b\\c.pse", '"C:\\a!b\\c.pse"'),
        ("C:\\a%b%\\c.pse", '"C:\\a%%b%%\\c.pse"'),
        ("C:\\a b\\", '"C:\\a b\\\\"'),
        ("C:\\ö\\c.pse", "C:\\ö\\c.pse"),
        ("*S-1-5-18:(F)", '"*S-1-5-18:(F)"'),
        ('say "hi"', '^"say \\^"hi\\^"^"'),
        ("C:\\ev ö\\PRD\\root.pem", '"%~dp0root.pem"'),
        ("c:\\EV ö\\prd\\root.pem", '"%~dp0root.pem"'),
        ("C:\\ev ö\\root.pem", '"C:\\ev ö\\root.pem"'),
    ],
)
def test_a_batch_file_quotes_every_path_and_finds_its_own_folder(word: str, written: str) -> None:
    lines = batch_file([("icacls", word)], Path("C:\\ev ö\\PRD")).split("\r\n")
    assert lines[4] == f'"%SystemRoot%\\System32\\icacls.exe" {written}'


def test_no_program_of_a_batch_file_is_taken_from_where_it_was_started() -> None:
    """cmd.exe looks there first, unless this variable is set (Microsoft: NeedCurrentDirectoryForExePath)."""
    lines = batch_file([("certutil", "-addstore", "Root", "a.pem"), ("keytool", "-importcert")]).split("\r\n")
    assert lines.index('set "NoDefaultCurrentDirectoryInExePath=1"') < lines.index("chcp 65001 >nul")
    assert lines[4] == '"%SystemRoot%\\System32\\certutil.exe" -addstore Root a.pem'
    assert lines[7] == "keytool -importcert"


@NOT_WINE
@pytest.mark.skipif(sys.platform != "win32", reason="needs cmd.exe")
def test_a_real_cmd_starts_nothing_that_lies_beside_a_batch_file(tmp_path: Path) -> None:
    (tmp_path / "keytool.cmd").write_text("@echo planted\r\n", "utf-8", newline="")
    (tmp_path / "fix.cmd").write_text(batch_file([("keytool", "-version")], tmp_path), "utf-8", newline="")
    assert b"planted" not in _run_in_cmd(tmp_path / "fix.cmd").stdout


def _run_in_cmd(script: Path) -> subprocess.CompletedProcess[bytes]:
    command = ["cmd.exe", "/d", "/c", script.name]
    return subprocess.run(command, cwd=script.parent, capture_output=True, check=False, timeout=60)


@pytest.mark.skipif(sys.platform != "win32", reason="needs cmd.exe")
@pytest.mark.parametrize("name", ["plain", "a b", "ü ö", "a^b", "a&b", "50% a", "%TEMP%", "a!b", "(a)"])
def test_a_batch_file_does_what_its_commands_say(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    told = folder / "told.txt"
    say = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(' '.join(sys.argv[2:]), 'utf-8')"
    script = folder / "fix.cmd"
    script.write_text(batch_file([(sys.executable, "-c", say, str(told), "", "^&x")], folder), "utf-8", newline="")
    ended = _run_in_cmd(script)
    assert (ended.returncode, told.read_text("utf-8")) == (0, " ^&x")
    assert b"restart the service" in ended.stdout


@pytest.mark.skipif(sys.platform != "win32", reason="needs cmd.exe")
@pytest.mark.parametrize("code", [1, 3, -1073741819], ids=["one", "three", "a crash"])
def test_a_batch_file_stops_at_the_first_failure(tmp_path: Path, code: int) -> None:
    script, done = tmp_path / "fix.cmd", tmp_path / "done"
    fails = (sys.executable, "-c", f"import ctypes; ctypes.windll.kernel32.ExitProcess({code})")
    makes = (sys.executable, "-c", "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()", str(done))
    script.write_text(batch_file([fails, makes], tmp_path), "utf-8", newline="")
    ended = _run_in_cmd(script)
    assert (ended.returncode, done.exists()) == (1, False)
