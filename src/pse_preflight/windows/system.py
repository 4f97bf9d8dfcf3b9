"""Windows' own functions, by pywin32, which is installed there only: accounts, groups, and access lists of files.

What they answer is documented by Microsoft: LookupAccountName, LookupAccountSid, NetUserGetLocalGroups,
NetUserGetGroups, GetTokenInformation, GetNamedSecurityInfo, SetFileSecurity, CreateFile, CreateDirectory.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pse_preflight.errors import NotSeen
from pse_preflight.windows import descriptor
from pse_preflight.windows.descriptor import WindowsAccount

if TYPE_CHECKING:
    from _win32typing import PySECURITY_ATTRIBUTES

FILE_IN_USE = frozenset({32, 33})
"""ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION."""

_NONE_MAPPED, _ACCESS_DENIED = 1332, 5
_NO_ACCOUNTS = frozenset({3, 6, 7, 8})  # SID_NAME_USE: a domain, a deleted account, an invalid and an unknown one
_OWNER_AND_LIST, _LIST = 0x5, 0x4
_FILE_OBJECT = 1
_SDDL_1 = 1
_ENABLED = 0x4
_QUERY = 0x8
_TOKEN_USER, _TOKEN_GROUPS = 1, 2
_INDIRECT_TOO = 1
_THE_LINK_ITSELF = 0x00200000  # FILE_FLAG_OPEN_REPARSE_POINT
_LONGEST_PLAIN_PATH = 240


@dataclass(frozen=True, slots=True)
class _AccountFound:
    """An account as the system finds it by name: its SID, and the machine or domain that it belongs to."""

    sid: str
    domain: str


def me() -> WindowsAccount:
    """Return who runs this process, with the groups in its token."""
    import win32api
    import win32security

    token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), _QUERY)
    sid = win32security.ConvertSidToStringSid(win32security.GetTokenInformation(token, _TOKEN_USER)[0])
    told = win32security.GetTokenInformation(token, _TOKEN_GROUPS)
    groups = {win32security.ConvertSidToStringSid(each) for each, flags in told if flags & _ENABLED}
    return WindowsAccount(name_of(sid), sid, frozenset(groups))


def account(name: str) -> WindowsAccount:
    """Return an account by its name, with the groups that this machine knows it to be in.

    Raises:
        NotSeen: where no such account is known here, or its domain cannot be asked.
    """
    known = descriptor.well_known_sid(name)
    if known:
        return descriptor.account(name, known)
    found, this = _find(name), me()
    if found.sid == this.sid:
        return WindowsAccount(name, this.sid, this.groups)
    groups, unseen = _groups(name, found)
    return descriptor.account(name, found.sid, groups, unseen)


def sid_of(name: str) -> str:
    """Return the SID of an account or a group.

    Raises:
        NotSeen: where none of this name is known here, or its domain cannot be asked.
    """
    return descriptor.well_known_sid(name) or _find(name).sid


def name_of(sid: str) -> str:
    r"""Return the name of an account or a group, such as BUILTIN\Users; its SID where the system knows no name."""
    import pywintypes
    import win32security

    try:
        name, domain, _ = win32security.LookupAccountSid(None, win32security.ConvertStringSidToSid(sid))
    except pywintypes.error:
        return sid
    return f"{domain}\\{name}" if domain else name


def _find(name: str) -> _AccountFound:
    import pywintypes
    import win32api
    import win32security

    asked = f"{win32api.GetComputerName()}{name[1:]}" if name.startswith(".\\") else name
    try:
        sid, domain, kind = win32security.LookupAccountName(None, asked)
    except pywintypes.error as error:
        raise NotSeen(_unknown(name, error.winerror, error.strerror)) from None
    if kind in _NO_ACCOUNTS:
        raise NotSeen(_unknown(name, _NONE_MAPPED, ""))
    return _AccountFound(win32security.ConvertSidToStringSid(sid), domain)


def _unknown(name: str, number: int, text: str) -> str:
    if number == _NONE_MAPPED:
        return f"no account or group {name} is known on this machine, nor in a domain that it can ask"
    return f"{name} cannot be looked up here: {text.rstrip('. ')} (error {number} of Windows)"


def _groups(name: str, found: _AccountFound) -> tuple[frozenset[str], str]:
    """Return the SIDs of the groups of another account, and why there may be more."""
    import pywintypes
    import win32api
    import win32net

    is_local = found.domain.lower() == win32api.GetComputerName().lower()
    plain = name.rpartition("\\")[2]
    this: Any = None  # this machine; the stubs know a name only
    sids: set[str] = set()
    try:
        local = win32net.NetUserGetLocalGroups(this, plain if is_local else f"{found.domain}\\{plain}", _INDIRECT_TOO)
        sids.update(map(sid_of, local))
        if is_local:
            return frozenset(sids), ""
        controller = win32net.NetGetAnyDCName(None, found.domain)
        of_domain = [each for each, _ in win32net.NetUserGetGroups(controller, plain)]
        sids.update(sid_of(f"{found.domain}\\{each}") for each in of_domain)
    except (pywintypes.error, NotSeen) as error:
        reason = error.strerror.rstrip(". ") if isinstance(error, pywintypes.error) else str(error)
        return frozenset(sids), f"the groups of {name} cannot be had here: {reason}"
    return frozenset(sids), f"groups within groups of the domain {found.domain} are known to its controllers alone"


def read_descriptor(path: Path) -> str:
    """Return owner and access list of a file or folder, in SDDL.

    Raises:
        NotSeen: where the system does not tell them.
    """
    import pywintypes
    import win32security

    try:
        found = win32security.GetNamedSecurityInfo(_long(path), _FILE_OBJECT, _OWNER_AND_LIST)
        return win32security.ConvertSecurityDescriptorToStringSecurityDescriptor(found, _SDDL_1, _OWNER_AND_LIST)
    except pywintypes.error as error:
        raise NotSeen(f"the access list of {path} is not told: {error.strerror.rstrip('. ')}") from None


def set_access_list(path: Path, sddl: str) -> None:
    """Give a file or folder the access list of a descriptor in SDDL, protected or not as it says.

    Raises:
        OSError: where that is not permitted.
    """
    import win32security

    # Not SetNamedSecurityInfo: under Wine it takes the folder's entries over, even into a protected list.
    wanted = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(sddl, _SDDL_1)
    with _told(path):
        win32security.SetFileSecurity(_long(path), _LIST, wanted)


def make_folder(path: Path, sddl: str) -> None:
    """Make a folder that has its access list from the beginning.

    Raises:
        OSError: where something stands there, or it cannot be made.
    """
    import win32file

    with _told(path):
        win32file.CreateDirectoryW(_long(path), _attributes(sddl))


def open_new_file(path: Path, sddl: str) -> int:
    """Make a file that has its access list from its first byte on, and return its number, open for writing.

    Raises:
        OSError: where something stands there, a link included, or it cannot be made.
    """
    import msvcrt

    import win32con
    import win32file

    with _told(path):
        handle = win32file.CreateFile(
            _long(path),
            win32con.GENERIC_READ | win32con.GENERIC_WRITE,
            win32con.FILE_SHARE_READ,
            _attributes(sddl),
            win32con.CREATE_NEW,
            win32con.FILE_ATTRIBUTE_NORMAL | _THE_LINK_ITSELF,
            None,
        )
    number: int = msvcrt.open_osfhandle(int(handle.Detach()), getattr(os, "O_BINARY", 0))  # type: ignore[attr-defined,unused-ignore]
    return number


def why_not_opened(path: Path) -> int:
    """Return the number of the error with which Windows refuses to open a file for reading; 0 where it opens it."""
    import pywintypes
    import win32con
    import win32file

    shared = win32con.FILE_SHARE_READ | win32con.FILE_SHARE_WRITE | win32con.FILE_SHARE_DELETE
    try:
        win32file.CreateFile(_long(path), win32con.GENERIC_READ, shared, None, win32con.OPEN_EXISTING, 0, None).Close()
    except pywintypes.error as error:
        return error.winerror
    return 0


def _attributes(sddl: str) -> "PySECURITY_ATTRIBUTES":
    import win32security

    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.SECURITY_DESCRIPTOR = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(sddl, _SDDL_1)
    return attributes


def _long(path: Path) -> str:
    r"""Return a path so that Windows takes one of 260 characters and more, too (\\?\)."""
    text = str(path)
    if len(text) < _LONGEST_PLAIN_PATH or text.startswith("\\\\?\\"):
        return text
    return f"\\\\?\\UNC{text[1:]}" if text.startswith("\\\\") else f"\\\\?\\{text}"


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raise what pywin32 raises as the operating system's error that it is."""
    import pywintypes

    try:
        yield
    except pywintypes.error as error:
        raise OSError(0, error.strerror, str(path), error.winerror) from None
