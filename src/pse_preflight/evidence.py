"""The files about one system: what was presented, the verified path, the observations, the scripts that mend."""

import base64
import dataclasses
import enum
import json
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Command, Finding, quoted

FORMAT = 1
_RESTART = "restart the service; the PSE is read only at start"


class EvidenceUnwritable(PreflightError):
    """The evidence folder cannot be written to."""


@dataclasses.dataclass(frozen=True, slots=True)
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
            self._write("presented.pem", "".join(_pem(der) for der in presented))
            return self._write_path(verified)
        except OSError as error:
            raise EvidenceUnwritable(f"no evidence can be written to {self.path}: {error.strerror}") from None

    def observe(self, observations: Mapping[str, Any]) -> None:
        """Write what was observed as evidence.json."""
        content = {"format": FORMAT, **{key: _plain(value) for key, value in observations.items()}}
        self._write("evidence.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")

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
        temporary.write_text(text, encoding="utf-8", newline="")
        temporary.replace(self.path / name)


def shell_script(commands: Iterable[Command]) -> str:
    """Return the commands as a script for sh that stops at the first failure."""
    lines = [quoted(command, windows=False) for command in commands]
    return "\n".join(["#!/bin/sh", "set -e", *lines, f"echo '{_RESTART}'", ""])


def batch_file(commands: Iterable[Command]) -> str:
    """Return the commands as a batch file for cmd.exe that stops at the first failure; % stands for itself."""
    lines = [f"{quoted(command, windows=True).replace('%', '%%')} || exit /b 1" for command in commands]
    return "\r\n".join(["@echo off", "chcp 65001 >nul", *lines, f"echo {_RESTART}", ""])


def _pem(der: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode("ascii"), 64)
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _plain(value: Any) -> Any:
    """Turn observations into what JSON knows: bytes as base64, moments as ISO 8601."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
