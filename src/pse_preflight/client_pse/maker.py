"""Look at a client PSE, make it where it is missing, repair it where asked; the only one who changes it."""

import os
import re
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.entries import holds
from pse_preflight.client_pse.model import Attempt, ClientPse, Contribution, Refusal, union
from pse_preflight.client_pse.repair import repair
from pse_preflight.errors import NotForAccount, PreflightError
from pse_preflight.findings import Command
from pse_preflight.landscape.system import System
from pse_preflight.options import Engine
from pse_preflight.pse.create import HandOver, NotReplaced, NotWritten, publish
from pse_preflight.sapgenpse.output import Listing
from pse_preflight.sapgenpse.paths import usual_folders
from pse_preflight.sapgenpse.tool import InstalledTool, Tool, ToolError, create_pse, list_certificates

WINDOWS = sys.platform == "win32"

_MOST_LOOKS = 3
"""So often is a PSE looked at that changes while it is looked at."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Looks at PSEs, makes and repairs them with one tool.

    Attributes:
        tool: the program; or why there is none.
        engine: what --engine says.
        hand_over: returns who is to have a new PSE of these systems beside this account, the client's above all; None
            where it is to be this account's alone. It raises NotForAccount where that account could not use it.
        bundled: the words that start the bundled implementation in a plain shell.
    """

    tool: Tool | ToolError
    engine: Engine
    hand_over: Callable[[Sequence[System], Path], HandOver | None] = lambda _systems, _pse: None
    bundled: Command = ("opengenpse",)

    def look(self, path: Path) -> ClientPse:
        """Look at the PSE as it is, and list it; file and tool are to speak of the same one."""
        for _ in range(_MOST_LOOKS):
            condition = pse_condition.look(path)
            pse = self._listed(condition)
            if condition.is_unchanged(pse_condition.look(path)):
                break
        return pse

    def look_again(self, before: ClientPse) -> ClientPse:
        """Return the PSE as it stands now: what is known of it, where the same file stands there still."""
        path = before.condition.path
        return before if before.condition.is_unchanged(pse_condition.look(path)) else self.look(path)

    def make(self, contributions: Sequence[Contribution]) -> tuple[ClientPse, Attempt]:
        """Make the PSE that these systems miss, from the union of their verified paths, or say why not."""
        pse = contributions[0].system.pse
        willing = [each for each in contributions if not each.refusal]
        if not union(willing):
            attempt = Attempt(refusals=tuple(dict.fromkeys(each.refusal for each in contributions if each.refusal)))
        else:
            attempt = self._attempt(pse, willing)
        return self.look(pse), attempt

    def _attempt(self, pse: Path, willing: Sequence[Contribution]) -> Attempt:
        try:
            if isinstance(self.tool, ToolError):
                raise self.tool
            created = self._publish(self.tool, pse, willing)
        except ToolError as error:
            return Attempt(tool=Refusal.of(error))
        except NotForAccount as error:
            return Attempt(failure=str(error), commands=error.commands)
        except OSError as error:
            return Attempt(failure=error.strerror or type(error).__name__)
        except NotWritten as error:
            return Attempt(failure=str(error), fix=error.fix)
        except PreflightError as error:
            return Attempt(failure=str(error) or type(error).__name__)
        is_real = any(each.system.confirm for each in willing)  # a demo's PSE is nobody's
        places = usual_folders(os.environ, windows=WINDOWS) if is_real else ()
        return Attempt(created=created, neighbours=pse_condition.neighbours(pse, places) if created else ())

    def _publish(self, tool: Tool, pse: Path, willing: Sequence[Contribution]) -> bool:
        named = next((each.system.dn for each in willing if each.system.dn), None)
        verifies_only = all(each.system.serves_sql for each in willing)
        owner = None if verifies_only else named or default_owner()
        give = self.hand_over([each.system for each in willing], pse)
        return publish(pse, lambda new: create_pse(tool, new, owner, union(willing)), hand_over=give).created

    def repair(self, before: ClientPse, contributions: Sequence[Contribution]) -> tuple[ClientPse, Attempt]:
        """Add what the PSE lacks of these systems' verified paths, or say why not; nothing is removed."""
        missing = tuple(each for each in union(contributions) if not holds(before.entries, each))
        if not missing or before.condition.state is State.HAS_PIN:
            return before, Attempt()
        pse = before.condition.path
        try:
            done = repair(self._repairing_tool(before), pse, missing)
        except ToolError as error:
            return before, Attempt(wanted=missing, failure=str(error))
        except NotWritten as error:
            return before, Attempt(wanted=missing, failure=str(error), fix=error.fix, commands=error.commands)
        if done.backup is None:  # another run has done it meanwhile
            return self.look(pse), Attempt()
        return self.look(pse), Attempt(added=missing, backup=done.backup)

    def _repairing_tool(self, before: ClientPse) -> Tool:
        if before.condition.state is not State.PLAIN:
            raise NotReplaced(f"only a PSE that can be read here is changed, and it is {before.condition.state.value}")
        if isinstance(self.tool, ToolError):
            raise self.tool
        if before.listing is None:
            raise NotReplaced("its certificate list is not known")
        if self.tool.is_bundled and self.engine != "bundled":
            raise NotReplaced(
                "SAP's tool is not installed here, and the bundled implementation changes a PSE only if"
                " --engine=bundled is said"
            )
        return self.tool

    def _listed(self, condition: Condition) -> ClientPse:
        if isinstance(self.tool, ToolError) or condition.state is State.MISSING:
            pse = ClientPse(condition)  # no tool has listed it
        else:
            program = self.bundled if self.tool.is_bundled else (self.tool.label,)
            pse = ClientPse(condition, tool=self.tool.label, one_reader=self.tool.is_bundled, program=program)
        listing, refusal = self._listing(condition)
        needs = self.tool.needs if isinstance(self.tool, InstalledTool) else ""
        return replace(pse, listing=listing, refusal=Refusal.of(refusal) if refusal else None, tool_needs=needs)

    def _listing(self, condition: Condition) -> tuple[Listing | None, ToolError | None]:
        """Ask the tool for the list; the bundled one is not asked about a file that its own reader has refused."""
        if condition.state in {State.MISSING, State.UNREADABLE}:
            return None, None
        try:
            if isinstance(self.tool, ToolError):
                raise self.tool
            if self.tool.is_bundled and condition.content is None:
                return None, None
            listing = list_certificates(self.tool, condition.path)
        except ToolError as error:
            return None, error
        # A tool that opens it with the credentials of this account proves nothing for a client that has none.
        return (None if condition.state is State.HAS_PIN else listing), None


def default_owner() -> str:
    """Return the owner of a new PSE where systems.yaml names none: this host's name."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:64].strip("-.")
    return f"CN={host or 'client'}"
