"""App.config and web.config, in which .NET programs keep their destinations (SAP's NCo, Theobald's ERPConnect). Pure.

Three forms are read: an element with the parameters as attributes, as NCo's `<add NAME="PRD" WSHOST="…"/>`; a group of
`<add key="WSHOST" value="…"/>`, as in appSettings; and a text of `WSHOST=…;WSPORT=443`, as in connectionStrings. As
with sapnwrfc.ini, passwords and user names are not kept.
"""

import re
from collections.abc import Iterable, Iterator

from pse_preflight.client.ini import Destination, Section, destination_of
from pse_preflight.client.settings_tree import SettingsTree, read_xml

_TELLING = "WSHOST"
_NAMES = ("NAME", "KEY", "DEST")
_IN_ONE_TEXT = re.compile(r"\bWSHOST\s*=", re.IGNORECASE)
_LIBRARY = "TLS_SAPCRYPTOLIB"


def is_dotnet(content: bytes) -> bool:
    """Tell whether a file is XML, whatever its encoding, and so no sapnwrfc.ini."""
    bare = content[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return bare.startswith((b"<?xml", b"<configuration", b"<!--"))


def parse(content: bytes) -> tuple[Destination, ...]:
    """Return the destinations of the file in their order.

    Raises:
        SettingsUnreadable: where it is no XML that is read.
    """
    tree = read_xml(content)
    common = Section("", 0)
    for group in tree.walk():
        for key, value in group.values:
            if key.upper() == _LIBRARY and not _says(group, _TELLING):
                common.take(_LIBRARY, value)
    return tuple(destination_of(each, common) for group in tree.walk() for each in _sections(group))


def _sections(group: SettingsTree) -> Iterator[Section]:
    if _says(group, _TELLING):
        yield _section(_name(group.values) or group.name, group.line, group.values)
        return
    for key, value in group.values:
        if _IN_ONE_TEXT.search(value):
            name = _name(group.values) if key.lower() in {"connectionstring", "value"} else key
            yield _section(name or group.name, group.line, _pairs(value))


def _section(name: str, line: int, pairs: Iterable[tuple[str, str]]) -> Section:
    made = Section(name, line)
    for key, value in pairs:
        if key.upper() not in {"NAME", "KEY"}:
            made.take(key.upper(), value)
    return made


def _says(group: SettingsTree, wanted: str) -> bool:
    return any(key.upper() == wanted for key, _ in group.values)


def _name(values: Iterable[tuple[str, str]]) -> str:
    told = {key.upper(): value for key, value in values}
    return next((told[each] for each in _NAMES if told.get(each)), "")


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands in `KEY=value;KEY="a value"`."""
    for found in re.finditer(r"\s*([A-Za-z0-9_]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^;]*)\s*(?:;|\Z)", text):
        value = found[2].strip()
        is_quoted = value[:1] in {'"', "'"} and value[-1:] == value[:1] and len(value) > 1
        yield found[1], value[1:-1] if is_quoted else value
