"""The shipped table of SAP's roots and their successors, and a file that replaces it."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from pse_preflight.chain.roots import named_roots
from pse_preflight.chain.sap_roots import Announcement, Named, Release, Root, RootChange, RootClock, Table, by_release
from pse_preflight.chain.sap_roots_file import SHIPPED, read_table
from pse_preflight.errors import UsageProblem

G1 = "4348a0e9444c78cb265e058d5e8944b4d84f9662bd26db257f8934a443c70161"
G2 = "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f"
G3 = "31ad6648f8104138c738f39ea4320133393e3a18cc02296ef97c2ac9ef6731d0"
G5 = "371a00dc0533b3721a7eeb40e8419e70799d2b0a0f2c1d80693165f7cec4ad75"
HOST = "my401122-api.s4hana.cloud.sap"

TABLE = f"""
dated: 2027-01-01
roots:
  - {{name: Old, sha256: {G2}}}
  - {{name: New, sha256: "sha256:{G5.upper()}"}}
changes:
  - {{hosts: [.s4hana.cloud.sap], root: Old, successors: [New], date: 2027-03-01, source: a note}}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    number = count()

    def written(text: str) -> Path:
        file = tmp_path / f"roots-{next(number)}.yaml"  # a file is read once
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_the_shipped_table_is_dated_and_every_entry_has_its_source() -> None:
    table = read_table()
    assert table.dated >= date(2026, 11, 23)
    assert all(each.source for each in table.changes)
    assert all(each.source for each in table.roots)
    assert SHIPPED.suffix == ".yaml"


@pytest.mark.parametrize(
    "host",
    [
        HOST,
        "my401122-api.s4hana.ondemand.com",
        "my401122-api.s4hana.sapcloud.cn",
        "a1b2.abap.eu10.hana.ondemand.com",
    ],
)
def test_who_uses_g2_today_is_told_of_both_successors(host: str) -> None:
    changes = read_table().changes_of(host, G2)
    assert [each.sha256 for each in changes] == [G5, G3]
    assert [each.date for each in changes] == [None, None]
    assert [each.sha256 for each in read_table().changes_of(host, G1)] == [G2]


@pytest.mark.parametrize(("host", "root"), [("erp.example.com", G2), (HOST, G5), (HOST, G3), (HOST, "ab" * 32)])
def test_nothing_is_announced_for_other_hosts_and_newer_roots(host: str, root: str) -> None:
    assert read_table().changes_of(host, root) == ()


def test_every_successor_is_a_public_root_of_that_name() -> None:
    public = {each.sha256: each.name for each in named_roots("mozilla").certificates}
    table = read_table()
    successors = {name for each in table.roots for name in each.successors}
    assert successors
    assert {each.name: public[each.sha256] for each in table.roots if each.name in successors} == {
        name: name for name in successors
    }


def test_a_file_replaces_the_table(write: Write) -> None:
    (change,) = read_table(write(TABLE)).changes_of(HOST, G2)
    assert (change.root, change.successor, change.sha256, change.date) == ("Old", "New", G5, date(2027, 3, 1))
    assert "announced for 2027-03-01; a note; table of 2027-01-01" in change.words


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("dated: 2027-01-01", "", "dated: is missing"),
        ("successors: [New]", "successors: [Newer]", "'Newer' is named under changes and not under roots"),
        ("root: Old", "root: Older", "'Older' is named under changes"),
        (", source: a note", "", "changes.0.source: is missing"),
        (G2, "abc", "roots.0.sha256: 'abc' is no SHA-256 fingerprint"),
        ("date: 2027-03-01", "day: 2027-03-01", "changes.0.day: is no key that is known there"),
        ("changes:", "changes: [", "is no YAML"),
        ("2027-03-01", "2027-02-31", "is no YAML"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(write: Write, old: str, new: str, says: str) -> None:
    assert read_table(write(TABLE)).roots
    with pytest.raises(UsageProblem, match=re.escape(says)) as caught:
        read_table(file := write(TABLE.replace(old, new)))
    assert f"{file.name}: " in str(caught.value)


@pytest.mark.parametrize("content", ["", "- a", "7"])
def test_a_file_of_another_kind_is_refused(write: Write, content: str) -> None:
    with pytest.raises(UsageProblem, match="is missing"):
        read_table(write(content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_table(tmp_path / "nowhere.yaml")


SINCE, LEFT = Release("1.0.0", date(2024, 2, 13)), Release("3.0.0", date(2026, 6, 3))
FIRST, SECOND = date(2027, 4, 15), date(2029, 4, 15)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "R: not in SAP's list"),
        ({"ends": FIRST}, "R: not in SAP's list; ends 2027-04-15"),
        ({"is_public": True}, "R: not in SAP's list; in Mozilla's list today"),
        ({"is_public": False}, "R: not in SAP's list; not in Mozilla's list"),
        ({"since": SINCE}, "R: required by SAP since 2024-02-13 (1.0.0)"),
        ({"since": SINCE, "left": LEFT}, "R: left SAP's list on 2026-06-03 (3.0.0)"),
        ({"mozilla": FIRST, "is_public": True}, "R: not in SAP's list; in Mozilla's list until 2027-04-15"),
        (
            {"chrome": FIRST, "is_public": True},
            "R: not in SAP's list; in Chrome's list until 2027-04-15; in Mozilla's list today",
        ),
        (
            {"since": SINCE, "mozilla": FIRST, "chrome": FIRST, "is_public": False, "ends": SECOND},
            (
                "R: required by SAP since 2024-02-13 (1.0.0); in Mozilla's and Chrome's lists until 2027-04-15;"
                " ends 2029-04-15"
            ),
        ),
        (
            {"mozilla": FIRST, "chrome": SECOND},
            "R: not in SAP's list; in Mozilla's list until 2027-04-15; in Chrome's list until 2029-04-15",
        ),
    ],
)
def test_a_root_is_told_with_who_keeps_it_until_when(known: dict[str, Any], words: str) -> None:
    assert RootClock(name="R", sha256="ab" * 32, **known).words == words


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({}, "no day is announced; a note; table of 2026-11-01"),
        ({"date": FIRST}, "announced for 2027-04-15; a note; table of 2026-11-01"),
        (
            {"left": LEFT, "mozilla": FIRST, "chrome": SECOND},
            (
                "no day is announced; a note; left SAP's list on 2026-06-03 (3.0.0);"
                " in Mozilla's list until 2027-04-15; in Chrome's list until 2029-04-15; table of 2026-11-01"
            ),
        ),
    ],
)
def test_a_change_is_told_with_its_days_and_who_says_so(known: dict[str, Any], told: str) -> None:
    change = RootChange(
        "Old", "New", "ab" * 32, **{"date": None, "source": "a note", "dated": date(2026, 11, 1), **known}
    )
    assert change.words == f'which follows the server\'s root "Old" ({told})'
    assert change.words_of_root == (
        f'the server\'s root "Old" will be given up, and nobody has said what follows ({told})'
    )


@pytest.mark.parametrize("days", [-61, -60, 0, 60, 61])
@pytest.mark.parametrize("which", ["date", "left", "mozilla", "chrome"])
def test_any_of_its_days_brings_a_change_near(which: str, days: int) -> None:
    day = FIRST + timedelta(days=days)
    known: dict[str, Any] = {which: Release("4.0.0", day) if which == "left" else day}
    change = RootChange("Old", "New", "ab" * 32, **{"date": None, "source": "", "dated": FIRST, **known})
    assert change.is_near(FIRST) is (abs(days) <= 60)


def test_a_list_is_ready_where_it_holds_what_follows_or_every_root_instead() -> None:
    change = RootChange("Old", "New", "ab" * 32, None, "", FIRST)
    assert change.concerns({None, "cd" * 32})
    assert not change.concerns({"ab" * 32})
    given_up = RootChange("Old", "", "", None, "", FIRST, instead=frozenset({"ab" * 32, "cd" * 32}))
    assert given_up.concerns({"ab" * 32})
    assert not given_up.concerns({"ab" * 32, "cd" * 32, None})


def _root(name: str, digit: str, **known: Any) -> Root:
    return Root(name=name, sha256=digit * 64, common_name=name, **known)


def test_roots_are_named_by_the_release_that_required_them() -> None:
    later = Release("2.0.0", date(2025, 1, 1))
    roots = [_root("A", "a", since=SINCE), _root("B", "b", since=later), _root("C", "c", since=SINCE), _root("D", "d")]
    assert by_release(roots) == 'since 2024-02-13 (1.0.0) "A", "C"; since 2025-01-01 (2.0.0) "B"'
    assert by_release([]) == ""


def test_what_is_lacking_comes_by_what_servers_show_and_by_release() -> None:
    later = Release("2.0.0", date(2025, 1, 1))
    roots = (
        _root("private", "a", since=SINCE, private=True),
        _root("later", "b", since=later),
        _root("first", "c", since=SINCE),
        _root("gone", "d", since=SINCE, left=LEFT),
        _root("never", "e"),
    )
    table = Table(dated=LEFT.day, releases=(SINCE, later, LEFT), roots=roots)
    assert [each.name for each in table.lacking({None})] == ["first", "later", "private"]
    assert [each.name for each in table.lacking({"c" * 64, "a" * 64})] == ["later"]
    assert table.release == LEFT
    assert Table(dated=LEFT.day).release is None
    assert {each.name for each in table.roots if each.sha256 in table.roots_of(SINCE)} == {"private", "first", "gone"}
    assert {each.name for each in table.roots if each.sha256 in table.roots_of(LEFT)} == {"private", "first", "later"}


@pytest.mark.parametrize(
    ("known", "day", "told"),
    [
        ({}, FIRST, False),
        ({"left": LEFT}, FIRST, True),
        ({"left": LEFT}, None, True),
        ({"mozilla": FIRST + timedelta(days=365)}, FIRST, True),
        ({"mozilla": FIRST + timedelta(days=366)}, FIRST, False),
        ({"chrome": FIRST + timedelta(days=365)}, FIRST, True),
        ({"chrome": FIRST - timedelta(days=1)}, FIRST, True),
        ({"mozilla": FIRST}, None, False),
    ],
)
def test_where_nobody_knows_what_follows_every_public_root_stands_instead(
    known: dict[str, Any], day: date | None, *, told: bool
) -> None:
    used = _root("used", "a", since=SINCE, **known)
    others = (_root("public", "b", since=SINCE), _root("private", "c", since=SINCE, private=True), _root("not", "d"))
    table = Table(dated=LEFT.day, releases=(SINCE,), roots=(used, *others))
    found = table.changes_of(HOST, "a" * 64, day)
    assert [(each.root, each.successor, each.instead) for each in found] == (
        [("used", "", frozenset({"b" * 64}))] if told else []
    )
    assert table.changes_of("erp.company.de", "a" * 64, day) == ()
    assert table.changes_of(HOST, "d" * 64, day) == ()
    followed = Table(
        dated=LEFT.day,
        releases=(SINCE,),
        roots=(_root("used", "a", since=SINCE, **known, successors=("public",)), *others),
    )
    assert [(each.successor, each.sha256) for each in followed.changes_of(HOST, "a" * 64, day)] == [
        ("public", "b" * 64)
    ]


def test_what_was_known_on_an_earlier_day_is_told_without_what_came_later() -> None:
    roots = (
        _root("gone later", "a", since=SINCE, left=LEFT, successors=("new",), announced=date(2026, 1, 1)),
        _root("new", "b", since=LEFT),
        _root("not SAP's", "c"),
    )
    table = Table(dated=date(2026, 11, 1), releases=(SINCE, LEFT), roots=roots)
    for day, names, left, successors in (
        (date(2026, 6, 3), ["gone later", "new", "not SAP's"], LEFT, ("new",)),
        (date(2026, 6, 2), ["gone later", "not SAP's"], None, ("new",)),
        (date(2026, 1, 1), ["gone later", "not SAP's"], None, ("new",)),
        (date(2025, 12, 31), ["gone later", "not SAP's"], None, ()),
        (date(2024, 2, 13), ["gone later", "not SAP's"], None, ()),
        (date(2024, 2, 12), ["not SAP's"], None, ()),
    ):
        then = table.on(day)
        assert [each.name for each in then.roots] == names
        assert then.dated == min(day, table.dated)
        assert then.releases == tuple(each for each in (SINCE, LEFT) if each.day <= day)
        for each in then.roots[:1] if names[0] == "gone later" else ():
            assert (each.left, each.successors) == (left, successors)


def test_what_is_announced_concerns_these_hosts_and_this_root_alone() -> None:
    said = Announcement((".cloud.sap",), Named("Old", "a" * 64), (Named("New", "b" * 64),), FIRST, "a note")
    table = Table(dated=LEFT.day, changes=(said,))
    assert [(each.root, each.successor, each.date) for each in table.changes_of(HOST, "a" * 64)] == [
        ("Old", "New", FIRST)
    ]
    assert table.changes_of(HOST, "c" * 64) == ()
    assert table.changes_of("erp.company.de", "a" * 64) == ()


@pytest.mark.parametrize(
    ("written", "known", "is_named"),
    [
        ("CN=Acme Root,O=Acme", "Acme", True),
        ("CN=ACME ROOT,O=ACME", "Acme", True),
        ("CN=Acme Root,O=Acme", "", True),
        ("CN=Acme Root", "Acme", True),
        ("CN=Acme Root,O=Other", "Acme", False),
        ("CN=Another Root,O=Acme", "Acme", False),
    ],
)
def test_a_name_is_a_roots_by_common_name_and_organization(written: str, known: str, *, is_named: bool) -> None:
    root = Root(name="Acme", sha256="a" * 64, common_name="Acme Root", organization=known)
    assert root.is_named_in(x509.Name.from_rfc4514_string(written)) is is_named
    found = Table(dated=LEFT.day, roots=(root,)).named_in(x509.Name.from_rfc4514_string(written))
    assert found == (root if is_named else None)
