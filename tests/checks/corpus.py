"""Observations made by hand: one system where everything is as it should be, and one for each code of the checklist.

In each of them one thing is otherwise than in the good one, with what follows from it. Whatever judges is called anew
each time, so that a judge who finds nothing any more shows. Nothing here asks a network, a clock or a program.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.certificate import Certificate, readable
from pse_preflight.chain import judge as chain_judge
from pse_preflight.chain.faults import is_authority
from pse_preflight.chain.roots import Roots
from pse_preflight.chain.sap_roots import Announcement, Named, Release, Root, SapRoots, Table
from pse_preflight.chain.verify import Period
from pse_preflight.checklist import CODES, Code, Severity
from pse_preflight.client.account import Reach
from pse_preflight.client.connections import Connections, ProductConnection
from pse_preflight.client.findings import findings_of
from pse_preflight.client.ini import Destination
from pse_preflight.client.library import Library
from pse_preflight.client.own_certificate import OwnCertificate
from pse_preflight.client.side import ClientSide
from pse_preflight.client_pse.condition import AccessList, Condition, PseContent, Rights, State
from pse_preflight.client_pse.model import Attempt, ClientPse, Reason, Refusal
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.endpoint.model import (
    Endpoint,
    FailedTry,
    Failure,
    HttpAnswer,
    KeyKind,
    LiveHandshake,
    WebSocketAnswer,
    WebSocketReading,
)
from pse_preflight.landscape.system import Client, ClientIni, Product, System, TrustStore
from pse_preflight.landscape.url import read_url, redacted
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name as distinguished_name
from pse_preflight.recording.folder import Folder, read
from pse_preflight.recording.format import recorded, system_of
from pse_preflight.sapgenpse.output import ListedCertificate, Listing
from pse_preflight.verdict.evidence import Evidence, KnownRoots, Observations, judge
from pse_preflight.verdict.policy import Verdict
from tests.kit.chains import CATALOGUE, Chain, World
from tests.kit.faulty_chains import KINDS, Built, built
from tests.kit.pse_mutations import SALT, START, owner, owner_key

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOST, ELSEWHERE = "my401122-api.s4hana.cloud.sap", "erp.company.de"
FOLDER = Path("/xtract").absolute()
PSE, INI, LIBRARY = (Path("/sec", name).absolute() for name in ("client.pse", "sapnwrfc.ini", "libsapcrypto.so"))
NOBODYS = Certificate.of(World(NOW).root("Root of nobody").certificate)


@dataclass(frozen=True)
class Seen:
    """A system, what was seen of it, and the time for which it is judged."""

    system: System
    observations: Observations
    period: Period = field(default_factory=lambda: Period(NOW, NOW))

    def evidence(self) -> Evidence:
        return judge(self.system, self.observations, self.period)

    def but(self, **seen: Any) -> "Seen":
        """Return the same with other observations."""
        return replace(self, observations=replace(self.observations, **seen))

    def but_endpoint(self, **seen: Any) -> "Seen":
        assert self.observations.endpoint
        return self.but(endpoint=replace(self.observations.endpoint, **seen))

    def but_pse(self, **seen: Any) -> "Seen":
        return self.but(pse=replace(self.observations.pse, **seen))

    def but_condition(self, **seen: Any) -> "Seen":
        return self.but_pse(condition=replace(self.observations.pse.condition, **seen))

    def but_client(self, **seen: Any) -> "Seen":
        assert self.observations.client
        return self.but(client=_told(replace(self.observations.client, **seen), self.system))

    def but_system(self, **keys: Any) -> "Seen":
        return replace(self, system=replace(self.system, **keys))


@dataclass(frozen=True)
class Scenario:
    """One thing that is wrong, and what must be said of it.

    Attributes:
        code: the finding; None where nothing is wrong.
        verdict: how the check ends that owns it.
        build: makes the observations anew.
    """

    name: str
    code: Code | None
    verdict: Verdict
    build: Callable[[], Seen]

    def __str__(self) -> str:
        return self.name

    def evidence(self) -> Evidence:
        """Judge it anew."""
        return self.build().evidence()


_SCENARIOS: list[Scenario] = []


def _add(code: Code | None, build: Callable[[], Seen], *, name: str = "", verdict: Verdict | None = None) -> None:
    _SCENARIOS.append(Scenario(name or str(code), code, verdict or _usual(code), build))


def _usual(code: Code | None) -> Verdict:
    if code is None or CODES[code].severity is Severity.MINOR:
        return Verdict.PASS
    return Verdict.ERROR if CODES[code].is_error else Verdict.FAIL


def _scenario(
    code: Code | None, *, name: str = "", verdict: Verdict | None = None
) -> Callable[[Callable[[], Seen]], Callable[[], Seen]]:
    def register(build: Callable[[], Seen]) -> Callable[[], Seen]:
        _add(code, build, name=name, verdict=verdict)
        return build

    return register


# The good one


@cache
def _good_authority() -> Identity:
    world = World(NOW, HOST)
    return world.authority(world.authority(world.root(), "Upper intermediate"), "Lower intermediate")


@cache
def _good_server() -> Identity:
    return _good_authority().issue_server([HOST, "*.s4hana.cloud.sap"], World(NOW, HOST).start, 90)


def _path(server: Identity) -> tuple[Certificate, ...]:
    return tuple(map(Certificate.of, (server.certificate, *server.issuers)))


def _endpoint(host: str, presented: Iterable[bytes]) -> Endpoint:
    address = "203.0.113.7"
    return Endpoint(
        host=host,
        port=443,
        proxy=None,
        asked_at=NOW,
        addresses=(address,),
        address=address,
        presented=tuple(presented),
        tls_version="TLSv1.2",
        tls_12=True,
        wants_client_certificate=False,
        http=HttpAnswer(
            401, server="SAP NetWeaver Application Server", realm="SAP NetWeaver", sap_headers=("sap-system",)
        ),
        date_offset_seconds=0.0,
    )


@cache
def _file(held: tuple[Certificate, ...]) -> PseContent:
    made = pse_file.new(owner(), owner_key(), held, time=START, salt=SALT)
    return PseContent(made.owner, made.trusted)


def _listed(certificate: Certificate) -> ListedCertificate:
    return ListedCertificate(
        certificate.sha256,
        certificate.subject,
        certificate.issuer,
        certificate.serial_number,
        certificate.not_before,
        certificate.not_after,
    )


def _pse(held: tuple[Certificate, ...]) -> ClientPse:
    """Return a PSE of ours that SAP's tool has listed."""
    condition = Condition(PSE, State.PLAIN, content=_file(held), mode=0o600)
    return ClientPse(condition, Listing(tuple(map(_listed, held))), tool="/opt/sap/sapgenpse")


def _client(system: System) -> ClientSide:
    destination = Destination("PRD", 3, system.url.host, str(system.url.port), str(PSE), str(LIBRARY), alias_length=12)
    side = ClientSide(
        host="box",
        account="xtract",
        windows=sys.platform == "win32",  # whose paths these are
        own_folder="/home/xtract/sec",
        is_this_account=True,
        reach=Reach(readable=True),
        destinations=(destination,),
        dest="PRD",
        runs_as="xtract",
        connections=Connections(folder=str(FOLDER), of_this=(_connection(system.url.host),)),
        library=Library(str(LIBRARY), bits=frozenset({64}), version="8.5.60"),
        library_reach=Reach(readable=True),
    )
    return _told(side, system)


def _connection(host: str, **said: Any) -> ProductConnection:
    usual = ProductConnection("config/connections/PRD", "PRD", host, "443", str(LIBRARY), str(PSE), user_is_alias=True)
    return replace(usual, **said)


def _told(side: ClientSide, system: System) -> ClientSide:
    return replace(side, findings=tuple(findings_of(side, system)))


def _system(url: str, required: Certificate, **keys: Any) -> System:
    read, found = read_url(url)
    client = Client(
        hosts=("box",),
        account="xtract",
        bits=64,
        path_is_personal=True,
        ini=ClientIni(INI, "PRD"),
        library=LIBRARY,
        product=Product("xtract", FOLDER),
    )
    usual = System(
        alias="PRD",
        url=read,
        url_as_written=redacted(url),
        url_findings=found,
        pse=PSE,
        secudir=PSE.parent,
        dn="CN=client, O=Firma",
        required_roots=(required.sha256,),
        client=client,
    )
    return replace(usual, **keys)


def _live(host: str, reading: WebSocketReading = WebSocketReading.SPEAKS_RFC) -> LiveHandshake:
    answer = WebSocketAnswer(reading, HttpAnswer(101))
    return LiveHandshake(host, 443, NOW, succeeded=True, accepted=True, tls_version="TLSv1.3", websocket=answer)


def _known(*roots: Certificate, changes: tuple[Announcement, ...] = ()) -> KnownRoots:
    table = Table(dated=NOW.date(), changes=changes)
    return KnownRoots(Roots(roots, "Mozilla's list"), SapRoots(shipped=table))


def good(url: str = f"https://{HOST}") -> Seen:
    """Return a system of SAP's cloud with everything configured and everything right."""
    path = _path(_good_server())
    system = _system(url, path[-1])
    observations = Observations(
        endpoint=_endpoint(system.url.host, (each.der for each in path[:-1])) if system.url.askable else None,
        pse=_pse(path[:0:-1]),
        live=_live(system.url.host) if system.url.askable else None,
        client=_client(system),
        known=_known(path[-1]),
    )
    return Seen(system, observations)


_add(None, good, name="everything is right")


_add(Code.TOOL_NEEDS_LIBRARY_PATH, lambda: good().but_pse(tool_needs="LD_LIBRARY_PATH=/opt/sap"), verdict=Verdict.PASS)


# The URL and the network

_add(Code.URL_NOT_HTTPS, partial(good, f"http://{HOST}"))
_add(Code.URL_UI_HOST, partial(good, "https://my401122.s4hana.cloud.sap"))
_add(Code.URL_HAS_CREDENTIALS, partial(good, f"https://somebody:secret@{HOST}"))
_add(Code.URL_PLACEHOLDER, partial(good, "https://my123456-api.s4hana.cloud.sap"))
_add(Code.URL_UNUSUAL, partial(good, f"https://{HOST}/sap/bc/rfc"))


def _nothing_seen(failure: Failure, **seen: Any) -> Seen:
    """Return a system that a connection did not get through to; what it would have shown is not there."""
    nothing: dict[str, Any] = {"presented": (), "tls_version": None, "tls_12": None, "http": None}
    return good().but(live=None).but_endpoint(failure=failure, date_offset_seconds=None, **{**nothing, **seen})


_add(
    Code.HOST_UNKNOWN,
    partial(_nothing_seen, Failure(Code.HOST_UNKNOWN, name=HOST), addresses=(), address=None),
)
_add(
    Code.DNS_TIMEOUT,
    partial(_nothing_seen, Failure(Code.DNS_TIMEOUT, name=HOST, seconds=10), addresses=(), address=None),
)
for _code, _failure in {
    Code.PORT_REFUSED: Failure(Code.PORT_REFUSED, addresses=("203.0.113.7: refused",)),
    Code.PORT_TIMEOUT: Failure(Code.PORT_TIMEOUT, seconds=10),
    Code.PORT_UNREACHABLE: Failure(Code.PORT_UNREACHABLE),
    Code.PROXY_REFUSED: Failure(Code.PROXY_REFUSED, status=403),
    Code.PROXY_WANTS_LOGIN: Failure(Code.PROXY_WANTS_LOGIN, schemes=("Basic",)),
    Code.PROXY_ANSWERS_ITSELF: Failure(Code.PROXY_ANSWERS_ITSELF, status=200),
}.items():
    _add(_code, partial(_nothing_seen, _failure, address=None))
for _code, _failure in {
    Code.NOT_TLS: Failure(Code.NOT_TLS, first_bytes="HTTP/"),
    Code.TLS_HANDSHAKE_FAILED: Failure(Code.TLS_HANDSHAKE_FAILED, alert=40),
    Code.TLS_TIMEOUT: Failure(Code.TLS_TIMEOUT),
    Code.TLS_TOO_OLD: Failure(Code.TLS_TOO_OLD, hello_version=0x0301),
}.items():
    _add(_code, partial(_nothing_seen, _failure))


@_scenario(Code.PSE_MISSING, name="nothing listens and there is no PSE", verdict=Verdict.SKIP)
def _dead_and_without_a_pse() -> Seen:
    seen = _nothing_seen(Failure(Code.PORT_REFUSED), address=None)
    return seen.but(pse=ClientPse(Condition(PSE, State.MISSING))).but_client(reach=None)


@_scenario(Code.HTTP_NO_ANSWER)
def _no_answer() -> Seen:
    ended = Failure(Code.HTTP_NO_ANSWER, ended="closed")
    return good().but_endpoint(http=None, http_failure=ended, date_offset_seconds=None)


@_scenario(Code.CLIENT_CERTIFICATE_WANTED)
def _client_certificate_wanted() -> Seen:
    wanted = Failure(Code.CLIENT_CERTIFICATE_WANTED, alert=116)
    shaken = replace(_live(HOST), succeeded=False, failure=wanted, websocket=None)
    return good().but(live=shaken).but_endpoint(http=None, http_failure=wanted, wants_client_certificate=True)


def _answering(answer: HttpAnswer) -> Seen:
    return good().but_endpoint(http=answer)


_add(Code.HTTP_SERVER_ERROR, partial(_answering, HttpAnswer(503)))
_add(Code.HTTP_TOO_MANY_REQUESTS, partial(_answering, HttpAnswer(429)))
_add(
    Code.ASKED_AGAIN,
    lambda: good().but_endpoint(earlier=(FailedTry(NOW - timedelta(seconds=9), Code.PORT_REFUSED),)),
)
_add(Code.HTTP_LOGIN_PAGE, partial(_answering, HttpAnswer(302, looks_like_login_page=True)))
_add(Code.CLOCK_SKEW, lambda: good().but_endpoint(date_offset_seconds=-301.0))
_add(Code.TLS_13_ONLY, lambda: good().but_endpoint(tls_12=False, tls_version="TLSv1.3"))


@_scenario(Code.ADDRESSES_DIFFER)
def _addresses_differ() -> Seen:
    seen = good()
    assert seen.observations.endpoint
    one = replace(seen.observations.endpoint, key_kind=KeyKind.RSA)
    other = replace(one, address="203.0.113.8", presented=one.presented[:2])
    return seen.but(addresses=(one, other))


@_scenario(Code.CERTIFICATE_EXPIRED, name="expired at another address")
def _expired_elsewhere() -> Seen:
    seen = good()
    assert seen.observations.endpoint
    one = replace(seen.observations.endpoint, key_kind=KeyKind.RSA)
    ended = Certificate.of(_good_authority().issue_server([HOST], NOW - timedelta(90), 30).certificate)
    other = replace(one, address="203.0.113.8", presented=(ended.der, *one.presented[1:]))
    return seen.but(addresses=(one, other))


def _replayed(presented: Callable[[bytes], bytes]) -> Seen:
    """Return a recording of the good system, whose presented.pem somebody has changed."""
    seen = good()
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place))
        folder.begin(seen.evidence())
        folder.record(recorded(seen.evidence(), "auto", NOW))
        file = Path(place, "presented.pem")
        file.write_bytes(presented(file.read_bytes()))
        replay = read(Path(place))
    return Seen(system_of(replay.recording), replay.recording.observations(seen.observations.known, replay.doubts))


_add(None, partial(_replayed, bytes), name="replayed")
_add(Code.EVIDENCE_INCONSISTENT, partial(_replayed, lambda pem: pem[: pem.rindex(b"-----BEGIN")]))


# The chain


def of_chain(chain: Chain, host: str, held: tuple[Certificate, ...] | None = None, moment: datetime = NOW) -> Seen:
    """Return a system that sends this chain; its PSE holds every authority there is unless another list is given."""
    known = _known(NOBODYS, *(each for each in chain.roots if each.sha256 in chain.mozilla))
    authorities = [each for each in readable((*chain.presented, *chain.fetched.values())) if is_authority(each)]
    held = tuple(dict.fromkeys((*chain.roots, *authorities))) if held is None else held
    named = Roots(chain.roots, "the roots of the test", explicit=chain.inspection_accepted)
    judged_by_the_pse, by_mozilla = chain.partial, bool(chain.mozilla) and not chain.inspection_accepted
    roots = "auto" if judged_by_the_pse else "mozilla" if by_mozilla else "roots.pem"
    system = _system(f"https://{host}", held[0] if held else NOBODYS, roots=roots)
    observations = Observations(
        endpoint=replace(_endpoint(host, chain.presented), asked_at=moment),
        fetched=tuple(chain.fetched.values()),
        roots=named if roots == "roots.pem" else None,
        pse=_pse(chain.roots if judged_by_the_pse else held),
        client=_client(system),
        known=known,
    )
    return _shaken(Seen(system, observations, Period(moment, moment)))


def _shaken(seen: Seen) -> Seen:
    """Add the second connection where a run would have made one."""
    evidence = seen.evidence()
    return seen.but(live=_live(seen.system.url.host)) if evidence.trust.path and evidence.judgement.names_host else seen


@cache
def chain_of(name: str) -> tuple[Chain, str]:
    """Return a chain of the catalogue, and the host that it is for."""
    case = next(each for each in CATALOGUE if each.name == name)
    host = HOST if case.build(World(NOW)).sap_domain else ELSEWHERE
    return case.build(World(NOW, host)), host


def of_catalogue(name: str, held: tuple[Certificate, ...] | None = None) -> Seen:
    """Return a system that sends a chain of the catalogue."""
    return of_chain(*chain_of(name), held)


for _case in CATALOGUE:
    _found = Code(_case.code) if _case.code else None
    _severity = _case.severity or Severity.MINOR
    _ended = Verdict.PASS if _severity is Severity.MINOR else Verdict.FAIL
    _add(_found, partial(of_catalogue, _case.name), name=_case.name, verdict=_ended)


@cache
def _built(name: str) -> Built:
    kind = next(each for each in KINDS if str(each) == name)
    return built((kind,), NOW, kind.kinds[0], kind.least)


def of_kind(name: str) -> Seen:
    """Return a system whose chain has one thing wrong with it."""
    made = _built(name)
    fetched = {f"/{number}": der for number, der in enumerate(made.fetched)}
    assert isinstance(made.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return of_chain(Chain(made.presented, made.key, made.roots, fetched=fetched), made.host)


_add(Code.CA_CONSTRAINT_BROKEN, partial(of_kind, "leaf-that-may-not-be-used-for-tls-leaf"), name="a key not for TLS")
_add(Code.CA_CONSTRAINT_BROKEN, partial(of_kind, "policy-required-and-lacking-issuing"), name="a policy is lacking")


@dataclass(frozen=True)
class _SeenByAnotherVerifier(Seen):
    """What is judged by a verifier of tomorrow, which refuses what today's accepts."""

    def evidence(self) -> Evidence:
        with mock.patch.object(chain_judge, "refusal", return_value="it is not of today"):
            return super().evidence()


@_scenario(Code.CERTIFICATE_IRREGULAR, name="refused for a reason that nobody knows", verdict=Verdict.FAIL)
def _refused_for_nothing() -> Seen:
    seen = good().but(live=None)
    return _SeenByAnotherVerifier(seen.system, seen.observations, seen.period)


@_scenario(Code.CERTIFICATE_UNREADABLE, name="no certificate among them", verdict=Verdict.PASS)
def _no_certificate_among_them() -> Seen:
    seen = good()
    assert seen.observations.endpoint
    return seen.but_endpoint(presented=(*seen.observations.endpoint.presented, b"no certificate"))


@_scenario(Code.CERTIFICATE_UNREADABLE, name="nothing sent")
def _nothing_sent() -> Seen:
    return good().but(live=None).but_endpoint(presented=())


@_scenario(Code.SERVER_OMITS_INTERMEDIATE, name="omitted, and held by the PSE")
def _omitted_and_held() -> Seen:
    """[root] -> [upper] -> [lower] -> server!; the PSE holds all of it, and `roots` names the root alone."""
    seen = good()
    assert seen.observations.endpoint
    return _shaken(seen.but(live=None).but_endpoint(presented=seen.observations.endpoint.presented[:1]))


@cache
def _weak_server() -> Identity:
    world = World(NOW, ELSEWHERE)
    odd, other = rsa.generate_private_key(65537, 2052), rsa.generate_private_key(65537, 2052)
    return world.server(world.authority(world.root(), key=odd), key=other)


@_scenario(Code.CERTIFICATE_WEAK, name="two weak keys")
def _two_weak_keys() -> Seen:
    path = _path(_weak_server())
    return of_chain(Chain(tuple(each.der for each in path[:-1]), _weak_server().key, path[-1:]), ELSEWHERE)


@_scenario(Code.ROOTS_FROM_PSE)
def _judged_by_the_pse() -> Seen:
    chain, host = chain_of("good")
    return of_chain(replace(chain, partial=True), host)


@_scenario(Code.ROOT_UNTRUSTED, name="nothing to judge by")
def _nothing_to_judge_by() -> Seen:
    chain, host = chain_of("good")
    return of_chain(replace(chain, partial=True, roots=()), host)


def _public(server: Identity) -> Chain:
    """Return what a server with a public root sends."""
    path = _path(server)
    mozilla = frozenset(each.sha256 for each in path[-1:])
    return Chain(tuple(each.der for each in path[:-1]), server.key, path[-1:], mozilla=mozilla)


def _lasting(days: float, *, of_leaf: bool) -> Seen:
    """Return a system with a server certificate, or a root, that has so many days left."""
    world, gone = World(NOW - timedelta(days=80), HOST), 90
    root = world.root(days=gone + (4000 if of_leaf else days))
    server = world.authority(root).issue_server([HOST], world.start, gone + (days if of_leaf else 90))
    return of_chain(_public(server), HOST)


_LEAF, _ROOT = partial(_lasting, of_leaf=True), partial(_lasting, of_leaf=False)
_add(Code.CERTIFICATE_EXPIRES_SOON, cache(partial(_LEAF, 2.0)))
_add(Code.CERTIFICATE_EXPIRES_SOON, cache(partial(_ROOT, 20.0)), name="the root ends soon")
_add(Code.RENEWAL_DUE, cache(partial(_LEAF, 20.0)))


@_scenario(Code.RENEWAL_DUE, name="renewed until then")
def _at_a_later_day() -> Seen:
    """--at a day when only what the server renews by itself has ended."""
    day = datetime(2028, 1, 1, tzinfo=UTC)
    return replace(good().but(live=None), period=Period(day, day + timedelta(days=1, seconds=-1)))


# The PSE


def _without_pse(attempt: Attempt, **client: Any) -> Seen:
    missing = ClientPse(Condition(PSE, State.MISSING), tool="/opt/sap/sapgenpse")
    return good().but(live=None, pse=missing, attempt=attempt).but_client(reach=None, **client)


_add(
    Code.PSE_MISSING, partial(_without_pse, Attempt(refusals=(Reason("--read-only", "leave it out"),), forbidden=True))
)
_add(Code.PSE_MISSING, partial(_without_pse, Attempt(failure="no space left on device")), name="no space for a PSE")
_add(
    Code.PSE_MISSING,
    partial(_without_pse, Attempt(failure="a folder is closed", commands=(("setfacl", "-m", "u:xtract:x", "/sec"),))),
    name="no PSE for the client's account",
)
for _code in (Code.TOOL_MISSING, Code.TOOL_FAILED, Code.TOOL_TIMEOUT):
    _add(_code, lambda code=_code: good().but(live=None).but_pse(listing=None, refusal=Refusal(code, "it says so")))  # type: ignore[misc]
_add(
    Code.TOOL_FAILED,
    partial(_without_pse, Attempt(tool=Refusal(Code.TOOL_FAILED, "it says so"))),
    name="the tool makes no PSE",
)
_add(Code.PSE_CREATED, lambda: good().but(attempt=Attempt(created=True)))


def _closed(state: State, **pse: Any) -> Seen:
    """Return a PSE that cannot be read here."""
    return good().but(live=None).but_condition(state=state, content=None).but_pse(**{"listing": None, **pse})


_add(Code.PSE_UNREADABLE, partial(_closed, State.UNREADABLE))
_add(Code.PSE_UNREADABLE, partial(_closed, State.NOT_UNDERSTOOD), name="not understood")


@_scenario(Code.PSE_UNREADABLE, name="listed, and not understood", verdict=Verdict.PASS)
def _only_listed() -> Seen:
    return good().but_condition(state=State.NOT_UNDERSTOOD, content=None)


@_scenario(Code.PSE_REPAIRED)
def _repaired() -> Seen:
    return good().but(attempt=Attempt(added=_path(_good_server())[-1:], backup=PSE.with_name("client.pse.backup-1")))


@_scenario(Code.PSE_NOT_REPAIRED)
def _not_repaired() -> Seen:
    wanted = _path(_good_server())[-1:]
    return good().but(attempt=Attempt(wanted=wanted, failure="it is in use"))


def _presented(**seen: Any) -> Seen:
    """Return the system whose chain is that of a file; nobody asked it."""
    nothing: dict[str, Any] = {"addresses": (), "address": None, "tls_version": None, "tls_12": None, "http": None}
    asked: dict[str, Any] = {**nothing, "date_offset_seconds": None, "wants_client_certificate": None}
    return good().but(live=None).but_endpoint(from_file="/chain.pem", **{**asked, **seen})


_add(None, _presented, name="the chain of a file")
_add(
    None,
    lambda: _presented().but(pse=ClientPse(Condition(PSE, State.MISSING))).but_client(reach=None),
    name="the chain of a file, and no PSE",
)


def _trust_store(**seen: Any) -> Seen:
    """Return the client that has a trust store of Java's in place of a PSE; all else is as it is."""
    described = good().but_system(truststore=TrustStore(), dn=None, client=None).but(client=None)
    store: dict[str, Any] = {"store": "PKCS#12", "one_reader": True, "tool": ""}
    content = described.observations.pse.condition.content
    assert content
    content = replace(content, owner=None)
    return described.but_condition(content=content, mode=None, rights=None).but_pse(**{**store, **seen})


_add(None, _trust_store, name="a trust store")
_add(
    Code.TRUST_STORE_ENTRIES_LEFT_OUT,
    partial(_trust_store, left_out=("Java passes over 1 of its certificates",)),
)
_add(Code.PK_LIST_EMPTY, partial(_trust_store, listing=Listing(())), name="an empty trust store")


@_scenario(Code.PSE_MISSING, name="no trust store")
def _no_trust_store() -> Seen:
    return _trust_store(listing=None, store="", condition=Condition(PSE, State.MISSING)).but(live=None)


@_scenario(Code.PSE_UNREADABLE, name="a trust store with another password")
def _closed_trust_store() -> Seen:
    closed = Condition(PSE, State.UNREADABLE, "the password is another one")
    return _trust_store(listing=None, store="", condition=closed).but(live=None)


_add(Code.PSE_UNCONFIRMED, lambda: good().but_pse(one_reader=True))
_add(Code.PSE_HAS_PIN, partial(_closed, State.HAS_PIN))


@_scenario(Code.PSE_HAS_PIN, name="a PIN, as the tool says")
def _pin_as_the_tool_says() -> Seen:
    return good().but(live=None).but_pse(listing=None, refusal=Refusal(Code.PSE_HAS_PIN, "wrong PIN"))


_add(Code.PSE_MACHINE_BOUND, partial(_closed, State.MACHINE_BOUND), verdict=Verdict.FAIL)


@_scenario(Code.PSE_MACHINE_BOUND, name="listed on its machine")
def _listed_on_its_machine() -> Seen:
    return good().but_condition(state=State.MACHINE_BOUND, content=None)


RIGHTS = Rights(owner="xtract", folder_mode=0o700, folder_owner="root", seen_by="root")
_add(None, lambda: good().but_condition(rights=RIGHTS), name="a folder of its own")
_add(Code.PSE_WRITABLE_BY_OTHERS, lambda: good().but_condition(mode=0o620, rights=RIGHTS))
_add(
    Code.PSE_WRITABLE_BY_OTHERS,
    lambda: good().but_condition(rights=replace(RIGHTS, folder_mode=0o777)),
    name="an open folder",
)
_add(
    Code.PSE_WRITABLE_BY_OTHERS,
    lambda: good().but_condition(rights=replace(RIGHTS, owner="somebody")),
    name="somebody's file",
)
_ON_WINDOWS = "S-1-5-21-1-2-3-1000"
_FEW = f"O:BAD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{_ON_WINDOWS})"
ACCESS_LIST = AccessList(
    file=_FEW,
    folder=_FEW.replace("A;;", "A;OICI;"),
    seen_by=_ON_WINDOWS,
    names={"S-1-5-32-545": "BUILTIN\\Users", "S-1-5-11": "NT AUTHORITY\\Authenticated Users"},
)


def _of_windows(file: str = ACCESS_LIST.file, folder: str = ACCESS_LIST.folder) -> Seen:
    return good().but_condition(mode=None, access_list=replace(ACCESS_LIST, file=file, folder=folder))


_add(None, _of_windows, name="for few on Windows")
_add(
    Code.PSE_READABLE_BY_OTHERS, partial(_of_windows, file=f"{_FEW}(A;ID;FR;;;BU)"), name="readable by Users of Windows"
)
_add(
    Code.PSE_READABLE_BY_GROUP,
    partial(_of_windows, file=f"{_FEW}(A;;FR;;;S-1-5-21-1-2-3-1001)"),
    name="readable by an account of Windows",
)
_add(
    Code.PSE_WRITABLE_BY_OTHERS,
    partial(_of_windows, file=f"{_FEW}(A;;0x116;;;S-1-5-21-1-2-3-1001)"),
    name="writable by an account of Windows",
)
_add(
    Code.PSE_WRITABLE_BY_OTHERS,
    partial(_of_windows, folder=f"{_FEW}(A;OICI;0x1301bf;;;AU)"),
    name="replaceable in a folder of Windows",
)
_add(
    Code.PSE_WRITABLE_BY_OTHERS,
    partial(_of_windows, file=_FEW.replace("O:BA", "O:S-1-5-21-1-2-3-1001")),
    name="another's file on Windows",
)
_add(None, partial(_of_windows, file=f"{_FEW}(A;IOOI;FA;;;WD)"), name="a list for what comes to lie below")
_add(Code.EVIDENCE_NOT_WRITTEN, lambda: good().but(unwritten="what was seen cannot be written to /evidence/PRD: full"))
_add(
    Code.PSE_UNCONFIRMED,
    lambda: good().but(changed_by_us="ab" * 32).but_pse(one_reader=True).but_condition(digest="ab" * 32),
    name="changed by the bundled implementation",
)


@_scenario(Code.PK_LIST_NOT_COMPARABLE)
def _only_described() -> Seen:
    """Only the tool can open the file, and it prints no SHA-256."""
    seen = good()
    listing = seen.observations.pse.listing
    assert listing
    described = Listing(tuple(replace(each, sha256=None) for each in listing.entries))
    closed = seen.but(live=None).but_condition(state=State.MACHINE_BOUND, content=None)
    return closed.but_pse(listing=described).but_system(required_roots=())


@_scenario(Code.ROOTS_FILE_DAMAGED)
def _damaged_roots() -> Seen:
    chain, host = chain_of("good")
    seen = of_chain(chain, host)
    roots = seen.observations.roots
    assert roots
    return seen.but(roots=replace(roots, damaged=("certificate 2, which is cut",)))


_add(Code.PSE_READABLE_BY_OTHERS, lambda: good().but_condition(mode=0o604))
_add(Code.PSE_READABLE_BY_GROUP, lambda: good().but_condition(mode=0o640))
_add(None, lambda: good().but_condition(mode=0o640).but_client(group_may_read=True), name="readable by its group")


@_scenario(Code.PSE_OWNER_EXPIRED)
def _owner_expired() -> Seen:
    day = datetime(2040, 1, 1, tzinfo=UTC)
    world = World(day, HOST)
    return of_chain(_public(world.server(world.authority(world.root()))), HOST, moment=day)


_add(Code.PSE_OWNER_DIFFERS, lambda: good().but_system(dn="CN=somebody else, O=Firma"))
_add(Code.PSE_OWNER_DIFFERS, lambda: good().but_system(dn="no name at all"), name="`dn` is no name")


@cache
def _logon_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _logging_on(*, days: float = 700, start: datetime = NOW - timedelta(days=30), **options: Any) -> OwnCertificate:
    """Return a certificate to log on with, as an authority has issued it, with its issuers."""
    root = root_authority("Root of clients", NOW - timedelta(days=400), 4000)
    issuing = root.issue_authority("Issuing CA of clients", NOW - timedelta(days=300), 3000)
    owned = issuing.issue(distinguished_name.parse("CN=client"), start, days, [], **{"key": _logon_key(), **options})
    return OwnCertificate(PSE, tuple(map(Certificate.of, (owned.certificate, *owned.issuers))))


def _with_logon(own: OwnCertificate) -> Seen:
    return good().but_client(own_certificate=own)


_add(None, lambda: _with_logon(_logging_on()), name="a client that logs on with its certificate")
_add(Code.CLIENT_CERTIFICATE_MISSING, lambda: _with_logon(OwnCertificate(PSE, problem="it has no certificate")))
_add(
    Code.CLIENT_CERTIFICATE_MISSING,
    lambda: _with_logon(replace(_logging_on(), problem="it has no private key")),
    name="no key to log on with",
)
_add(Code.CLIENT_CERTIFICATE_ENDED, lambda: _with_logon(_logging_on(days=29)))
_add(
    Code.CLIENT_CERTIFICATE_ENDED,
    lambda: _with_logon(_logging_on(start=NOW + timedelta(days=1))),
    name="a certificate to log on with that has not begun",
)
_add(Code.CLIENT_CERTIFICATE_ENDS_SOON, lambda: _with_logon(_logging_on(days=200, start=NOW - timedelta(days=150))))
_add(
    Code.CLIENT_CERTIFICATE_ENDS_SOON,
    lambda: _with_logon(_logging_on(days=33)),
    name="a certificate to log on with that ends within days",
    verdict=Verdict.FAIL,
)
_add(
    Code.CLIENT_CERTIFICATE_SELF_SIGNED,
    lambda: _with_logon(
        OwnCertificate(PSE, (Certificate.of(root_authority("client", NOW, 4000, key=_logon_key()).certificate),))
    ),
)
_add(
    Code.CLIENT_CERTIFICATE_INCOMPLETE,
    lambda: _with_logon(replace(_logging_on(), chain=_logging_on().chain[:1])),
)
_add(Code.CLIENT_CERTIFICATE_UNSUITABLE, lambda: _with_logon(_logging_on(key=owner_key())))


@_scenario(Code.PSE_OWNER_DIFFERS, name="no owner")
def _no_owner() -> Seen:
    seen = good()
    content = seen.observations.pse.condition.content
    assert content
    return seen.but_condition(content=replace(content, owner=None))


# The certificate list


def _holding(*held: Certificate) -> Seen:
    """Return the good server with another list in the PSE."""
    seen = good()
    return _shaken(seen.but(live=None, pse=_pse(held)).but_system(required_roots=(), include_leaf=False))


def _good_path() -> tuple[Certificate, ...]:
    return _path(_good_server())


@_scenario(Code.PK_LIST_EMPTY)
def _empty() -> Seen:
    return _holding()


@_scenario(Code.ROOT_NOT_IN_PSE)
def _root_not_listed() -> Seen:
    return _holding(NOBODYS)


@_scenario(Code.INTERMEDIATE_NOT_IN_PSE)
def _intermediate_not_listed() -> Seen:
    return _holding(*_good_path()[:1:-1])


@_scenario(Code.LEAF_NOT_IN_PSE)
def _leaf_not_listed() -> Seen:
    return good().but_system(include_leaf=True)


@_scenario(Code.PSE_HOLDS_INTERMEDIATE_ONLY)
def _intermediate_only() -> Seen:
    return _holding(*_good_path()[1:3])


@_scenario(Code.PSE_HOLDS_SERVER_CERT_ONLY)
def _server_certificate_only() -> Seen:
    return _holding(*_good_path()[:1])


_add(Code.SERVER_NOT_TRUSTED, partial(of_catalogue, "untrusted-root", (NOBODYS,)))


@_scenario(Code.INTERMEDIATE_NOT_IN_PSE, name="nobody has the intermediate", verdict=Verdict.FAIL)
def _nobody_has_the_intermediate() -> Seen:
    """The list holds the root, and the server does not send what leads to it."""
    chain, host = chain_of("missing-intermediate-fetched")
    return of_chain(chain, host, chain.roots)


@_scenario(Code.PK_LIST_DISAGREES)
def _disagreeing() -> Seen:
    listing = good().observations.pse.listing
    assert listing
    return good().but_pse(listing=Listing((*listing.entries, _listed(NOBODYS))))


@_scenario(Code.PK_LIST_EXPIRED)
def _expired() -> Seen:
    chain, _ = chain_of("expired-root")
    return _holding(*_good_path()[:0:-1], *chain.roots)


@_scenario(Code.REQUIRED_ROOT_NOT_IN_PSE)
def _required() -> Seen:
    return good().but_system(required_roots=(NOBODYS.sha256,))


@_scenario(Code.REQUIRED_ROOT_NOT_IN_PSE, name="SAP's list requires another root", verdict=Verdict.PASS)
def _required_by_sap() -> Seen:
    release = Release("1", NOW.date())
    root = Root(name="Nobody", sha256=NOBODYS.sha256, common_name="Root of nobody", since=release)
    table = Table(dated=release.day, releases=(release,), roots=(root,))
    known = replace(good().observations.known, sap_roots=SapRoots(shipped=table))
    return good().but(known=known).but_system(requires_saps_roots=True)


@_scenario(Code.ROOT_CHANGE_AHEAD)
def _change_ahead() -> Seen:
    return _announced(_good_path()[:0:-1]).but_system(required_roots=())


def _announced(held: tuple[Certificate, ...]) -> Seen:
    root = _good_path()[-1]
    change = Announcement(
        hosts=(".s4hana.cloud.sap",),
        root=Named("Old", root.sha256),
        successors=(Named("New", NOBODYS.sha256),),
        date=None,
        source="SAP",
    )
    return good().but(known=_known(root, changes=(change,)), pse=_pse(held))


_add(None, lambda: _announced((*_good_path()[:0:-1], NOBODYS)), name="ready for the change")


def _inspecting() -> Certificate:
    return chain_of("inspected-knowingly")[0].roots[0]


@_scenario(Code.PSE_TRUSTS_INSPECTION, verdict=Verdict.PASS)
def _trusts_inspection() -> Seen:
    return _holding(*_good_path()[:0:-1], _inspecting())


@_scenario(Code.PSE_TRUSTS_INSPECTION, name="trust rests on an inspecting proxy")
def _rests_on_inspection() -> Seen:
    chain, host = chain_of("inspected-knowingly")
    return of_chain(replace(chain, inspection_accepted=False, roots=(NOBODYS,)), host, chain.roots)


@_scenario(Code.TLS_INSPECTED, name="an inspecting proxy that was named", verdict=Verdict.PASS)
def _named_inspection() -> Seen:
    """[product's root, which `roots` names] -> product's intermediate -> server; the PSE holds both."""
    chain, host = chain_of("inspected-by-a-known-product")
    root = Certificate.of(_product_path()[-1])
    sent = tuple(each.public_bytes(Encoding.DER) for each in _product_path()[:-1])
    return of_chain(replace(chain, presented=sent, roots=(root,), inspection_accepted=True), host)


@cache
def _product_path() -> tuple[x509.Certificate, ...]:
    world = World(NOW, ELSEWHERE)
    server = world.server(world.authority(world.root("Zscaler Root CA"), "Zscaler Intermediate Root CA"))
    return (*server.chain, server.issuers[-1])


# The handshake, and the WebSocket

_REFUSED = replace(_live(HOST), succeeded=False, accepted=False, verify_code=20, tls_version=None, websocket=None)
_add(Code.HANDSHAKE_REFUSED, lambda: good().but(live=_REFUSED))
_add(Code.WSRFC_NO_UPGRADE, lambda: good().but(live=_live(HOST, WebSocketReading.NOT_FOUND)))
_add(Code.WSRFC_BLOCKED, lambda: good().but(live=_live(HOST, WebSocketReading.STRIPPED)))


@_scenario(None, name="broken off after the handshake")
def _broken_off() -> Seen:
    ended = Failure(Code.CLIENT_CERTIFICATE_WANTED, alert=116)
    return good().but(live=replace(_live(HOST), succeeded=False, failure=ended, websocket=None))


# The client's own side

_CLOSED = Reach(readable=False, reason="its mode does not let it")
_add(Code.PSE_UNREADABLE_FOR_ACCOUNT, lambda: good().but_client(reach=_CLOSED))
_add(Code.CLIENT_ACCESS_UNKNOWN, lambda: good().but_client(reach=Reach(readable=None, reason="permission denied")))


@_scenario(Code.CLIENT_ACCOUNT_UNKNOWN)
def _account_unknown() -> Seen:
    nothing = {"account": "", "own_folder": "", "is_this_account": False, "reach": None, "library_reach": None}
    return good().but_client(account_problem="no such account", **nothing)


@_scenario(Code.WRONG_HOST)
def _wrong_host() -> Seen:
    elsewhere = ClientSide(host="another-box", is_its_host=False, dest="PRD")
    return good().but(client=elsewhere).but_client()


@_scenario(Code.PSE_MISSING, name="another machine, and no PSE", verdict=Verdict.SKIP)
def _wrong_host_without_pse() -> Seen:
    attempt = Attempt(refusals=(Reason("the client of PRD runs on another machine", "run it there"),))
    elsewhere = ClientSide(host="another-box", is_its_host=False, dest="PRD")
    return _without_pse(attempt).but(client=elsewhere).but_client()


_add(Code.PSE_PATH_IS_PERSONAL, lambda: good().but_client(is_this_account=False))
_add(Code.CLIENT_INI_UNREADABLE, lambda: good().but_client(destinations=(), ini_problem="permission denied"))
_add(Code.CLIENT_INI_NO_DEST, lambda: good().but_client(dest="QAS").but_system(client=_of_dest("QAS")).but_client())


def _of_dest(dest: str) -> Client:
    client = good().system.client
    assert client
    return replace(client, ini=ClientIni(INI, dest))


def _destined(**said: Any) -> Seen:
    """Return the good system with another destination in sapnwrfc.ini."""
    client = good().observations.client
    assert client
    return good().but_client(destinations=(replace(client.destinations[0], **said),))


_add(Code.CLIENT_INI_HOST_HAS_SCHEME, partial(_destined, host=f"https://{HOST}"))
_add(Code.CLIENT_INI_HOST_NOT_ALONE, partial(_destined, host=f"{HOST}/sap/bc/rfc"))
_add(Code.CLIENT_INI_DIFFERS, partial(_destined, host="my999999-api.s4hana.cloud.sap"))
_add(
    Code.CLIENT_INI_DIFFERS,
    partial(_destined, pse=str(Path("/elsewhere/client.pse").absolute())),
    name="another PSE in sapnwrfc.ini",
)
_add(Code.CLIENT_INI_DIFFERS, partial(_destined, proxy_host="proxy", proxy_port="3128"), name="a proxy in sapnwrfc.ini")
_add(Code.CLIENT_INI_TRUSTS_ALL, partial(_destined, trusts_all=True))
_add(Code.CLIENT_INI_USER_NOT_ALIAS, partial(_destined, has_user=True, alias_length=None))
_add(Code.CLIENT_INI_ALIAS_ODD, partial(_destined, alias_length=41))
_add(Code.CLIENT_INI_ALIAS_ODD, partial(_destined, alias_has_blanks=True), name="an alias with blanks")


def _connected(*connections: ProductConnection, **said: Any) -> Seen:
    """Return the good system with other connections of the product."""
    return good().but_client(connections=Connections(folder=str(FOLDER), of_this=connections, **said))


_BINARY = (("config/connections/QAS", "it is binary"),)
_add(Code.CONNECTIONS_UNREADABLE, partial(_connected, problem="/xtract is no folder that can be seen here"))
_add(Code.CONNECTION_HOST_NOT_ALONE, lambda: _connected(_connection(f"https://{HOST}")))
_add(Code.CONNECTION_DIFFERS, lambda: _connected(_connection(HOST, port="8443")))
_add(Code.CONNECTION_DIFFERS, lambda: _connected(_connection(HOST, pse="/x.pse")), name="another PSE in the connection")
_add(
    Code.CONNECTION_DIFFERS,
    lambda: _connected(_connection("my401122.s4hana.cloud.sap")),
    name="the host for people in the connection",
)
_add(
    Code.CONNECTION_DIFFERS,
    lambda: _connected(_connection(HOST), _connection(HOST, library="/x.so")),
    name="two connections that differ",
)
_add(Code.CONNECTION_NOT_FOUND, partial(_connected, other_hosts=("my999999-api.s4hana.cloud.sap",)))
_add(Code.CONNECTION_NOT_UNDERSTOOD, lambda: _connected(_connection(HOST), not_understood=_BINARY))
_add(Code.CONNECTION_NOT_UNDERSTOOD, lambda: _connected(_connection(HOST, pse="")), name="no PSE in the connection")
_add(Code.CONNECTION_USER_NOT_ALIAS, lambda: _connected(_connection(HOST, user_is_alias=False)))
_add(Code.CLIENT_ACCOUNT_ASSUMED, lambda: good().but_client(account_is_assumed=True))


@_scenario(Code.CLIENT_INI_DEST_TWICE)
def _twice() -> Seen:
    client = good().observations.client
    assert client
    return good().but_client(destinations=client.destinations * 2)


def _with_library(**library: Any) -> Seen:
    client = good().observations.client
    assert client
    assert client.library
    return good().but_client(library=replace(client.library, **library))


_add(Code.CRYPTO_LIBRARY_MISSING, partial(_with_library, problem="No such file", bits=frozenset(), version=""))
_add(Code.CRYPTO_LIBRARY_NO_LIBRARY, partial(_with_library, bits=frozenset(), version=""))
_add(Code.CRYPTO_LIBRARY_BITS, partial(_with_library, bits=frozenset({32})))
_add(Code.CRYPTO_LIBRARY_NOT_JUDGED, partial(_with_library, unreadable=True, bits=frozenset(), version=""))
_add(
    Code.CRYPTO_LIBRARY_PATH_RELATIVE,
    partial(_with_library, path="libsapcrypto.so", absolute=False, bits=frozenset(), version=""),
)
_add(Code.CRYPTO_LIBRARY_OLD, partial(_with_library, version="8.4.49"))
_add(Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT, lambda: good().but_client(library_reach=_CLOSED))

CORPUS: tuple[Scenario, ...] = tuple(_SCENARIOS)
"""Every scenario; each has a name of its own."""
