"""What is wrong with a path: each rule broken alone, and not broken by its twin."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain import extensions
from pse_preflight.chain.faults import Fault, faults_of, forbidden, is_authority, remarks, strength_faults
from pse_preflight.chain.form import form_faults
from pse_preflight.chain.verify import Path, Period, refusal
from pse_preflight.checklist import Code, Severity
from pse_preflight.demo.authority import Extension, Identity, root_authority
from tests.kit import drafts
from tests.kit.chains import World
from tests.kit.drafts import Press
from tests.kit.faulty_chains import ELSEWHERE, Plan

WORLD = World(datetime(2026, 11, 1, tzinfo=UTC))
ROOT = WORLD.root()
HOST = x509.DNSName(WORLD.host)
NAMES: Extension = (x509.SubjectAlternativeName([HOST]), False)
CA: Extension = (x509.BasicConstraints(ca=True, path_length=None), True)


def _path(server: Identity) -> Path:
    return tuple(Certificate.of(each) for each in (server.certificate, *server.issuers))


def _words(path: Path, *, public: bool = True) -> list[str]:
    return [each.words for each in faults_of(path, WORLD.period, public=public)]


def test_good_path_has_no_fault() -> None:
    path = _path(WORLD.server(WORLD.authority(ROOT)))
    assert faults_of(path, WORLD.period, public=True) == ()
    assert remarks(path) == ()


Bare = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


def _issued(issuer: Identity, subject: x509.Name, extensions: list[Extension], serial: int = 1) -> Identity:
    """Issue a certificate that has these extensions and no others, key identifiers neither."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(issuer.certificate.subject, subject, key.public_key(), serial)
    builder = builder.not_valid_before(WORLD.start).not_valid_after(issuer.certificate.not_valid_after_utc)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Identity(builder.sign(issuer.key, hashes.SHA256()), key, (issuer.certificate, *issuer.issuers))


def _key_identifier(issuer: Identity) -> x509.AuthorityKeyIdentifier:
    digest = x509.SubjectKeyIdentifier.from_public_key(issuer.key.public_key()).digest
    return x509.AuthorityKeyIdentifier(digest, None, None)


_PLAIN = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "plain")])
_AKI: Extension = (_key_identifier(ROOT), False)
_SKI = x509.SubjectKeyIdentifier(b"1" * 20)
_ACCESS = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://a.example.com")
        )
    ]
)
_PURPOSE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_CONSTRAINTS = x509.NameConstraints([HOST], None)
_USAGE = next(each for each in ROOT.certificate.extensions if isinstance(each.value, x509.KeyUsage)).value
_SERVER_USAGE = next(
    each for each in WORLD.server(ROOT).certificate.extensions if isinstance(each.value, x509.KeyUsage)
).value
_ISSUER = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(_PLAIN)], 1)
_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")

_SERVER_RULES = {
    "has a serial number": (_PLAIN, [_AKI, NAMES], 1 << 168),
    "no client of this kind knows": (_PLAIN, [_AKI, NAMES, (_UNKNOWN, True)], 1),
    "marks as critical": (_PLAIN, [_AKI, NAMES, (_ACCESS, True)], 1),
    "which only an authority may": (_PLAIN, [_AKI, NAMES, (_CONSTRAINTS, False)], 1),
}
_BENT_SERVER_RULES = {
    "has no authority key identifier": (_PLAIN, [NAMES], 1),
    "has critical names": (_PLAIN, [_AKI, (NAMES[0], True)], 1),
    "or optional ones without": (x509.Name([]), [_AKI, NAMES], 1),
    "has a critical extended key usage": (_PLAIN, [_AKI, NAMES, (_PURPOSE, True)], 1),
}
_GOOD_SERVERS = {
    "plain": (_PLAIN, [_AKI, NAMES], 1),
    "long serial number": (_PLAIN, [_AKI, NAMES], (1 << 159) - 1),
    "unknown extension": (_PLAIN, [_AKI, NAMES, (_UNKNOWN, False)], 1),
    "information access": (_PLAIN, [_AKI, NAMES, (_ACCESS, False)], 1),
    "critical names alone": (x509.Name([]), [_AKI, (NAMES[0], True)], 1),
    "purpose": (_PLAIN, [_AKI, NAMES, (_PURPOSE, False)], 1),
}
_AUTHORITY_RULES = {
    "marks its key identifier as critical": [_AKI, CA, (_USAGE, True), (_SKI, True)],
    "marks as critical": [(_AKI[0], True), CA, (_USAGE, True)],
}
_BENT_AUTHORITY_RULES = {
    "without key usage": [_AKI, CA],
    "without a key identifier": [(_ISSUER, False), CA, (_USAGE, True)],
    "with optional basic constraints": [_AKI, (CA[0], False), (_USAGE, True)],
    "has a critical extended key usage": [_AKI, CA, (_USAGE, True), (_PURPOSE, True)],
}
_GOOD_AUTHORITIES = {
    "plain": [_AKI, CA, (_USAGE, True)],
    "key identifier": [_AKI, CA, (_USAGE, True), (_SKI, False)],
    "purpose": [_AKI, CA, (_USAGE, True), (_PURPOSE, False)],
    "name constraints": [_AKI, CA, (_USAGE, True), (_CONSTRAINTS, True)],
}


def _of_server(subject: x509.Name, extensions: list[Extension], serial: int) -> Path:
    return _path(_issued(ROOT, subject, extensions, serial))


def _of_authority(extensions: list[Extension]) -> Path:
    authority = _issued(ROOT, _PLAIN, extensions)
    return _path(_issued(authority, _PLAIN, [(_key_identifier(authority), False), NAMES]))


_REFUSED = [
    *((words, _of_server(*made)) for words, made in _SERVER_RULES.items()),
    *((words, _of_authority(made)) for words, made in _AUTHORITY_RULES.items()),
]
_BENT = [
    *((words, _of_server(*made)) for words, made in _BENT_SERVER_RULES.items()),
    *((words, _of_authority(made)) for words, made in _BENT_AUTHORITY_RULES.items()),
]
_GOOD = [
    *((name, _of_server(*made)) for name, made in _GOOD_SERVERS.items()),
    *((name, _of_authority(made)) for name, made in _GOOD_AUTHORITIES.items()),
]


@pytest.mark.parametrize(("words", "path"), _REFUSED)
def test_rule_of_form_is_broken_for_everybody(words: str, path: Path) -> None:
    for public in (True, False):
        (fault,) = faults_of(path, WORLD.period, public=public)
        assert (fault.code, fault.severity) == ("CERTIFICATE_IRREGULAR", Severity.BLOCKER)
        assert words in fault.words
        assert refusal(path, HOST, WORLD.period, public=public)


@pytest.mark.parametrize(("words", "path"), _BENT)
def test_rule_of_form_is_bent_by_private_authorities(words: str, path: Path) -> None:
    """The verifier, asked by either set of rules, is of the same mind."""
    for public, severity in ((True, Severity.BLOCKER), (False, Severity.MINOR)):
        (fault,) = faults_of(path, WORLD.period, public=public)
        assert (fault.code, fault.severity) == ("CERTIFICATE_IRREGULAR", severity)
        assert words in fault.words
        assert bool(refusal(path, HOST, WORLD.period, public=public)) is public
    assert [each.words for each in remarks(path)] == [fault.words]


@pytest.mark.parametrize(("name", "path"), _GOOD)
def test_rule_of_form_is_kept(name: str, path: Path) -> None:
    assert faults_of(path, WORLD.period, public=True) == (), name
    assert refusal(path, HOST, WORLD.period, public=True) is None


def test_server_may_not_sign_certificates() -> None:
    for usage, told in ((_USAGE, True), (_SERVER_USAGE, False)):
        path = _of_server(_PLAIN, [_AKI, NAMES, (usage, True)], 1)
        assert _words(path) == (["may sign certificates (key usage), which a server's must not"] if told else [])
        assert bool(refusal(path, HOST, WORLD.period, public=False)) is told


def test_malformed_name_constraints_are_told_once() -> None:
    for name, told in ((".example.com", True), ("example.com", False)):
        constraints = (x509.NameConstraints([x509.DNSName(name)], None), True)
        authority = WORLD.signed("Constrained", ROOT, [CA, (_USAGE, True), constraints])
        path = _path(WORLD.server(WORLD.authority(authority, "Lower")))
        assert len(_words(path)) == told
        assert bool(refusal(path, HOST, WORLD.period, public=False)) is told


def test_several_faults_are_all_told() -> None:
    authority = _issued(ROOT, _PLAIN, [_AKI])
    path = _path(_issued(authority, _PLAIN, [NAMES, CA]))
    words = " | ".join(_words(path))
    for part in ("is not an authority", "is an authority's certificate, not a server's", "no authority key identifier"):
        assert part in words


def test_too_many_names_for_too_many_constraints_are_not_compared() -> None:
    many = [x509.DNSName(f"h{number}.example.com") for number in range(400)]
    constraints = (x509.NameConstraints(None, [x509.DNSName(f"x{each}.example.org") for each in range(400)]), True)
    authority = WORLD.signed("Constrained", ROOT, [CA, (_USAGE, True), constraints])
    few = _path(WORLD.server(authority))
    crowded = _path(WORLD.signed("Crowded", authority, [(x509.SubjectAlternativeName(many), False)]))
    assert _words(few) == []
    assert "more name constraints than can be checked" in _words(crowded)[0]


def test_renewed_key_of_the_same_authority_is_not_bound_by_name_constraints() -> None:
    constraints = (x509.NameConstraints([HOST], None), True)
    upper = WORLD.signed("Same", ROOT, [CA, (_USAGE, True), constraints])
    other = (x509.SubjectAlternativeName([x509.DNSName("elsewhere.example.net")]), False)
    for name, bound in (("Same", False), ("Other", True)):
        lower = WORLD.signed(name, upper, [CA, (_USAGE, True), other])
        assert bool(_words(_path(WORLD.server(lower)))) is bound


def test_path_length_names_who_limits_and_who_breaks_it() -> None:
    upper = WORLD.authority(ROOT, "Upper", path_length=1)
    lowest = WORLD.authority(WORLD.authority(upper, "Middle"), "Lowest")
    (fault,) = faults_of(_path(WORLD.server(lowest)), WORLD.period, public=True)
    assert fault.certificate.name == "Upper"
    assert [each.name for each in fault.others] == ["Lowest"]
    assert f'"{fault.others[0].name}"' in fault.words
    assert "allows 1 intermediates" in fault.words
    assert _words(_path(WORLD.server(WORLD.authority(upper, "Middle")))) == []


@pytest.mark.parametrize(
    ("limit", "below", "gap", "told"),
    [
        (0, "", None, None),
        (0, "", 1, 0),
        (1, "", 1, None),
        (1, "A", None, None),
        (2, "A", None, None),
        (1, "A", 1, 1),
        (1, "A", 2, 1),
        (1, "A", 3, None),
        (2, "A B", 1, 2),
        (1, "A B C", None, 2),
    ],
)
def test_an_authority_that_is_missing_counts_where_it_is_below(
    limit: int, below: str, gap: int | None, told: int | None
) -> None:
    """The authorities below are named from the upper one down; told is the place of the one too many."""
    path = _limited(limit, below)
    found = _of_length(path, gap)
    assert [each.certificate.name for each in found] == ["Upper"] * len(found)
    assert [(each.code, each.others) for each in found] == (
        [] if told is None else [(Code.CA_CONSTRAINT_BROKEN, (path[told],))]
    )


@pytest.mark.parametrize(
    ("limit", "below", "gap", "told"),
    [
        (0, "Upper", None, True),
        (1, "Upper", None, False),
        (1, "Upper", 1, True),
        (1, "Upper", 3, False),
        (2, "Upper A", 1, True),
        (3, "Upper A", 1, False),
    ],
)
def test_a_renewed_key_counts_for_some_readers_only(limit: int, below: str, gap: int | None, *, told: bool) -> None:
    path = _limited(limit, below)
    renewed = path[-3]
    assert [(each.code, each.others) for each in _of_length(path, gap)] == (
        [(Code.CONSTRAINT_NOT_JUDGED, (renewed,))] if told else []
    )


def _limited(limit: int, below: str) -> Path:
    """Return a path with an authority of limited depth right below the root, and these ones below it."""
    lowest = WORLD.authority(ROOT, "Upper", path_length=limit)
    for name in below.split():
        lowest = WORLD.authority(lowest, name)
    return _path(WORLD.server(lowest))


def _of_length(path: Path, gap: int | None) -> list[Fault]:
    return [each for each in faults_of(path, WORLD.period, public=False, gap=gap) if "path length" in each.words]


def test_what_is_wrong_above_an_authority_without_extensions_is_told_too() -> None:
    root = drafts.authority("Root", None, WORLD.start, 900, drafts.key("p256"))
    upper = drafts.server("upper.example.com", root, WORLD.start, 900, drafts.key("p256", 1))
    old = drafts.authority("Old", upper, WORLD.start, 900, drafts.key("p256", 2))
    old.version = 1
    leaf = drafts.server(WORLD.host, old, WORLD.start, 90, drafts.key("p256", 3))
    press = Press()
    path = tuple(Certificate.read(press.made(each)) for each in (leaf, old, upper, root))
    assert any(each.startswith("is not an authority") for each in _words(path, public=False))


@pytest.mark.parametrize(
    ("allowed", "usable"),
    [("digital_signature", True), ("key_encipherment", True), ("key_agreement", True), ("content_commitment", False)],
)
def test_one_use_in_tls_is_enough(allowed: str, *, usable: bool) -> None:
    path = _of_server(_PLAIN, [_AKI, NAMES, (drafts.usage(allowed), True)], 1)
    assert _words(path) == ([] if usable else ["may not be used for TLS (key usage)"])
    assert forbidden(path) is not usable


def test_only_a_certificate_that_is_its_own_authority_alone_may_do_without_a_use() -> None:
    useless = (drafts.usage("content_commitment"), True)
    own, signed = Certificate.of(_issued_by_itself([useless])), _of_server(_PLAIN, [useless], 1)[0]
    assert [forbidden(path) for path in ((own,), (signed,), (own, signed))] == [False, True, True]


def test_the_first_moment_is_within() -> None:
    path = _path(WORLD.server(ROOT))[:1]
    begins = path[0].not_before
    for start, told in ((begins, False), (begins - timedelta(seconds=1), True)):
        codes = [each.code for each in faults_of(path, Period(start, begins), public=False)]
        assert (Code.CERTIFICATE_NOT_YET_VALID in codes) is told


def _weaknesses(path: Path) -> list[tuple[str, Severity]]:
    return [(each.words, each.severity) for each in strength_faults(path)]


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (2048, []),
        (2047, ["an RSA key of 2047 bits, less than 2048, which OpenSSL from 3.2 on"]),
        (1024, ["an RSA key of 1024 bits, less than 2048, which OpenSSL from 3.2 on"]),
        (2052, ["an RSA key of 2052 bits, no whole"]),
    ],
)
def test_rsa_keys_are_measured(bits: int, expected: list[str]) -> None:
    path = _path(WORLD.server(ROOT, key=rsa.generate_private_key(65537, bits)))
    found = _weaknesses(path)
    assert not any(each.stops for each in strength_faults(path))
    assert len(found) == len(expected)
    assert all(part in words for part, (words, _) in zip(expected, found, strict=True))
    assert all(severity is (Severity.MAJOR if bits < 2048 else Severity.MINOR) for _, severity in found)


@pytest.mark.parametrize(
    ("curve", "weak"),
    [(ec.SECP256R1(), False), (ec.SECP384R1(), False), (ec.SECP521R1(), False), (ec.SECP256K1(), True)],
)
def test_curves_are_told_apart(curve: ec.EllipticCurve, *, weak: bool) -> None:
    found = _weaknesses(_path(WORLD.server(ROOT, key=ec.generate_private_key(curve))))
    assert found == ([("has a key on the unusual curve secp256k1", Severity.MINOR)] if weak else [])


def test_weak_key_counts_more_in_an_authority_because_the_verifier_refuses_it() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what is weak is what is tested
    root = root_authority("Root", WORLD.start, 900, key=weak)
    path = _path(WORLD.server(root))
    assert [severity for _, severity in _weaknesses(path)] == [Severity.MAJOR]
    assert refusal(path, HOST, WORLD.period, public=False)


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [("pss-odd-salt", "RSA-PSS and unusual parameters"), ("rsa-sha1", "SHA-1"), ("rsa-md5", "MD5"), ("", "")],
)
def test_signature_is_weak_in_itself_whatever_the_key_that_made_it(algorithm: str, words: str) -> None:
    plan = Plan(WORLD.now, "rsa", 1, ELSEWHERE)
    plan.authorities[0].key = plan.key("rsa1024")
    plan.leaf.algorithm = algorithm
    press = Press()
    path = tuple(Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))
    signatures = [each.words for each in strength_faults(path) if "is signed" in each.words]
    assert signatures == ([f"is signed with {words}, which verification refuses"] if words else [])


def test_kind_of_signature_that_follows_from_a_refused_key_is_told_of_the_key_alone() -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    plan.authorities[0].key = plan.key("dsa")
    press = Press()
    leaf, issuing, root = (Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))
    (found,) = strength_faults((leaf, issuing, root))
    assert (found.certificate, found.words) == (
        issuing,
        "has a key of an unusual kind (DSA), which verification refuses",
    )
    assert [each.words for each in strength_faults((leaf, root))] == [
        "is signed with an algorithm of an unusual kind (DSA), which verification refuses"
    ]


def test_keys_without_a_hash_are_unusual() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(_PLAIN, _PLAIN, key.public_key(), 1)
    builder = builder.not_valid_before(WORLD.start).not_valid_after(WORLD.now)
    own = Certificate.of(builder.sign(key, None))
    assert _weaknesses((own,)) == [("has a key of an unusual kind (Ed25519)", Severity.MINOR)]
    other = Certificate.of(WORLD.server(ROOT).certificate)
    below = x509.CertificateBuilder(_PLAIN, x509.Name([]), other.parsed.public_key(), 1)
    below = below.not_valid_before(WORLD.start).not_valid_after(WORLD.now)
    signed = Certificate.of(below.sign(key, None))
    told = "has a key of an unusual kind (Ed25519), which verification refuses"
    assert _weaknesses((signed, own)) == [(told, Severity.MAJOR)]
    assert [each.certificate for each in strength_faults((signed, own))] == [own]
    alone = "is signed with an algorithm of an unusual kind (Ed25519), which verification refuses"
    assert _weaknesses((signed,)) == [(alone, Severity.MAJOR)]


def test_authority_is_told_by_its_constraints() -> None:
    assert is_authority(Certificate.of(ROOT.certificate))
    assert not is_authority(Certificate.of(WORLD.server(ROOT).certificate))
    assert not is_authority(_of_server(_PLAIN, [NAMES], 1)[0])


def test_fault_blocks_unless_it_says_otherwise() -> None:
    assert Fault(Code.CERTIFICATE_EXPIRED, Certificate.of(ROOT.certificate), "x").severity is Severity.BLOCKER


def test_form_of_a_pinned_self_signed_certificate_is_whoever_pinned_its_business() -> None:
    """It breaks a rule; above another certificate the same one is told of."""
    bad = root_authority("Root", WORLD.start, 100).certificate
    odd = Certificate.of(_issued_by_itself([(x509.KeyUsage(*[True] + [False] * 8), True)]))
    assert list(form_faults(odd, (odd,), public=True)) == []
    assert list(form_faults(odd, (odd, Certificate.of(bad)), public=True)) != []
    alone = Certificate.of(_issued(ROOT, x509.Name([]), []).certificate)
    assert list(form_faults(alone, (alone,), public=True)) != []


def _issued_by_itself(extensions: list[Extension]) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = ROOT.certificate.subject
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(WORLD.start).not_valid_after(WORLD.start + timedelta(days=90))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x03\x02\x06\x40", False),
        (b"\x03\x02\x06\xc0", False),
        (b"\x03\x02\x05\x20", True),
        (b"\x03\x02\x07\x80", True),
        (b"\x03\x02\x00\x01", True),
    ],
)
def test_netscape_type_that_is_for_others_stops_no_verifier(content: bytes, *, told: bool) -> None:
    """Type 1 is an SSL server's; 0 is a client's, 2 is for mail, 7 is for authorities that sign programs."""
    kind = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.1"), content)
    path = _path(WORLD.signed("server", WORLD.authority(ROOT), [NAMES, (kind, False)]))
    found = [each for each in faults_of(path, WORLD.period, public=False) if "Netscape" in each.words]
    assert [(each.severity, each.stops) for each in found] == [(Severity.MAJOR, False)] * told


@pytest.mark.parametrize("place", ["leaf", "issuing"])
def test_odd_kind_of_key_stops_a_path_where_it_is_an_authoritys(place: str) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    plan.at(place).key = drafts.key("ed25519")
    press = Press()
    path = tuple(Certificate.read(press.made(each)) for each in (plan.leaf, *plan.authorities, plan.root))
    odd = path[0 if place == "leaf" else 1]
    found = [each for each in strength_faults(path) if each.certificate == odd]
    expected = (Severity.MINOR, False) if place == "leaf" else (Severity.MAJOR, True)
    assert [(each.severity, each.stops) for each in found] == [expected]


@pytest.mark.parametrize(
    ("oid", "decides"),
    [
        ("2.5.29.17", True),
        ("2.5.29.15", True),
        ("2.5.29.19", True),
        ("2.5.29.30", True),
        ("2.5.29.37", True),
        ("1.3.6.1.5.5.7.1.1", True),
        ("2.5.29.35", False),
        ("2.5.29.14", False),
        ("2.5.29.31", False),
        ("2.5.29.32", False),
    ],
)
def test_extension_that_cannot_be_read_is_damage_or_odd(oid: str, *, decides: bool) -> None:
    plan = Plan(WORLD.now, "p256", 1, ELSEWHERE)
    plan.leaf.extensions[oid] = (False, b"\x05\x00")
    certificate = Certificate.read(Press().made(plan.leaf))
    told = [[each.oid.dotted_string for each in kind(certificate)] for kind in (extensions.damaged, extensions.odd)]
    assert told == ([[oid], []] if decides else [[], [oid]])
