"""Which host a certificate is for, and which names its authority may give: as the verifier sees it, never milder."""

import ipaddress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from pse_preflight.certificate import Certificate
from pse_preflight.chain.host_names import (
    can_be_named,
    forbidden_name,
    is_address,
    is_dns_name,
    is_plain_mail,
    malformed_constraint,
    named_hosts,
    names_host,
    names_host_in_common_name_only,
    subject_to_verify,
)
from pse_preflight.chain.verify import refusal
from tests.kit.chains import World

WORLD = World(datetime(2026, 11, 1, tzinfo=UTC))
ROOT = WORLD.root()


def _certificate(*names: str, common_name: str = "server") -> Certificate:
    return Certificate.of(ROOT.issue_server(names, WORLD.start, 90, common_name=common_name).certificate)


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("erp.example.com", "erp.example.com", True),
        ("erp.example.com", "ERP.Example.COM.", True),
        ("ERP.example.com", "erp.example.com", True),
        ("erp.example.com", "crm.example.com", False),
        ("erp.example.com", "erp.example.com..", False),
        ("*.example.com", "erp.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.erp.example.com", False),
        ("*.example.com", ".example.com", False),
        ("e*.example.com", "erp.example.com", False),
        ("erp.*.com", "erp.example.com", False),
        ("*", "erp", False),
        ("*.", "erp", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "c000:201::", False),
        ("2001:db8::1", "2001:DB8:0::1", True),
        ("fe80::1", "fe80::1%eth0", True),
        ("erp.example.com", "", False),
        ("erp_x.example.com", "erp_x.example.com", False),
    ],
)
def test_host_is_named_or_not(name: str, host: str, *, covered: bool) -> None:
    assert names_host(_certificate(name), host) is covered


def test_address_written_as_a_name_is_no_address() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("192.0.2.1")])
    server = Certificate.of(WORLD.signed("server", ROOT, [(names, False)]).certificate)
    assert not names_host(server, "192.0.2.1")
    assert names_host(_certificate("192.0.2.1"), "192.0.2.1")


def test_common_name_is_no_name() -> None:
    bare = _certificate(common_name="erp.example.com")
    assert not names_host(bare, "erp.example.com")
    assert names_host_in_common_name_only(bare, "ERP.example.com")
    assert not names_host_in_common_name_only(bare, "crm.example.com")
    assert not names_host_in_common_name_only(bare, "hrm.example.com")
    both = _certificate("erp.example.com", common_name="erp.example.com")
    assert not names_host_in_common_name_only(both, "erp.example.com")


def test_names_of_other_kinds_are_left_out() -> None:
    names = x509.SubjectAlternativeName([x509.RFC822Name("a@example.com"), x509.DNSName("erp.example.com")])
    server = Certificate.of(WORLD.signed("server", ROOT, [(names, False)]).certificate)
    assert named_hosts(server) == ("erp.example.com",)


_LABELS = st.text("aA1-*_é", max_size=4)
_NAMES = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)


@given(_NAMES, _NAMES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_verifier_is_of_the_same_mind(name: str, host: str) -> None:
    """Whatever is asked of the verifier must be accepted by it, and what is not asked must not be."""
    if not name.isascii():
        return
    certificate = _certificate(name)
    path = (certificate, Certificate.of(ROOT.certificate))
    subject = subject_to_verify(certificate, host)
    if subject is not None:
        assert refusal(path, subject, WORLD.period, public=True) is None
    if is_dns_name(host):
        accepted = refusal(path, x509.DNSName(host), WORLD.period, public=True) is None
        assert names_host(certificate, host) is accepted


@pytest.mark.parametrize(
    ("host", "can_be", "address"),
    [
        ("erp.example.com", True, False),
        ("ERP.example.com.", True, False),
        ("erp_x.example.com", False, False),
        ("", False, False),
        ("192.0.2.1", True, True),
        ("fe80::1%eth0", True, True),
        ("192.0.2", True, False),
    ],
)
def test_host_can_be_named_or_not(host: str, *, can_be: bool, address: bool) -> None:
    assert can_be_named(host) is can_be
    assert is_address(host) is address


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a@example.com", True),
        ("a.b+c@example.com", True),
        ("example.com", False),
        ("a@", False),
        ("@example.com", False),
        ("a..b@example.com", False),
        ('"a b"@example.com', False),
        ("a@example.com@x", False),
        ("a@exa_mple.com", False),
    ],
)
def test_plain_mail_address_is_told(text: str, *, is_one: bool) -> None:
    assert is_plain_mail(text) is is_one


def test_subject_to_verify_is_the_host_where_it_is_named() -> None:
    certificate = _certificate("first.example.com", "*.example.org", "192.0.2.1")
    assert subject_to_verify(certificate, "erp.example.org.") == x509.DNSName("erp.example.org")
    assert subject_to_verify(certificate, "192.0.2.1") == x509.IPAddress(ipaddress.ip_address("192.0.2.1"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first.example.com", x509.DNSName("first.example.com")),
        ("*.example.org", x509.DNSName("any.example.org")),
        ("192.0.2.1", x509.IPAddress(ipaddress.ip_address("192.0.2.1"))),
        ("no_name", None),
    ],
)
def test_subject_to_verify_is_else_a_name_that_it_has(name: str, expected: x509.GeneralName | None) -> None:
    assert subject_to_verify(_certificate(name), "erp.example.com") == expected


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a.b", True), ("a-b", True), ("-a", False), ("a-", False), ("a..b", False), ("a.", False), ("", False)],
)
def test_dns_name_is_told(text: str, *, is_one: bool) -> None:
    assert is_dns_name(text) is is_one


def test_dns_name_has_a_longest_form() -> None:
    label = "a" * 63
    assert is_dns_name(f"{label}.{label}.{label}.{'a' * 61}")
    assert not is_dns_name(f"{label}.{label}.{label}.{'a' * 62}")
    assert not is_dns_name("a" * 64)


def _dns(name: str) -> x509.GeneralName:
    return x509.DNSName(name)


def _ip(text: str) -> x509.GeneralName:
    network = ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text)
    return x509.IPAddress(network)


def _mail(text: str) -> x509.GeneralName:
    return x509.RFC822Name(text)


def _url(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def _directory(text: str) -> x509.GeneralName:
    return x509.DirectoryName(x509.Name.from_rfc4514_string(text))


_OTHER = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))


@pytest.mark.parametrize(
    ("permitted", "excluded", "name", "word"),
    [
        ([_dns("example.com")], [], _dns("example.com"), ""),
        ([_dns("example.com")], [], _dns("erp.EXAMPLE.com"), ""),
        ([_dns("example.com")], [], _dns("*.example.com"), ""),
        ([_dns("example.com")], [], _dns("badexample.com"), "badexample.com is not permitted"),
        ([_dns("erp.example.com")], [], _dns("*.example.com"), "*.example.com is not permitted"),
        ([_dns("")], [], _dns("example.com"), ""),
        ([_dns("a.com"), _dns("b.com")], [], _dns("x.b.com"), ""),
        ([_dns("example.com")], [], _dns(".example.com"), "'.example.com' is no host name"),
        ([_dns("example.com")], [], _ip("192.0.2.1"), ""),
        ([_ip("192.0.2.0/24")], [], _ip("192.0.2.1"), ""),
        ([_ip("192.0.2.0/24")], [], _ip("192.0.3.1"), "192.0.3.1 is not permitted"),
        ([_ip("192.0.2.0/24")], [], _ip("2001:db8::1"), "2001:db8::1 is not permitted"),
        ([_ip("192.0.2.0/24")], [], _ip("192.0.2.0/24"), "192.0.2.0/24 is not permitted"),
        ([_ip("192.0.2.1")], [], _ip("192.0.2.1"), "192.0.2.1 is not permitted"),
        ([], [_dns("example.com")], _dns("erp.example.com"), "erp.example.com is excluded"),
        ([], [_dns("example.com")], _dns("example.org"), ""),
        ([], [_dns("erp.example.com")], _dns("*.example.com"), "*.example.com is excluded"),
        ([], [_dns("erp.example.com")], _dns("crm.example.com"), ""),
        ([], [_ip("192.0.2.0/24")], _ip("192.0.2.1"), "192.0.2.1 is excluded"),
        ([], [_ip("192.0.2.0/24")], _ip("192.0.3.1"), ""),
        ([_dns("example.com")], [_dns("erp.example.com")], _dns("erp.example.com"), "erp.example.com is excluded"),
        ([_mail("b@example.com")], [], _mail("b@EXAMPLE.com"), ""),
        ([_mail("b@example.com")], [], _mail("a@example.com"), "a@example.com is not permitted"),
        ([_mail("b@example.com")], [], _mail("c@example.com"), "c@example.com is not permitted"),
        ([_mail("b@example.com")], [], _mail("b@example.org"), "b@example.org is not permitted"),
        ([_mail("example.com")], [], _mail("a@example.com"), ""),
        ([_mail("example.com")], [], _mail("a@mail.example.com"), "a@mail.example.com is not permitted"),
        ([_mail(".example.com")], [], _mail("a@mail.example.com"), ""),
        ([_mail(".example.com")], [], _mail("a@example.com"), "a@example.com is not permitted"),
        ([], [_mail("example.com")], _mail("a@example.com"), "a@example.com is excluded"),
        ([], [_mail("example.com")], _mail("a@example.org"), ""),
        ([_url("erp.example.com")], [], _url("https://ERP.example.com/x"), ""),
        (
            [_url("erp.example.com")],
            [],
            _url("https://crm.example.com/x"),
            "https://crm.example.com/x is not permitted",
        ),
        ([_url(".example.com")], [], _url("https://erp.example.com"), ""),
        ([_url(".example.com")], [], _url("https://example.com"), "https://example.com is not permitted"),
        ([_url("")], [], _url("https://example.com"), ""),
        ([_url("erp.example.com")], [], _url("urn:x"), "'urn:x' names no host"),
        ([_url("erp.example.com")], [], _url("https://[x"), "'https://[x' names no host"),
        ([], [_url("erp.example.com")], _url("https://erp.example.com"), "https://erp.example.com is excluded"),
        ([], [_url("erp.example.com")], _url("https://crm.example.com"), ""),
        ([_directory("O=A")], [], _directory("CN=x,O=a"), ""),
        ([_directory("CN=x,O=A")], [], _directory("O=A"), '"O=A" is not permitted'),
        ([_directory("O=A")], [], _directory("CN=x,O=B"), '"CN=x,O=B" is not permitted'),
        ([], [_directory("O=A")], _directory("CN=x,O=A"), '"CN=x,O=A" is excluded'),
        ([], [_directory("O=A")], _directory("CN=x,O=B"), ""),
        ([_directory("O=A")], [_dns("example.com")], _mail("a@example.com"), ""),
        ([_OTHER], [], _OTHER, ""),
        ([], [_OTHER], x509.RegisteredID(x509.ObjectIdentifier("1.2.4")), "is excluded"),
    ],
)
def test_name_is_forbidden_or_not(
    permitted: list[x509.GeneralName], excluded: list[x509.GeneralName], name: x509.GeneralName, word: str
) -> None:
    try:
        constraints = x509.NameConstraints(permitted or None, excluded or None)
    except TypeError:
        return  # the library makes no constraint of a single address
    assert forbidden_name(constraints, [name]).endswith(word)
    assert bool(forbidden_name(constraints, [name])) is bool(word)


def test_malformed_constraint_is_told() -> None:
    assert malformed_constraint(x509.NameConstraints([_dns("example.com")], [_dns("")])) == ""
    assert "'.example.com'" in malformed_constraint(x509.NameConstraints(None, [_dns(".example.com")]))
