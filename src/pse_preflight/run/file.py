"""One look into a file: what it is, whose, and what it holds; private keys are never shown, and nothing is changed."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pse_preflight.certificate import Certificate
from pse_preflight.certificate_file import read_certificates
from pse_preflight.chain.sap_roots import Table
from pse_preflight.errors import PreflightError
from pse_preflight.json_types import Moment
from pse_preflight.key_stores.java import read_java_key_store
from pse_preflight.key_stores.model import KeyStore, PasswordNeeded
from pse_preflight.key_stores.pkcs12 import read_pkcs12_store
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import objects
from pse_preflight.pse.credentials import Credential, read_credentials
from pse_preflight.pse.errors import PinNeeded, WrongPin
from pse_preflight.pse.kinds import FileFound, FileKind, kind_of_file
from pse_preflight.pse.path import is_signed_by
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse.wording import key_information, serial

AskPin = Callable[[str], str | None]
"""Asks for the PIN or the password of what is named; None where nobody can be asked."""

_TRIED_PASSWORDS = ("", "changeit")
"""None, and the one that Java's own trust store has wherever nobody has changed it."""
_MOST_OF_ONE_NAME = 16
"""So many certificates of one name are asked whether they have signed another; no list holds more."""
_GIVE_PIN = "give it with --pin-file FILE or --pin-env NAME, or at a terminal"
_HAS_CERTIFICATES = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )?(?:CERTIFICATE|PKCS7|CMS|PKCS #7 SIGNED DATA)-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCertificate:
    """A certificate, as it is shown.

    Attributes:
        name: the shortest name that people know it by.
        subject, issuer: distinguished names.
        serial: its serial number, as bytes with colons.
        not_before, not_after: its first and its last second; None where they cannot be read.
        sha256: its fingerprint; None where the file does not hold it whole.
        key: kind and size of its key.
        alias: what it is called in a key store.
        has_ended: its days are over.
        signed_by: the place, in the same list, of the certificate whose key has signed it, its own for a root; None
            where that one is not there.
        note: what else is worth knowing of it: what SAP says of it, or why it cannot be read.
    """

    name: str
    subject: str
    issuer: str
    serial: str = ""
    not_before: Moment | None = None
    not_after: Moment | None = None
    sha256: str | None = None
    key: str = ""
    alias: str = ""
    has_ended: bool = False
    signed_by: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file that was looked into.

    Attributes:
        file: its name, as it was given.
        kind: what it is, or what has happened to it.
        what: the same in words.
        is_read: it is what it should be, and could be read.
        problem: why not, or what is odd about it.
        remedy: how to get it whole, or what to do with a file of this kind.
        version: of a PSE.
        created: when a PSE was made.
        has_pin: a PIN, or a password, is needed to open it; None where that is not known.
        own: the own certificate and its issuers, root last.
        key: whether the private key of the own certificate is there, in words; empty where it has none.
        is_list: the certificates are what somebody trusts.
        certificates: those that it lists.
        required: how many roots SAP requires, where the file is a list of what somebody trusts.
        lacking: those of them that it does not hold.
        credentials: for which PSEs cred_v2 keeps a PIN.
        notes: what else was seen.
    """

    file: str
    kind: FileKind
    what: str
    is_read: bool
    problem: str = ""
    remedy: str = ""
    version: int | None = None
    created: Moment | None = None
    has_pin: bool | None = None
    own: tuple[ShownCertificate, ...] = ()
    key: str = ""
    is_list: bool = False
    certificates: tuple[ShownCertificate, ...] = ()
    required: int = 0
    lacking: tuple[str, ...] = ()
    credentials: tuple[Credential, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks into files.

    Attributes:
        ask: asks for a PIN.
        saps_roots: SAP's list.
        moment: what has ended by then has ended.
    """

    ask: AskPin
    saps_roots: Table
    moment: datetime

    def look(self, name: str, data: bytes) -> ShownFile:
        """Look into the bytes of a file; whatever is wrong with them is told, and never raised."""
        found = kind_of_file(data)
        shown = ShownFile(file=name, kind=found.kind, what=found.what, is_read=False, remedy=found.remedy)
        content = found.whole if found.whole is not None else b""
        if found.inside is None:
            return self._opened(shown, found.kind, content) if content else replace(shown, problem="it cannot be read")
        shown = self._opened(shown, _innermost(found).kind, content) if content else shown
        if found.kind in {FileKind.BASE64, FileKind.HEX}:
            return replace(shown, notes=(*shown.notes, "no client reads it as it stands"))
        return replace(
            shown, is_read=False, problem=shown.problem or "it is damaged; what it holds was read all the same"
        )

    def unreadable(self, name: str, reason: str) -> ShownFile:
        """Return what is shown of a file whose bytes could not be had."""
        return ShownFile(
            file=name, kind=FileKind.UNKNOWN, what="a file", is_read=False, problem=f"it cannot be read: {reason}"
        )

    def _opened(self, shown: ShownFile, kind: FileKind, content: bytes) -> ShownFile:
        try:
            return replace(self._read(shown, kind, content), is_read=True)
        except PinNeeded:
            return replace(shown, has_pin=True, problem="it is not opened without its PIN", remedy=_GIVE_PIN)
        except WrongPin:
            return replace(shown, has_pin=True, problem="the PIN that was given is another one", remedy=_GIVE_PIN)
        except PasswordNeeded as error:
            return replace(shown, has_pin=True, problem=str(error), remedy=_GIVE_PIN)
        except PreflightError as error:
            return replace(shown, problem=str(error))

    def _read(self, shown: ShownFile, kind: FileKind, content: bytes) -> ShownFile:
        match kind:
            case FileKind.PKCS12:
                return self._key_store(shown, read_pkcs12_store(content, _passwords(self.ask, shown.file)))
            case FileKind.JAVA_KEY_STORE:
                return self._key_store(shown, read_java_key_store(content))
            case FileKind.CERTIFICATE | FileKind.PKCS7 | FileKind.PEM:
                return self._certificates(shown, content)
            case FileKind.CREDENTIALS:
                return replace(shown, credentials=read_credentials(content))
            case FileKind.PRIVATE_KEY:
                return shown
        return self._pse(shown, content)

    def _pse(self, shown: ShownFile, content: bytes) -> ShownFile:
        head = pse_file.inspect(content)
        pse = pse_file.read(content, self.ask(shown.file) if head.has_pin else None)
        return self._with_trusted(
            replace(
                shown,
                version=pse.version,
                created=pse.created,
                has_pin=pse.has_pin,
                own=self._own(pse),
                key=_key_of(pse),
                notes=_oddities(pse),
            ),
            [self._entry(each) for each in pse.trusted],
            [each.certificate for each in pse.trusted],
        )

    def _own(self, pse: pse_file.PseFile) -> tuple[ShownCertificate, ...]:
        if pse.owner is None:
            return ()
        try:
            root = pse.owner_root
            chain = tuple(dict.fromkeys((pse.owner, *pse.owner_path, *([root] if root else []))))
        except PreflightError:
            chain = (pse.owner,)
        return self._shown(chain)

    def _with_trusted(
        self, shown: ShownFile, entries: Sequence[ShownCertificate], whole: Sequence[Certificate | None]
    ) -> ShownFile:
        """Add a list of what somebody trusts, and what SAP requires of it."""
        held = {each.sha256 for each in entries}
        return replace(
            shown,
            is_list=True,
            certificates=_linked(entries, whole),
            required=len(self.saps_roots.required),
            lacking=tuple(each.name for each in self.saps_roots.lacking(held)),
        )

    def _key_store(self, shown: ShownFile, store: KeyStore) -> ShownFile:
        keys = [each for each in store.entries if each.has_key]
        trusted = [(each.name, one) for each in store.entries if not each.has_key for one in each.certificates]
        passed_over = sum(each.is_trusted is False for each in store.entries if not each.has_key)
        unknown = any(each.is_trusted is None for each in store.entries if not each.has_key)
        notes = [*store.damaged]
        if passed_over:
            notes.append(
                f"Java passes over {passed_over} of its certificates, which do not bear Java's mark of trust (keytool"
                " -importcert sets it, openssl does not)"
            )
        if unknown:
            notes.append("whether Java takes its certificates for trusted cannot be seen here")
        shown = replace(
            shown,
            own=self._shown([one for each in keys for one in each.certificates]),
            key=f"{len(keys)} private key{'' if len(keys) == 1 else 's'}, not looked at" if keys else "",
            notes=tuple(notes),
        )
        entries = [replace(self._one(each), alias=alias) for alias, each in trusted]
        return self._with_trusted(shown, entries, [each for _, each in trusted])

    def _certificates(self, shown: ShownFile, content: bytes) -> ShownFile:
        """Show certificates; PEM may hold nothing but a key or a request."""
        if shown.kind is FileKind.PEM and not _HAS_CERTIFICATES.search(content):
            return shown
        found = read_certificates(content)
        return replace(shown, certificates=self._shown(found.certificates), notes=found.damaged)

    def _shown(self, certificates: Iterable[Certificate]) -> tuple[ShownCertificate, ...]:
        whole = tuple(certificates)
        return _linked([self._one(each) for each in whole], whole)

    def _one(self, certificate: Certificate) -> ShownCertificate:
        return self._entry(TrustedCertificate(certificate.parsed.tbs_certificate_bytes, certificate.der, ""))

    def _entry(self, entry: TrustedCertificate) -> ShownCertificate:
        whole = entry.certificate
        return ShownCertificate(
            name=whole.name if whole else entry.subject or "(unreadable name)",
            subject=entry.subject,
            issuer=entry.issuer,
            serial=serial(entry.serial_number),
            not_before=entry.not_before,
            not_after=entry.not_after,
            sha256=entry.sha256,
            key=key_information(whole) if whole else "",
            has_ended=entry.not_after is not None and entry.not_after < self.moment,
            note=self._note(entry),
        )

    def _note(self, entry: TrustedCertificate) -> str:
        if entry.unreadable:
            return f"a strict reader refuses it ({entry.unreadable})"
        if entry.sha256 is None:
            return "only its signed part is held, so its fingerprint is not known"
        root = self.saps_roots.root(entry.sha256)
        if root is None:
            return ""
        if root.is_required:
            return f"SAP requires it since {root.since}" if root.since else "SAP requires it"
        return f"SAP no longer requires it since {root.left}" if root.left else ""


def _innermost(found: FileFound) -> FileFound:
    return _innermost(found.inside) if found.inside else found


def _linked(entries: Sequence[ShownCertificate], whole: Sequence[Certificate | None]) -> tuple[ShownCertificate, ...]:
    """Say of each certificate which of the others has signed it, by name and signature."""
    by_subject: dict[bytes, list[int]] = {}
    for place, each in enumerate(whole):
        if each:
            by_subject.setdefault(each.parsed.subject.public_bytes(), []).append(place)
    return tuple(replace(entry, signed_by=_signer(place, whole, by_subject)) for place, entry in enumerate(entries))


def _signer(place: int, whole: Sequence[Certificate | None], by_subject: dict[bytes, list[int]]) -> int | None:
    certificate = whole[place]
    if certificate is None:
        return None
    candidates = by_subject.get(certificate.parsed.issuer.public_bytes(), [])
    own_first = [place, *candidates[:_MOST_OF_ONE_NAME]] if place in candidates else candidates[:_MOST_OF_ONE_NAME]
    return next((each for each in own_first if (issuer := whole[each]) and is_signed_by(certificate, issuer)), None)


def _key_of(pse: pse_file.PseFile) -> str:
    try:
        key = pse.private_key()
    except PreflightError as error:
        return f"a private key that cannot be used: {error}"
    return "its private key is there, and fits" if key else ""


def _oddities(pse: pse_file.PseFile) -> tuple[str, ...]:
    known = {objects.KEY, objects.ROOT, objects.CERTIFICATE, objects.PATH, objects.LIST, objects.POOL}
    others = sorted({each.name for each in pse.objects} - known)
    notes = [f"it holds objects that are not known here: {', '.join(others)}"] if others else []
    if pse.owner_der and pse.owner is None:
        notes.append("its own certificate cannot be read")
    return tuple(notes)


def _passwords(ask: AskPin, name: str) -> Iterable[str]:
    """Yield the passwords to try; somebody is asked only where the usual ones do not open it."""
    yield from _TRIED_PASSWORDS
    given = ask(name)
    if given is not None:
        yield given
