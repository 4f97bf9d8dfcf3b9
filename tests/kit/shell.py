"""A plain shell of this machine, into which somebody pastes a line."""

import os
import subprocess
import sys
from pathlib import Path

from tests.kit.runs import SECONDS, Ended, needed


def paste(line: str, folder: Path) -> Ended:
    """Run a line in the shell that people have here, with nothing of this environment but where programs are usual."""
    shell = ["cmd.exe", "/d", "/c", line] if sys.platform == "win32" else ["/bin/sh", "-c", line]
    return subprocess.run(
        shell, cwd=folder, env=bare(folder), capture_output=True, encoding="utf-8", timeout=SECONDS, check=False
    )


def bare(folder: Path) -> dict[str, str]:
    """Return the environment of a plain shell, and what no program of Windows does without."""
    own = ("TEMP", "USERPROFILE") if sys.platform == "win32" else ()
    kept = {name: os.environ[name] for name in own if name in os.environ}
    return {"PATH": os.defpath, "HOME": str(folder), **needed(), **kept}
