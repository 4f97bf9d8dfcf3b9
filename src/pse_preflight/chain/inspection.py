"""Who re-signs TLS connections, which roots Mozilla has dropped, and who only bears the name of a root of SAP's."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from pse_preflight.certificate import Certificate
from pse_preflight.chain.sap_roots import PUBLISHED, Root, SapRoots, Table
from pse_preflight.chain.search import Pool, authority_key, issuer_of, public_key_of, subject_of
from pse_preflight.chain.verify import Path
from pse_preflight.checklist import Code, Severity
from pse_preflight.findings import Finding, finding

_USUAL = "(root|ca|certificate|authority|ssl|tls|https|web|proxy|gateway|firewall|inspection|networks|security)"
"""What follows the name of a maker where the name alone may be somebody else's."""

INSPECTION_PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "A10 Thunder": ("a10 (networks|thunder|ssli?)",),
    "AdGuard": ("ad ?guard",),
    "Akamai": ("akamai (etp|enterprise threat|secure internet|sia)", f"akamai {_USUAL}"),
    "Allot": ("allot (communications|secure|ltd)", f"allot {_USUAL}"),
    "AnyProxy": ("anyproxy",),
    "Aryaka": ("aryaka",),
    "Avast": ("avast",),
    "AVG": ("avg (technologies|web)",),
    "Avira": ("avira",),
    "Azure Firewall": ("azure ?firewall",),
    "Barracuda": ("barracuda",),
    "Bitdefender": ("bitdefender",),
    "Blue Coat": ("blue ?coat", "proxysg"),
    "BullGuard": ("bullguard",),
    "Burp Suite": ("portswigger",),
    "Cato Networks": (
        "cato (cloud|sase)",
        f"cato {_USUAL}",
    ),
    "Censornet": ("censornet",),
    "Charles": ("charles (web debugging )?proxy",),
    "Check Point": (
        "check ?point (software|firewall|security|gateway|https|harmony|ca|root|internal)",
        "check ?point$",
        "perimeter ?81",
    ),
    "Cisco Firepower": ("cisco (firepower|ftd|fmc|secure firewall)",),
    "Cisco Meraki": ("meraki",),
    "Cisco Secure Web Appliance": ("ironport", "cisco (wsa|web security|secure web)", "web security appliance"),
    "Cisco Umbrella": ("cisco (umbrella|secure access)", "opendns"),
    "Citrix": ("citrix (secure|swg|netscaler|adc|systems)", f"citrix {_USUAL}", "netscaler"),
    "Clavister": ("clavister",),
    "Clearswift": ("clearswift",),
    "Cloudflare Gateway": ("cloudflare.* gateway", "gateway ca - cloudflare", "cloudflare (for teams|zero trust)"),
    "ContentKeeper": ("content ?keeper",),
    "Covenant Eyes": ("covenant ?eyes",),
    "Cyberhaven": ("cyberhaven",),
    "Digital Guardian": ("digital ?guardian", "verdasys"),
    "DNSFilter": ("dnsfilter",),
    "Dr.Web": (r"dr\.? ?web", "doctor web"),
    "Endian": ("endian (utm|srl|spa)", f"endian {_USUAL}"),
    "Endpoint Protector": ("endpoint protector", "cososys"),
    "Ericom": ("ericom",),
    "ESET": ("eset",),
    "F-Secure": ("f-secure", "withsecure"),
    "F5": ("f5 (big-?ip|inc)", f"f5 {_USUAL}", "big-?ip ssl", "ssl ?orchestrator", "sslo"),
    "Falcongaze": ("falcongaze",),
    "Fiddler": ("do_not_trust_fiddlerroot", "fiddler"),
    "FireEye": ("fireeye",),
    "Forcepoint": ("forcepoint", "websense", "stonesoft"),
    "Fortinet": (
        "fortinet",
        "forti(gate|proxy|wifi|sase|os|web|client)",
        *(f"{model}[0-9a-z]{{2,6}}[0-9]{{8,}}" for model in ("fg", "fwf", "fpxy")),
    ),
    "G DATA": ("g data", "gdata", "g-data"),
    "gateProtect": ("gateprotect", "r&s unified firewall"),
    "Gigamon": ("gigamon", "gigasmart"),
    "GoGuardian": ("goguardian",),
    "Hillstone": ("hillstone",),
    "HTTP Debugger": ("http ?debugger",),
    "HTTP Toolkit": ("http ?toolkit",),
    "Huawei": ("huawei (usg|firewall|secospace|ngfw|eudemon|web|proxy|ssl)",),
    "iboss": ("iboss",),
    "InterGuard": ("interguard",),
    "Juniper": (
        "juniper srx",
        f"juniper {_USUAL}",
    ),
    "K7": (
        "k7 (computing|total)",
        f"k7 {_USUAL}",
    ),
    "Kaspersky": ("kaspersky",),
    "Kerio": ("kerio", "gfi software"),
    "Komodia": ("komodia", "superfish"),
    "Lightspeed": (
        "lightspeed (systems|filter|rocket)",
        f"lightspeed {_USUAL}",
    ),
    "Linewize": ("linewize", "family ?zone"),
    "Lookout": (
        "lookout (secure|swg|inc)",
        f"lookout {_USUAL}",
    ),
    "McAfee": ("mcafee",),
    "Menlo Security": ("menlo ?security", f"menlo {_USUAL}"),
    "Microsoft Entra Internet Access": ("global secure access", "entra internet access"),
    "Microsoft TMG": ("forefront tmg", "threat management gateway", "microsoft tmg"),
    "Mimecast": ("mimecast",),
    "mitmproxy": ("mitmproxy",),
    "Net Nanny": ("net ?nanny", "contentwatch"),
    "Netskope": ("netskope", "goskope"),
    "NetSpark": ("netspark",),
    "Netsweeper": ("netsweeper",),
    "Norton": (
        "norton (360|antivirus|internet|family)",
        "norton[ /].*shield",
        "nortonlifelock",
        "norton$",
        f"norton {_USUAL}",
    ),
    "NSFOCUS": ("nsfocus",),
    "Open Systems": (
        "open systems (ag|swg|sase)",
        f"open systems {_USUAL}",
    ),
    "OPNsense": ("opnsense", "pfsense"),
    "OWASP ZAP": ("zed attack proxy", "owasp zap", "zap root"),
    "Palo Alto Networks": ("palo ?alto", "prisma access", "globalprotect"),
    "Panda Security": ("panda security",),
    "Privoxy": ("privoxy",),
    "Proofpoint": ("proofpoint",),
    "Proxyman": ("proxyman",),
    "Qihoo 360": ("qihoo", "360 ?(safe|total)"),
    "Qustodio": ("qustodio",),
    "Reqable": ("reqable",),
    "Requestly": ("requestly",),
    "Safetica": ("safetica",),
    "Sangfor": ("sangfor",),
    "SearchInform": ("searchinform",),
    "Securepoint": ("securepoint",),
    "Securly": ("securly",),
    "Seqrite": ("seqrite", "quick ?heal"),
    "Skyhigh": ("skyhigh",),
    "Smoothwall": ("smoothwall",),
    "SonicWall": ("sonic ?wall",),
    "Sophos": ("sophos", "astaro", "cyberoam"),
    "Squid": ("squid",),
    "SSLsplit": ("sslsplit",),
    "Stormshield": ("stormshield", "netasq"),
    "Symantec": (
        "symantec (wss|cloud|enterprise|endpoint|dlp)",
        f"symantec {_USUAL}",
        "broadcom",
        "web security service",
    ),
    "Teramind": ("teramind",),
    "TopSec": ("topsec",),
    "Trellix": ("trellix",),
    "Trend Micro": ("trend ?micro", "interscan", "iwsva"),
    "Trustwave SWG": ("trustwave (swg|secure web)", "m86 security"),
    "UniFi": ("unifi (network|os)", f"unifi {_USUAL}", "ubiquiti"),
    "Untangle": ("untangle", "arista (edge|ng)"),
    "Versa Networks": (
        "versa (sase|operating|flexvnf)",
        f"versa {_USUAL}",
    ),
    "WatchGuard": ("watchguard", "fireware"),
    "WebTitan": ("web ?titan", "titanhq"),
    "Webroot": ("webroot",),
    "Webwasher": ("webwasher",),
    "whistle": ("whistle(?=[ .])",),
    "Zecurion": ("zecurion",),
    "ZoneAlarm": ("zone ?alarm",),
    "Zscaler": ("zscaler",),
    "Zyxel": ("zyxel",),
}
"""TLS-inspecting products, and the words by which their authorities' names tell them; letters' case has no say."""

OF_UNKNOWN_MAKE = "of unknown make"
"""What stands for the product where an authority calls itself an inspecting one, and says no more."""

_READS = "inspect(ion|ing|or)?|intercept(ion|ing|or)?|decrypt(ion|ing|or)?|scan(ning|ner)?|filter(ing)?|proxy|mitm"
_RESIGNS = "visibility|bump(ing)?|monitor(ing)?|forward[ ._-]?proxy|forward(ing)?|re-?sign(ing|er)?"
_GAP = "[ ._/-]{0,2}"
_SAYS_SO = (
    *(f"{what}{_GAP}({_READS}|{_RESIGNS})" for what in ("ssl", "tls", "https?")),
    *(f"{what}{_GAP}({_READS})" for what in ("web", "traffic")),
    *(f"{what}{_GAP}(proxy|ca|authority|root)" for what in ("transparent", "outbound", "inspection", "interception")),
    *(f"{what}{_GAP}filter(ing)?" for what in ("content", "url")),
    *(f"{what}{_GAP}(proxy|ssl|tls|https?)" for what in ("utm", "ngfw", "firewall")),
    f"decrypt(ion)?{_GAP}(proxy|ca|authority|root)",
    f"forward{_GAP}((un)?trust|proxy)",
    f"web{_GAP}gateway",
    f"deep{_GAP}packet{_GAP}inspection",
    f"dpi{_GAP}ssl",
    f"proxy{_GAP}(ssl|tls|https)",
    "man[ ._-]in[ ._-]the[ ._-]middle",
    "mitm",
    "swg",
)
"""What authorities of products that are not known by name call themselves."""

_PARTS = re.compile(r"(?<!\\)[,+]")
_ESCAPED = re.compile(r"\\(.)")


def _beginning(pattern: str) -> str:
    """Return the letters that every match begins with; few names hold them, so few patterns are ever compiled."""
    letters, *_ = re.split("[^a-z0-9 &-]", pattern, maxsplit=1)
    return letters[:-1] if pattern.startswith("?", len(letters)) else letters


_PATTERNS = tuple(
    (_beginning(pattern), pattern, product)
    for product, patterns in (*INSPECTION_PRODUCTS.items(), (OF_UNKNOWN_MAKE, _SAYS_SO))
    for pattern in patterns
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z])")


@dataclass(frozen=True, slots=True)
class DroppedRoot:
    """A public root that has left Mozilla's list.

    Attributes:
        sha256: its fingerprint.
        key: its subject key identifier, which tells it where the server does not send it.
        left: when it was gone, as month and year.
    """

    sha256: str
    key: bytes
    left: str


# DigiCert Global Root CA ("G1"), Assured ID Root CA, High Assurance EV Root CA: rustls/webpki-roots 1.0.7, April 2026
DROPPED_ROOTS = (
    DroppedRoot(
        "4348a0e9444c78cb265e058d5e8944b4d84f9662bd26db257f8934a443c70161",
        bytes.fromhex("03de503556d14cbb66f0a3e21b1bc397b23dd155"),
        "April 2026",
    ),
    DroppedRoot(
        "3e9099b5015e8f486c00bcea9d111ee721faba355a89bcf1df69561e3dc6325c",
        bytes.fromhex("45eba2aff492cb82312d518ba7a7219df36dc80f"),
        "April 2026",
    ),
    DroppedRoot(
        "7431e5f4c3c1ce4690774f0b61e05440883ba9a01ed00ba6abd7806ed3b118cf",
        bytes.fromhex("b13ec36903f8bf4701d498261a0802ef63642bc3"),
        "April 2026",
    ),
)


def dropped_root(last: Certificate) -> DroppedRoot | None:
    """Return the dropped root that the last certificate of a path is, or says that it was signed by."""
    found = (each for each in DROPPED_ROOTS if each.sha256 == last.sha256 or each.key == authority_key(last))
    return next(found, None)


@lru_cache(maxsize=4096)
def inspection_product(name: str) -> str:
    """Return the TLS-inspecting product that an authority's distinguished name tells, or nothing.

    Args:
        name: as RFC 4514 writes it.
    """
    values = (_ESCAPED.sub(r"\1", part.partition("=")[2]) for part in _PARTS.split(name.lower()) if "=" in part)
    found = [
        product
        for value in values
        for beginning, pattern, product in _PATTERNS
        if beginning in value and _compiled(pattern).search(value)
    ]
    return next((product for product in found if product != OF_UNKNOWN_MAKE), found[0] if found else "")


def inspecting_authority(path: Iterable[Certificate]) -> tuple[str, str]:
    """Return the product, and the issuer's name that tells it, for the first certificate that one has issued.

    Subjects are not looked at: a maker of such products has servers of its own.
    """
    for certificate in path:
        product = inspection_product(certificate.issuer)
        if product:
            return product, certificate.issuer_name
    return "", ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The name of a root of SAP's list, as a path bears it.

    Attributes:
        root: the root of the list.
        bearer: the certificate that bears its name; None where the path only names it as the issuer that is missing.
        is_false: the name is all that they have in common: another fingerprint, another key, or no signature of its.
    """

    root: Root
    bearer: Certificate | None
    is_false: bool


_FIX_OF_FALSE_NAME = "do not trust it: find out who answers in the place of this host"
_FIX_OF_ACCEPTED = "nothing, if your company reads along on purpose; the client trusts the proxy for everything it says"
_FIX_OF_INSPECTION = (
    "have this host excluded from TLS inspection; or, if this authority is meant, for everything it says, get the file"
    " of its root from whoever runs it, compare the fingerprint, and name the file under `roots:` in systems.yaml"
)


def claim_of(path: Path, pool: Pool, listed: Table) -> Claim | None:
    """Return the name of SAP's list that a path leads to: its root's, the missing issuer's, or a cross-signed one's.

    Only the SHA-256 tells a root; a cross-signed one has another, and is told by its key where the root is at hand.
    """
    top = path[-1]
    if top.is_self_issued:
        claimed = listed.root(top.sha256) or listed.claimed_in(top.parsed.subject)
        if claimed:
            return Claim(claimed, top, top.sha256 != claimed.sha256)
    elif claimed := listed.named_in(top.parsed.issuer):
        return Claim(claimed, None, _at_hand(pool.named(issuer_of(top)), claimed) is not None)
    for each in path[1:]:
        claimed = None if each.is_self_issued else listed.named_in(each.parsed.subject)
        if claimed:
            genuine = _at_hand(pool.named(subject_of(each)), claimed)
            return Claim(claimed, each, genuine is not None and public_key_of(genuine) != public_key_of(each))
    return None


def _at_hand(certificates: Iterable[Certificate], root: Root) -> Certificate | None:
    return next((each for each in certificates if each.sha256 == root.sha256), None)


def inspected(path: Path, product: str, authority: str, claim: Claim | None, *, accepted: bool) -> Finding:
    """Say who re-signed the connection, and both ways out.

    Args:
        product: the inspecting product that a name tells; empty where none does.
        authority: the name of the issuer that tells it, or else of the last one.
        accepted: the user has named the root that the path ends in.
    """
    leaf = path[0].label
    if claim and claim.is_false:
        observed, fix = _false_name(claim, path), _FIX_OF_FALSE_NAME
    elif accepted and not product:
        observed = f'the chain of server certificate {leaf} ends in "{authority}", which you named as a root'
        observed += "; it is in no public list, nor in SAP's"
        fix = "nothing, if it is your own authority; the client trusts it for whatever it signs"
    else:
        observed = f'the connection is re-signed by {_who(product)}, "{authority}"; server certificate {leaf}'
        fix = _FIX_OF_ACCEPTED if accepted else _FIX_OF_INSPECTION
    return finding(
        Code.TLS_INSPECTED,
        observed,
        fix=fix,
        severity=Severity.MINOR if accepted else None,
        certificates=[path[-1].sha256],
    )


def _who(product: str) -> str:
    if product == OF_UNKNOWN_MAKE:
        return "a TLS-inspecting product"
    return f"the TLS-inspecting product {product}" if product else "an authority that is not public"


def _false_name(claim: Claim, path: Path) -> str:
    if claim.bearer is None:
        return (
            f'{path[-1].label} names "{claim.root.name}" as its issuer, and SAP\'s root of that name'
            f" (sha256 {claim.root.sha256}) did not sign it"
        )
    return (
        f'{claim.bearer.label} calls itself "{claim.root.name}", and is not SAP\'s: its sha256 is'
        f" {claim.bearer.sha256}, and SAP's is {claim.root.sha256}"
    )


def in_words_of_saps_list(
    found: Finding, claim: Claim | None, path: Path, roots: SapRoots, public: Collection[str]
) -> Finding:
    """Return the finding about a root that is not trusted, with what SAP's list knows of that name.

    Args:
        public: fingerprints of Mozilla's list.
    """
    if claim is None:
        return found
    if claim.is_false:
        observed = f"{_false_name(claim, path)}; {found.observed}"
        return replace(found, observed=observed, fix=_FIX_OF_FALSE_NAME)
    root = claim.root
    if root.left or root.since is None:
        told = f"; SAP's list had a root of that name until {root.left.day} ({root.left.name})" if root.left else ""
        return replace(found, observed=found.observed + told)
    since = f"since {root.since.day} ({root.since.name})"
    is_known = root.sha256 in public or any(each.sha256 == root.sha256 for each in roots.certificates)
    if claim.bearer is None:
        where = "is not among the roots that are judged by" if is_known else "no file of it is at hand here"
        observed = (
            f'"{root.name}", which signed {path[-1].label}, was not sent, and {where}; SAP requires a root of that name'
            f" {since}"
        )
    elif claim.bearer.is_self_issued:
        observed = f"{found.observed}; SAP requires this root {since}"
    else:
        observed = f'{found.observed}; it cross-signs "{root.name}", and SAP requires a root of that name {since}'
    return replace(found, observed=observed, fix=_fix(claim, roots, is_known=is_known))


def _fix(claim: Claim, roots: SapRoots, *, is_known: bool) -> str:
    """Return how a root of SAP's list comes to be trusted."""
    root = claim.root
    if roots.shipped.root(root.sha256) is None:
        return (
            f'the list that --sap-roots names has "{root.name}" (sha256 {root.sha256}), and the one that comes along'
            " has not: if you have that list from SAP itself, name the file of this root under `roots:` in systems.yaml"
        )
    if is_known or (claim.bearer and claim.bearer.sha256 == root.sha256):
        return "judge this host by `roots: auto`, which knows this root"
    return (
        f"get SAP's list ({PUBLISHED}) and run with --sap-roots PATH; or get the file of this root, sha256"
        f" {root.sha256}, and name it under `roots:` in systems.yaml"
    )
