"""Where a chain has a gap: which intermediate is missing, and which of those sent belong above it or are wrong."""

from dataclasses import dataclass

from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.search import End, Pool, is_self_signed, search
from pse_preflight.chain.verify import Path, Period


@dataclass(frozen=True, slots=True)
class Gap:
    """An intermediate that the server does not send.

    Attributes:
        child: the certificate whose issuer is missing.
        held: the missing one, where it was fetched or is among the roots.
        instead: authorities that are sent and do not fit.
        may_belong: it cannot be told whether they are wrong, or stand above the missing one.
        above: what is sent and belongs above the missing one, up to a root at hand; the nearest first.
        leads: something that was sent leads to a root at hand.
    """

    child: Certificate
    held: Certificate | None = None
    instead: tuple[Certificate, ...] = ()
    may_belong: bool = False
    above: Path = ()
    leads: bool = False


def gap_above(path: Path, misfits: Path, namesakes: Path, pool: Pool, period: Period) -> Gap:
    """Tell what is sent in the place of the missing issuer of a path's last certificate.

    What links up to a root at hand belongs to the path, unless its path length forbids that another authority stands
    below it. Of one alone, right above a server's certificate, nobody can tell whether it is the wrong one, or the
    upper one of two.

    Args:
        misfits: the authorities that were sent and are on no path of the server's.
        namesakes: those of the missing one's name, whose key is another; they are none of the path's.
    """
    others = [each for each in misfits if each not in namesakes]
    lines = [each for each in (_line(misfit, pool, period) for misfit in others) if each]
    longest = max(lines, key=len, default=())
    is_one_line = all(set(each) <= set(longest) for each in lines)
    above = _able(longest, len(path)) if is_one_line else ()
    between = [each for each in above if not is_self_signed(each)]
    if len(path) == len(between) == 1 and misfits == tuple(between):
        return Gap(path[-1], instead=misfits, may_belong=True)
    wrong = tuple(each for each in misfits if each not in above)
    return Gap(path[-1], instead=wrong, above=above, leads=bool(lines))


def _line(lowest: Certificate, pool: Pool, period: Period) -> Path:
    """Return the certificates from one that was sent up to a root, which is trusted or sent as well."""
    ends = (End.ANCHOR, End.SELF_SIGNED)
    return next((found.path for found in search(lowest, pool, period) if found.end in ends), ())


def _able(line: Path, below: int) -> Path:
    """Return the part of a line that may stand above a missing authority, by its path lengths.

    A line that is too long in itself is a fault of its own, and no sign that it belongs elsewhere.

    Args:
        below: how many certificates stand below the missing one, the server's among them.
    """
    first = 0
    for position, certificate in enumerate(line):
        constraints = certificate.extension(x509.BasicConstraints)
        limit = constraints.path_length if constraints else None
        allowed = limit is None or limit >= below + position - first or limit < position - first
        if not allowed and not is_self_signed(certificate):
            first = position + 1
    return line[first:]
