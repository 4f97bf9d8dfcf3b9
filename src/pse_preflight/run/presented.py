"""A chain that is to be judged before a server sends it, from whatever file somebody has it in."""

from pathlib import Path

from pse_preflight.certificate import CertificateUnreadable
from pse_preflight.certificate_file import read_certificate_file
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.files import read_beginning
from pse_preflight.findings import one_line
from pse_preflight.pse import file as pse_file
from pse_preflight.pse.file import LARGEST_FILE
from pse_preflight.settings import PresentedChain


def presented_chain(path: Path) -> PresentedChain:
    """Read the chain: the certificates of the file in their order; of a server's PSE its own and those of its path.

    Raises:
        UsageProblem: where there is none, or one of its certificates cannot be read: no server could send that.
    """
    try:
        own = _own_chain(path)
        if own:
            return PresentedChain(str(path), own)
        found = read_certificate_file(path)
    except CertificateUnreadable as error:
        raise UsageProblem(one_line(f"--presented: {path} {error}")) from None
    if found.damaged:
        raise UsageProblem(one_line(f"--presented: {path}: {found.damaged[0]}"))
    return PresentedChain(str(path), tuple(each.der for each in found.certificates))


def _own_chain(path: Path) -> tuple[bytes, ...]:
    """Return what a server with this PSE would send; nothing where it is none, or has no certificate of its own."""
    try:
        with path.open("rb") as stream:
            pse = pse_file.read(read_beginning(stream, LARGEST_FILE + 1))
        issuers = tuple(each.der for each in pse.owner_path)
    except (OSError, PreflightError):
        return ()
    return (pse.owner_der, *issuers) if pse.owner_der else ()
