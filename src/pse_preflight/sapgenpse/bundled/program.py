"""The program `opengenpse`: which command is meant, and what it ends with."""

import io
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TextIO

from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight.certificate import now as clock
from pse_preflight.errors import PreflightError
from pse_preflight.sapgenpse.bundled import keys, making, own, showing, trust
from pse_preflight.sapgenpse.bundled.arguments import BundledCommand
from pse_preflight.sapgenpse.bundled.output_files import FORCE
from pse_preflight.sapgenpse.bundled.world import FAILED, NOT_SAPS, OK, PROGRAM, Misused, Refused, World


def console() -> int:
    """Be the program `opengenpse`."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        stdin = sys.stdin or io.StringIO()  # a service has none
        code = run(sys.argv[1:], environ=os.environ, stdin=stdin, stdout=sys.stdout, stderr=sys.stderr)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def run(  # noqa: PLR0913 - each is one thing outside of the program that a test may hold still
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
    now: Callable[[], datetime] = clock,
    random: Callable[[int], bytes] = secrets.token_bytes,
    make_key: Callable[[int], rsa.RSAPrivateKey] = making.make_rsa_key,
    windows: bool = sys.platform == "win32",
) -> int:
    """Run one command and return the exit code: 0 done, 1 refused, 2 not understood, 21 no credentials.

    Args:
        arguments: command and options, without the program's own name.
        environ: SECUDIR, HOME (or LOCALAPPDATA) and TZ are looked at.
        stdin, stdout, stderr: output goes to stdout, prompts and errors to stderr.
        now, random, make_key: clock, random bytes, and private keys of a given size.
        windows: whose rules of paths hold.
    """
    world = World(environ, stdin, stdout, stderr, now, random, make_key, windows)
    if not arguments or arguments[0] in {"-h", "--help", "-help"}:
        world.say(*(_help() if arguments else showing.banner(world)))
        return OK
    called, *rest = _apart(arguments)
    try:
        _run_command(called, rest, world)
    except Refused as error:
        stderr.write(f"{called}: {error}\n")
        return error.exit_code
    except BrokenPipeError:
        raise
    except (PreflightError, OSError) as error:
        stderr.write(f"{called}: {error}\n")
        return FAILED
    return OK


def _apart(arguments: Sequence[str]) -> list[str]:
    """Take apart a command that blanks which do not break tie to its first option."""
    first, *rest = arguments
    parts = first.replace("\u202f", "\u00a0").lstrip("\u00a0\ufeff").split("\u00a0")
    command = _COMMANDS.get(parts[0])
    if command is None:
        return [first, *rest]
    if len(parts) > 1 and parts[-1] == "" and command.option(parts[-2]) not in command.valued:
        parts.pop()
    return [*parts, *rest]


def _run_command(called: str, arguments: Sequence[str], world: World) -> None:
    command = _COMMANDS.get(called)
    if command is None:
        raise Misused(f"unknown command; {PROGRAM} -h lists the commands there are")
    if "-h" in arguments:
        world.say(NOT_SAPS, "", f"usage: {PROGRAM} {called} {command.usage}")
        return
    command.run(command.sort_out(arguments), world)


def _help() -> list[str]:
    lines = [f"  {called:<16} {(command.run.__doc__ or '').strip()}" for called, command in _COMMANDS.items()]
    return [
        NOT_SAPS,
        "",
        f"usage: {PROGRAM} <command> [options]; {PROGRAM} <command> -h tells more",
        "",
        *lines,
        "",
        "Exit codes: 0 done, 1 refused, 2 arguments not understood, 21 no credentials.",
    ]


_COMMON = "-p <pse> [-x <pin>]"
_NO_PIN = (
    '-x "" makes a PSE without PIN. A name without a folder stands in SECUDIR. A file that exists is never touched.'
)
_ASKED = "Without -x and -z, PIN and password are asked for, and not shown."
_CHAIN = (
    "Certificate files are PEM, DER, PKCS#7, base64 or a PSE. -r names the authorities up to the root, where they are\n"
    f"not in the other file; at most {own.MOST_ISSUER_FILES} times. RSA and DSA keys are taken; how a PSE holds EC\n"
    "keys is not known."
)
_V = frozenset({"-v"})
_MAKE = BundledCommand(
    f"{_COMMON} [-v] [-noreq | -onlyreq] [-r <request file>] [-a RSA[:<bits>[:SHA256]]] [-s <bits>]\n"
    '       [-k GN-dNSName:<host>] [-k GN-iPAddress:<address>] "<distinguished name>"\n\n'
    f"{_NO_PIN}\n-onlyreq makes a request for the key of a PSE that is there, and nothing else.",
    _V | {"-noreq", "-onlyreq"},
    frozenset({"-p", "-x", "-r", "-a", "-s", "-k"}),
    making.gen_pse,
    takes_words=True,
)
_COMMANDS = {
    "gen_pse": _MAKE,
    "get_pse": _MAKE,
    "gen_verify_pse": BundledCommand(
        f"{_COMMON} [-a <certificate file>]\n\n{_NO_PIN}", _V, frozenset({"-p", "-x", "-a"}), making.gen_verify_pse
    ),
    "maintain_pk": BundledCommand(
        f"{_COMMON} (-l | -a <certificate file> | -m <certificate file> [-y] | -d <number or part of the subject>)\n\n"
        "Certificate files are PEM, DER, PKCS#7 or a PSE (its certificate list), and may hold several. -m asks for\n"
        "each unless -y is given. -d counts as -l does, the first certificate is 1.",
        _V | {"-l", "-y"},
        frozenset({"-p", "-x", "-a", "-m", "-d"}),
        trust.maintain_pk,
    ),
    "get_my_name": BundledCommand(
        "[-p <pse>] [-x <pin>] [-v | -vv]\n"
        "       [-n all | validity | subject | issuer | serialno | keyinfo | subjectaltname]\n\n"
        "Without -p, the first PSE that cred_v2 names.",
        _V | {"-vv", "-l"},
        frozenset({"-p", "-x", "-n"}),
        showing.get_my_name,
    ),
    "export_own_cert": BundledCommand(f"{_COMMON} [-o <file>]", _V, frozenset({"-p", "-x", "-o"}), own.export_own_cert),
    "import_own_cert": BundledCommand(
        f"{_COMMON} -c <certificate file> [-r <certificate file>]...\n\n{_CHAIN}",
        _V,
        frozenset({"-p", "-x", "-c", "-r"}),
        own.import_own_cert,
    ),
    "import_p8": BundledCommand(
        f"{_COMMON} [-z <password>] -c <certificate file> [-r <certificate file>]... <key file>\n\n"
        f"The key file is PEM, DER or base64. {_ASKED} A PSE that exists is never touched.\n{_CHAIN}",
        _V,
        frozenset({"-p", "-x", "-z", "-c", "-r"}),
        keys.import_p8,
        takes_words=True,
    ),
    "export_p8": BundledCommand(
        f"{_COMMON} [-z <password>] [{FORCE}] <key file>\n\n"
        f"The key file is PEM, for this account alone, and encrypted unless the password is empty. {_ASKED}\n"
        f"A file that exists is kept, unless {FORCE} is given.",
        _V | {FORCE},
        frozenset({"-p", "-x", "-z"}),
        keys.export_p8,
        takes_words=True,
    ),
    "import_p12": BundledCommand(
        f"{_COMMON} [-z <password>] [-r <certificate file>]... <file>[.p12]\n\n"
        f"{_ASKED} A PSE that exists is never touched.\n{_CHAIN}",
        _V,
        frozenset({"-p", "-x", "-z", "-r"}),
        keys.import_p12,
        takes_words=True,
    ),
    "export_p12": BundledCommand(
        f"{_COMMON} [-z <password>] [{FORCE}] <file>[.p12]\n\n"
        f"The file is for this account alone. {_ASKED}\nA file that exists is kept, unless {FORCE} is given.",
        _V | {FORCE},
        frozenset({"-p", "-x", "-z"}),
        keys.export_p12,
        takes_words=True,
    ),
    "seclogin": BundledCommand(
        "-l\n\nIt lists the PSEs for which cred_v2 keeps a PIN. It cannot make credentials, nor open them.",
        _V | {"-l"},
        frozenset(),
        showing.seclogin,
    ),
    "cryptinfo": BundledCommand("", _V, frozenset(), showing.cryptinfo),
}
