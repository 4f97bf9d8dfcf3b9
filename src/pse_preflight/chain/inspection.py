"""Who re-signs TLS connections, and which roots Mozilla has dropped: the two tables that the diagnosis knows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pse_preflight.certificate import Certificate
from pse_preflight.chain.search import authority_key

INSPECTION_PRODUCTS: Mapping[str, str] = {
    "Avast": r"avast",
    "AVG": r"avg (technologies|web)",
    "Barracuda": r"barracuda",
    "Bitdefender": r"bitdefender",
    "Blue Coat": r"blue ?coat|proxysg",
    "Burp Suite": r"portswigger",
    "Charles": r"charles proxy",
    "Check Point": r"check ?point",
    "Cisco Umbrella": r"cisco umbrella|opendns",
    "Cloudflare Gateway": r"cloudflare.* gateway|gateway ca - cloudflare",
    "Digital Guardian": r"digital ?guardian",
    "ESET": r"eset",
    "Fiddler": r"do_not_trust_fiddlerroot|fiddler",
    "Forcepoint": r"forcepoint|websense",
    "Fortinet": r"fortinet|fortigate",
    "iboss": r"iboss",
    "Kaspersky": r"kaspersky",
    "McAfee Web Gateway": r"mcafee web gateway",
    "mitmproxy": r"mitmproxy",
    "Netskope": r"netskope|goskope",
    "Palo Alto Networks": r"palo ?alto",
    "Skyhigh": r"skyhigh",
    "SonicWall": r"sonicwall",
    "Sophos": r"sophos",
    "Squid": r"squid",
    "WatchGuard": r"watchguard|fireware",
    "Zscaler": r"zscaler",
}
"""TLS-inspecting products, and the words by which their authorities' names tell them; letters' case has no say."""

_PATTERNS = tuple(
    (product, re.compile(rf"(?<![a-z0-9])({words})(?![a-z])", re.IGNORECASE))
    for product, words in INSPECTION_PRODUCTS.items()
)


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


def inspection_product(name: str) -> str:
    """Return the TLS-inspecting product that an authority's distinguished name tells, or nothing."""
    return next((product for product, pattern in _PATTERNS if pattern.search(name)), "")


def inspecting_authority(path: Iterable[Certificate]) -> tuple[str, str]:
    """Return the product, and the issuer's name that tells it, for the first certificate that one has issued.

    Subjects are not looked at: a maker of such products has servers of its own.
    """
    for certificate in path:
        product = inspection_product(certificate.issuer)
        if product:
            return product, certificate.issuer_name
    return "", ""
