"""Does the server open a WebSocket for RFC?"""

import pytest

from pse_preflight.endpoint.model import LiveHandshake
from pse_preflight.verdict.policy import Holds

pytestmark = [pytest.mark.websocket_rfc, pytest.mark.network, pytest.mark.creates]


def test_websocket_rfc_answers(live: LiveHandshake, holds: Holds) -> None:
    """The server answers the upgrade to WebSocket RFC, which needs no logon yet."""
    holds(live.websocket)
