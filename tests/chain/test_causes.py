"""What is said of a chain: each sentence with the certificates that it names, and nothing that was not seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID as Access

from pse_preflight.certificate import Certificate
from pse_preflight.chain import causes
from pse_preflight.chain.fault import Fault, called
from pse_preflight.chain.gap import Gap
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code, Severity
from pse_preflight.demo.authority import Identity
from tests.kit.chains import World

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WORLD, MOMENT = World(NOW), Period(NOW, NOW)
ROOT, OTHER = WORLD.root(), WORLD.root("Other Root")
ISSUING, ANOTHER, TWIN = (
    WORLD.authority(ROOT),
    WORLD.authority(ROOT, "Another"),
    WORLD.authority(OTHER),
)


def _certificate(identity: Identity) -> Certificate:
    return Certificate.of(identity.certificate)


LEAF, INTERMEDIATE, TOP = (_certificate(each) for each in (WORLD.server(ISSUING), ISSUING, ROOT))
PATH = (LEAF, INTERMEDIATE, TOP)
WRONG, NAMESAKE, STRANGER = (_certificate(each) for each in (ANOTHER, TWIN, OTHER))


def _marks(certificate: Certificate) -> str:
    return f"(sha256 {certificate.sha256[:12]}, until {certificate.not_after:%Y-%m-%d})"


def test_certificate_is_called_what_it_is_to_its_path() -> None:
    assert [causes.role(each, PATH) for each in PATH] == ["server certificate", "intermediate", "root"]
    assert causes.role(INTERMEDIATE, PATH[:2]) == "intermediate"
    assert causes.role(TOP, (LEAF, TOP, INTERMEDIATE)) == "intermediate"
    assert causes.role(TOP, (TOP,)) == "server certificate"
    assert causes.marks(LEAF) == _marks(LEAF)
    assert causes.marks(LEAF, dated=False) == f"(sha256 {LEAF.sha256[:12]})"


def test_two_addresses_of_an_issuer_are_told_that_can_be_asked() -> None:
    def url(text: str) -> x509.GeneralName:
        return x509.UniformResourceIdentifier(text)

    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(Access.OCSP, url("http://a/ocsp")),
            x509.AccessDescription(Access.CA_ISSUERS, x509.DNSName("http://a/name")),
            x509.AccessDescription(Access.CA_ISSUERS, url("ldap://a/1")),
            x509.AccessDescription(Access.CA_ISSUERS, url("https://a/1")),
            x509.AccessDescription(Access.CA_ISSUERS, url("HTTP://a/1")),
            x509.AccessDescription(Access.CA_ISSUERS, url("HTTP://a/1")),
            x509.AccessDescription(Access.CA_ISSUERS, url("http://a/2")),
            x509.AccessDescription(Access.CA_ISSUERS, url("http://a/3")),
        ]
    )
    telling = _certificate(WORLD.signed("server", ISSUING, [(access, False)]))
    assert causes.issuer_addresses(telling) == ("HTTP://a/1", "http://a/2")
    assert causes.issuer_addresses(LEAF) == ()


@pytest.mark.parametrize(
    ("names", "common_name", "host", "words"),
    [
        ([], "x", "erp.example.com", "it has no subject alternative name at all"),
        (["a.com", "b.com"], "x", "erp.example.com", "it names a.com, b.com"),
        (
            [],
            "erp.example.com",
            "erp.example.com",
            "it has no subject alternative name at all; a name that stands in the common name only does not count",
        ),
        (["a.com"], "x", "192.0.2.1", "it names a.com"),
    ],
)
def test_hosts_of_a_certificate_are_told_instead(names: list[str], common_name: str, host: str, words: str) -> None:
    leaf = _certificate(ISSUING.issue_server(names, WORLD.start, 90, common_name=common_name))
    found = causes.host_not_named(leaf, host)
    assert found.observed == f"server certificate {called(leaf)} does not name {host}; {words} {_marks(leaf)}"
    assert found.fix == (
        f"if `url` should name another host, correct it; else have a certificate sent that names {host}"
    )
    assert found.certificates == (leaf.sha256,)


def test_host_that_no_certificate_can_name_is_told_as_that() -> None:
    leaf = _certificate(ISSUING.issue_server(["erp_x.com"], WORLD.start, 90))
    rule = "no client is bound to take this for a host name, which may hold letters, digits and hyphens only"
    assert f" names erp_x.com, but {rule} " in causes.host_not_named(leaf, "erp_x.com").observed
    assert f" does not name crm_x.com; and {rule} " in causes.host_not_named(leaf, "crm_x.com").observed
    assert causes.host_not_named(leaf, "erp_x.com").fix.startswith("give the host a name of letters")
    names = x509.SubjectAlternativeName([x509.DNSName("192.0.2.1")])
    written = _certificate(WORLD.signed("server", ISSUING, [(names, False)]))
    assert "does not name the address 192.0.2.1; it has 192.0.2.1 as a DNS name" in (
        causes.host_not_named(written, "192.0.2.1").observed
    )
    mail = x509.SubjectAlternativeName([x509.RFC822Name("a@example.com")])
    of_people = _certificate(WORLD.signed("server", ISSUING, [(mail, False)]))
    assert "; it names no host, only a@example.com " in causes.host_not_named(of_people, "erp.example.com").observed


@pytest.mark.parametrize(
    ("position", "needed", "what", "fix", "severity"),
    [
        (1, True, "the server certificate", "have it issued anew, as RFC 5280 wants it", Severity.BLOCKER),
        (2, False, "certificate 2 of 3 that the server sends", "have the server stop sending it", Severity.MINOR),
    ],
)
def test_unreadable_certificate_is_told_with_its_place(
    position: int, what: str, fix: str, severity: Severity, *, needed: bool
) -> None:
    found = causes.unreadable(position, 3, "ab" * 32, ("it is odd", "x" * 500), needed=needed)
    assert found.observed == f"{what} cannot be read: it is odd (sha256 abababababab)"
    assert (found.fix, found.severity, found.certificates) == (fix, severity, ("ab" * 32,))
    assert found.detail == "x" * 300


def test_missing_intermediate_is_told_with_what_is_sent() -> None:
    found = causes.intermediate_missing(Gap(LEAF, INTERMEDIATE), (LEAF,), "the roots")
    assert found.code is Code.SERVER_OMITS_INTERMEDIATE
    assert found.observed == (
        f"the server does not send the intermediate {called(INTERMEDIATE)}, which signed {called(LEAF)}; it sends only"
        f" {called(LEAF)} {_marks(LEAF)}"
    )
    assert found.fix == f"have the server send {called(INTERMEDIATE)} after its own certificate"
    assert found.certificates == (LEAF.sha256, INTERMEDIATE.sha256)
    assert f"{called(INTERMEDIATE)} is {_marks(INTERMEDIATE)}" in found.detail
    assert "is itself a root" not in found.detail
    unknown = causes.intermediate_missing(Gap(INTERMEDIATE), (LEAF, INTERMEDIATE), "the roots")
    assert unknown.fix == f'have the server send "{INTERMEDIATE.issuer_name}" after {called(INTERMEDIATE)}'
    assert f'if "{INTERMEDIATE.issuer_name}" is itself a root, that root is not in the roots' in unknown.detail
    assert unknown.certificates == (INTERMEDIATE.sha256,)


def test_wrong_intermediate_is_told_with_what_is_to_go() -> None:
    gap = Gap(LEAF, INTERMEDIATE, (WRONG,))
    found = causes.intermediate_missing(gap, (LEAF, WRONG), "the roots")
    assert found.code is Code.SERVER_SENDS_WRONG_INTERMEDIATE
    assert f"; it sends {called(WRONG)} instead {_marks(LEAF)}" in found.observed
    assert found.fix.endswith(f" after its own certificate, and not {called(WRONG)}")
    assert found.certificates == (LEAF.sha256, INTERMEDIATE.sha256, WRONG.sha256)
    assert "belongs to the path" not in found.detail
    perhaps = causes.intermediate_missing(replace(gap, may_belong=True), (LEAF, WRONG), "the roots")
    assert perhaps.fix.endswith(f"; and {called(WRONG)} only if it signed that one")
    assert f"if {called(WRONG)} signed {called(INTERMEDIATE)}, it belongs to the path" in perhaps.detail
    twin = causes.intermediate_missing(replace(gap, instead=(NAMESAKE,)), (LEAF, NAMESAKE), "the roots")
    assert f"{called(NAMESAKE)} instead, of the same name but with another key {_marks(LEAF)}" in twin.observed
    assert twin.fix.endswith(f", and not the one of that name that it sends {_marks(NAMESAKE)}")


def test_root_that_is_not_trusted_is_told() -> None:
    found = causes.root_untrusted(PATH, "the roots")
    assert found.observed == f"root {called(TOP)} of this chain is not in the roots {_marks(TOP)}"
    assert (found.certificates, found.fix.startswith("if you expect this root, ")) == ((TOP.sha256,), True)
    unknown = causes.root_unknown(PATH[:2], (), "the roots")
    assert unknown.observed == (
        f'"{TOP.name}", which signed intermediate {called(INTERMEDIATE)}, is not in the roots {_marks(INTERMEDIATE)}'
    )
    assert f'it was not sent; if "{TOP.name}" is no root, the server omits this intermediate' in unknown.detail
    assert (unknown.certificates, unknown.fix.startswith("if you expect that root, ")) == ((INTERMEDIATE.sha256,), True)
    namesakes = (STRANGER, NAMESAKE)
    other = causes.root_unknown(PATH[:2], namesakes, "the roots")
    assert f"; of that name, but with another key, there is {called(STRANGER)} {_marks(INTERMEDIATE)}" in other.observed
    assert "it was not sent" not in other.detail
    assert all(f"{called(each)} is {_marks(each)}" in other.detail for each in namesakes)


def test_ends_without_a_root_are_told() -> None:
    found = causes.circle(PATH, "the roots")
    assert found.observed == (
        f"root {called(TOP)} and its issuers sign each other; none of them is in the roots {_marks(TOP)}"
    )
    assert found.certificates == (INTERMEDIATE.sha256, TOP.sha256)
    assert found.fix.startswith("if you expect one of them, ")
    long = causes.too_long(PATH, 8)
    assert long.observed == (
        f"server certificate {called(LEAF)} has more than 8 intermediates above it; the last one looked at is"
        f" {called(TOP)} {_marks(LEAF)}"
    )
    assert (long.certificates, long.detail.startswith("8 are followed here")) == ((LEAF.sha256, TOP.sha256), True)
    own = causes.self_signed(LEAF, "the roots")
    assert own.observed == (
        f"server certificate {called(LEAF)} is signed by itself, and is not in the roots {_marks(LEAF)}"
    )
    assert own.certificates == (LEAF.sha256,)


def test_refusals_are_told_with_whom_they_concern() -> None:
    found = causes.signature_wrong(LEAF, INTERMEDIATE, PATH)
    assert found.observed == (
        f"server certificate {called(LEAF)} was not signed by the key of its issuer {called(INTERMEDIATE)}"
        f" {_marks(LEAF)}"
    )
    assert found.certificates == (LEAF.sha256, INTERMEDIATE.sha256)
    assert found.detail.startswith(f"{called(INTERMEDIATE)} is {_marks(INTERMEDIATE)}")
    unknown = causes.refused(PATH, "x" * 500)
    assert unknown.detail == f"the verifier's own words: {'x' * 300}"
    assert unknown.certificates == tuple(each.sha256 for each in PATH)


@pytest.mark.parametrize(
    ("code", "place", "hours", "fix", "dated"),
    [
        (
            Code.CERTIFICATE_EXPIRED,
            0,
            0,
            "have it renewed and the renewed one sent; if this machine's clock is fast",
            False,
        ),
        (Code.CERTIFICATE_EXPIRED, 0, 1, "have it renewed and the renewed one sent", False),
        (Code.CERTIFICATE_EXPIRED, 2, 0, "have a chain sent that ends in a root of today", False),
        (
            Code.CERTIFICATE_NOT_YET_VALID,
            2,
            0,
            "have a valid certificate sent; or, if this machine's clock is slow",
            True,
        ),
        (Code.CERTIFICATE_NOT_YET_VALID, 1, 1, "have a valid certificate sent", True),
        (Code.CERTIFICATE_WEAK, 1, 0, "have it issued anew with SHA-256 or better", True),
    ],
)
def test_fault_is_told_with_its_fix(code: Code, place: int, hours: int, fix: str, *, dated: bool) -> None:
    fault = Fault(code, PATH[place], "is odd", Severity.MAJOR, (TOP,), detail="because", more="and so on")
    found = causes.faulty(fault, PATH, Period(NOW, NOW + timedelta(hours=hours)))
    marks = _marks(PATH[place]) if dated else f"(sha256 {PATH[place].sha256[:12]})"
    kind = ("server certificate", "intermediate", "root")[place]
    assert found.observed == f"{kind} {called(PATH[place])} is odd {marks}; and so on"
    assert found.fix.startswith(fix)
    assert ("clock" in found.fix) is ("clock" in fix)
    assert (found.code, found.severity) == (code, Severity.MAJOR)
    assert found.certificates == (PATH[place].sha256, TOP.sha256)
    assert f"{called(TOP)} is {_marks(TOP)}" in found.detail
    assert "because" in found.detail
    assert not causes.faulty(replace(fault, more=""), PATH, MOMENT).observed.endswith("; and so on")


def test_order_is_told_with_the_right_one() -> None:
    first = causes.out_of_order(PATH, (INTERMEDIATE, LEAF))
    assert first.severity is Severity.MAJOR
    assert first.observed == (
        f"intermediate {called(INTERMEDIATE)} is sent where {called(LEAF)} belongs; the order is"
        f" {called(INTERMEDIATE)}, {called(LEAF)}, right is {called(LEAF)}, {called(INTERMEDIATE)}"
        f" {_marks(INTERMEDIATE)}"
    )
    assert first.certificates == (INTERMEDIATE.sha256, LEAF.sha256)
    rest = causes.out_of_order(PATH, (LEAF, WRONG, TOP, INTERMEDIATE))
    assert rest.severity is Severity.MINOR
    assert rest.observed.startswith(f"root {called(TOP)} is sent where {called(INTERMEDIATE)} belongs")
    assert causes.out_of_order(PATH, (WRONG, LEAF)).observed.startswith(
        f"intermediate {called(WRONG)} is sent where {called(LEAF)} belongs"
    )


def test_extras_are_told_by_kind() -> None:
    found = causes.has_extras((WRONG,), (LEAF,), (NAMESAKE,))
    assert found.observed == (
        f"the server sends more than its path needs; not needed: {WRONG.label}; sent more than once: {LEAF.label};"
        f" not valid now, and not needed: {NAMESAKE.label}"
    )
    assert found.certificates == (WRONG.sha256, LEAF.sha256, NAMESAKE.sha256)
    alone = causes.has_extras((), (LEAF,), ())
    assert alone.observed == f"the server sends more than its path needs; sent more than once: {LEAF.label}"


def test_four_are_named_and_the_rest_is_counted() -> None:
    many = [_certificate(WORLD.root(f"Root {number}")) for number in range(6)]
    four = ", ".join(each.label for each in many[:4])
    for count, rest in ((4, ""), (5, " and 1 more"), (6, " and 2 more")):
        assert causes.has_extras(many[:count], (), ()).observed.endswith(f"; not needed: {four}{rest}")
