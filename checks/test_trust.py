"""Will the client trust the server, today and after its next renewal?"""

import pytest

from pse_preflight.chain.judge import Judgement
from pse_preflight.checklist import Code
from pse_preflight.client_pse.model import ClientPse
from pse_preflight.endpoint.model import LiveHandshake
from pse_preflight.verdict.proof import Holds
from pse_preflight.verdict.trust import Trust

pytestmark = [pytest.mark.trust, pytest.mark.network, pytest.mark.creates]


def test_pse_trusts_the_server(chain: Judgement, pse: ClientPse, trust: Trust, holds: Holds) -> None:
    """The certificate list of the PSE, and nothing else, anchors the server's chain."""
    holds(trust.path[:1] == (chain.leaf,))
    holds(any(entry.is_of(anchor) for entry in pse.entries for anchor in trust.path[-1:]))


def test_trust_survives_renewal(trust: Trust, holds: Holds) -> None:
    """Trust stands on the root, so it does not end with the next server certificate or intermediate."""
    issuers = trust.path[1:]
    early_ends = (Code.PSE_HOLDS_SERVER_CERT_ONLY, Code.PSE_HOLDS_INTERMEDIATE_ONLY)
    holds(issuers and issuers[-1].is_self_issued, unless=early_ends)


def test_handshake_with_the_pse_alone(live: LiveHandshake, holds: Holds) -> None:
    """A live TLS handshake succeeds that trusts the certificate list of the PSE and nothing else."""
    holds(live.accepted)
