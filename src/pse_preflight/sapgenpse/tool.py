"""The program that makes and lists PSEs, whichever implementation answers: SAP's own or the bundled one.

Both are reached by arguments and text only. What a program says it did proves nothing: the certificate list that it
prints afterwards does.
"""

import errno
import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import iglob
from pathlib import Path
from typing import ClassVar, Literal, Protocol, TypeVar

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code
from pse_preflight.errors import PreflightError
from pse_preflight.sapgenpse import bundled, output, process
from pse_preflight.sapgenpse.output import Listing, OutputUnreadable, Owner, Version
from pse_preflight.sapgenpse.paths import well_known_folders

Engine = Literal["auto", "sapgenpse", "bundled"]

_SECONDS = 30.0
_LARGEST_OUTPUT = 16 << 20
_LONGEST_QUOTE = 500
_NO_PIN = ("-x", "")
_BATCH_FILES = frozenset({".bat", ".cmd"})
_LIBRARY = re.compile(r"libsapcrypto|sapcrypto\.dll|slcryptokernel|error while loading shared libraries", re.IGNORECASE)
_LIBRARY_CODES = frozenset({127, 0xC0000135, 0xC0000135 - (1 << 32)})
_WRONG_MACHINE_CODES = frozenset({0xC000007B, 0xC000007B - (1 << 32)})
_FIRST_NT_ERROR = 0xC0000000
_WRONG_MACHINE_ERRORS = frozenset({193, 216})

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program answered.

    Attributes:
        command: the program and its arguments, as people may see them.
        code: its exit code.
        text: all it printed, on stdout and on stderr.
    """

    command: tuple[str, ...]
    code: int
    text: str

    @property
    def crashed(self) -> bool:
        """Tell whether it did not end by itself: a signal, or an exception of Windows."""
        return self.code < 0 or self.code >= _FIRST_NT_ERROR

    @property
    def quote(self) -> str:
        """Return what it printed on one line, shortened; the end is kept, where errors stand."""
        words = " | ".join(line.strip() for line in self.text.splitlines() if line.strip())
        return words if len(words) <= _LONGEST_QUOTE else "... " + words[-_LONGEST_QUOTE:]


class Tool(Protocol):
    """A program that speaks the command line of sapgenpse."""

    @property
    def name(self) -> str:
        """Return `sapgenpse` or `bundled`, as --engine calls it."""

    @property
    def label(self) -> str:
        """Return what people call it: its path, or that it is the bundled implementation."""

    @property
    def is_bundled(self) -> bool:
        """Tell whether it is the bundled implementation."""

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        """Run it with the given folder as SECUDIR."""


class ToolError(PreflightError):
    """The program that makes and lists PSEs could not do what it was asked.

    Attributes:
        code: the code of the finding.
        fix: what to do about it, in words; empty where that is not known.
        answer: what the program said, where it ran.
    """

    code: ClassVar[Code]

    def __init__(self, text: str, *, fix: str = "", answer: Answer | None = None) -> None:
        super().__init__(text)
        self.fix = fix
        self.answer = answer


class ToolMissing(ToolError):
    """The program is not there, or cannot be run on this machine."""

    code = Code.TOOL_MISSING


class ToolFailed(ToolError):
    """The program failed, or said something unknown."""

    code = Code.TOOL_FAILED


class ToolTimeout(ToolError):
    """The program did not end in time."""

    code = Code.TOOL_TIMEOUT


class PinRefused(ToolError):
    """The program cannot open the PSE without its PIN."""

    code = Code.PSE_HAS_PIN


@dataclass(frozen=True, slots=True)
class InstalledTool:
    """SAP's program, or another one that is called like it, as a process of its own."""

    program: Path
    seconds: float = _SECONDS
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)

    name: ClassVar[str] = "sapgenpse"
    is_bundled: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Return its path."""
        return str(self.program)

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        """Run it without any input, its dates in UTC."""
        command = (str(self.program), *arguments)
        environment = {**self.environ, "SECUDIR": str(secudir), "TZ": "UTC"}
        try:
            ended = process.run(command, environment, seconds=self.seconds, largest=_LARGEST_OUTPUT)
        except (OSError, ValueError) as error:
            raise _cannot_start(self.program, error) from error
        answer = Answer(command, ended.code, _decode(ended.output))
        if ended.overtime:
            raise _overtime(answer, self.seconds)
        if ended.overflow:
            raise ToolFailed(f"{_asked(answer)} printed more than {_LARGEST_OUTPUT >> 20} MiB", answer=answer)
        return answer


@dataclass(frozen=True, slots=True)
class BundledTool:
    """The open implementation that comes with this package, called within this process."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)

    name: ClassVar[str] = "bundled"
    label: ClassVar[str] = "bundled open implementation"
    is_bundled: ClassVar[bool] = True

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        """Run it without any input, its dates in UTC."""
        said = io.StringIO()
        environment = {**self.environ, "SECUDIR": str(secudir), "TZ": "UTC"}
        code = bundled.run(arguments, environ=environment, stdin=io.StringIO(), stdout=said, stderr=said)
        return Answer(("opengenpse", *arguments), code, said.getvalue())


def find_tool(
    engine: Engine,
    explicit: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    windows: bool = sys.platform == "win32",
) -> Tool:
    """Find the program to use: the one that is named, else SAP's where it is installed, else the bundled one.

    It is looked for in the absolute entries of PATH and in the places where SAP's products put it; never in the
    working folder.

    Raises:
        ToolMissing: where the one that was asked for is not there.
    """
    if engine == "bundled":
        return BundledTool(environ)
    if explicit is not None:
        return InstalledTool(_usable(explicit.absolute(), windows=windows), environ=environ)
    found = next(_programs(_folders(environ, windows=windows), windows=windows), None)
    if found is not None:
        return InstalledTool(found, environ=environ)
    if engine == "auto":
        return BundledTool(environ)
    raise ToolMissing(
        "sapgenpse is not found, neither in PATH nor in the places where SAP's products put it",
        fix="name it with --sapgenpse, or use --engine=bundled",
    )


def version(tool: Tool, secudir: Path) -> Version:
    """Ask the program for its version and for that of SAP's library."""
    return output.parse_version(tool.run(("cryptinfo",), secudir).text)


def create_pse(tool: Tool, pse: Path, dn: str, certificates: Iterable[Certificate]) -> Listing:
    """Make a PSE without PIN at a path where nothing stands, and fill its certificate list.

    Returns:
        The certificate list as the program prints it afterwards; it holds every given certificate.

    Raises:
        ToolError: where the program fails; what it left behind is the caller's to remove.
    """
    answer = tool.run(("gen_pse", "-p", str(pse), "-noreq", *_NO_PIN, dn), pse.parent)
    if answer.code != 0 or not pse.is_file():
        raise _failed(answer, "made no PSE")
    return add_certificates(tool, pse, certificates)


def add_certificates(tool: Tool, pse: Path, certificates: Iterable[Certificate]) -> Listing:
    """Add certificates to the certificate list of a PSE without PIN, a call for each, self-signed ones first.

    Returns:
        The certificate list as the program prints it afterwards; it holds every given certificate.

    Raises:
        ToolError: where the program fails, or does not list what it was given.
    """
    ordered = sorted(certificates, key=lambda certificate: not certificate.is_self_issued)
    answers = [(certificate, _add(tool, pse, certificate)) for certificate in ordered]
    listing = list_certificates(tool, pse)
    for certificate, answer in answers:
        if listing.find(certificate) is None:
            raise _failed(answer, f"{_claim(answer)}, but does not list {certificate.label} afterwards")
    return listing


def list_certificates(tool: Tool, pse: Path) -> Listing:
    """Return the certificate list of a PSE without PIN.

    Raises:
        PinRefused: where the PSE has a PIN.
        ToolError: where the program fails, or prints something that cannot be understood.
    """
    answer = tool.run(("maintain_pk", "-p", str(pse), *_NO_PIN, "-l"), pse.parent)
    listing = _understood(answer, output.parse_listing)
    if answer.code != 0 and not listing.entries:
        raise _failed(answer, "listed no certificate and failed")
    return listing


def owner(tool: Tool, pse: Path) -> Owner:
    """Return what the program says of the own certificate of a PSE without PIN.

    Raises:
        PinRefused: where the PSE has a PIN.
        ToolError: where the program fails, or prints something that cannot be understood.
    """
    return _understood(tool.run(("get_my_name", "-p", str(pse), *_NO_PIN), pse.parent), output.parse_my_name)


def has_pin(tool: Tool, pse: Path) -> bool:
    """Tell whether the program says that the PSE has a PIN; it is asked with an empty one."""
    answer = tool.run(("get_my_name", "-p", str(pse), *_NO_PIN), pse.parent)
    return output.says_wrong_pin(answer.text)


def _add(tool: Tool, pse: Path, certificate: Certificate) -> Answer:
    """Add one certificate from a file beside the PSE, where its own kind of leftovers is removed after a kill."""
    path = _write_pem(pse, certificate)
    try:
        answer = tool.run(("maintain_pk", "-p", str(pse), *_NO_PIN, "-a", str(path)), pse.parent)
    finally:
        path.unlink(missing_ok=True)
    _refuse(answer)
    return answer


def _write_pem(pse: Path, certificate: Certificate) -> Path:
    try:
        handle, name = tempfile.mkstemp(".pem", f"{pse.name}.", pse.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(certificate.pem.encode("ascii"))
    except OSError as error:
        raise ToolFailed(f"cannot write into {pse.parent}: {error.strerror}") from error
    return Path(name)


def _understood(answer: Answer, parse: Callable[[str], _Read]) -> _Read:
    _refuse(answer)
    try:
        return parse(answer.text)
    except OutputUnreadable as error:
        raise _failed(answer, f"printed what cannot be understood ({error})") from error


def _refuse(answer: Answer) -> None:
    """Refuse an answer that tells of a PIN or of a crash, whatever else it holds."""
    if output.says_wrong_pin(answer.text):
        raise PinRefused(f"{_asked(answer)} says that the PSE has a PIN: {answer.quote}", answer=answer)
    if answer.crashed:
        raise _failed(answer, "crashed")


def _claim(answer: Answer) -> str:
    try:
        added = output.parse_added(answer.text)
    except OutputUnreadable:
        return "added nothing"
    return "says that it was there already" if added.total is None else "says that it updated the list"


def _failed(answer: Answer, what: str) -> ToolFailed:
    quote = f": {answer.quote}" if answer.quote else " and said nothing"
    return ToolFailed(f"{_asked(answer)} {what} (exit code {answer.code}){quote}", fix=_remedy(answer), answer=answer)


def _overtime(answer: Answer, seconds: float) -> ToolTimeout:
    quote = f"; it said: {answer.quote}" if answer.quote else ""
    return ToolTimeout(
        f"{_asked(answer)} did not end within {seconds:g} seconds and was ended{quote}",
        fix="run the command by hand and see what it waits for",
        answer=answer,
    )


def _asked(answer: Answer) -> str:
    return " ".join(answer.command[:2])


def _remedy(answer: Answer) -> str:
    """Return what to do where the answer shows why the program cannot work here."""
    if answer.code in _WRONG_MACHINE_CODES or "wrong ELF class" in answer.text:
        return "the program and SAP's library are built for different machines (32 and 64 bit); install a matching pair"
    if answer.code in _LIBRARY_CODES or (answer.code != 0 and _LIBRARY.search(answer.text)):
        return "SAP's library (libsapcrypto.so, sapcrypto.dll) is not found; put it beside the program"
    if _is_script(answer.command[0]):
        return "this is a script around the program; name the program itself with --sapgenpse"
    return ""


def _is_script(program: str) -> bool:
    try:
        with open(program, "rb") as stream:  # noqa: PTH123 - the name is the one the user saw
            return stream.read(2) == b"#!"
    except OSError:
        return False


def _cannot_start(program: Path, error: OSError | ValueError) -> ToolError:
    if isinstance(error, ValueError):
        return ToolFailed(f"{program} cannot be called with such arguments: {error}")
    if error.errno == errno.ENOEXEC or getattr(error, "winerror", None) in _WRONG_MACHINE_ERRORS:
        return ToolMissing(f"{program} is no program for this machine", fix="install the one for this machine")
    if isinstance(error, PermissionError):
        return ToolMissing(f"{program} must not be executed: {error.strerror}", fix=f"chmod +x {program}")
    if isinstance(error, FileNotFoundError) and program.exists():
        return ToolMissing(f"what {program} needs to start (its loader or interpreter) is not on this machine")
    return ToolMissing(f"{program} cannot be started: {error.strerror}")


def _decode(printed: bytes) -> str:
    try:
        return printed.decode("utf-8")
    except UnicodeDecodeError:
        return printed.decode("latin-1")


def _usable(program: Path, *, windows: bool) -> Path:
    if windows and program.suffix.lower() in _BATCH_FILES:
        raise ToolMissing(
            f"{program} is a batch file, to which arguments cannot be handed safely", fix="name the program itself"
        )
    if program.is_dir():
        raise ToolMissing(f"{program} is a folder", fix=f"name the program: {program / _file_name(windows=windows)}")
    if not program.is_file():
        raise ToolMissing(f"{program} is not there")
    if not _is_executable(program, windows=windows):
        raise ToolMissing(f"{program} is not executable", fix=f"chmod +x {program}")
    return program


def _is_executable(program: Path, *, windows: bool) -> bool:
    return windows or bool(program.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))


def _programs(folders: Iterable[Path], *, windows: bool) -> Iterator[Path]:
    name = _file_name(windows=windows)
    return (
        folder / name
        for folder in folders
        if (folder / name).is_file() and _is_executable(folder / name, windows=windows)
    )


def _file_name(*, windows: bool) -> str:
    return "sapgenpse.exe" if windows else "sapgenpse"


def _folders(environ: Mapping[str, str], *, windows: bool) -> Iterator[Path]:
    for entry in environ.get("PATH", "").split(";" if windows else ":"):
        folder = Path(entry.strip('"') if windows else entry)
        if folder.is_absolute():
            yield folder
    for pattern in well_known_folders(environ, windows=windows):
        yield from map(Path, sorted(iglob(pattern)))  # noqa: PTH207 - the pattern is absolute, Path.glob takes none
