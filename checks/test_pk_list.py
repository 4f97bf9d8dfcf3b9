"""Does the certificate list of the PSE, what maintain_pk -l prints, hold what it should?"""

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.inspection import inspection_product
from pse_preflight.chain.judge import Judgement
from pse_preflight.chain.sap_roots import EMPTY, Table
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.client_pse.entries import Entry
from pse_preflight.client_pse.model import Attempt, ClientPse
from pse_preflight.landscape.system import System
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.proof import Holds
from pse_preflight.verdict.trust import Trust

pytestmark = pytest.mark.pk_list


@pytest.mark.network
@pytest.mark.creates
def test_maintain_pk_lists_the_chain(
    system: System, chain: Judgement, pse: ClientPse, attempt: Attempt, trust: Trust, holds: Holds
) -> None:
    """The list holds the root and the intermediates of the server's chain."""
    path = trust.path if trust.rests_on_a_root else chain.path or trust.path
    issuers, leaf = path[1:] or path, path[:1] if system.include_leaf else ()
    lacking = (Code.PK_LIST_EMPTY, Code.ROOT_NOT_IN_PSE, Code.INTERMEDIATE_NOT_IN_PSE)
    holds.of_each(issuers, lambda each: is_listed(each, pse), unless=lacking)
    holds.of_each(leaf, lambda each: is_listed(each, pse), unless=Code.LEAF_NOT_IN_PSE, at_least=0)
    holds(not attempt.wanted, unless=Code.PSE_NOT_REPAIRED)
    holds(not pse.left_out, unless=Code.TRUST_STORE_ENTRIES_LEFT_OUT)


def is_listed(certificate: Certificate, pse: ClientPse) -> bool:
    """Tell whether the list has this very certificate."""
    return any(entry.is_of(certificate) for entry in pse.entries)


def test_file_and_tool_agree(pse: ClientPse, holds: Holds) -> None:
    """The tool lists the very certificates that the file holds."""
    held = pse.condition.content.trusted if pse.condition.content else ()
    listed = pse.listing.entries if pse.listing else ()
    by_fingerprint = None not in {each.sha256 for each in held} | {each.sha256 for each in listed}
    of_file = {each.sha256 if by_fingerprint else each.serial_number for each in held}
    of_tool = {each.sha256 if by_fingerprint else each.serial for each in listed}
    holds(pse.listing and of_file == of_tool, unless=Code.PK_LIST_DISAGREES)


def test_pk_list_is_current(pse: ClientPse, period: Period, holds: Holds) -> None:
    """No certificate of the list has ended."""
    current = [each.not_after is not None and each.not_after >= period.end for each in pse.entries]
    holds(pse.listing and all(current), unless=Code.PK_LIST_EXPIRED)


def test_pk_list_holds_the_required_roots(system: System, pse: ClientPse, evidence: Evidence, holds: Holds) -> None:
    """The list holds the roots that systems.yaml requires for the next change, and those of SAP's own list."""
    listed = {entry.sha256 for entry in pse.entries}
    holds(pse.listing)
    missing, ahead = Code.REQUIRED_ROOT_NOT_IN_PSE, Code.ROOT_CHANGE_AHEAD
    saps = evidence.observations.known.sap_roots.used.required if system.requires_saps_roots else ()
    required = (*system.required_roots, *(each.sha256 for each in saps))
    holds.of_each(required, lambda root: root in listed, unless=missing, at_least=0)
    followed = [change for change in evidence.announced if change.successor]
    holds.of_each(followed, lambda change: change.sha256 in listed, unless=ahead, at_least=0)
    given_up = [change for change in evidence.announced if not change.successor]
    holds(all(change.instead <= listed for change in given_up), unless=ahead)


def test_pk_list_trusts_no_inspection(
    system: System, chain: Judgement, pse: ClientPse, evidence: Evidence, holds: Holds
) -> None:
    """The list trusts no TLS-inspecting proxy."""
    named = evidence.roots.fingerprints | {each.sha256 for each in chain.path} if evidence.roots.explicit else ()
    others = [entry for entry in pse.entries if entry.sha256 not in named]
    trusted = Code.PSE_TRUSTS_INSPECTION
    holds(pse.listing)
    holds.of_each(others, lambda entry: not inspection_product(entry.subject), unless=trusted, at_least=0)
    saps = evidence.observations.known.sap_roots.used if system.requires_saps_roots else EMPTY
    holds.of_each(others, lambda entry: is_what_it_calls_itself(entry, saps), unless=trusted, at_least=0)


def is_what_it_calls_itself(entry: Entry, saps: Table) -> bool:
    """Tell whether a root that bears the name of one of SAP's is that very one; a cross-signed one is no root."""
    held = entry.certificate
    claimed = saps.claimed_in(held.parsed.subject) if held and held.is_self_issued else None
    return claimed is None or claimed.sha256 == entry.sha256
