"""An open implementation of the commands of sapgenpse; it is not SAP's program.

It is reached by arguments, standard streams and an exit code only, within this process or as the program `opengenpse`.
"""

from pse_preflight.sapgenpse.bundled.making import make_rsa_key
from pse_preflight.sapgenpse.bundled.program import console, run
from pse_preflight.sapgenpse.bundled.world import PROGRAM

__all__ = ["PROGRAM", "console", "make_rsa_key", "run"]
