"""result.json, for machines and monitoring; docs/evidence.md describes it."""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from pse_preflight.files import write_whole
from pse_preflight.report.facts import Result

FILE_NAME = "result.json"

_PAGE_MARK = b"<title>SAP trust report"
_MARK_WITHIN = 4096


def write(result: Result, folder: Path) -> Path:
    """Write what a run found into the evidence folder, whole or not at all.

    Raises:
        OSError: where that is not possible.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return write_whole(folder / FILE_NAME, json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n")


def remove_older(folder: Path, page: Path | None) -> None:
    """Remove what an earlier run reported, so that nobody takes it for what the present one says.

    A page is removed only where it is one of ours; what cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        (folder / FILE_NAME).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        if page and page.is_file() and _PAGE_MARK in _beginning(page):
            page.unlink()


def _beginning(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_MARK_WITHIN)
