"""A client machine on which something is wrong, and what its fix says; for tests that do what a fix says.

The place has one server, which may show another chain or talk otherwise from one run to the next, as it does when
somebody has mended it.
"""

import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.checklist import Code
from pse_preflight.demo.authority import Identity, root_authority
from tests.kit.runs import SECONDS, Ended, run_module
from tests.kit.servers import (
    Connection,
    Talk,
    answering_like_abap,
    over_tls,
    presenting_context,
    serve,
    serve_tls,
    silent,
)
from tests.kit.shell import bare, paste
from tests.kit.systems import write_pse

HOST = "localhost"


@dataclass
class Place:
    """A client machine: a folder with systems.yaml, a PSE that may be there, and servers with a company's own root."""

    folder: Path
    stack: ExitStack
    keys: dict[str, Any] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    within: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = root_authority("Company Root", now() - timedelta(days=400), 4000)
        self.issuing = self.root.issue_authority("Company Issuing", now() - timedelta(days=300), 3000)
        self.good = self.issuing.issue_server([HOST], now() - timedelta(days=40), 190)
        self.roots = self.folder / "roots.pem"
        self.roots.write_text(write_pem([Certificate.of(self.root.certificate)]), encoding="utf-8")
        self.talk: Talk = silent
        self.server = self.stack.enter_context(serve(self._talk))
        self.port = self.server.port
        self.show(self.good)
        self.keys |= {"url": f"https://{HOST}:{self.port}", "roots": str(self.roots), "secudir": str(self.secudir)}

    def _talk(self, connection: Connection) -> None:
        self.talk(connection)

    @property
    def secudir(self) -> Path:
        return self.folder / "sec"

    @property
    def pse(self) -> Path:
        return self.secudir / "SYS.pse"

    @property
    def path(self) -> tuple[Certificate, ...]:
        """Return the server's certificate, its intermediate and its root."""
        return tuple(map(Certificate.of, (self.good.certificate, *self.good.issuers)))

    def show(
        self,
        identity: Identity,
        chain: Sequence[bytes] | None = None,
        talk: Talk | None = None,
        change: Callable[[ssl.SSLContext], None] = lambda _context: None,
    ) -> None:
        """Let the server that systems.yaml names show this chain from now on, and talk so."""
        sent = [each.public_bytes(Encoding.DER) for each in identity.chain] if chain is None else chain
        context = presenting_context(sent, identity.key)
        change(context)
        self.talk = over_tls(context, talk or answering_like_abap())

    def speak(self, talk: Talk) -> None:
        """Let the server that systems.yaml names answer so from now on, without TLS of its own."""
        self.talk = talk

    def trust(self, *roots: Certificate) -> None:
        """Judge by these roots beside the company's."""
        self.roots.write_text(write_pem([Certificate.of(self.root.certificate), *roots]), encoding="utf-8")

    def serve(self, identity: Identity, **how: Any) -> int:
        return self.stack.enter_context(serve_tls(identity, **how)).port

    def lead_to(self, port: int, host: str = HOST) -> None:
        self.keys["url"] = f"https://{host}:{port}"

    def hold(self, *certificates: Certificate, pin: str | None = None) -> None:
        """Put a PSE there with this list."""
        self.secudir.mkdir(mode=0o700, exist_ok=True)
        write_pse(self.pse, certificates, pin=pin)

    def check(self, *options: str) -> Ended:
        (self.folder / "systems.yaml").write_text(json.dumps({"systems": {"SYS": self.keys}}), encoding="utf-8")
        return self.run("check", "SYS", *(options or self.options))

    def run(self, *words: str) -> Ended:
        """Run the program as a plain shell does, with nothing in its environment; `within` starts it, where given."""
        plain = {**bare(self.folder), **self.environment}
        if self.within:
            command = [*self.within, sys.executable, "-P", "-m", "pse_preflight", *words]
            ended = subprocess.run(
                command, cwd=self.folder, env=plain, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False
            )
        else:
            ended = run_module("pse_preflight", *words, folder=self.folder, environment=plain)
        assert "Traceback" not in ended.stdout + ended.stderr, (ended.stdout, ended.stderr)
        result = self.folder / ".pse-preflight" / "result.json"
        self.result = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
        return ended

    @property
    def codes(self) -> set[str]:
        return {each["code"] for each in self.findings}

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        (system,) = self.result["systems"]
        found: Sequence[Mapping[str, Any]] = system["facts"]["findings"]
        return found

    def commands(self, code: str) -> Sequence[str]:
        (found,) = (each for each in self.findings if each["code"] == code)
        commands: Sequence[str] = found["fix_commands"]
        return commands


Done = Callable[[Place], object]


@dataclass(frozen=True)
class Fix:
    """What is wrong, and what its fix says.

    Attributes:
        spoil: puts the place into the state that is told of.
        do: does what the words of the fix say; None where commands are pasted, and nothing else is done.
        pastes: the commands are pasted, and then that is done.
        is_red: it is red before, and green afterwards; else the finding comes and goes; None where either will do.
    """

    spoil: Done
    do: Done | None = None
    is_red: bool | None = True
    pastes: bool = False


def set_keys(**keys: object) -> Done:
    return lambda place: place.keys.update(keys)


def say(*options: str) -> Done:
    return lambda place: place.options.__setitem__(slice(None), options)


def nothing(_: Place) -> None:
    """Leave the place as it is."""


def both(*steps: Done) -> Done:
    def done(place: Place) -> None:
        for each in steps:
            each(place)

    return done


def without(key: str) -> Done:
    return lambda place: place.keys.pop(key)


def right_server(place: Place) -> None:
    place.show(place.good)
    place.lead_to(place.port)


def other_server(make: Callable[[Place], Identity], **how: Any) -> Done:
    return lambda place: place.lead_to(place.serve(make(place), **how))


def pasted(place: Place, line: str) -> str:
    """Paste a line into a plain shell of the place; return what it prints."""
    ended = paste(line, place.folder)
    assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
    return ended.stdout


Fixes = Mapping[tuple[Code, str], Fix]
"""Fixes by their code and their case."""
