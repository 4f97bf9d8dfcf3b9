from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import certifi
import pytest

from pse_preflight.certificate import Certificate, CertificateUnreadable, fingerprint, read_pem, write_pem
from pse_preflight.chain.roots import Roots, RootsUnreadable, listed_roots, named_roots, pinned_roots, said_of
from pse_preflight.demo.authority import root_authority

START = datetime(2026, 1, 1, tzinfo=UTC)


def _root(name: str) -> Certificate:
    return Certificate.of(root_authority(name, START, 100).certificate)


def test_mozilla_is_certifi() -> None:
    roots = named_roots("mozilla")
    blocks = Path(certifi.where()).read_text(encoding="utf-8").count("BEGIN CERTIFICATE")
    assert len(roots.certificates) == blocks > 100
    assert roots.name.startswith("Mozilla's list (certifi ")
    assert not roots.explicit


def test_the_roots_of_the_system_can_be_read() -> None:
    assert named_roots("system").name == "this system's own roots"


def test_a_file_of_roots_is_meant_as_written(tmp_path: Path) -> None:
    first, second = _root("A"), _root("B")
    file = tmp_path / "roots.pem"
    file.write_text(write_pem([first, second]), encoding="utf-8")
    assert named_roots(str(file)).certificates == (first, second)
    assert named_roots(str(file)).explicit


def test_any_certificate_anchors_that_is_pinned_or_listed_and_only_roots_of_a_file_and_of_public_lists(
    tmp_path: Path,
) -> None:
    """Named one by one, from the PSE, and any may anchor."""
    root = _root("A")
    file = tmp_path / "roots.pem"
    file.write_text(write_pem([root]), encoding="utf-8")
    for roots, said in (
        (named_roots("mozilla"), (False, False, False)),
        (named_roots("system"), (False, False, False)),
        (named_roots(str(file)), (True, False, False)),
        (pinned_roots([root.sha256], [root]), (True, False, True)),
        (listed_roots([root], tmp_path / "client.pse"), (False, True, True)),
    ):
        assert (roots.explicit, roots.from_pse, roots.partial) == said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
        (None, "cannot be read: "),
    ],
)
def test_a_file_without_roots_is_told(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RootsUnreadable, match=says):
        named_roots(str(file))


def test_pins_choose_among_what_is_at_hand() -> None:
    first, second = _root("A"), _root("B")
    assert pinned_roots([second.sha256], [first, second]).certificates == (second,)
    assert pinned_roots(["00" * 32], [first, second]).certificates == ()


@pytest.mark.parametrize("text", ["SHA256:" + "AB" * 32, ":".join(["ab"] * 32), "ab" * 32, " ab" * 32])
def test_fingerprints_are_read_as_people_write_them(text: str) -> None:
    assert fingerprint(text) == "ab" * 32


@pytest.mark.parametrize("text", ["", "sha256:", "ab" * 31, "ab" * 33, "zz" * 32, "sha1:" + "ab" * 32])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256 fingerprint"):
        fingerprint(text)


def test_a_certificate_says_what_people_know_it_by() -> None:
    root = _root("Demo Root")
    assert root.label == f'"Demo Root" (sha256 {root.sha256[:12]}, until 2026-04-11)'
    assert (root.issuer_name, root.is_self_issued) == ("Demo Root", True)
    assert root == Certificate.read(root.der)
    assert len({root, Certificate.read(root.der), _root("Demo Root")}) == 2
    assert (root.is_valid_at(START), root.is_valid_at(datetime(2027, 1, 1, tzinfo=UTC))) == (True, False)


def test_pem_goes_there_and_back() -> None:
    root = _root("Ünïcode")
    assert read_pem(write_pem([root]).encode()) == (root,)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"no certificate"])
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        Certificate.read(der)


def test_roots_of_the_pse_itself_and_damaged_ones_are_told() -> None:
    own, file = Roots((_root("A"),), "the list", from_pse=True), Roots((_root("A"),), "the file")
    assert said_of(file, "host") == ()
    assert said_of(Roots((), "the list", from_pse=True), "host") == ()
    assert [each.code for each in said_of(own, "host")] == ["ROOTS_FROM_PSE"]
    for damaged, words in (
        (("line 1",), "the file is used without line 1"),
        (("line 1", "line 2"), "the file is used without line 1; and 1 more"),
        (("line 1", "line 2", "line 3"), "the file is used without line 1; and 2 more"),
    ):
        (found,) = said_of(replace(file, damaged=damaged), "host")
        assert (found.code, found.observed) == ("ROOTS_FILE_DAMAGED", words)
