"""Which systems --system asks for, each joined with what its machine says."""

import difflib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pse_preflight import demo
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.landscape.file import ALIAS, FILE_NAME, ClientKeys, Entry, ExpiryKeys, Keys, Landscape
from pse_preflight.landscape.system import Client, ClientIni, ExpiryDays, System, Waiver
from pse_preflight.landscape.url import ApiUrl, Proxy, UrlUnreadable, parse_proxy, read_url, redacted
from pse_preflight.sapgenpse import paths


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


def find_file(explicit: str | None, around: Surroundings) -> Path | None:
    """Return the systems file: the one asked for, else the first that exists in the usual places."""
    asked = explicit or around.environment.get("PSE_PREFLIGHT_SYSTEMS")
    if asked:
        return around.folder / asked
    usual = [around.folder / FILE_NAME, around.rootdir / FILE_NAME, _machine_folder(around) / FILE_NAME]
    return next((path for path in usual if path.is_file()), None)


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
    from pse_preflight.demo.server import UnknownScenario, describe

    try:
        described = describe(scenario, around.evidence)
    except UnknownScenario as error:
        raise UsageProblem(f"--system={demo.NAME}:{scenario}: {error}") from None
    entry = Entry(Keys(**described.keys), (), 0)
    return replace(_system(described.alias, entry, around, demo.NAME), confirm=False, prepare=described.start)


def _system_of_url(text: str, landscape: Landscape, around: Surroundings) -> System:
    try:
        url, _ = read_url(text)
    except UrlUnreadable as error:
        raise UsageProblem(f"--system: {error}") from None
    alias = url.host if url.port == 443 else f"{url.host}_{url.port}"  # noqa: PLR2004 - the port of https
    if not ALIAS.fullmatch(alias):
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
        folder=around.evidence / alias,
        pse=paths.pse_path(keys.pse or f"{alias}.pse", secudir, windows=around.windows),
        secudir=secudir,
        dn=keys.dn,
        roots=_roots(keys.roots, around, f"{place}: {alias}"),
        pinned=tuple(keys.pinned),
        proxy=proxy,
        ignored_proxy=ignored,
        include_leaf=keys.include_leaf,
        create=keys.create,
        expiry_days=_expiry_days(keys.expiry_days),
        required_roots=tuple(keys.required_roots) if isinstance(keys.required_roots, list) else (),
        requires_saps_roots=keys.required_roots == "sap" or (keys.required_roots is None and url.is_sap_cloud),
        adds_saps_roots=keys.required_roots == "sap",
        tags=tuple(keys.tags),
        waivers=tuple(
            Waiver(check=each.check, code=each.code, until=each.until, reason=each.reason) for each in keys.waivers
        ),
        extras=entry.extras,
        client=_client(keys, around),
    )


def _expiry_days(keys: ExpiryKeys) -> ExpiryDays:
    written = keys.model_fields_set
    return ExpiryDays(keys.leaf, keys.ca, leaf_is_written="leaf" in written, ca_is_written="ca" in written)


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
    import urllib.request

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


def surroundings(folder: Path, rootdir: Path, evidence: Path) -> Surroundings:
    """Return the surroundings of this process."""
    return Surroundings(dict(os.environ), folder, rootdir, evidence)
