import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.report.facts import SystemResult
from pse_preflight.report.terminal import SCREEN_LINES, drawing, header, lines, printable, verdict_lines
from pse_preflight.settings import Settings
from tests.kit import report_facts as facts
from tests.kit.runs import CHECKS, surroundings

LONG = "a sentence that does not end " * 30


def _lines(*systems: SystemResult, verbose: bool = False) -> list[str]:
    return list(lines(facts.result(*systems), verbose=verbose))


def _system(alias: str = "PRD", *, ignored: bool = False) -> System:
    return System(
        alias=alias,
        url=ApiUrl("host.example.com", 443),
        pse=Path("c.pse"),
        secudir=Path(),
        ignored_proxy=ignored,
    )


def test_a_good_system_has_its_verdict_and_two_days_and_no_drawing() -> None:
    assert _lines(facts.good()) == [
        "PRD (host.example.com:443): OK; trusted until 2040-01-01; the server must renew",
        "  by 2027-02-01; its root Root: required by SAP since 2024-02-13 (1.0.0); in",
        "  Mozilla's list until 2029-04-15; ends 2040-01-01",
        "  files: /evidence/PRD",
        "Not checked: alias user and password, communication arrangements (SAP_COM_0636),",
        "  UCON, SAP's own TLS library.",
    ]


def test_a_system_whose_chain_is_not_verified_has_no_clock_of_its_root() -> None:
    assert not any("its root" in line for line in _lines(facts.good(root_clock=None)))


def test_a_red_system_leads_with_what_to_mend_and_draws_the_chain() -> None:
    told = _lines(facts.bad(root_clock=None))
    assert told[:6] == [
        "PRD (host.example.com:443): FAILED; the PSE does not trust it; the server must",
        "  renew by 2027-02-01",
        "  ROOT_NOT_IN_PSE: the root is not in the certificate list",
        "  later: SSSLERR_PEER_CERT_UNTRUSTED (-102)",
        "  fix (client admin): add the root",
        "    sapgenpse maintain_pk -a root.pem -p client.pse",
    ]
    assert "  the chain, and what the PSE holds of it:" in told


def test_a_good_system_is_drawn_when_asked_for() -> None:
    told = _lines(facts.good(), verbose=True)
    assert any(line.startswith("    server, until 2027-02-01, sha256 ") for line in told)
    assert any("└─ Issuing" in line for line in told)
    assert "trust rests on it" in " ".join(line.strip() for line in told)


def test_no_line_is_wider_than_80_but_for_paths_and_commands() -> None:
    long = facts.found(observed=LONG, fix=LONG, message=f"CODE: {LONG}\nfix: {LONG}")
    chain = (facts.certificate("n" * 300, "server", codes=("A" * 30, "B" * 30, "C" * 30)), *facts.system().chain[1:])
    told = _lines(
        facts.bad(
            finding=long, chain=chain, extras=(LONG,), others=(LONG, LONG, LONG, LONG), changes=(LONG,), origin=LONG
        )
    )
    assert max(len(line) for line in told if "sapgenpse" not in line) <= 80


def test_a_message_is_not_told_whole_again() -> None:
    long = facts.found(message=f"CODE: {LONG}\nfix: x")
    told = " ".join(line.strip() for line in _lines(facts.bad(finding=long)))
    assert LONG.strip() not in told
    assert "a sentence that does not end" in told


def test_minor_findings_are_named_and_many_are_counted() -> None:
    minor = tuple(facts.found(f"MINOR_{number}", severity="minor", message=f"MINOR_{number}: x") for number in range(6))
    told = _lines(facts.good(findings=minor))
    assert told.count("  also: MINOR_0, MINOR_1, MINOR_2, MINOR_3, MINOR_4, MINOR_5") == 1
    assert _lines(facts.good(findings=minor), verbose=True).count("  also: MINOR_5: x") == 1


def test_what_only_follows_from_a_red_finding_is_not_told_as_well() -> None:
    follows = facts.found("PSE_MISSING", severity="blocker", message="PSE_MISSING: x")
    told = _lines(facts.bad(findings=(facts.found(), follows)))
    assert not any("PSE_MISSING" in line for line in told)


def test_every_red_finding_has_its_own_fix() -> None:
    second = facts.found("PSE_HOLDS_SERVER_CERT_ONLY", fix="add the root, too", message="PSE_HOLDS_SERVER_CERT_ONLY: x")
    bad = facts.bad(findings=(facts.found(), second))
    checks = (*bad.checks, facts.check("PRD", "test_trust_survives_renewal", ended="failed", codes=(second.code,)))
    told = _lines(replace(bad, checks=checks))
    assert told.index("  fix (client admin): add the root") < told.index("  PSE_HOLDS_SERVER_CERT_ONLY: x")
    assert "  fix (client admin): add the root, too" in told


def test_many_systems_have_a_line_each_the_red_ones_last() -> None:
    told = _lines(facts.bad("A"), facts.good("B"), facts.unjudged("C"))
    assert told[:4] == [
        "B  OK          to 2040-01-01",
        "C  NOT JUDGED  not known      the trust checks did not run",
        "A  FAILED      not trusted    ROOT_NOT_IN_PSE",
        "1 of 3 systems not ready, 1 of 3 not judged",
    ]
    assert _lines(facts.good("A"), facts.good("B"))[2] == "all 2 systems are ready"


def test_many_systems_have_a_clock_for_each_of_their_roots_the_soonest_first() -> None:
    assert "root of 2: Root: required by SAP since 2024-02-13 (1.0.0); in Mozilla's list" in _lines(
        facts.good("A"), facts.good("B")
    )
    clock = facts.system().root_clock
    assert clock
    clocks = [
        replace(clock, name=f"R{year}", mozilla=f"{year}-01-01", words=f"R{year}: x") for year in range(2027, 2032)
    ]
    told = _lines(*(facts.good(each.name, root_clock=each) for each in reversed(clocks)), facts.good(root_clock=None))
    shown = told[told.index("all 6 systems are ready") + 1 :]
    assert shown[:4] == [
        "root of 1: R2027: x",
        "root of 1: R2028: x",
        "root of 1: R2029: x",
        "and 2 more roots, see the page or result.json",
    ]


def test_what_is_not_configured_is_one_line_and_no_skip_to_read() -> None:
    keys = ("client.hosts", "client_ini", "client_ini")
    idle = tuple(facts.check("PRD", ended="skipped", reason=f"not configured: {key}", unconfigured=key) for key in keys)
    told = _lines(replace(facts.good(), checks=(*facts.good().checks, *idle)))
    assert [line for line in told if "onfigured" in line] == ["Not configured: client.hosts, client_ini."]
    assert not [line for line in _lines(facts.good()) if "onfigured" in line]


def test_many_recordings_are_told_as_such_once() -> None:
    recorded, other = "recorded on one as xtract at 2026-01-01 00:00 UTC, unauthenticated", "recorded on other"
    told = _lines(*(facts.good(alias, origin=recorded) for alias in "AB"), facts.good("C", origin=other))
    assert told[3:6] == ["all 3 systems are ready", recorded, other]
    quiet = list(verdict_lines(facts.result(facts.good(origin=recorded))))
    assert " ".join(line.strip() for line in quiet) == f"PRD: OK ({recorded})"
    assert not [line for line in _lines(facts.good("A"), facts.good("B")) if "recorded" in line]


def test_a_screen_of_24_lines_holds_the_verdict_of_one_system() -> None:
    second, third = (
        facts.found(f"PSE_HOLDS_{each}", fix=LONG[:200], message=f"PSE_HOLDS_{each}: {LONG}") for each in "AB"
    )
    bad = facts.bad(finding=facts.found(message=f"ROOT_NOT_IN_PSE: {LONG}"))
    known = replace(bad.facts or facts.system(), findings=(*(bad.facts or facts.system()).findings, second, third))
    red = facts.check("PRD", "test_trust_survives_renewal", ended="failed", codes=(second.code, third.code))
    worse = replace(bad, facts=known, checks=(*bad.checks, red))
    for system in (facts.good(), facts.bad(), bad, worse):
        for below in (0, 1, 2):
            told = list(lines(facts.result(system), verbose=False, below=below))
            assert len(told) + below <= SCREEN_LINES
            assert told[0].startswith("PRD (host.example.com:443): ")
            assert system.decisive is None or f"  {system.decisive.code}: " in "\n".join(told)
    told = _lines(worse)
    assert any(line.startswith("  also red (-v tells them): ") and third.code in line for line in told)
    assert not [line for line in _lines(worse, verbose=True) if "also red" in line]


def test_the_chain_is_drawn_where_there_is_room_for_it() -> None:
    assert "  the chain, and what the PSE holds of it:" in _lines(facts.bad())
    long = facts.bad(finding=facts.found(message=f"ROOT_NOT_IN_PSE: {LONG}", fix=LONG[:500]))
    assert "  the chain, and what the PSE holds of it:" not in _lines(long)
    assert "  the chain, and what the PSE holds of it:" in _lines(long, verbose=True)


@pytest.mark.parametrize("alias", ["A", "A" * 26, "A" * 32, "A" * 64])
def test_the_code_of_a_system_among_many_is_never_cut(alias: str) -> None:
    code = "CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT"
    told = _lines(facts.bad(alias, finding=facts.found(code)), facts.good("B"))
    assert [line for line in told if line.endswith(f" {code}")]
    assert max(map(len, told)) <= 80


def test_of_many_systems_minor_findings_are_counted_and_what_a_run_has_made_stands_in_its_row() -> None:
    made = facts.good("A", findings=(facts.found("PSE_CREATED", severity="minor"),))
    usual = facts.good("B", findings=(facts.found("URL_UNUSUAL", severity="minor"),))
    told = _lines(made, usual, facts.bad("C"))
    assert [line.split()[-1] for line in told[:3]] == ["PSE_CREATED", "2040-01-01", "ROOT_NOT_IN_PSE"]
    assert "also: PSE_CREATED (1), URL_UNUSUAL (1)" in told
    assert not [line for line in _lines(facts.good("A"), facts.good("B")) if line.startswith("also: ")]


def test_of_many_systems_one_that_was_not_judged_says_why_and_those_that_nobody_looked_at_are_one_line() -> None:
    untouched = [replace(facts.unjudged(alias), checks=(), facts=None, ran=0) for alias in "CDEFGH"]
    told = _lines(facts.good("A"), facts.unjudged("B"), *untouched)
    assert told[1].startswith("B  NOT JUDGED  not known      the trust checks did not run")
    assert told[2:4] == ["no check ran of C, D, E, F and 2 more", "7 of 8 not judged"]
    assert any(line.startswith("C  NOT JUDGED") for line in _lines(facts.good("A"), untouched[0]))


def test_codes_are_never_broken_across_lines() -> None:
    long = tuple(facts.found(f"{'X' * 34}_{number}", severity="minor") for number in range(9))
    told = " ".join(_lines(facts.good(findings=long)))
    assert all(each.code in told for each in long)


def test_few_words_are_the_verdicts_alone() -> None:
    result = facts.result(facts.good("A"), facts.unjudged("B"))
    assert list(verdict_lines(result)) == ["A: OK", "B: NOT JUDGED (6 of 32 checks): the trust checks did not run"]


def test_a_system_that_could_not_be_judged_says_why() -> None:
    lost = SystemResult(
        alias="PRD",
        verdict="FAILED",
        remark="",
        ran=1,
        of=32,
        facts=None,
        checks=(facts.check("PRD", ended="error", reason="the roots /x cannot be read"),),
        decisive=None,
    )
    assert _lines(lost)[:2] == ["PRD: FAILED", "  the roots /x cannot be read"]
    assert _lines(replace(lost, checks=()))[1] == "  could not be judged"


def test_the_drawing_names_what_is_missing_and_what_is_too_much() -> None:
    told = list(
        drawing(facts.system(chain=facts.system().chain[:1], missing="Issuing", extras=("Other",), listed=None))
    )
    assert "└─ (missing: Issuing)" in told
    assert "also sent: Other" in told
    assert told[-1] == "the certificate list of the PSE is not known (the PSE: plain)"


def test_the_drawing_counts_what_the_pse_holds() -> None:
    assert list(drawing(facts.system(listed=1)))[-1] == "the PSE lists 1 certificate"
    others = ("CN=A", "CN=B", "CN=C", "CN=D")
    assert '"CN=C" and 1 more' in " ".join(line.strip() for line in drawing(facts.system(listed=6, others=others)))


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "└─ Ünicode…"),
        ("cp1252", "`- Ünicode…"),
        ("cp437", "└─ Ünicode..."),
        ("cp1251", "`- \\xdcnicode…"),
        ("ascii", "`- \\xdcnicode..."),
        (None, "`- \\xdcnicode..."),
        ("no such encoding", "`- \\xdcnicode..."),
    ],
)
def test_a_console_gets_what_it_can_show(encoding: str | None, shown: str) -> None:
    assert printable("└─ Ünicode…", encoding) == shown


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp850", "cp932"])
def test_every_line_can_be_shown_in_a_windows_console(encoding: str) -> None:
    odd = facts.bad(chain=(facts.certificate("日本 \u202e", "server"), *facts.system().chain[1:]))
    for line in _lines(odd):
        printable(line, encoding).encode(encoding)


def test_the_header_says_what_is_asked_by_what_for_when_and_what_is_ignored() -> None:
    settings = Settings(evidence=Path("e"), at=date(2027, 3, 1), replay=Path("/old"))
    told = header([_system(), _system("QAS", ignored=True)], settings, "sapgenpse (8.5.61)")
    assert told == [
        "systems: PRD (host.example.com:443), QAS (host.example.com:443)",
        "tool: sapgenpse (8.5.61)",
        "judged for 2027-03-01 (UTC), read-only; nothing is asked live for that day",
        f"replay of {Path('/old')}: read-only, and no system is asked",
        "proxy variables of this shell are ignored for QAS (say proxy: env to use them)",
    ]


def test_of_many_systems_the_header_names_the_first() -> None:
    told = header([_system(f"S{number}") for number in range(60)], Settings(evidence=Path("e")), "bundled")
    assert " ".join(line.strip() for line in told[:-1]).endswith("S2 (host.example.com:443) and 57 more")
    assert len(told) <= 4


def test_an_ordinary_header_is_short() -> None:
    assert len(header([_system()], Settings(evidence=Path("e")), "bundled")) == 2


@pytest.mark.long
@pytest.mark.parametrize(("encoding", "shown"), [("cp437", "ö \\u0416"), ("cp1251", "\\xf6 Ж"), ("utf-8", "ö Ж")])
@pytest.mark.parametrize("program", ["pytest", "pse_preflight"])
def test_a_letter_outside_the_code_page_is_escaped_and_no_other(
    tmp_path: Path, program: str, encoding: str, shown: str
) -> None:
    """The message stays as it is, and what it names can be pasted."""
    folder = tmp_path / "ö Ж"
    systems = f"systems:\n  PRD:\n    url: https://localhost:1\n    pse: '{folder / 'client.pse'}'\n"
    (tmp_path / "systems.yaml").write_text(systems, encoding="utf-8")
    asked = ["--system=PRD", "-k", "pse_exists", "--read-only", "-p", "no:cacheprovider", "--engine=bundled"]
    arguments = [CHECKS, *asked] if program == "pytest" else ["check", *asked]
    environment = {**surroundings(), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ended = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    said = ended.stdout.decode(encoding)
    place = str(folder / "client.pse").replace("ö Ж", shown)
    assert f"PSE_MISSING: there is no PSE at {place}" in " ".join(said.split())
    assert "\\\\" not in said
    assert {"\\xf6", "\\u0416"} - set(shown.split()) == {each for each in ("\\xf6", "\\u0416") if each not in said}
