"""The JUnit report: valid by published schemas, complete for machines, enough for people.

schemas/junit-10.xsd is the schema of Jenkins's xUnit plugin (jenkinsci/xunit-plugin, MIT licence), as pytest's source
distribution on PyPI carries it. It is older than properties of single cases, which Jenkins's JUnit plugin reads
(keepProperties), so these are taken out before it is asked, and held against its own rule for properties.
"""

import json
import os
import re
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pse_preflight.certificate import Certificate, now
from pse_preflight.demo.authority import root_authority
from pse_preflight.report.junit import evidence_text
from tests.kit import report_facts
from tests.kit.places import CHECKOUT, SOURCES
from tests.kit.report_facts import certificate
from tests.kit.runs import PARALLEL, Ended, run_checks, surroundings
from tests.kit.servers import serve, silent

SCHEMA = CHECKOUT / "tests" / "outside" / "schemas" / "junit-10.xsd"
MOST_BYTES = 12_000
"""What one system may take in a report."""
SYSTEMS = "demo,demo:expired-leaf,demo:missing-intermediate"

Case = dict[str, object]


def _pytest(folder: Path, *arguments: str) -> Ended:
    return run_checks(folder, "-p", "no:cacheprovider", *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with evidence and two reports of it: one of a single process, one of two workers."""
    folder = tmp_path_factory.mktemp("junit")
    _pytest(folder, f"--system={SYSTEMS}", "--engine=bundled", "-q")
    for name, arguments in (("alone", ()), ("together", PARALLEL)):
        run = _pytest(folder, "--replay=.pse-preflight", f"--junitxml={name}.xml", *arguments)
        assert run.returncode == 1, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> ET.Element:
    return ET.parse(folder / "alone.xml").getroot()


def _facts(case: ET.Element) -> Case:
    ended = [(part.tag, part.attrib, part.text) for part in case if part.tag in {"failure", "error", "skipped"}]
    told = [(each.attrib["name"], each.attrib["value"]) for each in case.iter("property")]
    return {"ended": ended, "properties": told, "out": [part.text for part in case.iter("system-out")]}


def _cases(file: Path) -> dict[tuple[str, str], Case]:
    cases = list(ET.parse(file).iter("testcase"))
    found = {(case.attrib["classname"], case.attrib["name"]): _facts(case) for case in cases}
    assert len(found) == len(cases)  # GitLab shows the first of equal names only
    text = re.sub(r"judged for [-\d]+ [:\d]+", "judged for now", repr(sorted(found.items())))
    return {"all": text}  # type: ignore[dict-item]


@pytest.mark.long
def test_workers_change_nothing(folder: Path) -> None:
    assert _cases(folder / "alone.xml") == _cases(folder / "together.xml")


@pytest.mark.long
def test_it_is_valid_by_the_schema_of_jenkins(report: ET.Element) -> None:
    xmlschema = pytest.importorskip("xmlschema")
    schema = xmlschema.XMLSchema(SCHEMA)
    without = ET.fromstring(ET.tostring(report))
    for case in without.iter("testcase"):
        for properties in case.findall("properties"):
            schema.elements["properties"].validate(properties)
            case.remove(properties)
    schema.validate(without)


@pytest.mark.parametrize("spoil", ["time", "verdict"])
def test_the_schema_finds_what_is_wrong(report: ET.Element, spoil: str) -> None:
    xmlschema = pytest.importorskip("xmlschema")
    wrong = ET.fromstring(ET.tostring(report))
    for case in wrong.iter("testcase"):
        for properties in case.findall("properties"):
            case.remove(properties)
    (suite,) = wrong.findall("testsuite")
    if spoil == "time":
        suite.set("time", "soon")
    else:
        ET.SubElement(suite[0], "verdict")
    assert not xmlschema.XMLSchema(SCHEMA).is_valid(wrong)


def test_junitparser_reads_it(folder: Path) -> None:
    junitparser = pytest.importorskip("junitparser")
    (suite,) = junitparser.JUnitXml.fromfile(str(folder / "alone.xml"))
    assert suite.name == "pse-preflight"
    assert suite.hostname
    assert (suite.failures, suite.errors) == (2, 0)
    failed = [case for case in suite if any(isinstance(each, junitparser.Failure) for each in case.result)]
    assert {case.name for case in failed} == {
        "test_chain_is_valid[demo-expired-leaf]",
        "test_chain_is_complete[demo-missing-intermediate]",
    }


def test_a_failure_is_enough_in_its_first_200_characters(report: ET.Element) -> None:
    failures = list(report.iter("failure"))
    assert failures
    for failure in failures:
        text = failure.text or ""
        assert failure.attrib["message"] == text.partition("\n")[0]
        assert re.match(r"[A-Z_0-9]+: .*(\"localhost\"|localhost)", text[:200])
        assert "\nfix: " in text


def test_each_case_has_its_facts_for_machines(report: ET.Element) -> None:
    for case in report.iter("testcase"):
        told = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        assert case.attrib["name"].endswith(f"[{told['system']}]")
        assert ("code" in told) is ("severity" in told)
        assert any(part.tag == "failure" for part in case) is (told.get("severity") in {"major", "blocker"})


def test_what_all_cases_of_a_system_share_stands_with_the_first(report: ET.Element) -> None:
    seen: set[str] = set()
    for case in report.iter("testcase"):
        told = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        if told["system"] in seen:
            assert told.keys() <= {"system", "code", "severity"}
            continue
        seen.add(told["system"])
        assert told["verdict"] == ("OK as recorded" if told["system"] == "demo" else "FAILED")
        assert told["host"] == "localhost"
        assert re.fullmatch(r"[0-9a-f]{64}", told["server_sha256"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["server_not_after"])
        assert told["chain_0_sha256"] == told["server_sha256"]
        assert told["recorded"].startswith("recorded on ")
    assert len(seen) == len(SYSTEMS.split(","))


WAITS = """
from pse_preflight.endpoint.model import Limits
from pse_preflight.run import all_systems

all_systems.Limits = lambda: Limits(tls=3.0)
"""


@pytest.mark.long
@pytest.mark.parametrize("parallel", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_waiting_is_booked_on_the_check_that_owns_it(tmp_path: Path, *, parallel: bool) -> None:
    (tmp_path / "waits.py").write_text(WAITS, encoding="utf-8")
    with serve(silent) as slow:
        (tmp_path / "systems.yaml").write_text(
            f"systems:\n  A: {{url: 'https://localhost:1', secudir: {tmp_path}/sec}}\n"
            f"  B: {{url: 'https://127.0.0.1:{slow.port}', secudir: {tmp_path}/sec}}\n",
            encoding="utf-8",
        )
        environment = surroundings(PYTHONPATH=os.pathsep.join((str(tmp_path), str(SOURCES))))
        options = ["--system=all", "--systems-file=systems.yaml", "--junitxml=r.xml", "-p", "waits"]
        run_checks(tmp_path, *options, *(PARALLEL if parallel else ()), environment=environment)
    times = {case.attrib["name"]: float(case.attrib["time"]) for case in ET.parse(tmp_path / "r.xml").iter("testcase")}
    owner = times.pop("test_tls_handshake_succeeds[B]")
    assert owner >= 3
    assert max(times.values()) < 3
    assert min(times.values()) >= 0


def test_a_system_takes_little_room(report: ET.Element) -> None:
    (suite,) = report
    assert len(ET.tostring(report)) < MOST_BYTES * len(SYSTEMS.split(","))
    assert suite.attrib["tests"] == str(len(suite))
    assert suite.attrib["skipped"] == str(len(list(report.iter("skipped"))))


def test_what_is_not_configured_is_no_case(report: ET.Element) -> None:
    names = {case.attrib["name"].partition("[")[0] for case in report.iter("testcase")}
    assert "test_this_is_the_clients_host" not in names
    assert "test_chain_is_valid" in names
    outputs = ["".join(part.text or "" for part in case.iter("system-out")) for case in report.iter("testcase")]
    told = [
        each for each in outputs if "not configured: client.account, client.hosts, client.product, client_ini" in each
    ]
    assert len(told) == len(SYSTEMS.split(","))


def test_where_nothing_at_all_is_configured_the_cases_stay(folder: Path) -> None:
    ran = _pytest(folder, "--replay=.pse-preflight", "--system=demo", "-m", "client", "--junitxml=client.xml")
    assert ran.returncode == 0
    assert re.search(r"^demo \(.*\): NOT JUDGED \(0 of 34 checks\)", ran.stdout, re.MULTILINE)
    cases = list(ET.parse(folder / "client.xml").iter("testcase"))
    verdicts = [
        each.attrib["value"] for case in cases for each in case.iter("property") if "verd" in each.attrib["name"]
    ]
    assert verdicts == ["NOT JUDGED (0 of 34 checks): test_pse_trusts_the_server did not run"]
    assert {case[1].attrib["message"] for case in cases} >= {"not configured: client.hosts"}


def test_no_case_names_a_file_of_this_installation(folder: Path, report: ET.Element) -> None:
    for case in report.iter("testcase"):
        assert not [each.text for each in case.iter("skipped") if each.text]
    text = (folder / "alone.xml").read_text(encoding="utf-8")
    assert str(SOURCES) not in text
    assert "fixtures" not in text


def test_each_system_has_its_evidence_once_with_files_that_are_there(folder: Path, report: ET.Element) -> None:
    telling = [case for case in report.iter("testcase") if case.find("system-out") is not None]
    assert len(telling) == len(SYSTEMS.split(","))
    assert [case.attrib["name"] for case in telling if case.find("failure") is not None] == [
        "test_chain_is_valid[demo-expired-leaf]",
        "test_chain_is_complete[demo-missing-intermediate]",
    ]
    for case in telling:
        (output,) = case.iter("system-out")
        text = output.text or ""
        attached = re.findall(r"\[\[ATTACHMENT\|(.+?)\]\]", text)
        assert attached
        assert all((folder / each).is_file() and not Path(each).is_absolute() for each in attached)
        assert "localhost" in text
        assert text.isascii()


@pytest.mark.parametrize(
    "hostile", ["[[ATTACHMENT|/etc/passwd]]", "x [[ATTACHMENT|a]] y", "[[[ATTACHMENT|a]]]", "[[attachment|a]]"]
)
def test_no_peer_attaches_a_file(hostile: str) -> None:
    """GitLab looks for the sign anywhere in the text, Jenkins in lines of their own."""
    chain = (certificate(hostile, "server"), certificate(hostile, "root"))
    facts = report_facts.system(
        chain=chain, changes=(hostile,), proxy=hostile, address=hostile, tls=hostile, origin=hostile
    )
    text = evidence_text(facts)
    assert re.findall(r"\[\[.*", text) == [f"[[ATTACHMENT|{Path(each)}]]" for each in facts.files]
    assert "/etc/passwd" not in hostile or "/etc/passwd" in text


def test_the_evidence_is_told_once_and_not_on_the_terminal(folder: Path, report: ET.Element) -> None:
    outputs = [part.text or "" for case in report.iter("testcase") for part in case.iter("system-out")]
    assert [len(re.findall(r"PSE (?:/|\w:\\)", each)) for each in outputs] == [1] * len(SYSTEMS.split(","))
    assert "Captured" not in "".join(outputs)
    assert "ATTACHMENT" not in _pytest(folder, "--replay=.pse-preflight", "-rA").stdout


def test_what_could_not_be_checked_is_an_error(tmp_path: Path) -> None:
    tool = tmp_path / ("sapgenpse.exe" if sys.platform == "win32" else "sapgenpse")
    if sys.platform == "win32":
        shutil.copyfile(Path(os.environ["SYSTEMROOT"], "System32", "hostname.exe"), tool)
    else:
        tool.write_text("#!/bin/sh\nexit 3\n")
        tool.chmod(0o755)
    _pytest(tmp_path, "--system=demo", "--engine=bundled", "-q")
    _pytest(tmp_path, "--system=demo", f"--sapgenpse={tool}", "--junitxml=report.xml", "--read-only")
    cases = {case.attrib["name"]: case for case in ET.parse(tmp_path / "report.xml").iter("testcase")}
    error = cases["test_pse_exists[demo]"].find("error")
    assert error is not None
    assert error.attrib["message"].startswith("TOOL_FAILED: ")


def test_a_system_that_cannot_be_judged_is_in_every_report(tmp_path: Path) -> None:
    root = root_authority("Root", now() - timedelta(days=1), 900).certificate
    (tmp_path / "gone.pem").write_text(Certificate.of(root).pem)
    (tmp_path / "goes.py").write_text(
        "from pathlib import Path\n\ndef pytest_collection_finish():\n    Path('gone.pem').unlink()\n"
    )
    (tmp_path / "systems.yaml").write_text(
        f"systems: {{PRD: {{url: https://localhost:9, roots: gone.pem, secudir: {tmp_path}/sec}}}}\n"
    )
    paths = os.pathsep.join((str(tmp_path), str(SOURCES)))
    options = ["--system=PRD", "--engine=bundled", "--trust-report=page.html", "-k", "chain_is_valid", "-p", "goes"]
    run = run_checks(tmp_path, *options, environment=surroundings(PYTHONPATH=paths))
    assert run.returncode == 1
    assert re.search(r"^PRD: FAILED$", run.stdout, re.MULTILINE)
    result = json.loads((tmp_path / ".pse-preflight" / "result.json").read_text())
    assert result["verdict"] == "FAILED"
    assert "gone.pem cannot be used" in result["systems"][0]["checks"][0]["reason"]
    assert "gone.pem cannot be used" in (tmp_path / "page.html").read_text()


@pytest.mark.long
def test_result_json_keeps_to_its_published_schema(folder: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((CHECKOUT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
    told = json.loads((folder / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(told)
    assert not validator.is_valid({**told, "verdict": "fine"})


def test_result_json_tells_monitoring_when_trust_ends(folder: Path) -> None:
    told = json.loads((folder / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    systems = {each["alias"]: each for each in told["systems"]}
    assert systems["demo"]["verdict"].startswith("OK")
    assert systems["demo"]["facts"]["trust_ends"] > told["run"]["made"]
    assert systems["demo-expired-leaf"]["facts"]["trust_ends"] is None
    assert systems["demo-expired-leaf"]["decisive"]["code"] == "CERTIFICATE_EXPIRED"


def test_the_published_schema_is_the_one_of_the_code() -> None:
    from pse_preflight.report import facts

    published = json.loads((CHECKOUT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
    assert published == facts.schema()


def test_a_page_that_cannot_be_written_ends_with_exit_code_4(folder: Path) -> None:
    (folder / "file").touch()
    run = _pytest(folder, "--replay=.pse-preflight", "--trust-report=file/page.html", "-q", "-k", "is_strong")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert re.search(r"^ERROR: .* cannot be written: ", run.stderr, re.MULTILINE)


def test_a_page_whose_folder_vanishes_ends_with_exit_code_4(folder: Path) -> None:
    (folder / "vanish.py").write_text(
        "import shutil\ndef pytest_sessionstart():\n    shutil.rmtree('pages'); open('pages', 'w').close()\n",
        encoding="utf-8",
    )
    (folder / "pages").mkdir()
    options = ("--replay=.pse-preflight", "--trust-report=pages/page.html", "-q", "-k", "is_strong", "-p", "vanish")
    run = _pytest(folder, *options)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {folder / 'pages'} cannot be written: " in run.stdout


def test_quiet_is_silent(folder: Path) -> None:
    run = _pytest(folder, "--replay=.pse-preflight", "-q", "--system=demo")
    assert "pse-preflight" not in run.stdout
    assert "Not checked" not in run.stdout
    assert re.search(r"^demo: OK as recorded \(recorded on ", run.stdout, re.MULTILINE)
    assert "unauthenticated" in run.stdout


def test_a_file_is_named_as_it_is_whatever_letters_it_has(tmp_path: Path) -> None:
    _pytest(tmp_path, "--system=demo", "--evidence=ev ö Ж", "--junitxml=r.xml", "-k", "names_the_api_host")
    report = (tmp_path / "r.xml").read_text(encoding="utf-8")
    assert "[[ATTACHMENT|ev ö Ж/demo/evidence.json]]" in report
    assert (tmp_path / "ev ö Ж" / "demo" / "evidence.json").is_file()
