"""Activations with something of their own: learned or random slopes, a check of the input."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.init import constant
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_number, check_size
from jairika_nb.tensors.tensor import Tensor


@register
class PReLU(Module):
    """``x`` above 0, else ``weight * x``; one learned slope, or one for each channel on axis 1.

    Source: He et al., "Delving deep into rectifiers", 2015.

    >>> import jairika_nb as jrk
    >>> PReLU()(jrk.tensor([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    weight: Tensor

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        check_size("PReLU", "num_parameters", num_parameters)
        check_number("PReLU", "init", init)
        self.num_parameters = num_parameters
        self.init = init
        slopes = constant((num_parameters,), init, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(slopes))

    def forward(self, input: Tensor) -> Tensor:
        return functional.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


@register
class RReLU(Module):
    """``x`` above 0, else ``x`` times a slope drawn from [lower, upper); in evaluation their mean.

    Source: Xu et al., "Empirical evaluation of rectified activations", 2015.

    >>> import jairika_nb as jrk
    >>> RReLU(0.0, 0.5).eval()(jrk.tensor([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    adjustable = ("lower", "upper")

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        check_number("RReLU", "lower", lower)
        check_number("RReLU", "upper", upper)
        if lower > upper:
            raise ArchitectureError(f"RReLU: lower={lower} exceeds upper={upper}")
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return functional.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{', inplace=True' if self.inplace else ''}"


@register
class Softmax2d(Module):
    """Softmax over the channels at each place of x (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ShapeError(
                f"input {input.shape} needs 4 axes (N, C, H, W), or 3 without the batch"
            )
        return functional.softmax(input, axis=-3)
