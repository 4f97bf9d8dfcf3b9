"""Where things stand on the page's timeline: near days wide, far years narrow. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pse_preflight.report.facts import CertificateFacts, SystemFacts

_NEAR_DAYS = 30.0
_YEAR = 365.25
_MARGIN = 0.04
_CLOSEST = 7.0
_MIDDLE = 50.0
_NARROWEST = 0.6
_TICKS = (
    *((-years * _YEAR, f"-{years} y") for years in (30, 20, 10, 5, 2, 1)),
    (-91.0, "-3 m"),
    (-30.0, "-1 m"),
    (30.0, "+1 m"),
    (91.0, "+3 m"),
    *((years * _YEAR, f"+{years} y") for years in (1, 2, 5, 10, 20, 30)),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """The days of a certificate; left and width in percent."""

    certificate: CertificateFacts
    left: float
    width: float
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment; its place in percent.

    Attributes:
        kind: today, at, end (of trust), or break.
        to_the_left: its label has more room there.
    """

    kind: str
    label: str
    day: str
    left: float

    @property
    def to_the_left(self) -> bool:
        """Tell whether its label has more room on the left."""
        return self.left > _MIDDLE


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of the scale; its place in percent."""

    label: str
    left: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A chain in time."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]


def timeline(facts: SystemFacts, today: datetime, at: str | None, *, is_red: bool, is_judged: bool = True) -> Timeline:
    """Lay out the validity of every certificate of the chain, with today, the go-live day and the break.

    Args:
        is_judged: the checks of trust were made; else nothing is said of its end.
    """
    breaks = _break(facts, is_red=is_red) if is_judged else []
    go_live = [("at", "go-live", datetime.fromisoformat(at).replace(tzinfo=UTC))] if at else []
    moments = [("today", "today", today), *go_live, *breaks]
    ends = [_moment(day) for each in facts.chain for day in (each.not_before, each.not_after)]
    scale = _Scale.around(today, [*ends, *(moment for _, _, moment in moments)])
    marks = tuple(Mark(kind, label, f"{moment:%Y-%m-%d}", scale.place(moment)) for kind, label, moment in moments)
    return Timeline(
        bars=tuple(_bar(each, scale, _moment(facts.judged)) for each in facts.chain),
        marks=marks,
        ticks=_ticks(scale, [mark.left for mark in marks if mark.kind == "today"]),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Days from today to percent; logarithmic on both sides."""

    today: datetime
    first: float
    last: float

    @classmethod
    def around(cls, today: datetime, moments: Iterable[datetime]) -> "_Scale":
        bent = [_bent(_days(today, each)) for each in moments]
        room = (max(bent) - min(bent) or 1.0) * _MARGIN
        return cls(today, min(bent) - room, max(bent) + room)

    def place(self, moment: datetime) -> float:
        return self.place_of(_days(self.today, moment))

    def place_of(self, days: float) -> float:
        share = (_bent(days) - self.first) / (self.last - self.first)
        return round(100 * min(max(share, 0.0), 1.0), 1)


def _days(today: datetime, moment: datetime) -> float:
    return (moment - today) / timedelta(days=1)


def _bent(days: float) -> float:
    return math.copysign(math.log1p(abs(days) / _NEAR_DAYS), days)


def _break(facts: SystemFacts, *, is_red: bool) -> list[tuple[str, str, datetime]]:
    """Return when trust breaks, or broke; where no certificate's end is the reason, that is the judged moment.

    Nothing is returned where it is not known whether the PSE trusts the chain.
    """
    judged = _moment(facts.judged)
    ended = [moment for each in facts.chain if (moment := _moment(each.not_after)) < judged]
    if is_red and ended:
        return [("break", "broken since", min(ended))]
    if facts.trust_ends:
        return [("end", "trust ends", _moment(facts.trust_ends))]
    return [] if facts.trusted is None else [("break", "not trusted", judged)]


def _bar(certificate: CertificateFacts, scale: _Scale, judged: datetime) -> Bar:
    left, right = scale.place(_moment(certificate.not_before)), scale.place(_moment(certificate.not_after))
    width = max(round(right - left, 1), _NARROWEST)
    return Bar(certificate, left, width, has_ended=_moment(certificate.not_after) < judged)


def _ticks(scale: _Scale, taken: Sequence[float]) -> tuple[Tick, ...]:
    places = list(taken)
    ticks = []
    for days, label in sorted(_TICKS, key=lambda tick: abs(tick[0])):
        if not scale.first < _bent(days) < scale.last:
            continue
        left = scale.place_of(days)
        if all(abs(left - place) >= _CLOSEST for place in places):
            places.append(left)
            ticks.append(Tick(label, left))
    return tuple(sorted(ticks, key=lambda tick: tick.left))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
