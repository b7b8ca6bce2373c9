"""Freezing: parameters that no optimiser changes, without a flag on any tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from jairika_nb.nn.lookup import matching, unknown
from jairika_nb.nn.parts import Parts
from jairika_nb.tensors.tensor import Tensor

Self = TypeVar("Self", bound="Freezing")


class Freezing(Parts):
    """What a module knows about its frozen parameters: the names of its own that are."""

    _frozen: frozenset[str] = frozenset()

    def freeze(self: Self, *patterns: str) -> Self:
        """Let training leave parameters as they are: all, or those whose dotted names match.

        A pattern is a name, the name of a module for all in it, or has ``*``, ``?`` and ``[...]``
        as file names do. ``loss.backward(net)`` and ``optimizer.update`` leave frozen parameters
        out; those tied to them are frozen too. Buffers, such as the running means of batch norm,
        still follow the data in training mode. Architectures and model files keep what is frozen.
        Returns the module itself; raises ArchitectureError for a pattern that matches nothing.

        >>> from jairika_nb import nn
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).freeze("0")
        >>> [name for name, _ in net.named_trainable_parameters()]
        ['1.weight', '1.bias']
        """
        return self._set_frozen(patterns, True)

    def unfreeze(self: Self, *patterns: str) -> Self:
        """Let training change parameters again; patterns as for :meth:`freeze`."""
        return self._set_frozen(patterns, False)

    def named_trainable_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """The parameters that are not frozen, by dotted name, each once."""
        frozen = {id(value) for value in self._frozen_slots().values()}
        for name, value in self._named("_parameters"):
            if id(value) not in frozen:
                yield name, value

    def frozen_names(self) -> list[str]:
        """The names, as ``named_parameters`` gives them, of all frozen parameters."""
        frozen = {id(value) for value in self._frozen_slots().values()}
        return [name for name, value in self._named("_parameters") if id(value) in frozen]

    def count_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the parameters hold, each counted once; or those that are not frozen.

        >>> from jairika_nb import nn
        >>> layer = nn.Linear(3, 2).freeze("bias")
        >>> layer.count_parameters(), layer.count_parameters(only_trainable=True)
        (8, 6)
        """
        rows = self.named_trainable_parameters() if only_trainable else self._named("_parameters")
        return sum(value.size for _, value in rows)

    def _frozen_slots(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for prefix, module in self.named_modules():
            for name in module._frozen:
                value = module._parameters.get(name)
                if value is not None:
                    found[f"{prefix}.{name}" if prefix else name] = value
        return found

    def _set_frozen(self: Self, patterns: tuple[str, ...], frozen: bool) -> Self:
        slots = dict(self._named("_parameters", once=False))
        for pattern in patterns:
            if not matching(pattern, [*slots]):
                raise unknown(self, "parameter that matches", pattern, slots)
        chosen = matching(patterns, [*slots]) if patterns else [*slots]
        tensors = {id(slots[name]) for name in chosen}
        for module in self.modules():
            own = {n for n, v in module._parameters.items() if id(v) in tensors}
            mark(module, module._frozen | own if frozen else module._frozen - own)
        return self


def mark(module: Any, names: frozenset[str]) -> None:
    """Say which of a module's own parameters are frozen."""
    module.__dict__.pop("_frozen", None)
    if names:
        module.__dict__["_frozen"] = frozenset(names)
