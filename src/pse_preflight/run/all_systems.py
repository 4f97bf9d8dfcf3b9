"""All selected systems at once, each in a thread of its own; each PSE is handled once."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pse_preflight.chain.roots import named_roots, saps_roots_here
from pse_preflight.client_pse.maker import Maker
from pse_preflight.client_pse.model import NOTHING_DONE, Attempt, ClientPse, Contribution
from pse_preflight.client_pse.trust_store import TrustStores
from pse_preflight.endpoint.model import Limits
from pse_preflight.errors import PreflightError
from pse_preflight.landscape.system import System
from pse_preflight.pse.create import HandOver, tidy
from pse_preflight.recording.folder import Folder, Replay
from pse_preflight.run.one_system import Clock, Run, gather
from pse_preflight.run.own_process import OwnProcess, SystemAnswer, Work
from pse_preflight.sapgenpse.tool import Tool, ToolError, ToolMissing, find_tool
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence, KnownRoots, judge
from pse_preflight.verdict.policy import slowest_check

MOST_AT_ONCE = 128
"""How many systems are asked at the same time; each has at most two connections."""

_INTERRUPTIBLE_SECONDS = 0.5  # on Windows Ctrl-C is not seen while a lock is waited for without an end


class Gathering:
    """Gathers the evidence of systems, all at once when the first is asked for."""

    def __init__(
        self,
        systems: Iterable[System],
        settings: Settings,
        *,
        clock: Clock,
        asked: Collection[str],
        creating: Collection[str],
        replays: Mapping[str, Replay] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Know the systems; none is asked before its evidence is.

        Args:
            asked: aliases of the systems whose network may be asked.
            creating: aliases of the systems whose missing PSE may be made.
            replays: the recordings to be judged in place of the systems, by alias.
        """
        self.progress: Callable[[Sequence[str], int], None] = lambda _awaited, _all: None
        """Told now and then which of how many systems are still awaited, while somebody waits."""
        self.process: OwnProcess | None = None
        """Asks in place of this process, by its own clock, where it is there before the first evidence is asked for."""
        self.ended: Callable[[AskedSystem], None] = lambda _: None
        """Told of each system that needs no longer be waited for."""
        self.tool = _find_tool(settings)
        self._run = Run(settings, clock, frozenset(asked), frozenset(creating), limits or Limits())
        self._replays = replays or {}
        self._places = threading.Semaphore(MOST_AT_ONCE)
        self._asked = {system.alias: AskedSystem(system) for system in systems}
        self._starting = threading.Lock()
        self._begun = False

    def start(self, pace: float = 0.0) -> None:
        """Begin to ask every system, unless they are asked already.

        Args:
            pace: seconds between two systems.
        """
        with self._starting:
            if self._begun:
                return
            self._begun = True
        if self.process:
            with contextlib.suppress(RuntimeError):  # the machine has no thread left for it
                threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
                return
        self._ask(pace)

    def _ask(self, pace: float = 0.0) -> None:
        """Ask every system in a thread of its own; what hinders that is handed to whoever asks for a system.

        A place in a pool would not do: systems that share a missing PSE wait for each other, and those that wait must
        not keep the others from starting.
        """
        try:
            shared = self._shared_pses(each.system for each in self._asked.values())
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for a system
            self._give_up(error)
            return
        for each in self._asked.values():
            work = (each, shared[each.system.shared_pse])
            try:
                threading.Thread(target=self._work, args=work, name=each.system.alias, daemon=True).start()
            except (RuntimeError, MemoryError) as error:  # the machine has no thread left for it
                words = f"{each.system.alias} could not be asked: {error}; run fewer systems at once"
                each.error = PreflightError(words)
                shared[each.system.shared_pse].leave(each.system.alias)
                self._end(each)
            time.sleep(pace)

    def _give_up(self, error: BaseException | None) -> None:
        """Let nobody wait for a system that nothing will be known of any more."""
        for each in self._asked.values():
            if not each.done.is_set():
                words = f"{each.system.alias} was not judged: the process that asks ended before; run it again"
                each.error = error or PreflightError(words)
                self._end(each)

    def _listen(self, process: OwnProcess) -> None:
        """Take over what a process of its own finds; where it cannot begin, ask from here."""
        systems = tuple(each.system for each in self._asked.values())
        work = Work(systems, self._run.settings, self._run.asked, self._run.creating, self._run.limits)
        try:
            if not process.takes(work):
                self._ask()
                return
            for answer in process.answers():
                self._take(answer)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for a system
            self._give_up(error)
        else:
            self._give_up(None)

    def _take(self, answer: SystemAnswer) -> None:
        """Take over what became of one system, once, and only where it was this very system that was judged."""
        asked = self._asked.get(answer.alias)
        if not asked or asked.done.is_set() or (answer.evidence and answer.evidence.system != asked.system):
            raise RuntimeError(f"the process that asks says of {answer.alias} what is not known of it")
        asked.evidence, asked.error, asked.seconds = answer.evidence, answer.error, answer.seconds
        self._end(asked)

    def _end(self, asked: "AskedSystem") -> None:
        asked.done.set()
        self.ended(asked)

    def evidence(self, alias: str) -> Evidence:
        """Return the evidence of a system; the first call asks all of them.

        Raises:
            PreflightError: where the system cannot be judged at all; its roots cannot be read, for example.
        """
        asked = self._asked[alias]
        if not asked.done.is_set():
            self.start()
        while not asked.done.wait(_INTERRUPTIBLE_SECONDS):
            awaited = [alias for alias, each in self._asked.items() if not each.done.is_set()]
            self.progress(awaited, len(self._asked))
        if asked.evidence is None:
            raise asked.error or RuntimeError(f"{alias} was not asked")
        return asked.evidence

    def waited_for(self, alias: str) -> tuple[str, float] | None:
        """Return the check that owns the time which a system took, and its seconds; None where it was not judged."""
        asked = self._asked[alias]
        return (slowest_check(asked.evidence), asked.seconds) if asked.evidence else None

    def _hand_over(self, systems: Sequence[System], pse: Path) -> HandOver | None:
        """Return what gives a new PSE to the client's account, where one is configured."""
        if not any(each.client for each in systems):
            return None
        from pse_preflight.client.look import hand_over  # loaded only where systems.yaml says something of the client

        return hand_over(systems, pse, self._run.settings.program)

    def _shared_pses(self, systems: Iterable[System]) -> "Mapping[object, _PseSharers]":
        maker = Maker(self.tool, self._run.settings.engine, self._hand_over, self._run.settings.bundled)
        shared: dict[object, _PseSharers] = {}
        for system in systems:
            looks = TrustStores(system.truststore) if system.truststore else maker
            pse = shared.setdefault(system.shared_pse, _PseSharers(system, looks, self._places, self._run.settings))
            pse.members += 1
        return shared

    def _work(self, asked: "AskedSystem", shared: "_PseSharers") -> None:
        system = asked.system
        begun = time.perf_counter()
        try:
            if system.alias in self._replays:
                asked.evidence = self._replay(system, self._replays[system.alias])
            else:
                with self._places:
                    system.prepare()
                    asked.evidence = gather(system, self._run, shared)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for this system
            asked.error = error
        finally:
            asked.seconds = time.perf_counter() - begun
            shared.leave(system.alias)
            self._end(asked)

    def _replay(self, system: System, replay: Replay) -> Evidence:
        """Judge what was recorded; nothing is asked, and no program is started."""
        seen = replay.recording.observations(
            KnownRoots(named_roots("mozilla"), saps_roots_here(self._run.settings.sap_roots)), replay.doubts
        )
        evidence = judge(system, seen, self._run.period)
        folder = Folder(system.folder)
        folder.begin(evidence)
        folder.write_fixes(system.alias, evidence.findings)
        return evidence


@dataclass(slots=True)
class AskedSystem:
    """One system being asked."""

    system: System
    done: threading.Event = field(default_factory=threading.Event)
    evidence: Evidence | None = None
    error: BaseException | None = None
    seconds: float = 0.0


class _PseSharers:
    """A PSE and the systems that use it: looked at once, made or repaired once, from what all of them contribute."""

    def __init__(
        self, system: System, maker: Maker | TrustStores, places: threading.Semaphore, settings: Settings
    ) -> None:
        self.members = 0
        self._path = system.pse
        self._maker = maker
        self._places = places
        self._repairing = settings.repair
        self._may_write = system.create and not settings.read_only and settings.at is None
        self._before: ClientPse | None = None
        self._after: tuple[ClientPse, Attempt] | None = None
        self._contributions: dict[str, Contribution | None] = {}
        self._looking = threading.Lock()
        self._arrival = threading.Condition()

    def look(self) -> ClientPse:
        """Return the PSE as it was before the run."""
        with self._looking:
            if self._before is None:
                self._before = self._maker.look(self._path)
            return self._before

    def join(self, contribution: Contribution) -> tuple[ClientPse, Attempt]:
        """Return the PSE that is there; a missing or lacking one is mended when the last system has contributed."""
        before = self.look()
        if before.is_there and self._may_write:
            tidy(self._path)
        if before.is_there and not self._repairing:
            return before, NOTHING_DONE
        self._places.release()  # whoever waits here gives way to the systems that it waits for
        try:
            with self._arrival:
                self._contributions[contribution.system.alias] = contribution
                self._arrival.notify_all()
                self._arrival.wait_for(lambda: len(self._contributions) == self.members)
                if self._after is None:
                    given = [each for each in self._contributions.values() if each]
                    self._after = self._maker.repair(before, given) if before.is_there else self._maker.make(given)
                return self._after
        finally:
            self._places.acquire()

    def look_again(self, before: ClientPse) -> ClientPse:
        """Return the PSE as it stands now; the very same where nothing has changed."""
        return self._maker.look_again(before)

    def leave(self, alias: str) -> None:
        """Let the others go on without a system that contributes nothing."""
        with self._arrival:
            self._contributions.setdefault(alias, None)
            self._arrival.notify_all()


def _find_tool(settings: Settings) -> Tool | ToolError:
    if settings.replay:
        return ToolMissing("a replay asks no program")
    try:
        return find_tool(settings.engine, settings.sapgenpse, beside=settings.tool_folders)
    except ToolError as error:
        return error
