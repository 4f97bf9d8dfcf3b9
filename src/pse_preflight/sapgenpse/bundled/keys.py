"""The commands that carry private keys into a PSE and out of it; no other command lets a key leave one.

What SAP's tool prints here is not published but for a few words, which stand in docs/sapgenpse.md.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from pse_preflight.certificate import Certificate, CertificateUnreadable
from pse_preflight.files import is_file
from pse_preflight.pse import file
from pse_preflight.pse.errors import PseError
from pse_preflight.pse.owner import OwnerKey, write_key
from pse_preflight.sapgenpse.bundled.arguments import Options, refuse_a_name
from pse_preflight.sapgenpse.bundled.key_files import read_pkcs8, read_pkcs12, write_pkcs8, write_pkcs12
from pse_preflight.sapgenpse.bundled.making import new_pin
from pse_preflight.sapgenpse.bundled.opening import (
    SALT_BYTES,
    Opened,
    certificates,
    open_pse,
    path_of,
    read_bounded,
    refuse_existing,
    write_new,
)
from pse_preflight.sapgenpse.bundled.output_files import FORCE, write_secret
from pse_preflight.sapgenpse.bundled.own import issuers_given, matching, path_to_root
from pse_preflight.sapgenpse.bundled.world import Misused, Refused, World

_P12_SUFFIXES = frozenset({".p12", ".pfx"})
_P12_PASSWORD, _P8_PASSWORD = "PKCS#12 password", "password of the private key"


def import_p12(options: Options, world: World) -> None:
    """Make a PSE of the key and certificates of a PKCS#12 file."""
    source = Path(_one_word(options, "PKCS#12 file"))
    longer = source.with_name(f"{source.name}.p12")
    if not is_file(source) and is_file(longer):
        source = longer  # SAP's tool appends .p12
    pse = _new_pse(options, world)
    found = read_pkcs12(read_bounded(source, "PKCS#12 file"), lambda: _password(options, world, _P12_PASSWORD))
    _import(pse, found.key, found.certificates, options, world)


def import_p8(options: Options, world: World) -> None:
    """Make a PSE of a private key (PKCS#8) and its certificate."""
    source = Path(_one_word(options, "key file"))
    if not options.all("-c"):
        raise Misused("no certificate supplied, name its file with -c")
    pse = _new_pse(options, world)
    found = read_pkcs8(read_bounded(source, "key file"), lambda: _password(options, world, _P8_PASSWORD))
    _import(pse, found.key, certificates(options.all("-c"), world), options, world)


def export_p12(options: Options, world: World) -> None:
    """Write key, certificate and path of a PSE into a PKCS#12 file of mode 0600."""
    target = Path(_one_word(options, "PKCS#12 file"))
    if target.suffix.lower() not in _P12_SUFFIXES:
        target = target.with_name(f"{target.name}.p12")
    opened = open_pse(options, world)
    key, chain = _key(opened), _chain(opened)
    _export(opened, target, lambda password: write_pkcs12(key, chain, password), _P12_PASSWORD, options, world)


def export_p8(options: Options, world: World) -> None:
    """Write the private key of a PSE into a PKCS#8 file of mode 0600."""
    target = Path(_one_word(options, "key file"))
    opened = open_pse(options, world)
    key = _key(opened)
    _export(opened, target, lambda password: write_pkcs8(key, password), _P8_PASSWORD, options, world)


def _one_word(options: Options, what: str) -> str:
    if len(options.words) != 1 or not options.words[0]:
        raise Misused(f"one {what} must be named, and {len(options.words)} are")
    return options.words[0]


def _new_pse(options: Options, world: World) -> Path:
    pse = path_of(options, world)
    refuse_existing(pse)
    return pse


def _password(options: Options, world: World, what: str) -> str:
    given = options.last("-z")
    refuse_a_name("-z", given)
    return world.ask_secret(f"Please enter {what}: ", "-z") if given is None else given


def _import(pse: Path, key: object, given: Sequence[Certificate], options: Options, world: World) -> None:
    """Make the PSE; what cannot be in one is refused before a PIN is asked for."""
    write_key(key)
    if not isinstance(key, OwnerKey):  # not reached, since it could not be written
        raise Refused("the private key is of an unknown kind")
    owner = matching(key.public_key(), given)
    path = path_to_root(owner, [*given, *issuers_given(options, world)])
    pin = new_pin(options, world)
    made = file.new(owner, key, path=path, time=world.now(), salt=world.random(SALT_BYTES))
    write_new(pse, made.encode(pin))
    world.say(f'PSE "{pse}" was written.')


def _key(opened: Opened) -> OwnerKey:
    try:
        key = opened.file.private_key()
    except PseError as error:
        raise Refused(f"the private key cannot be read: {error}") from error
    if key is None:
        raise Refused("the PSE has no key of its own")
    return key


def _chain(opened: Opened) -> tuple[Certificate, ...]:
    """Return the own certificate and its issuers, root last."""
    owner = opened.owner
    try:
        root = opened.file.owner_root
        return tuple(dict.fromkeys((owner, *opened.file.owner_path, *([root] if root else []))))
    except (PseError, CertificateUnreadable) as error:
        raise Refused(f"the path of the own certificate cannot be read: {error}") from error


def _export(
    opened: Opened, target: Path, write: Callable[[str], bytes], what: str, options: Options, world: World
) -> None:
    if target.exists() and target.samefile(opened.path):
        raise Refused(f'"{target}" is the PSE itself')
    force = FORCE in options.switches
    if target.exists() and not force:
        raise Refused(f'file "{target}" already exists; {FORCE} replaces it')
    given = options.last("-z")
    refuse_a_name("-z", given)
    password = world.ask_new_secret(what, "passwords", "-z") if given is None else given
    write_secret(target, write(password), force=force)
    note = "" if password else "; the private key in it has no password"
    world.say(f'File "{target}" was written{note}.')
