"""Run README's lines for Windows as PowerShell reads them, each in an environment of its own.

    python tests/outside/windows/readme.py

It ends with the exit code of the first that fails. Wine has no PowerShell; `prove` hands the same lines to cmd.exe.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
SECONDS = 1500


def lines(readme: str) -> dict[str, str]:
    """Return the line of PowerShell that follows each command of the shell which is marked to be run."""
    blocks = re.finditer(r"<!-- (main-job|tests) -->\n```sh\n.*?```\n\n```powershell\n(.*?)\n```", readme, re.DOTALL)
    return {found[1]: found[2] for found in blocks}


def main() -> int:
    """Run them; PowerShell goes on after a program that fails, so that each part is asked for its exit code."""
    for line in lines((CHECKOUT / "README.md").read_text(encoding="utf-8")).values():
        shutil.rmtree(CHECKOUT / ".venv", ignore_errors=True)
        parts = "; ".join(f"{part}; if ($LASTEXITCODE) {{ exit $LASTEXITCODE }}" for part in line.split("; "))
        print(f"> {line}", flush=True)
        command = ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", parts]
        code = subprocess.run(command, cwd=CHECKOUT, check=False, timeout=SECONDS).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
