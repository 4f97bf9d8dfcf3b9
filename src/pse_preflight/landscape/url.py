"""Rules for API URLs, and for the URL of a proxy."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from pse_preflight.checklist import Code
from pse_preflight.errors import PreflightError
from pse_preflight.findings import Finding, finding

HTTPS_PORT = 443
_HTTP_PORT = 80
_LAST_PORT = 65535
_LONGEST_HOST = 253
_LONGEST_LABEL = 63
_HIDDEN = "hidden"
_AS_BYTES = "surrogateescape"

# The patterns of SAP's cloud hosts: reference "Trust between a client machine and SAP S/4HANA Cloud", section 3.
_TENANT_DOMAIN = r"((\.lab)?\.s4hana\.(cloud\.sap|ondemand\.com|sapcloud\.cn)|\.scmibp1?\.ondemand\.com)"
_BTP_DOMAIN = r"\.([a-z0-9-]+\.)?(hana(vlab)?\.ondemand\.com|platform\.sapcloud\.cn)"
_API_HOST = re.compile(rf"my\d{{6,7}}-api{_TENANT_DOMAIN}|[a-z0-9][a-z0-9-]*\.abap{_BTP_DOMAIN}", re.ASCII)
_TENANT_UI_HOST = re.compile(rf"(my\d{{6,7}})(?:-adm)?({_TENANT_DOMAIN})", re.ASCII)
_BTP_UI_HOST = re.compile(rf"([a-z0-9][a-z0-9-]*)\.abap-(?:web|support|provider-web)({_BTP_DOMAIN})", re.ASCII)
_DATABASE_DOMAIN = ".hanacloud.ondemand.com"
_OWN_DATABASE_PORT = re.compile(r"3\d\d(1[35]|[4-9]\d)", re.ASCII)
"""Of the system database, of the first tenant database, and of the others (SAP HANA's TCP/IP ports)."""
_IDENTITY_DOMAINS = (
    ".accounts.ondemand.com",
    ".accounts400.ondemand.com",
    ".accounts.cloud.sap",
    ".accounts400.cloud.sap",
    ".accounts.sapcloud.cn",
)
_CLOUD_DOMAINS = (
    ".s4hana.cloud.sap",
    ".s4hana.ondemand.com",
    ".s4hana.sapcloud.cn",
    ".scmibp.ondemand.com",
    ".scmibp1.ondemand.com",
    ".hana.ondemand.com",
    ".hanavlab.ondemand.com",
    ".platform.sapcloud.cn",
    _DATABASE_DOMAIN,
    *_IDENTITY_DOMAINS,
)

_EXAMPLE_TENANT = re.compile(
    r"my(1234567?|1?2?3?4?5?n+|[x#]+|0{6,7}|-?(instance|tenant|system|host|account))?(-adm|-api)?", re.ASCII
)
_EXAMPLE_DOMAIN = re.compile(r"(.+\.)?(example(\.(com|net|org))?|test|invalid)", re.ASCII)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+")
_PORT = re.compile(r":(\d*)$", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", re.ASCII)
_PLACEHOLDER_SIGNS = frozenset("<>{}$%*[]()")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"), None)


class UrlUnreadable(PreflightError):
    """No host, or no port, can be told from the text; the message never repeats the text."""


@dataclass(frozen=True, slots=True)
class ApiUrl:
    """The system that a URL names; a user or password in it is not kept.

    Attributes:
        host: ASCII in lower case, without a last dot; an IPv6 address without brackets.
        askable: false where asking makes no sense, because the URL is one of plain HTTP.
    """

    host: str
    port: int
    askable: bool = True

    @property
    def is_sap_cloud(self) -> bool:
        """Tell whether the host lies in a domain of SAP's cloud."""
        return is_in_saps_cloud(self.host)

    @property
    def is_hana_cloud(self) -> bool:
        """Tell whether the host is named like a database of SAP HANA Cloud."""
        return self.host.endswith(_DATABASE_DOMAIN)

    @property
    def api_host(self) -> str | None:
        """Return the API host of the system, where this is its host for people."""
        return _api_host_instead(self.host)


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that opens tunnels by CONNECT; the login is for the proxy alone and never shown."""

    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return host and port, which is all that may be shown."""
        return authority(self.host, self.port)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A URL taken apart, nothing judged yet; `host` as typed."""

    scheme: str
    has_credentials: bool
    host: str
    port: int | None
    has_more: bool


def is_in_saps_cloud(host: str) -> bool:
    """Tell whether a host lies in a domain of SAP's cloud."""
    return host.endswith(_CLOUD_DOMAINS)


def authority(host: str, port: int) -> str:
    """Return host and port as a URL writes them, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_url(text: str, *, sql: bool = False) -> tuple[ApiUrl, tuple[Finding, ...]]:
    """Read an API URL and say what is wrong with it, or out of the ordinary.

    Accepts `https://host`, `host` and `host:port`. No finding repeats user information, path or query.

    Args:
        sql: it is the host and port where SAP HANA answers SQL over TLS.

    Raises:
        UrlUnreadable: where host or port cannot be told.
    """
    parts = _split(text)
    host = _normal_host(parts.host)
    plain = parts.scheme in {"http", "ws"} or parts.port == _HTTP_PORT
    port = parts.port or (_HTTP_PORT if plain else HTTPS_PORT)
    url = ApiUrl(host, port, askable=not plain)
    return url, (*_wrong(parts, url, sql=sql), *_unusual(parts, url, sql=sql))


def redacted(text: str) -> str:
    """Return a readable URL so that it can be kept: the user, the password and what follows the host are left out.

    Reading it gives the same host and the same findings as reading the text does.

    Raises:
        UrlUnreadable: where host or port cannot be told.
    """
    parts = _split(text)
    _normal_host(parts.host)
    user = f"{_HIDDEN}@" if parts.has_credentials else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{user}{parts.host}{port}{f'/{_HIDDEN}' if parts.has_more else ''}"


def parse_proxy(text: str) -> Proxy:
    """Read `http://user:secret@proxy:3128`; scheme and login may be absent, a port may not.

    Raises:
        UrlUnreadable: where it is no HTTP proxy with a port; the message never repeats the text.
    """
    login, at, address = text.strip().rpartition("@")
    scheme, rest = _without_scheme(login if at else address)
    if scheme not in {"", "http"}:
        raise UrlUnreadable("a proxy is asked by plain HTTP CONNECT: write http://proxy:port")
    host, port = _split_port((address if at else rest).rstrip("/"))
    if port is None:
        raise UrlUnreadable("the proxy has no port: write http://proxy:port")
    if not at:
        return Proxy(_normal_host(host), port)
    user, _, password = rest.partition(":")
    # A password may be of bytes that are no UTF-8; they reach the proxy as they are.
    return Proxy(_normal_host(host), port, unquote(user, errors=_AS_BYTES), unquote(password, errors=_AS_BYTES))


def _split(text: str) -> _Parts:
    scheme, rest = _without_scheme(text.strip().translate(_UNSEEN).replace("\\", "/"))
    before, more = _cut(rest)
    # A password may hold one of / ? # unescaped; then what stands before it is no host and port, or only by chance.
    if "@" in more and "@" not in before and not ("." in before and _is_host_and_port(before)):
        before, more = _cut(rest.rpartition("@")[2])
        has_credentials = True
    else:
        has_credentials = "@" in before
    host, port = _split_port(before.rpartition("@")[2])
    return _Parts(scheme or "https", has_credentials, host, port, has_more=more not in {"", "/"})


def _without_scheme(text: str) -> tuple[str, str]:
    found = _SCHEME.match(text)
    return (found[1].lower(), text[found.end() :]) if found else ("", text.removeprefix("//"))


def _cut(text: str) -> tuple[str, str]:
    end = re.search(r"[/?#]|$", text)
    position = end.start() if end else len(text)
    return text[:position], text[position:]


def _is_host_and_port(text: str) -> bool:
    try:
        host, _port = _split_port(text)
        _normal_host(host)
    except UrlUnreadable:
        return False
    return True


def _split_port(text: str) -> tuple[str, int | None]:
    text = text.strip()
    if text.count(":") > 1 and not text.startswith("["):
        return text, None  # an IPv6 address that somebody forgot to put into brackets
    found = _PORT.search(text)
    host = text[: found.start()] if found else text
    if ":" in host and not host.startswith("["):
        raise UrlUnreadable("the port is not a number")
    if not found or not found[1]:
        return host, None
    port = int(found[1][:6])
    if not 0 < port <= _LAST_PORT:
        raise UrlUnreadable(f"the port is not a number from 1 to {_LAST_PORT}")
    return host, port


def _normal_host(typed: str) -> str:
    """Return the host as DNS and TLS want it: ASCII, lower case, hyphens for dashes, no blanks, no last dot."""
    host = re.sub(r"\s", "", typed.translate(_DASHES)).rstrip(".").lower()
    if not host:
        raise UrlUnreadable("there is no host in it")
    if ip := _ip_address(host):
        return str(ip)
    signs = sorted(_PLACEHOLDER_SIGNS.intersection(host))
    if signs:
        raise UrlUnreadable(f"the host holds {' '.join(signs)}: put the real name where the placeholder stands")
    host = host if host.isascii() else _idna(host)
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or any(len(each) > _LONGEST_LABEL for each in labels):
        raise UrlUnreadable("the host is longer than a DNS name may be")
    if not all(_LABEL.fullmatch(each) for each in labels):
        raise UrlUnreadable("the host is no DNS name: letters, digits and hyphens, with dots between")
    return host


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return None if "%" in host else address  # a zone means something on one machine only


def _idna(host: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise UrlUnreadable("the host holds letters that no DNS name may have") from error


def _wrong(parts: _Parts, url: ApiUrl, *, sql: bool) -> Iterator[Finding]:
    """Say what makes the connection fail."""
    if not url.askable:
        what = f"the scheme {parts.scheme}" if parts.scheme in {"http", "ws"} else f"port {_HTTP_PORT}"
        fix = f"use https://{url.host}; in the connector: host {url.host}, port {HTTPS_PORT}"
        fix = f"use https://{url.host}:PORT, with the port where the database answers SQL" if sql else fix
        why = "TLS alone is checked here" if sql else "WebSocket RFC runs over TLS only"
        yield finding(Code.URL_NOT_HTTPS, f"the URL of {url.host} has {what}; {why}", fix=fix)
    if parts.has_credentials:
        observed = f"the URL of {url.host} carries a user or a password (not shown here)"
        fix = f"write https://{url.host} and give the user to the connector; change a password that stood in a file"
        yield finding(Code.URL_HAS_CREDENTIALS, observed, fix=fix)
    if not sql and (api_host := _api_host_instead(url.host)):
        observed = f"{url.host} is the host for people (browser, logon page), not the API host"
        yield finding(Code.URL_UI_HOST, observed, fix=f"use https://{api_host}")


def _api_host_instead(host: str) -> str | None:
    if found := _TENANT_UI_HOST.fullmatch(host):
        return f"{found[1]}-api{found[2]}"
    if found := _BTP_UI_HOST.fullmatch(host):
        return f"{found[1]}.abap{found[2]}"
    return None


def _unusual(parts: _Parts, url: ApiUrl, *, sql: bool) -> Iterator[Finding]:
    """Say what is out of the ordinary, though it may work."""
    if _EXAMPLE_TENANT.fullmatch(url.host.partition(".")[0]) or _EXAMPLE_DOMAIN.fullmatch(url.host):
        fix = "use the API URL that the communication arrangement shows"
        yield finding(Code.URL_PLACEHOLDER, f"{url.host} looks like an example from documentation", fix=fix)
    odd_place = _odd_database(url) if sql else _odd_system(url)
    for oddity in (*_odd_spelling(parts), *_odd_host(parts, url), *odd_place):
        yield finding(Code.URL_UNUSUAL, oddity, fix=f"in the connector: host {url.host}, port {url.port}")


def _kind_of_cloud_host(host: str) -> str:
    """Say what a host of SAP's cloud is that is not named like an API host."""
    if host.endswith(_DATABASE_DOMAIN):
        return "a database of SAP HANA Cloud, which speaks neither HTTP nor WebSocket RFC; for SQL write `serves: sql`"
    if host.endswith(_IDENTITY_DOMAINS):
        return "SAP's identity service, where people log on; the communication arrangement shows the API URL"
    return "in a domain of SAP's cloud, but not named like an API host there"


def _odd_spelling(parts: _Parts) -> Iterator[str]:
    if parts.scheme not in {"https", "http", "ws"}:
        yield f"the URL has the scheme {parts.scheme}, read as https; the connector's host field takes no scheme"
    if parts.has_more:
        yield "the URL has more than a host (path, query or fragment, left out); the connector's host field takes none"
    if re.search(r"\s", parts.host):
        yield "the host holds blanks, left out"
    if dash := next((each for each in parts.host if ord(each) in _DASHES), None):
        yield f"the host holds a dash of word processors (U+{ord(dash):04X}), read as a hyphen"


def _odd_host(parts: _Parts, url: ApiUrl) -> Iterator[str]:
    if not parts.host.translate(_DASHES).isascii():
        yield f"the host has letters beyond ASCII; DNS and certificates know it as {url.host}"
    if "_" in url.host:
        yield f"{url.host} holds an underscore, which no certificate may name"
    if _ip_address(url.host):
        yield f"{url.host} is an IP address; certificates name hosts, and SAP's cloud needs the name"


def _odd_system(url: ApiUrl) -> Iterator[str]:
    """Say what is odd about the place of a system that serves RFC."""
    if _ip_address(url.host):
        pass
    elif not url.is_sap_cloud:
        yield f"{url.host} is not in a domain of SAP's cloud (right for a custom domain or an own system)"
    elif not _API_HOST.fullmatch(url.host) and not _api_host_instead(url.host):
        yield f"{url.host} is {_kind_of_cloud_host(url.host)}"
    if url.is_sap_cloud and url.askable and url.port != HTTPS_PORT:
        yield f"port {url.port} on {url.host}: SAP's cloud answers on {HTTPS_PORT}"


def _odd_database(url: ApiUrl) -> Iterator[str]:
    """Say what is odd about the place of a database, which answers on ports of its own."""
    if url.is_hana_cloud:
        if url.askable and url.port != HTTPS_PORT:
            yield f"port {url.port} on {url.host}: SAP HANA Cloud answers on {HTTPS_PORT}"
    elif url.is_sap_cloud:
        yield f"{url.host} is in SAP's cloud, and not named like a database of SAP HANA Cloud (…{_DATABASE_DOMAIN})"
    elif url.askable and not _OWN_DATABASE_PORT.fullmatch(str(url.port)):
        yield f"port {url.port} on {url.host}: an own SAP HANA answers SQL on 3<instance>13, …15, or …40 to …99"
