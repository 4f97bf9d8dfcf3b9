"""The walk through the rooms for one system: observe, judge, make what is missing, judge, shake hands, judge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TypeVar

from pse_preflight.chain.roots import Roots, named_roots, pinned_here, saps_roots_here
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.client_pse.model import NOTHING_DONE, Attempt, ClientPse, Contribution, Reason
from pse_preflight.endpoint import fetch, live, observation, retry, thorough
from pse_preflight.endpoint.model import Endpoint, Limits, Target
from pse_preflight.landscape.system import System
from pse_preflight.recording.folder import EvidenceUnwritable, Folder
from pse_preflight.recording.format import Recording, changes_between, recorded
from pse_preflight.settings import PresentedChain, Settings
from pse_preflight.verdict.changes import MOST_KEPT
from pse_preflight.verdict.evidence import Evidence, KnownRoots, Observations, creation_cause, judge

if TYPE_CHECKING:
    from pse_preflight.client.side import ClientSide

Clock = Callable[[], datetime]

_Answer = TypeVar("_Answer")

_MOST_FETCHES = 2
_MOST_HANDSHAKES = 2
"""One, and one more where the PSE was changed meanwhile."""
_DAY = timedelta(days=1) - timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run does, and may do.

    Attributes:
        settings: the options.
        clock: tells the present moment.
        asked: aliases of the systems whose network may be asked.
        creating: aliases of the systems whose missing PSE may be made.
        limits: what a system may cost on the network.
    """

    settings: Settings
    clock: Clock
    asked: frozenset[str]
    creating: frozenset[str]
    limits: Limits

    @property
    def period(self) -> Period:
        """Return when everything has to hold: now, or the whole of the day that --at names."""
        if self.settings.at is None:
            moment = self.clock()
            return Period(moment, moment)
        start = datetime.combine(self.settings.at, time(), UTC)
        return Period(start, start + _DAY)

    def forbids(self, system: System) -> Reason | None:
        """Return why a missing PSE is not made in this run, whatever its chain is like; None where it may be."""
        more = "run all checks, without -m and -k, or test_pse_exists among them"
        reasons: Mapping[Reason, bool] = {
            _named_by_url(system): bool(system.next_command),
            Reason("a trust store is never made here", "name the one that the client uses"): bool(system.truststore),
            Reason(
                f"{system.alias} is not to create one (create: false)", "take `create: false` out of systems.yaml"
            ): not system.create,
            Reason("--read-only", "run once without --read-only, which makes it"): self.settings.read_only,
            Reason("no check is selected that may create one", more): system.alias not in self.creating,
            Reason("no check is selected that asks the system", more): system.alias not in self.asked,
            Reason("--presented judges a file", "run once without --presented"): self.settings.presented is not None,
            Reason("--at judges another day", "run once without --at, which makes it"): self.settings.at is not None,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


class SharedPse(Protocol):
    """The PSE of one or more systems."""

    def look(self) -> ClientPse:
        """Return the PSE as it was before the run."""

    def join(self, contribution: Contribution) -> tuple[ClientPse, Attempt]:
        """Return the PSE once every system has contributed, and what was done about it."""

    def look_again(self, before: ClientPse) -> ClientPse:
        """Return the PSE as it stands now; the very same where nothing has changed."""


def gather(system: System, run: Run, shared: SharedPse) -> Evidence:
    """Ask one system, make or repair its PSE where that is allowed, and return what is known of it."""
    walk = _Walk(system, run)
    evidence = walk.judge_chain(walk.observe(shared.look().spelled(system.pse)))
    contribution = _contribution(evidence, run)
    pse, attempt = shared.join(contribution)
    pse = pse.spelled(system.pse)
    last = walk.begin_files(evidence)
    evidence = walk.judge_pse(evidence, pse, attempt, contribution, last)
    for _ in range(_MOST_HANDSHAKES):
        evidence = walk.judge_handshake(evidence)
        now = shared.look_again(evidence.pse)
        if now is evidence.pse:
            break
        evidence = walk.judge_changed(evidence, now)
    return walk.record(evidence, last)


class _Walk:
    """The steps for one system, within the seconds that it may cost on the network."""

    def __init__(self, system: System, run: Run) -> None:
        self._system = system
        self._run = run
        self._folder = Folder(system.folder)
        self._target = Target(system.url.host, system.url.port, system.proxy, speaks_http=not system.serves_sql)
        self._seconds_left = run.limits.whole
        self._unwritten = ""

    def observe(self, before: ClientPse) -> Observations:
        """Ask the system, unless its URL forbids it or no selected check needs it."""
        system, run = self._system, self._run
        seen = Observations(
            endpoint=None,
            roots=_roots_here(system),
            pse=before,
            client=_on_another_machine(system),
            known=KnownRoots(named_roots("mozilla"), saps_roots_here(run.settings.sap_roots)),
        )
        if not system.url.askable or system.alias not in run.asked:
            return seen
        if run.settings.presented:
            return replace(seen, endpoint=self._presented(run.settings.presented))
        seen = replace(seen, endpoint=self._ask_until_it_answers())
        if run.settings.thorough:
            seen = replace(seen, addresses=thorough.observe_every(self._target, run.limits, run.clock))
        return seen

    def _presented(self, chain: PresentedChain) -> Endpoint:
        return Endpoint(
            host=self._target.host,
            port=self._target.port,
            proxy=None,
            asked_at=self._run.clock(),
            presented=chain.certificates,
            from_file=chain.file,
        )

    def _ask_until_it_answers(self) -> Endpoint:
        """Ask once, or for as long as --retry says; then each try has the seconds of a whole system."""
        ask = partial(observation.observe, self._target, clock=self._run.clock)
        if not self._run.settings.retry:
            return self._within(ask)
        return retry.ask_until(lambda: ask(limits=self._run.limits), self._run.settings.retry)

    def judge_chain(self, seen: Observations) -> Evidence:
        """Judge the chain; fetch what the server forgot, and judge again. A chain of a file is judged as it is."""
        asked: list[str] = []
        period = self._run.period
        while True:
            evidence = judge(self._system, seen, period)
            if self._run.settings.presented:
                return evidence
            wanted = [each for each in evidence.judgement.wanted if each not in asked][: _MOST_FETCHES - len(asked)]
            if not wanted:
                return evidence
            asked += wanted
            own = seen.endpoint.spoken_with if seen.endpoint else None
            fetched = self._within(partial(fetch.fetch_certificates, wanted, own))
            seen = replace(seen, fetched=(*seen.fetched, *fetched))

    def begin_files(self, evidence: Evidence) -> Recording | None:
        """Write the chain, which fixes name; return what the last run has recorded."""
        last = self._folder.last()
        self._write(lambda: self._folder.begin(evidence))
        return last

    def judge_pse(
        self, evidence: Evidence, pse: ClientPse, attempt: Attempt, given: Contribution, last: Recording | None
    ) -> Evidence:
        """Judge the PSE as it stands after the run has made or repaired it, or has not."""
        if attempt == NOTHING_DONE and given.refusal:
            attempt = Attempt(refusals=(given.refusal,))
        attempt = replace(attempt, forbidden=bool(_forbidden(evidence, self._run)))
        client = _client_side(self._system, pse)
        without_mark = pse.condition.content is not None and pse.condition.content.owner is None
        changed_by_us = bool(attempt.added or (attempt.created and without_mark)) and pse.one_reader
        seen = replace(
            evidence.observations,
            pse=pse,
            attempt=attempt,
            changed_by_us=pse.condition.digest if changed_by_us else last.changed_by_us if last else "",
            client=client,
            unwritten=self._unwritten,
        )
        return self._again(evidence, seen)

    def judge_handshake(self, evidence: Evidence) -> Evidence:
        """Connect with trust in the PSE alone, where the list anchors the chain and the present is judged.

        Of the list only what the verdict relies on is trusted, so that a root is proven where the verdict says root,
        and not the intermediate beside it.
        """
        seen, trust = evidence.observations, evidence.trust
        now_judged = self._run.settings.at is None and self._run.settings.presented is None
        if seen.endpoint is None or not trust.path or not evidence.judgement.names_host or not now_judged:
            return evidence
        trusted = trust.trusted_live
        ask = partial(
            live.handshake,
            self._target,
            trusted.certificates,
            clock=self._run.clock,
            websocket=self._target.speaks_http,
            partial=trusted.any_may_anchor,
        )
        shaken = self._within(partial(ask, address=seen.endpoint.address))
        return self._again(evidence, replace(seen, live=shaken))

    def judge_changed(self, evidence: Evidence, now: ClientPse) -> Evidence:
        """Judge what stands at the path at the end; what was seen with the list of before is of no use any more."""
        return self._again(evidence, replace(evidence.observations, pse=now, live=None))

    def record(self, evidence: Evidence, last: Recording | None) -> Evidence:
        """Write down what was seen; what is otherwise than in the last recording is part of it."""
        self._write(lambda: self._folder.write_fixes(self._system.alias, evidence.findings))
        recording = recorded(evidence, self._run.settings.engine, self._run.clock())
        is_kept = last is not None and self._run.settings.presented is None
        changes = (*last.changes, *changes_between(last, recording)) if last and is_kept else ()
        self._write(lambda: self._folder.record(replace(recording, changes=changes[-MOST_KEPT:])))
        seen = replace(evidence.observations, changes=changes[-MOST_KEPT:], unwritten=self._unwritten)
        if self._unwritten:
            return self._again(evidence, seen)
        return replace(evidence, observations=seen)

    def _again(self, evidence: Evidence, seen: Observations) -> Evidence:
        """Judge what is seen now, for the time at which the chain was judged first."""
        return judge(self._system, seen, evidence.period, evidence)

    def _write(self, write: Callable[[], object]) -> None:
        """Write, unless that has failed before: the run goes on, and the failure is one finding."""
        if self._unwritten:
            return
        try:
            write()
        except EvidenceUnwritable as error:
            self._unwritten = str(error)

    def _within(self, ask: Callable[..., _Answer]) -> _Answer:
        """Ask within the seconds that are left; what else is waited for does not count."""
        begin = monotonic()
        try:
            return ask(limits=self._run.limits.at_most(self._seconds_left))
        finally:
            self._seconds_left -= monotonic() - begin


def _roots_here(system: System) -> Roots | None:
    """Return the roots that only this machine has; None where everybody has them."""
    if system.pinned:
        found = pinned_here(system.pinned, system.roots)
        return found if found.certificates else None
    return None if system.roots in {"auto", "mozilla"} else named_roots(system.roots)


def _named_by_url(system: System) -> Reason:
    return Reason(
        f"{system.alias} is named by its URL, and such a system never creates one",
        "describe it in systems.yaml, with the PSE that its client uses, and check it by its alias there",
        system.next_command,
    )


def _on_another_machine(system: System) -> "ClientSide | None":
    """Return the client's own side where this machine is none of the client's; nothing is made there."""
    if system.client is None:
        return None
    from pse_preflight.client.look import is_its_host, look  # loaded only where systems.yaml says something of it

    return None if is_its_host(system) else look(system, pse_is_there=False)


def _client_side(system: System, pse: ClientPse) -> "ClientSide | None":
    """Look at the client's own side, where systems.yaml says something of it."""
    if system.client is None:
        return None
    from pse_preflight.client.look import look

    is_file = system.truststore is None or not system.truststore.windows
    return look(system, pse_is_there=pse.is_there and is_file)


def _forbidden(evidence: Evidence, run: Run) -> Reason | None:
    """Return why a missing PSE is not made, whatever the chain is like; None where it may be."""
    alias = evidence.system.alias
    if evidence.roots.from_pse:
        return run.forbids(evidence.system) or Reason(
            f"`roots` or `pinned` must first say what {alias} is judged by",
            "name in systems.yaml the file of the root that is right for this host (`roots`), or its fingerprint"
            " (`pinned`); the next run makes the PSE from it",
        )
    return run.forbids(evidence.system)


def _contribution(evidence: Evidence, run: Run) -> Contribution:
    """Return what the system gives to a missing PSE, or why it gives nothing."""
    system, path = evidence.system, evidence.judgement.path
    cause = creation_cause(evidence.observations, evidence.judgement)
    if cause is not None and cause.code is Code.WRONG_HOST:
        where = "run on a machine that the client runs on, or correct `hosts` in systems.yaml"
        return Contribution(system, refusal=Reason(f"the client of {system.alias} runs on another machine", where))
    forbidden = _forbidden(evidence, run)
    if forbidden:
        return Contribution(system, refusal=forbidden)
    if cause is not None or not path:
        code = cause.code if cause else "no answer"
        first = f"mend {cause.code} first, see {cause.check}" if cause else "have the system answer"
        words = f"the chain of {system.alias} is not verified ({code})"
        return Contribution(system, refusal=Reason(words, f"{first}; the next run makes the PSE"))
    leaf, *issuers = path
    with_leaf = system.include_leaf or not issuers
    wanted = (*reversed(issuers), leaf) if with_leaf else tuple(reversed(issuers))
    return Contribution(system, (*wanted, *evidence.added_by_run))
