"""The openssl program as a second opinion about chains."""

import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pse_preflight.certificate import Certificate


def accepts(
    sent: Sequence[Certificate],
    roots: Sequence[Certificate],
    moment: datetime,
    folder: Path,
    *options: str,
    host: str = "",
) -> bool:
    """Ask `openssl verify` about what a server sends, its own certificate first."""
    files = {"leaf": sent[:1], "sent": sent[1:], "roots": roots}
    for name, certificates in files.items():
        (folder / f"{name}.pem").write_text("".join(each.pem for each in certificates), encoding="ascii")
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", "roots.pem", "-purpose", "sslserver"]
    command += ["-attime", str(int(moment.timestamp())), *options]
    command += ["-verify_hostname", host] if host else []
    command += ["-untrusted", "sent.pem"] if files["sent"] else []
    done = subprocess.run([*command, "leaf.pem"], cwd=folder, capture_output=True, check=False, timeout=30)
    return done.returncode == 0
