"""Further connections that find out what a port speaks that did not answer as it should."""

import contextlib

from pse_preflight.endpoint.connection import Deadline
from pse_preflight.endpoint.model import StageFailed, Target
from pse_preflight.endpoint.opening import Route
from pse_preflight.endpoint.tls import TLS_1_2, TlsStream, looking_context

_SECONDS = 3.0


def speaks_plain_http(way: Route) -> bool:
    """Ask in plain HTTP, for a port that stays silent when it is asked in TLS."""
    with contextlib.suppress(StageFailed, OSError), contextlib.closing(way.open()) as sock:
        sock.deadline = _deadline(way)
        sock.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        return sock.recv(5).startswith(b"HTTP/")
    return False


def proxy_speaks_tls(way: Route) -> bool:
    """Ask in TLS, for a proxy that hangs up when it is asked in plain HTTP."""
    host, port = way.target.peer
    to_the_proxy = Route(Target(host, port), way.limits, way.deadline)
    with contextlib.suppress(StageFailed, OSError):
        stream = TlsStream(to_the_proxy.open(), looking_context(TLS_1_2), host)
        with contextlib.closing(stream):
            stream.until(_deadline(way))
            stream.handshake(way.limits)
            return True
    return False


def _deadline(way: Route) -> Deadline:
    return way.deadline.within(min(_SECONDS, way.limits.tls))
