"""The certificate with which a client logs on, the PSE's own: what it is like, and what is to be said of it.

It matters where TLS_CLIENT_CERTIFICATE_LOGON is set; a client that logs on with user and password never shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pse_preflight.certificate import Certificate
from pse_preflight.checklist import Code, Severity
from pse_preflight.errors import PreflightError
from pse_preflight.files import read_beginning
from pse_preflight.findings import Command, Finding, finding
from pse_preflight.landscape.system import ExpiryDays
from pse_preflight.pse import file as pse_file
from pse_preflight.pse.path import is_signed_by

_SHORTEST_RSA = 2048


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """The certificate with which a client logs on.

    Attributes:
        pse: where it stands.
        chain: it, and its issuers as the PSE holds them, root last; empty where there is none that can be read.
        problem: why it cannot be used at all: no certificate, no key, or a key that does not fit.
    """

    pse: Path
    chain: tuple[Certificate, ...] = field(default=(), repr=False)
    problem: str = ""

    @property
    def is_self_signed(self) -> bool:
        """Tell whether its own key has signed it."""
        return bool(self.chain) and is_signed_by(self.chain[0], self.chain[0])

    @property
    def breaks_at(self) -> Certificate | None:
        """Return the certificate whose issuer the PSE does not hold; None where the chain reaches a root."""
        for below, above in pairwise(self.chain):
            if not is_signed_by(below, above):
                return below
        last = self.chain[-1:]
        return next((each for each in last if not is_signed_by(each, each)), None)

    def ended(self, moment: datetime) -> Certificate | None:
        """Return the first certificate of the chain that is not valid then."""
        return next((each for each in self.chain if not each.is_valid_at(moment)), None)

    @property
    def unsuitable(self) -> str:
        """Return why servers refuse such a certificate for logon, whatever its days are; empty where they do not."""
        own = self.chain[0]
        key = own.parsed.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORTEST_RSA:
            return f"its RSA key has {key.key_size} bits, and {_SHORTEST_RSA} are the least that is taken"
        if not isinstance(key, rsa.RSAPublicKey):
            return "its key is no RSA key, and no cloud takes a DSA key for logon"
        purposes, usage = own.extension(x509.ExtendedKeyUsage), own.extension(x509.KeyUsage)
        for_clients = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
        if purposes is not None and for_clients.isdisjoint(purposes):
            return "it is not meant for clients (its extended key usage lacks client authentication)"
        if usage is not None and not usage.digital_signature:
            return "its key must not sign (its key usage lacks digital signature), which a logon needs"
        return ""


def read_own_certificate(pse: Path) -> OwnCertificate | None:
    """Read the own certificate of a PSE, and see whether its key is there and fits.

    Returns:
        None where the PSE cannot be read without a PIN, which other findings tell.
    """
    try:
        with pse.open("rb") as stream:
            found = pse_file.read(read_beginning(stream, pse_file.LARGEST_FILE + 1))
    except (OSError, PreflightError):
        return None
    if found.owner is None:
        return OwnCertificate(pse, problem="it has no certificate of its own that can be read")
    try:
        root = found.owner_root
        chain = tuple(dict.fromkeys((found.owner, *found.owner_path, *([root] if root else []))))
    except PreflightError:
        chain = (found.owner,)
    return OwnCertificate(pse, chain, _key_problem(found))


def _key_problem(pse: pse_file.PseFile) -> str:
    try:
        return "" if pse.private_key() else "it has no private key"
    except PreflightError as error:
        return f"its private key cannot be used: {error}"


def findings(
    own: OwnCertificate, start: datetime, end: datetime, days: ExpiryDays, requesting: Command = ()
) -> Iterator[Finding]:
    """Judge the certificate with which a client logs on.

    Args:
        start, end: when it has to hold.
        days: how long before its end it is to be renewed; nobody but people renews it.
        requesting: the command that writes a request for the key of the PSE, where one is known.
    """
    if own.problem:
        yield finding(
            Code.CLIENT_CERTIFICATE_MISSING,
            f"the client logs on with the certificate of {own.pse}, and {own.problem}",
            fix="import key and certificate (import_p12, import_p8), or log on with user and password",
        )
    if not own.chain:
        return
    yield from _about_days(own, start, end, days, requesting)
    yield from _about_issuers(own, requesting)
    if own.unsuitable:
        yield finding(
            Code.CLIENT_CERTIFICATE_UNSUITABLE,
            f"the client logs on with {own.chain[0].label}, and {own.unsuitable}",
            fix="have a certificate for client authentication issued, for an RSA key of 2048 bits or more",
            certificates=[own.chain[0].sha256],
        )


def _signed_anew(own: OwnCertificate, requesting: Command) -> str:
    """Return in words how another certificate comes into the PSE."""
    request = "the request that this writes" if requesting else "a request of the PSE (gen_pse -onlyreq)"
    return (
        f"have an authority that SAP trusts sign {request}; take its answer with the same program"
        f" (import_own_cert -c ANSWER -p {own.pse}), and restart the client"
    )


def _about_days(
    own: OwnCertificate, start: datetime, end: datetime, days: ExpiryDays, requesting: Command
) -> Iterator[Finding]:
    ended = own.ended(start) or own.ended(end)
    certificate = own.chain[0]
    if ended:
        when = f"begins on {ended.not_before:%Y-%m-%d}" if ended.not_before > start else "has ended"
        whose = "" if ended == certificate else f"; it has issued {certificate.label}"
        yield finding(
            Code.CLIENT_CERTIFICATE_ENDED,
            f"the client logs on with the certificate of {own.pse}, and {ended.label} {when}{whose}",
            fix=_signed_anew(own, requesting),
            commands=[requesting] if requesting else (),
            certificates=[ended.sha256],
        )
        return
    lifetime, left = certificate.not_after - certificate.not_before, certificate.not_after - end
    if left <= days.before_end_of_ca(lifetime):
        yield finding(
            Code.CLIENT_CERTIFICATE_ENDS_SOON,
            f"the client logs on with {certificate.label}, which ends in {left.days} days; nobody but you renews it",
            fix=_signed_anew(own, requesting),
            commands=[requesting] if requesting else (),
            severity=Severity.MAJOR if left <= days.before_end_of_leaf(lifetime) else None,
            certificates=[certificate.sha256],
        )


def _about_issuers(own: OwnCertificate, requesting: Command) -> Iterator[Finding]:
    certificate = own.chain[0]
    if own.is_self_signed:
        yield finding(
            Code.CLIENT_CERTIFICATE_SELF_SIGNED,
            f"the client logs on with {certificate.label}, which is signed by itself: no authority vouches for it",
            fix=_signed_anew(own, requesting),
            commands=[requesting] if requesting else (),
            certificates=[certificate.sha256],
        )
    elif own.breaks_at:
        yield finding(
            Code.CLIENT_CERTIFICATE_INCOMPLETE,
            f"the client logs on with {certificate.label}, and {own.pse} does not hold the issuer of"
            f" {own.breaks_at.label}: {own.breaks_at.issuer_name}",
            fix="import the certificate again with its issuers (import_own_cert -r)",
            certificates=[certificate.sha256],
        )
