"""What is said where a pinned root is not at hand."""

from datetime import UTC, datetime

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain import causes
from pse_preflight.chain.gap import Gap
from pse_preflight.chain.pins import not_compared
from tests.kit.chains import World

WORLD = World(datetime(2026, 11, 1, 12, tzinfo=UTC))
SERVER = WORLD.server(WORLD.authority(WORLD.root()))
LEAF, ISSUING, _ = map(Certificate.of, (SERVER.certificate, *SERVER.issuers))
PINS = "`pinned`"


@pytest.mark.parametrize(
    ("unseen", "which"),
    [
        (("ab" * 32,), f"sha256:{'ab' * 32}"),
        (("ab" * 32, "cd" * 32), f"sha256:{'ab' * 32} (or one of 1 more)"),
        (("ab" * 32, "cd" * 32, "ef" * 32), f"sha256:{'ab' * 32} (or one of 2 more)"),
    ],
)
def test_the_file_to_get_and_its_fingerprint_are_told(unseen: tuple[str, ...], which: str) -> None:
    get = (
        f'get the file of "Root" from your PKI people, compare its fingerprint with {which}, and name the file under'
        " `roots:` in systems.yaml, in place of `pinned`"
    )
    unknown = not_compared(causes.root_unknown((LEAF, ISSUING), (), PINS), (LEAF, ISSUING), unseen, PINS)
    assert unknown.observed == (
        '"Root", which signed "Intermediate", cannot be compared with `pinned`: the server does not send it'
        f" (sha256 {ISSUING.sha256[:12]}, until {ISSUING.not_after:%Y-%m-%d})"
    )
    assert unknown.fix == get
    omitted = causes.intermediate_missing(Gap(ISSUING), (LEAF, ISSUING), PINS)
    assert f"that root is not in {PINS}" in omitted.detail
    found = not_compared(omitted, (LEAF, ISSUING), unseen, PINS)
    assert found.observed == (
        f'{omitted.observed}; if "Root" is itself a root, it cannot be compared with `pinned`, since it is not sent'
    )
    assert found.fix == f'{omitted.fix}; or, if "Root" is the root that is pinned, {get}'
    assert found.detail == "; ".join(each for each in omitted.detail.split("; ") if "that root is not in" not in each)
    assert found.detail


def test_where_every_pin_was_seen_nothing_else_is_said() -> None:
    found = causes.root_unknown((LEAF, ISSUING), (), PINS)
    assert not_compared(found, (LEAF, ISSUING), (), PINS) == found
