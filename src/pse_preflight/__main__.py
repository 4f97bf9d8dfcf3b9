"""The short form: `python -m pse_preflight --system=PRD` runs all checks, with the same options as pytest."""

import sys
from collections.abc import Sequence

import pytest

# Python imports this package before pytest can look into it; there is nothing in it for pytest to rewrite.
_NO_WARNING = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"


def run(arguments: Sequence[str]) -> int:
    """Run the checks of this package, wherever it is installed; return pytest's exit code."""
    # Named here, the plugin is loaded in a checkout that nobody installed, too; elsewhere this changes nothing.
    always = ["-W", _NO_WARNING, "-p", "pse_preflight.plugin", "--pyargs", "pse_preflight.checks"]
    always += ["-o", "junit_logging=system-out"]  # what was seen belongs into a JUnit report
    return pytest.main([*always, *arguments])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
