"""What was seen of the client's own side: plain data."""

from dataclasses import dataclass

from pse_preflight.client.account import Reach
from pse_preflight.client.ini import Destination
from pse_preflight.client.library import Library
from pse_preflight.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSide:
    """What was seen of the client's own side.

    Attributes:
        host: the name of this machine.
        is_its_host: it is one of those that `client.hosts` names, or none is named.
        account: the name of the client's account, where one is configured and known here.
        reach: whether that account can read the PSE; None where none is configured, or there is no PSE.
        group_may_read: the group of the PSE is the one that `client.group` names.
        destination: what sapnwrfc.ini says; None where none is configured or it could not be read.
        library: SAP's TLS library; None where none is configured.
        findings: what is to be said of all this.
    """

    host: str
    is_its_host: bool = True
    account: str = ""
    reach: Reach | None = None
    group_may_read: bool = False
    destination: Destination | None = None
    library: Library | None = None
    findings: tuple[Finding, ...] = ()
