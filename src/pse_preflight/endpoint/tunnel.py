"""The opening of a tunnel through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6)."""

import base64
import socket

from pse_preflight import __version__
from pse_preflight.checklist import Code
from pse_preflight.endpoint.connection import TimedSocket
from pse_preflight.endpoint.head import HeadUnreadable, HttpHead, read_head
from pse_preflight.endpoint.model import StageFailed, Target
from pse_preflight.endpoint.records import shown, starts_like_tls
from pse_preflight.landscape.url import Proxy, authority

USER_AGENT = f"pse-preflight/{__version__}"
_LONGEST_HEAD = 16 * 1024
_PIECE = 1024
_LOGIN_WANTED = 407
# What a proxy says that understood the request and does not open the tunnel; a web server says other things.
_REFUSALS = frozenset({403, 408, 429, 500, 502, 503, 504})


def open_tunnel(sock: TimedSocket, target: Target, proxy: Proxy) -> None:
    """Ask the proxy for a tunnel to the target; on return the next byte is the target's.

    Raises:
        StageFailed: PROXY_REFUSED, PROXY_WANTS_LOGIN, PROXY_ANSWERS_ITSELF, or PORT_TIMEOUT for no answer.
    """
    sent_login = proxy.user is not None
    try:
        sock.sendall(_request(target, proxy))
        head = read_head(lambda: _line(sock), _LONGEST_HEAD)
    except TimeoutError as error:
        raise StageFailed(Code.PORT_TIMEOUT, proxy_is_silent=True) from error
    except HeadUnreadable as error:
        if not error.seen:
            raise StageFailed(Code.PROXY_REFUSED, closed=True) from error
        is_tls = starts_like_tls(error.seen)
        raise StageFailed(Code.PROXY_ANSWERS_ITSELF, first_bytes=shown(error.seen), speaks_tls=is_tls) from error
    except OSError as error:
        raise StageFailed(Code.PROXY_REFUSED, closed=True) from error
    _judge(head, sent_login=sent_login)


def _line(sock: TimedSocket) -> bytes:
    """Receive what is there, at most to the end of a line: what follows the head is the target's."""
    there = sock.recv(_PIECE, socket.MSG_PEEK)
    return sock.recv(there.find(b"\n") + 1 or len(there)) if there else b""


def _request(target: Target, proxy: Proxy) -> bytes:
    where = authority(target.host, target.port)
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", f"User-Agent: {USER_AGENT}"]
    if proxy.user is not None:
        login = f"{proxy.user}:{proxy.password or ''}".encode(errors="surrogateescape")
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode('ascii')}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _judge(head: HttpHead, *, sent_login: bool) -> None:
    is_page = head.first("content-type").startswith("text/html") and head.first("content-length") not in {"", "0"}
    if head.status == _LOGIN_WANTED:
        schemes = tuple(dict.fromkeys(each.split(" ")[0][:40] for each in head.all("proxy-authenticate")))
        raise StageFailed(Code.PROXY_WANTS_LOGIN, schemes=schemes, sent_login=sent_login)
    if head.status in _REFUSALS:
        raise StageFailed(Code.PROXY_REFUSED, status=head.status)
    if head.status // 100 != 2 or is_page:  # noqa: PLR2004 - the class of the status
        raise StageFailed(Code.PROXY_ANSWERS_ITSELF, status=head.status, location=head.location)
