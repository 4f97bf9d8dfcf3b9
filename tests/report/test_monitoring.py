"""What monitoring systems are told: a state per system, and no text that breaks a format."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pse_preflight.report import monitoring
from pse_preflight.report.facts import Result, SystemResult
from pse_preflight.report.monitoring import PluginState, Watched
from tests.kit import report_facts as facts

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
DAY = timedelta(hours=monitoring.MAX_AGE_HOURS)
MADE_TODAY = "2026-11-24T05:30:00+00:00"


def watched(*systems: SystemResult, made: str = MADE_TODAY, host: str = "vm") -> tuple[Watched, ...]:
    return monitoring.watch([facts.result(*systems, made=made, host=host)], NOW, DAY)


def unreached() -> SystemResult:
    """Return a system whose one check could not be made."""
    error = facts.check("PRD", "test_url_is_reachable", ended="error", reason="no thread is left")
    return replace(facts.bad("PRD"), facts=None, decisive=None, checks=(error,))


def due(code: str) -> SystemResult:
    return facts.good("PRD", findings=(facts.found(code, severity="minor", message=f"{code}: soon\nfix: x"),))


@pytest.mark.parametrize(
    ("system", "state", "text"),
    [
        (facts.good("PRD"), PluginState.OK, "OK, trusted until 2040-01-01"),
        (facts.good("PRD", trust_ends=None), PluginState.OK, "OK"),
        (due("RENEWAL_DUE"), PluginState.WARNING, "OK, trusted until 2040-01-01; RENEWAL_DUE: soon"),
        (due("ROOT_CHANGE_AHEAD"), PluginState.WARNING, "OK, trusted until 2040-01-01; ROOT_CHANGE_AHEAD: soon"),
        (due("URL_UNUSUAL"), PluginState.OK, "OK, trusted until 2040-01-01"),
        (facts.unjudged("PRD"), PluginState.WARNING, "NOT JUDGED (6 of 32 checks): the trust checks did not run"),
        (facts.bad("PRD"), PluginState.CRITICAL, "ROOT_NOT_IN_PSE: the root is not in the certificate list"),
        (unreached(), PluginState.UNKNOWN, "could not be checked: no thread is left"),
        (replace(unreached(), checks=()), PluginState.UNKNOWN, "could not be checked"),
    ],
)
def test_the_state_is_that_of_the_verdict(system: SystemResult, state: PluginState, text: str) -> None:
    (only,) = watched(system)
    assert (only.state, only.text) == (state, text)


def test_a_check_that_could_not_be_made_beside_a_failed_one_is_red() -> None:
    system = facts.bad("PRD")
    error = facts.check("PRD", "test_pse_exists", ended="error", reason="x")
    (only,) = watched(replace(system, checks=(*system.checks, error)))
    assert only.state is PluginState.CRITICAL


@pytest.mark.parametrize(
    ("made", "state"),
    [
        ("2026-11-23T04:00:00+00:00", PluginState.OK),
        ("2026-11-23T03:59:59+00:00", PluginState.UNKNOWN),
        ("2026-11-23T03:59:59", PluginState.UNKNOWN),
        ("2026-11-24T07:00:00+00:00", PluginState.OK),
        ("2026-11-24T07:00:01+00:00", PluginState.UNKNOWN),
        ("2026-11-24T07:00:01+02:00", PluginState.OK),
    ],
)
def test_a_result_that_is_not_of_today_is_no_answer(made: str, state: PluginState) -> None:
    (only,) = watched(facts.good("PRD"), made=made)
    assert only.state is state


def test_a_red_result_of_yesterday_is_no_answer_either() -> None:
    (only,) = watched(facts.bad("PRD"), made="2026-11-20T03:00:00+00:00")
    assert only.state is PluginState.UNKNOWN
    assert only.text == "the last result is 99 hours old (2026-11-20 03:00 UTC): no run has ended since"


def test_the_newest_result_of_a_machine_counts_whatever_their_order() -> None:
    older = facts.result(facts.bad("PRD"), facts.good("QAS"), made="2026-11-24T01:00:00+00:00")
    newer = facts.result(facts.good("PRD"), made=MADE_TODAY)
    for given in ([older, newer], [newer, older]):
        assert [(each.alias, each.state) for each in monitoring.watch(given, NOW, DAY)] == [
            ("PRD", PluginState.OK),
            ("QAS", PluginState.OK),
        ]


def test_one_alias_on_two_machines_is_two_systems() -> None:
    given = [facts.result(facts.good("PRD"), host="a", made=MADE_TODAY), facts.result(facts.bad("PRD"), host="b")]
    both = monitoring.watch(given, NOW, DAY)
    assert [(each.machine, each.state) for each in both] == [("a", PluginState.OK), ("b", PluginState.CRITICAL)]
    assert "PRD on b: ROOT_NOT_IN_PSE" in monitoring.nagios(both)[1]
    assert '"SAP trust PRD on a"' in monitoring.checkmk(both)
    assert 'machine="b",system="PRD"' in monitoring.prometheus(both)


def _of_pse(system: SystemResult, pse: str) -> SystemResult:
    assert system.facts
    return replace(system, facts=replace(system.facts, pse=pse))


@pytest.mark.parametrize("red_first", [True, False])
def test_a_green_about_one_pse_hides_no_red_about_another(red_first: bool) -> None:
    times = ["2026-11-24T05:00:00+00:00", MADE_TODAY]
    red, green = times if red_first else times[::-1]
    given = [
        facts.result(_of_pse(facts.bad("PRD"), "/home/a/client.pse"), made=red),
        facts.result(_of_pse(facts.good("PRD"), "/home/b/client.pse"), made=green),
    ]
    both = monitoring.watch(given, NOW, DAY)
    assert {each.pse: each.state for each in both} == {
        "/home/a/client.pse": PluginState.CRITICAL,
        "/home/b/client.pse": PluginState.OK,
    }
    assert monitoring.nagios(both)[0] is PluginState.CRITICAL
    assert '"SAP trust PRD with /home/a/client.pse"' in monitoring.checkmk(both)
    assert 'pse="/home/a/client.pse"} 0' in monitoring.prometheus(both)


def test_a_run_that_could_not_look_gives_way_to_a_newer_one_and_hides_no_older_one() -> None:
    looked = facts.result(facts.good("PRD"), made=MADE_TODAY)
    for made, states in (
        ("2026-11-24T05:00:00+00:00", [PluginState.OK]),
        ("2026-11-24T05:45:00+00:00", [PluginState.UNKNOWN, PluginState.OK]),
    ):
        given = [looked, facts.result(unreached(), made=made)]
        assert [each.state for each in monitoring.watch(given, NOW, DAY)] == states


def test_days_are_whole_and_counted_from_now() -> None:
    (only,) = watched(facts.good("PRD", trust_ends="2026-11-26T05:59:59+00:00", renewal="2026-11-23T06:00:00+00:00"))
    assert (only.trust_days, only.renewal_days) == (1, -1)


class TestNagios:
    """A plugin's output by the guidelines of the Monitoring Plugins."""

    def test_one_system_is_one_line(self) -> None:
        state, told = monitoring.nagios(watched(facts.good("PRD")))
        assert state is PluginState.OK
        assert told == "SAP TRUST OK - PRD: OK, trusted until 2040-01-01 | 'trust_days'=4785 'renewal_days'=68"

    def test_without_a_day_there_is_no_number(self) -> None:
        _, told = monitoring.nagios(watched(facts.good("PRD", trust_ends=None, renewal=None)))
        assert told == "SAP TRUST OK - PRD: OK"

    def test_many_systems_are_counted_and_told_below_the_worst_first(self) -> None:
        state, told = monitoring.nagios(watched(facts.good("DEV"), facts.bad("PRD"), facts.unjudged("QAS")))
        first, *rest = told.splitlines()
        assert state is PluginState.CRITICAL
        assert first == (
            "SAP TRUST CRITICAL - 2 of 3 systems need attention; PRD: ROOT_NOT_IN_PSE: the root is not in the"
            " certificate list | ok=1;;;0 warning=1;;;0 critical=1;;;0 unknown=0;;;0"
        )
        assert [each.partition(":")[0] for each in rest] == ["[CRITICAL] PRD", "[WARNING] QAS", "[OK] DEV"]
        assert rest[-1].endswith(
            "| 'DEV trust_days'=4785 'DEV renewal_days'=68 'PRD renewal_days'=68"
            " 'QAS trust_days'=4785 'QAS renewal_days'=68"
        )

    def test_all_well_says_so(self) -> None:
        state, told = monitoring.nagios(watched(facts.good("DEV"), facts.good("PRD")))
        assert state is PluginState.OK
        assert told.startswith("SAP TRUST OK - all 2 systems are ready | ok=2;;;0")

    @pytest.mark.parametrize(
        ("systems", "worst"),
        [
            ([facts.good("A"), facts.unjudged("B")], PluginState.WARNING),
            ([facts.unjudged("B"), unreached()], PluginState.UNKNOWN),
            ([unreached(), facts.bad("C")], PluginState.CRITICAL),
        ],
    )
    def test_the_worst_counts_and_unknown_is_worse_than_a_warning(
        self, systems: Sequence[SystemResult], worst: PluginState
    ) -> None:
        assert monitoring.nagios(watched(*systems))[0] is worst

    def test_no_system_is_unknown_and_not_well(self) -> None:
        assert monitoring.nagios(())[0] is PluginState.UNKNOWN


HOSTILE = [
    "a|b",
    "a\nOK - all is well",
    "\x1b[32mOK",
    'a"} 1\npse_preflight_success{system="b',
    "a'b=c",
    "a;b\r\nc",
    "back\\slash\\new",
    "x" * 5000,
]


def hostile(text: str) -> Result:
    """Return a result with one text wherever somebody else chooses it."""
    finding = facts.found(message=f"ROOT_NOT_IN_PSE: {text}")
    return facts.result(facts.bad(text, finding), facts.good("B", host=text), made=MADE_TODAY, host=text)


@pytest.mark.parametrize("text", HOSTILE)
def test_nobody_can_break_a_plugins_output(text: str) -> None:
    state, told = monitoring.nagios(monitoring.watch([hostile(text)], NOW, DAY))
    assert state is PluginState.CRITICAL
    first, *rest = told.splitlines()
    assert len(rest) == 2
    assert told.isascii()
    assert "\x1b" not in told
    assert first.count("|") == 1
    assert [each.count("|") for each in rest] == [0, 1]
    data = rest[-1].partition(" | ")[2]
    assert re.fullmatch(r"('([^'=]|'')+'=-?\d+( |$))+", data), data


@pytest.mark.parametrize("text", HOSTILE)
def test_nobody_can_break_a_line_of_checkmk(text: str) -> None:
    lines = monitoring.checkmk(monitoring.watch([hostile(text)], NOW, DAY)).splitlines()
    assert len(lines) == 2
    for line in lines:
        found = re.fullmatch(r'([0-3]) "[^"]+" (-|[a-z_]+=-?\d+(?:\|[a-z_]+=-?\d+)*) (.+)', line)
        assert found, line
        assert "\\" not in line
        assert "\x1b" not in line


def test_checkmk_gets_a_line_per_system() -> None:
    assert monitoring.checkmk(watched(facts.good("DEV"), facts.bad("PRD", renewal=None))).splitlines() == [
        '0 "SAP trust DEV" trust_days=4785|renewal_days=68 OK, trusted until 2040-01-01',
        '2 "SAP trust PRD" - ROOT_NOT_IN_PSE: the root is not in the certificate list',
    ]


def test_prometheus_gets_series() -> None:
    told = monitoring.prometheus(watched(facts.good("DEV"), facts.bad("PRD"), facts.unjudged("QAS")))

    def of(alias: str, more: str = "") -> str:
        return f'{{machine="vm",system="{alias}",target="host.example.com:443",pse="/sec/client.pse"{more}}}'

    valid = ',check="test_chain_is_valid"'
    for line in (
        "# TYPE pse_preflight_success gauge",
        f"pse_preflight_success{of('DEV')} 1",
        f"pse_preflight_success{of('PRD')} 0",
        f"pse_preflight_success{of('QAS')} 0",
        f"pse_preflight_trust_ends_timestamp_seconds{of('DEV')} 2208988800",
        f"pse_preflight_server_not_after_timestamp_seconds{of('PRD')} 1801440000",
        f"pse_preflight_check_state{of('DEV', valid)} 0",
        f"pse_preflight_check_state{of('PRD', valid)} 2",
        f"pse_preflight_run_timestamp_seconds{of('DEV')} 1795498200",
    ):
        assert f"\n{line}\n" in f"\n{told}"
    assert 'code="ROOT_NOT_IN_PSE",severity="blocker"} 1' in told
    assert f"trust_ends_timestamp_seconds{of('PRD')}" not in told


def test_a_system_of_which_nothing_is_known_has_only_its_failure() -> None:
    told = monitoring.prometheus(watched(unreached()))
    assert 'pse_preflight_success{machine="vm",system="PRD",target="",pse=""} 0' in told
    assert "trust_ends" not in told
    assert "finding_info" not in told
