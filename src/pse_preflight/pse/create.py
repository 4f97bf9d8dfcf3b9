"""Put a PSE into its place so that a kill at any moment leaves the old file, the new one, or none, but never a part.

Everything happens under a lock beside the file, in temporary files of ours in the same folder; on Windows in a folder
of their own there, whose access list they are born with, whatever program makes them. A new PSE is published without
replacing: a file that has appeared meanwhile wins.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

from pse_preflight.errors import NotSeen, PreflightError
from pse_preflight.files import patiently
from pse_preflight.windows import descriptor, system

Result = TypeVar("Result")

_LOCK_SECONDS = 60.0
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_EXCHANGE_KEEPS_ACCESS = sys.platform == "win32"
_ACCESS_LIST = "access list"
_CLOSE_IT = "stop the program that has it open (the client's service reads it at its start) and run again"
_NOT_SUPPORTED = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK})


_LEFTOVER = re.compile(r"\.lock$|\.preflight-[0-9a-f]{16}")
"""What follows the hidden name of a PSE in the names of our own files."""


class NotWritten(PreflightError):
    """A PSE cannot be put into its place.

    Attributes:
        fix: what to do about it, in words; empty where that is not known.
        commands: the programs that mend it.
    """

    def __init__(self, text: str, *, fix: str = "", commands: tuple[tuple[str, ...], ...] = ()) -> None:
        super().__init__(text)
        self.fix = fix
        self.commands = commands


class NotPublished(NotWritten):
    """A new PSE cannot be put into its place; nothing was left there."""


class NotReplaced(NotWritten):
    """A PSE cannot be changed in a way that keeps what must be kept; it is as it was."""


def _keep(_path: Path) -> None:
    """Leave what was made to this account."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Who is to have a new PSE, beside this account.

    Attributes:
        give: gives each folder made here, the lock, and the file before it is published, to another account; on Windows
            it sees that those who are meant can read them, and nobody else.
        readers: the SIDs of those who may read them on Windows, from the beginning.
    """

    give: Callable[[Path], None] = _keep
    readers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Published(Generic[Result]):
    """What came of publishing.

    Attributes:
        created: the file is ours; False where one stood there already or appeared meanwhile.
        result: what the maker returned, where it was called.
    """

    created: bool
    result: Result | None


@dataclass(frozen=True, slots=True)
class Replaced(Generic[Result]):
    """What came of replacing.

    Attributes:
        backup: the old file's new name; nothing where the changer left every byte as it was, and nothing was replaced.
        result: what the changer returned.
    """

    backup: Path | None
    result: Result


@dataclass(frozen=True, slots=True)
class _Access:
    """Who may do what with a file: owner, group, mode, and what Linux keeps beside them (access lists, labels)."""

    owner: int
    group: int
    mode: int
    attributes: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class _FileState:
    """What a file was like when it was looked at; another one, or another content, is not equal."""

    device: int
    number: int
    size: int
    changed: int
    access: _Access


def publish(
    pse: Path,
    make: Callable[[Path], Result],
    *,
    lock_timeout: float = _LOCK_SECONDS,
    hand_over: HandOver | None = None,
) -> Published[Result]:
    """Make a PSE in a temporary file and publish it, unless something stands at its path.

    Folders that are missing are made for this user alone. What `make` raises is passed on, and its file is removed.

    Args:
        pse: absolute path of the PSE; a symbolic link there is never followed.
        make: makes the file at the path that it is given, in the same folder, for this user alone, and proves it.
        lock_timeout: how many seconds to wait for another run that works on the same PSE.
        hand_over: who is to have it, too.

    Raises:
        NotPublished: where folder, lock or file cannot be had.
    """
    to = hand_over or HandOver()
    with _told(pse, NotPublished):
        for folder in _make_folders(pse.parent, to.readers):
            to.give(folder)
        with _locked(pse, lock_timeout):
            to.give(_lock(pse))
            _remove_leftovers(pse)
            if _stands(pse):
                return Published(created=False, result=None)
            with _temporary(pse) as temporary:
                result = make(temporary)
                _settle(temporary, to.readers)
                to.give(temporary)
                return Published(_publish_without_replacing(temporary, pse), result)


def replace(pse: Path, change: Callable[[Path], Result], *, lock_timeout: float = _LOCK_SECONDS) -> Replaced[Result]:
    """Change a copy of a PSE and put it into the PSE's place in one step; the old file stays beside it as a backup.

    Owner, group, mode, access list and other extended attributes are kept, for the backup too. What `change` raises
    is passed on, and the PSE is as it was. Where nothing is changed, nothing is replaced.

    Args:
        pse: absolute path of the PSE.
        change: changes the file at the path that it is given, in the same folder, and proves it.
        lock_timeout: how many seconds to wait for another run that works on the same PSE.

    Raises:
        NotReplaced: where something would be lost, or where another program changed the PSE meanwhile.
    """
    with _told(pse, NotReplaced), _changing(pse, lock_timeout) as (before, temporary):
        content = _read(pse)
        write_private(temporary, content)
        result = change(temporary)
        if _read(temporary) == content:
            return Replaced(None, result)
        _prepare(temporary, pse, before)
        return Replaced(_back_up_and_exchange(temporary, pse), result)


def rewrite(pse: Path, change: Callable[[bytes], bytes], *, lock_timeout: float = _LOCK_SECONDS) -> None:
    """Change the bytes of a PSE in one step, as `replace` does but without a backup.

    Raises:
        NotReplaced: where something would be lost, or where another program changed the PSE meanwhile.
    """
    with _told(pse, NotReplaced), _changing(pse, lock_timeout) as (before, temporary):
        write_private(temporary, change(_read(pse)))
        _prepare(temporary, pse, before)
        _exchange(temporary, pse, None)


def tidy(pse: Path) -> None:
    """Remove what a run that was killed has left beside a PSE, unless another one is at work on it now.

    Nothing is done, and nothing is raised, where there is nothing, or where this account cannot.
    """
    with contextlib.suppress(OSError, NotWritten):
        if any(_LEFTOVER.match(path.name.removeprefix(_hidden(pse))) for path in pse.parent.iterdir()):
            with _locked(pse, 0):
                _remove_leftovers(pse)


def put_in_place(path: Path, data: bytes) -> None:
    """Write a file that this user alone can read, in the place of whatever stands there, in one step.

    Raises:
        OSError: where it cannot be written; what stood there is as it was.
    """
    with _temporary(path) as temporary:
        write_private(temporary, data)
        patiently(partial(temporary.replace, path))


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that this user alone can read, from its first byte on; a part of it never stays.

    Raises:
        OSError: where something stands at the path, or the file cannot be written.
    """
    handle = _open_private(path)
    try:
        unwritten = memoryview(data)
        while unwritten:
            unwritten = unwritten[os.write(handle, unwritten) :]
        os.fsync(handle)
    except BaseException:
        os.close(handle)
        path.unlink(missing_ok=True)
        raise
    os.close(handle)


@contextlib.contextmanager
def _told(pse: Path, kind: type[NotWritten]) -> Iterator[None]:
    """Tell what the operating system refuses as an error of the given kind."""
    try:
        yield
    except NotWritten as error:
        raise kind(str(error), fix=error.fix, commands=error.commands) from error
    except TimeoutError as error:
        raise kind(f"{pse}: another run is working on it and does not come to its end") from error
    except OSError as error:
        raise _refused(pse, error, kind) from error


@contextlib.contextmanager
def _locked(pse: Path, seconds: float) -> Iterator[None]:
    from filelock import FileLock

    path = _lock(pse)
    with FileLock(path, timeout=seconds, mode=_PRIVATE_FILE):
        try:
            _let_the_owner_lock(pse, path)
            yield
        finally:
            _remove_lock(path)


def _lock(pse: Path) -> Path:
    return pse.with_name(f"{_hidden(pse)}.lock")


@contextlib.contextmanager
def _temporary(pse: Path) -> Iterator[Path]:
    """Hand out a path beside the PSE, and remove what then stands there or at a path that begins with it."""
    name = f"{_hidden(pse)}.preflight-{secrets.token_hex(8)}"
    try:
        yield _workplace(pse, name)
    finally:
        _remove(pse.parent, re.compile(re.escape(name)))


@contextlib.contextmanager
def _changing(pse: Path, seconds: float) -> Iterator[tuple[_FileState, Path]]:
    """Hand out what the PSE is like and a path for its successor, under the lock."""
    with _locked(pse, seconds):
        _remove_leftovers(pse)
        before = _look(pse)
        with _temporary(pse) as temporary:
            yield before, temporary


def _hidden(pse: Path) -> str:
    return pse.name if pse.name.startswith(".") else f".{pse.name}"


def _remove_leftovers(pse: Path) -> None:
    """Remove what a run that was killed has left; the lock says that no other run is at work."""
    _remove(pse.parent, re.compile(re.escape(_hidden(pse)) + r"\.preflight-[0-9a-f]{16}"))
    backup_name = re.compile(re.escape(pse.name) + r"\.backup-[0-9]+$")
    for backup in filter(lambda path: backup_name.match(path.name), list(pse.parent.iterdir())):
        # A backup that is still the PSE itself was made just before a kill, and nothing was replaced.
        if pse.exists() and not backup.is_symlink() and backup.samefile(pse):
            backup.unlink()


def _remove(folder: Path, name: re.Pattern[str]) -> None:
    for path in list(folder.iterdir()):
        if name.match(path.name):
            with contextlib.suppress(OSError):
                _remove_whole(path)


def _make_folders(folder: Path, readers: tuple[str, ...]) -> list[Path]:
    """Make every folder that is missing for this user alone, the outermost first, and return those made here."""
    made = []
    for each in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        with contextlib.suppress(FileExistsError):
            _make_private_folder(each, readers)
            made.append(each)
    return made


def _stands(pse: Path) -> bool:
    if pse.is_symlink():
        raise NotPublished(f"{pse} is a symbolic link, which is not followed; name the file that it means")
    return os.path.lexists(pse)


def _settle(temporary: Path, readers: tuple[str, ...] = ()) -> None:
    """Make sure that the file is a plain one, private, and on the disk."""
    with _opened(temporary) as handle:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotWritten(f"{temporary} is no plain file")
        _make_private(handle, temporary, readers)
        os.fsync(handle)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file, but not what a symbolic link means."""
    handle = os.open(path, os.O_RDWR | _PLAIN)
    try:
        yield handle
    finally:
        os.close(handle)


def _publish_without_replacing(temporary: Path, pse: Path) -> bool:
    """Give the file the name of the PSE, unless something has it."""
    try:
        _name(temporary, pse)
    except FileExistsError:
        return False
    _sync_folder(pse.parent)
    return True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in _NOT_SUPPORTED:
            raise NotWritten(f"{target.parent} is on a file system without hard links, which this needs") from error
        raise


def _read(pse: Path) -> bytes:
    with os.fdopen(os.open(pse, os.O_RDONLY | _PLAIN), "rb") as stream:
        return stream.read()


def _look(pse: Path) -> _FileState:
    status = pse.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise NotReplaced(f"{pse} is no plain file but a link or a folder; name the file itself")
    if status.st_nlink > 1:
        raise NotReplaced(f"{pse} has {status.st_nlink} names (hard links), and the others would keep the old content")
    return _FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, _access(pse, status))


def _access(path: Path, status: os.stat_result) -> _Access:
    return _Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), tuple(sorted(_attributes(path).items())))


def _prepare(temporary: Path, pse: Path, before: _FileState) -> None:
    """Give the temporary file the access rights of the PSE, and see that nobody has changed the PSE meanwhile."""
    _settle(temporary)
    try:
        _set_access(temporary, before.access)
        kept = _access(temporary, temporary.lstat()) == before.access
    except PermissionError:
        kept = False
    if not kept and not _EXCHANGE_KEEPS_ACCESS:
        raise NotReplaced(
            f"{pse} belongs to user {before.access.owner}, group {before.access.group}, mode {before.access.mode:o}, "
            "which this account cannot give to the new file; run this as its owner"
        )
    if _look(pse) != before:
        raise NotReplaced(f"{pse} was changed by another program meanwhile")


def _back_up_and_exchange(temporary: Path, pse: Path) -> Path:
    numbers = count(1)
    while True:
        backup = pse.with_name(f"{pse.name}.backup-{next(numbers)}")
        if not os.path.lexists(backup):
            with contextlib.suppress(FileExistsError):
                _exchange(temporary, pse, backup)
                return backup


if sys.platform == "win32":
    _NOT_EXCHANGED = frozenset({1175, 1176, 1177})
    """What ReplaceFileW says of files in use: ERROR_UNABLE_TO_REMOVE_REPLACED, ERROR_UNABLE_TO_MOVE_REPLACEMENT, _2."""

    def _open_private(path: Path) -> int:
        """Make a file for this account, SYSTEM and the administrators, from its first byte on."""
        return system.open_new_file(path, _private())

    def _make_private(handle: int, path: Path, readers: tuple[str, ...]) -> None:  # noqa: ARG001 - the same form as there
        """Give a file that another program made the access list that it is to keep."""
        system.set_access_list(path, _private(readers))

    def _make_private_folder(folder: Path, readers: tuple[str, ...]) -> None:
        """Make a folder whose access list is for few; what is made in it takes that over."""
        system.make_folder(folder, _private(readers, folder=True))

    def _private(readers: tuple[str, ...] = (), *, folder: bool = False) -> str:
        return descriptor.private(system.me().sid, readers, folder=folder)

    def _workplace(pse: Path, name: str) -> Path:
        """Return a path in a new folder for this account alone: what any program makes in it is private at once."""
        folder = pse.with_name(name)
        _make_private_folder(folder, ())
        return folder / pse.name

    def _remove_whole(path: Path) -> None:
        """Remove a file, or a folder of ours; what a link means is left alone."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def _refused(pse: Path, error: OSError, kind: type[NotWritten]) -> NotWritten:
        """Return the error that names the cause, where the system's own word would mislead."""
        number = error.winerror or system.why_not_opened(pse)  # Python's own opening keeps the number to itself
        if number in system.FILE_IN_USE | _NOT_EXCHANGED and pse.exists():
            return kind(f"{pse}: another program has it open, and lets nobody change it", fix=_CLOSE_IT)
        if pse.exists() and pse.lstat().st_file_attributes & stat.FILE_ATTRIBUTE_READONLY:
            fix = "take the attribute away and run again"
            return kind(f"{pse}: it has the attribute read-only", fix=fix, commands=(("attrib", "-R", str(pse)),))
        return kind(f"{pse}: {error.strerror or error} ({error.filename or pse.parent})")

    def _let_the_owner_lock(pse: Path, lock: Path) -> None:
        """Do nothing; the lock has the access list of its folder."""

    def _remove_lock(lock: Path) -> None:
        """Do nothing; who releases the lock removes it."""

    def _name(temporary: Path, pse: Path) -> None:
        """Name a file; renaming never replaces here."""
        rename = partial(os.rename, temporary, pse)  # Path.rename does not tell that it replaces elsewhere
        patiently(rename, in_use=system.FILE_IN_USE)

    def _exchange(temporary: Path, pse: Path, backup: Path | None) -> None:
        """Replace the PSE; the system hands its owner and access list to the new file (ReplaceFileW)."""
        patiently(partial(_replace_file, pse, temporary, backup), in_use=system.FILE_IN_USE)

    def _replace_file(pse: Path, temporary: Path, backup: Path | None) -> None:
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        if not kernel.ReplaceFileW(str(pse), str(temporary), str(backup) if backup else None, 0, None, None):
            error = ctypes.WinError(ctypes.get_last_error())
            if backup and not pse.exists():  # it has its new name, and nothing has the old one (error 1177)
                os.rename(backup, pse)  # noqa: PTH104 - as above
            raise error

    def _sync_folder(folder: Path) -> None:
        """Do nothing; folders are written through."""

    def _set_access(path: Path, access: _Access) -> None:
        """Give a file an access list; the exchange hands over its owner, too."""
        system.set_access_list(path, dict(access.attributes)[_ACCESS_LIST].decode())

    def _attributes(path: Path) -> dict[str, bytes]:
        """Return owner and access list as the one attribute of a file here."""
        try:
            return {_ACCESS_LIST: system.read_descriptor(path).encode()}
        except NotSeen as error:
            raise NotWritten(str(error)) from None

else:

    def _open_private(path: Path) -> int:
        """Make a file for this user alone, whatever the umask."""
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _PLAIN, _PRIVATE_FILE)
        os.fchmod(handle, _PRIVATE_FILE)
        return handle

    def _make_private(handle: int, path: Path, readers: tuple[str, ...]) -> None:  # noqa: ARG001 - as on Windows
        """Take all rights from group and others."""
        os.fchmod(handle, _PRIVATE_FILE)

    def _make_private_folder(folder: Path, readers: tuple[str, ...]) -> None:  # noqa: ARG001 - as on Windows
        """Make a folder for this user alone, whatever the umask."""
        folder.mkdir(_PRIVATE_FOLDER)
        folder.chmod(_PRIVATE_FOLDER)

    def _workplace(pse: Path, name: str) -> Path:
        """Return a path beside the PSE."""
        return pse.with_name(name + pse.suffix)

    def _remove_whole(path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def _refused(pse: Path, error: OSError, kind: type[NotWritten]) -> NotWritten:
        """Return what the system says."""
        return kind(f"{pse}: {error.strerror or error} ({error.filename or pse.parent})")

    def _let_the_owner_lock(pse: Path, lock: Path) -> None:
        """Give root's lock to the owner of the PSE, or of its folder, who could not open one that a kill has left."""
        if os.geteuid() != 0:
            return
        with contextlib.suppress(FileNotFoundError), _opened(lock) as handle:
            owner = (pse if os.path.lexists(pse) else pse.parent).lstat()
            if os.fstat(handle).st_nlink == 1:
                os.fchown(handle, owner.st_uid, owner.st_gid)

    def _remove_lock(lock: Path) -> None:
        """Remove a lock that is held; who waits for it sees that it has lost its name, and locks a new one."""
        with contextlib.suppress(OSError):
            lock.unlink()

    def _name(temporary: Path, pse: Path) -> None:
        """Give a file a second name, since renaming would replace; the first one is removed with the leftovers."""
        _link(temporary, pse)

    def _exchange(temporary: Path, pse: Path, backup: Path | None) -> None:
        """Replace the PSE; the backup is the old file itself under another name, with all that belongs to it."""
        if backup:
            _link(pse, backup)
        temporary.rename(pse)
        _sync_folder(pse.parent)

    def _sync_folder(folder: Path) -> None:
        """Make the folder's entries last on the disk."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _set_access(path: Path, access: _Access) -> None:
        """Give a file an owner, a group, a mode and attributes."""
        status = path.lstat()
        if (status.st_uid, status.st_gid) != (access.owner, access.group):
            os.chown(path, access.owner, access.group, follow_symlinks=False)
        _set_attributes(path, dict(access.attributes))
        path.chmod(access.mode)


if sys.platform == "linux":

    def _attributes(path: Path) -> dict[str, bytes]:
        """Return the extended attributes; access lists and labels are among them."""
        try:
            names = os.listxattr(path, follow_symlinks=False)
            return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
        except OSError as error:
            if error.errno in _NOT_SUPPORTED:
                return {}
            raise

    def _set_attributes(path: Path, wanted: dict[str, bytes]) -> None:
        """Give a file these extended attributes and no others."""
        present = _attributes(path)
        for name in present.keys() - wanted.keys():
            os.removexattr(path, name, follow_symlinks=False)
        for name, value in wanted.items() - present.items():
            os.setxattr(path, name, value, follow_symlinks=False)

elif sys.platform != "win32":

    def _attributes(path: Path) -> dict[str, bytes]:  # noqa: ARG001 - the same form as on Linux
        """Return nothing; there are no such attributes that Python could read."""
        return {}

    def _set_attributes(path: Path, wanted: dict[str, bytes]) -> None:
        """Do nothing."""
