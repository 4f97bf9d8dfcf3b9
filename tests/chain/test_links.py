"""How certificates name their issuers: key identifiers that do not fit, and names in another form."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.links import link_faults
from pse_preflight.chain.search import Link, link
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Severity
from tests.kit import drafts
from tests.kit.drafts import PRINTABLE, Draft, Press
from tests.kit.faulty_chains import ELSEWHERE, Plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _plan() -> Plan:
    return Plan(NOW, "p256", 1, ELSEWHERE)


def _path(plan: Plan) -> Path:
    press = Press()
    return tuple(Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))


def _told(plan: Plan) -> list[tuple[str, str, Severity]]:
    return [(each.code.value, each.certificate.name, each.severity) for each in link_faults(_path(plan))]


def _names(draft: Draft, *, key: bytes | None = None, serial: int | None = None, issuer: bytes = b"") -> None:
    """Let a certificate name its issuer's key, serial number and issuer in its authority key identifier."""
    names = [drafts.directory_name(issuer)] if issuer else None
    draft.says(x509.AuthorityKeyIdentifier(key, names, serial))


def test_names_and_identifiers_that_fit_are_no_fault() -> None:
    plan = _plan()
    assert _told(plan) == []
    issuing, root = plan.authorities[0], plan.root
    _names(plan.leaf, key=issuing.held_identifier(), serial=issuing.serial, issuer=root.subject)
    _names(issuing, serial=root.serial, issuer=root.subject)
    assert _told(plan) == []


@pytest.mark.parametrize("place", ["leaf", "issuing"])
def test_identifier_of_another_key_is_told_of_the_one_that_bears_it(place: str) -> None:
    plan = _plan()
    _names(plan.at(place), key=b"another")
    (fault,) = link_faults(_path(plan))
    assert (fault.code, fault.severity, fault.stops) == ("KEY_IDENTIFIERS_DIFFER", Severity.MAJOR, False)
    assert fault.certificate.name == plan.at(place).common_name
    assert [each.name for each in fault.others] == [(plan.at(place).issuer or plan.root).common_name]
    for part in (b"another".hex(":").upper(), "the issuer's is ", "SAP's library"):
        assert part in fault.detail


@pytest.mark.parametrize(
    ("serial", "issuer", "part"),
    [
        (True, "Another", "issuer's issuer 'CN=Another,O=Draft'"),
        (False, "Root", "issuer's serial number 4711"),
    ],
)
def test_serial_number_and_issuer_of_another_are_told(issuer: str, part: str, *, serial: bool) -> None:
    plan = _plan()
    issuing = plan.authorities[0]
    number = issuing.serial if serial else 0x4711
    _names(plan.leaf, key=issuing.held_identifier(), serial=number, issuer=drafts.plain_name(issuer))
    (fault,) = link_faults(_path(plan))
    assert fault.code == "KEY_IDENTIFIERS_DIFFER"
    assert part in fault.detail


@pytest.mark.parametrize("by", [-1, 1])
def test_a_serial_number_is_another_whether_lower_or_higher(by: int) -> None:
    plan = _plan()
    issuing = plan.authorities[0]
    _names(plan.leaf, serial=issuing.serial + by, issuer=plan.root.subject)
    (fault,) = link_faults(_path(plan))
    assert f"issuer's serial number {issuing.serial + by:x}, it is {issuing.serial:x}" in fault.detail


def test_of_several_names_of_an_issuer_one_is_enough_and_the_first_is_told() -> None:
    plan = _plan()
    issuing, others = plan.authorities[0], [drafts.plain_name("One"), drafts.plain_name("Two")]
    for names in ([*others, plan.root.subject], others):
        every = [drafts.directory_name(each) for each in names]
        plan.leaf.says(x509.AuthorityKeyIdentifier(issuing.held_identifier(), every, issuing.serial))
        told = [each.detail for each in link_faults(_path(plan))]
        assert ["issuer's issuer 'CN=One,O=Draft'" in each for each in told] == ([] if len(names) > 2 else [True])


def test_issuers_issuer_in_another_form_is_the_same() -> None:
    plan = _plan()
    issuing = plan.authorities[0]
    loud = drafts.name(
        (x509.NameOID.ORGANIZATION_NAME, "DRAFT", PRINTABLE), (x509.NameOID.COMMON_NAME, "ROOT", PRINTABLE)
    )
    _names(plan.leaf, serial=issuing.serial, issuer=loud)
    assert _told(plan) == []


def test_root_that_names_another_key_than_its_own_is_odd() -> None:
    plan = _plan()
    _names(plan.root, key=b"another")
    assert _told(plan) == [("KEY_IDENTIFIERS_DIFFER", "Root", Severity.MINOR)]


def test_missing_identifiers_are_no_fault() -> None:
    plan = _plan()
    plan.authorities[0].lacks(x509.SubjectKeyIdentifier)
    plan.leaf.follows_issuer = plan.authorities[0].follows_issuer = False
    assert _told(plan) == []


def test_name_in_another_form_is_told_with_what_fits() -> None:
    plan = _plan()
    plan.leaf.written_issuer = drafts.plain_name("INTERMEDIATE 0")
    (fault,) = link_faults(_path(plan))
    assert (fault.code, fault.severity, fault.stops) == ("NAME_FORM_DIFFERS", Severity.MAJOR, True)
    assert fault.words.endswith("; key identifier and signature fit")
    plan.leaf.follows_issuer = False
    (fault,) = link_faults(_path(plan))
    assert fault.words.endswith("; signature fits")
    plan.leaf.signer = plan.key()
    (fault,) = link_faults(_path(plan))
    assert fault.words.endswith("than that one does itself")


def test_strings_of_another_kind_are_shown_byte_by_byte() -> None:
    plan = _plan()
    plan.leaf.written_issuer = drafts.plain_name("Intermediate 0", PRINTABLE)
    (fault,) = link_faults(_path(plan))
    assert drafts.plain_name("Intermediate 0", PRINTABLE).hex() in fault.detail
    assert drafts.plain_name("Intermediate 0").hex() in fault.detail


def test_gap_is_no_link() -> None:
    plan = Plan(NOW, "p256", 3, ELSEWHERE)
    leaf, _, *above = _path(plan)
    assert list(link_faults((leaf, *above), gap=1)) == []
    assert [each.code for each in link_faults((leaf, *above))] == ["NAME_FORM_DIFFERS"]


@pytest.mark.parametrize("algorithm", ["rsa-sha1", "rsa-md5", "pss", "pss-odd-salt", "rsa-sha256-without-null"])
def test_signature_is_checked_whatever_its_algorithm(algorithm: str) -> None:
    """The library's own function for certificates refuses the weak ones, and would take any twin for the issuer."""
    plan = Plan(NOW, "rsa", 1, ELSEWHERE)
    plan.leaf.algorithm = algorithm
    twin = plan.authorities[0].twin(key=plan.key())
    press = Press()
    leaf, issuer, other = (Certificate.read(press.made(each)) for each in (plan.leaf, plan.authorities[0], twin))
    assert link(leaf, issuer) is Link.SIGNED
    assert link(leaf, other) is Link.NOT_SIGNED


@pytest.mark.parametrize("keys", ["rsa", "p256", "p384", "ed25519", "ed448", "dsa"])
@pytest.mark.parametrize("others", ["rsa", "p256", "ed25519", "ed448", "dsa"])
def test_certificate_of_the_right_name_and_another_kind_of_key_is_no_issuer(keys: str, others: str) -> None:
    plan = _plan()
    issuing = plan.authorities[0]
    issuing.key = plan.key(keys)
    issuing.lacks(x509.SubjectKeyIdentifier)
    press, twin = Press(), issuing.twin(key=plan.key(others))
    leaf, issuer, other = (Certificate.read(press.made(each)) for each in (plan.leaf, issuing, twin))
    assert link(leaf, issuer) is Link.SIGNED
    assert link(leaf, other) is Link.NOT_SIGNED


def test_signature_of_an_unknown_algorithm_is_told_by_the_key_identifiers() -> None:
    plan = _plan()
    der = Press().made(plan.leaf)
    ours, unknown = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037f")
    assert der.count(ours) == 2
    press = Press()
    leaf = Certificate.read(der.replace(ours, unknown))
    issuer = Certificate.read(press.made(plan.authorities[0]))
    other = Certificate.read(press.made(plan.authorities[0].twin(key=plan.key())))
    assert link(leaf, issuer) is Link.UNKNOWN
    assert link(leaf, other) is Link.NOT_SIGNED


def test_root_that_writes_its_own_name_in_two_forms_is_odd() -> None:
    plan = _plan()
    plan.root.written_issuer = drafts.plain_name("ROOT")
    assert _told(plan) == [("NAME_FORM_DIFFERS", "Root", Severity.MINOR)]


def test_certificate_that_stands_alone_has_no_issuer_to_name() -> None:
    plan = _plan()
    plan.root.written_issuer = drafts.plain_name("ROOT")
    _names(plan.root, key=b"another")
    path = _path(plan)
    assert [each.certificate.name for each in link_faults(path)] == ["Root", "Root"]
    assert [each.certificate.name for each in link_faults(path[1:])] == ["Root", "Root"]
    assert list(link_faults(path[-1:])) == []
