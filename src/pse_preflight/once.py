"""Values that are made once, whatever number of threads asks for them."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


def once(make: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a value be made once for the same arguments, which are hashable; who comes meanwhile waits for it.

    With `functools.cache`, each of two hundred threads that begin together makes a value of its own.
    """
    lock = threading.Lock()
    known: dict[object, Made] = {}

    @wraps(make)
    def value(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        asked = (args, *kwargs.items())
        with lock:
            if asked not in known:
                known[asked] = make(*args, **kwargs)
            return known[asked]

    return value
