"""Every function that finds something, and what becomes of the checks when one of them finds nothing any more.

A finder is a function of the package that says it returns findings or faults, or that makes one; whoever ends a check
for want of a proof finds nothing. A finder's code is taken out where it stands, so that whoever holds the function
meets the change, too.
"""

import ast
import contextlib
import importlib
import inspect
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pse_preflight
from pse_preflight.certificate import Certificate
from pse_preflight.chain.faults import Fault
from pse_preflight.checklist import Code, Severity
from pse_preflight.findings import Finding
from pse_preflight.verdict.evidence import Evidence
from tests.kit.check_runs import End, ends, ends_alone
from tests.kit.pse_mutations import authorities

_MAKERS = {"finding", "Finding", "Fault"}
_FOUND = re.compile(r"\b(Finding|Fault)\b")
_SILENCE = "nothing was found"
_PLACE = "what is put in its place"

Anything = Callable[..., Any]


@dataclass(frozen=True)
class Finder:
    """A function that finds something.

    Attributes:
        module: where it stands.
        name: its name, with the class that it belongs to.
        returns: what it says that it returns.
    """

    module: str
    name: str
    returns: str

    def __str__(self) -> str:
        return f"{self.module.removeprefix('pse_preflight.')}.{self.name}"

    @property
    def function(self) -> Any:
        """Return the function itself, whatever it is wrapped in."""
        found: Any = importlib.import_module(self.module)
        for part in self.name.split("."):
            found = inspect.getattr_static(found, part)
        found = getattr(found, "fget", None) or getattr(found, "func", None) or getattr(found, "__func__", found)
        return inspect.unwrap(found)


def finders() -> tuple[Finder, ...]:
    """Return every finder of the package, module by module."""
    package = Path(pse_preflight.__file__).parent
    found = []
    for file in sorted(package.rglob("*.py")):
        if file.parent.name == "command":
            continue  # what a command reads of its own arguments is no finding of a check
        module = ".".join(("pse_preflight", *file.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        found += [Finder(module, *each) for each in _found_in(ast.parse(file.read_text(encoding="utf-8")))]
    return tuple(found)


def _found_in(tree: ast.AST, of: str = "") -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _found_in(node, f"{of}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            returns = ast.unparse(node.returns).strip("'\"") if node.returns else ""
            makes_one = returns != "NoReturn" and any(_makes_one(each) for each in ast.walk(node))
            if _FOUND.search(returns) or makes_one:
                yield f"{of}{node.name}", returns


def _makes_one(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _MAKERS


def _calling(*arguments: Any, **named: Any) -> Any:
    put: Any = "what is put in its place"
    return put(*arguments, **named)


def _yielding(*arguments: Any, **named: Any) -> Any:
    put: Any = "what is put in its place"
    yield from put(*arguments, **named)


@contextlib.contextmanager
def _instead(finder: Finder, stand_in: Callable[[Anything], Anything]) -> Iterator[None]:
    """Put other code in the place of a function's own; every name for the function leads to it."""
    function = finder.function
    original = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    own_code = function.__code__
    # A code object takes its names from the function's own module, so what is to be called stands in its constants.
    # A generator's code is replaced by another generator's, as Python wants it from 3.13 on.
    code = (_yielding if inspect.isgeneratorfunction(function) else _calling).__code__
    put = stand_in(original)
    assert not own_code.co_freevars
    function.__code__ = code.replace(co_consts=tuple(put if each == _PLACE else each for each in code.co_consts))
    try:
        yield
    finally:
        function.__code__ = own_code


def _nothing(returns: str, instead: Certificate) -> Callable[[Anything], Anything]:
    """Return what makes of a function one that finds nothing, as its annotation says.

    One that must return a finding returns one that is passed over afterwards, see `evidence_of`.
    """
    kind = ast.parse(returns, mode="eval").body
    if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "tuple" and isinstance(kind.slice, ast.Tuple):
        parts = kind.slice.elts
        if len(parts) == 2 and ast.unparse(parts[1]) != "...":
            assert _FOUND.search(ast.unparse(parts[1])), returns
            return lambda original: lambda *arguments, **named: (original(*arguments, **named)[0], ())
    empty: Mapping[str, Callable[[], object]] = {
        "None": lambda: None,
        "tuple": tuple,
        "list": list,
        "Iterator": lambda: iter(()),
        "Iterable": lambda: iter(()),
        "Mapping": dict,
        "Finding": lambda: Finding(code=Code.URL_UNUSUAL, severity=Severity.MINOR, observed=_SILENCE),
        "Fault": lambda: Fault(Code.CERTIFICATE_WEAK, instead, _SILENCE, Severity.MINOR),
    }
    what = "None" if "None" in returns.split(" | ") else re.split(r"\W", returns, maxsplit=1)[0]
    return lambda _original: lambda *_arguments, **_named: empty[what]()


def _spied_on(found: set[Finder], finder: Finder) -> Callable[[Anything], Anything]:
    """Return what takes note of a finder that has found something, and leaves everything as it is."""

    def spied(original: Anything) -> Anything:
        def call(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            if isinstance(result, Iterator):
                result = list(result)
            if result:
                found.add(finder)
            return iter(result) if isinstance(result, list) and "Itera" in finder.returns else result

        return call

    return spied


@dataclass
class Trial:
    """Scenarios in which one finder after the other finds nothing.

    Attributes:
        builds: what makes the evidence of each scenario anew, by its name.
    """

    builds: Mapping[str, Callable[[], Evidence]]
    _usual: dict[str, Mapping[str, End]] = field(default_factory=dict)

    def places(self, asked: Sequence[Finder]) -> Mapping[Finder, Sequence[str]]:
        """Return for each finder the scenarios in which it finds something while they are judged; else all of them.

        Those come first in which few others find anything.
        """
        places: dict[Finder, list[str]] = {each: [] for each in asked}
        crowds: dict[str, int] = {}
        found: set[Finder] = set()
        with contextlib.ExitStack() as stack:
            for each in asked:
                stack.enter_context(_instead(each, _spied_on(found, each)))
            for name, build in self.builds.items():
                found.clear()
                build()
                crowds[name] = len(found)
                for each in found:
                    places[each].append(name)
        return {finder: sorted(names, key=crowds.__getitem__) or list(crowds) for finder, names in places.items()}

    def noticed(self, finder: Finder, places: Iterable[str]) -> str:
        """Return how a check turns red when this finder finds nothing; empty where none does in these scenarios."""
        (instead,) = authorities(1)
        for name in places:
            before = self.usual(name)
            with _instead(finder, _nothing(finder.returns, instead)):
                after = _made(self.builds[name])
            for check, end in after.items():
                usual = before[check]
                if end.is_red and not (usual.is_red and end.codes[0] is usual.codes[0]):
                    told = f" in place of {usual.codes[0]}" if usual.is_red else ""
                    return f"{check}: {end.codes[0]}{told}, in {name!r}"
        return ""

    def usual(self, name: str) -> Mapping[str, End]:
        """Return how the checks end in a scenario as long as nothing is lost."""
        if name not in self._usual:
            self._usual[name] = _made(self.builds[name])
        return self._usual[name]


def _made(build: Callable[[], Evidence]) -> Mapping[str, End]:
    """Return how each check ends beside all others, and alone, without what a silenced finder had to return."""
    evidence = build()
    cause = evidence.not_created_for
    evidence = replace(
        evidence,
        findings=tuple(each for each in evidence.findings if _SILENCE not in each.observed),
        not_created_for=None if cause is not None and _SILENCE in cause.observed else cause,
    )
    return {**ends(evidence), **{f"{check} alone": end for check, end in ends_alone(evidence).items()}}
