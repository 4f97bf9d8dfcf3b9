"""Read broken PSE files by the hundred thousand: `python benchmarks/pse_fuzz.py --count 200000`.

A number breaks its file in the same way in every run; keys and certificates are new each time, so a file that fails is
kept in the folder for temporary files. A foreign error, a file that is read but written back otherwise, 100 ms of
processor time or 50 MB for one file are failures, and the exit code is 1 then. Time is taken while memory is traced,
which about doubles it. The branches that a run reaches: `coverage run --branch benchmarks/pse_fuzz.py --count 12000`.
"""

import argparse
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from tests.kit import pse_mutations  # noqa: E402 - found by the line above, for a checkout need not be installed

MOST_SECONDS = 0.1
MOST_BYTES = 50 * 1024 * 1024
REPORT_EVERY = 20_000
OUR_OUTCOMES = {
    "read",
    "NotAPse",
    "DamagedPse",
    "UnknownEncoding",
    "PinNeeded",
    "WrongPin",
    "MachineBoundPse",
    "LegacyPse",
}


@dataclass
class Figures:
    """What a run found."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)
    failures: list[str] = field(default_factory=list)


def main() -> int:
    """Run, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000, help="how many files (200000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (0)")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    began = time.monotonic()
    figures = Figures()
    tracemalloc.start()
    for number in range(asked.first, asked.first + asked.count):
        _read_one(number, figures)
        if (number + 1) % REPORT_EVERY == 0:
            print(f"{number + 1} files, {time.monotonic() - began:.0f} s", flush=True)
    print("\n".join(_report(figures, asked.count, time.monotonic() - began)))
    return 1 if figures.failures else 0


def _read_one(number: int, figures: Figures) -> None:
    kind, data, pin = pse_mutations.broken(number)
    tracemalloc.reset_peak()
    before, started = tracemalloc.get_traced_memory()[0], time.process_time()
    try:
        outcome = pse_mutations.exercise(data, pin)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a panic of the native library is none of Exception, and must be counted too
        outcome = "a foreign error"
        print(traceback.format_exc())
    seconds, size = time.process_time() - started, tracemalloc.get_traced_memory()[1] - before
    figures.outcomes[kind, outcome] += 1
    figures.slowest = max(figures.slowest, (seconds, number))
    figures.largest = max(figures.largest, (size, number))
    if outcome not in OUR_OUTCOMES or seconds > MOST_SECONDS or size > MOST_BYTES:
        kept = Path(tempfile.gettempdir()) / f"pse_fuzz_{number}.pse"
        kept.write_bytes(data)
        what = f"{outcome}, {seconds * 1000:.0f} ms, {size / 1e6:.1f} MB, PIN {pin}: {kept}"
        figures.failures.append(f"number {number}, made from {kind}: {what}")


def _report(figures: Figures, count: int, seconds: float) -> Iterator[str]:
    yield f"{count} broken files in {seconds:.0f} s"
    for part, title in enumerate(("made from", "ended in")):
        totals: Counter[str] = Counter()
        for names, times in figures.outcomes.items():
            totals[names[part]] += times
        yield f"{title}: " + ", ".join(f"{name} {times}" for name, times in totals.most_common())
    yield f"slowest: {figures.slowest[0] * 1000:.1f} ms (number {figures.slowest[1]})"
    yield f"largest: {figures.largest[0] / 1e6:.2f} MB (number {figures.largest[1]})"
    yield from figures.failures or ["no failure"]


if __name__ == "__main__":
    sys.exit(main())
