"""The arguments of a command, sorted out; and understood where a guide, a wiki or a mail has set them.

Such texts have dashes for hyphens, typographic quotes for straight ones, and blanks that do not break.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pse_preflight.pse import name
from pse_preflight.sapgenpse.bundled.world import Misused, World, as_typed

SECRETS = frozenset({"-x", "-z"})
"""Options whose values are never shown, nor guessed at."""

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_LONG_DASHES = "\u2014\u2015"
"""What word processors make of two hyphens."""
_BLANKS = re.compile("[\u00a0\u2007\u202f]+")
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"
_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b"
_EDGES = "\u00a0\u202f" + _UNSEEN


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

    def all(self, option: str) -> tuple[str, ...]:
        """Return every value of an option."""
        return self.values.get(option, ())


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

    def option(self, word: str) -> str | None:
        """Return the option that a word means, if it means one."""
        plain = word.strip(_UNSEEN)
        rest = plain.lstrip(_DASHES + "-")
        dashes = plain[: len(plain) - len(rest)]
        short, long = f"-{rest}", f"--{rest}"
        two = len(dashes) > 1 or dashes in _LONG_DASHES
        meant = [plain] if dashes.isascii() else [long, short] if two else [short, long]
        return next((each for each in meant if each in self.switches | self.valued), None)

    def sort_out(self, arguments: Sequence[str]) -> Options:
        """Sort out arguments; the order of options is free, and the last words of a name may be unquoted.

        Raises:
            Misused: where they cannot be understood.
        """
        switches: set[str] = set()
        values: dict[str, tuple[str, ...]] = {}
        words: list[str] = []
        remaining = list(arguments)
        if any("\0" in word for word in remaining):
            raise Misused("unrecognized parameters, one holds a zero character")
        while remaining:
            word = self._next(remaining)
            option = self.option(word)
            if option in self.switches:
                switches.add(option)
            elif option and remaining:
                values[option] = (*values.get(option, ()), self._value(option, remaining))
            elif option or word.strip(_UNSEEN).startswith(("-", *_DASHES)) or not self.takes_words:
                odd = sorted({f"U+{ord(char):04X}" for char in word if not char.isascii()})
                raise Misused(f'unrecognized parameters "{word}"' + (f" (it holds {', '.join(odd)})" if odd else ""))
            else:
                words.append(as_typed(word))
        return Options(frozenset(switches), values, tuple(words))

    def _next(self, remaining: list[str]) -> str:
        """Take the next word; blanks that do not break separate an option from its value all the same."""
        word = remaining.pop(0)
        pieces = _BLANKS.split(word)
        option = self.option(pieces[0])
        if len(pieces) == 1 or not option:
            return word
        if not any(pieces[1:]) and option not in self.valued:
            return pieces[0]
        remaining[:0] = pieces[1:]
        return pieces[0]

    def _value(self, option: str, remaining: list[str]) -> str:
        value = remaining.pop(0)
        if option in SECRETS:
            return self._secret(option, value)
        pieces = _BLANKS.split(value)
        after = next((at for at, piece in enumerate(pieces) if at and self.option(piece)), 0)
        if after:
            value, remaining[:0] = " ".join(pieces[:after]), pieces[after:]
        if value[:1] and value[0] in _QUOTES:
            rest = [value[1:], *remaining]
            ends = next((at for at, word in enumerate(rest) if word[-1:] and word[-1] in _QUOTES), 0)
            value = " ".join([value, *remaining[:ends]])
            del remaining[:ends]
        return value.strip(_QUOTES + _EDGES)

    def _secret(self, option: str, value: str) -> str:
        """Return a secret as it was given, but for the empty one in typographic quotes; what is odd about it is named.

        Raises:
            Misused: without showing it.
        """
        if value and not value.strip(_QUOTES):
            return ""
        if value and value[0] in _QUOTES and value[-1] in _QUOTES:
            raise Misused(f"the value of {option} stands in typographic quotes; write straight ones around it")
        if self.option(value):
            raise Misused(f"{option} has no value, {value} follows; {_DROPPED}")
        return as_typed(value)


_DROPPED = (
    'Windows PowerShell drops "" (write \'""\' there), or leave the option out and press Enter when you are asked'
)


def refuse_a_name(option: str, value: str | None) -> None:
    """Refuse a distinguished name where a secret belongs, which came there because an empty one was dropped.

    Raises:
        Misused: without showing the value.
    """
    if not value or "=" not in value:
        return
    try:
        name.parse(name.as_pasted(value))
    except name.NameUnreadable:
        return
    raise Misused(f"{option} has no value, a distinguished name follows; {_DROPPED}")


def pasted(words: Sequence[str]) -> str:
    """Return the words of a distinguished name as one text, as it was meant."""
    return name.as_pasted(" ".join(words))
