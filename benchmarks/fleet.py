"""How long the road with Ansible takes for many client machines: `python benchmarks/fleet.py [HOSTS...] [--forks N]`.

Every host is this machine under another name, with a PSE and evidence of its own, so that one machine pays for all of
them: with machines of their own the hosts' share falls away, and what Ansible itself does stays. Each play checks the
demo system of each host and fetches its result; the PSEs are there already.
"""

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from tests.outside.test_ansible import CHECK, Control, recap  # noqa: E402 - found by the line above


def seconds(control: Control, hosts: int, forks: int) -> float:
    """Return the seconds of one play over so many hosts, of which every one must be green."""
    begin = time.perf_counter()
    ran = control.play(CHECK, "--forks", str(forks), "-e", "preflight_make_pse=true")
    taken = time.perf_counter() - begin
    if ran.returncode or len(recap(ran)) != hosts:
        raise SystemExit(ran.stdout + ran.stderr)
    return taken


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="*", type=int, default=[1, 5, 10, 20], metavar="HOSTS")
    parser.add_argument("--forks", type=int, nargs="*", default=[1, 5], help="how many hosts at a time (1 and 5)")
    asked = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}\n")
    print("| hosts |" + "".join(f" forks={each} |" for each in asked.forks))
    print("|---|" + "---|" * len(asked.forks))
    for count in asked.hosts:
        with tempfile.TemporaryDirectory() as folder:
            control = Control(Path(folder), [f"h{number}" for number in range(count)])
            seconds(control, count, count)
            taken = [seconds(control, count, each) for each in asked.forks]
        print(f"| {count} |" + "".join(f" {each:.1f} s |" for each in taken), flush=True)


if __name__ == "__main__":
    main()
