"""Fingerprints that are pinned while nothing is at hand that has them: what can be said, and what to do."""

from collections.abc import Sequence
from dataclasses import replace

from pse_preflight.chain.causes import marks
from pse_preflight.chain.fault import called
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code
from pse_preflight.findings import Finding


def not_compared(found: Finding, path: Path, unseen: Sequence[str], roots_name: str) -> Finding:
    """Return what is said of an issuer that was not sent, where it may be what is pinned.

    A fingerprint does not tell whose it is, and cannot be turned into a certificate: without the root's bytes no path
    can be verified, so that its file is needed.

    Args:
        path: from the server's certificate to the one whose issuer is missing.
        unseen: the pinned fingerprints of which no certificate is at hand.
        roots_name: how the finding calls what is pinned.
    """
    if not unseen:
        return found
    name = f'"{path[-1].issuer_name}"'
    more = f" (or one of {len(unseen) - 1} more)" if len(unseen) > 1 else ""
    fix = (
        f"get the file of {name} from your PKI people, compare its fingerprint with sha256:{unseen[0]}{more}, and name"
        " the file under `roots:` in systems.yaml, in place of `pinned`"
    )
    if found.code is Code.ROOT_UNTRUSTED:
        observed = (
            f"{name}, which signed {called(path[-1])}, cannot be compared with `pinned`: the server does not send it"
        )
        return replace(found, observed=f"{observed} {marks(path[-1])}", fix=fix)
    truth = f"if {name} is itself a root, it cannot be compared with `pinned`, since it is not sent"
    told = (each for each in found.detail.split("; ") if f"that root is not in {roots_name}" not in each)
    fix = f"{found.fix}; or, if {name} is the root that is pinned, {fix}"
    return replace(found, observed=f"{found.observed}; {truth}", detail="; ".join(told), fix=fix)
