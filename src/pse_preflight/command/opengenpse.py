"""`pse-preflight opengenpse …`: the program opengenpse, for whoever has the one name only."""

import os
import sys
from collections.abc import Sequence

from pse_preflight.sapgenpse import bundled


def run(arguments: Sequence[str]) -> int:
    """Be opengenpse; return its exit code."""
    return bundled.run(arguments, environ=os.environ, stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr)
