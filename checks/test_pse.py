"""Is the client PSE there, and one that the client can use?"""

from typing import TYPE_CHECKING

import pytest

from pse_preflight.client_pse.model import ClientPse
from pse_preflight.verdict.policy import Holds

if TYPE_CHECKING:
    from pse_preflight.client.side import ClientSide

pytestmark = pytest.mark.pse


@pytest.mark.network
@pytest.mark.creates
def test_pse_exists(pse: ClientPse, holds: Holds) -> None:
    """The PSE is there and readable; a missing one has been made from the verified chain."""
    holds(pse.is_there)


def test_pse_needs_no_pin(pse: ClientPse, holds: Holds) -> None:
    """The PSE has no PIN: the client could not give one."""
    holds(pse.opens_without_pin)


def test_pse_is_private(pse: ClientPse, holds: Holds) -> None:
    """Nobody but its owner can read the private key in the PSE."""
    holds(pse.condition.mode)


def test_pse_owner_is_as_configured(pse: ClientPse, holds: Holds) -> None:
    """The PSE's own certificate is current and names whom systems.yaml says."""
    holds(pse.condition.content)


def test_client_account_can_read_the_pse(client: "ClientSide", holds: Holds) -> None:
    """The account that the client runs as can read the PSE, whoever runs this."""
    holds(client.reach and client.reach.readable)
