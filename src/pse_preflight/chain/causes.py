"""The causes that a chain can be refused for, in words: one function per cause, certificates in, finding out."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.faults import Fault
from pse_preflight.chain.host_names import can_be_named, named_hosts, names_host_in_common_name_only
from pse_preflight.chain.inspection import dropped_root
from pse_preflight.chain.search import authority_key
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity
from pse_preflight.findings import Finding, finding

_MOST_NAMED = 4
_MOST_ADDRESSES = 2

_FIXES = {
    Code.CERTIFICATE_EXPIRED: (
        "have it renewed and the renewed one sent; if this machine's clock is fast, set the clock"
    ),
    Code.CERTIFICATE_NOT_YET_VALID: (
        "if this machine's clock is slow, set the clock; else have a valid certificate sent"
    ),
    Code.CA_CONSTRAINT_BROKEN: "have the certificate issued anew, by an authority that may issue it",
    Code.CERTIFICATE_IRREGULAR: "have the certificate issued anew, as RFC 5280 wants it",
    Code.CERTIFICATE_WEAK: "have it issued anew with SHA-256 or better and RSA 2048 or P-256 or better",
}
_FIX_OF_ENDED_ROOT = "have a chain sent that ends in a root of today, and name that root where this one is named"


def role(certificate: Certificate, path: Path) -> str:
    """Return what the certificate is to its path, in the user's words."""
    if certificate == path[0]:
        return "server certificate"
    return "root" if certificate == path[-1] and certificate.is_self_issued else "intermediate"


def issuer_addresses(certificate: Certificate) -> tuple[str, ...]:
    """Return the http addresses of the issuer's certificate (AIA caIssuers), two at most."""
    access = certificate.extension(x509.AuthorityInformationAccess) or ()
    addresses = [
        str(each.access_location.value)
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
    return tuple(dict.fromkeys(each for each in addresses if each.lower().startswith("http://")))[:_MOST_ADDRESSES]


def host_not_named(leaf: Certificate, host: str) -> Finding:
    """Say which hosts the certificate is for instead."""
    names = named_hosts(leaf)
    instead = f"it names {_some(names)}" if names else "it has no subject alternative name at all"
    if names_host_in_common_name_only(leaf, host):
        instead += "; a name that stands in the common name only does not count"
    if not can_be_named(host):
        instead += "; and no client takes this for a host name: it may hold letters, digits and hyphens only"
    return finding(
        Code.HOST_NOT_IN_CERTIFICATE,
        f"server certificate {leaf.label} does not name {host}; {instead}",
        fix=f"if `url` should name another host, correct it; else have a certificate sent that names {host}",
        certificates=[leaf.sha256],
    )


def nothing_sent() -> Finding:
    """Say that there is no certificate to judge."""
    return finding(Code.CERTIFICATE_UNREADABLE, "the server sent no certificate", fix="ask the SAP admin")


def unreadable(position: int, count: int, digest: str, reason: str, *, needed: bool) -> Finding:
    """Say which of the certificates sent cannot be read; positions count from one."""
    what = "the server certificate" if position == 1 else f"certificate {position} of {count} that the server sends"
    return finding(
        Code.CERTIFICATE_UNREADABLE,
        f"{what} (sha256 {digest[:12]}) cannot be read: {reason}",
        fix="have it issued anew, as RFC 5280 wants it" if needed else "have the server stop sending it",
        severity=None if needed else Severity.MINOR,
        certificates=[digest],
    )


def intermediate_missing(
    child: Certificate,
    held: Certificate | None,
    sent: Sequence[Certificate],
    instead: Sequence[Certificate],
    roots_name: str,
) -> Finding:
    """Say which intermediate the server does not send, and what it sends in its place.

    Args:
        child: the certificate whose issuer is missing.
        held: the missing one, where it was fetched or is among the roots.
        sent: everything that was sent.
        instead: authorities among it that do not fit.
    """
    needed = held.label if held else f'"{child.issuer_name}"'
    got = f"{_labels(instead)} instead" if instead else f"only {_names(sent)}"
    doubt = "" if held else f". Or, if {needed} is itself a root, that root is not in {roots_name}"
    return finding(
        Code.SERVER_SENDS_WRONG_INTERMEDIATE if instead else Code.SERVER_OMITS_INTERMEDIATE,
        f"the server does not send the intermediate {needed}, which signed {child.label}; it sends {got}"
        f"{_whereabouts(child)}{doubt}",
        fix=f"have the server send {needed} after its own certificate"
        + (f", and not {_labels(instead)}" if instead else ""),
        certificates=[child.sha256, *([held.sha256] if held else []), *(each.sha256 for each in instead)],
    )


def root_untrusted(path: Path, roots_name: str) -> Finding:
    """Say which root, sent along but not trusted, the chain ends in."""
    root = path[-1]
    return finding(
        Code.ROOT_UNTRUSTED,
        f"root {root.label} of this chain is not in {roots_name}{_past(root)}",
        fix=_trust_fix(root, "this root"),
        certificates=[root.sha256],
    )


def root_unknown(path: Path, namesakes: Sequence[Certificate], roots_name: str) -> Finding:
    """Say which root, not sent and not trusted, must have issued the last certificate of the chain."""
    last = path[-1]
    if namesakes:
        doubt = f"; one of that name, but with another key, is: {_labels(namesakes)}"
    else:
        doubt = _past(last) or ", and was not sent. Or it is no root, and the server omits this intermediate"
    return finding(
        Code.ROOT_UNTRUSTED,
        f'"{last.issuer_name}", which signed {role(last, path)} {last.label}, is not in {roots_name}{doubt}'
        + _whereabouts(last),
        fix=_trust_fix(last, "that root"),
        certificates=[last.sha256],
    )


def circle(path: Path, roots_name: str) -> Finding:
    """Say that authorities vouch for each other and no root for them."""
    return finding(
        Code.ROOT_UNTRUSTED,
        f"{role(path[-1], path)} {path[-1].label} and its issuers sign each other; none of them is in {roots_name}",
        fix=_trust_fix(path[-1], "one of them"),
        certificates=[each.sha256 for each in path[1:]],
    )


def too_long(path: Path, most: int) -> Finding:
    """Say that a path has more intermediates than clients follow."""
    return finding(
        Code.CA_CONSTRAINT_BROKEN,
        f"the path from {path[0].label} has more than {most} intermediates; the last one looked at is {path[-1].label}",
        fix="have a shorter chain sent",
        certificates=[path[0].sha256, path[-1].sha256],
    )


def self_signed(leaf: Certificate, roots_name: str) -> Finding:
    """Say that nobody vouches for the server certificate but itself."""
    return finding(
        Code.CERTIFICATE_SELF_SIGNED,
        f"server certificate {leaf.label} is signed by itself, and is not in {roots_name}",
        fix="have a certificate issued by an authority; or, after comparing its fingerprint with the server's owner,"
        " name it under `pinned:` in systems.yaml",
        certificates=[leaf.sha256],
    )


def signature_wrong(path: Path, issuers: Sequence[Certificate]) -> Finding:
    """Say which signature does not fit the key of the one that is named as issuer."""
    last = path[-1]
    return finding(
        Code.SIGNATURE_WRONG,
        f"{role(last, path)} {last.label} was not signed by the key of its issuer {_labels(issuers)}",
        fix="it has been changed, or signed by another key of the same name: have the genuine chain sent",
        certificates=[last.sha256, *(each.sha256 for each in issuers)],
    )


def refused(path: Path, words: str) -> Finding:
    """Say that the verifier refuses a path in which nothing else was found wrong."""
    return finding(
        Code.CERTIFICATE_IRREGULAR,
        f"the chain of server certificate {path[0].label} breaks a rule of form; the verifier says: {words}",
        fix=_FIXES[Code.CERTIFICATE_IRREGULAR],
        certificates=[each.sha256 for each in path],
    )


def faulty(fault: Fault, path: Path) -> Finding:
    """Say what is wrong with one certificate of the path."""
    kind = role(fault.certificate, path)
    return finding(
        fault.code,
        f"{kind} {fault.certificate.label} {fault.words}",
        fix=_FIX_OF_ENDED_ROOT if (fault.code, kind) == (Code.CERTIFICATE_EXPIRED, "root") else _FIXES[fault.code],
        severity=fault.severity,
        certificates=[fault.certificate.sha256, *(each.sha256 for each in fault.others)],
    )


def out_of_order(path: Path, sent: Sequence[Certificate]) -> Finding:
    """Say which certificate stands in another's place.

    A client takes the first for the server's, whatever follows (RFC 8446, 4.4.2); most mend the order of the rest.
    """
    right = [each for each in path if each in sent]
    got = [each for each in sent if each in path]
    first = sent[0] == path[0]
    misplaced, expected = next(pair for pair in zip(got if first else sent, right, strict=False) if pair[0] != pair[1])
    return finding(
        Code.CHAIN_OUT_OF_ORDER,
        f"{role(misplaced, path)} {misplaced.label} is sent where {expected.label} belongs; the order is"
        f" {_names(sent)}, right is {_names(right)}",
        fix="have the server certificate sent first, and after each certificate the one that signed it",
        severity=None if first else Severity.MAJOR,
        certificates=[each.sha256 for each in sent],
    )


def has_extras(extras: Sequence[Certificate], repeated: Sequence[Certificate], ended: Sequence[Certificate]) -> Finding:
    """Say which certificates were sent to no purpose: strays, repetitions, and ended ones beside a good path."""
    parts = (
        ("not needed", extras),
        ("sent more than once", repeated),
        ("not valid now, and not needed", ended),
    )
    said = "; ".join(f"{what}: {_labels(which)}" for what, which in parts if which)
    return finding(
        Code.CHAIN_HAS_EXTRAS,
        f"the server sends more than its path needs; {said}",
        fix="have the server send its own certificate and its intermediates, each once",
        certificates=[each.sha256 for each in (*extras, *repeated, *ended)],
    )


def _past(last: Certificate) -> str:
    dropped = dropped_root(last)
    return f"; Mozilla dropped it in {dropped.left}" if dropped else ""


def _trust_fix(last: Certificate, what: str) -> str:
    if dropped_root(last):
        return "have a chain sent that ends in a root of today's public lists"
    return (
        f"if you expect {what}, get its file from its owner, compare the fingerprint, and name the file under `roots:`"
        " in systems.yaml; else find out who answers for this host"
    )


def _whereabouts(child: Certificate) -> str:
    """Return what the child tells of its issuer: key identifier and address."""
    key, addresses = authority_key(child), issuer_addresses(child)
    told = f"; the issuer needed has the key identifier {key.hex(':').upper()}" if key else ""
    return told + (f"; it can be had at {' '.join(addresses)} (AIA)" if addresses else "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _labels(certificates: Sequence[Certificate]) -> str:
    return _some([each.label for each in certificates])


def _names(certificates: Sequence[Certificate]) -> str:
    return _some([f'"{each.name}"' for each in certificates])
