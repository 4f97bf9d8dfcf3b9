"""How the code is written: short functions, and one name for one thing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = sorted(
    file
    for folder in ("src", "checks", "fixtures", "scripts", "benchmarks")
    for file in (CHECKOUT / folder).rglob("*.py")
)
MAX_LINES = 40


def long_functions(source: str) -> Iterator[str]:
    """Yield the names of functions that are too long to be one story."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (node.end_lineno or node.lineno) - node.lineno >= MAX_LINES:
            yield node.name


def classes(source: str) -> Iterator[str]:
    """Yield the names of a module's classes, as people say them: without the mark of a private one."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            yield node.name.lstrip("_")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_no_function_is_longer_than_a_story(file: Path) -> None:
    assert list(long_functions(file.read_text(encoding="utf-8"))) == []


def test_two_things_never_share_a_name_in_the_package() -> None:
    places: dict[str, list[str]] = {}
    for file in FILES:
        if file.is_relative_to(CHECKOUT / "src"):
            for name in classes(file.read_text(encoding="utf-8")):
                places.setdefault(name, []).append(str(file.relative_to(CHECKOUT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize(("lines", "found"), [(MAX_LINES, []), (MAX_LINES + 1, ["story"])])
def test_a_long_function_is_found(lines: int, found: list[str]) -> None:
    assert list(long_functions("def story():\n" + "    pass\n" * (lines - 1))) == found


def test_a_private_class_is_one_of_that_name() -> None:
    assert list(classes("class _Case:\n    pass\n\nclass Case:\n    pass\n")) == ["Case", "Case"]
