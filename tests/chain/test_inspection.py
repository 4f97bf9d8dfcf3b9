"""Who re-signs connections, told by the names of authorities and by nothing else."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pse_preflight.certificate import Certificate
from pse_preflight.chain.causes import root_unknown
from pse_preflight.chain.inspection import (
    DROPPED_ROOTS,
    INSPECTION_PRODUCTS,
    OF_UNKNOWN_MAKE,
    Claim,
    in_words_of_saps_list,
    inspection_product,
)
from pse_preflight.chain.roots import named_roots
from pse_preflight.chain.sap_roots import Release, Root, SapRoots, Table
from tests.kit.chains import World


@pytest.mark.parametrize("product", INSPECTION_PRODUCTS)
def test_product_is_told_by_its_name(product: str) -> None:
    spelled = {"Charles": "Charles Proxy CA", "Burp Suite": "PortSwigger CA", "AVG": "AVG Technologies CA"}
    spelled |= {"Cloudflare Gateway": "Cloudflare for Teams Gateway CA", "Huawei": "Huawei USG"}
    assert inspection_product(f"CN={spelled.get(product, product)} Root,O=x") == product


@pytest.mark.parametrize("name", ["CN=Reset CA", "CN=Mosquidot", "CN=DigiCert Global Root G2,O=DigiCert Inc", ""])
def test_other_names_tell_no_product(name: str) -> None:
    assert inspection_product(name) == ""


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("CN=Zscaler Intermediate Root CA (example.net),O=Zscaler Inc.", "Zscaler"),
        ("CN=FG100E0000000000,O=Fortinet", "Fortinet"),
        ("CN=FGT60FTK12345678", "Fortinet"),
        ("CN=FGVM02TM19000000", "Fortinet"),
        ("CN=Cato Networks Root CA,O=Cato Networks", "Cato Networks"),
        ("CN=Menlo Security Intermediate CA,O=Menlo Security Inc", "Menlo Security"),
        ("CN=Symantec Web Security Service,O=Broadcom", "Symantec"),
        ("CN=Trend Micro Cloud Web Gateway CA,O=Trend Micro", "Trend Micro"),
        ("CN=Smoothwall CA,O=Smoothwall", "Smoothwall"),
        ("CN=SSL proxy default authority,O=Stormshield", "Stormshield"),
        ("CN=Versa Networks CA,O=Versa Networks", "Versa Networks"),
        ("CN=Kerio Control CA,O=x", "Kerio"),
        ("CN=Trellix Web Gateway,O=Trellix", "Trellix"),
        ("CN=F5 SSL Orchestrator CA,O=F5", "F5"),
        ("CN=AdGuard Personal CA,O=AdGuard", "AdGuard"),
        ("CN=Norton Web/Mail Shield Root,O=Norton", "Norton"),
        ("CN=Cyberoam SSL CA", "Sophos"),
        ("CN=Sangfor SSL Root", "Sangfor"),
        ("CN=Untangle,O=Untangle\\, Inc.", "Untangle"),
        ("CN=OWASP Zed Attack Proxy Root CA", "OWASP ZAP"),
        ("CN=Web Security Appliance,O=Cisco", "Cisco Secure Web Appliance"),
        ("CN=G DATA Web Traffic Interception", "G DATA"),
        ("CN=Gateway CA - Cloudflare Managed G1,O=Cloudflare\\, Inc.", "Cloudflare Gateway"),
        ("CN=proxy,O=Palo Alto Networks", "Palo Alto Networks"),
    ],
)
def test_products_are_told_by_what_their_authorities_are_called_in_the_field(name: str, product: str) -> None:
    assert inspection_product(name) == product


@pytest.mark.parametrize(
    "name",
    [
        "CN=Forward-Trust-CA,O=Example",
        "CN=SSL-Inspection",
        "CN=TLS_Decryption_CA,O=Firma",
        "CN=HTTPS Interception CA",
        "CN=Corporate Web Proxy CA",
        "CN=Secure Web Gateway,O=Firma",
        "CN=UTM Proxy 1",
        "CN=Inspection CA",
        "CN=SSL Visibility",
        "CN=Web Traffic Filter",
        "CN=decrypt ca",
    ],
)
def test_an_authority_that_says_what_it_does_is_believed(name: str) -> None:
    assert inspection_product(name) == OF_UNKNOWN_MAKE


@pytest.mark.parametrize(
    "name",
    [
        "CN=Example Corporate Root CA,O=Example",
        "CN=TLS Issuing CA 1,O=Firma",
        "CN=HTTPS Server CA",
        "CN=Internal Web CA",
        "CN=Reverse Proxy CA",
        "CN=API Gateway CA",
        "CN=Check Mate CA",
        "CN=Administrator CA",
        "CN=Norton Rose Root CA,O=Norton Rose Fulbright",
        "CN=Device Monitoring CA",
        "CN=Web Monitoring CA",
        "CN=Traffic Forwarding CA",
        "CN=Microsoft Azure RSA TLS Issuing CA 03,O=Microsoft Corporation,C=US",
        "CN=Cloudflare Inc ECC CA-3,O=Cloudflare\\, Inc.,C=US",
        "CN=Cloudflare TLS Issuing ECC CA 1,O=SSL Corporation,C=US",
        "CN=Symantec Class 3 Secure Server CA - G4,O=Symantec Corporation,C=US",
        "CN=Trustwave Organization Validation SHA256 CA\\, Level 1,O=Trustwave Holdings\\, Inc.",
        "CN=DigiCert Global G2 TLS RSA SHA256 2020 CA1,O=DigiCert Inc,C=US",
        "CN=YR2,O=Let's Encrypt,C=US",
        "CN=GlobalSign RSA OV SSL CA 2018,O=GlobalSign nv-sa,C=BE",
        "CN=SAP Cloud Root CA,O=SAP SE,L=Walldorf,C=DE",
    ],
)
def test_authorities_of_companies_and_of_the_public_are_no_products(name: str) -> None:
    assert inspection_product(name) == ""


def test_no_root_of_mozillas_list_is_taken_for_a_product() -> None:
    assert [each.subject for each in named_roots("mozilla").certificates if inspection_product(each.subject)] == []


def test_what_is_escaped_in_a_name_is_read_as_what_it_is() -> None:
    assert inspection_product(r"CN=Web\, or else,O=Zscaler\, Inc.") == "Zscaler"
    assert inspection_product(r"CN=SSL\,proxy") == ""


def test_dropped_roots_are_told_by_whole_fingerprints_and_key_identifiers() -> None:
    assert all((len(bytes.fromhex(each.sha256)), len(each.key)) == (32, 20) for each in DROPPED_ROOTS)
    assert len({each.sha256 for each in DROPPED_ROOTS}) == len({each.key for each in DROPPED_ROOTS})


WORLD = World(datetime(2026, 11, 1, 12, tzinfo=UTC))
ROOT = WORLD.root()
SERVER = WORLD.server(WORLD.authority(WORLD.authority(ROOT, "Upper"), "Lower"))
PATH = tuple(map(Certificate.of, (SERVER.certificate, *SERVER.issuers[:2])))
LISTED = Root(
    name="Root",
    sha256=Certificate.of(ROOT.certificate).sha256,
    common_name="Root",
    since=Release("1.0.0", date(2024, 2, 13)),
)
TABLE = Table(dated=date(2026, 6, 3), roots=(LISTED,))
FOUND = root_unknown(PATH, (), "roots.pem")


def test_a_missing_issuer_that_only_bears_the_name_of_a_root_of_saps_is_told_of_the_one_that_names_it() -> None:
    told = in_words_of_saps_list(FOUND, Claim(LISTED, None, is_false=True), PATH, SapRoots(shipped=TABLE), ())
    assert told.observed == (
        f'{PATH[-1].label} names "Root" as its issuer, and SAP\'s root of that name (sha256 {LISTED.sha256}) did not'
        f" sign it; {FOUND.observed}"
    )
    assert told.fix == "do not trust it: find out who answers in the place of this host"


@pytest.mark.parametrize(
    ("at_hand", "public", "is_known"),
    [
        ("none", (), False),
        ("another", (), False),
        ("it", (), True),
        ("both", (), True),
        ("none", (LISTED.sha256,), True),
    ],
)
def test_a_missing_root_of_saps_is_told_with_the_way_to_its_file(
    at_hand: str, public: tuple[str, ...], *, is_known: bool
) -> None:
    own, other = Certificate.of(ROOT.certificate), Certificate.of(WORLD.root("Another").certificate)
    held = {"none": (), "another": (other,), "it": (own,), "both": (other, own)}[at_hand]
    known = SapRoots(shipped=TABLE, certificates=held)
    told = in_words_of_saps_list(FOUND, Claim(LISTED, None, is_false=False), PATH, known, public)
    where = "is not among the roots that are judged by" if is_known else "no file of it is at hand here"
    assert told.observed == (
        f'"Root", which signed {PATH[-1].label}, was not sent, and {where}; SAP requires a root of that name since'
        " 2024-02-13 (1.0.0)"
    )
    assert told.fix.startswith("judge this host by `roots: auto`" if is_known else "get SAP's list (")


def test_where_no_name_of_saps_list_is_claimed_nothing_is_added() -> None:
    assert in_words_of_saps_list(FOUND, None, PATH, SapRoots(shipped=TABLE), ()) == FOUND
    unrequired = Claim(replace(LISTED, since=None), None, is_false=False)
    assert in_words_of_saps_list(FOUND, unrequired, PATH, SapRoots(shipped=TABLE), ()) == FOUND
    left = Claim(replace(LISTED, left=Release("3.0.0", date(2026, 6, 3))), None, is_false=False)
    told = in_words_of_saps_list(FOUND, left, PATH, SapRoots(shipped=TABLE), ())
    assert told.observed == f"{FOUND.observed}; SAP's list had a root of that name until 2026-06-03 (3.0.0)"
    assert told.fix == FOUND.fix
