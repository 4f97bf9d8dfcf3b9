"""How long many systems take behind a slow network, beside what others take for less.

    python benchmarks/many_systems.py [COUNT...] [--others] [--sslyze PROGRAM]

Every connection goes through a relay that holds each piece back for 50 ms in each direction; each system has a port of
its own. In one run, for each count: all checks; as many empty items in the same pytest; bare handshakes in 32 threads;
with --others `openssl s_client` in a loop, as scripts do, and sslyze, which gets all systems in one call. Those look at
the chain only. The contract allows the empty items, 1.5 times the handshakes, and 1 second.

Run it in an environment that holds nothing but the package, as a user's does: whatever other plugin pytest finds there
is loaded by the checks and the empty items alike.
"""

import argparse
import asyncio
import contextlib
import platform
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pse_preflight.checklist import CHECKS
from pse_preflight.demo import server as demo

CHECKOUT = Path(__file__).resolve().parents[1]
ONE_WAY = 0.05
SECONDS = 1200
_LOOK_EVERY = 0.1


class Relay:
    """A TCP relay on ports of loopback that delays whatever passes."""

    def __init__(self, target: int, count: int) -> None:
        self._target, self._count = target, count
        self.ports: list[int] = []
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        servers = [await asyncio.start_server(self._relay, "127.0.0.1", 0, backlog=128) for _ in range(self._count)]
        self.ports += [each.sockets[0].getsockname()[1] for each in servers]
        self._ready.set()
        await asyncio.gather(*(each.serve_forever() for each in servers))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * ONE_WAY)  # the three-way handshake
        with contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._pump(reader, forth), self._pump(back, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                await asyncio.sleep(ONE_WAY)
                sink.write(piece)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()


def bare_handshakes(ports: Sequence[int]) -> float:
    """Return the seconds of one bare TLS 1.2 handshake with each port, in 32 threads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def one(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw):
            pass

    begin = time.perf_counter()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(one, ports))
    return time.perf_counter() - begin


def _kilobytes(pid: int) -> int:
    """Return what a process and those that it has started have in memory now; Linux tells."""
    total = 0
    with contextlib.suppress(OSError, IndexError):  # it may end meanwhile
        for each in (str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()):
            said = Path(f"/proc/{each}/status").read_text(encoding="ascii").partition("VmRSS:")[2]
            total += int(said.split()[0])
    return total


def pytest_cost(folder: Path, *arguments: str) -> tuple[float, float]:
    """Return wall time and megabytes of one pytest process and what it starts; it must be green."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    output = folder / "output.txt"
    begin, most = time.perf_counter(), 0
    with output.open("wb") as stream:
        process = subprocess.Popen(command, cwd=folder, stdout=stream, stderr=stream)
        while process.poll() is None and time.perf_counter() < begin + SECONDS:
            most = max(most, _kilobytes(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_EVERY)
        seconds = time.perf_counter() - begin
        process.kill()
    if process.returncode:
        raise SystemExit(output.read_text(encoding="utf-8")[-3000:])
    return seconds, most / 1024


def other_seconds(commands: Sequence[Sequence[str]]) -> float:
    """Return the wall time of other programs, one after the other, which have to show the server's certificate."""
    begin = time.perf_counter()
    for each in commands:
        ended = subprocess.run(each, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
        if b"Demo Issuing CA" not in ended.stdout:
            raise SystemExit(f"{each[0]} ended with {ended.returncode}: {ended.stderr[-300:]!r}")
    return time.perf_counter() - begin


def landscape(folder: Path, ports: Sequence[int]) -> None:
    """Describe a system behind each port of the relay; they share one PSE."""
    keys = f"roots: served/demo-authority/root.pem, secudir: '{folder}/sec', pse: client.pse"
    systems = "".join(f"  SYS{port}: {{url: https://localhost:{port}, {keys}}}\n" for port in ports)
    (folder / "systems.yaml").write_text(f"systems:\n{systems}", encoding="utf-8")
    every = len(ports) * len(CHECKS)
    empty = f"import pytest\n\n@pytest.mark.parametrize('n', range({every}))\ndef test_empty(n):\n    pass\n"
    (folder / "test_empty.py").write_text(empty, encoding="utf-8")


def measured(count: int, *, others: bool, sslyze: str | None) -> str:
    """Return a row of the table for so many systems."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        described = demo.describe("", folder / "served")
        described.start()
        ports = Relay(int(described.keys["url"].rpartition(":")[2]), count).ports
        landscape(folder, ports)
        checks = [str(CHECKOUT / "checks"), "--engine=bundled"]
        pytest_cost(folder, *checks, f"--system=SYS{ports[0]}")  # makes the PSE
        bare, (empty, _) = bare_handshakes(ports), pytest_cost(folder, "test_empty.py")
        whole, memory = pytest_cost(folder, *checks, "--system=all")
        roots = str(folder / "served" / "demo-authority" / "root.pem")
        addresses = [f"localhost:{port}" for port in ports]
        s_client = ["openssl", "s_client", "-CAfile", roots, "-verify_return_error", "-connect"]
        scripted = f"{other_seconds([[*s_client, each] for each in addresses]):.1f} s" if others else "-"
        whole_call = [sslyze or "", "--certinfo", "--certinfo_ca_file", roots, *addresses]
        scanned = f"{other_seconds([whole_call]):.1f} s" if sslyze else "-"
    allowed = empty + 1.5 * bare + 1
    return (
        f"| {count} | {whole:.2f} s | {empty:.2f} s | {bare:.2f} s | {allowed:.2f} s | {whole / allowed:.2f} |"
        f" {memory:.0f} MB | {scripted} | {scanned} |"
    )


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[200], metavar="COUNT")
    parser.add_argument("--others", action="store_true", help="call openssl s_client, too")
    parser.add_argument("--sslyze", help="the program sslyze, to call it, too")
    asked = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, 100 ms round trip\n")
    print("| systems | all checks | empty items | bare handshakes | allowed | ratio | memory | openssl | sslyze |")
    print("|---|---|---|---|---|---|---|---|---|")
    for count in asked.counts:
        print(measured(count, others=asked.others, sslyze=asked.sslyze), flush=True)


if __name__ == "__main__":
    main()
