"""What the reports tell of the run itself."""

import socket
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pse_preflight import __version__
from pse_preflight.recording.format import running_account
from pse_preflight.report.facts import RunFacts
from pse_preflight.sapgenpse.tool import InstalledTool, Tool, ToolError, find_tool, version
from pse_preflight.settings import Settings

_SECONDS = 5.0
"""How long a program may take to tell its version; the checks give it more time."""


def run_facts(settings: Settings, made: datetime) -> RunFacts:
    """Return the facts of a run in this process."""
    return RunFacts(
        toolkit=__version__,
        where=settings.where,
        host=socket.gethostname(),
        account=running_account(),
        made=made.isoformat(),
        at=str(settings.at) if settings.at else None,
        fail_on=settings.fail_on.word,
        engine=engine_text(settings),
        replay=str(settings.replay) if settings.replay else None,
    )


def engine_text(settings: Settings) -> str:
    """Return the program that makes and lists PSEs, with its version where it tells one."""
    if settings.replay:
        return "none, what was recorded is judged"
    try:
        tool = find_tool(settings.engine, settings.sapgenpse, beside=settings.tool_folders)
    except ToolError as error:
        return f"none: {error}"
    told = _version_text(tool)
    needs = f", run with {tool.needs}" if isinstance(tool, InstalledTool) and tool.needs else ""
    return f"{tool.label}{told}{needs}"


def _version_text(tool: Tool) -> str:
    quick = replace(tool, seconds=_SECONDS) if isinstance(tool, InstalledTool) else tool
    try:
        told = version(quick, Path.cwd())
    except ToolError as error:
        return f" ({error})"
    parts = [told.program, f"library {told.library}" if told.library else None]
    return f" ({', '.join(each for each in parts if each)})" if any(parts) else ""
