"""What a key store holds, but for its private keys, which are never looked at."""

from dataclasses import dataclass

from pse_preflight.certificate import Certificate
from pse_preflight.errors import PreflightError

MOST_CERTIFICATES = 5_000


class KeyStoreUnreadable(PreflightError):
    """The bytes are no key store that can be read here; the text says why."""


class PasswordNeeded(KeyStoreUnreadable):
    """None of the passwords that were given opens it."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry of a key store.

    Attributes:
        name: its alias; empty where it has none.
        certificates: its certificate; that of a private key is followed by its issuers.
        has_key: there is a private key in it.
        is_trusted: Java takes it for trusted; None where that cannot be seen.
    """

    name: str
    certificates: tuple[Certificate, ...]
    has_key: bool = False
    is_trusted: bool | None = True


@dataclass(frozen=True, slots=True)
class KeyStore:
    """A key store that could be read.

    Attributes:
        form: PKCS#12, JKS or JCEKS.
        entries: in the order of the file.
        damaged: for each certificate that cannot be read which one it is, and why.
        is_proven: its password was known, and shows that nobody has changed it.
    """

    form: str
    entries: tuple[StoredEntry, ...]
    damaged: tuple[str, ...] = ()
    is_proven: bool = False

    @property
    def trusted(self) -> tuple[Certificate, ...]:
        """Return the certificates that a client trusts by it, each once; a key's own path is none of them."""
        found = (each for each in self.entries if not each.has_key and each.is_trusted is not False)
        return tuple(dict.fromkeys(certificate for each in found for certificate in each.certificates))
