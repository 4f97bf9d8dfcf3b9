"""The files that the program writes beside PSEs: certificates for everybody, keys for this account alone."""

import os
import stat
import sys
from pathlib import Path

from pse_preflight.pse import create
from pse_preflight.sapgenpse.bundled.world import Refused, World

FORCE = "--force"


def hand_out(text: str, target: str | None, world: World) -> None:
    """Write text that is no secret into a new file, or to stdout where none is named.

    Raises:
        Refused: where something stands at its path.
    """
    if target is None:
        world.stdout.write(text)
        return
    try:
        with Path(target).open("x", encoding="ascii", newline="\n") as stream:
            _let_the_owner_read(stream.fileno())
            stream.write(text)
    except FileExistsError as error:
        raise Refused(f'file "{target}" already exists') from error


if sys.platform == "win32":

    def _let_the_owner_read(handle: int) -> None:
        """Do nothing; there is no umask."""

else:

    def _let_the_owner_read(handle: int) -> None:
        """Give the owner what a umask may have taken."""
        os.fchmod(handle, stat.S_IMODE(os.fstat(handle).st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def write_secret(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file with a private key, which this account alone can read from its first byte on.

    Args:
        force: write it in the place of another file; that one is gone as a whole, or not at all.

    Raises:
        Refused: where something stands at its path and must not be replaced, or where it cannot be written.
    """
    try:
        if path.is_dir():
            raise Refused(f'"{path}" is a folder')
        if force and os.path.lexists(path):
            create.put_in_place(path, data)
        else:
            create.write_private(path, data)
    except FileExistsError as error:
        raise Refused(f'file "{path}" already exists; {FORCE} replaces it') from error
    except OSError as error:
        raise Refused(f'file "{path}" cannot be written ({error.strerror or type(error).__name__})') from error
