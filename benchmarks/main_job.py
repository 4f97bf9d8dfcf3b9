"""How long the main job on the demo system takes, against `pytest --version`: python benchmarks/main_job.py."""

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
RUNS = 7


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of one whole process."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Run both in turn, each main job in a new folder, and print medians."""
    pytest = [sys.executable, "-m", "pytest"]
    job = [*pytest, str(CHECKOUT / "checks"), "--system=demo", "--junitxml=report.xml", "-p", "no:cacheprovider"]
    pairs = []
    for _ in range(RUNS + 1):
        with tempfile.TemporaryDirectory() as folder:
            pairs.append((seconds([*pytest, "--version"], Path(folder)), seconds(job, Path(folder))))
    bare, whole = (statistics.median(column) for column in zip(*pairs[1:], strict=True))
    print(f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}, {RUNS} runs, medians")
    print(f"pytest --version {bare:.2f} s; main job {whole:.2f} s; difference {whole - bare:.2f} s (bound: 1.00 s)")


if __name__ == "__main__":
    main()
