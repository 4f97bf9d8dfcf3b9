"""Write docs/codes.md from the one table of codes: python docs/make_codes.py."""

from collections.abc import Iterator
from pathlib import Path

from pse_preflight.checklist import CHECKLIST, OF_ANY_CHECK, ROWS, Check, Code

HEAD = """# Codes

Every finding has a code, the check that owns it, a usual severity, and somebody who can mend it. `blocker`: the
connection will fail. `major`: it will fail soon, or it is unsafe. `minor`: worth knowing. `error`: the check could not
be made. A single finding may be milder or harsher than said here where the circumstances are; the message in the report
says what was observed, and its `fix:` is made for that very case. How to read such a message:
[A red check](red-check.md). For a host in SAP's cloud a message says `who: SAP` where *SAP admin* stands here: SAP runs
the server, and a case asks for it.

This page is made from the table in the code by `python docs/make_codes.py`.
"""
OF_ANY = """
## Any check

A check passes where it has a proof of its own, or where a minor finding tells what is the matter. One that has neither
ends as an error: nothing is known to be wrong, and nothing is known to be right.
"""


def page() -> str:
    """Return the page: an index, then per check its codes, in the order of the checks, then what any check may have."""
    parts = [HEAD, "\n| check | its codes |\n|---|---|\n"]
    parts += [f"| [{check.name}](#{check.name}) | {', '.join(_links(check))} |\n" for check in CHECKLIST]
    for check in CHECKLIST:
        parts.append(f"\n## {check.name}\n")
        parts += [_entry(code) for code in check.codes]
    parts.append(OF_ANY)
    parts += [_entry(code) for code in OF_ANY_CHECK]
    return "".join(parts)


def _links(check: Check) -> Iterator[str]:
    return (f"[{code}](#{code.lower()})" for code in check.codes)


def _entry(code: Code) -> str:
    row = ROWS[code]
    severity = "error" if row.is_error else str(row.severity)
    later = f"- **Later, in SAP's words:** {row.later}\n" if row.later else ""
    return (
        f"\n### {code}\n\n{row.cause}\n\n- **Severity:** `{severity}`\n{later}"
        f"- **Fix:** {row.fix}\n- **Who:** {row.who.value}\n"
    )


if __name__ == "__main__":
    Path(__file__).with_name("codes.md").write_text(page(), encoding="utf-8")
