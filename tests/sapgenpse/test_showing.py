"""What the bundled program shows of the own certificate and of kept credentials."""

from pathlib import Path

import pytest

from pse_preflight.pse import name
from pse_preflight.sapgenpse import bundled
from tests.kit.opengenpse import Program
from tests.kit.places import SAMPLES
from tests.kit.pse_mutations import INTEGER, SEQUENCE, plain_file, stored_object, tlv
from tests.pse.test_credentials import SECRET, bound, plain

NO_CREDENTIALS = 21


@pytest.fixture(scope="module")
def program_of(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("sec"), bundled.make_rsa_key(2048))
    program.done("gen_pse", "-p", "client", "-noreq", "-x", "", "-k", "GN-dNSName:a.example", "CN=client, C=DE")
    return program


@pytest.fixture
def program(program_of: Program) -> Program:
    (program_of.folder / "cred_v2").unlink(missing_ok=True)
    return program_of


def keep(program: Program, *entries: bytes) -> None:
    (program.folder / "cred_v2").write_bytes(tlv(SEQUENCE, *entries))


class TestSeclogin:
    def test_where_nothing_is_kept_it_says_so_as_sap_s_tool_does(self, program: Program) -> None:
        """The two lines, the stream and the exit code are those of a published transcript."""
        answered = program("seclogin", "-l")
        assert (answered.code, answered.out) == (NO_CREDENTIALS, "")
        assert answered.err == 'running seclogin with USER="root"\nseclogin: No SSO credentials available\n'
        if (SAMPLES / "transcripts").is_dir():
            published = (SAMPLES / "transcripts" / "seclogin_-l__no_credentials.txt").read_text().splitlines()[1:]
            assert answered.err.splitlines() == published
        keep(program)
        assert program("seclogin", "-l").code == NO_CREDENTIALS

    def test_what_is_kept_is_listed_and_nothing_is_called_readable(self, program: Program) -> None:
        keep(
            program,
            plain(b"CN=client, C=DE", str(program.pse).encode()),
            bound(name.parse("CN=other").public_bytes(), "other.pse"),
        )
        answered = program("seclogin", "-l", "-v")
        assert (answered.code, answered.err) == (0, 'running seclogin with USER="root"\n')
        assert answered.out.splitlines() == [
            " 0 (LPS:OFF): CN=client, C=DE",
            f"     {program.pse}",
            " 1 (LPS:ON): CN=other",
            "     other.pse",
            "",
            "NO readable (of 2 matching) SSO-Credentials available (total 2)",
        ]

    def test_what_is_kept_stays_on_its_line(self, program: Program) -> None:
        keep(program, plain(b"CN=x\n 1 (LPS:OFF): CN=y", b"a\x1b[31m.pse"))
        assert program("seclogin", "-l").out.count("\n") == 4

    def test_a_file_that_cannot_be_read_is_told(self, program: Program) -> None:
        (program.folder / "cred_v2").write_bytes(b"\x30\x82\x01")
        answered = program("seclogin", "-l")
        assert answered.code == 1
        assert 'cred_v2" cannot be read: damaged at offset 0' in answered.err

    @pytest.mark.parametrize("arguments", [[], ["-p", "x"], ["-d"]])
    def test_it_makes_and_removes_none(self, program: Program, arguments: list[str]) -> None:
        assert program("seclogin", *arguments).code == 2


class TestMyName:
    def test_without_a_name_the_first_pse_with_credentials_is_meant(self, program: Program) -> None:
        keep(program, plain(b"CN=client", b"client.pse"), plain(b"CN=z", b"other.pse"))
        text = program.done("get_my_name", "-x", "", "-n", "subject")
        assert text == f'SSO for USER "root"\n  with PSE file "{program.pse}"\n\nSubject : CN=client, C=DE\n'
        assert program.done("get_my_name", "-x", "", "-n", "subject", "-p", "client") == text

    def test_credentials_for_another_pse_are_none_for_this_one(self, program: Program) -> None:
        keep(program, plain(b"CN=z", b"other.pse"))
        assert program.done("get_my_name", "-p", "client", "-x", "").startswith('No SSO for USER "root"\n')

    def test_without_both_it_says_what_sap_s_tool_says(self, program: Program) -> None:
        said = program.refused("get_my_name", "-x", "", code=2)
        assert said == "get_my_name: no PSE name supplied, no SSO credentials found!\n"

    @pytest.mark.parametrize("content", [b"", b"hello", tlv(SEQUENCE, tlv(INTEGER, b"\x01"))])
    def test_damaged_credentials_do_not_hide_a_pse_that_needs_none(self, program: Program, content: bytes) -> None:
        (program.folder / "cred_v2").write_bytes(content)
        assert "No SSO" in program.done("get_my_name", "-p", "client", "-x", "")

    @pytest.mark.parametrize(
        ("part", "line"),
        [
            ("SubjectAltName", "SubjectAltName: a.example"),
            ("all", "MY Certificate:"),
            ("ISSUER", "Issuer  : CN=client, C=DE"),
        ],
    )
    def test_parts_are_named_in_any_case(self, program: Program, part: str, line: str) -> None:
        assert line in program.done("get_my_name", "-p", "client", "-x", "", "-n", part).splitlines()

    def test_all_is_what_is_shown_without_it(self, program: Program) -> None:
        plain_text = program.done("get_my_name", "-p", "client", "-x", "")
        assert program.done("get_my_name", "-p", "client", "-x", "", "-n", "all", "-l") == plain_text

    def test_where_there_are_no_alternative_names_it_says_so(self, program: Program) -> None:
        program.done("gen_pse", "-p", "bare", "-noreq", "-x", "", "CN=a")
        text = program.done("get_my_name", "-p", "bare", "-x", "", "-n", "subjectaltname")
        assert text.endswith("SubjectAltName: (none)\n")

    def test_a_path_that_cannot_be_read_does_not_hide_the_rest(self, program: Program, tmp_path: Path) -> None:
        objects = [each.der for each in program.read().objects]
        path = stored_object("FCPath", bytes.fromhex("06052b24020401"), tlv(SEQUENCE, tlv(0x31, SECRET)))
        odd = tmp_path / "odd.pse"
        odd.write_bytes(plain_file(*objects, path))
        assert "Subject" in program.done("get_my_name", "-p", str(odd), "-x", "", "-n", "subject")
        assert "the path of the own certificate cannot be read" in program.refused(
            "get_my_name", "-p", str(odd), "-x", ""
        )
