"""The page for people: one file that needs no other, and works without its script."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import jinja2

from pse_preflight.files import write_whole
from pse_preflight.options import SeverityWord
from pse_preflight.report.facts import Ended, FindingFacts, Result, RunFacts, SystemResult, SystemVerdict
from pse_preflight.report.timeline import Timeline, timeline

_QUESTIONS = {
    "url": "URL",
    "chain": "Chain",
    "pse": "PSE",
    "pk_list": "Certificate list",
    "trust": "Trust",
    "websocket_rfc": "RFC",
    "client": "Client",
}
"""What the checks ask, in the order in which a connection comes about."""
_ENDS: Mapping[Ended, str] = {
    "passed": "passed",
    "failed": "failed",
    "error": "could not be checked",
    "skipped": "skipped",
}
_SIGNS: Mapping[Ended, str] = {
    "failed": "\N{MULTIPLICATION X}",
    "error": "!",
    "passed": "\N{CHECK MARK}",
    "skipped": "\N{MIDDLE DOT}",
}
"""The sign of each end, the worst end first."""
_MOODS: Mapping[SystemVerdict, str] = {"FAILED": "bad", "NOT JUDGED": "unjudged", "OK": "good"}
"""The class of each verdict, the worst first."""
_GRAVITY: Mapping[SeverityWord, str] = {
    "blocker": "the connection fails",
    "major": "fails soon, or is unsafe",
    "minor": "worth knowing",
}
_DAY = 10
_A_DAY = re.compile(r"(\b\d{4}-\d\d-\d\d\b)")
_FEW = 2
_SPELLED = {word.lower(): word for word in ("URL", "API", "HTTPS", "TLS", "PSE", "PK", "PIN", "RFC", "WebSocket")}
_ONE_DAY = 86_400
_DAYS_OF_A_YEAR, _MANY_DAYS = 365.25, 730


@dataclass(frozen=True, slots=True)
class Cell:
    """How the checks of one question ended for one system.

    Attributes:
        ended: the worst end of any of them; None where systems.yaml gives none of them anything to judge.
        codes: what turned them red.
    """

    ended: Ended | None
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A system as the page shows it.

    Attributes:
        target: the name that links to it have.
    """

    target: str
    system: SystemResult
    findings: tuple[FindingFacts, ...]
    timeline: Timeline | None
    cells: Mapping[str, Cell]

    @property
    def mood(self) -> str:
        """Return the class that colours the verdict; one that was not judged is neither good nor bad."""
        return _MOODS[self.system.verdict]

    @property
    def ends(self) -> str:
        """Return the day on which a trust ends that was judged; empty where there is none."""
        facts = self.system.facts
        known = facts and facts.trusted and self.system.verdict != "NOT JUDGED"
        return (facts.trust_ends or "")[:_DAY] if facts and known else ""

    def rank(self, found: FindingFacts) -> tuple[bool, int]:
        """Return the place of a finding: the one to mend first, then the graver ones."""
        return found != self.system.decisive, -found.grade


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done about one code, for every system that has it."""

    code: str
    grade: int
    affected: tuple[tuple[View, FindingFacts], ...]

    @property
    def differs(self) -> bool:
        """Tell whether something else was seen of one system than of another."""
        return len({found.observed for _, found in self.affected}) > 1


@dataclass(frozen=True, slots=True)
class Doer:
    """Somebody who has something to do, the gravest first."""

    who: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class MachineRow:
    """What one run has found on its machine, by the aliases of the systems.

    Attributes:
        views: None where the run was not asked about the system.
    """

    run: RunFacts
    views: Mapping[str, View | None]


def write_page(results: Sequence[Result], page: Path) -> Path:
    """Write the page of one run, or one that joins the runs of many machines.

    Raises:
        OSError: where that is not possible.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(page, render(*results))


def render(*results: Result) -> str:
    """Return the page; every text in it is escaped, and its policy lets nothing in from elsewhere."""
    views, machines = _views(results)
    style, script = _part("page.css") + _places(views), _part("page.js")
    return _template().render(
        runs=[each.run for each in results],
        machines=machines if len(results) > 1 else (),
        aliases=list(machines[0].views) if machines else [],
        not_checked=list(dict.fromkeys(each for result in results for each in result.not_checked)),
        headline=headline(views),
        mood=_MOODS[next(verdict for verdict in _MOODS if verdict in {each.verdict for each in results})],
        views=views,
        open_views=[each for each in views if each.mood != "good" and not each.system.is_untouched],
        untouched=[each.system.alias for each in views if each.system.is_untouched],
        healthy=[each for each in views if each.mood == "good"],
        doers=_doers(views),
        lost=[each for each in views if each.system.is_red and not each.system.red_findings],
        unconfigured=sorted({key for each in views for key in each.system.unconfigured}),
        questions=[(name, words) for name, words in _QUESTIONS.items() if any(name in each.cells for each in views)],
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def headline(views: Sequence[View]) -> str:
    """Return what has to be known if nothing else is read: names and days."""
    red, unjudged = ([each for each in views if each.mood == mood] for mood in ("bad", "unjudged"))
    told = [_count(red, len(views), ("is", "are"), "not ready")] if red else []
    told += [_count(unjudged, len(views), ("was", "were"), "not judged")] if unjudged else []
    ends = sorted((each.ends, each.system.alias) for each in views if each.ends)
    if not told and len(views) == 1:
        return f"{views[0].system.alias} is ready{f', trusted until {ends[0][0]}' if ends else ''}"
    told = told or [f"All {len(views)} systems are ready"]
    return "; ".join([*told, *([f"the next trust to end: {_first(ends)}"] if ends else [])])


def _first(ends: Sequence[tuple[str, str]]) -> str:
    """Name the first system whose trust ends, and count those that end with it."""
    day, alias = ends[0]
    others = sum(other == day for other, _ in ends) - 1
    return f"{alias}{f' and {others} more' if others else ''} on {day}"


def _count(views: Sequence[View], every: int, verbs: tuple[str, str], what: str) -> str:
    """Name one or two systems, and count more."""
    if len(views) > _FEW:
        return f"{len(views)} of {every} {what}"
    names = " and ".join(each.system.alias for each in views)
    return f"{names} {verbs[len(views) > 1]} {what}{f' ({len(views)} of {every})' if every > len(views) else ''}"


def _views(results: Sequence[Result]) -> tuple[list[View], list[MachineRow]]:
    """Return every system as it is shown, the worst first, and what each run has found."""
    asked = [(result, system) for result in results for system in result.systems]
    asked.sort(key=lambda pair: list(_MOODS).index(pair[1].verdict))
    rows: dict[int, dict[str, View | None]] = {
        id(result): dict.fromkeys(sorted({system.alias for _, system in asked})) for result in results
    }
    views = []
    for number, (result, system) in enumerate(asked, 1):
        name = f"{system.alias} on {result.run.machine}" if len(results) > 1 else system.alias
        views.append(_view(number, replace(system, alias=name), result))
        rows[id(result)][system.alias] = views[-1]
    return views, [MachineRow(each.run, rows[id(each)]) for each in results]


def _view(number: int, system: SystemResult, result: Result) -> View:
    facts = system.facts
    today = datetime.fromisoformat(result.run.made)
    shown = facts is not None and facts.chain
    view = View(
        target=f"system-{number}",
        system=system,
        findings=facts.findings if facts else (),
        timeline=_timeline(system, today, result.run.at) if shown else None,
        cells={name: cell for name in _QUESTIONS if (cell := _cell(system, name))},
    )
    return replace(view, findings=tuple(sorted(view.findings, key=view.rank)))


def _timeline(system: SystemResult, today: datetime, at: str | None) -> Timeline | None:
    if system.facts is None:
        return None
    is_judged = system.verdict != "NOT JUDGED"
    return timeline(system.facts, today, at, is_red=system.is_red, is_judged=is_judged)


def _cell(system: SystemResult, question: str) -> Cell | None:
    """Return how a question was answered; None where it was not asked in this run."""
    checks = [each for each in system.checks if each.question == question]
    if not checks:
        return None
    ends = [each.ended for each in checks if not each.unconfigured]
    red = [each for each in checks if each.ended in {"failed", "error"}]
    codes = dict.fromkeys(code for each in red for code in each.codes[:1])
    return Cell(next((ended for ended in _SIGNS if ended in ends), None), tuple(codes))


def _doers(views: Iterable[View]) -> tuple[Doer, ...]:
    """Group what is red by who can mend it, and by what it is; the gravest first."""
    red = [(view, found) for view in views for found in view.system.red_findings]
    tasks: dict[str, dict[str, list[tuple[View, FindingFacts]]]] = {}
    for view, found in sorted(red, key=lambda pair: -pair[1].grade):
        tasks.setdefault(found.who, {}).setdefault(found.code, []).append((view, found))
    return tuple(
        Doer(who, tuple(Task(code, found[0][1].grade, tuple(found)) for code, found in codes.items()))
        for who, codes in tasks.items()
    )


def title(check: str) -> str:
    """Return the name of a check in words."""
    return " ".join(_SPELLED.get(word, word) for word in check.removeprefix("test_").split("_"))


def _days(day: str, since: str) -> str:
    """Return how far a day is from the judged one, in words."""
    days = round((datetime.fromisoformat(day) - datetime.fromisoformat(since)).total_seconds() / _ONE_DAY)
    number, unit = (abs(days), "day") if abs(days) < _MANY_DAYS else (round(abs(days) / _DAYS_OF_A_YEAR), "year")
    span = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"in {span}" if days >= 0 else f"{span} ago"


def _by_days(text: str) -> list[tuple[str, str]]:
    """Return the parts of a text, each with the day that follows it; a day is to stay on one line."""
    parts = [*_A_DAY.split(text), ""]
    return list(zip(parts[::2], parts[1::2], strict=True))


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
    environment.filters |= {"days": _days, "title_of": title, "by_days": _by_days}
    environment.globals |= {"place": place, "ends": _ENDS, "signs": _SIGNS, "gravity": _GRAVITY}
    return environment.from_string(_part("page.html"))
