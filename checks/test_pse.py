"""Is the client PSE there, and one that the client can use?"""

import pytest

from pse_preflight.client_pse import ClientPse
from pse_preflight.policy import Holds
from pse_preflight.pse.condition import State

pytestmark = pytest.mark.pse


@pytest.mark.network
@pytest.mark.creates
def test_pse_exists(pse: ClientPse, holds: Holds) -> None:
    """The PSE is there and readable; a missing one has been made from the verified chain."""
    holds(pse.is_there)


def test_pse_needs_no_pin(pse: ClientPse, holds: Holds) -> None:
    """The PSE has no PIN: the client could not give one."""
    holds(pse.condition.state is State.PLAIN)


def test_pse_is_private(pse: ClientPse, holds: Holds) -> None:
    """Nobody but its owner can read the private key in the PSE."""
    holds(pse.condition.mode)


def test_pse_owner_is_as_configured(pse: ClientPse, holds: Holds) -> None:
    """The PSE's own certificate is current and names whom systems.yaml says."""
    holds(pse.condition.file)
