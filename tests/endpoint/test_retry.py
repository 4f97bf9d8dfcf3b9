"""Asking again: which failures may pass, how long the pauses are, and what is told of the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pse_preflight.checklist import Code
from pse_preflight.endpoint import retry
from pse_preflight.endpoint.model import Endpoint, FailedTry, Failure, HttpAnswer
from pse_preflight.endpoint.reading import findings_of
from pse_preflight.endpoint.retry import (
    LONGEST_PAUSE_SECONDS,
    ask_until,
    next_pause,
    passing_failure,
    wanted_pause,
)
from pse_preflight.plugin import MOST_RETRY_SECONDS
from tests.kit.servers import Connection, Talk, answering_like_abap, free_port, http_answer, serve_tls
from tests.kit.systems import codes, gather, issuers, roots_file, server, system, write_pse

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
GOOD = Endpoint("prd.example.com", 443, None, NOW, presented=(b"x",), tls_version="TLSv1.2", http=HttpAnswer(401))
SILENT = replace(GOOD, presented=(), tls_version=None, http=None)


def _failing(code: Code, **seen: object) -> Endpoint:
    return replace(SILENT, failure=Failure(code, **seen))  # type: ignore[arg-type] # each test names fields of Failure


PASSING = {
    "unknown host": (_failing(Code.HOST_UNKNOWN), Code.HOST_UNKNOWN),
    "silent DNS": (_failing(Code.DNS_TIMEOUT), Code.DNS_TIMEOUT),
    "refused": (_failing(Code.PORT_REFUSED), Code.PORT_REFUSED),
    "time-out": (_failing(Code.PORT_TIMEOUT), Code.PORT_TIMEOUT),
    "no route": (_failing(Code.PORT_UNREACHABLE), Code.PORT_UNREACHABLE),
    "TLS time-out": (_failing(Code.TLS_TIMEOUT), Code.TLS_TIMEOUT),
    "reset in TLS": (_failing(Code.TLS_HANDSHAKE_FAILED, ended="reset"), Code.TLS_HANDSHAKE_FAILED),
    "reset after TLS": (
        replace(GOOD, http=None, http_failure=Failure(Code.HTTP_NO_ANSWER, ended="reset")),
        Code.HTTP_NO_ANSWER,
    ),
    "429": (replace(GOOD, http=HttpAnswer(429)), Code.HTTP_TOO_MANY_REQUESTS),
    "503": (replace(GOOD, http=HttpAnswer(503)), Code.HTTP_SERVER_ERROR),
    "proxy hung up": (_failing(Code.PROXY_REFUSED, closed=True), Code.PROXY_REFUSED),
    "proxy 502": (_failing(Code.PROXY_REFUSED, status=502), Code.PROXY_REFUSED),
}
LASTING = {
    "good": GOOD,
    "404": replace(GOOD, http=HttpAnswer(404)),
    "logon page": replace(GOOD, http=HttpAnswer(200, looks_like_login_page=True)),
    "not TLS": _failing(Code.NOT_TLS),
    "alert": _failing(Code.TLS_HANDSHAKE_FAILED, ended="alert", alert=40),
    "old TLS": _failing(Code.TLS_TOO_OLD),
    "proxy 403": _failing(Code.PROXY_REFUSED, status=403),
    "proxy 407": _failing(Code.PROXY_WANTS_LOGIN),
    "client certificate": replace(GOOD, http=None, http_failure=Failure(Code.CLIENT_CERTIFICATE_WANTED)),
    "closed after TLS": replace(GOOD, http=None, http_failure=Failure(Code.HTTP_NO_ANSWER, ended="closed")),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_failure_of_the_network_may_pass(name: str) -> None:
    seen, code = PASSING[name]
    assert passing_failure(seen) is code


@pytest.mark.parametrize("name", LASTING)
def test_what_asking_again_would_not_change_is_not_asked_again(name: str) -> None:
    assert passing_failure(LASTING[name]) is None


def test_the_pauses_grow_and_stay_within_what_somebody_waits() -> None:
    assert [next_pause(tries, 0, 1000) for tries in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert next_pause(5, 0, 12.5) == 12.5
    assert next_pause(9, 0, 1) == 1
    assert next_pause(0, 0, 0.9) is None
    assert next_pause(0, 0, 0) is None
    assert next_pause(0, 0, -3) is None


def test_the_server_is_not_asked_before_it_wants_to_be() -> None:
    assert next_pause(0, 20, 60) == 20
    assert next_pause(5, 2, 60) == 30
    assert next_pause(0, 61, 60) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Tue, 01 Dec 2026 09:02:00 GMT", 120),
        ("Tue, 01 Dec 2026 08:00:00 GMT", 0),
        ("Tue, 01 Dec 2026 09:02:00 -0000", 120),
        ("soon", 0),
        ("-5", 0),
        ("\N{SUPERSCRIPT TWO}", 0),
        (None, 0),
        ("9" * 5000, 999_999_999),
    ],
)
def test_both_forms_of_retry_after_are_read(text: str | None, seconds: float) -> None:
    assert wanted_pause(replace(GOOD, http=HttpAnswer(503, retry_after=text))) == seconds


@dataclass
class Waiting:
    """A clock that only sleeping and asking move forward."""

    answers: Iterator[Endpoint]
    costs: float = 0.0
    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def ask(self) -> Endpoint:
        seen = replace(next(self.answers), asked_at=NOW + timedelta(seconds=self.now - 1000))
        self.now += self.costs
        return seen

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def until(self, seconds: float) -> Endpoint:
        return ask_until(self.ask, seconds, monotonic=lambda: self.now, sleep=self.sleep)


def _always(seen: Endpoint) -> Iterator[Endpoint]:
    while True:
        yield seen


def test_a_good_answer_is_taken_at_once() -> None:
    waiting = Waiting(iter([GOOD]))
    assert waiting.until(60).earlier == ()
    assert waiting.slept == []


def test_it_is_asked_again_until_it_answers() -> None:
    refused, busy = PASSING["refused"][0], PASSING["503"][0]
    waiting = Waiting(iter([refused, refused, busy, GOOD]))
    seen = waiting.until(60)
    assert waiting.slept == [1, 2, 4]
    assert [(each.code, (each.asked_at - NOW).total_seconds()) for each in seen.earlier] == [
        (Code.PORT_REFUSED, 0),
        (Code.PORT_REFUSED, 1),
        (Code.HTTP_SERVER_ERROR, 3),
    ]
    (told,) = [each.observed for each in findings_of(seen) if each.code is Code.ASKED_AGAIN]
    before = "before: PORT_REFUSED 2 times, HTTP_SERVER_ERROR once"
    assert told == f"prd.example.com:443 answers at try 4, 7 s after the first; {before}"


def test_a_lasting_failure_ends_it() -> None:
    waiting = Waiting(iter([PASSING["refused"][0], LASTING["old TLS"]]))
    assert waiting.until(60).failure == Failure(Code.TLS_TOO_OLD)
    assert waiting.slept == [1]


def test_after_so_many_seconds_no_try_begins() -> None:
    waiting = Waiting(_always(PASSING["time-out"][0]), costs=10)
    seen = waiting.until(45)
    assert waiting.slept == [1, 2, 4]
    assert (seen.asked_at - NOW).total_seconds() == 37
    assert [each.observed for each in findings_of(seen) if each.code is Code.ASKED_AGAIN] == [
        "prd.example.com:443 still fails at try 4, 37 s after the first; before: PORT_TIMEOUT 3 times"
    ]


@given(st.floats(0, MOST_RETRY_SECONDS), st.floats(0, 30), st.integers(0, 100))
def test_nobody_waits_longer_than_was_said(seconds: float, costs: float, wanted: int) -> None:
    waiting = Waiting(_always(replace(GOOD, http=HttpAnswer(503, retry_after=str(wanted)))), costs=costs)
    seen = waiting.until(seconds)
    assert (seen.asked_at - NOW).total_seconds() <= seconds + 0.001
    assert all(wanted <= each <= max(wanted, LONGEST_PAUSE_SECONDS) for each in waiting.slept)


def test_a_recording_tells_the_way_too() -> None:
    seen = replace(GOOD, earlier=(FailedTry(NOW - timedelta(seconds=9), Code.DNS_TIMEOUT),))
    assert [each.code for each in findings_of(seen)] == [Code.ASKED_AGAIN]


def _busy_once() -> Talk:
    """Answer the first request with 503, and the others as an ABAP system does."""
    busy = iter([http_answer("503 Service Unavailable", "Retry-After: 0")])

    def talk(connection: Connection) -> None:
        answer = next(busy, None)
        if answer is None:
            answering_like_abap()(connection)
        else:
            connection.request()
            connection.send(answer)

    return talk


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first pause be none that a test would notice."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.001)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("seconds", "found"), [(20.0, {"ASKED_AGAIN"}), (0.0, {"HTTP_SERVER_ERROR"})])
def test_a_run_asks_again_only_if_it_is_told_to(tmp_path: Path, seconds: float, found: set[str]) -> None:
    identity = server()
    pse = tmp_path / "sec" / "client.pse"
    write_pse(pse, issuers(identity))
    roots = roots_file(tmp_path, identity.issuers[-1])
    with serve_tls(identity, talk=_busy_once()) as served:
        (evidence,) = gather(system("PRD", served.port, pse, roots=roots), folder=tmp_path, retry=seconds)
    assert codes(evidence) & {"ASKED_AGAIN", "HTTP_SERVER_ERROR"} == found
    assert evidence.live is not None
    assert evidence.live.succeeded


@pytest.mark.usefixtures("hurried")
def test_a_run_that_asks_in_vain_says_so(tmp_path: Path) -> None:
    pse = tmp_path / "client.pse"
    (evidence,) = gather(system("PRD", free_port(), pse, roots="mozilla"), folder=tmp_path, retry=0.05)
    assert codes(evidence) >= {"PORT_REFUSED", "ASKED_AGAIN"}
