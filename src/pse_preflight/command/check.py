"""`pse-preflight check SYSTEM…`: the run of the checks, for everybody who does not work with pytest.

It is the same run as `pytest checks/`, with the same options, under settings of its own: no pytest.ini, pyproject.toml,
conftest.py, environment variable or plugin of the place where it is started deselects, renames or breaks a check.
"""

import argparse
import ast
import importlib.util
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from pse_preflight.command.arguments import near, plain_words
from pse_preflight.command.invocation import PROGRAM
from pse_preflight.errors import PreflightError, UsageProblem
from pse_preflight.options import EVIDENCE, MARKERS, OPTIONS, PRESENTED_EVIDENCE, REPLAY_EVIDENCE, Option

NO_SYSTEM = f"no --system given, and no name of one; write {PROGRAM} check SYSTEM, or see {PROGRAM} --help"
SETTINGS = Path(__file__).with_name("check.ini")

_STEERING = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG")
_STEADY: Mapping[str, str] = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONSAFEPATH": "1"}
_CACHE = ".cache"
_PLUGIN = "--nagios"
_ENDED = (0, 1)
"""The exit codes of a run that came to its end."""
_ROUNDING = timedelta(seconds=1)
_OPTION_WIDTH = 25


@dataclass(frozen=True, slots=True)
class PytestOption:
    """An option of pytest, or of pytest-xdist, that a run may have, too.

    Attributes:
        names: its spellings, the one that is handed on first.
        value: the pattern that its value must fit; None for a switch.
    """

    names: tuple[str, ...]
    value: str | None = None


PYTEST_OPTIONS = (
    PytestOption(("-m",), ".*"),
    PytestOption(("-k",), ".*"),
    PytestOption(("--exitfirst", "-x")),
    PytestOption(("--lf", "--last-failed")),
    PytestOption(("--numprocesses", "-n"), "[0-9]+|auto|logical"),
    PytestOption(("--quiet", "-q")),
    PytestOption(("--verbose", "-v")),
    PytestOption(("--junitxml", "--junit-xml"), ".+"),
    PytestOption(("--collect-only", "--co")),
    # Those that follow are not in the help.
    PytestOption(("--maxfail",), "[0-9]+"),
    PytestOption(("--ff", "--failed-first")),
    PytestOption(("--deselect",), ".*"),
    PytestOption(("--dist",), "load|loadscope|loadfile|loadgroup|worksteal|each|no"),
    PytestOption(("--maxprocesses",), "[0-9]+"),
    PytestOption(("-r",), "[A-Za-z]+"),
    PytestOption(("--tb",), "auto|long|short|line|native|no"),
    PytestOption(("-s",)),
    PytestOption(("--capture",), "fd|sys|no|tee-sys"),
    PytestOption(("--show-capture",), "no|stdout|stderr|log|all"),
    PytestOption(("--showlocals", "-l")),
    PytestOption(("--full-trace",)),
    PytestOption(("--durations",), "[0-9]+"),
    PytestOption(("--color",), "yes|no|auto"),
    PytestOption(("--no-summary",)),
    PytestOption(("--cache-clear",)),
    PytestOption(("--pythonwarnings", "-W"), ".+"),
    PytestOption(("--override-ini", "-o"), ".+=.*"),
    PytestOption(("-p",), "no:.+|xdist"),
)

_SHOWN: Mapping[str, str] = {
    "--junitxml FILE": "write a JUnit report, for pipelines",
    "-m MARKER, -k WORD": "only some checks: url, chain, pse, pk_list, trust",
    "-x, --lf, -n NUMBER": "stop at the first red; only those last red; processes",
    "-q, -v, --collect-only": "say less; say more; only name the checks",
    _PLUGIN: "be a plugin of Nagios: one line, exit code 0 to 3",
    "--help, --version [-v]": "this text; the version, and of every part",
}


def run(arguments: Sequence[str]) -> int:
    """Run the checks; return pytest's exit code.

    Raises:
        UsageProblem: where the command line makes no sense.
    """
    if _PLUGIN in arguments:
        return _be_plugin([each for each in arguments if each != _PLUGIN])
    asked = _nothing_asked()
    try:
        systems = _read(arguments, asked)
    except UsageProblem:
        from pse_preflight.report.result import remove_older

        remove_older(Path.cwd() / _evidence(asked), asked.trust_report, asked.junitxml, packed=asked.pack)
        raise
    if asked.help:
        print(help_text())
        return 0
    import pytest

    named = [f"--system={each}" for each in systems]
    with _without_settings_of_the_place():
        return int(pytest.main([*_settings(asked), *named, *asked.passed]))


def _be_plugin(arguments: Sequence[str]) -> int:
    """Run the checks as a plugin of Nagios: one line, performance data, and one of its four exit codes."""
    from pse_preflight.report import monitoring, result

    said, began = io.StringIO(), datetime.now(UTC)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            asked = _nothing_asked()
            _read(arguments, asked)
            code = run(arguments)
        if code not in _ENDED:  # an older result may stand where nothing could be written
            raise UsageProblem(f"the run ended with {code}, and not with a verdict")
        found = [result.read(Path(_evidence(asked), result.FILE_NAME))]
        now = datetime.now(UTC)
        state, told = monitoring.nagios(monitoring.watch(found, now, now - began + _ROUNDING))
    except PreflightError as error:
        errors = [each.removeprefix("ERROR: ") for each in said.getvalue().splitlines() if each.startswith("ERROR: ")]
        state, told = monitoring.PluginState.UNKNOWN, monitoring.unknown(errors[-1] if errors else str(error))
    print(told)
    return state.value


def _nothing_asked() -> argparse.Namespace:
    named = ("evidence", "replay", "presented", "pack", "trust_report", "junitxml")
    return argparse.Namespace(passed=[], **dict.fromkeys(named))


def help_text() -> str:
    """Return the help about the checks and all commands: one screen."""
    rows = [(f"{each.name} {each.value}".rstrip(), _help(each)) for each in OPTIONS if not each.repeatable]
    lines = [f"  {left:<{_OPTION_WIDTH}}{right}" for left, right in (*rows, *_SHOWN.items())]
    return "\n".join([_USAGE, *lines, _EXIT_CODES])


_USAGE = f"""\
usage: {PROGRAM} check SYSTEM... [OPTION...]  does this machine trust it?
       {PROGRAM} show FILE... https://HOST... what is in files; a server
       {PROGRAM} init https://HOST...         write a first systems.yaml
       {PROGRAM} report table RESULT.JSON...  what runs have found
       {PROGRAM} roots                        SAP's list of roots
SYSTEM: an alias of systems.yaml, all, tag:<tag>, https://<host>, demo, or
demo:<scenario>; several are asked at the same time.
"""
_EXIT_CODES = "Exit code: 0 nothing is red, 1 something is, 4 misuse, 5 no check was selected."


def _help(option: Option) -> str:
    return f"{option.help}: {', '.join(option.choices)}" if option.choices else option.help


class _Passed(argparse.Action):
    """Hands an option on to pytest, and keeps its value."""

    def __call__(
        self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _option: str | None = None
    ) -> None:
        name = self.option_strings[0]
        if self.nargs == 0:
            namespace.passed.append(name)
            setattr(namespace, self.dest, True)
            return
        _refuse_value(name, values, str(self.metavar))
        namespace.passed += [f"{name}={values}"] if name.startswith("--") else [name, values]
        setattr(namespace, self.dest, values)


def _refuse_value(name: str, value: str, pattern: str) -> None:
    if re.fullmatch(pattern, value, re.DOTALL):
        return
    words = [each for each in pattern.split("|") if each.replace("-", "").isalpha()]
    allowed = f" (allowed: {', '.join(words)})" if words else ""
    raise UsageProblem(f"{name}: {value!r} is not possible{near(value, words)}{allowed}")


class _Parser(argparse.ArgumentParser):
    """Reads the options; what is none of them is a system."""

    def error(self, message: str) -> NoReturn:
        """Tell a misuse as every misuse is told."""
        raise UsageProblem(f"{plain_words(message)} ({PROGRAM} --help shows all options)")


def _parser() -> _Parser:
    parser = _Parser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("--help", "-h", action="store_true")
    for option in OPTIONS:
        pattern = "|".join(option.choices) or ".+"
        parser.add_argument(*option.names, action=_Passed, nargs=None if option.value else 0, metavar=pattern)
    for each in PYTEST_OPTIONS:
        parser.add_argument(*each.names, action=_Passed, nargs=0 if each.value is None else None, metavar=each.value)
    return parser


def _read(arguments: Sequence[str], asked: argparse.Namespace) -> list[str]:
    """Fill what is asked; return the systems that stand without --system.

    Raises:
        UsageProblem: for what is no option, or no possible value of one.
    """
    _refuse_one_dash(arguments)
    _, others = _parser().parse_known_args(list(arguments), asked)
    for each in others:
        _refuse_option(each)
    others = [each for each in others if each != "--"]
    if not (others or asked.system or asked.replay or asked.help):
        raise UsageProblem(NO_SYSTEM)
    _refuse_selection(asked.m, asked.k)
    if asked.numprocesses and importlib.util.find_spec("xdist") is None:
        raise UsageProblem("-n needs pytest-xdist, which is not installed beside this program")
    return others


def _refuse_selection(markers: str | None, words: str | None) -> None:
    """Refuse a choice of checks that pytest could not read, or that names a group which there is not."""
    for option, text in (("-m", markers), ("-k", words)):
        if sum(word in _JOINING for word in _WORD.findall(text or "")) > _MOST_JOINED:
            raise UsageProblem(f"{option}: is no choice of checks; it has and, or, not more than {_MOST_JOINED} times")
        plain = _WORD.sub(lambda found: found[0] if found[0] in _JOINING else "x", text or "")
        try:
            ast.parse(plain.strip() or "x", mode="eval")
        except SyntaxError:
            raise UsageProblem(f"{option} {text!r}: is no choice of checks; join words by and, or, not") from None
    for word in _WORD.findall(markers or ""):
        if word not in MARKERS and word not in _JOINING:
            allowed = ", ".join(MARKERS)
            raise UsageProblem(f"-m {word}: no checks are called so{near(word, MARKERS)} (allowed: {allowed})")


_WORD = re.compile(r"[\w:+\-.\[\]\\/]+")
"""What pytest takes for one word of -k and -m."""
_JOINING = frozenset({"and", "or", "not"})
_MOST_JOINED = 200
"""Of thousands neither Python nor pytest comes to the end."""

_KNOWN = (
    "--help",
    _PLUGIN,
    *(name for each in OPTIONS for name in each.names),
    *(name for each in PYTEST_OPTIONS for name in each.names),
)


def _refuse_one_dash(arguments: Sequence[str]) -> None:
    """Refuse a long option with one dash, which would be read as several short ones."""
    for each in arguments:
        name = each.partition("=")[0]
        if f"-{name}" in _KNOWN and name.startswith("-") and not name.startswith("--"):
            raise UsageProblem(f"{name}: no such option; did you mean -{name}?")


def _refuse_option(word: str) -> None:
    if word == "--" or not word or unicodedata.category(word[0]) != "Pd":
        return
    name, equals, value = word.partition("=")
    if not name.startswith("-"):
        raise UsageProblem(f"{word}: begins with a dash of word processors; write {_plain(name)}{equals}{value}")
    raise UsageProblem(f"{name}: no such option{near(name, _KNOWN)} ({PROGRAM} --help shows all)")


def _plain(name: str) -> str:
    bare = "".join("-" if unicodedata.category(sign) == "Pd" else sign for sign in name).lstrip("-")
    return f"--{bare}" if len(bare) > 1 else f"-{bare}"


def _settings(asked: argparse.Namespace) -> list[str]:
    """Return the arguments by which pytest runs our checks, and by nobody's settings but ours."""
    checks = importlib.util.find_spec("pse_preflight.checks")
    if checks is None or not checks.submodule_search_locations:
        raise UsageProblem("this installation lacks its checks; install pse-preflight again")
    (folder, *_) = checks.submodule_search_locations
    plugins = ["pse_preflight.plugin", "pse_preflight.command.screen", *(["xdist"] if asked.numprocesses else [])]
    return [
        f"--config-file={SETTINGS}",
        "--rootdir=.",
        f"--confcutdir={folder}",
        *(part for each in plugins for part in ("-p", each)),
        "-o",
        f"cache_dir={Path(_evidence(asked), _CACHE)}",
        folder,
    ]


def _evidence(asked: argparse.Namespace) -> str:
    usual = REPLAY_EVIDENCE if asked.replay else PRESENTED_EVIDENCE if asked.presented else EVIDENCE
    return str(asked.evidence or usual)


@contextmanager
def _without_settings_of_the_place() -> Iterator[None]:
    """Keep what steers pytest in this shell away from the run and the processes that it starts."""
    before = {name: os.environ.get(name) for name in (*_STEERING, *_STEADY)}
    for name in _STEERING:
        os.environ.pop(name, None)
    os.environ.update(_STEADY)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
