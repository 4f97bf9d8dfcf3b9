"""An open implementation of the commands of sapgenpse that this package needs; it is not SAP's program.

It is reached by arguments, standard streams and an exit code only, within this process or as the program `opengenpse`.
"""

import getpass
import io
import ipaddress
import os
import platform
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TextIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight import __version__
from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.certificate import now as clock
from pse_preflight.certificate_file import read_certificates
from pse_preflight.errors import PreflightError
from pse_preflight.pse import create, file, name
from pse_preflight.pse.errors import LegacyPse, MachineBoundPse, PinNeeded, PseError, WrongPin
from pse_preflight.pse.file import PseFile
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse import paths, wording

PROGRAM = "opengenpse"

_OK, _FAILED, _MISUSED = 0, 1, 2
_LOCK_TIMEOUT = 10.0
_EXPONENT = 65537
_USUAL_BITS = 2048
_MOST_BITS = 8192
_SALT_BYTES = 8
_SERIAL_BYTES = 16
_END = datetime(2038, 1, 1, 0, 0, 1, tzinfo=UTC)
"""Where SAP's tool lets its own certificates end."""
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_NOT_SAPS = f"{PROGRAM} {__version__} (pse-preflight), an open implementation; this is not SAP's sapgenpse"


class Refused(PreflightError):
    """A command cannot do what it was asked.

    Attributes:
        exit_code: what the program ends with.
    """

    exit_code = _FAILED


class Misused(Refused):
    """The arguments cannot be understood."""

    exit_code = _MISUSED


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside of the program: what it is told by, what it says, clock, dice and the rules of paths."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    make_key: Callable[[int], rsa.RSAPrivateKey]
    windows: bool

    @property
    def zone(self) -> tzinfo | None:
        """Return the time zone of printed dates; None is this machine's."""
        return UTC if self.environ.get("TZ") in {"UTC", "UTC0", "GMT"} else None

    def say(self, *lines: str) -> None:
        """Print lines of normal output."""
        self.stdout.writelines(f"{line}\n" for line in lines)

    def ask(self, prompt: str) -> str:
        """Ask a question on stderr and return the line that is typed."""
        self.stderr.write(prompt)
        self.stderr.flush()
        line = self.stdin.readline()
        if not line:
            raise Refused("no answer, the input has ended")
        return line.rstrip("\r\n")

    def ask_secret(self, prompt: str) -> str:
        """Ask a question whose answer is not shown."""
        return getpass.getpass(prompt, self.stderr) if self.stdin.isatty() else self.ask(prompt)


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments of a command, sorted out: switches, options with values, and the words that remain."""

    switches: frozenset[str]
    values: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...]

    def last(self, option: str) -> str | None:
        """Return the last value of an option."""
        given = self.values.get(option, ())
        return given[-1] if given else None


@dataclass(frozen=True, slots=True)
class BundledCommand:
    """One command of the program.

    Attributes:
        usage: its options, and what it does, as -h shows them.
        switches: options without a value.
        valued: options with one.
        run: what it does.
        takes_words: whether other words may follow.
    """

    usage: str
    switches: frozenset[str]
    valued: frozenset[str]
    run: Callable[[Options, World], None]
    takes_words: bool = False


def console() -> int:
    """Be the program `opengenpse`."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = run(sys.argv[1:], environ=os.environ, stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return code


def make_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Make a new private key of the given size."""
    return rsa.generate_private_key(_EXPONENT, bits)


def run(  # noqa: PLR0913 - each is one thing outside of the program that a test may hold still
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
    now: Callable[[], datetime] = clock,
    random: Callable[[int], bytes] = secrets.token_bytes,
    make_key: Callable[[int], rsa.RSAPrivateKey] = make_rsa_key,
    windows: bool = sys.platform == "win32",
) -> int:
    """Run one command and return the exit code: 0 done, 1 refused, 2 not understood.

    Args:
        arguments: command and options, without the program's own name.
        environ: SECUDIR, HOME (or LOCALAPPDATA) and TZ are looked at.
        stdin, stdout, stderr: output goes to stdout, prompts and errors to stderr.
        now, random, make_key: clock, random bytes, and private keys of a given size.
        windows: whose rules of paths hold.
    """
    world = World(environ, stdin, stdout, stderr, now, random, make_key, windows)
    if not arguments or arguments[0] in {"-h", "--help", "-help"}:
        world.say(*(_help() if arguments else _banner(world)))
        return _OK
    called = arguments[0]
    try:
        _run_command(called, arguments[1:], world)
    except Refused as error:
        stderr.write(f"{called}: {error}\n")
        return error.exit_code
    except BrokenPipeError:
        raise
    except (PreflightError, OSError) as error:
        stderr.write(f"{called}: {error}\n")
        return _FAILED
    return _OK


def _run_command(called: str, arguments: Sequence[str], world: World) -> None:
    command = _COMMANDS.get(called)
    if command is None:
        raise Misused(f"unknown command; {PROGRAM} -h lists the commands there are")
    if "-h" in arguments:
        world.say(_NOT_SAPS, "", f"usage: {PROGRAM} {called} {command.usage}")
        return
    command.run(_options(command, arguments), world)


def _options(command: BundledCommand, arguments: Sequence[str]) -> Options:
    """Sort out arguments; the order of options is free, and the last words of a name may be unquoted."""
    switches: set[str] = set()
    values: dict[str, tuple[str, ...]] = {}
    words: list[str] = []
    remaining = list(arguments)
    if any("\0" in word for word in remaining):
        raise Misused("unrecognized parameters, one holds a zero character")
    while remaining:
        word = remaining.pop(0)
        if word in command.switches:
            switches.add(word)
        elif word in command.valued and remaining:
            values[word] = (*values.get(word, ()), remaining.pop(0))
        elif word.startswith("-") or not command.takes_words:
            raise Misused(f'unrecognized parameters "{word}"')
        else:
            words.append(word)
    return Options(frozenset(switches), values, tuple(words))


def _gen_pse(options: Options, world: World) -> None:
    """Make a PSE with a key of its own and a certificate that is signed with it."""
    wanted = _Wanted.read(options)
    pse = _path(options, world)
    _refuse_existing(pse)
    say = world.say if "-v" in options.switches else _say_nothing
    say(f'Got absolute PSE path "{pse}".')
    pin = _new_pin(options, world)
    owner_name = _owner_name(options, world)
    say("", f'Supplied distinguished name: "{name.text(owner_name)}"', "Creating PSE with format v2 (default)")
    key = world.make_key(wanted.bits)
    say(f"Generating key (RSA, {wanted.bits}-bits) ... succeeded.")
    owner = _own_certificate(owner_name, key, wanted, world)
    say("certificate creation... ok")
    _write_new(pse, file.new(owner, key, time=world.now(), salt=world.random(_SALT_BYTES)).encode(pin))
    say("PSE update... ok", "PKRoot... ok")
    if "-noreq" not in options.switches:
        _hand_out(_request(owner_name, key, wanted), options.last("-r"), world)
        say("Generating certificate request... ok.")


def _say_nothing(*_: str) -> None:
    """Keep silent without -v."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the new key and certificate are to be like."""

    bits: int
    algorithm: hashes.SHA256 | hashes.SHA384 | hashes.SHA512
    dns_names: tuple[str, ...]
    addresses: tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]

    @classmethod
    def read(cls, options: Options) -> "_Wanted":
        """Read -a, -s and -k."""
        bits, algorithm = _algorithm(options.last("-a") or "RSA")
        alternatives = [_alternative(text) for text in options.values.get("-k", ())]
        return cls(
            _size(options.last("-s") or bits),
            algorithm,
            tuple(each for each in alternatives if isinstance(each, str)),
            tuple(each for each in alternatives if not isinstance(each, str)),
        )


def _algorithm(text: str) -> tuple[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]:
    """Read `sha256WithRsaEncryption`, `RSA` or `RSA:4096:SHA512`; how a PSE holds other keys is not known."""
    kind, _, rest = text.lower().partition(":")
    if kind.endswith("withrsaencryption"):
        kind, rest = "rsa", f"{_USUAL_BITS}:{kind.removesuffix('withrsaencryption')}"
    bits, _, digest = rest.partition(":")
    if kind != "rsa":
        raise Refused(f"algorithm {text} is not supported, only RSA is (how a PSE holds other keys is not published)")
    if (digest or "sha256") not in _HASHES:
        raise Refused(f"algorithm {text} is not supported, only SHA256, SHA384 and SHA512 are")
    return bits or str(_USUAL_BITS), _HASHES[digest or "sha256"]


def _size(text: str) -> int:
    bits = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_BITS)) else 0
    if not _USUAL_BITS <= bits <= _MOST_BITS:
        raise Refused(f"key size {text} is not supported, {_USUAL_BITS} to {_MOST_BITS} bits are")
    return bits


def _alternative(text: str) -> str | ipaddress.IPv4Address | ipaddress.IPv6Address:
    kind, _, value = text.partition(":")
    if kind == "GN-dNSName" and value.isascii() and value:
        return value
    try:
        if kind == "GN-iPAddress":
            return ipaddress.ip_address(value)
    except ValueError:
        pass
    raise Refused(f'alternative name "{text}" is neither GN-dNSName:<host> nor GN-iPAddress:<address>')


def _new_pin(options: Options, world: World) -> str | None:
    given = options.last("-x")
    if given is None:
        given = world.ask_secret("Please enter PSE PIN/Passphrase: ")
        if given != world.ask_secret("Please reenter PSE PIN/Passphrase: "):
            raise Refused("the two PINs are not the same")
    return given or None


def _owner_name(options: Options, world: World) -> x509.Name:
    text = " ".join(options.words) or world.ask("get_pse: Distinguished name of PSE owner: ")
    try:
        return name.ordered(name.parse(text))
    except name.NameUnreadable as error:
        raise Refused(f"Invalid distinguished name ({error})") from error


def _own_certificate(owner: x509.Name, key: rsa.RSAPrivateKey, wanted: _Wanted, world: World) -> Certificate:
    start = world.now()
    return file.self_signed_owner(
        owner,
        key,
        start=start,
        end=max(_END, start + timedelta(days=1)),
        serial_number=int.from_bytes(world.random(_SERIAL_BYTES)) or 1,
        dns_names=wanted.dns_names,
        addresses=wanted.addresses,
        algorithm=wanted.algorithm,
    )


def _request(owner: x509.Name, key: rsa.RSAPrivateKey, wanted: _Wanted) -> str:
    """Return a certificate request (PKCS#10) as PEM."""
    builder = x509.CertificateSigningRequestBuilder(owner)
    names = [*map(x509.DNSName, wanted.dns_names), *map(x509.IPAddress, wanted.addresses)]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, wanted.algorithm).public_bytes(Encoding.PEM).decode("ascii")


def _gen_verify_pse(options: Options, world: World) -> None:
    """Make a PSE without a key, which can only verify others."""
    pse = _path(options, world)
    _refuse_existing(pse)
    pin = _new_pin(options, world)
    trusted = _certificates(options.values.get("-a", ()), world)
    made = file.new(None, None, trusted, time=world.now(), salt=world.random(_SALT_BYTES))
    _write_new(pse, made.encode(pin))


def _maintain_pk(options: Options, world: World) -> None:
    """Show or change the certificate list."""
    actions = {"-l": _list, "-a": _add, "-m": _add, "-d": _delete}
    chosen = {actions[option] for option in actions if option in options.switches or option in options.values}
    if len(chosen) != 1:
        raise Misused("one of -a, -m, -d and -l is needed")
    pse = _path(options, world)
    found, pin = _open(pse, options, world)
    chosen.pop()(_Opened(pse, found, pin), options, world)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A PSE that was read, with what opens it."""

    path: Path
    file: PseFile
    pin: str | None = field(repr=False)

    def change(self, change: Callable[[PseFile], PseFile]) -> PseFile:
        """Change the file as it is now, in one step, and return what it has become."""
        changed: list[PseFile] = []

        def bytes_changed(data: bytes) -> bytes:
            changed.append(change(file.read(data, self.pin)))
            return changed[-1].encode(self.pin)

        create.rewrite(self.path, bytes_changed, lock_timeout=_LOCK_TIMEOUT)
        return changed[-1]


def _list(pse: _Opened, _: Options, world: World) -> None:
    world.say(*wording.listing(pse.path, pse.file.trusted, world.zone))


def _add(pse: _Opened, options: Options, world: World) -> None:
    given = [*_certificates(options.values.get("-a", ()), world), *_confirmed(options, world)]
    present = {each.tbs for each in pse.file.trusted}
    new = [each for each in dict.fromkeys(given) if each.parsed.tbs_certificate_bytes not in present]
    if not new:
        create.tidy(pse.path)
        duplicates = (f'Duplicate certificate "{name.text(each.parsed.subject)}", not added again' for each in given)
        world.say(wording.heading(pse.path), wording.RULE, *duplicates)
        return
    total = len(pse.change(lambda found: found.with_trusted(new, world.now())).trusted)
    subjects = [name.text(each.parsed.subject) for each in new]
    world.say(*wording.updated(pse.path, subjects, total, len(new), "newly added"))


def _confirmed(options: Options, world: World) -> list[Certificate]:
    """Return the certificates of -m, each asked for unless -y says yes to all."""
    found = _certificates(options.values.get("-m", ()), world)
    if "-y" in options.switches:
        return found
    return [each for each in found if world.ask(f"Add {each.label}? (y/n) ").strip().lower() in {"y", "yes"}]


def _delete(pse: _Opened, options: Options, world: World) -> None:
    unwanted = [each for text in options.values["-d"] for each in _meant(text, pse.file.trusted)]
    changed = pse.change(lambda found: found.without_trusted(lambda each: each in unwanted, world.now()))
    subjects = [each.subject for each in unwanted]
    world.say(*wording.updated(pse.path, subjects, len(changed.trusted), len(unwanted), "deleted"))


def _meant(text: str, entries: Sequence[TrustedCertificate]) -> list[TrustedCertificate]:
    """Return the entries that -d means: by the number in the listing, or by a part of the subject."""
    if text.isascii() and text.isdigit():
        found = [each for number, each in enumerate(entries, 1) if str(number) == text]
    else:
        found = [each for each in entries if text and text.lower() in each.subject.lower()]
    if not found:
        raise Refused(f'no entry of the PKList is meant by "{text}"')
    return found


def _get_my_name(options: Options, world: World) -> None:
    """Show the own certificate."""
    pse = _path(options, world)
    found, _ = _open(pse, options, world)
    owner = _owner(found)
    entry = TrustedCertificate(owner.parsed.tbs_certificate_bytes, owner.der, "")
    parts = {
        "validity": wording.validity(owner, world.zone),
        "subject": [f"Subject : {name.text(owner.parsed.subject)}"],
        "issuer": [f"Issuer  : {name.text(owner.parsed.issuer)}"],
        "serialno": [f"Serialno: {wording.serial(owner.serial_number)}"],
        "keyinfo": [f"KeyInfo : {wording.key_information(owner)}"],
    }
    wanted = options.last("-n")
    if wanted is not None and wanted.lower() not in parts:
        raise Misused(f'-n knows {", ".join(parts)}, not "{wanted}"')
    if "-v" in options.switches:
        world.say(f'Opening PSE "{pse}"...', f"PSE (v{found.version}) open ok.", "Retrieving my certificate... ok.")
        world.say("Getting requested information... ok.")
    world.say(f'No SSO for USER "{_user(world)}"', f'  with PSE file "{pse}"', "")
    if "-vv" in options.switches:
        world.say("MY:", wording.RULE, "Certificate:", *wording.described(entry, world.zone), "")
    else:
        world.say(*(parts[wanted.lower()] if wanted else ["MY Certificate:", *wording.owner(owner, world.zone)]))


def _export_own_cert(options: Options, world: World) -> None:
    """Hand out the own certificate as PEM."""
    found, _ = _open(_path(options, world), options, world)
    _hand_out(_owner(found).pem, options.last("-o"), world)


def _cryptinfo(_: Options, world: World) -> None:
    """Show versions and the folder of the PSEs."""
    world.say(*_banner(world))


def _banner(world: World) -> list[str]:
    defined = "is defined" if world.environ.get("SECUDIR") else "is not defined, the default is"
    return [
        _NOT_SAPS,
        "",
        f"Platform: {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"Environment variable $SECUDIR {defined}:",
        f'"{paths.secudir(world.environ, windows=world.windows)}"',
        "",
        f"{PROGRAM} -h lists the commands.",
    ]


def _help() -> list[str]:
    lines = [f"  {called:<16} {(command.run.__doc__ or '').strip()}" for called, command in _COMMANDS.items()]
    return [
        _NOT_SAPS,
        "",
        f"usage: {PROGRAM} <command> [options]; {PROGRAM} <command> -h tells more",
        "",
        *lines,
        "",
        "Exit codes: 0 done, 1 refused, 2 arguments not understood.",
    ]


def _path(options: Options, world: World) -> Path:
    given = options.last("-p")
    if not given:
        raise Misused("no PSE name supplied, no SSO credentials found!")
    folder = paths.secudir(world.environ, windows=world.windows).absolute()
    return paths.pse_path(given, folder, windows=world.windows)


def _refuse_existing(pse: Path) -> None:
    if os.path.lexists(pse):
        raise Refused(f'PSE "{pse}" already exists')


def _write_new(pse: Path, data: bytes) -> None:
    published = create.publish(pse, lambda path: create.write_private(path, data), lock_timeout=_LOCK_TIMEOUT)
    if not published.created:
        raise Refused(f'PSE "{pse}" already exists')


def _open(pse: Path, options: Options, world: World) -> tuple[PseFile, str | None]:
    """Read a PSE; one without a PIN opens without a question."""
    pin = options.last("-x")
    try:
        data = pse.read_bytes()
        try:
            return file.read(data, pin), pin
        except PinNeeded:
            if pin is not None:
                raise
        pin = world.ask_secret("Please enter PSE PIN/Passphrase: ")
        return file.read(data, pin), pin
    except (PseError, OSError) as error:
        raise Refused(f'Couldn\'t open PSE "{pse}" ({_reason(error)})') from error


def _reason(error: PseError | OSError) -> str:
    if isinstance(error, PinNeeded | WrongPin):
        return "Wrong PIN/Passphrase"
    if isinstance(error, FileNotFoundError):
        return "PSE does not exist"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MachineBoundPse | LegacyPse):
        return str(error)
    return "Decoding error"


def _owner(found: PseFile) -> Certificate:
    if found.owner is None:
        raise Refused("the PSE has no certificate of its own")
    return found.owner


def _certificates(files: Sequence[str], world: World) -> list[Certificate]:
    return [certificate for each in files for certificate in _read_certificates(Path(each), world)]


def _read_certificates(path: Path, world: World) -> tuple[Certificate, ...]:
    """Read a file of certificates; one that cannot be read is said not to exist, as SAP's tool does."""
    try:
        with path.open("rb") as stream:
            found = read_certificates(stream.read(file.LARGEST_FILE + 1))
    except (OSError, CertificateUnreadable) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Refused(f'certificate file "{path}" does not exist or is no certificate ({reason})') from error
    world.stderr.writelines(f'certificate file "{path}": left out, {each}\n' for each in found.damaged)
    return found.certificates


def _hand_out(text: str, target: str | None, world: World) -> None:
    """Write text into a new file, or to stdout where none is named."""
    if target is None:
        world.stdout.write(text)
        return
    try:
        with Path(target).open("x", encoding="ascii", newline="\n") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise Refused(f'file "{target}" already exists') from error


def _user(world: World) -> str:
    return world.environ.get("USERNAME") or world.environ.get("USER") or world.environ.get("LOGNAME", "")


_COMMON = "-p <pse> [-x <pin>]"
_MAKE = BundledCommand(
    f"{_COMMON} [-v] [-noreq | -r <request file>] [-a RSA[:<bits>[:SHA256]]] [-s <bits>]\n"
    '       [-k GN-dNSName:<host>] [-k GN-iPAddress:<address>] "<distinguished name>"\n\n'
    '-x "" makes a PSE without PIN. A name without a folder stands in SECUDIR. A file that exists is never touched.',
    frozenset({"-v", "-noreq"}),
    frozenset({"-p", "-x", "-r", "-a", "-s", "-k"}),
    _gen_pse,
    takes_words=True,
)
_COMMANDS = {
    "gen_pse": _MAKE,
    "get_pse": _MAKE,
    "gen_verify_pse": BundledCommand(
        f"{_COMMON} [-a <certificate file>]", frozenset({"-v"}), frozenset({"-p", "-x", "-a"}), _gen_verify_pse
    ),
    "maintain_pk": BundledCommand(
        f"{_COMMON} (-l | -a <certificate file> | -m <certificate file> [-y] | -d <number or part of the subject>)\n\n"
        "Certificate files are PEM, DER, PKCS#7 or a PSE (its certificate list), and may hold several. -m asks for\n"
        "each unless -y is given.",
        frozenset({"-v", "-l", "-y"}),
        frozenset({"-p", "-x", "-a", "-m", "-d"}),
        _maintain_pk,
    ),
    "get_my_name": BundledCommand(
        f"{_COMMON} [-v | -vv] [-n validity | subject | issuer | serialno | keyinfo]",
        frozenset({"-v", "-vv"}),
        frozenset({"-p", "-x", "-n"}),
        _get_my_name,
    ),
    "export_own_cert": BundledCommand(
        f"{_COMMON} [-o <file>]", frozenset({"-v"}), frozenset({"-p", "-x", "-o"}), _export_own_cert
    ),
    "cryptinfo": BundledCommand("", frozenset({"-v"}), frozenset(), _cryptinfo),
}
