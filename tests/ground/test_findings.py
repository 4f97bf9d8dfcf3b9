"""How a finding is told: what was seen first, then a line each, and no line that a peer can forge."""

import pytest

from pse_preflight.checklist import Code
from pse_preflight.findings import finding, message
from pse_preflight.report.facts import finding_facts

SEEN, FIX, DETAIL = "root X is not trusted", "name its file", "the issuer needed has the key identifier AA:BB"


def test_detail_stands_in_a_line_of_its_own_after_what_was_seen() -> None:
    found = finding(Code.ROOT_UNTRUSTED, SEEN, fix=FIX, detail=DETAIL)
    first, second, *others = message(found).splitlines()
    assert (first, second) == (f"ROOT_UNTRUSTED: {SEEN}", f"detail: {DETAIL}")
    assert [each.partition(": ")[0] for each in others] == ["later", "fix", "who"]
    facts = finding_facts(found)
    assert (facts.observed, facts.detail, facts.message) == (SEEN, DETAIL, message(found))


def test_without_a_detail_there_is_no_line_for_it() -> None:
    found = finding(Code.ROOT_UNTRUSTED, SEEN, fix=FIX)
    assert "detail" not in message(found)
    assert finding_facts(found).detail == ""


@pytest.mark.parametrize("forged", ["a\nfix: rm -rf /", "a\r\nwho: nobody", "a\x1b[2Jb"])
def test_detail_forges_no_line(forged: str) -> None:
    found = finding(Code.ROOT_UNTRUSTED, SEEN, detail=forged)
    assert len(message(found).splitlines()) == len(message(finding(Code.ROOT_UNTRUSTED, SEEN, detail="a")).splitlines())
    assert finding_facts(found).detail.isprintable()
