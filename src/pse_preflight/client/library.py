"""SAP's TLS library (sapcrypto): for how many bits a file is built, and whether its release is current. Pure."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pse_preflight.checklist import Code
from pse_preflight.findings import Finding, finding

HEADER_BYTES = 1 << 16
"""How much of a library holds its headers."""

OLDEST_RELEASE = (8, 5)

_ELF_BITS = {1: 32, 2: 64}
_PE_BITS = {0x014C: 32, 0x01C0: 32, 0x01C4: 32, 0x8664: 64, 0xAA64: 64}
_MACH_BITS = {0xFEEDFACE: 32, 0xFEEDFACF: 64}
_FAT_MACH = 0xCAFEBABE
_MACH_64 = 0x01000000
_FAT_ARCHITECTURE_BYTES = 20
_MOST_ARCHITECTURES = 16
_RELEASE = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Library:
    """SAP's TLS library as it was found.

    Attributes:
        path: where.
        absolute: the path does not depend on a folder.
        problem: why it cannot be used, in words; empty where a file is there.
        unreadable: it is there, and not readable for whoever runs this.
        bits: for how many bits it is built; empty where it is no library.
        version: what the tool beside it tells; empty where none does.
    """

    path: str
    absolute: bool = True
    problem: str = ""
    unreadable: bool = False
    bits: frozenset[int] = frozenset()
    version: str = ""


def read_bits(header: bytes) -> frozenset[int]:
    """Return for how many bits a library is built: 32, 64, or both; empty where it is no library.

    Known are ELF, PE/COFF and Mach-O, each by the first fields of its published format.
    """
    if header.startswith(b"\x7fELF"):
        return _known(_ELF_BITS.get(header[4]) if len(header) > 4 else None)  # noqa: PLR2004 - EI_CLASS
    if header.startswith(b"MZ"):
        return _known(_PE_BITS.get(_pe_machine(header)))
    return _mach_bits(header)


def findings(library: Library, wanted: int | None) -> tuple[Finding, ...]:
    """Say what is wrong with the library, given for how many bits the client is built."""
    if not library.absolute:
        observed = f"{library.path} is not an absolute path"
        fix = "name the library itself, with all its folders"
        return (finding(Code.CRYPTO_LIBRARY_PATH_RELATIVE, observed, fix=fix),)
    if library.problem:
        observed = f"{library.path} cannot be used: {library.problem}"
        fix = "name the library itself (libsapcrypto.so, sapcrypto.dll), or install SAP's CommonCryptoLib there"
        return (finding(Code.CRYPTO_LIBRARY_MISSING, observed, fix=fix),)
    if library.unreadable:
        observed = f"{library.path} cannot be read here, so nothing is known of it"
        fix = "run the checks as an account that may read it"
        return (finding(Code.CRYPTO_LIBRARY_NOT_JUDGED, observed, fix=fix),)
    return (*_unfit(library, wanted), *_old(library))


def _unfit(library: Library, wanted: int | None) -> Iterator[Finding]:
    if not library.bits:
        yield finding(
            Code.CRYPTO_LIBRARY_NO_LIBRARY,
            f"{library.path} is no library: neither ELF, nor PE, nor Mach-O",
            fix="unpack SAP's archive (SAPCAR -xvf) and name the library in it",
        )
    elif wanted is not None and wanted not in library.bits:
        yield finding(
            Code.CRYPTO_LIBRARY_BITS,
            f"{library.path} is built for {' and '.join(map(str, sorted(library.bits)))} bits, the client for {wanted}",
            fix=f"install SAP's CommonCryptoLib for {wanted} bits",
        )


def _old(library: Library) -> Iterator[Finding]:
    release = _RELEASE.search(library.version)
    if release and (int(release[1]), int(release[2])) < OLDEST_RELEASE:
        yield finding(
            Code.CRYPTO_LIBRARY_OLD,
            f"{library.path} has the version {library.version}; older than 8.5 is no longer maintained",
            fix="install a current CommonCryptoLib",
        )


def _known(found: int | None) -> frozenset[int]:
    return frozenset() if found is None else frozenset({found})


def _pe_machine(header: bytes) -> int:
    """Return the field Machine of the COFF header, whose place stands at 0x3C; 0 where there is none."""
    start = struct.unpack_from("<I", header, 0x3C)[0] if len(header) >= 0x40 else len(header)  # noqa: PLR2004 - e_lfanew
    signature = header[start : start + 6]
    return int.from_bytes(signature[4:], "little") if len(signature) == 6 and signature[:4] == b"PE\0\0" else 0  # noqa: PLR2004


def _mach_bits(header: bytes) -> frozenset[int]:
    big, little = int.from_bytes(header[:4], "big"), int.from_bytes(header[:4], "little")
    if big == _FAT_MACH:
        return _fat_mach_bits(header)
    return _known(_MACH_BITS.get(big) or _MACH_BITS.get(little))


def _fat_mach_bits(header: bytes) -> frozenset[int]:
    """Return the bits of every architecture in a universal binary; each has a processor type in its first field."""
    count = min(int.from_bytes(header[4:8], "big"), _MOST_ARCHITECTURES)
    starts = [8 + number * _FAT_ARCHITECTURE_BYTES for number in range(count)]
    types = [int.from_bytes(header[start : start + 4], "big") for start in starts if start + 4 <= len(header)]
    return frozenset(64 if each & _MACH_64 else 32 for each in types)
