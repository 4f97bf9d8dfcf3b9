"""`serves: sql`: a database that speaks TLS and no HTTP, and the PSE of its clients, as a user runs it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pse_preflight.pse import file as pse_file
from tests.kit.files import keep_private
from tests.kit.places import CHECKOUT
from tests.kit.pse_mutations import SALT, START
from tests.kit.servers import Connection, Server, serve_tls
from tests.run.test_end_to_end import Site

NOT_OF_A_DATABASE = ("test_url_answers_https", "test_clock_agrees_with_the_server", "test_websocket_rfc_answers")
OF_THE_SITE = ["CN=Site Root, O=pse-preflight", "CN=Site Issuing, O=pse-preflight"]


def speaks_sql(connection: Connection) -> None:
    """Wait, as SAP HANA does, for a first message of SQL; whatever comes is kept."""
    connection.server.requests.append(connection.until_the_end())


@pytest.fixture
def site(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("HOME", str(pytester.path))
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT / "src"))
    with ExitStack() as stack:
        yield Site(pytester, stack)


def _database(site: Site) -> Server:
    return site.stack.enter_context(serve_tls(site.identity(), talk=speaks_sql))


def _findings(site: Site) -> list[dict[str, str]]:
    told = json.loads((site.path / ".pse-preflight" / "result.json").read_text(encoding="utf-8"))
    found: list[dict[str, str]] = told["systems"][0]["facts"]["findings"]
    return found


def _pse(site: Site) -> Path:
    return site.path / "sec" / "sapcli.pse"


def test_a_database_gets_the_pse_of_its_clients_and_is_green(site: Site) -> None:
    server = _database(site)
    site.describe(server.port, serves="sql", dn="CN=passed over")
    ended = site.run()
    assert [name for name, (kind, _) in ended.items() if kind in {"failure", "error"}] == []
    made = pse_file.read(_pse(site).read_bytes())
    assert (made.owner, [each.subject for each in made.trusted]) == (None, OF_THE_SITE)
    skipped = {name.partition("[")[0]: why for name, (kind, why) in ended.items() if kind == "skipped"}
    assert {each: skipped[each][:11] for each in NOT_OF_A_DATABASE} == dict.fromkeys(NOT_OF_A_DATABASE, "serves: sql")
    assert "test_handshake_with_the_pse_alone" not in skipped
    assert server.connections == 2
    assert set(server.requests) == {b""}
    assert "OK (PSE created, not yet confirmed by SAP's tool)" in site.output
    assert "Not checked: user and password, SAP's own TLS library." in site.output
    told = {each["code"]: each for each in _findings(site)}
    assert f"SECUDIR={_pse(site).parent} and sslCryptoProvider=commoncrypto" in told["PSE_CREATED"]["fix"]
    assert "sapcli.pse was written by the bundled open implementation" in told["PSE_UNCONFIRMED"]["observed"]
    assert told.keys() - {"URL_UNUSUAL"} == {"PSE_CREATED", "PSE_UNCONFIRMED"}  # the port is whichever is free


def test_what_an_rfc_client_would_say_is_not_said_of_a_database(site: Site) -> None:
    site.describe(_database(site).port, serves="sql", create="false")
    (missing,) = site.red().values()
    assert missing.startswith("PSE_MISSING")
    assert "\nlater: -10709: Connection failed (RTE:[300010] Cannot create SSL context)\n" in missing
    laters = {each["later"] for each in _findings(site)}
    assert not [each for each in laters if "RFC" in each or "SSSLERR" in each]


def test_a_database_that_the_pse_does_not_trust_is_red_in_hanas_words(site: Site) -> None:
    pse = _pse(site)
    pse.parent.mkdir(0o700)
    pse.write_bytes(pse_file.new(None, None, [], time=START, salt=SALT).encode(None))
    keep_private(pse)
    site.describe(_database(site).port, serves="sql")
    (empty,) = site.red().values()
    assert empty.startswith("PK_LIST_EMPTY")
    assert "\nlater: -10709: Connection failed (RTE:[300015] SSL certificate validation failed)\n" in empty
