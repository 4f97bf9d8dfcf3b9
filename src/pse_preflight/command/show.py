"""`pse-preflight show FILE… https://HOST…`: one look into files, and at servers without a PSE."""

import getpass
import glob
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pse_preflight.certificate import now
from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.command.arguments import CommandParser, proxy_of, url_of
from pse_preflight.command.going_on import going_on
from pse_preflight.command.invocation import pasteable
from pse_preflight.errors import UsageProblem
from pse_preflight.files import read_beginning
from pse_preflight.findings import Finding, one_line, quoted
from pse_preflight.landscape.select import surroundings
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.pse.file import LARGEST_FILE
from pse_preflight.report import file as told_of_file
from pse_preflight.report import server as told_of_server
from pse_preflight.report import shown
from pse_preflight.run.file import Looker, ShownFile
from pse_preflight.run.server import Server, look
from pse_preflight.sapgenpse import paths

_LONGEST_PIN_FILE = 4096


def run(arguments: Sequence[str], clock: Callable[[], datetime] = now) -> int:
    """Show what is named; return 0 if all of it could be read and is good, else 1.

    Raises:
        UsageProblem: where something named cannot be shown; then nothing is asked, and no file is read.
    """
    parser = CommandParser("show", "Look into files, and at servers without a PSE; a server is asked once, no logon.")
    parser.add_argument(
        "what",
        nargs="+",
        metavar="FILE or https://HOST",
        help="a PSE, PEM, DER, PKCS#7, PKCS#12, JKS or cred_v2, whatever its name; or the API URL of a system",
    )
    parser.add_argument("--json", action="store_true", help="for machines; the form is docs/show.schema.json")
    parser.add_argument("--pin-file", metavar="FILE", help="the PIN, or the password, is the first line of this file")
    parser.add_argument("--pin-env", metavar="NAME", help="the PIN stands in this environment variable")
    parser.add_argument("--proxy", metavar="http://HOST:PORT", help="ask servers through this proxy")
    asked = parser.read(arguments)
    named = [name for each in asked.what for name in _expanded(each)]
    proxy, wanted = proxy_of(asked.proxy), [_wanted(each) for each in named]
    looker = Looker(_pin(asked.pin_file, asked.pin_env, os.environ), sap_roots().shipped, clock())
    files, servers, good = [], [], []
    for each in wanted:
        if isinstance(each, Path):
            files.append(_file(each, looker))
            good.append(files[-1].is_read)
            lines = told_of_file.lines(files[-1])
        else:
            server = look(*each, clock, proxy=proxy)
            servers.append(shown.of_server(server))
            good.append(server.is_good)
            lines = iter([*told_of_server.lines(server), *_next(server)])
        if not asked.json:
            print(*lines, "", sep="\n")
    if asked.json:
        print(shown.written(files, servers))
    return 0 if all(good) else 1


def _expanded(text: str) -> list[str]:
    """Return the files that a pattern means; no shell of Windows expands one."""
    if "://" in text or not set("*?") & set(text) or os.path.lexists(text):
        return [text]
    found = sorted(glob.glob(text))  # noqa: PTH207 - Path.glob takes no pattern of a whole path
    if not found:
        raise UsageProblem(one_line(f"{text}: there is no such file"))
    return found


def _wanted(text: str) -> Path | tuple[ApiUrl, tuple[Finding, ...]]:
    """Return the file, or the URL, that an argument names."""
    if "://" in text:
        return url_of(text)
    path = Path(text)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UsageProblem(one_line(f"{text}: there is no such file{_hint(text)}")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageProblem(one_line(f"{text}: cannot be looked into: {reason}")) from None
    if not stat.S_ISREG(mode):
        what = "a folder; name the files in it" if stat.S_ISDIR(mode) else "no ordinary file"
        raise UsageProblem(one_line(f"{text}: is {what}"))
    return path


def _hint(text: str) -> str:
    """Return what may have been meant by the name of a file that is not there."""
    windows = sys.platform == "win32"
    held = paths.pse_path(text, paths.secudir(os.environ, windows=windows), windows=windows)
    if held.is_file():
        return f"; did you mean {held}?"
    return f"; a server is named by its URL, https://{text}" if "." in text and os.sep not in text else ""


def _file(path: Path, looker: Looker) -> ShownFile:
    try:
        with path.open("rb") as stream:
            data = read_beginning(stream, LARGEST_FILE + 1)
    except OSError as error:
        return looker.unreadable(str(path), error.strerror or type(error).__name__)
    return looker.look(str(path), data)


def _pin(file: str | None, variable: str | None, environment: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return what tells the PIN of a file: the options, else somebody at the terminal, else nobody.

    Raises:
        UsageProblem: where the options name none; what they name is never repeated.
    """
    if file is not None and variable is not None:
        raise UsageProblem("--pin-file and --pin-env exclude each other")
    if variable is not None:
        if variable not in environment:
            raise UsageProblem(f"--pin-env: there is no environment variable {one_line(variable)}; give its name")
        pin = environment[variable]
        return lambda _: pin
    if file is not None:
        read = _first_line(Path(file))
        return lambda _: read
    return _typed if sys.stdin is not None and sys.stdin.isatty() else lambda _: None


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = read_beginning(stream, _LONGEST_PIN_FILE + 1)
        if len(content) > _LONGEST_PIN_FILE:
            raise UsageProblem(one_line(f"--pin-file: {path} is longer than {_LONGEST_PIN_FILE} bytes"))
        return content.decode("utf-8-sig").partition("\n")[0].removesuffix("\r")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageProblem(one_line(f"--pin-file: {path} cannot be read: {reason}")) from None


def _typed(name: str) -> str | None:
    try:
        return getpass.getpass(f"PIN or password of {one_line(name)}: ")
    except EOFError:
        return None


def _next(server: Server) -> Iterator[str]:
    """Yield the one command that goes on from here; where nothing was seen, the findings have said what to do."""
    if server.url.api_host:
        yield f"next: {pasteable('show', f'https://{server.url.api_host}')}"
    elif server.seen.presented:
        yield f"next: {quoted(going_on(server.url, surroundings(Path.cwd(), Path.cwd(), Path.cwd())))}"
