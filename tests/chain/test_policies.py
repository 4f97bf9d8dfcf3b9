"""Certificate policies by RFC 5280 (6.1), for a client that accepts any policy."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.faults import faults_of, forbidden
from pse_preflight.chain.policies import policy_faults
from pse_preflight.chain.verify import Path, Period, refusal
from tests.kit import drafts
from tests.kit.drafts import Draft, Press
from tests.kit.faulty_chains import ELSEWHERE, Plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ONE, OTHER, ANY = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2", "2.5.29.32.0"


def _says(draft: Draft, *policies: str) -> None:
    stated = [x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in policies]
    draft.says(x509.CertificatePolicies(stated))


def _maps(draft: Draft, *pairs: tuple[str, str]) -> None:
    value = drafts.encoded(drafts.encoded([drafts.oid(ours), drafts.oid(theirs)]) for ours, theirs in pairs)
    draft.extensions["2.5.29.33"] = (True, value)


def _requires(draft: Draft, certificates: int | None, mapping: int | None = None) -> None:
    draft.says(x509.PolicyConstraints(certificates, mapping), critical=True)


def _path(plan: Plan) -> Path:
    press = Press()
    return tuple(Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))


def _plan(lowest: str = "", middle: str = "", upper: str = "") -> Plan:
    """Draft three storeys, each with these policies, the upper one requiring some from itself on."""
    plan = Plan(NOW, "p256", 2, ELSEWHERE)
    for draft, policies in zip((plan.leaf, *plan.authorities), (lowest, middle, upper), strict=True):
        if policies:
            _says(draft, *policies.split())
    _requires(plan.authorities[1], 0)
    return plan


def _blamed(plan: Plan) -> list[str]:
    return [each.certificate.name for each in policy_faults(_path(plan))]


@pytest.mark.parametrize(
    ("lowest", "middle", "upper", "holds"),
    [
        (ONE, ONE, ONE, True),
        (ONE, ANY, ONE, True),
        (ANY, ANY, ANY, True),
        (ONE, ANY, ANY, True),
        (ANY, ONE, ONE, True),
        (f"{ONE} {OTHER}", OTHER, f"{ONE} {OTHER}", True),
        (OTHER, ONE, ONE, False),
        (ONE, ONE, OTHER, False),
        ("", ONE, ONE, False),
        (ONE, "", ONE, False),
        (ONE, ONE, "", False),
        ("", "", "", False),
    ],
)
def test_required_policy_holds_from_end_to_end_or_not(lowest: str, middle: str, upper: str, *, holds: bool) -> None:
    plan = _plan(lowest, middle, upper)
    assert _blamed(plan) == ([] if holds else ["Intermediate 0"])
    assert forbidden(_path(plan)) is not holds


def test_policies_are_not_asked_of_a_path_with_a_gap() -> None:
    """Nobody knows under which policies the missing one is issued."""
    path = _path(_plan(OTHER, ONE, ONE))
    for gap in (None, 1):
        found = faults_of(path, Period(NOW, NOW), public=False, gap=gap)
        assert any("requires a certificate policy" in each.words for each in found) is (gap is None)


def test_nothing_is_required_unless_somebody_requires_it() -> None:
    plan = _plan(ONE, OTHER, "")
    plan.authorities[1].lacks(x509.PolicyConstraints)
    assert _blamed(plan) == []
    plan.leaf.says(x509.PolicyConstraints(0, None), critical=True)
    assert _blamed(plan) == [ELSEWHERE.host]


@pytest.mark.parametrize(("certificates", "told"), [(0, True), (1, True), (2, True), (3, False), (9, False)])
def test_requirement_begins_as_far_below_as_is_said(certificates: int, *, told: bool) -> None:
    plan = _plan("", ONE, ONE)
    _requires(plan.authorities[1], certificates)
    assert bool(_blamed(plan)) is told


def test_requirement_of_the_anchor_itself_does_not_count() -> None:
    """RFC 5280 takes the anchor as a name and a key; what it says of paths is not part of it."""
    plan = Plan(NOW, "p256", 1, ELSEWHERE)
    _requires(plan.root, 0)
    assert _blamed(plan) == []
    unanchored = policy_faults(_path(plan), anchored=False)
    assert [each.certificate.name for each in unanchored] == ["Root"]


@pytest.mark.parametrize(("skip", "told"), [(0, True), (1, False)])
def test_any_policy_counts_until_it_is_inhibited(skip: int, *, told: bool) -> None:
    plan = _plan(ONE, ANY, ONE)
    plan.authorities[1].says(x509.InhibitAnyPolicy(skip), critical=True)
    assert bool(_blamed(plan)) is told


@pytest.mark.parametrize(
    ("skip", "policies", "told"),
    [
        (0, (ONE, ANY), True),
        (1, (ONE, ANY), False),
        (1, (ANY, ONE), True),
        (2, (ANY, ONE), False),
        (2, (ANY, ANY), False),
    ],
)
def test_any_policy_counts_so_far_down_as_is_said(skip: int, policies: tuple[str, str], *, told: bool) -> None:
    """RFC 5280, 6.1.4 (h) and (j): one fewer with each certificate, and then none."""
    plan = _plan(*policies, ONE)
    plan.authorities[1].says(x509.InhibitAnyPolicy(skip), critical=True)
    assert bool(_blamed(plan)) is told


@pytest.mark.parametrize("skip", [0, 1])
def test_any_policy_of_a_renewed_key_counts_where_it_is_inhibited(skip: int) -> None:
    """RFC 5280, 6.1.3 (d) (2): a certificate that is issued to its own name and is not the last."""
    plan = _plan(ONE, ANY, ONE)
    upper, lower = plan.authorities[1], plan.authorities[0]
    upper.says(x509.InhibitAnyPolicy(skip), critical=True)
    lower.subject = upper.subject
    plan.leaf.issuer = lower
    assert _blamed(plan) == []


@pytest.mark.parametrize(
    ("pairs", "lowest", "told"),
    [
        ([(ONE, OTHER)], OTHER, False),
        ([(ONE, OTHER)], ONE, True),
        ([(OTHER, ONE)], OTHER, True),
        ([(ONE, OTHER), (ONE, ONE)], ONE, False),
    ],
)
def test_mapped_policy_counts_as_the_other(pairs: list[tuple[str, str]], lowest: str, *, told: bool) -> None:
    plan = _plan(lowest, ONE, ONE)
    _maps(plan.authorities[0], *pairs)
    assert bool(_blamed(plan)) is told


def test_mapping_can_be_forbidden() -> None:
    for forbidden_after, told in ((0, True), (1, False)):
        plan = _plan(OTHER, ONE, ONE)
        _requires(plan.authorities[1], 0, forbidden_after)
        _maps(plan.authorities[0], (ONE, OTHER))
        assert bool(_blamed(plan)) is told


@pytest.mark.parametrize(("after", "told"), [(0, True), (1, True), (2, False)])
def test_mapping_is_forbidden_so_many_authorities_further_down(after: int, *, told: bool) -> None:
    plan = Plan(NOW, "p256", 3, ELSEWHERE)
    for draft, policy in zip((plan.leaf, *plan.authorities), (OTHER, ONE, ONE, ONE), strict=True):
        _says(draft, policy)
    _requires(plan.authorities[2], 0, after)
    _maps(plan.authorities[0], (ONE, OTHER))
    assert bool(_blamed(plan)) is told


@pytest.mark.parametrize("pair", [(ANY, ONE), (ONE, ANY)])
def test_any_policy_must_not_be_mapped(pair: tuple[str, str]) -> None:
    plan = _plan(ANY, ANY, ANY)
    _maps(plan.authorities[0], pair)
    (fault,) = policy_faults(_path(plan))
    assert "maps any policy to another" in fault.words
    assert fault.certificate.name == "Intermediate 1"


def test_mapping_that_cannot_be_read_maps_nothing() -> None:
    for value in (b"", b"\x30\x05", b"\x30\x04\x30\x02\x05\x00"):
        plan = _plan(ONE, ONE, ONE)
        plan.authorities[0].extensions["2.5.29.33"] = (False, value)
        assert _blamed(plan) == []


def test_verifier_looks_at_none_of_this_so_that_it_is_forbidden_here() -> None:
    host, period = x509.DNSName(ELSEWHERE.host), Period(NOW, NOW)
    for plan, broken in ((_plan(ONE, ONE, ONE), False), (_plan("", ONE, ONE), True)):
        path = _path(plan)
        assert refusal(path, host, period, public=False) is None
        assert forbidden(path) is broken


@pytest.mark.parametrize(("upper", "lower", "told"), [(0, 9, True), (9, 0, True), (9, 9, False), (1, 9, True)])
def test_requirement_once_made_is_never_put_off(upper: int, lower: int, *, told: bool) -> None:
    """An authority further down can ask for it sooner, and not later (RFC 5280, 6.1.4, i)."""
    plan = _plan("", ONE, ONE)
    _requires(plan.authorities[1], upper)
    _requires(plan.authorities[0], lower)
    assert bool(_blamed(plan)) is told
