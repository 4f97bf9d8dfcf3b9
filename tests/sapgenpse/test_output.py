import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from hypothesis import given, settings
from hypothesis import strategies as st

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import name as distinguished_name
from pse_preflight.sapgenpse import output
from pse_preflight.sapgenpse.output import ListedCertificate, Listing, OutputUnreadable
from tests.kit.entries import signed_part, whole
from tests.kit.places import SAMPLES

DIGICERT = ListedCertificate(
    sha256="4348a0e9444c78cb265e058d5e8944b4d84f9662bd26db257f8934a443c70161",
    subject="CN=DigiCert Global Root CA, OU=www.digicert.com, O=DigiCert Inc, C=US",
    issuer="CN=DigiCert Global Root CA, OU=www.digicert.com, O=DigiCert Inc, C=US",
    serial=0x083BE056904246B1A1756AC95991C74A,
    not_before=datetime(2006, 11, 10, tzinfo=UTC),
    not_after=datetime(2031, 11, 10, tzinfo=UTC),
)
ANOTHER = ListedCertificate(
    sha256="ab" * 32,
    subject="CN=Issuing CA, O=Example",
    issuer="CN=Root, O=Example",
    serial=1,
    not_before=datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
    not_after=datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
HEADING = ' maintain_pk for PSE "/sec/client.pse"\n'

FIELDS_OF_DIGICERT = """\
 Version:                              3
 Subject:                              CN=DigiCert Global Root CA, OU=www.digicert.com, O=DigiCert Inc, C=US
 Issuer:                               CN=DigiCert Global Root CA, OU=www.digicert.com, O=DigiCert Inc, C=US
 Serial Number:                        08:3B:E0:56:90:42:46:B1:A1:75:6A:C9:59:91:C7:4A
 Validity not before:                  Thu Nov  9 16:00:00 2006 (061110000000Z)
 Validity not after:                   Sun Nov  9 16:00:00 2031 (311110000000Z)
 Public key:                           rsaEncryption (2048 bits)
 Extensions:
  Authority Key Identifier:            03:DE:50:35:56:D1:4C:BB:66:F0:A3:E2:1B:1B:C3:97:B2:3D:D1:55
  Key Usage:                           Critical: digitalSignature keyCertSign cRLSign
 Certificate fingerprint (MD5):        79:E4:A9:84:0D:7D:3A:96:D7:C0:4F:E2:43:4C:89:2E
 Certificate fingerprint (SHA1):       A8:98:5D:3A:65:E5:E5:C4:B2:D7:D6:6D:40:C6:DD:2F:B1:9C:54:36
 Certificate fingerprint (SHA256):     43:48:A0:E9:44:4C:78:CB:26:5E:05:8D:5E:89:44:B4:D8:4F:96:62:BD:26:DB:25:7F:89:34:A4:43:C7:01:61
"""  # noqa: E501 - as it was printed
FIELDS_OF_ANOTHER = f"""\
 Version:                              3
 Subject:                              CN=Issuing CA, O=Example
 Issuer:                               CN=Root, O=Example
 Serial Number:                        01
 Validity not before:                  Fri Dec 31 23:59:59 1999 (991231235959Z)
 Validity not after:                   Fri Dec 31 23:59:59 2049 (491231235959Z)
 Extensions:
  Certificate Policies:
   Element #7:
    Issuer:                            whatever an extension says
    continues here without a colon
  Basic Constraints:                   Critical: CA
 Certificate fingerprint (SHA256):     {":".join(["AB"] * 32)}
"""
ONE = f"{HEADING}PKList:\n{FIELDS_OF_DIGICERT}"
TWO = f"{HEADING}PKList:\n Element #1:\n{FIELDS_OF_DIGICERT} Element #2:\n{FIELDS_OF_ANOTHER}"


Build = Callable[[str], str]


def _each_line(prefix: str) -> Build:
    return lambda text: re.sub(r"(?m)^(?=.)", prefix, text)


WARNING = "!!! WARNING: For security reasons it is recommended to use a PIN/passphrase"
LOCAL_DATE = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4} "
BUILDS: dict[str, Build] = {
    "CR LF": lambda text: text.replace("\n", "\r\n"),
    "CR CR LF": lambda text: text.replace("\n", "\r\r\n"),
    "numbers from 0": lambda text: text.replace("#1:", "#0:").replace("#2:", "#1:"),
    "number without a colon": lambda text: re.sub(r"(Element #[12]):", r"\1", text),
    "no indentation": lambda text: re.sub(r"(?m)^ ", "", text),
    "more indentation": _each_line("   "),
    "tabs": _each_line("\t"),
    "fields deeper than their number": lambda text: re.sub(r"(?m)^ (?! ?Element|maintain)", "   ", text),
    "NotAfter:": lambda text: text.replace("Validity not after:", "NotAfter:"),
    "NotAfter :": lambda text: text.replace("Validity not after:", "NotAfter :"),
    "Validity - NotBefore": lambda text: text.replace("Validity not before:", "Validity  -  NotBefore:"),
    "Serialno": lambda text: text.replace("Serial Number:", "Serialno:"),
    "another local time": lambda text: text.replace("Thu Nov  9 16:00:00 2006", "Fr 10. Nov 01:00:00 2006"),
    "no local time": lambda text: re.sub(LOCAL_DATE, "", text),
    "a prompt": lambda text: f"Please enter PSE PIN/Passphrase: *******\n{text}",
    "a prompt on the same line": lambda text: f"Please enter PSE PIN/Passphrase: {text}",
    "an old prompt on the same line": lambda text: f"Please enter PIN:{text}",
    "a prompt within": lambda text: text.replace(" Issuer:", "Please enter PIN: Issuer:"),
    "a banner": lambda text: f"ACME wrapper 1.0\nVersion: 7\nError reports: see the intranet\n{text}",
    "a heading with a count": lambda text: text.replace("PKList:", "PKList (2 entries):"),
    "no heading": lambda text: text.replace("PKList:\n", "").replace(HEADING, ""),
    "warnings everywhere": lambda text: text.replace("\n", f"\n{WARNING}\n"),
    "empty lines everywhere": lambda text: text.replace("\n", "\n\n"),
    "quoted names": lambda text: re.sub(r"(Subject: +)(.*)", r'\1"\2"', text),
    "lower-case digits": lambda text: text.replace("43:48:A0:E9", "43:48:a0:e9"),
    "digits without colons": lambda text: text.replace("08:3B:E0:56:90:42", "083BE0569042"),
    "no MD5, no SHA1": lambda text: re.sub(r"(?m)^ Certificate fingerprint \((?:MD5|SHA1)\).*\n", "", text),
    "no version": lambda text: re.sub(r"(?m)^ Version: .*\n", "", text),
    "no extensions": lambda text: re.sub(r"(?m)^(?: Extensions|  .*):.*\n", "", text),
    "extensions less deep": lambda text: text.replace(" Extensions:", "Extensions:"),
    "extensions deeper": lambda text: text.replace(" Extensions:", "  Extensions:"),
    "entries not equally deep": lambda text: (
        re.sub(r"(?m)^ (?=.*\n)", "    ", text[: text.index(" Element #2")]) + text[text.index(" Element #2") :]
    ),
    "unknown fields": lambda text: text.replace(" Subject:", " Colour: blue\n SubjectAltName: x\n Subject:"),
}


def transcript(name: str) -> str:
    """Return a published transcript without the comment that names its source."""
    folder = SAMPLES / "transcripts"
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder} (PREFLIGHT_SAMPLES names another place)")
    lines = (folder / f"{name}.txt").read_bytes().decode("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


class TestTranscripts:
    """What was really printed once, by several versions."""

    def test_a_list_of_one(self) -> None:
        text = transcript("maintain_pk_list_1cert__ccl8_hanaclient_2019_linux")
        assert output.parse_listing(text) == Listing((DIGICERT,))

    def test_an_addition(self) -> None:
        text = transcript("maintain_pk_add__ccl8_hanaclient_2019_linux")
        assert output.parse_added(text) == output.Added(total=1, newly=1)
        with pytest.raises(OutputUnreadable, match="without issuer"):
            output.parse_listing(text)

    def test_a_validity(self) -> None:
        owner = output.parse_my_name(transcript("get_my_name_-n_validity__nosso_nopin__hostagent_linux_A"))
        assert owner == output.Owner(
            None, None, datetime(2011, 9, 26, 12, 58, 5, tzinfo=UTC), datetime(2038, 1, 1, 0, 0, 1, tzinfo=UTC)
        )

    def test_a_whole_owner_with_the_issuers_after_it(self) -> None:
        owner = output.parse_my_name(transcript("get_my_name_-l_-v__sapcryptolib_2016_german_wiki"))
        assert owner == output.Owner(
            "CN=Servername.domain.local,O=[Firma],OU=[IT-Abteilung],C=[LAND]",
            "CN=Firma ISSUING CA SAP, C=DE",
            datetime(2016, 3, 11, 13, 0, 57, tzinfo=UTC),
            datetime(2019, 3, 11, 13, 0, 57, tzinfo=UTC),
        )

    def test_a_banner(self) -> None:
        text = transcript("version_banner__8.4.35_linux")
        assert output.parse_version(text) == output.Version("8.4.35", "8.4.35 pl40")

    @pytest.mark.parametrize(
        "name",
        [
            "get_my_name__ERROR_broken_pse",
            "get_my_name__ERROR_no_pse_name_no_cred",
            "seclogin_-l__no_credentials",
            "import_p12__ERROR_incomplete_chain",
            "import_own_cert__sapcryptolib5_windows",
            "gen_pse_prompts__sapcryptolib5_doc",
            "version_banner__8.4.35_linux",
            "hdbclienv.bat__guidance",
        ],
    )
    def test_what_is_no_answer_is_taken_for_none(self, name: str) -> None:
        text = transcript(name)
        for parse in (output.parse_listing, output.parse_added, output.parse_my_name):
            with pytest.raises(OutputUnreadable):
                parse(text)
        assert not output.says_wrong_pin(text)

    def test_a_request_names_its_owner_and_is_no_list(self) -> None:
        text = transcript("get_pse_-v_-r__ccl8_windows")
        expected = "CN=Myserver, OU=0000123456, OU=SAProuter, O=SAP, C=DE"
        assert output.parse_my_name(text) == output.Owner(expected, None, None, None)
        with pytest.raises(OutputUnreadable):
            output.parse_listing(text)


class TestListing:
    """What the builds do differently, one difference at a time."""

    def test_one_certificate_stands_without_a_number(self) -> None:
        assert output.parse_listing(ONE) == Listing((DIGICERT,))

    def test_several_are_told_apart(self) -> None:
        assert output.parse_listing(TWO) == Listing((DIGICERT, ANOTHER))

    @pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS.keys())
    def test_builds_may_differ(self, build: Build) -> None:
        text = build(TWO)
        assert text != TWO
        assert output.parse_listing(text) == Listing((DIGICERT, ANOTHER))

    @pytest.mark.parametrize("character", ["\x85", "\x0b", "\x0c", "\x1c", "\u2028", "\xa0", "\xfc", "\x01"])
    def test_a_name_may_hold_any_character(self, character: str) -> None:
        text = TWO.replace("O=Example", f"O=Ex{character}ample")
        entry = output.parse_listing(text).entries[1]
        assert (entry.issuer, entry.sha256) == (f"CN=Root, O=Ex{character}ample", ANOTHER.sha256)

    def test_a_name_may_end_in_a_character_that_looks_like_a_blank(self) -> None:
        text = TWO.replace("CN=Root, O=Example", "CN=Root, O=Example\x85")
        assert output.parse_listing(text).entries[1].issuer == "CN=Root, O=Example\x85"

    def test_without_fingerprints_serial_number_and_issuer_remain(self) -> None:
        listing = output.parse_listing(re.sub(r" Certificate fingerprint .*\n", "", TWO))
        assert [entry.sha256 for entry in listing.entries] == [None, None]
        assert [entry.serial for entry in listing.entries] == [DIGICERT.serial, 1]
        assert not listing.has_fingerprints
        assert output.parse_listing(TWO).has_fingerprints

    def test_a_year_after_2049_has_four_digits(self) -> None:
        text = TWO.replace("(491231235959Z)", "(20501231235959Z)")
        assert output.parse_listing(text).entries[1].not_after == datetime(2050, 12, 31, 23, 59, 59, tzinfo=UTC)

    @pytest.mark.parametrize(("two", "four"), [("49", 2049), ("50", 1950), ("00", 2000), ("99", 1999)])
    def test_two_digits_of_a_year_mean_1950_to_2049(self, two: str, four: int) -> None:
        text = TWO.replace("(491231235959Z)", f"({two}1231235959Z)")
        assert output.parse_listing(text).entries[1].not_after == datetime(four, 12, 31, 23, 59, 59, tzinfo=UTC)

    def test_with_a_fingerprint_the_rest_may_be_missing(self) -> None:
        text = re.sub(r" (?:Validity|Serial|Issuer|Subject)[^\n]*\n", "", ONE)
        assert output.parse_listing(text) == Listing((ListedCertificate(DIGICERT.sha256, "", "", None, None, None),))

    @pytest.mark.parametrize(
        "field", ["Subject", "Issuer", "Serial Number", "Validity not before", "Validity not after"]
    )
    def test_without_a_fingerprint_nothing_may_be_missing(self, field: str) -> None:
        text = re.sub(rf" (?:Certificate fingerprint \(SHA256\)|{field}):[^\n]*\n", "", ONE)
        with pytest.raises(OutputUnreadable, match="an entry without"):
            output.parse_listing(text)

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (" Element #2:\n", "", "the same field twice"),
            ("Element #2", "Element #3", "not numbered"),
            ("Element #1", "Element #2", "not numbered"),
            (" Element #1:\n", "", "not numbered"),
            ("43:48:A0", "43:48", "SHA-256 fingerprint that is none"),
            ("43:48:A0", "43:48:XX", "SHA-256 fingerprint that is none"),
            ("08:3B:E0", "08:3B:Y0", "serial number that is none"),
            ("Serial Number:                        01", "Serial Number:", "serial number that is none"),
            ("(061110000000Z)", "", "without its UTC time"),
            ("(061110000000Z)", "(061310000000Z)", "a date that is none"),
            ("(061110000000Z)", "(06111000000Z)", "without its UTC time"),
            ("(491231235959Z)", "(00001231235959Z)", "a date that is none"),
        ],
    )
    def test_what_is_contradictory_is_refused_with_its_lines(self, old: str, new: str, reason: str) -> None:
        assert TWO.count(old) == 1
        with pytest.raises(OutputUnreadable, match=reason) as caught:
            output.parse_listing(TWO.replace(old, new))
        assert caught.value.lines

    def test_the_message_is_short_however_long_the_output_is(self) -> None:
        with pytest.raises(OutputUnreadable) as caught:
            output.parse_listing("x" * 100_000 + "\n" + "what is this\n" * 1000)
        assert len(str(caught.value)) < 1500
        assert len(caught.value.lines) > 1000


class TestEmptyListing:
    @pytest.mark.parametrize(
        "text",
        [
            HEADING,
            f"{HEADING}PKList:\n",
            f"{HEADING}PKList:\n\n (no entries)\n",
            f"{HEADING}PKList is empty.\r\n",
            f"{HEADING}\n  nothing to show\n",
            "PKList:\n",
            "maintain_pk: PKList is empty\n",
            "The certificate list does not contain any certificates\n",
            'maintain_pk: PKList not found in PSE "/sec/client.pse"\n',
            ' maintain_pk for PSE "C:\\sec\\CN=x.pse"\nPKList:\n',
            f"ACME wrapper: version 1\n{HEADING}PKList:\n",
            f"Please enter PSE PIN/Passphrase: {HEADING}PKList:\n",
            f"{HEADING}PKList:\n!!! WARNING: For security reasons\n",
        ],
    )
    def test_an_empty_list_has_many_wordings(self, text: str) -> None:
        assert output.parse_listing(text) == Listing(())

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " \r\n\n",
            "Please enter PSE PIN/Passphrase: ",
            "!!! WARNING: the list is empty\n",
            'maintain_pk: Couldn\'t open PSE "/sec/client.pse" (Decoding error)\n',
            'maintain_pk: Couldn\'t open PSE "/sec/empty.pse" (Wrong PIN/Passphrase)\n',
            f'{HEADING}maintain_pk: Couldn\'t open PSE "/sec/client.pse"\n',
            f'maintain_pk: Couldn\'t open PSE "/sec/client.pse"\n{HEADING}',
            "PSE does not exist\n",
            "unrecognized parameters\n",
            f"{HEADING}PKList:\n  1  CN=DigiCert Global Root CA, C=US\n",
            f"{HEADING}PKList:\n  Owner: DigiCert Global Root CA\n",
            f"{HEADING}PKList:\n  Key  08:3B:E0:56:90:42\n",
            f"{HEADING}PKList:\n  (311110000000Z)\n",
            f"{HEADING}PKList:\n-----BEGIN CERTIFICATE-----\n",
            f"{HEADING}PKList:\n{'ab' * 32}\n",
            f"CN=DigiCert Global Root CA\n{HEADING}PKList:\n",
            "some program said something\n",
        ],
    )
    def test_what_may_be_a_list_or_an_error_is_not_an_empty_list(self, text: str) -> None:
        with pytest.raises(OutputUnreadable):
            output.parse_listing(text)


class TestOtherCommands:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (" PKList updated (118 entries total, 1 newly added)\n", output.Added(118, 1)),
            ("pklist UPDATED (1 entries total, 0 newly added)\r\n", output.Added(1, 0)),
            ("maintain_pk: Duplicate certificate\n", output.Added(None, 0)),
            ("the certificate is a DUPLICATE of another", output.Added(None, 0)),
        ],
    )
    def test_an_addition_or_a_duplicate_is_understood(self, text: str, expected: output.Added) -> None:
        assert output.parse_added(text) == expected

    @pytest.mark.parametrize("text", ["", "PKList updated", "PKList updated (one entry)", "file does not exist"])
    def test_anything_else_is_no_addition(self, text: str) -> None:
        with pytest.raises(OutputUnreadable):
            output.parse_added(text)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('get_my_name: Couldn\'t open PSE "x" (Wrong PIN/Passphrase)', True),
            ("wrong pin", True),
            ("Wrong password", True),
            ('get_my_name: Couldn\'t open PSE "/wrong/pins.pse" (Decoding error)', False),
            ("Please enter PSE PIN/Passphrase:", False),
        ],
    )
    def test_a_wrong_pin_is_told_from_other_errors(self, text: str, expected: bool) -> None:
        assert output.says_wrong_pin(text) is expected

    def test_an_owner_may_be_told_as_in_a_list(self) -> None:
        owner = output.parse_my_name(f"MY:\n{'-' * 76}\nCertificate:\n{FIELDS_OF_ANOTHER}\n")
        assert (owner.subject, owner.issuer) == (ANOTHER.subject, ANOTHER.issuer)
        assert (owner.not_before, owner.not_after) == (ANOTHER.not_before, ANOTHER.not_after)

    def test_what_is_told_of_an_issuer_is_not_the_owner_s(self) -> None:
        owner = output.parse_my_name(f"Subject : CN=a\n{'-' * 76}\nFCPath certificate level #1:\n{FIELDS_OF_ANOTHER}")
        assert owner == output.Owner("CN=a", None, None, None)

    def test_an_unreadable_date_of_the_owner_is_refused(self) -> None:
        with pytest.raises(OutputUnreadable, match="without its UTC time"):
            output.parse_my_name("Subject : CN=x\nValidity  -  NotBefore:   Mon Sep 26 07:58:05 2011\n")

    @pytest.mark.parametrize(
        ("text", "program", "library"),
        [
            (
                "SAPGENPSE 8.5.40 (Jan 1 2022)\nCommonCryptoLib (SAPCRYPTOLIB) Version 8.5.40 pl40",
                "8.5.40",
                "8.5.40 pl40",
            ),
            ("Version: nothing to see", None, None),
            ("", None, None),
        ],
    )
    def test_versions_are_read_where_they_stand(self, text: str, program: str | None, library: str | None) -> None:
        assert output.parse_version(text) == output.Version(program, library)


class TestMatching:
    ROOT = Certificate.of(root_authority("Würzburg Root (Class 1)", START, 365).certificate)

    def entry(self, **changes: object) -> ListedCertificate:
        root = self.ROOT
        printed = distinguished_name.text(root.parsed.subject).encode("utf-8").decode("latin-1")
        values = {
            "sha256": None,
            "subject": printed,
            "issuer": printed,
            "serial": root.parsed.serial_number,
            "not_before": root.not_before,
            "not_after": root.not_after,
        }
        return ListedCertificate(**{**values, **changes})  # type: ignore[arg-type] # each change is one field

    def test_a_fingerprint_decides_alone(self) -> None:
        assert self.entry(sha256=self.ROOT.sha256, issuer="", serial=None).is_of(self.ROOT)
        assert not self.entry(sha256="0" * 64).is_of(self.ROOT)

    def test_without_it_serial_number_issuer_and_validity_decide(self) -> None:
        assert self.entry().is_of(self.ROOT)

    @pytest.mark.parametrize(
        "change",
        [
            {"serial": 1},
            {"serial": None},
            {"issuer": "CN=Another Root, O=pse-preflight"},
            {"issuer": ""},
            {"not_before": datetime(2025, 1, 1, tzinfo=UTC)},
            {"not_after": None},
        ],
    )
    def test_one_difference_suffices(self, change: dict[str, object]) -> None:
        assert not self.entry(**change).is_of(self.ROOT)

    @pytest.mark.parametrize(
        ("printed", "expected"),
        [
            ("CN=Starfield Root CA - G2, O=Starfield\\, Inc., SP=Arizona, C=US", True),
            ('C=US, ST=Arizona, O="Starfield, Inc.", CN=Starfield Root CA - G2', True),
            ("C=US,S=Arizona,O=Starfield\\2C Inc.,cn = Starfield Root CA - G2", True),
            ("/C=US/ST=Arizona/O=Starfield, Inc./CN=Starfield Root CA - G2", True),
            ("CN=Starfield Services Root CA - G2, O=Starfield\\, Inc., SP=Arizona, C=US", False),
            ("CN=Starfield Root CA - G2, OU=x, O=Starfield\\, Inc., SP=Arizona, C=US", False),
            ("CN=Starfield Root CA - G2, O=Starfield\\, Inc., SP=Arizona", False),
            ("", False),
        ],
    )
    def test_no_word_of_a_name_is_missing_and_none_too_many(self, printed: str, expected: bool) -> None:
        name = distinguished_name.parse("CN=Starfield Root CA - G2, O=Starfield\\, Inc., SP=Arizona, C=US")
        assert output.names(printed, name) is expected

    @pytest.mark.parametrize(
        ("printed", "expected"),
        [
            ("CN=F\xc5\x91v\xc3\xa1ros Root", True),
            ("CN=F?v?ros Root", True),
            ("CN=Fovaros", False),
            ("CN=Root Fvros", False),
        ],
    )
    def test_of_words_that_are_not_in_ascii_the_plain_parts_are_looked_for(self, printed: str, expected: bool) -> None:
        assert output.names(printed, distinguished_name.parse("CN=F\u0151v\xe1ros Root")) is expected

    def test_an_entry_is_found_in_a_listing(self) -> None:
        listing = Listing((ANOTHER, self.entry()))
        assert listing.find(self.ROOT) is listing.entries[1]
        assert Listing((ANOTHER,)).find(self.ROOT) is None


NOISE = st.sampled_from(
    [
        "",
        "!!! WARNING: x",
        "Please enter PIN:",
        "some words",
        "  nested: value",
        "\x85",
        " Element #1:",
        "PKList:",
        "\r",
    ]
)
CHANGES = st.lists(st.tuples(st.sampled_from(["drop", "repeat", "insert"]), st.integers(0, 60), NOISE), max_size=6)


def _changed(lines: list[str], changes: list[tuple[str, int, str]]) -> list[str]:
    for kind, position, noise in changes:
        index = position % len(lines)
        line = lines[index]
        lines[index : index + 1] = {"drop": [], "repeat": [line, line], "insert": [noise, line]}[kind]
    return lines


@settings(max_examples=400, deadline=None)
@given(CHANGES, st.sampled_from(["\n", "\r\n"]), st.integers(0, len(TWO)))
def test_a_damaged_listing_never_invents_a_certificate(
    changes: list[tuple[str, int, str]], line_end: str, truncated: int
) -> None:
    text = line_end.join(_changed(TWO.splitlines(), changes))
    try:
        listing = output.parse_listing(text[: max(0, len(text) - truncated)])
    except OutputUnreadable:
        return
    told = [entry.sha256 or entry.serial for entry in listing.entries]
    assert set(told) <= {DIGICERT.sha256, DIGICERT.serial, ANOTHER.sha256, ANOTHER.serial}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(TWO) - 1), st.text(max_size=3))
def test_a_garbled_listing_is_read_or_refused(position: int, garbage: str) -> None:
    try:
        listing = output.parse_listing(TWO[:position] + garbage + TWO[position + 1 :])
    except OutputUnreadable:
        return
    assert len(listing.entries) == 2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300) | st.lists(NOISE | st.text(max_size=40), max_size=20).map("\n".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (output.parse_listing, output.parse_added, output.parse_my_name):
        try:
            parse(text)
        except OutputUnreadable:
            continue
    output.parse_version(text)
    output.says_wrong_pin(text)


@pytest.mark.parametrize(
    ("printed", "name"),
    [('"CN=A, O=B"', "CN=A, O=B"), ("CN=A", "CN=A"), ('"', '"'), ('""', ""), ('"CN=A', '"CN=A'), ('CN="A"', 'CN="A"')],
)
def test_quotes_around_a_name_are_none_of_it(printed: str, name: str) -> None:
    fields = FIELDS_OF_ANOTHER.replace("CN=Issuing CA, O=Example", printed)
    assert [each.subject for each in output.parse_listing(f"{HEADING}PKList:\n Element #1:\n{fields}").entries] == [
        name
    ]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "odd"),
        ([" ", "\t"], "odd"),
        ([" a ", "", "b"], "odd: a | b"),
        (["x" * 160 + "y"], f"odd: {'x' * 160}"),
        (list("abcde"), "odd: a | b | c | d | e"),
        (list("abcdefg"), "odd: a | b | c | d | e | (2 more lines)"),
        (list("abcdefghijklm"), "odd: a | b | c | d | e | (8 more lines)"),
    ],
)
def test_a_few_of_the_lines_that_cannot_be_read_are_shown(lines: list[str], text: str) -> None:
    error = OutputUnreadable("odd", lines)
    assert (str(error), error.lines) == (text, tuple(lines))


@pytest.mark.parametrize("stored", [b"one that no strict reader takes", b"another one"])
def test_an_entry_that_no_strict_reader_takes_goes_by_its_fingerprint_alone(stored: bytes) -> None:
    """Number and days of two certificates may be the same."""
    certificate = Certificate.of(root_authority("Root", START, 900).certificate)
    held = replace(whole(certificate), der=stored)
    assert held.certificate is None
    digest = hashlib.sha256(stored).hexdigest()
    days = (certificate.serial_number, certificate.not_before, certificate.not_after)
    for sha256, is_same in ((digest, True), ("0" * 64, False), ("f" * 64, False)):
        assert ListedCertificate(sha256, "", "", *days).is_stored_as(held) is is_same
    assert ListedCertificate(digest, "", "", None, None, None).is_stored_as(held)


def test_an_entry_is_one_of_the_file_by_its_certificate_else_by_number_and_days() -> None:
    certificate, other = (Certificate.of(root_authority("Root", START, 900).certificate) for _ in range(2))
    listed = ListedCertificate(
        certificate.sha256,
        certificate.subject,
        certificate.issuer,
        certificate.serial_number,
        certificate.not_before,
        certificate.not_after,
    )
    assert listed.is_stored_as(whole(certificate))
    assert not replace(listed, sha256=other.sha256).is_stored_as(whole(certificate))
    assert not listed.is_stored_as(whole(other))
    for sha256 in (certificate.sha256, None, other.sha256):
        known = replace(listed, sha256=sha256)
        assert known.is_stored_as(signed_part(certificate))
        assert not known.is_stored_as(signed_part(other))
        for another in (
            replace(known, serial=1),
            replace(known, not_before=certificate.not_after),
            replace(known, not_after=START),
        ):
            assert not another.is_stored_as(signed_part(certificate))


@pytest.mark.parametrize(
    ("printed", "is_same"),
    [
        ("CN=A, O=B, 2.5.4.45=#03020001", True),
        ("CN=A, O=B", True),
        ("O=B, CN=C, OU=A B", True),
        ("CN=A, 2.5.4.45=#03020001", False),
    ],
)
def test_a_name_with_a_value_that_is_no_text_is_known_by_the_others(printed: str, is_same: bool) -> None:
    identifier = x509.NameAttribute(x509.NameOID.X500_UNIQUE_IDENTIFIER, b"\x00\x01", _ASN1Type.BitString)
    name = x509.Name([*distinguished_name.parse("CN=A, O=B"), identifier])
    assert output.names(printed, name) is is_same
