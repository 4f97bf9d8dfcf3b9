"""Fuzz the readers of what others write, guided by coverage: `python benchmarks/fuzz.py --count 1000000`.

The readers are those of PSE files, of what sapgenpse lists, of certificate files, of systems.yaml and of evidence.json.
atheris (libFuzzer) changes whatever has reached new code, for each reader in a process of its own. A reader may refuse
with an error of ours, in one line that a terminal can show; anything else, five seconds, or a gigabyte is a failure:
the input is kept, and the exit code is 1. What is read must be what was written: see the readers below.
"""

import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "src")]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECONDS, MEGABYTES = 5, 1024
ODD_VALUES: tuple[Any, ...] = (
    None,
    -1,
    10**30,
    "",
    "x\ny\x1b[31m",
    [],
    {},
    [None],
    True,
    1.5,
    "9" * 500,
    "\ud800",
    NOW.isoformat(),
)
_EXECUTED = re.compile(r"number_of_executed_units: ([0-9]+)")
_COVERED = re.compile(r"cov: ([0-9]+)")


@dataclass(frozen=True, slots=True)
class Reader:
    """What is fuzzed.

    Attributes:
        read: reads one input; it raises an error of ours, or nothing.
        seeds: inputs to begin with.
        share: how much of the count it gets, in proportion.
    """

    read: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    share: int = 1


def _pse(data: bytes) -> None:
    from tests.kit import pse_mutations

    pse_mutations.exercise(data, None)


def _pse_seeds() -> Iterator[bytes]:
    from tests.kit import pse_mutations

    yield from (each.file for each in pse_mutations.variants().values())
    yield from (each.file for each in pse_mutations.closed_files().values())


def _listing(data: bytes) -> None:
    """Read a listing; no certificate is invented: each fingerprint stands in the text."""
    from pse_preflight.sapgenpse.output import parse_listing

    text = data.decode("utf-8", "replace")
    written = re.sub(r"[^0-9a-f]", "", text.lower())
    for each in parse_listing(text).entries:
        if each.sha256 is not None and each.sha256 not in written:
            raise AssertionError(f"{each.sha256} stands nowhere")
        if each.sha256 is None and (each.serial is None or each.not_after is None):
            raise AssertionError("neither a fingerprint nor what describes it")


def _listing_seeds() -> Iterator[bytes]:
    import io

    from tests.kit import pse_mutations

    from pse_preflight.sapgenpse import bundled

    with tempfile.TemporaryDirectory() as folder:
        for number, count in enumerate((0, 1, 3)):
            pse = Path(folder, f"{number}.pse")
            pse.write_bytes(pse_mutations.made(count).encode(None))
            for command in (["maintain_pk", "-l"], ["get_my_name"]):
                out = io.StringIO()
                bundled.run(
                    [*command, "-p", str(pse), "-x", ""],
                    environ={"SECUDIR": folder, "TZ": "UTC"},
                    stdin=io.StringIO(),
                    stdout=out,
                    stderr=io.StringIO(),
                )
                yield out.getvalue().encode()


def _certificates(data: bytes) -> None:
    """Read a file of certificates; each says of itself what fits on a line, and is the same when read again."""
    from pse_preflight.certificate import Certificate
    from pse_preflight.certificate_file import read_certificates

    for each in read_certificates(data).certificates:
        if Certificate.read(each.der) != each or not each.label.isprintable():
            raise AssertionError(each.label)


def _certificate_seeds() -> Iterator[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
    from tests.kit import pse_mutations

    some = pse_mutations.authorities(2)
    yield from (some[0].der, some[0].pem.encode(), "".join(each.pem for each in some).encode("utf-16"))
    yield b"Bag Attributes\n  x: y\n" + some[1].pem.replace("\n", "\r\n").encode("utf-8-sig")
    for encoding in (Encoding.DER, Encoding.PEM):
        yield pkcs7.serialize_certificates([each.parsed for each in some], encoding)
    yield pse_mutations.made(1).encode(None)


def _yaml(data: bytes) -> None:
    """Read a systems.yaml, up to the systems that it describes."""
    from pse_preflight.landscape.file import read_landscape

    file = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}.yaml"
    file.write_bytes(data)
    read_landscape(file, {"HOME": "/home/a"}, windows=bool(len(data) % 2))


def _yaml_seeds() -> Iterator[bytes]:
    yield (CHECKOUT / "systems.example.yaml").read_bytes()
    yield b"systems: {A: {url: https://a.example, tags: [&x p, *x], pinned: ['" + b"ab" * 32 + b"']}}"
    yield b"defaults: {roots: auto}\nsystems:\n  A: {url: https://a, proxy: 'http://u:p@h:1', expiry_days: {leaf: 7}}\n"


def _evidence(data: bytes) -> None:
    """Read a recording, judge it, and say what was found."""
    from pse_preflight.chain.roots import Roots
    from pse_preflight.chain.sap_roots import SapRoots
    from pse_preflight.chain.verify import Period
    from pse_preflight.findings import message
    from pse_preflight.recording.format import parsed, system_of
    from pse_preflight.verdict.evidence import KnownRoots, judge

    recording = parsed(data, "evidence.json")
    system = system_of(recording)
    evidence = judge(system, recording.observations(KnownRoots(Roots((), "none"), SapRoots())), Period(NOW, NOW))
    for each in evidence.findings:
        if any(not line.isprintable() for line in message(each).splitlines()):
            raise AssertionError(message(each))


def _evidence_seeds() -> Iterator[bytes]:
    from tests.checks import corpus

    from pse_preflight.recording.format import recorded, written

    for scenario in corpus.CORPUS[::12]:
        yield written(recorded(scenario.evidence(), "auto", NOW)).encode("utf-8", "replace")


READERS: Mapping[str, Reader] = {
    "pse": Reader(_pse, _pse_seeds, 3),
    "listing": Reader(_listing, _listing_seeds, 3),
    "certificates": Reader(_certificates, _certificate_seeds, 2),
    "yaml": Reader(_yaml, _yaml_seeds, 1),
    "evidence": Reader(_evidence, _evidence_seeds, 1),
}


def _changed_json(data: bytes, _largest: int, seed: int) -> bytes:
    """Change one value of a JSON text, or its bytes."""
    import atheris

    dice = random.Random(seed)  # noqa: S311 - repeatable, and no secret
    if dice.random() < 0.2:  # noqa: PLR2004 - now and then
        return bytes(atheris.Mutate(data, max(len(data) + 20, 4096)))
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return bytes(atheris.Mutate(data, max(len(data) + 20, 4096)))
    places = list(_places(told))
    if places:
        holder, key = dice.choice(places)
        other_holder, other = dice.choice(places)
        holder[key] = dice.choice([*ODD_VALUES, deepcopy(other_holder[other])])
    return json.dumps(told).encode("utf-8", "surrogatepass")


def _places(told: Any) -> Iterator[tuple[Any, Any]]:
    pairs = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in list(pairs):
        yield told, key
        yield from _places(value)


def _fuzz(name: str, arguments: Sequence[str]) -> None:
    """Fuzz one reader in this process, to its end."""
    import atheris

    reader = READERS[name]
    folder = tempfile.mkdtemp(prefix=f"fuzz-{name}-")
    for number, seed in enumerate(reader.seeds()):
        Path(folder, str(number)).write_bytes(seed)
    for module in [each for each in sys.modules if each.partition(".")[0] == "pse_preflight"]:
        del sys.modules[module]  # the seeds have loaded it; here it is to be loaded so that coverage is seen
    for module in [each for each in sys.modules if each.startswith("tests.")]:
        del sys.modules[module]
    with atheris.instrument_imports(include=["pse_preflight"]):
        _whatever_it_raises(reader.read)(b"")
        from pse_preflight.errors import PreflightError
    warnings.simplefilter("ignore")

    def once(data: bytes) -> None:
        try:
            reader.read(data)
        except PreflightError as error:
            if not str(error).isprintable():
                raise AssertionError(repr(str(error))) from error

    options = [
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        "-max_len=20000",
        "-print_final_stats=1",
        *arguments,
    ]
    more = {"custom_mutator": _changed_json} if name == "evidence" else {}
    atheris.Setup([sys.argv[0], *options, folder], once, **more)
    atheris.Fuzz()


def _whatever_it_raises(read: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return the same, whatever it raises."""

    def once(data: bytes) -> None:
        with contextlib.suppress(Exception):  # it is only to load what it needs
            read(data)

    return once


def main() -> int:
    """Fuzz all readers, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000, help="how many inputs in all (50000)")
    parser.add_argument("--seconds", type=int, default=0, help="end each reader after so long, whatever the count")
    parser.add_argument("--seed", type=int, default=14, help="where chance begins (14)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many readers at once")
    parser.add_argument("--reader", choices=READERS, help="this one alone, in this process")
    asked, others = parser.parse_known_args()
    if asked.reader:
        _fuzz(asked.reader, others)
        return 0
    began = time.monotonic()
    with ThreadPoolExecutor(asked.jobs) as pool:
        failures = list(pool.map(lambda name: _run(name, asked), READERS))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if any(failures) else 0


def _run(name: str, asked: argparse.Namespace) -> bool:
    count = asked.count * READERS[name].share // sum(each.share for each in READERS.values())
    kept = Path(tempfile.gettempdir()) / f"fuzz-{name}-failed-"
    limits = [f"-runs={count}", f"-seed={asked.seed}", f"-artifact_prefix={kept}"]
    limits += [f"-max_total_time={asked.seconds}"] if asked.seconds else []
    began = time.monotonic()
    command = [sys.executable, __file__, "--reader", name, *limits]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    done, covered = (found.findall(ended.stderr) for found in (_EXECUTED, _COVERED))
    failed = ended.returncode != 0 or not done
    inputs, edges = (each[-1] if each else "?" for each in (done, covered))
    print(f"{name}: {inputs} inputs, {edges} edges, {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(ended.stdout[-3000:], ended.stderr[-3000:], sep="\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
