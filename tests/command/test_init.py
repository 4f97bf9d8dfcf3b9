"""pse-preflight init: what it writes can be read, is honest, and overwrites nothing."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pse_preflight.chain.roots import named_roots
from pse_preflight.client import look as client
from pse_preflight.command import init as initial
from pse_preflight.demo import server as demo
from pse_preflight.endpoint import observation
from pse_preflight.endpoint.model import Limits, Target
from pse_preflight.endpoint.observation import observe
from pse_preflight.landscape.file import read_landscape
from pse_preflight.landscape.select import Surroundings, select
from pse_preflight.landscape.system import System

HOST = "my401122-api.s4hana.cloud.sap"
SECRET = "Gehe1m!"


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _read(file: str = "systems.yaml") -> tuple[System, ...]:
    here = Path.cwd()
    around = Surroundings({"HOME": "/home/x"}, here, here, here, windows=False)
    return select(["all"], read_landscape(here / file, {}), around)


def _ini(text: str) -> str:
    Path("sapnwrfc.ini").write_text(text, encoding="utf-8")
    return "sapnwrfc.ini"


def _init(*arguments: str) -> int:
    return initial.run(["init", *arguments], _now)


FULL = f"""\
DEFAULT
TLS_SAPCRYPTOLIB=/usr/sap/libsapcrypto.so

DEST=PRD
WSHOST={HOST}
WSPORT=443
ALIAS_USER=XTRACT_ALIAS
PASSWD={SECRET}
TLS_CLIENT_PSE=/opt/it's/client.pse
PROXY_HOST=proxy.example.com
PROXY_PORT=3128
PROXY_USER=proxyuser
PROXY_PASSWD={SECRET}

DEST=OLD
ASHOST=old.example.com

DEST=QAS 2
WSHOST=https://qas.example.com
WSPORT=44300
TLS_CLIENT_PSE=C:\\sec\\client.pse
"""


def test_a_file_of_the_sdk_becomes_a_file_that_can_be_read() -> None:
    assert _init("--from-ini", _ini(FULL)) == 0
    prd, qas = _read()
    assert (prd.alias, prd.url.host, prd.url.port) == ("PRD", HOST, 443)
    assert prd.pse == Path("/opt/it's/client.pse")
    assert str(prd.proxy) == "proxy.example.com:3128"
    assert prd.client is not None
    assert prd.client.library == Path("/usr/sap/libsapcrypto.so")
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
    assert _init("--from-ini", _ini(text)) == initial.MISUSE
    assert says in capsys.readouterr().err
    assert not Path("systems.yaml").exists()


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("--from-ini", "none.ini") == initial.MISUSE
    assert capsys.readouterr().err == "ERROR: none.ini cannot be read: No such file or directory\n"


@pytest.mark.parametrize("source", [["--from-ini", "sapnwrfc.ini"], [f"https://{HOST}"]])
def test_nothing_is_overwritten_and_nothing_is_asked_before(
    source: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _ini(FULL)
    Path("systems.yaml").write_text("mine", encoding="utf-8")
    monkeypatch.setattr(observation, "observe", None)
    assert _init(*source) == initial.MISUSE
    assert "is there already and is not overwritten" in capsys.readouterr().err
    assert Path("systems.yaml").read_text(encoding="utf-8") == "mine"


def test_a_file_that_appears_meanwhile_wins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def appear(_: Path) -> str:
        Path("systems.yaml").write_text("theirs", encoding="utf-8")
        return "ours"

    monkeypatch.setattr(initial, "_from_ini", appear)
    assert _init("--from-ini", "x") == initial.MISUSE
    assert "has appeared meanwhile" in capsys.readouterr().err
    assert Path("systems.yaml").read_text(encoding="utf-8") == "theirs"


def test_a_folder_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("--from-ini", _ini(FULL), "--output", "none/systems.yaml") == initial.MISUSE
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["init"], ["init", "https://a.example.com", "--from-ini", "x"], ["begin"], ["init", "--unknown"]],
)
def test_a_misuse_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        initial.run(arguments, _now)
    assert caught.value.code == initial.MISUSE
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "says"), [("http://a.example.com", "runs over TLS only"), ("https://", "cannot be read: there is no host")]
)
def test_a_url_that_cannot_be_asked_is_told(url: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(url) == initial.MISUSE
    assert says in capsys.readouterr().err
    assert not Path("systems.yaml").exists()


def test_a_system_with_its_own_authority_is_described_and_its_root_is_not_trusted() -> None:
    described = demo.describe("root-sent", Path("served").absolute())
    described.start()
    assert _init(described.keys["url"]) == 0
    (system,) = _read()
    assert (system.url.host, system.roots, system.pinned) == ("localhost", "auto", ())
    text = Path("systems.yaml").read_text(encoding="utf-8")
    assert "# seen: TLSv1.2, 3 certificates presented" in text
    assert '# pinned: ["sha256:' in text
    assert "ROOT_UNTRUSTED" in text
    assert "you have compared" in text


def test_a_public_authority_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    described = demo.describe("", Path("served").absolute())
    described.start()
    own = named_roots(str(Path("served/demo-authority/root.pem")))
    monkeypatch.setattr(initial, "named_roots", lambda _: own)
    assert _init(described.keys["url"]) == 0
    (system,) = _read()
    assert system.roots == "mozilla"
    assert "# its root: " in Path("systems.yaml").read_text(encoding="utf-8")


def test_a_system_that_does_not_answer_is_described_all_the_same() -> None:
    assert _init("https://127.0.0.1:1") == 0
    (system,) = _read()
    assert (system.alias, system.url.port) == ("127.0.0.1", 1)
    text = Path("systems.yaml").read_text(encoding="utf-8")
    assert "# PORT_REFUSED: " in text
    assert "Nothing could be seen of its certificates" in text


def test_a_cloud_host_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = observe(Target("127.0.0.1", 1), Limits(), _now)
    monkeypatch.setattr(observation, "observe", lambda *_: silent)
    assert _init(f"https://{HOST}") == 0
    (system,) = _read()
    assert (system.alias, system.url.host, system.roots) == ("my401122", HOST, "auto")
    assert not system.adds_saps_roots
    assert "\n    # required_roots: sap " in Path("systems.yaml").read_text(encoding="utf-8")
    assert "in SAP's cloud" in Path("systems.yaml").read_text(encoding="utf-8")


def test_the_program_takes_its_arguments_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["pse-preflight", "init", "--from-ini", _ini(FULL), "--output", os.fspath("x.yaml")]
    )
    assert initial.console() == 0
    assert len(_read("x.yaml")) == 2
