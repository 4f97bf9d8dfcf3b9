"""Where the program of one file begins: which of its two programs it is."""

import sys

from pse_preflight.command import one_file

one_file.begin()
if one_file.is_opengenpse():
    from pse_preflight.sapgenpse.bundled import console
else:
    from pse_preflight.command.program import console
code = console()
one_file.end()
sys.exit(code)
