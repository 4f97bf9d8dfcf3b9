"""The program `pse-preflight` by another name: `python -m pse_preflight …`, or Python and the path of this folder."""

import sys
from contextlib import suppress
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _look_for_modules_beside_the_package_only() -> None:
    """Python looks first where it was started, or into this folder: no file there may stand for a module."""
    here = Path(sys.path[0] or ".").resolve()
    if here == _PACKAGE:
        sys.path[0] = str(_PACKAGE.parent)
    elif here == Path.cwd() and here != _PACKAGE.parent:
        del sys.path[0]


if __name__ == "__main__":
    with suppress(FileNotFoundError):  # the folder where it was started is gone: no file is in it
        _look_for_modules_beside_the_package_only()

    from pse_preflight.command.program import console

    sys.exit(console())
