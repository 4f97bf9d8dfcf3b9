"""The client PSE at its path: every state in which it can be found, and what file and tool say of it together."""

import base64
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.checklist import Severity
from pse_preflight.client_pse import condition as pse_condition
from pse_preflight.client_pse.condition import State
from pse_preflight.client_pse.findings import (
    attempt_findings,
    condition_findings,
    disagreement,
    file_findings,
    unconfirmed,
)
from pse_preflight.client_pse.maker import Maker, default_owner
from pse_preflight.client_pse.model import Attempt, ClientPse, Contribution, Reason
from pse_preflight.findings import Finding, message
from pse_preflight.sapgenpse.tool import Answer, BundledTool, ToolFailed, ToolMissing
from pse_preflight.windows import system as windows
from tests.kit import java_stores as stores
from tests.kit.files import keep_private
from tests.kit.pse_mutations import PIN, START, closed_files, plain_file
from tests.kit.systems import DN, SapsTool, issuers, listed, server, system, write_pse

ROOT, ISSUING = issuers(server())


@pytest.fixture
def pse(tmp_path: Path) -> Path:
    return tmp_path / "sec" / "client.pse"


def _maker(tool: Any = None) -> Maker:
    return Maker(tool or BundledTool({}), "auto")


def _look(pse: Path, tool: Any = None) -> ClientPse:
    return _maker(tool).look(pse)


def _make(given: Sequence[Contribution], tool: Any = None) -> tuple[ClientPse, Attempt, tuple[Finding, ...]]:
    """Make a PSE as a run makes it; return what is then said of it, too."""
    made, attempt = _maker(tool).make(given)
    return made, attempt, (*attempt_findings(made, attempt, given[0].system), *file_findings(made))


def _said(found: ClientPse | Sequence[Finding]) -> list[tuple[str, str]]:
    findings = file_findings(found) if isinstance(found, ClientPse) else found
    return [(each.code, str(each.severity)) for each in findings]


def _fails(code: int = 1, text: str = "damaged") -> Callable[[object, Answer], Answer]:
    return lambda _arguments, answer: replace(answer, code=code, text=text)


def test_a_sound_pse_is_listed_and_nothing_is_said(pse: Path) -> None:
    write_pse(pse, [ROOT, ISSUING])
    for tool, one_reader in ((BundledTool({}), True), (SapsTool(), False)):
        seen = _look(pse, tool)
        assert file_findings(seen) == ()
        assert (seen.one_reader, seen.is_there, seen.opens_without_pin) == (one_reader, True, True)
        assert {each.sha256 for each in seen.entries} == {ROOT.sha256, ISSUING.sha256}
        assert {each.certificate for each in seen.entries} == {ROOT, ISSUING}


def test_a_missing_pse_is_not_there(pse: Path) -> None:
    seen = _look(pse)
    assert (seen.tool, seen.one_reader) == ("", False)
    assert (seen.condition.state, seen.is_there, file_findings(seen), seen.listing) == (State.MISSING, False, (), None)


def test_a_folder_is_no_pse(pse: Path) -> None:
    pse.mkdir(parents=True)
    seen = _look(pse, SapsTool())
    assert _said(seen) == [("PSE_UNREADABLE", "blocker")]
    assert "it is a folder" in file_findings(seen)[0].observed


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "sec").write_text("no folder")
    assert _said(_look(tmp_path / "sec" / "client.pse")) == [("PSE_UNREADABLE", "blocker")]


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        (base64.encodebytes, "it is base64 of a PSE", "decode it"),
        (lambda data: data + b"\n", "it is a PSE, with a line end behind it", "in binary mode"),
        (lambda data: data[:900], "it is a PSE that breaks off: 900 of its ", "download it again"),
        (lambda _: stores.jks(), "it is a Java key store", "as `truststore`"),
        (lambda _: b"<html>", "it is a web page in place of a download", "download the file itself"),
    ],
)
def test_a_damaged_pse_is_named_for_what_it_is(
    pse: Path, change: Callable[[bytes], bytes], what: str, remedy: str
) -> None:
    write_pse(pse, [ROOT])
    pse.write_bytes(change(pse.read_bytes()))
    (found,) = file_findings(_look(pse))
    assert (found.code, what in found.observed, remedy in found.fix) == ("PSE_UNREADABLE", True, True), found
    assert "new PSE" not in found.fix


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_a_pipe_is_not_waited_for(pse: Path) -> None:
    pse.parent.mkdir()
    os.mkfifo(pse)
    assert "it is no plain file" in file_findings(_look(pse))[0].observed


def test_a_file_that_may_not_be_read_is_told(pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pse(pse)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    seen = _look(pse, SapsTool())
    assert _said(seen) == [("PSE_UNREADABLE", "blocker")]
    assert "Permission denied" in file_findings(seen)[0].observed


@pytest.mark.parametrize("content", [b"", b"no PSE at all", plain_file()[:40]], ids=["empty", "no PSE", "truncated"])
@pytest.mark.parametrize("tool", [BundledTool({}), SapsTool()], ids=["bundled", "SAP's"])
def test_what_neither_file_nor_tool_understands_is_unreadable(pse: Path, content: bytes, tool: Any) -> None:
    pse.parent.mkdir()
    pse.write_bytes(content)
    seen = _look(pse, tool)
    assert _said(seen) == [("PSE_UNREADABLE", "blocker")]
    assert (seen.listing, seen.opens_without_pin) == (None, False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no PSE at all",
        ROOT.pem.encode(),
        ROOT.der,
        plain_file()[:-1],
        plain_file() + b"\n",
        base64.b64encode(plain_file()),
        b"PK\x03\x04",
    ],
    ids=["empty", "a text", "PEM", "a certificate", "truncated", "longer", "base64", "a zip"],
)
def test_what_is_known_to_be_something_else_is_no_pse_whatever_a_tool_lists(
    pse: Path, tmp_path: Path, content: bytes
) -> None:
    write_pse(tmp_path / "known.pse", [ROOT, ISSUING])
    pse.parent.mkdir()
    pse.write_bytes(content)
    seen = _look(pse, SapsTool(_listing_of(tmp_path / "known.pse")))
    assert _said(seen) == [("PSE_UNREADABLE", "blocker")]
    assert (seen.listing, seen.entries, seen.opens_without_pin) == (None, (), False)


def test_a_truncated_pse_is_unreadable_and_the_whole_one_is_not(pse: Path) -> None:
    content = write_pse(pse, [ROOT])
    assert _said(_look(pse)) == []
    pse.write_bytes(content[:-1])
    assert _said(_look(pse)) == [("PSE_UNREADABLE", "blocker")]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
def test_a_symbolic_link_is_read_through(pse: Path) -> None:
    write_pse(pse.with_name("real.pse"), [ROOT])
    pse.symlink_to("real.pse")
    assert _said(_look(pse)) == []
    pse.with_name("real.pse").unlink()
    assert _look(pse).condition.state is State.MISSING


# what our reader does not know and SAP's tool does


def _listing_of(other: Path) -> Callable[[Any, Answer], Answer]:
    """Answer every listing as if it were of another PSE."""
    return lambda arguments, answer: (
        BundledTool({}).run(("maintain_pk", "-p", str(other), "-x", "", "-l"), other.parent)
        if "-l" in arguments
        else answer
    )


def test_a_pse_that_only_the_tool_understands_is_judged_by_its_list_and_said_so(pse: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.pse"
    write_pse(known, [ROOT, ISSUING])
    pse.parent.mkdir()
    pse.write_bytes(closed_files()["legacy"].file)
    seen = _look(pse, SapsTool(_listing_of(known)))
    assert _said(seen) == [("PSE_UNREADABLE", "minor")]
    assert "/opt/sap/sapgenpse lists it; it is judged by that list alone" in file_findings(seen)[0].observed
    assert {each.sha256 for each in seen.entries} == {ROOT.sha256, ISSUING.sha256}
    assert {each.certificate for each in seen.entries} == {None}
    assert seen.opens_without_pin
    assert _said(_look(pse)) == [("PSE_UNREADABLE", "blocker")]


# PIN


def test_file_and_tool_agree_on_the_pin(pse: Path) -> None:
    write_pse(pse, [ROOT], pin=PIN)
    seen = _look(pse, SapsTool())
    assert _said(seen) == [("PSE_HAS_PIN", "blocker")]
    assert "is protected by a PIN, as /opt/sap/sapgenpse says, too" in file_findings(seen)[0].observed
    assert (seen.listing, seen.opens_without_pin) == (None, False)
    assert PIN not in message(file_findings(seen)[0])


def test_the_bundled_tool_is_the_same_reader_and_is_not_asked_about_the_pin(pse: Path) -> None:
    write_pse(pse, [ROOT], pin=PIN)
    seen = _look(pse)
    assert _said(seen) == [("PSE_HAS_PIN", "blocker")]
    assert "says" not in file_findings(seen)[0].observed


def test_a_pin_that_only_the_tool_asks_for_is_the_same_finding(pse: Path) -> None:
    write_pse(pse, [ROOT])
    wrong_pin = BundledTool({})
    protected = pse.with_name("protected.pse")
    write_pse(protected, [ROOT], pin=PIN)
    said = wrong_pin.run(("maintain_pk", "-p", str(protected), "-x", "", "-l"), pse.parent)
    seen = _look(pse, SapsTool(lambda _arguments, _answer: said))
    assert _said(seen) == [("PSE_HAS_PIN", "blocker")]
    assert "as /opt/sap/sapgenpse says; the file itself does not show it" in file_findings(seen)[0].observed
    assert "a separate client PSE without PIN" in file_findings(seen)[0].fix
    assert "cred_v2" not in file_findings(seen)[0].observed
    pse.with_name("cred_v2").write_bytes(b"0")
    seen = _look(pse, SapsTool(lambda _arguments, _answer: said))
    assert "the cred_v2 beside it" in file_findings(seen)[0].observed


def test_a_tool_that_opens_it_with_this_accounts_credentials_does_not_help_the_client(
    pse: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.pse"
    write_pse(known, [ROOT])
    write_pse(pse, [ROOT], pin=PIN)
    seen = _look(pse, SapsTool(_listing_of(known)))
    assert (_said(seen), seen.listing, seen.entries) == ([("PSE_HAS_PIN", "blocker")], None, ())


def test_a_broken_tool_adds_nothing_to_what_the_file_tells_of_its_pin(pse: Path) -> None:
    write_pse(pse, [ROOT], pin=PIN)
    assert _said(_look(pse, SapsTool(_fails()))) == [("PSE_HAS_PIN", "blocker")]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("theo-prd.pse", "a PSE that Theobald's products keep for SNC"),
        ("SAPSNCS.pse", "a PSE for SNC logon"),
        ("client.pse", ""),
    ],
)
def test_a_pse_that_is_meant_to_have_a_pin_is_named_as_such(pse: Path, name: str, says: str) -> None:
    named = pse.with_name(name)
    write_pse(named, pin=PIN)
    (found,) = file_findings(_look(named))
    assert says in found.observed
    assert ("by its name" in found.observed) == bool(says)
    assert found.fix.startswith("leave it, and name another file")


def test_credentials_beside_a_protected_pse_are_recognised_and_do_not_help(pse: Path) -> None:
    write_pse(pse, pin=PIN)
    assert "cred_v2" not in file_findings(_look(pse))[0].observed
    pse.with_name("cred_v2").write_bytes(b"0")
    assert "the cred_v2 beside it" in file_findings(_look(pse))[0].observed


# Local Protection Storage


def test_a_machine_bound_pse_is_minor_where_the_tool_lists_it_and_a_blocker_where_it_cannot(
    pse: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.pse"
    write_pse(known, [ROOT])
    pse.parent.mkdir()
    pse.write_bytes(closed_files()["machine-bound"].file)
    assert _said(_look(pse, SapsTool(_listing_of(known)))) == [("PSE_MACHINE_BOUND", "minor")]
    for tool in (SapsTool(_fails()), BundledTool({}), ToolMissing("there is none")):
        seen = _look(pse, tool)
        assert (_said(seen), seen.listing) == ([("PSE_MACHINE_BOUND", "blocker")], None)


# the tool


@pytest.mark.parametrize(
    ("tool", "code"),
    [(ToolMissing("not there", fix="install it"), "TOOL_MISSING"), (SapsTool(_fails()), "TOOL_FAILED")],
    ids=["missing", "failed"],
)
def test_a_tool_that_cannot_list_a_sound_pse_is_an_error(pse: Path, tool: Any, code: str) -> None:
    write_pse(pse, [ROOT])
    seen = _look(pse, tool)
    assert _said(seen) == [(code, "blocker")]
    assert file_findings(seen)[0].fix


def test_a_tool_that_lists_something_else_disagrees(pse: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pse"
    write_pse(other, [ISSUING])
    write_pse(pse, [ROOT])
    found = disagreement(_look(pse, SapsTool(_listing_of(other))))
    assert found is not None
    assert found.code == "PK_LIST_DISAGREES"
    assert "(1 and 1 differences)" in found.observed
    assert disagreement(_look(pse, SapsTool())) is None
    assert disagreement(_look(pse)) is None


def test_what_the_bundled_tool_wrote_is_unconfirmed_until_saps_lists_it(pse: Path) -> None:
    described = system("PRD", 443, pse)
    made, _, _ = _make([Contribution(described, (ROOT, ISSUING))])
    unseen = unconfirmed(made, described)
    assert unseen is not None
    assert (unseen.code, unseen.severity) == ("PSE_UNCONFIRMED", Severity.MINOR)
    assert f"{pse} was written by the bundled open implementation" in unseen.observed
    assert unconfirmed(_look(pse, SapsTool()), described) is None
    assert unconfirmed(made, replace(described, confirm=False)) is None
    pse.write_bytes(plain_file())
    assert unconfirmed(_look(pse), described) is None


# owner


@pytest.mark.parametrize(
    ("dn", "moment", "expected"),
    [
        (None, START, []),
        (DN, START, []),
        ("O=Firma, CN=CLIENT", START, []),
        ("CN=other, O=Firma", START, ["PSE_OWNER_DIFFERS"]),
        (DN, START + timedelta(days=4001), ["PSE_OWNER_EXPIRED"]),
    ],
)
def test_the_owner_is_compared_where_it_is_configured(
    pse: Path, dn: str | None, moment: Any, expected: list[str]
) -> None:
    write_pse(pse)
    found = condition_findings(pse_condition.look(pse), replace(system("PRD", 443, pse), dn=dn), moment)
    assert [each.code for each in found] == expected
    assert all(each.severity is Severity.MINOR for each in found)


def test_a_pse_without_an_owner_differs_from_any_that_is_configured(pse: Path) -> None:
    pse.parent.mkdir()
    pse.write_bytes(plain_file())
    keep_private(pse)
    seen = pse_condition.look(pse)
    assert [each.code for each in condition_findings(seen, system("PRD", 443, pse), START)] == ["PSE_OWNER_DIFFERS"]
    assert condition_findings(seen, replace(system("PRD", 443, pse), dn=None), START) == ()


def test_the_default_owner_is_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "erp client_1.example")
    assert default_owner() == "CN=erp-client-1.example"
    monkeypatch.setattr("socket.gethostname", lambda: "_")
    assert default_owner() == "CN=client"
    for length in (63, 64, 65):  # RFC 5280, appendix A: ub-common-name
        monkeypatch.setattr("socket.gethostname", lambda length=length: "x" * length)
        assert default_owner() == f"CN={'x' * min(length, 64)}"


# making


def test_a_pse_is_made_of_what_is_contributed_and_nothing_else(pse: Path) -> None:
    first, second = system("A", 1, pse), system("B", 2, pse)
    others = issuers(server("Second Root"))
    given = [
        Contribution(first, (ROOT, ISSUING)),
        Contribution(second, others),
        Contribution(replace(first, alias="C"), (), Reason("the chain of C is not verified", "mend it")),
    ]
    _, attempt, found = _make(given)
    assert (attempt.created, _said(found)) == (True, [("PSE_CREATED", "minor")])
    assert listed(pse) == {each.sha256 for each in (ROOT, ISSUING, *others)}
    if sys.platform != "win32":
        assert pse.stat().st_mode & 0o777 == 0o600
        assert pse.parent.stat().st_mode & 0o777 == 0o700


def test_every_reason_not_to_make_it_is_told(pse: Path) -> None:
    reasons = Reason("--read-only", "leave it out"), Reason("no answer", "wake it up")
    given = [Contribution(system(alias, 1, pse), (), reason) for alias, reason in zip("AB", reasons, strict=True)]
    _, _, found = _make(given)
    assert found[0].fix.startswith("leave it out; wake it up; or, where there is one elsewhere, correct `pse`")
    assert _said(found) == [("PSE_MISSING", "blocker")]
    assert found[0].observed.endswith("none was made: --read-only; no answer")
    assert not pse.parent.exists()


@pytest.mark.parametrize(
    ("tool", "code"), [(ToolFailed("no disk"), "TOOL_FAILED"), (SapsTool(_fails()), "TOOL_FAILED")]
)
def test_a_tool_that_makes_nothing_leaves_nothing(pse: Path, tool: Any, code: str) -> None:
    made, attempt, found = _make([Contribution(system("A", 1, pse), (ROOT,))], tool)
    assert (_said(found), attempt.created, made.is_there) == ([(code, "blocker")], False, False)
    assert not list(pse.parent.glob("*.pse"))


def test_a_folder_that_cannot_be_had_is_told(pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(*((windows, "make_folder", refuse) if sys.platform == "win32" else (Path, "mkdir", refuse)))
    _, attempt, found = _make([Contribution(system("A", 1, pse), (ROOT,))])
    assert (attempt.created, _said(found)) == (False, [("PSE_MISSING", "blocker")])
    assert "none could be made" in found[0].observed
    assert "Permission denied" in found[0].observed


def test_a_file_in_the_place_of_a_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "sec").write_text("no folder")
    pse = tmp_path / "sec" / "client.pse"
    made, attempt, found = _make([Contribution(system("A", 1, pse), (ROOT,))])
    assert (attempt.created, bool(attempt.failure)) == (False, True)
    assert _said(found) == [("PSE_UNREADABLE" if made.is_there else "PSE_MISSING", "blocker")]
    assert (tmp_path / "sec").read_text() == "no folder"


def test_other_pse_files_in_the_folder_are_named_once_one_is_made(pse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(pse.parent))
    write_pse(pse.with_name("other.pse"))
    write_pse(pse.with_name(".other.preflight-0123456789abcdef.pse"))
    _, _, found = _make([Contribution(system("A", 1, pse), (ROOT,))])
    assert found[0].observed.endswith("; other PSE files here: other.pse")


def test_pse_files_in_the_usual_places_are_named_with_their_paths(
    pse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECUDIR", str(tmp_path / "SECUDIR"))
    monkeypatch.setenv("LOCALAPPDATA" if sys.platform == "win32" else "HOME", str(tmp_path / "HOME"))
    usual = [tmp_path / "SECUDIR" / "a.pse", *(tmp_path / "HOME" / "sec" / f"{letter}.pse" for letter in "bcdef")]
    for each in usual:
        write_pse(each)
    _, _, found = _make([Contribution(system("A", 1, pse), (ROOT,))])
    named = ", ".join(map(str, usual[:5]))
    assert found[0].observed.endswith(f"; other PSE files here: {named} and 1 more")
    _, _, of_demo = _make([Contribution(replace(system("A", 1, pse.with_name("demo.pse")), confirm=False), (ROOT,))])
    assert of_demo[0].observed.endswith(f"; other PSE files here: {pse.name}")


# a database's clients: a PSE without an own key


@pytest.mark.parametrize("tool", [BundledTool({}), SapsTool()], ids=["bundled", "SAP's"])
def test_a_database_alone_gets_a_pse_without_an_own_key(pse: Path, tool: Any) -> None:
    database = system("HXE", 443, pse, serves="sql")
    made, attempt, said = _make([Contribution(database, (ISSUING, ROOT))], tool)
    assert attempt.created
    assert [each.code for each in said] == ["PSE_CREATED"]
    assert "sslCryptoProvider=commoncrypto" in said[0].fix
    assert made.condition.content is not None
    assert made.condition.content.owner is None
    assert {each.certificate for each in made.entries} == {ROOT, ISSUING}
    assert [each.name for each in pse.parent.iterdir() if each.suffix != ".lock"] == [pse.name]
    if isinstance(tool, SapsTool):
        (command, *_), *_ = tool.calls
        assert command == "gen_verify_pse"


def test_a_pse_that_rfc_clients_use_too_has_an_own_key(pse: Path) -> None:
    rfc = system("PRD", 443, pse)
    contributions = [Contribution(replace(rfc, serves="sql", dn=None), (ROOT,)), Contribution(rfc, (ISSUING,))]
    made, _, said = _make(contributions[::-1])
    assert made.condition.content is not None
    assert made.condition.content.owner is not None
    assert "TLS_CLIENT_PSE" in said[0].fix


def test_a_tool_that_does_not_list_what_the_new_pse_was_given_is_told(pse: Path) -> None:
    def forgets(arguments: Sequence[str], answer: Answer) -> Answer:
        if arguments[0] == "gen_verify_pse":
            path = Path(arguments[arguments.index("-p") + 1])
            path.unlink()
            return BundledTool({}).run(("gen_verify_pse", "-p", str(path), "-x", ""), path.parent)
        return answer

    database = system("HXE", 443, pse, serves="sql")
    _, attempt, said = _make([Contribution(database, (ROOT, ISSUING))], SapsTool(forgets))
    assert (attempt.created, [each.code for each in said]) == (False, ["TOOL_FAILED"])
    assert "does not list it afterwards" in said[0].observed
    assert not pse.exists()
