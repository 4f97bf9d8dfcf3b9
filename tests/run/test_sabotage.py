"""Whole runs against real servers, in which one part of the toolkit lies: it says what it said when all was well.

What each part says where all is well is taken from a run that is green. Then something is wrong, and each part in turn
tells the old story. A run in which another part sees what is the case is never green.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from pse_preflight.certificate import Certificate, now
from pse_preflight.chain import judge as chain
from pse_preflight.chain.roots import Roots
from pse_preflight.chain.sap_roots import SapRoots
from pse_preflight.chain.verify import Period
from pse_preflight.client_pse import condition, maker
from pse_preflight.demo.authority import Identity, PrivateKey, ec_key, root_authority
from pse_preflight.endpoint import fetch, live, observation
from pse_preflight.landscape.url import authority
from pse_preflight.recording.folder import Folder, read
from pse_preflight.recording.format import system_of
from pse_preflight.verdict import trust
from pse_preflight.verdict.evidence import Evidence, KnownRoots, judge
from tests.kit import lies, systems
from tests.kit.check_runs import ends
from tests.kit.pse_mutations import PIN
from tests.kit.servers import LOOPBACK, Server, closes_after_hello, serve, serve_tls, speaks_plain_http
from tests.kit.systems import NOW, SapsTool, _as_written, gather, path, roots_file, system, write_pse

DAYS_AGO = 400


@cache
def _issuing(name: str = "Root") -> Identity:
    root = root_authority(name, NOW - timedelta(days=DAYS_AGO), 4000)
    return root.issue_authority(f"Issuing CA of {name}", NOW - timedelta(days=300), 3000)


@cache
def _right() -> Identity:
    return _issuing().issue_server([LOOPBACK], NOW - timedelta(days=40), 190)


@cache
def _foreign() -> Identity:
    return _issuing("Second Root").issue_server([LOOPBACK], NOW - timedelta(days=40), 190)


@cache
def _ended() -> Identity:
    return _issuing().issue_server([LOOPBACK], NOW - timedelta(days=100), 30)


@cache
def _future() -> Identity:
    return _issuing().issue_server([LOOPBACK], NOW + timedelta(days=30), 90)


@cache
def _elsewhere() -> Identity:
    return _issuing().issue_server(["other.example"], NOW - timedelta(days=40), 190)


@cache
def _twin() -> Identity:
    """Return a server whose authorities say of themselves what the right ones say, with keys of their own."""
    issuing, root = (each.certificate for each in (_issuing(), Identity(_issuing().issuers[-1], ec_key())))
    root_key, issuing_key = ec_key(), ec_key()
    own_root = _copied(root, root_key, root_key)
    own_issuing = _copied(issuing, issuing_key, root_key)
    return Identity(own_issuing, issuing_key, (own_root,)).issue_server([LOOPBACK], NOW - timedelta(days=40), 190)


def _copied(of: x509.Certificate, key: PrivateKey, by: PrivateKey) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        issuer_name=of.issuer,
        subject_name=of.subject,
        public_key=key.public_key(),
        serial_number=of.serial_number,
        not_valid_before=of.not_valid_before_utc,
        not_valid_after=of.not_valid_after_utc,
    )
    for each in of.extensions:
        if not isinstance(each.value, x509.SubjectKeyIdentifier | x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(each.value, critical=each.critical)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(by, SHA256())


def _held(identity: Identity) -> tuple[Certificate, ...]:
    return tuple(reversed(path(identity)[1:]))


def _holding(
    identity: Callable[[], Identity], *, only_root: bool = False, mode: int = 0o600, pin: str | None = None
) -> Callable[[Path], None]:
    def make(pse: Path) -> None:
        write_pse(pse, _held(identity())[: 1 if only_root else 2], pin=pin)
        pse.chmod(mode)

    return make


_HOLDING_WHAT_IS_RIGHT = _holding(_right)


def _text(pse: Path) -> None:
    pse.write_text("hello", encoding="ascii")
    pse.chmod(0o600)


@dataclass(frozen=True)
class World:
    """What is the case: the server, and what stands at the path of the PSE."""

    serve: Callable[[], AbstractContextManager[Server]] = lambda: serve_tls(_right())
    pse: Callable[[Path], object] = _HOLDING_WHAT_IS_RIGHT
    folder_mode: int = 0o700
    shown: Callable[[], Identity] = _right


WELL = World()
WORLDS: Mapping[str, World] = {
    "a man in the middle": World(lambda: serve_tls(_foreign()), shown=_foreign),
    "a man in the middle of the same description": World(lambda: serve_tls(_twin()), shown=_twin),
    "an ended server certificate": World(lambda: serve_tls(_ended()), shown=_ended),
    "a server certificate of the future": World(lambda: serve_tls(_future()), shown=_future),
    "the certificate of another host": World(lambda: serve_tls(_elsewhere()), shown=_elsewhere),
    "only the server certificate is sent": World(
        lambda: serve_tls(_right(), chain=[_right().certificate]), _holding(_right, only_root=True)
    ),
    "no TLS": World(lambda: serve(speaks_plain_http)),
    "cut after the first words": World(lambda: serve(closes_after_hello)),
    "no PSE": World(pse=lambda _pse: None),
    "an empty list": World(pse=write_pse),
    "another root in the PSE": World(pse=_holding(_foreign)),
    "a root of the same description in the PSE": World(pse=_holding(_twin)),
    "a PIN": World(pse=_holding(_right, pin=PIN)),
    "a text in place of a PSE": World(pse=_text),
    "others may write to the PSE": World(pse=_holding(_right, mode=0o602)),
    "others may read the PSE": World(pse=_holding(_right, mode=0o604)),
    "an open folder": World(folder_mode=0o777),
}


# The liars


@dataclass(frozen=True)
class Part:
    """A part of the toolkit: the module and the name by which the others call it."""

    module: Any
    name: str


PARTS: Mapping[str, tuple[Part, ...]] = {
    "the endpoint": (Part(observation, "observe"),),
    "what is fetched": (Part(fetch, "fetch_certificates"),),
    "the judge of the chain": (Part(chain, "judge_chain"),),
    "the judge of the list": (Part(trust, "judge_trust"),),
    "the PSE's file": (Part(condition, "look"),),
    "the tool": (Part(maker, "list_certificates"),),
    "the live handshake": (Part(live, "handshake"),),
    "the second look": (Part(maker.Maker, "look_again"),),
    "the last recording": (Part(Folder, "last"),),
}
OTHER_LIES = ("the roots", "the clock", "the verifier")
UNSHOWN = "the access rights of the PSE, as the operating system tells them"
BELIEVED = {
    (each, "the PSE's file") for each in ("others may write to the PSE", "others may read the PSE", "an open folder")
}
SHORT = ("a man in the middle of the same description",)


@contextmanager
def _lying(what: str, world: World, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Let one part lie; yield what the run has to be given for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(systems, "without_proof", lambda _evidence: [])  # a part that lies may leave none
        given: dict[str, Any] = {}
        for part in PARTS.get(what, ()):
            patch.setattr(part.module, part.name, lambda *_given, **_more: told[what])
        if what == "the PSE's file":
            patch.setattr(condition, "look", lambda pse: replace(told[what], path=pse))
        elif what == "the second look":
            patch.setattr(maker.Maker, "look_again", lambda _self, before: before)
        elif what == "the verifier":
            patch.setattr(chain, "refusal", lambda *_given, **_more: None)
        elif what == "the roots":
            given["roots"] = world.shown().issuers[-1]
        elif what == "the clock":
            leaf = world.shown().certificate
            middle = leaf.not_valid_before_utc + (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 2
            given["clock"] = lambda: middle + (now() - NOW)
        yield given


def _run(
    world: World,
    folder: Path,
    tool: SapsTool | None,
    roots: x509.Certificate | None = None,
    clock: Callable[[], datetime] = now,
) -> Evidence:
    pse = folder / "sec" / "client.pse"
    pse.parent.mkdir(parents=True, exist_ok=True)
    world.pse(pse)
    pse.parent.chmod(world.folder_mode)
    named = roots_file(folder, roots or _right().issuers[-1])
    with world.serve() as running:
        url = f"https://{authority(LOOPBACK, running.port)}"
        described = system("PRD", running.port, pse, roots=named, create=False, url_as_written=url)
        (evidence,) = gather(described, folder=folder, tool=tool, clock=clock, engine="auto" if tool else "bundled")
    return _as_written(evidence)


def _told_when_well(folder: Path, tool: SapsTool | None) -> dict[str, Any]:
    """Return what each part says in a run where everything is well."""
    told: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for what, parts in PARTS.items():
            for part in parts:
                real = getattr(part.module, part.name)

                def spy(*given: Any, what: str = what, real: Callable[..., Any] = real, **more: Any) -> Any:
                    told[what] = real(*given, **more)
                    return told[what]

                patch.setattr(part.module, part.name, spy)
        assert _red(_run(WELL, folder / "first", tool)) == set()
        assert _red(_run(WELL, folder / "first", tool)) == set()
    told["what is fetched"] = tuple(each.der for each in path(_right())[1:])
    return told


def _red(evidence: Evidence) -> set[str]:
    return {check for check, end in ends(evidence).items() if end.is_red}


TOOLS: Mapping[str, Callable[[], SapsTool | None]] = {"the bundled one": lambda: None, "SAP's": SapsTool}


@pytest.fixture(scope="module", params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def told(tool: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _told_when_well(tmp_path_factory.mktemp("well"), TOOLS[tool]())


def test_the_lies_are_told_about_every_part() -> None:
    assert UNSHOWN in {each.name for each in lies.UNSHOWN}
    assert len(PARTS) + len(OTHER_LIES) == 12


@pytest.mark.parametrize(
    "name", [each if each in SHORT else pytest.param(each, marks=pytest.mark.long) for each in WORLDS]
)
def test_what_another_part_sees_is_never_green(tmp_path: Path, tool: str, told: dict[str, Any], name: str) -> None:
    world, believed = WORLDS[name], set()
    assert _red(_run(world, tmp_path / "true", TOOLS[tool]()))
    for number, what in enumerate((*PARTS, *OTHER_LIES)):
        with _lying(what, world, told) as given:
            if not _red(_run(world, tmp_path / str(number), TOOLS[tool](), **given)):
                believed.add((name, what))
    assert believed == {each for each in BELIEVED if each[0] == name}


FILES = ("evidence.json", "presented.pem")


@pytest.mark.parametrize("changed", [(each,) for each in FILES] + [FILES], ids="+".join)
def test_a_recording_of_which_a_part_lies_is_not_green(tmp_path: Path, changed: tuple[str, ...]) -> None:
    """The whole of it is the one lie about a recording that is listed."""
    name = "a man in the middle of the same description"
    _run(WELL, tmp_path / "well", None)
    _run(WORLDS[name], tmp_path / "bad", None)
    good, bad = (tmp_path / each / "evidence" / "PRD" for each in ("well", "bad"))
    for each in changed:
        (bad / each).write_bytes((good / each).read_bytes())
    replay = read(bad)
    seen = replay.recording.observations(KnownRoots(Roots((), "nothing"), SapRoots()), replay.doubts)
    evidence = judge(system_of(replay.recording), seen, Period(now(), now()))
    assert bool(_red(evidence)) is (changed != FILES)
