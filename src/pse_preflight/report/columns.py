"""Text for a terminal of 80 columns, whatever it is about."""

import textwrap

from pse_preflight.findings import one_line

WIDTH = 80

_LONGEST_NAME = 56


def numbered(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def clipped(name: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name in one line, cut where it is too long."""
    text = one_line(name)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def wrapped(text: str, indent: str = "") -> list[str]:
    """Break a line between words; paths and commands stay whole, so that they can be copied."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
