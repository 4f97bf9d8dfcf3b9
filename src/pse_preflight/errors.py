"""The one tree of errors that this package raises on purpose."""

from collections.abc import Sequence


class PreflightError(Exception):
    """Something outside this code was wrong; the text is one clear line for the user."""


class UsageProblem(PreflightError):
    """The command line or systems.yaml asks for something that cannot be; pytest ends with exit code 4."""


class NotSeen(PreflightError):
    """The operating system does not tell."""


class NotForAccount(PreflightError):
    """No PSE can be made that the client's account, and nobody else, could read.

    Attributes:
        commands: what an administrator must run, each a program with its arguments.
    """

    def __init__(self, text: str, commands: Sequence[tuple[str, ...]] = ()) -> None:
        super().__init__(text)
        self.commands = tuple(commands)
