"""The fake of SAP's tool: a program of its own whose switches change what it does; and the whole toolkit with it."""

import ast
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from pse_preflight.conformance import fake
from pse_preflight.pse import file as pse_file
from pse_preflight.sapgenpse import bundled, output, wording
from tests.kit.fake_program import install
from tests.kit.places import CHECKOUT
from tests.kit.pse_mutations import owner_key
from tests.kit.runs import run_checks, run_module, run_result
from tests.kit.servers import serve_tls
from tests.kit.systems import issuers, roots_file, server
from tests.sapgenpse.test_variants import EXPECTED, GIVEN

DOCUMENTATION = CHECKOUT / "docs" / "sapgenpse.md"
WRITTEN, NAME = ("sapgenpse.py", "sapgenpse.cmd") if sys.platform == "win32" else ("sapgenpse", "sapgenpse")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the fake within this process; return exit code, stdout and stderr."""
    monkeypatch.setattr(fake, "make_key", owner_key)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **switches: str) -> tuple[int, str, str]:
        environ = {"SECUDIR": str(tmp_path), "TZ": "UTC", "USER": "tester"}
        code = fake.run(arguments, fake.chosen(switches), environ)
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def made(call: Call, tmp_path: Path) -> Path:
    """Return a PSE that the fake made."""
    assert call("gen_pse", "-p", "a", "-noreq", "-x", "", "CN=a") == (0, "", "")
    return tmp_path / "a.pse"


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    path.write_text("".join(each.pem for each in issuers(server())), encoding="ascii")
    return path


def held(pse: Path, pin: str | None = None) -> int:
    return len(pse_file.read(pse.read_bytes(), pin).trusted)


def test_a_pse_without_suffix_stands_in_secudir_and_can_be_read(made: Path) -> None:
    assert pse_file.read(made.read_bytes()).owner
    if sys.platform != "win32":
        assert made.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("value", "count", "code"), [("first", 1, 0), ("all", 2, 0), ("error", 0, 1)])
def test_several_certificates_in_a_file(call: Call, made: Path, chain: Path, value: str, count: int, code: int) -> None:
    ended, _, _ = call("maintain_pk", "-p", "a", "-x", "", "-a", str(chain), several_in_a_file=value)
    assert (ended, held(made)) == (code, count)


@pytest.mark.parametrize(("switches", "count"), [({}, 0), ({"m_without_y": "silent"}, 2)])
def test_m_asks_unless_it_is_told_not_to(
    call: Call, made: Path, chain: Path, monkeypatch: pytest.MonkeyPatch, switches: dict[str, str], count: int
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\nn\n"))
    call("maintain_pk", "-p", "a", "-x", "", "-m", str(chain), **switches)
    assert held(made) == count


@pytest.mark.parametrize(("first", "number"), [("from_1", "1"), ("from_0", "0")])
def test_d_counts_as_the_list_does(call: Call, made: Path, chain: Path, first: str, number: str) -> None:
    call("maintain_pk", "-p", "a", "-x", "", "-a", str(chain))
    assert call("maintain_pk", "-p", "a", "-x", "", "-d", "7", numbering=first)[0] == 1
    assert call("maintain_pk", "-p", "a", "-x", "", "-d", number, numbering=first)[0] == 0
    assert held(made) == 0


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [("words", 0, "Duplicate"), ("exit_code", 8, "Duplicate"), ("other_words", 0, "DUPLICATE")],
)
def test_a_duplicate_has_many_wordings(call: Call, made: Path, chain: Path, value: str, code: int, text: str) -> None:
    call("maintain_pk", "-p", "a", "-x", "", "-a", str(chain))
    ended, out, err = call("maintain_pk", "-p", "a", "-x", "", "-a", str(chain), duplicate=value)
    assert (ended, text in out + err, held(made)) == (code, True, 1)


def test_a_pse_that_stands(call: Call, made: Path) -> None:
    before = made.read_bytes()
    assert call("gen_pse", "-p", "a", "-noreq", "-x", "", "CN=b")[0] == 1
    assert made.read_bytes() == before
    assert call("gen_pse", "-p", "a", "-noreq", "-x", "", "CN=b", existing_file="overwritten")[0] == 0
    assert made.read_bytes() != before


def test_streams(call: Call, made: Path) -> None:
    arguments = ("maintain_pk", "-p", str(made), "-x", "", "-l")
    _, out, err = call(*arguments)
    assert "PKList" in out
    assert err == ""
    _, out, err = call(*arguments, stream="stderr")
    assert out == ""
    assert "PKList" in err
    _, out, err = call(*arguments, stream="split")
    assert "maintain_pk for PSE" in err
    assert "PKList" in out


def test_a_request_goes_to_stdout_or_into_a_file(call: Call, tmp_path: Path) -> None:
    assert "BEGIN CERTIFICATE REQUEST" in call("gen_pse", "-p", "b", "-x", "", "CN=b")[1]
    assert call("gen_pse", "-p", "c", "-x", "", "-r", "c.p10", "CN=c")[1] == ""
    assert "BEGIN CERTIFICATE REQUEST" in (tmp_path / "c.p10").read_text()


@pytest.mark.parametrize("stdin", ["geheim\ngeheim\nCN=typed\n", "geheim\nother\n"])
def test_it_asks_for_pin_and_name(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stdin: str) -> None:
    typed = tmp_path / "typed"
    typed.write_text(stdin)
    with typed.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        code, _, err = call("gen_pse", "-p", "typed", "-noreq", prompt_line="ended")
    assert "Please reenter PSE PIN/Passphrase: \n" in err
    assert code == (0 if "CN" in stdin else 1)
    if code == 0:
        assert held(tmp_path / "typed.pse", "geheim") == 0
        assert "Wrong PIN" in call("maintain_pk", "-p", "typed", "-x", "", "-l")[2]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("what",), 2, "what is no command"),
        (("maintain_pk", "-z"), 2, "unrecognized parameters"),
        (("gen_pse", "-p", "x", "-x", "", "CN=a", "OU=b"), 2, "unrecognized parameters"),
        (("gen_pse", "-p", "x", "-x", "", "nothing"), 1, "Invalid distinguished name"),
        (("maintain_pk", "-l"), 1, "no PSE name supplied"),
        (("maintain_pk", "-p", "x", "-l"), 5, "Couldn't open PSE"),
        (("get_my_name", "-p", "chain.pem", "-v"), 1, "Decoding error"),
        (("maintain_pk", "-p", "chain.pem", "-l"), 1, "Decoding error"),
        (("seclogin", "-l"), 21, "No SSO credentials available"),
        (("gen_pse", "-p", "no/folder/x", "-noreq", "-x", "", "CN=a"), 1, "No such file"),
    ],
)
@pytest.mark.usefixtures("chain")
def test_what_it_cannot_do(call: Call, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended, _, err = call(*arguments)
    assert ended == code
    assert said in err


def test_a_pse_without_a_key(call: Call, chain: Path, tmp_path: Path) -> None:
    assert call("gen_verify_pse", "-p", "v", "-x", "", "-a", str(chain))[0] == 0
    assert held(tmp_path / "v.pse") == 2
    for command in ("get_my_name", "export_own_cert"):
        assert "no certificate in PSE" in call(command, "-p", "v", "-x", "")[2]


def test_the_own_certificate_can_be_had(call: Call, made: Path, tmp_path: Path) -> None:
    assert "BEGIN CERTIFICATE" in call("export_own_cert", "-p", "a")[1]
    call("export_own_cert", "-p", "a", "-o", "own.pem")
    assert (tmp_path / "own.pem").is_file()
    assert "PSE (v2) open ok." in call("get_my_name", "-p", "a", "-v")[1]
    made.write_bytes(b"damaged")
    assert "Decoding error" in call("get_my_name", "-p", "a")[2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "no JSON object"),
        ('{"hagn": "always"}', "known are"),
        ('{"hang": 1}', "known are"),
    ],
)
def test_a_typing_error_in_the_switches_is_told(tmp_path: Path, content: str, said: str) -> None:
    program = install(tmp_path)
    program.with_name("fake-sapgenpse.json").write_text(content)
    ended = subprocess.run([program, "cryptinfo"], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stdout == ""


def _install(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("pse_preflight.conformance.fake", "--install", *arguments, folder=folder)


def test_it_is_installed_where_one_says(tmp_path: Path) -> None:
    for _ in range(2):
        ended = _install(tmp_path, "with blanks/and ümlaut")
        assert (ended.returncode, ended.stderr) == (0, "")
        program = Path(ended.stdout.rstrip("\n"))
        assert program == tmp_path / "with blanks" / "and ümlaut" / NAME
    program.with_name("fake-sapgenpse.json").write_text('{"version": "5.5.5"}')
    made = [str(program), "gen_pse", "-p", str(tmp_path / "a.pse"), "-noreq", "-x", "", "CN=a"]
    assert subprocess.run(made, capture_output=True, timeout=30, check=False, cwd="/").returncode == 0
    assert held(tmp_path / "a.pse") == 0
    said = subprocess.run([program, "cryptinfo"], capture_output=True, text=True, timeout=30, check=False).stdout
    assert "5.5.5" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "usage: "),
        (("a", "b"), "usage: "),
        (("saps",), "is there already and is another program; name another folder"),
        ((f"saps/{WRITTEN}",), "cannot be written: "),
    ],
)
def test_no_other_program_is_replaced(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    (tmp_path / "saps").mkdir()
    (tmp_path / "saps" / WRITTEN).write_bytes(b"\x7fELF")
    ended = _install(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert says in line
    assert (tmp_path / "saps" / WRITTEN).read_bytes() == b"\x7fELF"


def test_the_file_of_switches_can_be_named(tmp_path: Path) -> None:
    named = tmp_path / "mine.json"
    environ = {"FAKE_SAPGENPSE": str(named)}
    with pytest.raises(fake.SwitchesUnreadable, match="cannot be read"):
        fake.read_switches(tmp_path / "sapgenpse", environ)
    named.write_text(json.dumps({"stream": "split"}))
    assert fake.read_switches(tmp_path / "sapgenpse", environ)["stream"] == "split"
    assert fake.read_switches(tmp_path / "sapgenpse", {})["stream"] == "stdout"


class Stopped(Exception):
    """In place of waiting for ever, or of a crash."""


@pytest.fixture
def transcript(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make, fill, list and misuse PSEs under some switches; return all that can be seen of it."""

    def stopping(how: str) -> Callable[..., None]:
        def stop(*_: object) -> None:
            raise Stopped(how)

        return stop

    for name in ("_hang", "_crash"):
        monkeypatch.setattr(fake, name, stopping(name))
    monkeypatch.setattr("pse_preflight.conformance.fake.time.sleep", stopping("sleep"))
    monkeypatch.setattr("pse_preflight.conformance.fake.os.urandom", lambda count: b"\x01" * count)
    files = {name: tmp_path / f"{name}.pem" for name in ("one", "two")}
    files["one"].write_text(GIVEN[0].pem)
    files["two"].write_text(GIVEN[2].pem + GIVEN[1].pem)
    one, two = map(str, files.values())
    steps = [f"gen_pse -p a -noreq -x , CN=a,{tail}" for tail in ("O=b", "O=c")]
    steps += ["gen_pse -p b -noreq CN=b", "maintain_pk -p a -x , -l", f"maintain_pk -p a -x , -a {one}"]
    steps += ["maintain_pk -p a -l", f"maintain_pk -p a -x , -a {one}", f"maintain_pk -p a -x , -a {two}"]
    steps += [f"maintain_pk -p a -x , -m {two}", f"maintain_pk -p a -y -x , -m {two}", "maintain_pk -p a -x , -l"]
    steps += ["gen_pse -p p -noreq -x pin CN=p", "maintain_pk -p p -x , -l", "get_my_name -p a -x ,", "cryptinfo"]
    steps += ["maintain_pk -p none -x , -l", "maintain_pk -p a -x , -a none.pem"]

    def run(**switches: str) -> list[str]:
        for pse in tmp_path.glob("*.pse"):
            pse.unlink()
        seen = []
        for step in steps:
            monkeypatch.setattr(sys, "stdin", io.StringIO())
            try:
                seen.append(str(call(*(word if word != "," else "" for word in step.split()), **switches)))
            except Stopped as how:
                seen.append(f"stopped: {how}")
            seen[-1] = re.sub(r"NotBefore: .*?Z|Validity not before: .*?Z", "", seen[-1])
        seen += sorted(f"{pse.name}: {pse.stat().st_size}" for pse in tmp_path.glob("*.pse"))
        return seen

    return run


@pytest.mark.long
def test_every_switch_changes_what_can_be_seen(transcript: Callable[..., list[str]]) -> None:
    usual = transcript()
    assert transcript() == usual
    for switch, values in fake.SWITCHES.items():
        seen = {value: transcript(**{switch: value}) for value in values[1:]}
        assert [value for value in seen if seen[value] == usual] == [], switch
        assert len(set(map(str, seen.values()))) == len(seen), switch


def _imports(module: object) -> set[str]:
    """Return the names that a module of this package takes from others of it."""
    tree = ast.parse(Path(str(getattr(module, "__file__", ""))).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{alias.name}" for node in found for alias in node.names}


def test_the_fake_shares_neither_texts_nor_reader_with_the_driver() -> None:
    assert not [each for each in _imports(fake) if ".sapgenpse" in each]
    assert not [each for each in _imports(output) if ".sapgenpse" in each]
    assert "pse_preflight.sapgenpse.wording" in _imports(bundled.showing)
    assert wording.RULE


def test_every_switch_and_every_value_is_documented() -> None:
    page = DOCUMENTATION.read_text(encoding="utf-8")
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.+?) \|", page, re.MULTILINE)}
    for switch, values in fake.SWITCHES.items():
        assert [value for value in values if f"`{value}`" not in rows.get(switch, "")] == [], switch


def test_every_harm_is_documented_with_its_code() -> None:
    page = DOCUMENTATION.read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| `(\w+=\w+)` \|.*\| \[?`?([A-Z_]+)`?", page, re.MULTILINE))
    assert found == EXPECTED


@pytest.mark.long
class TestWholeToolkit:
    """All checks, with the fake as SAP's tool, while the bundled implementation would raise."""

    @pytest.fixture
    def checks(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
        monkeypatch.setenv("HOME", str(pytester.path))
        monkeypatch.setenv("PYTHONPATH", f"{CHECKOUT / 'src'}:{pytester.path}")
        pytester.makepyfile(
            no_bundled="""
            from pse_preflight.sapgenpse import bundled

            def raise_always(*_, **__):
                raise AssertionError("the bundled implementation was asked")

            bundled.run = raise_always
            """
        )

        def run(*options: str, **switches: str) -> pytest.RunResult:
            with ExitStack() as stack:
                port = stack.enter_context(serve_tls(server())).port
                url, roots = f"https://127.0.0.1:{port}", roots_file(pytester.path, server().issuers[-1])
                text = f"systems:\n  SYS:\n    url: {url}\n    roots: {roots}\n    secudir: {pytester.path / 'sec'}\n"
                (pytester.path / "systems.yaml").write_text(text)
                program = install(pytester.path / "exe", **switches)
                chosen = options or ("--engine=sapgenpse", f"--sapgenpse={program}")
                return run_result(run_checks(pytester.path, "-p", "no_bundled", "--system=SYS", *chosen))

        return run

    @pytest.mark.parametrize(
        "switches",
        [
            {"stream": "stderr", "line_ends": "crlf", "sha256": "absent", "numbering": "from_0"},
            pytest.param({}, marks=pytest.mark.long),
        ],
        ids=str,
    )
    def test_it_is_green_and_the_bundled_implementation_is_not_asked(
        self, checks: Callable[..., pytest.RunResult], pytester: pytest.Pytester, switches: dict[str, str]
    ) -> None:
        result = checks(**switches)
        assert result.ret == 0, result.stdout.str()
        assert held(pytester.path / "sec" / "SYS.pse") == len(issuers(server()))

    @pytest.mark.parametrize(
        ("harm", "code"), [({"lie": "adds_nothing"}, "TOOL_FAILED"), ({"lie": "lists_more"}, "TOOL_FAILED")]
    )
    def test_it_is_red_with_the_code(
        self, checks: Callable[..., pytest.RunResult], harm: dict[str, str], code: str
    ) -> None:
        result = checks(**harm)
        assert result.ret == 1
        assert f"{code}: " in result.stdout.str()
        assert "was asked" not in result.stdout.str()

    def test_the_bundled_implementation_would_be_noticed(self, checks: Callable[..., pytest.RunResult]) -> None:
        assert "the bundled implementation was asked" in checks("--engine=bundled").stdout.str()
