"""The search for paths: which comes first, where it ends, and what it costs."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain import search as paths
from pse_preflight.chain.search import (
    End,
    Found,
    Link,
    Pool,
    is_self_signed,
    keys_fit,
    link,
    public_key_of,
    search,
    should_have_signed,
)
from pse_preflight.demo.authority import Identity
from pse_preflight.der import element, fields_of
from tests.kit import drafts
from tests.kit.chains import CATALOGUE, World
from tests.kit.drafts import Press
from tests.kit.faulty_chains import ELSEWHERE, Plan, with_explicit_curve

WORLD = World(datetime(2026, 11, 1, 12, tzinfo=UTC))


def _certificate(identity: Identity) -> Certificate:
    return Certificate.of(identity.certificate)


def _pool(given: list[Identity], roots: list[Identity], *, partial: bool = False) -> Pool:
    return Pool(tuple(_certificate(each) for each in given), tuple(_certificate(each) for each in roots), partial, 8)


def _found(leaf: Identity, pool: Pool) -> list[Found]:
    return list(search(_certificate(leaf), pool, WORLD.period))


def _names(found: Found) -> list[str]:
    return [each.name for each in found.path[1:]]


def test_root_comes_before_its_cross_sign() -> None:
    older, root = WORLD.root("Older root", days=9000), WORLD.root()
    bridge = older.issue_authority("Root", WORLD.start, 8000, key=root.key)
    server = WORLD.server(root)
    found = _found(server, _pool([bridge], [older, root]))
    assert [_names(each) for each in found] == [["Root"], ["Root", "Older root"]]
    assert {each.end for each in found} == {End.ANCHOR}


def test_certificate_of_today_comes_before_one_of_tomorrow_and_one_that_ended() -> None:
    root = WORLD.root("Unknown root")
    today = root.issue_authority("Intermediate", WORLD.start, 50)
    tomorrow = root.issue_authority("Intermediate", WORLD.now + timedelta(days=1), 100, key=today.key)
    ended = root.issue_authority("Intermediate", WORLD.start, 5, key=today.key)
    server = WORLD.server(today)
    found = _found(server, _pool([tomorrow, ended, today], [WORLD.root()]))
    assert [each.path[1] for each in found] == [_certificate(each) for each in (today, tomorrow, ended)]
    assert {each.end for each in found} == {End.NO_ISSUER}


def test_lasting_certificate_comes_before_one_that_ends_earlier() -> None:
    root = WORLD.root()
    lasting = WORLD.authority(root)
    others = [root.issue_authority("Intermediate", WORLD.start, days, key=lasting.key) for days in range(20, 30)]
    found = _found(WORLD.server(lasting), _pool([*others, lasting], [root]))
    ends = [each.path[1].not_after for each in found]
    assert ends == sorted(ends, reverse=True)


def test_longer_way_to_a_root_comes_before_a_nearer_anchor() -> None:
    root = WORLD.root()
    intermediate = WORLD.authority(root)
    server = WORLD.server(intermediate)
    found = _found(server, _pool([], [root, intermediate, server], partial=True))
    assert [len(each.path) for each in found] == [3, 2, 1]
    assert [len(each.path) for each in _found(server, _pool([], [root, intermediate, server]))] == [3]


def test_order_of_what_is_given_has_no_say() -> None:
    root = WORLD.root()
    given = [WORLD.authority(root, key=root.key) for _ in range(4)]
    server = WORLD.server(given[0])
    assert _found(server, _pool(given, [root])) == _found(server, _pool(given[::-1], [root]))


@pytest.mark.parametrize(
    ("case", "end"),
    [
        ("good", End.ANCHOR),
        ("self-signed", End.SELF_SIGNED),
        ("untrusted-root", End.SELF_SIGNED),
        ("missing-intermediate", End.NO_ISSUER),
        ("forged-leaf", End.NO_ISSUER),
        ("circle", End.CIRCLE),
        ("too-many-intermediates", End.TOO_LONG),
    ],
)
def test_end_is_told(case: str, end: End) -> None:
    chain = next(each for each in CATALOGUE if each.name == case).build(WORLD)
    sent = tuple(Certificate.read(each) for each in chain.presented)
    pool = Pool(sent, chain.roots, partial=False, most_intermediates=8)
    assert next(search(sent[0], pool, WORLD.period)).end is end


def test_link_is_the_signature_not_the_name() -> None:
    one, other = WORLD.root(), WORLD.root()
    server = _certificate(WORLD.server(one))
    assert link(server, _certificate(one)) is Link.SIGNED
    assert link(server, _certificate(other)) is Link.NOT_SIGNED
    assert link(server, _certificate(WORLD.root("Another"))) is Link.NOT_SIGNED


def test_self_signed_is_more_than_self_issued() -> None:
    root = WORLD.root()
    renewed = WORLD.authority(root, "Root")
    assert is_self_signed(_certificate(root))
    assert _certificate(renewed).is_self_issued
    assert not is_self_signed(_certificate(renewed))


def test_missing_key_identifiers_fit_everything() -> None:
    one, other = WORLD.root(), WORLD.root()
    server = _certificate(WORLD.server(one))
    assert keys_fit(server, _certificate(one))
    assert not keys_fit(server, _certificate(other))
    assert keys_fit(_certificate(one), _certificate(other))  # a root names no authority key
    assert keys_fit(server, next(iter(_bare())))


def _bare() -> tuple[Certificate, ...]:
    return next(each for each in CATALOGUE if each.name == "authority-of-version-1").build(WORLD).roots


def test_signatures_checked_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    server = WORLD.server(WORLD.authority(WORLD.root()))
    pool = Pool(
        tuple(Certificate.of(each) for each in server.issuers[:-1]), (Certificate.of(server.issuers[-1]),), False, 8
    )
    assert [each.end for each in _found(server, pool)] == [End.ANCHOR]
    monkeypatch.setattr(paths, "MOST_SIGNATURES", 1)
    assert [each.end for each in _found(server, pool)] == [End.NO_ISSUER]


def test_cross_signing_does_not_multiply_the_work() -> None:
    """Six storeys of six authorities, each signed by all of the storey above: thousands of paths, none trusted."""
    storeys = [[WORLD.root(f"Top {number}") for number in range(6)]]
    given: list[Identity] = []
    for storey in range(5):
        below = [WORLD.authority(storeys[-1][0], f"Storey {storey} {number}") for number in range(6)]
        for upper in storeys[-1]:
            given += [upper.issue_authority(_certificate(each).name, WORLD.start, 100, key=each.key) for each in below]
        storeys.append(below)
    pool = _pool(given, [WORLD.root()])
    start = time.process_time()
    found = _found(WORLD.server(storeys[-1][0]), pool)
    assert len(found) == paths.MOST_ENDS
    assert time.process_time() - start < 5


def test_roots_are_prepared_once() -> None:
    roots = [WORLD.root(f"Root {number}") for number in range(20)]
    servers = [WORLD.server(roots[0]), WORLD.server(roots[1])]
    pools = [_pool([each], roots) for each in servers]
    _found(servers[0], pools[0])
    before = paths.by_subject.cache_info()
    _found(servers[1], pools[1])
    after = paths.by_subject.cache_info()
    assert after.misses - before.misses == 1  # what this server sent; not the roots
    assert after.hits > before.hits


@pytest.mark.parametrize("older", [False, True])
def test_certificate_whose_identifier_fits_comes_before_one_that_lasts_longer(*, older: bool) -> None:
    """Both hold the key that signed, and one of them is called as the server's certificate calls its issuer."""
    plan = Plan(WORLD.now, "p256", 2, ELSEWHERE)
    issuing = plan.authorities[0]
    odd = issuing.twin(end=issuing.end + timedelta(days=-1 if older else 1))
    odd.says(x509.SubjectKeyIdentifier(b"another"))
    press = Press()
    leaf, right, wrong = (Certificate.read(press.made(each)) for each in (plan.leaf, issuing, odd))
    found = search(leaf, Pool((wrong, right), (), partial=False, most_intermediates=8), WORLD.period)
    assert [each.path[1] for each in found] == [right, wrong]
    assert not keys_fit(leaf, wrong)


@pytest.mark.parametrize("same_key", [True, False])
def test_issuer_without_an_identifier_has_the_usual_one(*, same_key: bool) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    issuing = plan.authorities[0]
    leaf = Certificate.read(Press().made(plan.leaf))
    other = issuing if same_key else issuing.twin(key=plan.key())
    other.lacks(x509.SubjectKeyIdentifier)
    issuer = Certificate.read(Press().made(other))
    assert should_have_signed(leaf, issuer) is same_key
    assert keys_fit(leaf, issuer)


def test_a_key_is_the_same_however_it_writes_its_curve() -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    issuing = plan.authorities[0]
    written_out = issuing.twin()
    written_out.spki = with_explicit_curve(issuing.key)
    press = Press()
    named, explicit, other = (Certificate.read(press.made(each)) for each in (issuing, written_out, plan.root))
    assert fields_of(named.der).public_key != fields_of(explicit.der).public_key
    assert public_key_of(named) == public_key_of(explicit) != public_key_of(other)


def test_a_key_of_an_unknown_kind_is_what_is_written() -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    issuing = plan.authorities[0]
    issuing.spki = element(0x30, element(0x30, drafts.oid("1.3.6.1.4.1.99999.7")) + element(0x03, b"\x00key"))
    certificate = Certificate.read(Press().made(issuing))
    assert certificate.public_key is None
    assert public_key_of(certificate) == issuing.spki


@pytest.mark.parametrize(("kind", "may_be"), [("p256", True), ("rsa", False)])
def test_who_names_no_key_may_be_of_any_key_of_that_kind(kind: str, *, may_be: bool) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    issuing = plan.authorities[0]
    plan.leaf.follows_issuer = False
    plan.leaf.lacks(x509.AuthorityKeyIdentifier)
    press = Press()
    leaf, other = (Certificate.read(press.made(each)) for each in (plan.leaf, issuing.twin(key=plan.key(kind))))
    assert should_have_signed(leaf, other) is may_be


def test_pool_shows_no_roots() -> None:
    root = Certificate.of(WORLD.root().certificate)
    pool = Pool((), (root,), partial=False, most_intermediates=8)
    assert pool.trusts(root)
    assert "Certificate" not in repr(pool)
