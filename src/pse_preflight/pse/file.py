"""PSE files: bytes in, bytes out (reference: pse-format.md). Nothing here opens a file, asks the clock or rolls dice.

What was read is kept as it stood there, so a file that nobody changes is written back byte for byte, and a change
touches nothing but the certificate list.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.once import LazyProperty
from pse_preflight.pse import asn1, objects, protection
from pse_preflight.pse.envelope import LARGEST_FILE, Envelope, PseHead, inspect, unwrap
from pse_preflight.pse.errors import (
    DamagedPse,
    LegacyPse,
    MachineBoundPse,
    NotAPse,
    PinNeeded,
    PseError,
    UnknownEncoding,
    Unwritable,
    WrongPin,
)
from pse_preflight.pse.objects import PseObject
from pse_preflight.pse.owner import OwnerKey, is_ours, read_key, read_root, self_signed_owner, write_key, write_root
from pse_preflight.pse.trusted import (
    IN_LIST_AND_POOL,
    MOST_CERTIFICATES,
    TrustedCertificate,
    read_list,
    read_pool,
    set_elements,
)

__all__ = [
    "LARGEST_FILE",
    "DamagedPse",
    "LegacyPse",
    "MachineBoundPse",
    "NotAPse",
    "PinNeeded",
    "PseError",
    "PseFile",
    "PseHead",
    "PseObject",
    "TrustedCertificate",
    "UnknownEncoding",
    "Unwritable",
    "WrongPin",
    "inspect",
    "is_ours",
    "is_written_here",
    "new",
    "read",
    "self_signed_owner",
]

_BARE_VERSION, _SEALED_VERSION = 2, 4
_ONE_KEY_PAIR = 1
"""The status of all SAP-made files with a key; those without one have none."""

_MOST_OBJECTS = 1_000
_MOST_LEVELS = 100


@dataclass(frozen=True)
class PseFile:
    """A PSE that was read or made; immutable, a change makes another one.

    Attributes:
        version: 2 or 4, and whatever else has the form of one of them.
        has_pin: whether it was encrypted; then it cannot be written without a PIN.
        created: when it was made, UTC.
        objects: all objects, the unknown ones too, in the order of the file.
        preamble: the content before the objects, as it stands in the file.
        algorithm: the encryption algorithm with its salt, as it stands in the file.
        sealed: whether it has the form of version 4, which ends with the SHA-1 of its content.
    """

    version: int
    has_pin: bool
    created: datetime
    objects: tuple[PseObject, ...]
    preamble: bytes = field(repr=False)
    algorithm: bytes = field(repr=False)
    sealed: bool

    @LazyProperty
    def owner_der(self) -> bytes | None:
        """Return the owner's certificate as it stands there; a PSE made only to verify others has none."""
        found = self._object(objects.CERTIFICATE)
        return found.value if found else None

    @LazyProperty
    def owner(self) -> Certificate | None:
        """Return the owner's certificate, or nothing where there is none or a strict reader refuses it."""
        try:
            return Certificate.read(self.owner_der) if self.owner_der else None
        except CertificateUnreadable:
            return None

    @LazyProperty
    def owner_path(self) -> tuple[Certificate, ...]:
        """Return the certificates of FCPath in their order, which lead from the owner to its root.

        Raises:
            UnknownEncoding, CertificateUnreadable: where one of them cannot be read.
        """
        found = self._object(objects.PATH)
        levels = asn1.parts(found.value, _MOST_LEVELS, found.offset) if found else []
        return tuple(Certificate.read(each) for level in levels for each in set_elements(level, objects.PATH))

    @LazyProperty
    def owner_root(self) -> Certificate | None:
        """Return the owner's root certificate, put together from PKRoot, or nothing where there is none.

        Raises:
            UnknownEncoding, DamagedPse, CertificateUnreadable: where it cannot be read.
        """
        found = self._object(objects.ROOT)
        return Certificate.read(read_root(found.value, found.offset)) if found else None

    @LazyProperty
    def trusted(self) -> tuple[TrustedCertificate, ...]:
        """Return the certificate list, what `maintain_pk -l` prints: the entries of PKList and nothing else."""
        found = self._object(objects.LIST)
        pool = self._object(objects.POOL)
        if found is None:
            return ()
        return read_list(found.value, read_pool(pool.value, pool.offset) if pool else {}, found.offset)

    def private_key(self) -> OwnerKey | None:
        """Return the owner's private key, or nothing where the PSE has none.

        Raises:
            DamagedPse: where it makes no key, or not the owner's.
            UnknownEncoding: where it is neither RSA nor DSA.
        """
        found = self._object(objects.KEY)
        return read_key(found.value, self.owner, found.offset) if found else None

    def with_trusted(self, certificates: Iterable[Certificate], time: datetime) -> "PseFile":
        """Add whole certificates to the list, as SAP's tool writes it (pse-format.md, section 3).

        What is listed already, whole or by its signed part, stays as it stands there and is not added again. CertList
        and all other objects are not touched.

        Args:
            time: when the list is written, UTC.

        Raises:
            Unwritable: where the list would become longer than is read.
        """
        listed = {each.tbs for each in self.trusted}
        wanted = {each.parsed.tbs_certificate_bytes: each.der for each in certificates}
        added = [der for tbs, der in wanted.items() if tbs not in listed]
        if not added:
            return self
        if len(self.trusted) + len(added) > MOST_CERTIFICATES:
            raise Unwritable(f"a certificate list of more than {MOST_CERTIFICATES} entries")
        before = self._elements(objects.LIST)
        return self._with_sets({objects.LIST: asn1.in_the_order_of(before, [*before, *added])}, time)

    def without_trusted(self, unwanted: Callable[[TrustedCertificate], bool], time: datetime) -> "PseFile":
        """Remove the entries that the question answers with yes; an emptied list goes as a whole.

        Where an entry is no more than the signed part of a certificate, the whole one leaves CertList too, unless
        another entry or object needs it.

        Args:
            time: when the changed objects are written, UTC.
        """
        judged = [(each, unwanted(each)) for each in self.trusted]
        kept = [each.stored for each, goes in judged if not goes]
        if len(kept) == len(judged):
            return self
        gone = {each.der for each, goes in judged if goes and each.der and each.found == IN_LIST_AND_POOL}
        spare = {each for each in gone if not self._is_held_elsewhere(each)}
        pool = [each for each in self._elements(objects.POOL) if each not in spare]
        return self._with_sets({objects.LIST: kept, objects.POOL: pool}, time)

    def with_owner(self, owner: Certificate, path: Sequence[Certificate], time: datetime) -> "PseFile":
        """Give the owner another certificate for the key that it has, as when an authority has signed its request.

        Args:
            path: the issuers, root last; empty where it is signed with its own key.
            time: when the changed objects are written, UTC.

        Raises:
            Unwritable: where there is no key, or another one, or where the path does not lead to a root.
        """
        key = self.private_key()
        if key is None:
            raise Unwritable("the PSE has no key of its own")
        values = _owner_values(owner, key, path)
        needed = {each.der for each in self.trusted if each.found == IN_LIST_AND_POOL}
        spare = self._owner_and_issuers() - needed
        kept = [each for each in self._elements(objects.POOL) if each not in spare]
        whole = {*kept, *set_elements(values[objects.POOL], objects.POOL)}
        values[objects.POOL] = asn1.tagged(asn1.SET, *sorted(whole))
        del values[objects.KEY]
        return self._with_values({objects.PATH: None, **values}, time)

    def encode(self, pin: str | None = None) -> bytes:
        """Write the file, encrypted where a PIN is given; no PIN and an empty one are the same.

        Raises:
            PinNeeded: where the file was read with a PIN and none is given, for that would lay its key bare.
        """
        if self.has_pin and not pin:
            raise PinNeeded("the PSE has a PIN; it is not written without one")
        set_of_objects = asn1.tagged(asn1.SET, *(each.der for each in self.objects))
        envelope = Envelope(self.version, bool(pin), self.sealed, self.algorithm)
        return envelope.wrap(asn1.tagged(asn1.SEQUENCE, self.preamble, set_of_objects), pin)

    def _object(self, name: str) -> PseObject | None:
        """Find a known object; the list by its type too, so that no other name can hide it."""
        found = [
            each
            for each in self.objects
            if each.name == name or (name == objects.LIST and each.oid == objects.LIST_OID)
        ]
        if len(found) > 1:
            raise DamagedPse(found[1].offset, f"a second {name} object")
        return found[0] if found else None

    def _owner_and_issuers(self) -> set[bytes | None]:
        """Return the certificates of the owner and its path, as they stand there and as far as they can be told."""
        path, root = self._object(objects.PATH), self._object(objects.ROOT)
        found = {self.owner_der}
        with suppress(PseError):
            levels = asn1.parts(path.value, _MOST_LEVELS) if path else []
            found.update(each for level in levels for each in set_elements(level, objects.PATH))
        with suppress(PseError):
            found.update([read_root(root.value, root.offset)] if root else [])
        return found

    def _elements(self, name: str) -> list[bytes]:
        found = self._object(name)
        return set_elements(found.value, name, found.offset) if found else []

    def _with_sets(self, sets: Mapping[str, list[bytes]], time: datetime) -> "PseFile":
        """Give objects these sets; an unchanged one stays as it is, an empty one goes."""
        changed = {name: elements for name, elements in sets.items() if elements != self._elements(name)}
        values = {name: asn1.tagged(asn1.SET, *elements) if elements else None for name, elements in changed.items()}
        return self._with_values(values, time)

    def _with_values(self, values: Mapping[str, bytes | None], time: datetime) -> "PseFile":
        """Give objects these values; one without a value goes."""
        after = list(self.objects)
        for name, value in values.items():
            before = self._object(name)
            place = after.index(before) if before else len(after)
            del after[place : place + 1]
            if value is not None:
                after.insert(place, before.rewritten(time, value) if before else PseObject.make(name, time, value))
        by_der = {each.der: each for each in after}
        order = asn1.in_the_order_of([each.der for each in self.objects], [each.der for each in after])
        return replace(self, objects=tuple(by_der[der] for der in order))

    def _is_held_elsewhere(self, certificate: bytes) -> bool:
        """Tell whether an object besides list and pool holds this certificate, be it PKRoot, which takes it apart."""
        others = [each.value for each in self.objects if each.name not in (objects.LIST, objects.POOL)]
        return write_root(certificate) in others or any(certificate in each for each in others)


def read(data: bytes, pin: str | None = None) -> PseFile:
    """Read a PSE completely; a PIN is only looked at where the file has one.

    Raises:
        PinNeeded, WrongPin: the encrypted PIN of version 2 and the SHA-1 of version 4 decide, never the padding.
        MachineBoundPse, LegacyPse, UnknownEncoding: sound, but not readable here.
        NotAPse, DamagedPse: not sound.
    """
    found = _read_content(*unwrap(data, pin))
    _ = found.trusted  # An unknown encoding of the list is an error of reading, not of some later moment.
    return found


def new(  # noqa: PLR0913 - each is one part of a file
    owner: Certificate | None,
    key: OwnerKey | None,
    trusted: Iterable[Certificate] = (),
    *,
    path: Sequence[Certificate] = (),
    time: datetime,
    salt: bytes,
    version: int = 2,
    written: datetime | None = None,
) -> PseFile:
    """Make a PSE; without owner and key, one that can only verify others.

    Args:
        owner: the owner's certificate.
        key: its RSA or DSA key; how a PSE holds others is not known.
        trusted: what the certificate list begins with.
        path: the issuers of the owner's certificate, root last; empty where it is signed with its own key.
        time: when it is made, UTC.
        salt: 8 random bytes.
        version: 2 or 4.
        written: when its objects are written, if that is another time.

    Raises:
        Unwritable: where owner, key and version are none of these.
    """
    if version not in (_BARE_VERSION, _SEALED_VERSION):
        raise Unwritable(f"version {version}; 2 and 4 are written")
    algorithm = protection.algorithm(salt)
    status = asn1.encoded(_ONE_KEY_PAIR) if key else b""
    made = PseFile(
        version=version,
        has_pin=False,
        created=time.replace(microsecond=0),
        objects=_owner_objects(owner, key, path, written or time),
        preamble=algorithm + asn1.generalized_time(time) + status,
        algorithm=algorithm,
        sealed=version == _SEALED_VERSION,
    )
    return made.with_trusted(trusted, written or time)


def is_written_here(owner: Certificate | None, trusted: Iterable[TrustedCertificate]) -> bool:
    """Tell whether a PSE shows that this package made or changed it.

    Its owner's certificate shows it by a comment. A list shows it that holds signed parts and whole certificates side
    by side, which this package leaves where it adds to a list of the old form, and no file of SAP's shows. That
    nothing shows proves nothing: a PSE without a key, one made from a key or a PKCS#12 file, and one of SAP's to which
    whole certificates were added look as SAP's tool would have left them, and only a record of the run tells.

    Args:
        owner, trusted: the owner's certificate and the list of the PSE.
    """
    forms = {each.is_stored_whole for each in trusted}
    return len(forms) > 1 or (owner is not None and is_ours(owner))


def _owner_objects(
    owner: Certificate | None, key: OwnerKey | None, path: Sequence[Certificate], time: datetime
) -> tuple[PseObject, ...]:
    if owner is None and key is None:
        return ()
    if owner is None or key is None:
        raise Unwritable("a PSE has both an owner's certificate and its key, or neither")
    made = [PseObject.make(name, time, value) for name, value in _owner_values(owner, key, path).items()]
    return tuple(sorted(made, key=lambda each: each.der))


def _owner_values(owner: Certificate, key: object, path: Sequence[Certificate]) -> dict[str, bytes]:
    """Return the values of the objects that hold an owner; the path's form is likely, no file shows it (section 5)."""
    stored_key = write_key(key)
    if not isinstance(key, OwnerKey) or owner.public_key != key.public_key():
        raise Unwritable("the key is not that of the owner's certificate")
    links = list(pairwise((owner, *path)))
    root = path[-1] if path else owner
    if not root.is_self_issued or any(each.parsed.issuer != issuer.parsed.subject for each, issuer in links):
        raise Unwritable("the certificates do not lead from the owner's certificate to a root")
    values = {
        objects.KEY: stored_key,
        objects.ROOT: write_root(root.der),
        objects.CERTIFICATE: owner.der,
        objects.POOL: asn1.tagged(asn1.SET, *sorted({owner.der, *(each.der for each in path)})),
    }
    if len(path) > 1:
        levels = (asn1.tagged(asn1.SET, each.der) for each in path[:-1])
        values[objects.PATH] = asn1.tagged(asn1.SEQUENCE, *levels)
    return values


def _read_content(envelope: Envelope, content: bytes, offset: int) -> PseFile:
    parsed = asn1.decode(asn1.EncodedContent, content, "the content", offset)
    set_of_objects = asn1.last_part(content)
    if set_of_objects[0] != asn1.SET:
        raise DamagedPse(offset + len(content) - len(set_of_objects), "no SET where the objects should be")
    return PseFile(
        version=envelope.version,
        has_pin=envelope.has_pin,
        created=parsed.created.as_datetime(),
        objects=_read_objects(set_of_objects, offset + len(content)),
        preamble=asn1.content(content)[: -len(set_of_objects)],
        algorithm=envelope.algorithm or asn1.encoded(parsed.algorithm),
        sealed=envelope.sealed,
    )


def _read_objects(set_of_objects: bytes, end: int) -> tuple[PseObject, ...]:
    parts = asn1.parts(set_of_objects, _MOST_OBJECTS, end - len(set_of_objects))
    position = end - sum(map(len, parts))
    found = []
    for part in parts:
        found.append(PseObject.read(part, position))
        position += len(part)
    return tuple(found)
