"""The bundled program in a folder of its own, by what goes in and what comes out."""

import dataclasses
import io
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight.pse import file
from pse_preflight.sapgenpse import bundled, output

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclasses.dataclass
class Answered:
    """What one call came to."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@dataclasses.dataclass
class Program:
    """The program in a folder of its own, with clock, dice and key held still."""

    folder: Path
    key: rsa.RSAPrivateKey
    bits: list[int] = dataclasses.field(default_factory=list)
    moment: datetime | None = None
    salt: bytes = bytes(range(1, 9))

    def __call__(
        self, *arguments: str, typed: str | io.StringIO = "", environ: Mapping[str, str] | None = None
    ) -> Answered:
        out, err = io.StringIO(), io.StringIO()
        code = bundled.run(
            arguments,
            environ={"SECUDIR": str(self.folder), "TZ": "UTC", "USER": "root"} if environ is None else environ,
            stdin=io.StringIO(typed) if isinstance(typed, str) else typed,
            stdout=out,
            stderr=err,
            now=lambda: self.moment or NOW,
            random=lambda count: self.salt if count == len(self.salt) else bytes(range(1, count + 1)),
            make_key=self._make_key,
            windows=sys.platform == "win32",
        )
        return Answered(code, out.getvalue(), err.getvalue())

    def _make_key(self, bits: int) -> rsa.RSAPrivateKey:
        self.bits.append(bits)
        return self.key

    def done(self, *arguments: str, typed: str = "") -> str:
        """Run a command that must succeed, without a word on stderr, and return what it printed."""
        answered = self(*arguments, typed=typed)
        assert (answered.code, answered.err) == (0, "")
        return answered.out

    def refused(self, *arguments: str, typed: str = "", code: int = 1) -> str:
        """Run a command that must be refused, without normal output, and return the reason."""
        answered = self(*arguments, typed=typed)
        assert (answered.code, answered.out) == (code, "")
        return answered.err

    @property
    def pse(self) -> Path:
        return self.folder / "client.pse"

    def read(self, pin: str | None = None) -> file.PseFile:
        return file.read(self.pse.read_bytes(), pin)

    def listed(self) -> set[str | None]:
        text = self.done("maintain_pk", "-l", "-p", "client", "-x", "")
        return {entry.sha256 for entry in output.parse_listing(text).entries}
