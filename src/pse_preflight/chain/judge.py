"""The server's chain, judged: certificates, roots, host and time in; verified path, findings, wanted addresses out.

Nothing here opens a socket, reads a clock or a file. A path is verified only where `verify` accepts it and RFC 5280
does not forbid it all the same; why it is not accepted is found out by `search`, `faults`, `links` and `gap`, and said
by `causes`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.chain import causes as diagnosis
from pse_preflight.chain.extensions import damaged, named
from pse_preflight.chain.fault import is_authority, is_of_version_3
from pse_preflight.chain.faults import faults_of, forbidden, remarks
from pse_preflight.chain.gap import Gap, gap_above
from pse_preflight.chain.host_names import Subject, named_hosts, names_host, subject_to_verify
from pse_preflight.chain.inspection import (
    Claim,
    claim_of,
    dropped_root,
    in_words_of_saps_list,
    inspected,
    inspecting_authority,
    inspection_product,
)
from pse_preflight.chain.links import link_faults
from pse_preflight.chain.pins import not_compared
from pse_preflight.chain.sap_roots import SapRoots
from pse_preflight.chain.search import (
    End,
    Found,
    Link,
    Pool,
    issuer_of,
    link,
    search,
    should_have_signed,
    subject_of,
)
from pse_preflight.chain.verify import LONGEST_PATH, Path, Period, refusal
from pse_preflight.checklist import CODES, Code, Severity
from pse_preflight.findings import Finding
from pse_preflight.once import LazyProperty

__all__ = ["ChainQuestion", "Judgement", "Period", "inspection_product", "judge_chain", "verify"]


def _that_come_along() -> SapRoots:
    from pse_preflight.chain.sap_roots_file import sap_roots

    return sap_roots()


@dataclass(frozen=True, slots=True)
class ChainQuestion:
    """A chain, and what it is judged by.

    Attributes:
        host: a DNS name or an IP address.
        presented: DER as the server sent it, in its order; the caller bounds how many.
        roots: the trusted certificates; self-signed ones anchor.
        roots_name: how messages call them.
        period: when everything has to hold.
        fetched: DER that was got from AIA addresses.
        sap_domain: the host is in SAP's cloud, where a root outside Mozilla's list and SAP's own means inspection.
        sap_roots: what is known of SAP's list of roots; it tells who is meant by a name, and makes nothing trusted.
        inspection_accepted: the user named the roots one by one, so an inspecting one among them is meant.
        partial: the roots are a PSE's list, or pinned one by one; any of them may anchor.
        unseen: pinned fingerprints of which no certificate is at hand.
        mozilla: SHA-256 of every root in Mozilla's list. Its members are held to the rules for public authorities, and
            never inspect. Empty where it is not known: then those roots pass for public that nobody named one by one.
        most_intermediates: so many may stand between server certificate and anchor.
    """

    host: str
    presented: tuple[bytes, ...] = field(repr=False)
    roots: tuple[Certificate, ...] = field(repr=False)
    roots_name: str
    period: Period
    fetched: tuple[bytes, ...] = field(default=(), repr=False)
    sap_domain: bool = False
    sap_roots: SapRoots = field(default_factory=_that_come_along, repr=False)
    inspection_accepted: bool = False
    partial: bool = False
    unseen: tuple[str, ...] = ()
    mozilla: frozenset[str] = field(default=frozenset(), repr=False)
    most_intermediates: int = LONGEST_PATH


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of a chain.

    Attributes:
        leaf: the server certificate, where it can be read.
        path: server certificate to anchor, as verified for time, signatures, constraints and roots; whether it is for
            this host is told by names_host alone. Empty where nothing was verified, which is always so for a
            certificate without any host name.
        best: the path that the findings speak of, verified or not.
        findings: the decisive one first.
        wanted: http addresses (AIA) where the missing issuer may be had, two at most.
        names_host: the server certificate is for the host.
    """

    leaf: Certificate | None
    path: Path
    best: Path
    findings: tuple[Finding, ...]
    wanted: tuple[str, ...]
    names_host: bool


def judge_chain(question: ChainQuestion) -> Judgement:
    """Verify the chain, or tell every cause for which it cannot be."""
    sent = _Sent(question)
    if sent.leaf is None:
        return Judgement(None, (), (), tuple(sent.unreadable(needed=True)) or (diagnosis.nothing_sent(),), (), False)
    named = names_host(sent.leaf, question.host)
    case = _explore(sent.leaf, sent, question)
    findings = [*sent.unreadable(needed=not case.path), *case.findings()]
    if not named and not _is_no_servers(sent.leaf, findings):
        findings.append(diagnosis.host_not_named(sent.leaf, question.host))
    return Judgement(sent.leaf, case.path, case.best, _decisive_first(findings), case.wanted, named)


def _is_no_servers(leaf: Certificate, findings: Iterable[Finding]) -> bool:
    """Tell whether the certificate has no host names because it is none that could have some, which is told already."""
    cannot = is_authority(leaf) or not is_of_version_3(leaf) or bool(damaged(leaf))
    told = any(each.severity is Severity.BLOCKER and each.certificates[:1] == (leaf.sha256,) for each in findings)
    return cannot and told and not named_hosts(leaf)


def verify(
    leaf: Certificate, between: Iterable[Certificate], anchors: Iterable[Certificate], host: str, period: Period
) -> Path:
    """Return a path that the verifier accepts with exactly these anchors, any of which may be an intermediate.

    A self-signed anchor is preferred to a nearer one. Empty where there is none. As in Judgement.path, the host has no
    say unless the certificate names it.
    """
    pool = Pool(tuple(between), tuple(anchors), partial=True, most_intermediates=LONGEST_PATH)
    subject = subject_to_verify(leaf, host)
    if subject is None:
        return ()
    anchored = (found.path for found in search(leaf, pool, period) if found.end is End.ANCHOR)
    return next((path for path in anchored if _refused(path, subject, period, public=False) is None), ())


def _refused(path: Path, subject: Subject, period: Period, *, public: bool) -> str | None:
    """Return the verifier's words where it refuses the path; no words where RFC 5280 forbids it all the same."""
    words = refusal(path, subject, period, public=public)
    return "" if words is None and forbidden(path) else words


class _Sent:
    """What the server sent, read."""

    def __init__(self, question: ChainQuestion) -> None:
        self._ders = question.presented
        self._problems: dict[int, tuple[str, str]] = {}
        self.order = tuple(self._read())
        self.certificates = tuple(dict.fromkeys(self.order))
        self.leaf = self._leaf()

    def _read(self) -> Iterator[Certificate]:
        for position, der in enumerate(self._ders):
            try:
                yield Certificate.read(der)
            except CertificateUnreadable as error:
                self._problems[position] = (str(error), error.detail)

    def _leaf(self) -> Certificate | None:
        """Return the server certificate: the first, unless that is the authority of another one.

        TLS has it first (RFC 8446, 4.4.2). Where it is not, the rest can still be diagnosed.
        """
        if not self.order or 0 in self._problems:
            return None
        issuers = {issuer_of(each) for each in self.certificates if not each.is_self_issued}
        ends = [each for each in self.certificates if subject_of(each) not in issuers and not is_authority(each)]
        return self.order[0] if self.order[0] in ends or not ends else ends[0]

    def unreadable(self, *, needed: bool) -> Iterator[Finding]:
        """Yield a finding for each certificate that cannot be read, once however often it was sent."""
        first = {hashlib.sha256(self._ders[position]).hexdigest(): position for position in reversed(self._problems)}
        for digest, position in reversed(first.items()):
            reason = self._problems[position]
            yield diagnosis.unreadable(position + 1, len(self._ders), digest, reason, needed=needed)

    @property
    def has_unreadable(self) -> bool:
        """Tell whether something was sent that cannot be read."""
        return bool(self._problems)


def _explore(leaf: Certificate, sent: _Sent, question: ChainQuestion) -> "_Case":
    """Find the first path that the verifier accepts, else the one that is least wrong."""
    fetched = tuple(_readable(question.fetched))
    given = tuple(dict.fromkeys((*sent.certificates, *fetched)))
    pool = Pool(given, question.roots, partial=question.partial, most_intermediates=question.most_intermediates)
    subject = subject_to_verify(leaf, question.host)
    refusals: list[tuple[Path, str]] = []
    dead: list[Found] = []
    for found in search(leaf, pool, question.period):
        if found.end is not End.ANCHOR:
            dead.append(found)
            continue
        public = found.path[-1].sha256 in question.mozilla
        words = "" if subject is None else _refused(found.path, subject, question.period, public=public)
        if words is None:
            return _Case(question, sent, pool, found.path, found.path, End.ANCHOR)
        refusals.append((found.path, words))
    if refusals:
        best, words = min(refusals, key=lambda each: _gravity(each[0], question))
        return _Case(question, sent, pool, (), best, End.ANCHOR, words)
    longest = max(dead, key=lambda each: len(each.path))
    if longest.end is End.NO_ISSUER:
        ways = search(leaf, pool, question.period, over_wrong_signatures=True)
        longest = max((longest, *ways), key=lambda each: (each.end is End.ANCHOR, len(each.path)))
    return _Case(question, sent, pool, (), longest.path, longest.end)


def _readable(ders: Iterable[bytes]) -> Iterator[Certificate]:
    for der in ders:
        try:
            yield Certificate.read(der)
        except CertificateUnreadable:
            continue  # the server did not send it; without it the issuer is still missing, and said to be


def _gravity(path: Path, question: ChainQuestion) -> int:
    faults = faults_of(path, question.period, public=path[-1].sha256 in question.mozilla)
    return sum(each.severity for each in faults if each.severity > Severity.MINOR)


@dataclass(frozen=True)
class _Case:
    """One chain as far as it leads, from which its findings follow.

    Attributes:
        path: the verified path, or nothing.
        best: the path that is spoken of.
        end: why it ends where it does.
        refusal: the verifier's words, where it was asked and refused.
    """

    question: ChainQuestion
    sent: _Sent
    pool: Pool
    path: Path
    best: Path
    end: End
    refusal: str = ""

    def findings(self) -> Iterator[Finding]:
        """Yield every cause once; those that only follow from another are left out."""
        yield from self._end_findings()
        yield from self._damaged()
        yield from self._completeness()
        yield from self._order()
        yield from self._extras()
        yield from self._faults()
        yield from self._inspection()

    def _faults(self) -> Iterator[Finding]:
        period = self.question.period
        if self.path:
            odd = (*remarks(self.path), *link_faults(self.path))
            yield from (diagnosis.faulty(each, self.path, period) for each in odd)
            return
        public = self.best[-1].sha256 in self.question.mozilla
        above = self._gap.above if self._gap else ()
        whole, gap = (*self.best, *above), len(self.best) if above else None
        found = (
            *faults_of(whole, period, public=public, gap=gap, anchored=self.end in (End.ANCHOR, End.SELF_SIGNED)),
            *link_faults(whole, gap),
        )
        yield from (diagnosis.faulty(each, whole, period) for each in found)
        if self.refusal and not any(each.stops and each.severity > Severity.MINOR for each in found):
            yield diagnosis.refused(self.best, self.refusal)

    def _damaged(self) -> Iterator[Finding]:
        """Name what was sent, stands on no path, and cannot be read in what matters."""
        for each in self.sent.certificates:
            if each not in self.best and damaged(each):
                position = self.sent.order.index(each) + 1
                reason = (f"its extension {named(damaged(each)[0].oid)} is damaged", "")
                yield diagnosis.unreadable(position, len(self.sent.order), each.sha256, reason, needed=False)

    def _end_findings(self) -> Iterator[Finding]:
        """Say why the path does not reach an anchor."""
        path, roots_name = self.best, self.question.roots_name
        if self.end is End.SELF_SIGNED and len(path) == 1:
            yield diagnosis.self_signed(path[0], roots_name)
        elif self.end is End.SELF_SIGNED:
            yield self._with_saps_list(diagnosis.root_untrusted(path, roots_name))
        elif self.end is End.CIRCLE:
            yield diagnosis.circle(path, roots_name)
        elif self.end is End.TOO_LONG:
            yield diagnosis.too_long(path, self.question.most_intermediates)
        elif (
            self.end is End.NO_ISSUER
            and path[-1].issuer
            and not self.sent.has_unreadable  # which may be the issuer
            and (path[-1], path[-1]) not in self._wrongly_signed
        ):
            yield not_compared(self._issuer_missing(), path, self.question.unseen, roots_name)
        signed = ((child, issuer) for child, issuer in self._wrongly_signed if not damaged(child))
        yield from (diagnosis.signature_wrong(child, issuer, path) for child, issuer in signed)

    def _issuer_missing(self) -> Finding:
        """Tell a wrong from a forgotten and an unknown issuer."""
        roots_name, gap = self.question.roots_name, self._gap
        if gap and (self._wrong or gap.leads or (len(self.best) == 1 and not self._of_that_name)):
            return diagnosis.intermediate_missing(replace(gap, instead=self._wrong), self.sent.certificates, roots_name)
        return self._with_saps_list(diagnosis.root_unknown(self.best, self._namesakes, roots_name))

    def _with_saps_list(self, found: Finding) -> Finding:
        known, public = self.question.sap_roots, self.question.mozilla
        return in_words_of_saps_list(found, self._claim, self.best, known, public)

    @LazyProperty
    def _claim(self) -> Claim | None:
        """Return the name of SAP's list that the path leads to."""
        return claim_of(self.best, self.pool, self.question.sap_roots.used)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Return the addresses of an issuer that is missing, or whose key did not sign."""
        children = [child for child, issuer in self._wrongly_signed if child != issuer]
        without = [*children, *([self.best[-1]] if self.end is End.NO_ISSUER else [])]
        return tuple(dict.fromkeys(each for child in without for each in diagnosis.issuer_addresses(child)))

    @LazyProperty
    def _gap(self) -> Gap | None:
        """Return what is known of the intermediate that is missing at the end of the best path."""
        if self.end is not End.NO_ISSUER:
            return None
        return gap_above(self.best, self._misfits, self._namesakes, self.pool, self.question.period)

    @LazyProperty
    def _namesakes(self) -> tuple[Certificate, ...]:
        """Return the certificates named like the missing issuer that did not sign."""
        last = self.best[-1]
        named = self.pool.named(issuer_of(last)) if self.end is End.NO_ISSUER else ()
        return tuple(each for each in named if link(last, each) is Link.NOT_SIGNED)

    @LazyProperty
    def _forged(self) -> tuple[Certificate, ...]:
        """Return the issuers of the best path whose key should have signed, and did not."""
        return tuple(issuer for _, issuer in self._wrongly_signed)

    @property
    def _of_that_name(self) -> bool:
        """Tell whether a root of the missing issuer's name is at hand, so that it is probably a root itself."""
        return any(each.is_self_issued for each in self._namesakes)

    @LazyProperty
    def _wrongly_signed(self) -> tuple[tuple[Certificate, Certificate], ...]:
        """Return each certificate of the path that its issuer, perhaps itself, did not sign, and the issuer."""
        last = self.best[-1]
        own = ((last, last),) if last.is_self_issued and should_have_signed(last, last) else ()
        pairs = (*pairwise(self.best), *(own if self.end is End.NO_ISSUER else ()))
        return tuple((child, issuer) for child, issuer in pairs if link(child, issuer) is Link.NOT_SIGNED)

    @LazyProperty
    def _fitting(self) -> frozenset[Certificate]:
        """Return what was sent and may belong to some path: each is named as issuer by another one, or by the best."""
        fitting, newest, unplaced = set(self.best), set(self.best), set(self.sent.certificates) - set(self.best)
        while newest:
            newest = {each for each in unplaced if any(_may_sign(each, child) for child in newest)}
            fitting |= newest
            unplaced -= newest
        return frozenset(fitting)

    @LazyProperty
    def _misfits(self) -> tuple[Certificate, ...]:
        """Return intermediates that were sent and belong to no path of this server.

        What names no host is an authority's, whether it says so or not.
        """
        strays = [each for each in self.sent.certificates if each not in self._fitting and not each.is_self_issued]
        return tuple(each for each in strays if is_authority(each) or not named_hosts(each) or each in self._namesakes)

    @LazyProperty
    def _unsent(self) -> tuple[tuple[Certificate, Certificate], ...]:
        """Return the intermediates of the path that came from elsewhere, each after the one it signed."""
        has_root = self.end in (End.ANCHOR, End.SELF_SIGNED)
        issuers = self.best[1:-1] if has_root else self.best[1:]
        links = zip(self.best, issuers, strict=False)
        return tuple((child, issuer) for child, issuer in links if issuer not in self.sent.certificates)

    @LazyProperty
    def _wrong(self) -> tuple[Certificate, ...]:
        """Return what the server sends in the place of what is missing."""
        if self._gap is None:
            return self._misfits if self._unsent else ()
        if self._unsent or len(self.best) == 1:
            return self._gap.instead
        return tuple(each for each in self._misfits if each in self._namesakes)

    def _completeness(self) -> Iterator[Finding]:
        for child, issuer in self._unsent:
            sent, roots_name = self.sent.certificates, self.question.roots_name
            found = diagnosis.intermediate_missing(Gap(child, issuer, self._wrong), sent, roots_name)
            held_by_client = self.question.partial and self.pool.trusts(issuer)
            yield found.milder(Severity.MINOR) if held_by_client else found

    def _order(self) -> Iterator[Finding]:
        """Say what is not in its place; a root that is sent may stand anywhere but first."""
        got = [each for each in self.sent.certificates if each in self.best and not _is_root(each)]
        right = [each for each in self.best if each in got]
        if self.sent.order[0] != self.best[0] or got != right:
            yield diagnosis.out_of_order(self.best, self.sent.certificates)

    def _extras(self) -> Iterator[Finding]:
        spare = [each for each in self.sent.certificates if each not in self.best and not _is_root(each)]
        above = self._gap.above if self._gap else ()
        open_end = self.end is End.NO_ISSUER  # who knows what belongs above it
        belonging = (*self._fitting, *self._wrong, *above, *(self._misfits if open_end else ()))
        strays = [each for each in spare if each not in belonging and not damaged(each)]
        period = self.question.period
        fitting = [each for each in spare if each in self._fitting]
        ended = [each for each in fitting if period.start < each.not_before or each.not_after < period.end]
        repeated = [each for each in self.sent.certificates if self.sent.order.count(each) > 1]
        if strays or ended or repeated:
            yield diagnosis.has_extras(strays, repeated, ended)

    def _inspection(self) -> Iterator[Finding]:
        top = self.best[-1]
        anchored = self.end is End.ANCHOR
        if anchored and top.sha256 in self.question.mozilla:
            return
        if self.question.sap_roots.shipped.root(top.sha256):
            return
        product, authority = inspecting_authority(self.best)
        if product or (self.question.sap_domain and self._ends_privately()):
            accepted = self.question.inspection_accepted and anchored
            yield inspected(self.best, product, authority or top.issuer_name, self._claim, accepted=accepted)

    def _ends_privately(self) -> bool:
        """Tell whether the path leads to a root that is neither public nor SAP's; one that was public is not meant."""
        if dropped_root(self.best[-1]) or (self._claim and not self._claim.is_false):
            return False
        if self.end is End.ANCHOR:
            return bool(self.question.mozilla) or self.question.inspection_accepted
        unknown = self.end is End.NO_ISSUER and not self._forged and not self._wrong
        return len(self.best) > 1 and (unknown or self.end is End.SELF_SIGNED)


def _may_sign(issuer: Certificate, child: Certificate) -> bool:
    """Tell whether names and key identifiers allow it; a signature need not be checked to call it a stray or not."""
    return subject_of(issuer) == issuer_of(child) and should_have_signed(child, issuer)


def _is_root(certificate: Certificate) -> bool:
    return certificate.is_self_issued and is_authority(certificate)


def _decisive_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order by cause: inspection explains the rest, then the gravest, then as the checks come."""
    order = list(CODES)

    def rank(found: Finding) -> tuple[bool, int, int]:
        explains = found.code == Code.TLS_INSPECTED and found.severity > Severity.MINOR
        return (not explains, -found.severity, order.index(found.code))

    return tuple(sorted(dict.fromkeys(findings), key=rank))
