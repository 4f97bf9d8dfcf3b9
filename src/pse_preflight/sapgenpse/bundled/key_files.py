"""Private keys in other people's files, PKCS#8 and PKCS#12: read in bounded time, and written."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.key_stores.bounds import refuse_endless
from pse_preflight.key_stores.pkcs12 import is_pkcs12, load_pkcs12
from pse_preflight.pse.owner import OwnerKey
from pse_preflight.sapgenpse.bundled.world import Refused

_KEY_BAGS = (bytes.fromhex("060b2a864886f70d010c0a0101"), bytes.fromhex("060b2a864886f70d010c0a0102"))
_PEM_KEY = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,64}PRIVATE KEY)-----.+?(-----END \1-----|(?=-----BEGIN )|\Z)", re.DOTALL
)
"""A block that has no end ends before the next one, so that each part of a file is looked at once."""

Loaded = TypeVar("Loaded")
AskPassword = Callable[[], str]


@dataclass(frozen=True, slots=True)
class KeyFileContent:
    """A private key, and the certificates that lay with it; the key is never in a repr."""

    key: object = field(repr=False)
    certificates: tuple[Certificate, ...] = ()


def read_pkcs8(data: bytes, password: AskPassword) -> KeyFileContent:
    """Read a private key in PEM, DER or base64, encrypted or not.

    Args:
        password: asks for the password; called only where there is one.

    Raises:
        Refused: where it is no private key, or more than one, or cannot be decrypted.
        KeyStoreUnreadable: where that would take very long.
    """
    found = [match[0] for match in _PEM_KEY.finditer(data) if match[2]]
    if len(found) > 1:
        raise Refused(f"the key file holds {len(found)} private keys; give one")
    if found and b"BEGIN OPENSSH" in found[0]:
        raise Refused("the key file holds an SSH key; ssh-keygen -p -m PKCS8 -f FILE rewrites it")
    if is_pkcs12(data):
        raise Refused("the key file is a PKCS#12 file; import_p12 takes it")
    load = serialization.load_pem_private_key if found else serialization.load_der_private_key
    content = found[0] if found else _binary(data)
    refuse_endless(base64.b64decode(_body(content)) if found else content)
    try:
        return KeyFileContent(load(content, None))
    except TypeError:  # it is encrypted
        return KeyFileContent(_decrypted(lambda given: load(content, given), password()))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused(f"the key file holds no private key that can be read ({_short(error)})") from error


def read_pkcs12(data: bytes, password: AskPassword) -> KeyFileContent:
    """Read key and certificates of a PKCS#12 file.

    Args:
        password: asks for the password.

    Raises:
        Refused: where it is none, has no key or two, or cannot be decrypted.
        KeyStoreUnreadable: where that would take very long.
    """
    if not is_pkcs12(data):
        raise Refused("it is no PKCS#12 file")
    refuse_endless(data)
    keys = sum(map(data.count, _KEY_BAGS))
    if keys > 1:
        raise Refused(f"it holds {keys} private keys; export the one that is meant into a file of its own")
    found = _decrypted(lambda given: load_pkcs12(data, given or None), password())
    if found.key is None:
        raise Refused("it holds no private key")
    others = [each.certificate for each in found.additional_certs]
    given = [*([found.cert.certificate] if found.cert else []), *others]
    try:
        return KeyFileContent(found.key, tuple(Certificate.of(each) for each in given))
    except CertificateUnreadable as error:
        raise Refused(f"one of its certificates cannot be read ({error})") from error


def write_pkcs8(key: OwnerKey, password: str) -> bytes:
    """Write a private key as PKCS#8 in PEM, encrypted where there is a password."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(password))


def write_pkcs12(key: OwnerKey, chain: Sequence[Certificate], password: str) -> bytes:
    """Write a private key with its certificate and the issuers of that as PKCS#12, encrypted with a password."""
    owner, *issuers = chain
    return pkcs12.serialize_key_and_certificates(
        owner.name.encode("utf-8"), key, owner.parsed, [each.parsed for each in issuers], _encryption(password)
    )


def _encryption(password: str) -> serialization.KeySerializationEncryption:
    if not password:
        return serialization.NoEncryption()
    return serialization.BestAvailableEncryption(password.encode("utf-8", "surrogatepass"))


def _decrypted(load: Callable[[bytes], Loaded], password: str) -> Loaded:
    try:
        return load(password.encode("utf-8", "surrogatepass"))
    except TypeError as error:
        raise Refused("Wrong PIN/Passphrase") from error
    except UnsupportedAlgorithm as error:
        raise Refused(f"it is encrypted in a way that is not supported here ({_short(error)})") from error
    except ValueError as error:
        raise Refused(f"Wrong PIN/Passphrase, or damaged ({_short(error)})") from error


def _short(error: Exception) -> str:
    return str(error).partition("\n")[0][:120].rstrip(". ") or type(error).__name__


def _binary(data: bytes) -> bytes:
    """Return DER, which may have been written as base64."""
    joined = b"".join(data.split())
    if re.fullmatch(rb"[A-Za-z0-9+/]{32,}={0,2}", joined):
        try:
            return base64.b64decode(joined, validate=True)
        except binascii.Error:
            return data
    return data


def _body(block: bytes) -> bytes:
    """Return the base64 of a PEM block without its headers."""
    lines = block.split(b"\n")[1:-1]
    return b"".join(line.strip() for line in lines if b":" not in line)
