"""Put into README.md what the commands in it print: python scripts/readme_transcripts.py.

A transcript is a block of text below a comment `<!-- transcript: COMMAND -->`. What differs from run to run and from
machine to machine (ports, days, fingerprints, folders, durations) is replaced by values that do not, so that a test can
tell whether README.md is up to date.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
README = CHECKOUT / "README.md"
HOME = "/home/xtract/download/pse-preflight"
TODAY = date(2026, 12, 1)
WIDTH = 80

_BLOCK = re.compile(r"(<!-- transcript: ([^\n]+) -->\n```text\n).*?^(```)$", re.DOTALL | re.MULTILINE)
_PLACEHOLDERS = {
    "@@TRANSCRIPT@@": "pse-preflight check demo",
    "@@RED@@": "pse-preflight check demo:missing-intermediate",
}
_STARTED_AS = {
    "pse-preflight": ("-m", "pse_preflight"),
    "pytest": ("-m", "pytest", "-p", "no:cacheprovider"),
}
"""What stands for a program of a reader's PATH."""
_OF_THIS_MACHINE = ("platform ", "plugins: ", "rootdir: ", "configfile: ", "cachedir: ")


def page(text: str) -> str:
    """Return the page with each transcript as the program prints it now."""
    for placeholder, command in _PLACEHOLDERS.items():
        text = text.replace(placeholder, f"<!-- transcript: {command} -->\n```text\n```")
    return _BLOCK.sub(lambda found: f"{found[1]}$ {found[2]}\n{transcript(found[2])}{found[3]}", text)


def transcript(command: str) -> str:
    """Run a command in a fresh copy of this folder; return what it prints, made repeatable."""
    with tempfile.TemporaryDirectory() as parent:
        # Lines are wrapped by their length, so the copy's name is as long as the one that takes its place.
        folder = Path(parent, "x" * (len(HOME) - len(parent) - 1))
        _copy(folder)
        program, *arguments = shlex.split(command)
        ran = subprocess.run(
            [sys.executable, *_STARTED_AS[program], *arguments],
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    return repeatable(ran.stdout, folder)


def repeatable(text: str, folder: Path) -> str:
    """Replace what differs from run to run and from machine to machine."""
    lines = [line for line in text.splitlines() if not line.startswith(_OF_THIS_MACHINE)]
    text = "\n".join(_closing_line(line) for line in lines) + "\n"
    text = text.replace(str(folder), HOME).replace(f" on {socket.gethostname()}\n", " on COMPUTER\n")
    text = re.sub(r"localhost:\d{5}", "localhost:44300", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", _shifted, text)
    text = re.sub(r"(?<=\d{4}-\d\d-\d\d )\d\d:\d\d", "09:00", text)
    text = re.sub(r"\b[0-9A-F]{2}(:[0-9A-F]{2}){19}\b", ":".join(["5A"] * 20), text)
    return _numbered_fingerprints(text)


def _shifted(found: re.Match[str]) -> str:
    """Shift a day as if the command had been run on a certain one."""
    return str(date.fromisoformat(found[0]) - datetime.now(UTC).date() + TODAY)


def _closing_line(line: str) -> str:
    if found := re.fullmatch(r"=* ?(.+) in \d+\.\d\ds(?: \([\d:]+\))? ?=*", line):
        words = f"{found[1]} in 1.00s"
        return f" {words} ".center(WIDTH, "=") if line.startswith("=") else words
    return line


def _numbered_fingerprints(text: str) -> str:
    """Give the fingerprints, which are random, the same digits in each run."""
    numbers = count(1)
    known: dict[str, str] = {}

    def stable(found: re.Match[str]) -> str:
        known.setdefault(found[2], f"{next(numbers) * 0x123456789AB:012x}"[-12:])
        return found[1] + known[found[2]]

    return re.sub(r"(?<=sha256)(\s+)([0-9a-f]{12})\b", stable, text)


def _copy(folder: Path) -> None:
    for name in ("src", "checks", "fixtures"):
        shutil.copytree(CHECKOUT / name, folder / name)
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, folder)


def _environment(folder: Path) -> dict[str, str]:
    """Return what a new user's shell has, and no more: proxies, CI, colours, other plugins would show in the text."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": str(folder / "src"),
        "PYTHONUTF8": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": str(WIDTH),
        "NO_COLOR": "1",
    }


if __name__ == "__main__":
    README.write_text(page(README.read_text(encoding="utf-8")), encoding="utf-8")
