"""What stands on the terminal: a header, and one verdict per system with what to do first."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.checklist import Code
from pse_preflight.landscape.system import System
from pse_preflight.report.facts import CertificateFacts, FindingFacts, Result, SystemFacts, SystemResult
from pse_preflight.settings import Settings

WIDTH = 80
SCREEN_LINES = 22
"""What a screen of 24 lines holds beside pytest's own last line and the prompt."""

_DRAWN_WIDTH = WIDTH - 4
_LONGEST_CHAIN_NAME = 60
_LONG_HEADLINE, _SHORT_HEADLINE = 480, 200
_OTHERS_NAMED = 3
_CHANGES_SHOWN = 4
_LONGEST_ALIAS = 32
_ROOTS_SHOWN = 3
_SYSTEMS_NAMED = 4
_IN_WORDS = frozenset({Code.PSE_CREATED, Code.PSE_REPAIRED, Code.RENEWAL_DUE, Code.ROOT_CHANGE_AHEAD})
"""What a run has done to a file, and what has a day, is told in words though it is minor."""
_IN_THE_TABLE = (
    Code.ROOT_CHANGE_AHEAD,
    Code.RENEWAL_DUE,
    Code.PSE_CREATED,
    Code.PSE_REPAIRED,
    Code.PSE_UNCONFIRMED,
)
_SHORT = 12
_DAY = 10
_SIGNS = {
    "\N{BOX DRAWINGS LIGHT UP AND RIGHT}": "`",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
}


def header(systems: Sequence[System], settings: Settings, engine: str) -> list[str]:
    """Return the lines of the header about what is asked, by what, and for when."""
    shown = systems if len(systems) <= _SYSTEMS_NAMED else systems[: _SYSTEMS_NAMED - 1]
    named = ", ".join(f"{each.alias} ({each.url.host}:{each.url.port})" for each in shown)
    more = f" and {len(systems) - len(shown)} more" if len(shown) < len(systems) else ""
    lines = [*_wrapped(f"systems: {named}{more}", ""), *_wrapped(f"tool: {engine}", "")]
    for file in sorted({each.file for each in systems if each.file}):
        lines += _wrapped(f"systems file: {file}", "")
    if settings.at:
        lines.append(f"judged for {settings.at} (UTC), read-only; nothing is asked live for that day")
    if settings.sap_roots:
        lines += _wrapped(f"SAP's list of roots: {sap_roots(settings.sap_roots).told}", "")
    if settings.replay:
        lines += _wrapped(f"replay of {settings.replay}: read-only, and no system is asked", "")
    if ignored := [each.alias for each in systems if each.ignored_proxy]:
        told = f"proxy variables of this shell are ignored for {', '.join(ignored)} (say proxy: env to use them)"
        lines += _wrapped(told, "")
    return lines


def lines(result: Result, *, verbose: bool, below: int = 0) -> Iterator[str]:
    """Return the closing lines: for one system what is known of it, for many a line each, the red ones last.

    Args:
        verbose: tell all of every system, whatever the size of a screen.
        below: how many lines of others will follow these on the screen.
    """
    ends = list(_end_lines(result))
    if verbose:
        for system in result.systems:
            yield from _block(system, _EVERYTHING)
    elif len(result.systems) == 1:
        yield from _on_one_screen(result.systems[0], SCREEN_LINES - len(ends) - below)
    if len(result.systems) > 1:
        yield from _table(result.systems)
        for origin in dict.fromkeys(each.facts.origin for each in result.systems if each.facts and not verbose):
            yield from _wrapped(origin, "")
        yield from _clock_lines(result.systems)
        yield from _minor_line(result.systems)
    yield from ends


def joined_lines(results: Sequence[Result]) -> Iterator[str]:
    """Return the lines of many runs: each machine, then a line for each system on it, the red ones last."""
    for result in results:
        told = f"{result.run.machine}, {result.run.minute}"
        yield from _wrapped(f"{told}: {result.run.broken_off}" if result.run.broken_off else told, "")
    asked = [(result.run.machine, system) for result in results for system in result.systems]
    ordered = sorted(asked, key=lambda pair: ("OK", "NOT JUDGED", "FAILED").index(pair[1].verdict))
    widths = [
        min(_LONGEST_ALIAS, max((len(text) for text in texts), default=0))
        for texts in zip(*((machine, system.alias) for machine, system in asked), strict=True)
    ] or [0, 0]
    for machine, each in ordered:
        yield from _row(each, f"{machine:{widths[0]}}  {each.alias:{widths[1]}}  {each.verdict:10}")
    yield from _clock_lines([each for _, each in asked])
    yield from dict.fromkeys(line for result in results for line in _end_lines(result))
    yield _machines_not_ready(results)


def _machines_not_ready(results: Sequence[Result]) -> str:
    """Count what is not ready, of how much, on how many machines."""
    every = [each for result in results for each in result.systems]
    machines = len({result.run.machine for result in results})
    told = []
    for verdict, words in (("FAILED", "not ready"), ("NOT JUDGED", "not judged")):
        on = {result.run.machine for result in results if any(each.verdict == verdict for each in result.systems)}
        if on:
            count = sum(each.verdict == verdict for each in every)
            told.append(f"{count} of {len(every)} {words}, on {len(on)} of {machines} machines")
    return "; ".join(told) or f"all {len(every)} are ready, on {machines} machine{'s' * (machines > 1)}"


def verdict_lines(result: Result) -> Iterator[str]:
    """Return the verdicts alone, a line for each system, with whose recording was judged, where it was one."""
    for system in result.systems:
        origin = f" ({system.facts.origin})" if system.facts and system.facts.origin else ""
        yield from _wrapped(f"{system.alias}: {system.words}{origin}", "")


def printable(text: str, encoding: str | None) -> str:
    """Return the text as a console of this encoding can show it: a letter that it lacks is escaped, and no other."""
    try:
        "".encode(encoding or "ascii")
    except LookupError:
        encoding = None
    code_page = encoding or "ascii"
    for sign, plain in _SIGNS.items():
        if sign in text and sign.encode(code_page, "ignore") == b"":
            text = text.replace(sign, plain)
    return text.encode(code_page, "backslashreplace").decode(code_page)


def drawing(facts: SystemFacts) -> Iterator[str]:
    """Draw the chain from the server to the root, and say what the PSE holds of it."""
    for depth, each in enumerate(facts.chain):
        yield from _drawn(each, depth, facts.holder if facts.listed is not None else "")
    if facts.missing:
        yield f"{_branch(len(facts.chain))}(missing: {_short(facts.missing)})"
    for extra in facts.extras:
        yield from _wrapped(f"also sent: {extra}", "", _DRAWN_WIDTH)
    yield from _wrapped(_list_text(facts), "", _DRAWN_WIDTH)


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is told of one system.

    Attributes:
        headline: the most characters of what was observed.
        findings: how many red findings are told; the codes of the others are.
        is_drawn: the chain is drawn, where that helps.
        says_minor: minor findings are told in words.
        names_files: the folder with what was seen is named; it lies beside the result, which always is.
    """

    headline: int
    findings: int
    is_drawn: bool = False
    says_minor: bool = False
    names_files: bool = True


_EVERYTHING = _Detail(1 << 16, 1 << 16, is_drawn=True, says_minor=True)
_LESS_AND_LESS = (
    _Detail(_LONG_HEADLINE, 9, is_drawn=True),
    _Detail(_SHORT_HEADLINE, 9, is_drawn=True),
    _Detail(_SHORT_HEADLINE, 9),
    _Detail(_SHORT_HEADLINE, 9, names_files=False),
    *(_Detail(_SHORT_HEADLINE, number) for number in (4, 3, 2, 1)),
)


def leaves_out(result: Result, below: int) -> bool:
    """Tell whether a red finding of the one system is not told with its fix, for want of room on a screen."""
    (system,) = result.systems
    room = SCREEN_LINES - len(list(_end_lines(result))) - below
    told = _on_one_screen(system, room)
    return any(line.startswith("  also red (") for line in told)


def _on_one_screen(system: SystemResult, room: int) -> Sequence[str]:
    """Return as much about a system as leaves its verdict on the screen; at least the finding to mend first."""
    for detail in _LESS_AND_LESS:
        told = list(_block(system, detail))
        if len(told) <= room:
            break
    return told


def _end_lines(result: Result) -> Iterator[str]:
    """Yield what is said once, whatever the number of systems."""
    if unset := sorted({key for each in result.systems for key in each.unconfigured}):
        yield from _wrapped(f"Not configured: {', '.join(unset)}.", "")
    yield from _wrapped(f"Not checked: {', '.join(result.not_checked)}.", "")


def _table(systems: Sequence[SystemResult]) -> Iterator[str]:
    """Return a line for each system: alias, verdict, until when it is trusted, and the code to begin with."""
    ordered = sorted(systems, key=lambda each: ("OK", "NOT JUDGED", "FAILED").index(each.verdict))
    width = min(_LONGEST_ALIAS, max(len(each.alias) for each in systems))
    untouched = [each.alias for each in ordered if each.is_untouched]
    for each in ordered:
        if not each.is_untouched or len(untouched) == 1:
            yield from _row(each, f"{each.alias:{width}}  {each.verdict:10}")
    if len(untouched) > 1:
        more = f" and {len(untouched) - _SYSTEMS_NAMED} more" if len(untouched) > _SYSTEMS_NAMED else ""
        yield from _wrapped(f"no check ran of {', '.join(untouched[:_SYSTEMS_NAMED])}{more}", "")
    red = sum(each.is_red for each in systems)
    unjudged = sum(each.verdict == "NOT JUDGED" for each in systems)
    told = [f"{red} of {len(systems)} systems not ready"] if red else []
    told += [f"{unjudged} of {len(systems)} not judged"] if unjudged else []
    yield ", ".join(told) or f"all {len(systems)} systems are ready"


def _row(system: SystemResult, begin: str) -> Iterator[str]:
    """Yield a line of the table; a code is never cut, whatever has to make room for it."""
    told = system.decisive or next(iter(_to_know(system)), None)
    if told is None:
        why = system.remark if system.verdict == "NOT JUDGED" else system.why_unknown if system.is_red else ""
        yield f"{begin}  {_until(system):13}  {why}"[:WIDTH].rstrip()
        return
    code = told.code
    shown = next(
        (line for line in (f"{begin}  {_until(system):13}  {code}", f"{begin}  {code}") if len(line) <= WIDTH), ""
    )
    yield from [shown] if shown else [begin.rstrip(), f"  {code}"]


def _to_know(system: SystemResult) -> Sequence[FindingFacts]:
    """Return of minor findings those that a verdict is not read without: what has a day, and what a run has made."""
    findings = system.facts.findings if system.facts and system.verdict == "OK" else ()
    return [found for code in _IN_THE_TABLE for found in findings if found.code == code]


def _minor_line(systems: Sequence[SystemResult]) -> Iterator[str]:
    """Fold the minor findings of all systems into a line; -v, the checks and the page have the words."""
    number = Counter(
        code
        for each in systems
        if each.facts
        for code in {found.code for found in each.facts.findings if found.severity == "minor"}
        - {found.code for found in each.red_findings}
    )
    if number:
        codes = ", ".join(f"{code} ({number[code]})" for code in sorted(number))
        yield from _wrapped(f"also: {codes}", "")


def _until(system: SystemResult) -> str:
    facts = system.facts
    if system.verdict == "NOT JUDGED" or facts is None or facts.trusted is None:
        return "not known"
    return f"to {facts.trust_ends[:_DAY]}" if facts.trusted and facts.trust_ends else "not trusted"


def _clock_lines(systems: Sequence[SystemResult]) -> Iterator[str]:
    """Say of each root how many systems end in it, and until when it is kept; the one that goes first, first."""
    clocks = [each.facts.root_clock for each in systems if each.facts and each.facts.root_clock]
    number = Counter(each.words for each in clocks)
    soonest = sorted({each.words: each.soonest for each in clocks}.items(), key=lambda item: item[::-1])
    for words, _ in soonest[:_ROOTS_SHOWN]:
        yield from _wrapped(f"root of {number[words]}: {words}", "")
    if len(soonest) > _ROOTS_SHOWN:
        yield f"and {len(soonest) - _ROOTS_SHOWN} more roots, see the page or result.json"


def _block(system: SystemResult, detail: _Detail) -> Iterator[str]:
    facts = system.facts
    if facts is None:
        yield from _wrapped(f"{system.alias}: {system.words}", "")
        if system.is_red:
            yield from _wrapped(system.why_unknown or "could not be judged", "  ")
        return
    yield from _wrapped(f"{system.alias} ({facts.place}): {'; '.join([system.words, *_days(system, facts)])}", "")
    if facts.origin:
        yield from _wrapped(facts.origin, "  ")
    red = system.red_findings
    for each in red[: detail.findings]:
        yield from _finding_lines(each, detail)
    if left := [each.code for each in red[detail.findings :]]:
        yield from _wrapped(f"also red (-v tells them): {', '.join(left)}", "  ")
    yield from _also_lines(facts, red, verbose=detail.says_minor)
    for change in facts.changes[-_CHANGES_SHOWN:]:
        yield from _wrapped(f"changed: {change}", "  ")
    if detail.is_drawn and facts.chain and (detail.says_minor or system.is_red):
        yield f"  the chain, and what the {facts.holder} holds of it:"
        yield from (f"    {line}" for line in drawing(facts))
    if facts.files and detail.names_files:
        yield re.sub(r"[/\\][^/\\]*\Z", "", f"  files: {facts.files[0]}")


def _days(system: SystemResult, facts: SystemFacts) -> Iterator[str]:
    """Yield until when the PSE trusts the system, when the server must renew, and until when its root is kept."""
    if system.verdict == "NOT JUDGED":
        return
    if facts.trusted and facts.trust_ends:
        trusted = "trusted" if system.verdict == "OK" else f"the {facts.holder} trusts it"
        yield f"{trusted} until {facts.trust_ends[:_DAY]}"
    elif facts.trusted is None:
        yield f"whether the {facts.holder} trusts it is not known: {facts.trust_unknown}"
    else:
        yield f"the {facts.holder} does not trust it"
    if facts.renewal:
        yield f"the server must renew by {facts.renewal[:_DAY]}"
    if facts.root_clock:
        yield f"its root {facts.root_clock.words}"


def _finding_lines(found: FindingFacts, detail: _Detail) -> Iterator[str]:
    yield from _wrapped(_clipped(found.headline, detail.headline), "  ")
    if found.later:
        yield from _wrapped(f"later: {found.later}", "  ")
    yield from _wrapped(f"fix ({found.who}): {found.fix}".rstrip(" :") if found.fix else f"who: {found.who}", "  ")
    yield from (f"    {command}" for command in found.fix_commands)


def _also_lines(facts: SystemFacts, red: Sequence[FindingFacts], *, verbose: bool) -> Iterator[str]:
    """Fold what is minor into a line; -v, the check and the page have the words. What only follows is left out."""
    minor = [each for each in facts.findings if each not in red and each.severity == "minor"]
    told = [each for each in minor if verbose or each.code in _IN_WORDS]
    for each in told:
        yield from _wrapped(f"also: {_clipped(each.headline, _SHORT_HEADLINE)}", "  ")
    folded = dict.fromkeys(each.code for each in minor if each not in told)
    if folded:
        yield from _wrapped(f"also: {', '.join(folded)}", "  ")


def _drawn(certificate: CertificateFacts, depth: int, holder: str) -> Iterator[str]:
    marks = [f"until {certificate.not_after[:_DAY]}", f"sha256 {certificate.sha256[:_SHORT]}"]
    marks += ["sent" if certificate.sent else "not sent"]
    marks += [f"{'' if certificate.in_pse else 'not '}in the {holder}"] if holder else []
    marks += ["trust rests on it"] if certificate.anchor else []
    indent = " " * (len(_branch(depth)) + 2)
    told = ", ".join([_short(certificate.name), *marks])
    if len(_branch(depth)) + len(told) <= _DRAWN_WIDTH:
        yield f"{_branch(depth)}{told}"
    else:
        yield f"{_branch(depth)}{_short(certificate.name)}"
        yield from _wrapped(", ".join(marks), indent, _DRAWN_WIDTH)
    if certificate.codes:
        yield from _wrapped(f"!! {', '.join(certificate.codes)}", indent, _DRAWN_WIDTH)


def _branch(depth: int) -> str:
    return f"{'   ' * (depth - 1)}└─ " if depth else ""


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_CHAIN_NAME else f"{name[: _LONGEST_CHAIN_NAME - 3]}..."


def _list_text(facts: SystemFacts) -> str:
    if facts.listed is None:
        return f"the certificate list of the {facts.holder} is not known (the {facts.holder}: {facts.pse_state})"
    named = ", ".join(f'"{_short(each)}"' for each in facts.others[:_OTHERS_NAMED])
    more = f" and {len(facts.others) - _OTHERS_NAMED} more" if len(facts.others) > _OTHERS_NAMED else ""
    beside = f"; beside the chain {named}{more}" if named else ""
    kind = "certificate" if facts.listed == 1 else "certificates"
    return f"the {facts.holder} lists {facts.listed} {kind}{beside}"


def _clipped(text: str, longest: int) -> str:
    return textwrap.shorten(text, longest, placeholder=" ...") if len(text) > longest else text


def _wrapped(text: str, indent: str, width: int = WIDTH) -> Iterable[str]:
    """Break a line between words; paths and commands stay whole, so that they can be copied."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
