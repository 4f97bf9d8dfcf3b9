"""What is wrong with a value, in words of our own: the library that looks at the values has words for programmers."""

from collections.abc import Callable, Mapping
from typing import Any

_LIST = "needs a list, such as [a, b]"
_KEYS = "needs keys of its own, such as {key: value}"
_DAY = "needs a day, such as 2027-01-31"
_BY_TYPE = {
    "missing": "is missing",
    "extra_forbidden": "is no key that is known there",
    "string_type": "needs text; put it in quotes",
    "bool_type": "needs true or false",
    "int_type": "needs a whole number",
    "int_from_float": "needs a whole number",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
    "date_type": _DAY,
    "date_from_datetime_inexact": _DAY,
}
_BY_LIMIT: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda limit: f"is less than {limit['ge']}",
    "less_than_equal": lambda limit: f"is more than {limit['le']}",
    "literal_error": lambda limit: f"needs {limit['expected']}".replace("'", ""),
    "value_error": lambda limit: str(limit["error"]),
}


def plain(error: Mapping[str, Any]) -> str:
    """Return what a validation error says, as people understand it; the value itself is never repeated.

    Args:
        error: one of pydantic's ErrorDetails.
    """
    kind = str(error["type"])
    if kind in _BY_LIMIT:
        return _BY_LIMIT[kind](error["ctx"])
    return _BY_TYPE.get(kind, "is not what is needed here")
