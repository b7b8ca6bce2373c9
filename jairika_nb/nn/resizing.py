"""Layers made larger or smaller, keeping the weights that fit."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.architecture import describe
from jairika_nb.nn.building import build
from jairika_nb.nn.module import Module
from jairika_nb.tensors.tensor import Tensor


def resized(layer: Module, **sizes: Any) -> Module:
    """A new layer with other constructor arguments and, where both have them, the old values.

    What both shapes have in common, from the first element of each axis, is kept; the rest is
    drawn as for a new layer. Mode, dtypes, devices and what is frozen stay. Neighbours do not
    change: resize them too. Raises ArchitectureError for arguments that the layer does not take,
    and for parameters that would have another number of axes.

    >>> import jairika_nb as jrk
    >>> from jairika_nb import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    >>> net[0] = nn.resized(net[0], out_features=16)
    >>> net[1] = nn.resized(net[1], in_features=16)
    >>> net(jrk.zeros((1, 4))).shape
    (1, 2)
    """
    data = describe(layer)
    new = build(data | {"args": data["args"] | sizes})
    old = layer.state_dict()
    kept = {
        name: _kept(name, old[name], value)
        for name, value in new.state_dict().items()
        if name in old
    }
    new.replace(kept)
    return new.train(layer.training)


def _kept(name: str, old: Tensor, new: Tensor) -> Tensor:
    if old.ndim != new.ndim:
        raise ArchitectureError(
            f"resized: {name} is {old.shape} and would be {new.shape}; the number of axes must "
            "stay, build a new layer instead"
        )
    both = tuple(slice(min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
    value = new.to(old.device).astype(old.dtype)
    if old.shape == new.shape:
        return old
    value[both] = old[both]
    return value.detach()
