import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pse_preflight.checklist import Severity
from pse_preflight.findings import message
from pse_preflight.landscape.url import ApiUrl, Proxy, UrlUnreadable, parse_proxy, read_url, redacted

API = "my401122-api.s4hana.cloud.sap"
API_HOSTS = [
    API,
    "my401122-api.s4hana.ondemand.com",
    "my4011223-api.s4hana.ondemand.com",
    "my401122-api.lab.s4hana.cloud.sap",
    "my401122-api.s4hana.sapcloud.cn",
    "7a1b.abap.eu10.hana.ondemand.com",
    "7a1b.abap.hana.ondemand.com",
    "7a1b-c2.abap.stagingaws.hanavlab.ondemand.com",
    "my300123-api.scmibp.ondemand.com",
    "my3001234-api.scmibp1.ondemand.com",
    "7a1b.abap.cn40.platform.sapcloud.cn",
]
DATABASE = "7a1b-c2d3.hna0.prod-eu10.hanacloud.ondemand.com"
IDENTITY = [
    "a1b2c3.accounts.ondemand.com",
    "a1b2c3.accounts400.ondemand.com",
    "a1b2c3.accounts.cloud.sap",
    "a1b2c3.accounts.sapcloud.cn",
]


def codes(text: str) -> list[str]:
    return [each.code for each in read_url(text)[1]]


def told(text: str) -> str:
    return "\n".join(message(each) for each in read_url(text)[1])


@pytest.mark.parametrize("host", API_HOSTS)
def test_api_hosts_of_saps_cloud_are_good(host: str) -> None:
    assert read_url(f"https://{host}") == (ApiUrl(host, 443), ())
    assert read_url(host)[0].is_sap_cloud


@pytest.mark.parametrize(
    "text",
    [
        API,
        f"https://{API}",
        f"https://{API}/",
        f"HTTPS://{API.upper()}:443",
        f"{API}:443",
        f"  {API}. \n",
        f"https:\\\\{API}\\",
        f"//{API}",
        f"https:/{API}",
        f"\ufeff{API}\u200b",
    ],
)
def test_spellings_of_one_url_are_the_same(text: str) -> None:
    assert read_url(text) == (ApiUrl(API, 443), ())


@pytest.mark.parametrize(
    ("host", "api_host"),
    [
        ("my401122.s4hana.cloud.sap", API),
        ("my401122-adm.s4hana.cloud.sap", API),
        ("my401122.lab.s4hana.cloud.sap", "my401122-api.lab.s4hana.cloud.sap"),
        ("my4011223.s4hana.ondemand.com", "my4011223-api.s4hana.ondemand.com"),
        ("my401122.s4hana.sapcloud.cn", "my401122-api.s4hana.sapcloud.cn"),
        ("7a1b.abap-web.eu10.hana.ondemand.com", "7a1b.abap.eu10.hana.ondemand.com"),
        ("7a1b.abap-support.hana.ondemand.com", "7a1b.abap.hana.ondemand.com"),
        ("7a1b.abap-provider-web.x.hanavlab.ondemand.com", "7a1b.abap.x.hanavlab.ondemand.com"),
        ("7a1b.abap-web.cn40.platform.sapcloud.cn", "7a1b.abap.cn40.platform.sapcloud.cn"),
        ("my300123.scmibp.ondemand.com", "my300123-api.scmibp.ondemand.com"),
        ("my300123.scmibp1.ondemand.com", "my300123-api.scmibp1.ondemand.com"),
    ],
)
def test_the_host_for_people_is_told_with_the_right_one(host: str, api_host: str) -> None:
    url, (found,) = read_url(f"https://{host}")
    assert url == ApiUrl(host, 443)
    assert (found.code, found.severity) == ("URL_UI_HOST", Severity.BLOCKER)
    assert found.fix == f"use https://{api_host}"


def test_a_suggested_host_needs_no_suggestion() -> None:
    assert codes("https://my401122.s4hana.cloud.sap") == ["URL_UI_HOST"]
    assert codes(f"https://{API}") == []


@pytest.mark.parametrize(
    "text", [f"http://{API}", f"ws://{API}", f"https://{API}:80", f"http://{API}:443", f"{API}:80"]
)
def test_plain_http_is_not_asked(text: str) -> None:
    url, found = read_url(text)
    assert not url.askable
    assert [each.code for each in found] == ["URL_NOT_HTTPS"]
    assert f"host {API}, port 443" in found[0].fix


def test_plain_http_means_port_80() -> None:
    assert read_url(f"http://{API}")[0].port == 80
    assert read_url(f"http://{API}:8080")[0].port == 8080


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"wss://{API}", "scheme wss"),
        (f"ftp://{API}", "scheme ftp"),
        (f"https://{API}/sap/bc", "path, query or fragment"),
        (f"https://{API}?sap-client=100", "path, query or fragment"),
        (f"https://{API}#top", "path, query or fragment"),
        (f"https://{API}:44300", "port 44300"),
        ("https://my401122\u2013api.s4hana.cloud.sap", "U+2013"),
        ("https://my401122 -api.s4hana.cloud.sap", "blanks"),
        ("https://my401122-ap.s4hana.cloud.sap", "not named like an API host"),
        ("https://my40112-api.s4hana.cloud.sap", "not named like an API host"),
        ("https://erp.theobald.example.corp", "not in a domain of SAP's cloud"),
        ("https://cockpit.cn40.platform.sapcloud.cn", "not named like an API host"),
        ("https://my300123-ap.scmibp.ondemand.com", "not named like an API host"),
        (f"https://{DATABASE}", "which speaks neither HTTP nor WebSocket RFC; for SQL write"),
        *((f"https://{host}", "SAP's identity service") for host in IDENTITY),
        ("https://10.0.0.1", "IP address"),
        ("https://[2001:db8::1]:8443", "IP address"),
        ("2001:db8::1", "IP address"),
    ],
)
def test_what_is_out_of_the_ordinary_is_minor(text: str, words: str) -> None:
    url, (found,) = read_url(text)
    assert (found.code, found.severity) == ("URL_UNUSUAL", Severity.MINOR)
    assert words in found.observed
    assert url.askable


@pytest.mark.parametrize("host", [DATABASE, *IDENTITY, "cockpit.cn40.platform.sapcloud.cn", *API_HOSTS])
def test_saps_domains_are_saps_and_what_only_looks_like_them_is_not(host: str) -> None:
    assert ApiUrl(host, 443).is_sap_cloud
    for other in (f"{host}.example.org", f"{host}x", host.replace(".", "-")):
        assert not ApiUrl(other, 443).is_sap_cloud


@pytest.mark.parametrize("host", ["accounts.ondemand.com", "hanacloud.ondemand.com", "platform.sapcloud.cn"])
def test_a_label_that_only_ends_like_saps_is_not_saps(host: str) -> None:
    assert ApiUrl(f"x.{host}", 443).is_sap_cloud
    assert not ApiUrl(f"x{host}", 443).is_sap_cloud


def test_dashes_and_blanks_are_repaired() -> None:
    assert read_url("https://my401122\u2013api.s4hana.cloud.sap")[0].host == API
    assert read_url("https://my401122\uff0dapi .s4hana.cloud.sap")[0].host == API


def test_an_odd_port_is_odd_on_saps_cloud_only() -> None:
    assert f"port 44300 on {API}" in told(f"https://{API}:44300")
    assert "port 44300 on" not in told("https://erp.theobald.corp:44300")


@pytest.mark.parametrize(
    "text",
    [DATABASE, f"https://{DATABASE}:443", "hana.example.de:30013", "https://hana.example.de:39015", "h.de:30041"],
)
def test_the_place_of_a_database_is_usual_where_it_serves_sql(text: str) -> None:
    assert read_url(text, sql=True)[1] == ()
    assert codes(text) == ["URL_UNUSUAL"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{DATABASE}:30015", f"port 30015 on {DATABASE}: SAP HANA Cloud answers on 443"),
        (
            "hana.example.de",
            "port 443 on hana.example.de: an own SAP HANA answers SQL on 3<instance>13, …15, or …40 to …99",
        ),
        ("hana.example.de:30016", "port 30016 on hana.example.de: an own SAP HANA"),
        ("hana.example.de:44300", "port 44300 on hana.example.de: an own SAP HANA"),
        (API, f"{API} is in SAP's cloud, and not named like a database of SAP HANA Cloud"),
        (f"wss://{DATABASE}", "the URL has the scheme wss"),
        ("10.1.2.3:30015", "is an IP address"),
    ],
)
def test_the_place_of_a_database_may_be_odd(text: str, words: str) -> None:
    (found,) = read_url(text, sql=True)[1]
    assert (found.code, found.severity) == ("URL_UNUSUAL", Severity.MINOR)
    assert words in found.observed


def test_a_database_is_not_asked_in_plain_text_and_has_no_host_for_people() -> None:
    (found,) = read_url("http://hana.example.de:30015", sql=True)[1]
    assert (found.code, "WebSocket" in found.observed) == ("URL_NOT_HTTPS", False)
    assert "TLS alone is checked here" in found.observed
    assert [each.code for each in read_url("my401122.s4hana.cloud.sap", sql=True)[1]] == ["URL_UNUSUAL"]
    assert "write `serves: sql`" in told(DATABASE)


def test_an_underscore_is_told() -> None:
    assert "underscore" in told("https://erp_prd.theobald.corp")
    assert "underscore" not in told("https://erp-prd.theobald.corp")


def test_a_name_in_other_letters_is_told_in_ascii() -> None:
    url, found = read_url("https://bücher.theobald.corp")
    assert url.host == "xn--bcher-kva.theobald.corp"
    assert any("xn--bcher-kva" in each.observed and "ASCII" in each.observed for each in found)


@pytest.mark.parametrize(
    "host",
    [
        "my123456-api.s4hana.cloud.sap",
        "my1234567-api.s4hana.ondemand.com",
        "myNNNNNN-api.s4hana.cloud.sap",
        "my12345n-api.s4hana.cloud.sap",
        "myXXXXXX-api.s4hana.ondemand.com",
        "my000000-api.s4hana.cloud.sap",
        "my-api.s4hana.cloud.sap",
        "myinstance-api.s4hana.cloud.sap",
        "my-tenant-api.s4hana.cloud.sap",
        "api.example.com",
    ],
)
def test_examples_from_documentation_are_told(host: str) -> None:
    assert "URL_PLACEHOLDER" in codes(f"https://{host}")


@pytest.mark.parametrize("host", [*API_HOSTS, "my123457-api.s4hana.cloud.sap", "myn.theobald.corp", "example.corp"])
def test_real_hosts_are_no_examples(host: str) -> None:
    assert ("URL_PLACEHOLDER" in codes(f"https://{host}")) == (host == "myn.theobald.corp")


@pytest.mark.parametrize(
    "text",
    [
        f"https://COMM_USER:S3cret@{API}",
        f"https://S3cret@{API}:443/x?S3cret#S3cret",
        f"COMM_USER:S3cret@{API}",
        f"https://COMM_USER:S3cret/@{API}",
        f"https://COMM_USER:a?S3cret#@{API}/S3cret",
        f"https://a@S3cret@{API}",
        f"https://COMM_USER:8443/S3cret@{API}",
        f"https://COMM_USER.x:a/S3cret@{API}",
    ],
)
def test_a_login_in_the_url_is_told_and_never_shown(text: str) -> None:
    url, found = read_url(text)
    assert url.host == API
    assert found[0].code == "URL_HAS_CREDENTIALS"
    assert not any(secret in f"{url}{found}{told(text)}" for secret in ("S3cret", "COMM_USER", "a@", ":a"))


def test_an_at_sign_in_the_path_is_no_login() -> None:
    url, found = read_url(f"https://{API}/mail/a@b.example")
    assert url.host == API
    assert [each.code for each in found] == ["URL_UNUSUAL"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no host"),
        ("https://", "no host"),
        ("https://:443", "no host"),
        ("https://.", "no host"),
        (f"{API}:0", "port"),
        (f"{API}:65536", "port"),
        (f"{API}:655350", "port"),
        (f"{API}:99999999999999999999999", "port"),
        (f"{API}:https", "port"),
        ("https://my<number>-api.s4hana.cloud.sap", "placeholder"),
        ("https://${TENANT}-api.s4hana.cloud.sap", "placeholder"),
        ("https://a..b", "no DNS name"),
        ("https://[fe80::1%eth0]", "placeholder"),
        ("https://-a.corp", "no DNS name"),
        ("https://a,b", "no DNS name"),
        (f"https://{'a' * 64}.corp", "longer"),
        (f"https://{'a.' * 127}corp", "longer"),
        (f"https://{'a.' * 126}aa", "longer"),
        ("https://\u2603\ufe0f\u0000.corp", "no DNS name may have"),
    ],
)
def test_what_names_no_host_is_refused(text: str, words: str) -> None:
    with pytest.raises(UrlUnreadable, match=words):
        read_url(text)


@pytest.mark.parametrize("port", [1, 65535])
def test_every_port_of_tcp_is_one(port: int) -> None:
    assert read_url(f"{API}:{port}")[0].port == port


def test_a_host_may_be_as_long_as_a_name_of_dns() -> None:
    host = f"{'a.' * 126}a"
    assert len(host) == 253
    assert read_url(f"https://{host}")[0].host == host


def test_refusals_never_repeat_the_text() -> None:
    with pytest.raises(UrlUnreadable) as refusal:
        read_url("https://S3cret:S3cret@S3cret:S3cret")
    assert "S3cret" not in str(refusal.value)


def test_several_mistakes_are_all_told() -> None:
    assert codes("http://u:p@my401122.s4hana.cloud.sap:80/ui?x") == [
        "URL_NOT_HTTPS",
        "URL_HAS_CREDENTIALS",
        "URL_UI_HOST",
        "URL_UNUSUAL",
    ]


@pytest.mark.parametrize(
    ("host", "is_cloud"),
    [
        (API, True),
        ("x.abap.eu10.hana.ondemand.com", True),
        ("other.s4hana.sapcloud.cn", True),
        ("s4hana.cloud.sap", False),
        ("my401122-api.s4hana.cloud.sap.evil.corp", False),
        ("evils4hana.cloud.sap", False),
        ("www.ondemand.com", False),
    ],
)
def test_saps_domains_are_known_by_their_ends(host: str, *, is_cloud: bool) -> None:
    assert read_url(host)[0].is_sap_cloud is is_cloud


@given(st.text() | st.from_regex(r"(https?|wss)://[\x00-\x7f]{0,20}(:[0-9]{0,6})?/?.*", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        url, found = read_url(text)
    except UrlUnreadable as refusal:
        shown = str(refusal)
    else:
        assert url.host.isascii()
        assert 0 < url.port < 65536
        assert url.askable or "URL_NOT_HTTPS" in [each.code for each in found]
        shown = "".join(each.observed for each in found)
    assert "\n" not in shown


@given(
    st.text() | st.from_regex(r"(https?|wss)://([a-z:]*@)?[a-zA-Z.:0-9\[\]]{0,20}(:[0-9]{0,6})?/?.*", fullmatch=True)
)
@example("user:p@2001:db8::1")
@example("http://[::1]:443/x")
@example("ws://my401122\u2013api.s4hana.cloud.sap:80?x")
def test_a_redacted_url_reads_the_same(text: str) -> None:
    try:
        url, found = read_url(text)
    except UrlUnreadable:
        with pytest.raises(UrlUnreadable):
            redacted(text)
    else:
        assert read_url(redacted(text)) == (url, found)


@pytest.mark.parametrize("login", ["COMM_USER:S3cret", "S3cret", "COMM_USER:S3/cret", "COMM_USER:8443/S3cret"])
def test_a_redacted_url_holds_no_secret(login: str) -> None:
    text = redacted(f"https://{login}@{API}/S3cret?S3cret#S3cret")
    assert text == f"https://hidden@{API}/hidden"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="@"), min_size=8))
def test_no_login_ever_shows(secret: str) -> None:
    try:
        shown = told(f"https://user:Geheim{secret}@{API}")
    except UrlUnreadable as refusal:
        shown = str(refusal)
    assert "Geheim" not in shown


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy.corp:3128", Proxy("proxy.corp", 3128)),
        ("http://proxy.corp:3128/", Proxy("proxy.corp", 3128)),
        ("PROXY.corp:3128", Proxy("proxy.corp", 3128)),
        ("http://[::1]:3128", Proxy("::1", 3128)),
        ("http://u:p@proxy:8080", Proxy("proxy", 8080, "u", "p")),
        ("u:p@proxy:8080", Proxy("proxy", 8080, "u", "p")),
        ("http://u@proxy:8080", Proxy("proxy", 8080, "u", "")),
        ("http://dom%5Cu:p%40%3A/w#@proxy:8080", Proxy("proxy", 8080, "dom\\u", "p@:/w#")),
        ("http://u:p@ss:w@proxy:8080", Proxy("proxy", 8080, "u", "p@ss:w")),
    ],
)
def test_proxies_are_read(text: str, proxy: Proxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://u:S3cret@proxy:443", "plain HTTP CONNECT"),
        ("socks5://proxy:1080", "plain HTTP CONNECT"),
        ("http://u:S3cret@proxy", "no port"),
        ("http://u:S3cret@:3128", "no host"),
        ("http://u:S3cret@proxy:x", "port"),
        ("", "no port"),
        ("http://proxy/S3cret:3128", "DNS name"),
    ],
)
def test_other_proxies_are_refused_without_repeating_them(text: str, words: str) -> None:
    with pytest.raises(UrlUnreadable, match=words) as refusal:
        parse_proxy(text)
    assert "S3cret" not in str(refusal.value)


def test_a_proxys_login_is_never_shown() -> None:
    proxy = parse_proxy("http://S3user:S3cret@proxy:3128")
    assert f"{proxy}" == "proxy:3128"
    assert "S3" not in f"{proxy!r}"
    assert str(parse_proxy("http://[::1]:3128")) == "[::1]:3128"


@pytest.mark.parametrize(("length", "fits"), [(62, True), (63, True), (64, False)])
def test_a_label_has_63_letters_at_most(length: int, *, fits: bool) -> None:
    """RFC 1035, 2.3.4."""
    url = f"https://{'a' * length}.example.com"
    if fits:
        assert read_url(url)[0].host == f"{'a' * length}.example.com"
    else:
        with pytest.raises(UrlUnreadable, match="longer than a DNS name may be"):
            read_url(url)


@pytest.mark.parametrize("address", ["::1", "fe80::", "::", "2001:db8::7"])
def test_an_address_without_brackets_has_no_port(address: str) -> None:
    assert (read_url(address)[0].host, read_url(address)[0].port) == (address, 443)
