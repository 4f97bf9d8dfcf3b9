"""The shipped table of the roots that SAP's cloud uses and of their announced successors; a file may replace it."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from pse_preflight.certificate import fingerprint
from pse_preflight.errors import UsageProblem

SHIPPED = Path(__file__).with_name("sap_roots.yaml")
LARGEST_FILE = 1 << 20

_NEAR = dt.timedelta(days=60)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Root(_Strict):
    name: str
    sha256: Annotated[str, AfterValidator(fingerprint)]


class _Announcement(_Strict):
    hosts: list[str]
    root: str
    successors: list[str]
    date: dt.date | None = None
    source: str


class Table(_Strict):
    """Roots by name, and which of them follow which.

    Attributes:
        dated: the day up to which the table is known to be right.
        roots: name and fingerprint of every root.
        changes: the announcements.
    """

    dated: dt.date
    roots: list[_Root]
    changes: list[_Announcement]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Table":
        known = {each.name for each in self.roots}
        named = [name for each in self.changes for name in (each.root, *each.successors)]
        unknown = [name for name in named if name not in known]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is named under changes and not under roots")
        return self

    def changes_of(self, host: str, root: str) -> tuple["Change", ...]:
        """Return the changes announced for a host that uses the root of this fingerprint today."""
        fingerprints = {each.name: each.sha256 for each in self.roots}
        return tuple(
            Change(each.root, successor, fingerprints[successor], each.date, each.source, self.dated)
            for each in self.changes
            if fingerprints[each.root] == root and host.endswith(tuple(each.hosts))
            for successor in each.successors
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One root that is announced to follow another.

    Attributes:
        root: the name of the root that is in use.
        successor, sha256: name and fingerprint of the one that follows.
        date: the announced day; None where none is announced for the host.
        source: who says so.
        dated: the day of the table.
    """

    root: str
    successor: str
    sha256: str
    date: dt.date | None
    source: str
    dated: dt.date

    def is_near(self, day: dt.date) -> bool:
        """Tell whether the announced day is at most 60 days away."""
        return self.date is not None and abs(self.date - day) <= _NEAR

    @property
    def words(self) -> str:
        """Return what is announced, when, by whom, and how old the table is."""
        when = f"announced for {self.date}" if self.date else "no day is announced"
        return f'which follows the server\'s root "{self.root}" ({when}; {self.source}; table of {self.dated})'


@cache
def read_table(file: Path = SHIPPED) -> Table:
    """Read a table.

    Raises:
        UsageProblem: with what is wrong with the file.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE)
        return Table(**_mapping(yaml.safe_load(content)))
    except OSError as error:
        raise UsageProblem(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the table"
        raise UsageProblem(f"{file}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageProblem(f"{file}: is no YAML: {type(error).__name__}") from None


def _mapping(data: Any) -> dict[str, Any]:
    return {str(key): value for key, value in data.items()} if isinstance(data, dict) else {}
