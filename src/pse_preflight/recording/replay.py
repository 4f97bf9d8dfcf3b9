"""Which recordings of an evidence folder are judged again."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pse_preflight.findings import one_line
from pse_preflight.landscape.names import asked_names, shown_name
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import UrlUnreadable, read_url
from pse_preflight.recording import pack
from pse_preflight.recording.folder import Place, Replay, read, recorded_folders
from pse_preflight.recording.format import EvidenceUnreadable, system_of

Recorded = tuple[System, Replay]


def chosen(folder: Path, names: Iterable[str], evidence: Path) -> Mapping[str, Recorded]:
    """Return the recorded systems of a folder or a pack that --system names, by alias; all of them where it names none.

    Args:
        evidence: the folder for the files about the replay.
        names: aliases, `all`, `tag:<tag>`, `demo:<scenario>` or URLs, as for systems that are asked.

    Raises:
        EvidenceUnreadable: where a recording cannot be read, or there is none of a name.
    """
    with _place(folder) as place:
        found = {alias: _recorded(each, evidence / alias) for alias, each in recorded_folders(place).items()}
    picked = [alias for name in asked_names(names) or ["all"] for alias in _named(name, found, folder)]
    return {alias: found[alias] for alias in sorted(set(picked))}


@contextmanager
def _place(named: Path) -> Iterator[Place]:
    """Yield the folder, or the pack as one."""
    if not pack.is_pack(named):
        yield named
        return
    try:
        with pack.opened(named) as place:
            yield place
    except pack.PackUnreadable as error:
        raise EvidenceUnreadable(str(error)) from None


def _recorded(place: Place, folder: Path) -> Recorded:
    replay = read(place)
    if replay.recording.asked.alias != place.name:
        told = replay.recording.asked.alias
        raise EvidenceUnreadable(f"{place}: asked.alias is {told!r}, and the folder has another name")
    return system_of(replay.recording, folder), replay


def _named(name: str, found: Mapping[str, Recorded], folder: Path) -> list[str]:
    kind, _, rest = name.partition(":")
    aliases = [alias for alias, (system, _) in found.items() if _is_meant(name, kind, rest, system)]
    if not aliases:
        held = one_line(f"{folder}, which holds {', '.join(found)}")
        raise EvidenceUnreadable(f"{shown_name(name)} is not recorded in {held}")
    return aliases


def _is_meant(name: str, kind: str, rest: str, system: System) -> bool:
    if "://" in name:
        return _is_url_of(name, system)
    if kind == "tag":
        return rest in system.tags
    return name == "all" or system.alias == (f"{kind}-{rest}" if rest else name)


def _is_url_of(text: str, system: System) -> bool:
    try:
        return read_url(text)[0] == system.url
    except UrlUnreadable:
        return False
