"""Asking again while the failure is one of the network, with growing pauses, for so long as somebody will wait.

The schedule is pure; the clock and the sleep of `ask_until` are its caller's.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from pse_preflight.checklist import Code
from pse_preflight.endpoint.model import Endpoint, FailedTry, Failure

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = range(500, 600)
_OF_THE_NETWORK = frozenset(
    {
        Code.HOST_UNKNOWN,
        Code.DNS_TIMEOUT,
        Code.PORT_REFUSED,
        Code.PORT_TIMEOUT,
        Code.PORT_UNREACHABLE,
        Code.TLS_TIMEOUT,
    }
)
"""The failures that may pass by themselves, however they came about."""

_CUT = frozenset({"reset", "timeout"})
"""How a connection ends that may hold the next time."""


def ask_until(
    ask: Callable[[], Endpoint],
    seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Endpoint:
    """Ask until the network lets the question through, or nobody waits any longer.

    Args:
        ask: asks once, within a deadline of its own.
        seconds: after so many no new try begins.

    Returns:
        what the last try showed, with the failures of those before.
    """
    begin = monotonic()
    earlier: list[FailedTry] = []
    while True:
        seen = ask()
        failure = passing_failure(seen)
        left = seconds - (monotonic() - begin)
        pause = next_pause(len(earlier), wanted_pause(seen), left) if failure else None
        if failure is None or pause is None:
            return replace(seen, earlier=tuple(earlier))
        earlier.append(FailedTry(seen.asked_at, failure))
        sleep(pause)


def passing_failure(seen: Endpoint) -> Code | None:
    """Return the failure that may pass by itself; None where asking again would show nothing else."""
    if seen.failure:
        return seen.failure.code if _may_pass(seen.failure) else None
    if seen.http_failure:
        cut = seen.http_failure.code is Code.HTTP_NO_ANSWER and seen.http_failure.ended in _CUT
        return seen.http_failure.code if cut else None
    status = seen.http.status if seen.http else None
    if status == _TOO_MANY_REQUESTS:
        return Code.HTTP_TOO_MANY_REQUESTS
    return Code.HTTP_SERVER_ERROR if status in _SERVER_ERRORS else None


def wanted_pause(seen: Endpoint) -> float:
    """Return the seconds that the server asks to be left in peace (Retry-After, RFC 9110, section 10.2.3)."""
    text = (seen.http.retry_after if seen.http else None) or ""
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0.0
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return max(0.0, (moment - seen.asked_at).total_seconds())


def next_pause(tries_before: int, wanted: float, left: float) -> float | None:
    """Return the seconds until the next try: 1, 2, 4 and so on up to 30, or as many as the server wants.

    Args:
        tries_before: how many pauses there have been.
        wanted: what the server asks for; it is never asked earlier.
        left: the seconds for which somebody will still wait; the last pause is cut to them, though not below the first.

    Returns:
        None where there is no time left for another try.
    """
    usual = min(FIRST_PAUSE_SECONDS * 2.0 ** min(tries_before, 10), LONGEST_PAUSE_SECONDS)
    if left < FIRST_PAUSE_SECONDS or wanted > left:
        return None
    return max(wanted, min(usual, left))


def _may_pass(failure: Failure) -> bool:
    if failure.code is Code.TLS_HANDSHAKE_FAILED:
        return failure.ended in _CUT
    if failure.code is Code.PROXY_REFUSED:
        return failure.status is None or failure.status == _TOO_MANY_REQUESTS or failure.status in _SERVER_ERRORS
    return failure.code in _OF_THE_NETWORK
