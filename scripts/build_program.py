"""Build pse-preflight as a program that needs no Python: one file, and the same as a folder in a zip.

    pip install -c constraints.txt -e '.[program]'
    python scripts/build_program.py OUT

OUT then holds what a release of this platform consists of: the program (`pse-preflight`, on Windows
`pse-preflight.exe`), the zip, a bill of materials (CycloneDX), the licences of all parts, and the SHA-256 of each. What
is in the program is copied from this environment, in the versions of constraints.txt, and nothing is downloaded; the
time in its files is that of the commit.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAM = CHECKOUT / "scripts" / "program"
CONSTRAINTS = CHECKOUT / "constraints.txt"
NAME = PROJECT = "pse-preflight"
ORDER, LICENCES = "PREFLIGHT_PROGRAM_ORDER", "LICENSES.txt"
LARGEST = 30_000_000
"""Bytes that the program of one file may have."""
STAYS = frozenset({"test", "tests", "Demos", "demos", "pythonwin", "win32com", "win32comext", "isapi", "adodbapi"})
"""Folders of which nothing is copied: what tests and shows, and the parts of pywin32 that nothing here uses."""

_WINDOWS = sys.platform == "win32"
_SECONDS = 1200
_EARLIEST = 315532800
"""1980-01-01, before which no zip goes."""


class NotBuilt(Exception):
    """The program cannot be built; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", metavar="OUT", type=Path, help="the folder for what is built")
    parser.add_argument("--commit", default="", help="of which it is made, where git does not tell")
    asked = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            for line in build(asked.output.absolute(), Path(place).resolve(), asked.commit or commit()):
                print(line, flush=True)
    except (NotBuilt, OSError, subprocess.SubprocessError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


def build(output: Path, place: Path, commit: str) -> Iterator[str]:
    """Build everything; tell what is in it, by size, and each file.

    Raises:
        NotBuilt: where the program is larger than it may be.
    """
    python = environment(place / "runtime")
    version = told_by(python, "import pse_preflight; print(pse_preflight.__version__)")
    made = freeze(python, place, {"version": version, "commit": commit})
    output.mkdir(parents=True, exist_ok=True)
    stem = f"{NAME}-{version}-{platform_name()}"
    file = output / made.name
    shutil.copy2(made, file)
    pack_folder(made.parent / "folder", NAME, output / f"{stem}-folder.zip")
    shutil.copy2(place / "order" / LICENCES, output / f"{stem}-licenses.txt")
    inside = json.loads((place / "order" / "parts.json").read_text(encoding="utf-8"))
    (output / f"{stem}.cdx.json").write_text(bill(python, version, inside), encoding="utf-8", newline="\n")
    names = [file.name, f"{stem}-folder.zip", f"{stem}-licenses.txt", f"{stem}.cdx.json"]
    (output / "SHA256SUMS").write_text(sums(output / each for each in names), encoding="utf-8", newline="\n")
    yield from (f"{size:>11,}  {what}" for what, size in sizes(file))
    yield from (f"{(output / each).stat().st_size:>11,}  {output / each}" for each in names)
    if file.stat().st_size > LARGEST:
        raise NotBuilt(f"{file.name} has {file.stat().st_size:,} bytes, and {LARGEST:,} at most are wanted")


def environment(folder: Path) -> Path:
    """Make an environment that holds the wheel and what it needs, and nothing else; return its Python.

    What is needed is taken from this environment, so that nothing is downloaded.

    Raises:
        NotBuilt: where something has another version here than in constraints.txt.
    """
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    python = folder / ("Scripts/python.exe" if _WINDOWS else "bin/python")
    needed = sorted(needed_by(PROJECT) - {PROJECT})
    refuse_other_versions(needed)
    lend(needed, Path(told_by(python, "import sysconfig; print(sysconfig.get_path('purelib'))")))
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(CHECKOUT)]
    run(wheel, {"SOURCE_DATE_EPOCH": str(epoch())})
    (made,) = wheels.glob("*.whl")
    run([*pip, "--python", str(python), "install", "--no-index", "--no-deps", str(made)])
    return python


def needed_by(name: str) -> set[str]:
    """Return the names of all that a distribution needs here, itself included."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = {name}
    while waiting:
        each = canonical(waiting.pop())
        if each not in found:
            found.add(each)
            declared = map(Requirement, metadata.requires(each) or ())
            waiting |= {one.name for one in declared if not one.marker or one.marker.evaluate({"extra": ""})}
    return found


def refuse_other_versions(names: Iterable[str]) -> None:
    """Refuse what has another version here than it is tested with.

    Raises:
        NotBuilt: naming the first of them.
    """
    lines = (line.partition(";")[0].strip() for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    pins = {canonical(name): version for name, _, version in (line.partition("==") for line in lines)}
    for each in names:
        if metadata.version(each) != pins.get(each):
            raise NotBuilt(
                f"{each} {metadata.version(each)} is installed, and {CONSTRAINTS.name} says {pins.get(each)}"
            )


def freeze(python: Path, place: Path, told: Mapping[str, str]) -> Path:
    """Let PyInstaller make both forms; return the file, beside which the folder lies."""
    builders, folder = place / "builders", place / "order"
    lend(needed_by("pyinstaller"), builders)
    folder.mkdir()
    order = {"name": NAME, "folder": str(folder), "icon": str(PROGRAM / "icon.ico"), **told}
    (place / "order.json").write_text(json.dumps(order), encoding="utf-8")
    given = {
        ORDER: str(place / "order.json"),
        "PYTHONPATH": str(builders),
        "PYTHONHASHSEED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYINSTALLER_CONFIG_DIR": str(place / "cache"),
        "SOURCE_DATE_EPOCH": str(epoch()),
    }
    paths = ["--distpath", str(place / "dist"), "--workpath", str(place / "work")]
    command = [str(python), "-m", "PyInstaller", "--noconfirm", "--log-level=WARN", *paths]
    run([*command, str(PROGRAM / "pse-preflight.spec")], given)
    return place / "dist" / (f"{NAME}.exe" if _WINDOWS else NAME)


def lend(distributions: Iterable[str], folder: Path) -> None:
    """Copy distributions of this environment into a folder of modules."""
    for name in distributions:
        for each in metadata.files(name) or ():
            is_told = each.parts[0].endswith(".dist-info")  # metadata and licences, whatever their folders are called
            if ".." in each.parts or each.suffix == ".pyc" or (not is_told and STAYS.intersection(each.parts)):
                continue
            target = folder / each
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(each.locate()), target)


def pack_folder(folder: Path, top: str, file: Path) -> None:
    """Pack a folder so that the same files make the same zip."""
    moment = time_of_zip()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.rglob("*")):
            if not each.is_file():
                continue
            entry = zipfile.ZipInfo(f"{top}/{each.relative_to(folder).as_posix()}", moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o755 if is_program(each) else 0o644) << 16
            archive.writestr(entry, each.read_bytes())


def is_program(file: Path) -> bool:
    """Tell whether a file is one that is started, or a library."""
    return file.suffix in {".exe", ".dll", ".pyd", ".so"} or ".so." in file.name or file.stem == NAME


def bill(python: Path, version: str, inside: Mapping[str, Any]) -> str:
    """Return the bill of materials: what cyclonedx-py finds in the environment, as far as it is inside; the rest."""
    asked = ["environment", "--pyproject", str(CHECKOUT / "pyproject.toml"), "--mc-type", "application"]
    asked += ["--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON", str(python)]
    told = json.loads(run([sys.executable, "-m", "cyclonedx_py", *asked]))
    names = {canonical(each) for each in inside["parts"]}
    told["components"] = [each for each in told["components"] if canonical(each["name"]) in names]
    told["components"] += [python_part(python), builder_part(), *openssl_parts(python), *runtime_parts()]
    told["components"] += map(library_part, inside["libraries"])
    told["metadata"]["component"]["version"] = version
    refs = {each["bom-ref"] for each in (*told["components"], told["metadata"]["component"])}
    told["dependencies"] = [
        {**each, "dependsOn": [one for one in each.get("dependsOn", ()) if one in refs]}
        for each in told["dependencies"]
        if each["ref"] in refs
    ]
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    refuse_invalid(text)
    return text


def python_part(python: Path) -> dict[str, Any]:
    """Return the Python that is inside."""
    version = told_by(python, "import platform; print(platform.python_version())")
    licence = [{"license": {"id": "PSF-2.0"}}]
    return {"bom-ref": "python", "type": "platform", "name": "CPython", "version": version, "licenses": licence}


def openssl_parts(python: Path) -> list[dict[str, Any]]:
    """Return the two OpenSSLs that are inside: Python's own, and the one in cryptography."""
    code = (
        "import json, ssl; from cryptography.hazmat.backends.openssl import backend;"
        "print(json.dumps({'Python': ssl.OPENSSL_VERSION, 'cryptography': backend.openssl_version_text()}))"
    )
    told: dict[str, str] = json.loads(told_by(python, code))
    licence = [{"license": {"id": "Apache-2.0"}}]
    return [
        {"bom-ref": f"openssl-{where}", "type": "library", "name": "OpenSSL", "version": text.split()[1],
         "description": f"in {where}", "licenses": licence}
        for where, text in told.items()
    ]  # fmt: skip


def runtime_parts() -> list[dict[str, Any]]:
    """Return Microsoft's runtime library, which Python brings on Windows."""
    name = "Microsoft Visual C++ Runtime (VCRUNTIME140.dll)"
    return [{"bom-ref": "vcruntime", "type": "library", "name": name}] if _WINDOWS else []


def builder_part() -> dict[str, Any]:
    """Return what starts the program, PyInstaller's bootloader."""
    licence = [{"expression": "GPL-2.0-or-later WITH Bootloader-exception"}]
    part = {"name": "PyInstaller's bootloader", "version": metadata.version("pyinstaller"), "licenses": licence}
    return {"bom-ref": "bootloader", "type": "library", **part}


def library_part(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a package of the operating system of which libraries are inside."""
    name, _, version = told["package"].partition(" ")
    files = [{"name": "files", "value": ", ".join(told["files"])}]
    return {"bom-ref": f"deb:{name}", "type": "library", "name": name, "version": version, "properties": files}


def refuse_invalid(text: str) -> None:
    """Refuse a bill of materials that CycloneDX's own schema does not allow.

    Raises:
        NotBuilt: with what the schema says.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise NotBuilt(f"the bill of materials is not valid: {problem}")


def sums(files: Iterable[Path]) -> str:
    """Return the SHA-256 of each file, as sha256sum writes and checks them."""
    return "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in sorted(files))


def sizes(file: Path) -> list[tuple[str, int]]:
    """Return what takes how many bytes of the program, the largest first."""
    from PyInstaller.archive.readers import CArchiveReader

    archive = CArchiveReader(str(file))
    found = Counter({name.replace("\\", "/").partition("/")[0]: 0 for name in archive.toc})
    for name, (_, size, *_) in archive.toc.items():
        if name != "PYZ.pyz":
            found[name.replace("\\", "/").partition("/")[0]] += size
    for name, (_, _, size) in archive.open_embedded_archive("PYZ.pyz").toc.items():
        top = name.partition(".")[0]
        found[top if top in PACKAGES or top in found else "modules of Python"] += size
    return found.most_common(25)


PACKAGES = frozenset(
    {"pse_preflight", "_pytest", "jinja2", "yaml", "requests", "filelock", "packaging", "urllib3", "idna"}
)


def commit() -> str:
    """Return the commit of this checkout, with `-dirty` where a file differs; nothing is known of an unpacked sdist."""
    git = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return run(git).strip()
    except (OSError, NotBuilt):
        return "unknown"


def epoch() -> int:
    """Return the time that the files of the program have, in seconds since 1970: that of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    try:
        return max(_EARLIEST, int(run(["git", "-C", str(CHECKOUT), "log", "-1", "--format=%ct"])))
    except (OSError, NotBuilt):
        return _EARLIEST


def time_of_zip() -> tuple[int, int, int, int, int, int]:
    """Return the same time as a zip holds it."""
    import time

    year, month, day, hour, minute, second, *_ = time.gmtime(epoch())
    return year, month, day, hour, minute, second


def platform_name() -> str:
    """Return what the files of this platform are called."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    return f"{system}-{platform.machine().lower().replace('amd64', 'x86_64')}"


def canonical(name: str) -> str:
    """Return the name of a distribution as indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


def told_by(python: Path, code: str) -> str:
    """Return what a line of Python prints there."""
    return run([str(python), "-I", "-c", code]).strip()


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a program, and return what it prints.

    Raises:
        NotBuilt: where it ends otherwise than with 0, with what it said.
    """
    given = {**os.environ, **(environment or {})}
    given.pop("PIP_CONSTRAINT", None)  # it would bind what builds the wheel, too
    ended = subprocess.run(
        list(command), env=given, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False
    )
    if ended.returncode:
        raise NotBuilt(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
