"""The trust store of a client that is not SAP's, looked at as a PSE is: what is there, and whom it trusts.

Nothing is ever made or changed here: these files belong to other programs.
"""

import hashlib
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.certificate_file import read_certificates
from pse_preflight.client_pse.condition import Condition, PseContent, State
from pse_preflight.client_pse.model import Attempt, ClientPse, Contribution
from pse_preflight.errors import PreflightError
from pse_preflight.files import read_beginning
from pse_preflight.key_stores.java import is_java_key_store, read_java_key_store
from pse_preflight.key_stores.model import KeyStore
from pse_preflight.key_stores.pkcs12 import is_pkcs12, read_pkcs12_store
from pse_preflight.landscape.system import TrustStore
from pse_preflight.pse.file import LARGEST_FILE, TrustedCertificate
from pse_preflight.pse.trusted import IN_LIST
from pse_preflight.sapgenpse.output import ListedCertificate, Listing

_USUAL_PASSWORDS = ("", "changeit")
"""None, and the one of Java's own trust store wherever nobody has changed it."""
_SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1"
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Held:
    """What a trust store holds: its form, whom it trusts, and what in it does not count."""

    form: str
    trusted: tuple[Certificate, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustStores:
    """Looks at one trust store as a Maker looks at a PSE; it makes and repairs none.

    Attributes:
        store: which kind it is, and what opens it.
    """

    store: TrustStore

    def look(self, path: Path) -> ClientPse:
        """Look at the trust store as it is."""
        try:
            if self.store.windows:
                return _seen(path, _of_windows(self.store.windows), "")
            content = _content(path)
            return _seen(path, _held(content, self.store.password), hashlib.sha256(content).hexdigest())
        except (FileNotFoundError, NotADirectoryError):
            return ClientPse(Condition(path, State.MISSING))
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except PreflightError as error:
            problem = str(error)
        return ClientPse(Condition(path, State.UNREADABLE, problem))

    def look_again(self, before: ClientPse) -> ClientPse:
        """Return the trust store as it stands now: what is known of it, where it is the same still."""
        now = self.look(before.condition.path)
        return before if now == before else now

    def make(self, contributions: Sequence[Contribution]) -> tuple[ClientPse, Attempt]:
        """Make nothing, and say why."""
        refusals = tuple(dict.fromkeys(each.refusal for each in contributions if each.refusal))
        return self.look(contributions[0].system.pse), Attempt(refusals=refusals)

    def repair(self, before: ClientPse, _: Sequence[Contribution]) -> tuple[ClientPse, Attempt]:
        """Change nothing."""
        return before, Attempt()


def _content(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise CertificateUnreadable("it is a folder" if path.is_dir() else "it is no plain file")
    with path.open("rb") as stream:
        content = read_beginning(stream, LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CertificateUnreadable(f"it is larger than {LARGEST_FILE >> 20} MiB")
    return content


def _seen(path: Path, held: _Held, digest: str) -> ClientPse:
    trusted = tuple(TrustedCertificate(each.parsed.tbs_certificate_bytes, each.der, IN_LIST) for each in held.trusted)
    condition = Condition(path, State.PLAIN, content=PseContent(None, trusted), digest=digest)
    listing = Listing(tuple(_listed(each) for each in held.trusted))
    return ClientPse(condition, listing, one_reader=True, store=held.form, left_out=held.left_out)


def _listed(certificate: Certificate) -> ListedCertificate:
    return ListedCertificate(
        sha256=certificate.sha256,
        subject=certificate.subject,
        issuer=certificate.issuer,
        serial=certificate.serial_number,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


def _held(content: bytes, password: str | None) -> _Held:
    """Read a trust store of a kind that its content tells.

    Raises:
        PreflightError: where it cannot be read; the text says why.
    """
    if is_java_key_store(content):
        return _of_java(read_java_key_store(content, password))
    if is_pkcs12(content):
        return _of_java(read_pkcs12_store(content, _USUAL_PASSWORDS if password is None else (password,)))
    try:
        found = read_certificates(content)
    except CertificateUnreadable as error:
        raise CertificateUnreadable(f"it {error}") from None
    return _Held(found.form, found.certificates, _told(found.damaged))


def _of_java(store: KeyStore) -> _Held:
    """Return what Java trusts by a key store."""
    unmarked = [each for each in store.entries if each.is_trusted is False and not each.has_key]
    unknown = any(each.is_trusted is None for each in store.entries)
    left_out = list(_told(store.damaged))
    if unmarked:
        names = ", ".join(each.certificates[0].label for each in unmarked[:_MOST_NAMED])
        left_out.append(
            f"Java passes over {len(unmarked)} of its certificates, which do not bear Java's mark of trust: {names}"
        )
    if unknown:
        left_out.append(
            "whether Java takes its certificates for trusted cannot be seen, for old software encrypted them"
        )
    return _Held(store.form, store.trusted, tuple(left_out))


def _told(damaged: Iterable[str]) -> tuple[str, ...]:
    return tuple(damaged)[:_MOST_NAMED]


if sys.platform == "win32":

    def _of_windows(name: str) -> _Held:
        """Return what a store of Windows trusts for servers, as this account sees it."""
        import ssl

        found: dict[Certificate, None] = {}
        damaged = 0
        for der, encoding, purposes in ssl.enum_certificates(name):
            if encoding != "x509_asn" or (purposes is not True and _SERVER_AUTHENTICATION not in purposes):
                continue
            try:
                found[Certificate.read(der)] = None
            except CertificateUnreadable:
                damaged += 1
        left_out = (f"{damaged} of its certificates cannot be read",) if damaged else ()
        return _Held(f"Windows {name}", tuple(found), left_out)

else:

    def _of_windows(name: str) -> _Held:
        """Say that there is no such store here."""
        raise CertificateUnreadable(f"{name} is a store of Windows, and this is another system")
