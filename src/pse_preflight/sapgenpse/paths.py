"""Where sapgenpse looks for a PSE: the rules of SECUDIR and of the suffix .pse, for POSIX and for Windows."""

import glob
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

_SUFFIX = ".pse"


def secudir(environ: Mapping[str, str], *, windows: bool) -> Path:
    """Return the folder of the PSEs: $SECUDIR, else the tool's default for the operating system.

    The default on Windows is AppData/Local/sec of the account; for a service that runs as LocalSystem that is a folder
    below C:/Windows/System32/config/systemprofile. Elsewhere it is $HOME/sec.
    """
    named = environ.get("SECUDIR", "")
    if named:
        return Path(str(_flavour(windows=windows)(named)))
    if windows:
        local = PureWindowsPath(environ.get("USERPROFILE") or "C:/", "AppData/Local")
        return Path(str(PureWindowsPath(environ.get("LOCALAPPDATA") or local) / "sec"))
    return Path(str(PurePosixPath(environ.get("HOME") or "/", "sec")))


def pse_path(name: str, folder: Path, *, windows: bool) -> Path:
    """Return the path of the PSE that the tool means by a name.

    A name without a suffix gets .pse; a relative one stands in the given folder and not in the working folder; an
    absolute one stands for itself.
    """
    path = _flavour(windows=windows)(folder) / name
    return Path(str(path if path.suffix or not path.name else path.with_name(path.name + _SUFFIX)))


def is_absolute(name: str | None, *, windows: bool) -> bool:
    """Tell whether a path, if there is one, depends on no folder."""
    return bool(name) and _flavour(windows=windows)(name or "").is_absolute()


def _flavour(*, windows: bool) -> type[PurePath]:
    return PureWindowsPath if windows else PurePosixPath


def well_known_folders(environ: Mapping[str, str], *, windows: bool) -> tuple[str, ...]:
    """Return where SAP's products put sapgenpse, the likelier first, as patterns of folders."""
    if windows:
        programs = glob.escape(environ.get("PROGRAMFILES") or r"C:\Program Files")
        return (
            rf"{programs}\SAP\hdbclient",
            r"C:\sap\hdbclient",
            rf"{programs}\SAP\hostctrl\exe",
            rf"{programs}\XtractUniversal",
            rf"{programs}\BoardConnector",
            r"C:\sap\libs\sapcryptolib",
            r"C:\usr\sap\saprouter",
            r"C:\SAProuter",
            r"C:\PSE",
        )
    return (
        "/usr/sap/hostctrl/exe",
        "/usr/sap/[A-Z]??/SYS/exe/run",
        "/usr/sap/[A-Z]??/SYS/exe/uc/linuxx86_64",
        "/usr/sap/[A-Z]??/*[0-9][0-9]/exe",
        "/sapmnt/[A-Z]??/exe/uc/linuxx86_64",
        "/usr/sap/hdbclient",
        "/usr/sap/saprouter",
        glob.escape(str(PurePosixPath(environ.get("HOME") or "/", "sap", "hdbclient"))),
    )


def usual_folders(environ: Mapping[str, str], *, windows: bool) -> tuple[Path, ...]:
    """Return where PSE files usually stand: in this account's folders, and on Windows in those of services."""
    without = {name: value for name, value in environ.items() if name != "SECUDIR"}
    own = (secudir(environ, windows=windows), secudir(without, windows=windows))
    if not windows:
        return tuple(dict.fromkeys(own))
    system = PureWindowsPath(environ.get("SYSTEMROOT") or r"C:\Windows")
    profiles = (
        r"System32\config\systemprofile",
        r"SysWOW64\config\systemprofile",
        r"ServiceProfiles\LocalService",
        r"ServiceProfiles\NetworkService",
    )
    services = (Path(str(system / each / "AppData" / "Local" / "sec")) for each in profiles)
    return tuple(dict.fromkeys((*own, *services)))
