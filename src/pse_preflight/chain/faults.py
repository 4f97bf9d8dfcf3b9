"""What is wrong with the certificates of one path: dates, rules for authorities, form, strength."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.constraints import constraint_faults
from pse_preflight.chain.extensions import NetscapeType, damaged
from pse_preflight.chain.fault import (
    BOTH_REFUSE,
    OPENSSL_REFUSES,
    OPENSSL_TAKES,
    Fault,
    broken,
    called,
    is_authority,
    is_of_version_3,
)
from pse_preflight.chain.form import form_faults
from pse_preflight.chain.policies import policy_faults
from pse_preflight.chain.strength import strength_faults
from pse_preflight.chain.verify import Path, Period
from pse_preflight.checklist import Code, Severity

__all__ = ["Fault", "faults_of", "forbidden", "is_authority", "remarks", "strength_faults"]

_ANY_PURPOSE, _SERVERS = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.SERVER_AUTH
_NETSCAPE_SERVER = 0x40


def faults_of(
    path: Path, period: Period, *, public: bool, gap: int | None = None, anchored: bool = True
) -> tuple[Fault, ...]:
    """Return everything that is wrong with the certificates of a path, whether or not it reaches an anchor.

    Args:
        public: by the rules for the web's public authorities; private ones may depart from some of them.
        gap: the position before which a certificate is missing, where one is.
        anchored: the path ends in a root, trusted or not, or in another anchor.
    """
    return (
        *(fault for each in path for fault in _date_faults(each, period)),
        *_authority_faults(path, gap),
        *_server_faults(path),
        *constraint_faults(path),
        *(policy_faults(path, anchored=anchored) if gap is None else ()),
        *(fault for each in path for fault in form_faults(each, path, public=public)),
        *strength_faults(path),
    )


def remarks(path: Path) -> tuple[Fault, ...]:
    """Return what is odd about an accepted path."""
    form = (fault for each in path for fault in form_faults(each, path, public=False))
    purposes = (*_authority_faults(path, None), *_server_faults(path))
    return (*(each for each in (*purposes, *form) if each.severity is not Severity.BLOCKER), *strength_faults(path))


def forbidden(path: Path) -> bool:
    """Tell whether RFC 5280 forbids a path for what the verifier leaves out, or the server may not use its key."""
    return any((*constraint_faults(path), *policy_faults(path), *_unusable_key(path)))


def _date_faults(certificate: Certificate, period: Period) -> Iterator[Fault]:
    if certificate.not_after < period.end:
        words, judged = f"ended on {certificate.not_after:%Y-%m-%d %H:%M} UTC", f"{period.end:%Y-%m-%d %H:%M}"
        yield Fault(Code.CERTIFICATE_EXPIRED, certificate, words, more=f"judged for {judged}")
    if certificate.not_before > period.start:
        words = f"is valid only from {certificate.not_before:%Y-%m-%d %H:%M} UTC"
        judged = f"{period.start:%Y-%m-%d %H:%M}"
        yield Fault(Code.CERTIFICATE_NOT_YET_VALID, certificate, words, more=f"judged for {judged}")


def _authority_faults(path: Path, gap: int | None) -> Iterator[Fault]:
    """Check every issuer of the path: that it is an authority, for servers, of this depth."""
    for position, issuer in enumerate(path[1:], start=1):
        if not is_of_version_3(issuer):
            continue
        signed = "" if position == gap else f", but signed {called(path[position - 1])}"
        others = () if position == gap else (path[position - 1],)
        usage = issuer.extension(x509.KeyUsage)
        constrained = x509.BasicConstraints.oid not in {each.oid for each in damaged(issuer)}
        if constrained and not is_authority(issuer):
            yield broken(issuer, f"is not an authority{signed}", *others)
        elif usage is not None and not usage.key_cert_sign:
            yield broken(issuer, f"may not sign certificates (key usage){signed}", *others)
        yield from _purpose_faults(issuer)
        yield from _length_faults(path, position, gap)


def _purpose_faults(issuer: Certificate) -> Iterator[Fault]:
    purposes = issuer.extension(x509.ExtendedKeyUsage)
    if purposes is None or _SERVERS in purposes:
        return
    if _ANY_PURPOSE not in purposes:
        words = "may not issue certificates for servers (extended key usage)"
        yield broken(issuer, words, detail=f"RFC 5280, 4.2.1.12; {BOTH_REFUSE}")
        return
    words = "may issue certificates for any purpose, but does not name servers (extended key usage)"
    yield Fault(
        Code.CA_CONSTRAINT_BROKEN, issuer, words, Severity.MAJOR, detail=f"RFC 5280, 4.2.1.12; {OPENSSL_REFUSES}"
    )


def _length_faults(path: Path, position: int, gap: int | None) -> Iterator[Fault]:
    constraints = path[position].extension(x509.BasicConstraints)
    limit = constraints.path_length if constraints else None
    if limit is None:
        return
    issuer, below = path[position], path[1:position][::-1]
    counted = [each for each in below if not each.is_self_issued]
    missing = 0 if gap is None or position < gap else 1
    allowed = f"allows {limit} intermediates below it (path length)"
    if len(counted) + missing > limit:
        breaker = counted[limit] if len(counted) > limit else path[position - 1]
        yield broken(issuer, f"{allowed}, and {called(breaker)} is one too many", breaker)
    elif len(below) + missing > limit:
        renewed = next(each for each in below if each.is_self_issued)
        words = f"cannot be judged here: it {allowed}, and {called(renewed)} is one too many if renewed keys count"
        detail = "RFC 5280, 4.2.1.9, and OpenSSL do not count them; Go and this toolkit's verifier do"
        yield Fault(Code.CONSTRAINT_NOT_JUDGED, issuer, words, Severity.MAJOR, (renewed,), detail=detail)


def _server_faults(path: Path) -> Iterator[Fault]:
    leaf, usage = path[0], path[0].extension(x509.KeyUsage)
    if len(path) == 1 and leaf.is_self_issued:
        return  # it is its own authority
    if is_authority(leaf):
        yield broken(leaf, "is an authority's certificate, not a server's")
        return
    if usage is not None and usage.key_cert_sign:
        words = "may sign certificates (key usage), which a server's must not"
        yield broken(leaf, words, detail=f"RFC 5280, 4.2.1.3; {OPENSSL_TAKES}")
    else:
        yield from _unusable_key(path)
    purposes = leaf.extension(x509.ExtendedKeyUsage)
    if purposes is not None and _SERVERS not in purposes:
        yield broken(leaf, "is not for servers (extended key usage)", detail=f"RFC 5280, 4.2.1.12; {BOTH_REFUSE}")
    netscape = [each.value for each in leaf.extensions if each.oid == NetscapeType.oid]
    values = [each.value for each in netscape if isinstance(each, x509.UnrecognizedExtension)]
    if any(not each[-1] & _NETSCAPE_SERVER for each in values if each):
        words, detail = "is not for servers (Netscape certificate type)", OPENSSL_REFUSES
        yield Fault(Code.CA_CONSTRAINT_BROKEN, leaf, words, Severity.MAJOR, detail=detail, stops=False)


def _unusable_key(path: Path) -> Iterator[Fault]:
    """Say where the server's key may be used for none of the things that TLS does with it (RFC 5280, 4.2.1.12)."""
    usage = path[0].extension(x509.KeyUsage)
    if usage is None or (len(path) == 1 and path[0].is_self_issued):
        return
    if not (usage.digital_signature or usage.key_encipherment or usage.key_agreement):
        yield broken(path[0], "may not be used for TLS (key usage)", detail="OpenSSL and SAP's library look at it, too")
