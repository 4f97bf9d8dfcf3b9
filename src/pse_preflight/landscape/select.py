"""Which systems --system asks for, each joined with what its machine says."""

import difflib
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pse_preflight import demo
from pse_preflight.certificate import CertificateUnreadable
from pse_preflight.certificate_file import read_certificate_file
from pse_preflight.errors import UsageProblem
from pse_preflight.files import is_file
from pse_preflight.findings import one_line
from pse_preflight.landscape import alias as aliases
from pse_preflight.landscape.describe import LISTS, Surroundings, describe
from pse_preflight.landscape.file import FILE_NAME, Landscape, SystemEntry
from pse_preflight.landscape.keys import Keys
from pse_preflight.landscape.names import asked_names, shown_name
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import HTTPS_PORT, UrlUnreadable, read_url

__all__ = ["Surroundings", "find_file", "select", "surroundings"]

_OPTION = "--system"
_MOST_NAMED = 10


def surroundings(folder: Path, rootdir: Path, evidence: Path) -> Surroundings:
    """Return the surroundings of this process."""
    return Surroundings(dict(os.environ), folder, rootdir, evidence)


def find_file(explicit: str | None, around: Surroundings) -> Path | None:
    """Return the systems file: the one asked for, else the first that exists in the usual places."""
    asked = explicit or around.variables.get("PSE_PREFLIGHT_SYSTEMS")
    if asked:
        return around.folder / asked
    program_data = Path(around.variables.get("ProgramData") or r"C:\ProgramData")
    machine = program_data / "pse-preflight" if around.windows else Path("/etc/pse-preflight")
    usual = [folder / FILE_NAME for folder in (around.folder, around.rootdir, machine)]
    return next((path for path in usual if is_file(path)), None)


def select(names: Iterable[str], landscape: Landscape, around: Surroundings) -> tuple[System, ...]:
    """Return the systems that --system asks for, sorted by alias, each once.

    Raises:
        UsageProblem: for a name that means nothing, systems that contradict each other, and whatever keeps one of them
            from being asked that can be known before.
    """
    found: dict[str, System] = {}
    for name in asked_names(names):
        for system in _systems_named(name, landscape, around):
            if found.setdefault(system.alias, system).url != system.url:
                raise UsageProblem(f"{_OPTION}: two systems that are asked for are called {system.alias}")
    _refuse_contradicting_owners(found.values())
    _refuse_unreadable_roots(found.values())
    return tuple(found[alias] for alias in sorted(found))


def _systems_named(name: str, landscape: Landscape, around: Surroundings) -> list[System]:
    kind, _, rest = name.partition(":")
    if kind == demo.NAME:
        return [_demo_system(rest, around)]
    if "://" in name:
        return [_system_of_url(name, landscape, around)]
    entries = landscape.systems
    if kind == "tag" and rest:
        chosen = [alias for alias, entry in entries.items() if rest in entry.keys.tags]
        if not chosen:
            raise UsageProblem(_unknown_tag(rest, landscape))
    else:
        chosen = list(entries) if name == "all" else [name] if name in entries else []
    if not chosen:
        raise UsageProblem(_unknown_system(name, landscape))
    return [describe(alias, entries[alias], landscape.file, around) for alias in chosen]


def _unknown_tag(tag: str, landscape: Landscape) -> str:
    known = sorted({each for entry in landscape.systems.values() for each in entry.keys.tags})
    near = difflib.get_close_matches(tag, known, 1)
    hint = f"; did you mean tag:{near[0]}?" if near else ""
    return f"{_OPTION}=tag:{shown_name(tag)}: no system has this tag{hint}; {_had(landscape, known, 'tags')}"


def _unknown_system(name: str, landscape: Landscape) -> str:
    known = sorted(landscape.systems)
    near = difflib.get_close_matches(name.lower(), [each.lower() for each in (*known, demo.NAME, "all")], 1)
    hint = next((f"; did you mean {each}?" for each in (*known, demo.NAME, "all") if each.lower() in near), "")
    also = f"also allowed: {demo.NAME}, {demo.NAME}:<scenario>, all, tag:<tag>, https://<host>"
    return f"{_OPTION}={shown_name(name)}: no such system{hint}; {_had(landscape, known, 'systems')}; {also}"


def _had(landscape: Landscape, known: Iterable[str], what: str) -> str:
    if landscape.file is None:
        return f"no {FILE_NAME} was found"
    named = list(known)
    left = len(named) - _MOST_NAMED
    more = f" and {left} more" if left > 0 else ""
    return one_line(f"{landscape.file} has {', '.join(named[:_MOST_NAMED]) or f'no {what}'}{more}")


def _demo_system(scenario: str, around: Surroundings) -> System:
    from pse_preflight.demo import server

    try:
        described = server.describe(scenario, around.evidence)
    except server.UnknownScenario as error:
        raise UsageProblem(f"{_OPTION}={demo.NAME}:{shown_name(scenario)}: {error}") from None
    here = replace(around, windows=sys.platform == "win32")
    made = describe(described.alias, SystemEntry(Keys(**described.keys), place=demo.NAME), None, here)
    return replace(made, confirm=False, prepare=described.start)


def _system_of_url(text: str, landscape: Landscape, around: Surroundings) -> System:
    try:
        url, _ = read_url(text)
    except UrlUnreadable as error:
        raise UsageProblem(f"{_OPTION}: {error}") from None
    alias = aliases.of_host(url.host, None if url.port == HTTPS_PORT else url.port)
    if alias.lower() in {each.lower() for each in landscape.systems}:
        raise UsageProblem(
            f"{_OPTION}: the system {alias} of {landscape.file} has this name already; ask for it by alias"
        )
    name = url.host.replace(":", "_")
    keys = Keys(
        url=text,
        pse=f"{'_' if aliases.is_device(name) else ''}{name}.pse",
        create=False,
        serves="sql" if url.is_hana_cloud else "rfc",
    )
    made = describe(alias, SystemEntry(keys, place=_OPTION), None, around)
    return replace(made, next_command=("pse-preflight", "init", f"https://{url.host}"))


def _refuse_contradicting_owners(systems: Iterable[System]) -> None:
    owners: dict[str, System] = {}
    for system in systems:
        if system.dn is None:
            continue
        other = owners.setdefault(system.shared_pse, system)
        if other.dn != system.dn:
            shared = f"{other.alias} and {system.alias} share the PSE {system.pse}"
            raise UsageProblem(one_line(f"{shared} but give it different owners (dn)"))


def _refuse_unreadable_roots(systems: Iterable[System]) -> None:
    """Read the files that name roots, each once; one that cannot be read is no matter for the checks."""
    read: set[str] = set()
    for system in systems:
        if system.roots in {*LISTS, *read} or system.roots_place == demo.NAME:
            continue
        read.add(system.roots)
        try:
            read_certificate_file(Path(system.roots))
        except CertificateUnreadable as error:
            text = f"{system.roots_place}: {system.alias}: {_roots_text(system.roots, error)}"
            raise UsageProblem(one_line(text)) from None


def _roots_text(path: str, error: CertificateUnreadable) -> str:
    name = Path(path).name
    near = [] if Path(path).suffix else difflib.get_close_matches(name, LISTS, 1)
    if near:
        return f"roots: {name!r} is none of {', '.join(LISTS)}, nor a file; did you mean {near[0]}?"
    return f"roots: {path}: {error}; what is needed is auto, mozilla, system, or a file of certificates"
