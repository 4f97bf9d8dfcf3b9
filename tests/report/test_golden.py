"""The three forms of a report over every demo scenario, as they are meant to look.

After a wanted change: PREFLIGHT_WRITE_GOLDEN=1 pytest tests/report/test_golden.py; read the difference, then keep it.
"""

import getpass
import html
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pse_preflight import __version__
from pse_preflight.demo.server import SCENARIOS
from tests.kit.places import CHECKOUT
from tests.kit.runs import run_checks, surroundings

GOLDEN = Path(__file__).parent / "golden"
SYSTEMS = ",".join(["demo", *(f"demo:{each}" for each in SCENARIOS)])

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the length of paths decides where lines break")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder, with a path of always the same length, in which all scenarios have been checked."""
    folder = Path(tempfile.mkdtemp(prefix="golden-", dir="/tmp"))
    outputs = ["--junitxml=report.xml", "--trust-report=page.html", "-p", "no:cacheprovider"]
    run = run_checks(
        folder, f"--system={SYSTEMS}", "--engine=bundled", *outputs, environment=surroundings(COLUMNS="80")
    )
    assert run.returncode == 1, run.stdout + run.stderr
    (folder / "terminal.txt").write_text(run.stdout, encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


def _normal(text: str, folder: Path) -> str:
    """Put words of the same length for what is different in each run and on each machine."""
    text = text.replace(str(folder), "/home/of/the/checks")
    text = re.sub(rf"\b{re.escape(socket.gethostname())}\b", "HOST", text)
    text = text.replace(f"HOST ({getpass.getuser()})", "HOST (ACCOUNT)")
    text = text.replace(str(CHECKOUT / "src"), "SRC").replace(__version__, "VERSION")
    text = re.sub(r"\b[0-9A-F]{2}(:(\n\s*)?[0-9A-F]{2}){19}\b", "KEY-IDENTIFIER", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d\b", "YYYY-MM-DD", text)
    text = re.sub(r"\b\d\d:\d\d(:\d\d)?(\.\d+)?\b", "HH:MM", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "SHA-256", text)
    text = re.sub(r"(sha256\s+)[0-9a-f]{12,16}", r"\1FINGERPRINT", text)
    return re.sub(r"(localhost:|port )\d{4,5}\b", r"\1PORT", text)


def _same(name: str, told: str) -> None:
    golden = GOLDEN / name
    if os.environ.get("PREFLIGHT_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_the_terminal(folder: Path) -> None:
    told = (folder / "terminal.txt").read_text(encoding="utf-8")
    summary = re.search(r"^=+ pse-preflight =+$.*(?=^=+ \d+ failed)", told, re.DOTALL | re.MULTILINE)
    header = re.search(r"^pse-preflight: .*?(?=^rootdir)", told, re.DOTALL | re.MULTILINE)
    assert summary
    assert header
    _same("terminal.txt", _normal(header[0] + summary[0], folder))


def _case(case: ET.Element) -> Iterator[str]:
    yield f"== {case.attrib['classname']} {case.attrib['name']}"
    for part in case:
        if part.tag == "properties":
            yield from (
                f"{each.attrib['name']}={each.attrib['value']}" for each in part if each.attrib["name"] != "port"
            )
        elif part.tag != "system-out":
            yield f"{part.tag}: {part.attrib['message']} / {part.text}"
    yield from ((part.text or "").strip() for part in case.iter("system-out"))


def test_junit(folder: Path) -> None:
    cases = list(ET.parse(folder / "report.xml").iter("testcase"))
    red_or_first = [
        case for case in cases if case.find("failure") is not None or "test_pse_exists" in case.attrib["name"]
    ]
    _same("junit.txt", _normal("\n".join(line for case in red_or_first for line in _case(case)) + "\n", folder))


def test_the_page(folder: Path) -> None:
    page = (folder / "page.html").read_text(encoding="utf-8")
    body = html.unescape(re.sub(r"<(style|script|head)\b.*?</\1>", "", page, flags=re.DOTALL))
    spoken = re.sub(r'<[^>]*?aria-label="([^"]*)"[^>]*>', r"\n[\1]\n", body)
    lines = (" ".join(line.split()) for line in re.sub(r"</?[a-z][^>]*>", "\n", spoken).splitlines())
    _same("page.txt", _normal("".join(f"{line}\n" for line in lines if line), folder))
