"""The host names of a certificate: which it names, which an authority may name (RFC 9525, RFC 5280)."""

import ipaddress
import re
import urllib.parse
from collections.abc import Iterable

from cryptography import x509

from pse_preflight.certificate import Certificate, common_name
from pse_preflight.names import begins_with, parts

Subject = x509.DNSName | x509.IPAddress

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST_NAME = 253
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_COMPARED = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier, x509.DirectoryName)
"""The kinds of name that RFC 5280 (4.2.1.10) says how to compare with a constraint."""


def named_hosts(certificate: Certificate) -> tuple[str, ...]:
    """Return the DNS names and addresses that the certificate is for; the common name is none of them."""
    return tuple(str(each.value) for each in _alternative_names(certificate))


def names_host(certificate: Certificate, host: str) -> bool:
    """Tell whether the certificate is for the host, by its subject alternative names alone (RFC 9525).

    A wildcard stands for the whole leftmost label and nothing else.
    """
    wanted = _subject(host)
    return wanted is not None and any(_covers(each, wanted) for each in _alternative_names(certificate))


def names_host_in_common_name_only(certificate: Certificate, host: str) -> bool:
    """Tell whether the host stands in the common name, where no client looks any more."""
    return common_name(certificate.parsed.subject).lower() == _plain(host) and not names_host(certificate, host)


def subject_to_verify(certificate: Certificate, host: str) -> Subject | None:
    """Return the name for which the certificate can be verified: the host, or one that it does name, or none at all.

    So that a certificate for another host still gets its other faults told.
    """
    if names_host(certificate, host):
        return _subject(host)
    usable = (_instance(each) for each in _alternative_names(certificate))
    return next((each for each in usable if each is not None), None)


def can_be_named(host: str) -> bool:
    """Tell whether a certificate can be for the host at all: an address, or a name of letters, digits and hyphens."""
    return _subject(host) is not None


def is_address(host: str) -> bool:
    """Tell whether the host is an IP address."""
    return isinstance(_subject(host), x509.IPAddress)


def is_dns_name(text: str) -> bool:
    """Tell whether a text is a DNS name as certificates spell it: letters, digits and hyphens, no final dot."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def forbidden_name(constraints: x509.NameConstraints, names: Iterable[x509.GeneralName]) -> str:
    """Return the first of the names that name constraints do not allow, in words; else nothing.

    Names of a kind that the constraints do not mention are allowed. Of kinds that RFC 5280 does not compare, only equal
    ones are permitted, and all are excluded.
    """
    permitted, excluded = constraints.permitted_subtrees or (), constraints.excluded_subtrees or ()
    for name in names:
        of_kind = [each for each in permitted if isinstance(each, type(name))]
        against = [each for each in excluded if isinstance(each, type(name))]
        if not (of_kind or against):
            continue
        if isinstance(name, x509.DNSName) and not is_dns_name(name.value.removeprefix("*.")):
            return f"{name.value!r} is no host name"
        if isinstance(name, x509.UniformResourceIdentifier) and not _host_of(name):
            return f"{name.value!r} names no host"
        if of_kind and not any(_contains(each, name) for each in of_kind):
            return f"{shown(name)} is not permitted"
        if any(_touches(each, name) for each in against):
            return f"{shown(name)} is excluded"
    return ""


def malformed_constraint(constraints: x509.NameConstraints) -> str:
    """Return the first DNS name constraint that is no DNS name, in words; else nothing."""
    names = (each.value for each in subtrees(constraints) if isinstance(each, x509.DNSName))
    return next((f"{each!r} is no DNS name" for each in names if each and not is_dns_name(each)), "")


def subtrees(constraints: x509.NameConstraints) -> tuple[x509.GeneralName, ...]:
    """Return every name that constraints permit or exclude."""
    return (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))


def is_plain_mail(text: str) -> bool:
    """Tell whether a text is a mail address without quotes."""
    local, at, host = text.partition("@")
    return bool(at) and _LOCAL_PART.fullmatch(local) is not None and is_dns_name(host)


def shown(name: x509.GeneralName) -> str:
    """Return a name as people read it."""
    if isinstance(name, x509.DirectoryName):
        return f'"{name.value.rfc4514_string()}"'
    return str(name.value)


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _alternative_names(certificate: Certificate) -> tuple[Subject, ...]:
    names = certificate.extension(x509.SubjectAlternativeName) or ()
    return tuple(each for each in names if isinstance(each, x509.DNSName | x509.IPAddress))


def _subject(host: str) -> Subject | None:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return x509.DNSName(_plain(host)) if is_dns_name(_plain(host)) else None


def _instance(name: Subject) -> Subject | None:
    """Return one name that the alternative name stands for, or nothing where it stands for none."""
    if isinstance(name, x509.IPAddress):
        return name
    plain = f"any.{name.value[2:]}" if name.value.startswith("*.") else name.value
    return x509.DNSName(plain) if is_dns_name(plain) else None


def _covers(name: Subject, wanted: Subject) -> bool:
    if isinstance(name, x509.IPAddress) or isinstance(wanted, x509.IPAddress):
        return name == wanted
    pattern, host = name.value.lower(), wanted.value
    if pattern.startswith("*."):
        return is_dns_name(pattern[2:]) and host.partition(".")[2] == pattern[2:]
    return is_dns_name(pattern) and host == pattern


def _contains(subtree: x509.GeneralName, name: x509.GeneralName) -> bool:
    """Tell whether everything that the name stands for lies in the subtree, which is of the same kind."""
    match subtree, name:
        case x509.DNSName(), x509.DNSName():
            return _is_below(name.value.lower().removeprefix("*."), subtree.value.lower())
        case x509.IPAddress(), x509.IPAddress():
            network = subtree.value
            return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and name.value in network
        case x509.RFC822Name(), x509.RFC822Name():
            # The constraint is a mailbox, a host, or a domain that begins with a dot.
            local, _, host = name.value.rpartition("@")
            wanted, at, place = subtree.value.rpartition("@")
            return (not at or local == wanted) and _is_at(host.lower(), place.lower())
        case x509.UniformResourceIdentifier(), x509.UniformResourceIdentifier():
            return _is_at(_host_of(name), subtree.value.lower())
        case x509.DirectoryName(), x509.DirectoryName():
            return begins_with(parts(name.value), parts(subtree.value))
    return subtree == name


def _touches(subtree: x509.GeneralName, name: x509.GeneralName) -> bool:
    """Tell whether anything that the name stands for may lie in the subtree, which is of the same kind."""
    if _contains(subtree, name):
        return True
    match subtree, name:
        case x509.DNSName(), x509.DNSName() if name.value.startswith("*."):
            return _is_below(subtree.value.lower(), name.value.lower()[2:])
    return not isinstance(name, _COMPARED)


def _is_below(name: str, domain: str) -> bool:
    return not domain or name == domain or name.endswith(f".{domain}")


def _is_at(host: str, place: str) -> bool:
    """Compare a host with a host, or with a domain, which begins with a dot and holds what is below it."""
    return not place or (host.endswith(place) if place.startswith(".") else host == place)


def _host_of(name: x509.UniformResourceIdentifier) -> str:
    try:
        return (urllib.parse.urlsplit(name.value).hostname or "").lower()
    except ValueError:
        return ""
