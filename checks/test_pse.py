"""Is the client PSE there, and one that the client can use?"""

import stat
from typing import TYPE_CHECKING

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import AccessList, Rights, State
from pse_preflight.client_pse.model import Attempt, ClientPse
from pse_preflight.errors import PreflightError
from pse_preflight.landscape.system import System
from pse_preflight.pse import name
from pse_preflight.pse.file import is_ours
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.proof import Holds
from pse_preflight.windows import descriptor

if TYPE_CHECKING:
    from pse_preflight.client.own_certificate import OwnCertificate
    from pse_preflight.client.side import ClientSide

pytestmark = pytest.mark.pse

READS, WRITES, REPLACES = 0x1, 0xD0006, 0xD0040
"""Rights in an access list of Windows: to read a file, to change it, to put another in its place in a folder."""
ANYBODY_ELSE_WRITES = stat.S_IWGRP | stat.S_IWOTH


@pytest.mark.network
@pytest.mark.creates
def test_pse_exists(system: System, pse: ClientPse, attempt: Attempt, evidence: Evidence, holds: Holds) -> None:
    """The PSE is there and readable; a missing one has been made from the verified chain."""
    state = pse.condition.state
    holds(state is not State.MISSING, unless=Code.PSE_MISSING)
    holds(state not in {State.UNREADABLE, State.NOT_UNDERSTOOD}, unless=Code.PSE_UNREADABLE)
    holds(pse.listing or state is not State.PLAIN or wants_a_pin(pse), unless=Code.TOOL_FAILED)
    holds(not attempt.created, unless=Code.PSE_CREATED)
    holds(not attempt.added or attempt.wanted, unless=Code.PSE_REPAIRED)
    changed = pse.one_reader and pse.condition.digest == evidence.observations.changed_by_us != ""
    holds(not system.confirm or (is_confirmed(pse) and not changed), unless=Code.PSE_UNCONFIRMED)
    holds(not pse.tool_needs, unless=Code.TOOL_NEEDS_LIBRARY_PATH)
    holds(not evidence.observations.unwritten, unless=Code.EVIDENCE_NOT_WRITTEN)


def wants_a_pin(pse: ClientPse) -> bool:
    """Tell whether the tool could not list it for want of a PIN."""
    return pse.refusal is not None and pse.refusal.code is Code.PSE_HAS_PIN


def is_confirmed(pse: ClientPse) -> bool:
    """Tell whether another than the bundled implementation has made it, or has listed it."""
    owner = pse.condition.content.owner if pse.condition.content else None
    return owner is None or not is_ours(owner) or (pse.listing is not None and not pse.one_reader)


def test_pse_needs_no_pin(pse: ClientPse, holds: Holds) -> None:
    """The PSE has no PIN: the client could not give one."""
    holds(pse.condition.state is not State.HAS_PIN and not wants_a_pin(pse), unless=Code.PSE_HAS_PIN)
    holds(pse.condition.state is not State.MACHINE_BOUND, unless=Code.PSE_MACHINE_BOUND)
    holds(pse.opens_without_pin or pse.condition.state is State.MACHINE_BOUND)


def test_pse_is_private(system: System, pse: ClientPse, client: "ClientSide", holds: Holds) -> None:
    """Nobody but its owner can read the private key in the PSE, and nobody else can put another PSE in its place."""
    mode, access_list = pse.condition.mode, pse.condition.access_list
    for_group = (Code.PSE_READABLE_BY_GROUP, Code.PSE_READABLE_BY_OTHERS)
    if access_list is not None:
        holds(names_only(access_list.file, READS, access_list, client.sids), unless=for_group)
        holds(names_only(access_list.file, WRITES, access_list, client.sids), unless=Code.PSE_WRITABLE_BY_OTHERS)
        holds(names_only(access_list.folder, REPLACES, access_list, client.sids), unless=Code.PSE_WRITABLE_BY_OTHERS)
        return
    holds(mode is not None and not mode & stat.S_IROTH, unless=Code.PSE_READABLE_BY_OTHERS)
    holds(mode is not None and (client.group_may_read or not mode & stat.S_IRGRP), unless=for_group)
    account = system.client.account if system.client else None
    holds(mode is not None and not mode & ANYBODY_ELSE_WRITES, unless=Code.PSE_WRITABLE_BY_OTHERS)
    holds(is_out_of_reach(pse.condition.rights, account), unless=Code.PSE_WRITABLE_BY_OTHERS)


def names_only(text: str, rights: int, access_list: AccessList, meant: frozenset[str]) -> bool:
    """Tell whether an access list of Windows gives these rights to administrators and to those who are meant alone."""
    found = descriptor.read_descriptor(text)
    if found.aces is None:
        return False
    concerned = [each for each in found.aces if each.rights & rights and not each.inherit_only]
    given = {each.sid for each in concerned if each.allows} - {each.sid for each in concerned if not each.allows}
    owner = {found.owner} - {""} if rights != READS else set()
    own = {access_list.seen_by, descriptor.OWNER_RIGHTS, "S-1-3-0", *meant}
    return all(sid in own or descriptor.is_keeper(sid) for sid in given | owner)


def is_out_of_reach(rights: Rights | None, account: str | None) -> bool:
    """Tell whether file and folder belong to the client, to root or to this account, and are closed to others."""
    if rights is None:
        return True
    closed = bool(rights.folder_mode & stat.S_ISVTX) or not rights.folder_mode & ANYBODY_ELSE_WRITES
    return closed and {rights.owner, rights.folder_owner} <= {"root", rights.seen_by, account}


def test_pse_owner_is_as_configured(
    system: System, pse: ClientPse, client: "ClientSide", period: Period, holds: Holds
) -> None:
    """The PSE's own certificate is current, names whom systems.yaml says, and is good enough to log on with."""
    content = pse.condition.content
    owner = content.owner if content else None
    ended = (Code.PSE_OWNER_EXPIRED, Code.CLIENT_CERTIFICATE_ENDED)
    holds(content and (owner is None or owner.not_after >= period.start), unless=ended)
    holds(system.dn is None or (owner and belongs_to(owner, system.dn)), unless=Code.PSE_OWNER_DIFFERS)
    if client.own_certificate:
        logs_on(client.own_certificate, system, period, holds)


def logs_on(own: "OwnCertificate", system: System, period: Period, holds: Holds) -> None:
    """Ask for the proof that the certificate with which the client logs on is taken."""
    holds(own.chain and not own.problem, unless=Code.CLIENT_CERTIFICATE_MISSING)
    for each in own.chain:
        current = each.not_before <= period.start and period.end <= each.not_after
        holds(current, unless=Code.CLIENT_CERTIFICATE_ENDED)
    for each in own.chain[:1]:
        least = system.expiry_days.before_end_of_ca(each.not_after - each.not_before)
        ending = (Code.CLIENT_CERTIFICATE_ENDS_SOON, Code.CLIENT_CERTIFICATE_ENDED)
        holds(each.not_after - period.end > least, unless=ending)
        holds(not each.is_self_issued, unless=Code.CLIENT_CERTIFICATE_SELF_SIGNED)
        holds(not own.unsuitable, unless=Code.CLIENT_CERTIFICATE_UNSUITABLE)
    unfinished = (Code.CLIENT_CERTIFICATE_INCOMPLETE, Code.CLIENT_CERTIFICATE_MISSING)
    holds(own.chain and own.chain[-1].is_self_issued, unless=unfinished)


def belongs_to(owner: Certificate, dn: str) -> bool:
    """Tell whether the certificate is of this name; what is no name is nobody's."""
    try:
        return name.same(owner.parsed.subject, name.parse(dn))
    except PreflightError:
        return False


def test_client_account_can_read_the_pse(client: "ClientSide", holds: Holds) -> None:
    """The account that the client runs as can read the PSE, whoever runs this."""
    holds(client.reach and client.reach.readable)
    holds(not client.account_is_assumed, unless=Code.CLIENT_ACCOUNT_ASSUMED)
