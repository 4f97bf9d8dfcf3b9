"""pse-preflight show https://HOST: the chain, whether it is good, what a PSE must hold, and the one next command."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, now
from pse_preflight.chain import judge as chain
from pse_preflight.chain.roots import Roots, named_roots
from pse_preflight.command import program
from pse_preflight.command.invocation import pasteable
from pse_preflight.demo import server as demo
from pse_preflight.demo.authority import root_authority
from pse_preflight.endpoint import fetch, observation
from pse_preflight.endpoint.model import Endpoint, Limits, Target
from pse_preflight.report.shown import schema
from pse_preflight.run import server
from tests.kit.systems import NOW

DEAD = "https://127.0.0.1:1"
SCREEN_COLUMNS = 80


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Return what starts a server of the demo, whose root passes for one of Mozilla's list, and tells its URL."""
    kept: list[demo.Described] = []

    def start(scenario: str) -> str:
        described = demo.describe(scenario, Path("served").absolute())
        described.start()
        kept.append(described)
        own = replace(named_roots(str(Path("served/demo-authority/root.pem"))), name="Mozilla's list", explicit=False)
        monkeypatch.setattr(server, "named_roots", lambda _: own)
        return str(described.keys["url"])

    yield start
    kept.clear()


def _show(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = program.run(["show", *arguments])
    return code, capsys.readouterr().out.splitlines()


def test_a_good_chain_is_drawn_judged_and_led_on_from(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = served("")
    code, lines = _show(capsys, url)
    text = " ".join(line.strip() for line in lines)
    assert code == 0
    assert lines[0] == f"{url.removeprefix('https://')} at 127.0.0.1, TLSv1.2, 2 certificates sent"
    drawn = [line.strip().partition(",")[0] for line in lines[2:8]]
    assert drawn == ["localhost", "server certificate", "└─ Demo Issuing CA", "intermediate", "└─ Demo Root CA", "root"]
    assert [line.rpartition(", ")[2] for line in (lines[3], lines[5], lines[7])] == ["sent", "sent", "not sent"]
    assert "The chain is good: it is valid, is for localhost, and ends at a root of Mozilla's list." in text
    assert 'Its root: "Demo Root CA", until ' in text
    assert "The server must renew by " in text
    wanted = lines[lines.index("A client PSE for it must hold, the root first:") + 1 :]
    (root,) = named_roots(str(Path("served/demo-authority/root.pem"))).certificates
    assert wanted[0].startswith("  Demo Root CA, until ")
    assert wanted[1] == f"    sha256 {root.sha256}"
    assert wanted[2].startswith("  Demo Issuing CA, until ")
    assert f"next: {pasteable('init', url)}" in lines
    assert max(map(len, [line for line in lines if not line.startswith("next: ")])) <= SCREEN_COLUMNS


def test_for_machines_it_is_told_as_json(served: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    code, lines = _show(capsys, served("missing-intermediate"), "--json")
    told = json.loads("\n".join(lines))
    jsonschema.Draft202012Validator(schema()).validate(told)
    ((server_told,), files) = told["servers"], told["files"]
    assert (code, files, server_told["is_good"]) == (1, [], False)
    assert server_told["chain"][0]["name"] == "localhost"
    grave = [each["code"] for each in server_told["findings"] if each["severity"] != "minor"]
    assert grave == ["SERVER_OMITS_INTERMEDIATE"]


def test_it_claims_no_trust(served: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = _show(capsys, served(""))
    assert "No PSE was looked at: whether a client trusts this server is not known yet." in lines
    assert not [line for line in lines if "is trusted" in line or "trusts it" in line]
    assert not list(Path.cwd().rglob("*.pse"))
    assert not Path(".pse-preflight").exists()


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("missing-intermediate", "SERVER_OMITS_INTERMEDIATE"),
        ("wrong-intermediate", "SERVER_SENDS_WRONG_INTERMEDIATE"),
        ("untrusted-root", "ROOT_UNTRUSTED"),
        ("self-signed", "CERTIFICATE_SELF_SIGNED"),
        ("expired-leaf", "CERTIFICATE_EXPIRED"),
        ("wrong-host", "HOST_NOT_IN_CERTIFICATE"),
    ],
)
def test_a_chain_that_is_not_good_is_told_with_its_code(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str], scenario: str, code: str
) -> None:
    ended, lines = _show(capsys, served(scenario))
    assert ended == 1
    verdict = lines.index("The chain is not good.")
    assert lines[verdict + 1].startswith(f"  {code}: ")
    assert [line for line in lines[verdict:] if line.startswith("  fix: ")]
    assert not [line for line in lines if "The chain is good" in line]


def test_the_clock_of_the_root_is_told_on_saps_domains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host = "my401122-api.s4hana.cloud.sap"
    root = root_authority("Some Root", NOW - timedelta(days=400), 4000)
    sent = root.issue_server([host], NOW - timedelta(days=40), 190)
    seen = replace(observation.observe(Target("127.0.0.1", 1), Limits(), now), failure=None, tls_version="TLSv1.2")
    presented = tuple(Certificate.of(each).der for each in (sent.certificate, *sent.issuers))
    monkeypatch.setattr(observation, "observe", lambda *_: replace(seen, host=host, presented=presented))
    public = Roots((Certificate.of(root.certificate),), "Mozilla's list")
    monkeypatch.setattr(server, "named_roots", lambda _: public)
    code, lines = _show(capsys, f"https://{host}")
    text = " ".join(line.strip() for line in lines)
    assert code == 0, text
    assert "Its root: Some Root: not in SAP's list; in Mozilla's list today; ends 20" in text


def test_what_nobody_has_verified_is_not_what_a_pse_must_hold(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines = _show(capsys, served("untrusted-root"))
    text = " ".join(line.strip() for line in lines)
    assert "must hold" not in text
    assert "Nobody has verified them: compare the fingerprint" in text


def test_a_missing_issuer_is_drawn(served: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = _show(capsys, served("missing-intermediate"))
    assert "  └─ (missing: Demo Issuing CA)" in lines


def test_a_server_that_does_not_answer_is_red_and_leads_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = _show(capsys, DEAD)
    assert code == 1
    assert lines[:4] == [
        "127.0.0.1:1",
        "",
        "Nothing is known of its certificates.",
        "  PORT_REFUSED: 127.0.0.1:1 refuses the connection (127.0.0.1)",
    ]
    assert not [line for line in lines if line.startswith("next: ")]


def test_of_several_one_that_is_not_good_makes_it_red(
    served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = served("")
    assert _show(capsys, good, good)[0] == 0
    code, lines = _show(capsys, good, DEAD)
    assert code == 1
    assert [line for line in lines if line.startswith("127.0.0.1:1")]


def _silent(monkeypatch: pytest.MonkeyPatch, asked: list[Target] | None = None) -> None:
    seen = observation.observe(Target("127.0.0.1", 1), Limits(), now)

    def observe(target: Target, *_: object) -> Endpoint:
        if asked is not None:
            asked.append(target)
        return seen

    monkeypatch.setattr(observation, "observe", observe)


def test_the_host_for_people_leads_to_the_api_host(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _silent(monkeypatch)
    code, lines = _show(capsys, "https://my401122.s4hana.cloud.sap")
    assert code == 1
    assert f"next: {pasteable('show', 'https://my401122-api.s4hana.cloud.sap')}" in lines


def test_a_proxy_is_asked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Target] = []
    _silent(monkeypatch, asked)
    program.run(["show", DEAD, "--proxy=http://me:Gehe1m!@proxy.example.com:3128"])
    assert [(str(each.proxy), each.proxy and each.proxy.user) for each in asked] == [("proxy.example.com:3128", "me")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what: FILE or https://HOST"),
        (["client.pse"], "client.pse: there is no such file"),
        (["my401122-api.s4hana.cloud.sap"], "https://my401122-api.s4hana.cloud.sap"),
        (["."], ".: is a folder"),
        (["a\0b"], "cannot be looked into"),
        (["http://a.example.com"], "runs over TLS only"),
        (["https://"], "cannot be read"),
        (["https://a.example.com", "--proxi=x"], "did you mean --proxy?"),
        (["https://a.example.com", "--proxy=nothing"], "--proxy: the proxy has no port"),
    ],
)
def test_a_misuse_is_one_line_and_nothing_is_asked(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(observation, "observe", None)
    assert program.run(["show", *arguments]) == program.MISUSE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ERROR: ")
    assert says in line


def test_what_the_server_forgets_is_fetched_at_most_twice(
    monkeypatch: pytest.MonkeyPatch, served: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def fetched(addresses: list[str], *_: object) -> tuple[bytes, ...]:
        asked.extend(addresses)
        return ()

    monkeypatch.setattr(fetch, "fetch_certificates", fetched)
    judge = chain.judge_chain
    wanted = iter(["http://a/1", "http://a/2", "http://a/3"])
    monkeypatch.setattr(chain, "judge_chain", lambda question: replace(judge(question), wanted=(next(wanted),)))
    _show(capsys, served("missing-intermediate"))
    assert asked == ["http://a/1", "http://a/2"]
