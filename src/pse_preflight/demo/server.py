"""A loopback "S/4HANA Cloud" with a certificate authority of its own, for --system=demo.

To everything else it is an ordinary system: an URL, a file of roots, a PSE.
"""

import base64
import hashlib
import os
import ssl
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from filelock import FileLock

from pse_preflight.certificate import now
from pse_preflight.demo import NAME
from pse_preflight.demo.authority import Identity, PrivateKey, ec_key, root_authority
from pse_preflight.errors import PreflightError

_HOST = "localhost"
_REALM = 'Basic realm="SAP NetWeaver Application Server [DMO/100]"'
_WEBSOCKET_PATH = "/sap/bc/rfc"
_WEBSOCKET_PROTOCOL = "rfc.sap.com"
_WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_AUTHORITY_DAYS = 20 * 365
_QUIET_SECONDS = 10
_LONGEST_WAIT = 0.5

Chain = tuple[tuple[x509.Certificate, ...], Identity]
"""What the server sends, and the identity that holds the key of its first certificate."""


class UnknownScenario(PreflightError):
    """There is no demo scenario of this name."""


class DemoUnusable(PreflightError):
    """The demo system's own files are damaged."""


@dataclass(frozen=True, slots=True)
class Described:
    """The demo system as an ordinary one.

    Attributes:
        alias: its name.
        keys: what systems.yaml would say of it.
        start: makes its certificates and begins to answer; until then a connection waits.
    """

    alias: str
    keys: Mapping[str, Any]
    start: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Authorities:
    """The demo system's certificate authorities, the same in every run."""

    root: Identity
    issuing: Identity

    def server(self, *, days: float = 90, age: float = 1, host: str = _HOST) -> Identity:
        return self.issuing.issue_server([host], now() - timedelta(days=age), days)


def _good(ours: _Authorities) -> Chain:
    server = ours.server()
    return server.chain, server


def _root_sent(ours: _Authorities) -> Chain:
    server = ours.server()
    return (server.certificate, *server.issuers), server


def _missing_intermediate(ours: _Authorities) -> Chain:
    server = ours.server()
    return (server.certificate,), server


def _wrong_intermediate(ours: _Authorities) -> Chain:
    server = ours.server()
    other = ours.root.issue_authority("Demo Retired Issuing CA", now() - timedelta(days=800), 3000)
    return (server.certificate, other.certificate), server


def _untrusted_root(_: _Authorities) -> Chain:
    root = root_authority("Demo Root CA nobody knows", now() - timedelta(days=9), 900)
    server = root.issue_authority("Demo Issuing CA nobody knows", now() - timedelta(days=9), 900).issue_server(
        [_HOST], now() - timedelta(days=1), 90
    )
    return server.chain, server


def _self_signed(_: _Authorities) -> Chain:
    key = ec_key()
    lone = root_authority(_HOST, now() - timedelta(days=1), 90, key=key)
    server = lone.issue_server([_HOST], now() - timedelta(days=1), 90, common_name=_HOST, key=key)
    return (server.certificate,), server


def _expired_leaf(ours: _Authorities) -> Chain:
    server = ours.server(days=90, age=100)
    return server.chain, server


def _expired_intermediate(ours: _Authorities) -> Chain:
    ended = ours.root.issue_authority("Demo Issuing CA of old", now() - timedelta(days=800), 799)
    server = ended.issue_server([_HOST], now() - timedelta(days=1), 90)
    return server.chain, server


def _wrong_host(ours: _Authorities) -> Chain:
    server = ours.server(host="my401122-api.example.com")
    return server.chain, server


_SCENARIOS: Mapping[str, Callable[[_Authorities], Chain]] = {
    "good": _good,
    "root-sent": _root_sent,
    "missing-intermediate": _missing_intermediate,
    "wrong-intermediate": _wrong_intermediate,
    "untrusted-root": _untrusted_root,
    "self-signed": _self_signed,
    "expired-leaf": _expired_leaf,
    "expired-intermediate": _expired_intermediate,
    "wrong-host": _wrong_host,
}
SCENARIOS = tuple(_SCENARIOS)


def describe(scenario: str, evidence: Path) -> Described:
    """Reserve a loopback port for a scenario ("" for the good one) and describe the system behind it.

    Raises:
        UnknownScenario: with the names that there are.
    """
    if scenario and scenario not in _SCENARIOS:
        raise UnknownScenario(f"no such scenario; there are {', '.join(SCENARIOS)}")
    alias = f"{NAME}-{scenario}" if scenario else NAME
    authority, home = evidence / "demo-authority", evidence / alias
    server = _DemoServer(_SCENARIOS[scenario or "good"], authority)
    keys = {
        "url": f"https://{_HOST}:{server.port}",
        "pse": str(home / "client.pse"),
        "secudir": str(home),
        "roots": str(authority / "root.pem"),
        "tags": [NAME],
    }
    return Described(alias, keys, server.start)


class _DemoServer:
    """An HTTPS server on loopback that begins to answer when it is told to."""

    def __init__(self, scenario: Callable[[_Authorities], Chain], authority: Path) -> None:
        self._scenario = scenario
        self._authority = authority
        self._lock = threading.Lock()
        self._started = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._ended = threading.Event()
        self._unused = weakref.finalize(self, self._server.server_close)
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Make the certificates and answer from now on; a second call does nothing."""
        with self._lock:
            if self._started:
                return
            chain, holder = self._scenario(_authorities(self._authority))
            context = _context(chain, holder)
            self._server.get_request = partial(_accept, self._server, context)  # type: ignore[method-assign]
            try:
                threading.Thread(
                    target=_serve, args=(self._server, self._ended), name="demo system", daemon=True
                ).start()
            except RuntimeError as error:  # the machine has no thread left for it
                raise PreflightError(f"the demo system cannot be started: {error}") from None
            self._unused.detach()
            weakref.finalize(self, self._ended.set)
            self._started = True


def _serve(server: ThreadingHTTPServer, ended: threading.Event) -> None:
    """Answer until nobody holds the system any longer; only then close the socket that is waited on."""
    server.timeout = _LONGEST_WAIT
    while not ended.is_set():
        server.handle_request()
    server.server_close()


def _accept(server: ThreadingHTTPServer, context: ssl.SSLContext) -> tuple[ssl.SSLSocket, Any]:
    """Accept a connection; the handshake is left to the connection's own thread."""
    connection, address = server.socket.accept()
    connection.settimeout(_QUIET_SECONDS)
    return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


def _context(chain: tuple[x509.Certificate, ...], holder: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="pse-preflight-") as folder:  # 0700: the key is in it
        file = Path(folder) / "server.pem"
        file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain) + holder.key_pem)
        context.load_cert_chain(file)
    return context


class _Handler(BaseHTTPRequestHandler):
    """Answers like an ABAP system to somebody who has not logged on."""

    protocol_version = "HTTP/1.1"
    server_version = "SAP NetWeaver Application Server / ABAP 758"
    sys_version = ""

    def do_GET(self) -> None:
        """Upgrade to WebSocket RFC, or ask for a logon."""
        if self.headers.get("Upgrade", "").lower() == "websocket" and self.path.startswith(_WEBSOCKET_PATH):
            self._upgrade()
        else:
            self._ask_for_logon()

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def handle(self) -> None:
        """Answer, and let a peer go that only wanted the handshake."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Stay silent: the reports are the client's."""

    def _ask_for_logon(self) -> None:
        body = b"<html><body>Logon failed</body></html>"
        self.send_response(401, "Unauthorized")
        self.send_header("WWW-Authenticate", _REALM)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("sap-system", "DMO")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _upgrade(self) -> None:
        key = self.headers.get("Sec-WebSocket-Key", "") + _WEBSOCKET_GUID
        self.send_response(101, "Switching Protocols")
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.send_header("Sec-WebSocket-Protocol", _WEBSOCKET_PROTOCOL)
        self.end_headers()
        self.close_connection = True


def _authorities(folder: Path) -> _Authorities:
    """Return the authorities kept in the folder; make them when they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "lock", timeout=60), _removed_at_the_end(folder / "lock"):
        if not (folder / "root.pem").exists():
            _make_authorities(folder)
        try:
            root = _load(folder, "root", ())
            return _Authorities(root, _load(folder, "issuing", (root.certificate,)))
        except (OSError, ValueError, TypeError) as error:
            raise DemoUnusable(f"{folder} is damaged ({type(error).__name__}); remove it to begin again") from None


@contextmanager
def _removed_at_the_end(lock: Path) -> Iterator[None]:
    """Let a lock that is held not stay: who waits for it sees that it has lost its name, and locks a new one."""
    try:
        yield
    finally:
        if sys.platform != "win32":  # there, who releases the lock removes it
            with suppress(OSError):
                lock.unlink()


def _make_authorities(folder: Path) -> None:
    start: datetime = now() - timedelta(days=2)
    root = root_authority("Demo Root CA", start, _AUTHORITY_DAYS)
    issuing = root.issue_authority("Demo Issuing CA", start, _AUTHORITY_DAYS - 1, path_length=0)
    _save(folder, "issuing", issuing)
    _save(folder, "root", root)  # last: its presence says that everything is there


def _save(folder: Path, name: str, identity: Identity) -> None:
    _write_private(folder / f"{name}.key", identity.key_pem)
    _write_private(folder / f"{name}.pem", identity.certificate.public_bytes(Encoding.PEM))


def _write_private(file: Path, content: bytes) -> None:
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _load(folder: Path, name: str, issuers: tuple[x509.Certificate, ...]) -> Identity:
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    if not isinstance(key, PrivateKey):
        raise TypeError("a key of another kind")
    return Identity(certificate, key, issuers)
