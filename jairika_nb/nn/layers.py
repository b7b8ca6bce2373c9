"""Layers that are linear in their inputs."""

from __future__ import annotations

import math
from typing import Any

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

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"


@register
class Identity(Module):
    """Its input; any arguments are taken and have no effect."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = ((), {})

    def forward(self, input: Tensor) -> Tensor:
        return input


@register
class Bilinear(Module):
    """``x1 @ weight[o] @ x2 + bias[o]``: (..., in1_features), (..., in2_features) to (..., out).

    The weight is (out_features, in1_features, in2_features); both are drawn uniformly within
    ``1 / sqrt(in1_features)``.

    >>> import jairika_nb as jrk
    >>> Bilinear(3, 4, 2)(jrk.zeros((5, 3)), jrk.zeros((5, 4))).shape
    (5, 2)
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        rows = {"in1_features": in1_features, "in2_features": in2_features}
        rows["out_features"] = out_features
        for name, value in rows.items():
            check_size("Bilinear", name, value)
            setattr(self, name, value)
        self.shown = rows
        bound, place = 1 / math.sqrt(in1_features), {"device": device, "dtype": dtype}
        shape = (out_features, in1_features, in2_features)
        self.register_parameter("weight", Parameter(init.uniform(shape, -bound, bound, **place)))
        own = Parameter(init.uniform((out_features,), -bound, bound, **place)) if bias else None
        self.register_parameter("bias", own)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return functional.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.shown.items())
        return f"{shown}, bias={self.bias is not None}"
