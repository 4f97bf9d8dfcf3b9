"""Where things are that the tests look at."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "src"
SAMPLES = Path(os.environ.get("PREFLIGHT_SAMPLES") or CHECKOUT.parent / "shared" / "samples")
"""Real PSEs, transcripts and chains; what they prove is skipped where they are not."""
