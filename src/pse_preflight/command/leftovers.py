"""What a program of one file has left behind that was killed: the folder into which it had unpacked itself.

PyInstaller's bootloader makes the folder and names it `_MEI`, then the number of its process in eight hexadecimal
digits, then something by chance. The mark of ours is what it unpacks first, so that no other program's folder is taken
for ours.
"""

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MARK = ".pse-preflight"
"""The file by which a folder is known for ours."""

_NAME = re.compile(r"_MEI([0-9a-f]{8})\w*")
_REMOVED = "removed-"
_LONGEST_RUN = 86400.0
"""Where nobody tells which files are in use, seconds after which a folder belongs to no run."""
_NO_SUCH_PROCESS, _STILL_ACTIVE = 87, 259
_QUERY_LIMITED = 0x1000


def remove(own: Path) -> None:
    """Remove what earlier runs of this program left; what is in use, or cannot be removed, stays.

    Args:
        own: the folder in which this run lies.
    """
    if not _NAME.fullmatch(own.name) or not (own / MARK).is_file():
        return  # the program that is a folder unpacks nothing
    _hold(own / MARK)
    with contextlib.suppress(OSError):
        for folder in _others(own):
            with contextlib.suppress(OSError):
                if not _is_in_use(folder):
                    _remove(folder)


def _others(own: Path) -> Iterator[Path]:
    """Yield the folders of this account, beside our own, that carry our mark and whose process has ended."""
    with os.scandir(own.parent) as entries:
        found = [(each, _NAME.fullmatch(each.name.removeprefix(_REMOVED))) for each in entries]
    for each, name in found:
        if name and each.name != own.name and _is_ours(each) and not _runs(int(name[1], 16)):
            yield Path(each.path)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Tell whether this account's program has made it; one that was killed at once has nothing in it."""
    seen = entry.stat(follow_symlinks=False)
    if not entry.is_dir(follow_symlinks=False) or (hasattr(os, "geteuid") and seen.st_uid != os.geteuid()):
        return False
    names = [each.name for each in Path(entry.path).iterdir()]
    return MARK in names or not names


def _runs(process: int) -> bool:
    if sys.platform == "win32":
        return _runs_on_windows(process)
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):  # any user can make a folder with a number that no process can have
        return False
    except OSError:
        return True
    return True


if sys.platform == "win32":

    def _runs_on_windows(process: int) -> bool:
        import pywintypes
        import win32api
        import win32process

        try:
            handle = win32api.OpenProcess(_QUERY_LIMITED, 0, process)
            return bool(win32process.GetExitCodeProcess(handle) == _STILL_ACTIVE)
        except pywintypes.error as error:
            return bool(error.winerror != _NO_SUCH_PROCESS)
        except OverflowError:
            return False

    def _hold(_mark: Path) -> None:
        """Do nothing: what is in use cannot be renamed."""

    def _is_held(_mark: Path) -> bool:
        return False

else:
    import fcntl

    def _hold(mark: Path) -> None:
        """Lock our mark as long as this process lives; another container does not see its number."""
        with contextlib.suppress(OSError):
            fcntl.flock(os.open(mark, os.O_RDWR | os.O_CLOEXEC), fcntl.LOCK_SH | fcntl.LOCK_NB)

    def _is_held(mark: Path) -> bool:
        try:
            with mark.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False


def _is_in_use(folder: Path) -> bool:
    """Tell whether a process has files of it, though the one that unpacked them has ended; Windows tells by itself."""
    if sys.platform == "win32":
        return False
    if _is_held(folder / MARK):
        return True
    if not Path("/proc/self/maps").exists():
        return time.time() - folder.stat().st_mtime < _LONGEST_RUN
    inside = f"{folder}{os.sep}"
    return any(inside in each for each in _maps())


def _maps() -> Iterator[str]:
    """Yield which files each process of this account has loaded, as Linux tells it."""
    for each in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            yield each.read_text(encoding="utf-8", errors="surrogateescape")


def _remove(folder: Path) -> None:
    """Remove a folder whole; on Windows one that is in use cannot be renamed, and is left whole."""
    doomed = folder if folder.name.startswith(_REMOVED) else folder.with_name(f"{_REMOVED}{folder.name}")
    if doomed != folder:
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
