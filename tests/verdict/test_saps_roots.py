"""What SAP's list has to say of a PSE: what it lacks, what is ahead, who only bears a name; and 2024 to 2026 again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.judge import Judgement, Period
from pse_preflight.chain.sap_roots import Release, Root, Table
from pse_preflight.chain.sap_roots_file import read_table
from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse.entries import Entry
from pse_preflight.demo.authority import ec_key, root_authority
from pse_preflight.findings import Finding, message
from pse_preflight.verdict.trust import Remedy, TrustCase, judge_trust
from tests.kit.entries import entry_of
from tests.kit.saps_lists import public_roots

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
HOST = "my401122-api.s4hana.cloud.sap"
PSE = Path("/sec/client.pse")
TABLE = read_table()
PUBLIC = {each.name: each for each in public_roots()}
G2, G3, G5 = (
    PUBLIC[name] for name in ("DigiCert Global Root G2", "DigiCert Global Root G3", "DigiCert TLS RSA4096 Root G5")
)
G1 = next(each for each in TABLE.roots if each.name == "DigiCert Global Root CA")
NO_PATH = Judgement(None, (), (), (), (), False)


def _entry(certificate: Certificate) -> Entry:
    return entry_of(certificate)


def _entry_of(root: Root) -> Entry:
    return Entry(f"CN={root.common_name}", None, root.sha256)


def _question(held: Sequence[Entry], day: date = TODAY, table: Table = TABLE, used: str = "") -> TrustCase:
    moment = datetime.combine(day, time(12), UTC)
    return TrustCase(
        entries=tuple(held),
        judgement=NO_PATH,
        presented=(),
        host=HOST,
        period=Period(moment, moment),
        include_leaf=False,
        required_roots=(),
        saps_roots=table,
        shipped_roots=frozenset(each.sha256 for each in TABLE.required),
        changes=table.changes_of(HOST, used, day) if used else (),
        accepted=frozenset(),
        remedy=Remedy(("sapgenpse",), PSE),
    )


def _found(question: TrustCase, code: Code) -> list[Finding]:
    return [each for each in judge_trust(question).findings if each.code is code]


# what the PSE lacks


def test_what_is_lacking_is_named_with_release_and_day_in_one_minor_finding() -> None:
    (found,) = _found(_question([_entry(G2)]), Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert found.severity is Severity.MINOR
    assert found.observed.startswith(
        f"{PSE} lacks 9 of the 10 roots that SAP requires every client to trust (3.0.0, 2026-06-03): "
        'since 2024-02-13 (1.0.0) "DigiCert Global Root G3", "DigiCert TLS RSA4096 Root G5"'
    )
    assert 'since 2024-05-03 (1.3.0) "DigiCert TLS ECC P384 Root G5"' in found.observed
    assert 'since 2026-06-03 (3.0.0) "ISRG Root YE", "ISRG Root YR"' in found.observed
    assert set(found.certificates) == {each.sha256 for each in TABLE.required} - {G2.sha256}


def test_a_pse_that_holds_all_of_them_has_nothing_to_hear_of_it() -> None:
    held = [_entry_of(each) for each in TABLE.required]
    assert _found(_question(held), Code.REQUIRED_ROOT_NOT_IN_PSE) == []
    (found,) = _found(_question(held[1:]), Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert found.certificates == (TABLE.required[0].sha256,)


def test_where_saps_list_is_not_required_nothing_is_said_of_it() -> None:
    assert judge_trust(replace(_question([_entry(G2)]), saps_roots=None)).findings == ()


def test_the_fix_adds_what_is_at_hand_and_says_where_the_rest_is() -> None:
    files = {each.sha256: Path(f"/proof/{number}.pem") for number, each in enumerate((G3, G5))}
    question = replace(_question([_entry(G2)]), remedy=Remedy(("sapgenpse",), PSE, files, "--repair"))
    (found,) = _found(question, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert [each[3] for each in found.commands] == [str(Path(f"/proof/{number}.pem")) for number in (0, 1)]
    told = message(found, windows=False)
    assert 'of "ISRG Root X1", "ISRG Root X2"' in told
    assert "get SAP's list (required.pse of github.com/sap-software/btp-trust-store" in told
    assert "write `required_roots: sap` in systems.yaml and run with --repair, or add those at hand: sapgenpse" in told
    written = replace(question, adds_saps_roots=True)
    (found,) = _found(written, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert "run again with --repair, or add those at hand: sapgenpse maintain_pk" in message(found, windows=False)
    assert "write `required_roots" not in message(found)


def test_what_only_a_given_list_names_is_told_with_its_command_and_added_by_no_run() -> None:
    release = Release("2027-02-01", date(2027, 2, 1))
    only = Root(name="Next Root", sha256="cd" * 32, common_name="Next Root", since=release)
    newer = replace(TABLE, releases=(*TABLE.releases, release), roots=(*TABLE.roots, only))
    files = {G5.sha256: Path("/proof/g5.pem"), "cd" * 32: Path("/proof/next.pem")}
    question = replace(
        _question([_entry(G2)], table=newer),
        remedy=Remedy(("sapgenpse",), PSE, files, "--repair"),
        adds_saps_roots=True,
    )
    (found,) = _found(question, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert 'no run adds "Next Root", which only the list of --sap-roots names' in found.fix
    assert ("sapgenpse", "maintain_pk", "-a", str(files["cd" * 32]), "-p", str(PSE)) in found.commands


@pytest.mark.parametrize(
    ("at_hand", "adds", "repair", "last"),
    [
        ("", False, "--repair", "say --sap-roots PATH"),
        ("", True, "--repair", "say --sap-roots PATH"),
        ("given", False, "--repair", "add those at hand"),
        ("given", True, "--repair", "add those at hand"),
        ("known", False, "", "write `required_roots: sap` in systems.yaml and run with --repair, or add those at hand"),
        ("known", True, "--repair", "run again with --repair, or add those at hand"),
        ("known", True, "", "add those at hand"),
    ],
)
def test_the_fix_ends_with_what_can_be_done_about_those_at_hand(
    at_hand: str, repair: str, last: str, *, adds: bool
) -> None:
    files = {G5.sha256: Path("/proof/g5.pem")} if at_hand else {}
    question = _question([_entry(G2)])
    question = replace(
        question,
        remedy=Remedy(("sapgenpse",), PSE, files, repair),
        shipped_roots=question.shipped_roots - ({G5.sha256} if at_hand == "given" else set()),
        adds_saps_roots=adds,
    )
    (found,) = _found(question, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert found.fix.split("; ")[-1].endswith(last)
    assert found.fix.count("add those at hand") == (1 if at_hand else 0)
    assert ("run again" in found.fix, "write `required" in found.fix) == (
        "run again" in last,
        "write `required" in last,
    )


# what is ahead of the server's root


def test_the_successors_of_the_servers_root_are_named_with_all_days_that_are_known() -> None:
    found = _found(_question([_entry(G2)], used=G2.sha256), Code.ROOT_CHANGE_AHEAD)
    assert [each.certificates for each in found] == [(G5.sha256,), (G3.sha256,)]
    assert {each.severity for each in found} == {Severity.MINOR}
    assert all("in Mozilla's and Chrome's lists until 2029-04-15" in each.observed for each in found)
    assert all("SAP KBA 3566727" in each.observed for each in found)
    assert _found(_question([_entry(each) for each in (G2, G3, G5)], used=G2.sha256), Code.ROOT_CHANGE_AHEAD) == []


@pytest.mark.parametrize(
    ("day", "severity"),
    [
        (date(2029, 2, 13), Severity.MINOR),
        (date(2029, 2, 14), Severity.MAJOR),
        (date(2029, 4, 15), Severity.MAJOR),
        (date(2029, 6, 14), Severity.MAJOR),
        (date(2029, 6, 15), Severity.MINOR),
    ],
)
def test_within_60_days_of_the_browsers_last_day_it_is_major(day: date, severity: Severity) -> None:
    found = _found(_question([_entry(G2)], day, used=G2.sha256), Code.ROOT_CHANGE_AHEAD)
    assert {each.severity for each in found} == {severity}


def test_a_root_that_has_left_saps_list_is_told_as_that() -> None:
    (found,) = _found(_question([_entry_of(G1)], used=G1.sha256), Code.ROOT_CHANGE_AHEAD)
    assert found.certificates == (G2.sha256,)
    assert "left SAP's list on 2026-06-03 (3.0.0)" in found.observed
    near = _question([_entry_of(G1)], date(2026, 7, 1), used=G1.sha256)
    assert [each.severity for each in _found(near, Code.ROOT_CHANGE_AHEAD)] == [Severity.MAJOR]


@pytest.mark.parametrize(("day", "told"), [(date(2035, 1, 14), False), (date(2035, 1, 15), True)])
def test_where_nobody_knows_what_follows_it_is_told_a_year_before_a_browsers_last_day(day: date, *, told: bool) -> None:
    question = _question([_entry(G5)], day, used=G5.sha256)
    found = _found(question, Code.ROOT_CHANGE_AHEAD)
    assert bool(found) == told
    if told:
        assert "nobody has said what follows" in found[0].observed
        assert "required_roots: sap" in found[0].fix
    ready = [_entry_of(each) for each in TABLE.required if not each.private]
    assert _found(_question(ready, day, used=G5.sha256), Code.ROOT_CHANGE_AHEAD) == []


# who only bears the name


def test_a_root_in_the_list_that_only_bears_the_name_is_told_with_both_fingerprints() -> None:
    false = Certificate.of(root_authority(G5.name, NOW - timedelta(days=9), 900).certificate)
    (found,) = _found(_question([_entry(G2), _entry(false)]), Code.PSE_TRUSTS_INSPECTION)
    assert found.severity is Severity.MINOR
    assert f'calls itself "{G5.name}", and is not SAP\'s: its sha256 is {false.sha256}' in found.observed
    assert G5.sha256 in found.observed
    accepted = replace(_question([_entry(false)]), accepted=frozenset({false.sha256}))
    assert _found(accepted, Code.PSE_TRUSTS_INSPECTION) == []


@pytest.mark.parametrize("sha256", ["0" * 64, "f" * 64])
def test_any_other_fingerprint_than_saps_is_a_false_name(sha256: str) -> None:
    roots = tuple(replace(each, sha256=sha256) if each.sha256 == G5.sha256 else each for each in TABLE.roots)
    question = _question([_entry(G5)], table=replace(TABLE, roots=roots))
    (found,) = _found(question, Code.PSE_TRUSTS_INSPECTION)
    assert f"its sha256 is {G5.sha256}, and SAP's is {sha256}" in found.observed


def test_a_cross_signed_one_and_the_genuine_one_are_no_false_names() -> None:
    other = root_authority("Older Root", NOW - timedelta(days=100), 900)
    cross = other.issue_authority(G5.name, NOW - timedelta(days=100), 900, key=ec_key())
    question = _question([_entry(G5), _entry(Certificate.of(cross.certificate))])
    assert _found(question, Code.PSE_TRUSTS_INSPECTION) == []


# 2024 to 2026 again, day by day, with what was known on each


@cache
def _told_on(day: date) -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Return what a PSE that holds G2 alone would have been told, with the names of the roots."""
    table = TABLE.on(day)
    names = {each.sha256: each.name for each in TABLE.roots}
    found = judge_trust(_question([_entry(G2)], day, table, G2.sha256)).findings
    return tuple((each.code, str(each.severity), frozenset(names[one] for one in each.certificates)) for each in found)


def _changes(first: date, last: date) -> Iterator[tuple[date, tuple[tuple[str, str, frozenset[str]], ...]]]:
    """Yield the days on which something else was told than the day before."""
    before: tuple[tuple[str, str, frozenset[str]], ...] = ()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if _told_on(day) != before:
            before = _told_on(day)
            yield day, before


def test_a_pse_with_g2_alone_would_have_been_warned_two_years_before_clients_failed() -> None:
    """Clients without G5 failed in the first quarter of 2026; SAP first used it in September 2025."""
    days = dict(_changes(date(2024, 1, 1), date(2026, 11, 23)))
    assert list(days) == [date(2024, 2, 13), date(2024, 5, 3), date(2025, 4, 15), date(2025, 9, 1), date(2026, 6, 3)]
    ((code, severity, roots),) = days[date(2024, 2, 13)]
    assert (code, severity) == ("REQUIRED_ROOT_NOT_IN_PSE", "minor")
    assert {G5.name, G3.name} <= roots
    assert date(2026, 1, 1) - date(2024, 2, 13) > timedelta(days=680)
    ahead = [roots for code, _, roots in days[date(2025, 9, 1)] if code == "ROOT_CHANGE_AHEAD"]
    assert ahead == [{G5.name}, {G3.name}]
    ((_, _, before),), ((_, _, without_baltimore),) = days[date(2024, 5, 3)], days[date(2025, 4, 15)]
    assert before - without_baltimore == {"Baltimore CyberTrust Root"}
    last = next(roots for code, _, roots in days[date(2026, 6, 3)] if code == "REQUIRED_ROOT_NOT_IN_PSE")
    assert {"ISRG Root YE", "ISRG Root YR"} <= last
    assert G1.name not in last


def test_whoever_held_saps_list_of_each_day_was_never_told_anything() -> None:
    for day in (date(2024, 2, 13), date(2024, 5, 3), date(2025, 4, 15), date(2025, 9, 1), date(2026, 6, 3), NOW.date()):
        table = TABLE.on(day)
        held = [_entry_of(each) for each in table.required]
        assert judge_trust(_question(held, day, table, G2.sha256)).findings == ()
