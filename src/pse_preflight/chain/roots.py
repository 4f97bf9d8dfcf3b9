"""The roots that a system's chain is judged by, read from where they are kept."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from pse_preflight.certificate import Certificate, CertificateUnreadable, read_pem, readable
from pse_preflight.certificate_file import read_certificate_file
from pse_preflight.chain.sap_roots import SapRoots
from pse_preflight.checklist import Code
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Finding, finding
from pse_preflight.json_types import WholeCertificate
from pse_preflight.once import LazyProperty, once

_LISTS = frozenset({"auto", "mozilla", "system"})
_PINNED = "the fingerprints in `pinned`"


class RootsUnreadable(PreflightError):
    """The file that `roots` names cannot be used."""


@dataclass(frozen=True)
class Roots:
    """Roots to judge a chain by.

    Attributes:
        certificates: the roots.
        name: how messages call them.
        explicit: the user named them one by one (a file, or fingerprints), so a private one among them is meant.
        from_pse: they are the PSE's own list, for want of others.
        partial: any of them may anchor, an intermediate and the server's certificate too.
        unseen: the pinned fingerprints of which no certificate is at hand.
        damaged: which certificates of the file cannot be read, and why.
    """

    certificates: tuple[WholeCertificate, ...]
    name: str
    explicit: bool = False
    from_pse: bool = False
    partial: bool = False
    unseen: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    @LazyProperty
    def fingerprints(self) -> frozenset[str]:
        """Return the SHA-256 of every root."""
        return frozenset(each.sha256 for each in self.certificates)


def named_roots(text: str) -> Roots:
    """Return the roots that `roots: mozilla`, `roots: system` or `roots: FILE` names.

    Raises:
        RootsUnreadable: where the file has none, or cannot be read.
    """
    if text == "mozilla":
        return _mozilla()
    return _system() if text == "system" else _file(Path(text))


def pinned_roots(pinned: Iterable[str], candidates: Iterable[Certificate]) -> Roots:
    """Return those candidates whose fingerprints are pinned; whoever pins one certificate means it as an anchor."""
    wanted = dict.fromkeys(pinned)
    found = {each.sha256: each for each in candidates if each.sha256 in wanted}
    unseen = tuple(each for each in wanted if each not in found)
    return Roots(tuple(found.values()), _PINNED, explicit=True, partial=True, unseen=unseen)


def pinned_here(pinned: Iterable[str], text: str) -> Roots:
    """Return what this machine has of the pinned certificates: in the file that `roots` names, or among its own roots.

    Raises:
        RootsUnreadable: where `roots` names a file that has none, or cannot be read.
    """
    wanted = tuple(pinned)
    in_file = () if text in _LISTS else _file(Path(text)).certificates
    own = (_systems_own().get(digest) for digest in wanted)
    return pinned_roots(wanted, (*in_file, *readable(der for der in own if der)))


def with_saps(roots: Roots, known: SapRoots, candidates: Iterable[Certificate]) -> Roots:
    """Return the roots, and those that SAP requires by the table that comes along, as far as their bytes are at hand.

    A list that somebody gives adds nothing but bytes: which fingerprints count is not its to say.

    Args:
        candidates: where the bytes may come from, beside what is known to be at hand.
    """
    wanted = {each.sha256 for each in known.shipped.required} - roots.fingerprints
    found = at_hand(wanted, (*known.certificates, *candidates)) if wanted else ()
    release = known.shipped.release
    name = f"{roots.name} or SAP's ({release.name})" if release else roots.name
    return replace(roots, certificates=(*roots.certificates, *found), name=name)


def at_hand(wanted: Collection[str], candidates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """Return the certificates with these fingerprints, each once."""
    return tuple(dict.fromkeys(each for each in candidates if each.sha256 in wanted))


@once
def saps_roots_here(path: Path | None) -> SapRoots:
    """Return what is known of SAP's roots, with the bytes that this system's own store has of them.

    Args:
        path: the list that --sap-roots names.

    Raises:
        UsageProblem: with what is wrong with that list.
    """
    from pse_preflight.chain.sap_roots_file import sap_roots

    known = sap_roots(path)
    required = {each.sha256 for each in (*known.shipped.required, *known.used.required)}
    wanted = required - _mozilla().fingerprints - {each.sha256 for each in known.certificates}
    found = (_systems_own().get(digest) for digest in sorted(wanted))
    return replace(known, certificates=(*known.certificates, *(Certificate.read(der) for der in found if der)))


@once
def _systems_own() -> Mapping[str, bytes]:
    """Return this system's own roots by their fingerprints, unread."""
    import ssl

    ders = ssl.create_default_context().get_ca_certs(binary_form=True)
    return {hashlib.sha256(each).hexdigest(): each for each in ders}


def listed_roots(certificates: Iterable[Certificate], pse: Path, unknown: str = "") -> Roots:
    """Return the certificate list of the PSE as roots, for hosts whose roots nobody has named.

    Args:
        unknown: why the list is not known; nothing is said of it then.
    """
    name = f"`roots` (none are named, and {unknown})" if unknown else f"the certificate list of {pse}"
    return Roots(tuple(certificates), name, from_pse=True, partial=True)


@once
def _mozilla() -> Roots:
    import certifi

    content = Path(certifi.where()).read_bytes()
    return Roots(read_pem(content), f"Mozilla's list (certifi {metadata.version('certifi')})")


@once
def _system() -> Roots:
    # An odd certificate of the system's store does not keep the others from being used.
    return Roots(readable(_systems_own().values()), "this system's own roots")


def said_of(roots: Roots, host: str) -> tuple[Finding, ...]:
    """Say that a chain is judged by the PSE's own list, or by a file of which a part cannot be read."""
    found = []
    if roots.from_pse and roots.certificates:
        found.append(
            finding(
                Code.ROOTS_FROM_PSE,
                f"the chain of {host} is judged by {roots.name}, for want of other roots: that it is valid says no more"
                " than that the PSE trusts it",
                fix="name in systems.yaml by which roots it is to be judged: roots: FILE, or pinned",
            )
        )
    if roots.damaged:
        more = f"; and {len(roots.damaged) - 1} more" if len(roots.damaged) > 1 else ""
        found.append(
            finding(
                Code.ROOTS_FILE_DAMAGED,
                f"{roots.name} is used without {roots.damaged[0]}{more}",
                fix="get the file anew, or take what is damaged out of it",
            )
        )
    return tuple(found)


def _file(path: Path) -> Roots:
    try:
        found = read_certificate_file(path)
    except CertificateUnreadable as error:
        raise RootsUnreadable(f"the roots {path} cannot be used: {error}") from None
    return Roots(found.certificates, str(path), explicit=True, damaged=found.damaged)
