"""The shipped table of SAP's roots and their successors, and a file that replaces it."""

import re
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from pse_preflight.chain.roots import named_roots
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
