"""What is known of a client PSE, and what a run has done about it: plain data that can be recorded and replayed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import Condition, State
from pse_preflight.client_pse.entries import Entry, entries_of
from pse_preflight.findings import Command
from pse_preflight.landscape.system import System
from pse_preflight.once import LazyProperty
from pse_preflight.sapgenpse.output import Listing
from pse_preflight.sapgenpse.tool import ToolError


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the program that makes and lists PSEs said in place of an answer."""

    code: Code
    text: str
    fix: str = ""

    @classmethod
    def of(cls, error: ToolError) -> "Refusal":
        """Keep of an error what is told of it."""
        return cls(error.code, str(error), error.fix)


@dataclass(frozen=True)
class ClientPse:
    """What is known of a PSE.

    Attributes:
        condition: the file, as read directly.
        listing: the certificate list, as the tool prints it; None where it could not be asked.
        refusal: why the tool gave no list, where it was asked.
        tool: how people know the program that listed it.
        one_reader: the tool is the bundled implementation, so file and tool are one and the same reader.
        store: what it is, where the client has a trust store in its place: JKS, PKCS#12, PEM and so on.
        left_out: what of a trust store does not count, and why.
        tool_needs: the environment variable, with its value, without which the tool does not start here.
        program: the words that start the tool in a plain shell; a recording does not keep them.
    """

    condition: Condition
    listing: Listing | None = None
    refusal: Refusal | None = None
    tool: str = ""
    one_reader: bool = False
    store: str = ""
    left_out: tuple[str, ...] = ()
    tool_needs: str = ""
    program: Command = field(default=("sapgenpse",), compare=False)

    @LazyProperty
    def entries(self) -> tuple[Entry, ...]:
        """Return the certificate list, each entry as far as tool and file together know it."""
        return entries_of(self.listing, self.condition.content.trusted if self.condition.content else None)

    def spelled(self, path: Path) -> "ClientPse":
        """Return the same PSE by the path that a system spells it with."""
        if path == self.condition.path:
            return self
        return replace(self, condition=replace(self.condition, path=path))

    @property
    def is_there(self) -> bool:
        """Tell whether anything stands at the path."""
        return self.condition.state is not State.MISSING

    @property
    def opens_without_pin(self) -> bool:
        """Tell whether it could be read, or listed, with no PIN given."""
        return self.listing is not None or self.condition.state is State.PLAIN


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a PSE is not made or changed, and what would let it be.

    Attributes:
        command: the one command that does so, where there is one.
    """

    text: str
    fix: str
    command: Command = ()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one system has to say about a PSE that is missing or to be repaired.

    Attributes:
        system: the system.
        certificates: the root and intermediates of its verified path, root first, and what else is to be in the PSE;
            empty where none is verified.
        refusal: why this system does not let the PSE be made or changed; None where it does.
    """

    system: System
    certificates: tuple[Certificate, ...] = ()
    refusal: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a run has done about a PSE that was missing, or that lacked certificates.

    Attributes:
        created: it was made in this run.
        neighbours: the other PSE files in its folder, where it was made.
        added: the certificates that a repair added.
        wanted: the certificates that a repair was to add, and did not.
        backup: what the file was before the repair.
        refusals: why the systems that use it did not let it be made.
        forbidden: the run itself did not let it be made, whatever is known of the chain.
        failure: why it could not be made or repaired.
        tool: what the tool said, where it was the tool that failed.
        fix: what lets it be made or repaired, in words; empty where the failure tells nothing of that.
        commands: what an administrator must run before it can be made for the client's account, or repaired.
    """

    created: bool = False
    neighbours: tuple[str, ...] = ()
    added: tuple[Certificate, ...] = ()
    wanted: tuple[Certificate, ...] = ()
    backup: Path | None = None
    refusals: tuple[Reason, ...] = ()
    forbidden: bool = False
    failure: str = ""
    tool: Refusal | None = None
    fix: str = ""
    commands: tuple[Command, ...] = ()


NOTHING_DONE = Attempt()
"""Nothing was to be done."""


def union(contributions: Sequence[Contribution]) -> tuple[Certificate, ...]:
    """Return the certificates of all contributions, each once."""
    return tuple(dict.fromkeys(each for one in contributions for each in one.certificates))
