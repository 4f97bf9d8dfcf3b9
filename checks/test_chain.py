"""Is the certificate chain that the server sends complete, valid and genuine?"""

import pytest

from pse_preflight.chain.judge import Judgement
from pse_preflight.endpoint.model import Endpoint
from pse_preflight.verdict.policy import Holds

pytestmark = [pytest.mark.chain, pytest.mark.network]


def test_tls_handshake_succeeds(endpoint: Endpoint, holds: Holds) -> None:
    """TLS 1.2 works, which every release of SAP's library speaks."""
    holds(endpoint.tls_version)


def test_certificate_names_the_host(chain: Judgement, holds: Holds) -> None:
    """The server certificate names the host among its alternative names."""
    holds(chain.names_host)


def test_chain_is_complete(chain: Judgement, holds: Holds) -> None:
    """The server sends every intermediate, in order, and nothing else but its root."""
    holds(chain.best)


def test_chain_is_valid(chain: Judgement, holds: Holds) -> None:
    """Each certificate up to a root is in its time, well signed and allowed to do what it does."""
    holds(chain.path)


def test_chain_is_not_inspected(chain: Judgement, holds: Holds) -> None:
    """No TLS-inspecting proxy has re-signed the connection."""
    holds(chain.leaf)


def test_chain_outlasts_the_next_weeks(chain: Judgement, holds: Holds) -> None:
    """Nothing that trust relies on ends soon."""
    holds(chain.leaf)


def test_chain_is_strong(chain: Judgement, holds: Holds) -> None:
    """No certificate has a weak signature or key."""
    holds(chain.leaf)
