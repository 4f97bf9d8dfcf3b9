"""Roots as companies have them, in files as they have them, through a whole run in which warnings are errors."""

import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.checklist import Severity
from pse_preflight.demo.authority import Identity
from pse_preflight.pse import file as pse_file
from tests.kit.odd_certificates import key, long_name, odd_root
from tests.kit.pse_mutations import SALT
from tests.kit.runs import run_checks
from tests.kit.servers import LOOPBACK, serve_tls
from tests.kit.systems import NOW, codes, gather, system

START = NOW - timedelta(days=400)
BY_NAME = x509.AuthorityKeyIdentifier(
    x509.SubjectKeyIdentifier.from_public_key(key().public_key()).digest, [x509.DirectoryName(long_name())], 1
)
LONG = odd_root(long_name(), START, extensions=[BY_NAME])
ZERO = odd_root(long_name("Root with the serial number zero"), START, serial=0)


def _server(root: Certificate) -> Identity:
    """Make a server below an issuing CA below this root."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        issuing = Identity(root.parsed, key()).issue_authority("Issuing CA", START, 3000)
        return issuing.issue_server([LOOPBACK], NOW - timedelta(days=9), 90)


@pytest.fixture(scope="module", params=[LONG, ZERO], ids=["long name", "serial number zero"])
def root(request: pytest.FixtureRequest) -> Certificate:
    found: Certificate = request.param
    return found


@pytest.fixture(scope="module")
def port(root: Certificate) -> Iterator[int]:
    with serve_tls(_server(root)) as running:
        yield running.port


FILES: dict[str, Callable[[Certificate], bytes]] = {
    "PEM": lambda root: write_pem([root]).encode(),
    "DER": lambda root: root.der,
    "PKCS#7": lambda root: pkcs7.serialize_certificates([root.parsed], Encoding.DER),
    "UTF-16": lambda root: write_pem([root]).encode("utf-16"),
    "PSE": lambda root: pse_file.new(None, None, [root], time=START, salt=SALT).encode(),
}


@pytest.mark.long
@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_a_pse_is_made_from_any_file_of_any_root(
    root: Certificate, port: int, make: Callable[[Certificate], bytes], tmp_path: Path
) -> None:
    (tmp_path / "roots.bin").write_bytes(make(root))
    keys = f"url: https://{LOOPBACK}:{port}, roots: roots.bin, secudir: {tmp_path}/sec"
    (tmp_path / "systems.yaml").write_text(f"systems:\n  PRD: {{{keys}}}\n")
    options = ("--system=PRD", "--engine=bundled", "-W", "error", "-p", "no:cacheprovider", "-q")
    for _ in range(2):  # made, and found again
        ended = run_checks(tmp_path, *options)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "warning" not in ended.stdout.lower()
    made = pse_file.read((tmp_path / "sec" / "PRD.pse").read_bytes())
    assert root.sha256 in {each.sha256 for each in made.trusted}


def test_one_damaged_root_of_three_is_named_and_the_others_count(root: Certificate, port: int, tmp_path: Path) -> None:
    other = odd_root(long_name("Other"), START)
    file = tmp_path / "roots.pem"
    file.write_text(other.pem + other.pem.replace("MII", "M*I", 1) + root.pem)
    (evidence,) = gather(system("S", port, tmp_path / "sec" / "c.pse", roots=str(file)), folder=tmp_path)
    (found,) = (each for each in evidence.findings if each.code == "ROOTS_FILE_DAMAGED")
    line = 1 + len(other.pem.splitlines())
    assert f"{file} is used without certificate 2 (line {line}): its text is damaged" in found.observed
    assert found.severity is Severity.MINOR
    assert evidence.trust.path[-1] == root
    assert "ROOT_UNTRUSTED" not in codes(evidence)
