"""pse-preflight show FILE: what a file is, whose, and what it holds, whatever its name; never a private key."""

import base64
import getpass
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.command import program
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name
from pse_preflight.report.shown import schema as published
from tests.kit import java_stores as stores
from tests.kit import pse_mutations as pses
from tests.kit.opengenpse import Terminal
from tests.kit.places import CHECKOUT
from tests.sapgenpse.test_keys import finds_key, key

SCREEN_COLUMNS = 80
PIN = "Gehe1me Größe"


@cache
def _made(pin: str | None = None) -> bytes:
    """Make a PSE with a key that the searches of the tests know, whose own certificate an authority has signed."""
    authority = root_authority("Root of clients", pses.START, 4000).issue_authority("Issuing CA", pses.START, 3000)
    owned = authority.issue(name.parse("CN=client, O=Firma, C=DE"), pses.START, 4000, [], key=key())
    owner, *path = (Certificate.of(each) for each in (owned.certificate, *owned.issuers))
    trusted = [pses.authorities(1)[0], *path]
    made = pse_file.new(owner, key(), trusted, path=path, time=pses.START, salt=pses.SALT)
    return made.encode(pin)


@pytest.fixture
def show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return what shows files by their content and tells exit code and output; no key may ever be in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def shown(data: bytes | Sequence[bytes], *arguments: str) -> tuple[int, str]:
        contents = [data] if isinstance(data, bytes) else data
        names = [f"file-{number}" for number, _ in enumerate(contents)]
        for each, content in zip(names, contents, strict=True):
            Path(each).write_bytes(content)
        code = program.run(["show", *names, *arguments])
        out, err = capfd.readouterr()
        assert not finds_key((out + err).encode())
        assert PIN not in out + err
        return code, out + err

    return shown


Show = Callable[..., tuple[int, str]]


def _words(text: str) -> str:
    return " ".join(text.split())


def test_a_pse_is_told_with_its_owner_its_key_and_its_list(show: Show) -> None:
    code, text = show(_made())
    words = _words(text)
    assert code == 0
    assert text.startswith("file-0: a PSE (version 2, no PIN, made 2026-01-02 03:04 UTC)\n")
    assert "own certificate, and its issuers:" in words
    assert "subject: CN=client, O=Firma, C=DE" in words
    assert "key: its private key is there, and fits" in words
    assert "certificate list: 3 certificates" in words
    assert "Of the 10 roots that SAP requires a client of its cloud to trust, it holds none." in words
    assert max(map(len, text.splitlines())) <= SCREEN_COLUMNS


def test_who_has_signed_whom_is_drawn(show: Show) -> None:
    _, text = show(_made())
    lines = text.splitlines()
    drawn = lines[lines.index("  certificate list: 3 certificates") + 1 :]
    names = [line for line in drawn if "sha256" not in line][:3]
    assert names == ["    root 0", "    Root of clients", "    └─ Issuing CA"]
    assert drawn[1].startswith("      root, until 2036-12-")


def test_an_issuer_that_is_not_there_is_named_and_an_ended_one_told(show: Show) -> None:
    ended = root_authority("Old Root", pses.START.replace(year=2010), 100)
    alone = ended.issue_authority("Old Issuing CA", pses.START.replace(year=2010), 90)
    code, text = show(Certificate.of(alone.certificate).der)
    assert code == 0
    assert "ENDED 2010-04-02" in text
    assert "signed by CN=Old Root, O=pse-preflight, not here" in text


def test_two_that_have_signed_each_other_are_both_drawn_once(show: Show) -> None:
    one, other = (root_authority(f"Root {each}", pses.START, 4000) for each in "AB")
    pairs = ((one, other), (other, one))
    crossed = [by.issue(of.certificate.subject, pses.START, 3000, [], key=of.key) for of, by in pairs]
    both = [Certificate.of(each.certificate) for each in crossed]
    _, text = show(write_pem(both).encode())
    assert [text.count(each.sha256[:12]) for each in both] == [1, 1]
    assert ", not here" not in text


def _pkcs7() -> bytes:
    from cryptography.hazmat.primitives.serialization import pkcs7

    return pkcs7.serialize_certificates([each.parsed for each in pses.authorities(2)], Encoding.DER)


def _p12() -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"own", pses.owner_key(), pses.owner().parsed, None, BestAvailableEncryption(PIN.encode())
    )


def _pem_key() -> bytes:
    from cryptography.hazmat.primitives.serialization import NoEncryption

    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _credentials() -> bytes:
    fields = [pses.tlv(0x16, each) for each in (b"CN=client", b"", b"/sec/client.pse", b"")]
    return pses.tlv(0x30, pses.tlv(0x30, *fields, pses.tlv(3, b"\0secret")))


KINDS: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "a verify PSE": (
        lambda: pse_file.new(None, None, pses.authorities(2), time=pses.START, salt=pses.SALT).encode(),
        0,
        "can only verify others",
    ),
    "an empty list": (lambda: pses.made().encode(), 0, "Its certificate list is empty: it trusts nobody."),
    "a list of signed parts": (
        lambda: pses.variants()["list without the whole ones"].file,
        0,
        "its fingerprint is not known",
    ),
    "an object that is not known": (lambda: pses.variants()["unknown object"].file, 0, "not known here: Odd_one"),
    "bound to a machine": (lambda: pses.closed_files()["machine-bound"].file, 1, "bound to the machine"),
    "a legacy PSE": (lambda: pses.closed_files()["legacy"].file, 1, "PSE"),
    "base64 of a PSE": (lambda: base64.encodebytes(_made()), 0, "no client reads it as it stands"),
    "hex of a PSE": (lambda: _made().hex().encode(), 0, "decode it: xxd -r -p"),
    "line ends converted": (lambda: _made().replace(b"\n", b"\r\n"), 1, "what it holds was read all the same"),
    "cut": (lambda: _made()[:500], 1, "a PSE that breaks off: 500 of its"),
    "a web page": (lambda: b"<html>", 1, "a web page in place of a download"),
    "empty": (lambda: b"", 1, "an empty file"),
    "PEM": (lambda: write_pem(pses.authorities(2)).encode(), 0, "2 certificates"),
    "DER": (lambda: pses.authorities(1)[0].der, 0, "a certificate (DER)"),
    "PKCS#7": (_pkcs7, 0, "a PKCS#7 file"),
    "JKS": (lambda: stores.jks(stores.trusted("größe", pses.authorities(1)[0].der)), 0, "größe"),
    "JKS with a key": (lambda: stores.jks(stores.private_key("own", [pses.owner()])), 0, "1 private key"),
    "half a JKS": (lambda: stores.jks(stores.trusted("a", pses.owner().der))[:200], 1, "breaks off"),
    "Java's PKCS#12": (lambda: stores.java_pkcs12([("größe", pses.authorities(1)[0])]), 0, "größe"),
    "OpenSSL's PKCS#12": (lambda: stores.plain_pkcs12(pses.authorities(1)), 0, "Java passes over 1"),
    "PKCS#12 with a password": (_p12, 1, "give it with --pin-file"),
    "cred_v2": (_credentials, 0, "keeps a PIN for /sec/client.pse, owner CN=client"),
    "a private key": (_pem_key, 0, "a private key in PEM"),
    "too large": (lambda: bytes(1) + b"x" * (16 << 20), 1, "larger than 16 MiB"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_every_kind_is_told_by_its_content(show: Show, kind: str) -> None:
    make, code, says = KINDS[kind]
    ended, text = show(make())
    assert (ended, says in _words(text)) == (code, True), text
    assert max(map(len, text.splitlines())) <= SCREEN_COLUMNS
    if code:
        assert "new PSE" not in text or kind == "a legacy PSE"


def test_several_files_are_told_and_one_that_is_damaged_makes_it_1(show: Show) -> None:
    code, text = show([_made(), b"<html>", pses.owner().der])
    assert code == 1
    assert [line.partition(":")[0] for line in text.splitlines() if line.startswith("file-")] == [
        "file-0",
        "file-1",
        "file-2",
    ]


def test_a_pse_in_secudir_is_what_may_have_been_meant(
    show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sec").mkdir()
    (tmp_path / "sec" / "client.pse").write_bytes(_made())
    monkeypatch.setenv("SECUDIR", str(tmp_path / "sec"))
    code, text = show([], "client")
    assert (code, f"did you mean {tmp_path / 'sec' / 'client.pse'}?" in text) == (program.MISUSE, True)


def test_a_pattern_that_no_shell_has_expanded_names_files(show: Show) -> None:
    for each in ("b.der", "a.der"):
        Path(each).write_bytes(pses.owner().der)
    code, text = show(pses.owner().der, "*.de?")
    told = [line.partition(":")[0] for line in text.splitlines() if ": a certificate" in line]
    assert (code, told) == (0, ["file-0", "a.der", "b.der"])
    code, text = show(pses.owner().der, "*.none")
    assert (code, "*.none: there is no such file" in text) == (program.MISUSE, True)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="POSIX access rights, and not root's")
def test_a_file_that_may_not_be_read_is_told(show: Show, tmp_path: Path) -> None:
    (tmp_path / "closed").write_bytes(_made())
    (tmp_path / "closed").chmod(0)
    code, text = show(pses.owner().der, "closed")
    assert (code, "closed: a file\n  it cannot be read: Permission denied." in text) == (1, True)


def test_a_file_that_cannot_be_read_is_told(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "file-0" and arguments[:1] == ("rb",):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    code, text = show(b"")
    assert (code, "it cannot be read: Permission denied." in text) == (1, True)


# --- PINs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: _made(PIN), _p12])
def test_a_pin_comes_from_a_file_or_a_variable_by_name(
    show: Show, make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PIN", PIN)
    Path("pin.txt").write_text(f"\ufeff{PIN}\r\nanother line\n", encoding="utf-8", newline="")
    assert show(make())[0] == 1
    for option in ("--pin-env=MY_PIN", "--pin-file=pin.txt"):
        code, text = show(make(), option)
        assert (code, "own certificate" in text) == (0, True), text


def test_a_wrong_pin_is_told(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PIN", "1234")
    code, text = show(_made(PIN), "--pin-env=MY_PIN")
    assert (code, "the PIN that was given is another one" in text) == (1, True)
    assert "1234" not in text


def test_a_pin_is_asked_for_at_a_terminal_without_showing_it(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", Terminal())

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return PIN

    monkeypatch.setattr(getpass, "getpass", typed)
    assert show([_made(PIN), _made()])[0] == 0
    assert asked == ["PIN or password of file-0: "]


def _end_of_input(_: str) -> str:
    raise EOFError


def test_nobody_who_answers_is_no_pin(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", _end_of_input)
    code, text = show(_made(PIN))
    assert (code, "not opened without its PIN" in text) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pin-env=NOT_SET"], "there is no environment variable NOT_SET"),
        (["--pin-file=missing"], "--pin-file: missing cannot be read"),
        (["--pin-file=long"], "longer than 4096 bytes"),
        (["--pin-file=binary"], "no text in UTF-8"),
        (["--pin-file=long", "--pin-env=NOT_SET"], "exclude each other"),
        (["--pin=1234"], "no such option"),
    ],
)
def test_a_pin_that_is_not_there_is_a_misuse(show: Show, arguments: list[str], says: str) -> None:
    Path("long").write_bytes(b"1" * 5000)
    Path("binary").write_bytes(b"\xff\xfe\xfd")
    code, text = show(_made(), *arguments)
    assert (code, says in text, len(text.splitlines())) == (program.MISUSE, True, 1), text


# --- for machines -----------------------------------------------------------------------------------------------------


def test_the_json_is_of_the_published_form(show: Show) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((CHECKOUT / "docs" / "show.schema.json").read_text(encoding="utf-8"))
    assert schema == published()
    code, text = show([make() for make, _, _ in KINDS.values()], "--json")
    told = json.loads(text)
    jsonschema.Draft202012Validator(schema).validate(told)
    assert code == 1
    assert [each["is_read"] for each in told["files"]] == [code == 0 for _, code, _ in KINDS.values()]


def test_the_json_tells_who_has_signed_whom(show: Show) -> None:
    _, text = show(_made(), "--json")
    (told,) = json.loads(text)["files"]
    by_place = [each["name"] for each in told["certificates"]]
    signers = {each["name"]: by_place[each["signed_by"]] for each in told["certificates"]}
    assert signers == {"Issuing CA": "Root of clients", "Root of clients": "Root of clients", "root 0": "root 0"}
    assert [each["name"] for each in told["own"]] == ["client", "Issuing CA", "Root of clients"]
    assert (told["version"], told["has_pin"], told["created"]) == (2, False, "2026-01-02T03:04:05Z")


# --- whatever comes ---------------------------------------------------------------------------------------------------


def _broken(show: Show, data: bytes, steps: int) -> None:
    for at in range(0, len(data), max(1, len(data) // steps)):
        code, text = show([data[:at], data[:at] + bytes([data[at] ^ 0x15]) + data[at + 1 :]])
        assert code in {0, 1}
        assert "Traceback" not in text


@pytest.mark.long
def test_nothing_that_is_broken_ends_in_a_foreign_error(show: Show, samples: Path) -> None:
    for data in (stores.jks(stores.trusted("a", pses.owner().der)), stores.java_pkcs12([("a", pses.owner())], "")):
        _broken(show, data, 6)
    for each in sorted((samples / "pse").glob("*.pse")):
        _broken(show, each.read_bytes(), 2)


@pytest.mark.long
def test_nothing_at_all_that_is_broken_ends_in_a_foreign_error(show: Show, samples: Path) -> None:
    for each in sorted((samples / "pse").rglob("*.pse")):
        _broken(show, each.read_bytes(), 150)


def test_the_largest_of_saps_lists_is_drawn(show: Show, samples: Path) -> None:
    code, text = show((samples / "pse" / "sap-trust-list" / "optional-2024-02-13.pse").read_bytes())
    assert code == 0
    assert "  certificate list: 55 certificates" in text
    assert text.count("sha256") == 55
    assert "it holds 8:" in text
    assert max(map(len, text.splitlines())) <= SCREEN_COLUMNS
    assert ", not here" not in text
