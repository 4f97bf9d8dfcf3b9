"""Run the toolkit with the oldest and the newest versions of what it needs, and with every Python that is found.

`python benchmarks/versions.py` makes an environment for each Python from 3.11 on that is on this machine, with the
newest versions that pip finds, and one with the oldest that pyproject.toml allows. In each it checks the demo system
and its broken scenarios, and lists the PSE. With `--tests` the fast tests of the rooms that judge run there, too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OLDEST = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
NEWEST = (OLDEST[0], OLDEST[1] + 9)
ROOMS = ("ground", "chain", "verdict", "pse", "sapgenpse", "landscape", "recording", "endpoint", "client_pse")
SECONDS = 900
RED = ("demo:expired-leaf", "demo:wrong-host", "demo:missing-intermediate")


@dataclass(frozen=True, slots=True)
class Kind:
    """One environment: a Python, and whether the oldest versions go with it."""

    python: str
    version: str
    oldest: bool = False

    def __str__(self) -> str:
        """Name it."""
        return f"Python {self.version}, the {'oldest' if self.oldest else 'newest'} versions"


def oldest_versions() -> list[str]:
    """Return the least version of everything that is needed on this machine, where one is named."""
    every = map(Requirement, PROJECT["dependencies"])
    needed = [each for each in every if each.marker is None or each.marker.evaluate()]
    return [f"{each.name}=={part.version}" for each in needed for part in each.specifier if part.operator == ">="]


def pythons() -> Iterator[Kind]:
    """Yield every Python that may be used, each version once."""
    found: set[str] = set()
    for minor in range(OLDEST[1], NEWEST[1]):
        places = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
        places += map(str, sorted(Path.home().glob(f".pyenv/versions/{OLDEST[0]}.{minor}.*/bin")))
        for place in places:
            program = shutil.which(f"python{OLDEST[0]}.{minor}", path=place)
            asked = "import sys, ensurepip; print('%d.%d.%d' % sys.version_info[:3])"
            said = _said([program, "-c", asked]) if program else ""
            if program and said.startswith(f"{OLDEST[0]}.{minor}.") and said[:4] not in found:
                found.add(said[:4])
                yield Kind(program, said)


def _said(command: Sequence[str]) -> str:
    """Return what a program says; nothing where it cannot."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ended.stdout.strip() if ended.returncode == 0 else ""


def _try(kind: Kind, *, tests: bool) -> str:
    """Return what went wrong in this environment; nothing where all is well."""
    with tempfile.TemporaryDirectory() as place:
        folder, python = Path(place), Path(place, "venv", "bin", "python")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        environment.pop("PIP_CONSTRAINT", None)
        run = partial(_problem, folder=folder, environment=environment)
        what = f"{CHECKOUT}[test]" if tests else str(CHECKOUT)
        problem = run([kind.python, "-m", "venv", "venv"])
        problem = problem or run(
            [str(python), "-m", "pip", "install", "-q", what, *(oldest_versions() if kind.oldest else [])]
        )
        demo = ["-m", "pse_preflight", "check", "--engine=bundled"]
        problem = problem or run([str(python), "-W", "error::DeprecationWarning:pse_preflight", *demo, "--system=demo"])
        problem = problem or run([str(python), *demo, "--replay=.pse-preflight", "--system=demo"])
        for each in RED:
            problem = problem or run([str(python), *demo, f"--system={each}"], code=1)
        listed = ["-m", "pse_preflight", "opengenpse", "maintain_pk", "-l", "-x", "", "-p"]
        problem = problem or run([str(python), *listed, str(folder / ".pse-preflight" / "demo" / "client.pse")])
        if tests and not problem:
            rooms = [str(CHECKOUT / "tests" / each) for each in ROOMS]
            options = [
                "-q",
                "-n",
                "auto",
                "-p",
                "no:cacheprovider",
                f"--rootdir={CHECKOUT}",
                f"-c{CHECKOUT / 'pyproject.toml'}",
            ]
            return run([str(python), "-m", "pytest", *options, *rooms])
        return problem


def _problem(command: Sequence[str], *, folder: Path, environment: dict[str, str], code: int = 0) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=SECONDS,
    )
    if ended.returncode == code:
        return ""
    return f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"


def main() -> int:
    """Try all of them, print how each ended, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", action="store_true", help="run the fast tests of the rooms that judge, too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many environments at once")
    asked = parser.parse_args()
    kinds = list(pythons())
    kinds.append(Kind(kinds[0].python, kinds[0].version, oldest=True))
    began = time.monotonic()
    with ThreadPoolExecutor(asked.jobs) as pool:
        problems = dict(zip(kinds, pool.map(partial(_try, tests=asked.tests), kinds), strict=True))
    for kind, problem in problems.items():
        print(f"{kind}: {problem or 'well'}")
    print(f"{len(kinds)} environments, {time.monotonic() - began:.0f} s")
    return 1 if any(problems.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
