"""The order of steps for one system, all selected systems at once, each PSE handled once."""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from pse_preflight.certificate import Certificate
from pse_preflight.chain import judge as chain
from pse_preflight.chain.judge import Judgement, Period
from pse_preflight.chain.roots import Roots, listed_roots, named_roots, pinned_roots, said_of, with_saps
from pse_preflight.chain.sap_roots import Change as RootChange
from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.checklist import CODES, Code, Severity
from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse import maker as client_pse
from pse_preflight.client_pse.maker import ClientPse, Contribution, Maker
from pse_preflight.endpoint import fetch, observation, reading, thorough
from pse_preflight.endpoint import live as live_handshake
from pse_preflight.endpoint.model import Endpoint, Limits, LiveHandshake, Target
from pse_preflight.findings import Finding
from pse_preflight.landscape.system import System
from pse_preflight.recording.folder import Folder, Recording, Replay
from pse_preflight.recording.format import PseSource, RecordedPse, Seen, changes_between, readable, recorded, roots_of
from pse_preflight.sapgenpse.tool import Tool, ToolError, ToolMissing, find_tool
from pse_preflight.settings import Engine, Settings
from pse_preflight.verdict import trust
from pse_preflight.verdict.changes import MOST_KEPT, Change
from pse_preflight.verdict.trust import Remedy, Trust

if TYPE_CHECKING:
    from pse_preflight.client.look import ClientSide

MOST_AT_ONCE = 128
"""How many systems are asked at the same time; each has at most two connections."""

_Answer = TypeVar("_Answer")

_MOST_FETCHES = 2
_INTERRUPTIBLE_SECONDS = 0.5  # on Windows Ctrl-C is not seen while a lock is waited for without an end
_DAY = timedelta(days=1) - timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is known of one system; every verdict follows from it.

    Attributes:
        system: what was asked about.
        period: when everything has to hold: the moment of the run, or the day that --at names.
        endpoint: what the first connection showed; None where the URL forbids asking.
        roots: what the chain was judged by.
        judgement: the chain, judged.
        pse: the client PSE.
        trust: the PSE's list against the chain.
        live: what the second connection showed, which trusts the PSE alone; None where there was none.
        findings: all findings, each once.
        not_created_for: the finding about the chain for which a missing PSE was not made.
        folder: where the files about this system are.
        changes: what had changed from run to run, the oldest first.
        replayed: the recording that all of this was judged by; None where the system itself was asked.
        client: the client's own side; None where nothing is said of it, or a recording is judged.
    """

    system: System
    period: Period
    endpoint: Endpoint | None
    roots: Roots
    judgement: Judgement
    pse: ClientPse
    trust: Trust
    live: LiveHandshake | None
    findings: tuple[Finding, ...]
    not_created_for: Finding | None
    folder: Path
    changes: tuple[Change, ...] = ()
    replayed: Recording | None = None
    client: "ClientSide | None" = None


class Gathering:
    """Gathers the evidence of systems, all at once when the first is asked for."""

    def __init__(
        self,
        systems: Iterable[System],
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        asked: Collection[str],
        creating: Collection[str],
        replays: Mapping[str, Replay] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Know the systems; none is asked before its evidence is.

        Args:
            asked: aliases of the systems whose network may be asked.
            creating: aliases of the systems whose missing PSE may be made.
            replays: the recordings to judge in place of the systems, by alias.
        """
        self._replays = replays or {}
        self.progress: Callable[[int, int], None] = lambda _done, _all: None
        """Told now and then how many of how many systems are done, while somebody waits."""
        self.tool = _find_tool(settings)
        self._steps = _Steps(settings, limits or Limits(), clock, frozenset(asked), frozenset(creating))
        self._places = threading.Semaphore(MOST_AT_ONCE)
        self._runs = {system.alias: _Run(system) for system in systems}
        self._shared = {self._shared_by(run.system): _SharedPse() for run in self._runs.values()}
        for run in self._runs.values():
            self._shared[self._shared_by(run.system)].members += 1
        self._starting = threading.Lock()

    def start(self) -> None:
        """Begin to ask every system; none waits for another, but for those it shares a missing PSE with."""
        with self._starting:
            idle = [run for run in self._runs.values() if run.thread is None]
            for run in idle:
                run.thread = threading.Thread(target=self._work, args=(run,), name=run.system.alias, daemon=True)
        for run in idle:
            if run.thread:
                run.thread.start()

    def evidence(self, alias: str) -> Evidence:
        """Return the evidence of a system; the first call asks all of them.

        Raises:
            PreflightError: where the system cannot be judged at all; its roots cannot be read, for example.
        """
        self.start()
        run = self._runs[alias]
        while not run.done.wait(_INTERRUPTIBLE_SECONDS):
            self.progress(sum(each.done.is_set() for each in self._runs.values()), len(self._runs))
        if run.evidence is None:
            raise run.error or RuntimeError(f"{alias} was not asked")
        return run.evidence

    def _work(self, run: "_Run") -> None:
        shared = self._shared[self._shared_by(run.system)]
        try:
            run.evidence = self._gather(run.system, shared)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for this system
            run.error = error
        finally:
            shared.leave(run.system.alias)
            run.done.set()

    def _shared_by(self, system: System) -> object:
        """Return what systems of one PSE have in common; recordings stand each for itself."""
        return system.alias if system.alias in self._replays else system.pse

    def _gather(self, system: System, shared: "_SharedPse") -> Evidence:
        replay = self._replays.get(system.alias)
        steps = _ReplayedSteps(self._steps, replay) if replay else self._steps
        maker = steps.maker(self.tool)
        with self._places:
            system.prepare()
            seen = steps.observe(system)
            before = shared.look(system, maker)
            judged = steps.judge(system, seen, before)
        contribution, cause = steps.contribution(system, judged)
        pse = shared.join(contribution, maker, repairing=steps.settings.repair)
        folder = Folder(steps.settings.evidence / system.alias)
        last = None if replay else folder.last()
        files = folder.begin(judged.presented, judged.judgement.path)
        files |= folder.add("successor", steps.successors(judged))
        remedy = Remedy(maker.program, system.pse, files, maker.repair_options if _is_addable(judged) else "")
        judged, verdict = steps.verdict(judged, pse, remedy)
        with self._places:
            live = steps.handshake(system, seen, judged.judgement, verdict)
        side = steps.client_side(system, pse)
        evidence = Evidence(
            system=system,
            period=judged.period,
            endpoint=seen,
            roots=judged.roots,
            judgement=judged.judgement,
            pse=pse,
            trust=verdict,
            live=live,
            findings=_in_order((*steps.findings(judged, seen, pse, verdict, live), *(side.findings if side else ()))),
            not_created_for=None if pse.is_there else cause,
            folder=folder.path,
            changes=replay.recording.changes if replay else (),
            replayed=replay.recording if replay else None,
            client=side,
        )
        folder.write_fixes(system.alias, evidence.findings)
        return evidence if replay else steps.record(folder, evidence, judged, last)


@dataclass(slots=True)
class _Run:
    """One system being asked by a thread of its own."""

    system: System
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    evidence: Evidence | None = None
    error: BaseException | None = None


class _SharedPse:
    """A PSE and the systems that use it: looked at once, made or repaired once, from what all of them contribute."""

    def __init__(self) -> None:
        self.members = 0
        self._before: ClientPse | None = None
        self._after: ClientPse | None = None
        self._contributions: dict[str, Contribution | None] = {}
        self._looking = threading.Lock()
        self._arrival = threading.Condition()

    def look(self, system: System, maker: PseSource) -> ClientPse:
        """Return the PSE as it was before the run."""
        with self._looking:
            if self._before is None:
                self._before = maker.look(system)
            return self._before

    def join(self, contribution: Contribution, maker: PseSource, *, repairing: bool) -> ClientPse:
        """Return the PSE that is there; a missing or lacking one is mended when the last system has contributed."""
        before = self.look(contribution.system, maker)
        if before.is_there and not repairing:
            return before
        with self._arrival:
            self._contributions[contribution.system.alias] = contribution
            self._arrival.notify_all()
            self._arrival.wait_for(lambda: len(self._contributions) == self.members)
            if self._after is None:
                given = [each for each in self._contributions.values() if each]
                self._after = maker.repair(before, given) if before.is_there else maker.make(given)
            return self._after

    def leave(self, alias: str) -> None:
        """Let the others go on without a system that contributes nothing."""
        with self._arrival:
            self._contributions.setdefault(alias, None)
            self._arrival.notify_all()


@dataclass(frozen=True, slots=True)
class _Judged:
    """A chain judged, with what it takes to judge it again at another time."""

    system: System
    presented: tuple[bytes, ...]
    fetched: tuple[bytes, ...]
    roots: Roots
    period: Period
    judgement: Judgement
    no_chain: Finding | None = None
    """The finding about the connection for which there is no chain to judge."""

    @property
    def sent(self) -> tuple[Certificate, ...]:
        """Return what the server sent, but for what no strict reader accepts."""
        return readable(self.presented)


class _Patience:
    """The seconds that one system may still cost on the network; what else is waited for does not count."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.whole

    def spend(self, ask: Callable[[Limits], _Answer]) -> _Answer:
        """Ask within what is left."""
        begin = monotonic()
        try:
            return ask(self.limits.at_most(self._left))
        finally:
            self._left -= monotonic() - begin


class _Steps:
    """Every step for one system; what they share is settled once per run."""

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        clock: Callable[[], datetime],
        asked: frozenset[str],
        creating: frozenset[str],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._asked = asked
        self._creating = creating
        self._patience: Mapping[str, _Patience] = defaultdict(lambda: _Patience(limits))
        self._faces: dict[str, tuple[Endpoint, ...]] = {}
        self._named_roots = cache(named_roots)
        self._sap_roots = sap_roots(settings.sap_roots)

    def maker(self, tool: Tool | ToolError) -> PseSource:
        """Return what looks at the PSE, and makes it."""
        return Maker(tool, self.settings, self.clock())

    def observe(self, system: System) -> Endpoint | None:
        """Ask the system, unless its URL forbids it or no selected check needs it."""
        if not system.url.askable or system.alias not in self._asked:
            return None
        target, patience = _target(system), self._patience[system.alias]
        if self.settings.thorough:
            self._faces[system.alias] = thorough.observe_every(target, patience.limits, self.clock)
        return patience.spend(lambda limits: observation.observe(target, limits, self.clock))

    def judge(self, system: System, seen: Endpoint | None, before: ClientPse) -> _Judged:
        """Judge the chain; fetch what the server forgot, and judge again."""
        presented = seen.presented if seen else ()
        fetched: tuple[bytes, ...] = ()
        asked: list[str] = []
        while True:
            roots = self._roots(system, before, readable((*presented, *fetched)))
            judged = self._judged(system, presented, fetched, roots)
            wanted = [each for each in judged.judgement.wanted if each not in asked][: _MOST_FETCHES - len(asked)]
            if not wanted:
                return replace(judged, no_chain=_no_chain(seen))
            asked += wanted
            fetched += self._fetch(system, wanted)

    def client_side(self, system: System, pse: ClientPse) -> "ClientSide | None":
        """Look at the client's own side, where systems.yaml says something about it."""
        if system.client is None:
            return None
        from pse_preflight.client import look as client

        return client.look(system, pse_is_there=pse.is_there)

    def _foreign(self, system: System) -> Finding | None:
        """Return the finding that this machine is not the client's."""
        if system.client is None or not system.client.hosts:
            return None
        from pse_preflight.client import look as client

        return client.wrong_host(system)

    def contribution(self, system: System, judged: _Judged) -> tuple[Contribution, Finding | None]:
        """Return what the system gives to a missing PSE, and the finding for which it gives nothing."""
        foreign = self._foreign(system)
        if foreign:
            return Contribution(system, refusal=f"the client of {system.alias} runs on another machine"), foreign
        refusal = self._refusal(system, judged.roots)
        if refusal:
            return Contribution(system, refusal=refusal), None
        cause = judged.no_chain or _creation_cause(judged.judgement)
        if cause is not None and cause.severity is Severity.MINOR:
            refusal = f"the chain of {system.alias} is re-signed by a TLS-inspecting proxy"
            return Contribution(system, refusal=refusal), None
        if cause is not None or not judged.judgement.path:
            code = cause.code if cause else "no answer"
            return Contribution(system, refusal=f"the chain of {system.alias} is not verified ({code})"), cause
        leaf, *issuers = judged.judgement.path
        wanted = (*reversed(issuers), leaf) if system.include_leaf or not issuers else tuple(reversed(issuers))
        return Contribution(system, wanted), None

    def successors(self, judged: _Judged) -> tuple[Certificate, ...]:
        """Return the announced successors of the server's root, as far as Mozilla's list has them."""
        wanted = {each.sha256 for each in self._changes(judged)}
        return tuple(each for each in self._named_roots("mozilla").certificates if each.sha256 in wanted)

    def verdict(self, judged: _Judged, pse: ClientPse, remedy: Remedy) -> tuple[_Judged, Trust]:
        """Hold the PSE's list against the chain, at the time that is to be judged.

        Where only certificates that the server renews by itself have ended on the day that --at names, the chain of
        today stands for the one of that day.
        """
        verdict = self._trust(judged, pse, remedy)
        if self.settings.at is None or verdict.path:
            return judged, verdict
        moment = self.clock()
        today = self._judged(judged.system, judged.presented, judged.fetched, judged.roots, Period(moment, moment))
        trusted = self._trust(today, pse, remedy)
        judge_holds = all(judged.period.end <= each.not_after for each in today.judgement.path[-1:])
        if judge_holds and trusted.outlasts_renewals(judged.period):
            return replace(today, period=judged.period), trusted
        return judged, verdict

    def handshake(
        self, system: System, seen: Endpoint | None, judgement: Judgement, verdict: Trust
    ) -> LiveHandshake | None:
        """Connect with trust in the PSE alone, where the list anchors the chain and the present is judged."""
        if seen is None or not verdict.path or not judgement.names_host or self.settings.at is not None:
            return None
        anchors = [each.der for each in verdict.anchors]
        ask = partial(live_handshake.handshake, _target(system), anchors, clock=self.clock, websocket=True)
        return self._patience[system.alias].spend(lambda limits: ask(limits=limits, address=seen.address))

    def findings(
        self, judged: _Judged, seen: Endpoint | None, pse: ClientPse, verdict: Trust, live: LiveHandshake | None
    ) -> tuple[Finding, ...]:
        """Return all findings about one system, each once, in the order of the checks."""
        system = judged.system
        lasting = trust.lasting_findings(verdict, judged.judgement.path, judged.period, system.expiry_days)
        about_pse = (
            *self._about_file(pse, system, judged),
            client_pse.unconfirmed(pse, system, self._engine()),
            client_pse.disagreement(pse),
        )
        found = (
            *system.url_findings,
            *(reading.findings_of(seen) if seen else ()),
            *thorough.differences_of(self._faces.get(system.alias, ())),
            *(() if judged.no_chain else judged.judgement.findings),
            *said_of(judged.roots, system.url.host),
            *lasting,
            *pse.findings,
            *(each for each in about_pse if each),
            *(verdict.findings if pse.listing is not None else ()),
            *((*reading.handshake_findings(live), *reading.websocket_findings(live)) if live else ()),
        )
        return _in_order(found)

    def record(self, folder: Folder, evidence: Evidence, judged: _Judged, last: Recording | None) -> Evidence:
        """Write down what was seen; what is otherwise than in the last recording is part of the evidence."""
        seen = Seen(
            system=evidence.system,
            engine=self.settings.engine,
            endpoint=evidence.endpoint,
            fetched=judged.fetched,
            roots=evidence.roots,
            pse=evidence.pse,
            live=evidence.live,
        )
        recording = recorded(seen, self.clock())
        kept = (*last.changes, *changes_between(last, recording)) if last else ()
        folder.record(replace(recording, changes=kept[-MOST_KEPT:]))
        return replace(evidence, changes=kept[-MOST_KEPT:])

    def _roots_named(self, text: str) -> Roots:
        return self._named_roots(text)

    def _about_file(self, pse: ClientPse, system: System, judged: _Judged) -> Iterable[Finding]:
        found = pse_condition.findings(pse.condition, system.dn, judged.period.start)
        if system.client is None or system.client.group is None:
            return found
        from pse_preflight.client import look as client

        return client.without_intended(found, system)

    def _engine(self) -> Engine:
        return self.settings.engine

    def _fetch(self, system: System, wanted: Sequence[str]) -> tuple[bytes, ...]:
        ask = partial(fetch.fetch_certificates, wanted, _target(system))
        return self._patience[system.alias].spend(lambda limits: ask(limits=limits))

    def _judged(
        self,
        system: System,
        presented: tuple[bytes, ...],
        fetched: tuple[bytes, ...],
        roots: Roots,
        period: Period | None = None,
    ) -> _Judged:
        period = period or self._period()
        question = chain.Question(
            host=system.url.host,
            presented=presented,
            roots=roots.certificates,
            roots_name=roots.name,
            period=period,
            fetched=fetched,
            sap_domain=system.url.is_sap_cloud,
            sap_roots=self._sap_roots,
            inspection_accepted=roots.explicit,
            partial=roots.from_pse,
            mozilla=self._mozilla() if system.url.is_sap_cloud or system.roots == "mozilla" else frozenset(),
        )
        return _Judged(system, presented, fetched, roots, period, chain.judge(question))

    def _trust(self, judged: _Judged, pse: ClientPse, remedy: Remedy) -> Trust:
        system = judged.system
        return trust.judge(
            trust.Question(
                entries=pse.entries,
                judgement=judged.judgement,
                presented=judged.sent,
                host=system.url.host,
                period=judged.period,
                include_leaf=system.include_leaf,
                required_roots=system.required_roots,
                changes=self._changes(judged),
                accepted=frozenset(each.sha256 for each in judged.roots.certificates if judged.roots.explicit),
                remedy=remedy,
            )
        )

    def _changes(self, judged: _Judged) -> tuple[RootChange, ...]:
        path = judged.judgement.path
        return self._sap_roots.used.changes_of(judged.system.url.host, path[-1].sha256) if path else ()

    def _roots(self, system: System, before: ClientPse, at_hand: Iterable[Certificate]) -> Roots:
        listed = [entry.certificate for entry in before.entries if entry.certificate]
        if system.pinned:
            return pinned_roots(system.pinned, (*at_hand, *listed, *self._named_roots("mozilla").certificates))
        if system.roots != "auto":
            return self._roots_named(system.roots)
        if not system.url.is_sap_cloud:
            return listed_roots(listed, system.pse)
        return with_saps(self._named_roots("mozilla"), self._sap_roots, (*at_hand, *listed))

    def _mozilla(self) -> frozenset[str]:
        return frozenset(each.sha256 for each in self._named_roots("mozilla").certificates)

    def _period(self) -> Period:
        if self.settings.at is None:
            moment = self.clock()
            return Period(moment, moment)
        start = datetime.combine(self.settings.at, time(), UTC)
        return Period(start, start + _DAY)

    def _refusal(self, system: System, roots: Roots) -> str:
        refusals: Mapping[str, bool] = {
            "--replay": self.settings.replay is not None,
            "--read-only": self.settings.read_only,
            "no check is selected that may create one": system.alias not in self._creating,
            "no check is selected that asks the system": system.alias not in self._asked,
            "--at judges another day": self.settings.at is not None,
            f"{system.alias} is not to create one (create: false, or an URL as system)": not system.create,
            f"`roots` or `pinned` must first say what {system.alias} is judged by": roots.from_pse,
        }
        return next((reason for reason, holds in refusals.items() if holds), "")


class _ReplayedSteps(_Steps):
    """The steps for a recording: what was seen is read, and nothing is asked."""

    def __init__(self, steps: _Steps, replay: Replay) -> None:
        everything = frozenset({replay.recording.asked.alias})
        super().__init__(steps.settings, Limits(), steps.clock, everything, frozenset())
        self._replay = replay
        self._recording = replay.recording

    def maker(self, tool: Tool | ToolError) -> PseSource:  # noqa: ARG002 - no tool is asked
        """Return the PSE as it was recorded."""
        return RecordedPse(self._recording)

    def observe(self, system: System) -> Endpoint | None:  # noqa: ARG002 - it was asked when this was recorded
        """Return what the system showed."""
        return self._recording.endpoint

    def client_side(self, system: System, pse: ClientPse) -> "ClientSide | None":  # noqa: ARG002 - of another machine
        """Return nothing: a recording holds nothing of the client's own side."""
        return None

    def _foreign(self, system: System) -> Finding | None:  # noqa: ARG002 - of another machine
        return None

    def contribution(self, system: System, judged: _Judged) -> tuple[Contribution, Finding | None]:
        """Return that nothing is made, and the fault of the chain for which nothing was."""
        contribution, _ = super().contribution(system, judged)
        return contribution, judged.no_chain or _creation_cause(judged.judgement)

    def handshake(self, *_: object) -> LiveHandshake | None:
        """Return nothing: a handshake belongs to its moment."""
        return None

    def findings(
        self, judged: _Judged, seen: Endpoint | None, pse: ClientPse, verdict: Trust, live: LiveHandshake | None
    ) -> tuple[Finding, ...]:
        """Return all findings, and where the files of the recording contradict each other."""
        return _in_order((*self._replay.doubts, *super().findings(judged, seen, pse, verdict, live)))

    def _fetch(self, system: System, wanted: Sequence[str]) -> tuple[bytes, ...]:  # noqa: ARG002 - all were kept
        return self._recording.fetched

    def _roots_named(self, text: str) -> Roots:
        return super()._roots_named(text) if self._recording.roots is None else roots_of(self._recording.roots)

    def _engine(self) -> Engine:
        return self._recording.asked.engine if self.settings.engine == "auto" else self.settings.engine


def _in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    order = list(CODES)
    return tuple(sorted(dict.fromkeys(found), key=lambda each: order.index(each.code)))


def _find_tool(settings: Settings) -> Tool | ToolError:
    if settings.replay:
        return ToolMissing("a replay asks no program")
    try:
        return find_tool(settings.engine, settings.sapgenpse)
    except ToolError as error:
        return error


def _target(system: System) -> Target:
    return Target(system.url.host, system.url.port, system.proxy)


def _is_addable(judged: _Judged) -> bool:
    """Tell whether a run that may write would add this path to the PSE."""
    verified = bool(judged.judgement.path) and not judged.roots.from_pse
    return judged.system.create and verified and _creation_cause(judged.judgement) is None


def _no_chain(seen: Endpoint | None) -> Finding | None:
    """Return the finding for which a connection showed no certificate."""
    if seen is None or seen.presented or seen.failure is None:
        return None
    return next((each for each in reading.findings_of(seen) if each.code == seen.failure.code), None)


def _creation_cause(judgement: Judgement) -> Finding | None:
    """Return the finding for which no PSE may be filled from this chain."""
    if judgement.path and judgement.names_host:
        return next((each for each in judgement.findings if each.code == Code.TLS_INSPECTED), None)
    grave = [each for each in judgement.findings if each.severity > Severity.MINOR]
    return max(grave, key=lambda each: each.severity, default=None)
