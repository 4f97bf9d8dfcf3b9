"""What a recording says of the run that made it."""

import getpass

import pytest

from pse_preflight.recording.format import running_account


def test_an_account_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert running_account() == getpass.getuser()

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert running_account() == "unknown"
