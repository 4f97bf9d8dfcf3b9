"""Make a batch file of the lines of docs/server.md, each with the exit code that the page says.

    python server_page.py PAGE PORT FOLDER

The system of the page is then the one on this machine's port, whose root lies in FOLDER. What needs a real Windows is
left out, and told.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

HOST = "my401122-api.s4hana.cloud.sap"
SYSTEMS = r"C:\ProgramData\pse-preflight\systems.yaml"
PREPARED = r"""C:\pse-preflight\pse-preflight.exe opengenpse gen_pse -p C:\client.pse -noreq -x "" CN=Client
move C:\client.pse C:\ProgramData\xtract\sec
"""
"""A PSE as people make it by hand: nothing is in its certificate list."""


def lines(page: str, port: str, root: str) -> Iterator[str]:
    """Yield the lines of the batch file."""
    yield from ("@echo off", "chcp 65001 >nul", *(_checked(each, 0) for each in PREPARED.splitlines()))
    pattern = r"(?:^<!-- ([\w\- ]+) -->\n)?^```(bat|yaml)\n(.*?)^```$"
    for mark, language, text in re.findall(pattern, page, re.MULTILINE | re.DOTALL):
        block = text.replace(HOST, f"localhost:{port}")
        if language == "yaml":
            yield from _written([*block.splitlines(), f"    roots: '{root}'"])
        elif mark and not mark.startswith("exit"):
            yield from (f"echo -- {mark}: {_echoed(each)}" for each in block.splitlines())
        else:
            yield from (_checked(each, int(mark.partition(" ")[2] or 0)) for each in block.splitlines())


def _checked(line: str, code: int) -> str:
    call = "call " if line.endswith(".cmd") else ""
    failed = f'if not "%errorlevel%"=="{code}" (echo ended with %errorlevel%, and not with {code}& exit /b 1)'
    return f"echo ^> {_echoed(line)}\r\n{call}{line}\r\n{failed}"


def _echoed(line: str) -> str:
    return re.sub(r"([&|<>^])", r"^\1", line)


def _written(text: list[str]) -> Iterator[str]:
    yield f"type nul > {SYSTEMS}"
    yield from (f">> {SYSTEMS} echo {_echoed(each.partition(' #')[0].rstrip())}" for each in text)


if __name__ == "__main__":
    page, port, folder = sys.argv[1:]
    root = "Z:" + str(Path(folder, "company-root.pem").resolve()).replace("/", "\\")
    sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]
    print(*lines(Path(page).read_text(encoding="utf-8"), port, root), sep="\r\n", end="\r\n")
