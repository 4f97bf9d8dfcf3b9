"""Add missing certificates to an existing PSE: on a copy, proven by listing, then put into its place in one step."""

from collections.abc import Sequence
from pathlib import Path

from pse_preflight.certificate import Certificate
from pse_preflight.pse.create import NotReplaced, Replaced, replace
from pse_preflight.pse.file import PseError, PseFile, read
from pse_preflight.sapgenpse.output import Listing
from pse_preflight.sapgenpse.tool import Tool, add_certificates, list_certificates


def repair(tool: Tool, pse: Path, missing: Sequence[Certificate]) -> Replaced[Listing]:
    """Add certificates to the list of a PSE without PIN; everything else in it, and its access rights, stay.

    Returns:
        where the backup is, and the list as the tool prints it afterwards. There is no backup where another run has
        added them meanwhile, and nothing was changed.

    Raises:
        ToolError: where the tool fails, or does not list what it was given.
        NotReplaced: where something would be lost. Either way the PSE is as it was.
    """
    return replace(pse, lambda copy: _changed(tool, copy, missing))


def _changed(tool: Tool, copy: Path, missing: Sequence[Certificate]) -> Listing:
    before, listed_before = _content(copy), list_certificates(tool, copy)
    held = {each.tbs for each in before.trusted}
    lacking = [each for each in missing if each.parsed.tbs_certificate_bytes not in held]
    if not lacking:  # another run has added them meanwhile
        return listed_before
    listing = add_certificates(tool, copy, lacking)
    lost = [each for each in listed_before.entries if each not in listing.entries]
    if lost:
        raise NotReplaced(f'{tool.label} no longer lists "{lost[0].subject}" after adding others')
    after = _content(copy)
    kept = held <= {each.tbs for each in after.trusted}
    if not kept or before.owner_der != after.owner_der:
        raise NotReplaced(f"{tool.label} changed more in it than its certificate list")
    return listing


def _content(copy: Path) -> PseFile:
    try:
        return read(copy.read_bytes())
    except PseError as error:
        raise NotReplaced(f"the changed copy cannot be read: {error}") from None
