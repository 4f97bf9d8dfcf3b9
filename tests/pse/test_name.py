"""Distinguished names: what people type, what SAP's tool prints, and everything a certificate may hold."""

from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from pse_preflight.pse import name

ATTRIBUTES = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.USER_ID,
    NameOID.TITLE,
    x509.ObjectIdentifier("1.3.6.1.4.1.694.2.1"),
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=70)
SHORT_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16)
STRING_TYPES = st.sampled_from(
    [_ASN1Type.UTF8String, _ASN1Type.BMPString, _ASN1Type.T61String, _ASN1Type.VisibleString]
)


@st.composite
def levels(draw: st.DrawFn) -> x509.RelativeDistinguishedName:
    """One level of a name, of one to three attributes of different types."""
    oids = draw(st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=3, unique=True))
    return x509.RelativeDistinguishedName(
        x509.NameAttribute(oid, draw(SHORT_TEXT if oid == NameOID.COMMON_NAME else ANY_TEXT), draw(STRING_TYPES))
        for oid in oids
    )


NAMES = st.lists(levels(), min_size=1, max_size=6).map(x509.Name)


@given(NAMES)
def test_every_name_is_read_back_from_its_text(original: x509.Name) -> None:
    assert name.parse(name.text(original)) == original


@given(NAMES)
def test_a_text_stays_on_one_line_and_hides_nothing(original: x509.Name) -> None:
    assert name.text(original).isprintable()


@given(NAMES, st.randoms(use_true_random=False))
def test_a_name_is_the_same_whatever_the_order_of_its_levels(original: x509.Name, dice: st.DataObject) -> None:
    shuffled = list(original.rdns)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert name.same(original, x509.Name(shuffled))
    assert name.text(name.ordered(original)).count("=") >= len(shuffled)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    with suppress(name.NameUnreadable):
        read = name.parse(text)
        assert name.parse(name.text(read)) == read


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "CN=p64883.wdf.sap.corp, C=DE, S=BW, O=SAP-AG, OU=TREX",
            "CN=p64883.wdf.sap.corp, C=DE, SP=BW, O=SAP-AG, OU=TREX",
        ),
        ("CN=x,OU=a,O=b,C=DE", "CN=x, OU=a, O=b, C=DE"),
        ("cn=x", "CN=x"),
        ("p:CN=Client 001", "CN=Client 001"),
        ("P:CN=p:x", "CN=p:x"),
        ("CN=x, ST=BW", "CN=x, SP=BW"),
        ("CN=x; O=y", "CN=x, O=y"),
        ("CN=  x y  ,  O = z ", "CN=x y, O=z"),
        ("CN=x, OU=one, OU=two", "CN=x, OU=one, OU=two"),
        ('O="Firma, Inc."', r"O=Firma\, Inc."),
        (r'O="a\"b"', r"O=a\"b"),
        ('O=" x "', r"O=\ x\ "),
        (r"O=\#1", r"O=\#1"),
        (r"O=M\C3\BCller", "O=Müller"),
        ("O=Müller & Söhne", "O=Müller & Söhne"),
        ("CN=a+UID=b, O=c", "CN=a+UID=b, O=c"),
        ("E=a@b.de, CN=x", "EMAIL=a@b.de, CN=x"),
        ("emailAddress=a@b.de", "EMAIL=a@b.de"),
        ("OID.1.2.3.4=x, 2.5.4.3=y", "1.2.3.4=x, CN=y"),
        ("CN=x=y", "CN=x=y"),
        ("CN=" + "x" * 64, "CN=" + "x" * 64),
        ("O=" + "x" * 300, "O=" + "x" * 300),
        ("DC=de, SERIALNUMBER=0815", "DC=de, SERIALNUMBER=0815"),
        (r"O=a\0Ab", r"O=a\0Ab"),
    ],
)
def test_what_people_type(typed: str, shown: str) -> None:
    assert name.text(name.parse(typed)) == shown


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "no KEY=value"),
        ("CN", "no KEY=value"),
        ("host", "no KEY=value"),
        ("O=Firma, Inc.", "needs a backslash"),
        ("CN=x,", "no KEY=value"),
        ("CN=x+", "no KEY=value"),
        ("CN=", "no value"),
        ("CN=''", None),
        ('CN=""', "no value"),
        ("XY=x", "no key"),
        ("/CN=x", "no key"),
        ("=x", "no key"),
        ('CN="x', "without its end"),
        ("CN=x\\", "escapes nothing"),
        (r"CN=\q", "escapes nothing"),
        (r"CN=\FF", "no UTF-8"),
        ("CN=#0c0161", "hexadecimal"),
        ("C=DEU", "two letters"),
        ("C=ÄÖ", "two letters"),
        ("E=ä@b.de", "outside ASCII"),
        ("SERIALNUMBER=a_b", "does not allow"),
        ("9.9.9=x", "no object identifier"),
        ("CN=a+CN=a", "twice"),
        ("CN=" + "x" * 65, "longer than 64"),
        ("CN=" + "ü" * 33, "longer than 64"),
        ("CN=x\udcff", "encoding of the terminal"),
    ],
)
def test_what_is_refused_and_why(typed: str, why: str | None) -> None:
    if why is None:
        assert name.text(name.parse(typed)) == typed
        return
    with pytest.raises(name.NameUnreadable, match=why):
        name.parse(typed)


def test_the_first_part_of_the_text_is_the_last_of_the_name() -> None:
    assert [level.rfc4514_string() for level in name.parse("CN=x, C=DE").rdns] == ["C=DE", "CN=x"]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "CN=COMPUTER.theobald.local, C=DE, S=BW, O=TS, OU=DEV",
            "CN=COMPUTER.theobald.local, OU=DEV, O=TS, SP=BW, C=DE",
        ),
        ("C=DE, O=a, L=b, OU=one, OU=two, CN=x", "CN=x, OU=one, OU=two, O=a, L=b, C=DE"),
        ("DC=de, E=a@b.de, CN=x", "EMAIL=a@b.de, CN=x, DC=de"),
        ("1.2.3.4=z, O=a, CN=x", "CN=x, 1.2.3.4=z, O=a"),
    ],
)
def test_the_order_in_which_the_tool_prints(typed: str, shown: str) -> None:
    assert name.text(name.ordered(name.parse(typed))) == shown


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("CN=Host, O=Firma GmbH, C=DE", True),
        ("C=DE, O=Firma GmbH, CN=Host", True),
        ("CN=HOST, O=firma  gmbh, C=de", True),
        ("CN=Host, O=Firma GmbH", False),
        ("CN=Host, O=Firma GmbH, C=DE, C=DE", False),
        ("CN=Host, O=Firma AG, C=DE", False),
        ("O=Host, CN=Firma GmbH, C=DE", False),
        ("CN=Host+O=Firma GmbH, C=DE", False),
    ],
)
def test_when_two_names_are_the_same(other: str, is_same: bool) -> None:
    assert name.same(name.parse("CN=Host, O=Firma GmbH, C=DE"), name.parse(other)) is is_same


def test_a_value_that_is_no_text_is_shown_in_hexadecimal_digits() -> None:
    identifier = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x00\xff", _ASN1Type.BitString)
    shown = x509.Name([identifier])
    assert name.text(shown) == "2.5.4.45=#00ff"
    assert name.same(shown, shown)


def test_an_empty_name_has_an_empty_text() -> None:
    assert name.text(x509.Name([])) == ""


PLAIN = 'CN=a b, O="Firma, Co", C=DE'


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("CN=a, C=DE", "CN=a, C=DE"),
        ("“CN=a, C=DE”", "CN=a, C=DE"),
        ("„CN=a, C=DE“", "CN=a, C=DE"),
        ("”CN=a, C=DE”", "CN=a, C=DE"),
        ("«CN=a, C=DE»", "CN=a, C=DE"),
        ("»CN=a, C=DE«", "CN=a, C=DE"),
        ("‘CN=a, C=DE’", "CN=a, C=DE"),
        ("‚CN=a, C=DE‘", "CN=a, C=DE"),
        ("CN=a, C=DE“", "CN=a, C=DE"),
        ("CN=a, C=DE”", "CN=a, C=DE"),
        ("„CN=a, C=DE", "CN=a, C=DE"),
        ("CN=a\u00a0b,\u202fC=DE", "CN=a b, C=DE"),
        ("\ufeffCN=a,\u200b C=DE\u200e ", "CN=a, C=DE"),
        ("CN=a b, O=„Firma, Co“, C=DE", PLAIN),
        ("“CN=a b, O=“Firma, Co”, C=DE”", PLAIN),
        ("CN=L’Oréal, O=‘x’", "CN=L’Oréal, O=‘x’"),
        ("CN=a\\C2\\A0b", "CN=a\\C2\\A0b"),
        ("CN=a\\ ", "CN=a\\ "),
        ("", ""),
        ("“”", ""),
        ("„", ""),
    ],
)
def test_a_name_pasted_from_a_guide_is_what_was_meant(pasted: str, meant: str) -> None:
    assert name.as_pasted(pasted) == meant
    assert name.as_pasted(meant) == meant


@pytest.mark.parametrize("pairs", [1, 2, 3])
def test_quotes_that_belong_to_a_name_stay(pairs: int) -> None:
    text = ", ".join(f"OU=„{number}“" for number in range(pairs))
    meant = "CN=a, " + ", ".join(f'OU="{number}"' for number in range(pairs))
    assert name.as_pasted(f"CN=a, {text}") == meant
    assert name.as_pasted(f"CN=a, {text}“") == meant


@given(NAMES)
def test_what_is_escaped_is_no_typography(original: x509.Name) -> None:
    """Blanks and marks that are printed escaped stay; quotes of a name are printed as they are, and may be meant."""
    text = name.text(original)
    if not set(text) & set(name._QUOTES):
        assert name.parse(name.as_pasted(text)) == original
