"""Which files `opengenpse maintain_pk -a` and `-m`, and `gen_verify_pse -a`, take."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pse_preflight.certificate import write_pem
from pse_preflight.pse import file
from pse_preflight.sapgenpse import bundled
from tests.kit.odd_certificates import long_name, odd_root
from tests.kit.pse_mutations import SALT
from tests.kit.systems import write_pse

START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = (odd_root(long_name(f"{name} {'x' * 70}"), START) for name in ("First", "Second"))
ZERO = odd_root(long_name("Zero"), START, serial=0)
ALL = {FIRST.sha256, SECOND.sha256, ZERO.sha256}
PEM = write_pem([FIRST, SECOND, ZERO])

FORMS: dict[str, Callable[[], bytes]] = {
    "PEM": PEM.encode,
    "UTF-16": lambda: PEM.encode("utf-16"),
    "PKCS#7": lambda: pkcs7.serialize_certificates([each.parsed for each in (FIRST, SECOND, ZERO)], Encoding.DER),
    "PKCS#7, PEM": lambda: pkcs7.serialize_certificates([each.parsed for each in (FIRST, SECOND, ZERO)], Encoding.PEM),
    "PSE": lambda: file.new(None, None, [FIRST, SECOND, ZERO], time=START, salt=SALT).encode(),
}
ADDING = {
    "maintain_pk -a": ("maintain_pk", "-a"),
    "maintain_pk -m": ("maintain_pk", "-y", "-m"),
    "gen_verify_pse -a": ("gen_verify_pse", "-x", "", "-a"),
}


def _run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = bundled.run(
        arguments, environ={"SECUDIR": str(folder)}, stdin=io.StringIO(), stdout=out, stderr=err, windows=False
    )
    return code, out.getvalue(), err.getvalue()


def _add(folder: Path, content: bytes, command: tuple[str, ...]) -> tuple[int, str, set[str]]:
    """Let a command add a file of certificates; return its exit code, its words and what is listed then."""
    pse, given = folder / "client.pse", folder / "größe.cer"
    if command[0] == "maintain_pk":
        write_pse(pse)
    given.write_bytes(content)
    code, _, err = _run(folder, *command, str(given), "-p", "client.pse")
    return code, err, {each.sha256 or "" for each in file.read(pse.read_bytes()).trusted} if pse.exists() else set()


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("command", ADDING.values(), ids=ADDING)
def test_every_form_is_added(tmp_path: Path, make: Callable[[], bytes], command: tuple[str, ...]) -> None:
    assert _add(tmp_path, make(), command) == (0, "", ALL)


@pytest.mark.parametrize("command", ADDING.values(), ids=ADDING)
def test_what_is_damaged_is_named_and_the_others_are_added(tmp_path: Path, command: tuple[str, ...]) -> None:
    damaged = FIRST.pem + SECOND.pem.replace("MII", "M*I", 1) + ZERO.pem
    code, err, listed = _add(tmp_path, damaged.encode(), command)
    line = 1 + len(FIRST.pem.splitlines())
    assert (code, listed) == (0, {FIRST.sha256, ZERO.sha256})
    assert err.startswith(f'certificate file "{tmp_path / "größe.cer"}": left out, certificate 2 (line {line}): ')
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ADDING.values(), ids=ADDING)
@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (FIRST.der[:-7], "breaks off: 7 of its")])
def test_what_holds_none_changes_nothing(tmp_path: Path, command: tuple[str, ...], content: bytes, reason: str) -> None:
    code, err, listed = _add(tmp_path, content, command)
    assert (code, listed) == (1, set())
    assert f'"{tmp_path / "größe.cer"}" does not exist or is no certificate' in err
    assert reason in err


def test_a_missing_file_is_told_in_the_words_of_the_system(tmp_path: Path) -> None:
    write_pse(tmp_path / "client.pse")
    code, _, err = _run(tmp_path, "maintain_pk", "-a", "none.pem", "-p", "client.pse")
    assert code == 1
    with pytest.raises(FileNotFoundError) as missing:
        Path("none.pem").read_bytes()
    assert err.endswith(f'"none.pem" does not exist or is no certificate ({missing.value.strerror})\n')


def test_what_was_added_is_listed_with_its_whole_name(tmp_path: Path) -> None:
    assert _add(tmp_path, FORMS["PEM"](), ADDING["maintain_pk -a"])[0] == 0
    code, out, err = _run(tmp_path, "maintain_pk", "-l", "-p", "client.pse")
    assert (code, err) == (0, "")
    assert f"First {'x' * 70}" in out


def test_the_odd_ones_are_odd() -> None:
    assert all(len(each.name) > 64 for each in (FIRST, SECOND))
    assert ZERO.serial_number == 0
