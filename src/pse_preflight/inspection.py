"""Who re-signs TLS connections, and which roots Mozilla has dropped: the two tables that the diagnosis knows."""

import re
from collections.abc import Iterable, Mapping
from datetime import date

from pse_preflight.certificate import Certificate

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

_APRIL_2026 = date(2026, 4, 15)
DROPPED_ROOTS: Mapping[str, date] = {
    # DigiCert Global Root CA ("G1"), Assured ID Root CA, High Assurance EV Root CA: rustls/webpki-roots 1.0.7
    "4348a0e9444c78cb265e058d5e8944b4d84f9662bd26db257f8934a443c70161": _APRIL_2026,
    "3e9099b5015e8f486c00bcea9d111ee721faba355a89bcf1df69561e3dc6325c": _APRIL_2026,
    "7431e5f4c3c1ce4690774f0b61e05440883ba9a01ed00ba6abd7806ed3b118cf": _APRIL_2026,
}
"""Public roots that have left Mozilla's list, by SHA-256, with the month they did."""


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
