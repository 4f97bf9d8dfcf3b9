"""SAP's list of roots: which of them a client must hold and since when, until when they are kept, what follows which.

Plain facts and what follows from them; `sap_roots_file` reads them. Nothing in a list makes a chain trusted but what
the table that comes with this package says by SHA-256: one that somebody gives only warns, and tells what a PSE must
hold.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cryptography import x509

from pse_preflight.certificate import Certificate, common_name
from pse_preflight.landscape.url import is_in_saps_cloud

PUBLISHED = "required.pse of github.com/sap-software/btp-trust-store, SAP Note 3472211"
"""Where SAP publishes its list."""

_NEAR = dt.timedelta(days=60)
_FORESEEABLE = dt.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of SAP's list, and its day."""

    name: str
    day: dt.date

    def __str__(self) -> str:
        """Return name and day; a list that has no name is known by its day."""
        return self.name if self.name == str(self.day) else f"{self.name}, {self.day}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """What is known of one root.

    Attributes:
        name: how people call it.
        sha256: its fingerprint, which alone tells it.
        common_name: the one in the certificate.
        organization: the one in the certificate; empty where it is not known.
        ends: the last day of the certificate, where it is known.
        since, left: the releases of SAP's list that added it and removed it.
        mozilla, chrome: the last day in their lists, where it is known.
        private: no browser has ever known it.
        successors: the names of those that are known to follow it on SAP's servers.
        announced: since when the successors are known.
        source: who says so.
    """

    name: str
    sha256: str
    common_name: str
    organization: str = ""
    ends: dt.date | None = None
    since: Release | None = None
    left: Release | None = None
    mozilla: dt.date | None = None
    chrome: dt.date | None = None
    private: bool = False
    successors: tuple[str, ...] = ()
    announced: dt.date | None = None
    source: str = ""

    @property
    def is_required(self) -> bool:
        """Tell whether SAP's list holds it."""
        return self.since is not None and self.left is None

    def clock(self, *, is_public: bool | None = None) -> "RootClock":
        """Return until when it is kept.

        Args:
            is_public: Mozilla's list has it today; None where that is not known.
        """
        return RootClock(
            name=self.name,
            sha256=self.sha256,
            ends=self.ends,
            since=self.since,
            left=self.left,
            mozilla=self.mozilla,
            chrome=self.chrome,
            is_public=is_public,
        )

    def is_named_in(self, name: x509.Name) -> bool:
        """Tell whether a distinguished name is this root's, by common name and organization."""
        organizations = name.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
        told = str(organizations[0].value).casefold() if organizations else ""
        same_organization = not told or not self.organization or told == self.organization.casefold()
        called = common_name(name).casefold()
        return called == self.common_name.casefold() and same_organization

    def is_what_people_read_in(self, name: x509.Name) -> bool:
        """Tell whether people would take a distinguished name for this root's; the organization is seldom shown."""
        return common_name(name).casefold() == self.name.casefold() or self.is_named_in(name)


@dataclass(frozen=True, slots=True)
class Named:
    """A root by its name and its fingerprint."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """A change that is announced for hosts.

    Attributes:
        hosts: ends of host names.
        root, successors: the root in use, and those that follow it.
        date: the announced day, where there is one.
        source: who says so.
    """

    hosts: tuple[str, ...]
    root: Named
    successors: tuple[Named, ...]
    date: dt.date | None
    source: str


@dataclass(frozen=True, slots=True)
class RootChange:
    """One root that follows another, or a root that is about to be given up.

    Attributes:
        root: the name of the root that is in use.
        successor, sha256: name and fingerprint of the one that follows; empty where none is known.
        date: the announced day; None where none is announced for the host.
        source: who says so.
        dated: the day of the table.
        left: the release of SAP's list that no longer has the root in use.
        mozilla, chrome: the last day of the root in use in their lists.
        instead: where no successor is known, the public roots that SAP requires.
    """

    root: str
    successor: str
    sha256: str
    date: dt.date | None
    source: str
    dated: dt.date
    left: Release | None = None
    mozilla: dt.date | None = None
    chrome: dt.date | None = None
    instead: frozenset[str] = frozenset()

    def concerns(self, held: Collection[str | None]) -> bool:
        """Tell whether a list of these fingerprints is not ready for it."""
        return self.sha256 not in held if self.successor else not self.instead <= set(held)

    def is_near(self, day: dt.date) -> bool:
        """Tell whether one of the known days is at most 60 days away."""
        known = (self.date, self.left.day if self.left else None, self.mozilla, self.chrome)
        return any(abs(each - day) <= _NEAR for each in known if each)

    @property
    def words(self) -> str:
        """Return what is announced, when, by whom, and how old the table is."""
        return f'which follows the server\'s root "{self.root}" ({self._told})'

    @property
    def words_of_root(self) -> str:
        """Return until when the root in use is kept, where nobody knows what follows it."""
        return f'the server\'s root "{self.root}" will be given up, and nobody has said what follows ({self._told})'

    @property
    def _told(self) -> str:
        when = f"announced for {self.date}" if self.date else "no day is announced"
        told = (when, self.source, *_kept(self.left, self.mozilla, self.chrome), f"table of {self.dated}")
        return "; ".join(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootClock:
    """Until when the root that a server uses is kept.

    Attributes:
        name, sha256: of the root.
        ends: its own last day.
        since, left: the releases of SAP's list that added and removed it.
        mozilla, chrome: the last day in their lists, where it is known.
        is_public: Mozilla's list has it today; None where that is not known.
    """

    name: str
    sha256: str
    ends: dt.date | None = None
    since: Release | None = None
    left: Release | None = None
    mozilla: dt.date | None = None
    chrome: dt.date | None = None
    is_public: bool | None = None

    @property
    def words(self) -> str:
        """Return which root it is, and who keeps it until when."""
        told = [*self._required(), *_kept(self.left, self.mozilla, self.chrome)]
        if self.mozilla is None and self.is_public is not None:
            told.append("in Mozilla's list today" if self.is_public else "not in Mozilla's list")
        return f"{self.name}: {'; '.join([*told, *([f'ends {self.ends}'] if self.ends else [])])}"

    def _required(self) -> Iterator[str]:
        if self.since is None:
            yield "not in SAP's list"
        elif self.left is None:
            yield f"required by SAP since {self.since.day} ({self.since.name})"


def by_release(roots: Iterable[Root]) -> str:
    """Name roots with the release and the day since which SAP requires them."""
    named: dict[Release, list[str]] = {}
    for each in roots:
        if each.since:
            named.setdefault(each.since, []).append(f'"{each.name}"')
    return "; ".join(f"since {since.day} ({since.name}) {', '.join(names)}" for since, names in named.items())


def _kept(left: Release | None, mozilla: dt.date | None, chrome: dt.date | None) -> Iterator[str]:
    """Say who no longer keeps a root, and who will not for ever."""
    if left:
        yield f"left SAP's list on {left.day} ({left.name})"
    if mozilla and mozilla == chrome:
        yield f"in Mozilla's and Chrome's lists until {mozilla}"
        return
    if mozilla:
        yield f"in Mozilla's list until {mozilla}"
    if chrome:
        yield f"in Chrome's list until {chrome}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A list of roots, and which of them follow which.

    Attributes:
        dated: the day up to which it is known to be right.
        releases: those of SAP's list that changed it, the oldest first.
        roots: every root that it knows, those that have left the list among them.
        changes: what is announced, for hosts of one's own mostly.
    """

    dated: dt.date
    releases: tuple[Release, ...] = ()
    roots: tuple[Root, ...] = ()
    changes: tuple[Announcement, ...] = ()

    @property
    def release(self) -> Release | None:
        """Return the newest release of SAP's list that it knows."""
        return max(self.releases, key=lambda each: each.day, default=None)

    @property
    def required(self) -> tuple[Root, ...]:
        """Return the roots that SAP requires a client to trust."""
        return tuple(each for each in self.roots if each.is_required)

    def lacking(self, held: Collection[str | None]) -> tuple[Root, ...]:
        """Return the required roots that are not among these fingerprints: what servers show first, then by release."""
        missing = [each for each in self.required if each.sha256 not in held]
        return tuple(sorted(missing, key=lambda each: (each.private, each.since.day if each.since else self.dated)))

    def root(self, sha256: str) -> Root | None:
        """Return what is known of the root with this fingerprint."""
        return next((each for each in self.roots if each.sha256 == sha256), None)

    def named_in(self, name: x509.Name) -> Root | None:
        """Return the root whose name a distinguished name is."""
        return next((each for each in self.roots if each.is_named_in(name)), None)

    def claimed_in(self, name: x509.Name) -> Root | None:
        """Return the root for which people would take who bears a distinguished name."""
        return next((each for each in self.roots if each.is_what_people_read_in(name)), None)

    def changes_of(self, host: str, root: str, day: dt.date | None = None) -> tuple[RootChange, ...]:
        """Return what is ahead of a host that uses the root of this fingerprint today, each successor once.

        Args:
            day: from which to look ahead to the browsers' last days. Where nobody knows what follows the root, there is
                nothing to prepare before it has left SAP's list, or will leave a browser's within a year.
        """
        found: dict[str, RootChange] = {}
        for each in (*self._announced(host, root), *self._of_sap(host, root, day)):
            found.setdefault(each.sha256, each)
        return tuple(found.values())

    def _announced(self, host: str, root: str) -> Iterator[RootChange]:
        for each in self.changes:
            if each.root.sha256 == root and host.endswith(each.hosts):
                for successor in each.successors:
                    yield RootChange(
                        each.root.name, successor.name, successor.sha256, each.date, each.source, self.dated
                    )

    def _of_sap(self, host: str, sha256: str, day: dt.date | None) -> Iterator[RootChange]:
        """Yield what SAP's list and the browsers' have ahead of a host of SAP's cloud."""
        used = self.root(sha256)
        if used is None or used.since is None or not is_in_saps_cloud(host):
            return
        usual = RootChange(used.name, "", "", None, used.source, self.dated, used.left, used.mozilla, used.chrome)
        for name in used.successors:
            yield from (replace(usual, successor=name, sha256=each.sha256) for each in self.roots if each.name == name)
        last = [each for each in (used.mozilla, used.chrome) if each and day]
        if not used.successors and (used.left or any(each - day <= _FORESEEABLE for each in last if day)):
            public = frozenset(each.sha256 for each in self.required if not each.private)
            yield replace(usual, instead=public - {sha256})

    def clock(self, root: Certificate, *, is_public: bool) -> RootClock:
        """Return until when a root is kept.

        Args:
            is_public: Mozilla's list has it today.
        """
        known = self.root(root.sha256) or Root(name=root.name, sha256=root.sha256, common_name=root.name)
        return replace(known, ends=root.not_after.date()).clock(is_public=is_public)

    def on(self, day: dt.date) -> "Table":
        """Return what was known on an earlier day."""
        return replace(
            self,
            dated=min(self.dated, day),
            releases=tuple(each for each in self.releases if each.day <= day),
            roots=tuple(_on(each, day) for each in self.roots if each.since is None or each.since.day <= day),
        )

    def roots_of(self, release: Release) -> frozenset[str]:
        """Return the fingerprints that a release of SAP's list had."""
        return frozenset(
            each.sha256
            for each in self.roots
            if each.since and each.since.day <= release.day and (each.left is None or each.left.day > release.day)
        )

    def as_published(self, published: Sequence[Certificate], day: dt.date) -> "Table":
        """Return the table of a list that SAP has published: what is known of its roots, and which are new or gone.

        Args:
            day: of the list, for one whose roots are those of no known release.
        """
        held = {each.sha256: each for each in published}
        known = (each for each in self.releases if self.roots_of(each) == held.keys())
        release = max(known, key=lambda each: each.day, default=None)
        if release:
            return replace(self, releases=(release,), roots=self.on(release.day).roots)
        release = Release(str(day), day)
        gone = (_published(each, held, release) for each in self.roots)
        new = (_new(each, release) for each in held.values() if self.root(each.sha256) is None)
        before = tuple(each for each in self.releases if each.day < day)
        return replace(self, dated=day, releases=(*before, release), roots=(*gone, *new))


def _on(root: Root, day: dt.date) -> Root:
    left = root.left if root.left and root.left.day <= day else None
    known = root.announced is None or root.announced <= day
    return replace(root, left=left, successors=root.successors if known else ())


def _published(root: Root, held: Collection[str], release: Release) -> Root:
    if root.sha256 in held:
        return replace(root, since=root.since or release, left=None)
    return replace(root, left=root.left or release) if root.since else root


def _new(certificate: Certificate, release: Release) -> Root:
    organizations = certificate.parsed.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return Root(
        name=certificate.name,
        sha256=certificate.sha256,
        common_name=certificate.name,
        organization=str(organizations[0].value) if organizations else "",
        ends=certificate.not_after.date(),
        since=release,
        source=f"the list of {release.day}",
    )


EMPTY = Table(dated=dt.date.min)
"""A list of nothing, for whoever judges without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SapRoots:
    """What is known of SAP's roots in a run.

    Attributes:
        shipped: the table that comes with this package.
        given: the list that --sap-roots names.
        place: where that is.
        certificates: roots of either list that are at hand here: what came with the given one, and what the operating
            system has; those of Mozilla's list are known to be.
    """

    shipped: Table = EMPTY
    given: Table | None = None
    place: str = ""
    certificates: tuple[Certificate, ...] = field(default=(), repr=False)

    @property
    def used(self) -> Table:
        """Return the newer list, with the changes that either of them announces."""
        newer = self.given if self.given and self.is_newer else self.shipped
        announced = (*(self.given.changes if self.given else ()), *self.shipped.changes)
        return replace(newer, changes=tuple(dict.fromkeys(announced)))

    @property
    def is_newer(self) -> bool:
        """Tell whether the given list is newer than the one that comes along."""
        given, shipped = self.given.release if self.given else None, self.shipped.release
        return given is not None and (shipped is None or given.day > shipped.day)

    @property
    def told(self) -> str:
        """Return what is to be said of the given list; empty where none is given."""
        if self.given is None:
            return ""
        given, shipped = self.given.release, self.shipped.release
        count = len(self.given.changes)
        announced = f"{self.place} announces {count} {'change' if count == 1 else 'changes'} of roots"
        if given is None or shipped is None:
            return announced
        if self.is_newer:
            return f"{self.place} ({given}) is newer than the list that comes along ({shipped}), and used"
        if given == shipped:
            return f"{self.place} is the list that comes along ({shipped})"
        return f"{self.place} ({given}) is older than the list that comes along ({shipped}), which is used in its place"
