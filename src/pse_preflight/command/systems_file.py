"""Writing systems.yaml: a new file, or more systems at the end of those of a file that people have written."""

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from pse_preflight.command.invocation import PROGRAM
from pse_preflight.errors import UsageProblem
from pse_preflight.files import is_folder
from pse_preflight.landscape import alias as aliases
from pse_preflight.landscape.file import LARGEST_FILE
from pse_preflight.landscape.tree import Tree, TreeUnreadable, read_tree

_HEAD = f"""\
# systems.yaml: the SAP systems that pse-preflight checks. Written by `{PROGRAM} init`; it is yours to change.
#   {PROGRAM} check {{alias}}

systems:
"""
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class SystemBlock:
    """What stands in the file about one system.

    Attributes:
        keys: the lines below its alias, comments among them.
        remarks: comments that follow it.
    """

    alias: str
    keys: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def lines(self, indent: str) -> Iterator[str]:
        """Yield its lines, the alias this far to the right."""
        yield f"{indent}{quoted(self.alias)}:"
        yield from (f"{indent}{_INDENT}{line}" for line in self.keys)
        yield from (f"# {line}" for line in self.remarks)


def aliases_in(file: Path, *, append: bool) -> list[str]:
    """Return the aliases that the file has already.

    Raises:
        UsageProblem: where a file is there and nothing is to be added to it, or where it cannot be read or written.
    """
    _refuse_folder(file)
    if not file.exists():
        return []
    if not append:
        raise UsageProblem(
            f"{file} is there already and is not overwritten; add to it with --append, or name another with --output"
        )
    try:
        return list(_systems(file, _text(file)))
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror}") from None


def _refuse_folder(file: Path) -> None:
    """Refuse a place where no file can be written, before anything is asked for its sake."""
    if not is_folder(file.parent):
        raise UsageProblem(f"{file} cannot be written: {os.strerror(errno.ENOENT)}")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise UsageProblem(f"{file} cannot be written: {os.strerror(errno.EACCES)}")


def write(file: Path, blocks: Sequence[SystemBlock], *, append: bool) -> None:
    """Write the systems to a new file, or behind those of a file that is there.

    Raises:
        UsageProblem: where that cannot be; then the file is as it was.
    """
    try:
        if append and file.exists():
            _extend(file, blocks)
        else:
            lines = [line for each in blocks for line in each.lines(_INDENT)]
            with file.open("x", encoding="utf-8") as stream:
                stream.write(_HEAD.format(alias=blocks[0].alias) + "".join(f"{line}\n" for line in lines))
    except FileExistsError:
        raise UsageProblem(f"{file} has appeared meanwhile and is not overwritten") from None
    except OSError as error:
        raise UsageProblem(f"{file} cannot be written: {error.strerror}") from None


def alias_for(name: str, taken: Iterable[str]) -> str:
    """Return a name that systems.yaml allows and that is not taken, whatever the case."""
    label = name if name.replace(".", "").isdecimal() else name.partition(".")[0].removesuffix("-api")
    first = re.sub(r"[^A-Za-z0-9._-]", "_", label)[:60].rstrip(".") or "system"
    first = f"_{first}" if aliases.is_device(first) else first
    used = {each.lower() for each in taken}
    numbered = (first if number == 1 else f"{first}-{number}" for number in count(1))
    return next(each for each in numbered if each.lower() not in used and not aliases.problem(each))


def quoted(text: str) -> str:
    """Quote for YAML so that nothing in it is read as anything else; Windows paths stay as they are.

    Raises:
        UsageProblem: for a control character.
    """
    if not text.isprintable():
        raise UsageProblem("a value holds a control character, which systems.yaml may not have")
    return "'" + text.replace("'", "''") + "'"


def one_line(text: str) -> str:
    """Return the text so that a comment holds it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _extend(file: Path, blocks: Sequence[SystemBlock]) -> None:
    """Insert the systems as text, prove that the others have stayed as they were, and replace the file."""
    target = file.resolve()
    text = _text(target)
    extended = _extended(file, text, blocks)
    if not _is_only_added(file, text, extended, [each.alias for each in blocks]):
        raise UsageProblem(f"{file}: nothing can be added to it safely, and it is as it was; add the system by hand")
    _replace(target, extended)


def _is_only_added(file: Path, text: str, extended: str, added: Sequence[str]) -> bool:
    before = _systems(file, text)
    try:
        after = _systems(file, extended)
    except UsageProblem:
        return False
    return list(after) == [*before, *added] and {alias: after[alias] for alias in before} == before


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST_FILE).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageProblem(f"{file}: is not UTF-8 text, and nothing is added to it") from None


def _tree(file: Path, text: str) -> Tree | None:
    """Return what the file says, variables and defaults not applied; None where it says nothing yet."""
    bare = (line.strip("\ufeff \t") for line in text.splitlines())
    if all(not line or line.startswith("#") for line in bare):
        return None
    try:
        return read_tree(text.encode("utf-8"))
    except TreeUnreadable as error:
        raise UsageProblem(f"{file}:{error.line}: {error}; mend it before anything is added to it") from None


def _systems(file: Path, text: str) -> dict[str, Any]:
    tree = _tree(file, text)
    data = tree.data if tree else {}
    systems = data.get("systems") if isinstance(data, dict) else data
    if not isinstance(systems, dict | None):
        raise UsageProblem(f"{file}: has no mapping of systems, and nothing is added to it")
    return systems or {}


def _extended(file: Path, text: str, blocks: Sequence[SystemBlock]) -> str:
    """Return the text with more systems behind the last one of its key `systems`."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    place, indent = _end_of_systems(file, text, lines)
    added = [line for each in blocks for line in each.lines(indent)]
    head = [] if place else ["systems:"]
    return end.join([*lines[: place or len(lines)], *head, *added, *(lines[place:] if place else []), ""])


def _end_of_systems(file: Path, text: str, lines: Sequence[str]) -> tuple[int, str]:
    """Return the number of lines up to the end of the last system, and how far to the right aliases stand.

    No lines where there is no key `systems` at all.
    """
    tree = _tree(file, text)
    if tree is None or not isinstance(tree.node, yaml.MappingNode):
        return 0, _INDENT
    node = tree.node
    key, systems = next(((key, value) for key, value in node.value if key.value == "systems"), (None, None))
    if key is None:
        return 0, _INDENT
    if not isinstance(systems, yaml.MappingNode):
        return key.start_mark.line + 1, _INDENT
    if systems.flow_style or node.flow_style:
        raise UsageProblem(
            f"{file}:{key.start_mark.line + 1}: the systems stand in braces, where nothing is added; write each on a"
            " line of its own"
        )
    column = systems.value[0][0].start_mark.column
    place = _last_line(systems) + 1
    while place < len(lines) and _is_remark_of_system(lines[place], column):
        place += 1
    return place, " " * column


def _last_line(node: yaml.Node) -> int:
    """Return the line on which a node ends; that of a block is told by its last part alone."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1])
    is_block = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    return int(node.end_mark.line) - (1 if is_block else 0)


def _is_remark_of_system(line: str, column: int) -> bool:
    bare = line.lstrip()
    return bare.startswith("#") and len(line) - len(bare) > column


def _replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
            stream.write(text.encode("utf-8"))
        shutil.copymode(file, temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
