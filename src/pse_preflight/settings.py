"""What the command line says, once it has been found to make sense."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pse_preflight.findings import Severity


Engine = Literal["auto", "sapgenpse", "bundled"]
"""Which program makes and lists PSEs; auto is SAP's where it is found, else the bundled one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one run.

    Attributes:
        read_only: no PSE is made or changed.
        engine: auto, sapgenpse or bundled.
        sapgenpse: the program to use, where it was named.
        fail_on: the mildest severity that turns a check red.
        at: the UTC day to judge, in place of the present moment.
        evidence: the folder for evidence, absolute.
    """

    read_only: bool = False
    engine: Engine = "auto"
    sapgenpse: Path | None = None
    fail_on: Severity = Severity.MAJOR
    at: date | None = None
    evidence: Path

    @property
    def creates(self) -> bool:
        """Tell whether a missing PSE may be made at all."""
        return not self.read_only and self.at is None
