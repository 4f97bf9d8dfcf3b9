"""The one judge of a path: cryptography's verifier, for given anchors, at both ends of a period.

Nothing is called good that the verifier has not accepted. What it says in words is never read; why it refuses is told
by `faults`. Where it leaves something out that RFC 5280 forbids, `forbidden` in `faults` tells that.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from pse_preflight.certificate import Certificate
from pse_preflight.chain.extensions import ADMITTED
from pse_preflight.chain.host_names import Subject

Path = tuple[Certificate, ...]
"""Server certificate first, anchor last; each is signed by the next."""

LONGEST_PATH = 8
"""So many intermediates at most: the verifier's own bound."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time that everything is judged for, at both ends; an instant has equal ends.

    Attributes:
        start, end: UTC; parts of a second are dropped, as certificates know none.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Drop what is smaller than a second."""
        object.__setattr__(self, "start", self.start.replace(microsecond=0))
        object.__setattr__(self, "end", self.end.replace(microsecond=0))

    @property
    def ends(self) -> tuple[datetime, ...]:
        """Return the moments to judge: one for an instant, else two."""
        return (self.start,) if self.start == self.end else (self.start, self.end)


def refusal(path: Path, subject: Subject, period: Period, *, public: bool) -> str | None:
    """Return the verifier's words where it refuses the path, or None where it accepts it.

    Args:
        subject: a name that the server certificate must carry.
        public: by the rules for the web's public authorities; else by those that private ones keep, too.
    """
    for moment in period.ends:
        words = _refusal_at(path, subject, moment, public=public)
        if words is not None:
            return words
    return None


def _refusal_at(path: Path, subject: Subject, moment: datetime, *, public: bool) -> str | None:
    leaf, *between = [each.parsed for each in path[:-1]] or [path[0].parsed]
    builder = PolicyBuilder().store(Store([path[-1].parsed])).time(moment).max_chain_depth(LONGEST_PATH)
    authorities, servers = _public_policies() if public else _private_policies(pinned=len(path) == 1)
    builder = builder.extension_policies(ca_policy=authorities, ee_policy=servers)
    try:
        verified = builder.build_server_verifier(subject).verify(leaf, between)
    except (VerificationError, ValueError) as error:
        return str(error)
    same = verified == [each.parsed for each in path]
    return None if same else "another path was verified than the one asked about"


def _admitting(policy: ExtensionPolicy) -> ExtensionPolicy:
    """Admit the critical extensions that are judged here, or that OpenSSL takes."""
    for kind in ADMITTED:
        policy = policy.may_be_present(kind, Criticality.AGNOSTIC, None)
    return policy


@cache
def _public_policies() -> tuple[ExtensionPolicy, ExtensionPolicy]:
    """Return what is asked by the rules for the web's public authorities."""
    return _admitting(ExtensionPolicy.webpki_defaults_ca()), _admitting(ExtensionPolicy.webpki_defaults_ee())


@cache
def _private_policies(*, pinned: bool) -> tuple[ExtensionPolicy, ExtensionPolicy]:
    """Return what is asked of authorities and of server certificates where no public authority's rules bind them.

    Private authorities leave out key usage and authority key identifiers, and mark as critical, or do not, what the
    public ones must not, or must. A server certificate that is its own anchor (pinned) may also be an authority.
    """
    either = Criticality.AGNOSTIC
    authorities = (
        ExtensionPolicy.webpki_defaults_ca()
        .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
        .require_present(x509.BasicConstraints, either, _is_authority)
        .may_be_present(x509.KeyUsage, either, _may_sign)
        .may_be_present(x509.ExtendedKeyUsage, either, _serves_authority)
    )
    servers = (
        ExtensionPolicy.webpki_defaults_ee()
        .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
        .require_present(x509.SubjectAlternativeName, either, None)
        .may_be_present(x509.ExtendedKeyUsage, either, _serves_server)
    )
    if pinned:
        servers = servers.may_be_present(x509.BasicConstraints, either, None).may_be_present(
            x509.KeyUsage, either, None
        )
    return _admitting(authorities), _admitting(servers)


def _is_authority(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    _require(constraints.ca)


def _may_sign(_: Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    _require(usage is None or usage.key_cert_sign)


def _serves_authority(policy: Policy, _: x509.Certificate, purposes: x509.ExtendedKeyUsage | None) -> None:
    wanted = (policy.extended_key_usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    _require(purposes is None or any(each in wanted for each in purposes))


def _serves_server(policy: Policy, _: x509.Certificate, purposes: x509.ExtendedKeyUsage | None) -> None:
    _require(purposes is None or policy.extended_key_usage in purposes)


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("not allowed")
