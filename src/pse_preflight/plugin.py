"""pytest hooks and options; everything heavy is imported when a check needs it."""

import gc
import os
import re
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

from pse_preflight.errors import UsageProblem
from pse_preflight.options import EVIDENCE, MARKERS, OPTIONS, PRESENTED_EVIDENCE, REPLAY_EVIDENCE, Engine, SeverityWord
from pse_preflight.run.waiting import Waiting

if TYPE_CHECKING:
    from pse_preflight.landscape.describe import Surroundings
    from pse_preflight.landscape.system import System
    from pse_preflight.recording.folder import Replay
    from pse_preflight.report.hooks import Reporting
    from pse_preflight.run.all_systems import Gathering
    from pse_preflight.run.many_systems import ManySystems
    from pse_preflight.settings import PresentedChain, Settings
    from pse_preflight.verdict.evidence import Evidence
    from pse_preflight.verdict.policy import Outcome

REPORT_ATTRIBUTE = "pse_preflight"
MOST_RETRY_SECONDS = 3600

_ALLOCATIONS = 20_000
"""So many new objects are the reason to look for unreachable ones; Python's own 700 suit small programs."""

_NOTHING_SELECTED = "no --system given; say --system=<alias of systems.yaml>, --system=demo, or --system=https://<host>"
_NOTHING_COLLECTED = (
    "--system is given, and no check of pse-preflight is among these tests; name them: pytest checks/, or"
    " pytest --pyargs pse_preflight.checks"
)


@dataclass(slots=True)
class CheckRun:
    """One pytest run, as far as it is ours.

    Attributes:
        settings: the options.
        systems: the systems that --system selects, by alias.
        replays: the recordings to judge in place of the systems, by alias.
        items: the selected checks.
        progress: told now and then which systems of how many are still awaited.
        misuse: what a worker of pytest-xdist found wrong with the command line.
        is_worker: this process is a worker of pytest-xdist.
        told: the systems whose facts have been attached to a report.
        shares: in a worker, the number of each system's share; one worker asks all systems of a share.
        waiting: how long systems were waited for, and on which check that is booked.
        is_ours: a check of ours was collected, selected or not.
        is_alone: checks of ours were selected, and no other test.
        many: what a run of many systems does otherwise; None where they are few.
    """

    settings: "Settings"
    systems: dict[str, "System"]
    replays: dict[str, "Replay"] = field(default_factory=dict)
    items: list[pytest.Item] = field(default_factory=list)
    progress: Callable[[Sequence[str], int], None] = lambda _awaited, _every: None
    misuse: str = ""
    is_worker: bool = False
    told: set[str] = field(default_factory=set)
    shares: dict[str, int] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    _gatherings: "dict[int, Gathering]" = field(default_factory=dict)
    is_ours: bool = False
    is_alone: bool = False
    many: "ManySystems | None" = None
    _selected: dict[str, set[str]] = field(default_factory=dict)

    def selected(self, alias: str) -> frozenset[str]:
        """Return the names of the checks that run for a system."""
        if not self._selected:
            for item in self.items:
                self._selected.setdefault(item_alias(item), set()).add(check_name(item))
        return frozenset(self._selected[alias])

    def evidence(self, alias: str) -> "Evidence":
        """Return what is known of a system; the first call asks all systems, in a worker its share of them."""
        share = self.shares.get(alias, 0)
        if share not in self._gatherings:
            aliases = sorted({item_alias(item) for item in self.items})
            self._gatherings[share] = self._gathering([each for each in aliases if self.shares.get(each, 0) == share])
        with self.waiting.going_on():
            return self._gatherings[share].evidence(alias)

    def book(self, report: pytest.TestReport, alias: str, check: str) -> None:
        """Book the time for which a system was waited for on the check that owns it, and on no other."""
        report.duration -= self.waiting.taken()
        if self.waiting.is_booked(alias):
            return
        gathering = self._gatherings.get(self.shares.get(alias, 0))
        if gathering and (owner := gathering.waited_for(alias)):
            name, seconds = owner
            owning = name if name in self.selected(alias) else check
            report.duration += self.waiting.owed(alias, seconds) if owning == check else 0.0

    def _gathering(self, aliases: Sequence[str]) -> "Gathering":
        """Return what gathers the evidence of these systems, and of no others."""
        from pse_preflight.certificate import now
        from pse_preflight.run.all_systems import Gathering

        made = Gathering(
            [self.systems[alias] for alias in aliases],
            self.settings,
            clock=now,
            asked=self._marked("network"),
            creating=self._marked("creates"),
            replays=self.replays,
        )
        made.process = self.many.process if self.many else None
        made.progress = self.progress
        return made

    def _marked(self, marker: str) -> frozenset[str]:
        return frozenset(item_alias(item) for item in self.items if item.get_closest_marker(marker))


RUN = pytest.StashKey[CheckRun]()
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
    for each in OPTIONS:
        if not each.value:
            group.addoption(each.name, action="store_true", default=None, help=each.help)
            parser.addini(each.inis[0], f"like {each.name}", type="bool", default=False)
        elif each.repeatable:
            group.addoption(each.name, action="append", metavar=each.value, help=each.help)
            parser.addini(each.inis[0], f"like {each.name}", type="args", default=[])
        else:
            group.addoption(*each.names, metavar=each.value, choices=each.choices or None, help=each.help)
            for name in each.inis:
                parser.addini(name, f"like {each.name}", default="")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and validate the options; before pytest looks where its JUnit report goes."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    try:
        _name_report_of_pack(config)
        _refuse_one_file_for_two(config)
        _collect_less_garbage(config)
        _remove_older_reports(config)
        config.stash[RUN] = run = _run(config)
        if run.systems and not run.is_worker:
            _begin_to_report(config, run)
            _begin_many_systems(config, run)
    except UsageProblem as error:
        raise pytest.UsageError(str(error)) from None


def _collect_less_garbage(config: pytest.Config) -> None:
    """Let Python look for unreachable objects more seldom while this runs: a fifth of a run of one system otherwise."""
    if _names(config):
        thresholds = gc.get_threshold()
        gc.set_threshold(_ALLOCATIONS, *thresholds[1:])
        config.add_cleanup(partial(gc.set_threshold, *thresholds))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let what is still there end with the process, where it is all ours, without being gone through first."""
    run = config.stash.get(RUN, None)
    if run and run.is_alone:
        gc.freeze()


def _begin_to_report(config: pytest.Config, run: CheckRun) -> None:
    from pse_preflight.report.destinations import refuse_file
    from pse_preflight.report.hooks import Reporting, carried_by
    from pse_preflight.report.junit_cases import JUnitCases
    from pse_preflight.report.progress import OfWorkers, Progress
    from pse_preflight.report.result import is_report, refuse_stranger

    page, junit = _option(config, "trust_report"), _junit(config)
    if page:
        refuse_file("--trust-report", page)
        refuse_stranger("--trust-report", Path.cwd() / page, is_report)
    if junit:
        refuse_file("--junitxml", str(junit))
    reporting = Reporting(run.settings, run.systems, Path.cwd() / page if page else None)
    config.pluginmanager.register(reporting, "pse_preflight.report")
    _begin_to_pack(config, reporting)
    config.pluginmanager.register(JUnitCases(config, carried_by, reporting.result), "pse_preflight.junit_cases")
    run.progress = progress = Progress(config)
    config.pluginmanager.register(progress, "pse_preflight.progress")
    config.pluginmanager.register(
        OfWorkers(progress, run.systems, reporting.heard), "pse_preflight.progress_of_workers"
    )


def _begin_many_systems(config: pytest.Config, run: CheckRun) -> None:
    from pse_preflight.run.many_systems import ManySystems, are_many

    if run.replays or config.getoption("numprocesses", None) or not are_many(run.systems.values()):
        return
    run.many = ManySystems()
    config.pluginmanager.register(run.many, "pse_preflight.many_systems")


def _begin_to_pack(config: pytest.Config, reporting: "Reporting") -> None:
    named = _option(config, "pack")
    if not named:
        return
    from pse_preflight.recording.pack import JUNIT
    from pse_preflight.report.destinations import refuse_file
    from pse_preflight.report.packing import Packing
    from pse_preflight.report.result import is_packed_run, is_report, refuse_stranger

    junit, usual = _junit(config), reporting.settings.evidence / JUNIT
    refuse_file("--pack", named)
    refuse_stranger("--pack", Path.cwd() / named, is_packed_run)
    if junit == usual:  # nobody has named it
        refuse_stranger("--junitxml", usual, is_report)
    packing = Packing(Path.cwd() / named, junit or usual, reporting)
    config.pluginmanager.register(packing, "pse_preflight.packing")


def _name_report_of_pack(config: pytest.Config) -> None:
    """Let pytest write the JUnit report that a pack holds, where nobody has asked for one."""
    if (
        (_names(config) or _option(config, "replay"))
        and _option(config, "pack")
        and not config.getoption("xmlpath", None)
    ):
        from pse_preflight.recording.pack import JUNIT

        config.option.xmlpath = str(_evidence(config) / JUNIT)


def _junit(config: pytest.Config) -> Path | None:
    """Return where pytest will write its JUnit report; it puts in variables and the home folder itself."""
    named = config.getoption("xmlpath", None)
    return Path.cwd() / os.path.expanduser(os.path.expandvars(named)) if named else None  # noqa: PTH111 - as pytest does


def _refuse_one_file_for_two(config: pytest.Config) -> None:
    """Refuse a pack that would take the place of what is read, or of another report."""
    named = _option(config, "pack")
    others = {"--replay": "replay", "--trust-report": "trust_report", "--presented": "presented"}
    places = {option: str(config.getoption(name, None) or "") for option, name in others.items()}
    for option, other in {**places, "--junitxml": str(_junit(config) or "")}.items():
        if named and other and (Path.cwd() / other).resolve() == (Path.cwd() / named).resolve():
            raise UsageProblem(f"--pack and {option} name the same file; name another one with --pack")


def _remove_older_reports(config: pytest.Config) -> None:
    """Let a run that ends early, for a misuse for example, leave no older report that looks like its own."""
    if hasattr(config, "workerinput") or not _names(config) or config.getoption("collectonly"):
        return
    from pse_preflight.report.result import remove_older

    evidence, replay = _evidence(config), _option(config, "replay")
    is_recorded = bool(replay) and evidence == Path.cwd() / replay
    page, junit = _option(config, "trust_report"), str(_junit(config) or "")
    remove_older(None if is_recorded else evidence, page, junit, packed=_option(config, "pack"))


def _run(config: pytest.Config) -> CheckRun:
    names, settings = _names(config), _settings(config)
    if settings.replay:
        return _replay(names, settings, config)
    systems = _systems(config, names, settings) if names else {}
    if settings.presented:
        said = {"--repair": settings.repair, "--thorough": settings.thorough, "--retry": settings.retry}
        _refuse_together("--presented", said)
    _refuse_contradicting_repair(settings, systems.values())
    settings = _with_tool_folders(settings, systems.values())
    return CheckRun(settings, systems, is_worker=hasattr(config, "workerinput"))


def _with_tool_folders(settings: "Settings", systems: Collection["System"]) -> "Settings":
    """Let SAP's program be found beside what the clients use; what looks is loaded only where a client is described."""
    if settings.engine == "bundled" or settings.sapgenpse or not any(each.client for each in systems):
        return settings
    from pse_preflight.client.look import tool_folders

    return replace(settings, tool_folders=tool_folders(systems))


def _replay(names: Sequence[str], settings: "Settings", config: pytest.Config) -> CheckRun:
    """Return a run that judges recordings; what is said of the systems themselves would be passed over."""
    from pse_preflight.recording.format import EvidenceUnreadable
    from pse_preflight.recording.replay import chosen

    said: dict[str, object] = {"--sapgenpse": settings.sapgenpse, "--systems-file": config.getoption("systems_file")}
    said |= {"--repair": settings.repair, "--thorough": settings.thorough, "--retry": settings.retry}
    _refuse_together("--replay", {**said, "--presented": settings.presented})
    if settings.replay == settings.evidence:
        raise UsageProblem("--replay and --evidence name the same folder; what is recorded there would be replaced")
    try:
        found = chosen(settings.replay or Path(), names, settings.evidence)
    except EvidenceUnreadable as error:
        raise UsageProblem(f"--replay: {error}") from None
    systems = {alias: system for alias, (system, _) in found.items()}
    return CheckRun(
        settings,
        systems,
        {alias: recording for alias, (_, recording) in found.items()},
        is_worker=hasattr(config, "workerinput"),
    )


def _refuse_together(option: str, others: Mapping[str, object]) -> None:
    for other, value in others.items():
        if value:
            raise UsageProblem(f"{option} and {other} contradict each other; say one of them")


def _refuse_contradicting_repair(settings: "Settings", systems: Iterable["System"]) -> None:
    if not settings.repair:
        return
    _refuse_together("--repair", {"--read-only": settings.read_only, "--at": settings.at})
    for system in systems:
        if not system.create:
            raise UsageProblem(
                f"--repair: {system.alias} is not to be changed (create: false, or named by its URL); leave it out"
            )


def _systems(config: pytest.Config, names: Sequence[str], settings: "Settings") -> dict[str, "System"]:
    from pse_preflight.landscape.file import read_landscape
    from pse_preflight.landscape.select import find_file, select, surroundings

    around = surroundings(Path.cwd(), config.rootpath, settings.evidence)
    landscape = read_landscape(find_file(_option(config, "systems_file"), around), around.environment)
    systems = select(names, landscape, around)
    if not systems:
        raise UsageProblem(f"--system={','.join(names)}: names no system")
    return {system.alias: _with_next_command(system, around) for system in systems}


def _with_next_command(system: "System", around: "Surroundings") -> "System":
    """Name the next command of a system that is named by its URL, as it is pasted into a plain shell here."""
    if not system.next_command:
        return system
    from pse_preflight.command.going_on import going_on

    return replace(system, next_command=going_on(system.url, around))


def _settings(config: pytest.Config) -> "Settings":
    from pse_preflight.checklist import Severity
    from pse_preflight.command.invocation import OPENGENPSE, invocation, place
    from pse_preflight.settings import Settings

    sapgenpse, at, replay, retry = (_option(config, name) for name in ("sapgenpse", "at", "replay", "retry"))
    engine = cast("Engine", _one_of("engine", _option(config, "engine") or "auto", get_args(Engine)))
    fail_on = _one_of("fail-on", _option(config, "fail_on") or "major", get_args(SeverityWord))
    if sapgenpse and engine == "bundled":
        raise UsageProblem("--sapgenpse and --engine=bundled contradict each other; say one of them")
    return Settings(
        read_only=bool(config.getoption("read_only") or config.getini("preflight_read_only")),
        repair=bool(config.getoption("repair") or config.getini("preflight_repair")),
        thorough=bool(config.getoption("thorough") or config.getini("preflight_thorough")),
        engine=engine,
        sapgenpse=Path.cwd() / sapgenpse if sapgenpse else None,
        fail_on=Severity[fail_on.upper()],
        at=_day(at) if at else None,
        sap_roots=_sap_roots(_option(config, "sap_roots") or str(config.getini("preflight_roots_in_use") or "")),
        evidence=_evidence(config),
        replay=Path.cwd() / replay if replay else None,
        presented=_presented(_option(config, "presented")),
        retry=_seconds(retry) if retry else 0.0,
        program=invocation(),
        bundled=invocation(OPENGENPSE),
        where=place(),
    )


def _evidence(config: pytest.Config) -> Path:
    special = {"replay": REPLAY_EVIDENCE, "presented": PRESENTED_EVIDENCE}
    usual = next((folder for name, folder in special.items() if _option(config, name)), EVIDENCE)
    return Path.cwd() / (_option(config, "evidence") or usual)


def _seconds(text: str) -> float:
    seconds = float(text) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", text) else MOST_RETRY_SECONDS + 1
    if seconds > MOST_RETRY_SECONDS:
        raise UsageProblem(f"--retry={text}: is no number of seconds up to {MOST_RETRY_SECONDS}; write it like 120")
    return seconds


def _sap_roots(path: str) -> Path | None:
    """Return the path of a list of SAP's roots once it is known to be readable."""
    if not path:
        return None
    from pse_preflight.chain.sap_roots_file import sap_roots

    sap_roots(Path.cwd() / path)
    return Path.cwd() / path


def _presented(path: str) -> "PresentedChain | None":
    if not path:
        return None
    from pse_preflight.run.presented import presented_chain

    return presented_chain(Path.cwd() / path)


def _names(config: pytest.Config) -> Sequence[str]:
    """Return how the systems are named that --system, or the ini, selects."""
    return cast("Sequence[str]", config.getoption("system") or config.getini("preflight_system"))


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
    """Remember that a check is ours."""
    item.stash[OURS] = True
    item.config.stash[RUN].is_ours = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Remember the checks that were selected; without a system, or without them, there is nothing to check."""
    run = session.config.stash[RUN]
    ours = [item for item in items if OURS in item.stash]
    misuse = _misuse(session, ours)
    if misuse and not run.is_worker:
        raise pytest.UsageError(misuse)
    if misuse:
        run.misuse = misuse
        items[:] = []
        ours = []
    run.items = ours
    run.is_alone = bool(ours) and len(ours) == len(items)


def _misuse(session: pytest.Session, ours: Sequence[pytest.Item]) -> str:
    """Return what only shows once it is known which checks are selected; nothing has been asked yet."""
    config, run = session.config, session.config.stash[RUN]
    if not ours:
        # With --lf pytest may pass over our files, since others hold what failed last.
        passed_over = run.is_ours or session.testsfailed or config.getoption("lf", default=False)
        # What an ini names leaves a project's own tests alone.
        return _NOTHING_COLLECTED if config.getoption("system") and not passed_over else ""
    if not run.systems:
        return _NOTHING_SELECTED
    if config.getoption("collectonly"):
        return ""
    from pse_preflight.files import leave_owner_rights
    from pse_preflight.report.destinations import refuse_folder
    from pse_preflight.report.result import FILE_NAME, is_result, refuse_stranger

    leave_owner_rights()
    try:
        refuse_folder(run.settings.evidence, sorted({item_alias(item) for item in ours}))
        refuse_stranger("--evidence", run.settings.evidence / FILE_NAME, is_result)
    except UsageProblem as error:
        return str(error)
    return ""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep to what is left after every other plugin's selection."""
    run = session.config.stash[RUN]
    left = set(session.items)
    run.items = [item for item in run.items if item in left]
    if workers := getattr(session.config, "workerinput", {}).get("workercount"):
        from pse_preflight.run.workers import shares

        run.shares = shares((item.nodeid for item in session.items), run.systems, workers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach to the report what the summary needs; it survives the way from a worker of pytest-xdist."""
    report = yield
    if OURS in item.stash:
        from pse_preflight.report import hooks

        run = item.config.stash[RUN]
        run.book(report, item_alias(item), check_name(item))
        hooks.call_errors_by_their_name(report, item.stash.get(OUTCOME, None))
        if report.skipped and isinstance(report.longrepr, tuple):
            file, line, _ = item.location  # of the check that is skipped, and not of what skips it
            report.longrepr = str(Path(item.config.rootpath, file)), (line or 0) + 1, report.longrepr[2]
        if hooks.reports_end(report):
            _attach_facts(item, call, report)
    return report


def _attach_facts(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    from pse_preflight.report import hooks
    from pse_preflight.report.facts import Carried, check_facts, faults_of, system_facts

    run, alias, outcome = item.config.stash[RUN], item_alias(item), item.stash.get(OUTCOME, None)
    check = item.module.__name__.rpartition("test_")[2], check_name(item)  # type: ignore[attr-defined]
    reason = str(call.excinfo.value)[: hooks.LONGEST_REASON] if call.excinfo else ""
    is_first = outcome is not None and alias not in run.told
    if is_first:
        run.told.add(alias)
    carried = Carried(
        check=check_facts(alias, check, hooks.ended(report), outcome, reason),
        faults=faults_of(check[1], outcome),
        system=system_facts(run.evidence(alias)) if is_first else None,
    )
    hooks.attach(report, carried, is_worker=run.is_worker)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Let each system belong to one worker of pytest-xdist."""
    systems = config.stash[RUN].systems
    if not systems:
        return None
    from pse_preflight.run.workers import scheduler

    return scheduler(config, log, systems)


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


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what only a worker could see was wrong."""
    if misuse := config.stash[RUN].misuse:
        terminalreporter.write_line(f"ERROR: {misuse}", red=True)
