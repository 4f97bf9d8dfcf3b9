"""All checks against openssl and sslyze over the same loopback servers.

    python benchmarks/other_tools.py [--sslyze PROGRAM] [COUNT]

openssl s_client is called in a loop, as scripts do; sslyze gets all servers in one call. Both look at the chain only.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pse_preflight.demo import server as demo

CHECKOUT = Path(__file__).resolve().parents[1]
RUNS = 5


def landscape(folder: Path, count: int) -> list[str]:
    """Start so many demo servers and describe them; return their addresses."""
    addresses, lines = [], ["systems:"]
    for number in range(count):
        described = demo.describe("", folder / "served")
        described.start()
        url = str(described.keys["url"])
        addresses.append(url.removeprefix("https://"))
        keys = f"url: {url}, roots: served/demo-authority/root.pem, secudir: '{folder}/sec'"
        keys += ", pse: client.pse"
        lines.append(f"  SYS{number:03d}: {{{keys}}}")
    (folder / "systems.yaml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return addresses


def run(command: list[str], folder: Path) -> None:
    """Run a program to its end; its verdict does not matter here."""
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False)


def loop(command: list[str], addresses: list[str], folder: Path) -> None:
    """Run a program once for each address."""
    for each in addresses:
        run([*command, each], folder)


def measured(works: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Run the works in turn, once to warm up; return the median wall time of each."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS + 1):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(each[1:]) for name, each in seconds.items()}


def main() -> None:
    """Print one line per tool, with the ratio to all checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sslyze", help="the program sslyze")
    parser.add_argument("count", nargs="?", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        addresses = landscape(folder, chosen.count)
        roots = str(folder / "served" / "demo-authority" / "root.pem")
        checks = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CHECKOUT / "checks")]
        s_client = ["openssl", "s_client", "-CAfile", roots, "-verify_return_error", "-connect"]
        works = {
            "all checks": lambda: run([*checks, "--engine=bundled", "--system=all"], folder),
            "openssl s_client, in a loop": lambda: loop(s_client, addresses, folder),
        }
        if chosen.sslyze:
            sslyze = [chosen.sslyze, "--certinfo", "--certinfo_ca_file", roots]
            works["sslyze --certinfo"] = lambda: run([*sslyze, *addresses], folder)
        medians = measured(works)
    print(f"{platform.platform()}, Python {platform.python_version()}, {chosen.count} servers, {RUNS} runs, medians")
    for what, median in medians.items():
        print(f"{what}: {median:.2f} s, ratio {median / medians['all checks']:.2f}")


if __name__ == "__main__":
    main()
