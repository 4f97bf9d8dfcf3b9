"""What is to be said of the client's own side: what was seen of it against what systems.yaml says. Pure."""

from collections.abc import Iterator

from pse_preflight.checklist import Code
from pse_preflight.client import connections
from pse_preflight.client import ini as client_ini
from pse_preflight.client import library as crypto_library
from pse_preflight.client.account import Reach
from pse_preflight.client.installed import TITLES
from pse_preflight.client.side import ClientSide
from pse_preflight.findings import Finding, finding
from pse_preflight.landscape.system import Client, System


def findings_of(side: ClientSide, system: System) -> Iterator[Finding]:
    """Judge the client's own side; on another machine than the client's nothing else is worth a word."""
    client = system.client
    if client is None:
        return
    if not side.is_its_host:
        yield _wrong_host(side, system, client)
        return
    if side.account_problem:
        yield _account_unknown(side)
    if side.account_is_assumed and client.product:
        yield _account_assumed(side, TITLES[client.product.kind])
    if side.own_folder and not side.is_this_account:
        yield _path_is_personal(side, system)
    yield from _about_reach(Code.PSE_UNREADABLE_FOR_ACCOUNT, side.runs_as, side.reach)
    yield from _about_ini(side, system, client)
    yield from _about_connections(side, system, client)
    if side.library:
        yield from crypto_library.findings(side.library, client.bits)
    if side.library_reach and side.library_reach.readable is False:
        yield from _about_reach(Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT, side.runs_as, side.library_reach)


def _wrong_host(side: ClientSide, system: System, client: Client) -> Finding:
    return finding(
        Code.WRONG_HOST,
        f"this is {side.host}, and the client of {system.alias} runs on {', '.join(client.hosts)}",
        fix="run the checks there; what holds on this machine proves nothing for that one",
    )


def _account_unknown(side: ClientSide) -> Finding:
    return finding(
        Code.CLIENT_ACCOUNT_UNKNOWN,
        f"whether {side.runs_as or 'the client'} can read the PSE is not known: {side.account_problem}",
        fix="correct `client.account` in systems.yaml, or run the checks on the client's own machine",
    )


def _account_assumed(side: ClientSide, product: str) -> Finding:
    return finding(
        Code.CLIENT_ACCOUNT_ASSUMED,
        f"no service of {product} is found on {side.host}, so its account is taken to be {side.runs_as}, as usual",
        fix="write `client.account` in systems.yaml; the service's properties show it (services.msc, Log On)",
    )


def _path_is_personal(side: ClientSide, system: System) -> Finding:
    return finding(
        Code.PSE_PATH_IS_PERSONAL,
        f"{system.pse} follows from this account and this shell's SECUDIR; {side.account} would look in"
        f" {side.own_folder}",
        fix="write `pse` as an absolute path, or an absolute `secudir`, and name the same file to the client",
    )


def _about_reach(code: Code, name: str | None, reach: Reach | None) -> Iterator[Finding]:
    if reach is None or reach.readable:
        return
    if reach.readable is None:
        observed = f"whether {name} can read it is not known: {reach.reason}"
        yield finding(
            Code.CLIENT_ACCESS_UNKNOWN, observed, fix="run the checks as an account that may see it, or as root"
        )
        return
    observed = f"{name}, the client's account, cannot read it: {reach.reason}"
    alone = ", and nobody else" if code is Code.PSE_UNREADABLE_FOR_ACCOUNT else ""
    yield finding(code, observed, fix=f"let {name} read it{alone}", commands=reach.commands)


def _about_ini(side: ClientSide, system: System, client: Client) -> Iterator[Finding]:
    if client.ini is None:
        return
    if side.ini_problem:
        observed = f"{client.ini.file} cannot be read here: {side.ini_problem}"
        yield finding(Code.CLIENT_INI_UNREADABLE, observed, fix="correct `client_ini.file` in systems.yaml")
        return
    expected = client_ini.Expected(
        system.url, str(system.pse), system.proxy, str(client.library) if client.library else None, side.windows
    )
    yield from client_ini.findings(str(client.ini.file), side.destinations, client.ini.dest, expected)


def _about_connections(side: ClientSide, system: System, client: Client) -> Iterator[Finding]:
    if client.product is None or side.connections is None:
        return
    library = str(client.library) if client.library else ""
    title, pse = TITLES[client.product.kind], str(system.pse)
    yield from connections.findings(side.connections, title, system.url, pse, library, windows=side.windows)
