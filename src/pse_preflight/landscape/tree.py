"""A YAML text as a tree that knows the line of everything in it, and that no text can make grow or go in circles."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from pse_preflight.errors import PreflightError

MOST_VALUES = 100_000
"""Keys and values, those counted anew that an alias (*) repeats; 500 systems have a tenth of it."""
_DEEPEST = 40
_DEEP_BRACKETS = re.compile(rf"(?:[\[{{]\s*){{{_DEEPEST}}}")
_TOO_DEEP = f"is nested more than {_DEEPEST} deep"
_LONGEST_NUMBER, _LONGEST_WORD = 40, 20_000
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1}}}")
_STRING, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_WRONG = {
    "tag:yaml.org,2002:int": "is no number",
    "tag:yaml.org,2002:float": "is no number",
    "tag:yaml.org,2002:bool": "is neither true nor false",
    "tag:yaml.org,2002:timestamp": "is a day that the calendar does not have",
}
"""What is said of a value that is none of its kind, by the kind."""
_BACKSLASH_IN_QUOTES = re.compile(r'"[^"]*\\[^"]*"')
SINGLE_QUOTES = r"in double quotes a backslash starts an escape: write Windows paths in single quotes, 'C:\sec'"


class TreeUnreadable(PreflightError):
    """The text cannot be used.

    Attributes:
        line: where, counted from 1.
    """

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Tree:
    """A YAML text that was read.

    Attributes:
        data: what it says, in plain Python values.
        node: the same with the places in the text.
    """

    data: Any
    node: yaml.Node

    def line(self, place: Iterable[Any]) -> int:
        """Return the line of a key, or of the innermost of its parents that is there."""
        node, line = self.node, self.node.start_mark.line
        for part in place:
            found = _child(node, part)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        return int(line) + 1


def read_tree(content: bytes) -> Tree:
    """Read a YAML document.

    Raises:
        TreeUnreadable: whatever is wrong with it.
    """
    text = _decoded(content)
    _refuse_at(text, yaml.reader.Reader.NON_PRINTABLE.search(text), "holds a control character, which no YAML may")
    _refuse_at(text, _DEEP_BRACKETS.search(text), _TOO_DEEP)
    _refuse_at(text, _LONG_WORD.search(text), f"holds a word of more than {_LONGEST_WORD} characters")
    loader = _Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        if node is None:
            raise TreeUnreadable(1, "is empty")
        return Tree(loader.construct_document(node), node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        words = "".join(text.splitlines()[line - 1 : line])
        if isinstance(error, yaml.scanner.ScannerError) and _BACKSLASH_IN_QUOTES.search(words):
            raise TreeUnreadable(line, SINGLE_QUOTES) from None
        raise TreeUnreadable(line, f"is no YAML: {error.problem or error.context}") from None
    except RecursionError:
        raise TreeUnreadable(1, _TOO_DEEP) from None
    finally:
        loader.dispose()


def _refuse_at(text: str, found: re.Match[str] | None, problem: str) -> None:
    if found:
        raise TreeUnreadable(text.count("\n", 0, found.start()) + 1, problem)


def _decoded(content: bytes) -> str:
    """Read the text, in UTF-8 or as Windows PowerShell's `>` writes it."""
    utf_16 = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    no_mark = {(True, False): "utf-16-be", (False, True): "utf-16-le"}
    first_two = (content[:1] == b"\0", content[1:2] == b"\0")
    encoding = "utf-16" if utf_16 else no_mark.get(first_two, "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TreeUnreadable(line, "is not UTF-8 text, nor whole UTF-16; save it as UTF-8") from None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader; what it cannot make of a number or a day is an error with its place."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[int, tuple[int, int]] = {}
        self._composed = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, and refuse what would grow without end, or has keys that are none."""
        self._composed += 1
        line = int(self.line) + 1
        if self._composed > MOST_VALUES:
            raise TreeUnreadable(line, f"has more than {MOST_VALUES} keys and values")
        is_alias = self.check_event(yaml.AliasEvent)
        node: yaml.Node | None = super().compose_node(parent, index)
        if node is not None and not is_alias:
            _check(node)
            self._sizes[id(node)] = _measured(node, [self._sizes[id(each)] for each in _children(node)])
        elif id(node) not in self._sizes:
            raise TreeUnreadable(line, "a value holds itself (& and *)")
        return node

    def construct_value(self, node: yaml.ScalarNode) -> Any:
        """Read a number, a day or a truth value; one that there is not is an error with its place."""
        try:
            return yaml.SafeLoader.yaml_constructors[node.tag](self, node)
        except (ArithmeticError, AttributeError, LookupError, ValueError):
            wrong = f"{node.value!r} {_WRONG[node.tag]}"
            raise yaml.constructor.ConstructorError(None, None, wrong, node.start_mark) from None


for _tag in _WRONG:
    _Loader.add_constructor(_tag, _Loader.construct_value)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _measured(node: yaml.Node, children: list[tuple[int, int]]) -> tuple[int, int]:
    """Return how many values a node stands for when it is written out, and how deep they lie."""
    size = 1 + sum(each for each, _ in children)
    depth = 1 + max((each for _, each in children), default=0)
    line = node.start_mark.line + 1
    if size > MOST_VALUES:
        raise TreeUnreadable(line, f"stands for more than {MOST_VALUES} keys and values when & and * are written out")
    if depth > _DEEPEST:
        raise TreeUnreadable(line, _TOO_DEEP)
    return size, depth


def _check(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode) and node.tag in _WRONG and len(node.value) > _LONGEST_NUMBER:
        raise TreeUnreadable(node.start_mark.line + 1, f"a number of more than {_LONGEST_NUMBER} digits; is it a text?")
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, _ in node.value:
        problem = _key_problem(key, seen)
        if problem:
            raise TreeUnreadable(key.start_mark.line + 1, problem)
        seen.add(key.value)


def _key_problem(key: yaml.Node, seen: set[str]) -> str:
    if not isinstance(key, yaml.ScalarNode):
        return "a key is a list or has keys of its own, where a name is needed"
    if any(unicodedata.category(char) == "Cc" for char in key.value):
        return f"the key {key.value!r} holds a control character"
    if key.tag not in {_STRING, _MERGE}:
        return f"the key {key.value!r} is read as no text; put it in quotes"
    return f"{key.value!r} stands twice" if key.value in seen else ""


def _child(node: yaml.Node, part: Any) -> tuple[yaml.Node, yaml.Node] | None:
    """Return what is named by a key or a number in a node, and where that name stands."""
    if isinstance(node, yaml.MappingNode):
        # What is merged in (<<) stands before what is written out, which wins.
        return next(((key, value) for key, value in reversed(node.value) if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
