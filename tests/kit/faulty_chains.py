"""Chains in which exactly one thing is wrong, or two, each with what is wrong known from how it was built.

`KINDS` are the things that can be wrong, each at one place of a chain. `built` makes a chain with none, one or two of
them, in any usual kind of key and with one to three intermediates; nothing here knows how a chain is judged.
"""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.judge import ChainQuestion
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Severity
from pse_preflight.der import element
from tests.kit import drafts
from tests.kit.drafts import IA5, PRINTABLE, UTF8, Draft, Key, Press, authority, key, server, usage

ROOTS_NAME = "the roots of the test"
KEY_KINDS = ("rsa", "p256", "p384", "mixed")
"""The keys of a chain; mixed is P-384, RSA and P-256 by turns, the root's first."""
MOST_INTERMEDIATES = 3

B, M, m = Severity.BLOCKER, Severity.MAJOR, Severity.MINOR
LEAF, ISSUING, UPPER, ROOT = "leaf", "issuing", "upper", "root"
_SERVER_AUTH, _CLIENT_AUTH = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
_ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_UNKNOWN = "1.3.6.1.4.1.99999.1"
_NULL = b"\x05\x00"


@dataclass(frozen=True)
class Place:
    """Where a chain is served.

    Attributes:
        host: the DNS name that the client connects to.
        domain: a domain that the host lies in.
        address: the IP address for those that are about one.
        aia: where certificates can be fetched, without the final slash.
    """

    host: str = "erp.example.com"
    domain: str = "example.com"
    address: str = "10.1.2.3"
    aia: str = "http://aia.example.com"


ELSEWHERE = Place()
LOOPBACK = Place("localhost", "localhost", "127.0.0.1")


class Plan:
    """A chain being drafted: change the drafts, or what is sent.

    Attributes:
        leaf: the server's certificate.
        authorities: the intermediates, the nearest first.
        root: the root.
        sent: what the server sends, in its order.
        roots: what the chain is judged by.
        fetched: what lies at the addresses of the issuers.
        host: what the client connects to.
    """

    def __init__(self, now: datetime, kind: str, intermediates: int, place: Place) -> None:
        self.now, self.kind, self.place = now, kind, place
        self.host = place.host
        self._keys = iter(range(1000))
        self.root = self.authority("Root", None, days=3650)
        self.authorities: list[Draft] = []
        for number in range(intermediates):
            above = self.authorities[0] if self.authorities else self.root
            self.authorities.insert(0, self.authority(f"Intermediate {number}", above))
        self.leaf = self.server(self.authorities[0])
        self.sent = [self.leaf, *self.authorities]
        self.roots = [self.root]
        self.fetched: list[Draft] = []

    @property
    def start(self) -> datetime:
        """Return when certificates begin that are good."""
        return self.now - timedelta(days=10)

    def key(self, kind: str = "") -> Key:
        """Return a key that nothing else of this chain has."""
        number = next(self._keys)
        usual = ("p384", "rsa", "p256")[number % 3] if self.kind == "mixed" else self.kind
        return key(kind or usual, number)

    def other_key(self, draft: Draft) -> Key:
        """Return a key of another kind than a draft's."""
        return self.key("p256" if isinstance(draft.key, rsa.RSAPrivateKey) else "rsa")

    def authority(self, common_name: str, issuer: Draft | None, *, days: float = 1000, kind: str = "") -> Draft:
        """Draft an authority as it should be."""
        return authority(common_name, issuer, self.start, days, self.key(kind))

    def server(self, issuer: Draft) -> Draft:
        """Draft a server's certificate as it should be."""
        return server(self.place.host, issuer, self.start, 90, self.key())

    def found_at(self, path: str) -> x509.AuthorityInformationAccess:
        """Return where a certificate can be fetched."""
        address = x509.UniformResourceIdentifier(f"{self.place.aia}/{path}")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, address)
        return x509.AuthorityInformationAccess([access])

    def at(self, place: str) -> Draft:
        """Return the draft at a place; the upper intermediate is the one next to the root."""
        return {LEAF: self.leaf, ISSUING: self.authorities[0], UPPER: self.authorities[-1], ROOT: self.root}[place]

    def omit(self, draft: Draft) -> None:
        """Forget to send a certificate."""
        self.sent = [each for each in self.sent if each is not draft]

    def exchange(self, draft: Draft, other: Draft) -> None:
        """Send another certificate in the place of one."""
        self.sent = [other if each is draft else each for each in self.sent]


Change = Callable[[Plan, Draft], Draft | None]
"""Makes one thing wrong at a place, and returns the certificate to blame if that is another one."""


@dataclass(frozen=True)
class Kind:
    """One thing that can be wrong at one place of a chain, or is only odd.

    Attributes:
        name: what it is called.
        place: where it is.
        change: makes it so.
        codes: what may be said of it, the first best; empty where nothing is wrong.
        severity: how bad it is.
        verified: a path is verified all the same.
        least: so many intermediates the chain must have.
        kinds: the kinds of key that it makes sense for.
        also: further codes of minor findings that say what is odd about it.
        about_issuer: it shows only where the certificate's issuer is in sight.
        on_loopback: a server on this machine can show it. The rest need another host or moment, or what OpenSSL's
            server does not do: show a certificate that it cannot read, or whose key may not be used for TLS.
    """

    name: str
    place: str
    change: Change
    codes: tuple[str, ...]
    severity: Severity | None
    verified: bool
    least: int = 1
    kinds: tuple[str, ...] = KEY_KINDS
    also: tuple[str, ...] = ()
    on_loopback: bool = True
    about_issuer: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{self.place}" if self.place else self.name


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong with a chain, by what it was built with.

    Attributes:
        kind: what it is.
        blamed: the certificate at fault.
        is_in_sight: what is at hand leads from the server's certificate up to it.
    """

    kind: Kind
    blamed: Certificate | None
    is_in_sight: bool


@dataclass(frozen=True)
class Built:
    """A chain, and the truth about it.

    Attributes:
        presented: DER as the server sends it.
        key: the server's private key.
        roots: what the chain is judged by.
        fetched: what lies at the addresses of issuers.
        host: what the client connects to.
        wrong: what is wrong with it.
    """

    presented: tuple[bytes, ...]
    key: Key = field(repr=False)
    roots: tuple[Certificate, ...]
    fetched: tuple[bytes, ...]
    host: str
    now: datetime
    wrong: tuple[Wrong, ...]

    def question(self) -> ChainQuestion:
        """Return the chain as it is put to the judge."""
        return ChainQuestion(
            host=self.host,
            presented=self.presented,
            roots=self.roots,
            roots_name=ROOTS_NAME,
            period=Period(self.now, self.now),
            fetched=self.fetched,
        )


KINDS: list[Kind] = []


def _kind(
    *codes: str,
    severity: Severity | None = B,
    at: tuple[str, ...] = ("",),
    verified: bool = False,
    least: int = 1,
    kinds: tuple[str, ...] = KEY_KINDS,
    also: tuple[str, ...] = (),
    on_loopback: bool = True,
) -> Callable[[Change], Change]:
    """Register what is made wrong, once for each of the places where it can be."""
    about_issuer = bool({"SIGNATURE_WRONG", "KEY_IDENTIFIERS_DIFFER", "NAME_FORM_DIFFERS"} & set(codes))

    def register(change: Change) -> Change:
        said = change.__name__.strip("_").replace("_", "-")
        for place in at:
            needed = max(least, 2 if place == UPPER else 1)
            kind = Kind(said, place, change, codes, severity, verified, needed, kinds, also, on_loopback, about_issuer)
            KINDS.append(kind)
        return change

    return register


def _odd(
    *codes: str,
    at: tuple[str, ...] = ("",),
    least: int = 1,
    kinds: tuple[str, ...] = KEY_KINDS,
    on_loopback: bool = True,
) -> Callable[[Change], Change]:
    """Register what is odd and harmless: a minor finding, or none."""
    severity = m if codes else None
    return _kind(*codes, severity=severity, at=at, verified=True, least=least, kinds=kinds, on_loopback=on_loopback)


def built(kinds: tuple[Kind, ...], now: datetime, key_kind: str, intermediates: int, place: Place = ELSEWHERE) -> Built:
    """Build a chain in which these things are wrong and nothing else."""
    plan = Plan(now, key_kind, intermediates, place)
    about: list[tuple[Draft | None, set[Draft]]] = []
    for kind in kinds:
        draft = plan.at(kind.place or LEAF)
        blamed = kind.change(plan, draft) or (draft if kind.place else None)
        about.append((blamed, {blamed or plan.root, draft if kind.place else blamed or plan.root}))
    press = Press()
    seen = _in_sight(plan, press)
    return Built(
        presented=tuple(press.made(each) for each in plan.sent),
        key=plan.sent[0].key,
        roots=tuple(root for root in (_certificate(press.made(each)) for each in plan.roots) if root),
        fetched=tuple(press.made(each) for each in plan.fetched),
        host=plan.host,
        now=now,
        wrong=tuple(
            Wrong(kind, _certificate(press.made(blamed)) if blamed else None, _with_issuers(kind, drafts_of) <= seen)
            for kind, (blamed, drafts_of) in zip(kinds, about, strict=True)
        ),
    )


def _with_issuers(kind: Kind, of_fault: set[Draft]) -> set[Draft]:
    return of_fault | {each.issuer for each in of_fault if kind.about_issuer and each.issuer}


def _in_sight(plan: Plan, press: Press) -> set[Draft]:
    """Return what can be seen: from the server's certificate upwards, as far as issuers are at hand and can be read."""
    at_hand = [each for each in (*plan.sent, *plan.roots, *plan.fetched) if _certificate(press.made(each))]
    seen = {plan.sent[0]}
    issuer = plan.sent[0].issuer
    while issuer in at_hand and issuer not in seen:
        seen.add(issuer)
        issuer = issuer.issuer
    return seen


def _certificate(der: bytes) -> Certificate | None:
    try:
        return Certificate.read(der)
    except Exception:  # noqa: BLE001 - one that cannot be read is blamed by its fingerprint only
        return None


def shapes(kind: Kind) -> Iterator[tuple[str, int]]:
    """Yield four kinds of key and numbers of intermediates that a kind is built with."""
    for number in range(4):
        length = kind.least + number % (MOST_INTERMEDIATES + 1 - kind.least)
        yield kind.kinds[number % len(kind.kinds)], length


# What is sent


@_kind("SERVER_OMITS_INTERMEDIATE", severity=M)
def _nothing_but_the_leaf(plan: Plan, leaf: Draft) -> Draft:
    plan.sent = [leaf]
    return leaf


@_kind("SERVER_OMITS_INTERMEDIATE", severity=M, least=3)
def _issuing_of_three_forgotten(plan: Plan, leaf: Draft) -> Draft:
    plan.omit(plan.authorities[0])
    return leaf


@_kind("SERVER_OMITS_INTERMEDIATE", severity=M, least=3)
def _middle_of_three_forgotten(plan: Plan, _: Draft) -> Draft:
    plan.omit(plan.authorities[1])
    return plan.authorities[0]


@_kind("ROOT_UNTRUSTED", severity=M, least=2)
def _upper_forgotten(plan: Plan, _: Draft) -> Draft:
    """Whether it is a root that nobody knows or an intermediate that was forgotten, nobody can see."""
    plan.omit(plan.authorities[-1])
    return plan.authorities[-2]


@_kind("SERVER_OMITS_INTERMEDIATE", severity=M, verified=True)
def _one_forgotten_and_fetched(plan: Plan, _: Draft) -> Draft:
    forgotten = plan.authorities[-1]
    child = plan.authorities[-2] if len(plan.authorities) > 1 else plan.leaf
    child.says(plan.found_at("issuer"))
    plan.omit(forgotten)
    plan.fetched.append(forgotten)
    return forgotten


@_kind("SERVER_OMITS_INTERMEDIATE", severity=M, verified=True, least=3)
def _issuing_of_three_forgotten_and_fetched(plan: Plan, leaf: Draft) -> Draft:
    leaf.says(plan.found_at("issuer"))
    plan.omit(plan.authorities[0])
    plan.fetched.append(plan.authorities[0])
    return plan.authorities[0]


@_kind("SERVER_OMITS_INTERMEDIATE", severity=M)
def _root_in_the_place_of_the_intermediates(plan: Plan, leaf: Draft) -> Draft:
    plan.sent = [leaf, plan.root]
    return leaf


@_kind("SERVER_SENDS_WRONG_INTERMEDIATE", severity=M)
def _another_issuing_authority_of_the_root(plan: Plan, leaf: Draft) -> Draft:
    other = plan.authority("Another intermediate", plan.root)
    other.says(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    plan.sent = [leaf, other]
    return leaf


@_kind("SERVER_SENDS_WRONG_INTERMEDIATE", severity=M)
def _another_issuing_authority_of_another_root(plan: Plan, leaf: Draft) -> Draft:
    plan.exchange(plan.authorities[0], plan.authority("Another intermediate", plan.authority("Another root", None)))
    return leaf


@_kind("SERVER_SENDS_WRONG_INTERMEDIATE", severity=M)
def _issuing_authority_of_the_same_name(plan: Plan, leaf: Draft) -> Draft:
    issuing = plan.authorities[0]
    plan.exchange(issuing, issuing.twin(key=plan.key()))
    return leaf


@_kind("SERVER_SENDS_WRONG_INTERMEDIATE", severity=M)
def _issuing_authority_of_the_same_name_and_another_kind_of_key(plan: Plan, leaf: Draft) -> Draft:
    issuing = plan.authorities[0]
    plan.exchange(issuing, issuing.twin(key=plan.other_key(issuing)))
    return leaf


@_kind("SERVER_SENDS_WRONG_INTERMEDIATE", severity=M, least=2)
def _upper_authority_of_the_same_name_and_another_kind_of_key(plan: Plan, _: Draft) -> Draft:
    upper = plan.authorities[-1]
    plan.exchange(upper, upper.twin(key=plan.other_key(upper)))
    return plan.authorities[-2]


@_odd()
def _twin_of_another_kind_of_key_beside_the_issuing_authority(plan: Plan, _: Draft) -> None:
    issuing = plan.authorities[0]
    plan.roots.append(issuing.twin(key=plan.other_key(issuing)))


@_odd()
def _root_of_the_same_name_and_another_kind_of_key_beside_it(plan: Plan, _: Draft) -> None:
    plan.roots.insert(0, plan.root.twin(key=plan.other_key(plan.root), end=plan.root.end + timedelta(days=900)))


@_odd()
def _root_sent(plan: Plan, _: Draft) -> None:
    plan.sent.append(plan.root)


@_odd("CHAIN_OUT_OF_ORDER", least=2)
def _shuffled(plan: Plan, leaf: Draft) -> None:
    plan.sent = [leaf, *reversed(plan.authorities)]


@_odd("CHAIN_HAS_EXTRAS", at=(LEAF, ISSUING))
def _sent_twice(plan: Plan, draft: Draft) -> None:
    plan.sent.append(draft)


@_odd("CHAIN_HAS_EXTRAS")
def _stray(plan: Plan, _: Draft) -> Draft:
    stray = plan.authority("Another intermediate", plan.authority("Another root", None))
    plan.sent.append(stray)
    return stray


@_odd("CHAIN_HAS_EXTRAS")
def _ended_cross_sign(plan: Plan, _: Draft) -> Draft:
    older = plan.authority("Older root", None)
    bridge = plan.root.twin(issuer=older, follows_issuer=True, end=plan.now - timedelta(days=1))
    plan.sent.append(bridge)
    plan.roots.append(older)
    return bridge


@_odd()
def _cross_sign(plan: Plan, _: Draft) -> None:
    older = plan.authority("Older root", None)
    plan.sent.append(plan.root.twin(issuer=older, follows_issuer=True))


@_odd()
def _reached_by_the_cross_sign(plan: Plan, _: Draft) -> None:
    older = plan.authority("Older root", None)
    plan.sent.append(plan.root.twin(issuer=older, follows_issuer=True))
    plan.roots = [older]


# When it is valid


@_kind("CERTIFICATE_EXPIRED", at=(LEAF, ISSUING, UPPER, ROOT))
def _ended_yesterday(plan: Plan, draft: Draft) -> None:
    draft.end = plan.now - timedelta(days=1)


@_kind("CERTIFICATE_NOT_YET_VALID", at=(LEAF, ISSUING, UPPER, ROOT))
def _begins_tomorrow(plan: Plan, draft: Draft) -> None:
    draft.start = plan.now + timedelta(days=1)


@_odd(at=(LEAF, ISSUING, ROOT), on_loopback=False)
def _ends_this_second(plan: Plan, draft: Draft) -> None:
    draft.end = plan.now


@_odd(at=(ISSUING, ROOT))
def _ends_in_the_next_century(_: Plan, draft: Draft) -> None:
    draft.end = datetime(2150, 1, 1, tzinfo=draft.end.tzinfo)


@_kind("CERTIFICATE_EXPIRED", at=(ISSUING,))
def _ended_and_a_twin_of_another_kind_of_key_beside_it(plan: Plan, draft: Draft) -> None:
    plan.roots.append(draft.twin(key=plan.other_key(draft)))
    draft.end = plan.now - timedelta(days=1)


# Whom it names


def _only(*names: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(list(names))


def _names(*names: str) -> x509.SubjectAlternativeName:
    return _only(*(x509.DNSName(each) for each in names))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,), verified=True)
def _another_host(_: Plan, leaf: Draft) -> None:
    leaf.says(_names("other.example.com"))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,))
def _common_name_alone(_: Plan, leaf: Draft) -> None:
    leaf.lacks(x509.SubjectAlternativeName)


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,), verified=True)
def _wildcard_of_the_parent(_: Plan, leaf: Draft) -> None:
    leaf.says(_names("*.com"))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,), verified=True)
def _wildcard_of_the_host(plan: Plan, leaf: Draft) -> None:
    leaf.says(_names(f"*.{plan.place.host}"))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,))
def _wildcard_of_a_part(_: Plan, leaf: Draft) -> None:
    leaf.says(_names("er*.example.com"))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,), verified=True)
def _another_address(plan: Plan, leaf: Draft) -> None:
    plan.host = plan.place.address
    leaf.says(_only(x509.IPAddress(ipaddress.ip_address("10.1.2.4"))))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,), verified=True)
def _address_as_a_name(plan: Plan, leaf: Draft) -> None:
    plan.host = plan.place.address
    leaf.says(_names(plan.host))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,), on_loopback=False)
def _underscore(plan: Plan, leaf: Draft) -> None:
    plan.host = "erp_1.example.com"
    leaf.says(_names(plan.host))


@_kind("HOST_NOT_IN_CERTIFICATE", at=(LEAF,))
def _mail_addresses_alone(_: Plan, leaf: Draft) -> None:
    leaf.says(_only(x509.RFC822Name("erp@example.com")))


@_odd(at=(LEAF,))
def _address_as_an_address(plan: Plan, leaf: Draft) -> None:
    plan.host = plan.place.address
    leaf.says(_only(x509.IPAddress(ipaddress.ip_address(plan.host))))


@_odd(at=(LEAF,), on_loopback=False)
def _wildcard(_: Plan, leaf: Draft) -> None:
    leaf.says(_names("*.example.com"))


@_odd(at=(LEAF,))
def _capitals(plan: Plan, leaf: Draft) -> None:
    leaf.says(_names(plan.place.host.title()))


# Who vouches for it


@_kind("CERTIFICATE_SELF_SIGNED", at=(LEAF,))
def _signed_by_itself(plan: Plan, leaf: Draft) -> None:
    leaf.issuer = None
    plan.sent = [leaf]


@_kind("ROOT_UNTRUSTED", severity=M)
def _another_root_is_trusted_and_this_one_sent(plan: Plan, _: Draft) -> Draft:
    plan.sent.append(plan.root)
    plan.roots = [plan.authority("Another root", None)]
    return plan.root


@_kind("ROOT_UNTRUSTED", severity=M)
def _another_root_is_trusted(plan: Plan, _: Draft) -> Draft:
    plan.roots = [plan.authority("Another root", None)]
    return plan.authorities[-1]


@_kind("ROOT_UNTRUSTED", severity=M)
def _root_of_the_same_name_is_trusted(plan: Plan, _: Draft) -> Draft:
    plan.roots = [plan.root.twin(key=plan.key())]
    return plan.authorities[-1]


@_kind("ROOT_UNTRUSTED", severity=M)
def _root_of_the_same_name_and_another_kind_of_key_is_trusted(plan: Plan, _: Draft) -> Draft:
    plan.roots = [plan.root.twin(key=plan.other_key(plan.root))]
    return plan.authorities[-1]


@_kind("ROOT_UNTRUSTED", severity=M)
def _root_of_the_same_name_and_another_kind_of_key_is_trusted_and_this_one_sent(plan: Plan, _: Draft) -> Draft:
    plan.sent.append(plan.root)
    plan.roots = [plan.root.twin(key=plan.other_key(plan.root))]
    return plan.root


@_kind("ROOT_UNTRUSTED", severity=M)
def _circle(plan: Plan, _: Draft) -> None:
    other = plan.authority("Other", plan.root)
    plan.root.issuer, plan.root.follows_issuer = other, True
    plan.sent += [plan.root, other]
    plan.roots = [plan.authority("Another root", None)]


# How it is signed


def _flip(der: bytes) -> bytes:
    changed = bytearray(der)
    changed[-8] ^= 1
    return bytes(changed)


@_kind("SIGNATURE_WRONG", at=(LEAF, ISSUING, UPPER))
def _signature_changed(_: Plan, draft: Draft) -> None:
    draft.finish = _flip


@_kind("SIGNATURE_WRONG", at=(LEAF, ISSUING))
def _signed_by_another_key(plan: Plan, draft: Draft) -> None:
    draft.signer = plan.key()


@_kind("SIGNATURE_WRONG", at=(LEAF, ISSUING))
def _signed_by_another_kind_of_key(plan: Plan, draft: Draft) -> None:
    draft.signer = plan.other_key(draft.issuer or draft)


@_odd(at=(ROOT,))
def _root_signature_changed(_: Plan, draft: Draft) -> None:
    """Nobody relies on a root's own signature."""
    draft.algorithm = ""


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING), kinds=("rsa",))
def _algorithms_differ(_: Plan, draft: Draft) -> None:
    draft.written_algorithm = "rsa-sha384"


# What its authorities may do


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, UPPER, ROOT))
def _no_authority(_: Plan, draft: Draft) -> None:
    draft.says(x509.BasicConstraints(ca=False, path_length=None), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, UPPER, ROOT))
def _no_basic_constraints(_: Plan, draft: Draft) -> None:
    draft.lacks(x509.BasicConstraints)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, UPPER, ROOT))
def _may_not_sign(_: Plan, draft: Draft) -> None:
    draft.says(usage("digital_signature", "crl_sign"), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, UPPER, ROOT))
def _for_clients_only(_: Plan, draft: Draft) -> None:
    draft.says(x509.ExtendedKeyUsage([_CLIENT_AUTH]))


@_kind("CA_CONSTRAINT_BROKEN", at=(LEAF,))
def _leaf_for_clients_only(_: Plan, leaf: Draft) -> None:
    leaf.says(x509.ExtendedKeyUsage([_CLIENT_AUTH]))


@_kind("CA_CONSTRAINT_BROKEN", at=(LEAF,))
def _leaf_for_any_purpose_but_not_for_servers(_: Plan, leaf: Draft) -> None:
    leaf.says(x509.ExtendedKeyUsage([_ANY_PURPOSE]))


@_kind("CA_CONSTRAINT_BROKEN", at=(LEAF,))
def _authority_that_names_the_host(_: Plan, leaf: Draft) -> None:
    leaf.says(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    leaf.says(usage("digital_signature", "key_cert_sign"), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", "HOST_NOT_IN_CERTIFICATE", at=(LEAF,), on_loopback=False)
def _authority_in_the_servers_place(plan: Plan, _: Draft) -> Draft:
    plan.sent = plan.sent[1:]
    return plan.sent[0]


@_kind("CA_CONSTRAINT_BROKEN", at=(LEAF,))
def _leaf_that_may_sign_certificates(_: Plan, leaf: Draft) -> None:
    leaf.says(usage("digital_signature", "key_cert_sign"), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(LEAF,), on_loopback=False)
def _leaf_that_may_not_be_used_for_tls(_: Plan, leaf: Draft) -> None:
    leaf.says(usage("data_encipherment"), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(UPPER,))
def _allows_no_intermediate(_: Plan, draft: Draft) -> None:
    draft.says(x509.BasicConstraints(ca=True, path_length=0), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ROOT,))
def _root_allows_no_intermediate(_: Plan, draft: Draft) -> None:
    draft.says(x509.BasicConstraints(ca=True, path_length=0), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ROOT,), least=3)
def _root_allows_one_intermediate(_: Plan, draft: Draft) -> None:
    draft.says(x509.BasicConstraints(ca=True, path_length=1), critical=True)


@_odd(at=(ISSUING,))
def _path_length_that_suffices(_: Plan, draft: Draft) -> None:
    draft.says(x509.BasicConstraints(ca=True, path_length=0), critical=True)


def _renew(plan: Plan, upper: Draft, path_length: int) -> None:
    """Let an authority sign a new key of its own, which signs what stands below."""
    upper.says(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    renewed = upper.twin(key=plan.key(), issuer=upper)
    plan.authorities[-2].issuer = renewed
    plan.authorities.insert(-1, renewed)
    plan.sent = [plan.leaf, *plan.authorities]


@_kind("CONSTRAINT_NOT_JUDGED", severity=M, at=(UPPER,))
def _path_length_that_suffices_unless_renewed_keys_count(plan: Plan, draft: Draft) -> None:
    _renew(plan, draft, len(plan.authorities) - 1)


@_odd(at=(UPPER,))
def _path_length_that_suffices_though_renewed_keys_count(plan: Plan, draft: Draft) -> None:
    _renew(plan, draft, len(plan.authorities))


@_kind("CA_CONSTRAINT_BROKEN")
def _too_many_intermediates(plan: Plan, leaf: Draft) -> Draft:
    for number in range(8):
        above = plan.authorities[0]
        plan.authorities.insert(0, plan.authority(f"Further intermediate {number}", above))
    leaf.issuer = plan.authorities[0]
    plan.sent = [leaf, *plan.authorities]
    return leaf


def _constrain(
    draft: Draft, permitted: list[x509.GeneralName], excluded: list[x509.GeneralName], *, critical: bool
) -> None:
    draft.says(x509.NameConstraints(permitted or None, excluded or None), critical=critical)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, UPPER, ROOT))
def _host_not_permitted(_: Plan, draft: Draft) -> None:
    _constrain(draft, [x509.DNSName("example.org")], [], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _host_not_permitted_and_not_critical(_: Plan, draft: Draft) -> None:
    _constrain(draft, [x509.DNSName("example.org")], [], critical=False)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, ROOT))
def _host_excluded(plan: Plan, draft: Draft) -> None:
    _constrain(draft, [], [x509.DNSName(plan.place.domain)], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _address_not_permitted(plan: Plan, draft: Draft) -> None:
    plan.host = plan.place.address
    plan.leaf.says(_only(x509.IPAddress(ipaddress.ip_address(plan.host))))
    _constrain(draft, [x509.IPAddress(ipaddress.ip_network("10.2.0.0/16"))], [], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _mail_not_permitted(plan: Plan, draft: Draft) -> None:
    plan.leaf.says(_only(x509.DNSName(plan.place.host), x509.RFC822Name("a@example.org")))
    _constrain(draft, [x509.RFC822Name("example.com")], [], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _mail_in_the_subject_not_permitted(plan: Plan, draft: Draft) -> None:
    subject = drafts.name((NameOID.COMMON_NAME, plan.place.host, UTF8), (NameOID.EMAIL_ADDRESS, "a@example.org", IA5))
    plan.leaf.subject = subject
    _constrain(draft, [x509.RFC822Name("example.com")], [], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _uri_not_permitted(plan: Plan, draft: Draft) -> None:
    plan.leaf.says(_only(x509.DNSName(plan.place.host), x509.UniformResourceIdentifier("https://erp.example.org/x")))
    _constrain(draft, [x509.UniformResourceIdentifier(".example.com")], [], critical=True)


@_kind("CONSTRAINT_NOT_JUDGED", severity=M, at=(ISSUING,))
def _uri_permitted(plan: Plan, draft: Draft) -> None:
    plan.leaf.says(_only(x509.DNSName(plan.place.host), x509.UniformResourceIdentifier("https://erp.example.com/x")))
    _constrain(draft, [x509.UniformResourceIdentifier(".example.com")], [], critical=True)


_ORGANISATION = drafts.name((NameOID.ORGANIZATION_NAME, "Draft", UTF8))
_OTHER_ORGANISATION = drafts.name((NameOID.ORGANIZATION_NAME, "Another", UTF8))


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, ROOT))
def _directory_name_not_permitted(_: Plan, draft: Draft) -> None:
    _constrain(draft, [drafts.directory_name(_OTHER_ORGANISATION)], [], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, ROOT))
def _directory_name_not_permitted_and_not_critical(_: Plan, draft: Draft) -> None:
    _constrain(draft, [drafts.directory_name(_OTHER_ORGANISATION)], [], critical=False)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _directory_name_excluded(_: Plan, draft: Draft) -> None:
    _constrain(draft, [], [drafts.directory_name(_ORGANISATION)], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _directory_name_excluded_and_not_critical(_: Plan, draft: Draft) -> None:
    _constrain(draft, [], [drafts.directory_name(_ORGANISATION)], critical=False)


@_kind("CONSTRAINT_NOT_JUDGED", severity=M, at=(ISSUING, ROOT))
def _directory_name_permitted(plan: Plan, draft: Draft) -> None:
    _constrain(draft, [x509.DNSName(plan.place.domain), drafts.directory_name(_ORGANISATION)], [], critical=True)


@_odd(at=(ISSUING, ROOT))
def _directory_name_permitted_and_not_critical(_: Plan, draft: Draft) -> None:
    _constrain(draft, [drafts.directory_name(_ORGANISATION)], [], critical=False)


@_odd(at=(ISSUING,))
def _directory_name_permitted_in_another_case(_: Plan, draft: Draft) -> None:
    same = drafts.name((NameOID.ORGANIZATION_NAME, "DRAFT", PRINTABLE))
    _constrain(draft, [drafts.directory_name(same)], [], critical=False)


@_odd(at=(ISSUING, UPPER, ROOT))
def _host_permitted(plan: Plan, draft: Draft) -> None:
    _constrain(draft, [x509.DNSName(plan.place.domain)], [x509.DNSName("other.example.com")], critical=True)


@_odd(at=(ISSUING,))
def _mail_permitted(plan: Plan, draft: Draft) -> None:
    plan.leaf.says(_only(x509.DNSName(plan.place.host), x509.RFC822Name("a@example.com")))
    _constrain(draft, [x509.RFC822Name("example.com")], [], critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,))
def _constraint_that_is_no_name(plan: Plan, draft: Draft) -> None:
    _constrain(draft, [x509.DNSName(f".{plan.place.domain}")], [], critical=True)


# What form it has


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING, ROOT))
def _serial_number_negative(_: Plan, draft: Draft) -> None:
    draft.serial = -draft.serial


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _serial_number_too_long(_: Plan, draft: Draft) -> None:
    draft.serial = 1 << 170


@_odd(at=(LEAF, ISSUING))
def _serial_number_of_21_bytes(_: Plan, draft: Draft) -> None:
    draft.serial = (1 << 160) - 1


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING, ROOT))
def _dates_in_the_long_form(_: Plan, draft: Draft) -> None:
    draft.long_dates = True


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ROOT))
def _version_1(_: Plan, draft: Draft) -> None:
    draft.version = 1


@_kind("CERTIFICATE_IRREGULAR", at=(ISSUING,))
def _version_1_of_an_intermediate(_: Plan, draft: Draft) -> None:
    draft.version = 1


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING, ROOT))
def _unknown_critical(_: Plan, draft: Draft) -> None:
    draft.extensions[_UNKNOWN] = (True, _NULL)


@_odd(at=(LEAF, ISSUING, ROOT))
def _unknown_not_critical(_: Plan, draft: Draft) -> None:
    draft.extensions[_UNKNOWN] = (False, _NULL)


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _authority_key_critical(_: Plan, draft: Draft) -> None:
    held = draft.issuer.held_identifier() if draft.issuer else None
    draft.says(x509.AuthorityKeyIdentifier(held, None, None), critical=True)


@_kind("CERTIFICATE_IRREGULAR", at=(ISSUING, ROOT))
def _subject_key_critical(_: Plan, draft: Draft) -> None:
    draft.says(x509.SubjectKeyIdentifier(drafts.key_identifier(draft.key)), critical=True)


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _access_critical(plan: Plan, draft: Draft) -> None:
    draft.says(plan.found_at("x"), critical=True)


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF,))
def _constraints_of_a_server(plan: Plan, draft: Draft) -> None:
    _constrain(draft, [x509.DNSName(plan.place.domain)], [], critical=False)


@_odd("CERTIFICATE_IRREGULAR", at=(ISSUING, UPPER, ROOT))
def _no_key_usage(_: Plan, draft: Draft) -> None:
    draft.lacks(x509.KeyUsage)


@_odd("CERTIFICATE_IRREGULAR", at=(ISSUING, UPPER, ROOT))
def _basic_constraints_not_critical(_: Plan, draft: Draft) -> None:
    draft.says(x509.BasicConstraints(ca=True, path_length=None))


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF,))
def _no_authority_key(_: Plan, draft: Draft) -> None:
    draft.follows_issuer = False


@_odd(at=(ISSUING,))
def _no_authority_key_of_an_intermediate(_: Plan, draft: Draft) -> None:
    draft.follows_issuer = False


@_odd(at=(ISSUING, ROOT))
def _no_subject_key(plan: Plan, draft: Draft) -> None:
    below = plan.leaf if draft is plan.authorities[0] else plan.authorities[-1]
    below.says(x509.AuthorityKeyIdentifier(draft.held_identifier(), None, None))
    draft.lacks(x509.SubjectKeyIdentifier)


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF,))
def _names_critical(plan: Plan, draft: Draft) -> None:
    draft.says(_names(plan.place.host), critical=True)


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF,))
def _no_subject_and_names_not_critical(_: Plan, draft: Draft) -> None:
    draft.subject = drafts.name()


@_odd(at=(LEAF,))
def _no_subject(plan: Plan, draft: Draft) -> None:
    draft.subject = drafts.name()
    draft.says(_names(plan.place.host), critical=True)


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _purpose_critical(_: Plan, draft: Draft) -> None:
    draft.says(x509.ExtendedKeyUsage([_SERVER_AUTH]), critical=True)


@_odd(at=(ISSUING, ROOT))
def _for_servers(_: Plan, draft: Draft) -> None:
    draft.says(x509.ExtendedKeyUsage([_SERVER_AUTH, _CLIENT_AUTH]))


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF,))
def _no_authority_with_a_path_length(_: Plan, draft: Draft) -> None:
    draft.extensions[x509.BasicConstraints.oid.dotted_string] = (True, bytes.fromhex("3003020100"))


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _unknown_feature_of_tls(_: Plan, draft: Draft) -> None:
    draft.extensions[x509.TLSFeature.oid.dotted_string] = (False, bytes.fromhex("3003020104"))


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _policies_that_cannot_be_read(_: Plan, draft: Draft) -> None:
    draft.extensions[x509.CertificatePolicies.oid.dotted_string] = (False, bytes.fromhex("0500"))


_POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.99999.2")
_POLICIES = x509.CertificatePolicies([x509.PolicyInformation(_POLICY, None)])
_ANY_POLICY = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)])


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING, ROOT))
def _policies_critical(_: Plan, draft: Draft) -> None:
    draft.says(_POLICIES, critical=True)


@_odd(at=(LEAF, ISSUING, ROOT))
def _policies(_: Plan, draft: Draft) -> None:
    draft.says(_POLICIES)


@_odd("CERTIFICATE_IRREGULAR", at=(ISSUING, ROOT))
def _any_policy_inhibited(_: Plan, draft: Draft) -> None:
    draft.says(x509.InhibitAnyPolicy(0), critical=True)


@_odd("CERTIFICATE_IRREGULAR", at=(ISSUING,))
def _policies_mapped(_: Plan, draft: Draft) -> None:
    pair = drafts.encoded([drafts.oid(_POLICY.dotted_string), drafts.oid(f"{_POLICY.dotted_string}.1")])
    draft.says(_POLICIES)
    draft.extensions["2.5.29.33"] = (True, drafts.encoded([pair]))


@_odd("CERTIFICATE_IRREGULAR", at=(ISSUING,))
def _policy_required_and_there(plan: Plan, draft: Draft) -> None:
    draft.says(x509.PolicyConstraints(0, None), critical=True)
    for each in (plan.leaf, *plan.authorities):
        each.says(_POLICIES)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING, UPPER), also=("CERTIFICATE_IRREGULAR",))
def _policy_required_and_lacking(_: Plan, draft: Draft) -> None:
    draft.says(x509.PolicyConstraints(0, None), critical=True)


@_kind("CA_CONSTRAINT_BROKEN", at=(ISSUING,), also=("CERTIFICATE_IRREGULAR",))
def _policy_required_and_another_there(plan: Plan, draft: Draft) -> None:
    draft.says(x509.PolicyConstraints(0, None), critical=True)
    for each in plan.authorities:
        each.says(_ANY_POLICY)
    draft.says(_POLICIES)
    plan.leaf.says(
        x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(f"{_POLICY.dotted_string}.9"), None)])
    )


@_odd("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING))
def _revocation_lists_critical(_: Plan, draft: Draft) -> None:
    place = x509.UniformResourceIdentifier("http://crl.example.com/x")
    draft.says(x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)]), critical=True)


# Which keys it names


@_kind("KEY_IDENTIFIERS_DIFFER", severity=M, at=(LEAF, ISSUING), verified=True)
def _authority_key_of_another(_: Plan, draft: Draft) -> None:
    draft.says(x509.AuthorityKeyIdentifier(b"another key's ident.", None, None))


@_kind("KEY_IDENTIFIERS_DIFFER", severity=M, at=(LEAF, ISSUING), verified=True)
def _issuer_and_serial_number_of_another(plan: Plan, draft: Draft) -> None:
    issuer = draft.issuer or plan.root
    another = drafts.directory_name(drafts.plain_name("Another"))
    draft.says(x509.AuthorityKeyIdentifier(issuer.held_identifier(), [another], 4711))


@_kind("KEY_IDENTIFIERS_DIFFER", severity=M, at=(ISSUING, ROOT), verified=True)
def _subject_key_renamed(plan: Plan, draft: Draft) -> Draft:
    below = plan.leaf if draft is plan.authorities[0] else plan.authorities[-1]
    below.says(x509.AuthorityKeyIdentifier(draft.held_identifier(), None, None))
    draft.says(x509.SubjectKeyIdentifier(b"renamed"))
    return below


@_odd("KEY_IDENTIFIERS_DIFFER", at=(ROOT,))
def _root_with_the_key_of_another(_: Plan, draft: Draft) -> None:
    draft.says(x509.AuthorityKeyIdentifier(b"another key's ident.", None, None))


@_odd(at=(LEAF, ISSUING))
def _issuer_and_serial_number(plan: Plan, draft: Draft) -> None:
    issuer = draft.issuer or plan.root
    above = drafts.directory_name((issuer.issuer or issuer).subject)
    draft.says(x509.AuthorityKeyIdentifier(issuer.held_identifier(), [above], issuer.serial))


@_odd("CERTIFICATE_IRREGULAR", at=(ISSUING,))
def _issuer_and_serial_number_alone(plan: Plan, draft: Draft) -> None:
    issuer = draft.issuer or plan.root
    above = drafts.directory_name((issuer.issuer or issuer).subject)
    draft.says(x509.AuthorityKeyIdentifier(None, [above], issuer.serial))


# How it writes names


def _rewritten(common_name: str, tag: int, organisation: str = "Draft") -> bytes:
    return drafts.name((NameOID.ORGANIZATION_NAME, organisation, tag), (NameOID.COMMON_NAME, common_name, tag))


@_kind("NAME_FORM_DIFFERS", severity=M, at=(LEAF, ISSUING))
def _issuer_in_another_kind_of_string(plan: Plan, draft: Draft) -> None:
    draft.written_issuer = _rewritten((draft.issuer or plan.root).common_name, PRINTABLE)


@_kind("NAME_FORM_DIFFERS", severity=M, at=(LEAF, ISSUING))
def _issuer_in_capitals(plan: Plan, draft: Draft) -> None:
    draft.written_issuer = _rewritten((draft.issuer or plan.root).common_name.upper(), UTF8, "DRAFT")


@_kind("NAME_FORM_DIFFERS", severity=M, at=(LEAF,))
def _issuer_with_further_blanks(plan: Plan, draft: Draft) -> None:
    draft.written_issuer = _rewritten(f" {(draft.issuer or plan.root).common_name.replace(' ', '   ')} ", UTF8)


@_odd("NAME_FORM_DIFFERS", at=(ROOT,))
def _own_name_in_another_kind_of_string(_: Plan, draft: Draft) -> None:
    draft.written_issuer = _rewritten(draft.common_name, PRINTABLE)


@_odd("NAME_FORM_DIFFERS", at=(ROOT,))
def _own_name_in_capitals(_: Plan, draft: Draft) -> None:
    draft.written_issuer = _rewritten(draft.common_name.upper(), UTF8, "DRAFT")


# How strong it is


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF,), verified=True)
def _small_key(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("rsa1024"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF,), verified=True)
def _rather_small_key(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("rsa1536"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING, UPPER, ROOT))
def _small_key_of_an_authority(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("rsa1024"))


@_odd("CERTIFICATE_WEAK", at=(LEAF, ISSUING))
def _key_of_no_whole_bytes(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("rsa2052"))


@_odd("CERTIFICATE_WEAK", at=(LEAF,), on_loopback=False)
def _curve_of_coins(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("secp256k1"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING, ROOT))
def _curve_of_coins_of_an_authority(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("secp256k1"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING,))
def _curve_of_224_bits(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("p224"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING,))
def _brainpool_curve(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("brainpool"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING, ROOT))
def _ed25519_authority(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("ed25519"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING,))
def _ed448_authority(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("ed448"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING,))
def _dsa_authority(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("dsa"))


@_odd(at=(LEAF, ISSUING, ROOT))
def _curve_of_521_bits(plan: Plan, draft: Draft) -> None:
    _with_key(draft, plan.key("p521"))


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF, ISSUING, UPPER), kinds=("rsa",))
def _signed_with_sha1(_: Plan, draft: Draft) -> None:
    draft.algorithm = "rsa-sha1"


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF, ISSUING), kinds=("p256", "p384"))
def _signed_with_ecdsa_and_sha1(_: Plan, draft: Draft) -> None:
    draft.algorithm = "ecdsa-sha1"


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF, ISSUING), kinds=("rsa",))
def _signed_with_md5(_: Plan, draft: Draft) -> None:
    draft.algorithm = "rsa-md5"


@_odd(at=(ROOT,), kinds=("rsa",))
def _root_signed_with_sha1(_: Plan, draft: Draft) -> None:
    draft.algorithm = "rsa-sha1"


@_odd(at=(LEAF, ISSUING), kinds=("rsa",))
def _signed_with_pss(_: Plan, draft: Draft) -> None:
    draft.algorithm = "pss"


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF, ISSUING), kinds=("rsa",))
def _signed_with_pss_of_an_odd_salt(_: Plan, draft: Draft) -> None:
    draft.algorithm = "pss-odd-salt"


@_kind("CERTIFICATE_IRREGULAR", at=(LEAF, ISSUING), kinds=("rsa",))
def _algorithm_without_its_parameter(_: Plan, draft: Draft) -> None:
    draft.algorithm = "rsa-sha256-without-null"


@_kind("CERTIFICATE_WEAK", severity=M, at=(LEAF,), verified=True, kinds=("p256", "p384"), on_loopback=False)
def _curve_written_out(_: Plan, draft: Draft) -> None:
    draft.spki = with_explicit_curve(draft.key)


@_kind("CERTIFICATE_WEAK", severity=M, at=(ISSUING, ROOT), kinds=("p256",))
def _curve_written_out_of_an_authority(_: Plan, draft: Draft) -> None:
    draft.spki = with_explicit_curve(draft.key)


def _with_key(draft: Draft, other: Key) -> None:
    draft.key = other
    draft.says(x509.SubjectKeyIdentifier(drafts.key_identifier(other)))


# prime, a, b, generator and order of both curves (FIPS 186-4, D.1.2)
_P256 = """
    00ffffffff00000001000000000000000000000000ffffffffffffffffffffffff
    ffffffff00000001000000000000000000000000fffffffffffffffffffffffc
    5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
    046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5
    00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
"""
_P384 = """
    00fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff
    fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc
    b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef
    04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f
    00ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973
"""


def with_explicit_curve(of: Key) -> bytes:
    """Return the public key with its curve written out in place of its name (RFC 5480, 2.1.1 forbids it)."""
    assert isinstance(of, ec.EllipticCurvePrivateKey)
    plain = drafts.public_bytes(of)
    curve = _P384 if of.public_key().key_size == 384 else _P256
    prime, first, second, generator, order = (bytes.fromhex(each) for each in curve.split())
    field_of = element(0x30, drafts.oid("1.2.840.10045.1.1") + element(0x02, prime))
    equation = element(0x30, element(0x04, first) + element(0x04, second))
    parts = element(0x02, b"\x01") + field_of + equation + element(0x04, generator) + element(0x02, order)
    algorithm = element(0x30, drafts.oid("1.2.840.10045.2.1") + element(0x30, parts + element(0x02, b"\x01")))
    return element(0x30, algorithm + element(0x03, b"\x00" + plain[-len(generator) :]))


# What cannot be read


def _break_names(der: bytes) -> bytes:
    """Break names or basic constraints inside a frame that stays whole; where there are none, cut it off."""
    for mark in (bytes.fromhex("0603551d11"), bytes.fromhex("0603551d13")):
        if mark in der:
            start = der.index(b"\x04", der.index(mark) + len(mark)) + 2
            return der[:start] + bytes([der[start] ^ 0x1F]) + der[start + 1 :]
    return der[:-20]


@_kind("CERTIFICATE_UNREADABLE", at=(LEAF, ISSUING), on_loopback=False)
def _names_or_constraints_damaged(_: Plan, draft: Draft) -> None:
    draft.finish = _break_names


@_kind("CERTIFICATE_UNREADABLE", at=(ISSUING,), on_loopback=False)
def _cut_off(_: Plan, draft: Draft) -> None:
    draft.finish = lambda der: der[:-20]


Footprint = frozenset[tuple[object, ...]]
"""Which parts of a plan a kind of fault changes."""


def footprint(kind: Kind, now: datetime, key_kind: str, intermediates: int) -> Footprint:
    """Return what a kind changes in a plan, so that two kinds are only put together if neither undoes the other."""
    plan = Plan(now, key_kind, intermediates, ELSEWHERE)
    before = _parts(plan)
    kind.change(plan, plan.at(kind.place or LEAF))
    after = _parts(plan)
    return frozenset(part for part in before.keys() | after.keys() if before.get(part) != after.get(part))


def _parts(plan: Plan) -> dict[tuple[object, ...], object]:
    lists = {("sent",): plan.sent, ("roots",): plan.roots, ("fetched",): plan.fetched}
    found: dict[tuple[object, ...], object] = {name: tuple(map(id, each)) for name, each in lists.items()}
    found["host",] = plan.host
    for number, draft in enumerate((plan.leaf, *plan.authorities[-MOST_INTERMEDIATES:], plan.root)):
        values: dict[str, list[object]] = {_TOGETHER.get(name, name): [] for name in vars(draft)}
        for name, value in vars(draft).items():
            values[_TOGETHER.get(name, name)].append(value)
        found.update({(number, name): tuple(said) for name, said in values.items() if name != "extensions"})
        found.update({(number, oid): said for oid, said in draft.extensions.items()})
    return found


_TOGETHER = {
    "start": "dates",
    "end": "dates",
    "spki": "key",
    "written_issuer": "issuer",
    **dict.fromkeys(("algorithm", "written_algorithm", "finish"), "signer"),
}
"""What counts as one part of a draft: two changes of it undo each other."""


def pairs() -> Iterator[tuple[Kind, Kind]]:
    """Yield every two grave things that may be wrong with one chain together."""
    grave = [each for each in KINDS if each.severity and each.severity > m]
    for number, one in enumerate(grave):
        for other in grave[number + 1 :]:
            if one.name != other.name and set(one.kinds) & set(other.kinds):
                yield one, other
