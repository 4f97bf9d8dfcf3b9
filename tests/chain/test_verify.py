"""The verifier's verdict on exactly one path, for exactly one anchor, throughout a period."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pse_preflight.certificate import Certificate
from pse_preflight.chain.extensions import ADMITTED
from pse_preflight.chain.verify import Path, Period, refusal
from pse_preflight.demo.authority import Identity
from tests.kit.chains import CATALOGUE, World
from tests.kit.drafts import Press
from tests.kit.faulty_chains import ELSEWHERE, Plan

WORLD = World(datetime(2026, 11, 1, 12, tzinfo=UTC))
HOST = x509.DNSName(WORLD.host)

by_either_rules = pytest.mark.parametrize("public", [True, False])


def _path(server: Identity) -> Path:
    return tuple(Certificate.of(each) for each in (server.certificate, *server.issuers))


def _good() -> Path:
    return _path(WORLD.server(WORLD.authority(WORLD.root())))


@by_either_rules
def test_good_path_is_accepted(*, public: bool) -> None:
    assert refusal(_good(), HOST, WORLD.period, public=public) is None


@by_either_rules
@pytest.mark.parametrize("length", [1, 2])
def test_any_member_may_be_the_anchor(length: int, *, public: bool) -> None:
    assert refusal(_good()[:length], HOST, WORLD.period, public=public) is None


@by_either_rules
def test_other_host_is_refused(*, public: bool) -> None:
    assert refusal(_good(), x509.DNSName("other.example.com"), WORLD.period, public=public)


@by_either_rules
def test_gap_is_refused(*, public: bool) -> None:
    leaf, _, root = _good()
    assert refusal((leaf, root), HOST, WORLD.period, public=public)


@by_either_rules
def test_path_is_accepted_as_a_whole_or_not_at_all(*, public: bool) -> None:
    """A detour over a second certificate of the root itself: the verifier takes the straight way."""
    root = WORLD.root()
    again = WORLD.authority(root, "Root", key=root.key)
    leaf, anchor = _path(WORLD.server(root))
    assert refusal((leaf, anchor), HOST, WORLD.period, public=public) is None
    assert refusal((leaf, Certificate.of(again.certificate), anchor), HOST, WORLD.period, public=public)


@by_either_rules
def test_both_ends_of_the_period_count(*, public: bool) -> None:
    path = _good()
    begin, end = path[0].not_before, path[0].not_after
    second = timedelta(seconds=1)
    assert refusal(path, HOST, Period(begin, end), public=public) is None
    assert refusal(path, HOST, Period(begin - second, end), public=public)
    assert refusal(path, HOST, Period(begin, end + second), public=public)


def test_period_knows_no_parts_of_a_second() -> None:
    moment = WORLD.now + timedelta(microseconds=5)
    assert Period(moment, moment) == Period(WORLD.now, WORLD.now)
    assert Period(moment, moment).ends == (WORLD.now,)
    assert len(Period(moment, moment + timedelta(seconds=1)).ends) == 2


@pytest.mark.parametrize(
    "case", ["issuer-is-no-authority", "issuer-may-not-sign", "issuer-not-for-servers", "leaf-not-for-servers"]
)
@by_either_rules
def test_what_private_authorities_may_leave_out_they_may_not_contradict(case: str, *, public: bool) -> None:
    chain = next(each for each in CATALOGUE if each.name == case).build(WORLD)
    path = (*(Certificate.read(each) for each in chain.presented), *chain.roots)
    assert refusal(path, HOST, WORLD.period, public=public)


@by_either_rules
@pytest.mark.parametrize("kind", [*ADMITTED, None], ids=str)
def test_critical_extension_is_admitted_where_it_is_judged_here(
    kind: type[x509.ExtensionType] | None, *, public: bool
) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    oid = kind.oid.dotted_string if kind else "1.3.6.1.4.1.99999.1"
    plan.leaf.extensions[oid] = plan.authorities[0].extensions[oid] = (True, b"\x05\x00")
    press = Press()
    path = tuple(Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))
    told = refusal(path, x509.DNSName(ELSEWHERE.host), WORLD.period, public=public)
    assert (told is None) is (kind is not None)


def test_servers_own_certificate_may_be_an_authoritys_where_it_is_the_anchor() -> None:
    root = WORLD.root()
    names = x509.SubjectAlternativeName([HOST])
    builder = x509.CertificateBuilder(root.certificate.issuer, root.certificate.subject, root.key.public_key(), 1)
    builder = builder.not_valid_before(WORLD.start).not_valid_after(WORLD.now)
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    own = Certificate.of(builder.sign(root.key, hashes.SHA256()))
    assert refusal((own,), HOST, WORLD.period, public=False) is None
    assert refusal((own, Certificate.of(root.certificate)), HOST, WORLD.period, public=False)
