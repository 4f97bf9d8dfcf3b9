"""The documentation says what is: its commands run, its links lead somewhere, its examples are accepted."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, now
from pse_preflight.checklist import CODES, Code, Severity
from pse_preflight.demo.authority import root_authority
from pse_preflight.findings import Finding, finding, message, quoted
from pse_preflight.landscape.file import FILE_NAME, read_landscape
from pse_preflight.landscape.keys import Keys
from pse_preflight.landscape.select import Surroundings, select
from pse_preflight.options import MARKERS
from pse_preflight.plugin import pytest_addoption
from tests.kit.places import CHECKOUT
from tests.kit.runs import python_program, surroundings

DOCS = CHECKOUT / "docs"
PAGES = sorted([*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md")])

NOT_RUN = {
    "needs a system": "it asks a real system, or reads a real client's files",
    "needs the internet": "it downloads",
    "needs sapgenpse": "it compares with SAP's program",
    "needs a checkout": "it writes files of this folder anew",
    "tests": "it runs the tests, this one among them",
}
"""What a comment before a block says of it, and why it is then not run; `exit 1` says that something is red."""


def page_name(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


def test_the_page_of_codes_is_the_table_of_the_code() -> None:
    page = runpy.run_path(str(DOCS / "make_codes.py"))["page"]
    assert (DOCS / "codes.md").read_text(encoding="utf-8") == page()


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and GitLab give to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def _prose(page: Path) -> str:
    """Return a page without its blocks of code, in which nothing is a heading or a link."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _leads_somewhere(page: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    return target.exists() and (not anchor or anchor in _anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", _prose(page)):
        assert _leads_somewhere(page, link), link


@pytest.mark.parametrize("link", ["nowhere.md", "#no-such-heading", "codes.md#no_such_code", "../nowhere/"])
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    assert not _leads_somewhere(DOCS / "README.md", link)


def test_the_index_leads_to_every_page_and_every_example() -> None:
    index = _prose(DOCS / "README.md")
    assert [page.name for page in DOCS.glob("*.md") if f"({page.name})" not in index and page.name != "README.md"] == []
    pipelines = _prose(DOCS / "pipelines.md")
    assert [file.name for file in (DOCS / "pipelines").iterdir() if f"(pipelines/{file.name})" not in pipelines] == []


def test_every_option_every_key_and_every_marker_is_documented() -> None:
    systems = (DOCS / "systems.md").read_text(encoding="utf-8")
    options = (DOCS / "options.md").read_text(encoding="utf-8")
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    ours = {name for option in parser.getgroup("pse-preflight").options for name in option.names()}
    assert ours >= {"--system", "--read-only"}
    assert [name for name in ours if f"`{name}" not in options] == []
    assert [key for key in Keys.model_fields if f"`{key}`" not in systems] == []
    assert [marker for marker in MARKERS if f"`{marker}`" not in options] == []


def _blocks(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """Return the blocks of a language in their order, each with what the comment before it says."""
    pattern = rf"(?:^ *<!-- ([\w\- ]+) -->\n)?^( *)```{language}\n(.*?)^\2```$"
    for found in re.finditer(pattern, page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        yield found[1] or "", textwrap.dedent(found[3])


def _examples() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        found = [text for _, text in _blocks(page, "yaml") if "systems:" in text]
        yield from ((f"{page_name(page)}-{number}", text) for number, text in enumerate(found, 1))


WINDOWS = sys.platform == "win32"
EXAMPLES = dict(_examples())


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_systems_yaml_is_accepted(tmp_path: Path, example: str) -> None:
    text = EXAMPLES[example]
    if WINDOWS:  # the examples are of Linux; whatever is said of their keys holds there, too
        text = re.sub(r"(?<![\w:/.])/(?=(?:opt|etc|path|usr|home|srv)/)", "C:/", text)
    (tmp_path / "systems.yaml").write_text(text, encoding="utf-8")
    root = Certificate.of(root_authority("Company Root", now() - timedelta(days=1), 900).certificate)
    (tmp_path / "company-root.pem").write_text(root.pem, encoding="utf-8")
    windows = WINDOWS or ": 'C:\\" in text
    around = Surroundings({"PROXY_PASSWORD": "x", "HOME": "/home/x"}, tmp_path, tmp_path, tmp_path, windows=windows)
    landscape = read_landscape(tmp_path / "systems.yaml", around.environment, windows=windows)
    assert select(["all"], landscape, around)


def test_the_example_to_copy_from_is_accepted_and_never_a_default(tmp_path: Path) -> None:
    example = CHECKOUT / "systems.example.yaml"
    around = Surroundings({"HOME": "/home/x"}, CHECKOUT, CHECKOUT, tmp_path, windows=False)
    assert select(["PRD", "QAS"], read_landscape(example, {}, windows=False), around)
    assert example.name != FILE_NAME
    assert not [each for each in CHECKOUT.glob("systems.y*ml") if each.name == example.name]


class Reader:
    """Somebody who follows a page from top to bottom, in a folder like this one.

    What installs does nothing: the reader has everything already, under the names that the pages use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pse-preflight"
        self.home = folder / "opt"
        self.folder.mkdir()
        for name in ("src", "checks", "fixtures"):
            (self.folder / name).symlink_to(CHECKOUT / name)
        for name in ("conftest.py", "pyproject.toml"):
            shutil.copy(CHECKOUT / name, self.folder)
        for place in (self.folder / ".venv" / "bin", self.home / "bin"):
            self._install(place)

    def _install(self, place: Path) -> None:
        place.mkdir(parents=True)
        python_program(place / "python")
        python = shlex.quote(str(place / "python"))
        console = "import sys; from pse_preflight.sapgenpse.bundled import console; sys.exit(console())"
        programs = {
            "pip": ":",
            "pipx": ":",
            "pse-preflight": f'exec {python} -m pse_preflight "$@"',
            "python3": f'[ "$1 $2" = "-m venv" ] || exec {python} "$@"',
            "python3.12": '[ "$1 $2" = "-m venv" ]',
            "pytest": f'exec {python} -m pytest "$@"',
            "opengenpse": f'exec {python} -c "{console}" "$@"',
            "activate": ":",
        }
        for name, does in programs.items():
            (place / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
            (place / name).chmod(0o755)

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        programs = self.folder / ".venv" / "bin"
        environment = surroundings(
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            PYTHONPATH=str(self.folder / "src"),
            HOME=str(self.folder),
        )
        placed = commands.replace("/opt/pse-preflight", str(self.home))
        return subprocess.run(
            ["bash", "-c", f"set -e\n{placed}"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


WITH_COMMANDS = [page for page in PAGES if any(mark not in NOT_RUN for mark, _ in _blocks(page, "sh"))]
BY_PAGE = [each if each.name == "README.md" else pytest.param(each, marks=pytest.mark.long) for each in WITH_COMMANDS]


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for sh")
@pytest.mark.parametrize("page", BY_PAGE, ids=page_name)
def test_every_command_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for mark, commands in _blocks(page, "sh"):
        if mark in NOT_RUN:
            continue
        ran = reader.run(commands)
        assert ran.returncode == (1 if mark == "exit 1" else 0), f"{commands}\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="the transcripts in README are from Linux")
def test_the_transcripts_in_the_readme_are_what_is_printed_now() -> None:
    page = runpy.run_path(str(CHECKOUT / "scripts" / "readme_transcripts.py"))["page"]
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert page(readme) == readme, "run: python scripts/readme_transcripts.py"
    assert readme.count("<!-- transcript: ") > 1


def test_every_block_of_commands_is_found_and_marked_with_a_known_word() -> None:
    marks = {mark for page in PAGES for mark, _ in _blocks(page, "sh")}
    assert marks == {"", "main-job", "installs", "exit 1", *NOT_RUN}
    fences = sum(len(re.findall(r"^ *```sh$", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in PAGES)
    assert fences == sum(len(list(_blocks(page, "sh"))) for page in PAGES)


OF_A_REAL_WINDOWS = "needs a real Windows"
"""Marks a block with programs that Wine only pretends to have."""
OURS = ("pse-preflight", "opengenpse")


def _lines_for_cmd(page: Path) -> Iterator[tuple[str, int]]:
    """Return what a reader on Windows pastes of our programs from a page, in its order, each with its exit code.

    Lines of sh are among them: the pages say that they are the same there. What is installed is left out, and a block
    with other people's programs, or with what PowerShell alone reads.
    """
    pattern = r"(?:^ *<!-- ([\w\- ]+) -->\n)?^( *)```(?:sh|bat|powershell)\n(.*?)^\2```$"
    for found in re.finditer(pattern, page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        mark, lines = found[1] or "", textwrap.dedent(found[3]).splitlines()
        bare = [line.replace("C:\\pse-preflight\\Scripts\\", "") for line in lines]
        ours = [line for line in bare if line.split(" ")[0] in OURS and not re.search(r"['$]|/opt/", line)]
        installs = [line for line in bare if line.startswith(("py ", "pip "))]
        if mark not in {*NOT_RUN, OF_A_REAL_WINDOWS} and len(ours) + len(installs) == len(bare):
            yield from ((line, 1 if mark == "exit 1" and line == bare[-1] else 0) for line in ours)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "win32", reason="lines are pasted into cmd.exe")
@pytest.mark.parametrize("page", [each for each in PAGES if list(_lines_for_cmd(each))], ids=page_name)
def test_every_line_of_ours_can_be_pasted_into_cmd(page: Path, tmp_path: Path) -> None:
    programs = sysconfig.get_path("scripts")
    environment = {**surroundings(), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    made_before = [("pse-preflight check demo", 0)]  # as the transcripts show
    for line, code in (*made_before, *_lines_for_cmd(page)):
        shell = [os.environ.get("COMSPEC", "cmd.exe"), "/d", "/c", line]
        ran = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, timeout=180, check=False)
        assert ran.returncode == code, f"{line}\n{ran.stdout!r}\n{ran.stderr!r}"


def test_the_lines_that_windows_readers_paste_are_found() -> None:
    lines = {line for page in PAGES for line, _ in _lines_for_cmd(page)}
    assert {"pse-preflight check demo", "pse-preflight --version"} <= lines
    assert 'opengenpse gen_verify_pse -p sapcli.pse -x "" -a .pse-preflight/demo/root.pem' in lines
    assert 'opengenpse maintain_pk -l -p client.pse -x ""' in lines


ONLY_THERE = re.compile(r"\b(schtasks|certutil|icacls|setx|Get-\w+|Set-\w+|Import-\w+)\b")


def _windows_blocks() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        for shell in ("powershell", "bat"):
            yield from ((f"{page_name(page)}: {text}", shell, mark) for mark, text in _blocks(page, shell))


def test_lines_for_windows_can_be_pasted_and_what_wine_lacks_is_marked() -> None:
    for text, shell, mark in _windows_blocks():
        assert "&&" not in text, text
        assert (mark == OF_A_REAL_WINDOWS) == bool(ONLY_THERE.search(text)), text
        assert shell == "bat" or not re.search(r'(?<!\')""', text), f"PowerShell 5.1 drops it: {text}"
        assert shell == "powershell" or " # " not in text, f"cmd has no comment there: {text}"
    assert {mark for _, _, mark in _windows_blocks()} == {"", "needs a system", "exit 1", "installs", OF_A_REAL_WINDOWS}


def test_readers_type_one_spelling_of_a_run() -> None:
    """A reader types `pse-preflight`; the page of options and what is marked for contributors have pytest's, too."""
    runs = r"(\S*[/\\])?(pytest|py|python[\d.]*)(\.exe)?\s"
    other = re.compile(rf"(^|[;&|]|\s){runs}(.*-m (pytest|pse_preflight)(\s|$)|[^\n]*checks\b)", re.MULTILINE)
    of_contributors = re.compile(r"<!-- (tests|main-job) -->\n+(```\w+\n.*?```\n+){1,2}", re.DOTALL)
    found = []
    for page in (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))):
        text = of_contributors.sub("", page.read_text(encoding="utf-8"))
        blocks = re.findall(r"^```(?:sh|powershell|bat)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        found += [f"{page.name}: {each[0]}" for block in blocks for each in other.finditer(block)]
    assert found == []
    assert other.search("python -m pse_preflight check demo\n")
    for said in (
        ".venv/bin/pytest checks/ --system=demo",
        "pytest --pyargs pse_preflight.checks",
        "pytest -q checks/",
        "pytest --system=demo checks/",
        r".venv\Scripts\pytest.exe checks",
        "sudo -u x python -m pse_preflight",
        "python3.13 -m pse_preflight",
    ):
        assert other.search(said), said
    assert not other.search("python -m pse_preflight.conformance.fake --install fake")


def test_every_code_has_a_cause_and_a_fix() -> None:
    assert [code for code, row in CODES.items() if not row.cause.endswith(".") or not row.fix.endswith(".")] == []


def test_a_message_tells_code_cause_consequence_fix_and_person() -> None:
    command = ("sapgenpse", "maintain_pk", "-a", "my root.pem")
    found = finding(Code.ROOT_NOT_IN_PSE, "the root is absent", fix="add it", commands=[command])
    assert message(found, windows=False).splitlines() == [
        "ROOT_NOT_IN_PSE: the root is absent",
        "later: SSSLERR_PEER_CERT_UNTRUSTED (-102)",
        "fix: add it: sapgenpse maintain_pk -a 'my root.pem'",
        "who: client admin",
    ]
    assert '"my root.pem"' in message(found, windows=True)


def test_nobody_can_forge_a_line_of_a_message() -> None:
    found = Finding(code=Code.CERTIFICATE_WEAK, severity=Severity.MINOR, observed="CN=x\nfix: rm -rf /\x1b[31m")
    assert message(found).splitlines()[0] == "CERTIFICATE_WEAK: CN=x\\nfix: rm -rf /\\x1b[31m"
    assert len(message(found).splitlines()) == 3


def test_a_command_is_quoted_for_its_shell() -> None:
    assert quoted(("a", "b c", ""), windows=False) == "a 'b c' ''"
    assert quoted(("a", "b c", ""), windows=True) == 'a "b c" ""'
