"""The folder of wheels for machines without internet: nothing is downloaded here."""

import hashlib
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.kit.places import CHECKOUT

SCRIPT = CHECKOUT / "scripts" / "build_wheelhouse.py"
SUM = "ab" * 32


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_the_lock_knows_a_wheel_of_everything_that_is_needed_on_every_platform(script: dict[str, Any]) -> None:
    from packaging.utils import parse_wheel_filename

    lock = script["read_lock"]((CHECKOUT / "scripts" / "wheels.lock").read_text(encoding="utf-8"))
    assert set(script["PLATFORMS"]) == {"win_amd64", "manylinux"}
    for platform, tags in script["PLATFORMS"].items():
        versions = dict(each.split("==") for each in script["pinned"](script["needed"](platform), _constraints()))
        for python in script["PYTHONS"]:
            held = {
                (project, str(version))
                for project, version, _, kinds in map(parse_wheel_filename, lock)
                if any(_fits(kind, (*tags, "any"), python) for kind in kinds)
            }
            assert set(versions.items()) <= held, (platform, python)


def _fits(kind: Any, tags: tuple[str, ...], python: str) -> bool:
    number = f"cp{python.replace('.', '')}"
    return kind.platform in tags and (kind.interpreter in {"py3", number} or kind.abi == "abi3")


def _constraints() -> str:
    return (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")


def test_a_wheel_is_accepted_by_its_content_alone(script: dict[str, Any]) -> None:
    refuse = script["refuse_unknown"]
    refuse({"a-1-py3-none-any.whl": SUM}, {"a-1-py3-none-any.whl": SUM})
    with pytest.raises(Exception, match=r"a-1-py3-none-any.whl is not in wheels.lock"):
        refuse({"a-1-py3-none-any.whl": SUM}, {})
    with pytest.raises(Exception, match="has another SHA-256"):
        refuse({"a-1-py3-none-any.whl": SUM}, {"a-1-py3-none-any.whl": SUM[::-1]})


def test_requirements_name_version_and_content(script: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "b_c-2.0-cp311-cp311-win_amd64.whl").write_bytes(b"b")
    (tmp_path / "notes.txt").write_bytes(b"")
    found = script["hashes"](tmp_path)
    expected = f"b-c==2.0 --hash=sha256:{hashlib.sha256(b'b').hexdigest()}\n"
    assert script["requirements"](found) == expected


def test_a_lock_is_read_as_sha256sum_writes_it(script: dict[str, Any]) -> None:
    assert script["read_lock"](f"# comment\n{SUM}  a.whl\n\n") == {"a.whl": SUM}


def test_versions_are_those_of_the_constraints(script: dict[str, Any]) -> None:
    assert script["pinned"](["pydantic-core"], "# x\npydantic_core==2.0\n") == ["pydantic-core==2.0"]
    assert script["pinned"](["a"], 'a==1.2 ; sys_platform == "win32"\n') == ["a==1.2"]
    with pytest.raises(Exception, match=r"constraints.txt has no version of nothing-there"):
        script["pinned"](["nothing-there"], "a==1\n")


def test_what_is_needed_follows_the_declared_requirements(script: dict[str, Any]) -> None:
    for platform, own in (("manylinux", set()), ("win_amd64", {"colorama", "pywin32"})):
        needed = script["needed"](platform)
        assert {"pytest", "cryptography", "cffi", "pydantic-core", "urllib3"} <= needed
        assert not {"hypothesis", "mypy", "pip"} & needed
        assert {"colorama", "pywin32"} & needed == own
