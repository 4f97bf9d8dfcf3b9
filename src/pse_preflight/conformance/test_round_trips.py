"""What this build of sapgenpse makes we can read, what we make it lists, and what it says is understood.

A red test here means that this build answers in a way that the toolkit does not know; the record tells how.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.conformance.record import PIN, Recorded
from pse_preflight.pse import file, name
from pse_preflight.sapgenpse import tool
from pse_preflight.sapgenpse.output import Listing
from pse_preflight.sapgenpse.tool import Answer, PinRefused, ToolError

OWNER = "CN=conformance.example, O=Example, C=DE"
Authorities = tuple[Certificate, ...]

_BRIEFLY = 5.0


def test_version(talk: Recorded) -> None:
    told = tool.version(talk, talk.folder)
    talk.note(f"version of the program: {told.program or 'unknown'}, of the library: {told.library or 'unknown'}")


def test_what_it_makes_we_read(talk: Recorded, pse: Path) -> None:
    assert tool.create_pse(talk, pse, OWNER, []).entries == (), "a new PSE lists certificates"
    found = file.read(pse.read_bytes())
    assert not found.trusted
    assert found.owner is not None
    assert name.same(found.owner.parsed.subject, name.parse(OWNER))
    owner = tool.owner(talk, pse)
    assert (owner.not_before, owner.not_after) == (found.owner.not_before, found.owner.not_after)
    assert not tool.has_pin(talk, pse)


def test_what_it_adds_it_lists_and_we_read(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    for count in range(1, len(authorities) + 1):
        given = authorities[:count]
        listing = tool.create_pse(talk, pse, OWNER, given) if count == 1 else tool.add_certificates(talk, pse, given)
        _is_exactly(listing, given)
        assert {each.sha256 for each in file.read(pse.read_bytes()).trusted} == {each.sha256 for each in given}
        talk.note(f"list of {count}: SHA-256 lines {'are' if listing.has_fingerprints else 'are not'} printed")


def _is_exactly(listing: Listing, certificates: Iterable[Certificate]) -> None:
    """Require that these are listed, and nothing else."""
    expected = tuple(certificates)
    assert all(listing.find(each) for each in expected), "something is missing in the list"
    assert len(listing.entries) == len(expected), "something else is in the list"


def test_what_we_make_it_lists(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    _write_ours(pse, authorities, talk)
    _is_exactly(tool.list_certificates(talk, pse), authorities)
    assert tool.owner(talk, pse).subject
    assert not tool.has_pin(talk, pse)


def _write_ours(pse: Path, certificates: Iterable[Certificate], talk: Recorded, pin: str | None = None) -> None:
    """Write a PSE with the bundled reader and writer of files; the program under test gives the owner."""
    source = pse.with_name(f"source-of-{pse.name}")
    tool.create_pse(talk, source, OWNER, [])
    pse.write_bytes(file.read(source.read_bytes()).with_trusted(certificates, now()).encode(pin))
    pse.chmod(0o600)


def test_a_pin_made_by_it(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    talk.ask("gen_pse", "-p", str(pse), "-noreq", "-x", PIN, OWNER)
    _has_the_pin(talk, pse)
    talk.ask("maintain_pk", "-p", str(pse), "-x", PIN, "-a", str(_chain_file(talk.folder, authorities[:1])))
    assert [each.sha256 for each in file.read(pse.read_bytes(), PIN).trusted] == [authorities[0].sha256]


def test_a_pin_made_by_us(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    _write_ours(pse, authorities, talk, PIN)
    _has_the_pin(talk, pse)
    with_pin = talk.ask("maintain_pk", "-p", str(pse), "-x", PIN, "-l")
    assert "Conformance Root" in with_pin.text, "it cannot open a PSE with the PIN that we set"


def _has_the_pin(talk: Recorded, pse: Path) -> None:
    assert tool.has_pin(talk, pse), "it does not say that the PIN is wrong"
    with pytest.raises(PinRefused):
        tool.list_certificates(talk, pse)
    assert file.read(pse.read_bytes(), PIN).has_pin


def test_no_pse(talk: Recorded, pse: Path) -> None:
    with pytest.raises(ToolError):
        tool.list_certificates(talk, pse)


def test_no_certificate_file(talk: Recorded, pse: Path) -> None:
    tool.create_pse(talk, pse, OWNER, [])
    answer = talk.ask("maintain_pk", "-p", str(pse), "-x", "", "-a", str(talk.folder / "missing.pem"))
    talk.note(f"a certificate file that is missing ends with exit code {answer.code}")
    assert tool.list_certificates(talk, pse).entries == ()


def test_a_certificate_twice(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    tool.create_pse(talk, pse, OWNER, authorities[:1])
    answer = talk.ask("maintain_pk", "-p", str(pse), "-x", "", "-a", str(_chain_file(talk.folder, authorities[:1])))
    talk.note(f"a duplicate ends with exit code {answer.code}")
    _is_exactly(tool.add_certificates(talk, pse, authorities[:1]), authorities[:1])


@pytest.mark.parametrize("options", [("-a",), ("-m",), ("-y", "-m")], ids=" ".join)
def test_a_file_of_two_certificates(
    talk: Recorded, pse: Path, authorities: Authorities, options: tuple[str, ...]
) -> None:
    """Note what is added: it is not known, so that nothing may depend on it."""
    tool.create_pse(talk, pse, OWNER, [])
    chain = str(_chain_file(talk.folder, authorities))
    answer = talk.ask_briefly(_BRIEFLY, "maintain_pk", "-p", str(pse), "-x", "", *options, chain)
    listed = tool.list_certificates(talk, pse)
    talk.note(f"{' '.join(options)} with two certificates in one file adds {len(listed.entries)}, {_ending(answer)}")
    assert all(any(entry.is_of(each) for each in authorities) for entry in listed.entries)


def _ending(answer: Answer | None) -> str:
    return "and waits for ever" if answer is None else f"exit code {answer.code}"


def _chain_file(folder: Path, certificates: Iterable[Certificate]) -> Path:
    path = folder / "chain.pem"
    path.write_text(write_pem(certificates), encoding="ascii")
    return path


def test_a_pse_that_stands(talk: Recorded, pse: Path) -> None:
    """Note whether it is overwritten: it is not known, so that the toolkit never asks for it."""
    tool.create_pse(talk, pse, OWNER, [])
    before = pse.read_bytes()
    answer = talk.ask_briefly(_BRIEFLY, "gen_pse", "-p", str(pse), "-noreq", "-x", "", "CN=another")
    kept = "kept" if pse.read_bytes() == before else "overwritten"
    talk.note(f"a PSE that stands is {kept} by gen_pse, {_ending(answer)}")
    tool.list_certificates(talk, pse)


def test_a_damaged_pse(talk: Recorded, pse: Path) -> None:
    pse.write_bytes(b"\x30\x03\x02\x01\x02")
    with pytest.raises(ToolError):
        tool.list_certificates(talk, pse)


def test_deleting_by_number(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    tool.create_pse(talk, pse, OWNER, authorities)
    before = tool.list_certificates(talk, pse).entries
    talk.ask_briefly(_BRIEFLY, "maintain_pk", "-p", str(pse), "-x", "", "-d", "1")
    after = tool.list_certificates(talk, pse).entries
    gone = [position for position, entry in enumerate(before) if entry not in after]
    talk.note(f"-d 1 removes the entries at {gone}, where the first of the list is 0")


def test_questions_without_an_answer(talk: Recorded, pse: Path) -> None:
    answer = talk.ask_briefly(_BRIEFLY, "gen_pse", "-p", str(pse), "-noreq", OWNER)
    talk.note(f"gen_pse without -x and without input: {_ending(answer)}")


def test_streams(talk: Recorded, pse: Path, authorities: Authorities) -> None:
    tool.create_pse(talk, pse, OWNER, authorities)
    for arguments in (("maintain_pk", "-l"), ("get_my_name", "-v")):
        talk.note_streams(*arguments, "-p", str(pse), "-x", "")


def test_other_answers(talk: Recorded, pse: Path) -> None:
    tool.create_pse(talk, pse, OWNER, [])
    for arguments in (("get_my_name", "-n", "validity"), ("get_my_name", "-v"), ("export_own_cert",)):
        talk.ask_briefly(_BRIEFLY, *arguments, "-p", str(pse), "-x", "")
    talk.ask_briefly(_BRIEFLY, "gen_pse", "-v", "-noreq", "-p", str(pse.with_suffix(".told.pse")), "-x", "", OWNER)
    talk.ask_briefly(_BRIEFLY, "gen_verify_pse", "-p", str(pse.with_suffix(".verify.pse")), "-x", "")
