"""`pse-preflight show https://HOST`: one look at a server, without a PSE."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pse_preflight.certificate import now
from pse_preflight.command.arguments import CommandParser, proxy_of, url_of
from pse_preflight.command.going_on import going_on
from pse_preflight.command.invocation import pasteable
from pse_preflight.errors import UsageProblem
from pse_preflight.findings import Finding, quoted
from pse_preflight.landscape.select import surroundings
from pse_preflight.landscape.url import ApiUrl
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
        yield f"next: {quoted(going_on(server.url, surroundings(Path.cwd(), Path.cwd(), Path.cwd())))}"
