"""What people really type, and what it must say: no verdict says more than was checked, and each fault is told once."""

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.checklist import ROWS, Code, Who
from pse_preflight.demo.authority import root_authority
from pse_preflight.findings import finding, message, of_saps_cloud
from pse_preflight.landscape.url import ApiUrl
from tests.checks.corpus import CORPUS
from tests.kit.runs import Ended, run_module
from tests.kit.servers import serve_tls
from tests.kit.systems import write_pse

DEAD = "https://localhost:1"
ELSEWHERE = "/opt/xtract/sec" if sys.platform == "win32" else r"C:\ProgramData\xtract\sec"


def _check(folder: Path, *words: str) -> Ended:
    ended = run_module("pse_preflight", "check", *words, folder=folder)
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended


def _said(ended: Ended) -> str:
    return " ".join(ended.stdout.split())


@pytest.mark.long
@pytest.mark.parametrize("selection", [("-m", "client"), ("-k", "clients_host")])
def test_a_dead_host_of_which_nothing_was_asked_is_not_judged(tmp_path: Path, selection: tuple[str, str]) -> None:
    ended = _check(tmp_path, DEAD, *selection, "--trust-report=trust.html")
    assert ended.returncode == 0
    assert re.search(r"localhost_1 \(localhost:1\): NOT JUDGED \(0 of \d+ checks\): ", _said(ended))
    page = (tmp_path / "trust.html").read_text(encoding="utf-8")
    assert "localhost_1 was not judged" in page
    assert "trusted until" not in page + ended.stdout
    result = json.loads((tmp_path / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    assert result["verdict"] == "NOT JUDGED"


@pytest.mark.long
@pytest.mark.parametrize("selection", [("-m", "pse"), ("-k", "private")])
def test_a_dead_host_without_a_pse_is_red_whatever_is_asked_of_it(tmp_path: Path, selection: tuple[str, str]) -> None:
    ended = _check(tmp_path, DEAD, *selection)
    assert ended.returncode == 1
    assert "FAILED; whether the PSE trusts it is not known: the server's certificates were not seen" in _said(ended)


def test_a_good_url_says_nothing_of_trust(tmp_path: Path) -> None:
    ended = _check(tmp_path, "demo:missing-intermediate", "-m", "url")
    assert ended.returncode == 0
    assert "NOT JUDGED (" in _said(ended)
    assert ": OK" not in ended.stdout


def _systems(folder: Path, **keys: object) -> None:
    systems = {"PRD": {"secudir": str(folder / "sec"), **keys}}
    (folder / "systems.yaml").write_text(json.dumps({"systems": systems}), encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"url": DEAD, "roots": "missing.pem"}, "missing.pem"),
        ({"url": DEAD, "secudir": ELSEWHERE}, "has no drive" if sys.platform == "win32" else "is a path of Windows"),
        ({"url": DEAD, "tags": ["prod"]}, "prod"),
    ],
    ids=["roots", "drive", "tag"],
)
def test_a_fault_of_the_setup_is_one_line_before_anything_is_asked(
    tmp_path: Path, keys: dict[str, object], says: str
) -> None:
    _systems(tmp_path, **keys)
    ended = _check(tmp_path, "tag:prd" if "tags" in keys else "PRD")
    assert ended.returncode == 4
    (line,) = ended.stderr.strip().splitlines()
    assert says in line
    assert sorted(each.name for each in tmp_path.iterdir()) == ["systems.yaml"]


@pytest.fixture
def omitting(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a system whose server omits the intermediate that the PSE holds."""
    root = root_authority("Company Root", now() - timedelta(days=400), 4000)
    issuing = root.issue_authority("Company Issuing", now() - timedelta(days=300), 3000)
    good = issuing.issue_server(["localhost"], now() - timedelta(days=40), 190)
    certificates = [Certificate.of(each) for each in (root.certificate, issuing.certificate)]
    (tmp_path / "root.pem").write_text(write_pem(certificates[:1]), encoding="utf-8")
    write_pse(tmp_path / "sec" / "PRD.pse", certificates)
    (tmp_path / "sec").chmod(0o700)
    with serve_tls(good, chain=[good.certificate]) as server:
        _systems(tmp_path, url=f"https://localhost:{server.port}", roots=str(tmp_path / "root.pem"))
        yield tmp_path


def test_an_intermediate_that_the_pse_has_and_the_server_omits_is_red_once(omitting: Path) -> None:
    ended = _check(omitting, "PRD")
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout
    assert "SERVER_OMITS_INTERMEDIATE: " in ended.stdout
    assert "NO_EVIDENCE" not in ended.stdout


@pytest.mark.long
def test_for_a_far_day_nobody_is_asked_to_set_the_clock(tmp_path: Path) -> None:
    _check(tmp_path, "demo")
    ended = _check(tmp_path, "demo", "--at=2059-01-01")
    assert ended.returncode == 1
    assert "CERTIFICATE_EXPIRED: " in ended.stdout
    assert "set the clock" not in _said(ended)
    assert "set the clock" not in _said(_check(tmp_path, "demo:expired-leaf", "--at=2030-01-01"))
    assert "if this machine's clock is fast, set the clock" in _said(_check(tmp_path, "demo:expired-leaf"))


@pytest.mark.parametrize(
    ("host", "code", "who"),
    [
        ("my401122-api.s4hana.cloud.sap", Code.CERTIFICATE_EXPIRED, "SAP"),
        ("my401122-api.s4hana.cloud.sap", Code.WSRFC_NO_UPGRADE, "SAP admin"),
        ("my401122-api.s4hana.cloud.sap", Code.PSE_MISSING, "client admin"),
        ("erp.company.de", Code.CERTIFICATE_EXPIRED, "SAP admin"),
    ],
)
def test_what_saps_cloud_sends_sap_itself_mends(host: str, code: Code, who: str) -> None:
    found = finding(code, "seen")
    if ApiUrl(host, 443).is_sap_cloud:
        found = of_saps_cloud(found)
    assert message(found).splitlines()[-1] == f"who: {who}"


def test_a_system_in_saps_cloud_has_sap_as_the_one_to_ask_and_another_its_admin() -> None:
    told = [
        (evidence.system.url.is_sap_cloud, found.responsible.value)
        for evidence in (case.evidence() for case in CORPUS if case.name.startswith(("CERTIFICATE_E", "CLOCK")))
        for found in evidence.findings
        if ROWS[found.code].who is Who.SAP
    ]
    assert told
    assert all(who == ("SAP" if is_cloud else "SAP admin") for is_cloud, who in told)
