"""Take away one tolerance of the driver of sapgenpse after the other: `python benchmarks/driver_mutations.py`.

Each time the tests of the driver run in a copy of this checkout, to the first failure; a tolerance whose absence no
test notices is not proven, and the exit code is 1 then.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
DRIVER = Path("src", "pse_preflight", "sapgenpse")
TESTS = Path("tests", "sapgenpse")
COPIED = ("src", "tests", "checks", "fixtures", "conftest.py", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One tolerance, and what the driver is like without it."""

    tolerance: str
    module: str
    before: str
    after: str


MUTATIONS = (
    Mutation("-x for gen_pse", "tool", '"-noreq", *_NO_PIN, dn', '"-noreq", dn'),
    Mutation("-x for maintain_pk -a", "tool", '*_NO_PIN, "-a"', '"-a"'),
    Mutation("-x for maintain_pk -l", "tool", '*_NO_PIN, "-l"', '"-l"'),
    Mutation("-x for get_my_name", "tool", '"get_my_name", "-p", str(pse), *_NO_PIN', '"get_my_name", "-p", str(pse)'),
    Mutation("the owner's name as one argument", "tool", "*_NO_PIN, dn)", "*_NO_PIN, *dn.split())"),
    Mutation(
        "one certificate for each call",
        "tool",
        "for certificate in _roots_first(certificates):\n        answer",
        "for certificate in _roots_first(certificates)[:1]:\n        answer",
    ),
    Mutation("the listing proves", "tool", "if listing.find(certificate) is None:", "if False:"),
    Mutation(
        "any exit code of an addition",
        "tool",
        "        _refuse(answer, (certificate.parsed.subject",
        "        assert not answer.code\n        _refuse(answer, (certificate.parsed.subject",
    ),
    Mutation("any exit code of a list", "tool", "if answer.code != 0 and not listing.entries:", "if answer.code != 0:"),
    Mutation("the exit code of gen_pse", "tool", "if answer.code != 0 or not is_file(pse):", "if False:"),
    Mutation("a crash proves nothing", "tool", "if answer.crashed:", "if False:"),
    Mutation(
        "a wrong PIN with exit code 0", "tool", "if output.says_wrong_pin", "if answer.code and output.says_wrong_pin"
    ),
    Mutation("time-out", "tool", "if ended.overtime:", "if False:"),
    Mutation(
        "TZ=UTC", "tool", '"SECUDIR": str(secudir), "TZ": "UTC"}\n        try', '"SECUDIR": str(secudir)}\n        try'
    ),
    Mutation("SECUDIR", "tool", '"SECUDIR": str(secudir), "TZ": "UTC"}\n        try', '"TZ": "UTC"}\n        try'),
    Mutation("bytes that are not UTF-8", "tool", 'return printed.decode("latin-1")', "raise"),
    Mutation("bytes that are UTF-8", "tool", 'return printed.decode("utf-8")', 'return printed.decode("ascii")'),
    Mutation("stderr", "process", "stderr=subprocess.STDOUT", "stderr=subprocess.DEVNULL"),
    Mutation("no input", "process", "stdin=subprocess.DEVNULL", "stdin=subprocess.PIPE"),
    Mutation("prompts", "output", '_PROMPT.sub("", line.rstrip(" \\t\\r"))', 'line.rstrip(" \\t\\r")'),
    Mutation("CR LF", "output", 'line.rstrip(" \\t\\r")', "line"),
    Mutation("characters that end no line", "output", 'text.split("\\n")', "text.splitlines()"),
    Mutation("blanks before a colon", "output", '" ".join(key.lower().split())', "key.lower().lstrip()"),
    Mutation("label after `Validity  -`", "output", '.removeprefix("validity - ")', ""),
    Mutation("label NotAfter", "output", '    "notafter": "not_after",\n', ""),
    Mutation(
        "no SHA-256",
        "output",
        ' and "sha256" not in block.fields]',
        ']\n    missing += [] if "sha256" in block.fields else ["sha256"]',
    ),
    Mutation("matched by serial number", "output", "self.serial == certificate.serial_number", "False"),
    Mutation(
        "names in any order",
        "output",
        "return sorted(_WORD.findall(said)) == sorted(",
        "return list(_WORD.findall(said)) == list(",
    ),
    Mutation(
        "names with other letters",
        "output",
        "return all(_holds(printed.lower(), text) for text in texts)",
        "return False",
    ),
    Mutation("quoted names", "output", "value[1:-1] if len(value) > 1", "value if len(value) > 1"),
    Mutation("one certificate without a number", "output", "if numbers == [None] or numbers in", "if numbers in"),
    Mutation(
        "numbers from 0",
        "output",
        "(list(range(len(blocks))), list(range(1, len(blocks) + 1)))",
        "(list(range(1, len(blocks) + 1)),)",
    ),
    Mutation(
        "numbers from 1",
        "output",
        "(list(range(len(blocks))), list(range(1, len(blocks) + 1)))",
        "(list(range(len(blocks))),)",
    ),
    Mutation("fields within extensions", "output", "if within and (", "if False and ("),
    Mutation(
        "lines without a colon in extensions",
        "output",
        "line.indentation > deepest or not (element or line.name)",
        "line.indentation > deepest and line.name",
    ),
    Mutation("an empty list without PKList", "output", r"\bmaintain_pk for PSE\b|^[ \t]*PKList\b", r"^[ \t]*PKList\b"),
    Mutation(
        "an empty list in words alone",
        "output",
        'lambda line: _SAYS_EMPTY.search(_QUOTED.sub("", line))',
        "lambda _: False",
    ),
    Mutation(
        "what a path seems to say", "output", '_QUOTED = re.compile(r\'"[^"]*"\')', '_QUOTED = re.compile(r"(?!)")'
    ),
    Mutation("warnings", "output", ' and not line.lstrip(" \\t").startswith("!!!")', ""),
    Mutation("a banner", "output", "body = lines[announced + 1 :]", "body = lines"),
    Mutation("years of two digits", "output", "'20' if stamp[1] < '50' else '19'", "'19'"),
    Mutation("years of four digits", "output", "([0-9]{2}|[0-9]{4})([0-9]{10})Z", "([0-9]{2})([0-9]{10})Z"),
    Mutation(
        "local time", "output", 'year + stamp[2], "%Y%m%d%H%M%S"', "line.value.split(' (')[0], \"%a %b %d %H:%M:%S %Y\""
    ),
)


def main() -> int:
    """Run, print a line for each tolerance, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the name of the tolerance")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        _copy(copy)
        if not _passes(copy):
            print("the tests fail as it is")
            return 1
        chosen = [each for each in MUTATIONS if asked.only in each.tolerance]
        unnoticed = [each.tolerance for each in chosen if not _is_noticed(each, copy)]
    print(f"{len(chosen)} tolerances, {len(unnoticed)} unnoticed: {', '.join(unnoticed) or 'none'}")
    return 1 if unnoticed else 0


def _copy(folder: Path) -> None:
    for name in COPIED:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(
                CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
            )
        else:
            shutil.copy(CHECKOUT / name, folder / name)


def _is_noticed(mutation: Mutation, copy: Path) -> bool:
    path = copy / DRIVER / f"{mutation.module}.py"
    whole = path.read_text(encoding="utf-8")
    if mutation.before not in whole:
        print(f"GONE       {mutation.tolerance}: {mutation.before!r} is no longer in {path.name}", flush=True)
        return False
    began = time.monotonic()
    path.write_text(whole.replace(mutation.before, mutation.after), encoding="utf-8")
    try:
        noticed = not _passes(copy)
    finally:
        path.write_text(whole, encoding="utf-8")
    print(
        f"{'noticed  ' if noticed else 'UNNOTICED'}  {mutation.tolerance} ({time.monotonic() - began:.0f} s)",
        flush=True,
    )
    return noticed


def _passes(copy: Path) -> bool:
    """Tell whether the tests pass; what cannot be imported proves nothing."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", str(TESTS), "-x", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if ended.returncode not in (0, 1):
        raise SystemExit(ended.stdout + ended.stderr)
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
