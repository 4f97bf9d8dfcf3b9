"""Values that are made once, whatever number of threads asks for them."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Generic, ParamSpec, TypeVar, cast, overload

Given = ParamSpec("Given")
Made = TypeVar("Made")
Owner = TypeVar("Owner")


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


class LazyProperty(Generic[Owner, Made]):
    """A property that is made when it is first asked for, and kept in its object.

    `functools.cached_property` of Python 3.11 has one lock for all objects, so that threads wait for each other's work.
    """

    def __init__(self, make: Callable[[Owner], Made]) -> None:
        self.func = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "LazyProperty[Owner, Made]": ...
    @overload
    def __get__(self, instance: Owner, owner: type) -> Made: ...
    def __get__(self, instance: Owner | None, owner: type) -> "LazyProperty[Owner, Made] | Made":
        """Return the value, made now; the next time the object's own dictionary answers."""
        if instance is None:
            return self
        return cast("Made", instance.__dict__.setdefault(self._name, self.func(instance)))
