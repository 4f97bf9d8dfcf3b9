"""Disturb whole runs before every step of theirs: `python benchmarks/faults.py --kills 500`.

Creation and repair by both engines are killed; then each step is refused by a full disk, by missing rights, by a broken
disk and for want of locks; then the PSE and the evidence are swapped; then the network is cut after every byte that
server and client say. The tests do the same before some of the steps, and after some of the bytes.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from tests.endpoint.test_cuts import SIDES, cut_at_every_byte  # noqa: E402 - found by the line above
from tests.kit.faults import ENGINES, REFUSALS, SWAPS, Disturbed  # noqa: E402
from tests.kit.servers import serve_tls  # noqa: E402
from tests.kit.systems import server  # noqa: E402
from tests.run.test_faults import disturbed, prove  # noqa: E402

CHANGING = ("creation", "repair")
SECONDS = 6 * 3600


def main() -> int:
    """Run, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="how many kills at least (500)")
    parser.add_argument("--every", type=int, default=1, help="refuse and swap before every so-manieth step (1)")
    asked = parser.parse_args()
    failed, killed = 0, 0
    first = 1
    while killed < asked.kills:
        for job in CHANGING:
            for engine in ENGINES:
                runs, wrong = _all(job, engine, "kill", 3, first)
                killed, failed = killed + len(runs), failed + wrong
        first += 1
        if first > 3:  # noqa: PLR2004 - every step has had its turn
            break
    print(f"{killed} kills")
    for how in REFUSALS:
        for job in CHANGING:
            for engine in ENGINES:
                failed += _all(job, engine, how, asked.every, 1)[1]
    for how in SWAPS:
        failed += _all("check", "bundled", how, asked.every, 1)[1]
    with serve_tls(server()) as good:
        for side in SIDES:
            began = time.monotonic()
            cuts, accepted = cut_at_every_byte(good, side, asked.every)
            took = time.monotonic() - began
            print(f"{cuts} cuts of what the {side} says, accepted from byte {accepted} on, {took:.0f} s")
    return 1 if failed else 0


def _all(job: str, engine: str, how: str, every: int, first: int) -> tuple[list[Disturbed], int]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runs = disturbed(Path(folder), job, engine, how, every, first, seconds=SECONDS)
    wrong = 0
    for each in runs if how != SWAPS[0] else []:
        try:
            prove([each], job)
        except AssertionError:
            wrong += 1
            print(each)
    ended = Counter((each.after, "killed" if each.red is None else "red" if each.red else "green") for each in runs)
    told = ", ".join(f"{count} {after} {how}" for (after, how), count in sorted(ended.items()))
    print(
        f"{job}, {engine}, {how}: {len(runs)} runs ({told}), {wrong} wrong, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return runs, wrong


if __name__ == "__main__":
    sys.exit(main())
