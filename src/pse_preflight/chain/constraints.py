"""Name constraints (RFC 5280, 4.2.1.10), judged by code of our own: which names an authority may give.

The verifier leaves out the subject's own name, and refuses what it does not compare. Here every kind is compared that
the RFC describes; what only the verifier cannot judge is told as that, and never accepted.
"""

from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from pse_preflight.certificate import Certificate
from pse_preflight.chain.fault import Fault, broken, called, is_of_version_3
from pse_preflight.chain.host_names import (
    forbidden_name,
    is_dns_name,
    is_plain_mail,
    malformed_constraint,
    shown,
    subtrees,
)
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity
from pse_preflight.der import elements, fields_of

_MOST_NAME_CHECKS = 100_000
_SUBTREES = (0xA0, 0xA1)
_CALLED: Mapping[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS name",
    x509.RFC822Name: "mail address",
    x509.UniformResourceIdentifier: "URI",
    x509.DirectoryName: "directory name",
    x509.RegisteredID: "registered number",
    x509.OtherName: "other name",
}


def constraint_faults(path: Path) -> Iterator[Fault]:
    """Yield for each authority the first name that it does not allow, or the constraint that cannot be judged."""
    for position, issuer in enumerate(path[1:], start=1):
        constraints = issuer.extension(x509.NameConstraints)
        if constraints is not None and is_of_version_3(issuer):
            faults = list(_violations(issuer, constraints, path[:position]))
            yield from faults or _not_judged(issuer, constraints, path[:position])


def _violations(issuer: Certificate, constraints: x509.NameConstraints, below: Path) -> Iterator[Fault]:
    malformed = malformed_constraint(constraints)
    if malformed:
        yield broken(issuer, f"has name constraints that cannot be applied: {malformed} (RFC 5280, 4.2.1.10)")
        return
    size = len(subtrees(constraints))
    for child in _bound(below):
        names = _names_of(child)
        if len(names) * size > _MOST_NAME_CHECKS:
            yield broken(issuer, f"has more name constraints than can be checked for {called(child)}", child)
        elif word := forbidden_name(constraints, names):
            yield broken(issuer, f"does not allow a name of {called(child)} (name constraints): {word}", child)
            return


def _bound(below: Path) -> Iterator[Certificate]:
    """Yield whom constraints bind: a renewed key of the same authority is not bound, unless it is the server's."""
    for position, child in enumerate(below):
        if position == 0 or not child.is_self_issued:
            yield child


def _names_of(certificate: Certificate) -> list[x509.GeneralName]:
    """Return every name of a certificate: the alternative ones, the subject, and mail addresses in the subject.

    RFC 5280 looks at the last only where there are no alternative names; OpenSSL always does.
    """
    subject = certificate.parsed.subject
    mail = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    return [
        *(certificate.extension(x509.SubjectAlternativeName) or ()),
        *([x509.DirectoryName(subject)] if list(subject) else []),
        *(x509.RFC822Name(each) for each in mail if each.isascii()),
    ]


def _not_judged(issuer: Certificate, constraints: x509.NameConstraints, below: Path) -> Iterator[Fault]:
    """Say what is fulfilled as far as it can be told here, and what is refused all the same."""
    words = "cannot be judged here: it has name constraints"
    if _has_depths(issuer):
        yield _unjudged(issuer, f"{words} with a minimum or maximum of depth, which OpenSSL refuses, too")
        return
    directory = [each for each in subtrees(constraints) if isinstance(each, x509.DirectoryName)]
    critical = any(each.critical for each in issuer.extensions if isinstance(each.value, x509.NameConstraints))
    if directory and critical:
        yield _unjudged(issuer, f"{words} by directory name, critical ones: {shown(directory[0])}")
        return
    for child in _bound(below):
        names = child.extension(x509.SubjectAlternativeName) or ()
        of_kind = [name for name in names if _is_refused_by_the_verifier(name, constraints)]
        if of_kind:
            kind = _CALLED.get(type(of_kind[0]), "a kind of its own")
            yield _unjudged(issuer, f"{words} for a kind of name ({kind}) that {called(child)} has", child)
            return


def _unjudged(issuer: Certificate, words: str, *others: Certificate) -> Fault:
    detail = (
        "no name was found that it forbids; but this toolkit's verifier refuses such constraints, whatever they say"
    )
    return Fault(Code.CONSTRAINT_NOT_JUDGED, issuer, words, Severity.MAJOR, others, detail=detail)


def _is_refused_by_the_verifier(name: x509.GeneralName, constraints: x509.NameConstraints) -> bool:
    """Tell whether the verifier compares this name with no constraint of its kind, though RFC 5280 says how."""
    against = [each.value for each in subtrees(constraints) if isinstance(each, type(name))]
    if isinstance(name, x509.DNSName):
        return "" in against
    if isinstance(name, x509.RFC822Name):
        odd = (each for each in against if not is_plain_mail(each) and not is_dns_name(each.removeprefix(".")))
        return bool(against) and (not is_plain_mail(name.value) or any(odd))
    return bool(against) and not isinstance(name, x509.IPAddress)


def _has_depths(issuer: Certificate) -> bool:
    """Tell whether a subtree has more to it than its base; the library does not show it."""
    for extension in fields_of(issuer.der).extensions:
        oid, *_, value = elements(next(elements(extension)).content)
        if oid.content == _NAME_CONSTRAINTS:
            groups = elements(next(elements(value.content)).content)
            found = (each for group in groups if group.tag in _SUBTREES for each in elements(group.content))
            return any(len(list(elements(each.content))) > 1 for each in found)
    return False


_NAME_CONSTRAINTS = bytes((0x55, 0x1D, int(ExtensionOID.NAME_CONSTRAINTS.dotted_string.rpartition(".")[2])))
