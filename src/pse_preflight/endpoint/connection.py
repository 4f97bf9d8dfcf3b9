"""Name resolution and TCP, every step of it under a deadline."""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pse_preflight.checklist import Code
from pse_preflight.endpoint.model import Limits, StageFailed
from pse_preflight.errors import PreflightError

_NAME_HAS_NO_ADDRESS = {
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL", "EAI_ADDRFAMILY", "EAI_FAMILY")
    if hasattr(socket, name)
}
_CLEAREST_FIRST = (Code.PORT_REFUSED, Code.PORT_TIMEOUT, Code.PORT_UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Address:
    """One resolved address, ready to connect to."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        """Return the IP address without zone or port."""
        return str(self.sockaddr[0]).partition("%")[0]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock after which nothing may wait any more."""

    moment: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def within(self, seconds: float) -> "Deadline":
        """Return the deadline of a stage: that many seconds from now, but not after this one."""
        return Deadline(min(self.moment, time.monotonic() + seconds))

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: where none are.
        """
        seconds = self.moment - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class TimedSocket(socket.socket):
    """A TCP socket whose every wait ends at its deadline, however slowly the peer drips."""

    deadline: Deadline

    def connect(self, address: Any) -> None:
        """Connect before the deadline."""
        self.settimeout(self.deadline.left())
        super().connect(address)

    def recv(self, *args: Any) -> bytes:
        """Receive before the deadline."""
        self.settimeout(self.deadline.left())
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        """Receive into a buffer before the deadline."""
        self.settimeout(self.deadline.left())
        return super().recv_into(*args)

    def sendall(self, *args: Any) -> None:
        """Send before the deadline."""
        self.settimeout(self.deadline.left())
        super().sendall(*args)


def resolve(host: str, port: int, limits: Limits, deadline: Deadline) -> tuple[Address, ...]:
    """Return the addresses of a host in the resolver's order.

    Raises:
        StageFailed: HOST_UNKNOWN or DNS_TIMEOUT.
    """
    try:
        if _is_ip_address(host):
            return _addresses(_ask_resolver(host, port))
        found = _in_time(lambda: _ask_resolver(host, port), deadline.within(limits.resolve))
        addresses = _addresses(found)
    except TimeoutError as error:
        raise StageFailed(Code.DNS_TIMEOUT, name=host, seconds=limits.resolve) from error
    except socket.gaierror as error:
        code = Code.HOST_UNKNOWN if error.errno in _NAME_HAS_NO_ADDRESS else Code.DNS_TIMEOUT
        raise StageFailed(code, name=host, resolver_error=error.errno) from error
    except (OSError, UnicodeError) as error:
        raise StageFailed(Code.HOST_UNKNOWN, name=host) from error
    if not addresses:
        raise StageFailed(Code.HOST_UNKNOWN, name=host)
    return addresses


def connect(addresses: Sequence[Address], limits: Limits, deadline: Deadline) -> tuple[TimedSocket, Address]:
    """Connect to the first address that answers; each has its even share of the time that is left.

    Raises:
        StageFailed: PORT_REFUSED, PORT_TIMEOUT or PORT_UNREACHABLE, the clearest of what the addresses said.
    """
    stage = deadline.within(limits.connect)
    failures: dict[str, str] = {}
    for position, address in enumerate(addresses):
        try:
            share = stage.left() / (len(addresses) - position)
            return _connect_one(address, stage.within(share)), address
        except TimeoutError:
            failures[address.ip] = Code.PORT_TIMEOUT
        except ConnectionError:
            failures[address.ip] = Code.PORT_REFUSED
        except OSError:
            failures[address.ip] = Code.PORT_UNREACHABLE
    code = next(each for each in _CLEAREST_FIRST if each in failures.values())
    raise StageFailed(code, addresses=tuple(failures), seconds=limits.connect)


def _connect_one(address: Address, deadline: Deadline) -> TimedSocket:
    sock = TimedSocket(address.family, socket.SOCK_STREAM)
    try:
        sock.deadline = deadline
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ask_resolver(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _addresses(found: Iterable[Any]) -> tuple[Address, ...]:
    usable = (socket.AF_INET, socket.AF_INET6)
    return tuple(dict.fromkeys(Address(family, sockaddr) for family, *_, sockaddr in found if family in usable))


def _in_time(ask: Callable[[], list[Any]], deadline: Deadline) -> list[Any]:
    """Run a call that knows no time-out in a daemon thread, and leave it behind when time is over."""
    answers: queue.SimpleQueue[list[Any] | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            answers.put(error)

    try:
        threading.Thread(target=run, name="name resolution", daemon=True).start()
    except RuntimeError as error:  # the machine has no thread left for it
        raise PreflightError(f"no name can be resolved: {error}; run fewer systems at once") from None
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, BaseException):
        raise answer
    return answer
