"""The options of a run in one table: pytest's command line, its ini settings and the program itself read them here."""

from dataclasses import dataclass
from typing import Literal, get_args

EVIDENCE, REPLAY_EVIDENCE, PRESENTED_EVIDENCE = ".pse-preflight", ".pse-preflight-replay", ".pse-preflight-presented"
"""The folders for evidence below the current one, where --evidence names none."""

Engine = Literal["auto", "sapgenpse", "bundled"]
"""Which program makes and lists PSEs; auto is SAP's where it is found, else the bundled one."""

SeverityWord = Literal["blocker", "major", "minor"]
"""How --fail-on and the reports call a severity."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a run.

    Attributes:
        name: as it stands on the command line.
        help: what it does, in half a sentence.
        value: what its value is called in the help; empty for a switch.
        choices: the only values allowed, where they can be counted.
        repeatable: it may stand more than once.
        other_name: another name that it has.
    """

    name: str
    help: str
    value: str = ""
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    other_name: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return its names on the command line."""
        return (self.name, self.other_name) if self.other_name else (self.name,)

    @property
    def inis(self) -> tuple[str, ...]:
        """Return the names of the settings in pytest's configuration that stand for the option."""
        return tuple(f"preflight_{each.removeprefix('--').replace('-', '_')}" for each in self.names)


OPTIONS = (
    Option(
        "--system",
        "system to check: an alias of systems.yaml, all, tag:<tag>, https://<host>, demo, or demo:<scenario>",
        value="NAME",
        repeatable=True,
    ),
    Option("--read-only", "never create or change a PSE"),
    Option("--repair", "add what an existing PSE lacks of the chain"),
    Option("--at", "will it still hold on that day (UTC)? read-only", value="YYYY-MM-DD"),
    Option("--retry", "ask again for so long while the network fails", value="SECONDS"),
    Option("--thorough", "ask every address, with RSA and with ECDSA"),
    Option("--fail-on", "the mildest that is red", value="SEVERITY", choices=get_args(SeverityWord)),
    Option("--systems-file", "the systems.yaml to use", value="PATH"),
    Option("--engine", "makes and lists PSEs", value="ENGINE", choices=get_args(Engine)),
    Option("--sapgenpse", "SAP's program, where it is in no usual place", value="PATH"),
    Option("--sap-roots", "a newer copy of SAP's list of roots", value="PATH", other_name="--roots-in-use"),
    Option("--evidence", f"folder for what was seen ({EVIDENCE})", value="DIR"),
    Option("--replay", "judge such a folder, or a pack, again", value="DIR"),
    Option("--presented", "judge this chain, not the one that is sent", value="FILE"),
    Option("--pack", "write all of it into one file, to carry it off", value="FILE.zip"),
    Option("--trust-report", "write one self-contained page for people", value="FILE.html"),
)

MARKERS = {
    "url": "the URL, the network and the clock",
    "chain": "the certificate chain that the server sends",
    "pse": "the client PSE as a file",
    "pk_list": "the certificate list of the client PSE",
    "trust": "whether the client PSE trusts the server",
    "websocket_rfc": "whether the server answers to WebSocket RFC",
    "client": "the client's own side: its machine, its account, sapnwrfc.ini, SAP's TLS library",
    "network": "asks the system itself; without such a check nothing is asked and nothing is created",
    "creates": "may make a missing PSE",
}
"""What `-m` selects: the checks of a question, and what asks the system or makes a file."""
