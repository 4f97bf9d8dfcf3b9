"""Each thing that can be observed, replaced by a lie: what a second observation contradicts is never green.

For every scenario in which something is wrong, every part of what was observed, down to the single field, is replaced
by what it is where nothing is wrong. The second connection shows what is the case.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from pse_preflight.certificate import readable
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.endpoint.model import Failure, LiveHandshake
from pse_preflight.verdict.evidence import Evidence
from tests.checks.corpus import CORPUS, NOW, Scenario, Seen, good, of_catalogue
from tests.kit.check_runs import ends
from tests.kit.lies import UNSHOWN, differing, named_in_security, put

SMALLEST_LIES = 900


def _is_green(evidence: Evidence) -> bool:
    return not any(each.is_red for each in ends(evidence).values())


@cache
def _red() -> tuple[Scenario, ...]:
    return tuple(each for each in CORPUS if not _is_green(each.evidence()))


def _truly_shaken(true: Seen, lied: Seen) -> LiveHandshake:
    """Return what the second connection would show: the true server, held against the list that is told."""
    usual = LiveHandshake(true.system.url.host, 443, NOW, succeeded=False)
    endpoint = true.observations.endpoint
    if endpoint is None or endpoint.failure or not readable(endpoint.presented):
        return replace(usual, failure=(endpoint and endpoint.failure) or Failure(Code.TLS_HANDSHAKE_FAILED))
    held = replace(true.observations, pse=lied.observations.pse, live=None)
    evidence = replace(true, observations=held).evidence()
    if evidence.trust.path and evidence.judgement.names_host:
        return replace(usual, succeeded=True, accepted=True, tls_version="TLSv1.2")
    return replace(usual, accepted=False, verify_code=20)


def _lied(true: Seen, place: tuple[str, ...], told: object) -> Seen:
    lied = replace(true, observations=put(true.observations, place, told))
    if place[0] == "live" or true.observations.recorded or lied.observations.live == true.observations.live is not None:
        return lied
    evidence = lied.evidence()
    reached = bool(evidence.trust.path) and evidence.judgement.names_host
    return lied.but(live=_truly_shaken(true, lied)) if reached else lied


def _lies(true: Seen) -> Iterator[tuple[str, Seen]]:
    fine = good() if true.system.url.host == good().system.url.host else of_catalogue("good")
    for place, told in differing(true.observations, fine.observations):
        yield ".".join(place), _lied(true, place, told)


@pytest.fixture(scope="module")
def believed() -> dict[str, set[str]]:
    """Return the codes that a lie hides so that everything is green, by its place."""
    found: dict[str, set[str]] = {}
    count = 0
    for scenario in _red():
        for place, lied in _lies(scenario.build()):
            count += 1
            if _is_green(lied.evidence()):
                found.setdefault(place, set()).add(str(scenario.code))
    assert count > SMALLEST_LIES
    return found


@pytest.mark.long
def test_a_lie_that_is_believed_is_one_that_nothing_else_could_show(believed: dict[str, set[str]]) -> None:
    listed = {(place, code) for lie in UNSHOWN for place in lie.places for code in lie.codes}
    assert [(place, code) for place, codes in believed.items() for code in codes if (place, code) not in listed] == []


@pytest.mark.long
def test_what_is_listed_is_still_believed(believed: dict[str, set[str]]) -> None:
    """A lie that something shows by now is no longer listed."""
    for lie in UNSHOWN:
        if lie.codes:
            told = {code for place in lie.places for code in believed.get(place, ())}
            assert lie.codes <= told, lie.name
            assert [place for place in lie.places if not believed.get(place)] == []


def test_the_lies_that_nothing_else_could_show_are_listed_by_name() -> None:
    assert named_in_security() == [each.name for each in UNSHOWN]


SHIFTS = [sign * days for days in (1, 30, 365, 3650) for sign in (1, -1)]


@pytest.mark.long
@pytest.mark.parametrize("days", SHIFTS)
def test_a_clock_that_lies_is_told_by_the_servers(days: int) -> None:
    """The server's Date says how far this machine's clock is from it."""
    for scenario in _red():
        true, shift = scenario.build(), timedelta(days=days)
        endpoint = true.observations.endpoint
        if endpoint is None or true.period.start != true.period.end or endpoint.date_offset_seconds is None:
            continue
        told = replace(true, period=Period(true.period.start + shift, true.period.end + shift))
        told = told.but_endpoint(
            asked_at=endpoint.asked_at + shift,
            date_offset_seconds=endpoint.date_offset_seconds - shift.total_seconds(),
        )
        assert not _is_green(told.evidence()), scenario.name


@pytest.mark.long
def test_without_a_date_nothing_tells_that_a_clock_lies() -> None:
    """The one lie about the clock that is listed: it is believed."""
    expired = next(each for each in _red() if each.code is Code.CERTIFICATE_EXPIRED).build()
    shift = timedelta(days=-400)
    told = replace(expired, period=Period(expired.period.start + shift, expired.period.end + shift))
    assert Code.CLOCK_SKEW not in {
        each.code for each in told.but_endpoint(date_offset_seconds=None).evidence().findings
    }
    assert Code.CLOCK_SKEW in {
        each.code for each in told.but_endpoint(date_offset_seconds=-shift.total_seconds()).evidence().findings
    }


@pytest.mark.long
def test_the_parts_that_are_not_lied_about_are_none_that_decide() -> None:
    """Every field of what is observed is lied about in some scenario, but for what is no word of a peer's."""
    lied = {place.split(".")[0] for scenario in _red() for place, _ in _places(scenario)}
    fields = set(good().observations.__dataclass_fields__)
    assert fields - lied == {"changed_by_us", "changes", "recorded", "noted", "elsewhere"} - lied


def _places(scenario: Scenario) -> Iterator[tuple[str, object]]:
    true = scenario.build()
    fine = good() if true.system.url.host == good().system.url.host else of_catalogue("good")
    for place, told in differing(true.observations, fine.observations):
        yield ".".join(place), told
