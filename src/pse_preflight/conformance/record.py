"""Ask a program, and keep what it answered in a form that can be shown to others."""

import getpass
import platform
import shlex
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pse_preflight import __version__
from pse_preflight.sapgenpse.tool import Answer, InstalledTool, ToolError, ToolTimeout

PIN = "Conformance-1"
"""The PIN of the protected PSE; it is masked in the record, as a user's own would have to be."""

SECONDS = 30.0
"""How long one call may take."""

_MOST_LINES = 400
_SHORTEST_MASKED = 3


@dataclass(slots=True)
class Recorded:
    """A program whose every answer is kept; once it has not ended in time, it is not asked again.

    Attributes:
        tool: the program.
        folder: where everything is made; it is not named in the record.
        title: what the next answers are about.
    """

    tool: InstalledTool
    folder: Path
    title: str = ""
    lines: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    overtime: ToolTimeout | None = None
    name: str = "sapgenpse"
    is_bundled: bool = False

    @property
    def label(self) -> str:
        """Return what people call it."""
        return self.tool.label

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        """Run it and keep its answer; what a time-out or a missing library says is kept too."""
        if self.overtime:
            raise self.overtime
        try:
            answer = self.tool.run(arguments, secudir)
        except ToolError as error:
            self._keep(arguments, str(error), error.answer.text if error.answer else "")
            self.overtime = error if isinstance(error, ToolTimeout) else None
            raise
        self._keep(arguments, f"exit code {answer.code}", answer.text)
        return answer

    def ask(self, *arguments: str) -> Answer:
        """Run it with the folder as SECUDIR."""
        return self.run(arguments, self.folder)

    def ask_briefly(self, seconds: float, *arguments: str) -> Answer | None:
        """Run what may wait for an answer for ever; that it did is no harm, and nothing is returned then."""
        patient = self.tool
        self.tool = replace(patient, seconds=min(seconds, patient.seconds))
        try:
            return self.ask(*arguments)
        except ToolTimeout:
            self.overtime = None
            return None
        finally:
            self.tool = patient

    def note(self, fact: str) -> None:
        """Keep a fact."""
        self.facts.append(self._masked(fact))

    def note_streams(self, *arguments: str) -> None:
        """Keep which of its lines a program prints on stdout, and which on stderr."""
        environment = {**self.tool.environ, "SECUDIR": str(self.folder), "TZ": "UTC"}
        ended = subprocess.run(
            [self.label, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=self.tool.seconds,
            check=False,
        )
        printed = (len(stream.splitlines()) for stream in (ended.stdout, ended.stderr))
        self.note("{}: {} lines on stdout, {} on stderr".format(arguments[0], *printed))

    def text(self) -> str:
        """Return the record."""
        head = f"pse-preflight {__version__} with {self.label} on {platform.system()} {platform.machine()}"
        facts = [f"- {fact}" for fact in self.facts]
        return "\n".join([self._masked(head), "", "Facts", *facts, "", "Answers", *self.lines, ""])

    def _keep(self, arguments: Sequence[str], ended: str, said: str) -> None:
        shown = [f"  | {_visible(line)}" for line in said.split("\n")[:_MOST_LINES]]
        command = f"sapgenpse {shlex.join(arguments)}"
        lines = ["", f"{self.title}", f"  $ {command}", f"  {ended}", *shown]
        self.lines += [self._masked(line) for line in lines]

    def _masked(self, text: str) -> str:
        """Replace what tells of this machine and its people."""
        known = {
            str(self.folder): "<folder>",
            str(Path.home()): "<home>",
            socket.gethostname(): "<host>",
            getpass.getuser(): "<user>",
            PIN: "<pin>",
        }
        for secret, mask in known.items():
            text = text.replace(secret, mask) if len(secret) >= _SHORTEST_MASKED else text
        return text


def _visible(line: str) -> str:
    """Show characters that cannot be seen by their numbers, a carriage return too."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in line)
