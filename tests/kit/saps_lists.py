"""Lists of roots in the forms in which SAP publishes its own, made from roots that are public anyway."""

import io
import os
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pse_preflight.certificate import Certificate, write_pem
from pse_preflight.chain.roots import named_roots
from pse_preflight.chain.sap_roots_file import read_table
from pse_preflight.demo.authority import root_authority
from pse_preflight.pse import file as pse_file
from tests.kit.pse_mutations import SALT, owner, owner_key

MADE = datetime(2027, 2, 1, 8, tzinfo=UTC)
"""After every release that the table of this package knows."""


def public_roots() -> tuple[Certificate, ...]:
    """Return the roots that SAP requires and that Mozilla's list has, too."""
    required = {each.sha256 for each in read_table().required}
    return tuple(each for each in named_roots("mozilla").certificates if each.sha256 in required)


def new_root(name: str = "SAP's Next Root") -> Certificate:
    """Make a root that no list knows."""
    return Certificate.of(root_authority(name, datetime(2026, 1, 1, tzinfo=UTC), 7000).certificate)


def pse_bytes(roots: Sequence[Certificate], made: datetime = MADE, *, own_key: bool = False) -> bytes:
    """Return a PSE with this list, as SAP's has it: without a key."""
    if own_key:
        return pse_file.new(owner(), owner_key(), roots, time=made, salt=SALT).encode()
    return pse_file.new(None, None, roots, time=made, salt=SALT).encode()


def write_folder(folder: Path, roots: Sequence[Certificate], made: datetime = MADE) -> Path:
    """Write a file per root, all of one day."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(roots):
        file = folder / f"root {number}.pem"
        file.write_text(write_pem([each]), encoding="utf-8")
        os.utime(file, (made.timestamp(), made.timestamp()))
    return folder


def zip_bytes(members: dict[str, bytes], made: datetime = MADE) -> bytes:
    """Return a zip of these files, all of one day."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, made.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
