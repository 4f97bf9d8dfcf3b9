"""Name constraints by RFC 5280: every kind of name that it compares, each allowed and not, critical and not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.constraints import constraint_faults
from pse_preflight.chain.fault import Fault
from pse_preflight.chain.faults import forbidden
from pse_preflight.chain.judge import ChainQuestion, Judgement, judge_chain
from pse_preflight.chain.verify import Path as CertificatePath
from pse_preflight.chain.verify import Period, refusal
from pse_preflight.checklist import Severity
from pse_preflight.der import element
from tests.kit import drafts, openssl
from tests.kit.drafts import IA5, PRINTABLE, UTF8, Press
from tests.kit.faulty_chains import ELSEWHERE, ROOTS_NAME, Plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOST = ELSEWHERE.host
_O, _CN, _C = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME, NameOID.COUNTRY_NAME

Names = Sequence[x509.GeneralName]


def _directory(*attributes: drafts.Attribute) -> x509.GeneralName:
    return drafts.directory_name(drafts.name(*attributes))


def _uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def _mail(text: str) -> x509.GeneralName:
    return x509.RFC822Name(text)


def _plan(permitted: Names, excluded: Names, names: Names, *, critical: bool = True) -> Plan:
    plan = Plan(NOW, "p256", 2, ELSEWHERE)
    plan.leaf.says(x509.SubjectAlternativeName([x509.DNSName(HOST), *names]))
    constraints = x509.NameConstraints(list(permitted) or None, list(excluded) or None)
    plan.authorities[1].says(constraints, critical=critical)
    return plan


def _path(plan: Plan) -> CertificatePath:
    press = Press()
    return tuple(Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))


def _faults(plan: Plan) -> list[Fault]:
    return list(constraint_faults(_path(plan)))


_OWN = _directory((_O, "Draft", UTF8))
_OTHER = _directory((_O, "Somebody else", UTF8))

ALLOWED: dict[str, tuple[Names, Names, Names]] = {
    "uri of the host": ([_uri("a.example.com")], [], [_uri("https://a.example.com/x")]),
    "uri below the domain": ([_uri(".example.com")], [], [_uri("https://a.b.example.com:8443/x?y")]),
    "uri of another case": ([_uri(".EXAMPLE.com")], [], [_uri("HTTPS://A.Example.COM")]),
    "uri not excluded": ([], [_uri("a.example.com")], [_uri("https://b.a.example.com/")]),
    "no uri": ([_uri("a.example.com")], [], []),
    "own organisation": ([_OWN], [], []),
    "own organisation in another form": ([_directory((_O, " DRAFT ", PRINTABLE))], [], []),
    "one of two organisations": ([_OTHER, _OWN], [], []),
    "another organisation excluded": ([], [_OTHER], []),
    "mailbox": ([_mail("a@example.com")], [], [_mail("a@EXAMPLE.com")]),
    "mail host": ([_mail("example.com")], [], [_mail("b@example.com")]),
    "mail domain": ([_mail(".example.com")], [], [_mail("b@x.example.com")]),
    "mail not excluded": ([], [_mail("a@example.com")], [_mail("A@example.com")]),
}
FORBIDDEN: dict[str, tuple[Names, Names, Names]] = {
    "uri of another host": ([_uri("a.example.com")], [], [_uri("https://b.example.com/x")]),
    "uri of the domain itself": ([_uri(".example.com")], [], [_uri("https://example.com/x")]),
    "uri excluded": ([], [_uri(".example.com")], [_uri("https://a.example.com/")]),
    "uri without a host": ([_uri(".example.com")], [], [_uri("urn:uuid:1")]),
    "uri of an address": ([_uri(".example.com")], [], [_uri("https://[2001:db8::1]/")]),
    "another organisation": ([_OTHER], [], []),
    "organisation below": ([_directory((_O, "Draft", UTF8), (_CN, "x", UTF8))], [], []),
    "country before it": ([_directory((_C, "DE", PRINTABLE), (_O, "Draft", UTF8))], [], []),
    "own organisation excluded": ([], [_OWN], []),
    "own organisation excluded in another form": ([], [_directory((_O, "draft", PRINTABLE))], []),
    "everything excluded": ([], [_directory()], []),
    "another mailbox": ([_mail("a@example.com")], [], [_mail("b@example.com")]),
    "another mail host": ([_mail("example.com")], [], [_mail("b@x.example.com")]),
    "mail host of the domain itself": ([_mail(".example.com")], [], [_mail("b@example.com")]),
    "mail excluded": ([], [_mail("example.com")], [_mail("a@example.com")]),
}

each_allowed = pytest.mark.parametrize("case", ALLOWED.values(), ids=ALLOWED)
each_forbidden = pytest.mark.parametrize("case", FORBIDDEN.values(), ids=FORBIDDEN)


@pytest.mark.parametrize("place", ["leaf", "issuing", "upper"])
def test_renewed_key_of_an_authority_is_not_bound_and_a_server_is_always(place: str) -> None:
    """Who issues for itself is the constrained authority under another key, unless it stands at the end."""
    plan = Plan(NOW, "p256", 3, ELSEWHERE)
    top = plan.authorities[2]
    top.says(x509.NameConstraints([_directory((_O, "Draft", UTF8), (_CN, top.common_name, UTF8))], None), critical=True)
    for draft in (plan.leaf, *plan.authorities[:2]):
        draft.subject = top.subject
    issuers = {"leaf": plan.leaf, "issuing": plan.authorities[0], "upper": plan.authorities[1]}
    if place != "upper":
        issuers[place].subject = drafts.plain_name("Somebody")
    blamed = [each.words for each in _faults(plan) if "does not allow a name of" in each.words]
    assert bool(blamed) is (place != "upper")


def test_server_that_bears_its_issuers_name_is_bound_all_the_same() -> None:
    plan = Plan(NOW, "p256", 2, ELSEWHERE)
    lower, upper = plan.authorities
    plan.leaf.subject = lower.subject
    upper.says(x509.NameConstraints([x509.DNSName("elsewhere.example.org")], None), critical=True)
    assert [each.certificate.name for each in _faults(plan)] == [upper.common_name]


def _judged(plan: Plan) -> Judgement:
    leaf, *between, root = _path(plan)
    return judge_chain(
        ChainQuestion(
            host=HOST,
            presented=(leaf.der, *(each.der for each in between)),
            roots=(root,),
            roots_name=ROOTS_NAME,
            period=Period(NOW, NOW),
        )
    )


@pytest.mark.parametrize("critical", [True, False])
@each_forbidden
def test_name_that_is_not_allowed_breaks_the_constraint(case: tuple[Names, Names, Names], *, critical: bool) -> None:
    (fault,) = _faults(_plan(*case, critical=critical))
    assert (fault.code, fault.severity) == ("CA_CONSTRAINT_BROKEN", Severity.BLOCKER)
    assert "does not allow a name of" in fault.words
    assert forbidden(_path(_plan(*case, critical=critical)))


@pytest.mark.parametrize("critical", [True, False])
@each_allowed
def test_name_that_is_allowed_breaks_nothing(case: tuple[Names, Names, Names], *, critical: bool) -> None:
    assert all(each.code != "CA_CONSTRAINT_BROKEN" for each in _faults(_plan(*case, critical=critical)))


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize("case", [*ALLOWED.values(), *FORBIDDEN.values()], ids=[*ALLOWED, *FORBIDDEN])
def test_nothing_is_accepted_that_the_verifier_or_the_rfc_refuses(
    case: tuple[Names, Names, Names], *, critical: bool
) -> None:
    plan = _plan(*case, critical=critical)
    judgement, path = _judged(plan), _path(plan)
    refused = refusal(path, x509.DNSName(HOST), Period(NOW, NOW), public=False) is not None
    broken = case in FORBIDDEN.values()
    assert bool(judgement.path) is not (refused or broken)
    codes = [each.code for each in judgement.findings]
    expected = "CA_CONSTRAINT_BROKEN" if broken else "CONSTRAINT_NOT_JUDGED"
    assert codes == ([expected] if refused or broken else [])


@openssl.NEEDED
@pytest.mark.parametrize("case", [*ALLOWED.values(), *FORBIDDEN.values()], ids=[*ALLOWED, *FORBIDDEN])
def test_openssl_is_of_the_same_mind(case: tuple[Names, Names, Names], tmp_path: Path) -> None:
    path = _path(_plan(*case))
    accepted = openssl.accepts(path[:-1], path[-1:], NOW, tmp_path)
    allowed = case in ALLOWED.values()
    assert accepted is allowed or case in STRICTER.values()


STRICTER = {
    "uri of an address": FORBIDDEN["uri of an address"],  # RFC 5280: an URI with an address must be refused
    "uri of the host": ALLOWED["uri of the host"],
}
"""Where OpenSSL departs from the RFC."""


def test_critical_constraint_that_is_kept_is_told_as_not_judged_and_names_it() -> None:
    judgement = _judged(_plan([x509.DNSName("example.com"), _OWN], [], []))
    (found,) = judgement.findings
    assert (found.code, found.severity) == ("CONSTRAINT_NOT_JUDGED", Severity.MAJOR)
    assert (
        'cannot be judged here: it has name constraints by directory name, critical ones: "O=Draft"' in found.observed
    )
    assert "SAP's client" in found.fix
    assert not judgement.path


@pytest.mark.parametrize(
    ("permitted", "critical", "green"), [(_OWN, False, True), (_OWN, True, False), (_OTHER, False, False)]
)
def test_directory_names_are_accepted_only_where_they_are_kept_and_not_critical(
    permitted: x509.GeneralName, *, critical: bool, green: bool
) -> None:
    assert bool(_judged(_plan([permitted], [], [], critical=critical)).path) is green


def test_kinds_that_nobody_compares_are_never_accepted() -> None:
    number = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
    other = x509.RegisteredID(x509.ObjectIdentifier("1.2.4"))
    for permitted, excluded, code in (
        ([number], [], "CONSTRAINT_NOT_JUDGED"),
        ([other], [], "CA_CONSTRAINT_BROKEN"),
        ([], [other], "CA_CONSTRAINT_BROKEN"),
    ):
        judgement = _judged(_plan(permitted, excluded, [number]))
        assert [each.code for each in judgement.findings] == [code]
        assert not judgement.path


@pytest.mark.parametrize("depth", ["800101", "810101"])
def test_subtree_with_depths_is_not_judged(depth: str) -> None:
    """The library does not show minimum and maximum, and OpenSSL refuses them."""
    base = "820b6578616d706c652e636f6d"
    for more, told in ((depth, True), ("", False)):
        subtree = bytes.fromhex(base + more)
        plan = Plan(NOW, "p256", 1, ELSEWHERE)
        inner = element(0xA0, drafts.encoded([drafts.encoded([subtree])])[2:])
        plan.authorities[0].extensions["2.5.29.30"] = (True, drafts.encoded([inner]))
        judgement = _judged(plan)
        assert [each.code for each in judgement.findings] == (["CONSTRAINT_NOT_JUDGED"] if told else [])
        assert bool(judgement.path) is not told


def test_intermediates_are_bound_by_their_own_names() -> None:
    plan = Plan(NOW, "p256", 2, ELSEWHERE)
    plan.root.says(x509.NameConstraints([_OWN], None))
    assert _faults(plan) == []
    plan.authorities[0].subject = drafts.name((_O, "Somebody else", UTF8), (_CN, "Lower", UTF8))
    (fault,) = _faults(plan)
    assert [each.name for each in fault.others] == ["Lower"]
    plan.authorities[0].subject = plan.authorities[1].subject
    plan.authorities[1].says(x509.NameConstraints([_OTHER], None))
    assert [each.name for fault in _faults(plan) for each in fault.others] == [HOST]


def test_mail_address_in_the_subject_counts() -> None:
    for host, told in (("example.com", False), ("example.org", True)):
        plan = _plan([_mail("example.com")], [], [])
        plan.leaf.subject = drafts.name((_CN, HOST, UTF8), (NameOID.EMAIL_ADDRESS, f"a@{host}", IA5))
        assert bool(_faults(plan)) is told
