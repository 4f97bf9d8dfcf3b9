"""Which worker of pytest-xdist asks which system: each system belongs to one, with all that share its PSE."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pse_preflight.checklist import CHECKS
from pse_preflight.landscape.system import System

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

_CHECK = re.compile(r"::(\w+)\[([^\[\]]+)\](?:@[^\]]*)?$")


def alias_in(node_id: str, systems: Mapping[str, System]) -> str | None:
    """Return the system that a check of pytest is about; None for what is no check of ours."""
    found = _CHECK.search(node_id)
    return found[2] if found and found[1] in CHECKS and found[2] in systems else None


def shares(node_ids: Iterable[str], systems: Mapping[str, System], workers: int) -> dict[str, int]:
    """Divide the systems of these checks evenly; return the number of each one's share, by its alias.

    The controller and every worker come to the same division, since they know the same checks.
    """
    by_pse: dict[str, list[str]] = defaultdict(list)
    for alias in sorted({alias for each in node_ids if (alias := alias_in(each, systems))}):
        by_pse[systems[alias].shared_pse].append(alias)
    found: dict[str, int] = {}
    sizes = [0] * workers
    for aliases in sorted(by_pse.values(), key=len, reverse=True):
        share = sizes.index(min(sizes))
        sizes[share] += len(aliases)
        found.update(dict.fromkeys(aliases, share))
    return found


def scheduler(config: "pytest.Config", log: "Producer", systems: Mapping[str, System]) -> "LoadScopeScheduling | None":
    """Return what gives a share of the systems to a worker as a whole; None where each worker is to run everything.

    Whatever is no check of ours is spread as --dist says: by its file, its scope or its group, else one by one.
    """
    from xdist.scheduler import LoadFileScheduling, LoadGroupScheduling, LoadScopeScheduling

    dist = config.getvalue("dist")
    if dist == "each":
        return None
    others = {"loadfile": LoadFileScheduling, "loadscope": LoadScopeScheduling}.get(dist, LoadGroupScheduling)

    class BySystem(LoadScopeScheduling):  # type: ignore[misc] # xdist is untyped
        _shares: dict[str, int] | None = None

        def _split_scope(self, nodeid: str) -> str:
            alias = alias_in(nodeid, systems)
            if alias is None:
                return str(others._split_scope(self, nodeid))  # noqa: SLF001 - the one method in which they differ
            if self._shares is None:
                self._shares = shares(self.collection, systems, self.numnodes)
            return f"pse-preflight {self._shares[alias]}"

    return BySystem(config, log)
