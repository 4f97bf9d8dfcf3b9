"""Keys carried into a PSE and out of it, by what goes in, what comes out, and what other programs find in it."""

import base64
import os
import re
import shutil
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import asn1, name
from pse_preflight.pse import file as pse_file
from pse_preflight.sapgenpse import bundled
from tests.kit import openssl
from tests.kit import pse_mutations as pses
from tests.kit import pse_second_reader as second
from tests.kit.opengenpse import NOW, Program, Terminal
from tests.kit.tiers import first

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="POSIX access rights")
PASSWORD = "Transport-Größe 9"
SECRET_PIN = "PIN of 4 words"


@dataclass(frozen=True)
class Given:
    """A key, its certificate and the issuers of that, root last."""

    key: rsa.RSAPrivateKey | dsa.DSAPrivateKey
    owner: Certificate
    issuers: tuple[Certificate, ...] = ()

    @property
    def chain(self) -> tuple[Certificate, ...]:
        return (self.owner, *self.issuers)


@cache
def key() -> rsa.RSAPrivateKey:
    return bundled.make_rsa_key(2048)


@cache
def given(levels: int) -> Given:
    """Make a certificate with so many issuers; with none it is signed with its own key."""
    subject = name.parse("CN=Größe of client, O=Firma, C=DE")
    if not levels:
        signed = pse_file.self_signed_owner(subject, key(), start=NOW, end=NOW.replace(year=2030), serial_number=0x4711)
        return Given(key(), signed)
    identity = root_authority("Root of clients", NOW, 3000)
    for level in range(1, levels):
        identity = identity.issue_authority(f"Authority {level}", NOW, 2000)
    owner = identity.issue(subject, NOW, 1000, [], key=key())
    return Given(key(), *_split([Certificate.of(each) for each in (owner.certificate, *owner.issuers)]))


def _split(chain: list[Certificate]) -> tuple[Certificate, tuple[Certificate, ...]]:
    return chain[0], tuple(chain[1:])


def p12(each: Given, password: str = PASSWORD) -> bytes:
    protection = serialization.BestAvailableEncryption(password.encode()) if password else NoEncryption()
    issuers = [issuer.parsed for issuer in each.issuers]
    return pkcs12.serialize_key_and_certificates(b"client", each.key, each.owner.parsed, issuers, protection)


def pem_key(private: object, password: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    protection = serialization.BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, form, protection)  # type: ignore[attr-defined,no-any-return]


def der_key(private: rsa.RSAPrivateKey | dsa.DSAPrivateKey) -> bytes:
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path, key())


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], str]:
    def written(file: str, data: bytes) -> str:
        (tmp_path / file).write_bytes(data)
        return str(tmp_path / file)

    return written


Write = Callable[[str, bytes], str]


def secrets_of(private: rsa.RSAPrivateKey) -> list[bytes]:
    """Return what a key would be found by, wherever it were."""
    numbers = private.private_numbers()
    whole = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    prime = numbers.p.to_bytes((numbers.p.bit_length() + 7) // 8)
    return [prime, str(numbers.p).encode(), f"{numbers.p:x}".encode(), base64.b64encode(whole)[400:500]]


def finds_key(data: bytes) -> bool:
    joined = b"".join(data.split())
    return any(each in data or each in joined for each in secrets_of(key()))


# --- the way round ----------------------------------------------------------------------------------------------------


def run(*command: str | Path, typed: str = "") -> str:
    ended = subprocess.run(
        [str(each) for each in command],
        input=typed,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


@openssl.NEEDED
@pytest.mark.parametrize("levels", first(1, [1, 0, 3]))
@pytest.mark.parametrize("pin", ["", SECRET_PIN])
def test_the_way_round_keeps_key_and_certificates(program: Program, tmp_path: Path, levels: int, pin: str) -> None:
    """PEM key and certificate, by openssl to PKCS#12, to a PSE, to PKCS#12, by openssl to PEM again."""
    each = given(levels)
    made = tmp_path / "openssl.p12"
    made.write_bytes(openssl.write_p12(each.chain, der_key(each.key), PASSWORD, tmp_path))
    program.done("import_p12", "-p", "client", "-x", pin, "-z", PASSWORD, str(made))
    read = program.read(pin)
    assert (read.owner, read.owner_path, read.owner_root) == (
        each.owner,
        each.issuers[:-1],
        (each.issuers or (each.owner,))[-1],
    )
    assert read.trusted == (), "what has signed the own certificate is not trusted for that"

    program.done("export_p12", "-p", "client", "-x", pin, "-z", PASSWORD, str(tmp_path / "back"))
    found, certificates = openssl.read_p12((tmp_path / "back.p12").read_bytes(), PASSWORD, tmp_path)
    assert found == der_key(each.key)
    assert set(certificates) == {one.der for one in each.chain}

    program.done("export_p8", "-p", "client", "-x", pin, "-z", PASSWORD, str(tmp_path / "back.key"))
    assert openssl.read_key((tmp_path / "back.key").read_bytes(), PASSWORD, tmp_path) == der_key(each.key)
    own = program.done("export_own_cert", "-p", "client", "-x", pin)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=own[own.index("-----BEGIN") :])
    assert context.cert_store_stats()["x509"] == 1
    assert Certificate.read(ssl.PEM_cert_to_DER_cert(own[own.index("-----BEGIN") :])) == each.owner


@pytest.mark.long
@pytest.mark.parametrize("levels", [0, 2])
def test_keytool_reads_what_is_exported_and_its_own_is_imported(program: Program, tmp_path: Path, levels: int) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("no keytool on this machine")
    (tmp_path / "in.p12").write_bytes(p12(given(levels), "123456"))
    program.done("import_p12", "-p", "client", "-x", "", "-z", "123456", str(tmp_path / "in.p12"))
    program.done("export_p12", "-p", "client", "-x", "", "-z", "123456", str(tmp_path / "out.p12"))
    listed = run(keytool, "-list", "-v", "-keystore", tmp_path / "out.p12", "-storepass", "123456")
    assert "PrivateKeyEntry" in listed
    assert f"Certificate chain length: {levels + 1}" in listed
    fingerprint = ":".join(f"{byte:02X}" for byte in bytes.fromhex(given(levels).owner.sha256))
    assert fingerprint in listed
    run(
        *(keytool, "-importkeystore", "-srckeystore", tmp_path / "out.p12", "-srcstorepass", "123456"),
        *("-destkeystore", tmp_path / "java.p12", "-deststoretype", "PKCS12", "-deststorepass", "123456"),
    )
    program.done("import_p12", "-p", "java", "-x", "", "-z", "123456", str(tmp_path / "java.p12"))
    found = pse_file.read((tmp_path / "java.pse").read_bytes())
    assert (found.owner, found.owner_root) == (given(levels).owner, given(levels).chain[-1])


def test_the_file_of_sap_with_a_pin_is_made_again_byte_for_byte(program: Program, samples: Path, write: Write) -> None:
    original = (samples / "pse" / "pse_v2_lps_off_pbes1_3des_sha1.pse").read_bytes()
    plain = (samples / "pse" / "pse_v2_lps_off_pbes1_3des_sha1_plain.pse").read_bytes()
    p, q = second.primes(second.dissect(plain).of("SKnew").value)
    d = rsa.rsa_recover_private_exponent(65537, p, q)
    rest = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    private = rsa.RSAPrivateNumbers(p, q, d, *rest, rsa.RSAPublicNumbers(65537, p * q)).private_key()
    program.moment = datetime(2018, 2, 18, 18, 53, 8, tzinfo=UTC)
    program.salt = bytes.fromhex("77cb6908be860865")
    certificate = samples / "pse" / "pse_v2_lps_off_pbes1_3des_sha1_cert.der"
    source = write("key.p8", pem_key(private, PASSWORD))
    program.done("import_p8", "-p", "client", "-x", "1234567980", "-z", PASSWORD, "-c", str(certificate), source)
    assert program.pse.read_bytes() == original


# --- import_p8 --------------------------------------------------------------------------------------------------------


FORMS: dict[str, Callable[[], tuple[bytes, str]]] = {
    "PKCS#8": lambda: (pem_key(key()), ""),
    "PKCS#8 with password": lambda: (pem_key(key(), PASSWORD), PASSWORD),
    "OpenSSL's older form": lambda: (pem_key(key(), form=PrivateFormat.TraditionalOpenSSL), ""),
    "OpenSSL's older form with password": lambda: (
        pem_key(key(), PASSWORD, PrivateFormat.TraditionalOpenSSL),
        PASSWORD,
    ),
    "DER": lambda: (key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), ""),
    "DER with password": lambda: (
        key().private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(PASSWORD.encode())
        ),
        PASSWORD,
    ),
    "base64": lambda: (
        base64.encodebytes(key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        "",
    ),
    "with Windows' line ends": lambda: (pem_key(key(), PASSWORD).replace(b"\n", b"\r\n"), PASSWORD),
    "together with certificates": lambda: (given(2).owner.pem.encode() + pem_key(key()) + b"more\n", ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_taken_in_every_usual_form(program: Program, write: Write, form: str) -> None:
    data, password = FORMS[form]()
    own = write("own.pem", "".join(each.pem for each in given(2).chain).encode())
    options = ["-z", password] if password else []
    said = program.done("import_p8", "-p", "client", "-x", "", *options, "-c", own, write("key", data))
    assert said == f'PSE "{program.pse}" was written.\n'
    found = program.read()
    assert found.private_key().private_numbers() == key().private_numbers()  # type: ignore[union-attr]
    assert (found.owner, found.owner_path, found.owner_root) == (
        given(2).owner,
        given(2).issuers[:1],
        given(2).issuers[1],
    )
    assert found.created == NOW


def test_issuers_may_stand_in_files_of_their_own(program: Program, write: Write) -> None:
    each = given(3)
    files = [option for at, issuer in enumerate(each.issuers) for option in ("-r", write(f"{at}.cer", issuer.der))]
    own, source = write("own.cer", each.owner.der), write("key.pem", pem_key(each.key))
    lacking = program.refused("import_p8", "-p", "client", "-x", "", "-c", own, *files[:4], source)
    assert lacking == (
        "import_p8: certificate chain is incomplete, need certificate of CN=Root of clients, O=pse-preflight;"
        " give it with -r\n"
    )
    assert not program.pse.exists()
    program.done("import_p8", "-p", "client", "-x", "", "-c", own, *files, source)
    assert program.read().owner_path == each.issuers[:-1]


def test_no_more_issuer_files_are_taken_than_by_sap_s_tool(program: Program, write: Write) -> None:
    own, source = write("own.cer", given(0).owner.der), write("key.pem", pem_key(key()))
    many = ["-r", own] * 11
    assert "-r is given 11 times" in program.refused(
        "import_p8", "-p", "client", "-x", "", "-c", own, *many, source, code=2
    )


def test_a_dsa_key_is_taken(program: Program, write: Write) -> None:
    private = dsa.generate_private_key(2048)
    builder = x509.CertificateBuilder(
        name.parse("CN=d"), name.parse("CN=d"), private.public_key(), 1, NOW, NOW.replace(year=2030)
    )
    own = Certificate.of(builder.sign(private, hashes.SHA256()))
    files = ("-c", write("own.cer", own.der), write("key.pem", pem_key(private)))
    program.done("import_p8", "-p", "client", "-x", "", *files)
    found = program.read().private_key()
    assert isinstance(found, dsa.DSAPrivateKey)
    assert found.private_numbers() == private.private_numbers()


# --- what is refused --------------------------------------------------------------------------------------------------


def _own_pem() -> bytes:
    return given(0).owner.pem.encode()


def _ec_key() -> bytes:
    return pem_key(ec.generate_private_key(ec.SECP256R1()))


def _scrypt() -> bytes:
    """The beginning of a key that is encrypted with scrypt."""
    scrypt = pses.tlv(0x30, bytes.fromhex("06092b06010401da47040b"), pses.tlv(0x30, pses.tlv(4, bytes(8))))
    return pses.tlv(0x30, pses.tlv(0x30, scrypt), pses.tlv(4, bytes(16)))


def _many_rounds(data: bytes) -> bytes:
    """Let the key of a file be derived in 2 billion rounds, all lengths being right."""
    found = [each for each in _numbers_after_a_salt(pses.tree(data)) if each > 1000]
    assert found
    old = pses.integer(found[0])
    (root,) = pses.tree(data)
    return _replaced(root, old[2:], b"\x7f\xff\xff\xff").written()


def _numbers_after_a_salt(nodes: list[pses.Tree]) -> Iterator[int]:
    for before, node in zip([pses.Tree(0, b""), *nodes], nodes, strict=False):
        if before.tag == 4 and node.tag == 2 and isinstance(node.inner, bytes):
            yield int.from_bytes(node.inner)
        if isinstance(node.inner, list):
            yield from _numbers_after_a_salt(node.inner)


def _replaced(node: pses.Tree, old: bytes, new: bytes) -> pses.Tree:
    if isinstance(node.inner, bytes):
        return pses.Tree(node.tag, new if node.tag == 2 and node.inner == old else node.inner)
    return pses.Tree(node.tag, [_replaced(each, old, new) for each in node.inner])


BAD_KEYS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no private key that can be read"),
    "a text": (lambda: b"hello\n", "no private key that can be read"),
    "a certificate": (_own_pem, "no private key that can be read"),
    "a PKCS#12 file": (lambda: p12(given(0)), "import_p12 takes it"),
    "two keys": (lambda: pem_key(key()) * 2, "holds 2 private keys"),
    "an EC key": (_ec_key, "how a PSE holds EC keys is not known; use an RSA key"),
    "an SSH key": (
        lambda: key().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        "ssh-keygen -p -m PKCS8",
    ),
    "another key": (lambda: pem_key(bundled.make_rsa_key(2048)), "no certificate belongs to the private key"),
    "another password": (lambda: pem_key(key(), "other"), "Wrong PIN/Passphrase"),
    "scrypt": (_scrypt, "scrypt"),
    "a key that breaks off": (lambda: pem_key(key())[:700], "no private key that can be read"),
    "more than 16 MiB": (lambda: b"0" * (pse_file.LARGEST_FILE + 1), "larger than 16 MiB"),
    "very many rounds": (
        lambda: _many_rounds(
            key().private_bytes(
                Encoding.DER, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(PASSWORD.encode())
            )
        ),
        "2147483647 rounds",
    ),
}


@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_key_that_cannot_be_taken_is_told_in_one_line(program: Program, write: Write, kind: str) -> None:
    make, reason = BAD_KEYS[kind]
    own = write("own.cer", given(0).owner.der)
    said = program.refused("import_p8", "-p", "client", "-x", "", "-z", PASSWORD, "-c", own, write("key", make()))
    assert reason in said
    assert said.startswith("import_p8: ")
    assert said.count("\n") == 1
    assert not program.pse.exists()


def _two_keys() -> bytes:
    """Two key bags side by side, each behind the object identifier of its kind."""
    (root,) = pses.tree(p12(given(0), ""))
    bag = bytes.fromhex("060b2a864886f70d010c0a0101")
    data = root.written()
    assert data.count(bag) == 1
    content = pses.tlv(0x30, bytes.fromhex("06092a864886f70d010701"), pses.tlv(0xA0, pses.tlv(4, bag * 2)))
    return pses.tlv(0x30, b"\x02\x01\x03", content)


def _no_key() -> bytes:
    return pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(given(0).owner.parsed, b"x")],
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )


def _without_own_certificate() -> bytes:
    chain = [each.parsed for each in given(2).issuers]
    protection = serialization.BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"x", key(), None, chain, protection)


def _ec_p12() -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        name.parse("CN=e"), name.parse("CN=e"), private.public_key(), 1, NOW, NOW.replace(year=2030)
    )
    own, protection = (
        builder.sign(private, hashes.SHA256()),
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    return pkcs12.serialize_key_and_certificates(b"x", private, own, None, protection)


BAD_P12: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no PKCS#12 file"),
    "a PEM key": (lambda: pem_key(key()), "no PKCS#12 file"),
    "a PSE": (lambda: pses.made().encode(), "no PKCS#12 file"),
    "two keys": (_two_keys, "holds 2 private keys"),
    "no key": (_no_key, "holds no private key"),
    "no certificate of the key": (_without_own_certificate, "no certificate belongs to the private key"),
    "an EC key": (_ec_p12, "how a PSE holds EC keys is not known; use an RSA key"),
    "another password": (lambda: p12(given(0), "other"), "Wrong PIN/Passphrase"),
    "an incomplete chain": (
        lambda: p12(Given(key(), given(2).owner, given(2).issuers[:1])),
        "certificate chain is incomplete, need certificate of CN=Root of clients",
    ),
    "more than 16 MiB": (lambda: b"0" * (pse_file.LARGEST_FILE + 1), "larger than 16 MiB"),
    "many parts": (
        lambda: pses.tlv(0x30, b"\x02\x01\x03", pses.tlv(0x30, b"\x05\x00" * 30_000)),
        "more parts than any key file",
    ),
}


@pytest.mark.parametrize("kind", BAD_P12)
def test_a_pkcs12_file_that_cannot_be_taken_is_told_in_one_line(program: Program, write: Write, kind: str) -> None:
    make, reason = BAD_P12[kind]
    said = program.refused("import_p12", "-p", "client", "-x", "", "-z", PASSWORD, write("x.p12", make()))
    assert reason in said
    assert said.startswith("import_p12: ")
    assert said.count("\n") == 1
    assert not program.pse.exists()


LEGACY = pytest.param(
    "-legacy",
    marks=pytest.mark.skipif(not openssl.PROGRAM, reason="RC2 is not in the library that Python brings"),
)


@openssl.NEEDED
@pytest.mark.parametrize("how", [LEGACY, *(each for each in openssl.HOW if "pbe" in each)])
def test_other_algorithms_are_taken_or_named(program: Program, tmp_path: Path, how: str) -> None:
    made = tmp_path / "x.p12"
    made.write_bytes(openssl.write_p12(given(0).chain, der_key(key()), PASSWORD, tmp_path, how))
    program.done("import_p12", "-p", "client", "-x", "", "-z", PASSWORD, str(made))
    assert program.read().owner == given(0).owner


@openssl.NEEDED
def test_very_many_rounds_are_not_begun(program: Program, tmp_path: Path) -> None:
    data = openssl.write_p12(given(0).chain, der_key(key()), "x", tmp_path, "-iter 2000 -maciter")
    assert data.count(b"\x02\x02\x07\xd0") >= 2
    # The number of the MAC stands last; a byte more of it needs a byte more of each length around it.
    (root,) = pses.tree(data)
    (tmp_path / "y.p12").write_bytes(_replaced(root, b"\x07\xd0", b"\x7f\xff\xff\xff").written())
    said = program.refused("import_p12", "-p", "client", "-x", "", "-z", "x", str(tmp_path / "y.p12"))
    assert "2147483647 rounds" in said


def test_a_damaged_pkcs12_file_is_refused_wherever_it_is_damaged(program: Program, tmp_path: Path) -> None:
    data, path = p12(given(0), "x"), tmp_path / "x.p12"
    changed = [data[:length] for length in range(0, len(data), 97)]
    for at in range(0, len(data), 61):
        flipped = bytearray(data)
        flipped[at] ^= 0xFF
        changed.append(bytes(flipped))
    for number, each in enumerate(changed):
        path.write_bytes(each)
        answered = program("import_p12", "-p", f"{number}", "-x", "", "-z", "x", str(path))
        if answered.code:
            assert answered.err.count("\n") == 1
            assert not (tmp_path / f"{number}.pse").exists()
        else:
            found = pse_file.read((tmp_path / f"{number}.pse").read_bytes())
            assert found.owner == given(0).owner, "what is not signed, such as a friendly name"


def test_a_pse_that_stands_is_never_touched(program: Program, write: Write) -> None:
    program.pse.write_bytes(b"precious")
    own, source = write("own.cer", given(0).owner.der), write("key.pem", pem_key(key()))
    for command in (["import_p8", "-c", own, source], ["import_p12", write("x.p12", p12(given(0)))]):
        said = program.refused(*command, "-p", "client", "-x", "", "-z", PASSWORD)
        assert said == f'{command[0]}: PSE "{program.pse}" already exists\n'
        assert "unrecognized" in program.refused(*command, "-p", "client", "-x", "", "-z", "x", "--force", code=2)
    assert program.pse.read_bytes() == b"precious"


@pytest.mark.parametrize("command", ["import_p12", "import_p8", "export_p12", "export_p8"])
def test_one_file_is_named(program: Program, command: str) -> None:
    more = ["-c", "x"] if command == "import_p8" else []
    for words in ([], ["a", "b"]):
        said = program.refused(command, "-p", "client", "-x", "", *more, *words, code=2)
        assert f"must be named, and {len(words)} are" in said


def test_files_that_are_not_there_are_told(program: Program, write: Write) -> None:
    missing = str(program.folder / "missing")
    for command in (["import_p12", missing], ["import_p8", "-c", "x", missing]):
        said = program.refused(*command, "-p", "client", "-x", "", "-z", "x")
        assert f'"{missing}" does not exist or cannot be read' in said
    source = write("key.pem", pem_key(key()))
    assert "certificate file" in program.refused("import_p8", "-p", "c", "-x", "", "-c", missing, source)
    assert "name its file with -c" in program.refused("import_p8", "-p", "c", "-x", "", source, code=2)


def test_the_suffix_is_appended_where_it_is_missing(program: Program, write: Write) -> None:
    write("mine.p12", p12(given(0)))
    program.done("import_p12", "-p", "client", "-x", "", "-z", PASSWORD, str(program.folder / "mine"))
    for asked, made in (("out", "out.p12"), ("out.pfx", "out.pfx"), ("upper.P12", "upper.P12"), ("out.x", "out.x.p12")):
        program.done("export_p12", "-p", "client", "-x", "", "-z", PASSWORD, str(program.folder / asked))
        assert (program.folder / made).is_file()


# --- export -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def made(program: Program, write: Write) -> Program:
    """Return the program with a PSE without PIN whose owner an authority has signed."""
    program.done("import_p12", "-p", "client", "-x", "", "-z", PASSWORD, write("in.p12", p12(given(2))))
    (program.folder / "in.p12").unlink()
    return program


EXPORTS = pytest.mark.parametrize("command", ["export_p12", "export_p8"])


@POSIX_ONLY
@EXPORTS
@pytest.mark.parametrize("umask", [0, 0o777])
def test_a_key_is_written_for_this_account_alone_from_the_first_byte(
    made: Program, monkeypatch: pytest.MonkeyPatch, command: str, umask: int
) -> None:
    target = made.folder / "out.p12"
    seen: list[int] = []
    write = os.write

    def watched(handle: int, data: bytes) -> int:
        seen.extend(stat.S_IMODE(each.stat().st_mode) for each in made.folder.iterdir() if each.name != "client.pse")
        return write(handle, data)

    for force in ([], ["--force"]):
        monkeypatch.setattr(os, "write", watched)
        before = os.umask(umask)
        try:
            made.done(command, "-p", "client", "-x", "", "-z", "", *force, str(target))
        finally:
            os.umask(before)
            monkeypatch.setattr(os, "write", write)
    assert set(seen) == {0o600}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert {each.name for each in made.folder.iterdir()} == {"client.pse", "out.p12"}


@EXPORTS
def test_a_file_that_stands_is_kept_unless_told_otherwise(made: Program, command: str) -> None:
    target = made.folder / "out.p12"
    target.write_bytes(b"precious")
    target.chmod(0o644)
    said = made.refused(command, "-p", "client", "-x", "", "-z", PASSWORD, str(target))
    assert said == f'{command}: file "{target}" already exists; --force replaces it\n'
    assert target.read_bytes() == b"precious"
    made.done(command, "-p", "client", "-x", "", "-z", PASSWORD, "--force", str(target))
    assert target.read_bytes() != b"precious"
    if sys.platform != "win32":
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


@EXPORTS
@POSIX_ONLY
def test_a_link_is_replaced_and_not_followed(made: Program, command: str) -> None:
    target, precious = made.folder / "out.p12", made.folder / "precious"
    precious.write_bytes(b"precious")
    target.symlink_to(precious)
    assert "already exists" in made.refused(command, "-p", "client", "-x", "", "-z", "", str(target))
    made.done(command, "-p", "client", "-x", "", "-z", "", "--force", str(target))
    assert precious.read_bytes() == b"precious"
    assert not target.is_symlink()
    dangling = made.folder / "dangling.p12"
    dangling.symlink_to(made.folder / "nowhere")
    assert "already exists" in made.refused(command, "-p", "client", "-x", "", "-z", "", str(dangling))
    assert not (made.folder / "nowhere").exists()


def test_the_pse_itself_is_not_replaced_by_its_key(made: Program) -> None:
    before = made.pse.read_bytes()
    said = made.refused("export_p8", "-p", "client", "-x", "", "-z", "", "--force", str(made.pse))
    assert "is the PSE itself" in said
    assert made.pse.read_bytes() == before


NO_SUCH_PLACE = "No such file|cannot find the path|Path not found"
"""What Linux, Windows and Wine say."""


@EXPORTS
def test_a_place_that_cannot_be_written_to_is_told(made: Program, command: str) -> None:
    for target, reason in ((made.folder / "missing" / "x.p12", NO_SUCH_PLACE), (made.folder, "is a folder")):
        (made.folder.with_name(f"{made.folder.name}.p12")).mkdir(exist_ok=True)
        said = made.refused(command, "-p", "client", "-x", "", "-z", "", str(target))
        assert re.search(reason, said) or "already exists" in said
        assert said.count("\n") == 1


@EXPORTS
def test_half_a_file_never_stays(made: Program, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    said = made.refused(command, "-p", "client", "-x", "", "-z", "", str(made.folder / "out.p12"))
    assert "No space left on device" in said
    assert {each.name for each in made.folder.iterdir()} == {"client.pse"}


def test_a_pse_without_a_key_has_none_to_give(program: Program) -> None:
    program.done("gen_verify_pse", "-p", "client", "-x", "")
    for command in ("export_p8", "export_p12"):
        said = program.refused(command, "-p", "client", "-x", "", "-z", "", str(program.folder / "out"))
        assert said == f"{command}: the PSE has no key of its own\n"


def test_a_key_that_is_damaged_is_told(program: Program) -> None:
    objects = [each.der for each in pses.made().objects if each.name != "SKnew"]
    broken = pses.stored_object("SKnew", pses.KEY_OID, pses.tlv(0x30, b"\x05\x00"))
    program.pse.write_bytes(pses.plain_file(*objects, broken))
    said = program.refused("export_p8", "-p", "client", "-x", "", "-z", "", str(program.folder / "out"))
    assert said.startswith("export_p8: the private key cannot be read: damaged")


def test_a_key_stands_nowhere_but_in_the_file_that_was_asked_for(made: Program) -> None:
    """Without a password in one file, with one in another; and in no other file, and in nothing that was said."""
    said = [made.done("export_p8", "-p", "client", "-x", "", "-z", "", str(made.folder / "plain.key"))]
    said.append(made.done("export_p8", "-p", "client", "-x", "", "-z", PASSWORD, str(made.folder / "locked.key")))
    said.append(made.done("export_p12", "-p", "client", "-x", "", "-z", PASSWORD, str(made.folder / "locked.p12")))
    others = (["get_my_name", "-vv"], ["export_own_cert"], ["maintain_pk", "-l"], ["get_my_name", "-v"])
    said.extend(made.done(*command, "-p", "client", "-x", "") for command in others)
    holding = {each.name for each in made.folder.iterdir() if finds_key(each.read_bytes())}
    assert holding == {"client.pse", "plain.key"}
    assert not finds_key("".join(said).encode())
    assert PASSWORD not in "".join(said)
    assert "the private key in it has no password" in said[0]
    assert "no password" not in said[1] + said[2]


# --- PINs and passwords -----------------------------------------------------------------------------------------------


def test_what_is_not_given_is_asked_for_and_never_printed(program: Program, write: Write) -> None:
    source = write("in.p12", p12(given(0)))
    answered = program("import_p12", "-p", "client", source, typed=f"{PASSWORD}\n{SECRET_PIN}\n{SECRET_PIN}\n")
    assert answered.code == 0
    assert answered.err == (
        "Please enter PKCS#12 password: Please enter PSE PIN/Passphrase: Please reenter PSE PIN/Passphrase: "
    )
    target = str(program.folder / "out.key")
    answered = program("export_p8", "-p", "client", target, typed=f"{SECRET_PIN}\nnew\nnew\n")
    assert answered.code == 0
    assert answered.err == (
        "Please enter PSE PIN/Passphrase: Please enter password of the private key: "
        "Please reenter password of the private key: "
    )
    again = program("export_p12", "-p", "client", target, typed=f"{SECRET_PIN}\nnew\nold\n")
    assert (again.code, again.out) == (1, "")
    assert again.err.endswith("export_p12: the two passwords are not the same\n")
    own = write("own.cer", given(0).owner.der)
    assert program("import_p8", "-p", "b", "-x", "", "-c", own, target, typed="new\n").code == 0
    assert "import_p8: no answer" in program("import_p8", "-p", "c", "-c", own, target).err


def test_a_password_typed_at_a_terminal_is_not_shown(
    program: Program, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSWORD, SECRET_PIN, SECRET_PIN])
    monkeypatch.setattr("getpass.getpass", lambda *_: next(answers))
    answered = program("import_p12", "-p", "client", write("in.p12", p12(given(0))), typed=Terminal("never read\n"))
    assert (answered.code, answered.err) == (0, "")
    assert program.read(SECRET_PIN).owner == given(0).owner


@pytest.mark.parametrize("error", [EOFError(), UnicodeDecodeError("ascii", b"\xc3", 0, 1, "ordinal not in range")])
def test_an_answer_that_cannot_be_read_is_told(
    program: Program, write: Write, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr("getpass.getpass", fail)
    answered = program("import_p12", "-p", "client", write("in.p12", p12(given(0))), typed=Terminal())
    assert answered.code == 1
    assert answered.err.count("\n") == 1


@pytest.mark.parametrize("secret", ["1" * 1000, "Größe", "密码🔑", " ", "-x", "a\u00a0b", "„"])
def test_every_pin_and_password_goes_the_way_round(program: Program, write: Write, secret: str) -> None:
    source, target = write("in.p12", p12(given(0), secret)), str(program.folder / "out.p12")
    typed = f"{secret}\n{secret}\n{secret}\n"
    assert program("import_p12", "-p", "client", source, typed=typed).code == 0
    assert program("export_p12", "-p", "client", target, typed=typed).code == 0
    found = pkcs12.load_pkcs12(Path(target).read_bytes(), secret.encode())
    assert found.key is not None
    with pytest.raises(pse_file.WrongPin):
        program.read(f"{secret}?")


@openssl.NEEDED
def test_an_empty_password_is_none(program: Program, write: Write, tmp_path: Path) -> None:
    program.done("import_p12", "-p", "client", "-x", "", "-z", "", write("in.p12", p12(given(2), "")))
    target = program.folder / "out.p12"
    program.done("export_p12", "-p", "client", "-x", "", "-z", "", str(target))
    found, _ = openssl.read_p12(target.read_bytes(), "", tmp_path)
    assert found == der_key(key())
    made = write("openssl.p12", openssl.write_p12(given(0).chain, der_key(key()), "", tmp_path))
    program.done("import_p12", "-p", "b", "-x", "", "-z", "", made)


@pytest.mark.parametrize("option", ["-x", "-z"])
def test_a_name_where_a_secret_belongs_is_one_that_a_shell_has_dropped(program: Program, option: str) -> None:
    own = [option, "CN=topsecret, O=x"]
    words = [] if option == "-x" else [str(program.folder / "x.p12")]
    (program.folder / "x.p12").write_bytes(p12(given(0)))
    command = "gen_verify_pse" if option == "-x" else "import_p12"
    said = program.refused(command, "-p", "client", *own, *words, code=2)
    assert f"{option} has no value, a distinguished name follows; Windows PowerShell" in said
    assert "topsecret" not in said
    said = program.refused("gen_pse", "-p", "client", "-x", "-noreq", "CN=a", code=2)
    assert "-x has no value, -noreq follows" in said


# --- import_own_cert --------------------------------------------------------------------------------------------------


@pytest.fixture
def requested(program: Program, write: Write) -> tuple[Program, tuple[Certificate, ...]]:
    """Return the program with a PSE, and what two authorities have signed for its request."""
    request = x509.load_pem_x509_csr(program.done("gen_pse", "-p", "client", "-x", "", "CN=client").encode())
    program.done("maintain_pk", "-p", "client", "-x", "", "-a", write("a.cer", pses.authorities(1)[0].der))
    issuing = root_authority("Root of clients", NOW, 3000).issue_authority("Issuing", NOW, 2000)
    owner = issuing.issue(request.subject, NOW, 1000, [], key=program.key)
    return program, tuple(Certificate.of(each) for each in (owner.certificate, *owner.issuers))


def test_what_an_authority_has_signed_is_taken(
    requested: tuple[Program, tuple[Certificate, ...]], write: Write
) -> None:
    program, chain = requested
    before = second.dissect(program.pse.read_bytes())
    files = ["-c", write("own.cer", chain[0].der), "-r", write("ca.pem", "".join(c.pem for c in chain[1:]).encode())]
    program.moment = NOW.replace(hour=9)
    said = program.done("import_own_cert", "-p", "client", "-x", "", *files)
    assert said == f'CA-Response successfully imported into PSE "{program.pse}"\n'
    found, after = program.read(), second.dissect(program.pse.read_bytes())
    assert (found.owner, found.owner_path, found.owner_root) == (chain[0], chain[1:2], chain[2])
    for kept in ("SKnew", "PKList"):
        assert after.of(kept).raw == before.of(kept).raw
    told = program.done("get_my_name", "-p", "client", "-x", "").splitlines()
    assert told[told.index("FCPath certificate level #1:") + 2] == "Subject : CN=Issuing, O=pse-preflight"
    again = program.done("import_own_cert", "-p", "client", "-x", "", "-c", files[1], "-r", files[3])
    assert "successfully" in again


def test_a_request_is_made_for_the_key_that_is_there(program: Program, tmp_path: Path) -> None:
    program.done("gen_pse", "-p", "client", "-x", "", "-noreq", "CN=client, O=Firma, C=DE")
    before = program.pse.read_bytes()
    program.done(
        "gen_pse", "-p", "client", "-x", "", "-onlyreq", "-k", "GN-dNSName:a.de", "-r", str(tmp_path / "a.p10")
    )
    request = x509.load_pem_x509_csr((tmp_path / "a.p10").read_bytes())
    owner = program.read().owner
    assert owner is not None
    assert (request.public_key(), request.subject) == (owner.parsed.public_key(), owner.parsed.subject)
    assert request.is_signature_valid
    assert program.done("gen_pse", "-p", "client", "-x", "", "-onlyreq").startswith("-----BEGIN CERTIFICATE REQUEST")
    assert program.pse.read_bytes() == before
    assert "no other" in program.refused("gen_pse", "-p", "client", "-x", "", "-onlyreq", "CN=b", code=2)
    assert "does not exist" in program.refused("gen_pse", "-p", "none", "-x", "", "-onlyreq")
    program.done("gen_verify_pse", "-p", "verify", "-x", "")
    assert "no RSA key" in program.refused("gen_pse", "-p", "verify", "-x", "", "-onlyreq")


def test_the_answer_may_be_a_bundle_or_be_completed_by_the_pse(
    requested: tuple[Program, tuple[Certificate, ...]], write: Write
) -> None:
    program, chain = requested
    pem = "".join(each.pem for each in reversed(chain)).encode()
    program.done("import_own_cert", "-p", "client", "-x", "", "-c", write("all.pem", pem))
    assert program.read().owner_path == chain[1:2]
    program.done("maintain_pk", "-p", "client", "-x", "", "-a", write("ca.pem", chain[1].pem.encode()))
    program.done("import_own_cert", "-p", "client", "-x", "", "-c", write("own.cer", chain[0].der))
    assert program.read().owner_path == chain[1:2]


def test_an_answer_that_does_not_fit_changes_nothing(
    requested: tuple[Program, tuple[Certificate, ...]], write: Write
) -> None:
    program, chain = requested
    before = program.pse.read_bytes()
    own, other = write("own.cer", chain[0].der), write("other.cer", pses.authorities(1)[0].der)
    for files, reason in (
        (["-c", own], "certificate chain is incomplete, need certificate of CN=Issuing"),
        (["-c", own, "-r", write("ca.cer", chain[1].der)], "need certificate of CN=Root of clients"),
        (["-c", other], 'no certificate belongs to the private key (given: "CN=root 0, O=pse-preflight")'),
    ):
        assert reason in program.refused("import_own_cert", "-p", "client", "-x", "", *files)
    assert "name its file with -c" in program.refused("import_own_cert", "-p", "client", "-x", "", code=2)
    assert program.pse.read_bytes() == before
    program.done("gen_verify_pse", "-p", "verify", "-x", "")
    assert "has no key" in program.refused("import_own_cert", "-p", "verify", "-x", "", "-c", own)


def test_the_asn1_of_a_key_is_not_asked_for_its_rounds_for_ever() -> None:
    """The count stops where any key file would long have ended."""
    from pse_preflight.key_stores.bounds import Counted

    counted = Counted()
    counted.look(asn1.tagged(0x30, *[asn1.tagged(0x30, b"\x05\x00" * 50)] * 2_000))
    assert counted.values < 21_000


def test_a_key_file_that_begins_again_and_again_is_looked_at_once(tmp_path: Path, write: Write) -> None:
    """Where each beginning led to the end of the file, this would take hours; so it is done where it can be ended."""
    files = ["-c", write("own.cer", given(0).owner.der), write("key.pem", b"-----BEGIN PRIVATE KEY-----\n" * 400_000)]
    program = "import sys; from pse_preflight.sapgenpse.bundled import console; sys.exit(console())"
    ended = subprocess.run(
        [sys.executable, "-c", program, "import_p8", "-p", "client", "-x", "", *files],
        env={**os.environ, "SECUDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "holds no private key" in ended.stderr
