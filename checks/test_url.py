"""Does the URL lead to the system?"""

import pytest

from pse_preflight.endpoint.model import Endpoint
from pse_preflight.landscape.system import System
from pse_preflight.verdict.policy import Holds

pytestmark = pytest.mark.url

FIVE_MINUTES = 300


def test_url_names_the_api_host(system: System, holds: Holds) -> None:
    """The URL is https and names the API host, not the one for people."""
    holds(system.url.askable)


@pytest.mark.network
def test_host_name_resolves(endpoint: Endpoint, holds: Holds) -> None:
    """The host, or the proxy where one is used, has an address."""
    holds(endpoint.addresses)


@pytest.mark.network
def test_port_accepts_connections(endpoint: Endpoint, holds: Holds) -> None:
    """The port accepts a connection, directly or through the proxy."""
    holds(endpoint.address)


@pytest.mark.network
def test_url_answers_https(endpoint: Endpoint, holds: Holds) -> None:
    """An HTTP answer comes over TLS; a refusal for want of a logon is one."""
    holds(endpoint.http)


@pytest.mark.network
def test_clock_agrees_with_the_server(endpoint: Endpoint, holds: Holds) -> None:
    """This machine's clock and the server's are at most five minutes apart."""
    holds(endpoint.date_offset_seconds is not None and abs(endpoint.date_offset_seconds) <= FIVE_MINUTES)
