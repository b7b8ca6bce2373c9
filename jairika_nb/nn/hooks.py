"""Hooks: functions of one's own that see, or change, what goes into a module and comes out."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jairika_nb.errors import ArgumentError
from jairika_nb.nn.parts import Parts

Hook = tuple[Callable[..., Any], bool]
NONE: Mapping[int, Hook] = MappingProxyType({})
_numbers = itertools.count()


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook away, as leaving ``with`` does.

    >>> from jairika_nb import nn
    >>> layer = nn.Linear(2, 1)
    >>> with layer.register_forward_hook(lambda module, args, output: output * 0):
    ...     layer._forward_hooks != {}
    True
    >>> layer._forward_hooks
    mappingproxy({})
    """

    __slots__ = ("_kind", "_module", "id")

    def __init__(self, module: Any, kind: str, number: int) -> None:
        self._module, self._kind, self.id = weakref.ref(module), kind, number

    def remove(self) -> None:
        """Take the hook away; does nothing where it, or its module, is gone already."""
        module = self._module()
        if module is None:
            return
        held = getattr(module, self._kind)
        if self.id in held:
            del held[self.id]
        # A module without hooks looks as if it never had any, also to compiled functions.
        if not held:
            module.__dict__.pop(self._kind, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooks(Parts):
    """What a module knows about its hooks.

    They are attributes like others, so a compiled function notices when one comes, goes or
    changes, and runs again; what a hook does to tensors is replayed.
    """

    _forward_hooks: Mapping[int, Hook] = NONE
    _forward_pre_hooks: Mapping[int, Hook] = NONE

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every ``forward``.

        Where it returns something, that becomes the output. ``with_kwargs=True`` makes the call
        ``hook(module, args, kwargs, output)``; ``prepend=True`` puts it before the other hooks.
        Returns a handle with ``remove()``. Raises ArgumentError for what cannot be called.

        >>> import jairika_nb as jrk
        >>> layer, shapes = jrk.nn.Linear(3, 2), []
        >>> handle = layer.register_forward_hook(lambda m, args, out: shapes.append(out.shape))
        >>> layer(jrk.zeros((5, 3))).shape, shapes
        ((5, 2), [(5, 2)])
        >>> handle.remove()
        """
        return _registered(self, "_forward_hooks", hook, prepend, with_kwargs)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every ``forward``.

        Where it returns something, that becomes the input: a tuple of all positional arguments, or
        the only one. ``with_kwargs=True`` makes the call ``hook(module, args, kwargs)``, which may
        return ``(args, kwargs)``. Returns a handle with ``remove()``.
        """
        return _registered(self, "_forward_pre_hooks", hook, prepend, with_kwargs)

    def _before(self, args: Any, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        for hook, with_kwargs in [*self._forward_pre_hooks.values()]:
            found = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if found is None:
                continue
            if not with_kwargs:
                args = found if isinstance(found, tuple) else (found,)
            elif isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
                args, kwargs = found
            else:
                raise ArgumentError(
                    f"{type(self).__name__}: a forward pre-hook with kwargs returned a "
                    f"{type(found).__name__}; it must return None or (args, kwargs)"
                )
        return args, kwargs

    def _after(self, args: tuple, kwargs: dict[str, Any], output: Any) -> Any:
        for hook, with_kwargs in [*self._forward_hooks.values()]:
            given = (args, kwargs, output) if with_kwargs else (args, output)
            found = hook(self, *given)
            output = output if found is None else found
        return output


def _registered(
    module: Hooks, kind: str, hook: Callable[..., Any], prepend: bool, with_kwargs: bool
) -> RemovableHandle:
    if not callable(hook):
        raise ArgumentError(
            f"{type(module).__name__}: a hook is a function, not a {type(hook).__name__}"
        )
    number = next(_numbers)
    before = dict(getattr(module, kind))
    new = {number: (hook, bool(with_kwargs))}
    module.__dict__[kind] = new | before if prepend else before | new
    return RemovableHandle(module, kind, number)
