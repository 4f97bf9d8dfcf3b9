"""cred_v2: which PSEs it keeps PINs for, and nothing of the PINs."""

import pytest

from pse_preflight.errors import PreflightError
from pse_preflight.pse import name
from pse_preflight.pse.credentials import Credential, are_credentials, read_credentials
from pse_preflight.pse.errors import DamagedPse, UnknownEncoding
from tests.kit.pse_mutations import INTEGER, SEQUENCE, tlv

SECRET = tlv(0x03, b"\0", b"encrypted PIN")


def plain(owner: bytes, path: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(0x16, owner), tlv(0x16), tlv(0x16, path), tlv(0x16), SECRET)


def bound(owner: bytes, path: str) -> bytes:
    return tlv(SEQUENCE, tlv(INTEGER, b"\x02"), owner, tlv(0x0C, path.encode()), SECRET)


PLAIN = plain(b"CN=client, O=Firma", b"/usr/sap/sec/SAPSSLC.pse")
BOUND = bound(name.parse("CN=J\xfcrgen, C=DE").public_bytes(), "C:\\sec\\\xfc.pse")
BOTH = tlv(SEQUENCE, PLAIN, BOUND)


def test_both_forms_are_read() -> None:
    assert read_credentials(BOTH) == (
        Credential("CN=client, O=Firma", "/usr/sap/sec/SAPSSLC.pse", machine_bound=False),
        Credential("CN=J\xfcrgen, C=DE", "C:\\sec\\\xfc.pse", machine_bound=True),
    )
    assert are_credentials(BOTH)


def test_a_file_without_entries_has_none() -> None:
    assert read_credentials(b"\x30\x00") == ()
    assert not are_credentials(b"\x30\x00")


def test_other_letters_are_read_too() -> None:
    (entry,) = read_credentials(tlv(SEQUENCE, plain(b"CN=J\xfcrgen", b"/sec/x.pse")))
    assert entry.owner == "CN=J\xfcrgen"


def test_a_name_that_cannot_be_read_is_shown_by_its_bytes() -> None:
    (entry,) = read_credentials(tlv(SEQUENCE, bound(tlv(SEQUENCE, b"\x05\x00"), "x.pse")))
    assert entry.owner == "#30020500"


@pytest.mark.parametrize("entry", [tlv(SEQUENCE), tlv(SEQUENCE, SECRET), b"\x05\x00", tlv(SEQUENCE, PLAIN)])
def test_another_form_is_named_and_nothing_is_guessed(entry: bytes) -> None:
    with pytest.raises(UnknownEncoding):
        read_credentials(tlv(SEQUENCE, PLAIN, entry))
    assert not are_credentials(tlv(SEQUENCE, entry))


@pytest.mark.parametrize(("fields", "error"), [(8, UnknownEncoding), (9, DamagedPse)])
def test_so_many_fields_at_most_are_looked_at(fields: int, error: type[PreflightError]) -> None:
    with pytest.raises(error):
        read_credentials(tlv(SEQUENCE, tlv(SEQUENCE, *[SECRET] * fields)))


def test_a_file_that_breaks_off_or_goes_on_is_damaged() -> None:
    for length in range(len(BOTH)):
        with pytest.raises((DamagedPse, UnknownEncoding)):
            read_credentials(BOTH[:length])
    with pytest.raises(DamagedPse, match="2 bytes too many") as damage:
        read_credentials(BOTH + b"\r\n")
    assert damage.value.offset == len(BOTH)
    with pytest.raises(DamagedPse, match="damaged at offset 0: no SEQUENCE of credentials"):
        read_credentials(b"\x31" + BOTH[1:])


def test_every_flipped_byte_is_read_or_refused() -> None:
    for at in range(len(BOTH)):
        flipped = bytearray(BOTH)
        flipped[at] ^= 0xFF
        try:
            read_credentials(bytes(flipped))
        except PreflightError as error:
            assert str(error)  # noqa: PT017 - either outcome is right, a foreign error is not


def test_nothing_of_the_pin_is_kept() -> None:
    assert "encrypted" not in repr(read_credentials(BOTH))
