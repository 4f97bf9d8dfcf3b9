"""What can be wrong with a PSE file, each with its own error."""

from pse_preflight.errors import PreflightError


class PseError(PreflightError):
    """A PSE file cannot be read or written."""


class NotAPse(PseError):
    """The bytes are something else."""


class DamagedPse(PseError):
    """The bytes begin like a PSE and then break its format.

    Attributes:
        offset: how many bytes before the first one that is wrong; counted in the decrypted content where the flaw
            lies there, else in the file.
    """

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"damaged at offset {offset}: {what}")
        self.offset = offset


class UnknownEncoding(PseError):
    """The file is sound but holds a form of something that this reader does not know, so it does not guess."""


class PinNeeded(PseError):
    """The content is encrypted with a PIN and none was given."""


class WrongPin(PseError):
    """The content is encrypted with another PIN."""


class MachineBoundPse(PseError):
    """Local Protection Storage (LPS) binds the file to one machine; only SAP's library there can read it."""


class LegacyPse(PseError):
    """The file is encrypted the way SECUDE did before SAP's library, which is recognised but not read."""


class Unwritable(PseError):
    """What was asked for cannot be put into a PSE in a way known to be right."""
