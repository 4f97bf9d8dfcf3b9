"""What is to be said of a trust store that a client has in place of a PSE. Pure."""

from collections.abc import Iterator

from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import State
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.findings import Finding, finding


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
