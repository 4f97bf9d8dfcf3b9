"""Change one thing in the code that judges, and see whether a test notices: `python benchmarks/mutants.py`.

The changes are cosmic-ray's, one at each place that it knows, drawn by a seed; annotations, decorators and strings
are left alone. For each change tests run that reach its line, by what coverage has noted: some of its own room,
then some of others, to the first failure. Which test reaches which line is noted by
`COVERAGE_FILE=FILE pytest -n auto --cov --cov-context=test`; then `--coverage FILE`. Before anything is changed, the
same tests must pass.

A change that no test has noticed is printed, and one that lets them go on for longer than they may. The exit code is 1
where fewer than `--least` percent were noticed. All of them are some thousands: `--count 0`, hours on two processors.
"""

import argparse
import ast
import contextlib
import importlib.util
import os
import random
import re
import resource
import select
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from coverage import CoverageData

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "src" / "pse_preflight"
JUDGING = (
    "chain/*.py",
    "verdict/*.py",
    "client_pse/*.py",
    "pse/*.py",
    "sapgenpse/output.py",
    "landscape/url.py",
    "endpoint/reading.py",
)
_IDENTITY = re.compile(r"_(?!Is)[A-Z][A-Za-z]+_Is(?:Not)?$")
"""`is` in place of `==`: the same for enums, small numbers and None, so nothing is to be noticed."""
MOST_TESTS = 90
_CONTROLS = 20
_LONGEST, _BUSY = 60, 20
_REPORT_EVERY = 25
IMPORTED_BEFORE = ("cryptography.x509", "pytest", "requests", "pydantic", "yaml", "jinja2", "filelock")
"""What the tests need of others, so that no run has to load it; nothing of ours."""

Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: which one of cosmic-ray's, and where."""

    file: Path
    operator: str
    occurrence: int
    span: Span

    @property
    def family(self) -> str:
        """Return what kind of change it is, whatever comes instead."""
        return self.operator.split("_")[0]

    @property
    def room(self) -> str:
        """Return the folder below tests/ that is its own."""
        return f"tests/{self.file.relative_to(PACKAGE).parts[0]}/"

    def __str__(self) -> str:
        """Name it as editors do."""
        (line, column), _ = self.span
        return f"{self.file.relative_to(CHECKOUT)}:{line}:{column + 1} {self.operator} #{self.occurrence}"


def mutants() -> list[Mutant]:
    """Return every change to the code that judges."""
    files = sorted(file for pattern in JUDGING for file in PACKAGE.glob(pattern))
    return [each for file in files for each in _mutants_of(file)]


def _mutants_of(file: Path) -> Iterator[Mutant]:
    source = file.read_text(encoding="utf-8")
    tree, left_alone = get_ast(source), list(_left_alone(source))
    for name in sorted(cosmic_ray.plugins.operator_names()):
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments() or _IDENTITY.search(name):
            continue
        operator = kind()
        spans = [span for node in ast_nodes(tree) for span in operator.mutation_positions(node)]
        for occurrence, span in enumerate(spans):
            if not any(first <= span[0] and span[1] <= last for first, last in left_alone):
                yield Mutant(file, name, occurrence, span)


def _left_alone(source: str) -> Iterator[Span]:
    """Yield where nothing is decided: annotations, decorators, and what is for type checkers."""
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts = [*node.decorator_list, node.returns if isinstance(node, ast.FunctionDef) else None]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Subscript | ast.Call):
            parts = [node.value] if _is_alias_of_types(node) else []
        for part in parts:
            if part is not None and part.end_lineno is not None and part.end_col_offset is not None:
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def _is_alias_of_types(node: ast.Assign) -> bool:
    """Tell whether a name at the top is given to a type: `Codes = Code | tuple[Code, ...]`, or a TypeVar."""
    first = node.targets[0]
    return node.col_offset == 0 and isinstance(first, ast.Name) and not first.id.isupper() and "_" not in first.id[1:]


def drawn(every: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw so many places, and one change at each; all changes for 0."""
    if not count:
        return list(every)
    places: dict[tuple[Path, str, Span], list[Mutant]] = defaultdict(list)
    for each in every:
        places[each.file, each.family, each.span].append(each)
    dice = random.Random(seed)  # noqa: S311 - repeatable, and no secret
    return [dice.choice(places[place]) for place in dice.sample(sorted(places), min(count, len(places)))]


class Reached:
    """Which test reaches which line."""

    def __init__(self, file: Path) -> None:
        self._data = CoverageData(str(file))
        self._data.read()
        self._lines: dict[str, int] = defaultdict(int)
        self._paths: dict[Path, str] = {}
        for path in self._data.measured_files():
            if "pse_preflight" in Path(path).parts:
                self._paths[_within_package(Path(path))] = path
            for contexts in self._data.contexts_by_lineno(path).values():
                for each in contexts:
                    self._lines[each] += 1

    def by(self, mutant: Mutant) -> list[list[str]]:
        """Return the tests that reach a change, by their names: its own room's, then others."""
        (first, _), (last, _) = mutant.span
        contexts = self._data.contexts_by_lineno(self._paths.get(_within_package(mutant.file), ""))
        lines = contexts if self._is_for_import(contexts, first, last) else range(first, last + 1)
        found = {each for line in lines for each in contexts.get(line, ()) if "|" in each}
        ordered = sorted(found, key=lambda each: (self._lines[each], each))
        tests = list(dict.fromkeys(each.partition("|")[0] for each in ordered))
        own = [each for each in tests if each.startswith(mutant.room)]
        others = [each for each in tests if not each.startswith(mutant.room)]
        dice = random.Random(str(mutant))  # noqa: S311 - repeatable, and no secret
        return [_some(each, dice) for each in (own, others) if each] or [[mutant.room]]

    def _is_for_import(self, contexts: Mapping[int, Sequence[str]], first: int, last: int) -> bool:
        """Tell whether a line is run when its module is loaded, so that every test of the module may tell."""
        return not any("|" in each for line in range(first, last + 1) for each in contexts.get(line, ()))


def _some(tests: Sequence[str], dice: random.Random) -> list[str]:
    """Return the shortest tests, and some of the others, for what is short is much alike."""
    shortest, others = tests[: MOST_TESTS // 3], tests[MOST_TESTS // 3 :]
    return [*shortest, *dice.sample(others, min(len(others), MOST_TESTS - len(shortest)))]


def _within_package(file: Path) -> Path:
    """Return the path below the package, wherever the checkout was that was measured."""
    parts = file.parts
    return Path(*parts[len(parts) - parts[::-1].index("pse_preflight") :])


class _Changed(SourceFileLoader):
    """Loads one module from another source than its file's."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder:
    """Finds the module that is changed, before anybody else does."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name, self._path, self._source = name, path, source

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        loader = _Changed(name, str(self._path), self._source)
        return importlib.util.spec_from_file_location(name, self._path, loader=loader)


@dataclass(frozen=True, slots=True)
class Fate:
    """How a change ended: noticed by a test, by the time it took, or not at all."""

    mutant: Mutant
    how: str
    seconds: float


def _try(mutant: Mutant, tests: Sequence[Sequence[str]], seconds: int) -> Fate:
    began = time.monotonic()
    source = mutate_code(
        mutant.file.read_text(encoding="utf-8"), cosmic_ray.plugins.get_operator(mutant.operator)(), mutant.occurrence
    )
    if source is None or not _is_python(source):
        return Fate(mutant, "no Python", 0)
    ending = "survived"
    for part in tests:
        if ending == "survived":
            ending = _Run(mutant, source, part, seconds).end()
    return Fate(mutant, ending, time.monotonic() - began)


def _try_before(end: float, mutant: Mutant, reached: Reached, seconds: int) -> Fate | None:
    return _try(mutant, reached.by(mutant), seconds) if time.monotonic() < end else None


def _unchanged(mutant: Mutant, tests: Sequence[str]) -> str:
    """Run tests over the code as it is."""
    return _Run(mutant, mutant.file.read_text(encoding="utf-8"), tests, _LONGEST).end()


def _is_python(source: str) -> bool:
    try:
        compile(source, "changed", "exec")
    except SyntaxError:
        return False
    return True


class _Run:
    """Pytest in a process of its own, in which one module is changed."""

    def __init__(self, mutant: Mutant, source: str, tests: Sequence[str], seconds: int) -> None:
        self._reading, writing = os.pipe()
        self._longest = seconds * _BUSY
        self._pid = os.fork()
        if self._pid == 0:
            _become(mutant, source, tests, seconds)
        os.close(writing)

    def end(self) -> str:
        """Wait for it, and end it together with what it has started."""
        ended = bool(select.select([self._reading], [], [], self._longest)[0])
        with contextlib.suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        os.close(self._reading)
        if not ended or code == -signal.SIGXCPU:
            return "time"
        return "survived" if code == 0 else "killed"


def _become(mutant: Mutant, source: str, tests: Sequence[str], seconds: int) -> NoReturn:
    code = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        os.chdir(CHECKOUT)
        import pytest

        parts = mutant.file.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(("pse_preflight", *parts)).removesuffix(".__init__")
        sys.path.insert(0, str(CHECKOUT / "src"))  # whatever is installed here
        sys.meta_path.insert(0, _Finder(name, mutant.file, source))
        folder = f"--basetemp=/tmp/mutant-{os.getpid()}"
        code = pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", "-p", "no:randomly", folder, *tests])
    finally:
        os._exit(int(code) & 0xFF)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coverage", type=Path, required=True, help="the file that notes which test reaches what")
    parser.add_argument("--count", type=int, default=300, help="how many places (300); 0: every change")
    parser.add_argument("--seed", type=int, default=14, help="which ones (14)")
    parser.add_argument(
        "--seconds", type=int, default=30, help="how much processor time the tests of one may take (30)"
    )
    parser.add_argument("--longest", type=float, default=float("inf"), help="begin none after so many seconds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once (all processors)")
    parser.add_argument("--least", type=float, default=90, help="percent that must be noticed (90)")
    return parser.parse_args()


def main() -> int:
    """Run, print what was not noticed and the figures, and return the exit code."""
    asked = _arguments()
    for name in IMPORTED_BEFORE:
        importlib.import_module(name)
    every, reached, began = mutants(), Reached(asked.coverage), time.monotonic()
    chosen = drawn(every, asked.count, asked.seed)
    print(
        f"{len(every)} changes in {len({each.file for each in every})} modules; {len(chosen)} of them are made",
        flush=True,
    )
    first = list({each.room: each for each in chosen}.values())
    with ThreadPoolExecutor(asked.jobs) as pool:
        unchanged = list(pool.map(lambda each: _unchanged(each, reached.by(each)[0][:_CONTROLS]), first))
    if "killed" in unchanged:
        print(f"as it is, the tests of {first[unchanged.index('killed')].room} do not pass")
        return 1
    with ThreadPoolExecutor(asked.jobs) as pool:
        fates: list[Fate] = []
        for fate in pool.map(lambda each: _try_before(began + asked.longest, each, reached, asked.seconds), chosen):
            if fate is None:
                break
            fates.append(fate)
            if fate.how in {"survived", "time"}:
                print(f"{fate.how}: {fate.mutant}: {_change(fate.mutant)}", flush=True)
            if len(fates) % _REPORT_EVERY == 0:
                print(
                    f"{len(fates)} made, {_percent(fates):.1f} % noticed, {time.monotonic() - began:.0f} s", flush=True
                )
    print("\n".join(_told(fates, time.monotonic() - began)))
    return 0 if _percent(fates) >= asked.least else 1


def _percent(fates: Sequence[Fate]) -> float:
    made = [each for each in fates if each.how != "no Python"]
    return 100 * sum(each.how == "killed" for each in made) / max(1, len(made))


def _told(fates: Sequence[Fate], seconds: float) -> Iterator[str]:
    rooms: Mapping[str, list[Fate]] = defaultdict(list)
    for each in fates:
        rooms[each.mutant.room].append(each)
    for room, own in sorted(rooms.items()):
        yield f"{room}: {_percent(own):.0f} % of {len(own)} noticed"
    hows = {how: sum(each.how == how for each in fates) for how in ("killed", "time", "survived", "no Python")}
    yield f"{hows}, {_percent(fates):.1f} % noticed, {seconds:.0f} s"


@cache
def _change(mutant: Mutant) -> str:
    """Return the line before and after."""
    before = mutant.file.read_text(encoding="utf-8")
    after = mutate_code(before, cosmic_ray.plugins.get_operator(mutant.operator)(), mutant.occurrence) or before
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    was, now = next(((one, other) for one, other in pairs if one != other), ("", ""))
    return f"{was.strip()}  ->  {now.strip()}"


if __name__ == "__main__":
    sys.exit(main())
