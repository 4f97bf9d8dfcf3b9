"""One look at a server, without a PSE: what it sends, judged by the roots that everybody knows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain import judge as chain
from pse_preflight.chain.judge import Judgement, Period
from pse_preflight.chain.roots import Roots, named_roots, saps_roots_here, with_saps
from pse_preflight.chain.sap_roots import RootClock
from pse_preflight.checklist import Severity
from pse_preflight.endpoint import fetch, observation, reading
from pse_preflight.endpoint.model import Endpoint, Limits, Target
from pse_preflight.findings import Finding, most_decisive_first, of_saps_cloud
from pse_preflight.landscape.url import ApiUrl, Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server showed.

    Attributes:
        url: what was asked.
        seen: what the connection showed.
        judgement: the chain, judged.
        roots_name: by which roots it was judged, in words.
        clock: until when SAP and browsers keep its root; None where no root was seen.
        findings: everything that is to be said, the gravest first.
    """

    url: ApiUrl
    seen: Endpoint
    judgement: Judgement
    roots_name: str
    clock: RootClock | None
    findings: tuple[Finding, ...]

    @property
    def issuers(self) -> tuple[Certificate, ...]:
        """Return the certificates of the chain that a PSE holds, the root first; a self-signed server is its own."""
        best = self.judgement.best
        return tuple(reversed(best[1:])) or best

    @property
    def is_good(self) -> bool:
        """Tell whether a chain was seen that is verified, for this host, and without anything that turns red."""
        grave = any(each.severity > Severity.MINOR for each in self.findings)
        return bool(self.judgement.path) and self.judgement.names_host and not grave


def look(
    url: ApiUrl,
    url_findings: tuple[Finding, ...],
    clock: Callable[[], datetime],
    *,
    proxy: Proxy | None = None,
    limits: Limits | None = None,
) -> Server:
    """Ask a server once, fetch what it forgot to send, and judge its chain."""
    limits, target = limits or Limits(), Target(url.host, url.port, proxy, speaks_http=not url.is_hana_cloud)
    seen, mozilla, known = observation.observe(target, limits, clock), named_roots("mozilla"), saps_roots_here(None)
    moment = clock()
    question = chain.ChainQuestion(
        host=url.host,
        presented=seen.presented,
        roots=mozilla.certificates,
        roots_name=mozilla.name,
        period=Period(moment, moment),
        sap_domain=url.is_sap_cloud,
        sap_roots=known,
        mozilla=mozilla.fingerprints,
    )
    question, judgement = _judged(question, mozilla, seen.spoken_with, limits)
    last = judgement.best[-1] if judgement.best and judgement.best[-1].is_self_issued else None
    told = (*url_findings, *reading.findings_of(seen), *(judgement.findings if seen.presented else ()))
    return Server(
        url=url,
        seen=seen,
        judgement=judgement,
        roots_name=question.roots_name,
        clock=known.used.clock(last, is_public=last.sha256 in mozilla.fingerprints) if last else None,
        findings=most_decisive_first(map(of_saps_cloud, told) if url.is_sap_cloud else told),
    )


def _judged(
    question: chain.ChainQuestion, mozilla: Roots, own: str | None, limits: Limits
) -> tuple[chain.ChainQuestion, Judgement]:
    """Judge the chain; fetch what the server forgot, and judge again."""
    asked: list[str] = []
    while True:
        question = _with_roots(question, mozilla)
        judgement = chain.judge_chain(question)
        wanted = [each for each in judgement.wanted if each not in asked][: limits.fetches - len(asked)]
        if not wanted:
            return question, judgement
        asked += wanted
        found = fetch.fetch_certificates(wanted, own, limits)
        question = replace(question, fetched=(*question.fetched, *found))


def _with_roots(question: chain.ChainQuestion, mozilla: Roots) -> chain.ChainQuestion:
    """Return the question with the roots that `roots: auto` means on SAP's domains, and Mozilla's on others."""
    if not question.sap_domain:
        return question
    roots = with_saps(mozilla, question.sap_roots, readable((*question.presented, *question.fetched)))
    return replace(question, roots=roots.certificates, roots_name=roots.name)
