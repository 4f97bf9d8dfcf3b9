"""OpenSSL's library that this Python itself uses, asked where there is no openssl program, as on most Windows."""

import _ssl
import ctypes
from collections.abc import Sequence
from contextlib import ExitStack
from ctypes import c_char_p, c_int, c_int64, c_long, c_size_t, c_ulong, c_void_p
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

SSL_SERVER = 2
FLAGS = {"-partial_chain": 0x80000, "-x509_strict": 0x20}
PBE_SHA1_3DES, AES_256_CBC, NO_ENCRYPTION = 146, 427, -1

FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "OPENSSL_sk_push": (c_int, c_void_p, c_void_p),
    "X509_STORE_add_cert": (c_int, c_void_p, c_void_p),
    "X509_STORE_set1_param": (c_int, c_void_p, c_void_p),
    "X509_STORE_CTX_init": (c_int, c_void_p, c_void_p, c_void_p, c_void_p),
    "X509_VERIFY_PARAM_set_purpose": (c_int, c_void_p, c_int),
    "X509_VERIFY_PARAM_set_flags": (c_int, c_void_p, c_ulong),
    "X509_VERIFY_PARAM_set1_host": (c_int, c_void_p, c_char_p, c_size_t),
    "X509_verify_cert": (c_int, c_void_p),
    "ASN1_parse_dump": (c_int, c_void_p, c_char_p, c_long, c_int, c_int),
    "BIO_read": (c_int, c_void_p, c_void_p, c_int),
    "i2d_X509": (c_int, c_void_p, c_void_p),
    "i2d_PKCS8_PRIV_KEY_INFO": (c_int, c_void_p, c_void_p),
    "i2d_PKCS12": (c_int, c_void_p, c_void_p),
    "PKCS12_parse": (c_int, c_void_p, c_char_p, c_void_p, c_void_p, c_void_p),
    "OPENSSL_sk_num": (c_int, c_void_p),
    "OPENSSL_sk_new_null": (c_void_p,),
    "OPENSSL_sk_value": (c_void_p, c_void_p, c_int),
    "X509_STORE_new": (c_void_p,),
    "X509_STORE_CTX_new": (c_void_p,),
    "X509_VERIFY_PARAM_new": (c_void_p,),
    "BIO_s_mem": (c_void_p,),
    "BIO_new": (c_void_p, c_void_p),
    "BIO_new_mem_buf": (c_void_p, c_char_p, c_int),
    "PEM_read_bio_PrivateKey": (c_void_p, c_void_p, c_void_p, c_void_p, c_char_p),
    "EVP_PKEY2PKCS8": (c_void_p, c_void_p),
    "d2i_X509": (c_void_p, c_void_p, c_void_p, c_long),
    "d2i_AutoPrivateKey": (c_void_p, c_void_p, c_void_p, c_long),
    "d2i_PKCS12": (c_void_p, c_void_p, c_void_p, c_long),
    "PKCS12_create": (c_void_p, c_char_p, c_char_p, c_void_p, c_void_p, c_void_p, c_int, c_int, c_int, c_int, c_int),
    "OPENSSL_sk_free": (None, c_void_p),
    "X509_free": (None, c_void_p),
    "X509_STORE_free": (None, c_void_p),
    "X509_STORE_CTX_free": (None, c_void_p),
    "X509_VERIFY_PARAM_free": (None, c_void_p),
    "X509_VERIFY_PARAM_set_time": (None, c_void_p, c_int64),
    "X509_VERIFY_PARAM_set_auth_level": (None, c_void_p, c_int),
    "BIO_free_all": (None, c_void_p),
    "EVP_PKEY_free": (None, c_void_p),
    "PKCS12_free": (None, c_void_p),
    "PKCS8_PRIV_KEY_INFO_free": (None, c_void_p),
    "ERR_clear_error": (None,),
}
"""What each returns, and what it is given."""


def is_there() -> bool:
    """Tell whether it lies beside Python's own module, as it does on Windows."""
    return bool(_files())


def _files() -> list[Path]:
    return sorted(Path(_ssl.__file__).parent.glob("libcrypto-*.dll"))


@cache
def _library() -> Any:
    library = ctypes.CDLL(str(_files()[0]))
    for name, (result, *given) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, given
    return library


class Held:
    """What was taken of the library, and is given back at the end."""

    def __init__(self, until: ExitStack) -> None:
        self._until = until

    def of(self, made: int | None, free: str) -> int:
        """Keep what was made, to be given back by the function of that name."""
        _library().ERR_clear_error()
        assert made, f"the library makes none; {free} has nothing to do"
        self._until.callback(getattr(_library(), free), made)
        return made

    def read(self, kind: str, data: bytes, free: str) -> int:
        """Read DER of a kind."""
        at = ctypes.c_char_p(data)
        return self.of(getattr(_library(), f"d2i_{kind}")(None, ctypes.byref(at), len(data)), free)

    def stack(self, ders: Sequence[bytes]) -> int:
        """Read certificates into one of its lists."""
        made = self.of(_library().OPENSSL_sk_new_null(), "OPENSSL_sk_free")
        for der in ders:
            _library().OPENSSL_sk_push(made, self.read("X509", der, "X509_free"))
        return made


def written(kind: str, held: int) -> bytes:
    """Return the DER of a thing of the library's."""
    length = getattr(_library(), f"i2d_{kind}")(held, None)
    room = ctypes.create_string_buffer(length)
    getattr(_library(), f"i2d_{kind}")(held, ctypes.byref(c_void_p(ctypes.addressof(room))))
    return room.raw


def accepts(
    leaf: bytes, sent: Sequence[bytes], roots: Sequence[bytes], moment: datetime, options: Sequence[str], host: str
) -> bool:
    """Verify as `openssl verify` does, with its options."""
    library = _library()
    with ExitStack() as until:
        held = Held(until)
        store = held.of(library.X509_STORE_new(), "X509_STORE_free")
        for each in roots:
            library.X509_STORE_add_cert(store, held.read("X509", each, "X509_free"))
        rules = held.of(library.X509_VERIFY_PARAM_new(), "X509_VERIFY_PARAM_free")
        library.X509_VERIFY_PARAM_set_purpose(rules, SSL_SERVER)
        library.X509_VERIFY_PARAM_set_time(rules, int(moment.timestamp()))
        if host:
            library.X509_VERIFY_PARAM_set1_host(rules, host.encode(), 0)
        rest = iter(options)
        for option in rest:
            if option == "-auth_level":
                library.X509_VERIFY_PARAM_set_auth_level(rules, int(next(rest)))
            else:
                library.X509_VERIFY_PARAM_set_flags(rules, FLAGS[option])
        library.X509_STORE_set1_param(store, rules)
        question = held.of(library.X509_STORE_CTX_new(), "X509_STORE_CTX_free")
        asked = held.read("X509", leaf, "X509_free")
        assert library.X509_STORE_CTX_init(question, store, asked, held.stack(sent)) == 1
        accepted: bool = library.X509_verify_cert(question) == 1
        library.ERR_clear_error()
    return accepted


def parts(data: bytes) -> str | None:
    """Return the parts of DER as `openssl asn1parse` prints them; nothing where it refuses them."""
    library = _library()
    with ExitStack() as until:
        page = Held(until).of(library.BIO_new(library.BIO_s_mem()), "BIO_free_all")
        good = library.ASN1_parse_dump(page, data, len(data), 0, 0) == 1
        library.ERR_clear_error()
        room = ctypes.create_string_buffer(1 << 20)
        length = library.BIO_read(page, room, len(room))
    return room.raw[: max(length, 0)].decode("utf-8", "replace") if good else None


@dataclass(frozen=True)
class Protection:
    """How PKCS#12 is protected; 0 is OpenSSL's own choice."""

    password: str
    key_by: int = 0
    certificates_by: int = 0
    rounds: int = 0


def write_p12(key: bytes, own: bytes, issuers: Sequence[bytes], protection: Protection) -> bytes:
    """Write a key, its certificate and the issuers, all as DER, as `openssl pkcs12 -export` does."""
    library = _library()
    with ExitStack() as until:
        held = Held(until)
        private = held.read("AutoPrivateKey", key, "EVP_PKEY_free")
        owner = held.read("X509", own, "X509_free")
        others = held.stack(issuers) if issuers else None
        how = (protection.key_by, protection.certificates_by, protection.rounds, protection.rounds, 0)
        made = library.PKCS12_create(protection.password.encode(), None, private, owner, others, *how)
        return written("PKCS12", held.of(made, "PKCS12_free"))


def read_p12(data: bytes, password: str) -> tuple[bytes, list[bytes]]:
    """Return what OpenSSL finds in it: the key as DER, and all certificates, the key's own first."""
    library = _library()
    with ExitStack() as until:
        held = Held(until)
        file = held.read("PKCS12", data, "PKCS12_free")
        key, own, others = c_void_p(), c_void_p(), c_void_p()
        found = (ctypes.byref(each) for each in (key, own, others))
        assert library.PKCS12_parse(file, password.encode(), *found) == 1
        private, owner = held.of(key.value, "EVP_PKEY_free"), held.of(own.value, "X509_free")
        ders = [written("X509", owner)]
        if others.value:
            stack = held.of(others.value, "OPENSSL_sk_free")
            found_others = (library.OPENSSL_sk_value(stack, at) for at in range(library.OPENSSL_sk_num(stack)))
            ders += [written("X509", held.of(each, "X509_free")) for each in found_others]
        return _pkcs8(held, private), ders


def read_key(pem: bytes, password: str) -> bytes:
    """Return a private key that was read with its password, as DER (PKCS#8)."""
    library = _library()
    with ExitStack() as until:
        held = Held(until)
        page = held.of(library.BIO_new_mem_buf(pem, len(pem)), "BIO_free_all")
        key = library.PEM_read_bio_PrivateKey(page, None, None, password.encode())
        return _pkcs8(held, held.of(key, "EVP_PKEY_free"))


def _pkcs8(held: Held, key: int) -> bytes:
    return written("PKCS8_PRIV_KEY_INFO", held.of(_library().EVP_PKEY2PKCS8(key), "PKCS8_PRIV_KEY_INFO_free"))
