"""Commands as guides, wikis and mails set them: understood, or named for what is odd about them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import file
from pse_preflight.sapgenpse import bundled
from tests.kit.opengenpse import NOW, Program

EN, EM, MINUS, HARD = "\u2013", "\u2014", "\u2212", "\u2011"
NBSP, NARROW = "\u00a0", "\u202f"
LEFT, RIGHT, LOW = "\u201c", "\u201d", "\u201e"
ROOT = Certificate.of(root_authority("Root", NOW, 3000).certificate)


@pytest.fixture(scope="module")
def program_of(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("sec"), bundled.make_rsa_key(2048))


@pytest.fixture
def program(program_of: Program) -> Program:
    program_of.pse.unlink(missing_ok=True)
    return program_of


def subject(program: Program) -> str:
    owner = program.read().owner
    assert owner is not None
    return owner.parsed.subject.rfc4514_string()


MAKE = ["gen_pse", "-p", "client", "-noreq", "-x", "", "CN=a b, C=DE"]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["gen_pse", f"{EN}p", "client", f"{EN}noreq", f"{EN}x", "", "CN=a b, C=DE"], id="en dashes"),
        pytest.param(["gen_pse", f"{EM}p", "client", f"{MINUS}noreq", f"{HARD}x", "", "CN=a b, C=DE"], id="others"),
        pytest.param([*MAKE[:6], f"CN=a b, C=DE{LEFT}"], id="the German closing quote, which no shell knows"),
        pytest.param([*MAKE[:6], f"{LOW}CN=a", "b,", f"C=DE{LEFT}"], id="German quotes, which no shell keeps together"),
        pytest.param([*MAKE[:6], f"{LEFT}CN=a b, C=DE{RIGHT}"], id="typographic quotes"),
        pytest.param(["gen_pse", "-p", f"{LEFT}client{RIGHT}", "-noreq", "-x", f"{LEFT}{RIGHT}", MAKE[6]], id="empty"),
        pytest.param([f"gen_pse{NBSP}-p{NBSP}client{NBSP}-noreq{NBSP}-x{NBSP}", "CN=a b, C=DE"], id="one word"),
        pytest.param(["gen_pse", f"-p{NBSP}client", f"-noreq{NBSP}", f"{EN}x{NARROW}", "CN=a b, C=DE"], id="tied"),
        pytest.param(
            ["gen_pse", "-p", f"client{NBSP}-noreq", "-x", "", f"CN=a{NBSP}b,{NBSP}C=DE"], id="tied otherwise"
        ),
        pytest.param(["gen_pse", "\ufeff-p", "client\u200b", "-noreq", "-x", "", "CN=a b, C=DE\u200e"], id="unseen"),
    ],
)
def test_what_was_meant_is_done(program: Program, arguments: list[str]) -> None:
    program.done(*arguments)
    assert subject(program) == "CN=a b,C=DE"
    assert not program.read().has_pin


def test_a_name_of_two_words_stays_one_in_typographic_quotes(program: Program) -> None:
    program.done("gen_pse", "-noreq", "-p", f"{LOW}my", "own", f"client.pse{LEFT}", "-x", "", "CN=a")
    assert (program.folder / "my own client.pse").exists()


@pytest.mark.parametrize("dashes", ["--", EM, f"{EN}{EN}", f"-{EN}", f"{EN}-"])
def test_two_dashes_may_have_become_one(program: Program, dashes: str) -> None:
    program.done(*MAKE)
    target = program.folder / "out.key"
    target.write_bytes(b"")
    program.done("export_p8", "-p", "client", "-x", "", "-z", "", f"{dashes}force", str(target))
    assert target.read_bytes().startswith(b"-----BEGIN")


def test_what_maintain_pk_is_given_is_understood_too(program: Program, tmp_path: Path) -> None:
    program.done(*MAKE)
    root = tmp_path / "my root.pem"
    root.write_text(ROOT.pem)
    program.done("maintain_pk", f"{EN}a", f"{LEFT}{root}{RIGHT}", f"{EN}p", "client", f"{EN}x", "")
    assert [each.sha256 for each in program.read().trusted] == [ROOT.sha256]
    assert "Duplicate" in program.done("maintain_pk", f"{EN}p{NBSP}client", "-a", str(root), "-x", "")
    program.done("maintain_pk", "-p", "client", "-x", "", f"{EN}d", f"{LOW}CN=Root,{NBSP}O=pse-preflight{LEFT}")
    assert program.read().trusted == ()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([f"{EN}q"], f'unrecognized parameters "{EN}q" (it holds U+2013)'),
        ([f"-p{NBSP}x", f"q{NBSP}r"], f'unrecognized parameters "q{NBSP}r" (it holds U+00A0)'),
        ([f"{EN}"], f'unrecognized parameters "{EN}" (it holds U+2013)'),
        (["-x", f"{LEFT}secret{RIGHT}"], "the value of -x stands in typographic quotes"),
    ],
)
def test_what_is_not_understood_is_named(program: Program, arguments: list[str], reason: str) -> None:
    said = program.refused("maintain_pk", *arguments, code=2)
    assert reason in said
    assert "secret" not in said


def test_a_command_may_have_a_blank_behind_it(program: Program) -> None:
    assert "this is not SAP's" in program.done(f"cryptinfo{NBSP}")
    assert program.refused(f"cryptinf{NBSP}", code=2).startswith(f"cryptinf{NBSP}: unknown command")


def test_a_pin_is_never_changed(program: Program) -> None:
    """Whatever stands in it; only what stands around it in typographic quotes is asked about."""
    for pin in (f"a{NBSP}b", f"{EN}q", f"it{RIGHT}s", f"{LEFT}half", "-q"):
        program.pse.unlink(missing_ok=True)
        program.done("gen_pse", "-p", "client", "-noreq", "-x", pin, "CN=a")
        assert program.read(pin).has_pin


@pytest.mark.long
class TestPlainLocale:
    """LC_ALL=C, with Python's UTF-8 mode, which it then chooses itself, and without."""

    @pytest.fixture(params=["1", "0"])
    def run(self, request: pytest.FixtureRequest) -> object:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "COV"))}
        environment |= {"LC_ALL": "C", "PYTHONUTF8": request.param, "PYTHONPATH": os.pathsep.join(sys.path)}
        console = "import sys; from pse_preflight.sapgenpse.bundled import console; sys.exit(console())"

        def run_once(*arguments: str, typed: str = "") -> str:
            command = [sys.executable, "-c", console, *arguments]
            ended = subprocess.run(
                [os.fsencode(each) for each in command],
                input=typed.encode(),
                capture_output=True,
                env=environment,
                timeout=60,
                check=False,
            )
            assert ended.returncode == 0, ended.stderr
            return ended.stdout.decode()

        return run_once

    @pytest.mark.skipif(sys.platform == "win32", reason="the locale is POSIX's")
    def test_names_paths_and_pins_with_other_letters_are_what_they_are(self, run: object, tmp_path: Path) -> None:
        assert callable(run)
        folder = tmp_path / "Gr\xf6\xdfe"
        folder.mkdir()
        pse, own = str(folder / "\xfc.pse"), str(folder / "\xf6.pem")
        run("gen_pse", "-p", pse, "-noreq", "-x", "s\xe9cret", "CN=J\xfcrgen, O=M\xfcller")
        found = file.read(Path(pse).read_bytes(), "s\xe9cret")
        assert found.owner is not None
        assert found.owner.parsed.subject.rfc4514_string() == "CN=J\xfcrgen,O=M\xfcller"
        run("export_own_cert", "-p", pse, "-o", own, typed="s\xe9cret\n")
        run("maintain_pk", "-p", pse, "-x", "s\xe9cret", "-a", own)
        run("maintain_pk", "-p", pse, "-x", "s\xe9cret", "-d", "cn=j\xfcrgen")
        assert file.read(Path(pse).read_bytes(), "s\xe9cret").trusted == ()
