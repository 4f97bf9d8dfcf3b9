"""How each certificate of a path names its issuer: the name's form, and the key's identifiers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.fault import OPENSSL_REFUSES, Fault, called
from pse_preflight.chain.search import (
    Link,
    authority_key,
    is_self_signed,
    keys_fit,
    link,
    names_alike,
    subject_key,
)
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity
from pse_preflight.names import alike


def link_faults(path: Path, gap: int | None = None) -> Iterator[Fault]:
    """Say where a certificate names its issuer or the issuer's key otherwise than the issuer does itself.

    Args:
        gap: the position before which a certificate is missing, where one is.
    """
    for position, (child, issuer) in enumerate(pairwise(path), start=1):
        if position == gap:
            continue
        is_signed = link(child, issuer) is not Link.NOT_SIGNED
        if not names_alike(child, issuer):
            yield _otherwise_named(child, issuer, is_signed=is_signed)
        if is_signed and (told := _otherwise_identified(child, issuer)):
            yield _of_another_key(child, issuer, told, Severity.MAJOR)
    top = path[-1]
    if len(path) > 1 and is_self_signed(top):
        if not names_alike(top, top):
            yield replace(_otherwise_named(top, top, is_signed=True), severity=Severity.MINOR)
        if told := _otherwise_identified(top, top):
            yield _of_another_key(top, top, told, Severity.MINOR)


def _otherwise_named(child: Certificate, issuer: Certificate, *, is_signed: bool) -> Fault:
    is_identified = authority_key(child) is not None and authority_key(child) == subject_key(issuer)
    what = (*(["key identifier"] if is_identified else []), *(["signature"] if is_signed else []))
    fits = f"; {' and '.join(what)} fit{'s' if len(what) == 1 else ''}" if what else ""
    words = f"writes the name of its issuer {called(issuer)} in another form than that one does itself"
    if child == issuer:
        words = "writes its name in one form as its own, and in another as its issuer's"
    return Fault(
        Code.NAME_FORM_DIFFERS,
        child,
        f"{words}{fits}",
        Severity.MAJOR,
        () if child == issuer else (issuer,),
        detail=(
            f"written {_written(child.parsed.issuer)}, and by the issuer {_written(issuer.parsed.subject)}; RFC 5280,"
            " 4.1.2.6; OpenSSL takes names as equal whatever the kind of string, case and blanks; Go and this toolkit's"
            " verifier compare bytes, and what SAP's library does is not known"
        ),
    )


def _written(name: x509.Name) -> str:
    return f"{name.rfc4514_string()!r} ({name.public_bytes().hex()})"


def _otherwise_identified(child: Certificate, issuer: Certificate) -> str:
    """Return what the child says of its issuer that the issuer is not, in words; else nothing."""
    said = child.extension(x509.AuthorityKeyIdentifier)
    if said is None:
        return ""
    told = []
    if not keys_fit(child, issuer):
        told.append(f"key identifier {_shown(authority_key(child))}, the issuer's is {_shown(subject_key(issuer))}")
    serial = said.authority_cert_serial_number
    if serial is not None and serial != issuer.serial_number:
        told.append(f"issuer's serial number {serial:x}, it is {issuer.serial_number:x}")
    names = [each.value for each in said.authority_cert_issuer or () if isinstance(each, x509.DirectoryName)]
    if names and alike(issuer.parsed.issuer) not in map(alike, names):
        told.append(f"issuer's issuer {names[0].rfc4514_string()!r}, it is {issuer.issuer!r}")
    return "; ".join(told)


def _shown(identifier: bytes | None) -> str:
    return identifier.hex(":").upper() if identifier else "none"


def _of_another_key(child: Certificate, issuer: Certificate, told: str, severity: Severity) -> Fault:
    whose = "its own" if child == issuer else f"that of its issuer {called(issuer)}"
    others = () if child == issuer else (issuer,)
    words = f"names another key than {whose} (key identifiers), though that one signed it"
    detail = f"{told}; RFC 5280, 4.2.1.1; {OPENSSL_REFUSES}"
    return Fault(Code.KEY_IDENTIFIERS_DIFFER, child, words, severity, others, detail=detail, stops=False)
