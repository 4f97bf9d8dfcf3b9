"""Environment variables in the values of systems.yaml: ${NAME}, and on Windows %NAME% too."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

_IN_BRACES = re.compile(r"\$\{([^{}]*)\}")
_IN_PERCENTS = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*(?:\([A-Za-z0-9_]+\))?)%", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\([A-Za-z0-9_]+\))?", re.ASCII)


class Variables:
    """The environment of this process; on Windows the case of a name does not matter."""

    def __init__(self, environment: Mapping[str, str], *, windows: bool) -> None:
        self._windows = windows
        self.by_name = {self._key(name): value for name, value in environment.items()}
        """The values; on Windows by the names in upper case."""

    def _key(self, name: str) -> str:
        return name.upper() if self._windows else name

    def get(self, name: str) -> str | None:
        """Return the value of a variable, or nothing where it is not set."""
        return self.by_name.get(self._key(name))

    def expanded(self, text: str, *, percents: bool) -> str:
        """Return the text with every variable that is set in the place of its name.

        Args:
            percents: whether %NAME% means a variable here; in a URL percent signs have a meaning of their own.
        """
        text = _IN_BRACES.sub(lambda found: self._value(found[1], found[0]), text)
        if percents and self._windows:
            text = _IN_PERCENTS.sub(lambda found: self._value(found[1], found[0]), text)
        return text

    def problems(self, text: str, *, percents: bool) -> Iterator[str]:
        """Say what is not expanded in a text, and what to write instead; nothing else of the text is repeated."""
        for name in _IN_BRACES.findall(text):
            is_name = _NAME.fullmatch(name)
            yield from self._problems_of(name) if is_name else ["what stands in ${…} is no name of a variable"]
        for name in _IN_PERCENTS.findall(text) if percents else ():
            on_windows = f"%{name}% is expanded on Windows only; write ${{{name}}}"
            yield from self._problems_of(name) if self._windows else [on_windows]

    def _problems_of(self, name: str) -> Iterator[str]:
        value = self.get(name)
        if value is None:
            yield f"the environment variable {name} is not set; set it, or write here what it stands for"
        elif any(unicodedata.category(char) == "Cc" for char in value):
            yield f"the environment variable {name} holds a control character"

    def _value(self, name: str, written: str) -> str:
        value = self.get(name)
        return written if value is None else value
