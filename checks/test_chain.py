"""Is the certificate chain that the server sends complete, valid and genuine?"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain.host_names import named_hosts
from pse_preflight.chain.inspection import dropped_root, inspection_product
from pse_preflight.chain.judge import Judgement
from pse_preflight.chain.sap_roots import SapRoots
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.der import elements
from pse_preflight.endpoint.model import Endpoint
from pse_preflight.landscape.system import System
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.proof import Holds
from pse_preflight.verdict.trust import Trust

pytestmark = [pytest.mark.chain, pytest.mark.network]

RSA_BITS, CURVES, HASHES = 2048, {"secp256r1", "secp384r1", "secp521r1"}, {"sha256", "sha384", "sha512"}
DECIDING = {
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}
"""Extensions without which nobody can tell what a certificate is for."""
USUALLY_CRITICAL = DECIDING - {ExtensionOID.AUTHORITY_INFORMATION_ACCESS}
NOT_VERIFIED = (Code.ROOT_UNTRUSTED, Code.CONSTRAINT_NOT_JUDGED, Code.NAME_FORM_DIFFERS, Code.CA_CONSTRAINT_BROKEN)
"""What may be milder than a blocker, and keeps a path from being verified all the same."""


def test_tls_handshake_succeeds(endpoint: Endpoint, evidence: Evidence, holds: Holds) -> None:
    """TLS 1.2 works, which every release of SAP's library speaks."""
    seen = evidence.observations
    holds(endpoint.tls_version)
    holds(endpoint.tls_12, unless=Code.TLS_13_ONLY)
    issuers = {each.presented[1:] for each in seen.addresses if each.presented}
    holds(len(issuers) <= 1, unless=Code.ADDRESSES_DIFFER)
    sent = tuple(hashlib.sha256(der).hexdigest() for der in endpoint.presented)
    holds(seen.recorded is None or seen.noted == sent, unless=Code.EVIDENCE_INCONSISTENT)


def test_certificate_names_the_host(system: System, chain: Judgement, holds: Holds) -> None:
    """The server certificate names the host among its alternative names."""
    host = system.url.host
    names = {name.lower() for name in named_hosts(chain.leaf)} if chain.leaf else set()
    holds(names & {host, f"*.{host.partition('.')[2]}"})


def test_chain_is_complete(chain: Judgement, endpoint: Endpoint, holds: Holds) -> None:
    """The server sends every intermediate, in order, and nothing else but its root."""
    path, sent = chain.best, endpoint.presented
    others = readable(beside(path, sent))
    is_open = not chain.path and not any(each.is_self_issued for each in path[-1:])
    judged = [each for each in others if not is_open or is_servers(each)]
    omitted = (Code.SERVER_OMITS_INTERMEDIATE, Code.SERVER_SENDS_WRONG_INTERMEDIATE)
    spare = (Code.CHAIN_HAS_EXTRAS, Code.SERVER_SENDS_WRONG_INTERMEDIATE)
    useful = useful_for((*path, *others), endpoint.asked_at)
    holds.of_each(below_the_root(chain), lambda each: each.der in sent, unless=omitted)
    holds(is_in_order(path, sent), unless=Code.CHAIN_OUT_OF_ORDER)
    holds.of_each(judged, lambda each: each in useful, unless=spare, at_least=0)
    holds.of_each((*path, *others), lambda each: sent.count(each.der) <= 1, unless=Code.CHAIN_HAS_EXTRAS)


def beside(path: Sequence[Certificate], sent: Sequence[bytes]) -> Sequence[bytes]:
    """Return what was sent and is no part of the path."""
    return [der for der in sent if der not in {each.der for each in path}]


def below_the_root(chain: Judgement) -> Sequence[Certificate]:
    """Return what a server has to send: its certificate, and the path up to its root, or to what the PSE trusts."""
    path = chain.best
    has_end = chain.path or any(each.is_self_issued for each in path[-1:])
    return (*path[:1], *(path[1:-1] if has_end else path[1:]))


def is_servers(certificate: Certificate) -> bool:
    """Tell whether it is a server's; whether an authority's belongs above a missing one, nobody can tell."""
    constraints = certificate.extension(x509.BasicConstraints)
    return bool(named_hosts(certificate)) and not (constraints and constraints.ca)


def useful_for(certificates: Sequence[Certificate], moment: datetime) -> Sequence[Certificate]:
    """Return what may stand on another path than the one that was found: roots, and issuers that have not ended."""
    issuers = {each.issuer for each in certificates if not each.is_self_issued}
    return [
        each for each in certificates if each.is_self_issued or (each.subject in issuers and each.not_after >= moment)
    ]


def is_in_order(path: Sequence[Certificate], sent: Sequence[bytes]) -> bool:
    """Tell whether the server's certificate comes first, and its issuers after it as they sign; roots have no place."""
    placed = [each for each in path if each.der in sent and (each == path[0] or not each.is_self_issued)]
    places = [sent.index(each.der) for each in placed]
    return places[:1] == [0] and places == sorted(places)


def test_chain_is_valid(chain: Judgement, endpoint: Endpoint, evidence: Evidence, holds: Holds) -> None:
    """Each certificate up to a root is in its time, well signed and allowed to do what it does."""
    spare, roots = beside(chain.best, endpoint.presented), evidence.roots
    holds(chain.path, unless=NOT_VERIFIED)
    holds.of_each(chain.best, is_regular, unless=Code.CERTIFICATE_IRREGULAR)
    in_form = (Code.CERTIFICATE_IRREGULAR, Code.CERTIFICATE_UNREADABLE)
    holds.of_each(chain.best[: len(chain.best) - is_its_own_root(chain)], is_in_usual_form, unless=in_form, at_least=0)
    is_allowed = has_required_policies(chain.path) and (is_its_own_root(chain) or is_for_tls(chain.path[:1]))
    holds(is_allowed, unless=NOT_VERIFIED)
    issuers = dict(pairwise(chain.path)) | {each: each for each in chain.path[-1:] if each.is_self_issued}
    fits = partial(names_its_issuer, issuers=issuers)
    naming = (Code.KEY_IDENTIFIERS_DIFFER, Code.NAME_FORM_DIFFERS)
    holds.of_each(chain.path[: len(chain.path) - is_its_own_root(chain)], fits, unless=naming, at_least=0)
    others = {each.presented[:1] for each in evidence.observations.addresses} - {endpoint.presented[:1]}
    elsewhere = readable(der for first in others for der in first)
    current = partial(is_in_its_time, period=evidence.period)
    holds.of_each(elsewhere, current, unless=(Code.CERTIFICATE_EXPIRED, Code.CERTIFICATE_NOT_YET_VALID), at_least=0)
    holds(len(readable(spare)) == len(spare), unless=Code.CERTIFICATE_UNREADABLE)
    holds.of_each(readable(spare), is_readable, unless=Code.CERTIFICATE_UNREADABLE, at_least=0)
    holds(not roots.certificates or not roots.from_pse, unless=Code.ROOTS_FROM_PSE)
    holds(not roots.damaged, unless=Code.ROOTS_FILE_DAMAGED)


def is_in_its_time(certificate: Certificate, period: Period) -> bool:
    """Tell whether a certificate is valid from the beginning of the period to its end."""
    return certificate.not_before <= period.start and period.end <= certificate.not_after


def is_regular(certificate: Certificate) -> bool:
    """Tell whether an authority says so, and what its key is for, and whether a server's names have the usual form."""
    critical = {type(each.value): each.critical for each in certificate.extensions}
    constraints = certificate.extension(x509.BasicConstraints)
    if constraints and constraints.ca:
        return (critical[x509.BasicConstraints] and x509.KeyUsage in critical) or certificate.is_self_issued
    return certificate.is_self_issued or critical.get(x509.SubjectAlternativeName) is not bool(certificate.subject)


def is_its_own_root(chain: Judgement) -> bool:
    """Tell whether the server's certificate is all of the path; whoever pins it has judged its form."""
    return len(chain.best) == 1 and chain.best[0].is_self_issued


def is_in_usual_form(certificate: Certificate) -> bool:
    """Tell whether a strict reader reads all of it, and it marks nothing as critical that clients may not know."""
    critical = {each.oid for each in certificate.extensions if each.critical}
    return not certificate.unread and critical <= USUALLY_CRITICAL


def is_readable(certificate: Certificate) -> bool:
    """Tell whether everything can be read that decides what a certificate is for."""
    return not {each.oid for each in certificate.unread} & DECIDING - {each.oid for each in certificate.extensions}


def is_for_tls(servers: Sequence[Certificate]) -> bool:
    """Tell whether a server's key may sign, or take keys, as TLS needs it; nothing is wrong where nothing is said."""
    usages = filter(None, (each.extension(x509.KeyUsage) for each in servers))
    return all(each.digital_signature or each.key_encipherment or each.key_agreement for each in usages)


def has_required_policies(path: Sequence[Certificate]) -> bool:
    """Tell whether every certificate is issued under some policy where one above it requires that (RFC 5280, 6.1)."""
    asked = path[:-1]
    counted = [each == asked[0] or not each.is_self_issued for each in asked]
    limits = [each.extension(x509.PolicyConstraints) for each in asked]
    required = any(
        limit and limit.require_explicit_policy is not None and limit.require_explicit_policy <= sum(counted[:below])
        for below, limit in enumerate(limits)
    )
    return not required or all(each.extension(x509.CertificatePolicies) for each in asked)


def names_its_issuer(certificate: Certificate, issuers: Mapping[Certificate, Certificate]) -> bool:
    """Tell whether a certificate writes its issuer's name and key identifiers as the issuer's own certificate does."""
    if certificate not in issuers:
        return True
    issuer = issuers[certificate]
    said, held = certificate.extension(x509.AuthorityKeyIdentifier), issuer.extension(x509.SubjectKeyIdentifier)
    key = said.key_identifier if said and held else None
    serial = said.authority_cert_serial_number if said else None
    has_key = key is None or (held is not None and key == held.digest)
    is_named = certificate.parsed.issuer.public_bytes() == issuer.parsed.subject.public_bytes()
    return is_named and has_key and serial in {None, issuer.serial_number}


def test_chain_is_not_inspected(system: System, chain: Judgement, evidence: Evidence, holds: Holds) -> None:
    """No TLS-inspecting proxy has re-signed the connection."""
    mozilla, saps = evidence.observations.known.mozilla, evidence.observations.known.sap_roots
    public = mozilla.fingerprints | {each.sha256 for each in saps.shipped.roots}
    private = not any(each.sha256 in public for each in chain.best[-1:])
    products = [each for each in chain.best if inspection_product(each.issuer)]
    holds(chain.best and not (private and products), unless=Code.TLS_INSPECTED)
    own_root = mozilla.certificates and private and len(chain.best) > 1 and ends_at_a_root_of_its_own(chain.best, saps)
    holds(not system.url.is_sap_cloud or not own_root, unless=Code.TLS_INSPECTED)


def ends_at_a_root_of_its_own(path: Sequence[Certificate], saps: SapRoots) -> bool:
    """Tell whether a path ends at a root that was never public, and leads to none of SAP's that it cross-signs."""
    top, listed = path[-1], saps.used
    unknown = top.is_self_issued and dropped_root(top) is None and listed.root(top.sha256) is None
    return unknown and not any(listed.named_in(each.parsed.subject) for each in path[1:-1])


def test_chain_outlasts_the_next_weeks(
    system: System, chain: Judgement, trust: Trust, period: Period, holds: Holds
) -> None:
    """Nothing that trust relies on ends soon."""
    path, days = trust.path or chain.path, system.expiry_days
    relied = trust.relied or path[-1:]
    renewed = [each for each in path if each not in relied]
    ending = (Code.CERTIFICATE_EXPIRES_SOON, Code.RENEWAL_DUE)
    least = least_days(days.ca, are_written=days.ca_is_written)
    holds.of_each(relied, lambda each: each.not_after - period.end > least(each), unless=ending[0])
    first = renewed[:1] if renewed and renewed[0] == path[0] else ()
    least = least_days(days.leaf, are_written=days.leaf_is_written)
    holds.of_each(first, lambda each: each.not_after - period.end > least(each), unless=ending, at_least=0)
    due = renewed if trust.rests_on_a_root else ()
    month = least_days(30, are_written=False)
    holds.of_each(due, lambda each: each.not_after - period.end > month(each), unless=ending, at_least=0)


def least_days(days: int, *, are_written: bool) -> Callable[[Certificate], timedelta]:
    """Return what tells how much of a certificate must be left: a third of its lifetime where nobody wrote the days."""
    most = timedelta(days=days)
    return lambda each: most if are_written else min(most, (each.not_after - each.not_before) / 3)


def test_chain_is_strong(chain: Judgement, holds: Holds) -> None:
    """No certificate has a weak signature or key."""
    holds.of_each(chain.best, has_a_strong_key, unless=Code.CERTIFICATE_WEAK)
    issuers = dict(pairwise(chain.best))
    signed = [each for each in chain.best if not each.is_self_issued]  # a root is trusted for being listed
    usual = [each for each in signed if each not in issuers or has_a_usual_key(issuers[each])]
    holds.of_each(usual, has_a_strong_signature, unless=Code.CERTIFICATE_WEAK, at_least=0)


def has_a_strong_key(certificate: Certificate) -> bool:
    """Tell whether it is RSA of at least 2048 bits and whole bytes, or on one of the usual curves, which it names."""
    key = certificate.public_key
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= RSA_BITS and key.key_size % 8 == 0
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        return False
    named = next(elements(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))).content
    return next(elements(named)).whole in certificate.der


def has_a_usual_key(certificate: Certificate) -> bool:
    """Tell whether it is of a kind that all clients know; what another kind signs is odd for the key's sake."""
    return isinstance(certificate.public_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)


def has_a_strong_signature(certificate: Certificate) -> bool:
    """Tell whether it is over a hash of SHA-2."""
    try:
        algorithm = certificate.parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return algorithm is not None and algorithm.name in HASHES
