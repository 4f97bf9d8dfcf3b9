"""pse-preflight init: what it writes can be read, is honest, and overwrites nothing."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pse_preflight.chain.roots import named_roots
from pse_preflight.client import look as client
from pse_preflight.command import init as initial
from pse_preflight.command import program, systems_file
from pse_preflight.command.invocation import pasteable
from pse_preflight.demo import server as demo
from pse_preflight.endpoint import observation
from pse_preflight.endpoint.model import Endpoint, Limits, Target
from pse_preflight.endpoint.observation import observe
from pse_preflight.landscape.file import read_landscape
from pse_preflight.landscape.select import Surroundings, select
from pse_preflight.landscape.system import Product, System
from pse_preflight.run import server
from tests.kit.shell import paste
from tests.kit.systems import path
from tests.kit.systems import server as issued

HOST = "my401122-api.s4hana.cloud.sap"
SECRET = "Gehe1m!"
DEAD = "https://127.0.0.1:1"


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _read(file: str = "systems.yaml") -> tuple[System, ...]:
    here = Path.cwd()
    around = Surroundings({"HOME": "/home/x"}, here, here, here)
    return select(["all"], read_landscape(here / file, {}), around)


def _read_here() -> tuple[System, ...]:
    here = Path.cwd()
    around = Surroundings({"HOME": str(here)}, here, here, here)
    return select(["all"], read_landscape(here / "systems.yaml", {}), around)


def _ini(text: str) -> str:
    Path("sapnwrfc.ini").write_text(text, encoding="utf-8")
    return "sapnwrfc.ini"


def _init(*arguments: str) -> int:
    """Run the command as the program does: a misuse is one line and exit code 4."""
    return program.run(["init", *arguments])


ROOT = "C:" if sys.platform == "win32" else ""
FULL = f"""\
DEFAULT
TLS_SAPCRYPTOLIB={ROOT}/usr/sap/libsapcrypto.so

DEST=PRD
WSHOST={HOST}
WSPORT=443
ALIAS_USER=XTRACT_ALIAS
PASSWD={SECRET}
TLS_CLIENT_PSE={ROOT}/opt/it's/client.pse
PROXY_HOST=proxy.example.com
PROXY_PORT=3128
PROXY_USER=proxyuser
PROXY_PASSWD={SECRET}

DEST=OLD
ASHOST=old.example.com

DEST=QAS 2
WSHOST=https://qas.example.com
WSPORT=44300
TLS_CLIENT_PSE={ROOT}/sec/qas.pse
"""


def test_a_file_of_the_sdk_becomes_a_file_that_can_be_read() -> None:
    assert _init("--from-ini", _ini(FULL)) == 0
    prd, qas = _read()
    assert (prd.alias, prd.url.host, prd.url.port) == ("PRD", HOST, 443)
    assert prd.pse == Path(f"{ROOT}/opt/it's/client.pse")
    assert str(prd.proxy) == "proxy.example.com:3128"
    assert prd.client is not None
    assert prd.client.library == Path(f"{ROOT}/usr/sap/libsapcrypto.so")
    assert prd.client.ini is not None
    assert (prd.client.ini.file, prd.client.ini.dest) == (Path("sapnwrfc.ini").absolute(), "PRD")
    assert (qas.alias, qas.url.host, qas.url.port) == ("QAS_2", "qas.example.com", 44300)
    assert qas.client is not None
    assert qas.client.ini is not None
    assert qas.client.ini.dest == "QAS 2"
    text = Path("systems.yaml").read_text(encoding="utf-8")
    assert "left out, since it has no WSHOST: OLD" in text
    assert text.count("    # required_roots: sap ") == 1, "for the host of SAP's cloud, and for no other"
    assert "the proxy wants a login" in text
    assert not [each for each in (SECRET, "proxyuser", "XTRACT_ALIAS") if each in text]


def test_what_is_written_from_a_destination_agrees_with_it() -> None:
    _init("--from-ini", _ini(FULL.replace("PROXY_USER=proxyuser\n", "")))
    seen = client.look(_read()[0], pse_is_there=False)
    assert seen is not None
    assert "CLIENT_INI_DIFFERS" not in [each.code for each in seen.findings]


def test_names_that_systems_yaml_does_not_allow_become_others() -> None:
    text = "".join(
        f"DEST={name}\nWSHOST=a{n}.example.com\n\n" for n, name in enumerate(["demo", "PRD", "prd", "ä#", ""])
    )
    assert _init("--from-ini", _ini(text)) == 0
    assert {each.alias for each in _read()} == {"demo-2", "PRD", "prd-2", "__", "system"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DEST=OLD\nASHOST=x\n", "no destination with WSHOST"),
        ("", "no destination with WSHOST"),
        ("DEST=A\nWSHOST=<host>\n", "DEST=A: WSHOST cannot be read"),
        ("DEST=A\nWSHOST=a.example.com\nTLS_CLIENT_PSE=/a\x07b\n", "control character"),
    ],
)
def test_a_file_from_which_nothing_can_be_made_is_told(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init("--from-ini", _ini(text)) == program.MISUSE
    assert says in capsys.readouterr().err
    assert not Path("systems.yaml").exists()


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("--from-ini", "none.ini") == program.MISUSE
    assert capsys.readouterr().err == "ERROR: none.ini cannot be read: No such file or directory\n"


@pytest.mark.parametrize("source", [["--from-ini", "sapnwrfc.ini"], [f"https://{HOST}"]])
def test_nothing_is_overwritten_and_nothing_is_asked_before(
    source: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _ini(FULL)
    Path("systems.yaml").write_text("mine", encoding="utf-8")
    monkeypatch.setattr(observation, "observe", None)
    assert _init(*source) == program.MISUSE
    assert "is there already and is not overwritten" in capsys.readouterr().err
    assert Path("systems.yaml").read_text(encoding="utf-8") == "mine"


def test_a_file_that_appears_meanwhile_wins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def appear(*_: object) -> list[systems_file.SystemBlock]:
        Path("systems.yaml").write_text("theirs", encoding="utf-8")
        return [systems_file.SystemBlock("PRD", ("url: ours.example.com",))]

    monkeypatch.setattr(initial, "_from_ini", appear)
    assert _init("--from-ini", "x") == program.MISUSE
    assert "has appeared meanwhile" in capsys.readouterr().err
    assert Path("systems.yaml").read_text(encoding="utf-8") == "theirs"


def test_a_folder_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("--from-ini", _ini(FULL), "--output", "none/systems.yaml") == program.MISUSE
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("closed", [False, True], ids=["missing", "closed"])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, closed: bool
) -> None:
    monkeypatch.setattr(observation, "observe", None)
    if closed:
        Path("none").mkdir()
        monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write everywhere
    assert _init(f"https://{HOST}", "--output", "none/systems.yaml") == program.MISUSE
    why = "Permission denied" if closed else "No such file or directory"
    assert capsys.readouterr().err == f"ERROR: {Path('none', 'systems.yaml')} cannot be written: {why}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["https://a.example.com", "--from-ini", "x"],
        ["--unknown"],
        ["--from-ini"],
        ["https://a.example.com", "--proxy=https://user:Gehe1m!@p:1"],
    ],
)
def test_a_misuse_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(*arguments) == program.MISUSE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ERROR: ")
    assert SECRET not in line


def test_a_mistyped_option_is_told_which_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("--apend", "https://a.example.com") == program.MISUSE
    assert "--apend: no such option; did you mean --append?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "says"), [("http://a.example.com", "runs over TLS only"), ("https://", "cannot be read: there is no host")]
)
def test_a_url_that_cannot_be_asked_is_told(url: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(url) == program.MISUSE
    assert says in capsys.readouterr().err
    assert not Path("systems.yaml").exists()


@pytest.fixture
def served() -> Iterator[Callable[[str], str]]:
    """Return what starts a server of the demo and tells its URL."""
    kept: list[demo.Described] = []

    def start(scenario: str) -> str:
        described = demo.describe(scenario, Path(f"served-{len(kept)}").absolute())
        described.start()
        kept.append(described)
        return str(described.keys["url"])

    yield start
    kept.clear()


def test_a_system_with_its_own_authority_is_described_and_its_root_is_not_trusted(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(served("root-sent")) == 0
    (system,) = _read()
    assert (system.url.host, system.roots, system.pinned) == ("localhost", "auto", ())
    text = Path("systems.yaml").read_text(encoding="utf-8")
    assert "# seen: TLSv1.2, 3 certificates sent" in text
    assert '# pinned: ["sha256:' in text
    assert "ROOT_UNTRUSTED" in text
    assert "you have compared" in text
    said = capsys.readouterr().out
    assert "TLSv1.2, 3 certificates sent" in said
    assert "The chain is not good." in said
    assert f"next: {pasteable('check', 'localhost')}\n" in said


def test_a_public_authority_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch, served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = served("")
    own = named_roots(str(Path("served-0/demo-authority/root.pem")))
    monkeypatch.setattr(server, "named_roots", lambda _: own)
    assert _init(url) == 0
    (system,) = _read()
    assert system.roots == "mozilla"
    assert "# its root: " in Path("systems.yaml").read_text(encoding="utf-8")
    said = capsys.readouterr().out
    assert "The chain is good: it is valid, is for localhost" in said
    assert 'Its root: "Demo Root CA", until ' in said


def test_a_system_that_does_not_answer_is_told_and_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(DEAD) == 1
    assert not Path("systems.yaml").exists()
    said = capsys.readouterr().out
    assert "PORT_REFUSED: 127.0.0.1:1 refuses the connection" in said
    assert "has been written" not in said
    assert f"  {pasteable('init', DEAD)}\n" in said


def test_of_several_systems_those_that_answer_are_written(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(served("root-sent"), DEAD, served("wrong-host")) == 1
    assert [each.alias for each in _read()] == ["localhost", "localhost-2"]
    said = capsys.readouterr().out
    assert "not written: 127.0.0.1, it could not be asked" in said
    assert f"  {pasteable('init', '--append', DEAD)}\n" in said
    assert f"next: {pasteable('check', 'localhost', 'localhost-2')}\n" in said


def _silent(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observe(Target("127.0.0.1", 1), Limits(), _now)
    monkeypatch.setattr(observation, "observe", lambda *_: seen)


def test_for_the_host_for_people_the_api_host_is_proposed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _silent(monkeypatch)
    assert _init("https://my401122.s4hana.cloud.sap") == 1
    assert not Path("systems.yaml").exists()
    said = capsys.readouterr().out
    assert "URL_UI_HOST: my401122.s4hana.cloud.sap is the host for people" in said
    assert f"the API URL is:\n  {pasteable('init', f'https://{HOST}')}\n" in said


def test_a_cloud_host_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = observe(Target("127.0.0.1", 1), Limits(), _now)
    leaf = path(issued())[0].der
    monkeypatch.setattr(observation, "observe", lambda *_: replace(shown, failure=None, presented=(leaf,)))
    assert _init(f"https://{HOST}") == 0
    (system,) = _read()
    assert (system.alias, system.url.host, system.roots) == ("my401122", HOST, "auto")
    assert not system.adds_saps_roots
    assert "\n    # required_roots: sap " in Path("systems.yaml").read_text(encoding="utf-8")
    assert "in SAP's cloud" in Path("systems.yaml").read_text(encoding="utf-8")


def test_a_database_of_hana_cloud_is_described_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = observe(Target("127.0.0.1", 1), Limits(), _now)
    asked: list[Target] = []

    def ask(target: Target, *_: object) -> Endpoint:
        asked.append(target)
        return replace(shown, failure=None, presented=(path(issued())[0].der,))

    monkeypatch.setattr(observation, "observe", ask)
    assert _init("https://7a1b-c2d3.hna0.prod-eu10.hanacloud.ondemand.com") == 0
    (system,) = _read_here()
    assert [each.speaks_http for each in asked] == [False]
    assert (system.serves, system.pse.name, system.url_findings) == ("sql", "sapcli.pse", ())
    assert "URL_UNUSUAL" not in Path("systems.yaml").read_text(encoding="utf-8")


def test_a_proxy_is_asked_through_and_written_without_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = observe(Target("127.0.0.1", 1), Limits(), _now)
    asked: list[Target] = []

    def ask(target: Target, *_: object) -> Endpoint:
        asked.append(target)
        return replace(shown, failure=None, presented=(path(issued())[0].der,))

    monkeypatch.setattr(observation, "observe", ask)
    assert _init(f"https://{HOST}", f"--proxy=http://me:{SECRET}@proxy.example.com:3128") == 0
    assert [str(each.proxy) for each in asked] == ["proxy.example.com:3128"]
    (system,) = _read()
    assert str(system.proxy) == "proxy.example.com:3128"
    text = Path("systems.yaml").read_text(encoding="utf-8")
    assert "the proxy wants a login" in text
    assert SECRET not in text


@pytest.mark.parametrize(("windows", "secudir"), [(False, "'/opt/xtract/sec'"), (True, r"'C:\ProgramData\xtract\sec'")])
def test_the_paths_to_fill_in_are_those_of_this_system(
    monkeypatch: pytest.MonkeyPatch, served: Callable[[str], str], *, windows: bool, secudir: str
) -> None:
    monkeypatch.setattr(initial, "WINDOWS", windows)
    assert _init(served("root-sent")) == 0
    text = Path("systems.yaml").read_text(encoding="utf-8")
    assert f"# secudir: {secudir}  #" in text
    assert ("/opt/" in text, "C:" in text) == (not windows, windows)
    read_landscape(_uncommented(text), {})


def _uncommented(text: str) -> Path:
    """Take the proposals of the comments at their word, as somebody does who removes the sign before them."""
    taken = [line.replace("# secudir", "secudir").replace("# pse:", "pse:") for line in text.splitlines()]
    file = Path("taken.yaml")
    file.write_text("\n".join(taken), encoding="utf-8")
    return file


EXISTING = """\
# ours
defaults:
  tags: [prod]
systems:
    PRD:   # the big one
        url: prd.example.com
        proxy: http://user:${NOT_SET_HERE}@proxy.example.com:3128
        # secudir: /opt/sec

    QAS:
        url: 'qas.example.com'
        # to be done

# the end
x-owner: us
"""


def test_systems_are_added_behind_the_last_one_and_nothing_else_changes(served: Callable[[str], str]) -> None:
    file = Path("systems.yaml")
    file.write_text(EXISTING, encoding="utf-8")
    file.chmod(0o640)
    assert _init("--append", served("root-sent")) == 0
    text = file.read_text(encoding="utf-8")
    before, after = EXISTING.split("        # to be done\n")
    assert text.startswith(f"{before}        # to be done\n    'localhost':\n      url: 'https://localhost")
    assert text.endswith(after)
    read = read_landscape(file, {"NOT_SET_HERE": "x"}).systems
    assert list(read) == ["PRD", "QAS", "localhost"]
    assert read["PRD"].keys.proxy.startswith("http://user:x@")
    assert [each.name for each in Path.cwd().iterdir() if "systems" in each.name] == ["systems.yaml"]
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "existing",
    [
        "systems:\n",
        "systems:",
        "# nothing yet\n",
        "",
        "systems:\n  A: {url: a.example.com}",
        "systems:\n  A:\n    url: a.example.com\n    x-note: >-\n      one\n      two\n\n\ndefaults: {tags: [a]}\n",
        "systems:\n  A:\n    url: a.example.com\n    tags:\n    - one\n    - two\n",
        "systems:\r\n  A:\r\n    url: a.example.com\r\n",
        "\ufeffsystems:\n  A:\n    url: a.example.com\n",
    ],
)
def test_systems_are_added_however_the_file_is_written(existing: str) -> None:
    file = Path("systems.yaml")
    file.write_bytes(existing.encode())
    assert _init("--append", "--from-ini", _ini(FULL)) == 0
    had = [each for each in ("A",) if "A:" in existing]
    assert list(read_landscape(file, {}).systems) == [*had, "PRD", "QAS_2"]
    content = file.read_bytes()
    assert b"\r\n" not in content or content.count(b"\r\n") == content.count(b"\n")


def test_an_alias_that_is_taken_becomes_another() -> None:
    Path("systems.yaml").write_text("systems:\n  prd: {url: a.example.com}\n", encoding="utf-8")
    assert _init("--append", "--from-ini", _ini(FULL)) == 0
    assert [each.alias for each in _read()] == ["PRD-2", "QAS_2", "prd"]


@pytest.mark.parametrize(
    ("existing", "says"),
    [
        ("systems: {A: {url: a.example.com}}\n", "systems.yaml:1: the systems stand in braces"),
        ("{systems: {}}", "stand in braces"),
        ("systems: [a]\n", "has no mapping of systems"),
        ("- a\n", "has no mapping of systems"),
        ("systems:\n  A: {url: 'x\n", "systems.yaml:3: is no YAML"),
        ("systems:\n  A: {url: \xe4}\n".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_a_file_to_which_nothing_can_be_added_stays_as_it_is(
    existing: str | bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = existing if isinstance(existing, bytes) else existing.encode()
    Path("systems.yaml").write_bytes(content)
    assert _init("--append", "--from-ini", _ini(FULL)) == program.MISUSE
    assert says in capsys.readouterr().err
    assert Path("systems.yaml").read_bytes() == content
    assert sorted(each.name for each in Path.cwd().iterdir()) == ["sapnwrfc.ini", "systems.yaml"]


def test_what_would_change_other_systems_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("systems.yaml").write_text("systems:\n  A:\n    url: a.example.com\n", encoding="utf-8")
    monkeypatch.setattr(systems_file, "_last_line", lambda _: 1)
    assert _init("--append", "--from-ini", _ini(FULL)) == program.MISUSE
    assert "is as it was" in capsys.readouterr().err
    assert Path("systems.yaml").read_text(encoding="utf-8") == "systems:\n  A:\n    url: a.example.com\n"


def test_what_is_taken_from_an_ini_is_told_with_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("--from-ini", _ini(FULL), "--output", "x.yaml") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        f"sapnwrfc.ini, DEST=PRD: {HOST}",
        "sapnwrfc.ini, DEST=QAS 2: qas.example.com:44300",
        "sapnwrfc.ini: left out, since it has no WSHOST: OLD",
    ]
    assert said[-1] == f"next: {pasteable('check', 'PRD', 'QAS_2', '--systems-file=x.yaml')}"
    assert len(_read("x.yaml")) == 2


@pytest.mark.long
def test_the_next_command_runs_as_it_is_printed(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert _init(served("root-sent")) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("next: ")]
    ran = paste(f"{line.removeprefix('next: ')} --collect-only -q", tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "test_pse_exists[localhost]" in ran.stdout


# a product of Theobald's


PSE, LIBRARY = (Path("/sec", name).absolute() for name in ("a.pse", "libsapcrypto.so"))


def _connections(**files: str) -> Path:
    folder = Path("xtract", "config", "connections")
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.xml").write_text(text, encoding="utf-8")
    return Path("xtract")


def test_the_systems_of_a_product_are_taken_from_its_connections(capsys: pytest.CaptureFixture[str]) -> None:
    said = f'<c Name="PRD" Host="https://{HOST}" Port="443" ClientPSE="{PSE}" Library="{LIBRARY}" Password="{SECRET}"/>'
    folder = _connections(a=said, b='<c Host="own.example.com" Port="44300"/>', c="<c/>", d=said)
    assert _init("--product", "xtract", "--folder", str(folder)) == 0
    prd, own = _read_here()
    assert (prd.alias, prd.url.host, prd.url.port, prd.pse) == ("PRD", HOST, 443, PSE)
    assert (own.alias, own.url.host, own.url.port) == ("own", "own.example.com", 44300)
    assert prd.client is not None
    assert (prd.client.product, prd.client.library) == (Product("xtract", folder.absolute()), LIBRARY)
    told = capsys.readouterr().out
    assert f"not understood: {Path('config', 'connections', 'c.xml')}, it names no host" in told
    assert SECRET not in told + Path("systems.yaml").read_text(encoding="utf-8")


def test_a_system_that_is_asked_gets_its_product(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = observe(Target("127.0.0.1", 1), Limits(), _now)
    leaf = path(issued())[0].der
    monkeypatch.setattr(observation, "observe", lambda *_: replace(shown, failure=None, presented=(leaf,)))
    monkeypatch.setenv("PROGRAMFILES", str(Path("/programs").absolute()))
    assert _init("--product", "board-connector", f"https://{HOST}") == 0
    (system,) = _read_here()
    assert system.client is not None
    assert system.client.product == Product("board-connector", Path("/programs/BoardConnector").absolute())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--product", "xtract", "--folder", "none"),
            "is no folder that can be seen here; name its folder with --folder",
        ),
        (("--product", "xtract", "--folder", "."), "has neither"),
        (("--product", "xtract", "--folder", "xtract"), "is understood here; name the API URL too: "),
        (("--product", "xtract", "--from-ini", "x"), "name one or more URLs, --from-ini FILE, or --product"),
        (("--product", "xtra"), "xtract"),
        (("--folder", "x", f"https://{HOST}"), "--folder is that of a product"),
    ],
)
def test_what_cannot_be_taken_from_a_product_is_one_line(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _connections(a="<c/>")
    assert _init(*arguments) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not Path("systems.yaml").exists()


def test_the_systems_of_an_app_config_are_taken_from_it() -> None:
    said = f'<add NAME="PRD" WSHOST="{HOST}:443" WSPORT="443" TLS_CLIENT_PSE="&quot;{PSE}&quot;" PASSWD="{SECRET}"/>'
    Path("App.config").write_text(f"<configuration><x>{said}</x></configuration>", encoding="utf-8")
    assert _init("--from-ini", "App.config") == 0
    (system,) = _read_here()
    assert (system.alias, system.url.host, system.pse) == ("PRD", HOST, PSE)
    assert system.client is not None
    assert system.client.ini is not None
    assert (system.client.ini.file.name, system.client.ini.dest) == ("App.config", "PRD")
    assert SECRET not in Path("systems.yaml").read_text(encoding="utf-8")


def test_an_app_config_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("App.config").write_text("<configuration>", encoding="utf-8")
    assert _init("--from-ini", "App.config") == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("App.config cannot be read: it is no well-formed XML (line 1)")
