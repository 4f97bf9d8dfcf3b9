"""From what was seen to a recording, and back to what can be judged again."""

import getpass
import hashlib
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pse_preflight import __version__
from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.chain.roots import Roots
from pse_preflight.checklist import Code
from pse_preflight.client_pse.condition import Condition, Content
from pse_preflight.client_pse.maker import ClientPse, Contribution, entries_of, file_findings, not_made
from pse_preflight.endpoint.model import Endpoint, LiveHandshake
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import UrlUnreadable, read_url
from pse_preflight.pse.file import TrustedCertificate
from pse_preflight.recording.folder import (
    Asked,
    EntrySeen,
    EvidenceUnreadable,
    FileSeen,
    Origin,
    PseSeen,
    Recording,
    RootsSeen,
    ToolCode,
    ToolSaid,
    TrustedSeen,
)
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from pse_preflight.sapgenpse.tool import PinRefused, ToolError, ToolFailed, ToolMissing, ToolTimeout
from pse_preflight.settings import Engine
from pse_preflight.verdict import changes
from pse_preflight.verdict.changes import Change, Sight

_SAID_BY_TOOL: tuple[ToolCode, ...] = (
    Code.TOOL_MISSING,
    Code.TOOL_FAILED,
    Code.TOOL_TIMEOUT,
    Code.PSE_HAS_PIN,
)


class PseSource(Protocol):
    """What knows a PSE: its file and a tool, or a recording."""

    @property
    def program(self) -> str:
        """Return the program that fixes name."""

    @property
    def repair_options(self) -> str:
        """Return the options with which a run repairs the PSE; empty where none can."""

    def look(self, system: System) -> ClientPse:
        """Return the PSE as it is."""

    def make(self, contributions: Sequence[Contribution]) -> ClientPse:
        """Make the PSE that is missing, or say why not."""

    def repair(self, before: ClientPse, contributions: Sequence[Contribution]) -> ClientPse:
        """Add what the PSE lacks, or say why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one system in one run."""

    system: System
    engine: Engine
    endpoint: Endpoint | None
    fetched: tuple[bytes, ...]
    roots: Roots
    pse: ClientPse
    live: LiveHandshake | None


def recorded(seen: Seen, at: datetime) -> Recording:
    """Write down what was seen; no login, no PIN and no private key is in it."""
    presented = seen.endpoint.presented if seen.endpoint else ()
    return Recording(
        recorded=Origin(host=socket.gethostname(), account=_account(), at=at, toolkit=__version__),
        asked=_asked(seen.system, seen.engine),
        roots=_roots_seen(seen),
        endpoint=seen.endpoint,
        presented=tuple(_sha256(der) for der in presented),
        fetched=seen.fetched,
        pse=_pse_seen(seen.pse),
        live=seen.live,
    )


def system_of(recording: Recording) -> System:
    """Return the system that was asked about.

    Raises:
        EvidenceUnreadable: where its URL names no host.
    """
    asked = recording.asked
    try:
        url, findings = read_url(asked.url)
    except UrlUnreadable as error:
        raise EvidenceUnreadable(f"the recording of {asked.alias}: asked.url: {error}") from None
    return System(
        alias=asked.alias,
        url=url,
        url_as_written=asked.url,
        url_findings=findings,
        pse=Path(asked.pse),
        secudir=Path(asked.secudir),
        dn=asked.dn,
        roots=asked.roots,
        pinned=asked.pinned,
        include_leaf=asked.include_leaf,
        create=False,
        confirm=asked.confirm,
        expiry_days=asked.expiry_days,
        required_roots=asked.required_roots,
        tags=asked.tags,
        extras=asked.extras,
    )


def roots_of(seen: RootsSeen) -> Roots:
    """Return recorded roots to judge by."""
    return Roots(readable(seen.certificates), seen.name, explicit=seen.explicit)


def changes_between(last: Recording, now: Recording) -> tuple[Change, ...]:
    """Say what is otherwise than in the last recording of the same host."""
    if last.endpoint and now.endpoint and last.endpoint.host != now.endpoint.host:
        return ()
    return changes.changes(_sight(last), _sight(now))


def readable(ders: Iterable[bytes]) -> tuple[Certificate, ...]:
    """Return the certificates that a strict reader accepts; the others are reported where the chain is judged."""
    found = []
    for der in ders:
        try:
            found.append(Certificate.read(der))
        except CertificateUnreadable:
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True)
class RecordedPse:
    """A PSE as it was recorded; nothing is opened, and no program is asked."""

    recording: Recording

    @property
    def program(self) -> str:
        """Return the program that fixes name."""
        return "opengenpse" if self.recording.pse.one_reader else "sapgenpse"

    @property
    def repair_options(self) -> str:
        """Return the options with which a run on the recorded machine repairs the PSE."""
        return "--repair --engine=bundled" if self.recording.pse.one_reader else "--repair"

    def look(self, system: System) -> ClientPse:
        """Return the PSE as it was."""
        seen = self.recording.pse
        content = _Content.of(seen.file) if seen.file else None
        listing = None if seen.listing is None else Listing(tuple(_listed(each) for each in seen.listing))
        mode = None if seen.mode is None else int(seen.mode, 8)
        recorded_pse = ClientPse(
            condition=Condition(system.pse, seen.state, seen.problem, content, mode),
            listing=listing,
            entries=entries_of(listing, content.trusted if content else ()),
            refusal=next((_said(each) for each in seen.said), None),
            tool=seen.tool,
            one_reader=seen.one_reader,
        )
        return replace(recorded_pse, findings=file_findings(recorded_pse))

    def make(self, contributions: Sequence[Contribution]) -> ClientPse:
        """Say that nothing is made."""
        missing = self.look(contributions[0].system)
        return replace(missing, findings=(not_made(contributions),))

    def repair(self, before: ClientPse, contributions: Sequence[Contribution]) -> ClientPse:  # noqa: ARG002
        """Leave the PSE as it was recorded."""
        return before


@dataclass(frozen=True, slots=True)
class _Content:
    """What was recorded of the PSE's content."""

    owner: Certificate | None
    trusted: tuple[TrustedCertificate, ...]

    @classmethod
    def of(cls, seen: FileSeen) -> Content:
        owner = readable([seen.owner] if seen.owner else [])
        return cls(
            owner=owner[0] if owner else None,
            trusted=tuple(TrustedCertificate(each.tbs, each.der, each.found) for each in seen.trusted),
        )


def _listed(seen: EntrySeen) -> ListedCertificate:
    return ListedCertificate(
        sha256=seen.sha256,
        subject=seen.subject,
        issuer=seen.issuer,
        serial=seen.serial,
        not_before=seen.not_before,
        not_after=seen.not_after,
    )


def _said(seen: ToolSaid) -> ToolError:
    kinds = {each.code: each for each in (ToolMissing, ToolFailed, ToolTimeout, PinRefused)}
    return kinds[seen.code](seen.text, fix="ask again where the program works; this is what it said when recorded")


def _asked(system: System, engine: Engine) -> Asked:
    return Asked(
        alias=system.alias,
        url=system.url_as_written,
        pse=_text(system.pse),
        secudir=_text(system.secudir),
        dn=system.dn,
        roots=system.roots,
        pinned=system.pinned,
        include_leaf=system.include_leaf,
        expiry_days=system.expiry_days,
        required_roots=system.required_roots,
        tags=system.tags,
        extras=system.extras,
        engine=engine,
        confirm=system.confirm,
    )


def _roots_seen(seen: Seen) -> RootsSeen | None:
    """Keep the roots that no other machine has, as far as they can play a part."""
    if seen.system.pinned or seen.system.roots in {"auto", "mozilla"}:
        return None
    listed = [each.certificate for each in seen.pse.entries if each.certificate]
    presented = seen.endpoint.presented if seen.endpoint else ()
    part = _playing_a_part(seen.roots.certificates, [*readable((*presented, *seen.fetched)), *listed])
    return RootsSeen(name=seen.roots.name, explicit=seen.roots.explicit, certificates=tuple(each.der for each in part))


def _playing_a_part(roots: Sequence[Certificate], others: Sequence[Certificate]) -> list[Certificate]:
    """Return the roots that are among the others, or issued one of them, directly or by way of a root."""
    part = [each for each in roots if each in others]
    while True:
        issuers = {each.issuer for each in (*others, *part)}
        more = [each for each in roots if each not in part and each.subject in issuers]
        if not more:
            return part
        part += more


def _pse_seen(pse: ClientPse) -> PseSeen:
    condition = pse.condition
    return PseSeen(
        state=condition.state,
        problem=condition.problem,
        mode=None if condition.mode is None else f"{condition.mode:04o}",
        created=pse.created,
        tool=_text(pse.tool),
        one_reader=pse.one_reader,
        listing=None if pse.listing is None else tuple(_entry_seen(each) for each in pse.listing.entries),
        said=tuple(ToolSaid(code=code, text=str(pse.refusal)) for code in _SAID_BY_TOOL if _is_said(pse, code)),
        file=_file_seen(condition.file) if condition.file else None,
    )


def _is_said(pse: ClientPse, code: Code) -> bool:
    return pse.refusal is not None and pse.refusal.code == code


def _entry_seen(listed: ListedCertificate) -> EntrySeen:
    return EntrySeen(
        subject=listed.subject,
        issuer=listed.issuer,
        sha256=listed.sha256,
        serial=listed.serial,
        not_before=listed.not_before,
        not_after=listed.not_after,
    )


def _file_seen(content: Content) -> FileSeen:
    trusted = [TrustedSeen(tbs=each.tbs, der=each.der, found=each.found) for each in content.trusted]
    return FileSeen(owner=content.owner.der if content.owner else None, trusted=tuple(trusted))


def _sight(recording: Recording) -> Sight:
    presented = readable(recording.endpoint.presented) if recording.endpoint else ()
    content = _Content.of(recording.pse.file) if recording.pse.file else None
    listed = [each.certificate for each in content.trusted] if content else []
    return Sight(
        at=recording.recorded.at,
        leaf=presented[0] if presented else None,
        issuers=presented[1:],
        listed=tuple(each for each in listed if each) if content else None,
        owner=content.owner if content else None,
    )


def _sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in containers
        return "unknown"


def _text(value: object) -> str:
    """Return the text of a path so that it can be written, whatever bytes its names have."""
    return str(value).encode("utf-8", "backslashreplace").decode()
