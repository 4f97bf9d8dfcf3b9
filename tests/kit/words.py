"""What is said of known things, word by word, as somebody has read it.

After a wanted change: PREFLIGHT_WRITE_GOLDEN=1 pytest tests/chain/test_words.py tests/verdict/test_words.py; read the
difference, then keep it.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from pse_preflight.certificate import Certificate
from pse_preflight.findings import Finding, message

_HEADING = "== "


def told(findings: Iterable[Finding], known: Iterable[Certificate]) -> str:
    """Return findings as they are told, each with whom it is about.

    Numbers that are others in each run are named by the certificates that have them.
    """
    names = {each.sha256: f"<{each.name}>" for each in known}
    parts = []
    for each in findings:
        about = ", ".join(names.get(digest, "<unknown>") for digest in each.certificates)
        parts.append(f"[{each.severity}] {about}".rstrip() + f"\n{message(each, windows=False)}")
    text = "\n".join(parts)
    for digest, name in names.items():
        text = text.replace(digest, name).replace(digest[:12], name)
    return _normal(text)


def _normal(text: str) -> str:
    text = re.sub(rf"{re.escape(tempfile.gettempdir() + os.sep)}\w+", "TMP", text)
    text = re.sub(r"\b[0-9A-F]{2}(:[0-9A-F]{2}){19}\b", "KEY-IDENTIFIER", text)
    text = re.sub(r"ValueError: error parsing.*", "THE LIBRARY'S WORDS", text)
    return re.sub(r"\b[0-9a-f]{12,}\b", "HEX", text)


def _as_on_linux(text: str) -> str:
    """Return what Windows tells, with its paths written as in the texts that were read: no drive, no quotes for it."""
    if sys.platform == "win32":
        drive = re.escape(Path.cwd().drive)
        return re.sub(rf"'?(?:{drive})?(/[\w./-]+)'?", r"\1", text.replace("\\", "/"))
    return text


def same_as_read(golden: Path, names: Iterable[str], name: str, tell: Callable[[str], str]) -> None:
    """Hold what is told of one thing against what was read; or write all of it, where that is asked for."""
    if os.environ.get("PREFLIGHT_WRITE_GOLDEN"):
        _write(golden, tuple(names), tell)
    assert _as_on_linux(tell(name)) == _as_on_linux(_read(golden)[name])


@cache
def _write(golden: Path, names: tuple[str, ...], tell: Callable[[str], str]) -> None:
    golden.parent.mkdir(exist_ok=True)
    golden.write_text("\n".join(f"{_HEADING}{each}\n{tell(each)}\n" for each in names), encoding="utf-8")


@cache
def _read(golden: Path) -> Mapping[str, str]:
    parts = golden.read_text(encoding="utf-8").removeprefix(_HEADING).split(f"\n{_HEADING}")
    pairs = (each.partition("\n") for each in parts)
    return {name: text.removesuffix("\n") for name, _, text in pairs}
