"""Every chain of the catalogue, served by a real server and judged by the whole toolkit in one pytest run."""

import contextlib
import itertools
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pse_preflight.certificate import now, write_pem
from pse_preflight.checklist import OWNERS, Code, Severity
from pse_preflight.pse import file as pse_file
from tests.kit.chains import CATALOGUE, Case, Chain, World, numbered_words, random_names
from tests.kit.files import keep_private
from tests.kit.places import CHECKOUT
from tests.kit.runs import run_checks
from tests.kit.servers import Connection, Server, answering_like_abap, http_answer, over_tls, serve

PUBLIC = {"critical-names-from-a-public-root"}  # no root of ours is in Mozilla's list
SHOWN = tuple(case for case in CATALOGUE if case.on_loopback and case.name not in PUBLIC)


@dataclass(frozen=True)
class Red:
    """A red check: how it ended, and its message."""

    kind: str
    message: str


class Shop:
    """Serves every chain on a port of its own, and the certificates that AIA addresses name on another."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, *, random: bool) -> None:
        self.folder = folder
        self._stack = stack
        self._fetched: dict[str, bytes] = {}
        aia = stack.enter_context(serve(self._give))
        naming = random_names(numbered_words("Word")) if random else str
        self.world = World(now(), host="localhost", aia=f"http://localhost:{aia.port}", name=naming)
        self.chains = {case.name: self._open(case) for case in SHOWN}

    def _give(self, connection: Connection) -> None:
        """Answer an AIA address; every case has its own path."""
        head = connection.request()
        path = head.split(b" ")[1].decode()
        body = self._fetched.get(path)
        status = "200 OK" if body else "404 Not Found"
        connection.send(http_answer(status, body=body or b""))

    def _open(self, case: Case) -> tuple[Chain, Server]:
        world = World(self.world.now, self.world.host, f"{self.world.aia}/{case.name}", self.world.name)
        chain = case.build(world)
        self._fetched.update({f"/{case.name}{path}": der for path, der in chain.fetched.items()})
        talk = over_tls(self._context(chain), answering_like_abap())
        return chain, self._stack.enter_context(serve(talk))

    def _context(self, chain: Chain) -> ssl.SSLContext:
        """Return a context that sends the very bytes, whether a strict reader accepts them or not."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        key = chain.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        file = self.folder / "server.pem"
        file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, chain.presented)) + key)
        context.load_cert_chain(file)
        return context

    def describe(self) -> None:
        lines = ["systems:"]
        for name, (chain, server) in self.chains.items():
            keys = f"url: https://localhost:{server.port}, secudir: {self.folder}/sec"
            lines.append(f"  {name}: {{{keys}, roots: {self._roots(name, chain)}}}")
        (self.folder / "systems.yaml").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def _roots(self, name: str, chain: Chain) -> str:
        if chain.partial:
            pse = self.folder / "sec" / f"{name}.pse"
            pse.parent.mkdir(exist_ok=True)
            made = pse_file.new(None, None, chain.roots, time=self.world.now, salt=bytes(8))
            pse.write_bytes(made.encode())
            keep_private(pse)
            return "auto"
        file = self.folder / f"{name}.pem"
        file.write_text(write_pem(chain.roots), encoding="utf-8")
        return str(file)


@pytest.fixture(scope="module", params=["plain names", pytest.param("random names", marks=pytest.mark.long)])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shop, dict[str, dict[str, Red]]]]:
    """Run the toolkit once over all servers; return the red checks of each case."""
    folder = tmp_path_factory.mktemp("catalogue")
    with contextlib.ExitStack() as stack:
        shop = Shop(folder, stack, random=request.param == "random names")
        shop.describe()
        options = ["--system=all", "--engine=bundled", "-q", "--junitxml=r.xml", "-p", "no:cacheprovider"]
        ended = run_checks(folder, *options, environment={"PATH": "", "HOME": str(folder)}, seconds=300)
        assert "Traceback" not in ended.stdout + ended.stderr, ended.stdout
        yield shop, _red_checks(folder / "r.xml")


def _red_checks(report: Path) -> dict[str, dict[str, Red]]:
    red: dict[str, dict[str, Red]] = {case.name: {} for case in SHOWN}
    for each, kind in itertools.product(ElementTree.parse(report).iter("testcase"), ("failure", "error")):
        found = each.find(kind)
        if found is not None:
            check, _, name = each.attrib["name"].rstrip("]").partition("[")
            red[name][check] = Red(kind, found.text or "")
    return red


@pytest.mark.parametrize("case", SHOWN, ids=str)
def test_the_toolkit_names_the_cause_and_nothing_else_is_red(
    told: tuple[Shop, dict[str, dict[str, Red]]], case: Case
) -> None:
    shop, red_checks = told
    red = red_checks[case.name]
    possible = {OWNERS[Code(code)] for code in (case.code, *case.others) if code}
    assert set(red) <= possible, red
    assert all(each.kind == "failure" for each in red.values())
    if case.severity is None or case.severity < Severity.MAJOR:
        assert not red
        return
    message = red[OWNERS[Code(case.code)]].message
    assert message.startswith(f"{case.code}: ")
    assert "\nfix: " in message
    named = shop.chains[case.name][0].named
    assert named is None or named.sha256[:12] in message[:400]


def test_the_page_of_diagnoses_shows_every_case() -> None:
    """Rewrite it with: python benchmarks/diagnosis.py --sslyze PYTHON."""
    page = (CHECKOUT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| ")][1:]
    assert [drawing.removeprefix("| ") for drawing, _ in rows] == [" ".join(case.drawing.split()) for case in SHOWN]
    assert [ours.partition("<br>")[0] for _, ours in rows] == [case.code or "(no finding)" for case in SHOWN]
