"""Does the URL lead to the system?"""

import re

import pytest

from pse_preflight.checklist import Code
from pse_preflight.endpoint.model import Endpoint
from pse_preflight.landscape.system import System
from pse_preflight.landscape.url import ApiUrl
from pse_preflight.verdict.proof import Holds

pytestmark = pytest.mark.url

FIVE_MINUTES = 300
PORT_OF_AN_OWN_DATABASE = re.compile("3[0-9]{2}(13|15|[4-9][0-9])")
HTTP_PORT, HTTPS_PORT, SERVER_ERROR, TOO_MANY_REQUESTS = 80, 443, 500, 429
AN_URL_WITHOUT_MORE = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)*\.*(:443)?")
TENANTS_IN_DOCUMENTATION = {"my123456", "my1234567", "my000000"}
DOMAINS_IN_DOCUMENTATION = (".example", ".example.com", ".example.net", ".example.org", ".test", ".invalid")


def test_url_names_the_api_host(system: System, holds: Holds) -> None:
    """The URL is https and names the API host, not the one for people."""
    url, written = system.url, system.url_as_written
    holds(url.askable and url.port != HTTP_PORT, unless=Code.URL_NOT_HTTPS)
    holds("@" not in written, unless=Code.URL_HAS_CREDENTIALS)
    usual = is_a_database(url) if system.serves == "sql" else url.is_sap_cloud and is_named_like_an_api(url.host)
    holds(usual, unless=(Code.URL_UI_HOST, Code.URL_UNUSUAL))
    holds(not is_from_documentation(url.host), unless=Code.URL_PLACEHOLDER)
    bare = written.lower().removesuffix(f":{url.port}") if system.serves == "sql" else written.lower()
    holds(AN_URL_WITHOUT_MORE.fullmatch(bare), unless=Code.URL_UNUSUAL)


def is_named_like_an_api(host: str) -> bool:
    """Tell whether it is `my…-api` of S/4HANA Cloud, or `….abap` of the ABAP environment."""
    name, _, domain = host.partition(".")
    return name.endswith("-api") or domain.startswith("abap.")


def is_a_database(url: ApiUrl) -> bool:
    """Tell whether it is one of SAP HANA Cloud at its port, or a name of one's own at a port of SAP HANA."""
    if url.host.endswith(".hanacloud.ondemand.com"):
        return url.port == HTTPS_PORT
    return not url.is_sap_cloud and PORT_OF_AN_OWN_DATABASE.fullmatch(str(url.port)) is not None


def is_from_documentation(host: str) -> bool:
    """Tell whether nobody's system can have this name."""
    tenant = host.partition(".")[0].removesuffix("-api")
    return tenant in TENANTS_IN_DOCUMENTATION or f".{host}".endswith(DOMAINS_IN_DOCUMENTATION)


@pytest.mark.network
def test_host_name_resolves(endpoint: Endpoint, holds: Holds) -> None:
    """The host, or the proxy where one is used, has an address."""
    holds(endpoint.addresses)


@pytest.mark.network
def test_port_accepts_connections(endpoint: Endpoint, holds: Holds) -> None:
    """The port accepts a connection, directly or through the proxy."""
    holds(endpoint.address)


@pytest.mark.network
def test_url_answers_https(endpoint: Endpoint, holds: Holds) -> None:
    """An HTTP answer comes over TLS; a refusal for want of a logon is one."""
    answer = endpoint.http
    status = answer.status if answer else 0
    holds(answer, unless=(Code.HTTP_NO_ANSWER, Code.CLIENT_CERTIFICATE_WANTED))
    holds(status < SERVER_ERROR, unless=Code.HTTP_SERVER_ERROR)
    holds(status != TOO_MANY_REQUESTS, unless=Code.HTTP_TOO_MANY_REQUESTS)
    holds(answer is None or not answer.looks_like_login_page, unless=Code.HTTP_LOGIN_PAGE)
    holds(not endpoint.earlier, unless=Code.ASKED_AGAIN)


@pytest.mark.network
def test_clock_agrees_with_the_server(endpoint: Endpoint, holds: Holds) -> None:
    """This machine's clock and the server's are at most five minutes apart."""
    apart = endpoint.date_offset_seconds
    holds(apart is not None and -FIVE_MINUTES <= apart <= FIVE_MINUTES, unless=Code.CLOCK_SKEW)
