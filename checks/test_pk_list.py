"""Does the certificate list of the PSE, what maintain_pk -l prints, hold what it should?"""

import pytest

from pse_preflight.client_pse.model import ClientPse
from pse_preflight.landscape.system import System
from pse_preflight.verdict.policy import Holds
from pse_preflight.verdict.trust import Trust

pytestmark = pytest.mark.pk_list


@pytest.mark.network
@pytest.mark.creates
def test_maintain_pk_lists_the_chain(pse: ClientPse, trust: Trust, holds: Holds) -> None:
    """The list holds the root and the intermediates of the server's chain."""
    holds(pse.listing and trust.path)


def test_file_and_tool_agree(pse: ClientPse, holds: Holds) -> None:
    """The tool lists the very certificates that the file holds."""
    holds(pse.listing)


def test_pk_list_is_current(pse: ClientPse, holds: Holds) -> None:
    """No certificate of the list has ended."""
    holds(pse.listing)


def test_pk_list_holds_the_required_roots(system: System, pse: ClientPse, holds: Holds) -> None:
    """The list holds the roots that systems.yaml requires for the next change; what SAP's own list asks for is told."""
    holds(pse.listing and set(system.required_roots) <= {entry.sha256 for entry in pse.entries})


def test_pk_list_trusts_no_inspection(pse: ClientPse, holds: Holds) -> None:
    """The list trusts no TLS-inspecting proxy."""
    holds(pse.listing)
