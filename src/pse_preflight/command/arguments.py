"""What the commands have in common about their command lines."""

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import NoReturn

from pse_preflight.command.invocation import PROGRAM
from pse_preflight.errors import UsageProblem
from pse_preflight.findings import Finding
from pse_preflight.landscape.url import ApiUrl, Proxy, UrlUnreadable, parse_proxy, read_url


class CommandParser(argparse.ArgumentParser):
    """Reads the command line of one command; a wrong one is told in one line, with what was meant."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"{PROGRAM} {command}", description=description, allow_abbrev=False)

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what the arguments say.

        Raises:
            UsageProblem: where they make no sense.
        """
        asked, others = self.parse_known_args(list(arguments))
        if others:
            known = [name for action in self._actions for name in action.option_strings]
            raise UsageProblem(f"{others[0]}: no such option{near(others[0], known)} ({self.prog} --help shows all)")
        return asked

    def error(self, message: str) -> NoReturn:
        """Tell a misuse as every misuse is told."""
        raise UsageProblem(f"{plain_words(message)} ({self.prog} --help shows all options)")


def plain_words(message: str) -> str:
    """Return what argparse says in the words of this program."""
    told = message.removeprefix("argument ").replace("expected one argument", "needs a value")
    before, ignored, _ = told.partition("ignored explicit argument")
    return f"{before}takes no value" if ignored else told.replace("the following arguments are required", "say what")


def near(word: str, known: Iterable[str]) -> str:
    """Return the question whether another word was meant, where one is near."""
    bare = {each.lstrip("-"): each for each in known}
    wanted = word.partition("=")[0].lstrip("-").lower()
    found = [each for each in bare if wanted and each.startswith(wanted)]
    found = found or difflib.get_close_matches(wanted, bare, 1, 0.7)
    return f"; did you mean {bare[found[0]]}?" if found else ""


def url_of(text: str) -> tuple[ApiUrl, tuple[Finding, ...]]:
    """Read a URL that is to be asked, and say what is out of the ordinary about it.

    Raises:
        UsageProblem: where it cannot be asked.
    """
    try:
        url, findings = read_url(text)
        url, findings = read_url(text, sql=url.is_hana_cloud)
    except UrlUnreadable as error:
        raise UsageProblem(f"the URL cannot be read: {error}") from None
    if not url.askable:
        raise UsageProblem(f"{findings[0].observed}; {findings[0].fix}")
    return url, findings


def proxy_of(text: str | None) -> Proxy | None:
    """Read the value of --proxy.

    Raises:
        UsageProblem: where it names no proxy; its login is never repeated.
    """
    try:
        return parse_proxy(text) if text else None
    except UrlUnreadable as error:
        raise UsageProblem(f"--proxy: {error}") from None
