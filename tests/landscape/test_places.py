"""Paths as people write them, under the rules of Windows and of the others."""

import os
import sys
from pathlib import Path

import pytest

from pse_preflight.landscape.places import PathUnusable, Places


def _skip_where_python_makes_others_of_them(places: Places) -> None:
    if places is LINUX and sys.platform == "win32":
        pytest.skip("Python on Windows makes another path of one of POSIX")


LINUX = Places({"HOME": "/home/x"}, windows=False)
WINDOWS = Places({"USERPROFILE": r"C:\Users\x"}, windows=True)
posix = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")


@pytest.mark.parametrize(
    ("places", "text", "expected"),
    [
        (LINUX, "/opt/sec/client.pse", "/opt/sec/client.pse"),
        (LINUX, "client.pse", "client.pse"),
        (LINUX, "../a b/größe.pse", "../a b/größe.pse"),
        (LINUX, "~/sec", "/home/x/sec"),
        (LINUX, "~", "/home/x"),
        (LINUX, "a~b", "a~b"),
        (LINUX, "/srv/con/nul.pse", "/srv/con/nul.pse"),
        (WINDOWS, r"C:\sec\client.pse", r"C:\sec\client.pse"),
        (WINDOWS, "C:/sec/client.pse", "C:/sec/client.pse"),
        (WINDOWS, r"\\server\share\client.pse", r"\\server\share\client.pse"),
        (WINDOWS, r"\\server\c$\client.pse", r"\\server\c$\client.pse"),
        (WINDOWS, r"\\?\C:\sec\client.pse", r"\\?\C:\sec\client.pse"),
        (WINDOWS, r"\\?\UNC\server\share\client.pse", r"\\?\UNC\server\share\client.pse"),
        (WINDOWS, "//server/share/client.pse", "//server/share/client.pse"),
        (WINDOWS, r"sec\client.pse", r"sec\client.pse"),
        (WINDOWS, r"..\sec & co\client.pse", r"..\sec & co\client.pse"),
        (WINDOWS, r"~\sec", r"C:\Users\x\sec"),
        (WINDOWS, r"C:\Program Files (x86)\a^b!%\client.pse", r"C:\Program Files (x86)\a^b!%\client.pse"),
        (WINDOWS, r"C:\sec\console.pse", r"C:\sec\console.pse"),
    ],
)
def test_what_can_be_meant_is_read(places: Places, text: str, expected: str) -> None:
    assert places.read(text) == expected


@pytest.mark.parametrize(
    ("places", "text", "says"),
    [
        (LINUX, r"C:\ProgramData\sec", "is a path of Windows"),
        (LINUX, "c:/sec", "is a path of Windows"),
        (LINUX, "C:client.pse", "is a path of Windows"),
        (LINUX, r"\\server\share", "is a path of Windows"),
        (LINUX, r"sec\client.pse", "holds a backslash"),
        (LINUX, "client.pse:x", "holds a colon"),
        (LINUX, "/opt/12:30/client.pse", "holds a colon"),
        (LINUX, "$HOME/sec", "is not expanded; write ${HOME}"),
        (LINUX, "~nosuchuser/sec", "the home folder ~nosuchuser is not known"),
        (WINDOWS, "/opt/xtract/sec", r"has no drive; write it whole, such as C:\opt\xtract\sec"),
        (WINDOWS, r"\sec", r"such as C:\sec"),
        (WINDOWS, "Z:sec", r"has no backslash after its drive, so nobody knows the folder; write Z:\sec"),
        (WINDOWS, "Z:", "has no backslash"),
        (WINDOWS, r"\\?\C:sec", "has no backslash"),
        (WINDOWS, "client.pse:x", "names a part inside of another file"),
        (WINDOWS, r"C:\sec\client.pse:x", "names a part inside of another file"),
        (WINDOWS, r"C:\sec:C:\other", "names a part inside of another file"),
        (WINDOWS, r"C:\sec\client?.pse", "holds ?"),
        (WINDOWS, '"C:\\sec"', 'holds "'),
        (WINDOWS, r"C:\se*c\client.pse", "holds *"),
        (WINDOWS, r"C:\sec\nul.pse", "'nul.pse', which Windows reserves"),
        (WINDOWS, r"con\client.pse", "'con', which Windows reserves"),
        (WINDOWS, r"C:\sec.\client.pse", "'sec.', whose last character Windows drops"),
        (WINDOWS, r"C:\sec\client.pse ", "'client.pse ', whose last character"),
        (WINDOWS, r"\\.\COM1", "names a device"),
        (WINDOWS, r"$env:ProgramData\sec", "write ${ProgramData}"),
        (WINDOWS, r"~other\sec", "the home folder ~other is not known"),
        (Places({}, windows=True), r"~\sec", "the home folder ~ is not known"),
    ],
)
def test_what_cannot_be_meant_is_told(places: Places, text: str, says: str) -> None:
    _skip_where_python_makes_others_of_them(places)
    with pytest.raises(PathUnusable) as caught:
        places.read(text)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"'{text}'")


@pytest.mark.parametrize(
    ("places", "text", "folder", "example"),
    [
        (LINUX, "sec", "/srv/x", "/srv/x/sec"),
        (LINUX, "./sec", "/srv/x", "/srv/x/sec"),
        (WINDOWS, r"sec\a", r"D:\x", r"D:\x\sec\a"),
    ],
)
def test_a_folder_that_must_be_whole_is_shown_whole(places: Places, text: str, folder: str, example: str) -> None:
    _skip_where_python_makes_others_of_them(places)
    with pytest.raises(PathUnusable, match="is relative") as caught:
        places.whole(text, such_as=folder)
    assert str(caught.value).endswith(example)
    assert str(places.whole(example, such_as=folder)) == example


@pytest.mark.parametrize("text", ["sec/", ".", "..", "/", "a/.."])
def test_a_folder_is_no_file(text: str) -> None:
    with pytest.raises(PathUnusable, match="names a folder"):
        LINUX.file_name(text)


@pytest.mark.parametrize("text", ["sec\\", "C:\\sec\\", "C:\\", "..", r"\\server\share"])
def test_a_folder_is_no_file_on_windows(text: str) -> None:
    with pytest.raises(PathUnusable, match="names a folder"):
        WINDOWS.file_name(text)


def test_relative_files_lie_below_the_given_folder() -> None:
    assert LINUX.below(Path("/etc/x"), "roots.pem") == Path("/etc/x/roots.pem")
    assert LINUX.below(Path("/etc/x"), "/roots.pem") == Path("/roots.pem")
    assert str(WINDOWS.below(r"D:\x", r"..\roots.cer")) == r"D:\x\..\roots.cer"
    assert str(WINDOWS.below(r"D:\x", r"C:\roots.cer")) == r"C:\roots.cer"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (r"C:\sec\client.pse", r"c:\SEC\Client.pse", True),
        (r"C:\sec\client.pse", "C:/sec/./x/../client.pse", True),
        (r"C:\sec\client.pse", r"\\?\C:\sec\client.pse", True),
        (r"\\server\sec\client.pse", r"\\?\UNC\Server\sec\client.pse", True),
        (r"\\server\sec\client.pse", r"\\other\sec\client.pse", False),
        (r"C:\sec\client.pse", r"D:\sec\client.pse", False),
        (r"C:\sec\client.pse", r"C:\sec\client2.pse", False),
    ],
)
def test_two_spellings_of_one_file_of_windows_are_the_same(first: str, second: str, same: bool) -> None:
    elsewhere = Places({}, windows=sys.platform != "win32")
    here = elsewhere if sys.platform != "win32" else Places({}, windows=True)
    assert (here.identity(Path(first)) == here.identity(Path(second))) is same


@posix
@pytest.mark.parametrize("there", [True, False])
def test_two_spellings_of_one_file_are_the_same(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "sec"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    if there:
        (folder / "client.pse").touch()
    spellings = ("sec/client.pse", "link/client.pse", "sec/../sec//client.pse", "./sec/client.pse")
    assert len({LINUX.identity(Path(os.path.join(tmp_path, each))) for each in spellings}) == 1  # noqa: PTH118
    assert LINUX.identity(tmp_path / "sec/other.pse") != LINUX.identity(tmp_path / "sec/client.pse")
    assert LINUX.identity(tmp_path / "none/a.pse") == LINUX.identity(tmp_path / "x/../none/a.pse")


def test_a_path_in_which_no_link_can_be_followed_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows follows none in a path of 260 characters and more."""

    def refused(path: object) -> str:
        raise OSError(0, "More data available", str(path))

    monkeypatch.setattr(os.path, "realpath", refused)
    here = Places({}, windows=sys.platform == "win32")
    assert here.identity(tmp_path / "x" / ".." / "a.pse") == here.identity(tmp_path / "a.pse")
    assert here.identity(tmp_path / "a.pse") != here.identity(tmp_path / "b.pse")
