from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.verdict.changes import Sight, changes

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=3)


@pytest.fixture(scope="module")
def root() -> Identity:
    return root_authority("Root", START, 3000)


@pytest.fixture(scope="module")
def sight(root: Identity) -> Sight:
    issuing = root.issue_authority("Issuing A", START, 900)
    leaf = issuing.issue_server(["host.example.com"], START, 90)
    return Sight(
        at=START,
        leaf=Certificate.of(leaf.certificate),
        issuers=(Certificate.of(issuing.certificate), Certificate.of(root.certificate)),
        listed=(Certificate.of(root.certificate),),
        owner=None,
    )


def test_nothing_changed(sight: Sight) -> None:
    assert changes(sight, replace(sight, at=LATER)) == ()


def test_a_replaced_intermediate_is_named_with_both_ends_of_the_time_between(sight: Sight, root: Identity) -> None:
    other = Certificate.of(root.issue_authority("Issuing B", START, 900).certificate)
    (change,) = changes(sight, replace(sight, at=LATER, issuers=(other, sight.issuers[1])))
    assert str(change) == (
        f"the intermediate was replaced between 2026-01-01 and 2026-01-04: {sight.issuers[0].label} by {other.label}"
    )


def test_a_change_within_a_day_names_the_day(sight: Sight, root: Identity) -> None:
    leaf = Certificate.of(root.issue_server(["host.example.com"], START, 80).certificate)
    (change,) = changes(sight, replace(sight, leaf=leaf))
    assert str(change).startswith("the server certificate was replaced on 2026-01-01: ")


def test_a_root_that_is_sent_no_more_went(sight: Sight) -> None:
    (change,) = changes(sight, replace(sight, at=LATER, issuers=sight.issuers[:1]))
    assert str(change).startswith("the root that is sent went between ")


def test_the_list_of_the_pse_tells_what_came_and_what_went(sight: Sight) -> None:
    came, went = changes(sight, replace(sight, listed=sight.issuers[:1]))[::-1]
    assert "in the certificate list of the PSE, a certificate came on" in str(came)
    assert sight.issuers[0].label in str(came)
    assert "in the certificate list of the PSE, a certificate went on" in str(went)


def test_another_owner_means_another_pse(sight: Sight) -> None:
    mine, yours = replace(sight, owner=sight.leaf), replace(sight, owner=sight.issuers[0])
    (change,) = changes(mine, yours)
    assert str(change).startswith("the PSE's own certificate was replaced on")


@pytest.mark.parametrize("unseen", [{"leaf": None, "issuers": ()}, {"listed": None}])
def test_what_was_not_seen_has_not_changed(sight: Sight, unseen: dict[str, None]) -> None:
    blind = replace(sight, at=LATER, **unseen)  # type: ignore[arg-type]
    assert changes(sight, blind) == changes(blind, sight) == ()
