"""A system of a company's own authority, for programs on this machine; it answers until its input ends.

    python -m tests.outside.windows.own_system FOLDER

writes the root into FOLDER/company-root.pem, and prints the port.
"""

import sys
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from tests.kit.servers import serve_tls

from pse_preflight.certificate import now
from pse_preflight.demo.authority import root_authority


def main(folder: Path) -> None:
    """Serve."""
    root = root_authority("Company Root", now() - timedelta(days=9), 9000)
    issuing = root.issue_authority("Company Issuing CA", now() - timedelta(days=9), 3000)
    server = issuing.issue_server(["localhost"], now() - timedelta(days=1), 90)
    (folder / "company-root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    with serve_tls(server, chain=server.chain) as served:
        print(served.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
