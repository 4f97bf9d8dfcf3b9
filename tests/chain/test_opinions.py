"""What the findings say of OpenSSL is true of the openssl program."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pse_preflight.certificate import readable
from pse_preflight.chain.judge import judge_chain
from pse_preflight.findings import Finding
from tests.kit import openssl
from tests.kit.faulty_chains import KINDS, Built, Kind, built

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVERY = 15
"""One in so many is asked about in the first tier."""

TAKES = re.compile("OpenSSL (and this toolkit's verifier )?takes?\\b|OpenSSL do not count")
REFUSES = re.compile("OpenSSL( from 3.2 on)?( and [^;]+)? refuses?\\b")

pytestmark = openssl.NEEDED


def _made(kind: Kind) -> Built:
    return built((kind,), NOW, kind.kinds[0], kind.least)


def _opinion(found: Finding) -> bool | None:
    """Return whether OpenSSL takes it, as the finding says; nothing where it does not say."""
    text = f"{found.observed}; {found.detail}"
    takes, refuses = bool(TAKES.search(text)), bool(REFUSES.search(text))
    assert not (takes and refuses), text
    return takes if takes or refuses else None


def _spoken_of(kinds: Iterable[Kind]) -> list[Kind]:
    judged = ((kind, judge_chain(_made(kind).question()).findings[:1]) for kind in kinds)
    return [kind for kind, found in judged if found and _opinion(found[0]) is not None]


def _check(kind: Kind, folder: Path) -> None:
    """Ask OpenSSL about the whole chain, as strictly as its clients are by default from 3.2 on."""
    made = _made(kind)
    found = judge_chain(made.question()).findings[0]
    sent = readable(made.presented)
    accepted = openssl.accepts(sent, made.roots, NOW, folder, "-auth_level", "2")
    assert accepted is _opinion(found), f"{kind}: {found.observed}; {found.detail}"


@pytest.mark.parametrize(
    ("kinds", "least"), [(KINDS[::EVERY], 3), pytest.param(KINDS, 60, marks=pytest.mark.long)], ids=["some", "all"]
)
def test_openssl_is_as_it_is_said_to_be(kinds: list[Kind], least: int, tmp_path: Path) -> None:
    spoken_of = _spoken_of(kinds)
    assert len(spoken_of) > least
    for kind in spoken_of:
        _check(kind, tmp_path)


def test_openssl_takes_a_chain_in_which_nothing_is_wrong(tmp_path: Path) -> None:
    made = built((), NOW, "rsa", 2)
    assert openssl.accepts(readable(made.presented), made.roots, NOW, tmp_path, "-auth_level", "2")
