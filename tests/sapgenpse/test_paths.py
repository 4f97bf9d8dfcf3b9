from pathlib import Path

import pytest

from pse_preflight.sapgenpse.paths import pse_path, secudir, usual_folders, well_known_folders


def _spelled(path: Path, *, windows: bool) -> str:
    """Return a path with the slashes of the system whose rules are asked for."""
    return str(path) if windows else path.as_posix()


@pytest.mark.parametrize(
    ("environ", "windows", "expected"),
    [
        ({"SECUDIR": "/opt/sec", "HOME": "/home/me"}, False, "/opt/sec"),
        ({"SECUDIR": "", "HOME": "/home/me"}, False, "/home/me/sec"),
        ({"HOME": "/home/me"}, False, "/home/me/sec"),
        ({}, False, "/sec"),
        ({"SECUDIR": "C:\\sec\\", "LOCALAPPDATA": "C:\\x"}, True, "C:\\sec"),
        ({"SECUDIR": "C:/usr\\sap/sec"}, True, "C:\\usr\\sap\\sec"),
        ({"LOCALAPPDATA": "C:\\Users\\me\\AppData\\Local"}, True, "C:\\Users\\me\\AppData\\Local\\sec"),
        (
            {"LOCALAPPDATA": "C:\\Windows\\System32\\config\\systemprofile\\AppData\\Local"},
            True,
            "C:\\Windows\\System32\\config\\systemprofile\\AppData\\Local\\sec",
        ),
        ({"USERPROFILE": "C:\\Users\\me", "HOME": "/c/me"}, True, "C:\\Users\\me\\AppData\\Local\\sec"),
    ],
)
def test_secudir_is_the_named_folder_or_the_default_of_the_system(
    environ: dict[str, str], windows: bool, expected: str
) -> None:
    assert _spelled(secudir(environ, windows=windows), windows=windows) == expected


@pytest.mark.parametrize(
    ("name", "folder", "windows", "expected"),
    [
        ("client.pse", "/sec", False, "/sec/client.pse"),
        ("client", "/sec", False, "/sec/client.pse"),
        ("sub/client", "/sec", False, "/sec/sub/client.pse"),
        ("client.v2", "/sec", False, "/sec/client.v2"),
        ("/opt/x/client", "/sec", False, "/opt/x/client.pse"),
        ("/opt/x/client.pse", "/sec", False, "/opt/x/client.pse"),
        ("local.pse", "E:\\usr\\sap\\saprouter", True, "E:\\usr\\sap\\saprouter\\local.pse"),
        ("local", "C:\\sec\\", True, "C:\\sec\\local.pse"),
        ("sub/local", "C:\\sec", True, "C:\\sec\\sub\\local.pse"),
        ("D:\\x\\client.pse", "C:\\sec", True, "D:\\x\\client.pse"),
        ("D:/x/client", "C:\\sec", True, "D:\\x\\client.pse"),
        ("\\x\\client.pse", "C:\\sec", True, "C:\\x\\client.pse"),
        ("\\\\server\\share\\client", "C:\\sec", True, "\\\\server\\share\\client.pse"),
    ],
)
def test_a_name_is_looked_for_in_secudir_and_gets_its_suffix(
    name: str, folder: str, windows: bool, expected: str
) -> None:
    assert _spelled(pse_path(name, Path(folder), windows=windows), windows=windows) == expected


def test_the_well_known_folders_are_absolute_and_of_the_right_system() -> None:
    unix = well_known_folders({"HOME": "/home/[me]"}, windows=False)
    assert unix[0] == "/usr/sap/hostctrl/exe"
    assert unix[-1] == "/home/[[]me]/sap/hdbclient"
    assert all(folder.startswith("/") for folder in unix)
    windows = well_known_folders({"PROGRAMFILES": "D:\\Programs"}, windows=True)
    assert windows[0] == "D:\\Programs\\SAP\\hdbclient"
    places = {r"C:\PSE", r"C:\sap\libs\sapcryptolib", r"C:\SAProuter", r"D:\Programs\XtractUniversal"}
    assert places <= set(windows)
    assert {"/usr/sap/saprouter", "/usr/sap/hdbclient"} <= set(unix)
    assert "C:\\Program Files\\SAP\\hdbclient" in well_known_folders({}, windows=True)


def test_pses_usually_stand_with_this_account_and_on_windows_with_services_too() -> None:
    assert usual_folders({"HOME": "/home/me"}, windows=False) == (Path("/home/me/sec"),)
    named = usual_folders({"HOME": "/home/me", "SECUDIR": "/opt/sec"}, windows=False)
    assert named == (Path("/opt/sec"), Path("/home/me/sec"))
    own, *services = usual_folders({"LOCALAPPDATA": "C:\\Users\\me\\AppData\\Local"}, windows=True)
    assert str(own) == "C:\\Users\\me\\AppData\\Local\\sec"
    assert str(services[0]) == "C:\\Windows\\System32\\config\\systemprofile\\AppData\\Local\\sec"
    assert len(services) == 4
