"""A verdict claims no more than was checked: random selections of checks over worlds good and bad."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pse_preflight.chain.roots import Roots
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import CHECKLIST, CHECKS, CODES, Code, Severity
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.maker import Maker
from pse_preflight.client_pse.model import Attempt, ClientPse, Reason
from pse_preflight.demo.authority import Identity
from pse_preflight.endpoint.model import Endpoint, Failure, HttpAnswer, LiveHandshake, WebSocketAnswer, WebSocketReading
from pse_preflight.landscape.system import Waiver
from pse_preflight.report.facts import Result, RunFacts, check_facts, result, system_facts
from pse_preflight.sapgenpse.tool import BundledTool, ToolMissing
from pse_preflight.verdict.evidence import Evidence, Observations, judge
from pse_preflight.verdict.policy import Policy, Verdict, decide
from tests.kit import report_facts
from tests.kit.pse_mutations import PIN
from tests.kit.servers import LOOPBACK
from tests.kit.systems import NOTHING_KNOWN, NOW, issuers, path, server, system, write_pse

LEAF, ISSUING, ROOT = path(server())
PLACE = "https://host"
ENDS: Mapping[Verdict, str] = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.ERROR: "error",
    Verdict.SKIP: "skipped",
}


def _endpoint(identity: Identity) -> Endpoint:
    sent = tuple(each.public_bytes(Encoding.DER) for each in identity.chain)
    return Endpoint(
        LOOPBACK,
        443,
        None,
        NOW,
        addresses=(LOOPBACK,),
        address=LOOPBACK,
        presented=sent,
        tls_version="TLSv1.2",
        tls_12=True,
        http=HttpAnswer(401, sap_headers=("sap-system",)),
        date_offset_seconds=0.0,
    )


LIVE = LiveHandshake(
    LOOPBACK,
    443,
    NOW,
    succeeded=True,
    accepted=True,
    tls_version="TLSv1.3",
    websocket=WebSocketAnswer(WebSocketReading.SPEAKS_RFC),
)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evidence]:
    """Return what is known in each world; in all of them but `good` the client would not connect."""
    folder = tmp_path_factory.mktemp("worlds")
    maker = Maker(BundledTool({}), "bundled")

    def pse(name: str, *held: object, pin: str | None = None) -> ClientPse:
        write_pse(folder / name, held, pin=pin)  # type: ignore[arg-type]
        return maker.look(folder / name)

    good = Observations(
        endpoint=_endpoint(server()),
        roots=Roots((ROOT,), "the root", explicit=True),
        pse=pse("good.pse", *issuers(server())),
        live=LIVE,
        known=NOTHING_KNOWN,
    )
    dead = Endpoint(LOOPBACK, 443, None, NOW, addresses=(LOOPBACK,), failure=Failure(Code.PORT_REFUSED))
    missing = Condition(folder / "missing.pse", State.MISSING)
    seen = {
        "good": good,
        "dead host": replace(good, endpoint=dead, live=None),
        "unknown host": replace(good, endpoint=replace(dead, failure=Failure(Code.HOST_UNKNOWN)), live=None),
        "nothing asked": replace(good, endpoint=None, live=None),
        "PIN": replace(good, pse=pse("pin.pse", *issuers(server()), pin=PIN), live=None),
        "no PSE": replace(
            good, pse=ClientPse(missing), attempt=Attempt(refusals=(Reason("--read-only", "leave it out"),)), live=None
        ),
        "no tool": replace(good, pse=Maker(ToolMissing("none"), "sapgenpse").look(folder / "good.pse"), live=None),
        "wrong root": replace(good, pse=pse("other.pse", *issuers(server("Second Root"))), live=None),
        "empty list": replace(good, pse=pse("empty.pse"), live=None),
        "another server": replace(good, endpoint=_endpoint(server("Root nobody knows")), live=None),
        "refused live": replace(good, live=replace(LIVE, succeeded=False, accepted=False, verify_code=20)),
    }
    described = {name: system("PRD", 443, each.pse.condition.path, roots="/r.pem") for name, each in seen.items()}
    return {name: judge(described[name], each, Period(NOW, NOW)) for name, each in seen.items()}


def _told(evidence: Evidence, selected: frozenset[str], fail_on: Severity, broken_off: str) -> tuple[Result, int]:
    """Return what a run of these checks reports, and whether pytest would end with 1."""
    policy = Policy(fail_on, selected)
    facts = []
    for name in (each.name for each in CHECKLIST if each.name in selected):
        outcome = decide(name, evidence, policy)
        ended = ENDS[outcome.verdict]
        facts.append(check_facts("PRD", (CHECKS[name].question.value, name), ended, outcome, outcome.reason))  # type: ignore[arg-type]
    run: RunFacts = replace(report_facts.run(fail_on=str(fail_on)), broken_off=broken_off)
    told = result(run, facts, {"PRD": system_facts(evidence)})
    return told, int(any(each.ended in {"failed", "error"} for each in facts))


SELECTIONS = st.one_of(
    st.just(frozenset(CHECKS)),
    st.sampled_from(
        [frozenset(n for n, c in CHECKS.items() if c.question is q) for q in {c.question for c in CHECKLIST}]
    ),
    st.sets(st.sampled_from(sorted(CHECKS)), min_size=1).map(frozenset),
)
WAIVERS = st.lists(
    st.sampled_from([(check.name, code) for check in CHECKLIST for code in (None, *check.codes)]), max_size=4
)


@pytest.mark.long
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_nothing_is_called_good_that_would_not_connect(worlds: dict[str, Evidence], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(set(worlds) - {"good"})))
    waivers = tuple(
        Waiver(check=check, code=code, until=(NOW + timedelta(days=9)).date(), reason="known")
        for check, code in data.draw(WAIVERS)
    )
    evidence = replace(worlds[name], system=replace(worlds[name].system, waivers=waivers))
    fail_on = data.draw(st.sampled_from(list(Severity)))
    told, exit_code = _told(evidence, data.draw(SELECTIONS), fail_on, data.draw(st.sampled_from(["", "interrupted"])))
    (only,) = told.systems
    assert told.verdict == only.verdict != "OK"
    assert (only.verdict == "FAILED") is (exit_code == 1)
    if exit_code == 0:
        assert only.words.startswith("NOT JUDGED (")
        assert "trusted" not in only.words


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SELECTIONS)
def test_a_good_world_is_ok_only_where_trust_was_checked(worlds: dict[str, Evidence], selected: frozenset[str]) -> None:
    told, exit_code = _told(worlds["good"], selected, Severity.MAJOR, "")
    trust = {each.name for each in CHECKLIST if each.question.value == "trust"}
    assert exit_code == 0
    assert told.verdict == ("OK" if trust <= selected else "NOT JUDGED")


@pytest.mark.parametrize("reason", ["the run was interrupted", "the run ended with an internal error"])
def test_a_run_that_broke_off_is_not_judged(worlds: dict[str, Evidence], reason: str) -> None:
    told, _ = _told(worlds["good"], frozenset(CHECKS), Severity.MAJOR, reason)
    assert (told.verdict, told.systems[0].remark) == ("NOT JUDGED", reason)


def test_a_system_of_which_no_check_ran_is_not_judged() -> None:
    told = result(report_facts.run(), [], {"PRD": None})
    words = f"NOT JUDGED (0 of {len(CHECKS)} checks)"
    assert (told.verdict, told.systems[0].words.partition(":")[0]) == ("NOT JUDGED", words)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({}, "OK (not yet confirmed by SAP's tool)"),
        ({"at": "2027-03-31"}, "OK for 2027-03-31"),
        ({"replay": "/recorded"}, "OK as recorded"),
    ],
)
def test_what_was_left_out_by_what_was_asked_is_said(
    worlds: dict[str, Evidence], run: dict[str, str], words: str
) -> None:
    selected = frozenset(CHECKS) - ({"test_handshake_with_the_pse_alone"} if run else set())
    policy = Policy(Severity.MAJOR, selected)
    facts = [
        check_facts("PRD", (CHECKS[name].question.value, name), ENDS[outcome.verdict], outcome, "")  # type: ignore[arg-type]
        for name, outcome in ((each, decide(each, worlds["good"], policy)) for each in selected)
    ]
    told = result(report_facts.run(**run), facts, {"PRD": system_facts(worlds["good"])})
    assert told.systems[0].words == words


@pytest.mark.parametrize(
    ("world", "says"),
    [
        ("dead host", "the server's certificates were not seen (PORT_REFUSED)"),
        ("nothing asked", "the server's certificates were not seen (it was not asked)"),
        ("PIN", "the certificate list of the PSE could not be read (the PSE: has a PIN)"),
        ("no PSE", "the certificate list of the PSE could not be read (the PSE: missing)"),
    ],
)
def test_whether_it_is_trusted_is_not_known_where_it_was_not_seen(
    worlds: dict[str, Evidence], world: str, says: str
) -> None:
    facts = system_facts(worlds[world])
    assert (facts.trusted, facts.trust_unknown) == (None, says)


@pytest.mark.parametrize(("world", "trusted"), [("good", True), ("wrong root", False), ("another server", False)])
def test_whether_it_is_trusted_is_known_where_both_were_seen(
    worlds: dict[str, Evidence], world: str, trusted: bool
) -> None:
    assert system_facts(worlds[world]).trusted is trusted


def test_a_finding_about_what_was_not_asked_is_not_told(worlds: dict[str, Evidence]) -> None:
    told, _ = _told(worlds["wrong root"], frozenset({"test_url_names_the_api_host"}), Severity.MAJOR, "")
    (only,) = told.systems
    assert only.facts is not None
    assert {each.check for each in only.facts.findings} <= {"test_url_names_the_api_host"}


def test_every_code_of_a_waiver_is_known() -> None:
    assert all(code in CODES for check in CHECKLIST for code in check.codes)
