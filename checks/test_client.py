"""Is what is checked here what the client really uses?"""

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import pytest

from pse_preflight.checklist import Code
from pse_preflight.landscape.system import System
from pse_preflight.verdict.proof import Holds

if TYPE_CHECKING:
    from pse_preflight.client.connections import ProductConnection
    from pse_preflight.client.ini import Destination
    from pse_preflight.client.side import ClientSide

pytestmark = pytest.mark.client

OLDEST_LIBRARY = (8, 5)
LONGEST_ALIAS = 40
HOST_ALONE = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")


def test_this_is_the_clients_host(system: System, client: "ClientSide", holds: Holds) -> None:
    """This machine is one of those that the client runs on."""
    hosts = system.client.hosts if system.client else ()
    names = {each.lower().partition(".")[0] for each in hosts}
    holds(client.host.lower().partition(".")[0] in names, unless=Code.WRONG_HOST)


def test_pse_path_is_the_same_for_the_client_account(system: System, client: "ClientSide", holds: Holds) -> None:
    """The path of the PSE does not depend on who runs this."""
    personal = system.client is not None and system.client.path_is_personal
    holds(client.account)
    holds(client.is_this_account or not personal, unless=Code.PSE_PATH_IS_PERSONAL)


def test_client_ini_names_what_is_checked(system: System, client: "ClientSide", holds: Holds) -> None:
    """Host, port, PSE, library and proxy in sapnwrfc.ini are those that are checked."""
    named = [each for each in client.destinations if each.name == client.dest]
    holds(named)
    holds(not any("://" in each.host for each in named[:1]), unless=Code.CLIENT_INI_HOST_HAS_SCHEME)
    beside = (Code.CLIENT_INI_HOST_HAS_SCHEME, Code.CLIENT_INI_HOST_NOT_ALONE, Code.CLIENT_INI_DIFFERS)
    holds(all(HOST_ALONE.fullmatch(each.host) for each in named[:1]), unless=beside)
    holds(all(leads_there(each, system, client) for each in named[:1]), unless=Code.CLIENT_INI_DIFFERS)
    holds(len(named) == 1, unless=Code.CLIENT_INI_DEST_TWICE)


def leads_there(found: "Destination", system: System, client: "ClientSide") -> bool:
    """Tell whether a client with this destination does what is checked here."""
    host = "".join(found.host.lower().split())
    library = system.client.library if system.client else None
    return (
        (system.url.host in host or not host.isascii())  # letters beyond ASCII are another spelling
        and found.port == str(system.url.port)
        and is_same_path(found.pse, str(system.pse), client)
        and (not found.library or not library or is_same_path(found.library, str(library), client))
        and bool(found.proxy_host) == (system.proxy is not None)
        and not (found.without_tls or found.strayed)
    )


def is_same_path(one: str, other: str, client: "ClientSide") -> bool:
    """Tell whether two paths are one; which `..` leads where is not decided here."""
    kind = PureWindowsPath if client.windows else PurePosixPath
    return kind(one) == kind(other) or ".." in {*kind(one).parts, *kind(other).parts}


def test_client_ini_verifies_the_server(client: "ClientSide", holds: Holds) -> None:
    """TLS_TRUST_ALL is not set in sapnwrfc.ini."""
    holds(client.destination and not client.destination.trusts_all, unless=Code.CLIENT_INI_TRUSTS_ALL)


def test_client_ini_logs_on_with_an_alias(system: System, client: "ClientSide", holds: Holds) -> None:
    """The logon in sapnwrfc.ini is one of a communication user: by an alias, and a possible one."""
    found = client.destination
    by_user = found is None or (found.has_user and found.alias_length is None)
    holds(found and not (by_user and system.url.is_sap_cloud), unless=Code.CLIENT_INI_USER_NOT_ALIAS)
    possible = found and (found.alias_length or 0) <= LONGEST_ALIAS and not found.alias_has_blanks
    holds(possible, unless=Code.CLIENT_INI_ALIAS_ODD)


def test_connection_names_what_is_checked(system: System, client: "ClientSide", holds: Holds) -> None:
    """Host, port, client PSE and library in the product's own connection are those that are checked."""
    seen = client.connections
    mine = seen.of_this if seen else ()
    partly = (Code.CONNECTION_NOT_UNDERSTOOD, Code.CONNECTION_NOT_FOUND)
    holds(mine and all(each.pse for each in mine), unless=partly)
    holds(seen and not seen.not_understood, unless=Code.CONNECTION_NOT_UNDERSTOOD)
    beside = (Code.CONNECTION_HOST_NOT_ALONE, Code.CONNECTION_DIFFERS)
    holds(all(HOST_ALONE.fullmatch(each.host) for each in mine), unless=beside)
    holds(all(connects_there(each, system, client) for each in mine), unless=Code.CONNECTION_DIFFERS)


def connects_there(found: "ProductConnection", system: System, client: "ClientSide") -> bool:
    """Tell whether a client with this connection does what is checked here, as far as its file tells."""
    library = system.client.library if system.client else None
    return (
        (system.url.host in found.host.lower() or not found.host.isascii())
        and found.port in {"", str(system.url.port)}
        and bool(not found.pse or found.pse_is_this or is_same_path(found.pse, str(system.pse), client))
        and (not found.library or not library or is_same_path(found.library, str(library), client))
    )


def test_connection_logs_on_with_an_alias(system: System, client: "ClientSide", holds: Holds) -> None:
    """The product's own connection gives the user name as an alias, as a communication user needs it."""
    told = [each.user_is_alias for each in (client.connections.of_this if client.connections else ())]
    by_alias = told and not (False in told and system.url.is_sap_cloud)
    holds(by_alias, unless=Code.CONNECTION_USER_NOT_ALIAS)


def test_crypto_library_fits_the_client(system: System, client: "ClientSide", holds: Holds) -> None:
    """SAP's TLS library is there, readable, built like the client, and current."""
    library, bits = client.library, system.client.bits if system.client else None
    holds(library and (library.bits or not library.absolute))
    holds(library and library.absolute, unless=Code.CRYPTO_LIBRARY_PATH_RELATIVE)
    fits = library and (bits is None or bits in library.bits or not library.absolute)
    holds(fits, unless=Code.CRYPTO_LIBRARY_BITS)
    holds(client.library_reach is None or client.library_reach.readable is not False)
    release = re.search(r"(\d+)\.(\d+)", library.version if library else "")
    holds(not release or tuple(map(int, release.groups())) >= OLDEST_LIBRARY, unless=Code.CRYPTO_LIBRARY_OLD)
