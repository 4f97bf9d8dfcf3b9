"""A plain shell of this machine, into which somebody pastes a line."""

import os
import subprocess
import sys
from pathlib import Path

from tests.kit.runs import SECONDS, Ended


def paste(line: str, folder: Path) -> Ended:
    """Run a line in the shell that people have here, with nothing of this environment but where programs are usual."""
    shell = ["cmd.exe", "/d", "/c", line] if sys.platform == "win32" else ["/bin/sh", "-c", line]
    bare = {"PATH": os.defpath, "HOME": str(folder), **_windows_needs()}
    return subprocess.run(
        shell, cwd=folder, env=bare, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False
    )


def _windows_needs() -> dict[str, str]:
    return {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "USERPROFILE") if name in os.environ}
