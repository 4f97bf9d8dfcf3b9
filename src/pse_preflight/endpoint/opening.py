"""The way from a name to a socket that reaches the system: resolve, connect, tunnel."""

from dataclasses import dataclass

from pse_preflight.endpoint.connection import Address, Deadline, TimedSocket, connect, resolve
from pse_preflight.endpoint.model import Limits, Target
from pse_preflight.endpoint.tunnel import open_tunnel


@dataclass(slots=True)
class Route:
    """The way to a system, walked at most once per connection; what was learnt on it stays.

    Attributes:
        only: the one address to connect to, of those that the name resolves to; None for any.
    """

    target: Target
    limits: Limits
    deadline: Deadline
    only: str | None = None
    addresses: tuple[Address, ...] = ()
    address: Address | None = None

    def open(self) -> TimedSocket:
        """Return a socket whose next byte comes from the system.

        Raises:
            StageFailed: with the code of the stage that failed.
        """
        host, port = self.target.peer
        self.addresses = self.addresses or resolve(self.only or host, port, self.limits, self.deadline)
        candidates = (self.address,) if self.address else self.addresses
        sock, self.address = connect(candidates, self.limits, self.deadline)
        if proxy := self.target.proxy:
            try:
                sock.deadline = self.deadline.within(self.limits.connect)
                open_tunnel(sock, self.target, proxy)
            except BaseException:
                sock.close()
                raise
        return sock
