"""Let each finder find nothing, one after the other, and see which check turns red: `python benchmarks/finders.py`.

A finder is a function that returns findings or faults, or makes one; tests/kit/finders.py tells how they are found and
silenced. The checks are made over the observations of tests/checks/corpus.py, in this process and without a network.
`--only TEXT` tries those whose name holds the text. The exit code is 1 if the loss of any of them is unnoticed.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from tests.checks.corpus import CORPUS  # noqa: E402 - found by the line above, for a checkout need not be installed
from tests.kit.finders import Trial, finders  # noqa: E402 - as above

WIDTH = 48


def main() -> int:
    """Try every finder, print what turned red, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of a finder's name")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    began = time.monotonic()
    trial = Trial({each.name: each.evidence for each in CORPUS})
    chosen = [each for each in finders() if asked.only in str(each)]
    places = trial.places(chosen)
    unnoticed = []
    for finder in chosen:
        noticed = trial.noticed(finder, places[finder])
        print(f"{finder!s:{WIDTH}} {noticed or 'UNNOTICED'}")
        if not noticed:
            unnoticed.append(str(finder))
    seconds = time.monotonic() - began
    print(
        f"{len(chosen)} finders, {len(CORPUS)} scenarios, {seconds:.0f} s; unnoticed: {', '.join(unnoticed) or 'none'}"
    )
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
