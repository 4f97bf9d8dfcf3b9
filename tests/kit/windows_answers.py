"""A Windows that is not there: pywin32's functions with answers written from Microsoft's documentation.

Errors are winerror.h's and lmerr.h's: 1332 ERROR_NONE_MAPPED, 1355 ERROR_NO_SUCH_DOMAIN, 1722 RPC_S_SERVER_UNAVAILABLE,
1789 ERROR_TRUSTED_RELATIONSHIP_FAILURE, 5 ERROR_ACCESS_DENIED, 2453 NERR_DCNotFound, 2221 NERR_UserNotFound.
"""

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

ME, SERVICE = "S-1-5-21-1-2-3-500", "S-1-5-21-7-8-9-1001"
READERS = "S-1-5-21-7-8-9-2001"
"""DOM's group SAP-Readers."""
USER, GROUP, DOMAIN, ALIAS, WELL_KNOWN = 1, 2, 3, 4, 5
"""Values of SID_NAME_USE."""

Account = tuple[str, str, int]


class WindowsError32(Exception):
    """What pywin32 raises: number, function, text."""

    def __init__(self, winerror: int, function: str, strerror: str) -> None:
        super().__init__(winerror, function, strerror)
        self.winerror = winerror
        self.strerror = strerror


def error(number: int) -> WindowsError32:
    """Return an error as pywin32 raises it, with Windows' English text."""
    texts = {
        5: "Access is denied.",
        1332: "No mapping between account names and security IDs was done.",
        1355: "The specified domain either does not exist or could not be contacted.",
        1722: "The RPC server is unavailable.",
        1789: "The trust relationship between this workstation and the primary domain failed.",
        2221: "The user name could not be found.",
        2453: "Could not find domain controller for this domain.",
    }
    return WindowsError32(number, "a function", texts[number])


@dataclass
class Windows:
    """What it knows; an error in the place of an answer is raised.

    Attributes:
        me: the SID of who runs the process, and groups: those in its token, with their flags.
        accounts: by name in lower case, as LookupAccountName takes it: SID, domain, SID_NAME_USE.
        local_groups, domain_groups: what NetUserGetLocalGroups and NetUserGetGroups answer, by user.
        controller: what NetGetAnyDCName answers.
        descriptors: owner and list of files in SDDL, by path; "" stands for every other path.
    """

    me: str = ME
    groups: tuple[tuple[str, int], ...] = (("S-1-1-0", 7), ("S-1-5-32-544", 16))
    accounts: dict[str, Account | WindowsError32] = field(default_factory=dict)
    local_groups: dict[str, list[str] | WindowsError32] = field(default_factory=dict)
    domain_groups: dict[str, list[str] | WindowsError32] = field(default_factory=dict)
    controller: str | WindowsError32 = r"\\DC01"
    descriptors: dict[str, str | WindowsError32] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Windows":
        """Put it in the place of pywin32."""
        security = SimpleNamespace(
            OpenProcessToken=lambda _process, _access: "token",
            GetTokenInformation=lambda _token, kind: (self.me, 0) if kind == 1 else list(self.groups),
            ConvertSidToStringSid=lambda sid: sid,
            ConvertStringSidToSid=lambda text: text,
            LookupAccountName=self._by_name,
            LookupAccountSid=self._by_sid,
            GetNamedSecurityInfo=lambda path, _kind, _what: _answer(
                self.descriptors.get(path, self.descriptors.get("", error(5)))
            ),
            ConvertSecurityDescriptorToStringSecurityDescriptor=lambda found, _revision, _what: found,
        )
        net = SimpleNamespace(
            NetUserGetLocalGroups=self._local_groups,
            NetUserGetGroups=lambda server, user: [(each, 7) for each in self._of_domain(server, user)],
            NetGetAnyDCName=lambda _server, _domain: _answer(self.controller),
        )
        api = SimpleNamespace(GetCurrentProcess=lambda: -1, GetComputerName=lambda: "CLIENT01")
        errors = SimpleNamespace(error=WindowsError32)
        for name, module in (("security", security), ("net", net), ("api", api)):
            monkeypatch.setitem(sys.modules, f"win32{name}", module)
        monkeypatch.setitem(sys.modules, "pywintypes", errors)
        return self

    def _by_name(self, _server: None, name: str) -> Account:
        self.asked.append(("LookupAccountName", name))
        found: Account = _answer(self.accounts.get(name.lower(), error(1332)))
        return found

    def _by_sid(self, _server: None, sid: str) -> Account:
        for name, found in self.accounts.items():
            if not isinstance(found, WindowsError32) and found[0] == sid:
                return name.rpartition("\\")[2], found[1], found[2]
        raise error(1332)

    def _local_groups(self, _server: None, user: str, flags: int) -> list[str]:
        self.asked.append(("NetUserGetLocalGroups", user, flags))
        return list(_answer(self.local_groups.get(user, error(2221))))

    def _of_domain(self, server: str, user: str) -> list[str]:
        self.asked.append(("NetUserGetGroups", server, user))
        return list(_answer(self.domain_groups.get(user, error(2221))))


def _answer(answer: Any) -> Any:
    if isinstance(answer, WindowsError32):
        raise answer
    return answer


def in_a_domain() -> Windows:
    r"""Return a client machine CLIENT01 in the domain DOM, with its account DOM\svc and a local one, local."""
    return Windows(
        accounts={
            "dom\\svc": (SERVICE, "DOM", USER),
            "dom\\sap-readers": (READERS, "DOM", GROUP),
            "client01\\local": ("S-1-5-21-1-2-3-1001", "CLIENT01", USER),
            "client01\\admin": (ME, "CLIENT01", USER),
            "users": ("S-1-5-32-545", "BUILTIN", ALIAS),
            "backup": ("S-1-5-21-1-2-3-1002", "CLIENT01", ALIAS),
            "dom": ("S-1-5-21-7-8-9", "DOM", DOMAIN),
        },
        local_groups={"DOM\\svc": ["Users"], "local": ["Users", "Backup"]},
        domain_groups={"svc": ["SAP-Readers"]},
    )
