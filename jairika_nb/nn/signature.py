"""The call signature of a class, read from its ``__init__`` alone.

Beside an inherited ``__new__(cls, *args, **kwargs)``, early releases of Python 3.11 do not see an
inherited ``__init__``: ``inspect.signature`` and ``help`` would show nothing but ``*args``.
"""

from __future__ import annotations

import inspect
from typing import Any


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
