"""Modules made of other modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from jairika_nb.errors import ArchitectureError, OutOfRange
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module


@register
class Sequential(Module):
    """Modules applied one after the other, named "0", "1", ... or by a mapping.

    >>> from jairika_nb import nn
    >>> net = Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> list(net.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Any) -> None:
        one = layers[0] if len(layers) == 1 and isinstance(layers[0], dict) else None
        # The layers are children; recording them as arguments too would say everything twice.
        self._arguments = ((), {})
        for name, layer in one.items() if one is not None else enumerate(layers):
            if not isinstance(layer, Module):
                raise ArchitectureError(
                    f"Sequential: layer {name} is a {type(layer).__name__}, not a module; wrap "
                    "functions in a Module of your own"
                )
            self.add_module(str(name), layer)

    def forward(self, x: Any) -> Any:
        for layer in self._modules.values():
            x = layer(x)
        return x

    def append(self, layer: Module) -> Sequential:
        """Add a layer at the end."""
        free = (str(i) for i in range(len(self), 2 * len(self) + 1))
        self.add_module(next(name for name in free if name not in self._modules), layer)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def __setitem__(self, index: int, layer: Module) -> None:
        self.add_module(self._name(index), layer)

    def __delitem__(self, index: int) -> None:
        del self._modules[self._name(index)]
        # Names that count stay counting, as in PyTorch.
        if all(name.isdigit() for name in self._modules):
            layers = list(self._modules.values())
            self.__dict__["_modules"] = {str(i): layer for i, layer in enumerate(layers)}

    def _name(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise OutOfRange(f"Sequential: layer {index} of {len(self)}")
        return list(self._modules)[index]
