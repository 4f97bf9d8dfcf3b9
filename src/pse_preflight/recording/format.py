"""The form of a recording: the observations of one run, with what was asked, where and when.

docs/evidence.md describes it. It holds no verdict, so nothing that somebody writes into it by hand turns red into green
unless it is an observation.
"""

import getpass
import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal, cast

from pydantic import TypeAdapter, ValidationError

from pse_preflight import __version__
from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain.roots import Roots
from pse_preflight.client_pse.model import Attempt, ClientPse, Reason
from pse_preflight.endpoint.model import Endpoint, Failure, LiveHandshake
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Finding, one_line
from pse_preflight.json_types import Der
from pse_preflight.landscape.system import ExpiryDays, Serves, System, TrustStore
from pse_preflight.landscape.url import UrlUnreadable, read_url
from pse_preflight.once import once
from pse_preflight.options import Engine
from pse_preflight.verdict import changes
from pse_preflight.verdict.changes import Change, Sight
from pse_preflight.verdict.evidence import Evidence, KnownRoots, Observations, Origin

_NOT_WRITTEN: dict[str, Any] = {"endpoint": {"presented"}, "pse": {"program": True, "refusal": {"fix"}}}
_REFUSAL_FIX = "ask again where the program works; this is what it said when recorded"
_NOT_MADE = Reason("a recording is judged, and nothing is made", "run the checks on the machine that recorded it")

_POSIX = isinstance(Path(), PurePosixPath)


class EvidenceUnreadable(PreflightError):
    """A recording cannot be used; the text names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked: the system as systems.yaml describes it, without the login of its proxy.

    Attributes:
        url: as it was written, without user, password and whatever follows the host.
        truststore: the client has a trust store in place of a PSE.
        engine: what --engine said.
        confirm: SAP's tool is expected to have listed a PSE that the bundled implementation wrote.

    All others are the keys of systems.yaml.
    """

    alias: str
    url: str
    serves: Serves = "rfc"
    pse: str
    truststore: bool = False
    secudir: str
    dn: str | None
    roots: str
    pinned: tuple[str, ...]
    include_leaf: bool
    expiry_days: ExpiryDays
    required_roots: tuple[str, ...]
    requires_saps_roots: bool = False
    adds_saps_roots: bool = False
    tags: tuple[str, ...]
    extras: tuple[tuple[str, str], ...]
    engine: Engine
    confirm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything that was observed of one system, as it is written down.

    Attributes:
        roots: the roots of a file or of the operating system, as far as they can play a part in this chain.
        presented: SHA-256 of each certificate that the server sent; the certificates stand in presented.pem.
        changed_by_us: the digest of the PSE as the bundled implementation last changed it.
        changes: what had changed from run to run, the oldest first.

    All others are those of Observations.
    """

    format: Literal[2] = 2
    recorded: Origin
    asked: Asked
    roots: Roots | None
    endpoint: Endpoint | None
    presented: tuple[str, ...]
    fetched: tuple[Der, ...]
    pse: ClientPse
    changed_by_us: str = ""
    live: LiveHandshake | None
    changes: tuple[Change, ...] = ()

    def observations(self, known: KnownRoots, doubts: tuple[Finding, ...] = ()) -> Observations:
        """Return what was seen, to be judged again with what this machine knows of roots."""
        program = ("opengenpse" if self.pse.one_reader else "sapgenpse",)
        pse = _as_recorded(self.asked.pse)
        return Observations(
            endpoint=self.endpoint,
            fetched=self.fetched,
            roots=self.roots,
            pse=replace(_with_fix(self.pse, _REFUSAL_FIX), program=program).spelled(pse),
            attempt=Attempt(refusals=(_NOT_MADE,)),
            changed_by_us=self.changed_by_us,
            live=self.live,
            changes=self.changes,
            recorded=self.recorded,
            elsewhere=_is_foreign(self.asked.pse) or self.recorded.host != socket.gethostname(),
            noted=self.presented,
            doubts=doubts,
            known=known,
        )


def recorded(evidence: Evidence, engine: Engine, at: datetime) -> Recording:
    """Write down what was seen; no login, no PIN and no private key is in it."""
    seen, system = evidence.observations, evidence.system
    same = {each.name: getattr(system, each.name) for each in fields(Asked) if hasattr(system, each.name)}
    own = {"url": system.url_as_written, "pse": _text(system.pse), "secudir": _text(system.secudir), "engine": engine}
    return Recording(
        recorded=Origin(host=socket.gethostname(), account=running_account(), at=at, toolkit=__version__),
        asked=Asked(**{**same, **own, "truststore": system.truststore is not None}),
        roots=_roots(seen) if seen.roots else None,
        endpoint=seen.endpoint,
        presented=tuple(hashlib.sha256(der).hexdigest() for der in seen.presented),
        fetched=seen.fetched,
        pse=_with_fix(replace(seen.pse, tool=_text(seen.pse.tool)), ""),
        changed_by_us=seen.changed_by_us,
        live=seen.live,
        changes=seen.changes,
    )


def written(recording: Recording) -> str:
    """Return the text of evidence.json."""
    told = _adapter().dump_python(recording, mode="json", exclude=_NOT_WRITTEN)
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def parsed(content: bytes, place: str) -> Recording:
    """Read evidence.json, of this version or of an earlier one; keys that are not known are passed over.

    Raises:
        EvidenceUnreadable: where it has not the form of docs/evidence.md.
    """
    try:
        told = json.loads(content)
        return _adapter().validate_python(_from_format_1(told) if told.get("format") == 1 else told, strict=False)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise EvidenceUnreadable(f"{place}: {where}: {first['msg']}") from None
    except (ValueError, RecursionError, AttributeError, TypeError, LookupError):
        raise EvidenceUnreadable(f"{place}: is no JSON of a recording") from None


def system_of(recording: Recording, folder: Path = Path()) -> System:
    """Return the system that was asked about.

    Args:
        folder: where the files about the replay go.

    Raises:
        EvidenceUnreadable: where its URL names no host.
    """
    asked = recording.asked
    try:
        url, findings = read_url(asked.url, sql=asked.serves == "sql")
    except UrlUnreadable as error:
        raise EvidenceUnreadable(f"the recording of {one_line(asked.alias)}: asked.url: {error}") from None
    return System(
        alias=asked.alias,
        url=url,
        url_as_written=asked.url,
        url_findings=findings,
        serves=asked.serves,
        folder=folder,
        pse=_as_recorded(asked.pse),
        truststore=TrustStore() if asked.truststore else None,
        secudir=_as_recorded(asked.secudir),
        dn=asked.dn,
        roots=asked.roots,
        pinned=asked.pinned,
        include_leaf=asked.include_leaf,
        create=False,
        confirm=asked.confirm,
        expiry_days=asked.expiry_days,
        required_roots=asked.required_roots,
        requires_saps_roots=asked.requires_saps_roots,
        adds_saps_roots=asked.adds_saps_roots,
        tags=asked.tags,
        extras=asked.extras,
    )


def changes_between(last: Recording, now: Recording) -> tuple[Change, ...]:
    """Say what is otherwise than in the last recording of the same host."""
    if last.endpoint and now.endpoint and last.endpoint.host != now.endpoint.host:
        return ()
    return changes.changes(_sight(last), _sight(now))


def schema() -> dict[str, Any]:
    """Return the JSON schema of evidence.json."""
    told = _adapter().json_schema(mode="serialization")
    del told["$defs"]["Endpoint"]["properties"]["presented"]
    del told["$defs"]["ClientPse"]["properties"]["program"]
    del told["$defs"]["Refusal"]["properties"]["fix"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **told, "title": "evidence.json"}


@once
def _adapter() -> TypeAdapter[Recording]:
    return TypeAdapter(Recording)


def _with_fix(pse: ClientPse, fix: str) -> ClientPse:
    """Return the PSE with another fix of what the tool refused; a recording holds none."""
    return replace(pse, refusal=replace(pse.refusal, fix=fix)) if pse.refusal else pse


def _roots(seen: Observations) -> Roots | None:
    """Keep the roots that no other machine has, as far as they are sent, or issued what is sent or listed."""
    if seen.roots is None:
        return None
    listed = [entry.certificate for entry in seen.pse.entries if entry.certificate]
    others = [*readable((*seen.presented, *seen.fetched)), *listed]
    return replace(seen.roots, certificates=tuple(_playing_a_part(seen.roots.certificates, others)))


def _playing_a_part(roots: Sequence[Certificate], others: Sequence[Certificate]) -> list[Certificate]:
    """Return the roots that are among the others, or issued one of them, directly or by way of a root."""
    part = [each for each in roots if each in others]
    while True:
        issuers = {each.issuer for each in (*others, *part)}
        more = [each for each in roots if each not in part and each.subject in issuers]
        if not more:
            return part
        part += more


def _sight(recording: Recording) -> Sight:
    presented = readable(recording.endpoint.presented) if recording.endpoint else ()
    content = recording.pse.condition.content
    listed = [each.certificate for each in content.trusted] if content else []
    return Sight(
        at=recording.recorded.at,
        leaf=presented[0] if presented else None,
        issuers=presented[1:],
        listed=tuple(each for each in listed if each) if content else None,
        owner=content.owner if content else None,
    )


def _from_format_1(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recording of version 1 in the form of today's."""
    old = told["pse"]
    said = next(iter(old["said"]), None)
    condition = {"path": told["asked"]["pse"], "content": old["file"], **_some(old, "state", "problem", "mode")}
    pse = {
        "condition": condition,
        "listing": None if old["listing"] is None else {"entries": old["listing"]},
        "refusal": said,
        **_some(old, "tool", "one_reader"),
    }
    endpoint, live = (_with_flat_failures(told[key]) for key in ("endpoint", "live"))
    return {**told, "format": 2, "pse": pse, "endpoint": endpoint, "live": live}


def _some(told: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: told[key] for key in keys}


def _with_flat_failures(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """Lift what was seen of a failure to where it stands today; what was None, or is not known, is left out."""
    if told is None:
        return None
    known = {each.name for each in fields(Failure)}
    flat = dict(told)
    for key in ("failure", "http_failure"):
        if old := told.get(key):
            details = {name: value for name, value in old["details"].items() if name in known and value is not None}
            flat[key] = {"code": old["code"], **details}
    return flat


def running_account() -> str:
    """Return the name of the account that runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in containers
        return "unknown"


def _as_recorded(text: str) -> Path:
    """Return a path of the machine that recorded it, with its own slashes.

    One of another operating system names no file here, and cannot be opened: it is pure.
    """
    if not _is_foreign(text):
        return Path(text)
    return cast(Path, PureWindowsPath(text) if _POSIX else PurePosixPath(text))


def _is_foreign(text: str) -> bool:
    """Tell whether a path is one of another operating system, by its beginning."""
    return bool(PureWindowsPath(text).drive) if _POSIX else text.startswith("/") and not text.startswith("//")


def _text(value: object) -> str:
    """Return the text of a path so that it can be written, whatever bytes its names have."""
    return str(value).encode("utf-8", "backslashreplace").decode()
