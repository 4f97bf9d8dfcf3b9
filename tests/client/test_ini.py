"""sapnwrfc.ini in the forms that the SDK's own sample file documents, and in those that people write."""

from dataclasses import replace
from itertools import pairwise

import pytest

from pse_preflight.client.ini import Destination, Expected, decode, findings, parse
from pse_preflight.findings import message
from pse_preflight.landscape.url import ApiUrl, Proxy

SECRET, LOGIN, ALIAS = "Gehe1m!", "proxyuser", "XTRACT_ALIAS"
HOST = "my401122-api.s4hana.cloud.sap"

DOCUMENTED = f"""\
/*====================*/
/*  SAPNWRFC.INI       *
// another comment
DEFAULT
# RFC_TRACE=2
TLS_SAPCRYPTOLIB=/usr/sap/libsapcrypto.so
RFC_TRACE_DIR=/tmp

DEST=OLD
ASHOST=old.example.com
SYSNR=00
USER=demo
PASSWD={SECRET}

  # indented comment
DEST=PRD
WSHOST={HOST}
WSPORT=443
ALIAS_USER={ALIAS}
PASSWD={SECRET}
CLIENT=100
LANG=EN
TLS_CLIENT_PSE=/opt/xtract/sec/client.pse
PROXY_USER={LOGIN}
PROXY_PASSWD={SECRET}
X509CERT={SECRET}
MYSAPSSO2={SECRET}
SOMETHING_NEW={SECRET}
"""
EXPECTED = Expected(ApiUrl(HOST, 443), "/opt/xtract/sec/client.pse", None, "/usr/sap/libsapcrypto.so", windows=False)


def _destination(text: str, name: str = "PRD") -> Destination:
    return next(each for each in parse(text) if each.name == name)


def _codes(text: str, expected: Expected = EXPECTED, name: str = "PRD") -> list[str]:
    return [each.code for each in findings("sapnwrfc.ini", parse(text), name, expected)]


def _observed(text: str, expected: Expected = EXPECTED) -> str:
    return " | ".join(each.observed for each in findings("sapnwrfc.ini", parse(text), "PRD", expected))


def test_the_documented_form() -> None:
    old, found = parse(DOCUMENTED)
    assert (old.name, old.line, old.host) == ("OLD", 9, "")
    assert found == Destination(
        name="PRD",
        line=16,
        host=HOST,
        port="443",
        pse="/opt/xtract/sec/client.pse",
        library="/usr/sap/libsapcrypto.so",
        proxy_login=True,
        alias_length=len(ALIAS),
    )
    assert not _codes(DOCUMENTED)


@pytest.mark.parametrize(
    "content",
    [
        DOCUMENTED.encode(),
        DOCUMENTED.encode("utf-8-sig"),
        DOCUMENTED.encode("utf-16"),
        b"\xfe\xff" + DOCUMENTED.encode("utf-16-be"),
        DOCUMENTED.replace("\n", "\r\n").encode(),
        DOCUMENTED.replace("\n", "\r").encode(),
        DOCUMENTED.replace("another comment", "größer").encode("cp1252"),
        DOCUMENTED.replace("=", " = ").encode(),
        DOCUMENTED.replace("WSHOST", "wshost").replace("DEST=PRD", "dest=PRD").encode(),
        DOCUMENTED.replace("DEFAULT", "[DEFAULT]").encode(),
        DOCUMENTED.rstrip("\n").encode(),
    ],
    ids=["plain", "BOM", "UTF-16", "UTF-16 BE", "CRLF", "CR", "cp1252", "blanks", "case", "[DEFAULT]", "no last end"],
)
def test_every_form_means_the_same(content: bytes) -> None:
    assert replace(_destination(decode(content)), line=16) == _destination(DOCUMENTED)


def test_no_secret_and_no_name_is_kept_or_shown() -> None:
    bad = DOCUMENTED.replace(f"WSHOST={HOST}", f"WSHOST=https://{LOGIN}:{SECRET}@other.example.com/{'x' * 3}")
    bad = bad.replace("PROXY_USER", f"PROXY_HOST={LOGIN}:{SECRET}@proxy.example.com\nPROXY_PORT=3128\nPROXY_USER")
    bad = bad.replace(ALIAS, ALIAS * 5).replace("WSPORT=443", f"WSPORT={SECRET}")
    for text in (DOCUMENTED, bad):
        told = "\n".join(message(each) for each in findings("sapnwrfc.ini", parse(text), "PRD", EXPECTED))
        shown = repr(parse(text)) + told
        assert not [each for each in (SECRET, LOGIN, ALIAS, "demo") if each in shown]
    assert "proxy.example.com:3128" in _observed(bad)


def test_a_secret_after_the_end_of_a_section_is_not_kept_either() -> None:
    found = _destination(f"DEST=PRD\nWSHOST={HOST}\n\nPASSWD={SECRET}\nTLS_CLIENT_PSE=/x.pse\n")
    assert found.strayed == ("PASSWD", "TLS_CLIENT_PSE")
    assert found.pse == ""
    assert "PASSWD, TLS_CLIENT_PSE stand after an empty line" in _observed(
        f"DEST=PRD\nWSHOST={HOST}\n\nPASSWD={SECRET}\nTLS_CLIENT_PSE=/x.pse\n"
    )
    assert SECRET not in repr(found)


def test_an_own_value_wins_over_the_default_section() -> None:
    text = DOCUMENTED.replace("CLIENT=100", "TLS_SAPCRYPTOLIB=/own/libsapcrypto.so")
    assert _destination(text).library == "/own/libsapcrypto.so"
    assert _codes(text) == ["CLIENT_INI_DIFFERS"]
    assert not _codes(text, replace(EXPECTED, library=None))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (HOST, "my401121-api.s4hana.cloud.sap", "WSHOST is my401121-api.s4hana.cloud.sap, checked is " + HOST),
        (f"WSHOST={HOST}\n", "", "WSHOST is missing"),
        (HOST, "<host>", "WSHOST is no host name"),
        ("WSPORT=443", "WSPORT=44300", "WSPORT is 44300, checked is 443"),
        ("WSPORT=443", "WSPORT=https", "WSPORT is no number"),
        ("WSPORT=443\n", "", "WSPORT is missing"),
        ("sec/client.pse", "sec/other.pse", "TLS_CLIENT_PSE is /opt/xtract/sec/other.pse"),
        ("/opt/xtract/sec/client.pse", "client.pse", "is client.pse, which is not absolute"),
        ("TLS_CLIENT_PSE=/opt/xtract/sec/client.pse\n", "", "TLS_CLIENT_PSE is missing"),
        ("/usr/sap/libsapcrypto.so", "/opt/libsapcrypto.so", "TLS_SAPCRYPTOLIB is /opt/libsapcrypto.so"),
        ("CLIENT=100", "PROXY_HOST=proxy\nPROXY_PORT=3128", "are proxy:3128, checked is a direct connection"),
        ("CLIENT=100", "PROXY_HOST=proxy", "are proxy, checked is a direct connection"),
        ("TLS_CLIENT_PSE=/opt", 'TLS_CLIENT_PSE="/opt', "stands in quotes"),
        ("TLS_CLIENT_PSE=/opt/xtract/sec/client.pse", "TLS_CLIENT_PSE='client.pse'", "client.pse, which is not absol"),
        ("TLS_CLIENT_PSE=/opt/xtract/sec/client.pse", 'TLS_CLIENT_PSE="/x.pse"', "is /x.pse, checked is /opt"),
        ("TLS_SAPCRYPTOLIB=/usr/sap/libsapcrypto.so", 'TLS_SAPCRYPTOLIB="/usr/sap/libsapcrypto.so"', "in quotes"),
        ("CLIENT=100", "USE_TLS=0", "USE_TLS is set, and not to 1"),
        ("CLIENT=100", 'USE_TLS="0"', "USE_TLS is set, and not to 1"),
        ("CLIENT=100", "USE_TLS=00", "USE_TLS is set, and not to 1"),
    ],
)
def test_what_differs_is_told(old: str, new: str, says: str) -> None:
    text = DOCUMENTED.replace(old, new)
    assert _codes(text) == ["CLIENT_INI_DIFFERS"]
    assert says in _observed(text)


def test_the_same_written_otherwise_is_no_difference() -> None:
    text = DOCUMENTED.replace(HOST, HOST.upper()).replace("/sec/client.pse", "/other/../sec//./client.pse")
    assert not _codes(text.replace("CLIENT=100", "USE_TLS=1\nTLS_TRUST_ALL=0"))


def test_paths_of_windows_do_not_mind_case_and_slashes() -> None:
    text = f"DEST=PRD\nWSHOST={HOST}\nWSPORT=443\nTLS_CLIENT_PSE=c:/XTRACT/sec/Client.pse\n"
    expected = replace(EXPECTED, pse=r"C:\xtract\sec\client.pse", library=None, windows=True)
    assert not _codes(text, expected)
    assert _codes(text, replace(expected, pse=r"D:\xtract\sec\client.pse")) == ["CLIENT_INI_DIFFERS"]


def test_the_same_proxy_is_no_difference() -> None:
    text = DOCUMENTED.replace("CLIENT=100", "PROXY_HOST=Proxy.Example.com\nPROXY_PORT=3128")
    assert not _codes(text, replace(EXPECTED, proxy=Proxy("proxy.example.com", 3128)))
    assert "checked is proxy.example.com:3128" in _observed(
        DOCUMENTED, replace(EXPECTED, proxy=Proxy("proxy.example.com", 3128))
    )


@pytest.mark.parametrize("written", ["http://proxy.example.com", "proxy.example.com:3128", '"proxy.example.com"'])
def test_a_proxy_that_is_not_just_a_host_is_told(written: str) -> None:
    text = DOCUMENTED.replace("CLIENT=100", f"PROXY_HOST={written}\nPROXY_PORT=3128")
    expected = replace(EXPECTED, proxy=Proxy("proxy.example.com", 3128))
    assert _codes(text, expected) == ["CLIENT_INI_DIFFERS"]
    assert "the SDK takes a host alone, the port as PROXY_PORT" in _observed(text, expected)


def test_a_port_of_any_length_is_no_surprise() -> None:
    text = DOCUMENTED.replace("CLIENT=100", f"PROXY_HOST=proxy\nPROXY_PORT={'9' * 9000}")
    assert _codes(text) == ["CLIENT_INI_DIFFERS"]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (f"{HOST}:443", "a port"),
        (f"{HOST}:", "a port"),
        (f"{HOST}/", "a path"),
        (f"{HOST}/sap/bc/rfc", "a path"),
        (f"{HOST}?sap-client=100", "a path or a query"),
        (f"{HOST}#", "a path"),
        (f"{HOST}\\", "a path"),
        (f"{HOST} # production", "a comment"),
        (f"{HOST} ; production", "a comment"),
        (f"{HOST};production", "a comment"),
        (f"{HOST} // production", "a comment"),
        (f'"{HOST}"', "quotes"),
        (f"'{HOST}'", "quotes"),
        (f"//{HOST}", "two slashes"),
        (f"xtract@{HOST}", "a user"),
        (f"xtract:{SECRET}@{HOST}", "a user"),
        (f"[{HOST}]", "no host name"),
        (HOST.replace("-api", "\u2013api"), "long dash"),
        (f"\u200b{HOST}", "nobody sees"),
        (HOST.replace(".", " .", 1), "blanks"),
    ],
)
def test_more_than_the_host_is_told_even_if_the_host_is_right(written: str, says: str) -> None:
    text = DOCUMENTED.replace(HOST, written)
    assert _codes(text) == ["CLIENT_INI_DIFFERS" if says == "no host name" else "CLIENT_INI_HOST_NOT_ALONE"]
    assert says in _observed(text)
    assert SECRET not in _observed(text) + repr(parse(text))


@pytest.mark.parametrize("written", [f" {HOST.title()}\t", HOST.upper(), f"{HOST}."])
def test_the_host_alone_however_it_is_written_is_right(written: str) -> None:
    assert _codes(DOCUMENTED.replace(HOST, written)) == []


def test_letters_beyond_ascii_are_another_spelling_of_a_host() -> None:
    expected = replace(EXPECTED, url=ApiUrl("xn--mller-kva.example.com", 443))
    text = DOCUMENTED.replace(HOST, "müller.example.com")
    assert _codes(text, expected) == []


def test_another_host_with_a_port_is_told_once() -> None:
    assert _codes(DOCUMENTED.replace(HOST, "other.example.com:443")) == ["CLIENT_INI_DIFFERS"]


def test_a_scheme_in_the_host_is_told_even_if_the_host_is_right() -> None:
    assert _codes(DOCUMENTED.replace(HOST, f"https://{HOST}")) == ["CLIENT_INI_HOST_HAS_SCHEME"]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("TLS_TRUST_ALL=1", ["CLIENT_INI_TRUSTS_ALL"]),
        ("tls_trust_all = 1", ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL=01", ["CLIENT_INI_TRUSTS_ALL"]),
        ('TLS_TRUST_ALL="1"', ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL=1 # only today", ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL=+1", ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL=ja", ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL='0'", ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL=0x1;", ["CLIENT_INI_TRUSTS_ALL"]),
        ("TLS_TRUST_ALL=0", []),
        ("TLS_TRUST_ALL = 0 ", []),
        ("TLS_TRUST_ALL=", []),
        ("#TLS_TRUST_ALL=1", []),
    ],
)
def test_trusting_everybody_is_told(line: str, codes: list[str]) -> None:
    assert _codes(DOCUMENTED.replace("CLIENT=100", line)) == codes


@pytest.mark.parametrize(
    ("line", "cloud", "codes"),
    [
        ("USER=demo", True, ["CLIENT_INI_USER_NOT_ALIAS"]),
        ("USER=demo", False, []),
        ("USER=demo\nALIAS_USER=X", True, []),
        ("LANG=DE", True, []),
        (f"ALIAS_USER={'X' * 40}", True, []),
        (f"ALIAS_USER={'X' * 41}", True, ["CLIENT_INI_ALIAS_ODD"]),
        ("ALIAS_USER=X ", True, ["CLIENT_INI_ALIAS_ODD"]),
        ("ALIAS_USER= X", True, ["CLIENT_INI_ALIAS_ODD"]),
        ("ALIAS_USER=X\t", False, ["CLIENT_INI_ALIAS_ODD"]),
        ("ALIAS_USER = X", True, []),
        ("ALIAS_USER=MY ALIAS", True, []),
    ],
)
def test_the_logon_of_a_communication_user(line: str, cloud: bool, codes: list[str]) -> None:
    text = DOCUMENTED.replace(f"ALIAS_USER={ALIAS}", line)
    if cloud:
        assert _codes(text) == codes
    else:
        elsewhere = replace(EXPECTED, url=ApiUrl("s4.example.com", 443))
        assert _codes(text.replace(HOST, "s4.example.com"), elsewhere) == codes


def test_a_destination_that_is_not_there_is_told_with_those_that_are() -> None:
    (found,) = findings("sapnwrfc.ini", parse(DOCUMENTED), "QAS", EXPECTED)
    assert (found.code, "it has OLD, PRD" in found.observed) == ("CLIENT_INI_NO_DEST", True)
    (found,) = findings("sapnwrfc.ini", parse(""), "QAS", EXPECTED)
    assert "it has none" in found.observed


def test_a_destination_that_stands_twice_is_told_with_its_lines() -> None:
    found = findings("sapnwrfc.ini", parse(DOCUMENTED + "\nDEST=PRD\nWSHOST=other\n"), "PRD", EXPECTED)
    assert [each.code for each in found] == ["CLIENT_INI_DEST_TWICE"]
    assert "2 times (lines 16, 30)" in found[0].observed


def test_sections_may_follow_each_other_without_an_empty_line() -> None:
    one, other = parse("DEST=A\nWSHOST=a.example.com\nDEST=B\nWSHOST=b.example.com\n")
    assert (one.host, other.host) == ("a.example.com", "b.example.com")


def test_lines_that_are_none_are_passed_over() -> None:
    assert _destination(f"stray words\nWSHOST=x\nDEST=PRD\nno assignment {SECRET}\nWSHOST=a.example.com\n").host == (
        "a.example.com"
    )


def test_comments_within_a_section_do_not_end_it() -> None:
    lines = DOCUMENTED.splitlines()
    commented = [
        part for line, after in pairwise([*lines, ""]) for part in (line, *([] if not line or not after else ["# x"]))
    ]
    assert replace(_destination("\n".join(commented)), line=16) == _destination(DOCUMENTED)


def test_a_value_may_hold_the_sign_of_an_assignment() -> None:
    assert _destination("DEST=PRD\nTLS_CLIENT_PSE=/opt/a=b/client.pse\n").pse == "/opt/a=b/client.pse"
