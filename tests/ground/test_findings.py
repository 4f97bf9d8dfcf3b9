"""How a finding is told, without a line that a peer can forge, and how its commands arrive as they are pasted."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pse_preflight.checklist import Code
from pse_preflight.findings import finding, message, quoted
from pse_preflight.recording.folder import batch_file
from pse_preflight.report.facts import finding_facts

ODD = (
    r"C:\R&D\client.pse",
    r"C:\Program Files (x86)\sec\a.pse",
    r"C:\(x)\y.pse",
    "a^b",
    "a|b<c>d",
    "CN=a, O=b & c",
    'CN="a, b" & calc',
    'x" & echo hi',
    "a;b",
    "a=b",
    "ends\\&\\",
    'CN="(x)"',
    "",
    "plain.pse",
    r"\\server\share$\a b.pse",
)


def _taken_by_cmd(line: str) -> list[str]:
    """Take a line apart as cmd.exe does before a program sees it; each part between signs is a command of its own."""
    commands, quoting, position = [""], False, 0
    while position < len(line):
        sign = line[position]
        if sign == "^" and not quoting:
            position += 1
            commands[-1] += line[position : position + 1]
        elif sign in "&|<>()" and not quoting:
            commands.append("")
        else:
            quoting ^= sign == '"'
            commands[-1] += sign
        position += 1
    return commands


def _arguments(line: str) -> list[str]:
    """Take the arguments apart as a program's C library does (Microsoft: "Parsing C command-line arguments")."""
    found: list[str] = []
    current, started, quoting, slashes = "", False, False, 0
    for sign in [*line, " "]:
        if sign == "\\":
            slashes += 1
            continue
        current += "\\" * (slashes // 2 if sign == '"' else slashes)
        odd, started, slashes = slashes % 2 == 1, started or slashes > 0, 0
        if sign == '"' and not odd:
            quoting, started = not quoting, True
        elif sign == " " and not quoting:
            found += [current] if started else []
            current, started = "", False
        else:
            current, started = current + sign, True
    return found


@pytest.mark.parametrize("argument", ODD)
def test_a_command_for_cmd_is_one_command_with_these_arguments(argument: str) -> None:
    (line,) = _taken_by_cmd(quoted(("sapgenpse", "-a", argument, "end"), windows=True))
    assert _arguments(line) == ["sapgenpse", "-a", argument, "end"]


def test_what_reads_well_is_left_as_it_is() -> None:
    command = ("sapgenpse", "maintain_pk", "-p", r"C:\sec\client.pse", "-v", "CN=a b")
    assert quoted(command, windows=True) == r'sapgenpse maintain_pk -p C:\sec\client.pse -v "CN=a b"'


@pytest.mark.parametrize("argument", ODD)
def test_a_command_for_sh_comes_back(argument: str) -> None:
    assert shlex.split(quoted(("a", argument), windows=False)) == ["a", argument]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "win32", reason="needs cmd.exe")
@pytest.mark.parametrize("argument", [each for each in ODD if each] + ["100%", "%PATH%"])
def test_cmd_itself_hands_them_on(argument: str, tmp_path: Path) -> None:
    script = tmp_path / "told.py"
    script.write_text("import sys\nprint(ascii(sys.argv[1:]))\n", encoding="ascii")
    batch = tmp_path / "fix.cmd"
    batch.write_text(batch_file([(sys.executable, str(script), argument)]), encoding="utf-8", newline="")
    cmd = shutil.which("cmd.exe")
    assert cmd
    said = subprocess.run([cmd, "/d", "/c", str(batch)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.splitlines()[0] == ascii([argument])


SEEN, FIX, DETAIL = "root X is not trusted", "name its file", "the issuer needed has the key identifier AA:BB"


def test_detail_stands_in_a_line_of_its_own_after_what_was_seen() -> None:
    found = finding(Code.ROOT_UNTRUSTED, SEEN, fix=FIX, detail=DETAIL)
    first, second, *others = message(found).splitlines()
    assert (first, second) == (f"ROOT_UNTRUSTED: {SEEN}", f"detail: {DETAIL}")
    assert [each.partition(": ")[0] for each in others] == ["later", "fix", "who"]
    facts = finding_facts(found)
    assert (facts.observed, facts.detail, facts.message) == (SEEN, DETAIL, message(found))


def test_without_a_detail_there_is_no_line_for_it() -> None:
    found = finding(Code.ROOT_UNTRUSTED, SEEN, fix=FIX)
    assert "detail" not in message(found)
    assert finding_facts(found).detail == ""


@pytest.mark.parametrize("forged", ["a\nfix: rm -rf /", "a\r\nwho: nobody", "a\x1b[2Jb"])
def test_detail_forges_no_line(forged: str) -> None:
    found = finding(Code.ROOT_UNTRUSTED, SEEN, detail=forged)
    assert len(message(found).splitlines()) == len(message(finding(Code.ROOT_UNTRUSTED, SEEN, detail="a")).splitlines())
    assert finding_facts(found).detail.isprintable()
