"""The SAP connections of Xtract Universal and Board Connector: what their files say of TLS. Pure.

No sample of such a file is published. The vendor's help names the fields (Host, Port, Library, Client PSE, User name is
alias), so whatever form a file has, XML, JSON or ini, a value counts that stands under such a name. What is not
found is not judged, and a file without any of it is told as not understood. Users and passwords are not taken over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pse_preflight.checklist import Code
from pse_preflight.client.ini import beside_the_host, decode, host_in, is_same_path, without_login
from pse_preflight.client.settings_tree import SettingsTree, SettingsUnreadable, read_json, read_xml
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.url import ApiUrl, UrlUnreadable, read_url

LARGEST_FILE = 1 << 20
MOST_FILES = 500

_HOST, _PORT, _LIBRARY, _PSE, _ALIAS = "host", "port", "library", "client PSE", "user name is alias"
_MEANINGS: Mapping[str, str] = {
    **dict.fromkeys(("host", "hostname", "wshost", "websockethost", "websocketrfchost", "tlshost"), _HOST),
    **dict.fromkeys(("port", "wsport", "websocketport", "websocketrfcport", "tlsport"), _PORT),
    **dict.fromkeys(("library", "librarypath", "cryptolibrary", "cryptolib", "sapcrypto", "sapcryptolib"), _LIBRARY),
    **dict.fromkeys(("sapcryptolibrary", "tlssapcryptolib", "sapcryptopath", "tlslibrary"), _LIBRARY),
    **dict.fromkeys(("clientpse", "clientpsepath", "clientpsefile", "tlsclientpse", "pse", "psepath"), _PSE),
    **dict.fromkeys(("usernameisalias", "userisalias", "isalias", "useralias", "usealias"), _ALIAS),
}
"""What a key means, written without regard to case, blanks, hyphens and underscores."""
_NAMES = frozenset({"name", "connectionname"})
_ELSEWHERE = ("proxy", "router", "gateway", "messageserver")
"""Groups whose host is another than the system's."""
_NOT_IN_KEYS = re.compile(r"[\s_.-]")
_YES, _NO = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})
_NUMBER = re.compile(r"[0-9]{1,5}")
_INI_LINE = re.compile(r"\s*([A-Za-z][\w .-]*?)\s*=\s*(.*?)\s*")
_INI_SECTION = re.compile(r"\s*\[([^\]]+)\]\s*")
_MOST_INI_LINES = 20_000
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class ProductConnection:
    """One connection of the product, as far as its file is understood.

    Attributes:
        file: the file, as people find it below the product's folder.
        name: what the connection is called.
        host, port, library, pse: as written, without a user and quotes; empty where nothing is found.
        user_is_alias: whether the user name is an alias; None where nothing is found.
        pse_is_this: whether its client PSE is the very file that is checked; None where only the paths tell.
    """

    file: str
    name: str
    host: str
    port: str = ""
    library: str = ""
    pse: str = ""
    user_is_alias: bool | None = None
    pse_is_this: bool | None = None

    @property
    def label(self) -> str:
        """Return how people find it."""
        return self.file if self.name in {"", self.file} else f"{self.file} ({self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """What was read of the connections of a product.

    Attributes:
        folder: where they stand.
        problem: why nothing could be read at all.
        of_this: those to the host that is checked.
        other_hosts: the hosts of the others.
        not_understood: the files of which nothing was taken, each with the reason.
    """

    folder: str
    problem: str = ""
    of_this: tuple[ProductConnection, ...] = ()
    other_hosts: tuple[str, ...] = ()
    not_understood: tuple[tuple[str, str], ...] = ()


def parse(content: bytes, file: str) -> tuple[ProductConnection, ...]:
    """Return the connections that a file holds.

    Raises:
        SettingsUnreadable: where it has no form that is known, or names no host.
    """
    tree = _tree(content)
    found = tuple(_connections(tree, file, {}))
    if not found:
        raise SettingsUnreadable("it names no host")
    return found


def leads_to(connection: ProductConnection, url: ApiUrl) -> bool:
    """Tell whether a connection is one to this system, be its host the one for people."""
    host = host_in(connection.host)
    return bool(host) and (host == url.host or _api_host(host) == url.host)


def findings(
    seen: Connections, product: str, url: ApiUrl, pse: str, library: str, *, windows: bool
) -> Iterator[Finding]:
    """Hold the connections against what is checked.

    Args:
        product: what people call it.
        pse: the client PSE that is checked.
        library: SAP's TLS library that is checked; empty where none is configured.
        windows: paths are those of Windows.
    """
    if seen.problem:
        observed = f"the connections of {product} cannot be read: {seen.problem}"
        yield finding(Code.CONNECTIONS_UNREADABLE, observed, fix="correct `client.folder` in systems.yaml")
        return
    yield from _not_understood(seen, product, url)
    if not seen.of_this:
        yield _not_found(seen, product, url)
    for each in seen.of_this:
        yield from _judged(each, product, url, pse, library, windows=windows)


def _not_understood(seen: Connections, product: str, url: ApiUrl) -> Iterator[Finding]:
    told = [f"{file} ({why})" for file, why in seen.not_understood[:_MOST_NAMED]]
    told += [f"{len(seen.not_understood) - _MOST_NAMED} more"] if len(seen.not_understood) > _MOST_NAMED else []
    silent = [f"{each.label} names no client PSE" for each in seen.of_this if not each.pse]
    if told or silent:
        what = "; ".join([*([f"not understood: {', '.join(told)}"] if told else []), *silent])
        yield finding(
            Code.CONNECTION_NOT_UNDERSTOOD,
            f"{seen.folder} is only partly judged: {what}",
            fix=f"compare host, port {url.port}, library, client PSE and alias in {product} by hand",
        )


def _not_found(seen: Connections, product: str, url: ApiUrl) -> Finding:
    others = ", ".join(seen.other_hosts[:_MOST_NAMED])
    more = f"; those that are understood lead to {others}" if others else ""
    return finding(
        Code.CONNECTION_NOT_FOUND,
        f"no connection below {seen.folder} is known to lead to {url.host}{more}",
        fix=f"make the connection in {product}: host {url.host}, port {url.port}; or compare it there by hand",
    )


def _judged(
    found: ProductConnection, product: str, url: ApiUrl, pse: str, library: str, *, windows: bool
) -> Iterator[Finding]:
    where = f"the connection {found.label} of {product}"
    more = beside_the_host(found.host, url)
    if more:
        yield finding(
            Code.CONNECTION_HOST_NOT_ALONE,
            f"{where} has {more} in its host, where the host alone belongs",
            fix=f"host {url.host}",
        )
    differences = list(_differences(found, url, pse, library, windows=windows))
    if differences:
        yield finding(
            Code.CONNECTION_DIFFERS,
            f"{where} is not what is being checked: {'; '.join(differences)}",
            fix=f"correct it in {product}, or correct systems.yaml, whichever is wrong",
        )
    if found.user_is_alias is False and url.is_sap_cloud:
        yield finding(
            Code.CONNECTION_USER_NOT_ALIAS,
            f'{where}: "User name is alias" is not ticked; a communication user of the cloud logs on by its alias',
            fix='tick "User name is alias", and give the name of the communication user',
        )


def _differences(found: ProductConnection, url: ApiUrl, pse: str, library: str, *, windows: bool) -> Iterator[str]:
    host = host_in(found.host)
    if host != url.host:
        yield f"its host is {host}, the one for people, checked is the API host {url.host}"
    if found.port and found.port != str(url.port):
        yield f"its port is {found.port if _NUMBER.fullmatch(found.port) else 'no number'}, checked is {url.port}"
    same = found.pse_is_this or is_same_path(found.pse, pse, windows=windows)
    if found.pse and not same:
        yield f"its client PSE is {found.pse}, checked is {pse}"
    if library and found.library and not is_same_path(found.library, library, windows=windows):
        yield f"its library is {found.library}, checked is {library}"


@lru_cache(1024)
def _api_host(host: str) -> str | None:
    try:
        return read_url(host)[0].api_host
    except UrlUnreadable:
        return None


def _tree(content: bytes) -> SettingsTree:
    """Return a file as a tree, whichever of the three forms it has."""
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise SettingsUnreadable("it is empty")
    text = decode(content)
    if "\0" in text:
        raise SettingsUnreadable("it is binary")
    bare = text.lstrip("\ufeff \t\r\n")
    if bare.startswith("<"):
        return read_xml(content.lstrip(b" \t\r\n"))
    if bare.startswith(("{", "[{", "[ ", "[\n", "[\r")):
        return read_json(bare)
    return _read_ini(bare)


def _read_ini(text: str) -> SettingsTree:
    root = SettingsTree("")
    group = root
    for number, line in enumerate(text.splitlines()):
        if number > _MOST_INI_LINES:
            raise SettingsUnreadable("it is larger than such a file is")
        if section := _INI_SECTION.fullmatch(line):
            group = SettingsTree(section[1].strip())
            root.groups.append(group)
        elif (found := _INI_LINE.fullmatch(line)) and found[2]:
            group.values.append((found[1], found[2]))
    if not any(each.values for each in root.walk()):
        raise SettingsUnreadable("it is neither XML nor JSON nor key=value")
    return root


def _connections(group: SettingsTree, file: str, inherited: Mapping[str, str]) -> Iterator[ProductConnection]:
    """Yield a connection for each host; what stands around several of them holds for each."""
    hosts = sum(_MEANINGS.get(_plain(key)) == _HOST for key, _ in _pairs(group))
    if hosts == 1:
        yield _connection(file, {**inherited, **_told(_pairs(group))})
    elif hosts > 1:
        own = _told(group.values)
        common = {**inherited, **{key: value for key, value in own.items() if key != _HOST}}
        if _HOST in own:
            yield _connection(file, {**inherited, **own})
        for each in _inner(group):
            yield from _connections(each, file, common)


def _pairs(group: SettingsTree) -> Iterator[tuple[str, str]]:
    """Yield every key and value of a group and of those within it, but for what concerns another host."""
    yield from group.values
    for each in _inner(group):
        yield from _pairs(each)


def _inner(group: SettingsTree) -> list[SettingsTree]:
    return [each for each in group.groups if not any(word in _plain(each.name) for word in _ELSEWHERE)]


def _told(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what is understood, each once; the first one counts."""
    told: dict[str, str] = {}
    for key, value in pairs:
        meaning = _MEANINGS.get(_plain(key)) or ("name" if _plain(key) in _NAMES else "")
        if meaning and value.strip():
            told.setdefault(meaning, value.strip())
    return told


def _connection(file: str, told: Mapping[str, str]) -> ProductConnection:
    written = told[_HOST]
    bare = without_login(written)
    alias = told.get(_ALIAS, "").lower()
    found = ProductConnection(
        file,
        _bare(told.get("name", "")),
        bare if bare == written or "://" in bare else f"@{bare}",
        _bare(told.get(_PORT, "")),
        _bare(told.get(_LIBRARY, "")),
        _bare(told.get(_PSE, "")),
    )
    return replace(found, user_is_alias=True if alias in _YES else False if alias in _NO else None)


def _bare(text: str) -> str:
    return text.strip("\"'")


def _plain(key: str) -> str:
    return _NOT_IN_KEYS.sub("", key).lower()


def hosts_of(connections: Sequence[ProductConnection]) -> tuple[str, ...]:
    """Return the hosts of connections, each once; what is no host name is left out."""
    return tuple(dict.fromkeys(host for each in connections if (host := host_in(each.host))))
