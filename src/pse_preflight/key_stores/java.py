"""Java's own key stores, JKS and JCEKS, as sun.security.provider.JavaKeyStore writes them; private keys stay closed.

The certificates in them are not encrypted. The last 20 bytes are a SHA-1 over the password and all that goes before.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.key_stores.model import MOST_CERTIFICATES, KeyStore, KeyStoreUnreadable, PasswordNeeded, StoredEntry

_FORMS = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}
_VERSIONS = (1, 2)
_PRIVATE_KEY, _CERTIFICATE, _SECRET_KEY = 1, 2, 3
_TYPED_VERSION = 2
"""From this version on the type of a certificate is written before it."""
_X509 = "X.509"
_DIGEST_BYTES = 20
_WHITENER = b"Mighty Aphrodite"


def is_java_key_store(data: bytes) -> bool:
    """Tell whether the bytes begin like one."""
    return data[:4] in _FORMS


def read_java_key_store(data: bytes, password: str | None = None) -> KeyStore:
    """Read the certificates.

    Args:
        password: proves, where it is given, that nobody has changed the file; the certificates are read without.

    Raises:
        PasswordNeeded: where another password was given.
        KeyStoreUnreadable: where it is damaged, or none.
    """
    if not is_java_key_store(data):
        raise KeyStoreUnreadable("it is no Java key store")
    content = data[:-_DIGEST_BYTES]
    stream = _Stream(content, 4)
    version, count = stream.number(), stream.number()
    if version not in _VERSIONS:
        raise KeyStoreUnreadable(f"it is a Java key store of the unknown version {version}")
    if count > MOST_CERTIFICATES:
        raise KeyStoreUnreadable(f"it has more than {MOST_CERTIFICATES} entries")
    entries = [_entry(stream, version) for _ in range(count)]
    if stream.position != len(content):
        raise KeyStoreUnreadable(f"it goes on for {len(content) - stream.position} bytes behind its last entry")
    if password is not None:
        secret = password.encode("utf-16-be", "surrogatepass")
        digest = hashlib.sha1(secret + _WHITENER + content).digest()  # noqa: S324 - the format's
        if not hmac.compare_digest(digest, data[-_DIGEST_BYTES:]):
            raise PasswordNeeded("the password is another one, or somebody has changed the file")
    found = tuple(each for each in entries if each.certificates or each.has_key)
    return KeyStore(_FORMS[data[:4]], found, tuple(stream.damaged), is_proven=password is not None)


@dataclass(slots=True)
class _Stream:
    """The bytes of a key store, read from front to back.

    Attributes:
        data: all of them.
        position: of the next one.
        read: how many certificates were read.
        damaged: which of them could not be understood, and why.
    """

    data: bytes
    position: int
    read: int = 0
    damaged: list[str] = field(default_factory=list)

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise KeyStoreUnreadable(f"the Java key store breaks off behind its first {len(self.data)} bytes")
        self.position += count
        return self.data[self.position - count : self.position]

    def number(self) -> int:
        (number,) = struct.unpack(">I", self.take(4))
        return int(number)

    def text(self) -> str:
        (length,) = struct.unpack(">H", self.take(2))
        return self.take(length).decode("utf-8", "replace")

    def certificate(self, version: int, name: str) -> list[Certificate]:
        """Return a certificate; nothing, and a word on it, where it is none that can be read."""
        kind = self.text() if version >= _TYPED_VERSION else _X509
        der = self.take(self.number())
        self.read += 1
        if self.read > MOST_CERTIFICATES:
            raise KeyStoreUnreadable(f"it has more than {MOST_CERTIFICATES} certificates")
        try:
            if kind == _X509:
                return [Certificate.read(der)]
            self.damaged.append(f'the certificate of "{name}" is of the unknown kind {kind!r}')
        except CertificateUnreadable as error:
            self.damaged.append(f'the certificate of "{name}" is damaged ({error})')
        return []


def _entry(stream: _Stream, version: int) -> StoredEntry:
    kind, name = stream.number(), stream.text()
    stream.take(8)  # when it was made
    if kind == _CERTIFICATE:
        return StoredEntry(name, tuple(stream.certificate(version, name)))
    if kind == _PRIVATE_KEY:
        stream.take(stream.number())
        chain = [each for _ in range(stream.number()) for each in stream.certificate(version, name)]
        return StoredEntry(name, tuple(chain), has_key=True, is_trusted=False)
    if kind == _SECRET_KEY:
        raise KeyStoreUnreadable(f'it holds a secret key ("{name}"), which only Java reads; export what is needed')
    raise KeyStoreUnreadable(f"it has an entry of the unknown kind {kind}")
