"""`pse-preflight show https://HOST`: one look at a server, without a PSE."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pse_preflight.certificate import now
from pse_preflight.command.arguments import CommandParser, proxy_of, url_of
from pse_preflight.command.invocation import pasteable
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.findings import Finding
from pse_preflight.landscape.file import FILE_NAME, read_landscape
from pse_preflight.landscape.select import find_file, surroundings
from pse_preflight.landscape.url import HTTPS_PORT, ApiUrl, UrlUnreadable, authority, read_url
from pse_preflight.report.server import lines
from pse_preflight.run.server import Server, look


def run(arguments: Sequence[str], clock: Callable[[], datetime] = now) -> int:
    """Show what is named; return 0 if all of it is good, else 1.

    Raises:
        UsageProblem: where something named cannot be shown; then nothing is asked.
    """
    parser = CommandParser("show", "Look at servers without a PSE: each is asked once, without a logon.")
    parser.add_argument("url", nargs="+", metavar="https://HOST", help="the API URL of a system")
    parser.add_argument("--proxy", metavar="http://HOST:PORT", help="ask through this proxy")
    asked = parser.read(arguments)
    proxy, urls = proxy_of(asked.proxy), [_url(each) for each in asked.url]
    good = []
    for url, findings in urls:
        server = look(url, findings, clock, proxy=proxy)
        print(*lines(server), *_next(server), "", sep="\n")
        good.append(server.is_good)
    return 0 if all(good) else 1


def _url(text: str) -> tuple[ApiUrl, tuple[Finding, ...]]:
    if "://" not in text:
        raise UsageProblem(
            f"{text}: is no URL; write https:// before a host, such as https://my401122-api.s4hana.cloud.sap"
        )
    return url_of(text)


def _next(server: Server) -> Iterator[str]:
    """Yield the one command that goes on from here; where nothing was seen, the findings have said what to do."""
    if server.url.api_host:
        yield f"next: {pasteable('show', f'https://{server.url.api_host}')}"
    elif server.seen.presented:
        yield f"next: {going_on(server.url)}"


def going_on(url: ApiUrl) -> str:
    """Return the command that checks whether a PSE trusts the system, or the one that must come before."""
    place = f"https://{url.host}" if url.port == HTTPS_PORT else f"https://{authority(url.host, url.port)}"
    around = surroundings(Path.cwd(), Path.cwd(), Path.cwd())
    file = find_file(None, around)
    try:
        systems = read_landscape(file, around.environment).systems
    except PreflightError:
        systems = {}
    for alias, entry in systems.items():
        if _is_url_of(entry.keys.url, url):
            return pasteable("check", alias)
    append = ["--append"] if (Path.cwd() / FILE_NAME).exists() else []
    return pasteable("init", *append, place)


def _is_url_of(text: str | None, url: ApiUrl) -> bool:
    try:
        found, _ = read_url(text or "")
    except UrlUnreadable:
        return False
    return (found.host, found.port) == (url.host, url.port)
