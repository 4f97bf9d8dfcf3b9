"""The keys that a system may have in systems.yaml, and what each may say."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pse_preflight.certificate import fingerprint
from pse_preflight.checklist import CHECKS, CODES, OWNERS, Code, Severity
from pse_preflight.errors import PreflightError
from pse_preflight.landscape.system import ProductKind, Serves
from pse_preflight.landscape.words import plain
from pse_preflight.options import Engine
from pse_preflight.pse import name as distinguished_name

OWN_KEY = "x-"
"""How keys begin that are kept for the reports, whatever they say."""
_UNKNOWN = "extra_forbidden"

_HINTS = {
    "pin": "a client PSE must have no PIN, so there is no key for one",
    "password": "no logon is made, so there is no key for a password; the one of a proxy stands in its URL, and the one"
    " of a trust store is truststore_password",
    "user": "no logon is made, so there is no key for a user; client: {account: …} is whom the client runs as",
    "host": "the host stands in `url`",
    "port": "the port stands in `url`",
}
"""What is said of keys that people look for and that are not there on purpose."""


def _readable_name(text: str) -> str:
    plain = distinguished_name.as_pasted(text)
    try:
        distinguished_name.parse(plain)
    except PreflightError as error:
        raise ValueError(str(error)) from None
    return plain


def _in_one(value: object) -> object:
    """Take `SHA-256: AA:BB…` without quotes, which YAML reads as a key and its value."""
    if isinstance(value, dict) and len(value) == 1:
        return ": ".join(str(part) for pair in value.items() for part in pair)
    return value


def _roots_or_sap(value: object) -> object:
    """Accept `sap`, or a list of fingerprints; what is wrong is told of the one that was meant."""
    if value is None or value == "sap":
        return value
    if isinstance(value, list) and "sap" in value:
        raise ValueError("`sap` stands alone, not in a list: required_roots: sap")
    written = [_in_one(each) for each in value] if isinstance(value, list) else []
    texts = [each for each in written if isinstance(each, str)]
    if not isinstance(value, list) or len(texts) < len(value):
        raise ValueError("is neither `sap` (SAP's own list) nor a list of fingerprints")
    return [fingerprint(each) for each in texts]


def _known_check(name: str) -> str:
    if name not in CHECKS:
        raise ValueError(f"{name!r} is no check{_suggested(name, CHECKS)}")
    return name


def _known_code(code: str) -> str:
    if code not in CODES:
        raise ValueError(f"{code!r} is no code{_suggested(code, CODES)}")
    return code


def _suggested(text: str, known: Sequence[str] | Mapping[Any, Any]) -> str:
    near = difflib.get_close_matches(text, [str(each) for each in known], 1)
    return f"; did you mean {near[0]}?" if near else ""


def _some_text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


Days = Annotated[int, Field(ge=0, le=10_000)]
Fingerprint = Annotated[str, BeforeValidator(_in_one), AfterValidator(fingerprint)]
RequiredRoots = Annotated[list[Fingerprint] | Literal["sap"] | None, BeforeValidator(_roots_or_sap)]
DistinguishedName = Annotated[str, AfterValidator(_readable_name)]
SomeText = Annotated[str, AfterValidator(_some_text)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ExpiryKeys(_Strict):
    """The block `expiry_days`."""

    leaf: Days = 7
    ca: Days = 90


class WaiverKeys(_Strict):
    """One waiver of the block `waivers`."""

    check: Annotated[str, AfterValidator(_known_check)]
    code: Annotated[str, AfterValidator(_known_code)] | None = None
    until: date
    reason: SomeText

    @model_validator(mode="after")
    def _code_is_of_the_check(self) -> "WaiverKeys":
        codes = {code: row.severity for code, row in CHECKS[self.check].codes.items()}
        if self.code is None and min(codes.values()) is Severity.BLOCKER:
            raise ValueError(f"the gravest findings are waived by code only; {self.check} has {', '.join(codes)}")
        if self.code is not None and self.code not in codes:
            owner = OWNERS[Code(self.code)]
            raise ValueError(f"{self.code} is no code of {self.check} but of {owner}; write check: {owner}")
        return self


class ClientKeys(_Strict):
    """The block `client`: on which machines and as whom the client runs, and which product it is."""

    hosts: list[str] = []
    account: str | None = None
    group: str | None = None
    bits: Literal[32, 64] | None = None
    certificate_logon: bool = False
    product: ProductKind | None = None
    folder: SomeText | None = None

    @model_validator(mode="after")
    def _product_has_its_folder(self) -> "ClientKeys":
        if (self.product is None) != (self.folder is None):
            lacking = "product" if self.product is None else "folder"
            raise ValueError(
                f"`product` and `folder` belong together, and `{lacking}` is missing; such as"
                r" {product: xtract, folder: 'C:\Program Files\XtractUniversal'}"
            )
        return self


class ClientIniKeys(_Strict):
    """The block `client_ini`: which destination of which sapnwrfc.ini the client uses."""

    file: SomeText
    dest: str


class Keys(_Strict):
    """The keys of one system in systems.yaml, with their defaults."""

    url: str | None = None
    serves: Serves = "rfc"
    pse: SomeText | None = None
    truststore: SomeText | None = None
    truststore_password: Annotated[str | None, Field(repr=False)] = None
    secudir: SomeText | None = None
    dn: DistinguishedName | None = None
    roots: SomeText = "auto"
    pinned: list[Fingerprint] = []
    engine: Engine = "auto"
    proxy: SomeText = "none"
    include_leaf: bool = False
    create: bool = True
    expiry_days: ExpiryKeys = ExpiryKeys()
    required_roots: RequiredRoots = None
    tags: list[str] = []
    waivers: list[WaiverKeys] = []
    client: ClientKeys | None = None
    client_ini: ClientIniKeys | None = None
    crypto_library: SomeText | None = None

    @model_validator(mode="after")
    def _one_place_of_the_connection(self) -> "Keys":
        if self.client_ini and self.client and self.client.product:
            raise ValueError(
                "`client_ini` and `client.product` both say what the client uses; keep the one that is right"
            )
        return self


_BLOCKS: Mapping[str, type[_Strict]] = {
    "expiry_days": ExpiryKeys,
    "client": ClientKeys,
    "client_ini": ClientIniKeys,
    "waivers": WaiverKeys,
}


class KeysUnreadable(PreflightError):
    """A key is unknown, or what it says is not what is needed.

    Attributes:
        place: the keys and numbers that lead to it.
    """

    def __init__(self, place: Sequence[str | int], text: str) -> None:
        super().__init__(text)
        self.place = tuple(place)


def read_keys(keys: Mapping[str, Any]) -> Keys:
    """Read the keys of a system; those that begin with x- are passed over.

    Raises:
        KeysUnreadable: for the first thing that is wrong.
    """
    try:
        return Keys.model_validate({key: value for key, value in keys.items() if not key.startswith(OWN_KEY)})
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
    # A mistyped key is also missing under its right name; the typing error is what people look for.
    first = next((each for each in wrong if each["type"] == _UNKNOWN), wrong[0])
    text = _unknown_key(first["loc"]) if first["type"] == _UNKNOWN else plain(first)
    raise KeysUnreadable(first["loc"], text)


def _unknown_key(place: Sequence[str | int]) -> str:
    is_in_block = len(place) > 1
    fields = _BLOCKS.get(str(place[0]), Keys) if is_in_block else Keys
    key = str(place[-1])
    said = _HINTS.get(key.lower(), "")
    hint = f"; {said}" if said and not is_in_block else _suggested(key, fields.model_fields)
    return f"unknown key{hint} (allowed: {', '.join(fields.model_fields)}, x-…)"
