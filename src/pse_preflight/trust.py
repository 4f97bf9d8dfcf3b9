"""The PSE's certificate list against the server's chain: what is trusted, why, and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pse_preflight.certificate import Certificate
from pse_preflight.chain import Judgement, Period, inspection_product, verify
from pse_preflight.findings import Command, Finding, Severity, finding
from pse_preflight.inventory import ExpiryDays

_DUE_DAYS = timedelta(days=30)
_DUE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate of the PSE's list, as far as it is known.

    Attributes:
        subject: its owner as the list's reader writes it.
        not_after: the last second of its validity, where known.
        sha256: its fingerprint, where known.
        serial: its serial number, where known.
        certificate: the whole certificate, where it is at hand.
    """

    subject: str
    not_after: datetime | None = None
    sha256: str | None = None
    serial: int | None = None
    certificate: Certificate | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Remedy:
    """How a certificate is added to this PSE, for the fixes that are shown.

    Attributes:
        program: the tool that is installed here.
        pse: the PSE.
        files: the PEM file already written for each certificate of the verified path.
    """

    program: str
    pse: Path
    files: dict[str, Path] = field(default_factory=dict)

    def add(self, certificates: Iterable[Certificate]) -> tuple[Command, ...]:
        """Return the commands that add the certificates, one per call."""
        return tuple(
            (self.program, "maintain_pk", "-a", str(self.files[each.sha256]), "-p", str(self.pse))
            for each in certificates
            if each.sha256 in self.files
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the verdict depends on.

    Attributes:
        entries: the certificate list of the PSE.
        judgement: the server's chain, judged by the roots.
        presented: everything that can stand between the server's certificate and an anchor.
        host: the name to connect to.
        period: when trust has to hold.
        include_leaf: the server certificate is wanted in the list.
        required_roots: fingerprints that must be in the list.
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
    accepted: frozenset[str]
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Trust:
    """The verdict about one PSE and one server.

    Attributes:
        path: server certificate to anchor, validated with nothing but the PSE's list; empty where nothing anchors it.
        anchors: every certificate of the list that is at hand; what the live handshake trusts.
        findings: what is to be said, the decisive first within each check.
        ends: the last moment of trust, if the server renews what it renews by itself.
        renewal: when the server must have renewed.
    """

    path: tuple[Certificate, ...]
    anchors: tuple[Certificate, ...]
    findings: tuple[Finding, ...]
    ends: datetime | None
    renewal: datetime | None

    @property
    def anchor(self) -> Certificate | None:
        """Return the certificate of the list that the path ends in."""
        return self.path[-1] if self.path else None

    def outlasts_renewals(self, period: Period) -> bool:
        """Tell whether trust holds in a later period if the server renews its own certificates: a root anchors it."""
        anchor = self.anchor
        if anchor is None or len(self.path) == 1 or not anchor.is_self_issued:
            return False
        return period.end <= anchor.not_after and all(each.not_before <= period.start for each in self.path)


def judge(question: Question) -> Trust:
    """Compare the certificate list with the server's chain."""
    anchors = _at_hand(question)
    path = _trusted_path(question, anchors)
    findings = [
        *_listing_findings(question, path),
        *_expired(question),
        *_required(question),
        *_inspection(question, path),
        *_trust_findings(question, path),
    ]
    ends = path[-1].not_after if path else None
    renewing = path[:-1] if path else question.judgement.path[:-1]
    renewal = min((each.not_after for each in renewing), default=None)
    return Trust(path, anchors, tuple(findings), ends, renewal)


def holds(entries: Sequence[Entry], certificate: Certificate) -> bool:
    """Tell whether the list holds this very certificate: by SHA-256, or by serial number and subject without one."""
    return any(_is_same(entry, certificate) for entry in entries)


def lasting_findings(path: Sequence[Certificate], period: Period, days: ExpiryDays) -> tuple[Finding, ...]:
    """Say which certificates of a path end soon; the last one is what the PSE, or the judge, relies on."""
    if not path:
        return ()
    *renewed, anchor = path
    relied = [_soon(anchor, period, days.ca if renewed else days.leaf)]
    leaf = [_soon(path[0], period, days.leaf)] if renewed and path[0].not_after >= period.end else []
    reported = [found for found in (*leaf, *relied) if found]
    named = {digest for found in reported for digest in found.certificates}
    due = [_due(each, period) for each in renewed if each.sha256 not in named]
    return (*reported, *(found for found in due if found))


def _soon(certificate: Certificate, period: Period, days: int) -> Finding | None:
    left = certificate.not_after - period.end
    if left > timedelta(days=days):
        return None
    return finding(
        "CERTIFICATE_EXPIRES_SOON",
        f"{certificate.label} ends in {_days(left)}, sooner than {days} days",
        fix="have it renewed, or add its successor to the PSE, before that day",
        certificates=[certificate.sha256],
    )


def _due(certificate: Certificate, period: Period) -> Finding | None:
    lifetime = certificate.not_after - certificate.not_before
    left = certificate.not_after - period.end
    if left > max(_DUE_DAYS, lifetime * _DUE_SHARE):
        return None
    ended = f"has ended {_days(-left)} earlier" if left < timedelta(0) else f"ends in {_days(left)}"
    return finding(
        "RENEWAL_DUE",
        f"{certificate.label} {ended}; the server renews it by itself, and the PSE relies on the root",
        fix="nothing in the PSE; if the server keeps it until then, ask the SAP admin",
        certificates=[certificate.sha256],
    )


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"


def _is_same(entry: Entry, certificate: Certificate) -> bool:
    if entry.certificate is not None:
        return entry.certificate == certificate
    if entry.sha256 is not None:
        return entry.sha256 == certificate.sha256
    return entry.serial == certificate.parsed.serial_number and entry.not_after == certificate.not_after


def _at_hand(question: Question) -> tuple[Certificate, ...]:
    """Return the list's certificates; one known by its fingerprint only is the equal one of the verified path."""
    verified = question.judgement.path
    found: dict[Certificate, None] = {}
    for entry in question.entries:
        same = (each for each in verified if _is_same(entry, each))
        certificate = entry.certificate or next(same, None)
        if certificate is not None:
            found[certificate] = None
    return tuple(found)


def _trusted_path(question: Question, anchors: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """Return the most lasting path that the list alone anchors: by a root, else an intermediate, else the leaf."""
    leaf = question.judgement.leaf
    if leaf is None:
        return ()
    between = (*question.presented, *anchors)
    kinds = (
        [each for each in anchors if each.is_self_issued and each != leaf],
        [each for each in anchors if each != leaf],
        [each for each in anchors if each == leaf],
    )
    for kind in kinds:
        path = verify(leaf, between, kind, question.host, question.period)
        if path:
            return path
    return ()


def _required_path(question: Question, path: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """Return the path whose members belong in the list: the list's own if it reaches a root, else the verified one."""
    return path if path and path[-1].is_self_issued and len(path) > 1 else question.judgement.path


def _listing_findings(question: Question, path: tuple[Certificate, ...]) -> list[Finding]:
    wanted = _required_path(question, path)
    if not question.entries:
        return [_pk_list_empty(question, wanted)]
    if not wanted:
        return []
    leaf, *between, root = wanted if len(wanted) > 1 else (wanted[0], wanted[0])
    absent = [each for each in (root, *between) if not holds(question.entries, each)]
    found = [_absent(question, each, path, is_root=each == root) for each in absent]
    if question.include_leaf and not holds(question.entries, leaf):
        found.append(_leaf_absent(question, leaf))
    return found


def _pk_list_empty(question: Question, wanted: tuple[Certificate, ...]) -> Finding:
    return finding(
        "PK_LIST_EMPTY",
        f"the certificate list of {question.remedy.pse} is empty, so the client trusts no server",
        fix="add the root and the intermediates",
        commands=question.remedy.add(reversed(wanted[1:])),
        certificates=[each.sha256 for each in wanted[1:]],
    )


def _absent(question: Question, missing: Certificate, path: tuple[Certificate, ...], *, is_root: bool) -> Finding:
    code = "ROOT_NOT_IN_PSE" if is_root else "INTERMEDIATE_NOT_IN_PSE"
    severity = None
    if is_root and path:
        severity = Severity.MAJOR
    if not is_root and missing not in question.presented:
        severity = Severity.BLOCKER
    kind = "root" if is_root else "intermediate"
    return finding(
        code,
        f"the {kind} {missing.label} is not in the certificate list of {question.remedy.pse}",
        fix=f"add the {kind}",
        commands=question.remedy.add([missing]),
        severity=severity,
        certificates=[missing.sha256],
    )


def _leaf_absent(question: Question, leaf: Certificate) -> Finding:
    return finding(
        "LEAF_NOT_IN_PSE",
        f"the server certificate {leaf.label} is not in the certificate list of {question.remedy.pse}, and"
        " include_leaf asks for it",
        fix="add it, and again after each renewal, or set include_leaf: false",
        commands=question.remedy.add([leaf]),
        certificates=[leaf.sha256],
    )


def _expired(question: Question) -> list[Finding]:
    ended = [each for each in question.entries if each.not_after and each.not_after < question.period.start]
    if not ended:
        return []
    names = ", ".join(f'"{each.subject}" (until {each.not_after:%Y-%m-%d})' for each in ended[:3])
    more = f" and {len(ended) - 3} more" if len(ended) > 3 else ""  # noqa: PLR2004 - as many as are named
    return [
        finding(
            "PK_LIST_EXPIRED",
            f"{len(ended)} of {len(question.entries)} certificates in {question.remedy.pse} have ended: {names}{more}",
            fix="harmless; remove them when the PSE is made anew",
            certificates=[each.sha256 for each in ended if each.sha256],
        )
    ]


def _required(question: Question) -> list[Finding]:
    held = {each.sha256 for each in question.entries}
    return [
        finding(
            "REQUIRED_ROOT_NOT_IN_PSE",
            f"the required root sha256 {digest[:12]} is not in the certificate list of {question.remedy.pse}",
            fix=f"get the root with the fingerprint sha256:{digest} from its operator and add it with maintain_pk -a",
            certificates=[digest],
        )
        for digest in question.required_roots
        if digest not in held
    ]


def _inspection(question: Question, path: tuple[Certificate, ...]) -> list[Finding]:
    """Name the certificates of the list that belong to a TLS-inspecting product."""
    anchor = path[-1].sha256 if path else None
    found = []
    for entry in question.entries:
        product = inspection_product(entry.subject)
        if not product or entry.sha256 in question.accepted:
            continue
        found.append(
            finding(
                "PSE_TRUSTS_INSPECTION",
                f'{question.remedy.pse} trusts "{entry.subject}", a TLS-inspecting proxy ({product}), for everything',
                fix="bypass the proxy for this host and remove it, or name it in roots: or pinned: to accept it",
                severity=None if entry.sha256 == anchor and anchor else Severity.MINOR,
                certificates=[entry.sha256] if entry.sha256 else [],
            )
        )
    return found


def _trust_findings(question: Question, path: tuple[Certificate, ...]) -> list[Finding]:
    leaf = question.judgement.leaf
    if leaf is None:
        return []
    if not path:
        return [_not_trusted(question, leaf)]
    anchor = path[-1]
    if anchor == leaf:
        return [_short_lived(question, "PSE_HOLDS_SERVER_CERT_ONLY", "the server certificate itself", anchor)]
    if not anchor.is_self_issued:
        return [_short_lived(question, "PSE_HOLDS_INTERMEDIATE_ONLY", "an intermediate, not its root", anchor)]
    return []


def _not_trusted(question: Question, leaf: Certificate) -> Finding:
    wanted = [each for each in reversed(question.judgement.path[1:]) if not holds(question.entries, each)]
    which = f"; missing: {wanted[0].label}" if wanted else ""
    return finding(
        "SERVER_NOT_TRUSTED",
        f"nothing in the certificate list of {question.remedy.pse} anchors {leaf.label}{which}",
        fix="add the root" if wanted else "find out first why the chain is not valid; then add its root",
        commands=question.remedy.add(wanted),
        certificates=[leaf.sha256],
    )


def _short_lived(question: Question, code: str, what: str, anchor: Certificate) -> Finding:
    wanted = [each for each in reversed(question.judgement.path[1:]) if not holds(question.entries, each)]
    return finding(
        code,
        f"{question.remedy.pse} trusts {what}: {anchor.label}; trust ends on {anchor.not_after:%Y-%m-%d} at the latest",
        fix="add the root",
        commands=question.remedy.add(wanted),
        certificates=[anchor.sha256],
    )
