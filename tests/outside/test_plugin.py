"""The toolkit as pytest sees it: options, selection, ways of loading, and that other people's tests are left alone."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pse_preflight.checklist import CHECKS
from tests.kit.places import CHECKOUT
from tests.kit.runs import PARALLEL, run_checks, run_module, run_result
from tests.kit.systems import write_pse
from tests.kit.tiers import first

CHECK_COUNT = len(CHECKS)
NOT_CONFIGURED = 10
"""So many checks of the demo have nothing to judge: its client is described nowhere, and no root is required."""
USUALLY_SKIPPED = 11


@pytest.fixture
def checks(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a folder in which the checks of this checkout can be run as separate processes."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("HOME", str(pytester.path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT / "src"), str(pytester.path)]))
    return pytester


def _run(checks: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return run_result(run_checks(checks.path, "--engine=bundled", *arguments))


def _landscape(checks: pytest.Pytester, text: str) -> None:
    (checks.path / "systems.yaml").write_text(text, encoding="utf-8")


def _usage_error(result: pytest.RunResult, *says: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    output = f"{result.stdout.str()}\n{result.stderr.str()}"
    (line,) = (line for line in output.splitlines() if line.startswith("ERROR: "))
    for each in says:
        assert each in line
    assert "Traceback" not in output


def test_the_main_job_passes_and_the_second_run_finds_everything_as_it_was(checks: pytest.Pytester) -> None:
    first = _run(checks, "--system=demo", "--junitxml=report.xml")
    assert first.ret == 0, first.stdout.str()
    first.stdout.fnmatch_lines(
        ["demo (localhost:*): OK (PSE created); trusted until 20*", "Not checked: alias user and password*"]
    )
    kept = {file: file.read_bytes() for file in (checks.path / ".pse-preflight").rglob("*") if _is_kept(file)}
    assert {file.name for file in kept} == {"client.pse", "root.pem", "root.key", "issuing.pem", "issuing.key"}
    second = _run(checks, "--system=demo")
    assert second.ret == 0
    second.stdout.fnmatch_lines(["demo (localhost:*): OK; trusted until 20*"])
    assert kept == {file: file.read_bytes() for file in kept}


def _is_kept(file: Path) -> bool:
    return file.suffix in {".pse", ".key"} or (file.parent.name == "demo-authority" and file.suffix == ".pem")


def test_junit_names_the_check_and_the_system(checks: pytest.Pytester) -> None:
    _run(checks, "--system=demo", "--junitxml=report.xml")
    cases = ElementTree.parse(checks.path / "report.xml").findall(".//testcase")
    assert len(cases) == CHECK_COUNT - NOT_CONFIGURED
    names = {(case.attrib["classname"].rpartition(".")[2], case.attrib["name"]) for case in cases}
    assert ("test_chain", "test_chain_is_valid[demo]") in names
    properties = {each.attrib["name"]: each.attrib["value"] for each in cases[0].findall(".//property")}
    assert properties["system"] == "demo"
    assert properties["host"] == "localhost"


def test_the_short_form_puts_the_evidence_into_the_junit_report(checks: pytest.Pytester) -> None:
    options = ("--system=demo", "--engine=bundled", "--junitxml=report.xml")
    assert run_module("pse_preflight", *options, folder=checks.path).returncode == 0
    (case, *_) = ElementTree.parse(checks.path / "report.xml").findall(".//testcase")
    assert "[[ATTACHMENT|" in str(case.findtext("system-out"))


RED = {
    "missing-intermediate": ("SERVER_OMITS_INTERMEDIATE", "test_chain_is_complete"),
    "wrong-intermediate": ("SERVER_SENDS_WRONG_INTERMEDIATE", "test_chain_is_complete"),
    "untrusted-root": ("ROOT_UNTRUSTED", "test_chain_is_valid"),
    "self-signed": ("CERTIFICATE_SELF_SIGNED", "test_chain_is_valid"),
    "expired-leaf": ("CERTIFICATE_EXPIRED", "test_chain_is_valid"),
    "expired-intermediate": ("CERTIFICATE_EXPIRED", "test_chain_is_valid"),
    "wrong-host": ("HOST_NOT_IN_CERTIFICATE", "test_certificate_names_the_host"),
}


@pytest.mark.long
@pytest.mark.parametrize("scenario", [*RED, "good", "root-sent"])
def test_each_demo_scenario_has_one_red_check_with_its_own_code(checks: pytest.Pytester, scenario: str) -> None:
    result = _run(checks, f"--system=demo:{scenario}", "--junitxml=report.xml")
    cases = ElementTree.parse(checks.path / "report.xml").findall(".//testcase")
    failed = {case.attrib["name"]: case.find("failure") for case in cases}
    red = {name: each.attrib["message"] for name, each in failed.items() if each is not None}
    assert not [case for case in cases if case.find("error") is not None]
    if scenario not in RED:
        assert (result.ret, red) == (0, {})
        return
    code, check = RED[scenario]
    assert result.ret == 1
    ((name, message),) = red.items()
    assert name == f"{check}[demo-{scenario}]"
    assert message.startswith(f"{code}: ")
    assert not (checks.path / ".pse-preflight" / f"demo-{scenario}" / "client.pse").exists()


@pytest.mark.long
def test_the_demo_described_as_an_ordinary_system_gives_the_same_results(checks: pytest.Pytester) -> None:
    """The demo's server is asked from a second process, as any other system is."""
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]);"
        "from pse_preflight.demo import server as demo;"
        "described = demo.describe('', pathlib.Path('served').absolute()); described.start();"
        "print(described.keys['url'], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(CHECKOUT / "src")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checks.path) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        _landscape(
            checks,
            f"systems:\n  demo2: {{url: {url}, roots: served/demo-authority/root.pem,"
            f" secudir: {checks.path}/s, pse: client.pse}}\n",
        )
        ordinary = _outcomes(checks, "--system=demo2")
        server.communicate("")
    demo = _outcomes(checks, "--system=demo")
    # Only an ordinary system is told that SAP's tool has not seen its PSE yet.
    assert ordinary == demo


def _outcomes(checks: pytest.Pytester, *arguments: str) -> dict[str, str]:
    _run(checks, *arguments, "--junitxml=outcomes.xml")
    cases = ElementTree.parse(checks.path / "outcomes.xml").findall(".//testcase")
    return {
        case.attrib["name"].partition("[")[0]: next((part.tag for part in case if part.tag != "properties"), "passed")
        for case in cases
    }


def test_without_a_system_the_checks_are_a_misuse(checks: pytest.Pytester) -> None:
    _usage_error(_run(checks), "no --system given", "--system=demo")


@pytest.mark.long
def test_without_a_system_the_checks_are_a_misuse_in_parallel_too(checks: pytest.Pytester) -> None:
    _usage_error(_run(checks, *PARALLEL), "no --system given")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--system=PDR"], ["--system=PDR: no such system; did you mean PRD?"]),
        (["--system=demo:nothing"], ["no such scenario", "missing-intermediate"]),
        (["--system=,"], ["names no system"]),
        (["--system=PRD", "--systems-file=nowhere.yaml"], ["nowhere.yaml", "cannot be read"]),
        (["--system=demo", "--at=2027-02-30"], ["--at=2027-02-30", "no such day"]),
        (["--system=demo", "--retry=soon"], ["--retry=soon: is no number of seconds up to 3600"]),
        (["--system=demo", "--retry=3601"], ["--retry=3601: is no number of seconds up to 3600"]),
        (["--system=demo", "--retry=-1"], ["--retry=-1: is no number of seconds"]),
        (["--replay=.pse-preflight", "--retry=5"], ["--replay and --retry contradict"]),
        (["--system=demo", "--sapgenpse=/x"], ["contradict"]),
        (["--system=demo", "--repair", "--read-only"], ["--repair and --read-only contradict"]),
        (["--system=demo", "--repair", "--at=2030-01-01"], ["--repair and --at contradict"]),
        (["--system=PRD", "--presented=nowhere.pem"], ["--presented: ", "nowhere.pem cannot be read"]),
        (["--system=PRD", "--presented=systems.yaml"], ["systems.yaml", "holds no certificate"]),
        (["--system=KEPT", "--repair"], ["--repair: KEPT is not to be changed (create: false"]),
        (["--system=https://host.example.com", "--repair"], ["host.example.com is not to be changed"]),
        (["--system=demo", "--roots-in-use=nowhere.yaml"], ["nowhere.yaml: cannot be read"]),
        (["--system=demo", "-o", "preflight_fail_on=never"], ["none of blocker, major, minor"]),
    ],
)
@pytest.mark.parametrize("parallel", first(1, [False, True]))
def test_a_misuse_is_one_line_and_exit_code_4(
    checks: pytest.Pytester, arguments: list[str], says: list[str], parallel: bool
) -> None:
    _landscape(checks, "systems: {PRD: {url: prd.example.com}, KEPT: {url: kept.example.com, create: false}}")
    _usage_error(_run(checks, *arguments, *(PARALLEL if parallel else [])), *says)


def test_a_bad_systems_file_is_told_with_its_line(checks: pytest.Pytester) -> None:
    _landscape(checks, "systems:\n  PRD:\n    urll: x\n")
    _usage_error(_run(checks, "--system=PRD"), "systems.yaml:3: ", "did you mean url?")


def test_nothing_is_asked_while_collecting(checks: pytest.Pytester) -> None:
    result = _run(checks, "--system=demo,demo:expired-leaf", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_chain_is_valid?demo?", "*test_chain_is_valid?demo-expired-leaf?"])
    assert not (checks.path / ".pse-preflight").exists()


def test_only_the_systems_of_selected_checks_are_asked(checks: pytest.Pytester) -> None:
    result = _run(checks, "--system=demo,demo:expired-leaf", "-k", "demo-expired-leaf and chain_is_strong")
    result.assert_outcomes(passed=1, deselected=2 * CHECK_COUNT - 1)
    assert not (checks.path / ".pse-preflight" / "demo").exists()
    assert not list(checks.path.rglob("*.pse"))


def test_without_network_checks_nothing_is_asked_and_nothing_is_made(checks: pytest.Pytester) -> None:
    result = _run(checks, "--system=demo", "-m", "not network")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*PSE_MISSING: there is no PSE at *no check is selected that may create one*"])
    assert not list(checks.path.rglob("*.pse"))


def test_a_cause_is_red_even_if_its_own_check_is_not_selected(checks: pytest.Pytester) -> None:
    result = _run(checks, "--system=demo:expired-leaf", "-m", "trust")
    result.assert_outcomes(failed=3, deselected=CHECK_COUNT - 3)
    result.stdout.fnmatch_lines(["*CERTIFICATE_EXPIRED: *"])


def test_read_only_makes_nothing_and_says_so(checks: pytest.Pytester) -> None:
    result = _run(checks, "--system=demo", "--read-only")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*PSE_MISSING: *none was made: --read-only*"])
    assert not list(checks.path.rglob("*.pse"))


def test_repair_mends_what_a_plain_run_only_names(checks: pytest.Pytester) -> None:
    pse = checks.path / ".pse-preflight" / "demo" / "client.pse"
    before = write_pse(pse)
    named = _run(checks, "--system=demo")
    assert named.ret == 1
    named.stdout.fnmatch_lines(["*PK_LIST_EMPTY: *", "*run again with --repair --engine=bundled*"])
    assert pse.read_bytes() == before
    mended = _run(checks, "--system=demo", "--repair")
    assert mended.ret == 0, mended.stdout.str()
    mended.stdout.fnmatch_lines(["*PSE_REPAIRED:*"])
    assert pse.with_name("client.pse.backup-1").read_bytes() == before
    assert _run(checks, "--system=demo").ret == 0


@pytest.mark.long
def test_at_a_later_day_the_renewals_are_expected_and_nothing_is_live(checks: pytest.Pytester) -> None:
    assert _run(checks, "--system=demo").ret == 0
    result = _run(checks, "--system=demo", "--at=2035-01-01", "-rs")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*another day is judged*", "*RENEWAL_DUE: *"])


@pytest.mark.long
def test_after_the_root_has_ended_nothing_is_green(checks: pytest.Pytester) -> None:
    assert _run(checks, "--system=demo").ret == 0
    result = _run(checks, "--system=demo", "--at=2100-01-01")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*CERTIFICATE_EXPIRED: *"])


@pytest.mark.long
def test_the_checks_give_the_same_results_in_parallel(checks: pytest.Pytester) -> None:
    assert _outcomes(checks, "--system=demo") == _outcomes(checks, "--system=demo", *PARALLEL)


def test_ini_settings_stand_for_options(checks: pytest.Pytester) -> None:
    ini = "[pytest]\npreflight_system = demo\npreflight_read_only = true\npreflight_evidence = proof\n"
    (checks.path / "pytest.ini").write_text(ini)
    result = run_result(run_checks(checks.path, "-c", "pytest.ini", "-p", "pse_preflight.plugin"))
    result.stdout.fnmatch_lines(["*none was made: --read-only*"])
    assert (checks.path / "proof" / "demo" / "evidence.json").exists()


def test_quiet_means_quiet(checks: pytest.Pytester) -> None:
    assert "Not checked" not in _run(checks, "--system=demo", "-q").stdout.str()


def test_evidence_holds_observations(checks: pytest.Pytester) -> None:
    _run(checks, "--system=demo")
    folder = checks.path / ".pse-preflight" / "demo"
    told = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    assert told["format"] == 2
    assert told["endpoint"]["tls_version"] == "TLSv1.2"
    assert (folder / "presented.pem").read_text().count("BEGIN CERTIFICATE") == 2
    assert (folder / "path.pem").read_text().count("BEGIN CERTIFICATE") == 3


STRANGER = """
import pytest

@pytest.fixture
def system():
    return "my own"

@pytest.mark.parametrize("chain", [1, 2])
def test_mine(system, chain):
    assert system == "my own"
"""


def test_other_peoples_tests_are_left_alone(checks: pytest.Pytester) -> None:
    checks.makepyfile(STRANGER)
    result = run_result(run_module("pytest", "-p", "pse_preflight.plugin", "--strict-markers", folder=checks.path))
    result.assert_outcomes(passed=2)
    assert "pse-preflight:" not in result.stdout.str()


OFFLINE = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.{mark})
"""
REFUSING = """
import pytest

def pytest_runtest_setup(item):
    pytest.skip("offline")
"""


@pytest.mark.parametrize(
    ("plugin", "option"),
    [
        (OFFLINE.format(mark="skip(reason='offline')"), "-rs"),
        (OFFLINE.format(mark="xfail(run=False, reason='offline')"), "-rx"),
        (REFUSING, "-rs"),
        ("", "--setup-plan"),
    ],
    ids=["skip", "xfail", "a hook", "plan"],
)
def test_what_others_keep_from_running_asks_nothing_and_makes_nothing(
    checks: pytest.Pytester, plugin: str, option: str
) -> None:
    (checks.path / "offline.py").write_text(plugin, encoding="utf-8")
    result = _run(checks, "-p", "offline", option, "-k", "test_pse", "--system=demo", f"--rootdir={checks.path}")
    assert result.ret == 0, result.stdout.str()
    assert "passed" not in result.parseoutcomes()
    assert not list(checks.path.rglob("*.pse"))
    assert option == "--setup-plan" or "offline" in result.stdout.str()


def test_other_peoples_tests_are_left_alone_beside_ours(checks: pytest.Pytester) -> None:
    checks.makepyfile(test_stranger=STRANGER)
    result = _run(checks, str(checks.path / "test_stranger.py"), "--system=demo")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] >= CHECK_COUNT - USUALLY_SKIPPED


@pytest.mark.parametrize("parallel", first(1, [((),), (PARALLEL,)]), ids=["alone", "parallel"])
@pytest.mark.parametrize("content", [STRANGER, ""], ids=["other tests", "no tests"])
def test_a_system_that_no_check_looks_at_is_a_misuse(
    checks: pytest.Pytester, content: str, parallel: tuple[str, ...]
) -> None:
    checks.makepyfile(content)
    run = ("pytest", "-p", "pse_preflight.plugin", "--system=https://host.example.com", *parallel)
    result = run_result(run_module(*run, folder=checks.path))
    _usage_error(result, "no check of pse-preflight is among these tests", "pytest checks/")
    assert "passed" not in result.stdout.str()


def test_a_system_that_an_ini_names_leaves_other_peoples_tests_alone(checks: pytest.Pytester) -> None:
    checks.makepyfile(STRANGER)
    (checks.path / "pytest.ini").write_text("[pytest]\npreflight_system = demo\n")
    result = run_result(run_module("pytest", "-p", "pse_preflight.plugin", folder=checks.path))
    result.assert_outcomes(passed=2)


def test_what_is_wrong_with_other_peoples_tests_is_told_first(checks: pytest.Pytester) -> None:
    checks.makepyfile("import nothing_of_this_name")
    result = run_result(run_module("pytest", "-p", "pse_preflight.plugin", "--system=demo", folder=checks.path))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "no check of pse-preflight" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("options", [("-k", "nothing_of_this_name"), ("-m", "not network and network")])
def test_checks_that_were_all_left_out_are_no_misuse(checks: pytest.Pytester, options: tuple[str, str]) -> None:
    assert _run(checks, "--system=demo", *options).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_header_names_the_systems_file(checks: pytest.Pytester) -> None:
    _landscape(checks, "systems: {PRD: {url: prd.example.com}}")
    shown = " ".join(_run(checks, "--system=PRD,demo", "--collect-only").stdout.str().split())
    assert f"systems file: {checks.path / 'systems.yaml'}" in shown
    assert "systems file" not in _run(checks, "--system=demo", "--collect-only").stdout.str()


ROOTS = {
    "missing": (None, "missing.pem: cannot be read: "),
    "empty": (b"", "empty.pem: is empty"),
    "damaged": (
        b"-----BEGIN CERTIFICATE-----\nMII*\n-----END CERTIFICATE-----\n",
        "damaged.pem: certificate 1 (line 1): ",
    ),
}


@pytest.mark.parametrize(
    "parallel", [pytest.param((), id="alone"), pytest.param(PARALLEL, id="parallel", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("kind", ROOTS)
def test_roots_that_cannot_be_read_are_told_once_and_nothing_is_asked(
    checks: pytest.Pytester, kind: str, parallel: tuple[str, ...]
) -> None:
    content, says = ROOTS[kind]
    if content is not None:
        (checks.path / f"{kind}.pem").write_bytes(content)
    keys = f"secudir: {checks.path}/sec, roots: {kind}.pem"
    _landscape(
        checks, f"systems:\n  A: {{url: https://localhost:1, {keys}}}\n  B: {{url: https://localhost:2, {keys}}}\n"
    )
    result = _run(checks, "--system=all", *parallel)
    _usage_error(result, "systems.yaml:2: A: roots: ", says, "a file of certificates")
    assert not (checks.path / ".pse-preflight").exists()
    assert not (checks.path / "sec").exists()


def test_loading_the_plugin_is_cheap(checks: pytest.Pytester) -> None:
    heavy = {"requests", "cryptography", "yaml", "pydantic"}
    code = f"import pse_preflight.plugin, sys; assert not {heavy} & set(sys.modules)"
    assert checks.run(sys.executable, "-c", code).ret == 0


WAYS = ["wheel", "editable", "wheel beside a checkout"]


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment that sees this one's packages, and a wheel of this project."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(folder),
            str(CHECKOUT),
        ],
        check=True,
        timeout=300,
    )
    return folder


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_loading_loads_it_once(pytester: pytest.Pytester, wheelhouse: Path, way: str) -> None:
    home = pytester.path / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _see_packages_of_this_environment(home)
    what = ["-e", str(CHECKOUT)] if way == "editable" else [str(next(wheelhouse.glob("*.whl")))]
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*install, *what], check=True, timeout=300)
    target = ["--pyargs", "pse_preflight.checks"] if way == "wheel" else [str(CHECKOUT / "checks")]
    options = ["--engine=bundled", "--system=demo", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    result = pytester.run(python, "-m", "pytest", *target, *options, timeout=120)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    where = home if way == "wheel" else CHECKOUT / "src"  # in a checkout the checkout counts
    result.stdout.fnmatch_lines([f"pse-preflight: 0.1.0 ({where}*"])
    assert result.parseoutcomes()["passed"] >= CHECK_COUNT - USUALLY_SKIPPED
    names = _junit_names(pytester.path / "report.xml")
    assert ("pse-preflight", "pse_preflight.checks.test_chain", "test_chain_is_valid[demo]") in names
    program = pytester.run(python, "-m", "pse_preflight", *options, timeout=120)
    assert program.ret == 0, program.stdout.str() + program.stderr.str()
    assert _junit_names(pytester.path / "report.xml") == names


def _junit_names(report: Path) -> set[tuple[str, str, str]]:
    (suite,) = ElementTree.parse(report).findall(".//testsuite")
    return {(suite.attrib["name"], case.attrib["classname"], case.attrib["name"]) for case in suite.findall("testcase")}


def _see_packages_of_this_environment(home: Path) -> None:
    """Give the environment the dependencies, but not this project, which it gets in its own way."""
    (site,) = [*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")]
    for path in map(Path, sys.path):
        if path.name == "site-packages":
            for package in path.iterdir():
                if "pse_preflight" not in package.name and not package.name.startswith("__editable__"):
                    (site / package.name).symlink_to(package)


def test_a_check_that_asks_pytest_for_itself_is_given_it(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    shutil.copytree(CHECKOUT / "checks", folder, ignore=shutil.ignore_patterns("test_*", "__pycache__"))
    name = "test_chain_is_valid"
    said = f"def {name}(system, request):\n    assert request.node.name == f'{name}[{{system.alias}}]'\n"
    (folder / "test_chain.py").write_text(said, encoding="utf-8")
    ended = run_module("pytest", str(folder), "--system=demo", "-p", "pse_preflight.plugin", folder=tmp_path)
    assert ended.returncode == 0, ended.stdout
