"""What is in the program of one file, told by what PyInstaller has found that it needs.

This runs within PyInstaller, by the Python that the program is made of; scripts/build_program.py says what to make.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

MARK = ".pse-preflight"
"""The file that is unpacked first; see pse_preflight.command.leftovers."""
ORDER = "PREFLIGHT_PROGRAM_ORDER"
"""The environment variable that names the file of the order."""
LICENCES = "LICENSES.txt"

_WINDOWS = sys.platform == "win32"

LEFT_OUT = [
    # what installs, develops and tests
    "pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils", "ensurepip", "venv", "lib2to3", "test",
    "idlelib", "hypothesis", "xdist", "mypy", "pycparser", "IPython", "pydoc", "pydoc_data", "doctest",
    "py_compile", "webbrowser", "pydantic.mypy", "pydantic.v1", "pydantic._hypothesis_plugin",
    # windows and databases
    "tkinter", "turtle", "curses", "readline", "sqlite3", "dbm",
    # other ways to run at the same time
    "asyncio", "multiprocessing", "concurrent.futures.process", "trio", "twisted", "unittest.async_case",
    "filelock.asyncio", "filelock._async", "filelock._async_read_write", "filelock._soft_rw", "filelock._read_write",
    # other protocols and forms
    "xmlrpc", "ftplib", "smtplib", "imaplib", "poplib", "nntplib", "telnetlib", "mailbox", "wsgiref", "cgi", "xml.sax",
    "tarfile", "bz2", "urllib3.contrib.pyopenssl", "urllib3.contrib.socks",
    "urllib3.contrib.emscripten", "lzma", "_bz2", "_lzma", "statistics", "numpy",
]  # fmt: skip
"""Modules that PyInstaller finds a way to, and no command of the program ever loads."""

_PYGMENTS = re.compile(r"pygments\.(lexers|formatters|styles|filters)\.(?!_mapping|python$|diff$|terminal$|default$)")
"""The forms of every language; a traceback of pytest is Python on a terminal."""
_NOT_OURS = ("pse_preflight.conformance",)
"""Modules of ours that are for those who develop it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made.

    Attributes:
        name: of the program's file, without its ending.
        version: of the program.
        commit: of which it is made, with `-dirty` where files differ from it.
        folder: where files that are made on the way go.
        icon: of the program on Windows.
    """

    name: str
    version: str
    commit: str
    folder: str
    icon: str


Entry = tuple[str, str, str]
"""What PyInstaller knows a file by: its name inside, where it is taken from, and its kind."""


def read_order() -> Order:
    """Return what scripts/build_program.py asks for."""
    return Order(**json.loads(Path(os.environ[ORDER]).read_text(encoding="utf-8")))


def is_needed(module: str) -> bool:
    """Tell whether a module that PyInstaller has found is ever loaded."""
    return not _PYGMENTS.match(module)


def is_needed_of_ours(module: str) -> bool:
    """Tell whether a module of this project belongs into the program."""
    return not module.startswith(_NOT_OURS)


def added(order: Order, sources: Iterable[str]) -> list[Entry]:
    """Return what the program needs beside its modules: our mark, licences, and what each part says of itself.

    What is inside is also written to parts.json in the folder of the order.

    Args:
        sources: where the files are taken from that are inside.
    """
    taken = {_real(each) for each in sources if each}
    inside = [each for each in metadata.distributions() if _is_inside(each, taken)]
    others = libraries(taken - {_real(str(each.locate_file(file))) for each in inside for file in each.files or ()})
    texts = {MARK: f"{order.name} {order.version} {order.commit}\n", LICENCES: licences(inside, others)}
    for each in inside:
        texts[f"{each.name.replace('-', '_')}-{each.version}.dist-info/METADATA"] = short_metadata(each)
    own = f"pse_preflight-{order.version}.dist-info/direct_url.json"
    texts[own] = json.dumps({"url": "", "vcs_info": {"vcs": "git", "commit_id": order.commit}})
    folder = Path(order.folder)
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / MARK).chmod(0o755)  # PyInstaller unpacks what can be run before all else, by name
    told = {"parts": [each.name for each in inside], "libraries": [asdict(each) for each in others]}
    (folder / "parts.json").write_text(json.dumps(told), encoding="utf-8")
    return [(name, str(folder / name), "DATA") for name in texts]


def _is_inside(distribution: metadata.Distribution, sources: set[str]) -> bool:
    return any(_real(str(distribution.locate_file(each))) in sources for each in distribution.files or ())


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def short_metadata(distribution: metadata.Distribution) -> str:
    """Return the metadata of a distribution without its description."""
    told = distribution.metadata
    kept = ("Metadata-Version", "Name", "Version", "License", "License-Expression", "Requires-Dist", "Requires-Python")
    lines = [f"{name}: {_first_line(value)}\n" for name in kept for value in told.get_all(name) or ()]
    return "".join(lines)


def _first_line(value: str) -> str:
    return str(value).strip().partition("\n")[0]


def licences(inside: Sequence[metadata.Distribution], libraries: Sequence["Library"] = ()) -> str:
    """Return the licences of all that is inside, of Python and of PyInstaller's bootloader, one after the other."""
    told: dict[str, str] = {}
    bootloader = metadata.distribution("pyinstaller")
    for each in sorted([*inside, bootloader], key=lambda each: each.name.lower()):
        told[f"{each.name} {each.version}"] = "\n".join(_licence_files(each)) or _first_line(
            each.metadata["License"] or ""
        )
    told[f"Python {sys.version.split()[0]}"] = _licence_of_python()
    told |= {f"{', '.join(each.files)} of {each.package}": each.licence for each in libraries}
    rule = "=" * 100
    return "\n".join(f"{rule}\n{name}\n{rule}\n\n{text.strip()}\n" for name, text in told.items())


def _licence_files(distribution: metadata.Distribution) -> Iterator[str]:
    for each in distribution.files or ():
        name = each.name.upper()
        if ".dist-info" in str(each) and name.startswith(("LICEN", "COPYING", "NOTICE", "AUTHORS")):
            yield Path(str(distribution.locate_file(each))).read_text(encoding="utf-8", errors="replace")


def _licence_of_python() -> str:
    for folder in (sys.base_prefix, sysconfig.get_path("stdlib")):
        for name in ("LICENSE.txt", "LICENSE"):
            if (file := Path(folder, name)).is_file():
                return file.read_text(encoding="utf-8", errors="replace")
    return f"{sys.copyright}\n\nPython Software Foundation License Version 2: https://docs.python.org/3/license.html"


@dataclass(frozen=True, slots=True)
class Library:
    """What a package of the operating system brings of shared libraries.

    Attributes:
        package: its name and version.
        files: the libraries' names.
        licence: what its copyright file says.
    """

    package: str
    files: tuple[str, ...]
    licence: str


def libraries(sources: Iterable[str]) -> list[Library]:
    """Return the packages of Debian that the libraries come from; elsewhere Python brings its own."""
    found: dict[str, list[str]] = {}
    for each in sorted(sources):
        if package := _package_of(each):
            found.setdefault(package, []).append(Path(each).name)
    told = []
    for package, files in found.items():
        copyright_file = Path("/usr/share/doc", package.partition(" ")[0].partition(":")[0], "copyright")
        licence = copyright_file.read_text(encoding="utf-8", errors="replace") if copyright_file.is_file() else ""
        told.append(Library(package, tuple(files), licence))
    return told


def _package_of(library: str) -> str:
    """Return name and version of the package that a file belongs to, as dpkg knows it."""
    dpkg = shutil.which("dpkg-query")
    if not dpkg or ".so" not in Path(library).name:
        return ""
    for path in dict.fromkeys((library, os.path.realpath(library), os.path.realpath(library).removeprefix("/usr"))):
        owner = subprocess.run([dpkg, "-S", path], capture_output=True, text=True, timeout=60, check=False)
        if owner.returncode == 0:
            name = owner.stdout.rpartition(": ")[0].partition(",")[0]
            asked = [dpkg, "-W", "-f", "${Package} ${Version}", name]
            return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout
    return ""


def version_resource(order: Order) -> Any:
    """Return what Windows shows of the program under Properties, Details; nothing elsewhere."""
    if not _WINDOWS:
        return None
    from PyInstaller.utils.win32 import versioninfo as form

    numbers = (*(int(each) for each in order.version.split(".")[:3]), 0)
    texts = {
        "FileDescription": "Proves that this machine trusts an SAP S/4HANA Cloud system over TLS",
        "FileVersion": order.version,
        "ProductName": "pse-preflight",
        "ProductVersion": f"{order.version} ({order.commit})",
        "OriginalFilename": f"{order.name}.exe",
        "LegalCopyright": "Apache-2.0; the licences of all parts are inside",
    }
    table = form.StringTable("040904B0", [form.StringStruct(name, text) for name, text in texts.items()])
    languages = form.VarFileInfo([form.VarStruct("Translation", [0x409, 1200])])
    fixed = form.FixedFileInfo(filevers=numbers, prodvers=numbers)
    return form.VSVersionInfo(ffi=fixed, kids=[form.StringFileInfo([table]), languages])
