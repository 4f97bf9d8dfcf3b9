"""The one command that goes on from a URL: the check of a system of systems.yaml, or what gives it its place there."""

from collections.abc import Iterator

from pse_preflight.command.invocation import invocation
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Command
from pse_preflight.landscape.describe import Surroundings
from pse_preflight.landscape.file import FILE_NAME, read_landscape
from pse_preflight.landscape.select import find_file
from pse_preflight.landscape.url import HTTPS_PORT, ApiUrl, UrlUnreadable, authority, read_url


def going_on(url: ApiUrl, around: Surroundings) -> Command:
    """Return the command, as it is pasted in the current folder."""
    for alias in _aliases_of(url, around):
        return invocation("pse-preflight", "check", alias)
    append = ["--append"] if (around.folder / FILE_NAME).exists() else []
    return invocation("pse-preflight", "init", *append, f"https://{place(url)}")


def place(url: ApiUrl) -> str:
    """Return host and port as a URL has them, the port of https left out."""
    return url.host if url.port == HTTPS_PORT and ":" not in url.host else authority(url.host, url.port)


def _aliases_of(url: ApiUrl, around: Surroundings) -> Iterator[str]:
    """Yield the systems of systems.yaml that have this URL; one that cannot be read has none."""
    try:
        systems = read_landscape(find_file(None, around), around.environment).systems
    except PreflightError:
        return
    for alias, entry in systems.items():
        try:
            found, _ = read_url(entry.keys.url or "")
        except UrlUnreadable:
            continue
        if (found.host, found.port) == (url.host, url.port):
            yield alias
