"""One thing has one name: the glossary of docs/README.md says which, and which words nobody has to read."""

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from pse_preflight.checklist import ROWS
from pse_preflight.command import init, report, roots, show
from pse_preflight.command.check import help_text
from pse_preflight.command.program import COMMANDS
from pse_preflight.errors import UsageProblem
from tests.checks.corpus import CORPUS
from tests.kit.places import CHECKOUT, SOURCES

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
LEFT_OUT = {"diagnosis.md": "it sets what other tools say beside what is said here"}
GLOSSARY = CHECKOUT / "docs" / "README.md"
PROGRAMMERS = ("TypeAdapter", "pydantic", "ValidationError", "NoneType", "Field required", "Input should", "Traceback")
"""Words of libraries, which nobody who knows SAP has to know."""

_NAMES = (
    r"```.*?```",  # what is typed
    r"`[^`]*`",
    r"--[a-z][a-z-]*(=\S+| [A-Z.]+)?",  # an option
    r"\]\([^)]*\)",  # where a link leads
    r"[\w./\\{}-]*\.(json|pem|md|yaml|pse|sh|cmd|html)\b",  # a file
    r"\.pse-preflight\S*",
    r"(?<!\w)/[\w/.-]+",  # a path
    r'"[A-Z][^"]*"',  # a title, or a certificate's name
    r"Cannot create SSL engine|certification path to requested target",  # HANA's words, and Java's
    r"blocker, major, minor|auto, sapgenpse, bundled",  # values of options
    r"[\w.\[\]]+( \| [\w.\[\]]+)+",  # a type
)


def glossary() -> dict[str, tuple[str, ...]]:
    """Return each word with those that stay out for it."""
    text = GLOSSARY.read_text(encoding="utf-8").partition("\n## Words\n")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: tuple(word.strip() for word in row[2].split(",") if word.strip()) for row in rows[2:]}


STAY_OUT = tuple(word for words in glossary().values() for word in words)


def found_in(text: str) -> list[str]:
    """Return the words that should not be in a text, outside of names."""
    bare = text
    for name in _NAMES:
        bare = re.sub(name, " ", bare, flags=re.DOTALL)
    stay_out = [rf"{word}(s|ed|es)?" if " " not in word else word for word in STAY_OUT]
    pattern = rf"\b({'|'.join(stay_out)})\b"
    return [each[0] for each in re.finditer(pattern, bare, re.IGNORECASE)]


def sentences(source: str) -> Iterator[str]:
    """Yield the texts of a module that may be shown: those of more than one word that document nothing."""
    tree = ast.parse(source)
    unshown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    unshown |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in unshown:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def test_the_glossary_names_each_thing_once() -> None:
    words = [word.lower() for word in glossary()]
    assert len(words) == len(set(words)) > 10
    assert {"anchor", "presented", "engine", "blocker", "evidence"} <= set(STAY_OUT)
    assert not set(words) & {word.lower() for word in STAY_OUT}
    assert len(STAY_OUT) == len(set(STAY_OUT))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nothing anchors the chain", ["anchors"]),
        ("the presented chain; Evidence", ["presented", "Evidence"]),
        ("say --engine=bundled, --evidence DIR and `blocker`, see presented.pem", []),
        ("see [there](evidence.md), and evidence.json", []),
        ("the keystore", ["keystore"]),
        ('"Trust Store for SAP BTP"', []),
    ],
)
def test_a_word_that_stays_out_is_found_and_a_name_is_not(text: str, found: list[str]) -> None:
    assert found_in(text) == found


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in LEFT_OUT],
    ids=lambda page: page.relative_to(CHECKOUT).as_posix(),
)
def test_no_page_has_another_word_for_what_has_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert found_in(text.partition("\n## Words\n")[0] if page == GLOSSARY else text) == []


@pytest.mark.parametrize("folder", [SOURCES / "pse_preflight", CHECKOUT / "checks", CHECKOUT / "fixtures"], ids=str)
def test_no_text_of_the_program_has_another_word_for_what_has_one(folder: Path) -> None:
    files = sorted(folder.rglob("*.py"))
    assert files
    told = [(file.name, text, found_in(text)) for file in files for text in sentences(file.read_text(encoding="utf-8"))]
    assert [(name, text) for name, text, found in told if found] == []


def test_the_sentences_of_a_module_are_found_and_its_documentation_is_not() -> None:
    module = '"""A doc."""\nNAME = "no sentence"\ndef f(x):\n    """A doc."""\n    return f"seen {x} there", "word"\n'
    assert list(sentences(module)) == ["no sentence", "seen {} there"]


def test_the_page_has_no_other_word_for_what_has_one() -> None:
    template = (SOURCES / "pse_preflight" / "report" / "page.html").read_text(encoding="utf-8")
    shown = re.sub(r"<style.*?</style>|<script.*?</script>|{%.*?%}|{{.*?}}|<[^>]*>", " ", template, flags=re.DOTALL)
    assert "What was not checked" in shown
    assert found_in(unescape(shown)) == []


def test_no_message_has_another_word_for_what_has_one_or_a_word_of_a_library() -> None:
    told = {text for row in ROWS.values() for text in (row.cause, row.fix, row.later)}
    told |= {text for case in CORPUS for each in case.evidence().findings for text in (each.observed, each.fix)}
    assert len(told) > 300
    assert [(text, words) for text in sorted(told) if (words := found_in(text))] == []
    assert [text for text in told if any(word in text for word in PROGRAMMERS)] == []


def test_the_help_has_no_other_word_for_what_has_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert found_in(help_text()) == []
    modules = {"show": show, "init": init, "report": report, "roots": roots}
    assert set(modules) == set(COMMANDS) - {"check", "opengenpse"}
    for module in modules.values():
        with pytest.raises(SystemExit) as ended:
            module.run(["--help"])
        assert ended.value.code == 0
        assert found_in(capsys.readouterr().out) == []
        with pytest.raises(UsageProblem) as wrong:
            module.run(["--no-such-option", "x", "y"])
        assert found_in(str(wrong.value)) == []
