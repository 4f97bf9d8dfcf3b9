"""The one tree of errors that this package raises on purpose."""


class PreflightError(Exception):
    """Something outside this code was wrong; the text is one clear line for the user."""


class UsageProblem(PreflightError):
    """The command line or systems.yaml asks for something that cannot be; pytest ends with exit code 4."""
