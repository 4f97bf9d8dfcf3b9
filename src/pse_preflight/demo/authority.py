"""A small certificate authority, for the demo system and for tests."""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Extension = tuple[x509.ExtensionType, bool]
"""An extension and whether it is critical."""

_CA_USAGE = {"key_cert_sign": True, "crl_sign": True}
_SERVER_USAGE = {"digital_signature": True}
_NO_USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def ec_key() -> PrivateKey:
    """Make a P-256 key, the quickest that every client accepts."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key, and the certificates between it and its root.

    Attributes:
        certificate: what others see.
        key: the private key; never shown.
        issuers: the issuing certificates from the nearest to the root.
    """

    certificate: x509.Certificate
    key: PrivateKey
    issuers: tuple[x509.Certificate, ...] = ()

    def __repr__(self) -> str:
        """Name the subject only, never the key."""
        return f"<Identity {self.certificate.subject.rfc4514_string()}>"

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Return what a well-kept server sends: the certificate and its issuers without the root."""
        return (self.certificate, *self.issuers[:-1])

    @property
    def key_pem(self) -> bytes:
        """Return the private key as unencrypted PKCS#8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def chain_pem(self) -> bytes:
        """Return the chain as PEM, the certificate first."""
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.chain)

    def issue_authority(
        self, name: str, start: datetime, days: float, *, path_length: int | None = None, **options: object
    ) -> "Identity":
        """Issue an intermediate certificate authority."""
        constraints = (x509.BasicConstraints(ca=True, path_length=path_length), True)
        return self.issue(_name(name), start, days, [constraints, _usage(_CA_USAGE)], **options)  # type: ignore[arg-type]

    def issue_server(
        self,
        hosts: Sequence[str],
        start: datetime,
        days: float,
        *,
        common_name: str | None = None,
        **options: object,
    ) -> "Identity":
        """Issue a server certificate whose subject alternative names are the hosts (names or IP addresses)."""
        extensions: list[Extension] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            _usage(_SERVER_USAGE),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        ]
        if hosts:
            extensions.append((x509.SubjectAlternativeName([_general_name(host) for host in hosts]), False))
        name = _name(common_name or (hosts[0] if hosts else "server"))
        return self.issue(name, start, days, extensions, **options)  # type: ignore[arg-type]

    def issue(  # noqa: PLR0913 - each is one thing that a test may want to be wrong
        self,
        subject: x509.Name,
        start: datetime,
        days: float,
        extensions: Iterable[Extension],
        *,
        key: PrivateKey | None = None,
        issuer_addresses: Sequence[str] = (),
        algorithm: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None,
        change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda builder: builder,
    ) -> "Identity":
        """Issue a certificate with the given extensions, key identifiers added.

        Args:
            issuer_addresses: where the issuer's certificate can be fetched (AIA caIssuers).
            change: a last word on the builder, to break one thing.
        """
        key = key or ec_key()
        builder = _builder(subject, self.certificate.subject, key, start, days, extensions)
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        builder = builder.add_extension(authority_key, critical=False)
        if issuer_addresses:
            builder = builder.add_extension(_access(issuer_addresses), critical=False)
        issued = change(builder).sign(self.key, algorithm or hashes.SHA256())
        return Identity(issued, key, (self.certificate, *self.issuers))


def root_authority(name: str, start: datetime, days: float, *, key: PrivateKey | None = None) -> Identity:
    """Make a self-signed root; the same key under another name or time makes a renewed one."""
    key = key or ec_key()
    constraints: list[Extension] = [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        _usage(_CA_USAGE),
    ]
    subject = _name(name)
    return Identity(_builder(subject, subject, key, start, days, constraints).sign(key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    start: datetime,
    days: float,
    extensions: Iterable[Extension],
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "pse-preflight"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(allowed: dict[str, bool]) -> Extension:
    return x509.KeyUsage(**{**_NO_USAGE, **allowed}), True


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _access(addresses: Sequence[str]) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(address))
            for address in addresses
        ]
    )
