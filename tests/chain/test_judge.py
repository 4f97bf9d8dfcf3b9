"""chain.judge: every cause of the catalogue by its code and its certificate, and nothing green that should not be."""

import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pse_preflight.certificate import Certificate
from pse_preflight.chain import form, inspection
from pse_preflight.chain import search as paths
from pse_preflight.chain.inspection import DroppedRoot
from pse_preflight.chain.judge import ChainQuestion, Judgement, Period, judge_chain, verify
from pse_preflight.checklist import CODES, OWNERS, Code, Severity
from pse_preflight.demo.authority import Identity
from tests.kit import openssl
from tests.kit.chains import CATALOGUE, ROOTS_NAME, Case, Chain, World, numbered_words, random_names
from tests.kit.drafts import Press
from tests.kit.faulty_chains import ELSEWHERE, Plan

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WORLD = World(NOW)
CASES = {each.name: each for each in CATALOGUE}

each_case = pytest.mark.parametrize("case", CATALOGUE, ids=str)
each_nameless_case = pytest.mark.parametrize("case", [each for each in CATALOGUE if not each.telling_name], ids=str)
each_green_case = pytest.mark.parametrize(
    "case",
    [
        each
        for each in CATALOGUE
        if each.verified and each.code != "HOST_NOT_IN_CERTIFICATE" and each.severity in (None, Severity.MINOR)
    ],
    ids=str,
)


def _judge(case: Case, world: World = WORLD) -> tuple[Chain, Judgement]:
    chain = case.build(world)
    return chain, judge_chain(chain.question(world))


def _codes(judgement: Judgement) -> list[str]:
    return [each.code for each in judgement.findings]


def _named(name: str, world: World = WORLD) -> Judgement:
    return _judge(CASES[name], world)[1]


def _certificate(identity: Identity) -> Certificate:
    return Certificate.of(identity.certificate)


def _is_green(judgement: Judgement) -> bool:
    grave = any(each.severity > Severity.MINOR for each in judgement.findings)
    return bool(judgement.path) and judgement.names_host and not grave


# The catalogue


@each_case
def test_cause_is_told_apart(case: Case) -> None:
    _, judgement = _judge(case)
    assert _codes(judgement) == [code for code in (case.code, *case.others) if code]
    assert [each.severity for each in judgement.findings[:1]] == ([case.severity] if case.code else [])


@each_case
def test_path_is_verified_or_not(case: Case) -> None:
    chain, judgement = _judge(case)
    assert bool(judgement.path) is case.verified
    if judgement.path:
        assert judgement.path == judgement.best
        assert judgement.path[0] == judgement.leaf
        assert judgement.path[-1] in chain.roots


@each_case
def test_certificate_at_fault_is_named_in_the_first_200_characters(case: Case) -> None:
    chain, judgement = _judge(case)
    if chain.named is None:
        assert case.code in ("", "CERTIFICATE_UNREADABLE")
    else:
        found = judgement.findings[0]
        assert f'"{chain.named.name}"' in f"{found.code}: {found.observed}"[:200]
        assert chain.named.sha256[:12] in found.observed + found.detail
        assert chain.named.sha256 in found.certificates or case.code == "TLS_INSPECTED"


@each_case
def test_verb_stands_before_the_fingerprint_and_no_fact_is_told_twice(case: Case) -> None:
    for found in _judge(case)[1].findings:
        if found.code == "TLS_INSPECTED":
            continue  # its words are another module's
        before, _, _ = found.observed.partition("(sha256")
        assert len(before.split()) > 3
        digests = re.findall(r"sha256 ([0-9a-f]{12})", f"{found.observed} {found.detail}")
        assert len(digests) == len(set(digests))


@each_case
def test_every_finding_says_what_to_do_and_shows_no_certificate(case: Case) -> None:
    for found in _judge(case)[1].findings:
        assert found.fix
        assert found.commands == ()
        assert "BEGIN CERTIFICATE" not in found.fix + found.observed


@each_nameless_case
def test_names_have_no_say(case: Case) -> None:
    chance = random.Random(case.name)  # noqa: S311 - the same names in every run
    words = ("".join(chance.choices("abcdefghij äöü", k=12)) for _ in iter(int, 1))
    _, judgement = _judge(case, replace(WORLD, name=random_names(words)))
    assert _codes(judgement) == [code for code in (case.code, *case.others) if code]
    assert bool(judgement.path) is case.verified


@each_case
def test_repetition_and_order_of_the_rest_change_no_verdict(case: Case) -> None:
    chain, plain = _judge(case)
    first, *rest = chain.presented
    again = replace(chain, presented=(first, *reversed(rest), *rest, first))
    judgement = judge_chain(again.question(WORLD))
    assert judgement.path == plain.path
    about_sending = {"CHAIN_OUT_OF_ORDER", "CHAIN_HAS_EXTRAS"}
    assert [code for code in _codes(judgement) if code not in about_sending] == [
        code for code in _codes(plain) if code not in about_sending
    ]


@each_case
def test_chain_is_drawn(case: Case) -> None:
    assert "->" in case.drawing or "<->" in case.drawing


def test_catalogue_has_every_code_of_the_chain() -> None:
    elsewhere = {"ROOTS_FROM_PSE", "ROOTS_FILE_DAMAGED"}  # told where the roots are chosen
    checks = {"test_certificate_names_the_host", "test_chain_is_complete", "test_chain_is_valid"}
    checks |= {"test_chain_is_not_inspected", "test_chain_is_strong"}
    owned = {code for code, row in CODES.items() if OWNERS[code] in checks} - elsewhere
    assert {each.code for each in CATALOGUE if each.code} == owned


def test_names_of_cases_are_unique() -> None:
    assert len(CASES) == len(CATALOGUE)


# Host names


def test_wrong_host_is_told_with_the_names_instead() -> None:
    found = _named("wrong-host").findings[0]
    assert "does not name erp.example.com; it names other.example.com" in found.observed


def test_many_names_are_counted() -> None:
    server = WORLD.root().issue_server([f"h{number}.example.com" for number in range(7)], WORLD.start, 90)
    found = _judgement_of(server).findings[0]
    assert "it names h0.example.com, h1.example.com, h2.example.com, h3.example.com and 3 more (" in found.observed


def test_common_name_is_said_not_to_count() -> None:
    assert "in the common name only" in _named("common-name-only").findings[0].observed
    server = WORLD.root().issue_server([], WORLD.start, 90, common_name="other")
    assert "in the common name only" not in _judgement_of(server).findings[0].observed


def test_host_that_no_certificate_can_name_is_told() -> None:
    server = WORLD.root().issue_server(["erp_x.example.com"], WORLD.start, 90)
    for host, told in (("erp_x.example.com", True), ("erp-x.example.com", False), ("192.0.2.1", False)):
        (found,) = judge_chain(replace(_question_of(server), host=host)).findings[:1]
        assert found.code == "HOST_NOT_IN_CERTIFICATE"
        assert ("letters, digits and hyphens only" in found.observed) is told


def test_certificate_without_names_still_gets_its_other_faults_told() -> None:
    server = WORLD.root().issue_server([], WORLD.start, 9)
    judgement = _judgement_of(server)
    assert _codes(judgement) == ["HOST_NOT_IN_CERTIFICATE", "CERTIFICATE_EXPIRED"]
    assert not judgement.path


# Completeness


def test_missing_intermediate_is_told_by_name_key_and_address() -> None:
    judgement = _named("missing-intermediate-fetched")
    intermediate, found = judgement.path[1], judgement.findings[0]
    key = paths.subject_key(intermediate)
    assert key is not None
    assert f'"{intermediate.name}"' in found.observed
    for text in (intermediate.sha256[:12], key.hex(":").upper(), "http://aia.example.com/intermediate.crt"):
        assert text in found.detail


def test_missing_intermediate_is_told_with_what_was_sent() -> None:
    assert 'it sends only "erp.example.com" (' in _named("missing-intermediate").findings[0].observed
    assert 'it sends only "erp.example.com", "Root" (' in _named("only-the-root-is-sent-along").findings[0].observed


def test_missing_intermediate_names_the_other_reading() -> None:
    detail = _named("missing-intermediate").findings[0].detail
    assert f'if "Intermediate" is itself a root, that root is not in {ROOTS_NAME}' in detail
    assert "is itself a root" not in _named("missing-intermediate-fetched").findings[0].detail


def test_intermediate_in_a_file_of_roots_is_missing_all_the_same() -> None:
    """Only a PSE's list is what the client works with."""
    chain = CASES["missing-intermediate-in-the-pse"].build(WORLD)
    for partial, severity in ((True, Severity.MINOR), (False, Severity.MAJOR)):
        judgement = judge_chain(replace(chain, partial=partial).question(WORLD))
        assert len(judgement.path) == 3
        assert judgement.findings[0].severity is severity


def test_untrusted_root_names_the_other_reading() -> None:
    assert "the server omits this intermediate" in _named("second-intermediate-missing").findings[0].detail


def test_wrong_intermediate_is_told_with_the_one_needed() -> None:
    chain, judgement = _judge(CASES["wrong-intermediate"])
    other = Certificate.read(chain.presented[1])
    found = judgement.findings[0]
    assert 'does not send the intermediate "Intermediate"' in found.observed
    assert f'it sends "{other.name}" instead' in found.observed
    assert other.sha256[:12] in found.detail


def _leaf_with(addresses: list[str]) -> Judgement:
    server = WORLD.server(WORLD.authority(WORLD.root()), issuer_addresses=addresses)
    return _judgement_of(server, server.chain[:1])


def test_addresses_wanted_are_http_and_two_at_most() -> None:
    addresses = ["ldap://a/b", "https://a/b", "http://a/1", "http://a/1", "HTTP://a/2", "http://a/3"]
    assert _leaf_with(addresses).wanted == ("http://a/1", "HTTP://a/2")


def test_no_address_is_wanted_where_nothing_is_missing() -> None:
    server = WORLD.server(WORLD.authority(WORLD.root()), issuer_addresses=["http://a/1"])
    assert _judgement_of(server).wanted == ()
    assert _judgement_of(server, server.chain[:1]).wanted == ("http://a/1",)


def test_no_address_is_wanted_above_a_pinned_certificate() -> None:
    server = WORLD.server(WORLD.authority(WORLD.root()), issuer_addresses=["http://a/1"])
    question = _question_of(server, server.chain[:1])
    assert judge_chain(replace(question, roots=(_certificate(server),), partial=True)).wanted == ()


def test_addresses_of_revocation_services_are_not_wanted() -> None:
    ocsp = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp"))
    access = x509.AuthorityInformationAccess([ocsp])
    server = WORLD.server(
        WORLD.authority(WORLD.root()), change=lambda builder: builder.add_extension(access, critical=False)
    )
    assert _judgement_of(server, server.chain[:1]).wanted == ()


def test_second_round_wants_the_issuer_of_what_the_first_fetched() -> None:
    upper = WORLD.authority(WORLD.root(), "Upper")
    lower = WORLD.authority(upper, "Lower", issuer_addresses=["http://a/upper"])
    server = WORLD.server(lower, issuer_addresses=["http://a/lower"])
    question = _question_of(server, server.chain[:1])
    assert judge_chain(question).wanted == ("http://a/lower",)
    first = replace(question, fetched=(_certificate(lower).der,))
    assert judge_chain(first).wanted == ("http://a/upper",)
    second = judge_chain(replace(first, fetched=(_certificate(lower).der, _certificate(upper).der)))
    assert second.wanted == ()
    assert [each.name for each in second.path[1:3]] == ["Lower", "Upper"]
    assert _codes(second) == ["SERVER_OMITS_INTERMEDIATE", "SERVER_OMITS_INTERMEDIATE"]


def test_address_of_the_last_one_is_wanted_and_no_other() -> None:
    upper = WORLD.authority(WORLD.root(), "Upper", issuer_addresses=["http://a/root"])
    lower = WORLD.authority(upper, "Lower", issuer_addresses=["http://a/upper"])
    server = WORLD.server(lower, issuer_addresses=["http://a/lower"])
    assert _judgement_of(server, server.chain[:2]).wanted == ("http://a/upper",)


def test_fetched_intermediate_of_an_untrusted_root_is_missing_all_the_same() -> None:
    intermediate = WORLD.authority(WORLD.root("Root of our own"))
    server = WORLD.server(intermediate)
    question = replace(_question_of(server, server.chain[:1]), roots=(_certificate(WORLD.root()),))
    judgement = judge_chain(replace(question, fetched=(_certificate(intermediate).der,)))
    assert _codes(judgement) == ["SERVER_OMITS_INTERMEDIATE", "ROOT_UNTRUSTED"]


def test_rubbish_that_was_fetched_is_passed_over() -> None:
    server = WORLD.server(WORLD.authority(WORLD.root()))
    question = replace(_question_of(server), fetched=(b"<html>",))
    assert judge_chain(question).findings == ()
    alone = replace(_question_of(server, server.chain[:1]), fetched=(b"<html>", Certificate.of(server.issuers[0]).der))
    assert judge_chain(alone).path


def test_stray_in_first_place_is_out_of_order() -> None:
    chain = CASES["stray"].build(WORLD)
    *good, stray = chain.presented
    judgement = judge_chain(replace(chain, presented=(stray, *good)).question(WORLD))
    assert _codes(judgement) == ["CHAIN_OUT_OF_ORDER", "CHAIN_HAS_EXTRAS"]
    assert judgement.findings[0].severity is Severity.MAJOR


def test_server_certificate_is_neither_an_authority_nor_an_issuer() -> None:
    """An authority that has issued nothing that is sent, and an issuer that is no authority."""
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    stray, issuing = plan.authority("Stray", plan.root), plan.authorities[0]
    issuing.lacks(x509.BasicConstraints)
    press = Press()
    leaf, *others = (press.made(each) for each in (plan.leaf, issuing, stray))
    root = Certificate.read(press.made(plan.root))
    for sent in permutations((leaf, *others)):
        judgement = judge_chain(ChainQuestion(ELSEWHERE.host, sent, (root,), ROOTS_NAME, WORLD.period))
        assert judgement.leaf == Certificate.read(leaf)


def test_first_of_two_servers_certificates_is_judged() -> None:
    """What follows cannot make up for a wrong certificate in the first place."""
    wrong, right = CASES["wrong-host"].build(WORLD), CASES["good"].build(WORLD)
    chain = replace(wrong, presented=(*wrong.presented, *right.presented), roots=(*wrong.roots, *right.roots))
    assert _codes(judge_chain(chain.question(WORLD))) == ["HOST_NOT_IN_CERTIFICATE", "CHAIN_HAS_EXTRAS"]


def test_nothing_sent_is_no_pass() -> None:
    judgement = judge_chain(replace(CASES["good"].build(WORLD), presented=()).question(WORLD))
    assert _codes(judgement) == ["CERTIFICATE_UNREADABLE"]
    assert judgement.leaf is None


def test_only_authorities_sent_is_no_pass() -> None:
    authority = WORLD.authority(WORLD.root())
    assert "CA_CONSTRAINT_BROKEN" in _codes(_judgement_of(authority, authority.chain))


# Time


@pytest.mark.parametrize(
    ("start", "end", "codes"),
    [
        (0, 0, []),
        (-1, 0, ["CERTIFICATE_NOT_YET_VALID"]),
        (90 * 86400, 90 * 86400, []),
        (90 * 86400, 90 * 86400 + 1, ["CERTIFICATE_EXPIRED"]),
        (0, 90 * 86400, []),
        (-1, 90 * 86400 + 1, ["CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID"]),
    ],
)
def test_both_ends_of_the_period_are_judged_to_the_second(start: int, end: int, codes: list[str]) -> None:
    root = WORLD.root(start=WORLD.start - timedelta(days=1))
    server = WORLD.server(root)
    period = Period(WORLD.start + timedelta(seconds=start), WORLD.start + timedelta(seconds=end))
    judgement = judge_chain(replace(_question_of(server), period=period))
    assert _codes(judgement) == codes
    assert bool(judgement.path) is not bool(codes)


def test_parts_of_a_second_have_no_say() -> None:
    server = WORLD.server(WORLD.root())
    end = _certificate(server).not_after + timedelta(microseconds=999_999)
    assert judge_chain(replace(_question_of(server), period=Period(end, end))).path


def test_expired_certificates_are_told_by_their_place() -> None:
    for place, case in (
        ("server certificate", "expired-leaf"),
        ("intermediate", "expired-intermediate"),
        ("root", "expired-root"),
    ):
        found = _named(case).findings[0]
        assert found.observed.startswith(f"{place} ")
        assert ("root of today" in found.fix) is (place == "root")


# Roots


def test_dropped_root_is_told_where_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = CASES["untrusted-root"].build(WORLD)
    assert chain.named is not None
    _drop(monkeypatch, DroppedRoot(chain.named.sha256, b"another key", "May 2031"))
    judgement = judge_chain(replace(chain, sap_domain=True).question(WORLD))
    assert _codes(judgement) == ["ROOT_UNTRUSTED"]
    assert "Mozilla dropped it in May 2031" in judgement.findings[0].observed
    assert "root of today's public lists" in judgement.findings[0].fix


def test_dropped_root_is_told_by_its_key_where_it_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = CASES["untrusted-root-not-sent"].build(WORLD)
    assert chain.named is not None
    key = paths.authority_key(chain.named)
    assert key is not None
    _drop(monkeypatch, DroppedRoot("0" * 64, key, "May 2031"))
    judgement = judge_chain(replace(chain, sap_domain=True).question(WORLD))
    assert _codes(judgement) == ["ROOT_UNTRUSTED"]
    assert "Mozilla dropped it in May 2031" in judgement.findings[0].observed


def test_other_root_is_not_said_to_be_dropped() -> None:
    assert "dropped" not in _named("untrusted-root").findings[0].observed


def _drop(monkeypatch: pytest.MonkeyPatch, root: DroppedRoot) -> None:
    monkeypatch.setattr(inspection, "DROPPED_ROOTS", (root,))


def test_intermediate_among_the_roots_anchors_only_where_said() -> None:
    intermediate = WORLD.authority(WORLD.root())
    server = WORLD.server(intermediate)
    question = replace(_question_of(server), roots=(_certificate(intermediate),))
    assert not judge_chain(question).path
    assert judge_chain(replace(question, partial=True)).path == (_certificate(server), _certificate(intermediate))


def test_root_is_preferred_to_a_nearer_anchor() -> None:
    server = WORLD.server(WORLD.authority(WORLD.root()))
    roots = tuple(Certificate.of(each) for each in (server.certificate, *server.issuers))
    assert len(judge_chain(replace(_question_of(server), roots=roots, partial=True)).path) == 3


def test_good_path_is_found_beside_a_broken_one() -> None:
    """Two intermediates of one name and key, the one that expires later signed by a root that is not trusted."""
    root, other = WORLD.root(), WORLD.root("Other")
    good = WORLD.authority(root)
    tempting = other.issue_authority("Intermediate", WORLD.start, 2000, key=good.key)
    server = WORLD.server(good)
    sent = (server.certificate, tempting.certificate, good.certificate)
    judgement = _judgement_of(server, sent)
    assert judgement.path[1] == _certificate(good)
    assert judgement.findings == ()


def test_mildest_of_two_broken_paths_is_told() -> None:
    """Two ended intermediates of one name and key; the one that ended later is no authority besides."""
    root, key = WORLD.root(), WORLD.root().key
    mild = root.issue_authority("Intermediate", WORLD.start, 5, key=key)
    grave = root.issue(mild.certificate.subject, WORLD.start, 8, [], key=key)
    server = WORLD.server(mild)
    judgement = _judgement_of(server, (server.certificate, grave.certificate, mild.certificate))
    assert judgement.best[1] == _certificate(mild)
    assert _codes(judgement)[0] == "CERTIFICATE_EXPIRED"
    assert "CA_CONSTRAINT_BROKEN" not in _codes(judgement)


def test_longest_of_two_untrusted_paths_is_told() -> None:
    """One authority by two certificates: self-signed and lasting longer, or signed by a root of its own."""
    intermediate = WORLD.root("Intermediate", days=5000)
    root = WORLD.root("Root of our own")
    lower = root.issue_authority("Intermediate", WORLD.start, 100, key=intermediate.key)
    server = WORLD.server(intermediate)
    sent = (server.certificate, intermediate.certificate, lower.certificate, root.certificate)
    judgement = judge_chain(replace(_question_of(server, sent), roots=(_certificate(WORLD.root()),)))
    assert judgement.best[-1] == _certificate(root)
    assert _codes(judgement) == ["ROOT_UNTRUSTED"]


def test_ended_stray_is_told_once() -> None:
    stray = WORLD.root("Another root").issue_authority("Another intermediate", WORLD.start, 9)
    server = WORLD.server(WORLD.authority(WORLD.root()))
    found = _judgement_of(server, (*server.chain, stray.certificate)).findings[0]
    assert found.certificates == (_certificate(stray).sha256,)
    assert "not needed: " in found.observed
    assert "not valid now" not in found.observed


@pytest.mark.parametrize(
    ("start", "days", "told"),
    [(-10, 9, True), (1, 50, True), (-10, 50, False)],
    ids=["ended", "not yet begun", "valid"],
)
def test_spare_certificate_of_an_issuer_is_told_where_it_is_not_valid(start: int, days: int, *, told: bool) -> None:
    """It could stand on a path of the server's, and only its days make it one too many."""
    root = WORLD.root()
    issuing = WORLD.authority(root)
    spare = root.issue_authority("Intermediate", NOW + timedelta(days=start), days, key=issuing.key)
    server = WORLD.server(issuing)
    judgement = judge_chain(_question_of(server, (*server.chain, spare.certificate)))
    assert [each.code for each in judgement.findings] == ["CHAIN_HAS_EXTRAS"] * told
    assert all("; not valid now, and not needed: " in each.observed for each in judgement.findings)


@pytest.mark.parametrize("position", [0, 1])
def test_certificate_that_cannot_be_read_is_told_once_with_its_place(position: int) -> None:
    server = WORLD.server(WORLD.authority(WORLD.root()))
    sent = [each.der for each in map(Certificate.of, server.chain)]
    broken = [*sent[:position], b"no certificate", *sent[position:], b"no certificate"]
    found = judge_chain(replace(_question_of(server, server.chain), presented=tuple(broken))).findings
    told = [each for each in found if each.code == "CERTIFICATE_UNREADABLE"]
    place = "the server certificate" if position == 0 else "certificate 2 of 4 that the server sends"
    assert [each.observed.partition(" cannot be read: ")[0] for each in told] == [place]
    assert [each.severity for each in told] == [Severity.BLOCKER if position == 0 else Severity.MINOR]


def test_what_stands_on_no_path_and_is_damaged_is_told_with_its_place_and_first_damage() -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    stray = plan.authority("Stray", plan.authority("Another root", None))
    for oid in ("2.5.29.15", "2.5.29.37"):
        stray.extensions[oid] = (False, b"\x04\x00")
    press = Press()
    sent = tuple(press.made(each) for each in (plan.leaf, *plan.authorities, stray))
    root = Certificate.read(press.made(plan.root))
    question = ChainQuestion(ELSEWHERE.host, sent, (root,), ROOTS_NAME, WORLD.period)
    (found,) = (each for each in judge_chain(question).findings if each.code is Code.CERTIFICATE_UNREADABLE)
    assert found.severity is Severity.MINOR
    assert found.observed.startswith("certificate 3 of 3 that the server sends cannot be read: its extension key usage")


@pytest.mark.parametrize(
    ("known", "severity"), [("root", Severity.BLOCKER), ("leaf", Severity.MINOR), ("", Severity.MINOR)]
)
def test_a_chain_that_is_refused_is_held_to_public_rules_where_its_root_is_public(
    known: str, severity: Severity
) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    plan.leaf.end = WORLD.now - timedelta(days=1)
    plan.leaf.follows_issuer = False
    plan.leaf.lacks(x509.AuthorityKeyIdentifier)
    press = Press()
    leaf, root = (Certificate.read(press.made(each)) for each in (plan.leaf, plan.root))
    sent = tuple(press.made(each) for each in (plan.leaf, *plan.authorities))
    mozilla = frozenset({"root": {root.sha256}, "leaf": {leaf.sha256}}.get(known, ()))
    question = ChainQuestion(ELSEWHERE.host, sent, (root,), ROOTS_NAME, WORLD.period, mozilla=mozilla)
    (found,) = (each for each in judge_chain(question).findings if each.code is Code.CERTIFICATE_IRREGULAR)
    assert "has no authority key identifier" in found.observed
    assert found.severity is severity


@pytest.mark.parametrize(
    ("sent", "leaf"),
    [
        (("server", "issuing"), "server"),
        (("server", "other", "issuing"), "server"),
        (("issuing", "server"), "server"),
        (("issuing", "server", "other"), "server"),
        (("issuing", "other", "server"), "other"),
        (("issuing", "root"), "issuing"),
        (("root",), "root"),
    ],
)
def test_the_server_certificate_is_the_first_that_signs_nothing_else_the_first(
    sent: tuple[str, ...], leaf: str
) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    drafts = {"server": plan.leaf, "other": plan.server(plan.root), "issuing": plan.authorities[0], "root": plan.root}
    press = Press()
    made = {name: press.made(draft) for name, draft in drafts.items()}
    question = ChainQuestion(ELSEWHERE.host, tuple(made[each] for each in sent), (), ROOTS_NAME, WORLD.period)
    assert judge_chain(question).leaf == Certificate.read(made[leaf])


def test_a_root_of_inspection_is_not_accepted_unless_somebody_names_it() -> None:
    question = _question_of(WORLD.server(WORLD.root("Zscaler Root CA")), ())
    assert not question.inspection_accepted
    assert not question.sap_domain
    assert not question.partial
    (found,) = _judgement_of(WORLD.server(WORLD.root("Zscaler Root CA"))).findings
    assert (found.code, found.severity) == (Code.TLS_INSPECTED, Severity.MAJOR)
    private = _question_of(WORLD.server(WORLD.root()))
    assert judge_chain(replace(private, sap_domain=True)).findings == ()


def test_question_shows_no_certificates() -> None:
    question = replace(_question_of(_good_server()), fetched=(b"fetched",), mozilla=frozenset({"ab" * 32}))
    assert judge_chain(question).path
    shown = repr(question)
    for part in ("Certificate", "b'", 'b"', "ab" * 32, "SapRoots"):
        assert part not in shown


def test_only_what_is_told_of_the_certificate_itself_tells_that_it_is_no_servers() -> None:
    """An authority that is its own anchor, without names, and something else that is sent cannot be read."""
    own = _certificate(WORLD.root())
    for number in range(8):
        sent = (own.der, b"no certificate %d" % number)
        question = ChainQuestion(WORLD.host, sent, (own,), ROOTS_NAME, WORLD.period, partial=True)
        told = [each.code for each in judge_chain(question).findings if each.severity is Severity.BLOCKER]
        assert told == ["HOST_NOT_IN_CERTIFICATE", "CERTIFICATE_UNREADABLE"]


@pytest.mark.parametrize(("forged", "codes"), [(True, ["SIGNATURE_WRONG"]), (False, ["ROOT_UNTRUSTED"])])
def test_root_that_did_not_sign_itself_is_told_of(codes: list[str], *, forged: bool) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    plan.root.signer = plan.key() if forged else None
    press = Press()
    sent = tuple(press.made(each) for each in (plan.leaf, *plan.authorities, plan.root))
    judgement = judge_chain(ChainQuestion(ELSEWHERE.host, sent, (), ROOTS_NAME, WORLD.period))
    assert _codes(judgement) == codes
    assert Certificate.read(sent[-1]).sha256 in judgement.findings[0].certificates


def test_certificate_that_names_no_issuer_misses_none() -> None:
    nameless = x509.CertificateBuilder(x509.Name([]), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")]))
    nameless = nameless.public_key(WORLD.root().certificate.public_key()).serial_number(1)
    nameless = nameless.not_valid_before(WORLD.start).not_valid_after(NOW + timedelta(days=1))
    nameless = nameless.add_extension(x509.SubjectAlternativeName([x509.DNSName(WORLD.host)]), critical=False)
    root = WORLD.root()
    leaf = Certificate.of(nameless.sign(root.key, hashes.SHA256()))
    judgement = judge_chain(replace(_question_of(WORLD.server(root)), presented=(leaf.der,)))
    assert set(_codes(judgement)) == {"CERTIFICATE_IRREGULAR"}


def test_longest_path_is_accepted() -> None:
    authority = WORLD.root()
    for number in range(8):
        authority = WORLD.authority(authority, f"Intermediate {number}")
    assert len(_judgement_of(WORLD.server(authority)).path) == 10


def test_refusal_that_nothing_explains_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no such refusal; where a later verifier has one, its words stand in the detail alone."""
    plain = _named("date-in-the-long-form").findings[0]
    assert "four digits of the year" in plain.observed
    assert "the verifier's own words: " not in plain.detail
    monkeypatch.setattr(form, "_RULES", ())
    found = _named("date-in-the-long-form").findings[0]
    assert found.code == "CERTIFICATE_IRREGULAR"
    assert "for a reason that is not known here" in found.observed
    assert "the verifier's own words: " in found.detail
    assert "UtcTime" not in found.observed


# Inspection


def test_makers_own_server_is_not_inspected() -> None:
    server = WORLD.authority(WORLD.root()).issue_server([WORLD.host], WORLD.start, 90, common_name="Zscaler portal")
    assert _judgement_of(server).findings == ()


def test_public_root_never_inspects() -> None:
    chain = CASES["inspected-knowingly"].build(WORLD)
    mozilla = frozenset(each.sha256 for each in chain.roots)
    assert judge_chain(replace(chain, mozilla=mozilla).question(WORLD)).findings == ()


def test_private_root_among_the_systems_own_inspects_on_the_way_to_sap() -> None:
    chain = replace(CASES["good"].build(WORLD), sap_domain=True, mozilla=frozenset({"0" * 64}))
    judgement = judge_chain(chain.question(WORLD))
    assert _codes(judgement) == ["TLS_INSPECTED"]
    assert judgement.findings[0].severity is Severity.MAJOR
    assert judgement.path


def test_acceptance_of_other_roots_accepts_no_inspection() -> None:
    chain = replace(CASES["inspected-by-a-known-product"].build(WORLD), inspection_accepted=True)
    assert judge_chain(chain.question(WORLD)).findings[0].severity is Severity.MAJOR
    knowingly = CASES["inspected-knowingly"].build(WORLD)
    assert judge_chain(knowingly.question(WORLD)).findings[0].severity is Severity.MINOR


@pytest.mark.parametrize(
    ("case", "codes"),
    [
        ("forged-intermediate", ["SIGNATURE_WRONG"]),
        ("intermediate-of-another-key", ["SERVER_SENDS_WRONG_INTERMEDIATE"]),
        ("missing-intermediate", ["SERVER_OMITS_INTERMEDIATE"]),
        ("self-signed", ["CERTIFICATE_SELF_SIGNED"]),
        ("root-of-another-key", ["TLS_INSPECTED", "ROOT_UNTRUSTED"]),
        ("untrusted-root-not-sent", ["TLS_INSPECTED", "ROOT_UNTRUSTED"]),
        ("expired-leaf", ["CERTIFICATE_EXPIRED"]),
    ],
)
def test_on_the_way_to_sap_a_private_root_inspects_and_nothing_else_does(case: str, codes: list[str]) -> None:
    chain = CASES[case].build(WORLD)
    mozilla = frozenset(each.sha256 for each in chain.roots)
    assert _codes(judge_chain(replace(chain, sap_domain=True, mozilla=mozilla).question(WORLD))) == codes


def test_wrong_upper_intermediate_on_the_way_to_sap_is_no_inspection() -> None:
    root = WORLD.root()
    upper, other = WORLD.authority(root, "Upper"), WORLD.authority(root, "Upper")
    server = WORLD.server(WORLD.authority(upper, "Lower"))
    sent = (*server.chain[:2], other.certificate)
    judgement = judge_chain(replace(_question_of(server, sent), sap_domain=True))
    assert _codes(judgement) == ["SERVER_SENDS_WRONG_INTERMEDIATE"]
    inspected = judge_chain(replace(_question_of(server, server.chain[:2]), sap_domain=True))
    assert _codes(inspected) == ["TLS_INSPECTED", "ROOT_UNTRUSTED"]


def test_young_private_chain_elsewhere_is_not_inspected() -> None:
    server = WORLD.root("Root of our own").issue_server([WORLD.host], NOW - timedelta(hours=1), 1)
    assert _judgement_of(server).findings == ()


# Verifying with chosen anchors


def _good_server() -> Identity:
    return WORLD.server(WORLD.authority(WORLD.root()))


def _verified(server: Identity, anchors: list[Certificate], host: str = WORLD.host) -> tuple[Certificate, ...]:
    between = [Certificate.of(each) for each in server.chain[1:]]
    return verify(_certificate(server), between, anchors, host, WORLD.period)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_any_member_anchors(length: int) -> None:
    server = _good_server()
    whole = tuple(Certificate.of(each) for each in (server.certificate, *server.issuers))
    assert _verified(server, [whole[length - 1]]) == whole[:length]


def test_nothing_else_anchors() -> None:
    server = _good_server()
    assert _verified(server, []) == ()
    assert _verified(server, [_certificate(WORLD.root())]) == ()


def test_host_has_no_say_in_verifying() -> None:
    server = _good_server()
    anchors = [Certificate.of(server.issuers[-1])]
    assert _verified(server, anchors, "other.example.com") == _verified(server, anchors)


def test_certificate_without_names_is_never_verified() -> None:
    server = WORLD.root().issue_server([], WORLD.start, 90)
    assert _verified(server, [_certificate(server), Certificate.of(server.issuers[-1])]) == ()


def test_ended_anchor_does_not_hold() -> None:
    chain = CASES["expired-root"].build(WORLD)
    leaf, intermediate = (Certificate.read(each) for each in chain.presented)
    assert verify(leaf, [intermediate], chain.roots, WORLD.host, WORLD.period) == ()
    earlier = Period(NOW - timedelta(days=2), NOW - timedelta(days=2))
    assert verify(leaf, [intermediate], chain.roots, WORLD.host, earlier)


# Any chain whatever


@cache
def _pieces() -> tuple[bytes, ...]:
    """Return certificates that fit together in many ways, right and wrong ones."""
    world = replace(WORLD, name=random_names(numbered_words("Name")))
    chains = [each.build(world) for each in CATALOGUE if each.name not in ("too-many-intermediates", "md5-leaf")]
    root = world.root("Shared root")
    shared = [world.authority(root), world.authority(root), root.issue_authority("Ended", world.start, 9)]
    servers = [world.server(issuer) for issuer in (*shared, root)]
    sent = [der for chain in chains for der in chain.presented]
    made = [_certificate(each).der for each in (*shared, *servers, root)]
    return tuple(dict.fromkeys(sent + made))


@cache
def _trustworthy() -> tuple[Certificate, ...]:
    chains = [each.build(replace(WORLD, name=random_names(numbered_words("Name")))) for each in CATALOGUE]
    return tuple(dict.fromkeys(root for chain in chains for root in chain.roots))


_hosts = st.one_of(st.sampled_from([WORLD.host, "other.example.com", "192.0.2.1", "::1", "EXAMPLE.com."]), st.text())
_moments = st.sampled_from([NOW, NOW + timedelta(days=1), NOW + timedelta(days=200), NOW - timedelta(days=4000)])


@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_list_of_certificates_gets_findings(data: st.DataObject) -> None:
    presented = data.draw(st.lists(st.sampled_from(_pieces()), max_size=8))
    moment = data.draw(_moments)
    question = ChainQuestion(
        host=data.draw(_hosts),
        presented=tuple(presented),
        roots=tuple(data.draw(st.lists(st.sampled_from(_trustworthy()), max_size=4, unique=True))),
        roots_name=ROOTS_NAME,
        period=Period(moment, moment + data.draw(st.sampled_from([timedelta(0), timedelta(days=1)]))),
        fetched=tuple(data.draw(st.lists(st.sampled_from(_pieces()), max_size=2))),
        sap_domain=data.draw(st.booleans()),
        inspection_accepted=data.draw(st.booleans()),
        partial=data.draw(st.booleans()),
    )
    judgement = judge_chain(question)
    assert judgement.findings or _is_green(judgement)
    assert all(each.code in CODES for each in judgement.findings)


@given(st.binary(max_size=200), st.integers(0, 2000), st.integers(0, 255))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_damaged_certificates_get_findings(rubbish: bytes, position: int, value: int) -> None:
    chain = CASES["good"].build(WORLD)
    damaged = bytearray(chain.presented[0])
    damaged[position % len(damaged)] = value
    for presented in ((bytes(damaged), chain.presented[1]), (chain.presented[0], rubbish), (rubbish,)):
        judgement = judge_chain(replace(chain, presented=presented).question(WORLD))
        assert judgement.findings or presented[0] == chain.presented[0] or judgement.path


@openssl.NEEDED
@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_green_only_where_openssl_agrees(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    case = data.draw(st.sampled_from([each for each in CATALOGUE if each.name != "md5-leaf"]))
    chain = case.build(WORLD)
    others = data.draw(st.lists(st.sampled_from(_pieces()), max_size=3))
    rest = data.draw(st.permutations([*chain.presented[1:], *others]))
    sent = replace(chain, presented=(chain.presented[0], *rest))
    judgement = judge_chain(sent.question(WORLD))
    if _is_green(judgement):
        assert _openssl_accepts(sent, tmp_path_factory.mktemp("openssl")), case.name


@openssl.NEEDED
@each_green_case
def test_green_case_is_green_for_openssl(case: Case, tmp_path: Path) -> None:
    chain, judgement = _judge(case)
    assert _is_green(judgement)
    assert _openssl_accepts(chain, tmp_path)


@openssl.NEEDED
def test_openssl_can_say_no(tmp_path: Path) -> None:
    assert not _openssl_accepts(CASES["expired-leaf"].build(WORLD), tmp_path)


def _openssl_accepts(chain: Chain, folder: Path) -> bool:
    """Ask OpenSSL, with the same roots, host and time."""
    sent = [Certificate.read(der) for der in chain.presented if _is_readable(der)]
    roots = [Certificate.read(each.der) for each in chain.roots]
    partial = ["-partial_chain"] if chain.partial else []
    return openssl.accepts(sent, roots, NOW, folder, *partial, host=WORLD.host)


def _is_readable(der: bytes) -> bool:
    try:
        Certificate.read(der)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, openssl is not asked about it
        return False
    return True


def _question_of(server: Identity, sent: tuple[x509.Certificate, ...] | None = None) -> ChainQuestion:
    return ChainQuestion(
        host=WORLD.host,
        presented=tuple(Certificate.of(each).der for each in (server.chain if sent is None else sent)),
        roots=(Certificate.of(server.issuers[-1]),),
        roots_name=ROOTS_NAME,
        period=WORLD.period,
    )


def _judgement_of(server: Identity, sent: tuple[x509.Certificate, ...] | None = None) -> Judgement:
    return judge_chain(_question_of(server, sent))
