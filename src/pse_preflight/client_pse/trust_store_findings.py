"""What is to be said of a trust store that a client has in place of a PSE. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import State
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.findings import Finding, finding

_JAVAS = ("JKS", "JCEKS", "PKCS#12")
_SAPS_UNTRUSTED = "SSSLERR_PEER_CERT_UNTRUSTED"
_JAVAS_UNTRUSTED = "PKIX path building failed: unable to find valid certification path to requested target (Java)"


def as_said_by_its_client(found: Finding, pse: ClientPse) -> Finding:
    """Return a finding with what a client with this trust store would say of it later; SAP's errors are none of its."""
    if found.code is Code.TRUST_STORE_ENTRIES_LEFT_OUT:
        return found
    is_javas = pse.store in _JAVAS and _SAPS_UNTRUSTED in found.later
    return replace(found, said_instead=_JAVAS_UNTRUSTED if is_javas else "")


def trust_store_findings(pse: ClientPse) -> Iterator[Finding]:
    """Say whether the trust store is there and can be read, and what of it does not count."""
    path, state = pse.condition.path, pse.condition.state
    if state is State.MISSING:
        yield finding(
            Code.PSE_MISSING,
            f"there is no trust store at {path}, and none is ever made here",
            fix="correct `truststore` in systems.yaml, or have the client's own software make it",
        )
    elif state is State.UNREADABLE:
        yield finding(
            Code.PSE_UNREADABLE,
            f"{path} cannot be read as a trust store: {pse.condition.problem}",
            fix="correct `truststore`, or give its password as `truststore_password: ${NAME}`",
        )
    for each in pse.left_out:
        yield finding(
            Code.TRUST_STORE_ENTRIES_LEFT_OUT,
            f"{path}: {each}",
            fix="import what the client needs of them again, with keytool -importcert",
        )
