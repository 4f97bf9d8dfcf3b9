"""The index from SAP's error texts to codes: made from the table, and with nothing left out."""

import runpy
from typing import Any

import pytest

from pse_preflight.checklist import CODES, Code
from tests.kit.places import CHECKOUT

MAKER: dict[str, Any] = runpy.run_path(str(CHECKOUT / "docs" / "make_sap_errors.py"))
TEXTS = {text.name: text for texts in MAKER["LAYERS"].values() for text in texts}


def test_the_page_is_made_from_the_table_of_the_code() -> None:
    assert (CHECKOUT / "docs" / "sap-errors.md").read_text(encoding="utf-8") == MAKER["page"]()


def test_every_text_of_saps_that_a_code_names_has_its_row() -> None:
    named = {name for row in CODES.values() for name in MAKER["NAME"].findall(row.later)}
    assert {"SSSLERR_PEER_CERT_UNTRUSTED", "RFC_COMMUNICATION_FAILURE", "NIECONN_REFUSED"} <= named
    assert sorted(named - set(TEXTS)) == []


def test_every_row_leads_to_a_cause_or_says_why_none_is_checked() -> None:
    assert [name for name, text in TEXTS.items() if bool(MAKER["codes_of"](text)) == bool(text.unchecked)] == []
    assert sum(len(texts) for texts in MAKER["LAYERS"].values()) == len(TEXTS)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("SSSLERR_PEER_CERT_EXPIRED", {Code.CERTIFICATE_EXPIRED, Code.CERTIFICATE_EXPIRES_SOON}),
        ("SSSLERR_SERVER_CERT_MISMATCH", {Code.HOST_NOT_IN_CERTIFICATE}),
        ("ICM_HTTP_SSL_CERT_MISMATCH", {Code.HOST_NOT_IN_CERTIFICATE}),
        ("SSSLERR_CRED_NOT_FOUND", {Code.PSE_HAS_PIN}),
    ],
)
def test_a_text_leads_to_its_causes(name: str, codes: set[Code]) -> None:
    assert set(MAKER["codes_of"](TEXTS[name])) == codes


def test_a_text_of_another_layer_leads_to_the_same_causes() -> None:
    codes_of = MAKER["codes_of"]
    assert codes_of(TEXTS["ICM_HTTP_SSL_PEER_CERT_UNTRUSTED"]) == codes_of(TEXTS["SSSLERR_PEER_CERT_UNTRUSTED"])
    assert Code.ROOT_NOT_IN_PSE in codes_of(TEXTS["SSSLRC_CONN_CLOSED"])


@pytest.mark.parametrize("code", [Code.CERTIFICATE_EXPIRED, Code.CERTIFICATE_EXPIRES_SOON])
def test_an_ended_certificate_has_both_texts(code: Code) -> None:
    assert CODES[code].later == "SSSLERR_PEER_CERT_UNTRUSTED (-102), or SSSLERR_PEER_CERT_EXPIRED"
    assert "EXPIRED" not in CODES[Code.ROOT_NOT_IN_PSE].later
