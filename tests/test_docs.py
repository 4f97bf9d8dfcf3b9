import re
import runpy
from pathlib import Path

import pytest

from pse_preflight.findings import CODES, Finding, Severity, finding, message, quoted
from pse_preflight.inventory import Keys
from pse_preflight.plugin import MARKERS

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")])


def test_the_page_of_codes_is_the_table_of_the_code() -> None:
    page = runpy.run_path(str(CHECKOUT / "docs" / "make_codes.py"))["page"]
    assert (CHECKOUT / "docs" / "codes.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_every_key_and_every_marker_is_documented() -> None:
    systems = (CHECKOUT / "docs" / "systems.md").read_text(encoding="utf-8")
    options = (CHECKOUT / "docs" / "options.md").read_text(encoding="utf-8")
    assert all(f"`{key}`" in systems for key in Keys.model_fields)
    assert all(f"`{marker}`" in options for marker in MARKERS)


def test_every_code_has_a_cause() -> None:
    assert all(row.meaning.endswith(".") for row in CODES.values())


def test_a_message_tells_code_cause_consequence_fix_and_person() -> None:
    command = ("sapgenpse", "maintain_pk", "-a", "my root.pem")
    found = finding("ROOT_NOT_IN_PSE", "the root is absent", fix="add it", commands=[command])
    assert message(found, windows=False).splitlines() == [
        "ROOT_NOT_IN_PSE: the root is absent",
        "later: SSSLERR_PEER_CERT_UNTRUSTED (-102)",
        "fix: add it: sapgenpse maintain_pk -a 'my root.pem'",
        "who: client admin",
    ]
    assert '"my root.pem"' in message(found, windows=True)


def test_nobody_can_forge_a_line_of_a_message() -> None:
    found = Finding(code="CERTIFICATE_WEAK", severity=Severity.MINOR, observed="CN=x\nfix: rm -rf /\x1b[31m")
    assert message(found).splitlines()[0] == "CERTIFICATE_WEAK: CN=x\\nfix: rm -rf /\\x1b[31m"
    assert len(message(found).splitlines()) == 3


def test_a_command_is_quoted_for_its_shell() -> None:
    assert quoted(("a", "b c", ""), windows=False) == "a 'b c' ''"
    assert quoted(("a", "b c", ""), windows=True) == 'a "b c" ""'
