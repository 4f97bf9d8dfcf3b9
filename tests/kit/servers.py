"""Small servers on the loopback interface, good ones and broken ones; each leaves nothing behind.

A server is an accept loop and a *talk*: a function that is given each connection and says what the server does with it.
"""

import base64
import contextlib
import ctypes
import hashlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pse_preflight.demo.authority import Identity, PrivateKey
from pse_preflight.endpoint.model import Target
from pse_preflight.landscape.url import Proxy

LOOPBACK = "127.0.0.1"
SAP_REALM = "SAP NetWeaver Application Server [PRD/100]"
SAP_SERVER = "SAP NetWeaver Application Server / ABAP 793"
_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PATIENCE = 60.0


@dataclass(eq=False)
class Connection:
    """One accepted connection, as a talk sees it."""

    sock: socket.socket
    server: "Server"

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def request(self) -> bytes:
        """Read one request head and remember it."""
        head = b""
        while b"\r\n\r\n" not in head and (piece := self.sock.recv(4096)):
            head += piece
        self.server.requests.append(head)
        return head

    def until_the_end(self) -> bytes:
        """Read until the client or the server ends."""
        data = b""
        with contextlib.suppress(OSError):
            while piece := self.sock.recv(4096):
                data += piece
        return data

    def drip(self, pieces: Iterable[bytes], seconds: float = 0.01) -> None:
        """Send piece after piece with a pause before each, until the server stops or the client has gone."""
        for piece in pieces:
            if self.server.stopping.wait(seconds):
                return
            self.send(piece)

    def reset(self) -> None:
        """Close so that the client gets a reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Talk = Callable[[Connection], None]


@dataclass(eq=False)
class Server:
    """A server that listens; `requests` holds every request head that it was sent, `connections` counts."""

    listener: socket.socket
    talk: Talk
    host: str = field(init=False)
    port: int = field(init=False)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    _open: set[socket.socket] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host, self.port = self.listener.getsockname()[:2]

    @property
    def target(self) -> Target:
        return Target(self.host, self.port)

    @property
    def proxy(self) -> Proxy:
        return Proxy(self.host, self.port)

    def start(self) -> None:
        self._run(self._accept)

    def stop(self) -> None:
        self.stopping.set()
        # A listener that somebody waits on is not freed by closing it; a last connection wakes the waiter.
        with contextlib.suppress(OSError), socket.socket(self.listener.family) as waker:
            waker.settimeout(1)
            waker.connect((self.host, self.port))
        self._join(self._threads[0])  # from here on, no connection comes to those that are closed below
        self.listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # the TCP below, where it is a socket of TLS
        for thread in self._threads:
            self._join(thread)

    def _join(self, thread: threading.Thread) -> None:
        thread.join(_PATIENCE)
        assert not thread.is_alive(), "a test server does not end"

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _peer = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.add(sock)
            self._run(lambda sock=sock: self._serve(sock))  # type: ignore[misc]

    def _serve(self, sock: socket.socket) -> None:
        try:
            if not self.stopping.is_set():
                self.talk(Connection(sock, self))
        except OSError:
            pass  # the client has gone, or the server stops
        finally:
            self._open.discard(sock)
            sock.close()


@contextlib.contextmanager
def serve(talk: Talk, *, family: socket.AddressFamily = socket.AF_INET) -> Iterator[Server]:
    """Serve plain TCP."""
    listener = socket.create_server(("::1" if family == socket.AF_INET6 else LOOPBACK, 0), family=family, backlog=512)
    server = Server(listener, talk)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# what a server says in HTTP


def http_answer(status: str, *headers: str, body: bytes = b"", date: datetime | None = None) -> bytes:
    """Write an HTTP answer with Content-Length, and with a Date where one is given."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    lines += [f"Date: {format_datetime(date.astimezone(UTC), usegmt=True)}"] if date else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def answering(answer: bytes) -> Talk:
    """Read a request, give that answer, and close."""

    def talk(connection: Connection) -> None:
        connection.request()
        connection.send(answer)

    return talk


def replying(status: str, *headers: str, body: bytes = b"", date: datetime | None = None) -> Talk:
    """Answer every request with that status."""
    return answering(http_answer(status, *headers, body=body, date=date))


def redirecting(to: str) -> Talk:
    """Answer every request with a redirect."""
    return replying("302 Found", f"Location: {to}")


PASSWORD_PAGE = b'<form><input name="j_password" type="password"></form>'


def showing_page(body: bytes, status: str = "200 OK") -> Talk:
    """Answer every request with a page for people."""
    return replying(status, "Content-Type: text/html; charset=utf-8", body=body)


def endless(head: bytes, piece: bytes) -> Talk:
    """Answer with a beginning and then with the same piece again and again, until nobody listens any more."""

    def talk(connection: Connection) -> None:
        connection.request()
        connection.send(head)
        connection.drip(iter(lambda: piece, None), 0.005)

    return talk


def closes_without_goodbye(connection: Connection) -> None:
    """Read a request and close the TCP connection; TLS gets no close_notify."""
    connection.request()
    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


WINE = sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")
RESET = "closed the connection" if WINE else "reset"
"""What is told of a reset: Wine hands it to a program as an end in good order, or not at all."""


def resets_after_request(connection: Connection) -> None:
    """Read a request and reset."""
    connection.request()
    connection.reset()


def answering_like_abap(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Talk:
    """Answer as an ABAP system does to somebody unknown: 401 with an SAP realm, or a WebSocket for RFC."""

    def talk(connection: Connection) -> None:
        head = connection.request()
        if b"\r\nUpgrade: websocket\r\n" in head:
            connection.send(websocket_accept(head))
            connection.server.requests.append(connection.until_the_end())
        else:
            realm = f'WWW-Authenticate: Basic realm="{SAP_REALM}"'
            connection.send(http_answer("401 Unauthorized", realm, f"Server: {SAP_SERVER}", date=clock()))

    return talk


def websocket_accept(head: bytes, *headers: str) -> bytes:
    """Write the answer that opens a WebSocket for the key in the request; headers replace the subprotocol."""
    key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_SUFFIX, usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", *(headers or ("Sec-WebSocket-Protocol: rfc.sap.com",))]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


# what a server says in TLS


def server_context(identity: Identity, chain: Sequence[x509.Certificate] | None = None) -> ssl.SSLContext:
    """Return a context that presents the chain, by default the identity's without its root."""
    return presenting_context([_der(each) for each in (identity.chain if chain is None else chain)], identity.key)


def presenting_context(presented: Sequence[bytes], key: PrivateKey) -> ssl.SSLContext:
    """Return a context that presents DER certificates as they are; weak keys are allowed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    _load(context, presented, key)
    return context


def add_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Let a server present that identity too, to clients that can use its kind of key."""
    _load(context, [_der(each) for each in identity.chain], identity.key)


def _load(context: ssl.SSLContext, presented: Sequence[bytes], key: PrivateKey) -> None:
    plain = PrivateFormat.PKCS8, NoEncryption()
    with tempfile.TemporaryDirectory() as folder:
        certificates, key_file = Path(folder, "chain.pem"), Path(folder, "key.pem")
        certificates.write_text("".join(ssl.DER_cert_to_PEM_cert(each) for each in presented))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, *plain))
        context.load_cert_chain(certificates, key_file)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def over_tls(context: ssl.SSLContext, talk: Talk) -> Talk:
    """Do the talk inside TLS; a client that breaks off ends it."""

    def talk_in_tls(connection: Connection) -> None:
        with contextlib.closing(context.wrap_socket(connection.sock, server_side=True)) as sock:
            connection.server._open.add(sock)
            try:
                talk(Connection(sock, connection.server))
                with contextlib.suppress(OSError, ValueError):
                    sock.unwrap()
            finally:
                connection.server._open.discard(sock)

    return talk_in_tls


@contextlib.contextmanager
def serve_tls(
    identity: Identity,
    *,
    chain: Sequence[x509.Certificate] | None = None,
    talk: Talk | None = None,
    change: Callable[[ssl.SSLContext], None] = lambda _context: None,
    family: socket.AddressFamily = socket.AF_INET,
) -> Iterator[Server]:
    """Serve HTTPS, like an ABAP system unless another talk is given; `change` has the last word on the context."""
    context = server_context(identity, chain)
    change(context)
    with serve(over_tls(context, talk or answering_like_abap()), family=family) as server:
        yield server


def only_tls_1_2(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def only_tls_1_3(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3


def wanting_a_certificate(
    version: Callable[[ssl.SSLContext], None], issuer: Identity
) -> Callable[[ssl.SSLContext], None]:
    """Let nobody in who shows no client certificate of the issuer's."""

    def change(context: ssl.SSLContext) -> None:
        version(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=_der(issuer.certificate))

    return change


# what is wrong with a server


def silent(connection: Connection) -> None:
    """Take the connection and never say a word."""
    connection.until_the_end()


def resets_after_hello(connection: Connection) -> None:
    """Read the ClientHello and reset, as an IP allow list in a firewall does."""
    connection.sock.recv(4096)
    connection.reset()


def closes_after_hello(connection: Connection) -> None:
    """Read the ClientHello and close in good order."""
    connection.sock.recv(4096)


def says(data: bytes) -> Talk:
    """Answer the first bytes that come with that, and close."""

    def talk(connection: Connection) -> None:
        connection.sock.recv(4096)
        connection.send(data)

    return talk


def speaks_ssh(connection: Connection) -> None:
    """Greet like an SSH server."""
    connection.send(b"SSH-2.0-OpenSSH_9.6\r\n")
    connection.until_the_end()


def speaks_plain_http(connection: Connection) -> None:
    """Answer whatever comes as a web server that cannot read it."""
    connection.sock.recv(4096)
    connection.send(http_answer("400 Bad Request", "Content-Type: text/html", body=b"<h1>Bad Request</h1>"))


def waits_for_a_line(connection: Connection) -> None:
    """Speak plain HTTP, and stay silent until a whole request line has come, as many servers do."""
    if connection.sock.recv(4096).startswith((b"GET ", b"HEAD ")):
        connection.send(http_answer("200 OK"))
    connection.until_the_end()


def floods_the_handshake(connection: Connection) -> None:
    """Answer the ClientHello with requests for another one, which a client has to ignore, again and again."""
    connection.sock.recv(4096)
    connection.drip(iter(lambda: b"\x16\x03\x03\x40\x00" + bytes(0x4000), None), 0.001)


def alerts(number: int) -> Talk:
    """Refuse every ClientHello with that alert."""
    return says(bytes([21, 3, 3, 0, 2, 2, number]))


def sends_flight(*certificates: bytes, version: int = 0x0303) -> Talk:
    """Answer with ServerHello and Certificate made by hand, then close: for what no TLS library would send."""

    def talk(connection: Connection) -> None:
        connection.sock.recv(4096)
        for start in range(0, len(flight := handmade_flight(*certificates, version=version)), 16384):
            piece = flight[start : start + 16384]
            connection.send(bytes([22, 3, 3]) + len(piece).to_bytes(2) + piece)

    return talk


def handmade_flight(*certificates: bytes, version: int = 0x0303) -> bytes:
    """Return the handshake messages ServerHello (ECDHE_ECDSA, AES 128 GCM) and Certificate."""
    extensions = bytes.fromhex("ff01000100")
    hello = version.to_bytes(2) + bytes(32) + b"\0" + bytes.fromhex("c02b00") + len(extensions).to_bytes(2) + extensions
    listed = b"".join(len(each).to_bytes(3) + each for each in certificates)
    return _message(2, hello) + _message(11, len(listed).to_bytes(3) + listed)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def has_ipv6_loopback() -> bool:
    """Tell whether this machine can listen on ::1."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def unanswered_port() -> Iterator[int]:
    """Give a port whose queue of connections is full, so that further requests get no answer at all (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        address = listener.getsockname()
        for _ in range(16):
            sock = stack.enter_context(socket.socket())
            sock.settimeout(0.2)
            try:
                sock.connect(address)
            except TimeoutError:
                yield int(address[1])
                return
        raise AssertionError("the queue does not fill up here")


# proxies


@contextlib.contextmanager
def real_proxy(*options: str) -> Iterator[Proxy]:
    """Run the program proxy.py as a process of its own; options as its command line has them."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder, "port")
        command = [sys.executable, "-m", "proxy", "--hostname", LOOPBACK, "--port", "0", "--port-file", str(port_file)]
        command += [
            "--num-workers",
            "1",
            "--num-acceptors",
            "1",
            "--data-dir",
            folder,
            "--log-level",
            "ERROR",
            *options,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = _end_of_all(process)
        try:
            port = _port_in(port_file, process)
            _await_an_answer(port)  # the processes that serve it start after the port is told
            yield Proxy(LOOPBACK, port)
        finally:
            end()
            process.wait(_PATIENCE)


if sys.platform == "win32":

    def _end_of_all(process: subprocess.Popen[bytes]) -> Callable[[], None]:
        """Return what ends a program with all that it starts, which on Windows do not end with it."""
        import win32api
        import win32con
        import win32job

        job: Any = win32job.CreateJobObject(None, "")  # type: ignore[func-returns-value] # the stub forgets it
        win32job.AssignProcessToJobObject(job, win32api.OpenProcess(win32con.PROCESS_ALL_ACCESS, False, process.pid))
        return lambda: win32job.TerminateJobObject(job, 1)

else:

    def _end_of_all(process: subprocess.Popen[bytes]) -> Callable[[], None]:
        """Return what ends a program, which ends all that it has started."""
        return process.terminate


def _await_an_answer(port: int) -> None:
    with socket.create_connection((LOOPBACK, port), _PATIENCE) as asking:
        asking.sendall(f"CONNECT {LOOPBACK}:1 HTTP/1.1\r\n\r\n".encode())
        asking.recv(1)


def _port_in(port_file: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if port_file.is_file() and (text := port_file.read_text().strip()):
            return int(text)
        threading.Event().wait(0.05)
    raise AssertionError("the proxy program does not start")


def tunnelling(to: Server, first: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Talk:
    """Open a tunnel to a server, whatever host is asked for."""

    def talk(connection: Connection) -> None:
        connection.request()
        connection.send(first)
        with socket.create_connection((to.host, to.port)) as far:
            connection.server._open.add(far)
            back = threading.Thread(target=_pump, args=(far, connection.sock), daemon=True)
            back.start()
            _pump(connection.sock, far)
            back.join(_PATIENCE)
            connection.server._open.discard(far)

    return talk


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# names


def resolver(*answers: Sequence[str] | BaseException) -> Callable[..., list[Any]]:
    """Stand in for `socket.getaddrinfo`: each call gets the next answer, addresses or an error to raise."""
    rest = iter(answers)

    def getaddrinfo(_host: str, port: int, *_args: Any, **_options: Any) -> list[Any]:
        answer = next(rest)
        if isinstance(answer, BaseException):
            raise answer
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answer]

    return getaddrinfo
