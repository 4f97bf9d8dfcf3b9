"""result.json, for machines and monitoring; docs/evidence.md describes it."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.files import is_file, read_beginning, write_whole
from pse_preflight.findings import one_line
from pse_preflight.recording import pack
from pse_preflight.report.facts import Result, in_json, unpacked

FILE_NAME = pack.RESULT

LARGEST_FILE = 64 << 20

_MARKS = (b"<title>SAP trust report", b'<testsuite name="pse-preflight"', b'classname="pse_preflight.checks.')
_LOOKED_AT = 1 << 20
_RESULT_BEGINS = re.compile(rb'\{\s*"format":\s*[0-9]+,\s*"run":')


class ResultUnreadable(PreflightError):
    """A file is no result of a run that can be read here."""


def read(file: Path) -> Result:
    """Read what a run has found: its result.json, or its pack.

    Raises:
        ResultUnreadable: where the file is missing, too large, of another version, or something else.
    """
    try:
        result = unpacked(Result, _inert(json.loads(_content(file))))
        for moment in _moments(result):
            _refuse_no_moment(moment)
        if result.run.at:
            date.fromisoformat(result.run.at)
    except (ValueError, OverflowError, RecursionError):  # a ValidationError is a ValueError
        raise ResultUnreadable(f"{file}: is no result.json of this version of pse-preflight") from None
    return result


def _inert(value: Any, key: str = "") -> Any:
    """Escape what a terminal would obey in every text that another machine wrote; a message alone has lines."""
    if isinstance(value, dict):
        return {name: _inert(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_inert(each) for each in value]
    if isinstance(value, str):
        return "\n".join(map(one_line, value.split("\n"))) if key == "message" else one_line(value)
    return value


def _refuse_no_moment(text: str) -> None:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:  # whoever writes one here names its time zone
        raise ValueError(text)
    moment.astimezone(UTC)


def _content(file: Path) -> bytes:
    if pack.is_pack(file):
        try:
            return pack.content(file, FILE_NAME, LARGEST_FILE)
        except pack.PackUnreadable as error:
            raise ResultUnreadable(str(error)) from None
    try:
        with file.open("rb") as stream:
            content = read_beginning(stream, LARGEST_FILE + 1)
    except OSError as error:
        raise ResultUnreadable(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise ResultUnreadable(f"{file}: is larger than {LARGEST_FILE >> 20} MiB")
    return content


def _moments(result: Result) -> Iterator[str]:
    yield result.run.made
    for facts in (each.facts for each in result.systems if each.facts):
        yield from (facts.judged, *(each for each in (facts.trust_ends, facts.renewal) if each))
        yield from (moment for each in facts.chain for moment in (each.not_before, each.not_after))


def write(result: Result, folder: Path) -> Path:
    """Write what a run found into the evidence folder, whole or not at all.

    Raises:
        OSError: where that is not possible.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return write_whole(folder / FILE_NAME, in_json(result) + "\n")


def remove_older(evidence: Path | None, *files: str | None, packed: str | None = None) -> None:
    """Remove what an earlier run reported, so that nobody takes it for what the present one says.

    What cannot be removed stays.

    Args:
        evidence: the folder of result.json; one that is none of ours stays.
        files: the page and the JUnit report as they were named; what is none of ours stays.
        packed: the pack as it was named; what is none stays.
    """
    with contextlib.suppress(OSError):
        if evidence and is_result(evidence / FILE_NAME):
            (evidence / FILE_NAME).unlink()
    for file in (Path.cwd() / each for each in files if each):
        with contextlib.suppress(OSError):
            if is_report(file):
                file.unlink()
    if packed:
        with contextlib.suppress(OSError):
            file = Path.cwd() / packed
            if is_packed_run(file):
                file.unlink()


def refuse_stranger(option: str, file: Path, is_ours: Callable[[Path], bool]) -> None:
    """Refuse a file that a run would replace, and that none has written; an empty one is nobody's loss.

    Raises:
        UsageProblem: naming the file and the option that names another one.
    """
    if file.exists() and not (is_file(file) and file.stat().st_size == 0) and not is_ours(file):
        raise UsageProblem(f"{file} is there, and pse-preflight has not written it; name another place with {option}")


def is_result(file: Path) -> bool:
    """Tell whether this is a result.json of ours, of any version."""
    return _RESULT_BEGINS.match(_begin(file)) is not None


def is_packed_run(file: Path) -> bool:
    """Tell whether this is a pack of ours that can be read."""
    try:
        return pack.is_pack(file) and bool(read(file))
    except ResultUnreadable:
        return False


def is_report(file: Path) -> bool:
    """Tell whether this is a page or a JUnit report of ours, and not a file that was named by mistake."""
    content = _begin(file)
    return content.startswith(b"<") and any(each in content for each in _MARKS)


def _begin(file: Path) -> bytes:
    """Return what a plain file begins with; nothing where it cannot be read, or is no plain file."""
    try:
        if not is_file(file):
            return b""
        with file.open("rb") as stream:
            return stream.read(_LOOKED_AT)
    except OSError:
        return b""
