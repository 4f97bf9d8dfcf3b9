"""Prove that a client machine trusts an SAP S/4HANA Cloud system over TLS."""

from pathlib import Path

__version__ = "0.1.0"

_CHECKOUT = Path(__file__).resolve().parents[2]

# In a checkout the folders checks/ and fixtures/ stand at the top, where their readers look for them; the wheel
# holds them inside this package. Either way they are imported as pse_preflight.checks and pse_preflight.fixtures.
if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "fixtures").is_dir():
    __path__.append(str(_CHECKOUT))
