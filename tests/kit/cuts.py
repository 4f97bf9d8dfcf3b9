"""A connection that is cut after so many bytes, in either direction, by an orderly end or by a reset."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Literal

from tests.kit.servers import Connection, Server, Talk

Side = Literal["server", "client"]
"""Whose bytes are counted."""


@dataclass
class Cut:
    """Where each connection is cut: after so many bytes; the most that were seen are counted."""

    side: Side = "server"
    after: int | None = None
    reset: bool = False
    most: int = 0


def cutting(to: Server, cut: Cut) -> Talk:
    """Hand on what a client and a server say to each other, until the connection is cut."""

    def talk(connection: Connection) -> None:
        with contextlib.closing(socket.create_connection((to.host, to.port), 10)) as upstream:
            connection.server._open.add(upstream)
            client, ended = connection.sock, threading.Event()
            there = threading.Thread(target=_pump, args=(client, upstream, cut, "client", ended), daemon=True)
            there.start()
            _pump(upstream, client, cut, "server", ended)
            for each in (client, upstream):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD if cut.reset else socket.SHUT_RDWR)
            there.join(10)
            for each in (client, upstream):
                if cut.reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.close()
            connection.server._open.discard(upstream)

    return talk


def _pump(source: socket.socket, sink: socket.socket, cut: Cut, side: Side, ended: threading.Event) -> None:
    handed = 0
    left = cut.after if cut.side == side else None
    with contextlib.suppress(OSError):
        while not ended.is_set() and (left is None or left > 0) and (data := source.recv(1 << 16)):
            piece = data if left is None else data[:left]
            sink.sendall(piece)
            handed += len(piece)
            cut.most = max(cut.most, handed) if cut.side == side else cut.most
            left = None if left is None else left - len(piece)
    ended.set()
    for each, way in ((source, socket.SHUT_RD), (sink, socket.SHUT_RD if cut.reset else socket.SHUT_RDWR)):
        with contextlib.suppress(OSError):
            each.shutdown(way)
