"""The verdict about one list and one chain: time, the future, what is named, and how it is mended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.judge import ChainQuestion, Judgement, Period, judge_chain
from pse_preflight.chain.sap_roots import RootChange
from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse.entries import Anchor, Entry
from pse_preflight.demo.authority import Identity, ec_key, root_authority
from pse_preflight.findings import Finding, message
from pse_preflight.landscape.system import ExpiryDays
from pse_preflight.verdict.trust import LiveTrust, Remedy, Trust, TrustCase, judge_trust, lasting_findings
from tests.kit.chains import World, self_signed_and_pinned
from tests.kit.entries import entry_of, signed_part

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERIOD = Period(NOW, NOW)
HOST = "my401122-api.s4hana.cloud.sap"
DAYS = ExpiryDays(leaf=7, ca=90)
LONG = 3000.0
PSE = Path("/sec/client.pse")


@cache
def _chain(leaf_days: float = 150, issuing_days: float = LONG, root_days: float = LONG) -> Identity:
    """Make root, issuing CA and server certificate that end in so many days; the server's is 40 days old."""
    root = root_authority("Root", NOW - timedelta(days=1000), 1000 + root_days)
    issuing = root.issue_authority("Issuing CA", NOW - timedelta(days=500), 500 + issuing_days)
    return issuing.issue_server([HOST], NOW - timedelta(days=40), 40 + leaf_days)


def _path(server: Identity) -> tuple[Certificate, Certificate, Certificate]:
    leaf, issuing, root = map(Certificate.of, (server.certificate, *server.issuers))
    return leaf, issuing, root


def _judgement(presented: Sequence[Certificate], roots: Sequence[Certificate], period: Period = PERIOD) -> Judgement:
    sent = tuple(each.der for each in presented)
    return judge_chain(ChainQuestion(HOST, sent, tuple(roots), "the roots of the test", period))


def _entry(certificate: Certificate) -> Entry:
    return entry_of(certificate)


def _question(
    held: Sequence[Certificate], server: Identity | None = None, sent: Sequence[Certificate] | None = None
) -> TrustCase:
    leaf, issuing, root = _path(server or _chain())
    presented = (leaf, issuing) if sent is None else tuple(sent)
    return TrustCase(
        entries=tuple(map(_entry, held)),
        judgement=_judgement(presented, [root]),
        presented=presented,
        host=HOST,
        period=PERIOD,
        include_leaf=False,
        required_roots=(),
        accepted=frozenset(),
        remedy=Remedy(("sapgenpse",), PSE),
    )


def _codes(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(each.code, str(each.severity)) for each in findings]


def _lasting(held: Sequence[Certificate], server: Identity, days: ExpiryDays = DAYS) -> list[tuple[str, str, str]]:
    """Return code, severity and whom it is about."""
    question = _question(held, server)
    found = lasting_findings(judge_trust(question), question.judgement.path, PERIOD, days)
    return [(each.code, str(each.severity), each.observed.partition('"')[2].partition('"')[0]) for each in found]


def test_a_root_that_is_held_is_not_to_be_added_again_where_the_chain_is_not_valid() -> None:
    later = Period(*[PERIOD.end + timedelta(days=20000)] * 2)
    for held, told in ((_path(_chain())[2:], False), ([], True)):
        question = _question(held)
        unverified = replace(question.judgement, path=(), best=_path(_chain()))
        verdict = judge_trust(replace(question, judgement=unverified, period=later))
        (found,) = (each for each in verdict.findings if each.code == "SERVER_NOT_TRUSTED")
        assert "find out first why the chain is not valid" in found.fix
        assert ("then add its root" in found.fix) is told


def test_a_list_of_the_root_alone_is_green_where_the_server_sends_its_intermediates() -> None:
    verdict = judge_trust(_question([_path(_chain())[2]]))
    assert _codes(verdict.findings) == [("INTERMEDIATE_NOT_IN_PSE", "minor")]
    assert verdict.rests_on_a_root


def test_a_whole_list_says_nothing_and_extra_entries_are_fine() -> None:
    stranger = Certificate.of(root_authority("Stranger", NOW - timedelta(days=1), LONG).certificate)
    assert judge_trust(_question([*_path(_chain())[1:], stranger])).findings == ()


# when trust ends


@pytest.mark.parametrize(("held", "ends"), [(0, 150), (1, LONG), (2, 4000)], ids=["leaf", "intermediate", "root"])
def test_trust_ends_with_the_anchor_if_the_server_renews_the_rest(held: int, ends: float) -> None:
    server = _chain(root_days=4000)
    verdict = judge_trust(_question([_path(server)[held]], server))
    assert verdict.ends == NOW + timedelta(days=ends)
    assert verdict.renewal == (None if held == 0 else NOW + timedelta(days=150))


def test_trust_ends_with_an_intermediate_that_the_pse_alone_supplies() -> None:
    """The server does not send it, so its end in the PSE is nobody's to renew."""
    server = _chain(issuing_days=400, root_days=4000)
    leaf, issuing, root = _path(server)
    unsent, sent = _question([issuing, root], server, [leaf]), _question([issuing, root], server)
    assert judge_trust(unsent).ends == NOW + timedelta(days=400)
    assert judge_trust(sent).ends == NOW + timedelta(days=4000)
    assert judge_trust(unsent).relied == (issuing, root)
    assert not judge_trust(unsent).outlasts_renewals(Period(NOW, NOW + timedelta(days=401)))
    assert judge_trust(sent).outlasts_renewals(Period(NOW, NOW + timedelta(days=401)))


def test_the_live_handshake_trusts_what_the_verdict_relies_on_and_never_the_server_alone() -> None:
    leaf, issuing, root = _path(_chain())
    for held, sent, trusted, any_may_anchor in (
        ([issuing, root], [leaf], (issuing, root), False),
        ([issuing, root], [leaf, issuing], (root,), True),
        ([issuing], [leaf], (issuing,), True),
        ([leaf], [leaf], (leaf,), True),
        ([], [leaf], (), True),
    ):
        verdict = judge_trust(_question(held, sent=sent))
        live = verdict.trusted_live
        assert (tuple(each.certificate for each in live.anchors), live.any_may_anchor) == (trusted, any_may_anchor)
        assert live.between == ()


def test_the_most_lasting_anchor_decides_when_trust_ends() -> None:
    key = ec_key()
    short = root_authority("Root", NOW - timedelta(days=10), 100, key=key)
    long = root_authority("Root", NOW - timedelta(days=10), 5000, key=key)
    server = short.issue_authority("Issuing CA", NOW - timedelta(days=5), 2000).issue_server(
        [HOST], NOW - timedelta(days=5), 90
    )
    both = [Certificate.of(short.certificate), Certificate.of(long.certificate)]
    assert judge_trust(_question(both, server)).ends == both[1].not_after
    assert judge_trust(_question(both[:1], server)).ends == both[0].not_after
    assert judge_trust(_question(both[::-1], server)).anchor == both[1]


def test_without_trust_there_is_no_end_but_a_renewal() -> None:
    verdict = judge_trust(_question([]))
    assert (verdict.ends, verdict.renewal, verdict.anchor) == (None, NOW + timedelta(days=150), None)


# expiry_days and RENEWAL_DUE


SOON, DUE = ("CERTIFICATE_EXPIRES_SOON", "major"), ("RENEWAL_DUE", "minor")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (31, []),
        (20.1, []),
        (19.9, [(*DUE, HOST)]),
        (7.01, [(*DUE, HOST)]),
        (7, [(*SOON, HOST)]),
        (0.5, [(*SOON, HOST)]),
    ],
)
def test_the_server_certificate_under_a_root(days: float, expected: list[tuple[str, str, str]]) -> None:
    server = _chain(leaf_days=days)
    assert _lasting([_path(server)[2]], server) == expected


@pytest.mark.parametrize(
    ("age", "left", "due"),
    [
        (358, 40, False),
        (367, 31, False),
        (368, 30, True),
        (170, 30, True),
        (55, 30, False),
        (57, 28, True),
        (18, 29, False),
        (31, 16, False),
        (32, 15, True),
        (3, 3, False),
    ],
)
def test_a_renewal_is_due_in_the_last_third_of_the_lifetime_and_at_most_30_days_before_the_end(
    age: int, left: int, due: bool
) -> None:
    """Certificates of 398, 200, 85, 47 and 6 days."""
    server = _renewed(age, left)
    assert _lasting([_path(server)[2]], server) == ([(*DUE, HOST)] if due else [])


@pytest.mark.parametrize(("age", "left", "due"), [(59, 31, False), (61, 29, True), (59, 30.5, False), (18, 12, False)])
def test_an_intermediate_is_due_by_the_same_rule(age: float, left: float, due: bool) -> None:
    root = root_authority("Root", NOW - timedelta(days=1000), 5000)
    issuing = root.issue_authority("Issuing CA", NOW - timedelta(days=age), age + left)
    server = issuing.issue_server([HOST], NOW - timedelta(days=1), 100)
    assert _lasting([_path(server)[2]], server) == ([(*DUE, "Issuing CA")] if due else [])


@pytest.mark.parametrize(
    ("age", "left", "days", "soon"),
    [
        (40, 7, DAYS, True),
        (40, 7.1, DAYS, False),
        (3, 3, DAYS, False),
        (4.1, 1.9, DAYS, True),
        (3, 3, ExpiryDays(leaf=7, leaf_is_written=True), True),
        (3, 3, ExpiryDays(ca=90, ca_is_written=True), False),
        (18, 29, ExpiryDays(leaf=29, leaf_is_written=True), True),
        (18, 29, ExpiryDays(leaf=29), False),
    ],
)
def test_a_server_certificate_ends_soon_by_days_or_by_a_third_where_nobody_wrote_days(
    age: float, left: float, days: ExpiryDays, soon: bool
) -> None:
    """Certificates of 47 and 6 days."""
    server = _renewed(age, left)
    codes = {code for code, *_ in _lasting([_path(server)[2]], server, days)}
    assert ("CERTIFICATE_EXPIRES_SOON" in codes) == soon


@pytest.mark.parametrize(
    ("held", "fix"),
    [
        (2, "have it renewed, and the renewed one sent, before that day; nothing changes in the PSE"),
        (0, "add its successor to the PSE before that day; whoever issued it hands it out"),
    ],
    ids=["below a trusted root", "trusted itself"],
)
def test_a_successor_belongs_into_the_pse_only_where_the_pse_relies_on_what_ends(held: int, fix: str) -> None:
    server = _chain(leaf_days=5)
    question = _question([_path(server)[held]], server)
    found = lasting_findings(judge_trust(question), question.judgement.path, PERIOD, DAYS)
    (soon,) = (each for each in found if each.code == "CERTIFICATE_EXPIRES_SOON")
    assert soon.fix == fix


def _renewed(age: float, left: float) -> Identity:
    root = root_authority("Root", NOW - timedelta(days=1000), 5000)
    issuing = root.issue_authority("Issuing CA", NOW - timedelta(days=500), 4000)
    return issuing.issue_server([HOST], NOW - timedelta(days=age), age + left)


@pytest.mark.parametrize(("days", "expected"), [(90.5, []), (90, [(*SOON, "Root")]), (1, [(*SOON, "Root")])])
def test_the_root_that_the_pse_relies_on(days: float, expected: list[tuple[str, str, str]]) -> None:
    server = _chain(root_days=days)
    assert _lasting([_path(server)[2]], server) == expected


def test_an_intermediate_that_the_server_renews_is_due_and_one_that_anchors_ends_soon() -> None:
    server = _chain(issuing_days=30)
    _, issuing, root = _path(server)
    assert _lasting([root], server) == [(*DUE, "Issuing CA")]
    assert _lasting([issuing], server) == [(*SOON, "Issuing CA")]


def test_a_server_certificate_that_is_the_anchor_is_relied_on() -> None:
    """It lives for 60 days: 20 of them are a third, and 90 are more than all of them."""
    server = _chain(leaf_days=20)
    leaf, _, root = _path(server)
    assert _lasting([leaf], server) == [(*SOON, HOST)]
    assert _lasting([root], server) == [(*DUE, HOST)]
    younger = _chain(leaf_days=21)
    assert _lasting([_path(younger)[0]], younger) == []
    assert _lasting([_path(younger)[0]], younger, ExpiryDays(ca=21, ca_is_written=True)) == [(*SOON, HOST)]


def test_a_renewal_is_not_called_harmless_where_the_pse_relies_on_an_intermediate() -> None:
    server = _chain(leaf_days=20)
    _, issuing, root = _path(server)
    assert _lasting([issuing], server) == []
    assert _lasting([root], server) == [(*DUE, HOST)]


def test_where_nothing_is_trusted_the_judged_chain_is_told_of() -> None:
    assert _lasting([], _chain(leaf_days=5)) == [(*SOON, HOST)]
    assert _lasting([], _chain(leaf_days=5, root_days=50)) == [(*SOON, HOST), (*SOON, "Root")]
    assert _lasting([], _chain(leaf_days=20)) == []


def test_nothing_is_told_of_a_chain_that_nobody_verified() -> None:
    assert lasting_findings(Trust((), (), (), None, None), (), PERIOD, DAYS) == []


def test_expiry_days_are_the_systems_own() -> None:
    server = _chain(leaf_days=20, root_days=50)
    held = [_path(server)[2]]
    assert _lasting(held, server, ExpiryDays(leaf=20, ca=49)) == [(*SOON, HOST)]
    assert _lasting(held, server, ExpiryDays(leaf=19, ca=50)) == [(*SOON, "Root"), (*DUE, HOST)]


def test_what_has_ended_on_a_later_day_is_renewed_by_the_server() -> None:
    later = Period(NOW + timedelta(days=200), NOW + timedelta(days=201))
    question = _question([_path(_chain())[2]])
    verdict = judge_trust(question)
    (due,) = lasting_findings(verdict, (), later, DAYS)
    assert (due.code, due.severity) == ("RENEWAL_DUE", Severity.MINOR)
    assert "has ended 51 days earlier" in due.observed
    assert verdict.outlasts_renewals(later)


@pytest.mark.parametrize(("seconds", "code"), [(-1, SOON), (0, SOON), (1, DUE)])
def test_a_server_certificate_ends_soon_until_it_has_ended(seconds: int, code: tuple[str, str]) -> None:
    leaf = _path(_chain())[0]
    day = leaf.not_after + timedelta(seconds=seconds)
    verdict = judge_trust(_question([_path(_chain())[2]]))
    assert _codes(lasting_findings(verdict, (), Period(day, day), DAYS)) == [code]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (-25, "ends in 1 day;"),
        (-24, "ends in 1 day;"),
        (-23, "ends in 0 days;"),
        (0, "ends in 0 days;"),
        (1, "has ended 0 days earlier;"),
        (24, "has ended 1 day earlier;"),
        (48, "has ended 2 days earlier;"),
    ],
)
def test_an_end_is_told_by_whole_days(hours: int, told: str) -> None:
    leaf, issuing, root = _path(_chain())
    day = issuing.not_after + timedelta(hours=hours)
    verdict = Trust((leaf, issuing, root), (Anchor(entry_of(root), root),), (), root.not_after, leaf.not_after, (root,))
    found = lasting_findings(verdict, (), Period(day, day), DAYS)
    (text,) = (each.observed for each in found if each.certificates == (issuing.sha256,))
    assert told in text


@pytest.mark.parametrize("held", [0, 1], ids=["leaf", "intermediate"])
def test_without_a_root_no_renewal_is_outlasted(held: int) -> None:
    verdict = judge_trust(_question([_path(_chain())[held]]))
    assert verdict.path
    assert not verdict.outlasts_renewals(PERIOD)


def test_a_day_before_the_chain_existed_is_not_outlasted() -> None:
    before = Period(NOW - timedelta(days=60), NOW - timedelta(days=59))
    assert not judge_trust(_question([_path(_chain())[2]])).outlasts_renewals(before)


# what is named, and how it is mended


def _remedied(question: TrustCase, repair: str = "--repair") -> TrustCase:
    files = {each.sha256: Path("/proof") / f"{number}.pem" for number, each in enumerate(question.judgement.path)}
    return replace(question, remedy=replace(question.remedy, files=files, repair=repair))


@pytest.mark.parametrize(
    ("held", "code"),
    [
        ([], "PK_LIST_EMPTY"),
        ([], "SERVER_NOT_TRUSTED"),
        ([1], "ROOT_NOT_IN_PSE"),
        ([2], "INTERMEDIATE_NOT_IN_PSE"),
        ([1, 2], "LEAF_NOT_IN_PSE"),
        ([0], "PSE_HOLDS_SERVER_CERT_ONLY"),
        ([1], "PSE_HOLDS_INTERMEDIATE_ONLY"),
    ],
)
def test_every_repairable_failure_mentions_repair_and_has_the_exact_command(held: list[int], code: str) -> None:
    path = _path(_chain())
    question = replace(_remedied(_question([path[each] for each in held])), include_leaf=True)
    found = next(each for each in judge_trust(question).findings if each.code == code)
    assert "run again with --repair" in message(found)
    assert found.commands
    for command in found.commands:
        assert command[:3] == ("sapgenpse", "maintain_pk", "-a")
        assert command[4:] == ("-p", str(PSE))
        assert command[3] in {str(each) for each in question.remedy.files.values()}
    unable = judge_trust(replace(question, remedy=replace(question.remedy, repair=""))).findings
    assert "--repair" not in "".join(map(message, unable))


def test_only_with_the_bundled_engine_said_does_the_bundled_engine_repair() -> None:
    question = _remedied(_question([]), "--repair --engine=bundled")
    assert "--repair --engine=bundled" in judge_trust(question).findings[0].fix


def test_each_absent_certificate_is_named_with_its_fingerprint_and_its_own_command() -> None:
    leaf, issuing, root = _path(_chain())
    found = judge_trust(_remedied(_question([leaf]))).findings
    absent = {each.code: each for each in found if each.code.endswith("_NOT_IN_PSE")}
    for code, certificate, file in ((Code.ROOT_NOT_IN_PSE, root, "2"), (Code.INTERMEDIATE_NOT_IN_PSE, issuing, "1")):
        assert certificate.label in absent[code].observed
        assert absent[code].certificates == (certificate.sha256,)
        assert absent[code].commands == (
            ("sapgenpse", "maintain_pk", "-a", str(Path("/proof", f"{file}.pem")), "-p", str(PSE)),
        )


def test_no_fix_names_a_certificate_of_an_unverified_path() -> None:
    stranger = root_authority("Nobody", NOW - timedelta(days=9), LONG)
    server = stranger.issue_authority("Nobody's CA", NOW - timedelta(days=9), LONG).issue_server(
        [HOST], NOW - timedelta(days=9), 90
    )
    question = replace(_question([], server), judgement=_judgement(_path(server)[:2], [_path(_chain())[2]]))
    verdict = judge_trust(_remedied(question))
    assert [each.code for each in verdict.findings] == ["PK_LIST_EMPTY", "SERVER_NOT_TRUSTED"]
    assert not any(each.commands for each in verdict.findings)
    assert "--repair" not in "".join(map(message, verdict.findings))


def test_an_intermediate_that_was_fetched_does_not_help_the_client() -> None:
    """The chain is verified with it, but SAP's client does not fetch."""
    leaf, issuing, root = _path(_chain())
    question = replace(_question([root], sent=[leaf]), judgement=_judgement([leaf, issuing], [root]))
    verdict = judge_trust(question)
    assert verdict.path == ()
    assert _codes(verdict.findings) == [("INTERMEDIATE_NOT_IN_PSE", "blocker"), ("SERVER_NOT_TRUSTED", "blocker")]
    assert "the server does not send it" in verdict.findings[0].observed
    assert judge_trust(replace(question, entries=(*question.entries, _entry(issuing)))).findings == ()


def test_the_leaf_is_wanted_only_where_it_is_asked_for() -> None:
    leaf, issuing, root = _path(_chain())
    without = _question([issuing, root])
    assert _codes(judge_trust(replace(without, include_leaf=True)).findings) == [("LEAF_NOT_IN_PSE", "minor")]
    assert judge_trust(without).findings == ()
    assert judge_trust(replace(_question([leaf, issuing, root]), include_leaf=True)).findings == ()


def test_the_same_key_in_another_certificate_is_named() -> None:
    key = ec_key()
    root = root_authority("Root", NOW - timedelta(days=100), LONG, key=key)
    other = root_authority("Older Root", NOW - timedelta(days=100), LONG)
    cross = Certificate.of(other.issue_authority("Root", NOW - timedelta(days=100), LONG, key=key).certificate)
    server = root.issue_authority("Issuing CA", NOW - timedelta(days=50), LONG).issue_server(
        [HOST], NOW - timedelta(days=5), 90
    )
    found = {each.code: each for each in judge_trust(_question([cross], server)).findings}
    assert 'it holds the same key in another certificate: "Root"' in found[Code.ROOT_NOT_IN_PSE].observed
    assert 'cross-signed by "Older Root"' in found[Code.ROOT_NOT_IN_PSE].observed
    assert 'only as cross-signed by "Older Root"' in found[Code.PSE_HOLDS_INTERMEDIATE_ONLY].observed
    again = Certificate.of(other.issue_authority("Root", NOW - timedelta(days=90), LONG, key=key).certificate)
    for both in ([cross, again], [again, cross]):
        (absent,) = (
            each for each in judge_trust(_question(both, server)).findings if each.code is Code.ROOT_NOT_IN_PSE
        )
        assert f'another certificate: {both[0].label}, cross-signed by "Older Root"' in absent.observed
    held_by_its_root = _question([Certificate.of(other.certificate)], server, [*_path(server)[:2], cross])
    assert _codes(judge_trust(held_by_its_root).findings) == [("INTERMEDIATE_NOT_IN_PSE", "minor")] * 2


def test_a_certificate_of_the_same_name_with_another_key_anchors_nothing() -> None:
    """Three roots of one name: whichever is held, none of the others is the same authority."""
    roots = [root_authority("Root", NOW - timedelta(days=100), LONG) for _ in range(3)]
    for signer in roots:
        issuing = signer.issue_authority("Issuing CA", NOW - timedelta(days=50), LONG)
        server = issuing.issue_server([HOST], NOW - timedelta(days=5), 90)
        for namesake in roots:
            found = judge_trust(_question([Certificate.of(namesake.certificate)], server)).findings
            assert (("SERVER_NOT_TRUSTED", "blocker") in _codes(found)) is (namesake is not signer)
            assert all("same key" not in each.observed for each in found)


def test_the_key_of_the_root_under_another_name_is_another_authority() -> None:
    key = ec_key()
    root = root_authority("Root", NOW - timedelta(days=100), LONG, key=key)
    renamed = Certificate.of(root_authority("Renamed Root", NOW - timedelta(days=100), LONG, key=key).certificate)
    issuing = root.issue_authority("Issuing CA", NOW - timedelta(days=50), LONG)
    found = judge_trust(_question([renamed], issuing.issue_server([HOST], NOW - timedelta(days=5), 90))).findings
    assert Code.SERVER_NOT_TRUSTED in {each.code for each in found}
    assert all("same key" not in each.observed for each in found)


def test_a_way_of_the_lists_own_to_another_root_is_as_good_as_the_judged_one() -> None:
    key = ec_key()
    one, other = (root_authority(name, NOW - timedelta(days=100), LONG) for name in ("Root", "Other Root"))
    mine, others = (
        each.issue_authority("Issuing CA", NOW - timedelta(days=50), LONG, key=key) for each in (one, other)
    )
    server = mine.issue_server([HOST], NOW - timedelta(days=5), 90)
    leaf, by_one, _ = _path(server)
    by_other, other_root = Certificate.of(others.certificate), Certificate.of(other.certificate)
    verdict = judge_trust(_question([other_root, by_other], server, [leaf, by_one, by_other]))
    assert verdict.path == (leaf, by_other, other_root)
    assert verdict.findings == ()
    codes = {each.code for each in judge_trust(_question([by_other], server, [leaf, by_one, by_other])).findings}
    assert Code.ROOT_NOT_IN_PSE in codes


def test_a_server_that_vouches_for_itself_has_no_root_to_add() -> None:
    world = World(NOW, host=HOST)
    judgement = judge_chain(self_signed_and_pinned(world).question(world))
    (leaf,) = judgement.path
    question = replace(_question([leaf]), judgement=judgement, presented=(leaf,))
    (found,) = judge_trust(question).findings
    assert (found.code, found.severity) == (Code.PSE_HOLDS_SERVER_CERT_ONLY, Severity.MINOR)
    assert found.observed.endswith(f"trust ends on {leaf.not_after:%Y-%m-%d}, or when the server gets another one")
    assert found.fix.startswith("nothing today")
    stranger = Certificate.of(root_authority("Stranger", NOW - timedelta(days=1), LONG).certificate)
    absent = {each.code: each for each in judge_trust(replace(question, entries=(_entry(stranger),))).findings}
    told = absent[Code.ROOT_NOT_IN_PSE]
    assert told.observed.startswith(f"the server certificate {leaf.label} is not in the certificate list of ")
    assert told.fix.startswith("add the server certificate")


def test_an_intermediate_that_was_pinned_is_meant_and_a_server_certificate_is_not() -> None:
    leaf, issuing, _ = _path(_chain())
    question = _question([issuing])
    pinned = replace(question, pinned=frozenset({issuing.sha256}))
    for case, severity, fix in ((question, Severity.MAJOR, "add the root"), (pinned, Severity.MINOR, "get the file")):
        (found,) = (each for each in judge_trust(case).findings if each.code is Code.PSE_HOLDS_INTERMEDIATE_ONLY)
        assert (found.severity, found.fix.startswith(fix)) == (severity, True)
    alone = replace(_question([leaf]), pinned=frozenset({leaf.sha256, issuing.sha256}))
    (found,) = (each for each in judge_trust(alone).findings if each.code is Code.PSE_HOLDS_SERVER_CERT_ONLY)
    assert (found.severity, found.fix) == (Severity.MAJOR, "add the root")


@pytest.mark.parametrize(("held", "more"), [(1, "; then add its root"), (2, "")])
def test_an_intermediate_that_is_held_does_not_make_up_for_its_root(held: int, more: str) -> None:
    server = _chain(leaf_days=-1)
    (found,) = (
        each
        for each in judge_trust(_question([_path(server)[held]], server)).findings
        if each.code is Code.SERVER_NOT_TRUSTED
    )
    assert found.fix == f"find out first why the chain is not valid{more}"


def test_required_roots_are_missed_by_fingerprint() -> None:
    root = _path(_chain())[2]
    question = replace(_question(_path(_chain())[1:]), required_roots=(root.sha256, "ab" * 32))
    (found,) = judge_trust(question).findings
    assert (found.code, found.severity, found.certificates) == (
        "REQUIRED_ROOT_NOT_IN_PSE",
        Severity.MAJOR,
        ("ab" * 32,),
    )


def test_ended_entries_are_harmless_and_counted() -> None:
    ended = [
        Certificate.of(root_authority(f"Old {number}", NOW - timedelta(days=100), 50).certificate)
        for number in range(5)
    ]
    (found,) = judge_trust(_question([*_path(_chain())[1:], *ended])).findings
    assert (found.code, found.severity) == ("PK_LIST_EXPIRED", Severity.MINOR)
    assert found.observed.startswith("5 of 7 certificates")
    assert "and 2 more" in found.observed


def test_a_list_of_inspection_says_whether_it_anchors() -> None:
    zscaler = root_authority("Zscaler Root CA", NOW - timedelta(days=10), LONG)
    server = zscaler.issue_authority("Zscaler Intermediate", NOW - timedelta(days=9), LONG).issue_server(
        [HOST], NOW - timedelta(days=1), 10
    )
    root = Certificate.of(zscaler.certificate)
    anchored = _question([root], server)
    idle = _question([*_path(_chain())[1:], root])
    assert ("PSE_TRUSTS_INSPECTION", "major") in _codes(judge_trust(anchored).findings)
    (told,) = judge_trust(idle).findings
    assert (told.code, told.severity, told.certificates) == ("PSE_TRUSTS_INSPECTION", Severity.MINOR, (root.sha256,))
    listed = replace(idle, entries=(*idle.entries[:-1], Entry("CN=Zscaler Root CA")))
    assert [each.certificates for each in judge_trust(listed).findings] == [()]
    assert judge_trust(replace(idle, accepted=frozenset({root.sha256}))).findings == ()


# entries that are only described


def test_an_entry_known_by_its_fingerprint_is_taken_from_the_verified_path() -> None:
    _, issuing, root = _path(_chain())
    described = tuple(replace(_entry(each), held=None, only_listed=True) for each in (issuing, root))
    verdict = judge_trust(replace(_question([]), entries=described))
    assert [each.certificate for each in verdict.anchors] == [issuing, root]
    assert (verdict.findings, verdict.anchor) == ((), root)


def test_a_fingerprint_that_the_tool_lists_and_a_readable_file_does_not_hold_anchors_nothing() -> None:
    _, issuing, root = _path(_chain())
    unheld = tuple(replace(_entry(each), held=None) for each in (issuing, root))
    assert judge_trust(replace(_question([]), entries=unheld)).anchors == ()


def test_an_entry_known_by_its_signed_part_anchors_and_one_with_another_key_does_not() -> None:
    root = _path(_chain())[2]
    entry = replace(_entry(root), sha256=None, held=signed_part(root))
    assert judge_trust(replace(_question([]), entries=(entry,))).anchor == root
    flipped = bytearray(root.parsed.tbs_certificate_bytes)
    flipped[-40] ^= 1
    verdict = judge_trust(
        replace(_question([]), entries=(replace(entry, held=replace(signed_part(root), tbs=bytes(flipped))),))
    )
    assert (verdict.anchor, verdict.anchors) == (None, ())


@pytest.mark.parametrize("only_listed", [True, False])
def test_a_description_alone_is_never_an_anchor_and_is_red(only_listed: bool) -> None:
    root = _path(_chain())[2]
    serial, issuer = root.parsed.serial_number, "CN=Root, O=pse-preflight"
    entry = Entry("CN=Root", root.not_after, None, serial, None, issuer, only_listed=only_listed)
    verdict = judge_trust(replace(_question([]), entries=(entry,)))
    assert (verdict.anchor, verdict.anchors) == (None, ())
    code = Code.PK_LIST_NOT_COMPARABLE if only_listed else Code.ROOT_NOT_IN_PSE
    (found,) = (each for each in verdict.findings if each.code in {Code.PK_LIST_NOT_COMPARABLE, Code.ROOT_NOT_IN_PSE})
    assert (found.code, found.severity) == (code, Severity.BLOCKER)
    instead = "; it holds another certificate of the same name, serial number and days, but not of this key"
    assert found.observed.endswith(instead) is not only_listed
    (undescribed,) = (
        each for each in judge_trust(_question([_path(_chain())[1]])).findings if "the root" in each.observed
    )
    assert (undescribed.code, instead in undescribed.observed) == (Code.ROOT_NOT_IN_PSE, False)
    for other in (
        replace(entry, serial=1),
        replace(entry, issuer="CN=Other, O=pse-preflight"),
        replace(entry, not_after=NOW),
        replace(entry, not_after=root.not_after + timedelta(seconds=1)),
        replace(entry, sha256="cd" * 32),
    ):
        codes = {each.code for each in judge_trust(replace(_question([]), entries=(other,))).findings}
        assert Code.PK_LIST_NOT_COMPARABLE not in codes
        assert Code.ROOT_NOT_IN_PSE in codes


def test_the_servers_own_certificate_cannot_be_made_an_anchor() -> None:
    _, issuing, root = _path(_chain())
    namesake = replace(_entry(root), held=None, sha256=None)
    for entry in (
        namesake,
        replace(namesake, only_listed=True),
        _entry(issuing),
        replace(_entry(root), held=None),
    ):
        with pytest.raises(ValueError, match="is not what the list holds"):
            Anchor(entry, root)
    assert Anchor(_entry(root), root).certificate == root


def test_the_live_handshake_begins_with_nothing_that_the_server_sent() -> None:
    """What was sent helps to get to a root of the list, and only where it could not end the path itself."""
    leaf, issuing, root = _path(_chain())
    anchors = (Anchor(_entry(root), root),)
    assert LiveTrust(anchors, (issuing,), any_may_anchor=False).certificates == (root.der, issuing.der)
    for sent, any_may_anchor in (((issuing,), True), ((leaf,), True), ((root,), False), ((issuing, root), False)):
        with pytest.raises(ValueError, match="was sent by the server"):
            LiveTrust(anchors, sent, any_may_anchor=any_may_anchor)


def test_an_authority_whose_key_has_changed_hands_is_given_to_no_live_handshake() -> None:
    """OpenSSL takes what an authority has issued to itself for a root; the server sends it, and no list holds it."""
    begun = NOW - timedelta(days=400)
    old = root_authority("Root", begun, LONG).issue_authority("Issuing", begun, LONG)
    low = old.issue_authority("Issuing", begun, LONG).issue_authority("Low", begun, LONG)
    server = low.issue_server([HOST], NOW - timedelta(days=1), 90)
    path = tuple(map(Certificate.of, (server.certificate, *server.issuers)))
    leaf, held, renewed, first, root = path
    assert renewed.is_self_issued
    case = replace(_question([held, root]), judgement=_judgement(path[:4], [root]), presented=(leaf, renewed, first))
    verdict = judge_trust(case)
    assert (verdict.path, verdict.relied) == (path, (held, root))
    assert verdict.trusted_live == LiveTrust((Anchor(_entry(held), held), Anchor(_entry(root), root)))


def test_an_entry_that_is_not_at_hand_is_admitted_where_nothing_is_trusted() -> None:
    unknown = Entry("CN=Somebody", NOW + timedelta(days=9), "cd" * 32)
    verdict = judge_trust(replace(_question([]), entries=(unknown,)))
    assert verdict.anchors == ()
    assert "(1 of its entries are known by their description only)" in verdict.findings[-1].observed


def test_a_leaf_that_cannot_be_read_gives_no_verdict() -> None:
    question = replace(_question([_path(_chain())[2]]), judgement=_judgement([], []))
    verdict = judge_trust(question)
    assert (verdict.path, verdict.findings) == ((), ())


# the next change of the root


CHANGE = RootChange("Root", "Next Root", "cd" * 32, None, "SAP says so", date(2026, 11, 1))


def _ahead(change: RootChange, held: Sequence[Entry] = ()) -> list[Finding]:
    question = _question(_path(_chain())[1:])
    return list(judge_trust(replace(question, entries=(*question.entries, *held), changes=(change,))).findings)


def test_an_announced_successor_that_is_not_held_is_a_minor_finding_with_its_dates() -> None:
    (found,) = _ahead(CHANGE)
    assert (found.code, found.severity) == ("ROOT_CHANGE_AHEAD", Severity.MINOR)
    for part in (
        '"Next Root" (sha256 cdcdcdcdcdcd), ',
        '"Root"',
        "no day is announced",
        "SAP says so",
        "table of 2026-11-01",
    ):
        assert part in found.observed
    assert _ahead(CHANGE, [Entry("CN=Next Root", None, "cd" * 32)]) == []


@pytest.mark.parametrize(
    ("day", "severity"),
    [
        (NOW.date() + timedelta(days=61), Severity.MINOR),
        (NOW.date() + timedelta(days=60), Severity.MAJOR),
        (NOW.date(), Severity.MAJOR),
        (NOW.date() - timedelta(days=60), Severity.MAJOR),
        (NOW.date() - timedelta(days=61), Severity.MINOR),
    ],
)
def test_near_the_announced_day_it_is_major(day: date, severity: Severity) -> None:
    (found,) = _ahead(replace(CHANGE, date=day))
    assert found.severity is severity
    assert f"announced for {day}" in found.observed


def test_where_the_successor_is_at_hand_the_command_adds_it() -> None:
    question = replace(_question(_path(_chain())[1:]), changes=(CHANGE,))
    remedy = replace(question.remedy, files={CHANGE.sha256: Path("/proof/successor-1.pem")})
    (found,) = judge_trust(replace(question, remedy=remedy)).findings
    assert found.fix == "add this root now"
    assert found.commands[0][3] == str(Path("/proof/successor-1.pem"))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_list_and_of_what_was_sent_has_no_say(order: tuple[int, ...]) -> None:
    path = _path(_chain())
    shuffled = [path[each] for each in order]
    for held in (
        shuffled,
        [each for each in shuffled if each != path[2]],
        [each for each in shuffled if each != path[1]],
    ):
        verdict = judge_trust(_question(held, sent=shuffled))
        expected = judge_trust(_question(sorted(held, key=path.index)))
        assert (verdict.path, verdict.ends, verdict.findings) == (expected.path, expected.ends, expected.findings)


def test_fix_of_each_kind_of_store_is_its_own() -> None:
    leaf, issuing, root = _path(_chain())
    files = {root.sha256: Path("root.pem"), issuing.sha256: Path("ca.pem")}
    pse = Path("/sec/c.pse")
    plain = Remedy(("tool",), pse, files)
    assert plain.add([root.sha256, leaf.sha256]) == (("tool", "maintain_pk", "-a", "root.pem", "-p", str(pse)),)
    assert plain.fix("add it", [root]) == "add it"
    repairing = replace(plain, repair="--repair")
    assert repairing.fix("add it", [root, issuing]) == "run again with --repair, or add it"
    assert repairing.fix("add it", [root, leaf]) == "add it"
    assert repairing.fix("add it", []) == "add it"
    pem = replace(plain, store="PEM", repair="--repair")
    assert pem.fix("add it", [root, leaf, issuing]) == f"add it: append to {pse} what stands in root.pem, ca.pem"
    assert pem.fix("add it", [leaf]) == "add it"
    assert pem.add([root.sha256]) == ()


@pytest.mark.parametrize(("sent", "held", "severity"), [(1, 1, None), (2, 1, None), (2, 0, None), (1, 0, "blocker")])
def test_intermediate_that_is_not_listed_is_graver_where_nobody_sends_it(
    sent: int, held: int, severity: str | None
) -> None:
    path = _path(_chain())
    question = _question(path[2:] if held else [_path(_chain(150, 2000))[2]], sent=path[:sent])
    question = replace(question, judgement=_judgement(path[:2], path[2:]))
    found = [each for each in judge_trust(question).findings if each.code is Code.INTERMEDIATE_NOT_IN_PSE]
    for each in found:
        assert each.observed.endswith(", and the server does not send it") is (sent == 1)
        assert (str(each.severity) == "blocker") is (sent == 1)
    assert found
    assert severity is None or {str(each.severity) for each in found} == {severity}
