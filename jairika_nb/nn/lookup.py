"""Parts of a network by dotted name: ``net.get_submodule("features.0")``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.parts import Parameter, Parts
from jairika_nb.tensors.tensor import Tensor


def unknown(owner: Any, what: str, name: Any, known: Iterable[str]) -> ArchitectureError:
    """The error for a name that is not there, with the nearest that are."""
    names = [n for n in known if n]
    near = difflib.get_close_matches(str(name), names, 3, 0.5) or names[:5]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return ArchitectureError(f"{type(owner).__name__} has no {what} {name!r}{hint}")


def matching(patterns: str | Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that fit a pattern, or stand below one: ``features`` is all of ``features.*``.

    >>> matching(["*.bias", "a"], ["a.weight", "a.bias", "b.weight", "b.bias"])
    ['a.weight', 'a.bias', 'b.bias']
    """
    rows = [patterns] if isinstance(patterns, str) else list(patterns)
    return [n for n in names if any(fnmatchcase(n, p) or n.startswith(f"{p}.") for p in rows)]


class Lookup(Parts):
    """What reaches into a network by dotted name."""

    def get_submodule(self, target: str) -> Any:
        """The module of that dotted name; ``""`` is this one. ArchitectureError where none is.

        >>> from jairika_nb import nn
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 1)))
        >>> net.get_submodule("1.1").out_features
        1
        """
        found = self._below(target)
        if found is None:
            raise unknown(self, "module", target, [name for name, _ in self._walk("")])
        return found

    def get_parameter(self, target: str) -> Tensor:
        """The parameter of that dotted name; ArchitectureError where none is."""
        return self._get("_parameters", "parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of that dotted name; ArchitectureError where none is."""
        return self._get("_buffers", "buffer", target)

    def set_submodule(self, target: str, module: Any) -> None:
        """Put a module in the place of a dotted name, or add it below a module that exists."""
        place, _, name = target.rpartition(".")
        owner = self.get_submodule(place)
        if not isinstance(module, Parts):
            raise ArchitectureError(f"{target!r} must be a module, not a {type(module).__name__}")
        owner.add_module(name, module)

    def set_parameter(self, target: str, value: Tensor | Parameter) -> None:
        """Put a tensor, of any shape, in the place of the parameter of that dotted name."""
        self.get_parameter(target)
        place, _, name = target.rpartition(".")
        data = value.data if isinstance(value, Parameter) else value
        setattr(self.get_submodule(place), name, data)

    def _below(self, target: str) -> Any:
        found: Any = self
        for part in target.split(".") if target else ():
            found = None if found is None else found._modules.get(part)
        return found

    def _get(self, kind: str, what: str, target: str) -> Tensor:
        place, _, name = target.rpartition(".")
        owner = self._below(place)
        found = None if owner is None else owner.__dict__[kind].get(name)
        if found is None:
            raise unknown(self, what, target, [n for n, _ in self._named(kind, once=False)])
        return found
