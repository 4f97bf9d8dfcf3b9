"""Let pytest find the toolkit in a checkout, installed or not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "src"))

pytest_plugins = ["pse_preflight.plugin"]
