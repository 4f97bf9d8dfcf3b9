"""What the findings mean for each check: passed, failed, could not be made, or skipped for another's cause. Pure."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pse_preflight.findings import CODES, Finding, Severity, message, most_decisive_first
from pse_preflight.gather import Evidence
from pse_preflight.pse.condition import State

Holds = Callable[[object], None]
"""Passes a check if nothing speaks against it and there is evidence for it; fails with the findings otherwise."""


class Verdict(enum.Enum):
    """How a check ends."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


class Need(enum.Enum):
    """What a check must have before it can be made."""

    URL = "an URL that may be asked"
    ADDRESS = "an address of the host"
    CONNECTION = "a connection to the port"
    TLS = "a TLS handshake"
    COMPLETE_CHAIN = "a chain that reaches a root"
    GENUINE_CHAIN = "a chain that nobody re-signed"
    SOUND_CHAIN = "a chain without a grave fault"
    VERIFIED_PATH = "a verified path"
    NAMED_HOST = "a certificate that names the host"
    PSE_MADE = "a PSE, or a chain from which it can be made"
    PSE = "a PSE that can be read"
    LIST = "the certificate list of the PSE"
    ROOT_LISTED = "the chain in the certificate list"
    TRUST = "a PSE that trusts the server"
    LIVE = "a live handshake"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ends, and why.

    Attributes:
        verdict: the end.
        findings: its own findings, the decisive first; where it is blocked and nobody else tells, the cause.
        reason: why it was skipped.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    reason: str = ""

    @property
    def text(self) -> str:
        """Return all findings as people read them, the decisive first."""
        return "\n\n".join(message(each) for each in self.findings)


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts in this run.

    Attributes:
        fail_on: the mildest severity that turns a check red.
        selected: the checks that run for this system.
    """

    fail_on: Severity
    selected: frozenset[str]


_NETWORK = (Need.URL, Need.ADDRESS, Need.CONNECTION, Need.TLS)
_PSE = (Need.PSE_MADE, Need.PSE)
_LIST = (*_PSE, Need.LIST)
_TRUST = (*_NETWORK, *_LIST, Need.COMPLETE_CHAIN, Need.SOUND_CHAIN, Need.ROOT_LISTED)

NEEDS: Mapping[str, tuple[Need, ...]] = {
    "test_url_names_the_api_host": (),
    "test_host_name_resolves": (Need.URL,),
    "test_port_accepts_connections": _NETWORK[:2],
    "test_url_answers_https": _NETWORK,
    "test_clock_agrees_with_the_server": _NETWORK,
    "test_tls_handshake_succeeds": _NETWORK[:3],
    "test_certificate_names_the_host": _NETWORK,
    "test_chain_is_complete": (*_NETWORK, Need.GENUINE_CHAIN),
    "test_chain_is_valid": (*_NETWORK, Need.GENUINE_CHAIN, Need.COMPLETE_CHAIN),
    "test_chain_is_not_inspected": _NETWORK,
    "test_chain_outlasts_the_next_weeks": (*_NETWORK, Need.GENUINE_CHAIN, Need.COMPLETE_CHAIN, Need.VERIFIED_PATH),
    "test_chain_is_strong": _NETWORK,
    "test_pse_exists": (Need.PSE_MADE,),
    "test_pse_needs_no_pin": _PSE,
    "test_pse_is_private": _PSE,
    "test_pse_owner_is_as_configured": _PSE,
    "test_maintain_pk_lists_the_chain": (*_LIST, *_NETWORK, Need.VERIFIED_PATH),
    "test_file_and_tool_agree": _LIST,
    "test_pk_list_is_current": _LIST,
    "test_pk_list_holds_the_required_roots": _LIST,
    "test_pk_list_trusts_no_inspection": _LIST,
    "test_pse_trusts_the_server": _TRUST,
    "test_trust_survives_renewal": (*_TRUST, Need.TRUST),
    "test_handshake_with_the_pse_alone": (*_TRUST, Need.TRUST, Need.NAMED_HOST),
    "test_websocket_rfc_answers": (*_TRUST, Need.TRUST, Need.NAMED_HOST, Need.LIVE),
}
"""What each check needs; the first need that is broken blocks it."""


def decide(check: str, evidence: Evidence, policy: Policy) -> Outcome:
    """Decide how a check ends for one system.

    Args:
        check: its name without the alias.
    """
    own = most_decisive_first(each for each in evidence.findings if each.check == check)
    cause = blocking(check, evidence)
    if cause is not None:
        return _blocked(cause, policy)
    if any(each.severity >= policy.fail_on for each in own):
        return Outcome(Verdict.ERROR if own[0].is_error else Verdict.FAIL, own)
    reason = inapplicable(check, evidence)
    return Outcome(Verdict.SKIP, own, reason) if reason else Outcome(Verdict.PASS, own)


def blocking(check: str, evidence: Evidence) -> Finding | None:
    """Return the finding, another check's, for which this check cannot be made."""
    broken = broken_needs(evidence)
    causes = (broken[need] for need in NEEDS[check] if need in broken)
    return next((cause for cause in causes if cause.check != check), None)


def broken_needs(evidence: Evidence) -> Mapping[Need, Finding]:
    """Return the needs that are not met, each with the finding that is its cause."""
    causes = {need: _first(evidence, codes) for need, codes in _BREAKING_CODES.items()}
    causes[Need.COMPLETE_CHAIN] = _unless(evidence.judgement.path or evidence.trust.path, causes[Need.COMPLETE_CHAIN])
    causes[Need.GENUINE_CHAIN] = _unless(evidence.judgement.path, causes[Need.GENUINE_CHAIN])
    causes[Need.VERIFIED_PATH] = _unless(evidence.judgement.path or evidence.trust.path, causes[Need.VERIFIED_PATH])
    causes[Need.PSE_MADE] = evidence.not_created_for or causes[Need.PSE_MADE]
    causes[Need.ROOT_LISTED] = _unless(evidence.trust.path, causes[Need.ROOT_LISTED])
    return {need: cause for need, cause in causes.items() if cause is not None}


def inapplicable(check: str, evidence: Evidence) -> str:
    """Return why a check has nothing to judge here; empty where it has."""
    return _INAPPLICABLE[check](evidence) if check in _INAPPLICABLE else ""


def _first(evidence: Evidence, codes: tuple[str, ...]) -> Finding | None:
    found = [each for each in evidence.findings if each.code in codes]
    return next(iter(most_decisive_first(found)), None)


def _unless(met: object, cause: Finding | None) -> Finding | None:
    return None if met else cause


def _blocked(cause: Finding, policy: Policy) -> Outcome:
    """Skip if the check that owns the cause tells of it in this run; else tell of it here."""
    if cause.check in policy.selected and cause.severity >= policy.fail_on:
        return Outcome(Verdict.SKIP, (), f"blocked by {cause.code}, see {cause.check}")
    return Outcome(Verdict.ERROR if cause.is_error else Verdict.FAIL, (cause,))


_GRAVE_CHAIN = (
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_NOT_YET_VALID",
    "CERTIFICATE_SELF_SIGNED",
    "SIGNATURE_WRONG",
    "CA_CONSTRAINT_BROKEN",
    "CERTIFICATE_IRREGULAR",
    "CERTIFICATE_UNREADABLE",
)
_INCOMPLETE = ("SERVER_OMITS_INTERMEDIATE", "SERVER_SENDS_WRONG_INTERMEDIATE")

_BREAKING_CODES: Mapping[Need, tuple[str, ...]] = {
    Need.URL: ("URL_NOT_HTTPS",),
    Need.ADDRESS: ("HOST_UNKNOWN", "DNS_TIMEOUT"),
    Need.CONNECTION: (
        "PORT_REFUSED",
        "PORT_TIMEOUT",
        "PROXY_REFUSED",
        "PROXY_WANTS_LOGIN",
        "PROXY_ANSWERS_ITSELF",
    ),
    Need.TLS: ("NOT_TLS", "TLS_HANDSHAKE_FAILED", "TLS_TIMEOUT", "TLS_TOO_OLD"),
    Need.GENUINE_CHAIN: ("TLS_INSPECTED",),
    Need.COMPLETE_CHAIN: _INCOMPLETE,
    Need.SOUND_CHAIN: _GRAVE_CHAIN,
    Need.VERIFIED_PATH: ("TLS_INSPECTED", *_INCOMPLETE, *_GRAVE_CHAIN, "ROOT_UNTRUSTED", "HOST_NOT_IN_CERTIFICATE"),
    Need.NAMED_HOST: ("HOST_NOT_IN_CERTIFICATE",),
    Need.PSE_MADE: ("PSE_MISSING",),
    Need.PSE: ("PSE_UNREADABLE",),
    Need.LIST: ("PSE_HAS_PIN", "TOOL_MISSING", "TOOL_FAILED", "TOOL_TIMEOUT"),
    Need.ROOT_LISTED: ("PK_LIST_EMPTY", "ROOT_NOT_IN_PSE"),
    Need.TRUST: ("SERVER_NOT_TRUSTED",),
    Need.LIVE: ("HANDSHAKE_REFUSED",),
}


def _no_date(evidence: Evidence) -> str:
    seen = evidence.endpoint
    return "" if seen and seen.date_offset_seconds is not None else "the server sent no Date header"


def _one_reader(evidence: Evidence) -> str:
    return "one reader only: the bundled implementation is the tool" if evidence.pse.one_reader else ""


def _nothing_required(evidence: Evidence) -> str:
    return "" if evidence.system.required_roots else "required_roots names none"


def _no_access_rights(evidence: Evidence) -> str:
    return "" if evidence.pse.condition.mode is not None else "access lists of this operating system are not judged"


def _not_live(evidence: Evidence) -> str:
    return "" if evidence.live else "the live handshake belongs to the present, and another day is judged"


def _no_owner(evidence: Evidence) -> str:
    return "" if evidence.pse.condition.state is State.PLAIN else "the owner cannot be read without the PIN"


_INAPPLICABLE = {
    "test_clock_agrees_with_the_server": _no_date,
    "test_file_and_tool_agree": _one_reader,
    "test_pk_list_holds_the_required_roots": _nothing_required,
    "test_pse_is_private": _no_access_rights,
    "test_pse_owner_is_as_configured": _no_owner,
    "test_handshake_with_the_pse_alone": _not_live,
    "test_websocket_rfc_answers": _not_live,
}

assert set(NEEDS) >= {row.check for row in CODES.values()}  # noqa: S101 - no code without a check
