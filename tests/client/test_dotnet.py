"""App.config of .NET programs: the forms in which people keep the parameters of a destination."""

import pytest

from pse_preflight.client import dotnet
from pse_preflight.client.ini import Destination, Expected, findings
from pse_preflight.client.settings_tree import SettingsUnreadable, read_json, read_xml
from pse_preflight.landscape.url import ApiUrl

SECRET, LOGIN, ALIAS = "Gehe1m!", "proxyuser", "XTRACT_ALIAS"
HOST, PSE, LIBRARY = "my401122-api.s4hana.cloud.sap", r"C:\PSE\client.pse", r"C:\sap\libs\sapcryptolib\sapcrypto.dll"
EXPECTED = Expected(ApiUrl(HOST, 443), PSE, None, LIBRARY, windows=True)

NCO = f"""<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <configSections>
    <sectionGroup name="SAP.Middleware.Connector">
      <section name="ClientSettings" type="SAP.Middleware.Connector.RfcClientSettings, sapnco"/>
    </sectionGroup>
  </configSections>
  <SAP.Middleware.Connector>
    <GeneralSettings><add key="TLS_SAPCRYPTOLIB" value="{LIBRARY}"/></GeneralSettings>
    <ClientSettings><DestinationConfiguration><destinations>
      <add NAME="OLD" ASHOST="old.example.com" SYSNR="00" USER="demo" PASSWD="{SECRET}"/>
      <add NAME="PRD" WSHOST="{HOST}" WSPORT="443" ALIAS_USER="{ALIAS}" PASSWD="{SECRET}" CLIENT="100"
           TLS_CLIENT_PSE="{PSE}" PROXY_PASSWD="{SECRET}"/>
    </destinations></DestinationConfiguration></ClientSettings>
  </SAP.Middleware.Connector>
</configuration>
"""
SETTINGS = f"""<configuration><appSettings>
  <add key="TLS_SAPCRYPTOLIB" value="{LIBRARY}"/>
  <add key="WSHOST" value="{HOST}"/><add key="wsport" value="443"/><add key="ALIAS_USER" value="{ALIAS}"/>
  <add key="TLS_CLIENT_PSE" value="{PSE}"/><add key="PASSWD" value="{SECRET}"/>
</appSettings></configuration>"""
STRINGS = f"""<configuration><connectionStrings>
  <add name="PRD" connectionString="WSHOST={HOST}; WSPORT=443; ALIAS_USER={ALIAS};PASSWD='a;{SECRET}';
    TLS_CLIENT_PSE={PSE};TLS_SAPCRYPTOLIB={LIBRARY}"/>
</connectionStrings></configuration>"""
KEYED = f"""<configuration><appSettings>
  <add key="PRD" value="WSHOST={HOST};WSPORT=443;ALIAS_USER={ALIAS};TLS_CLIENT_PSE={PSE}"/>
  <add key="LOG" value="verbose"/>
</appSettings></configuration>"""


def _codes(text: str, name: str) -> list[str]:
    return [each.code for each in findings("App.config", dotnet.parse(text.encode()), name, EXPECTED)]


@pytest.mark.parametrize(("text", "name"), [(NCO, "PRD"), (SETTINGS, "appSettings"), (STRINGS, "PRD"), (KEYED, "PRD")])
def test_each_form_is_read_and_compared(text: str, name: str) -> None:
    assert dotnet.is_dotnet(text.encode())
    (found,) = dotnet.parse(text.encode())
    assert (found.name, found.host, found.port, found.pse) == (name, HOST, "443", PSE)
    assert (found.library or LIBRARY, found.alias_length) == (LIBRARY, len(ALIAS))
    assert _codes(text, name) == []
    assert _codes(text.replace(HOST, f"https://{HOST}"), name) == ["CLIENT_INI_HOST_HAS_SCHEME"]
    assert _codes(text.replace(HOST, f"{HOST}:443"), name) == ["CLIENT_INI_HOST_NOT_ALONE"]
    assert _codes(text.replace("443", "8443"), name) == ["CLIENT_INI_DIFFERS"]
    assert _codes(text, "QAS") == ["CLIENT_INI_NO_DEST"]


def test_what_the_form_of_nco_says_stands_with_its_line() -> None:
    (found,) = dotnet.parse(NCO.encode())
    assert found == Destination("PRD", 12, HOST, "443", PSE, LIBRARY, proxy_login=True, alias_length=len(ALIAS))


@pytest.mark.parametrize("text", [NCO, SETTINGS, STRINGS, KEYED])
def test_no_secret_and_no_name_is_kept(text: str) -> None:
    shown = repr(dotnet.parse(text.replace(HOST, f"{LOGIN}:{SECRET}@{HOST}").encode()))
    assert not [each for each in (SECRET, LOGIN, ALIAS, "demo") if each in shown]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_of_windows_are_read(encoding: str) -> None:
    content = NCO.replace('encoding="utf-8"', 'encoding="utf-16"' if encoding == "utf-16" else "").encode(encoding)
    assert dotnet.is_dotnet(content)
    assert dotnet.parse(content)[0].host == HOST


def test_a_sapnwrfc_ini_is_none() -> None:
    assert not dotnet.is_dotnet(b"DEST=PRD\nWSHOST=a\n")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<configuration>", "no well-formed XML"),
        (b"<?xml version='1.0' encoding='nonsense'?><a/>", "no well-formed XML"),
        (b"<configuration>\0</configuration>", "no well-formed XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>', "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b"<a>" * 80 + b"</a>" * 80, "deeper or larger"),
        (b"<a>" + b"<b c='d'/>" * 30_000 + b"</a>", "deeper or larger"),
    ],
)
def test_what_is_no_settings_of_xml_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(SettingsUnreadable, match=says):
        read_xml(content)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("1", "no settings"),
        ("[" * 80 + "]" * 80, "deeper or larger"),
        ("[" + "1," * 30_000 + "1]", "deeper or larger"),
    ],
)
def test_what_is_no_settings_of_json_is_refused(text: str, says: str) -> None:
    with pytest.raises(SettingsUnreadable, match=says):
        read_json(text)
