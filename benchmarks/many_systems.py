"""How long many systems take behind a slow network: python benchmarks/many_systems.py [COUNT].

Every connection to the demo system goes through a relay that holds each piece back for 50 ms in each direction. The
time is compared with what the contract allows: the same number of empty items in the same pytest, plus 1.5 times the
bare handshakes in 32 threads, plus 1 second.
"""

import asyncio
import contextlib
import platform
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pse_preflight.checklist import CHECKS
from pse_preflight.demo import server as demo

CHECKOUT = Path(__file__).resolve().parents[1]
ONE_WAY = 0.05


class Relay:
    """A TCP relay on loopback that delays whatever passes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await server.serve_forever()

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


def handshakes(port: int, count: int) -> float:
    """Return the seconds of so many bare TLS 1.2 handshakes in 32 threads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def one(_: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw):
            pass

    begin = time.perf_counter()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(one, range(count)))
    return time.perf_counter() - begin


def pytest_seconds(folder: Path, *arguments: str) -> float:
    """Return the wall time of one pytest process, which must be green."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    begin = time.perf_counter()
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stdout[-3000:])
    return time.perf_counter() - begin


def landscape(folder: Path, port: int, count: int) -> None:
    """Describe so many systems behind the relay, which share one PSE."""
    keys = f"url: https://localhost:{port}, roots: served/demo-authority/root.pem, secudir: '{folder}/sec'"
    keys += ", pse: client.pse"
    systems = "".join(f"  SYS{number:03d}: {{{keys}}}\n" for number in range(count))
    (folder / "systems.yaml").write_text(f"systems:\n{systems}", encoding="utf-8")
    every = count * len(CHECKS)
    empty = f"import pytest\n\n@pytest.mark.parametrize('n', range({every}))\ndef test_empty(n):\n    pass\n"
    (folder / "test_empty.py").write_text(empty, encoding="utf-8")


def main() -> None:
    """Measure and print one line per figure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        described = demo.describe("", folder / "served")
        described.start()
        relay = Relay(int(described.keys["url"].rpartition(":")[2]))
        landscape(folder, relay.port, count)
        checks = [str(CHECKOUT / "checks"), "--engine=bundled"]
        pytest_seconds(folder, *checks, "--system=SYS000")  # makes the PSE
        bare = handshakes(relay.port, count)
        empty = pytest_seconds(folder, "test_empty.py")
        whole = pytest_seconds(folder, *checks, "--system=all")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    allowed = empty + 1.5 * bare + 1
    print(f"{platform.platform()}, Python {platform.python_version()}, {count} systems, 100 ms round trip")
    print(f"bare handshakes in 32 threads {bare:.2f} s; empty items {empty:.2f} s; allowed {allowed:.2f} s")
    print(f"all checks {whole:.2f} s = {whole / allowed:.2f} of what is allowed; memory {memory:.0f} MB (bound 250)")


if __name__ == "__main__":
    main()
