"""The whole toolkit against real servers, through pytest, as a user runs it."""

import shutil
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.pse import file as pse_file
from tests.kit.places import CHECKOUT
from tests.kit.runs import run_checks
from tests.kit.servers import Server, add_identity, real_proxy, serve, serve_tls, silent, speaks_plain_http, speaks_ssh
from tests.kit.tiers import first

HOST = "localhost"


class Site:
    """A folder with a private CA, a systems.yaml and a server, in which the checks are run."""

    def __init__(self, pytester: pytest.Pytester, stack: ExitStack) -> None:
        self.path = pytester.path
        self.stack = stack
        self.root = root_authority("Site Root", now() - timedelta(days=10), 4000)
        self.issuing = self.root.issue_authority("Site Issuing", now() - timedelta(days=10), 3000)
        self.roots = self.path / "roots.pem"
        self.roots.write_text(write_pem([Certificate.of(self.root.certificate)]), encoding="utf-8")

    def identity(self) -> Identity:
        return self.issuing.issue_server([HOST], now() - timedelta(days=1), 200)

    def server(self) -> Server:
        return self.stack.enter_context(serve_tls(self.identity()))

    def describe(self, port: int, **keys: str) -> None:
        known = {"url": f"https://{HOST}:{port}", "roots": str(self.roots), "secudir": str(self.path / "sec"), **keys}
        lines = [f"    {key}: {value}" for key, value in known.items()]
        (self.path / "systems.yaml").write_text("\n".join(["systems:", "  SYS:", *lines, ""]), encoding="utf-8")

    def run(self, *arguments: str, engine: str = "bundled") -> dict[str, tuple[str, str]]:
        """Run all checks; return for each how it ended and the message."""
        self.start(*arguments, engine=engine)
        return {case.attrib["name"]: _ending(case) for case in ElementTree.parse(self.path / "r.xml").iter("testcase")}

    def start(self, *arguments: str, engine: str = "bundled") -> None:
        """Run all checks, however that ends."""
        self.ended = run_checks(self.path, "--system=SYS", f"--engine={engine}", "--junitxml=r.xml", *arguments)
        assert "Traceback" not in self.output

    def red(self, *arguments: str) -> dict[str, str]:
        """Run all checks; return the message of each red one."""
        return {
            name.partition("[")[0]: message
            for name, (kind, message) in self.run(*arguments).items()
            if kind in {"failure", "error"}
        }

    @property
    def output(self) -> str:
        return f"{self.ended.stdout}\n{self.ended.stderr}"

    @property
    def pse(self) -> Path:
        return self.path / "sec" / "SYS.pse"


def _ending(case: ElementTree.Element) -> tuple[str, str]:
    found = next((part for part in case if part.tag in {"failure", "error", "skipped"}), None)
    return ("passed", "") if found is None else (found.tag, found.text or found.attrib["message"])


@pytest.fixture
def site(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("HOME", str(pytester.path))
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT / "src"))
    with ExitStack() as stack:
        yield Site(pytester, stack)


def test_a_sound_system_gets_its_pse_and_is_green(site: Site) -> None:
    site.describe(site.server().port, dn='"CN=COMPUTER.theobald.local, C=DE, S=BW, O=TS, OU=DEV"')
    assert site.red() == {}
    made = pse_file.read(site.pse.read_bytes())
    assert {each.sha256 for each in made.trusted} == {
        Certificate.of(each.certificate).sha256 for each in (site.root, site.issuing)
    }
    assert made.owner
    assert [each.value for each in made.owner.parsed.subject][:1] == ["DE"]
    if sys.platform != "win32":
        assert stat.S_IMODE(site.pse.stat().st_mode) == 0o600
        assert stat.S_IMODE(site.pse.parent.stat().st_mode) == 0o700


def test_two_connections_are_all_that_a_healthy_system_sees(site: Site) -> None:
    server = site.server()
    site.describe(server.port)
    assert site.red() == {}
    assert server.connections == 2


def test_an_existing_pse_is_never_touched(site: Site) -> None:
    """The list lacks the chain, and everything is told, but the file stays as it is."""
    other = root_authority("Another Root", now() - timedelta(days=1), 100)
    site.describe(site.server().port)
    assert site.red() == {}
    made = pse_file.read(site.pse.read_bytes())
    stripped = made.without_trusted(lambda _: True, now())
    site.pse.write_bytes(stripped.with_trusted([Certificate.of(other.certificate)], now()).encode())
    before = (site.pse.read_bytes(), site.pse.stat().st_mtime_ns)
    red = site.red()
    assert set(red) == {"test_maintain_pk_lists_the_chain"}
    assert red["test_maintain_pk_lists_the_chain"].startswith('ROOT_NOT_IN_PSE: the root "Site Root"')
    assert (site.pse.read_bytes(), site.pse.stat().st_mtime_ns) == before


@pytest.mark.long
def test_the_program_opengenpse_changes_no_verdict(site: Site) -> None:
    installed = shutil.which("opengenpse", path=sysconfig.get_path("scripts"))
    assert installed
    program = site.path / "bin" / Path(installed).name.replace("opengenpse", "sapgenpse")
    program.parent.mkdir()
    shutil.copy(installed, program)
    site.describe(site.server().port)
    inside = site.run()
    shutil.rmtree(site.path / "sec")
    outside = site.run(f"--sapgenpse={program}", engine="sapgenpse")
    agree = "test_file_and_tool_agree[SYS]"
    assert (inside.pop(agree)[0], outside.pop(agree)[0]) == ("skipped", "passed")
    assert {name: kind for name, (kind, _) in inside.items()} == {name: kind for name, (kind, _) in outside.items()}


@pytest.mark.parametrize(
    ("talk", "code", "check"),
    first(
        1,
        [
            (speaks_plain_http, "NOT_TLS", "test_tls_handshake_succeeds"),
            (speaks_ssh, "NOT_TLS", "test_tls_handshake_succeeds"),
        ],
    ),
)
def test_a_port_that_speaks_something_else_is_one_red_check(
    site: Site, talk: Callable[..., None], code: str, check: str
) -> None:
    site.describe(site.stack.enter_context(serve(talk)).port)
    red = site.red()
    assert set(red) == {check}
    assert red[check].startswith(f"{code}: ")
    assert not site.pse.exists()
    assert f"blocked by {code}, see {check}" in site.run()["test_pse_exists[SYS]"][1]
    assert "CERTIFICATE_" not in site.output


def test_a_silent_port_ends_in_time(site: Site) -> None:
    server = site.stack.enter_context(serve(silent))
    site.describe(server.port)
    server.stop()
    assert set(site.red()) == {"test_port_accepts_connections"}


SECRET = "s3cr3t-p4ssw0rd"


@pytest.mark.long
def test_a_real_proxy_tunnels_and_its_password_is_never_shown(site: Site) -> None:
    server = site.server()
    proxy = site.stack.enter_context(real_proxy("--basic-auth", f"user:{SECRET}"))
    site.describe(server.port, proxy=f"http://user:{SECRET}@{proxy.host}:{proxy.port}")
    assert site.red("-vv") == {}
    assert SECRET not in site.output
    written = [file for file in site.path.rglob("*") if file.is_file() and file.name != "systems.yaml"]
    assert not [file for file in written if SECRET.encode() in file.read_bytes()]


@pytest.mark.long
def test_a_real_proxy_without_the_login_is_the_one_red_check(site: Site) -> None:
    server = site.server()
    proxy = site.stack.enter_context(real_proxy("--basic-auth", f"user:{SECRET}"))
    site.describe(server.port, proxy=f"http://{proxy.host}:{proxy.port}")
    red = site.red()
    assert set(red) == {"test_port_accepts_connections"}
    assert red["test_port_accepts_connections"].startswith("PROXY_WANTS_LOGIN: ")


def test_proxy_variables_are_ignored_and_that_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    site.describe(site.server().port)
    assert site.red() == {}
    assert "proxy variables of this shell are ignored for SYS" in site.output


def test_a_password_in_netrc_is_never_sent(site: Site) -> None:
    (site.path / ".netrc").write_text(f"machine {HOST} login me password {SECRET}\n")
    (site.path / ".netrc").chmod(0o600)
    server = site.server()
    site.describe(server.port)
    assert site.red() == {}
    assert server.requests
    assert not [head for head in server.requests if b"authorization" in head.lower()]


def _folder(pse: Path) -> None:
    pse.mkdir(parents=True)


def _truncated(pse: Path) -> None:
    pse.write_bytes(pse.read_bytes()[:-100])


def _nothing_of_the_kind(pse: Path) -> None:
    pse.write_bytes(b"-----BEGIN CERTIFICATE-----\n")


def _empty(pse: Path) -> None:
    pse.write_bytes(b"")


@pytest.mark.parametrize("damage", first(1, [_truncated, _folder, _nothing_of_the_kind, _empty]))
def test_a_pse_that_is_none_is_one_red_check_and_left_alone(site: Site, damage: Callable[[Path], None]) -> None:
    site.describe(site.server().port)
    if damage is not _folder:
        assert site.red() == {}
    damage(site.pse)
    before = None if site.pse.is_dir() else site.pse.read_bytes()
    red = site.red()
    assert set(red) == {"test_pse_exists"}
    assert red["test_pse_exists"].startswith(f"PSE_UNREADABLE: {site.pse} ")
    assert before is None or site.pse.read_bytes() == before


def test_a_pse_with_a_pin_is_one_red_check(site: Site) -> None:
    site.describe(site.server().port)
    assert site.red() == {}
    plain = pse_file.read(site.pse.read_bytes())
    site.pse.write_bytes(plain.encode(pin="1234567980"))
    red = site.red()
    assert set(red) == {"test_pse_needs_no_pin"}
    assert red["test_pse_needs_no_pin"].startswith("PSE_HAS_PIN: ")


@pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")
@pytest.mark.parametrize(
    ("mode", "code"), first(1, [(0o644, "PSE_READABLE_BY_OTHERS"), (0o640, "PSE_READABLE_BY_GROUP")])
)
def test_a_pse_that_others_can_read_is_told(site: Site, mode: int, code: str) -> None:
    site.describe(site.server().port)
    assert site.red() == {}
    site.pse.chmod(mode)
    red = site.red("--fail-on=minor", "-k", "private")
    assert set(red) == {"test_pse_is_private"}
    assert red["test_pse_is_private"].startswith(f"{code}: ")


def test_an_unreadable_file_of_roots_is_told_once_and_nothing_is_asked(site: Site) -> None:
    server = site.server()
    site.describe(server.port, roots=str(site.path / "nowhere.pem"))
    site.start()
    assert site.ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert site.output.count("nowhere.pem: cannot be read: ") == 1
    assert server.connections == 0


def test_a_host_outside_saps_cloud_is_judged_by_its_pse_and_nothing_is_made(site: Site) -> None:
    site.describe(site.server().port, roots="auto")
    red = site.red()
    assert "`roots` or `pinned` must first say" in red["test_pse_exists"]
    assert "is not in `roots` (none are named, and there is no PSE)" in red["test_chain_is_valid"]
    assert "certificate list of" not in red["test_chain_is_valid"]
    assert not site.pse.exists()


def test_a_pinned_root_stands_for_roots(site: Site) -> None:
    identity = site.identity()
    server = site.stack.enter_context(serve_tls(identity, chain=(identity.certificate, *identity.issuers)))
    site.describe(server.port, roots="auto", pinned=f"[{Certificate.of(site.root.certificate).sha256}]")
    assert site.red() == {}
    assert site.pse.exists()


def test_another_pin_trusts_nothing(site: Site) -> None:
    identity = site.identity()
    server = site.stack.enter_context(serve_tls(identity, chain=(identity.certificate, *identity.issuers)))
    site.describe(server.port, roots="auto", pinned=f"[{'ab' * 32}]")
    red = site.red()
    assert red["test_chain_is_valid"].startswith("ROOT_UNTRUSTED: ")
    assert not site.pse.exists()


@pytest.mark.long
def test_thorough_tells_where_the_kinds_of_keys_differ(site: Site) -> None:
    """One server, two chains: a client with RSA keys meets another issuer than one with ECDSA keys."""
    other = site.root.issue_authority("Site Issuing for RSA", now() - timedelta(days=10), 3000)
    key = rsa.generate_private_key(65537, 2048)
    second = other.issue_server([HOST], now() - timedelta(days=1), 200, key=key)
    server = site.stack.enter_context(serve_tls(site.identity(), change=lambda context: add_identity(context, second)))
    site.describe(server.port)
    assert site.red() == {}
    assert set(site.red("--fail-on=minor", "-k", "handshake_succeeds")) == set()
    red = site.red("--thorough", "--fail-on=minor", "-k", "handshake_succeeds")
    assert red["test_tls_handshake_succeeds"].startswith("ADDRESSES_DIFFER: ")


def test_thorough_is_content_with_one_chain(site: Site) -> None:
    site.describe(site.server().port)
    assert site.red("--thorough", "--fail-on=minor", "-k", "handshake_succeeds") == {}
