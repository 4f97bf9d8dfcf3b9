"""Print owner and access list of files on Windows, an entry a line, as icacls does, which Wine only pretends to have.

python print_access.py FILE…
"""

import sys
from pathlib import Path

from pse_preflight.windows import descriptor, system

_RIGHTS = {descriptor.FILE_ALL_ACCESS: "(F)", descriptor.FILE_GENERIC_READ: "(R)", 0x1200A9: "(RX)", 0x1301BF: "(M)"}


def main(paths: list[str]) -> None:
    """Print the lists."""
    for path in map(Path, paths):
        sddl = system.read_descriptor(path)
        found = descriptor.read_descriptor(sddl)
        print(f"{path}  owner {system.name_of(found.owner)}  {sddl}")
        for ace in found.aces or ():
            kind = "" if ace.allows else "(DENY)"
            print(f"    {system.name_of(ace.sid)}:{kind}{_RIGHTS.get(ace.rights, hex(ace.rights))}")


if __name__ == "__main__":
    main(sys.argv[1:])
