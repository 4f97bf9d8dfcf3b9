"""What the findings mean for each check: passed, failed, could not be made, or skipped for another's cause. Pure."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pse_preflight.checklist import BREAKING, CHECKS, GRAVE_CHAIN, Code, Need, Severity
from pse_preflight.client_pse import access_list
from pse_preflight.client_pse.condition import State
from pse_preflight.endpoint.model import LiveHandshake
from pse_preflight.findings import Finding, message, most_decisive_first, one_line
from pse_preflight.landscape.system import Waiver
from pse_preflight.verdict.evidence import Evidence


class Verdict(enum.Enum):
    """How a check ends."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ends, and why.

    Attributes:
        verdict: the end.
        findings: its own findings, the decisive first; where it is blocked and nobody else tells, the cause.
        reason: why it was skipped.
        notes: what is to be said beside the findings: the waivers that do not hide them.
        unconfigured: the key of systems.yaml that names nothing to judge; empty where the check asks for none.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()
    unconfigured: str = ""

    @property
    def text(self) -> str:
        """Return all findings as people read them, the decisive first."""
        return "\n\n".join([*(message(each) for each in self.findings), *self.notes])


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts in this run.

    Attributes:
        fail_on: the mildest severity that turns a check red.
        selected: the checks that run for this system.
    """

    fail_on: Severity
    selected: frozenset[str]


def decide(check: str, evidence: Evidence, policy: Policy) -> Outcome:
    """Decide how a check ends for one system.

    Args:
        check: its name without the alias.
    """
    key = unconfigured(check, evidence)
    cause = blocking(check, evidence)
    if cause is not None:
        if _is_told(cause, evidence, policy):
            return Outcome(Verdict.SKIP, (), f"blocked by {cause.code}, see {cause.check}", unconfigured=key)
        return _red(check, (cause,), (cause,), evidence)
    own = most_decisive_first(each for each in evidence.findings if each.check == check)
    red = tuple(each for each in own if each.severity >= policy.fail_on)
    if red:
        return _red(check, red, own, evidence)
    reason = f"not configured: {key}" if key else inapplicable(check, evidence)
    return Outcome(Verdict.SKIP, own, reason, unconfigured=key) if reason else Outcome(Verdict.PASS, own)


def _is_told(cause: Finding, evidence: Evidence, policy: Policy) -> bool:
    """Tell whether the check that owns the cause turns red in this run, for it or for what lies deeper."""
    if cause.check not in policy.selected or cause.severity < policy.fail_on:
        return False
    if _waiver(cause.check, cause, evidence) is not None:
        return False
    deeper = blocking(cause.check, evidence)
    return deeper is None or _is_told(deeper, evidence, policy)


def _red(check: str, red: Sequence[Finding], findings: tuple[Finding, ...], evidence: Evidence) -> Outcome:
    """Fail for what is red and not waived; skip where all of it is."""
    waivers = {each: _waiver(check, each, evidence) for each in red}
    left = [each for each, waiver in waivers.items() if waiver is None]
    if not left:
        reasons = [f"{each.code} until {waiver.until}: {waiver.reason}" for each, waiver in waivers.items() if waiver]
        return Outcome(Verdict.SKIP, findings, f"waived: {'; '.join(reasons)}")
    ordered = tuple(dict.fromkeys((*left, *findings)))
    notes = tuple(dict.fromkeys(note for each in left for note in _idle_waivers(check, each, evidence)))
    return Outcome(Verdict.ERROR if left[0].is_error else Verdict.FAIL, ordered, notes=notes)


def _waiver(check: str, found: Finding, evidence: Evidence) -> Waiver | None:
    """Return the waiver that hides a finding from a check on the day that is judged; a blocker needs its code."""
    day = evidence.period.end.date()
    hiding = (
        each
        for each in _waivers_about(check, found, evidence)
        if day <= each.until and (each.code or found.severity < Severity.BLOCKER)
    )
    return next(hiding, None)


def _idle_waivers(check: str, found: Finding, evidence: Evidence) -> Iterator[str]:
    """Say of each waiver that is about a finding why it does not hide it."""
    for each in _waivers_about(check, found, evidence):
        if each.until < evidence.period.end.date():
            yield f"waiver: ended on {each.until}, so it no longer hides {found.code}: {each.reason}"
        else:
            yield f"waiver: names no code, so it does not hide {found.code}, which is too grave: {each.reason}"


def _waivers_about(check: str, found: Finding, evidence: Evidence) -> list[Waiver]:
    return [each for each in evidence.system.waivers if each.check == check and each.code in {None, found.code}]


def blocking(check: str, evidence: Evidence) -> Finding | None:
    """Return the finding, another check's, for which this check cannot be made."""
    if not evidence.grave and evidence.not_created_for is None:
        return None  # as with most systems: nothing can be the cause of anything
    causes = (_cause(need, evidence) for need in CHECKS[check].needs)
    return next((cause for cause in causes if cause is not None and cause.check != check), None)


def _cause(need: Need, evidence: Evidence) -> Finding | None:
    """Return the finding for which a need is not met."""
    if need in _MET and _MET[need](evidence):
        return None
    cause = _first(evidence, BREAKING[need])
    if need is Need.PSE_MADE:
        no_tool = None if evidence.pse.is_there else _first(evidence, BREAKING[Need.LIST])
        return evidence.not_created_for or cause or no_tool
    return cause


def slowest_check(evidence: Evidence) -> str:
    """Return the check that the time belongs to for which the system was waited for: where it got stuck, else TLS."""
    stuck = (*BREAKING[Need.ADDRESS], *BREAKING[Need.CONNECTION], *BREAKING[Need.TLS], *_STUCK_LATER)
    found = _first(evidence, stuck)
    return found.check if found else "test_tls_handshake_succeeds"


_STUCK_LATER = (Code.HTTP_NO_ANSWER, Code.TOOL_TIMEOUT)


def unconfigured(check: str, evidence: Evidence) -> str:
    """Return the key of systems.yaml that would give a check something to judge; empty where it has that."""
    key = _KEYS.get(check, "")
    return key if key and not _IS_SET[key](evidence) else ""


def inapplicable(check: str, evidence: Evidence) -> str:
    """Return why a check has nothing to judge here; empty where it has."""
    if evidence.system.truststore and check in _ABOUT_PSES_ONLY:
        return "not configured: the client has a trust store (`truststore`) and no PSE"
    if evidence.endpoint and evidence.endpoint.from_file:
        judged = f"--presented: the chain in {one_line(evidence.endpoint.from_file)} is judged"
        if check in _ABOUT_CONNECTIONS:
            return f"{judged}, and no server was asked"
        if not evidence.pse.is_there and Need.PSE_MADE in CHECKS[check].needs:
            return f"{judged}, and there is no {'trust store' if evidence.system.truststore else 'PSE'} here"
    return _INAPPLICABLE[check](evidence) if check in _INAPPLICABLE else ""


_ABOUT_CONNECTIONS = frozenset(
    {
        "test_host_name_resolves",
        "test_port_accepts_connections",
        "test_url_answers_https",
        "test_clock_agrees_with_the_server",
        "test_tls_handshake_succeeds",
        "test_handshake_with_the_pse_alone",
        "test_websocket_rfc_answers",
    }
)
_ABOUT_PSES_ONLY = frozenset(
    {
        "test_pse_needs_no_pin",
        "test_pse_is_private",
        "test_pse_owner_is_as_configured",
        "test_file_and_tool_agree",
    }
)


def _first(evidence: Evidence, codes: tuple[str, ...]) -> Finding | None:
    """Return the gravest finding of these codes; a minor one is no obstacle to anything."""
    return next((each for each in evidence.grave if each.code in codes), None)


def _is_judged(evidence: Evidence) -> bool:
    return bool(evidence.judgement.path)


def _is_trusted(evidence: Evidence) -> bool:
    return bool(evidence.trust.path)


def _is_judged_or_trusted(evidence: Evidence) -> bool:
    return _is_judged(evidence) or _is_trusted(evidence)


def _is_judged_or_has_a_fault(evidence: Evidence) -> bool:
    return _is_judged(evidence) or _first(evidence, (*GRAVE_CHAIN, Code.ROOT_UNTRUSTED)) is not None


_MET: Mapping[Need, Callable[[Evidence], bool]] = {
    Need.SERVER_CERTIFICATE: lambda evidence: evidence.judgement.leaf is not None,
    **dict.fromkeys((Need.COMPLETE_CHAIN, Need.GENUINE_CHAIN), _is_judged),
    **dict.fromkeys((Need.TRUSTABLE_CHAIN, Need.SOUND_CHAIN, Need.ROOT_LISTED), _is_trusted),
    **dict.fromkeys((Need.COMPLETABLE_CHAIN, Need.VERIFIED_PATH), _is_judged_or_trusted),
    Need.VERIFIABLE_CHAIN: _is_judged_or_has_a_fault,
    Need.SERVERS_OWN: lambda evidence: (
        evidence.judgement.names_host or _first(evidence, BREAKING[Need.NAMED_HOST]) is not None
    ),
    Need.COMMON_CHAIN: lambda evidence: evidence.live is None or evidence.live.accepted is not False,
}
"""Where a need is met whatever was found; what the chain, or the PSE, has overcome is no obstacle."""


_NO_HTTP = "serves: sql, and a database speaks no HTTP"


def _no_http(evidence: Evidence) -> str:
    return _NO_HTTP if evidence.system.serves_sql else ""


def _no_date(evidence: Evidence) -> str:
    if evidence.system.serves_sql:
        return _NO_HTTP
    seen = evidence.endpoint
    return "" if seen and seen.date_offset_seconds is not None else "the server sent no Date header"


def _one_reader(evidence: Evidence) -> str:
    if evidence.pse.condition.content is None:
        return "one reader only: the tool lists what cannot be read here"
    return "one reader only: the bundled implementation is the tool" if evidence.pse.one_reader else ""


def _no_days(evidence: Evidence) -> str:
    entries = evidence.pse.entries
    unknown = sum(each.not_after is None for each in entries)
    return f"until when {unknown} of {len(entries)} certificates are valid is not known" if unknown else ""


def _no_access_rights(evidence: Evidence) -> str:
    condition = evidence.pse.condition
    if condition.mode is not None:
        return ""
    if condition.access_list is None:
        return "who may read it was not recorded"
    problem = condition.access_list.problem
    if not problem and access_list.others(condition.access_list, frozenset()) is None:
        problem = "the access list of the PSE or of its folder is in a form that is not known here"
    return f"cannot be judged here: {problem}" if problem else ""


def _not_live(evidence: Evidence) -> str:
    if evidence.live:
        return ""
    if evidence.observations.recorded is None:
        return "the live handshake belongs to the present, and another day is judged"
    return f"the live handshake belongs to its moment; when this was recorded, {_live_text(evidence.observations.live)}"


def _no_websocket(evidence: Evidence) -> str:
    if evidence.system.serves_sql:
        return "serves: sql, and a database speaks no WebSocket RFC"
    if evidence.live and evidence.live.accepted and evidence.live.websocket is None:
        return "the server broke the connection off before a WebSocket could be asked for"
    return _not_live(evidence)


def _live_text(live: LiveHandshake | None) -> str:
    if live is None:
        return "there was none"
    return "it succeeded" if live.accepted else "it was refused"


def _no_owner(evidence: Evidence) -> str:
    return "" if evidence.pse.condition.state is State.PLAIN else "the owner cannot be read from this file"


def _requires_roots(evidence: Evidence) -> bool:
    system = evidence.system
    return bool(system.required_roots or system.requires_saps_roots or evidence.announced)


def _names_library(evidence: Evidence) -> bool:
    client = evidence.system.client
    return bool((evidence.client and evidence.client.library) or (client and client.library))


def _names_account(evidence: Evidence) -> bool:
    """Tell whether the account is named, or that of a product's service was looked for."""
    client, seen = evidence.system.client, evidence.client
    if client is None or client.account:
        return client is not None
    return client.product is not None and (seen is None or bool(seen.runs_as or seen.account_problem))


def _no_file(evidence: Evidence) -> str:
    store = evidence.system.truststore
    return "a store of Windows is no file" if store and store.windows else _not_seen(evidence)


def _no_alias_told(evidence: Evidence) -> str:
    told = evidence.client.connections.of_this if evidence.client and evidence.client.connections else ()
    silent = "the connection does not tell whether its user name is an alias"
    return _not_seen(evidence) or ("" if any(each.user_is_alias is not None for each in told) else silent)


_IS_SET: Mapping[str, Callable[[Evidence], bool]] = {
    "required_roots": _requires_roots,
    "client.hosts": lambda evidence: bool(evidence.system.client and evidence.system.client.hosts),
    "client.account": _names_account,
    "client.product": lambda evidence: bool(evidence.system.client and evidence.system.client.product),
    "client_ini": lambda evidence: bool(evidence.system.client and evidence.system.client.ini),
    "crypto_library": _names_library,
}
"""Whether systems.yaml, or what follows from it, gives such a key something to judge."""

_KEYS: Mapping[str, str] = {
    "test_pk_list_holds_the_required_roots": "required_roots",
    "test_this_is_the_clients_host": "client.hosts",
    "test_client_account_can_read_the_pse": "client.account",
    "test_pse_path_is_the_same_for_the_client_account": "client.account",
    "test_client_ini_names_what_is_checked": "client_ini",
    "test_client_ini_verifies_the_server": "client_ini",
    "test_client_ini_logs_on_with_an_alias": "client_ini",
    "test_connection_names_what_is_checked": "client.product",
    "test_connection_logs_on_with_an_alias": "client.product",
    "test_crypto_library_fits_the_client": "crypto_library",
}
"""The key without which a check has nothing to judge."""


def _not_seen(evidence: Evidence) -> str:
    return "" if evidence.client else "the client's own side is not part of a recording"


_INAPPLICABLE = {
    "test_url_answers_https": _no_http,
    "test_clock_agrees_with_the_server": _no_date,
    "test_file_and_tool_agree": _one_reader,
    "test_pk_list_is_current": _no_days,
    "test_pse_is_private": _no_access_rights,
    "test_pse_owner_is_as_configured": _no_owner,
    "test_handshake_with_the_pse_alone": _not_live,
    "test_websocket_rfc_answers": _no_websocket,
    **{check: _not_seen for check, key in _KEYS.items() if key != "required_roots"},
    "test_client_account_can_read_the_pse": _no_file,
    "test_connection_logs_on_with_an_alias": _no_alias_told,
}
