"""The command `pse-preflight init`: write a first systems.yaml, from an API URL or from SAP's own sapnwrfc.ini."""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pse_preflight import __version__
from pse_preflight.certificate import Certificate, CertificateUnreadable, now
from pse_preflight.chain import judge as chain
from pse_preflight.chain.judge import Judgement, Period
from pse_preflight.chain.roots import named_roots, with_saps
from pse_preflight.chain.sap_roots_file import sap_roots
from pse_preflight.client.ini import Destination
from pse_preflight.client.look import read_ini
from pse_preflight.command import roots
from pse_preflight.endpoint import observation, reading
from pse_preflight.endpoint.model import Endpoint, Limits, Target
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.findings import Finding
from pse_preflight.landscape.file import FILE_NAME
from pse_preflight.landscape.url import HTTPS_PORT, ApiUrl, UrlUnreadable, authority, read_url

MISUSE = 4
"""The exit code of a misuse, as pytest has it."""

_HEAD = """\
# systems.yaml: the SAP systems that pse-preflight checks. Written by `pse-preflight init`; it is yours to change.
#   pytest --pyargs pse_preflight.checks --system={alias}
"""
_REQUIRED_ROOTS = "# required_roots: sap       # a run that makes or repairs the PSE adds the roots that SAP requires"
_RESERVED = frozenset({"demo", "all"})


def console() -> int:
    """Run the command line; return the exit code."""
    return run(sys.argv[1:], now)


def run(arguments: Sequence[str], clock: Callable[[], datetime]) -> int:
    """Run the command line; return the exit code."""
    asked = _parser().parse_args(arguments)
    target = Path(asked.output)
    try:
        if asked.command == "roots":
            return roots.run(asked)
        _refuse_to_overwrite(target)
        text = _from_ini(Path(asked.from_ini)) if asked.from_ini else _from_url(asked.url, clock)
        _write(target, text)
    except PreflightError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return MISUSE
    print(f"{target} has been written; read it, then run the checks as its first lines say")
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] # argparse says NoReturn, which exit is
        """Tell a misuse with the exit code that every misuse here has."""
        self.exit(MISUSE, f"ERROR: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pse-preflight", description="Prepare checks of the trust in SAP S/4HANA Cloud systems.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    roots.add(commands)
    init = commands.add_parser("init", help="write a first systems.yaml")
    source = init.add_mutually_exclusive_group(required=True)
    source.add_argument("url", nargs="?", metavar="URL", help="the API URL; the system is asked once, without a logon")
    source.add_argument("--from-ini", metavar="FILE", help="a sapnwrfc.ini; nothing is asked")
    init.add_argument("--output", metavar="FILE", default=FILE_NAME, help=f"the file to write ({FILE_NAME})")
    return parser


def _refuse_to_overwrite(target: Path) -> None:
    if target.exists():
        raise UsageProblem(f"{target} is there already and is not overwritten; name another file with --output")


def _write(target: Path, text: str) -> None:
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageProblem(f"{target} has appeared meanwhile and is not overwritten") from None
    except OSError as error:
        raise UsageProblem(f"{target} cannot be written: {error.strerror}") from None


def _from_url(text: str, clock: Callable[[], datetime]) -> str:
    try:
        url, findings = read_url(text)
    except UrlUnreadable as error:
        raise UsageProblem(f"the URL cannot be read: {error}") from None
    if not url.askable:
        raise UsageProblem(f"{findings[0].observed}; {findings[0].fix}")
    seen = observation.observe(Target(url.host, url.port), Limits(), clock)
    known = sap_roots()
    presented = [each for der in seen.presented if (each := _readable(der))]
    mozilla = named_roots("mozilla")
    judged_by = with_saps(mozilla, known, presented) if url.is_sap_cloud else mozilla
    question = chain.Question(
        host=url.host,
        presented=seen.presented,
        roots=judged_by.certificates,
        roots_name=judged_by.name,
        period=Period(clock(), clock()),
        sap_domain=url.is_sap_cloud,
        sap_roots=known,
        mozilla=frozenset(each.sha256 for each in mozilla.certificates),
    )
    alias = _alias(url.host, ())
    lines = [*_seen(url, seen, (*findings, *reading.findings_of(seen))), *_roots(url, chain.judge(question), seen)]
    return _HEAD.format(alias=alias) + _systems([(alias, lines)])


def _readable(der: bytes) -> Certificate | None:
    try:
        return Certificate.read(der)
    except CertificateUnreadable:
        return None


def _seen(url: ApiUrl, seen: Endpoint, findings: Iterable[Finding]) -> Iterator[str]:
    kind = "in SAP's cloud" if url.is_sap_cloud else "not in a domain of SAP's cloud"
    yield f"url: {_quoted(f'https://{_place(url)}')}  # {kind}"
    yield f"# seen: {seen.tls_version or 'no TLS'}, {len(seen.presented)} certificates presented"
    yield from (f"# {each.code}: {_one_line(each.observed)}" for each in findings)


def _roots(url: ApiUrl, judgement: Judgement, seen: Endpoint) -> Iterator[str]:
    if judgement.leaf:
        yield f"# server certificate: {_one_line(judgement.leaf.label)}"
    if judgement.path:
        yield f"# its root: {_one_line(judgement.path[-1].label)}"
    yield from (f"# {each.code}: {_one_line(each.observed)}" for each in judgement.findings if seen.presented)
    if url.is_sap_cloud:
        yield "roots: auto  # Mozilla's list and SAP's own, since the host is in SAP's cloud"
        yield _REQUIRED_ROOTS
    elif judgement.path:
        yield "roots: mozilla  # the chain ends at a root of Mozilla's list"
    elif judgement.leaf is None:
        yield "# Nothing could be seen of its certificates, so nothing is said of roots here."
    else:
        yield "# The chain leads to no root of Mozilla's list. Say by what it is to be judged, once you have compared"
        yield "# the fingerprint with the one that your authority publishes; nothing is created before."
        if judgement.best and judgement.best[-1].is_self_issued:
            yield f'# pinned: ["sha256:{judgement.best[-1].sha256}"]'
        yield "# roots: /path/of/your/root.pem"
    yield from _rest()


def _rest() -> Iterator[str]:
    yield "# secudir: /opt/xtract/sec    # the folder of the PSE that the client's service really uses"
    yield "# pse: client.pse             # absolute, or relative to secudir"
    yield "# client: {hosts: [this-host], account: xtract, bits: 64}"


def _from_ini(file: Path) -> str:
    try:
        destinations = read_ini(file)
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror or type(error).__name__}") from None
    usable = [each for each in destinations if each.host]
    if not usable:
        raise UsageProblem(f"{file} has no destination with WSHOST, so none for WebSocket RFC")
    systems: list[tuple[str, list[str]]] = []
    for each in usable:
        alias = _alias(each.name, [taken for taken, _ in systems])
        systems.append((alias, list(_from_destination(each, file.absolute()))))
    left_out = [f"# left out, since it has no WSHOST: {_one_line(each.name)}" for each in destinations if not each.host]
    return "\n".join([_HEAD.format(alias=systems[0][0]) + _systems(systems), *left_out]).rstrip("\n") + "\n"


def _from_destination(found: Destination, file: Path) -> Iterator[str]:
    try:
        url, _ = read_url(found.host)
    except UrlUnreadable as error:
        raise UsageProblem(f"{file}, DEST={found.name}: WSHOST cannot be read: {error}") from None
    port = int(found.port) if found.port.isdecimal() else HTTPS_PORT
    yield f"url: {_quoted(f'https://{_place(ApiUrl(url.host, port or HTTPS_PORT))}')}"
    if found.pse:
        yield f"pse: {_quoted(found.pse)}"
    if found.proxy_host and found.proxy_port.isdecimal():
        proxy = found.proxy_host.rpartition("://")[2]
        yield f"proxy: {_quoted(f'http://{proxy}:{found.proxy_port}')}"
        if found.proxy_login:
            yield "# the proxy wants a login: write http://user:${PROXY_PASSWORD}@… and set that variable"
    if found.library:
        yield f"crypto_library: {_quoted(found.library)}"
    yield f"client_ini: {{file: {_quoted(str(file))}, dest: {_quoted(found.name)}}}"
    if url.is_sap_cloud:
        yield _REQUIRED_ROOTS
    yield "# client: {hosts: [this-host], account: xtract, bits: 64}"


def _systems(systems: Iterable[tuple[str, Iterable[str]]]) -> str:
    parts = ["\nsystems:\n"]
    for alias, lines in systems:
        parts.append(f"  {_quoted(alias)}:\n")
        parts += [f"    {line}\n" for line in lines]
    return "".join(parts)


def _alias(name: str, taken: Iterable[str]) -> str:
    """Return a name that systems.yaml allows and that is not taken, whatever the case."""
    label = name if name.replace(".", "").isdecimal() else name.partition(".")[0].removesuffix("-api")
    first = re.sub(r"[^A-Za-z0-9._-]", "_", label)[:60] or "system"
    used = {each.lower() for each in taken} | _RESERVED
    numbered = (first if number == 1 else f"{first}-{number}" for number in range(1, len(used) + 3))
    return next(each for each in numbered if each.lower() not in used)


def _place(url: ApiUrl) -> str:
    return url.host if url.port == HTTPS_PORT and ":" not in url.host else authority(url.host, url.port)


def _quoted(text: str) -> str:
    """Quote for YAML so that nothing in it is read as anything else; Windows paths stay as they are."""
    if not text.isprintable():
        raise UsageProblem("a value holds a control character, which systems.yaml may not have")
    return "'" + text.replace("'", "''") + "'"


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
