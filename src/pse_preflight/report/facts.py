"""What the reports tell, in plain values that travel between processes: of a run, a system, a check."""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar, cast

from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain.judge import Judgement
from pse_preflight.chain.sap_roots import RootClock
from pse_preflight.checklist import CHECKLIST, OF_ANY_CHECK, Code, Question, Severity
from pse_preflight.findings import Command, Finding, message, one_line, quoted
from pse_preflight.landscape.system import Serves
from pse_preflight.options import SeverityWord
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Outcome

FORMAT = 2
NOT_CHECKED = (
    "alias user and password",
    "communication arrangements (SAP_COM_0636)",
    "UCON",
    "SAP's own TLS library",
)

NOT_CHECKED_OF_A_DATABASE = ("user and password", "SAP's own TLS library")

Ended = Literal["passed", "failed", "error", "skipped"]
Role = Literal["server", "intermediate", "root"]
SystemVerdict = Literal["OK", "NOT JUDGED", "FAILED"]
"""What a run says of a system; OK says that the trust checks ran and passed, and nothing is red."""

TRUST_CHECKS = tuple(each.name for each in CHECKLIST if each.question is Question.TRUST)
LIVE_CHECK = "test_handshake_with_the_pse_alone"
_CHAIN_CHECKS = {each.name for each in CHECKLIST if each.question is Question.CHAIN} - {"test_tls_handshake_succeeds"}

_RED = ("failed", "error")

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFacts:
    """A finding.

    Attributes:
        message: the whole text of the finding, as a failing check prints it.
        fix_commands: the commands of the fix, each quoted for the shell of this machine.
        detail: identifiers, another reading, a library's own words; empty where there are none.
    """

    code: str
    severity: SeverityWord
    check: str
    observed: str
    later: str
    fix: str
    fix_commands: tuple[str, ...]
    who: str
    certificates: tuple[str, ...]
    message: str
    detail: str = ""

    @property
    def grade(self) -> int:
        """Return how bad it is; a higher one is worse."""
        return int(Severity[self.severity.upper()])

    @property
    def headline(self) -> str:
        """Return the first line: the code, and what was observed."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate of the chain.

    Attributes:
        sent: the server sent it.
        in_pse: it stands in the certificate list of the PSE.
        anchor: trust rests on it.
        codes: what is wrong with it, the worst first; minor findings are left out.
    """

    name: str
    role: Role
    subject: str
    sha256: str
    not_before: str
    not_after: str
    sent: bool
    in_pse: bool
    anchor: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RootClockFacts:
    """Until when the root of a chain is kept; a day is empty where it is not known.

    Attributes:
        ends: the last day of the root itself.
        since, since_release: since when SAP's list requires it, and by which release.
        left, left_release: since when SAP's list no longer has it.
        mozilla, chrome: the last day in their lists.
        words: all of it, as people read it.
    """

    name: str
    sha256: str
    ends: str
    since: str
    since_release: str
    left: str
    left_release: str
    mozilla: str
    chrome: str
    words: str

    @property
    def soonest(self) -> str:
        """Return the first day on which somebody gives the root up, or on which it ends."""
        return min((day for day in (self.left, self.mozilla, self.chrome, self.ends) if day), default="9999-12-31")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """A system.

    Attributes:
        address: where the connection went; empty where there was none.
        tls: the version of TLS; empty where there was no handshake.
        holder: what the client trusts by, in words: PSE, or trust store.
        pse: its path.
        pse_state: what stands there.
        engine: the program that listed it.
        chain: server certificate first.
        missing: the name of the issuer with which the chain should go on, and does not.
        extras: what the server sent beside it.
        listed: how many certificates the PSE's list has; None where it is not known.
        others: names of those that are no part of the chain.
        trusted: the PSE's list anchors the chain; None where the list was not read, or the chain not seen.
        trust_unknown: why that is not known; empty where it is.
        unconfirmed: SAP's tool has not listed a PSE that the bundled implementation wrote.
        trust_ends: the last moment of trust, if the server renews what it renews by itself; None where there is none.
        renewal: when the server must have renewed.
        root_clock: until when the root that the chain ends in is kept; None where no chain is verified.
        judged: the moment, or the last moment of the day, that was judged.
        files: the evidence, by path.
        changes: what had changed from run to run, the oldest first.
        origin: where a replayed recording, or a chain in place of the one that is sent, comes from; empty where the
            system itself was asked.
        presented_from: the file whose chain was judged in place of the one that is sent; empty where there is none.
        labels: the keys of systems.yaml that start with x-.
        serves: rfc or sql.
    """

    alias: str
    host: str
    port: int
    proxy: str
    address: str
    tls: str
    holder: str = "PSE"
    pse: str
    pse_state: str
    created: bool
    engine: str
    chain: tuple[CertificateFacts, ...]
    missing: str
    extras: tuple[str, ...]
    listed: int | None
    others: tuple[str, ...]
    trusted: bool | None
    trust_unknown: str
    unconfirmed: bool
    trust_ends: str | None
    renewal: str | None
    root_clock: RootClockFacts | None
    judged: str
    findings: tuple[FindingFacts, ...]
    files: tuple[str, ...]
    changes: tuple[str, ...]
    origin: str
    presented_from: str = ""
    labels: tuple[tuple[str, str], ...]
    serves: Serves = "rfc"

    @property
    def place(self) -> str:
        """Return host and port."""
        return f"{self.host}:{self.port}"

    def with_faults(self, faults: Iterable[FindingFacts]) -> "SystemFacts":
        """Return the same with the faults of the toolkit that came to light while its checks were made."""
        return replace(self, findings=(*self.findings, *faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """How a check ended for a system.

    Attributes:
        question: the module of the check, which asks one question.
        codes: of its findings, the decisive first.
        reason: why it was skipped, or could not be made.
        unconfigured: the key of systems.yaml that names nothing to judge; then nobody has to read the skip.
    """

    alias: str
    name: str
    question: str
    ended: Ended
    codes: tuple[str, ...]
    reason: str
    unconfigured: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResult:
    """A system with its verdict.

    Attributes:
        remark: what belongs to the verdict: what was done, for which day it holds, or why it was not judged.
        ran: how many checks passed, failed or could not be made.
        of: how many checks there are.
        facts: None where the system could not be judged at all.
        decisive: the finding to mend first.
    """

    alias: str
    verdict: SystemVerdict
    remark: str
    ran: int
    of: int
    facts: SystemFacts | None
    checks: tuple[CheckFacts, ...]
    decisive: FindingFacts | None

    @property
    def words(self) -> str:
        """Return the verdict with its remark, in one line."""
        if self.verdict == "NOT JUDGED":
            return f"NOT JUDGED ({self.ran} of {self.of} checks): {self.remark}"
        if self.remark.startswith(("for ", "as ")):
            return f"{self.verdict} {self.remark}"
        return f"{self.verdict} ({self.remark})" if self.remark else self.verdict

    @property
    def is_red(self) -> bool:
        """Tell whether a check failed or could not be made."""
        return self.verdict == "FAILED"

    @property
    def red_findings(self) -> tuple[FindingFacts, ...]:
        """Return the findings that turned a check red, the one to mend first at the front."""
        codes = {code for each in self.checks if each.ended in _RED for code in each.codes}
        red = [each for each in (self.facts.findings if self.facts else ()) if each.code in codes]
        return tuple(sorted(red, key=lambda each: (each != self.decisive, -each.grade)))

    @property
    def unconfigured(self) -> tuple[str, ...]:
        """Return the keys of systems.yaml that name nothing, so that checks had nothing to judge."""
        return tuple(sorted({each.unconfigured for each in self.checks if each.unconfigured}))

    @property
    def is_untouched(self) -> bool:
        """Tell whether no check of it ran, so that nothing is known of it."""
        return self.verdict == "NOT JUDGED" and not self.checks

    @property
    def why_unknown(self) -> str:
        """Return why the system could not be judged, where a check says so."""
        return next((each.reason for each in self.checks if each.reason and not each.unconfigured), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run.

    Attributes:
        toolkit: the version of this package.
        where: the folder it was loaded from.
        host: the machine.
        account: the account that ran it; empty in older results.
        made: when the report was made.
        at: the day that --at named; None where the present was judged.
        engine: the program that makes and lists PSEs, with its version.
        replay: the folder of the recordings that were judged; None where the systems themselves were asked.
        broken_off: why the run did not come to its end; empty where it did.
    """

    toolkit: str
    where: str
    host: str
    made: str
    at: str | None
    fail_on: SeverityWord
    engine: str
    replay: str | None
    broken_off: str = ""
    account: str = ""

    @property
    def machine(self) -> str:
        """Return the machine and the account, on one line."""
        return f"{one_line(self.host)} ({one_line(self.account)})" if self.account else one_line(self.host)

    @property
    def minute(self) -> str:
        """Return when the report was made."""
        return f"{self.made[:16].replace('T', ' ')} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that a report tells."""

    format: Literal[2] = 2
    run: RunFacts
    verdict: SystemVerdict
    systems: tuple[SystemResult, ...]
    not_checked: tuple[str, ...] = NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What pytest's report of a check carries.

    Attributes:
        faults: what is wrong with the check itself.
        system: what is known of its system; with one report of a system in each process.
    """

    check: CheckFacts
    faults: tuple[FindingFacts, ...] = ()
    system: SystemFacts | None = None


def packed(facts: Any) -> dict[str, Any]:
    """Return facts as a dictionary of plain values."""
    return asdict(facts)


def unpacked(kind: type[_Kind], values: Mapping[str, Any]) -> _Kind:
    """Return facts that were packed in another process, or written."""
    found: _Kind = _adapter(cast("Hashable", kind)).validate_python(values)
    return found


def in_json(result: Result) -> str:
    """Return what result.json holds."""
    from pydantic_core import PydanticSerializationError

    try:
        return str(_adapter(Result).dump_json(result, indent=2), "utf-8")
    except PydanticSerializationError:  # a path on a disk need not be text; Python's own encoder leaves that to others
        return json.dumps(asdict(result), indent=2, ensure_ascii=False)


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def schema() -> dict[str, Any]:
    """Return the JSON schema of result.json."""
    told = _adapter(Result).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **told, "title": "result.json"}


def check_facts(alias: str, check: tuple[str, str], ended: Ended, outcome: Outcome | None, reason: str) -> CheckFacts:
    """Return how a check ended; without an outcome it could not be made.

    Args:
        check: its question and its name.
    """
    question, name = check
    findings = outcome.findings if outcome else ()
    told = outcome.reason if outcome else reason
    return CheckFacts(
        alias=alias,
        name=name,
        question=question,
        ended=ended,
        codes=tuple(each.code.value for each in findings),
        reason=one_line(told),
        unconfigured=outcome.unconfigured if outcome else "",
    )


def faults_of(name: str, outcome: Outcome | None) -> tuple[FindingFacts, ...]:
    """Return the findings of a check that no judgement of its system holds, since they are about the check itself."""
    findings = outcome.findings if outcome else ()
    return tuple(replace(finding_facts(each), check=name) for each in findings if each.code in OF_ANY_CHECK)


def system_facts(evidence: Evidence) -> SystemFacts:
    """Return what the reports tell of a system."""
    seen, system, trust = evidence.endpoint, evidence.system, evidence.trust
    path = trust.path or evidence.judgement.path or evidence.judgement.best
    on_path = {each.sha256 for each in path}
    sent = readable(seen.presented) if seen else ()
    return SystemFacts(
        alias=system.alias,
        serves=system.serves,
        host=system.url.host,
        port=system.url.port,
        proxy=(seen.proxy or "") if seen else "",
        address=(seen.address or "") if seen else "",
        tls=(seen.tls_version or "") if seen else "",
        holder="trust store" if system.truststore else "PSE",
        pse=one_line(str(system.pse)),
        pse_state=evidence.pse.condition.state.value,
        created=evidence.created,
        engine=evidence.pse.tool,
        chain=_chain(path, sent, evidence),
        missing=_missing(path, evidence.judgement),
        extras=tuple(each.label for each in sent if each not in path),
        listed=None if evidence.pse.listing is None else len(evidence.pse.entries),
        others=tuple(one_line(each.subject) for each in evidence.pse.entries if each.sha256 not in on_path),
        trusted=_trusted(evidence),
        trust_unknown=_trust_unknown(evidence),
        unconfirmed=any(each.code is Code.PSE_UNCONFIRMED for each in evidence.findings),
        trust_ends=_moment(trust.ends),
        renewal=_moment(trust.renewal),
        root_clock=_root_clock(evidence.root_clock),
        judged=evidence.period.end.isoformat(),
        findings=tuple(finding_facts(each) for each in evidence.findings),
        files=tuple(str(each) for each in sorted(system.folder.glob("*.*")) if _is_shown(each.name)),
        changes=tuple(one_line(str(each)) for each in evidence.observations.changes),
        origin=one_line(_origin(evidence)),
        presented_from=one_line(seen.from_file) if seen else "",
        labels=tuple((one_line(key), one_line(value)) for key, value in system.extras),
    )


def _origin(evidence: Evidence) -> str:
    """Return where what is judged comes from, where no server was asked in this run."""
    seen = evidence.endpoint
    recorded = [str(evidence.observations.recorded)] if evidence.observations.recorded else []
    presented = f"judged as if it sent the chain in {seen.from_file}; it was not asked" if seen else ""
    return "; ".join([*([presented] if seen and seen.from_file else []), *recorded])


def _root_clock(clock: RootClock | None) -> RootClockFacts | None:
    if clock is None:
        return None
    return RootClockFacts(
        name=one_line(clock.name),
        sha256=clock.sha256,
        ends=str(clock.ends or ""),
        since=str(clock.since.day) if clock.since else "",
        since_release=clock.since.name if clock.since else "",
        left=str(clock.left.day) if clock.left else "",
        left_release=clock.left.name if clock.left else "",
        mozilla=str(clock.mozilla or ""),
        chrome=str(clock.chrome or ""),
        words=one_line(clock.words),
    )


def finding_facts(found: Finding) -> FindingFacts:
    """Return a finding as the reports tell it."""
    return FindingFacts(
        code=found.code.value,
        severity=found.severity.word,
        check=found.check,
        observed=one_line(found.observed),
        later=found.later,
        fix=one_line(found.fix),
        fix_commands=tuple(_shown(each) for each in found.commands),
        who=found.responsible.value,
        certificates=found.certificates,
        message=message(found),
        detail=one_line(found.detail),
    )


def result(run: RunFacts, checks: Iterable[CheckFacts], systems: Mapping[str, SystemFacts | None]) -> Result:
    """Put together what a run found: systems by alias, checks in their order.

    Args:
        systems: all that were to be checked, with what is known of each.
    """
    by_alias: dict[str, list[CheckFacts]] = {alias: [] for alias in systems}
    for each in checks:
        by_alias.setdefault(each.alias, []).append(each)
    found = tuple(_system_result(run, alias, by_alias[alias], systems.get(alias)) for alias in sorted(by_alias))
    verdicts = {each.verdict for each in found}
    worst: SystemVerdict = "FAILED" if "FAILED" in verdicts else "NOT JUDGED" if "NOT JUDGED" in verdicts else "OK"
    databases_only = bool(found) and all(each.facts and each.facts.serves == "sql" for each in found)
    not_checked = NOT_CHECKED_OF_A_DATABASE if databases_only else NOT_CHECKED
    return Result(run=run, verdict=worst, systems=found, not_checked=not_checked)


def _system_result(run: RunFacts, alias: str, checks: Sequence[CheckFacts], facts: SystemFacts | None) -> SystemResult:
    told = _told(facts, checks) if facts else None
    red = {code for each in checks if each.ended in _RED for code in each.codes}
    decisive = [each for each in (told.findings if told else ()) if each.code in red]
    verdict, remark = _verdict(run, checks, told)
    return SystemResult(
        alias=alias,
        verdict=verdict,
        remark=remark,
        ran=sum(each.ended != "skipped" for each in checks),
        of=len(CHECKLIST),
        facts=told,
        checks=tuple(checks),
        decisive=max(decisive, key=lambda each: each.grade, default=None),
    )


def _told(facts: SystemFacts, checks: Sequence[CheckFacts]) -> SystemFacts:
    """Leave out findings about what no check of this run asked."""
    asked = {each.name for each in checks}
    named = {code for each in checks for code in each.codes}
    return replace(facts, findings=tuple(each for each in facts.findings if each.check in asked or each.code in named))


def _verdict(run: RunFacts, checks: Sequence[CheckFacts], facts: SystemFacts | None) -> tuple[SystemVerdict, str]:
    """Say no more than was checked in this run (docs/red-check.md)."""
    if any(each.ended in _RED for each in checks):
        return "FAILED", ""
    if lacking := run.broken_off or _presented(checks, facts) or _lacking(run, checks):
        return "NOT JUDGED", lacking
    if run.at:
        return "OK", f"for {run.at}"
    if run.replay:
        return "OK", "as recorded"
    done = ["PSE created"] if facts and facts.created else []
    done += ["not yet confirmed by SAP's tool"] if facts and facts.unconfirmed else []
    return "OK", ", ".join(done)


def _presented(checks: Sequence[CheckFacts], facts: SystemFacts | None) -> str:
    """Return what is known where the chain of a file was judged in place of the one that is sent; else nothing."""
    if facts is None or not facts.presented_from:
        return ""
    passed = {each.name for each in checks if each.ended == "passed"}
    good = f"; the chain in {facts.presented_from} is good" if passed >= _CHAIN_CHECKS else ""
    return f"no server was asked (--presented){good}"


def _lacking(run: RunFacts, checks: Sequence[CheckFacts]) -> str:
    """Return which trust check did not pass, and why; a live handshake belongs to the present alone."""
    if not checks:
        return "no check of it ran"
    ends = {each.name: each for each in checks}
    left_out = {LIVE_CHECK} if run.at or run.replay else set()
    for name in TRUST_CHECKS:
        check = ends.get(name)
        if name not in left_out and (check is None or check.ended != "passed"):
            return f"{name}: {check.reason}" if check and check.reason else f"{name} did not run"
    return ""


def _chain(
    path: Sequence[Certificate], presented: Sequence[Certificate], evidence: Evidence
) -> tuple[CertificateFacts, ...]:
    worst_first = sorted(evidence.findings, key=lambda each: -each.severity)
    grave = [each for each in worst_first if each.severity > Severity.MINOR]
    return tuple(
        CertificateFacts(
            name=each.name,
            role="server" if position == 0 else "root" if each.is_self_issued else "intermediate",
            subject=each.subject,
            sha256=each.sha256,
            not_before=each.not_before.isoformat(),
            not_after=each.not_after.isoformat(),
            sent=each in presented,
            in_pse=any(entry.certificate == each or entry.sha256 == each.sha256 for entry in evidence.pse.entries),
            anchor=bool(evidence.trust.path) and each == evidence.trust.path[-1],
            codes=tuple(dict.fromkeys(found.code.value for found in grave if each.sha256 in found.certificates)),
        )
        for position, each in enumerate(path)
    )


def _trusted(evidence: Evidence) -> bool | None:
    if evidence.trust.path:
        return True
    return None if _trust_unknown(evidence) else False


def _trust_unknown(evidence: Evidence) -> str:
    """Return why it is not known whether the PSE trusts the server; empty where it is."""
    if evidence.trust.path:
        return ""
    if evidence.judgement.leaf is None:
        failure = evidence.endpoint.failure if evidence.endpoint else None
        return f"the server's certificates were not seen ({failure.code if failure else 'it was not asked'})"
    if evidence.pse.listing is None:
        holder = "trust store" if evidence.system.truststore else "PSE"
        state = evidence.pse.condition.state.value
        return f"the certificate list of the {holder} could not be read (the {holder}: {state})"
    return ""


def _missing(path: Sequence[Certificate], judgement: Judgement) -> str:
    """Return the issuer that is at hand nowhere; a path that was verified lacks none."""
    if not path or judgement.path or path[-1].is_self_issued:
        return ""
    return path[-1].issuer_name


def _is_shown(name: str) -> bool:
    return name.endswith(".pem") or name.startswith("fix-") or name == "evidence.json"


def _shown(command: Command) -> str:
    return one_line(quoted(command))


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
