"""Change one thing in the code that judges, and see whether a test notices: `python benchmarks/mutants.py`.

The changes are cosmic-ray's, one at each place that it knows, drawn by a seed. Left alone is what decides nothing here:
annotations, decorators, strings, `is` in place of `==`, what only type checkers read and only Windows runs, how long is
waited, and how much is looked at before it is given up (SETTINGS).

For each change tests run that reach it, by what coverage has noted: of its own room first, then of others, and of each
way that tests go through the function that is changed some. Which test of the rooms that judge reaches which line is
noted by `PREFLIGHT_NOTE_TESTS=1 COVERAGE_FILE=FILE pytest -n auto --cov`, and of all rooms by `--cov-context=test` in
its place; then `--coverage FILE`. Before anything is changed, the same tests must pass.

Most changes are put into a pytest that has collected everything once. Whatever it does not notice is looked at again
in a pytest of its own. Noticed is what a test fails for, and what never ends where the tests do end without it. A
change that is not noticed is printed, and one that lets slow tests go on for longer than they may. The exit code is 1
where fewer than `--least` percent were noticed. All of them are some thousands: `--count 0`, hours on two processors.
"""

import argparse
import ast
import contextlib
import functools
import gc
import importlib.util
import inspect
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import pairwise, zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NoReturn

import cosmic_ray.plugins
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

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
_IDENTITY = re.compile(r"_(Is_Eq|Eq_Is|IsNot_NotEq|NotEq_IsNot)$")
"""`is` in place of `==`, or the other way: the same for enums, small numbers and None, so nothing is to be noticed."""
SETTINGS = frozenset(
    {
        "__tracebackhide__",
        "_LOCK_SECONDS",
        "MOST_SIGNATURES",
        "MOST_ENDS",
        "_MOST_NAME_CHECKS",
        "_MOST_VALUES",
        "_MOST_VALUES_SEARCHED",
        "_MOST_LOOKED_AT",
        "_BLOCKS_LOOKED_AT",
        "MOST_LINES",
    }
)
"""What pytest shows of a failure, how long is waited, how much is looked at before it is given up: one more or less
decides nothing. Limits of what is accepted or told are no settings."""
_NEVER_RUN = frozenset({"sys.platform == 'win32'", "TYPE_CHECKING"})
_DECORATOR = "core/RemoveDecorator"
MOST_TESTS, MOST_OTHERS = 200, 90
_CONTROLS = 20
_NOTICED = ("killed", "endless")
_BUSY = 4
"""So many times its processor time a change may last: what only waits is ended by that."""
_REPORT_EVERY = 25
_ARCS_WITHIN = """
    SELECT DISTINCT tono, context_id, context FROM arc JOIN context ON context.id = context_id
    WHERE file_id = ? AND tono > 0 AND context LIKE '%|%'
"""
_WHILE_LOADING = 99
_CACHED = type(functools.cache(len))
IMPORTED_BEFORE = ("cryptography.x509", "requests", "pydantic", "yaml", "jinja2", "filelock")
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

    @property
    def source(self) -> str:
        """Return the module as it is."""
        return self.file.read_text(encoding="utf-8")

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
    nodes, left_alone = list(ast_nodes(get_ast(source))), list(_left_alone(source))
    for name in sorted(cosmic_ray.plugins.operator_names()):
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments() or name == _DECORATOR or _IDENTITY.search(name):
            continue
        operator = kind()
        spans = [span for node in nodes for span in operator.mutation_positions(node)]
        for occurrence, span in enumerate(spans):
            if not any(first <= span[0] and span[1] <= last for first, last in left_alone):
                yield Mutant(file, name, occurrence, span)


def _left_alone(source: str) -> Iterator[Span]:
    """Yield where nothing is decided here.

    Annotations, decorators, what is for type checkers, what only Windows runs, and the values of SETTINGS.
    """
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | ast.stmt | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts = [*node.decorator_list, node.returns if isinstance(node, ast.FunctionDef) else None]
        elif isinstance(node, ast.Assign) and (_is_alias_of_types(node) or _is_setting(node)):
            parts = [node.value]
        elif isinstance(node, ast.If) and ast.unparse(node.test) in _NEVER_RUN:
            parts = [node.test, *node.body]
        for part in parts:
            if part is not None and part.end_lineno is not None and part.end_col_offset is not None:
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def _is_setting(node: ast.Assign) -> bool:
    return ast.unparse(node.targets[0]) in SETTINGS


def _is_alias_of_types(node: ast.Assign) -> bool:
    """Tell whether a name at the top is given to a type: `Codes = Code | tuple[Code, ...]`, or a TypeVar."""
    first = node.targets[0]
    if node.col_offset or not isinstance(first, ast.Name) or first.id.isupper() or "_" in first.id[1:]:
        return False
    return isinstance(node.value, ast.BinOp | ast.Subscript | ast.Call)


@cache
def _changed(mutant: Mutant) -> str:
    """Return the module with the change; nothing where that is no Python, or cosmic-ray cannot make it."""
    operator = cosmic_ray.plugins.get_operator(mutant.operator)()
    try:
        source = mutate_code(mutant.source, operator, mutant.occurrence) or ""
        with warnings.catch_warnings(action="ignore"):
            compile(source, "changed", "exec")
    except (SyntaxError, AttributeError):  # the latter for an exception that is named with its module
        return ""
    return source


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
    """Which test reaches which line; the tables are coverage's own, as its documentation has them."""

    def __init__(self, file: Path) -> None:
        data = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        files = data.execute("SELECT id, path FROM file WHERE path LIKE '%/pse_preflight/%'")
        self._arcs = partial(data.execute, _ARCS_WITHIN)
        self._files = {_within_package(Path(path)): each for each, path in files}
        self._lengths = dict(data.execute("SELECT context_id, COUNT(*) FROM arc GROUP BY context_id"))

    def by(self, mutant: Mutant) -> list[str]:
        """Return the tests that reach a change, by their names: its own room's, then others."""
        changed, around = _reach(mutant)
        groups: dict[frozenset[int], list[str]] = defaultdict(list)
        for test, lines in self._ways(mutant.file):
            if changed & lines:
                groups[frozenset(around & lines)].append(test)
        tests = _in_turn(groups.values())
        own = [each for each in tests if each.startswith(mutant.room)]
        others = [each for each in tests if not each.startswith(mutant.room)]
        return [*own[:MOST_TESTS], *others[:MOST_OTHERS]] or [mutant.room]

    @cache  # noqa: B019 - there is one of these
    def _ways(self, file: Path) -> list[tuple[str, set[int]]]:
        """Return the tests that run anything of a file, with the lines that they run; those first that run little."""
        ways: dict[tuple[int, str], set[int]] = defaultdict(set)
        for line, number, name in self._arcs([self._files.get(_within_package(file))]):
            ways[self._lengths[number], name].add(line)
        return [(name.partition("|")[0], lines) for (_, name), lines in sorted(ways.items(), key=lambda each: each[0])]


def _reach(mutant: Mutant) -> tuple[set[int], set[int]]:
    """Return the lines by which a test reaches a change, and those by which tests go different ways there.

    In a function these are the changed lines, and the function's. What is made while the module is loaded, a name or
    the head of a function, is reached where it is used.
    """
    tree, (first, _), (last, _) = ast.parse(mutant.source), *mutant.span
    whole = set(range(1, mutant.source.count("\n") + 2))
    around = [each for each in ast.walk(tree) if isinstance(each, ast.stmt) and _spans(each, first)]
    functions = [each for each in around if isinstance(each, ast.FunctionDef)]
    if functions:
        inner = set(_lines_of(max(functions, key=lambda each: each.lineno)))
        in_body = any(each.body[0].lineno <= first for each in functions)
        return (set(range(first, last + 1)) if in_body else inner), inner
    made = max(around, key=lambda each: each.lineno, default=None)
    targets = made.targets if isinstance(made, ast.Assign) else [made.target] if isinstance(made, ast.AnnAssign) else []
    names = {each.id for each in targets if isinstance(each, ast.Name)}
    uses = {
        each.lineno
        for each in ast.walk(tree)
        if (isinstance(each, ast.Name) and each.id in names and each not in targets)
        or (isinstance(each, ast.Attribute) and each.attr in names)
    }
    inside = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    used = {line for each in inside if uses & set(_lines_of(each)) for line in _lines_of(each)}
    return (uses & used or whole), used or whole


def _lines_of(function: ast.FunctionDef) -> range:
    """Return the lines of a function's body."""
    return range(function.body[0].lineno, (function.end_lineno or function.lineno) + 1)


def _in_turn(groups: Iterable[Sequence[str]]) -> list[str]:
    """Return the first of each group, then the second of each, so that no way is left out for another's length."""
    rows = zip_longest(*groups)
    return list(dict.fromkeys(each for row in rows for each in row if each))


def _spans(statement: ast.stmt, line: int) -> bool:
    return statement.lineno <= line <= (statement.end_lineno or line)


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
    """How a change ended: noticed by a test, by its never coming to an end, or not at all."""

    mutant: Mutant
    how: str
    seconds: float


class _Run:
    """A process of its own, in which one thing is changed and tests run."""

    def __init__(self, body: Callable[[], int], seconds: int) -> None:
        self._place, self._began = tempfile.mkdtemp(prefix="mutant-"), time.monotonic()
        self._longest = seconds * _BUSY
        self._pid = os.fork()
        if self._pid == 0:
            _be(body, self._place, seconds)
        self.handle = os.pidfd_open(self._pid)

    @property
    def seconds(self) -> float:
        """Return for how long it has been there."""
        return time.monotonic() - self._began

    @property
    def is_late(self) -> bool:
        """Tell whether it waits for something that does not come."""
        return self.seconds > self._longest

    def end(self) -> str:
        """End it together with what it has started, and return how it went."""
        is_late = self.is_late
        with contextlib.suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        os.close(self.handle)
        shutil.rmtree(self._place, ignore_errors=True)
        if is_late or code == -signal.SIGXCPU:
            return "time"
        return {0: "survived", _WHILE_LOADING: "while loading"}.get(code, "killed")


def _be(body: Callable[[], int], place: str, seconds: int) -> NoReturn:
    code = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        os.environ["PYTEST_DEBUG_TEMPROOT"] = place
        _say_nothing()
        code = body()
    finally:
        os._exit(code & 0xFF)


def _say_nothing() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)


def _ended(bodies: Mapping[Mutant, Callable[[], int]], work: "Work") -> Iterator[Fate]:
    """Do each in a process of its own, so many at once; none is begun after the end of what was given."""
    waiting, running = deque(bodies), dict[int, tuple[Mutant, _Run]]()
    while waiting or running:
        while waiting and len(running) < work.jobs and time.monotonic() < work.end:
            mutant = waiting.popleft()
            run = _Run(bodies[mutant], work.seconds)
            running[run.handle] = mutant, run
        if not running:
            return
        ready = select.select(list(running), [], [], 1)[0]
        for handle in [each for each in running if each in ready or running[each][1].is_late]:
            mutant, run = running.pop(handle)
            seconds = run.seconds
            yield Fate(mutant, run.end(), seconds)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Attributes:
        tests: those of each change, in their order.
        seconds: processor time of the tests of one.
        end: when none is begun any more.
    """

    tests: Mapping[Mutant, Sequence[str]]
    jobs: int
    seconds: int
    end: float

    def fates(self) -> Iterator[Fate]:
        """Make every change.

        Most lie in functions, and are put into a pytest that has loaded and collected everything once. What is run
        when a module is loaded needs a pytest of its own, and so does whatever was not noticed, since what a test
        module took from a function while it was loaded is as it was.
        """
        again: dict[Mutant, Fate] = {}
        for fate in self._in_one_session():
            if fate.how in {"survived", "while loading"}:
                again[fate.mutant] = fate
            else:
                yield self._judged(fate)
        if again and not self._pass_unchanged(next(iter(again))):
            raise SystemExit("the tests do not pass as the code is")
        for fate in _ended({each: partial(_load, each, _changed(each), self.tests[each]) for each in again}, self):
            yield self._judged(fate)
            del again[fate.mutant]
        yield from (fate for fate in again.values() if fate.how == "survived")  # there was no time to look again

    def _pass_unchanged(self, mutant: Mutant) -> bool:
        body = partial(_load, mutant, mutant.source, self.tests[mutant][:_CONTROLS])
        return all(fate.how == "survived" for fate in _ended({mutant: body}, self))

    def _judged(self, fate: Fate) -> Fate:
        """Tell what never ends from what is slow: over the code as it is the same tests end in a third of the time."""
        if fate.how != "time":
            return fate
        body = partial(_load, fate.mutant, fate.mutant.source, self.tests[fate.mutant])
        again = _Run(body, self.seconds // 3)
        select.select([again.handle], [], [], self.seconds * _BUSY)
        return replace(fate, how="endless") if again.end() == "survived" else fate

    def _in_one_session(self) -> Iterator[Fate]:
        by_name = {str(each): each for each in self.tests}
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _collect(self, writing)
        os.close(writing)
        with os.fdopen(reading) as lines:
            for line in lines:
                name, how, seconds = json.loads(line)
                yield Fate(by_name[name], how, seconds)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            raise SystemExit("the tests cannot be collected, or do not pass as the code is")


def _collect(work: Work, writing: int) -> NoReturn:
    code = 70
    try:
        _say_nothing()
        files = dict.fromkeys(each.partition("::")[0] for tests in work.tests.values() for each in tests)
        code = _pytest(["--capture=sys", *files], [_Session(work, writing)])
    finally:
        os._exit(code & 0xFF)


class _Session:
    """Makes each change in a copy of a pytest that has collected its tests."""

    def __init__(self, work: Work, writing: int) -> None:
        self._work, self._writing = work, writing

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what was to be done in place of all tests."""
        items = {each.nodeid: each for each in session.items}
        tests = {mutant: [items[each] for each in names if each in items] for mutant, names in self._work.tests.items()}
        first = {each.room: each for each in tests}.values()
        for each in first:  # keys and certificates that the tests make once are there for every copy then
            _run_items(session, tests[each][:_CONTROLS])
        functions, caches = _functions_and_caches()
        gc.collect()
        gc.freeze()
        controls = {each: partial(_run_items, session, tests[each][:_CONTROLS]) for each in first}
        if any(fate.how != "survived" for fate in _ended(controls, self._work)):
            raise session.Failed("the tests do not pass as the code is")
        swap = partial(_swap, functions=functions, caches=caches)
        bodies = {each: partial(_swap_and_run, swap, each, session, tests[each]) for each in tests}
        for fate in _ended(bodies, self._work):
            os.write(self._writing, f"{json.dumps([str(fate.mutant), fate.how, fate.seconds])}\n".encode())
        return True


def _swap_and_run(
    swap: Callable[[Mutant], bool], mutant: Mutant, session: pytest.Session, items: Sequence[pytest.Item]
) -> int:
    return _run_items(session, items) if items and swap(mutant) else _WHILE_LOADING


def _run_items(session: pytest.Session, items: Sequence[pytest.Item]) -> int:
    for item, following in pairwise([*items, None]):
        if item is not None:
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0


def _functions_and_caches() -> tuple[Mapping[CodeType, Sequence[FunctionType]], Sequence[Any]]:
    """Return the package's functions by their code, and what remembers results of them."""
    functions: dict[CodeType, list[FunctionType]] = defaultdict(list)
    caches = []
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(str(PACKAGE)):
            functions[each.__code__].append(each)
        elif isinstance(each, _CACHED) and str(each.__module__).startswith("pse_preflight"):
            caches.append(each)
    return functions, caches


def _swap(mutant: Mutant, *, functions: Mapping[CodeType, Sequence[FunctionType]], caches: Sequence[Any]) -> bool:
    """Give the functions that are changed their new code; tell whether that was all there was to do."""
    before, after = (
        compile(each, str(mutant.file), "exec", dont_inherit=True) for each in (mutant.source, _changed(mutant))
    )
    pairs = _differing(before, after)
    if not pairs or not all(functions.get(old) for old, _ in pairs):
        return False
    for each in caches:
        each.cache_clear()
    for old, new in pairs:
        for each in functions[old]:
            each.__code__ = new
    return True


def _differing(before: CodeType, after: CodeType) -> list[tuple[CodeType, CodeType]]:
    """Return the functions that differ, before and after; none where what is run while loading differs."""
    old, new = ([each for each in code.co_consts if isinstance(each, CodeType)] for code in (before, after))
    if len(old) != len(new) or _bare(before) != _bare(after):
        return []
    found = []
    for one, other in zip(old, new, strict=True):
        if one == other:
            continue
        inner = [(one, other)] if one.co_flags & inspect.CO_OPTIMIZED else _differing(one, other)
        if not inner:
            return []
        found += inner
    return found


def _bare(code: CodeType) -> tuple[object, ...]:
    return code.co_code, code.co_names, repr([each for each in code.co_consts if not isinstance(each, CodeType)])


def _load(mutant: Mutant, source: str, tests: Sequence[str]) -> int:
    """Run tests in a pytest that loads one module from another source."""
    name = ".".join(("pse_preflight", *mutant.file.relative_to(PACKAGE).with_suffix("").parts))
    sys.meta_path.insert(0, _Finder(name.removesuffix(".__init__"), mutant.file, source))
    return _pytest(["-x", *tests], [])


def _pytest(arguments: Sequence[str], plugins: Sequence[object]) -> int:
    os.chdir(CHECKOUT)
    sys.path.insert(0, str(CHECKOUT / "src"))  # whatever is installed here
    always = ("-q", "-n0", "-p", "no:cacheprovider", "-p", "no:randomly")
    return int(pytest.main([*always, *arguments], [_Repeatable(), *plugins]))


class _Repeatable:
    """Lets hypothesis try the same in each run, and keep nothing for the next."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Settle it before any test is collected."""
        from hypothesis import settings

        settings.register_profile("mutants", deadline=None, database=None, derandomize=True)
        settings.load_profile("mutants")


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
    sys.dont_write_bytecode = False  # else each process compiles the tests again
    every, reached, began = mutants(), Reached(asked.coverage), time.monotonic()
    chosen = [each for each in drawn(every, asked.count, asked.seed) if _changed(each)]
    print(
        f"{len(every)} changes in {len({each.file for each in every})} modules; {len(chosen)} of them are made",
        flush=True,
    )
    work = Work({each: reached.by(each) for each in chosen}, asked.jobs, asked.seconds, began + asked.longest)
    fates: list[Fate] = []
    for fate in work.fates():
        fates.append(fate)
        if fate.how in {"survived", "time"}:
            print(f"{fate.how}: {fate.mutant}: {_line(fate.mutant)}", flush=True)
        if len(fates) % _REPORT_EVERY == 0:
            print(f"{len(fates)} made, {time.monotonic() - began:.0f} s", flush=True)
    print("\n".join(_told(fates, time.monotonic() - began)))
    return 0 if _percent(fates) >= asked.least else 1


def _percent(fates: Sequence[Fate]) -> float:
    return 100 * sum(each.how in _NOTICED for each in fates) / max(1, len(fates))


def _told(fates: Sequence[Fate], seconds: float) -> Iterator[str]:
    rooms: Mapping[str, list[Fate]] = defaultdict(list)
    for each in fates:
        rooms[each.mutant.room].append(each)
    for room, own in sorted(rooms.items()):
        yield f"{room}: {_percent(own):.0f} % of {len(own)} noticed"
    hows = {how: sum(each.how == how for each in fates) for how in (*_NOTICED, "time", "survived")}
    yield f"{hows}, {_percent(fates):.1f} % noticed, {seconds:.0f} s"


def _line(mutant: Mutant) -> str:
    """Return the line before and after."""
    pairs = zip(mutant.source.splitlines(), _changed(mutant).splitlines(), strict=False)
    was, now = next(((one, other) for one, other in pairs if one != other), ("", ""))
    return f"{was.strip()}  ->  {now.strip()}"


if __name__ == "__main__":
    sys.exit(main())
