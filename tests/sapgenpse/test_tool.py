import os
import shutil
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pse_preflight.certificate import Certificate, read_pem
from pse_preflight.command import leftovers
from pse_preflight.demo.authority import root_authority
from pse_preflight.options import Engine
from pse_preflight.pse import file as pse_file
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse import output, process, tool, wording
from pse_preflight.sapgenpse.output import Version
from pse_preflight.sapgenpse.tool import (
    Answer,
    BundledTool,
    InstalledTool,
    PinRefused,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
    find_tool,
)
from tests.kit import pse_mutations
from tests.kit.fake_program import fake_runs_quickly as fake_runs_quickly  # noqa: PLC0414 - a fixture
from tests.kit.fake_program import install
from tests.kit.files import IS_WINE, NO_SUCH_FILE
from tests.kit.patience import LONGEST, in_time
from tests.kit.scripts import write_program
from tests.kit.tiers import first

START = datetime(2026, 1, 1, tzinfo=UTC)
STRANGER = Certificate.of(root_authority("Stranger", START, 3650).certificate)
ROOT_IDENTITY = root_authority("Root", START, 3650)
ROOT = Certificate.of(ROOT_IDENTITY.certificate)
INTERMEDIATE = Certificate.of(ROOT_IDENTITY.issue_authority("Intermediate", START, 1000).certificate)

SAPGENPSE = "sapgenpse.exe" if sys.platform == "win32" else "sapgenpse"
SCRIPTS = pytest.mark.skipif(sys.platform == "win32", reason="scripts with a first line that names their interpreter")

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")
KILLED = 9
SOON = 10.0 if IS_WINE else 1.5
"""Seconds within which a small program has started and said its word."""

MakeProgram = Callable[..., InstalledTool]


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """Return what makes a program out of Python lines."""

    def make(source: str, *, seconds: float = 20, name: str = "sapgenpse") -> InstalledTool:
        path = write_program(tmp_path / name, f"import os, sys, time\n{textwrap.dedent(source)}")
        return InstalledTool(path, seconds)

    return make


@dataclass
class Scripted:
    """A tool that answers by what it is asked, and remembers it.

    Attributes:
        answers: exit code and text by command, or by command and first option that tells them apart (`maintain_pk -a`).
        writes: what gen_pse leaves; nothing where it leaves no file.
        adds: what `maintain_pk -a` puts into that file beside what it is given.
    """

    answers: Mapping[str, tuple[int, str]]
    writes: bytes | None = None
    adds: Sequence[Certificate] = ()
    asked: list[tuple[str, ...]] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)

    name = "sapgenpse"
    label = "/sap/sapgenpse"
    is_bundled = False

    def run(self, arguments: Sequence[str], secudir: Path) -> Answer:
        self.asked.append(tuple(arguments))
        key = arguments[0]
        if "-a" in arguments:
            path = Path(arguments[arguments.index("-a") + 1])
            self.files.append(path.read_bytes())
            self.modes.append(path.stat().st_mode & 0o777)
            assert path.parent == secudir
            key += " -a"
        pse = Path(arguments[arguments.index("-p") + 1]) if "-p" in arguments else secudir
        if key == "gen_pse" and self.writes is not None:
            pse.write_bytes(self.writes)
        if key == "maintain_pk -a" and self.adds:
            pse.write_bytes(pse_file.read(pse.read_bytes()).with_trusted(self.adds, START).encode())
        code, text = self.answers.get(key, (0, ""))
        return Answer((self.label, *arguments), code, text)


def listing(*certificates: Certificate) -> tuple[int, str]:
    lines = ["PKList:"]
    for number, each in enumerate(certificates, 1):
        lines += [f" Element #{number}:", f" Certificate fingerprint (SHA256): {each.sha256}"]
    return 0, "\n".join(lines) + "\n"


A_PSE = pse_mutations.made().encode()
UPDATED = (0, " PKList updated (1 entries total, 1 newly added)\n")


class TestRunning:
    """A program as a process of its own."""

    def test_it_gets_its_arguments_untouched_and_a_plain_environment(
        self, program: MakeProgram, tmp_path: Path
    ) -> None:
        tool = program("print(sys.argv[1:], os.environ['SECUDIR'], os.environ['TZ'], sys.stdin.read() == '')")
        arguments = ["gen_pse", "-x", "", 'CN=a "b" $HOME;', "x\ny", "*", "%PATH%"]
        answer = tool.run(arguments, tmp_path / "sec")
        assert answer.text == f"{arguments} {tmp_path / 'sec'} UTC True\n"
        assert answer.command == (str(tool.program), *arguments)
        assert (answer.code, answer.crashed) == (0, False)

    def test_it_cannot_read_what_is_typed_here(self, program: MakeProgram, tmp_path: Path) -> None:
        (tmp_path / "typed").write_bytes(b"a PIN\n")
        before, typed = os.dup(0), os.open(tmp_path / "typed", os.O_RDONLY)
        os.dup2(typed, 0)
        try:
            assert program("print([sys.stdin.read()])").run([], tmp_path).text == "['']\n"
        finally:
            os.dup2(before, 0)
            os.close(before)
            os.close(typed)

    def test_nothing_is_added_to_the_library_path(
        self, program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
        assert program("print(os.environ.get('LD_LIBRARY_PATH'))").run([], tmp_path).text == "None\n"
        monkeypatch.setenv("LD_LIBRARY_PATH", "/sap/lib")
        assert program("print(os.environ.get('LD_LIBRARY_PATH'))").run([], tmp_path).text == "/sap/lib\n"

    @pytest.mark.skipif(sys.platform != "linux", reason="the variable of Linux' loader")
    @pytest.mark.parametrize("others", ["", "/usr/sap/lib"])
    def test_a_library_beside_it_that_it_does_not_find_is_put_into_the_path(
        self, program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: str
    ) -> None:
        monkeypatch.setenv("LD_LIBRARY_PATH", others)
        found = program(f"""
            open({str(tmp_path / "runs")!r}, "a").write("x")
            path = os.environ.get("LD_LIBRARY_PATH", "").split(":")
            if {str(tmp_path)!r} not in path:
                print("sapgenpse: error while loading shared libraries: libsapcrypto.so: cannot open")
                sys.exit(127)
            print(path)
            """)
        lacking = found.run(["cryptinfo"], tmp_path)
        assert (lacking.code, found.needs) == (127, "")
        assert "put it beside the program" in tool._failed(lacking, "failed").fix
        (tmp_path / "libsapcrypto.so").touch()
        assert found.run(["cryptinfo"], tmp_path).text == f"{[str(tmp_path), *([others] if others else [])]}\n"
        assert found.needs == f"LD_LIBRARY_PATH={tmp_path}"
        before = (tmp_path / "runs").stat().st_size
        assert found.run(["cryptinfo"], tmp_path).code == 0
        assert (tmp_path / "runs").stat().st_size == before + 1

    def test_a_library_that_is_not_found_even_so_is_told(self, program: MakeProgram, tmp_path: Path) -> None:
        (tmp_path / "libsapcrypto.so").touch()
        found = program("print('cannot load libsapcrypto.so'); sys.exit(1)")
        answer = found.run(["cryptinfo"], tmp_path)
        assert found.needs == ""
        assert "lies beside the program and is not found" in tool._failed(answer, "failed").fix

    def test_both_streams_are_read_in_order(self, program: MakeProgram, tmp_path: Path) -> None:
        tool = program("for n in range(4): os.write(1 + n % 2, b'%d\\n' % n)\nsys.exit(7)")
        answer = tool.run([], tmp_path)
        assert (answer.code, answer.text) == (7, "0\n1\n2\n3\n")

    @pytest.mark.parametrize(
        ("printed", "expected"),
        [
            ("Würzburg".encode(), "Würzburg"),
            ("Würzburg".encode("latin-1"), "Würzburg"),
            (bytes(range(128, 256)), bytes(range(128, 256)).decode("latin-1")),
            (b"\x00\xff", "\x00\xff"),
        ],
    )
    def test_any_bytes_become_text(self, program: MakeProgram, tmp_path: Path, printed: bytes, expected: str) -> None:
        assert program(f"os.write(1, {printed!r})").run([], tmp_path).text == expected

    @POSIX
    def test_files_it_makes_are_private(self, program: MakeProgram, tmp_path: Path) -> None:
        program("open(sys.argv[1], 'w')").run([str(tmp_path / "x.pse")], tmp_path)
        assert (tmp_path / "x.pse").stat().st_mode & 0o777 == 0o600

    def test_one_that_hangs_is_ended_with_its_children(self, program: MakeProgram, tmp_path: Path) -> None:
        tool = program(
            """
            import subprocess
            child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
            os.write(1, b"%d\\n" % child.pid)
            sys.stderr.write("Please enter PIN: ")
            sys.stderr.flush()
            time.sleep(60)
            """,
            seconds=SOON,
        )
        with pytest.raises(ToolTimeout, match=rf"did not end within {SOON:g} seconds.*Please enter PIN") as caught:
            tool.run(["maintain_pk"], tmp_path)
        assert caught.value.code == "TOOL_TIMEOUT"
        assert caught.value.answer is not None
        child = _number(caught.value.answer.text)
        if IS_WINE:  # whose taskkill ends no children
            os.kill(child, KILLED)
        assert _ends(child)

    def test_one_that_closes_its_output_and_hangs_is_ended(self, program: MakeProgram, tmp_path: Path) -> None:
        tool = program("os.write(1, b'done')\nos.close(1)\nos.close(2)\ntime.sleep(60)", seconds=SOON)
        with pytest.raises(ToolTimeout, match="it said: done"):
            tool.run([], tmp_path)

    @pytest.mark.parametrize("own_group", [True, False])
    def test_a_child_that_keeps_the_output_open_does_not_hold_us(
        self, program: MakeProgram, tmp_path: Path, own_group: bool
    ) -> None:
        """Its answer is taken as it is, and what is left of its group is ended with it."""
        pid_file = tmp_path / "pid"
        tool = program(
            f"""
            import subprocess
            does = ["import os, time, pathlib", "os.write(2, b'left behind' + bytes([10]))"]
            does += ["pathlib.Path({pid_file.as_posix()!r}).write_text(str(os.getpid()))", "time.sleep(60)"]
            subprocess.Popen([sys.executable, "-S", "-c", chr(10).join(does)], start_new_session={own_group})
            while not os.path.exists({str(pid_file)!r}) or not os.path.getsize({str(pid_file)!r}):
                time.sleep(0.01)
            os.write(1, b"done\\n")
            os._exit(7)
            """,
            seconds=40,
        )
        with in_time():
            answer = tool.run([], tmp_path)
        try:
            assert answer.code == 7
            assert sorted(answer.text.split("\n")) == ["", "done", "left behind"]
            # Windows knows whose child a process is only as long as its parent runs.
            assert own_group or sys.platform == "win32" or _ends(int(pid_file.read_text()))
        finally:
            with suppress(OSError):
                os.kill(int(pid_file.read_text()), KILLED)

    def test_what_a_child_still_says_at_once_is_read(self, program: MakeProgram, tmp_path: Path) -> None:
        begun = tmp_path / "begun"
        told = program(
            f"""
            import subprocess
            says = "import os, sys, time; open(sys.argv[1], 'w').close(); time.sleep(0.1); os.write(1, b'last words')"
            subprocess.Popen([sys.executable, "-S", "-c", says, {begun.as_posix()!r}])
            while not os.path.exists({begun.as_posix()!r}):
                time.sleep(0.01)
            os._exit(0)
            """
        ).run([], tmp_path)
        assert (told.code, told.text) == (0, "last words")

    @pytest.mark.parametrize("line", [b"\n", b"\r\n", b"a\n", b"\r", b" "])
    def test_one_that_prints_nothing_but_line_ends_is_answered_in_bounded_time_and_room(
        self, program: MakeProgram, tmp_path: Path, line: bytes
    ) -> None:
        """As much as is read, and 16 MiB, in every way that makes many lines, or one long one."""
        size = 16 << 20 if line == b"\n" else tool._LARGEST_OUTPUT
        flood = program(f"data = {line!r} * ({size} // {len(line)})\nwhile data: data = data[os.write(1, data):]")
        began = time.process_time()
        tracemalloc.start()
        try:
            with pytest.raises(ToolFailed):
                tool.list_certificates(flood, tmp_path / "client.pse")
            room = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert time.process_time() - began < 10
        assert room < 200 << 20

    def test_a_list_of_3000_certificates_is_not_too_long(self) -> None:
        roots = read_pem(Path(certifi.where()).read_bytes())
        entries = [TrustedCertificate(each.parsed.tbs_certificate_bytes, each.der, "PKList") for each in roots]
        lines = wording.listing(Path("x.pse"), entries, UTC)
        assert len(lines) / len(roots) * 3000 < output.MOST_LINES
        assert len("\n".join(lines)) / len(roots) * 3000 < tool._LARGEST_OUTPUT

    def test_one_that_floods_is_ended(
        self, program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tool, "_LARGEST_OUTPUT", 1 << 20)
        flood = program("while True: os.write(1, b'x' * 65536)")
        with pytest.raises(ToolFailed, match="more than 1 MiB"):
            flood.run([], tmp_path)

    def test_an_interruption_ends_it(
        self, program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started: list[subprocess.Popen[bytes]] = []

        def interrupted(process: subprocess.Popen[bytes], *_: object) -> None:
            started.append(process)
            raise KeyboardInterrupt

        monkeypatch.setattr(process, "_watch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            program("time.sleep(60)").run([], tmp_path)
        assert started[0].returncode == (1 if sys.platform == "win32" else -KILLED)
        assert started[0].stdout is not None
        started[0].stdout.close()

    def test_a_crash_is_told_from_an_exit(self, program: MakeProgram, tmp_path: Path) -> None:
        crash = "import ctypes; ctypes.windll.kernel32.ExitProcess(-1073741819)"  # as an access violation ends it
        source, code = (crash, 0xC0000005) if sys.platform == "win32" else ("os.kill(os.getpid(), 11)", -11)
        answer = program(source).run([], tmp_path)
        assert (answer.code, answer.crashed) == (code, True)


def _twin(certificate: Certificate) -> Certificate:
    """Return a self-signed certificate of the same description and another key."""
    parsed, key = certificate.parsed, ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder(parsed.issuer, parsed.subject, key.public_key(), parsed.serial_number)
        .not_valid_before(certificate.not_before)
        .not_valid_after(certificate.not_after)
    )
    return Certificate.of(builder.sign(key, hashes.SHA256()))


def _number(text: str) -> int:
    return int("".join(char for char in text if char.isdigit()))


def _ends(pid: int) -> bool:
    """Wait until a process is gone, or a zombie that nobody has collected yet."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if not leftovers._runs(pid) or _is_zombie(pid):
            return True
        time.sleep(0.02)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


class TestNotStarting:
    """What stands at the path cannot be run: each cause has its own words."""

    @pytest.mark.parametrize(
        ("content", "mode", "expected"),
        [
            (b"\x00\x01\x02\x03", 0o755, "no program for this machine"),
            (b"\x7fELF\x02\x01\x01" + bytes(60), 0o755, "no program for this machine"),
            pytest.param(b"#!/no/such/interpreter\n", 0o755, "needs to start", marks=SCRIPTS),
        ],
    )
    def test_a_file_that_is_no_program_here(self, tmp_path: Path, content: bytes, mode: int, expected: str) -> None:
        path = tmp_path / "sapgenpse"
        path.write_bytes(content)
        path.chmod(mode)
        with pytest.raises(ToolMissing, match=expected):
            InstalledTool(path).run([], tmp_path)

    @POSIX
    def test_a_file_that_must_not_be_executed(self, tmp_path: Path) -> None:
        path = tmp_path / "sapgenpse"
        path.write_bytes(b"#!/bin/sh\n")
        with pytest.raises(ToolMissing, match="must not be executed") as caught:
            InstalledTool(path).run([], tmp_path)
        assert caught.value.fix == f"chmod +x {path}"
        with pytest.raises(ToolMissing, match="not executable") as caught:
            find_tool("sapgenpse", path)
        assert caught.value.fix == f"chmod +x {path}"

    def test_a_file_that_has_gone(self, tmp_path: Path) -> None:
        with pytest.raises(ToolMissing, match=f"cannot be started: ({NO_SUCH_FILE})"):
            InstalledTool(tmp_path / "sapgenpse").run([], tmp_path)

    def test_an_argument_that_no_program_can_get(self, program: MakeProgram, tmp_path: Path) -> None:
        with pytest.raises(ToolFailed, match="such arguments"):
            program("").run(["a\0b"], tmp_path)

    @pytest.mark.parametrize("number", [193, 216])
    def test_a_program_of_another_windows(self, number: int) -> None:
        error = OSError("no valid Win32 application")
        error.winerror = number  # type: ignore[attr-defined] # as Windows sets it
        assert "no program for this machine" in str(tool._cannot_start(Path("sapgenpse.exe"), error))


class TestFinding:
    @pytest.fixture
    def installed(self, tmp_path: Path) -> Path:
        path = tmp_path / "bin" / SAPGENPSE
        path.parent.mkdir()
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return path

    @pytest.fixture(autouse=True)
    def nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """Return an environment in which no tool is found, whatever this machine has."""
        monkeypatch.setattr(tool, "well_known_folders", lambda _, **__: (f"{tmp_path}/known/*/exe",))
        return {"PATH": str(tmp_path / "empty")}

    def test_the_bundled_one_is_there_for_whoever_asks(self, installed: Path) -> None:
        found = find_tool("bundled", environ={"PATH": str(installed.parent)})
        assert (found.name, found.is_bundled, found.label) == ("bundled", True, "bundled open implementation")
        assert isinstance(found, BundledTool)

    @pytest.mark.parametrize("engine", ["auto", "sapgenpse"])
    def test_the_one_in_path_is_found(self, engine: Engine, installed: Path, nowhere: dict[str, str]) -> None:
        path = os.pathsep.join(("relative", "", nowhere["PATH"], str(installed.parent)))
        found = find_tool(engine, environ={"PATH": path})
        assert (found.name, found.is_bundled, found.label) == ("sapgenpse", False, str(installed))

    def test_a_well_known_place_comes_after_path(
        self, tmp_path: Path, installed: Path, nowhere: dict[str, str]
    ) -> None:
        known = tmp_path / "known" / "PRD" / "exe" / SAPGENPSE
        known.parent.mkdir(parents=True)
        known.write_text("#!/bin/sh\n")
        known.chmod(0o755)
        assert find_tool("auto", environ=nowhere).label == str(known)
        assert find_tool("auto", environ={"PATH": str(installed.parent)}).label == str(installed)

    def test_beside_the_library_of_the_client_comes_after_path_and_before_other_places(
        self, tmp_path: Path, installed: Path, nowhere: dict[str, str]
    ) -> None:
        for name in ("known/PRD/exe", "library"):
            (tmp_path / name).mkdir(parents=True)
            shutil.copy2(installed, tmp_path / name)
        beside = [tmp_path / "none", Path("library"), tmp_path / "library"]
        found = find_tool("auto", beside=beside, environ=nowhere)
        assert found.label == str(tmp_path / "library" / SAPGENPSE)
        in_path = {"PATH": str(installed.parent)}
        assert find_tool("auto", beside=beside, environ=in_path).label == str(installed)

    @POSIX
    def test_a_program_that_everybody_may_have_put_there_is_not_run(
        self, tmp_path: Path, installed: Path, nowhere: dict[str, str]
    ) -> None:
        known = tmp_path / "known" / "PRD" / "exe"
        known.mkdir(parents=True)
        shutil.copy2(installed, known)
        known.chmod(0o777)
        assert find_tool("auto", beside=[known], environ=nowhere).is_bundled
        known.chmod(0o755)
        assert find_tool("auto", beside=[known], environ=nowhere).label == str(known / SAPGENPSE)

    def test_without_sap_the_bundled_one_is_used_only_if_that_is_left_open(self, nowhere: dict[str, str]) -> None:
        assert find_tool("auto", environ=nowhere).is_bundled
        with pytest.raises(ToolMissing, match="not found") as caught:
            find_tool("sapgenpse", environ=nowhere)
        assert caught.value.code == "TOOL_MISSING"
        assert "--sapgenpse" in caught.value.fix

    @pytest.mark.parametrize("entry", ["", ".", "bin", "./bin"])
    def test_the_working_folder_is_never_searched(
        self, entry: str, installed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(installed.parent if entry in {"", "."} else installed.parent.parent)
        assert find_tool("auto", environ={"PATH": f"{entry}{os.pathsep}"}).is_bundled

    @POSIX
    def test_a_file_that_is_not_executable_is_passed_over(self, installed: Path) -> None:
        installed.chmod(0o644)
        assert find_tool("auto", environ={"PATH": str(installed.parent)}).is_bundled

    def test_a_folder_of_that_name_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "x" / SAPGENPSE).mkdir(parents=True)
        assert find_tool("auto", environ={"PATH": str(tmp_path / "x")}).is_bundled

    def test_the_named_one_is_used_before_all_others(
        self, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = tmp_path / "other"
        other.write_text("#!/bin/sh\n")
        other.chmod(0o755)
        monkeypatch.chdir(tmp_path)
        environ = {"PATH": str(installed.parent)}
        assert find_tool("auto", Path("other"), environ=environ).label == str(other)
        assert find_tool("sapgenpse", other, environ=environ).label == str(other)

    def test_a_named_one_that_is_not_there_is_missed_even_by_auto(self, installed: Path) -> None:
        with pytest.raises(ToolMissing, match="is not there"):
            find_tool("auto", installed.with_name("other"), environ={"PATH": str(installed.parent)})

    def test_a_named_folder_is_told_with_the_program_in_it(self, installed: Path) -> None:
        with pytest.raises(ToolMissing, match="is a folder") as caught:
            find_tool("auto", installed.parent)
        assert str(installed) in caught.value.fix

    @pytest.mark.parametrize("name", ["sapgenpse.bat", "SAPGENPSE.CMD"])
    def test_a_batch_file_is_refused_on_windows(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("@echo off\n")
        with pytest.raises(ToolMissing, match="batch file"):
            find_tool("auto", tmp_path / name, windows=True)

    def test_on_windows_the_program_has_its_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "sapgenpse.exe").write_bytes(b"MZ")
        (tmp_path / "sapgenpse.bat").write_bytes(b"")
        found = find_tool("auto", environ={"PATH": f'relative;;"{tmp_path}"'}, windows=True)
        assert found.label == str(tmp_path / "sapgenpse.exe")

    def test_on_windows_the_suffix_may_be_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "sapgenpse.exe").write_bytes(b"MZ")
        (tmp_path / "sapgenpse.exe").chmod(0o755)
        assert find_tool("auto", tmp_path / "sapgenpse", windows=True).label == str(tmp_path / "sapgenpse.exe")
        with pytest.raises(ToolMissing, match="is not there"):
            find_tool("auto", tmp_path / "sapgenpse", windows=False)

    def test_tools_are_equal_and_can_be_remembered(self, installed: Path) -> None:
        assert {InstalledTool(installed), InstalledTool(installed)} == {
            InstalledTool(installed, environ={"A": "secret"})
        }
        assert "secret" not in repr(InstalledTool(installed, environ={"A": "secret"}))


class TestMaking:
    def test_a_pse_is_made_and_filled_the_root_first_one_call_each(self, tmp_path: Path) -> None:
        pse = tmp_path / "client.pse"
        scripted = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": listing(ROOT, INTERMEDIATE)}, A_PSE)
        made = tool.create_pse(scripted, pse, "CN=a, C=DE", [INTERMEDIATE, ROOT])
        assert [entry.sha256 for entry in made.entries] == [ROOT.sha256, INTERMEDIATE.sha256]
        assert scripted.asked[0] == ("gen_pse", "-p", str(pse), "-noreq", "-x", "", "CN=a, C=DE")
        assert [asked[:6] for asked in scripted.asked[1:3]] == [("maintain_pk", "-p", str(pse), "-x", "", "-a")] * 2
        assert scripted.asked[3:] == [("maintain_pk", "-p", str(pse), "-x", "", "-l")]
        assert scripted.files == [ROOT.pem.encode(), INTERMEDIATE.pem.encode()]

    def test_certificate_files_are_private_and_do_not_stay(self, tmp_path: Path) -> None:
        scripted = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": listing(ROOT)})
        (tmp_path / "client.pse").write_bytes(A_PSE)
        tool.add_certificates(scripted, tmp_path / "client.pse", [ROOT])
        if sys.platform != "win32":
            assert scripted.modes == [0o600]
        assert [path.name for path in tmp_path.iterdir()] == ["client.pse"]

    def test_a_certificate_file_does_not_stay_when_the_tool_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> Answer:
            raise ToolTimeout("too late")

        scripted = Scripted({})
        monkeypatch.setattr(scripted, "run", fail)
        (tmp_path / "client.pse").write_bytes(A_PSE)
        with pytest.raises(ToolTimeout):
            tool.add_certificates(scripted, tmp_path / "client.pse", [ROOT])
        assert [path.name for path in tmp_path.iterdir()] == ["client.pse"]

    @pytest.mark.parametrize(
        "answer", [(0, "maintain_pk: Duplicate certificate"), (8, "duplicate"), (0, ""), (3, "??")]
    )
    def test_the_listing_proves_whatever_was_said(self, tmp_path: Path, answer: tuple[int, str]) -> None:
        scripted = Scripted({"maintain_pk -a": answer, "maintain_pk": listing(ROOT)})
        assert tool.add_certificates(scripted, tmp_path / "client.pse", [ROOT]).find(ROOT)

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (UPDATED, "says that it updated the list, but does not list"),
            ((0, "Duplicate certificate"), "says that it was there already, but does not list"),
            ((5, "certificate file does not exist"), r"added nothing, but does not list.*exit code 5.*does not exist"),
        ],
    )
    def test_what_is_not_listed_was_not_added(self, tmp_path: Path, answer: tuple[int, str], expected: str) -> None:
        scripted = Scripted({"maintain_pk -a": answer, "maintain_pk": listing(INTERMEDIATE)}, A_PSE)
        with pytest.raises(ToolFailed, match=expected) as caught:
            tool.create_pse(scripted, tmp_path / "client.pse", "CN=a", [ROOT])
        assert '"Root"' in str(caught.value)
        assert caught.value.code == "TOOL_FAILED"

    @pytest.mark.parametrize(("code", "writes"), [(1, A_PSE), (0, None)])
    def test_no_file_or_a_failure_is_no_pse(self, tmp_path: Path, code: int, writes: bytes | None) -> None:
        scripted = Scripted({"gen_pse": (code, "gen_pse: no"), "maintain_pk": listing(ROOT)}, writes=writes)
        with pytest.raises(ToolFailed, match=r"made no PSE \(exit code \d\): gen_pse: no"):
            tool.create_pse(scripted, tmp_path / "client.pse", "CN=a", [ROOT])

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param(b"hello", id="a text"),
            pytest.param(b"", id="nothing"),
            pytest.param(ROOT.pem.encode(), id="PEM"),
            pytest.param(A_PSE[:-1], id="a PSE that breaks off"),
            pytest.param(A_PSE + b"\n", id="a PSE that goes on"),
            pytest.param(pse_mutations.closed_files()["machine-bound"].file, id="bound to a machine"),
        ],
    )
    def test_what_cannot_be_read_back_as_a_pse_is_none(self, tmp_path: Path, written: bytes) -> None:
        scripted = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": listing(ROOT)}, written)
        with pytest.raises(ToolFailed, match="cannot be read back as a PSE"):
            tool.create_pse(scripted, tmp_path / "client.pse", "CN=a", [ROOT])

    def test_what_has_got_a_pin_is_not_what_was_asked_for(self, tmp_path: Path) -> None:
        scripted = Scripted({"maintain_pk": listing()}, pse_mutations.made().encode("1234"))
        with pytest.raises(PinRefused, match="made a PSE with a PIN"):
            tool.create_pse(scripted, tmp_path / "client.pse", "CN=a", [])

    def test_what_becomes_something_else_while_it_is_filled_is_no_pse(self, tmp_path: Path) -> None:
        pse = tmp_path / "client.pse"
        scripted = Scripted({"maintain_pk": listing(ROOT)}, A_PSE)

        def spoil(arguments: Sequence[str], secudir: Path) -> Answer:
            answer = Scripted.run(scripted, arguments, secudir)
            if "-a" in arguments:
                pse.write_bytes(b"hello")
            return answer

        spoiling = SimpleNamespace(run=spoil, label="tool", name="sapgenpse", is_bundled=False)
        with pytest.raises(ToolFailed, match="cannot be read back"):
            tool.create_pse(spoiling, pse, "CN=a", [ROOT])

    @pytest.mark.parametrize("how", ["listed and in the file", "in the file only", "listed only", "by gen_pse"])
    def test_a_root_that_was_not_asked_for_is_refused(self, tmp_path: Path, how: str) -> None:
        listed = listing(ROOT) if how == "in the file only" else listing(STRANGER, ROOT)
        made = pse_mutations.made().with_trusted([STRANGER] if how == "by gen_pse" else [], START).encode()
        added = (ROOT, STRANGER) if "in the file" in how else (ROOT,)
        scripted = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": listed}, made, added)
        with pytest.raises(ToolFailed, match=r"was not asked to add") as caught:
            tool.create_pse(scripted, tmp_path / "client.pse", "CN=a", [ROOT])
        assert caught.value.code == "TOOL_FAILED"

    @pytest.mark.parametrize("how", ["listed and in the file", "in the file only", "listed only"])
    def test_nor_is_it_added_to_a_pse_that_stands(self, tmp_path: Path, how: str) -> None:
        pse = tmp_path / "client.pse"
        pse.write_bytes(pse_mutations.made(2).encode())
        before = pse_mutations.authorities(2)
        listed = listing(*before, ROOT) if how == "in the file only" else listing(STRANGER, *before, ROOT)
        added = (ROOT, STRANGER) if "in the file" in how else (ROOT,)
        scripted = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": listed}, adds=added)
        with pytest.raises(ToolFailed, match="was not asked to add"):
            tool.add_certificates(scripted, pse, [ROOT])
        honest = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": listing(*before, ROOT)}, adds=(ROOT,))
        pse.write_bytes(pse_mutations.made(2).encode())
        assert len(tool.add_certificates(honest, pse, [ROOT]).entries) == 3

    def test_a_twin_by_description_is_found_in_the_file(self, tmp_path: Path) -> None:
        """The list has no fingerprints, and the stranger has name, serial number and days of what was asked for."""
        twin = _twin(ROOT)
        assert (twin.subject, twin.not_after, twin.der == ROOT.der) == (ROOT.subject, ROOT.not_after, False)
        entry = TrustedCertificate(ROOT.parsed.tbs_certificate_bytes, None, "PKList")
        text = "\n".join(wording.listing(tmp_path / "client.pse", [entry], UTC))
        for added, is_refused in (((ROOT,), False), ((twin,), True), ((ROOT, twin), True)):
            (tmp_path / "client.pse").unlink(missing_ok=True)
            scripted = Scripted({"maintain_pk -a": UPDATED, "maintain_pk": (0, text)}, A_PSE, added)
            with pytest.raises(ToolFailed, match="was not asked") if is_refused else nullcontext():
                tool.create_pse(scripted, tmp_path / "client.pse", "CN=a", [ROOT])

    def test_a_pse_that_only_the_tool_opens_is_judged_by_its_lists(self, tmp_path: Path) -> None:
        pse = tmp_path / "client.pse"
        pse.write_bytes(pse_mutations.closed_files()["machine-bound"].file)
        lists = iter([listing(INTERMEDIATE), listing(INTERMEDIATE, ROOT), listing(ROOT), listing(ROOT, STRANGER)])

        def run(arguments: Sequence[str], _: Path) -> Answer:
            return Answer(("tool",), *(next(lists) if "-l" in arguments else UPDATED))

        only = SimpleNamespace(run=run, label="tool", name="sapgenpse", is_bundled=False)
        assert len(tool.add_certificates(only, pse, [ROOT]).entries) == 2
        with pytest.raises(ToolFailed, match="was not asked to add"):
            tool.add_certificates(only, pse, [ROOT])

    def test_a_folder_that_cannot_be_written_to_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ToolFailed, match="cannot write into"):
            tool.add_certificates(Scripted({"maintain_pk": listing(ROOT)}), tmp_path / "missing" / "client.pse", [ROOT])

    def test_a_pin_ends_it_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "client.pse").write_bytes(A_PSE)
        scripted = Scripted({"maintain_pk -a": (0, "(Wrong PIN/Passphrase)"), "maintain_pk": listing(ROOT)})
        with pytest.raises(PinRefused):
            tool.add_certificates(scripted, tmp_path / "client.pse", [ROOT, INTERMEDIATE])
        assert len(scripted.asked) == 1


class TestListing:
    def listed(self, code: int, text: str, tmp_path: Path) -> tuple[str | None, ...]:
        scripted = Scripted({"maintain_pk": (code, text)})
        return tuple(entry.sha256 for entry in tool.list_certificates(scripted, tmp_path / "client.pse").entries)

    @pytest.mark.parametrize("code", [0, 1, 21])
    def test_a_list_is_a_list_whatever_the_exit_code_says(self, tmp_path: Path, code: int) -> None:
        assert self.listed(code, listing(ROOT)[1], tmp_path) == (ROOT.sha256,)

    @pytest.mark.parametrize("code", [-11, 0xC0000005])
    def test_a_crash_proves_nothing(self, tmp_path: Path, code: int) -> None:
        with pytest.raises(ToolFailed, match="crashed"):
            self.listed(code, listing(ROOT)[1], tmp_path)

    def test_an_empty_list_needs_a_good_end(self, tmp_path: Path) -> None:
        assert self.listed(0, "PKList:\n", tmp_path) == ()
        with pytest.raises(ToolFailed, match="listed no certificate and failed"):
            self.listed(1, "PKList:\n", tmp_path)

    @pytest.mark.parametrize(("code", "text"), [(0, "what?"), (0, ""), (9, 'maintain_pk: Couldn\'t open PSE "x"')])
    def test_what_cannot_be_understood_is_a_failure_that_quotes_it(self, tmp_path: Path, code: int, text: str) -> None:
        with pytest.raises(ToolFailed, match="cannot be understood") as caught:
            self.listed(code, text, tmp_path)
        assert text in str(caught.value)
        assert caught.value.answer == Answer(caught.value.answer.command, code, text) if caught.value.answer else False

    @pytest.mark.parametrize("code", [0, 5])
    def test_a_pin_is_told_whatever_the_exit_code_says(self, tmp_path: Path, code: int) -> None:
        with pytest.raises(PinRefused, match="has a PIN") as caught:
            self.listed(code, 'maintain_pk: Couldn\'t open PSE "x" (Wrong PIN/Passphrase)', tmp_path)
        assert caught.value.code == "PSE_HAS_PIN"

    def test_a_long_answer_is_quoted_by_its_end(self, tmp_path: Path) -> None:
        with pytest.raises(ToolFailed) as caught:
            self.listed(1, "noise\n" * 10_000 + "the error", tmp_path)
        assert str(caught.value).endswith("the error")
        assert len(str(caught.value)) < 2000
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("code", "text", "fix"),
        [
            (127, "sapgenpse: error while loading shared libraries: libsapcrypto.so: cannot open", "is not found"),
            (1, "Couldn't load sapcrypto.dll", "is not found"),
            (0xC0000135, "", "is not found"),
            (0xC000007B, "", "different machines"),
            (1, "libsapcrypto.so: wrong ELF class: ELFCLASS32", "different machines"),
        ],
    )
    def test_what_the_program_lacks_is_told(self, tmp_path: Path, code: int, text: str, fix: str) -> None:
        with pytest.raises(ToolFailed) as caught:
            self.listed(code, text, tmp_path)
        assert fix in caught.value.fix

    @SCRIPTS
    def test_a_script_around_the_program_is_suspected_only_when_it_disturbs(
        self, program: MakeProgram, tmp_path: Path
    ) -> None:
        with pytest.raises(ToolFailed) as caught:
            tool.list_certificates(program("print('hello')"), tmp_path / "client.pse")
        assert "script" in caught.value.fix
        good = program(f"print('ACME'); print({listing(ROOT)[1]!r})")
        assert tool.list_certificates(good, tmp_path / "client.pse").find(ROOT)


class TestNamesOfCertificates:
    """What a certificate is called is not what the tool says."""

    NAMES = (
        "Wrong PIN",
        "(Wrong PIN/Passphrase)",
        "Couldn't open PSE (Wrong PIN/Passphrase)",
        "x\nget_my_name: Couldn't open PSE (Wrong PIN/Passphrase)",
        "wrong password",
        "libsapcrypto.so",
        "Duplicate",
        "PKList updated (1 entries total, 1 newly added)",
        "no certificates",
    )

    @pytest.fixture(params=first(3, NAMES))
    def named(self, request: pytest.FixtureRequest) -> Certificate:
        return Certificate.of(root_authority(request.param, START, 3650).certificate)

    @pytest.mark.parametrize(
        ("sha256", "quoted"),
        [
            ("printed", "no"),
            ("absent", "yes"),
            pytest.param("printed", "yes", marks=pytest.mark.long),
            pytest.param("absent", "no", marks=pytest.mark.long),
        ],
    )
    def test_a_pse_is_made_for_it_and_listed(
        self, tmp_path: Path, fake_runs_quickly: None, named: Certificate, sha256: str, quoted: str
    ) -> None:
        _ = fake_runs_quickly
        program = InstalledTool(install(tmp_path / "exe", sha256=sha256, quoted_names=quoted))
        pse = tmp_path / "client.pse"
        if "\n" in str(named.parsed.subject) and sha256 == "absent":
            with pytest.raises(ToolFailed, match="does not list"):  # its name is cut, and nothing else tells it
                tool.create_pse(program, pse, "CN=a", [named])
            return
        assert tool.create_pse(program, pse, "CN=(Wrong PIN/Passphrase)", [named]).find(named)
        assert tool.add_certificates(program, pse, [named, ROOT]).find(named)
        assert not tool.has_pin(program, pse)
        assert tool.owner(program, pse).subject == "CN=(Wrong PIN/Passphrase)"
        pse.write_bytes(pse_file.read(pse.read_bytes()).encode("1234"))
        assert tool.has_pin(program, pse)
        with pytest.raises(PinRefused):
            tool.list_certificates(program, pse)

    @pytest.mark.parametrize("text", ["cannot add {}, sorry", 'refused: "{}"', "Subject : {}", "{}"])
    def test_what_the_tool_says_of_it_is_no_word_about_the_pse(
        self, tmp_path: Path, named: Certificate, text: str
    ) -> None:
        (tmp_path / "client.pse").write_bytes(A_PSE)
        told = text.format(named.parsed.subject.rfc4514_string().replace("\\", ""))
        scripted = Scripted({"maintain_pk -a": (3, told), "maintain_pk": (0, "PKList:\n")})
        with pytest.raises(ToolFailed, match="added nothing, but does not list") as caught:
            tool.add_certificates(scripted, tmp_path / "client.pse", [named])
        assert "library" not in caught.value.fix

    def test_a_folder_that_is_called_like_an_error_is_none(self, tmp_path: Path) -> None:
        for folder, is_pin in (("/sec/wrong pin/x.pse", False), ("/sec/x.pse", True)):
            said = f'get_my_name: Couldn\'t open PSE "{folder}" ({"Wrong PIN" if is_pin else "Decoding error"})'
            assert tool.has_pin(Scripted({"get_my_name": (1, said)}), tmp_path / "client.pse") is is_pin


class TestAsking:
    def test_the_owner_is_asked_for(self, tmp_path: Path) -> None:
        scripted = Scripted({"get_my_name": (0, "Subject : CN=a\n")})
        assert tool.owner(scripted, tmp_path / "client.pse").subject == "CN=a"
        assert scripted.asked == [("get_my_name", "-p", str(tmp_path / "client.pse"), "-x", "")]

    def test_an_owner_behind_a_pin_is_not(self, tmp_path: Path) -> None:
        with pytest.raises(PinRefused):
            tool.owner(Scripted({"get_my_name": (0, "(Wrong PIN/Passphrase)")}), tmp_path / "client.pse")

    @pytest.mark.parametrize(
        ("text", "expected"), [("(Wrong PIN/Passphrase)", True), ("Subject : CN=a", False), ("", False)]
    )
    def test_a_pin_is_probed_for(self, tmp_path: Path, text: str, expected: bool) -> None:
        assert tool.has_pin(Scripted({"get_my_name": (0, text)}), tmp_path / "client.pse") is expected

    def test_versions_are_asked_for(self, tmp_path: Path) -> None:
        scripted = Scripted({"cryptinfo": (0, "SAPGENPSE 8.5.40\nCommonCryptoLib Version 8.5.40 pl40")})
        assert tool.version(scripted, tmp_path) == Version("8.5.40", "8.5.40 pl40")


class TestBundled:
    def test_it_makes_lists_and_tells_the_owner_by_the_same_words(self, tmp_path: Path) -> None:
        pse = tmp_path / "client.pse"
        bundled = find_tool("bundled")
        made = tool.create_pse(
            bundled, pse, "CN=COMPUTER.theobald.local, C=DE, S=BW, O=TS, OU=DEV", [INTERMEDIATE, ROOT]
        )
        assert {entry.sha256 for entry in made.entries} == {ROOT.sha256, INTERMEDIATE.sha256}
        assert tool.list_certificates(bundled, pse) == made
        assert tool.owner(bundled, pse).subject == "CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE"
        assert not tool.has_pin(bundled, pse)

    @SCRIPTS
    @pytest.mark.long
    def test_as_a_program_of_its_own_it_says_the_same(self, program: MakeProgram, tmp_path: Path) -> None:
        separate = program(
            f"""
            sys.path[:] = {sys.path!r}
            from pse_preflight.sapgenpse.bundled import console
            sys.exit(console())
            """
        )
        pse = tmp_path / "client.pse"
        made = tool.create_pse(separate, pse, "CN=J\xfcrgen", [INTERMEDIATE, ROOT])
        assert made == tool.list_certificates(BundledTool(), pse)
        assert tool.owner(separate, pse) == tool.owner(BundledTool(), pse)

    def test_what_it_refuses_is_a_failure_of_the_tool(self, tmp_path: Path) -> None:
        with pytest.raises(ToolFailed, match="PSE does not exist"):
            tool.list_certificates(find_tool("bundled"), tmp_path / "client.pse")

    def test_its_command_can_be_shown(self, tmp_path: Path) -> None:
        assert find_tool("bundled").run(["cryptinfo"], tmp_path).command == ("opengenpse", "cryptinfo")
