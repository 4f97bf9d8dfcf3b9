"""Rules of form that no library would break: each certificate is written by hand, and its twin keeps the rule."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.faults import is_authority
from pse_preflight.chain.form import form_faults
from pse_preflight.checklist import Severity
from pse_preflight.der import element, elements
from tests.kit import drafts
from tests.kit.drafts import Draft, Press

START = datetime(2026, 10, 1, tzinfo=UTC)
LONGEST_SERIAL = (1 << 167) - 1


def _told(draft: Draft) -> list[str]:
    """Return what is told of a certificate below its issuer."""
    press = Press()
    one, issuer = (Certificate.read(press.made(each)) for each in (draft, _ROOT))
    path = (_SERVER, one, issuer) if is_authority(one) else (one, issuer)
    found = list(form_faults(one, path, public=True))
    assert {each.severity for each in found} <= {Severity.BLOCKER}
    return [each.words for each in found]


def _server(kind: str = "p256") -> Draft:
    return drafts.server("server.example.com", _ROOT, START, 90, drafts.key(kind))


def _authority(kind: str = "p256") -> Draft:
    return drafts.authority("Authority", _ROOT, START, 900, drafts.key(kind))


_ROOT = drafts.authority("Root", None, START, 9000, drafts.key("rsa"))
_SERVER = Certificate.read(Press().made(_server()))


@pytest.mark.parametrize("make", [_server, _authority])
@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_what_keeps_all_rules_has_no_fault(make: Callable[[str], Draft], kind: str) -> None:
    assert _told(make(kind)) == []


@pytest.mark.parametrize(
    ("serial", "told"),
    [(1, False), (LONGEST_SERIAL, False), (LONGEST_SERIAL + 1, True), (-1, True), (-LONGEST_SERIAL, True)],
)
def test_a_serial_number_is_positive_and_has_20_bytes_at_most(serial: int, *, told: bool) -> None:
    draft = _server()
    draft.serial = serial
    assert _told(draft) == ["has a serial number that is negative or longer than 20 bytes"] * told


@pytest.mark.parametrize(
    ("end", "told"),
    [(b"20491231235959Z", True), (b"20500101000000Z", False), (b"20510101000000Z", False), (b"20270101000000Z", True)],
)
def test_only_from_2050_on_a_year_has_four_digits(end: bytes, *, told: bool) -> None:
    draft = _server()
    draft.end, draft.finish = datetime(2050, 6, 1, tzinfo=UTC), lambda der: der.replace(b"20500601000000Z", end)
    assert _told(draft) == ["writes a date before 2050 with four digits of the year"] * told


def test_the_first_date_counts_as_the_last_one() -> None:
    draft = _server()
    draft.end, draft.long_dates = datetime(2050, 6, 1, tzinfo=UTC), True
    assert _told(draft) == ["writes a date before 2050 with four digits of the year"]


@pytest.mark.parametrize(
    ("outer", "inner"), [("rsa-sha256", "rsa-sha384"), ("rsa-sha384", "rsa-sha256"), ("rsa-sha384", "rsa-sha384")]
)
def test_the_signature_is_of_the_kind_that_is_signed(outer: str, inner: str) -> None:
    draft = _server()
    draft.algorithm, draft.written_algorithm = outer, inner
    assert _told(draft) == ["names two different algorithms for its signature"] * (outer != inner)


@pytest.mark.parametrize("make", [_server, _authority])
def test_an_authoritys_rsa_key_has_the_parameter_of_its_algorithm(make: Callable[[str], Draft]) -> None:
    draft = make("rsa")
    draft.spki = _without_parameter(drafts.key("rsa"))
    words = ["names its key's algorithm without the parameter that belongs to it"]
    assert _told(draft) == words * (make is _authority)


def _without_parameter(key: drafts.Key) -> bytes:
    algorithm, bits = elements(next(elements(drafts.public_bytes(key))).content)
    identifier = next(elements(algorithm.content))
    return element(0x30, element(0x30, identifier.whole) + bits.whole)
