"""The files about one system: what was seen, kept so that it can be judged again, and the scripts that mend."""

import base64
import binascii
import hashlib
import re
import stat
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from pse_preflight.certificate import Certificate, CertificateUnreadable, write_pem
from pse_preflight.checklist import Code
from pse_preflight.errors import PreflightError
from pse_preflight.files import is_file, read_beginning, write_whole
from pse_preflight.findings import Command, Finding, finding, quoted
from pse_preflight.recording.format import EvidenceUnreadable, Recording, parsed, written
from pse_preflight.verdict.evidence import Evidence, file_names, root_names

LARGEST_FILE = 16 << 20

Place = Path | zipfile.Path
"""A folder of recordings, or one of its files: on a disk, or in a pack."""

_RECORDING = "evidence.json"
_PRESENTED = "presented.pem"
_LISTED = ".files"
_USUAL = re.compile(
    r"(?:presented|path|server|root|intermediate-[0-9]{1,3}|successor-[0-9]{1,3}|required-[0-9a-f]{12})\.pem"
)
_WINDOWS = sys.platform == "win32"
_OF_WINDOWS = frozenset({"icacls", "attrib", "certutil"})
"""Programs of Windows that a fix may name."""
_BEGIN_OF_BATCH = (
    "@echo off",
    "setlocal DisableDelayedExpansion",
    'set "NoDefaultCurrentDirectoryInExePath=1"',
    "chcp 65001 >nul",
)
"""A program without a folder, such as keytool, is looked for in PATH alone, and not where the script was started."""
_STOP_AT_FAILURE = ("if errorlevel 1 goto :failed", "if not errorlevel 0 goto :failed")
_END_OF_BATCH = (
    'set "code=0"',
    "goto :end",
    ":failed",
    'set "code=1"',
    ":end",
    "setlocal EnableDelayedExpansion",
    """set "line=!cmdcmdline:"='!\"""",
    """if "!line:~-3!"=="' '" pause""",
    "exit /b %code%",
)
"""Explorer starts a batch file as `cmd.exe /c ""C:\\...\\fix.cmd" "`; its window would close before it was read."""
_RESTART = "restart the service; the PSE is read only at start"
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_SHORT = 12


class EvidenceUnwritable(PreflightError):
    """The evidence folder cannot be written to."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording as it was read back.

    Attributes:
        recording: it, with the certificates of presented.pem in its endpoint.
        doubts: where its files contradict each other.
    """

    recording: Recording
    doubts: tuple[Finding, ...] = ()


class Folder:
    """The evidence folder of one system; in it only those files are ours that an earlier run says it wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ours: frozenset[str] = frozenset()

    def begin(self, evidence: Evidence) -> None:
        """Write the presented chain, the verified path and what follows its root; an earlier run's are replaced.

        The certificates of an unverified path are not written singly, so that no fix can name them.

        Raises:
            EvidenceUnwritable: where the folder cannot be written to, or holds a file of that name that is not ours.
        """
        path = evidence.judgement.path
        others = (*evidence.successors, *evidence.required)
        singly = {**root_names(evidence.successors, evidence.required), **file_names(path)}
        texts = {_PRESENTED: "".join(_pem(der) for der in evidence.observations.presented)}
        texts |= {"path.pem": write_pem(path)} if path else {}
        texts |= {singly[each.sha256]: write_pem([each]) for each in (*path, *others)}
        with self._told():
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._clear(evidence.system.alias, texts)
            for name, text in texts.items():
                self._write(name, text)

    def record(self, recording: Recording) -> None:
        """Write what was observed as evidence.json.

        Raises:
            EvidenceUnwritable: where that is not possible.
        """
        with self._told():
            self._write(_RECORDING, written(recording))

    def last(self) -> Recording | None:
        """Return what an earlier run recorded here; nothing where there is none, or none that can be read."""
        try:
            return read(self.path).recording
        except EvidenceUnreadable:
            return None

    def write_fixes(self, alias: str, findings: Iterable[Finding]) -> None:
        """Write the commands of all findings as a script for this system's shell, if there are several.

        Raises:
            EvidenceUnwritable: where that is not possible.
        """
        commands = tuple(dict.fromkeys(command for each in findings for command in each.commands))
        if len(commands) > 1:
            with self._told():
                script = batch_file(commands, self.path) if _WINDOWS else shell_script(commands)
                self._write(_script_name(alias), script)

    def _clear(self, alias: str, planned: Iterable[str]) -> None:
        """Remove what an earlier run wrote, and note what this one will write, before any of it is written."""
        names = frozenset({*planned, _RECORDING, _script_name(alias)})
        owned = self.owned(alias)
        strange = sorted(name for name in names - owned if (self.path / name).exists())
        if strange:
            raise EvidenceUnwritable(f"{self.path / strange[0]} is there, and no earlier run says that it wrote it")
        for name in owned - {_RECORDING, _LISTED}:
            (self.path / name).unlink(missing_ok=True)
        self._ours = names
        self._write(_LISTED, "".join(f"{name}\n" for name in sorted(names)))

    def owned(self, alias: str) -> frozenset[str]:
        """Return the names of the files that an earlier run wrote here; nothing else is ever replaced or removed."""
        try:
            listed = _content(self.path / _LISTED).decode("utf-8", "replace").split()
        except EvidenceUnreadable:
            last = self.last()
            old = last is not None and last.asked.alias == alias  # a version that kept no list of its files
            listed = [each.name for each in self.path.iterdir() if _is_usual(each.name, alias)] if old else []
        return frozenset(name for name in listed if _is_usual(name, alias))

    def _write(self, name: str, text: str) -> None:
        write_whole(self.path / name, text)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EvidenceUnwritable(f"what was seen cannot be written to {self.path}: {error.strerror}") from None


def _script_name(alias: str) -> str:
    return f"fix-{alias}.{'cmd' if _WINDOWS else 'sh'}"


def _is_usual(name: str, alias: str) -> bool:
    """Tell whether a file could be one of ours by its name."""
    return bool(_USUAL.fullmatch(name)) or name in {_RECORDING, f"fix-{alias}.sh", f"fix-{alias}.cmd"}


def packed_files(folder: Path, alias: str) -> Mapping[str, bytes]:
    """Return what a run wrote into the folder of one system, by name; nothing else that lies there.

    Raises:
        EvidenceUnreadable: where one of them cannot be read.
    """
    place = Folder(folder)
    names = sorted(name for name in place.owned(alias) if is_file(folder / name))
    return {name: _content(folder / name) for name in names}


def recorded_folders(folder: Place) -> Mapping[str, Place]:
    """Return the folders below this one that hold a recording, by name.

    Raises:
        EvidenceUnreadable: where the folder cannot be read, or holds no recording.
    """
    try:
        found = {each.name: each for each in _sorted(folder) if (each / _RECORDING).is_file()}
    except OSError as error:
        raise EvidenceUnreadable(f"{folder} cannot be read: {error.strerror}") from None
    if not found:
        raise EvidenceUnreadable(f"{folder} holds no recording (no <alias>/{_RECORDING} below it)")
    return found


def _sorted(folder: Place) -> list[Place]:
    each: Iterable[Place] = folder.iterdir()
    return sorted(each, key=lambda place: place.name)


def read(folder: Place) -> Replay:
    """Read a recording back; what is no observation in it is passed over.

    presented.pem says what is judged, evidence.json says what it has to be: a difference is a doubt.

    Raises:
        EvidenceUnreadable: where a file is missing, too large, or not in the form of docs/evidence.md.
    """
    file = folder / _RECORDING
    recording = parsed(_content(file), str(file))
    if recording.endpoint is None:
        return Replay(recording)
    blocks = _BLOCK.finditer(_content(folder / _PRESENTED)) if recording.presented else ()
    # What the certificates hold is judged later, like that of any server.
    presented = tuple(base64.b64decode(block[1]) for block in blocks if _is_base64(block[1]))
    endpoint = replace(recording.endpoint, presented=presented)
    return Replay(replace(recording, endpoint=endpoint), tuple(_doubts(folder, recording.presented, presented)))


def _content(file: Place) -> bytes:
    try:
        if isinstance(file, Path) and not stat.S_ISREG(file.stat().st_mode):  # a pipe has no end
            raise EvidenceUnreadable(f"{file}: is no plain file")
        with file.open("rb") as stream:
            content: bytes = read_beginning(stream, LARGEST_FILE + 1)
    except OSError as error:
        raise EvidenceUnreadable(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise EvidenceUnreadable(f"{file}: is larger than {LARGEST_FILE >> 20} MiB")
    return content


def _is_base64(text: bytes) -> bool:
    try:
        return bool(base64.b64decode(text))
    except binascii.Error:
        return False


def _doubts(folder: Place, recorded: Sequence[str], presented: Sequence[bytes]) -> Iterable[Finding]:
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


def batch_file(commands: Iterable[Command], folder: Path = Path()) -> str:
    """Return the commands as a batch file for cmd.exe that stops at the first failure, a crash included.

    % and ! stand for themselves. Files of its own folder are named by the place of the script, programs of Windows by
    their full name.

    Args:
        folder: where the script will stand.
    """
    lines = [*_BEGIN_OF_BATCH]
    for program, *arguments in commands:
        known = program in _OF_WINDOWS
        first = f'"%SystemRoot%\\System32\\{program}.exe"' if known else _batch_word(program, folder)
        lines += (" ".join((first, *(_batch_word(each, folder) for each in arguments))), *_STOP_AT_FAILURE)
    return "\r\n".join([*lines, f"echo {_RESTART}", *_END_OF_BATCH, ""])


def _batch_word(word: str, folder: Path) -> str:
    path = PureWindowsPath(word)
    if path.is_absolute() and path.parent == PureWindowsPath(folder) and "%" not in word:
        return f'"%~dp0{path.name}"'
    return quoted((word,), windows=True).replace("%", "%%")


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
