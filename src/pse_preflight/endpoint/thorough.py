"""Every address of a host, asked with every kind of key, and what differs between them."""

import time
from collections.abc import Callable
from datetime import datetime

from pse_preflight.endpoint.connection import Deadline, resolve
from pse_preflight.endpoint.model import Endpoint, KeyKind, Limits, StageFailed, Target
from pse_preflight.endpoint.observation import observe

_KINDS = (KeyKind.RSA, KeyKind.ECDSA)


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
