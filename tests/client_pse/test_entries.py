"""When an entry that a tool lists is a certificate of the file, and what is said of those that are not."""

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import Condition, PseContent, State
from pse_preflight.client_pse.entries import Anchor, Entry, entries_of, is_same
from pse_preflight.client_pse.findings import disagreement, tool_needs, unconfirmed
from pse_preflight.client_pse.model import NOTHING_DONE, ClientPse
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from tests.kit.entries import signed_part, whole
from tests.kit.pse_mutations import authorities

FIRST, SECOND, THIRD = authorities(3)
SECONDS = [timedelta(seconds=1), timedelta(seconds=-1), timedelta(days=400), timedelta(days=-400)]


def listed(certificate: Certificate, *, sha256: bool = True) -> ListedCertificate:
    return ListedCertificate(
        certificate.sha256 if sha256 else None,
        certificate.subject,
        certificate.issuer,
        certificate.serial_number,
        certificate.not_before,
        certificate.not_after,
    )


def test_the_signed_part_alone_is_known_by_serial_number_and_days() -> None:
    assert is_same(listed(FIRST), signed_part(FIRST))
    assert is_same(listed(FIRST, sha256=False), signed_part(FIRST))


@pytest.mark.parametrize("by", SECONDS, ids=str)
def test_another_day_is_another_certificate(by: timedelta) -> None:
    known = listed(FIRST)
    assert not is_same(replace(known, not_before=FIRST.not_before + by), signed_part(FIRST))
    assert not is_same(replace(known, not_after=FIRST.not_after + by), signed_part(FIRST))


@pytest.mark.parametrize("by", [1, -1, 1 << 64])
def test_another_serial_number_is_another_certificate(by: int) -> None:
    assert not is_same(replace(listed(FIRST), serial=FIRST.serial_number + by), signed_part(FIRST))


def _told(held: tuple[Certificate, ...], said: tuple[Certificate, ...]) -> str:
    content = PseContent(None, tuple(map(whole, held)))
    condition = Condition(Path("/sec/a.pse"), State.PLAIN, content=content)
    found = disagreement(ClientPse(condition, Listing(tuple(map(listed, said))), tool="sapgenpse"))
    return found.observed if found else ""


def test_two_of_each_kind_of_difference_are_named_and_all_are_counted() -> None:
    three = (FIRST, SECOND, THIRD)
    assert _told(three, three) == ""
    for text, verb in ((_told(three, ()), "the file holds"), (_told((), three), "sapgenpse lists")):
        assert [f"CN={each.name}," in text for each in three] == [True, True, False]
        assert text.count(verb) == 2
    assert "(3 and 0 differences)" in _told(three, ())
    assert "(0 and 3 differences)" in _told((), three)
    assert "(1 and 2 differences)" in _told((FIRST,), (SECOND, THIRD))


def test_file_and_list_are_compared_where_two_readers_have_read_them() -> None:
    condition = Condition(Path("/sec/a.pse"), State.PLAIN, content=PseContent(None, (whole(FIRST),)))
    differing = ClientPse(condition, Listing((listed(SECOND),)), tool="sapgenpse")
    assert disagreement(differing)
    for same in (
        replace(differing, listing=None),
        replace(differing, condition=replace(condition, content=None)),
        replace(differing, listing=None, condition=replace(condition, content=None)),
        replace(differing, one_reader=True),
    ):
        assert disagreement(same) is None


def test_what_the_tool_needs_to_start_is_told_where_it_needs_something() -> None:
    pse = ClientPse(Condition(Path("/sec/a.pse"), State.PLAIN), tool="sapgenpse")
    assert tool_needs(pse) is None
    found = tool_needs(replace(pse, tool_needs="LD_LIBRARY_PATH=/opt/sap"))
    assert found
    assert found.code is Code.TOOL_NEEDS_LIBRARY_PATH
    assert found.fix == "set LD_LIBRARY_PATH=/opt/sap before you call it by hand"


@pytest.mark.parametrize(
    ("digest", "changed_by_us", "listing", "one_reader", "told"),
    [
        ("ab", "ab", None, False, True),
        ("ab", "ab", Listing(()), True, True),
        ("ab", "ab", Listing(()), False, False),
        ("ab", "aa", None, False, False),
        ("ab", "ac", None, False, False),
        ("", "", None, False, False),
        ("ab", "", None, False, False),
    ],
)
def test_what_the_bundled_implementation_changed_is_unconfirmed_until_saps_tool_lists_it(
    digest: str, changed_by_us: str, listing: Listing | None, *, one_reader: bool, told: bool
) -> None:
    condition = Condition(Path("/sec/a.pse"), State.PLAIN, content=PseContent(FIRST, ()), digest=digest)
    pse = ClientPse(condition, listing, one_reader=one_reader)
    system = System(alias="PRD", url=ApiUrl("host.example.com", 443), pse=Path("/sec/a.pse"), secudir=Path("/sec"))
    found = unconfirmed(pse, replace(system, confirm=True), changed_by_us)
    assert bool(found) is told
    assert found is None or " was changed by the bundled" in found.observed
    assert unconfirmed(pse, replace(system, confirm=False), changed_by_us) is None


def test_an_entry_is_a_certificate_by_its_bytes_before_its_signed_part_before_its_fingerprint() -> None:
    """What says more decides alone, whatever the rest of the entry says."""
    for entry in (
        Entry("", held=whole(FIRST)),
        Entry("", held=signed_part(FIRST)),
        Entry("", sha256=FIRST.sha256),
        Entry("", held=replace(whole(FIRST), tbs=SECOND.parsed.tbs_certificate_bytes), sha256=SECOND.sha256),
        Entry("", held=signed_part(FIRST), sha256=SECOND.sha256),
    ):
        assert entry.is_of(FIRST)
        assert not entry.is_of(SECOND)
        assert not entry.is_of(THIRD)
        assert entry.is_comparable
    assert not Entry("").is_of(FIRST)
    assert not Entry("").is_comparable


@pytest.mark.parametrize("by", SECONDS, ids=str)
def test_a_description_is_of_a_certificate_by_number_end_and_issuer(by: timedelta) -> None:
    entry = Entry("", FIRST.not_after, serial=FIRST.serial_number, issuer=FIRST.issuer)
    assert entry.is_described_as(FIRST)
    assert not replace(entry, not_after=FIRST.not_after + by).is_described_as(FIRST)
    assert not replace(entry, serial=FIRST.serial_number + (1 if by > timedelta() else -1)).is_described_as(FIRST)
    assert not replace(entry, issuer="CN=Somebody").is_described_as(FIRST)


def test_neither_an_entry_nor_a_pse_shows_what_the_file_holds() -> None:
    entry = Entry("", held=whole(FIRST))
    condition = Condition(Path("/sec/a.pse"), State.PLAIN, content=PseContent(None, (whole(FIRST),)))
    assert (entry.certificate, condition.why_private) == (FIRST, "nobody but its account needs to")
    for shown in (repr(entry), repr(condition)):
        assert "TrustedCertificate" not in shown


def test_what_the_tool_lists_is_joined_with_what_the_file_holds() -> None:
    known, unknown = Listing((listed(FIRST), listed(SECOND, sha256=False))), Listing((listed(THIRD),))
    held = (signed_part(FIRST), whole(SECOND))
    assert entries_of(None, held) == entries_of(None, None) == ()
    assert [(each.sha256, each.held, each.only_listed) for each in entries_of(known, None)] == [
        (FIRST.sha256, None, True),
        (None, None, True),
    ]
    assert [(each.sha256, each.held, each.only_listed) for each in entries_of(known, held)] == [
        (FIRST.sha256, held[0], False),
        (SECOND.sha256, held[1], False),
    ]
    (stranger,) = entries_of(unknown, held)
    assert (stranger.sha256, stranger.held, stranger.only_listed) == (THIRD.sha256, None, False)


def test_an_entry_without_bytes_anchors_only_where_the_tool_alone_can_open_the_file() -> None:
    named = Entry("", sha256=SECOND.sha256)
    assert Anchor.of(named, (FIRST, SECOND)) is None
    with pytest.raises(ValueError, match="is not what the list holds"):
        Anchor(named, SECOND)
    listed_only = replace(named, only_listed=True)
    assert Anchor.of(listed_only, (FIRST, SECOND)) == Anchor(listed_only, SECOND)
    assert Anchor.of(listed_only, (FIRST, THIRD)) is None
    for held in (whole(SECOND), signed_part(SECOND)):
        entry = Entry("", held=held)
        assert Anchor.of(entry, (FIRST, SECOND)) == Anchor(entry, SECOND)
    assert Anchor.of(Entry("", held=signed_part(SECOND)), (FIRST,)) is None


def test_nothing_done_is_nothing() -> None:
    assert not any(getattr(NOTHING_DONE, each.name) for each in fields(NOTHING_DONE))
