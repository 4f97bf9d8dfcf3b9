from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.chain.judge import Judgement, Period
from pse_preflight.chain.roots import Roots
from pse_preflight.checklist import CHECKS, CODES, OWNERS, Code, Need, Severity
from pse_preflight.client.side import ClientSide
from pse_preflight.client_pse.condition import AccessList, Condition, PseContent, State
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.endpoint.model import Endpoint, LiveHandshake
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.system import Client, Product, System, TrustStore, Waiver
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from pse_preflight.verdict.evidence import Evidence, Observations, Origin
from pse_preflight.verdict.policy import Outcome, Policy, Verdict, blocking, decide, inapplicable, slowest_check
from pse_preflight.verdict.trust import Trust
from tests.kit.pse_mutations import made
from tests.kit.systems import NOTHING_KNOWN

DAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVERYTHING = frozenset(CHECKS)
MADE = Origin(host="host", account="account", at=DAY, toolkit="1")
USUAL = Policy(Severity.MAJOR, EVERYTHING)
FEW = "O:BAD:PAI(A;;FA;;;SY)(A;;FA;;;BA)"
XTRACT = Product("xtract", Path("/opt/xtract"))


def _evidence(
    *findings: Finding, verified: bool = False, trusted: bool = False, state: State = State.PLAIN
) -> Evidence:
    path = ("leaf", "root") if verified else ()
    content = PseContent(made().owner, made().trusted)
    pse = ClientPse(Condition(Path("c.pse"), state, content=content, mode=0o600), listing=Listing(()))
    return Evidence(
        system=System(alias="PRD", url=ApiUrl("host.example.com", 443), pse=Path("c.pse"), secudir=Path()),
        period=Period(DAY, DAY),
        observations=Observations(endpoint=None, pse=pse, known=NOTHING_KNOWN),
        roots=Roots((), "nothing"),
        judgement=Judgement(leaf=None, path=path, best=path, findings=(), wanted=(), names_host=True),  # type: ignore[arg-type]
        trust=Trust(path if trusted else (), (), (), None, None),  # type: ignore[arg-type]
        findings=findings,
        not_created_for=None,
    )


def _found(code: str, severity: Severity | None = None) -> Finding:
    return finding(Code(code), "something was seen", severity=severity)


def test_every_code_belongs_to_a_check_that_is_known() -> None:
    assert set(OWNERS.values()) <= set(CHECKS)


def test_a_check_without_findings_passes() -> None:
    assert decide("test_chain_is_strong", _evidence(), USUAL).verdict is Verdict.PASS


@pytest.mark.parametrize("code", [code for code, row in CODES.items() if not row.is_error])
def test_a_blocker_fails_the_check_that_owns_it_and_tells_so(code: str) -> None:
    outcome = decide(OWNERS[Code(code)], _evidence(_found(code, Severity.BLOCKER)), USUAL)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.text.startswith(f"{code}: something was seen")


@pytest.mark.parametrize("code", ["TOOL_MISSING", "TOOL_FAILED", "TOOL_TIMEOUT"])
def test_what_could_not_be_checked_is_an_error(code: str) -> None:
    assert decide("test_pse_exists", _evidence(_found(code)), USUAL).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("fail_on", "severity", "verdict"),
    [
        (fail_on, severity, Verdict.FAIL if severity >= fail_on else Verdict.PASS)
        for fail_on in Severity
        for severity in Severity
    ],
)
def test_fail_on_draws_the_line(fail_on: Severity, severity: Severity, verdict: Verdict) -> None:
    evidence = _evidence(_found("CERTIFICATE_WEAK", severity))
    outcome = decide("test_chain_is_strong", evidence, replace(USUAL, fail_on=fail_on))
    assert outcome.verdict is verdict
    assert [each.code for each in outcome.findings] == ["CERTIFICATE_WEAK"]


def test_the_gravest_finding_leads() -> None:
    evidence = _evidence(_found("PSE_CREATED"), _found("PSE_UNCONFIRMED", Severity.MAJOR))
    codes = [each.code for each in decide("test_pse_exists", evidence, USUAL).findings]
    assert codes == ["PSE_UNCONFIRMED", "PSE_CREATED"]


STAGES = ["URL_NOT_HTTPS", "HOST_UNKNOWN", "PORT_REFUSED", "NOT_TLS"]


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(STAGES)))
def test_one_cause_on_the_way_gives_one_red_check(earlier: str, later: str) -> None:
    evidence = _evidence(_found(earlier))
    assert decide(OWNERS[Code(earlier)], evidence, USUAL).verdict is Verdict.FAIL
    blocked = decide(OWNERS[Code(later)], evidence, USUAL)
    assert (blocked.verdict, blocked.reason) == (Verdict.SKIP, f"blocked by {earlier}, see {OWNERS[Code(earlier)]}")
    assert decide(OWNERS[Code(earlier)], _evidence(_found(later)), USUAL).verdict is Verdict.PASS


TRUST = ("pse_trusts_the_server", "trust_survives_renewal", "handshake_with_the_pse_alone", "websocket_rfc_answers")
LIST = (
    "maintain_pk_lists_the_chain",
    "file_and_tool_agree",
    "pk_list_is_current",
    "pk_list_holds_the_required_roots",
    "pk_list_trusts_no_inspection",
)
PSE = ("pse_needs_no_pin", "pse_is_private", "pse_owner_is_as_configured")
CHAIN = (
    "certificate_names_the_host",
    "chain_is_complete",
    "chain_is_valid",
    "chain_is_not_inspected",
    "chain_outlasts_the_next_weeks",
    "chain_is_strong",
)
TLS = ("url_answers_https", "clock_agrees_with_the_server", *CHAIN, LIST[0], *TRUST)
CONNECTION = ("tls_handshake_succeeds", *TLS)
ADDRESS = ("port_accepts_connections", *CONNECTION)
URL = ("host_name_resolves", *ADDRESS)
UNVERIFIED = ("chain_outlasts_the_next_weeks", LIST[0])

BLOCKS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("URL_NOT_HTTPS",), URL),
    **dict.fromkeys(("HOST_UNKNOWN", "DNS_TIMEOUT"), ADDRESS),
    **dict.fromkeys(("PORT_REFUSED", "PORT_TIMEOUT", "PORT_UNREACHABLE"), CONNECTION),
    **dict.fromkeys(("PROXY_REFUSED", "PROXY_WANTS_LOGIN", "PROXY_ANSWERS_ITSELF"), CONNECTION),
    **dict.fromkeys(("NOT_TLS", "TLS_HANDSHAKE_FAILED", "TLS_TIMEOUT", "TLS_TOO_OLD"), TLS),
    "TLS_INSPECTED": ("chain_is_complete", "chain_is_valid", *UNVERIFIED, *TRUST),
    **dict.fromkeys(
        ("SERVER_OMITS_INTERMEDIATE", "SERVER_SENDS_WRONG_INTERMEDIATE"), ("chain_is_valid", *UNVERIFIED, *TRUST)
    ),
    **dict.fromkeys(("CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID", "SIGNATURE_WRONG"), (*UNVERIFIED, *TRUST)),
    **dict.fromkeys(("CERTIFICATE_SELF_SIGNED", "CONSTRAINT_NOT_JUDGED", "NAME_FORM_DIFFERS"), (*UNVERIFIED, *TRUST)),
    **dict.fromkeys(("CA_CONSTRAINT_BROKEN", "CERTIFICATE_IRREGULAR"), (*UNVERIFIED, *TRUST)),
    "CERTIFICATE_UNREADABLE": (*(each for each in CHAIN if each != "chain_is_valid"), LIST[0], *TRUST),
    "ROOT_UNTRUSTED": UNVERIFIED,
    **dict.fromkeys(("HOST_NOT_IN_CERTIFICATE", "CERTIFICATE_WEAK"), ("chain_is_valid", *UNVERIFIED, *TRUST)),
    "PSE_MISSING": (*PSE, *LIST, *TRUST, "client_account_can_read_the_pse"),
    "PSE_UNREADABLE": (*PSE, *LIST, *TRUST),
    **dict.fromkeys(("PSE_HAS_PIN", "PSE_MACHINE_BOUND"), (*LIST, *TRUST)),
    **dict.fromkeys(("TOOL_MISSING", "TOOL_FAILED", "TOOL_TIMEOUT"), (*LIST, *TRUST)),
    **dict.fromkeys(("PK_LIST_EMPTY", "ROOT_NOT_IN_PSE", "PK_LIST_NOT_COMPARABLE", "INTERMEDIATE_NOT_IN_PSE"), TRUST),
    "SERVER_NOT_TRUSTED": TRUST[1:],
    **dict.fromkeys(("HANDSHAKE_REFUSED", "CLIENT_CERTIFICATE_WANTED"), TRUST[3:]),
}
"""Every cause and the checks, without `test_`, that cannot be made for it where nothing else is known."""

BLOCKED = {code: [f"test_{check}" for check in checks] for code, checks in BLOCKS.items()}
OF_THE_CLIENT = {
    *("WRONG_HOST", "CLIENT_ACCOUNT_UNKNOWN", "CLIENT_INI_UNREADABLE", "CLIENT_INI_NO_DEST", "CONNECTIONS_UNREADABLE"),
}
"""Causes on the client's own side, which have tests of their own."""


@pytest.mark.parametrize("code", ["CA_CONSTRAINT_BROKEN", "CERTIFICATE_IRREGULAR", "CERTIFICATE_UNREADABLE"])
def test_certificate_that_is_no_servers_is_told_once_and_not_for_lacking_host_names(code: str) -> None:
    check = "test_certificate_names_the_host"
    found = _evidence(_found(code, Severity.BLOCKER))
    named = replace(found, judgement=replace(found.judgement, leaf=made().owner))
    nameless = replace(named, judgement=replace(named.judgement, names_host=False))
    assert blocking(check, named) is None
    assert blocking(check, nameless) == named.findings[0]
    both = replace(nameless, findings=(*nameless.findings, _found("HOST_NOT_IN_CERTIFICATE")))
    assert blocking(check, both) is None
    assert decide(check, both, USUAL).verdict is Verdict.FAIL


@pytest.mark.parametrize("code", ["KEY_IDENTIFIERS_DIFFER", "CA_CONSTRAINT_BROKEN", "CERTIFICATE_WEAK"])
def test_handshake_that_openssl_refuses_for_the_chain_is_no_second_red(code: str) -> None:
    check = "test_handshake_with_the_pse_alone"
    found = _evidence(_found(code, Severity.MAJOR), _found("HANDSHAKE_REFUSED"), verified=True, trusted=True)
    for accepted, blocked in ((False, True), (True, False), (None, False)):
        live = LiveHandshake(host="h", port=443, asked_at=DAY, succeeded=accepted is True, accepted=accepted)
        evidence = replace(found, observations=replace(found.observations, live=live))
        assert (blocking(check, evidence) == found.findings[0]) is blocked
    alone = replace(found, findings=found.findings[1:])
    assert decide(check, alone, USUAL).verdict is Verdict.FAIL


def _waived(evidence: Evidence, *waivers: Waiver) -> Evidence:
    return replace(evidence, system=replace(evidence.system, waivers=waivers))


def _waiver(check: str, code: str | None) -> Waiver:
    return Waiver(check=check, code=code, until=DAY.date(), reason="known, and mended soon")


def test_every_cause_blocks_what_is_written_and_nothing_else() -> None:
    known = {code: _evidence(_found(code, Severity.MAJOR)) for code in CODES.keys() - OF_THE_CLIENT}
    found = {(code, check) for code, evidence in known.items() for check in CHECKS if blocking(check, evidence)}
    assert found == {(code, check) for code, checks in BLOCKED.items() for check in checks}


@pytest.mark.parametrize("code", BLOCKED)
def test_a_minor_finding_blocks_nothing(code: str) -> None:
    evidence = _evidence(_found(code, Severity.MINOR))
    assert [check for check in BLOCKED[code] if blocking(check, evidence) is not None] == []


@pytest.mark.parametrize("code", BLOCKED)
def test_a_blocked_check_skips_if_the_owner_of_the_cause_tells(code: str) -> None:
    evidence = _evidence(_found(code, Severity.BLOCKER))
    reason = f"blocked by {code}, see {OWNERS[Code(code)]}"
    for check in BLOCKED[code]:
        outcome = decide(check, evidence, USUAL)
        assert (outcome.verdict, outcome.findings, outcome.reason) == (Verdict.SKIP, (), reason), check
    assert decide(OWNERS[Code(code)], evidence, USUAL).verdict in {Verdict.FAIL, Verdict.ERROR}


def _tells(check: str, evidence: Evidence, policy: Policy, code: str) -> bool:
    outcome = decide(check, evidence, policy)
    red = Verdict.ERROR if CODES[Code(code)].is_error else Verdict.FAIL
    return outcome.verdict is red and [each.code for each in outcome.findings] == [code]


def _silent(evidence: Evidence, policy: Policy, code: str) -> list[str]:
    """Return the checks that are blocked by a cause and do not tell it."""
    return [check for check in BLOCKED[code] if not _tells(check, evidence, policy, code)]


@pytest.mark.parametrize("code", BLOCKED)
def test_a_blocked_check_tells_if_the_owner_of_the_cause_is_not_selected(code: str) -> None:
    policy = replace(USUAL, selected=EVERYTHING - {OWNERS[Code(code)]})
    assert _silent(_evidence(_found(code, Severity.BLOCKER)), policy, code) == []


@pytest.mark.parametrize("code", BLOCKED)
def test_a_blocked_check_tells_if_the_cause_is_waived(code: str) -> None:
    evidence = _waived(_evidence(_found(code, Severity.BLOCKER)), _waiver(OWNERS[Code(code)], code))
    assert decide(OWNERS[Code(code)], evidence, USUAL).verdict is Verdict.SKIP
    assert _silent(evidence, USUAL, code) == []


@pytest.mark.parametrize("code", BLOCKED)
def test_a_blocked_check_tells_if_the_cause_is_below_fail_on(code: str) -> None:
    policy = replace(USUAL, fail_on=Severity.BLOCKER)
    assert _silent(_evidence(_found(code, Severity.MAJOR)), policy, code) == []


def test_every_cause_blocks_something() -> None:
    assert [code for code, checks in BLOCKED.items() if not checks] == []


def test_a_cause_behind_a_waived_one_is_told_by_somebody() -> None:
    """The owner of the cause is waived for a deeper cause, so it would not tell of its own."""
    waivers = [
        _waiver(check, "ROOT_UNTRUSTED") for check in ("test_chain_is_valid", "test_maintain_pk_lists_the_chain")
    ]
    evidence = _waived(_evidence(_found("ROOT_UNTRUSTED"), _found("PK_LIST_EMPTY")), *waivers)
    assert decide("test_maintain_pk_lists_the_chain", evidence, USUAL).verdict is Verdict.SKIP
    assert _tells("test_pse_trusts_the_server", evidence, USUAL, "PK_LIST_EMPTY")
    assert decide("test_pse_trusts_the_server", _waived(evidence), USUAL).verdict is Verdict.SKIP


def _red_checks(evidence: Evidence, selected: Iterable[str]) -> list[str]:
    policy = replace(USUAL, selected=frozenset(selected))
    return [check for check in selected if decide(check, evidence, policy).verdict in {Verdict.FAIL, Verdict.ERROR}]


@pytest.mark.parametrize("code", [code for code in BLOCKS if code != "PSE_MISSING"])
def test_one_cause_gives_one_red_check(code: str) -> None:
    known = [check for check in CHECKS if not check.startswith(("test_client", "test_this", "test_crypto"))]
    assert _red_checks(_evidence(_found(code, Severity.BLOCKER)), known) == [OWNERS[Code(code)]]


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("TLS_INSPECTED", "test_chain_is_valid"),
        ("SERVER_OMITS_INTERMEDIATE", "test_chain_is_valid"),
        ("ROOT_UNTRUSTED", "test_maintain_pk_lists_the_chain"),
    ],
)
def test_a_verified_path_is_not_blocked_by_what_it_overcame(code: str, check: str) -> None:
    assert blocking(check, _evidence(_found(code), verified=True)) is None


def test_what_the_pse_completes_is_trusted_and_not_valid_for_that() -> None:
    """The server omits an intermediate that the PSE holds: one red check, and the trust checks are made."""
    evidence = _evidence(_found("SERVER_OMITS_INTERMEDIATE"))
    completed = ("leaf", "intermediate", "root")
    evidence = replace(evidence, trust=replace(evidence.trust, path=completed))  # type: ignore[arg-type]
    cause = blocking("test_chain_is_valid", evidence)
    assert cause
    assert cause.code == "SERVER_OMITS_INTERMEDIATE"
    others = [f"test_{check}" for check in (*TRUST, *UNVERIFIED)]
    assert [check for check in others if blocking(check, evidence)] == []
    fetched = _evidence(_found("SERVER_OMITS_INTERMEDIATE"), verified=True)
    assert blocking("test_chain_is_valid", fetched) is None


def test_an_unreadable_certificate_beside_a_readable_one_of_the_server_blocks_less() -> None:
    evidence = _evidence(_found("CERTIFICATE_UNREADABLE"))
    read = replace(evidence, judgement=replace(evidence.judgement, leaf="leaf"))  # type: ignore[arg-type]
    of_the_leaf = ("certificate_names_the_host", "chain_is_complete", "chain_is_not_inspected", "chain_is_strong")
    assert all(blocking(f"test_{check}", evidence) for check in of_the_leaf)
    assert not any(blocking(f"test_{check}", read) for check in of_the_leaf)
    assert blocking("test_pse_trusts_the_server", read)


def test_a_trusted_path_is_not_blocked_by_a_root_that_is_not_listed() -> None:
    evidence = _evidence(_found("ROOT_NOT_IN_PSE", Severity.MAJOR), verified=True, trusted=True)
    assert decide("test_pse_trusts_the_server", evidence, USUAL).verdict is Verdict.PASS


def test_a_pse_that_could_not_be_made_is_blocked_by_the_chain() -> None:
    cause = _found("CERTIFICATE_EXPIRED")
    evidence = replace(_evidence(cause, _found("PSE_MISSING")), not_created_for=cause)
    for check in ("test_pse_exists", "test_pse_needs_no_pin", "test_pk_list_is_current"):
        assert decide(check, evidence, USUAL).reason == "blocked by CERTIFICATE_EXPIRED, see test_chain_is_valid"
    assert decide("test_pse_exists", _evidence(_found("PSE_MISSING")), USUAL).verdict is Verdict.FAIL


def test_what_is_not_configured_is_skipped() -> None:
    evidence = _evidence()
    required = replace(evidence, system=replace(evidence.system, required_roots=("ab" * 32,)))
    check = "test_pk_list_holds_the_required_roots"
    idle = decide(check, evidence, USUAL)
    assert (idle.reason, idle.unconfigured) == ("not configured: required_roots", "required_roots")
    assert decide(check, required, USUAL).verdict is Verdict.PASS
    assert decide(check, required, USUAL).unconfigured == ""


@pytest.mark.parametrize(
    ("check", "key"),
    [
        ("test_this_is_the_clients_host", "client.hosts"),
        ("test_client_account_can_read_the_pse", "client.account"),
        ("test_pse_path_is_the_same_for_the_client_account", "client.account"),
        ("test_client_ini_names_what_is_checked", "client_ini"),
        ("test_client_ini_verifies_the_server", "client_ini"),
        ("test_client_ini_logs_on_with_an_alias", "client_ini"),
        ("test_crypto_library_fits_the_client", "crypto_library"),
    ],
)
def test_each_check_of_the_client_says_which_key_is_silent(check: str, key: str) -> None:
    assert decide(check, _evidence(), USUAL) == Outcome(Verdict.SKIP, reason=f"not configured: {key}", unconfigured=key)


@pytest.mark.parametrize(
    ("client", "seen", "is_named"),
    [
        (None, None, False),
        (Client(account="svc"), None, True),
        (Client(), None, False),
        (Client(product=XTRACT), None, True),
        (Client(product=XTRACT), ClientSide(host="here"), False),
        (Client(product=XTRACT), ClientSide(host="here", runs_as="svc"), True),
        (Client(product=XTRACT), ClientSide(host="here", account_problem="no such service"), True),
        (Client(), ClientSide(host="here", runs_as="svc"), False),
    ],
)
def test_account_is_named_by_the_user_or_by_the_service_that_was_looked_for(
    client: Client | None, seen: ClientSide | None, *, is_named: bool
) -> None:
    evidence = _evidence()
    evidence = replace(
        evidence,
        system=replace(evidence.system, client=client),
        observations=replace(evidence.observations, client=seen),
    )
    outcome = decide("test_client_account_can_read_the_pse", evidence, USUAL)
    assert (outcome.unconfigured != "client.account") is is_named


@pytest.mark.parametrize(
    ("verified", "beside", "is_blocked"),
    [
        (False, None, True),
        (True, None, False),
        (False, "CERTIFICATE_EXPIRED", False),
        (True, "CERTIFICATE_EXPIRED", False),
        (False, "ROOT_UNTRUSTED", False),
        (False, "CHAIN_HAS_EXTRAS", True),
    ],
)
def test_weakness_blocks_the_verdict_on_validity_where_nothing_else_is_known(
    beside: str | None, *, verified: bool, is_blocked: bool
) -> None:
    found = [_found("CERTIFICATE_WEAK", Severity.MAJOR), *([_found(beside)] if beside else [])]
    cause = blocking(OWNERS[Code.CERTIFICATE_EXPIRED], _evidence(*found, verified=verified))
    assert (cause is not None and cause.code is Code.CERTIFICATE_WEAK) is is_blocked


def test_what_is_blocked_and_not_configured_either_is_told_as_both() -> None:
    blocked = decide("test_client_account_can_read_the_pse", _evidence(_found("PSE_MISSING")), USUAL)
    assert (blocked.reason, blocked.unconfigured) == ("blocked by PSE_MISSING, see test_pse_exists", "client.account")


def test_waiting_belongs_to_the_check_that_got_stuck() -> None:
    assert slowest_check(_evidence()) == "test_tls_handshake_succeeds"
    assert slowest_check(_evidence(_found("PORT_TIMEOUT"))) == "test_port_accepts_connections"
    assert slowest_check(_evidence(_found("HTTP_NO_ANSWER"))) == "test_url_answers_https"
    assert slowest_check(_evidence(_found("TOOL_TIMEOUT"))) == "test_pse_exists"
    assert slowest_check(_evidence(_found("CERTIFICATE_EXPIRED"))) == "test_tls_handshake_succeeds"


def test_a_list_without_days_is_not_called_current() -> None:
    check, evidence = "test_pk_list_is_current", _evidence()
    vague = ListedCertificate("ab" * 32, "CN=Root", "", None, None, None)
    listed = replace(evidence.pse, listing=Listing((vague,)))
    told = replace(evidence, observations=replace(evidence.observations, pse=listed))
    assert decide(check, told, USUAL).reason == "until when 1 of 1 certificates are valid is not known"
    assert decide(check, evidence, USUAL).verdict is Verdict.PASS


def test_one_reader_does_not_prove_that_two_agree() -> None:
    evidence = _evidence()
    seen = replace(evidence.observations, pse=replace(evidence.pse, one_reader=True))
    alone = replace(evidence, observations=seen)
    assert "one reader only" in decide("test_file_and_tool_agree", alone, USUAL).reason
    assert decide("test_file_and_tool_agree", evidence, USUAL).verdict is Verdict.PASS


def test_a_server_without_a_clock_is_skipped() -> None:
    assert "no Date header" in decide("test_clock_agrees_with_the_server", _evidence(), USUAL).reason
    for offset, why in ((None, "the server sent no Date header"), (0.0, ""), (3.0, "")):
        evidence = _with(endpoint=Endpoint("host", 443, None, DAY, date_offset_seconds=offset))
        assert inapplicable("test_clock_agrees_with_the_server", evidence) == why


def _with(**seen: Any) -> Evidence:
    evidence = _evidence()
    return replace(evidence, observations=replace(evidence.observations, **seen))


@pytest.mark.parametrize("store", [None, TrustStore()])
@pytest.mark.parametrize("state", [State.PLAIN, State.MISSING])
def test_a_chain_from_a_file_is_judged_without_server_and_without_pse(state: State, store: TrustStore | None) -> None:
    pse = ClientPse(Condition(Path("c.pse"), state, mode=0o600))
    evidence = _with(endpoint=Endpoint("host", 443, None, DAY, from_file="chain.pem"), pse=pse)
    evidence = replace(evidence, system=replace(evidence.system, truststore=store))
    judged = "--presented: the chain in chain.pem is judged, and "
    assert inapplicable("test_port_accepts_connections", evidence) == f"{judged}no server was asked"
    absent = f"{judged}there is no {'trust store' if store else 'PSE'} here"
    assert inapplicable("test_pse_trusts_the_server", evidence) == (absent if state is State.MISSING else "")


@pytest.mark.parametrize(
    ("mode", "rights", "why"),
    [
        (0o600, None, ""),
        (None, None, "who may read it was not recorded"),
        (None, AccessList(file=FEW, folder=FEW, seen_by="S-1-5-18"), ""),
        (None, AccessList(problem="Access is denied"), "cannot be judged here: Access is denied"),
        (
            None,
            AccessList(file="?", folder=FEW, seen_by="S-1-5-18"),
            "cannot be judged here: the access list of the PSE or of its folder is in a form that is not known here",
        ),
    ],
)
def test_access_rights_are_judged_where_they_were_seen(mode: int | None, rights: AccessList | None, why: str) -> None:
    pse = ClientPse(Condition(Path("c.pse"), State.PLAIN, mode=mode, access_list=rights))
    assert inapplicable("test_pse_is_private", _with(pse=pse)) == why


def test_needs_are_given_in_the_order_in_which_they_are_met() -> None:
    order = list(Need)
    network = [row.needs for check, row in CHECKS.items() if check.startswith(("test_url", "test_port", "test_tls"))]
    assert all(sorted(needs, key=order.index) == list(needs) for needs in network)


def test_seen_dates_count() -> None:
    assert Endpoint.__dataclass_fields__["date_offset_seconds"].default is None


# The contract, code by code: which check, and how bad.
CONTRACT = """
url_names_the_api_host B URL_NOT_HTTPS URL_UI_HOST URL_HAS_CREDENTIALS
url_names_the_api_host m URL_PLACEHOLDER URL_UNUSUAL
host_name_resolves B HOST_UNKNOWN DNS_TIMEOUT
port_accepts_connections B PORT_REFUSED PORT_TIMEOUT PROXY_REFUSED PROXY_WANTS_LOGIN PROXY_ANSWERS_ITSELF
url_answers_https M HTTP_NO_ANSWER HTTP_SERVER_ERROR
url_answers_https m HTTP_LOGIN_PAGE HTTP_TOO_MANY_REQUESTS ASKED_AGAIN
clock_agrees_with_the_server M CLOCK_SKEW
tls_handshake_succeeds B NOT_TLS TLS_HANDSHAKE_FAILED TLS_TIMEOUT TLS_TOO_OLD
tls_handshake_succeeds M TLS_13_ONLY
certificate_names_the_host B HOST_NOT_IN_CERTIFICATE
chain_is_complete M SERVER_OMITS_INTERMEDIATE SERVER_SENDS_WRONG_INTERMEDIATE
chain_is_complete m CHAIN_OUT_OF_ORDER CHAIN_HAS_EXTRAS
chain_is_valid B CERTIFICATE_EXPIRED CERTIFICATE_NOT_YET_VALID CERTIFICATE_SELF_SIGNED SIGNATURE_WRONG
chain_is_valid B CA_CONSTRAINT_BROKEN CERTIFICATE_UNREADABLE
chain_is_valid M ROOT_UNTRUSTED
chain_is_not_inspected M TLS_INSPECTED
chain_outlasts_the_next_weeks M CERTIFICATE_EXPIRES_SOON
chain_outlasts_the_next_weeks m RENEWAL_DUE
chain_is_strong m CERTIFICATE_WEAK
pse_exists B PSE_MISSING PSE_UNREADABLE TOOL_MISSING TOOL_FAILED TOOL_TIMEOUT
pse_exists m PSE_CREATED PSE_UNCONFIRMED
pse_needs_no_pin B PSE_HAS_PIN
pse_needs_no_pin m PSE_MACHINE_BOUND
pse_is_private M PSE_READABLE_BY_OTHERS PSE_WRITABLE_BY_OTHERS
pse_is_private m PSE_READABLE_BY_GROUP
pse_owner_is_as_configured m PSE_OWNER_EXPIRED PSE_OWNER_DIFFERS
maintain_pk_lists_the_chain B PK_LIST_EMPTY ROOT_NOT_IN_PSE PK_LIST_NOT_COMPARABLE
maintain_pk_lists_the_chain m INTERMEDIATE_NOT_IN_PSE LEAF_NOT_IN_PSE
file_and_tool_agree M PK_LIST_DISAGREES
pk_list_is_current m PK_LIST_EXPIRED
pk_list_holds_the_required_roots M REQUIRED_ROOT_NOT_IN_PSE
pk_list_trusts_no_inspection M PSE_TRUSTS_INSPECTION
pse_trusts_the_server B SERVER_NOT_TRUSTED
trust_survives_renewal M PSE_HOLDS_SERVER_CERT_ONLY PSE_HOLDS_INTERMEDIATE_ONLY
handshake_with_the_pse_alone B HANDSHAKE_REFUSED
websocket_rfc_answers m WSRFC_NO_UPGRADE WSRFC_BLOCKED
"""
LETTERS = {"B": Severity.BLOCKER, "M": Severity.MAJOR, "m": Severity.MINOR}


@pytest.mark.parametrize("row", CONTRACT.strip().splitlines())
def test_the_table_of_codes_is_the_contract(row: str) -> None:
    check, severity, *codes = row.split()
    assert {code: (OWNERS[Code(code)], CODES[Code(code)].severity) for code in codes} == dict.fromkeys(
        codes, (f"test_{check}", LETTERS[severity])
    )


def test_only_the_tool_turns_a_check_into_an_error() -> None:
    of_the_pse = {code for code, row in CODES.items() if row.is_error and not OWNERS[code].startswith("test_c")}
    assert of_the_pse == {"TOOL_MISSING", "TOOL_FAILED", "TOOL_TIMEOUT"}


@pytest.mark.parametrize(
    ("recorded", "live", "words"),
    [
        (None, None, "the live handshake belongs to the present, and another day is judged"),
        (MADE, None, "when this was recorded, there was none"),
        (MADE, LiveHandshake("h", 443, DAY, succeeded=True, accepted=True), "when this was recorded, it succeeded"),
        (MADE, LiveHandshake("h", 443, DAY, succeeded=False, accepted=False), "when this was recorded, it was refused"),
    ],
    ids=["another day", "none", "succeeded", "refused"],
)
def test_handshake_of_another_moment_is_told_with_how_it_went(
    recorded: Origin | None, live: LiveHandshake | None, words: str
) -> None:
    evidence = _evidence(trusted=True, verified=True)
    evidence = replace(evidence, observations=replace(evidence.observations, recorded=recorded, live=live))
    assert decide("test_handshake_with_the_pse_alone", evidence, USUAL).reason.endswith(words)
