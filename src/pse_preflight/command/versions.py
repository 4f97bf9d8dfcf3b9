"""What `--version -v` tells: this program, the commit that it was made of, and what it is made with."""

import json
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from pse_preflight import __version__
from pse_preflight.command.invocation import PROGRAM, place

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def versions() -> Iterator[str]:
    """Yield a line each: the program, where it lies, its commit, Python, OpenSSL, and every package that it needs."""
    from cryptography.hazmat.backends.openssl import backend

    yield f"{PROGRAM} {__version__}"
    yield f"  place: {place()}"
    yield f"  commit: {_commit()}"
    yield f"  Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield f"  {backend.openssl_version_text()}, in cryptography; {_openssl_of_python()}, in Python"
    yield from (f"  {name} {version}" for name, version in sorted(_needed().items()))


def _openssl_of_python() -> str:
    import ssl

    return ssl.OPENSSL_VERSION


def _commit() -> str:
    """Return the commit, as the installer or whoever built the program has noted it (PEP 610)."""
    try:
        told: Any = json.loads(metadata.distribution(PROGRAM).read_text("direct_url.json") or "{}")
        return str(told["vcs_info"]["commit_id"])
    except (metadata.PackageNotFoundError, KeyError, TypeError, ValueError):
        return "not known"


def _needed() -> dict[str, str]:
    """Return the versions of what is needed and installed, directly or by way of another."""
    found: dict[str, str] = {}
    waiting = [PROGRAM]
    while waiting:
        name = waiting.pop()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for each in distribution.requires or ():
            needed = _NAME.match(each)
            if needed and "extra ==" not in each and needed[0].lower() not in found:
                found[needed[0].lower()] = _version(needed[0])
                waiting.append(needed[0])
    return {name: version for name, version in found.items() if version}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # of another platform, or not in the program of one file
        return ""
