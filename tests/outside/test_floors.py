"""The house stands: every import points down, nothing goes in a circle, and the pure rooms stay free of machinery."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "pse_preflight"

FLOORS = (
    # the ground that every room stands on
    (
        "errors",
        "checklist",
        "der",
        "certificate",
        "files",
        "findings",
        "json_types",
        "names",
        "once",
        "options",
        "pkcs7",
        "settings",
        "windows",
    ),
    ("pse",),
    ("key_stores",),
    ("certificate_file",),
    ("sapgenpse",),
    ("demo",),
    ("landscape",),
    ("endpoint",),
    ("chain",),
    ("client_pse",),
    ("client",),
    ("verdict",),
    ("recording",),
    ("run",),
    ("report",),
    ("command",),
    ("plugin",),
    ("conformance",),
    ("__main__",),
)
"""The rooms from the ground up; an import leads to a lower floor, or stays in its room."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
GROUND = FLOORS[0]

MACHINERY = ("filelock", "http.server", "requests", "ssl", "urllib3", "yaml")
"""What no pure room loads. `socket` itself comes in with the library that reads certificates."""

PURE = ("chain", "landscape", "verdict")
"""The rooms that judge; loading one loads nothing above it."""

FOR_THIS = {
    "landscape.tree": ("yaml",),
    "landscape.file": ("yaml",),
    "landscape.describe": ("yaml",),
    "landscape.select": ("yaml",),
    "chain.roots": ("ssl",),
    "chain.sap_roots_file": ("yaml",),
}
"""Modules of a pure room that exist for a piece of machinery: systems.yaml is YAML, and so is the table of roots."""


def _modules() -> dict[str, Path]:
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = file
    return found


MODULES = _modules()


def _imports(name: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pse_preflight":
            origin = node.module.removeprefix("pse_preflight").lstrip(".")
            for each in node.names:
                inner = f"{origin}.{each.name}".lstrip(".")
                yield inner if inner in MODULES else origin


def _room(module: str) -> str:
    return module.partition(".")[0]


def test_every_room_has_its_floor() -> None:
    assert {_room(name) for name in MODULES} - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"__init__"}))
def test_imports_point_down(name: str) -> None:
    above = {
        other
        for other in _imports(name)
        if other and _room(other) != _room(name) and FLOOR[_room(other)] >= FLOOR[_room(name)] > 0
    }
    assert not above


def test_the_ground_stands_on_nothing() -> None:
    assert {other for room in GROUND for other in _imports(room) if _room(other) not in {"", *GROUND}} == set()


def test_no_import_goes_in_a_circle() -> None:
    graph = {name: {other for other in _imports(name) if other and other != name} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


LOAD_EACH = """
import importlib, json, os, sys
import cryptography.x509
for name in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(f"pse_preflight.{name}")
        print(json.dumps([name, list(sys.modules)]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""
"""Loads each module in a process of its own; what all of them need is loaded once, before."""

LOAD_AND_FORGET_EACH = """
import importlib, json, sys
import cryptography.x509
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(f"pse_preflight.{name}")
    print(json.dumps([name, list(sys.modules)]), flush=True)
    for each in set(sys.modules) - before:
        if each.partition(".")[0] != "pydantic_core":  # it cannot be loaded twice
            del sys.modules[each]
"""
"""Loads one after the other where no process can be forked, each as if none had been before."""


@cache
def _loaded_by() -> dict[str, set[str]]:
    """Return what is loaded in a fresh process that imports one module, by its name."""
    load = LOAD_EACH if hasattr(os, "fork") else LOAD_AND_FORGET_EACH
    command, environment = [sys.executable, "-c", load, *_pure_modules()], {"PYTHONPATH": str(PACKAGE.parent)}
    environment |= {name: value for name, value in os.environ.items() if name == "SYSTEMROOT"}  # Python of Windows
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment)
    return {name: set(loaded) for name, loaded in map(json.loads, done.stdout.splitlines())}


def _pure_modules() -> list[str]:
    return [name for name in MODULES if _room(name) in PURE]


@pytest.mark.parametrize("name", _pure_modules())
def test_a_pure_room_loads_no_machinery(name: str) -> None:
    loaded = _loaded_by()[name]
    rooms = {_room(each.removeprefix("pse_preflight.")) for each in loaded if each.startswith("pse_preflight.")}
    assert {each for each in rooms if FLOOR[each] > FLOOR[_room(name)]} == set()
    assert {each for each in MACHINERY if each in loaded} <= set(FOR_THIS.get(name, ()))
