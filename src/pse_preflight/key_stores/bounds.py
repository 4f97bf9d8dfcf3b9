"""How long the password of a key file may keep a processor busy, and how many parts such a file may have."""

import contextlib
from dataclasses import dataclass

from pse_preflight.key_stores.model import KeyStoreUnreadable
from pse_preflight.pse import asn1
from pse_preflight.pse.errors import DamagedPse

_MOST_ROUNDS = 10_000_000
"""A second or a few; programs write up to a million."""
_MOST_VALUES = 20_000
_DEEPEST = 24
_CONSTRUCTED = 0x20
_SCRYPT = bytes.fromhex("06092b06010401da47040b")


def refuse_endless(data: bytes) -> None:
    """Refuse a file whose author wants a key to be derived for minutes, or in gigabytes.

    Raises:
        KeyStoreUnreadable: where it does.
    """
    if _SCRYPT in data:
        raise KeyStoreUnreadable(
            "it is encrypted with scrypt, which is not supported here; openssl pkcs8 -topk8 rewrites it"
        )
    counted = Counted()
    counted.look(data)
    if counted.values > _MOST_VALUES:
        raise KeyStoreUnreadable("it has more parts than any key file")
    if counted.rounds > _MOST_ROUNDS:
        raise KeyStoreUnreadable(
            f"its key needs {counted.rounds} rounds of derivation, at most {_MOST_ROUNDS} are made here"
        )


@dataclass(slots=True)
class Counted:
    """What was counted in a file: its values, and the largest number that follows a salt, which is one of rounds."""

    values: int = 0
    rounds: int = 0

    def look(self, value: bytes, depth: int = 0) -> None:
        """Count at every depth, also within octet strings that hold such values again; the rest may be anything."""
        before = 0
        with contextlib.suppress(DamagedPse):
            for part in asn1.values(value):
                self.values += 1
                if self.values > _MOST_VALUES or depth == _DEEPEST:
                    return
                if before == asn1.OCTET_STRING and part[0] == asn1.INTEGER:
                    self.rounds = max(self.rounds, int.from_bytes(asn1.content(part)[:16]))
                if part[0] & _CONSTRUCTED or part[0] == asn1.OCTET_STRING:
                    self.look(part, depth + 1)
                before = part[0]
