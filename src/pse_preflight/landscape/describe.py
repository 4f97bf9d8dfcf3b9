"""One system as its machine has it: what systems.yaml says of it, joined with what it is silent about."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.findings import one_line
from pse_preflight.landscape.file import SystemEntry
from pse_preflight.landscape.keys import ClientKeys, Keys
from pse_preflight.landscape.places import PathUnusable, Places
from pse_preflight.landscape.system import Client, ClientIni, ExpiryDays, Product, System, TrustStore, Waiver
from pse_preflight.landscape.url import ApiUrl, Proxy, parse_proxy, read_url, redacted
from pse_preflight.landscape.variables import Variables
from pse_preflight.once import LazyProperty
from pse_preflight.sapgenpse import paths

_Read = TypeVar("_Read")

_WINDOWS_STORE = "windows:"
_STORE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

PSE_OF_HANA_CLIENTS = "sapcli.pse"
"""What HANA's clients look for in SECUDIR (sslCryptoProvider=commoncrypto)."""
LISTS = ("auto", "mozilla", "system")
"""What the key roots may name beside a file."""


@dataclass(frozen=True)
class Surroundings:
    """What a system takes from its machine where systems.yaml is silent.

    Attributes:
        environment: the environment variables.
        folder: the current folder.
        rootdir: pytest's root folder.
        evidence: the folder for evidence; the demo system keeps its files there.
        windows: the rules of Windows hold.
    """

    environment: Mapping[str, str]
    folder: Path
    rootdir: Path
    evidence: Path
    windows: bool = sys.platform == "win32"

    @LazyProperty
    def variables(self) -> Variables:
        """Return the environment, by the operating system's rules for names."""
        return Variables(self.environment, windows=self.windows)

    @LazyProperty
    def places(self) -> Places:
        """Return the operating system's rules for paths."""
        return Places(self.variables.by_name, windows=self.windows)


def describe(alias: str, entry: SystemEntry, file: Path | None, around: Surroundings) -> System:
    """Return a system with everything decided.

    Args:
        file: the systems.yaml that the entry is from.

    Raises:
        UsageProblem: with the place of the key that cannot be meant as it is written.
    """
    keys, days = entry.keys, entry.keys.expiry_days
    named = _Paths(alias, entry, file.parent if file else around.folder, around)
    asked = _asked(alias, entry, named)
    required = keys.required_roots
    return replace(
        asked,
        file=file,
        folder=around.evidence / alias,
        roots=named.roots(),
        roots_place=entry.places.get("roots", entry.place),
        pinned=tuple(keys.pinned),
        engine=keys.engine,
        include_leaf=keys.include_leaf,
        create=keys.create,
        expiry_days=ExpiryDays(
            leaf=days.leaf,
            ca=days.ca,
            leaf_is_written="leaf" in days.model_fields_set,
            ca_is_written="ca" in days.model_fields_set,
        ),
        required_roots=tuple(required) if isinstance(required, list) else (),
        requires_saps_roots=required == "sap" or (required is None and asked.url.is_sap_cloud),
        adds_saps_roots=required == "sap",
        tags=tuple(keys.tags),
        waivers=tuple(
            Waiver(check=each.check, code=each.code, until=each.until, reason=each.reason) for each in keys.waivers
        ),
        extras=entry.extras,
        client=_client(keys, named, around),
    )


def _asked(alias: str, entry: SystemEntry, named: "_Paths") -> System:
    """Return a system with its URL, the way to it, and the place of its PSE; the rest as it is where nobody says."""
    around, written = named.around, _url_as_written(alias, entry)
    try:
        url, url_findings = read_url(written, sql=entry.keys.serves == "sql")
        proxy, ignored = _proxy(entry.keys.proxy, url, around.environment)
    except PreflightError as error:
        raise UsageProblem(f"{entry.place}: {alias}: {error}") from None
    secudir, truststore = named.secudir(), named.truststore()
    pse = truststore[0] if truststore else named.pse(secudir)
    return System(
        alias=alias,
        url=url,
        url_as_written=redacted(written),
        url_findings=url_findings,
        serves=entry.keys.serves,
        proxy=proxy,
        ignored_proxy=ignored,
        pse=pse,
        truststore=truststore[1] if truststore else None,
        pse_identity=around.places.identity(pse),
        secudir=secudir,
        dn=None if truststore or entry.keys.serves == "sql" else entry.keys.dn,
    )


def _url_as_written(alias: str, entry: SystemEntry) -> str:
    if entry.unset:
        raise UsageProblem(entry.unset)
    if entry.keys.url is None:
        raise UsageProblem(f"{entry.place}: {alias} has no url")
    return entry.keys.url


@dataclass(frozen=True, slots=True)
class _Paths:
    """The paths of one system, read by the rules of its machine; a wrong one is told with the place of its key.

    Attributes:
        folder: where relative paths of files lie: beside systems.yaml.
    """

    alias: str
    entry: SystemEntry
    folder: Path
    around: Surroundings

    def secudir(self) -> Path:
        """Return the folder that the tool is told as SECUDIR: one absolute path, whoever asks."""
        written = self.entry.keys.secudir
        if written:
            return self._told("secudir", lambda: self.around.places.whole(written, such_as=self.folder))
        named = paths.secudir(self.around.variables.by_name, windows=self.around.windows)
        if not paths.is_absolute(str(named), windows=self.around.windows):
            raise UsageProblem(
                one_line(
                    f"{self.entry.place}: {self.alias}: the environment has the folder of the PSEs as {named}, which is"
                    " relative; set SECUDIR to the whole path, or write it as secudir"
                )
            )
        return named

    def pse(self, secudir: Path) -> Path:
        """Return the path of the PSE, which may be relative to SECUDIR (the tool's own rule)."""
        keys = self.entry.keys
        written = keys.pse or (PSE_OF_HANA_CLIENTS if keys.serves == "sql" else f"{self.alias}.pse")
        name = self._told("pse", lambda: self.around.places.file_name(written))
        return paths.pse_path(name, secudir, windows=self.around.windows)

    def truststore(self) -> tuple[Path, TrustStore] | None:
        """Return where the trust store is, and what opens it; None where the system has a PSE."""
        keys = self.entry.keys
        if keys.truststore is None:
            if keys.truststore_password is not None:
                raise self._wrong("truststore_password", "stands alone; name the trust store as `truststore`")
            return None
        if keys.pse is not None:
            raise self._wrong("truststore", "stands beside `pse`; a client has one of them")
        if keys.client_ini is not None:
            raise self._wrong("truststore", "stands beside `client_ini`; who reads a sapnwrfc.ini has a PSE")
        name = keys.truststore.removeprefix(_WINDOWS_STORE)
        if name == keys.truststore:
            return self.file("truststore", keys.truststore), TrustStore(password=keys.truststore_password)
        if not self.around.windows:
            raise self._wrong("truststore", f"{keys.truststore} is a store of Windows, and this is another system")
        if not _STORE_NAME.fullmatch(name):
            raise self._wrong("truststore", f"{keys.truststore} names no store; write {_WINDOWS_STORE}ROOT")
        return Path(keys.truststore), TrustStore(windows=name)

    def _wrong(self, key: str, text: str) -> UsageProblem:
        return UsageProblem(one_line(f"{self.entry.places.get(key, self.entry.place)}: {self.alias}: {key}: {text}"))

    def roots(self) -> str:
        """Return the key roots, a file as its path."""
        written = self.entry.keys.roots
        return written if written in LISTS else str(self.file("roots", written))

    def file(self, key: str, written: str) -> Path:
        """Return the path of a file that may lie beside systems.yaml."""
        return self._told(key, lambda: self.around.places.below(self.folder, written))

    def _told(self, key: str, read: Callable[[], _Read]) -> _Read:
        try:
            return read()
        except PathUnusable as error:
            raise self._wrong(key, str(error)) from None


def _client(keys: Keys, named: _Paths, around: Surroundings) -> Client | None:
    if keys.client is None and keys.client_ini is None and keys.crypto_library is None:
        return None
    side = keys.client or ClientKeys()
    ini = keys.client_ini
    return Client(
        hosts=tuple(side.hosts),
        account=side.account,
        group=side.group,
        bits=side.bits,
        certificate_logon=side.certificate_logon,
        path_is_personal=not keys.truststore
        and not (
            paths.is_absolute(keys.pse, windows=around.windows)
            or paths.is_absolute(keys.secudir, windows=around.windows)
        ),
        ini=ClientIni(named.file("client_ini", ini.file), ini.dest) if ini else None,
        library=named.file("crypto_library", keys.crypto_library) if keys.crypto_library else None,
        product=Product(side.product, named.file("client", side.folder)) if side.product and side.folder else None,
    )


def _proxy(text: str, url: ApiUrl, environment: Mapping[str, str]) -> tuple[Proxy | None, bool]:
    """Return the proxy to use, and whether the environment names one that is not used."""
    named = _environment_proxy(url.host, environment)
    if text == "env":
        return (parse_proxy(named) if named else None), False
    return (None, bool(named)) if text == "none" else (parse_proxy(text), False)


def _environment_proxy(host: str, environment: Mapping[str, str]) -> str | None:
    import urllib.request  # brings ssl along, which nothing else here needs

    lower = {name.lower(): value for name, value in environment.items() if name.lower().endswith("_proxy") and value}
    bypass = {"no": lower.get("no_proxy", "")}
    if urllib.request.proxy_bypass_environment(host, bypass):  # type: ignore[attr-defined]
        return None
    return lower.get("https_proxy") or lower.get("all_proxy")
