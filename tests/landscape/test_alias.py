"""What a system may be called, so that its name is a folder's on every operating system."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pse_preflight.landscape import alias


@pytest.mark.parametrize(
    "name", ["PRD", "a", "x" * 64, "s4.example.com_8443", "-x", "..x", "con1", "xcon", "com", "lpt10"]
)
def test_an_alias(name: str) -> None:
    assert alias.problem(name) == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "letters, digits"),
        ("x" * 65, "at most 64"),
        ("a b", "letters, digits"),
        ("a/b", "letters, digits"),
        ("größe", "letters, digits"),
        ("PRD\n", "letters, digits"),
        ("\uff11", "letters, digits"),
        ("demo", "a meaning of their own"),
        ("ALL", "a meaning of their own"),
        (".", "does not end in a dot"),
        ("..", "does not end in a dot"),
        ("x.", "does not end in a dot"),
        ("con", "Windows reserves"),
        ("Aux.txt", "Windows reserves"),
        ("nul", "Windows reserves"),
        ("PRN.tar.gz", "Windows reserves"),
        ("com1", "Windows reserves"),
        ("LPT9.prod", "Windows reserves"),
        ("result.json", "of the toolkit's own"),
        ("Demo-Authority", "of the toolkit's own"),
    ],
)
def test_no_alias(name: str, says: str) -> None:
    assert says in alias.problem(name)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("s4.example.com", None, "s4.example.com"),
        ("s4.example.com", 8443, "s4.example.com_8443"),
        ("::1", 443, "__1_443"),
        ("con.example.com", None, "_con.example.com"),
        ("nul", 8443, "nul_8443"),
        ("demo", None, "_demo"),
        (f"{'a' * 63}.b", None, "a" * 63),
    ],
)
def test_a_url_gives_one_that_is_allowed(host: str, port: int | None, expected: str) -> None:
    assert alias.of_host(host, port) == expected


@given(st.from_regex(re.compile(r"[a-z0-9.:_-]{1,80}", re.ASCII), fullmatch=True), st.none() | st.integers(1, 65535))
def test_every_host_gives_one(host: str, port: int | None) -> None:
    made = alias.of_host(host, port)
    assert alias.problem(made) == "" or not host.strip(".")
