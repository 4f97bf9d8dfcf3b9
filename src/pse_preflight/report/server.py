"""What one look at a server tells: its chain, whether that is good, its root, and what a client PSE must hold."""

from collections.abc import Iterator

from pse_preflight.checklist import Severity
from pse_preflight.findings import Finding, message
from pse_preflight.landscape.url import authority
from pse_preflight.report.columns import clipped, numbered, wrapped
from pse_preflight.run.server import Server

_SHORT = 12


def lines(server: Server) -> Iterator[str]:
    """Return what was seen and how it is judged; nothing is said of any client's trust."""
    yield from headline(server)
    if server.seen.presented:
        yield ""
        yield from (f"  {each}" for each in _drawing(server))
    yield ""
    yield from verdict(server)
    if server.judgement.best:
        yield ""
        yield from _wanted_in_pse(server)


def headline(server: Server) -> Iterator[str]:
    """Return what was asked, and where."""
    seen = server.seen
    way = f", through the proxy {seen.proxy}" if seen.proxy else ""
    sent = (
        f", {seen.tls_version or 'no TLS'}, {numbered(len(seen.presented), 'certificate')} sent" if seen.address else ""
    )
    yield from wrapped(f"{authority(seen.host, seen.port)}{f' at {seen.address}' if seen.address else ''}{way}{sent}")


def verdict(server: Server) -> Iterator[str]:
    """Return whether the chain is good, and everything that was found."""
    leaf = server.judgement.leaf
    if server.is_good and leaf:
        yield from wrapped(
            f"The chain is good: it is valid, is for {server.url.host}, and ends at a root of {server.roots_name}."
        )
        if server.clock:
            until = f'"{server.clock.name}", until {server.clock.ends}'
            yield from wrapped(f"Its root: {server.clock.words if server.url.is_sap_cloud else until}.")
        yield from wrapped(
            f"The server must renew by {leaf.not_after:%Y-%m-%d}; a PSE that holds the root will not notice."
        )
    elif not server.seen.presented:
        yield "Nothing is known of its certificates."
    else:
        yield "The chain is not good."
    for each in server.findings:
        yield from _told(each)


def _drawing(server: Server) -> Iterator[str]:
    """Draw the chain from the server to the root; what was sent beside it follows."""
    best = server.judgement.best
    sent = frozenset(server.seen.presented)
    for depth, each in enumerate(best):
        branch = f"{'   ' * (depth - 1)}└─ " if depth else ""
        yield f"{branch}{clipped(each.name)}"
        role = "server certificate" if depth == 0 else "root" if each.is_self_issued else "intermediate"
        marks = [role, f"until {each.not_after:%Y-%m-%d}", f"sha256 {each.sha256[:_SHORT]}"]
        yield f"{' ' * (len(branch) + 2)}{', '.join([*marks, 'sent' if each.der in sent else 'not sent'])}"
    if best and not best[-1].is_self_issued and not server.judgement.path:
        yield f"{'   ' * (len(best) - 1)}└─ (missing: {clipped(best[-1].issuer_name)})"
    beside = len(sent) - len([each for each in best if each.der in sent])
    if beside:
        yield f"beside it, {numbered(beside, 'certificate')} sent that {'is' if beside == 1 else 'are'} no part of it"


def _wanted_in_pse(server: Server) -> Iterator[str]:
    if server.judgement.path:
        yield "A client PSE for it must hold, the root first:"
    else:
        yield from wrapped(
            "A client PSE for it would have to hold the following. Nobody has verified them: compare the fingerprint of"
            " the root with the one that its authority publishes, by another way than this connection."
        )
    for each in server.issuers:
        yield f"  {clipped(each.name)}, until {each.not_after:%Y-%m-%d}"
        yield f"    sha256 {each.sha256}"
    yield from wrapped("No PSE was looked at: whether a client trusts this server is not known yet.")


def _told(found: Finding) -> Iterator[str]:
    """Return a finding: all of it where it turns a check red, else its first line."""
    first, *others = message(found).splitlines()
    if found.severity > Severity.MINOR:
        yield from wrapped(first, "  ")
        for each in others:
            yield from wrapped(each, "  ")
    else:
        yield from wrapped(f"also: {first}", "  ")
