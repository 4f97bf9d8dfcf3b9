"""Will the client trust the server, today and after its next renewal?"""

import pytest

from pse_preflight.endpoint.model import LiveHandshake
from pse_preflight.verdict.policy import Holds
from pse_preflight.verdict.trust import Trust

pytestmark = [pytest.mark.trust, pytest.mark.network, pytest.mark.creates]


def test_pse_trusts_the_server(trust: Trust, holds: Holds) -> None:
    """The certificate list of the PSE, and nothing else, anchors the server's chain."""
    holds(trust.path)


def test_trust_survives_renewal(trust: Trust, holds: Holds) -> None:
    """Trust stands on the root, so it does not end with the next server certificate or intermediate."""
    holds(trust.rests_on_a_root)


def test_handshake_with_the_pse_alone(live: LiveHandshake, holds: Holds) -> None:
    """A live TLS handshake succeeds that trusts the certificate list of the PSE and nothing else."""
    holds(live.accepted)
