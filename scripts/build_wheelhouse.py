"""Build a folder of wheels from which pse-preflight is installed on a machine without internet.

    python scripts/build_wheelhouse.py --platform win_amd64 --python 3.12

The folder wheels/win_amd64-py3.12 then holds this project's own wheel, everything it needs, and a requirements.txt with
the SHA-256 of each file. Versions are those of constraints.txt; a downloaded file that wheels.lock does not know by its
SHA-256 is refused. After constraints.txt has changed, `--relock` makes wheels.lock anew.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

CHECKOUT = Path(__file__).resolve().parents[1]
CONSTRAINTS = CHECKOUT / "constraints.txt"
LOCK = CHECKOUT / "scripts" / "wheels.lock"
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS: Mapping[str, Sequence[str]] = {
    "win_amd64": ("win_amd64",),
    # What RHEL 8, SLES 15 SP3 and everything later run; older systems have an older C library than 2.28.
    "manylinux": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
}
ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "win_amd64": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    "manylinux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
}
"""By what conditions of requirements are judged; pip judges them by the machine that downloads."""
ONLY_ON_WINDOWS = frozenset({"colorama", "pywin32"})
"""What need not be installed here to know that it needs nothing else."""

_DOWNLOAD_SECONDS = 600


class NotBuilt(Exception):
    """The folder cannot be built; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.relock:
            _write_lock()
            return 0
        for platform in asked.platforms or PLATFORMS:
            for python in asked.pythons or PYTHONS:
                print(build(platform, python, asked.output, read_lock(LOCK.read_text(encoding="utf-8"))))
    except (NotBuilt, OSError, subprocess.SubprocessError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


def build(platform: str, python: str, output: Path, known: Mapping[str, str]) -> Path:
    """Build one folder, and return it; what an earlier run left there is replaced."""
    folder = output / f"{platform}-py{python}"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    _download(platform, python, folder)
    refuse_unknown(hashes(folder), known)
    _build_own(folder)
    text = requirements(hashes(folder))
    (folder / "requirements.txt").write_text(text, encoding="utf-8", newline="\n")
    return folder


def refuse_unknown(found: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Refuse a folder with a file that the lock does not know by its content.

    Raises:
        NotBuilt: naming the first such file.
    """
    for name, sha256 in sorted(found.items()):
        if name not in known:
            raise NotBuilt(f"{name} is not in {LOCK.name}; make it anew with --relock")
        if known[name] != sha256:
            raise NotBuilt(f"{name} has another SHA-256 than in {LOCK.name}: {sha256}")


def requirements(found: Mapping[str, str]) -> str:
    """Return what pip installs from the folder, each with the only content that is accepted."""
    lines = []
    for name, sha256 in sorted(found.items()):
        project, version, _, _ = parse_wheel_filename(name)
        lines.append(f"{project}=={version} --hash=sha256:{sha256}\n")
    return "".join(lines)


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each wheel in a folder, by its name."""
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(folder.glob("*.whl"))}


def read_lock(text: str) -> dict[str, str]:
    """Read wheels.lock: SHA-256 and file name on each line, as sha256sum writes them."""
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name: sha256 for sha256, name in lines}


def pinned(names: Iterable[str], constraints: str) -> list[str]:
    """Return `name==version` for each name.

    Raises:
        NotBuilt: where the constraints do not know one.
    """
    versions = {}
    for line in constraints.splitlines():
        found = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;.*)?", line.strip())
        if found:
            versions[canonicalize_name(found[1])] = found[2]
    missing = sorted(name for name in names if name not in versions)
    if missing:
        raise NotBuilt(f"{CONSTRAINTS.name} has no version of {', '.join(missing)}")
    return [f"{name}=={versions[canonicalize_name(name)]}" for name in sorted(names)]


def needed(platform: str) -> set[str]:
    """Return the names of all that this project needs to run there, told by what is installed in this environment."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: set[str] = set()
    waiting = _applicable(project["dependencies"], platform)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= _applicable(() if name in ONLY_ON_WINDOWS else _requirements_of(name), platform)
    return found


def _requirements_of(name: str) -> Sequence[str]:
    try:
        return requires(name) or ()
    except PackageNotFoundError:
        raise NotBuilt(f"{name} is not installed here; run this in the project's own environment") from None


def _applicable(declared: Iterable[str], platform: str) -> set[str]:
    """Return the names of those requirements that hold on a platform without any extra."""
    there = {**ENVIRONMENTS[platform], "extra": ""}
    read = map(Requirement, declared)
    return {canonicalize_name(each.name) for each in read if not each.marker or each.marker.evaluate(there)}


def _download(platform: str, python: str, folder: Path) -> None:
    constraints = CONSTRAINTS.read_text(encoding="utf-8")
    versions = pinned(needed(platform), constraints)
    tags = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--implementation", "cp", "--python-version", python, *tags, "--dest", str(folder)]
    subprocess.run([*command, *versions], check=True, timeout=_DOWNLOAD_SECONDS)


def _build_own(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(CHECKOUT)]
    subprocess.run(command, check=True, timeout=_DOWNLOAD_SECONDS)


def _write_lock() -> None:
    found: dict[str, str] = {}
    for platform in PLATFORMS:
        for python in PYTHONS:
            with tempfile.TemporaryDirectory() as folder:
                _download(platform, python, Path(folder))
                found |= hashes(Path(folder))
    lines = [f"{sha256}  {name}\n" for name, sha256 in sorted(found.items())]
    LOCK.write_text("# Made by scripts/build_wheelhouse.py --relock\n" + "".join(lines), encoding="utf-8", newline="\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--platform", dest="platforms", action="append", choices=PLATFORMS)
    parser.add_argument("--python", dest="pythons", action="append", choices=PYTHONS)
    parser.add_argument("--output", type=Path, default=Path("wheels"))
    parser.add_argument("--relock", action="store_true", help="write wheels.lock anew")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
