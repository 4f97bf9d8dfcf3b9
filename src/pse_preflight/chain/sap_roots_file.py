"""SAP's list of roots as files: the table that comes along, one like it, and the forms in which SAP publishes it."""

import contextlib
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from pse_preflight.certificate import Certificate, CertificateUnreadable, fingerprint
from pse_preflight.certificate_file import read_certificates
from pse_preflight.chain.sap_roots import PUBLISHED, Announcement, Named, Release, Root, SapRoots, Table
from pse_preflight.chain.search import is_self_signed
from pse_preflight.errors import UsageProblem
from pse_preflight.files import is_file, is_folder, read_beginning
from pse_preflight.landscape.words import plain
from pse_preflight.once import once
from pse_preflight.pse import file as pse_file
from pse_preflight.pse.errors import PseError

SHIPPED = Path(__file__).with_name("sap_roots.yaml")
LARGEST_FILE = 16 << 20
LARGEST_TABLE = 1 << 20

_MOST_MEMBERS = 500
_MOST_LOOKED_AT = 10_000
_MOST_REQUIRED = 30
"""SAP's required list has held 10 or 11 roots; the one of all that SAP approves has 55 and more."""
_Each = TypeVar("_Each")
_Name = TypeVar("_Name", bound=PurePath)

_ZIP = b"PK\x03\x04"
_TABLES = frozenset({".yaml", ".yml"})
_TABLE_KEY = re.compile(rb"^(?:roots|dated|changes)[ \t]*:", re.MULTILINE)
_CERTIFICATES = frozenset({".pem", ".crt", ".cer", ".der", ".pse"})
_PSE_FORM = "PSE"
_REQUIRED_FOLDER = "required"


class _TableModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _ReleaseKeys(_TableModel):
    name: str
    day: dt.date


class _RootKeys(_TableModel):
    name: str
    sha256: Annotated[str, AfterValidator(fingerprint)]
    common_name: str = ""
    organization: str = ""
    ends: dt.date | None = None
    since: str | None = None
    left: str | None = None
    mozilla: dt.date | None = None
    chrome: dt.date | None = None
    private: bool = False
    successors: list[str] = []
    announced: dt.date | None = None
    source: str = ""


class _AnnouncementKeys(_TableModel):
    hosts: list[str]
    root: str
    successors: list[str]
    date: dt.date | None = None
    source: str


class _TableKeys(_TableModel):
    dated: dt.date
    releases: list[_ReleaseKeys] = []
    roots: list[_RootKeys]
    changes: list[_AnnouncementKeys] = []

    @model_validator(mode="after")
    def _names_are_known(self) -> "_TableKeys":
        names = {each.name for each in self.roots}
        for where, named in (
            ("changes", [name for each in self.changes for name in (each.root, *each.successors)]),
            ("successors", [name for each in self.roots for name in each.successors]),
        ):
            if unknown := [name for name in named if name not in names]:
                raise ValueError(f"{unknown[0]!r} is named under {where} and not under roots")
        releases = {each.name for each in self.releases}
        used = [name for each in self.roots for name in (each.since, each.left) if name]
        if unknown := [name for name in used if name not in releases]:
            raise ValueError(f"{unknown[0]!r} is named under roots and not under releases")
        return self

    def table(self) -> Table:
        """Return what the keys say; each name in them is known."""
        releases = {each.name: Release(each.name, each.day) for each in self.releases}
        named = {each.name: Named(each.name, each.sha256) for each in self.roots}
        return Table(
            dated=self.dated,
            releases=tuple(releases.values()),
            roots=tuple(_root(each, releases) for each in self.roots),
            changes=tuple(
                Announcement(
                    tuple(each.hosts),
                    named[each.root],
                    tuple(named[name] for name in each.successors),
                    each.date,
                    each.source,
                )
                for each in self.changes
            ),
        )


def _root(keys: _RootKeys, releases: Mapping[str, Release]) -> Root:
    told = {name: getattr(keys, name) for name in ("organization", "ends", "mozilla", "chrome", "private", "announced")}
    return Root(
        name=keys.name,
        sha256=keys.sha256,
        common_name=keys.common_name or keys.name,
        since=releases[keys.since] if keys.since else None,
        left=releases[keys.left] if keys.left else None,
        successors=tuple(keys.successors),
        source=keys.source,
        **told,
    )


@once
def read_table(file: Path = SHIPPED) -> Table:
    """Read a table.

    Raises:
        UsageProblem: with what is wrong with the file.
    """
    return _table(_bytes(file), file)


@once
def sap_roots(path: Path | None = None) -> SapRoots:
    """Return what is known of SAP's roots: the table that comes along, and a list that somebody names.

    Args:
        path: SAP's own PSE, a folder or a zip of PEM files, one PEM file, or a table.

    Raises:
        UsageProblem: with what is wrong with it, in one line.
    """
    shipped = read_table()
    if path is None:
        return SapRoots(shipped=shipped)
    published = _published(path)
    if isinstance(published, Table):
        return SapRoots(shipped=shipped, given=published, place=str(path))
    given = shipped.as_published(published.certificates, published.day)
    return SapRoots(shipped=shipped, given=given, place=str(path), certificates=published.certificates)


def written(table: Table) -> str:
    """Return a table as YAML that `read_table` reads."""
    keys = _TableKeys(
        dated=table.dated,
        releases=[_ReleaseKeys(name=each.name, day=each.day) for each in table.releases],
        roots=[_keys_of(each) for each in table.roots],
        changes=[
            _AnnouncementKeys(
                hosts=list(each.hosts),
                root=each.root.name,
                successors=[one.name for one in each.successors],
                date=each.date,
                source=each.source,
            )
            for each in table.changes
        ],
    )
    plain = keys.model_dump(exclude_defaults=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


def _keys_of(root: Root) -> _RootKeys:
    return _RootKeys(
        name=root.name,
        sha256=root.sha256,
        common_name="" if root.common_name == root.name else root.common_name,
        organization=root.organization,
        ends=root.ends,
        since=root.since.name if root.since else None,
        left=root.left.name if root.left else None,
        mozilla=root.mozilla,
        chrome=root.chrome,
        private=root.private,
        successors=list(root.successors),
        announced=root.announced,
        source=root.source,
    )


@dataclass(frozen=True, slots=True)
class _PublishedTable:
    """A list in a form that SAP publishes.

    Attributes:
        day: when it was made: a PSE says so, of other files it is the day of the newest.
    """

    certificates: tuple[Certificate, ...]
    day: dt.date


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of a list."""

    name: str
    content: bytes
    day: dt.date


def _published(path: Path) -> _PublishedTable | Table:
    """Read whichever form stands there."""
    if is_folder(path):
        return _list_of(_members_of_folder(path), path)
    content = _bytes(path)
    if content.startswith(_ZIP):
        return _list_of(_members_of_zip(content, path), path)
    if path.suffix.lower() in _TABLES or _TABLE_KEY.search(content):
        return _table(content, path)
    return _list_of([_Member("", content, _day(path))], path)


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = read_beginning(stream, LARGEST_FILE + 1)
    except OSError as error:
        raise UsageProblem(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise UsageProblem(f"{file}: is larger than {LARGEST_FILE >> 20} MiB, so it is no list of roots")
    return content


def _day(path: Path) -> dt.date:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date()


def _table(content: bytes, file: Path) -> Table:
    if len(content) > LARGEST_TABLE:
        raise UsageProblem(f"{file}: is larger than {LARGEST_TABLE >> 20} MiB, so it is no table of roots")
    try:
        read = yaml.safe_load(content)
        keys = {str(key): value for key, value in read.items()} if isinstance(read, dict) else {}
        return _TableKeys(**keys).table()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the table"
        raise UsageProblem(f"{file}: is no table of roots: {where}: {plain(first)}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageProblem(f"{file}: is no YAML: {type(error).__name__}") from None


def _members_of_folder(folder: Path) -> list[_Member]:
    """Return the files that hold certificates; of SAP's whole publication those of the required list."""
    every = list(islice(folder.rglob("*"), _MOST_LOOKED_AT))
    _refuse_too_many(len(every), folder, _MOST_LOOKED_AT - 1)
    found = {each.relative_to(folder): each for each in sorted(every) if _is_wanted(each) and is_file(each)}
    _refuse_too_many(len(found), folder)
    return [
        _Member(str(name), _bytes(folder / name), _day(folder / name))
        for name in _of_required_list({name: name for name in found})
    ]


def _refuse_too_many(count: int, place: Path, most: int = _MOST_MEMBERS) -> None:
    if count > most:
        raise UsageProblem(f"{place}: holds more than {most} files, so it is no list of roots")


def _members_of_zip(content: bytes, file: Path) -> list[_Member]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = {PurePosixPath(each.filename): each for each in archive.infolist()}
            found = {name: each for name, each in infos.items() if _is_wanted(name) and not each.is_dir()}
            _refuse_too_many(len(found), file)
            wanted = _of_required_list(found)
            if sum(each.file_size for each in wanted) > LARGEST_FILE:
                raise UsageProblem(f"{file}: unpacks to more than {LARGEST_FILE >> 20} MiB, so it is no list of roots")
            return [_Member(each.filename, _unpacked(archive, each), _packed_on(each)) for each in wanted]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise UsageProblem(f"{file}: is a zip that cannot be read: {error}") from None


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        content = read_beginning(stream, LARGEST_TABLE + 1)
    if len(content) > LARGEST_TABLE:
        raise ValueError(f"{info.filename} in it is too large for a certificate")
    return content


def _packed_on(info: zipfile.ZipInfo) -> dt.date:
    """Return the day that a zip gives for a file; one that the calendar does not have is none that counts."""
    try:
        return dt.date(*info.date_time[:3])
    except ValueError:
        return dt.date.min


def _is_wanted(name: PurePath) -> bool:
    return name.suffix.lower() in _CERTIFICATES


def _of_required_list(found: Mapping[_Name, _Each]) -> list[_Each]:
    """Return what lies below a folder `required`, where there is one: SAP publishes two lists side by side."""
    required = [each for name, each in found.items() if _REQUIRED_FOLDER in [part.lower() for part in name.parts[:-1]]]
    return required or list(found.values())


def _list_of(members: Iterable[_Member], path: Path) -> _PublishedTable:
    found: dict[Certificate, None] = {}
    days = []
    made = []
    for each in members:
        certificates, created = _read(each, path)
        found |= dict.fromkeys(certificates)
        days.append(each.day)
        made += [created] if created else []
    if not found:
        raise UsageProblem(f"{path}: holds no certificate, so it is no list of roots")
    certificates = tuple(found)
    if problem := _not_saps(certificates):
        raise UsageProblem(f"{path}: {problem}; SAP's list is {PUBLISHED}")
    return _PublishedTable(certificates, max(made or days))


def _read(member: _Member, path: Path) -> tuple[Sequence[Certificate], dt.date | None]:
    """Return the certificates of one file, and when a PSE says that it was made."""
    place = f"{path}: {member.name}" if member.name else str(path)
    try:
        found = read_certificates(member.content)
    except CertificateUnreadable as error:
        raise UsageProblem(f"{place}: {error}; SAP's list is {PUBLISHED}") from None
    if found.damaged:
        raise UsageProblem(f"{place}: is damaged: {found.damaged[0]}")
    return found.certificates, _made(member.content, place) if found.form == _PSE_FORM else None


def _made(content: bytes, place: str) -> dt.date | None:
    """Return the day on which a PSE says that it was made; None for one that is wrapped in text."""
    with contextlib.suppress(PseError):
        pse = pse_file.read(content)
        if pse.owner_der:
            raise UsageProblem(f"{place}: has a key of its own, so it is a client's PSE and not SAP's list of roots")
        return pse.created.date()
    return None


def _not_saps(certificates: Sequence[Certificate]) -> str:
    """Return why this is something else than SAP's required list; empty where it may be one."""
    strange = next((each for each in certificates if not is_self_signed(each)), None)
    if strange:
        return f"holds {strange.label}, which is no root, so it is no list of roots"
    shipped = read_table()
    known = sum(shipped.root(each.sha256) is not None for each in certificates)
    if known * 2 < len(shipped.required):
        return f"holds {known} of the {len(shipped.required)} roots that SAP requires, so it is something else"
    if len(certificates) > _MOST_REQUIRED:
        return (
            f"holds {len(certificates)} roots, more than SAP requires: all that it approves (optional), or other ones"
        )
    return ""
