"""What changed since the last evidence. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime

from pse_preflight.certificate import Certificate

MOST_KEPT = 50
"""How many changes a recording carries on; the oldest go first."""

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate, as far as a change names it."""

    name: str
    sha256: str
    not_after: AwareDatetime

    @classmethod
    def of(cls, certificate: Certificate) -> "Known":
        """Take from a certificate what a change names."""
        return cls(certificate.name, certificate.sha256, certificate.not_after)

    def __str__(self) -> str:
        """Name it as every message does."""
        return f'"{self.name}" (sha256 {self.sha256[:_SHORT]}, until {self.not_after:%Y-%m-%d})'


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that was otherwise in the run before.

    Attributes:
        what: what it is, as a sentence calls it.
        before, after: the certificate that went and the one that came; None where nothing did.
        since, seen: the times of the last run that saw it as before, and of the first that saw it as after.
    """

    what: str
    before: Known | None
    after: Known | None
    since: AwareDatetime
    seen: AwareDatetime

    def __str__(self) -> str:
        """Tell the change in one sentence."""
        first, last = f"{self.since:%Y-%m-%d}", f"{self.seen:%Y-%m-%d}"
        when = f"on {last}" if first == last else f"between {first} and {last}"
        if self.before and self.after:
            return f"{self.what} was replaced {when}: {self.before} by {self.after}"
        known, verb = (self.after, "came") if self.after else (self.before, "went")
        return f"{self.what} {verb} {when}: {known}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What two runs are compared by.

    Attributes:
        at: when the run was.
        leaf: the server certificate, where one was seen.
        issuers: what else the server sent.
        listed: the certificate list of the PSE; None where it is not known.
        owner: the PSE's own certificate, where it could be read.
    """

    at: datetime
    leaf: Certificate | None
    issuers: tuple[Certificate, ...]
    listed: tuple[Certificate, ...] | None
    owner: Certificate | None


def changes(before: Sight, after: Sight) -> tuple[Change, ...]:
    """Compare two runs; what one of them could not see has not changed."""
    pairs: list[tuple[str, Certificate | None, Certificate | None]] = []
    if before.leaf and after.leaf:
        pairs += _exchanged("the server certificate", [before.leaf], [after.leaf])
        for what, is_root in (("the intermediate", False), ("the root that is sent", True)):
            gone = [each for each in before.issuers if each.is_self_issued is is_root]
            new = [each for each in after.issuers if each.is_self_issued is is_root]
            pairs += _exchanged(what, gone, new)
    if before.listed is not None and after.listed is not None:
        what = "in the certificate list of the PSE, a certificate"
        pairs += ((what, each, None) for each in before.listed if each not in after.listed)
        pairs += ((what, None, each) for each in after.listed if each not in before.listed)
    if before.owner and after.owner:
        pairs += _exchanged("the PSE's own certificate", [before.owner], [after.owner])
    return tuple(
        Change(what=what, before=_known(gone), after=_known(new), since=before.at, seen=after.at)
        for what, gone, new in pairs
    )


_Pair = tuple[str, Certificate | None, Certificate | None]


def _exchanged(what: str, before: Sequence[Certificate], after: Sequence[Certificate]) -> Iterator[_Pair]:
    """Pair what went with what came, by their order; it is nearly always one of each."""
    gone, new = [each for each in before if each not in after], [each for each in after if each not in before]
    yield from ((what, old, young) for old, young in zip(gone, new, strict=False))
    yield from ((what, old, None) for old in gone[len(new) :])
    yield from ((what, None, young) for young in new[len(gone) :])


def _known(certificate: Certificate | None) -> Known | None:
    return Known.of(certificate) if certificate else None
