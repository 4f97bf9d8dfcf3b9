"""The command that shows and changes the certificate list of a PSE."""

from collections.abc import Sequence

from pse_preflight.certificate import Certificate
from pse_preflight.pse import create, name
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse import wording
from pse_preflight.sapgenpse.bundled.arguments import Options
from pse_preflight.sapgenpse.bundled.opening import Opened, certificates, open_pse
from pse_preflight.sapgenpse.bundled.world import Misused, Refused, World, as_typed


def maintain_pk(options: Options, world: World) -> None:
    """Show or change the certificate list."""
    actions = {"-l": _list, "-a": _add, "-m": _add, "-d": _delete}
    chosen = {actions[option] for option in actions if option in options.switches or option in options.values}
    if len(chosen) != 1:
        raise Misused("one of -a, -m, -d and -l is needed")
    chosen.pop()(open_pse(options, world), options, world)


def _list(pse: Opened, _: Options, world: World) -> None:
    world.say(*wording.listing(pse.path, pse.file.trusted, world.zone))


def _add(pse: Opened, options: Options, world: World) -> None:
    given = [*certificates(options.all("-a"), world), *_confirmed(options, world)]
    present = {each.tbs for each in pse.file.trusted}
    new = [each for each in dict.fromkeys(given) if each.parsed.tbs_certificate_bytes not in present]
    if not new:
        create.tidy(pse.path)
        duplicates = (f'Duplicate certificate "{name.text(each.parsed.subject)}", not added again' for each in given)
        world.say(wording.heading(pse.path), wording.RULE, *duplicates)
        return
    total = len(pse.change(lambda found: found.with_trusted(new, world.now())).trusted)
    subjects = [name.text(each.parsed.subject) for each in new]
    world.say(*wording.updated(pse.path, subjects, total, len(new), "newly added"))


def _confirmed(options: Options, world: World) -> list[Certificate]:
    """Return the certificates of -m, each asked for unless -y says yes to all."""
    found = certificates(options.all("-m"), world)
    if "-y" in options.switches:
        return found
    return [each for each in found if world.ask(f"Add {each.label}? (y/n) ").strip().lower() in {"y", "yes"}]


def _delete(pse: Opened, options: Options, world: World) -> None:
    unwanted = [each for text in options.all("-d") for each in _meant(name.as_pasted(as_typed(text)), pse.file.trusted)]
    changed = pse.change(lambda found: found.without_trusted(lambda each: each in unwanted, world.now()))
    subjects = [each.subject for each in unwanted]
    world.say(*wording.updated(pse.path, subjects, len(changed.trusted), len(unwanted), "deleted"))


def _meant(text: str, entries: Sequence[TrustedCertificate]) -> list[TrustedCertificate]:
    """Return the entries that -d means: by the number in the listing, or by a part of the subject."""
    if text.isascii() and text.isdigit():
        found = [each for number, each in enumerate(entries, 1) if str(number) == text]
    else:
        found = [each for each in entries if text and text.lower() in each.subject.lower()]
    if not found:
        raise Refused(f'no entry of the PKList is meant by "{text}"')
    return found
