"""Whatever SAP's tool answers: the job is done under every switch of the fake that leaves it possible, and told under
the others. All switches one by one, and each pair of values of the harmless ones.
"""

import random
from collections.abc import Mapping
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pse_preflight.certificate import Certificate
from pse_preflight.client_pse.findings import attempt_findings, disagreement, file_findings
from pse_preflight.client_pse.maker import Maker
from pse_preflight.client_pse.model import ClientPse, Contribution
from pse_preflight.conformance.fake import HARMFUL, SWITCHES
from pse_preflight.demo.authority import root_authority
from pse_preflight.findings import Finding
from pse_preflight.pse import file as pse_file
from pse_preflight.sapgenpse import bundled, tool
from pse_preflight.sapgenpse.tool import InstalledTool, PinRefused, ToolError
from tests.kit.fake_program import fake_runs_quickly as fake_runs_quickly  # noqa: PLC0414 - a fixture
from tests.kit.fake_program import install
from tests.kit.systems import NOW, system
from tests.kit.tiers import first

EXPECTED = {
    "hang=always": "TOOL_TIMEOUT",
    "hang=after_work": "TOOL_TIMEOUT",
    "crash=making": "TOOL_FAILED",
    "crash=adding": "TOOL_FAILED",
    "crash=listing": "TOOL_FAILED",
    "failure=library": "TOOL_FAILED",
    "failure=making": "TOOL_FAILED",
    "failure=half_made": "TOOL_FAILED",
    "failure=exit_code": "TOOL_FAILED",
    "failure=adding": "TOOL_FAILED",
    "failure=listing": "TOOL_FAILED",
    "failure=unknown_list": "TOOL_FAILED",
    "refusal=owner": "TOOL_FAILED",
    "refusal=empty_pin": "TOOL_FAILED",
    "refusal=certificate": "TOOL_FAILED",
    "lie=makes_nothing": "TOOL_FAILED",
    "lie=makes_no_pse": "TOOL_FAILED",
    "lie=sets_a_pin": "PSE_HAS_PIN",
    "lie=adds_nothing": "TOOL_FAILED",
    "lie=adds_more": "TOOL_FAILED",
    "lie=adds_more_unseen": "TOOL_FAILED",
    "lie=lists_nothing": "TOOL_FAILED",
    "lie=leaves_out": "TOOL_FAILED",
    "lie=lists_another": "TOOL_FAILED",
    "lie=lists_more": "TOOL_FAILED",
}
"""The code of every way in which the job is impossible; the documentation repeats this table."""

HARMLESS = {switch: values for switch, values in SWITCHES.items() if switch not in HARMFUL}
_TRIES = 20
Pair = frozenset[tuple[str, str]]
SINGLES = [(switch, value) for switch, values in HARMLESS.items() for value in values[1:]]


def covering(values: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Return combinations in which every pair of values of two switches stands together at least once.

    Each is the best of a few, which begin with a pair that is still missing and then take, switch by switch in an order
    of chance (the same in every run), the value that adds most.
    """
    chance = random.Random(1)  # noqa: S311 - no secret
    missing = {
        frozenset({(one, a), (two, b)})
        for one, two in combinations(values, 2)
        for a in values[one]
        for b in values[two]
    }
    rows = []
    while missing:
        beginnings = chance.sample(sorted(map(sorted, missing)), min(len(missing), _TRIES))
        row = max(
            (_row(dict(each), values, missing, chance) for each in beginnings), key=lambda row: _new(row, missing)
        )
        missing -= _pairs(row)
        rows.append({switch: row[switch] for switch in values})
    return rows


def _row(
    row: dict[str, str], values: Mapping[str, tuple[str, ...]], missing: set[Pair], chance: random.Random
) -> dict[str, str]:
    for switch in chance.sample(list(values), len(values)):
        if switch not in row:
            pairs = {
                value: sum(frozenset({each, (switch, value)}) in missing for each in row.items())
                for value in values[switch]
            }
            row[switch] = max(chance.sample(values[switch], len(values[switch])), key=pairs.__getitem__)
    return row


def _pairs(row: Mapping[str, str]) -> set[Pair]:
    return set(map(frozenset, combinations(row.items(), 2)))


def _new(row: Mapping[str, str], missing: set[Pair]) -> int:
    return len(_pairs(row) & missing)


PAIRS = covering(HARMLESS)
SECUDIR = "failed, no certificates of CN=a"
"""A folder that is named like an error, an empty list and a certificate; the tool prints it with every answer."""


def _named(first: str, organisation: str) -> x509.Name:
    parts = [(NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, first)]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _certificates() -> tuple[Certificate, ...]:
    """Make a root and what it signed; one name holds what latin-1 can say, and a character that ends no line here."""
    root = root_authority("Root of Example", NOW - timedelta(days=9), 9000)
    subject = _named("Ausstellende Stelle Köln\x85 GmbH", "Müller, Söhne")
    constraints = (x509.BasicConstraints(ca=True, path_length=None), True)
    plain = root.issue(_named("Issuing CA", "Example Company"), NOW - timedelta(days=8), 3000, [constraints])
    issuing = plain.issue(subject, NOW - timedelta(days=8), 3000, [constraints])
    long = issuing.issue(_named("Beyond 2050", "Example"), NOW - timedelta(days=8), 10_000, [constraints])
    return tuple(Certificate.of(each.certificate) for each in (root, plain, issuing, long))


GIVEN = _certificates()


@pytest.fixture(autouse=True)
def bundled_raises(monkeypatch: pytest.MonkeyPatch, fake_runs_quickly: None) -> None:
    """Let no PSE be made or listed by the bundled implementation."""
    _ = fake_runs_quickly

    def raise_always(*_: object, **__: object) -> int:
        raise AssertionError("the bundled implementation was asked")

    monkeypatch.setattr(bundled, "run", raise_always)


def maker(folder: Path, switches: Mapping[str, str], seconds: float = 20) -> Maker:
    return Maker(InstalledTool(install(folder / "exe", **switches), seconds), "sapgenpse")


def make(maker: Maker, folder: Path) -> tuple[ClientPse, dict[str, Finding]]:
    """Make a PSE as a run makes it; return it with what is then said of it, by code."""
    described = system("SYS", 1, folder / SECUDIR / "SYS.pse")
    made, attempt = maker.make([Contribution(described, GIVEN)])
    told = (*attempt_findings(made, attempt, described), *file_findings(made), disagreement(made))
    return made, {each.code: each for each in told if each}


def prove(maker: Maker, folder: Path) -> None:
    """Make, list, read, add twice and look at a PSE, and an empty one."""
    made, told = make(maker, folder)
    assert set(told) == {"PSE_CREATED"}, [each.observed for each in told.values()]
    held = pse_file.read(made.condition.path.read_bytes())
    assert {each.sha256 for each in held.trusted} == {each.sha256 for each in GIVEN}
    assert made.listing is not None
    assert len(made.listing.entries) == len(GIVEN)
    assert all(made.listing.find(each) for each in GIVEN)
    assert any("Köln" in each.subject for each in made.listing.entries)
    assert isinstance(maker.tool, InstalledTool)
    _prove_owner(maker.tool, made.condition.path, held)
    empty = folder / SECUDIR / "empty.pse"
    assert tool.create_pse(maker.tool, empty, "CN=x", []).entries == ()
    for given in (GIVEN[:1], GIVEN[:1]):
        assert tool.add_certificates(maker.tool, empty, given).find(GIVEN[0])
    tool.version(maker.tool, folder)


def _prove_owner(program: InstalledTool, pse: Path, held: pse_file.PseFile) -> None:
    assert held.owner is not None
    owner = tool.owner(program, pse)
    assert (owner.not_before, owner.not_after) == (held.owner.not_before, held.owner.not_after)
    assert owner.subject
    assert "client" in owner.subject
    assert '"' not in owner.subject
    assert not tool.has_pin(program, pse)
    pse.write_bytes(held.encode("1234"))
    assert tool.has_pin(program, pse)
    with pytest.raises(PinRefused):
        tool.list_certificates(program, pse)
    pse.write_bytes(b"no PSE")
    with pytest.raises(ToolError) as caught:
        tool.list_certificates(program, pse)
    assert caught.value.code == "TOOL_FAILED"


def test_the_job_is_done_as_usual(tmp_path: Path) -> None:
    prove(maker(tmp_path, {}), tmp_path)


ROWS = [
    {switch: values[number % len(values)] for switch, values in HARMLESS.items()}
    for number in range(max(map(len, HARMLESS.values())))
]
"""Few combinations in which every value stands; the long proofs take each alone, and each pair."""


def test_every_value_stands_in_some_row() -> None:
    assert {switch: {row[switch] for row in ROWS} for switch in HARMLESS} == {
        switch: set(values) for switch, values in HARMLESS.items()
    }


@pytest.mark.parametrize("row", first(1, ROWS), ids=[f"row-{number}" for number in range(len(ROWS))])
def test_the_job_is_done_under_every_value(tmp_path: Path, row: dict[str, str]) -> None:
    prove(maker(tmp_path, row), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("switch", "value"), SINGLES)
def test_the_job_is_done_under_each_switch(tmp_path: Path, switch: str, value: str) -> None:
    prove(maker(tmp_path, {switch: value}), tmp_path)


@pytest.mark.parametrize("harm", first(8, EXPECTED))
def test_what_makes_the_job_impossible_is_told_by_its_code(tmp_path: Path, harm: str) -> None:
    switch, _, value = harm.partition("=")
    _, told = make(maker(tmp_path, {switch: value}, 0.4 if switch == "hang" else 20), tmp_path)
    assert set(told) - {"PSE_CREATED"} == {EXPECTED[harm]}, [each.observed for each in told.values()]
    remains = {path.name for path in (tmp_path / SECUDIR).iterdir() if "lock" not in path.name}
    assert remains == set()


@pytest.mark.long
@pytest.mark.parametrize("harm", [each for each in EXPECTED if not each.startswith("hang")])
def test_it_is_told_whatever_else_is_unusual(tmp_path: Path, harm: str) -> None:
    switch, _, value = harm.partition("=")
    row = PAIRS[list(EXPECTED).index(harm) % len(PAIRS)]
    _, told = make(maker(tmp_path, {**row, "exit_codes": "own", switch: value}), tmp_path)
    assert set(told) - {"PSE_CREATED"} == {EXPECTED[harm]}


def test_every_harm_has_its_code() -> None:
    assert set(EXPECTED) == {f"{switch}={value}" for switch in HARMFUL for value in SWITCHES[switch][1:]}


@pytest.mark.long
@pytest.mark.parametrize("row", PAIRS, ids=[f"row-{number}" for number in range(len(PAIRS))])
def test_the_job_is_done_under_each_pair_of_switches(tmp_path: Path, row: dict[str, str]) -> None:
    prove(maker(tmp_path, row), tmp_path)


def test_every_pair_stands_in_some_row() -> None:
    values = list(HARMLESS.items())
    for (one, of_one), (two, of_two) in combinations(values, 2):
        assert {(row[one], row[two]) for row in PAIRS} == {(a, b) for a in of_one for b in of_two}


@pytest.mark.parametrize("lie", ["lists_nothing", "leaves_out", "lists_another", "lists_more"])
def test_a_lie_about_a_pse_that_stands_is_told_by_the_file(tmp_path: Path, lie: str) -> None:
    make(maker(tmp_path, {}), tmp_path)
    looked = maker(tmp_path, {"lie": lie}).look(tmp_path / SECUDIR / "SYS.pse")
    assert file_findings(looked) == ()
    found = disagreement(looked)
    assert found is not None
    assert found.code == "PK_LIST_DISAGREES"


def test_dates_are_asked_for_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    ours = maker(tmp_path, {}).tool
    made, _ = make(maker(tmp_path, {}), tmp_path)
    assert isinstance(ours, InstalledTool)
    said = ours.run(("get_my_name", "-p", str(made.condition.path), "-x", "", "-n", "validity"), tmp_path).text
    assert "00:00:01 2038 (380101000001Z)" in said


def test_the_folder_of_the_pse_is_the_secudir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECUDIR", "/somewhere/else")
    ours = maker(tmp_path, {}).tool
    assert isinstance(ours, InstalledTool)
    assert f'"{tmp_path}"' in ours.run(("cryptinfo",), tmp_path).text


def test_the_bundled_implementation_would_be_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="was asked"):
        tool.create_pse(tool.BundledTool(), tmp_path / "a.pse", "CN=a", [])
