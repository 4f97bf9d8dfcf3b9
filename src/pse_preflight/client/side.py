"""What was seen of the client's own side: plain data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pse_preflight.findings import Finding

if TYPE_CHECKING:  # what looks is loaded only where systems.yaml says something of the client
    from pse_preflight.client.account import Reach
    from pse_preflight.client.connections import Connections
    from pse_preflight.client.ini import Destination
    from pse_preflight.client.library import Library
    from pse_preflight.client.own_certificate import OwnCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSide:
    """What was seen of the client's own side.

    Attributes:
        host: the name of this machine.
        windows: paths on it are those of Windows.
        is_its_host: it is one of those that `client.hosts` names, or none is named.
        runs_as: whom the client runs as, as systems.yaml says or the service manager; empty where neither does.
        account_is_assumed: nobody says it, and the product's usual one is taken.
        account: the name of the client's account, where one is configured and known here.
        account_problem: why nothing is known of the account that is configured.
        is_this_account: the client's account is the one that runs this.
        sids: on Windows, the SIDs of that account and of `client.group`.
        own_folder: where that account looks for its PSE if nobody names the folder; empty where that does not matter.
        reach: whether that account can read the PSE; None where none is configured, or there is no PSE.
        group_may_read: the group of the PSE is the one that `client.group` names.
        ini_problem: why sapnwrfc.ini could not be read.
        destinations: what sapnwrfc.ini says; empty where none is configured.
        dest: the name of the destination that the client uses.
        connections: what the product's own files say; None where no product is configured.
        library: SAP's TLS library; None where none is configured.
        library_reach: whether the client's account can read it; None where that was not looked at.
        own_certificate: the certificate with which the client logs on; None where it does not, or cannot be read.
        findings: what is to be said of all this.
    """

    host: str
    windows: bool = False
    is_its_host: bool = True
    runs_as: str = ""
    account_is_assumed: bool = False
    account: str = ""
    account_problem: str = ""
    is_this_account: bool = False
    sids: frozenset[str] = frozenset()
    own_folder: str = ""
    reach: "Reach | None" = None
    group_may_read: bool = False
    ini_problem: str = ""
    destinations: "tuple[Destination, ...]" = ()
    dest: str = ""
    connections: "Connections | None" = None
    library: "Library | None" = None
    library_reach: "Reach | None" = None
    own_certificate: "OwnCertificate | None" = None
    findings: tuple[Finding, ...] = ()

    @property
    def destination(self) -> "Destination | None":
        """Return what sapnwrfc.ini says of the client's destination; None where it has none of this name."""
        return next((each for each in self.destinations if each.name == self.dest), None)


NOT_LOOKED_AT = ClientSide(host="", is_its_host=False)
"""What stands where nobody looked: nothing is known to be as it should."""
