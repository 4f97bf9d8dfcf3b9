"""What a system may be called: its alias is the name of a folder on every operating system."""

import re

ALLOWED = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_MEANINGS = frozenset({"demo", "all"})
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
"""Names that Windows reserves, with any suffix and in any case (Microsoft: "Naming Files, Paths, and Namespaces")."""
_OURS = frozenset({"result.json", "demo-authority"})
"""What else stands in the folder for evidence."""


def problem(alias: str) -> str:
    """Say why this is no alias; empty where it is one."""
    if not ALLOWED.fullmatch(alias):
        return "an alias has letters, digits, . _ - (at most 64)"
    if alias.lower() in _MEANINGS:
        return "demo and all have a meaning of their own"
    if alias.endswith("."):
        return "an alias does not end in a dot, which Windows drops"
    if is_device(alias):
        return "Windows reserves this name, with any suffix, for a device"
    return "a file of the toolkit's own has this name" if alias.lower() in _OURS else ""


def is_device(name: str) -> bool:
    """Tell whether Windows takes a file name for a device's, whatever its suffix."""
    return name.partition(".")[0].rstrip(" ").lower() in _DEVICES


def of_host(host: str, port: int | None) -> str:
    """Return the alias of a system that is asked for by its URL.

    Args:
        port: where it belongs to the name.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", host if port is None else f"{host}_{port}")[:64].rstrip(".")
    return f"_{name[:63]}" if problem(name) else name
