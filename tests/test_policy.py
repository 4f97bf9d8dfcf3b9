from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pse_preflight.chain import Judgement
from pse_preflight.client_pse import ClientPse
from pse_preflight.endpoint import Endpoint
from pse_preflight.findings import CODES, Finding, Severity, finding
from pse_preflight.gather import Evidence
from pse_preflight.inventory import System
from pse_preflight.policy import NEEDS, Need, Policy, Verdict, blocking, decide
from pse_preflight.pse.condition import Condition, State
from pse_preflight.roots import Roots
from pse_preflight.sapgenpse.output import Listing
from pse_preflight.trust import Trust
from pse_preflight.url import ApiUrl

EVERYTHING = frozenset(NEEDS)
USUAL = Policy(Severity.MAJOR, EVERYTHING)


def _evidence(
    *findings: Finding, verified: bool = False, trusted: bool = False, state: State = State.PLAIN
) -> Evidence:
    path = ("leaf", "root") if verified else ()
    return Evidence(
        system=System(alias="PRD", url=ApiUrl("host.example.com", 443), pse=Path("c.pse"), secudir=Path()),
        endpoint=None,
        roots=Roots((), "nothing"),
        judgement=Judgement(leaf=None, path=path, best=path, findings=(), wanted=(), names_host=True),  # type: ignore[arg-type]
        pse=ClientPse(Condition(Path("c.pse"), state, mode=0o600), listing=Listing(())),
        trust=Trust(path if trusted else (), (), (), None, None),  # type: ignore[arg-type]
        live=None,
        findings=findings,
        not_created_for=None,
        folder=Path(),
    )


def _found(code: str, severity: Severity | None = None) -> Finding:
    return finding(code, "something was seen", severity=severity)


def test_every_code_belongs_to_a_check_that_is_known() -> None:
    assert {row.check for row in CODES.values()} <= set(NEEDS)


def test_a_check_without_findings_passes() -> None:
    assert decide("test_chain_is_strong", _evidence(), USUAL).verdict is Verdict.PASS


@pytest.mark.parametrize("code", [code for code, row in CODES.items() if not row.error])
def test_a_blocker_fails_the_check_that_owns_it_and_tells_so(code: str) -> None:
    outcome = decide(CODES[code].check, _evidence(_found(code, Severity.BLOCKER)), USUAL)
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
    evidence = _evidence(_found("PSE_CREATED"), _found("PSE_UNCONFIRMED"))
    codes = [each.code for each in decide("test_pse_exists", evidence, USUAL).findings]
    assert codes == ["PSE_UNCONFIRMED", "PSE_CREATED"]


STAGES = ["URL_NOT_HTTPS", "HOST_UNKNOWN", "PORT_REFUSED", "NOT_TLS"]


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(STAGES)))
def test_one_cause_on_the_way_gives_one_red_check(earlier: str, later: str) -> None:
    evidence = _evidence(_found(earlier))
    assert decide(CODES[earlier].check, evidence, USUAL).verdict is Verdict.FAIL
    blocked = decide(CODES[later].check, evidence, USUAL)
    assert (blocked.verdict, blocked.reason) == (Verdict.SKIP, f"blocked by {earlier}, see {CODES[earlier].check}")
    assert decide(CODES[earlier].check, _evidence(_found(later)), USUAL).verdict is Verdict.PASS


CAUSES = [
    ("URL_NOT_HTTPS", "test_host_name_resolves"),
    ("HOST_UNKNOWN", "test_url_answers_https"),
    ("DNS_TIMEOUT", "test_port_accepts_connections"),
    ("PORT_TIMEOUT", "test_clock_agrees_with_the_server"),
    ("PROXY_WANTS_LOGIN", "test_tls_handshake_succeeds"),
    ("TLS_TOO_OLD", "test_chain_is_valid"),
    ("TLS_INSPECTED", "test_chain_is_valid"),
    ("SERVER_OMITS_INTERMEDIATE", "test_chain_is_valid"),
    ("CERTIFICATE_EXPIRED", "test_maintain_pk_lists_the_chain"),
    ("CERTIFICATE_EXPIRED", "test_pse_trusts_the_server"),
    ("ROOT_UNTRUSTED", "test_maintain_pk_lists_the_chain"),
    ("PSE_MISSING", "test_pse_needs_no_pin"),
    ("PSE_UNREADABLE", "test_pse_is_private"),
    ("PSE_HAS_PIN", "test_pk_list_is_current"),
    ("TOOL_FAILED", "test_maintain_pk_lists_the_chain"),
    ("ROOT_NOT_IN_PSE", "test_pse_trusts_the_server"),
    ("SERVER_NOT_TRUSTED", "test_handshake_with_the_pse_alone"),
    ("HANDSHAKE_REFUSED", "test_websocket_rfc_answers"),
]


@pytest.mark.parametrize(("code", "check"), CAUSES)
def test_a_blocked_check_skips_if_the_owner_of_the_cause_tells(code: str, check: str) -> None:
    outcome = decide(check, _evidence(_found(code)), USUAL)
    assert (outcome.verdict, outcome.findings) == (Verdict.SKIP, ())
    assert outcome.reason == f"blocked by {code}, see {CODES[code].check}"


@pytest.mark.parametrize(("code", "check"), CAUSES)
def test_a_blocked_check_tells_if_the_owner_of_the_cause_is_not_selected(code: str, check: str) -> None:
    outcome = decide(check, _evidence(_found(code)), replace(USUAL, selected=EVERYTHING - {CODES[code].check}))
    assert outcome.verdict is (Verdict.ERROR if CODES[code].error else Verdict.FAIL)
    assert [each.code for each in outcome.findings] == [code]


@pytest.mark.parametrize(("code", "check"), CAUSES)
def test_a_blocked_check_tells_if_the_cause_is_below_fail_on(code: str, check: str) -> None:
    evidence = _evidence(_found(code, Severity.MAJOR))
    outcome = decide(check, evidence, replace(USUAL, fail_on=Severity.BLOCKER))
    assert [each.code for each in outcome.findings] == [code]
    assert outcome.verdict in {Verdict.FAIL, Verdict.ERROR}


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
    assert decide(check, evidence, USUAL).reason == "required_roots names none"
    assert decide(check, required, USUAL).verdict is Verdict.PASS


def test_one_reader_does_not_prove_that_two_agree() -> None:
    evidence = _evidence()
    alone = replace(evidence, pse=replace(evidence.pse, one_reader=True))
    assert "one reader only" in decide("test_file_and_tool_agree", alone, USUAL).reason
    assert decide("test_file_and_tool_agree", evidence, USUAL).verdict is Verdict.PASS


def test_a_server_without_a_clock_is_skipped() -> None:
    assert "no Date header" in decide("test_clock_agrees_with_the_server", _evidence(), USUAL).reason


def test_needs_are_given_in_the_order_in_which_they_are_met() -> None:
    order = list(Need)
    network = [needs for check, needs in NEEDS.items() if check.startswith(("test_url", "test_port", "test_tls"))]
    assert all(sorted(needs, key=order.index) == list(needs) for needs in network)


def test_seen_dates_count() -> None:
    assert Endpoint.__dataclass_fields__["date_offset_seconds"].default is None
