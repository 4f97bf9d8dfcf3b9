"""systems.yaml and --system: which systems are asked about, and how each is to be judged."""

import difflib
import os
import re
import sys
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pse_preflight.certificate import fingerprint
from pse_preflight.demo import server as demo
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.findings import CODES, Finding, Severity
from pse_preflight.landscape.url import ApiUrl, Proxy, UrlUnreadable, parse_proxy, read_url, redacted
from pse_preflight.pse import name as distinguished_name
from pse_preflight.sapgenpse import paths

LARGEST_FILE = 1 << 20
FILE_NAME = "systems.yaml"

_ALIAS = re.compile(r"[A-Za-z0-9._-]{1,64}")
_RESERVED = frozenset({"demo", "all"})
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BACKSLASH_IN_QUOTES = re.compile(r'"[^"]*\\[^"]*"')
_OWN_KEY = "x-"


def _readable_name(text: str) -> str:
    try:
        distinguished_name.parse(text)
    except PreflightError as error:
        raise ValueError(str(error)) from None
    return text


Days = Annotated[int, Field(ge=0, le=10_000)]
Fingerprint = Annotated[str, AfterValidator(fingerprint)]
DistinguishedName = Annotated[str, AfterValidator(_readable_name)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ExpiryDays(_Strict):
    """How many days before its end a certificate is a finding."""

    leaf: Days = 7
    ca: Days = 90


_USUAL_DAYS = ExpiryDays()


def _known_check(name: str) -> str:
    if name not in _CHECKS:
        near = difflib.get_close_matches(name, _CHECKS, 1)
        raise ValueError(f"{name!r} is no check{f'; did you mean {near[0]}?' if near else ''}")
    return name


def _known_code(code: str) -> str:
    if code not in CODES:
        near = difflib.get_close_matches(code, CODES, 1)
        raise ValueError(f"{code!r} is no code{f'; did you mean {near[0]}?' if near else ''}")
    return code


def _some_text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


_CHECKS = sorted({row.check for row in CODES.values()})


class Waiver(_Strict):
    """A finding of one check that somebody has decided to live with, until a day.

    Attributes:
        check: the check that it keeps from turning red.
        code: the code of the finding; without one, all findings of the check but blockers.
        until: the last day on which it counts.
        reason: why.
    """

    check: Annotated[str, AfterValidator(_known_check)]
    code: Annotated[str, AfterValidator(_known_code)] | None = None
    until: date
    reason: Annotated[str, AfterValidator(_some_text)]

    @model_validator(mode="after")
    def _blockers_are_named(self) -> "Waiver":
        codes = {code: row.severity for code, row in CODES.items() if row.check == self.check}
        if self.code is None and min(codes.values()) is Severity.BLOCKER:
            raise ValueError(f"a blocker is waived by its code only; {self.check} has {', '.join(codes)}")
        return self


class ClientKeys(_Strict):
    """The block `client`: on which machines and as whom the client runs."""

    hosts: list[str] = []
    account: str | None = None
    group: str | None = None
    bits: Literal[32, 64] | None = None


class ClientIniKeys(_Strict):
    """The block `client_ini`: which destination of which sapnwrfc.ini the client uses."""

    file: str
    dest: str


class Keys(_Strict):
    """The keys of one system in systems.yaml, with their defaults."""

    url: str | None = None
    pse: str | None = None
    secudir: str | None = None
    dn: DistinguishedName | None = None
    roots: str = "auto"
    pinned: list[Fingerprint] = []
    proxy: str = "none"
    include_leaf: bool = False
    create: bool = True
    expiry_days: ExpiryDays = _USUAL_DAYS
    required_roots: list[Fingerprint] = []
    tags: list[str] = []
    waivers: list[Waiver] = []
    client: ClientKeys | None = None
    client_ini: ClientIniKeys | None = None
    crypto_library: str | None = None


@dataclass(frozen=True, slots=True)
class ClientIni:
    """A destination of a sapnwrfc.ini."""

    file: Path
    dest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The client's own side, as systems.yaml describes it.

    Attributes:
        hosts: the machines that it runs on; empty where they are not named.
        account: whom it runs as.
        group: the group that may read the PSE, too.
        bits: for how many bits it is built, where that is said.
        path_is_personal: the path of the PSE follows from who runs this, and from this shell.
        ini: the destination that it uses.
        library: SAP's TLS library.
    """

    hosts: tuple[str, ...] = ()
    account: str | None = None
    group: str | None = None
    bits: int | None = None
    path_is_personal: bool = False
    ini: ClientIni | None = None
    library: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system that is asked about, with everything decided.

    Attributes:
        alias: its name in reports and in test ids.
        url: the API URL's host and port.
        url_as_written: the URL in systems.yaml, without user, password and whatever follows the host.
        url_findings: what is to be said of the URL as it was written.
        pse: absolute path of the client PSE.
        secudir: the folder that the PSE tool is told as SECUDIR.
        dn: the owner of a PSE that is to be created; None where it was not configured.
        roots: auto, mozilla, system, or the absolute path of a PEM file.
        pinned: fingerprints of a private CA that stands instead of roots.
        proxy: the CONNECT proxy, or None for a direct connection.
        ignored_proxy: the environment names a proxy for this host, and it is not used.
        include_leaf: the server certificate too belongs in the PSE.
        create: a missing PSE may be made.
        confirm: SAP's tool is expected to have listed a PSE that the bundled implementation wrote.
        waivers: the findings that somebody has decided to live with.
        extras: the keys that start with x-, for the reports.
        client: the client's own side; None where nothing is said of it.
        prepare: what must have happened before the system is asked.
    """

    alias: str
    url: ApiUrl
    url_as_written: str = ""
    url_findings: tuple[Finding, ...] = ()
    pse: Path
    secudir: Path
    dn: str | None = None
    roots: str = "auto"
    pinned: tuple[str, ...] = ()
    proxy: Proxy | None = None
    ignored_proxy: bool = False
    include_leaf: bool = False
    create: bool = True
    confirm: bool = True
    expiry_days: ExpiryDays = _USUAL_DAYS
    required_roots: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    extras: tuple[tuple[str, str], ...] = ()
    client: Client | None = None
    prepare: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a system takes from its machine where systems.yaml is silent.

    Attributes:
        environment: the environment variables.
        folder: the current folder.
        rootdir: pytest's root folder.
        evidence: the folder for evidence; the demo system keeps its files there.
        windows: the rules of Windows hold.
    """

    environment: Mapping[str, str]
    folder: Path
    rootdir: Path
    evidence: Path
    windows: bool = sys.platform == "win32"


@dataclass(frozen=True, slots=True)
class Landscape:
    """The systems of one systems.yaml, not yet joined with their surroundings."""

    file: Path | None
    systems: Mapping[str, "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One system of the file: its keys, its own x- keys, and the line where it starts."""

    keys: Keys
    extras: tuple[tuple[str, str], ...]
    line: int


def find_file(explicit: str | None, around: Surroundings) -> Path | None:
    """Return the systems file: the one asked for, else the first that exists in the usual places."""
    asked = explicit or around.environment.get("PSE_PREFLIGHT_SYSTEMS")
    if asked:
        return around.folder / asked
    usual = [around.folder / FILE_NAME, around.rootdir / FILE_NAME, _machine_folder(around) / FILE_NAME]
    return next((path for path in usual if path.is_file()), None)


def read_landscape(file: Path | None, environment: Mapping[str, str]) -> Landscape:
    """Read a systems.yaml; None is a landscape without systems.

    Raises:
        UsageProblem: with file and line, whatever is wrong with it.
    """
    return Landscape(file, _Reader(file, environment).systems() if file else {})


def select(names: Iterable[str], landscape: Landscape, around: Surroundings) -> tuple[System, ...]:
    """Return the systems that --system asks for, sorted by alias, each once.

    Raises:
        UsageProblem: for a name that means nothing, or systems that contradict each other.
    """
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    found: dict[str, System] = {}
    for name in wanted:
        for system in _systems_named(name, landscape, around):
            if found.setdefault(system.alias, system).url != system.url:
                raise UsageProblem(f"--system={name}: another system selected is called {system.alias}, too")
    _refuse_contradicting_owners(found.values())
    return tuple(found[alias] for alias in sorted(found))


def _systems_named(name: str, landscape: Landscape, around: Surroundings) -> list[System]:
    kind, _, rest = name.partition(":")
    if kind == demo.NAME:
        return [_demo_system(rest, around)]
    if "://" in name:
        return [_system_of_url(name, landscape, around)]
    entries = landscape.systems
    aliases = (
        list(entries)
        if name == "all"
        else [alias for alias, entry in entries.items() if rest in entry.keys.tags]
        if kind == "tag"
        else [name]
        if name in entries
        else []
    )
    if not aliases:
        raise UsageProblem(_unknown_system(name, landscape))
    return [_system(alias, entries[alias], around, _place(landscape.file, entries[alias].line)) for alias in aliases]


def _unknown_system(name: str, landscape: Landscape) -> str:
    known = sorted(landscape.systems)
    near = difflib.get_close_matches(name.lower(), [alias.lower() for alias in known], 1)
    hint = next((f"; did you mean {alias}?" for alias in known if alias.lower() in near), "")
    where = (
        f"{landscape.file} has {', '.join(known) or 'no systems'}" if landscape.file else f"no {FILE_NAME} was found"
    )
    also = f"also allowed: {demo.NAME}, {demo.NAME}:<scenario>, all, tag:<tag>, https://<host>"
    return f"--system={name}: no such system{hint}; {where}; {also}"


def _demo_system(scenario: str, around: Surroundings) -> System:
    try:
        described = demo.describe(scenario, around.evidence)
    except demo.UnknownScenario as error:
        raise UsageProblem(f"--system={demo.NAME}:{scenario}: {error}") from None
    entry = Entry(Keys(**described.keys), (), 0)
    return replace(_system(described.alias, entry, around, demo.NAME), confirm=False, prepare=described.start)


def _system_of_url(text: str, landscape: Landscape, around: Surroundings) -> System:
    try:
        url, _ = read_url(text)
    except UrlUnreadable as error:
        raise UsageProblem(f"--system: {error}") from None
    alias = url.host if url.port == 443 else f"{url.host}_{url.port}"  # noqa: PLR2004 - the port of https
    if not _ALIAS.fullmatch(alias):
        alias = re.sub(r"[^A-Za-z0-9._-]", "_", alias)[:64]
    if alias.lower() in {each.lower() for each in landscape.systems}:
        raise UsageProblem(
            f"--system: the system {alias} of {landscape.file} has this name already; ask for it by alias"
        )
    keys = Keys(url=text, pse=f"{url.host.replace(':', '_')}.pse", create=False)
    return _system(alias, Entry(keys, (), 0), around, "--system")


def _system(alias: str, entry: Entry, around: Surroundings, place: str) -> System:
    keys = entry.keys
    if keys.url is None:
        raise UsageProblem(f"{place}: {alias} has no url")
    try:
        url, url_findings = read_url(keys.url)
        proxy, ignored = _proxy(keys.proxy, url, around.environment)
    except PreflightError as error:
        raise UsageProblem(f"{place}: {alias}: {error}") from None
    secudir = _secudir(keys.secudir, around)
    return System(
        alias=alias,
        url=url,
        url_as_written=redacted(keys.url),
        url_findings=url_findings,
        pse=paths.pse_path(keys.pse or f"{alias}.pse", secudir, windows=around.windows),
        secudir=secudir,
        dn=keys.dn,
        roots=_roots(keys.roots, around, f"{place}: {alias}"),
        pinned=tuple(keys.pinned),
        proxy=proxy,
        ignored_proxy=ignored,
        include_leaf=keys.include_leaf,
        create=keys.create,
        expiry_days=keys.expiry_days,
        required_roots=tuple(keys.required_roots),
        tags=tuple(keys.tags),
        waivers=tuple(keys.waivers),
        extras=entry.extras,
        client=_client(keys, around),
    )


def _client(keys: Keys, around: Surroundings) -> Client | None:
    if keys.client is None and keys.client_ini is None and keys.crypto_library is None:
        return None
    side = keys.client or ClientKeys()
    ini = keys.client_ini
    return Client(
        hosts=tuple(side.hosts),
        account=side.account,
        group=side.group,
        bits=side.bits,
        path_is_personal=not (
            paths.is_absolute(keys.pse, windows=around.windows)
            or paths.is_absolute(keys.secudir, windows=around.windows)
        ),
        ini=ClientIni(around.folder / ini.file, ini.dest) if ini else None,
        library=Path(keys.crypto_library) if keys.crypto_library else None,
    )


def _secudir(configured: str | None, around: Surroundings) -> Path:
    if configured:
        return around.folder / Path(configured).expanduser()
    return paths.secudir(around.environment, windows=around.windows)


def _roots(text: str, around: Surroundings, place: str) -> str:
    if text in {"auto", "mozilla", "system"}:
        return text
    file = around.folder / Path(text).expanduser()
    if len(text.split()) == 1 and not file.suffix and not file.exists():
        raise UsageProblem(f"{place}: roots: {text!r} is none of auto, mozilla, system, nor a PEM file that exists")
    return str(file)


def _proxy(text: str, url: ApiUrl, environment: Mapping[str, str]) -> tuple[Proxy | None, bool]:
    """Return the proxy to use, and whether the environment names one that is not used."""
    named = _environment_proxy(url.host, environment)
    if text == "env":
        return (parse_proxy(named) if named else None), False
    return (None, bool(named)) if text == "none" else (parse_proxy(text), False)


def _environment_proxy(host: str, environment: Mapping[str, str]) -> str | None:
    lower = {name.lower(): value for name, value in environment.items() if name.lower().endswith("_proxy") and value}
    bypass = {"no": lower.get("no_proxy", "")}
    if urllib.request.proxy_bypass_environment(host, bypass):  # type: ignore[attr-defined]
        return None
    return lower.get("https_proxy") or lower.get("all_proxy")


def _refuse_contradicting_owners(systems: Iterable[System]) -> None:
    owners: dict[Path, System] = {}
    for system in systems:
        if system.dn is None:
            continue
        other = owners.setdefault(system.pse, system)
        if other.dn != system.dn:
            raise UsageProblem(
                f"{other.alias} and {system.alias} share the PSE {system.pse} but give it different owners (dn)"
            )


def _machine_folder(around: Surroundings) -> Path:
    if around.windows:
        return Path(around.environment.get("ProgramData", r"C:\ProgramData")) / "pse-preflight"
    return Path("/etc/pse-preflight")


def _place(file: Path | None, line: int) -> str:
    return f"{file}:{line}"


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML's safe loader, but a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse duplicate keys before building the mapping."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def construct_day(self, node: yaml.ScalarNode) -> Any:
        """Read a day or a moment; one that the calendar does not have is an error with its place."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} is a day that the calendar does not have", node.start_mark
            ) from None


_UniqueKeys.add_constructor("tag:yaml.org,2002:timestamp", _UniqueKeys.construct_day)


class _Reader:
    """Reads one systems.yaml and knows the line of everything in it."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self.file = file
        self.environment = environment

    def systems(self) -> dict[str, Entry]:
        text = self._text()
        node, data = self._load(text)
        if not isinstance(data, dict) or not isinstance(data.get("systems"), dict):
            raise self._problem(1, "needs a key `systems` with a mapping of aliases below it")
        unknown = [key for key in data if key not in {"defaults", "systems"} and not str(key).startswith(_OWN_KEY)]
        if unknown:
            raise self._problem(_line(node, unknown[:1]), f"unknown key {unknown[0]!r}; allowed: defaults, systems")
        defaults = self._expanded(data.get("defaults") or {}, node, ("defaults",))
        self._keys(defaults, node, ("defaults",))
        self._refuse_aliases(data["systems"], node)
        return {alias: self._entry(alias, keys, defaults, node) for alias, keys in data["systems"].items()}

    def _text(self) -> str:
        try:
            with self.file.open("rb") as stream:
                content = stream.read(LARGEST_FILE + 1)
        except OSError as error:
            raise UsageProblem(f"{self.file}: cannot be read: {error.strerror}") from None
        if len(content) > LARGEST_FILE:
            raise UsageProblem(f"{self.file}: is larger than {LARGEST_FILE >> 20} MiB")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self._problem(line, "is not UTF-8 text") from None

    def _load(self, text: str) -> tuple[yaml.Node, Any]:
        loader = _UniqueKeys(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            if node is None:
                raise self._problem(1, "is empty")
            return node, loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self._problem(line, _yaml_problem(error, text.splitlines()[line - 1 : line])) from None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise self._problem(1, f"is no YAML: {type(error).__name__}") from None
        finally:
            loader.dispose()

    def _refuse_aliases(self, systems: dict[Any, Any], node: yaml.Node) -> None:
        seen: set[str] = set()
        for alias in systems:
            line = _line(node, ("systems", alias))
            if not isinstance(alias, str):
                raise self._problem(line, f"the alias {alias!r} is read as no text; put it in quotes")
            if not _ALIAS.fullmatch(alias) or alias.lower() in _RESERVED:
                allowed = "letters, digits, . _ - (at most 64), and neither demo nor all"
                raise self._problem(line, f"{alias!r} is no alias; allowed: {allowed}")
            if alias.lower() in seen:
                raise self._problem(line, f"the alias {alias!r} stands twice (upper and lower case are the same)")
            seen.add(alias.lower())

    def _entry(self, alias: str, keys: Any, defaults: dict[str, Any], node: yaml.Node) -> Entry:
        place = ("systems", alias)
        own = self._expanded(keys, node, place)
        self._keys(own, node, place)
        joined = {**defaults, **own}
        extras = tuple((key, str(value)) for key, value in joined.items() if key.startswith(_OWN_KEY))
        line = _line(node, place)
        if "url" not in joined:
            raise self._problem(line, f"{alias} has no url")
        return Entry(self._keys(joined, node, place), extras, line)

    def _keys(self, keys: dict[str, Any], node: yaml.Node, place: Sequence[Any]) -> Keys:
        try:
            return Keys(**{key: value for key, value in keys.items() if not key.startswith(_OWN_KEY)})
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False)
            # A mistyped key is also missing under its right name; the typing error is what people look for.
            first = next((each for each in wrong if each["type"] == "extra_forbidden"), wrong[0])
            where = ".".join(str(part) for part in (*place, *first["loc"]))
            line = _line(node, (*place, *first["loc"]))
            raise self._problem(line, f"{where}: {_key_problem(first)}") from None

    def _expanded(self, keys: Any, node: yaml.Node, place: Sequence[Any]) -> dict[str, Any]:
        if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys):
            raise self._problem(_line(node, place), f"{'.'.join(map(str, place))}: needs keys such as `url: https://…`")
        return {key: self._expand(value, node, (*place, key)) for key, value in keys.items()}

    def _expand(self, value: Any, node: yaml.Node, place: Sequence[Any]) -> Any:
        if isinstance(value, dict):
            return {key: self._expand(each, node, (*place, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self._expand(each, node, (*place, number)) for number, each in enumerate(value)]
        return self._expand_text(value, node, place) if isinstance(value, str) else value

    def _expand_text(self, text: str, node: yaml.Node, place: Sequence[Any]) -> str:
        missing = [name for name in _VARIABLE.findall(text) if name not in self.environment]
        where = ".".join(map(str, place))
        if missing:
            raise self._problem(_line(node, place), f"{where}: the environment variable {missing[0]} is not set")
        if any(not char.isprintable() for char in text):
            raise self._problem(_line(node, place), f"{where}: holds a control character; {_SINGLE_QUOTES}")
        return _VARIABLE.sub(lambda match: self.environment[match[1]], text)

    def _problem(self, line: int, text: str) -> UsageProblem:
        return UsageProblem(f"{_place(self.file, line)}: {text}")


_BLOCKS: Mapping[str, type[_Strict]] = {
    "expiry_days": ExpiryDays,
    "client": ClientKeys,
    "client_ini": ClientIniKeys,
    "waivers": Waiver,
}

_SINGLE_QUOTES = r"in double quotes a backslash starts an escape: write Windows paths in single quotes, 'C:\sec'"


def _yaml_problem(error: yaml.MarkedYAMLError, lines: list[str]) -> str:
    if isinstance(error, yaml.scanner.ScannerError) and lines and _BACKSLASH_IN_QUOTES.search(lines[0]):
        return _SINGLE_QUOTES
    return f"is no YAML: {error.problem or error.context}"


def _key_problem(error: Any) -> str:
    if error["type"] != "extra_forbidden":
        return str(error["msg"]).removeprefix("Value error, ")
    fields = _BLOCKS.get(error["loc"][0], Keys) if len(error["loc"]) > 1 else Keys
    near = difflib.get_close_matches(str(error["loc"][-1]), fields.model_fields, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown key{hint} (allowed: {', '.join(fields.model_fields)}, x-…)"


def _line(node: yaml.Node, place: Iterable[Any]) -> int:
    """Return the line of a key, or of the innermost of its parents that is there."""
    line = node.start_mark.line
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if _is_key(key, part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return int(line) + 1


def _is_key(node: yaml.Node, key: Any) -> bool:
    return bool(node.value == key or (not isinstance(key, str) and yaml.safe_load(str(node.value)) == key))


def surroundings(folder: Path, rootdir: Path, evidence: Path) -> Surroundings:
    """Return the surroundings of this process."""
    return Surroundings(dict(os.environ), folder, rootdir, evidence)
