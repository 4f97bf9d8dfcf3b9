"""The objects that make up the content of a PSE (pse-format.md, section 1)."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat import asn1 as library_asn1

from pse_preflight.pse import asn1
from pse_preflight.pse.errors import DamagedPse

KEY, ROOT, CERTIFICATE, PATH = "SKnew", "PKRoot", "Cert", "FCPath"
LIST, POOL = "PKList", "CertList"
LIST_OID = "1.3.36.2.6.1"

_OIDS = {
    KEY: "1.3.36.2.3.4",
    ROOT: "1.3.36.2.5.1",
    CERTIFICATE: "1.3.36.2.1.3",
    PATH: "1.3.36.2.4.1",
    POOL: "1.3.36.2.0",
    LIST: LIST_OID,
}
_MOST_FIELDS = 4


@dataclass(frozen=True, slots=True)
class PseObject:
    """One object of a PSE.

    Attributes:
        name: "SKnew", "PKRoot", "Cert", "CertList", "PKList" and others.
        time: when it was written; SECUDE left it out.
        oid: its type.
        der: the whole object as it stands in the file; never in repr, for it may hold the private key.
        begin: where the object lies, in what error messages count by.
    """

    name: str
    time: datetime | None
    oid: str
    der: bytes = field(repr=False)
    begin: int = field(compare=False)

    @property
    def value(self) -> bytes:
        """Return the bare value with its header."""
        return asn1.last_part(self.der)

    @property
    def offset(self) -> int:
        """Return where the value lies."""
        return self.begin + len(self.der) - len(self.value)

    @classmethod
    def read(cls, der: bytes, begin: int) -> "PseObject":
        """Read one object."""
        stored = asn1.decode(asn1.StoredObject, der, "an object", begin)
        if stored.name.tag_bytes[0] not in asn1.STRINGS:
            raise DamagedPse(begin, "an object whose name is no text")
        return cls(
            name=bytes(stored.name.data).decode("latin-1"),
            time=stored.time.as_datetime() if stored.time else None,
            oid=stored.type.dotted_string,
            der=der,
            begin=begin,
        )

    @classmethod
    def make(cls, name: str, time: datetime, value: bytes) -> "PseObject":
        """Make one of the known objects.

        Args:
            time: when it is written, in UTC; fractions of a second are dropped.
        """
        der = asn1.tagged(
            asn1.SEQUENCE,
            asn1.encoded(library_asn1.PrintableString(name)),
            asn1.generalized_time(time),
            asn1.encoded(x509.ObjectIdentifier(_OIDS[name])),
            value,
        )
        return cls.read(der, 0)

    def rewritten(self, time: datetime, value: bytes) -> "PseObject":
        """Return this object, name and type as they stand there, with another value."""
        stored_name, *_, stored_oid, _ = asn1.parts(self.der, _MOST_FIELDS)
        moment = asn1.generalized_time(time)
        return self.read(asn1.tagged(asn1.SEQUENCE, stored_name, moment, stored_oid, value), 0)
