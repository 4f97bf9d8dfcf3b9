"""The path from a certificate to its root, found among what is at hand."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import Identity, ec_key, root_authority
from pse_preflight.pse.path import PathIncomplete, find_path, is_signed_by
from tests.kit.drafts import Press
from tests.kit.faulty_chains import ELSEWHERE, Plan

START = datetime(2026, 1, 1, tzinfo=UTC)


def chain(*names: str) -> tuple[Identity, ...]:
    """Make a root and authorities below it, the root first."""
    row = [root_authority(names[0], START, 1000)]
    for each in names[1:]:
        row.append(row[-1].issue_authority(each, START, 900))
    return tuple(row)


def certificates(*identities: Identity) -> tuple[Certificate, ...]:
    return tuple(Certificate.of(each.certificate) for each in identities)


def test_a_certificate_signed_with_its_own_key_needs_none() -> None:
    (root,) = certificates(*chain("Root"))
    assert find_path(root, []) == ()


def test_the_path_leads_to_the_root_whatever_the_order_and_whatever_lies_beside() -> None:
    row = certificates(*chain("Root", "Policy", "Issuing", "Client"))
    others = certificates(*chain("Other", "Issuing"))
    assert find_path(row[-1], [others[1], row[0], row[2], others[0], row[1], row[-1], row[1]]) == row[2::-1]


def test_a_twin_by_name_is_no_issuer() -> None:
    """Two authorities have the same name; only one has signed."""
    row, twin = certificates(*chain("Root", "Issuing", "Client")), certificates(*chain("Root", "Issuing"))
    assert find_path(row[-1], [*twin, *row]) == (row[1], row[0])
    assert is_signed_by(row[-1], row[1])
    assert not is_signed_by(row[-1], twin[1])
    with pytest.raises(PathIncomplete, match="need certificate of CN=Issuing"):
        find_path(row[-1], twin)


@pytest.mark.parametrize(
    ("lacking", "named"), [(0, "CN=Root"), (1, "CN=Policy"), (2, "CN=Issuing")], ids=["root", "middle", "issuer"]
)
def test_what_is_lacking_is_named(lacking: int, named: str) -> None:
    row = certificates(*chain("Root", "Policy", "Issuing", "Client"))
    with pytest.raises(PathIncomplete) as caught:
        find_path(row[-1], [each for each in row if each is not row[lacking]])
    assert caught.value.missing.startswith(named)


def test_of_two_ways_the_one_that_ends_is_taken() -> None:
    """The issuing authority is signed by two roots, and one of these is not at hand."""
    root, lost = chain("Root")[0], chain("Lost")[0]
    key = ec_key()
    ways = [each.issue_authority("Issuing", START, 900, key=key) for each in (lost, root)]
    (client,) = certificates(ways[0].issue_authority("Client", START, 800))
    by_lost, by_root = certificates(*ways)
    assert find_path(client, [by_lost, by_root, *certificates(root)]) == (by_root, *certificates(root))


def test_a_ring_has_no_end() -> None:
    """Two authorities that have signed each other."""
    first, second = ec_key(), ec_key()
    name = {key: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, key)]) for key in ("A", "B")}
    one = root_authority("A", START, 100, key=first)
    two = root_authority("B", START, 100, key=second)
    ring = certificates(
        Identity(one.certificate, first, ()).issue(two.certificate.subject, START, 90, [], key=second),
        Identity(two.certificate, second, ()).issue(one.certificate.subject, START, 90, [], key=first),
    )
    (client,) = certificates(one.issue(name["A"], START, 80, []))
    with pytest.raises(PathIncomplete):
        find_path(client, ring)


def test_a_path_without_an_end_is_given_up() -> None:
    row = certificates(*chain("Root", *(f"Authority {number}" for number in range(14))))
    assert len(find_path(row[8], row)) == 8
    with pytest.raises(PathIncomplete):
        find_path(row[-1], row)


def test_a_key_of_a_kind_that_the_library_does_not_know_has_signed_nothing() -> None:
    """One flipped byte in the identifier of its key, and the certificate can still be read."""
    (root,) = certificates(*chain("Root"))
    ec = bytes.fromhex("06072a8648ce3d0201")
    assert root.der.count(ec) == 1
    odd = Certificate.read(root.der.replace(ec, ec[:-1] + b"\x15"))
    assert is_signed_by(root, root)
    assert not is_signed_by(odd, odd)
    assert not is_signed_by(root, odd)


def test_signature_with_an_old_hash_is_checked_by_rsa_keys_alone() -> None:
    """The library takes no such hash for certificates any more; another kind of key vouches for nothing then."""
    plan = Plan(START, "rsa", 1, ELSEWHERE)
    plan.leaf.algorithm = "rsa-sha1"
    issuing = plan.authorities[0]
    press = Press()
    leaf, issuer = (Certificate.read(press.made(each)) for each in (plan.leaf, issuing))
    twin = Certificate.read(press.made(issuing.twin(key=plan.key())))
    other_kind = Certificate.read(press.made(issuing.twin(key=ec_key())))
    assert is_signed_by(leaf, issuer)
    assert not is_signed_by(leaf, twin)
    assert not is_signed_by(leaf, other_kind)
