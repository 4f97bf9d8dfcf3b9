"""The names that --system gives: taken apart, and shown without the login that a URL among them may carry."""

from collections.abc import Iterable, Iterator
from itertools import takewhile

from pse_preflight.findings import one_line


def asked_names(names: Iterable[str]) -> list[str]:
    """Return the names that --system gives, one by one."""
    return [part.strip() for name in names for part in _separated(name) if part.strip()]


def _separated(name: str) -> Iterator[str]:
    """Split at commas, but for those in the password of a URL: what leads up to its @ belongs together."""
    parts = name.split(",")
    while parts:
        part = parts.pop(0)
        own = list(takewhile(lambda other: "://" not in other, parts))
        ends = [number for number, other in enumerate(own, 1) if "@" in other]
        if ends and "@" not in part:
            part = ",".join([part, *parts[: ends[-1]]])
            del parts[: ends[-1]]
        yield part


def shown_name(name: str) -> str:
    """Return a name as it may be shown: what stands before an @ is not."""
    return one_line(f"…@{name.rpartition('@')[2]}" if "@" in name else name)
