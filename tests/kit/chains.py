"""A catalogue of chains, one per cause: what a server sends, what it is judged by, and what must be said of it.

Each function draws its chain in its docstring; certificates in brackets are not sent, the one marked with ! is at
fault. Serve `Chain.presented` with `Chain.key` over TLS, or judge it at once with `Chain.question`.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.judge import ChainQuestion, Period
from pse_preflight.checklist import Severity
from pse_preflight.demo.authority import Extension, Identity, PrivateKey, root_authority

ROOTS_NAME = "the roots of the test"


@dataclass(frozen=True)
class World:
    """Where and when the chains of the catalogue live.

    Attributes:
        now: the moment of judgement; certificates are valid around it.
        host: the DNS name that the client connects to.
        aia: where certificates can be fetched, without the final slash.
        name: turns the plain name of an authority into the one to use; a name has no say in any verdict.
    """

    now: datetime
    host: str = "erp.example.com"
    aia: str = "http://aia.example.com"
    name: Callable[[str], str] = str

    @property
    def period(self) -> Period:
        return Period(self.now, self.now)

    @property
    def start(self) -> datetime:
        """Return when certificates begin that are good."""
        return self.now - timedelta(days=10)

    def root(self, name: str = "Root", *, start: datetime | None = None, days: float = 3650) -> Identity:
        return root_authority(self.name(name), start or self.start, days)

    def authority(self, issuer: Identity, name: str = "Intermediate", **options: object) -> Identity:
        return issuer.issue_authority(self.name(name), self.start, 1000, **options)  # type: ignore[arg-type]

    def server(self, issuer: Identity, **options: object) -> Identity:
        return issuer.issue_server([self.host], self.start, 90, **options)  # type: ignore[arg-type]

    def signed(self, name: str, issuer: Identity, extensions: list[Extension], **options: object) -> Identity:
        """Issue a certificate with these extensions alone."""
        return issuer.issue(_subject(self.name(name)), self.start, 90, extensions, **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Chain:
    """What one server sends, and what it is judged by.

    Attributes:
        presented: DER in the order it is sent.
        key: the server's private key.
        roots: what the chain is judged by.
        named: the certificate that the message must name, where there is a fault.
        fetched: what lies at the AIA addresses: path of the address to DER.
        mozilla: fingerprints of public roots.
    """

    presented: tuple[bytes, ...]
    key: PrivateKey = field(repr=False)
    roots: tuple[Certificate, ...]
    named: Certificate | None = None
    fetched: dict[str, bytes] = field(default_factory=dict)
    mozilla: frozenset[str] = frozenset()
    sap_domain: bool = False
    inspection_accepted: bool = False
    partial: bool = False

    def question(self, world: World) -> ChainQuestion:
        return ChainQuestion(
            host=world.host,
            presented=self.presented,
            roots=self.roots,
            roots_name=ROOTS_NAME,
            period=world.period,
            fetched=tuple(self.fetched.values()),
            sap_domain=self.sap_domain,
            inspection_accepted=self.inspection_accepted,
            partial=self.partial,
            mozilla=self.mozilla,
        )


@dataclass(frozen=True)
class Case:
    """One entry of the catalogue.

    Attributes:
        name: what it is called.
        build: makes the chain in a world.
        code: the decisive finding; empty where there is none.
        severity: of that finding.
        others: codes of the further findings, in their order.
        verified: a path is found all the same.
        telling_name: a name in it has a say: that of an inspecting product.
        on_loopback: a server on this machine can show it. The rest need a host in SAP's cloud, or what OpenSSL's server
            does not do: a certificate before its own, one that cannot be read, a curve that clients do not offer.
    """

    name: str
    build: Callable[[World], Chain]
    code: str
    severity: Severity | None
    others: tuple[str, ...]
    verified: bool
    telling_name: bool
    on_loopback: bool

    @property
    def drawing(self) -> str:
        """Return the chain as it is drawn."""
        return (self.build.__doc__ or "").strip()

    def __str__(self) -> str:
        return self.name


_CASES: list[Case] = []


def _case(
    code: str = "",
    severity: Severity | None = None,
    *,
    others: tuple[str, ...] = (),
    verified: bool = False,
    telling_name: bool = False,
    on_loopback: bool = True,
) -> Callable[[Callable[[World], Chain]], Callable[[World], Chain]]:
    def register(build: Callable[[World], Chain]) -> Callable[[World], Chain]:
        name = build.__name__.replace("_", "-")
        _CASES.append(Case(name, build, code, severity, others, verified, telling_name, on_loopback))
        return build

    return register


B, M, m = Severity.BLOCKER, Severity.MAJOR, Severity.MINOR


# Good chains


@_case(verified=True)
def good(world: World) -> Chain:
    """[root] -> intermediate -> server."""
    server = world.server(world.authority(world.root()))
    return _sent(server, server.chain)


@_case(verified=True)
def root_sent(world: World) -> Chain:
    """Root -> intermediate -> server; a root that is sent is harmless."""
    server = world.server(world.authority(world.root()))
    return _sent(server, (*server.chain, _root_of(server)))


@_case(verified=True)
def issued_by_the_root(world: World) -> Chain:
    """[root] -> server."""
    server = world.server(world.root())
    return _sent(server, server.chain)


@_case(verified=True)
def cross_signed(world: World) -> Chain:
    """[root] -> intermediate -> server, and [older root] -> root' sent too, for clients that only know the older."""
    older, root = world.root("Older root"), world.root()
    bridge = older.issue_authority(world.name("Root"), world.start, 500, key=root.key)
    server = world.server(world.authority(root))
    return _sent(server, (*server.chain, bridge.certificate))


@_case(verified=True)
def reached_by_the_cross_sign(world: World) -> Chain:
    """[older root] -> root' -> intermediate -> server; the newer root is not known here."""
    older, root = world.root("Older root"), world.root()
    bridge = older.issue_authority(world.name("Root"), world.start, 500, key=root.key)
    server = world.server(world.authority(root))
    return replace(_sent(server, (*server.chain, bridge.certificate)), roots=_certificates(older.certificate))


@_case("CHAIN_HAS_EXTRAS", m, verified=True)
def ended_cross_sign(world: World) -> Chain:
    """[root] -> intermediate -> server, and [older root] -> root'! that has ended: another path is good."""
    older, root = world.root("Older root", start=world.now - timedelta(days=900)), world.root()
    bridge = older.issue_authority(world.name("Root"), world.now - timedelta(days=800), 799, key=root.key)
    server = world.server(world.authority(root))
    return _sent(server, (*server.chain, bridge.certificate), named=bridge)


# What is sent


@_case("SERVER_OMITS_INTERMEDIATE", M)
def missing_intermediate(world: World) -> Chain:
    """[root] -> [intermediate] -> server!; no AIA address tells where the intermediate is."""
    server = world.server(world.authority(world.root()))
    return _sent(server, server.chain[:1], named=server)


@_case("SERVER_OMITS_INTERMEDIATE", M, verified=True)
def missing_intermediate_fetched(world: World) -> Chain:
    """[root] -> [intermediate] -> server!; the intermediate lies at the AIA address."""
    intermediate = world.authority(world.root())
    server = world.server(intermediate, issuer_addresses=[f"{world.aia}/intermediate.crt"])
    chain = _sent(server, server.chain[:1], named=server)
    return replace(chain, fetched={"/intermediate.crt": _der(intermediate.certificate)})


@_case("SERVER_OMITS_INTERMEDIATE", M)
def only_the_root_is_sent_along(world: World) -> Chain:
    """Root -> [intermediate] -> server!."""
    server = world.server(world.authority(world.root()))
    return _sent(server, (server.certificate, _root_of(server)), named=server)


@_case("SERVER_OMITS_INTERMEDIATE", m, verified=True)
def missing_intermediate_in_the_pse(world: World) -> Chain:
    """[root] -> [intermediate] -> server!; judged by a PSE's list that holds the intermediate."""
    server = world.server(world.authority(world.root()))
    return replace(_sent(server, server.chain[:1], named=server), roots=_certificates(*server.issuers), partial=True)


@_case("SERVER_SENDS_WRONG_INTERMEDIATE", M)
def wrong_intermediate(world: World) -> Chain:
    """[root] -> [intermediate] -> server!, and root -> another intermediate is sent instead."""
    root = world.root()
    server, other = world.server(world.authority(root)), world.authority(root, "Another intermediate")
    return _sent(server, (server.certificate, other.certificate), named=server)


@_case("SERVER_SENDS_WRONG_INTERMEDIATE", M)
def intermediate_of_another_key(world: World) -> Chain:
    """[root] -> [intermediate] -> server!, and an intermediate of the same name but another key is sent."""
    root = world.root()
    server, other = world.server(world.authority(root)), world.authority(root)
    return _sent(server, (server.certificate, other.certificate), named=server)


@_case("SERVER_SENDS_WRONG_INTERMEDIATE", M)
def intermediate_of_another_kind_of_key(world: World) -> Chain:
    """[root] -> [intermediate] -> server!, and an intermediate of the same name with an RSA key is sent."""
    root = world.root()
    server, other = world.server(world.authority(root)), world.authority(root, key=_rsa_key())
    return _sent(server, (server.certificate, other.certificate), named=server)


@_case("SERVER_OMITS_INTERMEDIATE", M)
def lowest_of_three_forgotten(world: World) -> Chain:
    """[root] -> upper -> middle -> [lower intermediate] -> server!; what is sent belongs to the path."""
    server = _below_three(world)
    leaf, _, *above = server.chain
    return _sent(server, (leaf, *above), named=server)


@_case("SERVER_OMITS_INTERMEDIATE", M)
def middle_of_three_forgotten(world: World) -> Chain:
    """[root] -> upper -> [middle] -> lower intermediate! -> server."""
    server = _below_three(world)
    leaf, lower, _, upper = server.chain
    return _sent(server, (leaf, lower, upper), named=Certificate.of(lower))


@_case("SERVER_SENDS_WRONG_INTERMEDIATE", M, verified=True)
def wrong_intermediate_fetched(world: World) -> Chain:
    """[root] -> [intermediate] -> server!, another intermediate is sent; the right one lies at the AIA address."""
    chain = missing_intermediate_fetched(world)
    other = world.authority(world.root("Another root"), "Another intermediate")
    return replace(chain, presented=(*chain.presented, _der(other.certificate)))


@_case("CHAIN_OUT_OF_ORDER", m, verified=True)
def shuffled(world: World) -> Chain:
    """[root] -> upper intermediate -> lower intermediate -> server, sent as server, upper, lower."""
    upper = world.authority(world.root(), "Upper intermediate")
    server = world.server(world.authority(upper, "Lower intermediate"))
    leaf, lower, upper_sent = server.chain
    return _sent(server, (leaf, upper_sent, lower), named=upper)


@_case("CHAIN_OUT_OF_ORDER", M, verified=True, on_loopback=False)
def reversed_order(world: World) -> Chain:
    """[root] -> intermediate -> server, sent as intermediate, server: every client takes the first for the server's."""
    intermediate = world.authority(world.root())
    server = world.server(intermediate)
    return _sent(server, server.chain[::-1], named=intermediate)


@_case("CHAIN_HAS_EXTRAS", m, verified=True)
def repeated(world: World) -> Chain:
    """[root] -> intermediate! -> server, the intermediate sent twice."""
    intermediate = world.authority(world.root())
    server = world.server(intermediate)
    return _sent(server, (*server.chain, intermediate.certificate), named=intermediate)


@_case("CHAIN_HAS_EXTRAS", m, verified=True)
def stray(world: World) -> Chain:
    """[root] -> intermediate -> server, and a stranger's intermediate! sent along."""
    other = world.authority(world.root("Another root"), "Another intermediate")
    server = world.server(world.authority(world.root()))
    return _sent(server, (*server.chain, other.certificate), named=other)


# When it is valid


@_case("CERTIFICATE_EXPIRED", B)
def expired_leaf(world: World) -> Chain:
    """[root] -> intermediate -> server! that ended yesterday."""
    server = world.authority(world.root()).issue_server([world.host], world.start, 9)
    return _sent(server, server.chain, named=server)


@_case("CERTIFICATE_EXPIRED", B)
def expired_intermediate(world: World) -> Chain:
    """[root] -> intermediate! that ended yesterday -> server."""
    intermediate = world.root().issue_authority(world.name("Intermediate"), world.start, 9)
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


@_case("CERTIFICATE_EXPIRED", B)
def expired_root(world: World) -> Chain:
    """[root!] that ended yesterday -> intermediate -> server."""
    root = world.root(start=world.now - timedelta(days=3650), days=3649)
    server = world.server(world.authority(root))
    return _sent(server, server.chain, named=root)


@_case("CERTIFICATE_NOT_YET_VALID", B)
def leaf_of_tomorrow(world: World) -> Chain:
    """[root] -> intermediate -> server! that begins tomorrow."""
    tomorrow = world.now + timedelta(days=1)
    server = world.authority(world.root()).issue_server([world.host], tomorrow, 90)
    return _sent(server, server.chain, named=server)


@_case("CERTIFICATE_NOT_YET_VALID", B)
def intermediate_of_tomorrow(world: World) -> Chain:
    """[root] -> intermediate! that begins tomorrow -> server."""
    tomorrow = world.now + timedelta(days=1)
    intermediate = world.root().issue_authority(world.name("Intermediate"), tomorrow, 90)
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


# Whom it names


@_case("HOST_NOT_IN_CERTIFICATE", B, verified=True)
def wrong_host(world: World) -> Chain:
    """[root] -> intermediate -> server! for another host."""
    server = world.authority(world.root()).issue_server(["other.example.com"], world.start, 90)
    return _sent(server, server.chain, named=server)


@_case("HOST_NOT_IN_CERTIFICATE", B)
def common_name_only(world: World) -> Chain:
    """[root] -> intermediate -> server! that names the host in its common name alone."""
    server = world.authority(world.root()).issue_server([], world.start, 90, common_name=world.host)
    return _sent(server, server.chain, named=server)


@_case("HOST_NOT_IN_CERTIFICATE", B, verified=True)
def wildcard_of_the_parent(world: World) -> Chain:
    """[root] -> intermediate -> server! for *.com alone: a wildcard stands for one label."""
    server = world.authority(world.root()).issue_server(["*.com"], world.start, 90)
    return _sent(server, server.chain, named=server)


# Who vouches for it


@_case("CERTIFICATE_SELF_SIGNED", B)
def self_signed(world: World) -> Chain:
    """server! -> server."""
    server = _self_signed(world)
    return replace(_sent(server, (server.certificate,), named=server), roots=_certificates(world.root().certificate))


@_case(verified=True)
def self_signed_and_pinned(world: World) -> Chain:
    """server -> server, which is one of the roots itself."""
    server = _self_signed(world)
    return replace(_sent(server, (server.certificate,)), roots=_certificates(server.certificate))


@_case("ROOT_UNTRUSTED", M)
def untrusted_root(world: World) -> Chain:
    """root! -> intermediate -> server, judged by another root."""
    root = world.root("Root of our own")
    server = world.server(world.authority(root))
    chain = _sent(server, (*server.chain, root.certificate), named=root)
    return replace(chain, roots=_certificates(world.root().certificate))


@_case("ROOT_UNTRUSTED", M)
def untrusted_root_not_sent(world: World) -> Chain:
    """[root] -> intermediate! -> server, judged by another root."""
    intermediate = world.authority(world.root("Root of our own"))
    server = world.server(intermediate)
    return replace(_sent(server, server.chain, named=intermediate), roots=_certificates(world.root().certificate))


@_case("ROOT_UNTRUSTED", M)
def second_intermediate_missing(world: World) -> Chain:
    """[root] -> [upper intermediate] -> lower intermediate! -> server; it looks like a root that is not trusted."""
    lower = world.authority(world.authority(world.root(), "Upper intermediate"), "Lower intermediate")
    server = world.server(lower)
    return _sent(server, server.chain[:2], named=lower)


@_case("ROOT_UNTRUSTED", M)
def root_of_another_key(world: World) -> Chain:
    """[root] -> intermediate! -> server, judged by a root of the same name with another key."""
    intermediate = world.authority(world.root())
    server = world.server(intermediate)
    return replace(_sent(server, server.chain, named=intermediate), roots=_certificates(world.root().certificate))


@_case("ROOT_UNTRUSTED", M)
def root_of_another_kind_of_key(world: World) -> Chain:
    """[root] -> intermediate! -> server, judged by a root of the same name with an RSA key, as after a renewal."""
    intermediate = world.authority(world.root())
    server = world.server(intermediate)
    renewed = root_authority(world.name("Root"), world.start, 3650, key=_rsa_key())
    return replace(_sent(server, server.chain, named=intermediate), roots=_certificates(renewed.certificate))


@_case("ROOT_UNTRUSTED", M)
def circle(world: World) -> Chain:
    """one <-> other! -> server: two authorities sign each other."""
    one, other = world.root("One"), world.root("Other")
    one_by_other = other.issue_authority(world.name("One"), world.start, 900, key=one.key)
    other_by_one = one.issue_authority(world.name("Other"), world.start, 900, key=other.key)
    server = world.server(other_by_one)
    sent = (server.certificate, other_by_one.certificate, one_by_other.certificate)
    chain = _sent(server, sent, named=one_by_other)
    return replace(chain, roots=_certificates(world.root().certificate))


@_case("SIGNATURE_WRONG", B)
def forged_leaf(world: World) -> Chain:
    """[root] -> intermediate -/-> server!: the signature was changed."""
    server = world.server(world.authority(world.root()))
    forged = _forged(server.certificate)
    return replace(_sent(server, server.chain, named=forged), presented=(forged.der, _der(server.chain[1])))


@_case("SIGNATURE_WRONG", B)
def forged_intermediate(world: World) -> Chain:
    """[root] -/-> intermediate! -> server: the signature was changed."""
    server = world.server(world.authority(world.root()))
    forged = _forged(server.chain[1])
    return replace(_sent(server, server.chain, named=forged), presented=(_der(server.certificate), forged.der))


# What its authorities may do


@_case("CA_CONSTRAINT_BROKEN", B)
def issuer_is_no_authority(world: World) -> Chain:
    """[root] -> other server! -> server."""
    other = world.server(world.root(), common_name=world.name("Other server"))
    server = world.server(other)
    return _sent(server, server.chain, named=other)


@_case("CA_CONSTRAINT_BROKEN", B)
def issuer_may_not_sign(world: World) -> Chain:
    """[root] -> intermediate! whose key usage is not to sign -> server."""
    usage = {**_no_usage(), "digital_signature": True}
    extensions: list[Extension] = [_ca(), (x509.KeyUsage(**usage), True)]
    intermediate = world.signed("Intermediate", world.root(), extensions)
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


@_case("CA_CONSTRAINT_BROKEN", B)
def issuer_not_for_servers(world: World) -> Chain:
    """[root] -> intermediate! for clients' certificates only -> server."""
    purpose = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    intermediate = world.signed("Intermediate", world.root(), [_ca(), _signing(), purpose])
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


@_case("CA_CONSTRAINT_BROKEN", B)
def leaf_not_for_servers(world: World) -> Chain:
    """[root] -> intermediate -> server! with a certificate for clients."""
    purpose = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    server = world.signed("Server", world.authority(world.root()), [_names(world.host), purpose])
    return _sent(server, server.chain, named=server)


@_case("CA_CONSTRAINT_BROKEN", B)
def authority_as_server(world: World) -> Chain:
    """[root] -> intermediate -> server! whose certificate is an authority's."""
    usage = {**_no_usage(), "digital_signature": True, "key_cert_sign": True}
    extensions: list[Extension] = [_ca(), (x509.KeyUsage(**usage), True), _names(world.host)]
    server = world.signed("Server", world.authority(world.root()), extensions)
    return _sent(server, server.chain, named=server)


@_case("CA_CONSTRAINT_BROKEN", B)
def authority_in_the_servers_place(world: World) -> Chain:
    """[root] -> intermediate!, which the server shows as its own certificate."""
    usage = {**_no_usage(), "digital_signature": True, "key_cert_sign": True}
    intermediate = world.signed("Intermediate", world.root(), [_ca(), (x509.KeyUsage(**usage), True)])
    return _sent(intermediate, intermediate.chain, named=intermediate)


@_case("CA_CONSTRAINT_BROKEN", B)
def path_too_long_for_its_authority(world: World) -> Chain:
    """[root] -> upper intermediate!, which allows none below -> lower intermediate -> server."""
    upper = world.authority(world.root(), "Upper intermediate", path_length=0)
    server = world.server(world.authority(upper, "Lower intermediate"))
    return _sent(server, server.chain, named=upper)


@_case("CA_CONSTRAINT_BROKEN", B)
def name_not_permitted(world: World) -> Chain:
    """[root] -> intermediate! for hosts of example.org -> server."""
    return _constrained(world, permitted=[x509.DNSName("example.org")])


@_case("CA_CONSTRAINT_BROKEN", B)
def name_excluded(world: World) -> Chain:
    """[root] -> intermediate! for all hosts but this one -> server."""
    return _constrained(world, excluded=[x509.DNSName(world.host)])


@_case("CA_CONSTRAINT_BROKEN", B)
def directory_name_not_permitted(world: World) -> Chain:
    """[root] -> intermediate! for other organisations, not critical -> server."""
    other = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Somebody else")]))
    return _constrained(world, permitted=[other], critical=False)


@_case("CONSTRAINT_NOT_JUDGED", M)
def directory_name_permitted(world: World) -> Chain:
    """[root] -> intermediate! for this host and organisation alone, critical -> server."""
    own = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "pse-preflight")]))
    return _constrained(world, permitted=[x509.DNSName(world.host), own])


@_case(verified=True)
def name_permitted(world: World) -> Chain:
    """[root] -> intermediate for hosts of this name -> server."""
    return replace(_constrained(world, permitted=[x509.DNSName(world.host)]), named=None)


@_case("CA_CONSTRAINT_BROKEN", B)
def too_many_intermediates(world: World) -> Chain:
    """[root] -> nine intermediates -> server!."""
    authority = world.root()
    for number in range(9):
        authority = world.authority(authority, f"Intermediate {number}")
    server = world.server(authority)
    return _sent(server, server.chain, named=server)


# What form it has


@_case("CERTIFICATE_IRREGULAR", m, verified=True)
def critical_names(world: World) -> Chain:
    """[root] -> intermediate -> server! whose names are critical beside a subject, as private authorities do it."""
    names, _ = _names(world.host)
    server = world.signed("Server", world.authority(world.root()), [(names, True)])
    return _sent(server, server.chain, named=server)


@_case("CERTIFICATE_IRREGULAR", B)
def critical_names_from_a_public_root(world: World) -> Chain:
    """[public root] -> intermediate -> server! whose names are critical beside a subject."""
    chain = critical_names(world)
    return replace(chain, mozilla=frozenset(each.sha256 for each in chain.roots))


@_case("CERTIFICATE_IRREGULAR", m, verified=True)
def authority_without_key_usage(world: World) -> Chain:
    """[root] -> intermediate! without key usage, as private authorities do it -> server."""
    intermediate = world.signed("Intermediate", world.root(), [_ca()])
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


@_case("CERTIFICATE_IRREGULAR", B)
def unknown_critical_extension(world: World) -> Chain:
    """[root] -> intermediate -> server! with a critical extension that nobody knows."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    server = world.signed("Server", world.authority(world.root()), [_names(world.host), (unknown, True)])
    return _sent(server, server.chain, named=server)


@_case("CERTIFICATE_IRREGULAR", m, verified=True)
def critical_policies(world: World) -> Chain:
    """[root] -> intermediate! with critical certificate policies -> server."""
    policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), None)])
    intermediate = world.signed("Intermediate", world.root(), [_ca(), _signing(), (policies, True)])
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


@_case("CERTIFICATE_IRREGULAR", m, verified=True)
def path_length_of_a_server(world: World) -> Chain:
    """[root] -> intermediate -> server! that is no authority and has a path length, which the strict reader refuses."""
    odd = x509.UnrecognizedExtension(ExtensionOID.BASIC_CONSTRAINTS, bytes.fromhex("3003020100"))
    server = world.signed("Server", world.authority(world.root()), [_names(world.host), (odd, True)])
    return _sent(server, server.chain, named=server)


@_case("KEY_IDENTIFIERS_DIFFER", M, verified=True)
def key_of_another(world: World) -> Chain:
    """[root] -> intermediate -> server! that names another key than its issuer's, though that one signed it."""
    issuer = world.authority(world.root())
    other = x509.AuthorityKeyIdentifier(b"the key of another  ", None, None)
    names, server = _names(world.host), world.server(issuer)
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, server.certificate.subject, server.key.public_key(), 1
    )
    builder = builder.not_valid_before(world.start).not_valid_after(world.start + timedelta(days=90))
    builder = builder.add_extension(names[0], names[1]).add_extension(other, critical=False)
    odd = Certificate.of(builder.sign(issuer.key, hashes.SHA256()))
    return replace(_sent(server, server.chain, named=odd), presented=(odd.der, _der(server.chain[1])))


@_case("NAME_FORM_DIFFERS", M)
def issuer_in_capitals(world: World) -> Chain:
    """[root] -> intermediate -> server! that writes its issuer's name in capitals."""
    issuer = world.authority(world.root())
    server = world.server(issuer)
    odd = _naming_its_issuer_in_capitals(server.certificate, issuer.key)
    return replace(_sent(server, server.chain, named=odd), presented=(odd.der, _der(server.chain[1])))


@_case("CERTIFICATE_IRREGULAR", B)
def authority_of_version_1(world: World) -> Chain:
    """[root!] of version 1, which cannot say that it is an authority -> server."""
    root = world.root()
    old = _without_extensions(root.certificate, root.key)
    server = world.server(root)
    return replace(_sent(server, server.chain, named=old), roots=(old,))


@_case("CERTIFICATE_IRREGULAR", B)
def date_in_the_long_form(world: World) -> Chain:
    """[root] -> server! whose dates before 2050 are written with four digits of the year."""
    root = world.root()
    server = world.server(root)
    odd = _dated_at_length(server.certificate, root.key)
    return replace(_sent(server, server.chain, named=odd), presented=(odd.der,))


@_case("CERTIFICATE_UNREADABLE", B, on_loopback=False)
def unreadable_leaf(world: World) -> Chain:
    """[root] -> intermediate -> server! in which two bytes are wrong."""
    server = world.server(world.authority(world.root()))
    chain = _sent(server, server.chain)
    return replace(chain, presented=(_unreadable(server.certificate), *chain.presented[1:]))


@_case("CERTIFICATE_UNREADABLE", B)
def unreadable_intermediate(world: World) -> Chain:
    """[root] -> intermediate! in which two bytes are wrong -> server."""
    server = world.server(world.authority(world.root()))
    chain = _sent(server, server.chain)
    return replace(chain, presented=(chain.presented[0], _unreadable(server.chain[1])))


@_case("CERTIFICATE_UNREADABLE", m, verified=True)
def unreadable_stray(world: World) -> Chain:
    """[root] -> intermediate -> server, and a stranger's certificate! in which two bytes are wrong."""
    server = world.server(world.authority(world.root()))
    chain = _sent(server, server.chain)
    return replace(chain, presented=(*chain.presented, _unreadable(world.authority(world.root("Other")).certificate)))


# How strong it is


@_case("CERTIFICATE_WEAK", M)
def sha1_leaf(world: World) -> Chain:
    """[root] -> intermediate -> server! signed with SHA-1."""
    return _weakly_signed(world, "sha1", leaf=True)


@_case("CERTIFICATE_WEAK", M)
def sha1_intermediate(world: World) -> Chain:
    """[root] -> intermediate! signed with SHA-1 -> server."""
    return _weakly_signed(world, "sha1", leaf=False)


@_case("CERTIFICATE_WEAK", M)
def md5_leaf(world: World) -> Chain:
    """[root] -> intermediate -> server! signed with MD5."""
    return _weakly_signed(world, "md5", leaf=True)


@_case(verified=True)
def sha1_root(world: World) -> Chain:
    """[root] signed with SHA-1, as old roots are -> server: nobody relies on a root's own signature."""
    root = root_authority(world.name("Root"), world.start, 3650, key=_rsa_key())
    weak = Identity(_signed_again(root.certificate, _rsa_key(), "sha1"), root.key)
    server = world.server(weak)
    return _sent(server, server.chain)


@_case("CERTIFICATE_WEAK", M, verified=True)
def small_key(world: World) -> Chain:
    """[root] -> intermediate -> server! with an RSA key of 1024 bits."""
    server = world.server(world.authority(world.root()), key=_rsa_key(1024))
    return _sent(server, server.chain, named=server)


@_case("CERTIFICATE_WEAK", M)
def small_key_of_an_authority(world: World) -> Chain:
    """[root] -> intermediate! with an RSA key of 1024 bits -> server."""
    intermediate = world.authority(world.root(), key=_rsa_key(1024))
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


@_case("CERTIFICATE_WEAK", M)
def unusual_key_of_an_authority(world: World) -> Chain:
    """[root] -> intermediate! with an Ed25519 key -> server; the server's certificate is not to blame."""
    key = ed25519.Ed25519PrivateKey.generate()
    intermediate = world.authority(world.root(), key=key)
    server = world.server(world.root())
    subject, issuer = server.certificate.subject, intermediate.certificate.subject
    builder = x509.CertificateBuilder(issuer, subject, server.key.public_key(), 1)
    builder = builder.not_valid_before(world.start).not_valid_after(world.start + timedelta(days=90))
    names, critical = _names(world.host)
    builder = builder.add_extension(names, critical=critical)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    below = Identity(builder.sign(key, None), server.key, (intermediate.certificate, *intermediate.issuers))
    return _sent(below, below.chain, named=intermediate)


@_case("CERTIFICATE_WEAK", m, verified=True, on_loopback=False)
def odd_curve(world: World) -> Chain:
    """[root] -> intermediate -> server! with a key on the curve of the coins."""
    server = world.server(world.authority(world.root()), key=ec.generate_private_key(ec.SECP256K1()))
    return _sent(server, server.chain, named=server)


@_case("CERTIFICATE_WEAK", M)
def odd_curve_of_an_authority(world: World) -> Chain:
    """[root] -> intermediate! with a key on the curve of the coins -> server."""
    intermediate = world.authority(world.root(), key=ec.generate_private_key(ec.SECP256K1()))
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


# Who stands in between


@_case("TLS_INSPECTED", M, others=("ROOT_UNTRUSTED",), telling_name=True)
def inspected_by_a_known_product(world: World) -> Chain:
    """[product's root] -> product's intermediate -> server!, re-signed."""
    product = root_authority("Zscaler Root CA", world.start, 3650)
    server = world.server(product.issue_authority("Zscaler Intermediate Root CA", world.start, 300))
    return replace(_sent(server, server.chain, named=server), roots=_certificates(world.root().certificate))


@_case("TLS_INSPECTED", M, others=("SERVER_OMITS_INTERMEDIATE",), telling_name=True)
def inspected_and_nothing_else_sent(world: World) -> Chain:
    """[product's root] -> server!, re-signed."""
    server = world.server(root_authority("FortiGate CA", world.start, 3650))
    return replace(_sent(server, server.chain, named=server), roots=_certificates(world.root().certificate))


@_case("TLS_INSPECTED", m, verified=True, telling_name=True)
def inspected_knowingly(world: World) -> Chain:
    """[product's root] -> server!, judged by a file that holds the product's root."""
    server = world.server(root_authority("Netskope Root CA", world.start, 3650))
    return replace(_sent(server, server.chain, named=server), inspection_accepted=True)


@_case("TLS_INSPECTED", M, others=("ROOT_UNTRUSTED",), on_loopback=False)
def inspected_on_the_way_to_sap(world: World) -> Chain:
    """private root -> server!; the host is in SAP's cloud, where roots are public."""
    root, public = world.root("Root of our own"), world.root()
    server = world.server(root)
    chain = _sent(server, (*server.chain, root.certificate), named=server)
    roots = _certificates(public.certificate)
    return replace(chain, roots=roots, mozilla=frozenset(each.sha256 for each in roots), sap_domain=True)


@_case("TLS_INSPECTED", m, verified=True, on_loopback=False)
def inspected_knowingly_on_the_way_to_sap(world: World) -> Chain:
    """[private root] -> server!; the host is in SAP's cloud, and `roots` names the private root."""
    server = world.server(world.root("Root of our own"))
    return replace(_sent(server, server.chain, named=server), sap_domain=True, inspection_accepted=True)


@_case(verified=True, on_loopback=False)
def public_on_the_way_to_sap(world: World) -> Chain:
    """[public root] -> intermediate -> server; the host is in SAP's cloud, and `roots` names the public root."""
    chain = good(world)
    mozilla = frozenset(each.sha256 for each in chain.roots)
    return replace(chain, mozilla=mozilla, sap_domain=True, inspection_accepted=True)


# Several at once


@_case("HOST_NOT_IN_CERTIFICATE", B, others=("CERTIFICATE_EXPIRED", "SERVER_OMITS_INTERMEDIATE"))
def everything_forgotten(world: World) -> Chain:
    """[root] -> [intermediate] -> server! for another host, ended yesterday."""
    server = world.authority(world.root()).issue_server(["other.example.com"], world.start, 9)
    return _sent(server, server.chain[:1], named=server)


@_case("CERTIFICATE_EXPIRED", B, others=("CERTIFICATE_EXPIRED", "ROOT_UNTRUSTED", "CHAIN_HAS_EXTRAS"))
def neglected_and_private(world: World) -> Chain:
    """root -> intermediate that ended -> server! that ended, judged by another root, a stranger sent along."""
    root = world.root("Root of our own")
    server = root.issue_authority(world.name("Intermediate"), world.start, 9).issue_server([world.host], world.start, 9)
    other = world.authority(world.root("Another root"), "Another intermediate")
    chain = _sent(server, (*server.chain, root.certificate, other.certificate), named=server)
    return replace(chain, roots=_certificates(world.root().certificate))


CATALOGUE: tuple[Case, ...] = tuple(_CASES)


def random_names(words: Iterator[str]) -> Callable[[str], str]:
    """Return a naming in which every plain name always gets the same random word."""
    return functools.cache(lambda plain: next(words) if plain else plain)


def numbered_words(prefix: str) -> Iterator[str]:
    return (f"{prefix} {number}" for number in itertools.count())


# How certificates are made that the library does not make


def _sent(
    server: Identity, certificates: tuple[x509.Certificate, ...], *, named: Identity | Certificate | None = None
) -> Chain:
    root = _root_of(server)
    wanted = Certificate.of(named.certificate) if isinstance(named, Identity) else named
    return Chain(tuple(_der(each) for each in certificates), server.key, _certificates(root), wanted)


def _root_of(server: Identity) -> x509.Certificate:
    return server.issuers[-1] if server.issuers else server.certificate


def _certificates(*certificates: x509.Certificate) -> tuple[Certificate, ...]:
    return tuple(Certificate.of(each) for each in certificates)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _ca() -> Extension:
    return x509.BasicConstraints(ca=True, path_length=None), True


def _signing() -> Extension:
    return x509.KeyUsage(**{**_no_usage(), "key_cert_sign": True, "crl_sign": True}), True


def _names(host: str) -> Extension:
    return x509.SubjectAlternativeName([x509.DNSName(host)]), False


def _no_usage() -> dict[str, bool]:
    kinds = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    )
    return dict.fromkeys((*kinds.split(), "encipher_only", "decipher_only"), False)


def _self_signed(world: World) -> Identity:
    """Make a server certificate that its own key signed, as SAP systems make them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(world.name("Server"))
    names, critical = _names(world.host)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(world.start).not_valid_after(world.start + timedelta(days=900))
    return Identity(builder.add_extension(names, critical=critical).sign(key, hashes.SHA256()), key)


def _below_three(world: World) -> Identity:
    upper = world.authority(world.root(), "Upper intermediate")
    return world.server(world.authority(world.authority(upper, "Middle intermediate"), "Lower intermediate"))


def _constrained(
    world: World,
    permitted: list[x509.GeneralName] | None = None,
    excluded: list[x509.GeneralName] | None = None,
    *,
    critical: bool = True,
) -> Chain:
    constraints = (x509.NameConstraints(permitted, excluded), critical)
    intermediate = world.signed("Intermediate", world.root(), [_ca(), _signing(), constraints])
    server = world.server(intermediate)
    return _sent(server, server.chain, named=intermediate)


def _weakly_signed(world: World, algorithm: str, *, leaf: bool) -> Chain:
    key = _rsa_key()
    root = root_authority(world.name("Root"), world.start, 3650, key=key)
    intermediate = world.authority(root, key=key)
    server = world.server(intermediate)
    weak = Certificate.of(_signed_again(server.chain[0 if leaf else 1], key, algorithm))
    chain = _sent(server, server.chain, named=weak)
    sent = (weak.der, chain.presented[1]) if leaf else (chain.presented[0], weak.der)
    return replace(chain, presented=sent)


@functools.cache
def _rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


_VERSION_3 = bytes.fromhex("a003020102")
_ECDSA_SHA256 = bytes.fromhex("2a8648ce3d040302")
_RSA_SHA256 = bytes.fromhex("2a864886f70d01010b")
_WEAK_ALGORITHMS: dict[str, tuple[hashes.HashAlgorithm, bytes]] = {
    "sha1": (hashes.SHA1(), bytes.fromhex("2a864886f70d010105")),  # noqa: S303 - what is weak is what is tested
    "md5": (hashes.MD5(), bytes.fromhex("2a864886f70d010104")),  # noqa: S303 - as above
}


def _signed_again(certificate: x509.Certificate, key: rsa.RSAPrivateKey, algorithm: str) -> x509.Certificate:
    """Sign a certificate anew with an algorithm that the library's builder refuses."""
    algorithm_hash, oid = _WEAK_ALGORITHMS[algorithm]
    content = certificate.tbs_certificate_bytes.replace(_RSA_SHA256, oid, 1)
    signature = key.sign(content, padding.PKCS1v15(), algorithm_hash)
    identifier = _tagged(0x30, _tagged(0x06, oid) + b"\x05\x00")
    return x509.load_der_x509_certificate(_tagged(0x30, content + identifier + _tagged(0x03, b"\x00" + signature)))


def _dated_at_length(certificate: x509.Certificate, key: PrivateKey) -> Certificate:
    """Write the dates as GeneralizedTime where RFC 5280 (4.1.2.5) wants UTCTime, and sign anew."""
    moments = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    dates = [each.strftime("%y%m%d%H%M%SZ") for each in moments]
    short = _tagged(0x30, b"".join(_tagged(0x17, each.encode()) for each in dates))
    long = _tagged(0x30, b"".join(_tagged(0x18, f"20{each}".encode()) for each in dates))
    return _of_content(certificate.tbs_certificate_bytes[4:].replace(short, long), key)


def _without_extensions(certificate: x509.Certificate, key: PrivateKey) -> Certificate:
    """Take the version away and what only the third one has, which follows the public key, and sign anew."""
    content = certificate.tbs_certificate_bytes[4:].removeprefix(_VERSION_3)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _of_content(content[: content.index(public) + len(public)], key)


def _naming_its_issuer_in_capitals(certificate: x509.Certificate, key: PrivateKey) -> Certificate:
    loud = x509.Name([x509.NameAttribute(each.oid, str(each.value).upper()) for each in certificate.issuer])
    content = certificate.tbs_certificate_bytes[4:].replace(certificate.issuer.public_bytes(), loud.public_bytes(), 1)
    return _of_content(content, key)


def _of_content(content: bytes, key: PrivateKey) -> Certificate:
    """Sign what a certificate says."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signed = _tagged(0x30, content)
    identifier = _tagged(0x30, _tagged(0x06, _ECDSA_SHA256))
    signature = _tagged(0x03, b"\x00" + key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return Certificate.read(_tagged(0x30, signed + identifier + signature))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _forged(certificate: x509.Certificate) -> Certificate:
    """Change one bit in the middle of the signature."""
    der = bytearray(_der(certificate))
    der[-8] ^= 1
    return Certificate.read(bytes(der))


def _unreadable(certificate: x509.Certificate) -> bytes:
    """Break the basic constraints, or the names, inside a certificate whose frame stays whole."""
    der = _der(certificate)
    for mark in (bytes.fromhex("0603551d130101ff0405"), bytes.fromhex("0603551d1304"), bytes.fromhex("0603551d11")):
        if mark in der:
            start = der.index(mark) + len(mark)
            return der[:start] + bytes([der[start] ^ 0x1F]) + der[start + 1 :]
    raise AssertionError("nothing in it to break")
