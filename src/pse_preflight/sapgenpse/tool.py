"""The program that makes and lists PSEs, whichever implementation answers: SAP's own or the bundled one.

Both are reached by arguments and text only. What a program says it did proves nothing: the certificate list that it
prints afterwards does.
"""

import errno
import io
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import iglob
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code
from pse_preflight.errors import PreflightError
from pse_preflight.files import is_file, is_folder, read_beginning
from pse_preflight.options import Engine
from pse_preflight.pse import file
from pse_preflight.pse.create import write_private
from pse_preflight.pse.file import PinNeeded, PseError, PseFile, TrustedCertificate
from pse_preflight.sapgenpse import bundled, output, process
from pse_preflight.sapgenpse.output import ListedCertificate, Listing, OutputUnreadable, Owner, Version
from pse_preflight.sapgenpse.paths import well_known_folders

_SECONDS = 30.0
_LARGEST_OUTPUT = 4 << 20
_LONGEST_QUOTE = 500
_QUOTED_FROM = 4096
_NO_PIN = ("-x", "")
_BATCH_FILES = frozenset({".bat", ".cmd"})
_LIBRARY = re.compile(r"libsapcrypto|sapcrypto\.dll|slcryptokernel|error while loading shared libraries", re.IGNORECASE)
_WRONG_MACHINE = re.compile("wrong ELF class")
LIBRARY_PATH = {"win32": "PATH", "darwin": "DYLD_LIBRARY_PATH"}.get(sys.platform, "LD_LIBRARY_PATH")
"""The variable in which this system's loader looks for libraries."""
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
        said = self.text.strip()
        words = " | ".join(line.strip() for line in said[-_QUOTED_FROM:].splitlines() if line.strip())
        is_whole = len(said) <= _QUOTED_FROM and len(words) <= _LONGEST_QUOTE
        return words if is_whole else "... " + words[-_LONGEST_QUOTE:]


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
    _added: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The variable that the program was found to need, once it is known."""

    name: ClassVar[str] = "sapgenpse"
    is_bundled: ClassVar[bool] = False

    @property
    def needs(self) -> str:
        """Return the assignment without which the program did not find its library here; empty where there is none."""
        return next((f"{name}={self.program.parent}" for name in self._added), "")

    @property
    def label(self) -> str:
        """Return its path."""
        return str(self.program)

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        """Run it without any input, its dates in UTC.

        Where it does not find its library although that lies beside it, as in some of SAP's packages, it is run once
        more with its own folder in the path of libraries, and from then on at once.
        """
        answer = self._run(arguments, secudir)
        if self._added or not _lacks_library(answer) or not _has_library_beside(self.program):
            return answer
        own, others = str(self.program.parent), self.environ.get(LIBRARY_PATH, "")
        self._added[LIBRARY_PATH] = os.pathsep.join([own, others]) if others else own
        again = self._run(arguments, secudir)
        if _lacks_library(again):
            self._added.clear()
            return answer
        return again

    def _run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        command = (str(self.program), *arguments)
        environment = {**self.environ, **self._added, "SECUDIR": str(secudir), "TZ": "UTC"}
        try:
            ended = process.run(command, environment, seconds=self.seconds, largest=_LARGEST_OUTPUT)
        except (OSError, ValueError) as error:
            raise _cannot_start(self.program, error) from error
        answer = Answer(command, ended.code, _decode(ended.output))
        if ended.overtime:
            raise _overtime(answer, self.seconds)
        if ended.overflow:
            raise ToolFailed(f"{_asked(answer)} printed more than {_LARGEST_OUTPUT >> 20} MiB", answer=answer)
        if answer.text.count("\n") > output.MOST_LINES:
            raise ToolFailed(f"{_asked(answer)} printed more than {output.MOST_LINES} lines", answer=answer)
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
    beside: Iterable[Path] = (),
    environ: Mapping[str, str] = os.environ,
    windows: bool = sys.platform == "win32",
) -> Tool:
    """Find the program to use: the one that is named, else SAP's where it is installed, else the bundled one.

    It is looked for in the absolute entries of PATH, beside SAP's TLS library where that is named, and in the places
    where SAP's products and people put it; never in the working folder, and in no folder but those of PATH into which
    everybody may write.

    Args:
        beside: the folders in which SAP's TLS library lies, and those of the clients.

    Raises:
        ToolMissing: where the one that was asked for is not there.
    """
    if engine == "bundled":
        return BundledTool(environ)
    if explicit is not None:
        return InstalledTool(_usable(explicit.absolute(), windows=windows), environ=environ)
    found = next(_programs(_folders(environ, beside, windows=windows), windows=windows), None)
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


def create_pse(tool: Tool, pse: Path, dn: str | None, certificates: Iterable[Certificate]) -> Listing:
    """Make a PSE without PIN at a path where nothing stands, and fill its certificate list.

    Args:
        dn: its owner; None for a PSE without an own key, which can only verify others.

    Returns:
        The certificate list as the program prints it afterwards: every given certificate and no other.

    Raises:
        ToolError: where the program fails, where what it made cannot be read back here as a PSE without PIN, or where
            it trusts more than it was given; what it left behind is the caller's to remove.
    """
    asked = _roots_first(certificates)
    answer = _new(tool, pse, dn, asked)
    if answer.code != 0 or not is_file(pse):
        raise _failed(answer, "made no PSE")
    _read_back(pse, answer)
    listing = _add_each(tool, pse, asked if dn is not None else asked[1:])
    if dn is None and asked and listing.find(asked[0]) is None:
        raise _failed(answer, f"was given {asked[0].label}, and does not list it afterwards")
    _refuse_strangers(tool, pse, _unknown(listing.entries, asked))
    _refuse_strangers(tool, pse, _unknown_in_file(_read_back(pse, answer), asked))
    return listing


def _new(tool: Tool, pse: Path, dn: str | None, certificates: Sequence[Certificate]) -> Answer:
    """Make a PSE; one without an own key is given its first certificate, as SAP's guides do."""
    if dn is not None:
        return tool.run(("gen_pse", "-p", str(pse), "-noreq", *_NO_PIN, dn), pse.parent)
    command = ("gen_verify_pse", "-p", str(pse), *_NO_PIN)
    return _run_with(tool, pse, certificates[0], (*command, "-a")) if certificates else tool.run(command, pse.parent)


def add_certificates(tool: Tool, pse: Path, certificates: Iterable[Certificate]) -> Listing:
    """Add certificates to the certificate list of a PSE without PIN, a call for each, self-signed ones first.

    Returns:
        The certificate list as the program prints it afterwards: what was there before and every given certificate.

    Raises:
        ToolError: where the program fails, where it does not list what it was given, or where it trusts more.
    """
    asked, before = tuple(certificates), _readable(pse)
    listed_before = () if before else list_certificates(tool, pse).entries
    held = before.trusted if before else ()
    listing = _add_each(tool, pse, asked)
    new = [each for each in _unknown(listing.entries, asked) if each not in listed_before]
    _refuse_strangers(tool, pse, [each for each in new if not any(map(each.is_stored_as, held))])
    if before and (after := _readable(pse)):
        known = {each.tbs for each in held}
        _refuse_strangers(tool, pse, [each for each in _unknown_in_file(after, asked) if each.tbs not in known])
    return listing


def _add_each(tool: Tool, pse: Path, certificates: Sequence[Certificate]) -> Listing:
    answers: list[tuple[Certificate, Answer]] = []
    for certificate in _roots_first(certificates):
        answer = _run_with(tool, pse, certificate, ("maintain_pk", "-p", str(pse), *_NO_PIN, "-a"))
        _refuse(answer, (certificate.parsed.subject, certificate.parsed.issuer))
        answers.append((certificate, answer))
    listing = list_certificates(tool, pse)
    for certificate, answer in answers:
        if listing.find(certificate) is None:
            raise _failed(answer, f"{_claim(answer)}, but does not list {certificate.label} afterwards")
    return listing


def _roots_first(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    return tuple(sorted(certificates, key=lambda certificate: not certificate.is_self_issued))


def _unknown(entries: Iterable[ListedCertificate], asked: Sequence[Certificate]) -> list[ListedCertificate]:
    return [each for each in entries if not any(map(each.is_of, asked))]


def _unknown_in_file(pse: PseFile, asked: Sequence[Certificate]) -> list[TrustedCertificate]:
    known = {each.parsed.tbs_certificate_bytes for each in asked}
    return [each for each in pse.trusted if each.tbs not in known]


def _refuse_strangers(tool: Tool, pse: Path, entries: Sequence[ListedCertificate | TrustedCertificate]) -> None:
    if entries:
        raise ToolFailed(
            f'{tool.label} put "{entries[0].subject}" into the list of {pse}, which it was not asked to add',
            fix="use another program (--sapgenpse, or --engine=bundled), and find out why this one trusts more",
        )


def _read_back(pse: Path, answer: Answer) -> PseFile:
    """Read what a program has made.

    Raises:
        PinRefused: where it has a PIN.
        ToolFailed: where it is no PSE, or none that can be read here.
    """
    try:
        return _read(pse)
    except PinNeeded as error:
        raise PinRefused(f"{_asked(answer)} made a PSE with a PIN, and was told to make one without") from error
    except (PseError, OSError) as error:
        raise _failed(answer, f"made what cannot be read back as a PSE ({error})") from error


def _readable(pse: Path) -> PseFile | None:
    """Read a PSE that stands there already, or return nothing where only the program may be able to."""
    try:
        return _read(pse)
    except (PseError, OSError):
        return None


def _read(pse: Path) -> PseFile:
    with pse.open("rb") as stream:
        return file.read(read_beginning(stream, file.LARGEST_FILE + 1))


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


def _run_with(tool: Tool, pse: Path, certificate: Certificate, command: tuple[str, ...]) -> Answer:
    """Hand over one certificate as a file beside the PSE, where its own kind of leftovers is removed after a kill."""
    path = pse.with_name(f"{pse.name}.{secrets.token_hex(8)}.pem")
    try:
        write_private(path, certificate.pem.encode("ascii"))
        return tool.run((*command, str(path)), pse.parent)
    except OSError as error:
        raise ToolFailed(f"cannot write into {pse.parent}: {error.strerror}") from error
    finally:
        path.unlink(missing_ok=True)


def _understood(answer: Answer, parse: Callable[[str], _Read]) -> _Read:
    """Read an answer; what can be understood was told by a program that could open the PSE."""
    try:
        understood = parse(answer.text)
    except OutputUnreadable as error:
        _refuse(answer)
        raise _failed(answer, f"printed what cannot be understood ({error})") from error
    _refuse(answer)
    return understood


def _refuse(answer: Answer, names: Iterable[x509.Name] = ()) -> None:
    """Refuse an answer that tells of a PIN or of a crash.

    Args:
        names: the names of the certificates that the program was given.
    """
    if output.says_wrong_pin(answer.text, names):
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
    if answer.code in _WRONG_MACHINE_CODES or _says(answer, _WRONG_MACHINE):
        return "the program and SAP's library are built for different machines (32 and 64 bit); install a matching pair"
    if _lacks_library(answer):
        if _has_library_beside(Path(answer.command[0])):
            return f"SAP's library lies beside the program and is not found, even with that folder in {LIBRARY_PATH}"
        return "SAP's library (libsapcrypto.so, sapcrypto.dll) is not found; put it beside the program"
    if _is_script(answer.command[0]):
        return "this is a script around the program; name the program itself with --sapgenpse"
    return ""


def _lacks_library(answer: Answer) -> bool:
    """Tell whether the program did not find SAP's library."""
    return answer.code in _LIBRARY_CODES or (answer.code != 0 and _says(answer, _LIBRARY))


def _has_library_beside(program: Path) -> bool:
    return any(any(program.parent.glob(each)) for each in ("libsapcrypto.*", "sapcrypto.dll", "libslcryptokernel.*"))


def _says(answer: Answer, what: re.Pattern[str]) -> bool:
    """Tell whether the program itself says something, and not the name of a certificate."""
    return bool(what.search(answer.text) and what.search(output.own_words(answer.text)))


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
    if isinstance(error, FileNotFoundError) and is_file(program):
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
    if is_folder(program):
        raise ToolMissing(f"{program} is a folder", fix=f"name the program: {program / _file_name(windows=windows)}")
    if windows and not is_file(program) and is_file(program.with_name(f"{program.name}.exe")):
        return program.with_name(f"{program.name}.exe")  # as Windows itself finds it
    if not is_file(program):
        raise ToolMissing(f"{program} is not there")
    if not _is_executable(program, windows=windows):
        raise ToolMissing(f"{program} is not executable", fix=f"chmod +x {program}")
    return program


def _is_executable(program: Path, *, windows: bool) -> bool:
    return windows or bool(program.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))


def _programs(folders: Iterable[Path], *, windows: bool) -> Iterator[Path]:
    name = _file_name(windows=windows)
    return (
        folder / name for folder in folders if is_file(folder / name) and _is_executable(folder / name, windows=windows)
    )


def _file_name(*, windows: bool) -> str:
    return "sapgenpse.exe" if windows else "sapgenpse"


def _folders(environ: Mapping[str, str], beside: Iterable[Path], *, windows: bool) -> Iterator[Path]:
    for entry in environ.get("PATH", "").split(";" if windows else ":"):
        folder = Path(entry.strip('"') if windows else entry)
        if folder.is_absolute():
            yield folder
    known = well_known_folders(environ, windows=windows)
    for folder in (*beside, *(Path(each) for pattern in known for each in sorted(iglob(pattern)))):  # noqa: PTH207 - the pattern is absolute, Path.glob takes none
        if folder.is_absolute() and not _is_open_to_all(folder):
            yield folder


def _is_open_to_all(folder: Path) -> bool:
    """Tell whether everybody may put a program there; on Windows that is not known here."""
    try:
        return sys.platform != "win32" and bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return True
