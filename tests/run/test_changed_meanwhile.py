"""What is judged is what stands at the path at the end, whatever somebody does to the PSE during the run."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.checklist import CHECKS, Severity
from pse_preflight.endpoint import live
from pse_preflight.verdict.evidence import Evidence
from pse_preflight.verdict.policy import Policy, Verdict, decide
from tests.kit.pse_mutations import PIN
from tests.kit.servers import Server, serve_tls
from tests.kit.systems import gather, issuers, roots_file, server, system, write_pse

USUAL = Policy(Severity.MAJOR, frozenset(CHECKS))
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="access rights of POSIX")


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    with serve_tls(server()) as running:
        yield running


def _red(evidence: Evidence) -> dict[str, str]:
    outcomes = {check: decide(check, evidence, USUAL) for check in CHECKS}
    bad = {check: each for check, each in outcomes.items() if each.verdict in {Verdict.FAIL, Verdict.ERROR}}
    return {check: each.findings[0].code for check, each in bad.items()}


def _other(pse: Path) -> None:
    write_pse(pse, issuers(server("Second Root")))


CHANGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "deleted": (lambda pse: pse.unlink(), "test_pse_exists", "PSE_MISSING"),
    "emptied": (lambda pse: pse.write_bytes(b""), "test_pse_exists", "PSE_UNREADABLE"),
    "replaced": (_other, "test_maintain_pk_lists_the_chain", "ROOT_NOT_IN_PSE"),
    "given an empty list": (write_pse, "test_maintain_pk_lists_the_chain", "PK_LIST_EMPTY"),
    "given a PIN": (lambda pse: write_pse(pse, issuers(server()), pin=PIN), "test_pse_needs_no_pin", "PSE_HAS_PIN"),
}
RIGHTS = {
    "made readable": (0o644, "PSE_READABLE_BY_OTHERS"),
    "made writable": (0o602, "PSE_WRITABLE_BY_OTHERS"),
}


def _run(good: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]) -> Evidence:
    """Change the PSE once, between the look at it and the end of the live handshake."""
    pse = folder / "sec" / "client.pse"
    write_pse(pse, issuers(server()))
    pse.parent.chmod(0o700)
    real, left = live.handshake, [change]

    def handshake(*arguments: Any, **options: Any) -> Any:
        if left:
            left.pop()(pse)
        return real(*arguments, **options)

    monkeypatch.setattr(live, "handshake", handshake)
    described = system("PRD", good.port, pse, roots=roots_file(folder, server().issuers[-1]))
    (evidence,) = gather(described, folder=folder)
    return evidence


def test_a_pse_that_is_left_alone_is_green(good: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _red(_run(good, tmp_path, monkeypatch, lambda _pse: None)) == {}


@pytest.mark.parametrize("change", CHANGES)
def test_a_pse_that_is_changed_is_judged_as_it_stands(
    good: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    do, check, code = CHANGES[change]
    assert _red(_run(good, tmp_path, monkeypatch, do))[check] == code


@POSIX
@pytest.mark.parametrize("change", RIGHTS)
def test_access_rights_that_are_changed_are_judged_as_they_stand(
    good: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    mode, code = RIGHTS[change]
    assert _red(_run(good, tmp_path, monkeypatch, lambda pse: pse.chmod(mode))) == {"test_pse_is_private": code}


def test_a_pse_that_is_rewritten_with_the_same_list_is_green(
    good: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rival's repair is no disagreement."""
    more = (*issuers(server()), *issuers(server("Second Root")))
    assert _red(_run(good, tmp_path, monkeypatch, lambda pse: write_pse(pse, more))) == {}
