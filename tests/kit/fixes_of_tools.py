"""What is wrong with a PSE, with the program that lists it, or with who may read it; and what mends it."""

import json
import os
import shutil
from datetime import timedelta

from pse_preflight.certificate import Certificate, now, write_pem
from pse_preflight.checklist import Code
from pse_preflight.conformance import fake
from pse_preflight.demo.authority import Identity, root_authority
from pse_preflight.pse import file as pse_file
from pse_preflight.pse import name
from tests.kit.files import keep_private
from tests.kit.fixes_of_clients import OPENGENPSE
from tests.kit.mending import HOST, Done, Fix, Fixes, Place, both, nothing, pasted, say, set_keys
from tests.kit.pse_mutations import SALT, closed_files, owner_key
from tests.kit.runs import AS_ANOTHER_ACCOUNT, OTHER_ACCOUNT
from tests.kit.systems import write_pse

# programs


def _tool(place: Place, **switches: str) -> None:
    """Put a program there that stands for SAP's, and name it."""
    program = fake.install(place.folder / "sap")
    program.with_name("fake-sapgenpse.json").write_text(json.dumps(switches), encoding="utf-8")
    place.options[:] = [f"--sapgenpse={program}"]


def _with_tool(**switches: str) -> Done:
    return lambda place: _tool(place, **switches)


def _hold_chain(place: Place) -> None:
    place.hold(place.path[2], place.path[1])


def _library_not_found(place: Place) -> None:
    """Let SAP's program find its library only where somebody says so."""
    _tool(place)
    program = place.folder / "sap" / "sapgenpse"
    program.rename(program.with_name("real"))
    (program.parent / "libsapcrypto.so").touch()
    program.write_text(
        f'#!/bin/sh\ncase ":$LD_LIBRARY_PATH:" in *:{program.parent}:*) exec {program.parent}/real "$@";; esac\n'
        "echo sapgenpse: error while loading shared libraries: libsapcrypto.so: cannot open >&2\nexit 127\n",
        encoding="utf-8",
    )
    program.chmod(0o755)


def _by_hand_as_the_fix_says(place: Place) -> None:
    """Call the program by hand with the variable that the fix names; the next run has it, too."""
    (found,) = (each for each in place.findings if each["code"] == Code.TOOL_NEEDS_LIBRARY_PATH)
    variable = next(word for word in found["fix"].split() if "=" in word)
    assert "shared libraries" not in pasted(place, f"env {variable} {place.folder / 'sap' / 'sapgenpse'} cryptinfo")
    name, _, value = variable.partition("=")
    place.environment[name] = value


def _tool_that_opens_it(place: Place, **switches: str) -> None:
    """Put a program there that can list a PSE which nobody else can open: as if it held the server's chain."""
    _tool(place, **switches)
    real, known = place.folder / "sap" / "sapgenpse", place.folder / "known.pse"
    write_pse(known, place.path[:0:-1])
    program = place.folder / "opening" / "sapgenpse"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        f"""#!/bin/sh
left=$#
while [ $left -gt 0 ]; do
    word=$1; shift; left=$((left - 1))
    case $word in */SYS.pse) word={known};; esac
    set -- "$@" "$word"
done
exec {real} "$@"
""",
        encoding="utf-8",
    )
    program.chmod(0o755)
    place.options[:] = [f"--sapgenpse={program}"]


def _lists_without_sha256(place: Place) -> None:
    _bound_to_a_machine(place)
    _tool_that_opens_it(place, sha256="absent")


def _old_library(place: Place) -> None:
    _library(place, "8.4.35")


def _library(place: Place, version: str) -> None:
    library, program = place.folder / "libsapcrypto.so", place.folder / "sapgenpse"
    library.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
    program.write_text(f"#!/bin/sh\necho CommonCryptoLib Version {version} pl1\n", encoding="ascii")
    program.chmod(0o755)
    place.keys["crypto_library"] = str(library)
    place.options[:] = ["--engine=bundled"]


# what a PSE holds


def _ended_root() -> Certificate:
    return Certificate.of(root_authority("Ended Root", now() - timedelta(days=900), 800).certificate)


def _owner_has_ended(place: Place) -> None:
    start = now() - timedelta(days=900)
    owner = pse_file.self_signed_owner(
        name.parse("CN=client"), owner_key(), start=start, end=start + timedelta(days=800), serial_number=1
    )
    place.secudir.mkdir(mode=0o700)
    place.pse.write_bytes(pse_file.new(owner, owner_key(), place.path[:0:-1], time=start, salt=SALT).encode())
    keep_private(place.pse)


def _anew(place: Place) -> None:
    """Make the PSE anew, as the run does where there is none."""
    place.pse.unlink()


def _holds_inspection(place: Place) -> None:
    proxy = root_authority("Zscaler Root CA", now() - timedelta(days=400), 4000)
    place.hold(place.path[2], place.path[1], Certificate.of(proxy.certificate))
    place.options[:] = ["--engine=bundled"]


def _inspection_is_removed(place: Place) -> None:
    listed = pasted(place, f'{OPENGENPSE} maintain_pk -l -p {place.pse} -x ""')
    assert "Zscaler" in listed
    pasted(place, f'{OPENGENPSE} maintain_pk -d 2 -p {place.pse} -x ""')


def _bound_to_a_machine(place: Place) -> None:
    place.secudir.mkdir(mode=0o700)
    place.pse.write_bytes(closed_files()["machine-bound"].file)
    keep_private(place.pse)


def _changes_soon(place: Place) -> None:
    """Announce that another root of the company's follows in a few days."""
    follows = Certificate.of(root_authority("Next Root", now() - timedelta(days=9), 4000).certificate)
    (place.folder / "next.pem").write_text(write_pem([follows]), encoding="ascii")
    root, day = place.path[2], now() + timedelta(days=6)
    (place.folder / "own.yaml").write_text(
        f"""
dated: 2026-11-01
roots:
  - {{name: {root.name}, sha256: {root.sha256}}}
  - {{name: Next Root, sha256: {follows.sha256}}}
changes:
  - {{hosts: [{HOST}], root: {root.name}, successors: [Next Root], date: {day:%Y-%m-%d}, source: us}}
""",
        encoding="utf-8",
    )
    _hold_chain(place)
    place.options[:] = ["--sap-roots=own.yaml"]


def _successor_is_added(place: Place) -> None:
    pasted(place, f'{OPENGENPSE} maintain_pk -a {place.folder / "next.pem"} -p {place.pse} -x ""')


def _link_to_an_empty_one(place: Place) -> None:
    """Let the PSE be a link, which --repair does not follow."""
    place.hold()
    place.pse.rename(place.secudir / "real.pse")
    place.pse.symlink_to("real.pse")


def _names_the_file_itself(place: Place) -> None:
    place.keys["pse"] = "real.pse"


def _repairs(place: Place) -> None:
    place.hold()
    place.options[:] = ["--repair", "--engine=bundled"]


def _backup_is_removed(place: Place) -> None:
    place.options.clear()
    place.pse.with_name("SYS.pse.backup-1").unlink()


# what a run has seen


def _recorded_and_changed(place: Place) -> None:
    place.check()
    seen = place.folder / ".pse-preflight"
    seen.rename(place.folder / "recorded")
    other: Identity = place.issuing.issue_server(["other.company.test"], now(), 90)
    changed = write_pem(map(Certificate.of, other.chain))
    (place.folder / "recorded" / "SYS" / "presented.pem").write_text(changed, encoding="ascii")
    place.options[:] = ["--replay=recorded", f"--evidence={seen}"]


def _foreign_file(place: Place) -> None:
    """Let a file of somebody else's stand where a run writes."""
    folder = place.folder / ".pse-preflight" / "SYS"
    folder.mkdir(parents=True)
    (folder / "root.pem").write_text("mine", encoding="ascii")


def _elsewhere(place: Place) -> None:
    place.options[:] = [f"--evidence={place.folder / '.pse-preflight' / 'of-this-run'}"]


# accounts and rights


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _client_runs_as(account: str) -> Done:
    return set_keys(client={"account": account})


def _personal_path(place: Place) -> None:
    place.keys.pop("secudir")
    place.keys |= {"client": {"account": OTHER_ACCOUNT}, "create": False}


def _absolute_path(place: Place) -> None:
    _hold_chain(place)
    place.keys |= {"secudir": str(place.secudir), "client": {"account": _me()}}


def _closed_to_the_client(place: Place) -> None:
    _hold_chain(place)
    _open_the_way(place)
    place.keys["client"] = {"account": OTHER_ACCOUNT}


def _open_the_way(place: Place) -> None:
    """Let everybody enter the folder of the test."""
    place.folder.chmod(0o755)


def _closed_library(place: Place) -> None:
    _closed_to_the_client(place)
    place.pse.parent.chmod(0o711)
    shutil.chown(place.pse, OTHER_ACCOUNT)
    _library(place, "8.5.57")
    (place.folder / "libsapcrypto.so").chmod(0o600)


def _as_another_account(place: Place) -> None:
    """Run as an account that owns nothing here, and may write down what it sees."""
    place.within[:] = AS_ANOTHER_ACCOUNT
    seen = place.folder / ".pse-preflight"
    seen.mkdir(exist_ok=True)
    shutil.chown(seen, OTHER_ACCOUNT)


def _as_root(place: Place) -> None:
    """Run as root, and let the PSE belong to the client's account again."""
    place.within.clear()
    os.chown(place.pse, os.geteuid(), os.getegid())
    shutil.rmtree(place.folder / ".pse-preflight")


def _library_that_others_may_not_see(place: Place) -> None:
    _closed_to_the_client(place)
    place.keys["create"] = False
    closed = place.folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "libsapcrypto.so").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
    (closed / "libsapcrypto.so").chmod(0o600)
    closed.chmod(0o711)
    place.keys["crypto_library"] = str(closed / "libsapcrypto.so")
    place.keys["client"] = {"account": _me()}
    shutil.chown(place.pse, OTHER_ACCOUNT)
    place.secudir.chmod(0o711)
    _as_another_account(place)


def _rights_that_others_may_not_see(place: Place) -> None:
    _hold_chain(place)
    _open_the_way(place)
    place.keys |= {"client": {"account": _me()}, "create": False}
    _as_another_account(place)


FIXES: Fixes = {
    # programs
    (Code.PSE_UNCONFIRMED, ""): Fix(nothing, _with_tool(), is_red=False),
    (Code.TOOL_TIMEOUT, ""): Fix(both(_hold_chain, _with_tool(hang="always")), _with_tool()),
    (Code.TOOL_FAILED, "mended"): Fix(both(_hold_chain, _with_tool(failure="listing")), _with_tool()),
    (Code.TOOL_NEEDS_LIBRARY_PATH, ""): Fix(
        both(_hold_chain, _library_not_found), _by_hand_as_the_fix_says, is_red=False
    ),
    (Code.PK_LIST_DISAGREES, ""): Fix(both(_hold_chain, _with_tool(lie="lists_more")), _with_tool()),
    (Code.PK_LIST_NOT_COMPARABLE, ""): Fix(_lists_without_sha256, _tool_that_opens_it),
    (Code.CRYPTO_LIBRARY_OLD, ""): Fix(_old_library, lambda place: _library(place, "8.5.57"), is_red=False),
    # a PSE
    (Code.PSE_CREATED, ""): Fix(nothing, nothing, is_red=False),
    (Code.PSE_REPAIRED, ""): Fix(_repairs, _backup_is_removed, is_red=False),
    (Code.PSE_NOT_REPAIRED, ""): Fix(
        both(_link_to_an_empty_one, say("--repair", "--engine=bundled")), _names_the_file_itself
    ),
    (Code.PSE_MACHINE_BOUND, "another file"): Fix(_bound_to_a_machine, set_keys(pse="another.pse")),
    (Code.PSE_OWNER_EXPIRED, "made anew"): Fix(_owner_has_ended, _anew, is_red=False),
    (Code.PK_LIST_EXPIRED, "made anew"): Fix(
        lambda place: place.hold(place.path[2], place.path[1], _ended_root()), _anew, is_red=False
    ),
    (Code.PSE_TRUSTS_INSPECTION, "removed"): Fix(_holds_inspection, _inspection_is_removed, is_red=False),
    (Code.ROOT_CHANGE_AHEAD, ""): Fix(_changes_soon, _successor_is_added),
    # what a run has seen
    (Code.EVIDENCE_INCONSISTENT, ""): Fix(_recorded_and_changed, say()),
    (Code.EVIDENCE_NOT_WRITTEN, ""): Fix(_foreign_file, _elsewhere),
    # accounts
    (Code.PSE_PATH_IS_PERSONAL, ""): Fix(_personal_path, _absolute_path),
    (Code.PSE_UNREADABLE_FOR_ACCOUNT, ""): Fix(_closed_to_the_client),
    (Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT, ""): Fix(_closed_library),
    (Code.CRYPTO_LIBRARY_NOT_JUDGED, ""): Fix(_library_that_others_may_not_see, _as_root),
    (Code.CLIENT_ACCESS_UNKNOWN, ""): Fix(_rights_that_others_may_not_see, _as_root),
}
"""Every fix of a PSE, of the programs around it, and of who may read what."""

FOR_ROOT = frozenset(
    {
        Code.PSE_UNREADABLE_FOR_ACCOUNT,
        Code.CRYPTO_LIBRARY_UNREADABLE_FOR_ACCOUNT,
        Code.CRYPTO_LIBRARY_NOT_JUDGED,
        Code.CLIENT_ACCESS_UNKNOWN,
    }
)
"""What needs two accounts, so that only root can show it."""
