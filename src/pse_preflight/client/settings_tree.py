"""Settings of other programs, written as XML or JSON, as one tree of keys and values. Pure, and bounded.

Nothing is resolved, loaded or expanded: a document with a DOCTYPE is refused, since it may define entities.
"""

import json
import xml.parsers.expat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pse_preflight.errors import PreflightError

_DEEPEST = 50
_MOST_VALUES = 20_000
_KEYS, _VALUES = ("key", "name"), ("value",)


class SettingsUnreadable(PreflightError):
    """It is not XML, or not JSON, or more of it than is read; the text repeats nothing of it."""


@dataclass(slots=True)
class SettingsTree:
    """A group of settings.

    Attributes:
        name: what the group is called: an element of XML, or a key of JSON.
        values: the keys and values that stand in it directly, as written; an element with text alone is one, and so is
            an element with the attributes key (or name) and value.
        groups: the groups within it.
        line: where it begins, counted from 1; 0 where that is not known.
    """

    name: str
    values: list[tuple[str, str]] = field(default_factory=list)
    groups: list["SettingsTree"] = field(default_factory=list)
    line: int = 0

    def walk(self) -> Iterator["SettingsTree"]:
        """Yield the group and all within it."""
        yield self
        for each in self.groups:
            yield from each.walk()


def read_xml(content: bytes) -> SettingsTree:
    """Read a document of XML.

    Raises:
        SettingsUnreadable: where it is none, has a DOCTYPE, or is too deep or too large.
    """
    reader = _XmlReader()
    try:
        reader.parser.Parse(content, True)
    except (xml.parsers.expat.ExpatError, LookupError, ValueError) as error:
        line = getattr(error, "lineno", 0)
        raise SettingsUnreadable(f"it is no well-formed XML{f' (line {line})' if line else ''}") from None
    return reader.root.groups[0]


def read_json(text: str) -> SettingsTree:
    """Read a document of JSON whose outermost value is an object or a list.

    Raises:
        SettingsUnreadable: where it is none, or too deep or too large.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsUnreadable("it is no JSON") from None
    return _JsonReader().group("", told, 0)


class _Counter:
    """Counts what is taken over, so that nothing grows without a bound."""

    def __init__(self) -> None:
        self._count = 0

    def take(self, depth: int) -> None:
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST_VALUES:
            raise SettingsUnreadable("it is deeper or larger than such a file is")


class _XmlReader:
    """Makes a tree of the events of a parser."""

    def __init__(self) -> None:
        self.root = SettingsTree("")
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._open = [self.root]
        self._texts = [""]
        self._counter = _Counter()

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._counter.take(len(self._open))
        group = SettingsTree(_local(tag), line=self.parser.CurrentLineNumber)
        for key, value in attributes.items():
            self._counter.take(0)
            group.values.append((_local(key), value))
        self._open.append(group)
        self._texts.append("")

    def _text(self, text: str) -> None:
        self._texts[-1] += text

    def _end(self, _tag: str) -> None:
        group, text = self._open.pop(), self._texts.pop().strip()
        parent, named = self._open[-1], _named_value(group, text)
        if parent is self.root:
            parent.groups.append(group)
        elif named:
            parent.values.append(named)
        elif text and not group.groups and not group.values:
            parent.values.append((group.name, text))
        elif group.values or group.groups:
            parent.groups.append(group)

    def _refuse(self, *_: object) -> None:
        raise SettingsUnreadable("it has a DOCTYPE, which settings do not need")


class _JsonReader:
    """Makes a tree of what JSON holds."""

    def __init__(self) -> None:
        self._counter = _Counter()

    def group(self, name: str, told: Any, depth: int) -> SettingsTree:
        if not isinstance(told, dict | list):
            raise SettingsUnreadable("it is a value of JSON, and no settings")
        made = SettingsTree(name)
        members = told.items() if isinstance(told, dict) else [(name, each) for each in told]
        for key, value in members:
            self._counter.take(depth)
            if isinstance(value, dict | list):
                made.groups.append(self.group(str(key), value, depth + 1))
            elif value is not None:
                made.values.append((str(key), json.dumps(value) if isinstance(value, bool) else str(value)))
        return made


def _named_value(group: SettingsTree, text: str) -> tuple[str, str] | None:
    """Return what `<add key="…" value="…"/>` and `<property name="…">…</property>` say; None for anything else."""
    told = {key.lower(): value for key, value in group.values}
    key = next((told[each] for each in _KEYS if told.get(each)), "")
    if not key or group.groups or len(told) != len([each for each in told if each in {*_KEYS, *_VALUES}]):
        return None
    value = next((told[each] for each in _VALUES if each in told), text)
    return (key, value) if value else None


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(":")[2]
