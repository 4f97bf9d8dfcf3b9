"""Who re-signs connections, told by the names of authorities and by nothing else."""

import pytest

from pse_preflight.chain.inspection import DROPPED_ROOTS, INSPECTION_PRODUCTS, inspection_product


@pytest.mark.parametrize("product", INSPECTION_PRODUCTS)
def test_product_is_told_by_its_name(product: str) -> None:
    spelled = {"Charles": "Charles Proxy CA", "Burp Suite": "PortSwigger CA", "AVG": "AVG Technologies CA"}
    spelled |= {"Cloudflare Gateway": "Cloudflare for Teams Gateway CA"}
    assert inspection_product(f"CN={spelled.get(product, product)} Root,O=x") == product


@pytest.mark.parametrize("name", ["CN=Reset CA", "CN=Mosquidot", "CN=DigiCert Global Root G2,O=DigiCert Inc", ""])
def test_other_names_tell_no_product(name: str) -> None:
    assert inspection_product(name) == ""


def test_dropped_roots_are_told_by_whole_fingerprints_and_key_identifiers() -> None:
    assert all((len(bytes.fromhex(each.sha256)), len(each.key)) == (32, 20) for each in DROPPED_ROOTS)
    assert len({each.sha256 for each in DROPPED_ROOTS}) == len({each.key for each in DROPPED_ROOTS})
