"""Linear layers and those that only pass, reshape or drop."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_size
from jairika_nb.tensors.tensor import Tensor


@register
class Linear(Module):
    """``x @ weight.T + bias``: (..., in_features) to (..., out_features).

    Weights are (out_features, in_features), drawn as PyTorch does: uniform within
    ``1 / sqrt(in_features)``, the bias too.

    >>> import jairika_nb as jrk
    >>> Linear(3, 2)(jrk.zeros((5, 3))).shape
    (5, 2)
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_size("Linear", "in_features", in_features)
        check_size("Linear", "out_features", out_features)
        self.in_features = in_features
        self.out_features = out_features
        shape, place = (out_features, in_features), {"device": device, "dtype": dtype}
        weight = init.kaiming_uniform(shape, a=math.sqrt(5), **place)
        self.register_parameter("weight", Parameter(weight))
        bound = 1 / math.sqrt(in_features)
        own = Parameter(init.uniform((out_features,), -bound, bound, **place)) if bias else None
        self.register_parameter("bias", own)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"


@register
class Identity(Module):
    """Its input; any arguments are taken and have no effect."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = ((), {})

    def forward(self, x: Tensor) -> Tensor:
        return x


@register
class Flatten(Module):
    """Joins the axes from ``start_axis`` to ``end_axis``; by default all but the first.

    >>> import jairika_nb as jrk
    >>> Flatten()(jrk.zeros((5, 1, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis = start_axis
        self.end_axis = end_axis

    def forward(self, x: Tensor) -> Tensor:
        return functional.flatten(x, self.start_axis, self.end_axis)

    def extra_repr(self) -> str:
        return f"start_axis={self.start_axis}, end_axis={self.end_axis}"


@register
class Dropout(Module):
    """In training, zeros a random share ``p`` of its inputs and scales the rest by 1/(1-p)."""

    adjustable = ("p",)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if not 0 <= p <= 1:
            raise ArchitectureError(f"Dropout: p={p} is no probability; use 0 to 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
