"""Does the server open a WebSocket for RFC?"""

import pytest

from pse_preflight.checklist import Code
from pse_preflight.endpoint.model import LiveHandshake, WebSocketReading
from pse_preflight.verdict.proof import Holds

pytestmark = [pytest.mark.websocket_rfc, pytest.mark.network, pytest.mark.creates]


def test_websocket_rfc_answers(live: LiveHandshake, holds: Holds) -> None:
    """The server answers the upgrade to WebSocket RFC, which needs no logon yet."""
    answers = {WebSocketReading.SPEAKS_RFC, WebSocketReading.WANTS_LOGIN}
    shut = (Code.WSRFC_NO_UPGRADE, Code.WSRFC_BLOCKED)
    holds(live.websocket and live.websocket.reading in answers, unless=shut)
