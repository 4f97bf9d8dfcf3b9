"""What files are like here: who may read them, and whether there are symbolic links."""

import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

NO_SUCH_FILE = "No such file|cannot find|File not found"
"""What Linux, Windows and Wine say."""
EVERYONE = "S-1-1-0"


def keep_private(path: Path) -> None:
    """Let nobody but this account, root or SYSTEM and the administrators read or change a file."""
    if sys.platform == "win32":
        from pse_preflight.windows import descriptor, system

        system.set_access_list(path, descriptor.private(system.me().sid))
    else:
        path.chmod(0o600)


def open_to_all(path: Path) -> None:
    """Let everybody read a file."""
    if sys.platform == "win32":
        from pse_preflight.windows import descriptor, system

        system.set_access_list(path, f"{descriptor.private(system.me().sid)}(A;;FR;;;{EVERYONE})")
    else:
        path.chmod(0o644)


def is_private(path: Path) -> bool:
    """Tell whether nobody else may read a file or folder, or put another in its place."""
    if sys.platform == "win32":
        from pse_preflight.windows import descriptor, system

        found = descriptor.read_descriptor(system.read_descriptor(path))
        return descriptor.named(found) <= {system.me().sid, *descriptor.KEEPERS}
    return not path.stat().st_mode & 0o077


@cache
def _has_links() -> bool:
    """Tell whether symbolic links can be made, which needs a privilege on Windows, and are seen, which Wine hides."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "link")
        try:
            link.symlink_to("nothing")
        except OSError:
            return False
        return link.is_symlink()


def _is_wine() -> bool:
    if sys.platform == "win32":
        import ctypes

        return hasattr(ctypes.windll.ntdll, "wine_get_version")
    return False


IS_WINE = _is_wine()
NOT_WINE = pytest.mark.skipif(IS_WINE, reason="cmd.exe of Wine looks where it was started, whatever it is told")
LINKS = pytest.mark.skipif(not _has_links(), reason="symbolic links need a privilege on Windows, and Wine hides them")
