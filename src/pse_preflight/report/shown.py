"""What was looked at, as JSON: files and servers in one document, in the form of docs/show.schema.json."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from pse_preflight.certificate import Certificate
from pse_preflight.json_types import Moment
from pse_preflight.options import SeverityWord
from pse_preflight.run.file import ShownFile
from pse_preflight.run.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """Something that is to be said of a server."""

    code: str
    severity: SeverityWord
    observed: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCertificate:
    """A certificate of a server's chain, the server's own first.

    Attributes:
        sent: the server sent it.
    """

    name: str
    subject: str
    issuer: str
    not_before: Moment
    not_after: Moment
    sha256: str
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownServer:
    """A server that was asked once; nothing is said of any client's trust.

    Attributes:
        url: what was asked.
        address: who answered; empty where nobody did.
        tls_version: what was spoken; empty where it was not TLS.
        is_good: the chain is valid, is for this host and ends at a known root, and nothing that was found is grave.
        chain: the best path, the server first.
        root: until when SAP and browsers keep its root, in words; empty where it has none that is known.
        findings: the gravest first.
    """

    url: str
    address: str
    tls_version: str
    is_good: bool
    chain: tuple[ChainCertificate, ...]
    root: str
    findings: tuple[ShownFinding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Everything that one call has shown, in the order in which it was named."""

    format: Literal[1] = 1
    files: tuple[ShownFile, ...]
    servers: tuple[ShownServer, ...]


def of_server(server: Server) -> ShownServer:
    """Return what is shown of a server."""
    sent = frozenset(server.seen.presented)
    return ShownServer(
        url=f"https://{server.url.host}:{server.url.port}",
        address=server.seen.address or "",
        tls_version=server.seen.tls_version or "",
        is_good=server.is_good,
        chain=tuple(_of_chain(each, is_sent=each.der in sent) for each in server.judgement.best),
        root=server.clock.words if server.clock else "",
        findings=tuple(
            ShownFinding(code=each.code, severity=each.severity.word, observed=each.observed, fix=each.fix)
            for each in server.findings
        ),
    )


def _of_chain(each: Certificate, *, is_sent: bool) -> ChainCertificate:
    return ChainCertificate(
        name=each.name,
        subject=each.subject,
        issuer=each.issuer,
        not_before=each.not_before,
        not_after=each.not_after,
        sha256=each.sha256,
        sent=is_sent,
    )


def written(files: Iterable[ShownFile], servers: Iterable[ShownServer]) -> str:
    """Return the JSON text."""
    told = _adapter().dump_python(Shown(files=tuple(files), servers=tuple(servers)), mode="json")
    return json.dumps(told, indent=2, ensure_ascii=False)


def schema() -> Mapping[str, Any]:
    """Return the JSON schema of what `show --json` writes."""
    told = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **told, "title": "pse-preflight show --json"}


@cache
def _adapter() -> TypeAdapter[Shown]:
    return TypeAdapter(Shown)
