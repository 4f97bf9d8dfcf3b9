"""A stand-in for SAP's sapgenpse whose behaviour is chosen by switches; it is not SAP's program.

It is for tests and pipelines on machines without SAP's program; `python -m pse_preflight.conformance.fake --install
FOLDER` writes it there. How SAP's program answers is known in parts only (reference of the tool, section 11); each
unknown is a switch here. The switches stand in `fake-sapgenpse.json` beside the program, or in the file that
FAKE_SAPGENPSE names.

What it prints is its own; it shares no text with the bundled implementation and no code with what reads it. The PSE
files are real ones.
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pse_preflight.certificate import Certificate, CertificateUnreadable, read_pem
from pse_preflight.errors import PreflightError
from pse_preflight.pse import file, name
from pse_preflight.pse.errors import PinNeeded, WrongPin
from pse_preflight.pse.file import PseFile

SWITCHES: Mapping[str, tuple[str, ...]] = {
    "stream": ("stdout", "stderr", "split"),
    "prompts": ("passphrase", "pin"),
    "prompt_line": ("open", "ended"),
    "prompt_shown": ("when_asked", "first", "inside"),
    "pin_question": ("when_needed", "always"),
    "no_input": ("error", "hang", "loop"),
    "not_after": ("with_blank", "without_blank"),
    "sha256": ("printed", "absent"),
    "alternative_names": ("absent", "printed"),
    "name_order": ("owner_first", "country_first"),
    "quoted_names": ("no", "yes"),
    "numbering": ("from_1", "from_0"),
    "indentation": ("1", "2", "3"),
    "extensions": ("one_line", "several_lines"),
    "empty_list": ("heading", "no_pklist", "words", "message"),
    "several_in_a_file": ("first", "all", "error"),
    "m_without_y": ("asks", "silent"),
    "duplicate": ("words", "exit_code", "other_words"),
    "existing_file": ("refused", "overwritten"),
    "missing_file": ("not_existing", "cannot_open"),
    "wrong_pin": ("exit_code", "exit_0"),
    "weak_pin": ("silent", "warning", "warning_everywhere"),
    "making": ("silent", "told"),
    "version": ("8.5", "5.5.5", "unknown"),
    "line_ends": ("lf", "crlf"),
    "encoding": ("utf-8", "latin-1"),
    "zone": ("as_told", "own"),
    "exit_codes": ("own", "always_0", "nonzero"),
    "banner": ("none", "wrapper"),
    "speed": ("usual", "slow"),
    "hang": ("never", "always", "after_work"),
    "crash": ("never", "making", "adding", "listing"),
    "failure": ("none", "library", "making", "half_made", "exit_code", "adding", "listing", "unknown_list"),
    "refusal": ("none", "owner", "empty_pin", "certificate"),
    "lie": (
        "none",
        "makes_nothing",
        "makes_no_pse",
        "sets_a_pin",
        "adds_nothing",
        "adds_more",
        "adds_more_unseen",
        "lists_nothing",
        "leaves_out",
        "lists_another",
        "lists_more",
    ),
}
"""Every switch with its values, the usual one first."""

HARMFUL = frozenset({"hang", "crash", "failure", "refusal", "lie"})
"""The switches that make it impossible to make, fill and list a PSE; under all others that is possible."""

_BESIDE = "fake-sapgenpse.json"
_NAMED_BY = "FAKE_SAPGENPSE"
_MARK = b"pse_preflight.conformance.fake"
_SCRIPT = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
sys.path.insert(0, {sources!r})
from pse_preflight.conformance.fake import console
sys.exit(console())
"""
"""What Python and the shell both read: a first line of its own could hold neither a long path nor one with blanks."""
_OWN_ZONE = timezone(timedelta(hours=-5))
_PAUSE = 0.003
_LONG = 3600.0
_MISUSED, _DUPLICATE, _NO_CREDENTIALS, _NO_LIBRARY = 2, 8, 21, 127
_ACCESS_VIOLATION = -1073741819
_DASHES = "----------------------------------------------------------------------------"
_SERIAL_BYTES = 16
_BITS = 2048
_LAST = datetime(2038, 1, 1, 0, 0, 1, tzinfo=UTC)
_WEEK = "MonTueWedThuFriSatSun"
_YEAR = "JanFebMarAprMayJunJulAugSepOctNovDec"
_FIRST_LONG_YEAR = 2050
_PARTS = {"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "SP", "2.5.4.10": "O", "2.5.4.11": "OU"}


class FakeFailure(Exception):
    """A command ends with a text on stderr and an exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class NotInstalled(PreflightError):
    """The fake could not be written where it was to stand."""


class SwitchesUnreadable(Exception):
    """The file of switches is not there, is not JSON, or holds what no switch is called."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What the program prints, where to, and in which form; nothing is held back."""

    switches: Mapping[str, str]

    def say(self, *lines: str) -> None:
        """Print lines of normal output."""
        stream = 2 if self.switches["stream"] == "stderr" else 1
        for line in lines:
            self._write(stream, line + self._end)

    def head(self, *lines: str) -> None:
        """Print lines that say what is being done; they go to stderr where the output is split."""
        stream = 1 if self.switches["stream"] == "stdout" else 2
        for line in lines:
            self._write(stream, line + self._end)

    def complain(self, line: str) -> None:
        """Print a line about what is wrong."""
        self._write(2, line + self._end)

    def prompt(self, text: str) -> None:
        """Print a question."""
        self._write(2, text + (self._end if self.switches["prompt_line"] == "ended" else ""))

    @property
    def _end(self) -> str:
        return "\r\n" if self.switches["line_ends"] == "crlf" else "\n"

    def _write(self, stream: int, text: str) -> None:
        data = text.encode(self.switches["encoding"], "replace")
        while data:
            data = data[os.write(stream, data) :]
        if self.switches["speed"] == "slow":
            time.sleep(_PAUSE)


@dataclass(frozen=True, slots=True)
class Job:
    """One call of the program: the command, its options and words, its voice and surroundings."""

    command: str
    options: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...]
    switches: Mapping[str, str]
    environ: Mapping[str, str]
    voice: Voice = field(repr=False)

    def one(self, option: str) -> str | None:
        """Return the last value of an option."""
        return self.options[option][-1] if option in self.options else None

    def does(self, switch: str, value: str) -> bool:
        """Tell whether a switch stands at a value."""
        return self.switches[switch] == value

    def fail(self, text: str, code: int = 1) -> NoReturn:
        """End with an error of this command."""
        raise FakeFailure(f"{self.command}: {text}", code)

    @property
    def pse(self) -> Path:
        """Return the PSE of -p; a name without a folder stands in SECUDIR, and gets .pse where it has no suffix."""
        given = self.one("-p")
        if not given:
            self.fail("no PSE name supplied, no SSO credentials found!")
        folder = self.environ.get("SECUDIR") or Path(self.environ.get("HOME", "/"), "sec")
        path = Path(folder).absolute() / given
        return path if path.suffix else path.with_name(f"{path.name}.pse")


def install(folder: Path) -> Path:
    """Write the fake into a folder, as a program that this Python runs; return the program.

    Raises:
        NotInstalled: where it cannot be written, or where another program has its name, which may be SAP's own.
    """
    script = folder / ("sapgenpse.py" if sys.platform == "win32" else "sapgenpse")
    text = _SCRIPT.format(python=sys.executable, sources=str(Path(__file__).resolve().parents[2]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if script.exists() and _MARK not in script.read_bytes():
            raise NotInstalled(f"{script} is there already and is another program; name another folder")
        script.write_text(text, encoding="utf-8")
        if sys.platform == "win32":
            program = script.with_suffix(".cmd")
            program.write_text(f'@"{sys.executable}" "%~dp0{script.name}" %*\n', encoding="oem")
            return program
        script.chmod(0o755)
    except OSError as error:
        raise NotInstalled(f"{script} cannot be written: {error.strerror}") from None
    return script


def console() -> int:
    """Be the program, or install it."""
    if sys.argv[1:2] == ["--install"]:
        return _install(sys.argv[2:])
    try:
        switches = read_switches(Path(sys.argv[0]), os.environ)
    except SwitchesUnreadable as error:
        os.write(2, f"fake-sapgenpse: {error}\n".encode())
        return _MISUSED
    return run(sys.argv[1:], switches, os.environ)


def _install(folders: Sequence[str]) -> int:
    if len(folders) != 1:
        os.write(2, b"usage: python -m pse_preflight.conformance.fake --install FOLDER\n")
        return _MISUSED
    try:
        program = install(Path(folders[0]))
    except NotInstalled as error:
        os.write(2, f"fake-sapgenpse: {error}\n".encode())
        return _MISUSED
    os.write(1, f"{program.absolute()}\n".encode())
    return 0


def read_switches(program: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every switch, read anew at each call from a JSON object of names and values.

    Raises:
        SwitchesUnreadable: where a file is named that cannot be used; that none stands beside the program is usual.
    """
    named = environ.get(_NAMED_BY)
    path = Path(named) if named else program.absolute().with_name(_BESIDE)
    if not named and not path.exists():
        return chosen({})
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SwitchesUnreadable(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise SwitchesUnreadable(f"{path} holds no JSON object of switches and values")
    return chosen(found)


def chosen(given: Mapping[str, object]) -> dict[str, str]:
    """Return the value of every switch, the usual one where none is given.

    Raises:
        SwitchesUnreadable: where a switch or a value is unknown; a typing error must not make a test meaningless.
    """
    for switch, value in given.items():
        if value not in SWITCHES.get(switch, ()):
            allowed = ", ".join(SWITCHES.get(switch, SWITCHES))
            raise SwitchesUnreadable(f"{switch}={value} is unknown; known are {allowed}")
    return {switch: str(given.get(switch, values[0])) for switch, values in SWITCHES.items()}


def run(arguments: Sequence[str], switches: Mapping[str, str], environ: Mapping[str, str]) -> int:
    """Run one command as the switches want it; return the exit code.

    Args:
        arguments: command and options.
        environ: SECUDIR, HOME, TZ and USER are looked at.
    """
    if switches["hang"] == "always":
        _hang()
    voice = Voice(switches)
    if switches["banner"] == "wrapper":
        voice.say(
            "Setting the environment of the SAP client", "Version: 2.14.23 (wrapper)", "SECUDIR: /usr/sap/sec", ""
        )
    try:
        _do(arguments, switches, environ, voice)
        code = 1 if switches["failure"] == "exit_code" else 0
    except FakeFailure as failure:
        voice.complain(str(failure))
        code = failure.code
    except (PreflightError, OSError) as error:
        voice.complain(f"{arguments[0]}: {error}")
        code = 1
    if switches["hang"] == "after_work":
        _hang()
    return 0 if switches["exit_codes"] == "always_0" else code


def _do(arguments: Sequence[str], switches: Mapping[str, str], environ: Mapping[str, str], voice: Voice) -> None:
    if switches["failure"] == "library":
        library = "libsapcrypto.so: cannot open shared object file: No such file or directory"
        raise FakeFailure(f"sapgenpse: error while loading shared libraries: {library}", _NO_LIBRARY)
    called = arguments[0] if arguments else "cryptinfo"
    if called not in _COMMANDS:
        raise FakeFailure(
            f"sapgenpse: {called} is no command of this program; there are {', '.join(_COMMANDS)}", _MISUSED
        )
    do, plain, valued = _COMMANDS[called]
    options, words = _sorted_out(called, arguments[1:], plain.split(), valued.split())
    job = Job(called, options, words, switches, environ, voice)
    if switches["prompt_shown"] == "first":
        voice.prompt(_question(job))
        sys.stdin.readline()
    if switches["weak_pin"] == "warning_everywhere" or (do is _gen_pse and switches["weak_pin"] == "warning"):
        voice.head("", *_WEAK_PIN, "")
    do(job)
    if switches["weak_pin"] == "warning_everywhere":
        voice.head("", *_WEAK_PIN)


_WEAK_PIN = (
    "!!! WARNING: For security reasons it is recommended to use a PIN/passphrase",
    "!!! WARNING: which is at least 8 characters long and contains characters in",
    "!!! WARNING: upper and lower case, numbers and non-alphanumeric symbols.",
)


def _sorted_out(
    called: str, arguments: Sequence[str], plain: Sequence[str], valued: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Tell options, their values and other words apart."""
    options: dict[str, tuple[str, ...]] = {}
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in plain:
            options[word] = ()
        elif word in valued:
            options[word] = (*options.get(word, ()), next(rest, ""))
        elif word.startswith("-") or called not in {"gen_pse", "get_pse"} or words:
            raise FakeFailure(f"{called}: unrecognized parameters: {word}", _MISUSED)
        else:
            words.append(word)
    return options, tuple(words)


def _hang() -> NoReturn:
    while True:
        time.sleep(_LONG)


def _crash() -> NoReturn:
    """End as a crash ends a program, but leave no core file behind."""
    if sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(_ACCESS_VIOLATION)


def _question(job: Job, again: str = "") -> str:
    what = "PSE PIN/Passphrase" if job.does("prompts", "passphrase") else "PIN"
    return f"Please {again}enter {what}: "


def _ask(job: Job, question: str) -> str:
    """Ask until there is an answer; what a program does whose input has ended is a switch."""
    while True:
        job.voice.prompt(question)
        answer = sys.stdin.readline()
        if answer:
            return answer.rstrip("\r\n")
        if job.does("no_input", "hang"):
            _hang()
        if job.does("no_input", "error"):
            job.fail("cannot read your answer")
        time.sleep(_PAUSE)


def _gen_pse(job: Job) -> None:
    """Make a PSE."""
    pse = job.pse
    if job.does("crash", "making"):
        pse.write_bytes(b"\x30\x82")
        _crash()
    if job.does("failure", "making"):
        job.fail("key generation failed")
    pin = job.one("-x")
    if pin is None:
        pin = _ask(job, _question(job))
        if _ask(job, _question(job, "re")) != pin:
            job.fail("PINs differ")
    if job.does("refusal", "empty_pin") and not pin:
        job.fail("an empty PIN is not allowed by your company")
    owner = _owner_name(job)
    if pse.exists() and job.does("existing_file", "refused"):
        job.fail(f'file "{pse}" exists, delete it first')
    told = job.voice.say if job.does("making", "told") or "-v" in job.options else _silent
    told(f'Got absolute PSE path "{pse}".', f'Supplied distinguished name: "{_name(owner, job)}"')
    if job.does("lie", "makes_no_pse"):
        _write(pse, b"hello")
    elif not job.does("lie", "makes_nothing"):
        _write_made(job, pse, owner, "set by the fake" if job.does("lie", "sets_a_pin") else pin)
    told("Creating PSE with format v2 (default)", "certificate creation... ok", "PSE update... ok", "PKRoot... ok")


def _silent(*_: str) -> None:
    """Say nothing."""


def _owner_name(job: Job) -> x509.Name:
    text = job.words[0] if job.words else _ask(job, "get_pse: Distinguished name of PSE owner: ")
    if job.does("refusal", "owner"):
        job.fail("Invalid distinguished name")
    try:
        return name.ordered(name.parse(text))
    except name.NameUnreadable:
        job.fail("Invalid distinguished name")


def _write_made(job: Job, pse: Path, owner: x509.Name, pin: str) -> None:
    key, start = make_key(), datetime.now(UTC).replace(microsecond=0)
    number = int.from_bytes(os.urandom(_SERIAL_BYTES)) >> 1
    certificate = file.self_signed_owner(owner, key, start=start, end=_LAST, serial_number=number)
    data = file.new(certificate, key, time=start, salt=os.urandom(8)).encode(pin)
    _write(pse, data[: len(data) // 2] if job.does("failure", "half_made") else data)
    if "-noreq" not in job.options:
        request = x509.CertificateSigningRequestBuilder(owner).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        _hand_out(job, request.decode("ascii"), "-r")


def make_key() -> rsa.RSAPrivateKey:
    """Make the private key of a new PSE."""
    return rsa.generate_private_key(65537, _BITS)


def _gen_verify_pse(job: Job) -> None:
    """Make a PSE without a key."""
    pin = job.one("-x")
    given = [each for path in job.options.get("-a", ()) for each in _certificates(job, path)]
    made = file.new(None, None, given, time=datetime.now(UTC), salt=os.urandom(8))
    _write(job.pse, made.encode(_ask(job, _question(job)) if pin is None else pin))
    job.voice.say("verification PSE written")


def _write(pse: Path, data: bytes) -> None:
    with open(pse, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
        stream.write(data)


def _opened(job: Job) -> tuple[PseFile, str | None]:
    pin = job.one("-x")
    try:
        data = job.pse.read_bytes()
    except OSError:
        reason = " (No such file)" if job.does("missing_file", "cannot_open") else ""
        job.fail(f'Couldn\'t open PSE "{job.pse}"{reason}', 5)
    if pin is None and (job.does("pin_question", "always") or _has_pin(data)):
        pin = _ask(job, _question(job))
    try:
        return file.read(data, pin), pin
    except (PinNeeded, WrongPin):
        code = 0 if job.does("wrong_pin", "exit_0") else 1
        job.fail(f'Couldn\'t open PSE "{job.pse}" (Wrong PIN/Passphrase)', code)
    except PreflightError:
        job.fail(f'Couldn\'t open PSE "{job.pse}" (Decoding error)')


def _has_pin(data: bytes) -> bool:
    try:
        file.read(data)
    except PinNeeded:
        return True
    except PreflightError:
        return False
    return False


def _maintain_pk(job: Job) -> None:
    """Add to, delete from or list the certificate list."""
    pse, pin = _opened(job)
    bare = "-l" in job.options and not pse.trusted and job.does("empty_list", "message")
    job.voice.head(*([] if bare else [f' maintain_pk for PSE "{job.pse}"']))
    if "-l" in job.options:
        _list(job, pse)
    elif "-d" in job.options:
        _delete(job, pse, pin)
    else:
        _add(job, pse, pin)


def _add(job: Job, pse: PseFile, pin: str | None) -> None:
    given = [each for path in job.options.get("-a", ()) for each in _first_or_all(job, _certificates(job, path))]
    several = [each for path in job.options.get("-m", ()) for each in _certificates(job, path)]
    given += [each for each in several if _is_wanted(job, each)]
    if job.does("refusal", "certificate"):
        job.fail("certificate rejected, its signature algorithm is not allowed here")
    if job.does("failure", "adding"):
        job.fail("internal error 0xA0100014")
    job.voice.say(_DASHES)
    held = {each.sha256 for each in pse.trusted}
    new = [each for each in given if each.sha256 not in held]
    if not new:
        _say_duplicate(job)
        return
    job.voice.say(*(f"Subject               :   {_name(each.parsed.subject, job)}" for each in new), "")
    unasked = _own(pse) if job.switches["lie"].startswith("adds_more") else []
    changed = pse.with_trusted([*new, *unasked], datetime.now(UTC)).encode(pin)
    if job.does("crash", "adding"):
        job.pse.write_bytes(changed[: len(changed) // 2])
        _crash()
    if not job.does("lie", "adds_nothing"):
        _write(job.pse, changed)
    job.voice.say(f" PKList updated ({len(held) + len(new)} entries total, {len(new)} newly added)", "")


def _first_or_all(job: Job, found: list[Certificate]) -> list[Certificate]:
    if len(found) > 1 and job.does("several_in_a_file", "error"):
        job.fail("more than one certificate in the file")
    return found if job.does("several_in_a_file", "all") else found[:1]


def _is_wanted(job: Job, certificate: Certificate) -> bool:
    if "-y" in job.options or job.does("m_without_y", "silent"):
        return True
    job.voice.say(f"Subject               :   {_name(certificate.parsed.subject, job)}")
    return _ask(job, "Add this certificate to the PKList (y/n)? ").lower().startswith("y")


def _say_duplicate(job: Job) -> None:
    if job.does("duplicate", "exit_code"):
        job.fail("Duplicate element in PKList", _DUPLICATE)
    words = "** DUPLICATE ** skipped" if job.does("duplicate", "other_words") else "Duplicate certificate ignored"
    job.voice.say(f" {words}", "")


def _delete(job: Job, pse: PseFile, pin: str | None) -> None:
    number = job.one("-d") or ""
    first = 0 if job.does("numbering", "from_0") else 1
    unwanted = [each for position, each in enumerate(pse.trusted, first) if str(position) == number]
    if not unwanted:
        job.fail(f"no element {number}")
    changed = pse.without_trusted(lambda each: each in unwanted, datetime.now(UTC))
    _write(job.pse, changed.encode(pin))
    job.voice.say(f" PKList updated ({len(changed.trusted)} entries total, {len(unwanted)} deleted)", "")


def _certificates(job: Job, path: str) -> list[Certificate]:
    try:
        data = Path(path).read_bytes()
        return list(read_pem(data)) if b"-----BEGIN" in data else [Certificate.read(data)]
    except (OSError, CertificateUnreadable):
        words = "not existing" if job.does("missing_file", "not_existing") else "could not be opened"
        job.fail(f"file {path} {words}", 3)


def _list(job: Job, pse: PseFile) -> None:
    if job.does("failure", "listing"):
        job.fail("cannot print the PKList")
    shown = _shown(job, pse)
    if job.does("failure", "unknown_list"):
        job.voice.say(*(f"[{number}] {_name(each.parsed.subject, job)}" for number, each in enumerate(shown)))
    elif not shown:
        job.voice.say(*_EMPTY[job.switches["empty_list"]])
    else:
        job.voice.head("PKList:")
        if job.does("prompt_shown", "inside"):
            job.voice.prompt(_question(job))
        job.voice.say(*_elements(job, shown))
    if job.does("crash", "listing"):
        _crash()
    if job.does("exit_codes", "nonzero") and shown:
        job.fail("warning, some certificates of the PKList will end soon")


_EMPTY = {
    "heading": ("PKList:",),
    "no_pklist": (),
    "words": (" PKList is empty.",),
    "message": ("maintain_pk: There are no certificates in this PSE",),
}


def _own(pse: PseFile) -> list[Certificate]:
    """Return the certificate that the lies put where it was not asked for."""
    return [pse.owner] if pse.owner else []


def _shown(job: Job, pse: PseFile) -> list[Certificate]:
    """Return what is listed, which is what is held but for a lie."""
    held = [each.certificate for each in pse.trusted if each.certificate]
    other = _own(pse)
    lies = {
        "adds_more_unseen": [each for each in held if each not in other],
        "lists_nothing": [],
        "leaves_out": held[:-1],
        "lists_another": [*held[:-1], *other],
        "lists_more": [*held, *other],
    }
    return lies.get(job.switches["lie"], held)


def _elements(job: Job, shown: Sequence[Certificate]) -> Iterable[str]:
    """Return the lines of a list; one certificate alone has no number."""
    if len(shown) == 1:
        return _fields(job, shown[0], " ")
    first = 0 if job.does("numbering", "from_0") else 1
    blanks = " " * int(job.switches["indentation"])
    numbered = enumerate(shown, first)
    return [line for number, each in numbered for line in (f" Element #{number}:", *_fields(job, each, blanks))]


def _fields(job: Job, certificate: Certificate, blanks: str) -> list[str]:
    parsed = certificate.parsed
    key = parsed.public_key()
    kind = "rsaEncryption" if isinstance(key, rsa.RSAPublicKey) else "ecPublicKey"
    key_der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    told = {
        "Version": str(parsed.version.value + 1),
        "Subject": _name(parsed.subject, job),
        "Issuer": _name(parsed.issuer, job),
        "Serial Number": _pairs(_octets(certificate.serial_number)),
        "Validity not before": _date(job, certificate.not_before),
        "Validity not after": _date(job, certificate.not_after),
        "Public key": f"{kind} ({getattr(key, 'key_size', 0)} bits)",
        "Public key fingerprint (MD5)": _pairs(_digest("md5", key_der)),
        "Signature algorithm": f"signature ({parsed.signature_algorithm_oid.dotted_string})",
    }
    prints = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256"}
    if job.does("sha256", "absent"):
        del prints["SHA256"]
    after = {f"Certificate fingerprint ({kind})": _pairs(_digest(how, certificate.der)) for kind, how in prints.items()}
    return [
        *(_field(blanks, key, value) for key, value in told.items()),
        f"{blanks}Extensions:",
        *_extensions(job, certificate, blanks),
        *(_field(blanks, key, value) for key, value in after.items()),
    ]


def _field(blanks: str, key: str, value: str) -> str:
    return f"{blanks}{key}:".ljust(39) + value


def _extensions(job: Job, certificate: Certificate, blanks: str) -> list[str]:
    """Return lines below `Extensions:`; some builds let a value go on, and name fields of others in it."""
    deeper = blanks + " "
    lines = [_field(deeper, "Key Usage", "Critical: digitalSignature keyCertSign cRLSign")]
    if job.does("alternative_names", "printed"):
        lines.append(_field(deeper, "SubjectAltName", "DNS:client.example"))
    if job.does("extensions", "several_lines"):
        lines += [
            _field(deeper, "Authority Key Identifier", ""),
            _field(deeper + " ", "Issuer", "CN=Somebody else"),
            _field(deeper + " ", "Serial Number", "01:02:03"),
            f"{deeper} and so on without a colon",
            _field(deeper, "Subject", f"CN=of an extension of {certificate.sha256[:8]}"),
        ]
    return lines


def _get_my_name(job: Job) -> None:
    """Show the own certificate."""
    pse, _ = _opened(job)
    owner = pse.owner
    if owner is None:
        job.fail("no certificate in PSE")
    if "-v" in job.options:
        job.voice.head(f'Opening PSE "{job.pse}"...', "PSE (v2) open ok.", "Retrieving my certificate... ok.")
        job.voice.head("Getting requested information... ok.")
    job.voice.head(f'No SSO for USER "{job.environ.get("USER", "somebody")}"', f'  with PSE file "{job.pse}"', "")
    if job.does("prompt_shown", "inside"):
        job.voice.prompt(_question(job))
    if job.one("-n") != "validity":
        job.voice.say("MY Certificate:", *_own_lines(job, owner))
    job.voice.say(*_validity(job, owner))
    if job.does("alternative_names", "printed"):
        job.voice.say("SubjectAltName: DNS:client.example")


def _own_lines(job: Job, owner: Certificate) -> list[str]:
    return [
        f"Subject : {_name(owner.parsed.subject, job)}",
        f"Issuer  : {_name(owner.parsed.issuer, job)}",
        f"Serialno: {_pairs(_octets(owner.serial_number))}",
        f"KeyInfo : RSA, {_BITS}-bit",
    ]


def _validity(job: Job, owner: Certificate) -> list[str]:
    label = "NotAfter :" if job.does("not_after", "with_blank") else "NotAfter:"
    return [
        f"Validity  -  NotBefore:   {_date(job, owner.not_before)}",
        f"             {label}   {_date(job, owner.not_after)}",
    ]


def _export_own_cert(job: Job) -> None:
    """Hand out the own certificate."""
    owner = _opened(job)[0].owner
    if owner is None:
        job.fail("no certificate in PSE")
    _hand_out(job, owner.pem, "-o")


def _hand_out(job: Job, text: str, option: str) -> None:
    target = job.one(option)
    if target:
        Path(target).write_text(text, encoding="ascii")
    else:
        job.voice.say(*text.splitlines())


def _seclogin(job: Job) -> None:
    """Say that there are no credentials; it keeps none."""
    job.voice.complain(f'running seclogin with USER="{job.environ.get("USER", "somebody")}"')
    job.fail("No SSO credentials available", _NO_CREDENTIALS)


def _cryptinfo(job: Job) -> None:
    """Show versions and the folder of the PSEs."""
    versions = {
        "8.5": ("Versions: SAPGENPSE 8.5.50 (Jan  1 2024)", "  CommonCryptoLib (SAPCRYPTOLIB) Version 8.5.50 (fake)"),
        "5.5.5": ("SAPSECULIB Version 5.5.5C pl36 (fake)",),
        "unknown": ("crypto kernel of the fake",),
    }
    folder = job.environ.get("SECUDIR")
    secudir = ("Environment variable $SECUDIR is defined:", f'"{folder}"') if folder else ("$SECUDIR is not defined",)
    job.voice.say("fake-sapgenpse of pse-preflight; this is not SAP's program")
    job.voice.say(*versions[job.switches["version"]], *secudir)


def _name(full: x509.Name, job: Job) -> str:
    """Write a name as it is, with whatever characters stand in it."""
    parts = [
        f"{_PARTS.get(each.oid.dotted_string, each.oid.dotted_string)}={each.value!s}" for each in reversed(list(full))
    ]
    text = ", ".join(reversed(parts) if job.does("name_order", "country_first") else parts)
    return f'"{text}"' if job.does("quoted_names", "yes") else text


def _date(job: Job, when: datetime) -> str:
    """Write a date in local time, and in UTC in parentheses."""
    utc = job.environ.get("TZ", "").startswith("UTC")
    local = when.astimezone(_OWN_ZONE if job.does("zone", "own") else UTC if utc else None)
    day, month = _WEEK[3 * local.weekday() :][:3], _YEAR[3 * (local.month - 1) :][:3]
    short = when.year < _FIRST_LONG_YEAR
    stamp = f"{when:%y%m%d%H%M%S}Z" if short else f"{when:%Y%m%d%H%M%S}Z"
    return f"{day} {month} {local.day:>2} {local:%H:%M:%S} {local.year} ({stamp})"


def _octets(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1).lstrip(b"\0") or b"\0"


def _pairs(data: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in data)


def _digest(how: str, data: bytes) -> bytes:
    return hashlib.new(how, data, usedforsecurity=False).digest()


_COMMANDS: Mapping[str, tuple[Callable[[Job], None], str, str]] = {
    "gen_pse": (_gen_pse, "-noreq -v", "-p -x -r -a -s -k"),
    "get_pse": (_gen_pse, "-noreq -v", "-p -x -r -a -s -k"),
    "gen_verify_pse": (_gen_verify_pse, "-v", "-p -x -a"),
    "maintain_pk": (_maintain_pk, "-l -y -v", "-p -x -a -m -d"),
    "get_my_name": (_get_my_name, "-v -vv", "-p -x -n"),
    "export_own_cert": (_export_own_cert, "-v", "-p -x -o"),
    "seclogin": (_seclogin, "-l -v", "-p -x -O"),
    "cryptinfo": (_cryptinfo, "-v", ""),
}

if __name__ == "__main__":
    sys.exit(console())
