"""NIST's PKITS (inside `cryptography_vectors`): what is said of its paths is what the suite expects, or is argued here.

The suite's certificates name no hosts and are for no purpose, so no server is judged: its paths go through the search
and the faults, and beside them through the verifier as if for a client. The rest of what a server's chain needs is
proven elsewhere.
"""

import os
import re
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.chain import verify
from pse_preflight.chain.faults import faults_of, forbidden
from pse_preflight.chain.links import link_faults
from pse_preflight.chain.search import End, Link, Pool, link, search
from pse_preflight.chain.verify import LONGEST_PATH, Period
from pse_preflight.chain.verify import Path as CertificatePath
from pse_preflight.checklist import Severity

_VECTORS = find_spec("cryptography_vectors")
CERTIFICATES = Path(str(_VECTORS.origin if _VECTORS else "missing")).parent / "x509" / "PKITS_data" / "certs"
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD = Period(MOMENT, MOMENT)

REVOCATION = re.compile(
    "CRL|cRLSign|cRLIssuer|distributionPoint|onlySomeReasons|onlyContains|Revoked|indirect|issuingDistributionPoint"
)
"""Revocation lists are not looked at (the reference: SAP's library has it off by default)."""


def _ends() -> list[str]:
    return sorted(each.stem for each in CERTIFICATES.glob("*EE.crt"))


@cache
def _certificate(name: str) -> Certificate | None:
    """Return a certificate of the suite; nothing where it cannot be read (two with DSA keys without parameters)."""
    try:
        return Certificate.read((CERTIFICATES / f"{name}.crt").read_bytes())
    except CertificateUnreadable:
        return None


@cache
def _authorities() -> tuple[Certificate, ...]:
    names = sorted(each.stem for each in CERTIFICATES.glob("*.crt") if not each.stem.endswith("EE"))
    return tuple(each for each in map(_certificate, names) if each)


@cache
def _paths(name: str) -> tuple[CertificatePath, ...]:
    """Return every path from an end to the suite's anchor."""
    end, root = _certificate(name), _certificate("TrustAnchorRootCertificate")
    if end is None or root is None:
        return ()
    pool = Pool(_authorities(), (root,), partial=False, most_intermediates=LONGEST_PATH)
    found = search(end, pool, PERIOD, over_wrong_signatures=True)
    return tuple(each.path for each in found if each.end is End.ANCHOR)


def _stopping(path: CertificatePath) -> set[str]:
    """Return the codes for which a path is not accepted."""
    found = (*faults_of(path, PERIOD, public=False), *link_faults(path))
    forged = any(link(child, issuer) is Link.NOT_SIGNED for child, issuer in pairwise(path))
    codes = {each.code.value for each in found if each.stops and each.severity > Severity.MINOR}
    return codes | ({"SIGNATURE_WRONG"} if forged else set())


def _causes(name: str) -> set[str]:
    """Return why no path of an end is accepted; nothing where one is."""
    stopping = [_stopping(each) for each in _paths(name)]
    return set().union(*stopping) if all(stopping) else set()


def _verifier_accepts(path: CertificatePath) -> bool:
    """Ask the verifier about a path, by the rules for private authorities, as if for a client without a name."""
    either = Criticality.AGNOSTIC
    ends = (
        ExtensionPolicy.webpki_defaults_ee()
        .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
        .may_be_present(x509.SubjectAlternativeName, either, None)
        .may_be_present(x509.ExtendedKeyUsage, either, None)
    )
    authorities, _ = verify._private_policies(pinned=False)
    builder = PolicyBuilder().store(Store([path[-1].parsed])).time(MOMENT).max_chain_depth(LONGEST_PATH)
    builder = builder.extension_policies(ca_policy=authorities, ee_policy=verify._admitting(ends))
    try:
        builder.build_client_verifier().verify(path[0].parsed, [each.parsed for each in path[1:-1]])
    except VerificationError:
        return False
    return True


NOT_JUDGED = "the verifier refuses critical constraints by directory name, and by URI, whatever they say"
ANOTHER_FORM = "the verifier compares names byte by byte, as Go does; what SAP's library does is not known"
NO_SERVER = "its end is an authority, and no server's certificate is one"
COUNTED = "the verifier counts self-issued authorities, as Go does and RFC 5280 does not"

REFUSED_THOUGH_VALID = {
    "ValidDNandRFC822nameConstraintsTest27EE": ("CONSTRAINT_NOT_JUDGED", NOT_JUDGED),
    **{
        f"ValidDNnameConstraintsTest{number}EE": ("CONSTRAINT_NOT_JUDGED", NOT_JUDGED)
        for number in (1, 4, 5, 6, 11, 14, 18, 19)
    },
    "ValidURInameConstraintsTest34EE": ("CONSTRAINT_NOT_JUDGED", NOT_JUDGED),
    "ValidURInameConstraintsTest36EE": ("CONSTRAINT_NOT_JUDGED", NOT_JUDGED),
    "ValidNameChainingCapitalizationTest5EE": ("NAME_FORM_DIFFERS", ANOTHER_FORM),
    "ValidNameChainingWhitespaceTest3EE": ("NAME_FORM_DIFFERS", ANOTHER_FORM),
    "ValidNameChainingWhitespaceTest4EE": ("NAME_FORM_DIFFERS", ANOTHER_FORM),
    "ValidRolloverfromPrintableStringtoUTF8StringTest10EE": ("NAME_FORM_DIFFERS", ANOTHER_FORM),
    "ValidUTF8StringCaseInsensitiveMatchTest11EE": ("NAME_FORM_DIFFERS", ANOTHER_FORM),
    "ValidGeneralizedTimenotBeforeDateTest4EE": ("CERTIFICATE_IRREGULAR", "RFC 5280, 4.1.2.5: UTCTime before 2050"),
    "ValidDSASignaturesTest4EE": ("CERTIFICATE_WEAK", "no TLS client of today takes DSA"),
    "ValidSelfIssuedpathLenConstraintTest15EE": ("CONSTRAINT_NOT_JUDGED", COUNTED),
    "ValidSelfIssuedpathLenConstraintTest17EE": ("CONSTRAINT_NOT_JUDGED", COUNTED),
    "ValidonlyContainsCACertsTest13EE": ("CA_CONSTRAINT_BROKEN", NO_SERVER),
    "ValidpathLenConstraintTest8EE": ("CA_CONSTRAINT_BROKEN", NO_SERVER),
    "ValidpathLenConstraintTest14EE": ("CA_CONSTRAINT_BROKEN", NO_SERVER),
}
"""Valid for the suite and refused here: the code, and why."""

BY_REVOCATION_ALONE = {
    "InvalidBasicSelfIssuedNewWithOldTest5EE",
    "InvalidBasicSelfIssuedOldWithNewTest2EE",
    "InvalidLongSerialNumberTest18EE",
}
"""Invalid only because a revocation list says so, though their names do not tell."""

BY_POLICY = {
    "DifferentPoliciesTest4EE",
    "DifferentPoliciesTest5EE",
    "DifferentPoliciesTest7EE",
    "DifferentPoliciesTest8EE",
    "DifferentPoliciesTest9EE",
    "DifferentPoliciesTest12EE",
}
"""Ends whose names say nothing: the suite's text calls these invalid even for who accepts any policy."""


def _is_judged(name: str) -> bool:
    if REVOCATION.search(name) or name in BY_REVOCATION_ALONE:
        return name.startswith("Valid") or name == "InvalidBasicSelfIssuedCRLSigningKeyTest8EE"
    return name != "ValidDSAParameterInheritanceTest5EE"  # cannot be read


def _is_valid(name: str) -> bool:
    """Tell what the suite expects; ends of neither name are valid unless policies forbid it."""
    return not name.startswith("Invalid") and name not in BY_POLICY


JUDGED = [name for name in _ends() if _is_judged(name)]

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        _VECTORS is None and "PREFLIGHT_MUST_NOT_SKIP" not in os.environ, reason="cryptography_vectors is not installed"
    ),
]


@pytest.mark.parametrize("name", JUDGED)
def test_verdict_is_the_suites_or_the_disagreement_is_argued(name: str) -> None:
    causes = _causes(name)
    if name in REFUSED_THOUGH_VALID:
        code, _ = REFUSED_THOUGH_VALID[name]
        assert causes == {code}
        assert _is_valid(name)
    elif name == "OverlappingPoliciesTest6EE":
        assert causes == {"CA_CONSTRAINT_BROKEN"}, NO_SERVER
    else:
        assert (bool(_paths(name)) and not causes) is _is_valid(name), causes


@pytest.mark.parametrize("name", _ends())
def test_verifier_refuses_nothing_that_no_fault_explains(name: str) -> None:
    """And it accepts nothing in which a fault was found, but for what it leaves out of RFC 5280."""
    for path in _paths(name):
        accepted = _verifier_accepts(path)
        stopping = _stopping(path)
        assert accepted or stopping
        assert not stopping or not accepted or forbidden(path)


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("Signature", "SIGNATURE_WRONG"),
        ("notAfterDate", "CERTIFICATE_EXPIRED"),
        ("notBeforeDate", "CERTIFICATE_NOT_YET_VALID"),
        ("NegativeSerialNumber", "CERTIFICATE_IRREGULAR"),
        ("UnknownCriticalCertificateExtension", "CERTIFICATE_IRREGULAR"),
        ("nameConstraints", "CA_CONSTRAINT_BROKEN"),
        ("pathLenConstraint", "CA_CONSTRAINT_BROKEN"),
        ("cAFalse", "CA_CONSTRAINT_BROKEN"),
        ("MissingbasicConstraints", "CA_CONSTRAINT_BROKEN"),
        ("keyCertSignFalse", "CA_CONSTRAINT_BROKEN"),
        ("Policy", "CA_CONSTRAINT_BROKEN"),
    ],
)
def test_cause_is_the_one_that_the_name_tells(part: str, code: str) -> None:
    wrong = [each for each in JUDGED if each.startswith("Invalid") and part in each]
    assert wrong
    assert all(code in _causes(each) for each in wrong), [each for each in wrong if code not in _causes(each)]


def test_issuers_in_the_wrong_order_are_no_issuers() -> None:
    """The names of these two have the right parts, in another order or with others beside them."""
    for name in ("InvalidNameChainingTest1EE", "InvalidNameChainingOrderTest2EE"):
        assert _paths(name) == ()


def test_disagreements_are_as_few_as_known() -> None:
    assert len(_ends()) == 223
    assert len(JUDGED) == 177
    assert len(REFUSED_THOUGH_VALID) == 23
