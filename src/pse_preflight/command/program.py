"""The program `pse-preflight`: one word says which command, and a first option means `check`."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from pse_preflight import __version__
from pse_preflight.command import one_file
from pse_preflight.command.invocation import PROGRAM
from pse_preflight.command.versions import versions
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.files import leave_owner_rights

MISUSE = 4
"""The exit code of a misuse, as pytest has it."""
INTERRUPTED = 2
"""The exit code after Ctrl-C, as pytest has it."""

COMMANDS = ("check", "show", "init", "report", "roots", "opengenpse")
"""The commands; each is a module of this folder with a function `run`."""


def console() -> int:
    """Be the program; return the exit code."""
    leave_owner_rights()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a letter that the console's code page lacks
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; at its end Python would write what is left, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def run(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; return its exit code."""
    if not arguments or arguments[0] in {"--help", "-h", "help"}:
        return _help(sys.stdout if arguments else sys.stderr)
    first, *rest = arguments
    if first in {"--version", "-V"}:
        print("\n".join(versions() if {"-v", "--verbose"} & set(rest) else [f"{PROGRAM} {__version__}"]))
        return 0
    if first == "--licenses" and (told := one_file.licences()):
        print(told)
        return 0
    name = "check" if first.startswith("-") else first
    if name not in COMMANDS:
        return _misuse(_unknown(first))
    command = importlib.import_module(f"pse_preflight.command.{name}")
    try:
        _refuse_closed_folder()
        return int(command.run(arguments if first.startswith("-") else rest))
    except PreflightError as error:
        return _misuse(str(error))


def _refuse_closed_folder() -> None:
    """Refuse to begin in a folder that is gone, or closed to this account, as root's home is after `sudo -u`.

    Raises:
        UsageProblem: as nothing could be read or written there, nor pytest come back to it.
    """
    try:
        os.chdir(Path.cwd())
    except OSError as error:
        raise UsageProblem(
            f"this account cannot enter the folder in which it is started: {error.strerror}; change to another one (cd)"
        ) from None


def _help(stream: TextIO) -> int:
    """Show the help; where nobody has asked for it, because no system was named."""
    from pse_preflight.command.check import NO_SYSTEM, help_text

    print(help_text(), file=stream)
    return 0 if stream is sys.stdout else _misuse(NO_SYSTEM)


def _misuse(text: str) -> int:
    print(f"ERROR: {text}", file=sys.stderr)
    return MISUSE


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word.lower(), COMMANDS, 1)
    if near:
        hint = f"did you mean {near[0]}?"
    elif "://" in word:
        hint = f"did you mean {PROGRAM} show {word}?"
    else:
        hint = f"did you mean {PROGRAM} check {word}?"
    return f"{word}: no such command; {hint} (commands: {', '.join(COMMANDS)})"
