import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from pse_preflight.errors import UsageProblem
from pse_preflight.landscape.file import LARGEST_FILE, read_landscape
from pse_preflight.landscape.select import Surroundings, find_file, select
from pse_preflight.landscape.system import System

MINIMAL = """
systems:
  PRD:
    url: https://my401122-api.s4hana.cloud.sap
"""
FINGERPRINT = "ab" * 32

OTHER_HOST = """
systems:
  ERP:
    url: https://erp.example.com
"""

WINDOWS = sys.platform == "win32"
ROOT = "C:/" if WINDOWS else "/"
Select = Callable[..., tuple[System, ...]]


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    home = f"{ROOT}home/xtract"
    environment = {"HOME": home, "LOCALAPPDATA": home}
    return Surroundings(environment, tmp_path, tmp_path / "root", tmp_path / "evidence", windows=WINDOWS)


@pytest.fixture
def selected(tmp_path: Path, around: Surroundings) -> Select:
    def read(text: str, *names: str, environment: Mapping[str, str] | None = None) -> tuple[System, ...]:
        file = tmp_path / "systems.yaml"
        file.write_text(text, encoding="utf-8")
        surroundings = Surroundings({**around.environment, **(environment or {})}, *_places(around), windows=WINDOWS)
        return select(names or ("all",), read_landscape(file, surroundings.environment), surroundings)

    return read


def _places(around: Surroundings) -> tuple[Path, Path, Path]:
    return around.folder, around.rootdir, around.evidence


def _problem(selected: Select, text: str, *names: str, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(UsageProblem) as caught:
        selected(text, *names, environment=environment)
    return str(caught.value)


def test_silent_keys_get_the_documented_defaults(selected: Select) -> None:
    (system,) = selected(MINIMAL)
    assert system.alias == "PRD"
    assert (system.url.host, system.url.port) == ("my401122-api.s4hana.cloud.sap", 443)
    assert system.pse == Path(f"{ROOT}home/xtract/sec/PRD.pse")
    assert system.secudir == Path(f"{ROOT}home/xtract/sec")
    assert (system.dn, system.roots, system.proxy) == (None, "auto", None)
    assert (system.expiry_days.leaf, system.expiry_days.ca) == (7, 90)
    assert system.create
    assert not system.include_leaf


def test_every_key_arrives(selected: Select, tmp_path: Path) -> None:
    text = f"""
systems:
  PRD:
    url: https://host.example.com:8443
    pse: my.pse
    secudir: {tmp_path}/sec
    dn: "CN=COMPUTER.theobald.local, C=DE, S=BW, O=TS, OU=DEV"
    pinned: ["sha256:{FINGERPRINT.upper()}"]
    proxy: http://user:secret@proxy:3128
    include_leaf: true
    create: false
    expiry_days: {{leaf: 1, ca: 2}}
    required_roots: [{FINGERPRINT}]
    tags: [a, b]
    x-ticket: CHG0042
"""
    (system,) = selected(text)
    assert system.pse == tmp_path / "sec" / "my.pse"
    assert system.dn == "CN=COMPUTER.theobald.local, C=DE, S=BW, O=TS, OU=DEV"
    assert system.pinned == system.required_roots == (FINGERPRINT,)
    assert str(system.proxy) == "proxy:3128"
    assert (system.include_leaf, system.create) == (True, False)
    assert (system.expiry_days.leaf, system.expiry_days.ca) == (1, 2)
    assert system.tags == ("a", "b")
    assert system.extras == (("x-ticket", "CHG0042"),)


@pytest.mark.parametrize(
    ("text", "leaf", "ca"),
    [
        (MINIMAL, 2, 10),
        (MINIMAL + "    expiry_days: {leaf: 7}\n", 7, 10),
        (MINIMAL + "    expiry_days: {ca: 90}\n", 2, 90),
        (f"defaults: {{expiry_days: {{leaf: 5, ca: 60}}}}\n{MINIMAL}", 5, 60),
    ],
)
def test_expiry_days_count_as_days_where_they_are_written(selected: Select, text: str, leaf: int, ca: int) -> None:
    (system,) = selected(text)
    days = system.expiry_days
    assert days.before_end_of_leaf(timedelta(days=6)) == timedelta(days=leaf)
    assert days.before_end_of_ca(timedelta(days=30)) == timedelta(days=ca)
    assert days.before_end_of_leaf(timedelta(days=398)) == timedelta(days=days.leaf)


@pytest.mark.parametrize(
    ("text", "required", "adds"),
    [
        (MINIMAL, True, False),
        (MINIMAL + "    required_roots: sap\n", True, True),
        (MINIMAL + "    required_roots: []\n", False, False),
        (MINIMAL + f"    required_roots: [{FINGERPRINT}]\n", False, False),
        (OTHER_HOST, False, False),
        (OTHER_HOST + "    required_roots: sap\n", True, True),
    ],
)
def test_saps_own_list_is_required_on_saps_domains_and_where_it_is_written(
    selected: Select, text: str, *, required: bool, adds: bool
) -> None:
    (system,) = selected(text)
    assert (system.requires_saps_roots, system.adds_saps_roots) == (required, adds)
    assert system.required_roots == ((FINGERPRINT,) if FINGERPRINT in text else ())


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("SAP", "is neither `sap` (SAP's own list) nor a list of fingerprints"),
        ("7", "is neither `sap`"),
        ("[7]", "is neither `sap`"),
        ("[sap]", "`sap` stands alone"),
        ("[abc]", "'abc' is no SHA-256 fingerprint"),
    ],
)
def test_what_is_no_list_of_required_roots_is_told_with_its_line(selected: Select, value: str, says: str) -> None:
    told = _problem(selected, MINIMAL + f"    required_roots: {value}\n")
    assert "systems.yaml:5: systems.PRD.required_roots: " in told
    assert says in told


def test_a_system_shows_no_secret(selected: Select) -> None:
    (system,) = selected(MINIMAL + "    proxy: http://user:s3cr3t@proxy:3128\n")
    assert "s3cr3t" not in repr(system)


def test_defaults_fill_in_and_own_keys_win(selected: Select) -> None:
    text = """
defaults: {pse: shared.pse, tags: [prod], x-team: basis}
systems:
  A: {url: a.example.com}
  B: {url: b.example.com, pse: own.pse, tags: [test]}
"""
    first, second = selected(text)
    assert (first.pse.name, first.tags, first.extras) == ("shared.pse", ("prod",), (("x-team", "basis"),))
    assert (second.pse.name, second.tags) == ("own.pse", ("test",))


def test_variables_are_expanded(selected: Select) -> None:
    (system,) = selected(
        MINIMAL + "    pse: ${FOLDER}/x.pse\n    tags: ['${TAG}']\n", environment={"FOLDER": f"{ROOT}srv", "TAG": "t"}
    )
    assert system.pse == Path(f"{ROOT}srv/x.pse")
    assert system.tags == ("t",)


def test_secudir_comes_from_the_environment(selected: Select) -> None:
    (system,) = selected(MINIMAL, environment={"SECUDIR": f"{ROOT}opt/sec"})
    assert system.pse == Path(f"{ROOT}opt/sec/PRD.pse")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (MINIMAL + "    urll: x\n", 5, "unknown key; did you mean url?"),
        (MINIMAL + "    create: yes please\n", 5, "create: needs true or false"),
        (MINIMAL + "    tags: prod\n", 5, "tags: needs a list, such as [a, b]"),
        (MINIMAL + "    tags: [prod, 7]\n", 5, "tags.1: needs text; put it in quotes"),
        (MINIMAL + "    expiry_days: {leaf: -1}\n", 5, "expiry_days.leaf: is less than 0"),
        (MINIMAL + "    expiry_days: {days: 1}\n", 5, "unknown key"),
        (MINIMAL + "    pinned: [abc]\n", 5, "no SHA-256 fingerprint"),
        (MINIMAL + "    dn: no name\n", 5, "dn"),
        (MINIMAL + "    url: https://other.example.com\n", 5, "'url' stands twice"),
        (MINIMAL + "  prd: {url: x.example.com}\n", 5, "stands twice (upper and lower case are the same)"),
        (MINIMAL + "  demo: {url: x.example.com}\n", 5, "no alias"),
        (MINIMAL + "  a b: {url: x.example.com}\n", 5, "no alias"),
        (MINIMAL + "  no: {url: x.example.com}\n", 5, "put it in quotes"),
        (MINIMAL + "  B: {pse: x.pse}\n", 5, "B has no url"),
        (MINIMAL + "  B: https://x.example.com\n", 5, "needs keys such as"),
        (MINIMAL + "  B: {url: 'https://'}\n", 5, "no host"),
        (MINIMAL + "  B: {url: x.example.com, roots: mozila}\n", 5, "none of auto, mozilla, system"),
        (MINIMAL + "  B: {url: x.example.com, proxy: 'proxy'}\n", 5, "has no port"),
        (MINIMAL + "    pse: ${NOWHERE}/x.pse\n", 5, "NOWHERE is not set"),
        (MINIMAL + '    secudir: "C:\\sec"\n', 5, "single quotes"),
        (MINIMAL + '    secudir: "C:\\temp"\n', 5, "single quotes"),
        (MINIMAL + "    pse: [\n", 6, "no YAML"),
        (MINIMAL + "other: {}\n", 5, "unknown key 'other'"),
        ("defaults: {urll: x}\n" + MINIMAL, 1, "unknown key"),
        ("defaults: 7\n" + MINIMAL, 1, "needs keys such as"),
        ("systems: 7\n", 1, "needs a key `systems`"),
        ("", 1, "is empty"),
        ("- a\n", 1, "needs a key `systems`"),
    ],
)
def test_whatever_is_wrong_is_told_with_its_line(selected: Select, text: str, line: int, says: str) -> None:
    problem = _problem(selected, text)
    assert f"systems.yaml:{line}: " in problem
    assert says in problem
    assert "\n" not in problem


def test_a_value_is_never_repeated(selected: Select) -> None:
    secret = "s3cr3t"
    text = MINIMAL + "    proxy: https://user:${PASSWORD}@proxy:3128\n"
    assert secret not in _problem(selected, text, environment={"PASSWORD": secret})


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"systems:\n  A: {url: x\xfc.example.com}\n")
    with pytest.raises(UsageProblem, match=r"latin\.yaml:2: is not UTF-8"):
        read_landscape(file, {})


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_text(MINIMAL, encoding="utf-8-sig")
    assert set(read_landscape(file, {}).systems) == {"PRD"}


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_an_unreadable_file_is_told(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "systems.yaml"
    if kind == "folder":
        file.mkdir()
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_landscape(file, {})


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text("#" * (LARGEST_FILE + 1))
    with pytest.raises(UsageProblem, match="larger than 1 MiB"):
        read_landscape(file, {})


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text("[" * 20_000)
    with pytest.raises(UsageProblem, match="nested more than 40 deep"):
        read_landscape(file, {})


LANDSCAPE = """
systems:
  QAS: {url: qas.example.com, tags: [test]}
  PRD: {url: prd.example.com, tags: [prod, eu]}
  DEV: {url: dev.example.com, tags: [test, eu]}
"""


@pytest.mark.parametrize(
    ("names", "aliases"),
    [
        (("all",), ["DEV", "PRD", "QAS"]),
        (("PRD",), ["PRD"]),
        (("QAS,DEV", "QAS"), ["DEV", "QAS"]),
        (("tag:eu",), ["DEV", "PRD"]),
        (("tag:test, PRD",), ["DEV", "PRD", "QAS"]),
    ],
)
def test_names_select_systems(selected: Select, names: tuple[str, ...], aliases: list[str]) -> None:
    assert [each.alias for each in selected(LANDSCAPE, *names)] == aliases


@pytest.mark.parametrize("name", ["prd", "PDR", "demo:nothing", "nothing", "tag:"])
def test_unknown_names_are_refused_with_what_there_is(selected: Select, name: str) -> None:
    problem = _problem(selected, LANDSCAPE, name)
    assert f"--system={name}" in problem
    assert "good" in problem if name == "demo:nothing" else "DEV, PRD, QAS" in problem


def test_a_near_miss_is_suggested(selected: Select) -> None:
    assert "did you mean PRD?" in _problem(selected, LANDSCAPE, "prd")


@pytest.mark.parametrize(
    ("url", "alias", "pse"),
    [
        ("https://host.example.com", "host.example.com", "host.example.com.pse"),
        ("https://host.example.com:8443/x", "host.example.com_8443", "host.example.com.pse"),
        ("https://[::1]:8443", "__1_8443", "__1.pse"),
    ],
)
def test_an_url_is_a_system_that_creates_nothing(selected: Select, url: str, alias: str, pse: str) -> None:
    (system,) = selected(LANDSCAPE, url)
    assert (system.alias, system.pse.name, system.create) == (alias, pse, False)


def test_an_url_hides_its_credentials(selected: Select) -> None:
    (system,) = selected(LANDSCAPE, "https://user:s3cr3t@host.example.com")
    assert "s3cr3t" not in repr(system)
    assert [each.code for each in system.url_findings][:1] == ["URL_HAS_CREDENTIALS"]


def test_an_url_without_a_host_is_refused(selected: Select) -> None:
    assert "no host" in _problem(selected, LANDSCAPE, "https://")


def test_the_demo_is_an_ordinary_system_under_the_evidence_folder(selected: Select, around: Surroundings) -> None:
    (system,) = selected(LANDSCAPE, "demo:expired-leaf")
    assert system.alias == "demo-expired-leaf"
    assert system.url.host == "localhost"
    assert system.pse == around.evidence / "demo-expired-leaf" / "client.pse"
    assert not system.confirm


def test_systems_that_share_a_pse_must_agree_on_its_owner(selected: Select) -> None:
    shared = "systems:\n  A: {{url: a.example.com, pse: c.pse, dn: CN=a}}\n  B: {{url: b.example.com, pse: c.pse{}}}\n"
    assert len(selected(shared.format(""))) == 2
    assert len(selected(shared.format(", dn: CN=a"))) == 2
    assert "share the PSE" in _problem(selected, shared.format(", dn: CN=b"))


@pytest.mark.parametrize(
    ("key", "environment", "proxy", "ignored"),
    [
        ("none", {}, None, False),
        ("none", {"HTTPS_PROXY": "http://p:1"}, None, True),
        ("env", {"HTTPS_PROXY": "http://p:1"}, "p:1", False),
        ("env", {"https_proxy": "http://p:1"}, "p:1", False),
        ("env", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".cloud.sap"}, None, False),
        ("env", {"HTTP_PROXY": "http://p:1"}, None, False),
        ("http://q:2", {"HTTPS_PROXY": "http://p:1"}, "q:2", False),
    ],
)
def test_the_proxy_is_the_configured_one(
    selected: Select, key: str, environment: dict[str, str], proxy: str | None, ignored: bool
) -> None:
    (system,) = selected(MINIMAL + f"    proxy: {key}\n", environment=environment)
    assert (str(system.proxy) if system.proxy else None, system.ignored_proxy) == (proxy, ignored)


def test_the_first_usual_place_counts(around: Surroundings, tmp_path: Path) -> None:
    assert find_file(None, around) is None
    around.rootdir.mkdir()
    (around.rootdir / "systems.yaml").touch()
    assert find_file(None, around) == around.rootdir / "systems.yaml"
    (tmp_path / "systems.yaml").touch()
    assert find_file(None, around) == tmp_path / "systems.yaml"
    named = Surroundings({"PSE_PREFLIGHT_SYSTEMS": "other.yaml"}, *_places(around), windows=WINDOWS)
    assert find_file(None, named) == tmp_path / "other.yaml"
    assert find_file("mine.yaml", named) == tmp_path / "mine.yaml"


def test_no_file_is_an_empty_landscape(around: Surroundings) -> None:
    with pytest.raises(UsageProblem, match=r"no systems\.yaml was found"):
        select(["PRD"], read_landscape(None, {}), around)
