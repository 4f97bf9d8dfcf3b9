"""Certificate policies (RFC 5280, 6.1), for a client that accepts any policy.

Such a client refuses a path only where an authority of it requires a policy (policy constraints) and no policy holds
from end to end. Only the policies that still hold at each step are kept, which is all that the question needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509

from pse_preflight.certificate import Certificate
from pse_preflight.chain.extensions import PolicyMappings
from pse_preflight.chain.fault import Fault, broken, called
from pse_preflight.chain.verify import Path
from pse_preflight.der import elements, identifier

_ANY = "2.5.29.32.0"


@dataclass(slots=True)
class _PolicyState:
    """What holds at one step of the path, from the anchor down.

    Attributes:
        valid: each policy that holds, with those that count as it in the next certificate.
        explicit, mapping, any_policy: so many certificates may follow before a policy is required, mapping is
            forbidden, and any policy counts no more.
        demanding: who requires a policy.
    """

    explicit: int
    mapping: int
    any_policy: int
    valid: dict[str, set[str]] = field(default_factory=lambda: {_ANY: {_ANY}})
    demanding: Certificate | None = None


def policy_faults(path: Path, *, anchored: bool = True) -> Iterator[Fault]:
    """Yield the authority that requires a policy which does not hold, or that maps what nobody may map.

    Args:
        anchored: the last certificate is the anchor, which is trusted as it is.
    """
    steps = list(reversed(path[:-1] if anchored else path))
    unlimited = len(steps) + 1
    state = _PolicyState(unlimited, unlimited, unlimited)
    for number, certificate in enumerate(steps, start=1):
        is_last = number == len(steps)
        _apply(state, certificate, is_last=is_last)
        if not is_last:
            mappings = _mappings(certificate)
            if any(_ANY in pair for pair in mappings):
                yield broken(certificate, "maps any policy to another (policy mappings), which RFC 5280 forbids")
                return
            _map(state, mappings)
        _count(state, certificate, is_last=is_last)
        if state.explicit <= 0 and not state.valid:
            yield _lacking(state, certificate)
            return


def _lacking(state: _PolicyState, certificate: Certificate) -> Fault:
    words = "requires a certificate policy (policy constraints)"
    demanding = state.demanding or certificate
    if demanding == certificate:
        return broken(certificate, f"{words}, and is issued under none that holds")
    return broken(demanding, f"{words}, and none holds from it down to {called(certificate)}", certificate)


def _apply(state: _PolicyState, certificate: Certificate, *, is_last: bool) -> None:
    """Keep the policies that the certificate is issued under (6.1.3, d and e)."""
    extension = certificate.extension(x509.CertificatePolicies)
    if extension is None:
        state.valid = {}
        return
    stated = {each.policy_identifier.dotted_string for each in extension}
    expected = set().union(*state.valid.values()) if state.valid else set()
    held = {each: {each} for each in stated - {_ANY} if each in expected or _ANY in state.valid}
    if _ANY in stated and (state.any_policy > 0 or (not is_last and certificate.is_self_issued)):
        held.update({each: {each} for each in expected if each not in held})
    state.valid = held


def _map(state: _PolicyState, mappings: list[tuple[str, str]]) -> None:
    """Let policies of this authority count as others below it (6.1.4, b)."""
    for issuers in {ours for ours, _ in mappings}:
        theirs = {there for ours, there in mappings if ours == issuers}
        if state.mapping <= 0:
            state.valid.pop(issuers, None)
        elif issuers in state.valid or _ANY in state.valid:
            state.valid[issuers] = theirs


def _count(state: _PolicyState, certificate: Certificate, *, is_last: bool) -> None:
    """Count down, and obey what the certificate says of the rest of the path (6.1.4, h to j; 6.1.5, a and b)."""
    if is_last or not certificate.is_self_issued:
        state.explicit = max(state.explicit - 1, 0)
        state.mapping = max(state.mapping - 1, 0)
        state.any_policy = max(state.any_policy - 1, 0)
    constraints = certificate.extension(x509.PolicyConstraints)
    if constraints is not None:
        _constrain(state, certificate, constraints, is_last=is_last)
    inhibited = certificate.extension(x509.InhibitAnyPolicy)
    if inhibited is not None:
        state.any_policy = min(state.any_policy, inhibited.skip_certs)


def _constrain(
    state: _PolicyState, certificate: Certificate, constraints: x509.PolicyConstraints, *, is_last: bool
) -> None:
    required, forbidden = constraints.require_explicit_policy, constraints.inhibit_policy_mapping
    if required is not None and required < state.explicit and (required == 0 or not is_last):
        state.explicit, state.demanding = required, certificate
    if forbidden is not None:
        state.mapping = min(state.mapping, forbidden)


def _mappings(certificate: Certificate) -> list[tuple[str, str]]:
    """Return pairs of policies, the issuer's and the subject's; nothing where they cannot be read."""
    found = (each.value for each in certificate.extensions if each.oid == PolicyMappings.oid)
    value = next((each.value for each in found if isinstance(each, x509.UnrecognizedExtension)), b"")
    try:
        pairs = [list(elements(pair.content)) for group in elements(value) for pair in elements(group.content)]
        return [(identifier(ours.content), identifier(theirs.content)) for ours, theirs in pairs]
    except (ValueError, IndexError):
        return []
