"""SAP's list in every form in which somebody may give it, and everything that is no such list."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.chain import sap_roots_file
from pse_preflight.chain.sap_roots import SapRoots
from pse_preflight.chain.sap_roots_file import read_table, sap_roots, written
from pse_preflight.errors import UsageProblem
from tests.kit.places import SAMPLES
from tests.kit.saps_lists import MADE, new_root, pse_bytes, public_roots, write_folder, zip_bytes

NEW = new_root()
NEWER = (*public_roots(), NEW)
DAY = MADE.date()

Give = Callable[[Path, tuple[Certificate, ...], datetime], Path]


def _as_pse(folder: Path, roots: tuple[Certificate, ...], made: datetime) -> Path:
    (folder / "required.pse").write_bytes(pse_bytes(roots, made))
    return folder / "required.pse"


def _as_folder(folder: Path, roots: tuple[Certificate, ...], made: datetime) -> Path:
    return write_folder(folder / "Ablage für SAP & Co", roots, made)


def _as_pem(folder: Path, roots: tuple[Certificate, ...], made: datetime) -> Path:
    file = folder / "required.pem"
    file.write_text(write_pem(roots), encoding="utf-8")
    os.utime(file, (made.timestamp(), made.timestamp()))
    return file


def _as_zip(folder: Path, roots: tuple[Certificate, ...], made: datetime) -> Path:
    members = {f"{number}.pem": write_pem([each]).encode() for number, each in enumerate(roots)}
    (folder / "list.zip").write_bytes(zip_bytes(members, made))
    return folder / "list.zip"


def _as_whole_publication(folder: Path, roots: tuple[Certificate, ...], made: datetime) -> Path:
    """As SAP's repository lies there: two lists side by side, each in several forms."""
    top = "btp-trust-store-4.0.0"
    members = {
        f"{top}/README.md": b"both lists",
        f"{top}/optional/pem/other.pem": write_pem([new_root("Approved and not required")]).encode(),
        f"{top}/optional/pse/optional.pse": pse_bytes([new_root("Approved and not required")], made),
        f"{top}/required/java/required.jks": b"\xfe\xed\xfe\xed",
        f"{top}/required/pse/required.pse": pse_bytes(roots, made),
        **{f"{top}/required/pem/{n}.pem": write_pem([each]).encode() for n, each in enumerate(roots)},
    }
    (folder / "publication.zip").write_bytes(zip_bytes(members, made))
    return folder / "publication.zip"


FORMS = [_as_pse, _as_folder, _as_pem, _as_zip, _as_whole_publication]


def _names(known: SapRoots) -> set[str]:
    return {each.name for each in known.used.required}


@pytest.mark.parametrize("give", FORMS)
def test_a_newer_list_is_used_whatever_form_it_has(give: Give, tmp_path: Path) -> None:
    known = sap_roots(give(tmp_path, NEWER, MADE))
    assert known.is_newer
    assert _names(known) == {each.name for each in NEWER}
    assert known.told.endswith("is newer than the list that comes along (3.0.0, 2026-06-03), and used")
    assert set(known.certificates) == set(NEWER)
    added = known.used.root(NEW.sha256)
    assert added is not None
    assert added.since is not None
    assert added.since.day == DAY
    gone = next(each for each in known.used.roots if each.name == "ISRG Root YR")
    assert gone.left is not None
    assert gone.left.day == DAY


@pytest.mark.parametrize("give", FORMS)
def test_an_older_list_is_told_and_the_newer_one_is_used(give: Give, tmp_path: Path) -> None:
    known = sap_roots(give(tmp_path, NEWER, datetime(2025, 1, 1, 8, tzinfo=UTC)))
    assert not known.is_newer
    assert known.used == read_table()
    assert "(2025-01-01) is older than the list that comes along (3.0.0, 2026-06-03)" in known.told


def test_what_is_known_of_a_root_is_kept_when_a_newer_list_names_it(tmp_path: Path) -> None:
    shipped, newer = read_table(), sap_roots(_as_pse(tmp_path, NEWER, MADE)).used
    for each in public_roots():
        assert newer.root(each.sha256) == shipped.root(each.sha256)


def test_without_any_the_one_that_comes_along_is_used_and_nothing_is_told() -> None:
    assert (sap_roots().used, sap_roots().told) == (read_table(), "")


def test_a_table_goes_there_and_back(tmp_path: Path) -> None:
    for number, table in enumerate((read_table(), sap_roots(_as_pse(tmp_path, NEWER, MADE)).used)):
        file = tmp_path / f"table-{number}.yaml"
        file.write_text(written(table), encoding="utf-8")
        assert read_table(file) == table
        kept = yaml.safe_load(file.read_text(encoding="utf-8"))["roots"]
        assert {each["name"] for each in kept if each.get("private")} == {
            each.name for each in table.roots if each.private
        }
        assert len({each.private for each in table.roots}) == 2
    assert sap_roots(file).is_newer
    assert _names(sap_roots(file)) == {each.name for each in NEWER}


def test_a_table_of_changes_alone_changes_nothing_of_saps_list(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        f"""
dated: 2026-11-01
roots:
  - {{name: DigiCert Global Root G2, sha256: {"ab" * 32}}}
  - {{name: New, sha256: {"cd" * 32}}}
changes:
  - {{hosts: [localhost], root: DigiCert Global Root G2, successors: [New], date: 2026-12-01, source: our own}}
""",
        encoding="utf-8",
    )
    known = sap_roots(file)
    assert known.used.required == read_table().required
    assert known.told == f"{file} announces 1 change of roots"
    (change,) = known.used.changes_of("localhost", "ab" * 32)
    assert (change.sha256, change.date) == ("cd" * 32, date(2026, 12, 1))
    genuine = known.used.root(public_roots()[0].sha256)
    assert genuine is not None


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.pse", b"", "is empty"),
        ("text.pem", b"hello", "holds no certificate"),
        ("cut.pse", pse_bytes(NEWER)[:-40], "as a PSE it is"),
        ("own.pse", pse_bytes(NEWER, own_key=True), "has a key of its own, so it is a client's PSE"),
        ("none.pse", pse_bytes([]), "whose certificate list is empty"),
        ("few.pem", write_pem(public_roots()[:2]).encode(), "holds 2 of the 10 roots that SAP requires"),
        ("strange.pem", write_pem([NEW]).encode(), "holds 0 of the 10 roots that SAP requires"),
        (
            "many.pem",
            write_pem([*public_roots(), *(new_root(f"Approved {n}") for n in range(30))]).encode(),
            "more than SAP requires",
        ),
        ("damaged.pem", write_pem(NEWER).encode().replace(b"MII", b"MI?", 1), "is damaged: certificate 1"),
        ("page.pem", b"<!DOCTYPE html><html>", "is a web page"),
        ("empty.zip", zip_bytes({}), "holds no certificate"),
        ("other.zip", zip_bytes({"README.md": b"x"}), "holds no certificate"),
        ("bad.zip", zip_bytes({"a.pem": write_pem(NEWER).encode()})[:-30], "is a zip that cannot be read"),
        ("damaged.zip", zip_bytes({"a.pem": b"hello"}), "a.pem: holds no certificate"),
        ("large.zip", zip_bytes({"a.pem": b" " * (2 << 20)}), "is too large for a certificate"),
        ("bomb.zip", zip_bytes({f"{n}.pem": b" " * (1 << 20) for n in range(20)}), "unpacks to more than 16 MiB"),
        ("other.yaml", b"systems: {}", "is no table of roots: dated: is missing"),
        ("bad.yaml", b"roots: [", "is no YAML"),
        ("large.yaml", b"#" * ((1 << 20) + 1), "is larger than 1 MiB, so it is no table of roots"),
        ("not-so-large.yaml", b"#" * (1 << 20), "is no table of roots: dated: is missing"),
        ("large.pse", b"0" * ((16 << 20) + 1), "is larger than 16 MiB, so it is no list of roots"),
    ],
)
def test_what_is_no_list_of_saps_is_told_in_one_line(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UsageProblem) as caught:
        sap_roots(file)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_an_intermediate_among_the_roots_is_no_list_of_roots(tmp_path: Path) -> None:
    from tests.kit.systems import path, server

    _, issuing, _ = path(server())
    with pytest.raises(UsageProblem, match="which is no root, so it is no list of roots"):
        sap_roots(_as_pem(tmp_path, (*NEWER, issuing), MADE))


def test_an_empty_folder_and_a_place_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageProblem, match="holds no certificate"):
        sap_roots(tmp_path / "empty")
    with pytest.raises(UsageProblem, match="cannot be read: No such file"):
        sap_roots(tmp_path / "nowhere")


def test_a_zip_of_too_many_files_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "many.zip").write_bytes(zip_bytes({f"{n}.pem": b"" for n in range(501)}))
    with pytest.raises(UsageProblem, match="holds more than 500 files"):
        sap_roots(tmp_path / "many.zip")


def test_a_folder_of_too_many_files_is_refused_whatever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sap_roots_file, "_MOST_LOOKED_AT", 5)
    for number in range(4):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(UsageProblem, match="holds no certificate"):
        sap_roots(tmp_path)
    (tmp_path / "4.txt").touch()
    with pytest.raises(UsageProblem, match="holds more than 4 files"):
        sap_roots(tmp_path)


@pytest.mark.parametrize(
    ("sample", "release", "count"),
    [("required-2024-02-13.pse", "1.0.0, 2024-02-13", 10), ("required-2024-05-03.pse", "1.3.0, 2024-05-03", 11)],
)
def test_the_lists_that_sap_has_published_are_known_by_their_roots(sample: str, release: str, count: int) -> None:
    file = SAMPLES / "pse" / "sap-trust-list" / sample
    if not file.exists():
        pytest.skip(f"no samples at {SAMPLES} (PREFLIGHT_SAMPLES names another place)")
    known = sap_roots(file)
    assert known.given is not None
    assert len(known.given.required) == count
    assert f"({release}) is older than" in known.told
    assert known.used == read_table()


def test_the_list_of_all_that_sap_approves_is_not_taken_for_the_required_one() -> None:
    file = SAMPLES / "pse" / "sap-trust-list" / "optional-2024-02-13.pse"
    if not file.exists():
        pytest.skip(f"no samples at {SAMPLES} (PREFLIGHT_SAMPLES names another place)")
    with pytest.raises(UsageProblem, match="holds 55 roots, more than SAP requires"):
        sap_roots(file)


@pytest.mark.parametrize("known", [0, 1, -1])
def test_a_list_that_knows_less_than_half_of_saps_roots_is_something_else(known: int, tmp_path: Path) -> None:
    required = len(read_table().required)
    enough = (required + 1) // 2
    assert len(public_roots()) >= enough
    roots = public_roots()[: enough + known]
    if known < 0:
        with pytest.raises(UsageProblem, match=f"holds {len(roots)} of the {required} roots that SAP requires"):
            sap_roots(_as_pem(tmp_path, roots, MADE))
    else:
        assert _names(sap_roots(_as_pem(tmp_path, roots, MADE))) == {each.name for each in roots}


def test_a_list_shows_no_certificates(tmp_path: Path) -> None:
    known = sap_roots(_as_pem(tmp_path, NEWER, MADE))
    assert known.certificates
    assert known.used.roots
    assert "Certificate(" not in repr(known)
