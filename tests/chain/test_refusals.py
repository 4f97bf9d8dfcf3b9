"""The verifier's reasons, all that were ever seen, and what is said for each: nothing is told in its own words.

The texts stand in this test alone: no code of the package looks at them.
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import pytest

from pse_preflight.chain.faults import faults_of
from pse_preflight.chain.host_names import Subject
from pse_preflight.chain.judge import ChainQuestion, judge_chain
from pse_preflight.chain.links import link_faults
from pse_preflight.chain.verify import Path, Period, refusal
from pse_preflight.checklist import Severity
from tests.chain import test_limbo, test_random_graphs
from tests.kit.faulty_chains import KINDS, Kind, built, shapes

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)

_DATES = {"CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID"}
_BROKEN, _FORM, _WEAK, _DAMAGED = (
    {code} for code in ("CA_CONSTRAINT_BROKEN", "CERTIFICATE_IRREGULAR", "CERTIFICATE_WEAK", "CERTIFICATE_UNREADABLE")
)
_NOT_JUDGED = {"CONSTRAINT_NOT_JUDGED"}

REASONS: dict[str, set[str]] = {
    "cert is not valid at validation time": _DATES,
    # rules for authorities and servers
    "basicConstraints.cA must be asserted in a CA certificate": _BROKEN,
    "missing required extension: CA certificate has no basicConstraints": _BROKEN,
    "basicConstraints.cA must not be asserted in an EE certificate": _BROKEN,
    "keyUsage.keyCertSign must be asserted in a CA certificate": _BROKEN,
    "EE keyUsage must not assert keyCertSign": _BROKEN,
    "required EKU not found": _BROKEN,
    "Python extension validator failed": _BROKEN,
    "path length constraint violated": _BROKEN | _NOT_JUDGED,
    "signature does not match": _BROKEN | _NOT_JUDGED,  # it tries a namesake after the path length was too small
    # name constraints
    "no permitted name constraints matched SAN": _BROKEN,
    "excluded name constraint matched SAN": _BROKEN,
    "unsatisfiable DNS name constraint": _BROKEN,
    "unsatisfiable IP name constraint": _BROKEN,
    "unsupported name constraint": _BROKEN | _NOT_JUDGED,
    "critical nameConstraints extension contains an unsupported directoryName": _BROKEN | _NOT_JUDGED,
    "Exceeded maximum name constraint check limit": _BROKEN,
    "malformed DNS name constraint": _BROKEN | _DAMAGED,
    "malformed IP name constraint": _DAMAGED,
    "nameConstraints must have non-empty permittedSubtrees or excludedSubtrees": _DAMAGED,
    # form
    "all candidates exhausted with no interior errors": {"NAME_FORM_DIFFERS"},
    "EE subjectAltName MUST": _FORM,
    "authorityKeyIdentifier must contain keyIdentifier": _FORM,
    "certificate must be an X509v3 certificate": _FORM,
    "certificate must have a serial between": _FORM,
    "certificate serial number cannot be negative": _FORM,
    "certificate must have a non-empty Issuer": _FORM,
    "validity dates between": _FORM,
    "mismatch between signatureAlgorithm and SPKI algorithm": _FORM,
    "Certificate extension has incorrect criticality": _FORM,
    "certificate contains unaccounted-for critical extensions": _FORM,
    "Certificate contains prohibited extension": _FORM,
    "Certificate is missing required extension": _FORM,
    "error parsing asn1 value": _DAMAGED,
    "ASN.1 parsing error": _DAMAGED,
    # strength
    "RSA key is too weak": _WEAK,
    "Forbidden public key algorithm": _WEAK | _FORM,
    "Forbidden signature algorithm": _WEAK | _FORM,
}
"""A part of what the verifier says, and the codes that tell it; of several one is true."""


@dataclass(frozen=True)
class Refusal:
    """What the verifier said of a path, and the codes of everything for which the path is not accepted here."""

    words: str
    codes: frozenset[str]

    @property
    def reasons(self) -> list[str]:
        return [each for each in REASONS if each in self.words]


def _refusals(questions: Iterable[ChainQuestion]) -> Iterator[Refusal]:
    """Judge chains, and yield every refusal that the verifier uttered."""
    heard: list[Refusal] = []

    def listen(path: Path, subject: Subject, period: Period, *, public: bool) -> str | None:
        words = refusal(path, subject, period, public=public)
        if words is not None:
            found = (*faults_of(path, period, public=public), *link_faults(path))
            stopping = (each.code.value for each in found if each.stops and each.severity > Severity.MINOR)
            heard.append(Refusal(words, frozenset(stopping)))
        return words

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr("pse_preflight.chain.judge.refusal", listen)
        for each in questions:
            judge_chain(each)
            yield from heard
            heard.clear()


def _of_kinds(kinds: Iterable[Kind], most: int) -> Iterator[ChainQuestion]:
    for kind in kinds:
        for keys, intermediates in islice(shapes(kind), most):
            yield built((kind,), NOW, keys, intermediates).question()


def _of_limbo(*by_rules: bool) -> Iterator[ChainQuestion]:
    cases = (each for each in test_limbo._cases() if "nc-dos" not in each["id"])
    return (test_limbo._question(each, public=public) for each in cases for public in by_rules)


def _of_graphs(seeds: range) -> Iterator[ChainQuestion]:
    return (test_random_graphs._graph(seed).question() for seed in seeds)


def _untold(refusals: Iterable[Refusal]) -> list[Refusal]:
    """Return refusals of a reason that is not known, of two at once, or for which nothing is told that is so called."""
    return [each for each in refusals if not _is_told(each)]


def _is_told(refusal: Refusal) -> bool:
    return len(refusal.reasons) == 1 and bool(REASONS[refusal.reasons[0]] & refusal.codes)


def test_every_refusal_is_translated() -> None:
    refusals = list(_refusals((*_of_kinds(KINDS[::6], 1), *islice(_of_limbo(True), 80))))
    assert len(refusals) > (40 if test_limbo._SUITE.is_file() else 10)
    assert _untold(refusals) == []


@pytest.mark.long
def test_every_refusal_is_translated_and_no_reason_is_listed_that_is_never_given() -> None:
    """But for that of limbo's chains that are made to take long."""
    refusals = list(_refusals((*_of_kinds(KINDS, 4), *_of_limbo(True, False), *_of_graphs(range(1000)))))
    assert _untold(refusals) == []
    given = {reason for each in refusals for reason in each.reasons}
    assert REASONS.keys() - given == {"Exceeded maximum name constraint check limit"}


def test_reason_that_nobody_knows_is_seen() -> None:
    assert _untold([Refusal("validation failed: a reason of tomorrow", frozenset(_BROKEN))])
    assert _untold([Refusal("validation failed: RSA key is too weak", frozenset(_BROKEN))])
    assert not _untold([Refusal("validation failed: RSA key is too weak", frozenset(_WEAK))])
