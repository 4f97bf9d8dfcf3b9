"""result.json, for machines and monitoring; docs/evidence.md describes it."""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from pse_preflight.files import write_whole
from pse_preflight.report.facts import Result

FILE_NAME = "result.json"

_MARKS = (b"<title>SAP trust report", b'<testsuite name="pse-preflight"', b'classname="pse_preflight.checks.')
_LOOKED_AT = 1 << 20


def write(result: Result, folder: Path) -> Path:
    """Write what a run found into the evidence folder, whole or not at all.

    Raises:
        OSError: where that is not possible.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return write_whole(folder / FILE_NAME, json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n")


def remove_older(evidence: Path | None, *files: str | None) -> None:
    """Remove what an earlier run reported, so that nobody takes it for what the present one says.

    What cannot be removed stays.

    Args:
        evidence: the folder of result.json.
        files: the page and the JUnit report as they were named; what is none of ours stays.
    """
    with contextlib.suppress(OSError):
        if evidence:
            (evidence / FILE_NAME).unlink()
    for file in (Path.cwd() / each for each in files if each):
        with contextlib.suppress(OSError):
            if _is_report(file):
                file.unlink()


def _is_report(file: Path) -> bool:
    """Tell whether this is a page or a JUnit report of ours, and not a file that was named by mistake."""
    with file.open("rb") as stream:
        content = stream.read(_LOOKED_AT)
    return content.startswith(b"<") and any(each in content for each in _MARKS)
