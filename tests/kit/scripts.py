"""Programs made of lines of Python: a script where its first line names an interpreter, and on Windows an .exe.

There it is what pip makes of a console script: the launcher that pip brings, the interpreter's name, and a zip. It gets
its arguments from Windows, and hands them on as they are.
"""

import importlib.util
import io
import sys
import zipfile
from pathlib import Path

LAUNCHER = "t64.exe"


def write_program(path: Path, source: str) -> Path:
    """Write a program that runs these lines without any package of others; return it, on Windows with .exe."""
    if sys.platform == "win32":
        return _exe(path.with_suffix(".exe"), source)
    path.write_text(f"#!{sys.executable} -S\n{source}", encoding="utf-8")
    path.chmod(0o755)
    return path


def _exe(path: Path, source: str) -> Path:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", f"{AS_ELSEWHERE}{source}")
    path.write_bytes(_launcher().read_bytes() + f'#!"{sys.executable}" -S\r\n'.encode() + packed.getvalue())
    return path


AS_ELSEWHERE = """
import msvcrt, os, sys
for number in (1, 2):
    msvcrt.setmode(number, os.O_BINARY)
sys.stdout.reconfigure(newline="\\n")
"""
"""Lets a program write its lines and bytes as it does on other systems."""


def _launcher() -> Path:
    pip = importlib.util.find_spec("pip")
    assert pip, "pip has the launcher"
    assert pip.origin
    return Path(pip.origin).parent / "_vendor" / "distlib" / LAUNCHER
