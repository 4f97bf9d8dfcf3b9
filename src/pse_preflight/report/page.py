"""The page for people: one file that needs no other, and works without its script."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import jinja2

from pse_preflight.files import write_whole
from pse_preflight.report.facts import CheckFacts, Ended, FindingFacts, Result, SystemResult
from pse_preflight.report.timeline import Timeline, timeline

_QUESTIONS = {
    "url": "URL",
    "chain": "Certificate chain",
    "client": "Client",
    "pk_list": "Certificate list",
    "pse": "PSE",
    "trust": "Trust",
    "websocket_rfc": "RFC",
}
_ENDS: Mapping[Ended, str] = {
    "passed": "passed",
    "failed": "failed",
    "error": "could not be checked",
    "skipped": "skipped",
}
_SIGNS: Mapping[Ended, str] = {
    "passed": "\N{CHECK MARK}",
    "failed": "\N{MULTIPLICATION X}",
    "error": "!",
    "skipped": "\N{MIDDLE DOT}",
}
_SPELLED = {word.lower(): word for word in ("URL", "API", "HTTPS", "TLS", "PSE", "PK", "PIN", "RFC", "WebSocket")}
_ONE_DAY = 86_400
_DAYS_OF_A_YEAR, _MANY_DAYS = 365.25, 730


@dataclass(frozen=True, slots=True)
class Column:
    """A check as a column of the overview."""

    name: str
    title: str
    first_of_group: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring columns of one question."""

    title: str
    span: int


@dataclass(frozen=True, slots=True)
class View:
    """A system as the page shows it."""

    anchor: str
    system: SystemResult
    findings: tuple[FindingFacts, ...]
    timeline: Timeline | None
    by_name: Mapping[str, CheckFacts]

    @property
    def mood(self) -> str:
        """Return the class that colours the verdict; one that was not judged is neither good nor bad."""
        return {"OK": "good", "FAILED": "bad"}.get(self.system.verdict, "unjudged")

    @property
    def why_unknown(self) -> str:
        """Return why the system could not be judged, where a check says so."""
        return next((each.reason for each in self.system.checks if each.reason), "")


def write_page(result: Result, page: Path) -> Path:
    """Write the page.

    Raises:
        OSError: where that is not possible.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(page, render(result))


def render(result: Result) -> str:
    """Return the page; every text in it is escaped, and its policy lets nothing in from elsewhere."""
    views = [_view(number, each, result) for number, each in enumerate(result.systems, 1)]
    columns = _columns(result.systems)
    style, script = _part("page.css") + _places(views), _part("page.js")
    return _template().render(
        result=result,
        views=views,
        columns=columns,
        groups=_groups(columns, result.systems),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        red=[each for each in views if each.system.is_red],
        unjudged=[each for each in views if each.system.verdict == "NOT JUDGED"],
    )


def _view(number: int, system: SystemResult, result: Result) -> View:
    facts = system.facts
    today = datetime.fromisoformat(result.run.made)
    shown = facts is not None and facts.chain
    return View(
        anchor=f"system-{number}",
        system=system,
        findings=tuple(sorted(facts.findings if facts else (), key=lambda each: _rank(each, system))),
        timeline=timeline(facts, today, result.run.at, is_red=system.is_red) if facts and shown else None,
        by_name={each.name: each for each in system.checks},
    )


def _rank(found: FindingFacts, system: SystemResult) -> tuple[bool, int]:
    return found != system.decisive, -found.grade


def _columns(systems: Sequence[SystemResult]) -> tuple[Column, ...]:
    asked = {each.name: each.question for system in systems for each in system.checks}
    ordered = sorted(asked, key=lambda name: (_order(asked[name]), list(asked).index(name)))
    starts = {next(iter(names)) for _, names in groupby(ordered, key=lambda name: asked[name])}
    return tuple(Column(name, title(name), first_of_group=name in starts) for name in ordered)


def _groups(columns: Iterable[Column], systems: Sequence[SystemResult]) -> tuple[Group, ...]:
    asked = {each.name: each.question for system in systems for each in system.checks}
    return tuple(
        Group(_QUESTIONS.get(question, question), len(list(names)))
        for question, names in groupby(columns, key=lambda column: asked[column.name])
    )


def _order(question: str) -> int:
    return ("url", "chain", "pse", "pk_list", "trust", "websocket_rfc").index(question) if question in _ASKED else 9


_ASKED = frozenset({"url", "chain", "pse", "pk_list", "trust", "websocket_rfc"})


def title(check: str) -> str:
    """Return the name of a check in words."""
    return " ".join(_SPELLED.get(word, word) for word in check.removeprefix("test_").split("_"))


def _days(day: str, since: str) -> str:
    """Return how far a day is from the judged one, in words."""
    days = round((datetime.fromisoformat(day) - datetime.fromisoformat(since)).total_seconds() / _ONE_DAY)
    number, unit = (abs(days), "day") if abs(days) < _MANY_DAYS else (round(abs(days) / _DAYS_OF_A_YEAR), "year")
    span = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"in {span}" if days >= 0 else f"{span} ago"


def _places(views: Iterable[View]) -> str:
    """Return the rules that put bars, marks and ticks in their places; the policy forbids style attributes."""
    lines = [each.timeline for each in views if each.timeline]
    lefts = {each.left for line in lines for each in line.bars}
    lefts |= {each.left for line in lines for each in line.marks}
    lefts |= {each.left for line in lines for each in line.ticks}
    widths = {bar.width for line in lines for bar in line.bars}
    rules = [
        f".{place('l', left)}{{left:{left}%}}.{place('r', left)}{{right:{100 - left:.1f}%}}" for left in sorted(lefts)
    ]
    return "\n".join([*rules, *(f".{place('w', width)}{{width:{width}%}}" for width in sorted(widths)), ""])


def place(kind: str, percent: float) -> str:
    """Return the class that stands for a place or a width."""
    return f"{kind}{round(percent * 10)}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _part(name: str) -> str:
    return files("pse_preflight.report").joinpath(name).read_text(encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"days": _days, "title_of": title}
    environment.globals |= {"place": place, "ends": _ENDS, "signs": _SIGNS}
    return environment.from_string(_part("page.html"))
