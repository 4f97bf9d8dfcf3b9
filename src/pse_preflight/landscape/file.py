"""systems.yaml: which systems there are, and how each is to be judged."""

import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pse_preflight.errors import UsageProblem
from pse_preflight.files import read_beginning
from pse_preflight.findings import one_line
from pse_preflight.landscape import alias as aliases
from pse_preflight.landscape.keys import OWN_KEY, Keys, KeysUnreadable, read_keys
from pse_preflight.landscape.tree import SINGLE_QUOTES, Tree, TreeUnreadable, read_tree
from pse_preflight.landscape.variables import Variables

LARGEST_FILE = 1 << 20
FILE_NAME = "systems.yaml"

_TOP_KEYS = ("defaults", "systems")
_URLS = frozenset({"url", "proxy"})
"""Keys in whose values a percent sign has a meaning of its own."""
_SPOKEN = frozenset({"reason"})
"""Keys whose values are for people."""
_COPIED = frozenset({"url", "pinned", "required_roots"})
"""Keys whose values are copied from windows, with invisible marks that are known and left out."""
_STORES = ("pse", "truststore")
"""Keys of which a system has one."""
_LINE_ENDS, _UNSEEN = "\n\t", frozenset({"Cf", "Zs"})


@dataclass(frozen=True, slots=True)
class Landscape:
    """The systems of one systems.yaml, not yet joined with their surroundings."""

    file: Path | None
    systems: Mapping[str, "SystemEntry"]


@dataclass(frozen=True, slots=True)
class SystemEntry:
    """One system of the file.

    Attributes:
        keys: what it says, the defaults included.
        extras: its own x- keys.
        place: file and line where it starts, as messages show them.
        places: the same for each of its keys.
        unset: what is wrong with the variables in it, which concerns nobody who does not ask for this system.
    """

    keys: Keys
    extras: tuple[tuple[str, str], ...] = ()
    place: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    unset: str = ""


def read_landscape(
    file: Path | None, environment: Mapping[str, str], *, windows: bool = sys.platform == "win32"
) -> Landscape:
    """Read a systems.yaml; None is a landscape without systems.

    Args:
        environment: what stands for ${NAME}, and on Windows for %NAME%.

    Raises:
        UsageProblem: with file and line, whatever is wrong with it.
    """
    if file is None:
        return Landscape(None, {})
    try:
        tree = read_tree(_content(file))
    except TreeUnreadable as error:
        raise _problem(file, error.line, str(error)) from None
    return Landscape(file, _SystemsReader(file, tree, Variables(environment, windows=windows)).systems())


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = read_beginning(stream, LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageProblem(one_line(f"{file}: cannot be read: {reason}")) from None
    if len(content) > LARGEST_FILE:
        raise UsageProblem(one_line(f"{file}: is larger than {LARGEST_FILE >> 20} MiB"))
    return content


def _problem(file: Path, line: int, text: str) -> UsageProblem:
    return UsageProblem(one_line(f"{file}:{line}: {text}"))


@dataclass(frozen=True, slots=True)
class _YamlBlock:
    """The keys of one system, or the defaults, as they stand in the file.

    Attributes:
        place: the keys that lead to it.
        keys: its keys, with the values of variables.
        unset: the first thing that is wrong with a variable in it, with its place, by the key.
    """

    place: tuple[str, ...]
    keys: Mapping[str, Any]
    unset: Mapping[str, str]


class _SystemsReader:
    """Makes systems of what one systems.yaml says."""

    def __init__(self, file: Path, tree: Tree, variables: Variables) -> None:
        self._file = file
        self._tree = tree
        self._variables = variables

    def systems(self) -> dict[str, SystemEntry]:
        data = self._tree.data
        if not isinstance(data, dict) or not isinstance(data.get("systems"), dict):
            raise _problem(self._file, 1, "needs a key `systems` with a mapping of aliases below it")
        unknown = [key for key in data if key not in _TOP_KEYS and not key.startswith(OWN_KEY)]
        if unknown:
            raise self._wrong(unknown[:1], f"unknown key {unknown[0]!r}; allowed: {', '.join(_TOP_KEYS)}")
        defaults = self._block(data.get("defaults") or {}, ("defaults",))
        self._keys(defaults.keys, defaults)
        self._refuse_aliases(data["systems"])
        return {alias: self._entry(alias, keys, defaults) for alias, keys in data["systems"].items()}

    def _refuse_aliases(self, systems: Mapping[str, Any]) -> None:
        seen: set[str] = set()
        for alias in systems:
            problem = aliases.problem(alias)
            if problem:
                raise self._wrong(("systems", alias), f"{alias!r} is no alias: {problem}")
            if alias.lower() in seen:
                text = f"the alias {alias!r} stands twice (upper and lower case are the same)"
                raise self._wrong(("systems", alias), text)
            seen.add(alias.lower())

    def _entry(self, alias: str, keys: Any, defaults: _YamlBlock) -> SystemEntry:
        own = self._block(keys, ("systems", alias))
        self._keys(own.keys, own)
        # Of PSE and trust store a system has one: its own takes the place of either in the defaults.
        gone = {other for one, other in (_STORES, _STORES[::-1]) if one in own.keys and other not in own.keys}
        joined = {key: value for key, value in {**defaults.keys, **own.keys}.items() if key not in gone}
        if "url" not in joined:
            raise self._wrong(own.place, f"{alias} has no url")
        blocks = {key: own if key in own.keys else defaults for key in joined}
        return SystemEntry(
            keys=self._keys(joined, own),
            extras=tuple((key, str(value)) for key, value in joined.items() if key.startswith(OWN_KEY)),
            place=self._shown(own.place),
            places={key: self._shown((*block.place, key)) for key, block in blocks.items()},
            unset=next((block.unset[key] for key, block in blocks.items() if key in block.unset), ""),
        )

    def _keys(self, keys: Mapping[str, Any], block: _YamlBlock) -> Keys:
        try:
            return read_keys(keys)
        except KeysUnreadable as error:
            if block.unset:
                raise UsageProblem(next(iter(block.unset.values()))) from None
            raise self._wrong((*block.place, *error.place), f"{_dotted(block.place, error.place)}: {error}") from None

    def _block(self, keys: Any, place: tuple[str, ...]) -> _YamlBlock:
        if not isinstance(keys, dict):
            raise self._wrong(place, f"{_dotted(place)}: needs keys such as `url: https://…`")
        unset: dict[str, str] = {}
        for key, value in keys.items():
            for inner, text in _texts(value, (key,)):
                self._refuse_unseen(text, place, inner)
                for problem in self._variables.problems(text, percents=_has_percents(inner)):
                    where = f"{self._shown((*place, *inner))}: {_dotted(place, inner)}"
                    unset.setdefault(key, one_line(f"{where}: {problem}"))
        return _YamlBlock(place, {key: self._expanded(value, (key,)) for key, value in keys.items()}, unset)

    def _refuse_unseen(self, text: str, place: tuple[str, ...], inner: tuple[Any, ...]) -> None:
        """Refuse characters that nobody sees, but where they are known to come along."""
        for char in text:
            kind = unicodedata.category(char)
            if char.isprintable() or (inner[0] in _COPIED and (char in _LINE_ENDS or kind in _UNSEEN)):
                continue
            said = f"a control character; {SINGLE_QUOTES}" if kind == "Cc" else f"U+{ord(char):04X}, which nobody sees"
            raise self._wrong((*place, *inner), f"{_dotted(place, inner)}: holds {said}")

    def _expanded(self, value: Any, place: tuple[Any, ...]) -> Any:
        if isinstance(value, dict):
            return {key: self._expanded(each, (*place, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self._expanded(each, (*place, number)) for number, each in enumerate(value)]
        if isinstance(value, str):
            return self._variables.expanded(value, percents=_has_percents(place))
        return value

    def _wrong(self, place: Sequence[Any], text: str) -> UsageProblem:
        return _problem(self._file, self._tree.line(place), text)

    def _shown(self, place: Sequence[Any]) -> str:
        return one_line(f"{self._file}:{self._tree.line(place)}")


def _texts(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield every text in a value, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, (*place, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, (*place, number))


def _has_percents(place: Sequence[Any]) -> bool:
    """Tell whether %NAME% means a variable there."""
    return place[0] not in _URLS and place[-1] not in _SPOKEN and not str(place[0]).startswith(OWN_KEY)


def _dotted(*places: Sequence[Any]) -> str:
    return ".".join(str(part) for place in places for part in place)
