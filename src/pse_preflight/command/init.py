"""`pse-preflight init`: write systems.yaml, from API URLs or from SAP's own sapnwrfc.ini, and say what was seen."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pse_preflight.certificate import now
from pse_preflight.client.connections import ProductConnection
from pse_preflight.client.ini import Destination, host_in
from pse_preflight.client.installed import FOLDERS, TITLES, read_all
from pse_preflight.client.look import read_ini
from pse_preflight.client.settings_tree import SettingsUnreadable
from pse_preflight.command import systems_file
from pse_preflight.command.arguments import CommandParser, proxy_of, url_of
from pse_preflight.command.going_on import place
from pse_preflight.command.invocation import pasteable
from pse_preflight.command.systems_file import SystemBlock, alias_for, one_line, quoted
from pse_preflight.errors import UsageProblem
from pse_preflight.findings import Finding
from pse_preflight.landscape.file import FILE_NAME
from pse_preflight.landscape.system import Product, ProductKind
from pse_preflight.landscape.url import HTTPS_PORT, ApiUrl, Proxy, UrlUnreadable, read_url
from pse_preflight.report.server import headline, verdict
from pse_preflight.run.server import Server, look

WINDOWS = sys.platform == "win32"
_PORT = re.compile("[0-9]{1,5}")
_QUOTES = "\"'"

Asked = tuple[ApiUrl, tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Output:
    """The file that is written.

    Attributes:
        append: the systems are added to those that it has.
    """

    file: Path
    append: bool


def run(arguments: Sequence[str], clock: Callable[[], datetime] = now) -> int:
    """Write the file; return 0, or 1 where a system could not be asked, and so is not in it.

    Raises:
        UsageProblem: where nothing can be written, or the command line makes no sense; then nothing is asked.
    """
    asked = _parser().read(arguments)
    ways = [bool(asked.url or asked.product), bool(asked.from_ini)]
    if sum(ways) != 1:
        raise UsageProblem("init: name one or more URLs, --from-ini FILE, or --product (pse-preflight init --help)")
    if asked.folder and not asked.product:
        raise UsageProblem("init: --folder is that of a product; name it with --product")
    target = Output(Path(asked.output), append=asked.append)
    urls, proxy = [url_of(each) for each in asked.url], proxy_of(asked.proxy)
    taken = systems_file.aliases_in(target.file, append=target.append)
    product = _product(asked.product, asked.folder) if asked.product else None
    if asked.from_ini:
        return _write(target, _from_ini(Path(asked.from_ini), taken))
    if product and not urls:
        return _write(target, _from_product(product, taken))
    client = _client_of(product) if product else _CLIENT
    return _ask_and_write(target, urls, proxy, taken, _Asking(clock, client))


def _parser() -> CommandParser:
    parser = CommandParser(
        "init", "Write systems.yaml from API URLs; each system is asked once, without a logon. Nothing is overwritten."
    )
    parser.add_argument("url", nargs="*", metavar="https://HOST", help="an API URL")
    parser.add_argument("--from-ini", metavar="FILE", help="take all systems from a sapnwrfc.ini; nothing is asked")
    parser.add_argument(
        "--product",
        choices=list(FOLDERS),
        help="the client is this product; without URLs, take all from its connections",
    )
    parser.add_argument("--folder", metavar="DIR", help="where the product is installed (below Program Files)")
    parser.add_argument("--append", action="store_true", help="add the systems to a file that is there")
    parser.add_argument("--proxy", metavar="http://HOST:PORT", help="ask through this proxy")
    parser.add_argument("--output", metavar="FILE", default=FILE_NAME, help=f"the file to write ({FILE_NAME})")
    return parser


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is the same for all systems that are asked: the clock, and the line about the client."""

    clock: Callable[[], datetime]
    client: str


def _ask_and_write(
    target: Output, urls: Iterable[Asked], proxy: Proxy | None, taken: Sequence[str], asking: _Asking
) -> int:
    blocks: list[SystemBlock] = []
    failed: list[ApiUrl] = []
    for url, findings in urls:
        server = look(url, findings, asking.clock, proxy=proxy)
        print(*headline(server), *(f"  {each}" for each in verdict(server)), "", sep="\n")
        if url.api_host or not server.seen.presented:
            failed.append(url)
        else:
            alias = alias_for(url.host, [*taken, *(each.alias for each in blocks)])
            blocks.append(SystemBlock(alias, tuple(_keys(server, proxy, asking.client, windows=WINDOWS))))
    if blocks:
        _write(target, blocks)
    for url in failed:
        again = [*(["--append"] if blocks or target.append else []), f"https://{url.api_host or place(url)}"]
        why = "it is the host for people; the API URL is" if url.api_host else "it could not be asked; when that works"
        print(f"not written: {url.host}, {why}:\n  {pasteable('init', *again)}")
    return 1 if failed else 0


def _write(target: Output, blocks: Sequence[SystemBlock]) -> int:
    systems_file.write(target.file, blocks, append=target.append)
    names = [each.alias for each in blocks]
    print(f"written: {target.file} ({', '.join(names)}). Read it, and say there which PSE the client uses.")
    where = [] if target.file.name == FILE_NAME and target.file.parent == Path() else [f"--systems-file={target.file}"]
    print(f"next: {pasteable('check', *names, *where)}")
    return 0


def _keys(server: Server, proxy: Proxy | None, client: str, *, windows: bool) -> Iterator[str]:
    """Yield the lines about a system that was asked; what was seen stands in comments."""
    url, judgement = server.url, server.judgement
    kind = "in SAP's cloud" if url.is_sap_cloud else "not in a domain of SAP's cloud"
    yield f"url: {quoted(f'https://{place(url)}')}  # {kind}"
    if url.is_hana_cloud:
        yield "serves: sql  # a database: no HTTP, no WebSocket RFC; its clients use sapcli.pse"
    if proxy:
        yield f"proxy: {quoted(f'http://{proxy}')}"
        if proxy.user is not None:
            yield _PROXY_LOGIN
    number = len(server.seen.presented)
    sent = f"{number} certificate{'' if number == 1 else 's'} sent"
    yield f"# seen: {server.seen.tls_version or 'no TLS'}, {sent}"
    yield from (f"# {each.code}: {one_line(each.observed)}" for each in server.findings)
    if judgement.leaf:
        yield f"# server certificate: {one_line(judgement.leaf.label)}"
    if judgement.path:
        yield f"# its root: {one_line(judgement.path[-1].label)}"
    yield from _roots(server, windows=windows)
    yield from _rest(client, "sapcli.pse" if url.is_hana_cloud else "client.pse", windows=windows)


def _roots(server: Server, *, windows: bool) -> Iterator[str]:
    if server.url.is_sap_cloud:
        yield "roots: auto  # Mozilla's list and SAP's own, since the host is in SAP's cloud"
        yield _REQUIRED_ROOTS
    elif server.judgement.path:
        yield "roots: mozilla  # the chain ends at a root of Mozilla's list"
    else:
        yield "# The chain leads to no root of Mozilla's list. Say by what it is to be judged, once you have compared"
        yield "# the fingerprint with the one that your authority publishes; nothing is created before."
        best = server.judgement.best
        if best and best[-1].is_self_issued:
            yield f'# pinned: ["sha256:{best[-1].sha256}"]'
        yield f"# roots: {quoted(_ROOT_FILE[windows])}"


_REQUIRED_ROOTS = "# required_roots: sap  # a run that makes or repairs the PSE adds the roots that SAP requires"
_PROXY_LOGIN = "# the proxy wants a login: write http://user:${PROXY_PASSWORD}@… and set that variable"
_ROOT_FILE = {False: "/path/of/your/root.pem", True: r"C:\path\of\your\root.pem"}
_SECUDIR = {False: "/opt/xtract/sec", True: r"C:\ProgramData\xtract\sec"}


def _rest(client: str, pse: str, *, windows: bool) -> Iterator[str]:
    yield f"# secudir: {quoted(_SECUDIR[windows])}  # the folder of the PSE that the client's service really uses"
    yield f"# pse: {pse}  # absolute, or relative to secudir"
    yield client


_CLIENT = "# client: {hosts: [this-host], account: xtract, bits: 64}"


def _product(kind: ProductKind, folder: str | None) -> Product:
    programs = Path(os.environ.get("PROGRAMFILES") or r"C:\Program Files")
    return Product(kind, Path(folder).absolute() if folder else programs / FOLDERS[kind])


def _client_of(product: Product) -> str:
    return f"client: {{product: {product.kind}, folder: {quoted(str(product.folder))}}}"


def _from_product(product: Product, taken: Sequence[str]) -> list[SystemBlock]:
    """Return a system for each host that the product's connections name; nothing is asked."""
    found, not_understood, problem = read_all(product)
    title = TITLES[product.kind]
    if problem:
        raise UsageProblem(f"the connections of {title} cannot be read: {problem}; name its folder with --folder")
    first = {host: each for each in reversed(found) if (host := host_in(each.host))}
    if not first:
        raise UsageProblem(
            f"no connection of {title} below {product.folder} is understood here; name the API URL too:"
            f" {pasteable('init', '--product', product.kind, 'https://HOST')}"
        )
    for file, why in not_understood:
        print(f"not understood: {one_line(file)}, {why}")
    blocks: list[SystemBlock] = []
    for host, each in sorted(first.items()):
        alias = alias_for(each.name or host, [*taken, *(block.alias for block in blocks)])
        port = int(each.port) if _PORT.fullmatch(each.port) else HTTPS_PORT
        where = place(ApiUrl(host, port or HTTPS_PORT))
        blocks.append(SystemBlock(alias, tuple(_keys_of_connection(each, where, product))))
        print(f"{one_line(each.label)}: {where}")
    return blocks


def _keys_of_connection(found: ProductConnection, where: str, product: Product) -> Iterator[str]:
    yield f"url: {quoted(f'https://{where}')}"
    if found.pse:
        yield f"pse: {quoted(found.pse)}"
    if found.library:
        yield f"crypto_library: {quoted(found.library)}"
    yield _client_of(product)
    if read_url(where)[0].is_sap_cloud:
        yield _REQUIRED_ROOTS


def _from_ini(file: Path, taken: Sequence[str]) -> list[SystemBlock]:
    try:
        destinations = read_ini(file)
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror or type(error).__name__}") from None
    except SettingsUnreadable as error:
        raise UsageProblem(f"{file} cannot be read: {error}") from None
    usable = [each for each in destinations if each.host]
    if not usable:
        raise UsageProblem(f"{file} has no destination with WSHOST, so none for WebSocket RFC")
    blocks: list[SystemBlock] = []
    for each in usable:
        alias = alias_for(each.name, [*taken, *(block.alias for block in blocks)])
        where = place(_url_of(each, file))
        blocks.append(SystemBlock(alias, tuple(_keys_of_destination(each, where, file.absolute()))))
        print(f"{file}, DEST={one_line(each.name)}: {where}")
    left_out = tuple(
        f"left out, since it has no WSHOST: {one_line(each.name)}" for each in destinations if not each.host
    )
    for line in left_out:
        print(f"{file}: {line}")
    *others, last = blocks
    return [*others, SystemBlock(last.alias, last.keys, left_out)]


def _url_of(found: Destination, file: Path) -> ApiUrl:
    try:
        url, _ = read_url(host_in(found.host) or found.host)
    except UrlUnreadable as error:
        raise UsageProblem(f"{file}, DEST={found.name}: WSHOST cannot be read: {error}") from None
    port = int(found.port) if found.port.isdecimal() else HTTPS_PORT
    return ApiUrl(url.host, port or HTTPS_PORT)


def _keys_of_destination(found: Destination, where: str, file: Path) -> Iterator[str]:
    yield f"url: {quoted(f'https://{where}')}"
    if found.pse:
        yield f"pse: {quoted(found.pse.strip(_QUOTES))}"
    if found.proxy_host and found.proxy_port.isdecimal():
        proxy = found.proxy_host.rpartition("://")[2]
        yield f"proxy: {quoted(f'http://{proxy}:{found.proxy_port}')}"
        if found.proxy_login:
            yield _PROXY_LOGIN
    if found.library:
        yield f"crypto_library: {quoted(found.library.strip(_QUOTES))}"
    yield f"client_ini: {{file: {quoted(str(file))}, dest: {quoted(found.name)}}}"
    if _url_of(found, file).is_sap_cloud:
        yield _REQUIRED_ROOTS
    yield _CLIENT
