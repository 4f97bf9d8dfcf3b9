"""The lies that nothing else could show, by the names under which SECURITY.md lists them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from tests.kit.places import CHECKOUT

Place = tuple[str, ...]
"""Where a value stands among what was observed: the names of the fields that lead to it."""


@dataclass(frozen=True)
class Lie:
    """A part of what was observed that is observed once.

    Attributes:
        name: as SECURITY.md calls it.
        places: where what is lied about stands.
        codes: what a run would have said, and does not.
    """

    name: str
    places: tuple[str, ...]
    codes: frozenset[str]


UNSHOWN = (
    Lie(
        "the access rights of the PSE, as the operating system tells them",
        ("pse", "pse.condition", "pse.condition.mode", "pse.condition.rights", "pse.condition.access_list"),
        frozenset({"PSE_WRITABLE_BY_OTHERS", "PSE_READABLE_BY_OTHERS"}),
    ),
    Lie(
        "the PSE itself, where its file and the tool tell the same false story",
        ("pse",),
        frozenset(
            {
                "PK_LIST_EMPTY",
                "ROOT_NOT_IN_PSE",
                "PSE_HOLDS_INTERMEDIATE_ONLY",
                "PSE_HOLDS_SERVER_CERT_ONLY",
                "PSE_HAS_PIN",
                "PSE_MACHINE_BOUND",
                "PSE_UNREADABLE",
                "PK_LIST_DISAGREES",
                "PK_LIST_NOT_COMPARABLE",
                "TOOL_MISSING",
                "TOOL_FAILED",
                "TOOL_TIMEOUT",
                "ROOT_UNTRUSTED",
            }
        ),
    ),
    Lie(
        "the list of a PSE that the tool alone can open",
        ("pse.listing", "pse.listing.entries", "pse.condition", "pse.condition.content"),
        frozenset({"PSE_UNREADABLE", "PSE_MACHINE_BOUND", "PK_LIST_NOT_COMPARABLE"}),
    ),
    Lie(
        "what a trust store holds, which has one reader",
        ("pse", "pse.listing", "pse.listing.entries"),
        frozenset({"PSE_MISSING", "PK_LIST_EMPTY"}),
    ),
    Lie(
        "a tool that lists what the file holds and does something else with it",
        ("pse.listing", "pse.listing.entries"),
        frozenset({"PK_LIST_DISAGREES"}),
    ),
    Lie(
        "the refusal of the second handshake where everything else fits",
        ("live", "live.accepted"),
        frozenset({"HANDSHAKE_REFUSED"}),
    ),
    Lie(
        "what the server says of itself beside its chain: versions, status, Date",
        (
            "endpoint",
            "endpoint.http",
            "endpoint.http.status",
            "endpoint.tls_12",
            "endpoint.date_offset_seconds",
        ),
        frozenset({"HTTP_NO_ANSWER", "CLIENT_CERTIFICATE_WANTED", "HTTP_SERVER_ERROR", "CLOCK_SKEW", "TLS_13_ONLY"}),
    ),
    Lie(
        "an intermediate that the server does not send to others, where the PSE holds it",
        ("endpoint", "endpoint.presented"),
        frozenset({"SERVER_OMITS_INTERMEDIATE"}),
    ),
    Lie(
        "what other addresses of the host show",
        ("addresses",),
        frozenset({"ADDRESSES_DIFFER", "CERTIFICATE_EXPIRED"}),
    ),
    Lie(
        "the certificate with which the client logs on",
        ("client", "client.own_certificate"),
        frozenset(
            f"CLIENT_CERTIFICATE_{each}"
            for each in ("MISSING", "ENDED", "ENDS_SOON", "SELF_SIGNED", "INCOMPLETE", "UNSUITABLE")
        ),
    ),
    Lie(
        "the client's own side: its account, its connections, sapnwrfc.ini, the library",
        ("client",),
        frozenset({"WRONG_HOST"})
        | frozenset(f"CLIENT_{each}" for each in ("ACCESS_UNKNOWN", "ACCOUNT_UNKNOWN"))
        | frozenset(
            f"CLIENT_INI_{each}"
            for each in (
                "UNREADABLE",
                "NO_DEST",
                "HOST_HAS_SCHEME",
                "HOST_NOT_ALONE",
                "DIFFERS",
                "TRUSTS_ALL",
                "USER_NOT_ALIAS",
            )
        )
        | frozenset({"CONNECTIONS_UNREADABLE"})
        | frozenset(f"CONNECTION_{each}" for each in ("DIFFERS", "HOST_NOT_ALONE", "USER_NOT_ALIAS"))
        | frozenset({"CLIENT_INI_DEST_TWICE", "PSE_UNREADABLE_FOR_ACCOUNT", "PSE_PATH_IS_PERSONAL"})
        | frozenset(
            f"CRYPTO_LIBRARY_{each}"
            for each in (
                "MISSING",
                "NO_LIBRARY",
                "BITS",
                "NOT_JUDGED",
                "PATH_RELATIVE",
                "UNREADABLE_FOR_ACCOUNT",
            )
        ),
    ),
    Lie(
        "that a repair was done, or that the files about it were written",
        ("attempt", "attempt.wanted", "unwritten"),
        frozenset({"PSE_NOT_REPAIRED", "EVIDENCE_NOT_WRITTEN"}),
    ),
    Lie(
        "this machine's clock, where the server sends no Date",
        ("clock",),
        frozenset(),
    ),
    Lie(
        "a recording that was rewritten as a whole",
        ("recording",),
        frozenset(),
    ),
)


def named_in_security() -> list[str]:
    """Return the names that SECURITY.md lists."""
    text = (CHECKOUT / "SECURITY.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- lies -->\n")
    lines = rest.partition("<!-- end -->")[0].splitlines()
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        elif line.startswith("  ") and items:
            items[-1] = f"{items[-1]} {line.strip()}"
    return [each.partition(" (")[0].rstrip(".") for each in items]


def differing(bad: Any, good: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every place at which two observations differ, from the whole part to its smallest field, with the good."""
    if type(bad) is type(good) and bad == good:
        return
    if place:
        yield place, good
    if is_dataclass(bad) and type(bad) is type(good):
        for each in fields(bad):
            if each.init:
                yield from differing(getattr(bad, each.name), getattr(good, each.name), (*place, each.name))


def put(value: Any, place: Place, new: Any) -> Any:
    """Return the value with another one at this place."""
    return replace(value, **{place[0]: put(getattr(value, place[0]), place[1:], new)}) if place else new
