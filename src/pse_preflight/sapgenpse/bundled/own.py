"""The commands that carry the own certificate out of a PSE, and an authority's answer into it."""

from collections.abc import Iterable, Sequence

from pse_preflight.certificate import Certificate
from pse_preflight.pse import name
from pse_preflight.pse.path import PathIncomplete, find_path
from pse_preflight.sapgenpse.bundled.arguments import Options
from pse_preflight.sapgenpse.bundled.opening import Opened, certificates, open_pse
from pse_preflight.sapgenpse.bundled.output_files import hand_out
from pse_preflight.sapgenpse.bundled.world import Misused, Refused, World

MOST_ISSUER_FILES = 10


def export_own_cert(options: Options, world: World) -> None:
    """Hand out the own certificate as PEM."""
    hand_out(open_pse(options, world).owner.pem, options.last("-o"), world)


def import_own_cert(options: Options, world: World) -> None:
    """Take the certificate that an authority has signed for the key of a PSE."""
    if not options.all("-c"):
        raise Misused("no certificate supplied, name its file with -c")
    opened = open_pse(options, world)
    given = certificates(options.all("-c"), world)
    issuers = issuers_given(options, world)
    owner = certificate_of(opened, given)
    # What the PSE holds already may complete the path.
    held = (*(each.certificate for each in opened.file.trusted), opened.file.owner_root)
    path = path_to_root(owner, [*given, *issuers, *(each for each in held if each)])
    opened.change(lambda found: found.with_owner(owner, path, world.now()))
    world.say(f'CA-Response successfully imported into PSE "{opened.path}"')


def issuers_given(options: Options, world: World) -> list[Certificate]:
    """Read the files of -r.

    Raises:
        Misused: where there are more than SAP's tool takes.
    """
    files = options.all("-r")
    if len(files) > MOST_ISSUER_FILES:
        raise Misused(f"-r is given {len(files)} times, at most {MOST_ISSUER_FILES} are taken")
    return certificates(files, world)


def path_to_root(owner: Certificate, at_hand: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """Return the issuers of a certificate, root last.

    Raises:
        Refused: where one is lacking.
    """
    try:
        return find_path(owner, at_hand)
    except PathIncomplete as error:
        raise Refused(f"{error}; give it with -r") from error


def certificate_of(opened: Opened, given: Sequence[Certificate]) -> Certificate:
    """Return the certificate that was made for the key of a PSE.

    Raises:
        Refused: where there is no key, or none of them is.
    """
    key = opened.file.private_key()
    if key is None:
        raise Refused("the PSE has no key of its own")
    return matching(key.public_key(), given)


def matching(public_key: object, given: Sequence[Certificate]) -> Certificate:
    """Return the certificate of a key.

    Raises:
        Refused: where there is none.
    """
    found = [each for each in given if each.public_key == public_key]
    if not found:
        names = ", ".join(f'"{name.text(each.parsed.subject)}"' for each in given[:3]) or "none"
        raise Refused(f"no certificate belongs to the private key (given: {names})")
    return found[0]
