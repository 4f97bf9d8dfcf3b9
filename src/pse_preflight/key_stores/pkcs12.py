"""PKCS#12 (RFC 7292): the certificates of a file, and whether Java takes them for trusted."""

import re
from collections.abc import Iterable, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs12

from pse_preflight.certificate import Certificate, CertificateUnreadable, without_warnings
from pse_preflight.key_stores.bounds import refuse_endless
from pse_preflight.key_stores.marks import marked_for_java
from pse_preflight.key_stores.model import MOST_CERTIFICATES, KeyStore, KeyStoreUnreadable, PasswordNeeded, StoredEntry
from pse_preflight.pse.path import is_signed_by

_BEGINNING = re.compile(rb"\x30(?:[\x00-\x7f]|\x80|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL)


def is_pkcs12(data: bytes) -> bool:
    """Tell whether the bytes begin like a PKCS#12 file."""
    return _BEGINNING.match(data) is not None


def read_pkcs12_store(data: bytes, passwords: Iterable[str]) -> KeyStore:
    """Read the certificates; a private key in it is decrypted by the library, and dropped at once.

    Args:
        passwords: are tried one after the other; the empty one opens what has none.

    Raises:
        PasswordNeeded: where none of them opens it.
        KeyStoreUnreadable: where it is none, damaged, or encrypted in a way that is not supported.
    """
    if not is_pkcs12(data):
        raise KeyStoreUnreadable("it is no PKCS#12 file")
    refuse_endless(data)
    for password in passwords:
        found = _opened(data, password)
        if found:
            return _store(found, marked_for_java(data, password))
    raise PasswordNeeded("none of the passwords that are known here opens it, or it is damaged")


@without_warnings
def load_pkcs12(data: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates:
    """Load a PKCS#12 file by the library, which warns of those that old programs write (BER) and reads them."""
    return pkcs12.load_pkcs12(data, password)


def _opened(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates | None:
    try:
        return load_pkcs12(data, password.encode("utf-8", "surrogatepass") or None)
    except (ValueError, TypeError):
        return None
    except UnsupportedAlgorithm as error:
        raise KeyStoreUnreadable(f"it is encrypted in a way that is not supported here ({error})") from None


def _store(found: pkcs12.PKCS12KeyAndCertificates, marked: frozenset[bytes] | None) -> KeyStore:
    if len(found.additional_certs) > MOST_CERTIFICATES:
        raise KeyStoreUnreadable(f"it has more than {MOST_CERTIFICATES} certificates")
    damaged: list[str] = []
    own = _readable([found.cert] if found.cert and found.key else [], damaged)
    others = _readable([*([found.cert] if found.cert and not found.key else []), *found.additional_certs], damaged)
    entries = []
    for name, certificate in own:
        issuers = _issuers(certificate, [each for _, each in others if not marked or each.der not in marked])
        entries.append(StoredEntry(name, (certificate, *issuers), has_key=True, is_trusted=False))
    of_key = {each for entry in entries for each in entry.certificates}
    for name, certificate in others:
        if certificate not in of_key:
            is_trusted = None if marked is None else certificate.der in marked
            entries.append(StoredEntry(name, (certificate,), is_trusted=is_trusted))
    return KeyStore("PKCS#12", tuple(entries), tuple(damaged), is_proven=True)


def _readable(found: Iterable[pkcs12.PKCS12Certificate], damaged: list[str]) -> list[tuple[str, Certificate]]:
    """Return the certificates with their names; add to the damaged ones what is none that can be read."""
    read = []
    for each in found:
        name = (each.friendly_name or b"").decode("utf-8", "replace")
        try:
            read.append((name, Certificate.of(each.certificate)))
        except CertificateUnreadable as error:
            damaged.append(f'the certificate of "{name}" cannot be read ({error})')
    return read


def _issuers(certificate: Certificate, others: Sequence[Certificate]) -> list[Certificate]:
    """Return the path of a key's own certificate as far as it goes; that it lies there makes nobody trust it."""
    path: list[Certificate] = []
    while not is_signed_by(certificate, certificate):
        issuer = next((each for each in others if each not in path and is_signed_by(certificate, each)), None)
        if issuer is None:
            break
        path.append(issuer)
        certificate = issuer
    return path
