"""Everything that talks to a network: one pass over a system, a live handshake, and the fetching of certificates.

No other part of the package opens a socket. What is handed out are observations, plain data that can be recorded; what
they mean is said by pure functions beside them.
"""

from pse_preflight.endpoint.fetch import fetch_certificates
from pse_preflight.endpoint.live import handshake
from pse_preflight.endpoint.model import (
    Endpoint,
    Failure,
    HttpAnswer,
    KeyKind,
    Limits,
    LiveHandshake,
    Target,
    WebSocketAnswer,
    WebSocketReading,
)
from pse_preflight.endpoint.observation import observe
from pse_preflight.endpoint.reading import findings_of, handshake_findings, websocket_findings
from pse_preflight.endpoint.thorough import differences_of, observe_every

__all__ = [
    "Endpoint",
    "Failure",
    "HttpAnswer",
    "KeyKind",
    "Limits",
    "LiveHandshake",
    "Target",
    "WebSocketAnswer",
    "WebSocketReading",
    "differences_of",
    "fetch_certificates",
    "findings_of",
    "handshake",
    "handshake_findings",
    "observe",
    "observe_every",
    "websocket_findings",
]
