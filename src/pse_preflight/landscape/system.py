"""What is said of a system, with everything decided: plain data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pse_preflight.findings import Command, Finding
from pse_preflight.landscape.url import ApiUrl, Proxy
from pse_preflight.options import Engine

Serves = Literal["rfc", "sql"]
"""What a system serves to its clients: WebSocket RFC, or SQL over TLS as SAP HANA does."""

ProductKind = Literal["xtract", "board-connector"]
"""Which of Theobald's products keeps its connections in files of its own."""


@dataclass(frozen=True, slots=True)
class ExpiryDays:
    """How many days before its end a certificate is a finding.

    Attributes:
        leaf: of the server certificate.
        ca: of the root, and of whatever else trust relies on.
        leaf_is_written, ca_is_written: somebody has chosen the days. Where nobody has, a third of the lifetime is
            enough: certificates that live for 47 days would else be a finding for most of their lives.
    """

    leaf: int = 7
    ca: int = 90
    leaf_is_written: bool = False
    ca_is_written: bool = False

    def before_end_of_leaf(self, lifetime: timedelta) -> timedelta:
        """Return how long before its end a server certificate of this lifetime is a finding."""
        days = timedelta(days=self.leaf)
        return days if self.leaf_is_written else min(days, lifetime / 3)

    def before_end_of_ca(self, lifetime: timedelta) -> timedelta:
        """Return how long before its end a certificate of this lifetime is a finding where trust relies on it."""
        days = timedelta(days=self.ca)
        return days if self.ca_is_written else min(days, lifetime / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A finding of one check that somebody has decided to live with, until a day.

    Attributes:
        check: the check that it keeps from turning red.
        code: the code of the finding; without one, all findings of the check but blockers.
        until: the last day on which it counts.
        reason: why.
    """

    check: str
    code: str | None = None
    until: date
    reason: str


@dataclass(frozen=True, slots=True)
class ClientIni:
    """A destination of a sapnwrfc.ini."""

    file: Path
    dest: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product of Theobald's that is the client.

    Attributes:
        kind: xtract or board-connector.
        folder: where it is installed.
    """

    kind: ProductKind
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The client's own side, as systems.yaml describes it.

    Attributes:
        hosts: the machines that it runs on; empty where they are not named.
        account: whom it runs as.
        group: the group that may read the PSE, too.
        bits: for how many bits it is built, where that is said.
        path_is_personal: the path of the PSE follows from who runs this, and from this shell.
        certificate_logon: it logs on with the certificate of its PSE (TLS_CLIENT_CERTIFICATE_LOGON).
        ini: the destination that it uses.
        library: SAP's TLS library.
        product: the product that keeps the connection in files of its own.
    """

    hosts: tuple[str, ...] = ()
    account: str | None = None
    group: str | None = None
    bits: int | None = None
    path_is_personal: bool = False
    certificate_logon: bool = False
    ini: ClientIni | None = None
    library: Path | None = None
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class TrustStore:
    """What a client that is not SAP's trusts by, in place of a PSE; the path stands where that of a PSE stands.

    Attributes:
        windows: the name of a certificate store of Windows, such as ROOT; empty for a file.
        password: opens the file, or proves it; None where none is given.
    """

    windows: str = ""
    password: str | None = field(default=None, repr=False)


def needs_nothing() -> None:
    """Let a system be asked as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system that is asked about, with everything decided.

    Attributes:
        alias: its name in reports and in test ids.
        file: the systems.yaml that describes it; None for the demo, and for a URL.
        url: the API URL's host and port.
        url_as_written: the URL in systems.yaml, without user, password and whatever follows the host.
        url_findings: what is to be said of the URL as it was written.
        serves: what it serves; a database speaks no HTTP, and its clients have a PSE without an own key.
        folder: where the files about it go.
        pse: absolute path of the client PSE, as this system spells it.
        truststore: where the client has a trust store in place of a PSE, whose path is `pse` then.
        pse_identity: what is equal for two spellings of one PSE; empty where the path itself says it.
        secudir: the folder that the PSE tool is told as SECUDIR.
        dn: the owner of a PSE that is to be created; None where it was not configured.
        roots: auto, mozilla, system, or the absolute path of a file of certificates.
        roots_place: where that is written: a file and its line, or an option.
        pinned: fingerprints of a private CA, or of the server itself, that stand instead of roots.
        engine: which program makes and lists its PSE; auto where the option decides.
        proxy: the CONNECT proxy, or None for a direct connection.
        ignored_proxy: the environment names a proxy for this host, and it is not used.
        include_leaf: the server certificate too belongs in the PSE.
        create: a missing PSE may be made.
        next_command: where it was named by its URL, the command that gives it its place in systems.yaml.
        confirm: SAP's tool is expected to have listed a PSE that the bundled implementation wrote.
        required_roots: fingerprints of roots that must be in the PSE although no server uses them yet.
        requires_saps_roots: so must the roots of SAP's own list, as is usual for a host of SAP's cloud.
        adds_saps_roots: a run that makes or repairs the PSE adds them, since systems.yaml asks for it.
        waivers: the findings that somebody has decided to live with.
        extras: the keys that start with x-, for the reports.
        client: the client's own side; None where nothing is said of it.
        prepare: what must have happened before the system is asked.
    """

    alias: str
    file: Path | None = None
    url: ApiUrl
    url_as_written: str = ""
    url_findings: tuple[Finding, ...] = ()
    serves: Serves = "rfc"
    folder: Path = Path()
    pse: Path
    truststore: TrustStore | None = None
    pse_identity: str = ""
    secudir: Path
    dn: str | None = None
    roots: str = "auto"
    roots_place: str = ""
    pinned: tuple[str, ...] = ()
    engine: Engine = "auto"
    proxy: Proxy | None = None
    ignored_proxy: bool = False
    include_leaf: bool = False
    create: bool = True
    next_command: Command = ()
    confirm: bool = True
    expiry_days: ExpiryDays = ExpiryDays()
    required_roots: tuple[str, ...] = ()
    requires_saps_roots: bool = False
    adds_saps_roots: bool = False
    tags: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    extras: tuple[tuple[str, str], ...] = ()
    client: Client | None = None
    prepare: Callable[[], None] = field(default=needs_nothing, repr=False, compare=False)

    @property
    def serves_sql(self) -> bool:
        """Tell whether it is a database."""
        return self.serves == "sql"

    @property
    def shared_pse(self) -> str:
        """Return what systems of one PSE have in common, however each of them spells its path."""
        path = self.pse_identity or str(self.pse)
        return f"{path} as a trust store, {self.truststore.password!r}" if self.truststore else path
