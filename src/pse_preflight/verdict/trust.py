"""The PSE's certificate list against the server's chain: what is trusted, why, and until when."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pse_preflight.certificate import Certificate
from pse_preflight.chain.judge import Judgement, Period, inspection_product, verify
from pse_preflight.chain.sap_roots import PUBLISHED, Root, RootChange, Table, by_release
from pse_preflight.chain.search import is_self_signed, issuer_of, public_key_of, subject_of
from pse_preflight.checklist import Code, Severity
from pse_preflight.client_pse.entries import Anchor, Entry, holds
from pse_preflight.findings import Command, Finding, finding
from pse_preflight.landscape.system import ExpiryDays

_DUE_AT_MOST = timedelta(days=30)
_MOST_ANCHORS = 16
"""So many certificates of the list are tried as the end of a path; no list holds more for one server."""
_EXPIRED_NAMED = 3
_SHORT = 12
_KEYTOOLS = ("JKS", "JCEKS", "PKCS#12")
_WINDOWS = "Windows "
"""How the name of a trust store begins that is one of Windows'."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """How a certificate is added to this PSE, for the fixes that are shown.

    Attributes:
        program: the words that start the tool that is installed here, with what it needs to start.
        pse: the PSE.
        files: the PEM file already written for each certificate that may be added, by SHA-256.
        repair: the options that let a run add what is missing; empty where no run may.
        store: what it is, where it is no PSE but a trust store.
    """

    program: Command
    pse: Path
    files: dict[str, Path] = field(default_factory=dict)
    repair: str = ""
    store: str = ""

    def add(self, fingerprints: Iterable[str]) -> tuple[Command, ...]:
        """Return the commands that add the certificates, one per call; none where people must do it."""
        adding = (self._adding(each, str(self.files[each])) for each in fingerprints if each in self.files)
        return tuple(each for each in adding if each)

    def _adding(self, fingerprint: str, file: str) -> Command:
        if not self.store:
            return (*self.program, "maintain_pk", "-a", file, "-p", str(self.pse))
        if self.store in _KEYTOOLS:
            alias = f"preflight-{fingerprint[:_SHORT]}"
            return ("keytool", "-importcert", "-alias", alias, "-file", file, "-keystore", str(self.pse))
        windows = self.store.removeprefix(_WINDOWS)
        return ("certutil", "-addstore", windows, file) if windows != self.store else ()

    def fix(self, words: str, wanted: Iterable[Certificate]) -> str:
        """Return the fix in words; where a run can add all that is wanted, it says so."""
        fingerprints = [each.sha256 for each in wanted]
        if self.store == "PEM":
            files = ", ".join(str(self.files[each]) for each in fingerprints if each in self.files)
            return f"{words}: append to {self.pse} what stands in {files}" if files else words
        repairable = self.repair and fingerprints and all(each in self.files for each in fingerprints)
        return f"run again with {self.repair}, or {words}" if repairable else words


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCase:
    """What the verdict depends on.

    Attributes:
        entries: the certificate list of the PSE.
        judgement: the server's chain, judged by the roots.
        presented: what the server sent; a certificate fetched from elsewhere does not help SAP's client.
        host: the name to connect to.
        period: when trust has to hold.
        include_leaf: the server certificate is wanted in the list.
        required_roots: fingerprints that must be in the list.
        saps_roots: SAP's own list, where the PSE is to hold what it requires; None where it is not.
        shipped_roots: fingerprints of the list that comes along; no run adds a root that only another list names.
        adds_saps_roots: a run that may write adds what is lacking of it.
        changes: announced changes of the root that this server uses.
        pinned: fingerprints that the user named one by one.
        accepted: fingerprints of private roots that the user named.
        remedy: how to add a certificate.
    """

    entries: tuple[Entry, ...]
    judgement: Judgement
    presented: tuple[Certificate, ...]
    host: str
    period: Period
    include_leaf: bool
    required_roots: tuple[str, ...]
    saps_roots: Table | None = None
    shipped_roots: frozenset[str] = frozenset()
    adds_saps_roots: bool = False
    changes: tuple[RootChange, ...] = ()
    pinned: frozenset[str] = frozenset()
    accepted: frozenset[str]
    remedy: Remedy

    @property
    def wanted(self) -> tuple[Certificate, ...]:
        """Return the certificates of the verified path that the list should hold and does not, the root first.

        A server certificate that is its own root is all there is.
        """
        path = self.judgement.path
        return tuple(each for each in reversed(path[1:] or path) if not holds(self.entries, each))


@dataclass(frozen=True, slots=True)
class LiveTrust:
    """What the live handshake trusts.

    Attributes:
        anchors: what the list lets trust begin with.
        between: certificates that the server sent, without which OpenSSL does not come from one anchor to the next.
        any_may_anchor: each of the anchors may anchor the chain, and not a root alone.
    """

    anchors: tuple[Anchor, ...]
    between: tuple[Certificate, ...] = ()
    any_may_anchor: bool = True

    def __post_init__(self) -> None:
        """Refuse that trust could begin with what the server sent."""
        if self.between and (self.any_may_anchor or any(each.is_self_issued for each in self.between)):
            raise ValueError(f"{self.between[0].label} was sent by the server, and trust must not begin with it")

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """Return what the TLS library is given, as DER."""
        return (*(each.certificate.der for each in self.anchors), *(each.der for each in self.between))


@dataclass(frozen=True, slots=True)
class Trust:
    """The verdict about one PSE and one server.

    Attributes:
        path: server certificate to anchor, validated with nothing but the PSE's list; empty where nothing anchors it.
        anchors: every certificate of the list that is at hand, and nothing else.
        findings: what is to be said, the decisive first within each check.
        ends: the last moment of trust, if the server renews what it renews by itself.
        renewal: when the server must have renewed.
        relied: the certificates of the path that come from the PSE and so are not renewed by the server: the anchor,
            and those that the server does not send.
    """

    path: tuple[Certificate, ...]
    anchors: tuple[Anchor, ...]
    findings: tuple[Finding, ...]
    ends: datetime | None
    renewal: datetime | None
    relied: tuple[Certificate, ...] = ()

    @property
    def anchor(self) -> Certificate | None:
        """Return the certificate of the list that the path ends in."""
        return self.path[-1] if self.path else None

    @property
    def rests_on_a_root(self) -> bool:
        """Tell whether a root anchors the path, so that the server may renew everything below it."""
        return len(self.path) > 1 and is_self_signed(self.path[-1])

    @property
    def trusted_live(self) -> LiveTrust:
        """Return what the live handshake trusts: what the verdict relies on, so that the path is proven that it names.

        Where something below the root comes from the list as well, it may not anchor: the path is to be proven from the
        root. OpenSSL goes from a certificate that it holds to no other one that is sent; so it then holds all of them,
        unless it would take one that was sent for a root.
        """
        anchors = tuple(each for each in self.anchors if each.certificate in self.relied)
        sent = tuple(each for each in self.path[1:] if each not in self.relied)
        if not self.rests_on_a_root or len(self.relied) == 1 or any(each.is_self_issued for each in sent):
            return LiveTrust(anchors)
        return LiveTrust(anchors, sent, any_may_anchor=False)

    def outlasts_renewals(self, period: Period) -> bool:
        """Tell whether trust holds in a later period if the server renews its own certificates: a root anchors it."""
        if not self.rests_on_a_root:
            return False
        relied_hold = all(period.end <= each.not_after for each in self.relied)
        return relied_hold and all(each.not_before <= period.start for each in self.path)


def judge_trust(question: TrustCase) -> Trust:
    """Compare the certificate list with the server's chain."""
    # Where an entry is not whole, the equal certificate of the path, or of what was sent, is taken for it.
    known = tuple(dict.fromkeys((*question.judgement.path, *question.presented)))
    held = (Anchor.of(entry, known) for entry in question.entries)
    anchors = tuple({each.certificate: each for each in held if each}.values())
    path = _trusted_path(question, anchors)
    relied = _relied_on(path, question.presented)
    renewing = [each for each in path or question.judgement.path[:-1] if each not in relied]
    findings = [
        *_listing_findings(question, path, anchors),
        *_expired(question),
        *_required(question),
        *_required_by_sap(question),
        *_changes_ahead(question),
        *_inspection(question, path),
        *_trust_findings(question, path),
    ]
    return Trust(
        path,
        anchors,
        tuple(findings),
        ends=min((each.not_after for each in relied), default=None),
        renewal=min((each.not_after for each in renewing), default=None),
        relied=relied,
    )


def lasting_findings(verdict: Trust, judged: Sequence[Certificate], period: Period, days: ExpiryDays) -> list[Finding]:
    """Say which certificates end soon: the server's own, and those that trust relies on.

    Args:
        judged: the path that the roots verified, which counts where the PSE trusts none.
    """
    path = verdict.path or tuple(judged)
    if not path:
        return []
    relied = verdict.relied or (path[-1],)
    soon = [_soon(each, period, days.before_end_of_ca(_lifetime(each)), _FIX_OF_WHAT_IS_RELIED_ON) for each in relied]
    if path[0] not in relied and path[0].not_after >= period.end:
        soon.insert(0, _soon(path[0], period, days.before_end_of_leaf(_lifetime(path[0])), _FIX_OF_THE_SERVERS))
    found = [each for each in soon if each]
    named = {digest for each in found for digest in each.certificates}
    renewed = [each for each in path if each not in relied and each.sha256 not in named]
    due = (_due(each, period) for each in renewed) if verdict.rests_on_a_root else ()
    return [*found, *(each for each in due if each)]


def _lifetime(certificate: Certificate) -> timedelta:
    return certificate.not_after - certificate.not_before


_FIX_OF_THE_SERVERS = "have it renewed, and the renewed one sent, before that day; nothing changes in the PSE"
_FIX_OF_WHAT_IS_RELIED_ON = "add its successor to the PSE before that day; whoever issued it hands it out"


def _soon(certificate: Certificate, period: Period, least: timedelta, fix: str) -> Finding | None:
    left = certificate.not_after - period.end
    if left > least:
        return None
    return finding(
        Code.CERTIFICATE_EXPIRES_SOON,
        f"{certificate.label} ends in {_days(left)}, and {_days(least)} are the least that is wanted",
        fix=fix,
        certificates=[certificate.sha256],
    )


def _due(certificate: Certificate, period: Period) -> Finding | None:
    left = certificate.not_after - period.end
    if left > min(_DUE_AT_MOST, _lifetime(certificate) / 3):
        return None
    ended = f"has ended {_days(-left)} earlier" if left < timedelta(0) else f"ends in {_days(left)}"
    return finding(
        Code.RENEWAL_DUE,
        f"{certificate.label} {ended}; the server renews it by itself, and the PSE relies on the root",
        fix="nothing in the PSE; if the server keeps it until then, ask the SAP admin",
        certificates=[certificate.sha256],
    )


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"


def _trusted_path(question: TrustCase, anchors: tuple[Anchor, ...]) -> tuple[Certificate, ...]:
    """Return the most lasting path that the list alone anchors: by a root, else an intermediate, else the leaf."""
    leaf = question.judgement.leaf
    if leaf is None:
        return ()
    names_above = _names_above(leaf, (*question.presented, *(each.certificate for each in anchors)))
    above = [each for each in anchors if each.certificate != leaf and subject_of(each.certificate) in names_above]
    kinds = (
        [each for each in above if is_self_signed(each.certificate)],
        above,
        [each for each in anchors if each.certificate == leaf],
    )
    for kind in kinds:
        paths = list(_paths(question, leaf, anchors, kind))
        if paths:
            return max(paths, key=lambda path: min(each.not_after for each in _relied_on(path, question.presented)))
    return ()


def _names_above(leaf: Certificate, others: Sequence[Certificate]) -> set[bytes]:
    """Return every name that a path from the leaf can lead to; so most of a long list is never looked at closely."""
    found: set[bytes] = set()
    more = {issuer_of(leaf)}
    while more:
        found |= more
        more = {issuer_of(each) for each in others if subject_of(each) in more} - found
    return found


def _paths(
    question: TrustCase, leaf: Certificate, listed: tuple[Anchor, ...], kind: Sequence[Anchor]
) -> Iterator[tuple[Certificate, ...]]:
    """Yield a verified path for each certificate of this kind that anchors one."""
    left = [each.certificate for each in kind]
    others = (*question.presented, *(each.certificate for each in listed))
    for _ in range(_MOST_ANCHORS):
        path = verify(leaf, others, left, question.host, question.period)
        if not path:
            return
        yield path
        left.remove(path[-1])


def _relied_on(path: Sequence[Certificate], presented: Sequence[Certificate]) -> tuple[Certificate, ...]:
    return tuple(each for each in path if each == path[-1] or each not in presented)


def _listing_findings(question: TrustCase, path: tuple[Certificate, ...], anchors: Sequence[Anchor]) -> list[Finding]:
    if not question.entries:
        return [_pk_list_empty(question)]
    # Any valid path counts: the list's own if it reaches a root, else the one that the roots verified.
    wanted = path if len(path) > 1 and is_self_signed(path[-1]) else question.judgement.path
    if not wanted:
        return []
    leaf, *between, root = wanted if len(wanted) > 1 else wanted * 2
    found = [_root_absent(question, root, path, anchors)] if not holds(question.entries, root) else []
    found += [_intermediate_absent(question, each, path) for each in between if not holds(question.entries, each)]
    if question.include_leaf and not holds(question.entries, leaf):
        found.append(_leaf_absent(question, leaf))
    return found


def _pk_list_empty(question: TrustCase) -> Finding:
    wanted = question.wanted
    return finding(
        Code.PK_LIST_EMPTY,
        f"the certificate list of {question.remedy.pse} is empty, so the client trusts no server",
        fix=question.remedy.fix("add the root and the intermediates", wanted),
        commands=question.remedy.add(each.sha256 for each in wanted),
        certificates=[each.sha256 for each in wanted],
    )


def _root_absent(
    question: TrustCase, root: Certificate, path: tuple[Certificate, ...], anchors: Sequence[Anchor]
) -> Finding:
    described = [each for each in question.entries if each.is_described_as(root)]
    if any(each.only_listed and not each.is_comparable for each in described):
        return _not_comparable(question, root)
    others = [each.certificate for each in anchors if _same_authority(each.certificate, root)]
    if described and not others:
        instead = "; it holds another certificate of the same name, serial number and days, but not of this key"
        return _absent(question, root, path, instead)
    instead = ""
    if others:
        signer = "" if is_self_signed(others[0]) else f', cross-signed by "{others[0].issuer_name}"'
        instead = f"; it holds the same key in another certificate: {others[0].label}{signer}"
    return _absent(question, root, path, instead)


def _absent(question: TrustCase, root: Certificate, path: tuple[Certificate, ...], instead: str) -> Finding:
    what = "root" if is_self_signed(root) else "intermediate"
    if root == question.judgement.leaf:
        what = "server certificate"
    return finding(
        Code.ROOT_NOT_IN_PSE,
        f"the {what} {root.label} is not in the certificate list of {question.remedy.pse}{instead}",
        fix=question.remedy.fix(f"add the {what}", [root]),
        commands=question.remedy.add([root.sha256]),
        severity=Severity.MAJOR if path else None,
        certificates=[root.sha256],
    )


def _not_comparable(question: TrustCase, root: Certificate) -> Finding:
    return finding(
        Code.PK_LIST_NOT_COMPARABLE,
        f"whether {question.remedy.pse} holds the root {root.label} cannot be told: the tool lists a certificate of"
        " that name, serial number and end, but no SHA-256, and only the tool can open the file",
        fix="update SAP's sapgenpse, so that it prints SHA-256 fingerprints, or name a PSE without PIN as `pse`",
        certificates=[root.sha256],
    )


def _same_authority(first: Certificate, second: Certificate) -> bool:
    """Tell whether two certificates are of one authority, name and key: a cross-sign, or a renewed root."""
    return subject_of(first) == subject_of(second) and public_key_of(first) == public_key_of(second)


def _intermediate_absent(question: TrustCase, missing: Certificate, path: tuple[Certificate, ...]) -> Finding:
    sent = missing in question.presented
    unsent = "" if sent else ", and the server does not send it"
    return finding(
        Code.INTERMEDIATE_NOT_IN_PSE,
        f"the intermediate {missing.label} is not in the certificate list of {question.remedy.pse}{unsent}",
        fix=question.remedy.fix("add the intermediate", [missing]),
        commands=question.remedy.add([missing.sha256]),
        severity=None if sent or path else Severity.BLOCKER,
        certificates=[missing.sha256],
    )


def _leaf_absent(question: TrustCase, leaf: Certificate) -> Finding:
    return finding(
        Code.LEAF_NOT_IN_PSE,
        f"the server certificate {leaf.label} is not in the certificate list of {question.remedy.pse}, and"
        " include_leaf asks for it",
        fix=question.remedy.fix("add it, and again after each renewal, or set include_leaf: false", [leaf]),
        commands=question.remedy.add([leaf.sha256]),
        certificates=[leaf.sha256],
    )


def _expired(question: TrustCase) -> list[Finding]:
    ended = [each for each in question.entries if each.not_after and each.not_after < question.period.end]
    if not ended:
        return []
    named = ", ".join(f'"{each.subject}" (until {each.not_after:%Y-%m-%d})' for each in ended[:_EXPIRED_NAMED])
    more = f" and {len(ended) - _EXPIRED_NAMED} more" if len(ended) > _EXPIRED_NAMED else ""
    return [
        finding(
            Code.PK_LIST_EXPIRED,
            f"{len(ended)} of {len(question.entries)} certificates in {question.remedy.pse} have ended: {named}{more}",
            fix="harmless; remove them when the PSE is made anew",
            certificates=[each.sha256 for each in ended if each.sha256],
        )
    ]


def _required(question: TrustCase) -> list[Finding]:
    held = {each.sha256 for each in question.entries}
    return [
        finding(
            Code.REQUIRED_ROOT_NOT_IN_PSE,
            f"the required root sha256 {digest[:12]} is not in the certificate list of {question.remedy.pse}",
            fix="add it now" if digest in question.remedy.files else _get_root(digest),
            commands=question.remedy.add([digest]),
            certificates=[digest],
        )
        for digest in question.required_roots
        if digest not in held
    ]


def _get_root(digest: str) -> str:
    return f"get the root with the fingerprint sha256:{digest} from its operator and add it with maintain_pk -a"


def _required_by_sap(question: TrustCase) -> list[Finding]:
    """Name the roots of SAP's list that the PSE lacks, and those that only bear their names."""
    table = question.saps_roots
    lacking = table.lacking({each.sha256 for each in question.entries}) if table else ()
    if table is None or not lacking:
        return []
    digests = [each.sha256 for each in lacking]
    required = f"{len(lacking)} of the {len(table.required)} roots that SAP requires every client to trust"
    return [
        finding(
            Code.REQUIRED_ROOT_NOT_IN_PSE,
            f"{question.remedy.pse} lacks {required} ({table.release}): {by_release(lacking)}",
            fix=_fix_of_saps(question, lacking),
            commands=question.remedy.add(digests),
            severity=Severity.MINOR,
            certificates=digests,
        )
    ]


def _fix_of_saps(question: TrustCase, lacking: Sequence[Root]) -> str:
    """Say how the roots come into the PSE: those that are at hand, and those of which the file must be got first."""
    files, shipped = question.remedy.files, question.shipped_roots
    absent = [f'"{each.name}"' for each in lacking if each.sha256 not in files]
    known = [each for each in lacking if each.sha256 in files and each.sha256 in shipped]
    given = [f'"{each.name}"' for each in lacking if each.sha256 in files and each.sha256 not in shipped]
    parts = []
    if absent:
        parts.append(
            f"of {', '.join(absent)} no file is at hand: get SAP's list ({PUBLISHED}) and say --sap-roots PATH"
        )
    if given:
        parts.append(f"no run adds {', '.join(given)}, which only the list of --sap-roots names")
    if known and not question.adds_saps_roots:
        parts.append("write `required_roots: sap` in systems.yaml and run with --repair, or add those at hand")
    elif known and question.remedy.repair:
        parts.append(f"run again with {question.remedy.repair}, or add those at hand")
    elif known or given:
        parts.append("add those at hand")
    return "; ".join(parts)


def _changes_ahead(question: TrustCase) -> list[Finding]:
    """Name what follows the server's root and the list does not hold yet."""
    held = {each.sha256 for each in question.entries}
    day = question.period.start.date()
    return [
        finding(
            Code.ROOT_CHANGE_AHEAD,
            _ahead(question, change),
            fix=_fix_of_change(question, change),
            commands=question.remedy.add([change.sha256]),
            severity=Severity.MAJOR if change.is_near(day) else None,
            certificates=[change.sha256] if change.sha256 else [],
        )
        for change in question.changes
        if change.concerns(held)
    ]


def _ahead(question: TrustCase, change: RootChange) -> str:
    pse = question.remedy.pse
    if not change.successor:
        return f"{change.words_of_root}; {pse} does not hold all public roots that SAP requires"
    return f'{pse} does not hold "{change.successor}" (sha256 {change.sha256[:12]}), {change.words}'


def _fix_of_change(question: TrustCase, change: RootChange) -> str:
    if not change.successor:
        return "add the roots that SAP requires now: `required_roots: sap` in systems.yaml, and a run with --repair"
    return "add this root now" if change.sha256 in question.remedy.files else _get_root(change.sha256)


def _inspection(question: TrustCase, path: tuple[Certificate, ...]) -> list[Finding]:
    """Name the certificates of the list that belong to a TLS-inspecting product, or that only bear a name of SAP's."""
    found = []
    for entry in question.entries:
        product = inspection_product(entry.subject)
        what = f"a TLS-inspecting proxy ({product}), for everything" if product else _false_name(question, entry)
        if not what or entry.sha256 in question.accepted:
            continue
        anchors = bool(path) and entry.is_of(path[-1])
        found.append(
            finding(
                Code.PSE_TRUSTS_INSPECTION,
                f'{question.remedy.pse} trusts "{entry.subject}", {what}',
                fix="bypass the proxy for this host and remove it, or name it in roots: or pinned: to accept it",
                severity=None if anchors else Severity.MINOR,
                certificates=[entry.sha256] if entry.sha256 else [],
            )
        )
    return found


def _false_name(question: TrustCase, entry: Entry) -> str:
    """Say of a root whose name it bears; one that is cross-signed has another SHA-256 by right."""
    held, table = entry.certificate, question.saps_roots
    if held is None or table is None or not held.is_self_issued:
        return ""
    claimed = table.claimed_in(held.parsed.subject)
    if claimed is None or claimed.sha256 == held.sha256:
        return ""
    return (
        f"which calls itself \"{claimed.name}\", and is not SAP's: its sha256 is {held.sha256}, and SAP's is"
        f" {claimed.sha256}"
    )


def _trust_findings(question: TrustCase, path: tuple[Certificate, ...]) -> list[Finding]:
    leaf = question.judgement.leaf
    if leaf is None:
        return []
    if not path:
        return [_not_trusted(question, leaf)]
    anchor = path[-1]
    if anchor == leaf and is_self_signed(leaf):
        return [_own_root(question, leaf)]
    if anchor == leaf:
        return [_short_lived(question, Code.PSE_HOLDS_SERVER_CERT_ONLY, "the server certificate itself", anchor)]
    if not is_self_signed(anchor):
        return [_short_lived(question, Code.PSE_HOLDS_INTERMEDIATE_ONLY, _kind(question, anchor), anchor)]
    return []


def _kind(question: TrustCase, anchor: Certificate) -> str:
    roots = [each for each in question.judgement.path if is_self_signed(each)]
    if any(_same_authority(anchor, root) for root in roots):
        return f'the root\'s key, but only as cross-signed by "{anchor.issuer_name}"'
    return "an intermediate, not its root"


def _not_trusted(question: TrustCase, leaf: Certificate) -> Finding:
    wanted = question.wanted
    which = f"; missing: {wanted[0].label}" if wanted else ""
    unknown = sum(1 for each in question.entries if each.certificate is None)
    vague = f" ({unknown} of its entries are known by their description only)" if unknown else ""
    is_held = any(holds(question.entries, each) for each in question.judgement.best[-1:])
    why = "find out first why the chain is not valid"
    words = "add it" if wanted else why if is_held else f"{why}; then add its root"
    return finding(
        Code.SERVER_NOT_TRUSTED,
        f"nothing in the certificate list of {question.remedy.pse} vouches for {leaf.label}{which}{vague}",
        fix=question.remedy.fix(words, wanted),
        commands=question.remedy.add(each.sha256 for each in wanted),
        certificates=[leaf.sha256],
    )


def _own_root(question: TrustCase, leaf: Certificate) -> Finding:
    """Say that nothing stands above the server's certificate, so that there is no root to add, and until when it is."""
    return finding(
        Code.PSE_HOLDS_SERVER_CERT_ONLY,
        f"{question.remedy.pse} trusts the server certificate itself, which is signed by itself and has no other root:"
        f" {leaf.label}; trust ends on {leaf.not_after:%Y-%m-%d}, or when the server gets another one",
        fix="nothing today; when the server gets another one, name its fingerprint too under `pinned:`, and run again",
        severity=Severity.MINOR,
        certificates=[leaf.sha256],
    )


def _short_lived(question: TrustCase, code: Code, what: str, anchor: Certificate) -> Finding:
    wanted = question.wanted
    is_meant = anchor.sha256 in question.pinned and anchor != question.judgement.leaf
    by_hand = (
        f'get the file of its root, "{anchor.issuer_name}", and name it under `roots:` in place of `pinned`; else pin'
        " the next intermediate before that day"
    )
    return finding(
        code,
        f"{question.remedy.pse} trusts {what}: {anchor.label}; trust ends on {anchor.not_after:%Y-%m-%d} at the latest",
        fix=by_hand if is_meant else question.remedy.fix("add the root", wanted),
        commands=() if is_meant else question.remedy.add(each.sha256 for each in wanted),
        severity=Severity.MINOR if is_meant else None,
        certificates=[anchor.sha256],
    )
