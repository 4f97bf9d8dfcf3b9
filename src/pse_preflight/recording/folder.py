"""The files about one system: what was seen, kept so that it can be judged again, and the scripts that mend.

docs/evidence.md describes the files. A recording holds observations and what was asked, never a verdict, so nothing
that somebody writes into it by hand turns red into green unless it is an observation.
"""

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from pse_preflight.certificate import Certificate, CertificateUnreadable, write_pem
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import State
from pse_preflight.endpoint.model import Endpoint, LiveHandshake
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Command, Finding, finding, quoted
from pse_preflight.landscape.system import ExpiryDays
from pse_preflight.verdict.changes import Change

FORMAT = 1
LARGEST_FILE = 16 << 20

_RECORDING = "evidence.json"
_PRESENTED = "presented.pem"
_RESTART = "restart the service; the PSE is read only at start"
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_SHORT = 12


class EvidenceUnwritable(PreflightError):
    """The evidence folder cannot be written to."""


class EvidenceUnreadable(PreflightError):
    """A recording cannot be used; the text names the file and what is wrong with it."""


def _base64(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


def _from_base64(text: object) -> object:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else text
    except binascii.Error:
        raise ValueError("is no base64") from None


ToolCode = Literal[Code.TOOL_MISSING, Code.TOOL_FAILED, Code.TOOL_TIMEOUT, Code.PSE_HAS_PIN]
"""Why the program gave no list."""

Der = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    PlainSerializer(_base64, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
"""An ASN.1 value in DER, in JSON as base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a recording comes from; nothing vouches for it.

    Attributes:
        host: the machine.
        account: who ran it.
        at: when, in UTC.
        toolkit: the version of this package.
    """

    host: str
    account: str
    at: AwareDatetime
    toolkit: str

    def __str__(self) -> str:
        """Say it as every report of a replay does."""
        return f"recorded on {self.host} as {self.account} at {self.at:%Y-%m-%d %H:%M} UTC, unauthenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked: the system as systems.yaml describes it, without the login of its proxy.

    Attributes:
        url: as it was written, without user, password and whatever follows the host.
        engine: what --engine said.
        confirm: SAP's tool is expected to have listed a PSE that the bundled implementation wrote.

    All others are the keys of systems.yaml.
    """

    alias: str
    url: str
    pse: str
    secudir: str
    dn: str | None
    roots: str
    pinned: tuple[str, ...]
    include_leaf: bool
    expiry_days: ExpiryDays
    required_roots: tuple[str, ...]
    tags: tuple[str, ...]
    extras: tuple[tuple[str, str], ...]
    engine: Literal["auto", "sapgenpse", "bundled"]
    confirm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RootsSeen:
    """The roots of a file or of the operating system, as far as they can play a part in this chain."""

    name: str
    explicit: bool
    certificates: tuple[Der, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySeen:
    """One entry of the certificate list, as the tool printed it."""

    subject: str
    issuer: str
    sha256: str | None
    serial: int | None
    not_before: AwareDatetime | None
    not_after: AwareDatetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSeen:
    """One entry of the certificate list, as the file holds it.

    Attributes:
        tbs: the signed part.
        der: the whole certificate, where the file has it.
        found: the objects of the file that it was found in.
    """

    tbs: Der
    der: Der | None
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """What the PSE file holds, but for its private key."""

    owner: Der | None
    trusted: tuple[TrustedSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSaid:
    """What the program said that makes and lists PSEs, where it gave no list."""

    code: ToolCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PseSeen:
    """The client PSE.

    Attributes:
        state: what stood at its path.
        problem: why it could not be read, in words.
        mode: its POSIX access rights in octal digits; None on Windows.
        created: it was made in that run.
        tool: how people know the program that listed it.
        one_reader: that program was the bundled implementation.
        listing: the certificate list; None where the tool gave none.
        said: what the tool said instead of a list.
        file: its content, where it could be read.
    """

    state: State
    problem: str
    mode: Annotated[str, StringConstraints(pattern="^[0-7]{3,4}$")] | None
    created: bool
    tool: str
    one_reader: bool
    listing: tuple[EntrySeen, ...] | None
    said: tuple[ToolSaid, ...]
    file: FileSeen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything that was observed of one system.

    Attributes:
        endpoint: what the first connection showed; None where nothing was asked.
        presented: SHA-256 of each certificate that the server sent; the certificates stand in presented.pem.
        fetched: what was got from AIA addresses.
        live: what the second connection showed, which trusted the PSE alone.
        changes: what had changed from run to run, the oldest first.
    """

    format: Literal[1] = 1
    recorded: Origin
    asked: Asked
    roots: RootsSeen | None
    endpoint: Endpoint | None
    presented: tuple[str, ...]
    fetched: tuple[Der, ...]
    pse: PseSeen
    live: LiveHandshake | None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording as it was read back.

    Attributes:
        recording: it, with the certificates of presented.pem in its endpoint.
        doubts: where its files contradict each other.
    """

    recording: Recording
    doubts: tuple[Finding, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Folder:
    """The evidence folder of one system."""

    path: Path

    def begin(self, presented: Sequence[bytes], verified: Sequence[Certificate]) -> dict[str, Path]:
        """Write the presented chain and the verified path; what an earlier run left of them is replaced.

        Returns:
            the file of each certificate of the verified path, by SHA-256; those of an unverified one are not written
            singly, so that no fix can name them.

        Raises:
            EvidenceUnwritable: where the folder cannot be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for stale in (*self.path.glob("*.pem"), *self.path.glob("fix-*")):
                stale.unlink()
            self._write(_PRESENTED, "".join(_pem(der) for der in presented))
            return self._write_path(verified)
        except OSError as error:
            raise EvidenceUnwritable(f"no evidence can be written to {self.path}: {error.strerror}") from None

    def add(self, name: str, certificates: Iterable[Certificate]) -> dict[str, Path]:
        """Write further certificates that may be trusted, each to a file of its own.

        Returns:
            the file of each certificate, by SHA-256.
        """
        files = {each: self.path / f"{name}-{number}.pem" for number, each in enumerate(certificates, 1)}
        for each, file in files.items():
            self._write(file.name, write_pem([each]))
        return {each.sha256: file for each, file in files.items()}

    def record(self, recording: Recording) -> None:
        """Write what was observed as evidence.json."""
        told = _adapter().dump_python(recording, mode="json", exclude={"endpoint": {"presented"}})
        self._write(_RECORDING, json.dumps(told, indent=2, ensure_ascii=False) + "\n")

    def last(self) -> Recording | None:
        """Return what an earlier run recorded here; nothing where there is none, or none that can be read."""
        try:
            return read(self.path).recording
        except EvidenceUnreadable:
            return None

    def write_fixes(self, alias: str, findings: Iterable[Finding]) -> None:
        """Write the commands of all findings as a shell script and as a batch file, if there are several."""
        commands = tuple(dict.fromkeys(command for each in findings for command in each.commands))
        if len(commands) > 1:
            self._write(f"fix-{alias}.sh", shell_script(commands))
            self._write(f"fix-{alias}.cmd", batch_file(commands))

    def _write_path(self, verified: Sequence[Certificate]) -> dict[str, Path]:
        if not verified:
            return {}
        self._write("path.pem", write_pem(verified))
        names = ["server", *(f"intermediate-{number}" for number in range(1, len(verified) - 1)), "root"]
        files = {each.sha256: self.path / f"{name}.pem" for each, name in zip(verified, names, strict=False)}
        for each in verified:
            self._write(files[each.sha256].name, write_pem([each]))
        return files

    def _write(self, name: str, text: str) -> None:
        temporary = self.path / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        temporary.replace(self.path / name)


def recorded_folders(folder: Path) -> Mapping[str, Path]:
    """Return the folders below this one that hold a recording, by name.

    Raises:
        EvidenceUnreadable: where the folder cannot be read, or holds no recording.
    """
    try:
        found = {each.name: each for each in sorted(folder.iterdir()) if (each / _RECORDING).is_file()}
    except OSError as error:
        raise EvidenceUnreadable(f"{folder} cannot be read: {error.strerror}") from None
    if not found:
        raise EvidenceUnreadable(f"{folder} holds no recording (no <alias>/{_RECORDING} below it)")
    return found


def read(folder: Path) -> Replay:
    """Read a recording back; what is no observation in it is passed over.

    presented.pem says what is judged, evidence.json says what it has to be: a difference is a doubt.

    Raises:
        EvidenceUnreadable: where a file is missing, too large, or not in the form of docs/evidence.md.
    """
    file = folder / _RECORDING
    recording = _parsed(file, _content(file))
    if recording.endpoint is None:
        return Replay(recording)
    presented = _ders(_content(folder / _PRESENTED)) if recording.presented else ()
    endpoint = replace(recording.endpoint, presented=presented)
    return Replay(replace(recording, endpoint=endpoint), tuple(_doubts(folder, recording.presented, presented)))


def schema() -> dict[str, Any]:
    """Return the JSON schema of evidence.json."""
    told = _adapter().json_schema(mode="serialization")
    del told["$defs"]["Endpoint"]["properties"]["presented"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **told, "title": "evidence.json"}


@cache
def _adapter() -> TypeAdapter[Recording]:
    return TypeAdapter(Recording)


def _parsed(file: Path, content: bytes) -> Recording:
    try:
        return _adapter().validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise EvidenceUnreadable(f"{file}: {where}: {first['msg']}") from None


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise EvidenceUnreadable(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise EvidenceUnreadable(f"{file}: is larger than {LARGEST_FILE >> 20} MiB")
    return content


def _ders(pem: bytes) -> tuple[bytes, ...]:
    """Return the certificates of a PEM file; what they hold is judged later, like that of any server."""
    return tuple(base64.b64decode(block[1]) for block in _BLOCK.finditer(pem) if _is_base64(block[1]))


def _is_base64(text: bytes) -> bool:
    try:
        return bool(base64.b64decode(text))
    except binascii.Error:
        return False


def _doubts(folder: Path, recorded: Sequence[str], presented: Sequence[bytes]) -> Iterable[Finding]:
    held = [hashlib.sha256(der).hexdigest() for der in presented]
    if held == list(recorded):
        return
    strange = [_label(der) for der, digest in zip(presented, held, strict=True) if digest not in recorded]
    absent = [digest[:_SHORT] for digest in recorded if digest not in held]
    parts = [f"it holds {', '.join(strange)}"] if strange else []
    parts += [f"it lacks sha256 {', '.join(absent)}"] if absent else []
    yield finding(
        Code.EVIDENCE_INCONSISTENT,
        f"{folder / _PRESENTED} is not what was recorded: {' and '.join(parts) or 'its order differs'}",
        fix="ask the system again instead of replaying; this recording was changed after it was made",
        certificates=held,
    )


def _label(der: bytes) -> str:
    try:
        return Certificate.read(der).label
    except CertificateUnreadable:
        return f"what is no certificate (sha256 {hashlib.sha256(der).hexdigest()[:_SHORT]})"


def shell_script(commands: Iterable[Command]) -> str:
    """Return the commands as a script for sh that stops at the first failure."""
    lines = [quoted(command, windows=False) for command in commands]
    return "\n".join(["#!/bin/sh", "set -e", *lines, f"echo '{_RESTART}'", ""])


def batch_file(commands: Iterable[Command]) -> str:
    """Return the commands as a batch file for cmd.exe that stops at the first failure; % stands for itself."""
    lines = [f"{quoted(command, windows=True).replace('%', '%%')} || exit /b 1" for command in commands]
    return "\r\n".join(["@echo off", "chcp 65001 >nul", *lines, f"echo {_RESTART}", ""])


def _pem(der: bytes) -> str:
    text = _base64(der)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
