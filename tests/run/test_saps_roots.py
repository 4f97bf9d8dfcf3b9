"""SAP's roots in a whole run: what is trusted, made and repaired, what a fix leads to, and what no list can do."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.chain.roots import named_roots, saps_roots_here
from pse_preflight.chain.sap_roots import Release, Root, SapRoots, Table
from pse_preflight.chain.sap_roots_file import read_table, sap_roots
from pse_preflight.checklist import CHECKS, Code, Severity
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.findings import Finding, message
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.report.facts import system_facts
from pse_preflight.run import one_system
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Policy, Verdict, decide
from tests.kit.saps_lists import MADE, new_root, pse_bytes, public_roots
from tests.kit.servers import LOOPBACK, serve, serve_tls, tunnelling
from tests.kit.systems import NOW, codes, gather, issuers, listed, path, roots_file, server, system, write_pse

HOST = "my401122-api.s4hana.cloud.sap"
USUAL = Policy(Severity.MAJOR, frozenset(CHECKS))
NAME = "ISRG Root YR"
RELEASE = Release("3.0.0", NOW.date() - timedelta(days=100))

Run = Callable[..., Evidence]


def _identity(root_name: str = NAME) -> Identity:
    root = root_authority(root_name, NOW - timedelta(days=400), 4000)
    issuing = root.issue_authority("YR2", NOW - timedelta(days=300), 1000)
    return issuing.issue_server([HOST], NOW - timedelta(days=1), 90)


SERVER = _identity()
LEAF, ISSUING, ROOT = path(SERVER)


def _shipped(*sha256: str) -> Table:
    """Return a table that requires roots of this name, and Mozilla's public ones that SAP requires."""
    own = [Root(name=NAME, sha256=each, common_name=NAME, since=RELEASE) for each in sha256]
    public = [replace(each, since=RELEASE) for each in read_table().required if each.sha256 in _mozilla()]
    return Table(dated=RELEASE.day, releases=(RELEASE,), roots=(*own, *public))


def _mozilla() -> frozenset[str]:
    return named_roots("mozilla").fingerprints


@pytest.fixture
def pse(tmp_path: Path) -> Path:
    return tmp_path / "sec" / "client.pse"


@pytest.fixture
def run(pse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return one run over a server of SAP's cloud, as far as the client can see."""

    def ran(
        identity: Identity,
        sent: Sequence[x509.Certificate] | None = None,
        known: SapRoots | None = None,
        keys: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Evidence:
        if known is not None:
            monkeypatch.setattr(one_system, "saps_roots_here", lambda _path: known)
        with serve_tls(identity, chain=sent) as running, serve(tunnelling(running)) as proxy:
            described = system("PRD", 443, pse, proxy=proxy.proxy, **(keys or {}))
            (evidence,) = gather(replace(described, url=ApiUrl(HOST, 443)), folder=tmp_path, **settings)
        return evidence

    return ran


def _red(evidence: Evidence) -> dict[str, str]:
    outcomes = {check: decide(check, evidence, USUAL) for check in CHECKS}
    red = {Verdict.FAIL, Verdict.ERROR}
    return {check: each.findings[0].code for check, each in outcomes.items() if each.verdict in red}


def _found(evidence: Evidence, code: Code) -> Finding:
    (found,) = (each for each in evidence.findings if each.code is code)
    return found


# what is trusted


def test_a_root_that_sap_requires_and_mozilla_lacks_makes_a_pse_when_it_is_sent(run: Run, pse: Path) -> None:
    evidence = run(SERVER, (*SERVER.chain, SERVER.issuers[-1]), SapRoots(shipped=_shipped(ROOT.sha256)))
    assert (_red(evidence), evidence.created) == ({}, True)
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256}
    assert "TLS_INSPECTED" not in codes(evidence)
    assert evidence.roots.name.endswith(" or SAP's (3.0.0)")


def test_where_it_is_not_sent_the_file_to_get_is_told_and_getting_it_makes_everything_green(
    run: Run, pse: Path
) -> None:
    without = run(SERVER, None, SapRoots(shipped=_shipped(ROOT.sha256)))
    assert _red(without) == {"test_chain_is_valid": "ROOT_UNTRUSTED"}
    assert "--sap-roots PATH" in _found(without, Code.ROOT_UNTRUSTED).fix
    assert not pse.exists()
    followed = run(SERVER, None, SapRoots(shipped=_shipped(ROOT.sha256), certificates=(ROOT,)))
    assert (_red(followed), listed(pse)) == ({}, {ROOT.sha256, ISSUING.sha256})


def test_the_other_way_of_that_fix_leads_to_green_too(run: Run, pse: Path, tmp_path: Path) -> None:
    keys = {"roots": roots_file(tmp_path, SERVER.issuers[-1])}
    evidence = run(SERVER, None, SapRoots(shipped=_shipped(ROOT.sha256)), keys)
    assert (_red(evidence), listed(pse)) == ({}, {ROOT.sha256, ISSUING.sha256})
    assert "TLS_INSPECTED" not in codes(evidence)


def test_a_pse_that_holds_it_already_is_enough(run: Run, pse: Path) -> None:
    write_pse(pse, [ROOT])
    assert _red(run(SERVER, None, SapRoots(shipped=_shipped(ROOT.sha256)))) == {}


def test_who_only_bears_the_name_makes_no_pse(run: Run, pse: Path) -> None:
    evidence = run(SERVER, (*SERVER.chain, SERVER.issuers[-1]), SapRoots(shipped=_shipped("ab" * 32)))
    assert _red(evidence) == {"test_chain_is_not_inspected": "TLS_INSPECTED"}
    assert f'calls itself "{NAME}", and is not SAP\'s' in _found(evidence, Code.TLS_INSPECTED).observed
    assert not pse.exists()


def test_what_is_shipped_today_trusts_no_stand_in(run: Run, pse: Path) -> None:
    """The names of the real list, with the roots of a test."""
    root = root_authority("Root YR", NOW - timedelta(days=400), 4000)
    identity = root.issue_authority("YR2", NOW - timedelta(days=300), 900).issue_server([HOST], NOW, 90)
    evidence = run(identity, (*identity.chain, root.certificate))
    assert _red(evidence) == {"test_chain_is_not_inspected": "TLS_INSPECTED"}
    assert not pse.exists()


# what no list can do


def _given(*certificates: Certificate) -> SapRoots:
    """Return a false list: newer than the one that comes along, and with these roots of somebody."""
    newer = Release("9.0.0", NOW.date())
    false = [Root(name=each.name, sha256=each.sha256, common_name=each.name, since=newer) for each in certificates]
    shipped = _shipped()
    given = Table(dated=newer.day, releases=(newer,), roots=(*shipped.roots, *false))
    return SapRoots(shipped=shipped, given=given, place="false.pse", certificates=certificates)


@pytest.mark.parametrize("sent", [False, True])
def test_a_false_list_makes_nothing_trusted(run: Run, pse: Path, *, sent: bool) -> None:
    evidence = run(SERVER, SERVER.chain if not sent else (*SERVER.chain, SERVER.issuers[-1]), _given(ROOT))
    assert set(_red(evidence)) <= {"test_chain_is_valid", "test_chain_is_not_inspected"}
    assert _red(evidence)
    assert not pse.exists()


@pytest.mark.parametrize("repair", [False, True])
def test_a_false_list_brings_no_root_into_a_pse(run: Run, pse: Path, tmp_path: Path, *, repair: bool) -> None:
    stranger = new_root("Stranger")
    if repair:
        write_pse(pse, [ROOT, ISSUING])
    keys = {
        "roots": roots_file(tmp_path, SERVER.issuers[-1]),
        "requires_saps_roots": True,
        "adds_saps_roots": True,
    }
    evidence = run(SERVER, None, _given(stranger), keys, repair=repair)
    assert stranger.sha256 not in listed(pse)
    found = _found(evidence, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert 'no run adds "Stranger", which only the list of --sap-roots names' in found.fix
    ((_, _, _, file, _, _),) = found.commands
    assert stranger.pem in Path(file).read_text(encoding="ascii")


# the user's own decision


def test_a_companys_own_root_on_a_host_of_saps_cloud_is_the_users_decision(run: Run, pse: Path, tmp_path: Path) -> None:
    """What TLS_INSPECTED says is done as it says, and leads to green: with no PSE, and with one that lacks the root."""
    corporate = _identity("Example Corporate Root CA")
    before = run(corporate)
    assert _red(before) == {"test_chain_is_not_inspected": "TLS_INSPECTED"}
    assert "name the file under `roots:` in systems.yaml" in _found(before, Code.TLS_INSPECTED).fix
    assert "mend TLS_INSPECTED first" in _found(before, Code.PSE_MISSING).fix
    assert not pse.exists()
    keys = {"roots": roots_file(tmp_path, corporate.issuers[-1])}
    after = run(corporate, keys=keys)
    assert (_red(after), after.created) == ({}, True)
    assert _found(after, Code.TLS_INSPECTED).severity is Severity.MINOR
    write_pse(pse, issuers(server()))
    lacking = run(corporate, keys=keys)
    assert "run again with --repair" in message(_found(lacking, Code.ROOT_NOT_IN_PSE))
    assert _red(run(corporate, keys=keys, repair=True)) == {}


def test_pinned_is_the_users_decision_too(run: Run, pse: Path) -> None:
    corporate = _identity("Example Corporate Root CA")
    *_, root = path(corporate)
    evidence = run(corporate, (*corporate.chain, corporate.issuers[-1]), keys={"pinned": (root.sha256,)})
    assert (_red(evidence), evidence.created) == ({}, True)
    assert _found(evidence, Code.TLS_INSPECTED).severity is Severity.MINOR
    assert root.sha256 in listed(pse)


@pytest.mark.parametrize(
    ("first", "then", "fix"),
    [
        ({"read_only": True}, {}, "run once without --read-only"),
        ({"creating": ()}, {}, "run all checks"),
        ({"at": NOW.date() + timedelta(days=9)}, {}, "run once without --at"),
    ],
)
def test_every_fix_of_a_missing_pse_leads_to_one(
    run: Run, pse: Path, tmp_path: Path, first: dict[str, Any], then: dict[str, Any], fix: str
) -> None:
    keys = {"roots": roots_file(tmp_path, SERVER.issuers[-1])}
    refused = run(SERVER, keys=keys, **first)
    assert _found(refused, Code.PSE_MISSING).fix.startswith(fix)
    assert not pse.exists()
    assert _red(run(SERVER, keys=keys, **then)) == {}
    assert pse.exists()


@pytest.mark.parametrize(
    ("before", "fix"),
    [({"create": False}, "take `create: false` out"), ({"roots": "auto"}, "name in systems.yaml the file of the root")],
)
def test_every_fix_of_a_missing_pse_that_changes_systems_yaml_leads_to_one(
    pse: Path, tmp_path: Path, before: dict[str, Any], fix: str
) -> None:
    roots = roots_file(tmp_path, server().issuers[-1])
    with serve_tls(server()) as running:
        described: System = system("PRD", running.port, pse, roots=roots)
        (refused,) = gather(replace(described, **before), folder=tmp_path)
        (followed,) = gather(described, folder=tmp_path)
    assert _found(refused, Code.PSE_MISSING).fix.startswith(fix)
    assert (_red(followed), followed.created) == ({}, True)


# what SAP requires of a PSE


def test_by_default_it_is_told_and_nothing_is_added(run: Run, pse: Path, tmp_path: Path) -> None:
    keys = {"roots": roots_file(tmp_path, SERVER.issuers[-1]), "requires_saps_roots": True}
    evidence = run(SERVER, keys=keys)
    assert _red(evidence) == {}
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256}
    found = _found(evidence, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert found.severity is Severity.MINOR
    assert set(found.certificates) == {each.sha256 for each in read_table().required}
    added = {Path(command[3]).read_text(encoding="ascii").partition("sha256 ")[2][:64] for command in found.commands}
    assert added == {each.sha256 for each in public_roots()}
    assert decide("test_pk_list_holds_the_required_roots", evidence, USUAL).verdict is Verdict.PASS


@pytest.mark.parametrize("repair", [False, True])
def test_where_it_is_written_a_run_adds_what_is_at_hand_and_names_the_rest(
    run: Run, pse: Path, tmp_path: Path, *, repair: bool
) -> None:
    if repair:
        write_pse(pse, [ROOT, ISSUING, public_roots()[0]])
    keys = {
        "roots": roots_file(tmp_path, SERVER.issuers[-1]),
        "requires_saps_roots": True,
        "adds_saps_roots": True,
    }
    evidence = run(SERVER, keys=keys, repair=repair)
    assert _red(evidence) == {}
    assert listed(pse) == {ROOT.sha256, ISSUING.sha256, *(each.sha256 for each in public_roots())}
    found = _found(evidence, Code.REQUIRED_ROOT_NOT_IN_PSE)
    assert (
        'of "ISRG Root YE", "ISRG Root YR", "SAP Cloud Root CA", "SAP Global Root CA" no file is at hand' in found.fix
    )
    assert not found.commands


def test_without_repair_an_existing_pse_is_left_alone_and_the_fix_names_it(run: Run, pse: Path, tmp_path: Path) -> None:
    content = write_pse(pse, [ROOT, ISSUING])
    keys = {
        "roots": roots_file(tmp_path, SERVER.issuers[-1]),
        "requires_saps_roots": True,
        "adds_saps_roots": True,
    }
    evidence = run(SERVER, keys=keys)
    assert pse.read_bytes() == content
    assert "run again with --repair" in _found(evidence, Code.REQUIRED_ROOT_NOT_IN_PSE).fix


def test_a_chain_that_is_not_verified_brings_no_root_into_a_pse(run: Run, pse: Path) -> None:
    run(_identity("Example Corporate Root CA"), keys={"requires_saps_roots": True, "adds_saps_roots": True})
    assert not pse.exists()


def test_the_bytes_of_a_given_list_are_added_by_the_fingerprints_of_the_one_that_comes_along(
    run: Run, pse: Path, tmp_path: Path
) -> None:
    other = _identity("Root of our own")
    known = SapRoots(shipped=_shipped(ROOT.sha256), certificates=(ROOT,))
    keys = {"roots": roots_file(tmp_path, other.issuers[-1]), "requires_saps_roots": True, "adds_saps_roots": True}
    evidence = run(other, None, known, keys)
    assert ROOT.sha256 in listed(pse)
    assert "REQUIRED_ROOT_NOT_IN_PSE" not in codes(evidence)


def test_a_root_that_systems_yaml_names_has_its_command_where_it_is_at_hand(
    run: Run, pse: Path, tmp_path: Path
) -> None:
    first, *_ = public_roots()
    keys = {"roots": roots_file(tmp_path, SERVER.issuers[-1]), "required_roots": (first.sha256, "ab" * 32)}
    evidence = run(SERVER, keys=keys)
    found = [each for each in evidence.findings if each.code is Code.REQUIRED_ROOT_NOT_IN_PSE]
    assert [(each.severity, each.certificates) for each in found] == [
        (Severity.MAJOR, (first.sha256,)),
        (Severity.MAJOR, ("ab" * 32,)),
    ]
    ((*_, file, _of, _pse),) = found[0].commands
    assert first.pem in Path(file).read_text(encoding="ascii")
    assert (found[1].commands, "get the root with the fingerprint" in found[1].fix) == ((), True)
    assert first.sha256 not in listed(pse)


# what is ahead, for every host that a table names


@pytest.mark.parametrize(("host", "told"), [(LOOPBACK, True), ("localhost", False)])
def test_a_table_of_ones_own_hosts_is_heard(pse: Path, tmp_path: Path, host: str, *, told: bool) -> None:
    *_, root = path(server())
    table = tmp_path / "own.yaml"
    table.write_text(
        f"""
dated: 2026-11-01
roots:
  - {{name: Root, sha256: {root.sha256}}}
  - {{name: Next, sha256: {"cd" * 32}}}
changes:
  - {{hosts: ["{host}"], root: Root, successors: [Next], date: {NOW.date() + timedelta(days=6)}, source: our own}}
""",
        encoding="utf-8",
    )
    write_pse(pse, issuers(server()))
    with serve_tls(server()) as running:
        described = system("ERP", running.port, pse, roots=roots_file(tmp_path, server().issuers[-1]))
        (evidence,) = gather(described, folder=tmp_path, sap_roots=table)
    check = "test_pk_list_holds_the_required_roots"
    assert _red(evidence) == ({check: "ROOT_CHANGE_AHEAD"} if told else {})


# the clock of the root


def test_the_clock_of_the_servers_root_is_told_in_the_facts(run: Run) -> None:
    evidence = run(SERVER, (*SERVER.chain, SERVER.issuers[-1]), SapRoots(shipped=_shipped(ROOT.sha256)))
    clock = system_facts(evidence).root_clock
    assert clock is not None
    assert (clock.name, clock.sha256, clock.since_release) == (NAME, ROOT.sha256, "3.0.0")
    assert clock.words == (
        f"{NAME}: required by SAP since {RELEASE.day} (3.0.0); not in Mozilla's list; ends {ROOT.not_after.date()}"
    )
    unverified = run(_identity("Example Corporate Root CA"), known=SapRoots())
    assert system_facts(unverified).root_clock is None


def test_where_only_the_servers_certificate_is_trusted_the_clock_is_that_of_the_verified_root(
    run: Run, pse: Path, tmp_path: Path
) -> None:
    write_pse(pse, [LEAF])
    evidence = run(SERVER, keys={"roots": roots_file(tmp_path, SERVER.issuers[-1])})
    assert evidence.root_clock is not None
    assert evidence.root_clock.sha256 == ROOT.sha256


# where bytes come from


def test_the_bytes_of_a_given_list_are_at_hand(tmp_path: Path) -> None:
    given = tmp_path / "required.pse"
    added = new_root()
    given.write_bytes(pse_bytes((*public_roots(), added), MADE))
    assert added in saps_roots_here(given).certificates
    assert saps_roots_here(given).used == sap_roots(given).used
    (tmp_path / "own.pem").write_text(write_pem([added]), encoding="utf-8")
    assert added not in saps_roots_here(None).certificates
