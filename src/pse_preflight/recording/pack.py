"""A pack: what one run has seen and found, in one zip that is carried to where it is judged. It holds no secret.

It is read in place, entry by entry: nothing of it is ever written to a disk, whatever its entries are called.
"""

import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pse_preflight.errors import PreflightError
from pse_preflight.files import is_file, patiently, read_beginning

RESULT, PAGE, JUNIT = "result.json", "trust.html", "report.xml"
"""What a pack holds of the run itself; what was seen of each system is in a folder of its alias."""

LARGEST = 256 << 20
"""Bytes that a pack, and all that it holds, may have."""
MOST_ENTRIES = 50_000

_BEGINS = (b"PK\x03\x04", b"PK\x05\x06")
_OF_THE_RUN = frozenset({RESULT, PAGE, JUNIT})
_OF_A_SYSTEM = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]{1,64}/(?!\.)[A-Za-z0-9._-]{1,80}")
_SMALL_WAYS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What Python raises over a zip that is broken, or not one that it can read."""
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


class PackUnreadable(PreflightError):
    """A file is no pack of a run that can be read here."""


def is_pack(file: Path) -> bool:
    """Tell whether a file is a zip by its first bytes; what cannot be read is none."""
    try:
        if not is_file(file):  # a pipe can be read once only
            return False
        with file.open("rb") as stream:
            return stream.read(4) in _BEGINS
    except OSError:
        return False


def write(file: Path, contents: Mapping[str, bytes]) -> Path:
    """Write a pack, whole or not at all, for this account's eyes only.

    Args:
        contents: by name, with slashes.

    Raises:
        OSError: where that is not possible.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        error.filename = str(file)  # nobody has asked for the temporary one
        raise
    temporary = Path(name)
    try:
        with (
            os.fdopen(handle, "wb") as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for name, content in contents.items():
                entry = zipfile.ZipInfo(name, _FIRST_DAY)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o600 << 16
                archive.writestr(entry, content)
        patiently(lambda: temporary.replace(file))
    except OSError as error:
        error.filename = str(file)  # as above
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return file


@contextmanager
def opened(file: Path) -> Iterator[zipfile.Path]:
    """Yield a pack as a folder that can only be read.

    Raises:
        PackUnreadable: where it is none, is too large, or holds what no run has packed; while it is read, too.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise PackUnreadable(f"{file}: is larger than {LARGEST >> 20} MiB")
        with zipfile.ZipFile(file) as archive:
            _refuse_strange(file, archive.infolist())
            yield zipfile.Path(archive)
    except OSError as error:
        raise PackUnreadable(f"{file}: cannot be read: {error.strerror or error}") from None
    except _FAULTS:
        raise PackUnreadable(f"{file}: is no zip that can be read here, or a damaged one; copy it again") from None


def content(file: Path, name: str, largest: int) -> bytes:
    """Return one entry.

    Args:
        largest: how many bytes it may have.

    Raises:
        PackUnreadable: where it is not there or larger, or the pack cannot be read.
    """
    with opened(file) as folder:
        entry = folder / name
        if not entry.is_file():
            raise PackUnreadable(f"{file}: holds no {name}, so it is no pack of pse-preflight (check … --pack)")
        with entry.open("rb") as stream:
            read: bytes = read_beginning(stream, largest + 1)
    if len(read) > largest:
        raise PackUnreadable(f"{file}: its {name} is larger than {largest >> 20} MiB")
    return read


def _refuse_strange(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse a zip that no run has packed, before any of it is unpacked."""
    if len(entries) > MOST_ENTRIES or sum(each.file_size for each in entries) > LARGEST:
        raise PackUnreadable(f"{file}: would unpack to more than {LARGEST >> 20} MiB or {MOST_ENTRIES} files")
    names: set[str] = set()
    for each in entries:
        name = each.filename
        if name not in _OF_THE_RUN and not _OF_A_SYSTEM.fullmatch(name):
            raise PackUnreadable(f"{file}: holds {name[:80]!r}, which no pack of pse-preflight holds")
        if name.casefold() in names:
            raise PackUnreadable(f"{file}: holds {name[:80]!r} twice")
        if each.flag_bits & _ENCRYPTED or each.compress_type not in _SMALL_WAYS:
            raise PackUnreadable(f"{file}: is encrypted, or packed in a way that no pack of pse-preflight is")
        names.add(name.casefold())
