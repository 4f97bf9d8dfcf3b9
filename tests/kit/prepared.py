"""A process that has imported everything already, and starts runs of modules by forks of itself.

Importing takes most of the time of a small run of pytest. What is started by a fork has a working folder, arguments, an
environment, three streams and an exit code of its own, as what `python -m MODULE` starts has. The plugin itself is not
imported beforehand, so that each run loads it as its options say.

As a program, `python prepared.py SOCKET` serves there until its standard input ends.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

_LEFT_OUT = (
    "pse_preflight.plugin",
    "pse_preflight.command.screen",
    "pse_preflight.__main__",
    "pse_preflight.conformance",
)
_OTHERS = ("runpy", "pytest", "_pytest.junitxml", "execnet")
_BLOCK = 1 << 16


class TooSlow(Exception):
    """A run did not end in time and was killed."""


def ask(
    path: str,
    module: str,
    arguments: Sequence[str],
    *,
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int] = (0, 1, 2),
    seconds: float | None = None,
) -> int:
    """Have a module run, or a text if the module is -c; return its exit code, negative for a signal."""
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "module": module,
        "arguments": list(arguments),
        "folder": folder,
        "environment": dict(environment),
        "umask": umask,
        "python": f"{os.path.dirname(path)}/python",  # noqa: PTH120 - loads less
    }
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as replies:
        connection.connect(path)
        socket.send_fds(connection, [b"\n"], list(streams))
        connection.sendall(json.dumps(request).encode() + b"\n")
        run = int(replies.readline())
        connection.settimeout(seconds)
        try:
            return int(replies.readline())
        except TimeoutError:
            os.kill(run, signal.SIGKILL)
            raise TooSlow(" ".join((module, *arguments))) from None


def be(path: str, arguments: Sequence[str]) -> int:
    """Be `python ARGUMENTS…`, for a program that stands for it; what is neither -m nor -c is left to Python itself."""
    option, *rest = [each for each in arguments[:1] if each != "-u"] + list(arguments[1:]) or [""]
    if option == "-c":
        rest = [option, *rest]
    elif option != "-m":
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is what is meant
    code = ask(path, rest[0], rest[1:], folder=os.getcwd(), environment=os.environ)  # noqa: PTH109 - loads less
    if code < 0:
        os.kill(os.getpid(), -code)
    return code


def _serve(path: str) -> None:
    """Serve until standard input ends."""
    import gc
    import select

    own = [each for each in sys.path if each != os.path.dirname(os.path.abspath(__file__))]  # noqa: PTH100, PTH120
    _import_everything()
    gc.freeze()  # no run has to look through all of it
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # noqa: PTH104 - who finds it finds it listening
        while 0 not in select.select([0, listener.fileno()], [], [])[0]:
            _forget_ended(os.WNOHANG)
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _answer(connection, own)
            connection.close()
    _forget_ended(0)


def _forget_ended(how: int) -> None:
    """Wait for what has ended, so that its processor time counts as ours."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _import_everything() -> None:
    from pkgutil import walk_packages

    for name in _OTHERS:
        import_module(name)
    package = import_module("pse_preflight")
    for found in walk_packages(package.__path__[:1], "pse_preflight."):
        if not found.name.startswith(_LEFT_OUT):
            with suppress(ImportError):  # what is for another operating system
                import_module(found.name)


def _answer(connection: socket.socket, own: list[str]) -> None:
    """Start what one connection asks for, and answer with its process and its exit code."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile("rb").readline())
    run = os.fork()
    if run == 0:
        connection.close()
        _become(request, streams, own)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{run}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])
    with suppress(BrokenPipeError):
        connection.sendall(f"{code}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int], own: list[str]) -> None:
    """Be `python -m MODULE ARGUMENTS…`, or `python -c …`, in this folder and environment, to its end."""
    import runpy
    from types import ModuleType

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    encoding = sys.stdout.encoding
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115 - until the process ends
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.umask(request["umask"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    given = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [os.getcwd(), *given, *own]  # noqa: PTH109 - as Python itself puts it there
    _forget_other_sources()
    module, arguments = request["module"], request["arguments"]
    if module == "-c":
        sys.argv = [module, *arguments[1:]]
        sys.modules["__main__"] = main = ModuleType("__main__")
        exec(arguments[0], main.__dict__)  # noqa: S102 - as Python does
    else:
        sys.argv = [module, *arguments]
        sys.executable = request["python"] if "xdist.plugin" in arguments else sys.executable  # starts its workers
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def _forget_other_sources() -> None:
    """Let the package be loaded anew where this run finds another one than was imported."""
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("pse_preflight")
    if found is None or os.path.realpath(str(found.origin)) != sys.modules["pse_preflight"].__file__:
        for name in [each for each in sys.modules if each.partition(".")[0] == "pse_preflight"]:
            del sys.modules[name]


if __name__ == "__main__":
    _serve(sys.argv[1])
