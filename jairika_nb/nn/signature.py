"""What classes and functions take: told rightly, and told again to who knows PyTorch's names.

Beside an inherited ``__new__(cls, *args, **kwargs)``, early releases of Python 3.11 do not see an
inherited ``__init__``: ``inspect.signature`` and ``help`` would show nothing but ``*args``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from jairika_nb.errors import ArchitectureError

P = ParamSpec("P")
R = TypeVar("R")
AXIS_NAMES = {
    "dim": "axis",
    "keepdim": "keepdims",
    "start_dim": "start_axis",
    "end_dim": "end_axis",
}


class FromInit:
    """As a class's ``__signature__``: what calling the class, or a subclass of it, takes.

    >>> class Base:
    ...     __signature__ = FromInit()
    ...     def __new__(cls, *args, **kwargs):
    ...         return super().__new__(cls)
    ...     def __init__(self, size, *, name=""):
    ...         self.size = size
    >>> inspect.signature(type("Child", (Base,), {}))
    <Signature (size, *, name='')>
    """

    def __get__(self, instance: Any, owner: type) -> inspect.Signature:
        if instance is not None:
            # Calling an instance is another matter, which `__call__` tells itself.
            raise AttributeError("__signature__")
        if owner.__init__ is object.__init__:  # type: ignore[misc]
            return inspect.Signature()
        own = inspect.signature(owner.__init__)  # type: ignore[misc]
        return own.replace(parameters=list(own.parameters.values())[1:])


def check_axis_names(taker: Any, given: Iterable[str]) -> None:
    """Raise ArchitectureError for PyTorch's name of an argument that is about axes."""
    for name in given:
        if name in AXIS_NAMES:
            taken = inspect.signature(taker).parameters
            own = AXIS_NAMES[name]
            if name not in taken and own in taken:
                raise ArchitectureError(
                    f"{taker.__name__} takes no {name}=; axes have the array standard's names "
                    f"here: use {own}="
                )


def axis_names(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with a hint for who gives it PyTorch's names.

    >>> axis_names(lambda x, axis=0: x)(1, axis=1)
    1
    """

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        check_axis_names(function, kwargs)
        return function(*args, **kwargs)

    return checked
