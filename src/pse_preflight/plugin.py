"""pytest hooks and options; everything heavy is imported when a check needs it."""

import socket
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pse_preflight import __version__
from pse_preflight.errors import UsageProblem

if TYPE_CHECKING:
    from pse_preflight.gather import Gathering
    from pse_preflight.inventory import System
    from pse_preflight.policy import Outcome
    from pse_preflight.report.summary import Record
    from pse_preflight.settings import Engine, Settings

MARKERS = {
    "url": "the URL, the network and the clock",
    "chain": "the certificate chain that the server sends",
    "pse": "the client PSE as a file",
    "pk_list": "the certificate list of the client PSE",
    "trust": "whether the client PSE trusts the server",
    "websocket_rfc": "whether the server answers to WebSocket RFC",
    "network": "asks the system itself; without such a check nothing is asked and nothing is created",
    "creates": "may make a missing PSE",
}
ENGINES = ("auto", "sapgenpse", "bundled")
SEVERITIES = ("blocker", "major", "minor")
REPORT_ATTRIBUTE = "pse_preflight"

_NOTHING_SELECTED = "no --system given; say --system=<alias of systems.yaml>, --system=demo, or --system=https://<host>"


@dataclass(slots=True)
class Run:
    """One pytest run, as far as it is ours.

    Attributes:
        settings: the options.
        systems: the systems that --system selects, by alias.
        items: the selected checks.
        records: how the checks ended, for the summary.
        misuse: what a worker of pytest-xdist found wrong with the command line.
    """

    settings: "Settings"
    systems: dict[str, "System"]
    items: list[pytest.Item] = field(default_factory=list)
    records: list["Record"] = field(default_factory=list)
    misuse: str = ""
    on_demand: bool = False
    _gathering: "Gathering | None" = None
    _selected: dict[str, set[str]] = field(default_factory=dict)

    def selected(self, alias: str) -> frozenset[str]:
        """Return the names of the checks that run for a system."""
        if not self._selected:
            for item in self.items:
                self._selected.setdefault(item_alias(item), set()).add(check_name(item))
        return frozenset(self._selected[alias])

    @property
    def gathering(self) -> "Gathering":
        """Return what gathers the evidence; the systems of the selected checks are known to it, and no others."""
        if self._gathering is None:
            from pse_preflight.certificate import now
            from pse_preflight.gather import Gathering

            marked = {name: self._marked(name) for name in ("network", "creates")}
            systems = [self.systems[alias] for alias in sorted({item_alias(item) for item in self.items})]
            self._gathering = Gathering(
                systems, self.settings, clock=now, asked=marked["network"], creating=marked["creates"]
            )
        return self._gathering

    def _marked(self, marker: str) -> frozenset[str]:
        return frozenset(item_alias(item) for item in self.items if item.get_closest_marker(marker))


RUN = pytest.StashKey[Run]()
OURS = pytest.StashKey[bool]()
OUTCOME: pytest.StashKey["Outcome"] = pytest.StashKey()


def item_alias(item: pytest.Item) -> str:
    """Return the system that a check is about."""
    return str(item.callspec.params["system"])  # type: ignore[attr-defined]


def check_name(item: pytest.Item) -> str:
    """Return the name of a check without its system."""
    return str(item.originalname)  # type: ignore[attr-defined]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each with its ini name."""
    group = parser.getgroup("pse-preflight", "trust in SAP S/4HANA Cloud systems")
    group.addoption(
        "--system",
        action="append",
        metavar="NAME",
        help="system to check, repeatable: an alias of"
        " systems.yaml, demo, demo:<scenario>, all, tag:<tag>, or an https:// URL",
    )
    group.addoption("--systems-file", metavar="PATH", help="the systems.yaml to use")
    group.addoption("--read-only", action="store_true", default=None, help="never create or change a PSE")
    group.addoption("--engine", choices=ENGINES, help="which program makes and lists PSEs (auto: SAP's if found)")
    group.addoption("--sapgenpse", metavar="PATH", help="SAP's program, where it is in none of the usual places")
    group.addoption("--fail-on", choices=SEVERITIES, help="mildest severity that turns a check red (major)")
    group.addoption("--at", metavar="YYYY-MM-DD", help="judge validity for the whole of that UTC day; read-only")
    group.addoption("--evidence", metavar="DIR", help="folder for evidence (.pse-preflight)")
    parser.addini("preflight_system", "like --system", type="args", default=[])
    parser.addini("preflight_read_only", "like --read-only", type="bool", default=False)
    for name in ("systems_file", "engine", "sapgenpse", "fail_on", "at", "evidence"):
        parser.addini(f"preflight_{name}", f"like --{name.replace('_', '-')}", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and validate the options."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    try:
        config.stash[RUN] = _run(config)
    except UsageProblem as error:
        raise pytest.UsageError(str(error)) from None


def _run(config: pytest.Config) -> Run:
    names = config.getoption("system") or config.getini("preflight_system")
    settings = _settings(config)
    on_demand = hasattr(config, "workerinput")
    return Run(settings, _systems(config, names, settings) if names else {}, on_demand=on_demand)


def _systems(config: pytest.Config, names: Sequence[str], settings: "Settings") -> dict[str, "System"]:
    from pse_preflight import inventory

    around = inventory.surroundings(Path.cwd(), config.rootpath, settings.evidence)
    landscape = inventory.read_landscape(
        inventory.find_file(_option(config, "systems_file"), around), around.environment
    )
    systems = inventory.select(names, landscape, around)
    if not systems:
        raise UsageProblem(f"--system={','.join(names)}: names no system")
    return {system.alias: system for system in systems}


def _settings(config: pytest.Config) -> "Settings":
    from pse_preflight.findings import Severity
    from pse_preflight.settings import Settings

    sapgenpse, at = _option(config, "sapgenpse"), _option(config, "at")
    engine = cast("Engine", _one_of("engine", _option(config, "engine") or "auto", ENGINES))
    fail_on = _one_of("fail-on", _option(config, "fail_on") or "major", SEVERITIES)
    if sapgenpse and engine == "bundled":
        raise UsageProblem("--sapgenpse and --engine=bundled contradict each other; say one of them")
    return Settings(
        read_only=bool(config.getoption("read_only") or config.getini("preflight_read_only")),
        engine=engine,
        sapgenpse=Path.cwd() / sapgenpse if sapgenpse else None,
        fail_on=Severity[fail_on.upper()],
        at=_day(at) if at else None,
        evidence=Path.cwd() / (_option(config, "evidence") or ".pse-preflight"),
    )


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name) or config.getini(f"preflight_{name}") or "")


def _one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageProblem(f"{name}: {value!r} is none of {', '.join(allowed)}")
    return value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"--at={text}: no such day; write it like 2027-03-31") from None


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Give each check one case per selected system; the hook pytest_generate_tests of the checks' folder."""
    aliases = sorted(metafunc.config.stash[RUN].systems)
    metafunc.parametrize("system", aliases, ids=aliases, indirect=True, scope="session")


def claim(item: pytest.Item) -> None:
    """Remember that a check is ours; the hook pytest_itemcollected of the checks' folder."""
    item.stash[OURS] = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember the checks that were selected; without a system there is nothing to check."""
    run = config.stash[RUN]
    ours = [item for item in items if OURS in item.stash]
    if ours and not run.systems:
        if not run.on_demand:
            raise pytest.UsageError(_NOTHING_SELECTED)
        run.misuse = _NOTHING_SELECTED
        items[:] = []
        ours = []
    run.items = ours


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep to what is left after every other plugin's selection."""
    run = session.config.stash[RUN]
    left = set(session.items)
    run.items = [item for item in run.items if item in left]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Attach to the report what the summary needs; it survives the way from a worker of pytest-xdist."""
    report = yield
    outcome = item.stash.get(OUTCOME, None)
    if outcome is not None and (report.when == "call" or report.outcome != "passed") and report.when != "teardown":
        from pse_preflight.report.summary import record

        evidence = item.config.stash[RUN].gathering.evidence(item_alias(item))
        setattr(report, REPORT_ATTRIBUTE, record(check_name(item), report.outcome, outcome, evidence))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist found wrong with the command line."""
    misuse = getattr(node, "workeroutput", {}).get(REPORT_ATTRIBUTE)
    if misuse:
        node.config.stash[RUN].misuse = misuse


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End with exit code 4 for a misuse that only the workers could see."""
    run = session.config.stash[RUN]
    if not run.misuse:
        return
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[REPORT_ATTRIBUTE] = run.misuse
    else:
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is in use and what is asked."""
    run = config.stash[RUN]
    if not run.systems:
        return []
    from pse_preflight.report.summary import header

    lines = [f"pse-preflight: {__version__} ({Path(__file__).parent}) on {socket.gethostname()}"]
    return [*lines, *header(run.systems.values(), run.settings)]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Close with one verdict per system."""
    run = config.stash[RUN]
    if run.misuse:
        terminalreporter.write_line(f"ERROR: {run.misuse}", red=True)
    reports = [each for kind in terminalreporter.stats.values() for each in kind]
    records = [getattr(each, REPORT_ATTRIBUTE) for each in reports if hasattr(each, REPORT_ATTRIBUTE)]
    if not records or config.get_verbosity() < 0:
        return
    from pse_preflight.report.summary import lines

    terminalreporter.section("pse-preflight")
    for line in lines(records):
        terminalreporter.write_line(line)
