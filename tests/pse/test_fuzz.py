"""Broken files: whatever is wrong with a PSE, the reader says so with one of its own errors, quickly.

The long version, and how to run it: benchmarks/pse_fuzz.py.
"""

import time
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest

from pse_preflight.pse import file as pse_file
from tests.kit import pse_mutations
from tests.kit.pse_mutations import INTEGER, SEQUENCE, SET, tlv

pytestmark = pytest.mark.filterwarnings("ignore")

FILES = 3000
MOST_SECONDS = 0.1
MOST_BYTES = 50 * 1024 * 1024


@pytest.mark.parametrize("kind", pse_mutations.variants())
def test_every_kind_to_start_from_is_sound(kind: str) -> None:
    variant = pse_mutations.variants()[kind]
    assert pse_mutations.exercise(variant.file, variant.pin) == "read"


@pytest.mark.parametrize(("kind", "outcome"), [("legacy", "LegacyPse"), ("machine-bound", "MachineBoundPse")])
def test_every_closed_kind_is_recognised(kind: str, outcome: str) -> None:
    closed = pse_mutations.closed_files()[kind]
    assert pse_mutations.exercise(closed.file, closed.pin) == outcome


@pytest.fixture(scope="module")
def outcomes() -> Counter[tuple[str, str]]:
    """Count how often each kind ended how; a file that ends in a foreign error fails here with its number."""
    found: Counter[tuple[str, str]] = Counter()
    for number in range(FILES):
        kind, data, pin = pse_mutations.broken(number)
        began = time.process_time()
        try:
            outcome = pse_mutations.exercise(data, pin)
        except Exception as error:
            raise AssertionError(f"file number {number}, from {kind}: {data.hex()}") from error
        assert time.process_time() - began < MOST_SECONDS, f"file number {number}, from {kind}, is slow"
        found[kind, outcome] += 1
    return found


@pytest.mark.long
def test_broken_files_end_in_our_own_errors(outcomes: Counter[tuple[str, str]]) -> None:
    known = {
        "read",
        "NotAPse",
        "DamagedPse",
        "UnknownEncoding",
        "PinNeeded",
        "WrongPin",
        "MachineBoundPse",
        "LegacyPse",
    }
    assert {outcome for _, outcome in outcomes} <= known


@pytest.mark.long
def test_every_kind_was_broken_and_some_of_it_was_still_read(outcomes: Counter[tuple[str, str]]) -> None:
    for kind in pse_mutations.variants():
        assert outcomes[kind, "read"] > 0
        assert outcomes[kind, "DamagedPse"] > 0


@pytest.mark.long
def test_broken_files_need_little_room() -> None:
    tracemalloc.start()
    try:
        for number in range(200):
            kind, data, pin = pse_mutations.broken(number)
            tracemalloc.reset_peak()
            pse_mutations.exercise(data, pin)
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES, f"file number {number}, from {kind}"
    finally:
        tracemalloc.stop()


MILLIONS = 5_000_000
BOMBS: dict[str, Callable[[], bytes]] = {
    "nothing but nulls": lambda: pse_mutations.plain_file(b"\x05\x00" * MILLIONS),
    "a list of nulls": lambda: pse_mutations.plain_file(
        pse_mutations.stored_object("PKList", pse_mutations.LIST_OID, tlv(SET, b"\x05\x00" * MILLIONS))
    ),
    "a huge version": lambda: tlv(SEQUENCE, tlv(INTEGER, b"\x7f" * MILLIONS), tlv(SEQUENCE, b"")),
    "a huge mode": lambda: tlv(SEQUENCE, b"\x02\x01\x04", tlv(0xA3, tlv(INTEGER, b"\x7f" * MILLIONS))),
    "sequences in sequences": lambda: b"\x30\x84\x00\xff\xff\xff" * 100_000,
    "sequences without an end": lambda: b"\x30\x80" * MILLIONS,
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_large_file_made_to_exhaust_the_reader(what: str) -> None:
    data = BOMBS[what]()
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(pse_file.PseError):
            pse_file.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES
    assert time.process_time() - began < 1
