"""Every address of a host, asked with every kind of key, and what differs between them."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.checklist import Code, Severity
from pse_preflight.endpoint.connection import Deadline, resolve
from pse_preflight.endpoint.model import Endpoint, KeyKind, Limits, StageFailed, Target
from pse_preflight.endpoint.observation import observe
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.url import authority

_KINDS = (KeyKind.RSA, KeyKind.ECDSA)

_Face = tuple[str, ...]
"""What the trust in a server depends on: its intermediates by fingerprint, or the code of a failure."""


def observe_every(target: Target, limits: Limits, clock: Callable[[], datetime]) -> tuple[Endpoint, ...]:
    """Ask every address of the host, as a client with RSA keys only and as one with ECDSA keys only.

    Through a proxy the addresses are the proxy's choice, so the host is asked as if it had one.
    """
    deadline = Deadline.after(limits.whole)
    try:
        resolved = () if target.proxy else resolve(*target.peer, limits, deadline)
    except StageFailed:
        return (observe(target, limits, clock),)
    addresses: list[str | None] = [each.ip for each in resolved[: limits.addresses]]
    return tuple(
        observe(target, limits.at_most(deadline.moment - time.monotonic()), clock, address=address, key_kind=kind)
        for address in addresses or [None]
        for kind in _KINDS
    )


def differences_of(endpoints: Sequence[Endpoint]) -> tuple[Finding, ...]:
    """Say where the addresses of one host differ in what the trust in them depends on.

    That a server has one kind of key only is no difference. That its two kinds of keys have different issuers is a
    minor one: which of them a client meets is the client's choice.
    """
    by_kind = {kind: [each for each in endpoints if each.key_kind is kind] for kind in _KINDS}
    offered = [group for group in by_kind.values() if any(each.presented for each in group)]
    if not offered:
        return ()
    if any(len({_face(each) for each in group}) > 1 for group in offered):
        return (_difference([each for group in offered for each in group], Severity.MAJOR),)
    if len({_face(group[0]) for group in offered}) > 1:
        return (_difference([group[0] for group in offered], Severity.MINOR),)
    return ()


def _face(endpoint: Endpoint) -> _Face:
    if endpoint.failure:
        return (endpoint.failure.code,)
    return tuple(_described(each) for each in endpoint.presented[1:])


def _described(der: bytes) -> str:
    try:
        return Certificate.read(der).label
    except CertificateUnreadable:
        return "an unreadable certificate"


def _difference(endpoints: Sequence[Endpoint], severity: Severity) -> Finding:
    where = authority(endpoints[0].host, endpoints[0].port)
    seen = "; ".join(dict.fromkeys(_told(endpoints)))
    observed = f"{where} is not the same at every address or with every kind of key: {seen}"
    fix = "the PSE needs the roots of all of them; a server that lags behind is the system administrator's to mend"
    return finding(Code.ADDRESSES_DIFFER, observed, fix=fix, severity=severity)


def _told(endpoints: Iterable[Endpoint]) -> Iterable[str]:
    for each in endpoints:
        what = " + ".join(_face(each)) or "no intermediate"
        yield f"{each.address or each.host} with {each.key_kind.upper()}: {what}"
