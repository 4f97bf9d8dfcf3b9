"""What one look into a file tells: what it is, whose, and its certificates as a tree, at 80 columns."""

import textwrap
from collections.abc import Iterator, Sequence

from pse_preflight.findings import one_line
from pse_preflight.report.columns import clipped, numbered, wrapped
from pse_preflight.run.file import ShownCertificate, ShownFile

_SHORT = 12
_LONGEST_ON_A_BRANCH, _LONGEST_NOTE = 68, 60


def lines(shown: ShownFile) -> Iterator[str]:
    """Return what was seen of a file."""
    yield from wrapped(f"{one_line(shown.file)}: {shown.what}{_about(shown)}")
    if shown.problem:
        yield from wrapped(f"{shown.problem}.", "  ")
    if shown.remedy:
        yield from wrapped(f"{'fix' if not shown.is_read else 'next'}: {one_line(shown.remedy)}", "  ")
    yield from (line for each in shown.notes for line in wrapped(f"note: {one_line(each)}", "  "))
    yield from _own(shown)
    yield from _list(shown)
    yield from _required(shown)
    for each in shown.credentials:
        bound = ", bound to its machine (LPS)" if each.machine_bound else ""
        yield from wrapped(f"keeps a PIN for {one_line(each.pse)}, owner {one_line(each.owner)}{bound}", "  ")


def _about(shown: ShownFile) -> str:
    parts = [f"version {shown.version}"] if shown.version is not None else []
    if shown.version is not None and shown.has_pin is False:
        parts.append("no PIN")
    parts += [f"made {shown.created:%Y-%m-%d %H:%M} UTC"] if shown.created else []
    return f" ({', '.join(parts)})" if parts else ""


def _own(shown: ShownFile) -> Iterator[str]:
    if shown.own:
        yield ""
        yield f"  own certificate{'' if len(shown.own) == 1 else ', and its issuers'}:"
        yield from (f"    {each}" for each in tree(shown.own, is_wordy=True))
    if shown.key:
        yield from wrapped(f"key: {shown.key}", "  ")
    elif shown.version is not None and not shown.own:
        yield ""
        yield "  It has no key and no certificate of its own: it can only verify others."


def _list(shown: ShownFile) -> Iterator[str]:
    if not shown.certificates:
        if shown.is_list:
            yield ""
            yield "  Its certificate list is empty: it trusts nobody."
        return
    yield ""
    ended = sum(each.has_ended for each in shown.certificates)
    told = f", {ended} of them ended" if ended else ""
    what = "certificate list: " if shown.is_list else ""
    yield f"  {what}{numbered(len(shown.certificates), 'certificate')}{told}"
    yield from (f"    {each}" for each in tree(shown.certificates, is_wordy=False))


def _required(shown: ShownFile) -> Iterator[str]:
    if not shown.required or not shown.is_list:
        return
    yield ""
    held = shown.required - len(shown.lacking)
    yield from wrapped(
        f"Of the {shown.required} roots that SAP requires a client of its cloud to trust, it holds"
        f" {held or 'none'}{':' if held and shown.lacking else '.'}",
        "  ",
    )
    yield from (f"    lacking: {clipped(each)}" for each in shown.lacking if held)


def tree(certificates: Sequence[ShownCertificate], *, is_wordy: bool) -> Iterator[str]:
    """Draw certificates, each below the one that has signed it.

    Args:
        is_wordy: the key and the serial number are told, too.
    """
    below: dict[int, list[int]] = {}
    for place, each in enumerate(certificates):
        if each.signed_by is not None and each.signed_by != place:
            below.setdefault(each.signed_by, []).append(place)
    drawn: set[int] = set()
    tops = [at for at, each in enumerate(certificates) if each.signed_by in {None, at}]
    # Two that have signed each other are below one another; what no top leads to is drawn as a top of its own.
    for top in (*_by_name(tops, certificates), *range(len(certificates))):
        yield from _branch(top, 0, certificates, below, drawn, is_wordy=is_wordy)


def _branch(
    place: int,
    depth: int,
    certificates: Sequence[ShownCertificate],
    below: dict[int, list[int]],
    drawn: set[int],
    *,
    is_wordy: bool,
) -> Iterator[str]:
    if place in drawn:
        return
    drawn.add(place)
    each = certificates[place]
    branch = f"{'   ' * (depth - 1)}└─ " if depth else ""
    yield f"{branch}{clipped(each.alias or each.name, _LONGEST_ON_A_BRANCH - len(branch))}"
    indent = " " * (len(branch) + 2)
    yield from (f"{indent}{line}" for line in _details(each, place, is_wordy=is_wordy))
    for other in _by_name(below.get(place, []), certificates):
        yield from _branch(other, depth + 1, certificates, below, drawn, is_wordy=is_wordy)


def _details(each: ShownCertificate, place: int, *, is_wordy: bool) -> Iterator[str]:
    until = f"{'ENDED' if each.has_ended else 'until'} {each.not_after:%Y-%m-%d}" if each.not_after else "no days"
    role = ("signed by itself, " if is_wordy else "root, ") if each.signed_by == place else ""
    yield f"{role}{until}, sha256 {each.sha256[:_SHORT] if each.sha256 else 'not known'}"
    if each.alias and each.alias != each.name:
        yield f"name: {clipped(each.name)}"
    if each.signed_by is None and each.issuer and each.sha256:
        yield f"signed by {clipped(each.issuer, 50)}, not here"
    if is_wordy:
        yield f"{each.key}, serial {clipped(each.serial, 40)}"
        yield from wrapped(f"subject: {one_line(each.subject)}")
    if each.note:
        yield from textwrap.wrap(one_line(each.note), _LONGEST_NOTE)


def _by_name(places: Sequence[int], certificates: Sequence[ShownCertificate]) -> list[int]:
    return sorted(places, key=lambda at: (certificates[at].name.casefold(), at))
