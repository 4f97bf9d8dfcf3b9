"""What stands on the terminal: a header, and one verdict per system with what to do first."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.checklist import Code
from pse_preflight.landscape.system import System
from pse_preflight.report.facts import CertificateFacts, FindingFacts, Result, SystemFacts, SystemResult
from pse_preflight.settings import Settings

WIDTH = 80

_DRAWN_WIDTH = WIDTH - 4
_LONGEST_CHAIN_NAME = 60
_LONGEST_HEADLINE = 200
_OTHERS_NAMED = 3
_CHANGES_SHOWN = 4
_LONGEST_ALIAS = 32
_IN_WORDS = frozenset({Code.PSE_CREATED, Code.PSE_REPAIRED, Code.RENEWAL_DUE, Code.ROOT_CHANGE_AHEAD})
"""What a run has done to a file, and what has a day, is told in words though it is minor."""
_SHORT = 12
_DAY = 10
_SIGNS = {
    "\N{BOX DRAWINGS LIGHT UP AND RIGHT}": "`",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
}


def header(systems: Sequence[System], settings: Settings, engine: str) -> list[str]:
    """Return the lines of the header about what is asked, by what, and for when."""
    named = ", ".join(f"{each.alias} ({each.url.host}:{each.url.port})" for each in systems)
    lines = [*_wrapped(f"systems: {named}", ""), *_wrapped(f"engine: {engine}", "")]
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


def lines(result: Result, *, verbose: bool) -> Iterator[str]:
    """Return the closing lines: for one system what is known of it, for many a line each, the red ones last."""
    if len(result.systems) == 1 or verbose:
        for system in result.systems:
            yield from _system_lines(system, verbose=verbose)
    if len(result.systems) > 1:
        yield from _table(result.systems)
        for origin in dict.fromkeys(each.facts.origin for each in result.systems if each.facts and not verbose):
            yield from _wrapped(origin, "")
    yield from _wrapped(f"Not checked: {', '.join(result.not_checked)}.", "")


def verdict_lines(result: Result) -> Iterator[str]:
    """Return the verdicts alone, a line for each system, for whoever asks for few words."""
    for system in result.systems:
        yield from _wrapped(f"{system.alias}: {system.words}", "")


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
        yield from _drawn(each, depth, facts.holder)
    if facts.missing:
        yield f"{_branch(len(facts.chain))}(missing: {_short(facts.missing)})"
    for extra in facts.extras:
        yield from _wrapped(f"also sent: {extra}", "", _DRAWN_WIDTH)
    yield from _wrapped(_list_text(facts), "", _DRAWN_WIDTH)


def _table(systems: Sequence[SystemResult]) -> Iterator[str]:
    """Return a line for each system: alias, verdict, until when it is trusted, and the code to begin with."""
    ordered = sorted(systems, key=lambda each: ("OK", "NOT JUDGED", "FAILED").index(each.verdict))
    width = min(_LONGEST_ALIAS, max(len(each.alias) for each in systems))
    for each in ordered:
        code = each.decisive.code if each.decisive else ""
        yield f"{each.alias:{width}}  {each.verdict:10}  {_until(each):13}  {code or _why_red(each)}"[:WIDTH].rstrip()
    red = sum(each.is_red for each in systems)
    unjudged = sum(each.verdict == "NOT JUDGED" for each in systems)
    told = [f"{red} of {len(systems)} systems not ready"] if red else []
    told += [f"{unjudged} of {len(systems)} not judged"] if unjudged else []
    yield ", ".join(told) or f"all {len(systems)} systems are ready"


def _until(system: SystemResult) -> str:
    facts = system.facts
    if system.verdict == "NOT JUDGED" or facts is None or facts.trusted is None:
        return "not known"
    return f"to {facts.trust_ends[:_DAY]}" if facts.trusted and facts.trust_ends else "not trusted"


def _why_red(system: SystemResult) -> str:
    return next((each.reason for each in system.checks if each.reason), "") if system.is_red else ""


def _system_lines(system: SystemResult, *, verbose: bool) -> Iterator[str]:
    facts = system.facts
    if facts is None:
        yield from _wrapped(f"{system.alias}: {system.words}", "")
        if system.is_red:
            yield from _wrapped(_why_red(system) or "could not be judged", "  ")
        return
    yield from _wrapped(f"{system.alias} ({facts.place}): {system.words}", "")
    if facts.origin:
        yield from _wrapped(facts.origin, "  ")
    red = [each for each in facts.findings if each.code in _red_codes(system)]
    for each in sorted(red, key=lambda one: (one != system.decisive, -one.grade)):
        yield from _finding_lines(each)
    yield from _day_lines(system, facts)
    yield from _also_lines(facts, red, verbose=verbose)
    for change in facts.changes[-_CHANGES_SHOWN:]:
        yield from _wrapped(f"changed: {change}", "  ")
    if facts.chain and (verbose or system.is_red):
        yield f"  the chain, and what the {facts.holder} holds of it:"
        yield from (f"    {line}" for line in drawing(facts))
    if facts.files:
        yield f"  evidence: {_folder(facts.files[0])}"


def _red_codes(system: SystemResult) -> set[str]:
    return {code for each in system.checks if each.ended in {"failed", "error"} for code in each.codes}


def _day_lines(system: SystemResult, facts: SystemFacts) -> Iterator[str]:
    if system.verdict == "NOT JUDGED":
        return
    if facts.trusted and facts.trust_ends:
        yield f"  the {facts.holder} trusts it until {facts.trust_ends[:_DAY]}"
    elif facts.trusted is None:
        yield from _wrapped(f"whether the {facts.holder} trusts it is not known: {facts.trust_unknown}", "  ")
    else:
        yield f"  the {facts.holder} does not trust it"
    if facts.renewal:
        yield f"  the server must renew by {facts.renewal[:_DAY]}"
    if facts.root_clock:
        yield from _wrapped(f"its root {facts.root_clock.words}", "  ")


def _finding_lines(found: FindingFacts) -> Iterator[str]:
    yield from _wrapped(_clipped(found.headline), "  ")
    if found.fix or found.fix_commands:
        yield from _wrapped(f"fix: {found.fix}".rstrip(), "  ")
    yield from (f"    {command}" for command in found.fix_commands)


def _also_lines(facts: SystemFacts, red: Sequence[FindingFacts], *, verbose: bool) -> Iterator[str]:
    """Fold what is minor into a line; -v, the check and the page have the words. What only follows is left out."""
    minor = [each for each in facts.findings if each not in red and each.severity == "minor"]
    told = [each for each in minor if verbose or each.code in _IN_WORDS]
    for each in told:
        yield from _wrapped(f"also: {_clipped(each.headline)}", "  ")
    folded = dict.fromkeys(each.code for each in minor if each not in told)
    if folded:
        yield from _wrapped(f"also: {', '.join(folded)}", "  ")


def _drawn(certificate: CertificateFacts, depth: int, holder: str) -> Iterator[str]:
    indent = " " * (len(_branch(depth)) + 2)
    yield f"{_branch(depth)}{_short(certificate.name)}"
    marks = [certificate.role, f"until {certificate.not_after[:_DAY]}", f"sha256 {certificate.sha256[:_SHORT]}"]
    marks += ["sent" if certificate.sent else "not sent", f"{'in' if certificate.in_pse else 'not in'} the {holder}"]
    marks += ["trust rests on it"] if certificate.anchor else []
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


def _clipped(text: str) -> str:
    """Return what suffices alone; the failing check itself has said the rest."""
    return textwrap.shorten(text, _LONGEST_HEADLINE, placeholder=" ...") if len(text) > _LONGEST_HEADLINE else text


def _folder(file: str) -> str:
    return file[: max(file.rfind("/"), file.rfind("\\"))]


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
