"""The page as text; what a browser makes of it is tested in test_report_browser.py."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from pse_preflight.report.facts import SystemResult
from pse_preflight.report.page import render, title, write_page
from pse_preflight.report.timeline import timeline
from tests.kit import report_facts as facts

TODAY = datetime.fromisoformat(facts.MADE)


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_the_page_says_for_the_meeting_what_is_ready_and_what_to_do() -> None:
    page = _text(render(facts.result(facts.good("DEV"), facts.bad("PRD"))))
    parts = [
        "PRD is not ready (1 of 2); the next trust to end: DEV on 2040-01-01",
        "What was not checked alias user and password",
        "What to do client admin ROOT_NOT_IN_PSE PRD the root is not in the certificate list Fix: add the root",
        "At a glance",
        "Ready DEV OK trusted until 2040-01-01",
        "How this was found out Machine vm",
    ]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("systems", "says"),
    [
        ((facts.good(),), "PRD is ready, trusted until 2040-01-01"),
        (
            (facts.good("A", trust_ends="2030-05-06T00:00:00+00:00"), facts.good("B")),
            "All 2 systems are ready; the next trust to end: A on 2030-05-06",
        ),
        (
            tuple(facts.good(name) for name in "ABC"),
            "All 3 systems are ready; the next trust to end: A and 2 more on 2040-01-01",
        ),
        ((facts.bad(),), "PRD is not ready"),
        ((facts.bad("A"), facts.bad("B")), "A and B are not ready"),
        (tuple(facts.bad(name) for name in "ABC"), "3 of 3 not ready"),
        ((facts.unjudged(),), "PRD was not judged"),
        (
            (facts.bad("A"), facts.unjudged("B"), facts.good("C")),
            "A is not ready (1 of 3); B was not judged (1 of 3); the next trust to end: C on 2040-01-01",
        ),
    ],
    ids=["one", "two", "on one day", "red", "both red", "three red", "not judged", "all kinds"],
)
def test_the_heading_has_names_and_days(systems: tuple[SystemResult, ...], says: str) -> None:
    page = render(facts.result(*systems))
    assert f"<h1>{says}</h1>" in re.sub(r"</?span[^>]*>", "", page)
    assert len(re.findall(r'<h1>.*<span class="day">', page)) == bool(re.search(r"\d{4}-\d\d-\d\d", says))
    assert f"<title>SAP trust report: {says}</title>" in page
    assert ("What to do" in _text(page)) is any(each.is_red for each in systems)


def test_what_was_not_judged_is_never_called_trusted_and_says_why() -> None:
    page = _text(render(facts.result(facts.unjudged(), facts.good("DEV", trust_ends=None, trusted=None))))
    assert "trusted until" not in page
    assert "PRD : the trust checks did not run (6 of 32 checks ran)." in page


def test_what_nobody_looked_at_is_named_once_and_has_no_part_of_its_own() -> None:
    untouched = [replace(facts.unjudged(alias), checks=(), facts=None, ran=0) for alias in ("QAS", "TST")]
    page = _text(render(facts.result(facts.good(), *untouched)))
    assert "QAS, TST: no check of them ran." in page
    assert page.count("QAS") == len(["title", "headline", "not checked"])
    assert "could not be judged" not in page
    assert "QAS: no check of it ran." in _text(render(facts.result(facts.good(), untouched[0])))


def test_what_to_do_is_grouped_by_who_with_the_gravest_first() -> None:
    major = facts.found("CLOCK_SKEW", severity="major", fix="set the clock", fix_commands=(), who="network")
    page = _text(render(facts.result(facts.bad("A", finding=major), facts.bad("B"), facts.bad("C"))))
    todo = page[page.index("What to do") : page.index("At a glance")]
    assert todo.index("client admin ROOT_NOT_IN_PSE B , C the root") < todo.index("network CLOCK_SKEW A the root")
    assert todo.count("the root is not in the certificate list") == 2  # of B and C once, of A
    assert "Fix for C:" in todo  # its commands name its own files


def test_of_equal_findings_what_differs_is_told_for_each_system() -> None:
    def refused(alias: str) -> SystemResult:
        found = facts.found("PORT_REFUSED", observed=f"{alias} refuses", fix="open it", fix_commands=(), who="network")
        return facts.bad(alias, finding=found)

    page = _text(render(facts.result(refused("A"), refused("B"))))
    todo = page[page.index("What to do") : page.index("At a glance")]
    assert "A: A refuses Fix: open it B: B refuses" in todo or "A: A refuses B: B refuses Fix: open it" in todo
    assert todo.count("open it") == 1


def test_the_red_are_first_and_the_healthy_are_folded() -> None:
    page = render(facts.result(facts.good("A"), facts.bad("B"), facts.unjudged("C"), facts.good("D")))
    assert re.findall(r'<a href="#(system-\d)">(\w)</a> <span class="badge', page) == [
        ("system-1", "B"),
        ("system-2", "C"),
        ("system-3", "A"),
        ("system-4", "D"),
    ]
    assert re.findall(r'<details class="system good" id="(system-\d)">', page) == ["system-3", "system-4"]
    assert '<details class="healthy-rows"><summary>2 ready</summary>' in page
    alone = render(facts.result(facts.good()))
    assert '<details class="system good" id="system-1" open>' in alone


def test_the_overview_has_a_cell_for_each_question_with_its_worst_end() -> None:
    bad = facts.bad()
    idle = facts.check("PRD", "x", question="client", ended="skipped", unconfigured="client.hosts")
    checks = (*bad.checks, facts.check("PRD", "y", question="url"), idle)
    page = render(facts.result(replace(bad, checks=checks)))
    row = page[page.index('<th scope="row"><a href="#system-1">PRD</a>') :].partition("</tr>")[0]
    cells = re.findall(r'<td class="(\w+)">(.*?)</td>', row)
    assert [kind for kind, _ in cells] == ["passed", "failed", "none"]
    assert "failed: ROOT_NOT_IN_PSE" in cells[1][1]
    assert "not configured" in cells[2][1]
    assert "Not configured in systems.yaml: client.hosts." in _text(page)


def test_of_a_trusted_system_nothing_is_said_of_what_the_client_would_say_later() -> None:
    minor = facts.found(severity="minor")
    assert "Later, the client would say" not in _text(render(facts.result(facts.good(findings=(minor,)))))
    assert "Later, the client would say SSSLERR" in _text(render(facts.result(facts.bad())))


def test_a_run_that_broke_off_says_so() -> None:
    page = _text(render(facts.result(facts.unjudged(), broken_off="the run was interrupted")))
    assert "The run was interrupted." in page


def test_every_file_the_page_needs_is_in_it() -> None:
    page = render(facts.result(facts.good(), facts.bad("QAS")))
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "url(" not in page
    assert "@import" not in page
    assert " style=" not in page


def test_the_policy_names_the_very_style_and_script() -> None:
    page = render(facts.result(facts.good()))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert re.fullmatch(
        r"default-src 'none'; style-src &#39;sha256-\S+&#39;; script-src &#39;sha256-\S+&#39;;"
        r" base-uri 'none'; form-action 'none'",
        policy[1],
    )


HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script></style>{{ 7*11111111 }}'&"


def hostile() -> SystemResult:
    """Return a system whose every text wants to be more than text."""
    finding = facts.found(
        observed=HOSTILE,
        later=HOSTILE,
        fix=HOSTILE,
        fix_commands=(HOSTILE,),
        who=HOSTILE,
        message=HOSTILE,
        detail=HOSTILE,
    )
    told = facts.bad(
        HOSTILE,
        finding=finding,
        host=HOSTILE,
        proxy=HOSTILE,
        address=HOSTILE,
        tls=HOSTILE,
        holder=HOSTILE,
        pse=HOSTILE,
        pse_state=HOSTILE,
        chain=(facts.certificate(HOSTILE, "server", subject=HOSTILE, codes=(HOSTILE,)),),
        missing=HOSTILE,
        extras=(HOSTILE,),
        others=(HOSTILE,),
        files=(HOSTILE,),
        changes=(HOSTILE,),
        origin=HOSTILE,
        labels=((HOSTILE, HOSTILE),),
    )
    return replace(told, checks=(facts.check(HOSTILE, HOSTILE, question=HOSTILE, ended="skipped", reason=HOSTILE),))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_no_text_becomes_an_element_or_an_attribute() -> None:
    page = render(facts.result(hostile(), host=HOSTILE, engine=HOSTILE, toolkit=HOSTILE))
    elements = _Elements()
    elements.feed(page)
    assert [tag for tag, _ in elements.found].count("script") == 1
    assert not [tag for tag, _ in elements.found if tag == "img"]
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 20
    assert "77777777" not in _text(page)


def test_ids_are_unique() -> None:
    page = render(facts.result(facts.bad("A"), facts.bad("A-1"), hostile()))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_system_that_could_not_be_judged_is_on_the_page() -> None:
    lost = SystemResult(
        alias="PRD",
        verdict="FAILED",
        remark="",
        ran=1,
        of=32,
        facts=None,
        checks=(facts.check("PRD", ended="error", reason="the roots cannot be read"),),
        decisive=None,
    )
    page = _text(render(facts.result(lost)))
    assert "the roots cannot be read" in page
    assert "PRD could not be judged: the roots cannot be read" in page
    assert "This system could not be judged." in _text(render(facts.result(replace(lost, checks=()))))


def test_a_replay_and_another_day_are_said() -> None:
    page = _text(render(facts.result(facts.good(origin="recorded on vm"), at="2027-03-01", replay="/old")))
    assert "Judged for the whole of 2027-03-01 (UTC), as seen on 2026-11-23 on vm. A replay:" in page
    assert "Recorded on vm." in page


def test_the_page_is_written_whole_with_its_folder(tmp_path: Path) -> None:
    page = write_page([facts.result(facts.good())], tmp_path / "a" / "b" / "trust.html")
    assert page.read_text(encoding="utf-8") == render(facts.result(facts.good()))
    assert [each.name for each in page.parent.iterdir()] == ["trust.html"]


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "trust.html").mkdir()
    with pytest.raises(OSError, match=r"trust\.html"):
        write_page([facts.result(facts.good())], tmp_path / "trust.html")
    assert [each.name for each in tmp_path.iterdir()] == ["trust.html"]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("test_url_names_the_api_host", "URL names the API host"),
        ("test_pse_needs_no_pin", "PSE needs no PIN"),
        ("test_websocket_rfc_answers", "WebSocket RFC answers"),
    ],
)
def test_a_check_is_called_by_its_words(check: str, words: str) -> None:
    assert title(check) == words


def _marks(**told: object) -> dict[str, str]:
    red, at = bool(told.pop("red", False)), told.pop("at", None)
    line = timeline(facts.system(**told), TODAY, at, is_red=red)  # type: ignore[arg-type]
    return {mark.kind: f"{mark.label} {mark.day}" for mark in line.marks}


def test_the_timeline_marks_today_and_the_end_of_trust() -> None:
    assert _marks() == {"today": "today 2026-11-23", "end": "trust ends 2040-01-01"}


def test_the_timeline_marks_the_go_live_day() -> None:
    assert _marks(at="2027-03-01")["at"] == "go-live 2027-03-01"


def test_the_timeline_marks_the_first_certificate_that_broke_the_chain() -> None:
    ended = facts.certificate("server", "server", not_after="2026-11-13T00:00:00+00:00")
    chain = (ended, *facts.system().chain[1:])
    assert _marks(chain=chain, red=True, trust_ends=None)["break"] == "broken since 2026-11-13"


def test_the_timeline_says_where_nothing_ever_was_trusted() -> None:
    assert _marks(red=True, trust_ends=None)["break"] == "not trusted 2026-11-23"


def test_the_timeline_says_nothing_of_trust_that_is_not_known_or_was_not_judged() -> None:
    assert set(_marks(red=True, trust_ends=None, trusted=None)) == {"today"}
    line = timeline(facts.system(), TODAY, None, is_red=False, is_judged=False)
    assert [mark.kind for mark in line.marks] == ["today"]
    assert "trust ends" not in _text(render(facts.result(facts.unjudged())))


def test_time_goes_from_left_to_right_and_nothing_leaves_the_line() -> None:
    line = timeline(facts.system(), TODAY, "2027-03-01", is_red=False)
    places = [*(mark.left for mark in line.marks), *(tick.left for tick in line.ticks)]
    assert all(0 <= place <= 100 for place in places)
    assert all(bar.left >= 0 and bar.left + bar.width <= 100.1 for bar in line.bars)
    by_kind = {mark.kind: mark.left for mark in line.marks}
    assert by_kind["today"] < by_kind["at"] < by_kind["end"]
    assert [tick.left for tick in line.ticks] == sorted(tick.left for tick in line.ticks)


def test_ticks_keep_their_distance() -> None:
    for years in (1, 5, 40):
        end = (datetime(2026, 11, 23, tzinfo=UTC) + timedelta(days=365 * years)).isoformat()
        line = timeline(facts.system(trust_ends=end), TODAY, None, is_red=False)
        lefts = [tick.left for tick in line.ticks]
        assert all(right - left >= 7 for left, right in pairwise(lefts))


def test_a_bar_says_whether_its_certificate_has_ended() -> None:
    chain = (
        facts.certificate("a", "server", not_after=(TODAY - timedelta(seconds=1)).isoformat()),
        facts.certificate("b", "root", not_after=TODAY.isoformat()),
    )
    bars = timeline(facts.system(chain=chain), TODAY, None, is_red=True).bars
    assert [bar.has_ended for bar in bars] == [True, False]


def test_a_page_joins_what_many_machines_found() -> None:
    """Machines stand in rows, systems in columns; the same alias on two machines is two systems, with a link each."""
    good = facts.result(facts.good("PRD"), facts.good("QAS"), host="XTRACT1", account="SYSTEM")
    bad = facts.result(facts.bad("PRD"), host="XTRACT2", account="svc_xtract", engine="sapgenpse 8.5")
    page = render(good, bad)
    (table,) = re.findall(r'<table class="machines">.*?</table>', page, re.DOTALL)
    rows = [
        [_text(cell).strip() for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)]
        for row in table.split("<tr>")[1:]
    ]
    assert rows[0] == ["Machine", "PRD", "QAS"]
    assert rows[1][0].startswith("XTRACT1 (SYSTEM) 2026-11-23 12:00 UTC")
    assert [cell.split()[0] for cell in rows[1][1:]] == ["OK", "OK"]
    assert rows[2] == ["XTRACT2 (svc_xtract) 2026-11-23 12:00 UTC", "FAILED ROOT_NOT_IN_PSE", "not asked"]
    text = _text(page)
    assert text.strip().startswith("SAP trust report: PRD on XTRACT2 (svc_xtract) is not ready (1 of 3)")
    assert "sapgenpse 8.5" in text
    assert set(re.findall(r'href="#(system-\d)"', table)) == {"system-1", "system-2", "system-3"}
    assert '<table class="machines">' not in render(good)
