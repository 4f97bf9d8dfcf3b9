"""Where the PSE of a command is, how it is opened and changed, and the files of certificates beside it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.certificate_file import read_certificates
from pse_preflight.files import read_beginning
from pse_preflight.pse import create, file
from pse_preflight.pse.credentials import FILE_NAME, Credential, read_credentials
from pse_preflight.pse.errors import (
    DamagedPse,
    LegacyPse,
    MachineBoundPse,
    NotAPse,
    PinNeeded,
    PseError,
    WrongPin,
)
from pse_preflight.pse.file import PseFile
from pse_preflight.pse.kinds import FileKind, kind_of_file
from pse_preflight.sapgenpse import paths
from pse_preflight.sapgenpse.bundled.arguments import Options
from pse_preflight.sapgenpse.bundled.world import Misused, Refused, World

LOCK_TIMEOUT = 10.0
SALT_BYTES = 8
_A_FOLDER = "Is a directory"
PIN = "PSE PIN/Passphrase"


@dataclass(frozen=True, slots=True)
class Opened:
    """A PSE that was read, with what opens it."""

    path: Path
    file: PseFile
    pin: str | None = field(repr=False)

    def change(self, change: Callable[[PseFile], PseFile]) -> PseFile:
        """Change the file as it is now, in one step, and return what it has become."""
        changed: list[PseFile] = []

        def bytes_changed(data: bytes) -> bytes:
            changed.append(change(file.read(data, self.pin)))
            return changed[-1].encode(self.pin)

        create.rewrite(self.path, bytes_changed, lock_timeout=LOCK_TIMEOUT)
        return changed[-1]

    @property
    def owner(self) -> Certificate:
        """Return the own certificate.

        Raises:
            Refused: where there is none.
        """
        if self.file.owner is None:
            raise Refused("the PSE has no certificate of its own")
        return self.file.owner


def path_of(options: Options, world: World) -> Path:
    """Return the path of the PSE that -p names."""
    given = options.last("-p")
    if not given:
        raise Misused("no PSE name supplied, no SSO credentials found!")
    return paths.pse_path(given, world.secudir, windows=world.windows)


def open_pse(options: Options, world: World) -> Opened:
    """Read the PSE that -p names; one without a PIN opens without a question."""
    return open_at(path_of(options, world), options, world)


def open_at(pse: Path, options: Options, world: World) -> Opened:
    """Read a PSE; one without a PIN opens without a question."""
    pin = options.last("-x")
    data = b""
    try:
        with pse.open("rb") as stream:
            data = read_beginning(stream, file.LARGEST_FILE + 1)
        try:
            return Opened(pse, file.read(data, pin), pin)
        except PinNeeded:
            if pin is not None:
                raise
        pin = world.ask_secret(f"Please enter {PIN}: ", "-x")
        return Opened(pse, file.read(data, pin), pin)
    except (PseError, OSError) as error:
        reason = _A_FOLDER if pse.is_dir() else _reason(error)  # Windows says that it is not permitted
        raise Refused(f'Couldn\'t open PSE "{pse}" ({reason}){_told(error, data)}') from error


def refuse_existing(pse: Path) -> None:
    """Refuse to make a PSE where something stands.

    Raises:
        Refused: where it does.
    """
    if os.path.lexists(pse):
        raise Refused(f'PSE "{pse}" already exists')


def write_new(pse: Path, data: bytes) -> None:
    """Put a new PSE into its place, unless something stands there.

    Raises:
        Refused: where it does.
    """
    published = create.publish(pse, lambda path: create.write_private(path, data), lock_timeout=LOCK_TIMEOUT)
    if not published.created:
        raise Refused(f'PSE "{pse}" already exists')


def certificates(files: Sequence[str], world: World) -> list[Certificate]:
    """Read files of certificates; what is damaged in them is told, and the others count.

    Raises:
        Refused: where one cannot be read; it is said not to exist, as SAP's tool does.
    """
    return [certificate for each in files for certificate in _read_certificates(Path(each), world)]


def read_bounded(path: Path, what: str) -> bytes:
    """Read a file of at most 16 MiB.

    Raises:
        Refused: where it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            data = read_beginning(stream, file.LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Refused(f'{what} "{path}" does not exist or cannot be read ({reason})') from error
    if len(data) > file.LARGEST_FILE:
        raise Refused(f'{what} "{path}" is larger than {file.LARGEST_FILE >> 20} MiB')
    return data


def credentials(world: World) -> tuple[Credential, ...]:
    """Return what cred_v2 in the folder of the PSEs keeps PINs for; nothing where there is no such file.

    Raises:
        Refused: where it cannot be read.
    """
    path = world.secudir / FILE_NAME
    if not os.path.lexists(path):
        return ()
    try:
        return read_credentials(read_bounded(path, "credentials file"))
    except PseError as error:
        raise Refused(f'credentials file "{path}" cannot be read: {error}') from error


def _reason(error: PseError | OSError) -> str:
    if isinstance(error, PinNeeded | WrongPin):
        return "Wrong PIN/Passphrase"
    if isinstance(error, FileNotFoundError):
        return "PSE does not exist"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MachineBoundPse | LegacyPse):
        return str(error)
    return "Decoding error"


def _told(error: PseError | OSError, data: bytes) -> str:
    """Return what has happened to a file that does not open, and how it is got whole; empty where that is not known."""
    if not isinstance(error, NotAPse | DamagedPse):
        return ""
    found = kind_of_file(data)
    if found.is_pse or found.kind is FileKind.UNKNOWN:
        return ""
    return f": it is {found.what}; {found.remedy}" if found.remedy else f": it is {found.what}"


def _read_certificates(path: Path, world: World) -> tuple[Certificate, ...]:
    try:
        with path.open("rb") as stream:
            found = read_certificates(read_beginning(stream, file.LARGEST_FILE + 1))
    except (OSError, CertificateUnreadable) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Refused(f'certificate file "{path}" does not exist or is no certificate ({reason})') from error
    world.stderr.writelines(f'certificate file "{path}": left out, {each}\n' for each in found.damaged)
    return found.certificates
