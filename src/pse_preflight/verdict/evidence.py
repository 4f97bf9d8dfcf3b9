"""What was seen of one system, and what it means: observations in, evidence out. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain import judge as chain
from pse_preflight.chain.judge import ChainQuestion, Judgement
from pse_preflight.chain.roots import Roots, at_hand, listed_roots, pinned_roots, said_of, with_saps
from pse_preflight.chain.sap_roots import RootChange, RootClock, SapRoots
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import CHECKLIST, CODES, OWNERS, Code, Question, Severity
from pse_preflight.client_pse.findings import (
    attempt_findings,
    condition_findings,
    disagreement,
    file_findings,
    tool_needs,
    unconfirmed,
)
from pse_preflight.client_pse.model import NOTHING_DONE, Attempt, ClientPse
from pse_preflight.client_pse.trust_store_findings import as_said_by_its_client, trust_store_findings
from pse_preflight.endpoint import reading
from pse_preflight.endpoint.model import Endpoint, LiveHandshake
from pse_preflight.findings import Finding, finding, most_decisive_first, of_saps_cloud, quoted
from pse_preflight.json_types import Der, Moment
from pse_preflight.landscape.system import System
from pse_preflight.once import LazyProperty
from pse_preflight.verdict import trust
from pse_preflight.verdict.changes import Change
from pse_preflight.verdict.trust import Remedy, Trust, TrustCase

if TYPE_CHECKING:
    from pse_preflight.client.side import ClientSide


_ABOUT_A_SERVER = frozenset(
    each.name for each in CHECKLIST if each.question in {Question.URL, Question.CHAIN, Question.PK_LIST, Question.TRUST}
)
"""The checks whose findings depend on which server answers."""

_SHORT = 12


@dataclass(frozen=True, slots=True)
class KnownRoots:
    """What is known of roots everywhere, whatever is seen here.

    Attributes:
        mozilla: Mozilla's list.
        sap_roots: SAP's list of roots, and the announced changes.
    """

    mozilla: Roots
    sap_roots: SapRoots = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a recording comes from; nothing vouches for it.

    Attributes:
        host: the machine.
        account: who ran it.
        at: when, in UTC.
        toolkit: the version of this package.
    """

    host: str
    account: str
    at: Moment
    toolkit: str

    def __str__(self) -> str:
        """Say it as every report of a replay does."""
        return f"recorded on {self.host} as {self.account} at {self.at:%Y-%m-%d %H:%M} UTC, unauthenticated"


@dataclass(frozen=True, kw_only=True)
class Observations:
    """What the endpoint, the PSE file, the tool and the client's machine showed in one run.

    Attributes:
        endpoint: what the first connection showed; None where nothing was asked.
        addresses: what each address of the host showed with each kind of key, where all of them were asked.
        fetched: what was got from AIA addresses.
        roots: the roots that `roots` names; None where they are Mozilla's, which every machine has.
        pse: the client PSE, as it stood at the end.
        attempt: what the run has done about a PSE that was missing, or that lacked certificates.
        changed_by_us: the digest of the PSE as the bundled implementation last changed it; empty where it has not.
        live: what the second connection showed, which trusted the PSE alone; None where there was none.
        client: the client's own side; None where systems.yaml says nothing of it.
        changes: what had changed from run to run, the oldest first.
        recorded: where this was seen, if it is a recording; None where it was seen in this run.
        elsewhere: it was recorded on another machine, where no file of this one is, and other paths may be.
        noted: SHA-256 of each certificate that the server sent, as a recording notes it; empty where this is none.
        doubts: where the files of a recording contradict each other.
        unwritten: why the files about it could not be written; empty where they were.
        known: what this machine knows of roots beside all that.
    """

    endpoint: Endpoint | None
    addresses: tuple[Endpoint, ...] = ()
    fetched: tuple[Der, ...] = field(default=(), repr=False)
    roots: Roots | None = None
    pse: ClientPse
    attempt: Attempt = NOTHING_DONE
    changed_by_us: str = ""
    live: LiveHandshake | None = None
    client: "ClientSide | None" = None
    changes: tuple[Change, ...] = ()
    recorded: Origin | None = None
    elsewhere: bool = False
    noted: tuple[str, ...] = ()
    doubts: tuple[Finding, ...] = ()
    unwritten: str = ""
    known: KnownRoots = field(repr=False)

    @property
    def presented(self) -> tuple[bytes, ...]:
        """Return what the server sent, in its order."""
        return self.endpoint.presented if self.endpoint else ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that is known of one system; every verdict follows from it.

    Attributes:
        system: what was asked about.
        period: when everything has to hold: the moment of the run, or the day that --at names.
        observations: what was seen.
        roots: what the chain was judged by.
        judgement: the chain, judged.
        trust: the PSE's list against the chain.
        findings: all findings, each once, in the order of the checklist.
        not_created_for: the finding for which a missing PSE was not made.
        announced: what is announced of the server's root.
        successors: the announced successors of the server's root, as far as their bytes are at hand.
        required: the roots that the PSE is to hold and lacks, as far as their bytes are at hand.
        question: what the chain was judged for.
        case: what trust was judged for.
    """

    system: System
    period: Period
    observations: Observations
    roots: Roots
    judgement: Judgement
    trust: Trust
    findings: tuple[Finding, ...]
    not_created_for: Finding | None
    announced: tuple[RootChange, ...] = ()
    successors: tuple[Certificate, ...] = ()
    required: tuple[Certificate, ...] = ()
    question: ChainQuestion | None = field(default=None, repr=False)
    case: TrustCase | None = field(default=None, repr=False)

    @property
    def added_by_run(self) -> tuple[Certificate, ...]:
        """Return those of the required roots that a run adds which makes or repairs the PSE, where that is asked for.

        Only the list that comes along says which.
        """
        shipped = _shipped(self.observations.known)
        return tuple(each for each in self.required if each.sha256 in shipped) if self.system.adds_saps_roots else ()

    @property
    def root_clock(self) -> RootClock | None:
        """Return until when the root that the chain ends in is kept; None where no chain is verified."""
        ends = (*self.trust.path[-1:], *self.judgement.path[-1:])
        root = next((each for each in ends if each.is_self_issued), None)
        if root is None:
            return None
        known = self.observations.known
        return known.sap_roots.used.clock(root, is_public=root.sha256 in known.mozilla.fingerprints)

    @property
    def endpoint(self) -> Endpoint | None:
        """Return what the first connection showed."""
        return self.observations.endpoint

    @property
    def pse(self) -> ClientPse:
        """Return the client PSE."""
        return self.observations.pse

    @property
    def live(self) -> LiveHandshake | None:
        """Return what the second connection showed; one that was recorded belongs to its moment."""
        return None if self.observations.recorded else self.observations.live

    @property
    def client(self) -> "ClientSide | None":
        """Return the client's own side."""
        return self.observations.client

    @LazyProperty
    def grave(self) -> tuple[Finding, ...]:
        """Return the findings that are more than minor, the gravest first."""
        return most_decisive_first(each for each in self.findings if each.severity > Severity.MINOR)

    @property
    def created(self) -> bool:
        """Tell whether the PSE was made in this run."""
        return self.observations.attempt.created


def judge(system: System, observations: Observations, period: Period, before: Evidence | None = None) -> Evidence:
    """Say what the observations mean at the time that is to be judged.

    Where only certificates that the server renews by itself have ended on the day that --at names, the chain of the
    day on which it was seen stands for the one of that day.

    What was judged before of the same system only spares asking the same question twice.
    """
    evidence = _Assessment(system, observations, period, before=before).evidence()
    seen = observations.endpoint
    if period.start == period.end or seen is None or evidence.trust.path:
        return evidence
    then = _Assessment(system, observations, Period(seen.asked_at, seen.asked_at))
    root_holds = all(period.end <= each.not_after for each in then.judgement.path[-1:])
    if root_holds and then.trust.outlasts_renewals(period):
        return _Assessment(system, observations, period, other_day=then).evidence()
    return evidence


class _Assessment:
    """One system judged at one time, from its chain to everything that is to be said of it."""

    def __init__(
        self,
        system: System,
        seen: Observations,
        period: Period,
        before: Evidence | None = None,
        other_day: "_Assessment | None" = None,
    ) -> None:
        self._system = system
        self._seen = seen
        self._period = period
        self._roots = roots_for(system, seen)
        self.question: ChainQuestion = other_day.question if other_day else self._question()
        known = other_day or (before if before and before.question == self.question else None)
        self.judgement: Judgement = known.judgement if known else chain.judge_chain(self.question)
        self._changes = self._announced()
        self._successors = self._at_hand({each.sha256 for each in self._changes})
        self._required = self._at_hand(self._lacking())
        self.case: TrustCase = other_day.case if other_day else self._case()
        known = other_day or (before if before and before.case == self.case else None)
        self.trust: Trust = known.trust if known else trust.judge_trust(self.case)

    def evidence(self) -> Evidence:
        order = list(CODES)
        found = dict.fromkeys(map(self._told, self._findings()))
        return Evidence(
            system=self._system,
            period=self._period,
            observations=self._seen,
            roots=self._roots,
            judgement=self.judgement,
            trust=self.trust,
            findings=tuple(sorted(found, key=lambda each: order.index(each.code))),
            not_created_for=self._not_created_for(),
            announced=self._changes,
            successors=self._successors,
            required=self._required,
            question=self.question,
            case=self.case,
        )

    def _lacking(self) -> frozenset[str]:
        """Return the fingerprints of the roots that the PSE is to hold and lacks."""
        held = {each.sha256 for each in self._seen.pse.entries}
        lacking = self._seen.known.sap_roots.used.lacking(held) if self._system.requires_saps_roots else ()
        return frozenset((*(each.sha256 for each in lacking), *self._system.required_roots)) - held

    def _at_hand(self, wanted: Collection[str]) -> tuple[Certificate, ...]:
        """Return roots by their fingerprints, wherever their bytes are at hand."""
        known, seen = self._seen.known, self._seen
        sent = readable((*seen.presented, *seen.fetched))
        return at_hand(wanted, (*known.mozilla.certificates, *known.sap_roots.certificates, *sent))

    def _not_created_for(self) -> Finding | None:
        if self._seen.pse.is_there:
            return None
        forbidden = self._seen.attempt.forbidden
        cause = _wrong_host(self._seen) if forbidden else creation_cause(self._seen, self.judgement)
        return self._told(cause) if cause else None

    def _told(self, found: Finding) -> Finding:
        """Return a finding as it is told of this system and for this time: who mends it, how, in the client's words."""
        told = of_saps_cloud(found) if self._system.url.is_sap_cloud else found
        if self._seen.elsewhere and told.commands:
            told = replace(told, fix=self._words_for_there(told), commands=())
        if self._system.serves_sql:
            told = replace(told, for_hana=True)
        elif self._system.truststore:
            told = as_said_by_its_client(told, self._seen.pse)
        return told

    def _words_for_there(self, found: Finding) -> str:
        """Return fix and commands in words, quoted as on the machine that recorded this; nobody pastes them here."""
        host = self._seen.recorded.host if self._seen.recorded else ""
        windows = isinstance(self._system.pse, PureWindowsPath)
        commands = ", then ".join(quoted(each, windows=windows) for each in found.commands)
        where = f"on {host}, in a folder to which the files of this replay have been copied"
        return "; ".join(part for part in (found.fix, f"{where}: {commands}") if part)

    def _question(self) -> ChainQuestion:
        system, roots, mozilla = self._system, self._roots, self._seen.known.mozilla
        public = system.url.is_sap_cloud or system.roots == "mozilla"
        return ChainQuestion(
            host=system.url.host,
            presented=self._seen.presented,
            roots=roots.certificates,
            roots_name=roots.name,
            period=self._period,
            fetched=self._seen.fetched,
            sap_domain=system.url.is_sap_cloud,
            sap_roots=self._seen.known.sap_roots,
            inspection_accepted=roots.explicit,
            partial=roots.partial,
            unseen=roots.unseen,
            mozilla=mozilla.fingerprints if public else frozenset(),
        )

    def _announced(self) -> tuple[RootChange, ...]:
        path, day = self.judgement.path, self._period.start.date()
        return self._seen.known.sap_roots.used.changes_of(self._system.url.host, path[-1].sha256, day) if path else ()

    def _case(self) -> TrustCase:
        system, roots, path = self._system, self._roots, self.judgement.path
        return TrustCase(
            entries=self._seen.pse.entries,
            judgement=self.judgement,
            presented=readable(self._seen.presented),
            host=system.url.host,
            period=self._period,
            include_leaf=system.include_leaf,
            required_roots=system.required_roots,
            saps_roots=self._seen.known.sap_roots.used if system.requires_saps_roots else None,
            shipped_roots=_shipped(self._seen.known),
            adds_saps_roots=system.adds_saps_roots,
            changes=self._changes,
            pinned=frozenset(system.pinned),
            accepted=roots.fingerprints.union(each.sha256 for each in path) if roots.explicit else frozenset(),
            remedy=self._remedy(),
        )

    def _remedy(self) -> Remedy:
        """Return how a certificate is added here; a run may add it itself where it may write and the path is good."""
        pse, system = self._seen.pse, self._system
        addable = bool(self.judgement.path) and not self._roots.from_pse and system.create
        repair = ""
        if addable and pse.tool and creation_cause(self._seen, self.judgement) is None:
            repair = "--repair --engine=bundled" if pse.one_reader else "--repair"
        files = root_names(self._successors, self._required) | file_names(self.judgement.path)
        files = {} if self._seen.unwritten else files
        folder = Path() if self._seen.elsewhere else system.folder
        at_hand = {key: folder / name for key, name in files.items()}
        needs = "" if self._seen.recorded else pse.tool_needs
        program = ("env", needs, *pse.program) if needs.startswith(("LD_", "DYLD_")) else pse.program
        return Remedy(program, system.pse, at_hand, repair, pse.store)

    def _findings(self) -> Iterable[Finding]:
        seen, system = self._seen, self._system
        yield from seen.doubts
        if seen.unwritten:
            yield finding(
                Code.EVIDENCE_NOT_WRITTEN, seen.unwritten, fix="name a folder that may be written: --evidence"
            )
        yield from system.url_findings
        if seen.endpoint:
            yield from reading.findings_of(seen.endpoint)
        yield from reading.differences_of(seen.addresses)
        if _no_chain(seen) is None:
            yield from self.judgement.findings
        yield from said_of(self._roots, system.url.host)
        yield from trust.lasting_findings(self.trust, self.judgement.path, self._period, system.expiry_days)
        yield from self._pse_findings()
        if seen.pse.listing is not None:
            yield from self.trust.findings
        if seen.live and not seen.recorded:
            yield from reading.handshake_findings(seen.live)
            yield from reading.websocket_findings(seen.live)
        if seen.client:
            yield from seen.client.findings
            yield from self._logon_findings(seen.client)
        for each in _other_endpoints(seen):
            yield from self._elsewhere(each)

    def _logon_findings(self, client: "ClientSide") -> Iterable[Finding]:
        """Judge the certificate with which the client logs on, where it does."""
        if client.own_certificate is None:
            return
        from pse_preflight.client.own_certificate import findings  # loaded only where somebody looked at the client

        period, system = self._period, self._system
        # gen_pse replaces no file, and the request of the last renewal may still be there.
        file = system.folder / f"request-{period.start:%Y-%m-%d}.p10"
        request = () if self._seen.unwritten else ("-r", str(file))
        asking = (*self._remedy().program, "gen_pse", "-p", str(system.pse), "-onlyreq", *request)
        yield from findings(
            client.own_certificate, period.start, period.end, system.expiry_days, asking if request else ()
        )

    def _elsewhere(self, endpoint: Endpoint) -> Iterable[Finding]:
        """Judge what another address, or another kind of key, shows as a system of its own; what is grave is told."""
        seen = replace(self._seen, endpoint=endpoint, addresses=(), live=None)
        own = set(map(self._told, (*self.judgement.findings, *self.trust.findings)))
        where = f"{endpoint.address or endpoint.host} with {endpoint.key_kind.upper()} keys"
        for found in _Assessment(self._system, seen, self._period).evidence().findings:
            if found.severity > Severity.MINOR and found not in own and OWNERS.get(found.code) in _ABOUT_A_SERVER:
                yield replace(found, observed=f"at {where}: {found.observed}")

    def _pse_findings(self) -> Iterable[Finding]:
        seen, system = self._seen, self._system
        if seen.endpoint and seen.endpoint.from_file and not seen.pse.is_there:
            return  # whoever judges a chain before it is deployed need not be a client
        if system.truststore:
            yield from trust_store_findings(seen.pse)
            return
        yield from attempt_findings(seen.pse, seen.attempt, system)
        yield from file_findings(seen.pse)
        meant = seen.client.sids if seen.client else frozenset()
        for each in condition_findings(seen.pse.condition, system, self._period.start, meant):
            # Where the client logs on with the certificate, its end is a graver finding of its own.
            is_told = each.code is Code.PSE_OWNER_EXPIRED and seen.client and seen.client.own_certificate
            is_meant = each.code is Code.PSE_READABLE_BY_GROUP and seen.client and seen.client.group_may_read
            if not (is_told or is_meant):
                yield each
        yield from (
            each
            for each in (
                unconfirmed(seen.pse, system, seen.changed_by_us),
                disagreement(seen.pse),
                tool_needs(seen.pse),
            )
            if each
        )


def roots_for(system: System, seen: Observations) -> Roots:
    """Return what a system's chain is judged by."""
    mozilla = seen.known.mozilla
    listed = [entry.certificate for entry in seen.pse.entries if entry.certificate]
    if system.pinned:
        sent = readable((*seen.presented, *seen.fetched))
        here = seen.roots.certificates if seen.roots else ()
        return pinned_roots(system.pinned, (*sent, *listed, *here, *mozilla.certificates))
    if system.roots != "auto":
        return seen.roots or mozilla
    if not system.url.is_sap_cloud:
        return listed_roots(listed, system.pse, "" if seen.pse.entries else _why_unlisted(system, seen.pse))
    return with_saps(mozilla, seen.known.sap_roots, (*readable((*seen.presented, *seen.fetched)), *listed))


def _why_unlisted(system: System, pse: ClientPse) -> str:
    """Return why the certificate list is not known; empty where it was read, and holds nothing."""
    if pse.listing is not None:
        return ""
    holder = "trust store" if system.truststore else "PSE"
    return f"the list of {pse.condition.path} could not be read" if pse.is_there else f"there is no {holder}"


def file_names(path: Sequence[Certificate]) -> dict[str, str]:
    """Return the name of the file for each certificate of a verified path, by SHA-256."""
    names = ["server", *(f"intermediate-{number}" for number in range(1, len(path)))]
    named = {each.sha256: f"{name}.pem" for each, name in zip(path, names, strict=False)}
    roots = {each.sha256: "root.pem" for each in path[1:] if each == path[-1] and each.is_self_issued}
    return named | roots


def root_names(successors: Iterable[Certificate], required: Iterable[Certificate]) -> dict[str, str]:
    """Return the name of the file for each successor of a root, and for each root that SAP requires, by SHA-256."""
    named = {each.sha256: f"required-{each.sha256[:_SHORT]}.pem" for each in required}
    return named | {each.sha256: f"successor-{number}.pem" for number, each in enumerate(successors, 1)}


def _shipped(known: KnownRoots) -> frozenset[str]:
    """Return the fingerprints of the roots that SAP requires by the list that comes along."""
    return frozenset(each.sha256 for each in known.sap_roots.shipped.required)


def _other_endpoints(seen: Observations) -> Iterable[Endpoint]:
    """Yield what other addresses showed, and other kinds of key; that a server has one kind of key only is no fault."""
    answering = {each.address for each in seen.addresses if each.presented}
    told = {seen.presented}
    for each in seen.addresses:
        if each.presented in told or (not each.presented and each.address in answering):
            continue
        told.add(each.presented)
        yield each


def _no_chain(seen: Observations) -> Finding | None:
    """Return the finding for which a connection showed no certificate, or only some of them."""
    if seen.endpoint is None or seen.endpoint.failure is None:
        return None
    if seen.endpoint.presented and not seen.endpoint.presented_cut:
        return None
    code = seen.endpoint.failure.code
    return next((each for each in reading.findings_of(seen.endpoint) if each.code == code), None)


def _wrong_host(seen: Observations) -> Finding | None:
    """Return the finding that the client runs on another machine."""
    return next((each for each in seen.client.findings if each.code is Code.WRONG_HOST), None) if seen.client else None


def creation_cause(seen: Observations, judgement: Judgement) -> Finding | None:
    """Return the finding for which no PSE may be filled from this chain, where there is one."""
    before_the_chain = _wrong_host(seen) or _no_chain(seen)
    if before_the_chain:
        return before_the_chain
    if judgement.path and judgement.names_host:
        inspected = (each for each in judgement.findings if each.code is Code.TLS_INSPECTED)
        return next((each for each in inspected if each.severity > Severity.MINOR), None)
    grave = [each for each in judgement.findings if each.severity > Severity.MINOR]
    return max(grave, key=lambda each: each.severity, default=None)
