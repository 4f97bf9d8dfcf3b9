"""OpenSSL as a second opinion: its program, or where there is none, the library that Python itself uses."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from ssl import DER_cert_to_PEM_cert

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from pse_preflight.certificate import Certificate, read_pem
from tests.kit import libcrypto

PROGRAM = shutil.which("openssl")

NEEDED = pytest.mark.skipif(
    not PROGRAM and not libcrypto.is_there(), reason="neither the openssl program nor its library is installed"
)


def accepts(
    sent: Sequence[Certificate],
    roots: Sequence[Certificate],
    moment: datetime,
    folder: Path,
    *options: str,
    host: str = "",
) -> bool:
    """Ask `openssl verify` about what a server sends, its own certificate first."""
    if not PROGRAM:
        leaf, *others = (each.der for each in sent)
        return libcrypto.accepts(leaf, others, [each.der for each in roots], moment, options, host)
    files = {"leaf": sent[:1], "sent": sent[1:], "roots": roots}
    for name, certificates in files.items():
        (folder / f"{name}.pem").write_text("".join(each.pem for each in certificates), encoding="ascii")
    command = [PROGRAM, "verify", "-no-CApath", "-no-CAstore", "-CAfile", "roots.pem", "-purpose", "sslserver"]
    command += ["-attime", str(int(moment.timestamp())), *options]
    command += ["-verify_hostname", host] if host else []
    command += ["-untrusted", "sent.pem"] if files["sent"] else []
    done = subprocess.run([*command, "leaf.pem"], cwd=folder, capture_output=True, check=False, timeout=30)
    return done.returncode == 0


def parts(der: bytes, folder: Path) -> str | None:
    """Return the parts of DER as `openssl asn1parse` prints them; nothing where it refuses them."""
    if not PROGRAM:
        return libcrypto.parts(der)
    (folder / "whole.der").write_bytes(der)
    command = [PROGRAM, "asn1parse", "-inform", "DER", "-in", "whole.der"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout if done.returncode == 0 else None


TRIPLE_DES, NONE = libcrypto.PBE_SHA1_3DES, libcrypto.NO_ENCRYPTION
HOW = {
    "-certpbe AES-256-CBC -keypbe PBE-SHA1-3DES": libcrypto.Protection("", TRIPLE_DES, libcrypto.AES_256_CBC),
    "-certpbe NONE -keypbe NONE": libcrypto.Protection("", NONE, NONE),
    "-iter 2000 -maciter": libcrypto.Protection("", rounds=2000),
    "": libcrypto.Protection(""),
}
"""Options of `openssl pkcs12 -export`, and what its library is told for them."""


def write_p12(chain: Sequence[Certificate], key: bytes, password: str, folder: Path, how: str = "") -> bytes:
    """Write PKCS#12 of a chain and the key (DER) of its first, as `openssl pkcs12 -export` does."""
    if not PROGRAM:
        own, *issuers = (each.der for each in chain)
        return libcrypto.write_p12(key, own, issuers, replace(HOW[how], password=password))
    pem = DER_cert_to_PEM_cert(key).replace(" CERTIFICATE-", " PRIVATE KEY-")
    (folder / "key.pem").write_text(pem, encoding="ascii")
    (folder / "chain.pem").write_text("".join(each.pem for each in chain), encoding="ascii")
    command = [PROGRAM, "pkcs12", "-export", "-inkey", "key.pem", "-in", "chain.pem", "-out", "written.p12"]
    _run([*command, "-passout", f"pass:{password}", *how.split()], folder)
    return (folder / "written.p12").read_bytes()


def read_p12(data: bytes, password: str, folder: Path) -> tuple[bytes, list[bytes]]:
    """Return what OpenSSL finds in it: the key as DER (PKCS#8), and the certificates."""
    if not PROGRAM:
        return libcrypto.read_p12(data, password)
    (folder / "read.p12").write_bytes(data)
    said = _run([PROGRAM, "pkcs12", "-in", "read.p12", "-passin", f"pass:{password}", "-nodes"], folder)
    key = load_pem_private_key(said, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return key, [each.der for each in read_pem(said)]


def read_key(pem: bytes, password: str, folder: Path) -> bytes:
    """Return a private key that OpenSSL has read with its password, as DER (PKCS#8)."""
    if not PROGRAM:
        return libcrypto.read_key(pem, password)
    (folder / "read.key").write_bytes(pem)
    said = _run([PROGRAM, "pkey", "-in", "read.key", "-passin", f"pass:{password}"], folder)
    return load_pem_private_key(said, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _run(command: Sequence[str], folder: Path) -> bytes:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
