"""The bundled program, by what goes in and what comes out; and that its words are those of SAP's tool where known."""

import dataclasses
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from typing import cast

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pse_preflight.certificate import Certificate, read_pem
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import create, file
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse import bundled, output, tool, wording
from tests.kit import pse_mutations as pses
from tests.kit import pse_second_reader as second
from tests.kit.files import LINKS, is_private
from tests.kit.opengenpse import NOW, Program, Terminal
from tests.kit.places import SAMPLES
from tests.kit.tiers import first

PACIFIC = timezone(timedelta(hours=-8))
ROOTS = [Certificate.of(root_authority(name, NOW, 3650).certificate) for name in ("First Root", "Second Root", "Third")]
DIGICERT = read_pem(
    b"""
-----BEGIN CERTIFICATE-----
MIIDrzCCApegAwIBAgIQCDvgVpBCRrGhdWrJWZHHSjANBgkqhkiG9w0BAQUFADBh
MQswCQYDVQQGEwJVUzEVMBMGA1UEChMMRGlnaUNlcnQgSW5jMRkwFwYDVQQLExB3
d3cuZGlnaWNlcnQuY29tMSAwHgYDVQQDExdEaWdpQ2VydCBHbG9iYWwgUm9vdCBD
QTAeFw0wNjExMTAwMDAwMDBaFw0zMTExMTAwMDAwMDBaMGExCzAJBgNVBAYTAlVT
MRUwEwYDVQQKEwxEaWdpQ2VydCBJbmMxGTAXBgNVBAsTEHd3dy5kaWdpY2VydC5j
b20xIDAeBgNVBAMTF0RpZ2lDZXJ0IEdsb2JhbCBSb290IENBMIIBIjANBgkqhkiG
9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4jvhEXLeqKTTo1eqUKKPC3eQyaKl7hLOllsB
CSDMAZOnTjC3U/dDxGkAV53ijSLdhwZAAIEJzs4bg7/fzTtxRuLWZscFs3YnFo97
nh6Vfe63SKMI2tavegw5BmV/Sl0fvBf4q77uKNd0f3p4mVmFaG5cIzJLv07A6Fpt
43C/dxC//AH2hdmoRBBYMql1GNXRor5H4idq9Joz+EkIYIvUX7Q6hL+hqkpMfT7P
T19sdl6gSzeRntwi5m3OFBqOasv+zbMUZBfHWymeMr/y7vrTC0LUq7dBMtoM1O/4
gdW7jVg/tRvoSSiicNoxBN33shbyTApOB6jtSj1etX+jkMOvJwIDAQABo2MwYTAO
BgNVHQ8BAf8EBAMCAYYwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUA95QNVbR
TLtm8KPiGxvDl7I90VUwHwYDVR0jBBgwFoAUA95QNVbRTLtm8KPiGxvDl7I90VUw
DQYJKoZIhvcNAQEFBQADggEBAMucN6pIExIK+t1EnE9SsPTfrgT1eXkIoyQY/Esr
hMAtudXH/vTBH1jLuG2cenTnmCmrEbXjcKChzUyImZOMkXDiqw8cvpOp/2PV5Adg
06O/nVsJ8dWO41P0jmP6P6fbtGbfYmbW0W5BjfIttep3Sp+dWOIrWcBAI+0tKIJF
PnlUkiaY4IBIqDfv8NZ5YBberOgOzW6sRBc4L0na4UU+Krk2U886UAb3LujEV0ls
YSEY1QSteDwsOoBrp+uvFRTp2InBuThs4pFsiv9kuXclVzDAGySj4dzp30d8tbQk
CAUw7C29C79Fv1C5qfPrmAESrciIxpg0X40KPMbp1ZWVbd4=
-----END CERTIFICATE-----
"""
)[0]
"""The root of the published transcripts."""
Ended = subprocess.CompletedProcess[bytes]
THEOBALD = "CN=COMPUTER.theobald.local, C=DE, S=BW, O=TS, OU=DEV"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return bundled.make_rsa_key(2048)


@pytest.fixture
def program(tmp_path: Path, key: rsa.RSAPrivateKey) -> Program:
    return Program(tmp_path, key)


@pytest.fixture
def made(program: Program) -> Program:
    """Return the program with a PSE without PIN, whose certificate list is empty."""
    program.done("gen_pse", "-p", "client.pse", "-noreq", "-x", "", THEOBALD)
    return program


@pytest.fixture
def pem(tmp_path: Path) -> Callable[..., str]:
    def write(*certificates: Certificate, name: str = "certificates.pem") -> str:
        path = tmp_path / name
        path.write_text("".join(each.pem for each in certificates))
        return str(path)

    return write


def certificate_request(text: str) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(text[text.index("-----BEGIN") :].encode())


class TestGenPse:
    def test_it_makes_a_pse_without_pin_that_holds_what_was_asked(self, program: Program) -> None:
        assert program.done("gen_pse", "-p", "client.pse", "-noreq", "-x", "", THEOBALD) == ""
        made = program.read()
        assert (made.version, made.has_pin, made.created, made.trusted) == (2, False, NOW, ())
        assert made.owner is not None
        assert made.owner.parsed.subject.rfc4514_string() == "CN=COMPUTER.theobald.local,OU=DEV,O=TS,ST=BW,C=DE"
        assert (made.owner.not_before, made.owner.not_after) == (NOW, datetime(2038, 1, 1, 0, 0, 1, tzinfo=UTC))
        assert made.owner.parsed.serial_number == int.from_bytes(bytes(range(1, 17)))
        assert isinstance(made.owner.parsed.signature_hash_algorithm, hashes.SHA256)
        assert file.is_ours(made.owner)
        assert program.bits == [2048]

    def test_the_same_clock_dice_and_key_make_the_same_bytes(self, made: Program, tmp_path: Path) -> None:
        made.done("get_pse", "-noreq", "-x", "", "-p", str(tmp_path / "again"), THEOBALD)
        assert (tmp_path / "again.pse").read_bytes() == made.pse.read_bytes()

    def test_only_this_user_can_read_it(self, program: Program) -> None:
        before = os.umask(0)
        try:
            program.done("gen_pse", "-p", "sub/client", "-noreq", "-x", "", "CN=a")
        finally:
            os.umask(before)
        path = program.folder / "sub" / "client.pse"
        assert all(map(is_private, (path, path.parent)))

    def test_what_it_does_is_told_in_sap_s_words(self, program: Program) -> None:
        lines = program.done("gen_pse", "-v", "-p", "client", "-noreq", "-x", "", "CN=a").splitlines()
        assert lines == [
            f'Got absolute PSE path "{program.pse}".',
            "",
            'Supplied distinguished name: "CN=a"',
            "Creating PSE with format v2 (default)",
            "Generating key (RSA, 2048-bits) ... succeeded.",
            "certificate creation... ok",
            "PSE update... ok",
            "PKRoot... ok",
        ]

    @pytest.mark.parametrize("existing", ["file", "folder", pytest.param("dangling link", marks=LINKS)])
    def test_what_stands_there_is_never_touched(self, program: Program, existing: str) -> None:
        if existing == "file":
            program.pse.write_bytes(b"precious")
        elif existing == "folder":
            program.pse.mkdir()
        else:
            program.pse.symlink_to(program.folder / "elsewhere")
        for command in ("gen_pse", "gen_verify_pse"):
            words = ("CN=a",) if command == "gen_pse" else ()
            said = program.refused(command, "-p", "client", "-x", "", *words)
            assert said == f'{command}: PSE "{program.pse}" already exists\n'
        assert program.bits == []
        assert existing != "file" or program.pse.read_bytes() == b"precious"
        assert not (program.folder / "elsewhere").exists()

    def test_what_appears_meanwhile_is_never_touched(self, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        def appear(_: int) -> rsa.RSAPrivateKey:
            program.pse.write_bytes(b"rival")
            return program.key

        monkeypatch.setattr(program, "_make_key", appear)
        assert "already exists" in program.refused("gen_pse", "-p", "client", "-noreq", "-x", "", "CN=a")
        assert program.pse.read_bytes() == b"rival"

    def test_a_request_goes_to_stdout(self, program: Program) -> None:
        said = program.done("gen_pse", "-p", "client", "-x", "", "-k", "GN-dNSName:a.example", "CN=a")
        request = certificate_request(said)
        assert request.subject.rfc4514_string() == "CN=a"
        assert request.is_signature_valid
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["a.example"]

    def test_or_into_a_new_file(self, program: Program, tmp_path: Path) -> None:
        target = tmp_path / "request.p10"
        said = program.done("gen_pse", "-v", "-p", "client", "-x", "", "-r", str(target), "CN=a")
        assert said.endswith("Generating certificate request... ok.\n")
        assert len(list(certificate_request(target.read_text()).extensions)) == 0
        assert "already exists" in program.refused("gen_pse", "-p", "b", "-x", "", "-r", str(target), "CN=a")

    def test_alternative_names_go_into_the_certificate(self, program: Program) -> None:
        names = ["-k", "GN-dNSName:a.example", "-k", "GN-iPAddress:192.0.2.1", "-k", "GN-dNSName:b.example"]
        program.done("gen_pse", "-p", "client", "-noreq", "-x", "", *names, "CN=a")
        owner = program.read().owner
        assert owner is not None
        found = owner.extension(x509.SubjectAlternativeName)
        assert found is not None
        assert found.get_values_for_type(x509.DNSName) == ["a.example", "b.example"]
        assert found.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.1")]

    @pytest.mark.parametrize(
        "text", ["GN-dNSName:", "GN-dNSName:ä", "GN-iPAddress:x", "GN-rfc822Name:a@b", "a.example"]
    )
    def test_other_alternative_names_are_refused(self, program: Program, text: str) -> None:
        said = program.refused("gen_pse", "-p", "client", "-x", "", "-k", text, "CN=a")
        assert f'alternative name "{text}"' in said

    @pytest.mark.parametrize(
        ("options", "bits", "algorithm"),
        [
            (["-s", "4096"], 4096, "sha256"),
            (["-a", "RSA"], 2048, "sha256"),
            (["-a", "sha256WithRsaEncryption"], 2048, "sha256"),
            (["-a", "sha512WithRSAEncryption", "-s", "3072"], 3072, "sha512"),
            (["-a", "RSA:4096:SHA512"], 4096, "sha512"),
            (["-a", "rsa:3072"], 3072, "sha256"),
            (["-a", "RSA::SHA384"], 2048, "sha384"),
        ],
    )
    def test_sizes_and_hashes_of_rsa(self, program: Program, options: list[str], bits: int, algorithm: str) -> None:
        program.done("gen_pse", *options, "-p", "client", "-noreq", "-x", "", "CN=a")
        owner = program.read().owner
        assert owner is not None
        assert owner.parsed.signature_hash_algorithm is not None
        assert (program.bits, owner.parsed.signature_hash_algorithm.name) == ([bits], algorithm)

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (["-a", "DSA"], "algorithm DSA is not supported, only RSA"),
            (["-a", "ECDSA:P-256"], "algorithm ECDSA:P-256 is not supported, only RSA"),
            (["-a", "RSA:2048:MD5"], "only SHA256, SHA384 and SHA512"),
            (["-a", "md5WithRsaEncryption"], "only SHA256, SHA384 and SHA512"),
            (["-a", "RSA:1024"], "key size 1024 is not supported"),
            (["-s", "512"], "key size 512 is not supported"),
            (["-s", "8193"], "key size 8193 is not supported"),
            (["-s", "\u0662\u0660\u0664\u0668"], "is not supported"),
            (["-s", "9" * 5000], "is not supported"),
            (["-s", "-1"], "key size -1 is not supported"),
        ],
    )
    def test_other_keys_are_refused(self, program: Program, options: list[str], reason: str) -> None:
        assert reason in program.refused("gen_pse", *options, "-p", "client", "-x", "", "CN=a")
        assert list(program.folder.iterdir()) == []

    @pytest.mark.parametrize("words", [["CN=a b,", "O=c,", "C=DE"], ["CN=a b, O=c, C=DE"], ["cn=a b,o=c,c=DE"]])
    def test_a_name_may_be_unquoted_and_stand_before_options(self, program: Program, words: list[str]) -> None:
        program.done("gen_pse", *words, "-p", "client", "-noreq", "-x", "")
        owner = program.read().owner
        assert owner is not None
        assert owner.parsed.subject.rfc4514_string() == "CN=a b,O=c,C=DE"

    @pytest.mark.parametrize("name", ["", "a", "CN=", "XX=a", "C=Germany", "CN=" + "a" * 65])
    def test_a_wrong_name_is_refused(self, program: Program, name: str) -> None:
        assert "Invalid distinguished name" in program.refused("gen_pse", "-p", "c", "-x", "", name or "=")

    def test_pin_and_name_are_asked_for_on_stderr_in_sap_s_order(self, program: Program) -> None:
        answered = program("gen_pse", "-p", "client", "-noreq", typed="secret\nsecret\nCN=typed\n")
        assert (answered.code, answered.out) == (0, "")
        assert answered.err == (
            "Please enter PSE PIN/Passphrase: Please reenter PSE PIN/Passphrase: "
            "get_pse: Distinguished name of PSE owner: "
        )
        with pytest.raises(file.PinNeeded):
            program.read()
        owner = program.read("secret").owner
        assert owner is not None
        assert owner.name == "typed"

    def test_two_empty_answers_make_no_pin(self, program: Program) -> None:
        assert program("gen_pse", "-p", "client", "-noreq", "CN=a", typed="\n\n").code == 0
        assert not program.read().has_pin

    @pytest.mark.parametrize(
        ("typed", "reason"),
        [
            ("", "no answer"),
            ("a\n", "no answer"),
            ("a\nb\n", "the two PINs are not the same"),
            ("\n\n", "no answer"),
            ("\n\n\n", "Invalid distinguished name"),
        ],
    )
    def test_an_answer_that_does_not_come_ends_it(self, program: Program, typed: str, reason: str) -> None:
        answered = program("gen_pse", "-p", "client", typed=typed)
        assert (answered.code, answered.out) == (1, "")
        assert f"gen_pse: {reason}" in answered.err
        assert not program.pse.exists()

    def test_a_pin_typed_at_a_terminal_is_not_shown(self, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        def ask(prompt: str, _: object) -> str:
            asked.append(prompt)
            return "secret"

        monkeypatch.setattr("getpass.getpass", ask)
        answered = program("gen_pse", "-p", "client", "-noreq", "CN=a", typed=Terminal("never read\n"))
        assert (answered.code, answered.err) == (0, "")
        assert asked == ["Please enter PSE PIN/Passphrase: ", "Please reenter PSE PIN/Passphrase: "]
        assert program.read("secret").has_pin

    def test_after_2038_its_certificate_is_still_one(self, program: Program) -> None:
        program.moment = late = datetime(2040, 1, 1, tzinfo=UTC)
        program.done("gen_pse", "-p", "client", "-noreq", "-x", "", "CN=a")
        owner = program.read().owner
        assert owner is not None
        assert owner.not_after > owner.not_before == late


class TestMaintainPk:
    def test_an_addition_is_told_in_sap_s_words(self, made: Program, pem: Callable[..., str]) -> None:
        assert made.done("maintain_pk", "-a", pem(ROOTS[0]), "-p", "client", "-x", "") == (
            f' maintain_pk for PSE "{made.pse}"\n'
            + "-" * 76
            + "\nSubject               :   CN=First Root, O=pse-preflight\n"
            "\n PKList updated (1 entries total, 1 newly added)\n\n"
        )
        assert made.listed() == {ROOTS[0].sha256}

    def test_der_is_read_too(self, made: Program, tmp_path: Path) -> None:
        (tmp_path / "root.crt").write_bytes(ROOTS[0].der)
        made.done("maintain_pk", "-a", str(tmp_path / "root.crt"), "-p", "client", "-x", "")
        assert made.listed() == {ROOTS[0].sha256}

    def test_one_file_may_hold_several(self, made: Program, pem: Callable[..., str]) -> None:
        text = made.done("maintain_pk", "-p", "client", "-x", "", "-m", pem(*ROOTS), "-y")
        assert output.parse_added(text) == output.Added(3, 3)
        assert text.count("Subject ") == 3
        assert made.listed() == {each.sha256 for each in ROOTS}

    def test_several_files_may_be_named(self, made: Program, pem: Callable[..., str]) -> None:
        files = ["-a", pem(ROOTS[0], name="a"), "-a", pem(ROOTS[1], name="b"), "-m", pem(ROOTS[2], name="c"), "-y"]
        assert output.parse_added(made.done("maintain_pk", "-p", "client", "-x", "", *files)) == output.Added(3, 3)

    def test_each_is_asked_for_unless_told_otherwise(self, made: Program, pem: Callable[..., str]) -> None:
        answered = made("maintain_pk", "-p", "client", "-x", "", "-m", pem(*ROOTS), typed="n\ny\n YES \n")
        assert answered.code == 0
        assert answered.err.count("(y/n)") == 3
        assert made.listed() == {each.sha256 for each in ROOTS[1:]}

    def test_a_missing_answer_adds_nothing(self, made: Program, pem: Callable[..., str]) -> None:
        before = made.pse.read_bytes()
        assert made("maintain_pk", "-p", "client", "-x", "", "-m", pem(*ROOTS), typed="y\n").code == 1
        assert made.pse.read_bytes() == before

    def test_a_duplicate_is_told_and_changes_no_byte(self, made: Program, pem: Callable[..., str]) -> None:
        addition = ("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[0]))
        made.done(*addition)
        before = made.pse.read_bytes()
        text = made.done(*addition)
        assert "Duplicate" in text
        assert "PKList updated" not in text
        assert output.parse_added(text) == output.Added(None, 0)
        assert made.pse.read_bytes() == before

    def test_only_what_is_new_is_counted(self, made: Program, pem: Callable[..., str]) -> None:
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[0]))
        text = made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(*ROOTS[:2], ROOTS[1]))
        assert output.parse_added(text) == output.Added(2, 1)

    @pytest.mark.parametrize(
        "content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_a_file_that_cannot_be_read_is_said_not_to_exist(
        self, made: Program, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "x.pem"
        if content is not None:
            path.write_bytes(content)
        before = made.pse.read_bytes()
        said = made.refused("maintain_pk", "-p", "client", "-x", "", "-a", str(path))
        assert said.startswith(f'maintain_pk: certificate file "{path}" does not exist or is no certificate')
        assert made.pse.read_bytes() == before

    def test_an_entry_is_deleted_by_its_number(self, made: Program, pem: Callable[..., str]) -> None:
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(*ROOTS))
        listing = output.parse_listing(made.done("maintain_pk", "-p", "client", "-x", "", "-l"))
        text = made.done("maintain_pk", "-p", "client", "-x", "", "-d", "2")
        assert text.endswith("\n PKList updated (2 entries total, 1 deleted)\n\n")
        assert f"Subject               :   {listing.entries[1].subject}\n" in text
        assert made.listed() == {listing.entries[0].sha256, listing.entries[2].sha256}

    def test_entries_are_deleted_by_a_part_of_the_subject(self, made: Program, pem: Callable[..., str]) -> None:
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(*ROOTS))
        made.done("maintain_pk", "-p", "client", "-x", "", "-d", "cn=Third")
        assert made.listed() == {each.sha256 for each in ROOTS[:2]}
        text = made.done("maintain_pk", "-p", "client", "-x", "", "-d", "pse-preflight")
        assert "(0 entries total, 2 deleted)" in text
        assert made.listed() == set()

    @pytest.mark.parametrize("meant", ["0", "4", "Fourth", "", "-1"])
    def test_what_is_not_there_is_not_deleted(self, made: Program, pem: Callable[..., str], meant: str) -> None:
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(*ROOTS))
        assert "no entry" in made.refused("maintain_pk", "-p", "client", "-x", "", "-d", meant)
        assert len(made.listed()) == 3

    @pytest.mark.parametrize("actions", [[], ["-l", "-a", "x"], ["-d", "1", "-m", "x"]])
    def test_one_action_at_a_time(self, made: Program, actions: list[str]) -> None:
        said = made.refused("maintain_pk", "-p", "client", "-x", "", *actions, code=2)
        assert said == "maintain_pk: one of -a, -m, -d and -l is needed\n"

    def test_an_empty_list_is_said_to_be_empty(self, made: Program) -> None:
        text = made.done("maintain_pk", "-l", "-p", "client", "-x", "")
        assert text == f' maintain_pk for PSE "{made.pse}"\nPKList:\n (no entries)\n'
        assert output.parse_listing(text).entries == ()

    def test_one_entry_has_no_number_and_two_have(self, made: Program, pem: Callable[..., str]) -> None:
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[0]))
        assert "Element" not in made.done("maintain_pk", "-l", "-p", "client", "-x", "")
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[1]))
        lines = made.done("maintain_pk", "-l", "-p", "client", "-x", "").splitlines()
        assert [line for line in lines if "Element" in line] == [" Element #1:", " Element #2:"]

    def test_a_pin_is_asked_for_only_where_there_is_one(self, program: Program, pem: Callable[..., str]) -> None:
        program.done("gen_pse", "-p", "client", "-noreq", "-x", "sécret", "CN=a")
        addition = ("maintain_pk", "-p", "client", "-a", pem(ROOTS[0]))
        answered = program(*addition, typed="sécret\n")
        assert (answered.code, answered.err) == (0, "Please enter PSE PIN/Passphrase: ")
        assert [each.sha256 for each in program.read("sécret").trusted] == [ROOTS[0].sha256]
        for arguments, typed in [((*addition, "-x", ""), ""), (addition, "wrong\n"), ((*addition, "-x", "wrong"), "")]:
            answered = program(*arguments, typed=typed)
            assert answered.code == 1
            assert answered.err.endswith(f'maintain_pk: Couldn\'t open PSE "{program.pse}" (Wrong PIN/Passphrase)\n')
            assert "sécret" not in answered.err + answered.out

    def test_an_addition_of_another_run_is_not_lost(
        self, made: Program, pem: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rewrite = create.rewrite

        def disturbed(path: Path, change: Callable[[bytes], bytes], *, lock_timeout: float) -> None:
            monkeypatch.setattr(create, "rewrite", rewrite)
            made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[1], name="other"))
            rewrite(path, change, lock_timeout=lock_timeout)

        monkeypatch.setattr(create, "rewrite", disturbed)
        text = made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[0]))
        assert "(2 entries total, 1 newly added)" in text
        assert made.listed() == {each.sha256 for each in ROOTS[:2]}

    def test_an_entry_known_by_its_signed_part_only_has_no_fingerprint(
        self, made: Program, pem: Callable[..., str]
    ) -> None:
        signed = sorted(map(pses.tbs, ROOTS[:2]))
        made.pse.write_bytes(pses.plain_file(pses.stored_object("PKList", pses.LIST_OID, pses.tlv(pses.SET, *signed))))
        text = made.done("maintain_pk", "-l", "-p", "client", "-x", "")
        assert "fingerprint (SHA256)" not in text
        listing = output.parse_listing(text)
        assert len(listing.entries) == 2
        assert all(listing.find(each) for each in ROOTS[:2])
        assert listing.find(ROOTS[2]) is None
        before = made.pse.read_bytes()
        assert "Duplicate" in made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(ROOTS[0]))
        assert made.pse.read_bytes() == before

    def test_what_lies_in_the_pool_alone_is_not_listed(self, made: Program) -> None:
        whole = pses.tlv(pses.SET, *(each.der for each in ROOTS))
        made.pse.write_bytes(pses.plain_file(pses.stored_object("CertList", bytes.fromhex("06042b240200"), whole)))
        assert made.listed() == set()

    def test_all_of_mozilla_s_roots_are_added_and_listed_again(self, made: Program) -> None:
        roots = read_pem(Path(certifi.where()).read_bytes())
        made.done("maintain_pk", "-p", "client", "-x", "", "-m", certifi.where(), "-y")
        text = made.done("maintain_pk", "-l", "-p", "client", "-x", "")
        listing = output.parse_listing(text)
        assert sorted(entry.sha256 or "" for entry in listing.entries) == sorted(root.sha256 for root in roots)
        without = output.parse_listing(re.sub(r"(?m)^ Certificate fingerprint .*\n", "", text))
        for root in roots:
            entry, bare = listing.find(root), without.find(root)
            assert entry is not None
            assert bare is not None
            assert dataclasses.replace(entry, sha256=None) == bare
            assert (entry.not_before, entry.not_after) == (root.not_before, root.not_after)
            assert entry.serial == root.serial_number
        assert sum(each.is_of(root) for each in without.entries for root in roots) == len(roots)

    @pytest.mark.long
    def test_the_driver_adds_all_of_them_one_by_one(self, tmp_path: Path) -> None:
        roots = read_pem(Path(certifi.where()).read_bytes())
        made = tool.create_pse(tool.BundledTool(), tmp_path / "client.pse", "CN=a", roots)
        assert {entry.sha256 for entry in made.entries} == {root.sha256 for root in roots}


class TestListsOfSap:
    """The files with certificate lists that SAP publishes, made again by the commands of the program."""

    FILES = ("required-2024-02-13", "required-2024-05-03", "optional-2024-02-13")

    @pytest.mark.parametrize("kind", FILES)
    def test_they_are_made_again_byte_for_byte(
        self, program: Program, samples: Path, pem: Callable[..., str], kind: str
    ) -> None:
        original = (samples / "pse" / "sap-trust-list" / f"{kind}.pse").read_bytes()
        parts = second.dissect(original)
        created = datetime.strptime(parts.created, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        program.moment, program.salt = created, bytes.fromhex(parts.salt)
        given = [Certificate.read(each) for each in second.elements(parts.of("PKList").value)]
        program.done("gen_verify_pse", "-p", "client", "-x", "", "-a", pem(*reversed(given)))
        assert program.pse.read_bytes() == original

        few = ("-a", pem(*given[1::2]))
        program.done("gen_verify_pse", "-p", "again", "-x", "", *few)
        program.done("maintain_pk", "-p", "again", "-x", "", "-y", "-m", pem(*given))
        assert (program.folder / "again.pse").read_bytes() == original

    def test_trust_added_to_a_pse_with_a_key_leaves_the_rest_alone(
        self, made: Program, pem: Callable[..., str]
    ) -> None:
        before = second.dissect(made.pse.read_bytes())
        made.done("maintain_pk", "-p", "client", "-x", "", "-a", pem(*ROOTS))
        after = second.dissect(made.pse.read_bytes())
        assert {each.raw for each in after.objects} - {each.raw for each in before.objects} == {after.of("PKList").raw}
        assert second.elements(after.of("PKList").value) == sorted(each.der for each in ROOTS)
        assert (after.status, sorted(after.names)) == (1, sorted([*before.names, "PKList"]))


class TestOtherCommands:
    def test_a_pse_that_only_verifies(self, program: Program, pem: Callable[..., str]) -> None:
        program.done("gen_verify_pse", "-p", "client", "-x", "", "-a", pem(*ROOTS[:2]))
        made = program.read()
        assert (made.owner, made.private_key()) == (None, None)
        assert program.listed() == {each.sha256 for each in ROOTS[:2]}
        for command in ("get_my_name", "export_own_cert"):
            said = program.refused(command, "-p", "client", "-x", "")
            assert said == f"{command}: the PSE has no certificate of its own\n"

    def test_the_own_certificate_is_handed_out(self, made: Program, tmp_path: Path) -> None:
        owner = made.read().owner
        assert owner is not None
        assert read_pem(made.done("export_own_cert", "-p", "client", "-x", "").encode()) == (owner,)
        target = tmp_path / "own.pem"
        assert made.done("export_own_cert", "-p", "client", "-x", "", "-o", str(target)) == ""
        assert read_pem(target.read_bytes()) == (owner,)
        assert "already exists" in made.refused("export_own_cert", "-p", "client", "-x", "", "-o", str(target))

    def test_the_owner_is_told_in_sap_s_words(self, made: Program) -> None:
        text = made.done("get_my_name", "-v", "-p", "client", "-x", "")
        assert text == (
            f'Opening PSE "{made.pse}"...\n'
            "PSE (v2) open ok.\n"
            "Retrieving my certificate... ok.\n"
            "Getting requested information... ok.\n"
            'No SSO for USER "root"\n'
            f'  with PSE file "{made.pse}"\n'
            "\n"
            "MY Certificate:\n"
            "Subject : CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE\n"
            "Issuer  : CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE\n"
            "Serialno: 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10\n"
            "KeyInfo : RSA, 2048-bit\n"
            "Validity  -  NotBefore:   Wed Mar  4 05:06:07 2026 (260304050607Z)\n"
            "             NotAfter :   Fri Jan  1 00:00:01 2038 (380101000001Z)\n"
        )
        quiet = made.done("get_my_name", "-p", "client", "-x", "")
        assert text.endswith(quiet)
        expected = output.Owner("CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE", None, NOW, None)
        for told in (text, quiet, made.done("get_my_name", "-vv", "-p", "client", "-x", "")):
            owner = output.parse_my_name(told)
            assert (owner.subject, owner.not_before) == (expected.subject, expected.not_before)

    @pytest.mark.parametrize(
        ("part", "last"),
        [
            ("validity", "             NotAfter :   Fri Jan  1 00:00:01 2038 (380101000001Z)"),
            ("Issuer", "Issuer  : CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE"),
            ("subject", "Subject : CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE"),
            ("serialno", "Serialno: 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10"),
            ("keyinfo", "KeyInfo : RSA, 2048-bit"),
        ],
    )
    def test_a_part_of_it_may_be_asked_for(self, made: Program, part: str, last: str) -> None:
        lines = made.done("get_my_name", "-n", part, "-p", "client", "-x", "").splitlines()
        assert lines[:3] == ['No SSO for USER "root"', f'  with PSE file "{made.pse}"', ""]
        assert lines[-1] == last
        assert len(lines) == (5 if part == "validity" else 4)

    def test_an_unknown_part_is_not_told(self, made: Program) -> None:
        assert "-n knows validity" in made.refused("get_my_name", "-n", "colour", "-p", "client", "-x", "", code=2)

    def test_it_says_that_it_is_not_sap_s(self, program: Program) -> None:
        for arguments in ([], ["-h"], ["--help"], ["cryptinfo"], ["gen_pse", "-h"], ["maintain_pk", "-p", "x", "-h"]):
            assert "this is not SAP's sapgenpse" in program.done(*arguments).splitlines()[0]

    def test_every_command_has_a_help(self, program: Program) -> None:
        commands = re.findall(r"(?m)^  (\w+) +\S", program.done("-h"))
        assert set(commands) == {
            *("gen_pse", "get_pse", "gen_verify_pse", "maintain_pk", "get_my_name", "seclogin", "cryptinfo"),
            *("export_own_cert", "import_own_cert", "export_p8", "import_p8", "export_p12", "import_p12"),
        }
        for command in commands:
            assert f"usage: opengenpse {command} " in program.done(command, "-h")

    def test_the_folder_of_the_pses_is_told(self, program: Program) -> None:
        assert f'Environment variable $SECUDIR is defined:\n"{program.folder}"' in program.done("cryptinfo")
        home = "C:\\Users\\me" if sys.platform == "win32" else "/home/me"
        told = program(environ={"HOME": home, "LOCALAPPDATA": home}).out
        assert f'Environment variable $SECUDIR is not defined, the default is:\n"{Path(home, "sec")}"' in told


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["make_pse"], "make_pse: unknown command"),
            (["gen_pse", "-p", "a", "-z"], 'gen_pse: unrecognized parameters "-z"'),
            (["gen_pse", "-p"], 'gen_pse: unrecognized parameters "-p"'),
            (["maintain_pk", "-l", "word"], 'maintain_pk: unrecognized parameters "word"'),
            (["maintain_pk", "\u2013q"], 'maintain_pk: unrecognized parameters "\u2013q" (it holds U+2013)'),
            (["get_my_name"], "get_my_name: no PSE name supplied, no SSO credentials found!"),
            (["get_my_name", "-p", ""], "get_my_name: no PSE name supplied"),
            (["get_my_name", "-p", "a\0b"], "get_my_name: unrecognized parameters"),
        ],
    )
    def test_what_cannot_be_understood_ends_with_2(self, program: Program, arguments: list[str], reason: str) -> None:
        assert program.refused(*arguments, code=2).startswith(reason)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (None, "PSE does not exist"),
            (b"", "Decoding error): it is an empty file; copy or download it again"),
            (b"MIIBCgIBAgMCAQAwggEC", "Decoding error): it is base64 of"),
            (b"\x30\x03\x02\x01\x02", "Decoding error"),
            (bytes.fromhex("3006020201000500"), "Local Protection Storage"),
        ],
    )
    def test_a_pse_that_cannot_be_opened_is_told_why(
        self, program: Program, content: bytes | None, reason: str
    ) -> None:
        if content is not None:
            program.pse.write_bytes(content)
        for command in (["maintain_pk", "-l"], ["get_my_name"], ["export_own_cert"]):
            said = program.refused(*command, "-p", "client", "-x", "")
            assert said.startswith(f'{command[0]}: Couldn\'t open PSE "{program.pse}" (')
            assert reason in said

    def test_a_folder_is_no_pse(self, program: Program) -> None:
        program.pse.mkdir()
        said = program.refused("maintain_pk", "-l", "-p", "client", "-x", "")
        assert said == f'maintain_pk: Couldn\'t open PSE "{program.pse}" (Is a directory)\n'

    def test_what_the_system_refuses_is_one_line(self, program: Program) -> None:
        (program.folder / "file").write_bytes(b"")
        said = program.refused("gen_pse", "-p", "file/client", "-noreq", "-x", "", "CN=a")
        assert said.startswith("gen_pse: ")
        assert said.count("\n") == 1

    @settings(max_examples=150, deadline=None)
    @given(
        st.sampled_from([*bundled.program._COMMANDS, "x"]),
        st.lists(
            st.sampled_from(
                [
                    "-p",
                    "-x",
                    "",
                    "-a",
                    "-l",
                    "-m",
                    "-y",
                    "-d",
                    "-n",
                    "-v",
                    "-k",
                    "-s",
                    "-r",
                    "-o",
                    "-noreq",
                    "-c",
                    "-z",
                    "--force",
                ]
            )
            | st.text(max_size=8),
            max_size=8,
        ),
        st.text(max_size=20),
    )
    def test_no_arguments_bring_it_down(self, command: str, options: list[str], typed: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        code = bundled.run(
            [command, *options],
            environ={"SECUDIR": "/dev/null/sec"},
            stdin=io.StringIO(typed),
            stdout=out,
            stderr=err,
            make_key=_no_key,
        )
        assert code in {0, 1, 2}
        assert bool(err.getvalue()) or code == 0


def _no_key(_: int) -> rsa.RSAPrivateKey:
    raise OSError("no key is made here")


OF_LINUX = cast(Path, PurePosixPath("/home/user/sap/hdbclient/sapcli.pse"))
"""Where the transcripts' PSE was."""


class TestWords:
    """What is printed, held against what SAP's tool was seen to print."""

    def transcript(self, name: str) -> list[str]:
        folder = SAMPLES / "transcripts"
        if not folder.is_dir():
            pytest.skip(f"no samples at {folder} (PREFLIGHT_SAMPLES names another place)")
        return (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()

    def test_a_listing_is_printed_as_by_sap_s_tool(self) -> None:
        expected = self.transcript("maintain_pk_list_1cert__ccl8_hanaclient_2019_linux")[3:]
        entry = TrustedCertificate(DIGICERT.parsed.tbs_certificate_bytes, DIGICERT.der, "PKList")
        printed = wording.listing(OF_LINUX, [entry], PACIFIC)
        # The order of its extensions is that of SAP's tool; ours is that of the certificate.
        assert sorted(printed) == sorted(expected)
        assert [line for line in printed if line[:2] != "  "] == [line for line in expected if line[:2] != "  "]

    def test_an_addition_is_printed_as_by_sap_s_tool(self) -> None:
        expected = self.transcript("maintain_pk_add__ccl8_hanaclient_2019_linux")[3:]
        subject = "CN=DigiCert Global Root CA, OU=www.digicert.com, O=DigiCert Inc, C=US"
        assert wording.updated(OF_LINUX, [subject], 1, 1, "newly added") == expected

    def test_a_validity_is_printed_as_by_sap_s_tool(self) -> None:
        expected = self.transcript("get_my_name_-n_validity__nosso_nopin__hostagent_linux_A")[-2:]
        summer, winter = timezone(timedelta(hours=-5)), timezone(timedelta(hours=-5))
        first = wording.moment(datetime(2011, 9, 26, 12, 58, 5, tzinfo=UTC), summer)
        last = wording.moment(datetime(2038, 1, 1, 0, 0, 1, tzinfo=UTC), winter)
        assert [f"Validity  -  NotBefore:   {first}", f"             NotAfter :   {last}"] == expected

    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            (datetime(1950, 1, 1, tzinfo=UTC), "Sun Jan  1 00:00:00 1950 (500101000000Z)"),
            (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), "Fri Dec 31 23:59:59 2049 (491231235959Z)"),
            (datetime(2050, 1, 1, tzinfo=UTC), "Sat Jan  1 00:00:00 2050 (20500101000000Z)"),
            (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "Fri Dec 31 23:59:59 9999 (99991231235959Z)"),
        ],
    )
    def test_moments(self, moment: datetime, expected: str) -> None:
        assert wording.moment(moment, UTC) == expected

    def test_the_end_of_the_calendar_is_told_in_utc_where_no_local_time_is(self) -> None:
        last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert wording.moment(last, timezone(timedelta(hours=1))) == wording.moment(last, UTC)

    def test_without_utc_dates_are_local(self, made: Program) -> None:
        told = made("get_my_name", "-n", "validity", "-p", "client", "-x", "", environ={"SECUDIR": str(made.folder)})
        assert f"NotBefore:   {wording.moment(NOW, None)}" in told.out
        assert "(260304050607Z)" in told.out

    @pytest.mark.parametrize(
        ("number", "expected"), [(0, "00"), (1, "01"), (255, "FF"), (256, "01:00"), (-1, "FF"), (-129, "FF:7F")]
    )
    def test_serial_numbers(self, number: int, expected: str) -> None:
        assert wording.serial(number) == expected

    def test_a_certificate_that_a_strict_reader_refuses_is_listed_all_the_same(self, tmp_path: Path) -> None:
        odd = ROOTS[0].der.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0277"))
        parts = x509.load_der_x509_certificate(odd).tbs_certificate_bytes
        entry = TrustedCertificate(parts, odd, "PKList")
        assert entry.unreadable
        lines = wording.listing(tmp_path / "client.pse", [entry], UTC)
        assert not any("Public key" in line for line in lines)
        assert [each.sha256 for each in output.parse_listing("\n".join(lines)).entries] == [entry.sha256]

    def test_extensions_and_keys_of_many_kinds(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Zeile\nzwei\x85drei\u2028vier")])
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), True
        )
        builder = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(**usage, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName("a.example"), x509.DNSName("b\nElement #2:"), x509.IPAddress(ip_address("192.0.2.1"))]
                ),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier(None, None, None), critical=False)
            .add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\n Element #2:\n"), critical=True
            )
        )
        certificate = Certificate.of(builder.sign(key, None))
        entry = TrustedCertificate(certificate.parsed.tbs_certificate_bytes, certificate.der, "PKList")
        lines = wording.described(entry, UTC)
        text = "\n".join(lines)
        assert text.count("\n") == len(lines) - 1
        assert not re.search("[\x85\u2028]", text)
        assert " Public key:                           Ed25519\n" in text
        assert " Signature algorithm:                  unknown (1.3.101.112)\n" in text
        assert "  Basic Constraints:                   Critical: no CA\n" in text
        assert "digitalSignature nonRepudiation keyEncipherment dataEncipherment keyAgreement\n" in text
        assert "  Subject Alternative Name:            a.example 192.0.2.1\n" in text
        assert "  Authority Key Identifier:            ...\n" in text
        assert "  1.2.3.4:                             Critical: ...\n" in text
        assert output.parse_listing(text).find(certificate)

    def test_a_path_length_is_told(self) -> None:
        root = root_authority("Root", NOW, 10)
        limited = Certificate.of(root.issue_authority("Limited", NOW, 5, path_length=0).certificate)
        entry = TrustedCertificate(limited.parsed.tbs_certificate_bytes, limited.der, "PKList")
        assert "  Basic Constraints:                   Critical: CA (path length 0)" in wording.described(entry, UTC)

    def test_the_kind_of_a_key_is_told(self) -> None:
        assert wording.key_information(ROOTS[0]) == "ECDSA, 256-bit"


class TestConsole:
    def run(self, *arguments: str, encoding: str = "ascii", stdout: int = subprocess.PIPE) -> Ended:
        program = "import sys; from pse_preflight.sapgenpse.bundled import console; sys.exit(console())"
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": encoding}
        return subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            env=environ,
        )

    @pytest.mark.parametrize(
        ("encoding", "expected"), first(1, [("ascii", b"J\\xfcrgen"), ("utf-8", "J\xfcrgen".encode())])
    )
    def test_it_is_a_program(self, tmp_path: Path, encoding: str, expected: bytes) -> None:
        pse = str(tmp_path / "client.pse")
        assert self.run("gen_pse", "-p", pse, "-noreq", "-x", "", "CN=J\xfcrgen").returncode == 0
        ended = self.run("get_my_name", "-p", pse, "-n", "subject", encoding=encoding)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert b"Subject : CN=" + expected in ended.stdout
        missing = self.run("get_my_name", "-p", pse + "x")
        assert (missing.returncode, missing.stdout) == (1, b"")
        assert b"PSE does not exist" in missing.stderr
        assert b"Traceback" not in missing.stderr

    def test_at_the_end_of_its_input_it_ends(self, tmp_path: Path) -> None:
        ended = self.run("gen_pse", "-p", str(tmp_path / "client.pse"))
        assert ended.returncode == 1
        assert b"the input has ended; where nobody can be asked, give it with -x" in ended.stderr

    @pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
    @pytest.mark.parametrize("arguments", [["-h"], ["maintain_pk", "-l", "-x", ""]])
    def test_a_reader_that_has_gone_is_no_traceback(self, made: Program, arguments: list[str]) -> None:
        made.done("maintain_pk", "-p", "client", "-x", "", "-m", certifi.where(), "-y")
        reading, writing = os.pipe()
        os.close(reading)
        more = ["-p", str(made.pse)] if len(arguments) > 1 else []
        try:
            ended = self.run(*arguments, *more, stdout=writing)
        finally:
            os.close(writing)
        assert (ended.returncode, ended.stderr) == (1, b"")

    def test_an_interruption_is_no_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object, **__: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(bundled.program, "run", interrupted)
        assert bundled.console() == 1


def test_the_reader_shares_no_code_with_the_program_it_reads() -> None:
    read, written = (Path(str(module.__file__)).read_text() for module in (output, wording))
    commands = "".join(each.read_text() for each in Path(str(bundled.__file__)).parent.glob("*.py"))
    imports = re.findall(r"(?m)^(?:from|import) (\S+)", read)
    assert not [each for each in imports if "sapgenpse" in each]
    assert "output" not in re.findall(r"(?m)^(?:from|import) .*", written)
    assert not re.search(r"import.*\boutput\b", commands)


def test_a_certificate_in_der_and_pem_is_one(tmp_path: Path, made: Program) -> None:
    (tmp_path / "a.der").write_bytes(ROOTS[0].parsed.public_bytes(Encoding.DER))
    (tmp_path / "a.pem").write_bytes(b"some words before\n" + ROOTS[0].pem.encode())
    made.done("maintain_pk", "-p", "client", "-x", "", "-a", str(tmp_path / "a.der"))
    assert "Duplicate" in made.done("maintain_pk", "-p", "client", "-x", "", "-a", str(tmp_path / "a.pem"))
