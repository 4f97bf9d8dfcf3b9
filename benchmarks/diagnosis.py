"""Write docs/diagnosis.md: what we say of each faulty chain, beside the words of other tools.

    python benchmarks/diagnosis.py [--sslyze PYTHON]

Every chain of the tests' catalogue is served on this machine and shown to openssl s_client, to requests and, where a
Python that has it is named (it needs an older cryptography), to sslyze. All of them trust the roots of the case alone.
"""

import argparse
import contextlib
import json
import platform
import re
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import requests

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]

from tests.chain.test_catalogue import SHOWN, CatalogueShop  # noqa: E402
from tests.kit.chains import Chain  # noqa: E402 - found by the line above

from pse_preflight.certificate import write_pem  # noqa: E402
from pse_preflight.chain.judge import judge_chain  # noqa: E402

SECONDS = 20
SSLYZE = """
import json, sys, uuid
from pathlib import Path
from sslyze import Scanner, ScanCommand, ScanCommandsExtraArguments, ServerNetworkLocation, ServerScanRequest
from sslyze.plugins.certificate_info.implementation import CertificateInfoExtraArgument

def request(port, roots):
    extra = CertificateInfoExtraArgument(custom_ca_file=Path(roots))
    return ServerScanRequest(
        server_location=ServerNetworkLocation(hostname="localhost", port=port), uuid=uuid.uuid4(),
        scan_commands={ScanCommand.CERTIFICATE_INFO},
        scan_commands_extra_arguments=ScanCommandsExtraArguments(certificate_info=extra))

def words(result):
    if not result.scan_result or not result.scan_result.certificate_info.result:
        return "no result"
    deployment = result.scan_result.certificate_info.result.certificate_deployments[0]
    custom = [each for each in deployment.path_validation_results if each.trust_store.name.startswith("Supplied")]
    chosen = custom[0] if custom else deployment.path_validation_results[-1]
    return "OK" if chosen.was_validation_successful else str(chosen.validation_error)

jobs = json.loads(sys.stdin.read())
names = {port: name for name, port, _ in jobs}
scanner = Scanner()
scanner.queue_scans([request(port, roots) for _, port, roots in jobs])
print(json.dumps({names[each.server_location.port]: words(each) for each in scanner.get_results()}))
"""

HEAD = """# Diagnosis

What a server can get wrong, what pse-preflight says of it, and what other tools say of the very same server. Each row
is a server of the tests' catalogue; in the drawing, what stands in brackets is not sent, and ! marks what is at fault.
Ours is the code; the message also names the certificate with its fingerprint and dates, and what mends it. *(no
finding)* means that all is well.

Made by `python benchmarks/diagnosis.py` with {versions}.

| the server's chain | pse-preflight | openssl s_client | requests |{more}
|---|---|---|---|{rule}
"""


def openssl(port: int, roots: Path) -> str:
    """Return how openssl s_client ends."""
    command = ["openssl", "s_client", "-connect", f"localhost:{port}", "-servername", "localhost", "-verify_hostname"]
    options = ["localhost", "-CAfile", str(roots), "-no-CApath", "-no-CAstore", "-cipher", "DEFAULT:@SECLEVEL=0"]
    ended = subprocess.run([*command, *options], input=b"", capture_output=True, timeout=SECONDS, check=False)
    found = re.search(rb"Verify return code: (\d+ \([^)]*\))", ended.stdout)
    return found[1].decode() if found else "no verdict"


def asked_by_requests(port: int, roots: Path) -> str:
    """Return what requests raises."""
    try:
        requests.get(f"https://localhost:{port}/", verify=str(roots), timeout=SECONDS)
    except requests.RequestException as error:
        words = re.search(r"certificate verify failed: ([^(]+)|\[SSL[^\]]*\]([^(]+)", str(error))
        return (words[1] or words[2]).strip() if words else type(error).__name__
    return "OK"


def asked_by_sslyze(python: str, jobs: list[tuple[str, int, str]]) -> dict[str, str]:
    """Return what sslyze says of each server."""
    ended = subprocess.run(
        [python, "-c", SSLYZE], input=json.dumps(jobs), capture_output=True, text=True, timeout=600, check=False
    )
    if ended.returncode:
        raise SystemExit(ended.stderr[-2000:])
    answers: dict[str, str] = json.loads(ended.stdout.splitlines()[-1])
    return answers


def ours(chain: Chain, shop: CatalogueShop) -> str:
    """Return our codes, the decisive one first."""
    codes = [each.code for each in judge_chain(chain.question(shop.world)).findings]
    return "<br>".join(codes) or "(no finding)"


def short(words: str) -> str:
    """Leave out what every answer of sslyze begins with, and the certificate's representation."""
    return words.removeprefix("validation failed: ").partition(" (encountered processing")[0]


def rows(shop: CatalogueShop, folder: Path, sslyze: str | None) -> Iterator[str]:
    """Return the table's rows."""
    jobs = []
    for case in SHOWN:
        chain, server = shop.chains[case.name], shop.servers[case.name]
        roots = folder / f"{case.name}-roots.pem"
        roots.write_text(write_pem(chain.roots), encoding="utf-8")
        jobs.append((case.name, server.port, str(roots)))
    said = asked_by_sslyze(sslyze, jobs) if sslyze else {}
    for case, (name, port, roots_file) in zip(SHOWN, jobs, strict=True):
        cells = [case.drawing, ours(shop.chains[name], shop), openssl(port, Path(roots_file))]
        cells += [asked_by_requests(port, Path(roots_file)), *([short(said.get(name, "no result"))] if sslyze else [])]
        yield "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sslyze", help="a Python that has sslyze")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        shop = CatalogueShop(Path(name), stack, random=False)
        table = "".join(rows(shop, Path(name), chosen.sslyze))
    versions = f"{ssl.OPENSSL_VERSION.rpartition(' ')[0].rpartition(' ')[0].rpartition(' ')[0]}, requests"
    versions += f" {requests.__version__}, Python {platform.python_version()}"
    more, rule = (" sslyze |", "---|") if chosen.sslyze else ("", "")
    page = HEAD.format(versions=versions, more=more, rule=rule) + table
    (CHECKOUT / "docs" / "diagnosis.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
