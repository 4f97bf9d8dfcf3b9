"""The commands that only show something: the own certificate, kept credentials, versions."""

import platform
from collections.abc import Callable
from pathlib import Path

from pse_preflight.certificate import CertificateUnreadable
from pse_preflight.pse import name
from pse_preflight.pse.credentials import Credential
from pse_preflight.pse.trusted import TrustedCertificate
from pse_preflight.sapgenpse import paths, wording
from pse_preflight.sapgenpse.bundled.arguments import Options
from pse_preflight.sapgenpse.bundled.opening import Opened, credentials, open_at, path_of
from pse_preflight.sapgenpse.bundled.world import NOT_SAPS, PROGRAM, Misused, NoCredentials, Refused, World


def get_my_name(options: Options, world: World) -> None:
    """Show the own certificate, or a part of it."""
    kept = _kept(world)
    named = paths_of(kept, world)
    pse = path_of(options, world) if options.last("-p") or not named else named[0]
    wanted = (options.last("-n") or "all").lower()
    if wanted not in _PARTS:
        raise Misused(f'-n knows {", ".join(_PARTS)}, not "{options.last("-n")}"')
    opened = open_at(pse, options, world)
    shown = _in_full(opened, world) if "-vv" in options.switches else _PARTS[wanted](opened, world)
    if "-v" in options.switches:
        version = opened.file.version
        world.say(f'Opening PSE "{pse}"...', f"PSE (v{version}) open ok.", "Retrieving my certificate... ok.")
        world.say("Getting requested information... ok.")
    sso = "SSO" if pse in named else "No SSO"
    world.say(f'{sso} for USER "{world.user}"', f'  with PSE file "{pse}"', "", *shown)


def _kept(world: World) -> tuple[Credential, ...]:
    """Return the kept credentials; they are a side matter here, so a file that cannot be read holds none."""
    try:
        return credentials(world)
    except (Refused, OSError):
        return ()


def paths_of(kept: tuple[Credential, ...], world: World) -> list[Path]:
    """Return the PSEs of credentials; which of them SAP's tool takes where none is named is not known."""
    return [paths.pse_path(each.pse, world.secudir, windows=world.windows) for each in kept]


def seclogin(options: Options, world: World) -> None:
    """List for which PSEs cred_v2 keeps a PIN; nothing is opened or changed."""
    if "-l" not in options.switches:
        raise Misused("only -l is supported; a PSE without PIN needs no credentials")
    world.stderr.write(f'running seclogin with USER="{world.user}"\n')
    kept = credentials(world)
    if not kept:
        raise NoCredentials("No SSO credentials available")
    world.say(*wording.credentials([(each.owner, each.pse, each.machine_bound) for each in kept]))


def cryptinfo(_: Options, world: World) -> None:
    """Show versions and the folder of the PSEs."""
    world.say(*banner(world))


def banner(world: World) -> list[str]:
    """Return what the program says of itself."""
    defined = "is defined" if world.environ.get("SECUDIR") else "is not defined, the default is"
    return [
        NOT_SAPS,
        "",
        f"Platform: {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"Environment variable $SECUDIR {defined}:",
        f'"{paths.secudir(world.environ, windows=world.windows)}"',
        "",
        f"{PROGRAM} -h lists the commands.",
    ]


def _in_full(opened: Opened, world: World) -> list[str]:
    owner = opened.owner
    entry = TrustedCertificate(owner.parsed.tbs_certificate_bytes, owner.der, "")
    return ["MY:", wording.RULE, "Certificate:", *wording.described(entry, world.zone), ""]


def _everything(opened: Opened, world: World) -> list[str]:
    """Return the own certificate and those of its path."""
    lines = ["MY Certificate:", *wording.owner(opened.owner, world.zone)]
    try:
        path = opened.file.owner_path
    except CertificateUnreadable as error:
        raise Refused(f"the path of the own certificate cannot be read: {error}") from error
    for number, each in enumerate(path, 1):
        lines += [wording.RULE, f"FCPath certificate level #{number}:", wording.RULE]
        lines += wording.owner(each, world.zone)
    return lines


_PARTS: dict[str, Callable[[Opened, World], list[str]]] = {
    "validity": lambda opened, world: wording.validity(opened.owner, world.zone),
    "subject": lambda opened, _: [f"Subject : {name.text(opened.owner.parsed.subject)}"],
    "issuer": lambda opened, _: [f"Issuer  : {name.text(opened.owner.parsed.issuer)}"],
    "serialno": lambda opened, _: [f"Serialno: {wording.serial(opened.owner.serial_number)}"],
    "keyinfo": lambda opened, _: [f"KeyInfo : {wording.key_information(opened.owner)}"],
    "subjectaltname": lambda opened, _: wording.alternative_names(opened.owner),
    "all": _everything,
}
"""What -n may ask for; validity and issuer are SAP's names, those of the others are not known."""
