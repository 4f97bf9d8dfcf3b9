import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pse_preflight.authority import root_authority
from pse_preflight.certificate import Certificate, read_pem
from pse_preflight.evidence import EvidenceUnwritable, Folder, batch_file, shell_script
from pse_preflight.findings import finding

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def path() -> tuple[Certificate, ...]:
    root = root_authority("Root", START, 100)
    server = root.issue_authority("Issuing", START, 100).issue_server(["host.example.com"], START, 10)
    return tuple(map(Certificate.of, (server.certificate, *server.issuers)))


def test_the_verified_path_is_written_whole_and_singly(tmp_path: Path, path: tuple[Certificate, ...]) -> None:
    files = Folder(tmp_path / "PRD").begin([each.der for each in path[:2]], path)
    assert {digest: file.name for digest, file in files.items()} == dict(
        zip((each.sha256 for each in path), ["server.pem", "intermediate-1.pem", "root.pem"], strict=True)
    )
    assert all(read_pem(file.read_bytes())[0].sha256 == digest for digest, file in files.items())
    assert read_pem((tmp_path / "PRD" / "path.pem").read_bytes()) == path
    assert read_pem((tmp_path / "PRD" / "presented.pem").read_bytes()) == path[:2]


def test_nothing_of_an_earlier_run_is_left_where_the_path_is_not_verified(
    tmp_path: Path, path: tuple[Certificate, ...]
) -> None:
    folder = Folder(tmp_path)
    folder.begin([path[0].der], path)
    folder.write_fixes("PRD", [finding("PK_LIST_EMPTY", "x", commands=[("a",), ("b",)])])
    assert folder.begin([path[0].der], ()) == {}
    assert [each.name for each in tmp_path.iterdir()] == ["presented.pem"]


@pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")
def test_the_folder_is_private(tmp_path: Path) -> None:
    Folder(tmp_path / "a" / "PRD").begin([], ())
    assert (tmp_path / "a" / "PRD").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvidenceUnwritable, match="no evidence can be written"):
        Folder(tmp_path / "file" / "PRD").begin([], ())


def test_observations_are_plain_json(tmp_path: Path) -> None:
    Folder(tmp_path).observe({"at": START, "der": b"\x00", "path": tmp_path, "none": None, "tuple": (1, True, 1.5)})
    told = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert told == {
        "format": 1,
        "at": "2026-01-01T00:00:00+00:00",
        "der": "AA==",
        "path": str(tmp_path),
        "none": None,
        "tuple": [1, True, 1.5],
    }


def test_one_command_needs_no_script(tmp_path: Path) -> None:
    Folder(tmp_path).write_fixes("PRD", [finding("PK_LIST_EMPTY", "x", commands=[("a",)])])
    assert not list(tmp_path.iterdir())


ODD = [("echo", "a b"), ("echo", 'quote"d'), ("echo", "per%cent%PATH%"), ("echo", "$HOME `id` 'x'")]


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_a_shell_script_says_what_its_commands_say(tmp_path: Path) -> None:
    script = tmp_path / "fix.sh"
    script.write_text(shell_script(ODD))
    told = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True, timeout=10).stdout
    assert told.splitlines() == [
        *(arguments[1] for arguments in ODD),
        "restart the service; the PSE is read only at start",
    ]


def test_a_shell_script_stops_at_the_first_failure(tmp_path: Path) -> None:
    script = tmp_path / "fix.sh"
    script.write_text(shell_script([("false",), ("touch", str(tmp_path / "done"))]))
    assert subprocess.run(["sh", str(script)], check=False, timeout=10).returncode != 0
    assert not (tmp_path / "done").exists()


def test_a_batch_file_keeps_empty_arguments_and_percent_signs() -> None:
    lines = batch_file([("sapgenpse", "-x", "", "100%")]).split("\r\n")
    assert lines[2] == 'sapgenpse -x "" 100%% || exit /b 1'
    assert lines[3] == "echo restart the service; the PSE is read only at start"
