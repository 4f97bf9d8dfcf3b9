"""Write docs/codes.md from the one table of codes: python docs/make_codes.py."""

from pathlib import Path

from pse_preflight.findings import CODES

HEAD = """# Codes

Every finding has a code, the check that owns it, a usual severity, and somebody who can mend it. *blocker*: the
connection will fail. *major*: it will fail soon, or it is unsafe. *minor*: worth knowing. A single finding may be
milder or harsher than its row where the circumstances are; the message says what was observed.

This page is made from the table in the code by `python docs/make_codes.py`.
"""


def page() -> str:
    """Return the page: one table per check, in the order of the checks."""
    parts = [HEAD]
    for check in dict.fromkeys(row.check for row in CODES.values()):
        parts.append(
            f"\n## {check}\n\n| code | severity | cause | later, in SAP's words | who |\n|---|---|---|---|---|\n"
        )
        parts += [_line(code) for code, row in CODES.items() if row.check == check]
    return "".join(parts)


def _line(code: str) -> str:
    row = CODES[code]
    severity = "error" if row.error else str(row.severity)
    return f"| {code} | {severity} | {row.meaning} | {row.later or '-'} | {row.who.value} |\n"


if __name__ == "__main__":
    Path(__file__).with_name("codes.md").write_text(page(), encoding="utf-8")
