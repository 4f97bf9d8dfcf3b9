"""Each fix is done as it says, in a plain shell, and the system is green, or the finding is gone.

Commands are those of result.json, pasted one after the other. Words that ask for a change of systems.yaml, of a file or
of the command line are followed by a line of a table: here and in tests/kit, those of servers and networks, of the
client's own side, and of tools. What nobody can do here is named below with the reason.
"""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.checklist import CODES, Code
from pse_preflight.demo.authority import Identity, ec_key, root_authority
from tests.kit import fixes_of_clients, fixes_of_servers, fixes_of_tools
from tests.kit.mending import (
    HOST,
    Done,
    Fix,
    Fixes,
    Place,
    both,
    other_server,
    right_server,
    say,
    set_keys,
    without,
)
from tests.kit.runs import lacking_for_another_account
from tests.kit.servers import answering, replying, serve, speaks_plain_http
from tests.kit.shell import paste


def _ini(text: str) -> Done:
    def write(place: Place) -> None:
        file = place.folder / "sapnwrfc.ini"
        filled = text.format(port=place.port, pse=place.pse)
        file.write_text(filled, encoding="utf-8")
        place.keys["client_ini"] = {"file": str(file), "dest": "SYS"}

    return write


_GOOD_INI = "DEST=SYS\nWSHOST=localhost\nWSPORT={port}\nTLS_CLIENT_PSE={pse}\nALIAS_USER=X\n"


def _missing_tool(place: Place) -> None:
    place.options[:] = [f"--sapgenpse={place.folder / 'none'}"]


def _failing_tool(place: Place) -> None:
    tool = place.folder / "sapgenpse"
    tool.write_text("#!/bin/sh\necho no >&2\nexit 3\n", encoding="utf-8")
    tool.chmod(0o755)
    place.options[:] = [f"--sapgenpse={tool}"]


def _holding_root(place: Place) -> None:
    place.hold(place.path[2], place.path[1])


def _holding(*positions: int) -> Done:
    return lambda place: place.hold(*(place.path[each] for each in positions))


def _holding_other_root(place: Place) -> None:
    place.hold(Certificate.of(root_authority("Other Root", now() - timedelta(days=9), 900).certificate))


def _damaged_roots(place: Place) -> None:
    good = place.roots.read_text(encoding="utf-8")
    lines = good.splitlines()
    place.roots.write_text(good + "\n".join([*lines[:5], lines[-1], ""]), encoding="utf-8")


def _whole_roots(place: Place) -> None:
    place.roots.write_text(write_pem([place.path[2]]), encoding="utf-8")


def _require_other(place: Place) -> None:
    other = Certificate.of(root_authority("Next Root", now() - timedelta(days=9), 900).certificate)
    (place.folder / "next.pem").write_text(write_pem([other]), encoding="utf-8")
    place.keys["required_roots"] = [f"sha256:{other.sha256}"]
    _holding_root(place)


def _next_root(place: Place) -> Certificate:
    return Certificate.of(x509.load_pem_x509_certificate((place.folder / "next.pem").read_bytes()))


def _refusing_proxy(place: Place) -> None:
    proxy = place.stack.enter_context(serve(replying("403 Forbidden")))
    place.keys["proxy"] = f"http://127.0.0.1:{proxy.port}"


def _library(place: Place, content: bytes = b"\x7fELF\x02\x01\x01") -> None:
    file = place.folder / "libsapcrypto.so"
    file.write_bytes(content + bytes(100))
    place.keys["crypto_library"] = str(file)


def _weak(place: Place) -> Identity:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    return place.issuing.issue_server([HOST], now() - timedelta(days=9), 90, key=key)


def _expired(place: Place) -> Identity:
    return place.issuing.issue_server([HOST], now() - timedelta(days=90), 60)


def _self_signed(place: Place) -> None:
    key = ec_key()
    lone = root_authority(HOST, now() - timedelta(days=9), 90, key=key)
    own = lone.issue_server([HOST], now() - timedelta(days=9), 90, common_name=HOST, key=key)
    place.keys["x-sha256"] = f"sha256:{Certificate.of(own.certificate).sha256}"
    place.lead_to(place.serve(replace(own, issuers=())))


def _inspected(place: Place) -> None:
    proxy = root_authority("Zscaler Root CA", now() - timedelta(days=400), 4000)
    (place.folder / "proxy.pem").write_text(write_pem([Certificate.of(proxy.certificate)]), encoding="utf-8")
    place.lead_to(place.serve(proxy.issue_server([HOST], now() - timedelta(days=9), 90)))


def _this_host(place: Place) -> None:
    place.keys["client"] = {"hosts": [socket.gethostname()]}


OF_SYSTEMS_YAML: Fixes = {
    # commands, pasted as they stand
    (Code.ROOT_NOT_IN_PSE, "nothing of the chain is held"): Fix(_holding_other_root),
    (Code.PK_LIST_EMPTY, ""): Fix(_holding()),
    (Code.SERVER_NOT_TRUSTED, "its check alone"): Fix(both(_holding_other_root, say("-k", "trusts_the_server"))),
    (Code.PSE_HOLDS_SERVER_CERT_ONLY, ""): Fix(_holding(0)),
    (Code.PSE_HOLDS_INTERMEDIATE_ONLY, ""): Fix(_holding(1)),
    (Code.INTERMEDIATE_NOT_IN_PSE, ""): Fix(_holding(2), is_red=False),
    (Code.LEAF_NOT_IN_PSE, ""): Fix(both(_holding(2, 1), set_keys(include_leaf=True)), is_red=False),
    (Code.REQUIRED_ROOT_NOT_IN_PSE, ""): Fix(
        _require_other, lambda place: place.hold(*place.path[:0:-1], _next_root(place))
    ),
    (Code.PSE_READABLE_BY_OTHERS, ""): Fix(both(_holding_root, lambda place: place.pse.chmod(0o644))),
    (Code.PSE_READABLE_BY_GROUP, ""): Fix(both(_holding_root, lambda place: place.pse.chmod(0o640)), is_red=False),
    (Code.PSE_WRITABLE_BY_OTHERS, "file"): Fix(both(_holding_root, lambda place: place.pse.chmod(0o622))),
    (Code.PSE_WRITABLE_BY_OTHERS, "folder"): Fix(both(_holding_root, lambda place: place.secudir.chmod(0o777))),
    # the reasons for which no PSE was made
    (Code.PSE_MISSING, "--read-only"): Fix(say("--read-only"), say()),
    (Code.PSE_MISSING, "--at"): Fix(say(f"--at={now() + timedelta(days=9):%Y-%m-%d}"), say()),
    (Code.PSE_MISSING, "a selection"): Fix(say("-m", "not creates"), say()),
    (Code.PSE_MISSING, "create: false"): Fix(set_keys(create=False), without("create")),
    (Code.PSE_MISSING, "the chain is not verified"): Fix(other_server(_expired), right_server),
    (Code.PSE_MISSING, "another is meant"): Fix(
        both(_holding_root, set_keys(pse="other.pse", create=False)), without("pse")
    ),
    # what systems.yaml or the command line says
    (Code.URL_NOT_HTTPS, ""): Fix(lambda place: place.keys.update(url=f"http://{HOST}:{place.port}"), right_server),
    (Code.URL_HAS_CREDENTIALS, ""): Fix(
        lambda place: place.keys.update(url=f"https://me:secret@{HOST}:{place.port}"), right_server
    ),
    (Code.PORT_REFUSED, ""): Fix(lambda place: place.lead_to(1), right_server),
    (Code.PROXY_REFUSED, "no proxy is needed"): Fix(_refusing_proxy, without("proxy")),
    (Code.HOST_NOT_IN_CERTIFICATE, ""): Fix(lambda place: place.lead_to(place.port, "127.0.0.1"), right_server),
    (Code.ROOT_UNTRUSTED, "roots"): Fix(
        set_keys(roots="mozilla"), lambda place: place.keys.update(roots=str(place.roots))
    ),
    (Code.ROOT_UNTRUSTED, "pinned"): Fix(
        set_keys(roots="mozilla"),
        lambda place: place.keys.update(roots="auto", pinned=[f"sha256:{place.path[1].sha256}"]),
    ),
    (Code.CERTIFICATE_SELF_SIGNED, "pinned"): Fix(
        _self_signed, lambda place: place.keys.update(pinned=[place.keys.pop("x-sha256")])
    ),
    (Code.ROOTS_FROM_PSE, ""): Fix(
        both(_holding_root, without("roots")), lambda place: place.keys.update(roots=str(place.roots)), is_red=False
    ),
    (Code.ROOTS_FILE_DAMAGED, ""): Fix(_damaged_roots, _whole_roots, is_red=False),
    (Code.TLS_INSPECTED, "it is meant"): Fix(
        _inspected, lambda place: place.keys.update(roots=str(place.folder / "proxy.pem"))
    ),
    (Code.PSE_UNREADABLE, "moved away"): Fix(
        both(_holding_root, lambda place: place.pse.write_bytes(b"no PSE")),
        lambda place: place.pse.rename(place.folder / "old"),
    ),
    (Code.PSE_HAS_PIN, "another file"): Fix(
        lambda place: place.hold(place.path[2], place.path[1], pin="1234"), set_keys(pse="another.pse")
    ),
    (Code.TOOL_MISSING, ""): Fix(_missing_tool, say("--engine=bundled")),
    (Code.TOOL_FAILED, ""): Fix(_failing_tool, say("--engine=bundled")),
    (Code.PSE_OWNER_DIFFERS, ""): Fix(both(_holding_root, set_keys(dn="CN=Else")), without("dn"), is_red=False),
    (Code.WRONG_HOST, ""): Fix(set_keys(client={"hosts": ["no-such-machine"]}), _this_host),
    (Code.CLIENT_ACCOUNT_UNKNOWN, ""): Fix(
        both(_holding_root, set_keys(client={"account": "nobody-knows"})), without("client")
    ),
    (Code.CLIENT_INI_UNREADABLE, ""): Fix(
        lambda place: place.keys.update(client_ini={"file": str(place.folder / "none.ini"), "dest": "SYS"}),
        _ini(_GOOD_INI),
    ),
    (Code.CLIENT_INI_NO_DEST, ""): Fix(_ini(_GOOD_INI.replace("SYS", "QAS")), _ini(_GOOD_INI)),
    (Code.CLIENT_INI_HOST_HAS_SCHEME, ""): Fix(
        _ini(_GOOD_INI.replace("=localhost", "=https://localhost")), _ini(_GOOD_INI)
    ),
    (Code.CLIENT_INI_DIFFERS, ""): Fix(_ini(_GOOD_INI.replace("{port}", "444")), _ini(_GOOD_INI)),
    (Code.CLIENT_INI_DEST_TWICE, ""): Fix(_ini(f"{_GOOD_INI}\n{_GOOD_INI}"), _ini(_GOOD_INI)),
    (Code.CLIENT_INI_TRUSTS_ALL, ""): Fix(_ini(f"{_GOOD_INI}TLS_TRUST_ALL=1\n"), _ini(_GOOD_INI)),
    (Code.CLIENT_INI_ALIAS_ODD, ""): Fix(
        _ini(_GOOD_INI.replace("ALIAS_USER=X", f"ALIAS_USER={'X' * 41}")), _ini(_GOOD_INI), is_red=False
    ),
    (Code.CRYPTO_LIBRARY_MISSING, ""): Fix(set_keys(crypto_library="/nowhere/libsapcrypto.so"), _library),
    (Code.CRYPTO_LIBRARY_NO_LIBRARY, ""): Fix(lambda place: _library(place, b"MZ is not enough"), _library),
    (Code.CRYPTO_LIBRARY_BITS, ""): Fix(both(_library, set_keys(client={"bits": 32})), set_keys(client={"bits": 64})),
    # what somebody at the server does
    (Code.NOT_TLS, "the right port"): Fix(
        lambda place: place.lead_to(place.stack.enter_context(serve(speaks_plain_http)).port), right_server
    ),
    (Code.SERVER_OMITS_INTERMEDIATE, ""): Fix(
        lambda place: place.lead_to(place.serve(place.good, chain=[place.good.certificate])), right_server
    ),
    (Code.CERTIFICATE_EXPIRED, ""): Fix(other_server(_expired), right_server),
    (Code.CERTIFICATE_NOT_YET_VALID, ""): Fix(
        other_server(lambda place: place.issuing.issue_server([HOST], now() + timedelta(days=9), 60)), right_server
    ),
    (Code.CERTIFICATE_EXPIRES_SOON, ""): Fix(
        other_server(lambda place: place.issuing.issue_server([HOST], now() - timedelta(days=88), 90)), right_server
    ),
    (Code.CERTIFICATE_WEAK, ""): Fix(other_server(_weak), right_server, is_red=None),
    (Code.HTTP_SERVER_ERROR, ""): Fix(
        lambda place: place.lead_to(
            place.serve(place.good, talk=answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
        ),
        right_server,
    ),
}
"""What systems.yaml or the command line says, and what is pasted."""

NOT_HERE: Mapping[str, frozenset[Code]] = {
    "the service manager of Windows, whose answers tests/client/test_installed.py writes": frozenset(
        {Code.CLIENT_ACCOUNT_ASSUMED}
    ),
}
"""What no test can do here, and why."""

EXECUTED: Fixes = {**OF_SYSTEMS_YAML, **fixes_of_servers.FIXES, **fixes_of_clients.FIXES, **fixes_of_tools.FIXES}
"""Every fix that can be done here, by its code and its case."""


@pytest.fixture
def place() -> Iterator[Place]:
    """Make a place that other accounts may come to; a folder of pytest's is closed to them by every run that begins."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Place(Path(folder).resolve(), stack)


def test_every_code_is_here_or_has_a_reason() -> None:
    done, left = {code for code, _ in EXECUTED}, [code for codes in NOT_HERE.values() for code in codes]
    assert done | set(left) == set(CODES)
    assert not done & set(left)
    assert len(left) == len(set(left))


def _mend(place: Place, code: Code, fix: Fix) -> None:
    """Show the finding, do what its fix says, and show that it is gone."""
    fix.spoil(place)
    before = place.check()
    assert code in place.codes, (before.stdout, before.stderr)
    assert fix.is_red is None or before.returncode == (1 if fix.is_red else 0), before.stdout
    commands = place.commands(code)
    assert bool(commands) is (fix.do is None or fix.pastes), commands
    for each in commands:
        assert Path(each.split()[0].strip("'")).is_absolute() or shutil.which(each.split()[0], path=os.defpath)
        pasted = paste(each, place.folder)
        assert pasted.returncode == 0, (each, pasted.stdout, pasted.stderr)
    if fix.do:
        fix.do(place)
    after = place.check()
    assert code not in place.codes or fix.is_red, after.stdout
    assert after.returncode == 0, after.stdout


FIRST_ON_WINDOWS = pytest.mark.filterwarnings("error") if sys.platform == "win32" else pytest.mark.long
"""Its scripts are for another shell there, and few tests start one."""


def _lacking(code: Code) -> str:
    """Return what this machine lacks for doing what the fix of a code says."""
    if code in {Code.HOST_UNKNOWN, Code.DNS_TIMEOUT} and not fixes_of_servers.has_files_of_its_own():
        return "no process here can be given a file of hosts of its own"
    if code in fixes_of_tools.FOR_ROOT and (lacking := lacking_for_another_account()):
        return lacking
    if code is Code.TRUST_STORE_ENTRIES_LEFT_OUT and not shutil.which("keytool"):
        return "no keytool on this machine"
    return ""


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="rights and shells are those of POSIX")
@pytest.mark.parametrize(("code", "case"), EXECUTED, ids=[f"{code}-{case}".rstrip("-") for code, case in EXECUTED])
def test_the_fix_mends_it(place: Place, code: Code, case: str) -> None:
    if reason := _lacking(code):
        pytest.skip(reason)
    _mend(place, code, EXECUTED[code, case])


@FIRST_ON_WINDOWS
def test_the_fix_of_a_missing_root_works_in_a_plain_shell(place: Place) -> None:
    _mend(place, Code.ROOT_NOT_IN_PSE, EXECUTED[Code.ROOT_NOT_IN_PSE, "nothing of the chain is held"])


@FIRST_ON_WINDOWS
def test_the_script_of_fixes_works_in_a_plain_shell(place: Place) -> None:
    _holding()(place)
    assert place.check().returncode == 1
    (script,) = place.folder.rglob("fix-SYS.*")
    assert script.suffix == (".cmd" if sys.platform == "win32" else ".sh")
    ended = paste(str(script) if sys.platform == "win32" else f"sh {script}", place.folder)
    assert ended.returncode == 0, ended.stdout
    assert place.check().returncode == 0, place.codes


@pytest.mark.long
def test_a_repair_does_what_the_commands_do(place: Place) -> None:
    _holding()(place)
    assert place.check().returncode == 1
    assert "--repair --engine=bundled" in place.findings[0]["fix"] or any(
        "--repair" in each["fix"] for each in place.findings
    )
    assert place.check("--repair", "--engine=bundled").returncode == 0


@pytest.mark.long
def test_a_url_without_a_pse_becomes_a_system_that_has_one(place: Place) -> None:
    """The command of the fix writes systems.yaml; the root is the company's, so the reader compares and names it."""
    url = place.keys["url"]
    assert place.run("check", url).returncode == 1
    (command,) = place.commands(Code.PSE_MISSING)
    written = paste(command, place.folder)
    assert written.returncode == 0, written.stdout
    file = place.folder / "systems.yaml"
    (line,) = [line for line in file.read_text(encoding="utf-8").splitlines() if "# roots: '" in line]
    named = file.read_text(encoding="utf-8").replace(line, f"    roots: {place.roots}\n    secudir: {place.secudir}")
    file.write_text(named, encoding="utf-8")
    (following,) = [each.removeprefix("next: ") for each in written.stdout.splitlines() if each.startswith("next: ")]
    ended = paste(following, place.folder)
    assert ended.returncode == 0, ended.stdout
