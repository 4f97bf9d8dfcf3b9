"""Under pytest-xdist each system belongs to one worker, with all that share its PSE."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from pse_preflight.checklist import CHECKS
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.run.workers import alias_in, shares
from tests.kit.runs import run_checks, run_result
from tests.kit.servers import Server, serve_tls
from tests.kit.systems import roots_file, server

XDIST = ("-p", "xdist.plugin")
PARTNERS = {"A": "one.pse", "B": "one.pse", "C": "two.pse", "D": "three.pse"}


def _systems(pses: dict[str, str]) -> dict[str, System]:
    return {
        alias: System(alias=alias, url=ApiUrl("h", 1), pse=Path("/s", pse), secudir=Path("/s"))
        for alias, pse in pses.items()
    }


def _ids(*aliases: str) -> list[str]:
    return [f"checks/test_chain.py::{check}[{alias}]" for check in ("test_chain_is_valid",) * 2 for alias in aliases]


def test_systems_of_one_pse_are_one_share_and_the_shares_are_even() -> None:
    found = shares(_ids(*PARTNERS), _systems(PARTNERS), 2)
    assert found["A"] == found["B"]
    assert found["C"] == found["D"] != found["A"]


def test_systems_are_spread_over_all_workers() -> None:
    many = {f"S{number:02}": f"{number}.pse" for number in range(60)}
    assert set(Counter(shares(_ids(*many), _systems(many), 7).values()).values()) == {8, 9}


def test_only_systems_of_selected_checks_are_divided() -> None:
    many = {f"S{number:02}": f"{number}.pse" for number in range(60)}
    assert shares(_ids("S03", "S59"), _systems(many), 2) == {"S03": 0, "S59": 1}


def test_the_order_of_checks_and_systems_changes_nothing() -> None:
    told = shares(_ids(*PARTNERS), _systems(PARTNERS), 3)
    backwards = dict(reversed(PARTNERS.items()))
    assert shares(reversed(_ids(*backwards)), _systems(backwards), 3) == told


@pytest.mark.parametrize(
    ("node_id", "alias"),
    [
        ("checks/test_chain.py::test_chain_is_valid[A]", "A"),
        (".venv/lib/pse_preflight/checks/test_chain.py::test_chain_is_valid[A]@group", "A"),
        ("checks/test_chain.py::test_chain_is_valid[E]", None),
        ("test_mine.py::test_of_mine[A]", None),
        ("test_mine.py::test_chain_is_valid", None),
    ],
)
def test_a_check_tells_its_system(node_id: str, alias: str | None) -> None:
    assert alias_in(node_id, _systems(PARTNERS)) == alias


@dataclass(frozen=True)
class Street:
    """Four systems side by side, two of them with one PSE."""

    folder: Path
    servers: dict[str, Server]

    @property
    def connections(self) -> dict[str, int]:
        return {alias: each.connections for alias, each in self.servers.items()}


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with ExitStack() as stack:
        servers = {alias: stack.enter_context(serve_tls(server())) for alias in PARTNERS}
        roots = roots_file(tmp_path, server().issuers[-1])
        lines = [
            f"  {alias}: {{url: 'https://127.0.0.1:{servers[alias].port}', roots: {roots}, pse: {pse}}}"
            for alias, pse in PARTNERS.items()
        ]
        text = "\n".join([f"defaults: {{secudir: {tmp_path}/sec}}", "systems:", *lines, ""])
        (tmp_path / "systems.yaml").write_text(text, encoding="utf-8")
        yield Street(tmp_path, servers)


NOT_CONFIGURED = 10
"""So many checks have nothing to judge, for no client is described and no root is required; they are not counted."""
STRANGER = "import pytest\n\n@pytest.mark.parametrize('n', range(9))\ndef test_mine(n):\n    pass\n"


@pytest.mark.long
@pytest.mark.parametrize(
    "dist",
    [
        pytest.param((), id="as usual"),
        *(
            pytest.param((f"--dist={each}",), id=each, marks=pytest.mark.long)
            for each in ("loadgroup", "loadfile", "worksteal")
        ),
    ],
)
def test_each_system_is_asked_as_by_a_single_process(street: Street, dist: tuple[str, ...]) -> None:
    (street.folder / "test_mine.py").write_text(STRANGER)
    ended = run_checks(street.folder, "test_mine.py", "--system=all", "--engine=bundled", *XDIST, "-n4", *dist)
    assert ended.returncode == 0, ended.stdout
    told = run_result(ended).parseoutcomes()
    assert told["passed"] + told["skipped"] == (len(CHECKS) - NOT_CONFIGURED) * len(PARTNERS) + 9
    assert street.connections == dict.fromkeys(PARTNERS, 2)


@pytest.mark.long
def test_workers_that_are_told_to_run_everything_are_counted(street: Street) -> None:
    run_checks(street.folder, "--system=C", "--engine=bundled", *XDIST, "-n2", "--dist=each")
    assert street.connections["C"] > 2


COUNTING = """
import os
from pse_preflight.demo import server

accept = server._accept

def counted(listener, context):
    accepted = accept(listener, context)
    with open("connections", "a", encoding="ascii") as file:
        file.write(f"{listener.server_address[1]}\\n")
    return accepted

server._accept = counted
"""


@pytest.mark.long
@pytest.mark.parametrize("number", range(12))
def test_two_demo_systems_are_green_whatever_four_workers_do(tmp_path: Path, number: int) -> None:
    (tmp_path / "counting.py").write_text(COUNTING)
    ended = run_checks(tmp_path, "-p", "counting", "--system=demo,demo:root-sent", "--engine=bundled", *XDIST, "-n4")
    assert ended.returncode == 0, (number, ended.stdout)
    counted = Counter((tmp_path / "connections").read_text().split())
    assert sorted(counted.values()) == [2, 2]
    made = {file.name for file in (tmp_path / ".pse-preflight" / "demo").iterdir()}
    assert {"evidence.json", "presented.pem", "path.pem", "client.pse"} <= made
