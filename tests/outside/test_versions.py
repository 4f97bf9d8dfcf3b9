"""The versions that benchmarks/versions.py tries: the oldest of what this machine needs, and nothing else."""

import importlib.util
import sys
import tomllib
from types import ModuleType

from tests.kit.places import CHECKOUT


def _benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("versions", CHECKOUT / "benchmarks" / "versions.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["versions"] = module  # dataclasses look for their module there
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["versions"]
    return module


def test_what_another_system_needs_is_not_installed_here() -> None:
    needed = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    with_a_version = [each for each in needed if ">=" in each]
    for_windows = [each for each in with_a_version if "sys_platform == 'win32'" in each]
    assert for_windows
    expected = (
        with_a_version if sys.platform == "win32" else [each for each in with_a_version if each not in for_windows]
    )
    assert _benchmark().oldest_versions() == [each.partition(";")[0].replace(">=", "==") for each in expected]
