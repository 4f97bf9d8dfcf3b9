"""The collection, run by Ansible itself: two hosts with roots and PSEs of their own, and one that is away."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from pse_preflight.certificate import Certificate
from pse_preflight.command import program
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import file as pse_file
from tests.kit.places import CHECKOUT
from tests.kit.pse_mutations import START, authorities, variants

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="Ansible does not run on Windows"),
]

SOURCE = CHECKOUT / "deploy" / "ansible"
PROGRAMS = Path(sys.executable).parent
ROOT = Certificate.of(root_authority("Later Root", START, 3650).certificate)
ROOT_NAME = "CN=Later Root, O=pse-preflight"
OTHER = Certificate.of(root_authority("Other Root", START, 3650).certificate)
CHECK = {
    "name": "Check",
    "hosts": "all",
    "tasks": [{"ansible.builtin.include_role": {"name": "pse_preflight.trust.preflight"}}],
}


class Control:
    """The controlling machine, with the collection installed and hosts below a folder."""

    def __init__(self, folder: Path, names: Sequence[str] = ("a", "b")) -> None:
        self.folder = folder
        self.collections = folder / "collections"
        ran = self.program("ansible-galaxy", "collection", "build", str(SOURCE), "--output-path", str(folder))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        (self.archive,) = folder.glob("pse_preflight-trust-*.tar.gz")
        ran = self.program("ansible-galaxy", "collection", "install", str(self.archive), "-p", str(self.collections))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        hosts = {name: self._host(name) for name in names}
        (folder / "inventory.yml").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")

    def _host(self, name: str) -> dict[str, str]:
        home = self.folder / name
        home.mkdir()
        (home / "python").symlink_to(sys.executable)
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(PROGRAMS / "python"),
            "preflight_program": str(PROGRAMS / "pse-preflight"),
            "preflight_systems": "demo",
            "preflight_evidence": str(home / "evidence"),
            "preflight_fetch_to": str(self.folder / "fetched"),
            "pse": str(self.pse(name)),
        }

    def pse(self, host: str) -> Path:
        return self.folder / host / "evidence" / "demo" / "client.pse"

    def program(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "ANSIBLE_"))}
        return subprocess.run(
            [str(PROGRAMS / name), *arguments],
            cwd=self.folder,
            env={
                **kept,
                "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_HOME": str(self.folder / "home"),
                "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
                "ANSIBLE_NOCOLOR": "1",
            },
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    def play(self, play: object, *options: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
        return self.program("ansible-playbook", "-i", "inventory.yml", "play.yml", *options)


def recap(ran: subprocess.CompletedProcess[str]) -> dict[str, dict[str, int]]:
    """Return what the recap counts for each host."""
    lines = re.findall(r"^(\w+) +: (ok=.*)$", ran.stdout, re.MULTILINE)
    return {host: {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Control:
    return Control(tmp_path_factory.mktemp("control"))


def certificate(state: str = "present", given: Certificate = ROOT, **more: str) -> dict[str, object]:
    """Return a play that keeps one certificate in the PSE of each host."""
    pem = given.parsed.public_bytes(Encoding.PEM).decode()
    given_as = {"certificate": pem} if state == "present" else {"sha256": given.sha256.upper()}
    task = {"pse_preflight.trust.pse_certificate": {"path": "{{ pse }}", "state": state, **given_as, **more}}
    return {"name": "Trust", "hosts": "all", "gather_facts": False, "tasks": [task]}


def listed(pse: Path) -> list[str]:
    return [each.subject for each in pse_file.read(pse.read_bytes()).trusted]


def test_two_hosts_from_nothing_to_a_second_run_that_changes_nothing(control: Control) -> None:
    """One story in its order: what check mode says before there is a PSE, what a run makes, what another one finds."""
    before = control.play(CHECK, "--check", "--diff", "-e", "preflight_fail_when_red=false")
    assert before.returncode == 0, before.stdout + before.stderr
    assert not control.pse("a").exists()
    assert json.loads((control.folder / "fetched" / "a" / "result.json").read_text())["verdict"] == "FAILED"

    wanted = control.play(certificate(), "--check", "--diff")
    assert recap(wanted)["a"]["changed"] == 1, wanted.stdout
    assert ROOT.sha256 in wanted.stdout
    assert not control.pse("a").exists()

    red = control.play(CHECK)
    assert red.returncode == 2
    assert "PSE_MISSING" in red.stdout

    made = control.play(CHECK, "-e", "preflight_make_pse=true")
    assert made.returncode == 0, made.stdout
    assert {host: counts["changed"] for host, counts in recap(made).items()} == {"a": 1, "b": 1}
    roots = {host: listed(control.pse(host)) for host in ("a", "b")}
    assert control.pse("a").read_bytes() != control.pse("b").read_bytes()

    again = control.play(CHECK, "-e", "preflight_make_pse=true")
    assert again.returncode == 0, again.stdout
    assert {host: counts["changed"] for host, counts in recap(again).items()} == {"a": 0, "b": 0}

    checked = control.play(certificate(), "--check", "--diff")
    assert {counts["changed"] for counts in recap(checked).values()} == {1}
    assert re.search(rf"^\+{ROOT.sha256} CN=Later Root", checked.stdout, re.MULTILINE)
    assert {host: listed(control.pse(host)) for host in ("a", "b")} == roots

    added = control.play(certificate())
    assert {counts["changed"] for counts in recap(added).values()} == {1}, added.stdout
    assert all(set(listed(control.pse(host))) - set(roots[host]) == {ROOT_NAME} for host in ("a", "b"))
    assert {counts["changed"] for counts in recap(control.play(certificate())).values()} == {0}

    taken = control.play(certificate("absent"))
    assert {counts["changed"] for counts in recap(taken).values()} == {1}
    assert {host: listed(control.pse(host)) for host in ("a", "b")} == roots
    assert {counts["changed"] for counts in recap(control.play(certificate("absent"))).values()} == {0}


def test_what_the_hosts_have_found_is_one_table(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    ran = control.play(CHECK, "-e", "preflight_make_pse=true")
    assert ran.returncode == 0, ran.stdout
    files = [str(control.folder / "fetched" / host / "result.json") for host in ("a", "b")]
    assert program.run(["report", "table", *files]) == 0
    assert capsys.readouterr().out.count("demo") >= 2


def test_a_host_that_is_away_is_named_and_the_others_are_checked(control: Control) -> None:
    inventory = yaml.safe_load((control.folder / "inventory.yml").read_text(encoding="utf-8"))
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    inventory["all"]["hosts"]["away"] = away
    (control.folder / "with-away.yml").write_text(json.dumps(inventory), encoding="utf-8")
    ran = control.play(CHECK, "-i", "with-away.yml", "-e", "preflight_make_pse=true")
    assert ran.returncode == 4, ran.stdout
    assert recap(ran)["away"]["unreachable"] == 1
    assert recap(ran)["a"]["failed"] == recap(ran)["b"]["failed"] == 0


@pytest.mark.parametrize(
    ("play", "says"),
    [
        (certificate(sha256=OTHER.sha256), "and not the one that sha256 names"),
        (certificate(sha256="12"), "64 hexadecimal digits"),
        (certificate(certificate="no certificate"), "certificate"),
        (certificate(path="client.pse"), "not absolute"),
        (certificate(path="/nowhere/client.pse"), "there is no PSE"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(control: Control, play: object, says: str) -> None:
    if not control.pse("a").exists():
        control.play(CHECK, "-e", "preflight_make_pse=true")
    before = control.pse("a").read_bytes()
    ran = control.play(play, "--limit", "a")
    assert ran.returncode == 2
    assert says in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert control.pse("a").read_bytes() == before


def test_a_certificate_of_which_the_pse_holds_the_signed_part_only_goes_by_its_certificate(
    control: Control, tmp_path: Path
) -> None:
    """It has no fingerprint, so by that alone nobody can say that it is not there."""
    pse = tmp_path / "old.pse"
    pse.write_bytes(variants()["list without the whole ones"].file)
    unwanted, *others = authorities(3)
    assert len(listed(pse)) == len(others) + 1
    refused = control.play(certificate("absent", unwanted, path=str(pse)), "--limit", "a")
    assert refused.returncode == 2
    assert "no fingerprint to compare" in refused.stdout
    assert len(listed(pse)) == len(others) + 1
    pem = unwanted.parsed.public_bytes(Encoding.PEM).decode()
    for changed in (1, 0):
        taken = control.play(certificate("absent", unwanted, path=str(pse), certificate=pem), "--limit", "a")
        assert recap(taken)["a"]["changed"] == changed, taken.stdout
        assert {each.tbs for each in pse_file.read(pse.read_bytes()).trusted} == {
            each.parsed.tbs_certificate_bytes for each in others
        }


def test_pse_info_tells_what_stands_there(control: Control, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    (tmp_path / "pin.pse").write_bytes(pse_file.read(_some_pse(control).read_bytes()).encode("1234"))
    paths = [str(_some_pse(control)), str(tmp_path / "nothing"), str(tmp_path / "text"), str(tmp_path / "pin.pse")]
    look = {"pse_preflight.trust.pse_info": {"path": "{{ item }}"}, "loop": paths, "register": "seen"}
    copy = {"ansible.builtin.copy": {"content": "{{ seen.results | to_json }}", "dest": str(tmp_path / "seen.json")}}
    ran = control.play({"name": "Look", "hosts": "a", "gather_facts": False, "tasks": [look, copy]})
    assert ran.returncode == 0, ran.stdout
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert [each["state"] for each in seen] == ["readable", "missing", "unreadable", "pin"]
    assert [each["subject"] for each in seen[0]["certificates"]] == listed(_some_pse(control))
    assert "PRIVATE" not in ran.stdout


def _some_pse(control: Control) -> Path:
    if not control.pse("a").exists():
        control.play(CHECK, "-e", "preflight_make_pse=true")
    return control.pse("a")


def test_the_linter_of_ansible_has_nothing_to_say(tmp_path: Path) -> None:
    place = tmp_path / "ansible_collections" / "pse_preflight" / "trust"
    shutil.copytree(SOURCE, place)
    command = [str(PROGRAMS / "ansible-lint"), "--offline", "--nocolor", "--profile", "production"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "ANSIBLE_"))}
    environment = {**kept, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    subprocess.run(["git", "init", "-q", str(place)], check=True, timeout=60)  # the linter looks at what git knows
    ran = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tasks = place / "roles" / "preflight" / "tasks" / "windows.yml"
    tasks.write_text(tasks.read_text(encoding="utf-8").replace("ansible.builtin.fetch:", "fetch:"), encoding="utf-8")
    again = subprocess.run(command, cwd=place, env=environment, capture_output=True, timeout=300, check=False)
    assert again.returncode != 0
