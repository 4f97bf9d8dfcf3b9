"""`pse-preflight roots`: SAP's list of roots as it is known here, and a newer table from what SAP publishes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pse_preflight.chain.sap_roots import PUBLISHED, Root, SapRoots, Table
from pse_preflight.chain.sap_roots_file import sap_roots, written
from pse_preflight.command.arguments import CommandParser
from pse_preflight.errors import UsageProblem

OUTPUT = "sap-roots.yaml"


def run(arguments: Sequence[str]) -> int:
    """Show the list that comes along; or say what is otherwise in another, and write a newer one as a table.

    Raises:
        UsageProblem: where the list cannot be read, or the table not be written.
    """
    parser = CommandParser("roots", "Show SAP's list of roots, or make a newer table of it.")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PATH",
        help="SAP's list: its required.pse, a folder or zip of PEM files, or a table",
    )
    parser.add_argument("--output", metavar="FILE", default=OUTPUT, help=f"the table to write ({OUTPUT})")
    asked = parser.read(arguments)
    if asked.source is None:
        print(*_shown(sap_roots().shipped), sep="\n")
        return 0
    known = sap_roots(Path(asked.source))
    print(known.told)
    if known.given is None or not known.is_newer:
        print("nothing to write: no newer roots are known")
        return 0
    print(*_differences(known, known.given), sep="\n")
    _write(Path(asked.output), known.used)
    print(f"{asked.output} has been written; the checks use it with --sap-roots {asked.output}")
    return 0


def _shown(table: Table) -> Iterator[str]:
    yield f"The roots that SAP requires a client to trust (release {table.release}; known up to {table.dated}):"
    yield from (line for each in table.required for line in _lines(each))
    yield "No longer required:"
    yield from (line for each in table.roots if each.left for line in _lines(each))
    yield f"SAP publishes the list as {PUBLISHED}."


def _lines(root: Root) -> Iterator[str]:
    yield f"  {root.clock().words}"
    yield f"    sha256 {root.sha256}"


def _differences(known: SapRoots, given: Table) -> Iterator[str]:
    """Say which roots a newer list has added, and which it has removed."""
    before = {each.sha256: each for each in known.shipped.required}
    after = {each.sha256: each for each in given.required}
    yield from (f"  new: {each.name} (sha256 {digest})" for digest, each in after.items() if digest not in before)
    yield from (f"  gone: {each.name} (sha256 {digest})" for digest, each in before.items() if digest not in after)


def _write(target: Path, table: Table) -> None:
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(written(table))
    except FileExistsError:
        raise UsageProblem(f"{target} is there already and is not overwritten; name another with --output") from None
    except OSError as error:
        raise UsageProblem(f"{target} cannot be written: {error.strerror}") from None
