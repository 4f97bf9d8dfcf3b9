"""A distinct secret in every place where one can stand, and none of them anywhere in what comes out."""

import base64
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight.demo.server import SCENARIOS
from pse_preflight.pse.file import read
from pse_preflight.sapgenpse import bundled
from tests.kit.places import SOURCES
from tests.kit.runs import PARALLEL, Ended, run_checks, surroundings

PIN = "P1n/Geheim+4711?"
PROXY_PASSWORD = "Pr0xy+Geheim/4712?"
PROXY_USER = "pr0xyUser4713"
URL_USER = "urlUser4714"
URL_PASSWORD = "Ur1+Geheim/4715?"
INI_PASSWORD = "In1Geheim+/4716?"
ENVIRONMENT = "Env+Geheim/4717?"
SHELL_PROXY_PASSWORD = "Sh3ll+Geheim/4718?"
URL_QUERY = "Qu3ryGeheim4719"
TEXTS = (
    PIN,
    PROXY_PASSWORD,
    PROXY_USER,
    URL_USER,
    URL_PASSWORD,
    INI_PASSWORD,
    ENVIRONMENT,
    SHELL_PROXY_PASSWORD,
    URL_QUERY,
)

CRASH = """
def pytest_collection_finish():
    from pse_preflight import fixtures
    from pse_preflight.endpoint import observation
    from pse_preflight.verdict import trust
    from pse_preflight.chain import judge as chain

    def broken(*arguments, **named):
        raise RuntimeError("forced")

    assert callable({place})
    {place} = broken
"""
CRASHES = ("trust.judge_trust", "observation.observe", "chain.judge_chain", "fixtures.decide")

SYSTEMS = f"""
defaults: {{secudir: FOLDER/sec}}
systems:
  proxied:
    url: https://host.example.com
    proxy: http://{PROXY_USER}:{quote(PROXY_PASSWORD, safe="")}@127.0.0.1:9
    roots: mozilla
  through-the-shell: {{url: https://localhost:9, proxy: env, roots: mozilla, x-ticket: CHG0042}}
  with-user: {{url: "https://{URL_USER}:{quote(URL_PASSWORD, safe="")}@localhost:9/?key={URL_QUERY}"}}
  from-environment: {{url: "https://{URL_USER}:${{PLANTED}}@localhost:9"}}
  with-pin: {{url: https://localhost:9, pse: pin.pse, roots: mozilla}}
  with-ini:
    url: https://localhost:9
    client_ini: {{file: sapnwrfc.ini, dest: PRD}}
"""
INI = f"DEST=PRD\nWSHOST=localhost\nWSPORT=9\nUSER=x\nPASSWD={INI_PASSWORD}\nTLS_CLIENT_PSE=client.pse\n"
INPUTS = {"systems.yaml", "sapnwrfc.ini", "pin.pse", "crash.py"}

MODES = {
    "plain": [],
    "verbose": ["-vv", "--setup-show"],
    "debugging": ["-vv", "--showlocals", "--log-level=DEBUG", "--log-cli-level=DEBUG", "-rA", "--full-trace"],
    "workers": [*PARALLEL, "--showlocals"],
    **{
        f"crash of {place}": [
            "-p",
            "crash",
            "--showlocals",
            "--full-trace",
            "-vv",
            "-k",
            "chain_is_valid or pse_exists",
        ]
        for place in CRASHES
    },
}


def _encoded(secret: bytes) -> Iterator[bytes]:
    """Yield base64 of the secret wherever it begins within three bytes, without what its neighbours decide."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + secret + b"\0\0")
        core = text[(4, 4, 4)[before] if before else 0 : 4 * ((before + len(secret)) // 3)]
        yield from (core, core.replace(b"+", b"-").replace(b"/", b"_"))


def _shapes(secret: str) -> set[bytes]:
    raw = secret.encode()
    quoted = {quote(secret, safe="").encode(), quote(secret).encode(), quote(quote(secret, safe=""), safe="").encode()}
    return {raw, *quoted, raw.hex().encode(), *_encoded(raw)}


def _key_shapes(pse: Path) -> set[bytes]:
    key = read(pse.read_bytes()).private_key()
    assert isinstance(key, rsa.RSAPrivateKey)
    shapes: set[bytes] = set()
    for number in (key.private_numbers().d, key.private_numbers().p):
        raw = number.to_bytes((number.bit_length() + 7) // 8)
        shapes |= {raw, raw.hex().encode(), str(number).encode(), *_encoded(raw)}
    return shapes


def _outputs(folder: Path, run: Ended) -> Iterator[tuple[str, bytes]]:
    yield "stdout", run.stdout.encode()
    yield "stderr", run.stderr.encode()
    for file in folder.rglob("*"):
        if file.is_file() and file.name not in INPUTS and file.suffix not in {".pse", ".key", ".pyc"}:
            yield str(file.relative_to(folder)), file.read_bytes()
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    yield from ((f"{file.name}: {name}", archive.read(name)) for name in archive.namelist())


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Return a folder with a secret in every place; the PIN protects a PSE."""
    (tmp_path / "systems.yaml").write_text(SYSTEMS.replace("FOLDER", str(tmp_path)))
    (tmp_path / "sapnwrfc.ini").write_text(INI)
    (tmp_path / "sec").mkdir()
    with Path(os.devnull).open("r+", encoding="utf-8") as nowhere:
        made = bundled.run(
            ("gen_pse", "-p", str(tmp_path / "sec" / "pin.pse"), "-noreq", "-x", PIN, "CN=pin"),
            environ={"SECUDIR": str(tmp_path / "sec")},
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
        )
    assert made == 0
    return tmp_path


def _run(folder: Path, *arguments: str) -> Ended:
    environment = surroundings(
        HTTPS_PROXY=f"http://{PROXY_USER}:{quote(SHELL_PROXY_PASSWORD, safe='')}@127.0.0.1:9",
        PLANTED=quote(ENVIRONMENT, safe=""),
        PYTHONPATH=os.pathsep.join((str(folder), str(SOURCES))),
    )
    always = [
        "--engine=bundled",
        "-p",
        "no:cacheprovider",
        "--junitxml=report.xml",
        "--trust-report=page.html",
        "--pack=run.zip",
    ]
    return run_checks(folder, *always, "-o", "junit_logging=all", *arguments, environment=environment)


def _leaks(folder: Path, run: Ended, shapes: set[bytes]) -> list[str]:
    return [
        f"{name}: {content[max(0, content.index(shape) - 80) :][:200]!r}"
        for name, content in _outputs(folder, run)
        for shape in shapes
        if shape in content
    ]


LONG = ("verbose", "debugging", "workers", *(f"crash of {place}" for place in CRASHES))


@pytest.mark.parametrize(
    "mode", [pytest.param(MODES[each], id=each, marks=[pytest.mark.long] * (each in LONG)) for each in MODES]
)
def test_no_secret_comes_out(planted: Path, mode: list[str]) -> None:
    place = next((each for each in CRASHES if mode is MODES.get(f"crash of {each}")), CRASHES[0])
    (planted / "crash.py").write_text(CRASH.format(place=place))
    run = _run(planted, "--system=all,demo", *mode)
    assert run.returncode == 1, run.stdout + run.stderr
    shapes = {shape for text in TEXTS for shape in _shapes(text)}
    keys = [each for each in planted.rglob("*.pse") if each.name != "pin.pse"]
    shapes |= {shape for pse in keys for shape in _key_shapes(pse)}
    assert "crash" in mode or keys
    assert _leaks(planted, run, shapes) == []
    assert "crash" in mode or "run.zip: with-user/evidence.json" in dict(_outputs(planted, run))
    if "crash" in mode:
        assert "forced" in run.stdout


@pytest.mark.long
def test_no_scenario_of_the_demo_lets_its_key_out(planted: Path) -> None:
    run = _run(planted, "--system=" + ",".join(f"demo:{each}" for each in SCENARIOS), "-vv", "--showlocals")
    keys = list(planted.rglob("client.pse"))
    assert keys
    assert _leaks(planted, run, {shape for pse in keys for shape in _key_shapes(pse)}) == []


@pytest.mark.long
def test_nor_does_a_replay(planted: Path) -> None:
    _run(planted, "--system=all,demo", "-q")
    run = _run(planted, "--replay=.pse-preflight", "-vv", "--showlocals", "-rA")
    assert "with-user" in run.stdout
    assert _leaks(planted, run, {shape for text in TEXTS for shape in _shapes(text)}) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"url: 'https://{URL_USER}:{URL_PASSWORD}@'", "no host"),
        (f"url: https://host, proxy: 'http://{PROXY_USER}:{PROXY_PASSWORD}@proxy'", "the proxy has no port"),
        (f"url: https://host, proxy: 'socks5://{PROXY_USER}:{PROXY_PASSWORD}@proxy:1'", "plain HTTP CONNECT"),
        (f"url: https://host, pse: ['{ENVIRONMENT}']", "needs text"),
    ],
    ids=["url", "port", "scheme", "type"],
)
def test_a_misuse_does_not_repeat_them(planted: Path, line: str, says: str) -> None:
    (planted / "systems.yaml").write_text(f"systems:\n  PRD: {{{line}}}\n")
    run = _run(planted, "--system=PRD")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert says in run.stderr
    assert _leaks(planted, run, {shape for text in TEXTS for shape in _shapes(text)}) == []


@pytest.mark.parametrize("hidden", [lambda text: text, lambda text: quote(text, safe="")], ids=["raw", "quoted"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_the_search_finds_what_it_looks_for(hidden: object, before: int) -> None:
    assert callable(hidden)
    assert any(shape in b"x" + hidden(PIN).encode() + b"y" for shape in _shapes(PIN))
    wrapped = base64.b64encode(b"x" * before + PIN.encode() + b"and more")
    assert any(shape in wrapped for shape in _shapes(PIN))
    assert not any(shape in b"nothing of the kind" for text in TEXTS for shape in _shapes(text))
    assert all(len(shape) >= 8 for text in TEXTS for shape in _shapes(text)), [
        shape for text in TEXTS for shape in _shapes(text) if not re.match(rb".{8}", shape)
    ]
