"""Time reading and listing of PSE files: `python benchmarks/pse_speed.py`.

"Listed" means that subject, validity and SHA-256 of every entry are in hand. The bounds: under 1 ms for an ordinary
file, under 50 ms with 500 certificates. With `--pysap PYTHON`, an interpreter that has pysap installed reads the same
file without a certificate list too (pysap knows none, and hands out the owner's certificate only).
"""

import argparse
import subprocess
import sys
import tempfile
import timeit
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import certifi
from cryptography.hazmat.primitives.asymmetric import rsa

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from pse_preflight.certificate import Certificate, read_pem  # noqa: E402
from pse_preflight.demo.authority import root_authority  # noqa: E402 - a checkout need not be installed
from pse_preflight.pse import file as pse_file  # noqa: E402
from pse_preflight.pse import name  # noqa: E402

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDINARY, LARGE = 3, 500
REPEATS = 15
PYSAP = """
import sys, timeit
from pysap.SAPPSE import SAPPSEFile
data = open(sys.argv[1], "rb").read()
assert SAPPSEFile(data).get_certificates()
print(min(timeit.repeat(lambda: SAPPSEFile(data).get_certificates(), number=20, repeat=15)) / 20)
"""


def main() -> None:
    """Print a line per file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pysap", metavar="PYTHON", help="an interpreter with pysap, for the ratio")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    roots = read_pem(Path(certifi.where()).read_bytes())
    others = [Certificate.of(root_authority(f"root {at}", START, 9).certificate) for at in range(LARGE - len(roots))]
    for count in (0, ORDINARY, len(roots), LARGE):
        data = _pse((*roots, *others)[:count])
        report(f"read and list {count} certificates ({len(data)} bytes)", seconds(partial(listed, data)))
    data = _pse((*roots, *others)[:ORDINARY], pin="1234")
    report("inspect a file with PIN", seconds(lambda: pse_file.inspect(data)))
    report("read a file with PIN (10,000 iterations)", seconds(lambda: pse_file.read(data, "1234")))
    if asked.pysap:
        _compare(asked.pysap, _pse(()))


def listed(data: bytes) -> list[tuple[object, ...]]:
    """Read a PSE and take hold of what a listing shows."""
    trusted = pse_file.read(data).trusted
    return [(each.subject, each.not_before, each.not_after, each.sha256) for each in trusted]


def seconds(task: Callable[[], object]) -> float:
    """Return the best of several means, in seconds per run."""
    number = max(1, int(0.02 / timeit.timeit(task, number=1)))
    return min(timeit.repeat(task, number=number, repeat=REPEATS)) / number


def report(what: str, duration: float) -> None:
    """Print one figure in milliseconds."""
    print(f"{duration * 1000:9.3f} ms  {what}", flush=True)


def _pse(trusted: tuple[Certificate, ...], pin: str | None = None) -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    owner = pse_file.self_signed_owner(
        name.parse("CN=client"), key, start=START, end=START + timedelta(days=4000), serial_number=1
    )
    return pse_file.new(owner, key, trusted, time=START, salt=bytes(8)).encode(pin)


def _compare(python: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "client.pse"
        file.write_bytes(data)
        told = subprocess.run([python, "-c", PYSAP, str(file)], capture_output=True, text=True, check=True, timeout=120)
    theirs = float(told.stdout.splitlines()[-1])
    ours = seconds(lambda: pse_file.read(data).owner)
    report("pysap: the owner's certificate of a file without list", theirs)
    report(f"the same here, parsed ({theirs / ours:.0f} times as fast)", ours)


if __name__ == "__main__":
    main()
