"""What observations mean: every address counts, and what was recorded belongs to its moment."""

from dataclasses import fields, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.chain.judge import ChainQuestion, Judgement
from pse_preflight.chain.roots import Roots
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import CHECKS, Code, Severity
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.maker import Maker
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.endpoint.model import Endpoint, Failure, KeyKind
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.system import TrustStore
from pse_preflight.sapgenpse.tool import BundledTool
from pse_preflight.verdict.evidence import Evidence, Observations, creation_cause, file_names, judge, roots_for
from pse_preflight.verdict.policy import Policy, Verdict, decide
from pse_preflight.verdict.trust import TrustCase
from tests.checks.corpus import CORPUS, good
from tests.kit.servers import LOOPBACK
from tests.kit.systems import NOTHING_KNOWN, NOW, issuers, path, server, system, write_pse

USUAL = Policy(Severity.MAJOR, frozenset(CHECKS))
MOMENT = Period(NOW, NOW)
ROOT = path(server())[-1]
ABSENT = ClientPse(Condition(Path("/sec/absent.pse"), State.MISSING))


def _endpoint(identity: Identity, address: str = "10.0.0.1", kind: KeyKind = KeyKind.ANY) -> Endpoint:
    sent = tuple(each.public_bytes(Encoding.DER) for each in identity.chain)
    return Endpoint(
        LOOPBACK, 443, None, NOW, addresses=(address,), address=address, key_kind=kind, presented=sent,
        tls_version="TLSv1.2", tls_12=True,
    )  # fmt: skip


@cache
def _ended() -> tuple[Identity, Identity]:
    """Two servers of one authority, of which the second's certificate has ended."""
    root = root_authority("Root", NOW - timedelta(days=400), 4000)
    issuing = root.issue_authority("Issuing CA", NOW - timedelta(days=300), 3000)
    return tuple(issuing.issue_server([LOOPBACK], NOW - timedelta(days=40), days) for days in (190, 30))  # type: ignore[return-value]


@pytest.fixture
def seen(tmp_path: Path) -> Observations:
    pse = tmp_path / "client.pse"
    write_pse(pse, issuers(server()))
    return Observations(
        endpoint=_endpoint(server()),
        roots=Roots((ROOT, path(server("Second Root"))[-1]), "two roots", explicit=True),
        pse=Maker(BundledTool({}), "bundled").look(pse),
        known=NOTHING_KNOWN,
    )


def _judged(seen: Observations) -> Evidence:
    return judge(system("PRD", 443, seen.pse.condition.path, roots="/roots.pem"), seen, MOMENT)


def _red(evidence: Evidence) -> dict[str, Code]:
    outcomes = {check: decide(check, evidence, USUAL) for check in CHECKS}
    return {check: each.findings[0].code for check, each in outcomes.items() if each.verdict is Verdict.FAIL}


def test_the_next_renewal_of_a_clients_certificate_writes_a_request_of_its_own() -> None:
    """The program that writes it replaces no file."""
    ended = next(each for each in CORPUS if each.code is Code.CLIENT_CERTIFICATE_ENDED).build()
    files = []
    for moment in (NOW, NOW + timedelta(days=365)):
        (found,) = (
            each
            for each in replace(ended, period=Period(moment, moment)).evidence().findings
            if each.code is Code.CLIENT_CERTIFICATE_ENDED
        )
        files.append(Path(found.commands[0][-1]).name)
    assert files == [f"request-{NOW:%Y-%m-%d}.p10", f"request-{NOW + timedelta(days=365):%Y-%m-%d}.p10"]


def test_where_nothing_was_asked_a_later_day_changes_nothing(seen: Observations) -> None:
    later = Period(NOW + timedelta(days=900), NOW + timedelta(days=901))
    described = system("PRD", 443, seen.pse.condition.path, roots="/roots.pem")
    unasked = judge(described, replace(seen, endpoint=None), later)
    assert (unasked.trust.path, unasked.judgement.path) == ((), ())


@pytest.mark.parametrize(
    ("of_end", "code", "fix"),
    [
        (True, Code.CERTIFICATE_EXPIRED, "have it renewed and the renewed one sent"),
        (False, Code.CERTIFICATE_NOT_YET_VALID, "have a valid certificate sent"),
    ],
)
def test_no_clock_is_to_be_set_for_a_day_that_somebody_chose(
    seen: Observations, code: Code, fix: str, *, of_end: bool
) -> None:
    leaf = path(server())[0]
    hour = timedelta(hours=1)
    moment = leaf.not_after + hour if of_end else leaf.not_before - hour
    described = system("PRD", 443, seen.pse.condition.path, roots="/roots.pem")
    chosen, now = (
        [each.fix for each in judge(described, replace(seen, pse=ABSENT), period).findings if each.code is code]
        for period in (Period(moment, moment + hour / 2), Period(moment, moment))
    )
    assert chosen == [fix]
    assert [each.startswith(fix) and each.endswith("set the clock") for each in now] == [True]


@pytest.mark.parametrize(("days", "trusted"), [(0, True), (200, True), (600, True), (899, True), (901, False)])
def test_the_server_renews_whatever_stands_below_the_root_until_a_day_that_somebody_chose(
    seen: Observations, tmp_path: Path, days: int, *, trusted: bool
) -> None:
    """Server certificate, intermediate and root end after 150, 500 and 900 days."""
    root = root_authority("Root", NOW - timedelta(days=100), 1000)
    issuing = root.issue_authority("Issuing CA", NOW - timedelta(days=100), 600)
    renewed = issuing.issue_server([LOOPBACK], NOW - timedelta(days=50), 200)
    write_pse(tmp_path / "a.pse", issuers(renewed))
    own = Roots(path(renewed)[-1:], "its root", explicit=True)
    look = Maker(BundledTool({}), "bundled").look(tmp_path / "a.pse")
    described = system("PRD", 443, look.condition.path, roots="/roots.pem")
    day = NOW + timedelta(days=days)
    evidence = judge(
        described,
        replace(seen, endpoint=_endpoint(renewed), roots=own, pse=look),
        Period(day, day + timedelta(hours=1)),
    )
    assert bool(evidence.trust.path) is trusted
    assert bool(evidence.judgement.path) is trusted
    grave = {each.code for each in evidence.findings if each.severity > Severity.MINOR}
    assert (Code.CERTIFICATE_EXPIRED in grave) is not trusted


@pytest.mark.parametrize(
    ("roots", "by_public_rules"),
    [("auto", False), ("mozilla", True), ("system", False), ("/roots.pem", False), ("roots.pem", False)],
)
def test_a_host_of_ones_own_is_held_to_public_rules_where_mozillas_list_is_named(
    seen: Observations, roots: str, *, by_public_rules: bool
) -> None:
    known = replace(NOTHING_KNOWN, mozilla=Roots((ROOT,), "Mozilla's list"))
    described = system("PRD", 443, seen.pse.condition.path, roots=roots)
    question = judge(described, replace(seen, known=known), MOMENT).question
    assert question
    assert question.mozilla == (frozenset({ROOT.sha256}) if by_public_rules else frozenset())


def test_one_address_alone_is_green(seen: Observations) -> None:
    assert _red(_judged(seen)) == {}


def test_a_second_address_that_sends_the_same_is_green(seen: Observations) -> None:
    both = tuple(_endpoint(server(), address, KeyKind.RSA) for address in ("10.0.0.1", "10.0.0.2"))
    assert _red(_judged(replace(seen, addresses=both))) == {}


def test_a_second_address_whose_root_the_pse_lacks_is_red(seen: Observations) -> None:
    other = _endpoint(server("Second Root"), "10.0.0.2", KeyKind.RSA)
    evidence = _judged(replace(seen, addresses=(_endpoint(server(), kind=KeyKind.RSA), other)))
    red = _red(evidence)
    assert red["test_maintain_pk_lists_the_chain"] is Code.ROOT_NOT_IN_PSE
    (found,) = (each for each in evidence.findings if each.code is Code.ROOT_NOT_IN_PSE)
    assert found.observed.startswith("at 10.0.0.2 with RSA keys: ")


def test_a_second_address_with_a_foreign_chain_is_red(seen: Observations) -> None:
    foreign = _endpoint(server("Root nobody knows"), "10.0.0.2", KeyKind.ECDSA)
    assert _red(_judged(replace(seen, addresses=(foreign,))))["test_chain_is_valid"] is Code.ROOT_UNTRUSTED


def test_a_second_address_with_an_ended_certificate_is_red(seen: Observations, tmp_path: Path) -> None:
    good, ended = _ended()
    pse = tmp_path / "ended.pse"
    write_pse(pse, issuers(good))
    seen = replace(
        seen,
        endpoint=_endpoint(good),
        roots=Roots(path(good)[-1:], "its root", explicit=True),
        pse=Maker(BundledTool({}), "bundled").look(pse),
    )
    assert _red(_judged(seen)) == {}
    red = _red(_judged(replace(seen, addresses=(_endpoint(ended, "10.0.0.2", KeyKind.RSA),))))
    assert red["test_chain_is_valid"] is Code.CERTIFICATE_EXPIRED


def test_a_second_address_that_refuses_is_red(seen: Observations) -> None:
    refused = replace(
        _endpoint(server(), "10.0.0.2", KeyKind.RSA),
        presented=(),
        address=None,
        failure=Failure(Code.PORT_REFUSED, addresses=("10.0.0.2",)),
    )
    assert _red(_judged(replace(seen, addresses=(refused,))))["test_port_accepts_connections"] is Code.PORT_REFUSED


def test_a_server_of_one_kind_of_key_is_green(seen: Observations) -> None:
    ecdsa = _endpoint(server(), kind=KeyKind.ECDSA)
    rsa = replace(ecdsa, key_kind=KeyKind.RSA, presented=(), failure=Failure(Code.TLS_HANDSHAKE_FAILED, alert=40))
    assert _red(_judged(replace(seen, addresses=(rsa, ecdsa)))) == {}


def test_a_command_to_paste_has_what_the_tool_needs_to_start(seen: Observations, tmp_path: Path) -> None:
    write_pse(tmp_path / "few.pse", issuers(server())[1:])
    pse = Maker(BundledTool({}), "bundled").look(tmp_path / "few.pse")
    pse = replace(pse, program=("/opt/sap/sapgenpse",), one_reader=False, tool_needs="LD_LIBRARY_PATH=/opt/sap")
    seen = replace(seen, pse=pse, roots=Roots(path(server())[-1:], "its root", explicit=True))
    (found,) = [each for each in _judged(seen).findings if each.code is Code.ROOT_NOT_IN_PSE]
    assert [each[:4] for each in found.commands] == [
        ("env", "LD_LIBRARY_PATH=/opt/sap", "/opt/sap/sapgenpse", "maintain_pk")
    ]
    (found,) = [
        each
        for each in _judged(replace(seen, pse=replace(pse, tool_needs=""))).findings
        if each.code is Code.ROOT_NOT_IN_PSE
    ]
    assert [each[:2] for each in found.commands] == [("/opt/sap/sapgenpse", "maintain_pk")]


@pytest.mark.parametrize("sent", [0, 1])
@pytest.mark.parametrize("cut", [True, False])
def test_a_chain_that_the_network_cut_says_nothing_of_what_the_server_omits(
    tmp_path: Path, sent: int, *, cut: bool
) -> None:
    """Twin: a server that breaks off after it has sent less than its chain."""
    failure = Failure(Code.TLS_HANDSHAKE_FAILED, ended="closed", heard_bytes=600)
    endpoint = _endpoint(server())
    endpoint = replace(endpoint, failure=failure, presented=endpoint.presented[:sent], presented_cut=cut)
    write_pse(tmp_path / "sec" / "a.pse", issuers(server()))
    pse = Maker(BundledTool({}), "bundled").look(tmp_path / "sec" / "a.pse")
    described = replace(system("A", 443, tmp_path / "sec" / "a.pse"), roots="roots.pem")
    seen = Observations(endpoint=endpoint, roots=Roots((ROOT,), "roots.pem"), pse=pse, known=NOTHING_KNOWN)
    told = {each.code for each in judge(described, seen, MOMENT).findings if each.severity > Severity.MINOR}
    omitted = {Code.SERVER_OMITS_INTERMEDIATE} if sent and not cut else set()
    assert told - {Code.PSE_WRITABLE_BY_OTHERS} == {Code.TLS_HANDSHAKE_FAILED, *omitted}


def test_a_certificate_too_many_is_not_out_of_order() -> None:
    """What is of no use stands nowhere in the order; a chain in the wrong order with one too many is told both."""
    extra = [each for each in CORPUS if each.code is Code.CHAIN_HAS_EXTRAS]
    assert extra
    for scenario in extra:
        told = {each.code for each in scenario.evidence().findings}
        assert Code.CHAIN_OUT_OF_ORDER not in told, scenario.name


@cache
def _afresh(number: int) -> Evidence:
    seen = CORPUS[number].evidence()
    return judge(seen.system, seen.observations, seen.period)


@pytest.mark.parametrize(
    "number",
    [pytest.param(each, marks=() if each % 16 == 0 else pytest.mark.long) for each in range(len(CORPUS))],
    ids=lambda number: CORPUS[number].name,
)
def test_what_was_judged_before_changes_no_verdict(number: int) -> None:
    right = _afresh(number)
    for before in (right, _afresh(number - 1), good().evidence()):
        assert judge(right.system, right.observations, right.period, before) == right


@pytest.mark.parametrize("name", [each.name for each in fields(ChainQuestion)])
def test_a_chain_is_judged_anew_where_anything_about_it_is_otherwise(seen: Observations, name: str) -> None:
    right = _judged(seen)
    assert right.question
    anything: Any = {name: object()}
    other = replace(right.question, **anything)
    wrong = replace(right, question=other, judgement=replace(right.judgement, path=(), names_host=False))
    assert judge(right.system, seen, MOMENT, wrong) == right


@pytest.mark.parametrize("name", [each.name for each in fields(TrustCase)])
def test_trust_is_judged_anew_where_anything_about_it_is_otherwise(seen: Observations, name: str) -> None:
    right = _judged(seen)
    assert right.case
    anything: Any = {name: object()}
    wrong = replace(right, case=replace(right.case, **anything), trust=replace(right.trust, path=(), anchors=()))
    assert judge(right.system, seen, MOMENT, wrong) == right


def test_the_same_question_is_not_asked_twice(seen: Observations, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _judged(seen)
    monkeypatch.delattr("pse_preflight.chain.judge.judge_chain")
    monkeypatch.delattr("pse_preflight.verdict.trust.judge_trust")
    assert judge(first.system, seen, MOMENT, first) == first
    with pytest.raises(AttributeError, match="judge_trust"):  # no file can be named for what is to be added
        judge(first.system, replace(seen, unwritten="no room"), MOMENT, first)


def test_files_are_named_by_what_a_certificate_is_to_its_path() -> None:
    leaf, issuing, root = path(server())
    assert file_names(()) == {}
    assert file_names((leaf,)) == {leaf.sha256: "server.pem"}
    assert file_names((root,)) == {root.sha256: "server.pem"}
    assert file_names((leaf, root)) == {leaf.sha256: "server.pem", root.sha256: "root.pem"}
    assert list(file_names((leaf, issuing)).values()) == ["server.pem", "intermediate-1.pem"]
    assert list(file_names((leaf, issuing, root)).values()) == ["server.pem", "intermediate-1.pem", "root.pem"]
    assert list(file_names((leaf, root, issuing)).values()) == [
        "server.pem",
        "intermediate-1.pem",
        "intermediate-2.pem",
    ]


def _judgement(*found: Finding, verified: bool, named: bool) -> Judgement:
    way = path(server())
    return Judgement(way[0], way if verified else (), way, found, (), names_host=named)


def test_a_pse_is_filled_from_a_verified_path_of_this_host_that_nobody_inspects(seen: Observations) -> None:
    other = finding(Code.HOST_NOT_IN_CERTIFICATE, "x")
    weak = finding(Code.CERTIFICATE_WEAK, "x", severity=Severity.MAJOR)
    inspected = finding(Code.TLS_INSPECTED, "x", severity=Severity.MAJOR)
    meant = finding(Code.TLS_INSPECTED, "x", severity=Severity.MINOR)
    expired = finding(Code.CERTIFICATE_EXPIRED, "x")
    for judgement, cause in (
        (_judgement(verified=True, named=True), None),
        (_judgement(weak, verified=True, named=True), None),
        (_judgement(meant, verified=True, named=True), None),
        (_judgement(weak, inspected, verified=True, named=True), inspected),
        (_judgement(weak, other, verified=True, named=False), other),
        (_judgement(weak, expired, verified=False, named=True), expired),
        (_judgement(meant, verified=False, named=False), None),
    ):
        assert creation_cause(seen, judgement) == cause


def test_required_root_is_at_hand_where_the_server_sent_it(seen: Observations, tmp_path: Path) -> None:
    write_pse(tmp_path / "few.pse", path(server())[1:2])
    pse = Maker(BundledTool({}), "bundled").look(tmp_path / "few.pse")
    endpoint = replace(_endpoint(server()), presented=tuple(each.der for each in path(server())))
    described = system("PRD", 443, pse.condition.path, roots="/roots.pem", required_roots=(ROOT.sha256, "ab" * 32))
    evidence = judge(described, replace(seen, pse=pse, endpoint=endpoint), MOMENT)
    assert evidence.required == (ROOT,)
    assert (
        judge(replace(described, required_roots=()), replace(seen, pse=pse, endpoint=endpoint), MOMENT).required == ()
    )
    assert judge(described, replace(seen, endpoint=endpoint), MOMENT).required == ()


def test_what_is_minor_at_another_address_is_not_told_once_more(seen: Observations) -> None:
    sent = _endpoint(server(), "10.0.0.2", KeyKind.RSA)
    repeated = replace(sent, presented=(*sent.presented, sent.presented[-1]))
    told = [each.code for each in _judged(replace(seen, addresses=(sent, repeated))).findings]
    assert Code.CHAIN_HAS_EXTRAS not in told
    alone = [each.code for each in _judged(replace(seen, endpoint=repeated)).findings]
    assert Code.CHAIN_HAS_EXTRAS in alone


def test_whatever_leads_to_a_root_that_was_named_is_accepted_and_nothing_else(seen: Observations) -> None:
    named = Roots((ROOT, path(server("Second Root"))[-1]), "two roots")
    for explicit in (True, False):
        case = _judged(replace(seen, roots=replace(named, explicit=explicit))).case
        assert case
        whole = {*named.fingerprints, *(each.sha256 for each in path(server()))}
        assert case.accepted == (whole if explicit else set())


def test_clock_is_of_the_root_that_trust_ends_in_else_of_the_one_that_the_roots_verified(seen: Observations) -> None:
    root = root_authority("Root", NOW - timedelta(days=400), 4000)
    again = root.issue_authority("Root", NOW - timedelta(days=300), 3000)
    other, renewed = path(server("Second Root")), path(again.issue_server([LOOPBACK], NOW - timedelta(days=40), 190))
    evidence = _judged(seen)
    for trusted, verified, expected in (
        (renewed, other, renewed[-1]),
        (other[:-1], renewed, renewed[-1]),
        ((), renewed, renewed[-1]),
        (renewed, (), renewed[-1]),
        (other[:-1], (), None),
        ((), other[:-1], None),
        ((), (), None),
    ):
        ends = replace(evidence.trust, path=trusted), replace(evidence.judgement, path=verified)
        clock = replace(evidence, trust=ends[0], judgement=ends[1]).root_clock
        assert (clock and clock.sha256) == (expected and expected.sha256)


def test_evidence_shows_no_certificates(seen: Observations) -> None:
    evidence = _judged(replace(seen, fetched=(b"fetched",)))
    assert (evidence.question, evidence.case) != (None, None)
    for shown in (repr(evidence.observations), repr(evidence)):
        for part in ("b'fetched'", "KnownRoots", "SapRoots", "ChainQuestion", "TrustCase"):
            assert part not in shown
    assert "SapRoots" not in repr(evidence.observations.known)


@pytest.mark.parametrize(
    ("state", "store", "why"),
    [
        (State.MISSING, None, "there is no PSE"),
        (State.MISSING, TrustStore(), "there is no trust store"),
        (State.UNREADABLE, None, "the list of /sec/client.pse could not be read"),
        (State.UNREADABLE, TrustStore(), "the list of /sec/client.pse could not be read"),
    ],
)
def test_why_a_list_is_not_known_by_which_a_host_of_ones_own_is_judged(
    seen: Observations, state: State, store: TrustStore | None, why: str
) -> None:
    pse = ClientPse(Condition(Path("/sec/client.pse"), state))
    described = system("PRD", 443, pse.condition.path, roots="auto", truststore=store)
    name = roots_for(described, replace(seen, pse=pse)).name
    assert name.replace("\\", "/") == f"`roots` (none are named, and {why})"


def test_a_run_may_add_what_other_roots_than_the_pses_own_have_verified_where_it_may_write(seen: Observations) -> None:
    own = Roots((ROOT,), "the PSE's list", from_pse=True)
    for roots, create, repair in (
        (seen.roots, True, "--repair --engine=bundled"),
        (seen.roots, False, ""),
        (own, True, ""),
        (own, False, ""),
    ):
        described = system("PRD", 443, seen.pse.condition.path, roots="/roots.pem", create=create)
        case = judge(described, replace(seen, roots=roots), MOMENT).case
        assert case
        assert case.remedy.repair == repair
