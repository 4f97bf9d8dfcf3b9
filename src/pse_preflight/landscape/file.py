"""systems.yaml and --system: which systems are asked about, and how each is to be judged."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pse_preflight.certificate import fingerprint
from pse_preflight.checklist import CHECKS, CODES, Severity
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.pse import name as distinguished_name

LARGEST_FILE = 1 << 20
FILE_NAME = "systems.yaml"

ALIAS = re.compile(r"[A-Za-z0-9._-]{1,64}")
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


def _roots_or_sap(value: Any) -> Any:
    """Accept `sap`, or a list of fingerprints; what is wrong is told of the one that was meant."""
    if value is None or value == "sap":
        return value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("is neither `sap` (SAP's own list) nor a list of fingerprints")
    if "sap" in value:
        raise ValueError("`sap` stands alone, not in a list: required_roots: sap")
    return [fingerprint(each) for each in value]


Days = Annotated[int, Field(ge=0, le=10_000)]
Fingerprint = Annotated[str, AfterValidator(fingerprint)]
RequiredRoots = Annotated[list[Fingerprint] | Literal["sap"] | None, BeforeValidator(_roots_or_sap)]
DistinguishedName = Annotated[str, AfterValidator(_readable_name)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _known_check(name: str) -> str:
    if name not in CHECKS:
        near = difflib.get_close_matches(name, CHECKS, 1)
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


class ExpiryKeys(_Strict):
    """The block `expiry_days`."""

    leaf: Days = 7
    ca: Days = 90


class WaiverKeys(_Strict):
    """One waiver of the block `waivers`."""

    check: Annotated[str, AfterValidator(_known_check)]
    code: Annotated[str, AfterValidator(_known_code)] | None = None
    until: date
    reason: Annotated[str, AfterValidator(_some_text)]

    @model_validator(mode="after")
    def _blockers_are_named(self) -> "WaiverKeys":
        codes = {code: row.severity for code, row in CHECKS[self.check].codes.items()}
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
    expiry_days: ExpiryKeys = ExpiryKeys()
    required_roots: RequiredRoots = None
    tags: list[str] = []
    waivers: list[WaiverKeys] = []
    client: ClientKeys | None = None
    client_ini: ClientIniKeys | None = None
    crypto_library: str | None = None


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


def read_landscape(file: Path | None, environment: Mapping[str, str]) -> Landscape:
    """Read a systems.yaml; None is a landscape without systems.

    Raises:
        UsageProblem: with file and line, whatever is wrong with it.
    """
    return Landscape(file, _Reader(file, environment).systems() if file else {})


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
            if not ALIAS.fullmatch(alias) or alias.lower() in _RESERVED:
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
        return UsageProblem(f"{self.file}:{line}: {text}")


_BLOCKS: Mapping[str, type[_Strict]] = {
    "expiry_days": ExpiryKeys,
    "client": ClientKeys,
    "client_ini": ClientIniKeys,
    "waivers": WaiverKeys,
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
