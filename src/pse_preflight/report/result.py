"""result.json, for machines and monitoring; docs/evidence.md describes it."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from pse_preflight.report.facts import Result

FILE_NAME = "result.json"


def write(result: Result, folder: Path) -> Path:
    """Write what a run found into the evidence folder, whole or not at all.

    Raises:
        OSError: where that is not possible.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return write_whole(folder / FILE_NAME, json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n")


def write_whole(file: Path, text: str) -> Path:
    """Write a file so that nobody ever reads half of it.

    Raises:
        OSError: where that is not possible.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    return file
