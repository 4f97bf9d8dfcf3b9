"""Every fault of the network, shown by a real server to the whole toolkit in one pytest run."""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.checklist import OWNERS, Code
from pse_preflight.demo.authority import Identity, root_authority
from tests.kit.runs import run_checks
from tests.kit.servers import (
    Talk,
    alerts,
    answering,
    closes_after_hello,
    free_port,
    http_answer,
    over_tls,
    resets_after_hello,
    serve,
    server_context,
    speaks_plain_http,
    speaks_ssh,
    waits_for_a_line,
)

HOST = "localhost"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

PLAIN: dict[str, tuple[str, Talk]] = {
    "plain-http": ("NOT_TLS", speaks_plain_http),
    "waits-for-a-line": ("NOT_TLS", waits_for_a_line),
    "ssh": ("NOT_TLS", speaks_ssh),
    "reset-after-hello": ("TLS_HANDSHAKE_FAILED", resets_after_hello),
    "closed-after-hello": ("TLS_HANDSHAKE_FAILED", closes_after_hello),
    "alert-40": ("TLS_HANDSHAKE_FAILED", alerts(40)),
    "alert-112": ("TLS_HANDSHAKE_FAILED", alerts(112)),
}
"""What answers in place of TLS, and the code that must be told."""

ANSWERS: dict[str, tuple[str, bytes]] = {
    "maintenance": ("HTTP_SERVER_ERROR", http_answer("503 Service Unavailable")),
    "nothing": ("HTTP_NO_ANSWER", b""),
    "login-page": ("HTTP_LOGIN_PAGE", http_answer("302 Found", "Location: https://tenant.accounts.ondemand.com/saml2")),
    "rate-limit": ("HTTP_TOO_MANY_REQUESTS", http_answer("429 Too Many Requests")),
    "old-clock": ("CLOCK_SKEW", http_answer("401 Unauthorized", date=LONG_AGO)),
    "forbidden": ("", http_answer("403 Forbidden")),
    "redirect": ("", http_answer("301 Moved Permanently", f"Location: https://{HOST}/other")),
}
"""What an HTTPS server answers, and the code that must be told; nothing where it is an answer like any other."""

PROXIES: dict[str, tuple[str, bytes]] = {
    "proxy-refuses": ("PROXY_REFUSED", http_answer("403 Forbidden")),
    "proxy-wants-basic": ("PROXY_WANTS_LOGIN", http_answer("407 Login", "Proxy-Authenticate: Basic realm=x")),
    "proxy-wants-ntlm": ("PROXY_WANTS_LOGIN", http_answer("407 Login", "Proxy-Authenticate: NTLM")),
    "proxy-answers-itself": ("PROXY_ANSWERS_ITSELF", b"220 mail.example.com ESMTP\r\n"),
}
"""What a proxy answers to CONNECT."""

EXPECTED = {name: code for table in (PLAIN, ANSWERS, PROXIES) for name, (code, _) in table.items()} | {
    "refused": "PORT_REFUSED",
    "tls-13-only": "TLS_13_ONLY",
    "client-certificate": "CLIENT_CERTIFICATE_WANTED",
}


@dataclass
class Street:
    """Servers side by side, described in one systems.yaml."""

    folder: Path
    stack: contextlib.ExitStack

    def __post_init__(self) -> None:
        start = now() - timedelta(days=5)
        root = root_authority("Street Root", start, 4000)
        self.identity = root.issue_authority("Street Issuing", start, 3000).issue_server([HOST], start, 200)
        (self.folder / "roots.pem").write_text(write_pem([Certificate.of(root.certificate)]), encoding="utf-8")
        self.lines = ["systems:"]

    def add(self, name: str, port: int, more: str = "") -> None:
        keys = f"url: https://{HOST}:{port}, roots: roots.pem, secudir: {self.folder}/sec{more}"
        self.lines.append(f"  {name}: {{{keys}}}")

    def open(self, name: str, talk: Talk) -> None:
        self.add(name, self.stack.enter_context(serve(talk)).port)

    def build(self) -> None:
        for name, (_, talk) in PLAIN.items():
            self.open(name, talk)
        for name, (_, answer) in ANSWERS.items():
            self.open(name, over_tls(server_context(self.identity), answering(answer)))
        for name, (_, answer) in PROXIES.items():
            proxy = self.stack.enter_context(serve(answering(answer)))
            self.add(name, 443, f", proxy: 'http://127.0.0.1:{proxy.port}'")
        self.add("refused", free_port())
        self.open("tls-13-only", over_tls(_only_tls_13(self.identity), answering(http_answer("401 Unauthorized"))))
        wanting = _wants_client_certificate(self.identity, self.folder / "roots.pem")
        self.open("client-certificate", over_tls(wanting, answering(http_answer("401 Unauthorized"))))
        (self.folder / "systems.yaml").write_text("\n".join([*self.lines, ""]), encoding="utf-8")


def _only_tls_13(identity: Identity) -> ssl.SSLContext:
    context = server_context(identity)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _wants_client_certificate(identity: Identity, roots: Path) -> ssl.SSLContext:
    context = server_context(identity)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(roots)
    return context


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Run the toolkit once; return for each system the checks that speak, and what they say."""
    folder = tmp_path_factory.mktemp("faults")
    with contextlib.ExitStack() as stack:
        Street(folder, stack).build()
        options = ["--system=all", "--engine=bundled", "--fail-on=minor", "--junitxml=r.xml", "-q"]
        alone = {"PATH": "", "HOME": str(folder)}
        run_checks(folder, *options, "-p", "no:cacheprovider", environment=alone, seconds=200)
        yield _red(folder / "r.xml")


def _red(report: Path) -> dict[str, dict[str, str]]:
    red: dict[str, dict[str, str]] = {name: {} for name in EXPECTED}
    for case in ElementTree.parse(report).iter("testcase"):
        check, _, name = case.attrib["name"].rstrip("]").partition("[")
        found = case.find("failure")
        assert case.find("error") is None
        if found is not None:
            red[name][check] = found.text or ""
    return red


ALWAYS_SAID = {"test_url_names_the_api_host", "test_pse_exists", "test_websocket_rfc_answers"}
"""Minor findings that have nothing to do with the fault: no SAP domain, a PSE made by us, no WebSocket server."""


@pytest.mark.long
@pytest.mark.parametrize("name", EXPECTED)
def test_each_fault_is_told_by_the_check_that_owns_it_and_by_no_other(
    told: dict[str, dict[str, str]], name: str
) -> None:
    code = EXPECTED[name]
    red = {check: text for check, text in told[name].items() if check not in ALWAYS_SAID}
    assert set(red) == ({OWNERS[Code(code)]} if code else set())
    if code:
        (message,) = red.values()
        assert message.startswith(f"{code}: ")
        assert "\nfix: " in message
        assert "\nwho: " in message
