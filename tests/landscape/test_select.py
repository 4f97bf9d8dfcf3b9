"""systems.yaml joined with a machine: variables, paths, roots, shared PSEs, --system, and what is never shown."""

import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, now
from pse_preflight.checklist import CHECKS
from pse_preflight.demo.authority import root_authority
from pse_preflight.errors import UsageProblem
from pse_preflight.landscape.file import read_landscape
from pse_preflight.landscape.keys import Keys
from pse_preflight.landscape.names import asked_names
from pse_preflight.landscape.select import Surroundings, find_file, select
from pse_preflight.landscape.system import System

FINGERPRINT = "ab" * 32
COLONS = ":".join(["AB"] * 32)
LINUX = {"HOME": "/home/x"}
WINDOWS = {
    "LocalAppData": r"C:\Users\x\AppData\Local",
    "ProgramData": r"C:\ProgramData",
    "ProgramFiles(x86)": r"C:\Program Files (x86)",
}
SECRET = "s3cr3t"
HERE = sys.platform == "win32"


def _select(
    folder: Path,
    keys: str,
    *names: str,
    environment: Mapping[str, str] | None = None,
    windows: bool = HERE,
) -> tuple[System, ...]:
    """Read a systems.yaml whose system PRD has these keys, each on a line of its own from line 4 on."""
    lines = [f"    {line}\n" for line in keys.splitlines()]
    text = f"systems:\n  PRD:\n    url: a.example.com\n{''.join(lines)}"
    return _select_text(folder, text, *names, environment=environment, windows=windows)


def _select_text(
    folder: Path,
    text: str | bytes,
    *names: str,
    environment: Mapping[str, str] | None = None,
    windows: bool = HERE,
) -> tuple[System, ...]:
    if HERE and not windows:
        pytest.skip("Python on Windows makes another path of one of POSIX")
    file = folder / "systems.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    known = (WINDOWS if windows else LINUX) if environment is None else environment
    around = Surroundings(known, folder / "elsewhere", folder / "elsewhere", folder / "evidence", windows=windows)
    return select(names or ("all",), read_landscape(file, known, windows=windows), around)


def _problem(folder: Path, keys: str, *names: str, windows: bool = HERE, **rest: Mapping[str, str]) -> str:
    with pytest.raises(UsageProblem) as caught:
        _select(folder, keys, *names, windows=windows, **rest)
    problem = str(caught.value)
    assert problem.isprintable()
    assert not re.search(r"pydantic|valid (string|boolean|list|dict)|Input should|Field required|Value error", problem)
    return problem


# variables


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("'${ProgramData}\\sec'", r"C:\ProgramData\sec"),
        ("'${PROGRAMDATA}\\sec'", r"C:\ProgramData\sec"),
        ("'%ProgramData%\\sec'", r"C:\ProgramData\sec"),
        ("'%programdata%\\sec'", r"C:\ProgramData\sec"),
        ("'${ProgramFiles(x86)}\\sec'", r"C:\Program Files (x86)\sec"),
        ("'%PROGRAMFILES(X86)%\\sec'", r"C:\Program Files (x86)\sec"),
        ("'C:\\100%\\sec'", r"C:\100%\sec"),
    ],
)
def test_variables_of_windows_have_no_case(tmp_path: Path, written: str, expected: str) -> None:
    (system,) = _select(tmp_path, f"secudir: {written}", windows=True)
    assert str(system.secudir) == expected


def test_elsewhere_they_have(tmp_path: Path) -> None:
    (system,) = _select(tmp_path, "secudir: ${Sec}", environment={**LINUX, "Sec": "/opt/sec"}, windows=False)
    assert system.secudir == Path("/opt/sec")
    assert "variable SEC is not set" in _problem(tmp_path, "secudir: ${SEC}", environment={**LINUX, "Sec": "/opt/sec"})


@pytest.mark.parametrize(
    ("keys", "windows", "line", "says"),
    [
        ("secudir: ${NOWHERE}/sec", False, 4, "secudir: the environment variable NOWHERE is not set; set it, or write"),
        ("x-a: 1\nsecudir: '%NOWHERE%\\sec'", True, 5, "secudir: the environment variable NOWHERE is not set"),
        ("secudir: '%HOME%/sec'", False, 4, "%HOME% is expanded on Windows only; write ${HOME}"),
        ("dn: CN=%COMPUTERNAME%", False, 4, "write ${COMPUTERNAME}"),
        ("client: {account: '${WHO}'}", False, 4, "client.account: the environment variable WHO is not set"),
        ("secudir: '${a b}'", False, 4, "what stands in ${…} is no name of a variable"),
        ("secudir: $HOME/sec", False, 4, "'$HOME/sec' is not expanded; write ${HOME}"),
        ("secudir: '$env:ProgramData\\sec'", True, 4, "write ${ProgramData}"),
    ],
)
def test_what_is_not_expanded_is_told(tmp_path: Path, keys: str, windows: bool, line: int, says: str) -> None:
    problem = _problem(tmp_path, keys, windows=windows)
    assert f"systems.yaml:{line}: " in problem
    assert says in problem


def test_percent_signs_of_a_url_mean_something_else(tmp_path: Path) -> None:
    (system,) = _select(tmp_path, "proxy: 'http://u:%41%4a%41@proxy:1'\nx-note: 10%a%", windows=True)
    assert system.proxy is not None
    assert (system.proxy.password, system.extras) == ("AJA", (("x-note", "10%a%"),))


def test_what_nobody_asks_for_need_not_be_set(tmp_path: Path) -> None:
    text = "systems:\n  A: {url: a.example.com}\n  B: {url: b.example.com, secudir: '${NOWHERE}'}\n"
    assert [each.alias for each in _select_text(tmp_path, text, "A")] == ["A"]
    with pytest.raises(UsageProblem, match="NOWHERE is not set"):
        _select_text(tmp_path, text, "B")


def test_a_default_that_is_not_used_need_not_be_set(tmp_path: Path) -> None:
    sec = "C:/sec" if HERE else "/sec"
    text = f"defaults: {{secudir: '${{NOWHERE}}'}}\nsystems:\n  A: {{url: a.example.com, secudir: '{sec}'}}\n"
    assert _select_text(tmp_path, text)[0].secudir == Path(sec)


def test_a_value_of_a_variable_with_a_line_end_is_refused(tmp_path: Path) -> None:
    environment = {**LINUX, "TAG": "a\nb"}
    assert "TAG holds a control character" in _problem(tmp_path, "tags: ['${TAG}']", environment=environment)


# paths


@pytest.mark.parametrize(
    ("keys", "windows", "says"),
    [
        (
            "secudir: 'C:\\ProgramData\\xtract\\sec'",
            False,
            "PRD: secudir: 'C:\\ProgramData\\xtract\\sec' is a path of Win",
        ),
        ("secudir: /opt/xtract/sec", True, "PRD: secudir: '/opt/xtract/sec' has no drive"),
        ("secudir: 'Z:sec'", True, "has no backslash after its drive"),
        ("secudir: sec", False, "is relative, and nobody knows to which folder; write it whole: "),
        ("secudir: 'sec\\a'", True, "is relative"),
        ("secudir: ~nosuchuser/sec", False, "the home folder ~nosuchuser is not known"),
        ("pse: 'client.pse:x'", True, "names a part inside of another file"),
        ("pse: 'client.pse:x'", False, "holds a colon"),
        ("pse: 'Z:g.pse'", True, "has no backslash after its drive"),
        ("pse: 'D:\\sec\\client.pse'", False, "is a path of Windows"),
        ("pse: sec/", False, "names a folder, not a file"),
        ("pse: nul", True, "which Windows reserves"),
        ("roots: 'C:\\roots.pem'", False, "PRD: roots: 'C:\\roots.pem' is a path of Windows"),
        ("client_ini: {file: 'C:sapnwrfc.ini', dest: X}", True, "client_ini: 'C:sapnwrfc.ini' has no backslash"),
        ("crypto_library: '\\\\server\\x.so'", False, "crypto_library: "),
        ("secudir: ''", False, "systems.PRD.secudir: is empty"),
        ("pse: ' '", False, "systems.PRD.pse: is empty"),
    ],
)
def test_a_path_that_cannot_be_meant_is_told_with_its_line(tmp_path: Path, keys: str, windows: bool, says: str) -> None:
    problem = _problem(tmp_path, f"x-note: 1\n{keys}", windows=windows)
    assert "systems.yaml:5: " in problem
    assert says in problem


def test_a_path_of_another_machine_is_told_where_its_system_is_asked_for(tmp_path: Path) -> None:
    other = "/sec" if HERE else "C:\\sec"
    text = f"systems:\n  A: {{url: a.example.com}}\n  B: {{url: b.example.com, secudir: '{other}'}}\n"
    assert _select_text(tmp_path, text, "A")
    with pytest.raises(UsageProblem, match=r"systems\.yaml:3: B: secudir: "):
        _select_text(tmp_path, text, "B")


def test_a_path_of_the_defaults_is_told_with_its_own_line(tmp_path: Path) -> None:
    text = "defaults:\n  tags: [a]\n  secudir: sec\nsystems:\n  A: {url: a.example.com}\n"
    with pytest.raises(UsageProblem, match=r"systems\.yaml:3: A: secudir: 'sec' is relative"):
        _select_text(tmp_path, text)


def test_relative_files_lie_beside_systems_yaml(tmp_path: Path) -> None:
    root = Certificate.of(root_authority("Root", now() - timedelta(days=1), 900).certificate)
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "root.cer").write_bytes(root.der)
    keys = "roots: roots/root.cer\nclient_ini: {file: rfc/sapnwrfc.ini, dest: X}\ncrypto_library: lib/libsapcrypto.so"
    (system,) = _select(tmp_path, keys)
    assert system.roots == str(tmp_path / "roots" / "root.cer")
    assert system.client is not None
    assert system.client.ini is not None
    assert system.client.ini.file == tmp_path / "rfc" / "sapnwrfc.ini"
    assert system.client.library == tmp_path / "lib" / "libsapcrypto.so"
    assert system.file == tmp_path / "systems.yaml"


@pytest.mark.parametrize(
    ("environment", "windows", "says"),
    [
        ({"SECUDIR": "sec"}, False, "has the folder of the PSEs as sec, which is relative; set SECUDIR"),
        ({"HOME": "home/x"}, False, "home/x/sec, which is relative"),
        ({"SecuDir": r"C:sec"}, True, "C:sec, which is relative"),
        ({"SECUDIR": '"C:\\sec"'}, True, "which is relative"),
    ],
)
def test_a_relative_folder_of_the_environment_is_refused(
    tmp_path: Path, environment: dict[str, str], windows: bool, says: str
) -> None:
    assert says in _problem(tmp_path, "pse: client.pse", environment=environment, windows=windows)
    assert _select(tmp_path, f"secudir: {'C:/sec' if windows else '/sec'}", environment=environment, windows=windows)


def test_the_folder_of_the_environment_has_no_case_on_windows(tmp_path: Path) -> None:
    (system,) = _select(tmp_path, "", environment={"secudir": r"D:\sec"}, windows=True)
    assert str(system.pse) == r"D:\sec\PRD.pse"
    (system,) = _select(tmp_path, "", windows=True)
    assert str(system.secudir) == r"C:\Users\x\AppData\Local\sec"


def test_the_file_of_the_machine_is_found_whatever_the_case(tmp_path: Path) -> None:
    file = tmp_path / "pse-preflight" / "systems.yaml"
    file.parent.mkdir()
    file.touch()
    for name in ("ProgramData", "PROGRAMDATA"):
        around = Surroundings({name: str(tmp_path)}, tmp_path / "x", tmp_path / "y", tmp_path, windows=True)
        assert find_file(None, around) == file
    asked = Surroundings({"Pse_Preflight_Systems": "z.yaml"}, tmp_path, tmp_path, tmp_path, windows=True)
    assert find_file(None, asked) == tmp_path / "z.yaml"


# roots


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            "missing.pem",
            "missing.pem: cannot be read: ",
        ),
        ("empty.pem", "empty.pem: is empty; what is needed"),
        ("key.pem", "key.pem: holds a private key and no certificate"),
        (".", "is a folder"),
        ("mozila", "'mozila' is none of auto, mozilla, system, nor a file; did you mean mozilla?"),
        ("System", "did you mean system?"),
    ],
)
def test_roots_that_cannot_be_read_are_told_before_anything_is_asked(tmp_path: Path, written: str, says: str) -> None:
    (tmp_path / "empty.pem").touch()
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")
    problem = _problem(tmp_path, f"x-note: 1\nroots: {written}")
    assert "systems.yaml:5: PRD: roots: " in problem
    assert says in problem


# one PSE under two spellings


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX; those of Windows are in the next test")
def test_two_spellings_of_one_pse_are_one(tmp_path: Path) -> None:
    text = (
        "defaults: {dn: CN=a}\nsystems:\n"
        f"  A: {{url: a.example.com, secudir: {tmp_path}/sec, pse: client}}\n"
        f"  B: {{url: b.example.com, pse: {tmp_path}/x/../sec//client.pse}}\n"
        f"  C: {{url: c.example.com, secudir: {tmp_path}/sec, pse: other}}\n"
    )
    first, second, third = _select_text(tmp_path, text)
    assert first.shared_pse == second.shared_pse != third.shared_pse
    assert (str(first.pse), str(second.pse)) == (f"{tmp_path}/sec/client.pse", f"{tmp_path}/x/../sec/client.pse")
    with pytest.raises(UsageProblem, match=r"A and B share the PSE .* different owners"):
        _select_text(tmp_path, text.replace("b.example.com", "b.example.com, dn: CN=b"))


def test_two_spellings_of_windows_are_one(tmp_path: Path) -> None:
    text = "systems:\n  A: {url: a.x, pse: 'C:\\sec\\c.pse'}\n  B: {url: b.x, pse: 'c:/SEC/./C.PSE'}\n"
    first, second = _select_text(tmp_path, text, windows=True)
    assert first.shared_pse == second.shared_pse
    assert (str(first.pse), str(second.pse)) == (r"C:\sec\c.pse", r"c:\SEC\C.PSE")


# keys


@pytest.mark.parametrize(
    "written",
    [
        f'["sha256:{FINGERPRINT}"]',
        f"[{COLONS}]",
        f"[SHA-256: {COLONS}]",
        f"[sha256 Fingerprint={COLONS}]",
        f'["\\u200e{COLONS.replace(":", " ").lower()}"]',
        f"\n      - >\n        {COLONS[:48]}\n        {COLONS[48:]}",
        f"\n      - \u200eSHA-256: {COLONS}",
    ],
)
def test_fingerprints_are_taken_as_they_are_pasted(tmp_path: Path, written: str) -> None:
    text = f"systems:\n  PRD:\n    url: a.example.com\n    pinned: {written}\n    required_roots: {written}\n"
    (system,) = _select_text(tmp_path, text)
    assert system.pinned == system.required_roots == (FINGERPRINT,)


def test_a_fingerprint_of_another_hash_is_named(tmp_path: Path) -> None:
    problem = _problem(tmp_path, f"tags: [a]\npinned: ['{'a1 ' * 20}']")
    assert "systems.yaml:5: systems.PRD.pinned.0: " in problem
    assert "is a SHA-1 fingerprint, no SHA-256 fingerprint" in problem


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("pin: 1234", "unknown key; a client PSE must have no PIN, so there is no key for one (allowed: "),
        ("PIN: '1234'", "a client PSE must have no PIN"),
        ("password: x", "no logon is made"),
        ("pined: [a]", "unknown key; did you mean pinned?"),
        ("\u200eroots: mozilla", "unknown key; did you mean roots?"),
        ("engine: sap", "engine: needs auto, sapgenpse or bundled"),
        ("x-a: [&a [*a]]", "a value holds itself"),
        ("tags: {a: b}", "tags: needs a list, such as [a, b]"),
        ("expiry_days: 7", "expiry_days: needs keys of its own"),
        ("expiry_days: {leaf: soon}", "expiry_days.leaf: needs a whole number"),
        ("expiry_days: {leaf: 1.5}", "expiry_days.leaf: needs a whole number"),
        ("expiry_days: {ca: 10001}", "expiry_days.ca: is more than 10000"),
        ("create: 1", "create: needs true or false"),
        ("pse: [a]", "pse: needs text; put it in quotes"),
        ("dn: 7", "dn: needs text"),
        ("client: {hosts: a}", "client.hosts: needs a list"),
        ("client_ini: {dest: X}", "client_ini.file: is missing"),
        ("waivers: [test_chain_is_strong]", "waivers.0: needs keys of its own"),
        ('pse: "a\\u200bb"', "pse: holds U+200B, which nobody sees"),
        ('pse: "a\\u00a0b"', "pse: holds U+00A0, which nobody sees"),
        ('pse: "a\\e[31m"', "pse: holds a control character"),
        ('x-a: "\\0"', "x-a: holds a control character"),
        ('pse: "\\ud800"', "pse: holds U+D800"),
        ('url: "\\ud800"', "stands twice"),
    ],
)
def test_what_a_key_needs_is_told_in_plain_words(tmp_path: Path, keys: str, says: str) -> None:
    problem = _problem(tmp_path, keys)
    assert re.search(r"systems\.yaml:[345]: ", problem)
    assert says in problem


@pytest.mark.parametrize("name", Keys.model_fields)
@pytest.mark.parametrize("value", ["[]", "{}", "7", "1.5", "true", "2027-01-01", "[{}]", "[[1]]", "{a: [b]}", "''"])
def test_no_value_of_any_key_brings_other_peoples_words(tmp_path: Path, name: str, value: str) -> None:
    text = f"systems:\n  PRD:\n    {'' if name == 'url' else 'url: a.example.com'}\n    {name}: {value}\n"
    problem = _said_of(tmp_path, text)
    assert not problem or re.search(r"systems\.yaml:[234]: ", problem)
    assert not re.search(r"[Ii]nput|should be|Field|pydantic|Value error|NoneType", problem)


def _said_of(folder: Path, text: str) -> str:
    """Return what is wrong with a text; nothing where it is accepted."""
    try:
        _select_text(folder, text)
    except UsageProblem as error:
        return str(error)
    return ""


def test_the_engine_of_a_system_arrives(tmp_path: Path) -> None:
    assert _select(tmp_path, "engine: bundled")[0].engine == "bundled"
    assert _select(tmp_path, "")[0].engine == "auto"


@pytest.mark.parametrize(
    ("check", "code"), [("test_pse_exists", "CERTIFICATE_WEAK"), ("test_chain_is_valid", "PSE_MISSING")]
)
def test_a_waiver_of_a_code_of_another_check_is_refused(tmp_path: Path, check: str, code: str) -> None:
    waiver = f"waivers: [{{check: {check}, code: {code}, until: 2027-01-31, reason: x}}]"
    assert f"{code} is no code of {check}" in _problem(tmp_path, waiver)


@pytest.mark.parametrize("check", CHECKS)
def test_every_code_can_be_waived_at_its_own_check(tmp_path: Path, check: str) -> None:
    entries = [f"{{check: {check}, code: {code}, until: 2027-01-31, reason: x}}" for code in CHECKS[check].codes]
    (system,) = _select(tmp_path, f"waivers: [{', '.join(entries)}]")
    assert [each.code for each in system.waivers] == list(CHECKS[check].codes)


def test_the_file_of_powershell_is_read(tmp_path: Path) -> None:
    text = "systems:\r\n  PRD: {url: größe.example.com}\r\n"
    (system,) = _select_text(tmp_path, text.encode("utf-16"))
    assert system.url.host == "xn--gre-6ka8i.example.com"


# names of --system


LANDSCAPE = """
systems:
  QAS: {url: qas.example.com, tags: [test]}
  PRD: {url: prd.example.com, tags: [prod, eu]}
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tag:prd", ["--system=tag:prd: no system has this tag; did you mean tag:prod?", "eu, prod, test"]),
        ("tag:nobody", ["no system has this tag; ", "has eu, prod, test"]),
        ("Demo", ["did you mean demo?"]),
        ("prd", ["did you mean PRD?"]),
        ("a\x1b[31m\nb", [r"--system=a\x1b[31m\nb: no such system"]),
    ],
)
def test_an_unknown_name_is_told_what_there_is(tmp_path: Path, name: str, says: list[str]) -> None:
    with pytest.raises(UsageProblem) as caught:
        _select_text(tmp_path, LANDSCAPE, name)
    assert all(each in str(caught.value) for each in says)
    assert str(caught.value).isprintable()
    if name.startswith("tag:"):
        assert "PRD" not in str(caught.value)


def test_of_many_names_the_first_are_told(tmp_path: Path) -> None:
    many = "\n".join(f"  S{number:02}: {{url: https://s{number}.example.com}}" for number in range(60))
    with pytest.raises(UsageProblem) as caught:
        _select_text(tmp_path, f"systems:\n{many}\n", "nobody")
    assert " has S00, S01, S02, S03, S04, S05, S06, S07, S08, S09 and 50 more; also allowed: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("PRD,QAS", ["PRD", "QAS"]),
        (" PRD , ,QAS,", ["PRD", "QAS"]),
        (f"https://u:{SECRET}@h", [f"https://u:{SECRET}@h"]),
        (f"https://u:s,{SECRET},t@h,PRD", [f"https://u:s,{SECRET},t@h", "PRD"]),
        (f"PRD,https://u:s,{SECRET}@h", ["PRD", f"https://u:s,{SECRET}@h"]),
        (f"https://u:{SECRET}@h,https://v:{SECRET},x@i", [f"https://u:{SECRET}@h", f"https://v:{SECRET},x@i"]),
    ],
)
def test_commas_separate_but_in_passwords(text: str, names: list[str]) -> None:
    assert asked_names([text]) == names


@pytest.mark.parametrize(
    "names",
    [
        [f"user:{SECRET}@host.example.com"],
        [f"{SECRET}@host.example.com"],
        [f"tag:{SECRET}@x"],
        [f"demo:{SECRET}@x"],
        [f"user:x,{SECRET},y@host.example.com"],
        [f"https://u:{SECRET}@host.example.com", f"https://v:{SECRET}@host.example.com:443", "https://PRD"],
        [f"https://u:{SECRET}@host.example.com:8443", f"https://v:{SECRET}@host.example.com_8443"],
        [f"https://u:{SECRET}@"],
        [f"https://u:p@{SECRET}@prd:x"],
        [f"https://u:{SECRET}@prd"],
        [f"https:/u,{SECRET}"],
    ],
)
def test_a_login_is_never_shown(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(UsageProblem) as caught:
        _select_text(tmp_path, LANDSCAPE, *names)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        f"proxy: 'http://u:{SECRET}@proxy'",
        f"proxy: 'https://u:{SECRET}@proxy:1'",
        f"proxy: ['http://u:{SECRET}@proxy:1']",
        f"proxy: {{'u:{SECRET}': x}}",
        f"proxy: 'http://u:{SECRET}${{NOWHERE}}@proxy:1'",
        f'proxy: "http://u:{SECRET}\\e@proxy:1"',
        f"proxy: 'http://u:{SECRET}%FF@proxy:0'",
    ],
)
def test_nor_is_the_one_of_a_proxy(tmp_path: Path, keys: str) -> None:
    assert SECRET not in _problem(tmp_path, keys)


@pytest.mark.parametrize(
    ("written", "password"),
    [("%FF%FE", b"\xff\xfe"), ("a%C3%BC", "aü".encode()), ("%2F%3A", b"/:"), ("a\udcff", b"a\xff")],
)
def test_a_password_that_is_no_utf_8_reaches_the_proxy(tmp_path: Path, written: str, password: bytes) -> None:
    environment = {**LINUX, "HTTPS_PROXY": f"http://user:{written}@proxy:3128"}
    (system,) = _select(tmp_path, "proxy: env", environment=environment)
    assert system.proxy is not None
    assert (system.proxy.password or "").encode(errors="surrogateescape") == password
    assert str(system.proxy) == "proxy:3128"
    assert written not in repr(system)


@pytest.mark.parametrize("host", ["con.example.com", "nul", "demo", "ALL"])
def test_a_url_never_gives_an_alias_that_is_none(tmp_path: Path, host: str) -> None:
    (system,) = _select_text(tmp_path, LANDSCAPE, f"https://{host}")
    assert system.alias == f"_{host.lower()}"
    assert (system.url.host, system.create) == (host.lower(), False)


@pytest.mark.parametrize("written", ['"CN=a, C=DE\u201c"', "\u201eCN=a, C=DE\u201c"])
def test_a_name_as_guides_set_it_is_understood(tmp_path: Path, written: str) -> None:
    (read,) = _select(tmp_path, f"dn: {written}", windows=sys.platform == "win32")
    assert read.dn == "CN=a, C=DE"


# --- trust stores

HERE = sys.platform == "win32"
OTHERS = pytest.mark.skipif(HERE, reason="there it is this machine's own")


def test_a_trust_store_lies_beside_systems_yaml(tmp_path: Path) -> None:
    keys = "truststore: cacerts.jks\ntruststore_password: ${SECRET}"
    known = {"SECRET": SECRET, **(WINDOWS if HERE else LINUX)}
    (read,) = _select(tmp_path, keys, environment=known, windows=HERE)
    assert (read.pse, read.dn) == (tmp_path / "cacerts.jks", None)
    assert read.truststore is not None
    assert (read.truststore.password, read.truststore.windows) == (SECRET, "")
    assert SECRET not in repr(read)


def test_a_store_of_windows_is_named(tmp_path: Path) -> None:
    (read,) = _select(tmp_path, "truststore: windows:ROOT", windows=True)
    assert (str(read.pse), read.truststore and read.truststore.windows) == ("windows:ROOT", "ROOT")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("truststore: a.jks\npse: b.pse", "stands beside `pse`"),
        ("truststore: a.jks\nclient_ini: {file: a.ini, dest: PRD}", "stands beside `client_ini`"),
        ("truststore_password: a", "stands alone"),
        pytest.param("truststore: windows:ROOT", "is a store of Windows, and this is another system", marks=OTHERS),
        pytest.param("truststore: 'C:\\a.jks'", "is a path of Windows", marks=OTHERS),
        ("truststore: ''", "is empty"),
    ],
)
def test_a_trust_store_that_cannot_be_meant_is_refused(tmp_path: Path, keys: str, says: str) -> None:
    assert says in _problem(tmp_path, keys, windows=HERE)


def test_a_store_of_windows_without_a_name_is_refused(tmp_path: Path) -> None:
    assert "names no store" in _problem(tmp_path, "truststore: 'windows:'", windows=True)


def test_a_system_s_own_trust_store_replaces_the_pse_of_the_defaults(tmp_path: Path) -> None:
    systems = "A: {url: a.example.com, truststore: a.jks}\n  B: {url: b.example.com}\n"
    text = f"defaults: {{pse: shared.pse}}\nsystems:\n  {systems}"
    one, other = _select_text(tmp_path, text, windows=HERE)
    assert (one.pse.name, one.truststore is None) == ("a.jks", False)
    assert (other.pse.name, other.truststore) == ("shared.pse", None)


def test_two_with_one_trust_store_share_it_unless_their_passwords_differ(tmp_path: Path) -> None:
    keys = "{url: a.example.com, truststore: a.jks, truststore_password: %s}"
    text = f"systems:\n  A: {keys % 'x'}\n  B: {keys % 'x'}\n  C: {keys % 'y'}\n"
    found = _select_text(tmp_path, text, windows=HERE)
    assert [each.shared_pse == found[0].shared_pse for each in found] == [True, True, False]
