"""What the command line says, once it has been found to make sense."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pse_preflight.checklist import Severity
from pse_preflight.findings import Command
from pse_preflight.options import Engine


@dataclass(frozen=True, slots=True)
class PresentedChain:
    """A chain that is judged as if the server sent it.

    Attributes:
        file: where it stands.
        certificates: in DER, in the order in which a server would send them.
    """

    file: str
    certificates: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one run.

    Attributes:
        read_only: no PSE is made or changed.
        engine: auto, sapgenpse or bundled.
        sapgenpse: the program to use, where it was named.
        tool_folders: where it is looked for too: beside the TLS libraries of the clients, and in their own folders.
        fail_on: the mildest severity that turns a check red.
        at: the UTC day to judge, in place of the present moment.
        evidence: the folder for evidence, absolute.
        repair: missing certificates are added to an existing PSE.
        sap_roots: a list of SAP's roots, newer perhaps than the one that comes along; absolute.
        thorough: every address of a host is asked, with each kind of key.
        replay: the folder whose recordings are judged in place of the systems; absolute.
        presented: the chain that is judged in place of the one that is sent; no server is asked then.
        program: the words that start this program in a plain shell of this machine.
        bundled: those that start the bundled implementation.
        where: the folder or the file that this program is.
        retry: for so many seconds a system is asked again while its network fails.
    """

    read_only: bool = False
    engine: Engine = "auto"
    sapgenpse: Path | None = None
    tool_folders: tuple[Path, ...] = ()
    fail_on: Severity = Severity.MAJOR
    at: date | None = None
    evidence: Path
    repair: bool = False
    sap_roots: Path | None = None
    thorough: bool = False
    replay: Path | None = None
    presented: PresentedChain | None = None
    retry: float = 0.0
    program: Command = ("pse-preflight",)
    bundled: Command = ("opengenpse",)
    where: str = str(Path(__file__).parent)

    @property
    def creates(self) -> bool:
        """Tell whether a missing PSE may be made at all."""
        return not self.read_only and self.at is None and self.replay is None and self.presented is None
