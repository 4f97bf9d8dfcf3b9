"""Many servers on this machine, each with a chain of its own, and one run of the whole toolkit over all of them."""

import contextlib
import itertools
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.pse import file as pse_file
from tests.kit.files import keep_private
from tests.kit.runs import run_checks
from tests.kit.servers import Connection, Server, answering_like_abap, http_answer, over_tls, serve


@dataclass(frozen=True)
class Offer:
    """What one server of the shop shows.

    Attributes:
        presented: DER as it is sent.
        key: the server's private key.
        roots: what the chain is judged by; with `partial`, the certificate list of the PSE.
        fetched: what lies at the AIA addresses, by path.
        host: how the server is called.
    """

    presented: tuple[bytes, ...]
    key: CertificateIssuerPrivateKeyTypes = field(repr=False)
    roots: tuple[Certificate, ...]
    fetched: Mapping[str, bytes] = field(default_factory=dict)
    partial: bool = False
    host: str = "localhost"


@dataclass(frozen=True)
class Red:
    """A red check: how it ended, and its message."""

    kind: str
    message: str


def context_of(offer: Offer, folder: Path) -> ssl.SSLContext:
    """Return a context that sends the very bytes, whether a strict reader accepts them or not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    key = offer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file = folder / "server.pem"
    file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, offer.presented)) + key)
    context.load_cert_chain(file)
    return context


class Shop:
    """Serves every chain on a port of its own, and the certificates that AIA addresses name on another."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._fetched: dict[str, bytes] = {}
        self._systems: list[str] = []
        self.servers: dict[str, Server] = {}
        aia = stack.enter_context(serve(self._give))
        self.aia = f"http://localhost:{aia.port}"

    def add(self, name: str, make: Callable[[str], Offer]) -> None:
        """Open a server.

        Args:
            make: makes what it shows, told where its certificates can be fetched.
        """
        offer = make(f"{self.aia}/{name}")
        self._fetched.update({f"/{name}{path}": der for path, der in offer.fetched.items()})
        talk = over_tls(context_of(offer, self.folder), answering_like_abap())
        self.servers[name] = self._stack.enter_context(serve(talk))
        url = f"https://{offer.host}:{self.servers[name].port}"
        self._systems.append(f"  {name}: {{url: {url}, secudir: {self.folder}/sec, roots: {self._roots(name, offer)}}}")

    def run(self, *options: str, seconds: float = 300) -> dict[str, dict[str, Red]]:
        """Run the toolkit once over all servers; return the red checks of each."""
        described = "\n".join(["systems:", *self._systems, ""])
        (self.folder / "systems.yaml").write_text(described, encoding="utf-8")
        usual = ["--system=all", "--engine=bundled", "-q", "--junitxml=r.xml", "-p", "no:cacheprovider"]
        environment = {"PATH": "", "HOME": str(self.folder)}
        ended = run_checks(self.folder, *usual, *options, environment=environment, seconds=seconds)
        assert "Traceback" not in ended.stdout + ended.stderr, ended.stdout
        assert ended.returncode < 2, ended.stderr
        return self._red_checks(self.folder / "r.xml")

    def _give(self, connection: Connection) -> None:
        """Answer an AIA address; every server has its own path."""
        head = connection.request()
        path = head.split(b" ")[1].decode()
        body = self._fetched.get(path)
        status = "200 OK" if body else "404 Not Found"
        connection.send(http_answer(status, body=body or b""))

    def _roots(self, name: str, offer: Offer) -> str:
        if offer.partial:
            pse = self.folder / "sec" / f"{name}.pse"
            pse.parent.mkdir(exist_ok=True)
            made = pse_file.new(None, None, offer.roots, time=now(), salt=bytes(8))
            pse.write_bytes(made.encode())
            keep_private(pse)
            return "auto"
        file = self.folder / f"{name}.pem"
        file.write_text(write_pem(offer.roots), encoding="utf-8")
        return str(file)

    def _red_checks(self, report: Path) -> dict[str, dict[str, Red]]:
        red: dict[str, dict[str, Red]] = {name: {} for name in self.servers}
        for each, kind in itertools.product(ElementTree.parse(report).iter("testcase"), ("failure", "error")):
            found = each.find(kind)
            if found is not None:
                check, _, name = each.attrib["name"].rstrip("]").partition("[")
                red[name][check] = Red(kind, found.text or "")
        return red
