"""An HTTP request by `requests` over a connection that we open ourselves; imported only when one is made."""

import contextlib
import functools
import io
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection

from pse_preflight.endpoint.tls import TlsStream
from pse_preflight.endpoint.tunnel import USER_AGENT

Opener = Callable[[], TlsStream]

HTTP_FAILURES = (OSError, urllib3.exceptions.HTTPError)
"""What asking and reading raise when the peer gives no proper answer; errors of `requests` are OSErrors."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}


class _Lent:
    """A TlsStream in the shape of a socket, as far as an HTTP client needs one; its opener closes it."""

    def __init__(self, stream: TlsStream) -> None:
        self._stream = stream
        self.sendall = stream.sendall

    def makefile(self, _mode: str, *_options: Any) -> io.BufferedReader:
        """Return what the answer is read from."""
        return io.BufferedReader(self._stream)

    def settimeout(self, _seconds: float | None) -> None:
        """Ignore the HTTP client's wish: the stream has a deadline."""

    def close(self) -> None:
        """Leave the stream open: the client closes its socket before it reads the body."""


class _Connection(HTTPSConnection):
    """A connection whose socket is a TlsStream."""

    def __init__(self, *args: Any, opener: Opener, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opener = opener

    def connect(self) -> None:
        """Open the connection in our way; what may be told from it is decided later, from the chain it shows."""
        self.sock = _Lent(self._opener())  # all that an HTTP client needs of a socket
        self.is_verified = True  # nothing secret is sent, so the warning about an unverified peer has no point


class _Adapter(HTTPAdapter):
    """The transport of one request to one system."""

    def __init__(self, host: str, port: int, opener: Opener) -> None:
        super().__init__(max_retries=0)
        self._pool = urllib3.HTTPSConnectionPool(host, port)
        self._pool.ConnectionCls = functools.partial(_Connection, opener=opener)  # type: ignore[assignment]  # a callable will do

    def get_connection_with_tls_context(self, *_args: Any, **_options: Any) -> urllib3.HTTPSConnectionPool:
        """Return the one pool, whatever proxies or certificates `requests` thinks of."""
        return self._pool

    def cert_verify(self, *_args: Any, **_options: Any) -> None:
        """Leave the TLS settings alone: the connection has its own."""

    def close(self) -> None:
        """Close the pool too."""
        self._pool.close()
        super().close()


class _Session(requests.Session):
    """A session that knows nothing of this machine's proxies and passwords, and does not look at redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.headers.update(_HEADERS)

    def get_redirect_target(self, _response: Any) -> None:
        """Say that there is none: even to read it could fail."""


@contextlib.contextmanager
def ask(url: str, host: str, port: int, opener: Opener) -> Iterator[requests.Response]:
    """Send one GET without any login, and give its answer with the body unread.

    Raises:
        StageFailed: what the opener raises passes through as it is.
        HTTP_FAILURES: where no answer comes.
    """
    with _Session() as session:
        session.mount("https://", _Adapter(host, port, opener))
        with session.get(url, stream=True, allow_redirects=False) as response:
            yield response


def first_part(response: requests.Response, most: int) -> bytes:
    """Read a body up to that many bytes; a body that stops half-way counts as far as it came."""
    body = b""
    with contextlib.suppress(*HTTP_FAILURES):
        while len(body) < most and (piece := response.raw.read(min(4096, most - len(body)), decode_content=False)):
            body += piece
    return body
