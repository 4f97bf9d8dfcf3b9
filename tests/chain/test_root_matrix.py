"""Every kind of root on the way to SAP's cloud: how it is sent, who knows it, whether the user has named it.

A word per verdict: green; `named`: verified, and TLS_INSPECTED is a minor finding, since the user has decided;
`untrusted`: not verified, and not called inspection; `inspected`: TLS_INSPECTED, the cause of everything else.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.judge import ChainQuestion, Judgement, Period, judge_chain
from pse_preflight.chain.roots import Roots, with_saps
from pse_preflight.chain.sap_roots import Release, Root, SapRoots, Table
from pse_preflight.checklist import Code, Severity
from pse_preflight.demo.authority import Identity, ec_key, root_authority
from pse_preflight.findings import message

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
START = NOW - timedelta(days=100)
HOST = "my401122-api.s4hana.cloud.sap"
RELEASE = Release("3.0.0", date(2026, 6, 3))
NAME = "ISRG Root YR"

SENDINGS = ("sent", "not sent", "cross-signed by a known root", "cross-signed by an unknown root")
MATRIX = """
certifi  list      user     | sent       not-sent   cross-known  cross-unknown
in       sha256    -        | green      green      green        green
in       name      -        | green      green      green        green
in       -         -        | green      green      green        green
in       sha256    named    | green      green      green        green
in       name      named    | green      green      green        green
in       -         named    | green      green      green        green
-        at-hand   -        | green      green      green        green
-        sha256    -        | green      untrusted  green        untrusted
-        name      -        | inspected  untrusted  green        untrusted
-        left      -        | untrusted  untrusted  green        untrusted
-        given     -        | untrusted  untrusted  green        untrusted
-        -         -        | inspected  inspected  green        inspected
-        at-hand   named    | green      green      green        green
-        sha256    named    | green      green      green        green
-        name      named    | named      named      named        named
-        left      named    | green      green      green        green
-        given     named    | green      green      green        green
-        -         named    | named      named      named        named
"""
"""How SAP's list knows the root: by its SHA-256 (and its bytes are at hand, or not); by its name alone; as one that has
left the list; not the list that comes along, but one that --sap-roots names."""


def cases() -> list[tuple[str, str, str, str, str]]:
    lines = [line.replace("|", "").split() for line in MATRIX.strip().splitlines()[1:]]
    return [
        (*known, sending, word)  # type: ignore[misc]
        for *known, sent, unsent, known_cross, unknown_cross in lines
        for sending, word in zip(SENDINGS, (sent, unsent, known_cross, unknown_cross), strict=True)
    ]


@cache
def _authorities() -> tuple[Identity, Identity, Identity, Identity, Identity]:
    """Return the root, the server, the root as cross-signed by a known and by an unknown one, and the known one."""
    key = ec_key()
    root = root_authority(NAME, START, 3000, key=key)
    known, unknown = root_authority("Known Root", START, 3000), root_authority("Unknown Root", START, 3000)
    crosses = [each.issue_authority(NAME, START, 2000, key=key) for each in (known, unknown)]
    server = root.issue_authority("YR2", START, 1000).issue_server([HOST], NOW - timedelta(days=1), 90)
    return root, server, crosses[0], crosses[1], known


ROOT = Certificate.of(_authorities()[0].certificate)
KNOWN = Certificate.of(_authorities()[4].certificate)


def _sent(sending: str) -> tuple[Certificate, ...]:
    root, server, by_known, by_unknown, _ = _authorities()
    fourth = {SENDINGS[0]: root, SENDINGS[2]: by_known, SENDINGS[3]: by_unknown}.get(sending)
    chain = [server.certificate, server.issuers[0], *([fourth.certificate] if fourth else [])]
    return tuple(map(Certificate.of, chain))


def _table(sha256: str, *, left: Release | None = None) -> Table:
    since = Release("1.0.0", date(2024, 2, 13))
    listed = Root(name=NAME, sha256=sha256, common_name=NAME, organization="pse-preflight", since=since, left=left)
    return Table(dated=RELEASE.day, releases=(since, RELEASE), roots=(listed,))


def _known(listing: str) -> SapRoots:
    if listing == "given":
        newer = Release("4.0.0", date(2026, 9, 1))
        given = Table(dated=newer.day, releases=(newer,), roots=_table(ROOT.sha256).roots)
        return SapRoots(shipped=Table(dated=RELEASE.day, releases=(RELEASE,)), given=given)
    tables = {
        "sha256": _table(ROOT.sha256),
        "at-hand": _table(ROOT.sha256),
        "name": _table("ab" * 32),
        "left": _table(ROOT.sha256, left=RELEASE),
        "-": Table(dated=RELEASE.day, releases=(RELEASE,)),
    }
    return SapRoots(shipped=tables[listing])


def judged(certifi: str, listing: str, user: str, sending: str, *, host: str = HOST) -> Judgement:
    sent, known = _sent(sending), _known(listing)
    mozilla = Roots((KNOWN, ROOT) if certifi == "in" else (KNOWN,), "Mozilla's list")
    at_hand = (*sent, ROOT) if listing == "at-hand" else sent
    roots = Roots((ROOT,), "roots.pem", explicit=True) if user == "named" else with_saps(mozilla, known, at_hand)
    return judge_chain(
        ChainQuestion(
            host=host,
            presented=tuple(each.der for each in sent),
            roots=roots.certificates,
            roots_name=roots.name,
            period=Period(NOW, NOW),
            sap_domain=host == HOST,
            sap_roots=known,
            inspection_accepted=roots.explicit,
            mozilla=frozenset(each.sha256 for each in mozilla.certificates),
        )
    )


def _word(judgement: Judgement) -> str:
    grave = [each for each in judgement.findings if each.severity > Severity.MINOR]
    inspected = [each for each in judgement.findings if each.code is Code.TLS_INSPECTED]
    if judgement.path:
        assert not grave
        return "named" if inspected else "green"
    assert grave
    return "inspected" if grave[0].code is Code.TLS_INSPECTED else "untrusted"


@pytest.mark.parametrize(("certifi", "listing", "user", "sending", "word"), cases())
def test_the_verdict_on_each_kind_of_root(certifi: str, listing: str, user: str, sending: str, word: str) -> None:
    judgement = judged(certifi, listing, user, sending)
    assert _word(judgement) == word, [message(each) for each in judgement.findings]
    codes = {each.code for each in judgement.findings}
    assert (Code.TLS_INSPECTED in codes) == (word in {"named", "inspected"})
    assert (Code.ROOT_UNTRUSTED in codes) == (word in {"untrusted", "inspected"})


def _told(listing: str, sending: str, user: str = "-", certifi: str = "-") -> str:
    return "\n".join(map(message, judged(certifi, listing, user, sending).findings))


def test_a_root_of_saps_list_that_is_not_at_hand_is_told_with_the_file_to_get() -> None:
    told = _told("sha256", "not sent")
    assert f'ROOT_UNTRUSTED: "{NAME}", which signed "YR2"' in told
    assert "SAP requires a root of that name since 2024-02-13 (1.0.0)" in told[:250]
    assert "get SAP's list (required.pse of github.com/sap-software/btp-trust-store" in told
    assert "--sap-roots PATH" in told
    assert f"sha256 {ROOT.sha256}" in told
    assert "re-signed" not in told


def test_an_unknown_root_that_cross_signs_it_is_told_with_saps_own() -> None:
    told = _told("sha256", "cross-signed by an unknown root")
    assert told.startswith('ROOT_UNTRUSTED: "Unknown Root", which signed intermediate')
    assert f'it cross-signs "{NAME}", and SAP requires a root of that name since 2024-02-13' in told
    assert "get SAP's list" in told


def test_a_root_of_saps_list_that_was_sent_and_is_not_among_the_roots_is_told_with_the_key_that_knows_it() -> None:
    sent = _sent("sent")
    question = ChainQuestion(
        host=HOST,
        presented=tuple(each.der for each in sent),
        roots=(KNOWN,),
        roots_name="Mozilla's list",
        period=Period(NOW, NOW),
        sap_domain=True,
        sap_roots=_known("sha256"),
        mozilla=frozenset({KNOWN.sha256}),
    )
    (found,) = judge_chain(question).findings
    assert found.code is Code.ROOT_UNTRUSTED
    assert found.observed.endswith("; SAP requires this root since 2024-02-13 (1.0.0)")
    assert found.fix == "judge this host by `roots: auto`, which knows this root"


def test_where_the_users_roots_lack_a_public_one_of_saps_list_the_key_that_knows_it_is_named() -> None:
    sent = _sent("not sent")
    question = ChainQuestion(
        host=HOST,
        presented=tuple(each.der for each in sent),
        roots=(KNOWN,),
        roots_name="roots.pem",
        period=Period(NOW, NOW),
        sap_domain=True,
        sap_roots=_known("sha256"),
        inspection_accepted=True,
        mozilla=frozenset({KNOWN.sha256, ROOT.sha256}),
    )
    (found,) = judge_chain(question).findings
    assert found.code is Code.ROOT_UNTRUSTED
    assert "was not sent, and is not among the roots that are judged by" in found.observed
    assert found.fix == "judge this host by `roots: auto`, which knows this root"


@pytest.mark.parametrize("user", ["-", "named"])
def test_who_only_bears_the_name_is_told_with_both_fingerprints_and_no_file_is_to_be_got(user: str) -> None:
    told = _told("name", "sent", user)
    assert f"calls itself \"{NAME}\", and is not SAP's: its sha256 is {ROOT.sha256}, and SAP's is {'ab' * 32}" in told
    assert "get the file" not in told
    assert "get SAP's list" not in told
    assert "get its file" not in told
    assert "do not trust it" in told


def test_who_only_bears_the_name_is_told_for_any_host() -> None:
    (found,) = judged("-", "name", "-", "sent", host="erp.example.com").findings[1:]
    assert found.code is Code.ROOT_UNTRUSTED
    assert f'calls itself "{NAME}", and is not SAP\'s' in found.observed


def test_where_saps_root_is_at_hand_and_did_not_sign_it_is_inspection_after_all() -> None:
    """The server names SAP's root as the issuer, and the genuine one, which is among the roots, has another key."""
    genuine = Certificate.of(root_authority(NAME, START, 3000).certificate)
    known = SapRoots(shipped=_table(genuine.sha256))
    sent = _sent("not sent")
    question = ChainQuestion(
        host=HOST,
        presented=tuple(each.der for each in sent),
        roots=(KNOWN, genuine),
        roots_name="Mozilla's list or SAP's (3.0.0)",
        period=Period(NOW, NOW),
        sap_domain=True,
        sap_roots=known,
        mozilla=frozenset({KNOWN.sha256}),
    )
    found = judge_chain(question).findings
    assert [each.code for each in found] == [Code.TLS_INSPECTED, Code.ROOT_UNTRUSTED]
    assert all(f'names "{NAME}" as its issuer, and SAP\'s root of that name' in each.observed for each in found)
    assert all("did not sign it" in each.observed for each in found)


def test_a_cross_signed_one_with_another_key_than_saps_root_has_is_inspection() -> None:
    genuine = Certificate.of(root_authority(NAME, START, 3000).certificate)
    sent = _sent("cross-signed by an unknown root")
    question = ChainQuestion(
        host=HOST,
        presented=tuple(each.der for each in sent),
        roots=(KNOWN, genuine),
        roots_name="Mozilla's list or SAP's (3.0.0)",
        period=Period(NOW, NOW),
        sap_domain=True,
        sap_roots=SapRoots(shipped=_table(genuine.sha256)),
        mozilla=frozenset({KNOWN.sha256}),
    )
    found = judge_chain(question).findings
    assert found[0].code is Code.TLS_INSPECTED
    assert f'calls itself "{NAME}", and is not SAP\'s' in found[0].observed


def test_a_root_that_has_left_the_list_is_told_as_that() -> None:
    assert "SAP's list had a root of that name until 2026-06-03 (3.0.0)" in _told("left", "not sent")
    assert "get SAP's list" not in _told("left", "not sent")


def test_a_root_that_only_a_given_list_names_is_trusted_only_once_the_user_names_it() -> None:
    told = _told("given", "sent")
    assert f'the list that --sap-roots names has "{NAME}"' in told
    assert "the one that comes along has not" in told


@pytest.mark.parametrize("user", ["-", "named"])
def test_no_given_list_hides_a_product_that_its_name_tells(user: str) -> None:
    proxy = root_authority("Zscaler Root CA", START, 3000)
    root = Certificate.of(proxy.certificate)
    server = proxy.issue_server([HOST], NOW - timedelta(days=1), 90)
    newer = Release("4.0.0", date(2026, 9, 1))
    listed = Root(name=root.name, sha256=root.sha256, common_name=root.name, since=newer)
    question = ChainQuestion(
        host=HOST,
        presented=(Certificate.of(server.certificate).der, root.der),
        roots=(root,) if user == "named" else (KNOWN,),
        roots_name="the roots",
        period=Period(NOW, NOW),
        sap_domain=True,
        sap_roots=SapRoots(given=Table(dated=newer.day, releases=(newer,), roots=(listed,))),
        inspection_accepted=user == "named",
        mozilla=frozenset({KNOWN.sha256}),
    )
    (found, *_) = judge_chain(question).findings
    assert found.code is Code.TLS_INSPECTED
    assert found.severity is (Severity.MINOR if user == "named" else Severity.MAJOR)


def test_the_usual_fixes_of_inspection_name_both_ways_out() -> None:
    told = _told("-", "sent")
    assert f'TLS_INSPECTED: the connection is re-signed by an authority that is not public, "{NAME}"' in told
    assert "excluded from TLS inspection; or, if this authority is meant" in told
    accepted = _told("-", "sent", "named")
    assert f'ends in "{NAME}", which you named as a root; it is in no public list, nor in SAP\'s' in accepted
    assert "fix: nothing, if it is your own authority" in accepted
