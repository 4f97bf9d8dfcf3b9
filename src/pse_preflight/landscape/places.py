"""Paths as systems.yaml names them, on this system or under the rules of Windows."""

import ntpath
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from pse_preflight.errors import PreflightError
from pse_preflight.landscape import alias

_DRIVE = re.compile(r"[A-Za-z]:")
_LONG_PATH = re.compile(r"\\\\\?\\(?:UNC\\)?", re.IGNORECASE)
_DEVICE = re.compile(r"\\\\\.\\")
_UNBRACED = re.compile(r"\$(?:env:)?([A-Za-z_][A-Za-z0-9_]*)", re.ASCII | re.IGNORECASE)
_HOME = re.compile(r"~([^/\\]*)(?=[/\\]|\Z)")
_NEVER_IN_NAMES = '<>"|?*'


class PathUnusable(PreflightError):
    """A path cannot be meant as it is written; the text says what to write."""


class Places:
    """The rules of paths on one operating system.

    Args:
        environment: HOME, and on Windows USERPROFILE, by names as `variables` has them.
        windows: whose rules hold.
    """

    def __init__(self, environment: Mapping[str, str], *, windows: bool) -> None:
        self._environment = environment
        self._windows = windows

    def read(self, text: str) -> str:
        """Return a path as it is written, with the home folder in the place of ~.

        Raises:
            PathUnusable: where it belongs to another system, to no drive, to no file, or holds what is not expanded.
        """
        path = self._with_home(text)
        variable = _UNBRACED.match(text)
        problem = f"is not expanded; write ${{{variable[1]}}}" if variable else ""
        problem = problem or (_of_windows(path) if self._windows else _of_posix(path))
        if problem:
            raise PathUnusable(f"'{text}' {problem}")
        return path

    def below(self, folder: Path | str, text: str) -> Path:
        """Return a path that may be relative to a folder."""
        return Path(str(self._flavour(str(folder)) / self.read(text)))

    def whole(self, text: str, *, such_as: PurePath | str) -> Path:
        """Return a path that must not be relative.

        Args:
            such_as: the folder below which it could lie, for the message.
        """
        path = self.read(text)
        if not self._flavour(path).is_absolute():
            example = self._flavour(str(such_as)) / path
            raise PathUnusable(f"'{text}' is relative, and nobody knows to which folder; write it whole: {example}")
        return Path(str(self._flavour(path)))

    def file_name(self, text: str) -> str:
        """Return the path of a file; a folder's is none."""
        path = self.read(text)
        if path.endswith(("/", "\\") if self._windows else "/") or self._flavour(path).name in {"", "..", "."}:
            raise PathUnusable(f"'{text}' names a folder, not a file")
        return path

    def identity(self, path: Path) -> str:
        """Return what is equal for two spellings of one file, whether or not it is there yet."""
        if self._windows != (sys.platform == "win32"):
            return ntpath.normcase(ntpath.normpath(_without_mark(str(path))))
        real = os.path.abspath(_without_mark(str(path)) if self._windows else path)  # noqa: PTH100 - as below
        try:
            real = os.path.realpath(real)  # Windows follows no link in a path of 260 characters and more
            folder = os.stat(os.path.dirname(real))  # noqa: PTH116, PTH120 - beside realpath, which pathlib has not
        except OSError:
            return os.path.normcase(real)
        return f"{folder.st_dev}:{folder.st_ino}:{os.path.normcase(os.path.basename(real))}"  # noqa: PTH119

    def _flavour(self, text: str) -> PurePath:
        return PureWindowsPath(text) if self._windows else PurePosixPath(text)

    def _with_home(self, text: str) -> str:
        found = _HOME.match(text)
        if not found:
            return text
        names = ("USERPROFILE", "HOME") if self._windows else ("HOME",)
        home = next((self._environment[name] for name in names if self._environment.get(name)), "")
        if found[1] or not home:
            home = "" if self._windows else os.path.expanduser(found[0])  # noqa: PTH111 - pathlib raises, by way of words
        if not home or home == found[0]:
            raise PathUnusable(f"'{text}': the home folder {found[0]} is not known; write the folder itself")
        return home.rstrip("/\\") + text[found.end() :]


def _without_mark(path: str) -> str:
    r"""Return a path of Windows without what marks one that may be long: \\?\C:\x is C:\x, \\?\UNC\s\x is \\s\x."""
    return _LONG_PATH.sub(lambda found: "\\\\" if found[0].upper().endswith("UNC\\") else "", path, count=1)


def _of_posix(path: str) -> str:
    """Say what makes a path none of this system; it is often one of Windows."""
    if _DRIVE.match(path) or path.startswith("\\\\"):
        return "is a path of Windows, and this is another system"
    if "\\" in path:
        return "holds a backslash; here / stands between folders"
    return "holds a colon, which no path here may" if ":" in path else ""


def _of_windows(path: str) -> str:
    """Say what makes a path none that Windows opens as the file it seems to name."""
    if _DEVICE.match(path):
        return "names a device, not a file"
    rest = _LONG_PATH.sub("", path, count=1)
    if _DRIVE.match(rest) and rest[2:3] not in {"\\", "/"}:
        return f"has no backslash after its drive, so nobody knows the folder; write {rest[:2]}\\{rest[2:]}"
    if rest[:1] in {"/", "\\"} and rest[1:2] not in {"/", "\\"}:
        return f"has no drive; write it whole, such as {PureWindowsPath('C:', rest)}"
    names = re.split(r"[/\\]+", rest[2:] if _DRIVE.match(rest) else rest)
    return next((problem for name in names if (problem := _of_name(name))), "")


def _of_name(name: str) -> str:
    """Say what is wrong with one part of a path on Windows."""
    odd = next((char for char in _NEVER_IN_NAMES if char in name), "")
    if odd:
        return f"holds {odd}, which no name of a file may"
    if ":" in name:
        return "holds a colon, which on Windows names a part inside of another file"
    if name not in {".", ".."} and name.endswith((".", " ")):
        return f"holds the name '{name}', whose last character Windows drops"
    return f"holds the name '{name}', which Windows reserves for a device" if alias.is_device(name) else ""
