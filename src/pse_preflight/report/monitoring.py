"""What monitoring systems are told of runs: a state per system, in the forms that they read. Pure.

Nagios, Icinga and NRPE: the plugin guidelines of the Monitoring Plugins project. Checkmk: local checks, as its manual
describes them. Prometheus: the text format, for the textfile collector of its node exporter.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pse_preflight.checklist import Code
from pse_preflight.findings import one_line
from pse_preflight.report.facts import Result, SystemResult

MAX_AGE_HOURS = 26
"""How old a result may be: a run a day, and two hours for one that starts late."""

_WARNS = (Code.RENEWAL_DUE, Code.ROOT_CHANGE_AHEAD)
_CLOCKS_DIFFER = timedelta(hours=1)
_LONGEST_TEXT = 400
_DAY = timedelta(days=1)


class PluginState(enum.IntEnum):
    """The states of Nagios and Checkmk, and their exit codes."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def gravity(self) -> int:
        """Return how grave it is; what could not be checked comes before what is to be looked at soon."""
        return (PluginState.OK, PluginState.WARNING, PluginState.UNKNOWN, PluginState.CRITICAL).index(self)


@dataclass(frozen=True, slots=True)
class Watched:
    """A system on a machine, as the newest run there has judged it.

    Attributes:
        made: when the run was reported.
        text: why the state is what it is, in one line.
        trust_days, renewal_days: days from now until trust ends, and until the server must have renewed; None where
            that is not known.
    """

    machine: str
    made: datetime
    system: SystemResult
    state: PluginState
    text: str
    trust_days: int | None
    renewal_days: int | None

    @property
    def alias(self) -> str:
        """Return the system's alias."""
        return one_line(self.system.alias)

    @property
    def pse(self) -> str:
        """Return the path of the PSE; empty where nothing is known of the system."""
        return one_line(self.system.facts.pse) if self.system.facts else ""


def watch(results: Iterable[Result], now: datetime, max_age: timedelta) -> tuple[Watched, ...]:
    """Return the state of each system on each machine, by the newest of the results that tell of it.

    Two accounts of a machine may check one alias with a PSE each: an older result about another PSE stands beside the
    newest one, so that no green hides a red.

    Args:
        max_age: how old a result may be; an older one says nothing of today.
    """
    told: dict[tuple[str, str], list[tuple[datetime, SystemResult]]] = {}
    for result in results:
        made = moment(result.run.made)
        for system in result.systems:
            told.setdefault((one_line(result.run.host), one_line(system.alias)), []).append((made, system))
    return tuple(
        _watched(machine, made, system, now, max_age)
        for (machine, _), systems in sorted(told.items())
        for made, system in _newest_of_each_pse(systems)
    )


def _newest_of_each_pse(systems: Iterable[tuple[datetime, SystemResult]]) -> Iterator[tuple[datetime, SystemResult]]:
    pses: set[str] = set()
    for place, (made, system) in enumerate(sorted(systems, key=lambda each: each[0], reverse=True)):
        pse = system.facts.pse if system.facts else ""
        if place == 0 or (pse and pse not in pses):
            yield made, system
        pses.add(pse)


def moment(text: str) -> datetime:
    """Read a moment of a result; one without a time zone is in UTC."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=read.tzinfo or UTC)


def _watched(machine: str, made: datetime, system: SystemResult, now: datetime, max_age: timedelta) -> Watched:
    state, text = _age(made, now, max_age) or _judged(system)
    facts = system.facts
    return Watched(
        machine=machine,
        made=made,
        system=system,
        state=state,
        text=_bounded(text),
        trust_days=_days(facts.trust_ends if facts else None, now),
        renewal_days=_days(facts.renewal if facts else None, now),
    )


def _age(made: datetime, now: datetime, max_age: timedelta) -> tuple[PluginState, str] | None:
    if now - made > max_age:
        hours = int((now - made) / timedelta(hours=1))
        return (
            PluginState.UNKNOWN,
            f"the last result is {hours} hours old ({made:%Y-%m-%d %H:%M} UTC): no run has ended since",
        )
    if made - now > _CLOCKS_DIFFER:
        return (
            PluginState.UNKNOWN,
            f"the result is dated {made:%Y-%m-%d %H:%M} UTC, which is to come: compare the clocks",
        )
    return None


def _judged(system: SystemResult) -> tuple[PluginState, str]:
    """Return the state by the verdict; a warning is what gets worse by itself if nobody acts."""
    ended = {each.ended for each in system.checks}
    if system.is_red and (system.facts is None or "failed" not in ended):
        reasons = [each.reason for each in system.checks if each.ended == "error" and each.reason]
        told = system.decisive.headline if system.decisive else next(iter(reasons), "")
        return PluginState.UNKNOWN, f"could not be checked: {told}" if told else "could not be checked"
    if system.is_red:
        return PluginState.CRITICAL, system.decisive.headline if system.decisive else system.words
    if system.verdict == "NOT JUDGED":
        return PluginState.WARNING, system.words
    until = system.facts.trust_ends if system.facts else None
    ends = f"{system.words}, trusted until {until[:10]}" if until else system.words
    warned = [each for each in (system.facts.findings if system.facts else ()) if each.code in _WARNS]
    return (PluginState.WARNING, f"{ends}; {warned[0].headline}") if warned else (PluginState.OK, ends)


def _days(end: str | None, now: datetime) -> int | None:
    return (moment(end) - now) // _DAY if end else None


def _bounded(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 3]}..."


def nagios(watched: Sequence[Watched]) -> tuple[PluginState, str]:
    """Return the state and the output of a plugin: one line with performance data, then a line per system."""
    worst_first = sorted(watched, key=lambda each: -each.state.gravity)
    if not worst_first:
        return PluginState.UNKNOWN, "SAP TRUST UNKNOWN - no system in the result"
    state = worst_first[0].state
    if len(watched) == 1:
        (only,) = watched
        return state, f"SAP TRUST {state.name} - {_name(only, watched)}: {_inert(only.text)}{_data(only, '')}"
    ill = [each for each in worst_first if each.state]
    counted = f"{len(ill)} of {len(watched)} systems need attention" if ill else f"all {len(watched)} systems are ready"
    first = f"; {_name(ill[0], watched)}: {_inert(ill[0].text)}" if ill else ""
    numbers = " ".join(f"{each.name.lower()}={sum(one.state is each for one in watched)};;;0" for each in PluginState)
    lines = [f"[{each.state.name}] {_name(each, watched)}: {_inert(each.text)}" for each in worst_first]
    data = [_data(each, f"{_name(each, watched)} ").removeprefix(" | ") for each in watched]
    more = " ".join(each for each in data if each)
    return state, "\n".join(
        [
            f"SAP TRUST {state.name} - {counted}{first} | {numbers}",
            *lines[:-1],
            lines[-1] + (f" | {more}" if more else ""),
        ]
    )


def unknown(reason: str) -> str:
    """Return the output of a plugin that could not find out anything."""
    return f"SAP TRUST {PluginState.UNKNOWN.name} - {_inert(_bounded(reason))}"


def _name(each: Watched, among: Sequence[Watched]) -> str:
    others = [one for one in among if one is not each]
    machine = f" on {each.machine}" if any(one.machine != each.machine for one in others) else ""
    same = [one for one in others if (one.machine, one.alias) == (each.machine, each.alias)]
    return _inert(f"{each.alias}{machine}{f' with {each.pse}' if same else ''}")


def _inert(text: str) -> str:
    """Leave out the bar, behind which a monitoring system reads numbers."""
    return text.replace("|", "/")


def _data(each: Watched, before: str) -> str:
    """Return performance data; in a label a quote stands twice, and an equals sign cannot stand (plugin guidelines)."""
    values = {"trust_days": each.trust_days, "renewal_days": each.renewal_days}
    label = before.replace("'", "''").replace("=", "_")
    told = " ".join(f"'{label}{name}'={value}" for name, value in values.items() if value is not None)
    return f" | {told}" if told else ""


def checkmk(watched: Sequence[Watched]) -> str:
    """Return a line per system, for Checkmk's local checks."""
    return "\n".join(_checkmk_line(each, watched) for each in watched)


def checkmk_unknown(reason: str) -> str:
    """Return the line that says why there is no result."""
    return f'{PluginState.UNKNOWN.value} "SAP trust" - {_flat(_bounded(reason))}'


def _checkmk_line(each: Watched, among: Sequence[Watched]) -> str:
    values = {"trust_days": each.trust_days, "renewal_days": each.renewal_days}
    metrics = "|".join(f"{name}={value}" for name, value in values.items() if value is not None)
    name = _flat(_name(each, among)).replace('"', "'")
    return f'{each.state.value} "SAP trust {name}" {metrics or "-"} {_flat(each.text)}'


def _flat(text: str) -> str:
    r"""Leave out backslashes, since Checkmk reads \n as a line end; a path of Windows is one with slashes, too."""
    return text.replace("\\", "/")


def prometheus(watched: Sequence[Watched]) -> str:
    """Return all series in the text format of Prometheus; what is not known has no sample."""
    lines: list[str] = []
    for name, told, samples in _SERIES:
        found = [sample for each in watched for sample in samples(each)]
        if found:
            full = f"pse_preflight_{name}"
            lines += [f"# HELP {full} {told}", f"# TYPE {full} gauge"]
            lines += [f"{full}{{{_labels(labels)}}} {value}" for labels, value in found]
    return "\n".join([*lines, ""])


_Sample = tuple[dict[str, str], int]


def _of(each: Watched, **more: str) -> dict[str, str]:
    facts = each.system.facts
    return {
        "machine": each.machine,
        "system": each.alias,
        "target": one_line(facts.place) if facts else "",
        "pse": each.pse,
        **more,
    }


def _success(each: Watched) -> Iterator[_Sample]:
    yield _of(each), int(each.system.verdict == "OK")


def _trust_ends(each: Watched) -> Iterator[_Sample]:
    if each.system.facts and each.system.facts.trust_ends:
        yield _of(each), _seconds(each.system.facts.trust_ends)


def _server_not_after(each: Watched) -> Iterator[_Sample]:
    servers = [one for one in (each.system.facts.chain if each.system.facts else ()) if one.role == "server"]
    for server in servers[:1]:
        yield _of(each), _seconds(server.not_after)


def _check_state(each: Watched) -> Iterator[_Sample]:
    for check in {one.name: one for one in each.system.checks}.values():
        yield _of(each, check=one_line(check.name)), _ENDS.index(check.ended)


def _finding_info(each: Watched) -> Iterator[_Sample]:
    told = {(one.code, one.severity, one.check) for one in (each.system.facts.findings if each.system.facts else ())}
    for code, severity, check in sorted(told):
        yield _of(each, check=one_line(check), code=one_line(code), severity=severity), 1


def _run_timestamp(each: Watched) -> Iterator[_Sample]:
    yield _of(each), int(each.made.timestamp())


_ENDS = ("passed", "skipped", "failed", "error")
_SERIES: tuple[tuple[str, str, Callable[[Watched], Iterator[_Sample]]], ...] = (
    ("success", "Whether the verdict is OK (1); FAILED and NOT JUDGED are 0.", _success),
    ("trust_ends_timestamp_seconds", "When the trust of the client in the system ends.", _trust_ends),
    ("server_not_after_timestamp_seconds", "When the certificate of the server ends.", _server_not_after),
    ("check_state", "How a check ended: 0 passed, 1 skipped, 2 failed, 3 could not be made.", _check_state),
    ("finding_info", "A finding, always 1.", _finding_info),
    ("run_timestamp_seconds", "When the run was reported.", _run_timestamp),
)


def _seconds(text: str) -> int:
    return int(moment(text).timestamp())


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
