"""Names are compared whatever the kind of string, the case and the blanks (RFC 5280, 7.1)."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pse_preflight.names import alike, begins_with, parts
from tests.kit import drafts
from tests.kit.drafts import PRINTABLE, T61, UTF8

_CN, _O, _C = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.COUNTRY_NAME


def _name(*attributes: drafts.Attribute) -> x509.Name:
    return drafts.directory_name(drafts.name(*attributes)).value


def _cn(text: str, tag: int = UTF8) -> x509.Name:
    return _name((_CN, text, tag))


@pytest.mark.parametrize(
    "other",
    [
        _cn("Issuing CA", PRINTABLE),
        _cn("Issuing CA", T61),
        _cn("ISSUING ca"),
        _cn("  Issuing   CA "),
        _cn("issuing\u00a0CA"),
    ],
)
def test_forms_of_one_name_are_alike(other: x509.Name) -> None:
    assert alike(other) == alike(_cn("Issuing CA"))


@pytest.mark.parametrize(
    "other",
    [
        _cn("IssuingCA"),
        _cn("Issuing CA 2"),
        _cn("Issuing-CA"),
        _name((_O, "Issuing CA", UTF8)),
        _name((_CN, "Issuing CA", UTF8), (_O, "x", UTF8)),
        _name(),
    ],
)
def test_other_names_are_not(other: x509.Name) -> None:
    assert alike(other) != alike(_cn("Issuing CA"))


def test_order_counts_between_steps_and_not_within_one() -> None:
    one, other = x509.NameAttribute(_O, "a"), x509.NameAttribute(_CN, "b")
    steps = [x509.RelativeDistinguishedName([each]) for each in (one, other)]
    assert alike(x509.Name(steps)) != alike(x509.Name(steps[::-1]))
    both = x509.RelativeDistinguishedName
    assert alike(x509.Name([both([one, other])])) == alike(x509.Name([both([other, one])]))


def test_letters_beyond_ascii_are_alike_too() -> None:
    assert alike(_cn("Öffentliche Stelle")) == alike(_cn("öffentliche STELLE"))
    assert alike(_cn("Straße")) == alike(_cn("STRASSE"))


@pytest.mark.parametrize(
    ("base", "inside"),
    [
        (_name(), True),
        (_name((_C, "DE", PRINTABLE)), True),
        (_name((_C, "de", UTF8), (_O, "FIRMA", UTF8)), True),
        (_name((_C, "DE", PRINTABLE), (_O, "Firma", UTF8), (_CN, "x", UTF8)), True),
        (_name((_C, "DE", PRINTABLE), (_O, "Firma", UTF8), (_CN, "x", UTF8), (_CN, "y", UTF8)), False),
        (_name((_O, "Firma", UTF8)), False),
        (_name((_C, "AT", PRINTABLE)), False),
    ],
)
def test_subtree_is_told_by_its_first_steps(base: x509.Name, *, inside: bool) -> None:
    name = _name((_C, "DE", PRINTABLE), (_O, "Firma", UTF8), (_CN, "x", UTF8))
    assert begins_with(parts(name), parts(base)) is inside
