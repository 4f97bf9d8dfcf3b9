"""Reading of the head of an HTTP/1 answer (RFC 9112), byte for byte and bounded."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
_LONGEST_VALUE = 200


class HeadUnreadable(Exception):
    """The peer sent no HTTP head, or too long a one; `seen` is what it sent."""

    def __init__(self, seen: bytes) -> None:
        super().__init__("no HTTP head")
        self.seen = seen


@dataclass(frozen=True, slots=True)
class HttpHead:
    """Status and headers, names in lower case, values bounded."""

    status: int
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header."""
        return tuple(value for key, value in self.headers if key == name)

    def first(self, name: str) -> str:
        """Return the first value of a header, or nothing."""
        return next(iter(self.all(name)), "")

    @property
    def location(self) -> str | None:
        """Return where a redirect leads, without query and user information, which may hold secrets."""
        return bare_location(self.first("location"))


def read_head(receive: Callable[[], bytes], longest: int) -> HttpHead:
    """Read up to the empty line; `receive` gives the next bytes, and none at the end.

    Raises:
        HeadUnreadable: where the peer ends first, sends too much, or something else than HTTP.
        OSError: what `receive` raises, TimeoutError included.
    """
    seen = bytearray()
    while not seen.endswith(b"\r\n\r\n") and not seen.endswith(b"\n\n"):
        more = receive()
        seen += more
        may_be_http = seen[:5] == b"HTTP/"[: len(seen)]
        if not more or len(seen) > longest or not may_be_http:
            raise HeadUnreadable(bytes(seen))
    return parse_head(bytes(seen))


def parse_head(data: bytes) -> HttpHead:
    """Parse a complete head.

    Raises:
        HeadUnreadable: where it does not start with a status line.
    """
    status_line, *lines = data.replace(b"\r\n", b"\n").split(b"\n")
    found = _STATUS_LINE.fullmatch(status_line)
    if not found:
        raise HeadUnreadable(data)
    pairs = (line.partition(b":") for line in lines if b":" in line)
    return HttpHead(int(found[1]), tuple((_text(name).lower(), _text(value)) for name, _, value in pairs))


def bare_location(location: str) -> str | None:
    """Return a URL without query, fragment and user information; nothing for an unreadable one."""
    try:
        parts = urlsplit(location)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    except ValueError:
        return None
    return bounded(bare.geturl())


def bounded(text: str | None) -> str | None:
    """Return a header's text cut to a length that can be shown, or None for nothing."""
    return text[:_LONGEST_VALUE] if text else None


def _text(value: bytes) -> str:
    return value.strip().decode("latin-1")[:_LONGEST_VALUE]
