"""sapnwrfc.ini, the file in which the NW RFC SDK reads its destinations: what it says about TLS. Pure.

The form is the one that the SDK's own sample file documents: a line DEFAULT, or a line DEST=…, begins a section, an
empty line completes it, and lines that begin with #, /* or // are comments. Passwords, tickets and user names in the
file are not kept: only what is compared is taken over, and of an alias only its length.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from pse_preflight.checklist import Code
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.url import ApiUrl, Proxy, UrlUnreadable, authority, read_url

LARGEST_FILE = 1 << 20

_LONGEST_ALIAS = 40
_COMMENTS = ("#", "/*", "//")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_]+)(\s*)=(.*)", re.DOTALL)
_DEFAULT = "DEFAULT"
_LOGON = "TLS_CLIENT_CERTIFICATE_LOGON"
_KEPT = frozenset({"WSHOST", "TLS_CLIENT_PSE", "TLS_SAPCRYPTOLIB", "TLS_TRUST_ALL", "USE_TLS", "PROXY_HOST", _LOGON})
_PORTS = frozenset({"WSPORT", "PROXY_PORT"})
_PORT = re.compile(r"[0-9]{1,5}")
_NO_NUMBER = "no number"
_OFF = frozenset({"", "0"})
"""What switches off for certain; how the SDK reads other words, quotes or a comment there is documented nowhere."""
_ON = frozenset({"", "1"})
_COMMENT_BEHIND = re.compile(r"\s*;|\s+#|\s+//")
_BESIDE_A_HOST: Mapping[str, re.Pattern[str]] = {
    "quotes": re.compile(r"[\"']"),
    "two slashes before it": re.compile(r"\A//"),
    "a user before it": re.compile("@"),
    "a comment behind it": re.compile(r";|\s#|\s//"),
    "a path or a query": re.compile(r"[/?#\\]"),
    "a port": re.compile(r":\d*\Z"),
    "blanks or brackets": re.compile(r"[\s\[\]]"),
}
"""What people write beside a host, in the order in which it is told."""
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class Destination:
    """One DEST of the file, as far as it matters here.

    Attributes:
        name: what stands after DEST=.
        line: where it begins.
        host: WSHOST; of a user or password that somebody put into it only the @ stays.
        port: WSPORT; a value that is no number is not kept.
        pse: TLS_CLIENT_PSE.
        library: TLS_SAPCRYPTOLIB, which usually stands in the section DEFAULT.
        proxy_host: PROXY_HOST.
        proxy_port: PROXY_PORT.
        proxy_login: a user for the proxy is given.
        trusts_all: TLS_TRUST_ALL is set to whatever is not plainly 0.
        without_tls: USE_TLS is set to whatever is not plainly 1.
        certificate_logon: TLS_CLIENT_CERTIFICATE_LOGON is set to whatever is not plainly 0: it logs on with the
            certificate of its PSE.
        has_user: USER is given.
        alias_length: the number of characters of ALIAS_USER; None where it is not given.
        alias_has_blanks: it begins or ends with a blank.
        strayed: keys after the empty line that completed the section; the SDK does not take them for it.
    """

    name: str
    line: int
    host: str = ""
    port: str = ""
    pse: str = ""
    library: str = ""
    proxy_host: str = ""
    proxy_port: str = ""
    proxy_login: bool = False
    trusts_all: bool = False
    without_tls: bool = False
    certificate_logon: bool = False
    has_user: bool = False
    alias_length: int | None = None
    alias_has_blanks: bool = False
    strayed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What is being checked, for comparison with the file.

    Attributes:
        url: the API URL's host and port.
        pse: the client PSE, absolute.
        proxy: the proxy that is used; None for a direct connection.
        library: SAP's TLS library, where one is configured.
        windows: paths are those of Windows.
    """

    url: ApiUrl
    pse: str
    proxy: Proxy | None
    library: str | None
    windows: bool


class Section:
    """A section while it is read; values that are not compared never come into it."""

    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.line = line
        self.values: dict[str, str] = {}
        self.given: set[str] = set()
        self.alias: tuple[int, bool] | None = None
        self.strayed: list[str] = []

    def take(self, key: str, value: str) -> None:
        """Take over what is compared; of everything else remember no more than that it is there."""
        self.given.add(key)
        if key == "ALIAS_USER":
            self.alias = (len(value.strip()), value != value.strip())
        elif key in _PORTS:
            self.values[key] = value.strip() if _PORT.fullmatch(value.strip()) else _NO_NUMBER
        elif key in _KEPT:
            bare = without_login(value.strip())
            self.values[key] = f"@{bare}" if key == "WSHOST" and bare != value.strip() and "://" not in bare else bare


def decode(content: bytes) -> str:
    """Return the text of the file: by its byte order mark, else UTF-8, else Windows' western code page."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def parse(text: str) -> tuple[Destination, ...]:
    """Return the destinations of the file in their order; one that stands twice is there twice."""
    common = Section(_DEFAULT, 0)
    sections: list[Section] = []
    current: Section | None = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip():
            current = None
        elif not line.lstrip().startswith(_COMMENTS):
            current = _read_line(line, number, current, common, sections)
    return tuple(destination_of(each, common) for each in sections)


def _read_line(
    line: str, number: int, current: Section | None, common: Section, sections: list[Section]
) -> Section | None:
    """Read one line, and return the section that goes on after it."""
    if line.strip().strip("[]").upper() == _DEFAULT:
        return common
    found = _ASSIGNMENT.match(line)
    if not found:
        return current
    key = found[1].upper()
    # Where blanks stand around the = sign, the one after it belongs to the style and not to the value.
    value = found[3].lstrip() if found[2] else found[3]
    if key == "DEST":
        sections.append(Section(value.strip(), number))
        return sections[-1]
    if current is not None:
        current.take(key, value)
    elif sections:
        sections[-1].strayed.append(key)
    return current


def destination_of(section: Section, common: Section) -> Destination:
    """Return what a section says, and for what it is silent about the common one."""
    values = {**common.values, **section.values}
    length, blanks = section.alias or (None, False)
    return Destination(
        name=section.name,
        line=section.line,
        host=values.get("WSHOST", ""),
        port=values.get("WSPORT", ""),
        pse=values.get("TLS_CLIENT_PSE", ""),
        library=values.get("TLS_SAPCRYPTOLIB", ""),
        proxy_host=values.get("PROXY_HOST", ""),
        proxy_port=values.get("PROXY_PORT", ""),
        proxy_login=bool({"PROXY_USER", "PROXY_PASSWD"} & section.given),
        trusts_all=values.get("TLS_TRUST_ALL", "") not in _OFF,
        without_tls=values.get("USE_TLS", "") not in _ON,
        certificate_logon=values.get(_LOGON, "") not in _OFF,
        has_user="USER" in section.given,
        alias_length=length,
        alias_has_blanks=blanks,
        strayed=tuple(section.strayed),
    )


def without_login(value: str) -> str:
    """Take user and password out of something like a URL."""
    scheme, separator, rest = value.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]


def findings(file: str, destinations: tuple[Destination, ...], name: str, expected: Expected) -> tuple[Finding, ...]:
    """Hold the destination against what is being checked."""
    named = [each for each in destinations if each.name == name]
    if not named:
        known = ", ".join(dict.fromkeys(each.name for each in destinations)) or "none"
        observed = f"{file} has no DEST={name}; it has {known}"
        return (finding(Code.CLIENT_INI_NO_DEST, observed, fix="correct `client_ini.dest`, or add the destination"),)
    return (*_twice(file, named), *_judged(f"{file}, DEST={name}", named[0], expected))


def _twice(file: str, named: list[Destination]) -> Iterator[Finding]:
    if len(named) > 1:
        lines = ", ".join(str(each.line) for each in named)
        yield finding(
            Code.CLIENT_INI_DEST_TWICE,
            f"{file} has DEST={named[0].name} {len(named)} times (lines {lines}); the first one is judged here",
            fix="keep one of them; which one the SDK takes is documented nowhere",
        )


def _judged(where: str, found: Destination, expected: Expected) -> Iterator[Finding]:
    more = beside_the_host(found.host, expected.url)
    if more:
        yield finding(
            Code.CLIENT_INI_HOST_HAS_SCHEME if "://" in found.host else Code.CLIENT_INI_HOST_NOT_ALONE,
            f"{where}: WSHOST has {more}, and the SDK takes a host alone",
            fix=f"WSHOST={expected.url.host}",
        )
    differences = list(_differences(found, expected))
    if differences:
        yield finding(
            Code.CLIENT_INI_DIFFERS,
            f"{where} is not what is being checked: {'; '.join(differences)}",
            fix="correct sapnwrfc.ini or systems.yaml, whichever is wrong",
        )
    if found.trusts_all:
        yield finding(
            Code.CLIENT_INI_TRUSTS_ALL,
            f"{where}: TLS_TRUST_ALL is set, and not to 0, so the client may talk to any server, verified or not",
            fix="remove the line TLS_TRUST_ALL",
        )
    yield from _logon(where, found, expected)


def _differences(found: Destination, expected: Expected) -> Iterator[str]:
    if found.without_tls:
        yield "USE_TLS is set, and not to 1"
    yield from _different_host(found, expected.url)
    yield from _different_path("TLS_CLIENT_PSE", found.pse, expected.pse, windows=expected.windows)
    if expected.library and found.library:
        yield from _different_path("TLS_SAPCRYPTOLIB", found.library, expected.library, windows=expected.windows)
    yield from _different_proxy(found, expected.proxy)
    if found.strayed:
        keys = ", ".join(found.strayed)
        yield f"{keys} stand after an empty line, which completes the section, so they belong to no destination"


def _different_host(found: Destination, url: ApiUrl) -> Iterator[str]:
    host = host_in(found.host)
    if host != url.host:
        yield f"WSHOST is {host or 'no host name' if found.host else 'missing'}, checked is {url.host}"
    if found.port != str(url.port):
        yield f"WSPORT is {found.port or 'missing'}, checked is {url.port}"


def beside_the_host(text: str, url: ApiUrl) -> str:
    """Say what a field for a host holds beside the right one; nothing where it is that host alone, or another one."""
    if "://" in text:
        return "a scheme"
    if text.lower() == url.host or host_in(text) != url.host:
        return ""
    if not text.isascii() and "xn--" not in url.host:
        return "a sign that no host name has (a long dash, or one that nobody sees)"
    return next((what for what, pattern in _BESIDE_A_HOST.items() if pattern.search(text)), "")


@lru_cache(1024)
def host_in(text: str) -> str:
    """Return the host in a text that may hold more, as DNS wants it; empty where there is none."""
    bare = _COMMENT_BEHIND.split(text.strip().strip("\"'"), maxsplit=1)[0]
    try:
        return read_url(bare)[0].host if bare else ""
    except UrlUnreadable:
        return ""


def _different_path(key: str, found: str, expected: str, *, windows: bool) -> Iterator[str]:
    flavour: type[PurePath] = PureWindowsPath if windows else PurePosixPath
    bare = found.strip("\"'")
    if not found:
        yield f"{key} is missing, checked is {expected}"
    elif not flavour(bare).is_absolute():
        yield f"{key} is {bare}, which is not absolute: where it leads depends on the client's account"
    elif not is_same_path(bare, expected, windows=windows):
        yield f"{key} is {bare}, checked is {expected}"
    elif bare != found:
        yield f"{key} stands in quotes, and whether the SDK takes them off is documented nowhere"


def is_same_path(one: str, other: str, *, windows: bool) -> bool:
    """Tell whether two paths are one, by their text alone."""
    flavour: type[PurePath] = PureWindowsPath if windows else PurePosixPath
    return _plain(flavour(one)) == _plain(flavour(other))


def _plain(path: PurePath) -> PurePath:
    """Take `..` out, by the text alone."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        else:
            parts.append(part)
    return type(path)(*parts)


def _different_proxy(found: Destination, proxy: Proxy | None) -> Iterator[str]:
    told = found.proxy_host
    if told and _PORT.fullmatch(found.proxy_port):
        told = authority(told.lower(), int(found.proxy_port))
    if told.lower() != (str(proxy) if proxy else ""):
        yield f"PROXY_HOST and PROXY_PORT are {told or 'missing'}, checked is {proxy or 'a direct connection'}"
    if re.search(r"[/:\s\"']", found.proxy_host):
        yield f"PROXY_HOST is {found.proxy_host}, and the SDK takes a host alone, the port as PROXY_PORT"


def _logon(where: str, found: Destination, expected: Expected) -> Iterator[Finding]:
    if found.has_user and found.alias_length is None and expected.url.is_sap_cloud:
        yield finding(
            Code.CLIENT_INI_USER_NOT_ALIAS,
            f"{where}: USER is given and ALIAS_USER is not; in SAP's cloud a communication user logs on with its alias",
            fix="write the name of the communication user as ALIAS_USER, and remove USER",
        )
    if found.alias_length is not None and (found.alias_length > _LONGEST_ALIAS or found.alias_has_blanks):
        what = (
            f"has {found.alias_length} characters, at most {_LONGEST_ALIAS} are possible"
            if found.alias_length > _LONGEST_ALIAS
            else "begins or ends with a blank"
        )
        yield finding(
            Code.CLIENT_INI_ALIAS_ODD,
            f"{where}: ALIAS_USER {what}",
            fix="copy the name of the communication user again; upper and lower case matter",
        )
