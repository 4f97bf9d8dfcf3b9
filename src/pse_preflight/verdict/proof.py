"""What a check asks for: that a property holds, by its own proof, or that a finding has told why it does not."""

from collections.abc import Callable, Iterable
from typing import NoReturn, Protocol, TypeVar

from pse_preflight.checklist import Code
from pse_preflight.findings import Finding, finding
from pse_preflight.verdict.policy import Outcome, Verdict

_SHORT = 12


class HasFingerprint(Protocol):
    """A certificate, or an entry of a list."""

    @property
    def sha256(self) -> str | None:
        """Return its fingerprint in lower case; None where it is not known."""


Subject = TypeVar("Subject", bound=HasFingerprint | str)
"""What a finding can name: a certificate, an entry of a list, or a fingerprint."""
Codes = Code | tuple[Code, ...]
End = Callable[[Outcome], NoReturn]
"""Ends a check as the outcome says."""


class Holds:
    """Asks a check for its proof, property by property.

    The check ends as its findings say where they turn it red. Else each property must hold, or a finding must have told
    that it does not: a minor one, or one below --fail-on. A property without both is a fault of the toolkit.
    """

    def __init__(self, subject: str, outcome: Outcome, end: End) -> None:
        """Know how the check ends by its findings alone.

        Args:
            subject: the check and its system, as a message names them.
            end: called where the check does not pass; it never returns.
        """
        self._subject = subject
        self._outcome = outcome
        self._end = end

    def __call__(self, proof: object, *, unless: Codes = ()) -> None:
        """Pass where the property holds.

        Args:
            proof: true where it does.
            unless: the codes of this check that tell why it does not.
        """
        __tracebackhide__ = True
        self._end_if_red()
        if not proof and not self._telling(unless):
            self._without_proof(unless)

    def of_each(
        self,
        subjects: Iterable[Subject],
        predicate: Callable[[Subject], object],
        *,
        unless: Codes = (),
        at_least: int = 1,
    ) -> None:
        """Pass where each of the certificates has the property.

        Args:
            unless: the codes of this check that tell why one has not. A finding speaks of the certificates that it
                names and of no others, so that a fault that is told does not hide one that is not.
            at_least: so many there must be; of nothing at all nothing is proven, unless it may be nothing.
        """
        __tracebackhide__ = True
        self._end_if_red()
        asked = tuple(subjects)
        telling = self._telling(unless)
        unproven = [each for each in asked if not predicate(each) and not any(_speaks_of(one, each) for one in telling)]
        if unproven or len(asked) < at_least:
            self._without_proof(unless, [fingerprint for fingerprint in map(_fingerprint, unproven) if fingerprint])

    def _end_if_red(self) -> None:
        __tracebackhide__ = True
        if self._outcome.verdict is Verdict.FAIL:
            self._end(self._outcome)

    def _telling(self, unless: Codes) -> list[Finding]:
        codes = unless if isinstance(unless, tuple) else (unless,)
        return [each for each in self._outcome.findings if each.code in codes]

    def _without_proof(self, unless: Codes, certificates: Iterable[str] = ()) -> NoReturn:
        __tracebackhide__ = True
        codes = unless if isinstance(unless, tuple) else (unless,)
        about = tuple(certificates)
        where = f" for sha256 {', '.join(each[:_SHORT] for each in about)}" if about else ""
        missing = f"rules out {' or '.join(codes)}" if codes else "proves it"
        found = finding(
            Code.NO_EVIDENCE,
            f"{self._subject}: nothing that was seen {missing}{where}, and no finding tells of it",
            fix="report it, with evidence.json: this is a fault of the toolkit, and says nothing of the system",
            certificates=about,
        )
        self._end(Outcome(Verdict.ERROR, (found, *self._outcome.findings)))


def _fingerprint(subject: HasFingerprint | str) -> str | None:
    return subject if isinstance(subject, str) else subject.sha256


def _speaks_of(found: Finding, subject: HasFingerprint | str) -> bool:
    """Tell whether a finding names the certificate; one whose fingerprint is not known cannot be named otherwise."""
    fingerprint = _fingerprint(subject)
    return fingerprint is None or fingerprint in found.certificates
