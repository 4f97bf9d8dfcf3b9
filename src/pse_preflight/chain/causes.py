"""The causes that a chain can be refused for, in words: one function per cause, certificates in, finding out."""

from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.fault import Fault, called
from pse_preflight.chain.gap import Gap
from pse_preflight.chain.host_names import can_be_named, is_address, named_hosts, names_host_in_common_name_only, shown
from pse_preflight.chain.inspection import dropped_root
from pse_preflight.chain.search import authority_key
from pse_preflight.chain.verify import Path, Period
from pse_preflight.checklist import Code, Severity
from pse_preflight.findings import Finding, finding

_SHORT = 12
_MOST_NAMED = 4
_LONGEST_WORDS = 300
_MOST_ADDRESSES = 2

_ISSUED_ANEW = "have the certificate issued anew, as RFC 5280 wants it"
_FIXES = {
    Code.CERTIFICATE_EXPIRED: "have it renewed and the renewed one sent",
    Code.CERTIFICATE_NOT_YET_VALID: "have a valid certificate sent",
    Code.CA_CONSTRAINT_BROKEN: "have the certificate issued anew, by an authority that may issue it",
    Code.CONSTRAINT_NOT_JUDGED: (
        "try the connection with SAP's client; to have it judged here, use an authority without such constraints"
    ),
    Code.CERTIFICATE_IRREGULAR: _ISSUED_ANEW,
    Code.CERTIFICATE_UNREADABLE: _ISSUED_ANEW,
    Code.KEY_IDENTIFIERS_DIFFER: "have the certificate issued anew by the present certificate of its authority",
    Code.NAME_FORM_DIFFERS: (
        "have the certificate issued anew, with its issuer's name written as in the issuer's own certificate"
    ),
    Code.CERTIFICATE_WEAK: "have it issued anew with SHA-256 or better and RSA 2048 or P-256 or better",
}
_CLOCKS = {
    Code.CERTIFICATE_EXPIRED: "; if this machine's clock is fast, set the clock",
    Code.CERTIFICATE_NOT_YET_VALID: "; or, if this machine's clock is slow, set the clock",
}
_FIX_OF_ENDED_ROOT = "have a chain sent that ends in a root of today, and name that root where this one is named"


def role(certificate: Certificate, path: Path) -> str:
    """Return what the certificate is to its path, in the user's words."""
    if certificate == path[0]:
        return "server certificate"
    return "root" if certificate == path[-1] and certificate.is_self_issued else "intermediate"


def marks(certificate: Certificate, *, dated: bool = True) -> str:
    """Return fingerprint and last day, as they stand after what is said of a certificate."""
    until = f", until {certificate.not_after:%Y-%m-%d}" if dated else ""
    return f"(sha256 {certificate.sha256[:_SHORT]}{until})"


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
    return finding(
        Code.HOST_NOT_IN_CERTIFICATE,
        f"server certificate {called(leaf)} {_not_naming(leaf, host)} {marks(leaf)}",
        fix=f"if `url` should name another host, correct it; else have a certificate sent that names {host}"
        if can_be_named(host)
        else "give the host a name of letters, digits and hyphens, in `url` and in its certificate",
        certificates=[leaf.sha256],
    )


def _not_naming(leaf: Certificate, host: str) -> str:
    names = named_hosts(leaf)
    if not can_be_named(host):
        rule = "no client is bound to take this for a host name, which may hold letters, digits and hyphens only"
        return f"names {host}, but {rule}" if host in names else f"does not name {host}; and {rule}"
    if is_address(host) and host in names:
        return f"does not name the address {host}; it has {host} as a DNS name, which is no address"
    others = leaf.extension(x509.SubjectAlternativeName) or ()
    instead = f"it names {_some(names)}" if names else "it has no subject alternative name at all"
    if not names and list(others):
        instead = f"it names no host, only {_some([shown(each) for each in others])}"
    if names_host_in_common_name_only(leaf, host):
        instead += "; a name that stands in the common name only does not count"
    return f"does not name {host}; {instead}"


def nothing_sent() -> Finding:
    """Say that there is no certificate to judge."""
    return finding(Code.CERTIFICATE_UNREADABLE, "the server sent no certificate", fix="ask the SAP admin")


def unreadable(position: int, count: int, digest: str, reason: tuple[str, str], *, needed: bool) -> Finding:
    """Say which of the certificates sent cannot be read; positions count from one.

    Args:
        reason: in our words, and in the reader's.
    """
    what = "the server certificate" if position == 1 else f"certificate {position} of {count} that the server sends"
    return finding(
        Code.CERTIFICATE_UNREADABLE,
        f"{what} cannot be read: {reason[0]} (sha256 {digest[:_SHORT]})",
        fix="have it issued anew, as RFC 5280 wants it" if needed else "have the server stop sending it",
        severity=None if needed else Severity.MINOR,
        certificates=[digest],
        detail=reason[1][:_LONGEST_WORDS],
    )


def intermediate_missing(gap: Gap, sent: Sequence[Certificate], roots_name: str) -> Finding:
    """Say which intermediate the server does not send, and what it sends in its place.

    Args:
        sent: everything that was sent.
    """
    child, held, instead = gap.child, gap.held, gap.instead
    needed = called(held) if held else f'"{child.issuer_name}"'
    twins = ", of the same name but with another key" if any(each.name == child.issuer_name for each in instead) else ""
    got = f"{_names(instead)} instead{twins}" if instead else f"only {_names(sent)}"
    after = "its own certificate" if child == sent[0] else called(child)
    return finding(
        Code.SERVER_SENDS_WRONG_INTERMEDIATE if instead else Code.SERVER_OMITS_INTERMEDIATE,
        f"the server does not send the intermediate {needed}, which signed {called(child)}; it sends {got}"
        f" {marks(child)}",
        fix=f"have the server send {needed} after {after}{_instead_of(gap)}",
        certificates=[child.sha256, *([held.sha256] if held else []), *(each.sha256 for each in instead)],
        detail=_joined(
            *([f"{called(held)} is {marks(held)}"] if held else []),
            *(f"{called(each)} is {marks(each)}" for each in instead[:_MOST_NAMED]),
            *_whereabouts(child),
            "" if held else f"if {needed} is itself a root, that root is not in {roots_name}",
            f"if {_names(instead)} signed {needed}, it belongs to the path" if gap.may_belong else "",
        ),
    )


def _instead_of(gap: Gap) -> str:
    if not gap.instead:
        return ""
    is_twin = any(each.name == gap.child.issuer_name for each in gap.instead)
    which = f"the one of that name that it sends {marks(gap.instead[0])}" if is_twin else _names(gap.instead)
    return f"; and {which} only if it signed that one" if gap.may_belong else f", and not {which}"


def root_untrusted(path: Path, roots_name: str) -> Finding:
    """Say which root, sent along but not trusted, the chain ends in."""
    root = path[-1]
    return finding(
        Code.ROOT_UNTRUSTED,
        f"root {called(root)} of this chain is not in {roots_name}{_past(root)} {marks(root)}",
        fix=_trust_fix(root, "this root"),
        certificates=[root.sha256],
    )


def root_unknown(path: Path, namesakes: Sequence[Certificate], roots_name: str) -> Finding:
    """Say which root, not sent and not trusted, must have issued the last certificate of the chain."""
    last = path[-1]
    told = f"; of that name, but with another key, there is {_names(namesakes[:1])}" if namesakes else _past(last)
    other = "" if told else f'it was not sent; if "{last.issuer_name}" is no root, the server omits this intermediate'
    return finding(
        Code.ROOT_UNTRUSTED,
        f'"{last.issuer_name}", which signed {role(last, path)} {called(last)}, is not in {roots_name}{told}'
        f" {marks(last)}",
        fix=_trust_fix(last, "that root"),
        certificates=[last.sha256],
        detail=_joined(*(f"{called(each)} is {marks(each)}" for each in namesakes), other, *_whereabouts(last)),
    )


def circle(path: Path, roots_name: str) -> Finding:
    """Say that authorities vouch for each other and no root for them."""
    top = path[-1]
    return finding(
        Code.ROOT_UNTRUSTED,
        f"{role(top, path)} {called(top)} and its issuers sign each other; none of them is in {roots_name}"
        f" {marks(top)}",
        fix=_trust_fix(top, "one of them"),
        certificates=[each.sha256 for each in path[1:]],
    )


def too_long(path: Path, most: int) -> Finding:
    """Say that a path has more intermediates than clients follow."""
    leaf, last = path[0], path[-1]
    return finding(
        Code.CA_CONSTRAINT_BROKEN,
        f"server certificate {called(leaf)} has more than {most} intermediates above it; the last one looked at is"
        f" {called(last)} {marks(leaf)}",
        fix="have a shorter chain sent",
        detail=f"{most} are followed here; how many SAP's library follows is not known",
        certificates=[leaf.sha256, last.sha256],
    )


def self_signed(leaf: Certificate, roots_name: str) -> Finding:
    """Say that nobody vouches for the server certificate but itself."""
    return finding(
        Code.CERTIFICATE_SELF_SIGNED,
        f"server certificate {called(leaf)} is signed by itself, and is not in {roots_name} {marks(leaf)}",
        fix="have a certificate issued by an authority; or, after comparing its fingerprint with the server's owner,"
        " name it under `pinned:` in systems.yaml",
        certificates=[leaf.sha256],
    )


def signature_wrong(child: Certificate, issuer: Certificate, path: Path) -> Finding:
    """Say which signature does not fit the key of the one that is named as issuer."""
    return finding(
        Code.SIGNATURE_WRONG,
        f"{role(child, path)} {called(child)} was not signed by the key of its issuer {called(issuer)} {marks(child)}",
        fix="it has been changed, or signed by another key of the same name: have the genuine chain sent",
        certificates=[child.sha256, issuer.sha256],
        detail=_joined(f"{called(issuer)} is {marks(issuer)}", *_whereabouts(child)),
    )


def refused(path: Path, words: str) -> Finding:
    """Say that the verifier refuses a path in which nothing else was found wrong."""
    leaf = path[0]
    return finding(
        Code.CERTIFICATE_IRREGULAR,
        f"the chain of server certificate {called(leaf)} is refused for a reason that is not known here {marks(leaf)}",
        fix="have the certificates issued anew, as RFC 5280 wants them; and please report this, with the recording",
        certificates=[each.sha256 for each in path],
        detail=f"the verifier's own words: {words[:_LONGEST_WORDS]}",
    )


def faulty(fault: Fault, path: Path, period: Period) -> Finding:
    """Say what is wrong with one certificate of the path."""
    certificate = fault.certificate
    kind = role(certificate, path)
    dated = fault.code != Code.CERTIFICATE_EXPIRED
    more = f"; {fault.more}" if fault.more else ""
    fix = _FIXES[fault.code] + (_CLOCKS.get(fault.code, "") if period.start == period.end else "")
    others = [f"{called(each)} is {marks(each)}" for each in fault.others]
    return finding(
        fault.code,
        f"{kind} {called(certificate)} {fault.words} {marks(certificate, dated=dated)}{more}",
        fix=_FIX_OF_ENDED_ROOT if (fault.code, kind) == (Code.CERTIFICATE_EXPIRED, "root") else fix,
        severity=fault.severity,
        certificates=[certificate.sha256, *(each.sha256 for each in fault.others)],
        detail=_joined(*others, fault.detail),
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
        f"{role(misplaced, path)} {called(misplaced)} is sent where {called(expected)} belongs; the order is"
        f" {_names(sent)}, right is {_names(right)} {marks(misplaced)}",
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
    said = "; ".join(f"{what}: {_some([each.label for each in which])}" for what, which in parts if which)
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


def _whereabouts(child: Certificate) -> Iterable[str]:
    """Return what the child tells of its issuer: key identifier and address."""
    key, addresses = authority_key(child), issuer_addresses(child)
    told = [f"the issuer needed has the key identifier {key.hex(':').upper()}"] if key else []
    return [*told, *([f"it can be had at {' '.join(addresses)} (AIA)"] if addresses else [])]


def _joined(*parts: str) -> str:
    return "; ".join(each for each in parts if each)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _names(certificates: Sequence[Certificate]) -> str:
    return _some([f'"{each.name}"' for each in certificates])
