"""Is what is checked here what the client really uses?"""

from typing import TYPE_CHECKING

import pytest

from pse_preflight.verdict.policy import Holds

if TYPE_CHECKING:
    from pse_preflight.client.side import ClientSide

pytestmark = pytest.mark.client


def test_this_is_the_clients_host(client: "ClientSide", holds: Holds) -> None:
    """This machine is one of those that the client runs on."""
    holds(client.is_its_host)


def test_pse_path_is_the_same_for_the_client_account(client: "ClientSide", holds: Holds) -> None:
    """The path of the PSE does not depend on who runs this."""
    holds(client.account)


def test_client_ini_names_what_is_checked(client: "ClientSide", holds: Holds) -> None:
    """Host, port, PSE, library and proxy in sapnwrfc.ini are those that are checked."""
    holds(client.destination)


def test_client_ini_verifies_the_server(client: "ClientSide", holds: Holds) -> None:
    """TLS_TRUST_ALL is not set in sapnwrfc.ini."""
    holds(client.destination and not client.destination.trusts_all)


def test_client_ini_logs_on_with_an_alias(client: "ClientSide", holds: Holds) -> None:
    """The logon in sapnwrfc.ini is one of a communication user: by an alias, and a possible one."""
    holds(client.destination)


def test_crypto_library_fits_the_client(client: "ClientSide", holds: Holds) -> None:
    """SAP's TLS library is there, readable, built like the client, and current."""
    holds(client.library and client.library.bits)
