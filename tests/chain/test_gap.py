"""What is sent where an intermediate is missing: it belongs above it, is wrong, or nobody can tell."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.gap import gap_above
from pse_preflight.chain.judge import ChainQuestion, Judgement, judge_chain
from pse_preflight.chain.search import Pool
from pse_preflight.chain.verify import Period
from tests.kit.drafts import Draft, Press
from tests.kit.faulty_chains import ELSEWHERE, ROOTS_NAME, Plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _judged(plan: Plan, *sent: Draft, fetched: tuple[Draft, ...] = ()) -> Judgement:
    press = Press()
    return judge_chain(
        ChainQuestion(
            host=ELSEWHERE.host,
            presented=tuple(press.made(each) for each in (plan.leaf, *sent)),
            roots=tuple(Certificate.read(press.made(each)) for each in plan.roots),
            roots_name=ROOTS_NAME,
            period=Period(NOW, NOW),
            fetched=tuple(press.made(each) for each in fetched),
        )
    )


def _codes(judgement: Judgement) -> list[str]:
    return [each.code.value for each in judgement.findings]


def _three() -> tuple[Plan, Draft, Draft, Draft]:
    plan = Plan(NOW, "p256", 3, ELSEWHERE)
    lower, middle, upper = plan.authorities
    return plan, lower, middle, upper


@pytest.mark.parametrize("order", [1, -1])
def test_lowest_of_three_forgotten_is_the_only_one_named(order: int) -> None:
    plan, lower, middle, upper = _three()
    judgement = _judged(plan, *(middle, upper)[::order])
    (found,) = judgement.findings
    assert found.code == "SERVER_OMITS_INTERMEDIATE"
    assert f'does not send the intermediate "{lower.common_name}"' in found.observed
    for other in (middle, upper):
        assert f'not "{other.common_name}"' not in found.fix
        assert f'"{other.common_name}" instead' not in found.observed


def test_middle_of_three_forgotten_is_the_only_one_named() -> None:
    plan, lower, middle, upper = _three()
    (found,) = _judged(plan, lower, upper).findings
    assert found.code == "SERVER_OMITS_INTERMEDIATE"
    assert (
        f'does not send the intermediate "{middle.common_name}", which signed "{lower.common_name}"' in found.observed
    )
    assert found.fix == f'have the server send "{middle.common_name}" after "{lower.common_name}"'


def test_two_of_three_forgotten_and_the_lower_fetched_are_both_named() -> None:
    plan, lower, middle, upper = _three()
    judgement = _judged(plan, upper, fetched=(lower,))
    assert _codes(judgement) == ["SERVER_OMITS_INTERMEDIATE", "SERVER_OMITS_INTERMEDIATE"]
    told = " ".join(each.observed for each in judgement.findings)
    assert f'intermediate "{lower.common_name}"' in told
    assert f'intermediate "{middle.common_name}"' in told
    assert f'"{upper.common_name}" instead' not in told


def test_fault_above_the_gap_is_told_as_well() -> None:
    plan, _, middle, upper = _three()
    for draft in (middle, upper):
        plan.authorities[1].end = plan.authorities[2].end = NOW
        draft.end = plan.start
        judgement = _judged(plan, middle, upper)
        assert _codes(judgement) == ["CERTIFICATE_EXPIRED", "SERVER_OMITS_INTERMEDIATE"]
        assert f'intermediate "{draft.common_name}" ended' in judgement.findings[0].observed


def test_one_alone_may_be_the_wrong_one_or_the_upper_one() -> None:
    """The fix takes nothing away that may be needed; the detail says both."""
    plan = Plan(NOW, "p256", 2, ELSEWHERE)
    lower, upper = plan.authorities
    (found,) = _judged(plan, upper).findings
    assert found.code == "SERVER_SENDS_WRONG_INTERMEDIATE"
    assert f'and "{upper.common_name}" only if it signed that one' in found.fix
    assert f'if "{upper.common_name}" signed "{lower.common_name}", it belongs to the path' in found.detail


def test_one_alone_that_allows_no_authority_below_it_is_the_wrong_one() -> None:
    plan = Plan(NOW, "p256", 1, ELSEWHERE)
    other = plan.authority("Another intermediate", plan.root)
    other.says(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (found,) = _judged(plan, other).findings
    assert found.code == "SERVER_SENDS_WRONG_INTERMEDIATE"
    assert found.fix.endswith(', and not "Another intermediate"')
    assert "belongs to the path" not in found.detail


def test_old_issuing_authority_is_wrong_and_the_upper_one_above_it_is_not() -> None:
    plan, _, _, upper = _three()
    old = plan.authority("Old issuing authority", upper)
    old.says(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (found,) = _judged(plan, old, upper).findings
    assert found.code == "SERVER_SENDS_WRONG_INTERMEDIATE"
    assert '"Old issuing authority" instead' in found.observed
    assert upper.common_name not in found.observed + found.fix


def test_two_that_lead_up_by_two_ways_cannot_both_belong() -> None:
    plan = Plan(NOW, "p256", 1, ELSEWHERE)
    others = [plan.authority(name, plan.root) for name in ("One", "Other")]
    (found,) = _judged(plan, *others).findings
    assert found.code == "SERVER_SENDS_WRONG_INTERMEDIATE"
    assert '"One", "Other" instead' in found.observed


def test_twin_of_the_missing_one_never_belongs() -> None:
    plan, lower, middle, upper = _three()
    for kind in ("p256", "rsa"):
        twin = lower.twin(key=plan.key(kind))
        (found,) = _judged(plan, twin, middle, upper).findings
        assert found.code == "SERVER_SENDS_WRONG_INTERMEDIATE"
        assert "instead, of the same name but with another key" in found.observed
        assert middle.common_name not in found.fix


def test_leaf_alone_below_a_root_of_another_key_is_told_as_that() -> None:
    plan = Plan(NOW, "p256", 1, ELSEWHERE)
    plan.leaf.issuer = plan.root
    plan.roots = [plan.root.twin(key=plan.key("rsa"))]
    assert _codes(_judged(plan)) == ["ROOT_UNTRUSTED"]
    plan.roots = [plan.root]
    assert _codes(_judged(plan)) == []


def test_address_of_the_true_issuer_is_wanted_where_a_twin_is_sent() -> None:
    plan = Plan(NOW, "p256", 1, ELSEWHERE)
    issuing = plan.authorities[0]
    plan.leaf.says(plan.found_at("issuer"))
    for kind in ("p256", "rsa"):
        assert _judged(plan, issuing.twin(key=plan.key(kind))).wanted == (f"{ELSEWHERE.aia}/issuer",)
    assert _judged(plan, issuing).wanted == ()
    plan.leaf.signer = plan.key()
    assert _judged(plan, issuing).wanted == (f"{ELSEWHERE.aia}/issuer",)


def test_nothing_is_called_superfluous_while_it_may_be_needed() -> None:
    """What stands above an authority that is not at hand is not known."""
    plan, lower, _, upper = _three()
    plan.roots = [plan.authority("Another root", None)]
    assert _codes(_judged(plan, lower, upper)) == ["ROOT_UNTRUSTED"]
    assert _codes(_judged(plan, *plan.authorities, plan.authority("Stray", plan.root))) == [
        "ROOT_UNTRUSTED",
    ]
    plan.roots = [plan.root]
    stray = plan.authority("Stray", plan.authority("Strange root", None))
    assert _codes(_judged(plan, *plan.authorities, stray)) == ["CHAIN_HAS_EXTRAS"]


@pytest.mark.parametrize("top", [None, 0])
@pytest.mark.parametrize(
    ("middle", "upper", "belong"),
    [
        (None, None, 2),
        (1, 2, 2),
        (0, 2, 1),
        (0, 1, 1),
        (1, 1, 0),
        (None, 1, 0),
        (None, 0, 2),
        (0, 0, 0),
        (1, 0, 2),
    ],
)
def test_what_is_sent_belongs_above_a_gap_as_far_as_path_lengths_allow(
    middle: int | None, upper: int | None, belong: int, top: int | None
) -> None:
    """One that allows not even what it signed is a fault of its own, and no sign that it belongs elsewhere."""
    plan = Plan(NOW, "p256", 3, ELSEWHERE)
    _, *others = plan.authorities
    for draft, limit in zip((*others, plan.root), (middle, upper, top), strict=True):
        draft.says(x509.BasicConstraints(ca=True, path_length=limit), critical=True)
    press = Press()
    leaf, *sent, root = (Certificate.read(press.made(each)) for each in (plan.leaf, *others, plan.root))
    pool = Pool((leaf, *sent), (root,), partial=False, most_intermediates=8)
    gap = gap_above((leaf,), tuple(sent), (), pool, Period(NOW, NOW))
    assert gap.leads
    assert not gap.may_belong
    assert gap.child == leaf
    assert gap.above == (*sent[2 - belong :], root)
    assert gap.instead == tuple(sent[: 2 - belong])
