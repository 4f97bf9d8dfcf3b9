"""Small systems for tests: a chain, a PSE in a folder, a tool that answers like SAP's, and one run over all of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.chain.roots import Roots
from pse_preflight.chain.sap_roots import SapRoots
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl, authority, read_url
from pse_preflight.pse import file as pse_file
from pse_preflight.run.all_systems import Gathering
from pse_preflight.sapgenpse.tool import Answer, BundledTool
from pse_preflight.settings import Settings
from pse_preflight.verdict.evidence import Evidence, KnownRoots
from tests.kit.check_runs import without_proof
from tests.kit.files import keep_private
from tests.kit.pse_mutations import SALT, START, owner, owner_key
from tests.kit.servers import LOOPBACK

NOW = now()
DN = "CN=client, O=Firma"
NOTHING_KNOWN = KnownRoots(Roots((), "nothing"), SapRoots())
"""No root of Mozilla's, and no announcement."""

Said = Callable[[Sequence[str], Answer], Answer]


@cache
def server(name: str = "Root") -> Identity:
    """Make a server certificate for this machine under an issuing CA under a root of this name."""
    root = root_authority(name, NOW - timedelta(days=400), 4000)
    issuing = root.issue_authority(f"Issuing CA of {name}", NOW - timedelta(days=300), 3000)
    return issuing.issue_server([LOOPBACK], NOW - timedelta(days=40), 190)


def path(identity: Identity) -> tuple[Certificate, ...]:
    """Return server certificate, issuing CA and root."""
    return tuple(map(Certificate.of, (identity.certificate, *identity.issuers)))


def issuers(identity: Identity) -> tuple[Certificate, ...]:
    """Return root and issuing CA, as a PSE holds them."""
    return tuple(reversed(path(identity)[1:]))


def write_pse(pse: Path, held: Sequence[Certificate] = (), *, pin: str | None = None) -> bytes:
    """Write a PSE of this owner with this list; return its bytes."""
    pse.parent.mkdir(parents=True, exist_ok=True)
    content = pse_file.new(owner(), owner_key(), held, time=START, salt=SALT).encode(pin)
    pse.write_bytes(content)
    keep_private(pse)
    return content


def listed(pse: Path) -> set[str]:
    """Return the fingerprints of a PSE's list."""
    return {each.sha256 or "" for each in pse_file.read(pse.read_bytes()).trusted}


@dataclass
class SapsTool:
    """A tool that is not the bundled one; `said` may change what it answers."""

    said: Said = lambda _arguments, answer: answer
    calls: list[tuple[str, ...]] = field(default_factory=list)
    name: str = "sapgenpse"
    label: str = "/opt/sap/sapgenpse"
    is_bundled: bool = False

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        self.calls.append(tuple(arguments))
        return self.said(arguments, BundledTool({}).run(arguments, secudir))


def roots_file(folder: Path, *certificates: x509.Certificate) -> str:
    """Write roots to judge by; return the file as the key `roots` names it."""
    file = folder / "roots.pem"
    file.write_text(write_pem(map(Certificate.of, certificates)), encoding="ascii")
    return str(file)


def system(alias: str, port: int, pse: Path, **keys: Any) -> System:
    """Describe a system on this machine."""
    return System(alias=alias, url=ApiUrl(LOOPBACK, port), pse=pse, secudir=pse.parent, dn=DN, **keys)


def gather(
    *systems: System,
    folder: Path,
    tool: Any = None,
    clock: Callable[[], datetime] = now,
    creating: Collection[str] | None = None,
    **settings: Any,
) -> list[Evidence]:
    """Ask these systems, all at once; return what is known of each. The files about them go below `folder`.

    Whatever is asked, no check is left without a proof.
    """
    aliases = [each.alias for each in systems]
    options = {"engine": "bundled", "evidence": folder / "evidence", **settings}
    placed = [replace(each, folder=options["evidence"] / each.alias) for each in systems]
    run = Gathering(
        placed, Settings(**options), clock=clock, asked=aliases, creating=aliases if creating is None else creating
    )
    run.tool = tool or run.tool
    found = [run.evidence(alias) for alias in aliases]
    assert [told for each in found for told in without_proof(_as_written(each))] == []
    return found


def _as_written(evidence: Evidence) -> Evidence:
    """Add what systems.yaml's reader says of the URL; these systems were described without it."""
    url = f"https://{authority(evidence.system.url.host, evidence.system.url.port)}"
    system = replace(evidence.system, url_as_written=url)
    return replace(evidence, system=system, findings=(*read_url(url)[1], *evidence.findings))


def codes(evidence: Evidence) -> set[str]:
    """Return the codes of everything that was found."""
    return {each.code for each in evidence.findings}
